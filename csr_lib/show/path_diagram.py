"""The path diagram of a structural model, laid out and drawn without outside programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import legend_above, need_columns
from csr_lib.show.path_layout import Grid, Layout, path_layout
from csr_lib.show.theme import GREY, INK, NAVY, PAPER, RED
from csr_lib.show.wrap import width, wrap

_FONT, _SMALL = 9.0, 8.3  # points: names; values and coefficients
_HALF_EM = 0.0625  # inches of half an em at _FONT
_LINE = 0.165  # inches
_LEGEND = 0.5
_ROOM = {False: 7.06, True: 4.06}  # inches across

_layout = lru_cache(maxsize=64)(path_layout)


def path_diagram(
    paths: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    constructs: pd.DataFrame | None = None,
    target: str | None = None,
    alpha: float = 0.05,
    kind: str = "decimal",
) -> Drawing:
    """Draw constructs as boxes and paths as arrows: from left to right, on a narrow screen from top to bottom.

    Parameters
    ----------
    paths : columns ``source``, ``target``, ``estimate``; where there are, ``p_value`` (stars, and dashes from `alpha` on), else
        ``ci_low``, ``ci_high`` (dashes where the interval holds zero).
    constructs : columns ``construct`` and, where there are, ``index`` (0–100) and ``r_squared``, written into the boxes.
    labels : key -> label.
    target : the construct whose box is filled.
    kind : format of the coefficients.

    Width follows the size of a coefficient; a negative one is red and carries its sign; one that is not significant is dashed.
    """
    need_columns(paths, ["source", "target", "estimate"], "path_diagram")
    given = [] if constructs is None else constructs["construct"].astype(str).tolist()
    used = dict.fromkeys([*paths["source"].astype(str), *paths["target"].astype(str)])
    names = [*(c for c in given if c in used), *(c for c in used if c not in given)]
    place = {name: i for i, name in enumerate(names)}
    edges = tuple((place[str(s)], place[str(t)]) for s, t in zip(paths["source"], paths["target"], strict=True))
    rows = paths.to_dict("records")
    stars = "p_value" in paths.columns
    coefficients = [number(r["estimate"], kind) + (_stars(r["p_value"]) if stars else "") for r in rows]
    significant = [_significant(r, alpha) for r in rows]
    facts = _facts(constructs, lang)
    labelled = [words(labels.get(n, n), lang) for n in names]

    def plan(narrow: bool) -> Layout:
        return _layout(len(names), edges, _grid(labelled, coefficients, bool(facts), narrow))

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
        from matplotlib.path import Path

        layout = plan(narrow)
        scale = min(1.0, _ROOM[narrow] / layout.size[0])  # an arrow that had to leave the page's width makes all smaller
        ax = fig.add_subplot()
        ax.set_axis_off()
        ax.set(xlim=(-0.03, layout.size[0] + 0.03), ylim=(layout.size[1] + 0.03, -0.03))
        box_w, box_h = _grid(labelled, coefficients, bool(facts), narrow).box
        for i, line in enumerate(layout.routes.lines):
            estimate = float(rows[i]["estimate"])
            colour = RED if estimate < 0 else NAVY
            wide = 0.9 + 2.6 * min(abs(estimate), 1.0) if not math.isnan(estimate) else 0.9
            arrow = FancyArrowPatch(path=Path(line), arrowstyle="-|>", mutation_scale=9 + 1.5 * wide, shrinkA=0, shrinkB=0)
            arrow.set(linestyle="-" if significant[i] else (0, (4, 2.5)), alpha=0.9 if significant[i] else 0.55, zorder=2)
            arrow.set(linewidth=wide, color=colour, capstyle="butt", joinstyle="miter", gid=f"path_{i}")
            ax.add_patch(arrow)
            note = ax.text(
                *layout.routes.words[i],
                coefficients[i],
                ha="center",
                va="center",
                fontsize=_SMALL * scale,
                color=colour,
                zorder=5,
            )
            note.set_bbox({"facecolor": PAPER, "edgecolor": "none", "pad": 0.9})
            note.set_gid(f"coefficient_{i}")
        for i, name in enumerate(names):
            x, y = layout.centres[i]
            filled = name == target
            box = FancyBboxPatch((x - box_w / 2, y - box_h / 2), box_w, box_h, boxstyle="round,pad=0,rounding_size=0.08")
            box.set(facecolor=NAVY if filled else PAPER, edgecolor=NAVY, linewidth=1.4, zorder=3, gid=f"construct_{name}")
            ax.add_patch(box)
            label, fact = wrap(labelled[i], _most(narrow)), facts.get(name, "")
            lines = label.count("\n") + 1 + (1 if fact else 0)
            top = y - _LINE * (lines - 1) / 2
            for row, part in enumerate([*label.split("\n"), *([fact] if fact else [])]):
                is_fact = bool(fact) and row == lines - 1
                colour = PAPER if filled else GREY if is_fact else INK
                size = _SMALL - 0.3 if is_fact else _FONT
                ax.text(x, top + _LINE * row, part, ha="center", va="center", fontsize=size * scale, color=colour, zorder=4)
        handles: list[Any] = []
        if any(float(r["estimate"]) >= 0 for r in rows):
            handles.append(Line2D([], [], color=NAVY, lw=2, label=text("figure.positive", lang)))
        if any(float(r["estimate"]) < 0 for r in rows):
            handles.append(Line2D([], [], color=RED, lw=2, label=text("figure.negative", lang)))
        if not all(significant):
            label = text("figure.not_significant", lang, alpha=f"{alpha:g}")
            handles.append(Line2D([], [], color=NAVY, lw=1.2, ls=(0, (4, 2.5)), alpha=0.6, label=label))
        if stars and any("*" in c for c in coefficients):
            handles.append(Line2D([], [], ls="none", label=text("figure.stars", lang)))
        legend_above(fig, handles, narrow)

    sizes = {}
    for narrow in (False, True):
        sizes[narrow] = (4.2 if narrow else 7.2, plan(narrow).size[1] + 0.15 + _LEGEND + (0.35 if narrow else 0.0))
    return Drawing(draw, sizes[False], sizes[True])


def _most(narrow: bool) -> float:
    """Return the half ems of a line in a box."""
    return 16.5 if narrow else 18.5


def _grid(labelled: list[str], coefficients: list[str], facts: bool, narrow: bool) -> Grid:
    """Return the grid that the boxes, their words and those of the arrows need."""
    n = len(labelled)
    lines = max(wrap(label, _most(narrow)).count("\n") + 1 for label in labelled)
    box = (1.14 if narrow else 1.28, _LINE * (lines + facts) + 0.18)
    label = (max(width(c) for c in coefficients) * _HALF_EM * _SMALL / _FONT + 0.04, 0.17)
    if narrow:
        return Grid(max(4, math.ceil(0.8 * n)), 5, box[1] + 0.54, (_ROOM[True] - box[0]) / 4, box, label, True)
    rows = max(4, math.ceil(n / 4) + 1)
    return Grid(
        4 if n < 13 else 5, 2 * rows - 1, (_ROOM[False] - box[0]) / (3 if n < 13 else 4), (box[1] + 0.54) / 2, box, label, False
    )


def _facts(constructs: pd.DataFrame | None, lang: str) -> dict[str, str]:
    """Return the second line of each box: index and R², those that there are."""
    out: dict[str, str] = {}
    if constructs is None:
        return out
    for row in constructs.to_dict("records"):
        parts = []
        if row.get("index") is not None and row["index"] == row["index"]:
            parts.append(number(row["index"], "score"))
        if row.get("r_squared") is not None and row["r_squared"] == row["r_squared"]:
            parts.append(f"R² {number(row['r_squared'], 'decimal')}")
        if parts:
            out[str(row["construct"])] = " · ".join(parts)
    return out


def _stars(p: Any) -> str:
    if p is None or p != p:
        return ""
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""


def _significant(row: Mapping[Any, Any], alpha: float) -> bool:
    """Tell whether a path is told from zero; True where nothing is known about it."""
    p = row.get("p_value")
    if p is not None and p == p:
        return bool(p < alpha)
    low, high = row.get("ci_low"), row.get("ci_high")
    if low is None or high is None or low != low or high != high:
        return True
    return bool(low > 0 or high < 0)
