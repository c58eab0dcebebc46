"""No total minus what is shown reveals a group that is too small."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from csr_lib.study import withhold, withhold_rows

counts = st.lists(st.integers(0, 40), min_size=1, max_size=12)
cells = st.integers(1, 30)


@given(counts, cells)
def test_total_minus_shown_never_reveals_a_small_group(sizes: list[int], min_cell: int) -> None:
    hidden = withhold(sizes, min_cell)
    rest = int(np.array(sizes)[hidden].sum())
    small = [n for n in sizes if 0 < n < min_cell]
    assert all(hidden[i] for i, n in enumerate(sizes) if n in small)
    if small:
        everything = all(h or n == 0 for h, n in zip(hidden, sizes, strict=True))
        assert everything or (hidden.sum() >= 2 and rest >= min_cell)
    else:
        assert not hidden.any()


@given(counts, cells)
def test_without_a_total_only_small_groups_are_withheld(sizes: list[int], min_cell: int) -> None:
    np.testing.assert_array_equal(withhold(sizes, min_cell, total_shown=False), [0 < n < min_cell for n in sizes])


@given(counts, cells)
def test_no_more_is_withheld_than_needed(sizes: list[int], min_cell: int) -> None:
    hidden = withhold(sizes, min_cell)
    extra = [i for i in np.flatnonzero(hidden) if sizes[i] >= min_cell]
    if extra:  # without the largest of them the rule would be broken
        less = hidden.copy()
        less[max(extra, key=lambda i: (sizes[i], i))] = False
        assert less.sum() < 2 or np.array(sizes)[less].sum() < min_cell


def test_the_next_smallest_group_hides_a_single_one() -> None:
    assert withhold([50, 4, 9, 30], 5).tolist() == [False, True, True, False]


def test_two_tiny_groups_need_a_third() -> None:
    assert withhold([2, 2, 10, 40], 5).tolist() == [True, True, True, False]
    assert withhold([3, 3, 10, 40], 5).tolist() == [True, True, False, False]


def test_empty_groups_protect_nobody() -> None:
    assert withhold([0, 4, 10], 5).tolist() == [False, True, True]


def test_rows_of_a_table_are_withheld_within_each_combination() -> None:
    frame = pd.DataFrame({"wave": ["1"] * 3 + ["2"] * 3, "group": list("abcabc"), "n": [4, 10, 20, 10, 20, 30]})
    shown, hidden = withhold_rows(frame, 5, within=["wave"])
    assert list(zip(hidden["wave"], hidden["group"], strict=True)) == [("1", "a"), ("1", "b")]
    assert len(shown) == 4
