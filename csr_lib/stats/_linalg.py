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
    """Solve a x = r for symmetric positive definite a (k, k, B) and r (k, B), draws last.

    Gaussian elimination over whole vectors of draws: for the handful of equations of a regression among constructs this is
    many times faster than one LAPACK call per draw. A singular matrix gives values that are not finite, or useless ones
    where rounding hides it; point estimates are checked before.
    """
    k = len(r)
    if k == 1:
        return r / a[0]
    a, x = a.copy(), r.copy()
    for i in range(k - 1):
        factor = a[i + 1 :, i] / a[i, i]
        a[i + 1 :, i + 1 :] -= factor[:, None] * a[i, i + 1 :]
        x[i + 1 :] -= factor * x[i]
    for i in range(k - 1, -1, -1):
        if i < k - 1:
            x[i] -= (a[i, i + 1 :] * x[i + 1 :]).sum(0)
        x[i] /= a[i, i]
    return x


def dependent(correlation: Array, names: Sequence[str], tolerance: float = 1e-10) -> list[str]:
    """Names of the columns in an exact linear dependence; empty where the correlation matrix is regular."""
    values, vectors = np.linalg.eigh(correlation)
    null = vectors[:, values < tolerance * max(1.0, float(values[-1]))]
    return [name for name, row in zip(names, np.abs(null) > 1e-6, strict=True) if row.any()]
