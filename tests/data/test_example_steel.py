"""The steel study: what the source says in words holds of the answers and the records; small grades stay hidden."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from csr_lib.analyses.tracking import tracking
from csr_lib.study import Survey, open_study
from csr_lib.study.operations import Records, open_records

FOLDER = Path(__file__).parents[2] / "data" / "steel"
WAVES = ("2011H1", "2011H2", "2012H1", "2012H2", "2013H1", "2013H2")
THEN = ("2012H1", "2012H2", "2013H1", "2013H2")  # before, when, and after wagons ran short


def loaded(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    return content


@cache
def survey() -> Survey:
    return open_study(FOLDER / "study.yml", lang="en")


@cache
def records() -> Records:
    return open_records(survey().study)


@cache
def tracked(wave: str) -> dict[str, pd.DataFrame]:
    found = tracking(survey(), wave=wave, simulations=200, bootstrap=50)
    return {name: found.tables[name] for name in ("warning_levels", "own_limits")}


def half_years() -> np.ndarray:
    time = records().time
    return (time.dt.year.astype(str) + np.where(time.dt.month <= 6, "H1", "H2")).to_numpy()


def regraded() -> bool:
    grade = pd.DataFrame({"id": survey().frame["id"], "wave": survey().codes["wave"].astype(str), "tier": survey().codes["tier"]})
    wide = grade.astype(str).pivot_table(index="id", columns="wave", values="tier", aggfunc="first")
    pairs = [wide[[a, b]].dropna() for a, b in pairwise(WAVES)]
    return all((pair.iloc[:, 0] != pair.iloc[:, 1]).any() for pair in pairs)


def watched() -> dict[str, str]:
    study = survey().study
    assert study.operations is not None
    rules = {name: rule for name, rule in study.warnings.items() if rule.measure in study.operations.metrics}
    for rule in rules.values():
        assert list(rule.tiers) == list(study.segments["tier"].order or ())
        assert all(None not in (levels.yellow, levels.orange, levels.red) for levels in rule.tiers.values())
    return {name: rule.measure for name, rule in rules.items()}


def red_in(wave: str) -> list[str]:
    levels, own = tracked(wave)["warning_levels"], tracked(wave)["own_limits"]
    told = levels[(levels["grade"] == "red") & levels["measure"].isin(["Order", "Transport", "Claims"])]
    limits = own[(own["grade"] == "red") & own["rule"].isin(["orders", "claims"])]
    return sorted({g.partition("=")[2] for g in told["group"]} & set(limits["tier"]))


def directions(values: list[float]) -> list[str]:
    return ["up" if b > a else "down" for a, b in pairwise(values)]


def improved() -> dict[str, list[str]]:
    key = (records().codes["tier"] == "key").to_numpy()
    on_time = [float(np.nanmean(records().values("delivered")[key & (half_years() == w)])) for w in THEN]
    people = survey().where(tier="key")
    items = list(survey().study.constructs["Transport"].indicators)
    felt = [float(people.wave(w).ratings("perception", items).mean(axis=1).mean()) for w in THEN]
    return {"delivered": directions(on_time), "Transport": directions(felt)}


STATEMENTS = {
    "tiers": lambda: list(survey().wave("2013H2").values("tier")),
    "regraded": regraded,
    "watched": watched,
    "warned": lambda: {wave: red_in(wave) for wave in ("2012H2", "2013H2")},
    "improved": improved,
}


def test_every_statement_is_held_against_the_files() -> None:
    assert {*STATEMENTS, "put_right"} == set(loaded("published.yml")["figures"])


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_statement_holds(name: str) -> None:
    assert STATEMENTS[name]() == loaded("published.yml")["figures"][name]["value"]


def test_what_was_raised_is_mostly_put_right() -> None:
    right, answered = loaded("published.yml")["figures"]["put_right"]["value"]
    said = survey().question("put_right").dropna().astype(str)
    assert (said == "1").mean() > right
    assert said.isin(["1", "2"]).mean() > answered


def test_the_question_is_asked_of_those_with_a_claim_before() -> None:
    claims = (records().text["type"] == "claim").to_numpy()
    had = set(zip(half_years()[claims], records().text["customer"].to_numpy()[claims], strict=True))
    before = dict(zip(WAVES[1:], WAVES[:-1], strict=True))
    asked = survey().question("put_right").notna().to_numpy()
    rows = zip(survey().codes["wave"].astype(str), survey().frame["id"].astype(str), asked, strict=True)
    assert all(((before.get(wave), who) in had) == there for wave, who, there in rows)


def test_contribution_is_what_the_records_say() -> None:
    orders = records().text.assign(wave=half_years())
    orders = orders[orders["type"] == "order"].astype({"tonnes": float})
    bought = orders.groupby(["wave", "customer"])["tonnes"].sum()
    rows = pd.MultiIndex.from_arrays([survey().codes["wave"].astype(str), survey().frame["id"].astype(str)])
    assert (bought.reindex(rows, fill_value=0.0).to_numpy() == survey().outcome("contribution").to_numpy()).all()


def test_small_grades_and_industries_stay_hidden() -> None:
    first = survey().wave("2011H1").groups("tier")
    assert {g.value for g in first.shown} == {
        "key",
        "general",
    }  # four strategic customers, and one more that a total would betray
    industries = survey().wave("2013H2").groups("use")
    assert "ship" not in {g.value for g in industries.shown}
    assert len(industries.withheld) == 2


def test_mostly_the_same_customers_answer_again() -> None:
    by_wave = [set(survey().wave(w).frame["id"]) for w in WAVES]
    again = [len(a & b) / len(b) for a, b in pairwise(by_wave)]
    assert min(again) > 0.75
    assert max(again) < 1.0
    wide = pd.DataFrame({w: survey().wave(w).outcome("satisfaction").set_axis(survey().wave(w).frame["id"]) for w in WAVES[-2:]})
    truth = loaded("truth.yml")["correlation_of_what_is_behind_an_answer_with_the_wave_before"]
    assert wide.corr().iloc[0, 1] == pytest.approx(truth, abs=0.12)


def test_records_with_times_going_backwards_are_found() -> None:
    rules = records().faults["rule"].value_counts().to_dict()
    assert rules == {"backwards": loaded("truth.yml")["claims_settled_before_they_came_in"]}
