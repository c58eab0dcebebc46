"""Missing answers: which patterns there are, and whether they are missing completely at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError
from csr_lib.stats.distributions import chi2_above
from csr_lib.stats.moments import moments

Array = np.ndarray


@dataclass(frozen=True)
class McarTest:
    """Little's test. `statistic` is χ² on `df`; `n` rows with an answer, `empty` rows without any, `patterns` among the
    former."""

    statistic: float
    df: int
    p_value: float
    patterns: int
    n: int
    empty: int


def missing_patterns(data: Any) -> pd.DataFrame:
    """Return the patterns of missing answers, the most frequent first.

    Parameters
    ----------
    data : frame of answers; NaN is missing.

    Returns
    -------
    DataFrame
        A boolean column per column of `data` (True: missing), ``n`` rows with the pattern, ``share`` of all rows, and
        ``missing``, how many answers it lacks. The same counts: R ``mice::md.pattern``.
    """
    lost = data.isna()
    if lost.empty:
        return pd.DataFrame(columns=[*lost.columns, "n", "share", "missing"])
    kinds, counts = np.unique(lost.to_numpy(), axis=0, return_counts=True)
    order = np.lexsort((kinds.sum(axis=1), -counts))
    out = pd.DataFrame(kinds[order], columns=lost.columns)
    return out.assign(n=counts[order], share=counts[order] / len(lost), missing=kinds[order].sum(axis=1))


def little_mcar(data: Any) -> McarTest:
    """Test whether answers are missing completely at random (Little 1988).

    Parameters
    ----------
    data : frame of numbers, rows × p; NaN is missing. Case weights have no place in this test.

    Raises
    ------
    AnalysisError
        Nothing is missing (there is a single pattern), columns that do not vary, too few rows for p columns, an EM that does not
        converge.

    Notes
    -----
    d² = Σ_j n_j (ȳ_j − μ̂_j)ᵀ Σ̂_j⁻¹ (ȳ_j − μ̂_j) over the patterns j, with means and covariances by maximum likelihood (EM, divisor
    n) taken at the columns that pattern j has; χ² with Σp_j − p degrees of freedom under MCAR and normality. A large p-value does
    not show that answers are missing at random, and with few incomplete rows the test sees little. The same number, up to the
    tolerance of EM: R ``naniar::mcar_test``.
    """
    seen_all = data.notna().to_numpy()
    there = seen_all.any(axis=1)
    values = data.loc[there]
    seen = seen_all[there]
    n, p = seen.shape
    kinds, member = np.unique(seen, axis=0, return_inverse=True)
    if len(kinds) < 2:
        raise AnalysisError("all rows lack the same answers", where="Little's test", mend="there is nothing to test")
    if n <= p:
        raise AnalysisError(f"{n} rows for {p} columns", where="Little's test", allowed="more rows than columns")
    found = moments(values, missing="em")
    cov = found.cov * (found.n - 1) / found.n
    if np.linalg.eigvalsh(found.correlation)[0] < 1e-8:
        raise AnalysisError("some columns repeat what others say", where="Little's test", mend="leave out one of each pair")
    x = values.to_numpy(dtype=float)
    statistic, columns = 0.0, 0
    for j, kind in enumerate(kinds):
        rows = member.ravel() == j
        apart = x[np.ix_(rows, kind)].mean(axis=0) - found.mean[kind]
        statistic += rows.sum() * float(apart @ np.linalg.solve(cov[np.ix_(kind, kind)], apart))
        columns += int(kind.sum())
    df = columns - p
    return McarTest(float(statistic), df, float(chi2_above(statistic, df)), len(kinds), n, int((~there).sum()))
