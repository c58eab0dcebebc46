"""Correlations of pairs: agreement with pingouin, and what they promise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csr_lib.stats.correlation import correlations, fisher_interval

RNG = np.random.default_rng(20261122)


def answers(n: int = 60) -> pd.DataFrame:
    x = RNG.normal(size=(n, 3)) @ np.array([[1, 0.5, 0.1], [0, 1, 0.4], [0, 0, 1]])
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    frame.iloc[:7, 1] = np.nan
    return frame


def test_pairs_agree_with_pingouin() -> None:
    frame = answers()
    found = correlations(frame)
    expected = pg.pairwise_corr(frame, padjust="holm", nan_policy="pairwise")
    assert found["n"].tolist() == expected["n"].tolist() == [53, 60, 53]
    assert found["estimate"].to_numpy() == pytest.approx(expected["r"].to_numpy(), abs=1e-12)
    assert found["p_value"].to_numpy() == pytest.approx(expected["p_unc"].to_numpy(), rel=1e-9)
    assert found["p_adjusted"].to_numpy() == pytest.approx(expected["p_corr"].to_numpy(), rel=1e-9)
    one = pg.corr(frame["a"], frame["c"])["CI95"].iloc[0]
    assert fisher_interval(found["estimate"][1], 60) == pytest.approx(tuple(one), abs=0.005)  # printed to two decimals


def test_frequency_weights_are_repeated_rows() -> None:
    frame, times = answers(20).fillna(0.0), RNG.integers(0, 4, 20)
    repeated = frame.loc[frame.index.repeat(times)].reset_index(drop=True)
    pd.testing.assert_frame_equal(correlations(frame, times, kind="frequency"), correlations(repeated), check_dtype=False)


def test_a_pair_that_cannot_be_judged_has_no_estimate_and_no_n() -> None:
    frame = answers(8).assign(c=3.0)
    found = correlations(frame, at_least=4).set_index(["one", "other"])
    assert found["estimate"].isna().all()  # a and b share one row, and c does not vary
    assert (found["n"] == 0).all()


@given(r=st.floats(-0.999, 0.999), n=st.integers(4, 5000))
def test_the_interval_holds_the_estimate_and_shrinks_with_n(r: float, n: int) -> None:
    low, high = fisher_interval(r, n)
    wide = fisher_interval(r, n, 0.99)
    assert -1 <= wide[0] <= low <= r + 1e-12
    assert r - 1e-12 <= high <= wide[1] <= 1
    more = fisher_interval(r, 4 * n)
    assert more[1] - more[0] <= high - low


def test_no_interval_for_three_or_a_perfect_correlation() -> None:
    assert all(math.isnan(v) for v in (*fisher_interval(0.5, 3), *fisher_interval(1.0, 50), *fisher_interval(math.nan, 50)))
