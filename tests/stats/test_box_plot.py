"""Box plots: quartiles as in R, weights as repeated rows, fences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError
from csr_lib.stats.box_plot import box, quantiles

GRADES = st.lists(st.integers(1, 9), min_size=2, max_size=40)


def test_quartiles_whiskers_and_outliers_of_a_known_sample() -> None:
    found = box([1, 5, 6, 6, 7, 7, 8, 20, np.nan])  # R: quantile(type = 7) and boxplot.stats(coef = 1.5)
    assert (found.q1, found.median, found.q3) == (5.75, 6.5, 7.25)
    assert (found.whisker_low, found.whisker_high) == (5, 8)
    assert found.outlying.tolist() == [True, False, False, False, False, False, False, True, False]
    assert (found.n, found.n_missing) == (8, 1)


@settings(max_examples=60)
@given(GRADES, st.data())
def test_frequency_weights_are_repeated_rows(values: list[int], data: st.DataObject) -> None:
    times = data.draw(st.lists(st.integers(1, 4), min_size=len(values), max_size=len(values)))
    weighted = quantiles(values, (0.25, 0.5, 0.75), times, kind="frequency")
    assert weighted == pytest.approx(np.quantile(np.repeat(values, times), (0.25, 0.5, 0.75)))


@settings(max_examples=60)
@given(GRADES, st.floats(0.01, 50))
def test_equal_sampling_weights_change_nothing(values: list[int], weight: float) -> None:
    weighted = quantiles(values, (0.1, 0.5, 0.9), np.full(len(values), weight))
    assert weighted == pytest.approx(np.quantile(values, (0.1, 0.5, 0.9)))


def test_a_box_of_nothing_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no values"):
        box([np.nan, np.nan])
