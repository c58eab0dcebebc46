"""Data quality: how questionnaires came back day by day, by wave and group, and where that levels off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.data_quality.base import ALL, NAN, Array, Base
from csr_lib.core.errors import AnalysisError
from csr_lib.stats.return_curve import FieldPhase, ReturnCurve, field_phase, return_curve

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options

#: A gap of so many days without a return, between returns, means that there were two field periods.
GAP = 21


@dataclass(frozen=True, eq=False)
class Returned:
    """Tables ``curves`` (one row per wave or group) and ``daily`` (one per day of each); `why` there are none."""

    tables: dict[str, pd.DataFrame]
    why: str = ""


def returns(base: Base, by: list[str], issued: dict[tuple[str, str], float], options: Options) -> Returned:
    """Count returns by day, and fit a curve wherever daily returns fall.

    Parameters
    ----------
    by : segments taken apart, in the latest wave.
    issued : (segment, value) -> questionnaires sent out; (``all``, ``all``) for the whole. The level cannot be above them.
    """
    survey = base.survey
    column = survey.study.submitted
    if column is None:
        return Returned({}, "no_times")
    times = survey.data.frame[column].iloc[base.rows].reset_index(drop=True)
    known = times.notna().to_numpy() & base.returned
    if not known.any():
        return Returned({}, "no_times")
    days = times.dt.normalize()
    parts: list[tuple[str, str, Array]] = []
    waves = survey.waves
    if len(waves) > 1:
        parts += [("wave", w, (base.codes["wave"] == w).to_numpy() & known) for w in waves]
        latest, title = parts[-1][2], waves[-1]
    else:
        parts.append((ALL, ALL, known))
        latest, title = known, ALL
    for segment in by:
        shown, _ = base.groups(segment)
        parts += [(segment, v, (base.codes[segment] == v).to_numpy() & latest) for v in shown]
    still = issued.get((ALL if title == ALL else "wave", title), NAN) - float(latest.sum())
    curves, daily = [], []
    for segment, value, here in parts:
        if not here.any():
            continue
        sent = most = issued.get((segment, value), NAN)
        if math.isnan(sent) and segment not in (ALL, "wave"):  # a group can only get what the whole still lacks
            most = float(here.sum()) + still
        row, own = _one(days[here], sent, most, options)
        key = {"segment": segment, "group": value if segment in (ALL, "wave") else f"{segment}={value}"}
        curves.append({**key, "wave": title if segment not in (ALL, "wave") else "", **row})
        daily.append(own.assign(**key))
    tables = {"curves": pd.DataFrame(curves), "daily": pd.concat(daily, ignore_index=True)}
    tables["daily"] = tables["daily"][["segment", "group", "day", "n", "cumulated", "fitted"]]
    return Returned(tables)


def _one(days: pd.Series, issued: float, most: float, options: Options) -> tuple[dict[str, Any], pd.DataFrame]:
    """Count one group's days and fit its curve, which cannot go beyond `most` (NaN: not known), where that may be done."""
    counts = days.value_counts().sort_index()
    whole = pd.date_range(counts.index[0], counts.index[-1])
    gaps = counts.index.to_series().diff().dt.days.max()
    counts = counts.reindex(whole, fill_value=0)
    c = counts.to_numpy(dtype=float)
    row: dict[str, Any] = {
        "n": int(c.sum()),
        "issued": issued,
        "first": str(whole[0].date()),
        "last": str(whole[-1].date()),
        "days": len(whole),
    }
    phase: FieldPhase = field_phase(c)
    row |= {"phase": phase.phase, "rate_before": phase.rate_before, "rate_end": phase.rate_end, "last_days": phase.last_days}
    fitted = np.full(len(c), NAN)
    found: ReturnCurve | None = None
    if gaps == gaps and gaps > GAP:
        row["phase"] = "broken"
    elif phase.phase == "falling":
        try:
            found = return_curve(c, form=options.form, level=options.confidence)
        except AnalysisError:
            row["phase"] = "rising"
    blank: dict[str, Any] = dict.fromkeys(("level", "level_ci_low", "level_ci_high", "outstanding", "reached", "dispersion"), NAN)
    if found is None:
        row |= blank | {"form": "", "capped": False, "other_forms_low": NAN, "other_forms_high": NAN}
    else:
        most = most if most >= row["n"] else math.inf
        high = min(found.ci_high, most)
        capped = found.level >= most
        row |= {
            "level": min(found.level, most),
            "level_ci_low": found.ci_low if found.ci_low < most else NAN,
            "level_ci_high": high if math.isfinite(high) and found.ci_low < most else NAN,
            "outstanding": min(found.level, most) - found.returned,
            "reached": found.returned / min(found.level, most),
            "capped": capped,
            "dispersion": found.dispersion,
            "form": found.form,
            "other_forms_low": float(min(found.forms["level"].min(), most)),
            "other_forms_high": float(min(found.forms["level"].max(), most)),
        }
        fitted = found.fitted
    own = pd.DataFrame({"day": [str(d.date()) for d in whole], "n": c.astype(int), "cumulated": c.cumsum().astype(int)})
    return row, own.assign(fitted=fitted)
