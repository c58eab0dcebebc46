"""Places labels beside points so that they cover neither points nor one another. Same input, same places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ANGLES = np.deg2rad([0, 180, 90, 270, 45, 135, 315, 225, 22, 158, 338, 202, 67, 113, 293, 247])
_DISTANCES = (2.0, 7.0, 13.0, 20.0, 29.0, 40.0, 54.0, 70.0)  # points
LEADER_FROM = 6.0  # a label farther than this from its point gets a line to it


@dataclass(frozen=True)
class Placement:
    """Where labels go.

    Attributes
    ----------
    centre : (n, 2) centres of the labels, in the unit of the input.
    distance : (n,) gap between point and label.
    clear : whether no label covers a point, another label or an obstacle, or leaves the frame, and no leader line
        crosses a point, a label or another leader.
    """

    centre: Array
    distance: Array
    clear: bool


def place_labels(
    points: Array, sizes: Array, radius: float, frame: Array, hard: Array, soft: Array, unit: float = 1.0
) -> Placement:
    """Place one label beside each point.

    Tries positions in 16 directions at growing distances; each label in turn takes the cheapest place given all
    others, until nothing changes. Cost: covering a label, a point or a `hard` box, leaving the frame (all of which make
    the placement not clear); covering a `soft` box; a leader line that runs across a label, a point or another leader;
    distance.

    Parameters
    ----------
    points : (n, 2) positions of the markers.
    sizes : (n, 2) widths and heights of the labels.
    radius : half the size of a marker.
    frame : (4,) x0, y0, x1, y1 that labels must stay in.
    hard, soft : (k, 4) boxes that labels must not, or would better not, cover.
    unit : length of one point (1/72 inch) in the unit of the input.
    """
    n = len(points)
    if n == 0:
        return Placement(np.empty((0, 2)), np.empty(0), True)
    directions = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])
    distance = np.repeat(np.array(_DISTANCES) * unit, len(_ANGLES))
    directions = np.tile(directions, (len(_DISTANCES), 1))
    preference = np.tile(np.arange(len(_ANGLES)) * 0.15, len(_DISTANCES))
    # (n, K, 2): the label's box touches a circle of radius + distance around the point
    reach = radius + distance[None, :, None] + np.zeros((n, 1, 2))
    centres = points[:, None, :] + directions[None] * (reach + sizes[:, None, :] / 2)
    boxes = np.concatenate([centres - sizes[:, None, :] / 2, centres + sizes[:, None, :] / 2], axis=2)
    markers = np.concatenate([points - radius, points + radius], axis=1)
    outside = ((boxes[..., :2] < frame[:2]) | (boxes[..., 2:] > frame[2:])).any(axis=2)
    blocked: NDArray[np.bool_] = np.asarray(outside | _overlap(boxes, markers).any(axis=2))
    if len(hard):
        blocked |= _overlap(boxes, hard).any(axis=2)
    own = 1000.0 * blocked + distance / unit * 0.35 + preference
    if len(soft):
        own = own + 4.0 * _overlap(boxes, soft).sum(axis=2)
    leader = distance > LEADER_FROM * unit
    all_ends = _nearest(points[:, None], boxes)  # where a leader to each place ends
    for i in range(n):  # a leader across other points
        others = np.delete(markers, i, axis=0)
        own[i, leader] += 25.0 * _crosses_boxes(points[i], all_ends[i, leader], others).sum(axis=1)

    chosen = own.argmin(axis=1)
    crowd = (np.abs(points[:, None] - points[None]) < 60 * unit).all(axis=2).sum(axis=1)
    order = np.lexsort((np.arange(n), -crowd))
    for _ in range(8):
        before = chosen.copy()
        for i in order:
            rest = np.delete(np.arange(n), i)
            labels = boxes[rest, chosen[rest]]
            ends = all_ends[i]
            cost = own[i] + 300.0 * _overlap(boxes[i], labels).sum(axis=1)
            cost[leader] += 25.0 * _crosses_boxes(points[i], ends[leader], labels).sum(axis=1)
            other_ends = _nearest(points[rest], labels)
            led = leader[chosen[rest]]
            cost[leader] += 20.0 * _segments_cross(points[i], ends[leader], points[rest[led]], other_ends[led]).sum(axis=1)
            cost += 25.0 * _segments_hit(points[rest[led]], other_ends[led], boxes[i])
            chosen[i] = int(cost.argmin())
        if (chosen == before).all():
            break
    final = boxes[np.arange(n), chosen]
    among = _overlap(final, final) & ~np.eye(n, dtype=bool)
    clear = not (blocked[np.arange(n), chosen].any() or among.any() or _leaders_tangled(points, markers, final, leader[chosen]))
    return Placement(centres[np.arange(n), chosen], distance[chosen], bool(clear))


def _leaders_tangled(points: Array, markers: Array, labels: Array, led: NDArray[np.bool_]) -> bool:
    """Tell whether a leader line crosses the point or label of another, or another leader."""
    who = np.flatnonzero(led)
    ends = _nearest(points[who], labels[who])
    for position, i in enumerate(who):
        others = np.delete(np.arange(len(points)), i)
        if _crosses_boxes(points[i], ends[position][None], np.concatenate([markers[others], labels[others]])).any():
            return True
        if _segments_cross(points[i], ends[position][None], points[who[position + 1 :]], ends[position + 1 :]).any():
            return True
    return False


def _overlap(boxes: Array, others: Array) -> NDArray[np.bool_]:
    """Tell which of `boxes` (…, 4) overlap which of `others` (k, 4); shape (…, k)."""
    a, b = boxes[..., None, :], others
    overlapping: NDArray[np.bool_] = np.asarray(
        (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    )
    return overlapping


def _nearest(point: Array, boxes: Array) -> Array:
    """Return the point of each box that is nearest to `point`."""
    return np.clip(point, boxes[..., :2], boxes[..., 2:])


def _crosses_boxes(start: Array, ends: Array, boxes: Array) -> NDArray[np.bool_]:
    """Tell which segments start→ends (K, 2) meet which boxes (m, 4); shape (K, m)."""
    steps = np.linspace(0.15, 0.95, 8)
    at = start + steps[:, None, None] * (ends[None] - start)  # (steps, K, 2)
    inside = (at[:, :, None, :] > boxes[None, None, :, :2]) & (at[:, :, None, :] < boxes[None, None, :, 2:])
    met: NDArray[np.bool_] = np.asarray(inside.all(axis=3).any(axis=0))
    return met


def _segments_hit(starts: Array, ends: Array, boxes: Array) -> Array:
    """Count the segments (m, 2)→(m, 2) that meet each of `boxes` (K, 4)."""
    if not len(starts):
        return np.zeros(len(boxes))
    steps = np.linspace(0.05, 0.95, 8)
    at = (starts[None] + steps[:, None, None] * (ends - starts)[None]).reshape(-1, 2)
    inside = ((at[:, None, :] > boxes[None, :, :2]) & (at[:, None, :] < boxes[None, :, 2:])).all(axis=2)
    counted: Array = inside.reshape(len(steps), len(starts), -1).any(axis=0).sum(axis=0).astype(float)
    return counted


def _segments_cross(start: Array, ends: Array, starts: Array, stops: Array) -> NDArray[np.bool_]:
    """Tell which segments start→ends (K, 2) cross which segments starts→stops (m, 2); shape (K, m)."""

    def side(p: Array, q: Array, r: Array) -> Array:
        turned: Array = (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])
        return turned

    a, b, c, d = np.broadcast_to(start, ends.shape)[:, None], ends[:, None], starts[None], stops[None]
    crossed: NDArray[np.bool_] = (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)
    return crossed
