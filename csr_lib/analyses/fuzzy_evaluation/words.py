"""Fuzzy evaluation: words that the parts of a result are called by, and what titles and captions are filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._words import Labels, named
from csr_lib.analyses.fuzzy_evaluation.system import GROUP, NAME, NORMALISED, RESULT, ROOT, TIE
from csr_lib.core.text import both, number

if TYPE_CHECKING:
    from csr_lib.analyses.fuzzy_evaluation.result import FuzzyEvaluationResult
    from csr_lib.analyses.fuzzy_evaluation.tables import Evaluated
    from csr_lib.study import Survey


def how_many(of: str, same: int, total: int) -> dict[str, str]:
    """Return ``all 6 sets of weights``, ``2 of 6 sets of weights``, ``none of 6 experts``: `of` is a key of the catalogue."""
    found = "all" if same == total else "some" if same else "none"
    return both(f"{NAME}.{of}.{found}", same=same, total=total)


def node_label(survey: Survey, name: str) -> Any:
    """Return what the whole, a construct or an indicator is called."""
    return both(f"{NAME}.goal") if name == ROOT else survey.label(name)


def named_expert(name: str) -> Any:
    """Return what an expert is called in a sentence: by key, or the experts together."""
    return both(f"{NAME}.together") if name == GROUP else both(f"{NAME}.expert", name=name)


def make_labels(found: Evaluated) -> dict[str, Any]:
    """Return every label that tables and figures of the result need."""
    survey, system, grades = found.answers.everybody, found.answers.system, found.answers.grades
    out: dict[str, Any] = {
        TIE: both(f"{NAME}.tie"),
        RESULT: both(f"{NAME}.result"),
        NORMALISED: both(f"{NAME}.normalised"),
        GROUP: both(f"{NAME}.together"),
        **{f"level_{k}": both(f"{NAME}.level", level=k) for k in range(1, 12)},
        **dict(zip(grades.keys, grades.labels, strict=True)),
        **{name: both(f"{NAME}.set.{name}") for name in found.sets.leaves},
        **{name: node_label(survey, name) for name in system.order},
    }
    out |= {f"within_{node}": both(f"{NAME}.within", label=out[node]) for node in system.nodes if node != ROOT}
    out[f"within_{ROOT}"] = both(f"{NAME}.dimensions")
    for segment in dict.fromkeys(g.segment for g in found.answers.groups):
        out[segment] = both("column.wave") if segment == "wave" else survey.label(segment)
    out |= {f"{g.segment}={g.value}": g.label for g in found.answers.groups}
    for by in ("wave", "role", *survey.segments):  # filters are named by key and value
        out.setdefault(by, both(f"column.{by}") if by in ("wave", "role") else survey.label(by))
    out |= {role: survey.value_label("role", role) for role in survey.roles if role not in out}
    out |= {f"wave={wave}": survey.value_label("wave", wave) for wave in survey.waves}
    for expert in {e for of in found.sets.judged.values() for e in of.experts}:
        out.setdefault(expert, both(f"{NAME}.expert", name=expert))
    return out


class Words(Labels["FuzzyEvaluationResult"]):
    """Words of one result: labels with their values."""

    def __init__(self, result: FuzzyEvaluationResult):
        super().__init__(result)
        self.whole = result.tables["evaluation"].iloc[0]

    @property
    def constructs(self) -> pd.DataFrame:
        """The constructs, without the whole."""
        return self.tables["evaluation"].iloc[1:]

    @property
    def first_level(self) -> pd.DataFrame:
        """What the whole is made of, where that is constructs; else the indicators as rows of the same columns."""
        frame = self.constructs[self.constructs["parent"] == ROOT]
        if len(frame):
            return frame
        return self.tables["priorities"].rename(columns={"indicator": "item"})

    @property
    def to_improve(self) -> pd.DataFrame:
        """The indicators that score below the whole, those that cost it most points first."""
        frame = self.tables["priorities"]
        return frame[(frame["score"] < self.whole["score"]) & (frame["loss"] > 0)]


def value_text(value: float) -> str:
    """Write what a grade is worth: whole numbers without decimals."""
    return number(value, "count" if float(value).is_integer() else "score")


def set_label(options: Mapping[str, Any]) -> dict[str, str]:
    """Return what the weights that count are called; of a combination, with its parts."""
    name = str(options["weights"])
    if name != "combination":
        return both(f"{NAME}.set.{name}")
    parts = [both(f"{NAME}.set.{part}") for part in options["combine"]]
    return named(both(f"{NAME}.set.{name}"), parts)


def _spread(w: Words) -> Any:
    """Return what the columns of the single experts are, and of which parts the joint weight lies beyond them as printed."""
    frame = w.tables["system"]
    if "minimum" not in frame:
        return ""
    joint, low, high = (frame[c].round(3) for c in ("overall", "minimum", "maximum"))
    beyond = frame[(joint < low) | (joint > high)]
    items = [w.label(i) for i, parent in zip(beyond["item"], beyond["parent"], strict=True) if parent not in set(beyond["item"])]
    return both(f"{NAME}.outside", items=items) if items else both(f"{NAME}.spread")


def shown_values(result: FuzzyEvaluationResult, name: str, lang: str) -> dict[str, Any]:
    """Return what the title, note, caption and alternative text of a table or figure are filled with."""
    w, options, tables = Words(result), result.options, result.tables
    frame = tables["sensitivity"]
    values: dict[str, Any] = {
        "weights": set_label(options),
        "spread": _spread(w),
        "operator": both(f"{NAME}.operator.{options['operator']}"),
        "membership": both(f"{NAME}.membership.{options['membership']}"),
        "grade": w.label(w.whole["grade"]),
        "score": w.whole["score"],
        "best": max(options["grade_values"]),
        "worst": min(options["grade_values"]),
        "total": len(frame),
        "decided": int((frame["grade"] != TIE).sum()),
        "same": int((frame["grade"] == w.whole["grade"]).sum()),
    }
    values["list"] = w.list_of(w.first_level, "item", "score", len(w.first_level))
    if name == "weights":
        wide = tables["weights"]
        heaviest = wide[wide["item"].isin(tables["priorities"]["indicator"])].sort_values(options["weights"], ascending=False)
        values["first"] = w.list_of(heaviest, "item", options["weights"], kind="share")
    if name == "groups" and "groups" in tables:
        values["list"] = w.list_of(tables["groups"], "group", "score", len(tables["groups"]))
    if name == "priorities":
        values["first"] = w.list_of(tables["priorities"], "indicator", "loss_share", kind="percent")
    return values
