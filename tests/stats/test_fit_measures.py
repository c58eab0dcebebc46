"""Fit measures in the corners: saturated models, perfect fit, models worse than the baseline."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from csr_lib.stats.fit_measures import (
    GroupMoments,
    ModelTest,
    chi2_upper,
    fit_measures,
    goodness,
    incremental,
    residual_measures,
    rmsea,
)

IDENTITY = np.eye(3)


def test_a_saturated_model_fits_perfectly_and_has_no_tests():
    test = ModelTest(0.0, 0, 100.0, 3, 200.0, 1, 6, -500.0, -500.0)
    fit = fit_measures(test, [GroupMoments(200, IDENTITY, IDENTITY)])
    assert [fit[k] for k in ("cfi", "tli", "nfi", "ifi", "gfi", "agfi", "rmsea", "srmr", "mfi")] == [1, 1, 1, 1, 1, 1, 0, 0, 1]
    assert all(math.isnan(fit[k]) for k in ("p_value", "chi2_df", "rmsea_p_close", "hoelter_05"))


def test_a_model_worse_than_the_baseline_gets_no_credit():
    found = incremental(chi2=300, df=10, baseline_chi2=200, baseline_df=15)
    assert found["cfi"] == 0
    assert max(found[k] for k in ("tli", "rfi", "nfi", "rni", "ifi")) < 0


@settings(max_examples=50)
@given(chi2=st.floats(0.1, 2000), df=st.integers(1, 300), n=st.integers(20, 5000), groups=st.integers(1, 4))
def test_the_interval_of_rmsea_is_where_the_noncentral_distribution_says(chi2, df, n, groups):
    found = rmsea(chi2, df, n, groups)
    assert found["rmsea_ci_low"] <= found["rmsea"] + 1e-12
    assert found["rmsea_ci_low"] <= found["rmsea_ci_high"]
    for name, tail in (("rmsea_ci_low", 0.95), ("rmsea_ci_high", 0.05)):
        noncentrality = found[name] ** 2 * n * df / groups
        below = stats.ncx2.cdf(chi2, df, noncentrality) if noncentrality > 0 else stats.chi2.cdf(chi2, df)
        assert below == pytest.approx(tail, abs=1e-6) if noncentrality > 0 else below <= tail
    assert found["rmsea_p_close"] == pytest.approx(stats.ncx2.sf(chi2, df, n * df * 0.05**2 / groups), abs=1e-8)


def test_a_scaled_chi2_gives_back_the_unscaled_noncentrality():
    assert rmsea(100 / 1.25, 20, 300, scaling=1.25)["rmsea"] == pytest.approx(math.sqrt((100 - 1.25 * 20) / (300 * 20)))


def test_residuals_of_groups_are_weighted_by_their_size():
    off = IDENTITY + 0.1 * (1 - IDENTITY)
    one = residual_measures([GroupMoments(100, off, IDENTITY)])
    both = residual_measures([GroupMoments(100, off, IDENTITY), GroupMoments(300, IDENTITY, IDENTITY)])
    assert one["crmr"] == pytest.approx(0.1)
    assert one["srmr"] == pytest.approx(0.1 * math.sqrt(3 / 6))
    assert both["srmr"] == pytest.approx(one["srmr"] / 4)


def test_residuals_of_means_count_where_means_are_modelled():
    group = GroupMoments(100, IDENTITY, IDENTITY, np.array([0.3, 0, 0]), np.zeros(3))
    found = residual_measures([group])
    assert found["srmr"] == pytest.approx(math.sqrt(0.09 / 9))
    assert found["srmr_nomean"] == 0
    assert goodness([group]) < 1


def test_chi2_tail_without_degrees_of_freedom_does_not_exist():
    assert math.isnan(chi2_upper(3.0, 0))
    assert chi2_upper(3.841458820694124, 1) == pytest.approx(0.05)
