"""Factor structure: known factors are found and named, published models come out, and what cannot be believed is said."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from structure_samples import BLOCKS, ITEMS, RESULTS, answers, pupils, study

import csr_lib as csr
from csr_lib.analyses.factor_structure import FactorStructureResult, feeds
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES
from csr_lib.study import Survey

DATA = Path(__file__).parents[2] / "data"
HYPOTHESES = [
    {"id": "H1", "from": "Ease", "to": "Result", "sign": "+"},
    {"id": "H2", "from": "Speed", "to": "Result", "sign": "+"},
    {"id": "H3", "from": "Care", "to": "Result", "sign": "+"},
    {"id": "H4", "from": "Ease", "to": "Care", "sign": "+"},
]


def run(survey: Survey, **options: Any) -> FactorStructureResult:
    """Run without what takes long: no bootstrap, few sets of chance data, no groups."""
    return csr.factor_structure(survey, **({"bootstrap": 0, "parallel": 20, "group_n": 100_000} | options))


def row(result: FactorStructureResult, table: str, **where: Any) -> pd.Series:
    frame = result.tables[table]
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def verdict(result: FactorStructureResult, key: str) -> str:
    return next((c.verdict for c in result.checks if c.key == key), "none")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> FactorStructureResult:
    """Everything there is: hypotheses, bootstrap, groups."""
    survey = study(tmp_path_factory.mktemp("whole"), answers(), hypotheses=HYPOTHESES)
    return run(survey, bootstrap=40, group_n=100)


@pytest.fixture(scope="module")
def bank() -> FactorStructureResult:
    return run(csr.open_study(DATA / "bank" / "study.yml", lang="en"), bootstrap=30)


@pytest.fixture(scope="module")
def tests_of_pupils(tmp_path_factory: pytest.TempPathFactory) -> FactorStructureResult:
    return run(pupils(tmp_path_factory.mktemp("pupils")), group_n=100)


# ---- exploration


def test_reliability_and_fitness_are_the_textbook_formulas(whole: FactorStructureResult) -> None:
    frame = answers()[ITEMS]
    p, n = 9, len(frame)
    alpha = p / (p - 1) * (1 - frame.var().sum() / frame.sum(axis=1).var())
    own = row(whole, "reliability", construct="all")
    assert own["alpha"] == pytest.approx(alpha)
    f = stats.f.ppf([0.975, 0.025], n - 1, (n - 1) * (p - 1))
    assert own[["ci_low", "ci_high"]].tolist() == pytest.approx(list(1 - (1 - alpha) * f))
    r = frame.corr().to_numpy()
    inverse = np.linalg.inv(r)
    partial = inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    off = ~np.eye(p, dtype=bool)
    kmo = (r[off] ** 2).sum() / ((r[off] ** 2).sum() + (partial[off] ** 2).sum())
    chi2 = -(n - 1 - (2 * p + 5) / 6) * np.log(np.linalg.det(r))
    fit = row(whole, "adequacy", correlation_kind="pearson")
    assert fit[["kmo", "chi2", "df"]].tolist() == pytest.approx([kmo, chi2, 36])
    variance = whole.tables["variance"]
    assert variance["eigenvalue"].tolist() == pytest.approx(list(np.linalg.eigvalsh(r)[::-1][:3]))
    assert variance["cumulative"].iloc[-1] == pytest.approx(np.linalg.eigvalsh(r)[::-1][:3].sum() / p)


def test_factors_bear_the_names_of_the_constructs_that_they_are(whole: FactorStructureResult) -> None:
    variance = whole.tables["variance"]
    assert set(variance["factor_match"]) == {"same"}
    assert {c: sorted(items) for c, items in zip(variance["construct"], variance["items"], strict=True)} == BLOCKS
    grouped = whole.tables["grouping"]
    assert (grouped["ci_low"] < grouped["loading"]).all()
    assert grouped["stable"].min() > 0.9


def test_a_factor_of_two_constructs_has_the_name_of_neither(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers(among=0.97)))
    assert result.tables["variance"][["construct", "factor_match"]].to_numpy().tolist() == [["", "none"]]
    assert result.label("C1", "zh") == "成分 1"
    assert "hardly tell" in result.findings("en", level="key")[0]


def test_the_number_of_factors_can_be_given_and_is_compared_with_the_rules(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers()), factors=2, extract="ml", rotation="oblimin", structure=False, scores=False)
    assert len(result.tables["variance"]) == 2
    assert row(result, "retention", used=True)["retention_rule"] == "number"
    check = next(c for c in result.checks if c.key == "fs_number")
    assert (check.verdict, check.value, check.threshold) == ("warn", 2, 3)


def result_names(result: FactorStructureResult) -> set[str]:
    return {result.label(f, "en") for f in result.tables["variance"]["factor"]}


def test_few_grades_ask_for_polychoric_correlations_and_another_choice_is_told(tmp_path: Path) -> None:
    survey = study(tmp_path, answers(top=4), scale={"min": 1, "max": 4})
    by_rule = run(survey, structure=False, scores=False)
    assert by_rule.options["correlation"] == "polychoric"
    assert by_rule.tables["adequacy"]["correlation_kind"].tolist() == ["polychoric", "pearson"]
    forced = run(survey, structure=False, scores=False, correlation="pearson")
    assert forced.options["correlation"] == "pearson"
    assert (verdict(by_rule, "fs_correlation"), verdict(forced, "fs_correlation")) == ("pass", "warn")
    polychoric = by_rule.tables["grouping"].set_index("item")["loading"].abs()
    assert (polychoric > forced.tables["grouping"].set_index("item")["loading"].abs()).all()  # grades hide part of a correlation


def test_an_item_that_runs_against_its_construct_fails(tmp_path: Path) -> None:
    frame = answers()
    frame["e3"] = 11 - frame["e3"]
    result = run(study(tmp_path, frame), structure=False, scores=False)
    assert verdict(result, "fs_item_rest") == "fail"
    assert verdict(result, "fs_alpha") == "fail"


def test_a_split_explores_one_half_and_tests_the_other(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers(321)), split=True)
    assert (result.basis.n, result.bases["fit"].n, result.bases["score_paths"].n) == (160, 161, 161)
    assert not any(f.key == "fs_same_answers" for f in result.found)


# ---- what the target depends on


def test_score_paths_are_the_regression_on_component_scores(whole: FactorStructureResult) -> None:
    frame = answers()
    r = frame[ITEMS].corr().to_numpy()
    loadings = whole.tables["loadings"].set_index("item").loc[ITEMS, list(whole.tables["variance"]["factor"])].to_numpy(float)
    z = ((frame[ITEMS] - frame[ITEMS].mean()) / frame[ITEMS].std()).to_numpy() @ np.linalg.solve(r, loadings)
    y = frame[RESULTS].mean(axis=1)
    design = np.column_stack([np.ones(len(z)), z / z.std(axis=0)])
    beta = np.linalg.lstsq(design, (y - y.mean()) / y.std(ddof=0), rcond=None)[0][1:]
    named = dict(zip(whole.tables["variance"]["construct"], beta, strict=True))
    got = whole.tables["score_paths"].set_index("source")["estimate"]
    assert {c: got[c] for c in BLOCKS} == pytest.approx(named)


def test_hypotheses_are_supported_not_supported_contradicted_or_not_testable(whole: FactorStructureResult) -> None:
    assert whole.tables["hypotheses"]["status"].tolist() == ["supported", "not_supported", "opposite", "untested"]
    assert whole.tables["hypotheses"]["score_status"].tolist() == ["supported", "not_supported", "opposite", "untested"]
    shown = str(whole.table("hypotheses", "en"))  # a row for each model that says something of a hypothesis
    assert len([line for line in shown.split("\n") if "structural model\t" in line]) == 3
    assert len([line for line in shown.split("\n") if "factor scores\t" in line]) == 3
    assert shown.count("not testable") == 1
    said = " ".join(whole.findings("en"))
    assert "in 1 of 3 cases: H1" in said
    assert "depends most on Ease" in said
    assert "then on Care (−0.38; " in said
    assert "effect of Speed on Result" in said


def test_an_effect_that_leads_through_another_construct_is_the_product_of_its_paths(tmp_path: Path) -> None:
    model = {"paths": {"Ease": ["Care", "Result"], "Care": ["Result"], "Speed": ["Result"]}, "target": "Result"}
    result = run(study(tmp_path, answers(), model=model))
    paths = result.tables["paths"].set_index(["source", "target"])["estimate"]
    effects = result.tables["effects"]
    assert effects[["source", "target", "effect"]].to_numpy().tolist() == [
        ["Ease", "Result", "indirect"],
        ["Ease", "Result", "total"],
    ]
    through = paths["Ease", "Care"] * paths["Care", "Result"]
    assert effects["std_all"].tolist() == pytest.approx([through, through + paths["Ease", "Result"]])


# ---- confirmation


def test_a_published_measurement_model_comes_out(tests_of_pupils: FactorStructureResult) -> None:
    """Figures of R lavaan's tutorial for Holzinger and Swineford's nine tests."""
    fit = tests_of_pupils.tables["fit_measures"].iloc[0]
    assert (fit["chi2"], fit["df"]) == (pytest.approx(85.306, abs=5e-4), 24)
    assert fit[["cfi", "tli", "rmsea", "rmsea_ci_low", "rmsea_ci_high", "srmr"]].tolist() == pytest.approx(
        [0.931, 0.896, 0.092, 0.071, 0.114, 0.065], abs=5e-4
    )
    loadings = [0.772, 0.424, 0.581, 0.852, 0.855, 0.838, 0.570, 0.723, 0.665]
    assert tests_of_pupils.tables["cfa_loadings"]["estimate"].tolist() == pytest.approx(loadings, abs=5e-4)
    hint = tests_of_pupils.tables["modification"].iloc[0]
    assert hint[["source", "target", "hint"]].tolist() == ["Visual", "x9", "loading"]
    assert hint["mi"] == pytest.approx(36.411, abs=5e-4)
    assert verdict(tests_of_pupils, "fs_cfa_fit") == "fail"
    assert ("Visual", "x9") not in set(
        tests_of_pupils.tables["cfa_loadings"][["construct", "item"]].itertuples(index=False, name=None)
    )


def test_groups_are_compared_as_far_as_the_measurement_is_the_same(tests_of_pupils: FactorStructureResult) -> None:
    steps = tests_of_pupils.tables["invariance"].set_index("invariance_step")
    assert steps.loc[["configural", "metric", "scalar"], "chi2"].tolist() == pytest.approx([115.851, 124.044, 164.103], abs=5e-4)
    assert steps.loc[["configural", "metric", "scalar"], "df"].tolist() == [48, 54, 60]
    assert steps.loc[["configural", "metric", "scalar"], "step_verdict"].tolist() == ["warn", "pass", "fail"]
    assert "latent_means" not in tests_of_pupils.tables
    assert "means may not" in " ".join(tests_of_pupils.findings("en"))
    assert "截距不等" in str(tests_of_pupils.figure("latent_means", "zh"))


def test_validity_follows_from_the_loadings(whole: FactorStructureResult) -> None:
    for name, items in BLOCKS.items():
        loads = whole.tables["cfa_loadings"].set_index("item").loc[items, "estimate"].to_numpy(float)
        own = row(whole, "validity", construct=name)
        assert own["ave"] == pytest.approx((loads**2).mean(), abs=2e-3)
        assert own["cr"] == pytest.approx(loads.sum() ** 2 / (loads.sum() ** 2 + (1 - loads**2).sum()), abs=5e-3)
        diagonal = whole.tables["fornell_larcker"].set_index("construct").loc[name, name]
        assert diagonal == pytest.approx(math.sqrt(own["ave"]))


def test_a_second_loading_is_hinted_at_and_never_applied(tmp_path: Path) -> None:
    result = run(study(tmp_path, answers(600, e3="Care")), structure=False)
    hint = result.tables["modification"].iloc[0]
    assert hint[["source", "target", "hint"]].tolist() == ["Care", "e3", "loading"]
    loaded = result.tables["cfa_loadings"]
    assert loaded.loc[loaded["item"] == "e3", "construct"].tolist() == ["Ease"]
    assert verdict(result, "fs_cross_loading") in ("warn", "fail")


def test_composites_are_tested_as_factors_only_openly(tmp_path: Path) -> None:
    kinds = {c: {"indicators": of, "mode": m} for (c, of), m in zip(BLOCKS.items(), "AB", strict=False)}
    constructs = {**kinds, "Care": {"indicators": BLOCKS["Care"], "mode": "reflective"}, "Result": {"indicators": ["y1"]}}
    result = run(study(tmp_path, answers(), constructs=constructs), thresholds={"nfi": 0.5})
    assert verdict(result, "fs_cfa_inputs") == "warn"
    assert verdict(result, "fs_formative") == "fail"
    said = " ".join(result.findings("en"))
    assert "Ease and Speed as composites" in said
    assert "single item: Result" in said
    assert row(result, "fit", fit_measure="nfi")[["criterion", "fit_source", "cfa_met"]].tolist() == ["≥ 0.50", "study", "met"]


def test_sampling_weights_ask_for_robust_estimation(tmp_path: Path) -> None:
    frame = answers().assign(weight=np.where(np.arange(320) % 4 == 0, 3.0, 1.0))
    result = run(study(tmp_path, frame, case_weight="weight"), factors="constructs")
    assert result.options["estimator"] == "MLR"
    assert row(result, "retention", used=True)[["retention_rule", "suggested"]].tolist() == ["constructs", 3]
    assert result.basis.n_effective < result.basis.n == 320
    mean = np.average(frame["e1"], weights=frame["weight"])
    assert row(result, "items", item="e1")["mean"] == pytest.approx(mean)


def test_incomplete_answers_are_left_out_or_used_as_the_rule_says(tmp_path: Path) -> None:
    frame = answers().astype({"e1": "object"})
    frame.loc[:39, "e1"] = ""
    survey = study(tmp_path, frame)
    complete = run(survey, scores=False, structure=False)
    assert (complete.basis.n, complete.bases["fit"].n, complete.bases["fit"].missing_rule) == (280, 280, "listwise")
    everybody = run(survey, scores=False, structure=False, missing_rule="em")
    assert (everybody.basis.n, everybody.bases["fit"].n, everybody.bases["fit"].missing_rule) == (320, 320, "em")


# ---- what cannot be believed


def test_the_bank_report_says_what_was_published_and_what_is_impossible(bank: FactorStructureResult) -> None:
    assert bank.tables["funnel"]["n"].tolist() == [145, 98, 93, 93]
    used = row(bank, "adequacy", used=True)
    assert (round(used["kmo"], 3), round(used["chi2"], 3), used["df"]) == (0.765, 132.948, 66)
    assert round(bank.tables["variance"]["cumulative"].iloc[-1], 3) == 0.631
    found = bank.tables["score_paths"].set_index("source")["estimate"]
    assert [round(found[c], 2) for c in ("Product", "Relationship", "Service", "Environment")] == [0.41, 0.57, 0.42, 0.30]
    assert round(found["Image"], 3) == 0.329
    assert bank.tables["fit"]["criterion"].tolist() == ["≤ 3.00", "≥ 0.90", "≥ 0.90", "≥ 0.85", "≤ 0.05", "≤ 0.08"]
    assert bank.tables["fit"]["fit_source"].tolist() == [*["study"] * 5, "hu1999"]
    assert row(bank, "r_squared", construct="Satisfaction")["r_squared"] > 1
    assert verdict(bank, "fs_structure_admissible") == "fail"
    assert set(bank.tables["hypotheses"]["status"]) == {"undecided"}
    assert set(bank.tables["hypotheses"]["score_status"]) == {"supported"}
    assert [h.key for h in bank.headline][-1] == "fs_hypotheses_scores"
    assert "no possible solution" in " ".join(bank.findings("en", level="key"))
    assert "must not be cited" in bank.figure("paths", "en").caption
    assert verdict(bank, "fs_cfa_too_good") == "warn"
    assert bank.missing["groups"] == "small_groups"


def test_a_model_that_cannot_be_estimated_is_a_failed_check_and_the_rest_stands(tmp_path: Path) -> None:
    frame = answers(40)
    frame["y2"], frame["y3"] = frame["y1"], frame["y1"]  # what follows is the same answer three times
    result = run(study(tmp_path, frame))
    assert verdict(result, "fs_cfa_failed") == "fail"
    assert result.missing["cfa"] == "not_estimated"
    assert "variance" in result.tables
    assert "could not be estimated" in str(result.table("fit"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.assign(e2=5), "e2"),
        (lambda f: f.assign(e2=f["e1"]), "e1"),
        (lambda f: f.head(6), "6 rows are too few for 9 items"),
    ],
    ids=["constant", "twice", "few"],
)
def test_items_that_cannot_have_factors_are_an_error_that_names_them(tmp_path: Path, spoil: Any, said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        run(study(tmp_path, spoil(answers())))


def test_options_that_do_not_exist_are_named(tmp_path: Path) -> None:
    survey = study(tmp_path, answers(40))
    for wrong, said in (
        ({"constructs": ["Eas"]}, "did you mean 'Ease'"),
        ({"by": "sites"}, "did you mean 'site'"),
        ({"rotation": "varimx"}, "varimx"),
        ({"factors": 0}, "at least one factor"),
        ({"factors": 12}, "factors"),
        ({"thresholds": {"cfj": 0.9}}, "thresholds"),
    ):
        with pytest.raises((OptionError, AnalysisError), match=said):
            run(survey, **wrong)


def test_a_study_says_beforehand_that_it_has_too_few_items(tmp_path: Path) -> None:
    assert feeds(study(tmp_path, answers(20)).study) == []
    few = study(tmp_path / "few", answers(20), constructs={"Ease": {"indicators": BLOCKS["Ease"]}}, model=None)
    problems = feeds(few.study)
    assert "3 items are too few" in problems[0].what
    assert problems[0].mend


def test_a_study_without_constructs_is_explored_and_the_rest_says_why_it_is_missing(tmp_path: Path) -> None:
    more = {"constructs": None, "model": None, "indicators": {i: {} for i in ITEMS}, "segments": None}
    result = run(study(tmp_path, answers(), **more, outcomes={"satisfaction": {"column": "overall"}}))
    assert result_names(result) == {"Component 1", "Component 2", "Component 3"}
    assert result.missing["cfa"] == "no_constructs"
    assert len(result.tables["score_paths"]) == 3
    for lang in LANGUAGES:
        for name in ("fit", "cfa_loadings", "paths", "hypotheses", "invariance", "modification"):
            assert "{" not in str(result.table(name, lang))
            assert str(result.table(name, lang)).endswith(("。", "."))


# ---- words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sentence_table_and_figure_is_complete(
    whole: FactorStructureResult, bank: FactorStructureResult, tests_of_pupils: FactorStructureResult, lang: str
) -> None:
    for result in (whole, bank, tests_of_pupils):
        assert {f.level for f in result.found} >= {"key", "detail", "limit", "method"}
        assert 2 <= len(result.findings(lang, level="key")) <= 4
        said = [*result.findings(lang), *result.findings(lang, level="method"), *(c.sentence(lang) for c in result.checks)]
        said += [str(result.table(name, lang)) for name in result.tables]
        for name in result.figures if result is not tests_of_pupils else ():
            figure = result.figure(name, lang)
            said += [figure.caption, figure.alt]
        assert not [s for s in said if "{" in s or "nan" in s.lower().split() or "= <" in s or "factor_structure." in s]


def test_a_result_goes_to_json_and_back(whole: FactorStructureResult) -> None:
    back = Result.from_json(whole.to_json())
    assert isinstance(back, FactorStructureResult)
    assert back.to_json() == whole.to_json()
    assert back.findings("zh") == whole.findings("zh")
    assert replace(back, lang="zh").table("fit").title == whole.table("fit", "zh").title


def test_intervals_that_reach_one_leave_it_open_whether_constructs_are_distinct() -> None:
    result = csr.factor_structure(csr.open_study(DATA / "bank" / "study.yml"), bootstrap=60)
    pairs = result.tables["discriminant"]
    assert pairs["estimate"].max() < 0.9
    assert (pairs["ci_high"] >= 1).any()
    assert next(c for c in result.checks if c.key == "fs_htmt").verdict == "warn"
    keys = {f.key for f in result.found}
    assert "fs_discriminant_open" in keys
    assert "fs_discriminant" not in keys
    possible = next(c for c in result.checks if c.key == "fs_structure_admissible")
    assert possible.values["r2"] == result.tables["r_squared"]["r_squared"].max()  # of constructs, not of items
    effects = next(f for f in result.found if f.key == "fs_effects").sentence("en")
    assert effects.count(" to ") == len(result.tables["score_paths"])
