"""Evaluations of many resamples are those of each alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.data_weight_draws import combine_draws, component_draws, critic_draws, entropy_draws
from csr_lib.stats.data_weights import component_weights, critic_weights, entropy_weights
from csr_lib.stats.fuzzy import OPERATORS, fuzzy_evaluation, grade_shares, mean_memberships, membership_values
from csr_lib.stats.fuzzy_draws import draw_memberships, evaluate_many, leaf_weights, leaves_of, local_weights, winners
from csr_lib.stats.moments import moments
from csr_lib.stats.weights import combine_weights, global_weights

TREE = {"goal": ["X", "e"], "X": ["Y", "d"], "Y": ["a", "b", "c"]}
LEAVES = ("a", "b", "c", "d", "e")


def answers(seed, n=60):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1))
    raw = 3 + 0.8 * common + rng.normal(size=(n, 5)) * [0.6, 0.8, 1, 1.2, 1]
    return pd.DataFrame(np.clip(np.round(raw), 1, 5), columns=list(LEAVES))


def test_the_leaves_stand_from_left_to_right():
    assert leaves_of(TREE) == LEAVES
    with pytest.raises(DataError, match="unknown node 'goal'"):
        leaves_of({"X": ["a"]})
    with pytest.raises(DataError, match="a: stands in two places"):
        leaves_of({"goal": ["a", "X"], "X": ["a"]})


@given(st.integers(0, 10_000))
@settings(max_examples=10)
def test_weights_of_leaves_and_local_weights_are_two_ways_to_say_the_same(seed):
    rng = np.random.default_rng(seed)
    local = {node: dict(zip(of, rng.uniform(0.1, 5, len(of)), strict=True)) for node, of in TREE.items()}
    found = leaf_weights(local)
    table = global_weights(local)
    assert found == pytest.approx(dict(table[table["leaf"]].set_index("item")["global"]))
    assert sum(found.values()) == pytest.approx(1)
    back = local_weights(np.array([found[leaf] for leaf in LEAVES]), TREE)
    for node, of in local.items():
        np.testing.assert_allclose(back[node], np.array(list(of.values())) / sum(of.values()))


def test_below_a_node_without_weight_all_count_equally():
    found = local_weights(np.array([[0, 0, 0, 0.5, 0.5]]), TREE)
    np.testing.assert_allclose(found["Y"], [[1 / 3] * 3])
    np.testing.assert_allclose(found["X"], [[0, 1]])


@given(st.integers(0, 10_000), st.sampled_from(sorted(OPERATORS)), st.booleans())
@settings(max_examples=20)
def test_each_draw_is_evaluated_as_if_it_were_alone(seed, operator, normalise):
    rng = np.random.default_rng(seed)
    R, A = rng.dirichlet(np.ones(4), size=(3, 5)), rng.dirichlet(np.ones(5), size=3)
    weights = local_weights(A, TREE)
    many = evaluate_many(R, weights, TREE, operator=operator, normalise=normalise)
    for draw in range(3):
        local = {n: dict(zip(TREE[n], w[draw], strict=True)) for n, w in weights.items()}
        frame = pd.DataFrame(R[draw], index=list(LEAVES))
        alone = fuzzy_evaluation(frame, local, operator=operator, normalise=normalise).nodes
        for node, found in many.items():
            np.testing.assert_allclose(found[draw], alone[alone["item"] == node]["membership"], rtol=1e-12)
    same = evaluate_many(R, local_weights(A[:1], TREE), TREE, operator=operator)
    again = evaluate_many(R, local_weights(A[[0, 0, 0]], TREE), TREE, operator=operator)
    np.testing.assert_allclose(same["goal"], again["goal"])


def test_memberships_of_resamples_are_those_of_the_rows_drawn():
    frame = answers(1)
    frame.iloc[0, 0] = np.nan
    values = membership_values(frame, [1, 2, 3, 4, 5])
    rng = np.random.default_rng(2)
    counts, w = rng.multinomial(60, np.full(60, 1 / 60), size=4), rng.uniform(0.5, 2, 60)
    found = draw_memberships(values, counts * w)
    for draw in range(4):
        np.testing.assert_allclose(found[draw], grade_shares(frame, [1, 2, 3, 4, 5], counts[draw] * w).table, atol=1e-14)
    nobody = draw_memberships(values, np.eye(60)[:1])
    assert np.isnan(nobody[0, 0]).all()
    assert np.isfinite(nobody[0, 1:]).all()


def test_an_answer_belongs_to_the_grade_next_to_it():
    scores = pd.DataFrame({"x": [1, 2, 3, 2.5, np.nan, 9]})
    found = membership_values(scores, [1.5, 3.5, 8])[:, 0]
    np.testing.assert_allclose(found[:4], [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]])
    assert np.isnan(found[4]).all()
    means = mean_memberships(found[:, None], ["x"], ["a", "b", "c"])
    assert means.table.loc["x"].tolist() == pytest.approx([0.5, 0.3, 0.2])
    assert means.n_missing["x"] == 1
    whole = membership_values(answers(3), [1, 2, 3, 4, 5])
    np.testing.assert_allclose(mean_memberships(whole, LEAVES, range(1, 6)).table, grade_shares(answers(3), range(1, 6)).table)
    np.testing.assert_allclose(membership_values(scores, [8, 3.5, 1.5])[:, 0, ::-1], found)


def test_triangles_keep_the_mean():
    frame = answers(4)
    grades = [1, 2.5, 4, 5]
    means = mean_memberships(membership_values(frame, grades, "triangle"), LEAVES, grades).table
    np.testing.assert_allclose(means @ grades, frame.mean())


def test_a_tie_or_a_failed_draw_has_no_winner():
    assert winners(np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [np.nan] * 3])).tolist() == [1, -1, -1]


def test_weights_from_the_answers_are_those_of_each_resample():
    frame = answers(5, 80)
    unit = (frame - 1) / 4
    rng = np.random.default_rng(6)
    counts = rng.multinomial(80, np.full(80, 1 / 80), size=3).astype(float)
    w = rng.uniform(0.5, 2, 80)
    covs = np.array([moments(unit.loc[np.repeat(np.arange(80), c.astype(int))]).cov for c in counts])
    entropy = entropy_draws(unit.to_numpy(), counts * w, counts.sum(axis=1))
    for draw, count in enumerate(counts.astype(int)):
        rows = np.repeat(np.arange(80), count)
        m = moments(unit.iloc[rows])
        np.testing.assert_allclose(entropy[draw], entropy_weights(unit.iloc[rows], w[rows]).weights, rtol=1e-9)
        np.testing.assert_allclose(critic_draws(covs)[draw], critic_weights(m).weights)
        absolute = critic_draws(covs, correlation="absolute")[draw]
        np.testing.assert_allclose(absolute, critic_weights(m, correlation="absolute").weights)
        for definition in ("score", "absolute", "communality"):
            alone = component_weights(m, 1, definition=definition).weights
            np.testing.assert_allclose(component_draws(covs, 1, definition=definition)[draw], alone, rtol=1e-9)


def test_draws_that_cannot_give_weights_are_missing():
    covs = np.array([np.diag([1.0, 0, 1]), np.eye(3), [[1, 0.2, -0.5], [0.2, 1, 0.3], [-0.5, 0.3, 1]]])
    assert np.isnan(critic_draws(covs)[0]).all()
    assert np.isnan(component_draws(covs, 1)[0]).all()
    assert np.isnan(component_draws(covs, 2)[2]).all()  # a coefficient below 0
    one = entropy_draws(np.array([[1.0, 0.5], [1.0, 0.2]]), np.array([[2.0, 0], [1, 1]]), np.array([2, 2]))
    assert np.isnan(one[0]).all()
    np.testing.assert_allclose(one[1], [0, 1])


@pytest.mark.parametrize(("rule", "shares"), [("additive", [2, 1]), ("geometric", [1, 3]), ("multiplicative", None)])
def test_combined_draws_are_combined_one_by_one(rule, shares):
    rng = np.random.default_rng(7)
    one, two = rng.dirichlet(np.ones(4), size=3), rng.dirichlet(np.ones(4), size=1)
    found = combine_draws([one, two], rule, shares)
    for draw in range(3):
        sets = {"one": pd.Series(one[draw]), "two": pd.Series(two[0])}
        alone = combine_weights(sets, rule, None if shares is None else dict(zip(sets, shares, strict=True)))
        np.testing.assert_allclose(found[draw], alone)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: local_weights(np.ones(3), TREE), DataError, "3 weights for 5 leaves"),
        (lambda: leaf_weights({"goal": {"a": 0}}), DataError, "impossible weights"),
        (
            lambda: evaluate_many(np.ones((1, 5, 2)), local_weights(np.ones((1, 5)), TREE), TREE, operator="mean"),
            OptionError,
            "min_max",
        ),
        (lambda: membership_values(answers(1), [1, 5], "circle"), OptionError, "trapezoid"),
        (lambda: critic_draws(np.eye(2)[None], correlation="none"), OptionError, "signed"),
        (lambda: combine_draws([], "sum"), OptionError, "additive"),
    ],
)
def test_what_cannot_be_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
