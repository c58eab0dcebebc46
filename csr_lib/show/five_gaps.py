"""The five gaps of the service-quality model in one figure: the customer's side above, the provider's below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing, Size
from csr_lib.show.marks import need_columns
from csr_lib.show.theme import GREEN, GREY, INK, NAVY, PALE, PAPER, RED, TEAL
from csr_lib.show.wrap import width, wrap

_CLEAR = {"facecolor": PAPER, "edgecolor": "none", "boxstyle": "square,pad=0.08"}
_WIDE: Size = (7.2, 6.35)
_NARROW: Size = (4.2, 6.9)


@dataclass(frozen=True)
class _Plan:
    """Where everything stands, in inches from the upper left corner."""

    size: Size
    box: Size  # of the boxes in the column
    column: float  # their centre
    rows: tuple[float, ...]  # centres of expected, perceived, delivery, standards, beliefs
    talk: tuple[float, float]  # centre x and width of the communication box
    told: tuple[float, float]  # centre x of gap 4's words and their half ems
    rail: float  # x of gap 1's line
    words: float  # half ems of a box's line
    note: float  # half ems of a gap's line beside its arrow
    side: float  # the same at the rail
    font: float  # of the gaps' words, in points


_PLANS = {
    False: _Plan(_WIDE, (2.1, 0.56), 3.05, (0.38, 1.55, 3.4, 4.75, 5.97), (6.3, 1.5), (4.82, 21), 0.95, 28, 44, 20, 8.8),
    True: _Plan(_NARROW, (1.42, 0.66), 1.68, (0.42, 1.75, 3.75, 5.2, 6.5), (3.55, 1.05), (2.86, 22), 0.46, 21, 42, 14.5, 8.2),
}


def five_gaps(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    names: Mapping[int, Any] | None = None,
    kind: str = "signed",
) -> Drawing:
    """Draw the five gaps with their values; a gap that cannot be computed is grey and hatched and says what is missing.

    Parameters
    ----------
    frame : columns ``gap`` (1 to 5) and ``estimate`` (NaN: not computed); where there are, ``ci_low``, ``ci_high``,
        ``told`` (whether it is told from zero; by its interval without it), and ``missing`` (keys of what is missing, several
        joined by ``+``). A gap without a row counts as not computed.
    labels : key -> label, for the keys in ``missing``.
    names : number -> label of the gap, in place of the catalogue's.
    kind : format of the values, one of `csr_lib.core.text.FORMATS`.
    """
    need_columns(frame, ["gap", "estimate"], "five_gaps")
    rows = {int(r["gap"]): r for r in frame.to_dict("records")}

    def said(gap: int) -> tuple[str, str, bool]:
        """Return name, value (or what is missing) and whether the gap was computed."""
        name = words(names[gap], lang) if names and gap in names else text(f"five_gaps.gap{gap}", lang)
        row = rows.get(gap, {})
        estimate = row.get("estimate")
        if estimate is None or estimate != estimate:
            codes = [c for c in str(row.get("missing") or "").split("+") if c]
            lacking = words([labels.get(c, c) for c in codes], lang) if codes else ""
            return name, text("five_gaps.missing" if lacking else "five_gaps.not_computed", lang, what=lacking), False
        value = number(estimate, kind)
        if row.get("ci_low") is not None and row["ci_low"] == row["ci_low"]:
            value += f" [{number(row['ci_low'], kind)}, {number(row['ci_high'], kind)}]"
        return name, value, True

    def draw(fig: Any, narrow: bool) -> None:
        plan = _PLANS[narrow]
        ax = fig.add_subplot()
        ax.set_axis_off()
        ax.set(xlim=(0, plan.size[0]), ylim=(plan.size[1], 0))
        y1, y2, y3, y4, y5 = plan.rows
        x, half = plan.column, plan.box[1] / 2
        left, right = x - plan.box[0] / 2, x + plan.box[0] / 2
        talk_x, talk_w = plan.talk
        border = y2 + 0.55
        up = talk_x + (0.28 if narrow else 0.0)
        ax.plot([0.1, plan.size[0] - 0.1], [border, border], color=GREY, lw=0.9, ls=(0, (4, 3)))
        for side, y, va in (("customer", border - 0.05, "bottom"), ("provider", border + 0.05, "top")):
            ax.text(up - 0.1, y, text(f"five_gaps.{side}", lang), ha="right", va=va, color=GREY, fontsize=9)
        # what was perceived is what was delivered, and what was promised shapes what is expected
        thin = {"arrowstyle": "-|>", "color": GREY, "lw": 0.9, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (x + 0.35, y2 + half), (x + 0.35, y3 - half), arrowprops=thin)
        ax.plot([up, up], [y3 - half, y1], color=GREY, lw=0.9)
        ax.annotate("", (right, y1), (up, y1), arrowprops=thin)
        for name, y in zip(("expected", "perceived", "delivery", "standards", "beliefs"), plan.rows, strict=True):
            _box(ax, x, y, plan.box, wrap(text(f"five_gaps.{name}", lang), plan.words), NAVY if y < border else TEAL)
        inner = plan.words * talk_w / plan.box[0]
        _box(ax, talk_x, y3, (talk_w, plan.box[1]), wrap(text("five_gaps.communication", lang), inner), TEAL)

        def gap(
            number_: int, points: Sequence[tuple[float, float]], at: tuple[float, float], ha: str, va: str, most: float
        ) -> None:
            """Draw the line of a gap through `points`, with heads at both ends, and its words at `at`."""
            name, value, computed = said(number_)
            colour = _colour(rows[number_]) if computed else GREY
            dash = "-" if computed else (0, (3, 2))
            ax.plot(*zip(*points, strict=True), color=colour, lw=1.8, ls=dash, solid_joinstyle="round")
            for tip, before in ((points[0], points[1]), (points[-1], points[-2])):  # heads only; the line is drawn
                near = tuple(t + 0.12 * np.sign(b - t) for t, b in zip(tip, before, strict=True))
                style = {"arrowstyle": "-|>", "color": colour, "lw": 1.8, "shrinkA": 0, "shrinkB": 0}
                ax.annotate("", tip, near, arrowprops={**style, "mutation_scale": 11})
            parts = [name, value] if width(value) <= most else [name, *value.replace(" [", "\n[").split("\n")]
            block = "\n".join(wrap(part, most) for part in parts)
            style = {"ha": ha, "va": va, "fontsize": plan.font, "linespacing": 1.25}
            frame_style = {"facecolor": PAPER, "edgecolor": PALE, "lw": 0.8, "boxstyle": "round,pad=0.3"}
            if computed:
                ax.text(*at, block, color=colour, zorder=4, bbox=frame_style, **style)
            else:  # a hatched frame, and the words on clear ground in it
                ax.text(
                    *at,
                    block,
                    alpha=0,
                    zorder=4,
                    bbox={**frame_style, "hatch": "//////", "alpha": 1, "boxstyle": "round,pad=0.55"},
                    **style,
                )
                ax.text(*at, block, color=INK, zorder=5, bbox=_CLEAR, **style)

        for number_, upper, lower in ((5, y1, y2), (3, y3, y4), (2, y4, y5)):
            ends = [(x - 0.25, upper + half), (x - 0.25, lower - half)]
            gap(number_, ends, (x - 0.08, (upper + lower) / 2), "left", "center", plan.note)
        rail = [(left, y1), (plan.rail, y1), (plan.rail, y5), (left, y5)]
        gap(1, rail, (plan.rail, (y3 + y4) / 2), "center", "center", plan.side)
        gap(4, [(right, y3), (talk_x - talk_w / 2, y3)], (plan.told[0], y3 - half - 0.12), "center", "bottom", plan.told[1])

    return Drawing(draw, _WIDE, _NARROW)


def _colour(row: Mapping[Any, Any]) -> str:
    """Red for a shortfall, green for a surplus, navy for a gap that is not told from zero."""
    low, high = row.get("ci_low"), row.get("ci_high")
    if not row.get("told", low is None or high is None or not low <= 0 <= high):
        return NAVY
    return RED if row["estimate"] < 0 else GREEN


def _box(ax: Any, x: float, y: float, size: Size, words_in: str, colour: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    w, h = size
    style = "round,pad=0,rounding_size=0.07"
    ax.add_patch(FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle=style, fc=PAPER, ec=colour, lw=1.4, zorder=3))
    ax.text(x, y, words_in, ha="center", va="center", fontsize=9.2, color=INK, zorder=4, linespacing=1.2)
