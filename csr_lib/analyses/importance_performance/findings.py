"""What the importance–performance analysis says: headline, findings, recommendations, limits and the method paragraph."""

from __future__ import annotations

from typing import Any

import pandas as pd

from csr_lib import __version__
from csr_lib.analyses._findings import common_limits
from csr_lib.analyses.importance_performance.checks import Report, checks
from csr_lib.analyses.importance_performance.measure import in_groups
from csr_lib.analyses.importance_performance.words import NAME, WEAK, listed, named_all
from csr_lib.core.check import Check, Finding, Headline, Level, Tone
from csr_lib.core.text import both
from csr_lib.stats.grouped import GROUPS
from csr_lib.stats.resampling import percentile_interval

#: Most indicators that a recommendation names.
MOST_NAMED = 4
#: Effective n from which on, and up to which, shares of derived importance were measured to say what is true, and several points
#: too much: `tests/coverage/tables/quadrants.csv`.
SHARES_HOLD, SHARES_TOO_HIGH = 1000, 250
CUT_RULES = ("mean", "median", "scale_middle", "target")


def headline(r: Report) -> tuple[Headline, ...]:
    """Return the cards: mean performance, the most urgent indicator, how many to improve, how many firmly placed, R²."""
    m, table = r.measured, r.table
    low = high = None
    if m.resamples:
        ends = percentile_interval(m.axis.to_score(m.draws.performance).mean(axis=1)[:, None], r.options["confidence"])
        low, high = float(ends[0][0]), float(ends[1][0])
    first = table.iloc[int(table["rank"].argmin())]
    repair = r.by_quadrant["concentrate"]
    cards = [
        Headline("ip_mean", float(table["performance_score"].mean()), "score", low, high, {"n": len(table)}),
        Headline(
            "ip_urgent",
            float(first["performance_score"]),
            "score",
            float(first["performance_score_ci_low"]),
            float(first["performance_score_ci_high"]),
            {"indicator": r.survey.label(first["indicator"])},
            "bad" if first["quadrant"] == "concentrate" else "neutral",
        ),
        Headline(
            "ip_concentrate",
            len(repair),
            "count",
            tone="bad" if len(repair) else "good",
            note=Finding("ip.card_list", {"names": r.labels(repair["indicator"])}) if 0 < len(repair) <= MOST_NAMED else None,
        ),
    ]
    if m.resamples:
        firm = len(table) - len(r.weak)
        note = Finding("ip.card_of", {"n": len(table)})
        cards.append(Headline("ip_firm", firm, "count", tone="neutral" if firm == len(table) else "caution", note=note))
    if r.derived:
        fit = r.tables["fit"].iloc[0]
        ends_known = m.resamples > 0
        cards.append(
            Headline(
                "ip_r_squared",
                float(fit["r_squared"]),
                "share",
                float(fit["r_squared_ci_low"]) if ends_known else None,
                float(fit["r_squared_ci_high"]) if ends_known else None,
                {"outcome": r.outcome},
            )
        )
    return tuple(cards)


def findings(r: Report) -> tuple[Finding, ...]:
    """Return everything found, in the order of reading."""
    return (*_keys(r), *_details(r), *_actions(r), *_limits(r), *_methods(r))


def _say(key: str, level: Level, tone: Tone = "neutral", **values: Any) -> Finding:
    return Finding(f"ip.{key}", values, tone, level)


def _keys(r: Report) -> list[Finding]:
    table = r.table
    order = table.sort_values("performance_score", kind="stable")
    worst, best = order.iloc[0], order.iloc[-1]
    out = [
        _say(
            "overall",
            "key",
            n=len(table),
            mean=float(table["performance_score"].mean()),
            best=r.survey.label(best["indicator"]),
            best_score=float(best["performance_score"]),
            worst=r.survey.label(worst["indicator"]),
            worst_score=float(worst["performance_score"]),
        )
    ]
    repair = r.by_quadrant["concentrate"]
    kind = "concentrate_derived" if r.derived else "concentrate"
    weak = repair["indicator"].isin(r.weak["indicator"])
    if not len(repair):
        out.append(_say("concentrate_none", "key", "good", line=r.line))
    if (~weak).any():
        out.append(_say(kind, "key", "bad", names=r.scored(repair[~weak]), line=r.line, outcome=r.outcome))
    if weak.any():
        key = "concentrate_weak_too" if (~weak).any() else "concentrate_weak"
        out.append(_say(key, "key", "caution", names=r.scored(repair[weak]), line=r.line))
    top = table.sort_values("importance", ascending=False, kind="stable")["indicator"].iloc[:2]
    first, second = r.labels(top)
    out.append(_say("matters_derived" if r.derived else "matters_stated", "key", first=first, second=second, outcome=r.outcome))
    if "movement" in r.tables:
        out += _performance_moves(r, "key")
    elif r.measured.resamples and not len(r.weak):
        out.append(_say("firm_all", "key", "good", threshold=WEAK))
    return out


def _performance_moves(r: Report, level: Level) -> list[Finding]:
    moved = r.tables["movement"]
    sure = moved[moved["p_adjusted"] < r.alpha].sort_values("change", ascending=False, kind="stable")
    out = []
    for key, part, tone in (
        ("improved", sure[sure["change"] > 0], "good"),
        ("worsened", sure[sure["change"] < 0].iloc[::-1], "bad"),
    ):
        if len(part):
            names = named_all(r.labels(part["indicator"]), part["change"], "signed_score")
            out.append(_say(key, level, tone, names=names, previous=r.waves[1]))  # type: ignore[arg-type]
    return out or [_say("unchanged", level, previous=r.waves[1])]


def _details(r: Report) -> list[Finding]:
    m, table, out = r.measured, r.table, []
    if r.waves[0] is not None:
        out.append(_say("wave", "detail", current=r.waves[0]))
    for quadrant, tone in (("keep_up", "good"), ("low_priority", "neutral"), ("overkill", "caution")):
        part = r.by_quadrant[quadrant]
        if len(part):
            out.append(_say(quadrant, "detail", tone, names=r.scored(part), line=r.line))  # type: ignore[arg-type]
        elif quadrant == "keep_up":
            out.append(_say("keep_up_none", "detail", line=r.line))
    if m.resamples:
        first = table.iloc[int(table["rank"].argmin())]
        sure = first["rank_ci_low"] == first["rank_ci_high"]
        spread = {} if sure else {"low": first["rank_ci_low"], "high": first["rank_ci_high"]}
        label = r.survey.label(first["indicator"])
        out.append(_say("urgent_sure" if sure else "urgent", "detail", first=label, confidence=r.options["confidence"], **spread))
        if len(r.weak):
            weak = listed(named_all(r.labels(r.weak["indicator"]), r.weak["share"], "percent"))
            out.append(_say("weak", "detail", "caution", names=weak))
    if r.derived:
        fit = r.tables["fit"].iloc[0]
        ends = {"low": fit["r_squared_ci_low"], "high": fit["r_squared_ci_high"], "confidence": r.options["confidence"]}
        known = ends if m.resamples else {}
        out.append(_say("fit" if known else "fit_plain", "detail", r2=float(fit["r_squared"]), outcome=r.outcome, **known))
    out += _about_cuts(r)
    if "method_agreement" in r.tables:
        there = r.tables["method_agreement"]
        others = there[(there["method"] != m.method) & there["agreement"].notna()]
        if len(others):
            shown = [
                both(f"{NAME}.named_agreement", label=both(f"{NAME}.short.{o.method}"), value=o.agreement)
                for o in others.itertuples()
            ]
            out.append(_say("agreement", "detail", used=both(f"value.method.{m.method}"), others=shown))
    if "movement" in r.tables:
        out += _moves(r)
    if "competitors" in r.tables:
        out += _rivals(r)
    for why, keys in r.choice.left_out.items():
        if keys:
            reason = both(f"{NAME}.reason.{why}", outcome=r.outcome)
            out.append(_say("left_out", "detail", names=r.labels(keys), reason=reason))
    return out


def _about_cuts(r: Report) -> list[Finding]:
    others = r.tables["sensitivity"].drop(columns="indicator")
    out, same = [], []
    for rule in CUT_RULES:
        if f"quadrant_{rule}" not in others:
            continue
        moved = r.tables["sensitivity"].loc[others[f"quadrant_{rule}"] != others["quadrant_used"], "indicator"]
        name = r.rule(rule) if rule != "target" else both("value.rule_performance.target")
        if len(moved):
            out.append(_say("cuts_move", "detail", rule=name, n=len(moved), total=len(others), names=listed(r.labels(moved))))
        else:
            same.append(name)
    return ([_say("cuts_same", "detail", "good", rules=same)] if same else []) + out


def _moves(r: Report) -> list[Finding]:
    moved, out = r.tables["movement"], []
    weights = r.tables.get("importance_movement")
    shifted = None if weights is None else weights[weights["p_adjusted"] < r.alpha]
    if shifted is not None and len(shifted):
        if r.derived:
            out.append(_say("importance_changed_derived", "detail", names=r.labels(shifted["indicator"]), previous=r.waves[1]))
        else:
            names = named_all(r.labels(shifted["indicator"]), shifted["change"], "signed_score")
            out.append(_say("importance_changed", "detail", names=names, previous=r.waves[1]))
    switched = moved[moved["quadrant_before"] != moved["quadrant_now"]]
    firm = ~(switched[["share_before", "share_now"]] < WEAK).any(axis=1)
    for key, part in (("moved", switched[firm]), ("moved_weak", switched[~firm])):
        if len(part):
            names = [
                both(
                    f"{NAME}.named_move",
                    label=r.survey.label(str(s.indicator)),
                    before=both(f"{NAME}.quadrant_name.{s.quadrant_before}"),
                    now=both(f"{NAME}.quadrant_name.{s.quadrant_now}"),
                )
                for s in part.itertuples()
            ]
            out.append(_say(key, "detail", names=names, previous=r.waves[1]))
    if not len(switched):
        out.append(_say("moved_none", "detail", previous=r.waves[1]))
    return out


def _rivals(r: Report) -> list[Finding]:
    out = []
    for name, part in r.tables["competitors"].groupby("competitor", sort=False):
        sure = part[part["p_adjusted"] < r.alpha]
        for key, some, tone in (
            ("competitor_ahead", sure[sure["difference"] < 0].sort_values("difference"), "bad"),
            ("competitor_behind", sure[sure["difference"] > 0].sort_values("difference", ascending=False), "good"),
        ):
            if len(some):
                names = named_all(r.labels(some["indicator"]), some["difference"], "signed_score")
                out.append(_say(key, "detail", tone, competitor=r.survey.label(str(name)), names=names))  # type: ignore[arg-type]
        if not len(sure):
            out.append(_say("competitor_level", "detail", competitor=r.survey.label(str(name))))
    return out


def _actions(r: Report) -> list[Finding]:
    out = []
    weak = set(r.weak["indicator"])
    repair, keep = r.by_quadrant["concentrate"], r.by_quadrant["keep_up"]
    firm = repair[~repair["indicator"].isin(weak)]
    border = pd.concat([part[part["indicator"].isin(weak)] for part in (repair, keep)])
    if len(firm):
        key = "act_first_one" if len(firm) == 1 else "act_first"
        out.append(_say(key, "action", "bad", names=r.labels(firm["indicator"]), line=r.line))
    elif not len(repair) and len(keep):
        lowest = keep.sort_values("performance_score", kind="stable").head(2)
        out.append(_say("act_none", "action", names=r.labels(lowest["indicator"])))
    if len(border):
        out.append(_say("act_border", "action", "caution", names=r.labels(border["indicator"])))
    swot = r.tables["swot"]
    market = swot["market"] if "market" in swot else pd.Series("none", index=swot.index)
    threats = set(swot.loc[market == "threat", "indicator"])
    if threats:
        there = r.tables["competitors"]
        ahead = there[there["indicator"].isin(threats) & (there["difference"] < 0) & (there["p_adjusted"] < r.alpha)]
        for name, part in ahead.groupby("competitor", sort=False):
            keys = part.sort_values("difference", kind="stable")["indicator"]
            out.append(_say("act_threat", "action", "bad", competitor=r.survey.label(str(name)), names=r.labels(keys)))
    chances = swot.loc[(market == "opportunity") & (swot["quadrant"] == "concentrate"), "indicator"]
    if len(chances):
        out.append(_say("act_opportunity", "action", names=r.labels(chances)))
    held = keep[~keep["indicator"].isin(weak)]
    if len(held):
        out.append(_say("act_keep", "action", "good", names=r.labels(held["indicator"].head(MOST_NAMED))))
    hidden = _hidden(r)
    later = [i for i in r.by_quadrant["low_priority"]["indicator"] if i not in hidden]
    if later:
        out.append(_say("act_later", "action", names=r.labels(later[:MOST_NAMED])))
    if hidden:
        out.append(_say("act_hidden", "action", "caution", names=r.labels(hidden[:MOST_NAMED]), outcome=r.outcome))
    over = r.by_quadrant["overkill"]
    over = over[~over["indicator"].isin(weak)]
    if len(over):
        out.append(_say("act_overkill", "action", names=r.labels(over["indicator"].head(MOST_NAMED))))
    return out


def _hidden(r: Report) -> list[str]:
    """Return low priorities by stated importance whose relative weight is above the mean: the outcome goes along with them."""
    there = r.tables.get("importance_methods")
    if r.derived or there is None or "relative_weights" not in there:
        return []
    heavy = there.loc[there["relative_weights"] > there["relative_weights"].mean(), "indicator"]
    low = r.by_quadrant["low_priority"]["indicator"]
    return [i for i in low if i in set(heavy)]


def _limits(r: Report) -> list[Finding]:
    m, out = r.measured, []
    out += common_limits(r.survey.study.simulated, ())
    judged = {c.key: c for c in checks(r) if c.verdict != "pass"}
    if not m.resamples:
        out.append(_say("limit_resamples", "limit", "caution"))
    elif len(r.weak):
        out.append(_say("limit_weak", "limit", "caution", names=listed(r.labels(r.weak["indicator"]))))
    moved = r.tables["cuts"].iloc[1:].sort_values("moved", kind="stable")
    if r.cuts.rule_performance == "mean" and len(moved) and moved["moved"].iloc[-1]:
        worst = moved.iloc[-1]
        rule = (
            r.rule(worst["rule_performance"]) if worst["rule_performance"] != "target" else both("value.rule_performance.target")
        )
        out.append(_say("limit_cuts", "limit", rule=rule, n=int(worst["moved"])))
    if "sample_size" in judged:
        out.append(_say("limit_small", "limit", "caution", n=r.basis.n))
    out.append(_say("limit_derived", "limit", outcome=r.outcome) if r.derived else _say("limit_stated", "limit"))
    if r.derived and m.resamples and r.basis.n_effective < SHARES_HOLD:
        out.append(_say("limit_shares", "limit", "caution" if r.basis.n_effective <= SHARES_TOO_HIGH else "neutral"))
    if "importance_sign" in judged:
        out.append(_say("limit_negative", "limit", "caution", names=_named_in(judged["importance_sign"])))
    if "importance_significance" in judged:
        out.append(_say("limit_significance", "limit", "caution", names=_named_in(judged["importance_significance"])))
    if "importance_vif" in judged:
        out.append(_say("limit_collinear", "limit", "caution", value=judged["importance_vif"].value))
    if "importance_spread" in judged:
        check = judged["importance_spread"]
        out.append(
            _say("limit_flat" if check.verdict == "fail" else "limit_spread", "limit", "caution", value=1 - (check.value or 0.0))
        )
    if "importance_range" in judged:
        out.append(_say("limit_range", "limit", "caution", value=judged["importance_range"].value))
    if "importance_ceiling" in judged:
        out.append(_say("limit_ceiling", "limit", "caution", value=judged["importance_ceiling"].value))
    if "importance_agreement" in judged:
        out.append(_say("limit_disagree", "limit", "caution", value=judged["importance_agreement"].value, outcome=r.outcome))
    out.append(_say("limit_competitors" if "competitors" in r.tables else "limit_opportunities", "limit"))
    wave = r.survey.study.wave
    if "movement" in r.tables and wave is not None and wave.panel:
        out.append(_say("limit_panel", "limit"))
    return out


def _named_in(check: Check) -> Any:
    return dict(check.values)["names"]


def _methods(r: Report) -> list[Finding]:
    m = r.measured
    level: Level = "method"
    weighted: Any = ""
    if r.basis.weights != "none":
        weighted = both("finding.ip.method_weighted", n_effective=r.basis.n_effective)
    size = {"n_indicators": len(m.indicators), "n": r.basis.n, "weighted": weighted}
    out = []
    if r.derived:
        out.append(_say("method_derived", level, outcome=r.outcome, method=both(f"value.method.{m.method}"), **size))
    else:
        out.append(_say("method_stated", level, **size))
    if m.method == "lmg" and m.point.table is not None and not m.point.table.lmg_exact:
        out.append(_say("method_lmg_sampled", level))
    out.append(_say("method_scale", level))
    importance, performance = r.rule(r.cuts.rule_importance), r.rule(r.cuts.rule_performance)
    out.append(_say("method_cut", level, rule_importance=importance, rule_performance=performance))
    if r.basis.n_missing:
        rule = both(f"missing_rule.{r.basis.missing_rule}")
        out.append(_say("method_missing", level, rule=rule, n_missing=r.basis.n_missing))
    else:
        out.append(_say("method_complete", level))
    out.append(_say("method_intervals", level, confidence=r.options["confidence"]))
    if m.resamples:
        out.append(_say("method_bootstrap", level, resamples=m.resamples, seed=r.options["seed"]))
        if in_groups(m.sample):
            out.append(_say("method_groups", level, groups=GROUPS))
        if r.derived:
            out.append(_say("method_significance_random" if m.draws.rival is not None else "method_significance_sign", level))
    out.append(_say("method_priority", level))
    if "movement" in r.tables:
        out.append(_say("method_movement", level))
    if "competitors" in r.tables:
        out.append(_say("method_competitors", level))
    out.append(_say("method_software", level, version=__version__))
    return out


def references(r: Report) -> tuple[str, ...]:
    """Return the keys of the literature that the method rests on."""
    m = r.measured
    keys = ["martilla1977", "holm1979"]
    keys += ["efron1993"] if m.resamples else []
    keys += {"relative_weights": ["johnson2000"], "lmg": ["gromping2006"], "total_effects": ["wold1982", "ringle2016"]}.get(
        m.method, []
    )
    keys += ["tonidandel2009"] if m.draws.rival is not None else []
    return tuple(keys)
