import numpy as np
import pandas as pd
import pytest

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats.importance import METHODS, importance
from csr_lib.stats.importance_bootstrap import importance_bootstrap
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.resampling import bca_interval, percentile_interval, resample_counts

PREDICTORS = ["i1", "i2", "q1", "s1"]


@pytest.fixture
def drawn(answers):
    return importance_bootstrap(sample(answers), "l1", PREDICTORS, methods=METHODS, resamples=200, seed=1)


def test_every_method_is_summarised_about_its_estimate(answers, drawn):
    table = drawn.summary()
    assert list(table.columns) == [
        "method",
        "item",
        "direction",
        "estimate",
        "std_error",
        "ci_low",
        "ci_high",
        "p_value",
        "n_failed",
    ]
    point = importance(moments(answers), "l1", PREDICTORS).table
    for method, part in table.groupby("method"):
        np.testing.assert_allclose(part["estimate"], point[method])
        assert part["item"].tolist() == PREDICTORS
        assert ((part["ci_low"] < part["estimate"]) & (part["estimate"] < part["ci_high"])).all()
    assert set(table["method"]) == {*METHODS, "relative_weights_share", "lmg_share"}
    assert table["p_value"].isna().sum() == 4 * len(PREDICTORS)
    assert (table["n_failed"] == 0).all()


def test_draws_are_the_estimates_of_their_rows(answers, drawn):
    counts = next(resample_counts(sample(answers), 200, 1)).astype(int)
    for b in (0, 7, 199):
        one = importance(moments(answers.iloc[np.repeat(np.arange(300), counts[b])]), "l1", PREDICTORS).table
        for method in (*METHODS, "lmg_share"):
            np.testing.assert_allclose(drawn.draws[method][b], one[method], atol=1e-9)


def test_bca_intervals_use_the_jackknife_of_the_rows(answers, drawn):
    left = np.array([importance(moments(answers.drop(index=i)), "l1", PREDICTORS).table["lmg"] for i in range(300)])
    low, high = bca_interval(drawn.draws["lmg"], drawn.result.table["lmg"], left)
    found = drawn.summary(interval="bca").set_index("method").loc["lmg"]
    np.testing.assert_allclose(found["ci_low"], low)
    np.testing.assert_allclose(found["ci_high"], high)


def test_differences_are_those_of_the_draws(drawn):
    table = drawn.differences("relative_weights").set_index(["item", "other"])
    assert len(table) == 6
    values = drawn.draws["relative_weights"]
    row = table.loc[("i2", "s1")]
    assert row["estimate"] == pytest.approx(drawn.result.table["relative_weights"][1] - drawn.result.table["relative_weights"][3])
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], percentile_interval(values[:, 1] - values[:, 3]))
    assert (table["p_adjusted"] >= table["p_value"]).all()


def test_ranks_are_whole_and_say_how_firm_they_are(drawn):
    table = drawn.ranks("lmg")
    assert table["rank"].tolist() == drawn.result.table["lmg"].rank(ascending=False).tolist()
    assert ((table["ci_low"] <= table["rank"]) & (table["rank"] <= table["ci_high"])).all()
    assert (table[["ci_low", "ci_high"]] % 1 == 0).all(axis=None)
    top = (drawn.draws["lmg"].argmax(axis=1) == 3).mean()
    assert table.set_index("item").loc["s1", "share"] == pytest.approx(top)


def test_measures_with_a_sign_are_ranked_by_size():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3))
    frame = pd.DataFrame(x, columns=list("abc")).assign(y=x @ [0.3, -2, 1] + rng.standard_normal(200))
    found = importance_bootstrap(sample(frame), "y", methods=["regression"], resamples=50, seed=0)
    assert found.ranks("regression")["rank"].tolist() == [3, 1, 2]


def test_beyond_what_can_be_counted_draws_are_about_the_estimate(monkeypatch, answers):
    exact = importance_bootstrap(sample(answers), "l1", methods=["lmg"], resamples=100, seed=2)
    monkeypatch.setattr("csr_lib.stats.importance.LMG_EXACT", 3)
    monkeypatch.setattr("csr_lib.stats.importance_bootstrap.LMG_EXACT", 3)
    found = importance_bootstrap(sample(answers), "l1", methods=["lmg"], resamples=100, seed=2, orders=200)
    assert (exact.orders, found.orders) == (0, 200)
    np.testing.assert_allclose(found.draws["lmg"].sum(axis=1), exact.draws["lmg"].sum(axis=1))
    spread = exact.draws["lmg"].std(axis=0)
    missed = (found.draws["lmg"] - exact.draws["lmg"]) / spread
    assert np.abs(missed.mean(axis=0)).max() < 0.1  # the orders alone miss up to 0.45 standard errors at the estimate
    assert missed.std(axis=0).max() < 0.2


def test_rows_in_groups_are_resampled_like_rows(answers):
    whole = sample(answers)
    rows = importance_bootstrap(whole, "l1", PREDICTORS, resamples=4000, seed=1).summary()
    groups = importance_bootstrap(whole.grouped(150, seed=1), "l1", PREDICTORS, resamples=4000, seed=1).summary()
    np.testing.assert_allclose(groups["estimate"], rows["estimate"])
    # 1/√(2·150) from the groups, 1/√(2·4000) from the draws on both sides; four of them
    np.testing.assert_allclose(groups["std_error"] / rows["std_error"], 1, atol=4 * np.sqrt(1 / 300 + 2 / 8000))


def test_the_same_seed_gives_the_same_draws_and_weights_enter(answers):
    weights = np.random.default_rng(0).uniform(0.5, 2, 300)
    runs = [importance_bootstrap(sample(answers, weights), "l1", PREDICTORS, resamples=30, seed=9) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].draws["lmg"], runs[1].draws["lmg"])
    plain = importance_bootstrap(sample(answers), "l1", PREDICTORS, resamples=30, seed=9)
    assert not np.allclose(plain.draws["lmg"], runs[0].draws["lmg"])


def rare(answers, count):
    """A predictor that only `count` rows have: a resample without them cannot be estimated."""
    return answers.assign(i2=(np.arange(300) < count).astype(float))


def test_failed_draws_are_counted_and_left_out(answers):
    found = importance_bootstrap(sample(rare(answers, 2)), "l1", PREDICTORS, resamples=400, seed=1)
    failed = found.n_failed["lmg"]
    assert 25 < failed < 90  # expected 400·(298/300)^300 = 54
    table = found.summary()
    assert (table["n_failed"] == failed).all()
    assert np.isfinite(table["ci_high"]).all()


def test_intervals_are_missing_where_too_few_draws_work(answers):
    found = importance_bootstrap(sample(answers), "l1", PREDICTORS, resamples=15, seed=1)
    assert found.summary()["ci_low"].isna().all()
    assert found.ranks("lmg")["ci_low"].isna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": ["lgm"]}, "did you mean 'lmg'"),
        ({"methods": []}, "no methods"),
        ({"predictors": ["i1", "l1"]}, "among its predictors"),
        ({"resamples": 0}, "0 resamples"),
    ],
)
def test_wrong_options_are_errors(answers, options, message):
    with pytest.raises(OptionError, match=message):
        importance_bootstrap(sample(answers), "l1", **options)


def test_wrong_questions_are_errors(drawn):
    with pytest.raises(OptionError, match="did you mean 'lmg'"):
        drawn.ranks("lgm")
    with pytest.raises(OptionError, match="unknown interval 'bc'"):
        drawn.summary(interval="bc")


def test_dependent_predictors_are_named(answers):
    with pytest.raises(AnalysisError, match="i1, i2, both are linearly dependent"):
        importance_bootstrap(sample(answers.assign(both=answers["i1"] + answers["i2"])), "l1", ["i1", "i2", "both"])
