"""The loyalty analysis: levels, types, curve, switching and value against numbers found by hand or by another formula."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import csr_lib as csr
from csr_lib.analyses.loyalty import LoyaltyResult, feeds, loyalty
from csr_lib.analyses.loyalty.measure import TYPES, levels
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES
from csr_lib.stats.smooth import bend, smooth


def study(folder: Path, answers: pd.DataFrame, **more: Any) -> csr.Survey:
    outcomes: dict[str, Any] = {"satisfaction": "sat", "loyalty": "loy"}
    if "kept" in answers:
        outcomes["repurchase"] = {"column": "kept", "yes": [1]}
    if "worth" in answers:
        outcomes["contribution"] = "worth"
    values: dict[str, Any] = {
        "id": "tiny",
        "title": {"zh": "小调查", "en": "Tiny"},
        "answers": "answers.csv",
        "scale": {"min": 1, "max": 5},
        "indicators": ["q"],
        "outcomes": outcomes,
        **more,
    }
    (folder / "study.yml").write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    answers.to_csv(folder / "answers.csv", index=False)
    return csr.open_study(folder, lang="en")


MARKETS: dict[str, Any] = {
    "segments": {"market": {"label": "Market"}},
    "markets": {"segment": "market", "competitiveness": {"open": 5, "closed": 1}},
}


def customers(n: int = 300, seed: int = 3) -> pd.DataFrame:
    """In the open market loyalty is 2 up to grade 4 and 5 at grade 5; in the closed one 4 or 5 whatever the grade."""
    rng = np.random.default_rng(seed)
    sat = rng.integers(1, 6, n)
    market = np.where(np.arange(n) % 2, "open", "closed")
    loy = np.where(market == "open", np.where(sat == 5, 5, 2), rng.integers(4, 6, n))
    kept = np.where(market == "open", rng.random(n) < np.where(sat == 5, 0.75, 0.3), True).astype(int)
    worth = rng.integers(10, 100, n)
    return pd.DataFrame({"q": rng.integers(1, 6, n), "sat": sat, "loy": loy, "kept": kept, "worth": worth, "market": market})


def row(result: LoyaltyResult, table: str, **where: Any) -> pd.Series:
    frame = result.tables[table]
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return customers()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, answers: pd.DataFrame) -> LoyaltyResult:
    return loyalty(study(tmp_path_factory.mktemp("loyalty"), answers, **MARKETS), bootstrap=200)


def test_levels_hold_the_grades_that_the_cut_offs_name(found: LoyaltyResult, answers: pd.DataFrame) -> None:
    for level, grades in {"dissatisfied": (1, 2), "so_so": (3,), "basic": (4,), "complete": (5,)}.items():
        here = answers[answers["sat"].isin(grades)]
        seen = row(found, "levels", group="all", level=level)
        assert seen["n"] == len(here)
        assert seen["loyalty"] == pytest.approx((here["loy"].mean() - 1) * 25)
        assert seen["left"] == pytest.approx(1 - here["kept"].mean())


def test_types_are_the_four_fields_of_the_cut_offs(found: LoyaltyResult, answers: pd.DataFrame) -> None:
    satisfied, loyal = answers["sat"] >= 4, answers["loy"] >= 4
    expected = {
        "advocates": satisfied & loyal,
        "price_driven": satisfied & ~loyal,
        "locked_in": ~satisfied & loyal,
        "sceptics": ~satisfied & ~loyal,
    }
    for kind, here in expected.items():
        seen = row(found, "types", group="all", type=kind)
        assert seen["share"] == pytest.approx(here.mean())
        assert seen["contribution_share"] == pytest.approx(answers.loc[here, "worth"].sum() / answers["worth"].sum())
    grid = found.tables["sensitivity"]
    np.testing.assert_allclose(grid[list(TYPES)].sum(axis=1), 1)
    assert grid.loc[grid["chosen"], "advocates"].item() == pytest.approx(expected["advocates"].mean())


def test_the_open_market_has_its_elbow_and_the_closed_one_is_flat_and_false(found: LoyaltyResult) -> None:
    assert row(found, "shape", group="open")["reading"] == "elbow"
    assert row(found, "shape", group="closed")["reading"] == "flat"
    assert row(found, "interaction", test="slopes")["p_adjusted"] < 0.001
    assert row(found, "interaction", test="competition_slope")["estimate"] > 0
    assert {"loyalty_elbow", "loyalty_false_plain"} <= {f.key for f in found.found}


def test_the_ratio_of_switching_is_that_of_two_shares(found: LoyaltyResult, answers: pd.DataFrame) -> None:
    left = 1 - answers.loc[answers["market"] == "open"].groupby("sat")["kept"].mean()
    seen = row(found, "switching", group="open")
    assert seen["ratio"] == pytest.approx(left[4] / left[5])
    assert seen["ratio_ci_low"] < seen["ratio"] < seen["ratio_ci_high"]


def test_value_is_measured_and_the_quoted_rule_is_not_extrapolated(found: LoyaltyResult, answers: pd.DataFrame) -> None:
    gone = answers["kept"] == 0
    assert row(found, "value", line="stake_total")["estimate"] == pytest.approx(
        answers.loc[gone, "worth"].sum() / answers["worth"].sum()
    )
    quoted = [row(found, "value", line=f"profit_{bound}") for bound in ("low", "high")]
    assert [r["estimate"] for r in quoted] == [0.25, 0.85]  # for one step, whatever the scenario keeps
    assert all(r["basis"] == "assumption" and np.isnan(r["ci_low"]) for r in quoted)


def test_the_matrix_adds_up(found: LoyaltyResult) -> None:
    matrix = found.tables["matrix"]
    assert matrix["share"].sum() == pytest.approx(1)
    assert matrix["contribution_share"].sum() == pytest.approx(1)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_is_said_in_both_languages(found: LoyaltyResult, lang: str) -> None:
    said = [*found.findings(lang), *found.findings(lang, level="method"), *(c.sentence(lang) for c in found.checks)]
    assert said
    assert not [s for s in said if any(name for _, name, _, _ in string.Formatter().parse(s) if name)]
    for name in (*LoyaltyResult.table_columns, *found.figures):
        if name in LoyaltyResult.table_columns:
            assert found.table(name, lang)._repr_html_()


def test_it_goes_to_json_and_back(found: LoyaltyResult) -> None:
    again = Result.from_json(found.to_json())
    assert isinstance(again, LoyaltyResult)
    assert again.findings("zh") == found.findings("zh")


def test_frequency_weights_are_so_many_rows(tmp_path: Path, answers: pd.DataFrame) -> None:
    few = answers.head(60).drop(columns="market")
    counts = np.arange(60) % 3 + 1
    (tmp_path / "w").mkdir()
    (tmp_path / "r").mkdir()
    weighted = loyalty(study(tmp_path / "w", few.assign(w=counts), case_weight="w", weight_kind="frequency"), bootstrap=0)
    rows = loyalty(study(tmp_path / "r", few.loc[few.index.repeat(counts)]), bootstrap=0)
    for name in ("levels", "shape", "types", "curve"):
        pd.testing.assert_frame_equal(weighted.tables[name], rows.tables[name], check_dtype=False)


def test_what_is_not_asked_is_absent_and_says_why(tmp_path: Path, answers: pd.DataFrame) -> None:
    result = loyalty(study(tmp_path, answers[["q", "sat", "loy"]]), bootstrap=0)
    for name in ("matrix", "interaction"):
        assert name not in result.tables
        assert "csr-absent" in result.table(name)._repr_html_()
    assert result.leaving == "loyalty"


def test_a_market_too_small_is_withheld(tmp_path: Path, answers: pd.DataFrame) -> None:
    odd = answers.assign(market=["tiny"] * 3 + list(answers["market"][3:]))
    more = {"segments": {"market": {"label": "Market"}}}
    result = loyalty(study(tmp_path, odd, **more), by="market", bootstrap=0)
    assert "tiny" in map(str, result.withheld)
    assert "tiny" not in set(result.tables["levels"]["group"])


@pytest.mark.parametrize(
    "options",
    [
        {"levels": (60, 40, 85)},
        {"outcome": "praise"},
        {"by": "planet"},
        {"profit_low": 0.9, "profit_high": 0.5},
        {"missing_rule": "em"},
        {"satisfyed": 50},
    ],
)
def test_wrong_options_are_errors(tmp_path: Path, answers: pd.DataFrame, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        loyalty(study(tmp_path, answers, **MARKETS), **options)


def test_answers_that_are_all_the_same_are_an_error(tmp_path: Path, answers: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="same loyalty"):
        loyalty(study(tmp_path, answers.assign(loy=3)))


def test_a_study_without_loyalty_says_what_is_lacking(tmp_path: Path, answers: pd.DataFrame) -> None:
    survey = study(tmp_path, answers[["q", "sat"]], outcomes={"satisfaction": "sat"})
    assert "loyal" in str(feeds(survey.study)[0])
    with pytest.raises(AnalysisError):
        loyalty(survey)


@settings(max_examples=20)
@given(st.floats(-2, 2), st.floats(-5, 5))
def test_the_smooth_of_a_straight_line_is_the_line(slope: float, start: float) -> None:
    x = np.repeat(np.arange(0, 101, 10.0), 3)
    drawn = smooth(x, start + slope * x, np.ones(len(x)), np.arange(0, 101, 20.0), bandwidth=12)
    np.testing.assert_allclose(drawn["estimate"], start + slope * drawn["x"], atol=1e-6)


def test_the_bend_finds_the_slopes_of_a_broken_line() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat(np.arange(0, 101, 5.0), 20)
    y = 10 + 0.2 * x + 0.8 * np.maximum(x - 70, 0)
    seen = bend(x, y + rng.normal(0, 1, len(x)), np.ones(len(x)), 70, kind="none")
    assert seen.below[0] == pytest.approx(0.2, abs=0.02)
    assert seen.above[0] == pytest.approx(1.0, abs=0.03)
    assert seen.p_value < 1e-6


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_every_customer_has_one_level_and_more_satisfied_is_never_lower(values: list[float]) -> None:
    order = ("dissatisfied", "so_so", "basic", "complete")
    ranks = [order.index(v) for v in levels(pd.Series(sorted(values)), (40, 60, 85))]
    assert ranks == sorted(ranks)


# ---- intervals of what customers contribute, and panels


def test_shares_of_the_contribution_have_intervals(found: LoyaltyResult) -> None:
    for table in ("types", "matrix"):
        frame = found.tables[table]
        frame = frame[frame["contribution_share"].between(0.01, 0.99)]
        assert (frame["contribution_share_ci_low"] < frame["contribution_share"]).all()
        assert (frame["contribution_share"] < frame["contribution_share_ci_high"]).all()
    value = found.tables["value"]
    assert value.loc[value["basis"] != "assumption", ["ci_low", "ci_high"]].notna().all(axis=None)


def test_the_interval_of_a_share_of_contribution_is_about_that_of_a_ratio(found: LoyaltyResult, answers: pd.DataFrame) -> None:
    inside = ((answers["sat"] >= 4) & (answers["loy"] >= 4)).to_numpy(dtype=float)
    worth = answers["worth"].to_numpy(dtype=float)
    ratio = (worth * inside).sum() / worth.sum()
    se = np.sqrt(((worth * (inside - ratio)) ** 2).sum()) / worth.sum()  # linearised
    seen = row(found, "types", group="all", type="advocates")
    assert (seen["contribution_share_ci_high"] - seen["contribution_share_ci_low"]) / 3.92 == pytest.approx(se, rel=0.2)


def test_in_a_panel_every_customer_counts_once(tmp_path: Path) -> None:
    once = customers(60).drop(columns="market").assign(id=range(60))
    twice = pd.concat([once.assign(wave="a"), once.assign(wave="b", sat=once["sat"].clip(2))])
    wave = {"column": "wave", "order": ["a", "b"], "panel": True}
    result = loyalty(study(tmp_path, twice, respondent="id", wave=wave), bootstrap=50)
    assert result.basis.n == 60
    assert result.panel_wave == "b"
    assert result.source.filter_labels["wave"]["zh"] == "期次"  # the title block names the filter in the reader's language
    assert result.source.filters == {"wave": "b"}
    assert any("only the latest" in said for said in result.findings("en", level="method"))


def test_intentions_are_not_told_as_deeds(tmp_path: Path, found: LoyaltyResult) -> None:
    meant = loyalty(study(tmp_path, customers().drop(columns="kept"), **MARKETS), bootstrap=50)
    assert "are likely to leave" in " ".join(meant.findings("en"))
    assert "likely to leave" not in next(f.sentence("en") for f in found.found if f.key.startswith("loyalty_basic"))


def test_who_left_is_not_told_by_type_where_the_type_decides_it(tmp_path: Path, answers: pd.DataFrame) -> None:
    found = loyalty(study(tmp_path, answers.drop(columns="kept"), **MARKETS), bootstrap=20)
    assert "left" not in found.tables["types"]
    assert "left" not in found.tables["matrix"]
    assert found.tables["levels"]["left"].notna().all()
    assert "not given by type" in found.table("types", "en").note


def test_key_findings_have_intervals(found: LoyaltyResult) -> None:
    said = {f.key: f.sentence("en") for f in found.found if f.level == "key"}
    assert said["loyalty_types"].count("%–") == 4
    assert said["loyalty_elbow"].count(" to ") == 2
