import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats._binormal import Tables
from csr_lib.stats.correlation_kind import correlation_kind
from csr_lib.stats.factor import factor_analysis
from csr_lib.stats.omega import omega
from csr_lib.stats.polychoric import LIMIT, polychoric
from csr_lib.stats.reliability import reliability

CUTS = {2: [0.2], 3: [-0.7, 0.6], 5: [-1.2, -0.4, 0.4, 1.2]}


def ordinal(n, rho=0.6, items=4, categories=5, seed=0):
    """Answers whose normal variables all correlate by `rho`."""
    rng = np.random.default_rng(seed)
    z = np.sqrt(rho) * rng.standard_normal((n, 1)) + np.sqrt(1 - rho) * rng.standard_normal((n, items))
    return pd.DataFrame(np.digitize(z, CUTS[categories]) + 1.0, columns=[f"x{k}" for k in range(items)])


def estimates(result):
    return result.pairs["estimate"].to_numpy()


@pytest.mark.parametrize("categories", [2, 3, 5])
def test_recovers_what_pearson_underestimates(categories):
    data = ordinal(40_000, 0.6, categories=categories)
    result = polychoric(data)
    assert (np.abs(estimates(result) - 0.6) < 4 * result.pairs["std_error"]).all()
    assert data.corr().to_numpy()[0, 1] < 0.6 - 0.04


def test_standard_errors_are_the_spread_over_samples():
    draws = np.array([estimates(polychoric(ordinal(300, 0.5, items=3, seed=seed))) for seed in range(100)])
    errors = polychoric(ordinal(20_000, 0.5, items=3)).pairs["std_error"] * np.sqrt(20_000 / 300)
    assert draws.std() == pytest.approx(errors.mean(), rel=4 / np.sqrt(2 * 100))


def test_two_by_two_table_has_its_closed_form():
    """With thresholds at 0 the correlation is sin(2π(p₁₁ − 1/4))."""
    table = {(0, 0): 40, (0, 1): 10, (1, 0): 10, (1, 1): 40}
    data = np.array([cell for cell, count in table.items() for _ in range(count)], dtype=float)
    assert estimates(polychoric(data))[0] == pytest.approx(np.sin(2 * np.pi * (0.4 - 0.25)), abs=1e-12)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([2, 3, 5]), st.data())
def test_order_and_coding_do_not_matter(seed, categories, data):
    answers = ordinal(120, 0.4, items=3, categories=categories, seed=seed)
    result = polychoric(answers)
    order = data.draw(st.permutations(range(3)))
    moved = polychoric(answers.iloc[::-1, order])
    np.testing.assert_allclose(moved.correlation, result.correlation[np.ix_(order, order)], atol=1e-9)
    recoded = polychoric(answers**2 - 7)
    np.testing.assert_allclose(recoded.correlation, result.correlation, atol=1e-12)
    answers["x1"] = -answers["x1"]
    sign = np.outer([1, -1, 1], [1, -1, 1])
    np.testing.assert_allclose(polychoric(answers).correlation, sign * result.correlation, atol=1e-9)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_frequency_weights_are_repeated_rows(seed):
    answers = ordinal(80, 0.5, items=3, seed=seed)
    answers.iloc[::7, 0] = np.nan
    times = np.random.default_rng(seed).integers(0, 4, 80)
    weighted = polychoric(answers, times, kind="frequency", missing="pairwise")
    repeated = polychoric(answers.loc[answers.index.repeat(times)], missing="pairwise")
    pd.testing.assert_frame_equal(weighted.pairs, repeated.pairs, atol=1e-9)
    pd.testing.assert_frame_equal(weighted.thresholds, repeated.thresholds)
    assert (weighted.n, weighted.n_missing, weighted.n_smallest) == (repeated.n, repeated.n_missing, repeated.n_smallest)


def test_scale_of_sampling_weights_does_not_matter():
    answers, w = ordinal(200), np.random.default_rng(1).uniform(0.2, 3, 200)
    once, tenfold = polychoric(answers, w), polychoric(answers, 10 * w)
    pd.testing.assert_frame_equal(once.pairs, tenfold.pairs)
    assert once.pairs["n_effective"][0] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert once.pairs["n"][0] == 200


def test_thresholds_and_tables_are_those_of_the_answers():
    answers = ordinal(300)
    result = polychoric(answers)
    for row in result.thresholds.itertuples():
        share = (answers[row.item] <= row.below).mean()
        assert share == pytest.approx(0.5 + 0.5 * np.sign(row.estimate) * _inside(abs(row.estimate)))
    table = result.table("x2", "x0")
    pd.testing.assert_frame_equal(table, pd.crosstab(answers["x2"], answers["x0"]).astype(float), check_names=True)


def _inside(z):
    """Probability between −z and z."""
    return math.erf(z / math.sqrt(2))


def test_items_with_different_numbers_of_categories():
    two, five = ordinal(500, categories=2, items=2, seed=3), ordinal(500, categories=5, items=2, seed=3)
    mixed = polychoric(pd.concat([two.add_prefix("a"), five.add_prefix("b")], axis=1))
    assert mixed.pairs["estimate"][0] == pytest.approx(estimates(polychoric(two))[0], abs=1e-10)
    assert mixed.pairs["estimate"].iloc[-1] == pytest.approx(estimates(polychoric(five))[0], abs=1e-10)
    assert np.isnan(mixed.pairs["chi2"][0])  # a 2×2 table leaves nothing to test
    assert mixed.pairs["df"].tolist() == [0, 3, 3, 3, 3, 15]
    assert mixed.table("ax0", "bx1").shape == (2, 5)


def test_moments_feed_other_estimators():
    answers = ordinal(500)
    moments = polychoric(answers).moments()
    assert moments.n == moments.n_smallest == 500
    np.testing.assert_array_equal(moments.sd, 1)
    r = moments.correlation[np.triu_indices(4, 1)].mean()
    assert reliability(moments).alpha == pytest.approx(4 * r / (1 + 3 * r))


def test_factors_and_omega_of_five_point_answers_are_those_of_the_normal_variables():
    loading = math.sqrt(0.6)
    moments = polychoric(ordinal(5000, 0.6, items=6)).moments()
    found = factor_analysis(moments, 1, rotation="none")
    np.testing.assert_allclose(found.loadings["F1"], loading, atol=0.03)
    np.testing.assert_allclose(omega(moments).omega, 36 * 0.6 / (36 * 0.6 + 6 * 0.4), atol=0.01)


def test_a_duplicated_item_is_marked_and_kept_out_of_further_analysis():
    answers = ordinal(200)
    answers["again"] = answers["x1"]
    answers["turned"] = -answers["x2"]
    result = polychoric(answers)
    stuck = result.pairs[result.pairs["at_limit"]]
    assert list(zip(stuck["item"], stuck["other"], stuck["estimate"], strict=True)) == [
        ("x1", "again", LIMIT),
        ("x2", "turned", -LIMIT),
    ]
    assert stuck["std_error"].isna().all()
    with pytest.raises(AnalysisError, match=r"x1, again.*leave out one of two items"):
        result.moments()


def test_an_empty_cell_of_a_two_by_two_table_is_marked_or_filled_on_request():
    answers = pd.DataFrame({"a": [0] * 30 + [1] * 30, "b": [0] * 15 + [1] * 45})
    assert polychoric(answers).pairs["at_limit"][0]
    assert polychoric(answers).pairs["empty_cells"][0] == 1
    filled = polychoric(answers, empty_cell=0.5).pairs
    assert not filled["at_limit"][0]
    assert 0.5 < filled["estimate"][0] < 0.99


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 5), st.floats(-1, 1), st.integers(0, 3))
def test_no_other_correlation_is_more_likely(seed, rows, columns, rho, contradictions):
    """Tables of every sort, some with answers that contradict all others, against a search over the whole range."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((60, 2))
    z[:, 1] = rho * z[:, 0] + np.sqrt(1 - rho**2) * z[:, 1]
    a, b = (np.digitize(z[:, k], np.sort(rng.standard_normal(c - 1))).astype(float) for k, c in ((0, rows), (1, columns)))
    b[:contradictions] = b.max() - b[:contradictions]
    if len(set(a)) < 2 or len(set(b)) < 2:
        return
    result = polychoric(np.c_[a, b])
    cells = result.table("x1", "x2").to_numpy()
    cuts = [result.thresholds.loc[result.thresholds["item"] == x, "estimate"].to_numpy() for x in ("x1", "x2")]
    grid = np.r_[estimates(result), np.linspace(-LIMIT, LIMIT, 400)]
    p = Tables(*(np.tile(c, (401, 1)) for c in cuts)).probabilities(grid)
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = np.where(cells > 0, cells * np.log(np.where(p > 1e-14, p, 0)), 0).sum(axis=(1, 2))
    assert likelihood[0] >= likelihood.max() - 1e-7


def test_contradicting_correlations_are_refused_until_smoothing_is_asked_for():
    answers = ordinal(80, 0.7, items=8, seed=19)
    answers = answers.mask(np.random.default_rng(19).random(answers.shape) < 0.5)
    result = polychoric(answers, missing="pairwise")
    assert not result.positive_definite
    with pytest.raises(AnalysisError, match="contradict each other"):
        result.moments()
    mended = result.smooth()
    assert mended.positive_definite
    assert mended.smoothed > 0
    mended.moments()
    np.testing.assert_array_equal(np.diag(mended.correlation), 1)
    sound = polychoric(ordinal(300))
    assert sound.smooth() is sound


def test_what_has_no_polychoric_correlation_is_named():
    answers = ordinal(50)
    with pytest.raises(AnalysisError, match=r"x1: all answers are the same"):
        polychoric(answers.assign(x1=3.0))
    with pytest.raises(AnalysisError, match=r"x1: nobody answered it"):
        polychoric(answers.assign(x1=np.nan), missing="pairwise")
    with pytest.raises(AnalysisError, match=r"size: 50 different answers"):
        polychoric(answers.assign(size=np.arange(50.0)))
    with pytest.raises(AnalysisError, match="at least two items"):
        polychoric(answers[["x0"]])
    apart = answers.copy()
    apart.loc[:24, "x0"] = np.nan
    apart.loc[25:, "x1"] = np.nan
    with pytest.raises(AnalysisError, match="'x0' and 'x1'"):
        polychoric(apart, missing="pairwise")
    with pytest.raises(OptionError, match="em"):
        polychoric(answers, missing="em")
    with pytest.raises(OptionError, match="empty_cell"):
        polychoric(answers, empty_cell=-1)
    with pytest.raises(OptionError, match="x9"):
        polychoric(answers).table("x0", "x9")
    with pytest.raises(DataError, match="negative"):
        polychoric(answers, -np.ones(50))
    with pytest.raises(DataError, match="infinite"):
        polychoric(answers.replace(1.0, np.inf))


class TestWhichCorrelationsAreChosen:
    def test_few_categories_ask_for_polychoric(self):
        answers = pd.concat([ordinal(200), ordinal(200, categories=3).add_prefix("few_")], axis=1)
        choice = correlation_kind(answers)
        assert (choice.kind, choice.reason) == ("polychoric", "few_categories")
        assert choice.decisive == tuple(c for c in answers if c.startswith("few_"))

    def test_five_symmetric_categories_do_not(self):
        choice = correlation_kind(ordinal(200))
        assert (choice.kind, choice.reason, choice.decisive) == ("pearson", "enough_categories", ())

    def test_five_lopsided_categories_do(self):
        answers = ordinal(300)
        answers["x2"] = np.repeat([5.0, 4, 3, 2, 1], [200, 60, 20, 10, 10])
        choice = correlation_kind(answers)
        assert (choice.kind, choice.reason, choice.decisive) == ("polychoric", "skewed", ("x2",))

    def test_eight_lopsided_categories_do_not(self):
        x = np.repeat(np.arange(8.0), [2, 2, 2, 2, 2, 10, 80, 300])
        assert correlation_kind(pd.DataFrame({"a": x, "b": x[::-1]})).kind == "pearson"

    def test_a_measured_quantity_rules_them_out(self):
        answers = ordinal(200, categories=3).assign(minutes=np.arange(200.0))
        choice = correlation_kind(answers)
        assert (choice.kind, choice.reason, choice.decisive) == ("pearson", "too_many_categories", ("minutes",))

    def test_skewness_is_weighted(self):
        """Three answers 0 and one 1: (1 − 2p)/√(p(1 − p)) with p = 1/4."""
        choice = correlation_kind(pd.DataFrame({"a": [0, 1], "b": [1, 0]}), [3, 1])
        np.testing.assert_allclose(choice.items["skewness"], [0.5 / np.sqrt(3 / 16), -0.5 / np.sqrt(3 / 16)])

    def test_a_constant_item_is_named(self):
        with pytest.raises(AnalysisError, match="x0: all answers are the same"):
            correlation_kind(ordinal(20).assign(x0=1.0))


def test_categories_are_kept():
    result = polychoric(ordinal(100))
    assert result.categories["x0"] == (1, 2, 3, 4, 5)
    assert all(a < b for a, b in pairwise(result.thresholds.loc[result.thresholds["item"] == "x0", "estimate"]))
