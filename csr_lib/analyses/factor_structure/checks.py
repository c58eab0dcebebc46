"""Factor structure: may the factors, the measurement model and the structural model be believed?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._checks import pooled_waves, sample_checks
from csr_lib.analyses._discriminant import judge_htmt
from csr_lib.analyses._words import named
from csr_lib.analyses.factor_structure.model_tables import r_squared
from csr_lib.analyses.factor_structure.tables import ALL
from csr_lib.core.check import Check, Verdict
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import LANGUAGES, number, text, words
from csr_lib.stats.sem import SEMResult

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.analysis import Options
    from csr_lib.analyses.factor_structure.confirm import Attempt, Confirmation
    from csr_lib.analyses.factor_structure.explore import Exploration
    from csr_lib.analyses.factor_structure.plan import Data

#: A χ² so small that it would come by chance once in a thousand samples of a model that holds entirely.
TOO_GOOD = 0.999
#: Checks of an estimated model that, failed, make its solution inadmissible; and those that say how well it is determined.
ADMISSIBLE = ("sem_std_path", "sem_variance", "sem_latent_definite")
DETERMINED = ("sem_latent_correlation", "sem_std_error", "sem_information", "sem_factor_variance")
INPUTS = ("sem_composites", "sem_weights", "sem_missing")
_ORDER: dict[Verdict, int] = {"pass": 0, "warn": 1, "fail": 2}


def admissible(result: SEMResult) -> bool:
    """Tell whether the solution could be that of any population: no negative variance, no path beyond 1, definite factors."""
    explained = result.r_squared["r2"].to_numpy(dtype=float)
    beyond = bool((explained[np.isfinite(explained)] > 1 + 1e-9).any())
    return not beyond and not any(c.key in ADMISSIBLE and c.verdict == "fail" for c in result.checks)


def make_checks(
    data: Data, e: Exploration, c: Confirmation, tables: Mapping[str, pd.DataFrame], labels: Mapping[str, Any], options: Options
) -> list[Check]:
    """Return every check of the result, the sample's first."""
    survey = data.survey
    found = sample_checks(survey, data.basis(e.sample))
    found += pooled_waves(survey, "fs_waves")
    found += [*_fitness(data, e, labels), *_number(e, tables), *_loadings(e, labels), *_scales(tables, labels)]
    measurement = _model("fs_cfa", c.cfa, tables, labels)
    structure = _model("fs_structure", c.structure, tables, labels)
    found += measurement
    found += _validity(tables, labels)
    found += _formative(data, labels)
    said = {check.sentence("en") for check in measurement if check.key == "fs_cfa_inputs"}
    found += [check for check in structure if check.key != "fs_structure_inputs" or check.sentence("en") not in said]
    for g in c.groups:
        if g.result is not None:
            found += [_named(check, g.labels, labels) for check in g.result.checks]
        else:
            found.append(Check("fs_invariance_failed", "fail", values={"segment": survey.label(g.by), "problem": g.problem}))
    return found


def _named(check: Check, groups: Mapping[str, Any], labels: Mapping[str, Any]) -> Check:
    """Return a check of invariance with labels in place of the codes of groups and the names of parameters."""
    values = dict(check.values)
    if "group" in values:
        values["group"] = groups.get(str(values["group"]), values["group"])
    if "names" in values:
        values["names"] = [spoken(str(name), labels) for name in values["names"]]
    return Check(check.key, check.verdict, check.value, check.threshold, check.source, values)


def _with(labels: Mapping[str, Any], keys: Iterable[str], values: Iterable[float], kind: str = "decimal") -> list[Any]:
    """Return ``label (value)`` for each."""
    return [named(labels.get(k, k), v, kind) for k, v in zip(keys, values, strict=True)]


def _fitness(data: Data, e: Exploration, labels: Mapping[str, Any]) -> list[Check]:
    """Are there enough answers, and do the items have enough in common?"""
    used = e.adequate[e.kind]
    weak = used.items[used.items["kmo"] < CUTOFFS["kmo"].fail]
    p = len(data.choice.items)
    found = [
        Check.against("fs_n_per_item", e.sample.n_effective / p, "n_per_parameter", n=e.sample.n, items=p),
        Check.against("fs_kmo", used.kmo, "kmo"),
        Check(
            "fs_bartlett", "pass" if used.p_value < 0.05 else "fail", used.p_value, 0.05, "bartlett1951",
            {"chi2": used.chi_square, "df": used.df, "p": used.p_value},
        ),
    ]  # fmt: skip
    if len(weak):
        names = _with(labels, weak["item"], weak["kmo"])
        found.append(Check("fs_item_kmo", "warn", float(weak["kmo"].min()), CUTOFFS["kmo"].fail, "kaiser1974", {"names": names}))
    if e.decision is not None:
        agrees = e.decision.kind == e.kind
        values = {
            "used": _phrase(f"correlation.{e.kind}"),
            "asked": _phrase(f"correlation.{e.decision.kind}"),
            "reason": _phrase(f"reason.{e.decision.reason}"),
            "names": [labels.get(i, i) for i in e.decision.decisive],
        }
        found.append(Check("fs_correlation", "pass" if agrees else "warn", source="rhemtulla2012", values=values))
    if e.polychoric is not None and e.kind == "polychoric" and e.polychoric.smoothed > 0:
        found.append(Check("fs_smoothed", "warn", e.polychoric.smoothed))
    return found


def _phrase(key: str) -> dict[str, str]:
    return {lang: text(f"factor_structure.{key}", lang) for lang in LANGUAGES}


def _number(e: Exploration, tables: Mapping[str, pd.DataFrame]) -> list[Check]:
    """Does parallel analysis agree with the number of factors, and do they explain enough?"""
    rules = tables["retention"].set_index("retention_rule")["suggested"]
    parallel = int(rules["parallel_components" if e.solution.method == "components" else "parallel_factors"])
    apart = e.wanted - parallel
    found = [
        Check(
            "fs_number", "pass" if apart == 0 else "warn", float(e.wanted), float(parallel), "horn1965",
            {
                "rule": _phrase(f"rule.{e.rule}"),
                "which": _phrase("number." + ("more" if apart > 0 else "fewer" if apart < 0 else "same")),
            },
        ),
        Check.against("fs_variance", float(tables["variance"]["cumulative"].iloc[-1]), "variance_explained", factors=e.wanted),
    ]  # fmt: skip
    if e.asked != e.wanted:
        found.append(Check("fs_fewer_factors", "fail", float(e.wanted), float(e.asked)))
    return found


def _loadings(e: Exploration, labels: Mapping[str, Any]) -> list[Check]:
    """Does every item belong to one factor, firmly, and every factor have items enough?"""
    groups, found = e.groups, []
    size = groups["loading"].abs()
    low = groups[size < CUTOFFS["factor_loading"].threshold]
    found.append(
        Check.against("fs_loading", float(size.min()), "factor_loading", names=_with(labels, low["item"], low["loading"]))
    )
    if groups["second_loading"].notna().any():
        second = groups["second_loading"].abs()
        high = groups[second > CUTOFFS["cross_loading"].threshold]
        names = _with(labels, high["item"], high["second_loading"])
        found.append(Check.against("fs_cross_loading", float(second.max()), "cross_loading", names=names))
    poor = groups[groups["communality"] < CUTOFFS["communality"].threshold]
    names = _with(labels, poor["item"], poor["communality"])
    found.append(Check.against("fs_communality", float(groups["communality"].min()), "communality", names=names))
    salient = (
        groups[size >= CUTOFFS["factor_loading"].fail].groupby("factor").size().reindex(list(e.solution.factors), fill_value=0)
    )
    few = salient[salient < CUTOFFS["factor_items"].threshold]
    names = _with(labels, few.index, few.to_numpy(dtype=float), "count")
    found.append(Check.against("fs_factor_items", float(salient.min()), "factor_items", names=names))
    if groups["stable"].notna().any():
        loose = groups[groups["stable"] < CUTOFFS["factor_stability"].threshold]
        names = _with(labels, loose["item"], loose["stable"], "percent")
        found.append(Check.against("fs_stability", float(groups["stable"].min()), "factor_stability", names=names))
    if e.solution.heywood:
        names = [labels.get(i, i) for i in e.solution.heywood]
        found.append(Check("fs_heywood", "fail", float(len(names)), 0.0, "bollen1989", {"names": names}))
    return found


def _scales(tables: Mapping[str, pd.DataFrame], labels: Mapping[str, Any]) -> list[Check]:
    """Is the whole reliable, is every construct, and does no item count against its construct?"""
    frame, found = tables["reliability"], []
    whole = frame[frame["construct"] == ALL]
    if len(whole):
        found.append(Check.against("fs_alpha_all", float(whole["alpha"].iloc[0]), "alpha", items=int(whole["items"].iloc[0])))
    parts = frame[frame["construct"] != ALL]
    if len(parts):
        low = parts[parts["alpha"] < CUTOFFS["alpha"].threshold]
        names = _with(labels, low["construct"], low["alpha"])
        found.append(Check.against("fs_alpha", float(parts["alpha"].min()), "alpha", names=names))
    items = tables["items"]
    against = items[items["item_rest"] < 0]
    if len(against):
        names = _with(labels, against["item"], against["item_rest"])
        found.append(Check("fs_item_rest", "fail", float(against["item_rest"].min()), 0.0, "nunnally1994", {"names": names}))
    return found


def _model(key: str, attempt: Attempt, tables: Mapping[str, pd.DataFrame], labels: Mapping[str, Any]) -> list[Check]:
    """Is the solution of a model admissible and determined, are there answers enough, and does it fit?"""
    if attempt.result is None:
        return [Check(f"{key}_failed", "fail", values={"problem": attempt.problem})] if attempt.problem else []
    result = attempt.result
    own = [_spoken(c, labels) for c in result.checks]
    constructs = max((float(v) for v in r_squared(result)["r_squared"] if math.isfinite(v)), default=math.nan)
    most = max((float(v) for v in result.r_squared["r2"] if math.isfinite(v)), default=math.nan)  # items as well
    beyond = most if most > 1 else math.nan
    found = [
        _joined(f"{key}_admissible", [c for c in own if c.key in ADMISSIBLE], r2=constructs, beyond=beyond),
        _joined(f"{key}_determined", [c for c in own if c.key in DETERMINED]),
    ]
    found += [
        Check(f"{key}_n", c.verdict, c.value, c.threshold, c.source, c.values) for c in own if c.key == "sem_n_per_parameter"
    ]
    inputs = [c for c in own if c.key in INPUTS]
    found += [_joined(f"{key}_inputs", inputs)] if inputs else []
    p = float(result.fit.get("p_value_scaled", result.fit["p_value"]))
    if result.fit["df"] > 0 and p > TOO_GOOD:
        found.append(Check(f"{key}_too_good", "warn", p, TOO_GOOD, "", {"chi2": result.fit["chi2"], "df": result.fit["df"]}))
    column = key.removeprefix("fs_")
    judged = tables["fit"][tables["fit"][f"{column}_met"] != "none"]
    missed = judged[judged[f"{column}_met"] == "missed"]
    verdict: Verdict = "pass" if missed.empty else "warn" if 2 * len(missed) <= len(judged) else "fail"
    names = _with({}, [_measure_name(m) for m in missed["fit_measure"]], missed[column], "coefficient")
    found.append(Check(f"{key}_fit", verdict, float(len(judged) - len(missed)), float(len(judged)), "hu1999", {"names": names}))
    return found


def _measure_name(name: str) -> str:
    return text(f"value.fit_measure.{name}", "en")


def _spoken(check: Check, labels: Mapping[str, Any]) -> Check:
    """Return a check of a model with labels in place of the keys in its names (``Image → Q1``, ``Q1``)."""
    values = dict(check.values)
    for name in ("worst", "names"):
        if name in values:
            given = values[name]
            said = [spoken(str(v), labels) for v in ([given] if isinstance(given, str) else given)]
            values[name] = said[0] if isinstance(given, str) else said
    return Check(check.key, check.verdict, check.value, check.threshold, check.source, values)


def spoken(name: str, labels: Mapping[str, Any]) -> dict[str, str]:
    """Return a parameter's name (keys and signs with blanks between them) with labels for keys and words for signs."""
    parts = name.split(" ")
    if len(parts) == 3 and (parts[1:] == ["~", "1"] or (parts[1] == "~~" and parts[0] == parts[2])):
        kind = "intercept" if parts[1] == "~" else "residual"
        return {x: text(f"factor_structure.parameter.{kind}", x, item=labels.get(parts[0], parts[0])) for x in LANGUAGES}
    signs = {"=~": "→", "~~": "↔"}
    return {x: " ".join(words(labels.get(p, signs.get(p, p)), x) for p in parts) for x in LANGUAGES}


def _joined(key: str, members: Sequence[Check], **values: Any) -> Check:
    """Return one check for several: the worst verdict, and what those that are not passed say."""
    verdict: Verdict = max((c.verdict for c in members), key=lambda v: _ORDER[v], default="pass")
    bad = [c for c in members if c.verdict != "pass"]
    said = {lang: (" " if lang == "en" else "").join(c.sentence(lang) for c in bad) for lang in LANGUAGES}
    source = bad[0].source if bad else (members[0].source if members else "")
    if key.endswith("_admissible") and values["beyond"] > 1 and verdict == "pass":
        verdict, said = "fail", _phrase("beyond_all")
    return Check(key, verdict, float(len(bad)), 0.0, source, {"said": said, **values})


def _validity(tables: Mapping[str, pd.DataFrame], labels: Mapping[str, Any]) -> list[Check]:
    """Do items measure their factor well, and are the factors told apart?"""
    frame = tables.get("validity")
    if frame is None or frame.empty:
        return []
    found = []
    for key, column, cutoff in (("fs_cr", "cr", "rho_c"), ("fs_ave", "ave", "ave")):
        known = frame[frame[column].notna()]
        if len(known):
            low = known[known[column] < CUTOFFS[cutoff].threshold]
            names = _with(labels, low["construct"], low[column])
            found.append(Check.against(key, float(known[column].min()), cutoff, names=names))
    pairs = tables.get("discriminant")
    if pairs is not None and pairs["estimate"].notna().any():
        verdict, concerned, values = judge_htmt(pairs)
        names = _pairs(concerned, labels, "ci_high" if verdict == "warn" else "estimate")
        values |= {"names": names, "worst": _pairs(pairs.head(1), labels)}
        rule = CUTOFFS["htmt"]
        found.append(Check("fs_htmt", verdict, float(pairs["estimate"].max()), rule.threshold, rule.source, values))
        judged = pairs[pairs["ave_least"].notna()]
        crossed = judged[~judged["holds"].astype(bool)]
        if len(judged):
            names = _pairs(crossed, labels, "correlation")
            crossing: Verdict = "pass" if crossed.empty else "warn"
            found.append(
                Check("fs_fornell", crossing, float(len(crossed)), 0.0, "fornell1981", {"names": names, "total": len(judged)})
            )
    return found


def _pairs(frame: pd.DataFrame, labels: Mapping[str, Any], value: str = "estimate") -> list[Any]:
    return [
        {
            lang: text(
                "factor_structure.pair",
                lang,
                one=words(labels.get(r["source"], r["source"]), lang),
                two=words(labels.get(r["target"], r["target"]), lang),
                value=number(r[value], "decimal"),
            )
            for lang in LANGUAGES
        }
        for r in frame.to_dict("records")
    ]


def _formative(data: Data, labels: Mapping[str, Any]) -> list[Check]:
    """Constructs whose items form them (mode B): a common factor behind them contradicts what the study says of them."""
    names = [labels.get(c.name, c.name) for c in data.choice.measured if c.mode == "B"]
    return [Check("fs_formative", "fail", float(len(names)), 0.0, "bollen1989", {"names": names})] if names else []
