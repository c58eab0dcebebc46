"""How common factors are extracted from one matrix: minres, maximum likelihood, principal axes.

For given uniquenesses the best loadings are known (eigenvectors of the reduced or the scaled matrix), so only the
uniquenesses are sought, by Newton's method with exact derivatives: five or six eigendecompositions, to the last digits. R's
``factanal`` and ``psych::fa`` seek the same minimum by L-BFGS-B, which stops some 1e-6 before it, and factor_analyzer likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
#: Least uniqueness, as a share of the item's variance; that of R's ``factanal`` and ``psych::fa``.
LEAST_UNIQUENESS = 0.005
#: Largest entry of the gradient, in units of the item's variance, at which the search stops.
GRADIENT = 1e-10


@dataclass(frozen=True, eq=False)
class Extraction:
    """Unrotated loadings (p, m), the uniquenesses (p,) they were found with, and how the search ended.

    ``loadings`` has fewer than the m columns asked for where the matrix has fewer common factors.
    """

    loadings: Array
    uniquenesses: Array
    iterations: int
    converged: bool


@dataclass(frozen=True, eq=False)
class _Split:
    """Eigenvalues and vectors: those that become factors, and the rest, which is misfit."""

    kept: Array
    kept_vectors: Array
    rest: Array
    rest_vectors: Array

    def curvature(self, weights: Array) -> Array:
        """Σ over rest k, kept l of weights[k, l]·ω_ik ω_jk ω_il ω_jl: what moving eigenvectors add to a Hessian."""
        out = np.zeros((len(self.kept_vectors),) * 2)
        for one, vector in enumerate(self.kept_vectors.T):
            out += (self.rest_vectors * weights[:, one]) @ self.rest_vectors.T * np.outer(vector, vector)
        return out


def _split(matrix: Array, m: int, floor: float) -> _Split:
    """Split the spectrum: the m largest eigenvalues where they are above `floor`, all others."""
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    k = min(m, int((values > floor).sum()))
    return _Split(values[:k], vectors[:, :k], values[k:], vectors[:, k:])


def minres(matrix: Array, m: int, start: Array) -> Extraction:
    """Minimum residual (unweighted least squares) factors: least Σ (S − LLᵀ)²ᵢⱼ over i ≠ j.

    With λ, ω the eigenpairs of S − Ψ the criterion is ½Σλₖ² over the eigenvalues that become no factor (Harman & Jones 1966).
    """
    scale = float(np.mean(np.diag(matrix)))
    s = matrix / scale

    def criterion(psi: Array) -> tuple[float, Array, Array]:
        e = _split(s - np.diag(psi), m, 0.0)
        w = e.rest_vectors
        gaps = np.minimum(e.rest[:, None] - e.kept, -1e-8)
        hessian = (w @ w.T) ** 2 + e.curvature(2 * e.rest[:, None] / gaps)
        return 0.5 * float(e.rest @ e.rest), -(w**2) @ e.rest, hessian

    v = np.diag(s)
    psi, iterations, converged = _newton(criterion, start / scale, LEAST_UNIQUENESS * v, v, v)
    e = _split(s - np.diag(psi), m, 0.0)
    return Extraction(e.kept_vectors * np.sqrt(e.kept * scale), psi * scale, iterations, converged)


def maximum_likelihood(matrix: Array, m: int, start: Array) -> Extraction:
    """Maximum-likelihood factors: least log|Σ| + tr(SΣ⁻¹) − log|S| − p with Σ = LLᵀ + Ψ, for a positive definite matrix.

    With θ, ω the eigenpairs of Ψ^(−½) S Ψ^(−½) the criterion is Σ(θₖ − log θₖ − 1) over those that become no factor; the
    search is over log Ψ (Jöreskog 1967; Lawley & Maxwell 1971).
    """

    def scaled(x: Array) -> Array:
        return matrix * np.exp(-(x[:, None] + x) / 2)

    def criterion(x: Array) -> tuple[float, Array, Array]:
        e = _split(scaled(x), m, 1.0)
        w, rest = e.rest_vectors, e.rest
        gaps = np.maximum(e.kept - rest[:, None], 1e-8)
        hessian = ((w * rest) @ w.T) * (w @ w.T) + e.curvature((1 - rest[:, None]) * (e.kept + rest[:, None]) / gaps)
        return float((rest - np.log(rest) - 1).sum()), w**2 @ (1 - rest), hessian

    v = np.diag(matrix)
    x, iterations, converged = _newton(criterion, np.log(start), np.log(LEAST_UNIQUENESS * v), np.log(v), np.ones_like(v))
    e = _split(scaled(x), m, 1.0)
    psi = np.exp(x)
    return Extraction(np.sqrt(psi)[:, None] * e.kept_vectors * np.sqrt(e.kept - 1), psi, iterations, converged)


def principal_axis(matrix: Array, m: int, start: Array, tolerance: float, max_iterations: int) -> Extraction:
    """Principal axes: communalities on the diagonal, eigenvectors, new communalities, until their sum hardly moves.

    Carried to the end this is the minres solution, unless a communality passes the item's variance, which nothing forbids here.
    `tolerance` is the change of the sum, in units of the mean variance.
    """
    reduced = matrix.copy()
    v = np.diag(matrix)
    communalities = v - start
    scale = float(np.mean(v))
    total = communalities.sum()
    for iteration in range(1, max_iterations + 1):
        np.fill_diagonal(reduced, communalities)
        e = _split(reduced, m, 0.0)
        loadings = e.kept_vectors * np.sqrt(e.kept)
        communalities = (loadings**2).sum(axis=1)
        if abs(communalities.sum() - total) <= tolerance * scale:
            return Extraction(loadings, v - communalities, iteration, True)
        total = communalities.sum()
    return Extraction(loadings, v - communalities, max_iterations, False)


def _newton(
    criterion: Callable[[Array], tuple[float, Array, Array]],
    x: Array,
    low: Array,
    high: Array,
    unit: Array,
    max_iterations: int = 200,
) -> tuple[Array, int, bool]:
    """Least value between bounds by Newton's method; directions of negative curvature are turned downhill."""
    x = np.clip(x, low, high)
    f, g, h = criterion(x)
    for iteration in range(max_iterations):
        free = ~(((x <= low) & (g > 0)) | ((x >= high) & (g < 0)))
        if np.abs(g / unit)[free].max(initial=0.0) < GRADIENT:
            return x, iteration, True
        step = np.zeros_like(x)
        step[free] = -_solved(h[np.ix_(free, free)], g[free])
        moved = _downhill(criterion, x, f, g, step, low, high) or _downhill(
            criterion, x, f, g, np.where(free, -g, 0.0), low, high
        )
        if moved is None:
            return x, iteration, False
        x, f, g, h = moved
    return x, max_iterations, False


def _solved(h: Array, g: Array) -> Array:
    """h⁻¹g, with the curvatures of h taken positive."""
    try:
        np.linalg.cholesky(h)  # positive definite, as it nearly always is
        return np.linalg.solve(h, g)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(h)
        return np.asarray(vectors @ ((vectors.T @ g) / np.maximum(np.abs(values), 1e-8 * np.abs(values).max())))


def _downhill(
    criterion: Callable[[Array], tuple[float, Array, Array]], x: Array, f: float, g: Array, step: Array, low: Array, high: Array
) -> tuple[Array, float, Array, Array] | None:
    """Go along `step`, cut at the bounds and halved until the criterion falls enough; None where it does not."""
    rounding = 1e-13 * (1 + abs(f))
    for halving in range(40):
        new = np.clip(x + step / 2**halving, low, high)
        f_new, g_new, h_new = criterion(new)
        if f_new <= f + 1e-4 * min(0.0, float(g @ (new - x))) + rounding:
            return new, f_new, g_new, h_new
    return None
