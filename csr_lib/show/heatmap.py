"""Heat maps: correlations of items with each other, loadings of items on factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import need_columns
from csr_lib.show.theme import FONT_SIZE, GREY, INK, NAVY, PALE, PAPER, RED
from csr_lib.show.wrap import width, wrap

_EM = 1 / 72 * 0.5 * FONT_SIZE  # inches per half em
_LINE = 0.165  # inches of a line of words
_ACROSS = {False: 7.0, True: 4.05}  # inches that labels and cells share
_LABEL = {False: 34.0, True: 21.0}  # half ems of a row's label, at most
_CELL = 0.72  # inches, at most


def heatmap(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    columns: Sequence[str] | None = None,
    key: str = "item",
    group_by: str | None = None,
    triangle: bool = False,
    strong: float | None = None,
    limit: float = 1.0,
    kind: str = "decimal",
    scale_label: str | None = None,
) -> Drawing:
    """Draw a table of numbers between −`limit` and `limit` as coloured cells that carry their numbers.

    Blue is positive, red negative, and the darker the larger; the number is written in wherever it can be read. Columns whose
    names do not fit above them are numbered, and their names stand at the foot of the figure, or, where rows and columns are the
    same, the rows bear the numbers.

    Parameters
    ----------
    frame : a row per item: its `key`, and a column of numbers for each of `columns` (all numeric ones by default). Missing
        numbers stay blank. For correlations: rows and columns the same, in the same order.
    labels : key -> label, for rows, columns and groups.
    group_by : column whose values head groups of rows that follow each other.
    triangle : only what is below the diagonal (of a square table).
    strong : numbers smaller than this in size are grey.
    limit : the number, in size, that has the full colour.
    kind : format of the numbers.
    scale_label : what the colours mean, beside their scale.
    """
    need_columns(frame, [key, *(columns or [])], "heatmap")
    names = [str(c) for c in (columns or frame.select_dtypes("number").columns)]
    rows = [str(v) for v in frame[key]]
    square = rows == names
    values = frame[names].to_numpy(dtype=float)
    if triangle and square:
        values = np.where(np.tri(len(rows), k=-1, dtype=bool), values, np.nan)
    plan = _Plan(
        [words(labels.get(r, r), lang) for r in rows],
        [words(labels.get(c, c), lang) for c in names],
        [words(labels.get(str(g), str(g)), lang) for g in frame[group_by]] if group_by else [],
        square,
    )

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        paint = LinearSegmentedColormap.from_list("csr", [RED, PAPER, NAVY])
        norm = Normalize(-limit, limit)
        cell = plan.cell(narrow)
        ys, headings, height = plan.rows(narrow)
        left = plan.left(narrow)
        ax = fig.add_subplot()
        ax.set(xlim=(-left, cell * len(names)), ylim=(height, -plan.head(narrow)))
        ax.set_aspect("equal", anchor="NW")  # one unit is one inch
        ax.set_axis_off()
        for i, (y, tall) in enumerate(ys):
            label = wrap(plan.row_words(narrow)[i], plan.most(narrow))
            ax.text(-0.08, y + tall / 2, label, ha="right", va="center", fontsize=FONT_SIZE - 0.5)
            for j in range(len(names)):
                value = values[i, j]
                if np.isnan(value):
                    continue
                ax.add_patch(_cell(j * cell, y, cell, tall, paint(norm(value))))
                written = number(value, kind)
                if width(written) * _EM * 0.85 <= cell:
                    big = strong is None or abs(value) >= strong
                    dark = abs(value) > 0.55 * limit
                    size = FONT_SIZE - 1 if width(written) * _EM <= cell else FONT_SIZE - 2.3
                    style = {"color": PAPER if dark else INK if big else GREY, "fontsize": size}
                    ax.text(j * cell + cell / 2, y + tall / 2, written, ha="center", va="center", **style)
        for j, heading in enumerate(plan.column_words(narrow)):
            if j and (j + 1) % plan.every(narrow):
                continue
            shown = wrap(heading, plan.column_most(narrow))
            ax.text(j * cell + cell / 2, -0.07, shown, ha="center", va="bottom", fontsize=FONT_SIZE - 0.8, color=INK)
        for heading, y in headings:
            ax.text(-left, y, wrap(heading, plan.most(narrow) + 14), ha="left", va="center", color=NAVY, fontsize=FONT_SIZE)
            ax.plot([-left, cell * len(names)], [y + 0.13, y + 0.13], color=PALE, lw=0.8, zorder=0.5)
        foot = plan.foot(narrow)
        if foot:
            ax.text(-left, height + 0.1, foot, ha="left", va="top", color=GREY, fontsize=FONT_SIZE - 1)
            ax.set_ylim(height + 0.15 + _LINE * (foot.count("\n") + 1), -plan.head(narrow))
        _scale(fig, paint, norm, kind, scale_label, narrow)

    return Drawing(draw, plan.size(False), plan.size(True))


def _cell(x: float, y: float, across: float, tall: float, colour: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), across, tall, facecolor=colour, edgecolor=PAPER, linewidth=1.2)


def _scale(fig: Any, paint: Any, norm: Any, kind: str, label: str | None, narrow: bool) -> None:
    """Draw the scale of colours at the foot of the figure."""
    from matplotlib.cm import ScalarMappable

    bar = fig.colorbar(
        ScalarMappable(norm, paint), ax=fig.axes[0], location="bottom", shrink=0.55 if narrow else 0.4, aspect=28, pad=0.02
    )
    bar.outline.set_visible(False)
    bar.set_ticks([norm.vmin, norm.vmin / 2, 0, norm.vmax / 2, norm.vmax])
    bar.ax.xaxis.set_major_formatter(lambda v, _: number(v, kind if kind != "coefficient" else "decimal"))
    bar.ax.tick_params(length=0, labelsize=FONT_SIZE - 2, labelcolor=GREY)
    if label:
        bar.set_label(label, size=FONT_SIZE - 1)


@dataclass(frozen=True)
class _Plan:
    """Where rows, columns and words of a heat map go; lengths in inches, words in half ems.

    Attributes
    ----------
    labels, headings : of the rows and of the columns; `groups` : what each row stands under, or nothing.
    square : rows and columns are the same.
    """

    labels: Sequence[str]
    headings: Sequence[str]
    groups: Sequence[str]
    square: bool

    def numbered(self, narrow: bool) -> bool:
        """Tell whether the columns bear numbers because their names do not fit above them in three lines."""
        most = self.column_most(narrow)
        long = max((width(piece) for h in self.headings for piece in h.split()), default=0.0) > most and not _cjk(self.headings)
        return self.square or long or any(wrap(h, most).count("\n") > 2 for h in self.headings)

    def column_most(self, narrow: bool) -> float:
        return max(3.0, self.cell(narrow) / _EM)

    def most(self, narrow: bool) -> float:
        return min(_LABEL[narrow], max(width(label) for label in self.row_words(narrow)) + 0.5)

    def left(self, narrow: bool) -> float:
        """Room for the labels of the rows."""
        longest = max(width(line) for label in self.row_words(narrow) for line in wrap(label, self.most(narrow)).split("\n"))
        return longest * _EM + 0.16

    def cell(self, narrow: bool) -> float:
        """Width of a column."""
        return min(_CELL, (_ACROSS[narrow] - self.left(narrow)) / max(len(self.headings), 1))

    def row_words(self, narrow: bool) -> list[str]:
        return [f"{i + 1} {label}" for i, label in enumerate(self.labels)] if self.square else list(self.labels)

    def column_words(self, narrow: bool) -> list[str]:
        return [str(j + 1) for j in range(len(self.headings))] if self.numbered(narrow) else list(self.headings)

    def every(self, narrow: bool) -> int:
        """Return how many columns share one number, where not all can be read beside each other."""
        room = 0.19 if len(self.headings) > 9 else 0.1
        return next((n for n in (1, 5, 10) if n * self.cell(narrow) >= room), 10) if self.numbered(narrow) else 1

    def foot(self, narrow: bool) -> str:
        """Names of numbered columns, where the rows do not bear them."""
        if self.square or not self.numbered(narrow):
            return ""
        most = 60.0 if narrow else 104.0
        lines: list[str] = []
        for piece in (f"{j + 1} {h}" for j, h in enumerate(self.headings)):  # a number stays with its name
            longer = f"{lines[-1]} · {piece}" if lines else piece
            lines[-1:] = [longer] if width(longer) <= most else [*lines[-1:], wrap(piece, most)]
        return "\n".join(lines)

    def head(self, narrow: bool) -> float:
        """Height of what stands above the first row."""
        most = self.column_most(narrow)
        return 0.1 + _LINE * max(wrap(h, most).count("\n") + 1 for h in self.column_words(narrow))

    def rows(self, narrow: bool) -> tuple[list[tuple[float, float]], list[tuple[str, float]], float]:
        """Return top and height of each row, headings of groups with their y, and the whole height."""
        at, headings, y, current = [], [], 0.0, ""
        least = 0.27 if len(self.labels) <= 16 else 0.22
        for i, label in enumerate(self.row_words(narrow)):
            group = self.groups[i] if self.groups else ""
            if group and group != current:
                headings.append((group, y + 0.17))
                y += 0.36
            current = group
            tall = max(least, _LINE * (wrap(label, self.most(narrow)).count("\n") + 1) + 0.05)
            at.append((y, tall))
            y += tall
        return at, headings, y

    def size(self, narrow: bool) -> tuple[float, float]:
        foot = self.foot(narrow)
        below = 0.15 + _LINE * (foot.count("\n") + 1) if foot else 0.0
        return (4.2 if narrow else 7.2, self.head(narrow) + self.rows(narrow)[2] + below + 0.75)


def _cjk(headings: Sequence[str]) -> bool:
    """Tell whether all headings can be broken anywhere."""
    return all(width(h) > 1.5 * len(h) for h in headings)
