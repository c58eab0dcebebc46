"""Overview: labels with their values, and what titles and captions are filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._findings import rows_of
from csr_lib.analyses._words import NAMED, Labels
from csr_lib.analyses.overview.competitors import ALL
from csr_lib.core.text import both

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import OverviewResult

Row = Mapping[str, Any]


class Words(Labels["OverviewResult"]):
    """Words of one result: labels with their values, single numbers."""

    def quoted(self, key: str) -> dict[str, str]:
        """Return the label of an indicator in quotation marks, as a sentence names it: it may hold an "and" of its own."""
        return both("overview.quoted", label=self.label(key))

    def group(self, key: str) -> dict[str, str]:
        """Return ``group (segment)``, for sentences that name groups of several segments."""
        return both("overview.group_of", group=self.label(key), segment=self.label(key.split("=", 1)[0]))

    def parts(self) -> pd.DataFrame:
        """Return the table of constructs without those that are made of others, which would be named beside their own parts."""
        frame = self.tables.get("constructs", pd.DataFrame({"construct": []}))
        return frame[~frame["construct"].isin(self.result.facts["made_of"])]

    def index(self) -> Row:
        """Return the row of the index that was chosen."""
        frame = self.tables["index"]
        return rows_of(frame[frame["chosen"]])[0]

    def rate(self, name: str) -> Row | None:
        """Return the row of a rate; None where there is none."""
        frame = self.tables.get("rates")
        found = [] if frame is None else rows_of(frame[frame["outcome"] == name])
        return found[0] if found else None


def shown_values(result: OverviewResult, name: str, lang: str) -> dict[str, Any]:
    """Return what the title, note, caption and alternative text of a table or figure are filled with."""
    w, tables, options = Words(result), result.tables, result.options
    ranked = tables["indicators"].dropna(subset="estimate").sort_values("estimate", ascending=False, kind="stable")
    boxes = ranked.loc[ranked["boxes"] > 0, "boxes"]
    values: dict[str, Any] = {
        "adjust": both(f"overview.adjust.{options['adjust']}"),
        "weighting": both(f"overview.weighting.{result.weighting}"),
        "boxes": int(boxes.max()) if len(boxes) else 0,
        "best": w.list_of(ranked, "indicator", "estimate"),
        "worst": w.list_of(ranked[::-1], "indicator", "estimate"),
        "total": len(ranked),
        "dissatisfied": options["dissatisfied"],
        "least": options["answered"],
        "index": w.index()["estimate"],
        "one_failure": result.one_failure["estimate"],
    }
    if name == "constructs" and "constructs" in tables:
        frame = w.parts().sort_values("estimate", ascending=False, kind="stable")
        values["list"] = w.list_of(frame, "construct", "estimate", len(frame))
        values["wholes"] = [w.label(c) for c in result.facts["made_of"]] or None
    if name == "rates" and "rates" in tables:
        values["list"] = w.list_of(tables["rates"], "outcome", "estimate", 8, "percent")
    if name == "weakest_link":
        often = tables["weakest_link"].sort_values("estimate", ascending=False, kind="stable")
        values["list"] = w.list_of(often, "indicator", "estimate", NAMED, "percent")
        asked = result.facts["satisfaction_asked"]
        values["against"] = both("overview.against.satisfaction" if asked else "overview.against.others")
    if name in ("groups", "comparisons") and "groups" in tables:
        frame = tables["groups"].sort_values("estimate", ascending=False, kind="stable")
        values |= {"high": w.list_of(frame, "group", "estimate", 1), "low": w.list_of(frame[::-1], "group", "estimate", 1)}
    if name == "competitors" and "competitors" in tables:
        frame = tables["competitors"].sort_values("difference", kind="stable")
        paired = frame[frame["paired"].astype(bool) & (frame["indicator"] == ALL)]
        values["rated_both"] = float(paired["n"].max()) if len(paired) else None
        values |= {
            "names": [w.label(f"rival={c}") for c in dict.fromkeys(frame["competitor"])],
            "behind": int((frame["reading"] == "behind").sum()),
        }
        values["how"] = both("overview.paired" if frame["paired"].all() else "overview.unpaired")
    if name in ("verbatims", "keywords", "quotes"):
        values["min_words"] = options["keywords"]
    return values
