"""Factors and components: known structures come back, what does not matter does not, and faults are named."""

import numpy as np
import pandas as pd
import pytest
from factor_samples import ITEMS, PATTERN, PHI, answers, population
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.adequacy import adequacy
from csr_lib.stats.factor import factor_analysis, group_items, score_weights
from csr_lib.stats.moments import Moments, moments

FACTORS = ("minres", "ml", "principal_axis")


def array(frame):
    return frame.iloc[:, 1:].to_numpy()


@pytest.mark.parametrize("method", FACTORS)
def test_a_population_gives_its_own_factors_back(method):
    s = factor_analysis(population(), 3, method=method, rotation="oblimin")
    near = 1e-5 if method == "principal_axis" else 1e-8
    np.testing.assert_allclose(array(s.loadings), PATTERN, atol=near)
    np.testing.assert_allclose(array(s.phi), PHI, atol=near)
    np.testing.assert_allclose(array(s.structure), PATTERN @ PHI, atol=near)
    np.testing.assert_allclose(s.items["communality"], np.diag(PATTERN @ PHI @ PATTERN.T), atol=near)
    assert s.fit.chi_square == pytest.approx(0, abs=1e-6)
    assert (s.fit.df, s.fit.rmsea, s.fit.rmsea_low, s.fit.rmsea_high) == (12, 0, 0, 0)
    assert s.fit.p_value == pytest.approx(1)
    assert s.heywood == ()


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_no_other_uniquenesses_are_more_likely(seed, m):
    """The objective, written out as log|Σ| + tr(SΣ⁻¹) − log|S| − p, has its minimum at the solution."""
    rng = np.random.default_rng(seed)
    data = moments(rng.standard_normal((60, 2)) @ rng.standard_normal((2, 8)) + rng.standard_normal((60, 8)))
    s = factor_analysis(data, m, method="ml", rotation="none")
    r = data.correlation
    loadings, psi = array(s.loadings), np.maximum(s.items["uniqueness"].to_numpy(), 0.005)

    def objective(loadings, psi):
        sigma = loadings @ loadings.T + np.diag(psi)
        return np.linalg.slogdet(sigma)[1] + np.trace(np.linalg.solve(sigma, r)) - np.linalg.slogdet(r)[1] - 8

    best = objective(loadings, psi)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(10):
            other = loadings + size * rng.standard_normal(loadings.shape)
            assert objective(other, np.clip(psi + size * rng.standard_normal(8), 0.005, None)) > best


def test_minres_has_the_least_squared_residuals():
    r = moments(answers()).correlation
    loadings = array(factor_analysis(moments(answers()), 2, rotation="none").loadings)
    off = ~np.eye(9, dtype=bool)
    best = ((r - loadings @ loadings.T)[off] ** 2).sum()
    rng = np.random.default_rng(1)
    for size in (1e-4, 1e-2, 0.1):
        for _ in range(20):
            other = loadings + size * rng.standard_normal(loadings.shape)
            assert ((r - other @ other.T)[off] ** 2).sum() > best


def test_components_reproduce_the_matrix_and_their_scores_are_uncorrelated():
    data = answers()
    m = moments(data)
    s = factor_analysis(m, 9, method="components", rotation="none")
    np.testing.assert_allclose(array(s.loadings) @ array(s.loadings).T, m.correlation, atol=1e-12)
    s = factor_analysis(m, 3, method="components")
    z = (data - data.mean()) / data.std()
    scores = z.to_numpy() @ array(score_weights(s))
    np.testing.assert_allclose(np.cov(scores.T), np.eye(3), atol=1e-10)
    np.testing.assert_allclose(np.corrcoef(z.T, scores.T)[:9, 9:], array(s.loadings), atol=1e-10)


@pytest.mark.parametrize("rotation", ["none", "varimax", "promax", "oblimin"])
def test_score_weights_do_what_they_are_for(rotation):
    m = moments(answers())
    s = factor_analysis(m, 3, method="ml", rotation=rotation)
    bartlett = array(score_weights(s, "bartlett"))
    np.testing.assert_allclose(bartlett.T @ array(s.loadings), np.eye(3), atol=1e-10)  # unbiased
    regression = array(score_weights(s, "regression"))
    np.testing.assert_allclose(m.correlation @ regression, array(s.structure), atol=1e-10)  # normal equations


@pytest.mark.parametrize("rotation", ["varimax", "promax", "oblimin"])
def test_variance_and_communalities_agree_before_and_after_rotation(rotation):
    s = factor_analysis(moments(answers()), 3, rotation=rotation)
    stages = s.variance.groupby("stage")["ss_loadings"].sum()
    assert stages["rotated"] == pytest.approx(stages["extracted"])
    assert stages["rotated"] == pytest.approx(s.items["communality"].sum())
    np.testing.assert_allclose((array(s.loadings) * array(s.structure)).sum(axis=1), s.items["communality"], atol=1e-10)
    np.testing.assert_allclose(s.items["communality"] + s.items["uniqueness"], 1)
    for _, rows in s.variance.groupby("stage"):
        assert rows["ss_loadings"].is_monotonic_decreasing
        assert rows["cumulative"].iloc[-1] == pytest.approx(rows["ss_loadings"].sum() / 9)
        assert rows["cumulative_explained"].iloc[-1] == pytest.approx(1)


@pytest.mark.parametrize("method", [*FACTORS, "components"])
def test_order_of_columns_and_units_do_not_matter(method):
    data = answers()
    s = factor_analysis(moments(data), 3, method=method, rotation="oblimin").loadings.set_index("item")
    turned = data[ITEMS[::-1]] * np.arange(1, 10) + 5
    again = factor_analysis(moments(turned), 3, method=method, rotation="oblimin").loadings.set_index("item")
    np.testing.assert_allclose(again.loc[s.index], s, atol=1e-8)


def test_integer_weights_are_repeated_rows():
    data = answers(120)
    w = np.random.default_rng(0).integers(1, 4, 120)
    weighted = factor_analysis(moments(data, w, kind="frequency"), 3, method="ml")
    repeated = factor_analysis(moments(data.loc[data.index.repeat(w)]), 3, method="ml")
    pd.testing.assert_frame_equal(weighted.loadings, repeated.loadings)
    assert weighted.fit.chi_square == pytest.approx(repeated.fit.chi_square)
    assert weighted.n == w.sum()
    sampling = factor_analysis(moments(data, w), 3, method="ml")
    np.testing.assert_allclose(array(sampling.loadings), array(repeated.loadings), atol=1e-8)
    assert sampling.n == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_maximum_likelihood_does_not_depend_on_the_scale_of_the_items():
    data = answers() * np.arange(1, 10)
    m = moments(data)
    r, c = (factor_analysis(m, 3, method="ml", matrix=matrix, rotation="none") for matrix in ("correlation", "covariance"))
    np.testing.assert_allclose(c.items["uniqueness"] / np.diag(m.cov), r.items["uniqueness"], atol=1e-8)
    assert (c.fit.chi_square, c.fit.tli, c.fit.p_value) == pytest.approx((r.fit.chi_square, r.fit.tli, r.fit.p_value))
    communality = [group_items(s).set_index("item")["communality"][ITEMS] for s in (c, r)]
    np.testing.assert_allclose(communality[0], communality[1], atol=1e-8)


def test_minres_of_covariances_is_where_principal_axes_end_however_the_variances_differ():
    m = moments(answers() * 10.0 ** np.linspace(-0.5, 0.5, 9))
    a, b = (factor_analysis(m, 2, method=method, matrix="covariance") for method in ("minres", "principal_axis"))
    np.testing.assert_allclose(a.items["communality"], b.items["communality"], rtol=1e-6)


def test_items_are_grouped_by_their_largest_loading():
    pattern = PATTERN.copy()
    pattern[5] = 0.45, 0.6, 0
    pattern[8] = 0, 0, 0.38
    table = group_items(factor_analysis(population(pattern), 3, rotation="oblimin")).set_index("item")
    first = [set(table.index[table["factor"] == f]) for f in ("F1", "F2", "F3")]
    assert first == [{"x1", "x2", "x3"}, {"x4", "x5", "x6"}, {"x7", "x8", "x9"}]
    assert set(table.index[table["weak"]]) == {"x9"}
    assert set(table.index[table["cross_loading"]]) == {"x6"}
    assert table.loc["x6", "second_factor"] == "F1"
    assert list(table.index) == ITEMS  # by factor, and there by falling loading
    alone = group_items(factor_analysis(population().take(ITEMS[:3]), 1))
    assert alone["second_factor"].isna().all()
    assert not alone["cross_loading"].any()


# ---- faults


def copied() -> Moments:
    data = answers()
    return moments(data.assign(twin=data["x2"] * 2 + 1))


def test_a_copied_item_is_named():
    for run in (adequacy, lambda m: factor_analysis(m, 2, method="ml")):
        with pytest.raises(AnalysisError, match="x2, twin"):
            run(copied())
    with pytest.raises(AnalysisError, match="x2, twin"):
        score_weights(factor_analysis(copied(), 2))


def test_a_singular_matrix_gives_minres_without_a_test_and_with_its_heywood_case():
    s = factor_analysis(copied(), 4)
    assert {"x2", "twin"} <= set(s.heywood)
    for figure in ("objective", "chi_square", "p_value", "rmsea", "tli", "bic"):
        assert np.isnan(getattr(s.fit, figure))
    assert s.items["initial"].isna().all()
    assert np.isfinite(array(s.loadings)).all()


def test_fewer_rows_than_items():
    m = moments(answers(8))
    for run in (adequacy, lambda m: factor_analysis(m, 2, method="ml")):
        with pytest.raises(AnalysisError, match="8 rows are too few"):
            run(m)
    assert np.isnan(factor_analysis(m, 1).fit.chi_square)


def test_a_heywood_case_is_named():
    r = np.array([[1, 0.9, 0.8], [0.9, 1, 0.5], [0.8, 0.5, 1]])
    m = Moments.from_correlation(["a", "b", "c"], np.zeros(3), np.ones(3), r, 100)
    for method in FACTORS:
        s = factor_analysis(m, 1, method=method)
        assert s.heywood == ("a",)
    assert np.isnan([s.fit.p_value, s.fit.rmsea, s.fit.tli, s.fit.crms]).all()  # no degrees of freedom
    with pytest.raises(AnalysisError, match=r"^a: Bartlett"):
        score_weights(s, "bartlett")


def test_more_factors_than_items_can_carry_are_refused():
    m = population()
    with pytest.raises(OptionError, match="1 to 5"):
        factor_analysis(m, 6)
    with pytest.raises(OptionError, match="1 to 9"):
        factor_analysis(m, 10, method="components")
    with pytest.raises(OptionError, match="fewer than 3 items"):
        factor_analysis(m.take(["x1", "x2"]), 1)
    for wrong in (0, 1.5, True):
        with pytest.raises(OptionError, match="whole number"):
            factor_analysis(m, wrong)


def test_uncorrelated_items_have_no_common_factor():
    m = Moments.from_correlation(ITEMS, np.zeros(9), np.ones(9), np.eye(9), 100)
    for method in FACTORS:
        with pytest.raises(AnalysisError, match="only 0 common factors"):
            factor_analysis(m, 1, method=method)


def test_matrices_that_are_none():
    r = population().correlation
    r[0, 3] = r[3, 0] = np.nan
    with pytest.raises(DataError, match="x1, x4"):
        factor_analysis(Moments.from_correlation(ITEMS, np.zeros(9), np.ones(9), r, 100), 2)
    r = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])  # pairwise correlations that contradict each other
    m = Moments.from_correlation(["a", "b", "c"], np.zeros(3), np.ones(3), r, 100)
    with pytest.raises(AnalysisError, match="not positive definite"):
        adequacy(m)
    with pytest.raises(AnalysisError, match="not positive definite"):
        factor_analysis(m, 1, method="ml")


def test_unknown_options_are_told_with_the_known_ones():
    for wrong in ({"method": "mle"}, {"rotation": "varimx"}, {"matrix": "cor"}, {"stopping": "R"}):
        with pytest.raises(OptionError, match="allowed"):
            factor_analysis(population(), 2, **wrong)
    with pytest.raises(OptionError, match="regression"):
        score_weights(factor_analysis(population(), 2), "tenberge")


def test_kmo_and_bartlett_by_their_definitions():
    data = answers()
    found = adequacy(moments(data))
    r = data.corr().to_numpy()
    rest = data.drop(columns=["x1", "x2"]).to_numpy()
    design = np.c_[np.ones(len(rest)), rest]
    left = data[["x1", "x2"]] - design @ np.linalg.lstsq(design, data[["x1", "x2"]], rcond=None)[0]
    inverse = np.linalg.inv(r)
    assert -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1]) == pytest.approx(left.corr().iloc[0, 1])
    partial = -inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    off = ~np.eye(9, dtype=bool)
    assert found.kmo == pytest.approx((r[off] ** 2).sum() / ((r[off] ** 2).sum() + (partial[off] ** 2).sum()))
    assert found.determinant == pytest.approx(np.linalg.det(r))
    with pytest.raises(AnalysisError, match="at least two"):
        adequacy(moments(data[["x1"]]))
