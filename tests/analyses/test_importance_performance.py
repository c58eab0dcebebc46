"""Importance–performance analysis: known answers, what is left out, what cannot be believed, both languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import csr_lib as csr
from csr_lib.analyses import importance_performance as module
from csr_lib.analyses.importance_performance import feeds
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES
from csr_lib.show.tables import NOTEBOOK_STYLE
from csr_lib.study import Study

KEYS = ["speed", "price", "staff", "place"]
Made = Callable[..., Any]


def indicators(keys: list[str], *parts: str) -> str:
    """Lines of study.yml: every indicator rated, and whatever `parts` name (importance, competitors)."""
    further = {"importance": ", importance: i_KEY", "competitors": ", competitors: {Rival: r_KEY}"}
    line = "  KEY: {perception: KEY" + "".join(further[p] for p in parts) + "}\n"
    return "indicators:\n" + "".join(line.replace("KEY", k) for k in keys)


@pytest.fixture
def make(tmp_path: Path) -> Made:
    """Write a study.yml and its answers, and open it."""

    def _make(frame: pd.DataFrame, body: str, scale: str = "{min: 1, max: 10}") -> Any:
        frame.to_csv(tmp_path / "answers.csv", index=False)
        head = f"format: 1\nid: tiny\ntitle: {{zh: 小调查, en: Tiny}}\nanswers: answers.csv\nscale: {scale}\n"
        (tmp_path / "study.yml").write_text(head + body, encoding="utf-8")
        return csr.open_study(tmp_path, lang="en")

    return _make


def stated_answers(n: int = 60, seed: int = 1, shift: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Ratings 1–10: speed important and poor, price important and good, staff and place less important."""
    rng = np.random.default_rng(seed)
    centre = {"speed": 4.0, "price": 8.0, "staff": 4.2, "place": 7.8} | dict(shift or {})
    weight = {"speed": 9.0, "price": 8.5, "staff": 4.0, "place": 3.5}
    out = {k: np.clip(rng.normal(centre[k], 1.0, n).round(), 1, 10) for k in KEYS}
    out |= {f"i_{k}": np.clip(rng.normal(weight[k], 1.0, n).round(), 1, 10) for k in KEYS}
    return pd.DataFrame(out).astype(int)


def derived_answers(n: int = 200, seed: int = 2) -> pd.DataFrame:
    """Ratings on 0–100 that drive satisfaction with weights .6, .3, .1 and 0; `place` is noise on its own."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)) + [0.7, 0.7, 0.7, 0] * rng.normal(size=(n, 1))
    y = x @ [0.6, 0.3, 0.1, 0.0] + 0.5 * rng.normal(size=n)
    frame = pd.DataFrame(np.clip(50 + 12 * x, 0, 100).round(1), columns=KEYS)
    return frame.assign(sat=np.clip(50 + 12 * y, 0, 100).round(1))


DERIVED = indicators(KEYS) + "outcomes: {satisfaction: sat}\n"
HUNDRED = "{min: 0, max: 100, measure: continuous}"


def rendered(result: Any) -> None:
    """Everything said or tabulated is shown in both languages without an unfilled brace."""
    for lang in LANGUAGES:
        said = [f"{c.sentence(lang)} {c.title(lang)}" for c in result.checks]
        for level in ("key", "detail", "limit", "action", "method"):
            said += result.findings(lang, level=level)
        said += [str(result.table(name, lang)) for name in result.tables]
        for name in result.figures:
            figure = result.figure(name, lang)
            said += [figure.caption, figure.alt]
        said.append(
            result.show_headline(lang).html.replace(NOTEBOOK_STYLE, "")
            + result.show_findings(lang).html
            + result.show_method(lang).html
        )
        assert not [s for s in said if "{" in s or "}" in s]


# ---- known answers


def test_stated_importance_and_performance_are_means_with_t_intervals(make: Made) -> None:
    frame = stated_answers()
    table = csr.importance_performance(make(frame, indicators(KEYS, "importance")), bootstrap=50).tables["indicators"]
    for row in table.itertuples():
        for value, low, high, column in (
            (row.performance, row.performance_ci_low, row.performance_ci_high, row.indicator),
            (row.importance, row.importance_ci_low, row.importance_ci_high, f"i_{row.indicator}"),
        ):
            x = frame[column]
            assert value == pytest.approx(x.mean(), abs=1e-12)
            assert (low, high) == pytest.approx(stats.t.interval(0.95, len(x) - 1, x.mean(), stats.sem(x)), abs=1e-12)
        assert row.performance_score == pytest.approx((row.performance - 1) / 9 * 100)
    assert table.set_index("indicator")["quadrant"].to_dict() == {
        "speed": "concentrate",
        "price": "keep_up",
        "staff": "low_priority",
        "place": "overkill",
    }
    assert table.loc[table["rank"] == 1, "indicator"].item() == "speed"


def test_case_weights_enter_every_number(make: Made) -> None:
    frame = stated_answers().assign(w=np.random.default_rng(3).uniform(0.3, 3, 60).round(3))
    result = csr.importance_performance(make(frame, indicators(KEYS, "importance") + "case_weight: w\n"), bootstrap=50)
    table = result.tables["indicators"].set_index("indicator")
    for key in KEYS:
        assert table.loc[key, "performance"] == pytest.approx(np.average(frame[key], weights=frame["w"]))
        assert table.loc[key, "importance"] == pytest.approx(np.average(frame[f"i_{key}"], weights=frame["w"]))
    assert table["n_effective"].iloc[0] == pytest.approx(frame["w"].sum() ** 2 / (frame["w"] ** 2).sum())
    assert result.basis.weights == "sampling"


def test_frequency_weights_are_repeated_rows(make: Made) -> None:
    frame = derived_answers(60).assign(w=np.random.default_rng(4).integers(1, 4, 60))
    weighted = make(frame, DERIVED + "case_weight: w\nweight_kind: frequency\n", HUNDRED)
    a = csr.importance_performance(weighted, bootstrap=0).tables["indicators"]
    repeated = make(frame.loc[frame.index.repeat(frame["w"])], DERIVED, HUNDRED)
    b = csr.importance_performance(repeated, bootstrap=0).tables["indicators"]
    pd.testing.assert_frame_equal(a, b)


def test_derived_importance_agrees_with_other_programs(make: Made) -> None:
    import pingouin as pg

    frame = derived_answers()
    survey = make(frame, DERIVED, HUNDRED)

    def derived(method: str) -> np.ndarray:
        return csr.importance_performance(survey, importance=method, bootstrap=0).tables["indicators"]["importance"].to_numpy()

    z = (frame - frame.mean()) / frame.std()
    assert derived("correlation") == pytest.approx(frame[KEYS].corrwith(frame["sat"]).to_numpy())
    assert derived("regression") == pytest.approx(np.linalg.lstsq(z[KEYS], z["sat"])[0])
    partial = [pg.partial_corr(frame, x=k, y="sat", covar=[o for o in KEYS if o != k])["r"].item() for k in KEYS]
    assert derived("partial_correlation") == pytest.approx(partial, abs=1e-6)
    shapley = pg.linear_regression(frame[KEYS], frame["sat"], relimp=True)["relimp_perc"].to_numpy()[1:] / 100
    assert derived("lmg") == pytest.approx(shapley, abs=1e-6)
    # Johnson (2000): regress on the orthogonal variables closest to the predictors
    u, _, v = np.linalg.svd(z[KEYS].to_numpy(), full_matrices=False)
    closest = u @ v * np.sqrt(len(z) - 1)
    beta = closest.T @ z["sat"].to_numpy() / (len(z) - 1)
    loading = closest.T @ z[KEYS].to_numpy() / (len(z) - 1)
    raw = (loading**2).T @ beta**2
    assert derived("relative_weights") == pytest.approx(raw / raw.sum())


def test_total_effects_of_single_items_are_slopes_on_0_to_100(make: Made) -> None:
    frame = derived_answers()
    body = indicators([*KEYS, "sat"]) + (
        "constructs: {Speed: [speed], Price: [price], Other: [staff], Place: [place], Satisfaction: [sat]}\n"
        "model: {paths: {Speed: [Satisfaction], Price: [Satisfaction], Other: [Satisfaction], Place: [Satisfaction]}}\n"
    )
    result = csr.importance_performance(make(frame, body, HUNDRED), importance="total_effects", bootstrap=200)
    table = result.tables["indicators"]
    assert table["indicator"].tolist() == KEYS
    slopes = np.linalg.lstsq(np.column_stack([frame[KEYS], np.ones(len(frame))]), frame["sat"])[0][:4]
    assert table["importance"].to_numpy() == pytest.approx(slopes, abs=1e-9)
    inside = (table["importance_ci_low"] < table["importance"]) & (table["importance"] < table["importance_ci_high"])
    assert inside.all()
    rendered(result)
    unasked = csr.importance_performance(make(frame, body, HUNDRED), bootstrap=0)
    assert unasked.options["importance"] == "total_effects"  # a model, and no outcome to derive from


def test_mixed_scales_are_put_on_0_to_100(make: Made) -> None:
    frame = stated_answers()
    frame["place"] = (frame["place"] / 2).round().astype(int)
    body = indicators(KEYS, "importance").replace("i_place", "i_place, scale: {min: 1, max: 5}")
    result = csr.importance_performance(make(frame, body), bootstrap=50)
    used = result.tables["cuts"].iloc[0]
    scores = [(frame[k].mean() - 1) / (4 if k == "place" else 9) * 100 for k in KEYS]
    assert (used["unit_importance"], used["unit_performance"]) == ("points", "score")
    assert used["cut_performance"] == pytest.approx(np.mean(scores))
    assert result.tables["map"]["performance"].to_numpy() == pytest.approx(scores)


# ---- cut-offs and certainty


def test_cut_offs_by_every_rule(make: Made) -> None:
    frame = stated_answers()
    survey = make(
        frame, indicators(KEYS, "importance") + "outcomes: {satisfaction: speed}\ntargets: {satisfaction: 50, speed: 40}\n"
    )

    def cut(**options: Any) -> tuple[str, float, float]:
        row = csr.importance_performance(survey, bootstrap=0, **options).tables["cuts"].iloc[0]
        return row["rule_performance"], row["cut_importance"], row["cut_performance"]

    importance, performance = frame[[f"i_{k}" for k in KEYS]].mean(), frame[KEYS].mean()
    assert cut(cut="mean") == ("mean", pytest.approx(importance.mean()), pytest.approx(performance.mean()))
    assert cut(cut="median") == ("median", pytest.approx(importance.median()), pytest.approx(performance.median()))
    assert cut(cut="scale_middle") == ("scale_middle", 5.5, 5.5)
    assert cut(cut="target") == ("target", pytest.approx(importance.mean()), 5.5)
    assert cut(cut="target", target="speed") == ("target", pytest.approx(importance.mean()), pytest.approx(1 + 9 * 0.4))
    assert cut(cut_importance=7, cut_performance=6) == ("numbers", 7, 6)


def test_how_many_indicators_another_cut_would_move_is_counted(make: Made) -> None:
    result = csr.importance_performance(make(stated_answers(), indicators(KEYS, "importance")), cut_performance=9, bootstrap=0)
    cuts, by_rule = result.tables["cuts"], result.tables["sensitivity"]
    for row in cuts.iloc[1:].itertuples():
        other = by_rule[f"quadrant_{row.rule_performance}"]
        assert row.moved == (other != by_rule["quadrant_used"]).sum() == 2  # price and place reach 9 by no other rule


def test_shares_say_how_firmly_an_indicator_sits(make: Made) -> None:
    frame = stated_answers(shift={"staff": 6.6})  # at the mean of the others
    result = csr.importance_performance(make(frame, indicators(KEYS, "importance")), bootstrap=400)
    there, shares = result.tables["indicators"].set_index("indicator"), result.tables["shares"].set_index("indicator")
    assert shares[["keep_up", "concentrate", "low_priority", "overkill"]].sum(axis=1).to_numpy() == pytest.approx(1)
    assert there.loc[["speed", "price"], "share"].eq(1).all()
    assert there.loc["staff", "share"] == pytest.approx(0.7, abs=0.25)
    assert [there.loc[k, "share"] == shares.loc[k, there.loc[k, "quadrant"]] for k in KEYS] == [True] * 4
    assert (there["rank_ci_low"] <= there["rank"]).all()
    assert (there["rank"] <= there["rank_ci_high"]).all()
    check = next(c for c in result.checks if c.key == "quadrant_share")
    assert check.value == there["share"].min()


def test_the_same_seed_gives_the_same_result(make: Made) -> None:
    survey = make(derived_answers(), DERIVED, HUNDRED)
    first, again, other = (csr.importance_performance(survey, bootstrap=100, seed=s).to_json() for s in (1, 1, 2))
    assert first == again != other


def test_without_resamples_nothing_is_said_about_certainty(make: Made) -> None:
    result = csr.importance_performance(make(derived_answers(), DERIVED, HUNDRED), bootstrap=0)
    assert "shares" not in result.tables
    assert result.tables["indicators"][["share", "p_value", "importance_ci_low"]].isna().all(axis=None)
    assert "resamples" in result.table("shares", "en").plain  # type: ignore[union-attr]
    rendered(result)


# ---- who and what is analysed


def test_parts_and_consequences_of_satisfaction_are_left_out(make: Made) -> None:
    frame = derived_answers().assign(again=lambda f: f["sat"])
    body = indicators([*KEYS, "sat", "again"]) + (
        "constructs: {Satisfaction: [sat], Loyalty: [again]}\noutcomes: {satisfaction: Satisfaction, loyalty: Loyalty}\n"
    )
    survey = make(frame, body, HUNDRED)
    result = csr.importance_performance(survey, bootstrap=0)
    assert result.tables["indicators"]["indicator"].tolist() == KEYS
    assert any("sat" in s and "parts of" in s for s in result.findings("en"))
    with pytest.raises(OptionError, match="part of the outcome"):
        csr.importance_performance(survey, indicators=["speed", "price", "sat"])


def test_only_customers_are_analysed(make: Made) -> None:
    frame = stated_answers()
    staff = (frame * 0 + 10).iloc[:20]
    both = pd.concat([frame.assign(who="c"), staff.assign(who="s")])
    body = indicators(KEYS, "importance") + "role: {column: who, values: {c: customer, s: staff}}\n"
    result = csr.importance_performance(make(both, body), bootstrap=0)
    assert result.basis.n == 60
    assert result.tables["indicators"]["performance"].to_numpy() == pytest.approx(frame[KEYS].mean().to_numpy())


def test_missing_answers_follow_the_rule(make: Made) -> None:
    frame = stated_answers().astype(float)
    frame.loc[:9, "speed"] = np.nan
    survey = make(frame, indicators(KEYS, "importance"))
    listwise = csr.importance_performance(survey, bootstrap=0)
    pairwise = csr.importance_performance(survey, bootstrap=0, missing_rule="pairwise")
    assert listwise.tables["indicators"]["n"].tolist() == [50] * 4
    assert pairwise.tables["indicators"]["n"].tolist() == [50, 60, 60, 60]
    assert (listwise.basis.missing_rule, listwise.basis.n_missing) == ("listwise", 10)
    assert pairwise.tables["indicators"].loc[1, "performance"] == pytest.approx(frame["price"].mean())


def test_an_outcome_that_is_rated_as_an_indicator_is_not_explained_by_itself(make: Made) -> None:
    body = indicators(KEYS, "importance") + "outcomes: {satisfaction: speed}\n"
    result = csr.importance_performance(make(stated_answers(), body), bootstrap=0)
    assert "importance_methods" not in result.tables
    rendered(result)


@pytest.mark.parametrize("rule", ["pairwise", "em"])
def test_every_missing_data_rule_can_be_resampled(make: Made, rule: str) -> None:
    frame = derived_answers(80)
    frame.loc[:7, "speed"] = np.nan
    result = csr.importance_performance(make(frame, DERIVED, HUNDRED), bootstrap=40, missing_rule=rule)
    assert result.tables["indicators"]["share"].notna().all()


# ---- waves


WAVES = "wave: {column: year, order: ['2012', '2013']}\n"


def two_waves() -> pd.DataFrame:
    then, now = stated_answers(50, 5), stated_answers(60, 6, {"speed": 7.5})
    return pd.concat([then.assign(year=2012), now.assign(year=2013)])


def test_the_latest_wave_is_compared_with_the_one_before(make: Made) -> None:
    frame = two_waves()
    result = csr.importance_performance(make(frame, indicators(KEYS, "importance") + WAVES), bootstrap=200)
    now, then = frame[frame["year"] == 2013], frame[frame["year"] == 2012]
    assert result.basis.n == 60
    moved = result.tables["movement"].set_index("indicator")
    importance = result.tables["importance_movement"].set_index("indicator")
    for table, prefix in ((moved, ""), (importance, "i_")):
        tests = [stats.ttest_ind(now[prefix + k], then[prefix + k], equal_var=False) for k in KEYS]
        assert table["p_value"].to_numpy() == pytest.approx([t.pvalue for t in tests])
        change = [(now[prefix + k].mean() - then[prefix + k].mean()) / 9 * 100 for k in KEYS]
        assert table["change"].to_numpy() == pytest.approx(change)
        low = [t.confidence_interval().low / 9 * 100 for t in tests]
        assert table["ci_low"].to_numpy() == pytest.approx(low)
    assert (moved.loc["speed", "quadrant_before"], moved.loc["speed", "quadrant_now"]) == ("concentrate", "keep_up")
    assert any("speed" in s and "improved" in s for s in result.findings("en", level="key"))
    rendered(result)


def test_one_wave_asked_for_is_not_compared(make: Made) -> None:
    survey = make(two_waves(), indicators(KEYS, "importance") + WAVES)
    result = csr.importance_performance(survey.wave("2012"), bootstrap=0)
    assert result.basis.n == 50
    assert "movement" not in result.tables
    assert "no earlier wave" in result.table("movement", "en").plain  # type: ignore[union-attr]


def test_derived_weights_of_two_waves_are_compared_by_resamples(make: Made) -> None:
    frame = pd.concat([derived_answers(150, 7).assign(year=2012), derived_answers(150, 8).assign(year=2013)])
    result = csr.importance_performance(make(frame, DERIVED + WAVES, HUNDRED), bootstrap=100)
    moved = result.tables["importance_movement"]
    assert ((moved["ci_low"] <= moved["change"]) & (moved["change"] <= moved["ci_high"])).all()
    rendered(result)


def test_a_target_may_differ_by_wave(make: Made) -> None:
    body = indicators(KEYS, "importance") + WAVES + "targets: {speed: {'2012': 40, '2013': 60}}\n"
    result = csr.importance_performance(make(two_waves(), body), cut="target", bootstrap=50)
    assert result.tables["cuts"]["cut_performance"].iloc[0] == pytest.approx(1 + 9 * 0.6)
    assert result.options["target_score"] == 60
    rendered(result)


# ---- competitors


def rivals(n: int = 60) -> pd.DataFrame:
    frame, rng = stated_answers(n), np.random.default_rng(9)
    ahead = {"speed": 2}
    return frame.assign(**{f"r_{k}": np.clip(frame[k] + rng.integers(-1, 2, n) + ahead.get(k, 0), 1, 10) for k in KEYS})


def test_competitors_are_compared_among_those_who_rated_both(make: Made) -> None:
    frame = rivals().astype(float)
    frame.loc[:19, "r_speed"] = np.nan
    result = csr.importance_performance(make(frame, indicators(KEYS, "importance", "competitors")), bootstrap=50)
    row = result.tables["competitors"].set_index("indicator").loc["speed"]
    pairs = frame[["speed", "r_speed"]].dropna()
    test = stats.ttest_rel(pairs["speed"], pairs["r_speed"])
    assert (row["n"], row["p_value"]) == (40, pytest.approx(test.pvalue))
    assert row["difference"] == pytest.approx((pairs["speed"] - pairs["r_speed"]).mean() / 9 * 100)
    assert row["performance_score"] - row["performance_competitor"] == pytest.approx(row["difference"])
    assert row["performance_competitor"] == pytest.approx((pairs["r_speed"].mean() - 1) / 9 * 100)
    swot = result.tables["swot"].set_index("indicator")
    assert sorted(swot.index) == sorted(KEYS)  # every indicator once
    assert (swot.loc["speed", "swot"], swot.loc["speed", "market"]) == ("weakness", "threat")
    assert (swot["market"] == "threat").sum() == 1
    assert result.bases["competitors"].n == 60
    rendered(result)


def test_a_competitor_rated_by_too_few_is_withheld(make: Made) -> None:
    frame = rivals().astype(float)
    frame.loc[4:, [f"r_{k}" for k in KEYS]] = np.nan
    result = csr.importance_performance(make(frame, indicators(KEYS, "importance", "competitors")), bootstrap=0)
    assert "competitors" not in result.tables
    assert result.withheld == ("Rival",)


def test_competitors_can_be_left_out(make: Made) -> None:
    survey = make(rivals(), indicators(KEYS, "importance", "competitors"))
    assert "competitors" not in csr.importance_performance(survey, competitors=False, bootstrap=0).tables


def test_a_low_priority_that_the_outcome_goes_along_with_is_not_put_off(make: Made) -> None:
    frame = stated_answers(200)
    body = indicators(KEYS, "importance") + "outcomes: {satisfaction: sat}\n"
    for driver, named in (("staff", True), ("price", False)):  # staff is called unimportant and performed poorly
        made = frame.assign(sat=np.clip(frame[driver] + (np.arange(200) % 3 - 1), 1, 10))
        result = csr.importance_performance(make(made, body), bootstrap=0)
        said = [f for f in result.findings("en", level="action") if f.startswith("Do not put off")]
        assert bool(said) is named


# ---- what cannot be believed


def verdicts(result: Any) -> dict[str, str]:
    return {c.key: c.verdict for c in result.checks}


def test_noise_cannot_be_told_from_chance_and_a_driver_can(make: Made) -> None:
    survey = make(derived_answers(400), DERIVED, HUNDRED)
    for method in ("relative_weights", "lmg", "regression"):
        result = csr.importance_performance(survey, importance=method, bootstrap=400)
        table = result.tables["indicators"].set_index("indicator")
        assert table.loc["speed", "p_adjusted"] < 0.05 < table.loc["place", "p_adjusted"], method


@pytest.mark.parametrize(("derived", "n", "told"), [(True, 200, True), (True, 1000, False), (False, 200, False)])
def test_small_samples_say_that_shares_of_derived_importance_are_too_high(make: Made, derived: bool, n: int, told: bool) -> None:
    survey = make(derived_answers(n), DERIVED, HUNDRED) if derived else make(stated_answers(n), indicators(KEYS, "importance"))
    result = csr.importance_performance(survey, bootstrap=50)
    assert any("81 to 83%" in s for s in result.findings("en", level="limit")) == told


def test_a_negative_weight_is_never_silent(make: Made) -> None:
    rng = np.random.default_rng(11)
    frame = derived_answers(200)
    frame["staff"] = np.clip(frame["speed"] + rng.normal(0, 6, 200), 0, 100).round(1)
    frame["sat"] = np.clip(2 * frame["speed"] - frame["staff"] + rng.normal(0, 3, 200), 0, 100).round(1)
    result = csr.importance_performance(make(frame, DERIVED, HUNDRED), importance="regression", bootstrap=200)
    found = verdicts(result)
    assert (found["importance_sign"], found["importance_vif"]) == ("fail", "fail")
    assert any("staff" in s and "negative" in s for s in result.findings("en", level="limit"))
    rendered(result)


def test_importance_that_hardly_varies_is_found_out(make: Made) -> None:
    rng = np.random.default_rng(12)
    frame = stated_answers(200)
    for key in KEYS:
        frame[f"i_{key}"] = np.clip(rng.normal(9.6, 0.9, 200).round(), 1, 10).astype(int)
    result = csr.importance_performance(make(frame, indicators(KEYS, "importance")), bootstrap=200)
    found = verdicts(result)
    assert found["importance_spread"] != "pass"
    assert (found["importance_range"], found["importance_ceiling"]) == ("fail", "warn")
    rendered(result)


def test_clear_differences_in_importance_are_real(make: Made) -> None:
    result = csr.importance_performance(make(stated_answers(), indicators(KEYS, "importance")), bootstrap=200)
    assert next(c for c in result.checks if c.key == "importance_spread").value > 0.95


def test_stated_importance_is_held_against_derived(make: Made) -> None:
    frame = stated_answers(300).assign(sat=lambda f: (f["place"] * 0.6 + f["staff"] * 0.4).round().clip(1, 10))
    body = indicators(KEYS, "importance") + "outcomes: {satisfaction: sat}\n"
    result = csr.importance_performance(make(frame, body), bootstrap=50)
    assert verdicts(result)["importance_agreement"] != "pass"
    methods = result.tables["importance_methods"]
    assert {"stated", "correlation", "regression", "relative_weights", "lmg"} <= set(methods.columns)
    own = result.tables["method_agreement"].set_index("method").loc["stated"]
    assert own["agreement"] == pytest.approx(1)
    rendered(result)


# ---- results travel, bad input is refused


def test_a_result_goes_to_json_and_back(make: Made) -> None:
    result = csr.importance_performance(
        make(rivals(), indicators(KEYS, "importance", "competitors")), bootstrap=50, diagonal=True
    )
    back = Result.from_json(json.dumps(json.loads(result.to_json())))
    assert isinstance(back, module.ImportancePerformanceResult)
    assert back.to_json() == result.to_json()
    rendered(back)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_figure_can_be_drawn(make: Made, lang: str) -> None:
    survey = make(rivals(), indicators(KEYS, "importance", "competitors"))
    result = csr.importance_performance(survey, lang=lang, bootstrap=50, diagonal=True)
    assert result.figures == ("quadrant", "shares", "compared")
    for name in result.figures:
        figure = result.figure(name)
        assert figure.svg(narrow=lang == "zh").startswith(b"<?xml")
        assert not figure.warnings


def test_text_of_the_study_is_shown_as_text(make: Made) -> None:
    body = indicators(KEYS, "importance").replace("speed: {", "speed: {label: '<script>alert(1)</script>', ")
    result = csr.importance_performance(make(stated_answers(), body), bootstrap=50)
    shown = result._repr_html_() + result.show_findings().html + result.table("indicators")._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"importence": "stated"}, "did you mean 'importance'"),
        ({"importance": "derived"}, "relative_weights"),
        ({"indicators": ["sped", "price", "staff"]}, "did you mean 'speed'"),
        ({"cut": "middle"}, "scale_middle"),
        ({"cut_performance": 75}, "1 to 10"),
        ({"target": "speed"}, "target"),
        ({"bootstrap": -1}, "bootstrap"),
        ({"lang": "fr"}, "zh"),
    ],
)
def test_a_wrong_option_names_what_is_allowed(make: Made, options: dict[str, Any], message: str) -> None:
    survey = make(stated_answers(), indicators(KEYS, "importance"))
    with pytest.raises(OptionError, match=message):
        csr.importance_performance(survey, **options)


@pytest.mark.parametrize(
    ("change", "body", "message"),
    [
        ({}, indicators(KEYS), "no outcome 'satisfaction'"),
        ({}, indicators(KEYS, "importance") + "analyses: {importance_performance: {cut: target}}\n", "no target"),
        ({}, indicators(KEYS[:2], "importance"), "2 indicators"),
        ({"i_speed": 10}, indicators(KEYS, "importance"), "all answers are the same"),
        ({"speed": np.nan, "price": np.nan}, indicators(KEYS, "importance"), "only 2 indicators"),
    ],
)
def test_what_cannot_be_computed_is_an_error(make: Made, change: dict[str, Any], body: str, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        csr.importance_performance(make(stated_answers().assign(**change), body))


def test_too_few_respondents_are_never_shown(make: Made) -> None:
    frame = stated_answers().assign(region=["n"] * 57 + ["s"] * 3)
    survey = make(frame, indicators(KEYS, "importance") + "segments: {region: {}}\n")
    with pytest.raises(AnalysisError, match="min_cell"):
        csr.importance_performance(survey.where(region="s"))


def test_more_indicators_than_respondents_allow_is_an_error(make: Made) -> None:
    with pytest.raises(AnalysisError, match="too few"):
        csr.importance_performance(make(derived_answers(5), DERIVED, HUNDRED))


def test_feeds_says_what_a_study_lacks(make: Made) -> None:
    assert feeds(make(stated_answers(), indicators(KEYS, "importance")).study) == []
    lacking = feeds(make(stated_answers(), indicators(KEYS)).study)
    assert [p.where.endswith("outcomes") for p in lacking] == [True]
    assert "importance was asked of 0" in feeds(make(stated_answers(), indicators(KEYS)).study, importance="stated")[0].what
    wrong = make(stated_answers(), indicators(KEYS, "importance") + "analyses: {importance_performance: {cutt: mean}}\n").study
    assert "cut" in str(feeds(wrong)[0])
    assert isinstance(wrong, Study)


def test_on_real_answers_with_many_overlapping_indicators(tmp_path: Path) -> None:
    answers = Path(__file__).parents[2].parent / "shared" / "data" / "service_quality.csv"
    if not answers.is_file():
        pytest.skip("the service quality answers (411 × 22) are not beside this repository")
    frame = pd.read_csv(answers)
    (tmp_path / "answers.csv").write_bytes(answers.read_bytes())
    (tmp_path / "study.yml").write_text(
        "format: 1\nid: service\ntitle: Service quality\nanswers: answers.csv\nscale: {min: 0, max: 100, measure: continuous}\n"
        f"indicators: [{', '.join(c for c in frame.columns if c != 'sat')}]\noutcomes: {{satisfaction: sat}}\n",
        encoding="utf-8",
    )
    result = csr.importance_performance(csr.open_study(tmp_path, lang="en"), bootstrap=200)
    table = result.tables["indicators"]
    assert len(table) == 22
    assert table["importance"].sum() == pytest.approx(1)
    x = np.column_stack([frame.drop(columns="sat"), np.ones(len(frame))])
    residual = frame["sat"] - x @ np.linalg.lstsq(x, frame["sat"])[0]
    assert result.tables["fit"]["r_squared"].item() == pytest.approx(1 - residual.var() / frame["sat"].var())
    rendered(result)


def test_of_very_many_answers_random_groups_are_resampled_and_the_method_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from csr_lib.analyses.importance_performance import measure

    monkeypatch.setattr(measure, "ROWS_UP_TO", 150)
    survey = csr.open_study(Path(__file__).parents[2] / "data" / "power" / "study.yml", wave="2013")
    result = csr.importance_performance(survey, bootstrap=200)
    assert any("1,000 random groups" in sentence for sentence in result.findings("en", level="method"))
