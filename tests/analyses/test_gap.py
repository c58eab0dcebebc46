"""Gap analysis: known answers by hand, scipy and pingouin; what is missing is said; small groups stay hidden."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from gap_samples import FIVE, ITEMS, company, customers, indicator, row, study, with_holes
from scipy import stats

import csr_lib as csr
from csr_lib.analyses.gap import Options, feeds
from csr_lib.analyses.gap.findings import size_of
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES
from csr_lib.study import Study

SOFTWARE = Path(__file__).parents[2] / "data" / "software"


# ---- numbers


def test_gaps_are_those_of_the_paired_t_test(tmp_path: Path) -> None:
    answers = customers()
    result = csr.gap(study(tmp_path, answers), bootstrap=0)
    raw = []
    for i in ITEMS:
        got, d = row(result, "indicators", indicator=i), answers[f"P{i}"] - answers[f"E{i}"]
        test = stats.ttest_rel(answers[f"P{i}"], answers[f"E{i}"])
        low, high = test.confidence_interval(0.95)
        assert got[["gap", "p_value", "ci_low", "ci_high"]].tolist() == pytest.approx([d.mean(), test.pvalue, low, high])
        assert got["effect_size"] == pytest.approx(d.mean() / d.std())
        assert got["share_short"] == pytest.approx((d < 0).mean())
        assert got["gap_share"] == pytest.approx(d.mean() / 6)
        raw.append(test.pvalue)
    order = np.argsort(raw)
    by_hand = np.maximum.accumulate([raw[k] * (4 - step) for step, k in enumerate(order)])
    assert result.tables["indicators"]["p_adjusted"].to_numpy()[order] == pytest.approx(np.minimum(by_hand, 1))


def test_dimensions_and_scores_come_from_respondents(tmp_path: Path) -> None:
    answers = customers()
    points = {"Quality": {"indicators": ["a", "b"], "points": 30}, "Attitude": {"indicators": ["c", "d"], "points": 10}}
    result = csr.gap(study(tmp_path, answers, constructs=points), bootstrap=0)
    gaps = {i: answers[f"P{i}"] - answers[f"E{i}"] for i in ITEMS}
    quality, attitude = (gaps["a"] + gaps["b"]) / 2, (gaps["c"] + gaps["d"]) / 2
    for name, own, weight in (("Quality", quality, 0.75), ("Attitude", attitude, 0.25)):
        got = row(result, "dimensions", construct=name)
        assert got["p_value"] == pytest.approx(stats.ttest_1samp(own, 0).pvalue)
        assert got[["gap", "weight", "contribution"]].tolist() == pytest.approx([own.mean(), weight, weight * own.mean()])
    weighted = 0.75 * quality + 0.25 * attitude
    low, high = stats.ttest_1samp(weighted, 0).confidence_interval(0.95)
    got = row(result, "servqual", score="weighted")
    assert got[["estimate", "ci_low", "ci_high"]].tolist() == pytest.approx([weighted.mean(), low, high])
    assert row(result, "servqual", score="unweighted")["estimate"] == pytest.approx(((quality + attitude) / 2).mean())


def test_a_shortfall_is_counted_without_its_sign() -> None:
    row = {"estimate": -0.8, "ci_low": -1.0, "ci_high": -0.6}
    assert size_of(row) == {"size": 0.8, "size_low": 0.6, "size_high": 1.0}
    assert size_of({"estimate": 0.8, "ci_low": 0.6, "ci_high": 1.0}) == size_of(row)


def test_points_of_indicators_weigh_within_their_dimension(tmp_path: Path) -> None:
    answers = customers()
    shares = {"a": 3, "b": 1, "c": 1, "d": 1}
    points = {"Quality": {"indicators": ["a", "b"], "points": 1}, "Attitude": {"indicators": ["c", "d"], "points": 1}}
    survey = study(tmp_path, answers, indicators={i: indicator(i, points=p) for i, p in shares.items()}, constructs=points)
    result = csr.gap(survey, bootstrap=0)
    gaps = {i: (answers[f"P{i}"] - answers[f"E{i}"]).mean() for i in ITEMS}
    assert row(result, "dimensions", construct="Quality")["weighted_gap"] == pytest.approx(0.75 * gaps["a"] + 0.25 * gaps["b"])
    assert row(result, "dimensions", construct="Quality")["gap"] == pytest.approx((gaps["a"] + gaps["b"]) / 2)


def test_points_below_a_higher_construct_are_multiplied(tmp_path: Path) -> None:
    tree = {
        "Quality": {"indicators": ["a", "b"], "points": 1},
        "Attitude": {"indicators": ["c"], "points": 3},
        "Other": {"indicators": ["d"], "points": 60},
        "Service": {"of": ["Quality", "Attitude"], "points": 40},
    }
    weights = csr.gap(study(tmp_path, customers(), constructs=tree), bootstrap=0).tables["dimensions"]["weight"]
    assert weights.tolist() == pytest.approx([0.1, 0.3, 0.6])


def test_sampling_weights_give_the_linearised_standard_error(tmp_path: Path) -> None:
    answers = customers().assign(w=np.linspace(0.5, 2.5, 40))
    result = csr.gap(study(tmp_path, answers, case_weight="w"), bootstrap=0)
    w, d = answers["w"], answers["Pa"] - answers["Ea"]
    mean = (w * d).sum() / w.sum()
    se = math.sqrt(40 / 39 * (w**2 * (d - mean) ** 2).sum()) / w.sum()
    got = row(result, "indicators", indicator="a")
    assert got[["gap", "std_error", "n", "n_effective"]].tolist() == pytest.approx([mean, se, 40, w.sum() ** 2 / (w**2).sum()])
    assert got["share_short"] == pytest.approx((w * (d < 0)).sum() / w.sum())


def test_frequency_weights_are_repeated_rows(tmp_path: Path) -> None:
    answers = customers(20)
    times = np.arange(20) % 3 + 1
    weighted = csr.gap(study(tmp_path / "w", answers.assign(w=times), case_weight="w", weight_kind="frequency"), bootstrap=0)
    repeated = csr.gap(study(tmp_path / "r", answers.loc[np.repeat(answers.index, times)]), bootstrap=0)
    columns = ["n", "gap", "std_error", "p_value", "effect_size_ci_low", "p_wilcoxon"]
    assert np.allclose(weighted.tables["indicators"][columns], repeated.tables["indicators"][columns])


def test_reliability_of_the_gaps_is_that_of_a_difference(tmp_path: Path) -> None:
    import pingouin

    answers = customers(120)
    answers["Pb"] = np.clip(answers["Pa"] + answers["Pb"] % 2, 1, 7)  # items that hang together
    answers["Eb"] = np.clip(answers["Ea"] - answers["Eb"] % 2, 1, 7)
    got = row(csr.gap(study(tmp_path, answers), bootstrap=0), "reliability", construct="Quality")
    p, e = answers[["Pa", "Pb"]], answers[["Ea", "Eb"]]
    alpha_p, alpha_e = (pingouin.cronbach_alpha(x)[0] for x in (p, e))
    cov = np.cov(p.sum(axis=1), e.sum(axis=1))
    expected = (cov[0, 0] * alpha_p + cov[1, 1] * alpha_e - 2 * cov[0, 1]) / (cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert got["reliability"] == pytest.approx(expected)


def test_five_gaps_have_the_signs_of_the_study_format(tmp_path: Path) -> None:
    answers = company(customers())
    result = csr.gap(study(tmp_path, answers, **FIVE), bootstrap=0)
    by_role = dict(list(answers.groupby("who")))
    c, m, s = (by_role[r] for r in ("customer", "management", "staff"))

    def score(frame: pd.DataFrame, letter: str) -> pd.Series:
        return frame[[f"{letter}{i}" for i in ITEMS]].astype(float).mean(axis=1)

    standard, promise = np.mean([5.5, 5, 5.5, 6]), 6.0
    expected = {
        1: stats.ttest_ind(score(m, "M"), score(c, "E"), equal_var=False),
        2: stats.ttest_1samp(standard - score(m, "M"), 0),
        3: stats.ttest_1samp(score(s, "P") - standard, 0),
        4: stats.ttest_1samp(score(c, "P") - promise, 0),
        5: stats.ttest_rel(score(c, "P"), score(c, "E")),
    }
    means = {
        1: score(m, "M").mean() - score(c, "E").mean(),
        2: standard - score(m, "M").mean(),
        3: score(s, "P").mean() - standard,
        4: score(c, "P").mean() - promise,
        5: score(c, "P").mean() - score(c, "E").mean(),
    }
    for number, test in expected.items():
        got = row(result, "five_gaps", gap=number)
        assert got["estimate"] == pytest.approx(means[number])
        assert got["p_value"] == pytest.approx(test.pvalue)
        assert [got["ci_low"], got["ci_high"]] == pytest.approx(list(test.confidence_interval(0.95)))
    first = row(result, "five_gaps_by_indicator", gap=1, indicator="a")
    assert first["estimate"] == pytest.approx(m["Ma"].mean() - c["Ea"].mean())
    assert row(result, "five_gaps", gap=1)[["n_customers", "n_management"]].tolist() == [40, 12]


def test_zone_of_tolerance_places_the_perception(tmp_path: Path) -> None:
    n = 20
    wobble = np.arange(n) % 2  # so that something varies
    levels = {"a": (4, 6, 3), "b": (3, 6, 5), "c": (3, 5, 6)}  # adequate, expected, perceived
    columns = {
        f"{letter}{i}": level + wobble * (letter == "P")
        for i, of in levels.items()
        for letter, level in zip("AEP", of, strict=True)
    }
    survey = study(
        tmp_path, pd.DataFrame(columns), indicators={i: indicator(i, adequate=f"A{i}") for i in levels},
        constructs={"Quality": ["a", "b"], "Attitude": ["c"]},
    )  # fmt: skip
    result = csr.gap(survey, bootstrap=200)
    frame = result.tables["zone_by_indicator"].set_index("indicator")
    assert frame["zone"].tolist() == ["below", "within", "above"]
    assert frame["position"].tolist() == pytest.approx([-0.5 / 2, 2.5 / 3, 3.5 / 2])
    assert frame["certain"].all()
    assert (frame["position_ci_low"] <= frame["position"]).all()
    assert (frame["position"] <= frame["position_ci_high"]).all()
    assert row(result, "zone", construct="Quality")["adequacy"] == pytest.approx((-0.5 + 2.5) / 2)


def test_rankings_of_customers_and_company(tmp_path: Path) -> None:
    result = csr.gap(study(tmp_path, company(customers()), **FIVE), bootstrap=200)
    assert result.ranked_by == "importance"
    assert result.company == ("management",)
    assert result.tables["ranking"][["customers_rank", "company_rank", "rank_difference"]].to_numpy().tolist() == [
        [1, 2, 1],
        [2, 1, -1],
    ]
    detail = result.tables["ranking_by_indicator"]
    rho = row(result, "ranking_correlation", level="indicator", measure="spearman")
    assert rho["estimate"] == pytest.approx(stats.spearmanr(detail["customers"], detail["company"]).statistic)
    assert rho["smallest_p"] == pytest.approx(2 / 24)
    assert (detail["customers_rank_low"] <= detail["customers_rank"]).all()


def test_wilcoxon_can_be_the_test(tmp_path: Path) -> None:
    answers = customers()
    result = csr.gap(study(tmp_path, answers), test="wilcoxon", adjust="none", bootstrap=0)
    assert row(result, "indicators", indicator="c")["p_value"] == pytest.approx(
        stats.wilcoxon(answers["Pc"] - answers["Ec"]).pvalue
    )


def test_percent_puts_every_question_on_its_own_scale(tmp_path: Path) -> None:
    answers = customers()
    five = {"min": 1, "max": 5}
    answers[["Pd", "Ed"]] = answers[["Pd", "Ed"]].clip(1, 5)
    mixed = {**{i: indicator(i) for i in "abc"}, "d": indicator("d", scale=five)}
    survey = study(tmp_path, answers, indicators=mixed)
    with pytest.raises(AnalysisError, match=r"different scales.*1–5: d") as error:
        csr.gap(survey)
    assert "unit: percent" in str(error.value)
    result = csr.gap(survey, unit="percent", bootstrap=0)
    for i, span in (("a", 6), ("d", 4)):
        expected = (answers[f"P{i}"] - answers[f"E{i}"]).mean() / span * 100
        assert row(result, "indicators", indicator=i)["gap"] == pytest.approx(expected)


def test_a_reversed_indicator_turns_its_standard_too(tmp_path: Path) -> None:
    answers = company(customers())
    columns = [c for c in answers if c[0] in "PEMI" and c.endswith("a")]
    turned = answers.assign(**{c: 8 - answers[c] for c in columns if not c.startswith("I")})
    indicators = {**FIVE["indicators"], "a": {**FIVE["indicators"]["a"], "reverse": True}}
    plain = csr.gap(study(tmp_path / "plain", answers, **FIVE), bootstrap=0)
    reverse = csr.gap(
        study(tmp_path / "reverse", turned, **{**FIVE, "indicators": indicators, "standards": {**FIVE["standards"], "a": 2.5},
                                               "promises": {**FIVE["promises"], "a": 2}}),
        bootstrap=0,
    )  # fmt: skip
    assert reverse.tables["five_gaps"]["estimate"].tolist() == pytest.approx(plain.tables["five_gaps"]["estimate"].tolist())


# ---- missing answers


def test_listwise_keeps_whole_respondents_and_pairwise_every_pair(tmp_path: Path) -> None:
    survey = study(tmp_path, with_holes(customers()))
    listwise, pairwise = (csr.gap(survey, missing_rule=rule, bootstrap=0) for rule in ("listwise", "pairwise"))
    assert listwise.tables["indicators"]["n"].tolist() == [38] * 4
    assert listwise.basis.n_missing == pairwise.basis.n_missing == 2
    assert pairwise.tables["indicators"]["n"].tolist() == [39, 40, 39, 39]
    assert pairwise.tables["dimensions"]["n"].tolist() == [40, 39]  # row 1 answered one pair of (a, b), none of (c, d)
    strict = csr.gap(survey, missing_rule="pairwise", answered=1, bootstrap=0)
    assert strict.tables["dimensions"]["n"].tolist() == [39, 39]


def test_em_is_refused_as_an_option_and_replaced_where_the_study_asks_for_it(tmp_path: Path) -> None:
    survey = study(tmp_path, with_holes(customers()), missing_rule="em")
    result = csr.gap(survey, bootstrap=0)
    assert result.options["missing_rule"] == "pairwise"
    assert any("EM" in s for s in result.findings("en", level="limit"))
    with pytest.raises(OptionError, match="pairwise"):
        csr.gap(survey, missing_rule="em")


def test_an_indicator_that_few_answered_is_left_out_and_said(tmp_path: Path) -> None:
    answers = customers().astype("Int64")
    answers.loc[3:, "Pd"] = pd.NA
    survey = study(tmp_path, answers)
    with pytest.raises(AnalysisError, match=r"only 3 of 40 customers.*d 3"):
        csr.gap(survey)
    result = csr.gap(survey, missing_rule="pairwise", bootstrap=0)
    assert result.tables["indicators"]["indicator"].tolist() == ["a", "b", "c"]
    assert next(c for c in result.checks if c.key == "gap_few_pairs").verdict == "fail"


# ---- what is not there


def test_without_the_company_only_the_fifth_gap_is_computed(tmp_path: Path) -> None:
    result = csr.gap(study(tmp_path, customers()), bootstrap=0)
    five = result.tables["five_gaps"]
    assert five.loc[five["estimate"].notna(), "gap"].tolist() == [5]
    assert result.missing["gap_1"] == "no_management"
    assert result.missing["gap_2"] == "no_management+no_standards"
    assert result.missing["gap_3"] == "no_standards"
    assert result.missing["gap_4"] == "no_promises"
    for lang, standard in zip(LANGUAGES, ("服务标准", "service standard"), strict=True):
        assert sum(standard in s for s in result.findings(lang, level="action")) == 1
        for name in ("zone", "zone_by_indicator", "gaps_of_indicators", "ranking", "ranking_correlation", "groups"):
            assert "…" not in str(result.table(name, lang))
            assert len(str(result.table(name, lang))) > 10
    assert result.figures == ("profile",)  # a model of five gaps with four of them empty would show nothing
    assert result.figure("zone").html == ""  # the table of that name says why


def test_gap_3_takes_the_customers_where_staff_were_not_asked(tmp_path: Path) -> None:
    survey = study(tmp_path, customers(), standards={"a": 5, "b": 5, "c": 5, "d": 5})
    result = csr.gap(survey, bootstrap=0)
    third = row(result, "five_gaps", gap=3)
    assert third["n_customers"] == 40
    assert math.isnan(third["n_staff"])
    assert third["estimate"] == pytest.approx(customers()[["Pa", "Pb", "Pc", "Pd"]].mean().mean() - 5)
    assert any("Staff were not asked" in s for s in result.findings("en", level="limit"))


def test_too_few_managers_are_withheld(tmp_path: Path) -> None:
    result = csr.gap(study(tmp_path, company(customers(), managers=4), **FIVE), bootstrap=0)
    assert result.missing["gap_1"] == "few_management"
    assert result.missing["ranking"] == "few_company"
    assert row(result, "five_gaps", gap=1)[["estimate", "n_management"]].isna().all()


def test_a_filter_that_leaves_the_company_out_is_named(tmp_path: Path) -> None:
    answers = company(customers()).assign(region=lambda f: np.where(f["who"] == "customer", "north", None))
    survey = study(tmp_path, answers, **FIVE, segments={"region": {"column": "region"}}).where(region="north")
    result = csr.gap(survey, bootstrap=0)
    assert result.missing["gap_1"] == "filtered_management"
    assert any("filter" in s for s in result.findings("en", level="action"))


def test_rankings_fall_back_on_expectations_and_say_so(tmp_path: Path) -> None:
    plain = {i: {k: v for k, v in about.items() if k != "importance"} for i, about in FIVE["indicators"].items()}
    result = csr.gap(study(tmp_path, company(customers()), **{**FIVE, "indicators": plain}), bootstrap=0)
    assert result.ranked_by == "expectation"
    assert any("not the same as importance" in s for s in result.findings("en", level="limit"))


def test_a_study_without_constructs_is_analysed_by_indicator(tmp_path: Path) -> None:
    result = csr.gap(study(tmp_path, customers(), constructs={}), bootstrap=0)
    assert "dimensions" not in result.tables
    assert "construct" not in result.tables["indicators"]
    assert len(result.figure("profile").alt) > 20
    assert "no dimensions" in str(result.table("dimensions", "en"))


# ---- groups


def test_small_groups_are_withheld_together_with_a_second_one(tmp_path: Path) -> None:
    region = ["north"] * 20 + ["south"] * 10 + ["east"] * 7 + ["west"] * 3
    survey = study(tmp_path, customers().assign(region=region), segments={"region": {"column": "region"}})
    result = csr.gap(survey, by="region", bootstrap=0)
    assert set(result.tables["groups"]["group"]) == {"north", "south"}
    assert set(result.withheld) == {"east", "west"}
    shown = result.to_json()
    assert '"west"' not in shown.split('"withheld"')[0]


def test_groups_are_tested_against_the_others_shown(tmp_path: Path) -> None:
    answers = customers().assign(region=["north"] * 20 + ["south"] * 20)
    answers.loc[:19, "Pa"] = np.clip(answers.loc[:19, "Pa"] + 2, 1, 7)
    result = csr.gap(study(tmp_path, answers, segments={"region": {"column": "region"}}), by="region", bootstrap=0)
    gap = (answers["Pa"] - answers["Ea"] + answers["Pb"] - answers["Eb"]) / 2
    test = stats.ttest_ind(gap[:20], gap[20:], equal_var=False)
    got = row(result, "groups", group="north", construct="Quality")
    assert got["p_value"] == pytest.approx(test.pvalue)
    assert got["difference"] == pytest.approx(gap[:20].mean() - gap[20:].mean())
    assert "groups" in result.figures


# ---- checks


@pytest.mark.parametrize(
    ("key", "change", "verdict"),
    [
        ("gap_ceiling", dict.fromkeys(("Ea", "Eb", "Ec"), 7), "warn"),
        ("gap_ceiling", dict.fromkeys(("Ea", "Eb", "Ec", "Ed"), 7), "fail"),
        ("gap_constant", {"Pa": 4, "Ea": 6}, "fail"),
        ("sample_size", {}, "pass"),
    ],
)
def test_checks_see_what_makes_gaps_unreliable(tmp_path: Path, key: str, change: dict[str, int], verdict: str) -> None:
    result = csr.gap(study(tmp_path, customers().assign(**change)), bootstrap=0)
    assert {c.key: c.verdict for c in result.checks}[key] == verdict


def test_the_same_answers_to_both_questions_are_seen(tmp_path: Path) -> None:
    items = [f"i{k}" for k in range(6)]
    rng = np.random.default_rng(5)
    answers = pd.DataFrame({f"{letter}{i}": rng.integers(2, 7, 60) for i in items for letter in "EP"})
    for i in items:
        answers.loc[:5, f"P{i}"] = answers.loc[:5, f"E{i}"]
    survey = study(tmp_path, answers, indicators={i: indicator(i) for i in items}, constructs={})
    check = next(c for c in csr.gap(survey, bootstrap=0).checks if c.key == "gap_same_answers")
    assert check.value == pytest.approx(0.1)
    assert check.verdict == "warn"


# ---- options and words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"adjustment": "holm"}, "did you mean 'adjust'"),
        ({"adjust": "tukey"}, "cannot be 'tukey'"),
        ({"indicators": ["a", "e"]}, "unknown indicator 'e'"),
        ({"indicators": []}, "indicators"),
        ({"dimensions": ["Qualty"]}, "did you mean 'Quality'"),
        ({"indicators": ["c"], "dimensions": ["Quality"]}, "no indicator is left"),
        ({"by": "region"}, "unknown segment 'region'"),
        ({"test": "wilcoxon"}, "sampling weights"),
        ({"lang": "fr"}, "unknown language 'fr'"),
    ],
)
def test_a_wrong_option_says_what_is_allowed(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    survey = study(tmp_path, customers().assign(w=1.5), case_weight="w")
    with pytest.raises(OptionError, match=said):
        csr.gap(survey, **options)


def test_nobody_of_the_role_asked_for(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"nobody answered as user.*allowed: customer, management, staff"):
        csr.gap(study(tmp_path, company(customers()), **FIVE), role="user")


def test_feeds_says_what_a_study_lacks() -> None:
    values: dict[str, Any] = {"id": "x", "title": "x", "answers": "a.csv", "scale": {"min": 1, "max": 5}, "indicators": {"a": {}}}
    assert "expectation: E1" in feeds(Study.check(values))[0].mend
    values["indicators"] = {"a": {"expectation": "E"}}
    assert feeds(Study.check(values)) == []
    values["analyses"] = {"gap": {"byy": "region"}}
    assert "did you mean 'by'" in str(feeds(Study.check(values))[0])


def test_every_option_is_described() -> None:
    assert all(field.description for field in Options.model_fields.values())


@pytest.fixture(scope="module", params=["software", "bare", "few", "groups"])
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("study")
    if request.param == "software":
        return csr.gap(csr.open_study(SOFTWARE), bootstrap=200)
    if request.param == "bare":
        return csr.gap(study(folder, customers(12), simulated=True, constructs={}, missing_rule="em"), bootstrap=0)
    if request.param == "few":
        return csr.gap(study(folder, company(customers(25), managers=6, staff=3), **FIVE), unit="percent", bootstrap=100)
    region = {"region": ["north"] * 20 + ["south"] * 17 + ["west"] * 3}
    return csr.gap(
        study(folder, customers().assign(**region), segments={"region": {}}), by="region", test="wilcoxon", bootstrap=0
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sentence_is_complete_in_both_languages(result: Any, lang: str) -> None:
    key = result.findings(lang, level="key")
    assert 2 <= len(key) <= 4
    said = [f.sentence(lang) for f in result.found] + [c.sentence(lang) + c.title(lang) for c in result.checks]
    said += [str(result.table(name, lang)) for name in result.table_columns]
    for name in result.figures:
        figure = result.figure(name, lang)
        said += [figure.caption, figure.alt]
        if lang == "zh":
            assert not figure.warnings  # every character has a glyph
    assert not [s for s in said if "{" in s.replace("{customer", "") or "None" in s or "nan" in s]
    if lang == "en":
        chinese = [s for s in said if any("\u4e00" <= ch <= "\u9fff" for ch in s)]
        assert not chinese
    assert {f.level for f in result.found} == {"key", "detail", "limit", "action", "method"}


def test_a_result_survives_json(result: Any) -> None:
    again = Result.from_json(result.to_json())
    assert type(again) is type(result)
    assert again.to_json() == result.to_json()
    assert again.findings("zh") == result.findings("zh")


def test_the_software_study_reproduces_what_was_published() -> None:
    found = csr.gap(csr.open_study(SOFTWARE), bootstrap=0)
    figures = yaml.safe_load((SOFTWARE / "published.yml").read_text(encoding="utf-8"))["figures"]
    worst = found.tables["indicators"].sort_values("gap")["indicator"][:5]
    ranking = found.tables["ranking"].set_index("construct")
    assert set(worst) == set(figures["improve"]["value"])
    assert ranking["customers_rank"].nsmallest(2).index.tolist() == figures["customers_first"]["value"]
    assert ranking["company_rank"].idxmin() == figures["company_first"]["value"][0]
    assert (100 * found.tables["dimensions"].set_index("construct")["weight"]).to_dict() == pytest.approx(
        figures["points"]["value"]
    )


def test_the_same_seed_gives_the_same_result(tmp_path: Path) -> None:
    survey = study(tmp_path, company(customers()), **FIVE)
    first, second, other = (csr.gap(survey, bootstrap=50, seed=seed).to_json() for seed in (3, 3, 4))
    assert first == second
    assert first != other
