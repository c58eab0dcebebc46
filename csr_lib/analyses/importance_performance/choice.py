"""What an importance–performance analysis is made of: whose answers, which indicators, which importance, which target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csr_lib.analyses.importance_performance.measure import DERIVED
from csr_lib.core.errors import AnalysisError, CsrError, OptionError, Problem, unknown

if TYPE_CHECKING:
    from csr_lib.study import Study, Survey

WHERE = "options of importance_performance"
#: Two points can always be cut apart at their mean, so a map of two says nothing.
FEWEST = 3


@dataclass(frozen=True)
class Choice:
    """What is analysed.

    Attributes
    ----------
    indicators : keys, in the order of study.yml.
    method : how importance is measured.
    outcome : name of the outcome, or of the construct (total effects); None for stated importance without an outcome.
    left_out : reason (``no_importance outcome consequence no_path no_answers``) -> indicators that are not analysed.
    """

    indicators: tuple[str, ...]
    method: str
    outcome: str | None
    left_out: Mapping[str, tuple[str, ...]]


def default_method(study: Study, outcome: str) -> str:
    """Return how importance is measured where nobody says.

    ``stated`` where it was asked of at least three indicators; else ``relative_weights``; ``total_effects`` where there is no
    such outcome, but an index model.
    """
    if len(_stated(study)) >= FEWEST:
        return "stated"
    return "total_effects" if study.model and outcome not in study.outcomes else "relative_weights"


def _stated(study: Study) -> tuple[str, ...]:
    return tuple(i for i in study.indicators if study.rating(i, "importance"))


def lacking(study: Study, options: Any) -> list[Problem]:
    """Return what a study lacks before the analysis can run with `options`; empty where nothing is."""
    problems = []
    method = options.importance or default_method(study, options.outcome)
    if options.indicators:
        problems += [
            unknown(i, study.indicators, what="indicator", where=WHERE) for i in options.indicators if i not in study.indicators
        ]
    if method == "stated" and len(_stated(study)) < FEWEST:
        problems.append(
            Problem(
                f"importance was asked of {len(_stated(study))} indicators",
                study.at("indicators"),
                f"`importance` for at least {FEWEST} indicators",
                "name its columns (importance: I1), or derive importance from an outcome (importance: relative_weights)",
            )
        )
    if method in DERIVED and options.outcome not in study.outcomes:
        problems.append(
            Problem(
                f"there is no outcome '{options.outcome}' that importance could be derived from",
                study.at("outcomes"),
                ", ".join(study.outcomes) or "outcomes: {satisfaction: <column of overall satisfaction>}",
                "add the outcome to study.yml, ask for another (outcome), or use stated importance or the effects of a model",
            )
        )
    if method == "total_effects":
        try:
            problems += [
                Problem(
                    f"'{c.name}' is made of other constructs; effects of its indicators are not worked out here",
                    study.at("constructs", c.name),
                    "a model whose constructs have indicators of their own",
                    "derive importance in another way (importance: relative_weights), or see the map of satisfaction_index",
                )
                for c in study.build_model().wholes
            ]
        except CsrError as error:
            problems += error.problems
    if options.cut == "target" and options.cut_performance is None and not (study.targets or study.benchmarks):
        problems.append(
            Problem(
                "there is no target to cut at",
                study.at("targets"),
                "targets: {satisfaction: 85}",
                "add a target, or cut at the mean",
            )
        )
    if len(study.indicators) < FEWEST:
        problems.append(
            Problem(
                f"there are {len(study.indicators)} indicators",
                study.at("indicators"),
                f"at least {FEWEST}",
                "add indicators to study.yml",
            )
        )
    return problems


def choose(survey: Survey, options: Any) -> Choice:
    """Choose indicators and method for these answers.

    By default all indicators that customers rated; for derived importance without the parts of the outcome, which would explain
    themselves, and without what the model or the study takes for a consequence of satisfaction.

    Raises
    ------
    OptionError
        An indicator asked for that is unknown or cannot be analysed.
    AnalysisError
        What `lacking` names, or fewer than three indicators that can be analysed.
    """
    study = survey.study
    problems = lacking(study, options)
    if problems:
        wrong = [p for p in problems if p.where == WHERE]
        raise OptionError(wrong) if wrong else AnalysisError(problems)
    method = options.importance or default_method(study, options.outcome)
    outcome = options.outcome if options.outcome in study.outcomes else None
    reasons = _reasons(survey, method, outcome)
    if method == "total_effects":
        outcome = study.build_model().target
    asked = options.indicators or list(study.indicators)
    if options.indicators:
        refused = [(i, reasons[i]) for i in asked if reasons.get(i, "consequence") != "consequence"]
        if refused:
            raise OptionError([Problem(_WHY[why].format(i), WHERE, mend="leave it out") for i, why in refused])
        reasons = {}
    chosen = tuple(i for i in study.indicators if i in asked and i not in reasons)
    if len(chosen) < FEWEST:
        raise AnalysisError(
            f"only {len(chosen)} indicators can be placed",
            where="importance_performance",
            allowed=f"at least {FEWEST} indicators with ratings" + (" and stated importance" if method == "stated" else ""),
            mend="ask for more indicators, or choose another `importance`",
        )
    left_out: dict[str, tuple[str, ...]] = {}
    for why in dict.fromkeys(reasons.values()):
        left_out[why] = tuple(i for i in study.indicators if reasons.get(i) == why)
    return Choice(chosen, method, outcome, left_out)


_WHY = {
    "no_importance": "importance of '{}' was not asked",
    "outcome": "'{}' is part of the outcome, so its importance for the outcome cannot be derived",
    "no_path": "no path of the model leads from '{}' to its target",
    "no_answers": "nobody among these respondents rated '{}'",
}


def _reasons(survey: Survey, method: str, outcome: str | None) -> dict[str, str]:
    """Return why an indicator is not analysed, indicator -> reason."""
    study = survey.study
    found: dict[str, str] = {}
    rated = survey.asked("perception")
    if method == "stated":
        found |= dict.fromkeys((i for i in study.indicators if i not in survey.asked("importance")), "no_importance")
    elif method == "total_effects":
        found |= dict.fromkeys((i for i in study.indicators if i not in leading(study)), "no_path")
    else:
        assert outcome is not None
        found |= dict.fromkeys(_consequences(study), "consequence")
        found |= dict.fromkeys(parts(study, outcome), "outcome")
    there = [i for i in rated if i not in found]
    ratings = survey.ratings("perception", there)
    empty = {i for i in there if ratings[i].isna().all()} | {i for i in study.indicators if i not in rated}
    if method == "stated":
        stated = survey.ratings("importance", [i for i in there if i not in empty])
        empty |= {str(i) for i in stated.columns if stated[i].isna().all()}
    return found | {i: "no_answers" for i in study.indicators if i in empty and i not in found}


def parts(study: Study, outcome: str) -> tuple[str, ...]:
    """Return the indicators that an outcome is made of."""
    construct = study.outcome_construct(outcome)
    if construct:
        return study.leaves(construct)
    rating = study.outcome_rating(outcome)
    return tuple(i for i in study.indicators if rating and (own := study.rating(i)) and own.column == rating.column)


def _consequences(study: Study) -> set[str]:
    """Return the indicators that come of satisfaction rather than lead to it: of outcomes, and behind the model's target."""
    found = {i for name in study.outcomes for i in parts(study, name)}
    before = leading(study)
    if before:
        model = study.build_model()
        found |= {item for item in model.items if item not in before}
    return found


def leading(study: Study) -> set[str]:
    """Return the indicators from which a path of the model leads to its target; none without a model that can be built."""
    if study.model is None:
        return set()
    try:
        model = study.build_model()
    except CsrError:
        return set()  # the model is another analysis's concern
    leaves = [leaf for name in model.ancestors(model.target) for leaf in model.leaves(name)]
    return {item for leaf in leaves for item in model.construct(leaf).items}


def target_of(study: Study, name: str | None, outcome: str | None, wave: str | None) -> tuple[str, float] | None:
    """Return name and value (0–100) of the target that performance is held against; None where the study has none.

    That called `name`; else the outcome's; else the only one there is. Targets by wave are those of `wave`.

    Raises
    ------
    OptionError
        `name` is unknown; or the target has no value for this wave.
    """
    known = {**study.benchmarks, **study.targets}
    if name is not None and name not in known:
        raise OptionError([unknown(name, known, what="target", where=WHERE)])
    key = name or (outcome if outcome in study.targets else None) or (next(iter(known)) if len(known) == 1 else None)
    if key is None:
        return None
    values = known[key]
    value = values.get("all") if wave is None else values.get(wave, values.get("all"))
    if value is None and len(values) == 1 and wave is None:
        value = next(iter(values.values()))
    if value is None:
        if name is None:
            return None
        raise OptionError(
            f"target '{key}' has no value for {wave or 'all waves together'}",
            where=study.at("targets", key),
            allowed=", ".join(values),
        )
    return key, float(value)
