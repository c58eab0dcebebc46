"""The estimated index model with its draws, and the groups that it is read for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.satisfaction_index.rollup import Tree
from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.core.model import Model, Template, template
from csr_lib.core.result import Basis
from csr_lib.stats.moments import Sample, sample
from csr_lib.stats.pls import PLSResult
from csr_lib.stats.pls_bootstrap import PLSBootstrap, pls_bootstrap
from csr_lib.stats.pls_higher_order import Climb
from csr_lib.stats.pls_higher_order import estimate as estimate_model
from csr_lib.stats.resampling import bootstrap_p, group_codes, percentile_interval, standard_error
from csr_lib.study import Study, Survey

if TYPE_CHECKING:
    from csr_lib.analyses.satisfaction_index.analysis import Options

Array = np.ndarray

#: Groupings of the bootstrap that are no segments.
WAVES, SCOPE, LEAVES = "waves", "scope", "leaves"
INSIDE, OUTSIDE = "in", "rest"


def chosen_model(study: Study, options: Options) -> Model:
    """Return the model of the options, or else of the study, in the mode and with the target that the options ask for.

    Raises StudyError where the model cannot be made, OptionError for a target that is none of its constructs.
    """
    model = template(options.model).fill(study.construct_entries()) if options.model else study.build_model()
    if options.target and options.target not in model.names:
        raise OptionError([unknown(options.target, model.names, what="construct", where="option target")])
    if options.mode:
        model = replace(model, constructs=tuple(replace(c, mode=options.mode) for c in model.constructs))
    return replace(model, target=options.target or model.target)


def chosen_template(study: Study, options: Options) -> Template | None:
    """Return the template of the model; None where the model is the study's own."""
    name = options.model or (study.model.template if study.model else None)
    return template(name) if name else None


@dataclass(frozen=True, eq=False)
class Estimate:
    """The model of all answers together, its draws, and the index of groups.

    Attributes
    ----------
    people : customers' answers, whatever wave. `used`: those of them that the model rests on.
    model, template, fit, draws : the model, the template it was made from, its estimate, and the draws (None without resampling).
        Parts of a higher-order construct stand in it as items, by their index.
    climb : what leads from the questions to the model's items; trivial without higher-order constructs.
    waves : waves that may be shown, in order, where there are several.
    period : the wave that the index describes; None for all answers together.
    scope : rows of `used` that the index describes.
    groups, estimate, drawn : grouping -> labels, indices (G, J), and their draws (B, G, J).
    strata : segments that resamples were drawn within.
    level : of the intervals.
    """

    people: Survey
    used: Survey
    sample: Sample
    model: Model
    template: Template | None
    fit: PLSResult
    draws: PLSBootstrap | None
    climb: Climb
    waves: tuple[str, ...]
    period: str | None
    scope: Array
    groups: Mapping[str, tuple[Any, ...]]
    estimate: Mapping[str, Array]
    drawn: Mapping[str, Array]
    strata: tuple[str, ...]
    level: float

    @property
    def target(self) -> str:
        """The construct whose index is the headline."""
        return self.model.target

    @property
    def latest(self) -> str | None:
        """The last of several waves."""
        return self.waves[-1] if self.waves else None

    @property
    def at(self) -> int:
        """Position of the target among the constructs."""
        return self.model.names.index(self.target)

    @property
    def described(self) -> Survey:
        """The answers that the index describes."""
        return replace(self.used, rows=self.used.rows[self.scope])

    def label(self, key: str) -> Any:
        """Return the label of an item, construct, segment or ``segment=value``; a construct without one has the template's."""
        found = self.people.label(key)
        if found == key and key in self.model.names and self.template:
            for name, about in self.template.constructs.items():
                if key in (name, *about.get("aliases", [])):
                    return about["label"]
        return found

    def index(self, grouping: str, label: Any) -> tuple[Array, Array | None]:
        """Return a group's index by construct (J,) and its draws (B, J)."""
        g = self.groups[grouping].index(label)
        return self.estimate[grouping][g], self.drawn[grouping][:, g] if grouping in self.drawn else None

    def of(self, quantity: str) -> Array | None:
        """Return the draws (B, k) of a quantity of the model; None without resampling."""
        return self.draws.draws[quantity] if self.draws else None

    def spread(self, draws: Array | None, k: int, null: float | None = None) -> dict[str, Array]:
        """Return ``std_error ci_low ci_high`` and, against `null`, ``p_value`` of draws (B, k); NaN without draws."""
        names = ["std_error", "ci_low", "ci_high", *(["p_value"] if null is not None else [])]
        if draws is None:
            return {name: np.full(k, np.nan) for name in names}
        low, high = percentile_interval(draws, self.level)
        out = {"std_error": standard_error(draws), "ci_low": low, "ci_high": high}
        return out if null is None else {**out, "p_value": bootstrap_p(draws, null)}

    def size(self, survey: Survey) -> tuple[float, float]:
        """Return n and effective n of some answers."""
        return float(survey.n), float(survey.n_effective)

    def basis(self, survey: Survey, whole: Survey) -> Basis:
        """Return the Basis of numbers that rest on `survey`, taken from `whole`."""
        values = whole.ratings("perception", self.climb.items).notna().all(axis=1).to_numpy()
        weights = whole.weights if whole.weight_kind == "frequency" else np.ones(len(values))
        missing = float(weights[~values].sum())
        kind: Any = whole.weight_kind
        return Basis(*self.size(survey), kind, self.sample.missing if missing else "none", missing)

    def item_performance(self) -> pd.Series:
        """Return the mean score 0–100 of every item in the answers that the index describes."""
        means = self._climbed(self.sample.group_means(np.where(self.scope, 0, -1)))[0]
        ends = self.fit.limits
        return pd.Series(100 * (means - ends[:, 0]) / (ends[:, 1] - ends[:, 0]), index=list(self.model.items))

    def score_sd(self) -> Array:
        """Return the standard deviation of every construct's scores 0–100 in the answers that the index describes.

        Of rows with all answers of the construct; divisor n − 1 (frequency weights: Σw − 1).
        """
        x = self._climbed(self.sample.answers[self.scope])
        w = self.sample.weights[self.scope]
        out = []
        for block in self.fit.plan.blocks:
            score = (x[:, block] - self.fit.limits[block, 0]) @ self.fit.index_coefficients[block]
            seen = ~np.isnan(score)
            n = w[seen].sum() if self.sample.kind == "frequency" else seen.sum()
            if n < 2:
                out.append(np.nan)
                continue
            mean = np.average(score[seen], weights=w[seen])
            out.append(float(np.sqrt(np.average((score[seen] - mean) ** 2, weights=w[seen]) * n / (n - 1))))
        return np.array(out)

    def _climbed(self, values: Array) -> Array:
        """Return rows of the model's items, of rows of the questions' answers or means."""
        place = [self.sample.columns.index(i) for i in self.climb.items]
        return self.climb.values(values[None][..., place], self.climb.coefficients)[0]


def estimate(survey: Survey, options: Options, tree: Tree | None) -> Estimate:
    """Estimate the model on all answers and resample it, with the index of waves, segments and the units of the roll-up.

    Raises what `chosen_model`, the moments and `pls` raise, and AnalysisError where fewer than `min_cell` answers are left.
    """
    people = survey.customers()
    model = chosen_model(people.study, options)
    ratings = people.ratings("perception", list(model.items))
    rule: Any = options.missing_rule or people.study.missing_rule
    kind: Any = people.weight_kind
    data = sample(ratings, None if kind == "none" else people.weights, kind=kind, missing=rule)
    used = replace(people, rows=people.rows[data.kept])
    if used.too_small:
        raise AnalysisError(
            f"{len(used.rows)} answers can be used, fewer than min_cell ({people.study.min_cell}), so nothing may be shown",
            where="satisfaction_index",
            mend="select more answers, or use missing_rule: em",
        )
    shown = tuple(g.value for g in used.groups("wave")) if len(used.waves) > 1 else ()
    waves = shown if len(shown) > 1 else ()
    period = waves[-1] if waves and options.scope == "latest" else None
    scope = (used.codes["wave"] == period).to_numpy() if period else np.ones(len(used.rows), dtype=bool)
    segments = chosen_segments(people, options)
    groups = _groupings(used, waves, scope, segments, tree)
    strata = _strata(people, tree)
    limits = {i: (people.scale(i).min, people.scale(i).max) for i in model.items}
    # labels are wanted for every row that was handed in; what was left out is in no group
    full = {name: _spread_out(labels, data.kept) for name, labels in groups.items()}
    if options.bootstrap:
        draws = pls_bootstrap(
            data,
            model,
            scheme=options.scheme,
            limits=limits,
            resamples=options.bootstrap,
            seed=options.seed,
            groups=full,
            strata=_joint(people, strata) if strata else None,
        )
        fit, climb, labels, indices, drawn = draws.result, draws.climb, draws.groups, draws.group_estimate, draws.group_index
    else:
        draws, drawn = None, {}
        fit, climb = estimate_model(data.moments(), model, options.scheme, limits)
        coded = {name: group_codes(pd.Series(values), data.kept) for name, values in full.items()}
        labels = {name: found for name, (_, found) in coded.items()}
        place = [data.columns.index(i) for i in climb.items]
        indices = {
            name: fit.index_of(climb.values(data.group_means(codes)[None][..., place], climb.coefficients)[0])
            for name, (codes, _) in coded.items()
        }
    return Estimate(
        people=people,
        used=used,
        sample=data,
        model=fit.model,
        template=chosen_template(people.study, options),
        fit=fit,
        draws=draws,
        climb=climb,
        waves=waves,
        period=period,
        scope=scope,
        groups=labels,
        estimate=indices,
        drawn=drawn,
        strata=strata,
        level=options.confidence,
    )


def chosen_segments(people: Survey, options: Options) -> tuple[str, ...]:
    """Return the segments to show; raises OptionError for one that there is not."""
    if options.by is None:
        return people.segments
    problems: list[Problem] = [
        unknown(s, people.segments, what="segment", where="option by") for s in options.by if s not in people.segments
    ]
    if problems:
        raise OptionError(problems)
    return tuple(options.by)


def _groupings(used: Survey, waves: Sequence[str], scope: Array, segments: Sequence[str], tree: Tree | None) -> dict[str, Array]:
    """Return grouping -> label of every used answer, None where it is in no group."""
    none = np.full(len(used.rows), None, dtype=object)

    def labelled(codes: pd.Series, values: Sequence[str], within: Array) -> Array:
        keep = codes.isin(values).to_numpy() & within
        return np.where(keep, codes.astype(object).to_numpy(), none)

    everyone = np.ones(len(used.rows), dtype=bool)
    groups = {SCOPE: np.where(scope, INSIDE, none)}
    if waves:
        groups[WAVES] = labelled(used.codes["wave"], waves, everyone)
    described = replace(used, rows=used.rows[scope])
    for segment in segments:
        values = described.values(segment)
        if len(values) < 2:
            continue
        groups[segment_grouping(segment)] = labelled(used.codes[segment], values, scope)
        for value in values:
            inside = (used.codes[segment] == value).to_numpy()
            groups[rest_grouping(segment, value)] = np.where(scope, np.where(inside, INSIDE, OUTSIDE), none)
    if tree:
        groups[LEAVES] = labelled(used.codes[tree.levels[0]], [value for _, value in tree.leaves], scope)
    return groups


def segment_grouping(segment: str) -> str:
    """Return the grouping that tells the groups of a segment apart."""
    return f"segment {segment}"


def rest_grouping(segment: str, value: str) -> str:
    """Return the grouping that tells a group from all other respondents."""
    return f"rest {segment}={value}"


def _spread_out(labels: Array, kept: Array) -> Array:
    out = np.full(len(kept), None, dtype=object)
    out[kept] = labels
    return out


def _strata(people: Survey, tree: Tree | None) -> tuple[str, ...]:
    """Waves are samples of their own; so are the lowest units of a roll-up, or else the strata that the study names."""
    strata = ["wave"] if len(people.waves) > 1 else []
    named = people.study.sampling.strata
    if tree:
        strata.append(tree.levels[0])
    elif named and named in people.segments:
        strata.append(named)
    return tuple(strata)


def _joint(people: Survey, strata: Sequence[str]) -> Array:
    """Return one number per row for the combination of its strata."""
    out = np.zeros(len(people.rows), dtype=int)
    for name in strata:
        codes = people.codes[name].cat.codes.to_numpy().astype(int) + 1  # 0: no value
        out = out * (codes.max() + 1) + codes
    return out
