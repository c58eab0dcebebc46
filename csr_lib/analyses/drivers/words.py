"""Drivers: labels with their values, and what titles, notes, captions and sentences are filled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._rows import rows
from csr_lib.core.text import LANGUAGES, both, number, text, words

if TYPE_CHECKING:
    from csr_lib.analyses.drivers.analysis import DriversResult

#: As many of a list are named in a sentence.
NAMED = 3


def p_phrase(p: float) -> str:
    """Return ``p = 0.012`` or ``p < 0.001``."""
    return number(p, "p")


class Words:
    """Words of one result."""

    def __init__(self, result: DriversResult):
        self.result, self.tables = result, result.tables
        self.limit = 1 - result.confidence

    def label(self, key: str) -> Any:
        return self.result.labels.get(key, key)

    @property
    def outcome(self) -> Any:
        """Label of the outcome."""
        return self.label(self.result.outcome)

    def named(self, key: str, value: float, kind: str) -> dict[str, str]:
        """Return ``label (value)``."""
        return {
            lang: text("drivers.named", lang, label=words(self.label(key), lang), value=number(value, kind)) for lang in LANGUAGES
        }

    def list_of(
        self, frame: pd.DataFrame, value: str, kind: str, most: int = NAMED, key: str = "variable"
    ) -> list[dict[str, str]]:
        """Return the first rows as ``label (value)``."""
        return [self.named(k, v, kind) for k, v in zip(frame[key][:most], frame[value][:most], strict=True)]

    def ranged(
        self, frame: pd.DataFrame, value: str, kind: str, most: int = NAMED, ends: tuple[str, str] | None = None
    ) -> list[dict[str, str]]:
        """Return the first rows as ``label (value, low to high)``; `ends` are columns that are not named after the value."""
        low, high = ends or (f"{value}_ci_low", f"{value}_ci_high")
        out = []
        for record in frame[:most].to_dict("records"):
            row: dict[Any, Any] = dict(record)
            shown = {c: number(row[c], kind) for c in (value, low, high)}
            written = both("drivers.ranged", value=shown[value], low=shown[low], high=shown[high])
            if pd.isna(row[low]):
                written = dict.fromkeys(LANGUAGES, shown[value])
            out.append(both("drivers.named", label=self.label(row["variable"]), value=written))
        return out

    def labels(self, keys: Sequence[str]) -> list[Any]:
        """Return the labels of some keys."""
        return [self.label(k) for k in keys]

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
        listed = {
            "importance": (tables["importance"], "share", "percent"),
            "coefficients": (tables["coefficients"].iloc[1:].sort_values("beta", ascending=False), "beta", "coefficient"),
            "what_if": (tables["what_if"], "realistic", "signed_score"),
            "correlations": (tables["correlations"].sort_values("estimate", ascending=False), "estimate", "coefficient"),
        }[name]
        values["list"] = w.list_of(*listed, most=len(listed[0]))
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
        values["list"] = w.list_of(frame, "penalty", "signed", most=len(frame))
        values["shares"] = float(options["extremes"][0])
    if name == "frequencies" and "frequencies" in tables:
        values["count"] = len(tables["frequencies"])
    return values
