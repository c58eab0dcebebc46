"""Words around tables and figures of the importance–performance analysis: axes, cut-offs, captions, lists of named numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._words import named
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import LANGUAGES, both, number, text, words
from csr_lib.stats.importance import LMG_EXACT, SHARES_OF_R2

if TYPE_CHECKING:
    from csr_lib.analyses._result import AnalysisResult

NAME = "importance_performance"
#: Keys of the outcome's and our own label among the labels of a result; no indicator can be called so.
OUTCOME_LABEL = " outcome"
US_LABEL = " us"
WEAK = CUTOFFS["quadrant_share"].threshold


def named_all(labels: Iterable[Any], values: Iterable[float], kind: str) -> list[dict[str, str]]:
    """Return labels with a number behind each, "Repair (71.3)"."""
    return [named(la, v, kind) for la, v in zip(labels, values, strict=True)]


def listed(labels: Sequence[Any], most: int = 5) -> Any:
    """Return the labels themselves, or the first of them and how many more there are."""
    if len(labels) <= most + 1:
        return list(labels)
    first = list(labels[:most])
    return {lang: text(f"{NAME}.and_others", lang, names=words(first, lang), rest=len(labels) - most) for lang in LANGUAGES}


def rule_words(rule: str, options: Mapping[str, Any], labels: Mapping[str, Any]) -> dict[str, str]:
    """Return how a cut-off is called, "the mean over the indicators"."""
    target = options.get("target")
    return both(f"{NAME}.rule.{rule}", name=labels.get(str(target), target), target=options.get("target_score"))


def line_words(rule: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return what indicators lie above or below, "the average of all indicators"."""
    return both(f"{NAME}.line.{rule}", target=options.get("target_score"))


def importance_format(cuts: pd.DataFrame, options: Mapping[str, Any]) -> str:
    """Return the format that importance is written in."""
    method = options["importance"]
    if method == "stated":
        return "points" if cuts["unit_importance"].iloc[0] == "points" else "score"
    return "share" if method in ("relative_weights", "lmg") else "coefficient"


def axis_labels(result: AnalysisResult, lang: str) -> tuple[str, str]:
    """Return the words of the axes of the map: importance, performance."""
    cuts, method = result.tables["cuts"].iloc[0], result.options["importance"]
    key = f"stated_{cuts['unit_importance']}" if method == "stated" else method
    outcome = result.labels[OUTCOME_LABEL]
    return (
        text(f"{NAME}.axis.{key}", lang, outcome=outcome),
        text(f"{NAME}.axis.performance_{cuts['unit_performance']}", lang, outcome=outcome),
    )


def fillings(result: AnalysisResult, name: str, lang: str) -> dict[str, Any]:
    """Return what titles, notes, captions and alternative texts are filled with."""
    tables, options = result.tables, result.options
    cuts = tables["cuts"].iloc[0]
    values: dict[str, Any] = {
        "resamples": result.resamples,
        "threshold": WEAK,
        "outcome": result.labels[OUTCOME_LABEL],
        "n_indicators": len(tables["indicators"]),
        "rule_importance": rule_words(cuts["rule_importance"], options, result.labels),
        "rule_performance": rule_words(cuts["rule_performance"], options, result.labels),
        "importance_name": both(f"value.method.{options['importance']}"),
    }
    if name == "importance_methods":
        sampled = len(tables["indicators"]) > LMG_EXACT
        values["lmg_note"] = text("finding.ip.method_lmg_sampled", lang) if sampled else ""
    if name == "weights":
        values["weights_note"] = text(f"{NAME}.tested_{'random' if options['importance'] in SHARES_OF_R2 else 'sign'}", lang)
    if name == "importance_movement":
        values["why"] = text(f"{NAME}.other_indicators", lang) if "movement" in tables else ""
    if name in ("movement", "importance_movement") and name in tables:
        row = tables[name].iloc[0]
        values |= {
            "current": result.label(f"wave={row['wave_now']}", lang),
            "previous": result.label(f"wave={row['wave_before']}", lang),
            "n_now": row["n"],
            "n_before": row["n_before"],
        }
    if name == "swot":
        values["swot_note"] = text(f"{NAME}.swot.{'market' if 'competitors' in tables else 'own'}", lang)
    if name == "quadrant":
        there = tables["indicators"]
        for quadrant in ("keep_up", "concentrate", "low_priority", "overkill"):
            inside = [result.label(k, lang) for k in there.loc[there["quadrant"] == quadrant, "indicator"]]
            values[quadrant] = words(inside, lang) if inside else text(f"{NAME}.absent.none", lang)
    if name == "shares" and name in tables:
        there = tables["indicators"]
        weakest = there.iloc[int(there["share"].argmin())]
        values |= {"least": result.label(weakest["indicator"], lang), "least_share": weakest["share"]}
    if name == "compared" and "competitors" in tables:
        pairs = [
            (result.label(str(r.competitor), lang), result.label(str(r.indicator), lang), number(r.difference, "signed_score"))
            for r in tables["competitors"].itertuples()
        ]
        values["gaps"] = words([f"{rival} – {indicator}: {difference}" for rival, indicator, difference in pairs], lang)
    return values
