"""Breaking labels into lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from csr_lib.show.wrap import width, wrap


def test_chinese_breaks_between_characters_and_english_between_words() -> None:
    assert wrap("供电安全性与应急处置", 12) == "供电安全性\n与应急处置"
    assert wrap("Courtesy of delivery staff", 18) == "Courtesy of\ndelivery staff"


def test_words_and_numbers_stay_whole() -> None:
    assert wrap("Concentrate here", 14) == "Concentrate\nhere"
    assert "−0.40" in wrap("−0.31 [−0.40, −0.20]", 14).split("[")[1].split(",")[0]
    assert wrap("95598 服务热线", 10).split("\n")[0].startswith("95598")


def test_punctuation_stays_with_what_it_belongs_to() -> None:
    for line in wrap("缴费、报修，营业厅（含线上）服务。", 8).split("\n"):
        assert line[0] not in "、，）。"
        assert line[-1] not in "（"
    assert wrap("优势区（继续保持）", 13) == "优势区\n（继续保持）"


def test_english_quotation_marks_are_straight() -> None:
    assert wrap("customers’ “own” view", 99) == 'customers\' "own" view'
    assert wrap("客户的“真实”感受", 99) == "客户的“真实”感受"


@given(st.text(alphabet="供电安全性与 abcdefghij，（）12", min_size=1, max_size=60), st.integers(8, 40))
def test_nothing_is_lost_and_lines_are_short(label: str, most: int) -> None:
    wrapped = wrap(label, most)
    assert "".join(wrapped.split()) == "".join(label.split())
    assert all(width(line) <= 1.5 * most + 3 for line in wrapped.split("\n"))
