"""Answers on a graded scale as stacked bars that diverge from the middle: dissatisfied to the left, satisfied to the right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, words
from csr_lib.show.figure import Drawing
from csr_lib.show.grades import grade_colours
from csr_lib.show.marks import Rows, label_values, legend_above, need_columns, value_column
from csr_lib.show.theme import FONT_SIZE, GREY, PAPER


def diverging_bars(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    grades: Mapping[str, Any],
    key: str = "indicator",
    group_by: str | None = None,
    totals: Mapping[str, Any] | None = None,
    axis_label: str | None = None,
) -> Drawing:
    """Draw the shares of the grades of each row, the middle grade (of an odd number) astride the zero line.

    Parameters
    ----------
    frame : columns `key` and those of `grades`, shares from 0 to 1 that add to one.
    labels : key -> label, also for the values of `group_by`.
    grades : column -> label, from the worst to the best.
    totals : column of `frame` written beside the bars (a share, such as that of the top two) -> its heading; none by default.
    """
    need_columns(frame, [key, *grades, *(totals or {})], "diverging_bars")
    columns = list(grades)
    half = len(columns) // 2
    shares = frame[columns].fillna(0).to_numpy(float)
    middle = shares[:, half] / 2 if len(columns) % 2 else np.zeros(len(frame))
    start = -(shares[:, :half].sum(axis=1) + middle)
    reach = (max(0.02, float(-start.min())), max(0.02, float((start + shares.sum(axis=1)).max())))
    paint = grade_colours(len(columns))

    def named(column: str | None) -> tuple[str, ...]:
        known = column is not None and column in frame.columns
        return tuple(words(labels.get(str(k), str(k)), lang) for k in frame[column]) if known else ()

    rows = Rows(named(key), named(group_by))

    def draw(fig: Any, narrow: bool) -> None:
        ax, ys = rows.axes(fig, narrow)
        ax.grid(False)
        if narrow:  # labels stand above the bars: the line is drawn beside each bar alone, not through the words
            ax.vlines(np.zeros(len(ys)), np.array(ys) - 0.15, np.array(ys) + 0.15, color=GREY, lw=1.0, zorder=2.6)
        else:
            ax.axvline(0, color=GREY, lw=1.0, zorder=2.6)
        room = 0.13 if narrow else 0.065  # least share that a number fits into, as part of the axis
        least = room * (reach[0] + reach[1])
        left, handles = start.copy(), []
        for position, label in enumerate(grades.values()):
            share = shares[:, position]
            bars = ax.barh(
                ys, share, left=left, height=0.2, color=paint[position], edgecolor=PAPER, lw=0.7, label=words(label, lang)
            )
            handles.append(bars)
            for y, at, part in zip(ys, left, share, strict=True):
                if part >= least:
                    style = {"ha": "center", "va": "center", "color": PAPER, "fontsize": FONT_SIZE - 2.2, "zorder": 2.8}
                    ax.text(at + part / 2, y, number(part, "percent"), **style)
            left = left + share
        ax.set_xlim(-1.03 * reach[0], 1.03 * reach[1])
        ax.xaxis.set_major_formatter(lambda v, _: number(abs(v), "percent"))
        label_values(ax, axis_label, narrow)
        for column, heading in (totals or {}).items():
            value_column(ax, ys, [number(v, "percent") for v in frame[column]], words(heading, lang))
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False, 1.05), rows.size(True, 0.75 + 0.19 * ((len(columns) + 1) // 2)))
