"""Little's test, Mahalanobis distances and return curves are those of R (field_work.md)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from csr_lib.stats.fabrication import evenness
from csr_lib.stats.mahalanobis import mahalanobis
from csr_lib.stats.missingness import little_mcar
from csr_lib.stats.return_curve import return_curve

FIGURES = json.loads((Path(__file__).parent / "field_work.json").read_text(encoding="utf-8"))


def answers() -> pd.DataFrame:
    """The answers of field_work.md: waves of sine and cosine, every thirteenth or so missing."""
    i, j = np.arange(1, 91)[:, None], np.arange(1, 5)[None, :]
    x = np.round(3 + 1.1 * np.sin(0.37 * i * (j + 1)) + 0.9 * np.cos(0.11 * i) + 0.1 * j, 2)
    i = i.ravel()
    x[(i * 7) % 13 == 0, 1] = np.nan
    x[(i * 5) % 17 == 1, 2] = np.nan
    x[np.ix_(i % 23 == 4, [1, 2])] = np.nan
    return pd.DataFrame(x, columns=["x1", "x2", "x3", "x4"])


def test_little_s_test_is_that_of_moments_by_em_in_r():
    found, figures = little_mcar(answers()), FIGURES["little"]
    assert (found.df, found.patterns) == (figures["df"], figures["patterns"])
    assert found.statistic == pytest.approx(figures["statistic"], rel=1e-6)
    assert found.p_value == pytest.approx(figures["p_value"], rel=1e-5)


def test_mahalanobis_distances_of_complete_rows_are_those_of_r():
    found = mahalanobis(answers().dropna())
    assert found.squared[:6] == pytest.approx(FIGURES["mahalanobis"], rel=1e-9)


def test_evenness_is_the_chi_square_test_of_equal_shares():
    assert evenness([1, 1, 2, 3, 3, 3, 4, 5, 5, 2, 2, 1], 5).chi_square == pytest.approx(FIGURES["evenness"], rel=1e-9)


@pytest.mark.parametrize("figures", FIGURES["curves"], ids=lambda f: f["form"])
def test_level_of_returns_and_its_interval_are_those_of_a_profile_likelihood_in_r(figures):
    found = return_curve(figures["counts"], form=figures["form"], overdispersed=False)
    ours = (found.level, found.ci_low, found.ci_high, found.forms["log_likelihood"][0])
    assert ours == pytest.approx([figures[k] for k in ("level", "ci_low", "ci_high", "log_likelihood")], rel=1e-6)
