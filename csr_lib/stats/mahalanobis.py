"""How far a respondent's answers lie from everybody's, all items together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError
from csr_lib.stats.distributions import chi2_above
from csr_lib.stats.moments import moments

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Distances:
    """Squared distances (n,), the items that each rests on, and the χ² probability of one as large; NaN without answers."""

    squared: Array
    df: Array
    p_value: Array


def mahalanobis(data: pd.DataFrame) -> Distances:
    """Return squared Mahalanobis distances from the mean.

    Parameters
    ----------
    data : rows × p numbers; NaN is missing. A row with missing answers is judged by those it has, with moments from all rows
    by EM.

    Raises
    ------
    AnalysisError
        Fewer than two columns that vary, no more rows than columns, or columns that repeat each other.

    Notes
    -----
    d² = (x − m)ᵀS⁻¹(x − m), χ² on p degrees of freedom for normal answers. Ratings of few grades are not normal: more than the
    nominal share lies beyond, so a mark is a reason to look. The same distances for complete rows: R ``mahalanobis(x,
    colMeans(x), cov(x))``, ``psych::outlier``.
    """
    varying = data.loc[:, (data.max() > data.min()).to_numpy()]
    n, p = varying.shape
    if p < 2 or int(varying.notna().any(axis=1).sum()) <= p + 1:
        raise AnalysisError(f"{n} rows of {p} columns that vary", where="Mahalanobis distance", allowed="more rows than columns")
    found = moments(varying, missing="em" if varying.isna().any(axis=None) else "listwise")
    if np.linalg.eigvalsh(found.correlation)[0] < 1e-8:
        raise AnalysisError(
            "some columns repeat what others say", where="Mahalanobis distance", mend="leave out one of each pair"
        )
    x = varying.to_numpy(dtype=float) - found.mean
    seen = ~np.isnan(x)
    squared = np.full(n, np.nan)
    kinds, member = np.unique(seen, axis=0, return_inverse=True)
    for j, kind in enumerate(kinds):
        rows = np.flatnonzero(member.ravel() == j)
        if kind.any():
            part = x[np.ix_(rows, kind)]
            squared[rows] = (part @ np.linalg.inv(found.cov[np.ix_(kind, kind)]) * part).sum(axis=1)
    df = seen.sum(axis=1).astype(float)
    p_value = np.where(df > 0, chi2_above(np.nan_to_num(squared), np.maximum(df, 1)), np.nan)
    return Distances(squared, df, p_value)
