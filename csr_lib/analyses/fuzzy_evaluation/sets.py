"""Fuzzy evaluation: the sets of weights: stated, from the answers, and combined; estimates and draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.fuzzy_evaluation import judged
from csr_lib.analyses.fuzzy_evaluation.answers import Answers
from csr_lib.analyses.fuzzy_evaluation.judged import Judged
from csr_lib.analyses.fuzzy_evaluation.system import ROOT, WHERE, System
from csr_lib.core.errors import AnalysisError, CsrError, DataError, OptionError, Problem, unknown
from csr_lib.stats.data_weight_draws import combine_draws, component_draws, critic_draws, entropy_draws
from csr_lib.stats.data_weights import DataWeights, component_weights, critic_weights, entropy_weights
from csr_lib.stats.weights import combine_weights

if TYPE_CHECKING:
    from csr_lib.study import Study

Array = np.ndarray
#: Every set of weights, in the order shown.
SETS = ("equal", "points", "experts", "ahp", "importance", "entropy", "critic", "components", "combination")
#: Sets that people stated, the best founded first.
STATED = ("ahp", "experts", "points")
#: Sets that the answers give, estimated anew in every resample.
FROM_ANSWERS = ("importance", "entropy", "critic", "components")


@dataclass(frozen=True)
class Sets:
    """The sets of weights of one study.

    Attributes
    ----------
    system : what is weighed.
    leaves : set -> (p,) weights of the indicators in the whole, for those that there are.
    missing : set -> why there is none: ``not_stated``, or what was wrong in the words of an error.
    judged : set -> what the stated ones are made of.
    data : set -> what those from the answers are made of.
    parts : the sets that are combined; `shares` theirs in it.
    """

    system: System
    leaves: Mapping[str, Array]
    missing: Mapping[str, str]
    judged: Mapping[str, Judged] = field(default_factory=dict)
    data: Mapping[str, DataWeights] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    shares: tuple[float, ...] | None = None


def default_set(study: Study, system: System) -> str:
    """Return the set of weights that counts where nobody says: AHP, experts' points, points of study.yml, else entropy."""
    ev = study.evaluation
    nodes = system.nodes
    if any(node in ev.ahp for node in nodes):
        return "ahp"
    if any(set(of.keys()) >= set(system.children[node]) for of in ev.experts.values() for node in nodes):
        return "experts"
    return "points" if judged.points(study, system) else "entropy"


def lacking(study: Study, system: System, options: Any) -> list[Problem]:
    """Return what is missing for the stated sets of weights that are asked for by name."""
    try:
        stated = _stated(study, system, options)
    except CsrError as error:
        return list(error.problems)
    asked = {*([options.weights] if options.weights else []), *(options.combine or ())}
    problems = [_not_stated(study, name) for name in STATED if name in asked and name not in stated]
    if "importance" in asked and not all(study.rating(i, "importance") for i in system.leaves):
        problems.append(_not_stated(study, "importance"))
    return problems


def make_sets(answers: Answers, options: Any) -> Sets:
    """Return every set of weights that the study and its answers give.

    Raises
    ------
    OptionError
        Sets to combine that there are not.
    AnalysisError
        The set asked for cannot be had, and why; judgements that do not fit the system.
    """
    study, system = answers.survey.study, answers.system
    stated = _stated(study, system, options)
    missing = {name: "not_stated" for name in STATED if name not in stated}
    found: dict[str, Array] = {"equal": judged.equal(system)}
    found |= {name: of.leaves for name, of in stated.items()}
    if answers.importance is None:
        missing["importance"] = "not_stated"
    elif silent := _unrated(answers):
        missing["importance"] = f"nobody said how important {', '.join(silent)} is"
    else:
        found["importance"] = _importance_weights(answers, answers.importance[answers.main], answers.chosen.weights[None])[0]
    data: dict[str, DataWeights] = {}
    for name in ("entropy", "critic", "components"):
        try:
            data[name] = _data_weights(answers, name, options)
        except (AnalysisError, DataError) as error:
            missing[name] = str(error)
        else:
            found[name] = data[name].weights.to_numpy(dtype=float)
    wanted = options.weights or default_set(study, system)
    if wanted != "combination" and wanted not in found:
        if missing[wanted] == "not_stated":
            raise AnalysisError([_not_stated(study, wanted)])
        raise AnalysisError(missing[wanted], where=f"{WHERE}, weights", mend="choose another set of weights")
    parts = _parts(found, missing, options)
    if parts:
        shares = dict(zip(parts, options.combine_shares, strict=True)) if options.combine_shares else None
        series = {name: pd.Series(found[name], index=list(system.leaves)) for name in parts}
        found["combination"] = combine_weights(series, options.combine_rule, shares).to_numpy(dtype=float)
    elif wanted == "combination":
        raise AnalysisError("there is only one set of weights", where=f"{WHERE}, weights", mend="state weights in study.yml")
    ordered = {name: found[name] for name in SETS if name in found}
    return Sets(system, ordered, missing, stated, data, parts, options.combine_shares)


def draw_sets(answers: Answers, sets: Sets, options: Any, weights: Array, counts: Array, covs: Array) -> dict[str, Array]:
    """Return set -> weights of the indicators in every resample, (B, p), or (1, p) where they do not depend on the answers.

    Parameters
    ----------
    weights : (B, m) times drawn × case weight of the m rows evaluated; `counts` times drawn.
    covs : (B, p, p) covariances of these rows.
    """
    out: dict[str, Array] = {}
    for name, own in sets.leaves.items():
        if name == "importance":
            assert answers.importance is not None
            out[name] = _importance_weights(answers, answers.importance[answers.main], weights)
        elif name == "entropy":
            full = answers.complete[answers.main]
            x = answers.chosen.answers[full]
            out[name] = entropy_draws(x, weights[:, full], counts[:, full].sum(axis=1))
        elif name == "critic":
            out[name] = critic_draws(covs, correlation=options.correlation)
        elif name == "components":
            out[name] = component_draws(covs, int(sets.data[name].options["number"]), definition=options.definition)
        elif name != "combination":
            out[name] = own[None]
    if "combination" in sets.leaves:
        out["combination"] = combine_draws([out[name] for name in sets.parts], options.combine_rule, sets.shares)
    return {name: out[name] for name in sets.leaves}


def _stated(study: Study, system: System, options: Any) -> dict[str, Judged]:
    found = {
        "points": judged.points(study, system),
        "experts": judged.experts(study, system),
        "ahp": judged.ahp(
            study, system, method=options.ahp_method, aggregate=options.ahp_group, random_index=options.random_index
        ),
    }
    return {name: of for name, of in found.items() if of is not None}


def _data_weights(answers: Answers, name: str, options: Any) -> DataWeights:
    part = answers.chosen
    if name == "entropy":
        frame = pd.DataFrame(part.answers, columns=list(part.columns))
        kind: Any = "sampling" if part.kind == "none" else part.kind
        return entropy_weights(frame, part.weights, kind=kind)
    found = part.moments()
    if name == "critic":
        return critic_weights(found, correlation=options.correlation)
    return component_weights(found, options.components, definition=options.definition)


def _unrated(answers: Answers) -> list[str]:
    """Return the indicators whose importance was asked and that nobody among those evaluated rated."""
    assert answers.importance is not None
    rated = ~np.isnan(answers.importance[answers.main]).all(axis=0)
    return [leaf for leaf, known in zip(answers.system.leaves, rated, strict=True) if not known]


def _importance_weights(answers: Answers, stated: Array, weights: Array) -> Array:
    """Weights by mean importance, (B, p): a construct counts as the mean of its parts, each level divided by its sum."""
    seen = ~np.isnan(stated)
    system = answers.system
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (weights @ np.nan_to_num(stated)) / (weights @ seen.astype(float))
    level = {leaf: means[:, j] for j, leaf in enumerate(system.leaves)}
    for node in reversed(system.nodes):
        level[node] = np.mean([level[child] for child in system.children[node]], axis=0)
    own = {ROOT: np.ones(len(means))}
    for node in system.nodes:
        total = np.sum([level[child] for child in system.children[node]], axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            own |= {child: own[node] * level[child] / total for child in system.children[node]}
    return np.stack([own[leaf] for leaf in system.leaves], axis=1)


def _parts(found: Mapping[str, Array], missing: Mapping[str, str], options: Any) -> tuple[str, ...]:
    """The sets that are combined: those asked for, else one that people stated with entropy, else entropy with CRITIC."""
    if options.combine:
        lost = [name for name in options.combine if name not in found]
        if lost:
            raise OptionError(
                [
                    unknown(name, found, what="set of weights", where=f"{WHERE}, combine")
                    if name not in missing
                    else Problem(
                        f"there are no weights '{name}' to combine"
                        + (f": {missing[name]}" if missing[name] != "not_stated" else ""),
                        f"{WHERE}, combine",
                        ", ".join(found),
                        "combine others, or add them to study.yml",
                    )
                    for name in lost
                ]
            )
        return tuple(options.combine)
    people = next((name for name in (*STATED, "importance") if name in found), None)
    pair = (people, "entropy") if people else ("entropy", "critic")
    return pair if all(name in found for name in pair) else ()


def _not_stated(study: Study, name: str) -> Problem:
    where, allowed, mend = {
        "points": (study.at("constructs"), "points of all children of a node", "add `points:` to constructs and indicators"),
        "experts": (
            study.at("evaluation", "experts"),
            "experts: {e1: {Service: 40, Price: 60}}",
            "write down the experts' points, or choose another set of weights",
        ),
        "ahp": (
            study.at("evaluation", "ahp"),
            "ahp: {goal: {e1: [[1, 3], [1/3, 1]]}}",
            "write down the experts' judgement matrices, or choose another set of weights",
        ),
        "importance": (
            study.at("indicators"),
            "`importance` for every indicator of the system",
            "name its columns, or choose another set of weights",
        ),
    }[name]
    return Problem(f"there are no weights '{name}'", where, allowed, mend)
