"""Numbers of periods: control limits and signals, decomposition of a change, leads and lags, waves that share respondents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.control import individual_limits, mean_limits, share_limits, signals
from csr_lib.stats.decomposition import kitagawa
from csr_lib.stats.lead_lag import lead_lag
from csr_lib.stats.waves import count_interval, quantile_interval, wave_difference

# ---- control limits


def test_limits_of_means_are_wider_where_fewer_answered() -> None:
    found = mean_limits([5.0, 6.0, 7.0, 5.0], [2.0, 1.0, 1.0, 2.0], [10, 30, 20, 40], baseline=3)
    centre = (50 + 180 + 140) / 60
    pooled = np.sqrt((9 * 4 + 29 + 19) / 57)
    assert float(found.centre) == pytest.approx(centre)
    assert found.upper.tolist() == pytest.approx([centre + 3 * pooled / np.sqrt(n) for n in (10, 30, 20, 40)])
    assert found.z[3] == pytest.approx((5 - centre) / (pooled / np.sqrt(40)))


def test_laney_widens_the_limits_of_shares_that_vary_more_than_chance() -> None:
    rng = np.random.default_rng(1)
    steady = rng.binomial(4000, 0.3, 200) / 4000
    restless = rng.binomial(4000, np.clip(rng.normal(0.3, 0.05, 200), 0.05, 0.9)) / 4000
    assert float(share_limits(steady, 4000, 200, laney=True).sigma_z) == pytest.approx(1, abs=0.15)
    widened = share_limits(restless, 4000, 200, laney=True)
    assert float(widened.sigma_z) == pytest.approx(np.sqrt(0.05**2 + 0.21 / 4000) / np.sqrt(0.21 / 4000), rel=0.15)
    assert (np.abs(widened.z) > 3).mean() < 0.02 < (np.abs(share_limits(restless, 4000, 200).z) > 3).mean()


def test_single_figures_have_limits_from_their_moving_range() -> None:
    found = individual_limits([10.0, 12.0, 11.0, 13.0], baseline=4)
    assert float(found.upper[0]) == pytest.approx(11.5 + 3 * (5 / 3) / 1.128, rel=1e-3)


def test_a_short_or_broken_baseline_is_refused() -> None:
    with pytest.raises(AnalysisError, match="2 periods for a baseline of 3"):
        mean_limits([1.0, 2.0], [1.0, 1.0], [5, 5], baseline=3)
    with pytest.raises(DataError, match="without a figure"):
        share_limits([0.5, np.nan, 0.5], [10, 10, 10], baseline=3)
    with pytest.raises(DataError, match="fewer than two answers"):
        mean_limits([1.0, 2.0], [1.0, 1.0], [5, 1], baseline=2)


def test_each_rule_signals_at_the_period_that_completes_it() -> None:
    low = signals([0, -2.5, 0.1, -2.2, 0, -3.2], "low")
    assert np.flatnonzero(low["beyond_3"]).tolist() == [5]
    assert np.flatnonzero(low["two_of_three"]).tolist() == [3, 5]
    assert np.flatnonzero(signals([-1.5, -1.2, 0, -1.1, -1.3], "low")["four_of_five"]).tolist() == [4]
    assert np.flatnonzero(signals([-0.1] * 9, "low")["eight_in_row"]).tolist() == [7, 8]
    assert not any(hit.any() for hit in signals([4.0] * 9, "low").values())
    assert not signals([-0.1] * 4 + [np.nan] + [-0.1] * 4, "low")["eight_in_row"].any()


def test_signals_come_by_chance_as_often_as_known() -> None:
    z = np.random.default_rng(2).standard_normal((20_000, 8))
    assert signals(z)["beyond_3"][:, -1].mean() == pytest.approx(2 * stats.norm.sf(3), abs=0.0012)
    assert signals(z)["eight_in_row"][:, -1].mean() == pytest.approx(2 / 2**8, abs=0.002)


# ---- decomposition


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_composition_and_change_within_leave_no_rest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = rng.integers(20, 60, 2)
    x, y = rng.normal(size=n), rng.normal(size=m)
    g, h = (np.r_[[0, 0, 1, 1, 2, 2], rng.integers(0, 3, k - 6)] for k in (n, m))
    w, v = rng.uniform(0.5, 2, n), rng.uniform(0.5, 2, m)
    found = kitagawa((x, y), (g, h), (w, v), resamples=0)
    parts = found.parts.set_index("part")["estimate"]
    assert parts["composition"] + parts["within"] == pytest.approx(parts["change"])
    assert parts["change"] == pytest.approx(np.average(y, weights=v) - np.average(x, weights=w))
    assert found.groups["composition"].sum() == pytest.approx(parts["composition"])


def test_the_interval_of_a_change_is_that_of_two_means_and_narrower_in_a_panel() -> None:
    rng = np.random.default_rng(3)
    person = rng.normal(0, 2, 300)
    x, y = person + rng.normal(0, 1, 300), person + 0.4 + rng.normal(0, 1, 300)
    groups = np.arange(300) % 2
    apart = kitagawa((x, y), (groups, groups), seed=1).parts.set_index("part").loc["change"]
    assert apart["std_error"] == pytest.approx(np.sqrt(x.var() / 300 + y.var() / 300), rel=0.06)
    people = np.arange(300)
    together = kitagawa((x, y), (groups, groups), units=(people, people), seed=1).parts.set_index("part").loc["change"]
    assert together["std_error"] == pytest.approx((y - x).std() / np.sqrt(300), rel=0.06)


def test_frequency_weights_of_a_decomposition_are_repeated_rows() -> None:
    rng = np.random.default_rng(4)
    x, y, g = rng.normal(size=60), rng.normal(size=60), np.arange(60) % 3
    times = np.arange(60) % 4 + 1
    weighted = kitagawa((x, y), (g, g), (times, times), kind="frequency", seed=1).parts
    repeated = kitagawa(*(tuple(np.repeat(v, times) for v in pair) for pair in ((x, y), (g, g))), seed=1).parts
    assert weighted["estimate"].tolist() == pytest.approx(repeated["estimate"].tolist())
    assert weighted["std_error"].tolist() == pytest.approx(repeated["std_error"].tolist(), rel=0.1)


def test_a_group_that_is_missing_in_a_wave_is_named() -> None:
    with pytest.raises(AnalysisError, match="group 'c' has 0 answers before and 3 after"):
        kitagawa(([1.0] * 6, [2.0] * 9), (["a", "b"] * 3, ["a", "b", "c"] * 3))
    with pytest.raises(AnalysisError, match="one group"):
        kitagawa(([1.0] * 6, [2.0] * 6), (["a"] * 6, ["a"] * 6))


# ---- leads and lags


def test_without_trend_and_memory_the_interval_is_pearsons() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=40)
    y = 0.6 * x + rng.normal(size=40)
    got = lead_lag(pd.DataFrame({"x": x}), y, 0, detrend=False).iloc[0]
    known = stats.pearsonr(x, y)
    assert got["estimate"] == pytest.approx(known.statistic)
    assert got["n_effective"] <= 40
    if got["n_effective"] == 40:
        interval = known.confidence_interval()
        assert [got["ci_low"], got["ci_high"]] == pytest.approx([interval.low, interval.high])


def test_the_planted_lag_is_the_best_and_a_shared_trend_is_none() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=30)
    y = np.r_[0, 0, x[:-2]] + rng.normal(0, 0.3, 30)
    trend = np.arange(30) + rng.normal(0, 1, 30)
    found = lead_lag(pd.DataFrame({"ahead": x + np.arange(30), "rising": trend}), y + np.arange(30), 3)
    best = found[found["best"]].set_index("series")
    assert best.loc["ahead", "lag"] == 2
    assert best.loc["ahead", "p_adjusted"] < 0.001
    assert found.query("series == 'rising'")["correlation"].min() > 0.9
    assert found.query("series == 'rising'")["p_adjusted"].min() > 0.05


def test_intervals_of_unrelated_series_hold_zero_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(60):
        noise = rng.normal(size=(18, 9))
        for t in range(1, 18):
            noise[t] += 0.4 * noise[t - 1]
        found = lead_lag(pd.DataFrame(noise[:, :8]), noise[:, 8], 0)
        covered += ((found["ci_low"] < 0) & (found["ci_high"] > 0)).tolist()
    assert np.mean(covered) > 0.91


def test_fewer_than_twelve_periods_tell_nothing() -> None:
    with pytest.raises(AnalysisError, match="11 periods cannot tell"):
        lead_lag(pd.DataFrame({"x": np.arange(12.0)}), [np.nan, *range(11)])
    with pytest.raises(DataError, match="12 and 11"):
        lead_lag(pd.DataFrame({"x": np.arange(12.0)}), range(11))


def test_a_series_that_never_changes_has_no_correlation() -> None:
    found = lead_lag(pd.DataFrame({"x": np.full(14, 0.95)}), np.arange(14.0), 1)
    assert found["estimate"].isna().all()
    assert not found["best"].any()


# ---- waves


def test_a_full_panel_is_the_paired_test_and_none_is_welchs() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=40), rng.normal(0.3, 1, 40)
    y = 0.6 * x + 0.8 * y
    who = np.arange(40)
    paired, known = wave_difference(x, y, who, who), stats.ttest_rel(y, x)
    assert [paired.estimate, paired.p_value] == pytest.approx([(y - x).mean(), known.pvalue])
    assert paired.n_both == 40
    apart = wave_difference(x, y, who, who + 100)
    assert apart.std_error == pytest.approx(np.sqrt(x.var(ddof=1) / 40 + y.var(ddof=1) / 40))


def test_a_partly_shared_panel_keeps_its_level() -> None:
    rng = np.random.default_rng(9)
    hits = 0
    for _ in range(400):
        person = rng.normal(size=90)
        x, y = (person[s] + rng.normal(0, 0.7, 60) for s in (slice(0, 60), slice(30, 90)))
        hits += wave_difference(x, y, np.arange(60), np.arange(30, 90)).p_value < 0.05
    assert 0.025 < hits / 400 < 0.085


def test_a_respondent_twice_in_a_wave_is_an_error() -> None:
    with pytest.raises(DataError, match="twice in one wave"):
        wave_difference([1.0, 2.0], [1.0, 2.0], ["a", "a"], ["a", "b"])


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_quantiles_have_scipys_interval(q: float) -> None:
    x = np.random.default_rng(10).gamma(2, 3, 80)
    known = stats.quantile_test(x, q=np.quantile(x, q), p=q).confidence_interval(0.95)
    estimate, low, high = quantile_interval(x, q)
    assert estimate == pytest.approx(np.quantile(x, q))
    assert [low, high] == pytest.approx([known.low, known.high])


def test_too_few_values_bound_no_high_quantile() -> None:
    assert np.isnan(quantile_interval([1.0, 2.0, 3.0], 0.9)[2])
    assert np.isnan(quantile_interval([], 0.5)).all()


def test_counts_have_the_exact_interval() -> None:
    assert count_interval(10) == pytest.approx((stats.chi2.ppf(0.025, 20) / 2, stats.chi2.ppf(0.975, 22) / 2))
    assert count_interval(0) == pytest.approx((0, -np.log(0.025)))


# ---- many tests


@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("bonferroni", "bonf"), ("fdr", "fdr_bh"), ("none", "none")])
def test_adjusted_p_values_are_pingouins_row_by_row(method: str, theirs: str) -> None:
    import pingouin

    p = np.array([[0.001, 0.2, 0.04, 0.03, 0.9], [0.01, 0.01, 0.5, 0.02, 0.6]])
    found = adjust(p, method)  # type: ignore[arg-type]
    for row, known in zip(found, p, strict=True):
        assert row == pytest.approx(pingouin.multicomp(known, method=theirs)[1])
    gap = adjust(np.insert(p[0], 2, np.nan), method)  # type: ignore[arg-type]
    assert np.isnan(gap[2])
    assert np.delete(gap, 2) == pytest.approx(found[0])


def test_an_unknown_adjustment_is_an_error() -> None:
    with pytest.raises(OptionError, match="unknown adjustment 'sidak'"):
        adjust([0.1], "sidak")  # type: ignore[arg-type]
