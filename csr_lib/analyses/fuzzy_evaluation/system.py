"""Fuzzy evaluation: the indicator system (a tree of constructs and indicators) and the grades, as study.yml and options say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from csr_lib.core.errors import AnalysisError, CsrError, OptionError, Problem, unknown
from csr_lib.core.text import LANGUAGES, text

if TYPE_CHECKING:
    from csr_lib.study import Study

NAME = "fuzzy_evaluation"
WHERE = f"options of {NAME}"
#: The whole, as judgement matrices and tables call it.
ROOT = "goal"
#: Stands for grades that share the largest membership, for the joint judgement of the experts, and for the rows of a result.
TIE, GROUP, RESULT, NORMALISED = "tie", "experts_together", "result", "normalised"
#: Scales with at most so many points have each point as a grade where nobody says; longer ones get so many grades.
MOST_POINTS = 7
USUAL_GRADES = 5


@dataclass(frozen=True)
class System:
    """An indicator system.

    Attributes
    ----------
    children : node -> what it is made of, constructs or indicators, from the root down, level by level.
    """

    children: Mapping[str, tuple[str, ...]]

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Every node and leaf, each before what it is made of, branch by branch."""
        found: list[str] = []

        def visit(node: str) -> None:
            found.append(node)
            for child in self.children.get(node, ()):
                visit(child)

        visit(ROOT)
        return tuple(found)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The indicators, from left to right."""
        return tuple(name for name in self.order if name not in self.children)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The whole and the constructs, in `order`."""
        return tuple(name for name in self.order if name in self.children)

    @cached_property
    def parent(self) -> dict[str, str]:
        """Node or leaf -> what it is part of."""
        return {child: node for node, of in self.children.items() for child in of}

    def level(self, name: str) -> int:
        """Return how far below the whole a node stands, 0 for the whole."""
        return 0 if name == ROOT else 1 + self.level(self.parent[name])

    def below(self, node: str) -> list[int]:
        """Return the positions of the indicators of a node among `leaves`."""
        own = {node}
        for name in self.order:
            if self.parent.get(name) in own:
                own.add(name)
        return [j for j, leaf in enumerate(self.leaves) if leaf in own]


@dataclass(frozen=True)
class Grades:
    """The grades.

    Attributes
    ----------
    points : where each holds fully, on the study's scale.
    labels : what they are called.
    values : what each is worth in the score.
    how, plateau : how an answer belongs to them, see `csr_lib.stats.fuzzy.membership_values`.
    stated : whether study.yml names them.
    """

    points: tuple[float, ...]
    labels: tuple[Any, ...]
    values: tuple[float, ...]
    how: str
    plateau: float
    stated: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that hold them in tables."""
        return tuple(f"grade_{i}" for i in range(1, len(self.points) + 1))

    @property
    def best(self) -> float:
        """What the best grade is worth."""
        return max(self.values)

    def nearest(self, score: float) -> int:
        """Return the position of the grade whose value is next to a score."""
        return int(np.argmin(np.abs(np.array(self.values) - score)))


def lacking(study: Study, options: Any) -> list[Problem]:
    """Return what a study lacks before it can be evaluated with `options`; empty where nothing is."""
    try:
        make_system(study, options)
    except CsrError as error:
        return list(error.problems)
    return []


def make_system(study: Study, options: Any) -> System:
    """Return the indicator system: of `options.constructs`, else of `evaluation.of`, else of what leads to satisfaction.

    Raises
    ------
    OptionError
        Constructs asked for that there are not.
    AnalysisError
        Fewer than two indicators, indicators that customers were not asked about, or that stand in two places.
    """
    problems: list[Problem] = []
    if options.constructs:
        problems = [
            unknown(c, study.constructs, what="construct", where=WHERE) for c in options.constructs if c not in study.constructs
        ]
        if problems:
            raise OptionError(problems)
    chosen = tuple(options.constructs or study.evaluation.of or _leading(study))
    children: dict[str, tuple[str, ...]] = {ROOT: chosen or _loose(study)}
    waiting = list(chosen)
    placed: dict[str, str] = dict.fromkeys(children[ROOT], ROOT)
    while waiting:
        node = waiting.pop(0)
        entry = study.constructs[node]
        children[node] = (*entry.of, *entry.indicators)
        for child in children[node]:
            if child in placed:
                problems.append(
                    Problem(
                        f"'{child}' is part of '{node}' and of '{placed[child]}'",
                        study.at("constructs", node),
                        "one place in the indicator system",
                        "say which constructs make up the whole: evaluation: {of: […]}",
                    )
                )
            placed[child] = node
        waiting += entry.of
    leaves = [name for name in placed if name not in children]
    problems += [
        Problem(
            f"customers were not asked about '{leaf}'",
            study.at("indicators", leaf),
            "a perception",
            "add `perception:`, or take it out of the constructs that are evaluated",
        )
        for leaf in leaves
        if leaf in study.indicators and not study.rating(leaf)
    ]
    if len(leaves) < 2:
        problems.append(
            Problem(
                f"the indicator system has {len(leaves)} indicators",
                study.at("constructs"),
                "at least two indicators",
                "name the constructs that make up the whole: evaluation: {of: […]}",
            )
        )
    if problems:
        raise AnalysisError(problems)
    return System(children)


def _leading(study: Study) -> tuple[str, ...]:
    """Constructs of the highest level that are neither an outcome nor, in a model, satisfaction or what follows from it."""
    parts = {part for entry in study.constructs.values() for part in entry.of}
    out = {study.outcome_construct(name) for name in study.outcomes}
    if study.model is not None:
        try:
            model = study.build_model()
        except CsrError:
            pass  # whether there is a model is another analysis's concern
        else:
            out |= set(model.names) - set(model.ancestors(model.target))
    return tuple(
        name for name in study.constructs if name not in parts | out and any(study.rating(i) for i in study.leaves(name))
    )


def _loose(study: Study) -> tuple[str, ...]:
    """The indicators of a study without constructs, but those that are an outcome themselves."""
    outcomes = {rating.column for name in study.outcomes if (rating := study.outcome_rating(name))}
    rated = {i: study.rating(i) for i in study.indicators}
    return tuple(i for i, rating in rated.items() if rating and rating.column not in outcomes)


def make_grades(study: Study, options: Any) -> Grades:
    """Return the grades as study.yml names them, else the points of a short scale, else five grades over a long one."""
    entry, scale = study.evaluation, study.scale
    points = entry.grades
    short = scale.measure == "ordinal" and float(scale.span).is_integer() and scale.span < MOST_POINTS
    if points is None:
        count = int(scale.span) + 1 if short else USUAL_GRADES
        points = tuple(float(v) for v in np.linspace(scale.min, scale.max, count))
    how = options.membership or entry.membership
    if how is None:
        on_points = all(scale.holds(p) for p in points) and len(points) == scale.span + 1
        how = "nearest" if short and on_points else "triangle"
    values = entry.values or tuple(float(scale.to_100(p)) for p in points)
    plateau = entry.plateau if how == "trapezoid" else 0.0
    return Grades(points, _labels(study, points), values, how, plateau, entry.grades is not None)


def _labels(study: Study, points: tuple[float, ...]) -> tuple[Any, ...]:
    """What the grades are called: in study.yml, on the scale, by the usual five words, or by their points."""
    if study.evaluation.labels:
        return study.evaluation.labels
    named = study.scale.labels
    if all(p in named for p in points):
        return tuple(named[p] for p in points)
    if len(points) == USUAL_GRADES:
        rising = range(1, USUAL_GRADES + 1) if points[0] < points[-1] else range(USUAL_GRADES, 0, -1)
        return tuple({lang: text(f"{NAME}.usual_grade.{i}", lang) for lang in LANGUAGES} for i in rising)
    return tuple({lang: text(f"{NAME}.point", lang, point=p) for lang in LANGUAGES} for p in points)
