"""Tracking: known answers by hand; changed questions are not compared; faulty records are named; warnings mean something."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tracking_samples import METRICS, WAVES, answers, operated, orders, study

import csr_lib as csr
from csr_lib.analyses.tracking import TrackingResult, feeds
from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES
from csr_lib.study import Study, Survey

DATA = Path(__file__).parents[2] / "data"


def run(survey: Survey, **options: Any) -> TrackingResult:
    return csr.tracking(survey, **({"bootstrap": 200, "simulations": 300} | options))


def row(result: TrackingResult, table: str, **where: Any) -> pd.Series:
    frame = result.tables[table]
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def points(values: pd.Series) -> np.ndarray:
    return (values.to_numpy(dtype=float) - 1) / 9 * 100


def by_wave(frame: pd.DataFrame, column: str, wave: str) -> np.ndarray:
    return points(frame.loc[frame["wave"] == wave, column])


# ---- waves


def test_figures_and_changes_are_those_of_welchs_test(tmp_path: Path) -> None:
    frame = answers(shift={"w3": -0.8})
    result = run(study(tmp_path, frame))
    before, after = by_wave(frame, "overall", "w2"), by_wave(frame, "overall", "w3")
    test = stats.ttest_ind(after, before, equal_var=False)
    low, high = test.confidence_interval()
    got = row(result, "summary", measure="satisfaction")
    assert got[["before", "estimate"]].tolist() == pytest.approx([before.mean(), after.mean()])
    assert got[["change", "change_ci_low", "change_ci_high"]].tolist() == pytest.approx([after.mean() - before.mean(), low, high])
    assert got["p_adjusted"] == pytest.approx(test.pvalue)  # the headline is tested by itself
    one = stats.ttest_1samp(after, 0).confidence_interval()
    assert got[["ci_low", "ci_high"]].tolist() == pytest.approx([one.low, one.high])


def test_the_other_measures_are_adjusted_together(tmp_path: Path) -> None:
    frame = answers(shift={"w3": -0.5})
    result = run(study(tmp_path, frame))
    raw = {}
    for i in ("a", "b"):
        raw[i] = stats.ttest_ind(by_wave(frame, i, "w3"), by_wave(frame, i, "w2"), equal_var=False).pvalue
    both = [(points(frame["a"]) + points(frame["b"]))[frame["wave"] == w] / 2 for w in ("w3", "w2")]
    raw["index"] = stats.ttest_ind(*both, equal_var=False).pvalue
    ordered = sorted(raw.values())
    holm = np.minimum(1, np.maximum.accumulate([p * (3 - k) for k, p in enumerate(ordered)]))
    got = pd.concat([result.tables["indicators"], result.tables["summary"].query("measure != 'satisfaction'")])["p_adjusted"]
    assert sorted(got) == pytest.approx(sorted(holm))


def test_the_wave_of_the_report_can_be_an_earlier_one(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers()), wave="w2")
    assert (result.previous, result.latest) == ("w1", "w2")
    assert result.note(lang="en").startswith("w2: n = ")  # of the latest wave, not of all
    assert set(result.tables["trend"]["wave"]) == {"w1", "w2"}


def test_one_wave_cannot_be_tracked(tmp_path: Path) -> None:
    survey = study(tmp_path, answers())
    with pytest.raises(AnalysisError, match=r"1 wave with enough answers: w2.*option `wave`"):
        run(survey.wave("w2"))
    with pytest.raises(OptionError, match="unknown wave 'w9'"):
        run(survey, wave="w9")


def test_a_wave_without_answers_and_a_tiny_one_are_named(tmp_path: Path) -> None:
    frame = answers()
    frame = frame.drop(frame.index[frame["wave"] == "w2"][3:])
    survey = study(tmp_path, frame, wave={"column": "wave", "order": ["w0", *WAVES]})
    result = run(survey)
    assert result.withheld == ("w2",)
    assert result.empty_waves == ("w0",)
    assert next(c for c in result.checks if c.key == "tracking_empty").verdict == "warn"
    assert result.previous == "w1"


def test_a_changed_question_is_not_compared(tmp_path: Path) -> None:
    indicators = {"a": {"changed": {"w3": "wording"}}, "b": {}}
    result = run(study(tmp_path, answers(shift={"w3": 3}), indicators=indicators, constructs={"Both": ["a", "b"]}))
    got = row(result, "indicators", measure="a")
    assert (got["comparable"], got["reading"]) == ("changed", "")
    assert math.isnan(got["change"])
    assert "Both" not in set(result.tables["trend"]["measure"])  # one comparable indicator is no construct
    assert row(result, "changed", indicator="a")["what"] == "wording"
    check = next(c for c in result.checks if c.key == "tracking_comparable")
    assert check.verdict == "warn"
    assert "a" in check.sentence("en")


def test_a_changed_question_of_a_wave_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(csr.CsrError, match=r"changed\.w9: unknown wave 'w9'"):
        study(tmp_path, answers(), indicators={"a": {"changed": {"w9": "scale"}}, "b": {}})


def test_a_wave_on_another_scale_is_found(tmp_path: Path) -> None:
    frame = answers()
    frame.loc[frame["wave"] == "w3", "a"] = np.clip(frame.loc[frame["wave"] == "w3", "a"] // 2, 1, 5)
    check = next(c for c in run(study(tmp_path, frame)).checks if c.key == "tracking_scale")
    assert check.verdict == "fail"


# ---- limits and warnings


def test_control_limits_are_refused_without_a_baseline(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers()), baseline=3)
    assert "control" not in result.tables
    assert next(c for c in result.checks if c.key == "tracking_baseline").verdict == "fail"
    waves = tuple(f"w{i}" for i in range(1, 8))
    frame = answers(waves=waves)
    known = run(study(tmp_path / "long", frame), baseline=5)
    means = [by_wave(frame, "overall", w) for w in waves]
    centre = np.concatenate(means[:5]).mean()
    sigma = math.sqrt(np.mean([m.var(ddof=1) for m in means[:5]]) / 60)
    got = row(known, "control", measure="satisfaction", wave="w7")
    assert got[["centre", "lower", "upper"]].tolist() == pytest.approx([centre, centre - 3 * sigma, centre + 3 * sigma])
    with pytest.raises(OptionError, match="at least 3"):
        run(study(tmp_path / "short", frame), baseline=2)


def test_warnings_are_graded_by_their_rules(tmp_path: Path) -> None:
    waves = tuple(f"w{i}" for i in range(1, 8))
    survey = study(tmp_path, answers(n=120, waves=waves, shift={"w7": -2.0}), targets={"satisfaction": 60, "a": 20})
    result = run(survey)
    got = row(result, "warning_levels", measure="satisfaction")
    assert got["grade"] == "red"
    assert set(got["rules"].split("+")) >= {"limit", "target_and_drop"}
    board = result.tables["board"]
    assert set(board.loc[board["wave"] == "w1", "grade"]) <= {"none", "orange", "unjudged"}
    assert "satisfaction" in set(result.tables["plan"]["subject"])


def test_a_rise_is_no_warning_and_a_rising_complaint_rate_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frame = answers(n=200, shift={"w3": 1.5})
    frame["complained"] = (rng.random(len(frame)) < np.where(frame["wave"] == "w3", 0.4, 0.1)).astype(int)
    outcomes = {"satisfaction": {"column": "overall"}, "complaint": {"column": "complained", "yes": [1]}}
    result = run(study(tmp_path, frame, outcomes=outcomes))
    assert row(result, "warning_levels", measure="satisfaction")["grade"] == "none"
    assert row(result, "warning_levels", measure="complaint")["grade"] == "orange"
    assert row(result, "summary", measure="complaint")["reading"] == "worse"
    assert row(result, "summary", measure="satisfaction")["reading"] == "better"


def test_false_alarms_are_as_rare_as_the_rules_say(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers(n=200)), simulations=4000)
    rates = result.tables["false_alarms"].set_index("grade")["per_measure"]
    assert rates["yellow"] == pytest.approx(0.025, abs=0.008)  # one tail of a test at 5 %
    assert rates["orange"] < 0.018  # the headline by itself, three others adjusted
    assert rates["red"] == 0  # no limits, no targets


def test_own_limits_are_held_by_tier_and_small_tiers_withheld(tmp_path: Path) -> None:
    frame = answers(n=80)
    frame.loc[frame.index[:3], "tier"] = "tiny"
    frame.loc[frame["wave"] == "w3", "tier"] = np.where(np.arange(80) < 3, "tiny", np.where(np.arange(80) < 40, "key", "general"))
    rules = {
        "rule": {"measure": "satisfaction", "tiers": {"general": {"yellow": 99, "orange": 98, "red": 5}, "tiny": {"red": 50}}}
    }
    result = run(study(tmp_path, frame, segments={"tier": {}}, warnings=rules))
    assert row(result, "own_limits", tier="general")["grade"] == "orange"
    assert row(result, "own_limits", tier="tiny")["grade"] == "unjudged"
    assert any("tiny" in str(hidden) and "w3" in str(hidden) for hidden in result.withheld)
    assert np.isnan(row(result, "own_limits", tier="tiny")["estimate"])
    assert "tier=tiny" not in set(result.tables["warning_levels"]["group"])


# ---- why, and who


def test_the_change_is_composition_plus_change_within(tmp_path: Path) -> None:
    frame = answers(n=200)
    last = frame["wave"] == "w3"
    frame.loc[last, "sex"] = np.where(np.arange(200) < 150, "f", "m")
    frame.loc[frame["sex"] == "m", "overall"] = np.clip(frame.loc[frame["sex"] == "m", "overall"] - 3, 1, 10)
    result = run(study(tmp_path, frame))
    got = row(result, "decomposition", segment="sex")
    assert got["composition"] + got["within"] == pytest.approx(got["change"])
    waves = {w: frame[frame["wave"] == w].assign(y=points(frame.loc[frame["wave"] == w, "overall"])) for w in ("w2", "w3")}
    share = {w: (f["sex"] == "f").mean() for w, f in waves.items()}
    mean = {(w, g): f.loc[f["sex"] == g, "y"].mean() for w, f in waves.items() for g in "fm"}
    middle = {g: (mean["w2", g] + mean["w3", g]) / 2 for g in "fm"}
    assert got["composition"] == pytest.approx((share["w3"] - share["w2"]) * (middle["f"] - middle["m"]))
    assert got["composition_ci_low"] > 0


def test_a_panel_is_followed_person_by_person(tmp_path: Path) -> None:
    frame = answers(n=50)
    base = frame.loc[frame["wave"] == "w2", "overall"].to_numpy()
    frame.loc[frame["wave"] == "w3", "overall"] = np.clip(base - (np.arange(50) % 2), 1, 10)
    survey = study(tmp_path, frame, wave={"column": "wave", "order": list(WAVES), "panel": True})
    result = run(survey)
    x, y = by_wave(frame, "overall", "w3"), by_wave(frame, "overall", "w2")
    paired = stats.ttest_rel(x, y)
    got = row(result, "panel", measure="satisfaction")
    assert got[["n", "change", "p_value"]].tolist() == pytest.approx([50, (x - y).mean(), paired.pvalue])
    assert row(result, "summary", measure="satisfaction")["p_value"] == pytest.approx(paired.pvalue)
    moves = result.tables["moves"].iloc[0]
    assert moves["rose"] == 0
    assert moves["fell"] + moves["stayed"] == pytest.approx(1)
    table = result.tables["transitions"]
    assert table[["low", "middle", "high"]].dropna().sum(axis=1).tolist() == pytest.approx([1] * table["n"].notna().sum())


# ---- operations


def test_operational_figures_by_hand(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers(), records=orders(), **operated()))
    kept = row(result, "service", metric="kept")
    assert kept[["estimate", "target", "n"]].tolist() == pytest.approx([75, 90, 16])
    assert kept["status"] == "missed_sure"
    wilson = stats.binomtest(12, 16).proportion_ci(method="wilson")
    assert kept[["ci_low", "ci_high"]].tolist() == pytest.approx([100 * wilson.low, 100 * wilson.high])
    took = row(result, "service", metric="took")
    hours = np.array([2 + i % 5 for i in range(20)])
    assert took["estimate"] == pytest.approx(hours.mean())
    assert took["within_limit"] == pytest.approx((hours <= 5).mean())
    kinds = result.tables["types"].query("metric == 'took'").set_index("type")["mean"]
    assert kinds["kind=x"] == pytest.approx(hours[1::2].mean())
    assert row(result, "service", metric="orders")["estimate"] == 20
    assert set(result.tables["breaches"]["metric"]) == {"kept"}


def test_times_going_backwards_are_named_and_never_averaged(tmp_path: Path) -> None:
    records = orders().astype(str)
    records.loc[45, "done"] = "2024-03-08 09:00"
    records.loc[46, "done"] = "soon"
    result = run(study(tmp_path, answers(), records=records, **operated()))
    faults = result.tables["faults"].set_index("row")["rule"]
    assert faults.to_dict() == {47: "backwards", 48: "not_a_time"}  # lines of the file
    check = next(c for c in result.checks if c.key == "tracking_backwards")
    assert check.verdict == "fail"  # one of sixty is more than one in a hundred
    assert "47" in check.sentence("en")
    hours = [2 + i % 5 for i in range(20) if i not in (5, 6)]
    assert row(result, "service", metric="took")["estimate"] == pytest.approx(np.mean(hours))


def test_open_records_that_waited_too_long_are_late(tmp_path: Path) -> None:
    records = orders().astype(str)
    records.loc[40, "done"] = ""  # opened first in the last month: open for longer than the limit
    records.loc[59, "done"] = ""  # opened last, less than five hours before the file ends
    result = run(study(tmp_path, answers(), records=records, **operated()))
    took = row(result, "service", metric="took")
    done = np.array([2 + i % 5 for i in range(1, 19)])
    assert took["within_limit"] == pytest.approx((done <= 5).sum() / 19)
    assert took["n_open"] == 2


def test_what_leads_is_not_told_from_few_periods(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers(), records=orders(), **operated()))
    assert "lead_lag" not in result.tables
    assert result.missing["lead_lag"] == "few_periods"
    assert next(c for c in result.checks if c.key == "tracking_lead").verdict == "warn"  # nothing is told that could be wrong
    assert any("cannot yet be told" in s for s in result.findings("en"))


def test_a_numerator_outside_its_denominator_is_a_fault(tmp_path: Path) -> None:
    records = orders().astype(str)
    records.loc[59, "kept"] = "1"  # kept, but never appointed
    result = run(study(tmp_path, answers(), records=records, **operated()))
    assert row(result, "faults", rule="outside_denominator")["metric"] == "kept"
    assert row(result, "service", metric="kept")["estimate"] == pytest.approx(75)


def test_a_missing_column_of_the_records_is_an_error(tmp_path: Path) -> None:
    survey = study(tmp_path, answers(), records=orders().drop(columns="kept"), **operated())
    with pytest.raises(DataError, match="unknown column 'kept'"):
        run(survey)


def test_months_are_the_periods_where_waves_have_none(tmp_path: Path) -> None:
    more = operated()
    more["wave"] = {"column": "wave", "order": list(WAVES)}
    result = run(study(tmp_path, answers(), records=orders(), **more))
    assert result.period_kind == "month"
    assert list(dict.fromkeys(result.tables["service_trend"]["period"])) == ["2024-01", "2024-02", "2024-03"]
    assert result.missing["lead_lag"] == "not_by_wave"


# ---- studies, options, words


@pytest.fixture(scope="module")
def broadband() -> TrackingResult:
    return csr.tracking(csr.open_study(DATA / "broadband" / "study.yml"), bootstrap=300, simulations=300)


def test_the_planted_lead_and_the_planted_fall_are_found(broadband: TrackingResult) -> None:
    best = broadband.tables["lead_lag"].query("metric == 'kept' and best").iloc[0]
    assert best["lag"] == 1
    assert best["ci_low"] > 0
    assert row(broadband, "warning_levels", measure="Timeliness")["grade"] == "red"
    assert row(broadband, "own_limits", measure="repair")["grade"] == "red"
    split = row(broadband, "decomposition", segment="service")
    assert split["composition_ci_high"] < 0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_is_said_in_both_languages(broadband: TrackingResult, lang: str) -> None:
    said = [*broadband.findings(lang), *(c.sentence(lang) for c in broadband.checks), *(c.title(lang) for c in broadband.checks)]
    shown = [str(broadband.table(name, lang)) for name in broadband.tables if name in broadband.table_columns]
    assert not [s for s in said + shown if "{" in s or "tracking:" in s]
    for name in broadband.figures:
        figure = broadband.figure(name, lang)
        assert figure.caption
        assert "{" not in figure.alt


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_absent_says_why(tmp_path: Path, lang: str) -> None:
    result = run(study(tmp_path, answers(), segments={}))
    for name in TrackingResult.table_columns:
        assert str(result.table(name, lang)) or name not in result.tables
    for name in ("tiers", "decomposition", "service", "lead_lag"):
        assert str(result.figure(name, lang))


def test_the_result_goes_to_json_and_back(broadband: TrackingResult) -> None:
    again = Result.from_json(broadband.to_json())
    assert isinstance(again, TrackingResult)
    assert again.findings("en") == broadband.findings("en")
    for name, frame in broadband.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], frame, check_dtype=False)


def test_the_same_seed_gives_the_same_result(tmp_path: Path) -> None:
    survey = study(tmp_path, answers())
    assert run(survey, seed=5).to_json() == run(survey, seed=5).to_json()


def test_feeds_says_what_is_lacking(tmp_path: Path) -> None:
    survey = study(tmp_path, answers())
    assert feeds(survey.study) == []
    assert "segment" in feeds(survey.study, by="colour")[0].what
    without = Study.check({"id": "x", "title": "X", "answers": "a.csv", "scale": {"min": 1, "max": 5}, "indicators": ["a"]})
    assert feeds(without)[0].what == "the study has no waves"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"indicators": ["z"]}, "unknown indicator 'z'"),
        ({"headline": "loyalty"}, "unknown measure 'loyalty'"),
        ({"index": "points"}, "points"),
        ({"index": "model"}, "model"),
        ({"by": "colour"}, "unknown segment 'colour'"),
        ({"typo": 1}, "unknown option 'typo'"),
        ({"period": "wave"}, "period"),
    ],
)
def test_bad_options_are_errors(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    more = operated(**METRICS)
    more["wave"] = {"column": "wave", "order": list(WAVES)}
    with pytest.raises(OptionError, match=message):
        run(study(tmp_path, answers(), records=orders(), **more), **options)


# ---- the steel study: what concerns one group of customers


@pytest.fixture(scope="module")
def steel() -> TrackingResult:
    return csr.tracking(csr.open_study(DATA / "steel" / "study.yml", lang="en"), simulations=200, bootstrap=50)


def test_a_warning_of_one_group_is_a_key_finding_and_heads_the_plan(steel: TrackingResult) -> None:
    key = next(f for f in steel.found if f.key == "tracking_warned_groups")
    assert key.level == "key"
    assert "Strategic: Claims (red)" in key.sentence("en")
    plan = steel.tables["plan"]
    assert list(plan["subject"][:2]) == ["tier=strategic|answered", "tier=strategic|Claims"]
    assert steel.labels["tier=strategic|Claims"]["zh"] == "战略客户·异议处理"
    assert steel.tables["plan"]["goal"].iloc[0] == pytest.approx(8.0)  # hours: the first of its own limits


def test_a_rule_may_be_called_as_a_metric(steel: TrackingResult) -> None:
    assert steel.labels["claims"]["en"] == "Claims"  # the count; the rule `claims` watches the time to answer
    assert "Time to answer a claim" in steel.table("own_limits")._repr_html_()


def test_one_record_is_not_shown_as_a_group(steel: TrackingResult) -> None:
    claims = row(steel, "own_limits", rule="claims", tier="potential")
    assert claims["n"] < 5
    assert np.isnan(claims["estimate"])
    assert claims["grade"] == "unjudged"


def test_the_board_leaves_out_indicators_that_nothing_was_raised_for(steel: TrackingResult) -> None:
    from csr_lib.analyses.tracking.assemble import on_board

    frame, waves, hidden = on_board(steel.tables["board"])
    raised = steel.tables["board"].groupby("measure")["grade"].agg(lambda g: bool(set(g) & {"yellow", "orange", "red"}))
    single = set(steel.tables["board"].query("level == 'indicator'")["measure"])
    assert hidden == sum(not raised[m] for m in single) > 0
    assert len(waves) == 6
    assert "Claims" in set(frame["measure"])


def test_the_paired_test_is_told_where_it_finds_more(steel: TrackingResult) -> None:
    row_ = row(steel, "panel", measure="Claims")
    assert row_["p_adjusted"] < 0.05
    assert any(f.key == "tracking_panel_moved" and "Claims" in f.sentence("en") for f in steel.found)
    assert set(steel.tables["panel_indicators"]["measure"]) == set(csr.open_study(DATA / "steel" / "study.yml").study.indicators)


def test_no_key_of_a_label_is_shown_in_the_text_beside_a_figure(broadband: TrackingResult) -> None:
    for name in broadband.figures:
        for lang in ("zh", "en"):
            assert "tracking:" not in broadband.figure(name, lang).alt
    assert "target 5.5" in broadband.figure("service", "en").alt  # a target may lie between two counts


def test_fewer_complaints_are_no_change_for_the_worse(steel: TrackingResult) -> None:
    summary = steel.tables["summary"].set_index("measure")
    assert summary.loc["complaint", "change"] == summary["change"].min()
    assert "worst first: Customers with a claim" not in steel.figure("changes", "en").alt


def test_a_table_whose_rows_have_their_own_answers_says_so(steel: TrackingResult) -> None:
    n = steel.tables["indicators"]["n"]
    assert n.min() < n.max()
    assert "no missing answers" not in steel.table("indicators", "en").note
