"""The tobacco study gives every published figure; what does not add up in the source is told in its notes."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from csr_lib.study import Survey, check_study, open_study

TOBACCO = Path(__file__).parents[2] / "data" / "tobacco"
FIGURES: dict[str, dict[str, Any]] = yaml.safe_load((TOBACCO / "published.yml").read_text(encoding="utf-8"))["figures"]
SURVEYS = ("2013-05", "2013-07", "june")


@cache
def survey(which: str = "") -> Survey:
    if which == "june":
        return open_study(TOBACCO / "june.yml")
    found = open_study(TOBACCO / "study.yml")
    return found.wave(which) if which else found


def items(which: str) -> Any:
    return (survey(which).ratings("perception").mean() - 1) / 4 * 100


def counts() -> dict[str, float]:
    study, june = survey().study, survey("june")
    network = june.frame["network"].value_counts()
    profit = [q for q in study.questions if q.startswith("B")]
    other = [*study.outcomes, *(q for q in study.questions if q not in (*profit, *study.verbatims))]
    return {
        "valid_may": survey("2013-05").n,
        "valid_july": survey("2013-07").n,
        "issued": study.sampling.per_wave["2013-05"].issued,
        "satisfaction_items": len(study.indicators),
        "profit_items": len(profit),
        "other_items": len(other),
        "all_items": len(study.indicators) + len(profit) + len(other),
        "open_questions": len(study.verbatims),
        "june": june.n,
        "june_share": june.n / june.study.sampling.population,
        "june_parts": network["town"] / network["rural"],
        "target_satisfaction": study.targets["satisfaction"]["all"],
        "target_supply": study.targets["Supply"]["all"],
    }


OTHERWISE = {"service_above", "supply_lowest", "policy_not_understood", "target_margin"}


def test_every_published_figure_is_held_against_the_answers() -> None:
    assert {*counts(), *OTHERWISE} == {*FIGURES}


@pytest.mark.parametrize("figure", sorted(set(FIGURES) - OTHERWISE))
def test_the_published_figure_comes_out(figure: str) -> None:
    assert counts()[figure] == pytest.approx(FIGURES[figure]["value"], abs=FIGURES[figure].get("tolerance", 0), rel=0)


@pytest.mark.parametrize("which", SURVEYS)
def test_service_is_high_supply_lowest_and_its_policy_not_understood(which: str) -> None:
    means = items(which)
    assert means[["C1", "C2", "C3", "C4", "C5"]].min() > FIGURES["service_above"]["value"]
    assert set(means.nsmallest(5).index) == set(FIGURES["supply_lowest"]["value"])
    low, high = FIGURES["policy_not_understood"]["value"]
    assert low <= (survey(which).question("policy") == "3").mean() < high


def test_what_does_not_add_up_is_told_in_the_notes() -> None:
    for lang in ("zh", "en"):
        notes = survey().study.notes[lang]
        assert all(number in notes for number in ("34", "33", "136", "224", "360", "460", "10%"))
        assert "360" in survey("june").study.notes[lang]
    assert FIGURES["target_margin"]["value"] == 10
    assert FIGURES["all_items"]["printed"] != FIGURES["all_items"]["value"]
    assert sum(FIGURES["june_parts"]["printed"]) != FIGURES["june"]["value"]


@pytest.mark.parametrize("file", ["study.yml", "june.yml"])
def test_the_study_files_are_without_problems(file: str) -> None:
    assert not check_study(TOBACCO / file).problems


def test_june_answers_are_made_again_byte_for_byte(tmp_path: Path) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("make_tobacco", TOBACCO / "make_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(tmp_path)
    assert (tmp_path / "june.csv").read_bytes() == (TOBACCO / "june.csv").read_bytes()


def test_open_answers_carry_what_a_page_must_not_run() -> None:
    written = " ".join(survey().verbatims().stack().dropna())
    assert "<script>" in written
    assert "=SUM" in written
    assert survey().verbatims().stack().nunique() > 40
