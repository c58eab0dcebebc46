"""Both languages say the same things."""

import re
import string

import pytest

from csr_lib.core.check import Check
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import LANGUAGES, catalogue, inner, number, references, text, words


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    assert catalogue("zh").keys() == catalogue("en").keys()


@pytest.mark.parametrize("key", sorted(catalogue("en")))
def test_both_languages_fill_in_the_same_values(key: str) -> None:
    assert placeholders(catalogue("zh")[key]) == placeholders(catalogue("en")[key])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_check_has_a_title_and_three_sentences(lang: str) -> None:
    checks = {key.split(".")[1] for key in catalogue(lang) if key.startswith("check.")}
    assert checks
    for name in checks:
        parts = {key.split(".")[2] for key in catalogue(lang) if key.startswith(f"check.{name}.")}
        assert {"title", "pass"} <= parts, name
        assert parts & {"warn", "fail"}, name


def test_every_cutoff_has_its_reference() -> None:
    assert {cutoff.source for cutoff in CUTOFFS.values()} <= references().keys()


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (-0.001, "signed", "0.00"),
        (-3.2, "signed", "−3.20"),
        (0.00001, "p_value", "<0.001"),
        (0.00001, "p", "p\u00a0<\u00a00.001"),
        (0.0324, "p", "p\u00a0=\u00a00.032"),
        (0.04998, "p", "p\u00a0=\u00a00.0499"),
        (float("inf"), "decimal", "∞"),
        (float("nan"), "score", "–"),
        (0.1234, "share", "12.3%"),
        (12345.0, "count", "12,345"),
    ],
)
def test_numbers_are_written_as_readers_expect(value: float, kind: str, written: str) -> None:
    assert number(value, kind) == written


def test_lists_of_labels_are_joined_as_the_language_joins_them() -> None:
    labels = [{"zh": "甲", "en": "a"}, {"zh": "乙", "en": "b"}, "c"]
    assert words(labels, "zh") == "甲、乙、c"
    assert words(labels, "en") == "a, b and c"


def test_what_needs_an_interval_is_left_out_where_there_is_none() -> None:
    values = {"id": "", "score": 61.0, "low": 0, "high": 100, "grade": "B", "share": 0.5, "upper": "A", "upper_share": 0.5}
    values |= {"membership_low": 0.4, "membership_high": 0.6, "upper_low": float("nan"), "upper_high": None}
    with_interval = text("finding.fuzzy_overall_clear", "en", **values, ci_low=58.0, ci_high=64.0)
    without = text("finding.fuzzy_overall_clear", "en", **values, ci_low=float("nan"), ci_high=None)
    assert "(on 0–100; interval 58.0 to 64.0)" in with_interval
    assert "(on 0–100). By" in without
    assert "(membership 50%, interval 40% to 60%)" in with_interval
    assert "A together have 50%." in with_interval


@pytest.mark.parametrize(
    ("label", "within"),
    [
        ("Region", "region"),
        ("Customer size", "customer size"),
        ("VIP level", "VIP level"),
        ("China Mobile", "China Mobile"),
        ("A level", "A level"),
    ],
)
def test_within_a_sentence_a_label_has_no_capital_of_its_own(label: str, within: str) -> None:
    assert inner({"zh": label, "en": label}, "en") == within
    assert inner({"zh": label, "en": label}, "zh") == label
    said = text("finding.overview_groups_differ", "en", segment=label, high="", low="", difference=1.0, p=0.5)
    assert f"differs by {within}:" in said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_check_with_nothing_to_count_says_so_in_words(lang: str) -> None:
    assert "0" not in Check.against("missing_share", 0.0, n=0).sentence(lang)
    assert "7" in Check.against("missing_share", 0.01, n=7).sentence(lang)


def test_chinese_stands_apart_from_the_digits_of_a_label_and_close_to_the_characters_of_one() -> None:
    heading = "headline.index_change"
    assert text(heading, "zh", latest="甲", wave="2002 年") == "甲较 2002 年的变化（分）"
    assert text(heading, "zh", latest="2003", wave="乙") == "2003 较乙的变化（分）"
    assert text("factor_structure.rule_says", "zh", rule="平行分析（主成分）", count=1) == "平行分析（主成分）1 个"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"nothing\.here"):
        text("nothing.here", "en")


def test_a_check_is_judged_by_the_table_of_cutoffs() -> None:
    assert [Check.against("alpha", v).verdict for v in (0.8, 0.65, 0.3, float("nan"))] == ["pass", "warn", "fail", "fail"]
    assert [Check.against("vif", v).verdict for v in (2.0, 7.0, 11.0)] == ["pass", "warn", "fail"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_sentences_write_p_values_as_p_less_than_or_equal(lang: str) -> None:
    assert [key for key, said in catalogue(lang).items() if re.search(r"\bp ?(=|值|-value)? ?\{\w+:p_value\}", said)] == []
