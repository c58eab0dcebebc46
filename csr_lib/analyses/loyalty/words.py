"""Loyalty: labels with their values, and what titles, notes and captions are filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from csr_lib.analyses import _findings
from csr_lib.analyses._words import named
from csr_lib.analyses.loyalty.measure import ALL
from csr_lib.core.text import both

if TYPE_CHECKING:
    from csr_lib.analyses.loyalty.analysis import LoyaltyResult

Row = Mapping[str, Any]


def rows_of(result: LoyaltyResult, table: str, **where: Any) -> list[Row]:
    """Return the rows of a table that meet all conditions, column -> value; none where the study has no such table."""
    frame = result.tables.get(table)
    if frame is None:
        return []
    for column, value in where.items():
        frame = frame[frame[column] == value]
    found: list[Row] = [*_findings.rows_of(frame)]
    return found


def groups_of(result: LoyaltyResult) -> list[str]:
    """Return the groups that are compared, without all customers."""
    return [g for g in dict.fromkeys(result.tables["levels"]["group"]) if g != ALL]


def label(result: LoyaltyResult, key: str) -> Any:
    return result.labels.get(key, key)


def leaving_phrase(result: LoyaltyResult) -> dict[str, str]:
    """Say what counts as having left: what happened, or an answer below the cut-off."""
    key = "happened" if result.options.get("leaving_binary") else "below"
    return both(f"loyalty.leaving.{key}", outcome=label(result, result.leaving), cut=result.options["switch_cut"])


def verb(result: LoyaltyResult) -> dict[str, str]:
    """Say whether customers left or only are likely to."""
    return both("loyalty.verb.happened" if result.options.get("leaving_binary") else "loyalty.verb.likely")


def shown_values(result: LoyaltyResult, name: str, lang: str) -> dict[str, Any]:
    """Return what the title, note, caption and alternative text of a table or figure are filled with."""
    options = result.options
    cuts = options["levels"]
    values: dict[str, Any] = {
        "outcome": label(result, result.outcome),
        "leaving": leaving_phrase(result),
        "low": cuts[0],
        "middle": cuts[1],
        "high": cuts[2],
        "knot": (cuts[1] + cuts[2]) / 2,
        "satisfied": options["satisfied"],
        "loyal": options["loyal"],
        "resamples": result.resamples,
        "bandwidth": options["bandwidth"],
        "min_cell": options["min_cell"],
        "step": options["loyalty_step"],
        "profit_low": options["profit_low"],
        "profit_high": options["profit_high"],
    }
    values["verb"] = verb(result)
    same = result.leaving == result.outcome
    values["left_said"] = both(f"loyalty.left_said.{'same' if same else 'other'}", leaving=values["leaving"])
    kinds = rows_of(result, "types", group=ALL)
    values["list"] = [named(both(f"value.type.{r['type']}"), r["share"], "percent") for r in kinds]
    steps = [r for r in rows_of(result, "levels", group=ALL) if r["loyalty"] == r["loyalty"]]
    values["means"] = [named(both(f"value.level.{r['level']}"), r["loyalty"], "score") for r in steps]
    values["risks"] = [named(both(f"value.level.{r['level']}"), r["left"], "percent") for r in steps]
    matrix = rows_of(result, "matrix")
    values["fields"] = [named(both(f"loyalty.matrix.{r['contribution']}_{r['loyal']}"), r["share"], "percent") for r in matrix]
    if matrix:
        values["cut"] = matrix[0]["cut"]
    return values
