"""Factor analysis, components, rotations and the number of factors agree with psych, GPArotation, factanal and nFactors."""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np
import pytest
from bfi import bfi_moments, reference
from ecsi_mobile import mobile_moments

from csr_lib.stats.adequacy import adequacy
from csr_lib.stats.factor import factor_analysis, score_weights
from csr_lib.stats.moments import Moments
from csr_lib.stats.retention import retention, velicer_map
from csr_lib.stats.rotation import rotate

PSYCH = reference("bfi_factor")
TIGHT = reference("factor_tight")
METHODS = {"ml": "ml", "minres": "minres", "pa": "principal_axis"}
#: How far before its minimum psych's search for ml and minres ends on the bfi items; see factor_tight.md.
PSYCH_STOPS = 1e-5


@cache
def data(name: str) -> Moments:
    if name == "mtcars":
        facts = TIGHT["mtcars"]
        p = len(facts["items"])
        r = np.eye(p)
        for i, row in enumerate(facts["correlation_below_diagonal"], 1):
            r[i, :i] = r[:i, i] = row if isinstance(row, list) else [row]
        return Moments.from_correlation(facts["items"], np.zeros(p), np.ones(p), r, facts["n"])
    return bfi_moments() if name == "bfi" else mobile_moments()


@cache
def ability() -> Moments:
    facts = TIGHT["ability"]
    return Moments(facts["items"], np.zeros(6), facts["covariance"], facts["n"], facts["n"])


def align(theirs, ours):
    """Column order and signs that bring their loadings to ours; what they are applied to must move along."""
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    products = theirs.T @ ours
    best = max(permutations(range(ours.shape[1])), key=lambda order: np.abs(products[order, range(len(order))]).sum())
    order = list(best)
    return order, np.where(products[order, range(len(order))] < 0, -1.0, 1.0)


def array(frame):
    return frame.iloc[:, 1:].to_numpy()


def fit_of(solution):
    return {k: getattr(solution.fit, k) for k in TIGHT["bfi"]["ml"]["fit"]}


# ---- fit for factoring


def test_adequacy_of_the_personality_items():
    theirs, ours = PSYCH["adequacy"], adequacy(bfi_moments())
    for key in ("n", "kmo", "chi_square", "df", "p_value", "determinant", "log_determinant"):
        assert getattr(ours, key) == pytest.approx(theirs[key], rel=1e-9, abs=1e-12), key
    np.testing.assert_allclose(ours.items["kmo"], theirs["kmo_items"], atol=1e-10)
    np.testing.assert_allclose(ours.items["smc"], theirs["smc"], atol=1e-10)


def test_adequacy_of_the_mobile_survey():
    theirs = reference("ecsi_mobile_adequacy")
    m = mobile_moments().take(theirs["items"])
    ours = adequacy(m)
    assert ours.kmo == pytest.approx(theirs["kmo"], abs=1e-10)
    np.testing.assert_allclose(ours.items["kmo"], theirs["kmo_items"], atol=1e-10)
    assert (ours.chi_square, ours.df, ours.p_value) == pytest.approx((theirs["chi_square"], theirs["df"], theirs["p_value"]))
    np.testing.assert_allclose(np.linalg.eigvalsh(m.correlation)[::-1], theirs["eigenvalues"], atol=1e-10)


@pytest.mark.parametrize("name", ["bfi", "ecsi_mobile", "mtcars"])
def test_adequacy_again(name):
    theirs, ours = TIGHT[name], adequacy(data(name))
    assert ours.kmo == pytest.approx(theirs["kmo"], abs=1e-10)
    np.testing.assert_allclose(ours.items["kmo"], theirs["kmo_items"], atol=1e-10)
    np.testing.assert_allclose(ours.items["smc"], theirs["smc"], atol=1e-10)
    bartlett = {"chi_square": ours.chi_square, "df": ours.df, "p_value": ours.p_value}
    assert bartlett == pytest.approx(theirs["bartlett"], rel=1e-9)


# ---- psych with its own settings


@pytest.mark.parametrize("case", PSYCH["factors"])
def test_factors_where_psych_stops(case):
    extraction, rotation = case.split("_")
    theirs = PSYCH["factors"][case]
    ours = factor_analysis(bfi_moments(), 5, method=METHODS[extraction], rotation=rotation, stopping="r")
    order, sign = align(theirs["loadings"], array(ours.loadings))
    near = 1e-9 if extraction == "pa" else PSYCH_STOPS
    np.testing.assert_allclose(np.array(theirs["loadings"])[:, order] * sign, array(ours.loadings), atol=near)
    if "phi" in theirs:
        np.testing.assert_allclose(
            np.array(theirs["phi"])[np.ix_(order, order)] * np.outer(sign, sign), array(ours.phi), atol=near
        )
        np.testing.assert_allclose(np.array(theirs["structure"])[:, order] * sign, array(ours.structure), atol=near)
    np.testing.assert_allclose(ours.items["communality"], theirs["communality"], atol=near)
    np.testing.assert_allclose(ours.items["uniqueness"], theirs["uniqueness"], atol=near)
    rotated = ours.variance[ours.variance["stage"] == "rotated"]
    for key, figures in theirs["variance"].items():
        np.testing.assert_allclose(rotated[key], figures, atol=5 * near, err_msg=key)
    fit = fit_of(ours)
    assert fit.keys() == theirs["fit"].keys()
    for key, figure in theirs["fit"].items():
        if key == "p_value":  # 1e-202: compared in digits of its exponent
            assert np.log(fit[key]) == pytest.approx(np.log(figure), rel=1e-6)
        else:  # χ² is the objective, which lies 1e-7 above its minimum, times n
            rel = 1e-9 if extraction == "pa" else 1e-5
            assert fit[key] == pytest.approx(figure, rel=rel, abs=1e-7), key


@pytest.mark.parametrize("rotation", PSYCH["components"])
def test_components(rotation):
    theirs = PSYCH["components"][rotation]
    plain = {"kaiser": False} if rotation == "promax" else {}
    ours = factor_analysis(bfi_moments(), 5, method="components", rotation=rotation, stopping="r", **plain)
    order, sign = align(theirs["loadings"], array(ours.loadings))
    np.testing.assert_allclose(np.array(theirs["loadings"])[:, order] * sign, array(ours.loadings), atol=1e-9)
    np.testing.assert_allclose(ours.items["communality"], theirs["communality"], atol=1e-9)
    np.testing.assert_allclose(ours.eigenvalues["eigenvalue"], theirs["values"], atol=1e-9)
    np.testing.assert_allclose(np.array(theirs["weights"])[:, order] * sign, array(score_weights(ours)), atol=1e-9)
    rotated = ours.variance[ours.variance["stage"] == "rotated"]
    ss = np.array(theirs["variance"]["ss_loadings"])[order]
    np.testing.assert_allclose(rotated["ss_loadings"], ss, atol=1e-9)
    np.testing.assert_allclose(rotated["share"], np.array(theirs["variance"]["share"])[order], atol=1e-9)
    np.testing.assert_allclose(rotated["share_explained"], np.array(theirs["variance"]["share_explained"])[order], atol=1e-9)
    # their cumulative sums run in their order, which after oblique rotations is not that of the variance
    np.testing.assert_allclose(
        np.cumsum(rotated["share"].to_numpy()[np.argsort(order)]), theirs["variance"]["cumulative"], atol=1e-9
    )
    own = np.cumsum(rotated["share_explained"].to_numpy()[np.argsort(order)])
    np.testing.assert_allclose(own, theirs["variance"]["cumulative_explained"], atol=1e-9)
    if "phi" in theirs:
        np.testing.assert_allclose(
            np.array(theirs["phi"])[np.ix_(order, order)] * np.outer(sign, sign), array(ours.phi), atol=1e-9
        )
    if "rot_mat" in theirs:
        unrotated = factor_analysis(bfi_moments(), 5, method="components", rotation="none")
        towards = np.linalg.lstsq(array(unrotated.loadings), array(ours.loadings), rcond=None)[0]
        order, sign = align(theirs["rot_mat"], towards)
        np.testing.assert_allclose(np.array(theirs["rot_mat"])[:, order] * sign, towards, atol=1e-9)


# ---- the same programs, their searches made to go on


@pytest.mark.parametrize("method", ["ml", "minres"])
@pytest.mark.parametrize("name", ["bfi", "ecsi_mobile", "mtcars"])
def test_extraction(name, method):
    theirs = TIGHT[name][method]
    ours = factor_analysis(data(name), TIGHT[name]["factors"], method=method, rotation="none")
    order, sign = align(theirs["loadings"], array(ours.loadings))
    np.testing.assert_allclose(np.array(theirs["loadings"])[:, order] * sign, array(ours.loadings), atol=1e-6)
    np.testing.assert_allclose(ours.items["communality"], theirs["communality"], atol=1e-6)
    np.testing.assert_allclose(ours.items["complexity"], theirs["complexity"], atol=1e-6)
    for key, figure in theirs["fit"].items():
        # R seeks the ends of RMSEA's interval to 1e-4 in the noncentrality only
        assert fit_of(ours)[key] == pytest.approx(figure, rel=1e-6, abs=1e-6 if key.startswith("rmsea_") else 1e-8), key
    for kind in ("regression", "bartlett"):
        weights = np.array(theirs[kind])[:, order] * sign
        np.testing.assert_allclose(array(score_weights(ours, kind)), weights, atol=1e-6, err_msg=kind)
    axes = factor_analysis(data(name), TIGHT[name]["factors"], method="principal_axis", rotation="none")
    if method == "minres":
        np.testing.assert_allclose(axes.items["communality"], theirs["communality"], atol=1e-6)


@pytest.mark.parametrize("rotation", TIGHT["bfi"]["ml"]["rotations"])
@pytest.mark.parametrize("method", ["ml", "minres"])
@pytest.mark.parametrize("name", ["bfi", "ecsi_mobile", "mtcars"])
def test_rotation(name, method, rotation):
    theirs = TIGHT[name][method]["rotations"][rotation]
    kaiser = {"promax_plain": False, "oblimin_kaiser": True}.get(rotation)
    ours = rotate(TIGHT[name][method]["loadings"], rotation.split("_")[0], kaiser=kaiser)
    order, sign = align(theirs["loadings"], ours.loadings)
    np.testing.assert_allclose(np.array(theirs["loadings"])[:, order] * sign, ours.loadings, atol=1e-6)
    if "phi" in theirs:
        np.testing.assert_allclose(np.array(theirs["phi"])[np.ix_(order, order)] * np.outer(sign, sign), ours.phi, atol=1e-6)


@pytest.mark.parametrize("name", ["bfi", "ecsi_mobile", "mtcars"])
def test_factanal(name):
    theirs = TIGHT[name]["factanal"]
    ours = factor_analysis(data(name), TIGHT[name]["factors"], method="ml", rotation="none")
    np.testing.assert_allclose(ours.items["uniqueness"], theirs["uniqueness"], atol=1e-6)
    assert ours.fit.chi_square == pytest.approx(theirs["chi_square"], rel=1e-6)
    assert ours.fit.df == theirs["df"]
    assert ours.fit.p_value == pytest.approx(theirs["p_value"], rel=1e-6)


def test_heywood_case_of_factanal_is_found_and_named():
    theirs = TIGHT["mtcars"]["heywood"]
    ours = factor_analysis(data("mtcars"), theirs["factors"], method="ml", rotation="none")
    assert ours.heywood == ("wt",)
    others = [i for i, item in enumerate(data("mtcars").columns) if item != "wt"]
    np.testing.assert_allclose(ours.items["uniqueness"].to_numpy()[others], np.array(theirs["uniqueness"])[others], atol=1e-6)


def test_covariances():
    theirs = TIGHT["ability"]
    m = ability()
    ours = factor_analysis(m, 2, matrix="covariance", rotation="none")
    order, sign = align(theirs["minres"]["loadings"], array(ours.loadings))
    np.testing.assert_allclose(
        np.array(theirs["minres"]["loadings"])[:, order] * sign, array(ours.loadings), rtol=1e-6, atol=1e-5
    )
    np.testing.assert_allclose(ours.items["uniqueness"], theirs["minres"]["uniqueness"], rtol=1e-6)
    ml = factor_analysis(m, 2, method="ml", matrix="covariance", rotation="none")
    np.testing.assert_allclose(ml.items["uniqueness"] / np.diag(m.cov), theirs["ml"]["uniqueness"], atol=1e-6)


# ---- how many


@pytest.mark.parametrize("name", ["bfi", "ecsi_mobile", "mtcars"])
def test_rules_for_the_number_of_factors(name):
    theirs = TIGHT[name]
    ours = retention(data(name), resamples=20)
    np.testing.assert_allclose(ours.eigenvalues["eigenvalue"], theirs["eigenvalues"], atol=1e-9)
    np.testing.assert_allclose(ours.eigenvalues["factor_eigenvalue"], theirs["factor_eigenvalues"], atol=1e-6)
    np.testing.assert_allclose(ours.map["map"][1:9], theirs["map"], atol=1e-9)
    suggested = ours.rules.drop_duplicates("rule").set_index("rule")["suggested"]
    assert suggested["kaiser"] == theirs["kaiser"]
    assert suggested["scree"] == theirs["scree"]


def test_parallel_analysis_and_map_of_psych():
    theirs = PSYCH["retention"]
    draws = 100
    ours = retention(bfi_moments(), resamples=draws, seed=3)
    np.testing.assert_allclose(ours.eigenvalues["eigenvalue"], theirs["pc_values"], atol=1e-9)
    np.testing.assert_allclose(ours.eigenvalues["factor_eigenvalue"], theirs["fa_values"], atol=1e-6)
    np.testing.assert_allclose(velicer_map(bfi_moments().correlation)["map"][1:9], theirs["map"], atol=1e-9)
    suggested = ours.rules.set_index(["rule", "basis"])["suggested"]
    assert suggested["parallel", "components"] == theirs["components"]
    assert suggested["parallel", "factors"] == theirs["factors"]
    # their means are of 20 draws: 50 differences of means, none beyond 4.5 of its standard errors
    for basis, sim in (("", "pc_sim"), ("factor_", "fa_sim")):
        mean, high = ours.eigenvalues[f"{basis}chance_mean"], ours.eigenvalues[f"{basis}chance_high"]
        error = (high - mean) / 1.645 * np.sqrt(1 / 20 + 1 / draws)
        assert (np.abs(mean - theirs[sim]) < 4.5 * error).all(), basis
