from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from stats_samples import simulate

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_bootstrap import QUANTITIES, change_contributions, decompose_change, pls_bootstrap
from csr_lib.stats.resampling import resample_counts


@pytest.fixture
def waves(answers):
    wave = np.where(np.arange(len(answers)) < 120, "2012", "2013")
    better = answers.copy()
    better.loc[wave == "2013", ["q1", "q2", "q3"]] = (better.loc[wave == "2013", ["q1", "q2", "q3"]] + 1).clip(upper=10)
    return better, wave


def bootstrap(answers, model, **options):
    return pls_bootstrap(sample(answers, missing=options.pop("missing", "listwise")), model, limits=(1, 10), seed=3, **options)


@pytest.mark.parametrize("mode", ["A", "B", "reflective"])
@pytest.mark.parametrize("scheme", ["path", "factorial", "centroid"])
def test_a_draw_is_the_estimate_on_its_rows(answers, small_model, mode, scheme):
    model = replace(small_model, constructs=tuple(replace(c, mode=mode) for c in small_model.constructs))
    answers = answers[sorted(answers.columns)]  # not in the order of the model
    s = sample(answers)
    boot = pls_bootstrap(s, model, scheme=scheme, limits=(1, 10), resamples=6, seed=3)
    counts = next(iter(resample_counts(s, 6, seed=3))).astype(int)
    for b in range(6):
        rows = answers.iloc[np.repeat(np.arange(len(answers)), counts[b])]
        one = pls(moments(rows), model, scheme=scheme, limits=(1, 10))
        expected = {
            "weights": one.items["weight"],
            "shares": one.items["share"],
            "loadings": one.items["loading"],
            "performance": one.items["performance"],
            "paths": one.paths["estimate"],
            "paths_unstandardised": one.paths["unstandardised"],
            "total_effects": one.effects["total"],
            "total_effects_unstandardised": one.effects["total_unstandardised"],
            "r2": one.constructs["r2"].dropna(),
            "index": one.index,
            "htmt": one.htmt.to_numpy()[np.tril_indices(4, -1)],
            "correlations": one.correlations.to_numpy()[np.tril_indices(4, -1)],
        }
        assert set(expected) == set(QUANTITIES)
        for quantity, values in expected.items():
            np.testing.assert_allclose(boot.draws[quantity][b], values, atol=2e-5, err_msg=quantity)


def test_keys_estimates_and_draws_belong_together(answers, small_model):
    boot = bootstrap(answers, small_model, resamples=400)
    for quantity, columns in QUANTITIES.items():
        table = boot.summary(quantity)
        assert tuple(table.columns[: len(columns)]) == columns
        assert len(table) == boot.draws[quantity].shape[1]
        assert (np.abs(table["estimate"] - boot.draws[quantity].mean(axis=0)) < table["std_error"] * 0.7 + 1e-9).all(), quantity
    effect = boot.result.effects.set_index(["source", "target"]).loc[("Image", "Loyalty"), "total"]
    found = boot.summary("total_effects").set_index(["source", "target"]).loc[("Image", "Loyalty")]
    assert found["estimate"] == effect
    assert found["std_error"] == pytest.approx(boot.draws_of("total_effects", "Image", "Loyalty").std(ddof=1))


def test_the_same_seed_gives_the_same_draws(answers, small_model):
    one, other = (bootstrap(answers, small_model, resamples=60) for _ in range(2))
    for quantity in QUANTITIES:
        np.testing.assert_array_equal(one.draws[quantity], other.draws[quantity])


@pytest.mark.parametrize("missing", ["pairwise", "em"])
def test_incomplete_answers_can_be_resampled(holes, small_model, missing):
    boot = bootstrap(holes, small_model, resamples=100, missing=missing)
    assert boot.n_failed == 0
    complete = bootstrap(holes, small_model, resamples=100)
    assert (boot.summary("paths")["std_error"] < complete.summary("paths")["std_error"]).mean() > 0.5


def test_failed_draws_are_counted_and_in_none_of_the_tables(small_model):
    """l1 varies in one row only: a resample without that row has a constant item."""
    answers = simulate(60).assign(l1=5.0)
    answers.loc[0, "l1"] = 6.0
    boot = bootstrap(answers, small_model, resamples=500)
    assert 0.25 < boot.failed_share < 0.50  # (59/60)^60 = .365
    assert len(boot.draws["paths"]) == 500 - boot.n_failed
    assert np.isfinite(boot.draws["total_effects"]).all()


def test_a_bootstrap_without_a_draw_that_works_is_an_error(answers, small_model):
    with pytest.raises(AnalysisError, match="none of the 30 resamples"):
        bootstrap(answers, small_model, resamples=30, max_iterations=1)


def test_draws_are_oriented_like_the_estimate_and_turns_are_counted(small_model):
    """Items of Image that hardly correlate: its composite often comes out the other way round."""
    rng = np.random.default_rng(0)
    answers = simulate(60).assign(**{f"i{k}": rng.integers(1, 11, 60).astype(float) for k in (1, 2, 3)})
    boot = bootstrap(answers, small_model, resamples=400)
    assert boot.flips["Image"] > 0
    estimate = boot.estimates["loadings"][:3]
    assert (boot.draws["loadings"][:, :3] @ estimate > 0).all()
    assert boot.flips["Loyalty"] == 0


def test_groups_share_the_weights_and_make_up_the_whole(waves, small_model):
    answers, wave = waves
    boot = bootstrap(answers, small_model, resamples=200, groups={"wave": wave}, strata="wave")
    assert boot.groups["wave"] == ("2012", "2013")
    n = boot.group_n["wave"]
    assert n.tolist() == [120, 180]
    np.testing.assert_allclose(n @ boot.group_estimate["wave"] / 300, boot.result.index)
    np.testing.assert_allclose(np.einsum("g,bgj->bj", n / 300, boot.group_index["wave"]), boot.draws["index"])
    table = boot.group_summary("wave")
    assert table.columns.to_list() == ["group", "construct", "estimate", "std_error", "ci_low", "ci_high", "n"]
    by_hand = boot.result.index_of(answers[wave == "2013"][list(small_model.items)].mean())
    np.testing.assert_allclose(table.loc[table["group"] == "2013", "estimate"], by_hand)


def test_rows_without_a_label_are_in_no_group(waves, small_model):
    answers, wave = waves
    labels = pd.Series(wave).where(np.arange(300) > 20)
    boot = bootstrap(answers, small_model, resamples=40, groups={"wave": labels})
    assert boot.group_n["wave"].tolist() == [99, 180]


def test_a_change_is_decomposed_exactly_and_to_its_cause(waves, small_model):
    answers, wave = waves
    boot = bootstrap(answers, small_model, resamples=300, groups={"wave": wave}, strata="wave")
    parts = decompose_change(boot, "wave", "2012", "2013")
    difference = boot.group_difference("wave", "2012", "2013").set_index("construct")
    change = difference.loc["Satisfaction", "estimate"]
    assert parts["construct"].to_list() == ["Image", "Quality", "Satisfaction"]
    assert parts["estimate"].sum() == pytest.approx(change)
    np.testing.assert_allclose(parts["estimate"], parts["effect"] * parts["shift"])
    # only Quality was raised: it alone shifts of itself
    quality = parts.set_index("construct").loc["Quality"]
    assert quality["p_value"] < 0.05
    assert quality["estimate"] == parts["estimate"].max()


def test_contributions_sum_to_the_change_for_any_numbers(small_model, answers):
    plan = pls(moments(answers), small_model).plan
    rng = np.random.default_rng(0)
    paths, change = rng.normal(size=(50, 4)), rng.normal(size=(50, 4))
    for target in small_model.names:
        _, parts = change_contributions(paths, change, plan, target)
        np.testing.assert_allclose(parts.sum(axis=1), change[:, small_model.names.index(target)])


def test_weights_of_respondents_reach_every_draw(answers, small_model):
    w = np.random.default_rng(0).integers(1, 4, len(answers)).astype(float)
    repeated = bootstrap(answers.loc[answers.index.repeat(w)], small_model, resamples=1500)
    weighted = pls_bootstrap(sample(answers, w, kind="frequency"), small_model, limits=(1, 10), resamples=1500, seed=4)
    for quantity in ("paths", "index", "loadings"):
        one, other = repeated.summary(quantity), weighted.summary(quantity)
        np.testing.assert_allclose(one["estimate"], other["estimate"], atol=1e-9)
        np.testing.assert_allclose(one["std_error"], other["std_error"], rtol=0.12, atol=1e-9)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda b: b.summary("path"), "did you mean 'paths'"),
        (lambda b: b.group_summary("region"), "unknown grouping 'region'"),
        (lambda b: b.group_difference("wave", "2011", "2013"), "unknown group '2011'"),
        (lambda b: b.draws_of("paths", "Loyalty", "Image"), "paths of Loyalty, Image"),
        (lambda b: decompose_change(b, "wave", "2012", "2013", "Value"), "unknown construct 'Value'"),
    ],
)
def test_unknown_names_are_errors(waves, small_model, ask, message):
    answers, wave = waves
    boot = bootstrap(answers, small_model, resamples=20, groups={"wave": wave})
    with pytest.raises(OptionError, match=message):
        ask(boot)
