"""Where the boxes of a path diagram stand: in causal order, few crossings, no arrow through a box. Same model, same places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csr_lib.show.path_routes import Array, Routes, route

_RESTARTS = 6
_ROUNDS = 4  # further rounds only while there are faults
_KEPT = 3  # placements that are routed in full before one is chosen


@dataclass(frozen=True)
class Grid:
    """The cells that boxes may stand in.

    Attributes
    ----------
    flow, cross : number of cells along and across the causal direction; across, a box takes two cells.
    flow_pitch, cross_pitch : distances of cells in inches.
    box : width and height of a box; `label` those of an arrow's words, in inches.
    downwards : whether causes stand above effects (else to their left).
    """

    flow: int
    cross: int
    flow_pitch: float
    cross_pitch: float
    box: tuple[float, float]
    label: tuple[float, float]
    downwards: bool

    def inches(self, cells: Array) -> Array:
        """Turn (…, 2) cells (flow, cross) into (…, 2) inches (x, y)."""
        at = cells * np.array([self.flow_pitch, self.cross_pitch])
        turned: Array = at[..., ::-1] if self.downwards else at
        return turned


@dataclass(frozen=True)
class Layout:
    """A path diagram's geometry in inches, the origin at the upper left.

    Attributes
    ----------
    size : of the whole.
    centres : (n, 2) of the boxes, in the order of the names.
    routes : lines of the arrows and places of their words, in the order of the paths.
    """

    size: tuple[float, float]
    centres: Array
    routes: Routes


def path_layout(n: int, paths: tuple[tuple[int, int], ...], grid: Grid) -> Layout:
    """Place `n` boxes so that arrows run in the causal direction, cross little and pass through no box.

    Starts from the layers of the longest paths, ordered by barycentre, and from random placements of a fixed seed. Improves each
    by moving one box, or exchanging two, as long as that lowers the cost (arrows against the direction, crossings, boxes and
    words hit, narrow angles, length). Routes the best few and takes the one with the fewest faults.
    """
    edges = np.array(paths, dtype=int).reshape(-1, 2)
    rng = np.random.default_rng(7)
    best: tuple[float, Layout] | None = None
    for attempt in range(_ROUNDS):
        found: dict[bytes, tuple[float, NDArray[np.int64]]] = {}
        for start in range(_RESTARTS):
            cells = _layered(n, edges, grid) if attempt == start == 0 else _random(n, edges, grid, rng)
            cost, cells = _descend(cells, edges, grid)
            cells = cells - cells.min(axis=0)
            found.setdefault(cells.tobytes(), (cost, cells))
        for cost, cells in sorted(found.values(), key=lambda f: f[0])[:_KEPT]:
            layout = _routed(cells, edges, grid)
            penalty = cost + 40 * layout.routes.faults
            if best is None or penalty < best[0]:
                best = (penalty, layout)
        if best is not None and not best[1].routes.faults:
            break
    assert best is not None
    return best[1]


def _routed(cells: NDArray[np.int64], edges: NDArray[np.int64], grid: Grid) -> Layout:
    w, h = grid.box
    centres = grid.inches(cells.astype(float)) + np.array([w, h]) / 2
    if not grid.downwards and cells[:, 0].max() > 0:  # fill the width
        wanted = (grid.flow - 1) * grid.flow_pitch
        centres[:, 0] = w / 2 + (centres[:, 0] - w / 2) * wanted / (cells[:, 0].max() * grid.flow_pitch)
    elif grid.downwards:  # centre across
        wanted = (grid.cross - 1) * grid.cross_pitch
        centres[:, 0] += (wanted - (centres[:, 0].max() - w / 2)) / 2
    routes = route(centres, edges, grid.box, grid.label)
    lines = np.concatenate([*routes.lines, centres - np.array([w, h]) / 2, centres + np.array([w, h]) / 2])
    label = np.array(grid.label) / 2
    low = np.minimum(lines.min(axis=0), (routes.words - label).min(axis=0))
    high = np.maximum(lines.max(axis=0), (routes.words + label).max(axis=0))
    shifted = Routes(tuple(line - low for line in routes.lines), routes.words - low, routes.faults)
    return Layout((float(high[0] - low[0]), float(high[1] - low[1])), centres - low, shifted)


def _layers(n: int, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the length of the longest path into each node."""
    layer = np.zeros(n, dtype=np.int64)
    for _ in range(n):
        for s, t in edges:
            layer[t] = max(layer[t], layer[s] + 1)
    return layer


def _layered(n: int, edges: NDArray[np.int64], grid: Grid) -> NDArray[np.int64]:
    """Start from the layers of the longest paths, squeezed into the grid; in each layer in the order of the barycentres."""
    layer = _layers(n, edges)
    flow = layer * (grid.flow - 1) // max(int(layer.max()), 1)
    order = np.arange(n, dtype=float)
    for _ in range(4):
        for node in range(n):
            near = [*(s for s, t in edges if t == node), *(t for s, t in edges if s == node)]
            if near:
                order[node] = order[near].mean() + 1e-3 * node
    cells = np.zeros((n, 2), dtype=np.int64)
    for f in np.unique(flow):
        members = np.flatnonzero(flow == f)
        members = members[np.argsort(order[members], kind="stable")]
        start = max(0, (grid.cross - (2 * len(members) - 1)) // 2)
        for slot, member in enumerate(members):
            cells[member] = (f, start + 2 * slot)
    cells[:, 1] = np.minimum(cells[:, 1], grid.cross - 1)
    return cells


def _random(n: int, edges: NDArray[np.int64], grid: Grid, rng: np.random.Generator) -> NDArray[np.int64]:
    """Start from random cells, the earlier in causal order the farther up the flow."""
    chosen = rng.choice(grid.flow * grid.cross, size=n, replace=False)
    cells = np.column_stack([chosen // grid.cross, chosen % grid.cross])
    cells = cells[np.argsort(cells[:, 0], kind="stable")]
    out = np.empty_like(cells)
    out[np.lexsort((rng.random(n), _layers(n, edges)))] = cells
    return out


def _descend(cells: NDArray[np.int64], edges: NDArray[np.int64], grid: Grid) -> tuple[float, NDArray[np.int64]]:
    """Take the best of all single moves and exchanges until none improves."""
    n = len(cells)
    everywhere = np.stack(np.meshgrid(np.arange(grid.flow), np.arange(grid.cross), indexing="ij"), axis=-1).reshape(-1, 2)
    best = float(_cost(cells[None], edges, grid)[0])
    pairs = [(i, j) for i in range(n) for j in range(i)]
    for _ in range(60):
        moved = np.repeat(cells[None], n * len(everywhere), axis=0)
        who = np.repeat(np.arange(n), len(everywhere))
        moved[np.arange(len(moved)), who] = np.tile(everywhere, (n, 1))
        swapped = np.repeat(cells[None], len(pairs), axis=0)
        for row, (i, j) in enumerate(pairs):
            swapped[row, [i, j]] = cells[[j, i]]
        candidates = np.concatenate([moved, swapped])
        costs = _cost(candidates, edges, grid)
        at = int(costs.argmin())
        if costs[at] >= best - 1e-9:
            break
        best, cells = float(costs[at]), candidates[at]
    return best, cells


def _cost(cells: NDArray[np.int64], edges: NDArray[np.int64], grid: Grid) -> Array:
    """Return the cost of many placements at once; cells (S, n, 2) -> (S,)."""
    s, t = cells[:, edges[:, 0]], cells[:, edges[:, 1]]
    along, across = t[..., 0] - s[..., 0], np.abs(t[..., 1] - s[..., 1])
    cost: Array = np.where(along < 0, 60.0 - 5.0 * along, 0.0).sum(axis=1)
    cost += np.where(along > 0, 1.4 * (along - 1) + 0.22 * across, 0.0).sum(axis=1)
    # side by side: the arrow needs room for its words between the boxes, and nothing in between
    room = across * grid.cross_pitch - (grid.box[0] if grid.downwards else grid.box[1])
    need = (grid.label[0] if grid.downwards else grid.label[1]) + 0.2
    cost += np.where(along == 0, np.where(room < need, 15.0, 2.0 + 1.5 * np.maximum(across - 3, 0)), 0.0).sum(axis=1)

    same = (np.abs(cells[:, :, None, 0] - cells[:, None, :, 0]) == 0) & (np.abs(cells[:, :, None, 1] - cells[:, None, :, 1]) < 2)
    n = cells.shape[1]
    cost += 200.0 * np.triu(np.ones((n, n)), 1).ravel() @ same.reshape(len(cells), -1).T.astype(float)

    at = grid.inches(cells.astype(float)).astype(np.float32)
    x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    cost += _boxes_hit(x, y, edges, grid)
    cost += _pairs_of_edges(x, y, edges, grid)
    extent = np.ptp(cells, axis=1)
    cost += 0.5 * extent[:, 0] + 0.45 * extent[:, 1]
    return cost


def _boxes_hit(x: Any, y: Any, edges: NDArray[np.int64], grid: Grid) -> Array:
    """Charge every straight arrow that runs through, or close by, a box that is not its own; x, y (S, n) -> (S,)."""
    arrow, box = np.nonzero((edges[:, :1] != np.arange(x.shape[1])) & (edges[:, 1:] != np.arange(x.shape[1])))
    source, target = edges[arrow, 0], edges[arrow, 1]
    x, y = x / np.float32(grid.box[0] / 2 + 0.06), y / np.float32(grid.box[1] / 2 + 0.06)  # boxes become squares of 2 × 2
    step_x, step_y = x[:, target] - x[:, source], y[:, target] - y[:, source]
    to_x, to_y = x[:, box] - x[:, source], y[:, box] - y[:, source]
    share = np.clip((to_x * step_x + to_y * step_y) / np.maximum(step_x**2 + step_y**2, 1e-6), 0, 1)
    distance = np.maximum(np.abs(share * step_x - to_x), np.abs(share * step_y - to_y))
    charged: Array = np.where(distance < 1, 9.0 + 6.0 * (1 - distance), 0.0).sum(axis=1)
    return charged


def _pairs_of_edges(x: Any, y: Any, edges: NDArray[np.int64], grid: Grid) -> Array:
    """Charge crossings, narrow angles at a common box, and words that would lie on one another; x, y (S, n) -> (S,)."""
    step_x, step_y = x[:, edges[:, 1]] - x[:, edges[:, 0]], y[:, edges[:, 1]] - y[:, edges[:, 0]]
    length = np.maximum(np.hypot(step_x, step_y), 1e-6)
    middle_x, middle_y = x[:, edges].mean(axis=2), y[:, edges].mean(axis=2)
    first, second = np.triu_indices(len(edges), 1)
    apart_x, apart_y = np.abs(middle_x[:, first] - middle_x[:, second]), np.abs(middle_y[:, first] - middle_y[:, second])
    cost: Array = 2.5 * ((apart_x < grid.label[0] + 0.05) & (apart_y < grid.label[1] + 0.05)).sum(axis=1)

    common = (edges[first][:, :, None] == edges[second][:, None, :]).any(axis=(1, 2))
    one, other = first[common], second[common]  # arrows that meet at a box: +1 if both leave or both enter it
    together = (edges[one, 0] == edges[other, 0]) | (edges[one, 1] == edges[other, 1])
    cosine = (step_x[:, one] * step_x[:, other] + step_y[:, one] * step_y[:, other]) / (length[:, one] * length[:, other])
    cost += 6.0 * (cosine * np.where(together, 1, -1) > 0.965).sum(axis=1)

    one, other = first[~common], second[~common]

    def side(arrow: NDArray[np.int64], box: NDArray[np.int64]) -> Any:
        start = edges[arrow, 0]
        return step_x[:, arrow] * (y[:, box] - y[:, start]) - step_y[:, arrow] * (x[:, box] - x[:, start])

    splits = side(one, edges[other, 0]) * side(one, edges[other, 1]) < -1e-6
    cost += 7.0 * (splits & (side(other, edges[one, 0]) * side(other, edges[one, 1]) < -1e-6)).sum(axis=1)
    return cost
