"""The example studies: made again byte for byte, like real surveys, and true to what was published."""

import codecs
import importlib.util
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from csr_lib.stats.moments import moments
from csr_lib.stats.pls import PLSResult, pls
from csr_lib.study import Survey, open_study

DATA = Path(__file__).parents[2] / "data"
#: Figures of the others stand in test_example_<study>.py.
FIRST = ("power", "software", "mobile")
STUDIES = (*FIRST, "bank", "tobacco", "directory", "loyalty", "broadband", "steel")


@cache
def survey(name: str) -> Survey:
    return open_study(DATA / name / "study.yml")


@cache
def loaded(name: str, file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DATA / name / file).read_text(encoding="utf-8"))
    return content


def generator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"make_{name}", DATA / name / "make_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", STUDIES)
def test_the_generator_makes_the_same_bytes_again(name: str, tmp_path: Path) -> None:
    generator(name).main(tmp_path)
    made = {file.name for file in tmp_path.iterdir()}
    assert {"answers.csv", "truth.yml"} | {f.name for f in (DATA / name).glob("*.csv")} == made
    for file in made:
        assert (tmp_path / file).read_bytes() == (DATA / name / file).read_bytes(), file


@pytest.mark.parametrize("name", STUDIES)
def test_excel_will_show_the_chinese_in_the_answers(name: str) -> None:
    content = (DATA / name / "answers.csv").read_bytes()
    assert content.startswith(codecs.BOM_UTF8)
    content.decode("utf-8-sig")


@pytest.mark.parametrize("name", STUDIES)
def test_every_report_says_that_the_answers_are_simulated(name: str) -> None:
    study = survey(name).study
    assert study.simulated
    assert "模拟" in study.source["zh"]
    assert "imulated" in study.source["en"]


# ---- published figures


def share_satisfied(wave: str) -> float:
    overall = survey("power").wave(wave).outcome("satisfaction").dropna()
    return float((overall >= 4).mean())


def lowest_services() -> list[str]:
    return list(survey("power").ratings("perception").mean().nsmallest(5).index)


def dimensions_by_importance(role: str, first: int) -> list[str]:
    study, means = survey("software").study, survey("software").role(role).ratings("importance").mean()
    by_dimension = pd.Series({name: means[list(entry.indicators)].mean() for name, entry in study.constructs.items()})
    return list(by_dimension.nlargest(first).index)


def largest_shortfalls() -> list[str]:
    customers = survey("software").role("customer")
    gap = customers.ratings("perception") - customers.ratings("expectation")
    return list(gap.mean().nsmallest(5).index)


@cache
def index_model(mode: str = "A") -> tuple[PLSResult, pd.DataFrame, np.ndarray]:
    mobile = survey("mobile")
    model = mobile.study.build_model()
    if mode != "A":
        model = replace(model, constructs=tuple(replace(c, mode=mode) for c in model.constructs))
    ratings = mobile.ratings("perception")[list(model.items)]
    return pls(moments(ratings, mobile.weights), model, limits=(1, 10)), ratings, mobile.weights


def index_of(**where: str) -> float:
    estimate, ratings, weights = index_model()
    here = np.ones(len(ratings), dtype=bool)
    for segment, value in where.items():
        here &= (survey("mobile").frame[segment] == value).to_numpy()
    means = moments(ratings[here], weights[here]).mean
    return float(estimate.index_of(means)[estimate.model.names.index("Satisfaction")])


def rolled_up() -> float:
    shares = survey("mobile").study.rollup.shares
    industries = {"fixed": ("fixed_a", "fixed_b"), "mobile": ("mobile_a", "mobile_b")}
    within = {i: sum(shares["company"][c] * index_of(company=c) for c in group) for i, group in industries.items()}
    return sum(shares["industry"][i] * value for i, value in within.items())


#: study -> figure of published.yml -> how it is computed from the answers, in every way that is meant to give it
FIGURES: dict[str, dict[str, list[Callable[[], Any]]]] = {
    "power": {
        "satisfied_2012": [lambda: share_satisfied("2012")],
        "satisfied_2013": [lambda: share_satisfied("2013")],
        "lowest": [lowest_services],
    },
    "software": {
        "points": [
            lambda: {name: entry.points for name, entry in survey("software").study.constructs.items() if entry.indicators}
        ],
        "customers_first": [lambda: dimensions_by_importance("customer", 2)],
        "company_first": [lambda: dimensions_by_importance("management", 1)],
        "improve": [largest_shortfalls],
    },
    "mobile": {
        "overall": [index_of, rolled_up],
        "fixed": [lambda: index_of(industry="fixed")],
        "mobile": [lambda: index_of(industry="mobile")],
    },
}


@pytest.mark.parametrize("name", FIRST)
def test_every_published_figure_is_held_against_the_answers(name: str) -> None:
    assert FIGURES[name].keys() == loaded(name, "published.yml")["figures"].keys()


@pytest.mark.parametrize(("name", "figure"), [(name, figure) for name, figures in FIGURES.items() for figure in figures])
def test_the_published_figure_comes_out(name: str, figure: str) -> None:
    published = loaded(name, "published.yml")["figures"][figure]
    for compute in FIGURES[name][figure]:
        found = compute()
        if "tolerance" in published:
            assert found == pytest.approx(published["value"], abs=published["tolerance"], rel=0)
        elif not published.get("ordered", True):
            assert set(found) == set(published["value"])
        else:
            assert found == published["value"]


@pytest.mark.parametrize("wave", ["2012", "2013"])
def test_in_each_year_the_same_five_services_are_the_lowest_in_the_same_order(wave: str) -> None:
    ratings = survey("power").wave(wave).ratings("perception")
    for means in (ratings.mean(), ratings.dropna().mean()):
        assert list(means.nsmallest(5).index) == loaded("power", "published.yml")["figures"]["lowest"]["value"]


# ---- known truth


def test_regression_finds_the_weights_of_the_services_again() -> None:
    power = survey("power")
    rows = power.ratings("perception").assign(overall=power.outcome("satisfaction")).dropna()
    standard = (rows - rows.mean()) / rows.std()
    beta = np.linalg.lstsq(standard.drop(columns="overall").to_numpy(), standard["overall"].to_numpy(), rcond=None)[0]
    weights = pd.Series(loaded("power", "truth.yml")["weights"])
    np.testing.assert_allclose(beta, weights, atol=0.10)  # standard errors are near 0.035
    assert np.corrcoef(beta, weights)[0, 1] > 0.75


def test_consistent_pls_finds_the_paths_of_the_index_model_again() -> None:
    found = index_model("reflective")[0].paths.set_index(["source", "target"])["estimate"]
    for path, truth in loaded("mobile", "truth.yml")["paths"].items():
        assert found[tuple(path.split(" -> "))] == pytest.approx(truth, abs=0.09), path


def test_the_third_quarter_is_lower_because_quality_fell() -> None:
    by_wave = {wave: index_of(wave=wave) for wave in survey("mobile").waves}
    assert min(by_wave, key=by_wave.__getitem__) == "2002Q3"
    assert by_wave["2002Q2"] - by_wave["2002Q3"] > 1.5
    assert by_wave["2002Q4"] - by_wave["2002Q3"] > 1.5


# ---- like a real survey


@pytest.mark.parametrize("name", FIRST)
def test_the_answers_look_like_a_real_survey(name: str) -> None:
    customers = survey(name).role("customer") if len(survey(name).roles) > 1 else survey(name)
    ratings = customers.ratings("perception")
    bad = {"COMP1", "COMP2", "COMP3"} & set(ratings)  # high is bad: these lean the other way
    skew = ratings.drop(columns=list(bad)).skew()
    assert (skew < 0).all()
    assert ratings.std().max() / ratings.std().min() > 1.3  # items differ in how far answers spread
    assert 0.005 < ratings.isna().to_numpy().mean() < 0.04
    complete = ratings.notna().all(axis=1)
    assert 0.85 < complete.mean() < 0.99  # those who skip, skip more than one answer
    r = ratings.corr().abs().to_numpy()[np.triu_indices(ratings.shape[1], 1)]
    assert r.max() < 0.85
    assert r.std() > 0.05
    means = ratings.mean()
    assert len(means.round(3).unique()) == len(means)


@pytest.mark.parametrize(("name", "least"), [("power", 8), ("software", 2), ("mobile", 15)])
def test_cleaning_finds_the_careless(name: str, least: int) -> None:
    marks = survey(name).marks
    assert (marks["rule"] == "speeder").sum() >= least
    assert (marks["rule"] == "straight_line").sum() >= least
    excluded = marks.loc[marks["excluded"], "rule"].unique()
    assert set(excluded) <= {"speeder", "duplicate"}
    assert sum(survey(name).source().excluded.values()) / survey(name).source().n_read < 0.03


@pytest.mark.parametrize("name", STUDIES)
def test_what_came_back_is_what_the_study_says(name: str) -> None:
    study = survey(name).study
    answers = pd.read_csv(DATA / name / "answers.csv", dtype=str, encoding="utf-8-sig")
    panel = study.wave is not None and study.wave.panel  # the same people, once in every wave
    answers = answers.drop_duplicates(["id", study.wave.column] if panel else ["id"])
    assert len(answers) == study.sampling.returned
    for wave, counts in study.sampling.per_wave.items():
        assert (answers[study.wave.column] == wave).sum() == counts.returned, wave


def test_case_weights_correct_the_over_sampling() -> None:
    mobile = survey("mobile")
    share = pd.Series(mobile.weights).groupby(mobile.frame["industry"].to_numpy()).sum() / mobile.weights.sum()
    assert share["fixed"] == pytest.approx(0.378, abs=0.01)
    unweighted = (mobile.frame["industry"] == "fixed").mean()
    assert unweighted > 0.45


def test_a_province_is_too_small_to_show_in_some_quarter() -> None:
    groups = survey("mobile").wave("2002Q1").groups("province")
    assert "宁夏" in str(groups.withheld)
    assert not any(group.value == "宁夏" for group in groups.shown)
