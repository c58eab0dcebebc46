"""Small linear algebra on many matrices at once, where a singular one must not stop the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray


def inverses(a: Array) -> Array:
    """Inverses of (B, k, k) matrices; a singular one becomes NaN."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        out = np.full(a.shape, np.nan)
        for b in range(len(a)):
            try:
                out[b] = np.linalg.inv(a[b])
            except np.linalg.LinAlgError:
                continue
        return out


def solve_last(a: Array, r: Array) -> Array:
    """Solve a x = r for symmetric positive definite a (k, k, …) and r (k, …), draws on the last axes; both are overwritten.

    Gauss–Jordan elimination over whole vectors of draws: for the handful of equations of a regression among constructs this
    is many times faster than one LAPACK call per draw. A singular matrix gives values that are not finite, or useless ones
    where rounding hides it; point estimates are checked before.
    """
    for i in range(len(r)):
        row, right = a[i, i + 1 :] / a[i, i], r[i] / a[i, i]
        factor = a[:, i].copy()
        a[:, i + 1 :] -= factor[:, None] * row
        r -= factor * right
        a[i, i + 1 :], r[i] = row, right
    return r


def dependent(correlation: Array, names: Sequence[str], tolerance: float = 1e-10) -> list[str]:
    """Names of the columns in an exact linear dependence; empty where the correlation matrix is regular."""
    values, vectors = np.linalg.eigh(correlation)
    null = vectors[:, values < tolerance * max(1.0, float(values[-1]))]
    return [name for name, row in zip(names, np.abs(null) > 1e-6, strict=True) if row.any()]
