"""Tracking: operational and service-level figures by period, types and tiers; targets against actuals; what runs ahead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.tracking.warning import ALL, GRADES, by_own_limits
from csr_lib.analyses.tracking.warning import plain as plain
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import independent_difference, mean_interval, share_interval
from csr_lib.stats.control import individual_limits, share_limits, signals
from csr_lib.stats.lead_lag import lead_lag
from csr_lib.stats.waves import count_interval, quantile_interval

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import Options
    from csr_lib.analyses.tracking.measures import Followed
    from csr_lib.study.operations import Records
    from csr_lib.study.schema_following import Metric

Array = np.ndarray
NAN = math.nan
_QUANTILES = {"median": 0.5, "p90": 0.9, "p95": 0.95}
_FREQUENCIES = {"month": "M", "quarter": "Q", "year": "Y"}
HOUR = 3600.0
#: Measure -> tier -> n, figure and the ends of its interval.
Figures = Mapping[str, Mapping[str, tuple[float, float, float, float]]]
#: Longest overdue records that are listed.
OVERDUE = 10


@dataclass(frozen=True, eq=False)
class Periods:
    """How records are put into periods.

    Attributes
    ----------
    kind : ``wave``, ``month``, ``quarter`` or ``year``.
    names : the periods, oldest first.
    of : (N,) position of each record's period in `names`; −1 for records outside all of them.
    """

    kind: str
    names: tuple[str, ...]
    of: Array

    @property
    def outside(self) -> int:
        """Records that no period holds."""
        return int((self.of < 0).sum())


def make_periods(records: Records, followed: Followed, options: Options) -> Periods:
    """Put the records into periods: those of the waves where they are known, else calendar months.

    A wave's period begins where the wave before ended, so that what happened between two surveys belongs to the later one.
    """
    study, kind = records.study, options.period
    given = study.wave.periods if study.wave else {}
    known = all(w in given for w in followed.waves)
    if kind is None:
        kind = "wave" if "wave" in records.codes or (known and records.time.notna().any()) else "month"
    if kind == "wave" and "wave" in records.codes:
        codes = records.codes["wave"].astype(object)
        return Periods(kind, followed.waves, pd.Index(followed.waves).get_indexer(pd.Index(codes)))
    if records.time.isna().all():
        raise OptionError(
            "the operational records have no time",
            where="options of tracking, period",
            allowed="wave, with a column `wave` under operations.columns",
            mend="name the column of the time under operations.columns",
        )
    if kind == "wave":
        if not known:
            raise OptionError(
                "not every wave has a period",
                where="options of tracking, period",
                allowed=", ".join(_FREQUENCIES),
                mend="add `periods` to `wave` in study.yml",
            )
        return Periods(kind, followed.waves, _by_period(records.time, [given[w] for w in followed.waves]))
    months = records.time.dt.to_period(_FREQUENCIES[kind])
    last = _last_day(given, followed, options)
    if last is not None:
        months = months.where(months.dt.start_time <= pd.Timestamp(last))
    first, end = months.min(), months.max()
    names = pd.period_range(first, end, freq=_FREQUENCIES[kind])
    return Periods(kind, tuple(str(n) for n in names), pd.Index(names).get_indexer(months))


def _by_period(time: pd.Series, periods: list[tuple[date, date]]) -> Array:
    day = time.dt.normalize()
    out = np.full(len(time), -1)
    start = pd.Timestamp(periods[0][0])
    for position, (_, end) in enumerate(periods):
        out[((day >= start) & (day <= pd.Timestamp(end))).to_numpy()] = position
        start = pd.Timestamp(end) + pd.Timedelta(days=1)
    return out


def _last_day(given: Mapping[str, tuple[date, date]], followed: Followed, options: Options) -> date | None:
    return given[followed.latest][1] if options.wave is not None and followed.latest in given else None


# ---- figures


def figure(metric: Metric, values: Array, level: float) -> dict[str, float]:
    """Return a metric's figure from the values of its records, with its interval: share, seconds, count or the column's unit."""
    x = values[~np.isnan(values)]
    n = float(len(x))
    blank = {"n": n, "estimate": NAN, "std_error": NAN, "ci_low": NAN, "ci_high": NAN}
    if metric.kind == "count":
        low, high = count_interval(n, level)
        return blank | {"estimate": n, "std_error": math.sqrt(n), "ci_low": low, "ci_high": high}
    if n == 0:
        return blank
    if metric.kind == "rate":
        m = share_interval(x, level=level)
        return blank | {"estimate": m.estimate, "std_error": m.std_error, "ci_low": m.ci_low, "ci_high": m.ci_high}
    if metric.statistic in _QUANTILES:
        estimate, low, high = quantile_interval(x, _QUANTILES[metric.statistic], level)
        return blank | {"estimate": estimate, "ci_low": low, "ci_high": high}
    m = mean_interval(x, level=level)
    if metric.statistic == "mean":
        return blank | {"estimate": m.estimate, "std_error": m.std_error, "ci_low": m.ci_low, "ci_high": m.ci_high}
    if metric.statistic == "sum":
        return blank | {"estimate": float(x.sum()), "std_error": m.sd * math.sqrt(n)}
    return blank | {"estimate": float(x.min() if metric.statistic == "min" else x.max())}


def status(metric: Metric, row: Mapping[str, Any]) -> str:
    """Say how a figure stands to its target, and whether its interval leaves no doubt; "" without target or figure."""
    target = plain(metric.target)
    if math.isnan(target) or math.isnan(row["estimate"]):
        return ""
    sign = 1 if metric.good == "high" else -1
    near, far = (row["ci_low"], row["ci_high"]) if sign > 0 else (row["ci_high"], row["ci_low"])
    if sign * row["estimate"] >= sign * target:
        return "met_sure" if sign * near >= sign * target else "met"
    return "missed_sure" if sign * far < sign * target else "missed"


def by_period(records: Records, periods: Periods, options: Options) -> pd.DataFrame:
    """One row per metric and period, with the figure, its interval, target and control limits; in each metric's own unit."""
    frames = []
    for name, metric in records.metrics.items():
        values = records.values(name)
        rows = [
            {"metric": name, "period": p, **figure(metric, values[periods.of == t], options.confidence)}
            for t, p in enumerate(periods.names)
        ]
        frame = pd.DataFrame(rows)
        frame["target"] = plain(metric.target)
        frame["status"] = [status(metric, r) for r in rows]
        frames.append(_with_limits(frame, metric, options))
    return pd.concat(frames, ignore_index=True)


def _with_limits(frame: pd.DataFrame, metric: Metric, options: Options) -> pd.DataFrame:
    blank = np.full(len(frame), NAN)
    frame = frame.assign(centre=blank, lower=blank, upper=blank, signal="")
    values = frame["estimate"].to_numpy(dtype=float)
    if len(frame) <= options.baseline or np.isnan(values[: options.baseline]).any():
        return frame
    if metric.kind == "rate":
        found = share_limits(values, frame["n"].to_numpy(), options.baseline, laney=True)
    else:
        found = individual_limits(values, options.baseline)
        frame["lower"] = np.maximum(found.lower, 0.0) if metric.kind != "value" else found.lower
    seen = signals(found.z, "both")
    frame["centre"], frame["upper"] = float(found.centre), found.upper
    if metric.kind == "rate":
        frame["lower"] = found.lower
    frame["signal"] = [next((rule for rule in seen if seen[rule][t]), "") for t in range(len(frame))]
    return frame


def service_table(records: Records, periods: Periods, trend: pd.DataFrame, options: Options) -> pd.DataFrame:
    """One row per metric: the latest period against target and against the period before, tested and adjusted."""
    last = len(periods.names) - 1
    rows = []
    for name, metric in records.metrics.items():
        own = trend[trend["metric"] == name].reset_index(drop=True)
        values = records.values(name)
        now, then = values[periods.of == last], values[periods.of == last - 1]
        rows.append(
            {
                "metric": name,
                "kind": metric.kind,
                "statistic": metric.statistic if metric.kind in ("duration", "value") else metric.kind,
                **_plain_row(own, last, ["n", "estimate", "ci_low", "ci_high", "target", "status", "signal"]),
                "before": own["estimate"].iloc[last - 1] if last else NAN,
                **_step(metric, then, now, options),
                **_within(records, name, metric, periods.of == last, options),
            }
        )
    frame = pd.DataFrame(rows)
    frame["change"] = frame["estimate"] - frame["before"]
    frame["p_adjusted"] = adjust(frame["p_value"].to_numpy(dtype=float), options.adjust)
    return frame


def _plain_row(frame: pd.DataFrame, at: int, columns: list[str]) -> dict[str, Any]:
    return {column: frame[column].iloc[at] for column in columns}


def _step(metric: Metric, before: Array, after: Array, options: Options) -> dict[str, float]:
    """Return interval and test of the change from the period before, where the figure is a mean, a share or a count."""
    x, y = before[~np.isnan(before)], after[~np.isnan(after)]
    blank = {"change_ci_low": NAN, "change_ci_high": NAN, "p_value": NAN}
    if metric.kind == "count":
        from scipy.stats import binomtest

        total = len(x) + len(y)
        return blank | ({"p_value": float(binomtest(len(y), total).pvalue)} if total else {})
    if (metric.kind != "rate" and metric.statistic != "mean") or min(len(x), len(y)) < 2:
        return blank
    t = independent_difference(y, x, kind="none", level=options.confidence)
    return {"change_ci_low": t.ci_low, "change_ci_high": t.ci_high, "p_value": t.p_value}


def _within(records: Records, name: str, metric: Metric, rows: Array, options: Options) -> dict[str, float]:
    """Return the share within the limit; records still open count as outside once they have waited longer than it."""
    if metric.kind != "duration":
        return {"limit": NAN, "within_limit": NAN, "within_limit_ci_low": NAN, "within_limit_ci_high": NAN, "n_open": NAN}
    waiting = records.waiting(name)[rows]
    still = float((~np.isnan(waiting)).sum())
    limit = plain(metric.limit)
    found = {"limit": limit, "within_limit": NAN, "within_limit_ci_low": NAN, "within_limit_ci_high": NAN, "n_open": still}
    kept = kept_limit(records.values(name)[rows], waiting, limit)
    if kept.size:
        m = share_interval(kept, level=options.confidence)
        found |= {"within_limit": m.estimate, "within_limit_ci_low": m.ci_low, "within_limit_ci_high": m.ci_high}
    return found


def kept_limit(taken: Array, waiting: Array, limit: float) -> Array:
    """Return 1 (within) and 0 (beyond the limit) for every record of which that is known."""
    if math.isnan(limit):
        return np.array([])
    done = taken[~np.isnan(taken)] <= limit
    late = waiting[~np.isnan(waiting)] > limit
    return np.concatenate([done.astype(float), np.zeros(int(late.sum()))])


def types_table(records: Records, periods: Periods, options: Options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return durations by type in the latest period (all, and each type of `by`), and whether the types differ at all.

    Types with fewer records than `min_cell` are joined to no other: their figures are blank.
    """
    rows, tests = [], []
    here = periods.of == len(periods.names) - 1
    for name, metric in records.metrics.items():
        if metric.kind != "duration":
            continue
        taken, waiting, limit = records.values(name), records.waiting(name), plain(metric.limit)
        groups = {ALL: here}
        if metric.by:
            kind = _column(records, metric.by)
            groups |= {f"{metric.by}={k}": here & (kind == k) for k in sorted(set(kind[here & ~np.isnan(taken)]) - {""})}
        samples = []
        for key, chosen in groups.items():
            x = taken[chosen & ~np.isnan(taken)]
            row: dict[str, Any] = {
                "metric": name,
                "type": key,
                "n": float(len(x)),
                "limit": limit,
                "target": plain(metric.target),
            }
            keys = [f"{k}{end}" for k in ("mean", "median", "p90", "within_limit") for end in ("", "_ci_low", "_ci_high")]
            row |= dict.fromkeys(keys, NAN)
            if len(x) >= max(2, records.study.min_cell):
                m = mean_interval(x, level=options.confidence)
                middle = quantile_interval(x, 0.5, options.confidence)
                row |= {
                    "mean": m.estimate,
                    "mean_ci_low": m.ci_low,
                    "mean_ci_high": m.ci_high,
                }
                row |= dict(zip(keys[3:6], middle, strict=True))
                row |= dict(zip(keys[6:9], quantile_interval(x, 0.9, options.confidence), strict=True))
                kept = kept_limit(taken[chosen], waiting[chosen], limit)
                if kept.size:
                    s = share_interval(kept, level=options.confidence)
                    row |= {"within_limit": s.estimate, "within_limit_ci_low": s.ci_low, "within_limit_ci_high": s.ci_high}
                if key != ALL:
                    samples.append(x)
            rows.append(row)
        if len(samples) > 1:
            from scipy.stats import kruskal

            h = kruskal(*samples)
            n = sum(map(len, samples))
            found = {"statistic": float(h.statistic), "p_value": float(h.pvalue), "epsilon2": float(h.statistic) / (n - 1)}
            tests.append({"metric": name, "types": len(samples), "n": float(n), **found})
    return pd.DataFrame(rows), pd.DataFrame(tests)


def _column(records: Records, column: str) -> Array:
    """Return the types of the records: a segment's codes, or a column as it stands."""
    if column in records.codes:
        return records.codes[column].astype(object).where(records.codes[column].notna(), "").to_numpy(dtype=object)
    return records.text[column].fillna("").str.strip().to_numpy(dtype=object)


def volume_table(records: Records, periods: Periods) -> pd.DataFrame:
    """One row per period: records, and the figures of what is counted."""
    rows = []
    counted = {name: records.values(name) for name, metric in records.metrics.items() if metric.kind == "count"}
    for t, period in enumerate(periods.names):
        here = periods.of == t
        rows.append({"period": period, "records": int(here.sum())} | {n: float(np.nansum(v[here])) for n, v in counted.items()})
    return pd.DataFrame(rows)


def breaches_table(trend: pd.DataFrame, types: pd.DataFrame, periods: Periods) -> pd.DataFrame:
    """Targets missed: metric by metric in every period, and by type in the latest; latest period first, the surest first."""
    missed = trend[trend["status"].isin(["missed", "missed_sure"])].assign(type=ALL)
    frames = [missed[["metric", "type", "period", "n", "estimate", "ci_low", "ci_high", "target", "status"]]]
    if len(types):
        by = types[(types["type"] != ALL) & (types["mean"] > types["target"])].rename(
            columns={"mean": "estimate", "mean_ci_low": "ci_low", "mean_ci_high": "ci_high"}
        )
        by = by.assign(period=periods.names[-1], status=np.where(by["ci_low"] > by["target"], "missed_sure", "missed"))
        frames.append(by[frames[0].columns])
    frame = pd.concat([f for f in frames if len(f)], ignore_index=True) if any(len(f) for f in frames) else frames[0]
    if frame.empty:
        return frame.reset_index(drop=True)
    place = frame["period"].map({p: i for i, p in enumerate(periods.names)})
    order = (
        pd.DataFrame({"a": -place, "b": frame["status"] != "missed_sure", "c": frame.index}).sort_values(["a", "b", "c"]).index
    )
    return frame.loc[order].reset_index(drop=True)


def overdue_table(records: Records, periods: Periods) -> pd.DataFrame:
    """The records of the latest period that are furthest beyond their limit, those still open with what they have waited."""
    rows = []
    here = periods.of == len(periods.names) - 1
    for name, metric in records.metrics.items():
        limit = plain(metric.limit)
        if metric.kind != "duration" or math.isnan(limit):
            continue
        taken, waiting = records.values(name), records.waiting(name)
        length = np.where(np.isnan(taken), waiting, taken)
        for i in np.flatnonzero(here & (length > limit)):
            rows.append(
                {
                    "metric": name,
                    "row": int(records.rows[i]),
                    "time": str(records.time.iloc[i])[:16] if not pd.isna(records.time.iloc[i]) else "",
                    "length": float(length[i]),
                    "limit": limit,
                    "times_limit": float(length[i] / limit),
                    "open": bool(np.isnan(taken[i])),
                }
            )
    frame = pd.DataFrame(rows, columns=["metric", "row", "time", "length", "limit", "times_limit", "open"])
    return frame.sort_values("times_limit", ascending=False, kind="stable").head(OVERDUE).reset_index(drop=True)


# ---- tiers and own limits


def own_limits(
    records: Records | None, periods: Periods | None, followed: Followed, figures: Figures, options: Options
) -> pd.DataFrame:
    """Hold every rule of `warnings` against the latest figure of its tiers.

    `figures`: measure -> tier -> (n, figure, ends of its interval), for what was asked in the survey. A tier with fewer records
    than `min_cell` has no figure, and is not judged. Rules with a warning stand first, the gravest before the others.
    """
    rows = []
    for name, rule in followed.survey.study.warnings.items():
        metric = records.metrics.get(rule.measure) if records is not None else None
        for tier, levels in rule.tiers.items():
            if metric is not None and records is not None and periods is not None:
                here = periods.of == len(periods.names) - 1
                kind, n, value, ends = str(metric.kind), NAN, NAN, (NAN, NAN)
                if tier == "all" or "tier" in records.codes:
                    here &= (records.codes["tier"] == tier).to_numpy() if tier != "all" else True
                    found = figure(metric, records.values(rule.measure)[here], options.confidence)
                    n = found["n"]
                    if metric.kind == "count" or n >= followed.survey.study.min_cell:  # one record may be one customer
                        value, ends = found["estimate"], (found["ci_low"], found["ci_high"])
            else:
                n, value, *rest = figures.get(rule.measure, {}).get(tier, (NAN, NAN, NAN, NAN))
                kind, ends = "score", (rest[0], rest[1])
            rows.append(
                {
                    "rule": name,
                    "measure": rule.measure,
                    "tier": tier,
                    "group": ALL if tier == "all" else f"tier={tier}",
                    "kind": kind,
                    "n": n,
                    "estimate": value,
                    "ci_low": ends[0],
                    "ci_high": ends[1],
                    "yellow": plain(levels.yellow),
                    "orange": plain(levels.orange),
                    "red": plain(levels.red),
                    "better": rule.better,
                    "grade": by_own_limits(value, levels, rule.better),
                }
            )
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    grave = frame["grade"].map({g: i for i, g in enumerate(GRADES)}).fillna(0)
    worst = grave.groupby(frame["rule"], sort=False).transform("max")
    return frame.loc[(-worst).sort_values(kind="stable").index].reset_index(drop=True)


# ---- what runs ahead


def leading(trend: pd.DataFrame, periods: Periods, satisfaction: Array, options: Options) -> tuple[pd.DataFrame, str]:
    """Return the lagged correlations of every metric with the headline, or why there are none."""
    if periods.kind != "wave":
        return pd.DataFrame(), "not_by_wave"
    wide = trend.pivot_table(index="period", columns="metric", values="estimate", sort=False, dropna=False)
    wide = wide.reindex(index=list(periods.names), columns=list(dict.fromkeys(trend["metric"])))
    try:
        found = lead_lag(wide, satisfaction, options.max_lag, level=options.confidence)
    except AnalysisError:
        return pd.DataFrame(), "few_periods"
    return found.rename(columns={"series": "metric"}), ""
