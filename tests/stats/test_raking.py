"""Raking meets its margins, or says why it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.raking import poststratify, rake


def test_independent_margins_give_the_product_of_their_ratios() -> None:
    """By hand: 2×2 with 10 rows per cell, so each margin is 1/2; the solution is the product of wanted over actual."""
    row, column = np.repeat([0, 0, 1, 1], 10), np.repeat([0, 1, 0, 1], 10)
    raked = rake([row, column], [np.array([0.4, 0.6]), np.array([0.3, 0.7])])
    by_hand = np.array([0.4, 0.6])[row] / 0.5 * np.array([0.3, 0.7])[column] / 0.5
    np.testing.assert_allclose(raked.weights, by_hand, rtol=1e-9)
    assert raked.converged
    assert raked.design_effect == pytest.approx(1.04 * 1.16)  # (0.8² + 1.2²)/2 · (0.6² + 1.4²)/2


def test_raking_keeps_the_odds_ratio() -> None:
    """Deming and Stephan: margins change, the association of the cells does not."""
    cells = {(0, 0): 40, (0, 1): 10, (1, 0): 20, (1, 1): 30}
    row = np.concatenate([np.full(n, r) for (r, _), n in cells.items()])
    column = np.concatenate([np.full(n, c) for (_, c), n in cells.items()])
    weights = rake([row, column], [np.array([0.3, 0.7]), np.array([0.55, 0.45])]).weights
    sums = {cell: weights[(row == cell[0]) & (column == cell[1])].sum() for cell in cells}
    assert sums[0, 0] * sums[1, 1] / (sums[0, 1] * sums[1, 0]) == pytest.approx(40 * 30 / (10 * 20))


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(2, 4))
@settings(max_examples=20)
def test_every_margin_is_met_and_weights_are_positive(seed: int, first: int, second: int) -> None:
    rng = np.random.default_rng(seed)
    grid = np.array([(i, j) for i in range(first) for j in range(second)])  # every cell has a row: a solution exists
    rows = np.vstack([grid, rng.integers(0, [first, second], (60, 2))])
    shares = [rng.dirichlet(np.full(k, 5.0)) for k in (first, second)]
    raked = rake([rows[:, 0], rows[:, 1]], shares)
    assert raked.converged
    assert raked.deviation < 1e-7
    assert raked.weights.min() > 0
    assert raked.weights.mean() == pytest.approx(1)


def test_trimmed_weights_stay_below_the_limit_and_say_how_far_off_the_margins_are() -> None:
    place = np.repeat([0, 1], [95, 5])
    raked = rake([place], [np.array([0.5, 0.5])], trim=5)
    assert raked.weights.max() == pytest.approx(5)
    assert raked.weights.mean() == pytest.approx(1)
    assert raked.deviation == pytest.approx(0.25)  # 5 rows of weight 5 are 25 % instead of 50 %


def test_rows_without_a_value_keep_the_weight_of_the_other_margins() -> None:
    place = np.array([0, 0, 0, 1, -1])
    raked = rake([place], [np.array([0.5, 0.5])])
    known = raked.weights[:4]
    assert known[3] == pytest.approx(known[:3].sum())
    assert raked.weights[4] == pytest.approx(1)


def test_the_cells_tell_what_was_wanted_what_was_there_and_what_came_out() -> None:
    place = np.repeat([0, 1], [95, 5])
    cells = rake([place], [np.array([0.5, 0.5])], trim=5, names=[("region", ["north", "south"])]).cells
    assert cells.cell.tolist() == ["north", "south"]
    assert cells.n.tolist() == [95, 5]
    np.testing.assert_allclose(cells[["wanted", "before", "share", "deviation"]].iloc[1], [0.5, 0.05, 0.25, -0.25], atol=1e-12)


def test_base_weights_keep_their_ratios_within_a_cell() -> None:
    base = np.array([1.0, 3.0, 1.0, 1.0, 0.0])
    raked = poststratify(np.array([0, 0, 1, 1, 1]), np.array([0.2, 0.8]), base=base)
    np.testing.assert_allclose(raked.weights, np.array([0.2 / 4, 0.6 / 4, 0.4, 0.4, 0]) * 4)
    assert raked.n_effective == pytest.approx(16 / (0.04 + 0.36 + 2 * 2.56))


def test_margins_that_contradict_each_other_do_not_converge() -> None:
    """Only the cells (0, 0) and (1, 1) have rows: both margins cannot differ."""
    place = np.repeat([0, 1], 10)
    raked = rake([place, place], [np.array([0.5, 0.5]), np.array([0.3, 0.7])], most=50)
    assert not raked.converged
    assert raked.deviation > 0.1


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_the_order_of_rows_and_of_cells_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = np.array([(i, j) for i in range(3) for j in range(2)])
    rows = np.vstack([grid, rng.integers(0, [3, 2], (30, 2))])
    first, second = rng.dirichlet(np.full(3, 5.0)), rng.dirichlet(np.full(2, 5.0))
    one = rake([rows[:, 0], rows[:, 1]], [first, second]).weights
    order, turned = rng.permutation(len(rows)), np.array([2, 0, 1])
    other = rake([rows[order, 1], turned[rows[order, 0]]], [second, first[np.argsort(turned)]]).weights
    np.testing.assert_allclose(other, one[order], atol=1e-7)


@pytest.mark.parametrize(
    ("place", "share", "says"),
    [
        ([0, 0, 0], [0.5, 0.5], "no row in 'south', 50.0% of the population"),
        ([0, 1, 2], [0.5, 0.5], "without a share"),
        ([0, 1, 1], [0.5, 0.6], "add to 1.1"),
        ([0, 1, 1], [0.0, 1.0], "shares above 0"),
        ([0, 1, 1], [1.0], "1 shares for 2 cells"),
        ([0.0, 1.0, np.nan], [0.5, 0.5], "not one whole number per row"),
    ],
)
def test_margins_that_cannot_be_met_are_errors(place: list[float], share: list[float], says: str) -> None:
    with pytest.raises(DataError, match=says):
        rake([np.array(place)], [np.array(share)], names=[("region", ["north", "south"])])


def test_a_cell_whose_rows_all_weigh_nothing_is_empty() -> None:
    with pytest.raises(DataError, match="no row in '1'"):
        poststratify(np.array([0, 0, 1]), np.array([0.5, 0.5]), base=[1, 1, 0])


def test_a_limit_below_the_mean_is_refused() -> None:
    with pytest.raises(OptionError, match="trim"):
        rake([np.array([0, 1])], [np.array([0.5, 0.5])], trim=1)
