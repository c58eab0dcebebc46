"""Bootstrap of alpha, omega and their relatives: for case weights, for answers far from normal, for differences of scales."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.stats.omega import omega_of
from csr_lib.stats.reliability import alpha_of, lambda6_of, reliability
from csr_lib.stats.resampling import AnySample, Seed, bca_interval, leave_out, resample_counts, summarise

Array = np.ndarray
Interval = Literal["percentile", "bca"]
#: What is resampled, in the order of the columns of the draws.
QUANTITIES = ("alpha", "standardised", "lambda6", "mean_correlation", "omega")


@dataclass(frozen=True, eq=False)
class ReliabilityBootstrap:
    """Draws of the reliability of some scales, all from the same resamples.

    Attributes
    ----------
    scales : name of the scale -> its items.
    estimates : scale -> (5,), the quantities `QUANTITIES` of the answers as they are.
    draws : scale -> (B, 5). A draw that could not be estimated is NaN: omega of fewer than three items or without a solution, λ6
        of items that depend on each other, everything where an item is constant.
    """

    sample: AnySample
    scales: Mapping[str, tuple[str, ...]]
    estimates: Mapping[str, Array]
    draws: Mapping[str, Array]
    strata: Array | None

    def summary(self, level: float = 0.95, interval: Interval = "bca") -> pd.DataFrame:
        """Return ``scale quantity estimate std_error ci_low ci_high n_failed``.

        Intervals are those of `csr_lib.stats.resampling`: ``bca``, or ``percentile``, which is too low where the reliability is
        high. ``n_failed`` counts draws left out; where more than half failed there is no interval (NaN).
        """
        return self._table(
            [(name, self.estimates[name], self.draws[name], lambda left, name=name: left[name]) for name in self.scales],
            level,
            interval,
        )

    def difference(self, scale: str, other: str, level: float = 0.95, interval: Interval = "bca") -> pd.DataFrame:
        """Return scale − other for every quantity: ``scale other quantity estimate std_error ci_low ci_high n_failed``.

        Both rest on the same respondents, and the interval allows for it.
        """
        for name in (scale, other):
            if name not in self.scales:
                raise OptionError([unknown(name, self.scales, what="scale", where="difference")])
        a, b = scale, other
        table = self._table(
            [(a, self.estimates[a] - self.estimates[b], self.draws[a] - self.draws[b], lambda left: left[a] - left[b])],
            level,
            interval,
        )
        table.insert(1, "other", other)
        return table

    def _table(self, parts: list, level: float, interval: Interval) -> pd.DataFrame:
        if interval not in ("percentile", "bca"):
            raise OptionError([unknown(interval, ("percentile", "bca"), what="interval", where="interval")])
        frames = []
        for name, estimate, draws, from_left_out in parts:
            columns = summarise(estimate, draws, level)
            columns.pop("p_value")  # no reliability of interest is 0
            if interval == "bca":
                left, times, strata = self._jackknife
                columns["ci_low"], columns["ci_high"] = bca_interval(
                    draws, estimate, from_left_out(left), level, times=times, strata=strata
                )
            frames.append(pd.DataFrame({"scale": name, "quantity": list(QUANTITIES), **columns}))
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def _jackknife(self) -> tuple[dict[str, Array], Array, Array]:
        """Every quantity with rows left out, how often each replicate counts, and its stratum."""
        left = leave_out(self.sample, strata=self.strata)
        return _measured(self.sample, self.scales, left.counts()), left.times, left.strata


def reliability_bootstrap(
    sample: AnySample,
    scales: Mapping[str, Sequence[str]],
    *,
    resamples: int = 2000,
    seed: Seed = None,
    strata: Array | None = None,
) -> ReliabilityBootstrap:
    """Estimate alpha, standardised alpha, λ6, the mean correlation and omega of scales, and resample all of them together.

    Parameters
    ----------
    sample : the answers, from `csr_lib.stats.moments.sample`, or their random groups (`Sample.grouped`).
    scales : name -> items; at least two items each.
    resamples, seed : number of resamples; a seed or generator.
    strata : (n,) codes; within each the number of rows drawn stays what it is.

    Raises
    ------
    OptionError
        No scales, fewer than one resample.
    DataError, AnalysisError
        What `csr_lib.stats.reliability.reliability` raises for one of the scales; no draw that works.

    Notes
    -----
    Omega is ``Omega.omega`` of a one-factor model (maximum likelihood, items as they are). Efron & Tibshirani (1993). Each draw
    is what `reliability` and `omega` give for the rows drawn; R would do it by ``boot::boot`` around ``psych::alpha`` and lavaan.
    """
    if not scales:
        raise OptionError("there are no scales", where="scales", allowed="a name and its items, at least once")
    moments = sample.moments()
    for items in scales.values():
        reliability(moments, items)
    chosen = {name: tuple(items) for name, items in scales.items()}
    estimates = {name: _quantities(moments.take(items).cov[None])[0] for name, items in chosen.items()}
    draws = _measured(sample, chosen, resample_counts(sample, resamples, seed, strata=strata))
    dead = [name for name, values in draws.items() if not np.isfinite(values[:, 0]).any()]
    if dead:
        raise AnalysisError(
            f"none of the {resamples} resamples could be estimated",
            where=", ".join(dead),
            mend="collect more answers, or leave out items that hardly vary",
        )
    return ReliabilityBootstrap(sample, chosen, estimates, draws, strata)


def _measured(sample: AnySample, scales: Mapping[str, tuple[str, ...]], drawn: Iterable[Array]) -> dict[str, Array]:
    """Return the quantities (B, 5) of every scale in the resamples with these counts of rows."""
    at = {name: [sample.columns.index(item) for item in items] for name, items in scales.items()}
    parts: dict[str, list[Array]] = {name: [] for name in scales}
    for counts in drawn:
        covs = sample.resampled(counts)[1]
        for name, places in at.items():
            parts[name].append(_quantities(np.ascontiguousarray(covs[:, places][:, :, places])))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _quantities(covs: Array) -> Array:
    """The quantities (B, 5) of covariance matrices (B, k, k); NaN where an item does not vary."""
    k = covs.shape[-1]
    variances = np.diagonal(covs, axis1=1, axis2=2)
    works = (variances > 0).all(axis=1)
    out = np.full((len(covs), len(QUANTITIES)), np.nan)
    if works.any():
        good = covs[works]
        sd = np.sqrt(variances[works])
        r = good / (sd[:, :, None] * sd[:, None, :])
        mean_r = (r.sum(axis=(1, 2)) - k) / (k * (k - 1))
        out[works] = np.stack([alpha_of(good), alpha_of(r), lambda6_of(r), mean_r, omega_of(good)], axis=1)
    return out
