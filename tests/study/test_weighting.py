"""Case weights are checked; raking meets its margins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import DataError
from csr_lib.study import open_study
from csr_lib.study.weighting import rake


def test_independent_margins_give_the_product_of_their_ratios() -> None:
    """By hand: 2×2 with 10 rows per cell, so each margin is 1/2; the solution is the product of wanted over actual."""
    row, column = np.repeat([0, 0, 1, 1], 10), np.repeat([0, 1, 0, 1], 10)
    raked = rake([row, column], [np.array([0.4, 0.6]), np.array([0.3, 0.7])])
    by_hand = np.array([0.4, 0.6])[row] / 0.5 * np.array([0.3, 0.7])[column] / 0.5
    np.testing.assert_allclose(raked.weights, by_hand, rtol=1e-9)
    assert raked.converged
    assert raked.design_effect == pytest.approx(1.04 * 1.16)  # (0.8² + 1.2²)/2 · (0.6² + 1.4²)/2


def test_raking_keeps_the_odds_ratio() -> None:
    """Deming and Stephan: margins change, the association of the cells does not."""
    cells = {(0, 0): 40, (0, 1): 10, (1, 0): 20, (1, 1): 30}
    row = np.concatenate([np.full(n, r) for (r, _), n in cells.items()])
    column = np.concatenate([np.full(n, c) for (_, c), n in cells.items()])
    weights = rake([row, column], [np.array([0.3, 0.7]), np.array([0.55, 0.45])]).weights
    sums = {cell: weights[(row == cell[0]) & (column == cell[1])].sum() for cell in cells}
    assert sums[0, 0] * sums[1, 1] / (sums[0, 1] * sums[1, 0]) == pytest.approx(40 * 30 / (10 * 20))


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(2, 4))
@settings(deadline=None, max_examples=40)
def test_every_margin_is_met_and_weights_are_positive(seed: int, first: int, second: int) -> None:
    rng = np.random.default_rng(seed)
    grid = np.array([(i, j) for i in range(first) for j in range(second)])  # every cell has a row: a solution exists
    rows = np.vstack([grid, rng.integers(0, [first, second], (60, 2))])
    shares = [rng.dirichlet(np.full(k, 5.0)) for k in (first, second)]
    raked = rake([rows[:, 0], rows[:, 1]], shares)
    assert raked.converged
    assert raked.deviation < 1e-7
    assert raked.weights.min() > 0
    assert raked.weights.mean() == pytest.approx(1)


def test_trimmed_weights_stay_below_the_limit_and_say_how_far_off_the_margins_are() -> None:
    place = np.repeat([0, 1], [95, 5])
    raked = rake([place], [np.array([0.5, 0.5])], trim=5)
    assert raked.weights.max() == pytest.approx(5)
    assert raked.weights.mean() == pytest.approx(1)
    assert raked.deviation == pytest.approx(0.25)  # 5 rows of weight 5 are 25 % instead of 50 %


def test_rows_without_a_value_keep_the_weight_of_the_other_margins() -> None:
    place = np.array([0, 0, 0, 1, -1])
    raked = rake([place], [np.array([0.5, 0.5])])
    known = raked.weights[:4]
    assert known[3] == pytest.approx(known[:3].sum())
    assert raked.weights[4] == pytest.approx(1)


STUDY = """\
id: weights
title: Weights
answers: answers.csv
segments: {region: {values: {N: North, S: South}}}
scale: {min: 1, max: 5}
indicators: [a]
"""


def test_a_survey_is_raked_per_wave_and_only_over_customers(folder: Callable[..., Path]) -> None:
    study = STUDY + "wave: w\nrole: who\nweighting: {margins: {region: {N: .5, S: .5}}}\n"
    rows = [("1", "customer", "N")] * 3 + [("1", "customer", "S")] + [("2", "customer", "N"), ("2", "customer", "S")]
    rows += [("1", "staff", "N")]
    answers = "w,who,region,a\n" + "".join(f"{w},{r},{s},3\n" for w, r, s in rows)
    survey = open_study(folder(study, answers__csv=answers))
    np.testing.assert_allclose(survey.weights, [2 / 3] * 3 + [2] + [1, 1] + [1])
    assert survey.weight_kind == "sampling"
    assert set(survey.weighting) == {"1", "2"}
    assert survey.weighting["1"]["design_effect"] == pytest.approx(4 * (3 * 4 / 9 + 4) / 16)


def test_effective_n_is_kishs(folder: Callable[..., Path]) -> None:
    study = STUDY + "case_weight: w\n"
    survey = open_study(folder(study, answers__csv="region,a,w\nN,3,1\nN,4,1\nS,5,2\n"))
    assert survey.n == 3
    assert survey.n_effective == pytest.approx(16 / 6)
    assert survey.basis().n_effective == pytest.approx(16 / 6)
    assert survey.basis(used=np.array([True, True, False])).n_effective == pytest.approx(2)


def test_frequency_weights_count_rows(folder: Callable[..., Path]) -> None:
    study = STUDY + "case_weight: w\nweight_kind: frequency\n"
    survey = open_study(folder(study, answers__csv="region,a,w\nN,3,1\nN,4,0\nS,5,2\n"))
    assert survey.n == survey.n_effective == 3
    assert survey.basis().weights == "frequency"


@pytest.mark.parametrize(
    ("more", "answers", "says"),
    [
        ("case_weight: w", "region,a,w\nN,3,\nS,3,1\n", "have no weight: rows 2"),
        ("case_weight: w", "region,a,w\nN,3,-1\nS,3,1\n", "negative weight: rows 2"),
        ("case_weight: w", "region,a,w\nN,3,0\nS,3,0\n", "all weights are 0"),
        ("case_weight: w", "region,a,w\nN,3,heavy\n", "is no number"),
        ("case_weight: w\nweight_kind: frequency", "region,a,w\nN,3,1.5\n", "no whole number"),
        ("weighting: {margins: {region: {N: .5, S: .5}}}", "region,a\nN,3\nN,4\n", "nobody answered in 'S'"),
        ("weighting: {margins: {region: {N: 1}}}", "region,a\nN,3\nS,4\n", "'S' has no share"),
    ],
)
def test_weights_that_cannot_be_are_errors(folder: Callable[..., Path], more: str, answers: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        open_study(folder(f"{STUDY}{more}\n", answers__csv=answers))
