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


def solve_last(a: Array, r: Array) -> Array:
    """Solve a x = r for symmetric positive definite a (k, k, …) and r (k, …), draws on the last axes; both are overwritten.

    Elimination in the upper triangle over whole vectors of draws: for the handful of equations of a regression among constructs
    this is many times faster than one LAPACK call per draw. A matrix that is singular but for rounding gives NaN.
    """
    k = len(r)
    for i in range(k):
        a[i, i] = np.where(np.abs(a[i, i]) > SINGULAR, a[i, i], np.nan)
        for j in range(i + 1, k):
            factor = a[i, j] / a[i, i]
            a[j, j:] -= factor * a[i, j:]
            r[j] -= factor * r[i]
    for i in reversed(range(k)):
        for j in range(i + 1, k):
            r[i] -= a[i, j] * r[j]
        r[i] /= a[i, i]
    return r


def dependent(correlation: Array, names: Sequence[str], tolerance: float = 1e-10) -> list[str]:
    """Names of the columns in an exact linear dependence; empty where the correlation matrix is regular."""
    values, vectors = np.linalg.eigh(correlation)
    null = vectors[:, values < tolerance * max(1.0, float(values[-1]))]
    return [name for name, row in zip(names, np.abs(null) > 1e-6, strict=True) if row.any()]
