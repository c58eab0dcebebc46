"""The normal likelihood of incomplete rows: sums by pattern of missing answers, its derivatives, the saturated moments.

Rows that lack the same answers share Σ⁻¹ of the answers they have. It is kept in a p × p matrix that is 0 where an answer is
missing, so that all patterns are one array and every sum over patterns is one matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from csr_lib.stats._sem_ml import Entries, Implied, Likelihood, Slopes, Structure, curvature_of_structure

Array = np.ndarray

#: Cells of the matrices of patterns, or of scores of rows, that are held at a time.
_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class Patterns:
    """Incomplete rows of one group, summed by pattern of missing answers.

    Attributes
    ----------
    seen : (K, p), which answers the rows of a pattern have.
    weight : (K,), sum of the case weights of its rows.
    mean, cov : (K, p) and (K, p, p), of the answers there are (divisor Σw); 0 elsewhere.
    rows, member, case_weight : (n, p) answers, (n,) the pattern of each row, (n,) its weight.
    """

    seen: Array
    weight: Array
    mean: Array
    cov: Array
    rows: Array
    member: Array
    case_weight: Array

    @classmethod
    def of(cls, rows: Array, case_weight: Array) -> Patterns:
        """Sum `rows` (n, p; NaN is no answer, every row has one) by pattern."""
        seen, member = np.unique(~np.isnan(rows), axis=0, return_inverse=True)
        member = member.ravel()
        k, p = seen.shape
        zero = np.where(np.isnan(rows), 0.0, rows)
        weight = np.bincount(member, case_weight, k)
        order = np.argsort(member, kind="stable")
        starts = np.searchsorted(member[order], np.arange(k))
        w = case_weight[order, None]
        mean = np.add.reduceat(w * zero[order], starts) / weight[:, None]
        centred = np.where(seen[member[order]], zero[order] - mean[member[order]], 0.0)
        cov = np.empty((k, p, p))
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(rows)], strict=True)):
            part = centred[start:end]
            cov[number] = part.T @ (w[start:end] * part) / weight[number]
        return cls(seen, weight, mean, cov, rows, member, case_weight)

    @property
    def n(self) -> float:
        """Sum of the weights."""
        return float(self.weight.sum())

    @property
    def answers(self) -> float:
        """Answers, weighted; times ½ln 2π it is the constant of the log-likelihood."""
        return float(self.weight @ self.seen.sum(axis=1))

    def chunks(self) -> Iterator[slice]:
        """Slices of patterns that fit into memory."""
        size = max(1, _CELLS // self.seen.shape[1] ** 2)
        return (slice(at, at + size) for at in range(0, len(self.weight), size))


def precisions(seen: Array, sigma: Array) -> tuple[Array, Array]:
    """Σ⁻¹ of the answers of each pattern, (K, p, p) with 0 elsewhere, and ln|Σ|, (K,); raises LinAlgError for an indefinite Σ."""
    root = np.linalg.cholesky(sigma)
    whole = np.linalg.inv(sigma)
    precision = np.repeat(whole[None], len(seen), axis=0)
    logdet = np.full(len(seen), 2 * float(np.log(np.diag(root)).sum()))
    missing = (~seen).sum(axis=1)
    for count in np.unique(missing[missing > 0]):
        # with K = Σ⁻¹ of all, that of the answers is K_oo − K_om K_mm⁻¹ K_mo, and ln|Σ_oo| = ln|Σ| + ln|K_mm|
        rows = np.flatnonzero(missing == count)
        m = np.nonzero(~seen[rows])[1].reshape(-1, count)
        side, inner = whole[m], whole[m[:, :, None], m[:, None, :]]
        precision[rows] -= side.transpose(0, 2, 1) @ np.linalg.solve(inner, side)
        logdet[rows] += np.linalg.slogdet(inner)[1]
    precision *= seen[:, :, None] & seen[:, None, :]
    return precision, logdet


@dataclass(frozen=True, eq=False)
class Curvature:
    """Sums over the patterns of a group, per row: value and derivatives of F = −logL/n (without its constant) by μ and Σ.

    Attributes
    ----------
    value : ½(ln|Σ| + tr(Σ⁻¹T)), T = cov + (mean − μ)(mean − μ)ᵀ.
    slope_mean, slope_cov : (p,) and (p, p); ∂F = slope_mean·∂μ + ½tr(slope_cov ∂Σ).
    mean : (p, p), the second derivative by μ.
    cross : (p, p, p), with ∂²F = Σ cross[b, c, i] ∂Σ_bc ∂μ_i.
    expected, observed : (p, p, p, p), with ∂²F = Σ M[a, d, b, c] ∂Σ_ad ∂Σ_bc; expected and observed.
    """

    value: float
    slope_mean: Array
    slope_cov: Array
    mean: Array
    cross: Array
    expected: Array
    observed: Array


def curvature(patterns: Patterns, mu: Array, sigma: Array, *, observed: bool = True) -> Curvature:
    """Return value, slopes and second derivatives at means `mu` and covariances `sigma`."""
    p = len(mu)
    total = 0.0
    slope_mean, slope_cov, mean = np.zeros(p), np.zeros((p, p)), np.zeros((p, p))
    cross = np.zeros((p, p * p))
    low = np.tril_indices(p)
    pairs = len(low[0])
    expected, seen_part = np.zeros((pairs, pairs)), np.zeros((pairs, pairs))
    for part in patterns.chunks():
        share = patterns.weight[part] / patterns.n
        P, logdet = precisions(patterns.seen[part], sigma)
        d, Pd, Q = _residuals(patterns, part, P, mu)
        total += float(share @ (logdet + np.einsum("kij,kij->k", P, patterns.cov[part]) + np.einsum("ki,ki->k", d, Pd)))
        slope_mean -= share @ Pd
        weighted = share[:, None, None] * P
        slope_cov += (weighted - share[:, None, None] * Q).sum(axis=0)
        mean += weighted.sum(axis=0)
        mine = P[:, low[0], low[1]]
        expected += (0.5 * share[:, None] * mine).T @ mine
        if observed:
            cross += (share[:, None] * Pd).T @ P.reshape(len(P), -1)
            seen_part += (share[:, None] * mine).T @ Q[:, low[0], low[1]]
    full = _pair_of_cell(p)

    def spread(sums: Array) -> Array:
        """From sums over P_ab V_dc, pairs of symmetric cells, to [a, d, b, c]."""
        return sums[full][:, full].reshape(p, p, p, p).transpose(0, 2, 1, 3)

    return Curvature(
        total / 2,
        slope_mean,
        slope_cov,
        mean,
        cross.reshape(p, p, p),
        spread(expected),
        spread(seen_part - expected) if observed else np.zeros((0, 0, 0, 0)),
    )


def _pair_of_cell(p: int) -> Array:
    """For each of the p² cells of a symmetric matrix its place in the lower triangle, row by row."""
    pair = np.zeros((p, p), dtype=int)
    pair[np.tril_indices(p)] = np.arange(p * (p + 1) // 2)
    return np.maximum(pair, pair.T).ravel()


def _residuals(patterns: Patterns, part: slice, P: Array, mu: Array) -> tuple[Array, Array, Array]:
    """d = mean − μ, Σ⁻¹d and Σ⁻¹TΣ⁻¹ of each pattern."""
    d = np.where(patterns.seen[part], patterns.mean[part] - mu, 0.0)
    Pd = (P @ d[:, :, None])[:, :, 0]
    return d, Pd, P @ patterns.cov[part] @ P + Pd[:, :, None] * Pd[:, None, :]


class IncompleteLikelihood(Likelihood):
    """The likelihood of a structure with a mean structure, from incomplete rows; for `_sem_ml.minimise`."""

    def __init__(self, structure: Structure, groups: Sequence[Patterns]):
        super().__init__(structure, ())
        self.groups = tuple(groups)
        self.n = math.fsum(g.n for g in groups)

    def value(self, theta: Array) -> float:
        """F; infinite where an implied matrix is not positive definite."""
        total = 0.0
        try:
            for g, patterns in enumerate(self.groups):
                implied = self.structure.implied(theta, g)
                for part in patterns.chunks():
                    P, logdet = precisions(patterns.seen[part], implied.sigma)
                    d = np.where(patterns.seen[part], patterns.mean[part] - implied.mu, 0.0)
                    quadratic = np.einsum("ki,kij,kj->k", d, P, d, optimize=True)
                    trace = np.einsum("kij,kij->k", P, patterns.cov[part])
                    total += float(patterns.weight[part] @ (logdet + trace + quadratic))
        except np.linalg.LinAlgError:
            return math.inf
        return total / (2 * self.n) if math.isfinite(total) else math.inf

    def derivatives(self, theta: Array, *, hessian: bool = False) -> tuple[Array, Array, Array | None]:
        """Return the gradient of F, an expected information of one row and, if asked for, the Hessian of F.

        The information is the expected one given which answers are missing.
        """
        k = self.structure.n_free
        gradient, information = np.zeros(k), np.zeros((k, k))
        second = np.zeros((k, k)) if hessian else None
        for g, patterns in enumerate(self.groups):
            implied = self.structure.implied(theta, g)
            at, where = self.structure.free[g], self.structure.theta[g]
            c = curvature(patterns, implied.mu, implied.sigma, observed=hessian)
            columns = np.arange(len(implied.mu))
            s = Slopes.of(implied, at, columns)
            delta = (s.u[:, None] * s.v[None] + s.v[:, None] * s.u[None]).reshape(-1, len(where))
            share = patterns.n / self.n
            spread = where[:, None], where[None, :]
            np.add.at(gradient, where, share * (c.slope_mean @ s.d + 0.5 * c.slope_cov.ravel() @ delta))
            means = s.d.T @ c.mean @ s.d
            size = len(delta)
            np.add.at(information, spread, share * (delta.T @ (c.expected.reshape(size, size) @ delta) + means))
            if second is not None:
                mixed = delta.T @ (c.cross.reshape(size, -1) @ s.d)
                own = delta.T @ (c.observed.reshape(size, size) @ delta) + means + mixed + mixed.T
                own += curvature_of_structure(implied, at, columns, c.slope_cov, -c.slope_mean)
                np.add.at(second, spread, share * own)
        return gradient, information, second


def vech_information(c: Curvature) -> Array:
    """Observed information of one row about μ and the lower triangle of Σ, row by row, (m, m) with m = p + p(p + 1)/2."""
    p = len(c.mean)
    twice = np.zeros((p * p, p * (p + 1) // 2))
    twice[np.arange(p * p), _pair_of_cell(p)] = 1.0
    mixed = twice.T @ c.cross.reshape(p * p, p)
    return np.block([[c.mean, mixed.T], [mixed, twice.T @ c.observed.reshape(p * p, p * p) @ twice]])


def cross_products(patterns: Patterns, mu: Array, sigma: Array, *, power: int = 2) -> Array:
    """Σ wᵖ s sᵀ/n of the rows' scores s by μ and the lower triangle of Σ, (m, m).

    `power` is 2 for sampling weights, 1 for frequency weights.
    """
    n, p = patterns.rows.shape
    low = np.tril_indices(p)
    half = np.where(low[0] == low[1], 0.5, 1.0)
    precision, _ = precisions(patterns.seen, sigma)
    flat = precision[:, low[0], low[1]]
    out = np.zeros((p + len(half), p + len(half)))
    size = max(1, _CELLS // len(out))
    order = np.argsort(patterns.member, kind="stable")
    for at in range(0, n, size):
        rows = order[at : at + size]
        member = patterns.member[rows]
        d = patterns.rows[rows] - mu
        d[~patterns.seen[member]] = 0.0
        z = np.empty_like(d)
        for k in np.unique(member):
            mine = member == k
            z[mine] = d[mine] @ precision[k]
        scores = np.hstack([z, half * (z[:, low[0]] * z[:, low[1]] - flat[member])])
        out += scores.T @ (patterns.case_weight[rows, None] ** power * scores)
    return out / patterns.n


def moment_slopes(implied: Implied, at: Entries, where: Array, n_free: int) -> Array:
    """Derivatives of μ and of the lower triangle of Σ by the parameters, (m, k)."""
    p = implied.p
    s = Slopes.of(implied, at, np.arange(p))
    low = np.tril_indices(p)
    by_entry = np.vstack([s.d, s.u[low[0]] * s.v[low[1]] + s.v[low[0]] * s.u[low[1]]])
    out = np.zeros((len(by_entry), n_free))
    np.add.at(out.T, where, by_entry.T)
    return out
