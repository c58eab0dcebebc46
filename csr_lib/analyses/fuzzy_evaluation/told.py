"""Fuzzy evaluation: what follows, what cannot be believed, and the method in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from csr_lib.analyses._findings import common_limits
from csr_lib.analyses._words import NAMED, named
from csr_lib.analyses.fuzzy_evaluation.sets import FROM_ANSWERS, STATED
from csr_lib.analyses.fuzzy_evaluation.system import NAME, TIE
from csr_lib.analyses.fuzzy_evaluation.words import Words, set_label, value_text
from csr_lib.core.check import Finding, Tone
from csr_lib.core.text import both

#: Points that an indicator is imagined to rise by in the recommendations.
STEP = 10.0
#: So few experts are named as a weakness.
FEW_EXPERTS = 5


def actions(w: Words) -> list[Finding]:
    """Return the recommendations."""
    found: list[Finding] = []

    def act(key: str, tone: Tone = "neutral", **values: Any) -> None:
        found.append(Finding(key, values, tone, "action"))

    loss, first = w.tables["priorities"], w.to_improve.head(NAMED)
    if len(first):
        rise = STEP * float(first["weight"].sum())
        plain = w.result.options["operator"] == "weighted_average"
        names = [w.label(i) for i in first["indicator"]]
        act("fuzzy_act_first" if plain else "fuzzy_act_first_plain", list=names, step=STEP, rise=rise)
    weakest = w.first_level.sort_values("score", kind="stable").iloc[0]
    if len(w.constructs) > 1:
        below = pd.concat([w.constructs, loss.rename(columns={"indicator": "item"})])
        below = below[below["parent"] == weakest["item"]].sort_values("score", kind="stable")
        part, lowest = w.named(weakest["item"], weakest["score"]), w.named(below.iloc[0]["item"], below.iloc[0]["score"])
        act("fuzzy_act_part", part=part, lowest=lowest)
    for check in w.result.checks:
        if check.key == "fuzzy_consistency" and check.verdict == "fail":
            about = dict(check.values)
            act("fuzzy_act_judgement", "caution", **{k: about[k] for k in ("expert", "node", "row", "column")})
    kept = [
        c.verdict
        for c in w.result.checks
        if c.key in ("fuzzy_effectiveness", "fuzzy_winner", "fuzzy_two_readings", "fuzzy_sensitivity")
    ]
    if w.whole["grade"] == TIE or any(v != "pass" for v in kept):
        act("fuzzy_act_score")
    groups = w.tables.get("groups")
    if groups is not None:
        low = groups[(groups["segment"] != "wave") & (groups["p_adjusted"] < w.limit) & (groups["difference"] < 0)]
        if len(low):
            row = low.sort_values("difference", kind="stable").iloc[0]
            act("fuzzy_act_group", group=w.named(row["group"], row["score"]), segment=w.label(row["segment"]))
    best = loss.sort_values("score", kind="stable").iloc[-1]
    act("fuzzy_act_keep", indicator=w.named(best["indicator"], best["score"]))
    if not any(name in w.tables["weights"].columns for name in STATED):
        act("fuzzy_act_ask")
    return found


def limits(w: Words) -> list[Finding]:
    """Return what cannot be believed: failed checks first, then what lies in the design."""
    result = w.result
    found = common_limits(result.source.simulated, result.checks)

    def limit(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "caution", "limit"))

    sets = list(w.tables["weights"].columns)
    if any(name in sets for name in STATED):
        limit("fuzzy_fixed")
    experts = w.tables.get("experts")
    if experts is not None:
        count = int(experts["expert"].nunique())
        if count < FEW_EXPERTS:
            limit("fuzzy_few_experts", n=count)
    if result.options["weights"] in (*FROM_ANSWERS, "combination"):
        limit("fuzzy_from_answers" if result.options["weights"] != "importance" else "fuzzy_by_importance")
    for name in ("entropy", "critic", "components"):
        if name in result.missing:
            limit("fuzzy_no_set", weights=both(f"{NAME}.set.{name}"), why=result.missing[name])
    if result.wave:
        limit("fuzzy_latest", wave=w.label(f"wave={result.wave}"))
    if result.rule_replaced:
        limit("fuzzy_rule_replaced")
    if result.stretched:
        limit("fuzzy_stretched", list=[w.label(i) for i in result.stretched])
    if not result.grades_stated:
        limit("fuzzy_own_grades")
    limit("fuzzy_values")
    return found


def method(w: Words) -> list[Finding]:
    """Return the sentences of the paragraph that can be cited."""
    from csr_lib import __version__

    result, options, tables = w.result, w.result.options, w.tables
    found: list[Finding] = []

    def say(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "neutral", "method"))

    basis = result.basis
    say(
        "fuzzy_method_base",
        n=basis.n,
        indicators=len(tables["memberships"]),
        levels=int(tables["evaluation"]["level"].max()) + 1,
        weights=both(f"weights.{basis.weights}"),
        n_effective=basis.n_effective,
        rule=both(f"missing_rule.{options['missing_rule']}"),
    )
    worth = [named(w.label(g), value_text(v)) for g, v in zip(result.grades, options["grade_values"], strict=True)]
    points = [f"{point:g}" for point in options["grade_points"]]
    say("fuzzy_method_grades", list=worth, points=points, membership=both(f"{NAME}.membership.{options['membership']}"))
    chosen = options["weights"]
    say("fuzzy_method_weights", weights=set_label(options))
    used = {chosen, *(options["combine"] or ())} if chosen == "combination" else {chosen}
    for name in tables["weights"].columns:
        if name in used and name not in ("equal", "combination"):
            say(f"fuzzy_method_{name}", **_about(w, str(name)))
    if chosen == "combination":
        parts = [both(f"{NAME}.set.{name}") for name in options["combine"]]
        say("fuzzy_method_combination", list=parts, rule=both(f"{NAME}.rule.{options['combine_rule']}"))
    say("fuzzy_method_operator", operator=both(f"{NAME}.operator.{options['operator']}"))
    say("fuzzy_method_score")
    if result.resamples:
        groups = tables.get("groups")
        waves = groups is not None and (groups["segment"] == "wave").any()
        key = "fuzzy_method_bootstrap_waves" if waves else "fuzzy_method_bootstrap"
        say(key, resamples=result.resamples, confidence=result.confidence)
    say("fuzzy_method_sensitivity", sets=len(tables["weights"].columns) - 2)
    if "groups" in tables:
        say("fuzzy_method_groups")
    say("fuzzy_method_software", version=__version__)
    return found


def _about(w: Words, name: str) -> dict[str, Any]:
    options, tables = w.result.options, w.tables
    experts = tables.get("experts")
    count = 0 if experts is None else int((experts["weights"] == name).sum())
    if name == "ahp":
        return {
            "n": count,
            "method": both(f"{NAME}.ahp_method.{options['ahp_method']}"),
            "aggregate": both(f"{NAME}.ahp_group.{options['ahp_group']}"),
            "table": both(f"{NAME}.random_index.{options['random_index']}"),
        }
    if name == "experts":
        return {"n": count}
    if name in ("entropy", "critic"):
        return {"scaling": both(f"{NAME}.scaling.{options['scaling']}")}
    if name == "components":
        return {"definition": both(f"{NAME}.definition.{options['definition']}")}
    return {}
