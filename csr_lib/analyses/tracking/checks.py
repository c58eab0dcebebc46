"""Tracking: may the comparisons, limits, warnings and operational figures be believed?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._checks import sample_checks
from csr_lib.analyses.tracking.measures import Followed
from csr_lib.analyses.tracking.warning import ALL
from csr_lib.core.check import Check, Verdict
from csr_lib.core.result import Basis
from csr_lib.stats.lead_lag import PERIODS

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import Options
    from csr_lib.analyses.tracking.change import Series
    from csr_lib.analyses.tracking.operations import Operated

#: Answers of a wave from which on an unused half of a scale is no chance.
ENOUGH = 20


def make_checks(
    followed: Followed,
    series: Series,
    tables: Mapping[str, pd.DataFrame],
    done: Operated,
    options: Options,
    correlation: float,
    basis: Basis,
) -> list[Check]:
    """Return the checks of the sample, the waves, the warnings and the operational records."""
    survey = replace(followed.survey, rows=followed.survey.rows[followed.positions[followed.latest]])
    checks = sample_checks(survey, basis)
    checks += _waves(followed, series, options, tables)
    checks += _comparable(followed)
    alarms = tables.get("false_alarms")
    if alarms is not None:
        own = alarms[(alarms["group"] == ALL) & (alarms["grade"] == "orange")]
        if len(own):
            checks.append(Check.against("tracking_false_alarm", float(own["any"].iloc[0]), measures=int(own["measures"].iloc[0])))
    checks += _composition(followed, tables)
    if "attrition" in tables and tables["attrition"]["left"].iloc[0] > 0:
        checks.append(_attrition(tables["attrition"], options))
    if done.records is not None and done.periods is not None:
        checks += _records(done)
        known = int(np.isfinite(series.mean[[m.key for m in followed.measures].index(followed.headline)]).sum())
        told = "lead_lag" in tables  # no figure of the report rests on what is not told, so nothing has failed
        checks.append(Check("tracking_lead", "pass" if told else "warn", float(known), float(PERIODS), "bartlett1946"))
    return checks


def _waves(followed: Followed, series: Series, options: Options, tables: Mapping[str, pd.DataFrame]) -> list[Check]:
    at = [m.key for m in followed.measures].index(followed.headline)
    sizes = series.n_effective[at]
    smallest = int(np.nanargmin(sizes))
    wave = followed.waves[smallest]
    checks = [Check.against("tracking_wave_size", float(sizes[smallest]), "group_n", wave=followed.survey.label(wave))]
    waves = len(followed.waves)
    if len(tables.get("control", ())):
        checks.append(Check.against("tracking_baseline", float(options.baseline), waves=waves))
    else:
        checks.append(
            Check("tracking_baseline", "fail", float(waves), float(options.baseline + 1), "montgomery2013", {"waves": waves})
        )
    if followed.empty:
        checks.append(Check("tracking_empty", "warn", float(len(followed.empty)), 0.0, "", {"list": list(followed.empty)}))
    return checks


def _comparable(followed: Followed) -> list[Check]:
    label = followed.survey.label
    changed = [i for i, why in followed.left_out.items() if why == "changed"]
    partly = [i for i, why in followed.left_out.items() if why == "not_asked"]
    named = [label(i) for i in [*changed, *partly]]
    verdict: Verdict = "warn" if named else "pass"
    checks = [Check("tracking_comparable", verdict, float(len(named)), 0.0, "", {"list": named})]
    odd = [i for i in followed.survey.asked() if i not in changed and _half_used(followed, i)]
    values = {"list": [label(i) for i in odd]}
    checks.append(Check("tracking_scale", "fail" if odd else "pass", float(len(odd)), 0.0, "csr_convention", values))
    return checks


def _half_used(followed: Followed, indicator: str) -> bool:
    """Tell whether a wave keeps to the lower half of a scale whose upper half others use much: it was asked on another one."""
    measure = next((m for m in followed.measures if m.key == indicator), None)
    if measure is None:
        return False
    parts = [measure.scores[rows] for rows in followed.positions.values()]
    parts = [p[np.isfinite(p)] for p in parts]
    highest = [p.max() for p in parts if len(p) >= ENOUGH]
    upper = [float((p > 55).mean()) for p in parts if len(p) >= ENOUGH]
    return bool(highest) and min(highest) <= 55 and max(upper) > 0.3


def _composition(followed: Followed, tables: Mapping[str, pd.DataFrame]) -> list[Check]:
    frame = tables.get("decomposition")
    if frame is None or frame.empty:
        return []
    row = frame.iloc[0]
    sure = not row["composition_ci_low"] <= 0 <= row["composition_ci_high"]
    values: dict[str, Any] = {"segment": followed.survey.label(str(row["segment"])), "change": float(row["change"])}
    return [Check("tracking_composition", "warn" if sure else "pass", float(row["composition"]), 0.0, "kitagawa1955", values)]


def _attrition(frame: pd.DataFrame, options: Options) -> Check:
    row = frame.iloc[0]
    p = float(row["p_value"])
    verdict: Verdict = "warn" if math.isnan(p) or p < 1 - options.confidence else "pass"
    values = {"share": float(row["share"]), "difference": float(row["difference"])}
    return Check("tracking_attrition", verdict, p, 1 - options.confidence, "", values)


def _records(done: Operated) -> list[Check]:
    assert done.records is not None
    assert done.periods is not None
    total, faults = len(done.records), done.records.faults
    checks = [
        Check.against("tracking_records", faults["row"].nunique() / max(1, total), n=int(faults["row"].nunique()), total=total)
    ]
    backwards = sorted(set(faults.loc[faults["rule"] == "backwards", "row"]))
    share = len(backwards) / max(1, total)
    verdict: Verdict = "pass" if not backwards else "warn" if share <= 0.01 else "fail"
    rows = ", ".join(map(str, backwards[:8])) + (" …" if len(backwards) > 8 else "")
    checks.append(Check("tracking_backwards", verdict, float(len(backwards)), 0.0, "", {"rows": rows, "file": done.records.file}))
    if done.periods.outside:
        checks.append(
            Check.against(
                "tracking_outside", done.periods.outside / max(1, total), "exceptional_share", n=done.periods.outside, total=total
            )
        )
    return checks
