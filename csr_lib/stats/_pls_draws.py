"""What a draw of a path model is: all its quantities from the moments of a batch of resamples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.stats import _pls
from csr_lib.stats._pls import Plan
from csr_lib.stats.moments import Sample
from csr_lib.stats.pls import PLSResult, effect_pairs, inadmissible_draws
from csr_lib.stats.pls_higher_order import Climb
from csr_lib.stats.resampling import AnySample

Array = np.ndarray

#: What is drawn, and the columns that name each quantity.
QUANTITIES: dict[str, tuple[str, ...]] = {
    "weights": ("construct", "item"),
    "shares": ("construct", "item"),
    "loadings": ("construct", "item"),
    "paths": ("source", "target"),
    "paths_unstandardised": ("source", "target"),
    "total_effects": ("source", "target"),
    "total_effects_unstandardised": ("source", "target"),
    "r2": ("construct",),
    "correlations": ("construct", "other"),
    "htmt": ("construct", "other"),
    "index": ("construct",),
    "performance": ("construct", "item"),
}
#: A draw failed when one of these is not finite.
NEEDED = ("weights", "loadings", "paths", "total_effects", "r2")
#: Numbers that may be copied so that the means of groups need no gathering of rows in every batch.
KEPT_ROWS = 10_000_000


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of every quantity (B, k) and of the index of every group (B, G, J); `good` (B,) are those that did not fail.

    `turned` (J, B) constructs were turned round by the sign policy; `inadmissible` (B,) are no population's.
    """

    quantities: dict[str, Array]
    groups: dict[str, Array]
    good: Array
    turned: Array
    inadmissible: Array


@dataclass(frozen=True, eq=False)
class Engine:
    """Draws a path model from resamples: the sample, the estimate that draws start from, and how to go from one to the other."""

    sample: AnySample
    result: PLSResult
    climb: Climb
    position: Array  # of the items of the first stage among the sample's columns
    group_means: Mapping[str, Callable[[Array | None], Array]]
    tolerance: float
    max_iterations: int

    @classmethod
    def of(
        cls,
        sample: AnySample,
        result: PLSResult,
        climb: Climb,
        codes: Mapping[str, Array],
        tolerance: float,
        max_iterations: int,
    ) -> Engine:
        """Make the engine; `codes` holds, by grouping, the group of every row of the sample."""
        if isinstance(sample, Sample):
            # in the model's order once and for all; but under EM incomplete rows are completed from all columns there are
            taken = sample.complete or sample.missing != "em"
        else:
            taken = len(sample.columns) > len(climb.items)
        if taken:
            sample = sample.take(climb.items)
        small = not isinstance(sample, Sample) or sample.answers.size * len(codes) <= KEPT_ROWS
        means: dict[str, Any] = {
            by: sample.group_sums(code).means if small else partial(sample.group_means, code) for by, code in codes.items()
        }
        position = np.array([sample.columns.index(item) for item in climb.items])
        return cls(sample, result, climb, position, means, tolerance, max_iterations)

    def group_estimates(self) -> dict[str, Array]:
        """Index (G, J) of every group of the sample itself."""
        return {
            by: self.result.index_of(self.climb.values(means(None)[None][..., self.position], self.climb.coefficients)[0])
            for by, means in self.group_means.items()
        }

    def draws(self, batches: Iterable[Array]) -> Draws:
        """Draw batches of counts (b, n)."""
        found = [self._batch(counts) for counts in batches]
        return Draws(
            {name: _joined([f.quantities[name] for f in found]) for name in QUANTITIES},
            {by: np.concatenate([f.groups[by] for f in found]) for by in self.group_means},
            np.concatenate([f.good for f in found]),
            np.concatenate([f.turned for f in found], axis=-1),
            np.concatenate([f.inadmissible for f in found]),
        )

    def _batch(self, counts: Array) -> Draws:
        means, covs = self.sample.resampled(counts)
        mean, cov = np.moveaxis(means, 0, -1)[self.position], np.moveaxis(covs, 0, -1)
        if not np.array_equal(self.position, np.arange(len(cov))):
            cov = cov[np.ix_(self.position, self.position)]
        mean, cov, used = self.climb.up(mean, cov, self.tolerance, self.max_iterations)
        values, coefficients, turned, inadmissible = self._estimate(mean, cov)
        good = np.all([np.isfinite(values[name]).all(axis=0) for name in NEEDED], axis=0)
        groups = {}
        for by, of in self.group_means.items():
            points = self.climb.values(of(counts)[..., self.position], used) - self.result.limits[:, 0]
            points *= coefficients.T[:, None, :]
            groups[by] = np.add.reduceat(points, self.result.plan.starts, axis=-1)
        return Draws({name: v.T for name, v in values.items()}, groups, good, turned, inadmissible)

    def _estimate(self, mean: Array, cov: Array) -> tuple[dict[str, Array], Array, Array, Array]:
        """Estimate a batch; return quantities (k, b), index coefficients (p, b), the constructs turned round (J, b) and what is
        inadmissible (b,). `cov` is overwritten."""
        plan, limits = self.result.plan, self.result.limits
        own = np.arange(len(cov))
        with np.errstate(invalid="ignore"):
            sd = np.sqrt(cov[own, own])
        R = _pls.correlations(cov)
        outer = _pls.iterate(
            R,
            plan,
            self.result.scheme,
            start=self.result.items["weight"].to_numpy(),
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )
        outer, turned = _pls.oriented(outer, plan, _point_loadings(self.result))
        loadings, C, quality = _pls.consistent(outer, R, plan)
        paths, r2 = _pls.path_arrays(C, plan)
        paths[:, ~outer.converged] = np.nan
        total = _pls.total_effects(paths, plan)
        a = _pls.index_coefficients(outer.weights, sd, limits, plan)
        unit = _pls.index_units(a, outer.weights, sd, plan) * quality
        pairs = np.array(effect_pairs(plan)).T
        ends = np.array(plan.paths).T
        low = np.tril_indices(len(C), -1)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = {
                "weights": outer.weights,
                "shares": a * (limits[:, 1] - limits[:, 0])[:, None] / 100,
                "loadings": loadings,
                "paths": paths,
                "paths_unstandardised": paths * unit[ends[1]] / unit[ends[0]],
                "total_effects": total[pairs[0], pairs[1]],
                "total_effects_unstandardised": total[pairs[0], pairs[1]] * unit[pairs[1]] / unit[pairs[0]],
                "r2": r2[_endogenous(plan)],
                "correlations": C[low],
                "htmt": _pls.htmt(R, plan)[low],
                "index": _pls.index_values(a, mean, limits, plan),
                "performance": 100 * (mean - limits[:, :1]) / (limits[:, 1:] - limits[:, :1]),
            }
        return drawn, a, turned, inadmissible_draws(loadings, C, quality, r2, plan)


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _endogenous(plan: Plan) -> list[int]:
    return [j for j, s in enumerate(plan.sources) if len(s)]


def _point_loadings(result: PLSResult) -> Array:
    """Composite loadings of the estimate (not corrected for attenuation), by which draws are oriented."""
    cross = result.cross_loadings.to_numpy()
    return cross[np.arange(len(cross)), result.plan.owner]


def keys(plan: Plan) -> dict[str, pd.DataFrame]:
    """Quantity -> frame that names its numbers, with the columns of `QUANTITIES`."""
    names = np.array(plan.model.names, dtype=object)
    low = np.tril_indices(len(names), -1)
    pairs, ends = np.array(effect_pairs(plan)), np.array(plan.paths)

    def frame(quantity: str, *columns: Array) -> pd.DataFrame:
        return pd.DataFrame(dict(zip(QUANTITIES[quantity], columns, strict=True)))

    items = frame("weights", names[plan.owner], np.array(plan.items, dtype=object))
    paths = frame("paths", names[ends[:, 0]], names[ends[:, 1]])
    effects = frame("total_effects", names[pairs[:, 0]], names[pairs[:, 1]])
    below = frame("correlations", names[low[0]], names[low[1]])
    return {
        "weights": items,
        "shares": items,
        "loadings": items,
        "paths": paths,
        "paths_unstandardised": paths,
        "total_effects": effects,
        "total_effects_unstandardised": effects,
        "r2": frame("r2", names[_endogenous(plan)]),
        "correlations": below,
        "htmt": below,
        "index": frame("index", names),
        "performance": items,
    }


def estimates(result: PLSResult) -> dict[str, Array]:
    """Quantity -> its numbers (k,) in the estimate."""
    low = np.tril_indices(len(result.model.names), -1)
    items, constructs, effects = result.items, result.constructs, result.effects
    frames = {
        "weights": items["weight"],
        "shares": items["share"],
        "loadings": items["loading"],
        "paths": result.paths["estimate"],
        "paths_unstandardised": result.paths["unstandardised"],
        "total_effects": effects["total"],
        "total_effects_unstandardised": effects["total_unstandardised"],
        "r2": constructs["r2"].iloc[_endogenous(result.plan)],
        "index": constructs["index"],
        "performance": items["performance"],
    }
    out = {name: column.to_numpy() for name, column in frames.items()}
    out["correlations"] = result.correlations.to_numpy()[low]
    out["htmt"] = result.htmt.to_numpy()[low]
    return out
