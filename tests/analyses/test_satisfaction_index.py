"""The satisfaction index passes the right numbers on, and says what they mean and what cannot be believed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from index_samples import PATHS, ROLLUP, ROOT, answers, ecsi, study, unfilled, value

import csr_lib as csr
from csr_lib.analyses._discriminant import judge_htmt
from csr_lib.analyses.satisfaction_index import feeds
from csr_lib.analyses.satisfaction_index.findings import _lever, _rivals
from csr_lib.analyses.satisfaction_index.rollup import NATION, WHOLE, Tree
from csr_lib.core.errors import AnalysisError, OptionError, StudyError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES
from csr_lib.show.tables import NOTEBOOK_STYLE
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_bootstrap import pls_bootstrap

FAST = {"bootstrap": 60}


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    """Write a study and its answers, and open it."""

    def open_(frame: pd.DataFrame | None = None, lang: str = "en", **changes: Any) -> csr.Survey:
        (answers() if frame is None else frame).to_csv(tmp_path / "answers.csv", index=False)
        (tmp_path / "study.yml").write_text(yaml.safe_dump(study(**changes), allow_unicode=True), "utf-8")
        return csr.open_study(tmp_path / "study.yml", lang=lang)

    return open_


# ---- the numbers


def test_the_real_answers_of_the_ecsi_mobile_survey_give_the_reference_figures(tmp_path: Path) -> None:
    result = csr.satisfaction_index(ecsi(tmp_path), scheme="path", mode="A", bootstrap=200)
    index = result.tables["index"].set_index("construct")["index"]
    assert index["Satisfaction"] == pytest.approx(72.4541179309101, abs=1e-6)
    assert index["Image"] == pytest.approx(73.5279818055161, abs=1e-6)
    assert index["Loyalty"] == pytest.approx(70.9138535657323, abs=1e-6)
    seminr = json.loads((ROOT / "tests" / "conformance" / "ecsi_mobile_seminr.json").read_text("utf-8"))["mode_a_path"]

    def same(table: str, key: list[str], column: str, wanted: dict[str, float]) -> None:
        frame = result.tables[table]
        found = dict(zip(frame[key].agg(">".join, axis=1), frame[column], strict=True))
        assert {k: found[k] for k in wanted} == pytest.approx(wanted, abs=1e-6)

    same("paths", ["source", "target"], "estimate", seminr["paths"])
    same("effects", ["source", "target"], "total", seminr["total_effects"])
    same("r_squared", ["construct"], "r_squared", seminr["r2"])
    same("weights", ["item"], "estimate", seminr["weights"])
    same("loadings", ["item"], "estimate", seminr["loadings"])
    for name in ("rho_a", "rho_c", "ave"):
        same("reliability", ["construct"], name, seminr[name])
    several = {pair: v for pair, v in seminr["htmt"].items() if "Complaints" not in pair}  # it has one item
    same("htmt", ["other", "construct"], "estimate", several)
    # importance and performance: R cSEM doIPMA
    lever = result.tables["importance_performance_map"].set_index("construct")["importance"]
    assert lever["Quality"] == pytest.approx(0.639795282715153, abs=1e-6)
    assert lever["Image"] == pytest.approx(0.414654617935257, abs=1e-6)
    items = result.tables["importance_performance_items"].set_index("item")
    assert items.loc["PERQ2", "performance"] == pytest.approx(68.8, abs=1e-9)
    verdicts = {c.key: c.verdict for c in result.checks}
    assert verdicts["discriminant_htmt"] == verdicts["construct_alpha"] == "fail"
    assert verdicts["single_items"] == "warn"
    assert verdicts["expected_sign"] == "pass"  # in ECSI complaints are their handling


def test_on_the_real_answers_one_item_loads_negatively_in_the_known_share_of_resamples(tmp_path: Path) -> None:
    """CUSL2, 3.7 % of 5,000 resamples by seminr; both shares are random with a standard error of 0.27 points."""
    survey = ecsi(tmp_path)
    model = survey.model()
    drawn = pls_bootstrap(sample(survey.ratings("perception", model.items)[list(model.items)]), model, resamples=5000, seed=1)
    assert (drawn.draws_of("loadings", "Loyalty", "CUSL2") < 0).mean() == pytest.approx(0.037, abs=3 * 2**0.5 * 0.0027)


def test_numbers_are_those_of_the_statistics_layer(opened: Any) -> None:
    survey = opened(case_weight="weight")
    result = csr.satisfaction_index(survey, **FAST)
    frame = answers()
    model = survey.model()
    fit = pls(moments(frame[list(model.items)], frame["weight"]), model, limits=(1, 10))
    assert result.tables["index"]["index"].to_numpy() == pytest.approx(fit.index.to_numpy(), abs=1e-9)
    assert result.tables["index"]["sd"].to_numpy() == pytest.approx(fit.constructs["index_sd"].to_numpy(), abs=1e-9)
    assert result.tables["paths"]["estimate"].to_numpy() == pytest.approx(fit.paths["estimate"].to_numpy(), abs=1e-9)
    assert result.tables["reliability"]["rho_a"].to_numpy() == pytest.approx(fit.constructs["rho_a"].to_numpy(), abs=1e-9)
    assert result.basis.n == 240
    assert result.basis.n_effective == pytest.approx(frame["weight"].sum() ** 2 / (frame["weight"] ** 2).sum())


def test_the_index_of_a_group_is_the_weighted_mean_of_its_items_by_the_pooled_weights(opened: Any) -> None:
    result = csr.satisfaction_index(opened(case_weight="weight"), **FAST)
    frame = answers()
    items = [f"Sati{i}" for i in (1, 2, 3)]
    w = frame["weight"]
    mean = np.average(frame[items], axis=0, weights=w)
    sd = np.sqrt(np.average((frame[items] - mean) ** 2, axis=0, weights=w))
    outer = [value(result.tables["weights"], "estimate", item=i) for i in items] / sd

    def by_hand(rows: pd.Series) -> float:
        return float(outer @ (np.average(frame.loc[rows, items], axis=0, weights=w[rows]) - 1) / outer.sum() / 9 * 100)

    segments = result.tables["segments"]
    north = frame["region"] == "North"
    assert value(segments, "index", group="region=North") == pytest.approx(by_hand(north), abs=1e-9)
    assert value(segments, "difference", group="region=North") == pytest.approx(by_hand(north) - by_hand(~north), abs=1e-9)
    waves = result.tables["waves"]
    assert value(waves, "index", wave="2024", construct="Satisfaction") == pytest.approx(
        by_hand(frame["wave"] == "2024"), abs=1e-9
    )


def test_weights_of_one_change_nothing(opened: Any) -> None:
    plain = csr.satisfaction_index(opened(), **FAST)
    ones = csr.satisfaction_index(opened(answers().assign(weight=1.0), case_weight="weight"), **FAST)
    for name in ("index", "paths", "segments", "waves"):
        pd.testing.assert_frame_equal(plain.tables[name], ones.tables[name], rtol=1e-9, atol=1e-9)


def test_a_frequency_weight_of_two_is_two_rows(opened: Any) -> None:
    frame = answers(120)
    frame["weight"] = 1 + np.arange(120) % 2
    twice = frame.loc[frame.index.repeat(frame["weight"])]
    twice["id"] = range(len(twice))
    one = csr.satisfaction_index(opened(frame, case_weight="weight", weight_kind="frequency"), bootstrap=0)
    two = csr.satisfaction_index(opened(twice.assign(weight=1)), bootstrap=0)
    for name, column in (("index", "index"), ("index", "sd"), ("index", "n"), ("paths", "estimate"), ("segments", "n")):
        assert one.tables[name][column].to_numpy() == pytest.approx(two.tables[name][column].to_numpy(), abs=1e-9)


def test_the_index_does_not_depend_on_the_unit_of_the_scale(opened: Any) -> None:
    frame = answers()
    items = [c for c in frame.columns if c[-1].isdigit()]
    other = frame.assign(**{c: (frame[c] - 1) * 100 / 9 for c in items})
    first = csr.satisfaction_index(opened(frame), bootstrap=0)
    second = csr.satisfaction_index(opened(other, scale={"min": 0, "max": 100, "measure": "continuous"}), bootstrap=0)
    assert first.tables["index"]["index"].to_numpy() == pytest.approx(second.tables["index"]["index"].to_numpy(), abs=1e-6)


def test_contributions_add_up_to_the_change_of_the_target(opened: Any) -> None:
    result = csr.satisfaction_index(opened(), **FAST)
    parts = result.tables["decomposition"]
    waves = result.tables["waves"]
    change = value(waves, "index", wave="2024", construct="Satisfaction") - value(
        waves, "index", wave="2023", construct="Satisfaction"
    )
    assert parts["contribution"].sum() == pytest.approx(change, abs=1e-9)
    assert parts["contribution"].to_numpy() == pytest.approx((parts["total_effect"] * parts["own_shift"]).to_numpy(), abs=1e-9)
    # quality has a driver of its own: what image brought stands with image
    beta = value(result.tables["effects"], "points", source="Image", target="Quality")
    own = value(parts, "shift", construct="Quality") - beta * value(parts, "shift", construct="Image")
    assert value(parts, "own_shift", construct="Quality") == pytest.approx(own, abs=1e-9)


def test_the_last_two_waves_and_the_first_with_the_last_are_decomposed(opened: Any) -> None:
    frame = answers().assign(wave=np.repeat(["2022", "2023", "2024"], 80))
    survey = opened(frame)
    pairs = csr.satisfaction_index(survey, bootstrap=0).tables["decomposition"][["wave_from", "wave_to"]].drop_duplicates()
    assert pairs.to_numpy().tolist() == [["2023", "2024"], ["2022", "2024"]]
    asked = csr.satisfaction_index(survey, bootstrap=0, decompose=["2022", "2023"]).tables["decomposition"]
    assert set(asked["wave_to"]) == {"2023"}


def test_the_latest_wave_alone_can_be_described(opened: Any) -> None:
    result = csr.satisfaction_index(opened(), scope="latest", **FAST)
    now = value(result.tables["index"], "index", construct="Satisfaction")
    assert now == pytest.approx(value(result.tables["waves"], "index", wave="2024", construct="Satisfaction"), abs=1e-12)
    assert result.basis.n == 120
    assert result.bases["paths"].n == 240
    assert result.tables["segments"].groupby("segment")["n"].sum().eq(120).all()


def test_rows_with_missing_answers_follow_the_rule(opened: Any) -> None:
    frame = answers().astype({"Sati1": float})
    frame.loc[:11, "Sati1"] = np.nan
    listwise = csr.satisfaction_index(opened(frame), **FAST)
    assert (listwise.basis.n, listwise.basis.n_missing, listwise.basis.missing_rule) == (228, 12, "listwise")
    survey = opened(frame)
    for rule in ("pairwise", "em"):
        other = csr.satisfaction_index(survey, missing_rule=rule, bootstrap=30)
        assert (other.basis.n, other.basis.n_missing, other.basis.missing_rule) == (240, 12, rule)
        assert 0 < value(other.tables["index"], "index", construct="Satisfaction") < 100


def test_effects_are_direct_plus_indirect(opened: Any) -> None:
    effects = csr.satisfaction_index(opened(), **FAST).tables["effects"]
    both = effects.dropna(subset=["direct", "indirect"])
    assert both[["source", "target"]].to_numpy().tolist() == [["Image", "Satisfaction"]]
    assert (both["direct"] + both["indirect"] - both["total"]).abs().max() < 1e-12
    lone = effects[effects["target"].eq("Quality")].iloc[0]
    assert math.isnan(lone["indirect"])  # a way that the model does not have is no estimate of zero
    assert lone["direct"] == lone["total"]


def test_the_same_seed_gives_the_same_result(opened: Any) -> None:
    survey = opened()
    first, again, other = (csr.satisfaction_index(survey, bootstrap=50, seed=s) for s in (5, 5, 6))
    assert first.to_json() == again.to_json()
    assert first.to_json() != other.to_json()


# ---- the roll-up


def test_the_roll_up_is_the_mean_by_shares_level_by_level(opened: Any) -> None:
    result = csr.satisfaction_index(opened(rollup=ROLLUP), **FAST)
    table = result.tables["rollup"]
    unit = {c: value(table, "index", group=f"company={c}") for c in "ABCD"}
    x, y = 0.3 * unit["A"] + 0.7 * unit["B"], 0.6 * unit["C"] + 0.4 * unit["D"]
    assert value(table, "index", group="industry=X") == pytest.approx(x, abs=1e-9)
    assert value(table, "index", group=NATION) == pytest.approx(0.2 * x + 0.8 * y, abs=1e-9)
    assert unit["A"] == pytest.approx(value(result.tables["segments"], "index", group="company=A"), abs=1e-12)
    assert (table["ci_low"] < table["index"]).all()
    assert (table["index"] < table["ci_high"]).all()


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"company": {"A": 0.3, "C": 0.6, "D": 0.4}, "industry": {"X": 0.2, "Y": 0.8}}, "no share is given for 'B' within X"),
        ({"company": ROLLUP["shares"]["company"], "industry": {"X": 0.2, "Y": 0.7}}, "sum to 0.9"),
    ],
)
def test_shares_that_are_missing_or_do_not_sum_to_one_are_an_error(opened: Any, shares: Any, said: str) -> None:
    with pytest.raises(AnalysisError, match=said) as caught:
        csr.satisfaction_index(opened(rollup={**ROLLUP, "shares": shares}), bootstrap=0)
    assert "to mend it" in str(caught.value)


def test_a_unit_under_two_parents_is_an_error(opened: Any) -> None:
    frame = answers()
    frame.loc[0, "industry"] = "Y"  # company A, so far in X
    with pytest.raises(AnalysisError, match="'A' belongs to X and Y"):
        csr.satisfaction_index(opened(frame, rollup=ROLLUP), bootstrap=0)


def test_an_only_child_needs_no_share(opened: Any) -> None:
    frame = answers().assign(industry="X")
    rollup = {"levels": ["company", "industry"], "shares": {"company": {"A": 0.1, "B": 0.2, "C": 0.3, "D": 0.4}}}
    table = csr.satisfaction_index(opened(frame, rollup=rollup), bootstrap=0).tables["rollup"]
    assert value(table, "index", group="industry=X") == value(table, "index", group=NATION)


def test_a_filter_leaves_out_what_it_gives_no_answers_for(opened: Any) -> None:
    survey = opened(rollup=ROLLUP).where(industry="X")
    table = csr.satisfaction_index(survey, bootstrap=0).tables["rollup"]
    assert set(table["group"]) == {"industry=X", "company=A", "company=B"}  # no nation without Y


shares_of_three = st.lists(st.floats(0.05, 1), min_size=3, max_size=3).map(lambda s: [x / sum(s) for x in s])


@settings(max_examples=40)
@given(shares_of_three, st.lists(st.floats(0, 100), min_size=3, max_size=3))
def test_a_rolled_up_index_lies_between_those_below_it(shares: list[float], index: list[float]) -> None:
    units = [("company", name) for name in "ABC"]
    tree = Tree(("company", NATION), {WHOLE: tuple(units)}, dict(zip(units, shares, strict=True)), dict.fromkeys(units, WHOLE))
    whole = float(tree.roll_up({u: np.asarray(v) for u, v in zip(units, index, strict=True)})[WHOLE])
    assert min(index) - 1e-9 <= whole <= max(index) + 1e-9


# ---- small groups


def test_small_groups_are_withheld_everywhere(opened: Any) -> None:
    frame = answers(200).assign(company=["A"] * 3 + ["B"] * 40 + ["C"] * 80 + ["D"] * 77)
    frame["industry"] = np.where(frame["company"].isin(["A", "B"]), "X", "Y")
    result = csr.satisfaction_index(opened(frame, rollup=ROLLUP), **FAST)
    # A has three respondents; X is shown, so B would reveal A and goes with it
    for name in ("segments", "rollup"):
        groups = set(result.tables[name]["group"])
        assert not groups & {"company=A", "company=B"}
        assert groups >= {"company=C", "company=D"}
    assert {"A", "B"} <= set(result.withheld)
    assert value(result.tables["rollup"], "n", group="industry=X") == 43
    assert "company=A" not in result.to_json()
    assert not any("A" in s.split() for s in result.findings("en"))


def test_a_group_is_as_small_as_its_usable_answers(opened: Any) -> None:
    frame = answers(200).astype({"Sati1": float})
    frame["region"] = ["East"] * 8 + ["North"] * 100 + ["South"] * 92
    frame.loc[:3, "Sati1"] = np.nan  # four of the eight cannot be used
    table = csr.satisfaction_index(opened(frame), bootstrap=0).tables["segments"]
    assert "region=East" not in set(table["group"])


def test_groups_under_thirty_are_named_as_hints(opened: Any) -> None:
    frame = answers(200)
    frame["region"] = ["East"] * 20 + ["North"] * 100 + ["South"] * 80
    result = csr.satisfaction_index(opened(frame), **FAST)
    check = next(c for c in result.checks if c.key == "index_small_groups")
    assert (check.verdict, check.value) == ("warn", 20)
    assert "East" in check.sentence("en")


# ---- what is said


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"wave": None, "segments": {}},
        {"rollup": ROLLUP, "targets": {"Satisfaction": 99}, "benchmarks": {"industry": 10}, "case_weight": "weight"},
        {"hypotheses": [{"id": "H1", "from": "Image", "to": "Loyalty"}, {"id": "H2", "from": "Loyalty", "to": "Image"}]},
        {
            "targets": {"Satisfaction": 1},
            "simulated": True,
            "scale": {"min": 1, "max": 10, "labels": [str(i) + "!" for i in range(1, 11)]},
        },
    ],
    ids=["plain", "one_wave", "rollup", "hypotheses", "labels"],
)
@pytest.mark.parametrize("options", [{"bootstrap": 40}, {"bootstrap": 0}], ids=["resampled", "not_resampled"])
def test_every_sentence_renders_in_both_languages(opened: Any, changes: Any, options: Any) -> None:
    result = csr.satisfaction_index(opened(**changes), **options)
    for lang in LANGUAGES:
        said = [f.sentence(lang) for f in result.found] + [c.sentence(lang) for c in result.checks]
        said += [c.title(lang) for c in result.checks] + [result.show_headline(lang).html.replace(NOTEBOOK_STYLE, "")]
        for name in result.tables:
            table = result.table(name, lang)
            said += [table.title, table.note, *table.headings]
        for name in result.figures:
            figure = result.figure(name, lang)
            said += [figure.caption, figure.alt]
        assert not [s for s in said if unfilled(s)]
        assert not [s for s in said if "nan" in s.lower().split()]


def test_every_figure_can_be_drawn(opened: Any) -> None:
    result = csr.satisfaction_index(opened(rollup=ROLLUP, targets={"Satisfaction": 60}), **FAST)
    assert set(result.figures) == {"waves", "decomposition", "segments", "rollup", "model", "importance_performance_map"}
    assert all(result.figure(name, "zh").svg().startswith(b"<?xml") for name in result.figures)


def test_a_result_goes_to_json_and_back(opened: Any) -> None:
    result = csr.satisfaction_index(opened(rollup=ROLLUP), **FAST)
    back = Result.from_json(result.to_json())
    assert type(back) is type(result)
    assert back.to_json() == result.to_json()
    assert back.figure("rollup", "en").alt == result.figure("rollup", "en").alt


def test_tables_that_a_study_cannot_have_say_why(opened: Any) -> None:
    result = csr.satisfaction_index(opened(wave=None, segments={}), bootstrap=0)
    for name in ("waves", "wave_changes", "decomposition", "segments", "rollup", "goals", "hypotheses"):
        assert name not in result.tables
        assert len(str(result.table(name, "en"))) > 20
    with pytest.raises(OptionError, match="unknown table"):
        result.table("wave")


def test_a_target_is_met_missed_or_open(opened: Any) -> None:
    said = {}
    for goal in (5, 99):
        result = csr.satisfaction_index(opened(targets={"Satisfaction": goal}), **FAST)
        said[goal] = {f.key.split(".")[1]: f.tone for f in result.found}
    assert said[5]["target_met"] == "good"
    assert said[99]["target_missed"] == "bad"
    index = value(result.tables["index"], "index", construct="Satisfaction")
    result = csr.satisfaction_index(opened(targets={"Satisfaction": round(index, 2)}), **FAST)
    assert "satisfaction_index.target_open" in {f.key for f in result.found}


def test_a_target_of_a_wave_is_used_for_that_wave(opened: Any) -> None:
    survey = opened(targets={"satisfaction": {"2023": 10, "2024": 20}}, outcomes={"satisfaction": "Satisfaction"})
    assert csr.satisfaction_index(survey, scope="latest", bootstrap=0).tables["goals"]["goal"].tolist() == [20]
    assert "goals" not in csr.satisfaction_index(survey, bootstrap=0).tables  # no target for all waves together


def test_hypotheses_are_supported_contradicted_or_untestable(opened: Any) -> None:
    stated = [
        {"id": "H1", "from": "Quality", "to": "Satisfaction", "sign": "+"},
        {"id": "H2", "from": "Satisfaction", "to": "Loyalty", "sign": "-"},
        {"id": "H3", "from": "Quality", "to": "Loyalty", "sign": "+"},
        {"id": "H4", "from": "Loyalty", "to": "Quality", "sign": "+"},
    ]
    result = csr.satisfaction_index(opened(hypotheses=stated), bootstrap=200)
    table = result.tables["hypotheses"].set_index("hypothesis")
    assert table["status"].to_dict() == {"H1": "supported", "H2": "opposite", "H3": "supported", "H4": "untested"}
    assert table["tested_as"].to_dict() == {"H1": "direct", "H2": "direct", "H3": "total", "H4": "none"}
    # a stated sign is the sign that the theory expects
    assert next(c for c in result.checks if c.key == "expected_sign").verdict == "fail"


def test_the_strongest_driver_and_the_best_lever_are_named(opened: Any) -> None:
    result = csr.satisfaction_index(opened(), bootstrap=200)
    drivers = result.tables["importance_performance_map"].set_index("construct")
    assert drivers["importance"].idxmax() == "Quality"
    assert drivers.loc["Quality", "first_share"] > 0.9
    driver = next(f for f in result.found if f.key == "satisfaction_index.driver")
    assert driver.level == "key"
    assert driver.values["effect"] == drivers.loc["Quality", "importance"]


def test_nothing_is_read_from_a_solution_that_no_population_could_have() -> None:
    result = csr.satisfaction_index(csr.open_study(ROOT / "data" / "bank" / "study.yml"), mode="reflective", bootstrap=60)
    assert result.tables["r_squared"]["r_squared"].max() > 1
    assert {h.key for h in result.headline} == {"index_value"}
    assert "importance_performance_map" not in result.tables
    assert set(result.tables["hypotheses"]["status"]) == {"undecided"}
    checks = {c.key: c for c in result.checks}
    assert "explained_variance" not in checks
    assert checks["inadmissible_draws"].verdict == "fail"
    assert f"{result.resamples} bootstrap resamples" in (said := " ".join(result.findings("en", level="method")))
    assert "of the others have an inadmissible solution" in said
    assert "inadmissible" in result.figure("model", "en").caption


def test_a_driver_that_respondents_hardly_tell_from_another_is_not_named_alone() -> None:
    result = csr.satisfaction_index(csr.open_study(ROOT / "data" / "directory" / "study.yml"), **FAST)
    assert "hardly tell Service quality from Service attitude" in " ".join(result.findings("en", level="key"))
    keys = {f.key for f in result.found}
    assert "satisfaction_index.action_lever_alike" in keys
    assert not keys & {f"satisfaction_index.{k}" for k in ("lever", "lever_first", "lever_room", "action_lever")}
    check = next(c for c in result.checks if c.key == "discriminant_htmt")
    assert check.verdict == "fail"
    assert "below 1" in check.sentence("en")


def test_htmt_passes_only_where_no_interval_reaches_one() -> None:
    result = csr.satisfaction_index(csr.open_study(ROOT / "data" / "bank" / "study.yml"), **FAST)
    table = result.tables["htmt"]
    assert table["estimate"].max() < 0.9
    assert (table["ci_high"] >= 1).any()
    check = next(c for c in result.checks if c.key == "discriminant_htmt")
    assert check.verdict == "warn"
    assert len(check.values["names"]) == (table["ci_high"] >= 1).sum()


@pytest.mark.parametrize(
    ("estimate", "ci_high", "verdict"),
    [(0.5, 0.7, "pass"), (0.5, float("nan"), "pass"), (0.5, 1.0, "warn"), (0.95, 0.99, "fail"), (0.95, 1.2, "fail")],
)
def test_htmt_is_judged_by_estimate_and_interval(estimate: float, ci_high: float, verdict: str) -> None:
    found, concerned, values = judge_htmt(pd.DataFrame({"estimate": [estimate, 0.1], "ci_high": [ci_high, 0.2]}))
    assert found == verdict
    assert concerned.index.tolist() == ([] if verdict == "pass" else [0])
    assert values["beside"]["en"] == ("below 1" if not ci_high >= 1 else "so that even 1 is not ruled out")


def test_a_lever_is_not_named_where_another_may_leave_as_much_room() -> None:
    def driver(name: str, importance: float, half: float, performance: float, spread: float) -> Any:
        return SimpleNamespace(
            construct=name, importance=importance, ci_low=importance - half, ci_high=importance + half,
            performance=performance, performance_ci_low=performance - spread, performance_ci_high=performance + spread,
        )  # fmt: skip

    clear = [driver("A", 0.6, 0.1, 50, 2), driver("B", 0.1, 0.05, 80, 2)]
    assert _lever(clear) == (clear[0], "lever")
    assert not _rivals(clear, clear[0])
    wide = [driver("A", 0.6, 0.1, 50, 20), driver("B", 0.5, 0.2, 60, 2), driver("C", 0.1, 0.05, 60, 2)]
    lever, key = _lever(wide)
    assert (lever.construct, key) == ("A", "lever_room")
    assert [d.construct for d in _rivals(wide, lever)] == ["B"]


def test_a_driver_that_cannot_be_told_from_zero_is_not_named(opened: Any) -> None:
    frame = answers()
    rng = np.random.default_rng(3)
    for i in (1, 2, 3):  # satisfaction has nothing to do with the rest
        frame[f"Sati{i}"] = rng.permutation(frame[f"Sati{i}"])
    result = csr.satisfaction_index(opened(frame), bootstrap=200)
    assert "index_driver" not in {h.key for h in result.headline}
    keys = {f.key for f in result.found}
    assert "satisfaction_index.no_lever" in keys
    assert not keys & {"satisfaction_index.driver", "satisfaction_index.lever", "satisfaction_index.action_lever"}


def test_drivers_that_are_nearly_the_same_fail_the_checks(opened: Any) -> None:
    frame = answers(80)
    for i in (1, 2, 3):  # quality repeats image but for two answers
        frame[f"Qual{i}"] = frame[f"Imag{i}"]
        frame.loc[[i, i + 10], f"Qual{i}"] = 5
    result = csr.satisfaction_index(opened(frame, segments={}), bootstrap=100)
    verdicts = {c.key: c.verdict for c in result.checks}
    assert verdicts["structural_vif"] == verdicts["path_std_error"] == verdicts["discriminant_htmt"] == "fail"
    assert {"satisfaction_index.limit_vif", "satisfaction_index.limit_exploding"} <= {f.key for f in result.found}


def test_an_item_that_was_not_turned_round_is_found_out(opened: Any) -> None:
    frame = answers()
    frame["Qual3"] = 11 - frame["Qual3"]
    result = csr.satisfaction_index(opened(frame), **FAST)
    assert next(c for c in result.checks if c.key == "negative_weights").verdict == "fail"
    assert "importance_performance_map" not in result.tables
    assert "not admissible" in next(c for c in result.checks if c.key == "negative_weights").sentence("en")
    assert "satisfaction_index.limit_weights" in {f.key for f in result.found}
    turned = study()["indicators"] | {"Qual3": {"reverse": True}}
    mended = csr.satisfaction_index(opened(frame, indicators=turned), **FAST)
    same = csr.satisfaction_index(opened(), **FAST)
    assert mended.tables["index"]["index"].to_numpy() == pytest.approx(same.tables["index"]["index"].to_numpy(), abs=1e-9)


# ---- bad input


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "csi"}, "acsi"),
        ({"engine": "sem"}, "only 'pls' exists so far"),
        ({"target": "Satisfacton"}, "did you mean 'Satisfaction'"),
        ({"by": ["regoin"]}, "did you mean 'region'"),
        ({"decompose": ["2023", "2025"]}, "unknown wave '2025'"),
        ({"decompose": ["2023", "2023"]}, "two different waves"),
        ({"scheme": "pca"}, "scheme"),
        ({"bootstraps": 100}, "did you mean 'bootstrap'"),
    ],
)
def test_wrong_options_are_refused_and_say_what_is_allowed(opened: Any, options: Any, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        csr.satisfaction_index(opened(), **{"bootstrap": 0, **options})


def test_a_template_whose_constructs_are_lacking_is_an_error(opened: Any) -> None:
    with pytest.raises(StudyError, match="the acsi model needs a construct 'Expectation'"):
        csr.satisfaction_index(opened(), model="acsi", bootstrap=0)


def test_a_constant_item_is_named(opened: Any) -> None:
    with pytest.raises(AnalysisError, match="Qual2") as caught:
        csr.satisfaction_index(opened(answers().assign(Qual2=7)), bootstrap=0)
    assert "to mend it" in str(caught.value)


def test_too_few_answers_are_an_error(opened: Any) -> None:
    with pytest.raises(AnalysisError, match="fewer than min_cell"):
        csr.satisfaction_index(opened(answers(240).iloc[:4]), bootstrap=0)


def test_few_answers_for_the_model_fail_a_check(opened: Any) -> None:
    result = csr.satisfaction_index(opened(answers(240).iloc[:9]), bootstrap=30)
    verdicts = {c.key: c.verdict for c in result.checks}
    assert verdicts["sample_size"] == verdicts["index_n_per_parameter"] == "fail"
    assert "satisfaction_index.limit_n" in {f.key for f in result.found}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"paths": {**PATHS, "Loyalty": ["Image"]}}}, "circle"),
        ({"constructs": {**study()["constructs"], "Image": {"indicators": []}}}, "no i"),
        ({"model": {"template": "tcsl"}}, "tcsi"),
    ],
    ids=["cycle", "no_items", "unknown_template"],
)
def test_a_model_that_is_none_is_an_error(opened: Any, changes: Any, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        csr.satisfaction_index(opened(**changes), bootstrap=0)


def test_a_study_without_a_model_cannot_feed_the_index(opened: Any) -> None:
    survey = opened(model=None)
    problems = feeds(survey.study)
    assert len(problems) == 1
    assert "model:" in problems[0].mend
    with pytest.raises(StudyError, match="has no model"):
        csr.satisfaction_index(survey, bootstrap=0)
    assert feeds(opened().study) == []
