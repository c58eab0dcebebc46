"""Traces of answers that nobody gave: items independent of each other, too even distributions, bursts in time.

Form-filling programs tick every item by itself and evenly; people rate what they like higher throughout. None of these figures
proves anything alone: each is an indication, to be looked into.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.stats.distributions import chi2_above

Array = np.ndarray


@dataclass(frozen=True)
class Evenness:
    """How evenly answers are spread over a scale's grades.

    Attributes
    ----------
    evenness : Pielou's J = −Σp·log p/log k, 1 where all grades are equally frequent.
    chi_square, df, p_value : test that they are.
    n : answers.
    """

    evenness: float
    chi_square: float
    df: int
    p_value: float
    n: int


@dataclass(frozen=True)
class Bursts:
    """The densest time of the returns.

    Attributes
    ----------
    most : returns within the densest `minutes`.
    expected : most that is to be expected there, the mean of the simulations.
    p_value : share of the simulations with as many.
    same_time : returns that share their time, to the second, with another.
    same_expected : as many are to be expected.
    whole_seconds : whether times have seconds at all; without them `same_time` tells nothing and is 0.
    n : returns with a time.
    """

    minutes: float
    most: int
    expected: float
    p_value: float
    same_time: int
    same_expected: float
    whole_seconds: bool
    n: int


def evenness(values: Any, grades: int, low: float = 1.0) -> Evenness:
    """Return how evenly the answers to one item are spread over its grades.

    Parameters
    ----------
    values : (n,) whole points from `low` to `low` + `grades` − 1; NaN is missing.
    grades : how many points the scale has, at least 2.

    Raises
    ------
    DataError
        Answers outside the scale. AnalysisError: no answers.

    Notes
    -----
    Pielou (1966); χ² goodness of fit to equal shares, R ``chisq.test(table(x))``.
    """
    x = np.asarray(values, dtype=float)
    x = x[~np.isnan(x)]
    if not len(x):
        raise AnalysisError("there are no answers", where="evenness")
    place = np.rint(x - low).astype(int)
    if grades < 2 or place.min() < 0 or place.max() >= grades:
        raise DataError("answers outside the scale", where="evenness", allowed=f"{grades} points from {low:g}")
    counts = np.bincount(place, minlength=grades)
    share = counts[counts > 0] / len(x)
    mean = len(x) / grades
    chi_square = float(((counts - mean) ** 2 / mean).sum())
    spread = -float((share * np.log(share)).sum()) / math.log(grades)
    return Evenness(spread, chi_square, grades - 1, float(chi2_above(chi_square, grades - 1)), len(x))


def bursts(times: Any, *, minutes: float = 10.0, simulations: int = 400, seed: int = 20260101) -> Bursts:
    """Return how many returns came within the densest minutes, and how surprising that is.

    Parameters
    ----------
    times : (n,) times of return (datetime64), NaT is unknown.
    minutes : width of the window.
    simulations, seed : of the times to be expected: as many returns in every hour as there were, spread evenly within it.

    Raises
    ------
    AnalysisError
        Fewer than ten times, or times without a time of day.

    Notes
    -----
    A scan statistic conditional on the counts by hour, so that busy days and evenings are no bursts; its p-value is (1 +
    simulations with as many)/(1 + simulations). Interviews in groups and reminders make bursts, too.
    """
    t = np.asarray(times, dtype="datetime64[s]")
    t = np.sort(t[~np.isnat(t)]).astype(np.int64)
    if len(t) < 10:
        raise AnalysisError(f"{len(t)} times", where="bursts", allowed="at least 10")
    if not (t % 86400).any():
        raise AnalysisError("days without a time of day", where="bursts", allowed="date and time")
    seconds = bool((t % 60).any())
    hour = t // 3600
    rng = np.random.default_rng(seed)
    width = int(minutes * 60)
    most = _densest(t[None, :], width)[0]
    drawn = np.sort(hour * 3600 + rng.integers(0, 3600, size=(simulations, len(t))), axis=1)
    expected = _densest(drawn, width)
    same = int((np.diff(t, prepend=t[0] - 1) == 0).sum()) if seconds else 0
    per_hour = np.unique(hour, return_counts=True)[1].astype(float)
    same_expected = float((per_hour * (per_hour - 1) / 2 / 3600).sum()) if seconds else 0.0
    p = (1 + int((expected >= most).sum())) / (1 + simulations)
    return Bursts(minutes, int(most), float(expected.mean()), p, same, same_expected, seconds, len(t))


def _densest(t: Array, width: int) -> Array:
    """Return the largest number of times in any window of `width` seconds, for every row of sorted times."""
    out = np.empty(len(t), dtype=int)
    for i, row in enumerate(t):
        out[i] = (np.searchsorted(row, row + width, side="left") - np.arange(len(row))).max()
    return out
