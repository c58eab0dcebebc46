"""Small linear algebra on many matrices at once, where a singular one must not stop the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray


#: A pivot of a correlation matrix below this is rounding: its variable depends on the others.
SINGULAR = 1e-10


def inverses(a: Array) -> Array:
    """Inverses of (B, k, k) correlation matrices (or the like); one that is singular but for rounding becomes NaN."""
    try:
        out = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        out = np.full(a.shape, np.nan)
        for b in range(len(a)):
            try:
                out[b] = np.linalg.inv(a[b])
            except np.linalg.LinAlgError:
                continue
    out[~(np.abs(out).max(axis=(1, 2), initial=0.0) < 1 / SINGULAR)] = np.nan
    return out


def solve_vectors(a: Sequence[Sequence[Array]], r: Sequence[Array]) -> list[Array]:
    """Solve a x = r for many symmetric positive definite a at once: every entry is a vector of draws.

    `a` (k rows of k entries, of which those on and above the diagonal are read), `r` (k entries). Elimination in the upper
    triangle: for the handful of equations of a regression among constructs this is many times faster than one LAPACK call per
    draw. A matrix that is singular but for rounding gives NaN.
    """
    k = len(r)
    upper, x = [list(row) for row in a], list(r)
    for i in range(k):
        upper[i][i] = np.where(np.abs(upper[i][i]) > SINGULAR, upper[i][i], np.nan)
        for j in range(i + 1, k):
            factor = upper[i][j] / upper[i][i]
            for m in range(j, k):
                upper[j][m] = upper[j][m] - factor * upper[i][m]
            x[j] = x[j] - factor * x[i]
    for i in reversed(range(k)):
        for j in range(i + 1, k):
            x[i] = x[i] - upper[i][j] * x[j]
        x[i] = x[i] / upper[i][i]
    return x


def dependent(correlation: Array, names: Sequence[str], tolerance: float = 1e-10) -> list[str]:
    """Names of the columns in an exact linear dependence; empty where the correlation matrix is regular."""
    values, vectors = np.linalg.eigh(correlation)
    null = vectors[:, values < tolerance * max(1.0, float(values[-1]))]
    return [name for name, row in zip(names, np.abs(null) > 1e-6, strict=True) if row.any()]
