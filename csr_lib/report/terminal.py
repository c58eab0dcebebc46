"""Tables for a terminal, whose Chinese characters are two columns wide."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Sequence

_SEPARATOR = "  "
_NARROWEST = 12
_OPENING, _CLOSING = "（“‘《【([", "）”’》】)]，。；：、！？,.;:!? "


def width(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], total: int | None = None) -> str:
    """Return a table as text: columns as wide as their contents ask for, longer cells on several lines.

    Parameters
    ----------
    headings, rows : plain text.
    total : columns of the terminal; as many as it has by default (100 where it is none).
    """
    total = total or shutil.get_terminal_size((100, 24)).columns
    cells = [[str(h) for h in headings], *[[str(c) for c in row] for row in rows]]
    wanted = [max(width(word) for row in cells for word in row[i].split("\n")) for i in range(len(headings))]
    widths = _shared(wanted, total - len(_SEPARATOR) * (len(headings) - 1))
    lines = []
    for number, row in enumerate(cells):
        wrapped = [wrap(cell, w) for cell, w in zip(row, widths, strict=True)]
        for i in range(max(len(w) for w in wrapped)):
            parts = [w[i] if i < len(w) else "" for w in wrapped]
            lines.append(_SEPARATOR.join(p + " " * (w - width(p)) for p, w in zip(parts, widths, strict=True)).rstrip())
        if number == 0:
            lines.append(_SEPARATOR.join("-" * w for w in widths))
    return "\n".join(lines)


def _shared(wanted: Sequence[int], total: int) -> list[int]:
    """Give every column what it wants where that fits; else the widest give way first."""
    widths = list(wanted)
    while sum(widths) > total and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def wrap(text: str, columns: int) -> list[str]:
    """Break `text` into lines of at most `columns`: at spaces, and beside Chinese characters, but not before what closes."""
    lines = []
    for paragraph in text.split("\n"):
        line, cut = "", 0
        for character in paragraph:
            if line and _breaks(line[-1], character):
                cut = len(line)
            line += character
            if width(line.rstrip()) > columns:
                cut = cut or len(line) - 1
                lines.append(line[:cut].rstrip())
                line, cut = line[cut:], 0
        lines.append(line.rstrip())
    return lines


def _breaks(before: str, after: str) -> bool:
    """Tell whether a line may end between two characters."""
    if before == " ":
        return True
    return (width(before) == 2 or width(after) == 2) and after not in _CLOSING and before not in _OPENING
