"""Derived importance and asymmetric effects agree with R's lm, pingouin and statsmodels."""

import numpy as np
import pandas as pd
import pytest
from asymmetric_answers import NAMES, asymmetric_answers
from ecsi_mobile import reference

from csr_lib.stats.asymmetry import penalty_reward
from csr_lib.stats.importance import importance
from csr_lib.stats.moments import Moments, moments

REGRESSIONS = reference("importance_regression")
CONTRASTS = reference("penalty_reward")


def data_set(name):
    facts = REGRESSIONS[name]
    if name == "asymmetric_answers":
        answers = asymmetric_answers()
        return moments(answers[[*NAMES, "overall"]], answers["w"])
    r = np.eye(len(facts["columns"]))
    for i, row in enumerate(facts["correlation_below_diagonal"], 1):
        r[i, :i] = r[:i, i] = row
    return Moments.from_correlation(facts["columns"], facts["mean"], facts["sd"], r, facts["n"])


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression_partial_and_semipartial_correlations_agree_with_r(name):
    theirs = REGRESSIONS[name]["figures"]
    ours = importance(data_set(name), REGRESSIONS[name]["outcome"])
    assert ours.r2 == pytest.approx(theirs["r2"], abs=1e-6)
    found = {
        "semipartial": ours.table["semipartial_correlation"],
        "partial": ours.table["partial_correlation"],
        "regression": ours.table["regression"],
        "vif": ours.table["vif"],
        "loss": ours.table["semipartial_correlation"] ** 2,
    }
    if name != "asymmetric_answers":
        found["p"] = ours.table["regression_p"]
    for key, values in found.items():
        np.testing.assert_allclose(values, theirs[key], rtol=1e-6, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", ["attitude", "longley", "swiss"])
def test_lmg_agrees_with_pingouin(name):
    pingouin = pytest.importorskip("pingouin")
    m = data_set(name)
    z = np.random.default_rng(0).standard_normal((int(m.n), len(m.columns)))
    z -= z.mean(axis=0)
    z = np.linalg.solve(np.linalg.cholesky(np.cov(z.T)), z.T).T @ np.linalg.cholesky(m.correlation).T
    frame = pd.DataFrame(z, columns=m.columns)
    outcome = REGRESSIONS[name]["outcome"]
    theirs = pingouin.linear_regression(frame.drop(columns=outcome), frame[outcome], relimp=True).iloc[1:]
    ours = importance(m, outcome).table
    np.testing.assert_allclose(ours["lmg"], theirs["relimp"].astype(float), atol=1e-6)


def contrast(kind):
    answers = asymmetric_answers()
    weights = {"unweighted": None, "sampling": answers["w"], "repeated": 1 + np.arange(1, len(answers) + 1) % 3}[kind]
    return penalty_reward(
        answers[NAMES],
        answers["overall"],
        weights,
        kind="frequency" if kind == "repeated" else "sampling",
        low=2,
        high=5,
        resamples=0,
    )


@pytest.mark.parametrize("kind", ["unweighted", "sampling", "repeated"])
def test_penalties_and_rewards_agree_with_lm_and_hc3_in_r(kind):
    theirs, ours = CONTRASTS[kind], contrast(kind)
    for key, column in {"coef": "estimate", "se": "std_error", "p": "p_value", "ci_low": "ci_low"}.items():
        np.testing.assert_allclose(ours.effects[column], theirs[key][1:], atol=1e-6, err_msg=key)
    columns = {
        "contrast": "contrast",
        "contrast_se": "std_error",
        "contrast_p": "p_value",
        "contrast_holm": "p_adjusted",
    }
    for key, column in columns.items():
        np.testing.assert_allclose(ours.items[column], theirs[key], atol=1e-6, err_msg=key)
    found = [ours.intercept, ours.r2, ours.r2_adj, ours.df]
    assert found == pytest.approx([theirs["coef"][0], theirs["r2"], theirs["r2_adj"], theirs["df"]], abs=1e-6)


@pytest.mark.parametrize("kind", ["unweighted", "sampling"])
def test_penalties_and_rewards_agree_with_statsmodels(kind):
    linear_model = pytest.importorskip("statsmodels.regression.linear_model")
    answers = asymmetric_answers()
    groups = [part for name in NAMES for part in (answers[name] <= 2, answers[name] >= 5)]
    design = np.column_stack([np.ones(len(answers)), *groups]).astype(float)
    weights = answers["w"] if kind == "sampling" else np.ones(len(answers))
    fit = linear_model.WLS(answers["overall"], design, weights=weights).fit(cov_type="HC3")
    ours = contrast(kind).effects
    np.testing.assert_allclose(ours["estimate"], fit.params.iloc[1:], atol=1e-9)
    np.testing.assert_allclose(ours["std_error"], fit.bse.iloc[1:], atol=1e-9)
