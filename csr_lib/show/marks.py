"""Small pieces that several figures share: a legend above the plot, reference lines, charts of labelled rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import OptionError
from csr_lib.show.theme import FONT_SIZE, GREY, INK, NAVY, PALE, PAPER
from csr_lib.show.wrap import width, wrap

_EM = 1 / 72 * 0.5 * FONT_SIZE  # inches per half em
#: Of labels of several lines: matplotlib counts it from the height of Latin letters, which Chinese ones exceed.
LINE_SPACING = 1.5


def legend_above(fig: Any, handles: Sequence[Any], narrow: bool) -> None:
    """Put a legend above the plot, in as many columns as the widths of its words allow."""
    if not handles:
        return
    room = 56 if narrow else 104  # half ems
    words = [wrap(str(h.get_label()), room - 8) for h in handles]
    widest = max(max(width(line) for line in w.split("\n")) for w in words) + 7
    columns = max(1, min(len(handles), int(room // widest)))
    fig.legend(handles, words, loc="outside upper left", ncols=columns, handlelength=1.6, columnspacing=1.4, borderaxespad=0.2)


def label_values(ax: Any, label: str | None, narrow: bool) -> None:
    """Write what the x axis shows under it, in as many lines as the width of the picture needs; nothing where it has no name."""
    if label:
        ax.set_xlabel(wrap(label, 50 if narrow else 66), linespacing=LINE_SPACING)


def panel_title(ax: Any, label: str, colour: str) -> None:
    """Write the title of one of several small charts, which has no axis labels.

    Title and (empty) axis labels get fixed places: left to itself, matplotlib measures every tick label again and again to find
    them, which is a third of the time that small charts take.
    """
    ax.set_title(label, loc="left", color=colour, y=1.0)
    ax.xaxis.set_label_coords(0.5, 0.0)
    ax.yaxis.set_label_coords(0.0, 0.5)


@dataclass(frozen=True)
class Rows:
    """A chart whose rows carry labels: beside the rows where it is wide, above them where it is narrow.

    One unit of the y axis is one inch, so the height of the figure follows from the rows.

    Attributes
    ----------
    labels : of the rows; `groups` the heading that a row stands under ("" for none); `indent` of a label, in steps.
    """

    labels: tuple[str, ...]
    groups: tuple[str, ...] = ()
    indent: tuple[int, ...] = ()
    tall: float = 0.30  # least height of a row

    _LINE = 0.165  # height of a line of words
    _WIDE = 30  # half ems for a label beside its row
    _NARROW = 46

    def _most(self, narrow: bool, row: int) -> float:
        step = 2 * (self.indent[row] if self.indent else 0)
        return (self._NARROW if narrow else self._WIDE) - step

    def _wrapped(self, narrow: bool) -> list[str]:
        return [wrap(label, self._most(narrow, i)) for i, label in enumerate(self.labels)]

    def layout(self, narrow: bool) -> tuple[list[float], list[float], list[tuple[str, float, float]], float]:
        """Return y of the marks, y of the labels, headings with their y and that of the line under them, and the whole height, in
        inches from the top."""
        marks, at, headings, y, current = [], [], [], 0.0, ""
        for i, label in enumerate(self._wrapped(narrow)):
            group = self.groups[i] if self.groups else ""
            if group and group != current:
                y += 0.08 if y else 0.0
                more = self._LINE * wrap(group, 46 if narrow else 34).count("\n")
                headings.append((group, y + 0.14 + more / 2, y + 0.26 + more))
                y += 0.30 + more
            current = group
            words = self._LINE * (label.count("\n") + 1)
            if narrow:
                at.append(y + 0.02 + words / 2)
                marks.append(y + words + self.tall / 2)
                y += words + self.tall
            else:
                height = max(self.tall, words + 0.08)
                at.append(y + height / 2)
                marks.append(y + height / 2)
                y += height
        return marks, at, headings, y

    def size(self, narrow: bool, chrome: float = 0.95) -> tuple[float, float]:
        """Return the size in inches of a figure of these rows; `chrome` is what axis and legend take."""
        return (4.2 if narrow else 7.2, self.layout(narrow)[3] + chrome + (0.15 if narrow else 0.0))

    def axes(self, fig: Any, narrow: bool) -> tuple[Any, list[float]]:
        """Make the axes with labels and headings; return them and the y of each row."""
        marks, at, headings, height = self.layout(narrow)
        ax = fig.add_subplot()
        ax.set_ylim(height, 0)
        ax.grid(axis="x")
        ax.spines["left"].set_visible(False)
        ax.yaxis.set_label_coords(0.0, 0.5)  # there is none; see `panel_title`
        across = ax.get_yaxis_transform()
        if narrow:
            ax.set_yticks([])
            box = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}
            for i, (label, y) in enumerate(zip(self._wrapped(True), at, strict=True)):
                step = 0.03 * (self.indent[i] if self.indent else 0)
                style = {"va": "center", "ha": "left", "fontsize": FONT_SIZE - 0.5, "linespacing": LINE_SPACING}
                ax.text(step, y, label, transform=across, bbox=box, zorder=2.5, **style)
        else:
            shift = [" " * (4 * n) for n in self.indent] or [""] * len(at)
            shown = [
                "\n".join(s + line for line in label.split("\n")) for s, label in zip(shift, self._wrapped(False), strict=True)
            ]
            ax.set_yticks(at, shown)
            ax.tick_params(axis="y", length=0)
            for tick in ax.get_yticklabels():
                tick.set(color=INK, linespacing=LINE_SPACING, multialignment="left" if self.indent else "right")
                if self.indent:
                    tick.set_ha("left")
            if self.indent:
                _align_left(ax, shown)
        for heading, y, below in headings:
            ax.axhline(below, color=PALE, lw=0.8, zorder=0.5)
            written = ax.text(0.0 if narrow else -0.015, y, wrap(heading, 46 if narrow else 34), transform=across, va="center")
            written.set(ha="left" if narrow else "right", color=NAVY, fontsize=FONT_SIZE + 0.3, zorder=2.6)
            written.set(linespacing=LINE_SPACING, multialignment="left" if narrow else "right")
            if narrow:
                written.set_bbox({"facecolor": PAPER, "edgecolor": "none", "pad": 0.8})
        return ax, marks


def _align_left(ax: Any, shown: Sequence[str]) -> None:
    """Set tick labels flush left: the widest ends at the axis."""
    widest = max(max(width(line) for line in label.split("\n")) for label in shown)
    ax.tick_params(axis="y", pad=widest * _EM * 72 + 2)


def value_column(ax: Any, ys: Sequence[float], values: Sequence[str], heading: str = "") -> None:
    """Write one text per row beside the right edge of the plot."""
    across = ax.get_yaxis_transform()
    style = {"textcoords": "offset points", "annotation_clip": False, "ha": "left", "fontsize": FONT_SIZE - 1}
    for y, value in zip(ys, values, strict=True):
        ax.annotate(value, (1.0, y), xycoords=across, xytext=(6, 0), va="center", color=INK, **style)
    if heading:
        ax.annotate(heading, (1.0, 1.0), xycoords="axes fraction", xytext=(6, 0), va="bottom", color=GREY, **style)


def whiskers(ax: Any, frame: pd.DataFrame, name: str, ys: Sequence[float], colour: str, thin: bool = False) -> bool:
    """Draw the intervals of column `name` along the rows; tell whether there are any.

    They stand in ``<name>_ci_low``, ``<name>_ci_high``; with `thin` (one estimate a row) also in ``ci_low``, ``ci_high``.
    """
    pairs = [(f"{name}_ci_low", f"{name}_ci_high"), *([("ci_low", "ci_high")] if thin else [])]
    pair = next((p for p in pairs if set(p) <= set(frame.columns)), None)
    if pair is None:
        return False
    low, high = frame[pair[0]].to_numpy(float), frame[pair[1]].to_numpy(float)
    given = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    style = {"lw": 1.0, "alpha": 1.0, "zorder": 2.4} if thin else {"lw": 4.5, "alpha": 0.25, "zorder": 2.1}
    lines = ax.hlines(np.array(ys)[given], low[given], high[given], colors=colour, **style)
    lines.set_capstyle("butt")
    return len(given) > 0


def need_columns(frame: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    """Raise OptionError that names every column of `columns` that `frame` lacks, or says that it has no rows."""
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise OptionError(
            f"the frame lacks {', '.join(missing)}",
            where=where,
            allowed=f"a frame with {', '.join(columns)}",
            mend="add the columns",
        )
    if frame.empty:
        raise OptionError("there is nothing to draw: the frame has no rows", where=where, mend="ask for a table that has rows")
