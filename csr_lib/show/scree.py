"""The scree plot: eigenvalues with those of chance."""

from __future__ import annotations

from typing import Any

import pandas as pd

from csr_lib.core.text import text
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import label_values, legend_above, need_columns
from csr_lib.show.theme import AMBER, FONT_SIZE, GREY, NAVY, PAPER


def scree(
    frame: pd.DataFrame,
    *,
    lang: str,
    retained: int,
    value: str = "eigenvalue",
    chance: str = "chance_high",
    quantile: float = 0.95,
    one: bool = True,
) -> Drawing:
    """Draw eigenvalues in falling order, those of chance data as a dashed line.

    Parameters
    ----------
    frame : columns ``number``, `value` and `chance`.
    retained : so many are kept; their marks are filled.
    quantile : that `chance` is, for the legend.
    one : draw a line at 1 (Kaiser's criterion, which is for components).
    """
    need_columns(frame, ["number", value, chance], "scree")
    numbers, eigen = frame["number"].to_numpy(), frame[value].to_numpy(float)

    def draw(fig: Any, narrow: bool) -> None:
        ax = fig.add_subplot()
        ax.grid(axis="y")
        handles: list[Any] = []
        if one:
            ax.axhline(1.0, color=GREY, lw=0.9, ls=(0, (1, 2)), zorder=1)
        (line,) = ax.plot(numbers, eigen, color=NAVY, lw=1.3, zorder=2, label=text("figure.eigenvalues", lang))
        ax.plot(numbers[retained:], eigen[retained:], ls="none", marker="o", ms=5.5, mfc=PAPER, mec=NAVY, mew=1.2, zorder=3)
        (kept,) = ax.plot(numbers[:retained], eigen[:retained], ls="none", marker="o", ms=6, color=NAVY, zorder=3)
        kept.set_label(text("figure.retained", lang, count=retained))
        (drawn,) = ax.plot(numbers, frame[chance], color=AMBER, lw=1.2, ls=(0, (5, 2)), marker="s", ms=3, zorder=2)
        drawn.set_label(text("figure.chance_eigenvalues", lang, quantile=quantile))
        handles += [line, kept, drawn]
        if one:
            from matplotlib.lines import Line2D

            handles.append(Line2D([], [], color=GREY, lw=0.9, ls=(0, (1, 2)), label=text("figure.kaiser_line", lang)))
        most = 8 if narrow else 16
        step = -(-len(numbers) // most)
        ax.set_xticks(numbers[::step])
        ax.set_xlim(0.5, len(numbers) + 0.5)
        ax.set_ylim(bottom=min(0.0, float(eigen.min()) * 1.05))
        label_values(ax, text("axis.number_of_factors", lang), narrow)
        ax.set_ylabel(text("axis.eigenvalue", lang), fontsize=FONT_SIZE)
        legend_above(fig, handles, narrow)

    return Drawing(draw, (7.2, 3.7), (4.2, 4.0))
