"""The PLS algorithm on many correlation matrices at once. Draws are the last axis of every array.

With the draws last every step is arithmetic on contiguous vectors of draws, and nothing is a loop over resamples: an
iteration costs one pass over the (p, p, B) correlations and some work on (J, J, B) construct correlations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from csr_lib.core.model import Model
from csr_lib.stats._linalg import inverses, solve_vectors

Array = np.ndarray
Scheme = Literal["path", "factorial", "centroid"]


@dataclass(frozen=True, eq=False)
class Plan:
    """A Model as index arrays; the p items stand construct by construct, J constructs in the order of the model."""

    model: Model
    blocks: tuple[slice, ...]
    starts: Array  # (J,) first item of each construct
    owner: Array  # (p,) construct of each item
    paths: tuple[tuple[int, int], ...]  # in the order of the model's paths
    sources: tuple[Array, ...]  # per construct
    order: tuple[int, ...]  # causal order
    adjacent: Array  # (J, J) bool

    @property
    def items(self) -> tuple[str, ...]:
        """Items, construct by construct."""
        return self.model.items

    @classmethod
    def of(cls, model: Model) -> Plan:
        """Index a model."""
        sizes: Array = np.array([len(c.items) for c in model.constructs])
        ends = np.cumsum(sizes)
        at = {name: j for j, name in enumerate(model.names)}
        paths = tuple((at[s], at[t]) for s, t in model.paths)
        adjacent = np.zeros((len(sizes), len(sizes)), dtype=bool)
        for s, t in paths:
            adjacent[s, t] = adjacent[t, s] = True
        sources = tuple(np.array([at[s] for s in model.sources(t)], dtype=int) for t in model.names)
        return cls(
            model,
            tuple(slice(int(e - k), int(e)) for e, k in zip(ends, sizes, strict=True)),
            ends - sizes,
            np.repeat(np.arange(len(sizes)), sizes),
            paths,
            sources,
            tuple(at[n] for n in model.causal_order()),
            adjacent,
        )

    def of_mode(self, mode: str) -> list[int]:
        """Constructs of a mode."""
        return [j for j, c in enumerate(self.model.constructs) if c.mode == mode]


@dataclass(frozen=True, eq=False)
class Outer:
    """Converged composites. `weights` (p, B) give them variance 1; `items` (p, J, B) are correlations of items and composites,
    `constructs` (J, J, B) of composites; `iterations`, `converged` (B,)."""

    weights: Array
    items: Array
    constructs: Array
    iterations: Array
    converged: Array


def correlations(cov: Array) -> Array:
    """Correlations (p, p, B) of covariances (p, p, B); the argument is overwritten. Constant items give NaN."""
    own = np.arange(len(cov))
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = 1 / np.sqrt(cov[own, own])
    scale[~np.isfinite(scale)] = np.nan
    for row, factor in zip(cov, scale, strict=True):
        row *= factor * scale
    cov[own, own, ...] = np.where(np.isnan(scale), np.nan, 1.0)
    return cov


def _project(R: Array, w: Array, plan: Plan) -> tuple[Array, Array, Array]:
    """Covariances (p, J, B) of items and composites by weights `w`, correlations (J, J, B) of composites, and 1/sd (J, B)."""
    J = len(plan.blocks)
    items = np.empty((len(w), J, w.shape[1]))
    for j, block in enumerate(plan.blocks):
        np.einsum("ikb,kb->ib", R[:, block], w[block], out=items[:, j])
    return items, *_constructs(items, w, plan)


def _constructs(items: Array, w: Array, plan: Plan) -> tuple[Array, Array]:
    """Correlations (J, J, B) of composites and 1/sd (J, B) from covariances `items` (p, J, B) and weights (p, B)."""
    J = len(plan.blocks)
    constructs = np.empty((J, J, items.shape[-1]))
    for j, block in enumerate(plan.blocks):
        np.einsum("ib,ikb->kb", w[block], items[block, j:], out=constructs[j, j:])
        constructs[j + 1 :, j] = constructs[j, j + 1 :]
    own = np.arange(J)
    scale = 1 / np.sqrt(constructs[own, own])
    constructs *= scale[:, None]
    constructs *= scale[None]
    return constructs, scale


def composites(R: Array, w: Array, plan: Plan) -> tuple[Array, Array, Array]:
    """Scale weights so that composites have variance 1; return them with item–composite and composite correlations."""
    items, constructs, scale = _project(R, w, plan)
    items *= scale[None]
    return w * scale[plan.owner], items, constructs


def regressions(C: Array, plan: Plan) -> list[list[Array]]:
    """Standardised path coefficients, per construct one vector (B,) for each source; none for exogenous constructs."""
    return [
        [C[s[0], t]] if len(s) == 1 else solve_vectors([[C[i, j] for j in s] for i in s], [C[i, t] for i in s])
        for t, s in enumerate(plan.sources)
    ]


def _inner(C: Array, plan: Plan, scheme: Scheme, out: Array) -> None:
    """Inner weights (J, J, B): column j holds the weights of the composites in the inner estimate of construct j.

    `out` begins as zeros; only entries of adjacent constructs are ever written.
    """
    if scheme == "centroid":
        np.multiply(np.sign(C), plan.adjacent[..., None], out=out)
    elif scheme == "factorial":
        np.multiply(C, plan.adjacent[..., None], out=out)
    else:
        for s, t in plan.paths:
            out[t, s] = C[s, t]
        for t, b in enumerate(regressions(C, plan)):
            for s, weights in zip(plan.sources[t], b, strict=True):
                out[s, t] = weights


def iterate(R: Array, plan: Plan, scheme: Scheme, *, start: Array | None, tolerance: float, max_iterations: int) -> Outer:
    """Run Wold's algorithm on correlation matrices `R` (p, p, B), items in the order of the plan.

    `start` (p,) weights to begin with, ones by default. A draw has converged when no outer weight would move by `tolerance` or
    more in a next iteration, at the rate at which its moves shrink; draws that have are put aside once they are half of what
    is left. A draw that does not converge within `max_iterations`, or runs into values that are not finite, is marked.
    """
    p, draws = len(R), R.shape[-1]
    inverse = {
        j: np.ascontiguousarray(np.moveaxis(inverses(np.moveaxis(R[plan.blocks[j], plan.blocks[j]], -1, 0)), 0, -1))
        for j in plan.of_mode("B")
        if plan.blocks[j].stop - plan.blocks[j].start > 1
    }
    out: list[Array] = []  # weights, items and constructs of all draws, once some were put aside
    iterations = np.zeros(draws, dtype=int)
    converged = np.zeros(draws, dtype=bool)
    active = np.arange(draws)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        w = np.repeat((np.ones(p) if start is None else start)[:, None], draws, axis=1)
        items, constructs, scale = _project(R, w, plan)
        w *= scale[plan.owner]
        before = np.zeros(draws)
        inner = np.zeros_like(constructs)
        for step in range(1, max_iterations + 1):
            _inner(constructs, plan, scheme, inner)
            inner *= scale[:, None]
            new = np.empty_like(w)
            for j, block in enumerate(plan.blocks):
                np.einsum("ikb,kb->ib", items[block], inner[:, j], out=new[block])
                if j in inverse:
                    new[block] = np.einsum("ikb,kb->ib", inverse[j], new[block])
            items, constructs, scale = _project(R, new, plan)
            new *= scale[plan.owner]
            w -= new
            moved = np.abs(w, out=w).max(axis=0)
            w = new
            ahead = moved * np.fmin(moved / before, 1.0)  # moves shrink at a steady rate
            before = moved
            finished = ~(ahead >= tolerance)  # also where the move is not a number
            iterations[active[~finished]] = step  # one more to come
            ended = np.count_nonzero(finished)
            last = ended == len(active) or step == max_iterations
            if not last and 2 * ended <= len(active):
                continue
            aside = np.ones_like(finished) if last else finished
            converged[active[aside]] = ahead[aside] < tolerance
            found = [w, items * scale, constructs]
            if len(active) == draws:  # those that are not finished are overwritten later
                out = found
            else:
                for whole, part in zip(out, found, strict=True):
                    whole[..., active[aside]] = part[..., aside]
            if last:
                break
            left = np.flatnonzero(~finished)
            active, w, R, before, inner = active[left], w[:, left], R[..., left], before[left], inner[..., left]
            items, constructs, scale = items[..., left], constructs[..., left], scale[:, left]
            inverse = {j: a[..., left] for j, a in inverse.items()}
    return Outer(out[0], out[1], out[2], np.minimum(iterations + 1, max_iterations), converged)


def oriented(outer: Outer, plan: Plan, reference: Array | None = None) -> tuple[Outer, Array]:
    """Turn composites round where their sign is the wrong one; return them and which were turned (J, B).

    Without `reference` a composite is turned when its loadings sum to less than 0 (dominant orientation); with reference
    loadings (p,), when the loadings' product sum with them is less than 0.
    """
    own = outer.items[np.arange(len(plan.owner)), plan.owner]
    agreement = np.add.reduceat(own if reference is None else own * reference[:, None], plan.starts, axis=0)
    turned = agreement < 0
    if not turned.any():
        return outer, turned
    sign = np.where(turned, -1.0, 1.0)
    return Outer(
        outer.weights * sign[plan.owner],
        outer.items * sign[None],
        outer.constructs * sign[:, None] * sign[None],
        outer.iterations,
        outer.converged,
    ), turned


def rho_a(R: Array, w: Array, plan: Plan) -> Array:
    """Dijkstra and Henseler's ρ_A (J, B); 1 for single items and for mode B."""
    out = np.ones((len(plan.blocks), w.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        for j, block in enumerate(plan.blocks):
            wj = w[block]
            if len(wj) == 1 or plan.model.constructs[j].mode == "B":
                continue
            squares = (wj**2).sum(0)
            whole = np.einsum("ikb,ib,kb->b", R[block, block], wj, wj)
            out[j] = squares**2 * (whole - squares) / (squares**2 - (wj**4).sum(0))
    return out


def consistent(outer: Outer, R: Array, plan: Plan) -> tuple[Array, Array, Array]:
    """Loadings (p, B), construct correlations (J, J, B) and quality √ρ_A (J, B), corrected for attenuation.

    Only reflective constructs are corrected: loadings w·√ρ_A/(wᵀw), correlations divided by √ρ_A; composites keep theirs,
    with quality 1. A ρ_A below 0 gives NaN.
    """
    loadings = outer.items[np.arange(len(plan.owner)), plan.owner]
    quality = np.ones(outer.constructs.shape[1:])
    reflective = plan.of_mode("reflective")
    if not reflective:
        return loadings, outer.constructs, quality
    rho = rho_a(R, outer.weights, plan)
    C = outer.constructs.copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in reflective:
            quality[j] = np.sqrt(rho[j])
            w = outer.weights[plan.blocks[j]]
            if len(w) > 1:
                loadings[plan.blocks[j]] = w * quality[j] / (w**2).sum(0)
        C /= quality[:, None]
        C /= quality[None]
    own = np.arange(len(C))
    C[own, own] = 1.0
    return loadings, C, quality


def path_arrays(C: Array, plan: Plan) -> tuple[Array, Array]:
    """Path coefficients (number of paths, B), in the order of the model's paths, and R² (J, B), NaN where exogenous."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        b = regressions(C, plan)
        r2 = np.full(C.shape[1:], np.nan)
        for t, group in enumerate(plan.sources):
            if len(group):
                r2[t] = sum(beta * C[s, t] for beta, s in zip(b[t], group, strict=True))
    where = [{int(s): k for k, s in enumerate(group)} for group in plan.sources]
    return np.stack([b[t][where[t][s]] for s, t in plan.paths]), r2


def total_effects(paths: Array, plan: Plan) -> Array:
    """Total effects (J sources, J targets, B) of path coefficients (number of paths, B); zero on the diagonal."""
    J = len(plan.blocks)
    direct = {path: paths[k] for k, path in enumerate(plan.paths)}
    out = np.zeros((J, J, paths.shape[-1]))
    for t in plan.order:
        for s in plan.sources[t]:
            out[:, t] += out[:, s] * direct[int(s), t]
            out[s, t] += direct[int(s), t]
    return out


def htmt(R: Array, plan: Plan, *, absolute: bool = True) -> Array:
    """Heterotrait–monotrait ratios (J, J, B) of correlations (p, p, B), symmetric, 1 on the diagonal."""
    J = len(plan.blocks)
    sums = np.empty((J, J, R.shape[-1]))
    of_construct = (plan.owner == np.arange(J)[:, None]).astype(float)
    for j, block in enumerate(plan.blocks):
        values = R[block, : block.stop]  # the lower triangle
        by_item = (np.abs(values) if absolute else values).sum(axis=0)
        sums[j, : j + 1] = sums[: j + 1, j] = of_construct[: j + 1, : block.stop] @ by_item
    size = np.diff([*plan.starts, len(plan.owner)]).astype(float)
    own = np.arange(len(size))
    within = np.where(size > 1, size * (size - 1), 1.0)[:, None]
    mono = np.where(size[:, None] > 1, (sums[own, own] - size[:, None]) / within, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = 1 / np.sqrt(mono)
        out = sums / np.outer(size, size)[..., None] * scale[:, None] * scale[None]
    out[own, own] = 1.0
    return out


def index_coefficients(w: Array, sd: Array, limits: Array, plan: Plan) -> Array:
    """Coefficients a (p, B) that turn answers into index points: index = Σ aᵢ(xᵢ − minᵢ).

    `w` (p, B) standardised outer weights, `sd` (p, B), `limits` (p, 2) ends of the scales. aᵢ = 100·(wᵢ/sdᵢ) /
    Σ(wₖ/sdₖ)(maxₖ − minₖ) over the construct's items.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = w / sd
        span = (limits[:, 1] - limits[:, 0])[:, None]
        return 100 * raw / np.add.reduceat(raw * span, plan.starts, axis=0)[plan.owner]


def index_units(a: Array, w: Array, sd: Array, plan: Plan) -> Array:
    """Index points per standard deviation of the composite (J, B): the a·sd/w that all items of a construct share.

    Negative where negative weights turn the index against the composite.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        # averaged with weights w², so that an item of weight 0 does no harm
        return np.add.reduceat(a * sd * w, plan.starts, axis=0) / np.add.reduceat(w**2, plan.starts, axis=0)


def index_values(a: Array, means: Array, limits: Array, plan: Plan) -> Array:
    """Index 0–100 (J, B) of item means (p, B) by coefficients `a` (p, B)."""
    return np.add.reduceat(a * (means - limits[:, :1]), plan.starts, axis=0)
