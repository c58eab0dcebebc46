"""Reliability agrees with psych, lavaan and semTools to 1e-6; figures and recipes stand beside this file."""

import numpy as np
import pytest
from bfi import bfi_moments
from ecsi_mobile import FACTS, mobile_moments, reference

from csr_lib.core.errors import OptionError
from csr_lib.stats.factor import factor_analysis
from csr_lib.stats.moments import Moments
from csr_lib.stats.omega import (
    average_variance_extracted,
    composite_reliability,
    hierarchical_omega,
    omega,
    schmid_leiman,
)
from csr_lib.stats.reliability import reliability, split_half

CLOSE = {"rel": 0, "abs": 1e-6}
BFI = reference("bfi_reliability")
MORE = reference("scale_reliability")
TURNED = {"A1", "C4", "C5", "E1", "E2", "N1", "N2", "N3", "N4", "N5", "O2", "O4", "O5"}


def turned(items) -> Moments:
    """The personality items with some of them turned round (7 − x)."""
    m = bfi_moments()
    sign = np.array([-1 if c in items else 1 for c in m.columns])
    return Moments(m.columns, np.where(sign < 0, 7 - m.mean, m.mean), m.cov * np.outer(sign, sign), m.n, m.n)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", BFI["scales"])
class TestPersonalityScales:
    @pytest.fixture
    def theirs(self, scale):
        return BFI["scales"][scale]

    @pytest.fixture
    def moments(self, theirs):
        return turned(theirs["reversed"]).take(theirs["items"])

    def test_covariances(self, moments, theirs):
        close(moments.cov, theirs["covariance"])
        assert moments.n == BFI["n"]

    def test_alpha_and_its_relatives(self, moments, theirs):
        ours = reliability(moments)
        names = ["alpha", "standardised", "lambda6", "mean_correlation", "signal_noise", "std_error", "score_mean", "score_sd"]
        for name in (*names, "median_correlation"):
            assert getattr(ours, name) == pytest.approx(theirs[name], **CLOSE), name
        assert ours.against == ()

    @pytest.mark.parametrize("interval", ["feldt", "duhachek"])
    def test_intervals(self, moments, theirs, interval):
        ours = reliability(moments, interval=interval)
        close([ours.ci_low, ours.ci_high], theirs[interval])

    def test_items(self, moments, theirs):
        ours = reliability(moments)
        close(ours.items.assign(n=ours.n)[BFI["items_columns"]], theirs["item_statistics"])
        close(ours.if_deleted[BFI["if_deleted_columns"]], theirs["if_deleted"])
        close(ours.items["alpha_if_deleted"], ours.if_deleted["alpha"])

    def test_omega_of_one_factor(self, moments, theirs):
        ours = omega(moments)
        close(
            [ours.omega, ours.std_error, ours.ci_low, ours.ci_high], [theirs["omega"][k] for k in ("est", "se", "lower", "upper")]
        )
        assert ours.omega_observed == pytest.approx(theirs["omega_observed"], **CLOSE)
        minres = omega(moments, method="minres", standardised=True)
        assert minres.omega_residual == pytest.approx(theirs["omega_residual_minres"], **CLOSE)

    def test_omega_of_the_three_factors_that_psych_makes_of_five_items(self, moments, theirs):
        with pytest.raises(OptionError, match="3 common factors of 5 items"):
            hierarchical_omega(moments, 3)
        theirs = theirs["three_factors"]
        ours = schmid_leiman(theirs["loadings"], theirs["phi"], moments.correlation, general=theirs["general"])
        assert ours.omega_hierarchical == pytest.approx(theirs["omega_h"], **CLOSE)
        assert ours.omega_total == pytest.approx(theirs["omega.tot"], **CLOSE)
        alpha = reliability(moments)
        close([alpha.standardised, alpha.lambda6], [theirs["alpha"], theirs["G6"]])


@pytest.mark.parametrize("case", MORE["hierarchical"])
class TestGeneralFactor:
    @pytest.fixture
    def theirs(self, case):
        return MORE["hierarchical"][case]

    @pytest.fixture
    def moments(self, case, theirs):
        return (turned(TURNED) if case.startswith("bfi") else mobile_moments()).take(theirs["items"])

    def test_omegas(self, moments, theirs):
        ours = hierarchical_omega(moments, theirs["factors"])
        for name in ("omega_total", "omega_hierarchical", "omega_limit"):
            assert getattr(ours, name) == pytest.approx(theirs[name], **CLOSE), name
        assert ours.explained_common == pytest.approx(theirs["ecv"], **CLOSE)
        assert ours.determined == (theirs["factors"] > 2)
        alpha = reliability(moments)
        close([alpha.standardised, alpha.lambda6], [theirs["alpha"], theirs["lambda6"]])

    def test_loadings_and_groups(self, moments, theirs):
        ours = hierarchical_omega(moments, theirs["factors"])
        close(ours.items["general"], theirs["general"])
        close(ours.items["uniqueness"], theirs["uniqueness"])
        groups = ours.groups[["omega_total", "omega_general", "omega_group"]].to_numpy()
        close(groups[groups[:, 0].argsort()], sorted(theirs["groups"][1:]))
        assert theirs["groups"][0][0] == theirs["omega_total"]
        assert theirs["groups"][0][1] == theirs["omega_hierarchical"]


@pytest.mark.parametrize("option", ["first", "second"])
def test_two_group_factors_of_which_one_is_the_general_one(option):
    theirs = MORE["hierarchical"]["mobi_Q2"]
    m = mobile_moments().take(theirs["items"])
    found = factor_analysis(m, 2, rotation="oblimin").rotation
    phi = found.phi[0, 1]
    ours = [
        schmid_leiman(found.loadings, found.phi, m.correlation, m.columns, general=general) for general in ((1, phi), (phi, 1))
    ]
    # psych keeps another order of the factors
    same = [abs(o.omega_hierarchical - theirs[option]["omega_hierarchical"]) < 1e-6 for o in ours]
    assert sum(same) == 1
    close(ours[same.index(True)].items["general"], theirs[option]["general"])


@pytest.mark.parametrize("construct", MORE["one_factor"])
def test_omega_of_the_mobile_constructs(construct):
    theirs = MORE["one_factor"][construct]
    ours = omega(mobile_moments(), theirs["items"])
    names = ("omega", "std_error", "ci_low", "ci_high", "omega_observed")
    close([getattr(ours, name) for name in names], [theirs[name] for name in names])
    np.testing.assert_allclose(ours.items["loading"] * np.sqrt(249 / 250), theirs["loadings"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.items["uniqueness"] * 249 / 250, theirs["uniquenesses"], rtol=0, atol=1e-5)
    assert ours.heywood == tuple(c for c, u in zip(theirs["items"], theirs["uniquenesses"], strict=True) if u <= 0)


def test_omega_of_standardised_items():
    theirs = MORE["one_factor_standardised"]
    ours = omega(mobile_moments(), theirs["items"], standardised=True)
    close([ours.omega, ours.std_error, ours.omega_observed], [theirs[k] for k in ("omega", "std_error", "omega_observed")])


@pytest.mark.parametrize("case", ["mode_a_path", "mode_a_factorial", "mode_b_path"])
def test_composite_reliability_and_ave_of_seminr(case):
    theirs = reference("ecsi_mobile_seminr")[case]
    compared = 0
    for construct, items in FACTS["constructs"].items():
        loadings = [theirs["loadings"][item] for item in items]
        if construct in theirs["rho_c"] and len(items) > 1:
            assert composite_reliability(loadings) == pytest.approx(theirs["rho_c"][construct], **CLOSE)
            assert average_variance_extracted(loadings) == pytest.approx(theirs["ave"][construct], **CLOSE)
            compared += 1
    assert compared >= 5


@pytest.mark.parametrize("case", MORE["split"])
def test_split_halves(case):
    theirs = MORE["split"][case]
    for kind, standardised in (("raw", False), ("standardised", True)):
        ours = split_half(mobile_moments(), theirs["items"], standardised=standardised)
        close([ours.greatest, ours.least, ours.mean], [theirs[kind][k] for k in ("greatest", "least", "mean")])
