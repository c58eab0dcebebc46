"""Measure: what a view looks at — an indicator, a construct, an outcome or a question — with one value per respondent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from csr_lib.analyses.overview.scores import average, boxes_of
from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.core.text import LANGUAGES, text
from csr_lib.stats.comparison import MeanEstimate, mean_interval, share_interval

if TYPE_CHECKING:
    from csr_lib.study import Survey
    from csr_lib.study.parts import Scale

Array = np.ndarray

#: Least share of a construct's indicators that a respondent answered for a score, as in the overview.
ANSWERED = 0.5


@dataclass(frozen=True, eq=False)
class Measure:
    """One value per respondent, rows as in the survey's frame; NaN is no answer.

    Attributes
    ----------
    key, label, survey : which, what it is called, whose.
    kind : ``rating`` (in scale points), ``score`` (a construct, 0–100), ``happened`` (0 and 1), ``choice`` (of one answer of
        several; answers are positions in `grades`) or ``amount`` (a number without a scale).
    scale : of a rating; None for the others.
    grades : column ``grade_<point>`` or ``answer_<code>`` -> label, from the worst; empty where values are no grades.
    changed : waves from which on the question was another one.
    """

    key: str
    label: Any
    survey: Survey
    kind: str
    answers: Array
    scale: Scale | None
    grades: Mapping[str, Any]
    changed: tuple[str, ...] = ()

    @property
    def compared(self) -> Array:
        """What groups are compared in: 0–100 where there is a scale, else the values."""
        return np.asarray(self.scale.to_100(self.answers), dtype=float) if self.scale and self.kind == "rating" else self.answers

    @property
    def unit(self) -> str:
        """Format of an estimate of `compared`, of `csr_lib.core.text.FORMATS`."""
        return {"happened": "share", "amount": "decimal"}.get(self.kind, "score")

    @property
    def places(self) -> Array:
        """Position of every value among the grades; NaN is no answer."""
        return self.answers if self.kind == "choice" or self.scale is None else self.answers - self.scale.min

    @property
    def weights(self) -> Array:
        """Case weights."""
        return np.asarray(self.survey.weights, dtype=float)

    def known(self, here: Array | None = None) -> Array:
        """Tell who answered (among `here`)."""
        found = ~np.isnan(self.answers) & (self.weights > 0)
        return found if here is None else found & here

    def estimate(self, level: float, here: Array | None = None) -> MeanEstimate:
        """Return the mean of `compared`, or the share to whom it happened, with interval."""
        kind: Any = self.survey.weight_kind
        values = np.where(self.known(here), self.compared, np.nan)
        find = share_interval if self.kind == "happened" else mean_interval
        return find(values, self.weights, kind=kind, level=level)

    def raw(self, level: float) -> MeanEstimate:
        """Return the mean of the answers as they were given."""
        kind: Any = self.survey.weight_kind
        return mean_interval(np.where(self.known(), self.answers, np.nan), self.weights, kind=kind, level=level)

    def count(self, here: Array) -> float:
        """Return how many respondents `here` are (for frequency weights: their sum)."""
        return float(self.weights[here].sum()) if self.survey.weight_kind == "frequency" else float(here.sum())

    def share(self, flags: Array, level: float) -> MeanEstimate:
        """Return the share of ones among ones and zeros, of those who answered."""
        kind: Any = self.survey.weight_kind
        return share_interval(np.where(self.known(), flags, np.nan), self.weights, kind=kind, level=level)

    def shares(self, here: Array | None = None) -> Array:
        """Return the weighted share of every grade among those who answered."""
        known = self.known(here)
        counts = np.bincount(self.places[known].astype(int), self.weights[known], len(self.grades))
        return np.asarray(counts / counts.sum())


def measure(survey: Survey, key: str | None = None) -> Measure:
    """Return what `key` names: an indicator, construct, outcome, or question with one answer.

    None is overall satisfaction, or where that was not asked the first indicator.

    Raises
    ------
    OptionError
        A key that there is not (the message names those that there are).
    AnalysisError
        Fewer than `min_cell` answers.
    """
    study = survey.study
    if key is None:
        key = "satisfaction" if "satisfaction" in study.outcomes else next(iter(survey.asked("perception")), "")
    known = measurable(survey)
    if key not in known:
        raise OptionError([unknown(key, known, what="indicator, construct, outcome or question", where="explore")])
    found = _found(survey, key)
    _enough(survey, key, int(found.known().sum()))
    return found


def _enough(survey: Survey, key: str, answered: int) -> None:
    least = max(2, survey.study.min_cell)
    if answered < least:
        raise AnalysisError(
            f"{answered} respondents answered '{key}', and groups of fewer than {survey.study.min_cell} are withheld",
            where="answers",
            allowed=f"at least {least}",
            mend="take a condition out of the filter, or look at something else",
        )


def several_answers(survey: Survey) -> tuple[str, ...]:
    """Return the questions to which respondents may give several answers."""
    return tuple(q for q, entry in survey.study.questions.items() if entry.type == "multi")


def options(survey: Survey, key: str) -> list[Measure]:
    """Return one measure per option of a question with several answers: 1 for who chose it, 0 for who chose others only.

    Raises AnalysisError for fewer than `min_cell` answers.
    """
    chose = survey.question(key)
    named = survey.study.questions[key].values or {}
    found = [
        Measure(f"answer_{c}", named.get(str(c), str(c)), survey, "happened", chose[c].to_numpy(dtype=float), None, {})
        for c in chose.columns
    ]
    _enough(survey, key, int(found[0].known().sum()) if found else 0)
    return found


def measurable(survey: Survey) -> tuple[str, ...]:
    """Return the keys that `measure` knows: indicators rated, constructs of them, outcomes, questions with one answer."""
    study = survey.study
    rated = survey.asked("perception")
    constructs = [c for c in study.constructs if set(study.leaves(c)) <= set(rated)]
    single = [q for q, entry in study.questions.items() if entry.type == "single"]
    return tuple(dict.fromkeys([*rated, *constructs, *study.outcomes, *single]))


def _found(survey: Survey, key: str) -> Measure:
    study = survey.study
    label = survey.label(key)
    if key in study.indicators:
        values = survey.ratings("perception", [key])[key].to_numpy(dtype=float)
        scale = survey.scale(key)
        changed = tuple(str(w) for w in study.indicators[key].changed)
        return Measure(key, label, survey, "rating", values, scale, _grades(scale), changed)
    if key in study.constructs:
        items = study.leaves(key)
        ratings = survey.ratings("perception", items)
        points = np.column_stack([survey.scale(i).to_100(ratings[i].to_numpy(dtype=float)) for i in items])
        changed = tuple(str(w) for i in items for w in study.indicators[i].changed)
        return Measure(key, label, survey, "score", average(points, np.ones(len(items)), ANSWERED), None, {}, changed)
    if key in study.outcomes:
        return _outcome(survey, key)
    answers = survey.question(key)
    codes = list(answers.cat.categories)
    named = study.questions[key].values or {}
    places = np.where(answers.isna(), np.nan, answers.cat.codes.to_numpy(dtype=float))
    return Measure(key, label, survey, "choice", places, None, {f"answer_{c}": named.get(c, c) for c in codes})


def _outcome(survey: Survey, key: str) -> Measure:
    study = survey.study
    entry = study.outcomes[key]  # type: ignore[index]
    label = study.label(key)
    construct = study.outcome_construct(key)
    if construct:
        found = _found(survey, construct)
        return Measure(key, label, survey, "score", found.answers, None, {}, found.changed)
    values, scale = survey.outcome(key).to_numpy(dtype=float), survey.outcome_scale(key)
    if entry.yes is not None:
        said = {f"answer_{n}": {lang: text(f"table.{b}", lang) for lang in LANGUAGES} for n, b in enumerate(("false", "true"))}
        return Measure(key, label, survey, "happened", values, None, said)
    if scale is None:
        return Measure(key, label, survey, "amount", values, None, {})
    return Measure(key, label, survey, "rating", values, scale, _grades(scale))


def _grades(scale: Scale) -> dict[str, Any]:
    if not boxes_of(scale, 1):
        return {}
    points = [scale.min + k for k in range(int(scale.span) + 1)]
    return {f"grade_{p:g}": scale.labels.get(p, f"{p:g}") for p in points}
