"""Gap analysis: labels with their values, readings, and what titles and captions are filled with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csr_lib.analyses._findings import rows_of
from csr_lib.analyses._words import Labels, named
from csr_lib.analyses.gap.tables import ALL
from csr_lib.core.check import Tone
from csr_lib.core.text import both

if TYPE_CHECKING:
    from csr_lib.analyses.gap.analysis import GapResult

TONES: dict[str, Tone] = {"short": "bad", "even": "neutral", "exceeds": "good"}
Row = dict[str, Any]


class Words(Labels["GapResult"]):
    """Words of one result: units, labels with their values."""

    kind = "signed"

    def __init__(self, result: GapResult):
        super().__init__(result)
        self.span = float(result.options["high"]) - float(result.options["low"])
        self.unit = both(f"gap.unit.{result.options['unit']}")

    def reading(self, estimate: float, p: float) -> str:
        if not p < self.limit:
            return "even"
        return "short" if estimate < 0 else "exceeds"


def score_of(result: GapResult) -> Row:
    """Return the overall score: weighted where points are stated."""
    return rows_of(result.tables["servqual"])[-1]


def total_of(result: GapResult) -> Row:
    """Return the unweighted overall score."""
    return rows_of(result.tables["servqual"])[0]


def internal(result: GapResult) -> list[Row]:
    """Return gaps 1 to 4 that were computed, the largest shortfall first."""
    frame = result.tables["five_gaps"]
    frame = frame[(frame["gap"] < 5) & frame["estimate"].notna()].sort_values("estimate", kind="stable")
    return rows_of(frame)


def shown_values(result: GapResult, name: str, lang: str) -> dict[str, Any]:
    """Return what the title, note, caption and alternative text of a table or figure are filled with."""
    w, tables, options = Words(result), result.tables, result.options
    frame = tables["indicators"].sort_values("gap", kind="stable")
    values: dict[str, Any] = {
        "unit": w.unit,
        "adjust": both(f"gap.adjust.{options['adjust']}"),
        "test": both(f"gap.test.{options['test']}"),
        "answered": options["answered"],
        "worst": w.list_of(frame, "indicator", "gap"),
        "best": w.list_of(frame[::-1], "indicator", "gap", 1),
        "total": len(frame),
        "weighted": both("gap.weight_times_gap") if "contribution" in tables.get("dimensions", ()) else "",
    }
    if name in ("radar", "dimensions") and "dimensions" in tables:
        values["list"] = w.list_of(tables["dimensions"], "construct", "gap", len(tables["dimensions"]))
    if name in ("zone", "zone_by_indicator") and "zone_by_indicator" in tables:
        zone = tables["zone_by_indicator"]
        below = zone[zone["zone"] == "below"]
        values["below"] = [w.label(i) for i in below["indicator"]] or both("gap.none")
        values["within"] = int((zone["zone"] == "within").sum())
    if name == "five_gaps":
        values["list"] = [_gap_phrase(w, row) for row in rows_of(tables["five_gaps"])]
    if name.startswith("ranking") and result.ranked_by:
        values["by"] = both(f"gap.ranked_by.{result.ranked_by}")
        values["roles"] = [both(f"gap.role.{role}") for role in result.company]
        some = tables.get("ranking", tables["ranking_by_indicator"])
        values["company_n"] = float(some["company_n"].max())
    if name == "ranking" and "ranking" in tables:
        ranked = tables["ranking"]
        for who in ("customers", "company"):
            order = ranked.sort_values(f"{who}_rank", kind="stable")["construct"]
            values[who] = [w.label(c) for c in order]
    if name == "groups" and "groups" in tables:
        total = tables["groups"][tables["groups"]["construct"] == ALL]
        values["segment"] = w.label(str(tables["groups"]["segment"].iloc[0]))
        values["list"] = w.list_of(total, "group", "gap", len(total))
    return values


def _gap_phrase(w: Words, row: Row) -> dict[str, str]:
    """Return ``Gap 1: knowledge (−0.20)``, or what is missing for it."""
    name = both(f"gap.gaps.{row['gap']}")
    if row["missing"]:
        return named(name, both("five_gaps.missing", what=w.label(row["missing"])))
    return named(name, row["estimate"], "signed")
