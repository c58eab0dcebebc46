"""Pearson's r of pairs of variables, with Fisher's interval and a test."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import CsrError
from csr_lib.stats.distributions import normal_quantile, t_two_sided
from csr_lib.stats.moments import Kind, moments
from csr_lib.stats.resampling import holm


def fisher_interval(r: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval tanh(atanh r ± z/√(n − 3)) of a correlation.

    NaN where n is 3 or less, or r is NaN or ±1. Source: Fisher (1921). The same numbers: R ``cor.test``, pingouin ``corr``.
    """
    if not (n > 3 and abs(r) < 1):
        return math.nan, math.nan
    half = float(normal_quantile(0.5 + confidence / 2)) / math.sqrt(n - 3)
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def correlations(
    data: pd.DataFrame, weights: Any = None, *, kind: Kind = "sampling", confidence: float = 0.95, at_least: int = 3
) -> pd.DataFrame:
    """Correlate every pair of columns over the rows that have both.

    Parameters
    ----------
    data : (n, p) numbers; NaN is no answer.
    weights : (n,) case weights; None counts every row once.
    kind : what the weights mean, as for `moments`.
    confidence : level of the intervals.
    at_least : a pair with fewer common rows of weight above 0 has no estimate.

    Returns
    -------
    pandas.DataFrame
        A row per pair in the order of the columns: ``one other n n_effective estimate ci_low ci_high p_value p_adjusted``.
        NaN, with n 0, where there is no estimate: too few rows, or one of the two does not vary. p is of
        t = r √((n − 2)/(1 − r²)), adjusted by Holm over all pairs. With sampling weights n is the effective n of the pair, and
        interval and test are approximate. The same numbers, unweighted: R ``cor.test`` and ``p.adjust``, pingouin
        ``pairwise_corr``.
    """
    known = data.notna().to_numpy()
    if weights is not None:
        known = known & (np.asarray(weights, dtype=float) > 0)[:, None]
    rows = []
    for (i, one), (j, other) in combinations(enumerate(data.columns), 2):
        row: dict[str, Any] = {"one": one, "other": other, "n": 0.0, "n_effective": 0.0}
        row |= dict.fromkeys(("estimate", "ci_low", "ci_high", "p_value"), math.nan)
        rows.append(row)
        if (known[:, i] & known[:, j]).sum() < max(at_least, 2):
            continue
        try:
            m = moments(data[[one, other]], weights, kind=kind)
        except CsrError:  # somebody's answers do not vary
            continue
        n, r = m.n_effective, float(m.correlation[0, 1])
        if math.isnan(r):
            continue
        row |= {"n": m.n, "n_effective": n, "estimate": r}
        row["ci_low"], row["ci_high"] = fisher_interval(r, n, confidence)
        if n > 2 and abs(r) < 1:
            row["p_value"] = float(t_two_sided(r * math.sqrt((n - 2) / (1 - r**2)), n - 2))
    columns = ["one", "other", "n", "n_effective", "estimate", "ci_low", "ci_high", "p_value"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(p_adjusted=holm(frame["p_value"]))
