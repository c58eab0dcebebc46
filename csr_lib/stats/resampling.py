"""Bootstrap: resample counts, intervals, standard errors and p-values from draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.distributions import normal_below, normal_quantile
from csr_lib.stats.grouped import GroupedSample, countable, partition
from csr_lib.stats.moments import Sample

Array = np.ndarray
Seed = int | np.random.Generator | None
AnySample = Sample | GroupedSample
Interval = Literal["percentile", "bca"]
INTERVALS = ("percentile", "bca")

#: Draws that are taken at a time: enough that calling numpy costs little, few enough that memory does not matter.
CHUNK = 2500
#: Share of failed draws of one quantity beyond which its interval is not given.
MOST_FAILED = 0.5
#: Rows up to which a jackknife leaves out one row at a time; beyond, one of so many random groups of rows.
JACKKNIFE = 1000


def generator(seed: Seed) -> np.random.Generator:
    """Return the generator itself, or a new one from the seed."""
    return seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)


def group_codes(labels: Any, kept: Array | None = None) -> tuple[Array, tuple[Any, ...]]:
    """Return integer codes (−1 for missing labels) and the labels they stand for, sorted; categoricals keep their order.

    `kept` picks the rows that are in a Sample.
    """
    series = pd.Series(labels)
    if kept is not None:
        if len(series) != len(kept):
            raise DataError(f"{len(series)} labels for {len(kept)} rows", where="groups", allowed="one label per row")
        series = series[kept]
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.cat.remove_unused_categories()
        return series.cat.codes.to_numpy(), tuple(series.cat.categories)
    codes, levels = pd.factorize(series, sort=True)
    return np.asarray(codes), tuple(levels)


def chunk_size(sample: AnySample) -> int:
    """Draws to take at a time so that memory stays within a few hundred megabytes."""
    p = len(sample.columns)
    size = min(CHUNK, max(1, 25_000_000 // max(sample.units, p * p)))
    if isinstance(sample, Sample) and not sample.complete and sample.missing == "em":
        patterns = len(np.unique(np.isnan(sample.answers), axis=0))
        size = min(size, max(1, 25_000_000 // (patterns * p * p)))
    return size


def resample_counts(
    sample: AnySample, resamples: int, seed: Seed = None, *, strata: Array | None = None, chunk: int | None = None
) -> Iterator[Array]:
    """Yield how often each row is drawn, (chunk, n) at a time, until there are `resamples` draws.

    Parameters
    ----------
    sample : rows are drawn with equal probability (their sampling weights stay with them); with frequency weights
        Σw rows are drawn, a row with probability w/Σw. Of a `GroupedSample` the groups are drawn, within the strata that they
        were formed in.
    strata : (n,) codes; within each the number of rows drawn stays what it is. Rows with a negative code form one stratum.
    chunk : draws per array; `chunk_size` by default.

    Raises
    ------
    OptionError
        `resamples` below 1, or strata for a `GroupedSample`.
    """
    if resamples < 1:
        raise OptionError(f"{resamples} resamples", where="resamples", allowed="a whole number ≥ 1")
    rng = generator(seed)
    n = sample.units
    chunk = chunk or chunk_size(sample)
    codes = _layers(sample, strata)
    groups = [np.flatnonzero(codes == g) for g in np.unique(codes)]
    for at in range(0, resamples, chunk):
        size = min(chunk, resamples - at)
        out = np.empty((size, n))
        for rows in groups:
            place: Any = rows if len(groups) > 1 else slice(None)
            if isinstance(sample, Sample) and sample.kind == "frequency":
                w = sample.weights[rows]
                out[:, place] = rng.multinomial(round(float(w.sum())), w / w.sum(), size=size)
            else:
                m = len(rows)
                drawn = rng.integers(0, m, size=(size, m))
                drawn += m * np.arange(size)[:, None]
                out[:, place] = np.bincount(drawn.ravel(), minlength=m * size).reshape(size, m)
        yield out


def _layers(sample: AnySample, strata: Array | None) -> Array:
    """Stratum codes of what is drawn."""
    if isinstance(sample, GroupedSample):
        if strata is not None:
            raise OptionError(
                "strata are chosen when rows are put into groups", where="strata", mend="give them to Sample.grouped instead"
            )
        return sample.groups.strata
    return np.zeros(sample.units, dtype=int) if strata is None else np.asarray(strata)


@dataclass(frozen=True, eq=False)
class LeaveOut:
    """The replicates of a jackknife: in each, some rows (or one group of a `GroupedSample`) are left out.

    Attributes
    ----------
    sample : what is resampled.
    order, member : rows (groups), and the replicate that leaves each of them out once.
    times : (m,) how often each replicate counts: the frequency weight of the row it leaves out once, otherwise 1.
    strata : (m,) stratum of what is left out.
    """

    sample: AnySample
    order: Array
    member: Array
    times: Array
    strata: Array

    def counts(self) -> Iterator[Array]:
        """Yield how often each row (group) counts in the replicates, (chunk, n) at a time, as `resample_counts` does."""
        chunk = chunk_size(self.sample)
        for at in range(0, len(self.times), chunk):
            size = min(chunk, len(self.times) - at)
            out = np.repeat(self.sample.base[None], size, axis=0)
            here = (self.member >= at) & (self.member < at + size)
            np.subtract.at(out, (self.member[here] - at, self.order[here]), 1.0)
            yield out


def leave_out(sample: AnySample, seed: Seed = 0, *, strata: Array | None = None) -> LeaveOut:
    """Return the replicates of a jackknife for `bca_interval`.

    One row is left out at a time, with its sampling weight; with frequency weights one of the people it stands for, and the
    replicate counts that many times. Of more than 1,000 rows, one of 1,000 random groups is left out at a time, which gives
    the same acceleration but for chance of the order 1/n; of a `GroupedSample` one group at a time.

    Parameters
    ----------
    seed : of the random groups.
    strata : (n,) codes, as for `resample_counts`.
    """
    layers = _layers(sample, strata)
    if isinstance(sample, Sample) and sample.units > JACKKNIFE and countable(sample):
        parts = partition(sample, JACKKNIFE, seed, None if strata is None else layers)
        return LeaveOut(sample, parts.order, parts.member, np.ones(len(parts)), parts.strata)
    each = np.arange(sample.units)
    return LeaveOut(sample, each, each, sample.base, layers)


def percentile_interval(draws: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Percentile interval over the first axis of `draws` (B, …).

    Failed draws (NaN) are left out; where more than half failed, or fewer than 20 are left, the interval is NaN.
    Linear interpolation between draws, as R ``quantile`` type 7.
    """
    tail = _tail(level)
    low, high = _by_column(draws, lambda d: np.quantile(d, [tail, 1 - tail], axis=0), 2)
    return low, high


def bca_interval(
    draws: Array,
    estimate: Any,
    jackknife: Array,
    level: float = 0.95,
    *,
    times: Array | None = None,
    strata: Array | None = None,
) -> tuple[Array, Array]:
    """Bias-corrected and accelerated interval over the first axis of `draws` (B, …).

    Parameters
    ----------
    draws : bootstrap draws; failed ones (NaN) are left out as in `percentile_interval`.
    estimate : (…), the quantities of the sample itself.
    jackknife, times, strata : as for `acceleration`.

    Returns
    -------
    Lower and upper ends (…). NaN where `percentile_interval` is, where all draws lie on one side of the estimate, or where
    the acceleration is not known or too large for the level.

    Notes
    -----
    Efron (1987): quantiles of the draws at Φ(z₀ + (z₀ + z)/(1 − a(z₀ + z))), z = Φ⁻¹((1 ∓ level)/2), z₀ = Φ⁻¹ of the share of
    draws below the estimate, draws equal to it (but for rounding) counting half. Linear interpolation as in
    `percentile_interval`, which is the special case z₀ = a = 0; ends beyond the outermost draw are that draw. The same
    numbers: ``scipy.stats.bootstrap(method="BCa")``, and R ``boot::boot.ci(type = "bca")`` with the influence values of this
    jackknife but for its interpolation between two neighbouring draws on the normal scale.
    """
    tail = _tail(level)
    d = np.asarray(draws, dtype=float)
    shape = d.shape[1:]
    d = d.reshape(len(d), -1)
    d = np.sort(np.where(np.isfinite(d), d, np.nan), axis=0)  # failed draws come last
    t0 = np.asarray(estimate, dtype=float).reshape(-1)
    a = acceleration(jackknife, times=times, strata=strata).reshape(-1)
    worked = np.isfinite(d).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rounding = 1e-12 * np.nanmax(np.abs(d), axis=0, initial=0.0)
        below, above = (d < t0 - rounding).sum(axis=0), (d > t0 + rounding).sum(axis=0)
        z0 = normal_quantile((worked + below - above) / (2 * worked))
        ends = []
        for share in (tail, 1 - tail):
            shifted = z0 + normal_quantile(share)
            adjusted = np.where(a * shifted < 1, normal_below(z0 + shifted / (1 - a * shifted)), np.nan)
            usable = np.isfinite(z0) & np.isfinite(adjusted) & (worked >= 20) & (worked >= (1 - MOST_FAILED) * len(d))
            at = np.where(usable, adjusted, 0.0) * (np.maximum(worked, 1) - 1)
            lower = np.floor(at).astype(np.intp)
            upper = np.minimum(lower + 1, np.maximum(worked, 1) - 1)
            column = np.arange(d.shape[1])
            end = d[lower, column] + (at - lower) * (d[upper, column] - d[lower, column])
            ends.append(np.where(usable, end, np.nan).reshape(shape))
    return ends[0], ends[1]


def acceleration(jackknife: Array, *, times: Array | None = None, strata: Array | None = None) -> Array:
    """Acceleration of the BCa interval, (…), from the replicates of a jackknife (m, …).

    Parameters
    ----------
    jackknife : the quantities with one row, or one group of rows, left out; replicates that failed (NaN) are left out.
    times : (m,) how often each replicate counts; ones by default.
    strata : (m,) codes of the stratum that each replicate leaves something out of.

    Returns
    -------
    a = Σd³/(6(Σd²)^{3/2}), d = mean of the replicates (of their stratum) − replicate; 0 where the replicates do not differ, NaN
    where more than half of them failed.

    Notes
    -----
    Efron (1987), DiCiccio and Efron (1996). R ``boot`` takes differences from the estimate instead of the mean, which differ by
    the jackknife's bias.
    """
    t = np.asarray(jackknife, dtype=float)
    shape = t.shape[1:]
    t = t.reshape(len(t), -1)
    weight = np.where(np.isfinite(t), 1.0 if times is None else np.asarray(times, dtype=float)[:, None], 0.0)
    values = np.where(weight > 0, t, 0.0)
    d = np.zeros_like(values)
    codes = np.zeros(len(t), dtype=int) if strata is None else np.asarray(strata)
    with np.errstate(invalid="ignore", divide="ignore"):
        for code in np.unique(codes):
            rows = codes == code
            w = weight[rows]
            mean = (w * values[rows]).sum(axis=0) / w.sum(axis=0)
            d[rows] = np.where(w > 0, mean - values[rows], 0.0)
        scale = np.abs(d).max(axis=0)
        d /= scale
        a = (weight * d**3).sum(axis=0) / (6 * (weight * d**2).sum(axis=0) ** 1.5)
    a[~(scale > 1e-12 * np.abs(values).max(axis=0))] = 0.0
    a[np.isfinite(t).sum(axis=0) < (1 - MOST_FAILED) * len(t)] = np.nan
    return a.reshape(shape)


def _tail(level: float) -> float:
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    return (1 - level) / 2


def standard_error(draws: Array) -> Array:
    """Standard deviation (B − 1) over the first axis; failed draws as in `percentile_interval`."""
    return _by_column(draws, lambda d: np.std(d, axis=0, ddof=1)[None], 1)[0]


def bootstrap_p(draws: Array, null: float = 0.0) -> Array:
    """Two-sided p-value that the quantity is `null`: twice the smaller tail, (1 + count)/(B + 1), at most 1.

    It is below .05 roughly where the 95 % percentile interval leaves out `null`. Failed draws as in `percentile_interval`.
    """

    def tails(d: Array) -> Array:
        below = (1 + (d <= null).sum(axis=0)) / (len(d) + 1)
        above = (1 + (d >= null).sum(axis=0)) / (len(d) + 1)
        return np.minimum(1.0, 2 * np.minimum(below, above))[None]

    return _by_column(draws, tails, 1)[0]


def summarise(estimate: Any, draws: Array, level: float = 0.95) -> dict[str, Array]:
    """Columns of a table: ``estimate std_error ci_low ci_high p_value n_failed`` for `draws` (B, k) of k quantities."""
    low, high = percentile_interval(draws, level)
    return {
        "estimate": np.asarray(estimate, dtype=float),
        "std_error": standard_error(draws),
        "ci_low": low,
        "ci_high": high,
        "p_value": bootstrap_p(draws),
        "n_failed": (~np.isfinite(draws)).sum(axis=0),
    }


def holm(p_values: Any) -> Array:
    """Holm's adjustment for many tests; NaN stays NaN and does not count. The same numbers: R ``p.adjust(method="holm")``."""
    p = np.asarray(p_values, dtype=float)
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    out[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else steps
    return out


def _by_column(draws: Array, reduce: Any, k: int) -> Array:
    """Apply `reduce` (to (B, m) arrays without NaN, giving (k, m)) over the first axis, whatever the other axes are."""
    d = np.asarray(draws, dtype=float)
    flat = d.reshape(len(d), -1)
    good = np.isfinite(flat)
    out = np.full((k, flat.shape[1]), np.nan)
    whole = good.all(axis=0)
    if whole.any() and len(d) >= 20:
        out[:, whole] = reduce(flat[:, whole])
    for j in np.flatnonzero(~whole):
        column = flat[good[:, j], j]
        if len(column) >= 20 and len(column) >= (1 - MOST_FAILED) * len(d):
            out[:, j] = reduce(column[:, None])[:, 0]
    return out.reshape(k, *d.shape[1:])


def stack(parts: Sequence[Array]) -> Array:
    """Join chunks of draws."""
    return np.concatenate(list(parts), axis=0)
