"""Three-line tables: one line above the head, one below it, one at the foot; words and numbers as readers expect them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from csr_lib.core.errors import OptionError, unknown
from csr_lib.core.text import FORMATS, escape, has_text, number, text, words

#: Formats by column name where a table does not say otherwise.
USUAL_FORMATS = {
    "n": "count",
    "n_effective": "count",
    "n_missing": "count",
    "rank": "count",
    "p_value": "p_value",
    "p_adjusted": "p_value",
    "share": "share",
    "gap": "signed",
    "weight": "coefficient",
    "loading": "coefficient",
    "path": "coefficient",
    "r_squared": "coefficient",
}

#: A day stands in one line, as a number does.
_DAY = re.compile(r"\d{4}-\d\d-\d\d")

#: JupyterLab sets every cell right-aligned, stripes rows and knows no cards; this reaches its pages only, a report has its own
#: style sheet.
NOTEBOOK_STYLE = (
    "<style>.jp-RenderedHTMLCommon .csr-table table{border-top:2px solid;border-bottom:2px solid}"
    ".jp-RenderedHTMLCommon .csr-table thead{border-bottom:1px solid}"
    ".jp-RenderedHTMLCommon .csr-table tbody tr:nth-child(n),.jp-RenderedHTMLCommon .csr-table :is(td,th){background:none}"
    ".jp-RenderedHTMLCommon .csr-table :is(td,th){text-align:left}"
    ".jp-RenderedHTMLCommon .csr-table .num{text-align:right;font-variant-numeric:tabular-nums}"
    ".jp-RenderedHTMLCommon .csr-table{overflow-x:auto}"  # a wide table is scrolled, its words stay whole
    ".jp-RenderedHTMLCommon .csr-table :is(td,th):not(.num){min-width:4.5em}"
    ".jp-RenderedHTMLCommon .csr-table :is(td.num,.csr-verdict){white-space:nowrap}"
    ".jp-RenderedHTMLCommon .csr-table caption{text-align:left;font-weight:600}"
    ".jp-RenderedHTMLCommon .csr-note{font-size:85%}"
    ".jp-RenderedHTMLCommon .csr-cards{display:flex;flex-wrap:wrap;gap:.8em;margin:.6em 0 1em}"
    ".jp-RenderedHTMLCommon .csr-card{flex:1 1 10em;border:1px solid #8886;border-top-width:3px;padding:.6em .9em}"
    ".jp-RenderedHTMLCommon .csr-card .csr-value{font-size:170%;font-weight:600;line-height:1.4}"
    ".jp-RenderedHTMLCommon .csr-card :is(.csr-label,.csr-interval,.csr-small){font-size:88%;opacity:.8}</style>"
)


@dataclass(frozen=True)
class Table:
    """A table as it is shown: everything is plain text, escaped where it becomes HTML.

    Attributes
    ----------
    name : its id on the page is ``tab-<name>``.
    title, note : plain text.
    headings : one per column; `numeric` tells which columns are right-aligned.
    rows : the cells, row by row. None in a cell: it belongs to the cell above it.
    emphasis : positions of the rows that are set in bold.
    """

    name: str
    title: str
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str | None, ...], ...]
    note: str = ""
    emphasis: frozenset[int] = frozenset()

    def _repr_html_(self) -> str:
        note = f'<p class="csr-note">{escape(self.note)}</p>' if self.note else ""
        heads = "".join(
            f'<th scope="col"{_num(numeric and column > 0)}>{escape(heading)}</th>'  # the first column names the rows
            for column, (heading, numeric) in enumerate(zip(self.headings, self.numeric, strict=True))
        )
        body = "".join(self._row(position) for position in range(len(self.rows)))
        return (
            f'<div class="csr-table" id="tab-{escape(self.name)}">{NOTEBOOK_STYLE}<table>'
            f'<caption><span class="csr-caption"><span class="csr-number"></span>{escape(self.title)}</span></caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{note}</div>"
        )

    def _row(self, position: int) -> str:
        strong = position in self.emphasis
        cells = []
        for column, cell in enumerate(self.rows[position]):
            if cell is None:
                continue
            span = self._span(position, column)
            rows = f' rowspan="{span}"' if span > 1 else ""
            shown = f"<strong>{escape(cell)}</strong>" if strong and cell else escape(cell)
            if column == 0:
                cells.append(f'<th scope="{"rowgroup" if span > 1 else "row"}"{rows}>{shown}</th>')
            else:
                cells.append(f"<td{_num(self.numeric[column])}{rows}>{shown}</td>")
        opening = '<tr class="csr-strong">' if strong else "<tr>"
        return f"{opening}{''.join(cells)}</tr>"

    def _span(self, position: int, column: int) -> int:
        below = position + 1
        while below < len(self.rows) and self.rows[below][column] is None:
            below += 1
        return below - position

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": str(self)}

    def __str__(self) -> str:
        lines = [self.title, "\t".join(self.headings)]
        lines += ["\t".join("" if cell is None else cell for cell in row) for row in self.rows]
        return "\n".join([*lines, self.note] if self.note else lines)


def _num(numeric: bool) -> str:
    return ' class="num"' if numeric else ""


def three_line(
    frame: pd.DataFrame,
    *,
    name: str,
    lang: str,
    title: str,
    columns: Sequence[str] | None = None,
    headings: Mapping[str, Any] | None = None,
    formats: Mapping[str, str] | None = None,
    labels: Mapping[str, Any] | None = None,
    note: str = "",
    emphasis: Collection[int] = (),
    group_by: Sequence[str] = (),
    merge_intervals: bool = True,
    confidence: float = 0.95,
) -> Table:
    """Make a three-line table of a tidy frame.

    Parameters
    ----------
    frame : keys in columns, full precision.
    name, title, note : of the table; plain text.
    lang : ``zh`` or ``en``.
    columns : the columns to show, in order; all by default.
    headings : column -> label; else the catalogue's ``column.<name>``, else the column's label, else its name.
    formats : column -> kind of `csr_lib.core.text.FORMATS`; else the usual one of that name, else ``count`` for whole
        numbers and ``decimal`` for others. The format ``text`` shows a value as it stands.
    labels : key -> label for cells that hold keys; else the catalogue's ``value.<column>.<key>``.
    emphasis : positions of rows to set in bold.
    group_by : leading columns whose repeated values are shown once.
    merge_intervals : show each pair ``…ci_low``, ``…ci_high`` as one column ``[a, b]``.
    confidence : level of the intervals, for their heading.

    Returns
    -------
    Table
        Missing values are dashes; p-values below .001 are ``<0.001``.

    Raises
    ------
    OptionError
        A column or a format that does not exist.
    """
    shown = [str(c) for c in (frame.columns if columns is None else columns)]
    formats, labels, headings = dict(formats or {}), labels or {}, headings or {}
    where = f"table {name}"
    problems = [unknown(c, frame.columns, what="column", where=where) for c in shown if c not in frame.columns]
    problems += [unknown(k, FORMATS, what="format", where=f"{where}, {c}") for c, k in formats.items() if k not in FORMATS]
    if problems:
        raise OptionError(problems)

    heads: list[str] = []
    numeric: list[bool] = []
    cells: list[list[str | None]] = []
    for column in shown:
        prefix = column.removesuffix("ci_low").removesuffix("ci_high")
        interval = merge_intervals and prefix != column and {f"{prefix}ci_low", f"{prefix}ci_high"} <= set(shown)
        if interval and column.endswith("ci_high"):
            continue
        kind = _kind(frame, column, formats, prefix if interval else None)
        if interval:
            heads.append(_interval_heading(prefix.rstrip("_"), headings, labels, lang, confidence))
            pairs = zip(frame[f"{prefix}ci_low"].tolist(), frame[f"{prefix}ci_high"].tolist(), strict=True)
            cells.append([_interval(low, high, kind) for low, high in pairs])
        else:
            heads.append(_heading(column, headings, labels, lang))
            cells.append([_cell(v, kind, column, labels, lang) for v in frame[column].tolist()])
        numeric.append(kind != "text" or all(_DAY.fullmatch(cell or "") for cell in cells[-1]))
    _merge_groups(cells, [shown.index(c) for c in group_by if c in shown])
    rows = tuple(zip(*cells, strict=True)) if cells else ()
    return Table(name, title, tuple(heads), tuple(numeric), rows, note, frozenset(emphasis))


def _kind(frame: pd.DataFrame, column: str, formats: Mapping[str, str], prefix: str | None) -> str:
    """Return the format of a column; an interval has that of the estimate it belongs to."""
    names = [column] if prefix is None else [column, prefix.rstrip("_") or "estimate"]
    for name in names:
        if name in formats:
            return formats[name]
    values = frame[column]
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return "text"
    for name in names:
        if name in USUAL_FORMATS:
            return USUAL_FORMATS[name]
    return "count" if pd.api.types.is_integer_dtype(values) else "decimal"


def _heading(column: str, headings: Mapping[str, Any], labels: Mapping[str, Any], lang: str) -> str:
    if column in headings:
        return words(headings[column], lang)
    if has_text(f"column.{column}", lang):
        return text(f"column.{column}", lang)
    return words(labels[column], lang) if column in labels else column.replace("_", " ")


def _interval_heading(prefix: str, headings: Mapping[str, Any], labels: Mapping[str, Any], lang: str, confidence: float) -> str:
    if f"{prefix}_ci_low" in headings or "ci_low" in headings:
        return words(headings.get(f"{prefix}_ci_low", headings.get("ci_low")), lang)
    if not prefix:
        return text("table.interval", lang, confidence=confidence)
    return text("table.interval_of", lang, confidence=confidence, what=_heading(prefix, headings, labels, lang))


def _cell(value: Any, kind: str, column: str, labels: Mapping[str, Any], lang: str) -> str:
    if kind != "text":
        return number(value, kind)
    if isinstance(value, bool):
        return text(f"table.{str(value).lower()}", lang)
    if isinstance(value, (Mapping, list, tuple)):
        return words(value, lang)
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return "–"
    key = str(value)
    if value in labels or key in labels:
        return words(labels[value] if value in labels else labels[key], lang)
    if has_text(f"value.{column}.{key}", lang):
        return text(f"value.{column}.{key}", lang)
    return key


def _interval(low: Any, high: Any, kind: str) -> str:
    low_text, high_text = number(low, kind), number(high, kind)
    return "–" if low_text == high_text == "–" else f"[{low_text}, {high_text}]"


def _merge_groups(cells: list[list[str | None]], leading: list[int]) -> None:
    """Blank a repeated value where every leading column before it repeats too."""
    if not cells:
        return
    for row in range(len(cells[0]) - 1, 0, -1):
        for column in leading:
            if cells[column][row] != cells[column][row - 1]:
                break
            cells[column][row] = None
