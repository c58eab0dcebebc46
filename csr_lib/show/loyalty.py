"""Loyalty: curves with bands in small panels, and four fields with their shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import need_columns, panel_title
from csr_lib.show.theme import AMBER, FONT_SIZE, GREEN, GREY, INK, NAVY, PALE, PAPER, RED
from csr_lib.show.wrap import wrap


def curves(
    frame: pd.DataFrame,
    means: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    cuts: Sequence[float],
    x_label: str,
    y_label: str,
) -> Drawing:
    """Draw a smooth curve with its band for each group, one panel a group, and the mean of each level with its interval.

    Parameters
    ----------
    frame : ``group satisfaction estimate ci_low ci_high`` (0–100), groups in the order of the panels.
    means : ``group at loyalty loyalty_ci_low loyalty_ci_high``: the mean of each level at the mean satisfaction in it.
    cuts : satisfaction at which a level ends, drawn as thin lines.
    """
    need_columns(frame, ["group", "satisfaction", "estimate"], "curves")
    groups = list(dict.fromkeys(frame["group"]))

    def size(narrow: bool) -> tuple[float, float]:
        columns = 1 if narrow else min(3, len(groups))
        rows = math.ceil(len(groups) / columns)
        return (4.2, 0.5 + 2.1 * rows) if narrow else (7.2, 0.5 + (2.35 if len(groups) > 1 else 3.4) * rows)

    def draw(fig: Any, narrow: bool) -> None:
        columns = 1 if narrow else min(3, len(groups))
        rows = math.ceil(len(groups) / columns)
        axes = np.atleast_1d(fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)).ravel()
        for ax, group in zip(axes, groups, strict=False):
            part = frame[frame["group"] == group]
            colour = GREY if group == "all" and len(groups) > 1 else NAVY
            for cut in cuts:
                ax.axvline(cut, color=PALE, lw=0.9, zorder=0.5)
            ax.fill_between(part["satisfaction"], part["ci_low"], part["ci_high"], color=colour, alpha=0.18, lw=0)
            ax.plot(part["satisfaction"], part["estimate"], color=colour, lw=1.8)
            level = means[(means["group"] == group) & means["loyalty"].notna()]
            # a level of everybody who gave the highest answer lies on the edge of the panel: not cut in half there
            low, high = (level[c].clip(0, 100) for c in ("loyalty_ci_low", "loyalty_ci_high"))
            ax.vlines(level["at"], low, high, color=AMBER, lw=1.3, zorder=3, clip_on=False)
            open_circle = {"marker": "o", "ms": 4.5, "mfc": PAPER, "mec": AMBER, "mew": 1.3}
            ax.plot(level["at"], level["loyalty"], ls="none", zorder=4, clip_on=False, **open_circle)
            panel_title(ax, wrap(words(labels.get(group, group), lang), 30), colour)
            ax.set_ylim(0, 100)
            ax.set_xlim(0, 100)
        for ax in axes[len(groups) :]:
            ax.set_visible(False)
        for ax in axes[max(0, len(groups) - columns) : len(groups)]:
            ax.tick_params(labelbottom=True)
        fig.supxlabel(x_label, fontsize=FONT_SIZE)
        fig.supylabel(y_label, fontsize=FONT_SIZE)

    return Drawing(draw, size(False), size(True))


#: Fields of `fourfold` from the upper left, row by row, and their colours.
_PAINT = (AMBER, GREEN, RED, NAVY)


def fourfold(
    fields: Sequence[Mapping[str, Any]],
    *,
    lang: str,
    x_label: str,
    y_label: str,
    cuts: tuple[float, float] = (50.0, 50.0),
    points: pd.DataFrame | None = None,
) -> Drawing:
    """Draw four fields with their names and lines of text; with `points`, the density of respondents behind them.

    Parameters
    ----------
    fields : four mappings ``name lines``: upper left, upper right, lower left, lower right.
    cuts : where the fields meet, x and y (0–100).
    points : ``x y share`` of squares of 10 by 10, drawn as discs whose area is the share.
    """

    def draw(fig: Any, narrow: bool) -> None:
        ax = fig.add_subplot()
        ax.set(xlim=(0, 100), ylim=(0, 100), xlabel=x_label, ylabel=y_label)
        cx, cy = cuts
        boxes = ((0, cy, cx, 100), (cx, cy, 100, 100), (0, 0, cx, cy), (cx, 0, 100, cy))
        dense = points is not None and len(points) > 0
        if dense:  # names stand above and below, where they cover nobody
            ax.set_ylim(-17, 117)
            ax.set_yticks(range(0, 101, 20))
        for (x0, y0, x1, y1), field, colour in zip(boxes, fields, _PAINT, strict=True):
            ax.fill_between([x0, x1], y0, y1, color=colour, alpha=0.09, lw=0, zorder=0.2)
            said = [wrap(words(field["name"], lang), 16 if narrow else 26), *(words(line, lang) for line in field["lines"])]
            top = y1 - 3.0 if not dense else 115.0 if y1 > cy else -3.0
            written = ax.text(x0 + 1.5, top, "\n".join(said), va="top", ha="left", color=INK, zorder=4, linespacing=1.45)
            written.set_fontsize(FONT_SIZE - (1.5 if narrow else 0.5))
        if points is not None and dense:
            scale = (900 if narrow else 2200) / float(points["share"].max())
            ax.scatter(points["x"], points["y"], s=points["share"] * scale * 0.25, color=GREY, alpha=0.45, lw=0, zorder=2)
        else:
            ax.set_xticks([])
            ax.set_yticks([])
        ax.axvline(cx, color=GREY, lw=1.0, zorder=1)
        ax.axhline(cy, color=GREY, lw=1.0, zorder=1)

    return Drawing(draw, (7.2, 5.0), (4.2, 4.6)) if points is not None else Drawing(draw, (7.2, 2.9), (4.2, 3.2))


def interval_line(share: float, low: float, high: float, lang: str) -> str:
    """Return ``32% (29%–35%)`` for a field."""
    return text(
        "figure.share_interval", lang, share=number(share, "percent"), low=number(low, "percent"), high=number(high, "percent")
    )
