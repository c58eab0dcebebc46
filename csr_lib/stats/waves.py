"""Estimates of waves compared: means of samples that share respondents, quantiles and counts with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.stats.distributions import t_quantile, t_two_sided
from csr_lib.stats.moments import Kind, checked_weights

Array = np.ndarray


@dataclass(frozen=True)
class WaveDifference:
    """A difference of two waves' means, after − before; see `wave_difference`."""

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float
    n_both: int
    correlation: float


def wave_difference(
    before: Any,
    after: Any,
    units_before: Any,
    units_after: Any,
    weights_before: Any = None,
    weights_after: Any = None,
    *,
    kind: Kind = "sampling",
    level: float = 0.95,
) -> WaveDifference:
    """Return the difference of two waves that share some respondents: all answers are used, and that some are of the same people.

    Parameters
    ----------
    before, after : answers; NaN is no answer and is left out.
    units_before, units_after : who answered; each once per wave.
    weights_before, weights_after, kind : case weights; frequency weights cannot tell who is who.
    level : confidence.

    Returns
    -------
    WaveDifference
        ``n_both`` respondents in both; ``correlation`` of their answers (NaN under three).

    Raises
    ------
    AnalysisError
        Fewer than two answers in a wave.
    DataError
        Frequency weights, or a respondent twice in a wave.

    Notes
    -----
    Every respondent's contribution to the difference of the two (weighted) means is u = w₁(x₁ − m₁)/Σw₁ − w₀(x₀ − m₀)/Σw₀, a
    part being 0 where the wave was not answered; the variance is Σu² with n/(n − 1) of each wave, t with the smaller n − 1
    degrees of freedom. With everybody in both waves it is the paired t test, with nobody Welch's but for the degrees of freedom.
    """
    if kind == "frequency":
        raise DataError("frequency weights stand for several people in a row", where="panel", mend="give one row per respondent")
    sides = []
    for x, who, w in ((before, units_before, weights_before), (after, units_after, weights_after)):
        values, ids = np.asarray(x, dtype=float), np.asarray(who, dtype=object)
        used = np.ones(len(values)) if w is None or kind == "none" else checked_weights(w, len(values))
        good = ~np.isnan(values) & (used > 0)
        values, ids, used = values[good], ids[good], used[good]
        if len(values) < 2:
            raise AnalysisError(f"a wave has {len(values)} answers", where="panel", allowed="at least 2", mend="leave it out")
        if len(set(ids)) < len(ids):
            raise DataError("a respondent stands twice in one wave", where="panel", mend="take the repeated answers out")
        mean = float(used @ values) / float(used.sum())
        part = used * (values - mean) / used.sum() * math.sqrt(len(values) / (len(values) - 1))
        sides.append((mean, dict(zip(ids, part, strict=True)), dict(zip(ids, values, strict=True)), len(values)))
    (m0, u0, x0, n0), (m1, u1, x1, n1) = sides
    both = [i for i in u0 if i in u1]
    variance = sum(v * v for v in u0.values()) + sum(v * v for v in u1.values()) - 2 * sum(u0[i] * u1[i] for i in both)
    estimate, se = m1 - m0, math.sqrt(max(0.0, variance))
    df = min(n0, n1) - 1
    half = float(t_quantile(0.5 + level / 2, df)) * se
    p = float(t_two_sided(estimate / se, df)) if se > 1e-12 else math.nan
    r = math.nan
    if len(both) >= 3:
        a, b = np.array([x0[i] for i in both]), np.array([x1[i] for i in both])
        r = float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) > 0 and np.ptp(b) > 0 else math.nan
    return WaveDifference(estimate, se, estimate - half, estimate + half, p, len(both), r)


def quantile_interval(x: Any, q: float, level: float = 0.95) -> tuple[float, float, float]:
    """Return a quantile and its distribution-free interval between two order statistics.

    Parameters
    ----------
    x : numbers; NaN is left out.
    q : between 0 and 1.

    Returns
    -------
    estimate, low, high; an end is NaN where so few values cannot bound it at this level. The estimate is R ``quantile`` type 7.

    Notes
    -----
    The ends are the order statistics whose binomial probabilities leave at most (1 − level)/2 on each side (Conover 1999, ch. 3):
    conservative. The same interval: scipy ``quantile_test(...).confidence_interval``.
    """
    values = np.sort(np.asarray(x, dtype=float)[~np.isnan(np.asarray(x, dtype=float))])
    n, tail = len(values), (1 - level) / 2
    if n == 0:
        return math.nan, math.nan, math.nan
    from scipy.special import bdtr

    below = bdtr(np.arange(n + 1), n, q)  # P(at most k of n lie below the quantile)
    lower = int(np.searchsorted(below, tail, side="right")) - 1  # the largest k with P(K ≤ k) ≤ tail
    upper = int(np.searchsorted(below, 1 - tail, side="left"))
    low = float(values[lower]) if lower >= 0 else math.nan
    high = float(values[upper]) if upper < n else math.nan
    return float(np.quantile(values, q)), low, high


def count_interval(count: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a Poisson count (Garwood 1936). The same numbers: R ``poisson.test``."""
    from scipy.special import gammaincinv

    tail = (1 - level) / 2
    low = float(gammaincinv(count, tail)) if count > 0 else 0.0
    return low, float(gammaincinv(count + 1, 1 - tail))
