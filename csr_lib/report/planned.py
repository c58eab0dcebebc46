"""The plan of a sample as text: what ``csr plan`` prints."""

from __future__ import annotations

from typing import Any

from csr_lib.core.text import number, text, words
from csr_lib.report.terminal import table
from csr_lib.study import Study
from csr_lib.study.planning import SamplePlan


def plan_text(plan: SamplePlan, study: Study, lang: str, total: int | None = None) -> str:
    """Return a plan in words and tables: what it rests on, answers needed in all, and by stratum; `total` columns wide."""

    def t(key: str, **values: Any) -> str:
        return text(f"cli.plan.{key}", lang, **values)

    def margin(value: Any) -> str:
        return "±" + number(value, "share" if plan.of == "share" else "points")

    strata = words(study.label(plan.strata), lang) if plan.strata else ""
    about = [
        t(f"spread_{plan.of}_{'answers' if plan.origins['spread'] == 'answers' else 'given'}", spread=plan.spread),
        t("response_known" if plan.origins["response_rate"] == "sampling" else "response", rate=plan.response_rate),
        t("effect_weights" if plan.origins["design_effect"] == "case_weight" else "effect", effect=plan.design_effect),
        t("population", population=plan.population) if plan.population else t("population_unknown"),
    ]
    if plan.origins["spread"] == "careful":
        about[0] = t("spread_careful")
    if strata:
        about.append(t(f"shares_{plan.origins['population_share']}", strata=strata))
    parts = [t("title", what=t(plan.of), margin=margin(plan.margin), level=number(plan.level, "percent"))]
    parts.append("\n".join(f"  {line}" for line in about))
    rows = [
        (t(f"rule.{row.rule}"), number(row.n, "count"), number(row.issued, "count"), margin(row.margin))
        for row in plan.totals.itertuples()
    ]
    parts.append(table([t(f"column.{c}") for c in ("rule", "n", "issued", "margin")], rows, total))
    if strata:
        parts.append(_by_stratum(plan, study, lang, strata, total))
    return "\n\n".join(parts)


def _by_stratum(plan: SamplePlan, study: Study, lang: str, strata: str, total: int | None) -> str:
    def t(key: str, **values: Any) -> str:
        return text(f"cli.plan.{key}", lang, **values)

    rules = list(dict.fromkeys(plan.by_stratum["rule"]))
    first = plan.by_stratum[plan.by_stratum["rule"] == rules[0]]
    labels = study.segments[plan.strata].values or {}
    unit = "share" if plan.of == "share" else "points"
    headings = [strata, t("column.share")]
    for rule in rules:
        short = t(f"rule.{rule}")
        headings += [short, t("column.issued"), t("column.margin")]
    headings.append(t("column.n_alone"))
    rows = []
    for place, row in enumerate(first.itertuples()):
        label = words(labels.get(str(row.stratum)) or row.stratum, lang)
        cells = [label, number(row.population_share, "share")]
        for rule in rules:
            own = plan.by_stratum[plan.by_stratum["rule"] == rule].iloc[place]
            cells += [number(own["n"], "count"), number(own["issued"], "count"), "±" + number(own["margin"], unit)]
        rows.append([*cells, number(row.n_alone, "count")])
    return table(headings, rows, total)
