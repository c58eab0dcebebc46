"""What changes: trend over waves, decomposition of a change, two rankings side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.estimates import Line, reference_lines
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import Rows, label_values, legend_above, need_columns, value_column
from csr_lib.show.theme import AMBER, FONT_SIZE, GREEN, GREY, INK, MARKERS, NAVY, PAPER, RED, SERIES
from csr_lib.show.wrap import wrap


def trend(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "wave",
    value: str = "estimate",
    series: str | None = None,
    targets: Sequence[Line] = (),
    kind: str = "score",
    confidence: float = 0.95,
    axis_label: str | None = None,
) -> Drawing:
    """Draw an estimate wave by wave as a line, with its interval as a band.

    Parameters
    ----------
    frame : columns `key`, `value`; where there are, ``ci_low``, ``ci_high``; waves in order. A missing value leaves a break.
    series : column that tells several lines apart.
    targets : lines for targets and benchmarks, the same in every wave.
    """
    need_columns(frame, [key, value, *([series] if series else [])], "trend")
    waves = list(dict.fromkeys(frame[key]))
    kinds = list(dict.fromkeys(frame[series])) if series else [None]
    limits = {"ci_low", "ci_high"} <= set(frame.columns)

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.patches import Patch

        ax = fig.add_subplot()
        ax.grid(axis="y")
        handles: list[Any] = []
        for position, name in enumerate(kinds):
            part = frame if name is None else frame[frame[series] == name]
            part = part.set_index(key).reindex(waves)
            colour, marker = SERIES[position % len(SERIES)], MARKERS[position % len(MARKERS)]
            x = np.arange(len(waves))
            if limits and len(waves) > 1:
                ax.fill_between(x, part["ci_low"].astype(float), part["ci_high"].astype(float), color=colour, alpha=0.13, lw=0)
            if limits:
                ax.vlines(x, part["ci_low"], part["ci_high"], color=colour, lw=1, alpha=0.6)
            (line,) = ax.plot(x, part[value], color=colour, marker=marker, lw=1.8, ms=6, zorder=3)
            if name is not None:
                line.set_label(words(labels.get(str(name), str(name)), lang))
                handles.append(line)
            else:
                values = part[value].to_numpy(float)
                for at, v in zip(x, values, strict=True):
                    if v == v:  # beside the point, on the side that the line does not take
                        rising = at + 1 < len(values) and values[at + 1] > v
                        note = ax.annotate(number(v, kind), (at, v), xytext=(7, -6 if rising else 6), textcoords="offset points")
                        note.set(va="top" if rising else "bottom", fontsize=FONT_SIZE - 0.5)
                        note.set(color=INK, zorder=4, bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5, "alpha": 0.75})
        handles += reference_lines(ax, None, targets, lang, kind, vertical=False)
        if limits:
            handles.append(Patch(facecolor=NAVY, alpha=0.2, label=text("figure.interval", lang, confidence=confidence)))
        room = (50 if narrow else 92) / len(waves)
        ax.set_xticks(range(len(waves)), [wrap(words(labels.get(str(w), str(w)), lang), max(room, 6)) for w in waves])
        ax.set_xlim(-0.3, len(waves) - 0.55)
        ax.margins(y=0.15)
        if axis_label:
            ax.set_ylabel(wrap(axis_label, 44))
        legend_above(fig, handles, narrow)

    return Drawing(draw, (7.2, 3.8), (4.2, 4.0))


def waterfall(
    frame: pd.DataFrame,
    *,
    start: Line,
    end: Line,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "construct",
    value: str = "change",
    kind: str = "score",
    signed: str = "signed_score",
    axis_label: str | None = None,
) -> Drawing:
    """Draw how contributions lead from a start value to an end value, row by row.

    Parameters
    ----------
    frame : columns `key`, `value`; the contributions in order. What they leave of end − start should be a row of its own.
    start, end : value and label.
    kind, signed : formats of values and of contributions.

    Start and end are dots, not bars from zero: the axis shows the change, not the level.
    """
    need_columns(frame, [key, value], "waterfall")
    steps = frame[value].fillna(0).to_numpy(float)
    names = [words(start[1], lang), *(words(labels.get(str(k), str(k)), lang) for k in frame[key]), words(end[1], lang)]
    rows = Rows(tuple(names))

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.patches import Patch

        ax, ys = rows.axes(fig, narrow)
        level = np.concatenate([[start[0]], start[0] + np.cumsum(steps)])
        for i, step in enumerate(steps):
            colour = GREEN if step >= 0 else RED
            ax.barh(ys[i + 1], step, left=level[i], height=0.19, color=colour, alpha=0.85, zorder=2)
            ax.plot([level[i]] * 2, [ys[i], ys[i + 1]], color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1.5)
        ax.plot([level[-1]] * 2, [ys[-2], ys[-1]], color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1.5)
        ax.plot([start[0], end[0]], [ys[0], ys[-1]], ls="none", marker="D", ms=7, color=NAVY, zorder=3)
        written = [number(start[0], kind), *(number(s, signed) for s in frame[value]), number(end[0], kind)]
        value_column(ax, ys, written)
        ax.use_sticky_edges = False
        ax.margins(x=0.08)
        label_values(ax, axis_label, narrow)
        handles = [
            Patch(facecolor=GREEN, label=text("figure.raises", lang)),
            Patch(facecolor=RED, label=text("figure.lowers", lang)),
        ]
        legend_above(fig, [h for h, there in zip(handles, ((steps >= 0).any(), (steps < 0).any()), strict=True) if there], narrow)

    return Drawing(draw, rows.size(False, 0.85), rows.size(True, 0.9))


def rank_slopes(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    left: str,
    right: str,
    left_label: Any,
    right_label: Any,
    key: str = "construct",
    far: int = 2,
) -> Drawing:
    """Draw two rankings of the same things side by side, tied by lines; 1 is at the top.

    Parameters
    ----------
    frame : columns `key`, `left`, `right` (ranks; ties may share one).
    left_label, right_label : whose rankings they are.
    far : from this difference of ranks on a line is emphasised; its right label carries ▲ (ranked higher there) or ▼.
    """
    need_columns(frame, [key, left, right], "rank_slopes")
    data = frame.dropna(subset=[left, right]).reset_index(drop=True)
    names = [words(labels.get(str(k), str(k)), lang) for k in data[key]]
    ranks = data[[left, right]].to_numpy(float)
    # things that share a rank stand below one another, in the order of the other ranking
    slots = {
        column: {row: place for place, row in enumerate(data.sort_values([column, other], kind="stable").index)}
        for column, other in ((left, right), (right, left))
    }

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.lines import Line2D

        ax = fig.add_subplot()
        ax.set_axis_off()
        most = 17 if narrow else 34
        ax.set(xlim=(0, 1), ylim=(len(data) - 0.4, -1.2))
        emphasised = False
        for row, name in enumerate(names):
            rank_left, rank_right = ranks[row]
            apart = rank_left - rank_right
            strong = abs(apart) >= far
            emphasised |= strong
            colour = AMBER if strong else NAVY
            y0, y1 = slots[left][row], slots[right][row]
            ax.plot(
                [0, 1],
                [y0, y1],
                color=colour,
                lw=2.4 if strong else 1.2,
                marker="o",
                ms=6,
                clip_on=False,
                zorder=3 if strong else 2,
            )
            sign = (" ▲" if apart > 0 else " ▼") if strong else ""
            shown = wrap(name, most)
            for x, y, rank, ha, move, extra in ((0, y0, rank_left, "right", -9, ""), (1, y1, rank_right, "left", 9, sign)):
                label = f"{shown}  {rank:g}" if ha == "right" else f"{rank:g}{extra}  {shown}"
                ax.annotate(
                    label, (x, y), xytext=(move, 0), textcoords="offset points", ha=ha, va="center",
                    color=colour if strong else INK, annotation_clip=False, multialignment=ha,
                )  # fmt: skip
        for x, title, ha, move in ((0, left_label, "right", -9), (1, right_label, "left", 9)):
            ax.annotate(
                wrap(words(title, lang), most), (x, -0.85), xytext=(move, 0), textcoords="offset points",
                ha=ha, va="center", color=GREY, annotation_clip=False,
            )  # fmt: skip
        if emphasised:
            legend_above(fig, [Line2D([], [], color=AMBER, lw=2.4, label=text("figure.ranks_apart", lang, far=far))], narrow)

    tall = 0.42 * len(data) + 1.0
    return Drawing(draw, (7.2, tall), (4.2, tall + 0.2 * sum(len(n) > 8 for n in names)))
