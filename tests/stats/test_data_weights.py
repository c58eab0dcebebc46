import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.data_weights import component_weights, critic_weights, entropy_weights, loading_weights
from csr_lib.stats.factor import factor_analysis
from csr_lib.stats.moments import moments


def answers(seed, n=40, p=4):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n, 1))
    x = np.clip(np.round(6 + 1.5 * common + rng.standard_normal((n, p)) * np.arange(1, p + 1)), 1, 10)
    return pd.DataFrame(x, columns=list("abcdefgh")[:p])


def every_method(data, weights=None, kind="sampling"):
    m = moments(data, weights, kind=kind)
    return {
        "entropy": entropy_weights(data, weights, kind=kind).weights,
        "min-max": entropy_weights(data, weights, kind=kind, normalise="min_max").weights,
        "critic": critic_weights(m).weights,
        "absolute critic": critic_weights(m, correlation="absolute").weights,
        "components": component_weights(m, definition="absolute").weights,
        "communality": component_weights(m, 2, definition="communality").weights,
    }


@given(st.integers(0, 10_000))
@settings(max_examples=8)
def test_row_and_column_order_do_not_matter_and_weights_sum_to_one(seed):
    data = answers(seed)
    rng = np.random.default_rng(seed)
    moved = data.iloc[rng.permutation(len(data)), rng.permutation(data.shape[1])]
    for (name, one), other in zip(every_method(data).items(), every_method(moved).values(), strict=True):
        pd.testing.assert_series_equal(other[one.index], one, rtol=1e-7, obj=name)
        assert one.sum() == pytest.approx(1)
        assert (one >= 0).all()


@given(st.integers(0, 10_000))
@settings(max_examples=8)
def test_a_frequency_weight_equals_repeated_rows(seed):
    data = answers(seed)
    counts = np.random.default_rng(seed).integers(1, 4, len(data))
    repeated = data.loc[data.index.repeat(counts)].reset_index(drop=True)
    weighted = every_method(data, counts, "frequency")
    for (name, one), other in zip(every_method(repeated).items(), weighted.values(), strict=True):
        pd.testing.assert_series_equal(other, one, rtol=1e-7, obj=name)


def test_the_scale_of_sampling_weights_does_not_matter():
    data = answers(1)
    w = np.random.default_rng(2).uniform(0.5, 2, len(data))
    pd.testing.assert_series_equal(entropy_weights(data, w).weights, entropy_weights(data, 50 * w).weights)
    assert not np.allclose(entropy_weights(data, w).weights, entropy_weights(data).weights)


def test_entropy_knows_no_units_and_min_max_no_zero_point_either():
    data = answers(3)
    scaled, moved = data * [1, 10, 0.1, 5], data * [1, 10, 0.1, 5] + [5, 0, 2, 1]
    np.testing.assert_allclose(entropy_weights(scaled).weights, entropy_weights(data).weights)
    plain, shifted = entropy_weights(data, normalise="min_max"), entropy_weights(moved, normalise="min_max")
    np.testing.assert_allclose(shifted.weights, plain.weights)
    assert not np.allclose(entropy_weights(moved).weights, entropy_weights(data).weights)
    assert plain.options == {"normalise": "min_max", "shift": 0.0}


def test_entropy_by_hand_with_a_zero_and_a_constant_item():
    found = entropy_weights(pd.DataFrame({"a": [0, 1, 1], "b": [2, 2, 2]}))
    assert found.table.entropy.tolist() == pytest.approx([np.log(2) / np.log(3), 1])
    assert found.weights.to_dict() == {"a": 1, "b": 0}


def test_rows_with_holes_are_left_out_and_counted():
    data = answers(4)
    data.iloc[0, 0] = np.nan
    found = entropy_weights(data)
    assert (found.n, found.n_missing) == (39, 1)
    np.testing.assert_allclose(found.weights, entropy_weights(data.iloc[1:]).weights)


def test_critic_by_hand():
    data = pd.DataFrame({"a": [1.0, 2, 3], "b": [1, 3, 2], "c": [6, 2, 4]})  # c = 8 − 2b
    found = critic_weights(moments(data), {"a": (1, 3), "b": (1, 3), "c": (2, 6)})
    # every sd is 1/2 of its range; r_ab = 1/2, r_ac = −1/2, r_bc = −1
    assert found.table.contrast.tolist() == pytest.approx([0.5] * 3)
    assert found.table.conflict.tolist() == pytest.approx([2, 2.5, 3.5])
    assert found.weights.tolist() == pytest.approx([2 / 8, 2.5 / 8, 3.5 / 8])
    assert critic_weights(moments(data), correlation="absolute").table.conflict.tolist() == pytest.approx([1, 0.5, 0.5])


def test_one_component_scores_are_its_eigenvector():
    m = moments(answers(5))
    vector = np.linalg.eigh(m.correlation)[1][:, -1]
    np.testing.assert_allclose(component_weights(m, 1).weights, vector / vector.sum(), rtol=1e-9)


def test_weights_of_rotated_factors_are_named():
    found = loading_weights(factor_analysis(moments(answers(6, 200, 6)), 2, method="minres"), definition="absolute")
    assert found.method == "factors"
    assert found.options == {"definition": "absolute", "number": 2, "extraction": "minres", "rotation": "varimax"}


def test_a_reversed_item_is_named():
    data = answers(7, 200)
    data["b"] = 11 - data["a"] + np.random.default_rng(0).normal(0, 0.3, 200)
    with pytest.raises(AnalysisError, match=r"[ab]: its coefficient .* turn it round"):
        component_weights(moments(data), 1)


FLAT = answers(8).assign(b=3.0)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: entropy_weights(answers(8) - 5), DataError, "values below 0.*min_max"),
        (lambda: entropy_weights(answers(8).assign(a=0)), DataError, "a: all values are 0"),
        (lambda: entropy_weights(FLAT, normalise="min_max"), AnalysisError, "b: all values are the same"),
        (lambda: entropy_weights(FLAT[["b"]]), AnalysisError, "no item varies"),
        (lambda: entropy_weights(FLAT, normalise="z"), OptionError, "normalise"),
        (lambda: entropy_weights(FLAT, shift=np.inf), OptionError, "shift"),
        (lambda: entropy_weights(FLAT.replace(3.0, np.inf)), DataError, "infinite"),
        (lambda: entropy_weights(FLAT.iloc[:1]), AnalysisError, "at least 2"),
        (lambda: entropy_weights(FLAT, -np.ones(40)), DataError, "negative"),
        (lambda: critic_weights(moments(answers(8)[["a"]])), AnalysisError, "two items"),
        (lambda: critic_weights(moments(answers(8)[["a"]].assign(b=lambda d: 2 * d.a))), AnalysisError, "perfectly"),
        (lambda: critic_weights(moments(answers(8)), {"a": (1, 5)}), DataError, "unknown item 'b'"),
        (lambda: critic_weights(moments(answers(8)), [(1, 5)] * 3), DataError, "ranges of shape"),
        (lambda: critic_weights(moments(answers(8)), [(5, 5)] * 4), DataError, "empty range"),
        (lambda: critic_weights(moments(answers(8)), correlation="squared"), OptionError, "conflict"),
        (lambda: component_weights(moments(answers(8)[["a"]])), AnalysisError, "two items"),
        (lambda: component_weights(moments(answers(8)), definition="loading"), OptionError, "definition"),
    ],
)
def test_what_cannot_be_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
