"""The broadband study: every published figure, times that go backwards, and the truth found again."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from csr_lib.study import Survey, open_study
from csr_lib.study.operations import Records, open_records

FOLDER = Path(__file__).parents[2] / "data" / "broadband"
BEFORE = tuple(str(m) for m in pd.period_range("2012-01", "2012-12", freq="M"))


@cache
def published() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "published.yml").read_text(encoding="utf-8"))
    return dict(content["figures"])


@cache
def survey() -> Survey:
    return open_study(FOLDER / "study.yml")


@cache
def records() -> Records:
    return open_records(survey().study)


def hours(value: Any) -> float:
    return float(value.total_seconds()) / 3600


def dissatisfied_late() -> float:
    people = survey().wave(list(BEFORE))
    reason = people.question("reason")[people.outcome("satisfaction").to_numpy() <= 2].dropna()
    return float((reason == "1").mean())


def complaints_late() -> float:
    first = records().time.dt.year.to_numpy() == 2012
    about = records().text["about"][first & (records().text["type"] == "complaint").to_numpy()]
    return float((about == "late").mean())


def quality_gap() -> float:
    people, items = survey().wave(list(BEFORE)), list(survey().study.constructs["Quality"].indicators)
    own, rival = (people.ratings(kind, items).mean(axis=1).mean() for kind in ("perception", "competitor:rival"))
    return float(own - rival) / 9 * 100


def fewer_complaints() -> float:
    entry = survey().study.operations.metrics["late_complaints"]
    counted = records().values("late_complaints")[records().time.dt.year.to_numpy() == 2012]
    return 1 - float(entry.target) / (float((counted == 1).sum()) / 12)


@pytest.mark.parametrize("name", ["dissatisfied_late", "complaints_late", "quality_gap", "fewer_complaints"])
def test_a_published_figure_comes_out(name: str) -> None:
    figure = published()[name]
    assert globals()[name]() == pytest.approx(figure["value"], abs=figure["tolerance"])


def test_limits_and_targets_are_as_published() -> None:
    metrics = survey().study.operations.metrics
    assert {name: hours(metrics[name].limit) for name in published()["limits"]["value"]} == pytest.approx(
        published()["limits"]["value"]
    )
    goals = {name: hours(metrics[name].target) for name in ("installation", "repair")}
    assert goals | {"satisfaction": survey().study.targets["satisfaction"]["all"]} == published()["targets"]["value"]


def test_every_published_figure_is_held_against_the_files() -> None:
    assert published().keys() == {
        "dissatisfied_late", "complaints_late", "quality_gap", "fewer_complaints", "limits", "targets",
    }  # fmt: skip


def test_the_notes_tell_what_contradicts_itself() -> None:
    notes = survey().study.notes
    assert "67" in notes["zh"]
    assert "72" in notes["zh"]
    assert "67 hours" in notes["en"]


def test_records_that_go_backwards_are_found() -> None:
    truth = yaml.safe_load((FOLDER / "truth.yml").read_text(encoding="utf-8"))
    rules = records().faults["rule"].value_counts()
    assert rules["backwards"] == truth["records_with_times_going_backwards"]
    assert rules["not_a_time"] == 1


def test_the_kept_rate_is_the_true_one() -> None:
    truth = yaml.safe_load((FOLDER / "truth.yml").read_text(encoding="utf-8"))["kept_rate"]
    month = records().time.dt.to_period("M").astype(str)
    found = pd.Series(records().values("kept")).groupby(month.to_numpy()).mean()
    assert (found - pd.Series(truth)).abs().max() < 0.13  # about three standard errors of a month
