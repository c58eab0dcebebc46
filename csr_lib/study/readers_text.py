"""CSV and TSV files: encoding, delimiter, and rows that must fit their header."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError
from csr_lib.study.readers import MOST_BYTES, check_header, no_rows, text_frame

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook (or another zip file)", ".xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old or protected Office file", ".xlsx"),
    (b"$FL2", "an SPSS file", ".sav"),
    (b"PAR1", "a Parquet file", ".parquet"),
)


def read_text(path: Path, file: str, encoding: str = "auto") -> tuple[pd.DataFrame, np.ndarray, str]:
    """Read a CSV or TSV file as text.

    Returns
    -------
    frame, line number of every row, encoding used.
    """
    if path.stat().st_size > MOST_BYTES:
        raise DataError("is too large to be read whole", where=file, allowed=f"{MOST_BYTES:,} bytes", mend="keep it as Parquet")
    content = path.read_bytes()
    for mark, kind, suffix in _NOT_TEXT:
        if content.startswith(mark):
            raise DataError(
                f"is {kind}, not text", where=file, allowed="text", mend=f"give it the suffix {suffix}, or export CSV"
            )
    text, used = decode(content, file, encoding)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(
            "holds a character that text cannot hold (NUL)",
            where=f"{file}, line {line}",
            allowed="text",
            mend="the file is damaged, binary, or UTF-16 without its mark: then set `encoding: utf-16-le`",
        )
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(text)
    frame, rows = _table(text, delimiter, file)
    return frame, rows, used


def decode(content: bytes, file: str, encoding: str = "auto") -> tuple[str, str]:
    """Decode bytes: by `encoding`, or its byte-order mark, then strict UTF-8, then GB18030; also return which.

    Big5 decodes as GB18030 to wrong characters without an error, so Big5 has to be asked for.
    """
    if encoding != "auto":
        used = next((name for mark, name in _MARKS[:1] if content.startswith(mark) and "8" in encoding), encoding)
        try:
            return content.decode(used), used
        except LookupError:
            raise DataError(
                f"unknown encoding '{encoding}'", where=file, allowed="auto, utf-8, gb18030, big5, utf-16 …", mend="correct it"
            ) from None
        except UnicodeError as error:
            raise _undecodable(content, file, encoding, error) from None
    for mark, name in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(name), name
            except UnicodeError as error:
                raise _undecodable(content, file, name, error) from None
    for name in ("utf-8", "gb18030"):
        try:
            return content.decode(name), name
        except UnicodeError as error:
            last = error
    raise _undecodable(content, file, "UTF-8 or GB18030", last)


def _undecodable(content: bytes, file: str, encoding: str, error: UnicodeError) -> DataError:
    start = getattr(error, "start", 0)
    return DataError(
        f"cannot be read as {encoding}: byte {start + 1} does not fit",
        where=f"{file}, line {content.count(10, 0, start) + 1}",
        allowed="text in the encoding that study.yml names (`encoding:`)",
        mend="set `encoding:` to the one it was saved in (utf-8, gb18030, big5, utf-16 …), or save it again as UTF-8",
    )


def _delimiter(text: str) -> str:
    """Take the delimiter that stands most often, outside quotes, in the first line: comma, semicolon or tab."""
    counts = dict.fromkeys((",", ";", "\t"), 0)
    quoted = False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif not quoted:
            if character in "\r\n":
                break
            if character in counts:
                counts[character] += 1
    return max(counts, key=lambda d: counts[d])


def _table(text: str, delimiter: str, file: str) -> tuple[pd.DataFrame, np.ndarray]:
    records, lines = _records(text, delimiter, file)
    filled = [place for place, record in enumerate(records) if record]
    if not filled or not any(name.strip() for name in records[filled[0]]):
        raise DataError("holds no header", where=file, allowed="a header and at least one row", mend="export the answers again")
    header = [name.strip() for name in records[filled[0]]]
    rows = filled[1:]
    ragged = [place for place in rows if len(records[place]) != len(header)]
    if ragged:
        shown = ", ".join(f"line {lines[place]} has {len(records[place])}" for place in ragged[:8])
        more = f" and {len(ragged) - 8} more" if len(ragged) > 8 else ""
        raise DataError(
            f"{len(ragged)} rows do not fit the header of {len(header)} fields: {shown}{more}",
            where=f"{file}, line {lines[ragged[0]]}",
            allowed=f"{len(header)} fields in every row (read with delimiter {delimiter!r})",
            mend="put text that holds the delimiter in quotes, or delete what is too much",
        )
    if not rows:
        check_header(header, file, f"line {lines[filled[0]]}")
        raise no_rows(file, header)
    cells = list(zip(*(records[place] for place in rows), strict=True))
    while not header[-1] and not any(cell.strip() for cell in cells[-1]):  # a delimiter at the end of every line
        header.pop()
        cells.pop()
    check_header(header, file, f"line {lines[filled[0]]}")
    return text_frame(dict(zip(header, cells, strict=True))), np.array([lines[place] for place in rows])


def _records(text: str, delimiter: str, file: str) -> tuple[list[list[str]], list[int]]:
    """Return every record and the line that it begins on; blank lines are records without fields."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        records = list(reader)
        if reader.line_num == len(records):
            return records, list(range(1, len(records) + 1))
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines, records = [1], []
        for record in reader:  # some fields hold line breaks
            records.append(record)
            lines.append(reader.line_num + 1)
        return records, lines[:-1]
    except csv.Error as error:
        raise DataError(
            f"is no regular CSV ({error})",
            where=f"{file}, line {reader.line_num}",
            allowed='text with a " in pairs; a " inside a quoted field is doubled',
            mend="look for a quotation mark that is not closed, or export the file again",
        ) from None
