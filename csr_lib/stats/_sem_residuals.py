"""What a covariance structure leaves over: residuals of covariances and correlations with their z-values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from csr_lib.stats._sem_fit import Fitted
from csr_lib.stats._sem_ml import Slopes

Array = np.ndarray


def residual_table(fitted: Fitted, group: int) -> pd.DataFrame:
    """Return ``item_a item_b observed implied residual correlation_residual z`` for every pair of items of a group."""
    cov, sigma = fitted.data.covs[group], fitted.implied[group].sigma
    i, j = np.tril_indices(len(cov))
    names = np.array(fitted.structure.spec.observed, dtype=object)
    sd, implied_sd = np.sqrt(np.diag(cov)), np.sqrt(np.diag(sigma))
    residual = cov[i, j] - sigma[i, j]
    complete = fitted.data.missing != "fiml"
    variance = residual_variances(fitted, group, i, j) if complete else np.full(len(i), np.nan)
    return pd.DataFrame(
        {
            "item_a": names[j],
            "item_b": names[i],
            "observed": cov[i, j],
            "implied": sigma[i, j],
            "residual": residual,
            "correlation_residual": cov[i, j] / (sd[i] * sd[j]) - sigma[i, j] / (implied_sd[i] * implied_sd[j]),
            "z": residual / np.sqrt(variance),
        }
    )


def residual_variances(fitted: Fitted, group: int, i: Array, j: Array) -> Array:
    """Sampling variances of the residual covariances (i, j); NaN where the model fits a moment exactly.

    diag(QΓQᵀ)/n with Q = I − ΔI⁻¹ΔᵀV: Γ the normal covariance matrix of the covariances at S, V its inverse at Σ, Δ the slopes
    of Σ. As ∂Σ = uvᵀ + vuᵀ, nothing of the size of Γ is formed: with y = Σ⁻¹u and x = Σ⁻¹v, ΔᵀVΓ holds Sy(Sx)ᵀ + Sx(Sy)ᵀ.
    """
    m, structure, data = fitted.implied[group], fitted.structure, fitted.data
    S, n = data.covs[group], data.ns[group]
    s = Slopes.of(m, structure.free[group], np.arange(structure.p))
    precision = np.linalg.inv(m.sigma)
    y, x, d = precision @ s.u, precision @ s.v, precision @ s.d
    Sy, Sx = S @ y, S @ x
    where, k = structure.theta[group], structure.n_free

    def pooled(by_entry: Array) -> Array:
        """Sum the entries that are one parameter."""
        out = np.zeros((k, by_entry.shape[1]))
        np.add.at(out, where, by_entry)
        return out

    slopes = pooled((s.u[i] * s.v[j] + s.v[i] * s.u[j]).T)
    crossed = pooled((Sy[i] * Sx[j] + Sx[i] * Sy[j]).T)
    both = (y.T @ Sx) * (x.T @ Sy) + (y.T @ Sy) * (x.T @ Sx) + d.T @ S @ d
    spread = pooled(pooled(both).T)
    _, expected, _ = fitted.likelihood.derivatives(fitted.theta)
    fitted_part = n / data.n * np.linalg.solve(expected, slopes)
    own = S[i, i] * S[j, j] + S[i, j] ** 2
    variance = own - 2 * (fitted_part * crossed).sum(axis=0) + (fitted_part * (spread @ fitted_part)).sum(axis=0)
    return np.where(variance > 1e-9 * own, variance, np.nan) / n
