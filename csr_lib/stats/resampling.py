"""Bootstrap: resample counts, intervals, standard errors and p-values from draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.moments import Sample

Array = np.ndarray
Seed = int | np.random.Generator | None

#: Draws that are taken at a time: enough that calling numpy costs little, few enough that they stay in the processor's cache.
CHUNK = 1000
#: Share of failed draws of one quantity beyond which its interval is not given.
MOST_FAILED = 0.5


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


def chunk_size(sample: Sample) -> int:
    """Draws to take at a time so that memory stays within a few hundred megabytes."""
    n, p = sample.answers.shape
    size = min(CHUNK, max(1, 25_000_000 // n))
    if not sample.complete and sample.missing == "em":
        patterns = len(np.unique(np.isnan(sample.answers), axis=0))
        size = min(size, max(1, 25_000_000 // (patterns * p * p)))
    return size


def resample_counts(
    sample: Sample, resamples: int, seed: Seed = None, *, strata: Array | None = None, chunk: int | None = None
) -> Iterator[Array]:
    """Yield how often each row is drawn, (chunk, n) at a time, until there are `resamples` draws.

    Parameters
    ----------
    sample : rows are drawn with equal probability (their sampling weights stay with them); with frequency weights
        Σw rows are drawn, a row with probability w/Σw.
    strata : (n,) codes; within each the number of rows drawn stays what it is. Rows with a negative code form one stratum.
    chunk : draws per array; `chunk_size` by default.

    Raises
    ------
    OptionError
        `resamples` below 1.
    """
    if resamples < 1:
        raise OptionError(f"{resamples} resamples", where="resamples", allowed="a whole number ≥ 1")
    rng = generator(seed)
    n = len(sample.answers)
    chunk = chunk or chunk_size(sample)
    codes = np.zeros(n, dtype=int) if strata is None else np.asarray(strata)
    groups = [np.flatnonzero(codes == g) for g in np.unique(codes)]
    for at in range(0, resamples, chunk):
        size = min(chunk, resamples - at)
        out = np.zeros((n, size))
        for rows in groups:
            if sample.kind == "frequency":
                w = sample.weights[rows]
                out[rows] = rng.multinomial(round(float(w.sum())), w / w.sum(), size=size).T
            else:
                m = len(rows)
                drawn = rng.integers(0, m, size=(m, size))
                drawn *= size
                drawn += np.arange(size)
                out[rows] = np.bincount(drawn.ravel(), minlength=m * size).reshape(m, size)
        yield out.T


def percentile_interval(draws: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Percentile interval over the first axis of `draws` (B, …).

    Failed draws (NaN) are left out; where more than half failed, or fewer than 20 are left, the interval is NaN.
    Linear interpolation between draws, as R ``quantile`` type 7.
    """
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    tail = (1 - level) / 2
    low, high = _by_column(draws, lambda d: np.quantile(d, [tail, 1 - tail], axis=0), 2)
    return low, high


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
