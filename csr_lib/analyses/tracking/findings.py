"""Tracking: what follows from the figures, what to do, what cannot be believed, and the method in words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from csr_lib.analyses._findings import common_limits, rows_of
from csr_lib.analyses._words import NAMED
from csr_lib.analyses.tracking.warning import ALL, GRADES
from csr_lib.analyses.tracking.words import Row, Words, by_own_limit, of_group
from csr_lib.core.check import Finding, Headline, Level, Tone
from csr_lib.core.text import both

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import TrackingResult

#: Key findings that a reader takes in at once.
KEYS = 4
#: As many warnings of single groups are named in a key finding.
NAMED_GROUPS = 4
_TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "same": "neutral", "": "caution"}
_GRADE_TONES: dict[str, Tone] = {"none": "good", "yellow": "caution", "orange": "caution", "red": "bad"}


def make_headline(result: TrackingResult) -> list[Headline]:
    """Return the cards: the figure, its change, warnings, operational targets."""
    p = Words(result)
    top = p.headline()
    what = {"what": p.label(result.headline_measure), "wave": p.label(result.latest), "previous": p.label(result.previous)}
    cards = [
        Headline("tracking_level", top["estimate"], "score", top["ci_low"], top["ci_high"], what, _standing_tone(top["standing"]))
    ]
    if not math.isnan(top["change"]):
        tone = _TONES[top["reading"]]
        cards.append(
            Headline("tracking_change", top["change"], "signed_score", top["change_ci_low"], top["change_ci_high"], what, tone)
        )
    raised = [r["grade"] for r in p.warned(GRADES[1:], None)]
    own = [r["grade"] for r in rows_of(result.tables.get("own_limits")) if r["grade"] in GRADES[1:]]
    counts = {g: [*raised, *own].count(g) for g in GRADES[1:]}
    everybody = len(p.warned(("red", "orange")))
    further = counts["red"] + counts["orange"] - everybody
    key = "tracking_card_warnings_groups" if further else "tracking_card_warnings"
    note = Finding(key, {"all": everybody, "further": further, "yellow": counts["yellow"]})
    worst = next((g for g in ("red", "orange", "yellow") if counts[g]), "none")
    cards.append(Headline("tracking_warnings", everybody + further, "count", tone=_GRADE_TONES[worst], note=note))
    aimed = [r for r in rows_of(result.tables.get("service")) if r["status"]]
    if aimed:
        met = sum(r["status"].startswith("met") for r in aimed)
        tone = "good" if met == len(aimed) else "bad" if any(r["status"] == "missed_sure" for r in aimed) else "caution"
        note = Finding("tracking_card_service", {"total": len(aimed)})
        cards.append(Headline("tracking_service", met, "count", tone=tone, note=note))
    return cards


def _standing_tone(standing: str) -> Tone:
    return {"met_sure": "good", "met": "good", "missed": "caution", "missed_sure": "bad"}.get(standing, "neutral")  # type: ignore[return-value]


def make_findings(result: TrackingResult) -> list[Finding]:
    """Return everything that is said: key findings, details, actions, limits, method."""
    p = Words(result)
    keys, details = _keys(p), _details(p)
    if len(keys) < KEYS:  # what moved is news where there is little else
        details = [replace(f, level="key") if f.key.startswith("tracking_moved") else f for f in details]
    return [*keys, *details, *_operational(p), *_actions(p), *_limits(p), *_method(p)]


def _keys(p: Words) -> list[Finding]:
    result, top = p.result, p.headline()
    values = {
        "what": p.label(result.headline_measure),
        "latest": p.label(result.latest),
        "previous": p.label(result.previous),
        **{k: top[k] for k in ("estimate", "ci_low", "ci_high", "before", "change", "target")},
        "change_low": top["change_ci_low"],
        "change_high": top["change_ci_high"],
        "p": top["p_adjusted"],
        "moved": _moved(top["change"]),
    }
    found = [Finding(f"tracking_change_{top['reading'] or 'unknown'}", values, _TONES[top["reading"]], "key")]
    if top["standing"]:
        found.append(Finding(f"tracking_target_{top['standing']}", values, _standing_tone(top["standing"]), "key"))
    grave = p.warned(("red", "orange"))
    if grave:
        red, orange = ([p.label(r["measure"]) for r in grave if r["grade"] == g] for g in ("red", "orange"))
        key = "both" if red and orange else "red" if red else "orange"
        lists = {"red": red[:5], "orange": orange[:5], "latest": values["latest"]}
        found.append(Finding(f"tracking_warned_{key}", lists, "bad" if red else "caution", "key"))
    elif p.of_groups():
        said = {"latest": values["latest"], "list": p.of_groups()[:NAMED_GROUPS]}
        found.append(Finding("tracking_warned_groups", said, "bad", "key"))
    else:
        found.append(Finding("tracking_warned_none", {"latest": values["latest"]}, "good", "key"))
    missed = [r for r in rows_of(p.tables.get("service")) if r["status"] in ("missed", "missed_sure")]
    aimed = [r for r in rows_of(p.tables.get("service")) if r["status"]]
    if missed:
        missed.sort(key=lambda r: r["status"] != "missed_sure")
        sure = sum(r["status"] == "missed_sure" for r in missed)
        doubt = both(f"tracking.missed.{'none' if not sure else 'all' if sure == len(missed) else 'some'}", n=sure)
        found.append(
            Finding(
                "tracking_service_missed" if len(missed) > NAMED else "tracking_service_missed_all",
                {"n": len(missed), "total": len(aimed), "sure": doubt, "list": [p.against(r) for r in missed[:NAMED]]},
                "bad" if sure else "caution",
                "key",
            )
        )
    elif aimed:
        found.append(Finding("tracking_service_met", {"total": len(aimed)}, "good", "key"))
    return found


def _moved(change: float) -> dict[str, str]:
    """Return ``up 2.1 points``, in words; "unchanged" where the change vanishes in print."""
    size = abs(change)
    way = "none" if not round(size, 1) else "up" if change > 0 else "down"
    return both(f"tracking.moved.{way}", size=size)


def _details(p: Words) -> list[Finding]:
    found: list[Finding] = []
    frames = [r for n in ("summary", "indicators") for r in rows_of(p.tables.get(n))]
    for reading in ("worse", "better"):
        own = [r for r in frames if r["reading"] == reading and r["measure"] != p.result.headline_measure]
        own.sort(key=lambda r: -abs(r["change"]))
        if own:
            said = {"list": [p.named(r["measure"], r["change"]) for r in own[:5]], "n": len(own)}
            found.append(Finding(f"tracking_moved_{reading}", said, _TONES[reading]))
    compared = [r for r in frames if r["reading"]]
    if compared and all(r["reading"] == "same" for r in compared):
        found.append(Finding("tracking_moved_none", {"n": len(compared)}))
    found += _why(p)
    groups = [r for r in p.warned(GRADES[1:], None) if r["group"] != ALL]
    own = [r for r in rows_of(p.tables.get("own_limits")) if r["grade"] in GRADES[1:]]
    said_above = not p.warned(("red", "orange")) and 0 < len(groups) + len(own) == len(p.of_groups()[:NAMED_GROUPS])
    if groups and not said_above:
        found.append(Finding("tracking_groups_warned", {"list": [of_group(p, r) for r in groups[:5]]}, "caution"))
    if own and not said_above:
        grave = any(r["grade"] in ("red", "orange") for r in own)  # the card counts them
        said = {"list": [by_own_limit(p, r) for r in own[:5]]}
        found.append(Finding("tracking_own_limits", said, "bad", "key" if grave else "detail"))
    paired = [r for n in ("panel", "panel_indicators") for r in rows_of(p.tables.get(n))]
    paired = [r for r in paired if r["p_adjusted"] < 1 - p.result.confidence]
    if paired:
        paired.sort(key=lambda r: -abs(r["change"]))
        said = {"n": max(r["n"] for r in paired), "list": [p.named(r["measure"], r["change"]) for r in paired[:5]]}
        found.append(Finding("tracking_panel_moved", said))
    if "moves" in p.tables:
        row = rows_of(p.tables["moves"])[0]
        found.append(Finding("tracking_moves", {k: row[k] for k in ("n", "rose", "stayed", "fell")} | {"p": row["p_value"]}))
    alarms = {r["grade"]: r for r in rows_of(p.tables.get("false_alarms")) if r["group"] == ALL}
    if alarms:
        said = {g: alarms[g]["any"] for g in GRADES[1:]} | {"measures": alarms["red"]["measures"]}
        found.append(Finding("tracking_alarms", said))
    return found


def _why(p: Words) -> list[Finding]:
    rows = rows_of(p.tables.get("decomposition"))
    if not rows:
        return []
    row = rows[0]
    values = {
        "segment": p.label(row["segment"]),
        **{k: row[k] for k in ("change", "composition", "within")},
        "low": row["composition_ci_low"],
        "high": row["composition_ci_high"],
        "within_low": row["within_ci_low"],
        "within_high": row["within_ci_high"],
    }
    sure = row["composition_ci_low"] > 0 or row["composition_ci_high"] < 0  # never without an interval
    return [Finding("tracking_why_composition" if sure else "tracking_why_real", values, "caution" if sure else "neutral")]


def _operational(p: Words) -> list[Finding]:
    found: list[Finding] = []
    tests = [r for r in rows_of(p.tables.get("types_test")) if r["p_value"] < 1 - p.result.confidence]
    types = rows_of(p.tables.get("types"))
    for row in tests[:2]:
        own = sorted(
            (r for r in types if r["metric"] == row["metric"] and r["type"] != ALL and not math.isnan(r["mean"])),
            key=lambda r: r["mean"],
        )
        if len(own) > 1:
            unit = str(own[0]["unit"])
            said = {
                "metric": p.label(row["metric"]),
                "slowest": p.label(own[-1]["type"]),
                "fastest": p.label(own[0]["type"]),
                "most": p.amount(own[-1]["mean"], unit),
                "least": p.amount(own[0]["mean"], unit),
                "p": row["p_value"],
            }
            found.append(Finding("tracking_types", said))
    late = [r for r in rows_of(p.tables.get("service")) if not math.isnan(r["within_limit"])]
    if late:
        worst = min(late, key=lambda r: r["within_limit"])
        said = {
            "metric": p.label(worst["metric"]),
            "share": worst["within_limit"],
            "low": worst["within_limit_ci_low"],
            "high": worst["within_limit_ci_high"],
        }
        found.append(Finding("tracking_within", said | {"limit": p.amount(worst["limit"], str(worst["unit"]))}))
    found += _leads(p)
    return found


def _leads(p: Words) -> list[Finding]:
    if "lead_lag" not in p.tables:
        why = p.result.missing.get("lead_lag", "")
        said = {"periods": len(p.tables["headline"])}
        return [Finding("tracking_lead_untold", said, "caution")] if why == "few_periods" else []
    best = [r for r in rows_of(p.tables["lead_lag"]) if r["best"] and r["p_adjusted"] < 1 - p.result.confidence]
    ahead = sorted((r for r in best if r["lag"] > 0), key=lambda r: r["p_value"])
    if not ahead:
        return [Finding("tracking_lead_none", {"what": p.label(p.result.headline_measure)})]
    return [Finding("tracking_lead", _lead_values(p, r), "good") for r in ahead[:1]]


def _lead_values(p: Words, row: Row) -> dict[str, Any]:
    return {
        "metric": p.label(row["metric"]),
        "what": p.label(p.result.headline_measure),
        "ahead": both(f"tracking.ahead.{'one' if row['lag'] == 1 else 'many'}", lag=int(row["lag"])),
        "r": row["estimate"],
        "low": row["ci_low"],
        "high": row["ci_high"],
        "pairs": int(row["pairs"]),
    }


def _actions(p: Words) -> list[Finding]:
    found: list[Finding] = []

    def act(key: str, tone: Tone = "neutral", **values: Any) -> None:
        found.append(Finding(key, values, tone, "action"))

    for row in rows_of(p.tables.get("plan"))[:4]:
        now = p.amount(row["now"], str(row["unit"]))
        if math.isnan(row["goal"]):
            act("tracking_act_watch", "bad", what=p.label(row["subject"]), now=now)
        else:
            act("tracking_act_raise", "bad", what=p.label(row["subject"]), now=now, goal=p.amount(row["goal"], str(row["unit"])))
    overdue = rows_of(p.tables.get("overdue"))
    if overdue:
        rows = list(dict.fromkeys(f"{int(r['row'])}" for r in overdue))  # one record can be beyond two limits
        act("tracking_act_overdue", n=len(rows), rows=", ".join(rows[:5]))
    for finding in _leads(p):
        if finding.key == "tracking_lead":
            act(
                "tracking_act_lead",
                "good",
                metric=finding.values["metric"],
                ahead=finding.values["ahead"],
                what=finding.values["what"],
            )
            break
    if not found:
        act("tracking_act_hold", "good")
    return found


def _limits(p: Words) -> list[Finding]:
    result = p.result
    found = common_limits(result.source.simulated, result.checks)

    def limit(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "caution", "limit"))

    if "lead_lag" in p.tables:
        limit("tracking_lead_caution")
    if "decomposition" in p.tables:
        limit("tracking_composition_caution")
    if "panel" not in p.tables:
        limit("tracking_no_panel")
    return found


def _method(p: Words) -> list[Finding]:
    from csr_lib import __version__

    result, options, tables = p.result, p.result.options, p.tables
    level: Level = "method"
    found: list[Finding] = []

    def say(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "neutral", level))

    waves = tables["waves"]
    say(
        "tracking_method_base",
        waves=len(waves),
        n=float(waves["n"].sum()),
        latest=p.label(result.latest),
        n_latest=result.basis.n,
        weights=both(f"weights.{result.basis.weights}"),
        measures=int(tables["trend"]["measure"].nunique()),
    )
    if result.index_by:
        say(f"tracking_method_index_{result.index_by}")
    say(
        "tracking_method_panel" if result.panel else "tracking_method_test",
        adjust=both(f"tracking.adjust.{options['adjust']}"),
        confidence=result.confidence,
    )
    if "control" in tables or "service_trend" in tables:
        say("tracking_method_control", baseline=options["baseline"])
    say("tracking_method_rules", simulations=options["simulations"], adjust=both(f"tracking.adjust.{options['adjust']}"))
    if "decomposition" in tables:
        say("tracking_method_decomposition", resamples=result.resamples, confidence=result.confidence)
    if "service" in tables:
        say("tracking_method_service", records=result.records, period=both(f"tracking.period.{result.period_kind}"))
    if "lead_lag" in tables:
        say("tracking_method_lead", most=options["max_lag"])
    say("tracking_method_software", version=__version__)
    return found
