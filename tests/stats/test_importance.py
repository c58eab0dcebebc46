import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.importance import METHODS, importance, importance_draws, lmg, lmg_sampled, r2_of_all_models, relative_weights
from csr_lib.stats.moments import Moments, moments, sample
from csr_lib.stats.resampling import resample_counts


def correlations(k, draws, seed=0):
    x = np.random.default_rng(seed).standard_normal((draws, 60, k + 1))
    x[..., -1] += x[..., :k] @ np.linspace(0, 1, k)
    return np.stack([np.corrcoef(one.T) for one in x])


def r2(R, subset):
    s = list(subset)
    return float(R[s, -1] @ np.linalg.solve(R[np.ix_(s, s)], R[s, -1])) if s else 0.0


def test_r2_of_all_models_is_that_of_each_regression():
    R = correlations(4, 3)
    found = r2_of_all_models(R)
    for row, b in itertools.product(range(16), range(3)):
        subset = [j for j in range(4) if row >> j & 1]
        assert found[row, b] == pytest.approx(r2(R[b], subset), abs=1e-12)


def test_lmg_is_the_mean_gain_over_all_orders():
    R = correlations(4, 2)
    expected = np.zeros((2, 4))
    orders = list(itertools.permutations(range(4)))
    for b, order in itertools.product(range(2), orders):
        for at, j in enumerate(order):
            expected[b, j] += (r2(R[b], order[: at + 1]) - r2(R[b], order[:at])) / len(orders)
    np.testing.assert_allclose(lmg(R), expected)


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(0, 10**6))
def test_shares_sum_to_r2_and_follow_their_predictors(k, seed):
    R = correlations(k, 2, seed)
    whole = np.array([r2(one, range(k)) for one in R])
    order = np.random.default_rng(seed).permutation(k)
    at = np.append(order, k)
    for method in (lmg, relative_weights, lambda m: lmg_sampled(m, 3)):
        shares = method(R)
        np.testing.assert_allclose(shares.sum(axis=1), whole)
        assert (shares > -1e-12).all()
    for method in (lmg, relative_weights):
        np.testing.assert_allclose(method(R[:, at[:, None], at]), method(R)[:, order], atol=1e-10)


def test_sampled_orders_come_as_near_the_exact_average_as_their_error_says(monkeypatch, answers):
    exact = importance(moments(answers), "l1").table
    monkeypatch.setattr("csr_lib.stats.importance.LMG_EXACT", 3)
    away = []
    for seed in range(40):
        found = importance(moments(answers), "l1", orders=60, seed=seed)
        assert not found.lmg_exact
        away.append((found.table["lmg"] - exact["lmg"]) / found.table["lmg_mc_error"])
    assert np.mean(np.square(away)) == pytest.approx(1, abs=0.3)  # 320 values, correlated within a seed
    assert (exact["lmg_mc_error"] == 0).all()


@pytest.mark.parametrize("draws", [2, 30])
def test_sampled_orders_are_the_same_for_few_and_for_many_matrices(draws):
    R = correlations(5, draws)
    each = [lmg_sampled(one[None], 10, seed=3)[0] for one in R]
    np.testing.assert_allclose(lmg_sampled(R, 10, seed=3), each)


def test_the_squared_semipartial_correlation_is_what_r2_loses(answers):
    predictors = ["i1", "i2", "q1", "q2"]
    found = importance(moments(answers), "l1", predictors)
    for at, name in enumerate(predictors):
        rest = importance(moments(answers), "l1", [p for p in predictors if p != name])
        part = found.table["semipartial_correlation"][at]
        assert part**2 == pytest.approx(found.r2 - rest.r2)
        assert np.sign(part) == np.sign(found.table["regression"][at])


def test_direction_is_that_of_the_correlation_and_a_turned_sign_is_told():
    r = [[1, 0.8, 0.6, 0.5], [0.8, 1, 0.4, 0.3], [0.6, 0.4, 1, -0.2], [0.5, 0.3, -0.2, 1]]
    found = importance(Moments.from_correlation(["a", "b", "c", "y"], np.zeros(4), np.ones(4), r, 100), "y").table
    assert found["direction"].tolist() == [1, 1, -1]
    assert found["sign_reversed"].tolist() == (found["regression"] * [0.5, 0.3, -0.2] < 0).tolist()
    assert found["sign_reversed"].any()


def test_uncorrelated_predictors_have_their_squared_correlations():
    R = np.eye(4)[None].copy()
    R[0, :3, 3] = R[0, 3, :3] = [0.1, 0.5, -0.6]
    for method in (lmg, relative_weights):
        np.testing.assert_allclose(method(R)[0], [0.01, 0.25, 0.36])


def test_the_table_is_that_of_regression_and_partial_correlation(answers):
    predictors = ["i1", "i2", "q1", "q2"]
    found = importance(moments(answers), "l1", predictors)
    z = (answers - answers.mean()) / answers.std()
    X = z[predictors].to_numpy()
    b = np.linalg.lstsq(X, z["l1"], rcond=None)[0]
    np.testing.assert_allclose(found.table["regression"], b)
    residual = z["l1"] - X @ b
    assert found.r2 == pytest.approx(1 - residual @ residual / 299)
    se = np.sqrt(residual @ residual / (300 - 5) * np.diag(np.linalg.inv(X.T @ X)))
    np.testing.assert_allclose(found.table["regression_se"], se)
    others = X[:, 1:]
    rest = [v - others @ np.linalg.lstsq(others, v, rcond=None)[0] for v in (X[:, 0], z["l1"].to_numpy())]
    assert found.table["partial_correlation"][0] == pytest.approx(np.corrcoef(rest)[0, 1])
    np.testing.assert_allclose(found.table["partial_correlation_p"], found.table["regression_p"])
    assert found.lmg_exact
    assert found.table["lmg_share"].sum() == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_draws_are_the_estimates_of_their_rows(answers, method):
    predictors = ["i1", "q1", "s1"]
    s = sample(answers[[*predictors, "l1"]])
    counts = next(iter(resample_counts(s, 4, seed=1)))
    draws = importance_draws(s.resampled(counts)[1], method)
    for b in range(4):
        rows = answers.iloc[np.repeat(np.arange(300), counts[b].astype(int))]
        np.testing.assert_allclose(draws[b], importance(moments(rows), "l1", predictors).table[method], atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_draw_with_dependent_or_constant_predictors_is_nan(method):
    covs = correlations(3, 3)
    covs[1, 1] = covs[1, 0]
    covs[1, :, 1] = covs[1, :, 0]
    covs[2, 0] = covs[2, :, 0] = 0
    draws = importance_draws(covs, method)
    assert np.isfinite(draws[0]).all()
    if method != "correlation":
        assert np.isnan(draws[1:]).all()
    assert np.isnan(draws[2, 0])


def test_more_predictors_than_can_be_counted_are_sampled_and_it_is_said():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 17))
    x[:, -1] += x[:, 0]
    found = importance(moments(x), "x17", orders=50)
    assert not found.lmg_exact
    assert found.lmg_orders == 50
    assert found.table["lmg"].sum() == pytest.approx(found.r2)
    assert found.table["lmg"].idxmax() == 0


@pytest.mark.parametrize(
    ("data", "predictors", "error", "message"),
    [
        (lambda d: d.assign(i3=d["i1"] + d["i2"]), ["i1", "i2", "i3"], AnalysisError, "i1, i2, i3 are linearly dependent"),
        (lambda d: d.iloc[:4], ["i1", "i2", "q1"], AnalysisError, "too few for 3 predictors"),
        (lambda d: d, [], AnalysisError, "no predictors"),
        (lambda d: d, ["l1", "i1"], OptionError, "'l1' is among its predictors"),
        (lambda d: d, ["i1", "i2", "i1"], OptionError, "predictors stand twice: i1"),
        (lambda d: d, ["i1", "j2"], DataError, "did you mean 'i2'"),
        (lambda d: d.assign(i2=3.0), ["i1", "i2"], AnalysisError, "i2: all answers are the same"),
    ],
)
def test_what_cannot_be_explained_is_named(answers, data, predictors, error, message):
    with pytest.raises(error, match=message):
        importance(moments(data(answers)[["i1", "i2", "i3", "q1", "l1"]]), "l1", predictors)


@pytest.mark.parametrize("exact", [15, 2])
def test_a_perfectly_explained_outcome_is_shared_out_whole(answers, monkeypatch, exact):
    monkeypatch.setattr("csr_lib.stats.importance.LMG_EXACT", exact)
    found = importance(moments(answers.assign(l1=answers["i1"] + answers["i2"] - answers["q1"])), "l1", ["i1", "i2", "q1"])
    assert found.r2 == pytest.approx(1)
    for method in ("relative_weights", "lmg"):
        assert found.table[method].sum() == pytest.approx(1)
    np.testing.assert_allclose(found.table["regression_se"], 0, atol=1e-6)


def test_an_outcome_that_nothing_explains_has_no_shares():
    facts = Moments.from_correlation(["a", "b", "y"], np.zeros(3), np.ones(3), np.diag([1.0, 1, 1]), 50)
    found = importance(facts, "y").table
    assert (found[["relative_weights", "lmg"]] == 0).all(axis=None)
    assert found[["relative_weights_share", "lmg_share"]].isna().all(axis=None)


def test_correlations_that_contradict_each_other_are_refused():
    r = np.array([[1, 0.9, 0.9], [0.9, 1, -0.9], [0.9, -0.9, 1]])
    with pytest.raises(AnalysisError, match="contradict each other"):
        importance(Moments.from_correlation(["a", "b", "y"], np.zeros(3), np.ones(3), r, 50), "y")
    for method in METHODS[1:]:
        assert np.isnan(importance_draws(r[None], method)).all()


def test_an_unknown_method_is_an_error():
    with pytest.raises(OptionError, match="did you mean 'lmg'"):
        importance_draws(correlations(2, 1), "lgm")
