"""The workbook: every table with all its digits, who it rests on, and text that stays text."""

import dataclasses
import io
import math
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import toy as toy_module

from csr_lib.core.result import Basis, Result
from csr_lib.report.workbook import make_workbook
from csr_lib.study import open_study


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("workbook")
    toy_module.write(folder)
    return toy_module.toy(open_study(folder / "study.yml", lang="en"))


def sheets(result: Result, lang: str = "en") -> dict[str, list[list[object]]]:
    book = openpyxl.load_workbook(io.BytesIO(make_workbook(result, lang)))
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def with_tables(result: Result, **tables: pd.DataFrame) -> Result:
    """The toy as a plain Result, which any table can be put into."""
    values = {f.name: getattr(result, f.name) for f in dataclasses.fields(Result)}
    return Result(**{**values, "tables": tables})


def table_of(rows: list[list[object]], first_column: str) -> pd.DataFrame:
    start = next(i for i, row in enumerate(rows) if row[0] == first_column)
    return pd.DataFrame(rows[start + 1 :], columns=rows[start])


def test_numbers_keep_their_digits(result: Result) -> None:
    values = [1 / 3, math.pi * 1e-9, 123456789.123456, -0.1, 2**53]
    shown = table_of(sheets(with_tables(result, t=pd.DataFrame({"mean": values})))["t"], "mean")["mean"]
    assert [float(v) for v in shown] == pytest.approx(values, rel=1e-15, abs=0)


def test_a_missing_number_is_an_empty_cell(result: Result) -> None:
    frame = pd.DataFrame({"mean": [1.5, math.nan, math.inf], "n": [1, 2, 3]})
    assert table_of(sheets(with_tables(result, t=frame))["t"], "mean")["mean"].isna().tolist() == [False, True, True]


def test_labels_stand_beside_the_keys(result: Result) -> None:
    shown = table_of(sheets(result, "zh")["means"], "indicator")
    assert shown["indicator"].tolist() == ["taste", "price"]
    assert shown["indicator_label"].tolist() == ["口味", "=1+1"]


def test_n_weights_and_missing_rule_stand_on_every_table(result: Result) -> None:
    tables = {"a": pd.DataFrame({"x": [1]}), "b": pd.DataFrame({"x": [2]})}
    own = dataclasses.replace(with_tables(result, **tables), bases={"b": Basis(17, 12.5, "sampling", "pairwise", 3)})
    found = sheets(own)
    said = {name: [str(cell) for row in rows[:8] for cell in row if cell is not None] for name, rows in found.items()}
    assert "40" in said["a"]
    assert {"17", "12.5", "weighted by sampling weights", "all answers of each pair (pairwise)", "3"} <= set(said["b"])


def test_text_never_becomes_a_formula_or_a_link(result: Result) -> None:
    texts = ['=HYPERLINK("http://example.org")', "+1", "@SUM(A1)", "-2", "http://example.org", "{=1+1}"]
    content = make_workbook(with_tables(result, t=pd.DataFrame({"answer": texts})), "en")
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    assert set(texts) <= {cell.value for cell in cells}
    assert not any(cell.hyperlink for cell in cells)


def test_sheet_names_are_what_excel_takes(result: Result) -> None:
    names = ["a" * 40, "A" * 40, "x/y:z[1]", "History", "'quoted'", "Checks"]
    found = sheets(with_tables(result, **{name: pd.DataFrame({"x": [1]}) for name in names}))
    assert len(found) == len(names) + 3
    assert all(len(name) <= 31 for name in found)


def test_findings_checks_and_provenance_have_their_sheets(result: Result) -> None:
    found = sheets(result)
    assert any("The best score has" in str(row[1]) for row in found["Findings"])
    assert any(row[0] == "passed" and row[3] == 40 for row in found["Checks"])
    assert any("numpy" in str(row[1]) for row in found["Provenance"])


def test_the_same_result_gives_the_same_bytes(result: Result) -> None:
    content = make_workbook(result, "zh")
    assert content == make_workbook(Result.from_json(result.to_json()), "zh")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        assert b"2000-01-01" in archive.read("docProps/core.xml")


def test_a_withheld_group_is_named_on_its_tables(result: Result) -> None:
    frame = pd.DataFrame({"group": ["north"], "mean": [1.0]})
    own = dataclasses.replace(with_tables(result, t=frame, other=frame[["mean"]]), withheld=({"zh": "南", "en": "South"},))
    found = sheets(own)
    assert any("South" in str(cell) for row in found["t"] for cell in row)
    assert not any("South" in str(cell) for row in found["other"] for cell in row)


def test_a_withheld_group_is_not_named_on_tables_that_are_split_by_something_else(result: Result) -> None:
    frame = pd.DataFrame({"segment": ["region"], "group": ["region=north"], "mean": [1.0]})
    by_size = frame.assign(segment="size", group="size=large")
    own = with_tables(result, t=frame, keyed=frame[["group", "mean"]], other=by_size)
    own = dataclasses.replace(own, withheld=("south", "small"), withheld_by={"region": ["south"], "size": ["small"]})
    found = {name: " ".join(str(cell) for row in sheet for cell in row) for name, sheet in sheets(own).items()}
    assert ["south" in found[name] for name in ("t", "keyed", "other")] == [True, True, False]
    assert ["small" in found[name] for name in ("t", "keyed", "other")] == [False, False, True]


def test_it_can_be_written_where_it_is_wanted(result: Result, tmp_path: Path) -> None:
    file = tmp_path / "toy.xlsx"
    file.write_bytes(make_workbook(result, "en"))
    assert pd.read_excel(file, sheet_name="means", header=None).shape[0] > 5
