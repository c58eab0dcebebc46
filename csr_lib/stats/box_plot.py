"""What a box plot shows: quartiles, whiskers, and the values beyond them; with case weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.stats.moments import Kind, checked_weights

Array = np.ndarray


@dataclass(frozen=True)
class Box:
    """A box plot in numbers.

    Attributes
    ----------
    q1, median, q3 : quartiles.
    whisker_low, whisker_high : the lowest and highest value that is not outlying.
    outlying : (n,) whether each value handed in lies beyond the fences; False for missing ones.
    n, n_missing : values there, and not there.
    """

    q1: float
    median: float
    q3: float
    whisker_low: float
    whisker_high: float
    outlying: Array
    n: int
    n_missing: int


def box(x: Any, weights: Any = None, *, kind: Kind = "sampling", reach: float = 1.5) -> Box:
    """Return the box plot of `x`.

    Parameters
    ----------
    x : (n,) numbers; NaN is no answer.
    weights, kind : case weights as in `csr_lib.stats.moments.moments`.
    reach : fences lie that many interquartile ranges from the quartiles (Tukey 1977); whiskers end at the last value within.

    Raises
    ------
    AnalysisError
        No values.

    Notes
    -----
    Without weights the quartiles are R's type 7 (numpy, Excel ``QUARTILE.INC``); SPSS's hinges may differ a little.
    """
    values = np.asarray(x, dtype=float)
    if values.ndim != 1:
        raise DataError(f"{values.ndim} dimensions", where="box", allowed="one column of numbers")
    known = ~np.isnan(values)
    w = np.ones(len(values)) if weights is None or kind == "none" else checked_weights(weights, len(values))
    known &= w > 0
    if not known.any():
        raise AnalysisError("there are no values", where="box", mend="leave this group or column out")
    q1, median, q3 = quantiles(values[known], (0.25, 0.5, 0.75), w[known], kind="none" if weights is None else kind)
    low, high = q1 - reach * (q3 - q1), q3 + reach * (q3 - q1)
    outlying = known & ((values < low) | (values > high))
    inside = values[known & ~outlying]
    return Box(q1, median, q3, float(inside.min()), float(inside.max()), outlying, int(known.sum()), int((~known).sum()))


def quantiles(x: Any, at: Any, weights: Any = None, *, kind: Kind = "sampling") -> tuple[float, ...]:
    """Return quantiles of `x` (no NaN) at the probabilities `at`.

    Without weights R's type 7. With weights values are taken as often as their weights say, which add to the number of rows for
    sampling weights: the same numbers as R ``Hmisc::wtd.quantile(normwt = TRUE)``, with frequency weights those of
    repeated rows.
    """
    values = np.asarray(x, dtype=float)
    if weights is None or kind == "none":
        return tuple(float(q) for q in np.quantile(values, at))
    w = checked_weights(weights, len(values))
    order = np.argsort(values, kind="stable")
    values, w = values[order], w[order]
    if kind == "sampling":
        w = w * len(w) / w.sum()
    reached = np.cumsum(w)
    total = reached[-1]

    def value_at(place: Array) -> Array:
        found = np.searchsorted(reached, place - 1e-9 * total, side="left")
        return np.asarray(values[np.minimum(found, len(values) - 1)])

    place = 1 + (total - 1) * np.asarray(at, dtype=float)
    low = np.maximum(np.floor(place + 1e-9), 1.0)
    part = np.clip(place - low, 0.0, 1.0)
    return tuple(float(q) for q in (1 - part) * value_at(low) + part * value_at(np.minimum(low + 1, total)))
