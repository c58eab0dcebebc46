import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.moments import sample
from csr_lib.stats.resampling import (
    JACKKNIFE,
    acceleration,
    bca_interval,
    bootstrap_p,
    group_codes,
    holm,
    leave_out,
    percentile_interval,
    resample_counts,
    standard_error,
    summarise,
)


def drawn(s, resamples, seed=0, **options):
    return np.concatenate(list(resample_counts(s, resamples, seed, **options)))


@pytest.fixture
def rows():
    return np.random.default_rng(0).standard_normal((40, 2))


def test_every_resample_has_n_rows_and_the_same_seed_the_same_rows(rows):
    s = sample(rows)
    counts = drawn(s, 300, seed=7)
    assert counts.shape == (300, 40)
    assert (counts.sum(axis=1) == 40).all()
    np.testing.assert_array_equal(counts, drawn(s, 300, seed=7))
    assert (counts != drawn(s, 300, seed=8)).any()


def test_strata_keep_their_number_of_rows(rows):
    codes = np.r_[np.zeros(10), np.ones(25), np.full(5, -1)].astype(int)
    counts = drawn(sample(rows), 200, strata=codes)
    for code, size in ((0, 10), (1, 25), (-1, 5)):
        assert (counts[:, codes == code].sum(axis=1) == size).all()


def test_frequency_weights_draw_as_many_rows_as_they_stand_for(rows):
    w = np.arange(1, 41)
    counts = drawn(sample(rows, w, kind="frequency"), 2000)
    assert (counts.sum(axis=1) == w.sum()).all()
    np.testing.assert_allclose(counts.mean(axis=0), w, rtol=0.05)


def test_frequency_weights_and_repeated_rows_have_the_same_standard_error(rows):
    w = np.random.default_rng(1).integers(1, 5, 40)

    def error(s):
        return standard_error(np.concatenate([s.resampled(c)[0] for c in resample_counts(s, 4000, 1)]))

    weighted, repeated = error(sample(rows, w, kind="frequency")), error(sample(np.repeat(rows, w, axis=0)))
    np.testing.assert_allclose(weighted, repeated, rtol=0.06)


def test_the_standard_error_of_a_mean_is_s_over_root_n(rows):
    s = sample(rows)
    means = np.concatenate([s.resampled(c)[0] for c in resample_counts(s, 5000, 3)])
    np.testing.assert_allclose(standard_error(means), rows.std(axis=0) / np.sqrt(40), rtol=0.04)


def test_failed_draws_are_left_out_up_to_a_half():
    draws = np.random.default_rng(0).standard_normal((400, 2))
    expected = percentile_interval(draws[100:])
    draws[:100] = np.nan
    np.testing.assert_allclose(percentile_interval(draws), expected)
    draws[:250, 1] = np.nan
    low, high = percentile_interval(draws)
    assert np.isfinite([low[0], high[0]]).all()
    assert np.isnan([low[1], high[1]]).all()
    assert summarise([0, 0], draws)["n_failed"].tolist() == [100, 250]


def test_the_interval_is_numpys_percentiles_and_p_goes_with_it():
    draws = np.random.default_rng(0).normal(2.2, 1, size=(2000, 1))
    low, high = percentile_interval(draws, 0.9)
    np.testing.assert_allclose([low[0], high[0]], np.percentile(draws, [5, 95]))
    assert bootstrap_p(draws)[0] == pytest.approx(2 * (1 + (draws <= 0).sum()) / 2001)
    assert bootstrap_p(draws - np.median(draws))[0] > 0.95
    with pytest.raises(OptionError, match="confidence level"):
        percentile_interval(draws, 95)


def jackknife(s, **options):
    left = leave_out(s, **options)
    return left, np.concatenate([s.resampled(c)[0] for c in left.counts()])


def skewness(x):
    d = x - x.mean(axis=0)
    return (d**3).mean(axis=0) / (d**2).mean(axis=0) ** 1.5


def test_the_acceleration_of_a_mean_is_a_sixth_of_its_standardised_skewness(rows):
    left, means = jackknife(sample(rows))
    assert len(means) == 40
    np.testing.assert_allclose(means[3], np.delete(rows, 3, axis=0).mean(axis=0))
    np.testing.assert_allclose(acceleration(means, times=left.times), skewness(rows) / 6 / np.sqrt(40))


def test_a_jackknife_leaves_out_people_not_rows_of_frequency_weights(rows):
    w = np.random.default_rng(1).integers(1, 5, 40)
    left, means = jackknife(sample(rows, w, kind="frequency"))
    repeated = np.repeat(rows, w, axis=0)
    assert left.times.sum() == len(repeated)
    np.testing.assert_allclose(acceleration(means, times=left.times), skewness(repeated) / 6 / np.sqrt(len(repeated)))


def test_a_jackknife_leaves_out_a_respondent_with_his_sampling_weight(rows):
    w = np.linspace(1, 2, 40)
    _, means = jackknife(sample(rows, w))
    np.testing.assert_allclose(means[7], np.average(np.delete(rows, 7, axis=0), axis=0, weights=np.delete(w, 7)))


def test_of_many_rows_groups_are_left_out_which_changes_the_acceleration_little():
    """Sums of 5 exponential answers have skewness 2/√5 = .89, known from 1,000 of them with a standard deviation of about
    2·√(6/1000) = .15; a is skewness/(6√1000), so that 4 of these are .0033."""
    x = np.random.default_rng(0).exponential(size=(5000, 2))
    left, means = jackknife(sample(x))
    assert len(means) == JACKKNIFE
    assert np.bincount(left.order, minlength=5000).tolist() == [1] * 5000
    np.testing.assert_allclose(acceleration(means), skewness(x) / 6 / np.sqrt(5000), atol=0.0033)


def test_the_acceleration_of_a_difference_between_strata_by_hand(rows):
    """a = Σ l³/(6(Σ l²)^1.5) with l = ±(x − mean)/(n − 1) of each stratum."""
    codes = np.repeat([0, 1], [10, 30])
    left = leave_out(sample(rows), strata=codes)
    means = np.concatenate([sample(rows).group_means(codes, counts) for counts in left.counts()])
    parts = [rows[codes == g] for g in (0, 1)]
    signed = np.concatenate([sign * (x - x.mean(axis=0)) / (len(x) - 1) for sign, x in zip((-1, 1), parts, strict=True)])
    expected = (signed**3).sum(axis=0) / (6 * (signed**2).sum(axis=0) ** 1.5)
    np.testing.assert_allclose(acceleration(means[:, 1] - means[:, 0], strata=left.strata), expected)


def test_bca_is_the_percentile_interval_where_draws_and_replicates_are_symmetric():
    z = np.random.default_rng(0).standard_normal((500, 3))
    draws, replicates = np.r_[z, -z], np.r_[z[:20], -z[:20]]
    np.testing.assert_allclose(bca_interval(draws, np.zeros(3), replicates), percentile_interval(draws))


@settings(max_examples=40)
@given(st.floats(0.01, 100), st.floats(-50, 50), st.integers(0, 10**6))
def test_bca_follows_the_unit_and_its_ends_are_ordered(factor, shift, seed):
    rng = np.random.default_rng(seed)
    draws, replicates = rng.gamma(2, size=(200, 2)), rng.gamma(2, size=(30, 2))
    estimate = np.median(draws, axis=0) + 0.1
    low, high = bca_interval(draws, estimate, replicates)
    assert (low <= high).all()
    scaled = bca_interval(factor * draws + shift, factor * estimate + shift, factor * replicates + shift)
    np.testing.assert_allclose(scaled, factor * np.array([low, high]) + shift, rtol=1e-6, atol=1e-6)


def test_bca_needs_half_of_the_draws_and_of_the_replicates():
    rng = np.random.default_rng(0)
    draws, replicates = rng.standard_normal((400, 3)), rng.standard_normal((60, 3))
    whole = bca_interval(draws[150:], np.zeros(3), replicates)
    draws[:150] = np.nan
    np.testing.assert_allclose(bca_interval(draws, np.zeros(3), replicates), whole)
    draws[:250, 0] = np.inf
    replicates[:31, 1] = np.nan
    low, high = bca_interval(draws, np.zeros(3), replicates)
    assert np.isnan([low[:2], high[:2]]).all()
    assert np.isfinite([low[2], high[2]]).all()


def test_bca_of_what_lies_on_one_side_is_not_given_and_of_a_constant_is_the_constant():
    draws = np.abs(np.random.default_rng(0).standard_normal((300, 2)))
    draws[:, 1] = 1.0
    replicates = np.c_[np.arange(30.0), np.ones(30)]
    low, high = bca_interval(draws, [-1.0, 1.0 + 1e-15], replicates)
    assert np.isnan([low[0], high[0]]).all()
    assert (low[1], high[1]) == (1, 1)


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, np.nan, 0.03]), [0.03, 0.06, np.nan, 0.06])
    assert holm([]).shape == (0,)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_helps(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_codes_of_groups():
    codes, labels = group_codes(["b", None, "a", "b"], np.array([True, True, True, False]))
    assert codes.tolist() == [1, -1, 0]
    assert labels == ("a", "b")
    with pytest.raises(DataError, match="labels for 2 rows"):
        group_codes(["a"], np.array([True, True]))


def test_no_resamples_are_an_error(rows):
    with pytest.raises(OptionError, match="resamples"):
        drawn(sample(rows), 0)
