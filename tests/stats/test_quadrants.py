"""Quadrants: placement, cut-offs, shares and priority."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from csr_lib.core.errors import AnalysisError
from csr_lib.stats.quadrants import QUADRANTS, cut_offs, iso_priority, place, priority, ranks, shares

PUBLISHED = pd.read_csv(Path(__file__).parents[1] / "conformance" / "martilla_james_1977.csv")
IMP, PERF = PUBLISHED["importance"].to_numpy(), PUBLISHED["performance"].to_numpy()

values = arrays(float, 7, elements=st.floats(-100, 100, allow_subnormal=False).map(lambda v: round(v, 3)))


def names(codes: np.ndarray) -> list[str]:
    return [QUADRANTS[c] for c in codes]


def test_martilla_and_james_at_the_means() -> None:
    placed = place(IMP, PERF, cut_offs(IMP, "mean"), cut_offs(PERF, "mean"))
    assert names(placed) == PUBLISHED["quadrant_at_means"].tolist()


def test_martilla_and_james_three_of_fourteen_move_at_the_scale_middle() -> None:
    at_means = place(IMP, PERF, cut_offs(IMP, "mean"), cut_offs(PERF, "mean"))
    moved = np.flatnonzero(place(IMP, PERF, 2.5, 2.5) != at_means)
    assert (moved + 1).tolist() == [1, 2, 11]


def test_a_value_on_the_cut_off_counts_as_above_it_whatever_rounding_does() -> None:
    on_the_line = 0.1 + 0.2  # 0.30000000000000004
    assert names(place([0.3], [on_the_line], on_the_line, 0.3)) == ["keep_up"]


def test_the_median_cuts_the_indicators_in_half() -> None:
    assert cut_offs([1.0, 2.0, 4.0, 9.0], "median") == 3.0
    assert cut_offs([1.0, 2.0, 4.0, 9.0], "mean") == 4.0


@given(values, values)
def test_a_batch_is_placed_as_its_rows_are(importance: np.ndarray, performance: np.ndarray) -> None:
    batch_i, batch_p = np.stack([importance, performance]), np.stack([performance, importance])
    cuts = cut_offs(batch_i, "mean"), cut_offs(batch_p, "mean")
    placed = place(batch_i, batch_p, *cuts)
    for row in range(2):
        assert (placed[row] == place(batch_i[row], batch_p[row], cuts[0][row], cuts[1][row])).all()


@given(values, values, st.floats(0.1, 50), st.floats(-50, 50))
def test_the_unit_of_an_axis_changes_no_quadrant(
    importance: np.ndarray, performance: np.ndarray, factor: float, shift: float
) -> None:
    cut_i, cut_p = cut_offs(importance, "median"), float(performance[0])  # both lie on values of the data or between them
    moved = importance * factor + shift
    before = place(importance, performance, cut_i, cut_p)
    after = place(moved, performance, cut_i * factor + shift, cut_p)
    near = np.abs(importance - cut_i) < 1e-6 * np.maximum(1, np.abs(cut_i))
    assert (before == after)[~near].all()


def test_shares_count_resamples() -> None:
    codes = np.array([[0, 1], [0, 2], [3, 1], [0, 1]], dtype=np.int8)
    assert shares(codes).tolist() == [[0.75, 0, 0, 0.25], [0, 0.75, 0.25, 0]]


def test_priority_is_the_difference_of_standard_scores() -> None:
    expected = (IMP - IMP.mean()) / IMP.std() - (PERF - PERF.mean()) / PERF.std()
    np.testing.assert_allclose(priority(IMP, PERF), expected, atol=1e-14)
    assert int(np.argmin(ranks(priority(IMP, PERF)))) + 1 == 9  # the least performance at high importance


def test_priority_is_nought_on_the_line_of_equal_priority() -> None:
    intercept, slope = iso_priority(IMP, PERF)
    above = intercept + slope * PERF < IMP
    assert (above == (priority(IMP, PERF) > 0)).all()


def test_an_axis_without_differences_adds_nothing_to_priority() -> None:
    assert priority([3.0, 3.0, 3.0], [1.0, 2.0, 3.0])[0] > 0
    np.testing.assert_array_equal(priority([3.0, 3.0], [5.0, 5.0]), [0, 0])
    with pytest.raises(AnalysisError, match="perform alike"):
        iso_priority([1.0, 2.0], [3.0, 3.0])


def test_equal_scores_share_their_rank() -> None:
    assert ranks([5.0, 1.0, 5.0, 0.0]).tolist() == [1.5, 3.0, 1.5, 4.0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_never_placed(bad: float) -> None:
    with pytest.raises(AnalysisError, match="must be numbers"):
        place([1.0, bad], [1.0, 2.0], 1.0, 1.0)


def test_axes_of_different_length_are_refused() -> None:
    with pytest.raises(AnalysisError, match="shape"):
        place([1.0, 2.0], [1.0, 2.0, 3.0], 1.0, 1.0)
