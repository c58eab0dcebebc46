"""Tracking: the operational part of the report, in units that people use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.tracking import service
from csr_lib.study.operations import Records, open_records, written_duration

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import Options
    from csr_lib.analyses.tracking.change import Series
    from csr_lib.analyses.tracking.measures import Followed

Array = np.ndarray
_SECONDS = {"min": 60.0, "h": 3600.0, "d": 86400.0}
_SCALED = (
    "estimate", "before", "change", "target", "centre", "lower", "upper", "std_error", "ci_low", "ci_high", "change_ci_low",
    "change_ci_high", "mean", "mean_ci_low", "mean_ci_high", "median", "median_ci_low", "median_ci_high", "p90", "p90_ci_low",
    "p90_ci_high", "limit", "length", "yellow", "orange", "red",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Operated:
    """Tables of the operational records, and why others are not there.

    ``units``: metric -> ``percent``, ``min``, ``h``, ``d``, ``count`` or ``value``; tables are in these units.
    """

    records: Records | None = None
    periods: service.Periods | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


def operated(followed: Followed, series: Series, options: Options) -> Operated:
    """Return the operational part; empty where the study has no records."""
    study = followed.survey.study
    if study.operations is None or not study.operations.metrics:
        reasons = ("service", "service_trend", "types", "volume", "breaches", "overdue", "lead_lag", "faults")
        return Operated(missing=dict.fromkeys(reasons, "no_operations"))
    records = open_records(study)
    periods = service.make_periods(records, followed, options)
    trend = service.by_period(records, periods, options)
    types, tests = service.types_table(records, periods, options)
    tables = {
        "service": service.service_table(records, periods, trend, options),
        "service_trend": trend,
        "types": types,
        "types_test": tests,
        "volume": service.volume_table(records, periods),
        "breaches_all": service.breaches_table(trend, types, periods),
        "overdue": service.overdue_table(records, periods),
        "faults": records.faults,
    }
    headline = [m.key for m in followed.measures].index(followed.headline)
    ahead, why = service.leading(trend, periods, series.mean[headline], options)
    missing = {name: "none" for name, frame in tables.items() if frame.empty}
    if why:
        missing["lead_lag"] = why
    else:
        tables["lead_lag"] = ahead
    units = {name: _unit(records, name) for name in records.metrics}
    kept = {name: in_units(frame, units) for name, frame in tables.items() if len(frame)}
    return Operated(records, periods, kept, missing, units)


def _unit(records: Records, name: str) -> str:
    metric = records.metrics[name]
    if metric.kind != "duration":
        return {"rate": "percent", "count": "count"}.get(metric.kind, "value")
    size = next((service.plain(v) for v in (metric.target, metric.limit) if v is not None), None)
    if size is None:
        values = records.values(name)
        size = float(np.nanmedian(values)) if np.isfinite(values).any() else 3600.0
    return written_duration(size)[1]


def in_units(frame: pd.DataFrame, units: Mapping[str, str], key: str = "metric") -> pd.DataFrame:
    """Return a table with a column ``unit`` and its figures in it: shares in per cent, durations in minutes, hours or days."""
    if key not in frame or "correlation" in frame:
        return frame
    factor = frame[key].map(lambda m: {"percent": 100.0}.get(units.get(m, ""), 1 / _SECONDS.get(units.get(m, ""), 1.0)))
    out = frame.copy()
    for column in set(_SCALED) & set(frame.columns):
        out[column] = frame[column].astype(float) * factor
    if "length" not in frame and "rule" in frame:
        return out
    out.insert(list(out.columns).index(key) + 1, "unit", [units.get(m, "") for m in frame[key]])
    return out


def warned(done: Operated, followed: Followed, figures: service.Figures, options: Options) -> pd.DataFrame:
    """Return the study's own limits against the latest figures, in the units of their measures."""
    frame = service.own_limits(done.records, done.periods, followed, figures, options)
    if frame.empty:
        return frame
    out = in_units(frame.rename(columns={"measure": "metric"}), done.units).rename(columns={"metric": "measure"})
    out.insert(2, "unit", [done.units.get(m, "score") for m in frame["measure"]])
    return out


def period_labels(done: Operated, label: Any) -> dict[str, Any]:
    """Return the labels of metrics, periods and types."""
    if done.records is None or done.periods is None:
        return {}
    words = {name: label(name) for name in done.records.metrics}
    words |= {p: label(p) for p in done.periods.names} if done.periods.kind == "wave" else {}
    types = done.tables.get("types")
    if types is not None:
        for name, metric in done.records.metrics.items():
            for key in types.loc[types["metric"] == name, "type"] if metric.by else ():
                code = key.partition("=")[2]
                own = done.records.label(str(metric.by), code)
                words[key] = label(key) if own == code and metric.by in done.records.codes else own
    return words
