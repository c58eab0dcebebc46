"""Overview: every respondent's ratings, construct scores and index on 0–100, and shares at the ends of the scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.overview.plan import Plan
from csr_lib.core.errors import AnalysisError
from csr_lib.core.result import Basis
from csr_lib.stats.case_weights import effective_n
from csr_lib.stats.comparison import MeanEstimate, mean_interval, share_interval

if TYPE_CHECKING:
    from csr_lib.study import Survey
    from csr_lib.study.parts import Scale

Array = np.ndarray

#: Scales with more points than this, or with fractions, have no top and bottom boxes.
MOST_POINTS = 11


@dataclass(frozen=True)
class Scores:
    """What respondents said, rows as in the survey's frame; NaN is no answer (or, listwise, an incomplete respondent).

    Attributes
    ----------
    ratings : in scale points; `points` the same on 0–100 of each indicator's own scale.
    constructs : mean of a construct's indicators answered, 0–100.
    indexes : weighting -> weighted mean of the indicators answered, 0–100.
    satisfaction : overall satisfaction on 0–100; None where it was not asked.
    """

    survey: Survey
    plan: Plan
    ratings: pd.DataFrame
    points: pd.DataFrame
    constructs: pd.DataFrame
    indexes: Mapping[str, Array]
    satisfaction: Array | None
    basis: Basis

    @property
    def weights(self) -> Array:
        """Case weights of the respondents."""
        return np.asarray(self.survey.weights, dtype=float)

    @property
    def kind(self) -> Any:
        """Kind of the case weights."""
        return self.survey.weight_kind

    @property
    def index(self) -> Array:
        """The index that was chosen."""
        return self.indexes[self.plan.chosen]

    def scale(self, indicator: str) -> Scale:
        """Return the scale of an indicator's rating."""
        return self.survey.scale(indicator)

    def mean(self, values: Array, level: float) -> MeanEstimate:
        """Return the weighted mean with its interval."""
        return mean_interval(values, self.weights, kind=self.kind, level=level)

    def share(self, flags: Array, level: float) -> MeanEstimate:
        """Return the weighted share of ones among ones and zeros with its interval."""
        return share_interval(flags, self.weights, kind=self.kind, level=level)


def make_scores(survey: Survey, plan: Plan, options: Any) -> Scores:
    """Compute scores of every respondent.

    Raises
    ------
    AnalysisError
        Fewer than max(2, min_cell) respondents with a score.
    """
    ratings = survey.ratings("perception", plan.indicators)
    complete = ratings.notna().all(axis=1).to_numpy()
    if plan.missing_rule == "listwise":
        ratings = ratings.where(pd.Series(complete, index=ratings.index), np.nan)
    points = pd.DataFrame({i: survey.scale(i).to_100(ratings[i].astype(float)) for i in plan.indicators})
    constructs = pd.DataFrame(
        {c: average(points[list(of)].to_numpy(), np.ones(len(of)), options.answered) for c, of in plan.constructs.items()},
        index=points.index,
    )
    satisfaction = None
    if "satisfaction" in survey.study.outcomes:
        scale = survey.outcome_scale("satisfaction")
        if scale is not None:
            satisfaction = np.asarray(scale.to_100(survey.outcome("satisfaction")), dtype=float)
    plan = _derive(plan, points, satisfaction, survey, options)
    indexes = {
        name: average(points.to_numpy(), np.array([w[i] for i in plan.indicators]), options.answered)
        for name, w in plan.weightings.items()
    }
    used = ~np.isnan(indexes[plan.chosen])
    if used.sum() < max(2, survey.study.min_cell):
        fewest = ratings.notna().sum().sort_values(kind="stable").head(3)
        raise AnalysisError(
            f"only {int(used.sum())} of {len(used)} respondents rated enough indicators "
            f"(fewest: {', '.join(f'{i} {n}' for i, n in fewest.items())})",
            where="answers",
            allowed=f"at least {max(2, survey.study.min_cell)} (min_cell)",
            mend="use missing_rule: pairwise, or leave out indicators that few rated (`indicators`)",
        )
    w = np.asarray(survey.weights, dtype=float)
    if plan.missing_rule == "listwise":
        basis = survey.basis(used=used)
    else:
        frequency = survey.weight_kind == "frequency"
        n = float(w[used].sum()) if frequency else float(used.sum())
        lost = ~complete & used
        n_missing = float(w[lost].sum()) if frequency else float(lost.sum())
        effective = effective_n(w[used]) if survey.weight_kind == "sampling" else n
        kind: Any = survey.weight_kind
        basis = Basis(n, effective, kind, "pairwise" if n_missing else "none", n_missing)
    return Scores(survey, plan, ratings, points, constructs, indexes, satisfaction, basis)


def average(values: Array, weights: Array, answered: float) -> Array:
    """Return each row's weighted mean over what was answered; NaN where the answers carry less than `answered` of the weight."""
    known = ~np.isnan(values)
    carried = known @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(known, values, 0.0) @ weights / carried
    return np.where((carried > 0) & (carried >= (answered - 1e-9) * weights.sum()), means, np.nan)


def _derive(plan: Plan, points: pd.DataFrame, satisfaction: Array | None, survey: Survey, options: Any) -> Plan:
    """Add weights derived from what goes with overall satisfaction (Johnson's relative weights), where they can be had."""
    from csr_lib.core.errors import OptionError
    from csr_lib.stats.importance import importance
    from csr_lib.stats.moments import moments

    if "derived" in plan.weightings:  # from other answers: those of the latest wave hold for the earlier ones
        return plan
    if satisfaction is None:
        if options.weights == "derived":
            raise OptionError(
                "weights are to be derived, but overall satisfaction was not asked",
                where="options of overview, weights",
                allowed="stated, equal",
                mend="add `outcomes: {satisfaction: …}` to study.yml",
            )
        return plan
    if len(plan.indicators) < 2:
        return plan if options.weights != "derived" else plan.with_weights("derived", plan.weightings["equal"])
    data = points.assign(**{"": satisfaction})
    kind: Any = "frequency" if survey.weight_kind == "frequency" else "sampling"
    rule: Any = plan.missing_rule
    try:
        found = importance(moments(data, survey.weights, kind=kind, missing=rule), "", list(plan.indicators)).table
    except AnalysisError:
        if options.weights == "derived":
            raise
        return plan
    raw = found.set_index("item")["relative_weights"].astype(float)
    if not raw.sum() > 0:
        return plan
    return plan.with_weights("derived", {i: float(raw[i] / raw.sum()) for i in plan.indicators})


def boxes_of(scale: Scale, boxes: int) -> int:
    """Return how many points at each end make a box: `boxes`, one on scales of up to four points, 0 where a scale has no
    points."""
    whole = scale.min.is_integer() and scale.max.is_integer()
    if scale.measure != "ordinal" or not whole or scale.span + 1 > MOST_POINTS:
        return 0
    return min(boxes, 1 if scale.span < 4 else boxes, int(scale.span) // 2)


def top_flags(values: Array, scale: Scale, boxes: int) -> Array:
    """Return 1 where a value lies in the top boxes, 0 where below, NaN where missing."""
    return np.where(np.isnan(values), np.nan, values >= scale.max - boxes + 1 - 1e-9)


def bottom_flags(values: Array, scale: Scale, boxes: int) -> Array:
    """Return 1 where a value lies in the bottom boxes, 0 where above, NaN where missing."""
    return np.where(np.isnan(values), np.nan, values <= scale.min + boxes - 1 + 1e-9)
