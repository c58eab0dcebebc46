"""Factor structure: confirmatory factors, the structural model, the path model on factor scores, invariance across groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.factor_structure.explore import Exploration, scores
from csr_lib.core.errors import CsrError
from csr_lib.stats.moments import Sample
from csr_lib.stats.regression import Regression, regression
from csr_lib.stats.sem import SEMResult, cfa, sem
from csr_lib.stats.sem_fiml import sem_fiml
from csr_lib.stats.sem_invariance import InvarianceResult, invariance
from csr_lib.stats.validity import Validity, htmt_table, validity

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.analysis import Options
    from csr_lib.analyses.factor_structure.plan import Data

#: Segments with more groups than this are not compared unasked.
MOST_GROUPS = 6


@dataclass(frozen=True, eq=False)
class Attempt:
    """A model that was estimated, or why it was not.

    Attributes
    ----------
    result : None where it could not be estimated, or was not asked for.
    missing : key of the reason in the catalogue; "" where there is a result, or where `problem` says why not.
    problem : what the estimator said.
    """

    result: SEMResult | None = None
    missing: str = ""
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Invariance:
    """Measurement in the groups of one segment; `result` is None where `problem` says why it could not be estimated."""

    by: str
    labels: Mapping[str, Any]
    result: InvarianceResult | None
    left_out: tuple[Any, ...] = ()
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Confirmation:
    """What the models found.

    Attributes
    ----------
    estimator : ``ML`` or ``MLR``.
    cfa, structure : the confirmatory and the structural model.
    valid, discriminant : validity of the factors; HTMT with intervals. None without a CFA.
    paths_on_scores : regression of the standardised target on standardised factor scores; None where `scores_missing` says why.
    groups : invariance by segment; `groups_missing` : why there is none.
    """

    estimator: str
    cfa: Attempt
    structure: Attempt
    valid: Validity | None
    discriminant: pd.DataFrame | None
    paths_on_scores: Regression | None
    scores_missing: str
    groups: tuple[Invariance, ...]
    groups_missing: str


def confirm(data: Data, explored: Exploration, options: Options) -> Confirmation:
    """Estimate the models; what cannot be estimated is told and does not stop the rest."""
    estimator = options.estimator or ("MLR" if data.kind == "sampling" else "ML")
    measured = _confirmatory(data, options, estimator)
    structure = _structural(data, options, estimator)
    valid = discriminant = None
    if measured.result is not None:
        valid = validity(measured.result)
        constructs = {c.name: c.items for c in data.choice.measured}
        if len(constructs) > 1:
            answers = data.sample(list(dict.fromkeys(i for own in constructs.values() for i in own)), data.second)
            discriminant = htmt_table(
                answers, constructs, resamples=options.bootstrap, seed=options.seed, level=options.confidence
            )
    on_scores, why = _on_scores(data, explored, options)
    groups, no_groups = _groups(data, options, estimator) if measured.result is not None else ((), "no_cfa")
    return Confirmation(estimator, measured, structure, valid, discriminant, on_scores, why, groups, no_groups)


def _answers(data: Data, items: tuple[str, ...], estimator: str) -> Sample:
    """Return the answers that a model is estimated from; pairwise moments have no rows for robust errors."""
    rule = "listwise" if data.rule == "pairwise" and estimator == "MLR" else None
    return data.sample(items, data.second, rule)


def _estimate(data: Data, items: tuple[str, ...], fit: Callable[[Sample, Any], SEMResult], estimator: str) -> Attempt:
    try:
        answers = _answers(data, items, estimator)
        whole = answers.missing == "em" and not answers.complete
        return Attempt(fit(answers, sem_fiml if whole else None))
    except CsrError as error:
        return Attempt(problem="; ".join(p.what for p in error.problems))


def _confirmatory(data: Data, options: Options, estimator: str) -> Attempt:
    constructs = data.choice.measured
    if not constructs:
        return Attempt(missing="no_constructs")
    if len(constructs) == 1 and len(constructs[0].items) < 3:
        return Attempt(missing="one_small_construct")
    items = tuple(dict.fromkeys(i for c in constructs for i in c.items))

    def fit(answers: Sample, incomplete: Any) -> SEMResult:
        how: dict[str, Any] = {"estimator": estimator, "composites": "as_factors", "level": options.confidence}
        return incomplete(answers, constructs, **how) if incomplete else cfa(answers, constructs, **how)

    return _estimate(data, items, fit, estimator)


def _structural(data: Data, options: Options, estimator: str) -> Attempt:
    model = data.choice.model
    if not options.structure:
        return Attempt(missing="not_asked")
    if model is None:
        return Attempt(missing="no_model")

    def fit(answers: Sample, incomplete: Any) -> SEMResult:
        how: dict[str, Any] = {"estimator": estimator, "composites": "as_factors", "level": options.confidence}
        return incomplete(answers, model, **how) if incomplete else sem(answers, model, **how)

    return _estimate(data, tuple(model.items), fit, estimator)


def _on_scores(data: Data, explored: Exploration, options: Options) -> tuple[Regression | None, str]:
    """Regress the target on the factor scores, everything standardised, so that coefficients are standardised paths."""
    if not options.scores:
        return None, "not_asked"
    if data.outcome is None:
        return None, "no_outcome"
    if set(data.choice.target_items) & set(data.choice.items):
        return None, "target_explored"
    every = scores(explored, data).assign(target=data.outcome)[data.second]
    whole = every.notna().all(axis=1).to_numpy()
    if whole.sum() <= every.shape[1] + 1:
        return None, "few_answers"
    frame, weights = every[whole], data.survey.weights[data.second][whole]
    centre = np.average(frame, axis=0, weights=weights)
    spread = np.sqrt(np.average((frame.to_numpy(dtype=float) - centre) ** 2, axis=0, weights=weights))
    if not (spread > 0).all():
        return None, "outcome_constant"
    try:
        standard = frame.sub(centre, axis="columns").div(spread, axis="columns")
        found = regression(standard, "target", weights=weights, kind=data.kind, level=options.confidence)
    except CsrError:
        return None, "few_answers"
    return found, ""


def _groups(data: Data, options: Options, estimator: str) -> tuple[tuple[Invariance, ...], str]:
    """Test invariance over the segments asked for; unasked over the one whose smallest group is the largest."""
    segments = list(options.by) if options.by else [s for s in data.survey.segments if s not in data.survey.filters]
    found, small = [], False
    for segment in segments:
        groups = data.survey.groups(segment)
        large = [g for g in groups.shown if g.survey.n >= options.group_n]
        if len(large) < 2 or (not options.by and len(groups.shown) > MOST_GROUPS):
            small = True
            continue
        found.append((min(g.survey.n for g in large), segment, large, [g.label for g in groups.shown if g not in large]))
    if not found:
        return (), "small_groups" if small else "no_groups"
    chosen = found if options.by else [max(found, key=lambda one: one[0])]
    return tuple(_invariance(data, segment, large, left, options, estimator) for _, segment, large, left in chosen), ""


def _invariance(data: Data, by: str, groups: list[Any], left: list[Any], options: Options, estimator: str) -> Invariance:
    constructs = data.choice.measured
    items = list(dict.fromkeys(i for c in constructs for i in c.items))
    codes = data.survey.codes[by].astype(object).to_numpy()
    labels = {str(g.value): g.label for g in groups}
    rule = "listwise" if data.rule == "pairwise" else None
    try:
        samples = {value: data.sample(items, data.second & (codes == value), rule) for value in labels}
        tested = invariance(samples, constructs, estimator=estimator, composites="as_factors", level=options.confidence)
    except CsrError as error:
        return Invariance(by, labels, None, tuple(left), "; ".join(p.what for p in error.problems))
    return Invariance(by, labels, tested, tuple(left))
