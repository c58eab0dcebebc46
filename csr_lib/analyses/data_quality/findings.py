"""Data quality: what follows – how far the data carry, what to do, what cannot be believed, and the method in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from csr_lib.analyses._findings import common_limits, rows_of
from csr_lib.analyses._words import NAMED
from csr_lib.analyses.data_quality.base import ALL
from csr_lib.analyses.data_quality.fabricated import summary
from csr_lib.analyses.data_quality.words import Row, Words, amount, has_burst, interval_of_level, unit_of
from csr_lib.core.check import Finding, Headline, Level, Tone
from csr_lib.core.text import LANGUAGES, both, text

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import DataQualityResult

#: Below this share of the level the field was closed early; a change of so many points by cleaning matters.
LEVELLED, MATTERS = 0.95, 1.0


def make_headline(result: DataQualityResult) -> list[Headline]:
    """Return the cards: valid answers, response, margin of error, effect of cleaning; in a pre-test, items to look at."""
    p, facts = Words(result), result.facts
    cards = [Headline("dq_valid", facts["valid"], "count")]
    funnel = {r["stage"]: r for r in rows_of(result.tables.get("funnel"))}
    if facts["issued"] == facts["issued"] and "of_issued" in funnel.get("returned", {}):
        row = funnel["returned"]
        cards.append(Headline("dq_response", row["of_issued"], "share", row["of_issued_ci_low"], row["of_issued_ci_high"]))
    if result.pilot:
        flawed = p.flawed()
        note = Finding("dq_card_items", {"total": len(result.tables["items"])}) if "items" in result.tables else None
        cards.append(Headline("dq_items", len(flawed), "count", tone="caution" if flawed else "good", note=note))
        return cards
    precise = p.precise()
    if precise is not None:
        row = dict(precise)
        cards.append(
            Headline(
                "dq_margin",
                row["margin"],
                "score",
                values={"what": p.label(row["measure"]), "unit": both(f"data_quality.unit.{unit_of(row['measure'])}")},
            )
        )
    raw = [r for r in p.effects("raw") if r["measure"] == "index"]
    if raw:
        r = raw[0]
        # shown the other way round than in the table: what cleaning did, not what undoing it would do
        cards.append(
            Headline(
                "dq_cleaning",
                -r["difference"],
                "signed_score",
                -r["difference_ci_high"],
                -r["difference_ci_low"],
                tone=_effect_tone(raw),
            )
        )
    return cards


def _effect_tone(rows: list[Row]) -> Tone:
    return "caution" if any(_matters(r) for r in rows) else "good"


def _matters(row: Row) -> bool:
    return bool(abs(row["difference"]) >= MATTERS)


def make_findings(result: DataQualityResult) -> list[Finding]:
    """Return everything that is said: key findings, details, actions, limits, method."""
    p = Words(result)
    keys = _pilot_keys(p) if result.pilot else _keys(p)
    return [*keys, *_details(p), *_actions(p), *_limits(p), *_method(p)]


# ---- key findings


def _keys(p: Words) -> list[Finding]:
    found = [_response(p), *_field(p), _cleaned(p), _represented(p)]
    return [f for f in found if f is not None][:4]


def _response(p: Words) -> Finding:
    facts = p.facts
    values = {k: facts[k] for k in ("issued", "returned", "valid")}
    row = p.precise()
    if row is not None:
        values |= {"margin": amount(row["margin"], row["measure"]), "what": p.label(row["measure"])}
    if facts["issued"] != facts["issued"]:
        return Finding("dq_returned" if row is None else "dq_returned_margin", values, "neutral", "key")
    values |= {"response": facts["returned"] / facts["issued"], "validity": facts["valid"] / facts["issued"]}
    return Finding("dq_funnel" if row is None else "dq_funnel_margin", values, "neutral", "key")


def _field(p: Words) -> list[Finding]:
    """Say at the top whether the field was closed too early; that returns levelled off is a detail."""
    row = p.main_curve()
    if row is None:
        return []
    values = {"n": row["n"], "end": row["rate_end"], "before": row["rate_before"], "days": row["last_days"]}
    values["group"] = both("data_quality.of_wave", wave=p.label(row["group"])) if row["segment"] == "wave" else ""
    if row["phase"] in ("rising", "steady"):
        return [Finding(f"dq_still_{row['phase']}", values, "caution", "key")]
    if row["level"] == row["level"]:
        values |= {"level": row["level"], "interval": interval_of_level(row), "reached": row["reached"]}
        if row["n"] >= row["issued"]:
            return []  # everything issued came back: there is nothing to wait for
        early = row["reached"] < LEVELLED
        if row["capped"]:
            return [Finding("dq_slowing", values | {"issued": row["issued"]}, "neutral", "key")]
        return [Finding("dq_closed_early" if early else "dq_levelled", values, "caution" if early else "good", "key")]
    return []


def _cleaned(p: Words) -> Finding | None:
    raw = p.effects("raw")
    dropped = sum(r["n"] for r in rows_of(p.tables.get("reasons")) if r["reason"] != "duplicate")
    if not raw:
        marked = p.facts["marked"]
        own = {f"drop:{r['rule']}" for r in rows_of(p.tables.get("marks")) if r["origin"] == p.facts["judged_by"]}
        strict = p.effects("strict") or [r for r in rows_of(p.tables.get("cleaning")) if r["variant"] in own]
        strict = [r for r in strict if r["measure"] == "index"]
        if not strict or not marked:
            return Finding("dq_nothing_marked", {"dropped": dropped}, "good", "key") if not marked else None
        worst = max(strict, key=lambda r: abs(r["difference"]))
        values = {"marked": marked, "share": marked / max(1.0, p.facts["valid"]), **_effect(p, worst)}
        values["whose"] = both(f"value.whose.{p.facts['judged_by']}")
        return Finding("dq_only_marked", values, _effect_tone([worst]), "key")
    row = next((r for r in raw if r["measure"] == "index"), raw[0])
    clean = -row["difference"]
    read = p.facts["in_file"]  # cleaning can take out only what the file has, whatever is said to have come back
    values = {"dropped": dropped, "read": read, "share": dropped / max(1.0, read), "list": _reasons(p), **_effect(p, row)}
    values |= {"difference": clean, "low": -row["difference_ci_high"], "high": -row["difference_ci_low"]}
    worst = max(raw, key=lambda r: abs(r["difference"]))
    key = "dq_cleaned_matters" if _matters(worst) else "dq_cleaned"
    return Finding(key, values, _effect_tone(raw), "key")


def _effect(p: Words, row: Row) -> dict[str, Any]:
    return {
        "what": p.label(row["measure"]),
        "difference": row["difference"],
        "low": row["difference_ci_low"],
        "high": row["difference_ci_high"],
        "used": row["used"],
        "raw": row["estimate"],
    }


def _reasons(p: Words) -> list[Any]:
    rows = [r for r in rows_of(p.tables.get("reasons")) if r["reason"] != "duplicate"]
    return [p.named(r["reason"], r["n"], "count") for r in sorted(rows, key=lambda r: -r["n"])]


def _represented(p: Words) -> Finding | None:
    """The sample against plan or population, else the screen for fabricated answers."""
    tests = rows_of(p.tables.get("representation_tests"))
    fabricated = rows_of(p.tables.get("fabrication"))
    clear, weak, total = summary(p.tables["fabrication"]) if fabricated else (0, 0, 0)
    if clear:
        names = [both(f"value.indication.{r['indication']}") for r in fabricated if r["grade"] == "clear"]
        return Finding("dq_fabricated_clear", {"clear": clear, "total": total, "list": names}, "bad", "key")
    off = [t for t in tests if t["p_adjusted"] < 1 - p.result.confidence]
    if off:
        return Finding("dq_off_plan", {"list": [_farthest(p, t["segment"]) for t in off[:NAMED]]}, "caution", "key")
    if tests and fabricated:
        segments = [p.label(t["segment"]) for t in tests]
        key = "dq_on_plan_weak" if weak else "dq_on_plan_honest"
        return Finding(key, {"segments": segments, "total": total, "weak": weak}, "good", "key")
    if tests:
        return Finding("dq_on_plan", {"segments": [p.label(t["segment"]) for t in tests]}, "good", "key")
    if fabricated:
        key = "dq_fabricated_weak" if weak else "dq_fabricated_none"
        names = [both(f"value.indication.{r['indication']}") for r in fabricated if r["grade"] == "weak"]
        return Finding(key, {"total": total, "list": names or both("data_quality.nothing")}, "caution" if weak else "good", "key")
    return None


def _farthest(p: Words, segment: str) -> dict[str, str]:
    own = [r for r in rows_of(p.tables["representation"]) if r["segment"] == segment]
    worst = max(own, key=lambda r: abs(r["difference"]))
    return both(
        "data_quality.farthest", segment=p.label(segment), group=p.label(worst["group"]), share=worst["share"],
        planned=worst["planned_share"], difference=100 * worst["difference"],
    )  # fmt: skip


def _pilot_keys(p: Words) -> list[Finding]:
    facts, flawed = p.facts, p.flawed()
    total = len(p.tables["items"]) if "items" in p.tables else 0
    found = []
    if flawed:
        values = {"n": len(flawed), "total": total, "list": [_flaw(p, r) for r in flawed[:5]], "answers": facts["valid"]}
        found.append(Finding("dq_pilot_flawed", values, "caution", "key"))
    else:
        found.append(Finding("dq_pilot_fine", {"total": total, "answers": facts["valid"]}, "good", "key"))
    for row in rows_of(p.tables.get("times"))[:1]:
        found.append(Finding("dq_pilot_time", {k: row[k] for k in ("median", "p90", "per_item")}, "neutral", "key"))
    found.append(
        Finding("dq_pilot_sees", {"answers": facts["valid"], "five": facts["seen_5"], "ten": facts["seen_10"]}, level="key")
    )
    return found


def _flaw(p: Words, row: Row) -> dict[str, str]:
    return both("data_quality.flaw", label=p.label(row["indicator"]), why=both(f"value.reading.{row['reading']}"))


def _by_flaw(p: Words, flawed: list[Row]) -> dict[str, str]:
    """Every reading once, with the items that it is of."""
    readings = list(dict.fromkeys(r["reading"] for r in flawed))
    said = [
        both(
            "data_quality.flawed",
            why=both(f"value.reading.{reading}"),
            list=[p.label(r["indicator"]) for r in flawed if r["reading"] == reading],
        )
        for reading in readings
    ]
    return {lang: text("data_quality.between_flaws", lang).join(part[lang] for part in said) for lang in LANGUAGES}


# ---- details


def _details(p: Words) -> list[Finding]:
    found: list[Finding] = []

    def say(key: str, tone: Tone = "neutral", **values: Any) -> None:
        found.append(Finding(key, values, tone))

    rates = {r["rate"]: r for r in rows_of(p.tables.get("rates")) if r["wave"] == ALL}
    if "RR1" in rates:
        say("dq_rates", rr1=rates["RR1"]["estimate"], rr2=rates["RR2"]["estimate"], coop=rates["COOP1"]["estimate"],
            refusal=rates["REF1"]["estimate"])  # fmt: skip
    for test in rows_of(p.tables.get("funnel_tests")):
        own = [
            r for r in rows_of(p.tables["funnel_groups"]) if r["segment"] == test["segment"] and r["response"] == r["response"]
        ]
        own.sort(key=lambda r: r["response"])
        if len(own) > 1 and test["p_value"] == test["p_value"]:
            sure = test["p_value"] < 1 - p.result.confidence
            key, tone = ("dq_groups_differ", "caution") if sure else ("dq_groups_alike", "neutral")
            say(
                key, tone, segment=p.label(test["segment"]),  # type: ignore[arg-type]
                low=p.named(own[0]["group"], own[0]["response"]), high=p.named(own[-1]["group"], own[-1]["response"]),
                p=test["p_value"],
            )  # fmt: skip
    curves = [r for r in rows_of(p.tables.get("curves")) if r["segment"] not in (ALL, "wave")]
    if curves:
        refused = [p.label(r["group"]) for r in curves if r["level"] != r["level"]]
        level = [p.named(r["group"], r["reached"], "percent") for r in curves if r["level"] == r["level"]]
        if level:
            say("dq_groups_levelled", list=level)
        if refused:
            say("dq_groups_refused", "caution", list=refused)
    row = p.main_curve()
    if row is not None and row["other_forms_high"] - row["other_forms_low"] >= 1:
        say("dq_curve_forms", low=row["other_forms_low"], high=row["other_forms_high"])
    marked = [r for r in rows_of(p.tables.get("marks")) if r["n"] and r["rule"] not in ("empty", "duplicate")]
    if marked:
        marked.sort(key=lambda r: -r["n"])
        say("dq_marked", list=[p.named(r["rule"], r["share"]) for r in marked])
    pairs = [r for r in rows_of(p.tables.get("overlaps")) if r["n"] >= 2]
    if pairs:
        most = max(pairs, key=lambda r: r["n"])
        say("dq_overlap", one=p.label(most["rule"]), other=p.label(most["other"]), n=most["n"], share=most["share"])
    found += _outliers(p) + _screen(p) + _lost(p) + _weights(p)
    flawed = p.flawed()
    if flawed and not p.result.pilot:
        say("dq_items_look", "caution", n=len(flawed), list=_by_flaw(p, flawed))
    return found


def _outliers(p: Words) -> list[Finding]:
    rows = rows_of(p.tables.get("box_summary"))
    if not rows:
        return []
    total = sum(r["in_groups"] + (r["whole"] if not r["groups"] else 0) for r in rows)
    if not total:
        return [Finding("dq_no_outliers", {"n": len(rows)}, "good")]
    worst = max(rows, key=lambda r: r["in_groups"] + r["whole"])
    values = {"n": worst["in_groups"] or worst["whole"], "what": p.label(worst["measure"])}
    if worst["group"]:
        values |= {"group": p.label(worst["group"]), "in_group": worst["n_group"]}
        return [Finding("dq_outliers_group", values)]
    return [Finding("dq_outliers", values)]


def _screen(p: Words) -> list[Finding]:
    frame = p.tables.get("fabrication")
    if frame is None:
        return []
    found = []
    rows = {r["indication"]: r for r in rows_of(frame)}
    if "alpha" in rows and "correlation" in rows:
        values = {"alpha": rows["alpha"]["value"], "low": rows["alpha"]["ci_low"], "high": rows["alpha"]["ci_high"]}
        key = "dq_items_hang_together" if rows["alpha"]["grade"] == "unremarkable" else "dq_items_apart"
        found.append(
            Finding(key, values | {"r": rows["correlation"]["value"]}, "good" if key.endswith("together") else "caution")
        )
    groups = [r for r in rows_of(p.tables.get("fabrication_groups")) if r["grade"] != "unremarkable"]
    if groups:
        found.append(Finding("dq_groups_screened", {"list": [p.label(r["group"]) for r in groups[:NAMED]]}, "caution"))
    return found


def _lost(p: Words) -> list[Finding]:
    facts = p.facts
    if facts["complete"] != facts["complete"]:
        return []
    worst = rows_of(p.tables.get("missing_worst"))
    if not worst:
        return [Finding("dq_complete", {}, "good")]
    values = {"complete": facts["complete"], "missing": facts["answers_missing"]}
    found = [Finding("dq_missing", values | {"list": [p.named(r["indicator"], r["share"]) for r in worst[:NAMED]]})]
    sure = [r for r in worst if r.get("difference_ci_low", math.nan) > 0 or r.get("difference_ci_high", math.nan) < 0]
    if sure:
        r = max(sure, key=lambda r: abs(r["difference"]))
        found.append(
            Finding(
                "dq_missing_differ_low" if r["difference"] < 0 else "dq_missing_differ_high",
                {"item": p.label(r["indicator"]), "difference": abs(r["difference"])},
                "caution",
            )
        )
    for row in rows_of(p.tables.get("mcar")):
        random = row["p_value"] >= 1 - p.result.confidence
        said = {"statistic": row["statistic"], "df": row["df"], "p": row["p_value"]}
        found.append(Finding("dq_mcar_random" if random else "dq_mcar_not", said, "neutral" if random else "caution"))
    return found


def _weights(p: Words) -> list[Finding]:
    rows = [r for r in rows_of(p.tables.get("weights")) if r["wave"] == ALL]
    if not rows:
        return []
    row = rows[0]
    index = next((r for r in rows_of(p.tables.get("weighting")) if r["measure"] == "index"), None)
    values = {"deff": row["design_effect"], "n_effective": row["n_effective"], "n": row["n"], "largest": row["largest"]}
    if index is not None:
        values |= {"difference": index["difference"], "low": index["difference_ci_low"], "high": index["difference_ci_high"]}
    key = "dq_weights_own" if p.facts["weights_own"] else "dq_weights_trial"
    return [Finding(key if index is not None else f"{key}_alone", values)]


# ---- what to do


def _actions(p: Words) -> list[Finding]:
    found: list[Finding] = []

    def act(key: str, tone: Tone = "neutral", **values: Any) -> None:
        found.append(Finding(key, values, tone, "action"))

    row = p.main_curve()
    if row is not None and row["phase"] in ("rising", "steady"):
        act("dq_act_keep_open", "caution")
    elif row is not None and row["reached"] < LEVELLED:
        act("dq_act_remind", n=row["outstanding"])
    behind = [r for r in rows_of(p.tables.get("representation")) if r["kind"] == "quota" and r["n"] < r["n_planned"]]
    if behind:
        worst = sorted(behind, key=lambda r: r["n"] - r["n_planned"])[:NAMED]
        act("dq_act_fill", list=[p.named(r["group"], r["n_planned"] - r["n"], "count") for r in worst])
    marks = [r for r in rows_of(p.tables.get("marks")) if r["n_kept"] and not r["excluded"]]
    if marks:
        most = sorted(marks, key=lambda r: -r["n_kept"])[:NAMED]
        act("dq_act_look", list=[p.named(r["rule"], r["n_kept"], "count") for r in most])
    fabricated = [r for r in rows_of(p.tables.get("fabrication")) if r["grade"] != "unremarkable"]
    if any(r["grade"] == "clear" for r in fabricated) and not p.result.pilot:
        act("dq_act_call_back", "bad")
    flawed = p.flawed()
    if flawed and p.result.pilot:
        act("dq_act_items", list=[p.label(r["indicator"]) for r in flawed[:5]])
    sizes = next((r for r in rows_of(p.tables.get("sample_sizes")) if r["wanted"]), None)
    if sizes is not None:
        values = {
            "margin": sizes["margin"],
            "n": sizes["careful"],
            "issued": sizes.get("careful_issued", math.nan),
            "rate": p.facts["rate"],
        }
        if values["n"] == values["n"]:
            act("dq_act_size_issued" if values["issued"] == values["issued"] else "dq_act_size", **values)
        else:  # at this return more would have to be asked than there are
            act("dq_act_size_all", margin=sizes["margin"], population=p.facts["population"])
        if sizes.get("proportional", math.nan) == sizes.get("proportional", math.nan) and "neyman" in sizes:
            alike = sizes["neyman"] >= sizes["proportional"]
            values = {k: sizes[k] for k in ("margin", "proportional", "neyman")} | {"strata": p.label(p.facts["strata"])}
            act("dq_act_strata_alike" if alike else "dq_act_strata", **values)
    return found


# ---- limits


def _limits(p: Words) -> list[Finding]:
    result = p.result
    found = common_limits(result.source.simulated, result.checks)

    def limit(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "caution", "limit"))

    if "fabrication" in p.tables:
        limit("dq_indications_only")
    if p.facts["issued"] != p.facts["issued"]:
        limit("dq_no_issued")
    if "representation" not in p.tables:
        limit("dq_no_targets")
    else:
        limit("dq_margins_only")
    if any(r["rule"] in ("straight_line", "long_string") and r["n"] for r in rows_of(p.tables.get("marks"))):
        limit("dq_lines_honest")
    if "boxes" in p.tables and any(r["rule"] == "outlier" and r["n"] for r in rows_of(p.tables.get("marks"))):
        limit("dq_outlier_normal")
    return found


# ---- method


def _method(p: Words) -> list[Finding]:
    from csr_lib import __version__

    result, facts, options = p.result, p.facts, p.result.options
    level: Level = "method"
    found: list[Finding] = []

    def say(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "neutral", level))

    say("dq_method_base", read=facts["read"], n=result.basis.n, weights=both(f"weights.{result.basis.weights}"))
    if "rates" in p.tables:
        say("dq_method_rates")
    if any(r["level"] == r["level"] for r in rows_of(p.tables.get("curves"))):
        say("dq_method_curves", confidence=result.confidence)
    if "precision" in p.tables:
        known = any(r.get("population", math.nan) == r.get("population", math.nan) for r in rows_of(p.tables["precision"]))
        say("dq_method_precision_fpc" if known else "dq_method_precision", confidence=result.confidence)
    if "representation" in p.tables:
        say("dq_method_representation")
    rules = [p.label(r["rule"]) for r in rows_of(p.tables.get("marks")) if r["rule"] != "empty"]
    if rules:
        say("dq_method_rules", list=rules, outlier=options["outlier"])
    if "fabrication" in p.tables:
        say("dq_method_screen", times=both("data_quality.times_screened") if has_burst(p.tables) else None)
    if "mcar" in p.tables:
        say("dq_method_mcar")
    if "cleaning" in p.tables:
        say("dq_method_cleaning")
    if "items" in p.tables:
        say("dq_method_items")
    say("dq_method_size")
    say("dq_method_software", version=__version__)
    return found
