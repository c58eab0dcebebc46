"""Text becomes numbers by the codebook; what does not fit is collected, with its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csr_lib.study import coding
from csr_lib.study.coding import CodeCoder, MisfitError, RatingCoder, by_value, tidy
from csr_lib.study.parts import Scale

SCALE = Scale.model_validate(
    {
        "min": 1,
        "max": 5,
        "labels": {
            "zh": ["很不满意", "不满意", "一般", "满意", "很满意"],
            "en": ["very bad", "bad", "fair", "good", "very good"],
        },
    }
)


def code(value: str, scale: Scale = SCALE, missing: tuple[str, ...] = ("99", "不清楚")) -> float:
    return RatingCoder(scale, missing)(tidy(value))


@pytest.mark.parametrize(
    ("written", "point"),
    [
        ("5", 5),
        (" 5 ", 5),
        ("5.0", 5),
        ("５", 5),  # full-width
        ("+5", 5),
        ("很满意", 5),
        ("Very  Good", 5),
        ("5-很满意", 5),
        ("2-比较不满意", 2),  # a label the study does not know: the number counts
        ("5.很满意", 5),
        ("5、很满意", 5),
        ("3（一般）", 3),
        ("4 满意", 4),
        ("4分", 4),
        ("<span>满意</span>", 4),
        ("good&nbsp;", 4),
    ],
)
def test_a_rating_is_read_in_the_forms_that_platforms_export(written: str, point: float) -> None:
    assert code(written) == point


@pytest.mark.parametrize("written", ["99", "99.0", "不清楚", "-3", "(跳过)", "（跳过）", "-2", "（空）"])
def test_missing_codes_are_no_answer(written: str) -> None:
    assert np.isnan(code(written))


def test_platform_codes_that_lie_on_the_scale_are_answers() -> None:
    assert code("-2", Scale(min=-3, max=3)) == -2


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("0", "off the scale"),
        ("6", "off the scale"),
        ("-1", "off the scale"),
        ("2.5", "between two points"),
        ("4-很满意", "its label is that of 5"),
        ("1-3", "neither a number nor a label"),
        ("1e0", "neither a number nor a label"),
        ("nan", "neither a number nor a label"),
        ("inf", "neither a number nor a label"),
        ("super", "neither a number nor a label"),
    ],
)
def test_what_does_not_fit_says_why(written: str, why: str) -> None:
    with pytest.raises(MisfitError, match=why):
        code(written)


def test_fractions_are_answers_on_an_interval_scale() -> None:
    assert code("2.5", Scale(min=1, max=5, measure="interval")) == 2.5


def test_violations_keep_all_their_rows() -> None:
    column = by_value(pd.Series(["1", "7", None, "7", "x"], dtype="str"), RatingCoder(SCALE))
    assert {value: list(rows) for value, (_, rows) in column.bad.items()} == {"7": [1, 3], "x": [4]}
    np.testing.assert_array_equal(column.result, [1, np.nan, np.nan, np.nan, np.nan])


@given(st.lists(st.sampled_from(["1", "2", "3", "4", "5", "99", None, "满意"]), min_size=1, max_size=40))
def test_coding_by_distinct_values_equals_coding_one_by_one(answers: list[str | None]) -> None:
    coder = RatingCoder(SCALE, ("99",))
    column = by_value(pd.Series(answers, dtype="str"), coder)
    np.testing.assert_array_equal(column.result, [np.nan if a is None else coder(tidy(a)) for a in answers])


@given(st.integers(-20, 20), st.integers(1, 20), st.floats(-100, 100, allow_nan=False))
def test_no_number_off_the_scale_gets_through(low: int, width: int, value: float) -> None:
    scale = Scale(min=low, max=low + width, measure="continuous")
    try:
        coded = RatingCoder(scale)(tidy(f"{value:.6f}"))
    except MisfitError:
        return
    assert np.isnan(coded) or low <= coded <= low + width


def test_codes_are_found_by_code_number_label_and_both() -> None:
    coder = CodeCoder({"1": {"zh": "北", "en": "North"}, "02": "South"}, missing=("9",))
    assert [coder(tidy(t)) for t in ("1", "1.0", "北", "north", "1-北", "02", "9", "-3")] == ["1"] * 5 + ["02", None, None]
    with pytest.raises(MisfitError):
        coder("3")
    with pytest.raises(MisfitError):
        coder("2")  # 02 is another code


def test_without_known_codes_every_code_stands() -> None:
    assert CodeCoder(None)("007") == "007"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("125", 125), ("125秒", 125), ("2分5秒", 125), ("00:02:05", 125), ("2:05", 125), ("1小时", 3600), ("12.5", 12.5)],
)
def test_time_taken_is_read_in_the_forms_that_platforms_export(written: str, seconds: float) -> None:
    assert coding.seconds(tidy(written)) == seconds


@pytest.mark.parametrize("written", ["soon", "-5", "5 apples"])
def test_no_time_is_made_of_other_text(written: str) -> None:
    with pytest.raises(MisfitError):
        coding.seconds(written)


@pytest.mark.parametrize(("written", "value"), [("1,234.5", 1234.5), ("-3", -3), ("0.25", 0.25)])
def test_numbers_may_have_thousands_separators(written: str, value: float) -> None:
    assert coding.number(written) == value


@pytest.mark.parametrize("written", ["1,5", "1e5", "12,34", "abc"])
def test_ambiguous_numbers_are_refused(written: str) -> None:
    with pytest.raises(MisfitError):
        coding.number(written)
