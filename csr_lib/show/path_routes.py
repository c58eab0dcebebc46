"""Lines of the arrows of a path diagram, bent around boxes, and places for the words on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BENDS = (0.0, 0.1, -0.1, 0.2, -0.2, 0.32, -0.32, 0.46, -0.46)
_SAMPLES = 41
_EVEN = 10
_WORD_PLACES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8)
_TIP = 0.13  # inches of an arrow's end that words must leave free


@dataclass(frozen=True)
class Routes:
    """Routed arrows.

    Attributes
    ----------
    lines : one (k, 2) polyline per arrow, from the edge of its source's box to the edge of its target's.
    words : (E, 2) centres of the words on the arrows.
    faults : number of boxes run through, and of words on boxes or on one another; 0 is what is wanted.
    """

    lines: tuple[Array, ...]
    words: Array
    faults: int


def route(centres: Array, edges: NDArray[np.int64], box: tuple[float, float], label: tuple[float, float]) -> Routes:
    """Bend every arrow as little as keeps it clear of boxes and of other arrows; then find places for the words.

    Parameters
    ----------
    centres : (n, 2) centres of the boxes, all of size `box`.
    edges : (E, 2) source and target of each arrow.
    label : width and height of the words.
    """
    half = np.array(box) / 2
    candidates = [[_bend(centres[s], centres[t], half, bend) for bend in _BENDS] for s, t in edges]
    own = np.array(
        [
            [_own_cost(line, bend, centres, half, edge) for line, bend in zip(lines, _BENDS, strict=True)]
            for lines, edge in zip(candidates, edges, strict=True)
        ]
    )
    together = _meetings(candidates, edges)
    chosen = own.argmin(axis=1)
    rows = np.arange(len(edges))
    for _ in range(8):
        before = chosen.copy()
        for e in range(len(edges)):
            rest = np.delete(rows, e)
            chosen[e] = int((own[e] + together[e, :, rest, chosen[rest]].sum(axis=0)).argmin())
        if (chosen == before).all():
            break
    lines = tuple(candidates[e][chosen[e]] for e in range(len(edges)))
    words, conflicts = _place_words(lines, centres, half, np.array(label))
    through = sum(_boxes_met(line, centres, half, edge) for line, edge in zip(lines, edges, strict=True))
    return Routes(lines, words, int(through + conflicts))


def _bend(start: Array, end: Array, half: Array, bend: float) -> Array:
    """Return a quadratic curve between two boxes, cut off at their edges."""
    along = end - start
    normal = np.array([-along[1], along[0]])
    middle = (start + end) / 2 + bend * normal
    t = np.linspace(0, 1, _SAMPLES)[:, None]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    inside_start = (np.abs(curve - start) <= half).all(axis=1)
    inside_end = (np.abs(curve - end) <= half + 0.03).all(axis=1)
    first, last = int(np.flatnonzero(inside_start)[-1]), int(np.flatnonzero(inside_end)[0])
    if last <= first + 1:
        return np.array([start, end])
    head = _edge(curve[first], curve[first + 1], start, half)
    tail = _edge(curve[last], curve[last - 1], end, half + 0.03)
    cut: Array = np.concatenate([[head], curve[first + 1 : last], [tail]])
    return cut


def _edge(inside: Array, outside: Array, centre: Array, half: Array) -> Array:
    """Return where the way from `inside` a box to `outside` leaves it."""
    step = outside - inside
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(step > 0, (centre + half - inside) / step, np.where(step < 0, (centre - half - inside) / step, np.inf))
    left: Array = inside + np.clip(share.min(), 0, 1) * step
    return left


def _boxes_met(line: Array, centres: Array, half: Array, edge: NDArray[np.int64], margin: float = 0.04) -> int:
    near = np.asarray((np.abs(line[:, None] - centres[None]) < half + margin).all(axis=2).any(axis=0))
    near[edge] = False
    return int(near.sum())


def _own_cost(line: Array, bend: float, centres: Array, half: Array, edge: NDArray[np.int64]) -> float:
    low, high = (centres - half).min(axis=0) - 0.02, (centres + half).max(axis=0) + 0.02
    outside = np.clip(low - line, 0, None).max(axis=0) + np.clip(line - high, 0, None).max(axis=0)
    # the width of the page is given, its height is not
    return (
        9.0 * abs(bend) + 60.0 * _boxes_met(line, centres, half, edge, 0.07) + 30.0 * float(outside[0]) + 8.0 * float(outside[1])
    )


def _meetings(candidates: list[list[Array]], edges: NDArray[np.int64]) -> Array:
    """Charge every two candidates of different arrows for crossing, and for running side by side; shape (E, B, E, B)."""
    e, b = len(edges), len(_BENDS)
    points = np.array([[_even(line) for line in lines] for lines in candidates], dtype=np.float32).reshape(e * b, _EVEN, 2)
    x, y = points[..., 0], points[..., 1]
    gap_x, gap_y = x[:, None, :, None] - x[None, :, None], y[:, None, :, None] - y[None, :, None]
    near = ((gap_x * gap_x + gap_y * gap_y).min(axis=3) < 0.13**2).mean(axis=2)
    # segment i of one line and j of the other cross if each has the other's ends on different sides
    step_x, step_y = np.diff(x)[:, None, :, None], np.diff(y)[:, None, :, None]
    side = step_y * gap_x[:, :, :-1] - step_x * gap_y[:, :, :-1]  # of each point of the other line, as seen from each segment
    split = side[..., :-1] * side[..., 1:] < 0
    crossed = split & split.transpose(1, 0, 3, 2)
    shares = (edges[:, None, :, None] == edges[None, :, None, :]).any(axis=(2, 3))
    shares = np.repeat(np.repeat(shares, b, axis=0), b, axis=1)
    beside = np.where(shares, 7.0 * np.clip(near - 0.16, 0, None), 12.0 * near)
    charged: Array = (4.0 * crossed.any(axis=(2, 3)) + np.maximum(beside, beside.T)).reshape(e, b, e, b)
    return charged


def _even(line: Array) -> Array:
    """Return a few points at even distances along a line."""
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, run[-1], _EVEN)
    return np.column_stack([np.interp(at, run, line[:, 0]), np.interp(at, run, line[:, 1])])


def _place_words(lines: tuple[Array, ...], centres: Array, half: Array, label: Array) -> tuple[Array, int]:
    """Return a place on each line for its words, clear of boxes, other words, tips and, where possible, other lines."""
    places = np.array([[_at(line, share) for share in _WORD_PLACES] for line in lines])  # (E, K, 2)
    reach = label / 2
    on_box = np.any(np.all(np.abs(places[:, :, None] - centres) < half + reach + 0.02, axis=3), axis=2)
    own = 100.0 * on_box + 0.6 * np.abs(np.array(_WORD_PLACES) - 0.5)
    for e, line in enumerate(lines):
        own[e] += 6.0 * (np.abs(places[e] - line[-1]) < reach + _TIP * 0.6).all(axis=1)
        own[e] += 2.0 * (np.abs(places[e] - line[0]) < reach + 0.04).all(axis=1)
        for other, course in enumerate(lines):
            if other != e:
                crossing: NDArray[np.bool_] = (np.abs(places[e][:, None] - course[None]) < reach + 0.02).all(axis=2)
                own[e] += 3.0 * crossing.any(axis=1)
    chosen = own.argmin(axis=1)
    rows = np.arange(len(lines))
    for _ in range(12):
        before = chosen.copy()
        for e in range(len(lines)):
            rest = np.delete(rows, e)
            taken = places[rest, chosen[rest]]
            covering = (np.abs(places[e][:, None] - taken[None]) < label + 0.03).all(axis=2).sum(axis=1)
            chosen[e] = int((own[e] + 80.0 * covering).argmin())
        if (chosen == before).all():
            break
    words = places[rows, chosen]
    among = int((np.abs(words[:, None] - words[None]) < label).all(axis=2).sum()) - len(lines)
    return words, int(on_box[rows, chosen].sum()) + among // 2


def _at(line: Array, share: float) -> Array:
    """Return the point at a share of the length of a line."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    run = np.concatenate([[0.0], np.cumsum(steps)])
    target = share * run[-1]
    point: Array = np.array([np.interp(target, run, line[:, 0]), np.interp(target, run, line[:, 1])])
    return point
