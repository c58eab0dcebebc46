import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.asymmetry import penalty_reward
from csr_lib.stats.moments import sample
from csr_lib.stats.resampling import holm, resample_counts

sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))
from asymmetric_answers import GAIN, LOSS, NAMES, asymmetric_answers

CUTS = {"low": 2, "high": 5}


def contrasts(answers, **options):
    return penalty_reward(answers[NAMES], answers["overall"], **{**CUTS, "resamples": 0, **options})


def by_item(found):
    return found.effects.set_index(["item", "effect"])["estimate"].unstack().loc[NAMES]  # noqa: PD010


def test_known_losses_and_gains_are_found_in_many_answers():
    rng = np.random.default_rng(1)
    ratings = pd.DataFrame(rng.integers(1, 6, size=(20_000, 4)), columns=NAMES)
    overall = 6 - (ratings <= 2) @ LOSS + (ratings >= 5) @ GAIN + rng.standard_normal(20_000)
    found = penalty_reward(ratings, overall, **CUTS, resamples=200, seed=1)
    np.testing.assert_allclose(by_item(found)["penalty"], -LOSS, atol=4 * found.effects["std_error"].max())
    np.testing.assert_allclose(by_item(found)["reward"], GAIN, atol=4 * found.effects["std_error"].max())
    assert found.items["factor"].tolist() == ["basic", "performance", "excitement", "none"]
    assert found.items["impact_class"].tolist() == ["frustrator", "hybrid", "delighter", ""]


def test_potentials_come_from_penalty_and_reward():
    found = contrasts(asymmetric_answers())
    penalty, reward = -1.01396778, 0.85842875  # of "performance", as R gives them
    row = found.items.set_index("item").loc["performance"]
    assert row["range"] == pytest.approx(reward - penalty)
    assert row["sgp"] == pytest.approx(reward / (reward - penalty))
    assert row["dgp"] == pytest.approx(-penalty / (reward - penalty))
    assert row["asymmetry"] == pytest.approx((reward + penalty) / (reward - penalty))
    np.testing.assert_allclose(found.items["p_adjusted"], holm(found.items["p_value"]))


def test_an_effect_of_the_wrong_sign_is_told_and_counts_as_nothing():
    row = contrasts(asymmetric_answers()).items.set_index("item").loc["basic"]
    assert row["wrong_sign"]
    assert (row["sgp"], row["dgp"], row["asymmetry"]) == (0, 1, -1)


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_turning_ratings_and_outcome_round_swaps_penalty_and_reward(seed):
    answers = asymmetric_answers(300, seed)
    turned = answers.assign(**{name: 6 - answers[name] for name in NAMES}, overall=-answers["overall"])
    one, other = contrasts(answers), contrasts(turned, low=1, high=4)
    np.testing.assert_allclose(by_item(other)["penalty"], -by_item(one)["reward"], atol=1e-9)
    np.testing.assert_allclose(by_item(other)["reward"], -by_item(one)["penalty"], atol=1e-9)
    np.testing.assert_allclose(other.items["asymmetry"], -one.items["asymmetry"], atol=1e-9)
    np.testing.assert_allclose(other.items["p_value"], one.items["p_value"], atol=1e-9)


@settings(max_examples=15)
@given(st.floats(0.1, 50), st.floats(-100, 100), st.integers(0, 10**6))
def test_the_unit_of_the_outcome_and_the_order_of_rows_and_columns_do_not_matter(scale, shift, seed):
    answers = asymmetric_answers(200)
    rng = np.random.default_rng(seed)
    moved = answers.assign(overall=shift + scale * answers["overall"]).iloc[rng.permutation(200)]
    one = contrasts(answers)
    other = penalty_reward(moved[list(rng.permutation(NAMES))], moved["overall"], **CUTS, resamples=0)
    np.testing.assert_allclose(by_item(other), scale * by_item(one), rtol=1e-7, atol=1e-7)
    items = other.items.set_index("item").loc[NAMES]
    for column in ("sgp", "asymmetry", "p_value"):
        np.testing.assert_allclose(items[column], one.items[column], atol=1e-7)
    assert items["factor"].tolist() == one.items["factor"].tolist()


def test_a_frequency_weight_is_so_many_rows():
    answers = asymmetric_answers(200)
    times = 1 + np.arange(200) % 3
    weighted = contrasts(answers, weights=times, kind="frequency")
    repeated = contrasts(answers.loc[np.repeat(answers.index, times)])
    pd.testing.assert_frame_equal(weighted.effects, repeated.effects)
    pd.testing.assert_frame_equal(weighted.items, repeated.items)
    assert (weighted.n, weighted.df) == (repeated.n, repeated.df)


def test_draws_are_the_estimates_of_their_rows():
    answers = asymmetric_answers(150)
    found = contrasts(answers, resamples=40, seed=3)
    counts = next(resample_counts(sample(answers), 40, 3)).astype(int)
    ranges = [contrasts(answers.iloc[np.repeat(np.arange(150), one)]).items["range"] for one in counts]
    low, high = np.quantile(ranges, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(found.items["range_low"], low, atol=1e-9)
    np.testing.assert_allclose(found.items["range_high"], high, atol=1e-9)


def test_an_empty_group_has_no_effect_and_leaves_the_others_alone():
    answers = asymmetric_answers()
    answers["idle"] = answers["idle"].clip(upper=4)
    found = contrasts(answers, resamples=50, seed=1)
    last = found.effects.iloc[-1]
    assert (last["item"], last["effect"], last["n"]) == ("idle", "reward", 0)
    assert np.isnan(last[["estimate", "std_error", "p_value"]].astype(float)).all()
    assert found.items["factor"].tolist()[-1] == ""
    assert found.items["few_high"].tolist() == [False, False, False, True]
    middle = pd.DataFrame({"penalty": answers["idle"] <= 2}).astype(float)
    dummies = pd.concat(
        [pd.DataFrame({f"{n}{e}": c for n in NAMES[:3] for e, c in (("l", answers[n] <= 2), ("h", answers[n] >= 5))}), middle],
        axis=1,
    )
    design = np.column_stack([np.ones(400), dummies.astype(float)])
    expected = np.linalg.lstsq(design, answers["overall"], rcond=None)[0]
    np.testing.assert_allclose(found.effects["estimate"][:-1], expected[1:])


def test_one_person_alone_in_a_group_has_an_effect_without_an_error():
    answers = asymmetric_answers()
    answers["idle"] = answers["idle"].clip(upper=4)
    answers.loc[7, "idle"] = 5
    found = contrasts(answers)
    own = found.effects.iloc[-1]
    assert np.isfinite(own["estimate"])
    assert np.isnan(own["std_error"])
    others = contrasts(answers.drop(index=7)).effects
    pd.testing.assert_frame_equal(found.effects.iloc[:-1][["estimate"]], others.iloc[:-1][["estimate"]])
    np.testing.assert_allclose(found.effects["std_error"][:-1], others["std_error"][:-1])


def test_cut_offs_by_shares_are_the_nearest_answers():
    x = np.repeat([1, 2, 3, 4, 5], [10, 15, 35, 30, 10])
    ratings = pd.DataFrame({"a": x})
    rng = np.random.default_rng(0)
    found = penalty_reward(ratings, rng.standard_normal(100), shares=(0.25, 0.3), resamples=0)
    assert found.items[["low", "high"]].to_numpy().tolist() == [[2, 4]]
    assert found.effects["share"].tolist() == [0.25, 0.4]
    weighted = penalty_reward(ratings, rng.standard_normal(100), np.where(x == 4, 0.1, 1), shares=(0.15, 0.1), resamples=0)
    assert weighted.items[["low", "high"]].to_numpy().tolist() == [[1, 5]]


def test_missing_answers_are_left_out_and_counted():
    answers = asymmetric_answers().astype(float)
    answers.loc[3, "idle"] = np.nan
    answers.loc[9, "overall"] = np.nan
    found = contrasts(answers)
    assert (found.n, found.n_missing) == (398, 2)
    pd.testing.assert_frame_equal(found.effects, contrasts(answers.drop(index=[3, 9])).effects)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda d: d.assign(idle=d["basic"]), {}, AnalysisError, "basic, idle low or high; their effects cannot be told apart"),
        (lambda d: d.assign(idle=5), {}, AnalysisError, "idle: nobody rates it between 2 and 5"),
        (lambda d: d.assign(idle=np.where(d["idle"] < 3, 1, 5)), {}, AnalysisError, "idle: nobody rates it between"),
        (lambda d: d.assign(overall=7), {}, AnalysisError, "all outcomes are the same"),
        (lambda d: d.iloc[:8], {}, AnalysisError, "8 rows are too few"),
        (lambda d: d.assign(idle=d["idle"].replace(5, np.inf)), {}, DataError, "infinite values"),
        (lambda d: d.assign(overall=d["overall"].replace(5, np.inf)), {}, DataError, "infinite values"),
        (lambda d: d, {"weights": -np.ones(400)}, DataError, "negative"),
        (lambda d: d, {"low": 5, "high": 2}, OptionError, "low is not below high for basic, performance"),
        (lambda d: d, {"low": {"basic": 2}}, OptionError, "no cut-off for low of performance"),
        (lambda d: d, {"shares": (0.2, 0.2)}, OptionError, "both scale points and shares"),
        (lambda d: d, {"low": None, "high": None}, OptionError, "not defined"),
        (lambda d: d, {"low": None, "high": None, "shares": (0.6, 0.5)}, OptionError, "two shares above 0"),
    ],
)
def test_what_cannot_be_contrasted_is_named(change, options, error, message):
    with pytest.raises(error, match=message):
        contrasts(change(asymmetric_answers()), **options)


def test_without_cut_offs_of_one_side_the_error_says_which():
    answers = asymmetric_answers()
    with pytest.raises(OptionError, match="no cut-off for high of basic"):
        penalty_reward(answers[NAMES], answers["overall"], low=2)
