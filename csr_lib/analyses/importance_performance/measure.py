"""Importance and performance of every indicator, with all resamples of both: what the four-quadrant model is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from csr_lib.core.errors import AnalysisError
from csr_lib.core.model import Model
from csr_lib.stats.comparison import mean_interval
from csr_lib.stats.grouped import can_be_grouped
from csr_lib.stats.importance import SHARES_OF_R2, Importance, importance_draws
from csr_lib.stats.importance import importance as derived_importance
from csr_lib.stats.moments import Moments, Sample, sample
from csr_lib.stats.pls_bootstrap import ROWS_UP_TO
from csr_lib.stats.resampling import AnySample, Seed, generator, resample_counts, stack

if TYPE_CHECKING:
    from csr_lib.study import Survey

Array = np.ndarray
#: Ways to derive importance from the ratings and an outcome.
DERIVED = ("correlation", "partial_correlation", "regression", "relative_weights", "lmg")
METHODS = ("stated", *DERIVED, "total_effects")
OUTCOME = " outcome"  # no indicator can be called so
_STATED = " importance "


@dataclass(frozen=True)
class Axis:
    """The unit of an axis of means: scale points where all scales are the same, else 0–100 by their theoretical ends.

    `low` and `high` (k,) are the ends of the scales.
    """

    unit: Literal["points", "score"]
    low: Array
    high: Array

    @classmethod
    def of(cls, survey: Survey, indicators: tuple[str, ...], kind: str) -> Axis:
        """Return the axis of a kind of rating."""
        scales = [survey.scale(key, kind) for key in indicators]
        low, high = np.array([s.min for s in scales], dtype=float), np.array([s.max for s in scales], dtype=float)
        same = bool((low == low[0]).all() and (high == high[0]).all())
        return cls("points" if same else "score", low, high)

    def values(self, points: Array) -> Array:
        """Turn means in scale points, (…, k), into values of the axis."""
        return points if self.unit == "points" else self.score(points)

    def score(self, points: Array) -> Array:
        """Turn means in scale points, (…, k), into 0–100."""
        return np.asarray(100 * (points - self.low) / (self.high - self.low))

    @property
    def per_point(self) -> Array:
        """Axis units per scale point, (k,)."""
        return np.ones_like(self.low) if self.unit == "points" else 100 / (self.high - self.low)

    @property
    def score_per_unit(self) -> Array:
        """Points 0–100 per axis unit, (k,)."""
        return 100 / (self.high - self.low) if self.unit == "points" else np.ones_like(self.low)

    def to_score(self, values: Array) -> Array:
        """Turn values of the axis, (…, k), into 0–100."""
        return self.score(values) if self.unit == "points" else values

    @property
    def middle(self) -> float:
        """The middle of the scale, in units of the axis."""
        return float((self.low[0] + self.high[0]) / 2) if self.unit == "points" else 50.0

    def from_score(self, score: float) -> float:
        """Turn 0–100 into a value of the axis."""
        return float(self.low[0] + score / 100 * (self.high[0] - self.low[0])) if self.unit == "points" else score


@dataclass(frozen=True, eq=False)
class Point:
    """Importance from the answers as they are.

    Attributes
    ----------
    importance : (k,), in units of its axis.
    r2, r2_adjusted : of the model behind derived importance; NaN where there is none.
    direction : (k,), negative where more of the indicator goes with less of the outcome.
    vif : (k,) variance inflation factors; NaN where indicators are not predictors of one regression.
    collinear : the predictor with the largest VIF and its VIF.
    predictors : of the largest regression.
    table : every derived importance of the same answers, see `csr_lib.stats.importance.Importance`; None where not computed.
    """

    importance: Array
    r2: float
    r2_adjusted: float
    direction: Array
    vif: Array
    collinear: tuple[str, float]
    predictors: int
    table: Importance | None = None


@dataclass(frozen=True, eq=False)
class Draws:
    """Resamples that gave numbers: (B, k) `performance` and `importance` in units of the axes, (B,) `r2`.

    `rival` (B, k): each weight minus that of a random variable, for methods whose weights cannot be negative. `failed` resamples
    gave no numbers.
    """

    performance: Array
    importance: Array
    rival: Array | None
    r2: Array
    failed: int


Deriver = Callable[[Array, Array], tuple[Array, Array | None, Array | None]]


@dataclass(frozen=True, eq=False)
class Measured:
    """Importance and performance of k indicators among one set of respondents.

    Attributes
    ----------
    indicators, method : what was measured and how its importance.
    sample : the answers used; its first k columns are the performances.
    axis : of performance; `importance_axis` of stated importance, None where it is derived.
    performance, performance_error : (k,) means and their standard errors in scale points.
    importance_error : (k,) in units of the importance axis; of derived importance NaN without resamples.
    n, n_effective : (k,) respondents behind each performance.
    point, draws : importance from the answers as they are; resamples of both.
    """

    indicators: tuple[str, ...]
    method: str
    sample: Sample
    axis: Axis
    importance_axis: Axis | None
    performance: Array
    performance_error: Array
    importance_error: Array
    n: Array
    n_effective: Array
    point: Point
    draws: Draws

    @property
    def importance(self) -> Array:
        """Importance in units of its axis, (k,)."""
        return self.point.importance

    @property
    def performance_values(self) -> Array:
        """Performance in units of its axis, (k,)."""
        return self.axis.values(self.performance)

    @property
    def score(self) -> Array:
        """Performance on 0–100, (k,)."""
        return self.axis.score(self.performance)

    @property
    def resamples(self) -> int:
        """Resamples that gave numbers."""
        return len(self.draws.performance)


def measure(
    survey: Survey,
    indicators: tuple[str, ...],
    method: str,
    *,
    outcome: str | None,
    missing: str,
    resamples: int,
    seed: Seed,
) -> Measured:
    """Measure importance and performance of the indicators, and resample both together.

    Parameters
    ----------
    survey : whose answers; case weights enter everything.
    indicators : at least three keys.
    method : one of `METHODS`.
    outcome : name of the outcome that importance is derived from; not used for stated importance and total effects.
    missing : ``listwise``, ``pairwise`` or ``em``, over the answers that the method needs.
    resamples, seed : of the bootstrap; respondents are drawn, with their case weights.

    Raises
    ------
    AnalysisError
        Constant answers, too few respondents, indicators that depend on each other, a model that cannot be estimated.
    """
    k = len(indicators)
    model = survey.model() if method == "total_effects" else None
    answers = _answers(survey, indicators, method, outcome, missing, model)
    moments = answers.moments()
    axis = Axis.of(survey, indicators, "perception")
    stated_axis = Axis.of(survey, indicators, "importance") if method == "stated" else None
    errors, n, n_effective = mean_errors(answers, moments)
    rng = generator(seed)
    if model is not None:
        limits = {i: (survey.scale(i).min, survey.scale(i).max) for i in model.items}
        point, draws = _path_model(answers, model, limits, indicators, axis, resamples, rng)
    elif stated_axis is not None:
        point = _stated(stated_axis.values(moments.mean[k : 2 * k]))
        draws = _resampled(
            answers, axis, resamples, rng, lambda means, covs: (stated_axis.values(means[:, k : 2 * k]), None, None)
        )
    else:
        point = _derived(moments, indicators, method)
        draws = _resampled(answers, axis, resamples, rng, lambda means, covs: _derive(covs, method, rng, answers.n_effective))
    if resamples and draws.failed > resamples - max(20, resamples / 2):
        raise AnalysisError(
            f"{draws.failed} of {resamples} resamples gave no numbers, so that nothing can be said about certainty",
            where="importance_performance",
            mend="collect more answers, use fewer indicators, or set bootstrap: 0",
        )
    if stated_axis is not None:
        importance_error = errors[k : 2 * k] * stated_axis.per_point
    else:
        importance_error = draws.importance.std(axis=0, ddof=1) if resamples else np.full(k, np.nan)
    return Measured(
        indicators,
        method,
        answers,
        axis,
        stated_axis,
        moments.mean[:k].copy(),
        errors[:k],
        importance_error,
        n[:k],
        n_effective[:k],
        point,
        draws,
    )


def _answers(
    survey: Survey, indicators: tuple[str, ...], method: str, outcome: str | None, missing: str, model: Model | None
) -> Sample:
    """Return the answers that a method needs: performances, then stated importance, the rest of the model, or the outcome."""
    chosen = list(indicators)
    frame = survey.ratings("perception", chosen)[chosen].astype(float)
    if method == "stated":
        stated = survey.ratings("importance", chosen)
        for key in chosen:
            frame[_STATED + key] = stated[key].astype(float)
    elif model is not None:
        further = [item for item in model.items if item not in chosen]
        if further:
            frame = frame.join(survey.ratings("perception", further)[further].astype(float))
    else:
        assert outcome is not None
        frame[OUTCOME] = survey.outcome(outcome).to_numpy(dtype=float)
    return sample(frame, survey.weights, kind=survey.weight_kind, missing=missing)  # type: ignore[arg-type]


def mean_errors(answers: Sample, moments: Moments) -> tuple[Array, Array, Array]:
    """Return standard errors of the means, respondents and effective n, each (p,), by column.

    Those of `csr_lib.stats.comparison.mean_interval` over the answers there are. Where incomplete rows were completed by EM, the
    error is EM's standard deviation over the root of the effective number of answers.
    """
    weights = None if answers.kind == "none" else answers.weights
    found = [mean_interval(column, weights, kind=answers.kind) for column in answers.answers.T]
    n, effective = np.array([f.n for f in found]), np.array([f.n_effective for f in found])
    if answers.missing == "em" and not answers.complete:
        return moments.sd / np.sqrt(effective), n, effective
    return np.array([f.std_error for f in found]), n, effective


def _stated(values: Array) -> Point:
    nothing = np.full(len(values), np.nan)
    return Point(values, np.nan, np.nan, np.ones(len(values)), nothing, ("", np.nan), len(values))


def _derived(moments: Moments, indicators: tuple[str, ...], method: str) -> Point:
    found = derived_importance(moments, OUTCOME, list(indicators))
    table = found.table
    values = table[f"{method}_share" if method in SHARES_OF_R2 else method].to_numpy(dtype=float)
    direction = table["correlation"].to_numpy() if method in SHARES_OF_R2 else values
    vif = table["vif"].to_numpy()
    return Point(
        values, found.r2, found.r2_adj, direction, vif, (indicators[int(vif.argmax())], float(vif.max())), len(indicators)
    )


def _derive(covs: Array, method: str, rng: np.random.Generator, n: float) -> tuple[Array, Array, Array | None]:
    """Return importance (B, k), R² (B,) and, for shares of R², what each weight has more than that of a random variable."""
    values = importance_draws(covs, method)
    if method in SHARES_OF_R2:
        r2 = values.sum(axis=1)
        return values / r2[:, None], r2, against_random(covs, method, rng, n)
    beta = values if method == "regression" else importance_draws(covs, "regression")
    return values, (beta * importance_draws(covs, "correlation")).sum(axis=1), None


def _resampled(answers: Sample, axis: Axis, resamples: int, rng: np.random.Generator, derive: Deriver) -> Draws:
    """Resample performance and importance together."""
    k = len(axis.low)
    if not resamples:
        return Draws(np.empty((0, k)), np.empty((0, k)), None, np.empty(0), 0)
    units = resampling_units(answers, rng)
    parts: list[tuple[Array, ...]] = []
    for counts in resample_counts(units, resamples, rng):
        means, covs = units.resampled(counts)
        importance, r2, rival = derive(means, covs)
        unknown = np.full((len(means), k), np.nan)
        explained = unknown[:, 0] if r2 is None else r2
        parts.append((axis.values(means[:, :k]), importance, explained, unknown if rival is None else rival))
    performance, importance, r2, rival = (stack(part) for part in zip(*parts, strict=True))
    good = np.isfinite(performance).all(axis=1) & np.isfinite(importance).all(axis=1)
    known = bool(np.isfinite(rival).any())
    return Draws(performance[good], importance[good], rival[good] if known else None, r2[good], int((~good).sum()))


def in_groups(answers: Sample) -> bool:
    """Whether there are so many rows that random groups of them are resampled in their place."""
    return len(answers.weights) > ROWS_UP_TO and can_be_grouped(answers)


def resampling_units(answers: Sample, rng: np.random.Generator) -> AnySample:
    """Return what is resampled: the rows, or random groups of very many."""
    return answers.grouped(seed=rng) if in_groups(answers) else answers


def against_random(covs: Array, method: str, rng: np.random.Generator, n: float) -> Array:
    """Return each weight minus that of a random variable that joins the predictors, (B, k) (Tonidandel et al. 2009).

    The correlations of pure noise with the other variables are normal with mean 0 and covariance R/n; they are drawn instead of
    the noise itself, anew in every resample.
    """
    draws, size = len(covs), covs.shape[-1]
    k = size - 1
    out = np.full((draws, k), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.einsum("bii->bi", covs))
        R = covs / sd[:, :, None] / sd[:, None, :]
    z = rng.standard_normal((draws, size))
    good = np.isfinite(R).all(axis=(1, 2))
    good[good] = np.linalg.eigvalsh(R[good])[:, 0] > 1e-10
    if not good.any():
        return out
    noise = np.einsum("bij,bj->bi", np.linalg.cholesky(R[good]), z[good]) / np.sqrt(n)
    wider = np.empty((int(good.sum()), size + 1, size + 1))
    old = np.array([*range(k), size])
    wider[:, old[:, None], old] = R[good]
    wider[:, k, old] = wider[:, old, k] = noise
    wider[:, k, k] = 1.0
    weights = importance_draws(wider, method)
    out[good] = weights[:, :k] - weights[:, k:]
    return out


def _path_model(
    answers: Sample,
    model: Model,
    limits: dict[str, tuple[float, float]],
    indicators: tuple[str, ...],
    axis: Axis,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[Point, Draws]:
    """Return importance as the unstandardised total effect of each indicator on the target's index (Ringle & Sarstedt 2016)."""
    from csr_lib.stats.pls import pls
    from csr_lib.stats.pls_bootstrap import pls_bootstrap

    result = pls(answers.moments(), model, limits=limits)
    items = result.importance_performance(model.target)[1].set_index("item")
    values = items.loc[list(indicators), "importance"].to_numpy(dtype=float)
    explained = result.constructs.set_index("construct")[["r2", "r2_adj"]].to_numpy()[model.names.index(model.target)]
    worst = result.paths.iloc[int(result.paths["vif"].argmax())]
    needs = max([len(model.sources(name)) for name in model.names] + [len(c.items) for c in model.constructs if c.mode == "B"])
    nothing = np.full(len(indicators), np.nan)
    vif = (str(worst["source"]), float(worst["vif"]))
    point = Point(values, float(explained[0]), float(explained[1]), values, nothing, vif, needs)
    k = len(indicators)
    if not resamples:
        return point, Draws(np.empty((0, k)), np.empty((0, k)), None, np.empty(0), 0)
    drawn = pls_bootstrap(answers, model, limits=limits, resamples=resamples, seed=rng)
    owner = {item: c.name for c in model.constructs for item in c.items}
    effects, parts, means = (drawn.keys[name] for name in ("total_effects_unstandardised", "shares", "performance"))
    at = [int(np.flatnonzero((effects["source"] == owner[i]) & (effects["target"] == model.target))[0]) for i in indicators]
    own, there = ([int(np.flatnonzero(frame["item"] == i)[0]) for i in indicators] for frame in (parts, means))
    importance = drawn.draws["total_effects_unstandardised"][:, at] * drawn.draws["shares"][:, own]
    score = drawn.draws["performance"][:, there]
    performance = score if axis.unit == "score" else axis.low + score / 100 * (axis.high - axis.low)
    target = int(np.flatnonzero(drawn.keys["r2"]["construct"] == model.target)[0])
    return point, Draws(performance, importance, None, drawn.draws["r2"][:, target], drawn.n_failed)
