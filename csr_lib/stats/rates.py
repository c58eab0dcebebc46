"""Rates of answers that management counts: Net Promoter Score, top and bottom boxes, Kano's categories."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.stats.case_weights import effective_n
from csr_lib.stats.comparison import MeanEstimate, share_interval
from csr_lib.stats.distributions import normal_quantile
from csr_lib.stats.moments import Kind, checked_weights

Array = np.ndarray
Interval = Literal["wald", "score"]

#: Kano's categories in the order in which ties are broken: what is missed most comes first.
KANO = ("M", "O", "A", "I", "R", "Q")
#: Category by the answer if the feature is there (rows: like, expect, neutral, tolerate, dislike) and if it is not (columns).
_KANO_TABLE = ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ")


@dataclass(frozen=True)
class NetPromoter:
    """Net Promoter Score as a difference of shares, −1 to 1 (times 100: points).

    ``promoters passives detractors`` are shares, ``n`` rows (for frequency weights their sum) with an answer, ``n_missing``
    without, ``interval`` the kind of interval.
    """

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    promoters: float
    passives: float
    detractors: float
    n: float
    n_effective: float
    n_missing: float
    interval: str


def net_promoter(
    x: Any,
    weights: Any = None,
    *,
    kind: Kind = "sampling",
    promoters_from: float = 9,
    detractors_to: float = 6,
    scale: tuple[float, float] = (0, 10),
    population: float | None = None,
    interval: Interval = "wald",
    level: float = 0.95,
) -> NetPromoter:
    """Return the Net Promoter Score: the share of promoters less the share of detractors.

    Parameters
    ----------
    x : (N,) answers to "how likely are you to recommend", within `scale`; NaN is no answer.
    weights, kind : case weights as in `csr_lib.stats.moments.moments`.
    promoters_from, detractors_to : 9 and 6 on the scale 0–10; others change the measure and are stated.
    population : N, for the finite population correction 1 − n/N; None for none.
    interval : ``wald``, estimate ± z·std_error, cut at −1 and 1; NaN where all answers fall into one class, because the variance
        is 0 then and the interval would be a point. ``score`` always exists and holds its level for small n too.
    level : confidence.

    Raises
    ------
    DataError
        Answers outside the scale, infinite values, impossible weights, more answers than the population.
    OptionError
        Cut-offs that overlap or leave the scale, an unknown interval.
    AnalysisError
        No answers.

    Notes
    -----
    Variance (p + d − (p − d)²)/n (Reichheld 2003 for the score; Rocks 2016 on intervals), with Kish's effective n under sampling
    weights. The score of three classes is a difference of paired proportions, so ``score`` is Tango's (1998) interval: R
    ``PropCIs::scoreci.mp(detractors, promoters, n)`` up to its sign.
    """
    if interval not in get_args(Interval):
        raise OptionError([unknown(interval, get_args(Interval), what="interval", where="interval")])
    low, high = scale
    if not low <= detractors_to < promoters_from <= high:
        raise OptionError(
            f"detractors up to {detractors_to:g}, promoters from {promoters_from:g}",
            where="net promoter score",
            allowed=f"{low:g} ≤ detractors_to < promoters_from ≤ {high:g}",
        )
    z = float(normal_quantile(0.5 + _level(level) / 2))
    values, w, kind, lost = _answers(x, weights, kind, scale)
    total = float(w.sum())
    n = total if kind == "frequency" else float(len(values))
    effective = effective_n(w) if kind == "sampling" else n
    p = float(w[values >= promoters_from].sum()) / total
    d = float(w[values <= detractors_to].sum()) / total
    if population is not None and not population >= n:
        raise DataError(f"{n:g} answers from a population of {population:g}", where="population", allowed="at least the answers")
    left = 1.0 if population is None else 1 - n / population
    score, variance = p - d, (p + d - (p - d) ** 2) * left / effective
    se = math.sqrt(max(0.0, variance))
    if left == 0:
        ends = (score, score)
    elif interval == "score":
        ends = _tango(p, d, effective / left, z)
    else:
        ends = (max(-1.0, score - z * se), min(1.0, score + z * se)) if se > 1e-12 else (math.nan, math.nan)
    return NetPromoter(score, se, *ends, p, max(0.0, 1 - p - d), d, n, effective, lost, interval)


def top_box(
    x: Any, scale: tuple[float, float], boxes: int = 2, weights: Any = None, *, kind: Kind = "sampling", level: float = 0.95
) -> MeanEstimate:
    """Return the share of answers in the top `boxes` points of a scale (CSAT), with Wilson's interval.

    Parameters
    ----------
    x : (N,) answers within `scale`, whole points; NaN is no answer.
    scale : its lowest and highest point.
    boxes : how many points count, fewer than the scale has.
    weights, kind, level : as for `csr_lib.stats.comparison.share_interval`, which this is.
    """
    _check_boxes(x, scale, boxes)
    values = np.asarray(x, dtype=float)
    return share_interval(np.where(np.isnan(values), np.nan, values > scale[1] - boxes), weights, kind=kind, level=level)


def bottom_box(
    x: Any, scale: tuple[float, float], boxes: int = 2, weights: Any = None, *, kind: Kind = "sampling", level: float = 0.95
) -> MeanEstimate:
    """Return the share of answers in the lowest `boxes` points of a scale; otherwise as `top_box`."""
    _check_boxes(x, scale, boxes)
    values = np.asarray(x, dtype=float)
    return share_interval(np.where(np.isnan(values), np.nan, values < scale[0] + boxes), weights, kind=kind, level=level)


def kano_counts(functional: Any, dysfunctional: Any, weights: Any = None, *, kind: Kind = "sampling") -> pd.Series:
    """Return the (weighted) number of respondents in each of Kano's categories for one feature.

    Parameters
    ----------
    functional, dysfunctional : (N,) answers to "if it is there" and "if it is not": 1 like it, 2 expect it, 3 neutral, 4 can
        live with it, 5 dislike it; a pair with NaN is left out.
    weights, kind : case weights; sampling weights are scaled to a mean of 1.

    Returns
    -------
    Series M (must-be), O (one-dimensional), A (attractive), I (indifferent), R (reversed), Q (questionable).

    Raises
    ------
    DataError
        Answers other than 1–5, columns of different length, impossible weights. AnalysisError: no pairs.

    Notes
    -----
    The evaluation table of Kano et al. (1984) as in Berger et al. (1993).
    """
    f, d = np.asarray(functional, dtype=float), np.asarray(dysfunctional, dtype=float)
    if f.shape != d.shape or f.ndim != 1:
        raise DataError(f"answers of shape {f.shape} and {d.shape}", where="Kano", allowed="two columns of the same length")
    pair = ~np.isnan(f) & ~np.isnan(d)
    if not np.isin([f[pair], d[pair]], [1, 2, 3, 4, 5]).all():
        raise DataError("answers that are none of the five", where="Kano", allowed="1, 2, 3, 4, 5", mend="recode them")
    w = np.ones(len(f)) if weights is None or kind == "none" else checked_weights(weights, len(f))
    if not w[pair].any():
        raise AnalysisError("there are no pairs of answers", where="Kano", mend="look at the missing answers")
    if kind == "sampling":
        w = w / w[w > 0].mean()
    letters = np.array([_KANO_TABLE[int(a) - 1][int(b) - 1] for a, b in zip(f[pair], d[pair], strict=True)])
    return pd.Series({letter: float(w[pair][letters == letter].sum()) for letter in KANO}, name="count")


def kano(counts: pd.DataFrame) -> pd.DataFrame:
    """Return how much each feature can raise and lower satisfaction.

    Parameters
    ----------
    counts : index features, columns at least A, O, M, I (also R, Q): counts ≥ 0, see `kano_counts`.

    Returns
    -------
    frame ``item n better worse category tied strength questionable``: ``n`` = A + O + M + I, ``better`` (A + O)/n in 0–1,
    ``worse`` −(O + M)/n in −1–0 (both NaN where n = 0); ``category`` the most frequent of all, ties going to the first of M, O,
    A, I, R, Q and flagged ``tied``; ``strength`` the lead over the second as a share of all; ``questionable`` share of Q among
    all.

    Raises
    ------
    DataError
        Columns that are missing or unknown, counts that are negative or missing, features without any answer.

    Notes
    -----
    Better and worse: Berger et al. (1993); M > O > A > I likewise.
    """
    problems = [unknown(c, KANO, what="Kano category", where="counts") for c in counts.columns if c not in KANO]
    problems += [
        Problem(f"no column '{c}'", "counts", "A, O, M, I; R and Q where asked") for c in "AOMI" if c not in counts.columns
    ]
    if problems:
        raise DataError(problems)
    table = counts.reindex(columns=list(KANO), fill_value=0.0).astype(float)
    values = table.to_numpy()
    bad = [
        str(i) for i, row in zip(table.index, values, strict=True) if not ((row >= 0) & np.isfinite(row)).all() or not row.any()
    ]
    if bad:
        raise DataError(f"impossible counts of {', '.join(bad)}", where="counts", allowed="numbers ≥ 0, one of them above 0")
    n = table[["A", "O", "M", "I"]].sum(axis=1).to_numpy()
    everyone = values.sum(axis=1)
    ordered = np.sort(values, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        better = (table["A"] + table["O"]).to_numpy() / n
        worse = -(table["O"] + table["M"]).to_numpy() / n
    return pd.DataFrame(
        {
            "item": list(table.index),
            "n": n,
            "better": better,
            "worse": worse,
            "category": [KANO[i] for i in values.argmax(axis=1)],
            "tied": ordered[:, -1] - ordered[:, -2] <= 1e-9 * everyone,
            "strength": (ordered[:, -1] - ordered[:, -2]) / everyone,
            "questionable": table["Q"].to_numpy() / everyone,
        }
    )


def _tango(p: float, d: float, n: float, z: float) -> tuple[float, float]:
    """Differences p − d that a score test does not reject."""
    from scipy.optimize import brentq

    def distance(delta: float) -> float:
        """Squared distance in variances under `delta` less z²; q is the most likely share of detractors there."""
        b = -p - d + (2 - p + d) * delta
        q = (math.sqrt(max(0.0, b * b + 8 * d * delta * (1 - delta))) - b) / 4
        return n * (p - d - delta) ** 2 - z * z * (2 * q + delta * (1 - delta))

    score, near = p - d, 1e-10
    low = -1.0 if score <= -1 + near else float(brentq(distance, -1.0, score - near, xtol=1e-13))
    high = 1.0 if score >= 1 - near else float(brentq(distance, score + near, 1.0, xtol=1e-13))
    return low, high


def _answers(x: Any, weights: Any, kind: Kind, scale: tuple[float, float]) -> tuple[Array, Array, Kind, float]:
    """Values and weights of the rows with an answer, the kind of weights, and how many had none."""
    if kind not in get_args(Kind):
        raise OptionError([unknown(kind, get_args(Kind), what="value of kind", where="kind")])
    values = np.asarray(x, dtype=float)
    _check_scale(values, scale)
    if weights is None or kind == "none":
        kind, w = "none", np.ones(len(values))
    else:
        w = checked_weights(weights, len(values))
    seen = ~np.isnan(values)
    used = seen & (w > 0)
    if not used.any():
        raise AnalysisError("there are no answers", where="answers", mend="look at the missing answers")
    lost = float(w[~seen].sum()) if kind == "frequency" else float((~seen & (w > 0)).sum())
    return values[used], w[used], kind, lost


def _check_scale(values: Array, scale: tuple[float, float]) -> None:
    if values.ndim != 1:
        raise DataError(f"answers of shape {values.shape}", where="answers", allowed="one per respondent")
    outside = sorted({f"{v:g}" for v in values[(values < scale[0]) | (values > scale[1])]})
    if outside:
        raise DataError(
            f"answers {', '.join(outside[:5])} lie outside the scale",
            where="answers",
            allowed=f"{scale[0]:g} to {scale[1]:g}, NaN for no answer",
            mend="correct the scale or the missing codes",
        )


def _check_boxes(x: Any, scale: tuple[float, float], boxes: int) -> None:
    _check_scale(np.asarray(x, dtype=float), scale)
    if not 1 <= boxes <= scale[1] - scale[0]:
        raise OptionError(
            f"{boxes} boxes of the scale {scale[0]:g}–{scale[1]:g}", where="boxes", allowed="1 or more, not the whole scale"
        )


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    return level
