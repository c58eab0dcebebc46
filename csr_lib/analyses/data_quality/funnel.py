"""Data quality: issued → returned → valid, by wave and group, with the outcome rates where their parts are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.data_quality.base import NAN, Base, share_columns
from csr_lib.core.errors import AnalysisError
from csr_lib.stats.group_tests import compare_shares
from csr_lib.stats.outcome_rates import outcome_rates

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options
    from csr_lib.study import Survey

#: Outcome rates that a report shows; the others stand in the workbook.
SHOWN_RATES = ("RR1", "RR2", "RR3", "RR5", "COOP1", "REF1", "CON1")


@dataclass(frozen=True)
class Stages:
    """Counts of the selection. ``issued`` and ``stated_*`` are NaN where study.yml does not say."""

    issued: float
    returned: float
    valid: float
    stated_returned: float
    stated_valid: float

    @property
    def response(self) -> float:
        """Returned of issued."""
        return self.returned / self.issued if self.issued > 0 else NAN


def stages(base: Base) -> Stages:
    """Count the selection; what was issued and returned is study.yml's where it holds for exactly this selection."""
    survey = base.survey
    issued, stated_returned, stated_valid = _stated(survey)
    in_file = float(base.returned.sum())
    returned = stated_returned if math.isfinite(stated_returned) else in_file
    return Stages(issued, max(returned, in_file), float(base.kept.sum()), stated_returned, stated_valid)


def _stated(survey: Survey) -> tuple[float, float, float]:
    entry = survey.study.sampling
    filters = dict(survey.filters)
    waves = filters.pop("wave", None)
    if waves is None and entry.issued is None and entry.per_wave:
        waves = survey.waves
    if filters:
        if waves is None and len(filters) == 1:
            ((by, values),) = filters.items()
            planned = entry.issued_by.get(by, {})
            if all(v in planned for v in values):
                return float(sum(planned[v] for v in values)), NAN, NAN
        return NAN, NAN, NAN
    parts: list[Any] = [entry] if waves is None else [entry.per_wave[w] for w in waves if w in entry.per_wave]
    if waves is not None and len(parts) < len(waves):
        return NAN, NAN, NAN

    def total(name: str) -> float:
        given = [getattr(p, name) for p in parts]
        if name == "issued":
            by = [next((sum(d.values()) for d in p.issued_by.values()), None) for p in parts]
            given = [g if g is not None else b for g, b in zip(given, by, strict=True)]
        return float(sum(given)) if given and all(g is not None for g in given) else NAN

    return total("issued"), total("returned"), total("valid")


def funnel_table(found: Stages, options: Options) -> pd.DataFrame:
    """One row per stage: ``stage n``, its share of what was issued and of the stage before, with intervals."""
    rows = []
    before = NAN
    for stage in ("issued", "returned", "valid"):
        n = getattr(found, stage)
        if not math.isfinite(n):
            continue
        row: dict[str, Any] = {"stage": stage, "n": int(n)}
        of_issued = found.issued if stage != "issued" else NAN
        row |= share_columns(n, of_issued, options.confidence, "of_issued")
        row |= share_columns(n, before, options.confidence, "of_before")
        rows.append(row)
        before = n
    return pd.DataFrame(rows)


def reasons_table(base: Base) -> pd.DataFrame:
    """Why questionnaires were left out: ``reason n share`` by the first rule that excluded each; ``duplicate`` are second
    entries."""
    marks = base.marks[base.marks["excluded"]].drop_duplicates("position")
    counts = marks["rule"].value_counts(sort=False)
    rows = [{"reason": str(rule), "n": int(n), "share": n / max(1, len(base.rows))} for rule, n in counts.items()]
    return pd.DataFrame(rows, columns=["reason", "n", "share"])


def groups_tables(base: Base, options: Options) -> tuple[pd.DataFrame, pd.DataFrame, list[Any]]:
    """Return the funnel by group (of what study.yml says was issued by group, and by wave), a χ² test of the response rates for
    each, and the labels that are withheld."""
    survey, rows, tests, withheld = base.survey, [], [], []
    planned: dict[str, dict[str, float]] = {}
    entry = survey.study.sampling
    single = survey.filters.get("wave", ())
    source = entry.per_wave[single[0]] if len(single) == 1 and single[0] in entry.per_wave else entry
    if not set(survey.filters) - {"wave"}:
        planned |= {s: dict(counts) for s, counts in source.issued_by.items()}
    by_wave = {w: c.issued for w, c in entry.per_wave.items() if c.issued is not None and w in survey.waves}
    if len(by_wave) > 1 and set(survey.filters) <= {"wave"}:
        planned["wave"] = {w: float(n) for w, n in by_wave.items() if n is not None}
    for by, counts in planned.items():
        shown, hidden = base.groups(by)
        withheld += hidden
        there = set(survey.values(by))
        own = []
        for value, issued in counts.items():
            if value in there and value not in shown:
                continue
            at = (base.codes[by] == value).to_numpy()
            returned, valid = int((at & base.returned).sum()), int((at & base.kept).sum())
            row: dict[str, Any] = {
                "segment": by,
                "group": _key(by, value),
                "issued": int(issued),
                "returned": returned,
                "n": valid,
            }
            fits = returned <= issued
            row |= share_columns(returned if fits else NAN, issued if fits else NAN, options.confidence, "response")
            row |= share_columns(valid, returned, options.confidence, "validity")
            own.append(row)
        rows += own
        good = [r for r in own if r["issued"] and r["returned"] <= r["issued"]]
        if len(good) > 1:
            tests.append({"segment": by, **_test(good)})
    return pd.DataFrame(rows), pd.DataFrame(tests), withheld


def _test(rows: list[dict[str, Any]]) -> dict[str, float]:
    """χ² test that the response rates are equal."""
    groups = [np.repeat([1.0, 0.0], [r["returned"], r["issued"] - r["returned"]]) for r in rows]
    try:
        found = compare_shares(groups)
    except AnalysisError:
        return {"statistic": NAN, "df": len(rows) - 1, "p_value": NAN, "effect_size": NAN}
    return {"statistic": found.statistic, "df": found.df, "p_value": found.p_value, "effect_size": found.effect_size}


def _key(by: str, value: str) -> str:
    return f"{by}={value}"


def rates_table(base: Base, options: Options) -> pd.DataFrame:
    """Outcome rates of AAPOR: ``wave rate estimate ci_low ci_high formula``; empty where the parts are not known."""
    survey = base.survey
    entry = survey.study.sampling
    if set(survey.filters) - {"wave"}:
        return pd.DataFrame()
    waves = survey.filters.get("wave", ())
    parts: dict[str, Any] = {w: entry.per_wave[w].outcomes for w in (waves or survey.waves) if w in entry.per_wave}
    parts = {w: o for w, o in parts.items() if o is not None}
    if not waves and entry.outcomes is not None:
        parts = {"all": entry.outcomes, **parts}
    rows = []
    for wave, o in parts.items():
        given = {k: float(getattr(o, k)) for k in ("I", "P", "R", "NC", "O", "UH", "UO")}
        try:
            found = outcome_rates(**given, e=o.e)
        except AnalysisError:
            continue
        for row in found.table.to_dict("records"):
            p = row["estimate"]
            n = _cases(str(row["formula"]), given, float(o.e))
            ends = share_columns(p * n, n, options.confidence) if p == p else {"estimate": NAN, "ci_low": NAN, "ci_high": NAN}
            rows.append({"wave": wave, "rate": row["rate"], **ends, "estimate": p, "n": round(n), "formula": row["formula"]})
    return pd.DataFrame(rows)


def _cases(formula: str, given: dict[str, float], e: float) -> float:
    """Return the denominator of a rate: the cases that it rests on."""
    eligible = sum(given[k] for k in ("I", "P", "R", "NC", "O"))
    unclear = given["UH"] + given["UO"]
    below = formula.split("/")[1]
    return {
        "(E + U)": eligible + unclear,
        "(E + e·U)": eligible + e * unclear,
        "E": eligible,
        "(I + P + R + O)": eligible - given["NC"],
        "(I + P + R)": given["I"] + given["P"] + given["R"],
    }[below]
