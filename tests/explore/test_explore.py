"""Exploring: numbers equal those of the analyses and of scipy, lines of code make the same view, small groups stay hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

import csr_lib as csr
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.text import LANGUAGES
from csr_lib.explore import View

ROOT = Path(__file__).parents[2]
STUDIES = sorted(p.parent.name for p in (ROOT / "data").glob("*/study.yml"))
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.PerformanceWarning")


def example(name: str, lang: str = "en", **where: Any) -> csr.Survey:
    return csr.open_study(ROOT / "data" / name / "study.yml", lang=lang, where=where or None)


@pytest.fixture(scope="module")
def power() -> csr.Survey:
    return example("power")


@pytest.fixture
def small(tmp_path: Path) -> csr.Survey:
    """Sixty respondents, four of them in group z, eleven in the next smallest."""
    rng = np.random.default_rng(5)
    n = 60
    frame = pd.DataFrame({i: rng.integers(1, 6, n) for i in ("a", "b")})
    frame["kind"] = np.repeat(["x", "y", "w", "z"], [25, 20, 11, 4])
    frame["town"] = np.where(np.arange(n) % 10 == 0, "t", "u")
    frame["used"] = rng.choice(["p", "q", "r"], n)
    frame["bad"] = rng.integers(0, 2, n)
    frame.to_csv(tmp_path / "answers.csv", index=False)
    content = {
        "id": "t",
        "title": "T",
        "answers": "answers.csv",
        "scale": {"min": 1, "max": 5},
        "indicators": {i: {"label": f"Item {i}"} for i in ("a", "b")},
        "constructs": {"Both": {"indicators": ["a", "b"]}},
        "outcomes": {"defect": {"column": "bad", "yes": [1]}},
        "segments": {"kind": {"label": "Kind"}, "town": {"label": "Town"}},
        "questions": {"used": {"type": "single", "label": "Used"}},
    }
    (tmp_path / "study.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return csr.open_study(tmp_path / "study.yml", lang="en")


def same(found: pd.DataFrame, expected: pd.DataFrame, columns: list[str]) -> None:
    pd.testing.assert_frame_equal(
        found[columns].reset_index(drop=True), expected[columns].reset_index(drop=True), check_dtype=False, check_names=False
    )


# ---- the same numbers as the analyses


@pytest.fixture(scope="module", params=["power", "loyalty"])
def both(request: pytest.FixtureRequest) -> tuple[csr.Survey, Any, str]:
    """A survey without weights and one with, filtered; its overview of every answer; a segment."""
    survey, by = {
        "power": lambda: (example("power", wave="2013"), "region"),
        "loyalty": lambda: (example("loyalty", market=["airline", "retail"]), "tier"),
    }[request.param]()
    return survey, csr.overview(survey, missing_rule="pairwise", by=(by,), indicators=survey.asked("perception")), by


def test_distribution_is_that_of_the_overview(both: tuple[csr.Survey, Any, str]) -> None:
    survey, overview, _ = both
    view = csr.explore.distribution(survey, "all")
    key = overview.tables["distribution"]["indicator"]
    assert len(key) > 4
    grades = [c for c in overview.tables["distribution"] if c.startswith("grade_")]
    own = view.tables["distribution"].set_index("indicator").loc[key].reset_index()
    same(own, overview.tables["distribution"], ["indicator", "n", *grades])
    table = overview.tables["indicators"]
    own = view.tables["indicators"].set_index("indicator").loc[table["indicator"]].reset_index()
    same(own, table, ["n", "estimate", "ci_low", "ci_high", "mean", "mean_ci_low", "mean_ci_high", "top_box", "bottom_box"])


def test_comparison_is_that_of_the_overview(both: tuple[csr.Survey, Any, str]) -> None:
    survey, overview, by = both
    groups, tests = overview.tables["groups_of_measures"], overview.tables["comparisons_of_parts"]
    main = overview.tables["comparisons"]
    construct = next(iter(survey.study.constructs))
    keys = [survey.asked("perception")[1], construct, "satisfaction"]
    for key in keys:
        view = csr.explore.compare(survey, key, by)
        expected = groups[(groups["measure"] == key) & (groups["segment"] == by)]
        assert len(expected) > 1
        own = view.tables["groups"].iloc[:-1]
        assert [f"{by}={g}" for g in own["group"]] == expected["group"].tolist()
        same(own, expected, ["n", "estimate", "ci_low", "ci_high"])
        table = main if key in set(main["measure"]) else tests
        expected = table[(table["measure"] == key) & (table["segment"] == by)]
        same(view.tables["test"], expected, ["test", "n", "statistic", "p_value", "effect_size", "effect_size_ci_low"])


def test_rates_are_compared_as_in_the_overview(power: csr.Survey) -> None:
    overview = csr.overview(power, by=("type",))
    view = csr.explore.compare(power, "complaint", "type")
    groups, tests = overview.tables["groups_of_measures"], overview.tables["comparisons_of_parts"]
    expected = groups[(groups["measure"] == "rate_complaint") & (groups["segment"] == "type")]
    np.testing.assert_allclose(100 * view.tables["groups"]["estimate"][:-1], expected["estimate"])
    same(view.tables["test"], tests[(tests["measure"] == "rate_complaint") & (tests["segment"] == "type")], ["p_value"])


def test_pairs_are_those_of_the_overview(power: csr.Survey) -> None:
    overview = csr.overview(power, indicators=["repair"], by=("region",)).tables["pairs"]
    own = csr.explore.compare(power, "repair", "region").tables["pairs"]
    expected = overview[overview["segment"] == "region"]
    same(own, expected, ["n", "difference", "ci_low", "ci_high", "p_value", "d"])
    order = np.argsort(own["p_value"].to_numpy())
    by_hand = np.maximum.accumulate(own["p_value"].to_numpy()[order] * [3, 2, 1]).clip(max=1)
    np.testing.assert_allclose(own["p_adjusted"].to_numpy()[order], by_hand)


def test_correlations_are_those_of_the_drivers(power: csr.Survey) -> None:
    expected = csr.drivers(power, bootstrap=0).tables["correlation_pairs"]
    found = csr.explore.correlations(power).tables["pairs"]
    known = {frozenset(k): v for *k, v in found[["item", "other", "estimate"]].itertuples(index=False)}
    p = {frozenset(k): v for *k, v in found[["item", "other", "p_adjusted"]].itertuples(index=False)}
    assert len(known) == len(expected) == 36
    for row in expected.itertuples():
        assert known[frozenset((row.variable, row.other))] == pytest.approx(row.estimate, abs=1e-12)
        assert p[frozenset((row.variable, row.other))] == pytest.approx(row.p_adjusted, abs=1e-12)


def test_quadrant_follows_the_filter_and_is_that_of_the_analysis(power: csr.Survey) -> None:
    city = power.where(region="City")
    expected = csr.importance_performance(city, bootstrap=100).tables["indicators"]
    found = csr.explore.quadrant(city, bootstrap=100).tables["indicators"]
    pd.testing.assert_frame_equal(found, expected)
    everybody = csr.explore.quadrant(power, bootstrap=100).tables["indicators"]
    assert not np.allclose(everybody["performance"], found["performance"])


def test_cross_table_by_hand(small: csr.Survey) -> None:
    frame = small.frame
    view = csr.explore.crosstab(small, "used", "town")
    counts = pd.crosstab(frame["town"], frame["used"])
    shares = view.tables["shares"].set_index("group")
    assert list(shares.columns) == ["n", "answer_p", "answer_q", "answer_r"]
    np.testing.assert_allclose(shares.loc[["t", "u"]].iloc[:, 1:], counts.div(counts.sum(axis=1), axis=0))
    np.testing.assert_allclose(shares.loc[""].iloc[1:].astype(float), frame["used"].value_counts(normalize=True).sort_index())
    chi2, p, df, _ = stats.chi2_contingency(counts, correction=False)
    test = view.tables["test"].iloc[0]
    assert (test["statistic"], test["df"], test["p_value"]) == pytest.approx((chi2, df, p))


def test_shares_of_the_answers_by_hand(small: csr.Survey) -> None:
    answers = csr.explore.distribution(small, "a").tables["answers"].set_index("answer")
    expected = small.frame["a"].value_counts(normalize=True)
    for grade, share in expected.items():
        assert answers.loc[f"grade_{grade:g}", "share"] == pytest.approx(share)
        low, high = stats.binomtest(round(share * 60), 60).proportion_ci(method="wilson")
        assert (answers.loc[f"grade_{grade:g}", "ci_low"], answers.loc[f"grade_{grade:g}", "ci_high"]) == pytest.approx(
            (low, high)
        )
    assert answers["cumulative"].iloc[-1] == pytest.approx(1)


def test_options_of_a_question_with_several_answers_by_hand() -> None:
    survey = example("tobacco")
    view = csr.explore.distribution(survey, "channels")
    chose = survey.frame["channels"].str.split("┋")
    answers = view.tables["answers"].set_index("answer")
    for option, times in chose.explode().value_counts().items():
        interval = stats.binomtest(int(times), len(chose)).proportion_ci(method="wilson")
        row = answers.loc[f"answer_{option}", ["n", "share", "ci_low", "ci_high"]]
        assert row.tolist() == pytest.approx([times, times / len(chose), *interval])
    assert view.tables["summary"]["estimate"].item() == pytest.approx(chose.str.len().mean())


# ---- the line of code


def views(survey: csr.Survey) -> list[View]:
    x, by = csr.explore, survey.segments[0]
    construct = next(iter(survey.study.constructs))
    return [
        x.distribution(survey),
        x.distribution(survey, construct, confidence=0.9),
        x.crosstab(survey, None, by),
        x.compare(survey, construct, by),
        x.correlations(survey, construct),
        x.correlations(survey, list(survey.asked("perception")[:3])),
        x.quadrant(survey, bootstrap=0, cut="median"),
    ]


def test_every_line_of_code_makes_the_view_again(power: csr.Survey) -> None:
    selected = power.where({"wave": "2013", "type": ["1", "2"]})
    for view in views(selected):
        for whose in (power, selected):  # filtered already or not
            again = eval(view.code, {"csr": csr, "survey": whose})
            assert "\n" not in view.code
            assert again.code == view.code
            assert again.sentences == view.sentences
            assert again.selection == view.selection
            for name, frame in view.tables.items():
                pd.testing.assert_frame_equal(again.tables[name], frame)


def test_a_line_in_another_language_says_so(power: csr.Survey) -> None:
    view = csr.explore.compare(power, "safety", "region", lang="zh")
    assert view.code == 'csr.explore.compare(survey, "safety", "region", lang="zh")'
    assert eval(view.code, {"csr": csr, "survey": power}).title == view.title


def test_the_line_stands_under_the_view_escaped(small: csr.Survey) -> None:
    view = csr.explore.distribution(small, "a")
    html = view._repr_html_()
    assert html.index("<figure") < html.index("<table") < html.index("csr.explore.distribution(survey, &quot;a&quot;)")


# ---- small groups and bad input


def test_small_groups_are_withheld_and_a_second_one_with_them(small: csr.Survey) -> None:
    for view in (csr.explore.compare(small, "a", "kind"), csr.explore.crosstab(small, "a", "kind")):
        frame = view.tables.get("groups", view.tables.get("shares"))
        assert frame is not None
        assert frame["group"].tolist() == ["x", "y", ""]
        assert view.withheld == ("w", "z")
        assert "Withheld because of few answers: w and z" in view.shown[0].note
    assert csr.explore.compare(small, "a", "town").withheld == ()


def test_a_selection_that_is_too_small_is_withheld(small: csr.Survey) -> None:
    with pytest.raises(AnalysisError, match="4 respondents are selected"):
        csr.explore.distribution(small.where(kind="z"), "a")
    with pytest.raises(AnalysisError, match="0 groups of 'kind'"):  # x alone would tell of z
        csr.explore.compare(small.where(kind=["x", "z"]), "a", "kind")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: csr.explore.distribution(s, "aa"), "unknown .* 'aa'"),
        (lambda s: csr.explore.compare(s, "a", "tow"), "did you mean 'town'"),
        (lambda s: csr.explore.compare(s, "used", "town"), "use crosstab"),
        (lambda s: csr.explore.crosstab(s, "Both", "town"), "use compare"),
        (lambda s: csr.explore.correlations(s, ["a"]), "two measures"),
        (lambda s: csr.explore.correlations(s, lang="fr"), "fr"),
    ],
)
def test_bad_input_is_refused_and_says_how_to_mend_it(small: csr.Survey, call: Any, said: str) -> None:
    with pytest.raises((OptionError, AnalysisError), match=said):
        call(small)


@pytest.mark.usefixtures("small")
def test_waves_of_a_panel_are_shown_and_not_tested(tmp_path: Path) -> None:
    folder = tmp_path  # where `small` lies
    content = yaml.safe_load((folder / "study.yml").read_text(encoding="utf-8"))
    frame = pd.read_csv(folder / "answers.csv").assign(wave=lambda f: np.arange(len(f)) % 2)
    frame.to_csv(folder / "answers.csv", index=False)
    content["wave"] = {"column": "wave", "panel": True}
    (folder / "study.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    view = csr.explore.compare(csr.open_study(folder / "study.yml", lang="en"), "a", "wave")
    assert "test" not in view.tables
    assert "same respondents" in view.sentences[-1]


@pytest.mark.parametrize(("name", "lang"), [(name, LANGUAGES[at % 2]) for at, name in enumerate(STUDIES)])
def test_every_study_can_be_explored(name: str, lang: str) -> None:
    survey = example(name, lang)
    x = csr.explore
    some = list(survey.asked("perception")[:4])
    found = [x.distribution(survey), x.crosstab(survey), x.compare(survey), x.correlations(survey, some)]
    for view in found:
        said = [str(view), view.reading, *(str(t) for t in view.shown), view.figure.caption, view.figure.alt]
        assert not any("{" in part.replace(view.code, "") for part in said)
