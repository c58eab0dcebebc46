"""Case weights are checked; a survey is raked per wave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from csr_lib.core.errors import DataError
from csr_lib.study import open_study

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
