"""Data quality: what is counted, refused and compared; known answers by hand, by scipy or by R."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

import csr_lib as csr
from csr_lib.analyses.data_quality import DataQualityResult, data_quality, feeds
from csr_lib.analyses.data_quality.effect import difference
from csr_lib.analyses.data_quality.pilot import seen_with
from csr_lib.analyses.data_quality.words import rule_label
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.result import Result
from csr_lib.core.text import catalogue
from csr_lib.study import Survey, open_study

DATA = Path(__file__).parents[2] / "data"
ITEMS = ("a", "b", "c", "d")


def answers(n: int = 120, seed: int = 1, days: int = 10) -> pd.DataFrame:
    """Ratings 1–5 of four items and overall satisfaction, two places, returns that fall off from day to day."""
    rng = np.random.default_rng(seed)
    person = rng.normal(0, 0.9, n)
    rated = {k: np.clip(np.rint(3.2 + person + rng.normal(0, 0.8, n)), 1, 5) for k in (*ITEMS, "overall")}
    day = np.sort(np.minimum(np.floor(rng.exponential(2.2, n)), days - 1))
    when = (
        pd.Timestamp("2024-03-04 09:00") + pd.to_timedelta(day, unit="D") + pd.to_timedelta(rng.integers(0, 36_000, n), unit="s")
    )
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(n)], "place": rng.choice(["east", "west"], n)}).assign(**rated)
    return frame.assign(returned=when, seconds=rng.lognormal(5, 0.35, n).round())


def study(folder: Path, frame: pd.DataFrame, **more: Any) -> Survey:
    """Write a study of these answers and open it."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "answers.csv", index=False)
    entry: dict[str, Any] = {
        "id": "sample",
        "title": "Sample",
        "answers": "answers.csv",
        "respondent": "id",
        "segments": {"place": {}},
        "submitted": "returned",
        "seconds": "seconds",
        "scale": {"min": 1, "max": 5},
        "indicators": {i: {} for i in ITEMS},
        "constructs": {"First": {"indicators": ["a", "b"]}, "Second": {"indicators": ["c", "d"]}},
        "outcomes": {"satisfaction": {"column": "overall", "top": 2}},
    }
    entry |= more
    (folder / "study.yml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    return csr.open_study(folder / "study.yml", lang="en")


SAMPLING = {
    "issued": 200,
    "population": 1000,
    "strata": "place",
    "issued_by": {"place": {"east": 100, "west": 100}},
    "quotas": {"place": {"east": 60, "west": 60}},
    "outcomes": {"I": 100, "P": 20, "R": 30, "NC": 30, "O": 0, "UH": 20, "UO": 0, "e": 0.5},
}


def dirty() -> pd.DataFrame:
    """120 good answers; one entered twice, three too fast, four straight lines of 5, one blank."""
    frame = answers()
    fast = frame.iloc[:3].assign(id=["f0", "f1", "f2"], seconds=10.0)
    lines = frame.iloc[3:7].assign(id=[f"l{i}" for i in range(4)], **dict.fromkeys((*ITEMS, "overall"), 5.0))
    blank = frame.iloc[7:8].assign(id="e0", **dict.fromkeys((*ITEMS, "overall"), np.nan))
    return pd.concat([frame, frame.iloc[:1], fast, lines, blank], ignore_index=True)


CLEANING = {"speeder": 30, "straight_line": 1.0, "exclude": ["duplicate", "speeder"]}


def judge(survey: Survey, **options: Any) -> DataQualityResult:
    """Judge with one form of the return curve, which saves time where it does not matter."""
    return data_quality(survey, form="exponential", **options)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return study(tmp_path_factory.mktemp("dirty"), dirty(), sampling=SAMPLING, cleaning=CLEANING)


@pytest.fixture(scope="module")
def result(survey: Survey) -> DataQualityResult:
    return data_quality(survey)


def row(frame: pd.DataFrame, **where: Any) -> pd.Series:
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1, where
    return frame.iloc[0]


# ---- response


def test_the_funnel_counts_a_questionnaire_once_and_leaves_out_blank_ones(result: DataQualityResult) -> None:
    n = result.tables["funnel"].set_index("stage")["n"]
    assert n.to_dict() == {"issued": 200, "returned": 128, "valid": 124}  # 120 + 3 + 4 + 1 came back; 3 fast and 1 blank are out
    assert result.tables["reasons"].set_index("reason")["n"].to_dict() == {"empty": 1, "duplicate": 1, "speeder": 3}


def test_what_cleaning_excluded_is_the_same_number_everywhere(result: DataQualityResult) -> None:
    check = next(c for c in result.checks if c.key == "excluded_share")
    said = next(f for f in result.found if f.key.startswith("dq_cleaned"))
    assert (check.values["n"], check.values["read"], check.values["again"]) == (4, 128, 1)  # of 129 rows
    assert (said.values["dropped"], said.values["read"], said.values["share"]) == (4, 128, pytest.approx(4 / 128))


def test_response_rates_by_group_and_their_test(survey: Survey, result: DataQualityResult) -> None:
    groups = result.tables["funnel_groups"]
    back = groups["returned"].to_numpy()
    assert groups["response"].to_numpy() == pytest.approx(back / 100)
    low, high = stats.binomtest(int(back[0]), 100).proportion_ci(method="wilson")
    assert (groups["response_ci_low"][0], groups["response_ci_high"][0]) == pytest.approx((low, high))
    expected = stats.chi2_contingency(np.column_stack([back, 100 - back]), correction=False)
    assert result.tables["funnel_tests"]["p_value"][0] == pytest.approx(expected.pvalue)


def test_outcome_rates_are_those_of_aapor(result: DataQualityResult) -> None:
    rates = result.tables["rates"].set_index("rate")["estimate"]
    expected = {"RR1": 100 / 200, "RR2": 120 / 200, "RR3": 100 / 190, "RR5": 100 / 180, "REF1": 30 / 200, "CON1": 150 / 200}
    assert {k: rates[k] for k in expected} == pytest.approx(expected)


def test_stated_counts_that_the_file_contradicts_are_told(tmp_path: Path) -> None:
    found = judge(study(tmp_path, answers(60), sampling={"issued": 100, "returned": 75, "valid": 60}))
    check = next(c for c in found.checks if c.key == "dq_counts")
    assert (check.verdict, dict(check.values)["counted"]) == ("warn", 60)


# ---- returns


def test_where_returns_level_off_is_estimated_by_group(result: DataQualityResult) -> None:
    whole = row(result.tables["curves"], segment="all")
    assert whole["level"] >= whole["n"] == 128
    assert whole["level_ci_low"] <= whole["level"] <= whole["level_ci_high"] <= 200
    daily = result.tables["daily"]
    own = daily[daily["segment"] == "all"]
    assert own["n"].sum() == 128
    assert own["fitted"].iloc[-1] == pytest.approx(128)
    assert set(result.tables["curves"]["segment"]) == {"all", "place"}


def test_no_level_while_daily_returns_rise_and_the_report_says_so(tmp_path: Path) -> None:
    frame = answers(110)
    counts = [2, 4, 6, 8, 10, 13, 16, 20, 31]
    days = np.repeat(np.arange(9), counts)
    frame["returned"] = pd.Timestamp("2024-03-04 10:00") + pd.to_timedelta(days, unit="D")
    found = judge(study(tmp_path, frame, sampling={"issued": 300}))
    curve = found.tables["curves"].iloc[0]
    assert (curve["phase"], np.isnan(curve["level"])) == ("rising", True)
    assert any("still rising" in s and "cannot be told" in s for s in found.findings("en", level="key"))
    assert next(c for c in found.checks if c.key == "dq_levelled").verdict == "fail"


def test_a_field_closed_long_before_the_level_fails_and_says_how_much_is_in(tmp_path: Path) -> None:
    frame = answers(110)
    days = np.repeat(np.arange(6), [30, 24, 19, 15, 12, 10])  # each day four fifths of the day before: three quarters are in
    frame["returned"] = pd.Timestamp("2024-03-04 10:00") + pd.to_timedelta(days, unit="D")
    found = judge(study(tmp_path, frame, sampling={"issued": 300}))
    check = next(c for c in found.checks if c.key == "dq_levelled")
    assert check.verdict == "fail"
    assert check.value == pytest.approx(0.74, abs=0.04)
    assert "No more than 7" in check.sentence("en")
    assert "仅收回 7" in check.sentence("zh")


def test_without_times_of_return_there_is_a_reason_and_no_curve(tmp_path: Path) -> None:
    frame = answers(60).drop(columns=["returned", "seconds"])
    found = judge(study(tmp_path, frame, submitted=None, seconds=None))
    assert found.missing["curves"] == "no_times"
    assert "no time of return" in str(found.table("curves", "en"))
    assert "没有提交时间" in str(found.table("curves", "zh"))
    assert "times" not in found.tables


# ---- precision, representation, weights


def test_margins_take_in_the_finite_population(survey: Survey, result: DataQualityResult) -> None:
    found = row(result.tables["precision"], segment="all", measure="satisfied")
    x = survey.frame["overall"].to_numpy() >= 4
    p, n = x.mean(), len(x)
    effective = n * (n - 1) / n / (1 - n / 1000)  # n over the design effect (1 − f)·n/(n − 1)
    low, high = stats.binomtest(int(x.sum()), n).proportion_ci(method="wilson")
    assert found["estimate"] == pytest.approx(100 * p)
    assert found["design_effect"] == pytest.approx(1 - n / 1000)
    assert found["margin"] < 50 * (high - low)
    assert found["margin"] == pytest.approx(196 * np.sqrt(p * (1 - p) / effective), rel=0.02)


def test_a_population_smaller_than_the_sample_is_a_failed_check(tmp_path: Path) -> None:
    found = judge(study(tmp_path, answers(60), sampling={"issued": 100, "population": 40}))
    assert next(c for c in found.checks if c.key == "dq_population").verdict == "fail"
    assert "population" not in found.tables["precision"]


def test_the_sample_is_held_against_its_quotas(survey: Survey, result: DataQualityResult) -> None:
    counts = survey.codes["place"].value_counts().loc[["east", "west"]].to_numpy()
    assert result.tables["representation"]["n"].tolist() == counts.tolist()
    test = result.tables["representation_tests"].iloc[0]
    expected = stats.chisquare(counts)
    assert (test["statistic"], test["p_value"]) == pytest.approx((expected.statistic, expected.pvalue))


def test_a_sample_far_from_the_population_fails_and_trial_weights_mend_it(tmp_path: Path) -> None:
    frame = answers(120)
    frame["place"] = ["east"] * 90 + ["west"] * 30
    found = judge(study(tmp_path, frame, sampling={"issued": 240, "quotas": {"place": {"east": 60, "west": 60}}}))
    check = next(c for c in found.checks if c.key == "dq_representation")
    assert check.verdict == "fail"
    weights = found.tables["weights"].iloc[0]
    # 90 weights of 2/3 and 30 of 2: deff = 120·(90·4/9 + 30·4)/120²
    assert weights["design_effect"] == pytest.approx(160 / 120)
    assert weights["largest"] == pytest.approx(2)
    assert found.tables["raking"]["share"].tolist() == pytest.approx([0.5, 0.5])


def test_raked_weights_are_reported_with_their_margins(tmp_path: Path) -> None:
    weighting = {"margins": {"place": {"east": 0.3, "west": 0.7}}}
    opened = study(tmp_path, answers(80), weighting=weighting)
    found = judge(opened)
    assert found.facts["weights_own"]
    raking = found.tables["raking"].set_index("group")
    assert raking.loc["place=east", "share"] == pytest.approx(0.3)
    assert found.tables["weights"]["n_effective"][0] == pytest.approx(opened.n_effective)


# ---- care


def test_every_rule_marks_and_counts_and_what_only_marks_is_kept(result: DataQualityResult) -> None:
    marks = result.tables["marks"].set_index("rule")
    assert marks["n"].loc[["empty", "duplicate", "speeder"]].tolist() == [1, 1, 3]
    lines = marks.loc["straight_line"]
    assert lines["n"] >= 4
    assert not lines["excluded"]
    assert marks.loc["speeder", "excluded"]
    assert marks.loc["outlier", "origin"] == "screen"
    assert len(result.tables["marked"]) == result.tables["combinations"]["n"].sum()


def test_answers_that_repeat_each_other_are_screened_where_there_are_enough_items(tmp_path: Path) -> None:
    frame = answers(60)
    for i in range(8):
        frame[f"m{i}"] = np.random.default_rng(i).integers(1, 6, 60)
    frame.loc[59, [*ITEMS, *(f"m{i}" for i in range(8))]] = frame.loc[10, [*ITEMS, *(f"m{i}" for i in range(8))]]
    items = {i: {} for i in (*ITEMS, *(f"m{i}" for i in range(8)))}
    found = judge(study(tmp_path, frame, indicators=items, constructs={}))
    assert row(found.tables["marks"], rule="identical")["n"] == 1


def test_form_filling_is_graded_and_never_called_fraud(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    frame = answers(200)
    for item in (*ITEMS, "overall"):
        frame[item] = rng.integers(1, 6, 200)
    found = judge(study(tmp_path, frame))
    grades = found.tables["fabrication"].set_index("indication")["grade"]
    assert {grades[k] for k in ("alpha", "correlation", "evenness")} == {"clear"}
    assert next(c for c in found.checks if c.key == "dq_fabricated").verdict == "fail"
    said = " ".join(found.findings("en") + found.findings("zh"))
    assert "call" in said.lower()
    assert not {"fraud", "faked", "cheat", "造假", "作弊"} & {w for w in ("fraud", "faked", "cheat", "造假", "作弊") if w in said}


def test_answers_from_one_device_are_counted(tmp_path: Path) -> None:
    frame = answers(60).assign(ip=[f"10.0.0.{i}" for i in range(50)] + ["10.9.9.9"] * 10)
    found = judge(study(tmp_path, frame), device="ip")
    device = row(found.tables["fabrication"], indication="device")
    assert (device["value"], device["grade"]) == (pytest.approx(10 / 60), "clear")


# ---- missing answers


def test_missing_answers_by_item_and_whether_they_are_random(tmp_path: Path) -> None:
    frame = answers(200)
    frame.loc[frame["a"] >= 4, "b"] = np.nan
    found = judge(study(tmp_path, frame))
    b = row(found.tables["missing_items"], indicator="b")
    assert b["n_missing"] == frame["b"].isna().sum()
    assert b["difference_ci_low"] > 0  # who left it out rates the rest higher
    assert found.tables["mcar"]["p_value"][0] < 0.001
    assert next(c for c in found.checks if c.key == "dq_mcar").verdict == "warn"
    assert found.tables["patterns"]["n"].sum() == 200


def test_nothing_missing_is_said(result: DataQualityResult, tmp_path: Path) -> None:
    found = judge(study(tmp_path, answers(60)))
    assert found.missing["mcar"] == "complete"
    assert "No answers are missing" in str(found.table("missing_worst", "en"))


# ---- what cleaning does


def test_leaving_rows_out_moves_the_mean_by_their_share_of_the_difference() -> None:
    rng = np.random.default_rng(2)
    x = np.r_[rng.normal(50, 10, 200), rng.normal(55, 10, 20)]
    everybody, some = np.ones(220), np.r_[np.ones(200), np.zeros(20)]
    found = difference(x, some, everybody, level=0.95)
    assert found.estimate == pytest.approx(x.mean() - x[:200].mean())
    welch = stats.ttest_ind(x[200:], x[:200], equal_var=False)
    interval = welch.confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((20 / 220 * interval.low, 20 / 220 * interval.high))
    assert found.p_value == pytest.approx(welch.pvalue)
    back = difference(x, everybody, some, level=0.95)
    assert (back.estimate, back.ci_low) == pytest.approx((-found.estimate, -found.ci_high))
    assert difference(x, some, some, level=0.95).estimate == 0
    assert np.isnan(difference(x, np.r_[np.ones(219), 0], everybody, level=0.95).ci_low)  # one row has no interval


def test_frequency_weights_count_as_rows_in_the_effect_of_cleaning() -> None:
    x, w = np.array([1.0, 2, 4, 5, 9, 7]), np.array([3.0, 2, 4, 1, 2, 2])
    kept = np.r_[w[:4], 0, 0]
    long, first = np.repeat(x, w.astype(int)), np.repeat(kept > 0, w.astype(int)).astype(float)
    by_weight = difference(x, kept, w, kind="frequency", level=0.95)
    by_row = difference(long, first, np.ones(len(long)), level=0.95)
    assert dataclasses.astuple(by_weight) == pytest.approx(dataclasses.astuple(by_row))


def test_reweighting_has_the_linearised_error_of_the_difference() -> None:
    rng = np.random.default_rng(6)
    strata = np.repeat([0, 1], [300, 100])
    x = rng.normal(0, 1, 400) + strata
    weights = np.where(strata == 0, 2 / 3, 2.0)
    found = difference(x, np.ones(400), weights, kind="sampling", level=0.95)
    draws = rng.integers(0, 400, (3000, 400))
    resampled = (weights[draws] * x[draws]).sum(axis=1) / weights[draws].sum(axis=1) - x[draws].mean(axis=1)
    assert (found.ci_high - found.ci_low) / 2 == pytest.approx(1.96 * resampled.std(), rel=0.06)


def test_the_effect_of_every_rule_on_the_results_is_shown(survey: Survey, result: DataQualityResult) -> None:
    cleaning = result.tables["cleaning"]
    assert set(cleaning["variant"]) >= {"raw", "drop:straight_line"}
    raw = row(cleaning, variant="raw", measure="satisfaction")
    everybody = survey.excluding("duplicate").outcome("satisfaction")
    assert raw["estimate"] == pytest.approx(25 * (everybody.mean() - 1))
    assert raw["change_n"] == 3
    rated = survey.frame[list(ITEMS)]
    varied = rated[rated.max(axis=1) > rated.min(axis=1)]
    dropped = row(cleaning, variant="drop:straight_line", measure="index")
    assert dropped["estimate"] == pytest.approx(25 * (varied.to_numpy().mean() - 1))


# ---- pre-test and planning


def test_a_small_sample_is_read_as_a_pre_test_of_the_items(tmp_path: Path) -> None:
    frame = answers(30)
    frame["a"] = np.where(np.arange(30) < 20, 5, frame["a"])
    frame["d"] = 6 - frame["c"]
    found = judge(study(tmp_path, frame))
    items = found.tables["items"].set_index("indicator")
    assert found.pilot
    assert items.loc["a", "ceiling"] == pytest.approx((frame["a"] == 5).mean())
    assert items.loc["c", "item_rest"] == pytest.approx(-1)
    assert items.loc["c", "reading"] == "item_rest"
    b = items.loc["b"]
    wilson = stats.binomtest(int((frame["b"] == 5).sum()), 30).proportion_ci(method="wilson")
    assert (b["ceiling_ci_low"], b["ceiling_ci_high"]) == pytest.approx((wilson.low, wilson.high))
    low, high = np.tanh(np.arctanh(b["item_rest"]) + np.array([-1, 1]) * stats.norm.ppf(0.975) / np.sqrt(27))
    assert (b["item_rest_ci_low"], b["item_rest_ci_high"]) == pytest.approx((low, high))
    assert any("pre-test" in s for s in found.findings("en", level="key"))
    assert seen_with(30, 0.1) == pytest.approx(0.958, abs=5e-4)  # Perneger et al. (2015)


def test_the_time_taken_has_an_honest_interval(result: DataQualityResult, survey: Survey) -> None:
    seconds = survey.frame["seconds"]
    times = result.tables["times"].iloc[0]
    assert times["median"] == pytest.approx(seconds.median() / 60)
    assert times["median_ci_low"] < times["median"] < times["median_ci_high"]


def test_the_plan_is_cochran_s_and_neyman_never_needs_more(result: DataQualityResult) -> None:
    sizes = row(result.tables["sample_sizes"], margin=0.05)
    n0 = 1.959964**2 * 0.25 / 0.05**2
    assert sizes["careful"] == np.ceil(n0 * 1000 / (999 + n0))
    assert sizes["neyman"] <= sizes["proportional"] <= sizes["careful"]
    allocation = result.tables["allocation"]
    assert allocation["proportional"].sum() == sizes["proportional"]
    assert allocation["weight"].tolist() == pytest.approx([0.5, 0.5])


def test_a_wanted_margin_is_planned_for(survey: Survey) -> None:
    found = judge(survey, margin=0.04)
    assert found.tables["sample_sizes"].loc[lambda f: f["wanted"], "margin"].tolist() == [0.04]


# ---- options, groups, words


def test_unknown_options_segments_and_columns_are_named(survey: Survey) -> None:
    with pytest.raises(OptionError, match="did you mean 'margin'"):
        judge(survey, margn=0.05)
    with pytest.raises(OptionError, match="plce"):
        judge(survey, by=("plce",))
    with pytest.raises(OptionError, match="secnds"):
        judge(survey, device="secnds")
    assert feeds(survey.study) == []
    assert len(feeds(survey.study, by=("nowhere",))) == 1


def test_small_groups_are_withheld_everywhere(tmp_path: Path) -> None:
    frame = answers(80)
    frame["place"] = ["east"] * 40 + ["west"] * 37 + ["isle"] * 3
    sampling = {"issued": 160, "issued_by": {"place": {"east": 80, "west": 70, "isle": 10}}}
    found = judge(study(tmp_path, frame, sampling=sampling))
    assert "isle" in found.withheld
    for name, table in found.tables.items():
        for column in table.columns:
            if name != "marked":
                assert not table[column].astype(str).str.contains("isle").any(), name


def test_a_selection_that_is_too_small_is_refused(tmp_path: Path) -> None:
    frame = answers(40)
    frame["place"] = ["east"] * 37 + ["west"] * 3
    with pytest.raises(AnalysisError, match="min_cell"):
        judge(study(tmp_path, frame).where(place="west"))


def test_one_group_alone_has_its_own_counts(survey: Survey) -> None:
    found = judge(survey.where(place="east"))
    n = found.tables["funnel"].set_index("stage")["n"]
    assert n["issued"] == 100
    assert found.missing["sample_sizes"] == "filtered"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_sentence_table_and_figure_is_whole(result: DataQualityResult, lang: str) -> None:
    said = [*result.findings(lang), *result.findings(lang, level="method")]
    said += [s for c in result.checks for s in (c.sentence(lang), c.title(lang))]
    said += [str(result.table(name, lang)) for name in result.tables]
    said += [result.figure(name, lang).caption + result.figure(name, lang).alt for name in result.figures]
    assert not [s for s in said if "{" in s or "}" in s]
    assert 2 <= len(result.findings(lang, level="key")) <= 4


def test_all_that_can_be_absent_says_why_in_both_languages() -> None:
    shown = {
        "reasons",
        "funnel_groups",
        "rates",
        "curves",
        "precision",
        "representation",
        "weights",
        "weighting",
        "marks",
        "boxes",
        "fabrication",
        "fabrication_groups",
        "patterns",
        "missing_worst",
        "cleaning",
        "items",
        "times",
        "sample_sizes",
        "allocation",
    }
    for lang in ("zh", "en"):
        assert shown <= {k.removeprefix("data_quality.absent.") for k in catalogue(lang) if k.startswith("data_quality.absent.")}


def test_what_is_lacking_is_said_once_and_without_keys_of_the_study(tmp_path: Path) -> None:
    result = data_quality(study(tmp_path, answers().drop(columns="returned"), submitted=None))
    for lang in ("zh", "en"):
        shown = {n: result.table(n, lang)._repr_html_() for n in ("representation", "weights", "weighting")}
        assert [name for name, html in shown.items() if html] == ["representation"]
        said = [v for k, v in catalogue(lang).items() if not k.startswith("cli.")]
        assert not [v for v in said if "study.yml" in v]


def test_items_to_look_at_are_named_under_what_is_wrong_with_them() -> None:
    found = data_quality(open_study(DATA / "tobacco"))
    said = next(f for f in found.found if f.key == "dq_items_look")
    assert said.sentence("en").count("highest grade") == 1
    assert said.sentence("zh") == "5 题需要检查：集中在最高分的有客户经理服务、送货准时、订货便捷、服务态度、问题处理及时。"
    shown = found.figure("patterns", "zh")
    assert "只列最常见者" in shown.caption
    assert found.tables["patterns"]["share"].sum() < 1


def test_bursts_are_explained_only_where_times_of_return_are_screened(tmp_path: Path) -> None:
    timed, untimed = (
        data_quality(study(tmp_path / name, frame, **more)).table("fabrication", "en")._repr_html_()
        for name, frame, more in (("a", answers(), {}), ("b", answers().drop(columns="returned"), {"submitted": None}))
    )
    assert "Bursts are" in timed
    assert "Bursts" not in untimed


def test_the_result_goes_to_json_and_back(result: DataQualityResult) -> None:
    back = Result.from_json(result.to_json())
    assert isinstance(back, DataQualityResult)
    assert back.to_json() == result.to_json()
    assert dataclasses.asdict(back)["missing"] == dict(result.missing)


# ---- the examples


def test_the_hotline_study_shows_its_published_funnel() -> None:
    found = judge(csr.open_study(DATA / "directory" / "study.yml", lang="zh"))
    assert found.tables["funnel"]["n"].tolist() == [500, 480, 430]
    assert next(c for c in found.checks if c.key == "dq_counts").verdict == "pass"
    assert row(found.tables["rates"], rate="RR1")["estimate"] == pytest.approx(0.86)


def test_a_construct_that_is_overall_satisfaction_does_not_stand_there_twice() -> None:
    found = judge(csr.open_study(DATA / "directory" / "study.yml", lang="en"))
    shown = found.tables["weighting"]
    assert "satisfaction" in set(shown["measure"])
    assert "construct:Satisfaction" not in set(shown["measure"])
    assert not shown.duplicated(["n", "used", "estimate", "difference"]).any()


def test_the_bank_study_shows_its_published_funnel() -> None:
    found = judge(csr.open_study(DATA / "bank" / "study.yml", lang="en"))
    assert found.tables["funnel"]["n"].tolist() == [145, 98, 93]
    assert found.tables["funnel"]["of_issued"][1] == pytest.approx(0.6758, abs=1e-4)  # printed 67.58 %


def test_a_contradiction_is_named_by_its_label_or_its_conditions() -> None:
    study = open_study(DATA / "directory" / "study.yml").study
    rule = study.cleaning.contradictions[0]
    key = f"contradictions:{rule.id}"
    assert rule_label(key, study)["zh"] == "前后矛盾（未拨打过却评价等候时间）"
    unlabelled = rule.model_copy(update={"label": None})
    bare = study.model_copy(update={"cleaning": study.cleaning.model_copy(update={"contradictions": (unlabelled,)})})
    assert rule_label(key, bare)["zh"] == "前后矛盾（近一年是否拨打过查号台＝否、等候时间＝1/2/3/4/5）"


def test_answers_to_look_at_are_those_that_still_count() -> None:
    found = data_quality(open_study(DATA / "directory" / "study.yml"))
    marks = found.tables["marks"].set_index("rule")
    strings = found.tables["cleaning"].query("variant == 'drop:long_string'")["change_n"].iloc[0]
    assert marks.loc["long_string", "n_kept"] == -strings < marks.loc["long_string", "n"]
    said = next(f for f in found.found if f.key == "dq_act_look").sentence("zh")
    assert f"（{-strings}）" in said
