"""Overview: what follows from the numbers, what cannot be believed, and the method in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csr_lib.analyses._findings import common_limits
from csr_lib.analyses._words import NAMED
from csr_lib.analyses.overview.tables import INDEX
from csr_lib.analyses.overview.words import Words
from csr_lib.core.check import Finding, Tone
from csr_lib.core.text import both


def actions(w: Words) -> list[Finding]:
    """Return recommendations, the most pressing first."""
    found: list[Finding] = []

    def act(key: str, tone: Tone = "neutral", **values: Any) -> None:
        found.append(Finding(key, values, tone, "action"))

    weakest = w.tables["weakest_link"]
    harmful = weakest[(weakest["harm"] > 0) & (weakest["p_adjusted"] < w.limit)]
    if len(harmful):
        act("overview_act_harm", "bad", list=[w.quoted(i) for i in harmful["indicator"][:NAMED]])
    else:
        low = w.tables["indicators"].sort_values("estimate", kind="stable")
        act("overview_act_low", list=[w.quoted(i) for i in low["indicator"][:NAMED]])
    only = weakest[weakest["only"] > 0].sort_values("only", ascending=False, kind="stable")
    if len(only) and only["only_ci_low"].iloc[0] >= 0.02:  # surely more than a handful
        act("overview_act_only", indicator=w.quoted(only["indicator"].iloc[0]), share=float(only["only"].iloc[0]))
    comparisons = w.tables.get("comparisons")
    if comparisons is not None:
        apart = comparisons[(comparisons["measure"] == INDEX) & (comparisons["reading"] == "differ")]
        apart = apart[apart["segment"] != "wave"].sort_values("difference", ascending=False, kind="stable")
        if len(apart):
            act("overview_act_groups", list=[w.group(g) for g in apart["lowest"][:NAMED]])
        else:
            _act_part(w, act)
    competitors = w.tables.get("competitors")
    if competitors is not None and (competitors["reading"] == "behind").any():
        behind = competitors[competitors["reading"] == "behind"].sort_values("difference", kind="stable")
        keys = [k for k in dict.fromkeys(behind["indicator"]) if k != "all_indicators"][:NAMED]
        if keys:
            act("overview_act_competitors", list=[w.quoted(k) for k in keys])
    if w.rate("complaint"):
        act("overview_act_complaints", share=float(w.rate("complaint")["estimate"]))  # type: ignore[index]
    missed = w.tables.get("targets")
    if missed is not None and (missed["verdict"] == "missed").any():
        far = missed[missed["verdict"] == "missed"].copy()
        far["distance"] = (far["target"] - far["estimate"]).abs()
        far = far.sort_values("distance", ascending=False, kind="stable")
        act("overview_act_target", measure=w.label(far["measure"].iloc[0]), distance=float(far["distance"].iloc[0]))
    best = w.tables["indicators"].sort_values("estimate", ascending=False, kind="stable")
    if len(best) > NAMED:
        act("overview_act_keep", list=[w.quoted(i) for i in best["indicator"][:NAMED]])
    return found


def _act_part(w: Words, act: Callable[..., None]) -> None:
    """Name the construct in which groups differ most, where the index itself hides that they do."""
    parts = w.tables.get("comparisons_of_parts")
    if parts is None or "constructs" not in w.tables:
        return
    apart = parts[(parts["reading"] == "differ") & (parts["segment"] != "wave")]
    apart = apart[apart["measure"].isin(w.tables["constructs"]["construct"])].sort_values("difference", kind="stable")
    if len(apart):
        row = apart.iloc[-1]
        values = {"measure": w.label(row["measure"]), "low": w.group(row["lowest"]), "high": w.label(row["highest"])}
        act("overview_act_part", "bad", difference=float(row["difference"]), **values)


def limits(w: Words) -> list[Finding]:
    """Return what cannot be believed: failed checks and the limits of the design."""
    result, facts = w.result, w.result.facts
    found = common_limits(result.source.simulated, result.checks)

    def limit(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "caution", "limit"))

    if w.tables["weakest_link"]["harm"].notna().any():
        limit("overview_not_cause")
    if result.weighting == "derived":
        limit("overview_derived")
    if facts["changed"]:
        limit("overview_changed", list=facts["changed"])
    if facts["panel"]:
        limit("overview_panel", wave=facts["latest"])
    if facts["left_out"]:
        limit("overview_left_out", list=facts["left_out"])
    if facts["rule_replaced"]:
        limit("overview_rule_replaced")
    if "competitors" in w.tables:
        limit("overview_competitors_chosen")
    if "keywords" in w.tables:
        limit("overview_no_sentiment")
    return found


def method(w: Words) -> list[Finding]:
    """Return the sentences of the method paragraph."""
    from csr_lib import __version__

    result, options, basis = w.result, w.result.options, w.result.basis
    found: list[Finding] = []

    def say(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "neutral", "method"))

    say(
        "overview_method_base",
        n=basis.n,
        n_effective=basis.n_effective,
        indicators=len(w.tables["indicators"]),
        constructs=len(w.tables.get("constructs", ())),
        weights=both(f"weights.{basis.weights}"),
        rule=both(f"missing_rule.{options['missing_rule']}"),
    )
    say("overview_method_scores", answered=options["answered"])
    say(f"overview_method_{result.weighting}")
    boxes = w.tables["indicators"].loc[w.tables["indicators"]["boxes"] > 0, "boxes"]
    if len(boxes):
        say("overview_method_boxes", boxes=int(boxes.max()), confidence=result.confidence)
    if "nps" in w.tables:
        say("overview_method_nps")
    frames = [w.tables[name] for name in ("comparisons", "comparisons_of_parts") if name in w.tables]
    tests = list(dict.fromkeys(t for frame in frames for t in frame["test"]))
    if tests:
        names = [both(f"overview.test.{t}") for t in tests]
        effects = list(dict.fromkeys(e for frame in frames for e in frame["effect"]))
        adjust = both(f"overview.adjust.{options['adjust']}")
        say("overview_method_tests", tests=names, adjust=adjust, effects=[both(f"overview.effect.{e}") for e in effects])
    say("overview_method_weakest", dissatisfied=options["dissatisfied"])
    competitors = w.tables.get("competitors")
    if competitors is not None:
        say("overview_method_competitors_paired" if competitors["paired"].all() else "overview_method_competitors")
    if "keywords" in w.tables:
        say("overview_method_keywords")
    say("overview_method_software", version=__version__)
    return found
