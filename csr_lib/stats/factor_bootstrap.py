"""How far loadings would differ with other respondents: a bootstrap of a factor solution."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from csr_lib.core.errors import CsrError, OptionError
from csr_lib.stats.factor import FactorSolution, factor_analysis
from csr_lib.stats.resampling import AnySample, Seed, percentile_interval, resample_counts, standard_error

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class FactorBootstrap:
    """Draws of a factor solution; a draw that could not be estimated is NaN.

    Attributes
    ----------
    solution : what was resampled.
    loadings : (B, p, m), pattern loadings, turned towards those of the solution.
    """

    solution: FactorSolution
    loadings: Array

    @property
    def n_failed(self) -> int:
        """Draws that could not be estimated."""
        return int((~np.isfinite(self.loadings).all(axis=(1, 2))).sum())

    def loading_table(self, level: float = 0.95) -> pd.DataFrame:
        """Return ``item factor estimate std_error ci_low ci_high stable``, items in their order, all factors of each.

        ``stable`` is the share of draws in which the item loads on this factor more than on any other.
        """
        s = self.solution
        b, p, m = self.loadings.shape
        flat = self.loadings.reshape(b, p * m)
        low, high = percentile_interval(flat, level)
        good = self.loadings[np.isfinite(self.loadings).all(axis=(1, 2))]
        first = np.abs(good).argmax(axis=2)
        stable = (first[:, :, None] == np.arange(m)).mean(axis=0) if len(good) else np.full((p, m), np.nan)
        return pd.DataFrame(
            {
                "item": np.repeat(list(s.moments.columns), m),
                "factor": list(s.factors) * p,
                "estimate": s.rotation.loadings.ravel(),
                "std_error": standard_error(flat),
                "ci_low": low,
                "ci_high": high,
                "stable": stable.ravel(),
            }
        )


def factor_bootstrap(
    sample: AnySample, solution: FactorSolution, *, resamples: int = 500, seed: Seed = 0, strata: Array | None = None
) -> FactorBootstrap:
    """Resample respondents and estimate the factors of every resample.

    Parameters
    ----------
    sample : the answers that the solution's moments were made of.
    solution : of Pearson correlations or covariances; its items must be in `sample`.
    resamples, seed : number of resamples; a seed or generator.
    strata : (n,) codes; within each the number of rows drawn stays what it is.

    Raises
    ------
    OptionError
        Fewer than one resample; moments that are not those of `sample` (a polychoric matrix).

    Notes
    -----
    Factors of a resample come in another order, with other signs, and turned; each draw's unrotated loadings are turned to the
    solution's by an orthogonal Procrustes rotation (Schönemann 1966) and then take the solution's own rotation, so that
    columns mean the same in all draws (Ichikawa & Konishi 1995; Zhang, Preacher & Luo 2010). Percentile intervals. (Eigenvalues,
    shares of variance and KMO are not resampled: resampling adds chance correlations, which moves them all to one side.)
    """
    own = sample.take(solution.moments.columns) if sample.columns != solution.moments.columns else sample
    m = own.moments()
    if not np.allclose(m.correlation, solution.moments.correlation, atol=1e-8):
        raise OptionError(
            "the correlations of the solution are not those of the sample",
            where="factor_bootstrap",
            allowed="a solution from the sample's own moments",
            mend="make the moments with sample.moments()",
        )
    turn = solution.rotation.transformation
    target = solution.rotation.loadings @ np.linalg.inv(turn)
    parts: list[Array] = []
    for counts in resample_counts(own, resamples, seed, strata=strata):
        matrices = _matrices(own.resampled(counts)[1], solution)
        unrotated = _components(matrices, target.shape[1]) if solution.method == "components" else _factors(matrices, solution)
        parts.append(_turned(unrotated, target) @ turn)
    return FactorBootstrap(solution, np.concatenate(parts))


def _matrices(covs: Array, solution: FactorSolution) -> Array:
    """Correlation (or covariance) matrices (B, p, p) of the draws; NaN where an item does not vary."""
    covs = np.ascontiguousarray(covs)
    variances = np.diagonal(covs, axis1=1, axis2=2)
    good = (variances > 0).all(axis=1)
    out = np.full_like(covs, np.nan)
    if solution.matrix == "covariance":
        out[good] = covs[good]
    else:
        sd = np.sqrt(variances[good])
        out[good] = covs[good] / (sd[:, :, None] * sd[:, None, :])
    return out


def _good(matrices: Array) -> Array:
    return np.isfinite(matrices).all(axis=(1, 2))


def _components(matrices: Array, m: int) -> Array:
    out = np.full((*matrices.shape[:2], m), np.nan)
    good = _good(matrices)
    values, vectors = np.linalg.eigh(matrices[good])
    out[good] = vectors[:, :, ::-1][:, :, :m] * np.sqrt(np.maximum(values[:, ::-1][:, None, :m], 0.0))
    return out


def _factors(matrices: Array, solution: FactorSolution) -> Array:
    m = len(solution.factors)
    out = np.full((*matrices.shape[:2], m), np.nan)
    for b, matrix in enumerate(matrices):
        try:
            drawn = replace(solution.moments, cov=matrix)
            found = factor_analysis(drawn, m, method=solution.method, rotation="none", matrix=solution.matrix)
        except CsrError:
            continue
        out[b] = found.rotation.loadings
    return out


def _turned(loadings: Array, target: Array) -> Array:
    """Turn each of (B, p, m) by the orthogonal matrix that brings it nearest to `target`: U·Vᵀ of the SVD of AᵀB."""
    out = np.full_like(loadings, np.nan)
    good = np.isfinite(loadings).all(axis=(1, 2))
    u, _, v = np.linalg.svd(loadings[good].transpose(0, 2, 1) @ target)
    out[good] = loadings[good] @ (u @ v)
    return out
