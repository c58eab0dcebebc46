"""Factor structure: what follows from the numbers, and what cannot be believed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from csr_lib.analyses._findings import common_limits, rows_of
from csr_lib.analyses.factor_structure.words import Words, phrase
from csr_lib.core.check import Finding
from csr_lib.core.cutoffs import CUTOFFS

#: Checks that say of the measurement what another one has said already: left out of the limits where that one is there.
SAID_BY = {"fs_cr": "fs_ave", **{f"fs_structure_{part}": f"fs_cfa_{part}" for part in ("n", "too_good", "inputs")}}


def actions(w: Words) -> list[Finding]:
    """Return recommendations: what to improve first, and what to mend in the questionnaire before the next survey."""
    return [*_improve(w), *_measure(w)]


def _improve(w: Words) -> list[Finding]:
    """The lever with the largest effect times room to improve, and its lowest item."""
    told = [r for r in w.levers if w.told(r) and r["estimate"] > 0 and not math.isnan(r["index"])]
    if not told:
        return [Finding("fs_act_no_lever", {"target": w.target}, "caution", "action")] if w.levers else []
    first = max(told, key=lambda r: r["estimate"] * (100 - r["index"]))
    values: dict[str, Any] = {
        "source": w.label(first["source"]), "target": w.target, "estimate": first["estimate"], "index": first["index"],
    }  # fmt: skip
    found = [Finding("fs_act_first", values, "good", "action")]
    weakest = _weakest_item(w, first)
    if weakest is not None:
        found.append(Finding("fs_act_item", {**values, "item": w.label(weakest)}, "neutral", "action"))
    others = [r for r in told if r is not first]
    if others:
        second = max(others, key=lambda r: r["estimate"] * (100 - r["index"]))
        values = {"source": w.label(second["source"]), "estimate": second["estimate"], "index": second["index"]}
        found.append(Finding("fs_act_second", values, "neutral", "action"))
    return found


def _weakest_item(w: Words, lever: dict[str, Any]) -> str | None:
    """Return the item of a lever that is rated lowest on its scale, where it is one of several."""
    items = w.tables["items"]
    if w.by_scores and "factor" in lever:
        own = next(r["items"] for r in rows_of(w.tables["variance"]) if r["factor"] == lever["factor"])
        items = items[items["item"].isin(list(own))]
    else:
        items = items[items["construct"] == lever["source"]]
    return str(items["item"].iloc[int(items["index"].argmin())]) if len(items) > 1 else None


def _measure(w: Words) -> list[Finding]:
    """What to mend in the questionnaire and the sample."""
    found: list[Finding] = []

    def act(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "neutral", "action"))

    scales = w.tables["reliability"]
    weak = scales[(scales["construct"] != "all") & (scales["alpha"] < CUTOFFS["alpha"].threshold)]
    few = [str(c) for c in weak.loc[weak["items"] == 2, "construct"]]
    more = [str(c) for c in weak.loc[weak["items"] > 2, "construct"]]
    if few:
        act("fs_act_add_items", list=w.labels(few), alpha=CUTOFFS["alpha"].threshold)
    if more:
        act("fs_act_better_items", list=w.labels(more), alpha=CUTOFFS["alpha"].threshold)
    low = w.tables["grouping"]
    low = low[low["loading"].abs() < CUTOFFS["factor_loading"].fail]
    if len(low):
        act("fs_act_drop", list=w.listed(rows_of(low), "loading", key="item"))
    close = [p for p in rows_of(w.tables.get("discriminant")) if p["estimate"] > CUTOFFS["htmt"].threshold]
    if close:
        act("fs_act_merge", list=[w.pair(p) for p in close])
    need = [c for c in w.result.checks if c.key in ("fs_structure_n", "fs_cfa_n") and c.verdict == "fail"]
    if need:
        parameters = max(float(c.values["n"]) / float(c.value or 1) for c in need)
        n = int(np.ceil(parameters * CUTOFFS["sem_n_per_parameter"].threshold / 10) * 10)
        act("fs_act_sample", n=n, per=CUTOFFS["sem_n_per_parameter"].threshold, now=float(need[0].values["n"]))
    return found


def limits(w: Words) -> list[Finding]:
    """Return what cannot be believed: checks that were not passed, and what no check can see."""
    result = w.result
    found = common_limits(result.source.simulated, ())

    def limit(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "caution", "limit"))

    open_ = {c.key for c in result.checks if c.verdict != "pass"}
    for check in sorted(result.checks, key=lambda c: c.verdict != "fail"):
        if check.verdict != "pass" and SAID_BY.get(check.key) not in open_:
            found.append(check.as_limit())
    if not result.options["split"] and "cfa_loadings" in w.tables:
        limit("fs_same_answers")
    if "score_paths" in w.tables and w.by_scores:
        limit("fs_scores_are_not_latent", units=w.units)
    if w.levers:
        limit("fs_causes", target=w.target)
    for part in ("cfa", "structure", "groups"):
        if part in result.missing and result.missing[part] != "not_asked":
            limit(f"fs_no_{part}", reason=phrase(f"why.{result.missing[part]}", group_n=result.options["group_n"]))
    return found
