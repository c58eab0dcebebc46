"""Options of an analysis: study.yml's `analyses.<name>` and keyword arguments, checked by one model; the keyword wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from csr_lib.core.errors import OptionError, Problem, unknown
from csr_lib.core.text import LANGUAGES


class BaseOptions(BaseModel):
    """What every analysis can be asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(20260101, ge=0, description="seed of every random step; the same seed gives the same report")
    bootstrap: int = Field(2000, ge=0, le=100_000, description="number of bootstrap resamples; 0 for none")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="level of the intervals")
    missing_rule: str | None = Field(None, pattern="^(listwise|pairwise|em)$", description="study.yml's rule where None")


OptionsT = TypeVar("OptionsT", bound=BaseOptions)


def resolve(model: type[OptionsT], name: str, study: Any, given: Mapping[str, Any]) -> OptionsT:
    """Return the options of analysis `name`: what is `given` and not None, else what study.yml says, else the default.

    Raises OptionError with every unknown option (and the nearest known one) and every value that is not allowed,
    saying where it was written.
    """
    written = {key: value for key, value in dict(study.analyses.get(name) or {}).items() if value is not None}
    asked = {key: value for key, value in given.items() if value is not None}
    origin = {**dict.fromkeys(written, f"study.yml, analyses.{name}"), **dict.fromkeys(asked, f"options of {name}")}
    problems = [
        unknown(key, model.model_fields, what="option", where=where)
        for key, where in origin.items()
        if key not in model.model_fields
    ]
    if problems:
        raise OptionError(problems)
    try:
        return model.model_validate({**written, **asked})
    except ValidationError as error:
        raise OptionError([_problem(model, origin, e) for e in error.errors()]) from None


def _problem(model: type[BaseOptions], origin: Mapping[str, str], error: Any) -> Problem:
    path = [str(part) for part in error["loc"]]
    key = path[0] if path else ""
    known = model.model_fields.get(key)
    return Problem(
        f"option '{'.'.join(path)}' cannot be {error['input']!r}: {error['msg']}",
        origin.get(key, "options"),
        (known.description or "") if known else "",
        "write an allowed value or leave the option out",
    )


def language(lang: str | None, survey_lang: str) -> str:
    """Return the language to show a result in; raises OptionError for one that there is no catalogue of."""
    chosen = lang or survey_lang
    if chosen not in LANGUAGES:
        raise OptionError([unknown(chosen, LANGUAGES, what="language", where="lang")])
    return chosen
