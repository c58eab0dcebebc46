"""Reliability of a sum of items: Cronbach's alpha with Feldt's interval, item–rest correlations, alpha if an item is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats.distributions import f_quantile
from csr_lib.stats.moments import Moments

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Reliability:
    """Internal consistency of some items.

    Attributes
    ----------
    alpha : Cronbach's alpha of the items as they are (raw).
    ci_low, ci_high : Feldt's interval of `alpha`, `level` its confidence.
    standardised : alpha of the standardised items.
    mean_correlation : mean correlation among the items.
    n : effective number of rows that the interval rests on.
    items : one row per item: ``item mean sd item_rest alpha_if_deleted``; ``item_rest`` is the item's correlation with the
        sum of the others. With two items alpha without one of them does not exist and is NaN.
    """

    alpha: float
    ci_low: float
    ci_high: float
    level: float
    standardised: float
    mean_correlation: float
    n: float
    items: pd.DataFrame


def alpha_of(cov: Array) -> Array:
    """Cronbach's alpha of covariance matrices (…, k, k): k/(k−1)·(1 − tr/sum); NaN for a single item."""
    k = cov.shape[-1]
    if k < 2:
        return np.full(cov.shape[:-2], np.nan)
    return k / (k - 1) * (1 - np.trace(cov, axis1=-2, axis2=-1) / cov.sum(axis=(-2, -1)))


def alpha_interval(alpha: float, items: int, n: float, level: float = 0.95) -> tuple[float, float]:
    """Feldt's interval: 1 − (1 − α)·F with F quantiles on n − 1 and (n − 1)(k − 1) degrees of freedom.

    Feldt (1965). The same numbers: R ``psych::alpha`` (feldt), pingouin ``cronbach_alpha`` before rounding.
    """
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    if n <= 1:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low, high = (f_quantile(p, n - 1, (n - 1) * (items - 1)) for p in (1 - tail, tail))
    return 1 - (1 - alpha) * float(low), 1 - (1 - alpha) * float(high)


def reliability(moments: Moments, items: Sequence[str] | None = None, *, level: float = 0.95) -> Reliability:
    """Return Cronbach's alpha and item statistics from moments.

    Parameters
    ----------
    moments : of the items, perhaps among others.
    items : which columns; all by default. At least two.
    level : confidence of the interval.

    Raises
    ------
    AnalysisError
        Fewer than two items, or items whose sum does not vary.

    Notes
    -----
    Cronbach (1951): α = k/(k−1)·(1 − Σσᵢ²/σ²_sum). With sampling weights the interval uses the effective n and is
    approximate. The same numbers: R ``psych::alpha`` (raw_alpha, std.alpha, r.drop), pingouin ``cronbach_alpha``.
    """
    m = moments if items is None else moments.take(items)
    k = len(m.columns)
    if k < 2:
        raise AnalysisError(
            "reliability needs at least two items", where=", ".join(m.columns), mend="leave constructs with one item out"
        )
    total = m.cov.sum()
    if not total > 0:
        raise AnalysisError("the sum of the items does not vary", where=", ".join(m.columns), mend="turn reversed items round")
    alpha = float(alpha_of(m.cov))
    low, high = alpha_interval(alpha, k, m.n_smallest, level)
    r = m.correlation
    rest_cov = m.cov.sum(axis=1) - np.diag(m.cov)
    rest_var = total - 2 * m.cov.sum(axis=1) + np.diag(m.cov)
    without = []
    for i in range(k):
        left = np.delete(np.arange(k), i)
        without.append(float(alpha_of(m.cov[np.ix_(left, left)])))
    with np.errstate(invalid="ignore", divide="ignore"):
        item_rest = rest_cov / (m.sd * np.sqrt(rest_var))
    table = pd.DataFrame(
        {"item": list(m.columns), "mean": m.mean, "sd": m.sd, "item_rest": item_rest, "alpha_if_deleted": without}
    )
    mean_r = float((r.sum() - k) / (k * (k - 1)))
    return Reliability(alpha, low, high, level, float(alpha_of(r)), mean_r, m.n_smallest, table)
