"""Outcomes: satisfaction, loyalty, repurchase, recommendation … from a column or a construct."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from csr_lib.core.errors import OptionError, unknown
from csr_lib.study.coding import PLATFORM_MISSING, as_code, fold, tidy
from csr_lib.study.parts import Scale
from csr_lib.study.schema import Rating
from csr_lib.study.schema_measured import Outcome

if TYPE_CHECKING:
    from csr_lib.study.survey import Survey


def outcome(survey: Survey, name: str) -> pd.Series:
    """Return an outcome as `Survey.outcome` describes it."""
    entry = _entry(survey, name)
    study = survey.study
    construct = study.outcome_construct(name)
    if construct:
        ratings = survey.ratings("perception", study.leaves(construct))
        if _one_scale(survey, construct) is None:
            ratings = pd.DataFrame({str(i): survey.scale(str(i)).to_100(ratings[i]) for i in ratings})
        return ratings.mean(axis=1).rename(name)
    rating = study.outcome_rating(name)
    assert rating is not None
    if entry.yes is not None:
        return _happened(survey, rating, entry.yes).rename(name)
    values = survey.frame[rating.column].astype(float)
    return (rating.scale.min + rating.scale.max - values if rating.reverse else values).rename(name)


def outcome_scale(survey: Survey, name: str) -> Scale | None:
    """Return the Scale of an outcome; None for a value without one (contribution)."""
    entry = _entry(survey, name)
    construct = survey.study.outcome_construct(name)
    if construct:
        return _one_scale(survey, construct) or Scale(min=0, max=100, measure="continuous")
    if entry.yes is not None:
        return Scale(min=0, max=1)
    rating = survey.study.outcome_rating(name)
    return None if rating is None or name == "contribution" else rating.scale


def _happened(survey: Survey, rating: Rating, yes: tuple[str, ...]) -> pd.Series:
    """Return 1 where the answer, or its value label, is one of the codes that mean yes; NaN where there is no answer."""
    code = survey.text[rating.column].map(lambda v: fold(as_code(tidy(v))), na_action="ignore")
    named = survey.data.raw.value_labels.get(rating.column, {})
    blank = code.isna() | code.isin([fold(m) for m in [*rating.missing, *PLATFORM_MISSING] if m not in yes])
    wanted = {fold(y) for y in yes}
    wanted |= {fold(c) for c, label in named.items() if fold(label) in wanted}
    return code.isin(wanted).astype(float).mask(blank)


def _one_scale(survey: Survey, construct: str) -> Scale | None:
    """Return the scale that all indicators of a construct share, None where they differ."""
    scales = [survey.scale(i) for i in survey.study.leaves(construct)]
    return scales[0] if all((s.min, s.max) == (scales[0].min, scales[0].max) for s in scales) else None


def _entry(survey: Survey, name: str) -> Outcome:
    if name not in survey.study.outcomes:
        raise OptionError([unknown(name, survey.study.outcomes, what="outcome", where="outcomes")])
    return survey.study.outcomes[name]
