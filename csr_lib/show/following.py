"""What is followed over time: panels with control limits, a board of warnings, times against limits, leads and lags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.text import number, text, words
from csr_lib.show.figure import Drawing
from csr_lib.show.marks import Rows, label_values, legend_above, need_columns, panel_title, value_column
from csr_lib.show.theme import AMBER, GREEN, GREY, INK, MARKERS, NAVY, PALE, PAPER, RED, SERIES
from csr_lib.show.wrap import width, wrap

#: Grade -> sign, colour of the cell, colour of the sign: told by sign and colour.
GRADES = {
    "none": ("○", "#e6f0e6", GREEN),
    "yellow": ("△", "#ffe68a", INK),
    "orange": ("▲", "#f4a340", INK),
    "red": ("■", RED, PAPER),
    "unjudged": ("–", PAPER, GREY),
}
#: Grade -> marker that looks like its sign, whether it is filled, and its size in points.
SIGNS = {
    "none": ("o", False, 6.0),
    "yellow": ("^", False, 6.5),
    "orange": ("^", True, 6.5),
    "red": ("s", True, 6.0),
    "unjudged": ("_", True, 5.0),
}


def panels(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    facet: str = "measure",
    key: str = "wave",
    kinds: Mapping[str, str] | None = None,
    kind: str = "score",
    confidence: float = 0.95,
    alone: bool = False,
) -> Drawing:
    """Draw small charts side by side, one per `facet`: figures with intervals, target, centre line and control limits.

    Parameters
    ----------
    frame : columns `facet`, `key`, ``estimate``; where there are, ``ci_low ci_high target centre lower upper`` and ``signal`` (a
        rule's name, "" for none): signals are ringed. Periods in order.
    kinds : facet -> format of its numbers, else `kind`.
    alone : one chart over the whole width.
    """
    need_columns(frame, [facet, key, "estimate"], "panels")
    facets = list(dict.fromkeys(frame[facet]))
    periods = list(dict.fromkeys(frame[key]))

    def draw(fig: Any, narrow: bool) -> None:
        across = 1 if narrow or alone else 2
        down = -(-len(facets) // across)
        axes = np.atleast_1d(fig.subplots(down, across, squeeze=False)).ravel()
        handles: dict[str, Any] = {}
        for ax, name in zip(axes, facets, strict=False):
            part = frame[frame[facet] == name].set_index(key).reindex(periods).reset_index()
            _panel(ax, part, (kinds or {}).get(str(name), kind), lang, confidence, handles)
            if not alone:
                panel_title(ax, wrap(words(labels.get(str(name), str(name)), lang), 44), NAVY)
            _period_ticks(ax, periods, labels, lang, 46 if narrow else 92 / across)
        for ax in axes[len(facets) :]:
            ax.set_axis_off()
        order = [k for k in ("interval", "target", "centre", "limits", "signal") if k in handles]
        legend_above(fig, [handles[k] for k in order], narrow)

    down = -(-len(facets) // 2)
    if alone:
        return Drawing(draw, (7.2, 3.6), (4.2, 3.6))
    return Drawing(draw, (7.2, 0.7 + 1.95 * down), (4.2, 1.1 + 1.95 * len(facets)))


def _panel(ax: Any, part: pd.DataFrame, kind: str, lang: str, confidence: float, handles: dict[str, Any]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    x = np.arange(len(part))
    ax.grid(axis="y")
    if "lower" in part and part["upper"].notna().any():
        low = part["lower"].fillna(-np.inf).to_numpy(float)
        for side in ("lower", "upper"):
            if part[side].notna().any():
                ax.step(x, part[side].astype(float), where="mid", color=GREY, lw=0.9)
        good = np.isfinite(low) & part["upper"].notna().to_numpy()
        ax.fill_between(
            x, part["lower"].astype(float), part["upper"].astype(float), where=good, step="mid", color=PALE, alpha=0.45, lw=0
        )
        ax.plot(x, part["centre"].astype(float), color=GREY, lw=0.9, ls=(0, (5, 2)))
        handles.setdefault("centre", Line2D([], [], color=GREY, lw=0.9, ls=(0, (5, 2)), label=text("following.centre", lang)))
        handles.setdefault("limits", Patch(facecolor=PALE, edgecolor=GREY, label=text("following.limits", lang)))
    if "target" in part and part["target"].notna().any():
        ax.step(x, part["target"].astype(float), where="mid", color=AMBER, lw=1.3, ls=(0, (3, 1.5)))
        handles.setdefault("target", Line2D([], [], color=AMBER, lw=1.3, ls=(0, (3, 1.5)), label=text("following.target", lang)))
    if {"ci_low", "ci_high"} <= set(part.columns) and part["ci_low"].notna().any():
        ax.vlines(x, part["ci_low"].astype(float), part["ci_high"].astype(float), color=NAVY, lw=1.1, alpha=0.55)
        handles.setdefault(
            "interval", Line2D([], [], color=NAVY, lw=1.1, alpha=0.55, label=text("figure.interval", lang, confidence=confidence))
        )
    ax.plot(x, part["estimate"].astype(float), color=NAVY, marker="o", ms=4, lw=1.5, zorder=3)
    if "signal" in part:
        hit = (part["signal"].fillna("") != "").to_numpy()
        if hit.any():
            ax.plot(
                x[hit], part["estimate"].astype(float)[hit], ls="none", marker="o", ms=10, mfc="none", mec=RED, mew=1.4, zorder=4
            )
            handles.setdefault(
                "signal",
                Line2D([], [], ls="none", marker="o", ms=9, mfc="none", mec=RED, mew=1.4, label=text("following.signal", lang)),
            )
    ax.yaxis.set_major_locator(_few_ticks())
    ax.yaxis.set_major_formatter(_plain_ticks(kind))
    ax.margins(y=0.12)
    ax.set_xlim(-0.5, len(part) - 0.5)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5)


def _plain_ticks(kind: str) -> Any:
    """Return a formatter that writes whole numbers without decimals where all ticks of the axis are whole."""
    from matplotlib.ticker import Formatter

    class PlainTicks(Formatter):
        def format_ticks(self, values: Any) -> list[str]:
            whole = kind == "score" and all(abs(v - round(v)) < 1e-9 for v in values)
            return [number(float(v), "count" if whole else kind) for v in values]

        def __call__(self, x: float, pos: int | None = None) -> str:
            return number(x, kind)

    return PlainTicks()


def _period_ticks(ax: Any, periods: Sequence[Any], labels: Mapping[str, Any], lang: str, room: float) -> None:
    """Write as many periods as there is room for, the last one always."""
    shown = [words(labels.get(str(p), str(p)), lang) for p in periods]
    widest = max(width(s) for s in shown) + 2
    step = max(1, int(np.ceil(len(shown) * widest / room)))
    at = list(range(len(shown) - 1, -1, -step))[::-1]
    ax.set_xticks(at, [shown[i] for i in at])


def board(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Any],
    lang: str,
    columns: Sequence[Any],
    key: str = "measure",
    column: str = "wave",
    group_by: str | None = None,
) -> Drawing:
    """Draw a board of warnings: one row per `key`, one cell per value of `column`, each with its grade as sign and colour.

    Parameters
    ----------
    frame : columns `key`, `column`, ``grade`` (a key of `GRADES`); a pair that is not there is an empty cell.
    columns : values of `column`, in order.
    group_by : column whose values head groups of rows.
    """
    need_columns(frame, [key, column, "grade"], "board")
    places = frame.drop_duplicates(key)
    names = tuple(words(labels.get(str(k), str(k)), lang) for k in places[key])
    groups = tuple(words(labels.get(str(g), str(g)), lang) for g in places[group_by]) if group_by else ()
    rows = Rows(names, groups)
    heads = [words(labels.get(str(c), str(c)), lang) for c in columns]
    found = {(str(r[key]), str(r[column])): str(r["grade"]) for r in frame.to_dict("records")}

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.collections import PolyCollection
        from matplotlib.patches import Patch

        ax, ys = rows.axes(fig, narrow)
        ax.grid(False)
        ax.set_xlim(0, len(columns))
        cells = [
            (x, y, found.get((str(name), str(value)), "unjudged"))
            for y, name in zip(ys, places[key], strict=True)
            for x, value in enumerate(columns)
        ]
        for name in GRADES:  # one collection and one line a grade: hundreds of single patches and words take seconds
            own = np.array([(x, y) for x, y, grade in cells if grade == name]).reshape(-1, 2)
            _, face, ink = GRADES[name]
            corners = own[:, None, :] + np.array([(0.04, -0.12), (0.96, -0.12), (0.96, 0.12), (0.04, 0.12)])
            ax.add_collection(PolyCollection(corners, facecolors=face, edgecolors=PALE, linewidths=0.6), autolim=False)
            marker, filled, size = SIGNS[name]
            ax.plot(
                own[:, 0] + 0.5, own[:, 1], ls="none", marker=marker, ms=size, mfc=ink if filled else "none", mec=ink, mew=0.9,
                zorder=3,
            )  # fmt: skip
        room = (40 if narrow else 62) / max(1, len(columns))
        most = max(width(h) for h in heads)
        step = max(1, int(np.ceil((most + 1) / room))) if all(" " not in h for h in heads) and len(heads) > 6 else 1
        at = list(range(len(heads) - 1, -1, -step))[::-1]
        ax.set_xticks([i + 0.5 for i in at], [wrap(heads[i], max(room * step, 5)) for i in at])
        ax.xaxis.tick_top()
        ax.tick_params(axis="x", length=0)
        for side in ("top", "bottom"):
            ax.spines[side].set_visible(False)
        used = [g for g in GRADES if g in set(found.values())]
        handles = [
            Patch(facecolor=GRADES[g][1], edgecolor=GREY, lw=0.5, label=f"{GRADES[g][0]} {text(f'value.grade.{g}', lang)}")
            for g in used
        ]
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False, 0.95), rows.size(True, 1.1))


def times_against_limits(
    frame: pd.DataFrame, *, labels: Mapping[str, Any], lang: str, confidence: float = 0.95, group_by: str = "metric"
) -> Drawing:
    """Draw mean, median and 90th percentile of durations by type, each as a share of its limit; 100 % is the limit.

    Parameters
    ----------
    frame : columns ``metric type n mean median p90 limit unit``; where there are, ``mean_ci_low mean_ci_high target``.
    """
    need_columns(frame, ["metric", "type", "mean", "median", "p90", "limit"], "times_against_limits")
    data = frame.dropna(subset=["mean", "limit"]).reset_index(drop=True)
    need_columns(data, ["metric"], "times_against_limits")
    heads = tuple(words(labels.get(str(g), str(g)), lang) for g in data[group_by])
    rows = Rows(tuple(words(labels.get(str(t), str(t)), lang) for t in data["type"]), heads)
    relative = {c: data[c].to_numpy(float) / data["limit"].to_numpy(float) for c in ("mean", "median", "p90")}

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.lines import Line2D

        ax, ys = rows.axes(fig, narrow)
        y = np.array(ys)
        ax.hlines(y, relative["median"], relative["p90"], color=NAVY, lw=3.5, alpha=0.22)
        if {"mean_ci_low", "mean_ci_high"} <= set(data.columns):
            limit = data["limit"].to_numpy(float)
            ax.hlines(y, data["mean_ci_low"] / limit, data["mean_ci_high"] / limit, color=NAVY, lw=1.2)
        ax.plot(relative["mean"], y, ls="none", marker="o", ms=6, color=NAVY, zorder=3)
        ax.plot(relative["median"], y, ls="none", marker="|", ms=9, mew=1.8, color=NAVY, zorder=3)
        ax.plot(relative["p90"], y, ls="none", marker=">", ms=5.5, color=GREY, zorder=3)
        ax.axvline(1, color=RED, lw=1.3)
        handles = [
            Line2D([], [], ls="none", marker="o", ms=6, color=NAVY, label=text("following.mean", lang, confidence=confidence)),
            Line2D([], [], ls="none", marker="|", ms=9, mew=1.8, color=NAVY, label=text("following.median", lang)),
            Line2D([], [], ls="none", marker=">", ms=5.5, color=GREY, label=text("following.p90", lang)),
            Line2D([], [], color=RED, lw=1.3, label=text("following.limit", lang)),
        ]
        if "target" in data and data["target"].notna().any():
            goal = data["target"].to_numpy(float) / data["limit"].to_numpy(float)
            ax.plot(goal, y, ls="none", marker="D", ms=6, mfc=PAPER, mec=AMBER, mew=1.5, zorder=2.8)
            handles.append(
                Line2D([], [], ls="none", marker="D", ms=6, mfc=PAPER, mec=AMBER, mew=1.5, label=text("following.target", lang))
            )
        ax.set_xlim(left=0)
        ax.xaxis.set_major_formatter(lambda v, _: number(v, "percent"))
        label_values(ax, text("following.share_of_limit", lang), narrow)
        units = data["unit"] if "unit" in data else [""] * len(data)
        written = [
            text(
                "following.time_of",
                lang,
                mean=number(m, "score"),
                limit=number(b, "decimal").rstrip("0").rstrip("."),
                unit=text(f"value.unit.{u}", lang),
            )
            for m, b, u in zip(data["mean"], data["limit"], units, strict=True)
        ]
        value_column(ax, ys, written)
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False, 1.05), rows.size(True, 1.5))


def lags(frame: pd.DataFrame, *, labels: Mapping[str, Any], lang: str, key: str = "metric", confidence: float = 0.95) -> Drawing:
    """Draw correlations by lag with their intervals, one row of marks per lag under each `key`.

    Parameters
    ----------
    frame : columns `key`, ``lag estimate ci_low ci_high``; ``p_adjusted`` fills the mark where it is below 1 − `confidence`.
    """
    need_columns(frame, [key, "lag", "estimate", "ci_low", "ci_high"], "lags")
    data = frame.dropna(subset=["estimate"]).reset_index(drop=True)
    heads = tuple(words(labels.get(str(k), str(k)), lang) for k in data[key])
    rows = Rows(tuple(text("following.lag", lang, lag=int(v)) for v in data["lag"]), heads, tall=0.25)

    def draw(fig: Any, narrow: bool) -> None:
        from matplotlib.lines import Line2D

        ax, ys = rows.axes(fig, narrow)
        ax.axvline(0, color=GREY, lw=0.9)
        ax.hlines(ys, data["ci_low"], data["ci_high"], color=NAVY, lw=1.2)
        sure = (data["p_adjusted"] < 1 - confidence).to_numpy() if "p_adjusted" in data else np.zeros(len(data), bool)
        y = np.array(ys)
        for hit, face in ((sure, NAVY), (~sure, PAPER)):
            ax.plot(data["estimate"][hit], y[hit], ls="none", marker=MARKERS[0], ms=6, mfc=face, mec=SERIES[0], mew=1.3, zorder=3)
        ax.set_xlim(-1, 1)
        label_values(ax, text("following.correlation", lang), narrow)
        value_column(ax, ys, [number(v, "signed") for v in data["estimate"]])
        style: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 6, "mec": NAVY, "mew": 1.3}
        handles = [
            Line2D([], [], mfc=NAVY, label=text("following.sure", lang), **style),
            Line2D([], [], mfc=PAPER, label=text("following.unsure", lang), **style),
        ]
        legend_above(fig, handles, narrow)

    return Drawing(draw, rows.size(False, 0.95), rows.size(True, 1.0))
