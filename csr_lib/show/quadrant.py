"""The importance–performance quadrant: cut lines, four named quadrants, points with labels that do not collide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import OptionError
from csr_lib.core.text import text, words
from csr_lib.show.figure import Drawing, Size
from csr_lib.show.marks import legend_above
from csr_lib.show.placement import LEADER_FROM, place_labels
from csr_lib.show.theme import AMBER, GREEN, GREY, INK, MARKERS, NAVY, PALE, PAPER, RED, SERIES
from csr_lib.show.wrap import wrap

#: Quadrant -> (right of the performance cut, above the importance cut, colour)
QUADRANTS = {
    "keep_up": (True, True, GREEN),
    "concentrate": (False, True, RED),
    "low_priority": (False, False, GREY),
    "overkill": (True, False, AMBER),
}
WEAK_BELOW = 0.8
_SIZE: Size = (7.2, 5.0)
_NARROW: Size = (4.2, 5.0)
_LABEL = 8.5  # points
_NAMED = {False: 24, True: 12}  # above this number of points, names are not tried
_KEY_LINE = 0.17  # inches


def quadrant_of(importance: float, performance: float, cut: tuple[float, float]) -> str:
    """Return the quadrant of a point; `cut` is (importance, performance) and a point on a cut counts as above it."""
    place = (performance >= cut[1], importance >= cut[0])
    return next(name for name, (right, above, _) in QUADRANTS.items() if (right, above) == place)


def quadrant(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    cut: tuple[float, float] | None,
    key: str = "indicator",
    competitors: pd.DataFrame | None = None,
    diagonal: tuple[float, float] | None = None,
    confidence: float = 0.95,
    weak_below: float = WEAK_BELOW,
    axis_labels: tuple[str, str] | None = None,
    named: bool = True,
) -> Drawing:
    """Draw importance (upwards) against performance (to the right).

    Parameters
    ----------
    frame : columns `key`, ``importance``, ``performance``; where there are, ``share`` (of bootstrap resamples in the
        quadrant: points under `weak_below` are drawn hollow), ``importance_std_error``, ``performance_std_error`` and
        ``correlation`` (of the two estimates: confidence ellipses), or else ``importance_ci_low`` … ``performance_ci_high``
        (crosses). Rows with a missing importance or performance are left out.
    labels : key -> label.
    cut : (importance, performance); None draws no quadrants.
    competitors : columns `key`, ``competitor``, ``performance``: further markers at the importance of the own point,
        tied to it.
    diagonal : (intercept, slope) of the iso-priority line importance = intercept + slope · performance.
    confidence : level of ellipses or crosses.
    axis_labels : words for (importance, performance) in place of the catalogue's.
    named : write the quadrants' names into their corners.

    Where the labels do not all find a place, points carry numbers and a key stands below the plot.

    Raises
    ------
    OptionError
        No row with both an importance and a performance.
    """
    rows = frame.dropna(subset=["importance", "performance"]).reset_index(drop=True)
    if rows.empty:
        raise OptionError("there is no indicator with an importance and a performance", where="quadrant")
    names = [words(labels.get(k, k), lang) for k in rows[key]]

    def draw(fig: Any, narrow: bool) -> None:
        if len(names) <= _NAMED[narrow]:
            if _draw(fig, narrow, [wrap(name, 14 if narrow else 20) for name in names]):
                return
            fig.clear()
        _draw_with_key(fig, narrow)

    def _draw_with_key(fig: Any, narrow: bool) -> None:
        across = min((1, 2) if narrow else (1, 2, 3), key=lambda c: _key_height(names, c, narrow))
        height = _key_height(names, across, narrow)
        if hasattr(fig, "set_size_inches"):  # a subfigure takes the room it is given
            fig.set_size_inches((_NARROW if narrow else _SIZE)[0], (_NARROW if narrow else _SIZE)[1] + height)
        upper, lower = fig.subfigures(2, 1, height_ratios=[(_NARROW if narrow else _SIZE)[1], height])
        _draw(upper, narrow, [str(i) for i in range(1, len(names) + 1)])
        _key(lower, names, across, narrow)

    def _draw(fig: Any, narrow: bool, shown: Sequence[str]) -> bool:
        ax = fig.add_subplot()
        limits = _limits(rows, competitors, cut, diagonal is not None, confidence, 0.30 if narrow else 0.22)
        ax.set(xlim=limits[:2], ylim=limits[2:])
        axis = axis_labels or (text("axis.importance", lang), text("axis.performance", lang))
        ax.set_ylabel(wrap(axis[0], 44), labelpad=6)
        ax.set_xlabel(wrap(axis[1], 40 if narrow else 80), labelpad=6)
        ax.tick_params(length=3)
        for side in ("top", "right"):
            ax.spines[side].set(visible=True, color=PALE)
        corners = _quadrants(ax, cut, lang, narrow, named) if cut else []
        handles = _uncertainty(ax, rows, lang, confidence)
        if diagonal is not None:
            line = ax.axline((0, diagonal[0]), slope=diagonal[1], color=GREY, lw=1, ls=(0, (6, 3)), zorder=1.5)
            line.set_label(text("figure.iso_priority", lang))
            handles.append(line)
        rival_handles = _competitors(ax, rows, competitors, labels, lang, key)
        rivals = np.concatenate([np.empty((0, 2)), *(line.get_xydata() for line in rival_handles)])
        handles += rival_handles
        handles += _points(ax, rows, cut if named else None, weak_below, lang)
        legend_above(fig, handles, narrow)
        return _label(ax, rows, shown, corners, cut, rivals)

    return Drawing(draw, _SIZE, _NARROW)


def _spread(rows: pd.DataFrame, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how far ellipses or crosses reach from each point: (importance, performance)."""
    if {"importance_std_error", "performance_std_error"} <= set(rows.columns):
        reach = math.sqrt(-2 * math.log(1 - confidence))  # chi-square with 2 degrees of freedom
        spread = [rows[f"{c}_std_error"].fillna(0).to_numpy(float) * reach for c in ("importance", "performance")]
        return spread[0], spread[1]
    found = []
    for c in ("importance", "performance"):
        if {f"{c}_ci_low", f"{c}_ci_high"} <= set(rows.columns):
            low, middle, high = (rows[name].to_numpy(float) for name in (f"{c}_ci_low", c, f"{c}_ci_high"))
            found.append(np.nan_to_num(np.fmax(high - middle, middle - low)))
        else:
            found.append(np.zeros(len(rows)))
    return found[0], found[1]


def _limits(
    rows: pd.DataFrame, competitors: pd.DataFrame | None, cut: Any, diagonal: bool, confidence: float, least: float
) -> tuple[float, float, float, float]:
    """Return x and y limits that hold everything and leave each side of a cut at least the share `least` of the axis."""
    spread_y, spread_x = _spread(rows, confidence)
    x = [*(rows.performance - spread_x), *(rows.performance + spread_x)]
    y = [*(rows.importance - spread_y), *(rows.importance + spread_y)]
    if competitors is not None:
        x += competitors["performance"].dropna().tolist()
    if cut:
        x.append(cut[1])
        y.append(cut[0])
    out: list[float] = []
    for values, line, pad in ((x, cut and cut[1], 0.06), (y, cut and cut[0], 0.10)):
        low, high = min(values), max(values)
        span = (high - low) or max(abs(high), 1.0) * 0.1
        low, high = low - pad * span, high + pad * span
        if line is not None and cut:
            share = least / (1 - least)
            low, high = min(low, line - share * (high - line)), max(high, line + share * (line - low))
        out += [low, high]
    return out[0], out[1], out[2], out[3]


def _quadrants(ax: Any, cut: tuple[float, float], lang: str, narrow: bool, named: bool) -> list[Any]:
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    texts = []
    for name, (right, above, colour) in QUADRANTS.items():
        if not named:
            break
        xs, ys = ((cut[1], x1) if right else (x0, cut[1])), ((cut[0], y1) if above else (y0, cut[0]))
        ax.fill_between(xs, ys[0], ys[1], color=colour, alpha=0.055, lw=0, zorder=0)
        texts.append(
            ax.annotate(
                wrap(text(f"value.quadrant.{name}", lang), 15 if narrow else 26),
                (float(right), float(above)),
                xycoords="axes fraction",
                xytext=(-5 if right else 5, -5 if above else 5),
                textcoords="offset points",
                ha="right" if right else "left",
                va="top" if above else "bottom",
                multialignment="right" if right else "left",
                color=colour,
                fontsize=9.5,
                zorder=4,
                annotation_clip=False,
            )
        )
    ax.axvline(cut[1], color=GREY, lw=0.9, zorder=1)
    ax.axhline(cut[0], color=GREY, lw=0.9, zorder=1)
    return texts


def _uncertainty(ax: Any, rows: pd.DataFrame, lang: str, confidence: float) -> list[Any]:
    from matplotlib.patches import Ellipse, Patch

    columns = set(rows.columns)
    if {"importance_std_error", "performance_std_error"} <= columns:
        reach = math.sqrt(-2 * math.log(1 - confidence))
        drawn = 0
        together = rows["correlation"].to_numpy(float) if "correlation" in columns else np.zeros(len(rows))
        parts = [rows[c].to_numpy(float) for c in ("performance", "importance", "performance_std_error", "importance_std_error")]
        for x, y, sx, sy, r in zip(*parts, np.nan_to_num(together), strict=True):
            if not (sx > 0 and sy > 0):
                continue
            values, vectors = np.linalg.eigh([[sx * sx, r * sx * sy], [r * sx * sy, sy * sy]])
            sides = 2 * reach * np.sqrt(np.clip(values, 0, None))
            angle = math.degrees(math.atan2(vectors[1, 0], vectors[0, 0]))
            shape = Ellipse((x, y), sides[0], sides[1], angle=angle)
            shape.set(facecolor=NAVY, alpha=0.09, edgecolor="none", zorder=1.2)
            ax.add_patch(shape)
            drawn += 1
        label = text("figure.confidence_region", lang, confidence=confidence)
        return [Patch(facecolor=NAVY, alpha=0.18, label=label)] if drawn else []
    crosses = []
    for c, orientation in (("performance", "x"), ("importance", "y")):
        if {f"{c}_ci_low", f"{c}_ci_high"} <= columns:
            low, high = rows[c] - rows[f"{c}_ci_low"], rows[f"{c}_ci_high"] - rows[c]
            error = np.nan_to_num(np.clip([low, high], 0, None))
            crosses.append(
                ax.errorbar(
                    rows.performance, rows.importance, **{f"{orientation}err": error}, fmt="none", ecolor=NAVY, elinewidth=0.8
                )
            )
    for container in crosses:
        for line in container[2]:
            line.set(alpha=0.35, zorder=1.2)
    if not crosses:
        return []
    crosses[0].set_label(text("figure.interval", lang, confidence=confidence))
    return [crosses[0]]


def _competitors(
    ax: Any, rows: pd.DataFrame, competitors: pd.DataFrame | None, labels: Mapping[str, Any], lang: str, key: str
) -> list[Any]:
    if competitors is None or competitors.empty:
        return []
    own = rows.set_index(key)
    handles = []
    for position, (name, group) in enumerate(competitors.groupby("competitor", sort=False), 1):
        part = group[group[key].isin(own.index)].dropna(subset=["performance"])
        ys = own.loc[part[key], "importance"].to_numpy(float)
        ax.hlines(ys, own.loc[part[key], "performance"], part["performance"], color=PALE, lw=1, zorder=1.4)
        colour, marker = SERIES[position % len(SERIES)], MARKERS[position % len(MARKERS)]
        (line,) = ax.plot(part["performance"], ys, ls="none", marker=marker, ms=4.5, mfc=PAPER, mec=colour, mew=1.1, zorder=2)
        line.set_label(words(labels.get(str(name), str(name)), lang))
        handles.append(line)
    return handles


def _points(ax: Any, rows: pd.DataFrame, cut: tuple[float, float] | None, weak_below: float, lang: str) -> list[Any]:
    from matplotlib.lines import Line2D

    shares = rows["share"] if "share" in rows.columns else pd.Series(np.nan, index=rows.index)
    given = rows["quadrant"] if "quadrant" in rows.columns else pd.Series("", index=rows.index)
    for y, x, share, name in zip(rows["importance"].tolist(), rows["performance"].tolist(), shares, given, strict=True):
        place = name if name in QUADRANTS else quadrant_of(y, x, cut) if cut else ""
        colour = QUADRANTS[place][2] if place and cut else NAVY
        face = PAPER if share < weak_below else colour
        ax.plot(x, y, "o", ms=6, mfc=face, mec=colour, mew=1.4, zorder=3)
    if (shares < weak_below).any():
        word = text("figure.weakly_placed", lang, share=weak_below)
        return [Line2D([], [], ls="none", marker="o", ms=6, mfc=PAPER, mec=INK, mew=1.4, label=word)]
    return []


def _label(
    ax: Any, rows: pd.DataFrame, shown: Sequence[str], corners: Sequence[Any], cut: tuple[float, float] | None, rivals: np.ndarray
) -> bool:
    """Write the labels beside their points, clear of the competitors' (`rivals`); tell whether all found a free place."""
    root = ax.figure.get_figure(root=True)
    root.draw_without_rendering()  # the layout decides where the points are
    renderer = root._get_renderer()
    unit = root.dpi / 72
    points = ax.transData.transform(np.column_stack([rows.performance, rows.importance]))
    box = ax.get_window_extent(renderer)
    frame = np.array([box.x0 + 2 * unit, box.y0 + 2 * unit, box.x1 - 2 * unit, box.y1 - 2 * unit])
    texts = [
        ax.annotate(s, (x, y), xytext=(0, 0), textcoords="offset points", ha="center", va="center", fontsize=_LABEL, zorder=5)
        for s, x, y in zip(shown, rows.performance, rows.importance, strict=True)
    ]
    extents = [t.get_window_extent(renderer) for t in texts]
    sizes = np.array([[e.width + 2 * unit, e.height] for e in extents])
    hard = np.array([c.get_window_extent(renderer).extents for c in corners]).reshape(-1, 4)
    if len(rivals):
        at = ax.transData.transform(rivals)
        hard = np.concatenate([hard, np.concatenate([at - 3 * unit, at + 3 * unit], axis=1)])
    soft = np.empty((0, 4))
    if cut:
        x, y = ax.transData.transform((cut[1], cut[0]))
        soft = np.array([[x - unit, box.y0, x + unit, box.y1], [box.x0, y - unit, box.x1, y + unit]])
    soft = np.concatenate([soft, _crosses(ax, rows, unit)])
    placed = place_labels(points, sizes, 4 * unit, frame, hard, soft, unit)
    for t, extent, point, centre, gap in zip(texts, extents, points, placed.centre, placed.distance, strict=True):
        drawn_at = np.array([(extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2])
        t.set_position(tuple((centre - drawn_at) / unit))
        t.set_in_layout(False)
        if gap > LEADER_FROM * unit:
            half = np.array([extent.width, extent.height]) / 2
            end = np.clip(point, centre - half, centre + half)
            _leader(ax, t.xy, (end - point) / unit)
    return placed.clear


def _crosses(ax: Any, rows: pd.DataFrame, unit: float) -> np.ndarray:
    """Return the boxes of the arms of the crosses, (k, 4), on the canvas; none where there are ellipses."""
    if "importance_std_error" in rows.columns:
        return np.empty((0, 4))
    arms = []
    for c, other in (("importance", "performance"), ("performance", "importance")):
        if {f"{c}_ci_low", f"{c}_ci_high"} <= set(rows.columns):
            order = slice(None, None, -1) if c == "importance" else slice(None)
            low, high = (np.column_stack([rows[f"{c}_ci_{end}"], rows[other]])[:, order] for end in ("low", "high"))
            arms.append(np.concatenate([ax.transData.transform(low) - unit, ax.transData.transform(high) + unit], axis=1))
    found = np.concatenate(arms) if arms else np.empty((0, 4))
    kept: np.ndarray = found[np.isfinite(found).all(axis=1)]
    return kept


def _leader(ax: Any, point: tuple[float, float], offset: np.ndarray) -> None:
    """Draw a thin line from a point to `offset` (in points) from it; it moves with the point."""
    line = ax.annotate(
        "",
        xy=point,
        xytext=tuple(offset),
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.6, "shrinkA": 0, "shrinkB": 4},
        zorder=2.5,
    )
    line.set_in_layout(False)


def _key_height(names: Sequence[str], across: int, narrow: bool) -> float:
    return max(_KEY_LINE * sum(c) for c in _key_columns(names, across, narrow)[1]) + 0.15


def _key_columns(names: Sequence[str], across: int, narrow: bool) -> tuple[list[list[str]], list[list[int]]]:
    """Return the entries of the key, column by column, wrapped, and their numbers of lines."""
    most = (64 if narrow else 110) / across - 2
    entries = [wrap(name, most) for name in names]
    each = math.ceil(len(names) / across)
    columns = [entries[i : i + each] for i in range(0, len(entries), each)]
    return columns, [[e.count("\n") + 1 for e in c] for c in columns]


def _key(fig: Any, names: Sequence[str], across: int, narrow: bool) -> None:
    """Write the numbered names in columns."""
    ax = fig.add_subplot()
    ax.set_axis_off()
    height = _key_height(names, across, narrow)
    ax.set(xlim=(0, 1), ylim=(height, 0))
    number = 0
    columns, heights = _key_columns(names, across, narrow)
    for position, (entries, counts) in enumerate(zip(columns, heights, strict=True)):
        y, x = 0.05, position / across
        for entry, count in zip(entries, counts, strict=True):
            number += 1
            ax.text(x + 0.05 / across * 1.2, y, str(number), ha="right", va="top", fontsize=8, color=GREY)
            ax.text(x + 0.05 / across * 1.2 + 0.012, y, entry, ha="left", va="top", fontsize=8, linespacing=1.15)
            y += _KEY_LINE * count
