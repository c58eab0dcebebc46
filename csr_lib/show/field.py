"""Figures of field work: the funnel of questionnaires, return curves, rules that coincide, patterns of missing answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import LINE_SPACING, Rows, legend_above, need_columns, value_column
from csr_lib.show.theme import AMBER, FONT_SIZE, GREY, INK, NAVY, PALE, PAPER, RED, TEAL
from csr_lib.show.wrap import width, wrap


def funnel(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "stage",
    value: str = "n",
    losses: Sequence[tuple[str, int, Sequence[str]]] = (),
) -> Drawing:
    """Draw the stages of a funnel as centred bars, one under the other, with their counts.

    Parameters
    ----------
    frame : columns `key`, `value`, from the widest stage down; where there is, ``of_issued`` (share of the first).
    losses : (stage, count, reasons) of what a stage lost on the way to it, written above the bar; lines end after a reason.
    """
    need_columns(frame, [key, value], "funnel")
    counts = frame[value].to_numpy(float)
    names = [words(labels.get(str(k), str(k)), lang) for k in frame[key]]
    shares = frame["of_issued"].to_numpy(float) if "of_issued" in frame else np.full(len(frame), np.nan)
    lost = {stage: (n, why) for stage, n, why in losses}

    def draw(fig: Any, narrow: bool) -> None:
        ax = fig.add_subplot()
        ax.set_axis_off()
        top = max(float(counts.max()), 1.0)
        ax.set_xlim(-0.62 * top, 0.62 * top)
        ax.set_ylim(len(counts) - 0.35, -0.55)
        for i, (n, name, share) in enumerate(zip(counts, names, shares, strict=True)):
            ax.barh(i, n, left=-n / 2, height=0.5, color=(NAVY, "#33557f", TEAL)[min(i, 2)], zorder=2)
            written = f"{name}  {number(n, 'count')}"
            if share == share:
                written += text("field.of_issued", lang, share=share)
            inside = n / top * (50 if narrow else 92) > width(written) + 3
            ax.text(
                0, i if inside else i - 0.36, written, ha="center", va="center", zorder=3,
                color=PAPER if inside else INK, fontsize=FONT_SIZE + 0.5,
            )  # fmt: skip
            stage = str(frame[key].iloc[i])
            if stage in lost and lost[stage][0]:
                said = _reasons(*lost[stage], lang, 56 if narrow else 96)
                # above the bar's own words where they have no room inside it
                ax.text(
                    0,
                    i - (0.5 if inside else 0.6),
                    said,
                    ha="center",
                    va="center",
                    color=GREY,
                    fontsize=FONT_SIZE - 1.2,
                    linespacing=LINE_SPACING,
                )

    return Drawing(draw, (7.2, 0.35 + 0.82 * len(counts)), (4.2, 0.35 + 0.9 * len(counts)))


def _reasons(n: int, why: Sequence[str], lang: str, most: float) -> str:
    """Return what was lost and why, in lines that end between two reasons; a reason wider than a line is broken as words are."""
    comma = "、" if lang == "zh" else ", "
    parts = text("field.lost", lang, n=n, why="\0".join([*(f"{reason}{comma}" for reason in why[:-1]), why[-1]])).split("\0")
    out = [parts[0]]
    for part in parts[1:]:
        if width((out[-1] + part).rstrip()) > most:
            out.append(part)
        else:
            out[-1] += part
    return "\n".join(wrap(line, most) for line in out)


def return_curves(
    daily: pd.DataFrame,
    levels: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "group",
    confidence: float = 0.95,
) -> Drawing:
    """Draw cumulated returns by day, one chart per group, with the fitted curve and the level that it approaches.

    Parameters
    ----------
    daily : columns `key`, ``day`` (ISO date), ``n``, ``cumulated``, ``fitted`` (NaN where nothing was fitted).
    levels : columns `key`, ``level level_ci_low level_ci_high issued`` (NaN where not known), one row per group.
    """
    need_columns(daily, [key, "day", "n", "cumulated", "fitted"], "return_curves")
    facets = [g for g in dict.fromkeys(levels[key]) if (daily[key] == g).any()]
    alone = len(facets) == 1

    def draw(fig: Any, narrow: bool) -> None:
        across = 1 if narrow or alone else 2
        down = -(-len(facets) // across)
        axes = np.atleast_1d(fig.subplots(down, across, squeeze=False)).ravel()
        handles: dict[str, Any] = {}
        for ax, name in zip(axes, facets, strict=False):
            row = levels[levels[key] == name].iloc[0]
            _curve(ax, daily[daily[key] == name], row, lang, confidence, handles)
            if not alone:
                ax.set_title(wrap(words(labels.get(str(name), str(name)), lang), 44), loc="left", color=NAVY)
        for ax in axes[len(facets) :]:
            ax.set_axis_off()
        order = [k for k in ("daily", "returned", "fitted", "level", "band", "issued") if k in handles]
        legend_above(fig, [handles[k] for k in order], narrow)

    down = -(-len(facets) // 2)
    if alone:
        return Drawing(draw, (7.2, 3.7), (4.2, 3.9))
    return Drawing(draw, (7.2, 0.9 + 2.1 * down), (4.2, 1.3 + 2.1 * len(facets)))


def _curve(ax: Any, part: pd.DataFrame, row: Any, lang: str, confidence: float, handles: dict[str, Any]) -> None:
    days = part["day"].tolist()
    x = np.arange(1, len(days) + 1)
    ax.grid(axis="y")
    handles.setdefault(
        "daily", ax.bar(x, part["n"], width=0.7, color=PALE, edgecolor=GREY, lw=0.4, label=text("field.daily", lang))
    )
    cumulated = part["cumulated"].to_numpy(float)
    (line,) = ax.plot(x, cumulated, ls="none", marker="o", ms=4, color=NAVY, zorder=3, label=text("field.returned", lang))
    handles.setdefault("returned", line)
    top = float(cumulated.max())
    fitted = part["fitted"].to_numpy(float)
    if np.isfinite(fitted).any():
        (line,) = ax.plot(np.r_[0, x], np.r_[0, fitted], color=TEAL, lw=1.5, zorder=2.5, label=text("field.fitted", lang))
        handles.setdefault("fitted", line)
        level, low, high = float(row["level"]), float(row["level_ci_low"]), float(row["level_ci_high"])
        line = ax.axhline(level, color=AMBER, lw=1.3, ls=(0, (5, 2)), zorder=2, label=text("field.level", lang))
        handles.setdefault("level", line)
        top = max(top, level)
        if math.isfinite(low):
            end = high if math.isfinite(high) else 1.35 * top
            band = ax.axhspan(low, end, color=AMBER, alpha=0.15, lw=0, zorder=1)
            band.set_label(text("field.band", lang, confidence=confidence))
            handles.setdefault("band", band)
            top = max(top, min(end, 1.5 * top))
    issued = float(row["issued"]) if "issued" in row.index else math.nan
    if math.isfinite(issued) and issued <= 1.6 * top:
        line = ax.axhline(issued, color=GREY, lw=1.0, ls=(0, (1, 2)), zorder=1.5, label=text("field.issued", lang))
        handles.setdefault("issued", line)
        top = max(top, issued)
    ax.set_ylim(0, 1.06 * top)
    ax.set_xlim(0, len(days) + 0.6)
    step = max(1, math.ceil(len(days) / 5))
    at = list(range(0, len(days), step))
    ax.set_xticks([i + 1 for i in at], [f"{int(days[i][5:7])}-{days[i][8:10]}" for i in at])


def coinciding(
    frame: pd.DataFrame,
    totals: Mapping[str, int],
    *,
    labels: Mapping[str, Any],
    lang: str,
    excluded: Sequence[str] = (),
    value: str = "n",
) -> Drawing:
    """Draw which rules mark the same questionnaires: a matrix of rules by combinations, counts above, totals of the rules
    beside it.

    Parameters
    ----------
    frame : one row per combination, the most frequent first: a boolean column per rule of `totals`, and `value`.
    totals : rule -> questionnaires that it marks, in the order of the rows.
    excluded : rules whose questionnaires are dropped, drawn in red.
    """
    need_columns(frame, [*totals, value], "coinciding")
    names = [words(labels.get(r, r), lang) for r in totals]
    counts = frame[value].to_numpy(float)
    paint = [RED if r in excluded else NAVY for r in totals]

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.patches import Patch

        rows = Rows(tuple(names), tall=0.26)
        _, _, _, height = rows.layout(narrow)
        grid = fig.add_gridspec(2, 1, height_ratios=[1.1, height], hspace=0.02)
        above = fig.add_subplot(grid[0])
        ax = fig.add_subplot(grid[1])
        marks, at, _, height = rows.layout(narrow)
        x = np.arange(len(counts))
        above.bar(x, counts, width=0.55, color=GREY)
        for i, n in zip(x, counts, strict=True):
            above.annotate(number(n, "count"), (i, n), xytext=(0, 2), textcoords="offset points", ha="center", va="bottom")
        above.set_xticks([])
        above.set_yticks([])
        above.margins(y=0.25)
        for side in ("left", "bottom"):
            above.spines[side].set_visible(False)
        ax.set_ylim(height, 0)
        for a in (above, ax):
            a.set_xlim(-0.6, len(counts) - 0.4)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_xticks([])
        across = ax.get_yaxis_transform()
        if narrow:
            ax.set_yticks([])
            for name, y in zip(names, at, strict=True):
                box = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}  # lines between dots pass behind the words
                style = {"ha": "left", "va": "center", "fontsize": FONT_SIZE - 0.5, "bbox": box, "zorder": 2.8}
                ax.text(0.0, y, wrap(name, 46), transform=across, linespacing=LINE_SPACING, **style)
        else:
            ax.set_yticks(at, [wrap(n, 30) for n in names], linespacing=LINE_SPACING)
            ax.tick_params(axis="y", length=0)
        for j, (rule, y) in enumerate(zip(totals, marks, strict=True)):
            hit = frame[rule].to_numpy(bool)
            ax.plot(x[~hit], [y] * int((~hit).sum()), ls="none", marker="o", ms=5, color=PALE, zorder=2)
            ax.plot(x[hit], [y] * int(hit.sum()), ls="none", marker="o", ms=7, color=paint[j], zorder=3)
        for i in x:
            joined = [y for rule, y in zip(totals, marks, strict=True) if frame[rule].iloc[i]]
            if len(joined) > 1:
                ax.plot([i, i], [min(joined), max(joined)], color=GREY, lw=1.2, zorder=2.5)
        value_column(ax, marks, [number(n, "count") for n in totals.values()], text("field.marked", lang))
        handles = [
            Patch(color=c, label=text(f"field.{k}", lang)) for k, c in (("dropped", RED), ("only_marked", NAVY)) if c in paint
        ]
        legend_above(fig, handles, narrow)

    rows = Rows(tuple(names), tall=0.26)
    return Drawing(draw, (7.2, 1.75 + rows.layout(False)[3]), (4.2, 1.85 + rows.layout(True)[3]))


def missing_map(
    frame: pd.DataFrame, items: Sequence[str], *, labels: Mapping[str, Any], lang: str, value: str = "n", total: int | None = None
) -> Drawing:
    """Draw patterns of missing answers: items as rows, patterns as columns (their counts above), missing answers filled in.

    Parameters
    ----------
    frame : one row per pattern, the most frequent first: a boolean column per item (True: missing), and `value`.
    items : the columns drawn; total : respondents, written with the counts as shares where given.
    """
    need_columns(frame, [*items, value], "missing_map")
    names = tuple(words(labels.get(str(i), str(i)), lang) for i in items)
    rows = Rows(names, tall=0.22)

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.patches import Patch, Rectangle

        ax, ys = rows.axes(fig, narrow)
        ax.grid(False)
        ax.set_xlim(0, len(frame))
        for x in range(len(frame)):
            for y, item in zip(ys, items, strict=True):
                lost = bool(frame[item].iloc[x])
                ax.add_patch(Rectangle((x + 0.06, y - 0.085), 0.88, 0.17, facecolor=AMBER if lost else "#e8eef4", lw=0))
        heads = [number(n, "count") for n in frame[value]]
        if total:
            room = (40 if narrow else 66) / max(1, len(frame))
            shares = [number(n / total, "share") for n in frame[value]]
            if max(width(s) for s in shares) < room:
                heads = [f"{h}\n{s}" for h, s in zip(heads, shares, strict=True)]
        ax.set_xticks([i + 0.5 for i in range(len(frame))], heads)
        ax.xaxis.tick_top()
        ax.tick_params(axis="x", length=0, labelsize=FONT_SIZE - 1.5)
        for tick in ax.get_xticklabels():
            tick.set_linespacing(1.4)
        for side in ("top", "bottom"):
            ax.spines[side].set_visible(False)
        handles = [
            Patch(color=AMBER, label=text("field.missing", lang)),
            Patch(color="#e8eef4", label=text("field.answered", lang)),
        ]
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False, 0.95), rows.size(True, 1.1))
