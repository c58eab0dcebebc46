"""Bootstrap of derived importance: intervals of each method, of the ranks and of the differences between predictors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from csr_lib.stats.moments import Sample
from csr_lib.stats.resampling import Seed, holm, resample_counts, summarise

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class ImportanceBootstrap:
    """Draws of derived importance.

    Attributes
    ----------
    result : the estimate that was resampled.
    draws : quantity -> (B, k), columns in the order of ``result.table``; a failed draw is a row of NaN. Quantities are the
        methods asked for and, of methods that divide R², the shares of it, ``relative_weights_share`` and ``lmg_share``.
    resamples : B.
    orders : sampled orders of the predictors in each draw of LMG; 0 where all orders were averaged.
    """

    result: Importance
    draws: Mapping[str, Array]
    resamples: int
    orders: int

    @property
    def n_failed(self) -> Mapping[str, int]:
        """Draws of each quantity with a constant column or dependent predictors, left out of every interval."""
        return {name: int((~np.isfinite(values).all(axis=1)).sum()) for name, values in self.draws.items()}

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Return every quantity: ``method item direction estimate std_error ci_low ci_high p_value n_failed``.

        Percentile intervals. ``p_value`` asks whether the quantity is 0 and is NaN for parts of R², which never are: compare them
        with each other (`differences`), or ask the coefficient. ``direction`` is that of `Importance.table`.
        """
        parts = []
        for name, values in self.draws.items():
            columns = summarise(self._estimate(name), values, level)
            if name.removesuffix("_share") in SHARES_OF_R2:
                columns["p_value"] = np.full(values.shape[1], np.nan)
            parts.append(pd.DataFrame({"method": name, **self.result.table[["item", "direction"]], **columns}))
        return pd.concat(parts, ignore_index=True)

    def ranks(self, method: str, level: float = 0.95) -> pd.DataFrame:
        """Return how firmly the predictors are ranked by a method, 1 the most important: ``item rank ci_low ci_high share``.

        Measures with a sign are ranked by their size without it. The interval holds whole ranks (the percentiles of the draws'
        ranks, rounded outwards); ``share`` is that of the draws with the same rank as the estimate.
        """
        values = self._draws(method)
        values = values[np.isfinite(values).all(axis=1)]
        rank = _ranks(self._estimate(method)[None])[0]
        nothing = np.full(len(rank), np.nan)
        table = pd.DataFrame(
            {"item": self.result.table["item"], "rank": rank, "ci_low": nothing, "ci_high": nothing, "share": nothing}
        )
        if len(values) >= max(20, self.resamples / 2):
            drawn = _ranks(values)
            tail = (1 - level) / 2
            table["ci_low"] = np.quantile(drawn, tail, axis=0, method="lower")
            table["ci_high"] = np.quantile(drawn, 1 - tail, axis=0, method="higher")
            table["share"] = (drawn == rank).mean(axis=0)
        return table

    def differences(self, method: str, level: float = 0.95) -> pd.DataFrame:
        """Return item − other for every pair: ``item other estimate std_error ci_low ci_high p_value p_adjusted`` (Holm)."""
        i, j = np.triu_indices(len(self.result.table), 1)
        names = self.result.table["item"].to_numpy()
        values, estimate = self._draws(method), self._estimate(method)
        columns = summarise(estimate[i] - estimate[j], values[:, i] - values[:, j], level)
        columns.pop("n_failed")
        return pd.DataFrame({"item": names[i], "other": names[j], **columns, "p_adjusted": holm(columns["p_value"])})

    def _estimate(self, quantity: str) -> Array:
        return self.result.table[quantity].to_numpy(dtype=float)

    def _draws(self, quantity: str) -> Array:
        if quantity not in self.draws:
            raise OptionError([unknown(quantity, self.draws, what="quantity", where="importance_bootstrap")])
        return self.draws[quantity]


def importance_bootstrap(
    sample: Sample,
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
    sample : the answers, from `csr_lib.stats.moments.sample`.
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
    if not methods:
        raise OptionError("there are no methods", where="methods", allowed=", ".join(METHODS))
    wrong = [unknown(m, METHODS, what="derived importance", where="methods") for m in methods if m not in METHODS]
    if wrong:
        raise OptionError(wrong)
    names = chosen_predictors(sample.columns, outcome, predictors)
    moments = sample.moments()
    result = importance(moments, outcome, names)
    at = [sample.columns.index(name) for name in (*names, outcome)]
    exact = len(names) <= LMG_EXACT
    missed = 0.0
    if "lmg" in methods and not exact:
        few = importance_draws(moments.take([*names, outcome]).cov[None], "lmg", orders=orders)[0]
        missed = result.table["lmg"].to_numpy() - few
    parts: dict[str, list[Array]] = {method: [] for method in methods}
    for counts in resample_counts(sample, resamples, seed):
        covs = sample.resampled(counts)[1][:, at][:, :, at]
        for method in methods:
            values = importance_draws(covs, method, orders=orders)
            parts[method].append(values + missed if method == "lmg" else values)
    draws: dict[str, Array] = {}
    for method in methods:
        draws[method] = np.concatenate(parts[method])
        if not np.isfinite(draws[method]).all(axis=1).any():
            raise AnalysisError(
                f"none of the {resamples} resamples could be estimated",
                where=f"importance for {outcome}",
                mend="collect more answers, or look for predictors that hardly vary",
            )
        if method in SHARES_OF_R2:
            draws[f"{method}_share"] = draws[method] / draws[method].sum(axis=1, keepdims=True)
    return ImportanceBootstrap(result, draws, resamples, 0 if exact else orders)


def _ranks(values: Array) -> Array:
    """Ranks over the last axis, 1 for the largest size; (B, k) integers, equal sizes in the order of the predictors."""
    order = np.argsort(-np.abs(values), axis=-1, kind="stable")
    ranks = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(1, values.shape[-1] + 1), values.shape), axis=-1)
    return ranks
