"""Grades from bad to good: their colours, and which of them wins under each of several ways to reckon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import Rows, legend_above, need_columns
from csr_lib.show.theme import FONT_SIZE, INK, NAVY, PALE, PAPER, RED
from csr_lib.show.wrap import lines, wrap

#: From the worst to the best; light letters can be read on each of them.
_ANCHORS = (RED, "#a65f00", "#6b7684", "#3f74ad", NAVY)
#: How much of a grade's colour is behind dark letters, in cells and in their legend.
_TINT = 0.36


def grade_colours(count: int, *, rising: bool = True) -> list[str]:
    """Return a colour for each of `count` grades, from red by amber, grey and blue to navy; `rising`: the worst grade first."""
    from matplotlib.colors import to_hex, to_rgb

    anchors = np.array([to_rgb(c) for c in _ANCHORS])
    at = np.linspace(0, len(anchors) - 1, count) if count > 1 else np.array([0.0])
    mixed = np.column_stack([np.interp(at, np.arange(len(anchors)), anchors[:, band]) for band in range(3)])
    colours = [to_hex(c) for c in mixed]
    return colours if rising else colours[::-1]


def winner_grid(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    grades: Sequence[str],
    columns: Mapping[str, Any],
    row: str = "weights",
    column: str = "operator",
    rising: bool = True,
    chosen: tuple[str, str] | None = None,
) -> Drawing:
    """Draw which grade wins, with score and share of resamples, as a grid of cells in the colours of the grades.

    Parameters
    ----------
    frame : columns `row`, `column`, ``grade`` (a key of `grades`; any other is a tie), ``score``, and where there is,
        ``grade_share``.
    columns : value of `column` -> label, in order.
    chosen : row and column of the cell that is framed, the one that counts.
    """
    need_columns(frame, [row, column, "grade", "score"], "winner_grid")
    names = list(dict.fromkeys(frame[row]))
    colours = dict(zip(grades, grade_colours(len(grades), rising=rising), strict=True))
    heads = [words(label, lang) for label in columns.values()]
    rows = Rows(tuple(words(labels.get(n, n), lang) for n in names), tall=0.58)
    cells = {(r, c): record for r, c, record in zip(frame[row], frame[column], frame.to_dict("records"), strict=True)}

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.patches import Patch, Rectangle

        ax, ys = rows.axes(fig, narrow)
        ax.grid(False)
        ax.spines["bottom"].set_visible(False)
        ax.set_xlim(0, len(columns))
        most = 13 if narrow else 22
        ax.xaxis.tick_top()
        ax.set_xticks([i + 0.5 for i in range(len(columns))], [wrap(h, most) for h in heads])
        ax.tick_params(axis="x", length=0, pad=3)
        shown = set()
        for y, name in zip(ys, names, strict=True):
            for i, key in enumerate(columns):
                cell = cells.get((name, key))
                if cell is None:
                    continue
                colour = colours.get(cell["grade"])
                shown.add(cell["grade"])
                style: dict[str, Any] = {"facecolor": colour, "alpha": _TINT} if colour else {"facecolor": PALE, "hatch": "////"}
                ax.add_patch(Rectangle((i + 0.03, y - 0.25), 0.94, 0.5, lw=0, edgecolor=PAPER, **style))
                if (name, key) == chosen:
                    ax.add_patch(Rectangle((i + 0.03, y - 0.25), 0.94, 0.5, fill=False, lw=2, edgecolor=INK, zorder=3))
                label = wrap(words(labels.get(cell["grade"], cell["grade"]), lang), most)
                under = [number(cell["score"], "score")]
                share = cell.get("grade_share")
                if share is not None and share == share:
                    under.append(number(share, "percent"))
                deep = 0.085 * lines(label, most)
                ax.text(
                    i + 0.5, y - 0.07, label, ha="center", va="center", color=INK, fontsize=FONT_SIZE - (1.5 if deep > 0.1 else 0)
                )
                low = y + (0.16 if deep > 0.1 else 0.13)
                ax.text(i + 0.5, low, " · ".join(under), ha="center", va="center", color=INK, fontsize=FONT_SIZE - 2)
        handles: list[Any] = [
            Patch(facecolor=colours[g], alpha=_TINT, label=words(labels.get(g, g), lang)) for g in grades if g in shown
        ]
        if shown - set(grades):
            tie = next(iter(shown - set(grades)))
            handles.append(Patch(facecolor=PALE, hatch="////", edgecolor=PAPER, label=words(labels.get(tie, tie), lang)))
        if chosen:
            handles.append(Patch(fill=False, edgecolor=INK, lw=2, label=text("figure.chosen", lang)))
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False, 0.95), rows.size(True, 1.15))
