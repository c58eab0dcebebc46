"""The workbook beside a page: every table of the Result at full precision, with who it rests on, as plain text and numbers."""

from __future__ import annotations

import datetime
import io
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import xlsxwriter

from csr_lib.core.result import Basis, Result
from csr_lib.core.text import has_text, references, text, words
from csr_lib.report.provenance import analysis_name, provenance_rows

#: No clock in a report: a workbook made from the same Result has the same bytes.
_CREATED = datetime.datetime(2000, 1, 1)
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_LONGEST_NAME, _LONGEST_TEXT = 31, 32_767  # what Excel takes


def make_workbook(result: Result, lang: str) -> bytes:
    """Return the workbook of a Result as the bytes of an .xlsx file.

    One sheet per table, with all digits; n, weights and missing-data rule stand above each. Then the findings, the
    checks and where it all came from. Text from a study is written as text, never as a formula or a link.

    Parameters
    ----------
    result : as it stood in the executed notebook; nothing else is read.
    lang : language of headings, findings and checks. Column names stand below their headings, unchanged.
    """
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"title": analysis_name(result, lang), "created": _CREATED})
    sheets = _Sheets(book, lang)
    for name, frame in result.tables.items():
        sheets.table(result, name, frame)
    sheets.findings(result)
    sheets.checks(result)
    sheets.provenance(result)
    book.close()
    return out.getvalue()


class _Sheets:
    """Writes the sheets of one workbook, and keeps their names apart."""

    def __init__(self, book: xlsxwriter.Workbook, lang: str):
        self.book, self.lang, self.names = book, lang, set[str]()
        self.head = book.add_format({"bold": True, "bottom": 1, "top": 2, "text_wrap": True, "valign": "top"})
        self.code = book.add_format({"italic": True, "font_color": "#5f6b7a", "bottom": 1})
        self.title = book.add_format({"bold": True, "font_size": 13})
        self.note = book.add_format({"font_color": "#5f6b7a"})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self.tones = {
            verdict: book.add_format({"bold": True, "font_color": colour, "valign": "top"})
            for verdict, colour in {"pass": "#2e7d32", "warn": "#c77700", "fail": "#b3261e"}.items()
        }

    def t(self, key: str, **values: Any) -> str:
        return text(f"report.workbook.{key}", self.lang, **values)

    def sheet(self, name: str, title: str, widths: Iterable[int]) -> xlsxwriter.worksheet.Worksheet:
        sheet = self.book.add_worksheet(self.unique(name))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.write_string(0, 0, title, self.title)
        return sheet

    def unique(self, name: str) -> str:
        """Make a name that Excel takes: at most 31 characters, without []:*?/\\ and outer ', not used yet in any case."""
        wanted = _FORBIDDEN.sub("_", name).strip("' ")[:_LONGEST_NAME] or "sheet"
        chosen, number = wanted, 1
        while chosen.lower() in self.names or chosen.lower() == "history":
            number += 1
            chosen = f"{wanted[: _LONGEST_NAME - len(str(number)) - 1]}~{number}"
        self.names.add(chosen.lower())
        return chosen

    def table(self, result: Result, name: str, frame: pd.DataFrame) -> None:
        columns = list(_with_labels(result, name, frame, self.lang))
        sheet = self.sheet(name, _title(result, name, self.lang), [max(11, min(34, len(str(key)) + 3)) for key, _, _ in columns])
        basis = result.bases.get(name, result.basis)
        row = 1
        for label, value in [*self.basis_rows(basis), (self.t("study"), words(result.source.title, self.lang))]:
            sheet.write_string(row, 0, label, self.note)
            _write(sheet, row, 1, value, self.note)
            row += 1
        if result.source.simulated:
            sheet.write_string(row, 0, text("report.simulated", self.lang), self.note)
            row += 1
        if hidden := result.withheld_note(frame, self.lang):
            sheet.write_string(row, 0, hidden, self.note)
            row += 1
        row += 1
        for column, (key, heading, values) in enumerate(columns):
            sheet.write_string(row, column, heading, self.head)
            sheet.write_string(row + 1, column, key, self.code)
            for line, value in enumerate(values, row + 2):
                _write(sheet, line, column, value)
        sheet.freeze_panes(row + 2, 1)

    def basis_rows(self, basis: Basis) -> list[tuple[str, Any]]:
        """On whom a table rests: a label and a value each."""
        return [
            (self.t("n"), basis.n),
            (self.t("n_effective"), basis.n_effective),
            (self.t("weights"), text(f"weights.{basis.weights}", self.lang)),
            (self.t("missing_rule"), text(f"missing_rule.{basis.missing_rule}", self.lang)),
            (self.t("n_missing"), basis.n_missing),
        ]

    def findings(self, result: Result) -> None:
        sheet = self.sheet(self.t("findings"), self.t("findings"), [18, 110])
        row = 2
        for level in ("key", "detail", "action", "limit", "method"):
            for sentence in result.findings(self.lang, level=level):
                sheet.write_string(row, 0, self.t(f"level.{level}"), self.wrapped)
                _write(sheet, row, 1, sentence, self.wrapped)
                row += 1

    def checks(self, result: Result) -> None:
        sheet = self.sheet(self.t("checks"), self.t("checks"), [14, 36, 80, 14, 14, 60])
        for column, heading in enumerate(("verdict", "check", "reading", "value", "threshold", "source")):
            sheet.write_string(2, column, self.t(f"check.{heading}"), self.head)
        for row, check in enumerate(result.checks, 3):
            sheet.write_string(row, 0, text(f"verdict.{check.verdict}", self.lang), self.tones[check.verdict])
            _write(sheet, row, 1, check.title(self.lang), self.wrapped)
            _write(sheet, row, 2, check.sentence(self.lang), self.wrapped)
            _write(sheet, row, 3, check.value)
            _write(sheet, row, 4, check.threshold)
            _write(sheet, row, 5, references().get(check.source, check.source), self.wrapped)

    def provenance(self, result: Result) -> None:
        sheet = self.sheet(self.t("provenance"), self.t("provenance"), [28, 110])
        for row, (label, value) in enumerate(provenance_rows(result, self.lang), 2):
            sheet.write_string(row, 0, label, self.wrapped)
            _write(sheet, row, 1, value, self.wrapped)


def _write(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, value: Any, style: Any = None) -> None:
    """Write a value as what it is: a number with all its digits, a truth value, or text; a missing one leaves the cell empty."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, style)
    elif isinstance(value, (int, float)):
        sheet.write_number(row, column, value, style)
    else:
        sheet.write_string(row, column, str(value)[:_LONGEST_TEXT], style)


def _with_labels(result: Result, table: str, frame: pd.DataFrame, lang: str) -> Iterable[tuple[str, str, list[Any]]]:
    """The columns as name, heading and values; behind a column of keys comes one with what they mean."""
    for name in frame.columns:
        values = frame[name].tolist()
        heading = _heading(result, table, name, lang)
        yield name, heading, [words(v, lang) if isinstance(v, (Mapping, list, tuple)) else v for v in values]
        named = [_label(result, name, v, lang) if isinstance(v, str) else None for v in values]
        if any(label is not None for label in named):
            yield (
                f"{name}_label",
                text("report.workbook.label_of", lang, column=heading),
                [v if label is None else label for v, label in zip(values, named, strict=True)],
            )


def _label(result: Result, column: str, value: str, lang: str) -> str | None:
    if value in result.labels:
        return words(result.labels[value], lang)
    key = f"value.{column}.{value}"
    return text(key, lang) if has_text(key, lang) else None


def _heading(result: Result, table: str, column: str, lang: str) -> str:
    at = result.analysis
    for key in (f"{at}.heading.{table}.{column}", f"{at}.column.{column}", f"column.{column}"):
        if has_text(key, lang):
            return text(key, lang)
    return words(result.labels[column], lang) if column in result.labels else column


def _title(result: Result, name: str, lang: str) -> str:
    """The title as on the page, which only the analysis's own Result knows to fill; else the name of the table."""
    return str(result.table(name, lang).title) if hasattr(result, "table") else name
