"""Run the simulations, write their tables, and hold the claims against them (`make coverage`)."""

import claims
import pytest
import simulate_asymmetry
import simulate_importance
import simulate_means
import simulate_pls
import simulate_quadrants
import simulate_regression
import simulate_reliability
import tally

STUDIES = {
    "pls_composites": lambda: simulate_pls.study("A"),
    "pls_consistent": lambda: simulate_pls.study("reflective"),
    "importance": simulate_importance.study,
    "reliability": simulate_reliability.study,
    "asymmetry": simulate_asymmetry.study,
    "regression": simulate_regression.study,
    "means": simulate_means.study,
}


@pytest.mark.slow
@pytest.mark.parametrize("topic", STUDIES)
def test_intervals_hold_the_truth_as_often_as_they_say(topic):
    table = tally.write(topic, claims.marked(topic, STUDIES[topic]()))
    assert claims.broken(table) == []


@pytest.mark.slow
def test_an_indicator_lies_where_its_share_of_resamples_says():
    table = tally.write("quadrants", simulate_quadrants.study())
    assert claims.miscalibrated(table) == []
