"""Bootstrap of derived importance: intervals of each method, of the ranks and of the differences between predictors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.stats.importance import (
    LMG_EXACT,
    METHODS,
    SHARES_OF_R2,
    Importance,
    chosen_predictors,
    importance,
    importance_draws,
)
from csr_lib.stats.resampling import AnySample, Seed, bca_interval, holm, leave_out, resample_counts, summarise

Array = np.ndarray
Interval = Literal["percentile", "bca"]


@dataclass(frozen=True, eq=False)
class ImportanceBootstrap:
    """Draws of derived importance.

    Attributes
    ----------
    sample, result : the answers, and the estimate that was resampled.
    draws : quantity -> (B, k), columns in the order of ``result.table``; a failed draw is a row of NaN. Quantities are the
        methods asked for and, of methods that divide R², the shares of it, ``relative_weights_share`` and ``lmg_share``.
    methods, resamples : as asked for.
    orders : sampled orders of the predictors in each draw of LMG; 0 where all orders were averaged.
    """

    sample: AnySample
    result: Importance
    draws: Mapping[str, Array]
    methods: tuple[str, ...]
    resamples: int
    orders: int

    @property
    def n_failed(self) -> Mapping[str, int]:
        """Draws of each quantity with a constant column or dependent predictors, left out of every interval."""
        return {name: int((~np.isfinite(values).all(axis=1)).sum()) for name, values in self.draws.items()}

    def summary(self, level: float = 0.95, interval: Interval = "percentile") -> pd.DataFrame:
        """Return every quantity: ``method item direction estimate std_error ci_low ci_high p_value n_failed``.

        ``p_value`` asks whether the quantity is 0 and is NaN for parts of R², which never are: compare them with each other
        (`differences`), or ask the coefficient. ``direction`` is that of `Importance.table`. Intervals are those of
        `csr_lib.stats.resampling`: ``percentile``, or ``bca``. For parts of R² the percentile interval is the one to use: of
        fewer than a thousand respondents BCa holds the truth too rarely where the part is small (tests/coverage).
        """
        table = self.result.table
        parts = {name: self._summarised(name, np.eye(len(table)), level, interval) for name in self.draws}
        for name in parts:
            if name.removesuffix("_share") in SHARES_OF_R2:
                parts[name]["p_value"] = np.full(len(table), np.nan)
        return pd.DataFrame(
            {
                "method": np.repeat(list(parts), len(table)),
                "item": np.tile(table["item"], len(parts)),
                "direction": np.tile(table["direction"], len(parts)),
                **{c: np.concatenate([part[c] for part in parts.values()]) for c in next(iter(parts.values()))},
            }
        )

    def ranks(self, method: str, level: float = 0.95) -> pd.DataFrame:
        """Return how firmly the predictors are ranked by a method, 1 the most important: ``item rank ci_low ci_high share``.

        Measures with a sign are ranked by their size without it. The interval holds whole ranks (the percentiles of the draws'
        ranks, rounded outwards); ``share`` is that of the draws with the same rank as the estimate. NaN where the draws are too
        few for an interval.
        """
        values = self._known(method)
        values = values[np.isfinite(values).all(axis=1)]
        rank = _ranks(self._estimate(method)[None])[0]
        table = pd.DataFrame({"item": self.result.table["item"], "rank": rank})
        enough = len(values) >= max(20, self.resamples / 2)
        drawn = _ranks(values).astype(float) if enough else np.full((1, len(rank)), np.nan)
        tail = (1 - level) / 2
        table["ci_low"] = np.quantile(drawn, tail, axis=0, method="lower")
        table["ci_high"] = np.quantile(drawn, 1 - tail, axis=0, method="higher")
        table["share"] = (drawn == rank).mean(axis=0) if enough else np.nan
        return table

    def differences(self, method: str, level: float = 0.95, interval: Interval = "percentile") -> pd.DataFrame:
        """Return item − other for every pair: ``item other estimate std_error ci_low ci_high p_value p_adjusted`` (Holm)."""
        self._known(method)
        i, j = np.triu_indices(len(self.result.table), 1)
        names = self.result.table["item"].to_numpy()
        contrast = np.zeros((len(names), len(i)))
        contrast[i, np.arange(len(i))], contrast[j, np.arange(len(i))] = 1, -1
        columns = self._summarised(method, contrast, level, interval)
        columns.pop("n_failed")
        return pd.DataFrame({"item": names[i], "other": names[j], **columns, "p_adjusted": holm(columns["p_value"])})

    def _summarised(self, quantity: str, contrast: Array, level: float, interval: Interval) -> dict[str, Array]:
        """Columns of a table for linear combinations (k, c) of a quantity's parts."""
        if interval not in ("percentile", "bca"):
            raise OptionError([unknown(interval, ("percentile", "bca"), what="interval", where="interval")])
        estimate, values = self._estimate(quantity) @ contrast, self.draws[quantity] @ contrast
        columns = summarise(estimate, values, level)
        if interval == "bca":
            jackknife, times, strata = self._jackknife
            columns["ci_low"], columns["ci_high"] = bca_interval(
                values, estimate, jackknife[quantity] @ contrast, level, times=times, strata=strata
            )
        return columns

    @cached_property
    def _jackknife(self) -> tuple[dict[str, Array], Array, Array]:
        """Every quantity with rows left out, how often each replicate counts, and its stratum."""
        left = leave_out(self.sample)
        return _measured(self.sample, self.result, self.methods, self.orders, left.counts()), left.times, left.strata

    def _estimate(self, quantity: str) -> Array:
        return self.result.table[quantity].to_numpy(dtype=float)

    def _known(self, quantity: str) -> Array:
        if quantity not in self.draws:
            raise OptionError([unknown(quantity, self.draws, what="quantity", where="importance_bootstrap")])
        return self.draws[quantity]


def importance_bootstrap(
    sample: AnySample,
    outcome: str,
    predictors: Sequence[str] | None = None,
    *,
    methods: Sequence[str] = SHARES_OF_R2,
    resamples: int = 2000,
    orders: int = 200,
    seed: Seed = None,
) -> ImportanceBootstrap:
    """Estimate derived importance by several methods and resample all of them together.

    Parameters
    ----------
    sample : the answers, from `csr_lib.stats.moments.sample`, or their random groups (`Sample.grouped`).
    outcome, predictors : as for `csr_lib.stats.importance.importance`.
    methods : of `csr_lib.stats.importance.METHODS`.
    resamples, seed : number of resamples; a seed or generator.
    orders : orders (and as many reverses) of the predictors in each draw of LMG, beyond `LMG_EXACT` predictors.

    Raises
    ------
    OptionError
        An unknown method, no method, what `importance` raises.
    AnalysisError
        What `importance` raises, or no draw that works.

    Notes
    -----
    Efron and Tibshirani (1993); for relative weights Tonidandel, LeBreton and Johnson (2009). Sampled orders are the same in
    every draw, and the draws are moved by what these orders miss at the estimate, so that the interval is about the estimate and
    not about the orders.
    """
    wrong = [unknown(m, METHODS, what="derived importance", where="methods") for m in methods if m not in METHODS]
    if wrong or not methods:
        raise OptionError(wrong or "there are no methods", where="methods", allowed=", ".join(METHODS))
    names = chosen_predictors(sample.columns, outcome, predictors)
    result = importance(sample.moments(), outcome, names)
    used = 0 if len(names) <= LMG_EXACT else orders
    draws = _measured(sample, result, methods, used, resample_counts(sample, resamples, seed))
    for method in methods:
        if not np.isfinite(draws[method]).all(axis=1).any():
            raise AnalysisError(
                f"none of the {resamples} resamples could be estimated",
                where=f"importance for {outcome}",
                mend="collect more answers, or look for predictors that hardly vary",
            )
    return ImportanceBootstrap(sample, result, draws, tuple(methods), resamples, used)


def _measured(
    sample: AnySample, result: Importance, methods: Sequence[str], orders: int, drawn: Iterable[Array]
) -> dict[str, Array]:
    """Return every quantity (B, k) of the resamples with these counts of rows."""
    at = [sample.columns.index(name) for name in (*result.table["item"], result.outcome)]
    missed: Array | float = 0.0
    if orders and "lmg" in methods:
        cov = sample.moments().cov[np.ix_(at, at)]
        missed = result.table["lmg"].to_numpy() - importance_draws(cov[None], "lmg", orders=orders)[0]
    parts: dict[str, list[Array]] = {method: [] for method in methods}
    for counts in drawn:
        covs = sample.resampled(counts)[1][:, at][:, :, at]
        for method in methods:
            values = importance_draws(covs, method, orders=orders or 1)
            parts[method].append(values + missed if method == "lmg" else values)
    out: dict[str, Array] = {}
    for method in methods:
        out[method] = np.concatenate(parts[method])
        if method in SHARES_OF_R2:
            out[f"{method}_share"] = out[method] / out[method].sum(axis=1, keepdims=True)
    return out


def _ranks(values: Array) -> Array:
    """Ranks over the last axis, 1 for the largest size; (B, k) integers, equal sizes in the order of the predictors."""
    order = np.argsort(-np.abs(values), axis=-1, kind="stable")
    ranks = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(1, values.shape[-1] + 1), values.shape), axis=-1)
    return ranks
