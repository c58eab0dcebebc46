"""Every rule marks; only what `exclude` names is dropped; all of it is counted and can be undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from csr_lib.core.errors import DataError, OptionError
from csr_lib.study import Survey, open_study

STUDY = """\
id: clean
title: Cleaning
answers: answers.csv
respondent: id
wave: wave
seconds: seconds
scale: {min: 1, max: 5, labels: {en: [very bad, bad, fair, good, very good]}}
indicators: [a, b, c, d]
outcomes: {satisfaction: overall, complaint: {column: complained, yes: [1]}}
cleaning:
  speeder: 60
  straight_line: 0.75
  attention: {check: [3]}
  contradictions:
    - {id: c1, if: {complained: [1]}, and: {overall: [4, 5]}}
  exclude: EXCLUDE
"""
ANSWERS = """\
id,wave,seconds,a,b,c,d,overall,check,complained
1,1,300,1,2,3,4,3,3,0
1,2,300,1,2,3,4,3,3,0
1,1,200,2,2,3,4,3,3,0
2,1,59,1,2,3,4,3,3,0
3,1,60,5,5,5,4,3,3,0
4,1,300,5,5,,,3,3,0
5,1,300,1,2,3,4,3,2,0
6,1,300,1,2,3,4,3,,0
7,1,300,1,2,3,4,good,3,1
8,1,300,,,,,,3,1
,1,300,1,2,3,4,3,3,0
,1,300,1,2,3,4,3,3,0
"""


@pytest.fixture
def opened(folder: Callable[..., Path]) -> Callable[[str], Survey]:
    return lambda exclude: open_study(folder(STUDY.replace("EXCLUDE", exclude), answers__csv=ANSWERS))


def marked(survey: Survey) -> dict[str, list[int]]:
    return survey.marks.groupby("rule")["row"].apply(list).to_dict()


def test_each_rule_marks_its_rows(opened: Callable[[str], Survey]) -> None:
    assert marked(opened("[duplicate]")) == {
        "empty": [9 + 2],
        "duplicate": [4],  # the same id in the same wave; in another wave it is another answer
        "speeder": [5],
        "straight_line": [6],  # 3 of 4; two answers alone are no line
        "attention": [8],  # wrong; not answered is not marked
        "contradictions": [10],  # the label counts as its point
    }


def test_only_what_exclude_names_is_dropped(opened: Callable[[str], Survey]) -> None:
    survey = opened("[duplicate, attention]")
    assert survey.excluded == {"empty": 1, "duplicate": 1, "attention": 1}
    assert survey.n == 12 - 3
    assert survey.source().n_read == 12
    assert survey.source().excluded == survey.excluded


def test_a_contradiction_can_be_excluded_by_its_id(opened: Callable[[str], Survey]) -> None:
    assert opened("[duplicate, c1]").excluded["contradictions"] == 1


def test_a_row_with_two_marks_is_counted_once(opened: Callable[[str], Survey], folder: Callable[..., Path]) -> None:
    answers = ANSWERS.replace("2,1,59,1,2,3,4,3,3", "2,1,59,5,5,5,5,3,3")
    survey = open_study(folder(STUDY.replace("EXCLUDE", "[duplicate, speeder, straight_line]"), answers__csv=answers))
    assert survey.excluded == {"empty": 1, "duplicate": 1, "speeder": 1, "straight_line": 1}
    assert survey.n == 12 - 4


def test_a_mark_names_file_row_respondent_and_detail(opened: Callable[[str], Survey]) -> None:
    marks = opened("duplicate").marks.set_index("rule")
    assert marks.loc["duplicate", ["file", "row", "respondent", "detail", "excluded"]].tolist() == [
        "answers.csv",
        4,
        "1",
        "answers.csv: 2",
        True,
    ]
    assert marks.loc["attention", "detail"] == "check = 2"


def test_a_repeated_id_is_an_error_unless_it_is_excluded(opened: Callable[[str], Survey]) -> None:
    with pytest.raises(DataError, match=r"row 4; first answers\.csv: 2.*exclude: \[duplicate\]"):
        opened("[]")


def test_exclusions_can_be_undone(opened: Callable[[str], Survey]) -> None:
    survey = opened("[duplicate, attention]")
    assert survey.excluding().n == 11  # the empty row stays out
    assert survey.excluding("speeder").excluded == {"empty": 1, "speeder": 1}
    assert survey.wave("2").excluding("speeder").n == 1  # the selection is kept
    with pytest.raises(OptionError, match="speeder"):
        survey.excluding("speedr")


def test_all_answers_excluded_is_an_error(folder: Callable[..., Path], small: str) -> None:
    with pytest.raises(DataError, match="no answers are left of 2"):
        open_study(folder(small, answers__csv="a,b\n,\n99,\n".replace("99", "-3")))


STRINGS = """\
id: strings
title: Strings
answers: answers.csv
scale: {min: 1, max: 5}
indicators: [a, b, c, d, e, f, g, h, i, j]
cleaning: {long_string: 5, identical: true, exclude: [identical]}
"""


def test_long_strings_and_identical_answers_mark_and_can_be_undone(folder: Callable[..., Path]) -> None:
    rows = ["1,2,3,4,5,1,2,3,4,5", "3,3,3,3,3,1,2,3,4,5", "1,2,3,4,5,1,2,3,4,5", "4,4,4,4,,4,1,2,1,2", "5,5,5,5,5,5,5,5,5,5"]
    survey = open_study(folder(STRINGS, answers__csv="a,b,c,d,e,f,g,h,i,j\n" + "\n".join(rows)))
    assert marked(survey) == {"long_string": [3, 5, 6], "identical": [4]}
    assert survey.marks.loc[survey.marks["rule"] == "identical", "detail"].tolist() == ["row 2"]
    assert (len(survey.rows), len(survey.excluding().rows)) == (4, 5)
