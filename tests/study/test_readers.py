"""The same answers give the same frame, whatever file they come in; nothing is guessed from the text."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import DataError
from csr_lib.study import open_study
from csr_lib.study.readers import read_table

STUDY = """\
id: trip
title: Round trip
answers: FILE
respondent: id
segments: {region: {values: {1: {zh: 北, en: North}, 2: {zh: 南, en: South}}}}
verbatims: [comment]
missing: [99]
scale: {min: 1, max: 5}
indicators: [a, b]
"""
ROWS = [
    ("001", 1, 5, 2, "很好，\n谢谢"),
    ("002", 2, 4, 99, "NA"),
    ("1e5", 1, 1, None, None),
    ("004", 2, 3, 3, "=1+1"),
]
COLUMNS = ["id", "region", "a", "b", "comment"]
TEXT = 'id,region,a,b,comment\n001,1,5,2,"很好，\n谢谢"\n002,2,4,99,NA\n1e5,1,1,,\n004,2,3,3,=1+1\n'


def expected() -> pd.DataFrame:
    return pd.DataFrame({"a": [5.0, 4, 1, 3], "b": [2, np.nan, np.nan, 3]})


def write_xlsx(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(COLUMNS)
    for row in ROWS:
        book.active.append(row)
    book.active["E5"].data_type = "s"  # text, no formula
    book.save(path)


def write_sav(path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=COLUMNS).astype({"b": float})
    frame["comment"] = frame["comment"].fillna("")
    pyreadstat.write_sav(
        frame,
        str(path),
        variable_value_labels={"region": {1: "North", 2: "South"}, "a": {1: "bad", 5: "good"}},
        missing_ranges={"b": [{"lo": 99, "hi": 99}]},
    )


def write_parquet(path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=COLUMNS)
    frame.astype({"region": "int8", "b": "Int64", "comment": "category"}).to_parquet(path)


FORMATS = {
    "utf8.csv": lambda p: p.write_bytes(TEXT.encode()),
    "bom.csv": lambda p: p.write_bytes(TEXT.encode("utf-8-sig")),
    "utf16.csv": lambda p: p.write_bytes(TEXT.encode("utf-16")),
    "gb.csv": lambda p: p.write_bytes(TEXT.encode("gb18030")),
    "crlf.csv": lambda p: p.write_bytes(TEXT.replace("\n", "\r\n").encode()),
    "semicolon.csv": lambda p: p.write_bytes(TEXT.replace(",", ";").encode()),
    "tab.tsv": lambda p: p.write_bytes(TEXT.replace(",", "\t").encode()),
    "book.xlsx": write_xlsx,
    "spss.sav": write_sav,
    "table.parquet": write_parquet,
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_answers(name: str, folder: Callable[..., Path]) -> None:
    where = folder(STUDY.replace("FILE", name))
    FORMATS[name](where / name)
    survey = open_study(where, lang="en")
    pd.testing.assert_frame_equal(survey.ratings(), expected())
    assert list(survey.codes["region"]) == ["1", "2", "1", "2"]
    assert list(survey.text["id"]) == ["001", "002", "1e5", "004"]
    comments = survey.verbatims()["comment"]
    assert list(comments.dropna().str.replace("\r", "").str.replace("\n", "")) == ["很好，谢谢", "NA", "=1+1"]


def test_the_encoding_is_recorded(folder: Callable[..., Path]) -> None:
    where = folder(STUDY)
    for name, used in {"utf8.csv": "utf-8", "bom.csv": "utf-8-sig", "gb.csv": "gb18030", "utf16.csv": "utf-16"}.items():
        FORMATS[name](where / name)
        assert read_table(where, name).encoding == used


def test_big5_is_read_right_when_asked_for(folder: Callable[..., Path]) -> None:
    where = folder(STUDY)
    (where / "big5.csv").write_bytes("編號,a\n1,滿意\n".encode("big5"))
    table = read_table(where, "big5.csv", encoding="big5")
    assert list(table.frame.columns) == ["編號", "a"]
    assert table.frame["a"][0] == "滿意"
    assert list(read_table(where, "big5.csv").frame.columns) != ["編號", "a"]  # the reason why it must be asked for


def test_line_numbers_count_line_breaks_inside_quotes(folder: Callable[..., Path]) -> None:
    where = folder(STUDY)
    FORMATS["utf8.csv"](where / "x.csv")
    assert list(read_table(where, "x.csv").rows) == [2, 4, 5, 6]


def test_blank_lines_and_delimiters_at_the_end_are_no_data(folder: Callable[..., Path]) -> None:
    where = folder(STUDY, x__csv="a,b,\n1,2,\n\n3,4,\n\n")
    table = read_table(where, "x.csv")
    assert table.frame.to_dict("list") == {"a": ["1", "3"], "b": ["2", "4"]}
    assert list(table.rows) == [2, 4]


def test_a_workbook_gives_dates_and_whole_numbers_as_text(folder: Callable[..., Path]) -> None:
    where = folder(STUDY)
    book = openpyxl.Workbook()
    book.active.append(["when", "n", "share", "flag"])
    book.active.append([pd.Timestamp("2013-05-31 14:05").to_pydatetime(), 5.0, 0.25, True])
    book.create_sheet("other").append(["z"])
    book["other"].append([7])
    book.save(where / "x.xlsx")
    assert read_table(where, "x.xlsx").frame.iloc[0].tolist() == ["2013-05-31 14:05:00", "5", "0.25", "1"]
    assert read_table(where, "x.xlsx", sheet="other").frame["z"][0] == "7"


def test_a_formula_that_nobody_calculated_is_no_blank(folder: Callable[..., Path]) -> None:
    where = folder(STUDY)
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append([1, "=A2+1"])
    book.save(where / "x.xlsx")
    with pytest.raises(DataError, match="B2"):
        read_table(where, "x.xlsx")


def test_a_workbook_that_unpacks_to_an_absurd_size_is_refused(folder: Callable[..., Path]) -> None:
    import zipfile

    where = folder(STUDY)
    with (
        zipfile.ZipFile(where / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as member,
    ):
        for _ in range(120):
            member.write(bytes(1_000_000))
    assert (where / "bomb.xlsx").stat().st_size < 200_000
    with pytest.raises(DataError, match="unpacks to"):
        read_table(where, "bomb.xlsx")


def test_user_missing_and_labels_of_spss_are_kept_apart(folder: Callable[..., Path]) -> None:
    where = folder(STUDY)
    write_sav(where / "x.sav")
    table = read_table(where, "x.sav")
    assert table.value_labels["region"] == {"1": "North", "2": "South"}
    assert table.frame["b"].isna().tolist() == [False, True, True, False]


def test_labels_of_spss_name_the_groups_where_the_study_does_not(folder: Callable[..., Path]) -> None:
    where = folder(STUDY.replace("FILE", "x.sav").replace("{values: {1: {zh: 北, en: North}, 2: {zh: 南, en: South}}}", ""))
    write_sav(where / "x.sav")
    assert open_study(where).value_label("region", "2") == "South"


cells = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufeff\u2028\u2029\x85"), min_size=1, max_size=8
).filter(lambda s: s.strip())


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_as_it_was(tmp_path: Path, rows: list[tuple[str, str]], encoding: str) -> None:
    stream = io.StringIO()
    pd.DataFrame(rows, columns=["x", "y"]).to_csv(stream, index=False)
    (tmp_path / "any.csv").write_bytes(stream.getvalue().encode(encoding))
    read = read_table(tmp_path, "any.csv", encoding="utf-8" if encoding == "utf-8" else "auto").frame
    assert read.to_numpy().tolist() == [list(r) for r in rows]
