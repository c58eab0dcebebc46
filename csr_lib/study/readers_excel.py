"""Excel workbooks (.xlsx), one sheet, every cell as the text that it shows."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, unknown
from csr_lib.study.readers import MOST_BYTES, MOST_CELLS, check_header, no_rows, text_frame

_BLANK = " \t\r\n\u3000\u00a0\ufeff"


def read_excel(path: Path, file: str, sheet: str | None = None) -> tuple[pd.DataFrame, np.ndarray]:
    """Read one sheet of a workbook (the first by default); return its text and the row number of every row.

    Whole numbers come without ``.0``, dates as ``2013-05-31 14:05:00``; a formula counts by the value that Excel stored.
    """
    _check_size(path, file)
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise _unreadable(file, error) from None
    try:
        chosen = _sheet(book, sheet, file)
        header, records, rows = _cells(chosen, file)
    except DataError:
        raise
    except Exception as error:
        raise _unreadable(file, error) from None
    finally:
        book.close()
    _check_formulas(path, file, chosen.title)
    if not records:
        raise no_rows(file, header)
    columns = dict(zip(header, map(list, zip(*records, strict=True)), strict=True))
    return text_frame(columns), np.array(rows)


def _unreadable(file: str, error: Exception) -> DataError:
    return DataError(
        f"is no readable workbook ({str(error)[:120] or type(error).__name__})",
        where=file,
        allowed="an .xlsx workbook without a password",
        mend="open it in Excel, remove any password and save it as .xlsx, or export CSV",
    )


def _check_size(path: Path, file: str) -> None:
    """Refuse a workbook that unpacks to an absurd size, before it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise _unreadable(file, error) from None
    if size > MOST_BYTES or size > max(200 * path.stat().st_size, 50_000_000):
        raise DataError(
            f"unpacks to {size / 1e6:,.0f} MB from {path.stat().st_size / 1e6:,.1f} MB",
            where=file,
            allowed=f"at most {MOST_BYTES / 1e6:,.0f} MB",
            mend="copy the answers alone into a new workbook, or export CSV",
        )


def _sheet(book: Any, sheet: str | None, file: str) -> Any:
    if sheet is not None and sheet not in book.sheetnames:
        raise DataError([unknown(sheet, book.sheetnames, what="sheet", where=file)])
    chosen = book[sheet] if sheet is not None else book.worksheets[0]
    chosen.reset_dimensions()  # some programs store a wrong size
    return chosen


def _cells(sheet: Any, file: str) -> tuple[list[str], list[list[str]], list[int]]:
    where = f"{file}, sheet {sheet.title}"
    records: list[list[str]] = []
    rows: list[int] = []
    header: list[str] = []
    cells = 0
    for number, values in _filled_rows(sheet):
        cells += len(values)
        if cells > MOST_CELLS:
            raise DataError("holds too many cells", where=where, allowed=f"{MOST_CELLS:,}", mend="export CSV or Parquet")
        if not header:
            header = [v.strip(_BLANK) for v in values]
            check_header(header, where, f"row {number}")
        elif len(values) > len(header):
            raise DataError(
                f"a row has {len(values)} cells, the header {len(header)}",
                where=f"{where}, row {number}",
                allowed="no cell beside the table",
                mend="delete what stands to the right of the table, or name its column",
            )
        else:
            records.append(values + [""] * (len(header) - len(values)))
            rows.append(number)
    if not header:
        raise DataError(
            "is empty", where=where, allowed="a header and at least one row", mend="name the right sheet with `sheet:`"
        )
    return header, records, rows


def _filled_rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield number and text of every row that holds anything, without the blank cells at its end."""
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        values = [cell_text(c) for c in cells]
        while values and not values[-1].strip(_BLANK):
            values.pop()
        if values:
            yield number, values


def cell_text(value: Any) -> str:
    """Return a cell (or any typed value) as text: 5.0 is ``5``, a date ``2013-05-31``, nothing ``""``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return f"{value.total_seconds():g}"
    return str(value)


def _check_formulas(path: Path, file: str, title: str) -> None:
    """Refuse formulas without a stored value: they would read as blank cells, as if nobody had answered."""
    with zipfile.ZipFile(path) as archive:
        sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/") and n.endswith(".xml")]
        if not any(b"<f>" in (content := archive.read(n)) or b"<f " in content for n in sheets):
            return
    import openpyxl

    stored = openpyxl.load_workbook(path, read_only=True, data_only=True)
    written = openpyxl.load_workbook(path, read_only=True, data_only=False)
    try:
        pairs = zip(stored[title].iter_rows(), written[title].iter_rows(), strict=False)
        empty = [
            f.coordinate
            for values, formulas in pairs
            for v, f in zip(values, formulas, strict=False)
            if f.value is not None and getattr(f, "data_type", "") == "f" and v.value is None
        ]
    finally:
        stored.close()
        written.close()
    if empty:
        raise DataError(
            f"{len(empty)} cells hold a formula without a stored value: {', '.join(empty[:8])}",
            where=f"{file}, sheet {title}",
            allowed="values, or formulas that Excel has calculated",
            mend="open the workbook in Excel and save it, or paste the values",
        )
