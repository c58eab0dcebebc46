"""Data quality: what must hold before the results of a survey may be believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._checks import sample_checks
from csr_lib.analyses._findings import rows_of
from csr_lib.analyses.data_quality.base import ALL
from csr_lib.analyses.data_quality.fabricated import summary
from csr_lib.analyses.data_quality.words import amount
from csr_lib.core.check import Check, Verdict
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.result import Basis
from csr_lib.core.text import both

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options
    from csr_lib.analyses.data_quality.careless import Rule
    from csr_lib.study import Survey

Tables = Mapping[str, pd.DataFrame]


def make_checks(
    survey: Survey,
    basis: Basis,
    tables: Tables,
    facts: Mapping[str, Any],
    rules: Sequence[Rule],
    options: Options,
    pilot_mode: bool,
) -> list[Check]:
    """Return the checks of sample, response, precision, representation, care, missing answers and cleaning."""
    checks = sample_checks(survey, basis)
    checks += _response(survey, facts, tables, options)
    checks += _returns(tables)
    checks += _precision(tables, facts)
    checks += _representation(survey, tables)
    checks += _care(facts, tables, rules)
    if pilot_mode:  # thirty answers are too few to be told from made-up ones, and give no level whose margin matters
        checks = [c for c in checks if c.key not in ("dq_margin", "dq_fabricated", "sample_size")]
    checks += _missing(survey, tables, options)
    if pilot_mode and "items" in tables:
        flawed = [survey.label(str(r["indicator"])) for r in rows_of(tables["items"]) if r["reading"] != "fine"]
        values = {"list": flawed, "total": len(tables["items"])}
        checks.append(Check("dq_items", "warn" if flawed else "pass", float(len(flawed)), 0.0, "nunnally1994", values))
    return checks


def _response(survey: Survey, facts: Mapping[str, Any], tables: Tables, options: Options) -> list[Check]:
    checks = []
    issued = facts["issued"]
    if issued > 0 and facts["returned"] <= issued:
        checks.append(Check.against("dq_response", facts["returned"] / issued, issued=issued, returned=facts["returned"]))
    stated, counted = facts["stated_returned"], facts["in_file"]
    if math.isfinite(stated):
        valid = facts["stated_valid"]
        apart = abs(stated - counted) + (abs(valid - facts["valid"]) if math.isfinite(valid) else 0)
        verdict: Verdict = "pass" if apart == 0 else "warn"
        values = {
            "stated": stated, "counted": counted, "valid": facts["valid"],
            "stated_valid": valid if math.isfinite(valid) else facts["valid"], "repeated": facts["repeated"],
        }  # fmt: skip
        checks.append(Check("dq_counts", verdict, float(apart), 0.0, "", values))
    for row in rows_of(tables.get("funnel_tests")):
        p = row["p_value"]
        if p == p:
            own = [
                r for r in rows_of(tables["funnel_groups"]) if r["segment"] == row["segment"] and r["response"] == r["response"]
            ]
            low, high = min(r["response"] for r in own), max(r["response"] for r in own)
            verdict = "warn" if p < 1 - options.confidence else "pass"
            values = {"segment": _segment(survey, row["segment"]), "low": low, "high": high}
            checks.append(Check("dq_response_groups", verdict, p, 1 - options.confidence, "", values))
    return checks


def _segment(survey: Survey, name: str) -> Any:
    return both("data_quality.wave") if name == "wave" else survey.label(name)


def _returns(tables: Tables) -> list[Check]:
    rows = [r for r in rows_of(tables.get("curves")) if r["segment"] in (ALL, "wave")]
    if not rows:
        return []
    row = rows[-1]
    if row["level"] == row["level"]:
        far = both("data_quality.level_far", reached=row["reached"], level=row["level"])
        return [Check.against("dq_levelled", row["reached"], level=row["level"], why=far)]
    values = {"why": both("data_quality.level_unknown", n=row["n"], phase=both(f"value.phase.{row['phase']}"))}
    return [Check("dq_levelled", "fail", None, CUTOFFS["dq_levelled"].threshold, "csr_convention", values)]


def _precision(tables: Tables, facts: Mapping[str, Any]) -> list[Check]:
    checks = []
    rows = [r for r in rows_of(tables.get("precision")) if r["segment"] == ALL]
    if rows:
        row = next((r for r in rows if r["measure"] == "satisfied"), rows[0])
        values = {
            "n": row["n"],
            "what": both(f"data_quality.measure.{row['measure']}"),
            "amount": amount(row["margin"], row["measure"]),
        }
        checks.append(Check.against("dq_margin", row["margin"], **values))
    if facts["population_fault"]:
        checks.append(Check("dq_population", "fail", facts["valid"], None, "", {}))
    return checks


def _representation(survey: Survey, tables: Tables) -> list[Check]:
    checks = []
    frame = tables.get("representation")
    for row in rows_of(tables.get("representation_tests")):
        own = [r for r in rows_of(frame) if r["segment"] == row["segment"]]
        if not own or row["p_adjusted"] != row["p_adjusted"]:
            continue
        worst = max(own, key=lambda r: abs(r["difference"]))
        value = worst["group"].split("=", 1)[1]
        sure = row["p_adjusted"] < 0.05
        far = abs(worst["difference"])
        verdict: Verdict = "fail" if sure and far >= CUTOFFS["dq_difference"].fail else "warn" if sure else "pass"
        values = {
            "segment": survey.label(row["segment"]), "group": survey.value_label(row["segment"], value),
            "difference": 100 * worst["difference"], "kind": both(f"value.kind.{row['kind']}"), "p": row["p_adjusted"],
        }  # fmt: skip
        checks.append(Check("dq_representation", verdict, far, CUTOFFS["dq_difference"].threshold, "csr_convention", values))
    weights = tables.get("weights")
    if weights is not None and "converged" in weights:
        bad = [r for r in rows_of(weights) if r["converged"] is False or r["converged"] == 0]
        deviations = [abs(r["deviation"]) for r in rows_of(weights) if r.get("deviation") == r.get("deviation")]
        values = {"deviation": max(deviations, default=0.0)}
        off = values["deviation"] > 0.005
        verdict = "fail" if bad else "warn" if off else "pass"
        checks.append(Check("dq_raking", verdict, values["deviation"], 0.005, "deming1940", values))
    return checks


def _care(facts: Mapping[str, Any], tables: Tables, rules: Sequence[Rule]) -> list[Check]:
    checks = []
    kept = facts["valid"]
    if rules and kept:
        whose = both(f"value.whose.{facts['judged_by']}")
        checks.append(Check.against("dq_marked", facts["marked"] / kept, "missing_share", n=facts["marked"], whose=whose))
    own = {f"drop:{r.key}" for r in rules if r.origin == facts["judged_by"]}
    effects = [r for r in rows_of(tables.get("cleaning")) if r["variant"] in ("raw", "strict") or r["variant"] in own]
    effects = [r for r in effects if r["measure"] in ("index", "satisfaction", "satisfied")]
    if effects:
        worst = max(effects, key=lambda r: abs(r["difference"]))
        moved = amount(abs(worst["difference"]), worst["measure"])
        what = both(f"data_quality.measure.{worst['measure']}")
        checks.append(Check.against("dq_cleaning", abs(worst["difference"]), what=what, amount=moved))
    frame = tables.get("fabrication")
    if frame is not None:
        clear, weak, total = summary(frame)
        verdict: Verdict = "fail" if clear > 1 else "warn" if clear or weak > 1 else "pass"
        found = [both(f"value.indication.{r['indication']}") for r in rows_of(frame) if r["grade"] != "unremarkable"]
        values = {"clear": clear, "weak": weak, "total": total, "list": found or both("data_quality.nothing")}
        checks.append(Check("dq_fabricated", verdict, float(clear), 0.0, "csr_convention", values))
    return checks


def _missing(survey: Survey, tables: Tables, options: Options) -> list[Check]:
    checks = []
    rows = rows_of(tables.get("missing_items"))
    if rows:
        worst = max(rows, key=lambda r: r["share"])
        if worst["share"] > 0:  # no item is the most often missing where none is
            item = survey.label(str(worst["indicator"]))
            checks.append(Check.against("dq_missing_item", worst["share"], "missing_share", item=item))
    for row in rows_of(tables.get("mcar")):
        verdict: Verdict = "warn" if row["p_value"] < 1 - options.confidence else "pass"
        values = {"statistic": row["statistic"], "df": row["df"], "incomplete": row["incomplete"], "p": row["p_value"]}
        checks.append(Check("dq_mcar", verdict, row["p_value"], 1 - options.confidence, "little1988", values))
    return checks
