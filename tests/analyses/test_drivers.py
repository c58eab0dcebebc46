"""Drivers: known answers by numpy, scipy and R's formulas; verdicts of hypotheses; what-if; what cannot be computed is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

import csr_lib as csr
from csr_lib.analyses.drivers import DriversResult, feeds
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES
from csr_lib.show.figure import Figure
from csr_lib.study import Study

DATA = Path(__file__).parents[2] / "data"
ITEMS = ("a", "b", "c", "d")


def answers(n: int = 240, seed: int = 1) -> pd.DataFrame:
    """Items a and b drive the outcome, c and d do not; a region of two, an id, weights."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    ratings = {i: np.clip(np.rint(3 + 0.6 * common + 0.9 * rng.normal(size=n)), 1, 5) for i in ITEMS}
    y = np.clip(np.rint(0.4 + 0.6 * ratings["a"] + 0.25 * ratings["b"] + 0.7 * rng.normal(size=n)), 1, 5)
    frame = pd.DataFrame({**ratings, "overall": y, "loyal": np.clip(y + rng.integers(-1, 2, n), 1, 5)}).astype(int)
    return frame.assign(region=np.where(np.arange(n) % 3 == 0, "N", "S"), w=np.round(rng.uniform(0.4, 2.5, n), 2))


def study(folder: Path, rows: pd.DataFrame, **more: Any) -> csr.Survey:
    values: dict[str, Any] = {
        "id": "tiny",
        "title": {"zh": "小调查", "en": "Tiny"},
        "answers": "answers.csv",
        "scale": {"min": 1, "max": 5},
        "indicators": {i: {"label": {"zh": f"指标{i}", "en": f"item {i}"}} for i in ITEMS},
        "segments": {"region": {}},
        "outcomes": {"satisfaction": "overall"},
        **more,
    }
    folder.mkdir(exist_ok=True)
    (folder / "study.yml").write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    rows.to_csv(folder / "answers.csv", index=False)
    return csr.open_study(folder, lang="en")


TWO: dict[str, Any] = {
    "indicators": [*ITEMS, "overall", "loyal"],
    "constructs": {"Good": ["a", "b"], "Idle": ["c", "d"], "Satisfaction": ["overall"], "Loyalty": ["loyal"]},
    "outcomes": {"satisfaction": {"construct": "Satisfaction"}},
    "hypotheses": [
        {"id": "H1", "from": "Good", "to": "Satisfaction"},
        {"id": "H2", "from": "Idle", "to": "Satisfaction"},
        {"id": "H3", "from": "Good", "to": "Loyalty", "sign": "-"},
    ],
}


def row(result: Result, table: str, **keys: Any) -> pd.Series:
    frame = result.tables[table]
    for column, value in keys.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


# ---- numbers


def test_coefficients_are_least_squares_and_errors_hc3(tmp_path: Path) -> None:
    rows = answers()
    result = csr.drivers(study(tmp_path, rows), bootstrap=0)
    x, y = np.column_stack([np.ones(len(rows)), rows[list(ITEMS)]]), rows["overall"].to_numpy(float)
    bread = np.linalg.inv(x.T @ x)
    b = bread @ x.T @ y
    e = (y - x @ b) / (1 - np.einsum("ij,jk,ik->i", x, bread, x))
    errors = np.sqrt(np.diag(bread @ (x.T * e**2) @ x @ bread))
    table = result.tables["coefficients"]
    assert table["variable"].tolist() == ["intercept", *ITEMS]
    np.testing.assert_allclose(table["b"], b)
    np.testing.assert_allclose(table["std_error"], errors)
    np.testing.assert_allclose(table["p_value"], 2 * stats.t.sf(np.abs(b / errors), len(y) - 5))
    assert row(result, "model")["r_squared"] == pytest.approx(np.corrcoef(x @ b, y)[0, 1] ** 2)


def test_weights_reach_every_table(tmp_path: Path) -> None:
    rows = answers()
    result = csr.drivers(study(tmp_path, rows, case_weight="w"), bootstrap=0)
    w, y = rows["w"].to_numpy(), rows["overall"].to_numpy(float)
    x = np.column_stack([np.ones(len(rows)), rows[list(ITEMS)]])
    np.testing.assert_allclose(result.tables["coefficients"]["b"], np.linalg.solve((x.T * w) @ x, (x.T * w) @ y))
    assert row(result, "description", variable="satisfaction")["mean"] == pytest.approx(np.average(y, weights=w))
    shares = row(result, "frequencies", item="a")
    assert shares["grade_5"] == pytest.approx(w[rows["a"] == 5].sum() / w.sum())
    assert row(result, "sample", group="region=N")["share"] == pytest.approx(w[rows["region"] == "N"].sum() / w.sum())
    r = np.cov(rows["a"], y, aweights=w)
    assert row(result, "correlations", variable="a")["estimate"] == pytest.approx(r[0, 1] / np.sqrt(r[0, 0] * r[1, 1]))
    assert result.basis.n_effective == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_correlations_are_pearsons_with_fishers_interval_and_holm(tmp_path: Path) -> None:
    rows = answers(60)
    rows.loc[:5, "a"] = None
    table = csr.drivers(study(tmp_path, rows), bootstrap=0).tables["correlations"].set_index("variable")
    raw = []
    for item in ITEMS:
        both = rows[[item, "overall"]].dropna()
        theirs = stats.pearsonr(both[item], both["overall"])
        low, high = theirs.confidence_interval(0.95)
        got = table.loc[item, ["n", "estimate", "ci_low", "ci_high", "p_value"]].to_numpy(float)
        assert got == pytest.approx([len(both), theirs.statistic, low, high, theirs.pvalue])
        raw.append(theirs.pvalue)
    order = np.argsort(raw)
    by_hand = np.minimum(1, np.maximum.accumulate([raw[k] * (4 - step) for step, k in enumerate(order)]))
    assert table["p_adjusted"].to_numpy()[order] == pytest.approx(by_hand)


def test_what_if_is_the_coefficient_the_slope_and_the_rise_below_the_ceiling(tmp_path: Path) -> None:
    rows = answers()
    result = csr.drivers(study(tmp_path, rows), bootstrap=0)
    b = result.tables["coefficients"].set_index("variable")["b"]
    for item in ITEMS:
        got = row(result, "what_if", variable=item)
        rise = np.minimum(1, 5 - rows[item]).mean()
        slope = stats.linregress(rows[item], rows["overall"]).slope
        found = got[["direct", "total", "realistic", "rise"]].to_numpy(float)
        assert found == pytest.approx([b[item] * 25, slope * 25, b[item] * rise * 25, rise])


def test_what_if_intervals_hold_the_estimate_and_follow_the_errors(tmp_path: Path) -> None:
    result = csr.drivers(study(tmp_path, answers()), bootstrap=800)
    errors = result.tables["coefficients"].set_index("variable")["std_error"]
    for item in ITEMS:
        got = row(result, "what_if", variable=item)
        assert got["direct_ci_low"] < got["direct"] < got["direct_ci_high"]
        assert got["direct_ci_high"] - got["direct_ci_low"] == pytest.approx(2 * 1.96 * errors[item] * 25, rel=0.2)


def test_sums_and_means_tell_the_same_story_in_other_units(tmp_path: Path) -> None:
    survey = study(tmp_path, answers(), **TWO)
    mean, total = (csr.drivers(survey, scores=s, bootstrap=0) for s in ("mean", "sum"))
    for table, column in (("importance", "share"), ("what_if", "realistic"), ("coefficients", "beta")):
        a, b = (r.tables[table].set_index("variable")[column] for r in (mean, total))
        pd.testing.assert_series_equal(a, b)
    b = [r.tables["coefficients"].set_index("variable").loc["Good", "b"] for r in (mean, total)]
    assert b[0] == pytest.approx(2 * b[1])


def test_relative_weights_add_to_the_whole(tmp_path: Path) -> None:
    table = csr.drivers(study(tmp_path, answers()), bootstrap=200).tables["importance"]
    assert table["share"].sum() == pytest.approx(1)
    assert table["variable"].iloc[0] == "a"
    assert ((table["ci_low"] <= table["share"]) & (table["share"] <= table["ci_high"])).all()


def test_outliers_of_the_box_plots_are_counted_by_group(tmp_path: Path) -> None:
    rows = answers(60).assign(overall=3)
    rows.loc[1:6, "overall"] = [1, 4, 4, 2, 2, 5]
    result = csr.drivers(study(tmp_path, rows), bootstrap=0)
    found = row(result, "outliers", variable="satisfaction")
    assert found["outliers"] == 6  # everybody else says 3, so the box has no height
    listed = [v for cell in result.tables["boxes"].query("variable == 'satisfaction'")["outlying"] for v in cell]
    assert sorted(set(listed)) == [1, 2, 4, 5]


# ---- what is explained by what


def test_predictors_follow_hypotheses_then_the_model_then_indicators(tmp_path: Path) -> None:
    rows = answers()
    assert csr.drivers(study(tmp_path / "1", rows), bootstrap=0).predictors == ITEMS
    assert csr.drivers(study(tmp_path / "2", rows, **TWO), bootstrap=0).predictors == ("Good", "Idle")
    modelled = {**TWO, "hypotheses": [], "model": {"paths": {"Idle": ["Satisfaction"], "Satisfaction": ["Loyalty"]}}}
    assert csr.drivers(study(tmp_path / "3", rows, **modelled), bootstrap=0).predictors == ("Idle",)
    assert csr.drivers(study(tmp_path / "4", rows, **TWO), predictors=["a", "Idle"], bootstrap=0).predictors == ("a", "Idle")


def test_hypotheses_are_judged_by_correlation_and_by_coefficient(tmp_path: Path) -> None:
    result = csr.drivers(study(tmp_path, answers(600), **TWO), bootstrap=0)
    table = result.tables["hypotheses"].set_index("hypothesis")
    assert table.loc["H1", ["by_correlation", "by_regression", "rule"]].tolist() == ["supported", "supported", "both"]
    assert table.loc["H2", "by_correlation"] == "supported"
    assert table.loc["H2", "by_regression"] != "supported"
    assert table.loc["H2", "rule"] == "correlation"
    assert table.loc["H3", "by_correlation"] == "opposite"
    said = " ".join(result.findings("en"))
    assert "The verdict rests on the correlation" in said
    assert "opposite sign" in said


def test_too_few_answers_leave_a_hypothesis_open_and_many_reject_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)

    def verdict(n: int, folder: str) -> str:
        rows = answers(n).assign(c=rng.integers(1, 6, n), d=rng.integers(1, 6, n))
        result = csr.drivers(study(tmp_path / folder, rows, **TWO), bootstrap=0)
        return str(row(result, "hypotheses", hypothesis="H2")["by_correlation"])

    assert verdict(30, "few") == "untold"
    assert verdict(3000, "many") == "not_supported"


# ---- what cannot be


def test_what_a_study_cannot_feed_is_absent_with_a_reason(tmp_path: Path) -> None:
    survey = study(tmp_path, answers(), segments={}, outcomes={"satisfaction": {"construct": "Both"}},
                   constructs={"Both": ["a", "b"]})  # fmt: skip
    result = csr.drivers(survey, bootstrap=0)
    assert result.predictors == ("c", "d")
    assert {"sample", "boxes", "ordered", "hypotheses"} <= result.missing.keys()
    for name in ("sample", "boxes", "outliers", "ordered", "hypotheses", "other_coefficients", "importance_pairs"):
        for lang in LANGUAGES:
            assert "{" not in str(result.table(name, lang))
    assert "several items" in str(result.table("ordered", "en"))


def test_small_groups_are_withheld(tmp_path: Path) -> None:
    rows = answers()
    rows.loc[:2, "region"] = "tiny"
    result = csr.drivers(study(tmp_path, rows), bootstrap=0)
    shown = set(result.tables["boxes"]["group"]) | set(result.tables["sample"]["group"])
    assert not any("tiny" in group for group in shown)
    assert "tiny" in str(result.withheld)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"outcome": "loyalty"}, AnalysisError, "no outcome 'loyalty'"),
        ({"predictors": ["speed"]}, OptionError, "unknown construct or indicator 'speed'"),
        ({"predictors": ["a", "a"]}, OptionError, "stands twice"),
        ({"groups": ["tier"]}, OptionError, "unknown segment 'tier'"),
        ({"missing_rule": "em"}, OptionError, "allowed: listwise"),
        ({"extremes": (0.6, 0.6)}, OptionError, "extremes"),
        ({"weight": 1}, OptionError, "unknown option 'weight'"),
        ({"scores": "median"}, OptionError, "scores"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, change: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        csr.drivers(study(tmp_path, answers(40)), **change)


def test_an_outcome_cannot_explain_itself(tmp_path: Path) -> None:
    survey = study(tmp_path, answers(40), **TWO)
    for predictor in ("Satisfaction", "overall"):
        with pytest.raises(OptionError, match="explain itself"):
            csr.drivers(survey, predictors=[predictor, "a"])


def test_bad_answers_are_refused_or_fail_a_check(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="nothing to explain"):
        csr.drivers(study(tmp_path / "1", answers(40).assign(overall=4)))
    with pytest.raises(AnalysisError, match="explains nothing"):
        csr.drivers(study(tmp_path / "2", answers(40).assign(a=2)))
    with pytest.raises(AnalysisError, match="linearly dependent"):
        csr.drivers(study(tmp_path / "3", answers(40).assign(b=lambda f: f["a"])))
    with pytest.raises(AnalysisError, match="only 3 respondents answered"):
        csr.drivers(study(tmp_path / "4", answers(40).assign(d=lambda f: f["d"].where(f.index < 3))))
    few = csr.drivers(study(tmp_path / "5", answers(14)), bootstrap=0)
    verdicts = {c.key: c.verdict for c in few.checks}
    assert verdicts["sample_size"] == "fail"
    assert verdicts["drivers_per_predictor"] == "fail"


@pytest.mark.parametrize("name", ["power", "software", "mobile", "directory"])
def test_the_examples_can_be_explained(name: str) -> None:
    assert feeds(Study.load(DATA / name)) == []


def test_feeds_says_what_a_study_lacks(tmp_path: Path) -> None:
    without = study(tmp_path / "1", answers(40), outcomes={}).study
    (problem,) = feeds(without)
    assert "no outcome 'satisfaction'" in problem.what
    assert problem.mend
    alone = study(tmp_path / "2", answers(40), indicators={"overall": {}}).study
    assert "nothing to explain" in feeds(alone)[0].what
    assert "unknown option" in feeds(alone, weights=1)[0].what


# ---- the examples, words, round trip


@pytest.fixture(scope="module")
def directory() -> DriversResult:
    found: DriversResult = csr.drivers(csr.open_study(DATA / "directory"), bootstrap=300)
    return found


def test_the_hotline_report_prints_what_was_published(directory: DriversResult) -> None:
    table = directory.tables["coefficients"].set_index("variable")["b"]
    assert table[["intercept", "Attitude", "Quality"]].round(3).tolist() == [0.656, 0.038, 0.123]
    assert round(row(directory, "model", outcome="satisfaction")["r"], 3) == 0.596
    pair = row(directory, "correlation_pairs", variable="Quality", other="Attitude")
    assert round(pair["estimate"], 3) == 0.787
    assert round(row(directory, "description", variable="satisfaction")["index"], 2) == 57.25
    assert directory.tables["outliers"]["outliers"].sum() == 0
    verdicts = directory.tables["hypotheses"].set_index("hypothesis")
    assert verdicts["by_correlation"].tolist() == ["supported"] * 4
    assert verdicts["rule"].tolist() == ["both", "correlation", "both", "correlation"]


def test_a_lead_within_chance_is_not_sold_as_the_first_thing_to_do(directory: DriversResult, tmp_path: Path) -> None:
    assert "drivers_act_first" in {f.key for f in directory.found}  # quality leads attitude beyond chance
    rows = answers()
    rng = np.random.default_rng(4)
    rows["overall"] = np.clip(np.rint(0.2 + 0.45 * (rows["a"] + rows["b"]) + 0.7 * rng.normal(size=len(rows))), 1, 5).astype(int)
    alike = csr.drivers(study(tmp_path, rows), bootstrap=300)
    first, second = alike.tables["what_if"]["variable"][:2]
    assert {first, second} == {"a", "b"}
    act = next(f for f in alike.found if f.key == "drivers_act_first_open")
    assert f"item {second} (" in act.sentence("en")
    assert "item c" not in act.sentence("en")
    card = next(h for h in alike.headline if h.key == "drivers_r2")
    assert card.ci_low < alike.tables["model"]["r_squared"].iloc[0] < card.ci_high
    without = csr.drivers(study(tmp_path, rows), bootstrap=0)
    assert "drivers_act_first" in {f.key for f in without.found}  # nothing is called chance that no interval was made of


def test_durbin_watson_only_where_there_is_an_order(directory: DriversResult, tmp_path: Path) -> None:
    by = directory.tables["residuals"].set_index("assumption")
    assert by.loc["durbin_watson", ["df", "df_residual"]].isna().all()  # d has none, and n is not one
    assert by.loc["reset", ["df", "df_residual"]].tolist() == [2, 424 - 2 - 1 - 2]
    unordered = csr.drivers(study(tmp_path, answers()), bootstrap=0)
    assert "durbin_watson" not in set(unordered.tables["residuals"]["assumption"])
    assert "Durbin–Watson was not computed" in " ".join(unordered.findings("en", level="method"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_can_be_said_in_both_languages(directory: DriversResult, lang: str, tmp_path: Path) -> None:
    other = csr.drivers(study(tmp_path, answers(), **TWO), bootstrap=100)
    for result in (directory, other):
        said = [*result.findings(lang), *result.findings(lang, level="method"), *(c.sentence(lang) for c in result.checks)]
        said += [c.title(lang) for c in result.checks] + [str(result.table(t)) for t in result.tables]
        assert not [s for s in said if "{" in s or "nan" in s.split()]
        for name in result.figures:
            shown = result.figure(name, lang)
            assert isinstance(shown, Figure)
            assert shown.alt
            assert not shown.warnings


def test_a_result_goes_to_json_and_back(directory: DriversResult) -> None:
    again = Result.from_json(directory.to_json())
    assert isinstance(again, DriversResult)
    assert again.to_json() == directory.to_json()
    assert again.predictors == ("Quality", "Attitude")


def test_the_same_seed_gives_the_same_result(tmp_path: Path) -> None:
    survey = study(tmp_path, answers())
    one, same, other = (csr.drivers(survey, bootstrap=100, seed=s).to_json() for s in (1, 1, 2))
    assert one == same != other


def test_a_hypothesis_may_start_from_the_outcome(tmp_path: Path) -> None:
    stated = [*TWO["hypotheses"][:2], {"id": "H3", "from": "Satisfaction", "to": "Loyalty"}]
    rows = answers()
    result = csr.drivers(study(tmp_path, rows, **{**TWO, "hypotheses": stated}), bootstrap=0)
    found = row(result, "hypotheses", hypothesis="H3")
    assert found["estimate"] == pytest.approx(np.corrcoef(rows["overall"], rows["loyal"])[0, 1])
    assert found["beta"] == pytest.approx(found["estimate"])
    assert "no other sources beside it" in " ".join(result.findings("en"))
