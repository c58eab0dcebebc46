"""Overview: the weakest link ("100 − 1 = 0"): how many customers one failed indicator is enough for, and which does most harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.overview.scores import Scores
from csr_lib.analyses.overview.tables import NAN, estimate_row
from csr_lib.core.errors import AnalysisError
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import independent_difference

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import Options

Array = np.ndarray
#: Respondents with this many failures and more make one row.
MANY = 4


@dataclass(frozen=True)
class Weakest:
    """The weakest link: ``weakest_link`` per indicator, ``chain`` per number of failures, the share with one or more."""

    tables: dict[str, pd.DataFrame]
    share: dict[str, Any]


def weakest_link(scores: Scores, options: Options) -> Weakest:
    """Find who is dissatisfied with what.

    Dissatisfied: a rating below `dissatisfied` on 0–100. ``share`` of those who rated the indicator; ``only`` the share for
    whom it
    is the only failure, among all who rated an indicator. ``difference`` is overall satisfaction (the mean of the other
    indicators
    where that was not asked) of the others less that of those dissatisfied with it, Welch's test; ``harm`` = share ×
    difference, the
    points on 0–100 by which overall satisfaction would be higher if the dissatisfied were as content as the others – an upper
    bound, for
    who is dissatisfied with one thing often is with another.
    """
    points = scores.points.to_numpy(dtype=float)
    known = ~np.isnan(points)
    failed = known & (points < options.dissatisfied)
    rated = known.any(axis=1)
    count = np.where(rated, failed.sum(axis=1), NAN)
    any_failed = np.where(rated, count > 0, NAN)
    share = estimate_row(any_failed.astype(float), scores, options.confidence, share=True)
    least = max(2, scores.survey.study.min_cell)
    rows: list[dict[str, Any]] = []
    for position, key in enumerate(scores.plan.indicators):
        here = np.where(known[:, position], failed[:, position], NAN).astype(float)
        row: dict[str, Any] = {"construct": scores.plan.construct_of(key), "indicator": key}
        row |= {k: v for k, v in estimate_row(here, scores, options.confidence, share=True).items() if k != "std_error"}
        only = np.where(rated, failed[:, position] & (count == 1), NAN).astype(float)
        row |= estimate_row(only, scores, options.confidence, "only", share=True)
        row |= {"n_dissatisfied": int((here == 1).sum())}
        row |= _harm(scores, _outcome(scores, points, position), here, least, options)
        rows.append(row | {"harm": row["estimate"] * row["difference"]})
    frame = pd.DataFrame(rows)
    frame["p_adjusted"] = adjust(frame["p_value"].to_numpy(), options.adjust)
    frame = frame.sort_values("harm", ascending=False, kind="stable", na_position="last").reset_index(drop=True)
    return Weakest({"weakest_link": frame, "chain": _chain(scores, count, options)}, share)


def _outcome(scores: Scores, points: Array, position: int) -> Array:
    """Return overall satisfaction, or the mean of all other indicators."""
    if scores.satisfaction is not None:
        return scores.satisfaction
    others = np.delete(points, position, axis=1)
    known = (~np.isnan(others)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known > 0, np.nansum(others, axis=1) / known, NAN)


def _harm(scores: Scores, outcome: Array, here: Array, least: int, options: Options) -> dict[str, float]:
    """Difference of the others' outcome and that of the dissatisfied; NaN where either are too few to show."""
    bad, good = (here == 1) & ~np.isnan(outcome), (here == 0) & ~np.isnan(outcome)
    blank = dict.fromkeys(
        ("satisfied_mean", "dissatisfied_mean", "difference", "difference_ci_low", "difference_ci_high", "p_value"), NAN
    )
    if min(bad.sum(), good.sum()) < least or np.ptp(outcome[bad | good]) == 0:  # all alike: no harm can be seen
        return blank
    try:
        found = independent_difference(
            outcome[good], outcome[bad], scores.weights[good], scores.weights[bad], kind=scores.kind, level=options.confidence
        )
    except AnalysisError:
        return blank
    values = (found.mean_x, found.mean_y, found.estimate, found.ci_low, found.ci_high, found.p_value)
    return dict(zip(blank, values, strict=True))


def _chain(scores: Scores, count: Array, options: Options) -> pd.DataFrame:
    """One row per number of failures: share of respondents, and their overall satisfaction where there are enough of them."""
    least = max(2, scores.survey.study.min_cell)
    outcome = scores.satisfaction if scores.satisfaction is not None else scores.index
    rows: list[dict[str, Any]] = []
    for failures in range(MANY + 1):
        here = np.where(np.isnan(count), NAN, (count >= MANY) if failures == MANY else (count == failures)).astype(float)
        who = here == 1
        shown = estimate_row(here, scores, options.confidence, "share", share=True)
        row: dict[str, Any] = {"failures": f"{failures}+" if failures == MANY else str(failures), "n": int(who.sum()), **shown}
        values = np.where(who, outcome, NAN)
        if (~np.isnan(values)).sum() >= least:
            row |= {
                k: v
                for k, v in estimate_row(values, scores, options.confidence).items()
                if k in ("estimate", "ci_low", "ci_high")
            }
        else:
            row |= dict.fromkeys(("estimate", "ci_low", "ci_high"), NAN)
        rows.append(row)
    return pd.DataFrame(rows)
