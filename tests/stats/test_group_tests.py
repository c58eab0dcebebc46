"""Tests of groups give R's numbers, with and without weights, and refuse what they cannot compare."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.group_tests import compare_means, compare_shares

R = json.loads((Path(__file__).parents[1] / "conformance" / "group_tests.json").read_text(encoding="utf-8"))
Y, W = np.array(R["y"], dtype=float), np.array(R["w"])
answers = st.lists(st.integers(1, 5), min_size=3, max_size=12).filter(lambda x: len(set(x)) > 1)


@pytest.mark.parametrize("table", ["high", "graded"])
def test_weighted_shares_are_compared_as_svychisq_does(table: str) -> None:
    found = compare_shares((Y >= 4).astype(float) if table == "high" else np.minimum(Y, 3), W)
    assert (found.test, found.effect) == ("rao_scott", "v")
    expected = R["rao_scott"][table]
    assert [found.statistic, found.df, found.df_error, found.p_value] == pytest.approx(expected, rel=1e-9)


def test_shares_without_weights_are_pearsons() -> None:
    found = compare_shares((Y >= 4).astype(float))
    assert [found.statistic, found.p_value] == pytest.approx(R["chi2"], rel=1e-9)
    assert found.effect_size == pytest.approx(math.sqrt(R["chi2"][0] / 60))
    assert found.smallest_expected == pytest.approx(9)


@pytest.mark.parametrize(("test", "name"), [("welch", "welch_anova"), ("equal", "anova"), ("ranks", "kruskal")])
def test_three_groups_are_compared_as_r_does(test: str, name: str) -> None:
    found = compare_means(Y, test=test)  # type: ignore[arg-type]
    got = {"welch_anova": [found.statistic, found.df, found.df_error, found.p_value]}.get(name, [found.statistic, found.p_value])
    assert found.test == name
    assert got == pytest.approx(R[name], rel=1e-9)


@pytest.mark.parametrize(("test", "name"), [("welch", "welch"), ("equal", "t")])
def test_two_groups_are_compared_by_t(test: str, name: str) -> None:
    found = compare_means(Y[:2], test=test)  # type: ignore[arg-type]
    assert [found.statistic, found.df, found.p_value] == pytest.approx(R[name], rel=1e-9)
    pooled = math.sqrt((Y[0].var(ddof=1) + Y[1].var(ddof=1)) / 2)
    assert found.effect_size == pytest.approx((Y[0].mean() - Y[1].mean()) / pooled)


@given(st.lists(answers, min_size=2, max_size=4), st.floats(0.5, 5))
def test_equal_weights_change_nothing(groups: list[list[int]], weight: float) -> None:
    plain = compare_means(groups)
    weighted = compare_means(groups, [np.full(len(g), weight) for g in groups])
    assert weighted.p_value == pytest.approx(plain.p_value, nan_ok=True)
    assert weighted.effect_size == pytest.approx(plain.effect_size, nan_ok=True)


@given(st.lists(answers, min_size=2, max_size=3), st.integers(1, 3))
def test_frequency_weights_are_repeated_rows(groups: list[list[int]], times: int) -> None:
    weights = [np.arange(len(g)) % times + 1 for g in groups]
    repeated = [np.repeat(g, w) for g, w in zip(groups, weights, strict=True)]
    for compare in (compare_means, compare_shares):
        a, b = compare(groups, weights, kind="frequency"), compare(repeated)
        assert [a.statistic, a.p_value, a.n] == pytest.approx([b.statistic, b.p_value, b.n], nan_ok=True)


@given(st.lists(answers, min_size=2, max_size=4))
def test_ranks_are_scipys(groups: list[list[int]]) -> None:
    found = compare_means(groups, test="ranks")
    assert [found.statistic, found.p_value] == pytest.approx(list(stats.kruskal(*groups)), abs=1e-9)
    assert found.effect_size_ci_low <= found.effect_size + 1e-9


def test_groups_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(AnalysisError, match="groups of"):
        compare_means([[1, 2, 3], [4]])
    with pytest.raises(AnalysisError, match="no answers"):
        compare_shares([[1, 0], [np.nan]])
    with pytest.raises(OptionError, match="sampling weights"):
        compare_means(Y, W, test="ranks")
    with pytest.raises(OptionError, match="welsh"):
        compare_means(Y, test="welsh")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="infinite"):
        compare_means([[1, np.inf], [1, 2]])


def test_groups_that_do_not_vary_have_no_test() -> None:
    assert math.isnan(compare_means([[3, 3], [3, 3]]).p_value)
    assert math.isnan(compare_shares([[1, 1], [1, 1]]).p_value)
