"""Tracking: phrases with their values, and what titles, notes and captions are filled with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._findings import rows_of
from csr_lib.analyses._words import Labels, named
from csr_lib.analyses.tracking.assemble import most_telling, on_board, service_panels, strongest
from csr_lib.analyses.tracking.measures import BAD
from csr_lib.analyses.tracking.warning import ALL, GRADES
from csr_lib.core.text import LANGUAGES, both, number, text

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import TrackingResult

Row = Mapping[str, Any]


class Words(Labels["TrackingResult"]):
    """Words of one result."""

    kind = "signed_score"

    def amount(self, value: float, unit: str, signed: bool = False) -> dict[str, str]:
        """Return a number with its unit."""
        whole = unit == "count" and float(value).is_integer()  # a target may lie between two counts
        kind = "count" if whole else "signed_score" if signed else "score"
        return {lang: text(f"tracking.amount.{unit or 'value'}", lang, value=number(value, kind)) for lang in LANGUAGES}

    def against(self, row: Row, key: str = "metric") -> dict[str, str]:
        """Return ``label (actual, interval, target)`` in the row's unit."""
        actual, goal = (self.amount(row[c], str(row.get("unit", "score"))) for c in ("estimate", "target"))
        values = {"label": self.label(row[key]), "actual": actual, "target": goal}
        return both("tracking.against", **values, low=row.get("ci_low", math.nan), high=row.get("ci_high", math.nan))

    def headline(self) -> dict[str, Any]:
        """Return the headline's row among what was compared."""
        frames = [self.tables[n] for n in ("summary", "indicators") if n in self.tables]
        frame = pd.concat(frames, ignore_index=True)
        return {"target": math.nan, "standing": ""} | rows_of(frame[frame["measure"] == self.result.headline_measure])[0]

    def of_groups(self) -> list[dict[str, str]]:
        """Return what is red or orange for single groups, by the rules and by the study's own limits, the gravest first."""
        found = [(GRADES.index(r["grade"]), of_group(self, r)) for r in self.warned(("red", "orange"), None) if r["group"] != ALL]
        own = [r for r in rows_of(self.tables.get("own_limits")) if r["grade"] in ("red", "orange") and r["group"] != ALL]
        found += [(GRADES.index(r["grade"]), by_own_limit(self, r)) for r in own]
        return [said for _, said in sorted(found, key=lambda f: -f[0])]

    def warned(self, grades: Sequence[str], group: str | None = ALL) -> list[dict[str, Any]]:
        """Return what is warned of in the latest wave, the gravest first."""
        found = [r for r in rows_of(self.tables.get("warnings")) if r["grade"] in grades]
        return [r for r in found if group is None or r["group"] == group]


def of_group(p: Words, row: Row) -> dict[str, str]:
    """Return ``measure of group (red)``."""
    label, group = p.label(row["measure"]), p.label(row["group"])
    return both("tracking.of_group_grade", label=label, group=group, grade=both(f"value.grade.{row['grade']}"))


def by_own_limit(p: Words, row: Row) -> dict[str, str]:
    """Return ``measure of group (figure, red)``, or without the group where it is everybody."""
    values = {"label": p.label(row["measure"]), "now": p.amount(row["estimate"], str(row["unit"]))}
    values |= {"grade": both(f"value.grade.{row['grade']}"), "group": p.label(row["group"])}
    values |= {"low": row["ci_low"], "high": row["ci_high"]}
    return both("tracking.own_named" if row["group"] == ALL else "tracking.own_named_group", **values)


def shown_values(result: TrackingResult, name: str, lang: str) -> dict[str, Any]:
    """Return what the title, note, caption and alternative text of a table or figure are filled with."""
    p, tables, options = Words(result), result.tables, result.options
    top = p.headline()
    values: dict[str, Any] = {
        "headline": p.label(result.headline_measure),
        "latest": p.label(result.latest),
        "previous": p.label(result.previous),
        "value": top["estimate"],
        "change": top["change"],
        "adjust": both(f"tracking.adjust.{options['adjust']}"),
        "baseline": options["baseline"],
        "segment": p.label(options["by"]) if options["by"] else both("tracking.none"),
        "period": p.label(str(tables["volume"]["period"].iloc[-1])) if "volume" in tables else "",
        "period_kind": both(f"tracking.period.{result.period_kind or 'wave'}"),
        "list": both("tracking.none"),
        "simulations": options["simulations"],
        "why": both(f"tracking.why.{result.missing.get(name, 'none')}"),
    }
    if "board" in tables:
        shown, _, hidden = on_board(tables["board"])
        unjudged = int((shown["grade"] == "unjudged").sum())
        values |= {"hidden": hidden or math.nan, "unjudged": unjudged or math.nan}  # what there is none of is not spoken of
    listed = _listed(p, name) if name in result.figures else []
    if listed:
        values["list"] = listed
    if "decomposition" in tables:
        values["split_by"] = p.label(tables["decomposition"]["segment"].iloc[0])
    else:
        values["split_by"] = ""
    return values


def _listed(p: Words, name: str) -> list[Any]:
    """Return what the alternative text of a figure names."""
    tables = p.tables
    if name == "panels":
        frame = pd.concat([tables[n] for n in ("summary", "indicators") if n in tables], ignore_index=True)
        found = dict(zip(frame["measure"], frame["estimate"], strict=True))
        return [p.named(m, found[m], "score") for m in most_telling(tables, 6)]
    if name == "changes":
        frame = pd.concat([tables[n] for n in ("summary", "indicators") if n in tables], ignore_index=True).dropna(
            subset=["change"]
        )
        frame = frame.assign(gain=frame["change"].where(~frame["measure"].isin(BAD), -frame["change"]))
        frame = frame.sort_values("gain", kind="stable")
        return [p.named(m, v) for m, v in zip(frame["measure"], frame["change"], strict=True)][:8]
    if name in ("board", "tiers"):
        return [_graded(p, r) for r in p.warned(GRADES[1:], ALL if name == "board" else None)][:8]
    if name == "service":
        chosen = service_panels(tables, 6)
        return [p.against(r) for r in rows_of(tables["service"]) if r["metric"] in chosen and not math.isnan(r["target"])]
    if name == "types":
        return [p.named(r["metric"], r["mean"], "score") for r in rows_of(tables["types"]) if r["type"] == ALL][:6]
    if name == "lead_lag":
        return [p.named(r["metric"], r["estimate"], "signed") for r in rows_of(strongest(tables["lead_lag"])) if r["best"]]
    if name == "decomposition" and "decomposition" in tables:
        row = rows_of(tables["decomposition"])[0]
        return [p.named("tracking:composition", row["composition"]), p.named("tracking:within", row["within"])]
    return []


def _graded(p: Words, row: Row) -> dict[str, str]:
    """Return ``label (red)``, with its group where that is not everybody."""
    label = p.label(row["measure"])
    if row["group"] != ALL:
        label = both("tracking.of_group", label=label, group=p.label(row["group"]))
    return named(label, both(f"value.grade.{row['grade']}"))
