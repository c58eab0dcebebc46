import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.factor import factor_analysis
from csr_lib.stats.moments import Moments, moments
from csr_lib.stats.omega import (
    average_variance_extracted,
    composite_reliability,
    hierarchical_omega,
    omega,
    omega_of,
    schmid_leiman,
)
from csr_lib.stats.reliability import reliability

LOADINGS = np.array([0.9, 0.8, 0.7, 0.5])
UNIQUE = np.array([0.4, 0.5, 0.6, 0.3])
TRUE = LOADINGS.sum() ** 2 / (LOADINGS.sum() ** 2 + UNIQUE.sum())


def from_covariance(cov, n=200.0):
    p = len(cov)
    return Moments(tuple(f"x{k + 1}" for k in range(p)), np.zeros(p), cov, n, n)


def congeneric(n=200.0):
    return from_covariance(np.outer(LOADINGS, LOADINGS) + np.diag(UNIQUE), n)


def samples(draws, n, cov, seed=0):
    x = np.random.default_rng(seed).standard_normal((draws, n, len(cov))) @ np.linalg.cholesky(cov).T
    x -= x.mean(axis=1, keepdims=True)
    return np.einsum("bni,bnj->bij", x, x) / (n - 1)


def general_and_groups():
    """Nine items, three groups; general loadings and those of the groups are known."""
    general = np.array([0.6, 0.5, 0.7, 0.6, 0.6, 0.5, 0.7, 0.6, 0.5])
    gamma = np.array([0.8, 0.7, 0.9])
    pattern = np.zeros((9, 3))
    for j in range(3):
        pattern[3 * j : 3 * j + 3, j] = general[3 * j : 3 * j + 3] / gamma[j]
    phi = np.outer(gamma, gamma) + np.diag(1 - gamma**2)
    r = pattern @ phi @ pattern.T
    np.fill_diagonal(r, 1.0)
    return general, gamma, pattern, phi, r


@pytest.mark.parametrize("method", ["ml", "minres"])
def test_a_population_of_one_factor_is_recovered(method):
    found = omega(congeneric(), method=method)
    np.testing.assert_allclose(found.items["loading"], LOADINGS, atol=1e-7)
    np.testing.assert_allclose(found.items["uniqueness"], UNIQUE, atol=1e-7)
    # where one factor is the truth, the three definitions say the same
    assert (found.omega, found.omega_observed, found.omega_residual) == pytest.approx((TRUE,) * 3, abs=1e-7)
    assert found.omega >= reliability(congeneric()).alpha
    ave = (LOADINGS**2).sum() / ((LOADINGS**2).sum() + UNIQUE.sum())
    assert found.average_variance_extracted == pytest.approx(ave, abs=1e-7)


def test_items_of_equal_loadings_have_the_same_alpha_and_omega():
    cov = 0.49 + np.diag([0.3, 0.6, 0.9, 1.2])
    assert omega(from_covariance(cov)).omega == pytest.approx(reliability(from_covariance(cov)).alpha, abs=1e-9)


def test_standard_error_is_the_spread_over_samples():
    cov = np.array(congeneric().cov)
    draws = omega_of(samples(1500, 250, cov))
    assert draws.mean() == pytest.approx(TRUE, abs=4 * draws.std() / np.sqrt(1500) + 2 / 250 * (1 - TRUE))
    assert draws.std() == pytest.approx(omega(congeneric(250)).std_error, rel=4 / np.sqrt(3000) + 1 / 250)


def test_many_matrices_at_once_are_the_single_ones():
    covs = samples(20, 100, np.array(congeneric().cov), seed=4)
    singles = [omega(from_covariance(cov)).omega for cov in covs]
    np.testing.assert_allclose(omega_of(covs), singles, atol=1e-9)
    one = factor_analysis(from_covariance(covs[0]), 1, method="ml", rotation="none", matrix="covariance")
    np.testing.assert_allclose(omega(from_covariance(covs[0])).items["loading"], one.rotation.loadings[:, 0], atol=1e-6)


@settings(max_examples=12)
@given(st.integers(0, 1000), st.permutations(range(4)), st.lists(st.floats(0.1, 10), min_size=4, max_size=4))
def test_order_and_units_do_not_matter(seed, order, units):
    cov = samples(1, 120, np.array(congeneric().cov), seed)[0]
    once = omega(from_covariance(cov))
    assert omega(from_covariance(cov[np.ix_(order, order)])).omega == pytest.approx(once.omega, abs=1e-8)
    assert omega(from_covariance(cov * 7)).omega == pytest.approx(once.omega, abs=1e-8)
    standardised = omega(from_covariance(cov), standardised=True)
    other_units = omega(from_covariance(cov * np.outer(units, units)), standardised=True)
    assert (other_units.omega, other_units.std_error) == pytest.approx((standardised.omega, standardised.std_error), abs=1e-8)


def test_an_item_scored_the_wrong_way_is_named():
    sign = np.array([1, 1, -1, 1])
    found = omega(from_covariance(np.array(congeneric().cov) * np.outer(sign, sign)))
    assert found.against == ("x3",)
    assert found.omega < TRUE


def test_a_heywood_case_is_named():
    r = np.array([[1, 0.8, 0.7], [0.8, 1, 0.4], [0.7, 0.4, 1]])  # λ₁² = .8·.7/.4
    found = omega(from_covariance(r))
    assert found.heywood == ("x1",)
    assert found.items["uniqueness"][0] == pytest.approx(1 - 0.8 * 0.7 / 0.4, abs=1e-8)
    assert omega(from_covariance(r), method="minres").heywood == ("x1",)


def test_what_has_no_omega_is_named(answers):
    m = moments(answers)
    with pytest.raises(AnalysisError, match=r"at least 3 items.*Spearman–Brown"):
        omega(m, ["s1", "s2"])
    with pytest.raises(AnalysisError, match=r"q2.*depend on each other"):
        omega(moments(answers[["q1", "q2"]].assign(again=answers["q2"])))
    with pytest.raises(OptionError, match="pls"):
        omega(m, ["q1", "q2", "q3"], method="pls")
    with pytest.raises(OptionError, match="confidence level"):
        omega(m, ["q1", "q2", "q3"], level=95)
    # correlations whose product is negative fit no real loadings
    with pytest.raises(AnalysisError, match="did not converge"):
        omega(from_covariance(np.array([[1, 0.5, 0.5], [0.5, 1, -0.3], [0.5, -0.3, 1]])))
    assert np.isnan(omega_of(np.array([[[1, 0.5], [0.5, 1]]]))).all()
    assert np.isnan(omega_of(np.ones((1, 3, 3)))).all()


class TestGeneralFactor:
    def test_a_population_is_recovered(self):
        general, gamma, pattern, phi, r = general_and_groups()
        found = hierarchical_omega(from_covariance(r), 3)
        np.testing.assert_allclose(found.items["general"], general, atol=1e-6)
        assert sorted(found.general_loadings["loading"]) == pytest.approx(sorted(gamma), abs=1e-6)
        assert found.omega_hierarchical == pytest.approx(general.sum() ** 2 / r.sum(), abs=1e-6)
        unique = 9 - np.einsum("ij,jk,ik->", pattern, phi, pattern)
        assert found.omega_total == pytest.approx(1 - unique / r.sum(), abs=1e-6)
        assert sorted(found.groups["items"]) == [("x1", "x2", "x3"), ("x4", "x5", "x6"), ("x7", "x8", "x9")]
        assert found.determined
        assert found.heywood == found.against == ()

    def test_nothing_lies_beyond_the_total(self):
        *_, r = general_and_groups()
        found = hierarchical_omega(from_covariance(r), 3)
        assert found.omega_hierarchical < found.omega_limit < 1
        assert found.omega_hierarchical < found.omega_total
        np.testing.assert_allclose(found.groups["omega_total"], found.groups["omega_general"] + found.groups["omega_group"])
        common = found.items[["general", "F1", "F2", "F3"]].pow(2).sum(axis=1)
        np.testing.assert_allclose(common, found.items["communality"], atol=1e-6)

    def test_two_group_factors_leave_it_undetermined(self):
        _, gamma, pattern, phi, r = general_and_groups()
        found = hierarchical_omega(from_covariance(r[:6, :6]), 2)
        assert not found.determined
        np.testing.assert_allclose(found.general_loadings["loading"], np.sqrt(gamma[0] * gamma[1]), atol=1e-6)
        given = schmid_leiman(pattern[:6, :2], phi[:2, :2], r[:6, :6], general=gamma[:2])
        assert given.determined
        np.testing.assert_allclose(given.items["general"], pattern[:6, :2] @ gamma[:2])

    def test_a_negative_item_is_named_and_not_turned(self):
        general, *_, r = general_and_groups()
        sign = np.ones(9)
        sign[4] = -1
        found = hierarchical_omega(from_covariance(r * np.outer(sign, sign)), 3)
        assert found.against == ("x5",)
        assert found.items["general"][4] == pytest.approx(-general[4], abs=1e-6)

    def test_what_has_no_general_factor_is_refused(self):
        *_, r = general_and_groups()
        m = from_covariance(r)
        with pytest.raises(OptionError, match="for one factor use omega"):
            hierarchical_omega(m, 1)
        with pytest.raises(OptionError, match="6 common factors of 9 items"):
            hierarchical_omega(m, 6)
        with pytest.raises(OptionError, match="components"):
            hierarchical_omega(m, 3, method="components")
        opposed = np.array([[1.0, -0.4], [-0.4, 1.0]])
        with pytest.raises(AnalysisError, match="correlate negatively"):
            schmid_leiman(np.eye(2).repeat(3, axis=0) * 0.7, opposed, np.eye(6))
        with pytest.raises(OptionError, match="2 finite numbers"):
            schmid_leiman(np.eye(2).repeat(3, axis=0) * 0.7, np.eye(2), np.eye(6), general=[0.5])


class TestFromLoadings:
    def test_by_hand(self):
        assert composite_reliability([0.8, 0.6]) == pytest.approx(1.96 / (1.96 + 0.36 + 0.64))
        assert average_variance_extracted([0.8, 0.6]) == pytest.approx(0.5)
        assert composite_reliability([2.0, 1.0], [1.0, 2.0]) == pytest.approx(9 / 12)
        assert average_variance_extracted([2.0, 1.0], [1.0, 2.0]) == pytest.approx(5 / 8)

    def test_impossible_loadings_are_refused(self):
        with pytest.raises(DataError, match=r"up to 1.200"):
            composite_reliability([0.8, 1.2])
        for wrong in ([], [[0.5]], [np.nan]):
            with pytest.raises(DataError, match="one finite number per item"):
                average_variance_extracted(wrong)
