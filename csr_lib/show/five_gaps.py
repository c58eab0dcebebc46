"""The five gaps of the service-quality model in one figure: the customer's side above, the provider's below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing, Size
from csr_lib.show.marks import need_columns
from csr_lib.show.theme import GREEN, GREY, INK, NAVY, PALE, PAPER, RED, TEAL
from csr_lib.show.wrap import wrap

GAPS = (1, 2, 3, 4, 5)
_WIDE: Size = (7.2, 6.2)
_NARROW: Size = (4.2, 6.6)


@dataclass(frozen=True)
class _Plan:
    """Where everything stands, in inches from the upper left corner."""

    size: Size
    box: Size  # of the boxes in the column
    column: float  # their centre
    rows: tuple[float, ...]  # centres of expected, perceived, delivery, standards, beliefs
    talk: tuple[float, float, float]  # centre x and width of the communication box; x of gap 4's words
    rail: float  # x of gap 1's line
    words: float  # half ems of a box's line
    note: float  # half ems of a gap's line beside its arrow
    side: float  # the same at the rail


_PLANS = {
    False: _Plan(_WIDE, (2.1, 0.56), 3.05, (0.75, 1.95, 3.45, 4.65, 5.8), (6.2, 1.5, 4.78), 0.95, 26, 26, 20),
    True: _Plan(_NARROW, (1.42, 0.6), 1.62, (0.8, 2.1, 3.65, 4.95, 6.2), (3.55, 1.05, 2.68), 0.42, 18, 26, 14),
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
        and ``missing`` (keys of what is missing, several joined by ``+``). A gap without a row counts as not computed.
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

    def colour(gap: int) -> str:
        if not said(gap)[2]:
            return GREY
        return RED if rows[gap]["estimate"] < 0 else GREEN

    def draw(fig: Any, narrow: bool) -> None:
        plan = _PLANS[narrow]
        ax = fig.add_axes((0, 0, 1, 1))
        ax.set_axis_off()
        ax.set(xlim=(0, plan.size[0]), ylim=(plan.size[1], 0))
        border = (plan.rows[1] + plan.rows[2]) / 2
        ax.plot([0.12, plan.size[0] - 0.12], [border, border], color=GREY, lw=0.9, ls=(0, (4, 3)))
        for side, y, va in (("customer", border - 0.06, "bottom"), ("provider", border + 0.06, "top")):
            ax.text(plan.size[0] - 0.14, y, text(f"five_gaps.{side}", lang), ha="right", va=va, color=GREY, fontsize=9)
        x, half = plan.column, plan.box[1] / 2
        boxes = ("expected", "perceived", "delivery", "standards", "beliefs")
        for name, y in zip(boxes, plan.rows, strict=True):
            _box(ax, x, y, plan.box, wrap(text(f"five_gaps.{name}", lang), plan.words), NAVY if y < border else TEAL)
        talk_x, talk_w, talk_words = plan.talk
        inner = plan.words * talk_w / plan.box[0]
        _box(ax, talk_x, plan.rows[2], (talk_w, plan.box[1] + 0.25), wrap(text("five_gaps.communication", lang), inner), TEAL)

        def arrow(gap: int, points: list[tuple[float, float]]) -> None:
            dash = "-" if said(gap)[2] else (0, (3, 2))
            xs, ys = zip(*points, strict=True)
            ax.plot(xs[:-1], ys[:-1], color=colour(gap), lw=1.8, ls=dash, solid_joinstyle="round")
            style = {"arrowstyle": "<|-|>" if len(points) == 2 else "-|>", "color": colour(gap), "lw": 1.8, "ls": dash}
            ax.annotate("", points[-1], points[-2], arrowprops={**style, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11})
            if len(points) > 2:
                ax.annotate("", points[0], points[1], arrowprops={**style, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11})

        def note(gap: int, at: tuple[float, float], ha: str, va: str, most: float) -> None:
            name, value, computed = said(gap)
            hatch = {} if computed else {"hatch": "////"}
            block = f"{wrap(name, most)}\n{wrap(value, most)}"
            written = ax.text(*at, block, ha=ha, va=va, fontsize=8.8, color=colour(gap), linespacing=1.25, zorder=4)
            written.set_bbox({"facecolor": PAPER, "edgecolor": PALE, "lw": 0.8, "boxstyle": "round,pad=0.25", **hatch})
            if not computed:  # the hatching must not run through the words
                front = ax.text(*at, block, ha=ha, va=va, fontsize=8.8, color=INK, linespacing=1.25, zorder=5)
                front.set_bbox({"facecolor": PAPER, "edgecolor": "none", "boxstyle": "square,pad=0.02"})

        y1, y2, y3, y4, y5 = plan.rows
        down = x + plan.box[0] * 0.12  # arrows of the column stand left of their words
        for gap, upper, lower in ((5, y1, y2), (3, y3, y4), (2, y4, y5)):
            arrow(gap, [(x - 0.25, upper + half), (x - 0.25, lower - half)])
            note(gap, (down - 0.2 if not narrow else x - 0.1, (upper + lower) / 2), "left", "center", plan.note)
        left = x - plan.box[0] / 2
        arrow(1, [(left, y1), (plan.rail, y1), (plan.rail, y5), (left, y5)])
        note(1, (plan.rail, (y3 + y4) / 2 if not narrow else (y4 + y3) / 2 - 0.02), "center", "center", plan.side)
        right = x + plan.box[0] / 2
        arrow(4, [(right, y3), (talk_x - talk_w / 2, y3)])
        note(
            4,
            (talk_words if not narrow else 3.0, y3 + (0.5 if narrow else 0.46)),
            "center",
            "top",
            plan.note if not narrow else 18,
        )
        # what was perceived is what was delivered, and what was promised shapes what is expected
        ax.annotate("", (x + 0.35, y2 + half), (x + 0.35, y3 - half), arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 0.9})
        up = talk_x if not narrow else talk_x + 0.1
        ax.plot([up, up], [y3 - half - 0.13, y1], color=GREY, lw=0.9)
        ax.annotate("", (right, y1), (up, y1), arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 0.9, "shrinkA": 0})

    return Drawing(draw, _WIDE, _NARROW)


def _box(ax: Any, x: float, y: float, size: Size, words_in: str, colour: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    w, h = size
    style = "round,pad=0,rounding_size=0.07"
    ax.add_patch(FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle=style, fc=PAPER, ec=colour, lw=1.4, zorder=3))
    ax.text(x, y, words_in, ha="center", va="center", fontsize=9.2, color=INK, zorder=4, linespacing=1.2)
