"""The four quadrants of importance and performance: cut-offs, placement, how firm it is, and the order of urgency.

Every function works on the last axis (the indicators): a batch of resamples, shape (B, k), is placed as one set, shape (k,), is.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from csr_lib.core.errors import AnalysisError

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

#: The quadrants, in the order of their codes: important and good, important and poor, unimportant and poor, unimportant and good.
QUADRANTS = ("keep_up", "concentrate", "low_priority", "overkill")

#: A value this close to a cut-off, relative to its size, lies on it; rounding must not decide.
_ON_THE_LINE = 1e-9


def cut_offs(values: ArrayLike, rule: Literal["mean", "median"]) -> Floats:
    """Return the cut-off that the values of all indicators set themselves.

    Parameters
    ----------
    values : (…, k) importance or performance of k indicators, any unit, no NaN.
    rule : ``mean`` or ``median`` over the indicators; every indicator counts once, however many answered it.

    Returns
    -------
    (…) array in the unit of `values`.
    """
    array = _numbers(values)
    return np.asarray(array.mean(axis=-1) if rule == "mean" else np.median(array, axis=-1))


def place(importance: ArrayLike, performance: ArrayLike, cut_importance: ArrayLike, cut_performance: ArrayLike) -> Codes:
    """Return the quadrant of every indicator (Martilla & James 1977), as a position in `QUADRANTS`.

    Parameters
    ----------
    importance, performance : (…, k), any unit, no NaN.
    cut_importance, cut_performance : one cut-off, or one per resample, shape (…), in the same units.

    Returns
    -------
    (…, k) int8. A value on the cut-off counts as above it.

    Raises
    ------
    AnalysisError
        A number that is NaN or infinite, or shapes that do not fit.
    """
    high_importance, high_performance = (
        _at_least(_numbers(values), _numbers(cut))
        for values, cut in ((importance, cut_importance), (performance, cut_performance))
    )
    if high_importance.shape != high_performance.shape:
        raise AnalysisError(
            f"importance has shape {high_importance.shape}, performance {high_performance.shape}",
            where="quadrants",
            mend="give both for the same indicators",
        )
    return np.where(high_importance, np.where(high_performance, 0, 1), np.where(high_performance, 3, 2)).astype(np.int8)


def shares(codes: Codes) -> Floats:
    """Return how large a share of resamples puts each indicator into each quadrant.

    Parameters
    ----------
    codes : (B, k) as `place` returns them, B at least 1.

    Returns
    -------
    (k, 4) shares, columns in the order of `QUADRANTS`; each row sums to 1.
    """
    if codes.ndim != 2 or not len(codes):
        raise AnalysisError("shares of resamples need at least one resample", where="quadrants", allowed="codes of shape (B, k)")
    return np.stack([(codes == code).mean(axis=0) for code in range(len(QUADRANTS))], axis=-1)


def priority(importance: ArrayLike, performance: ArrayLike) -> Floats:
    """Return the priority of improvement: standardised importance minus standardised performance.

    Standardised over the indicators (mean 0, standard deviation 1, divisor k). Indicators of equal priority lie on lines
    parallel to the iso-priority line through the two means with slope sd(importance)/sd(performance); above it priority is
    positive. Unlike a quadrant, it does not jump at a cut-off.

    Parameters
    ----------
    importance, performance : (…, k), any unit, no NaN.

    Returns
    -------
    (…, k), no unit. An axis on which all indicators are equal contributes nothing.
    """
    return _standardised(_numbers(importance)) - _standardised(_numbers(performance))


def ranks(scores: ArrayLike) -> Floats:
    """Return ranks over the last axis, 1 for the largest score; equal scores share the mean of their ranks."""
    array = _numbers(scores)
    above = (array[..., None, :] > array[..., :, None]).sum(axis=-1)
    equal = (array[..., None, :] == array[..., :, None]).sum(axis=-1)
    return np.asarray(above + (equal + 1) / 2)


def iso_priority(importance: ArrayLike, performance: ArrayLike) -> tuple[float, float]:
    """Return intercept and slope of the line on which `priority` is nought: importance = intercept + slope · performance.

    Parameters
    ----------
    importance, performance : (k,), no NaN.

    Raises
    ------
    AnalysisError
        All performances are equal, so that the line would stand upright.
    """
    y, x = _numbers(importance), _numbers(performance)
    if np.ptp(x) <= _ON_THE_LINE * max(1.0, float(np.abs(x).max())):
        raise AnalysisError(
            "all indicators perform alike, there is no line of equal priority", where="diagonal", mend="leave the diagonal out"
        )
    slope = float(y.std() / x.std())
    return float(y.mean() - slope * x.mean()), slope


def _standardised(values: Floats) -> Floats:
    spread = values.std(axis=-1, keepdims=True)
    flat = spread <= _ON_THE_LINE * np.maximum(1.0, np.abs(values).max(axis=-1, keepdims=True))
    return np.where(flat, 0.0, (values - values.mean(axis=-1, keepdims=True)) / np.where(flat, 1.0, spread))


def _at_least(values: Floats, cut: Floats) -> NDArray[np.bool_]:
    line = cut[..., None] if cut.ndim else cut
    return np.asarray(values >= line - _ON_THE_LINE * np.maximum(1.0, np.abs(line)))


def _numbers(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).all():
        raise AnalysisError(
            "importance, performance and cut-offs must be numbers",
            where="quadrants",
            allowed="finite numbers",
            mend="leave out the indicators that lack one",
        )
    return array
