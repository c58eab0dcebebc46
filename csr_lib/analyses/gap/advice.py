"""Gap analysis: what follows from the gaps, what cannot be believed, and the method in words."""

from __future__ import annotations

from typing import Any

from csr_lib.analyses._findings import common_limits, rows_of
from csr_lib.analyses._words import NAMED
from csr_lib.analyses.gap.words import Words, internal
from csr_lib.core.check import Finding, Tone
from csr_lib.core.text import both


def actions(w: Words) -> list[Finding]:
    found: list[Finding] = []

    def act(key: str, tone: Tone = "neutral", **values: Any) -> None:
        found.append(Finding(key, values, tone, "action"))

    zone = w.tables.get("zone_by_indicator")
    if zone is not None and (zone["zone"] == "below").any():
        below = zone[zone["zone"] == "below"].sort_values("adequacy", kind="stable")
        act("gap_act_below", "bad", list=[w.label(i) for i in below["indicator"][:NAMED]])
    frame = w.tables["indicators"]
    short = frame[frame["reading"] == "short"].copy()
    if len(short):
        dimensions = w.tables.get("dimensions")
        weights: dict[str, float] = {}
        if dimensions is not None and "weight" in dimensions:
            weights = dict(zip(dimensions["construct"], dimensions["weight"], strict=True))
        short["urgency"] = short["gap"] * (short["construct"].map(weights).fillna(0.0) if weights else 1.0)
        short = short.sort_values("urgency", kind="stable")
        key = "gap_act_first_weighted" if weights else "gap_act_first"
        act(key, list=[w.label(i) for i in short["indicator"][:NAMED]])
    for row in internal(w.result)[:2]:
        if w.reading(row["estimate"], row["p_adjusted"]) == "short":
            act(f"gap_act_internal_{row['gap']}")
    ranks = w.tables.get("ranking")
    if ranks is not None:
        under = ranks[ranks["rank_difference"] >= 2].sort_values("rank_difference", ascending=False, kind="stable")
        over = ranks[ranks["rank_difference"] <= -2].sort_values("rank_difference", kind="stable")
        if len(under) and len(over):
            act("gap_act_ranking", under=[w.label(c) for c in under["construct"]], over=[w.label(c) for c in over["construct"]])
    over = frame[frame["reading"] == "exceeds"].sort_values("gap", ascending=False, kind="stable")
    if len(over):
        act("gap_act_keep", list=[w.label(i) for i in over["indicator"][:NAMED]])
    if not found:
        act("gap_act_hold")
    for code in dict.fromkeys(c for k, v in w.result.missing.items() if k.startswith("gap_") for c in v.split("+")):
        act(f"gap_collect_{code}")
    return found


def limits(w: Words) -> list[Finding]:
    result = w.result
    found = common_limits(result.source.simulated, result.checks)

    def limit(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "caution", "limit"))

    lost = [row for row in rows_of(result.tables["five_gaps"]) if row["missing"]]
    if lost:
        codes = dict.fromkeys(code for row in lost for code in row["missing"].split("+"))
        limit("gap_missing", gaps=[str(int(row["gap"])) for row in lost], what=[w.label(code) for code in codes])
    five = result.tables["five_gaps"]
    delivery = five[five["gap"] == 3]
    if delivery["estimate"].notna().all() and delivery["n_staff"].isna().all():
        limit("gap_delivery_by_customers")
    if "ranking" in result.missing:
        limit(f"gap_ranking_{result.missing['ranking']}")
    elif result.ranked_by == "expectation" and result.options["rank_by"] is None:
        limit("gap_ranking_by_expectation")
    correlations = result.tables.get("ranking_correlation")
    if correlations is not None:
        part = correlations[correlations["level"] == "construct"]
        if len(part) and part["ranked"].iloc[0] <= 5:
            certain = "never" if part["smallest_p"].iloc[0] >= w.limit else "extreme"
            limit(f"gap_ranking_{certain}", n=int(part["ranked"].iloc[0]), p=float(part["smallest_p"].iloc[0]))
    if result.rule_replaced:
        limit("gap_rule_replaced")
    limit("gap_difference_scores")
    return found


def method(w: Words) -> list[Finding]:
    from csr_lib import __version__

    result, options = w.result, w.result.options
    found: list[Finding] = []

    def say(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "neutral", "method"))

    basis, tables = result.basis, result.tables
    say(
        "gap_method_base",
        n=basis.n,
        who=both(f"gap.who.{options['role']}"),
        indicators=len(tables["indicators"]),
        dimensions=len(tables.get("dimensions", ())),
        weights=both(f"weights.{basis.weights}"),
        n_effective=basis.n_effective,
        rule=both(f"missing_rule.{options['missing_rule']}"),
        low=options["low"],
        high=options["high"],
        unit=both(f"gap.unit_method.{options['unit']}"),
    )
    say("gap_method_gap")
    if "dimensions" in tables:
        say("gap_method_dimensions", answered=options["answered"])
    say("gap_method_weighted" if "weight" in tables.get("dimensions", ()) else "gap_method_equal")
    adjust = both(f"gap.adjust.{options['adjust']}")
    say("gap_method_test", test=both(f"gap.test.{options['test']}"), adjust=adjust, confidence=result.confidence)
    if "zone_by_indicator" in tables:
        say("gap_method_zone", resamples=result.resamples, confidence=result.confidence)
    five = result.tables["five_gaps"]
    if five.loc[five["gap"] < 5, "estimate"].notna().any():
        say("gap_method_five")
    if result.ranked_by:
        roles = [both(f"gap.role.{role}") for role in result.company]
        say("gap_method_ranking", by=both(f"gap.ranked_by.{result.ranked_by}"), roles=roles)
    if "reliability" in tables:
        say("gap_method_reliability")
    if "groups" in tables:
        say("gap_method_groups", adjust=adjust)
    say("gap_method_software", version=__version__)
    return found
