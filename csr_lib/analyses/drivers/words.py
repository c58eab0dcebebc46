"""Drivers: labels with their values, and what titles, notes, captions and sentences are filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from csr_lib.analyses._rows import rows
from csr_lib.analyses._words import Labels
from csr_lib.core.text import LANGUAGES, both, number, words

if TYPE_CHECKING:
    from csr_lib.analyses.drivers.analysis import DriversResult


class Words(Labels["DriversResult"]):
    """Words of one result."""

    @property
    def outcome(self) -> Any:
        """Label of the outcome."""
        return self.label(self.result.outcome)

    def equation(self) -> dict[str, str]:
        """Return the regression equation, Y = a + b₁·label₁ …, in both languages."""
        constant, *slopes = rows(self.tables["coefficients"])
        out = {}
        for lang in LANGUAGES:
            parts = [words(self.outcome, lang), " = ", number(constant.b, "coefficient")]
            for row in slopes:
                parts += [" − " if row.b < 0 else " + ", number(abs(row.b), "coefficient"), " × "]
                parts.append(words(self.label(row.variable), lang))
            out[lang] = "".join(parts)
        return out


def shown_values(result: DriversResult, name: str, lang: str) -> Mapping[str, Any]:
    """Return what the title, note, caption and alternative text of a table or figure are filled with."""
    w, tables = Words(result), result.tables
    options = result.options
    values: dict[str, Any] = {
        "outcome": w.outcome,
        "resamples": result.resamples,
        "scores": both(f"drivers.scores.{options['scores']}"),
        "least": options["least"],
        "reason": both(f"drivers.why.{result.missing[name]}") if name in result.missing else both("drivers.none"),
    }
    if name in ("importance", "coefficients", "what_if", "correlations"):
        frame, value, kind = {
            "importance": (tables["importance"], "share", "percent"),
            "coefficients": (tables["coefficients"].iloc[1:].sort_values("beta", ascending=False), "beta", "coefficient"),
            "what_if": (tables["what_if"], "realistic", "signed_score"),
            "correlations": (tables["correlations"].sort_values("estimate", ascending=False), "estimate", "coefficient"),
        }[name]
        values["list"] = w.list_of(frame, "variable", value, len(frame), kind)
    if name == "coefficients":
        values["equation"] = w.equation()
    if name in ("heatmap", "correlation_pairs"):
        pairs = tables["correlation_pairs"]
        top = pairs.iloc[int(pairs["estimate"].abs().argmax())] if pairs["estimate"].notna().any() else None
        values["count"] = len(pairs)
        if top is not None:
            values |= {"first": w.label(top["variable"]), "second": w.label(top["other"]), "r": float(top["estimate"])}
    if name == "boxes" and "outliers" in tables:
        own = tables["outliers"][tables["outliers"]["variable"] == result.outcome]
        values |= {"outliers": int(own["outliers"].sum()), "groups": int(own["groups"].sum())}
    if name == "asymmetry" and "asymmetry" in tables:
        frame = tables["asymmetry"].sort_values("penalty", kind="stable")
        values["list"] = w.list_of(frame, "variable", "penalty", len(frame), "signed")
        values["shares"] = float(options["extremes"][0])
    if name == "frequencies" and "frequencies" in tables:
        values["count"] = len(tables["frequencies"])
    return values
