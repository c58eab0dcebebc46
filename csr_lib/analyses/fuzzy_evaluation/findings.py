"""Fuzzy evaluation: the cards and what was found, in catalogue keys and values; the sentences stand in fuzzy_evaluation.yml."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._words import NAMED, named
from csr_lib.analyses.fuzzy_evaluation.system import NAME, TIE
from csr_lib.analyses.fuzzy_evaluation.tables import upper_grades
from csr_lib.analyses.fuzzy_evaluation.told import actions, limits, method
from csr_lib.analyses.fuzzy_evaluation.words import Words, how_many, set_label
from csr_lib.core.check import Finding, Headline, Tone
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import LANGUAGES, both, text, words

if TYPE_CHECKING:
    from csr_lib.analyses.fuzzy_evaluation.result import FuzzyEvaluationResult

#: Effectiveness from which on the largest membership stands out.
CLEAR = 1.0


def make_headline(result: FuzzyEvaluationResult) -> list[Headline]:
    """Return the cards: score, winning grade, lowest part, how many ways to reckon agree."""
    w = Words(result)
    whole = w.whole
    low, high = _bounds(whole)
    cards = [Headline("fuzzy_score", float(whole["score"]), "score", low, high)]
    if whole["grade"] != TIE:
        values: dict[str, Any] = {"grade": w.label(whole["grade"])}
        cards.append(Headline("fuzzy_grade", float(whole[whole["grade"]]), "share", *_bounds(whole, "membership_"), values))
    worst = w.first_level.sort_values("score", kind="stable").iloc[0]
    low, high = _bounds(worst)
    cards.append(Headline("fuzzy_worst", float(worst["score"]), "score", low, high, {"part": w.label(worst["item"])}))
    frame = w.tables["sensitivity"]
    same, decided = int((frame["grade"] == whole["grade"]).sum()), int((frame["grade"] != TIE).sum())
    if whole["grade"] != TIE:
        tone: Tone = "good" if same == decided else "caution"
        values = {"decided": decided, "grade": w.label(whole["grade"])}
        cards.append(Headline("fuzzy_same", float(same), "count", values=values, tone=tone))
    return cards


def _bounds(row: pd.Series[Any], of: str = "") -> tuple[float | None, float | None]:
    """Interval of a row, None without resamples."""
    low, high = float(row[f"{of}ci_low"]), float(row[f"{of}ci_high"])
    return (None, None) if math.isnan(low) else (low, high)


def make_findings(result: FuzzyEvaluationResult) -> list[Finding]:
    """Return key findings, details, recommendations, limits and the method, in the order they are read."""
    w = Words(result)
    found = (_overall, _first, _stability, _waves, _steady, _constructs, _operators, _weights, _experts, _groups)
    return [finding for part in (*found, actions, limits, method) for finding in part(w)]


def _overall(w: Words) -> list[Finding]:
    """Score and grade of the whole, and whether the grade can be relied on."""
    whole, options = w.whole, w.result.options
    upper = [w.result.grades[i] for i in upper_grades(options["grade_values"])]
    values: dict[str, Any] = {
        "score": whole["score"],
        "ci_low": whole["ci_low"],
        "ci_high": whole["ci_high"],
        "low": min(options["grade_values"]),
        "high": max(options["grade_values"]),
        "grade": w.label(whole["grade"]),
        "upper": [w.label(g) for g in upper],
        "upper_share": float(sum(whole[g] for g in upper)),
        "grade_share": whole["grade_share"],
        **{f"{name}_{end}": whole[f"{name}_ci_{end}"] for name in ("membership", "upper") for end in ("low", "high")},
    }
    if whole["grade"] == TIE:
        most = max(whole[g] for g in w.result.grades)
        values["grades"] = [w.label(g) for g in w.result.grades if abs(whole[g] - most) < 1e-9]
        return [Finding("fuzzy_overall_tie", values, "caution", "key")]
    values["share"] = float(whole[whole["grade"]])
    effective = whole["effectiveness"]  # missing where there is no second grade
    sure = not effective < CLEAR
    firm = math.isnan(whole["grade_share"]) or whole["grade_share"] >= CUTOFFS["winner_share"].threshold
    key = "clear" if sure and firm else "close" if firm else "unsure"
    return [Finding(f"fuzzy_overall_{key}", values, "neutral" if key != "unsure" else "caution", "key")]


def _first(w: Words) -> list[Finding]:
    """Best and worst part, and what costs the whole most."""
    frame = w.first_level.sort_values("score", kind="stable")
    worst, best = frame.iloc[0], frame.iloc[-1]
    values: dict[str, Any] = {
        "best": w.named(best["item"], best["score"]),
        "worst": w.named(worst["item"], worst["score"]),
        "apart": float(best["score"] - worst["score"]),
    }
    parts = len(frame) > 1
    loss, top = w.tables["priorities"], w.to_improve.head(NAMED)
    if not len(top):
        return [Finding("fuzzy_parts", values, "neutral", "key")] if parts else []
    values["list"] = w.list_of(top, "indicator", "loss_share", kind="share")
    values |= {"share": float(top["loss_share"].sum()), "missing": float(loss["loss"].sum())}
    return [Finding("fuzzy_parts_loss" if parts else "fuzzy_loss", values, "bad", "key")]


def _stability(w: Words) -> list[Finding]:
    """How the winner changes with weights and operator."""
    frame, grade = w.tables["sensitivity"], w.whole["grade"]
    chosen = w.result.options["operator"]
    same = frame["grade"] == grade
    own = frame[frame["operator"] == chosen]
    lowest, highest = own.sort_values("score").iloc[0], own.sort_values("score").iloc[-1]
    values: dict[str, Any] = {
        "same": int(same.sum()),
        "decided": int((frame["grade"] != TIE).sum()),
        "ties": int((frame["grade"] == TIE).sum()),
        "total": len(frame),
        "grade": w.label(grade),
        "others": [_counted(w, g, frame["grade"]) for g in dict.fromkeys(frame.loc[~same, "grade"]) if g != TIE],
        "sets": frame["weights"].nunique(),
        "own": how_many("of_sets", int((own["grade"] == grade).sum()), len(own)),
        "operators": frame["operator"].nunique(),
    }
    found = []
    if grade != TIE:
        stable = values["same"] == values["decided"]
        key = ("fuzzy_stable" if stable else "fuzzy_unstable") + ("_ties" if values["ties"] else "")
        found.append(Finding(key, values, "good" if stable else "caution", "key"))
    values = {
        "operator": both(f"{NAME}.operator.{chosen}"),
        "lowest": w.named(lowest["weights"], lowest["score"]),
        "highest": w.named(highest["weights"], highest["score"]),
        "apart": float(highest["score"] - lowest["score"]),
        "same": int((own["grade"] == grade).sum()),
        "sets": len(own),
        "grade": w.label(grade),
    }
    if len(own) > 1:
        key = "fuzzy_scores_by_weights_all" if values["same"] == len(own) else "fuzzy_scores_by_weights"
        found.append(Finding(key, values, "neutral", "detail"))
    ties = frame[frame["grade"] == TIE]
    if len(ties) and ties["operator"].isin(("min_max", "min_sum")).all():
        found.append(Finding("fuzzy_ties", {"n": len(ties)}, "neutral", "detail"))
    return found


def _steady(w: Words) -> list[Finding]:
    """Whether the indicators that cost most are the same under every set of weights."""
    loss, wide = w.to_improve, w.tables["weights"].set_index("item").drop(columns="parent")
    named = list(loss["indicator"].head(NAMED))
    if len(loss) <= NAMED or wide.shape[1] < 2:
        return []
    lacks = max(w.result.options["grade_values"]) - loss.set_index("indicator")["score"]
    cost = wide.loc[lacks.index].mul(lacks, axis=0)
    steady = [i for i in named if all(i in own.nlargest(NAMED).index for _, own in cost.items())]
    key = "same" if len(steady) == NAMED else "some" if steady else "none"
    values = {"list": [w.label(i) for i in steady], "sets": wide.shape[1]}
    return [Finding(f"fuzzy_first_{key}", values, "good" if key == "same" else "caution", "detail")]


def _counted(w: Words, grade: str, grades: pd.Series[Any]) -> dict[str, str]:
    """Return ``grade (in 3)``."""
    count = int((grades == grade).sum())
    return {lang: text(f"{NAME}.counted", lang, label=words(w.label(grade), lang), n=count) for lang in LANGUAGES}


def _waves(w: Words) -> list[Finding]:
    """How the latest wave stands to the one before."""
    frame = w.tables.get("groups")
    if frame is None:
        return []
    waves = frame[(frame["segment"] == "wave") & frame["difference"].notna()]
    if waves.empty:
        return []
    last = waves.iloc[-1]
    reading = "same" if not last["p_adjusted"] < w.limit else "up" if last["difference"] > 0 else "down"
    values = {
        "wave": w.label(last["group"]),
        "score": last["score"],
        "difference": last["difference"],
        "low": last["difference_ci_low"],
        "high": last["difference_ci_high"],
        "p": last["p_adjusted"],
    }
    if math.isnan(last["p_adjusted"]):
        return []
    tone: Tone = {"same": "neutral", "up": "good", "down": "bad"}[reading]  # type: ignore[assignment]
    return [Finding(f"fuzzy_wave_{reading}", values, tone, "key")]


def _constructs(w: Words) -> list[Finding]:
    """Every construct by score and by grade, and where the two readings part."""
    frame = w.constructs.sort_values("score", ascending=False, kind="stable")
    if frame.empty:
        return []
    grades = [named(w.label(i), w.label(g)) for i, g in zip(frame["item"], frame["grade"], strict=True)]
    found = [Finding("fuzzy_order", {"list": w.list_of(frame, "item", "score", len(frame))}, "neutral", "detail")]
    found.append(Finding("fuzzy_grades", {"list": grades}, "neutral", "detail"))
    unsure = frame[frame["grade_share"] < CUTOFFS["winner_share"].threshold]
    if len(unsure):
        # rounded down, or a share just below the threshold would be written as the threshold
        shown = unsure.assign(grade_share=np.floor(unsure["grade_share"] * 1000) / 1000)
        firm = CUTOFFS["winner_share"].threshold
        values = {"list": w.list_of(shown, "item", "grade_share", len(shown), "share"), "threshold": firm}
        found.append(Finding("fuzzy_unsure_parts", values, "caution", "detail"))
    return found


def _operators(w: Words) -> list[Finding]:
    """What the other operators say of the same weights."""
    frame = w.tables["operators"]
    phrases = [named(both(f"{NAME}.operator.{o}"), w.label(g)) for o, g in zip(frame["operator"], frame["grade"], strict=True)]
    return [Finding("fuzzy_by_operator", {"list": phrases}, "neutral", "detail")]


def _weights(w: Words) -> list[Finding]:
    """The heaviest indicators, and where the sets of weights disagree most."""
    wide, chosen = w.tables["weights"], w.result.options["weights"]
    leaves = wide[wide["item"].isin(w.tables["priorities"]["indicator"])]
    top = leaves.sort_values(chosen, ascending=False, kind="stable")
    values = {"weights": set_label(w.result.options), "list": w.list_of(top, "item", chosen, kind="share")}
    found = []
    if top[chosen].max() > top[chosen].min() + 1e-9:
        found.append(Finding("fuzzy_heaviest", values, "neutral", "detail"))
    sets = [c for c in wide.columns if c not in ("item", "parent", "equal")]
    if len(sets) > 1:
        spread = leaves[sets].max(axis=1) - leaves[sets].min(axis=1)
        row = leaves.iloc[int(spread.to_numpy().argmax())]
        low, high = min(sets, key=lambda s: row[s]), max(sets, key=lambda s: row[s])
        values = {
            "indicator": w.label(row["item"]),
            "low": w.named(low, row[low], "share"),
            "high": w.named(high, row[high], "share"),
        }
        found.append(Finding("fuzzy_disagree", values, "neutral", "detail"))
    return found


def _experts(w: Words) -> list[Finding]:
    """Whether the experts, each alone, would have come to the same grade."""
    frame = w.tables.get("experts")
    if frame is None:
        return []
    found = []
    for name, part in frame.groupby("weights", sort=False):
        if len(part) < 2:
            continue
        low, high = part.sort_values("score").iloc[0], part.sort_values("score").iloc[-1]
        values = {
            "weights": both(f"{NAME}.set.{name}"),
            "n": len(part),
            "same": how_many("of_experts", int((part["grade"] == w.whole["grade"]).sum()), len(part)),
            "grade": w.label(w.whole["grade"]),
            "lowest": float(low["score"]),
            "highest": float(high["score"]),
        }
        found.append(Finding("fuzzy_each_expert", values, "neutral", "detail"))
    return found


def _groups(w: Words) -> list[Finding]:
    """Groups that differ from the others of their segment."""
    frame = w.tables.get("groups")
    if frame is None:
        return []
    frame = frame[frame["segment"] != "wave"]
    found = []
    for segment, part in frame.groupby("segment", sort=False):
        part = part.sort_values("score", ascending=False, kind="stable")
        values: dict[str, Any] = {"segment": w.label(str(segment)), "list": w.list_of(part, "group", "score", len(part))}
        apart = part[part["p_adjusted"] < w.limit].sort_values("difference", kind="stable")
        if len(apart):
            values["apart"] = w.list_of(apart, "group", "difference", len(apart), "signed_score")
            found.append(Finding("fuzzy_groups_differ", values, "caution", "detail"))
        elif part["p_adjusted"].notna().any():
            found.append(Finding("fuzzy_groups_same", values, "neutral", "detail"))
    return found
