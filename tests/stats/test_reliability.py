import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats.moments import Moments, moments
from csr_lib.stats.reliability import alpha_of, reliability


def test_item_statistics_from_the_answers(answers):
    items = ["q1", "q2", "q3"]
    r = reliability(moments(answers), items)
    data = answers[items]
    assert r.alpha == pytest.approx(1.5 * (1 - data.var().sum() / data.sum(axis=1).var()))
    for row in r.items.itertuples():
        rest = data.drop(columns=row.item).sum(axis=1)
        assert row.item_rest == pytest.approx(np.corrcoef(data[row.item], rest)[0, 1])
        assert row.alpha_if_deleted == pytest.approx(reliability(moments(data.drop(columns=row.item))).alpha)
    assert r.ci_low < r.alpha < r.ci_high


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.floats(0.05, 0.95))
def test_spearman_brown(k, r):
    """Parallel items of correlation r have alpha kr/(1 + (k − 1)r)."""
    R = np.full((k, k), r)
    np.fill_diagonal(R, 1)
    m = Moments.from_correlation([f"x{i}" for i in range(k)], np.zeros(k), np.full(k, 3.0), R, 50)
    found = reliability(m)
    assert found.alpha == pytest.approx(k * r / (1 + (k - 1) * r))
    assert found.standardised == pytest.approx(found.alpha)
    assert found.mean_correlation == pytest.approx(r)


def test_two_items_have_no_alpha_without_one_of_them(answers):
    assert reliability(moments(answers), ["s1", "s2"]).items["alpha_if_deleted"].isna().all()
    assert np.isnan(alpha_of(np.ones((1, 1))))


def test_what_has_no_reliability_is_named(answers):
    m = moments(answers)
    with pytest.raises(AnalysisError, match="at least two items"):
        reliability(m, ["l1"])
    with pytest.raises(AnalysisError, match="does not vary"):
        reliability(moments(np.c_[answers["i1"], -answers["i1"]]))
    with pytest.raises(OptionError, match="confidence level"):
        reliability(m, ["q1", "q2"], level=95)


def test_sampling_weights_widen_the_interval(answers):
    w = np.random.default_rng(0).uniform(0.1, 5, len(answers))
    weighted = reliability(moments(answers, w), ["q1", "q2", "q3"])
    assert weighted.n == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert weighted.n < 300
