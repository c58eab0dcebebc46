import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.case_weights import design_effect, effective_n, trim_weights

WEIGHTS = st.lists(st.floats(0.01, 100), min_size=2, max_size=40)


def test_effective_n_and_design_effect_by_hand():
    assert effective_n([1, 1, 2]) == pytest.approx(16 / 6)
    assert design_effect([1, 1, 2]) == pytest.approx(3 * 6 / 16)
    assert design_effect([1, 1, 2, 0]) == pytest.approx(3 * 6 / 16)


@given(WEIGHTS, st.floats(0.001, 1000))
@settings(max_examples=25)
def test_the_design_effect_is_one_plus_the_squared_variation_whatever_the_scale(weights, scale):
    w = np.array(weights)
    assert design_effect(w * scale) == pytest.approx(1 + w.var() / w.mean() ** 2, rel=1e-9)
    assert effective_n(w) <= len(w) * (1 + 1e-12)


@given(WEIGHTS, st.floats(1.05, 5), st.sampled_from(["proportional", "equal"]))
@settings(max_examples=25)
def test_trimming_keeps_the_sum_and_the_limit_and_never_costs_effective_n(weights, limit, spread):
    w = np.array(weights)
    cut = trim_weights(w, limit, spread=spread)
    assert cut.sum() == pytest.approx(w.sum())
    assert cut.max() <= limit * w.mean() * (1 + 1e-9)
    assert effective_n(cut) >= effective_n(w) * (1 - 1e-9)
    assert (cut[w.argsort()][1:] >= cut[w.argsort()][:-1] - 1e-9).all()


def test_weights_of_zero_stay_zero():
    assert trim_weights([0, 1, 1, 1, 9], 2, spread="equal").tolist() == [0, 2, 2, 2, 6]


@pytest.mark.parametrize("bad", [[1, -1], [1, np.nan], [1, np.inf], [0, 0], []])
def test_impossible_weights_are_refused(bad):
    with pytest.raises(DataError, match="weights"):
        effective_n(bad)


@pytest.mark.parametrize(("limit", "spread"), [(1, "equal"), (float("nan"), "equal"), (2, "evenly")])
def test_impossible_limits_and_unknown_ways_are_refused(limit, spread):
    with pytest.raises(OptionError):
        trim_weights([1, 2, 3], limit, spread=spread)
