"""Bootstrap of a PLS path model: everything in one batch, groups with pooled weights, and the decomposition of a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.core.model import Model
from csr_lib.stats import _pls
from csr_lib.stats._pls import Plan, Scheme
from csr_lib.stats._pls_checks import Limits
from csr_lib.stats._pls_draws import QUANTITIES as QUANTITIES
from csr_lib.stats._pls_draws import Draws, Engine, estimates, keys
from csr_lib.stats.grouped import GROUPS, GroupedSample, can_be_grouped
from csr_lib.stats.pls import PLSResult
from csr_lib.stats.pls_higher_order import Climb, estimate
from csr_lib.stats.resampling import (
    INTERVALS,
    MOST_FAILED,
    AnySample,
    Interval,
    LeaveOut,
    Seed,
    bca_interval,
    generator,
    group_codes,
    leave_out,
    resample_counts,
    summarise,
)

Array = np.ndarray
Method = Literal["auto", "rows", "groups"]
METHODS = ("auto", "rows", "groups")

#: Rows up to which ``auto`` resamples rows; beyond, random groups of rows.
ROWS_UP_TO = 5000
#: Smallest move of a weight that a jackknife takes for one: leaving out a row moves little.
JACKKNIFE_TOLERANCE = 1e-10
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


@dataclass(frozen=True, eq=False)
class PLSBootstrap:
    """Draws of a path model.

    Attributes
    ----------
    result : the estimate that was resampled.
    sample : what was resampled: the rows, or random groups of them.
    draws : quantity (a key of `QUANTITIES`) -> (B, k), B the draws that worked; `keys` names the k columns.
    keys : quantity -> frame of k rows with the columns of `QUANTITIES`.
    estimates : quantity -> (k,), the same numbers of `result`.
    resamples, n_failed : resamples asked for, and those that did not converge or had singular matrices or values that are not
        finite. They are in none of the draws. Where they are more than half, errors, intervals and p-values are NaN.
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
    sample: AnySample
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
    _engine: Engine = field(repr=False, kw_only=True)
    _strata: Array | None = field(repr=False, kw_only=True)

    @property
    def failed_share(self) -> float:
        """Share of the resamples that failed."""
        return self.n_failed / self.resamples

    @property
    def method(self) -> Literal["rows", "groups"]:
        """What was resampled."""
        return "groups" if isinstance(self.sample, GroupedSample) else "rows"

    @property
    def units(self) -> int:
        """How many rows, or random groups of rows, every resample was drawn from."""
        return self.sample.units

    def summary(self, quantity: str, level: float = 0.95, interval: Interval = "percentile") -> pd.DataFrame:
        """Return a table of a quantity: its keys, ``estimate std_error ci_low ci_high`` and, where 0 is a question, ``p_value``.

        Intervals are ``percentile`` or ``bca``, p-values those of the bootstrap; see `csr_lib.stats.resampling`. The first BCa
        interval makes the jackknife of all quantities, which leaves out one row at a time (of more than 1,000 rows: one of 1,000
        random groups; of a grouped sample one group).
        """
        if quantity not in self.draws:
            raise OptionError([unknown(quantity, self.draws, what="quantity", where="summary")])
        columns = self._columns(
            self.estimates[quantity], self.draws[quantity], level, interval, lambda jackknife: jackknife.quantities[quantity]
        )
        if quantity not in _TESTED:
            columns.pop("p_value")
        return pd.concat([self.keys[quantity], pd.DataFrame(columns)], axis=1)

    def draws_of(self, quantity: str, *key: str) -> Array:
        """Return the draws (B,) of one number, such as ``draws_of("total_effects", "Image", "Loyalty")``."""
        keys = self.keys[quantity]
        at = np.flatnonzero((keys == list(key)).all(axis=1))
        if len(key) != keys.shape[1] or len(at) != 1:
            raise OptionError(f"{quantity} of {', '.join(key)}", where="draws_of", allowed=f"{', '.join(keys.columns)}")
        return self.draws[quantity][:, at[0]]

    def group_summary(self, by: str, level: float = 0.95, interval: Interval = "percentile") -> pd.DataFrame:
        """Return the index of every group: ``group construct estimate std_error ci_low ci_high n``."""
        labels = self._labels(by)
        names = self.result.model.names
        columns = self._columns(
            self.group_estimate[by], self.group_index[by], level, interval, lambda jackknife: jackknife.groups[by]
        )
        frame = pd.DataFrame(
            {"group": np.repeat(np.array(labels, dtype=object), len(names)), "construct": list(names) * len(labels)}
        )
        for name in ("estimate", "std_error", "ci_low", "ci_high"):
            frame[name] = columns[name].ravel()
        frame["n"] = np.repeat(self.group_n[by], len(names))
        return frame

    def group_difference(
        self, by: str, before: Any, after: Any, level: float = 0.95, interval: Interval = "percentile"
    ) -> pd.DataFrame:
        """Return after − before of the index by construct: ``construct estimate std_error ci_low ci_high p_value``."""
        a, b = self._group(by, before), self._group(by, after)
        estimate = self.group_estimate[by][b] - self.group_estimate[by][a]
        index = self.group_index[by]
        columns = self._columns(
            estimate,
            index[:, b] - index[:, a],
            level,
            interval,
            lambda jackknife: jackknife.groups[by][:, b] - jackknife.groups[by][:, a],
        )
        return pd.DataFrame({"construct": list(self.result.model.names), **columns})

    @cached_property
    def _jackknife(self) -> tuple[Draws, LeaveOut]:
        """All quantities with each row (or group) left out; replicates that failed are NaN."""
        left = leave_out(self.sample, strata=self._strata)
        found = replace(self._engine, tolerance=JACKKNIFE_TOLERANCE).draws(left.counts())
        for values in (*found.quantities.values(), *found.groups.values()):
            values[~found.good] = np.nan
        return found, left

    def _columns(
        self, estimate: Array, draws: Array, level: float, interval: Interval, replicates: Callable[[Draws], Array]
    ) -> dict[str, Array]:
        """Columns ``estimate std_error ci_low ci_high p_value``; `replicates` picks the same quantity from the jackknife."""
        if interval not in INTERVALS:
            raise OptionError([unknown(interval, INTERVALS, what="interval", where="interval")])
        if self.failed_share > MOST_FAILED:
            draws = np.full_like(draws, np.nan)
        columns = summarise(estimate, draws, level)
        columns.pop("n_failed")
        if interval == "bca":
            found, left = self._jackknife
            columns["ci_low"], columns["ci_high"] = bca_interval(
                draws, estimate, replicates(found), level, times=left.times, strata=left.strata
            )
        return columns

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
    sample: AnySample,
    model: Model,
    *,
    scheme: Scheme = "path",
    limits: Limits | None = None,
    resamples: int = 5000,
    seed: Seed = None,
    groups: Mapping[str, Any] | None = None,
    strata: str | Any | None = None,
    method: Method = "auto",
    random_groups: int = GROUPS,
    tolerance: float = 1e-7,
    max_iterations: int = 300,
) -> PLSBootstrap:
    """Estimate a path model and resample it.

    Parameters
    ----------
    sample : the answers to at least the model's items, from `csr_lib.stats.moments.sample`; or random groups of them, from
        `Sample.grouped`.
    model, scheme, limits : as for `csr_lib.stats.pls.pls`. With higher-order constructs every resample goes through all stages;
        draws are those of the last, in which parts stand as items of their wholes.
    resamples, seed : number of resamples; a seed or generator (the same seed gives the same draws).
    groups : grouping -> labels of the N rows that were handed to `sample` (None or NaN: in no group); for each, the index of
        every group with the outer weights of the whole sample.
    strata : a key of `groups`, or labels of the N rows: resampling keeps the number of rows in every stratum. Use it for waves.
    method : ``rows`` are resampled, or random ``groups`` of rows (`csr_lib.stats.grouped`), whose cost hardly depends on the
        number of rows; ``auto`` resamples rows up to 5,000 of them, or where groups are not possible.
    random_groups : how many groups ``groups`` forms.
    tolerance, max_iterations : of the algorithm in a draw, which starts from the estimate's weights: no weight would move by
        `tolerance` in a next iteration. A draw's weights are within a few times `tolerance` of their limits.

    Raises
    ------
    AnalysisError
        What `pls` raises, or no draw that works.
    OptionError
        An unknown method; rows, or strata, of a sample that is in groups already; what `csr_lib.stats.grouped` refuses.

    Notes
    -----
    Efron and Tibshirani (1993). Case weights stay with their rows (sampling) or are the probabilities of being drawn (frequency).
    Chunks of resamples go through moments, algorithm and criteria as whole arrays; there is no loop over resamples.
    """
    result, climb = estimate(sample.moments(), model, scheme, limits)
    coded = {by: group_codes(labels, sample.kept) for by, labels in (groups or {}).items()}
    layers = _layers(strata, coded, sample)
    rng = generator(seed)
    sample, layers = _resampled(sample, method, random_groups, rng, layers)
    codes = {by: code for by, (code, _) in coded.items()}
    engine = Engine.of(sample, result, climb, codes, tolerance, max_iterations)
    found = engine.draws(resample_counts(sample, resamples, rng, strata=layers))
    good = found.good
    if not good.any():
        raise AnalysisError(
            f"none of the {resamples} resamples could be estimated",
            where="bootstrap",
            mend="collect more answers, or look for items that hardly vary",
        )
    rows = sample.rows if isinstance(sample, GroupedSample) else sample
    return PLSBootstrap(
        result,
        sample,
        {name: values if good.all() else values[good] for name, values in found.quantities.items()},
        keys(result.plan),
        estimates(result),
        resamples,
        int((~good).sum()),
        dict(zip(result.model.names, found.turned[:, good].sum(axis=1).tolist(), strict=True)),
        climb,
        int(found.inadmissible[good].sum()),
        {by: labels for by, (_, labels) in coded.items()},
        {by: np.bincount(code[code >= 0], rows.base[code >= 0]) for by, code in codes.items()},
        engine.group_estimates(),
        {by: values[good] for by, values in found.groups.items()},
        _engine=engine,
        _strata=layers,
    )


def _layers(strata: str | Any | None, coded: Mapping[str, tuple[Array, Any]], sample: AnySample) -> Array | None:
    """Stratum of every row, (n,)."""
    if strata is None:
        return None
    if not isinstance(strata, str):
        return group_codes(strata, sample.kept)[0]
    if strata not in coded:
        raise OptionError([unknown(strata, coded, what="grouping", where="strata")])
    return coded[strata][0]


def _resampled(
    sample: AnySample, method: Method, random_groups: int, rng: np.random.Generator, layers: Array | None
) -> tuple[AnySample, Array | None]:
    """What is resampled, and the strata that its rows are drawn within (groups know theirs)."""
    if method not in METHODS:
        raise OptionError([unknown(method, METHODS, what="method", where="method")])
    if isinstance(sample, GroupedSample):
        if method == "rows":
            raise OptionError(
                "the sample is in groups already", where="method", allowed="auto, groups", mend="hand in the Sample"
            )
        return sample, layers
    if method == "groups" or (method == "auto" and sample.units > ROWS_UP_TO and can_be_grouped(sample)):
        return sample.grouped(random_groups, seed=rng, strata=layers), None
    return sample, layers


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
    bootstrap: PLSBootstrap,
    by: str,
    before: Any,
    after: Any,
    target: str | None = None,
    level: float = 0.95,
    interval: Interval = "percentile",
) -> pd.DataFrame:
    """Decompose the change of the target's index between two groups (waves) over its drivers.

    Parameters
    ----------
    by, before, after : grouping of the bootstrap and two of its labels.
    target : a construct; by default the model's target.
    level, interval : as for `PLSBootstrap.summary`.

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

    def contributions(paths: Array, index: Array) -> Array:
        return change_contributions(paths, index[:, b] - index[:, a], result.plan, target)[1][:, rows]

    names = result.model.names
    rows = [names.index(n) for n in (*result.model.ancestors(target), target)]
    effects = result.effects[result.effects["target"] == target].set_index("source")["total_unstandardised"]
    columns = bootstrap._columns(
        parts[rows],
        contributions(bootstrap.draws["paths_unstandardised"], bootstrap.group_index[by]),
        level,
        interval,
        lambda jackknife: contributions(jackknife.quantities["paths_unstandardised"], jackknife.groups[by]),
    )
    return pd.DataFrame(
        {
            "construct": [names[j] for j in rows],
            "change": change[rows],
            "shift": shifts[rows],
            "effect": [*(float(effects[names[j]]) for j in rows[:-1]), 1.0],
            **columns,
        }
    )
