"""Loyalty: the cards and what was found, in catalogue keys and values; the sentences stand in loyalty.yml."""

from __future__ import annotations

from typing import Any

from csr_lib.analyses._findings import common_limits
from csr_lib.analyses._words import named
from csr_lib.analyses.loyalty.measure import ALL, TYPES
from csr_lib.analyses.loyalty.words import groups_of, label, leaving_phrase, rows_of, verb
from csr_lib.core.check import Finding, Headline, Level, Tone
from csr_lib.core.text import both

_TYPE_TONES: dict[str, Tone] = {"advocates": "good", "price_driven": "caution", "locked_in": "caution", "sceptics": "bad"}


def make_headline(result: Any) -> list[Headline]:
    """Return the cards: completely satisfied; risk of the basically satisfied, and how many times the former's; advocates."""
    cards = []
    complete = rows_of(result, "levels", group=ALL, level="complete")[0]
    cards.append(Headline("loyalty_complete", complete["share"], "percent", complete["share_ci_low"], complete["share_ci_high"]))
    for row in rows_of(result, "switching", group=ALL):
        said = {"verb": verb(result)}
        cards.append(
            Headline("loyalty_basic_risk", row["basic"], "percent", row["basic_ci_low"], row["basic_ci_high"], said, "caution")
        )
        if row["ratio"] == row["ratio"] and row["p_adjusted"] < 1 - result.confidence:
            cards.append(Headline("loyalty_ratio", row["ratio"], "decimal", row["ratio_ci_low"], row["ratio_ci_high"], said))
    first = rows_of(result, "types", group=ALL, type="advocates")[0]
    cuts = Finding("loyalty_card_cuts", {k: result.options[k] for k in ("satisfied", "loyal")})
    ends = first["share_ci_low"], first["share_ci_high"]
    cards.append(Headline("loyalty_advocates", first["share"], "percent", *ends, tone="good", note=cuts))
    return cards


def make_findings(result: Any) -> list[Finding]:
    """Return key findings, details, recommendations, limits and the method, in the order they are read."""
    parts = (_switching, _shapes, _types, _matrix, _value, _actions, _limits, _method)
    return [finding for part in parts for finding in part(result)]


def _say(found: list[Finding], key: str, tone: Tone = "neutral", level: Level = "detail", **values: Any) -> None:
    found.append(Finding(key, values, tone, level))


def _switching(result: Any) -> list[Finding]:
    found: list[Finding] = []
    leaving = leaving_phrase(result)
    for row in rows_of(result, "switching", group=ALL):
        ends = [f"{name}{end}" for name in ("basic", "complete", "ratio") for end in ("", "_ci_low", "_ci_high")]
        level = rows_of(result, "levels", group=ALL, level="basic")[0]
        values = {k: row[k] for k in ends} | {k: level[k] for k in ("share", "share_ci_low", "share_ci_high")}
        firm = row["p_adjusted"] < 1 - result.confidence and row["difference"] > 0
        key = "loyalty_basic_risk" if firm and row["ratio"] == row["ratio"] else "loyalty_basic_even"
        _say(found, key, "caution" if firm else "neutral", "key", leaving=leaving, verb=verb(result), **values)
    each = [r for r in rows_of(result, "switching") if r["group"] != ALL]
    if len(each) > 1:
        each = sorted(each, key=lambda r: -r["basic"])
        order = [named(label(result, r["group"]), r["basic"], "percent") for r in each]
        _say(found, "loyalty_basic_order", list=order, verb=verb(result))
        apart = [
            both("loyalty.named_points", label=label(result, r["group"]), points=100 * r["difference"])
            for r in each
            if r["p_adjusted"] < 1 - result.confidence
        ]
        if apart:
            _say(found, "loyalty_basic_apart", list=apart, verb=verb(result))
        else:
            _say(found, "loyalty_basic_same", verb=verb(result))
    return found


def _shapes(result: Any) -> list[Finding]:
    found: list[Finding] = []
    groups = groups_of(result)
    rows = [r for r in rows_of(result, "shape") if (r["group"] != ALL) == bool(groups)]
    by_reading: dict[str, list[Any]] = {}
    for row in rows:
        by_reading.setdefault(row["reading"], []).append(row)
    for row in by_reading.get("elbow", []):
        knot = (result.options["levels"][1] + result.options["levels"][2]) / 2
        values = {"group": label(result, row["group"]), "knot": knot}
        values |= {f"{name}{end}": row[f"{name}{end}"] for name in ("below", "above") for end in ("", "_ci_low", "_ci_high")}
        _say(found, "loyalty_elbow", "caution", "key" if row is by_reading["elbow"][0] else "detail", **values)
    flat = [r["group"] for r in by_reading.get("flat", [])]
    for group in flat:
        level = {r["level"]: r for r in rows_of(result, "levels", group=group)}
        known = [level[k] for k in ("dissatisfied", "so_so") if level[k]["loyalty"] == level[k]["loyalty"]]
        low = known[0]["loyalty"] if known else float("nan")
        attitude = (
            rows_of(result, "outcomes", group=group, outcome="recommendation") if result.outcome != "recommendation" else []
        )
        false = low >= result.options["loyal"]
        key = (
            "loyalty_false"
            if false and attitude and attitude[0]["p_adjusted"] < 1 - result.confidence
            else "loyalty_false_plain"
            if false
            else "loyalty_flat"
        )
        values = {"group": label(result, group)}
        for name, row in (("low", known[0] if known else {}), ("high", level["complete"])):
            values |= {f"{name}{end}": row.get(f"loyalty{end}", float("nan")) for end in ("", "_ci_low", "_ci_high")}
        if key == "loyalty_false":
            values |= {f"attitude{end}": attitude[0][f"difference{end}"] for end in ("", "_ci_low", "_ci_high")}
        _say(found, key, "caution", "key", **values)
    for key in ("straight", "levels_off", "curved"):
        if key in by_reading:
            _say(
                found,
                f"loyalty_{key}",
                list=[named(label(result, r["group"]), r["slope"], "signed_score") for r in by_reading[key]],
            )
    for row in rows_of(result, "interaction"):
        if row["p_adjusted"] != row["p_adjusted"]:  # too few answers: nothing was found, nothing ruled out
            continue
        firm = row["p_adjusted"] < 1 - result.confidence
        _say(
            found,
            f"loyalty_test_{row['test']}_{'yes' if firm else 'no'}",
            p=row["p_adjusted"],
            f=row["f"],
            estimate=row["estimate"],
        )
    return found


def _types(result: Any) -> list[Finding]:
    found: list[Finding] = []
    rows = rows_of(result, "types", group=ALL)
    shares = {f"{r['type']}{end}": r[f"share{end}"] for r in rows for end in ("", "_ci_low", "_ci_high")}
    _say(found, "loyalty_types", "neutral", "key", satisfied=result.options["satisfied"], loyal=result.options["loyal"], **shares)
    grid = result.tables["sensitivity"]
    ranges: dict[str, Any] = {f"{t}_{end}": float(getattr(grid[t], end)()) for t in TYPES for end in ("min", "max")}
    _say(found, "loyalty_sensitivity", **ranges)
    groups = groups_of(result)
    for kind in ("advocates", "locked_in", "price_driven"):
        some = [r for r in rows_of(result, "types", type=kind) if r["group"] in groups]
        if len(some) > 1:
            most = max(some, key=lambda r: r["share"])
            hollow = kind == "advocates" and any(r["reading"] == "flat" for r in rows_of(result, "shape", group=most["group"]))
            _say(
                found,
                "loyalty_type_most_hollow" if hollow else "loyalty_type_most",
                type=both(f"value.type.{kind}"),
                group=label(result, most["group"]),
                share=most["share"],
                low=most["share_ci_low"],
                high=most["share_ci_high"],
            )
    return found


def _matrix(result: Any) -> list[Finding]:
    found: list[Finding] = []
    rows = {(r["contribution"], r["loyal"]): r for r in rows_of(result, "matrix")}
    if rows:
        row = rows["high", "low"]
        _say(
            found,
            "loyalty_matrix",
            "caution",
            share=row["share"],
            low=row["share_ci_low"],
            high=row["share_ci_high"],
            worth=row["contribution_share"],
        )
    return found


def _value(result: Any) -> list[Finding]:
    found: list[Finding] = []
    lines = {r["line"]: r for r in rows_of(result, "value")}
    if "stake_total" in lines:
        row = lines["stake_total"]
        _say(
            found,
            "loyalty_stake",
            "caution",
            verb=verb(result),
            total=row["estimate"],
            low=row["ci_low"],
            high=row["ci_high"],
            basic=lines["stake_basic"]["estimate"],
        )
    if "kept_more" in lines and lines["kept_more"]["estimate"] > 0:
        row = lines["kept_more"]
        values = {"gain": row["estimate"], "low": row["ci_low"], "high": row["ci_high"]}
        _say(found, "loyalty_kept", **values)
        step = float(result.options["loyalty_step"])
        reach = "reached" if row["ci_low"] >= step else "short" if row["ci_high"] < step else "open"
        quoted = {k: result.options[k] for k in ("loyalty_step", "profit_low", "profit_high")}
        _say(found, f"loyalty_rule_{reach}", **quoted)
    return found


def _actions(result: Any) -> list[Finding]:
    found: list[Finding] = []
    if any(r["reading"] == "elbow" for r in rows_of(result, "shape")):
        _say(found, "loyalty_act_delight", "neutral", "action")
    for row in sorted(rows_of(result, "types", group=ALL), key=lambda r: -r["share"]):
        if row["n"]:
            _say(found, f"loyalty_act_{row['type']}", _TYPE_TONES[row["type"]], "action", share=row["share"])
    if rows_of(result, "matrix"):
        _say(found, "loyalty_act_valuable", "neutral", "action")
    flat = [label(result, r["group"]) for r in rows_of(result, "shape") if r["reading"] == "flat" and r["group"] != ALL]
    if flat:
        _say(found, "loyalty_act_flat", "caution", "action", list=flat)
    return found


def _limits(result: Any) -> list[Finding]:
    found = common_limits(result.source.simulated, result.checks)
    _say(found, "loyalty_cut_offs", level="limit")
    _say(found, "loyalty_not_causal", level="limit")
    if not result.options.get("leaving_binary"):
        _say(found, "loyalty_intention", level="limit", outcome=label(result, result.leaving))
    if "value" in result.tables:
        _say(found, "loyalty_quoted", level="limit")
    return found


def _method(result: Any) -> list[Finding]:
    from csr_lib import __version__

    found: list[Finding] = []
    o, basis = result.options, result.basis
    outcome = label(result, result.outcome)
    _say(
        found,
        "loyalty_method_base",
        level="method",
        n=basis.n,
        weights=both(f"weights.{basis.weights}"),
        n_effective=basis.n_effective,
        rule=both(f"missing_rule.{basis.missing_rule}"),
        outcome=outcome,
        leaving=leaving_phrase(result),
    )
    _say(
        found,
        "loyalty_method_levels",
        level="method",
        low=o["levels"][0],
        middle=o["levels"][1],
        high=o["levels"][2],
        satisfied=o["satisfied"],
        loyal=o["loyal"],
    )
    _say(
        found,
        "loyalty_method_curve",
        level="method",
        bandwidth=o["bandwidth"],
        resamples=result.resamples,
        confidence=result.confidence,
    )
    if result.panel_wave:
        _say(found, "loyalty_method_panel", level="method", wave=label(result, result.panel_wave))
    if groups_of(result):
        _say(found, "loyalty_method_groups", level="method")
    _say(found, "loyalty_method_software", level="method", version=__version__)
    return found
