"""Tracking: estimates of every wave, differences from the wave before, why the headline moved, the same people followed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.tracking.measures import Followed, Measure
from csr_lib.core.errors import AnalysisError
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import MeanEstimate, independent_difference, mean_interval, paired_difference, share_interval
from csr_lib.stats.decomposition import kitagawa
from csr_lib.stats.waves import wave_difference

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import Options

Array = np.ndarray
NAN = math.nan

#: Groups with fewer answers in one of two waves are joined to others before a change is decomposed.
SMALL = 10
OTHERS = "tracking:others"
#: Ends of the levels "low", "middle", "high" of a score from 0 to 100, for the table of transitions.
LEVELS = (50.0, 75.0)
LEVEL_NAMES = ("low", "middle", "high")


@dataclass(frozen=True, eq=False)
class Series:
    """Estimates of measures (rows) by wave (columns), 0–100; NaN where a wave has no answers, or too few to be shown."""

    mean: Array
    se: Array
    sd: Array
    n: Array
    n_effective: Array
    low: Array
    high: Array


def estimates(followed: Followed, measures: Sequence[Measure], options: Options, rows: Sequence[Array] | None = None) -> Series:
    """Return the estimates of `measures`, over `rows` of each wave (all by default)."""
    at = list(rows) if rows is not None else [followed.positions[w] for w in followed.waves]
    shape = (len(measures), len(at))
    out = {k: np.full(shape, NAN) for k in ("mean", "se", "sd", "n", "n_effective", "low", "high")}
    least = max(2, followed.survey.study.min_cell)
    for i, measure in enumerate(measures):
        for t, chosen in enumerate(at):
            values = measure.scores[chosen]
            if np.isfinite(values).sum() < least:
                continue
            m = _estimate(followed, measure, chosen, options.confidence)
            found = (m.estimate, m.std_error, m.sd, m.n, m.n_effective, m.ci_low, m.ci_high)
            for key, value in zip(out, found, strict=True):
                out[key][i, t] = value
    return Series(**out)


def _estimate(followed: Followed, measure: Measure, rows: Array, level: float) -> MeanEstimate:
    values, weights, kind = measure.scores[rows], followed.survey.weights[rows], _kind(followed)
    if not measure.share:
        return mean_interval(values, weights, kind=kind, level=level)
    m = share_interval(values / 100, weights, kind=kind, level=level)
    return MeanEstimate(
        100 * m.estimate, 100 * m.std_error, 100 * m.ci_low, 100 * m.ci_high, 100 * m.sd, m.n, m.n_effective, m.n_missing
    )


def trend_table(followed: Followed, series: Series) -> pd.DataFrame:
    """One row per measure and wave: estimate, interval, target, benchmark-free; ``epoch`` counts changes of the question."""
    rows = []
    for i, measure in enumerate(followed.measures):
        epochs = followed.epoch(measure)
        for t, wave in enumerate(followed.waves):
            rows.append(
                {
                    "level": measure.level,
                    "measure": measure.key,
                    "wave": wave,
                    "n": series.n[i, t],
                    "n_effective": series.n_effective[i, t],
                    "estimate": series.mean[i, t],
                    "std_error": series.se[i, t],
                    "ci_low": series.low[i, t],
                    "ci_high": series.high[i, t],
                    "target": measure.target(wave),
                    "epoch": int(epochs[t]),
                }
            )
    return pd.DataFrame(rows)


def changes_table(followed: Followed, series: Series, options: Options) -> pd.DataFrame:
    """One row per measure: the latest wave against the one before, tested and adjusted for the number of measures compared.

    ``comparable`` is ``yes``, ``changed`` (other wording or scale) or ``no_figure``; only ``yes`` is compared. ``standing`` says
    how the latest figure stands to its target: ``met_sure met missed missed_sure``, "" without target.
    """
    rows = []
    now, before = len(followed.waves) - 1, len(followed.waves) - 2
    for i, measure in enumerate(followed.measures):
        epochs = followed.epoch(measure)
        known = np.isfinite(series.mean[i, [before, now]]).all()
        comparable = "changed" if epochs[now] != epochs[before] else "yes" if known else "no_figure"
        row = {
            "level": measure.level,
            "measure": measure.key,
            "n": series.n[i, now],
            "n_effective": series.n_effective[i, now],
            "before": series.mean[i, before],
            "estimate": series.mean[i, now],
            "ci_low": series.low[i, now],
            "ci_high": series.high[i, now],
            **difference(followed, measure, followed.waves[before], followed.waves[now], options, comparable == "yes"),
            "comparable": comparable,
            "target": measure.target(followed.latest),
        }
        row["standing"] = standing(measure, row["estimate"], row["ci_low"], row["ci_high"], row["target"])
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame["p_adjusted"] = primary(frame, followed.headline, options)
    frame["reading"] = [
        reading(c, p, m.sign, options) for c, p, m in zip(frame["change"], frame["p_adjusted"], followed.measures, strict=True)
    ]
    return frame


def primary(frame: pd.DataFrame, headline: str, options: Options) -> Array:
    """Adjust p-values for their number; the headline is the primary figure and tested by itself."""
    p = frame["p_value"].to_numpy(dtype=float)
    first = (frame["measure"] == headline).to_numpy()
    return np.where(first, p, adjust(np.where(first, np.nan, p), options.adjust))


def reading(change: float, p: float, sign: int, options: Options) -> str:
    """Return ``better``, ``worse``, ``same`` (not told from chance) or "" where nothing was compared."""
    if math.isnan(p) or math.isnan(change):
        return ""
    return "same" if p >= 1 - options.confidence else "better" if change * sign > 0 else "worse"


def standing(measure: Measure, estimate: float, low: float, high: float, target: float) -> str:
    """Say how a figure stands to its target, and whether its interval leaves no doubt."""
    if math.isnan(target) or math.isnan(estimate):
        return ""
    if measure.sign > 0:
        return "met_sure" if low >= target else "met" if estimate >= target else "missed_sure" if high < target else "missed"
    return "met_sure" if high <= target else "met" if estimate <= target else "missed_sure" if low > target else "missed"


def difference(
    followed: Followed, measure: Measure, first: str, second: str, options: Options, compared: bool, rows: Any = None
) -> dict[str, float]:
    """Return the change from one wave to another with interval and p-value; NaN where it is not compared."""
    blank = dict.fromkeys(("change", "change_se", "change_ci_low", "change_ci_high", "p_value"), NAN)
    if not compared:
        return blank
    a, b = rows if rows is not None else (followed.positions[first], followed.positions[second])
    x, y, weights, kind = measure.scores[a], measure.scores[b], followed.survey.weights, _kind(followed)
    if followed.panel:
        d = wave_difference(
            x, y, followed.units(a), followed.units(b), weights[a], weights[b], kind=kind, level=options.confidence
        )
        found = (d.estimate, d.std_error, d.ci_low, d.ci_high, d.p_value)
    else:
        t = independent_difference(y, x, weights[b], weights[a], kind=kind, level=options.confidence)
        found = (t.estimate, t.std_error, t.ci_low, t.ci_high, t.p_value)
    return dict(zip(blank, found, strict=True))


# ---- why the headline moved


def decompositions(followed: Followed, options: Options) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Split the headline's change into composition of the sample and change within groups, segment by segment.

    Returns the parts (a row per segment), the groups, and why segments could not be used.
    """
    measure = followed.measure(followed.headline)
    parts, groups, skipped = [], [], {}
    epochs = followed.epoch(measure)
    if epochs[-1] != epochs[-2]:
        return pd.DataFrame(), pd.DataFrame(), {"*": "changed"}
    for segment in options.segments if options.segments is not None else followed.survey.segments:
        values, codes, weights, units = [], [], [], []
        for wave in followed.waves[-2:]:
            rows = followed.positions[wave]
            known = rows[np.isfinite(measure.scores[rows]) & followed.survey.codes[segment].notna().to_numpy()[rows]]
            values.append(measure.scores[known])
            codes.append(followed.survey.codes[segment].astype(object).to_numpy()[known])
            weights.append(followed.survey.weights[known])
            units.append(followed.units(known) if followed.panel else None)
        joined = _join_small(codes, max(SMALL, followed.survey.study.min_cell))
        if joined is None:
            skipped[segment] = "few_groups"
            continue
        try:
            found = kitagawa(
                (values[0], values[1]),
                (joined[0], joined[1]),
                (weights[0], weights[1]),
                kind=_kind(followed),
                units=(units[0], units[1]) if followed.panel else None,
                resamples=options.bootstrap,
                seed=options.seed,
                level=options.confidence,
            )
        except AnalysisError:
            skipped[segment] = "few_groups"
            continue
        by_part = found.parts.set_index("part")
        row: dict[str, Any] = {"segment": segment, "n": float(len(values[0]) + len(values[1]))}
        for part in ("change", "composition", "within"):
            own = by_part.loc[part]
            row |= {part: own["estimate"], f"{part}_ci_low": own["ci_low"], f"{part}_ci_high": own["ci_high"]}
        row |= {"before": by_part.loc["before", "estimate"], "after": by_part.loc["after", "estimate"]}
        parts.append(row)
        table = found.groups.assign(segment=segment)
        table["group"] = [g if g == OTHERS else f"{segment}={g}" for g in table["group"]]
        groups.append(table)
    if not parts:
        return pd.DataFrame(), pd.DataFrame(), skipped
    frame = pd.DataFrame(parts)
    frame = frame.reindex(frame["composition"].abs().sort_values(ascending=False, kind="stable").index).reset_index(drop=True)
    return frame, pd.concat(groups, ignore_index=True), skipped


def _join_small(codes: list[Array], least: int) -> list[Array] | None:
    """Join groups with too few answers in a wave; None where less than two groups are left."""
    counts = [pd.Series(c).value_counts() for c in codes]
    names = dict.fromkeys(g for c in counts for g in c.index)
    small = {g for g in names if min(int(c.get(g, 0)) for c in counts) < least}
    while small and min(sum(int(c.get(g, 0)) for g in small) for c in counts) < least:
        rest = [g for g in names if g not in small]
        if not rest:
            return None
        small.add(min(rest, key=lambda g: min(int(c.get(g, 0)) for c in counts)))
    out = [np.array([OTHERS if g in small else g for g in c], dtype=object) for c in codes]
    return out if len({g for c in out for g in c}) > 1 else None


# ---- the same people


def panel_tables(followed: Followed, options: Options) -> dict[str, pd.DataFrame]:
    """Return the change of those who answered both waves, who moved between levels, and whether stayers differ from leavers."""
    first, second = followed.waves[-2:]
    a, b = followed.positions[first], followed.positions[second]
    who_a, who_b = (pd.Index(followed.units(r)) for r in (a, b))
    both = who_a.intersection(who_b, sort=False)
    least = max(SMALL, followed.survey.study.min_cell)
    if len(both) < least:
        return {}
    rows_a, rows_b = a[who_a.get_indexer(both)], b[who_b.get_indexer(both)]
    weights, kind = followed.survey.weights[rows_b], _kind(followed)
    found = []
    for measure in followed.measures:
        epochs = followed.epoch(measure)
        x, y = measure.scores[rows_b], measure.scores[rows_a]
        if epochs[-1] != epochs[-2] or (np.isfinite(x) & np.isfinite(y)).sum() < least:
            continue
        d = paired_difference(x, y, weights, kind=kind, level=options.confidence)
        found.append(
            {
                "level": measure.level,
                "measure": measure.key,
                "n": d.n,
                "n_effective": d.n_effective,
                "before": d.mean_y,
                "after": d.mean_x,
                "change": d.estimate,
                "change_ci_low": d.ci_low,
                "change_ci_high": d.ci_high,
                "p_value": d.p_value,
                "d_z": d.d_z,
            }
        )
    if not found:
        return {}
    frame = pd.DataFrame(found)
    frame["p_adjusted"] = primary(frame, followed.headline, options)
    out = {"panel": frame, "attrition": _attrition(followed, a, who_a.isin(both), options)}
    headline = followed.measure(followed.headline)
    if not headline.share and followed.epoch(headline)[-1] == followed.epoch(headline)[-2]:
        out |= _transitions(headline.scores[rows_a], headline.scores[rows_b], weights, followed.survey.study.min_cell)
    return out


def _attrition(followed: Followed, rows: Array, stayed: Array, options: Options) -> pd.DataFrame:
    """Return whether those who dropped out had answered otherwise before: the headline, stayers − leavers."""
    measure, kind = followed.measure(followed.headline), _kind(followed)
    x, w = measure.scores[rows], followed.survey.weights[rows]
    row: dict[str, Any] = {"stayed": int(stayed.sum()), "left": int((~stayed).sum()), "share": float(stayed.mean())}
    keys = ("mean_stayed", "mean_left", "difference", "ci_low", "ci_high", "p_value")
    counts = [int(np.isfinite(x[s]).sum()) for s in (stayed, ~stayed)]
    found = (NAN,) * 6
    if min(counts) >= max(2, followed.survey.study.min_cell):
        t = independent_difference(x[stayed], x[~stayed], w[stayed], w[~stayed], kind=kind, level=options.confidence)
        found = (t.mean_x, t.mean_y, t.estimate, t.ci_low, t.ci_high, t.p_value)
    return pd.DataFrame([row | dict(zip(keys, found, strict=True))])


def _transitions(before: Array, after: Array, weights: Array, min_cell: int) -> dict[str, pd.DataFrame]:
    """Return from which level to which respondents went; levels that fewer than `min_cell` started from are withheld."""
    good = np.isfinite(before) & np.isfinite(after)
    a, b, w = np.digitize(before[good], LEVELS), np.digitize(after[good], LEVELS), weights[good]
    counts = np.array([[w[(a == i) & (b == j)].sum() for j in range(3)] for i in range(3)])
    n = np.array([(a == i).sum() for i in range(3)])
    rows = []
    for i, name in enumerate(LEVEL_NAMES):
        shown = n[i] >= min_cell
        shares = counts[i] / counts[i].sum() if shown else np.full(3, NAN)
        rows.append({"from_level": name, "n": float(n[i]) if shown else NAN, **dict(zip(LEVEL_NAMES, shares, strict=True))})
    up, down = w[b > a].sum(), w[b < a].sum()
    from scipy.stats import binomtest

    moved = int((b > a).sum()), int((b < a).sum())
    p = float(binomtest(moved[0], sum(moved)).pvalue) if sum(moved) else NAN
    total = float(w.sum())
    summary = {"n": float(len(a)), "rose": up / total, "stayed": 1 - (up + down) / total, "fell": down / total, "p_value": p}
    return {"transitions": pd.DataFrame(rows), "moves": pd.DataFrame([summary])}


def _kind(followed: Followed) -> Any:
    return followed.survey.weight_kind
