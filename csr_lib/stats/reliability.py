"""Reliability of a sum of items from moments: alpha, its intervals, item statistics, Guttman's λ6, Spearman–Brown, halves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.stats._linalg import inverses
from csr_lib.stats.adequacy import check_finite
from csr_lib.stats.distributions import f_quantile, normal_quantile
from csr_lib.stats.moments import Moments

Array = np.ndarray
Interval = Literal["feldt", "duhachek"]
INTERVALS: tuple[Interval, ...] = Interval.__args__  # type: ignore[attr-defined]
#: Items of which all halves are formed; with 16 there are 6,435 of them.
MOST_SPLIT = 16


@dataclass(frozen=True, eq=False)
class Reliability:
    """Internal consistency of some items.

    Attributes
    ----------
    alpha : Cronbach's alpha of the items as they are (raw).
    std_error : its standard error for normal answers (Duhachek & Iacobucci 2004).
    ci_low, ci_high : interval of `alpha`, `interval` its name, `level` its confidence.
    standardised : alpha of the standardised items. With two items this is the Spearman–Brown coefficient.
    lambda6 : Guttman's λ6 of the standardised items; NaN where an item depends on the others.
    mean_correlation, median_correlation : of the pairs of items.
    signal_noise : k·r̄/(1 − r̄), r̄ the mean correlation.
    score_mean, score_sd : of the items' mean.
    n : effective number of rows that interval and standard error rest on.
    items : one row per item: ``item mean sd item_rest item_total item_total_standardised item_total_corrected alpha_if_deleted``;
        ``item_rest`` is the item's correlation with the sum of the others, ``item_total`` with the sum of all,
        ``item_total_standardised`` with that of the standardised items, ``item_total_corrected`` the latter with the item's
        own variance replaced by what it shares with the others.
    if_deleted : what remains without each item: ``item alpha standardised lambda6 mean_correlation median_correlation
        correlation_variance signal_noise std_error``. With two items nothing does, and it is NaN.
    against : items that point the other way than most (negative loading on the first principal component, as R ``psych::alpha``
        warns), which are probably scored the wrong way round; all of them where no direction prevails. Their ``item_rest`` shows
        how badly.
    """

    alpha: float
    std_error: float
    ci_low: float
    ci_high: float
    interval: Interval
    level: float
    standardised: float
    lambda6: float
    mean_correlation: float
    median_correlation: float
    signal_noise: float
    score_mean: float
    score_sd: float
    n: float
    items: pd.DataFrame
    if_deleted: pd.DataFrame
    against: tuple[str, ...]


def alpha_of(cov: Array) -> Array:
    """Cronbach's alpha of covariance matrices (…, k, k): k/(k−1)·(1 − tr/sum); NaN for a single item."""
    k = cov.shape[-1]
    if k < 2:
        return np.full(cov.shape[:-2], np.nan)
    return k / (k - 1) * (1 - np.trace(cov, axis1=-2, axis2=-1) / cov.sum(axis=(-2, -1)))


def lambda6_of(correlation: Array) -> Array:
    """Guttman's (1945) λ6 of correlation matrices (B, k, k): 1 − Σ(1 − SMC)/sum; NaN for a singular matrix."""
    unexplained = 1 / np.diagonal(inverses(correlation), axis1=-2, axis2=-1)
    return 1 - unexplained.sum(axis=-1) / correlation.sum(axis=(-2, -1))


def alpha_std_error(cov: Array, n: float) -> Array:
    """Standard error of alpha of covariance matrices (…, k, k) of `n` normal answers.

    Duhachek & Iacobucci (2004): √(Q/n), Q = 2k²/((k−1)²σ⁶)·[σ²(tr C² + tr² C) − 2·tr C·1ᵀC²1], σ² = 1ᵀC1.
    The same numbers: R ``psych::alpha`` (ase).
    """
    k = cov.shape[-1]
    if k < 2:
        return np.full(cov.shape[:-2], np.nan)
    total, trace = cov.sum(axis=(-2, -1)), np.trace(cov, axis1=-2, axis2=-1)
    squares, rows = (cov**2).sum(axis=(-2, -1)), (cov.sum(axis=-1) ** 2).sum(axis=-1)
    q = 2 * k**2 / ((k - 1) ** 2 * total**3) * (total * (squares + trace**2) - 2 * trace * rows)
    return np.sqrt(q / n)


def alpha_interval(alpha: float, items: int, n: float, level: float = 0.95) -> tuple[float, float]:
    """Feldt's interval: 1 − (1 − α)·F with F quantiles on n − 1 and (n − 1)(k − 1) degrees of freedom.

    Feldt (1965). The same numbers: R ``psych::alpha`` (feldt), pingouin ``cronbach_alpha`` before rounding.
    """
    _check_level(level)
    if n <= 1:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low, high = (f_quantile(p, n - 1, (n - 1) * (items - 1)) for p in (1 - tail, tail))
    return 1 - (1 - alpha) * float(low), 1 - (1 - alpha) * float(high)


def reliability(
    moments: Moments, items: Sequence[str] | None = None, *, level: float = 0.95, interval: Interval = "feldt"
) -> Reliability:
    """Return Cronbach's alpha and item statistics from moments.

    Parameters
    ----------
    moments : of the items, perhaps among others. Of a polychoric matrix (`Polychoric.moments`) this is ordinal alpha.
    items : which columns; all by default. At least two.
    level : confidence of the interval.
    interval : ``feldt`` (exact where items are parallel and normal) or ``duhachek`` (α ± z·standard error, for any
        covariances of normal answers). With case weights or answers far from normal, `reliability_bootstrap` is safer.

    Raises
    ------
    OptionError
        An unknown interval, a level outside 0–1.
    DataError
        Moments with missing or infinite values.
    AnalysisError
        Fewer than two items, or items whose sum does not vary.

    Notes
    -----
    Cronbach (1951): α = k/(k−1)·(1 − Σσᵢ²/σ²_sum). With sampling weights interval and error use the effective n and are
    approximate. The same numbers: R ``psych::alpha`` (raw_alpha, std.alpha, G6(smc), average_r, S/N, ase, median_r; of the
    items raw.r, std.r, r.cor, r.drop; alpha.drop), pingouin ``cronbach_alpha``. psych has a figure for "alpha without one of two
    items", which is no alpha; here it is NaN.
    """
    if interval not in INTERVALS:
        raise OptionError([unknown(interval, INTERVALS, what="interval", where="interval")])
    _check_level(level)
    m = _chosen(moments, items)
    k = len(m.columns)
    alpha, r = float(alpha_of(m.cov)), m.correlation
    std_error = float(alpha_std_error(m.cov, m.n_smallest))
    if interval == "feldt":
        low, high = alpha_interval(alpha, k, m.n_smallest, level)
    else:
        width = float(normal_quantile((1 + level) / 2)) * std_error
        low, high = alpha - width, alpha + width
    table = _items_table(m, r)
    left = pd.DataFrame([_summary(m, r, np.delete(np.arange(k), i)) for i in range(k)])
    table["alpha_if_deleted"] = left["alpha"]
    left.insert(0, "item", list(m.columns))
    whole = _summary(m, r, np.arange(k))
    return Reliability(
        alpha,
        std_error,
        low,
        high,
        interval,
        level,
        whole["standardised"],
        whole["lambda6"],
        whole["mean_correlation"],
        whole["median_correlation"],
        whole["signal_noise"],
        float(m.mean.mean()),
        math.sqrt(m.cov.sum()) / k,
        m.n_smallest,
        table,
        left,
        _against(m.columns, r),
    )


def spearman_brown(reliability: Any, times: float = 2.0) -> Any:
    """Reliability of a scale made `times` as long by items of the same kind: k·ρ/(1 + (k − 1)ρ) (Spearman 1910; Brown 1910).

    With `times` = 2 and the correlation of two items or halves: the Spearman–Brown coefficient of the pair. Numbers or arrays;
    `times` may be below 1. The same numbers: R ``psych`` (std.alpha of two items), SPSS (equal-length Spearman–Brown).
    """
    rho = np.asarray(reliability, dtype=float)
    if not times > 0 or math.isinf(times):
        raise OptionError(f"a scale {times} times as long", where="times", allowed="a number above 0")
    if (np.abs(rho) > 1).any():
        raise OptionError("a reliability or correlation outside −1 to 1", where="reliability", allowed="−1 to 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        out = times * rho / (1 + (times - 1) * rho)
    return out if out.ndim else float(out)


def times_as_long(reliability: float, wanted: float) -> float:
    """How many times as long a scale must be for the reliability `wanted`: ρ*(1 − ρ)/(ρ(1 − ρ*)), Spearman–Brown solved for k."""
    for name, value in (("reliability", reliability), ("wanted", wanted)):
        if not 0 < value < 1:
            raise OptionError(f"a reliability of {value}", where=name, allowed="between 0 and 1")
    return wanted * (1 - reliability) / (reliability * (1 - wanted))


@dataclass(frozen=True, eq=False)
class SplitHalf:
    """Reliability by two halves of the items.

    Attributes
    ----------
    halves : one row per split, best first: ``first second correlation spearman_brown guttman``; ``first`` and ``second`` name the
        items (tuples), ``correlation`` is that of their sums, ``guttman`` is 4·cov/σ² (Flanagan, Rulon, Guttman's λ4).
    greatest, least, mean : of ``guttman`` over the splits; the greatest is λ4, the least Revelle's β where halves are equal.
    """

    halves: pd.DataFrame
    greatest: float
    least: float
    mean: float


def split_half(
    moments: Moments, items: Sequence[str] | None = None, *, first: Sequence[str] | None = None, standardised: bool = False
) -> SplitHalf:
    """Return split-half reliabilities: of one split, or of all splits into (nearly) equal halves.

    Parameters
    ----------
    moments, items : as for `reliability`.
    first : the items of the first half; None: all splits, of at most 16 items.
    standardised : from the correlations instead of the covariances.

    Raises
    ------
    OptionError, AnalysisError
        A `first` half that is empty, everything, or has unknown items; more than 16 items; what `reliability` raises.

    Notes
    -----
    The same numbers: R ``psych::splitHalf`` (maxrb, minrb, meanr; ``covar = TRUE`` unless standardised).
    """
    m = _chosen(moments, items)
    k = len(m.columns)
    if first is not None:
        wrong = [unknown(c, m.columns, what="item", where="first") for c in first if c not in m.columns]
        if wrong or not 0 < len(set(first)) < k:
            raise OptionError(wrong or f"a half of {len(set(first))} of {k} items", where="first", allowed="some of the items")
        splits = [tuple(i for i, c in enumerate(m.columns) if c in first)]
    elif k > MOST_SPLIT:
        raise OptionError(
            f"all halves of {k} items", where="first", allowed=f"at most {MOST_SPLIT} items", mend="name the items of one half"
        )
    else:
        splits = [s for s in combinations(range(k), k // 2) if k % 2 or 0 in s]
    cov = m.correlation if standardised else m.cov
    chosen = np.zeros((len(splits), k))
    for row, split in zip(chosen, splits, strict=True):
        row[list(split)] = 1.0
    one = np.einsum("si,ij,sj->s", chosen, cov, chosen)
    between = chosen @ cov.sum(axis=1) - one
    two = cov.sum() - one - 2 * between
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = between / np.sqrt(one * two)
    guttman = 4 * between / cov.sum()
    names = np.array(m.columns, dtype=object)
    frame = pd.DataFrame(
        {
            "first": [tuple(names[row > 0]) for row in chosen],
            "second": [tuple(names[row == 0]) for row in chosen],
            "correlation": correlation,
            "spearman_brown": 2 * correlation / (1 + correlation),
            "guttman": guttman,
        }
    ).sort_values("guttman", ascending=False, ignore_index=True)
    return SplitHalf(frame, float(guttman.max()), float(guttman.min()), float(guttman.mean()))


def _chosen(moments: Moments, items: Sequence[str] | None) -> Moments:
    """The moments of the items, at least two, whose sum varies."""
    m = moments if items is None else moments.take(items)
    check_finite(m)
    if len(m.columns) < 2:
        raise AnalysisError(
            "reliability needs at least two items", where=", ".join(m.columns), mend="leave constructs with one item out"
        )
    if not m.cov.sum() > 1e-12 * np.abs(m.cov).sum():
        raise AnalysisError("the sum of the items does not vary", where=", ".join(m.columns), mend="turn reversed items round")
    return m


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")


def _against(columns: Sequence[str], r: Array) -> tuple[str, ...]:
    """Items that load negatively on the first component, turned so that the loadings' sum is positive."""
    loadings = np.linalg.eigh(r)[1][:, -1]
    total = loadings.sum()
    if abs(total) < 1e-8:
        return tuple(columns)
    return tuple(c for c, x in zip(columns, loadings * np.sign(total), strict=True) if x < -1e-8)


def _summary(m: Moments, r: Array, at: Array) -> dict[str, float]:
    """What describes some of the items together; NaN for a single one."""
    k = len(at)
    cov, cor = m.cov[np.ix_(at, at)], r[np.ix_(at, at)]
    between = cor[np.tril_indices(k, -1)]
    mean = float(between.mean()) if k > 1 else math.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "alpha": float(alpha_of(cov)),
            "standardised": float(alpha_of(cor)),
            "lambda6": float(lambda6_of(cor[None])[0]) if k > 1 else math.nan,
            "mean_correlation": mean,
            "median_correlation": float(np.median(between)) if k > 1 else math.nan,
            "correlation_variance": float(between.var(ddof=1)) if k > 2 else math.nan,
            "signal_noise": float(np.divide(k * mean, 1 - mean)),
            "std_error": float(alpha_std_error(cov, m.n_smallest)),
        }


def _items_table(m: Moments, r: Array) -> pd.DataFrame:
    variance, to_sum, total = np.diag(m.cov), m.cov.sum(axis=1), m.cov.sum()
    shared = r.copy()
    np.fill_diagonal(shared, 1 - 1 / np.diag(inverses(r[None])[0]))
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "item": list(m.columns),
                "mean": m.mean,
                "sd": m.sd,
                "item_rest": (to_sum - variance) / np.sqrt(variance * (total - 2 * to_sum + variance)),
                "item_total": to_sum / np.sqrt(variance * total),
                "item_total_standardised": r.sum(axis=1) / math.sqrt(r.sum()) if r.sum() > 0 else math.nan,
                "item_total_corrected": shared.sum(axis=1) / np.sqrt(shared.sum()),
            }
        )
