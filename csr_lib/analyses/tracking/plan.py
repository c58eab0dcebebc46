"""Tracking: the improvement plan, made from what is warned of and which targets are missed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses.tracking.measures import Followed
from csr_lib.analyses.tracking.warning import ALL, GRADES

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.operations import Operated

#: Most steps of the plan.
MOST = 8
_PRIORITY = {"red": 1, "orange": 2, "yellow": 3}


def improvement_plan(
    followed: Followed, compared: pd.DataFrame, tables: Mapping[str, pd.DataFrame], done: Operated
) -> pd.DataFrame:
    """Return what to improve first: ``priority subject unit now goal why``.

    Priority 1: a red warning, of the rules or of the study's own limits, or a target surely missed; 2: an orange one, or a target
    missed within the interval; 3: a yellow one. The goal is the target; without one, the centre line of the baseline, else the
    figure of the wave before; for a group beyond one of the own limits, the first of these. Within a priority, operational
    figures stand first: they can be acted on before the next survey. What concerns one group has the subject ``group|measure``.
    """
    rows = [*_operational(tables), *_of_groups(tables), *_asked(followed, compared, tables)]
    frame = pd.DataFrame(rows, columns=["priority", "subject", "unit", "now", "goal", "why", "gap"])
    frame = frame.sort_values(["priority", "gap"], ascending=[True, False], kind="stable").drop_duplicates("subject")
    frame["priority"] = frame["priority"].astype(str)
    return frame.drop(columns="gap").head(MOST).reset_index(drop=True)


def _operational(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    rows = []
    own = tables.get("own_limits", pd.DataFrame())
    worst: dict[str, str] = {}
    for record in own.to_dict("records"):
        if record["grade"] in GRADES[1:] and record["group"] == ALL:
            measure = str(record["measure"])
            worst[measure] = max(worst.get(measure, "none"), str(record["grade"]), key=GRADES.index)
    for row in tables.get("service", pd.DataFrame()).to_dict("records"):
        name, target, now = str(row["metric"]), float(row["target"]), float(row["estimate"])
        missed = row["status"] in ("missed", "missed_sure")
        if not missed and name not in worst:
            continue
        priority = min(_PRIORITY.get(worst.get(name, ""), 9), {"missed_sure": 1, "missed": 2}.get(str(row["status"]), 9))
        gap = abs(now - target) / max(abs(target), 1e-9) if not math.isnan(target) else 0.0
        why = row["status"] if missed else f"own_{worst[name]}"
        rows.append(
            {"priority": priority, "subject": name, "unit": row["unit"], "now": now, "goal": target, "why": why, "gap": 1 + gap}
        )
    return rows


def _of_groups(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Return what is red or orange for one group: by the study's own limits, or by the rules."""
    rows = []
    for row in tables.get("own_limits", pd.DataFrame()).to_dict("records"):
        if row["grade"] in ("red", "orange") and row["group"] != ALL:
            now, goal = float(row["estimate"]), float(row["yellow"])
            rows.append(_of_group(row, str(row["unit"]), goal, f"own_{row['grade']}", abs(now - goal) / max(abs(goal), 1e-9)))
    for row in tables["warning_levels"].to_dict("records"):
        if row["grade"] in ("red", "orange") and row["group"] != ALL:
            goal = float(row["target"])
            gap = abs(goal - float(row["estimate"])) / 100
            rows.append(_of_group(row, "score", goal, f"grade_{row['grade']}", 0.0 if math.isnan(gap) else gap))
    return rows


def _of_group(row: Mapping[Any, Any], unit: str, goal: float, why: str, gap: float) -> dict[str, Any]:
    subject, priority = f"{row['group']}|{row['measure']}", _PRIORITY[str(row["grade"])]
    return {
        "priority": priority, "subject": subject, "unit": unit, "now": float(row["estimate"]), "goal": goal, "why": why,
        "gap": gap + (1 if unit != "score" else 0),
    }  # fmt: skip


def _asked(followed: Followed, compared: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    levels = tables["warning_levels"]
    grades = {m: g for m, g, of in zip(levels["measure"], levels["grade"], levels["group"], strict=True) if of == ALL}
    control = tables["control"]
    centres = dict(zip(control["measure"], control["centre"], strict=True)) if len(control) else {}
    rows = []
    for row in compared.to_dict("records"):
        grade, missed = grades.get(row["measure"], "none"), row["standing"] in ("missed", "missed_sure")
        if grade not in _PRIORITY and not missed:
            continue
        target, now = float(row["target"]), float(row["estimate"])
        sign = followed.measure(str(row["measure"])).sign
        known = [v for v in (target, centres.get(row["measure"], math.nan), float(row["before"])) if not math.isnan(v)]
        goal = next((v for v in known if (v - now) * sign > 0), target)
        if math.isnan(goal):
            continue
        priority = min(_PRIORITY.get(grade, 9), {"missed_sure": 1, "missed": 2}.get(str(row["standing"]), 9))
        why = row["standing"] if missed else f"grade_{grade}"
        gap = abs(goal - now) / 100
        rows.append(
            {"priority": priority, "subject": row["measure"], "unit": "score", "now": now, "goal": goal, "why": why, "gap": gap}
        )
    return rows
