"""The hotline example: its published figures, the contradictions told in its notes, and its invalid questionnaires."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from csr_lib.study import Survey, open_study

DIRECTORY = Path(__file__).parents[2] / "data" / "directory"
TRAITS = ("place", "sex", "age", "education", "occupation", "income")


@cache
def loaded(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DIRECTORY / file).read_text(encoding="utf-8"))
    return content


@cache
def survey() -> Survey:
    return open_study(DIRECTORY / "study.yml")


def sums() -> pd.DataFrame:
    study, ratings = survey().study, survey().ratings("perception")
    return pd.DataFrame({c: ratings[list(study.leaves(c))].sum(axis=1, skipna=False) for c in ("Attitude", "Quality")})


@cache
def regression() -> tuple[np.ndarray, float]:
    rows = sums().assign(y=survey().outcome("satisfaction")).dropna()
    design = np.column_stack([np.ones(len(rows)), rows[["Attitude", "Quality"]]])
    b = np.linalg.lstsq(design, rows["y"].to_numpy(), rcond=None)[0]
    return b, float(np.corrcoef(design @ b, rows["y"])[0, 1])


def outliers() -> int:
    values = sums().assign(overall=survey().outcome("satisfaction"))
    found = 0
    for trait in TRAITS:
        for _, group in values.groupby(survey().codes[trait].astype(str)):
            low, high = group.quantile(0.25), group.quantile(0.75)
            found += int(((group < low - 1.5 * (high - low)) | (group > high + 1.5 * (high - low))).to_numpy().sum())
    return found


def figures() -> dict[str, object]:
    b, r = regression()
    study = survey().study
    overall = survey().outcome("satisfaction")
    age = survey().frame["age"].astype(float)
    ids = pd.read_csv(DIRECTORY / "answers.csv", dtype=str, encoding="utf-8-sig")["id"]
    return {
        "funnel": [study.sampling.issued, ids.nunique(), int(survey().n)],
        "ages": [age.min(), age.max()],
        "correlation": np.corrcoef(sums().to_numpy().T)[0, 1],
        "multiple_r": r,
        "intercept": b[0],
        "b_attitude": b[1],
        "b_quality": b[2],
        "index": float((overall.mean() - 1) / 4),
        "outliers": outliers(),
    }


def test_every_published_figure_is_held_against_the_answers() -> None:
    assert figures().keys() == loaded("published.yml")["figures"].keys()


@pytest.mark.parametrize("name", loaded("published.yml")["figures"])
def test_the_published_figure_comes_out(name: str) -> None:
    published = loaded("published.yml")["figures"][name]
    assert figures()[name] == pytest.approx(published["value"], abs=published.get("tolerance", 0), rel=0)


def test_the_printed_f_cannot_go_with_the_printed_r() -> None:
    n, k, r2 = 430, 2, 0.596**2
    assert r2 / k / ((1 - r2) / (n - k - 1)) == pytest.approx(117.6, abs=0.05)


def test_no_predictor_correlates_with_satisfaction_as_much_as_was_printed() -> None:
    r = sums().corrwith(survey().outcome("satisfaction"))
    assert (r < regression()[1]).all()
    assert r["Quality"] > r["Attitude"] > 0.4


def test_cleaning_drops_exactly_what_is_not_valid() -> None:
    truth = loaded("truth.yml")["not_valid"]
    dropped = survey().source().excluded
    assert dropped == {
        "duplicate": truth["entered_twice"],
        "speeder": truth["fabricated"],
        "straight_line": truth["straight_line"],
        "contradictions": truth["never_called"],
    }
