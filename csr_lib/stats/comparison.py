"""Means, shares and differences with intervals and tests, weighted or not; agreement of two rankings."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, unknown
from csr_lib.stats.case_weights import effective_n
from csr_lib.stats.distributions import noncentral_t_below, normal_quantile, t_quantile, t_two_sided
from csr_lib.stats.moments import Kind

Array = np.ndarray

#: Most ranks for which all orders are counted to get an exact p-value.
EXACT_RANKS = 8
#: Most differences for which all combinations of signs are counted to get an exact signed-rank p-value.
EXACT_SIGNS = 13


@dataclass(frozen=True)
class MeanEstimate:
    """A mean (or share) with its interval. ``n`` rows (Σw for frequency weights) with an answer, ``n_missing`` without."""

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    sd: float
    n: float
    n_effective: float
    n_missing: float


@dataclass(frozen=True)
class PairedTest:
    """A mean difference within respondents, x − y; see `paired_difference`."""

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    statistic: float
    df: float
    p_value: float
    d_z: float
    d_z_low: float
    d_z_high: float
    d_av: float
    d_av_low: float
    d_av_high: float
    wilcoxon_p: float
    mean_x: float
    mean_y: float
    n: float
    n_effective: float
    n_missing: float


@dataclass(frozen=True)
class IndependentTest:
    """A difference of the means of two groups, x − y; see `independent_difference`."""

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    statistic: float
    df: float
    p_value: float
    d: float
    d_low: float
    d_high: float
    mean_x: float
    mean_y: float
    n_x: float
    n_y: float


@dataclass(frozen=True)
class RankCorrelation:
    """Agreement of two rankings; ``exact`` says whether `p_value` counts all orders."""

    method: str
    estimate: float
    p_value: float
    exact: bool
    n: int


def mean_interval(x: Any, weights: Any = None, *, kind: Kind = "sampling", level: float = 0.95) -> MeanEstimate:
    """Return the mean of `x` with its t interval.

    Parameters
    ----------
    x : (N,) numbers; NaN is no answer and is left out.
    weights : (N,) case weights, ``kind`` as in `csr_lib.stats.moments.moments`.
    level : confidence.

    Raises
    ------
    AnalysisError
        No answers at all. With a single one the standard error and interval are NaN.

    Notes
    -----
    Standard error s/√n; with sampling weights that of the linearised (sandwich) variance n/(n−1)·Σw²(x−m)²/(Σw)²; t with n − 1
    degrees of freedom. The same numbers: R ``t.test``, ``survey::svymean``; scipy ``ttest_1samp``.
    """
    (values,), w, kind, lost = _prepared([x], weights, kind)
    m, se, sd, n, effective = _mean(values, w, kind)
    low, high = _t_interval(m, se, n - 1, level)
    return MeanEstimate(m, se, low, high, sd, n, effective, lost)


def share_interval(x: Any, weights: Any = None, *, kind: Kind = "sampling", level: float = 0.95) -> MeanEstimate:
    """Return the share of true (1) among true and false (0) answers with Wilson's interval; NaN is no answer.

    An answer may also be a share itself, between 0 and 1: how many of a respondent's ratings are true.

    Wilson (1927), with Kish's effective n in place of n under sampling weights; stays within 0 and 1. Of respondents' own shares
    n is the number of single answers that would be as exact, p(1 − p)/std_error² (Korn and Graubard 1998). The standard error is
    that of `mean_interval`. The same interval of single answers without weights: R ``prop.test(correct = FALSE)``, statsmodels
    ``proportion_confint("wilson")``.
    """
    (values,), w, kind, lost = _prepared([x], weights, kind)
    if not ((values >= 0) & (values <= 1)).all():
        raise DataError(
            "a share needs answers that are true or false", where="x", allowed="0 and 1, booleans, or shares between 0 and 1"
        )
    p, se, sd, n, effective = _mean(values, w, kind)
    known = effective
    if se > 0 and not np.isin(values, (0.0, 1.0)).all():
        effective = p * (1 - p) / se**2
    z = float(normal_quantile(0.5 + _level(level) / 2))
    centre = (p + z**2 / (2 * effective)) / (1 + z**2 / effective)
    half = z / (1 + z**2 / effective) * math.sqrt(p * (1 - p) / effective + z**2 / (4 * effective**2))
    return MeanEstimate(p, se, max(0.0, centre - half), min(1.0, centre + half), sd, n, known, lost)


def paired_difference(
    x: Any, y: Any, weights: Any = None, *, kind: Kind = "sampling", level: float = 0.95, wilcoxon: bool = False
) -> PairedTest:
    """Return the mean of x − y over respondents who answered both, with its paired t test and effect sizes.

    Parameters
    ----------
    x, y : (N,) numbers in the same units, one pair per respondent; a pair with NaN is left out and counted.
    weights, kind, level : as for `mean_interval`.
    wilcoxon : compute Wilcoxon's signed-rank p-value too (NaN otherwise).

    Raises
    ------
    AnalysisError
        Fewer than two pairs.
    OptionError
        `wilcoxon` with sampling weights, for which the test does not exist.

    Notes
    -----
    t = mean difference / standard error with n − 1 degrees of freedom. Effect sizes: ``d_z`` = mean difference / sd of the
    differences; ``d_av`` = mean difference / √((s²_x + s²_y)/2), comparable with studies of two groups. Intervals of both from
    the noncentral t distribution (for d_av scaled after Algina and Keselman 2003), with the effective n under sampling weights.
    Where all differences are the same the test and the effect sizes are NaN. The same numbers: R ``t.test(paired = TRUE)``,
    scipy ``ttest_rel``, pingouin ``ttest`` (its cohen-d is d_av), ``survey::svyttest``.
    """
    (a, b), w, kind, lost = _prepared([x, y], weights, kind)
    if wilcoxon and kind == "sampling":
        raise OptionError("Wilcoxon's test knows no sampling weights", where="wilcoxon", mend="use the paired t test")
    diff = a - b
    m, se, sd, n, effective = _mean(diff, w, kind)
    if n < 2:
        raise AnalysisError(
            f"{n:g} complete pairs, at least 2 are needed", where="paired difference", mend="collect more answers"
        )
    mean_x, _, sd_x, _, _ = _mean(a, w, kind)
    mean_y, _, sd_y, _, _ = _mean(b, w, kind)
    low, high = _t_interval(m, se, n - 1, level)
    wil = _wilcoxon(diff, w, kind) if wilcoxon else math.nan
    blank = (math.nan,) * 3
    if not sd > 1e-12 * max(1.0, abs(m)):
        d_z, d_av, statistic, p = blank, blank, math.nan, math.nan
    else:
        statistic = m / se
        p = float(t_two_sided(statistic, n - 1))
        d = m / sd
        d_low, d_high = (q / math.sqrt(effective) for q in _noncentral(d * math.sqrt(effective), effective - 1, level))
        d_z = (d, d_low, d_high)
        ratio = sd / math.sqrt((sd_x**2 + sd_y**2) / 2)
        d_av = (d * ratio, d_low * ratio, d_high * ratio)
    return PairedTest(m, se, low, high, statistic, n - 1, p, *d_z, *d_av, wil, mean_x, mean_y, n, effective, lost)


def independent_difference(
    x: Any, y: Any, weights_x: Any = None, weights_y: Any = None, *, kind: Kind = "sampling", level: float = 0.95
) -> IndependentTest:
    """Return the difference of two groups' means, x − y, with Welch's test.

    Parameters
    ----------
    x, y : answers of the two groups; NaN is no answer.
    weights_x, weights_y, kind, level : as for `mean_interval`.

    Raises
    ------
    AnalysisError
        A group with fewer than two answers.

    Notes
    -----
    Welch's t with Satterthwaite's degrees of freedom from each mean's standard error. ``d`` is Cohen's d with the pooled standard
    deviation and its large-sample interval (as pingouin ``compute_esci``). Test and d are NaN where nothing varies.
    The same numbers: R ``t.test``, scipy ``ttest_ind(equal_var=False)``.
    """
    parts = []
    for values, weights in ((x, weights_x), (y, weights_y)):
        (v,), w, used, _ = _prepared([values], weights, kind)
        parts.append(_mean(v, w, used))
    (mx, sex, sdx, nx, ex), (my, sey, sdy, ny, ey) = parts
    if min(nx, ny) < 2:
        raise AnalysisError(
            f"groups of {nx:g} and {ny:g} answers, each needs at least 2",
            where="difference of groups",
            mend="collect more answers",
        )
    m, se = mx - my, math.hypot(sex, sey)
    if not se > 0:
        return IndependentTest(m, se, m, m, *(math.nan,) * 6, mx, my, nx, ny)
    df = se**4 / (sex**4 / (nx - 1) + sey**4 / (ny - 1))
    low, high = _t_interval(m, se, df, level)
    p = float(t_two_sided(m / se, df))
    d = m / math.sqrt(((nx - 1) * sdx**2 + (ny - 1) * sdy**2) / (nx + ny - 2))
    d_low, d_high = _t_interval(d, math.sqrt((ex + ey) / (ex * ey) + d**2 / (2 * (ex + ey))), ex + ey - 2, level)
    return IndependentTest(m, se, low, high, m / se, df, p, d, d_low, d_high, mx, my, nx, ny)


def rank_correlation(a: Any, b: Any, method: Literal["spearman", "kendall"] = "spearman") -> RankCorrelation:
    """Return the rank correlation of two rankings (or of any numbers; ties share their mean rank).

    Up to `EXACT_RANKS` ranks the p-value is exact: the share of all n! orders whose correlation is at least as far from 0.
    Beyond, it is scipy's. Pairs with NaN are left out. A ranking that is all ties has correlation NaN. Fewer than 3 ranks raise
    AnalysisError.
    The same numbers: R ``cor.test(method = "spearman", exact = TRUE)`` without ties, scipy ``spearmanr``, ``kendalltau`` (tau-b).
    """
    if method not in ("spearman", "kendall"):
        raise OptionError([unknown(method, ("spearman", "kendall"), what="rank correlation", where="method")])
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.shape != y.shape or x.ndim != 1:
        raise DataError(f"rankings of shape {x.shape} and {y.shape}", where="rank correlation", allowed="two of the same length")
    good = ~np.isnan(x) & ~np.isnan(y)
    x, y = pd.Series(x[good]).rank().to_numpy(), pd.Series(y[good]).rank().to_numpy()
    n = len(x)
    if n < 3:
        raise AnalysisError(f"{n} ranks, at least 3 are needed", where="rank correlation", mend="rank more dimensions")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return RankCorrelation(method, math.nan, math.nan, False, n)
    if n > EXACT_RANKS:
        from scipy import stats

        found = stats.spearmanr(x, y) if method == "spearman" else stats.kendalltau(x, y)
        return RankCorrelation(method, float(found.statistic), float(found.pvalue), False, n)
    orders = np.array(list(itertools.permutations(range(n))), dtype=np.int8)
    shuffled = y[orders]
    if method == "spearman":
        x, y, shuffled = x - x.mean(), y - y.mean(), shuffled - y.mean()
    else:  # tau-b: the pairs' signs take the place of the ranks
        i, j = np.triu_indices(n, 1)
        x, y, shuffled = np.sign(x[i] - x[j]), np.sign(y[i] - y[j]), np.sign(shuffled[:, i] - shuffled[:, j])
    observed = float(x @ y)
    estimate = observed / math.sqrt(float(x @ x) * float(y @ y))
    p = float((np.abs(shuffled @ x) >= abs(observed) - 1e-9).mean())
    return RankCorrelation(method, estimate, p, True, n)


def _prepared(columns: list[Any], weights: Any, kind: Kind) -> tuple[list[Array], Array, Kind, float]:
    """Drop rows with NaN and rows of weight 0; return values, weights, kind and what was dropped for missing answers."""
    from csr_lib.stats.moments import checked_weights

    if kind not in ("none", "sampling", "frequency"):
        raise OptionError([unknown(kind, ("none", "sampling", "frequency"), what="value of kind", where="kind")])
    values = [np.asarray(c, dtype=float) for c in columns]
    n = len(values[0])
    if any(v.shape != (n,) for v in values):
        raise DataError("columns of different lengths", where="answers", allowed="one value per respondent")
    if any(np.isinf(v).any() for v in values):
        raise DataError("infinite values", where="answers", allowed="finite numbers, NaN for no answer")
    if weights is None or kind == "none":
        kind, w = "none", np.ones(n)
    else:
        w = checked_weights(weights, n)
    good = ~np.any([np.isnan(v) for v in values], axis=0)
    lost = float(w[~good].sum()) if kind == "frequency" else float((~good & (w > 0)).sum())
    good &= w > 0
    if not good.any():
        raise AnalysisError("there are no answers", where="answers", mend="look at the missing answers of these columns")
    return [v[good] for v in values], w[good], kind, lost


def _mean(x: Array, w: Array, kind: Kind) -> tuple[float, float, float, float, float]:
    """Mean, standard error, sd, n and effective n."""
    total = float(w.sum())
    m = float(w @ x) / total
    n = total if kind == "frequency" else float(len(x))
    effective = n if kind != "sampling" else effective_n(w)
    if n <= 1:
        return m, math.nan, math.nan, n, effective
    residual = x - m
    sd = math.sqrt(float(w @ residual**2) / total * n / (n - 1))
    linearised = math.sqrt(n / (n - 1) * float((w * residual) @ (w * residual))) / total
    return m, linearised if kind == "sampling" else sd / math.sqrt(n), sd, n, effective


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    return level


def _t_interval(m: float, se: float, df: float, level: float) -> tuple[float, float]:
    half = float(t_quantile(0.5 + _level(level) / 2, df)) * se if df > 0 else math.nan
    return m - half, m + half


def _noncentral(t: float, df: float, level: float) -> tuple[float, float]:
    """Noncentrality parameters between which a t of this size is not surprising."""
    if not df > 0:
        return math.nan, math.nan
    from scipy.optimize import brentq

    tail = (1 - _level(level)) / 2
    reach = 10 + 2 * abs(t)
    if abs(t) > 35:  # scipy's noncentral t loses its digits; the normal approximation has converged
        se = math.sqrt(1 + t**2 / (2 * df))
        z = float(normal_quantile(1 - tail))
        return t - z * se, t + z * se

    def below(c: float) -> float:
        """Probability of a smaller t; far out in the tails scipy returns NaN for what is 1 or 0."""
        p = noncentral_t_below(t, df, c)
        return p if p == p else float(c < t)

    return tuple(  # type: ignore[return-value]
        float(brentq(lambda c, q=q: below(c) - q, t - reach, t + reach, xtol=1e-9)) for q in (1 - tail, tail)
    )


def _wilcoxon(diff: Array, w: Array, kind: Kind) -> float:
    """Two-sided signed-rank p-value; zeros are left out. Up to `EXACT_SIGNS` differences it counts all signs, with ties too."""
    from scipy.stats import rankdata, wilcoxon

    rows = np.repeat(diff, np.round(w).astype(int)) if kind == "frequency" else diff
    rows = np.round(rows, 9)  # equal but for rounding is a tie
    left = rows[rows != 0]
    if not len(left):
        return math.nan
    if len(left) > EXACT_SIGNS:
        return float(wilcoxon(rows).pvalue)
    ranks = rankdata(np.abs(left))  # scipy counts one combination of signs at a time where there are ties: seconds
    sums = ((np.arange(2 ** len(left))[:, None] >> np.arange(len(left))) & 1) @ ranks
    positive = ranks[left > 0].sum()
    return min(1.0, 2 * float(min((sums <= positive + 1e-9).mean(), (sums >= positive - 1e-9).mean())))
