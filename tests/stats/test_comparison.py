import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.comparison import (
    independent_difference,
    mean_interval,
    paired_difference,
    rank_correlation,
    share_interval,
)

RNG = np.random.default_rng(0)
X = RNG.integers(1, 8, 60).astype(float)
Y = np.clip(X + RNG.integers(-2, 4, 60), 1, 9)


def test_the_paired_test_is_scipys():
    found, theirs = paired_difference(X, Y, wilcoxon=True), stats.ttest_rel(X, Y)
    interval = theirs.confidence_interval()
    assert (found.statistic, found.p_value, found.df) == pytest.approx((theirs.statistic, theirs.pvalue, 59))
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
    assert found.wilcoxon_p == pytest.approx(stats.wilcoxon(X, Y).pvalue)
    assert found.estimate == pytest.approx(found.mean_x - found.mean_y)


def test_effect_sizes_of_pairs_are_pingouins():
    pingouin = pytest.importorskip("pingouin")
    found = paired_difference(X, Y)
    assert found.d_av == pytest.approx(pingouin.compute_effsize(X, Y, paired=True))
    assert found.d_z == pytest.approx((X - Y).mean() / (X - Y).std(ddof=1))


def test_the_interval_of_d_z_leaves_two_and_a_half_percent_on_each_side():
    found = paired_difference(X, Y)
    t = found.statistic
    assert stats.nct.sf(t, 59, found.d_z_low * math.sqrt(60)) == pytest.approx(0.025, abs=1e-6)
    assert stats.nct.cdf(t, 59, found.d_z_high * math.sqrt(60)) == pytest.approx(0.025, abs=1e-6)
    assert found.d_av_low / found.d_av == pytest.approx(found.d_z_low / found.d_z)


def test_welchs_test_is_scipys():
    found, theirs = independent_difference(X, Y[:40]), stats.ttest_ind(X, Y[:40], equal_var=False)
    interval = theirs.confidence_interval()
    assert (found.statistic, found.p_value, found.df) == pytest.approx((theirs.statistic, theirs.pvalue, theirs.df))
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
    pingouin = pytest.importorskip("pingouin")
    assert found.d == pytest.approx(pingouin.compute_effsize(X, Y[:40]))


def test_the_mean_and_its_interval_are_scipys():
    found = mean_interval(X)
    interval = stats.ttest_1samp(X, 0).confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
    assert (found.estimate, found.sd, found.n) == pytest.approx((X.mean(), X.std(ddof=1), 60))


def test_wilsons_interval_is_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    found = share_interval(X > 4)
    low, high = proportion.proportion_confint((X > 4).sum(), 60, method="wilson")
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high))
    for extreme in (np.zeros(20), np.ones(20)):
        edge = share_interval(extreme)
        assert 0 <= edge.ci_low < edge.ci_high <= 1


def test_respondents_own_shares_have_wilsons_interval_for_as_many_answers_as_are_as_exact():
    """0, 0, 0, 0.5: mean 1/8 and variance 1/64 of it, so n = (7/64)/(1/64) = 7; statsmodels holds the interval of 7/8 of 7."""
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    found = share_interval([0, 0, 0, 0.5])
    assert (found.ci_low, found.ci_high) == pytest.approx(proportion.proportion_confint(7 / 8, 7, method="wilson"))
    assert found.n == 4


def test_the_weighted_standard_error_by_hand():
    """x = 1, 2, 4 with w = 1, 1, 2: mean 2.75, Σw²(x−m)² = 9.875, so the variance is 3/2·9.875/16."""
    found = mean_interval([1, 2, 4], [1, 1, 2])
    assert found.estimate == pytest.approx(2.75)
    assert found.std_error == pytest.approx(math.sqrt(1.5 * 9.875 / 16))
    assert found.n_effective == pytest.approx(16 / 6)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.floats(0.1, 30))
def test_equal_weights_of_any_size_change_nothing(seed, w):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=20), rng.normal(size=20)
    weights = np.full(20, w)
    plain, weighted = paired_difference(x, y), paired_difference(x, y, weights)
    for name in ("estimate", "std_error", "ci_low", "p_value", "d_z", "d_av_high", "n_effective"):
        assert getattr(weighted, name) == pytest.approx(getattr(plain, name), rel=1e-6)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 4), min_size=12, max_size=12))
def test_frequency_weights_are_repeated_rows(w):
    x, y = X[:12], Y[:12]
    one = paired_difference(x, y, w, kind="frequency")
    other = paired_difference(np.repeat(x, w), np.repeat(y, w))
    for name in ("estimate", "std_error", "p_value", "d_z", "d_av", "n"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9)


@pytest.mark.parametrize("diff", [[1, -2, 3, 3, 2, 4, -1, 2], [1.5, -2, 3, 0.7, 2.2, 4, -1], [0, 1, 1, -2, 0, 3, 4]])
def test_wilcoxon_counts_all_signs_of_few_differences(diff):
    found = paired_difference(diff, np.zeros(len(diff)), wilcoxon=True)
    assert found.wilcoxon_p == pytest.approx(stats.wilcoxon(diff).pvalue)


def test_wilcoxon_repeats_rows_of_frequency_weights():
    w = RNG.integers(1, 4, 60)
    weighted = paired_difference(X, Y, w, kind="frequency", wilcoxon=True)
    assert weighted.wilcoxon_p == pytest.approx(stats.wilcoxon(np.repeat(X - Y, w)).pvalue)


def test_incomplete_pairs_are_left_out_and_counted():
    x = np.r_[X, np.nan, 3]
    y = np.r_[Y, 2, np.nan]
    found = paired_difference(x, y)
    assert found.n_missing == 2
    assert found.p_value == paired_difference(X, Y).p_value


def test_differences_that_are_all_the_same_have_no_test():
    found = paired_difference(X, X + 1)
    assert found.estimate == pytest.approx(-1)
    assert found.ci_low == found.ci_high == -1
    assert np.isnan([found.p_value, found.d_z, found.d_av]).all()


def test_a_single_answer_has_a_mean_and_no_interval():
    found = mean_interval([3.0, np.nan])
    assert (found.estimate, found.n, found.n_missing) == (3, 1, 1)
    assert np.isnan([found.std_error, found.ci_low]).all()


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_exact_p_values_of_few_ranks(method):
    """Five dimensions, two neighbours exchanged: counted over all 120 orders by scipy's own coefficient."""
    a, b = [1, 2, 3, 4, 5], [1, 3, 2, 4, 5]
    coefficient = stats.spearmanr if method == "spearman" else stats.kendalltau
    found = rank_correlation(a, b, method)
    assert found.exact
    assert found.estimate == pytest.approx(coefficient(a, b).statistic)
    everything = [abs(coefficient(a, order).statistic) for order in itertools.permutations(b)]
    assert found.p_value == pytest.approx(np.mean(np.array(everything) >= abs(found.estimate) - 1e-12))


def test_long_rankings_use_scipys_p_value():
    for method, theirs in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        found = rank_correlation(X[:12], Y[:12], method)
        assert not found.exact
        assert found.p_value == pytest.approx(theirs(X[:12], Y[:12]).pvalue)


def test_a_ranking_of_ties_has_no_correlation():
    assert math.isnan(rank_correlation([1, 1, 1, 1], [1, 2, 3, 4]).estimate)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mean_interval([np.nan]), AnalysisError, "no answers"),
        (lambda: paired_difference([1], [2]), AnalysisError, "at least 2"),
        (lambda: independent_difference([1], [2, 3]), AnalysisError, "at least 2"),
        (lambda: rank_correlation([1, 2], [1, 2]), AnalysisError, "at least 3"),
        (lambda: rank_correlation([1, 2, 3], [1, 2]), DataError, "same length"),
        (lambda: paired_difference([1, 2], [1, 2, 3]), DataError, "different lengths"),
        (lambda: share_interval([0, 2]), DataError, "true or false"),
        (lambda: mean_interval([1, np.inf]), DataError, "infinite"),
        (lambda: mean_interval([1, 2], [1, -1]), DataError, "negative"),
        (lambda: mean_interval([1, 2], level=95), OptionError, "confidence level"),
        (lambda: paired_difference([1, 2], [2, 2], [1, 1], wilcoxon=True), OptionError, "no sampling weights"),
        (lambda: rank_correlation([1, 2, 3], [1, 2, 3], "pearson"), OptionError, "unknown rank correlation"),
    ],
)
def test_what_cannot_be_compared_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
