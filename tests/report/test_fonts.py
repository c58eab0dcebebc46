"""A page carries the characters that it shows, and no others."""

import base64
import io
import re

from fontTools.ttLib import TTFont

from csr_lib.report.fonts import font_face, shown_characters

PAGE = '<html><style>.x{content:"样"}</style><body><p title="属">满意度 &amp; 74.5</p></body></html>'


def embedded(page: str, lang: str = "zh") -> TTFont:
    data = re.search(r"base64,([^)]+)\)", font_face(page, lang))
    assert data
    return TTFont(io.BytesIO(base64.b64decode(data.group(1))))


def test_only_what_a_reader_sees_is_counted() -> None:
    assert shown_characters(PAGE) == "".join(sorted(set("满意度 & 74.5")))


def test_the_font_holds_exactly_the_characters_of_the_page() -> None:
    assert set(embedded(PAGE).getBestCmap()) == {ord(c) for c in set("满意度 & 74.5")}


def test_an_english_page_leaves_punctuation_as_wide_as_a_chinese_character_to_the_reader() -> None:
    quoted = "<p>“满意” — so…</p>"
    assert set(embedded(quoted, "en").getBestCmap()) == {ord(c) for c in "满意 so"}
    assert set(embedded(quoted, "zh").getBestCmap()) == {ord(c) for c in "“满意” — so…"}


def test_a_character_that_the_font_lacks_is_left_to_the_reader() -> None:
    assert set(embedded("<p>满\U0001f600</p>").getBestCmap()) == {ord("满")}


def test_the_same_page_gives_the_same_font() -> None:
    assert font_face(PAGE, "zh") == font_face(PAGE, "zh")
