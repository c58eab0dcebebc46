"""Bootstrap of a PLS path model: everything in one batch, groups with pooled weights, and the decomposition of a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.core.model import Model
from csr_lib.stats import _pls
from csr_lib.stats._pls import Plan, Scheme
from csr_lib.stats._pls_checks import Limits
from csr_lib.stats.moments import Sample
from csr_lib.stats.pls import PLSResult, effect_pairs, inadmissible_draws
from csr_lib.stats.pls_higher_order import Climb, estimate
from csr_lib.stats.resampling import Seed, group_codes, resample_counts, summarise

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
#: Quantities for which "is it 0?" is a question.
_TESTED = {
    "weights",
    "loadings",
    "paths",
    "paths_unstandardised",
    "total_effects",
    "total_effects_unstandardised",
    "correlations",
}
#: A draw failed when one of these is not finite.
_NEEDED = ("weights", "loadings", "paths", "total_effects", "r2")


@dataclass(frozen=True, eq=False)
class PLSBootstrap:
    """Draws of a path model.

    Attributes
    ----------
    result : the estimate that was resampled.
    draws : quantity (a key of `QUANTITIES`) -> (B, k), B the draws that worked; `keys` names the k columns.
    keys : quantity -> frame of k rows with the columns of `QUANTITIES`.
    estimates : quantity -> (k,), the same numbers of `result`.
    resamples, n_failed : resamples asked for, and those that did not converge or had singular matrices or values that are not
        finite. They are in none of the draws.
    climb : what leads from the sample's columns to the items of `result`; trivial without higher-order constructs.
    n_inadmissible : draws, among those that worked, that no population could have (see `PLSResult.inadmissible`; last stage).
        They are kept: leaving them out would bend the intervals. Many of them say that the model asks too much of the data.
    flips : construct -> how many draws were turned round by the sign policy.
    groups : grouping -> its labels.
    group_n : grouping -> (G,) rows of the sample in each group (Σw for frequency weights).
    group_estimate, group_index : grouping -> (G, J) and (B, G, J), index 0–100 of the groups' item means by the pooled weights.

    Notes
    -----
    Sign policy: in every draw each construct is oriented so that Σ loading·(loading of the estimate) over its items is positive;
    items keep their signs relative to their construct.
    """

    result: PLSResult
    draws: Mapping[str, Array]
    keys: Mapping[str, pd.DataFrame]
    estimates: Mapping[str, Array]
    resamples: int
    n_failed: int
    flips: Mapping[str, int]
    climb: Climb
    n_inadmissible: int = 0
    groups: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    group_n: Mapping[str, Array] = field(default_factory=dict)
    group_estimate: Mapping[str, Array] = field(default_factory=dict)
    group_index: Mapping[str, Array] = field(default_factory=dict)

    @property
    def failed_share(self) -> float:
        """Share of the resamples that failed."""
        return self.n_failed / self.resamples

    def summary(self, quantity: str, level: float = 0.95) -> pd.DataFrame:
        """Return a table of a quantity: its keys, ``estimate std_error ci_low ci_high`` and, where 0 is a question, ``p_value``.

        Percentile intervals and bootstrap p-values of `csr_lib.stats.resampling`.
        """
        if quantity not in self.draws:
            raise OptionError([unknown(quantity, self.draws, what="quantity", where="summary")])
        columns = summarise(self.estimates[quantity], self.draws[quantity], level)
        if quantity not in _TESTED:
            columns.pop("p_value")
        columns.pop("n_failed")
        return pd.concat([self.keys[quantity], pd.DataFrame(columns)], axis=1)

    def draws_of(self, quantity: str, *key: str) -> Array:
        """Return the draws (B,) of one number, such as ``draws_of("total_effects", "Image", "Loyalty")``."""
        keys = self.keys[quantity]
        at = np.flatnonzero((keys == list(key)).all(axis=1))
        if len(key) != keys.shape[1] or len(at) != 1:
            raise OptionError(f"{quantity} of {', '.join(key)}", where="draws_of", allowed=f"{', '.join(keys.columns)}")
        return self.draws[quantity][:, at[0]]

    def group_summary(self, by: str, level: float = 0.95) -> pd.DataFrame:
        """Return the index of every group: ``group construct estimate std_error ci_low ci_high n``."""
        labels = self._labels(by)
        names = self.result.model.names
        flat = self.group_index[by].reshape(len(self.group_index[by]), -1)
        columns = summarise(self.group_estimate[by].ravel(), flat, level)
        frame = pd.DataFrame(
            {"group": np.repeat(np.array(labels, dtype=object), len(names)), "construct": list(names) * len(labels)}
        )
        for name in ("estimate", "std_error", "ci_low", "ci_high"):
            frame[name] = columns[name]
        frame["n"] = np.repeat(self.group_n[by], len(names))
        return frame

    def group_difference(self, by: str, before: Any, after: Any, level: float = 0.95) -> pd.DataFrame:
        """Return after − before of the index by construct: ``construct estimate std_error ci_low ci_high p_value``."""
        a, b = self._group(by, before), self._group(by, after)
        estimate = self.group_estimate[by][b] - self.group_estimate[by][a]
        columns = summarise(estimate, self.group_index[by][:, b] - self.group_index[by][:, a], level)
        columns.pop("n_failed")
        return pd.DataFrame({"construct": list(self.result.model.names), **columns})

    def _labels(self, by: str) -> tuple[Any, ...]:
        if by not in self.groups:
            raise OptionError([unknown(by, self.groups, what="grouping", where="by")])
        return self.groups[by]

    def _group(self, by: str, label: Any) -> int:
        labels = self._labels(by)
        if label not in labels:
            raise OptionError([unknown(label, labels, what="group", where=by)])
        return labels.index(label)


def pls_bootstrap(
    sample: Sample,
    model: Model,
    *,
    scheme: Scheme = "path",
    limits: Limits | None = None,
    resamples: int = 5000,
    seed: Seed = None,
    groups: Mapping[str, Any] | None = None,
    strata: str | Any | None = None,
    tolerance: float = 1e-7,
    max_iterations: int = 300,
) -> PLSBootstrap:
    """Estimate a path model and resample it.

    Parameters
    ----------
    sample : the answers to at least the model's items, from `csr_lib.stats.moments.sample`.
    model, scheme, limits : as for `csr_lib.stats.pls.pls`. With higher-order constructs every resample goes through all stages;
        draws are those of the last, in which parts stand as items of their wholes.
    resamples, seed : number of resamples; a seed or generator (the same seed gives the same draws).
    groups : grouping -> labels of the N rows that were handed to `sample` (None or NaN: in no group); for each, the index of
        every group with the outer weights of the whole sample.
    strata : a key of `groups`, or labels of the N rows: resampling keeps the number of rows in every stratum. Use it for waves.
    tolerance, max_iterations : of the algorithm in a draw; it starts from the estimate's weights.

    Raises
    ------
    AnalysisError
        What `pls` raises, or no draw that works.

    Notes
    -----
    Efron and Tibshirani (1993). Case weights stay with their rows (sampling) or are the probabilities of being drawn (frequency).
    Chunks of resamples go through moments, algorithm and criteria as whole arrays; there is no loop over resamples.
    """
    result, climb = estimate(sample.moments(), model, scheme, limits)
    plan = result.plan
    position = [sample.columns.index(item) for item in climb.items]
    codes = {by: group_codes(labels, sample.kept) for by, labels in (groups or {}).items()}
    layers = None
    if strata is not None:
        if isinstance(strata, str) and strata not in codes:
            raise OptionError([unknown(strata, codes, what="grouping", where="strata")])
        layers = codes[strata][0] if isinstance(strata, str) else group_codes(strata, sample.kept)[0]
    start = result.items["weight"].to_numpy()
    parts: dict[str, list[Array]] = {name: [] for name in QUANTITIES}
    group_parts: dict[str, list[Array]] = {by: [] for by in codes}
    reference = _point_loadings(result)
    flips = np.zeros(len(plan.blocks), dtype=int)
    failed = inadmissible = 0
    for counts in resample_counts(sample, resamples, seed, strata=layers):
        means, covs = sample.resampled(counts)
        mean = np.moveaxis(means, 0, -1)[position]
        cov = np.moveaxis(covs, 0, -1)
        if position != list(range(len(sample.columns))):
            cov = cov[np.ix_(position, position)]
        mean, cov, used = climb.up(mean, cov, tolerance, max_iterations)
        drawn, coefficients, turned, bad = _draw(
            mean, cov, plan, scheme, start, reference, result.limits, tolerance, max_iterations
        )
        good = np.all([np.isfinite(drawn[name]).all(axis=0) for name in _NEEDED], axis=0)
        failed += int((~good).sum())
        flips += turned[:, good].sum(axis=1)
        inadmissible += int(bad[good].sum())
        for name, values in drawn.items():
            parts[name].append((values if good.all() else values[:, good]).T)
        for by, (code, _) in codes.items():
            group_means = climb.values(sample.group_means(code, counts)[..., position], used)[good]
            points = (group_means - result.limits[:, 0]) * coefficients.T[good][:, None, :]
            group_parts[by].append(np.add.reduceat(points, plan.starts, axis=-1))
    if failed == resamples:
        raise AnalysisError(
            f"none of the {resamples} resamples could be estimated",
            where="bootstrap",
            mend="collect more answers, or look for items that hardly vary",
        )
    estimates = _estimates(result)
    base = {
        by: climb.values(sample.group_means(code)[None][..., position], climb.coefficients)[0] for by, (code, _) in codes.items()
    }
    weight = sample.weights if sample.kind == "frequency" else np.ones(len(sample.weights))
    return PLSBootstrap(
        result,
        {name: np.concatenate(chunks) for name, chunks in parts.items()},
        _keys(plan),
        estimates,
        resamples,
        failed,
        dict(zip(result.model.names, flips.tolist(), strict=True)),
        climb,
        inadmissible,
        {by: labels for by, (_, labels) in codes.items()},
        {by: np.bincount(code[code >= 0], weight[code >= 0]) for by, (code, _) in codes.items()},
        {by: result.index_of(values) for by, values in base.items()},
        {by: np.concatenate(chunks) for by, chunks in group_parts.items()},
    )


def _draw(
    mean: Array,
    cov: Array,
    plan: Plan,
    scheme: Scheme,
    start: Array,
    reference: Array,
    limits: Array,
    tolerance: float,
    max_iterations: int,
) -> tuple[dict[str, Array], Array, Array, Array]:
    """Estimate a chunk; return quantities (k, b), index coefficients (p, b), the constructs turned round (J, b) and what is
    inadmissible (b,)."""
    own = np.arange(len(cov))
    with np.errstate(invalid="ignore"):
        sd = np.sqrt(cov[own, own])
    R = _pls.correlations(cov)
    outer = _pls.iterate(R, plan, scheme, start=start, tolerance=tolerance, max_iterations=max_iterations)
    outer, turned = _pls.oriented(outer, plan, reference)
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


def _endogenous(plan: Plan) -> list[int]:
    return [j for j, s in enumerate(plan.sources) if len(s)]


def _point_loadings(result: PLSResult) -> Array:
    """Composite loadings of the estimate (not corrected for attenuation), by which draws are oriented."""
    cross = result.cross_loadings.to_numpy()
    return cross[np.arange(len(cross)), result.plan.owner]


def _keys(plan: Plan) -> dict[str, pd.DataFrame]:
    names = np.array(plan.model.names, dtype=object)
    low = np.tril_indices(len(names), -1)
    pairs = np.array(effect_pairs(plan))
    ends = np.array(plan.paths)
    rows: dict[str, list[Any]] = {
        "construct item": [names[plan.owner], np.array(plan.items, dtype=object)],
        "paths": [names[ends[:, 0]], names[ends[:, 1]]],
        "total": [names[pairs[:, 0]], names[pairs[:, 1]]],
        "low": [names[low[0]], names[low[1]]],
    }
    which = {
        "paths": "paths",
        "paths_unstandardised": "paths",
        "total_effects": "total",
        "total_effects_unstandardised": "total",
        "correlations": "low",
        "htmt": "low",
    }
    out = {}
    for name, columns in QUANTITIES.items():
        if columns == ("construct",):
            values = [names[_endogenous(plan)] if name == "r2" else names]
        else:
            values = rows[which.get(name, "construct item")]
        out[name] = pd.DataFrame(dict(zip(columns, values, strict=True)))
    return out


def _estimates(result: PLSResult) -> dict[str, Array]:
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


def change_contributions(paths: Array, change: Array, plan: Plan, target: str) -> tuple[Array, Array]:
    """Split a change of the target's index into what each construct brought about of itself.

    Parameters
    ----------
    paths : (…, P) unstandardised path coefficients in the order of the model's paths.
    change : (…, J) change of every construct's index.

    Returns
    -------
    shifts (…, J), δ_k = ΔX_k − Σ b·ΔX_sources: what the construct moved that its sources do not explain; and contributions
    (…, J), total effect of k on the target times δ_k (the target's own total effect on itself is 1). Contributions sum to the
    target's change exactly.
    """
    paths, change = np.asarray(paths, dtype=float), np.asarray(change, dtype=float)
    t = plan.model.names.index(target)
    shifts = change.copy()
    for k, (source, end) in enumerate(plan.paths):
        shifts[..., end] -= paths[..., k] * change[..., source]
    flat = paths.reshape(-1, paths.shape[-1]).T
    effects = _pls.total_effects(flat, plan)[:, t]
    effects[t] = 1.0
    return shifts, effects.T.reshape(*paths.shape[:-1], len(plan.blocks)) * shifts


def decompose_change(
    bootstrap: PLSBootstrap, by: str, before: Any, after: Any, target: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Decompose the change of the target's index between two groups (waves) over its drivers.

    Parameters
    ----------
    by, before, after : grouping of the bootstrap and two of its labels.
    target : a construct; by default the model's target.

    Returns
    -------
    One row per construct that leads to the target, the target itself last: ``construct change shift effect estimate std_error
    ci_low ci_high p_value``. ``change`` of its index; ``shift``, the part that its sources do not explain; ``effect``, points of
    the target per point (unstandardised total effect); ``estimate`` = effect × shift, the contribution in index points. The
    contributions sum to the target's change exactly, in the estimate and in every draw.

    Notes
    -----
    ΔT = Σ_k TE(k→T)·δ_k with δ_k = ΔX_k − Σ_s b(s→k)·ΔX_s and TE(T→T) = 1, an identity for any path coefficients: solve
    ΔX = BᵀΔX + δ. The paths are those of the pooled sample. The target's own row is what its drivers do not explain.
    """
    result = bootstrap.result
    target = target or result.model.target
    if target not in result.model.names:
        raise OptionError([unknown(target, result.model.names, what="construct", where="target")])
    a, b = bootstrap._group(by, before), bootstrap._group(by, after)
    change = bootstrap.group_estimate[by][b] - bootstrap.group_estimate[by][a]
    shifts, parts = change_contributions(bootstrap.estimates["paths_unstandardised"], change, result.plan, target)
    drawn = bootstrap.group_index[by][:, b] - bootstrap.group_index[by][:, a]
    _, draws = change_contributions(bootstrap.draws["paths_unstandardised"], drawn, result.plan, target)
    names = result.model.names
    rows = [names.index(n) for n in (*result.model.ancestors(target), target)]
    effects = result.effects[result.effects["target"] == target].set_index("source")["total_unstandardised"]
    columns = summarise(parts[rows], draws[:, rows], level)
    columns.pop("n_failed")
    return pd.DataFrame(
        {
            "construct": [names[j] for j in rows],
            "change": change[rows],
            "shift": shifts[rows],
            "effect": [*(float(effects[names[j]]) for j in rows[:-1]), 1.0],
            **columns,
        }
    )
