"""Overview: known answers by hand and scipy; the weakest link, groups withheld, open answers quoted safely; bad input refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

import csr_lib as csr
from csr_lib.analyses.overview import feeds
from csr_lib.analyses.overview.verbatims import keywords_of, masked
from csr_lib.core.errors import AnalysisError, CsrError, OptionError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES

DATA = Path(__file__).parents[2] / "data"
ITEMS = ("a", "b", "c")


def answers(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    mood = rng.normal(0, 1, n)
    frame = pd.DataFrame({i: np.clip(np.round(3.4 + 0.3 * k + mood + rng.normal(0, 0.8, n)), 1, 5) for k, i in enumerate(ITEMS)})
    frame = frame.astype(int).assign(overall=np.clip(np.round(3.6 + mood), 1, 5).astype(int), nps=rng.integers(0, 11, n))
    return frame.assign(
        complained=rng.integers(0, 2, n), kind=np.where(np.arange(n) < 25, "x", np.where(np.arange(n) < 57, "y", "z"))
    )


def study(folder: Path, frame: pd.DataFrame, **more: Any) -> csr.Survey:
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "answers.csv", index=False)
    content: dict[str, Any] = {
        "id": "t",
        "title": "T",
        "answers": "answers.csv",
        "scale": {"min": 1, "max": 5},
        "indicators": {i: {"label": {"zh": f"指标{i}", "en": f"Item {i}"}} for i in ITEMS},
        "outcomes": {
            "satisfaction": {"column": "overall", "top": 2},
            "recommendation": "nps",
            "complaint": {"column": "complained", "yes": [1]},
        },
        "segments": {"kind": {"label": "Kind"}},
    }
    file = folder / "study.yml"
    file.write_text(yaml.safe_dump(content | more, allow_unicode=True), encoding="utf-8")
    return csr.open_study(file)


def row(result: Any, table: str, **where: Any) -> pd.Series:
    frame = result.tables[table]
    for key, value in where.items():
        frame = frame[frame[key] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_of_a_panel_everybody_counts_once_and_waves_stand_side_by_side(tmp_path: Path) -> None:
    frame = answers().assign(id=range(60), year="2012")
    later = frame.assign(year="2013", a=frame["a"].clip(upper=4))
    both = pd.concat([frame, later], ignore_index=True)
    survey = study(
        tmp_path, both, respondent="id", wave={"column": "year", "order": ["2012", "2013"], "panel": True}, targets={"a": 90}
    )
    result = csr.overview(survey, weights="equal")
    assert result.basis.n == 60
    assert result.tables["targets"]["wave"].tolist() == ["2013"]  # not "all": the figures are of the latest wave
    index = (later[list(ITEMS)].mean(axis=1).mean() - 1) / 4 * 100
    assert row(result, "index", chosen=True)["estimate"] == pytest.approx(index)
    waves = result.tables["groups"].query("segment == 'wave'")
    assert waves["n"].tolist() == [60, 60]
    assert waves["estimate"].iloc[1] == pytest.approx(index)
    assert "2013" in " ".join(result.findings("en"))


def test_means_scores_and_boxes_are_those_of_the_answers(tmp_path: Path) -> None:
    frame = answers()
    result = csr.overview(study(tmp_path, frame))
    for i in ITEMS:
        got, points = row(result, "indicators", indicator=i), (frame[i] - 1) * 25
        low, high = stats.t.interval(0.95, 59, points.mean(), stats.sem(points))
        assert got[["mean", "estimate", "ci_low", "ci_high"]].tolist() == pytest.approx(
            [frame[i].mean(), points.mean(), low, high]
        )
        assert got[["top_box", "bottom_box"]].tolist() == pytest.approx([(frame[i] >= 4).mean(), (frame[i] <= 2).mean()])
    index = ((frame[list(ITEMS)] - 1) * 25).mean(axis=1)
    assert row(result, "index", weighting="equal")["estimate"] == pytest.approx(index.mean())
    assert row(result, "rates", outcome="satisfied")["estimate"] == pytest.approx((frame["overall"] >= 4).mean())
    assert row(result, "rates", outcome="complaint")["estimate"] == pytest.approx(frame["complained"].mean())
    nps = 100 * ((frame["nps"] >= 9).mean() - (frame["nps"] <= 6).mean())
    assert result.tables["nps"]["estimate"][0] == pytest.approx(nps)


def test_stated_points_weigh_the_index(tmp_path: Path) -> None:
    frame = answers()
    indicators = {i: {"points": p} for i, p in zip(ITEMS, (2, 1, 1), strict=True)}
    result = csr.overview(study(tmp_path, frame, indicators=indicators))
    by_hand = ((frame["a"] * 2 + frame["b"] + frame["c"]) / 4 - 1) * 25
    assert result.weighting == "stated"
    assert row(result, "index", weighting="stated")["estimate"] == pytest.approx(by_hand.mean())
    assert csr.overview(study(tmp_path / "d", frame), weights="derived").weighting == "derived"


def test_the_weakest_link_is_counted_by_hand(tmp_path: Path) -> None:
    frame = answers()
    result = csr.overview(study(tmp_path, frame))
    failed = frame[list(ITEMS)] <= 2
    assert result.one_failure["estimate"] == pytest.approx(failed.any(axis=1).mean())
    y = (frame["overall"] - 1) * 25
    for i in ITEMS:
        got = row(result, "weakest_link", indicator=i)
        test = stats.ttest_ind(y[~failed[i]], y[failed[i]], equal_var=False)
        apart = y[~failed[i]].mean() - y[failed[i]].mean()
        only = (failed[i] & (failed.sum(axis=1) == 1)).mean()
        expected = [failed[i].mean(), only, apart, test.pvalue, failed[i].mean() * apart]
        assert got[["estimate", "only", "difference", "p_value", "harm"]].tolist() == pytest.approx(expected)
    assert result.tables["chain"]["n"].sum() == 60


def test_groups_are_tested_and_small_ones_withheld_with_a_second(tmp_path: Path) -> None:
    frame = answers()
    result = csr.overview(study(tmp_path, frame))
    assert not {"groups", "groups_of_measures", "comparisons"} & set(
        result.tables
    )  # z has 3, and x would show it beside the total
    assert len(result.withheld) == 2
    frame["kind"] = frame["kind"].replace("z", "y")
    result = csr.overview(study(tmp_path / "two", frame), adjust="none")
    index = ((frame[list(ITEMS)] - 1) * 25).mean(axis=1)
    test = stats.ttest_ind(index[frame["kind"] == "x"], index[frame["kind"] == "y"], equal_var=False)
    assert row(result, "comparisons", measure="overall_index")["p_value"] == pytest.approx(test.pvalue)
    table = pd.crosstab(frame["kind"], frame["overall"] >= 4)
    got = row(result, "comparisons", measure="satisfied")
    assert got["p_value"] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_competitors_rated_in_the_same_row_are_paired(tmp_path: Path) -> None:
    frame = answers()
    frame["ra"] = np.clip(frame["b"] - 1, 1, 5)
    indicators: dict[str, Any] = {i: {} for i in ITEMS}
    indicators["a"] = {"competitors": {"Rival": "ra"}}
    got = row(csr.overview(study(tmp_path, frame, indicators=indicators)), "competitors", indicator="a")
    test = stats.ttest_rel(frame["a"], frame["ra"])
    assert got[["difference", "p_value"]].tolist() == pytest.approx([25 * (frame["a"] - frame["ra"]).mean(), test.pvalue])
    assert got["paired"]


def test_a_comparison_says_who_is_compared_where_the_own_score_is_not_the_index(tmp_path: Path) -> None:
    frame = answers()
    frame["ra"] = np.clip(frame["b"] - 1, 1, 5)
    frame.loc[frame["a"] > 3, "ra"] = np.nan  # those who rate the own company high do not know the other
    indicators: dict[str, Any] = {i: {} for i in ITEMS}
    indicators["a"] = {"competitors": {"Rival": "ra"}}
    result = csr.overview(study(tmp_path, frame, indicators=indicators))
    n, index = int((frame["a"] <= 3).sum()), result.headline[0].value
    said = f"Only the {n} respondents who rated both are compared, so the own score differs from the index of {index:.1f}."
    assert any(said in finding for finding in result.findings("en", level="key"))
    assert result.bases["competitors"].n == n
    assert result.table("competitors", "en").note.startswith(f"Note. n = {n};")


def test_brands_in_rows_are_compared_with_those_of_the_same_people(tmp_path: Path) -> None:
    frame = answers(40).assign(id=list(range(20)) * 2, brand=["Us"] * 20 + ["Rival"] * 20)
    survey = study(
        tmp_path, frame, respondent="id", competition={"brand": "brand", "us": "Us", "shares": {"Us": 0.5, "Rival": 0.5}}
    )
    if len(survey.frame) < 40:
        pytest.skip("a respondent is kept once")
    got = row(csr.overview(survey), "competitors", indicator="a")
    test = stats.ttest_rel(frame["a"][:20], frame["a"][20:])
    assert got["p_value"] == pytest.approx(test.pvalue)


def test_open_answers_are_quoted_only_where_asked_and_never_from_withheld_groups(tmp_path: Path) -> None:
    frame = answers()
    frame["said"] = "<script>alert(1)</script> 抢修很慢 slow repair"
    frame.loc[57:, "said"] = "只有我知道的秘密 13912345678"  # group z, which is withheld
    survey = study(tmp_path, frame, verbatims=["said"])
    assert not {"verbatims", "keywords", "quotes"} & set(csr.overview(survey).tables)
    assert "quotes" not in csr.overview(survey, verbatims="keywords").tables
    result = csr.overview(survey, verbatims="quotes")
    assert "秘密" not in result.to_json()
    assert {"抢修", "repair", "slow"} <= set(result.tables["keywords"]["keyword"])
    html = result.table("quotes")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_keywords_leave_out_tags_and_words_without_meaning() -> None:
    assert keywords_of("<b>我们</b>希望 the service is fast") == {"service", "fast"}
    assert masked("call 139 1234 5678 or a.b@c.com") == "call … or …"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"indicators": ["zz"]}, "zz"),
        ({"by": ["knd"]}, "knd"),
        ({"weights": "stated"}, "points"),
        ({"missing_rule": "em"}, "EM"),
        ({"highlight": {"nope": ["1"]}}, "nope"),
        ({"boxes": 0}, "boxes"),
    ],
)
def test_options_that_cannot_be_are_named(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        csr.overview(study(tmp_path, answers()), **options)


def test_a_selection_that_is_too_small_shows_nothing(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="withheld"):
        csr.overview(study(tmp_path, answers()).where(kind="z"))


def test_ratings_that_do_not_vary_fail_a_check_instead_of_a_crash(tmp_path: Path) -> None:
    frame = answers().assign(a=4, overall=4)
    result = csr.overview(study(tmp_path, frame))
    assert any(c.key == "answered_alike" and c.verdict == "fail" for c in result.checks)


def test_ranks_are_refused_under_sampling_weights(tmp_path: Path) -> None:
    frame = answers().assign(w=np.linspace(0.5, 1.5, 60), kind="x")
    frame.loc[30:, "kind"] = "y"
    survey = study(tmp_path, frame, case_weight="w")
    tests = set(csr.overview(survey).tables["comparisons"]["test"])
    assert tests == {"welch", "rao_scott"}
    with pytest.raises(OptionError, match="sampling weights"):
        csr.overview(survey, test="ranks")


@pytest.mark.parametrize("name", ["tobacco", "mobile", "software"])
def test_examples_say_everything_in_both_languages(name: str) -> None:
    survey = csr.open_study(DATA / name / "study.yml")
    assert not feeds(survey.study)
    result: Any = csr.overview(survey)
    again = Result.from_json(result.to_json())
    assert again.to_json() == result.to_json()
    for lang in LANGUAGES:
        said = [*result.findings(lang), *result.findings(lang, level="method"), *(c.sentence(lang) for c in result.checks)]
        assert all(s and "{" not in s for s in said)
        for table in result.tables:
            assert "overview." not in str(result.table(table, lang).title)
        assert result.findings(lang, level="key")
        assert result.findings(lang, level="action")
    groups = next(c for c in result.checks if c.key == "overview_groups")
    assert groups.value == result.tables["groups"]["n"].min()  # what is said of group sizes is what the table shows
    made_of = {c for c, entry in survey.study.constructs.items() if entry.of}
    order = next((f for f in result.found if f.key == "overview_order"), None)
    assert order is None or len(order.values["list"]) == len(set(result.tables["constructs"]["construct"]) - made_of)


def test_a_wave_without_answers_is_an_error() -> None:
    with pytest.raises(CsrError, match="2013-06"):
        csr.open_study(DATA / "tobacco" / "study.yml", wave="2013-06")
