"""Factor structure: what the items measure (factors), whether that holds (CFA), and what follows from it (structural model)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from pydantic import Field, field_validator

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses.factor_structure.result import FactorStructureResult
from csr_lib.core.errors import CsrError, Problem
from csr_lib.core.text import LANGUAGES, text, words

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.confirm import Confirmation
    from csr_lib.analyses.factor_structure.explore import Exploration
    from csr_lib.analyses.factor_structure.plan import Data
    from csr_lib.study import Study, Survey

Rule = Literal["kaiser", "parallel", "map", "scree", "variance", "constructs"]
Measure = Literal["chi2_df", "cfi", "tli", "gfi", "agfi", "nfi", "ifi", "rmsea", "srmr"]


class Options(BaseOptions):
    """What a factor structure can be asked for."""

    constructs: tuple[str, ...] | None = Field(
        None, description="constructs whose items are explored; None: all but the target of the model and what follows from it"
    )
    extract: Literal["components", "minres", "ml", "principal_axis"] = Field(
        "components",
        description="principal components, or common factors by minimum residuals, maximum likelihood, principal axes",
    )
    factors: int | Rule | None = Field(
        None,
        description="how many factors, or the rule that says so: kaiser, parallel, map, scree, variance, constructs; "
        "None: kaiser for components, parallel for common factors",
    )
    parallel: int = Field(200, ge=20, le=10_000, description="sets of chance data for parallel analysis")
    rotation: Literal["none", "varimax", "quartimax", "promax", "oblimin"] = Field(
        "varimax", description="rotation of the loadings; promax and oblimin let factors correlate"
    )
    correlation: Literal["auto", "pearson", "polychoric"] = Field(
        "auto", description="correlations that are explored; auto: polychoric for few or lopsided categories"
    )
    estimator: Literal["ML", "MLR"] | None = Field(
        None, description="of the models: ML, or robust MLR; None: MLR with sampling weights, else ML"
    )
    thresholds: dict[Measure, float] = Field(
        default_factory=dict, description="thresholds of fit measures in place of the literature's, such as {cfi: 0.90}"
    )
    structure: bool = Field(True, description="estimate the structural model, where the study has one")
    scores: bool = Field(True, description="regress the target on the factor scores")
    split: bool = Field(False, description="explore a random half of the answers and test the models on the other")
    by: tuple[str, ...] | None = Field(
        None, description="segments to test invariance over; None: the one whose smallest group is the largest"
    )
    group_n: int = Field(100, ge=30, description="respondents that a group needs to take part in a test of invariance")

    @field_validator("constructs", "by", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("factors")
    @classmethod
    def _some_factors(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, int) and value < 1:
            raise ValueError("at least one factor")
        return value


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what a study lacks before its factor structure can be found with `options`; empty: nothing."""
    from csr_lib.analyses.factor_structure.plan import choose

    try:
        choose(study, resolve(Options, FactorStructureResult.analysis, study, options))
    except CsrError as error:
        return list(error.problems)
    return []


def factor_structure(survey: Survey, *, lang: str | None = None, **options: Any) -> FactorStructureResult:
    """Find the factors behind the items, test the constructs of the study, and estimate its structural model.

    Parameters
    ----------
    survey : answers of customers (others are left aside).
    lang : ``zh`` or ``en``; the survey's own by default.
    **options : see `Options`; what is None comes from study.yml, else the default.

    Returns
    -------
    FactorStructureResult
        Tables ``funnel levels reliability adequacy retention variance loadings grouping items eigenvalues correlations`` and,
        as far as the study has what they need, ``fit fit_measures cfa_loadings validity fornell_larcker discriminant paths
        r_squared effects score_paths hypotheses modification invariance latent_means equalities``; ``missing`` says why others
        are not there. A model that could not be estimated, or whose solution is inadmissible, is a failed check.

    Raises
    ------
    OptionError
        An option that is unknown or has a value that is not allowed.
    AnalysisError
        Fewer than four items, items that do not vary or depend on each other, too few answers, more factors than items carry.

    Notes
    -----
    Exploration: KMO, Bartlett's test, rules for the number of factors, extraction and rotation from Pearson or polychoric
    correlations (`csr_lib.stats.factor`); intervals of loadings by the bootstrap. Confirmation: every construct with two items or
    more as a common factor, and the study's model, by (robust) maximum likelihood from the answers themselves
    (`csr_lib.stats.sem`). Besides, the target is regressed on the factor scores, as many published studies do: such scores hold
    the items' measurement error, so these coefficients are not those of the latent model. The same numbers: R ``psych``,
    ``lavaan``, ``semTools``; SPSS FACTOR; ``lm`` with ``sandwich`` HC3 errors.
    """
    from csr_lib.analyses.factor_structure import findings
    from csr_lib.analyses.factor_structure.checks import make_checks
    from csr_lib.analyses.factor_structure.confirm import confirm
    from csr_lib.analyses.factor_structure.explore import explore
    from csr_lib.analyses.factor_structure.model_tables import model_tables
    from csr_lib.analyses.factor_structure.plan import Data, choose, own_customers
    from csr_lib.analyses.factor_structure.tables import explore_tables

    lang = language(lang, survey.lang)
    chosen = resolve(Options, FactorStructureResult.analysis, survey.study, options)
    people = own_customers(survey, chosen)
    data = Data.of(people, choose(survey.study, chosen), chosen)
    e = explore(data, chosen)
    c = confirm(data, e, chosen)
    tables = explore_tables(data, e, chosen) | model_tables(data, c, e, chosen)
    labels = _labels(data, e, c, tables)
    basis = data.basis(e.sample)
    result = FactorStructureResult(
        source=people.source(),
        basis=basis,
        lang=lang,
        options={**chosen.model_dump(), **_used(data, e, c)},
        seed=chosen.seed,
        resamples=len(e.draws.loadings) if e.draws else 0,
        tables=tables,
        bases=_bases(data, c, tables),
        checks=tuple(make_checks(data, e, c, tables, labels, chosen)),
        labels=labels,
        drawn_from=_drawn_from(tables),
        withheld=tuple({words(w, "en"): w for g in c.groups for w in people.groups(g.by).withheld}.values()),
        references=_references(e, c, tables),
        missing=_missing(c, tables),
        target=data.choice.target or "",
        explained=None if c.paths_on_scores is None else c.paths_on_scores.r2,
    )
    return replace(result, headline=findings.make_headline(result), found=findings.make_findings(result))


def _used(data: Data, e: Exploration, c: Confirmation) -> dict[str, Any]:
    """Return the options as they were used, where the study or a rule decided."""
    return {
        "correlation": e.kind,
        "factors": e.wanted,
        "factors_rule": e.rule,
        "estimator": c.estimator,
        "missing_rule": data.rule,
        "chance": e.retained.chance,
        "chance_resamples": e.retained.resamples,
        "single": list(data.choice.single),
        "composites": [k.name for k in data.choice.measured if k.mode != "reflective"],
    }


def _labels(data: Data, e: Exploration, c: Confirmation, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    from csr_lib.analyses.factor_structure.checks import spoken
    from csr_lib.show.cards import short_reference

    survey = data.survey
    study = survey.study
    out: dict[str, Any] = {key: survey.label(key) for key in [*data.ratings.columns, *study.constructs]}
    out["all"] = {x: text("factor_structure.all", x) for x in LANGUAGES}
    out[""] = "–"
    if data.choice.target:
        out[data.choice.target] = survey.label(data.choice.target)
        if data.choice.target == "satisfaction" and out[data.choice.target] == "satisfaction":
            out[data.choice.target] = {x: text("factor_structure.satisfaction", x) for x in LANGUAGES}
    unnamed = "component" if e.solution.method == "components" else "factor"
    for number, row in enumerate(e.names.to_dict("records"), 1):
        numbered = {x: text(f"factor_structure.{unnamed}", x, number=number) for x in LANGUAGES}
        out[row["factor"]] = out[row["construct"]] if row["construct"] else numbered
    for h in study.hypotheses:
        said = h.text or {x: f"{words(out.get(h.from_, h.from_), x)} → {words(out.get(h.to, h.to), x)}" for x in LANGUAGES}
        out[h.id] = {x: f"{h.id} {words(said, x)}" for x in LANGUAGES}
    for name in {n for t in ("invariance", "equalities") if t in tables for n in tables[t].get("parameter", ())}:
        out[name] = spoken(name, out)
    if "fit" in tables:
        cited = [s for s in tables["fit"]["fit_source"] if s != "study"]
        out |= {key: {x: short_reference(key, x) for x in LANGUAGES} for key in cited}
    for g in c.groups:
        out[g.by] = survey.label(g.by)
        out |= {f"{g.by}={value}": label for value, label in g.labels.items()}
    return out


def _bases(data: Data, c: Confirmation, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the bases of tables that rest on other answers than the exploration."""
    from csr_lib.core.result import Basis

    def of(result: Any) -> Basis:
        rule = result.missing if result.n_missing else "none"
        rule = "em" if rule == "fiml" else rule
        share = data.survey.n_effective / data.survey.n if data.kind == "sampling" else 1.0
        return Basis(result.n, result.n * share, data.kind, rule, result.n_missing)

    found: dict[str, Basis] = {}
    if c.cfa.result is not None:
        of_cfa = (
            "cfa_loadings",
            "validity",
            "fornell_larcker",
            "discriminant",
            "fit",
            "fit_measures",
            "invariance",
            "latent_means",
        )
        found |= dict.fromkeys((*of_cfa, "modification", "equalities"), of(c.cfa.result))
    if c.structure.result is not None:
        found |= dict.fromkeys(("paths", "r_squared", "effects", "hypotheses"), of(c.structure.result))
        if c.cfa.result is None:
            found |= dict.fromkeys(("fit", "fit_measures", "modification"), of(c.structure.result))
    if c.paths_on_scores is not None:
        answers = c.paths_on_scores.answers
        lost = float(data.second.sum()) - len(answers.weights)
        found["score_paths"] = Basis(answers.n, answers.n_effective, data.kind, "listwise" if lost else "none", lost)
        if c.structure.result is None:
            found["hypotheses"] = found["score_paths"]
    return {name: basis for name, basis in found.items() if name in tables}


def _missing(c: Confirmation, tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Return why parts are not there: part -> key of the reason."""
    found = {"cfa": c.cfa.missing, "structure": c.structure.missing, "scores": c.scores_missing, "groups": c.groups_missing}
    if c.cfa.problem:
        found["cfa"] = "not_estimated"
    if c.structure.problem:
        found["structure"] = "not_estimated"
    if "hypotheses" not in tables:
        found["hypotheses"] = "no_hypotheses"
    return {part: reason for part, reason in found.items() if reason}


def _drawn_from(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    asked = {
        "eigenvalues": ("eigenvalues",),
        "loadings": ("loadings", "variance"),
        "paths": ("paths", "r_squared"),
        "score_paths": ("score_paths",),
        "correlations": ("correlations",),
        "latent_means": ("latent_means",),
    }
    return {figure: of for figure, of in asked.items() if of[0] in tables}


def _references(e: Exploration, c: Confirmation, tables: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    keys = ["cronbach1951", "feldt1965", "mcdonald1999", "kaiser1974", "bartlett1951", "kaiser1960", "horn1965", "velicer1976"]
    keys += {"ml": ["lawley1971"], "minres": ["harman1966"], "principal_axis": ["harman1966"]}.get(e.solution.method, [])
    keys += {"varimax": ["kaiser1958"], "promax": ["hendrickson1964"], "oblimin": ["jennrich2002"]}.get(
        e.solution.rotation.method, []
    )
    keys += ["fabrigar1999"]
    keys += ["zhang2010"] if e.draws else []
    keys += ["olsson1979", "rhemtulla2012"] if e.polychoric is not None else []
    if c.cfa.result is not None or c.structure.result is not None:
        keys += ["joreskog1969", "hu1999", "kline2016"]
        keys += ["yuan2000"] if c.estimator == "MLR" else []
    keys += ["fornell1981"] if "validity" in tables else []
    keys += ["henseler2015"] if "discriminant" in tables else []
    keys += ["mackinnon1985"] if "score_paths" in tables else []
    keys += ["sorbom1989"] if "modification" in tables else []
    keys += ["cheung2002", "chen2007"] if "invariance" in tables else []
    return tuple(dict.fromkeys(keys))
