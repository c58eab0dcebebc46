import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.fuzzy import OPERATORS, compose, fuzzy_evaluation, grade_shares, score_memberships, verdict

ANSWERS = pd.DataFrame({"a": [1, 2, 2, 5, np.nan], "b": [5, 5, 4, 4, 1]})
TREE = {"goal": {"Service": 0.6, "price": 0.4}, "Service": {"kept": 0.7, "kind": 0.3}}
LEAVES = pd.DataFrame(
    [[0.1, 0.3, 0.6], [0.5, 0.4, 0.1], [0.2, 0.7, 0.1]], index=["kept", "kind", "price"], columns=["low", "mid", "high"]
)


def random_case(seed, items=5, grades=4):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(items)), rng.dirichlet(np.ones(grades), size=items)


def test_memberships_are_weighted_shares_of_those_who_answered():
    found = grade_shares(ANSWERS, [1, 2, 3, 4, 5], [1, 1, 1, 2, 5])
    np.testing.assert_allclose(found.table.loc["a"], [0.2, 0.4, 0, 0, 0.4])
    np.testing.assert_allclose(found.table.loc["b"], [0.5, 0, 0, 0.3, 0.2])
    assert found.n.to_dict() == {"a": 4, "b": 5}
    assert found.n_missing.to_dict() == {"a": 1, "b": 0}
    counted = grade_shares(ANSWERS, [1, 2, 3, 4, 5], [1, 1, 1, 2, 5], kind="frequency")
    assert counted.n_missing.to_dict() == {"a": 5, "b": 0}


def test_triangles_and_trapezoids_by_hand():
    scores = pd.DataFrame({"x": [60, 65, 70, 95, 100]})
    triangle = score_memberships(scores.iloc[1:2], [60, 80, 100]).table.loc["x"].tolist()
    assert triangle == pytest.approx([0.75, 0.25, 0])
    trapezoid = score_memberships(scores.iloc[1:2], [60, 80, 100], plateau=0.4).table.loc["x"].tolist()
    assert trapezoid == pytest.approx([1 - 0.05 / 0.6, 0.05 / 0.6, 0])  # the plateau of 60 ends at 64
    assert score_memberships(pd.DataFrame({"x": [20, 120]}), [60, 80, 100]).table.loc["x"].tolist() == [0.5, 0, 0.5]


@given(st.lists(st.floats(-50, 150), min_size=1, max_size=20), st.floats(0, 0.95), st.booleans())
@settings(max_examples=20)
def test_memberships_of_scores_sum_to_one_and_falling_peaks_mirror_rising_ones(scores, plateau, falling):
    frame = pd.DataFrame({"x": scores})
    rising = score_memberships(frame, [20, 50, 60, 100], plateau=plateau).table.loc["x"].to_numpy()
    assert rising.sum() == pytest.approx(1)
    assert (rising >= 0).all()
    if falling:
        other = score_memberships(frame, [100, 60, 50, 20], plateau=plateau).table.loc["x"].to_numpy()
        np.testing.assert_allclose(other, rising[::-1])


@given(st.integers(0, 10_000), st.sampled_from(sorted(OPERATORS)))
@settings(max_examples=50)
def test_compositions_stay_within_0_and_1_and_do_not_hang_on_the_order_of_items(seed, operator):
    A, R = random_case(seed)
    order = np.random.default_rng(seed).permutation(len(A))
    b = compose(A, R, operator)
    assert ((b >= 0) & (b <= 1)).all()
    np.testing.assert_allclose(compose(A[order], R[order], operator), b, rtol=1e-12)
    np.testing.assert_allclose(compose(7 * A, R, operator), b, rtol=1e-12)
    if operator == "weighted_average":
        assert b.sum() == pytest.approx(1)
        np.testing.assert_allclose(b, A @ R)


@given(st.integers(0, 10_000))
@settings(max_examples=8)
def test_a_tree_under_the_weighted_average_is_one_level_with_global_weights(seed):
    rng = np.random.default_rng(seed)
    leaves = pd.DataFrame(rng.dirichlet(np.ones(3), size=5), index=list("abcde"))
    tree = {"goal": {"X": 2, "e": 1}, "X": {"Y": 3, "d": 1}, "Y": {"a": 1, "b": 2, "c": 1}}
    for normalise in (True, False):
        found = fuzzy_evaluation(leaves, tree, values=[0, 50, 100], normalise=normalise)
        flat = found.weights[found.weights.leaf].set_index("item")["global"]
        root = found.nodes[found.nodes["item"] == "goal"].membership
        np.testing.assert_allclose(root, flat @ leaves.loc[flat.index])
        assert found.verdicts.score.iloc[0] == pytest.approx(flat @ (leaves.loc[flat.index] @ [0, 50, 100]))


def test_a_two_level_evaluation_by_hand_shows_every_operator():
    found = fuzzy_evaluation(LEAVES, TREE, operator="min_max", values=[1, 2, 3])
    service = found.nodes[found.nodes["item"] == "Service"]
    np.testing.assert_allclose(service.raw, [0.3, 0.3, 0.6])  # max of min(.7, r) and min(.3, r)
    np.testing.assert_allclose(service.membership, [0.25, 0.25, 0.5])
    root = found.nodes[found.nodes["item"] == "goal"]
    np.testing.assert_allclose(root.raw, [0.25, 0.4, 0.5])
    raw = fuzzy_evaluation(LEAVES, TREE, operator="min_max", normalise=False)
    np.testing.assert_allclose(raw.nodes[raw.nodes["item"] == "goal"].raw, [0.3, 0.4, 0.6])
    assert raw.verdicts.score.isna().all()
    assert found.operator_verdicts.operator.tolist() == list(OPERATORS)
    np.testing.assert_allclose(found.operators[found.operators.operator == "min_max"].membership, root.membership)
    assert found.verdicts.set_index("item").loc["goal", ["grade", "level"]].tolist() == ["high", 0]
    assert found.notation == "M(∧,∨)"


def test_the_verdict_says_how_clearly_the_largest_stands_out():
    clear = verdict([0.7, 0.2, 0.1, 0], "abcd", [1, 2, 3, 4])
    assert clear.grade == "a"
    assert clear.effectiveness == pytest.approx((4 * 0.7 - 1) / (2 * 0.2 * 3))
    assert clear.score == pytest.approx(1.4)
    assert verdict([14, 4, 2, 0], "abcd").effectiveness == pytest.approx(clear.effectiveness)
    assert verdict([1, 0, 0], "abc").effectiveness == math.inf
    assert verdict([1, 1, 1], "abc").effectiveness == 0


def test_a_tie_is_no_winner():
    tie = verdict([0.4, 0.2, 0.4], "abc")
    assert tie.grade is None
    assert tie.tied == ("a", "c")
    almost = verdict([0.4, 0.2, 0.4 + 1e-12], "abc")
    assert almost.tied == ("a", "c")


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: grade_shares(ANSWERS, [1, 2, 3, 4]), DataError, "a: answers 5 are no grade"),
        (lambda: grade_shares(ANSWERS, [1, 1, 5]), DataError, "grades"),
        (lambda: grade_shares(ANSWERS, range(1, 6), [1, 1]), DataError, "weights"),
        (lambda: grade_shares(ANSWERS.assign(c=np.nan), range(1, 6)), AnalysisError, "nobody answered c"),
        (lambda: score_memberships(ANSWERS, [1, 3, 2]), DataError, "rising or falling"),
        (lambda: score_memberships(ANSWERS, [1, 5], plateau=1), OptionError, "plateau"),
        (lambda: score_memberships(ANSWERS.replace(5, np.inf), [1, 5]), DataError, "infinite"),
        (lambda: compose([1], [[0.5, 0.5]], "max_min"), OptionError, "min_max"),
        (lambda: compose([1, 1], [[0.5, 0.5]]), DataError, "shape"),
        (lambda: compose([0], [[0.5, 0.5]]), DataError, "all 0"),
        (lambda: compose([1], [[0.5, 1.5]]), DataError, "outside 0 to 1"),
        (lambda: compose([1], [[0.5, np.nan]]), DataError, "missing"),
        (lambda: verdict([0, 0], "ab"), DataError, "all 0"),
        (lambda: verdict([1, 2], "abc"), DataError, "2 memberships for 3 grades"),
        (lambda: fuzzy_evaluation(LEAVES.iloc[:2], TREE), DataError, "price: no memberships"),
        (lambda: fuzzy_evaluation(LEAVES, TREE, operator="average"), OptionError, "weighted_average"),
        (lambda: fuzzy_evaluation(pd.concat([LEAVES, LEAVES]), TREE), DataError, "twice"),
        (lambda: fuzzy_evaluation(LEAVES * 0, TREE), AnalysisError, "all memberships are 0"),
    ],
)
def test_what_cannot_be_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
