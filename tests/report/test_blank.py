"""What is written before anybody has answered reads back as a survey without answers, and asks everything once."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

from csr_lib.core.errors import OptionError
from csr_lib.report.blank import write_blank
from csr_lib.report.questionnaire import make_questionnaire
from csr_lib.study import Study, check_study
from csr_lib.study.blank import BOOK, blank_answers, codebook
from csr_lib.study.questionnaire import questions_asked

DATA = Path(__file__).parents[2] / "data"
STUDIES = sorted(p.name for p in DATA.iterdir() if (p / "study.yml").is_file())

TEAM = """\
id: team
title: {zh: 班组, en: "Team <script>alert(1)</script>"}
answers: [{file: may.csv, wave: "2013-05"}, {file: staff.xlsx, role: staff, wave: "2013-05"}]
respondent: no
segments: {age: {label: {zh: 年龄, en: Age}, bins: [30, 50]}, site: {values: {n: {zh: 北, en: North}}}}
questions:
  used: {label: {zh: 使用过的服务, en: Services used}, type: multi, columns: [U1, U2], values: {U1: {zh: 热线, en: Hotline}}}
  seen: {label: {zh: 从何处得知, en: Heard of us from}, type: multi, separator: ";", values: {a: {zh: 报纸, en: Papers}, b: b}}
  bill: {label: {zh: 月话费, en: Monthly bill}, type: number}
verbatims: [said]
case_weight: w
cleaning: {attention: {trap: 3}}
missing: [99]
scale: {min: 1, max: 5, labels: {zh: [很差, 较差, 一般, 较好, 很好], en: [very poor, poor, fair, good, very good]}}
indicators:
  speed: {label: {zh: 速度, en: Speed}, perception: {customer: P1, staff: S1}, importance: {column: I1, missing: [],
    scale: {min: 0, max: 100}}}
  price: {label: {zh: 价格, en: "Price & value"}, perception: {customer: P2}, competitors: {Rival: R2}}
outcomes: {complaint: {column: told, yes: [1]}, contribution: revenue, recommendation: nps}
"""


class Inputs(HTMLParser):
    """Collects what a respondent can fill in: name -> values."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("input", "textarea"):
            given = dict(attrs)
            self.found.setdefault(str(given["name"]), []).append(str(given.get("value") or ""))


def inputs(page: str) -> dict[str, list[str]]:
    parser = Inputs()
    parser.feed(page)
    return parser.found


@pytest.fixture
def team(tmp_path: Path) -> Study:
    (tmp_path / "study.yml").write_text(TEAM, encoding="utf-8")
    return Study.load(tmp_path)


@pytest.mark.parametrize("name", STUDIES)
def test_the_empty_file_lacks_nothing_but_answers_and_takes_them(name: str, tmp_path: Path) -> None:
    study = Study.load(DATA / name)
    for file, content in blank_answers(study, "en").items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / "study.yml").write_bytes((DATA / name / "study.yml").read_bytes())
    assert [p.what for p in check_study(tmp_path).problems] == ["has a header but no answers yet"]

    answers = tmp_path / study.answers[0].file
    columns = next(csv.reader(io.StringIO(answers.read_text(encoding="utf-8-sig"))))
    assert study.case_weight not in columns
    with (DATA / name / study.answers[0].file).open(encoding="utf-8-sig", newline="") as stream:
        whole = max(csv.DictReader(stream), key=lambda row: sum(bool(v) for v in row.values()))
    with answers.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, [*columns, *([study.case_weight] if study.case_weight else [])], extrasaction="ignore")
        writer.writeheader()
        writer.writerow(whole)
    found = check_study(tmp_path)
    assert found.problems == ()
    assert found.survey.n == 1


def test_every_column_is_asked_once_and_only_of_whom_it_concerns(team: Study) -> None:
    asked = [a.column for a in questions_asked(team)]
    assert len(asked) == len(set(asked))
    assert "w" not in asked
    customer, staff = inputs(make_questionnaire(team, "en", "customer")), inputs(make_questionnaire(team, "en", "staff"))
    assert set(customer) == {"no", "age", "U1", "U2", "seen", "bill", "said", "P1", "P2", "I1", "R2", "trap", "told", "nps"}
    assert set(staff) == {"no", "S1", "I1"}
    assert customer["P1"] == ["1", "2", "3", "4", "5", "99"]
    assert customer["nps"] == [*map(str, range(11)), "99"]
    assert customer["told"] == ["1", "0", "99"]
    assert customer["U1"] == ["1"]
    assert customer["seen"] == ["a", "b", "99"]
    assert customer["I1"] == [""]  # 0–100 is written on a line


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_loads_nothing_runs_nothing_and_escapes_the_study(team: Study, lang: str) -> None:
    page = make_questionnaire(team, lang, "customer")
    assert not re.search(r"https?://|<script|<link|<img|@import", page)
    assert "url(data:font" in page
    words = {
        "zh": ["第一部分", "很好", "本题请选“3”", "对 Rival 的评价"],
        "en": ["Part A", "very good", "choose “3”", "Price &amp; value"],
    }
    assert all(word in page for word in words[lang])
    assert page == make_questionnaire(team, lang, "customer")


def test_files_of_one_role_hold_the_columns_of_that_role(team: Study, tmp_path: Path) -> None:
    made = {p.name for p in write_blank(team.path, "zh", tmp_path / "out")}
    pages = {"questionnaire.customer.zh.html", "questionnaire.staff.zh.html"}
    assert made == pages | {"may.csv", "may.xlsx", "staff.csv", "staff.xlsx"}
    assert (tmp_path / "out" / "staff.csv").read_bytes() == "\ufeffno,S1,I1\r\n".encode()
    book = openpyxl.load_workbook(tmp_path / "out" / "staff.xlsx")
    assert [[c.value for c in row] for row in book.worksheets[0]] == [["no", "S1", "I1"]]
    assert [row[0].value for row in book["编码表"].iter_rows(min_row=2)] == ["no", "S1", "I1"]


def test_the_codebook_says_what_may_be_written(team: Study) -> None:
    rows = {row["column"]: row for row in codebook(team, "en")}
    assert tuple(rows["P1"]) == BOOK
    assert rows["P1"]["allowed"] == "whole numbers from 1 to 5"
    assert rows["P1"]["meaning"].startswith("1 = very poor; 2 = poor")
    assert rows["P1"]["missing"] == "99"
    assert rows["P1"]["who"] == "customers"
    assert rows["age"]["allowed"] == "a number (analysed as -30, 30-50, 50-)"
    assert rows["seen"]["allowed"] == "a, b; several are joined by ;"
    assert rows["seen"]["meaning"] == "a = Papers"
    assert rows["U1"]["meaning"] == "1 = Hotline"
    assert rows["site"]["who"] == rows["revenue"]["who"] == "records or survey platform"


def test_nothing_is_overwritten_and_then_nothing_is_written(team: Study, tmp_path: Path) -> None:
    (tmp_path / "may.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(OptionError, match=r"may\.csv.*--out"):
        write_blank(team.path)
    assert (tmp_path / "may.csv").read_text(encoding="utf-8") == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["may.csv", "study.yml"]
