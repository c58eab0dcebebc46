"""Estimates with intervals: dots by row, stacked shares, the roll-up from companies to the nation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import Rows, label_values, legend_above, need_columns, value_column
from csr_lib.show.theme import AMBER, FONT_SIZE, GREY, MARKERS, NAVY, PAPER, SERIES

#: A reference line: value and label.
Line = tuple[float, Any]


def intervals(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "group",
    value: str = "estimate",
    group_by: str | None = None,
    series: str | None = None,
    overall: Line | None = None,
    targets: Sequence[Line] = (),
    sort: bool = False,
    kind: str = "score",
    confidence: float = 0.95,
    axis_label: str | None = None,
    show_n: bool = True,
) -> Drawing:
    """Draw estimates as dots with their intervals, one row per `key`.

    Parameters
    ----------
    frame : columns `key`, `value`; where there are, ``ci_low``, ``ci_high`` (or ``<value>_ci_low`` …) and ``n``.
    labels : key -> label, also for the values of `group_by` and `series`.
    group_by : column whose values head groups of rows.
    series : column that tells several marks of one row apart (us and competitors, waves); a row without a value is not drawn.
    overall : a line through all rows, as for the whole; `targets`: dashed lines for targets and benchmarks.
    sort : the highest first (within its group; by the first series).
    kind : format of the values, one of `csr_lib.core.text.FORMATS`.
    show_n : write n behind the value.
    """
    need_columns(frame, [key, value, *([series] if series else [])], "intervals")
    data = _sorted(frame, value, group_by, series) if sort else frame
    places = data.drop_duplicates([c for c in (group_by, key) if c and c in data.columns])
    rows = Rows(_named(places, key, labels, lang), _named(places, group_by, labels, lang), tall=0.30)
    kinds = list(dict.fromkeys(data[series])) if series else [None]
    if series and len(kinds) > 1:
        rows = Rows(rows.labels, rows.groups, tall=0.16 + 0.14 * len(kinds))

    def draw(fig: Any, narrow: bool) -> None:
        ax, ys = rows.axes(fig, narrow)
        at = dict(zip(_keys(places, key, group_by), ys, strict=True))
        handles: list[Any] = []
        for position, name in enumerate(kinds):
            part = data if name is None else data[data[series] == name]
            shift = (position - (len(kinds) - 1) / 2) * 0.14
            y = np.array([at[k] for k in _keys(part, key, group_by)]) + shift
            colour, marker = SERIES[position % len(SERIES)], MARKERS[position % len(MARKERS)]
            _interval_lines(ax, part, value, y, colour)
            face = colour if position % 2 == 0 else PAPER
            (line,) = ax.plot(part[value], y, ls="none", marker=marker, ms=5.5, mfc=face, mec=colour, mew=1.3, zorder=3)
            if name is not None:
                line.set_label(words(labels.get(str(name), str(name)), lang))
                handles.append(line)
        handles += reference_lines(ax, overall, targets, lang, kind, vertical=True)
        if len(kinds) == 1:
            value_column(ax, ys, [_value(r, value, kind, lang, show_n) for r in data.to_dict("records")])
        label_values(ax, axis_label, narrow)
        if kind in ("percent", "share"):
            ax.xaxis.set_major_formatter(lambda v, _: f"{round(100 * v, 6):g}%".replace("-", "−"))  # no 3% where 2.5% is meant
        ax.margins(x=0.06)
        handles += _interval_handle(data, value, lang, confidence)
        legend_above(fig, handles, narrow)

    lines = 1 + len(targets) + (overall is not None) + (len(kinds) if series else 0)
    return Drawing(draw, rows.size(False, 0.9), rows.size(True, 0.75 + 0.19 * lines))


def stacked_shares(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    columns: Mapping[str, Any],
    colours: Sequence[str] | None = None,
    key: str = "indicator",
    group_by: str | None = None,
    axis_label: str | None = None,
) -> Drawing:
    """Draw shares that add up to one as stacked bars, one per row; shares from 12 % on are written in.

    Parameters
    ----------
    frame : columns `key` and those of `columns`, shares from 0 to 1.
    columns : column -> label, in the order drawn; `colours` in the same order.
    """
    need_columns(frame, [key, *columns], "stacked_shares")
    rows = Rows(_named(frame, key, labels, lang), _named(frame, group_by, labels, lang))
    paint = list(colours or SERIES)

    def draw(fig: Any, narrow: bool) -> None:
        ax, ys = rows.axes(fig, narrow)
        ax.grid(False)
        left = np.zeros(len(frame))
        handles = []
        for position, (column, label) in enumerate(columns.items()):
            share = frame[column].fillna(0).to_numpy(float)
            colour = paint[position % len(paint)]
            bars = ax.barh(ys, share, left=left, height=0.19, color=colour, edgecolor=PAPER, lw=0.8, label=words(label, lang))
            handles.append(bars)
            for y, start, part in zip(ys, left, share, strict=True):
                if part >= 0.12:
                    ax.text(
                        start + part / 2,
                        y,
                        number(part, "percent"),
                        ha="center",
                        va="center",
                        color=PAPER,
                        fontsize=FONT_SIZE - 2,
                    )
            left = left + share
        ax.set_xlim(0, max(1.0, float(left.max())))
        ax.xaxis.set_major_formatter(lambda v, _: number(v, "percent"))
        label_values(ax, axis_label, narrow)
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False, 0.9), rows.size(True, 0.6 + 0.19 * len(columns)))


def rollup(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "unit",
    parent: str = "parent",
    value: str = "estimate",
    kind: str = "score",
    targets: Sequence[Line] = (),
    confidence: float = 0.95,
    axis_label: str | None = None,
) -> Drawing:
    """Draw the roll-up company → industry → sector → nation: indented rows, from the whole down to its parts.

    Parameters
    ----------
    frame : columns `key`, `parent` ("" or missing for the top), `value`; where there are, ``ci_low``, ``ci_high`` and
        ``share`` (of the unit within its parent, written behind the label). Every unit has a key of its own.
    labels : key -> label.
    """
    need_columns(frame, [key, parent, value], "rollup")
    order, depth = _tree(frame, key, parent)
    data = frame.iloc[order].reset_index(drop=True)
    names = list(_named(data, key, labels, lang))
    if "share" in data.columns:
        for i, share in enumerate(data["share"]):
            if depth[i] and share == share:
                names[i] = text("figure.with_share", lang, label=names[i], share=share)
    rows = Rows(tuple(names), indent=tuple(depth))

    def draw(fig: Any, narrow: bool) -> None:
        ax, ys = rows.axes(fig, narrow)
        for level in sorted(set(depth)):
            at = [i for i, d in enumerate(depth) if d == level]
            part, y = data.iloc[at], np.array(ys)[at]
            colour = SERIES[level % len(SERIES)]
            _interval_lines(ax, part, value, y, colour)
            ax.plot(part[value], y, ls="none", marker=MARKERS[level % len(MARKERS)], ms=7 - level, color=colour, zorder=3)
        handles = reference_lines(ax, None, targets, lang, kind, vertical=True)
        value_column(ax, ys, [number(v, kind) for v in data[value]])
        label_values(ax, axis_label, narrow)
        ax.margins(x=0.06)
        legend_above(fig, [*handles, *_interval_handle(data, value, lang, confidence)], narrow)

    return Drawing(draw, rows.size(False, 0.9), rows.size(True, 0.85 + 0.19 * len(targets)))


def reference_lines(ax: Any, overall: Line | None, targets: Sequence[Line], lang: str, kind: str, *, vertical: bool) -> list[Any]:
    """Draw the line of the whole and those of targets and benchmarks; return what the legend names."""
    drawn = []
    dashes = ((0, (6, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)))
    for position, (line, style, colour) in enumerate(
        [*([(overall, "-", GREY)] if overall else []), *((t, dashes[i % 3], AMBER) for i, t in enumerate(targets))]
    ):
        make = ax.axvline if vertical else ax.axhline
        label = words(line[1], lang)
        if line[0]:  # a line at nought is named, its value stands on the axis
            label = text("figure.named_value", lang, label=label, value=number(line[0], kind))
        drawn.append(make(line[0], color=colour, lw=1.2, ls=style, zorder=1.6, label=label, gid=f"reference_{position}"))
    return drawn


def _interval_lines(ax: Any, part: pd.DataFrame, value: str, y: np.ndarray, colour: str) -> None:
    pair = _interval_columns(part, value)
    if pair:
        ax.hlines(y, part[pair[0]], part[pair[1]], color=colour, lw=1.4, zorder=2)


def _interval_columns(frame: pd.DataFrame, value: str) -> tuple[str, str] | None:
    for pair in ((f"{value}_ci_low", f"{value}_ci_high"), ("ci_low", "ci_high")):
        if set(pair) <= set(frame.columns):
            return pair
    return None


def _interval_handle(frame: pd.DataFrame, value: str, lang: str, confidence: float) -> list[Any]:
    from matplotlib.lines import Line2D

    pair = _interval_columns(frame, value)
    if pair is None or not frame[pair[0]].notna().any():
        return []
    return [Line2D([], [], color=NAVY, lw=1.4, label=text("figure.interval", lang, confidence=confidence))]


def _value(row: Mapping[Any, Any], value: str, kind: str, lang: str, show_n: bool) -> str:
    written = number(row[value], kind)
    if show_n and row.get("n") is not None and row["n"] == row["n"]:
        return text("figure.value_n", lang, value=written, n=row["n"])
    return written


def _named(frame: pd.DataFrame, column: str | None, labels: Mapping[str, Any], lang: str) -> tuple[str, ...]:
    if not column or column not in frame.columns:
        return ()
    return tuple(words(labels.get(str(k), str(k)), lang) for k in frame[column])


def _keys(frame: pd.DataFrame, key: str, group_by: str | None) -> list[tuple[Any, ...]]:
    columns = [c for c in (group_by, key) if c and c in frame.columns]
    return list(frame[columns].itertuples(index=False, name=None))


def _sorted(frame: pd.DataFrame, value: str, group_by: str | None, series: str | None) -> pd.DataFrame:
    """Sort rows by value, groups as they come; with several series the order is that of the first."""
    if series:
        return frame
    if group_by and group_by in frame.columns:
        place = {g: i for i, g in enumerate(dict.fromkeys(frame[group_by]))}
        return frame.assign(_place=frame[group_by].map(place)).sort_values(
            ["_place", value], ascending=[True, False], kind="stable"
        )
    return frame.sort_values(value, ascending=False, kind="stable")


def _tree(frame: pd.DataFrame, key: str, parent: str) -> tuple[list[int], list[int]]:
    """Return row positions from the top down, each unit before its parts, and their depths."""
    keys, parents = frame[key].tolist(), frame[parent].tolist()
    order: list[int] = []
    depths: list[int] = []

    def visit(position: int, depth: int) -> None:
        order.append(position)
        depths.append(depth)
        for child, above in enumerate(parents):
            if above == keys[position] and child not in order:
                visit(child, depth + 1)

    for position, above in enumerate(parents):
        if above not in keys and position not in order:
            visit(position, 0)
    return order, depths
