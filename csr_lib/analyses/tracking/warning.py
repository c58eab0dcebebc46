"""Tracking: control limits, graded early warning by stated rules, and how often those rules would warn without cause."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.tracking.change import Series, estimates
from csr_lib.analyses.tracking.measures import Followed, Measure
from csr_lib.core.text import LANGUAGES, text, words
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import share_interval
from csr_lib.stats.control import ControlLimits, mean_limits, share_limits, signals
from csr_lib.stats.distributions import t_quantile, t_two_sided

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import Options

Array = np.ndarray
NAN = math.nan

#: Rule -> the level that it raises. All of them look for what is worse, never for what is better.
RULES = {
    "limit": "red",  # beyond the 3σ control limit
    "target_and_drop": "red",  # both of the next two
    "target": "orange",  # the whole interval misses the target
    "drop": "orange",  # worse than the wave before: the headline by itself, the others adjusted for their number
    "run": "yellow",  # 2 of 3 beyond 2σ, 4 of 5 beyond 1σ, or 8 in a row on the bad side of the centre line
    "single_drop": "yellow",  # worse than the wave before, this measure by itself
}
GRADES = ("none", "yellow", "orange", "red")
ALL = "tracking:all"


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the rules look at, with high as good; all (…, W, k), waves and measures.

    ``primary`` (k,) marks the headline, which is tested by itself; ``step`` is the standard error of each wave's change from the
    one before, NaN where the two are not compared; ``z`` the distance from the centre line in standard errors, or NaN.
    """

    mean: Array
    se: Array
    n: Array
    step: Array
    target: Array
    z: Array
    primary: Array


def fired(x: Inputs, at: int, options: Options) -> dict[str, Array]:
    """Return which rules fire at wave `at`: rule -> (…, k) booleans."""
    alpha = 1 - options.confidence
    now, n = x.mean[..., at, :], x.n[..., at, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        below = now + t_quantile(1 - alpha / 2, np.maximum(n - 1, 1)) * x.se[..., at, :] < x.target[..., at, :]
        found = {"target": below}
        if at > 0:
            change = now - x.mean[..., at - 1, :]
            df = np.maximum(np.minimum(n, x.n[..., at - 1, :]) - 1, 1)
            p = np.asarray(t_two_sided(change / x.step[..., at, :], df), dtype=float)
            p = np.where(np.isfinite(change) & np.isfinite(x.step[..., at, :]), p, np.nan)
            worse = change < 0
            found["single_drop"] = worse & (p < alpha)
            together = adjust(np.where(x.primary, np.nan, p), options.adjust)
            found["drop"] = worse & (np.where(x.primary, p, together) < alpha)
        else:
            found["single_drop"] = found["drop"] = np.zeros_like(below)
    seen = signals(np.moveaxis(x.z, -2, -1), "low")
    found["limit"] = seen["beyond_3"][..., at]
    found["run"] = np.logical_or.reduce([seen[r][..., at] for r in ("two_of_three", "four_of_five", "eight_in_row")])
    found["target_and_drop"] = found["target"] & found["drop"]
    return {rule: found[rule] for rule in RULES}


def grade(found: Mapping[str, Array]) -> Array:
    """Return the highest level that the rules raise, as a position in `GRADES`."""
    level = np.zeros_like(next(iter(found.values())), dtype=int)
    for rule, hit in found.items():
        level = np.maximum(level, np.where(hit, GRADES.index(RULES[rule]), 0))
    return level


# ---- control limits


def control(followed: Followed, measures: Sequence[Measure], series: Series, options: Options) -> list[ControlLimits | None]:
    """Return the control limits of each measure; None where the baseline is too short or the question changed."""
    out: list[ControlLimits | None] = []
    for i, measure in enumerate(measures):
        enough = len(followed.waves) > options.baseline and followed.epoch(measure)[-1] == 0
        first = slice(0, options.baseline)
        if not enough or not np.isfinite(series.mean[i, first]).all() or (series.n_effective[i, first] < 2).any():
            out.append(None)
        elif measure.share:
            out.append(share_limits(series.mean[i] / 100, series.n_effective[i], options.baseline))
        else:
            out.append(mean_limits(series.mean[i], series.sd[i], series.n_effective[i], options.baseline))
    return out


def control_table(followed: Followed, limits: Sequence[ControlLimits | None]) -> pd.DataFrame:
    """One row per measure and wave with control limits: centre line, limits, distance in σ, and the rules that signal."""
    rows = []
    for measure, found in zip(followed.measures, limits, strict=True):
        if found is None:
            continue
        scale = 100.0 if measure.share else 1.0
        seen = signals(found.z, "both")
        for t, wave in enumerate(followed.waves):
            rows.append(
                {
                    "measure": measure.key,
                    "wave": wave,
                    "centre": float(found.centre) * scale,
                    "lower": float(found.lower[t]) * scale,
                    "upper": float(found.upper[t]) * scale,
                    "z": float(found.z[t]),
                    "baseline": t < found.baseline,
                    "signal": next((rule for rule in seen if seen[rule][t]), ""),
                }
            )
    return pd.DataFrame(rows)


# ---- what the rules say


def inputs(
    followed: Followed, measures: Sequence[Measure], series: Series, limits: Sequence[ControlLimits | None], correlation: float
) -> Inputs:
    """Turn the estimates into what the rules look at; `correlation` of successive waves' means, above 0 in a panel."""
    sign = np.array([m.sign for m in measures], dtype=float)
    epochs = np.array([followed.epoch(m) for m in measures]).T
    target = np.array([[m.target(w) for m in measures] for w in followed.waves])
    mean, se = series.mean.T, series.se.T
    step = np.full(mean.shape, NAN)
    both = se[1:] ** 2 + se[:-1] ** 2 - 2 * correlation * se[1:] * se[:-1]
    step[1:] = np.where(epochs[1:] == epochs[:-1], np.sqrt(both), NAN)
    z = np.array(
        [np.full(len(followed.waves), NAN) if c is None else m.sign * c.z for m, c in zip(measures, limits, strict=True)]
    )
    primary = np.array([m.key == followed.headline for m in measures])
    return Inputs(mean * sign, se, series.n_effective.T, step, target * sign, z.T, primary)


def overlap_correlation(followed: Followed) -> float:
    """Return how the means of successive waves hang together because the same people answered; 0 without a panel."""
    if not followed.panel:
        return 0.0
    measure, found = followed.measure(followed.headline), []
    for first, second in zip(followed.waves[:-1], followed.waves[1:], strict=True):
        a, b = followed.positions[first], followed.positions[second]
        x, y = (pd.Series(measure.scores[r], index=followed.units(r)) for r in (a, b))
        x, y = x[~x.index.duplicated()], y[~y.index.duplicated()]
        joint = pd.concat([x, y], axis=1, join="inner").dropna()
        if len(joint) > 10:
            r = float(np.corrcoef(joint.T.to_numpy())[0, 1])
            found.append((r if math.isfinite(r) else 0.0) * len(joint) / math.sqrt(len(a) * len(b)))
    return float(np.clip(np.median(found), 0.0, 0.95)) if found else 0.0


def warnings_table(
    followed: Followed, groups: Mapping[str, tuple[Sequence[Measure], Inputs]], options: Options
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every measure's level in the latest wave by group, with the rules that fired; and of all customers in every wave."""
    latest, board = [], []
    last = len(followed.waves) - 1
    for group, (measures, x) in groups.items():
        for t in range(len(followed.waves)) if group == ALL else [last]:
            found = fired(x, t, options)
            level = grade(found)
            for i, measure in enumerate(measures):
                known = bool(np.isfinite(x.mean[t, i]))
                judged = known and (t > 0 or bool(np.isfinite(x.target[t, i])))
                row = {
                    "group": group,
                    "level": measure.level,
                    "measure": measure.key,
                    "wave": followed.waves[t],
                    "n": float(x.n[t, i]),
                    "estimate": float(x.mean[t, i]) * measure.sign,
                    "target": float(x.target[t, i]) * measure.sign,
                    "grade": GRADES[int(level[i])] if judged else "unjudged",
                    "rules": "+".join(_telling([rule for rule in RULES if found[rule][i]])) if judged else "",
                }
                if group == ALL:
                    board.append(row)
                if t == last:
                    latest.append(row)
    return pd.DataFrame(latest), pd.DataFrame(board)


def _telling(rules: list[str]) -> list[str]:
    """Leave out rules that another one of them implies."""
    implied = {"target_and_drop": {"target", "drop", "single_drop"}, "drop": {"single_drop"}}
    gone = {weaker for rule in rules for weaker in implied.get(rule, ())}
    return [rule for rule in rules if rule not in gone]


def by_tier(
    followed: Followed, segment: str, measures: Sequence[Measure], options: Options
) -> tuple[dict[str, Series], list[Any]]:
    """Return the estimates of each group that may be shown; groups too small in a wave have none there."""
    rows: dict[str, list[Array]] = {}
    withheld: list[Any] = []
    everybody = followed.survey.rows
    for t, wave in enumerate(followed.waves):
        found = followed.survey.wave(wave).groups(segment)
        if found.withheld:
            named = (followed.survey.value_label("wave", wave), list(found.withheld))
            hidden = {lang: text("tracking.in_wave", lang, wave=words(named[0], lang), groups=named[1]) for lang in LANGUAGES}
            withheld.append(hidden)
        for group in found:
            places = rows.setdefault(group.value, [np.array([], dtype=int) for _ in followed.waves])
            places[t] = np.flatnonzero(np.isin(everybody, group.survey.rows))
    levels = [v for v in followed.survey.values(segment) if v in rows]
    return {v: estimates(followed, measures, options, rows[v]) for v in levels}, withheld


# ---- how often without cause


def false_alarms(
    followed: Followed, groups: Mapping[str, tuple[Sequence[Measure], Inputs]], options: Options, correlation: float
) -> pd.DataFrame:
    """Simulate waves in which nothing changes, and count how often each level is raised in the latest one.

    With the study's numbers of answers, standard errors, correlations between measures and (in a panel) between waves; every
    measure lies exactly on its target where it has one; control limits are estimated anew from each simulated baseline. Columns
    ``group grade measures per_measure any any_ci_low any_ci_high``: share of measures, and of reports, with at least that level.
    """
    rng = np.random.default_rng(options.seed)
    rows = []
    for group, (measures, x) in groups.items():
        keep = np.isfinite(x.mean[-1]) & np.isfinite(x.mean[-2])
        if not keep.any():
            continue
        chosen = [m for m, k in zip(measures, keep, strict=True) if k]
        level = _simulated(followed, chosen, _of(x, keep), options, correlation, rng)
        for position, name in enumerate(GRADES[1:], 1):
            hit = level >= position
            share = share_interval(hit.any(axis=1).astype(float), level=options.confidence)
            rows.append(
                {
                    "group": group,
                    "grade": name,
                    "measures": len(chosen),
                    "per_measure": float(hit.mean()),
                    "any": share.estimate,
                    "any_ci_low": share.ci_low,
                    "any_ci_high": share.ci_high,
                }
            )
    return pd.DataFrame(rows)


def _of(x: Inputs, keep: Array) -> Inputs:
    return Inputs(*(getattr(x, name)[..., keep] for name in ("mean", "se", "n", "step", "target", "z", "primary")))


def _simulated(
    followed: Followed, measures: Sequence[Measure], x: Inputs, options: Options, correlation: float, rng: np.random.Generator
) -> Array:
    """Return the grade of every measure in every simulated latest wave, (R, k)."""
    runs, (waves, k) = options.simulations, x.mean.shape
    root = _root(_correlations(measures))
    noise = rng.standard_normal((runs, waves, k)) @ root.T
    if correlation:  # who stays answers much as before
        for t in range(1, waves):
            noise[:, t] = correlation * noise[:, t - 1] + math.sqrt(1 - correlation**2) * noise[:, t]
    size = np.where(np.isfinite(x.se), x.se, NAN)
    mean = noise * size
    limited = np.isfinite(x.z).any(axis=0)
    z = np.full(mean.shape, NAN)
    if limited.any():
        first = slice(0, options.baseline)
        weights = x.n[first]
        centre = np.nansum(weights * mean[:, first], axis=1) / np.nansum(weights, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = np.where(limited, (mean - centre[:, None]) / size, NAN)
    target = np.where(np.isfinite(x.target), 0.0, NAN)
    return grade(fired(Inputs(mean, size, x.n, x.step, target, z, x.primary), waves - 1, options))


def _correlations(measures: Sequence[Measure]) -> Array:
    frame = pd.DataFrame({i: m.scores * m.sign for i, m in enumerate(measures)})
    return frame.corr(min_periods=10).fillna(0.0).to_numpy(copy=True)


def _root(correlation: Array) -> Array:
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return root / np.sqrt((root**2).sum(axis=1, keepdims=True))


# ---- the study's own limits


def plain(value: Any) -> float:
    """Return a limit as a number: durations in seconds."""
    return float("nan") if value is None else value.total_seconds() if isinstance(value, timedelta) else float(value)


def by_own_limits(value: float, levels: Any, better: str) -> str:
    """Return the level that a figure reaches on the study's own limits."""
    if math.isnan(value):
        return "unjudged"
    for name in ("red", "orange", "yellow"):
        limit = plain(getattr(levels, name))
        if not math.isnan(limit) and (value >= limit if better == "low" else value <= limit):
            return name
    return "none"
