"""study.yml, third part: models, hypotheses, roll-ups, standards, judgements."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from csr_lib.core.text import LANGUAGES
from csr_lib.study.parts import Also, Label, Name, Names, Number, Part, Positive, Share, fault


class ModelSpec(Part):
    """A model template, or paths of one's own; `target` is the construct whose index is the headline."""

    short: ClassVar[str | None] = "template"

    template: Literal["acsi", "ecsi", "tcsi", "ccsi"] | None = None
    paths: dict[Name, Names] | None = None
    target: Name | None = None


def _as_sign(value: Any) -> Any:
    return "-" if value == "−" else value


class Hypothesis(Part):
    """A path expected to be positive or negative."""

    id: Name
    from_: Name = Field(alias="from")
    to: Name
    sign: Annotated[Literal["+", "-"], BeforeValidator(_as_sign)] = "+"
    text: Label = ""


class Rollup(Part):
    """Segments from the lowest level to the highest, and the share of each member within its parent."""

    levels: Names = Field(min_length=1)
    shares: dict[Name, dict[Name, Share]] = Field(default_factory=dict)


class Markets(Part):
    """How competitive the market of each segment value is."""

    segment: Name
    competitiveness: dict[Name, Number] = Field(default_factory=dict)


def _as_judgement(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(Fraction(value.replace(" ", "")))
        except (ValueError, ZeroDivisionError):
            raise fault(f"'{value}' is no judgement", "a number above 0, or a fraction such as 1/3") from None
    return value


#: How much more one child of a node matters than another, 1/9 to 9.
Judgement = Annotated[Positive, BeforeValidator(_as_judgement), Also({"type": "string"})]


def _as_labels(value: Any) -> Any:
    """Lists of labels by language become one list of labels."""
    if not (isinstance(value, Mapping) and value and set(value) <= set(LANGUAGES)):
        return value
    lists = {lang: list(names) if isinstance(names, (list, tuple)) else [names] for lang, names in value.items()}
    if len({len(names) for names in lists.values()}) > 1:
        counts = ", ".join(f"{lang}: {len(names)}" for lang, names in lists.items())
        raise fault(f"lists of different length ({counts})", "as many labels in each language", "name every grade in each")
    return [dict(zip(lists, names, strict=True)) for names in zip(*lists.values(), strict=True)]


_LABELS_BY_LANG = {"type": "object", "properties": {lang: {"type": "array"} for lang in LANGUAGES}}


class Evaluation(Part):
    """Fuzzy evaluation: its indicator system, its grades, weights given by experts, judgement matrices per node and expert.

    `of` are the constructs that make up the whole, by default those of the highest level. `grades` are points of the study's
    scale, from the best to the worst or the other way round; `labels` what they are called and `values` what they are worth in
    the score. `membership` says how an answer belongs to them: to the grade ``nearest`` to it, or to the two beside it, by
    ``triangle`` or by ``trapezoid`` (whose `plateau` is the share of the way between two grades over which one holds fully).
    `shares` are the experts' shares in the group's view, equal by default.
    """

    of: Names = ()
    grades: tuple[Number, ...] | None = Field(default=None, min_length=2)
    labels: Annotated[tuple[Label, ...] | None, BeforeValidator(_as_labels), Also(_LABELS_BY_LANG)] = None
    values: tuple[Number, ...] | None = None
    membership: Literal["nearest", "triangle", "trapezoid"] | None = None
    plateau: Annotated[float, Field(gt=0, lt=1)] = 0.5
    experts: dict[Name, dict[Name, Annotated[Number, Field(ge=0)]]] = Field(default_factory=dict)
    ahp: dict[Name, dict[Name, tuple[tuple[Judgement, ...], ...]]] = Field(default_factory=dict)
    shares: dict[Name, Positive] = Field(default_factory=dict)
