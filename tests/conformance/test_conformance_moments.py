"""Reliability and derived importance agree with psych, pingouin, relaimpo and published figures."""

import numpy as np
import pandas as pd
import pytest
from ecsi_mobile import FACTS, exact_answers, mobile_moments, reference

from csr_lib.stats.importance import importance
from csr_lib.stats.moments import Moments, moments
from csr_lib.stats.reliability import reliability


@pytest.mark.parametrize("construct", reference("ecsi_mobile_alpha")["alpha"])
def test_alpha_agrees_with_psych(construct):
    theirs = reference("ecsi_mobile_alpha")["alpha"][construct]
    ours = reliability(mobile_moments(), FACTS["constructs"][construct])
    found = {"raw": ours.alpha, "standardised": ours.standardised, "ci_low": ours.ci_low, "ci_high": ours.ci_high}
    found["std_error"] = ours.std_error
    assert found == pytest.approx(theirs, rel=0, abs=1e-6)


def test_alpha_agrees_with_pingouin_to_its_three_decimals():
    pingouin = pytest.importorskip("pingouin")
    answers = exact_answers()[FACTS["constructs"]["Quality"]]
    alpha, interval = pingouin.cronbach_alpha(answers)
    ours = reliability(moments(answers))
    assert ours.alpha == pytest.approx(alpha, abs=1e-9)
    assert np.round([ours.ci_low, ours.ci_high], 3) == pytest.approx(interval)


@pytest.fixture
def mtcars():
    return reference("mtcars_importance")


@pytest.fixture
def cars(mtcars):
    return Moments.from_correlation(mtcars["columns"], mtcars["mean"], mtcars["sd"], mtcars["correlation"], mtcars["n"])


def test_relative_weights_and_lmg_of_mtcars(mtcars, cars):
    ours = importance(cars, mtcars["outcome"], mtcars["predictors"])
    assert ours.r2 == pytest.approx(mtcars["r2"], abs=5e-8)
    for method in ("relative_weights", "lmg"):
        np.testing.assert_allclose(ours.table[method], mtcars[method], atol=1e-7)


def test_regression_agrees_with_pingouin(mtcars, cars):
    pingouin = pytest.importorskip("pingouin")
    z = np.random.default_rng(0).standard_normal((32, 5))
    z -= z.mean(axis=0)
    z = np.linalg.solve(np.linalg.cholesky(np.cov(z.T)), z.T).T @ np.linalg.cholesky(cars.correlation).T  # standardised
    frame = pd.DataFrame(z, columns=cars.columns)
    theirs = pingouin.linear_regression(frame[mtcars["predictors"]], frame["mpg"], relimp=True).iloc[1:]
    ours = importance(cars, "mpg", mtcars["predictors"]).table
    np.testing.assert_allclose(ours["regression"], theirs["coef"], atol=1e-9)
    p_column = next(c for c in theirs.columns if c in ("pval", "p_val", "p-val"))
    np.testing.assert_allclose(ours["regression_p"], theirs[p_column].astype(float), atol=1e-8)
    np.testing.assert_allclose(ours["lmg"], theirs["relimp"].astype(float), atol=1e-9)
