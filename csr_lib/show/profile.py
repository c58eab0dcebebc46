"""Gap profile (expectation against perception, indicator by indicator) and gap bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import Rows, label_values, legend_above, need_columns, value_column, whiskers
from csr_lib.show.theme import GREEN, GREY, INK, NAVY, PALE, PAPER, RED, TEAL

#: How a gap reads -> colour and dashes.
_READINGS: dict[str, tuple[str, Any]] = {
    "shortfall": (RED, "-"),
    "surplus": (GREEN, "-"),
    "undetermined": (GREY, (0, (3, 2))),
}


def gap_profile(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "indicator",
    group_by: str | None = "construct",
    confidence: float = 0.95,
    axis_label: str | None = None,
    limits: tuple[float, float] | None = None,
) -> Drawing:
    """Draw expectation and perception of every indicator on one line, with the gap between them.

    Parameters
    ----------
    frame : columns `key`, ``expectation``, ``perception``; where there are, their ``…_ci_low`` and ``…_ci_high``,
        ``gap``, and ``adequate`` (the zone of tolerance, adequate to expected, is drawn as a band). One row of the chart per
        row, in order; what is missing in a row is not drawn.
    labels : key -> label.
    group_by : column whose values head groups of rows, where it is there.
    limits : of the axis in scale points; from the data by default.
    """
    need_columns(frame, [key, "expectation", "perception"], "gap_profile")
    rows = _rows(frame, labels, lang, key, group_by)
    gaps = frame["gap"] if "gap" in frame.columns else frame["perception"] - frame["expectation"]
    readings = _readings(gaps, frame, "gap")
    zone = "adequate" in frame.columns and bool(frame["adequate"].notna().any())

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        ax, ys = rows.axes(fig, narrow)
        expected, perceived = frame["expectation"].to_numpy(float), frame["perception"].to_numpy(float)
        if zone:
            adequate = frame["adequate"].to_numpy(float)
            left = np.fmin(adequate, expected)
            ax.barh(ys, np.abs(expected - adequate), left=left, height=0.17, color=TEAL, alpha=0.16, lw=0, zorder=1.5)
        for y, e, p, reading in zip(ys, expected, perceived, readings, strict=True):
            if reading:
                colour, dash = _READINGS[reading]
                ax.plot([e, p], [y, y], color=colour, ls=dash, lw=1.6, alpha=0.8, zorder=2, solid_capstyle="butt")
        whiskers(ax, frame, "expectation", ys, TEAL)
        whiskers(ax, frame, "perception", ys, NAVY)
        ax.plot(expected, ys, ls="none", marker="D", ms=5, mfc=PAPER, mec=TEAL, mew=1.4, zorder=3)
        ax.plot(perceived, ys, ls="none", marker="o", ms=6, color=NAVY, zorder=3)
        ax.use_sticky_edges = False
        ax.margins(x=0.05)
        if limits:
            ax.set_xlim(*limits)
        value_column(ax, ys, [number(g, "signed") for g in gaps], text("column.gap", lang))
        label_values(ax, axis_label or text("axis.scale_points", lang), narrow)
        handles: list[Any] = [
            Line2D([], [], ls="none", marker="D", ms=5, mfc=PAPER, mec=TEAL, mew=1.4, label=text("column.expectation", lang)),
            Line2D([], [], ls="none", marker="o", ms=6, color=NAVY, label=text("column.perception", lang)),
        ]
        for reading, (colour, dash) in _READINGS.items():
            if reading in readings:
                handles.append(Line2D([], [], color=colour, ls=dash, lw=1.6, label=text(f"figure.{reading}", lang)))
        if {"perception_ci_low", "expectation_ci_low"} & set(frame.columns):
            handles.append(
                Line2D([], [], color=NAVY, lw=4, alpha=0.25, label=text("figure.interval", lang, confidence=confidence))
            )
        if zone:
            handles.append(Patch(facecolor=TEAL, alpha=0.2, label=text("figure.tolerance", lang)))
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False), rows.size(True, 1.45))


def gap_bars(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "indicator",
    group_by: str | None = None,
    value: str = "gap",
    confidence: float = 0.95,
    axis_label: str | None = None,
    kind: str = "signed",
    sort: bool = False,
) -> Drawing:
    """Draw differences as bars from zero, with their intervals.

    Parameters
    ----------
    frame : columns `key`, `value` and, where there are, ``<value>_ci_low``/``<value>_ci_high`` or ``ci_low``/``ci_high``.
    sort : the largest shortfall first.
    kind : format of the values, one of `csr_lib.core.text.FORMATS`.
    """
    need_columns(frame, [key, value], "gap_bars")
    data = frame.sort_values(value, kind="stable") if sort else frame
    readings = _readings(data[value], data, value)
    rows = _rows(data, labels, lang, key, None if sort else group_by)

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        ax, ys = rows.axes(fig, narrow)
        values = data[value].to_numpy(float)
        handles: list[Any] = []
        for reading, (colour, _) in _READINGS.items():
            at = [i for i, r in enumerate(readings) if r == reading]
            if at:
                hatch: dict[str, Any] = {"hatch": "////", "edgecolor": PAPER, "lw": 0} if reading == "undetermined" else {}
                ax.barh(np.array(ys)[at], values[at], height=0.17, color=colour, alpha=0.8, zorder=2, **hatch)
                handles.append(Patch(facecolor=colour, alpha=0.8, label=text(f"figure.{reading}", lang), **hatch))
        drawn = whiskers(ax, data, value, ys, INK, thin=True)
        ax.axvline(0, color=INK, lw=0.9, zorder=2.2)
        value_column(ax, ys, [number(v, kind) for v in values], text("column.gap", lang) if value == "gap" else "")
        label_values(ax, axis_label or text("axis.gap", lang), narrow)
        ax.use_sticky_edges = False
        ax.margins(x=0.06)
        if drawn:
            handles.append(Line2D([], [], color=INK, lw=1, label=text("figure.interval", lang, confidence=confidence)))
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False), rows.size(True, 1.3))


def radar(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    key: str = "construct",
    series: Sequence[str] = ("expectation", "perception"),
    limits: tuple[float, float] | None = None,
) -> Drawing:
    """Draw three or more dimensions as a radar, one closed line per column of `series`.

    Parameters
    ----------
    frame : columns `key` and `series`, one row per dimension.
    limits : innermost and outermost value; by default whole or half scale points around the data. The rings carry their
        values, because the centre is seldom the lowest point of the scale.

    Raises OptionError for fewer than three dimensions.
    """
    need_columns(frame, [key, *series], "radar")
    if len(frame) < 3:
        from csr_lib.core.errors import OptionError

        raise OptionError(f"a radar needs three dimensions, not {len(frame)}", where="radar", mend="show them as a gap profile")
    names = [words(labels.get(k, k), lang) for k in frame[key]]
    values = frame[list(series)].to_numpy(float)
    low, high = limits or (np.floor(2 * np.nanmin(values) - 0.5) / 2, np.ceil(2 * np.nanmax(values)) / 2)

    def draw(fig: Any, narrow: bool) -> None:
        from csr_lib.show.theme import FONT_SIZE
        from csr_lib.show.wrap import wrap

        ax = fig.add_subplot(projection="polar")
        ax.set_theta_offset(np.pi / 2)
        ax.set_theta_direction(-1)
        angles = np.linspace(0, 2 * np.pi, len(names), endpoint=False)
        ring = np.append(angles, angles[0])
        styles = ((TEAL, "D", (0, (5, 2)), PAPER), (NAVY, "o", "-", NAVY), (GREY, "s", ":", PAPER))
        handles = []
        for column, (colour, marker, dash, face) in zip(series, styles, strict=False):
            line = frame[column].to_numpy(float)
            (drawn,) = ax.plot(ring, np.append(line, line[0]), color=colour, marker=marker, ls=dash, lw=1.8, ms=5, mfc=face)
            drawn.set_label(words(labels.get(column, text(f"column.{column}", lang)), lang))
            handles.append(drawn)
        ax.fill(ring, np.append(values[:, -1], values[0, -1]), color=NAVY, alpha=0.07, lw=0)
        ax.set_ylim(low, high)
        ax.set_xticks(angles, [])
        step = next(s for s in (0.25, 0.5, 1, 2, 5, 10, 20, 50) if (high - low) / s <= 5)
        rings = np.arange(np.ceil(low / step) * step, high + step / 10, step)
        ax.set_yticks(rings, [f"{r:g}" for r in rings], fontsize=FONT_SIZE - 1.5, color=GREY, zorder=4)
        for ring_label in ax.get_yticklabels():
            ring_label.set_bbox({"facecolor": PAPER, "edgecolor": "none", "pad": 0.4, "alpha": 0.8})
        ax.set_rlabel_position(180 / len(names))
        ax.spines["polar"].set_color(PALE)
        for angle, name in zip(angles, names, strict=True):
            side, up = np.sin(angle), np.cos(angle)
            # on a phone the words stand above and below the tips, or the picture would be all margin
            across = "center" if narrow or abs(side) < 0.2 else "left" if side > 0 else "right"
            if narrow and abs(up) < 0.6:
                up = 1.0 if up > -0.2 else -1.0
            ax.annotate(
                wrap(name, 14 if narrow else 24),
                (angle, high),
                xytext=(6 * side, (10 if narrow else 6) * up),
                textcoords="offset points",
                ha=across,
                va="center" if abs(up) < 0.6 else "bottom" if up > 0 else "top",
                annotation_clip=False,
            )
        legend_above(fig, handles, narrow)

    return Drawing(draw, (7.2, 4.4), (4.2, 4.4))


def _readings(gaps: pd.Series[Any], frame: pd.DataFrame, name: str) -> list[str]:
    """Return how each gap reads: ``shortfall``, ``surplus``, ``undetermined`` (its interval holds zero), "" for none."""
    pairs = ((f"{name}_ci_low", f"{name}_ci_high"), ("ci_low", "ci_high"))
    pair = next((p for p in pairs if set(p) <= set(frame.columns)), None)
    unknown = np.full((2, len(frame)), np.nan)
    low, high = (frame[c].to_numpy(float) for c in pair) if pair else unknown
    return [
        "" if np.isnan(gap) else "undetermined" if below <= 0 <= above else "shortfall" if gap < 0 else "surplus"
        for gap, below, above in zip(gaps.to_numpy(float), low, high, strict=True)
    ]


def _rows(frame: pd.DataFrame, labels: Mapping[str, Any], lang: str, key: str, group_by: str | None) -> Rows:
    def named(column: str) -> tuple[str, ...]:
        return tuple(words(labels.get(k, k), lang) for k in frame[column])

    return Rows(named(key), named(group_by) if group_by and group_by in frame.columns else ())
