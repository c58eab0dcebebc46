"""Fuzzy evaluation: whose answers are evaluated, how they belong to the grades, and the groups that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.fuzzy_evaluation.system import NAME, WHERE, Grades, System
from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.core.result import Basis
from csr_lib.stats.fuzzy import Memberships, mean_memberships, membership_values
from csr_lib.stats.moments import Sample, sample
from csr_lib.study.groups import SMALL_GROUP
from csr_lib.study.withholding import withhold

if TYPE_CHECKING:
    from csr_lib.study import Survey

Array = np.ndarray
#: Segments with more groups than this are compared only where they are asked for.
MOST_GROUPS = 8


@dataclass(frozen=True)
class GroupRows:
    """One group: segment, code, label, whether it is small, its rows among those used, and the groups that it is held against.

    ``against`` are positions in `Answers.groups`: of the other groups of the segment, or of the wave before; empty for the first.
    """

    segment: str
    value: str
    label: Any
    small: bool
    rows: Array
    against: tuple[int, ...]


@dataclass(frozen=True)
class Answers:
    """The answers that are evaluated.

    Attributes
    ----------
    survey : the respondents evaluated (the latest wave, or all).
    everybody : the same of all waves.
    system, grades : what is evaluated.
    sample : ratings of all waves on 0–1 of the range that weights from the answers start from; `Sample.kept` of `everybody`.
    values : (n, p, k) memberships of each row of `sample`.
    importance : (n, p) stated importance on 0–1 of its scale, NaN for no answer; None where it was not asked of all.
    main : (n,) the rows evaluated; `strata` their waves, for resampling (None: one).
    groups : to be compared; `withheld` the labels of those too small.
    rule : for missing answers, ``listwise`` or ``pairwise``.
    """

    survey: Survey
    everybody: Survey
    system: System
    grades: Grades
    sample: Sample
    values: Array
    importance: Array | None
    main: Array
    strata: Array | None
    groups: tuple[GroupRows, ...]
    withheld: tuple[Any, ...]
    rule: str

    @property
    def kind(self) -> Any:
        """``none``, ``sampling`` or ``frequency``."""
        return self.sample.kind

    @cached_property
    def chosen(self) -> Sample:
        """The sample of the rows evaluated."""
        return self.part(self.main)

    def part(self, rows: Array) -> Sample:
        """Return the sample of some rows."""
        return replace(self.sample, answers=self.sample.answers[rows], weights=self.sample.weights[rows])

    def memberships(self, rows: Array | None = None) -> Memberships:
        """Return the memberships of the indicators among some rows, by default those evaluated."""
        at = self.main if rows is None else rows
        kind: Any = "sampling" if self.kind == "none" else self.kind
        return mean_memberships(self.values[at], self.system.leaves, self.grades.keys, self.sample.weights[at], kind=kind)

    @property
    def complete(self) -> Array:
        """(n,) rows evaluated that have every answer."""
        return self.main & ~np.isnan(self.sample.answers).any(axis=1)

    @cached_property
    def basis(self) -> Basis:
        """On whom the evaluation rests."""
        part = self.chosen
        w = self.survey.weights
        seen = self.survey.ratings("perception", self.system.leaves).notna().all(axis=1).to_numpy()
        left = (w > 0) & ~seen
        n_missing = float(w[left].sum()) if self.survey.weight_kind == "frequency" else float(left.sum())
        kind: Any = self.survey.weight_kind
        return Basis(part.n, part.n_effective, kind, self.rule if n_missing else "none", n_missing)

    @property
    def basis_of_all(self) -> Basis:
        """On whom what compares waves rests."""
        rule = self.rule if self.sample.n_missing else "none"
        kind: Any = self.everybody.weight_kind
        return Basis(self.sample.n, self.sample.n_effective, kind, rule, self.sample.n_missing)

    @property
    def stretched(self) -> tuple[str, ...]:
        """Indicators with a scale of their own, which were put on that of the study."""
        whole = self.survey.study.scale
        own = {leaf: self.everybody.scale(leaf) for leaf in self.system.leaves}
        return tuple(leaf for leaf, scale in own.items() if (scale.min, scale.max) != (whole.min, whole.max))

    def n_of(self, rows: Array) -> tuple[float, float]:
        """Return n and effective n of some rows."""
        part = self.part(rows)
        return part.n, part.n_effective


def take_answers(survey: Survey, system: System, grades: Grades, options: Any) -> Answers:
    """Return the answers of the customers, put on grades.

    Raises
    ------
    OptionError
        Unknown groups; EM, which completes moments but no answer.
    AnalysisError
        Fewer respondents than `min_cell`, or an indicator that nobody rated.
    """
    if options.missing_rule == "em":
        raise OptionError(
            "EM completes means and covariances, not the grade that a respondent chose",
            where=f"{WHERE}, missing_rule",
            allowed="listwise, pairwise",
            mend="use pairwise to keep every answer",
        )
    rule = options.missing_rule or survey.study.missing_rule
    rule = "pairwise" if rule == "em" else rule
    everybody = survey.customers()
    chosen = everybody.wave(everybody.waves[-1]) if options.scope == "latest" and len(everybody.waves) > 1 else everybody
    ratings = everybody.ratings("perception", system.leaves)
    in_main = np.isin(everybody.rows, chosen.rows)
    among = ratings[in_main]
    silent = [i for i in system.leaves if among[i].isna().all()]
    if silent:
        raise AnalysisError(
            f"nobody among these respondents rated {', '.join(silent)}",
            where="answers",
            allowed="answers to every indicator of the system",
            mend="widen the selection, or take them out of the constructs that are evaluated",
        )
    kind: Any = "none" if survey.weight_kind == "none" else survey.weight_kind
    unit = _unit(everybody, ratings, options.scaling)
    usable = ratings.notna().all(axis=1) if rule == "listwise" else ratings.notna().any(axis=1)
    enough = max(2, survey.study.min_cell)
    count = int((usable.to_numpy() & in_main & (everybody.weights > 0)).sum())
    if count < enough:
        what = "every indicator" if rule == "listwise" else "anything"
        raise AnalysisError(
            f"only {count} of {len(chosen.rows)} respondents rated {what}",
            where=NAME,
            allowed=f"at least {enough} (min_cell)",
            mend="widen the selection, use missing_rule: pairwise, or leave out indicators that few rated",
        )
    rows = sample(unit, everybody.weights, kind=kind, missing=rule)
    values = membership_values(_on_scale(everybody, ratings)[rows.kept], grades.points, grades.how, plateau=grades.plateau)
    strata = everybody.codes["wave"].cat.codes.to_numpy()[rows.kept] if len(everybody.waves) > 1 else None
    groups, withheld = _groups(everybody, chosen, rows.kept, options.by)
    return Answers(
        survey=chosen,
        everybody=everybody,
        system=system,
        grades=grades,
        sample=rows,
        values=values,
        importance=_importance(everybody, system.leaves, rows.kept),
        main=in_main[rows.kept],
        strata=strata,
        groups=groups,
        withheld=withheld,
        rule=rule,
    )


def _on_scale(survey: Survey, ratings: pd.DataFrame) -> Array:
    """Ratings on the study's scale; those with one of their own are stretched onto it."""
    whole = survey.study.scale
    out = ratings.copy()
    for name in out:
        own = survey.scale(str(name))
        if (own.min, own.max) != (whole.min, whole.max):
            out[name] = whole.min + own.to_100(out[name]) / 100 * whole.span
    return out.to_numpy(dtype=float)


def _unit(survey: Survey, ratings: pd.DataFrame, scaling: str) -> pd.DataFrame:
    """Ratings on the range that entropy and CRITIC start from: 0–1 of the scale, of the answers seen, or as they are."""
    out = ratings.astype(float)
    for name in out:
        own = survey.scale(str(name))
        low, high = {"scale": (own.min, own.max), "observed": (out[name].min(), out[name].max()), "none": (0.0, 1.0)}[scaling]
        out[name] = (out[name] - low) / (high - low) if high > low else 0.0 * out[name]
    return out


def _importance(survey: Survey, leaves: Sequence[str], kept: Array) -> Array | None:
    """Stated importance on 0–1 of its scale; None where it was not asked of every indicator."""
    if set(leaves) - set(survey.asked("importance")):
        return None
    stated = survey.ratings("importance", leaves)[kept]
    for name in stated:
        stated[name] = survey.scale(str(name), "importance").to_100(stated[name]) / 100
    return stated.to_numpy(dtype=float)


def _groups(
    everybody: Survey, chosen: Survey, kept: Array, by: Sequence[str] | None
) -> tuple[tuple[GroupRows, ...], tuple[Any, ...]]:
    """The groups to compare: waves among all answers, segments among those evaluated."""
    able = [*(["wave"] if len(everybody.waves) > 1 else []), *everybody.segments]
    wanted = able if by is None else list(by)
    problems = [unknown(name, able, what="segment", where=f"{WHERE}, by") for name in wanted if name not in able]
    if problems:
        raise OptionError(problems)
    found: list[GroupRows] = []
    withheld: list[Any] = []
    for name in wanted:
        waves = name == "wave"
        groups = (everybody if waves else chosen).groups(name)
        if by is None and not waves and len(groups) > MOST_GROUPS:
            continue
        every = [np.isin(everybody.rows, g.survey.rows)[kept] for g in groups]
        hidden = withhold([int(m.sum()) for m in every], max(2, everybody.study.min_cell))  # those with answers that can be used
        withheld += [*groups.withheld, *(g.label for g, h in zip(groups, hidden, strict=True) if h)]
        shown = [(g, m) for g, m, h in zip(groups, every, hidden, strict=True) if m.any() and not h]
        if len(shown) < 2:
            continue
        places = range(len(found), len(found) + len(shown))
        for place, (group, mask) in zip(places, shown, strict=True):
            against = [p for p in places if (p == place - 1 if waves else p != place)]
            found.append(GroupRows(name, group.value, group.label, int(mask.sum()) < SMALL_GROUP, mask, tuple(against)))
    return tuple(found), tuple(withheld)
