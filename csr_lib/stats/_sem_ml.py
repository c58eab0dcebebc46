"""Implied moments of a covariance structure model, the normal likelihood with its derivatives, and its maximum.

Notation (reticular action model, McArdle & McDonald 1984). All variables v, observed ones first, follow v = m + A v + e with
Cov(e) = S. With E = (I − A)⁻¹ and G the rows of E that are observed, Σ = G S Gᵀ and μ = G m. Every derivative of Σ has
rank two, ∂Σ/∂θ = u vᵀ + v uᵀ, so that gradient, expected information and Hessian cost a few small matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from csr_lib.stats._sem_spec import Row, Specification

Array = np.ndarray
_KIND = {"=~": 0, "~": 0, "~~": 1, "~1": 2}


@dataclass(frozen=True, eq=False)
class Block:
    """Sample moments that one group of the model is held against.

    A complete sample is one block per group; rows that lack the same answers are a block too, with the columns that they have.

    Attributes
    ----------
    n : rows (sum of weights).
    cov : (o, o), divisor n (maximum likelihood); may be singular where there are few rows.
    mean : (o,).
    group : which group of the model.
    columns : positions of the observed variables that the block has.
    """

    n: float
    cov: Array
    mean: Array
    group: int
    columns: Array


@dataclass(frozen=True, eq=False)
class Entries:
    """Cells of A, S and m that stand for parameters: kind (0 A, 1 S, 2 m), row, column."""

    kind: Array
    i: Array
    j: Array

    @classmethod
    def of(cls, rows: Sequence[Row], position: dict[str, int]) -> Entries:
        kind = np.array([_KIND[r.op] for r in rows], dtype=int)
        to = [r.rhs if r.op == "=~" else r.lhs for r in rows]
        by = [{"=~": r.lhs, "~1": r.lhs}.get(r.op, r.rhs) for r in rows]
        return cls(kind, np.array([position[v] for v in to], dtype=int), np.array([position[v] for v in by], dtype=int))

    @cached_property
    def sets(self) -> tuple[Array, Array, Array]:
        """Positions of the entries in A, in S, in m."""
        return np.flatnonzero(self.kind == 0), np.flatnonzero(self.kind == 1), np.flatnonzero(self.kind == 2)

    @cached_property
    def half(self) -> Array:
        """½ for variances, whose cell stands once in S, otherwise 1."""
        return np.where((self.kind == 1) & (self.i == self.j), 0.5, 1.0)


class Structure:
    """A Specification turned into matrices.

    Attributes
    ----------
    spec : what it was made of.
    p : number of observed variables, the first of the q variables.
    theta : per group, position in the parameter vector of each of its free entries.
    pool : per group, (entries, parameters) ones and zeros that sum the entries of one parameter.
    free : per group, the free Entries.
    """

    def __init__(self, spec: Specification):
        self.spec = spec
        self.names = spec.observed + spec.latent
        self.p, self.q = len(spec.observed), len(self.names)
        self.position = {v: k for k, v in enumerate(self.names)}
        self.theta: list[Array] = []
        self.pool: list[Array] = []
        self.free: list[Entries] = []
        self._fixed: list[tuple[Array, Array, Array]] = []
        for g in range(spec.groups):
            mine = [(r, k) for r, k in zip(spec.rows, spec.index, strict=True) if r.group == g]
            self.free.append(Entries.of([r for r, k in mine if k >= 0], self.position))
            self.theta.append(np.array([k for _, k in mine if k >= 0], dtype=int))
            self.pool.append(np.eye(spec.n_free)[self.theta[-1]])
            fixed = [r for r, k in mine if k < 0]
            base = np.zeros((self.q, self.q)), np.zeros((self.q, self.q)), np.zeros(self.q)
            self._fill(base, Entries.of(fixed, self.position), np.array([r.value for r in fixed]))
            self._fixed.append(base)

    @property
    def n_free(self) -> int:
        return self.spec.n_free

    def matrices(self, theta: Array, group: int = 0) -> tuple[Array, Array, Array]:
        """Return A, S (q, q) and m (q,) of a group."""
        out = tuple(part.copy() for part in self._fixed[group])
        self._fill(out, self.free[group], theta[self.theta[group]])
        return out  # type: ignore[return-value]

    @staticmethod
    def _fill(matrices: tuple[Array, ...], at: Entries, values: Array) -> None:
        a, s, m = at.sets
        matrices[0][at.i[a], at.j[a]] = values[a]
        matrices[1][at.i[s], at.j[s]] = values[s]
        matrices[1][at.j[s], at.i[s]] = values[s]
        matrices[2][at.i[m]] = values[m]

    def implied(self, theta: Array, group: int = 0) -> Implied:
        """Return the implied moments of a group; raises LinAlgError where I − A has no inverse."""
        A, S, m = self.matrices(theta, group)
        E = np.linalg.inv(np.eye(self.q) - A)
        return Implied(E, E @ S @ E.T, E @ m, S, self.p)


@dataclass(frozen=True, eq=False)
class Implied:
    """Moments of all q variables that the parameters imply: E = (I − A)⁻¹, cov = E S Eᵀ, mean = E m; the first p are observed."""

    E: Array
    cov: Array
    mean: Array
    S: Array
    p: int

    @property
    def sigma(self) -> Array:
        """Implied covariances of the observed variables."""
        return self.cov[: self.p, : self.p]

    @property
    def mu(self) -> Array:
        """Implied means of the observed variables."""
        return self.mean[: self.p]


@dataclass(frozen=True, eq=False)
class Slopes:
    """Derivatives of a block's moments by entries: ∂Σ = u vᵀ + v uᵀ and ∂μ = d, columns of (o, k) arrays."""

    u: Array
    v: Array
    d: Array

    @classmethod
    def of(cls, implied: Implied, at: Entries, columns: Array) -> Slopes:
        G, C = implied.E[columns], implied.cov[columns]
        u, v = G[:, at.i], np.zeros((len(columns), len(at.i)))
        a, s, m = at.sets
        v[:, a] = C[:, at.j[a]]
        v[:, s] = G[:, at.j[s]] * at.half[s]
        d = np.zeros_like(v)
        d[:, a] = u[:, a] * implied.mean[at.j[a]]
        d[:, m] = u[:, m]
        u[:, m] = 0.0
        return cls(u, v, d)

    def information(self, precision: Array) -> Array:
        """Expected information of one row: ½tr(Σ⁻¹∂ₐΣ Σ⁻¹∂ᵦΣ) + ∂ₐμᵀΣ⁻¹∂ᵦμ, (k, k)."""
        pu, pv = precision @ self.u, precision @ self.v
        uv = self.u.T @ pv
        return uv * uv.T + (self.u.T @ pu) * (self.v.T @ pv) + self.d.T @ precision @ self.d


class Likelihood:
    """The normal likelihood of a structure, given blocks of sample moments.

    `value` is F = Σ_b n_b/(2N)·(ln|Σ| + tr(Σ⁻¹T)) with T = cov + (mean − μ)(mean − μ)ᵀ: minus the log-likelihood per row but for
    ½p·ln 2π. Without a mean structure the means are left free and drop out.
    """

    def __init__(self, structure: Structure, blocks: Sequence[Block]):
        self.structure = structure
        self.blocks = tuple(blocks)
        self.n = math.fsum(b.n for b in self.blocks)
        self.means = structure.spec.mean_structure
        self._last: tuple[Array, list[tuple[Block, _At]]] | None = None

    def value(self, theta: Array) -> float:
        """F; infinite where an implied matrix is not positive definite."""
        try:
            total = math.fsum(b.n * (at.logdet + float(np.sum(at.precision * at.T))) for b, at in self._evaluated(theta))
        except np.linalg.LinAlgError:
            return math.inf
        return total / (2 * self.n) if math.isfinite(total) else math.inf

    def derivatives(self, theta: Array, *, hessian: bool = False) -> tuple[Array, Array, Array | None]:
        """Return the gradient of F, the expected information of one row and, if asked for, the Hessian of F."""
        k = self.structure.n_free
        gradient, information = np.zeros(k), np.zeros((k, k))
        second = np.zeros((k, k)) if hessian else None
        for b, at in self._evaluated(theta):
            entries, pool = self.structure.free[b.group], self.structure.pool[b.group]
            slopes = Slopes.of(at.implied, entries, b.columns)
            W = at.precision - at.precision @ at.T @ at.precision
            share = b.n / self.n
            gradient += share * (np.einsum("ia,ia->a", slopes.u, W @ slopes.v) - (at.precision @ at.d) @ slopes.d) @ pool
            information += share * (pool.T @ slopes.information(at.precision) @ pool)
            if second is not None:
                second += share * (pool.T @ _hessian(at, entries, slopes, b.columns, W) @ pool)
        return gradient, information, second

    def _evaluated(self, theta: Array) -> list[tuple[Block, _At]]:
        """Blocks with the implied moments against them; those of the last parameters are kept."""
        if self._last is None or not np.array_equal(self._last[0], theta):
            implied = [self.structure.implied(theta, g) for g in range(self.structure.spec.groups)]
            self._last = theta.copy(), [(b, self._against(implied[b.group], b)) for b in self.blocks]
        return self._last[1]

    def _against(self, implied: Implied, b: Block) -> _At:
        root = np.linalg.cholesky(implied.cov[b.columns[:, None], b.columns])
        inverse = np.linalg.inv(root)
        logdet = 2 * float(np.log(np.diag(root)).sum())
        d = b.mean - implied.mean[b.columns] if self.means else np.zeros(len(b.columns))
        T = b.cov + np.outer(d, d) if self.means else b.cov
        return _At(implied, d, T, logdet, inverse.T @ inverse)


@dataclass(frozen=True, eq=False)
class _At:
    """Implied moments against a block: difference of means d, T, ln|Σ| and Σ⁻¹."""

    implied: Implied
    d: Array
    T: Array
    logdet: float
    precision: Array


def _hessian(at: _At, entries: Entries, s: Slopes, columns: Array, W: Array) -> Array:
    """Second derivatives of ½(ln|Σ| + tr(Σ⁻¹T)) by the entries of a group."""
    P, Q = at.precision, at.precision - W  # Q = PTP
    (pu, puv, pv), (qu, quv, qv) = ((s.u.T @ M @ s.u, s.u.T @ M @ s.v, s.v.T @ M @ s.v) for M in (P, Q))
    # −½tr(PΣₐPΣᵦ) + ½tr(PΣₐQΣᵦ) + ½tr(QΣₐPΣᵦ)
    out = -(puv * puv.T + pu * pv) + (puv * quv.T + quv * puv.T) + (pu * qv + qu * pv)
    Pd = P @ at.d
    slope_u, slope_v = s.u.T @ Pd, s.v.T @ Pd
    PD = P @ s.d
    cross = slope_u[:, None] * (s.v.T @ PD) + slope_v[:, None] * (s.u.T @ PD)
    out += cross + cross.T + s.d.T @ PD
    return out + curvature_of_structure(at.implied, entries, columns, W, Pd)


def curvature_of_structure(m: Implied, at: Entries, columns: Array, W: Array, Pd: Array) -> Array:
    """½tr(WΣₐᵦ) − dᵀPμₐᵦ: only entries of A have second derivatives, with entries of any kind."""
    G, C = m.E[columns], m.cov[columns]
    GWG, GWC = G.T @ W @ G, G.T @ W @ C
    g = G.T @ Pd
    a, v, means = at.sets
    i, j = at.i, at.j
    E, cov, mean = m.E, m.cov, m.mean
    extra = np.zeros((len(i), len(i)))
    ia, ja = i[a], j[a]
    k, l = ia[None, :], ja[None, :]  # noqa: E741
    own = ia[:, None], ja[:, None]
    within = E[l, own[0]] * GWC[k, own[1]] + GWG[own[0], k] * cov[own[1], l] + GWC[own[0], l] * E[own[1], k]
    within -= g[k] * E[l, own[0]] * mean[own[1]] + g[own[0]] * E[own[1], k] * mean[l]
    extra[np.ix_(a, a)] = within
    iv, jv = i[v][:, None], j[v][:, None]
    extra[np.ix_(v, a)] = at.half[v][:, None] * (E[l, iv] * GWG[k, jv] + E[l, jv] * GWG[iv, k])
    extra[np.ix_(a, v)] = extra[np.ix_(v, a)].T
    im = i[means][:, None]
    extra[np.ix_(means, a)] = -g[k] * E[l, im]
    extra[np.ix_(a, means)] = extra[np.ix_(means, a)].T
    return extra


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the search ended.

    ``gradient`` is the largest element of the gradient of F in units of √information; ``converged`` if it is below the tolerance.
    """

    theta: Array
    value: float
    gradient: float
    iterations: int
    converged: bool


def minimise(likelihood: Likelihood, start: Array, *, tolerance: float = 1e-9, max_iterations: int = 500) -> Optimum:
    """Minimise F by Fisher scoring, and by Newton's method with the exact Hessian where it is near and positive definite.

    A step that does not lower F, or that leaves the region where Σ is positive definite, is damped (Levenberg–Marquardt).
    """
    theta = np.array(start, dtype=float)
    if not len(theta):
        return Optimum(theta, likelihood.value(theta), 0.0, 0, True)
    value = likelihood.value(theta)
    damping, size, near = 0.0, math.inf, False
    for step in range(max_iterations + 1):
        try:
            gradient, information, hessian = likelihood.derivatives(theta, hessian=near)
        except np.linalg.LinAlgError:
            break
        scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
        g = gradient / scale
        size = float(np.abs(g).max())
        if size < tolerance:
            return Optimum(theta, value, size, step, True)
        if step == max_iterations or not math.isfinite(size):
            break
        near = near or size < 0.05
        with np.errstate(over="ignore", invalid="ignore"):
            curvatures = [c / np.outer(scale, scale) for c in (hessian, information) if c is not None]
        if not all(np.isfinite(c).all() for c in curvatures):
            break
        moved = False
        for _ in range(40):
            delta = _step(curvatures, g, damping)
            trial = theta + delta / scale
            reached = likelihood.value(trial)
            # near the end F changes by less than its rounding
            if reached < value or (reached - value < 1e-13 * max(1.0, abs(value)) and size < 1e-5):
                damping = 0.0 if damping < 1e-6 else damping / 10
                theta, value, moved = trial, reached, True
                break
            damping = max(10 * damping, 1e-4)
        if not moved:
            break
    return Optimum(theta, value, size, step, size < tolerance)


def _step(curvatures: Sequence[Array], g: Array, damping: float) -> Array:
    """−C⁻¹g with the first curvature that is positive definite; with damping·I added."""
    eye = np.eye(len(g))
    for c in curvatures:
        try:
            root = np.linalg.inv(np.linalg.cholesky(c + damping * eye))
        except np.linalg.LinAlgError:
            continue
        delta = -(root.T @ (root @ g))
        if np.isfinite(delta).all():
            return np.asarray(delta)
    c = curvatures[-1] + max(damping, 1e-6) * eye
    return np.asarray(-np.linalg.lstsq(c, g, rcond=None)[0])
