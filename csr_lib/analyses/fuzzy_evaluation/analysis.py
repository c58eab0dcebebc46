"""Fuzzy comprehensive evaluation (模糊综合评价): weights, memberships, operators, levels, and how firm the verdict is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses.fuzzy_evaluation import findings as wording
from csr_lib.analyses.fuzzy_evaluation import sets as weighing
from csr_lib.analyses.fuzzy_evaluation import system as tree
from csr_lib.analyses.fuzzy_evaluation import tables as build
from csr_lib.analyses.fuzzy_evaluation.answers import take_answers
from csr_lib.analyses.fuzzy_evaluation.checks import make_checks
from csr_lib.analyses.fuzzy_evaluation.draws import observed, resampled
from csr_lib.analyses.fuzzy_evaluation.result import FuzzyEvaluationResult
from csr_lib.analyses.fuzzy_evaluation.words import make_labels
from csr_lib.core.errors import AnalysisError, OptionError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from csr_lib.analyses.fuzzy_evaluation.sets import Sets
    from csr_lib.study import Study, Survey

NAME = tree.NAME
SetName = Literal["equal", "points", "experts", "ahp", "importance", "entropy", "critic", "components", "combination"]
PartName = Literal["equal", "points", "experts", "ahp", "importance", "entropy", "critic", "components"]


class Options(BaseOptions):
    """What the fuzzy evaluation can be asked for."""

    weights: SetName | None = Field(
        None,
        description="the weights that count: equal, points (of study.yml), experts (their points), ahp (judgements in pairs), "
        "importance (as customers state it), entropy, critic, components, or combination; where None the first there is of ahp, "
        "experts, points, entropy",
    )
    operator: Literal["weighted_average", "min_max", "product_max", "min_sum"] = Field(
        "weighted_average",
        description="fuzzy operator: weighted_average M(·,⊕), min_max M(∧,∨), product_max M(·,∨), min_sum M(∧,⊕)",
    )
    normalise: bool = Field(True, description="divide the result of a node by its sum before it enters the level above")
    membership: Literal["nearest", "triangle", "trapezoid"] | None = Field(
        None,
        description="how an answer belongs to the grades: to the nearest, or to the two beside it by triangle or trapezoid; "
        "study.yml's where None, else nearest for grades that are the points of the scale, and triangle for others",
    )
    constructs: tuple[str, ...] | None = Field(
        None, min_length=1, description="constructs that make up the whole, in place of study.yml's evaluation.of"
    )
    ahp_method: Literal["eigenvector", "geometric", "column_mean"] = Field(
        "eigenvector", description="weights from judgements: eigenvector, geometric (row means), column_mean (of divided columns)"
    )
    ahp_group: Literal["judgements", "priorities"] = Field(
        "judgements", description="several experts: geometric mean of their judgements, or mean of their priorities (weights)"
    )
    random_index: Literal["saaty1980", "alonso2006"] = Field("saaty1980", description="table of the random index RI")
    scaling: Literal["scale", "observed", "none"] = Field(
        "scale",
        description="what entropy and CRITIC start from: answers on 0-1 of their scale, of the answers observed, or as they are",
    )
    correlation: Literal["signed", "absolute"] = Field("signed", description="CRITIC's conflict: sum of 1 - r, or of 1 - |r|")
    components: int | None = Field(None, ge=1, description="number of principal components; eigenvalues above 1 where None")
    definition: Literal["score", "absolute", "communality"] = Field(
        "score", description="weights from components: coefficients of the composite score, absolute loadings, or communalities"
    )
    combine: tuple[PartName, ...] | None = Field(
        None, min_length=2, description="sets that are combined; where None stated weights with entropy, else entropy with critic"
    )
    combine_rule: Literal["additive", "multiplicative", "geometric"] = Field("additive", description="how sets are combined")
    combine_shares: tuple[float, ...] | None = Field(None, description="share of each set that is combined; equal where None")
    by: tuple[str, ...] | None = Field(
        None, description="segments, or wave, to compare; where None the wave and every segment of at most eight groups"
    )
    scope: Literal["latest", "all"] = Field(
        "latest", description="of several waves: evaluate the latest, or all of them together"
    )

    @field_validator("by", "constructs", "combine", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _shares_fit(self) -> Options:
        if self.combine_shares is None:
            return self
        if self.combine_rule == "multiplicative":
            raise ValueError("multiplicative combination takes no combine_shares; use combine_rule: geometric")
        if self.combine is None or len(self.combine) != len(self.combine_shares):
            raise ValueError("combine_shares needs combine, and one share for each of its sets")
        if not all(share > 0 for share in self.combine_shares):
            raise ValueError("every one of combine_shares is above 0")
        return self


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what the study lacks before it can be evaluated with `options`; empty where nothing is."""
    try:
        opted = resolve(Options, NAME, study, options)
    except OptionError as error:
        return list(error.problems)
    problems = tree.lacking(study, opted)
    return problems or weighing.lacking(study, tree.make_system(study, opted), opted)


def fuzzy_evaluation(survey: Survey, *, lang: str | None = None, **options: Any) -> FuzzyEvaluationResult:
    """Evaluate an indicator system in grades: by maximum membership and by weighted score, under every weighting and operator.

    Parameters
    ----------
    survey : the answers. Of several waves the latest is evaluated and the others are compared with it (`scope`); of several
        roles, the customers.
    lang : language that the result is shown in; the survey's by default.
    **options : see `Options`; study.yml's ``analyses.fuzzy_evaluation`` where not given.

    Returns
    -------
    FuzzyEvaluationResult
        Tables ``evaluation memberships priorities composition operators sensitivity system weights`` and, where they can be made,
        ``weight_intervals data_weights experts consistency ahp_methods groups groups_by_construct``.

    Raises
    ------
    OptionError
        Options that are unknown or do not fit; EM.
    AnalysisError
        No indicator system, weights that are asked for and not there, too few answers.

    Notes
    -----
    Wang (1983). R: (weighted) shares of the answers in the grades, or means of membership functions. A: weights by experts'
    points, AHP (Saaty 1980), stated importance, entropy, CRITIC, components, or combined; a construct counts as much as its
    indicators together where the weights come from the answers. B = A∘R from the lowest level to the whole. Score Σ b·v.
    Intervals, and the share in which a grade wins: bootstrap of respondents within waves, weights from the answers estimated
    anew each time.
    """
    opted = resolve(Options, NAME, survey.study, options)
    shown_in = language(lang, survey.lang)
    system = tree.make_system(survey.study, opted)
    lost = weighing.lacking(survey.study, system, opted.model_copy(update={"combine": None}))
    if lost:
        raise AnalysisError(lost)
    grades = tree.make_grades(survey.study, opted)
    answers = take_answers(survey, system, grades, opted)
    sets = weighing.make_sets(answers, opted)
    chosen = opted.weights or weighing.default_set(survey.study, system)
    found = build.Evaluated(
        answers, sets, chosen, opted, observed(answers, sets, chosen, opted), resampled(answers, sets, chosen, opted)
    )
    tables: dict[str, pd.DataFrame] = {
        "evaluation": build.evaluation_table(found),
        "memberships": build.memberships_table(found),
        "priorities": build.priorities_table(found),
        "composition": build.composition_table(found),
        "operators": build.operators_table(found),
        "sensitivity": build.sensitivity_table(found),
        **build.weight_tables(found),
        **build.expert_tables(found),
        **build.group_tables(found),
    }
    used = opted.model_dump() | {
        "weights": chosen,
        "membership": grades.how,
        "missing_rule": answers.rule,
        "grade_points": list(grades.points),
        "grade_values": list(grades.values),
        "combine": list(sets.parts) or None,
    }
    result = FuzzyEvaluationResult(
        source=answers.survey.source(),
        basis=answers.basis,
        lang=shown_in,
        options=used,
        seed=opted.seed if opted.bootstrap else None,
        resamples=opted.bootstrap,
        tables=tables,
        bases=_bases(found, tables),
        checks=tuple(make_checks(found, tables)),
        labels=make_labels(found),
        drawn_from=_figures(tables),
        withheld=answers.withheld,
        references=_references(sets, opted),
        missing=dict(sets.missing),
        wave=answers.survey.waves[0] if len(answers.everybody.waves) > 1 and len(answers.survey.waves) == 1 else "",
        rule_replaced=(opted.missing_rule or survey.study.missing_rule) == "em",
        stretched=answers.stretched,
        grades_stated=grades.stated,
    )
    return replace(result, headline=tuple(wording.make_headline(result)), found=tuple(wording.make_findings(result)))


def _bases(found: build.Evaluated, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Bases of the tables of all waves."""
    names = [name for name in ("groups", "groups_by_construct") if name in tables]
    return dict.fromkeys(names, found.answers.basis_of_all)


def _figures(tables: dict[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    out: dict[str, tuple[str, ...]] = {
        "memberships": ("evaluation",),
        "scores": ("evaluation",),
        "indicators": ("memberships",),
        "sensitivity": ("sensitivity",),
        "weights": ("weights", *(["weight_intervals"] if "weight_intervals" in tables else [])),
    }
    if len(tables["evaluation"]) < 2:
        del out["memberships"], out["scores"]
    if "groups" in tables:
        out["groups"] = ("groups",)
    return out


def _references(sets: Sets, opted: Options) -> tuple[str, ...]:
    keys = ["zadeh1965", "wang1983"]
    by = {
        "ahp": ["saaty1980", "aczel1983", "forman1998"] + (["alonso2006"] if opted.random_index == "alonso2006" else []),
        "entropy": ["shannon1948", "hwang1981"],
        "critic": ["diakoulaki1995"],
    }
    keys += [key for name in sets.leaves for key in by.get(name, [])]
    keys += ["efron1993"] if opted.bootstrap else []
    return tuple(keys)
