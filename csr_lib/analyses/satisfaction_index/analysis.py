"""Satisfaction index: ACSI, ECSI, TCSI, CCSI and models of one's own, by PLS path modelling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from csr_lib.analyses._checks import sample_checks
from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses._rows import rows
from csr_lib.analyses.satisfaction_index.result import SatisfactionIndexResult
from csr_lib.core.check import Check
from csr_lib.core.errors import CsrError, Problem
from csr_lib.core.text import LANGUAGES, text, words

if TYPE_CHECKING:
    from csr_lib.analyses.satisfaction_index.estimate import Estimate
    from csr_lib.study import Study, Survey


class Options(BaseOptions):
    """What a satisfaction index can be asked for."""

    model: Literal["acsi", "ecsi", "tcsi", "ccsi"] | None = Field(None, description="a template in place of the study's model")
    target: str | None = Field(None, description="the construct whose index is the headline; the model's own where None")
    engine: str = Field("pls", description="'pls' (partial least squares path modelling)")
    scheme: Literal["path", "factorial", "centroid"] = Field("path", description="inner weighting scheme")
    mode: Literal["A", "B", "reflective"] | None = Field(None, description="mode of every construct in place of the study's")
    by: tuple[str, ...] | None = Field(None, description="segments to show the index for; all of the study where None")
    scope: Literal["all", "latest"] = Field(
        "all",
        description="whom index, groups, map and roll-up describe where there are several waves: all of them, or the latest",
    )
    decompose: tuple[str, str] | None = Field(
        None, description="two waves whose change is split over the drivers; the last two, and first and last, where None"
    )

    @field_validator("by", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value == "sem":
            raise ValueError("only 'pls' exists so far; covariance SEM ('sem') is not built yet")
        if value != "pls":
            raise ValueError("only 'pls' exists")
        return value


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what a study lacks before its satisfaction index can be computed with `options`; empty: nothing."""
    from csr_lib.analyses.satisfaction_index.estimate import chosen_model

    try:
        chosen_model(study, resolve(Options, SatisfactionIndexResult.analysis, study, options))
    except CsrError as error:
        return list(error.problems)
    return []


def satisfaction_index(survey: Survey, *, lang: str | None = None, **options: Any) -> SatisfactionIndexResult:
    """Estimate a satisfaction index model and say what it shows.

    Parameters
    ----------
    survey : answers of customers (others are left aside) to the items of the model.
    lang : ``zh`` or ``en``; the survey's own by default.
    **options : see `Options`; what is None comes from study.yml, else the default.

    Returns
    -------
    SatisfactionIndexResult
        Tables ``index goals waves wave_changes decomposition segments rollup importance_performance_map
        importance_performance_items paths effects r_squared weights loadings cross_loadings reliability fornell_larcker vif htmt
        hypotheses``, as far as the study has what they need.

    Raises
    ------
    OptionError
        An option that is unknown or has a value that is not allowed (an unknown segment, wave, construct, engine).
    StudyError
        No model, a construct without items, paths in a circle, constructs of a template that the study lacks.
    AnalysisError
        Too few answers, items that do not vary, linear dependence, no convergence, a roll-up whose shares are missing or wrong.

    Notes
    -----
    Index of a construct: Σwᵢ(x̄ᵢ − min)/Σwᵢ(max − min)·100, wᵢ = outer weight/sdᵢ (Fornell et al. 1996). One set of outer weights
    and paths, from all answers of all waves together, serves every group and wave: so groups differ by their answers, not by
    how answers are weighted. Intervals, p-values, differences, the decomposition and the roll-up come from one batch of
    resamples. The same numbers: R seminr (paths, weights, reliability), cSEM ``doIPMA`` (performance, importance).
    """
    from csr_lib.analyses.satisfaction_index import findings
    from csr_lib.analyses.satisfaction_index.checks import reflective
    from csr_lib.analyses.satisfaction_index.estimate import estimate
    from csr_lib.analyses.satisfaction_index.rollup import hidden_units, tree
    from csr_lib.analyses.satisfaction_index.told import Told

    lang = language(lang, survey.lang)
    chosen = resolve(Options, SatisfactionIndexResult.analysis, survey.study, options)
    plan = tree(survey)
    e = estimate(survey, chosen, plan)
    hidden = hidden_units(e.described, plan) if plan else set()
    tables, drivers, outcomes = _tables(e, chosen, plan, hidden)
    pooled = e.basis(e.used, e.people)
    basis = e.basis(e.described, e.people.wave(e.period)) if e.period else pooled
    signs = expected_signs(e)
    checks = [*sample_checks(e.people, pooled), *_model_checks(e, tables, signs)]
    labels = _labels(e, tables)
    told = Told(
        survey=e.people,
        fit=e.fit,
        climb=e.climb,
        target=e.target,
        tables=tables,
        drivers=drivers,
        outcomes=outcomes,
        checks=checks,
        basis=basis,
        pooled=pooled,
        latest=e.latest,
        period=e.period,
        labels=labels,
        template=e.template,
        options=chosen,
        failed=e.draws.n_failed if e.draws else 0,
        inadmissible=float(e.draws.n_inadmissible) if e.draws and reflective([e.fit]) else math.nan,
        random_groups=e.draws.units if e.draws and e.draws.method == "groups" else 0,
        strata=e.strata,
    )
    model_wide = [*_MODEL_TABLES, "waves", "wave_changes", "decomposition"]
    used = {**chosen.model_dump(), "target": e.target, "missing_rule": e.sample.missing}
    used["model"] = e.template.name if e.template else "paths"
    return SatisfactionIndexResult(
        source=e.people.source(),
        basis=basis,
        lang=lang,
        options=used,
        seed=chosen.seed if chosen.bootstrap else None,
        resamples=chosen.bootstrap,
        headline=findings.headline(told),
        tables=tables,
        bases={name: pooled for name in model_wide if name in tables},
        checks=tuple(checks),
        found=tuple(findings.findings(told)),
        labels=labels,
        drawn_from=_drawn_from(tables),
        withheld=_withheld(e, tables, hidden),
        references=_references(e, tables),
        target=e.target,
        wave=e.period or "",
    )


#: Tables of the model itself, which rests on all waves together.
_MODEL_TABLES = (
    "paths", "effects", "r_squared", "weights", "loadings", "cross_loadings",
    "reliability", "htmt", "fornell_larcker", "vif", "hypotheses",
)  # fmt: skip


def _tables(e: Estimate, options: Options, plan: Any, hidden: set[Any]) -> tuple[dict[str, Any], Any, Any]:
    """Return the tables that the study has what they need for, in the order of the report; drivers and outcomes beside."""
    from csr_lib.analyses.satisfaction_index import model_tables as model
    from csr_lib.analyses.satisfaction_index import tables as t

    by_level: dict[str, set[str]] = {}
    for level, value in hidden:
        by_level.setdefault(level, set()).add(value)
    of_model = model.model_tables(e)
    drivers = model.drivers_table(e)
    admissible = model.map_is_admissible(e)
    found = {
        "index": t.index_table(e),
        "goals": t.goals_table(e),
        "waves": t.waves_table(e),
        "wave_changes": t.changes_table(e),
        "decomposition": t.decomposition_table(e, t.pairs_of_waves(e, options)),
        "segments": t.segments_table(e, by_level),
        "rollup": t.rollup_table(e, plan, hidden) if plan else None,
        "importance_performance_map": drivers if admissible else None,
        "importance_performance_items": model.items_map(e) if admissible else None,
        **of_model,
        "hypotheses": t.hypotheses_table(e, of_model["effects"]),
    }
    return {name: frame for name, frame in found.items() if frame is not None}, drivers, model.outcomes_table(e)


def _model_checks(e: Estimate, tables: Mapping[str, Any], signs: Mapping[tuple[str, str], int]) -> list[Check]:
    import numpy as np

    from csr_lib.analyses.satisfaction_index.checks import draw_checks, group_check, model_checks, reflective

    label = e.label
    given = {"signs": signs, "paths": tables["paths"], "htmt": tables.get("htmt"), "alpha": 1 - e.level}
    checks = model_checks(e.fit, e.target, label, **given, lower=e.climb.results)
    if e.draws:
        items = e.fit.items
        turned = (np.sign(e.draws.draws["loadings"]) != np.sign(items["loading"].to_numpy())).mean(axis=0)
        several = items.groupby("construct")["item"].transform("size").to_numpy() > 1
        flips = {str(i): float(s) for i, s, many in zip(items["item"], turned, several, strict=True) if many}
        inadmissible = e.draws.n_inadmissible if reflective([e.fit]) else None
        checks += draw_checks(e.draws.n_failed, e.draws.resamples, flips, label, inadmissible)
    sizes = [(label(r.group), r.n) for r in rows(tables["segments"])] if "segments" in tables else []
    small = group_check(sizes)
    return [*checks, *([small] if small else [])]


def expected_signs(e: Estimate) -> dict[tuple[str, str], int]:
    """Return which sign the theory expects of a path, where it expects one; the study's hypotheses come first.

    More of a construct goes with more of the next, but satisfaction lowers complaints. Where complaints are asked the other way
    round (reversed items) or are the handling of complaints (ECSI), more is better there too. From complaints to loyalty either
    sign makes sense: a complaint that is well handled wins a customer back (Fornell et al. 1996).
    """
    study, signs = e.people.study, {}
    for source, target in e.model.paths:
        if source in ("Complaints", "Complaint"):
            continue
        turned = (e.template is not None and e.template.name == "ecsi") or all(
            study.indicators[i].reverse for i in study.leaves(target)
        )
        signs[source, target] = -1 if target in ("Complaints", "Complaint") and not turned else 1
    stated = {(h.from_, h.to): 1 if h.sign == "+" else -1 for h in study.hypotheses}
    return {**signs, **{path: sign for path, sign in stated.items() if path in e.model.paths}}


def _labels(e: Estimate, tables: Mapping[str, Any]) -> dict[str, Any]:
    survey = e.people
    keys = [*e.model.names, *e.model.items, *e.climb.items]
    out = {key: e.label(key) for key in keys}
    for name in ("segments", "rollup"):
        if name in tables:
            frame = tables[name]
            out |= {
                segment: survey.label(segment)
                for segment in frame["segment" if name == "segments" else "level"]
                if segment != "nation"
            }
            out |= {group: survey.label(group) for group in frame["group"] if group != "nation"}
    out |= {wave: survey.value_label("wave", wave) for wave in e.waves}
    out |= {key: survey.label(key) for key in [*survey.study.targets, *survey.study.benchmarks] if survey.label(key) != key}
    nation = {lang: text("value.level.nation", lang) for lang in LANGUAGES}
    out["nation"] = nation
    for h in survey.study.hypotheses:
        said = h.text or {lang: f"{words(e.label(h.from_), lang)} → {words(e.label(h.to), lang)}" for lang in LANGUAGES}
        out[h.id] = {lang: f"{h.id} {words(said, lang)}" for lang in LANGUAGES}
    return out


def _withheld(e: Estimate, tables: Mapping[str, Any], hidden: set[Any]) -> tuple[Any, ...]:
    survey, found = e.people, []
    if e.waves:
        found += list(e.used.groups("wave").withheld)
    there = {grouping.removeprefix("segment ") for grouping in e.groups if grouping.startswith("segment ")}
    for segment in there | {level for level, _ in hidden}:
        values = e.described.values(segment)
        shown = {g.value for g in e.described.groups(segment)} - {v for level, v in hidden if level == segment}
        found += [survey.value_label(segment, v) for v in values if v not in shown]
    return tuple({words(label, "en"): label for label in found}.values())


def _references(e: Estimate, tables: Mapping[str, Any]) -> tuple[str, ...]:
    keys = ["wold1982", "tenenhaus2005", "fornell1996", "henseler2015", "fornell1981", "dijkstra2015"]
    if e.template:
        keys.insert(0, e.template.source)
    if e.climb.steps:
        keys.append("becker2023")
    if e.draws:
        keys.append("efron1993")
    if e.draws and ("segments" in tables or "wave_changes" in tables):
        keys.append("holm1979")
    if "importance_performance_map" in tables:
        keys.append("ringle2016")
    return tuple(dict.fromkeys(keys))


def _drawn_from(tables: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    asked = {
        "waves": ("waves",),
        "decomposition": ("decomposition", "waves"),
        "segments": ("segments",),
        "rollup": ("rollup",),
        "model": ("paths", "r_squared", "index"),
        "importance_performance_map": ("importance_performance_map",),
    }
    return {figure: of for figure, of in asked.items() if of[0] in tables}
