"""Box plots by row: quartiles, whiskers, and the values beyond them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import Rows, label_values, legend_above, need_columns, value_column
from csr_lib.show.theme import NAVY, PAPER, RED, TEAL

_COLUMNS = ("whisker_low", "q1", "median", "q3", "whisker_high")


def boxes(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "group",
    group_by: str | None = None,
    kind: str = "points",
    limits: tuple[float, float] | None = None,
    axis_label: str | None = None,
    show_n: bool = True,
) -> Drawing:
    """Draw one lying box plot per row.

    Parameters
    ----------
    frame : columns `key`, ``whisker_low q1 median q3 whisker_high``; where there are, ``mean`` (a diamond), ``n``, and
        ``outlying``: a list of the values beyond the whiskers, each drawn as a circle.
    labels : key -> label, also for the values of `group_by`, which head groups of rows.
    limits : ends of the scale; from the data by default.
    kind : format of the axis, one of `csr_lib.core.text.FORMATS`.
    """
    need_columns(frame, [key, *_COLUMNS], "boxes")
    rows = Rows(_named(frame, key, labels, lang), _named(frame, group_by, labels, lang), tall=0.27)
    outlying = [list(v) if isinstance(v, (list, tuple, np.ndarray)) else [] for v in frame.get("outlying", [()] * len(frame))]

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch
        from matplotlib.ticker import MaxNLocator

        ax, ys = rows.axes(fig, narrow)
        for y, row, beyond in zip(ys, frame[list(_COLUMNS)].to_numpy(float), outlying, strict=True):
            low, q1, median, q3, high = row
            ax.hlines(y, low, q1, color=NAVY, lw=1.1, zorder=2)
            ax.hlines(y, q3, high, color=NAVY, lw=1.1, zorder=2)
            ax.vlines([low, high], y - 0.04, y + 0.04, color=NAVY, lw=1.1, zorder=2)
            ax.barh(y, q3 - q1, left=q1, height=0.17, color=TEAL, alpha=0.28, edgecolor=NAVY, lw=0.9, zorder=2.1)
            ax.vlines(median, y - 0.085, y + 0.085, color=NAVY, lw=2.2, zorder=2.4)
            if beyond:
                ax.plot(beyond, [y] * len(beyond), ls="none", marker="o", ms=3.6, mfc=PAPER, mec=RED, mew=1.1, zorder=2.6)
        if "mean" in frame.columns:
            ax.plot(frame["mean"], ys, ls="none", marker="D", ms=4, mfc=PAPER, mec=NAVY, mew=1.1, zorder=3)
        if limits:
            pad = 0.03 * (limits[1] - limits[0])
            ax.set_xlim(limits[0] - pad, limits[1] + pad)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        ax.xaxis.set_major_formatter(lambda v, _: number(v, kind) if v % 1 else f"{v:.0f}".replace("-", "−"))
        if show_n and "n" in frame.columns:
            value_column(ax, ys, [number(n, "count") for n in frame["n"]], text("column.n", lang))
        label_values(ax, axis_label, narrow)
        handles: list[Any] = [
            Patch(facecolor=TEAL, alpha=0.45, edgecolor=NAVY, label=text("boxes.box", lang)),
            Line2D([], [], color=NAVY, lw=2.2, label=text("boxes.median", lang)),
        ]
        if "mean" in frame.columns:
            handles.append(
                Line2D([], [], ls="none", marker="D", ms=4, mfc=PAPER, mec=NAVY, mew=1.1, label=text("boxes.mean", lang))
            )
        if any(outlying):
            handles.append(
                Line2D([], [], ls="none", marker="o", ms=3.6, mfc=PAPER, mec=RED, mew=1.1, label=text("boxes.outlying", lang))
            )
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False, 0.95), rows.size(True, 1.15))


def _named(frame: pd.DataFrame, column: str | None, labels: Mapping[str, Any], lang: str) -> tuple[str, ...]:
    if not column or column not in frame.columns:
        return ()
    return tuple(words(labels.get(str(k), str(k)), lang) for k in frame[column])
