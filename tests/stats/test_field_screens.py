"""Missing answers, long strings, identical rows, outliers, and screens for fabricated answers."""

from itertools import groupby

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.stats.careless import longest_string, repeats_another
from csr_lib.stats.fabrication import bursts, evenness
from csr_lib.stats.mahalanobis import mahalanobis
from csr_lib.stats.missingness import little_mcar, missing_patterns

NAN = np.nan


def test_patterns_are_counted_the_most_frequent_first():
    frame = pd.DataFrame({"a": [1, NAN, 1, NAN, 1], "b": [1, 1, 1, NAN, 1]})
    found = missing_patterns(frame)
    assert found["n"].tolist() == [3, 1, 1]
    assert found.loc[0, ["a", "b"]].tolist() == [False, False]
    assert found["missing"].tolist() == [0, 1, 2]
    assert found["share"].sum() == pytest.approx(1)


def test_little_s_test_sees_answers_that_are_missing_because_of_others():
    rng = np.random.default_rng(1)
    x = pd.DataFrame(rng.multivariate_normal([0, 0, 0], 0.5 + 0.5 * np.eye(3), 300), columns=list("abc"))
    by_value, at_random = x.copy(), x.copy()
    by_value.loc[x["a"] > 0.8, "b"] = NAN
    at_random.loc[rng.random(300) < 0.2, "b"] = NAN
    assert little_mcar(by_value).p_value < 1e-6
    assert little_mcar(at_random).p_value > 0.01


def test_little_s_test_says_what_it_cannot_do():
    with pytest.raises(AnalysisError, match="lack the same"):
        little_mcar(pd.DataFrame({"a": [1.0, 2, 3], "b": [2.0, 1, 4]}))
    with pytest.raises(AnalysisError, match="rows for"):
        little_mcar(pd.DataFrame({"a": [1.0, 2, NAN], "b": [2.0, 1, 4], "c": [1.0, 3, 2]}))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20))
def test_the_longest_string_is_the_longest_group(row):
    assert longest_string([row])[0] == max(len(list(g)) for _, g in groupby(row))


def test_a_missing_answer_neither_ends_a_string_nor_counts():
    assert longest_string([[3, NAN, 3, 3, 1], [NAN, NAN, NAN, NAN, NAN]]).tolist() == [3, 0]


def test_rows_that_repeat_an_earlier_one_are_found_unless_they_agree_by_chance():
    ten = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
    line = [4] * 10
    found = repeats_another([ten, line, ten, line, [*ten[:-1], NAN]])
    assert found.tolist() == [-1, -1, 0, -1, -1]
    assert repeats_another([[1, 2], [1, 2]]).tolist() == [-1, -1]
    assert repeats_another([[1, 2], [1, 2]], fewest=2).tolist() == [-1, 0]


def test_a_distance_by_hand_and_rows_with_missing_answers():
    frame = pd.DataFrame({"a": [0.0, 2, 0, 2, 1], "b": [0.0, 0, 2, 2, 1]})  # uncorrelated, variances 1
    assert mahalanobis(frame).squared == pytest.approx([2, 2, 2, 2, 0])
    holes = frame.assign(b=[NAN, 0, 2, 2, 1])
    found = mahalanobis(pd.concat([holes] * 4, ignore_index=True))
    assert found.df[0] == 1
    assert 0 < found.p_value[0] < 1


def test_distances_refuse_columns_that_repeat_each_other():
    with pytest.raises(AnalysisError, match="repeat"):
        mahalanobis(pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [2.0, 4, 6, 8]}))


@given(st.lists(st.integers(1, 5), min_size=5, max_size=60))
def test_evenness_is_the_entropy_and_the_chi_square_test(row):
    found = evenness(row, 5)
    counts = np.bincount(row, minlength=6)[1:]
    assert found.evenness == pytest.approx(stats.entropy(counts) / np.log(5))
    assert (found.chi_square, found.p_value) == pytest.approx(tuple(stats.chisquare(counts)))


def test_evenness_refuses_answers_outside_the_scale():
    with pytest.raises(DataError, match="outside"):
        evenness([0, 3], 5)


def times(seconds: np.ndarray) -> np.ndarray:
    return np.datetime64("2024-03-04T09:00:00") + seconds.astype("timedelta64[s]")


def test_a_burst_is_found_and_even_returns_are_not():
    rng = np.random.default_rng(5)
    even = rng.integers(0, 8 * 3600, 120)
    assert bursts(times(even)).p_value > 0.05
    burst = np.r_[even[:90], 3600 * 3 + rng.integers(0, 120, 30)]
    found = bursts(times(burst), minutes=5)
    assert found.most >= 30
    assert found.p_value < 0.01


def test_times_to_the_second_that_coincide_are_counted():
    same = np.r_[np.arange(0, 40) * 700, [700, 700, 1400]]
    found = bursts(times(same))
    assert (found.same_time, found.n) == (3, 43)


def test_days_without_a_time_of_day_tell_nothing_about_bursts():
    with pytest.raises(AnalysisError, match="time of day"):
        bursts(np.repeat(np.array(["2024-03-04", "2024-03-05"], dtype="datetime64[s]"), 10))
