"""Factor structure: whose answers, which items, which constructs, which outcome."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, CsrError, OptionError, Problem, unknown
from csr_lib.core.model import Construct, Model
from csr_lib.core.result import Basis
from csr_lib.stats.moments import Moments, Sample, sample

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.analysis import Options
    from csr_lib.study import Study, Survey

Array = np.ndarray
#: The number of factors is a question from three items on, and a rotation from four.
FEWEST_ITEMS = 4


@dataclass(frozen=True, eq=False)
class Choice:
    """What of a study is analysed, before any answer is looked at.

    Attributes
    ----------
    items : of the exploratory analysis.
    owners : item -> its construct; empty without constructs.
    measured : constructs of the confirmatory analysis, with two items or more.
    single : constructs left out of it because they have one item.
    model : the structural model, if the study has one that can be made.
    target : the construct that it explains, or the outcome ``satisfaction``; None without either.
    target_items : items of the target construct; empty where it is an outcome.
    """

    items: tuple[str, ...]
    owners: dict[str, str]
    measured: tuple[Construct, ...]
    single: tuple[str, ...]
    model: Model | None
    target: str | None
    target_items: tuple[str, ...]


def asked(study: Study) -> list[str]:
    """Return the indicators that customers or users rated."""
    return [i for i in study.indicators if any(study.rating(i, "perception", role) for role in ("customer", "user"))]


def choose(study: Study, options: Options) -> Choice:
    """Return what is analysed.

    Items: those of the constructs asked for, else of all constructs but the target and what follows from it (they are to be
    explained, not explored); all rated indicators in a study without constructs.

    Raises OptionError for an unknown construct, AnalysisError with fewer than four items.
    """
    known = {name: c for name, c in study.construct_entries().items() if c.items}
    try:
        model = study.build_model() if study.model else None
    except CsrError:
        model = None
    if options.constructs:
        where = "options of factor_structure, constructs"
        wrong = [unknown(c, known, what="construct", where=where) for c in options.constructs if c not in known]
        if wrong:
            raise OptionError(wrong)
    outcome = study.outcome_construct("satisfaction") if "satisfaction" in study.outcomes else None
    target = model.target if model else outcome or ("satisfaction" if "satisfaction" in study.outcomes else None)
    explained = _explained(study, model)
    chosen = list(options.constructs) if options.constructs else [c for c in known if c not in explained]
    rated = set(asked(study))
    items = tuple(dict.fromkeys(i for c in chosen for i in known[c].items if i in rated))
    if not known:
        items = tuple(i for i in asked(study) if i not in _outcome_columns(study))
    if len(items) < FEWEST_ITEMS:
        raise AnalysisError(
            f"{len(items)} items are too few for factors",
            where=f"{study.file_name}, " + ("constructs" if known else "indicators"),
            allowed=f"at least {FEWEST_ITEMS} rated indicators"
            + (f" outside {', '.join(explained)}, which the model explains" if explained else ""),
            mend="add indicators to the constructs, or name the constructs to explore (option `constructs`)",
        )
    if options.constructs:
        tested = [known[c] for c in chosen]
    else:
        in_model = {leaf for name in model.names for leaf in model.leaves(name)} if model else set()
        tested = [c for name, c in known.items() if name in chosen or name in in_model or (not model and name in explained)]
    tested = [c for c in tested if set(c.items) <= rated]
    return Choice(
        items,
        {i: c for c in chosen for i in known[c].items} if known else {},
        tuple(c for c in tested if len(c.items) > 1),
        tuple(c.name for c in tested if len(c.items) == 1),
        model,
        target,
        tuple(i for i in study.leaves(target) if i in rated) if target in study.constructs else (),
    )


def _explained(study: Study, model: Model | None) -> list[str]:
    """Return the target and all constructs that it leads to, with their parts; without a model the constructs of outcomes."""
    if model is None:
        found = [construct for name in study.outcomes if (construct := study.outcome_construct(name))]
    else:
        found = [model.target]
        for name in found:
            found += [t for t in model.targets(name) if t not in found]
    return list(dict.fromkeys([*found, *(part for name in found for part in study.parts(name))]))


def _outcome_columns(study: Study) -> set[str]:
    """Return the indicators that are outcomes."""
    columns = {rating.column for rating in study.outcome_ratings()}
    return {i for i in study.indicators if (r := study.rating(i)) and (i in columns or r.column in columns)}


@dataclass(frozen=True, eq=False)
class Data:
    """The answers of customers to what was chosen.

    Attributes
    ----------
    survey : customers' answers.
    ratings : every item of exploration, confirmation and model, higher always better.
    kind : of the case weights.
    rule : for missing answers, ``listwise``, ``pairwise`` or ``em``.
    first, second : rows that are explored and rows that the models are tested on; all of them unless the sample is split.
    """

    survey: Survey
    choice: Choice
    ratings: pd.DataFrame
    kind: Any
    rule: Any
    first: Array
    second: Array

    @classmethod
    def of(cls, survey: Survey, choice: Choice, options: Options) -> Data:
        """Fetch the answers; raise AnalysisError where a split leaves too few."""
        used = [*choice.items, *(i for c in choice.measured for i in c.items), *(choice.model.items if choice.model else ())]
        ratings = survey.ratings("perception", tuple(dict.fromkeys(used)))
        every = np.ones(len(ratings), dtype=bool)
        first = second = every
        if options.split:
            first = np.zeros(len(ratings), dtype=bool)
            first[np.random.default_rng(options.seed).permutation(len(ratings))[: len(ratings) // 2]] = True
            second = ~first
        kind = "frequency" if survey.weight_kind == "frequency" else "none" if survey.weight_kind == "none" else "sampling"
        rule = options.missing_rule or survey.study.missing_rule
        return cls(survey, choice, ratings, kind, rule, first, second)

    def sample(self, items: tuple[str, ...] | list[str], rows: Array | None = None, rule: str | None = None) -> Sample:
        """Return the answers to some items of `rows` (those explored by default)."""
        at = self.first if rows is None else rows
        missing: Any = rule or self.rule
        return sample(self.ratings.loc[at, list(items)], self.survey.weights[at], kind=self.kind, missing=missing)

    def basis(self, of: Sample | Moments) -> Basis:
        """Return on whom a number made of a sample rests."""
        return Basis(of.n, of.n_effective, self.kind, of.missing if of.n_missing else "none", of.n_missing)

    def limits(self, item: str) -> tuple[float, float]:
        """Return the ends of an item's scale."""
        scale = self.survey.scale(item)
        return float(scale.min), float(scale.max)

    def percent(self, items: tuple[str, ...] | list[str]) -> pd.DataFrame:
        """Return the answers to some items on 0–100."""
        ends = {i: self.limits(i) for i in items}
        return pd.DataFrame({i: (self.ratings[i] - low) / (high - low) * 100 for i, (low, high) in ends.items()})

    @cached_property
    def outcome(self) -> pd.Series | None:
        """The target: mean of its items on 0–100 (all answered), or the outcome itself; None where there is none."""
        if self.choice.target is None:
            return None
        if self.choice.target_items:
            there = [i for i in self.choice.target_items if i in self.ratings]
            if not there:
                return None
            return self.percent(there).mean(axis=1, skipna=False)
        return self.survey.outcome(self.choice.target)


def own_customers(survey: Survey, options: Options) -> Survey:
    """Return the answers of customers and users; raise where an option cannot go with them."""
    groupings = [c for c in survey.data.codes.columns if c not in ("role", "brand")]
    where = "options of factor_structure, by"
    wrong = [unknown(b, groupings, what="segment", where=where) for b in options.by or () if b not in groupings]
    if wrong:
        raise OptionError(wrong)
    found = survey.customers()
    if not [r for r in found.roles if r in ("customer", "user")]:
        raise AnalysisError(
            [
                Problem(
                    "nobody answered as customer or user",
                    "answers",
                    "customers or users",
                    "check `role:` in study.yml and the filter",
                )
            ]
        )
    return found
