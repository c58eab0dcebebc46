"""Polychoric correlations agree with lavaan, polycor and psych to 1e-6; figures and recipes stand beside this file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ecsi_mobile import reference

from csr_lib.stats._binormal import binormal_cdf
from csr_lib.stats.polychoric import polychoric

R = reference("polychoric")
ITEMS = R["items"]
CLOSE = {"rtol": 0, "atol": 1e-6}


@pytest.fixture(scope="module")
def answers():
    return pd.read_csv(Path(__file__).parent / "polychoric_answers.csv", keep_default_na=False)


def holes(answers):
    gone = np.array([[letter in row for letter in "abcdef"] for row in answers["left_out"]])
    return answers[ITEMS].mask(gone)


def agree(ours, theirs):
    """Correlations of all pairs, and where they are given errors and thresholds, within 1e-6."""
    assert [list(pair) for pair in zip(ours.pairs["item"], ours.pairs["other"], strict=True)] == R["pairs"]
    np.testing.assert_allclose(ours.pairs["estimate"], theirs["correlations"], **CLOSE)
    if "std_errors" in theirs:
        np.testing.assert_allclose(ours.pairs["std_error"], theirs["std_errors"], **CLOSE)
        np.testing.assert_allclose(ours.thresholds["estimate"], theirs["thresholds"], **CLOSE)


def test_complete_answers(answers):
    ours = polychoric(answers[ITEMS])
    agree(ours, R["lavaan"]["complete"])
    np.testing.assert_allclose(ours.pairs["estimate"], R["polycor"], **CLOSE)
    np.testing.assert_allclose(ours.pairs["estimate"], R["psych"], **CLOSE)
    np.testing.assert_allclose(ours.pairs["chi2"], R["chi2"], **CLOSE)


def test_sampling_weights(answers):
    agree(polychoric(answers[ITEMS], answers["weight"]), R["lavaan"]["weighted"])


@pytest.mark.parametrize("missing", ["listwise", "pairwise"])
def test_incomplete_answers(answers, missing):
    agree(polychoric(holes(answers), missing=missing), R["lavaan"][missing])


def test_a_count_put_into_empty_cells(answers):
    ours, whole = polychoric(answers[ITEMS], empty_cell=0.5), polychoric(answers[ITEMS])
    agree(ours, R["lavaan"]["empty_cell_half"])
    changed = ours.pairs["estimate"] != whole.pairs["estimate"]
    assert (changed == (ours.pairs["empty_cells"] > 0)).all()
    assert changed.any()


@pytest.mark.parametrize(("program", "smallest"), [("psych", 1e-10), ("lavaan", 1e-4)])
def test_a_matrix_that_is_not_positive_definite_is_smoothed(answers, program, smallest):
    columns = ITEMS[:3]
    indefinite = replace(polychoric(answers[columns]), correlation=np.array(R["smooth"]["input"]))
    assert not indefinite.positive_definite
    mended = indefinite.smooth(smallest)
    np.testing.assert_allclose(mended.correlation, R["smooth"][program], **CLOSE)
    assert mended.smoothed == pytest.approx(np.abs(mended.correlation - indefinite.correlation).max())


def test_bivariate_normal_probabilities():
    points = {name: np.array(values) for name, values in R["binormal"].items()}
    np.testing.assert_allclose(binormal_cdf(points["h"], points["k"], points["r"]), points["p"], rtol=0, atol=1e-14)
