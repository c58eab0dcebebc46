"""Tracking: what is followed from wave to wave. Every measure is one score from 0 to 100 per respondent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, CsrError, OptionError, Problem, unknown
from csr_lib.core.text import LANGUAGES, both, text

if TYPE_CHECKING:
    from csr_lib.analyses.tracking.analysis import Options
    from csr_lib.study import Study, Survey

Array = np.ndarray

INDEX, NPS, TOP = "tracking:index", "tracking:nps", "tracking:top"
#: Least share of a composite's indicators (by weight) that a respondent must have answered.
ANSWERED = 0.5
#: Outcomes that are better the lower they are.
BAD = ("complaint", "defect")


@dataclass(frozen=True, eq=False)
class Measure:
    """One thing that is followed.

    Attributes
    ----------
    key, level : what it is; level ``outcome``, ``index``, ``construct`` or ``indicator``.
    scores : (N,) score of every respondent, 0–100 (NPS −100 to 100); NaN is no answer.
    label : what it is called.
    sign : 1 where high is good, −1 where low is.
    share : whether the score is 0 or 100, so that its mean is a percentage.
    targets, benchmarks : wave (or ``all``) -> 0–100.
    breaks : waves from which on the question is another one -> what changed.
    """

    key: str
    level: str
    scores: Array
    label: Any
    sign: int = 1
    share: bool = False
    targets: Mapping[str, float] = field(default_factory=dict)
    breaks: Mapping[str, str] = field(default_factory=dict)

    def target(self, wave: str) -> float:
        """Return the target of a wave, NaN where there is none."""
        return float(self.targets.get(wave, self.targets.get("all", np.nan)))


@dataclass(frozen=True, eq=False)
class Followed:
    """The respondents whose answers are compared, wave by wave, and what is measured of them.

    Attributes
    ----------
    survey : customers and users, all waves up to the one reported on.
    waves : waves that are compared, in order; `positions` wave -> rows of the survey.
    measures : what is followed; `headline` the first of them to look at.
    index_by : how the index is weighted: ``model``, ``points``, ``equal``, "" where there is none.
    left_out : indicators that composites leave out because they changed or were not asked in every wave -> why.
    withheld : waves with too few answers; `empty` those that study.yml names and nobody answered.
    """

    survey: Survey
    waves: tuple[str, ...]
    positions: Mapping[str, Array]
    measures: tuple[Measure, ...]
    headline: str
    index_by: str
    left_out: Mapping[str, str]
    withheld: tuple[Any, ...]
    empty: tuple[str, ...]

    def measure(self, key: str) -> Measure:
        """Return the measure called `key`."""
        return next(m for m in self.measures if m.key == key)

    @property
    def latest(self) -> str:
        """The wave that is reported on."""
        return self.waves[-1]

    def epoch(self, measure: Measure) -> Array:
        """Return for every wave a number; waves with the same one were asked the same question."""
        return np.cumsum([wave in measure.breaks for wave in self.waves])

    def units(self, rows: Array) -> Array:
        """Return who answered."""
        assert self.survey.study.respondent is not None
        return self.survey.frame[self.survey.study.respondent].astype(str).to_numpy(dtype=object)[rows]

    @property
    def panel(self) -> bool:
        """Whether respondents can be followed from wave to wave."""
        study = self.survey.study
        key = study.wave_key
        return bool(key and key.panel and study.respondent and self.survey.weight_kind != "frequency")


def follow(survey: Survey, options: Options) -> Followed:
    """Return what is followed; raise where there is nothing to compare."""
    study = survey.study
    people = survey.customers()
    waves, withheld, empty = _waves(people, options)
    people = people.where({"wave": list(waves)})
    codes = people.codes["wave"].astype(str).to_numpy()
    positions = {wave: np.flatnonzero(codes == wave) for wave in waves}
    scores = pd.DataFrame({i: people.scale(i).to_100(people.ratings("perception", [i])[i]) for i in people.asked()})
    chosen = _chosen(options, scores)
    left_out = _not_comparable(study, scores, waves, positions)
    measures = [*_outcomes(people, waves)]
    same = scores.drop(columns=list(left_out))
    index, by = _index(people, same, options)
    measures += index
    of_outcome = {study.outcome_construct(name) for name in study.outcomes}
    for name in study.constructs:
        leaves = [i for i in study.leaves(name) if i in same]
        if len(leaves) > 1 and name not in of_outcome:
            values = composite(same[leaves], dict.fromkeys(leaves, 1.0) | _points(study, leaves))
            measures.append(Measure(name, "construct", values, people.label(name), targets=study.targets.get(name, {})))
    for i in chosen:
        breaks = {w: what for w, what in study.indicators[i].changed.items() if w in waves[1:]}
        targets = study.targets.get(i, {})
        measures.append(Measure(i, "indicator", scores[i].to_numpy(), people.label(i), targets=targets, breaks=breaks))
    measures = [m for m in measures if np.isfinite(m.scores).any()]
    return Followed(people, waves, positions, tuple(measures), _headline(measures, by, options), by, left_out, withheld, empty)


def composite(scores: pd.DataFrame, weights: Mapping[str, float]) -> Array:
    """Return each respondent's weighted mean over the indicators answered; NaN where less than half (by weight) were."""
    w = np.array([weights[str(c)] for c in scores.columns], dtype=float)
    x = scores.to_numpy(dtype=float)
    known = ~np.isnan(x)
    weight = known @ w
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, x, 0.0) @ w / weight
    return np.where(weight >= ANSWERED * w.sum() - 1e-12, mean, np.nan)


def _waves(people: Survey, options: Options) -> tuple[tuple[str, ...], tuple[Any, ...], tuple[str, ...]]:
    known = people.data.levels("wave") if "wave" in people.codes else ()
    if options.wave is not None and options.wave not in known:
        raise OptionError([unknown(options.wave, known, what="wave", where="options of tracking, wave")])
    until = list(known)[: list(known).index(options.wave) + 1] if options.wave else list(known)
    groups = people.groups("wave", total_shown=False) if people.waves else None
    shown = [g.value for g in groups or () if g.value in until]
    withheld = tuple(groups.withheld) if groups else ()
    if options.wave is not None and options.wave not in shown:
        raise AnalysisError(
            f"wave '{options.wave}' has no answers, or too few to be shown",
            where="options of tracking, wave",
            allowed=", ".join(shown) or "none",
            mend="report on another wave",
        )
    if len(shown) < 2:
        raise AnalysisError(
            f"{len(shown)} wave{'s' * (len(shown) != 1)} with enough answers: {', '.join(shown) or 'none'}",
            where="answers",
            allowed="two waves or more",
            mend="hand in all waves, and name the one that the report is about by the option `wave`"
            if "wave" in people.filters
            else "collect a second wave",
        )
    there = set(people.data.codes["wave"].dropna().astype(str))
    return tuple(shown), withheld, tuple(w for w in until if w not in there)


def _chosen(options: Options, scores: pd.DataFrame) -> list[str]:
    if options.indicators is None:
        return [str(c) for c in scores.columns]
    wrong = [
        unknown(i, scores.columns, what="indicator", where="options of tracking, indicators")
        for i in options.indicators
        if i not in scores.columns
    ]
    if wrong:
        raise OptionError(wrong)
    return list(options.indicators)


def _not_comparable(study: Study, scores: pd.DataFrame, waves: tuple[str, ...], positions: Mapping[str, Array]) -> dict[str, str]:
    found = {}
    for i in scores.columns:
        changed = [w for w in study.indicators[str(i)].changed if w in waves[1:]]
        if changed:
            found[str(i)] = "changed"
        elif any(scores[i].iloc[rows].notna().sum() == 0 for rows in positions.values()):
            found[str(i)] = "not_asked"
    return found


def _outcomes(people: Survey, waves: tuple[str, ...]) -> list[Measure]:
    study, found = people.study, []
    for name, entry in study.outcomes.items():
        scale = people.outcome_scale(name)
        if scale is None:
            continue
        values = people.outcome(name).to_numpy(dtype=float)
        targets, breaks = study.targets.get(name, {}), _breaks_of(study, name, waves)
        happened = entry.yes is not None
        label = both(f"tracking.outcome.{name}") if entry.label is None and name in BAD else people.label(name)
        if name == "recommendation" and (scale.min, scale.max) == (0, 10) and not study.outcome_construct(name):
            promoted = np.where(values >= 9, 100.0, np.where(values <= 6, -100.0, 0.0))
            nps = np.where(np.isnan(values), np.nan, promoted)
            found.append(Measure(NPS, "outcome", nps, both("tracking.outcome.nps"), targets=targets, breaks=breaks))
            continue
        sign = -1 if name in BAD else 1
        if not happened and name in BAD:
            continue
        score = np.asarray(scale.to_100(values), dtype=float)
        found.append(Measure(name, "outcome", score, label, sign, happened, targets, breaks))
        if entry.top and not happened:
            high = np.where(np.isnan(values), np.nan, 100.0 * (values > scale.max - entry.top))
            said = {lang: text("tracking.outcome.top", lang, label=_in(label, lang), top=entry.top) for lang in LANGUAGES}
            found.append(Measure(f"{TOP}:{name}", "outcome", high, said, 1, True, {}, breaks))
    return found


def _breaks_of(study: Study, outcome: str, waves: tuple[str, ...]) -> dict[str, str]:
    """Return the breaks of the indicator that an outcome is a column of."""
    rating = study.outcome_rating(outcome)
    for name, entry in study.indicators.items():
        own = study.rating(name)
        if rating and own and own.column == rating.column:
            return {w: what for w, what in entry.changed.items() if w in waves[1:]}
    return {}


def _points(study: Study, leaves: list[str]) -> dict[str, float]:
    points = {i: study.indicators[i].points for i in leaves}
    return {i: float(p) for i, p in points.items() if p} if all(points.values()) else {}


def _index(people: Survey, same: pd.DataFrame, options: Options) -> tuple[list[Measure], str]:
    """Return the index: by the study's model, by stated points, or equally weighted; the same weights in every wave."""
    study = people.study
    if same.shape[1] < 2:
        return [], ""
    if study.model is not None and options.index in (None, "model"):
        weights, target = _by_model(people, same)
        if weights:
            values = composite(same[list(weights)], weights)
            goal = study.targets.get(target) or next(
                (study.targets[o] for o in study.outcomes if study.outcome_construct(o) == target and o in study.targets), {}
            )
            return [Measure(INDEX, "index", values, both("tracking.index.model"), targets=goal)], "model"
    if options.index == "model":
        raise OptionError(
            "the study's model gives no weights for its index",
            where="options of tracking, index",
            allowed="points, equal",
            mend="see the report satisfaction_index, or ask for another index",
        )
    weights, by = _stated(study, same, options)
    label = both(f"tracking.index.{by}")
    return [Measure(INDEX, "index", composite(same[list(weights)], weights), label)], by


def _by_model(people: Survey, same: pd.DataFrame) -> tuple[dict[str, float], str]:
    from csr_lib.stats.pls import pls

    study = people.study
    try:
        model = study.build_model()
        items = [i for i in model.items if i in same]
        if len(items) < len(model.items) or model.wholes:
            return {}, ""
        fit = pls(
            people.moments(list(model.items)), model, limits={i: (people.scale(i).min, people.scale(i).max) for i in model.items}
        )
    except CsrError:
        return {}, ""
    table = fit.items[fit.items["construct"] == model.target]
    weights = dict(zip(table["item"].astype(str), table["share"].astype(float), strict=True))
    return (weights, model.target) if all(np.isfinite(v) and v > 0 for v in weights.values()) else ({}, "")


def _stated(study: Study, same: pd.DataFrame, options: Options) -> tuple[dict[str, float], str]:
    below = {part for entry in study.constructs.values() for part in entry.of}
    top = {c: [i for i in study.leaves(c) if i in same] for c in study.constructs if c not in below}
    own = {study.outcome_construct(name) for name in study.outcomes}
    top = {c: leaves for c, leaves in top.items() if leaves and c not in own}
    single = len({i for leaves in top.values() for i in leaves}) == sum(map(len, top.values()))
    points = {c: study.constructs[c].points for c in top}
    if top and single and all(points.values()) and options.index != "equal":
        weights: dict[str, float] = {}
        for c, leaves in top.items():
            inner = _points(study, leaves) or dict.fromkeys(leaves, 1.0)
            weights |= {i: float(points[c] or 0) * v / sum(inner.values()) for i, v in inner.items()}
        return weights, "points"
    names = [str(c) for c in same.columns]
    stated = _points(study, names)
    if stated and options.index != "equal":
        return stated, "points"
    if options.index == "points":
        raise OptionError(
            "not every construct or indicator has points",
            where="options of tracking, index",
            allowed="equal",
            mend="add `points` in study.yml",
        )
    used = [i for leaves in top.values() for i in leaves] if top and single else names
    return dict.fromkeys(used, 1.0), "equal"


def _headline(measures: list[Measure], by: str, options: Options) -> str:
    keys = [m.key for m in measures]
    if not keys:
        raise AnalysisError([Problem("nothing is measured in these waves", "answers", "", "look at the missing answers")])
    if options.headline is not None:
        named = {"index": INDEX, "nps": NPS}.get(options.headline, options.headline)
        if named not in keys:
            known = [{INDEX: "index", NPS: "nps"}.get(k, k) for k in keys]
            raise OptionError([unknown(options.headline, known, what="measure", where="options of tracking, headline")])
        return named
    preferred = [INDEX] if by == "model" else []
    return next((k for k in [*preferred, "satisfaction", INDEX] if k in keys), keys[0])


def _in(label: Any, lang: str) -> str:
    return str(label[lang] if isinstance(label, Mapping) and lang in label else label)
