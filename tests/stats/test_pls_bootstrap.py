from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stats_samples import simulate

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_bootstrap import QUANTITIES, change_contributions, decompose_change, pls_bootstrap
from csr_lib.stats.resampling import bca_interval, resample_counts


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


def test_where_most_draws_failed_nothing_is_said(small_model):
    """l1 varies in one row only, of 60; that row is given a weight at which it is hardly ever drawn."""
    answers = simulate(60).assign(l1=5.0)
    answers.loc[0, "l1"] = 6.0
    s = sample(answers, np.r_[1.0, np.full(59, 5.0)], kind="frequency")
    boot = pls_bootstrap(s, small_model, limits=(1, 10), resamples=400, seed=0, groups={"half": np.arange(60) % 2})
    assert 0.30 < boot.failed_share < 0.45  # (1 − 1/296)^296 = .367
    assert np.isfinite(boot.summary("index")["std_error"]).all()
    less = replace(boot, n_failed=201)
    for table in (less.summary("paths"), less.summary("index", interval="bca"), less.group_difference("half", 0, 1)):
        assert np.isfinite(table["estimate"]).all()
        assert table[["std_error", "ci_low", "ci_high"]].isna().all(axis=None)


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


@pytest.mark.parametrize("mode", ["A", "B", "reflective"])
def test_draws_are_within_the_stated_tolerance_of_their_limits(answers, small_model, mode):
    model = replace(small_model, constructs=tuple(replace(c, mode=mode) for c in small_model.constructs))
    near, exact = (bootstrap(answers, model, resamples=300, tolerance=t) for t in (1e-7, 1e-13))
    for quantity in ("weights", "loadings", "paths", "total_effects", "htmt", "r2"):
        np.testing.assert_allclose(near.draws[quantity], exact.draws[quantity], atol=1e-6, err_msg=quantity)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_units_levels_orders_and_rows_of_weight_0_change_no_draw(small_model, seed):
    rng = np.random.default_rng(seed)
    answers, model = simulate(80, seed), small_model
    unit, level = rng.uniform(0.2, 5, 9), rng.normal(0, 20, 9)
    low, high = unit + level, 10 * unit + level
    limits = {c: (a, b) for c, a, b in zip(answers.columns, low, high, strict=True)}
    other = (answers * unit + level)[list(rng.permutation(answers.columns))]
    other.loc[len(other)] = level + 3.0
    weights = np.r_[np.ones(80), 0.0]
    one = pls_bootstrap(sample(answers), model, limits=(1, 10), resamples=30, seed=seed)
    two = pls_bootstrap(sample(other, weights), model, limits=limits, resamples=30, seed=seed)
    for quantity in QUANTITIES:
        np.testing.assert_allclose(one.draws[quantity], two.draws[quantity], atol=1e-5, err_msg=quantity)


@pytest.mark.parametrize("kind", ["sampling", "frequency"])
def test_bca_intervals_are_those_of_a_jackknife_row_by_row(kind, small_model):
    answers, wave = simulate(90), np.where(np.arange(90) < 40, 1, 2)
    w = np.random.default_rng(0).integers(1, 4, 90).astype(float)
    boot = pls_bootstrap(
        sample(answers, w, kind=kind), small_model, limits=(1, 10), resamples=400, seed=1, groups={"wave": wave}, strata="wave"
    )
    replicates = []
    for row in range(90):
        fewer = w.copy()
        fewer[row] = w[row] - 1 if kind == "frequency" else 0
        one = pls(moments(answers, fewer, kind=kind), small_model, limits=(1, 10))
        values = answers[list(small_model.items)]
        before, after = (np.average(values[wave == g], axis=0, weights=fewer[wave == g]) for g in (1, 2))
        replicates.append((one.paths["estimate"], one.index, one.index_of(after) - one.index_of(before)))
    times = w if kind == "frequency" else None
    index = boot.group_index["wave"]
    checks = [
        (boot.summary("paths", interval="bca"), boot.draws["paths"]),
        (boot.summary("index", interval="bca"), boot.draws["index"]),
        (boot.group_difference("wave", 1, 2, interval="bca"), index[:, 1] - index[:, 0]),
    ]
    for (table, draws), left in zip(checks, zip(*replicates, strict=True), strict=True):
        ends = bca_interval(draws, table["estimate"], np.array(left), times=times, strata=wave)
        np.testing.assert_allclose(table[["ci_low", "ci_high"]].T, ends, rtol=1e-5)


def test_bca_contributions_to_a_change_still_belong_to_one_quantity(waves, small_model):
    answers, wave = waves
    boot = bootstrap(answers, small_model, resamples=300, groups={"wave": wave}, strata="wave")
    parts = decompose_change(boot, "wave", "2012", "2013", interval="bca")
    percentile = decompose_change(boot, "wave", "2012", "2013")
    pd.testing.assert_frame_equal(parts.drop(columns=["ci_low", "ci_high"]), percentile.drop(columns=["ci_low", "ci_high"]))
    assert (parts["ci_low"] < parts["ci_high"]).all()
    assert (np.abs(parts["ci_low"] - percentile["ci_low"]) < parts["std_error"]).all()
    table = boot.group_summary("wave", interval="bca")
    assert (table["ci_low"] < table["estimate"]).all()


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
        (lambda b: b.summary("paths", interval="basic"), "unknown interval 'basic'"),
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
