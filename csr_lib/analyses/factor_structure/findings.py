"""Factor structure: the cards and what was found, in catalogue keys and values; the sentences stand in factor_structure.yml."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from csr_lib.analyses._discriminant import ONE
from csr_lib.analyses._findings import rows_of
from csr_lib.analyses.factor_structure.actions import actions, limits
from csr_lib.analyses.factor_structure.method import method
from csr_lib.analyses.factor_structure.tables import ALL
from csr_lib.analyses.factor_structure.words import NAMED, Words, phrase
from csr_lib.core.check import Finding, Headline, Tone
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import number

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.result import FactorStructureResult

STEPS = ("configural", "metric", "scalar", "strict")


def make_headline(result: FactorStructureResult) -> tuple[Headline, ...]:
    """Return the cards: factors and what they explain, reliability, KMO, the strongest effect, hypotheses or fit."""
    w, tables = Words(result), result.tables
    variance = tables["variance"]
    whole = next((r for r in rows_of(tables["reliability"]) if r["construct"] == ALL), None)
    values = {"factors": len(variance), "units": w.units}
    cards = [Headline("fs_variance", float(variance["cumulative"].iloc[-1]), "share", values=values)]
    if whole is not None:
        tone: Tone = "good" if whole["alpha"] >= CUTOFFS["alpha"].threshold else "caution"
        values = {"items": int(whole["items"])}
        cards.append(Headline("fs_alpha", whole["alpha"], "coefficient", whole["ci_low"], whole["ci_high"], values, tone))
    cards.append(Headline("fs_kmo", float(tables["adequacy"]["kmo"].iloc[0]), "coefficient"))
    if w.levers:
        first = w.levers[0]
        values = {"source": w.label(first["source"]), "target": w.target}
        cards.append(Headline("fs_lever", first["estimate"], "decimal", first["ci_low"], first["ci_high"], values))
    judged = [h for h in w.hypotheses() if h["verdict"] != "untested"]
    if judged:
        supported = sum(h["verdict"] == "supported" for h in judged)
        tone = "good" if supported == len(judged) else "neutral"
        key = "fs_hypotheses" if any(h["latent"] for h in judged) else "fs_hypotheses_scores"
        cards.append(Headline(key, float(supported), "count", values={"total": len(judged)}, tone=tone))
    elif "cfa" in tables.get("fit", ()):
        met, missed = w.thresholds("cfa")
        tone = "good" if not missed else "caution"
        values = {"total": len(met) + len(missed)}
        cards.append(Headline("fs_fit", float(len(met)), "count", values=values, tone=tone))
    return tuple(cards)


def make_findings(result: FactorStructureResult) -> tuple[Finding, ...]:
    """Return key findings, details, recommendations, limits and the method, in the order they are read."""
    w = Words(result)
    parts = (
        _structure, _effects, _weakest, _model, _funnel, _reliability, _fitness, _number, _loadings, _on_scores, _confirmed,
        _validity, _latent, _hypotheses, _hints, _groups, actions, limits, method,
    )  # fmt: skip
    return tuple(finding for part in parts for finding in part(w))


# ---- key findings


def _structure(w: Words) -> list[Finding]:
    """Say which factors there are and whether they are the study's constructs."""
    variance = w.tables["variance"]
    matches = list(variance["factor_match"])
    named = [w.label(f) for f in variance["factor"]]
    values: dict[str, Any] = {
        "items": len(w.tables["loadings"]), "factors": len(variance), "units": w.units, "list": named,
        "total": float(variance["cumulative"].iloc[-1]), "same": matches.count("same"), "unit": phrase(f"unit.{_kind(w)}"),
        "others": [w.label(f) for f, m in zip(variance["factor"], matches, strict=True) if m != "same"],
    }  # fmt: skip
    constructs = len(set(w.tables["items"].loc[w.tables["items"]["item"].isin(w.tables["loadings"]["item"]), "construct"]) - {""})
    values["constructs"] = constructs
    if len(variance) == 1:
        return [Finding("fs_one_factor" if constructs > 1 else "fs_one_factor_alone", values, "neutral", "key")]
    if not constructs:
        return [Finding("fs_structure_free", {**values, "list": w.groups()}, "neutral", "key")]
    if all(m == "same" for m in matches) and constructs == len(matches):
        number = w.check("fs_number")
        agreed = number is not None and number.verdict == "pass"
        return [Finding("fs_structure_same", values, "good" if agreed else "neutral", "key")]
    key = "fs_structure_mostly" if all(m != "none" for m in matches) else "fs_structure_other"
    return [Finding(key, {**values, "list": w.groups()}, "caution", "key")]


def _kind(w: Words) -> str:
    return "component" if w.components else "factor"


def _effects(w: Words) -> list[Finding]:
    """Say what the target depends on."""
    told = [r for r in w.levers if w.told(r)]
    if not w.levers:
        return []
    values = {"target": w.target, "way": phrase("way.scores" if w.by_scores else "way.latent", units=w.units)}
    if not told:
        return [Finding("fs_effects_none", values, "caution", "key")]
    if len(w.levers) == 1:
        return [Finding("fs_effect_only", {**values, "list": w.listed(told, "estimate")}, "neutral", "key")]
    values |= {
        "first": w.label(told[0]["source"]), "estimate": told[0]["estimate"], "low": told[0]["ci_low"],
        "high": told[0]["ci_high"], "list": [w.ranged(r, "source") for r in told[1:]],
    }  # fmt: skip
    found = [Finding("fs_effects" if len(told) > 1 else "fs_effects_first", values, "neutral", "key")]
    rest = [w.label(r["source"]) for r in w.levers if not w.told(r)]
    if rest:
        found.append(Finding("fs_effects_rest", {**values, "list": rest}, "caution", "detail"))
    return found


def _weakest(w: Words) -> list[Finding]:
    """Say which of the sources that matter is rated lowest, and how the target is rated."""
    told = [r for r in w.levers if w.told(r) and not math.isnan(r["index"])]
    level = {r["construct"]: r for r in rows_of(w.tables["levels"])}.get(w.result.target)
    if level is None:
        return []
    values: dict[str, Any] = {"target": w.target, "index": level["index"], "low": level["ci_low"], "high": level["ci_high"]}
    if len(told) < 2:
        return [Finding("fs_level", values, "neutral", "key")]
    worst, best = min(told, key=lambda r: r["index"]), max(told, key=lambda r: r["index"])
    for name, row in (("worst", worst), ("best", best)):
        values |= {name: w.label(row["source"])} | {f"{name}_{k}": row[k] for k in ("index", "index_ci_low", "index_ci_high")}
    return [Finding("fs_level_weakest", values, "neutral", "key")]


def _model(w: Words) -> list[Finding]:
    """Say whether the model that the study states holds: the structural one, else the measurement."""
    if "paths" in w.tables:
        if not w.sound:
            beyond = w.tables["r_squared"]
            worst = beyond.iloc[int(beyond["r_squared"].argmax())]
            values = {"construct": w.label(worst["construct"]), "r2": float(worst["r_squared"]), "units": w.units}
            key = "fs_structure_impossible" if values["r2"] > 1 else "fs_structure_inadmissible"
            return [Finding(f"{key}{'_scores' if w.levers else ''}", values, "bad", "key")]
        return [_fit_finding(w, "structure", "key")]
    if "cfa" in w.tables.get("fit", ()):
        return [_fit_finding(w, "cfa", "key")]
    return []


def _fit_finding(w: Words, model: str, level: Any) -> Finding:
    met, missed = w.thresholds(model)
    values = {"met": met, "missed": missed, "count": len(met), "total": len(met) + len(missed), "model": phrase(f"model.{model}")}
    if model == "structure" and not w.sound:
        return Finding("fs_fits_impossible", values, "bad", level)
    if not missed and w.check(f"fs_{model}_too_good") is not None:
        return Finding("fs_fits_too_good", values, "caution", level)
    if not missed and level == "key":
        values |= {r["fit_measure"]: r[model] for r in rows_of(w.tables["fit"])}
        return Finding("fs_fits_key", values, "good", level)
    key = "fs_fits" if not missed else "fs_fits_partly" if len(met) >= len(missed) else "fs_fits_not"
    tone: Tone = "good" if not missed else "caution" if len(met) >= len(missed) else "bad"
    return Finding(key, values, tone, level)


# ---- details


def _funnel(w: Words) -> list[Finding]:
    stages = {r["funnel_stage"]: r for r in rows_of(w.tables["funnel"])}
    if not {"issued", "returned"} <= stages.keys():
        return []
    n = {k: r["n"] for k, r in stages.items()}
    values = {"issued": n["issued"], "returned": n["returned"], "rate": n["returned"] / n["issued"], "valid": n["valid"]}
    whole = n["analysed"] == n["valid"]
    return [Finding("fs_funnel_whole" if whole else "fs_funnel", values if whole else {**values, "analysed": n["analysed"]})]


def _reliability(w: Words) -> list[Finding]:
    frame = w.tables["reliability"]
    whole, parts = frame[frame["construct"] == ALL], frame[frame["construct"] != ALL]
    found = []
    if len(whole):
        one = whole.iloc[0]
        values = {"items": int(one["items"]), "alpha": one["alpha"], "low": one["ci_low"], "high": one["ci_high"]}
        values |= {"omega": one["omega"], "confidence": w.result.confidence}
        found.append(Finding("fs_reliability", values))
    if len(parts) > 1:
        ordered = rows_of(parts.sort_values("alpha", ascending=False))
        low = [r for r in reversed(ordered) if r["alpha"] < CUTOFFS["alpha"].threshold]
        values = {"best": w.named(ordered[0]["construct"], ordered[0]["alpha"]), "threshold": CUTOFFS["alpha"].threshold}
        values |= {
            "worst": w.named(ordered[-1]["construct"], ordered[-1]["alpha"]),
            "list": w.listed(low, "alpha", key="construct"),
        }
        key = "fs_reliabilities" + ("" if not low else "_all_low" if len(low) == len(ordered) else "_low")
        found.append(Finding(key, values, "caution" if low else "good"))
    return found


def _fitness(w: Words) -> list[Finding]:
    used, *others = rows_of(w.tables["adequacy"])
    values = {"kmo": used["kmo"], "chi2": used["chi2"], "df": used["df"], "p": used["p_value"]}
    values["correlation"] = phrase(f"correlation.{used['correlation_kind']}")
    suits = all(check is None or check.verdict == "pass" for check in (w.check("fs_kmo"), w.check("fs_bartlett")))
    found = [Finding("fs_fitness" if suits else "fs_fitness_weak", values, "good" if suits else "caution")]
    if others:
        values |= {"other": phrase(f"correlation.{others[0]['correlation_kind']}"), "other_kmo": others[0]["kmo"]}
        found.append(Finding("fs_fitness_other", {**values, "above": others[0]["above_one"], "own": used["above_one"]}))
    return found


def _number(w: Words) -> list[Finding]:
    options = w.result.options
    values = {
        "factors": int(options["factors"]),
        "units": phrase(f"units.{_kind(w)}s"),
        "rule": phrase(f"rule.{options['factors_rule']}"),
    }
    values["list"] = [
        phrase("rule_says", rule=phrase(f"rules.{r['retention_rule']}"), count=r["suggested"])
        for r in rows_of(w.tables["retention"])
        if not r["used"]
    ]
    return [Finding("fs_number", values)]


def _loadings(w: Words) -> list[Finding]:
    frame = w.tables["grouping"]
    size = frame["loading"].abs()
    strong, weak = frame.iloc[int(size.argmax())], frame.iloc[int(size.argmin())]
    values: dict[str, Any] = {
        "high": w.quoted(strong["item"], strong["loading"]), "low": w.quoted(weak["item"], weak["loading"]),
        "threshold": CUTOFFS["factor_loading"].threshold,
    }  # fmt: skip
    below = rows_of(frame[size < CUTOFFS["factor_loading"].threshold])
    found = [Finding("fs_loadings", values)]
    if below:
        found = [Finding("fs_loadings_low", {**values, "list": w.listed(below, "loading", key="item")}, "caution")]
    crossed = frame[frame["second_loading"].abs() > CUTOFFS["cross_loading"].threshold]
    if len(crossed):
        pairs = [
            phrase("crossing", item=w.label(r["item"]), factor=w.label(r["second_factor"]), value=r["second_loading"])
            for r in rows_of(crossed)
        ]
        found.append(Finding("fs_crossing", {"list": pairs}, "caution"))
    return found


def _on_scores(w: Words) -> list[Finding]:
    """The regression on factor scores, beside the latent model where that one counts."""
    table = w.tables.get("score_paths")
    if table is None:
        return []
    rows = rows_of(table)
    values = {"target": w.target, "units": w.units, "list": w.listed(rows, "estimate"), "r2": w.result.explained}
    told = [number(r["p_value"], "p") for r in rows]
    largest = number(max(r["p_value"] for r in rows), "p")
    values["p"] = phrase("each_p", p=largest) if len(set(told)) > 1 else largest
    return [Finding("fs_on_scores" if w.by_scores else "fs_on_scores_beside", values)]


def _confirmed(w: Words) -> list[Finding]:
    loadings = w.tables.get("cfa_loadings")
    if loadings is None:
        return []
    least, most = (loadings.iloc[int(at)] for at in (loadings["estimate"].argmin(), loadings["estimate"].argmax()))
    values = {
        "constructs": loadings["construct"].nunique(), "low": w.quoted(least["item"], least["estimate"]),
        "high": w.quoted(most["item"], most["estimate"]),
    }  # fmt: skip
    found = [Finding("fs_cfa", values)]
    if "paths" in w.tables:  # else it is a key finding
        found.append(_fit_finding(w, "cfa", "detail"))
    composites = list(w.result.options["composites"])
    if composites:
        found.append(Finding("fs_composites", {"list": w.labels(composites)}, "caution"))
    if w.result.options["single"]:
        found.append(Finding("fs_single", {"list": w.labels(list(w.result.options["single"]))}))
    return found


def _validity(w: Words) -> list[Finding]:
    frame = w.tables.get("validity")
    if frame is None or frame.empty:
        return []
    known = frame[frame["ave"].notna()]
    found = []
    if len(known):
        weak = rows_of(known[(known["ave"] < CUTOFFS["ave"].threshold) | (known["cr"] < CUTOFFS["rho_c"].threshold)])
        values = {
            "least": float(known["ave"].min()),
            "cr": float(known["cr"].min()),
            "list": w.listed(weak, "ave", key="construct"),
        }
        found.append(Finding("fs_convergent_weak" if weak else "fs_convergent", values, "caution" if weak else "good"))
    pairs = rows_of(w.tables.get("discriminant"))
    pairs = [p for p in pairs if not math.isnan(p["estimate"])]
    if pairs:
        close = [w.pair(p) for p in pairs if p["estimate"] > CUTOFFS["htmt"].threshold]
        open_ = [] if close else [w.pair(p) for p in pairs if p["ci_high"] >= ONE]
        values = {"worst": w.pair(pairs[0]), "threshold": CUTOFFS["htmt"].threshold, "list": close or open_}
        key = "_weak" if close else "_open" if open_ else ""
        tone: Tone = "bad" if close else "caution" if open_ else "good"
        found.append(Finding(f"fs_discriminant{key}", values, tone))
    return found


def _latent(w: Words) -> list[Finding]:
    """Paths of the structural model, where its solution may be read."""
    if "paths" not in w.tables:
        return []
    if not w.sound:
        return [_fit_finding(w, "structure", "detail")]
    found = []
    for target, part in w.tables["paths"].groupby("target", sort=False):
        rows = sorted(rows_of(part), key=lambda r: -abs(r["estimate"]))
        r2 = next(r["r_squared"] for r in rows_of(w.tables["r_squared"]) if r["construct"] == target)
        values = {"target": w.label(str(target)), "list": w.listed(rows, "estimate"), "r2": r2}
        found.append(Finding("fs_paths", values))
    return found


def _hypotheses(w: Words) -> list[Finding]:
    rows = w.hypotheses()
    if not rows:
        return []
    judged = [h for h in rows if h["verdict"] != "untested"]
    supported = [h["hypothesis"] for h in judged if h["verdict"] == "supported"]
    values = {"total": len(judged), "count": len(supported), "ids": supported}
    found = []
    if judged:
        way = phrase("way.latent" if any(h["latent"] for h in judged) else "way.scores", units=w.units)
        key = (
            "fs_hypotheses_all" if len(supported) == len(judged) else "fs_hypotheses_some" if supported else "fs_hypotheses_none"
        )
        found.append(Finding(key, {**values, "way": way}, "good" if len(supported) == len(judged) else "caution"))
    failed = [h for h in judged if h["verdict"] != "supported"]
    for h in failed:
        estimate, p = (h["estimate"], h["p_value"]) if h["latent"] else (h["score"], h["score_p_value"])
        values = {"says": w.label(h["hypothesis"]), "estimate": estimate, "p": p}
        found.append(Finding(f"fs_hypothesis_{h['verdict']}", values, "caution" if h["verdict"] != "opposite" else "bad"))
    untested = [h["hypothesis"] for h in rows if h["verdict"] == "untested"]
    if untested:
        found.append(Finding("fs_hypotheses_untested", {"ids": untested}, "caution"))
    return found


def _hints(w: Words) -> list[Finding]:
    frame = w.tables.get("modification")
    if frame is None:
        return []
    frame = frame.drop_duplicates(["source", "target", "hint"])  # both models may point to the same
    top = frame.iloc[int(frame["mi"].argmax())]
    values = {
        "count": len(frame), "worst": phrase(f"hint.{top['hint']}", one=w.label(top["source"]), two=w.label(top["target"])),
        "mi": float(top["mi"]),
    }  # fmt: skip
    return [Finding("fs_hints", values)]


def _groups(w: Words) -> list[Finding]:
    """How far measurement is the same in the groups, and which latent means differ."""
    frame = w.tables.get("invariance")
    if frame is None:
        return []
    found = []
    for segment, part in frame.groupby("segment", sort=False):
        verdicts = dict(zip(part["invariance_step"], part["step_verdict"], strict=True))
        held = ""
        for step in STEPS:
            if verdicts.get(step, "fail") == "fail":
                break
            held = step
        tone: Tone = "good" if held in ("scalar", "strict") else "caution" if held else "bad"
        found.append(Finding(f"fs_invariance_{held or 'none'}", {"segment": w.label(str(segment))}, tone))
        found += _means(w, str(segment))
    return found


def _means(w: Words, segment: str) -> list[Finding]:
    frame = w.tables.get("latent_means")
    if frame is None:
        return []
    own = frame[frame["segment"] == segment]
    apart = rows_of(own[own["p_adjusted"] < w.limit])
    if not len(own):
        return []
    values = {"segment": w.label(segment), "against": w.label(own["against"].iloc[0])}
    if not apart:
        return [Finding("fs_means_alike", values)]
    listed = [
        phrase("group_mean", group=w.label(r["group"]), construct=w.label(r["construct"]), value=r["std"])
        for r in sorted(apart, key=lambda r: -abs(r["std"]))[:NAMED]
    ]
    return [Finding("fs_means_apart", {**values, "list": listed, "count": len(apart)})]
