"""Start values of a covariance structure model: each factor is first stood for by the sum of its items."""

from __future__ import annotations

import numpy as np

from csr_lib.stats._sem_ml import Structure
from csr_lib.stats._sem_spec import Row

Array = np.ndarray


def start_values(structure: Structure, covs: list[Array], means: list[Array], *, equal: bool = False) -> Array:
    """Return a vector of start values from which the search goes to the maximum in a few steps.

    Loadings come from the first principal component of a factor's items, variances and covariances of factors from those of
    the components after taking out the share of error, regressions from these by least squares. Equal parameters start
    at the mean of what they would start at alone.

    Parameters
    ----------
    covs, means : per group, moments of the observed variables in the order of the structure.
    equal : all loadings of a factor start at √½ of the item's standard deviation instead: a second way in, where the first leads
        to values that run away.
    """
    spec = structure.spec
    total, count = np.zeros(spec.n_free), np.zeros(spec.n_free)
    for g, (cov, mean) in enumerate(zip(covs, means, strict=True)):
        rows = [(r, k) for r, k in zip(spec.rows, spec.index, strict=True) if r.group == g]
        values = _group_start([r for r, _ in rows], structure, cov, mean, equal)
        for (_, k), value in zip(rows, values, strict=True):
            if k >= 0:
                total[k] += value
                count[k] += 1
    theta = total / count
    return _with_means(structure, theta, means) if spec.mean_structure else theta


def _with_means(structure: Structure, theta: Array, means: list[Array]) -> Array:
    """Start intercepts, in which the implied means are linear, by least squares; the other parameters stay what they are."""
    p, left, right = structure.p, [], []
    at = sorted({int(k) for where, e in zip(structure.theta, structure.free, strict=True) for k in where[e.sets[2]]})
    if not at:
        return theta
    zero = theta.copy()
    zero[at] = 0.0
    for g, mean in enumerate(means):
        implied = structure.implied(zero, g)
        slopes = np.zeros((p, structure.n_free))
        entries = structure.free[g].sets[2]
        np.add.at(slopes.T, structure.theta[g][entries], implied.E[:p, structure.free[g].i[entries]].T)
        left.append(slopes[:, at])
        right.append(mean - implied.mu)
    zero[at] = np.linalg.lstsq(np.concatenate(left), np.concatenate(right), rcond=None)[0]
    return zero


def _group_start(rows: list[Row], structure: Structure, cov: Array, mean: Array, equal: bool) -> list[float]:
    position, p = structure.position, structure.p
    full = np.zeros((structure.q, structure.q))  # covariances of all variables, factors by their stand-ins
    full[:p, :p] = cov
    loading: dict[tuple[str, str], float] = {}
    for factor in _by_order(rows, structure):
        mine = [r for r in rows if r.op == "=~" and r.lhs == factor]
        items = np.array([position[r.rhs] for r in mine])
        weights, loads, variance = _one_factor(full[np.ix_(items, items)], equal)
        scale = _scale(factor, mine, loads, variance, rows)
        for r, value in zip(mine, loads, strict=True):
            loading[r.lhs, r.rhs] = value / scale if scale else value
        at = position[factor]
        known = np.flatnonzero(full.diagonal() > 0)
        full[at, known] = full[known, at] = weights @ full[np.ix_(items, known)] * scale
        full[at, at] = variance * scale**2
    _moderate(full)
    slopes: dict[tuple[str, str], float] = {}
    used: dict[str, float] = {}  # variance that a variable owes to others
    for target in dict.fromkeys(r.lhs for r in rows if r.op == "~"):
        sources = [r.rhs for r in rows if r.op == "~" and r.lhs == target]
        places = [position[v] for v in sources]
        a = full[np.ix_(places, places)]
        b = np.linalg.lstsq(a + 0.05 * np.diag(np.diag(a)), full[places, position[target]], rcond=None)[0]
        slopes |= {(target, v): float(slope) for v, slope in zip(sources, b, strict=True)}
        used[target] = float(b @ a @ b)
    for r in rows:
        if r.op == "=~":
            used[r.rhs] = used.get(r.rhs, 0.0) + loading[r.lhs, r.rhs] ** 2 * full[position[r.lhs], position[r.lhs]]

    def start(r: Row) -> float:
        if not r.free:
            return r.value
        at = position[r.lhs]
        if r.op == "=~":
            return loading[r.lhs, r.rhs]
        if r.op == "~":
            return slopes[r.lhs, r.rhs]
        if r.op == "~1":
            return float(mean[at]) if at < p else 0.0
        if r.lhs != r.rhs:
            return 0.0 if r.lhs in used or r.rhs in used else float(full[at, position[r.rhs]])
        variance = float(full[at, at])
        return float(np.clip(variance - used[r.lhs], 0.1 * variance, variance)) if r.lhs in used else variance

    return [start(r) for r in rows]


def _by_order(rows: list[Row], structure: Structure) -> list[str]:
    """Factors so that those of higher order stand behind those that measure them."""
    left = list(structure.spec.latent)
    out: list[str] = []
    while left:
        ready = [f for f in left if not any(r.op == "=~" and r.lhs == f and r.rhs in left for r in rows)] or left[:1]
        out += ready
        left = [f for f in left if f not in ready]
    return out


def _one_factor(s: Array, equal: bool) -> tuple[Array, Array, float]:
    """Weights of a stand-in, loadings with a factor of variance 1, and that variance (1; that of the item for a single one)."""
    if len(s) == 1:
        return np.ones(1), np.ones(1), float(s[0, 0])
    sd = np.sqrt(np.maximum(np.diag(s), 1e-300))
    r = s / np.outer(sd, sd)
    values, vectors = np.linalg.eigh(r)
    v = vectors[:, -1] * (1 if vectors[:, -1].sum() >= 0 else -1)
    k = len(s)
    common = max((values[-1] - 1) / (k - 1) * k, 0.1 * k) if k > 1 else 1.0  # what is left without the items' own variance
    loads = np.clip(v * np.sqrt(min(common, values[-1])), -0.95, 0.95)
    loads = np.where(np.abs(loads) < 0.1, np.where(loads < 0, -0.1, 0.1), loads)
    if equal:
        loads = np.full(k, np.sqrt(0.5))
    # weights that make the covariance of the stand-in with others an estimate of the factor's
    return loads / (loads @ loads) / sd, loads * sd, 1.0


def _scale(factor: str, mine: list[Row], loads: Array, variance: float, rows: list[Row]) -> float:
    """By what the stand-in is multiplied so that the fixed loading or the fixed variance holds."""
    for r, value in zip(mine, loads, strict=True):
        if not r.free and r.value != 0:
            return float(value / r.value)
    for r in rows:
        if r.key == (factor, "~~", factor) and not r.free and r.value > 0:
            return float(np.sqrt(r.value / variance))
    return 1.0


def _moderate(full: Array) -> None:
    """Keep covariances of stand-ins within correlations of ±.9."""
    sd = np.sqrt(np.maximum(np.diag(full), 1e-300))
    limit = 0.9 * np.outer(sd, sd)
    np.fill_diagonal(limit, np.inf)
    np.clip(full, -limit, limit, out=full)
