"""Weights of the same parts by several methods, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import Rows, label_values, legend_above, need_columns
from csr_lib.show.theme import NAVY, PAPER, SERIES

_MARKERS = ("D", "s", "^", "v", "P", "X", "<", ">", "p", "h")
_STEP = 0.1  # inches between two methods of a row


def weight_dots(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    chosen: str | None = None,
    key: str = "item",
    series: str = "weights",
    confidence: float = 0.95,
    axis_label: str | None = None,
) -> Drawing:
    """Draw the weight of every part by every method as dots, one row per part, one mark per method.

    Parameters
    ----------
    frame : columns `key`, `series`, ``weight``; where there are, ``ci_low``, ``ci_high`` (methods with intervals are hollow).
    chosen : the method that counts; its marks are the large ones.
    """
    need_columns(frame, [key, series, "weight"], "weight_dots")
    names, kinds = list(dict.fromkeys(frame[key])), list(dict.fromkeys(frame[series]))
    if chosen in kinds:
        kinds = [chosen, *(k for k in kinds if k != chosen)]
    rows = Rows(tuple(words(labels.get(n, n), lang) for n in names), tall=0.16 + _STEP * len(kinds))
    bounds = {"ci_low", "ci_high"} <= set(frame.columns)

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.ticker import MaxNLocator

        ax, ys = rows.axes(fig, narrow)
        at = dict(zip(names, ys, strict=True))
        handles: list[Any] = []
        sure = False
        for position, kind in enumerate(kinds):
            part = frame[frame[series] == kind]
            y = np.array([at[n] for n in part[key]]) + (position - (len(kinds) - 1) / 2) * _STEP
            first = kind == chosen
            colour = NAVY if first else SERIES[1:][(position - 1) % (len(SERIES) - 1)]
            drawn = bounds and bool(part["ci_low"].notna().any())
            if drawn:
                ax.hlines(y, part["ci_low"], part["ci_high"], color=colour, lw=1.1, zorder=2)
                sure = True
            marker = "o" if first else _MARKERS[(position - 1) % len(_MARKERS)]
            style = {"ms": 6.5 if first else 4.5, "mfc": PAPER if drawn else colour, "mec": colour, "mew": 1.2}
            label = text("figure.chosen_method", lang, label=words(labels.get(kind, kind), lang)) if first else None
            (line,) = ax.plot(part["weight"], y, ls="none", marker=marker, zorder=3, **style)
            line.set_label(label or words(labels.get(kind, kind), lang))
            handles.append(line)
        for upper, lower in pairwise(ys):
            ax.axhline((upper + lower) / 2, color="#eceff3", lw=0.8, zorder=0.5)
        ax.set_xlim(left=0)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], min_n_ticks=2))  # whole per cents
        ax.xaxis.set_major_formatter(lambda v, _: number(v, "percent"))
        label_values(ax, axis_label, narrow)
        if sure:
            handles.append(Line2D([], [], color=NAVY, lw=1.2, label=text("figure.interval", lang, confidence=confidence)))
        legend_above(fig, handles, narrow)

    extra = 0.19 * (len(kinds) // 3)
    return Drawing(draw, rows.size(False, 0.9 + extra), rows.size(True, 1.0 + 0.19 * len(kinds)))
