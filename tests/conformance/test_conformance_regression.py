"""Linear regression, its diagnostics and the ordered logit agree with R's lm, glm and MASS::polr."""

import numpy as np
import pandas as pd
import pytest
from asymmetric_answers import NAMES, asymmetric_answers
from ecsi_mobile import reference

from csr_lib.stats.ordered_logit import OrderedLogit, ordered_logit
from csr_lib.stats.regression import Regression, breusch_pagan, durbin_watson, regression, reset

R = reference("regression")
ANSWERS = asymmetric_answers()
TIMES = 1 + np.arange(1, len(ANSWERS) + 1) % 3
FITS: dict[str, Regression] = {
    "unweighted": regression(ANSWERS, "overall", NAMES),
    "sampling": regression(ANSWERS, "overall", NAMES, ANSWERS["w"]),
    "repeated": regression(ANSWERS, "overall", NAMES, TIMES, kind="frequency"),
}
GRADED = ANSWERS.assign(overall=ANSWERS["overall"].clip(4, 7))
ORDERED: dict[str, OrderedLogit] = {
    "ordered": ordered_logit(GRADED, "overall", NAMES),
    "ordered_repeated": ordered_logit(GRADED, "overall", NAMES, TIMES, kind="frequency"),
}


@pytest.mark.parametrize("name", FITS)
def test_coefficients_and_their_errors_agree_with_r(name: str) -> None:
    theirs, ours = R[name], FITS[name].coefficients
    for key, column in {
        "coef": "estimate",
        "hc3": "std_error",
        "classic_se": "classic_std_error",
        "classic_p": "classic_p_value",
    }.items():
        np.testing.assert_allclose(ours[column], theirs[key], atol=1e-6, rtol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", FITS)
def test_fit_and_analysis_of_variance_agree_with_r(name: str) -> None:
    theirs, ours = R[name], FITS[name]
    scale = len(ANSWERS) / ANSWERS["w"].sum() if name == "sampling" else 1.0
    found = [ours.r2, ours.r2_adj, ours.sigma**2, ours.f, ours.anova["p_value"].iloc[0], ours.wald_f]
    assert found == pytest.approx(
        [theirs["r2"], theirs["r2_adj"], theirs["sigma"] ** 2 * scale, theirs["f"], theirs["f_p"], theirs["wald"]],
        rel=1e-6,
        abs=1e-9,
    )
    np.testing.assert_allclose(ours.anova["sum_of_squares"], np.array(theirs["ss"]) * scale, rtol=1e-6)


@pytest.mark.parametrize("name", FITS)
def test_influence_agrees_with_r(name: str) -> None:
    rows = np.repeat(np.arange(len(ANSWERS)), TIMES)[:5] if name == "repeated" else np.arange(5)
    np.testing.assert_allclose(FITS[name].leverage[rows], R[name]["leverage"], atol=1e-6)
    np.testing.assert_allclose(FITS[name].cook[rows], R[name]["cook"], atol=1e-6)


@pytest.mark.parametrize("name", FITS)
def test_equal_variances_are_tested_as_in_r(name: str) -> None:
    found = breusch_pagan(FITS[name])
    assert (found.statistic, found.p_value) == pytest.approx((R[name]["bp"], R[name]["bp_p"]), abs=1e-6)


@pytest.mark.parametrize("name", ["unweighted", "repeated"])
def test_straightness_is_tested_as_in_r(name: str) -> None:
    found = reset(FITS[name])
    assert (found.statistic, found.p_value) == pytest.approx((R[name]["reset"], R[name]["reset_p"]), abs=1e-6)


def test_durbin_watson_agrees_with_r() -> None:
    found = durbin_watson(FITS["unweighted"], np.arange(len(ANSWERS)))
    assert found.statistic == pytest.approx(R["unweighted"]["dw"], abs=1e-6)


@pytest.mark.parametrize("name", ORDERED)
def test_ordered_logit_agrees_with_polr(name: str) -> None:
    theirs, ours = R[name], ORDERED[name]
    columns = {"coef": (ours.coefficients, "estimate"), "se": (ours.coefficients, "std_error")}
    columns |= {"zeta": (ours.thresholds, "estimate"), "zeta_se": (ours.thresholds, "std_error")}
    for key, (table, column) in columns.items():
        np.testing.assert_allclose(table[column], theirs[key], atol=1e-5 if key.endswith("se") else 1e-6, err_msg=key)
    assert (ours.log_likelihood, ours.null_log_likelihood) == pytest.approx((theirs["loglik"], theirs["null"]), abs=1e-6)
    np.testing.assert_allclose(ours.probabilities(ANSWERS[NAMES].iloc[:1])[0], theirs["p1"], atol=1e-6)


@pytest.mark.parametrize("name", ORDERED)
def test_proportional_odds_are_tested_as_by_brant(name: str) -> None:
    np.testing.assert_allclose(ORDERED[name].proportional["statistic"], R[name]["brant"], rtol=1e-6)


def test_frequency_weights_count_as_repeated_rows_in_the_ordered_logit() -> None:
    rows = GRADED.loc[GRADED.index.repeat(TIMES)].reset_index(drop=True)
    pd.testing.assert_frame_equal(ordered_logit(rows, "overall", NAMES).coefficients, ORDERED["ordered_repeated"].coefficients)
