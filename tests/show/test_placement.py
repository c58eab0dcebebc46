"""Labels beside points."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.show.placement import place_labels

NONE = np.empty((0, 4))
FRAME = np.array([0.0, 0.0, 460.0, 320.0])


def place(points: np.ndarray, hard: np.ndarray = NONE):
    return place_labels(points, np.tile([60.0, 12.0], (len(points), 1)), 4.0, FRAME, hard, NONE)


@settings(max_examples=25)
@given(st.integers(1, 16), st.integers(0, 2**16))
def test_a_clear_placement_has_no_overlaps(n: int, seed: int) -> None:
    points = np.random.default_rng(seed).uniform([20, 20], [440, 300], (n, 2))
    placed = place(points)
    if placed.clear:
        apart = np.abs(placed.centre[:, None] - placed.centre[None])
        assert ((apart[..., 0] >= 60) | (apart[..., 1] >= 12))[~np.eye(n, dtype=bool)].all()
        half = np.array([30.0, 6.0])
        assert (placed.centre - half >= FRAME[:2]).all()
        assert (placed.centre + half <= FRAME[2:]).all()
        to_points = np.abs(placed.centre[:, None] - points[None])
        assert ((to_points[..., 0] >= 34) | (to_points[..., 1] >= 10)).all()


def test_few_points_far_apart_are_always_clear_and_close() -> None:
    placed = place(np.array([[100.0, 100], [300, 100], [100, 250], [300, 250]]))
    assert placed.clear
    assert (placed.distance <= 2).all()


def test_a_crowd_is_said_not_to_be_clear() -> None:
    assert not place(np.tile([200.0, 150.0], (60, 1))).clear


def test_obstacles_are_avoided() -> None:
    wall = np.array([[106.0, 0.0, 460.0, 320.0]])
    placed = place(np.array([[100.0, 150.0]]), wall)
    assert placed.clear
    assert placed.centre[0, 0] + 30 <= 106


def test_no_points_need_no_labels() -> None:
    assert place(np.empty((0, 2))).clear
