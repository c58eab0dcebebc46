"""Drivers: the cards and what was found, in catalogue keys and values; the sentences stand in drivers.yml."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from csr_lib.analyses._findings import common_limits
from csr_lib.analyses._rows import rows
from csr_lib.analyses._words import NAMED
from csr_lib.analyses.drivers.words import Words
from csr_lib.core.check import Finding, Headline, Level, Tone
from csr_lib.core.text import both

if TYPE_CHECKING:
    from csr_lib.analyses.drivers.analysis import DriversResult


def make_headline(result: DriversResult) -> list[Headline]:
    """Return the cards: index of the outcome, strongest driver, what is explained, the best lever, hypotheses supported."""
    w, tables = Words(result), result.tables
    own = next(r for r in rows(tables["description"]) if r.variable == result.outcome)
    first = rows(tables["importance"])[0]
    lever = rows(tables["what_if"])[0]
    model = rows(tables["model"])[0]
    cards = [
        Headline("drivers_index", own.index, "score", own.index_ci_low, own.index_ci_high, {"outcome": w.outcome}),
        Headline("drivers_first", first.share, "percent", first.ci_low, first.ci_high, {"variable": w.label(first.variable)}),
        Headline(
            "drivers_r2", model.r_squared, "percent", model.r_squared_ci_low, model.r_squared_ci_high, {"outcome": w.outcome}
        ),
        Headline(
            "drivers_lever", lever.realistic, "signed_score", lever.realistic_ci_low, lever.realistic_ci_high,
            {"variable": w.label(lever.variable)}, "good" if lever.realistic_ci_low > 0 else "neutral",
        ),
    ]  # fmt: skip
    if "hypotheses" in tables:
        verdicts = tables["hypotheses"]["by_correlation"]
        supported = int((verdicts == "supported").sum())
        tone: Tone = "good" if supported == len(verdicts) else "neutral"
        cards.append(Headline("drivers_hypotheses", float(supported), "count", values={"total": len(verdicts)}, tone=tone))
    return cards


def make_findings(result: DriversResult) -> list[Finding]:
    """Return key findings, details, recommendations, limits and the method, in the order they are read."""
    w = Words(result)
    parts = (
        _level, _first, _lever, _fit, _coefficients, _correlations, _hypotheses, _asymmetry, _ordered, _outliers, _actions,
        _limits, _method,
    )  # fmt: skip
    return [finding for part in parts for finding in part(w)]


def _level(w: Words) -> list[Finding]:
    own = next(r for r in rows(w.tables["description"]) if r.variable == w.result.outcome)
    values = {
        "outcome": w.outcome, "index": own.index, "low": own.index_ci_low, "high": own.index_ci_high, "mean": own.mean,
        "from": own.low, "to": own.high, "n": own.n, "confidence": w.result.confidence,
    }  # fmt: skip
    return [Finding("drivers_level", values, "neutral", "key")]


def _first(w: Words) -> list[Finding]:
    """Say which driver counts most, and whether that is certain."""
    ranked = rows(w.tables["importance"])
    m = rows(w.tables["model"])[0]
    values: dict[str, Any] = {
        "outcome": w.outcome,
        "r2": m.r_squared,
        "r2_low": m.r_squared_ci_low,
        "r2_high": m.r_squared_ci_high,
    }
    if len(ranked) == 1:
        return [Finding("drivers_only", {**values, "variable": w.label(ranked[0].variable)}, "neutral", "key")]
    first, second = ranked[:2]
    values |= {
        "first": w.label(first.variable), "share": first.share, "low": first.ci_low, "high": first.ci_high,
        "second": w.label(second.variable), "second_share": second.share, "second_low": second.ci_low,
        "second_high": second.ci_high, "count": len(ranked),
        "list": w.ranges_of(w.tables["importance"], "variable", "share", kind="percent"),
    }  # fmt: skip
    certain = _certainly_first(w, first.variable)
    key = "drivers_first" if len(ranked) > 2 else "drivers_first_of_two" if certain else "drivers_two_open"
    return [
        Finding(key, values, "neutral", "key"),
        Finding(f"drivers_first_{'certain' if certain else 'open'}", values, "neutral" if certain else "caution", "detail"),
    ]


def _certainly_first(w: Words, first: str) -> bool:
    """Tell whether the first driver's share is beyond chance above that of every other."""
    pairs = w.tables.get("importance_pairs")
    if pairs is None:
        return False
    own = pairs[(pairs["variable"] == first) | (pairs["other"] == first)]
    return bool((own["p_adjusted"] < w.limit).all())


def _lever(w: Words) -> list[Finding]:
    """Say how far the outcome moves if the best lever rises by a point."""
    table = w.tables["what_if"]
    best = rows(table)[0]
    values = {
        "outcome": w.outcome, "variable": w.label(best.variable), "realistic": best.realistic, "low": best.realistic_ci_low,
        "high": best.realistic_ci_high, "direct": best.direct, "total": best.total, "rise": best.rise,
        "confidence": w.result.confidence,
        "list": w.ranges_of(table.iloc[1:], "variable", "realistic", len(table), "signed_score"),
    }  # fmt: skip
    told = best.realistic_ci_low > 0 or (math.isnan(best.realistic_ci_low) and best.realistic > 0)
    items = w.tables["description"].set_index("variable")["items"]
    key = "drivers_lever" if items[best.variable] > 1 else "drivers_lever_one"
    found = [Finding(key if told else "drivers_lever_none", values, "good" if told else "caution", "key")]
    if len(table) > 1:
        found.append(Finding("drivers_lever_others", values, "neutral", "detail"))
    return found


def _fit(w: Words) -> list[Finding]:
    m = rows(w.tables["model"])[0]
    values = {
        "outcome": w.outcome, "predictors": m.predictors, "r": m.r, "r2": m.r_squared, "low": m.r_squared_ci_low,
        "high": m.r_squared_ci_high, "confidence": w.result.confidence, "r2_adj": m.r2_adj, "f": m.f, "df": m.df,
        "df_residual": m.df_residual, "p": m.p_value, "n": m.n, "equation": w.equation(), "sigma": m.std_error,
    }  # fmt: skip
    significant = m.p_value < w.limit
    return [
        Finding("drivers_fit" if significant else "drivers_fit_none", values, "neutral" if significant else "bad", "detail"),
        Finding("drivers_equation", values, "neutral", "detail"),
    ]


def _coefficients(w: Words) -> list[Finding]:
    table = w.tables["coefficients"].iloc[1:].sort_values("beta", key=abs, ascending=False, kind="stable")
    told = table[table["p_value"] < w.limit]
    open_ = table[~(table["p_value"] < w.limit)]
    found = []
    if len(told):
        found.append(Finding("drivers_told", {"list": w.list_of(told, "variable", "beta", len(told), "signed_coefficient")}))
    if len(open_):
        values = {"list": w.list_of(open_, "variable", "p_value", len(open_), "p_value"), "count": len(open_)}
        found.append(Finding("drivers_untold", values, "caution" if len(told) else "bad"))
    return found


def _correlations(w: Words) -> list[Finding]:
    table = w.tables["correlations"].sort_values("estimate", ascending=False, kind="stable")
    values: dict[str, Any] = {"outcome": w.outcome, "list": w.list_of(table, "variable", "estimate", NAMED + 1, "coefficient")}
    values |= {"count": len(table), "told": int((table["p_adjusted"] < w.limit).sum())}
    found = [Finding("drivers_correlations", values)]
    among = w.tables["correlation_pairs"]
    among = among[among["variable"].isin(w.result.predictors) & among["other"].isin(w.result.predictors)].dropna(
        subset=["estimate"]
    )
    if len(among):
        top = among.iloc[int(among["estimate"].abs().argmax())]
        values = {
            "first": w.label(top["variable"]),
            "second": w.label(top["other"]),
            "r": top["estimate"],
            "p": top["p_value"],
        }
        found.append(Finding("drivers_among", values, "caution" if abs(top["estimate"]) > 0.7 else "neutral"))
    return found


def _hypotheses(w: Words) -> list[Finding]:
    table = w.tables.get("hypotheses")
    if table is None:
        return []
    stated = rows(table)
    supported = [h for h in stated if h.by_correlation == "supported"]
    values = {"supported": len(supported), "total": len(stated), "ids": [h.hypothesis for h in supported]}
    everything = len(supported) == len(stated)
    several = w.tables["hypotheses"]["target"].value_counts()
    alone = [h.hypothesis for h in supported if h.by_regression != "supported" and several[h.target] > 1]
    if everything and alone:
        values["ids"] = alone
    key = (
        f"drivers_hypotheses_all{'_some' if alone else ''}"
        if everything
        else "drivers_hypotheses"
        if supported
        else "drivers_hypotheses_none"
    )
    found = [Finding(key, values, "good" if everything else "neutral", "key")]
    for h in stated:
        values = {
            "id": h.hypothesis, "says": h.says, "r": h.estimate, "low": h.ci_low, "high": h.ci_high, "p": h.p_adjusted,
            "source": w.label(h.source), "beta": h.beta, "own_p": h.own_p_adjusted, "n": h.n,
            "least": w.result.options["least"],
        }  # fmt: skip
        if h.by_correlation == "supported":
            key = {"supported": "both", "opposite": "reversed"}.get(h.by_regression, "correlation")
            if math.isnan(h.beta) or several[h.target] == 1:
                key = "alone"
            found.append(Finding(f"drivers_hypothesis_{key}", values, "good" if key in ("both", "alone") else "caution"))
        else:
            found.append(
                Finding(f"drivers_hypothesis_{h.by_correlation}", values, "bad" if h.by_correlation != "untold" else "caution")
            )
    return found


def _asymmetry(w: Words) -> list[Finding]:
    table = w.tables.get("asymmetry")
    if table is None:
        return []
    found = []
    for factor, tone in (("basic", "bad"), ("excitement", "good"), ("performance", "neutral"), ("none", "neutral")):
        own = table[table["factor_kind"] == factor]
        if len(own):
            value, kind = ("penalty", "signed") if factor == "basic" else ("reward", "signed")
            values = {"list": w.list_of(own, "variable", value, len(own), kind), "names": w.labels(list(own["variable"]))}
            found.append(Finding(f"drivers_{factor}", values, tone))  # type: ignore[arg-type]
    return found


def _ordered(w: Words) -> list[Finding]:
    table = w.tables.get("ordered")
    if table is None:
        return []
    top = table.iloc[int(table["odds_ratio"].argmax())]
    values = {
        "variable": w.label(top["variable"]), "outcome": w.outcome, "odds": top["odds_ratio"], "low": top["odds_ratio_ci_low"],
        "high": top["odds_ratio_ci_high"],
        "differ": w.labels(list(table.loc[~table["agrees"], "variable"])),
    }  # fmt: skip
    return [
        Finding("drivers_odds", values),
        Finding("drivers_ordered_agrees" if table["agrees"].all() else "drivers_ordered_differs", values),
    ]


def _outliers(w: Words) -> list[Finding]:
    table = w.tables.get("outliers")
    if table is None:
        return []
    total = int(table["outliers"].sum())
    values = {
        "count": total,
        "groups": int(table["groups"].max()),
        "segments": int(table["segments"].max()),
    }
    worst = table.iloc[int(table["outliers"].argmax())]
    values |= {"variable": w.label(worst["variable"]), "most": int(worst["outliers"])}
    return [Finding("drivers_outliers" if total else "drivers_no_outliers", values, "caution" if total else "good")]


# ---- what follows, what cannot be believed, and the method


def _actions(w: Words) -> list[Finding]:
    found: list[Finding] = []
    moves = w.tables["what_if"]
    told = moves[moves["realistic_ci_low"] > 0] if moves["realistic_ci_low"].notna().any() else moves[moves["realistic"] > 0]
    index = w.tables["description"].set_index("variable")["index"]
    if len(told):
        best = told.iloc[0]
        values = {
            "variable": w.label(best["variable"]), "move": best["realistic"], "index": float(index[best["variable"]]),
            "outcome": w.outcome,
        }  # fmt: skip
        near = told.iloc[1:][told["behind_ci_low"].iloc[1:] <= 0]  # nobody is near where no interval says so
        values["list"] = w.list_of(near, "variable", "realistic", len(near), "signed_score")
        found.append(Finding("drivers_act_first_open" if len(near) else "drivers_act_first", values, "good", "action"))
        weakest = min(told["variable"], key=lambda v: index[v])
        if weakest != best["variable"]:
            values = {"variable": w.label(weakest), "index": float(index[weakest])}
            found.append(Finding("drivers_act_weak", values, "neutral", "action"))
    asymmetric = w.tables.get("asymmetry")
    if asymmetric is not None:
        for factor in ("basic", "excitement"):
            own = asymmetric.loc[asymmetric["factor_kind"] == factor, "variable"]
            if len(own):
                found.append(Finding(f"drivers_act_{factor}", {"list": w.labels(list(own))}, "neutral", "action"))
    untold = moves[~moves["variable"].isin(told["variable"])]["variable"]
    if len(untold) and len(told):
        found.append(Finding("drivers_act_untold", {"list": w.labels(list(untold))}, "caution", "action"))
    if not len(told):
        found.append(Finding("drivers_act_none", {"outcome": w.outcome}, "caution", "action"))
    return found


def _limits(w: Words) -> list[Finding]:
    result = w.result
    found = common_limits(result.source.simulated, result.checks)

    def limit(key: str, level: Level = "limit", **values: Any) -> None:
        found.append(Finding(key, values, "caution", level))

    limit("drivers_causes", outcome=w.outcome)
    limit("drivers_ceteris")
    for name in ("asymmetry", "ordered"):
        if name in result.missing:
            limit(f"drivers_no_{name}", reason=both(f"drivers.why.{result.missing[name]}"))
    return found


def _method(w: Words) -> list[Finding]:
    from csr_lib import __version__

    result, options = w.result, w.result.options
    found: list[Finding] = []

    def say(key: str, **values: Any) -> None:
        found.append(Finding(key, values, "neutral", "method"))

    basis, model = result.basis, rows(w.tables["model"])[0]
    say(
        "drivers_method_base", n=basis.n, n_missing=basis.n_missing, weights=both(f"weights.{basis.weights}"),
        n_effective=basis.n_effective, outcome=w.outcome, predictors=w.labels(result.predictors),
    )  # fmt: skip
    if any(len(str(v)) for v in result.tables["description"]["items"] if v > 1):
        say(f"drivers_method_{options['scores']}", answered=options["answered"])
    say("drivers_method_correlation", confidence=result.confidence)
    say("drivers_method_regression", sampling=both(f"drivers.errors.{'sampling' if basis.weights == 'sampling' else 'plain'}"))
    order = "durbin_watson" in set(w.tables["residuals"]["assumption"])
    say("drivers_method_residuals_order" if order else "drivers_method_residuals")
    say("drivers_method_importance", resamples=result.resamples, confidence=result.confidence, seed=result.seed)
    if "asymmetry" in w.tables:
        low, high = options["extremes"]
        say("drivers_method_asymmetry", low=low, high=high)
    if "ordered" in w.tables:
        say("drivers_method_ordered")
    if "hypotheses" in w.tables:
        say("drivers_method_hypotheses", least=options["least"], alpha=1 - result.confidence)
    say("drivers_method_what_if", predictors=model.predictors)
    say("drivers_method_software", version=__version__)
    return found
