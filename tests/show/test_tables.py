"""Three-line tables: numbers as readers expect them, everything escaped, intervals merged, groups shown once."""

from __future__ import annotations

import re

import nh3
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csr_lib.core.errors import OptionError
from csr_lib.show.tables import three_line

FRAME = pd.DataFrame(
    {
        "construct": ["A", "A", "B"],
        "indicator": ["x", "y", "z"],
        "estimate": [1.0, -0.004, np.nan],
        "ci_low": [0.5, -1.25, np.nan],
        "ci_high": [1.5, 1.25, np.nan],
        "p_value": [0.0004, 0.0451, np.nan],
        "n": [1200, 30, 2],
        "quadrant": ["keep_up", "overkill", None],
        "certain": [True, False, True],
    }
)


def table(lang: str = "en", **values):
    return three_line(FRAME, **{"name": "t", "lang": lang, "title": "T", **values})


def test_numbers_are_written_as_readers_expect() -> None:
    rows = table().rows
    assert rows[0] == ("A", "x", "1.00", "[0.50, 1.50]", "<0.001", "1,200", "Keep up the good work", "yes")
    assert rows[1] == ("A", "y", "0.00", "[−1.25, 1.25]", "0.045", "30", "Possible overkill", "no")
    assert rows[2] == ("B", "z", "–", "–", "–", "2", "–", "yes")


def test_headings_come_from_the_catalogue_the_labels_or_the_caller() -> None:
    assert table("zh").headings[:5] == ("构念", "指标", "估计值", "95% 置信区间", "p 值")
    assert table(confidence=0.9).headings[3] == "90% CI"
    assert table(headings={"estimate": {"zh": "指数", "en": "Index"}}).headings[2] == "Index"
    odd = three_line(
        pd.DataFrame({"region": ["N"], "some_thing": [1]}), name="t", lang="en", title="", labels={"region": {"en": "Area"}}
    )
    assert odd.headings == ("Area", "some thing")


def test_intervals_of_other_columns_are_merged_under_their_own_heading() -> None:
    frame = pd.DataFrame({"share": [0.5], "share_ci_low": [0.4], "share_ci_high": [0.6]})
    shown = three_line(frame, name="t", lang="en", title="")
    assert shown.headings == ("Share", "Share, 95% CI")
    assert shown.rows == (("50.0%", "[40.0%, 60.0%]"),)
    apart = three_line(frame, name="t", lang="en", title="", merge_intervals=False)
    assert len(apart.headings) == 3


def test_numeric_columns_are_marked_and_heads_have_scopes() -> None:
    html = table()._repr_html_()
    assert html.count('<th scope="col"') == 8
    assert html.count('<th scope="row">') == 3
    assert '<td class="num">[0.50, 1.50]</td>' in html
    assert html.startswith('<div class="csr-table" id="tab-t">')
    assert '<caption><span class="csr-caption"><span class="csr-number"></span>T</span></caption>' in html


def test_repeated_groups_are_shown_once() -> None:
    html = table(group_by=["construct"])._repr_html_()
    assert '<th scope="rowgroup" rowspan="2">A</th>' in html
    assert html.count(">A<") == 1
    assert '<th scope="row">B</th>' in html


def test_a_value_that_repeats_in_another_group_is_shown_again() -> None:
    frame = pd.DataFrame({"construct": ["A", "B"], "item": ["same", "same"], "n": [1, 2]})
    shown = three_line(frame, name="t", lang="en", title="", group_by=["construct", "item"])
    assert [row[:2] for row in shown.rows] == [("A", "same"), ("B", "same")]


def test_emphasised_rows_are_bold() -> None:
    html = table(emphasis=[1])._repr_html_()
    assert html.count('<tr class="csr-strong">') == 1
    assert "<strong>0.045</strong>" in html


def test_columns_are_chosen_and_ordered() -> None:
    assert table(columns=["n", "indicator"]).headings == ("n", "Indicator")


@pytest.mark.parametrize("values", [{"columns": ["indicatr"]}, {"formats": {"estimate": "persent"}}])
def test_unknown_columns_and_formats_are_named_with_the_nearest(values: dict) -> None:
    with pytest.raises(OptionError, match=r"did you mean '(indicator|percent)'"):
        table(**values)


def test_a_table_without_rows_keeps_its_head() -> None:
    shown = three_line(FRAME.head(0), name="t", lang="en", title="T", group_by=["construct"])
    assert shown.rows == ()
    assert shown._repr_html_().count('<th scope="col"') == 8


@given(st.text(min_size=1).filter(lambda s: "\x00" not in s))
def test_no_text_becomes_markup(content: str) -> None:
    frame = pd.DataFrame({"key": [content], "n": [1]})
    given = {"headings": {"key": content}, "labels": {content: content}}
    shown = three_line(frame, name=content, lang="zh", title=content, note=content, **given)
    tags = set(re.findall(r"<(/?\w+)", shown._repr_html_()))
    plain = three_line(pd.DataFrame({"x": ["x"], "n": [1]}), name="x", lang="zh", title="x", note="x")
    assert tags == set(re.findall(r"<(/?\w+)", plain._repr_html_()))


def test_a_sanitiser_takes_nothing_away_but_the_style_for_jupyter() -> None:
    html = table(note="n = 3")._repr_html_()
    kept = nh3.clean(html, attributes={"*": {"class", "id", "scope", "rowspan"}})
    assert kept == re.sub(r"<style>.*?</style>", "", html)
