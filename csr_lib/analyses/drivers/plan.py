"""Drivers: what is explained by what, and the score of every respondent on each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, CsrError, OptionError, Problem, unknown

if TYPE_CHECKING:
    from csr_lib.analyses.drivers.analysis import Options
    from csr_lib.study import Study, Survey

Array = np.ndarray
WHERE = "options of drivers"


@dataclass(frozen=True, eq=False)
class Variable:
    """One outcome or predictor.

    Attributes
    ----------
    key : of a construct, an indicator or an outcome; `items` the indicators that it is made of, () for a column of its own.
    scores : (n,) in their own unit, NaN where it cannot be told.
    low, high : ends of the scale of the scores.
    step : by how much the score rises when every item rises by one point of its scale.
    room : (n,) by how much it can rise at most when every item rises by one point or to the end of its scale.
    """

    key: str
    items: tuple[str, ...]
    scores: Array
    low: float
    high: float
    step: float
    room: Array

    @property
    def span(self) -> float:
        """From the lowest to the highest score there can be."""
        return self.high - self.low

    def index(self, value: Any) -> Any:
        """Return a score on 0–100."""
        return (value - self.low) / self.span * 100


@dataclass(frozen=True)
class Plan:
    """Names only: what is explained, by what, and which hypotheses the study states.

    `targets` are the constructs that hypotheses are about, each with the sources stated for it, in the order of the study.
    """

    outcome: str
    predictors: tuple[str, ...]
    targets: dict[str, tuple[str, ...]]


def lacking(study: Study, options: Options) -> list[Problem]:
    """Return what a study lacks for an analysis of drivers; empty where nothing is."""
    if options.outcome not in study.outcomes:
        return [
            Problem(
                f"there is no outcome '{options.outcome}' to explain",
                study.at("outcomes"),
                ", ".join(study.outcomes) or "outcomes: {satisfaction: <column of overall satisfaction>}",
                "add the outcome to study.yml, or ask for another (outcome)",
            )
        ]
    if options.outcome == "contribution":
        return [
            Problem(
                "a contribution has no scale to put on 0–100",
                study.at("outcomes", "contribution"),
                mend="explain another outcome",
            )
        ]
    try:
        plan = make_plan(study, options)
    except CsrError as error:
        return list(error.problems)
    if not plan.predictors:
        return [
            Problem(
                "there is nothing to explain the outcome by",
                study.at("indicators"),
                "indicators, or constructs, that are not part of the outcome",
                "add indicators to study.yml, or name predictors (`predictors`)",
            )
        ]
    return []


def make_plan(study: Study, options: Options) -> Plan:
    """Choose outcome and predictors.

    Without `predictors`: the sources of the hypotheses about the outcome; else, where the study has a model, the constructs that
    point at it; else all indicators that are not part of an outcome.
    """
    own = study.outcome_construct(options.outcome)
    parts = _outcome_items(study)
    hypothesised: dict[str, tuple[str, ...]] = {}
    for h in study.hypotheses:
        hypothesised[h.to] = (*hypothesised.get(h.to, ()), *([h.from_] if h.from_ not in hypothesised.get(h.to, ()) else []))
    if options.predictors:
        known = [*study.constructs, *study.indicators]
        problems = [unknown(p, known, what="construct or indicator", where=WHERE) for p in options.predictors if p not in known]
        twice = sorted({p for p in options.predictors if options.predictors.count(p) > 1})
        problems += [Problem(f"'{p}' stands twice", f"{WHERE}, predictors", mend="name it once") for p in twice]
        itself = set(_items(study, options.outcome))
        for p in options.predictors:
            if p == own or (p in known and itself & set(study.leaves(p) if p in study.constructs else (p,))):
                problems.append(
                    Problem(f"'{p}' is part of the outcome and would explain itself", f"{WHERE}, predictors", mend="leave it out")
                )
        if problems:
            raise OptionError(problems)
        predictors = options.predictors
    elif own and own in hypothesised:
        predictors = hypothesised[own]
    elif own and (sources := _model_sources(study, own)):
        predictors = sources
    else:
        predictors = tuple(i for i in study.indicators if i not in parts)
    return Plan(options.outcome, tuple(predictors), hypothesised)


def _items(study: Study, outcome: str) -> tuple[str, ...]:
    """Return the indicators that an outcome is made of."""
    construct = study.outcome_construct(outcome)
    if construct:
        return study.leaves(construct)
    rating = study.outcome_rating(outcome)
    columns = {r.column: i for i in study.indicators if (r := study.rating(i))}
    return (columns[rating.column],) if rating and rating.column in columns else ()


def _outcome_items(study: Study) -> set[str]:
    return {i for name in study.outcomes for i in _items(study, name)}


def _model_sources(study: Study, construct: str) -> tuple[str, ...]:
    try:
        model = study.build_model() if study.model else None
    except CsrError:
        return ()
    return tuple(model.sources(construct)) if model and construct in model.names else ()


def variable(survey: Survey, key: str, options: Options) -> Variable:
    """Return the scores of a construct, an indicator or an outcome, one per row of the survey's frame."""
    study = survey.study
    if key in study.outcomes and key not in study.constructs and key not in study.indicators:
        construct = study.outcome_construct(key)
        if construct is None:
            return _column(survey, key)
        found = variable(survey, construct, options)
        return Variable(key, found.items, found.scores, found.low, found.high, found.step, found.room)
    items = study.leaves(key) if key in study.constructs else (key,)
    ratings = survey.ratings("perception", items).to_numpy(dtype=float)
    scales = [survey.scale(i) for i in items]
    low, high = np.array([s.min for s in scales]), np.array([s.max for s in scales])
    unit = np.ones(len(items))
    if len({(s.min, s.max) for s in scales}) > 1:  # scales that differ meet on 0–100
        unit = 100 / (high - low)
        ratings, low, high = (ratings - low) * unit, np.zeros(len(items)), np.full(len(items), 100.0)
    answered = ~np.isnan(ratings)
    room = np.minimum(unit, high - ratings)
    if options.scores == "sum" and len(items) > 1:
        return Variable(key, tuple(items), ratings.sum(axis=1), low.sum(), high.sum(), float(unit.sum()), room.sum(axis=1))
    enough = answered.mean(axis=1) >= options.answered - 1e-9
    with np.errstate(invalid="ignore"):
        mean, spare = (np.where(enough, np.nansum(v, axis=1) / answered.sum(axis=1), np.nan) for v in (ratings, room))
    return Variable(key, tuple(items), mean, float(low[0]), float(high[0]), float(unit.mean()), spare)


def _column(survey: Survey, outcome: str) -> Variable:
    """Return an outcome that is a column of its own."""
    values = survey.outcome(outcome).to_numpy(dtype=float)
    scale = survey.outcome_scale(outcome)
    if scale is None:
        raise OptionError(f"the outcome '{outcome}' has no scale", where=WHERE, mend="explain another outcome")
    return Variable(outcome, (), values, scale.min, scale.max, 1.0, np.minimum(1.0, scale.max - values))


@dataclass(frozen=True, eq=False)
class Answers:
    """The scores of an analysis, and whose they are.

    Attributes
    ----------
    survey : customers' answers (and users'), about the own brand.
    outcome, predictors, targets : their scores; `targets` the outcomes of hypotheses other than the outcome.
    kind : of the case weights.
    """

    survey: Survey
    plan: Plan
    outcome: Variable
    predictors: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    sources: tuple[Variable, ...]
    kind: Any

    @property
    def weights(self) -> Array:
        """Case weight of every row."""
        return np.asarray(self.survey.weights, dtype=float)

    def frame(self, variables: Sequence[Variable]) -> pd.DataFrame:
        """Return scores, one column per variable, rows as in the survey's frame."""
        return pd.DataFrame({v.key: v.scores for v in variables})

    @property
    def everything(self) -> tuple[Variable, ...]:
        """Outcome, predictors, and what hypotheses are about besides; each once."""
        named = {v.key: v for v in (self.outcome, *self.predictors, *self.targets, *self.sources)}
        return tuple(named.values())


def fetch(survey: Survey, options: Options) -> Answers:
    """Return the scores; raise where there is nothing that an analysis could be made of.

    Raises
    ------
    OptionError
        What `make_plan` raises, or a missing-data rule that scores cannot follow.
    AnalysisError
        What `lacking` names, an outcome or predictors that nobody answered or that do not vary.
    """
    study = survey.study
    if options.missing_rule in ("pairwise", "em"):
        raise OptionError(
            f"'{options.missing_rule}' completes means and covariances, not respondents, whose residuals are needed here",
            where=f"{WHERE}, missing_rule",
            allowed="listwise",
            mend="leave it out; a construct's mean is formed from the items answered (`answered`)",
        )
    plan = make_plan(study, options) if options.outcome in study.outcomes else None
    problems = lacking(study, options)
    if plan is None or problems:
        raise AnalysisError(problems)
    people = survey.customers()
    own = study.outcome_construct(options.outcome)
    outcome = variable(people, options.outcome, options)
    predictors = tuple(variable(people, p, options) for p in plan.predictors)
    targets = tuple(variable(people, t, options) for t in plan.targets if t != own)
    stated = {s for sources in plan.targets.values() for s in sources} - set(plan.predictors) - {own}
    sources = tuple(variable(people, s, options) for s in study.constructs if s in stated and s not in plan.targets)
    answers = Answers(people, plan, outcome, predictors, targets, sources, people.weight_kind)
    _refuse_constant(answers)
    return answers


def _refuse_constant(answers: Answers) -> None:
    problems = []
    for v in (answers.outcome, *answers.predictors):
        known = v.scores[~np.isnan(v.scores)]
        if not len(known):
            problems.append(Problem(f"nobody answered '{v.key}'", "answers", "some answers", "check the filter, or leave it out"))
        elif np.ptp(known) == 0:
            problems.append(
                Problem(
                    f"everybody gave the same answer to '{v.key}', so there is nothing to explain"
                    if v is answers.outcome
                    else f"everybody gave the same answer to '{v.key}', so it explains nothing",
                    "answers",
                    "answers that vary",
                    "check the filter and the coding, or leave it out",
                )
            )
    if problems:
        raise AnalysisError(problems)
