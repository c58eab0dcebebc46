import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.weights import combine_weights, expert_weights, global_weights, kendall_w, weighted_index

POINTS = pd.DataFrame({"service": [40, 5.0], "price": [60, 3], "image": [0, 2]}, index=["e1", "e2"])
ONE = pd.Series({"a": 0.5, "b": 0.3, "c": 0.2})
TWO = pd.Series({"c": 4.0, "a": 2.0, "b": 2.0})


def test_points_are_shares_of_each_expert_before_they_are_averaged():
    found = expert_weights(POINTS)
    np.testing.assert_allclose(found.weights[["service", "price", "image"]], [0.45, 0.45, 0.1])
    row = found.table.set_index("item").loc["image"]
    assert (row.minimum, row.maximum) == (0, 0.2)
    assert row.sd == pytest.approx(np.std([0, 0.2], ddof=1))
    assert row.cv == pytest.approx(row.sd / 0.1)
    assert found.agreement.w == kendall_w(POINTS).w


def test_experts_of_more_importance_count_for_more():
    found = expert_weights(POINTS, {"e1": 3, "e2": 1})
    assert found.weights["price"] == pytest.approx(0.75 * 0.6 + 0.25 * 0.3)


def test_a_single_expert_has_no_spread_and_no_agreement():
    found = expert_weights(POINTS.iloc[:1])
    assert found.agreement is None
    assert found.table.sd.isna().all()


def test_kendalls_w_is_one_for_one_order_and_zero_for_opposite_ones():
    assert kendall_w([[1, 2, 3, 4], [10, 20, 25, 99]]).w == 1
    assert kendall_w([[1, 2, 3, 4], [4, 3, 2, 1]]).w == pytest.approx(0)
    assert math.isnan(kendall_w([[1, 1, 1], [2, 2, 2]]).w)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_kendalls_w_is_the_mean_rank_correlation_of_the_raters(seed):
    """Mean Spearman correlation of m raters = (mW − 1)/(m − 1), without ties."""
    rng = np.random.default_rng(seed)
    ranks = np.array([rng.permutation(6) for _ in range(4)])
    mean = (np.corrcoef(ranks).sum() - 4) / 12
    assert mean == pytest.approx((4 * kendall_w(ranks).w - 1) / 3)


def test_combinations_by_hand():
    sets = {"expert": ONE, "entropy": TWO}
    added = combine_weights(sets, shares={"expert": 3, "entropy": 1})
    np.testing.assert_allclose(added[["a", "b", "c"]], [0.4375, 0.2875, 0.275])
    multiplied = combine_weights(sets, "multiplicative")
    np.testing.assert_allclose(multiplied[["a", "b", "c"]], np.array([0.125, 0.075, 0.1]) / 0.3)
    geometric = combine_weights(sets, "geometric")
    np.testing.assert_allclose(geometric, np.sqrt(multiplied) / np.sqrt(multiplied).sum())


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=6), st.sampled_from(["additive", "geometric"]))
@settings(max_examples=30)
def test_sets_that_agree_combine_to_themselves(weights, rule):
    w = pd.Series(weights)
    np.testing.assert_allclose(combine_weights({"x": w, "y": 7 * w}, rule), w / w.sum(), rtol=1e-9)


TREE = {
    "goal": {"Service": 60, "Price": 40},
    "Service": {"Reliability": 3, "Empathy": 1},
    "Reliability": {"kept": 1, "right": 1},
    "Price": {"fair": 1},
    "Empathy": {"kind": 5},
}


def test_weights_multiply_down_the_branches_and_the_leaves_sum_to_one():
    table = global_weights(TREE).set_index("item")
    expected = {"kept": 0.225, "right": 0.225, "kind": 0.15, "fair": 0.4}
    leaves = table[table.leaf]
    assert leaves["global"].to_dict() == pytest.approx(expected)
    assert leaves.level.to_dict() == {"fair": 2, "kind": 3, "kept": 3, "right": 3}
    assert table.loc["Reliability", ["parent", "weight", "global"]].tolist() == ["Service", 0.75, pytest.approx(0.45)]
    for level in (1, 2):
        assert table[(table.level == level) | (table.leaf & (table.level < level))]["global"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Price": {"kept": 1}}, "kept: stands under 'Reliability' and is 'Price'"),
        ({"Price": {"goal": 1}}, "goal: stands under 'Price' and is the root"),
        ({"Lost": {"x": 1}}, "Lost: hangs on nothing"),
        ({"Price": {"fair": -1}}, "impossible weights of fair"),
        ({"Price": {"fair": 0}}, "all weights are 0"),
        ({"Price": {}}, "all weights are 0"),
    ],
)
def test_trees_that_are_none_are_refused(change, says):
    with pytest.raises(DataError, match=says):
        global_weights({**TREE, **change})


@given(
    st.lists(st.tuples(st.floats(1, 10), st.floats(0, 5)), min_size=1, max_size=6).filter(lambda v: sum(w for _, w in v) > 0.01),
    st.floats(0, 1),
)
@settings(max_examples=25)
def test_the_index_lies_between_0_and_100_and_rises_with_every_mean(items, part):
    x, w = np.array(items).T
    one = weighted_index(x, w, 1, 10)
    assert -1e-9 <= one <= 100 + 1e-9
    assert weighted_index(x + part * (10 - x), w, 1, 10) >= one - 1e-9
    assert weighted_index(2 * x + 3, w, 5, 23) == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: expert_weights(POINTS.replace(60, np.nan)), DataError, "expert e1, price: no points"),
        (lambda: expert_weights(POINTS - 1), DataError, "expert e1, image: -1 points"),
        (lambda: expert_weights(POINTS.mul([0, 1], axis=0)), DataError, "expert e1: all points are 0"),
        (lambda: expert_weights(POINTS, {"e1": 1}), DataError, "unknown expert 'e2'"),
        (lambda: expert_weights(pd.DataFrame()), DataError, "no points"),
        (lambda: kendall_w([[1, 2, 3]]), DataError, "two raters"),
        (lambda: kendall_w([[1, 2], [np.nan, 1]]), DataError, "missing"),
        (lambda: combine_weights({"x": ONE, "y": ONE.iloc[:2]}), DataError, "y: its items are not those of 'x'"),
        (lambda: combine_weights({"x": ONE}, "product"), OptionError, "multiplicative"),
        (lambda: combine_weights({"x": ONE}, "multiplicative", {"x": 1}), OptionError, "geometric"),
        (lambda: combine_weights({"x": ONE}, "additive", {"x": 0}), DataError, "above 0"),
        (lambda: combine_weights({}), DataError, "no weights"),
        (
            lambda: combine_weights({"x": pd.Series({"a": 1, "b": 0}), "y": pd.Series({"a": 0, "b": 1})}, "multiplicative"),
            AnalysisError,
            "every item has a weight of 0",
        ),
        (lambda: global_weights(TREE, "Goal"), DataError, "did you mean 'goal'"),
        (lambda: weighted_index([11], [1], 1, 10), DataError, "outside its scale"),
        (lambda: weighted_index([5], [-1], 1, 10), DataError, "negative"),
        (lambda: weighted_index([np.nan], [1], 1, 10), DataError, "missing"),
    ],
)
def test_what_cannot_be_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
