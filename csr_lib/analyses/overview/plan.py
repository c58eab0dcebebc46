"""Overview: which indicators make up the index, the constructs they belong to, and what each of them weighs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown

if TYPE_CHECKING:
    from csr_lib.study import Study, Survey

#: Stands for the construct of indicators that belong to none.
LOOSE = "no_construct"


@dataclass(frozen=True)
class Plan:
    """What is looked at.

    Attributes
    ----------
    indicators : keys, construct by construct, each once.
    constructs : construct -> its indicators among them; those made of others follow their parts.
    weightings : ``stated``, ``equal``, ``derived``, where there are -> indicator -> weight, summing to 1.
    chosen : which of them makes the index.
    missing_rule : ``listwise`` or ``pairwise``.
    left_out : indicators that are no ratings of what was delivered (outcomes, consequences of satisfaction, expectations).
    unstated : constructs or indicators without points where others beside them have some.
    """

    indicators: tuple[str, ...]
    constructs: Mapping[str, tuple[str, ...]]
    weightings: Mapping[str, Mapping[str, float]]
    chosen: str
    missing_rule: str
    left_out: tuple[str, ...] = ()
    unstated: tuple[str, ...] = ()

    def construct_of(self, indicator: str) -> str:
        """Return the first construct of an indicator, `LOOSE` where it has none."""
        return next((c for c, members in self.constructs.items() if indicator in members), LOOSE)

    def with_weights(self, name: str, weights: Mapping[str, float]) -> Plan:
        """Return the plan with one more weighting."""
        return replace(self, weightings={**self.weightings, name: weights})


def lacking(study: Study) -> list[Problem]:
    """Return what a study lacks for an overview; empty where nothing."""
    if _able(study):
        return []
    return [
        Problem(
            "no indicator was rated by customers or users",
            study.at("indicators"),
            "indicators with a perception",
            "add `perception:` with the column of the rating",
        )
    ]


def make_plan(survey: Survey, options: Any) -> Plan:
    """Choose the indicators and weigh them.

    Raises
    ------
    OptionError
        An unknown indicator; stated weights asked for and not (wholly) stated.
    AnalysisError
        No indicator is left.
    """
    study = survey.study
    able = tuple(i for i in _able(study) if i in survey.asked("perception"))
    if not able:
        raise AnalysisError(list(lacking(study)) or [Problem("nobody rated an indicator", "answers", mend="take the filter out")])
    left_out: tuple[str, ...] = ()
    if options.indicators:
        wrong = [i for i in options.indicators if i not in able]
        if wrong:
            raise OptionError([unknown(i, able, what="rated indicator", where="options of overview, indicators") for i in wrong])
        chosen = set(options.indicators)
    else:
        left_out = tuple(i for i in able if i in _no_ratings(study))
        chosen = set(able) - set(left_out) or set(able)
        left_out = tuple(i for i in left_out if i not in chosen)
    constructs = {c: tuple(i for i in study.leaves(c) if i in chosen) for c in _ordered(study)}
    constructs = {c: members for c, members in constructs.items() if members}
    order = tuple(dict.fromkeys([i for members in constructs.values() for i in members] + [i for i in able if i in chosen]))
    weights, unstated, any_points = _stated(study, order)
    weightings = {"equal": dict.fromkeys(order, 1 / len(order))}
    if weights and any_points:
        weightings = {"stated": weights, **weightings}
    if options.weights == "stated" and "stated" not in weightings:
        raise OptionError(
            "stated weights were asked for, but not every part of the index has points",
            where="options of overview, weights",
            allowed="equal, derived, or points in study.yml",
            mend=f"add `points:` to {', '.join(unstated) or 'constructs or indicators'}",
        )
    rule = options.missing_rule or study.missing_rule
    name = options.weights or ("stated" if "stated" in weightings else "equal")
    return Plan(order, constructs, weightings, name, "pairwise" if rule == "em" else rule, left_out, tuple(unstated))


def _able(study: Study) -> tuple[str, ...]:
    return tuple(
        i for i in study.indicators if study.rating(i, "perception", "customer") or study.rating(i, "perception", "user")
    )


def _no_ratings(study: Study) -> set[str]:
    """Return the indicators that are outcomes, follow from satisfaction in the study's model, or are expectations."""
    columns = {r.column for o in study.outcomes if (r := study.outcome_rating(o))}
    out = {i for i in study.indicators if (rating := study.rating(i)) and rating.column in columns}
    names = {c for o in study.outcomes if (c := study.outcome_construct(o))}
    if study.model is not None:
        model = study.build_model()
        names |= {c.name for c in model.constructs if c.name == model.target or model.target in model.ancestors(c.name)}
        names |= {"Expectation"} if study.model.template else set()
    return out | {i for c in names if c in study.constructs for i in study.leaves(c)}


def _ordered(study: Study) -> list[str]:
    """Return constructs, those with indicators of their own first, those made of others after them."""
    return [c for c, e in study.constructs.items() if e.indicators] + [c for c, e in study.constructs.items() if not e.indicators]


def _stated(study: Study, indicators: Sequence[str]) -> tuple[dict[str, float], list[str], bool]:
    """Return stated weights of the indicators, what lacks points beside others that have some, and whether there are any points.

    Points share out the weight of the level above: of the constructs that no other is made of, of their parts, of the indicators
    of a construct. A level without any points is shared out equally.
    """
    parts_of = {p for e in study.constructs.values() for p in e.of}
    members = {c: [i for i in study.leaves(c) if i in indicators] for c in study.constructs}
    tops = [c for c in study.constructs if c not in parts_of and members[c]]
    held = {i for c in tops for i in members[c]}
    weights: dict[str, float] = {}
    unstated: list[str] = []
    found = False

    def share(level: list[str], weight: float) -> None:
        nonlocal found
        entries: list[Any] = [study.constructs[k] if k in study.constructs else study.indicators[k] for k in level]
        points = [e.points for e in entries]
        given = [p for p in points if p is not None]
        found = found or bool(given)
        if given and len(given) < len(points):
            unstated.extend(k for k, p in zip(level, points, strict=True) if p is None)
            return
        total = sum(given) or len(level)
        for key, p in zip(level, points, strict=True):
            own = weight * (1.0 if p is None else p) / total
            if key in study.constructs:
                entry = study.constructs[key]
                share([*(c for c in entry.of if members[c]), *(i for i in entry.indicators if i in indicators)], own)
            else:
                weights[key] = weights.get(key, 0.0) + own

    share([*tops, *(i for i in indicators if i not in held)], 1.0)
    if unstated:
        return {}, list(dict.fromkeys(unstated)), found
    return {i: weights[i] for i in indicators}, [], found
