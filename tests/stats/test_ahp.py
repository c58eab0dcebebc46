import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.ahp import RANDOM_INDEX, ahp, ahp_group, total_consistency

NAMES = ["service", "price", "image"]
THREE = [[1, 2, 5], [1 / 2, 1, 4], [1 / 5, 1 / 4, 1]]


def random_judgements(seed, k):
    rng = np.random.default_rng(seed)
    A = np.eye(k)
    for i, j in itertools.combinations(range(k), 2):
        A[i, j] = rng.choice([1 / 7, 1 / 3, 1, 2, 5, 9])
        A[j, i] = 1 / A[i, j]
    return A


@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=8), st.sampled_from(["eigenvector", "geometric", "column_mean"]))
@settings(max_examples=20)
def test_consistent_judgements_give_back_their_weights_by_every_method(weights, method):
    w = np.array(weights) / sum(weights)
    found = ahp(w[:, None] / w, method=method)
    np.testing.assert_allclose(found.weights, w, rtol=1e-9)
    assert found.cr == pytest.approx(0, abs=1e-9)
    assert found.judgements.ratio.max() == pytest.approx(1)


@given(st.integers(0, 10_000), st.integers(3, 7))
@settings(max_examples=20)
def test_the_order_of_the_children_does_not_matter_and_transposing_turns_the_eigenvector_problem_round(seed, k):
    A = random_judgements(seed, k)
    order = np.random.default_rng(seed).permutation(k)
    one, other = ahp(A), ahp(A[np.ix_(order, order)])
    np.testing.assert_allclose(other.weights, one.weights[order], rtol=1e-9)
    assert other.cr == pytest.approx(one.cr, abs=1e-12)
    assert one.weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(A @ one.weights, one.lambda_max * one.weights, rtol=1e-9)
    np.testing.assert_allclose(ahp(A.T, method="geometric").weights * ahp(A, method="geometric").weights * k, _flat(A), rtol=1e-9)


def _flat(A):
    """Geometric means of rows of A and of its transpose are each other's inverse."""
    g = np.exp(np.log(A).mean(axis=1))
    return np.full(len(A), len(A) / (g.sum() * (1 / g).sum()))


def test_written_decimals_stand_for_their_fractions():
    rounded = [[1, 2, 5], [0.5, 1, 4], [0.2, 0.25, 1]]
    np.testing.assert_array_equal(ahp(rounded).weights, ahp(THREE).weights)
    thirds = ahp([[1, 3, 7], [0.3333, 1, 3], [0.14, 0.33, 1]])
    np.testing.assert_array_equal(thirds.weights, ahp([[1, 3, 7], [1 / 3, 1, 3], [1 / 7, 1 / 3, 1]]).weights)


def test_the_worst_judgement_is_named_with_the_value_that_would_fit():
    A = np.array([1, 2, 4, 8.0])
    A = A[:, None] / A
    A[0, 3], A[3, 0] = 9, 1 / 9  # consistent would be 1/8
    found = ahp(A, ["a", "b", "c", "d"])
    worst = found.judgements.iloc[0]
    assert (worst.row, worst.column, worst.judgement) == ("a", "d", 9)
    assert worst.fitting == pytest.approx(found.weights[0] / found.weights[3])
    assert worst.ratio == pytest.approx(9 / worst.fitting)
    assert worst.cr_if_fitting < found.cr
    assert len(found.judgements) == 6


def test_one_and_two_children_cannot_contradict_themselves():
    assert ahp([[1]]).weights.tolist() == [1]
    found = ahp([[1, 3], [1 / 3, 1]], random_index="alonso2006")
    np.testing.assert_allclose(found.weights, [0.75, 0.25])
    assert found.cr == found.ci == 0


def test_the_random_index_is_the_named_table():
    assert ahp(THREE).ri == 0.58
    assert ahp(THREE, random_index="alonso2006").ri == 0.5247
    assert ahp(THREE).ci == ahp(THREE, random_index="alonso2006").ci
    assert {len(t) for t in RANDOM_INDEX.values()} == {15}


def test_the_random_index_is_the_mean_consistency_index_of_random_matrices():
    """Judgements drawn from 1/9 … 9; the published mean of 100,000 matrices of order 4 within four standard errors of ours."""
    rng = np.random.default_rng(0)
    scale = np.array([1 / v for v in range(9, 1, -1)] + list(range(1, 10)))
    A = np.ones((4000, 4, 4))
    for i, j in itertools.combinations(range(4), 2):
        A[:, i, j] = rng.choice(scale, len(A))
        A[:, j, i] = 1 / A[:, i, j]
    ci = (np.linalg.eigvals(A).real.max(axis=1) - 4) / 3
    assert abs(ci.mean() - RANDOM_INDEX["alonso2006"][3]) < 4 * ci.std() / np.sqrt(len(A))


def test_a_group_of_one_or_of_the_same_view_is_that_view():
    single = ahp(THREE)
    for aggregate in ("judgements", "priorities"):
        for matrices in ({"e1": THREE}, {"e1": THREE, "e2": THREE}):
            np.testing.assert_allclose(ahp_group(matrices, aggregate=aggregate).weights, single.weights, rtol=1e-12)


def test_the_geometric_mean_keeps_judgements_reciprocal_and_shows_the_spread():
    other = [[1, 1 / 2, 3], [2, 1, 6], [1 / 3, 1 / 6, 1]]
    found = ahp_group({"e1": THREE, "e2": other}, NAMES)
    np.testing.assert_allclose(found.joint.matrix * found.joint.matrix.T, 1)
    assert found.joint.matrix[0, 1] == pytest.approx(1)
    assert found.table.item.tolist() == NAMES
    assert (found.table.minimum <= found.table.weight).all()
    np.testing.assert_allclose(found.table.sd, np.std([e.weights for e in found.experts.values()], axis=0, ddof=1))


def test_the_consistency_of_a_level_weighs_its_nodes():
    contradictory = ahp(random_judgements(1, 4))
    nodes = [ahp(THREE), contradictory, ahp([[1, 2], [1 / 2, 1]])]
    expected = (0.5 * nodes[0].ci + 0.3 * contradictory.ci) / (0.5 * 0.58 + 0.3 * 0.9)
    assert total_consistency([0.5, 0.3, 0.2], nodes) == pytest.approx(expected)
    assert total_consistency([1], nodes[2:]) == 0
    with pytest.raises(DataError):
        total_consistency([1, 2], nodes)


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        ([[1, 3, 2], [1 / 3, 1, None], [1 / 2, 2, 1]], "row price, column image: no judgement"),
        ([[1, 3, 2], [1 / 3, 1, 0], [1 / 2, 2, 1]], "row price, column image: a judgement of 0"),
        ([[1, 3, 2], [3, 1, 4], [1 / 2, 1 / 4, 1]], "row service, column price: 3, but row price, column service is 3"),
        ([[1, 3, 2], [1 / 3, 2, 4], [1 / 2, 1 / 4, 1]], "row price, column price: 2; allowed: 1 on the diagonal"),
        ([[1, 3], [1 / 3, 1]], "3 names for a matrix of 2 rows"),
        ([[1, 3, 2], [1 / 3, 1]], "not square"),
        ([], "not square"),
        ([[1, np.inf, 2], [0, 1, 1], [1 / 2, 1, 1]], "a judgement of inf"),
    ],
)
def test_matrices_that_cannot_be_name_their_cell(matrix, says):
    with pytest.raises(DataError, match=says):
        ahp(matrix, NAMES)


def test_every_fault_is_told_at_once_with_its_expert():
    with pytest.raises(DataError) as error:
        ahp_group({"e1": [[1, 3], [3, 1]], "e2": [[1, np.nan], [1, 1]]})
    assert len(error.value.problems) == 2
    assert "expert e1" in str(error.value)
    assert "expert e2" in str(error.value)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: ahp(THREE, method="sum"), OptionError),
        (lambda: ahp(THREE, random_index="saaty"), OptionError),
        (lambda: ahp(np.ones((16, 16))), OptionError),
        (lambda: ahp(THREE, ["a", "a", "b"]), DataError),
        (lambda: ahp_group({}), DataError),
        (lambda: ahp_group({"e1": THREE, "e2": [[1]]}), DataError),
        (lambda: ahp_group({"e1": THREE}, aggregate="median"), OptionError),
        (lambda: ahp_group({"e1": THREE}, importance={"e2": 1}), DataError),
        (lambda: ahp_group({"e1": THREE}, importance={"e1": 0}), DataError),
    ],
)
def test_what_is_unknown_or_missing_is_refused(call, error):
    with pytest.raises(error):
        call()
