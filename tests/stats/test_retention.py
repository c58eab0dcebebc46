"""The number of factors: known structures, chance data, and MAP by its definition."""

import numpy as np
import pandas as pd
import pytest
from factor_samples import ITEMS, answers, population

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats.moments import Moments, moments, sample
from csr_lib.stats.retention import retention, velicer_map


def suggested(found):
    return found.rules.set_index(["rule", "basis"])["suggested"]


def test_a_clear_structure_of_three_factors_is_seen():
    found = suggested(retention(population(np.kron(np.eye(3), np.full((6, 1), 0.7)), np.eye(3)), resamples=20))
    for rule in ("kaiser", "scree", "parallel", "parallel_mean", "map", "map4"):
        assert found[rule, "components"] == 3, rule
    assert found["parallel", "factors"] == 3
    answered = suggested(retention(moments(answers(500)), resamples=50))
    for basis in ("components", "factors"):
        assert answered["parallel", basis] == 3


def test_uncorrelated_answers_have_no_components():
    data = np.random.default_rng(0).standard_normal((400, 8))
    found = suggested(retention(moments(data), resamples=50))
    for rule in ("parallel", "map", "map4"):
        assert found[rule, "components"] == 0, rule


def test_map_is_the_mean_squared_partial_correlation_given_component_scores():
    data = answers()
    z = ((data - data.mean()) / data.std()).to_numpy()
    r = data.corr().to_numpy()
    vectors = np.linalg.eigh(r)[1][:, ::-1]
    table = velicer_map(r)
    off = ~np.eye(9, dtype=bool)
    for m in (0, 2, 5):
        scores = z @ vectors[:, :m]
        left = z - scores @ np.linalg.lstsq(scores, z, rcond=None)[0] if m else z
        partial = np.corrcoef(left.T)[off]
        assert table["map"][m] == pytest.approx((partial**2).mean())
        assert table["map4"][m] == pytest.approx((partial**4).mean())
    assert list(table["number"]) == list(range(8))


def test_chance_correlations_are_those_of_normal_data():
    """Drawn from the Wishart distribution; held against plain normal data, within 4.5 standard errors of the means."""
    draws = 150
    found = retention(population(n=40), resamples=draws, seed=1)
    rng = np.random.default_rng(2)
    plain = np.array([np.linalg.eigvalsh(np.corrcoef(rng.standard_normal((9, 40))))[::-1] for _ in range(draws)])
    error = plain.std(axis=0) * np.sqrt(2 / draws)
    assert (np.abs(found.eigenvalues["chance_mean"] - plain.mean(axis=0)) < 4.5 * error).all()
    high = np.quantile(plain, 0.95, axis=0)
    assert (np.abs(found.eigenvalues["chance_high"] - high) < 4.5 * 2.1 * error).all()  # a 95 % quantile varies 2.1 times as much


def test_shuffled_answers_are_chance_too():
    data = answers()
    a = retention(moments(data), resamples=40)
    b = retention(moments(data), sample=sample(data), resamples=40)
    assert (a.chance, b.chance) == ("normal", "shuffled")
    np.testing.assert_allclose(a.eigenvalues["chance_mean"], b.eigenvalues["chance_mean"], atol=0.03)
    assert suggested(b)["parallel", "components"] == 3


def test_weights_lower_the_effective_n_and_raise_chance():
    data = answers()
    w = np.random.default_rng(0).exponential(1, len(data)) + 0.05
    plain, weighted = (retention(moments(data, weights), resamples=40) for weights in (None, w))
    assert weighted.n == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert weighted.eigenvalues["chance_mean"][0] > plain.eigenvalues["chance_mean"][0]
    drawn = retention(moments(data, w), sample=sample(data, w), resamples=40)
    np.testing.assert_allclose(drawn.eigenvalues["chance_mean"], weighted.eigenvalues["chance_mean"], atol=0.04)


def test_incomplete_answers_are_drawn_from_those_there_are():
    data = answers()
    data = data.mask(np.random.default_rng(1).random(data.shape) < 0.1)
    m = moments(data, missing="pairwise")
    found = retention(m, sample=sample(data, missing="pairwise"), resamples=30)
    assert np.isfinite(found.eigenvalues["chance_mean"]).all()
    assert found.n == m.n_smallest


def test_the_same_seed_gives_the_same_table():
    a, b, c = (retention(population(), resamples=20, seed=s).eigenvalues for s in (1, 1, 2))
    pd.testing.assert_frame_equal(a, b)
    assert (a["chance_mean"] != c["chance_mean"]).all()


def test_enough_variance():
    m = population()
    cumulative = np.cumsum(np.linalg.eigvalsh(m.correlation)[::-1]) / 9
    for share in (0.3, 0.6, 0.9):
        number = suggested(retention(m, resamples=20, variance=share))["variance", "components"]
        assert cumulative[number - 1] >= share
        assert number == 1 or cumulative[number - 2] < share


def test_what_has_no_number_of_factors_is_told():
    m = population()
    for wrong in ({"quantile": 95}, {"variance": 0}, {"resamples": 5}):
        with pytest.raises(OptionError, match="allowed"):
            retention(m, **wrong)
    with pytest.raises(AnalysisError, match="three items"):
        retention(m.take(["x1", "x2"]))
    with pytest.raises(AnalysisError, match="9 rows are too few for 9 items"):
        retention(population(n=9))
    data = answers()
    with pytest.raises(AnalysisError, match="x1, copy"):
        retention(moments(data.assign(copy=data["x1"])))
    with pytest.raises(OptionError, match="other items"):
        retention(m, sample=sample(data[ITEMS[1:]]))
    rare = np.zeros(40)
    rare[0] = 1
    few = Moments.from_correlation(["x1", "x2", "x3"], np.zeros(3), np.ones(3), np.eye(3) * 0.5 + 0.5, 10)
    with pytest.raises(AnalysisError, match="x3"):
        retention(few, sample=sample(pd.DataFrame({"x1": range(40), "x2": range(40), "x3": rare})))
