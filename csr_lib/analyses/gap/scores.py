"""Gap analysis: pairs of expectation and perception, dimension scores, weights of the dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.core.result import Basis
from csr_lib.stats.case_weights import effective_n

if TYPE_CHECKING:
    from csr_lib.study import Study, Survey

Array = np.ndarray

#: Stands for the dimension of indicators that belong to none.
LOOSE = "no_dimension"


@dataclass(frozen=True)
class Plan:
    """What is analysed: the indicators, the dimensions they belong to, and the unit.

    Attributes
    ----------
    indicators : keys, dimension by dimension, each once.
    dimensions : construct -> its indicators among them.
    weights : construct -> stated weight, summing to 1; empty where points are not stated for every dimension.
    item_weights : construct -> indicator -> stated weight within it, summing to 1; only where all its indicators have points.
    low, high : ends of the scale in the unit that gaps are given in.
    percent : every answer is put on 0–100 of its own scale.
    answered : least share of a dimension's indicators that a respondent must have answered to get a score.
    missing_rule : ``listwise`` or ``pairwise``.
    """

    indicators: tuple[str, ...]
    dimensions: Mapping[str, tuple[str, ...]]
    weights: Mapping[str, float]
    item_weights: Mapping[str, Mapping[str, float]]
    low: float
    high: float
    percent: bool
    answered: float
    missing_rule: str

    def without(self, indicators: Sequence[str]) -> Plan:
        """Return the plan without some indicators; dimensions that lose all theirs go, the weights of the rest add to 1 again."""
        left = tuple(i for i in self.indicators if i not in indicators)
        dimensions = {c: tuple(i for i in of if i in left) for c, of in self.dimensions.items()}
        dimensions = {c: of for c, of in dimensions.items() if of}
        total = sum(self.weights.get(c, 0.0) for c in dimensions)
        weights = {c: w / total for c, w in self.weights.items() if c in dimensions}
        return replace(self, indicators=left, dimensions=dimensions, weights=weights)

    @property
    def span(self) -> float:
        """Width of the scale in the unit of the gaps."""
        return self.high - self.low

    def construct_of(self, indicator: str) -> str:
        """Return the dimension of an indicator, `LOOSE` where it has none."""
        return next((c for c, members in self.dimensions.items() if indicator in members), LOOSE)


def measured(study: Study, role: str) -> tuple[str, ...]:
    """Return the indicators for which `role` was asked both expectation and perception."""
    return tuple(i for i in study.indicators if study.rating(i, "expectation", role) and study.rating(i, "perception", role))


def make_plan(study: Study, options: Any) -> Plan:
    """Choose indicators and dimensions, and check that their ratings can be subtracted from one another.

    Raises
    ------
    OptionError
        An indicator or dimension that does not exist, or that lacks an expectation or a perception.
    AnalysisError
        No indicator has both; or their scales differ and the unit is scale points.
    """
    able = measured(study, options.role)
    if not able:
        raise AnalysisError(list(lacking(study, options.role)))
    chosen = _chosen(options.indicators, able, study.indicators, "indicator")
    leaves = {c: tuple(entry.indicators) for c, entry in study.constructs.items() if entry.indicators}
    usable = {c: members for c, members in leaves.items() if set(members) & set(able)}
    wanted = _chosen(options.dimensions, tuple(usable), study.constructs, "dimension")
    taken: dict[str, str] = {}
    for construct in wanted:
        for indicator in usable[construct]:
            if indicator in chosen:
                taken.setdefault(indicator, construct)
    loose = [] if options.dimensions else [i for i in chosen if i not in taken]
    order = (*taken, *loose)
    if not order:
        raise OptionError(
            "no indicator is left",
            where="options of gap",
            allowed="indicators that belong to the dimensions asked for",
            mend="widen `indicators` or `dimensions`",
        )
    dimensions = {c: tuple(i for i in order if taken.get(i) == c) for c in wanted if c in taken.values()}
    low, high = _scale(study, order, options)
    rule = options.missing_rule or study.missing_rule
    return Plan(
        order,
        dimensions,
        _dimension_weights(study, tuple(dimensions)),
        _item_weights(study, dimensions),
        low,
        high,
        options.unit == "percent",
        options.answered,
        "pairwise" if rule == "em" else rule,
    )


def lacking(study: Study, role: str = "customer") -> list[Problem]:
    """Return what a study lacks before expectation and perception can be compared; empty where nothing is."""
    if measured(study, role):
        return []
    return [
        Problem(
            f"no indicator has both an expectation and a perception of the {role}s",
            study.at("indicators"),
            "at least one indicator with `perception` and `expectation`",
            "ask what level customers expect and name its column: expectation: E1",
        )
    ]


def _chosen(asked: Sequence[str] | None, able: Sequence[str], known: Any, what: str) -> tuple[str, ...]:
    if asked is None:
        return tuple(able)
    problems = [unknown(name, able, what=what, where="options of gap") for name in asked if name not in known]
    problems += [
        Problem(
            f"{what} '{name}' has no pair of expectation and perception",
            "options of gap",
            ", ".join(able),
            "leave it out, or add its `expectation` to study.yml",
        )
        for name in asked
        if name in known and name not in able
    ]
    if problems:
        raise OptionError(problems)
    return tuple(name for name in able if name in asked)


def _scale(study: Study, indicators: Sequence[str], options: Any) -> tuple[float, float]:
    """Return the ends of the common scale; 0 and 100 where everything is put on the share of its own scale."""
    if options.unit == "percent":
        return 0.0, 100.0
    ends: dict[tuple[float, float], list[str]] = {}
    for indicator in indicators:
        for kind, role in ((k, r) for k in ("perception", "expectation") for r in (options.role, "management", "staff")):
            rating = study.rating(indicator, kind, role)
            named = f"{indicator} ({kind})"
            if rating and named not in ends.setdefault((rating.scale.min, rating.scale.max), []):
                ends[rating.scale.min, rating.scale.max].append(named)
    if len(ends) > 1:
        shown = "; ".join(f"{low:g}–{high:g}: {', '.join(of)}" for (low, high), of in ends.items())
        raise AnalysisError(
            f"the ratings stand on different scales: {shown}",
            where=study.at("indicators"),
            allowed="expectation and perception on one scale",
            mend="analyse indicators of one scale (`indicators`), or all as a percentage of their own scale (`unit: percent`)",
        )
    return next(iter(ends))


def _dimension_weights(study: Study, dimensions: Sequence[str]) -> dict[str, float]:
    """Return the stated weights, points among siblings times the weight of the construct above; empty where one is missing."""
    parents = {child: parent for parent, entry in study.constructs.items() for child in entry.of}

    def weight(name: str) -> float:
        entry, parent = study.constructs[name], parents.get(name)
        if entry.points is None:
            return float("nan")
        if parent is None:
            return float(entry.points)
        siblings = sum(study.constructs[s].points or float("nan") for s in study.constructs[parent].of)
        above = weight(parent) if study.constructs[parent].points is not None else 1.0
        return entry.points / siblings * above

    found = {name: weight(name) for name in dimensions}
    total = sum(found.values())
    return {name: w / total for name, w in found.items()} if found and not np.isnan(total) else {}


def _item_weights(study: Study, dimensions: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    out = {}
    for construct, members in dimensions.items():
        points = {i: study.indicators[i].points for i in members}
        if all(p is not None for p in points.values()):
            total = sum(p for p in points.values() if p is not None)
            out[construct] = {i: (p or 0.0) / total for i, p in points.items()}
    return out


def fetch(survey: Survey, plan: Plan, kind: str, indicators: Sequence[str] | None = None) -> pd.DataFrame:
    """Return ratings in the unit of the gaps, one column per indicator that was asked; NaN where there is no answer."""
    asked = [i for i in (indicators or plan.indicators) if any(survey.study.rating(i, kind, r) for r in survey.roles)]
    frame = survey.ratings(kind, asked).reset_index(drop=True).astype(float)
    if plan.percent:
        frame = frame.apply(lambda column: survey.scale(str(column.name), kind).to_100(column))
    return frame


def level(study: Study, plan: Plan, indicator: str, value: float) -> float:
    """Return a standard or promise, written on the perception's scale, in the unit of the gaps and with higher as better."""
    rating = study.rating(indicator, "perception", "customer") or study.rating(indicator, "perception", "staff")
    assert rating is not None, indicator  # every indicator of a plan has a perception
    turned = rating.scale.min + rating.scale.max - value if rating.reverse else value
    return float(rating.scale.to_100(turned)) if plan.percent else turned


def complete_rows(frame: pd.DataFrame, rule: str) -> Array:
    """Return which rows have every answer (listwise), or any answer (pairwise)."""
    known = frame.notna().to_numpy()
    return np.asarray(known.all(axis=1) if rule == "listwise" else known.any(axis=1))


def overall(frame: pd.DataFrame, plan: Plan) -> Array:
    """Return every respondent's mean of the dimension scores; of all columns where the plan has no dimensions."""
    members = [[i for i in of if i in frame.columns] for of in plan.dimensions.values()]
    parts = [scores(frame[of], plan) for of in members if of]
    return np.mean(parts, axis=0) if parts else scores(frame, plan)


def scores(frame: pd.DataFrame, plan: Plan, weights: Mapping[str, float] | None = None) -> Array:
    """Return every respondent's mean over the columns answered; NaN where less than `plan.answered` of them were.

    With `weights` (column -> weight) the mean is weighted, over the columns answered.
    """
    values = frame.to_numpy(dtype=float)
    known = ~np.isnan(values)
    w = np.array([weights[c] for c in frame.columns]) if weights else np.ones(values.shape[1])
    enough = known.mean(axis=1) >= plan.answered if values.shape[1] else np.zeros(len(values), dtype=bool)
    total = (known * w).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values * w, 0.0).sum(axis=1) / total
    return np.where(enough & known.any(axis=1), mean, np.nan)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Expectation and perception of the same respondents; a cell is known in both frames or in neither.

    Rows without what the missing-data rule asks for are left out; `n_missing` counts those with an incomplete pair (left out
    under listwise, kept with the pairs that they have under pairwise).
    """

    plan: Plan
    expectation: pd.DataFrame
    perception: pd.DataFrame
    weights: Array
    kind: str
    kept: Array
    n_missing: float

    @classmethod
    def of(cls, survey: Survey, plan: Plan) -> Pairs:
        """Take the pairs of everybody in `survey`."""
        e, p = fetch(survey, plan, "expectation"), fetch(survey, plan, "perception")
        both = e.notna().to_numpy() & p.notna().to_numpy()
        e, p = e.where(both), p.where(both)
        w = np.asarray(survey.weights, dtype=float)
        kept = complete_rows(e, plan.missing_rule)
        short = ~both.all(axis=1)
        counted = w if survey.weight_kind == "frequency" else np.ones(len(w))
        return cls(
            plan,
            e[kept].reset_index(drop=True),
            p[kept].reset_index(drop=True),
            w[kept],
            survey.weight_kind,
            kept,
            float(counted[short].sum()),
        )

    @cached_property
    def gap(self) -> pd.DataFrame:
        """Perception − expectation, per respondent and indicator."""
        return self.perception - self.expectation

    @property
    def basis(self) -> Basis:
        """On whom the results rest."""
        return basis(self.weights, self.kind, self.plan.missing_rule, self.n_missing)

    def dimension(self, construct: str) -> tuple[Array, Array]:
        """Return (expectation, perception) of a dimension, per respondent: means over the indicators answered."""
        members = list(self.plan.dimensions[construct])
        return scores(self.expectation[members], self.plan), scores(self.perception[members], self.plan)

    def total(self) -> tuple[Array, Array]:
        """Return (expectation, perception) per respondent: the mean of the dimensions, of all indicators where there are none."""
        return overall(self.expectation, self.plan), overall(self.perception, self.plan)

    def weighted(self, construct: str) -> Array:
        """Return the gap of a dimension per respondent, its indicators weighted by their points where all have some."""
        members = list(self.plan.dimensions[construct])
        return scores(self.gap[members], self.plan, self.plan.item_weights.get(construct))

    def weighted_total(self) -> Array:
        """Return the gap per respondent, dimensions weighted by their points."""
        return np.sum([w * self.weighted(c) for c, w in self.plan.weights.items()], axis=0)


def basis(weights: Array, kind: Any, rule: str, n_missing: float = 0.0) -> Basis:
    """Return the Basis of the respondents with these weights."""
    n = float(weights.sum()) if kind == "frequency" else float(len(weights))
    effective = effective_n(weights) if kind == "sampling" and len(weights) else n
    return Basis(n, effective, kind, rule if n_missing else "none", n_missing)
