"""What incomplete answers do to fit: robust errors and χ² (MLR), and fit indices corrected for missing answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from csr_lib.stats._sem_fit import Fitted
from csr_lib.stats._sem_patterns import Curvature, Patterns, cross_products, curvature, moment_slopes, vech_information
from csr_lib.stats.sem_robust import Robust, corrections, robust_measures

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Saturated:
    """Information about the moments of one group at the saturated model, per row, about μ and the lower triangle of Σ.

    Attributes
    ----------
    observed : (m, m), from the answers there are.
    complete : (m, m), what complete answers would give.
    products : (m, m), mean product of the rows' scores.
    """

    observed: Array
    complete: Array
    products: Array


def saturated_information(fitted: Fitted, power: int) -> list[Saturated]:
    """Return the information of every group; `power` as in `robust_incomplete`."""
    out = []
    for patterns, mean, cov in zip(_patterns(fitted), fitted.data.means, fitted.data.covs, strict=True):
        out.append(
            Saturated(
                vech_information(curvature(patterns, mean, cov)),
                _complete_information(cov),
                cross_products(patterns, mean, cov, power=power),
            )
        )
    return out


def robust_incomplete(fitted: Fitted, saturated: list[Saturated], power: int) -> Robust:
    """Return the robust covariance matrix and corrections of a model fitted by full information maximum likelihood.

    Parameters
    ----------
    fitted : fitted to incomplete answers with the observed information.
    saturated : of `saturated_information`.
    power : 2 for sampling weights (they enter products of scores squared) or none, 1 for frequency weights.

    Notes
    -----
    As `csr_lib.stats.sem_robust.robust` for complete answers: sandwich of observed information and products of scores, Yuan &
    Bentler (2000) correction of χ². The same numbers: R lavaan ``estimator = "MLR", missing = "fiml"``.
    """
    n, k = fitted.data.n, fitted.structure.n_free
    meat, trace, baseline = np.zeros((k, k)), 0.0, 0.0
    for g, (patterns, s) in enumerate(zip(_patterns(fitted), saturated, strict=True)):
        m = fitted.implied[g]
        delta = moment_slopes(m, fitted.structure.free[g], fitted.structure.theta[g], k)
        meat += patterns.n / n * (delta.T @ cross_products(patterns, m.mu, m.sigma, power=power) @ delta)
        trace += float(np.trace(np.linalg.solve(s.observed, s.products)))
        baseline += _baseline_trace(patterns, power)
    bread = np.linalg.inv(fitted.information)
    return corrections(fitted.test, bread, meat, trace, baseline, n_saturated=k + fitted.test.df)


def corrected_measures(fitted: Fitted, saturated: list[Saturated], *, robust: bool) -> dict[str, float]:
    """Return CFI, TLI, RNI and RMSEA (with interval and p-values) corrected for missing answers, named ``…_robust``.

    With missing answers χ² falls in the share of information that is missing, and more for the baseline model than for a good
    one; the usual indices compare what is not comparable. These estimate what complete answers would give. `robust`: also
    for answers that are not normal.

    Notes
    -----
    Zhang & Savalei (2023): the complete-data χ² of the FIML estimates against the saturated FIML moments, X = n·F, with
    expectation df·c under a true model, c = tr(M W_c Mᵀ Γ)/df, M = I − WΔ(ΔᵀWΔ)⁻¹Δᵀ, W and W_c the information of incomplete
    and of complete answers, Γ the sampling covariance of the saturated moments (W⁻¹ for normal answers). The same numbers: R
    ``lavaan::fitMeasures`` (``cfi.robust``, ``rmsea.robust``) with ``missing = "fiml"``.
    """
    data, structure = fitted.data, fitted.structure
    shares = [n / data.n for n in data.ns]
    incomplete = linalg.block_diag(*[f * s.observed for f, s in zip(shares, saturated, strict=True)])
    complete = linalg.block_diag(*[f * s.complete for f, s in zip(shares, saturated, strict=True)])
    inverse = np.linalg.inv(incomplete)
    products = linalg.block_diag(*[f * s.products for f, s in zip(shares, saturated, strict=True)])
    gamma = inverse @ products @ inverse if robust else inverse
    own = np.vstack(
        [moment_slopes(m, structure.free[g], structure.theta[g], structure.n_free) for g, m in enumerate(fitted.implied)]
    )
    p = structure.p
    low = np.tril_indices(p)
    free = np.concatenate([np.ones(p, dtype=bool), low[0] == low[1]])
    independent = linalg.block_diag(*[np.eye(len(free))[:, free] for _ in shares])

    def scaling(delta: Array, df: int) -> float:
        inner = delta.T @ incomplete @ delta
        M = np.eye(len(delta)) - incomplete @ delta @ np.linalg.solve(inner, delta.T)
        return float(np.sum((M @ complete @ M.T) * gamma.T)) / df

    test = fitted.test
    if test.df <= 0 or test.baseline_df <= 0:
        return {}
    chi2 = baseline = 0.0
    for n, cov, mean, m, patterns in zip(data.ns, data.covs, data.means, fitted.implied, _patterns(fitted), strict=True):
        mu, variance = _independent(patterns)
        chi2 += n * _discrepancy(cov, mean, m.sigma, m.mu)
        baseline += n * _discrepancy(cov, mean, np.diag(variance), mu)
    normal = Robust(fitted.vcov, scaling(own, test.df), scaling(independent, test.baseline_df), 1.0, 1.0)
    measures = robust_measures(replace(test, chi2=chi2, baseline_chi2=baseline), normal)
    return {name: value for name, value in measures.items() if name.endswith("_robust")}


def _patterns(fitted: Fitted) -> tuple[Patterns, ...]:
    patterns: tuple[Patterns, ...] = fitted.data.patterns  # type: ignore[attr-defined]
    return patterns


def _complete_information(cov: Array) -> Array:
    """Information of one complete row about μ and the lower triangle of Σ, at the saturated model."""
    p = len(cov)
    precision = np.linalg.inv(cov)
    expected = 0.5 * np.einsum("ab,dc->adbc", precision, precision)
    return vech_information(Curvature(0.0, np.zeros(p), np.zeros((p, p)), precision, np.zeros((p, p, p)), expected, expected))


def _independent(patterns: Patterns) -> tuple[Array, Array]:
    """Mean and variance of the answers to each item: the estimates of the baseline model."""
    x, seen, w = patterns.rows, patterns.seen[patterns.member], patterns.case_weight
    count = w @ seen
    mean = w @ np.where(seen, x, 0.0) / count
    return mean, w @ np.where(seen, (x - mean) ** 2, 0.0) / count


def _baseline_trace(patterns: Patterns, power: int) -> float:
    """tr(BA⁻¹) of the baseline model: every item has its own mean and variance, and gives what its answers give."""
    seen, w = patterns.seen[patterns.member], patterns.case_weight
    mean, variance = _independent(patterns)
    square = np.where(seen, (patterns.rows - mean) ** 2 / variance, 0.0)
    each = w**power @ np.where(seen, square + (square - 1) ** 2 / 2, 0.0)
    return float((each / (w @ seen)).sum())


def _discrepancy(cov: Array, mean: Array, sigma: Array, mu: Array) -> float:
    """ln|Σ| − ln|S| + tr(SΣ⁻¹) − p + (m − μ)ᵀΣ⁻¹(m − μ)."""
    d = mean - mu
    ratio = np.linalg.solve(sigma, cov)
    return float(np.trace(ratio) - np.linalg.slogdet(ratio)[1] - len(cov) + d @ np.linalg.solve(sigma, d))
