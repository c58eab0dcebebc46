"""Return curves: the level is found where there is one, and refused where there is none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.return_curve import field_phase, return_curve

DAYS = np.arange(0.0, 15)


def grown(form: str, k: float, c: float) -> np.ndarray:
    u = np.exp(-k * DAYS)
    if form == "exponential":
        return 1 - u
    return (1 - u) / (1 + c * u) if form == "logistic" else (np.exp(-c * u) - np.exp(-c)) / (1 - np.exp(-c))


@pytest.mark.parametrize(("form", "k", "c"), [("exponential", 0.2, 0.0), ("logistic", 0.5, 9.0), ("gompertz", 0.35, 3.0)])
def test_the_level_that_counts_were_made_from_is_found(form, k, c):
    counts = 500 * np.diff(grown(form, k, c))
    found = return_curve(counts, form=form)
    assert found.level == pytest.approx(500, abs=0.5)
    assert found.rate == pytest.approx(k, rel=0.01)
    assert found.reached == pytest.approx(counts.sum() / 500, abs=1e-3)


@settings(max_examples=6)
@given(st.integers(0, 10_000), st.floats(0.15, 0.5))
def test_the_interval_holds_the_level_and_no_less_than_came_back(seed, k):
    counts = np.random.default_rng(seed).poisson(300 * np.diff(grown("exponential", k, 0)))
    found = return_curve(counts)
    assert counts.sum() <= found.ci_low <= found.level <= found.ci_high
    assert found.forms["chosen"].sum() == 1


def test_intervals_of_simulated_returns_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    mean = 400 * np.diff(grown("exponential", 0.15, 0))
    outstanding, hits = 400 - mean.sum(), 0
    for _ in range(40):
        counts = rng.poisson(mean)
        found = return_curve(counts, form="exponential", overdispersed=False)
        hits += found.ci_low - counts.sum() <= outstanding <= found.ci_high - counts.sum()
    assert hits >= 33  # 38 expected; fewer than 33 come once in 1,400 runs


@pytest.mark.parametrize(
    ("counts", "phase"),
    [
        ([2, 4, 6, 9, 12, 15, 19, 24], "rising"),
        ([10] * 10, "steady"),
        ([40, 20, 10, 6, 3, 1, 1], "falling"),
        ([30, 5, 1], "short"),
    ],
)
def test_the_phase_of_field_work_is_told_by_the_last_quarter_of_the_days(counts, phase):
    assert field_phase(counts).phase == phase


@pytest.mark.parametrize("counts", [[2, 4, 6, 9, 12, 15, 19, 24], [10] * 10, [30, 5, 1], [1, 0, 1, 0, 0, 0, 0]])
def test_no_level_is_given_while_returns_do_not_fall(counts):
    with pytest.raises(AnalysisError, match="cannot be told"):
        return_curve(counts)


def test_the_phase_counts_the_last_days_against_those_before():
    found = field_phase([10, 10, 10, 10, 10, 10, 10, 10, 4, 4, 4])
    assert (found.last_days, found.rate_end, found.rate_before) == (3, 4.0, 10.0)
    assert found.p_value == pytest.approx(stats.binom.cdf(12, 92, 3 / 11))


def test_a_slow_decline_has_no_upper_limit():
    found = return_curve([30, 30, 29, 29, 28, 28, 24, 23, 22, 21], form="exponential")
    assert math.isinf(found.ci_high)


def test_counts_and_options_that_cannot_be_are_refused():
    with pytest.raises(DataError, match="counts"):
        return_curve([5, -1, 3])
    with pytest.raises(OptionError, match="form"):
        return_curve([40, 20, 10, 6, 3, 1, 1], form="linear")
    with pytest.raises(DataError, match="do not rise"):
        return_curve([40, 20, 10], ends=[1, 1, 2])
