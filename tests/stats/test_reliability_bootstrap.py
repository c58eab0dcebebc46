import numpy as np
import pandas as pd
import pytest

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.omega import omega
from csr_lib.stats.reliability import reliability
from csr_lib.stats.reliability_bootstrap import QUANTITIES, reliability_bootstrap
from csr_lib.stats.resampling import resample_counts

SCALES = {"Image": ["i1", "i2", "i3"], "Quality": ["q1", "q2", "q3"], "Pair": ["s1", "s2"]}


def row(table, scale, quantity):
    return table[(table["scale"] == scale) & (table["quantity"] == quantity)].iloc[0]


def test_draws_are_those_of_the_resampled_rows(answers):
    whole = sample(answers)
    found = reliability_bootstrap(whole, SCALES, resamples=3, seed=5)
    (counts,) = resample_counts(whole, 3, 5)
    for draw, count in enumerate(counts):
        rows = answers.loc[answers.index.repeat(count.astype(int))]
        items = SCALES["Quality"]
        one = reliability(moments(rows), items)
        expected = [one.alpha, one.standardised, one.lambda6, one.mean_correlation, omega(moments(rows), items).omega]
        np.testing.assert_allclose(found.draws["Quality"][draw], expected, atol=1e-9)
    assert np.isnan(found.draws["Pair"][:, QUANTITIES.index("omega")]).all()


def test_intervals_hold_the_estimate_and_are_about_as_wide_as_the_theory_says(answers):
    table = reliability_bootstrap(sample(answers), SCALES, resamples=300, seed=1).summary()
    theory = reliability(moments(answers), SCALES["Image"])
    found = row(table, "Image", "alpha")
    assert found["estimate"] == pytest.approx(theory.alpha)
    assert found["ci_low"] < theory.alpha < found["ci_high"]
    assert found["std_error"] == pytest.approx(theory.std_error, rel=0.25)
    assert row(table, "Image", "omega")["estimate"] == pytest.approx(omega(moments(answers), SCALES["Image"]).omega)
    pair = row(table, "Pair", "omega")
    assert np.isnan(pair["ci_low"])
    assert pair["n_failed"] == 300


def test_sampling_weights_are_in_estimates_and_draws(answers):
    w = np.random.default_rng(0).uniform(0.1, 5, len(answers))
    table = reliability_bootstrap(sample(answers, w), {"Image": SCALES["Image"]}, resamples=200, seed=1).summary(
        interval="percentile"
    )
    found = row(table, "Image", "alpha")
    assert found["estimate"] == pytest.approx(reliability(moments(answers, w), SCALES["Image"]).alpha)
    assert found["ci_low"] < found["estimate"] < found["ci_high"]
    theory = reliability(moments(answers, w), SCALES["Image"])
    assert theory.n < 250
    assert found["std_error"] == pytest.approx(theory.std_error, rel=0.25)


def test_differences_between_scales_use_the_same_resamples(answers):
    found = reliability_bootstrap(sample(answers), SCALES, resamples=200, seed=1)
    table = found.difference("Image", "Quality", interval="percentile")
    alpha = table[table["quantity"] == "alpha"].iloc[0]
    draws = (found.draws["Image"] - found.draws["Quality"])[:, 0]
    assert (alpha["ci_low"], alpha["ci_high"]) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
    swapped = found.difference("Quality", "Image", interval="bca")
    bca = found.difference("Image", "Quality", interval="bca")
    np.testing.assert_allclose(bca["ci_low"], -swapped["ci_high"], atol=1e-9)


def test_the_same_seed_gives_the_same_draws(answers):
    once, again = (reliability_bootstrap(sample(answers), SCALES, resamples=25, seed=9) for _ in range(2))
    pd.testing.assert_frame_equal(once.summary(), again.summary())


def test_grouped_rows_give_about_the_same_errors():
    rng = np.random.default_rng(3)
    answers = sample(rng.standard_normal((4000, 4)) + rng.standard_normal((4000, 1)))
    scales = {"all": answers.columns}
    rows, groups = (
        reliability_bootstrap(s, scales, resamples=400, seed=1).summary(interval="percentile")
        for s in (answers, answers.grouped(200, seed=2))
    )
    np.testing.assert_allclose(groups["estimate"], rows["estimate"], atol=1e-9)
    np.testing.assert_allclose(groups["std_error"], rows["std_error"], rtol=0.3)


def test_what_cannot_be_resampled_is_named(answers):
    whole = sample(answers)
    with pytest.raises(OptionError, match="no scales"):
        reliability_bootstrap(whole, {})
    with pytest.raises(AnalysisError, match="at least two items"):
        reliability_bootstrap(whole, {"one": ["i1"]})
    with pytest.raises(OptionError, match=r"bac.*did you mean 'bca'"):
        reliability_bootstrap(whole, SCALES, resamples=20, seed=1).summary(interval="bac")
    with pytest.raises(OptionError, match=r"Imago.*did you mean 'Image'"):
        reliability_bootstrap(whole, SCALES, resamples=20, seed=1).difference("Imago", "Quality")
