import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.moments import sample
from csr_lib.stats.resampling import (
    bootstrap_p,
    group_codes,
    holm,
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


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, np.nan, 0.03]), [0.03, 0.06, np.nan, 0.06])
    assert holm([]).shape == (0,)


@settings(max_examples=50, deadline=None)
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
