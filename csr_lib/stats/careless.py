"""Traces of careless answering in one questionnaire: long strings, and answers that repeat another questionnaire's."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def longest_string(values: Any) -> Array:
    """Return the longest run of equal consecutive answers of every row.

    Parameters
    ----------
    values : (n, p) answers in the order of the questionnaire; NaN is missing, is passed over, and does not end a run.

    Returns
    -------
    (n,) counts; 0 for a row without answers. The same number for complete rows: R ``careless::longstring``.
    """
    x = np.asarray(values, dtype=float)
    run = np.zeros(len(x))
    longest = np.zeros(len(x))
    last = np.full(len(x), np.nan)
    for column in x.T:
        seen = ~np.isnan(column)
        run = np.where(seen, np.where(column == last, run + 1, 1), run)
        last = np.where(seen, column, last)
        longest = np.maximum(longest, run)
    return longest


def repeats_another(values: Any, *, fewest: int = 10) -> Array:
    """Return for every row the position of the first row that has the very same answers, −1 where there is none before it.

    Parameters
    ----------
    values : (n, p) answers; NaN is missing (and equal to missing).
    fewest : rows with fewer answers, or with one answer throughout, are not compared: they agree by chance.

    Notes
    -----
    With few items, or items that most rate alike, honest answers coincide as well; it is a reason to look, not a proof (Kuriakose
    and Robbins 2016; on its limits Simmons et al. 2016).
    """
    x = np.asarray(values, dtype=float)
    seen = ~np.isnan(x)
    with np.errstate(invalid="ignore"):
        varies = np.nanmax(np.where(seen, x, -np.inf), axis=1, initial=-np.inf) > np.nanmin(
            np.where(seen, x, np.inf), axis=1, initial=np.inf
        )
    fit = (seen.sum(axis=1) >= fewest) & varies
    first: dict[bytes, int] = {}
    out = np.full(len(x), -1)
    filled = np.where(seen, x, -9e9)
    for row in np.flatnonzero(fit):
        before = first.setdefault(filled[row].tobytes(), int(row))
        if before != row:
            out[row] = before
    return out
