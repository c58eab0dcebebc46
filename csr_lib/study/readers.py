"""Readers of answer files. Everything is read as text; the codebook converts it (`csr_lib.study.coding`).

``001``, ``010000``, ``NA`` and ``1e5`` are what the respondent or the platform wrote, so no reader guesses types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, nearest

#: Unpacked cells or bytes beyond which a file is refused: a workbook of 300 KB can hold a gigabyte.
MOST_CELLS = 200_000_000
MOST_BYTES = 2_000_000_000


@dataclass(frozen=True)
class RawTable:
    """One file as it was written.

    Attributes
    ----------
    file : its path as study.yml writes it.
    frame : text in every cell; a blank cell is missing (NaN). Column names are unique.
    rows : the line (CSV), row (workbook) or case number (SPSS, Parquet) of every row of `frame`.
    encoding : the encoding that it was read with, "" for binary formats.
    sha256 : of the file.
    value_labels : column -> code -> label, from formats that carry them.
    """

    file: str
    frame: pd.DataFrame
    rows: np.ndarray
    encoding: str
    sha256: str
    value_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".sav", ".parquet")


def locate(folder: Path, file: str, where: str = "") -> Path:
    """Return the path of a data file, which must lie in the study's folder (or below it) and hold something.

    Raises DataError that says what is wrong with it.
    """
    path = folder / file
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        inside = False
    if Path(file).is_absolute() or not inside:
        raise DataError(
            f"the file '{file}' lies outside the study's folder",
            where=where,
            allowed="a path relative to study.yml, in its folder or below",
            mend="put a copy beside study.yml and name that",
        )
    if not path.is_file():
        there = sorted(p.name for p in path.parent.iterdir() if p.suffix.lower() in SUFFIXES) if path.parent.is_dir() else []
        raise DataError(
            f"there is no file '{file}'",
            where=where,
            allowed=f"files there: {', '.join(there[:12]) or 'none with answers'}",
            mend=nearest(file, there) or "put it beside study.yml, or correct its name",
        )
    if path.suffix.lower() not in SUFFIXES:
        old = path.suffix.lower() in (".xls", ".et")
        raise DataError(
            f"'{file}' is of a kind that is not read ({path.suffix or 'no suffix'})",
            where=where,
            allowed=", ".join(SUFFIXES),
            mend="save it as .xlsx" if old else "export the answers as CSV, Excel, SPSS or Parquet",
        )
    if path.stat().st_size == 0:
        raise DataError("the file is empty", where=file, allowed="a header and at least one row", mend="export the answers again")
    return path


def read_table(folder: Path, file: str, *, encoding: str = "auto", sheet: str | None = None, where: str = "") -> RawTable:
    """Read one file of answers as text.

    Parameters
    ----------
    folder : what `file` is relative to.
    file : .csv, .tsv, .txt, .xlsx, .sav or .parquet.
    encoding : ``auto`` (byte-order mark, then strict UTF-8, then GB18030) or a Python codec name.
    sheet : of a workbook; its first by default.
    where : the key of study.yml that names the file, for messages.

    Raises
    ------
    DataError
        Missing, empty, unreadable, ragged or absurdly large file, wrong encoding, repeated or empty column names.
    """
    path = locate(folder, file, where)
    suffix = path.suffix.lower()
    digest = sha256(path)
    if suffix in (".csv", ".tsv", ".txt"):
        from csr_lib.study.readers_text import read_text

        frame, rows, used = read_text(path, file, encoding)
        return RawTable(file, frame, rows, used, digest)
    if suffix == ".xlsx":
        from csr_lib.study.readers_excel import read_excel

        frame, rows = read_excel(path, file, sheet)
        return RawTable(file, frame, rows, "", digest)
    if suffix == ".sav":
        from csr_lib.study.readers_binary import read_sav

        frame, labels = read_sav(path, file, encoding)
        return RawTable(file, frame, np.arange(1, len(frame) + 1), "", digest, labels)
    from csr_lib.study.readers_binary import read_parquet

    frame = read_parquet(path, file)
    return RawTable(file, frame, np.arange(1, len(frame) + 1), "", digest)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_header(header: Sequence[str], file: str, row: str = "line 1") -> None:
    """Raise DataError for column names that are empty or stand twice."""
    where = f"{file}, {row}"
    empty = [str(i) for i, name in enumerate(header, 1) if not name]
    if empty:
        raise DataError(
            f"column {', '.join(empty[:10])} has no name",
            where=where,
            allowed="a name in the first row for every column",
            mend="name it, or delete the column",
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(
            f"the column name {', '.join(repr(n) for n in twice[:10])} stands more than once",
            where=where,
            allowed="unique column names",
            mend="rename one of them",
        )


class NoAnswersError(DataError):
    """A file that has a header and nothing else; `header` holds the names of its columns."""

    header: tuple[str, ...] = ()


def no_rows(file: str, header: Sequence[str]) -> NoAnswersError:
    """Return the error of a file that has a header and nothing else."""
    error = NoAnswersError(
        "has a header but no answers yet", where=file, allowed="at least one row", mend="enter the answers, or export them again"
    )
    error.header = tuple(header)
    return error


def text_frame(columns: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Make a frame of text; blank cells (white space only) become missing."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.compute as pc  # type: ignore[import-untyped]

    kind: Any = pd.StringDtype(na_value=np.nan)
    filled = {}
    for name, cells in columns.items():
        text = pa.array(cells, pa.large_string())
        blank = pc.equal(pc.utf8_trim_whitespace(text), "")
        filled[name] = pd.Series(kind.__from_arrow__(pc.if_else(blank, pa.scalar(None, pa.large_string()), text)))
    return pd.DataFrame(filled)
