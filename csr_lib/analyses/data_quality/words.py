"""Data quality: labels, numbers written out, and what titles, notes and captions are filled with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._findings import rows_of
from csr_lib.analyses._words import Labels
from csr_lib.analyses.data_quality.base import ALL
from csr_lib.analyses.data_quality.funnel import SHOWN_RATES
from csr_lib.core.text import LANGUAGES, both, number, text, words

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import DataQualityResult
    from csr_lib.analyses.data_quality.careless import Rule
    from csr_lib.study import Survey
    from csr_lib.study.schema import Study

Row = Mapping[str, Any]


def unit_of(measure: str) -> str:
    """Return ``percent`` for a share, ``points`` for a mean on 0–100."""
    return "percent" if measure in ("satisfied", "nps") else "points"


def amount(value: float, measure: str) -> dict[str, str]:
    """Return a number with its unit: percentage points of a share, points of a mean on 0–100."""
    return {lang: text(f"data_quality.amount.{unit_of(measure)}", lang, value=number(value, "score")) for lang in LANGUAGES}


def rule_label(rule: str, study: Study) -> dict[str, str]:
    """Return what a rule is called; a contradiction with its label, else with its conditions in words."""
    name, _, detail = rule.partition(":")
    known = "data_quality.rule" if name in ("fast", "outlier") else "study.rule"
    if not detail:
        return both(f"{known}.{name}")
    found = next(c for c in study.cleaning.contradictions if c.id == detail)
    meant = found.label or _conditions({**found.if_, **found.and_}, study)
    return both("data_quality.rule.detail", rule=both(f"{known}.{name}"), detail=meant)


def _conditions(conditions: Mapping[str, Sequence[str]], study: Study) -> dict[str, str]:
    """Return conditions in words: what is asked, and the answers that meet them."""
    said = []
    for name, codes in conditions.items():
        entry = study.segments.get(name) or study.questions.get(name)
        values = (entry.values if entry is not None else None) or {}
        answers = {lang: "/".join(words(values.get(c, c), lang) for c in codes) for lang in LANGUAGES}
        said.append(both("data_quality.rule.condition", what=study.label(name), answers=answers))
    return both("data_quality.rule.conditions", list=said)


def variant_label(variant: str, study: Study) -> dict[str, str]:
    """Return what a way of cleaning is called."""
    name, _, rule = variant.partition(":")
    return both(f"data_quality.variant.{name}", rule=rule_label(rule, study) if rule else "")


def labels_of(survey: Survey, tables: Mapping[str, pd.DataFrame], rules: Sequence[Rule]) -> dict[str, Any]:
    """Return the labels of everything that tables and figures name."""
    study = survey.study
    out: dict[str, Any] = {i: survey.label(i) for i in [*study.indicators, *study.constructs]}
    out |= {s: survey.label(s) for s in study.segments}
    for by in survey.data.codes.columns:
        for value in survey.data.levels(by):
            label = survey.value_label(by, value)
            out[f"{by}={value}"] = label
            if by == "wave":
                out[value] = label
    out |= {"wave": both("data_quality.wave"), ALL: both("data_quality.all"), "": "–"}
    out |= {m: both(f"data_quality.measure.{m}") for m in ("index", "satisfied", "nps")}
    entry = study.outcomes.get("satisfaction")
    out["satisfaction"] = (entry.label if entry is not None else None) or both("data_quality.measure.satisfaction")
    out |= {f"construct:{c}": survey.label(c) for c in study.constructs}
    out |= {r.key: rule_label(r.key, study) for r in rules}
    out |= {r: rule_label(r, study) for r in set(tables.get("reasons", pd.DataFrame({"reason": []}))["reason"])}
    out |= {s: both(f"data_quality.stage.{s}") for s in ("issued", "returned", "valid")}
    out |= {s: both(f"data_quality.series.{s}") for s in ("sample", "plan", "ceiling", "floor")}
    if "cleaning" in tables:
        out |= {v: variant_label(v, study) for v in set(tables["cleaning"]["variant"])}
    return out


def said_table(result: DataQualityResult, name: str, lang: str) -> pd.DataFrame:
    """Return a table whose numbers have units of their own in each row, written out."""
    frame = result.tables[name].copy()
    if name == "rates":
        frame = frame[frame["rate"].isin(SHOWN_RATES) & frame["estimate"].notna()]
        if set(frame["wave"]) == {ALL}:
            frame = frame.drop(columns="wave")
        return frame.reset_index(drop=True)
    if name == "cleaning":  # one measure; all of them stand in the figure and the workbook
        return frame[frame["measure"] == frame["measure"].iloc[0]].reset_index(drop=True)
    if name == "marks":
        frame["setting"] = frame["setting"].astype(object)
        said = [_setting(str(r), s, lang) for r, s in zip(frame["rule"], frame["setting"], strict=True)]
        frame["setting"] = pd.Series(said, dtype=object)
        return frame
    rows = rows_of(frame)
    frame["value_said"] = [_value(r, r["value"], lang) + _ends(r, lang) for r in rows]
    frame["expected_said"] = [_value(r, r["expected"], lang) if r["expected"] == r["expected"] else "–" for r in rows]
    frame["bounds_said"] = [_bounds(r, lang) for r in rows]
    return frame


def _setting(rule: str, setting: Any, lang: str) -> str:
    name = rule.partition(":")[0]
    if setting != setting:
        return text(f"data_quality.setting.{name}", lang)
    if name == "straight_line" and setting == 1:
        return text("data_quality.setting.straight_line_all", lang)
    return text(f"data_quality.setting.{name}", lang, value=setting)


_SHARES = ("same_time", "identical", "device")


def _value(row: Row, value: float, lang: str) -> str:
    kind = "share" if row["indication"] in _SHARES else "count" if row["indication"] == "burst" else "coefficient"
    if row["indication"] == "burst" and value % 1:
        kind = "score"
    return number(value, kind)


def _ends(row: Row, lang: str) -> str:
    if row["ci_low"] != row["ci_low"]:
        return ""
    return f" [{_value(row, row['ci_low'], lang)}, {_value(row, row['ci_high'], lang)}]"


def _bounds(row: Row, lang: str) -> str:
    if row["indication"] == "burst":
        return text("data_quality.bounds_p", lang, weak=row["weak"], clear=row["clear"])
    above = row["clear"] > row["weak"]
    return text(
        "data_quality.bounds_above" if above else "data_quality.bounds_below",
        lang, weak=_value(row, row["weak"], lang), clear=_value(row, row["clear"], lang),
    )  # fmt: skip


class Words(Labels["DataQualityResult"]):
    """Words of one result."""

    kind = "share"

    def __init__(self, result: DataQualityResult):
        super().__init__(result)
        self.facts = result.facts

    def group(self, segment: str, group: str) -> Any:
        """Return what a group is called in a sentence; the whole and waves by their own name."""
        return self.label(group if segment not in (ALL,) else ALL)

    def wave_of_groups(self) -> Any:
        """Return the label of the wave that the return curves of groups are of; None where there is one wave, or no group."""
        waves = {r["wave"] for r in rows_of(self.tables.get("curves"))} - {"", ALL}
        return self.label(waves.pop()) if waves else None

    def main_curve(self) -> Row | None:
        """Return the curve of the whole, or of the latest wave."""
        rows = [r for r in rows_of(self.tables.get("curves")) if r["segment"] in (ALL, "wave")]
        return rows[-1] if rows else None

    def precise(self, measure: str = "satisfied") -> Row | None:
        """Return the margin of the whole, of satisfied customers where that was asked, else of the mean rating."""
        rows = [r for r in rows_of(self.tables.get("precision")) if r["segment"] == ALL]
        return next((r for r in rows if r["measure"] == measure), rows[0] if rows else None)

    def effects(self, variant: str) -> list[Row]:
        """Return the effects of one way of cleaning."""
        return [r for r in rows_of(self.tables.get("cleaning")) if r["variant"] == variant]

    def flawed(self) -> list[Row]:
        """Return the items that a pre-test asks to look at."""
        return [r for r in rows_of(self.tables.get("items")) if r["reading"] != "fine"]


def shown_values(result: DataQualityResult, name: str, lang: str) -> dict[str, Any]:
    """Return what the title, note, caption and alternative text of a table or figure are filled with."""
    p, tables, facts = Words(result), result.tables, result.facts
    values: dict[str, Any] = {
        "why": both(f"data_quality.why.{result.missing.get(name, 'none')}"),
        "fast": result.options["fast"],
        "minutes": result.options["minutes"] if has_burst(tables) else None,
        "outlier": result.options["outlier"],
        "margin": result.options["margin"] or 0.05,
        "rate": facts["rate"],
        "read": facts["read"],
        "again": facts["repeated"] or math.nan,
        "in_file": facts["in_file"],
        "no_weights": both("data_quality.no_weights") if "weights" not in tables else None,
        "wave": p.wave_of_groups(),
        "most_frequent": both("data_quality.most_frequent") if _cut(tables.get("patterns")) else None,
        "issued": facts["issued"],
        "returned": facts["returned"],
        "valid": facts["valid"],
        "n": result.basis.n,
        "measure": p.label(facts["box_measure"]) if facts["box_measure"] else "",
        "first_measure": p.label(tables["cleaning"]["measure"].iloc[0]) if "cleaning" in tables else "",
        "deff": facts["design_effect"],
        "strata": p.label(facts["strata"]) if facts["strata"] else "",
        "sizes_from": both(f"data_quality.sizes_from.{facts['sizes_from'] or 'none'}"),
        "own": both("data_quality.weights_own" if facts["weights_own"] else "data_quality.weights_trial"),
        "list": both("data_quality.nothing"),
        "population_said": _population(facts, lang),
        "plan_weights": both("data_quality.plan_weights", deff=facts["design_effect"]) if facts["design_effect"] > 1.005 else "",
    }
    listed = _listed(p, name)
    if listed:
        values["list"] = listed
    if name == "boxes" and "boxes" in tables:
        values["outliers"] = int(tables["box_summary"].set_index("measure").loc[facts["box_measure"], "in_groups"])
    return values


def _cut(patterns: pd.DataFrame | None) -> bool:
    """Tell whether there are more patterns of missing answers than are shown."""
    return patterns is not None and float(patterns["share"].sum()) < 1 - 1e-9


def has_burst(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Tell whether times of return were screened for bursts."""
    return "fabrication" in tables and "burst" in set(tables["fabrication"]["indication"])


def _population(facts: Mapping[str, Any], lang: str) -> str:
    known = facts["population"] == facts["population"]
    return text("data_quality.population_known" if known else "data_quality.population_unknown", lang, value=facts["population"])


def _listed(p: Words, name: str) -> list[Any]:
    """Return what the alternative text of a figure names."""
    tables = p.tables
    if name == "curves":
        return [_curve(p, r) for r in rows_of(tables.get("curves"))[-6:]]
    if name == "representation":
        frame = tables.get("representation")
        if frame is None:
            return []
        order = frame["difference"].abs().sort_values(ascending=False, kind="stable").index[:4]
        return [p.named(r["group"], 100 * r["difference"], "signed_score") for r in rows_of(frame.loc[order])]
    if name == "marks":
        return [p.named(r["rule"], r["n"], "count") for r in rows_of(tables.get("marks")) if r["n"]]
    if name == "patterns":
        frame = tables.get("missing_worst")
        return [p.named(r["indicator"], r["share"]) for r in rows_of(frame)[:4]]
    if name == "cleaning":
        first = p.effects(rows_of(tables.get("cleaning"))[0]["variant"]) if "cleaning" in tables else []
        return [p.named(r["measure"], r["difference"], "signed_score") for r in first]
    if name == "items":
        frame = tables["items"].sort_values("ceiling", ascending=False, kind="stable")
        return [p.named(r["indicator"], r["ceiling"], "percent") for r in rows_of(frame)[:4]]
    return []


def _curve(p: Words, row: Row) -> dict[str, str]:
    """Return one group's level with its interval, or why there is none."""
    group = p.group(row["segment"], row["group"])
    if row["level"] == row["level"]:
        said = interval_of_level(row)
        return both("data_quality.level_said", group=group, n=row["n"], level=row["level"], interval=said)
    return both("data_quality.level_refused", group=group, n=row["n"], phase=both(f"value.phase.{row['phase']}"))


def interval_of_level(row: Row) -> dict[str, str]:
    """Return the interval of a level in words; one without an upper end, or cut at what was issued, says so."""
    if row["level_ci_low"] != row["level_ci_low"]:
        return both("data_quality.at_issued")
    if row["level_ci_high"] == row["level_ci_high"]:
        return both("data_quality.between", low=row["level_ci_low"], high=row["level_ci_high"])
    return both("data_quality.at_least", low=row["level_ci_low"])
