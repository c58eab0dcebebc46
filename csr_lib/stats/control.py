"""Control charts for periods of unequal size: limits of means and shares, and the runs that are signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from csr_lib.core.errors import AnalysisError, DataError

Array = np.ndarray

#: Rules of `signals`, strongest first: points beyond a distance, and how many of how many in a row on the same side of it.
RULES = {"beyond_3": (3.0, 1, 1), "two_of_three": (2.0, 2, 3), "four_of_five": (1.0, 4, 5), "eight_in_row": (0.0, 8, 8)}
#: Mean moving range of independent standard normal values, 2/√π (d₂ for ranges of two).
_D2 = 2 / np.sqrt(np.pi)


@dataclass(frozen=True)
class ControlLimits:
    """Centre line and limits of a control chart.

    Attributes
    ----------
    centre : the mean (or share) of the baseline.
    sigma : (…, W) standard error of a period's figure around it when nothing has changed.
    lower, upper : (…, W) centre ∓ `width` sigma; those of shares stay within 0 and 1.
    z : (…, W) distance of every period's figure from the centre, in sigma.
    baseline : how many periods the limits come from: the first ones with a figure.
    sigma_z : how much wider than by chance within periods alone (Laney's factor); 1 where that was not asked for.
    """

    centre: Array
    sigma: Array
    lower: Array
    upper: Array
    z: Array
    baseline: int
    sigma_z: Array


def mean_limits(means: Any, sds: Any, n: Any, baseline: int, *, width: float = 3.0) -> ControlLimits:
    """Return the limits of an x̄-chart whose periods have different numbers of answers.

    Parameters
    ----------
    means, sds : (…, W) mean and standard deviation within each period, oldest first, any unit; NaN is no figure.
    n : (…, W) answers (effective number under sampling weights).
    baseline : the limits come from the first so many periods; at least 2.
    width : distance of the limits in standard errors.

    Raises
    ------
    AnalysisError
        Fewer than `baseline` periods.
    DataError
        A period without a figure in the baseline, shapes that differ, or fewer than two answers in a period.

    Notes
    -----
    Centre Σ n x̄ / Σ n; s² = Σ (n − 1) s² / Σ (n − 1) over the baseline; limits centre ± width · s/√nᵢ (Montgomery 2013, ch. 6).
    The same numbers: R ``qcc(type = "xbar")`` with ``std.dev = "RMSDF"`` up to its unbiasing constant, which is 1 for surveys.
    """
    x, s, size = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (means, sds, n)))
    first = _first(x, size, baseline)
    if (size[..., :baseline] < 2).any():
        raise DataError("a period with fewer than two answers", where="control limits", mend="join it to another period")
    weights = size[first]
    centre = (weights * x[first]).sum(-1) / weights.sum(-1)
    pooled = np.sqrt(((weights - 1) * s[first] ** 2).sum(-1) / (weights - 1).sum(-1))
    sigma = pooled[..., None] / np.sqrt(size)
    return _limits(x, centre, sigma, baseline, width, np.ones_like(centre), None)


def share_limits(shares: Any, n: Any, baseline: int, *, width: float = 3.0, laney: bool = False) -> ControlLimits:
    """Return the limits of a p-chart whose periods have different numbers of cases.

    Parameters
    ----------
    shares : (…, W) share of each period, oldest first, 0–1; NaN is no figure.
    n, baseline, width : as for `mean_limits`.
    laney : widen (never narrow) the limits by how much the baseline varies beyond chance within periods, from its mean moving
        range: Laney's p′-chart, for periods of many cases whose conditions differ.

    Raises
    ------
    AnalysisError, DataError
        As for `mean_limits`; shares outside 0 to 1.

    Notes
    -----
    p̄ = Σ n p / Σ n over the baseline; σᵢ = √(p̄(1 − p̄)/nᵢ), times σ_z = mean |zᵢ − zᵢ₋₁| / 1.128 (Laney 2002). The same numbers:
    R ``qcc(type = "p")``; Montgomery (2013, ch. 7).
    """
    p, size = np.broadcast_arrays(np.asarray(shares, dtype=float), np.asarray(n, dtype=float))
    if ((p < 0) | (p > 1)).any():
        raise DataError("shares outside 0 to 1", where="control limits", allowed="0 to 1, NaN for no figure")
    first = _first(p, size, baseline)
    centre = (size[first] * p[first]).sum(-1) / size[first].sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = np.sqrt((centre * (1 - centre))[..., None] / size)
        z = (p[first] - centre[..., None]) / sigma[first]
    factor = np.ones_like(centre)
    if laney:
        spread = np.abs(np.diff(z, axis=-1)).mean(-1) / _D2
        factor = np.maximum(1.0, np.where(np.isfinite(spread), spread, 1.0))
    return _limits(p, centre, sigma * factor[..., None], baseline, width, factor, (0.0, 1.0))


def individual_limits(values: Any, baseline: int, *, width: float = 3.0) -> ControlLimits:
    """Return the limits of single figures (a count, a median) from their moving range: an individuals chart.

    σ = mean |xᵢ − xᵢ₋₁| / 1.128 over the baseline. Parameters and errors as for `mean_limits`; `sigma_z` is 1.
    """
    x = np.asarray(values, dtype=float)
    first = _first(x, np.ones_like(x), baseline)
    centre = x[first].mean(-1)
    sigma = np.abs(np.diff(x[first], axis=-1)).mean(-1) / _D2
    return _limits(x, centre, np.broadcast_to(sigma[..., None], x.shape), baseline, width, np.ones_like(centre), None)


def signals(z: Any, side: Literal["low", "high", "both"] = "both") -> dict[str, Array]:
    """Return, rule by rule of `RULES`, the periods at which it gives a signal.

    Parameters
    ----------
    z : (…, W) distances from the centre in standard errors, oldest first; NaN interrupts a run.
    side : ``low`` looks for figures below the centre only, ``high`` above it.

    Returns
    -------
    Rule -> (…, W) booleans, true at the period that completes the pattern.

    Notes
    -----
    Rules of the Western Electric (1956) handbook: one point beyond 3σ; two of three beyond 2σ, four of five beyond 1σ and eight
    in a row on the same side. A pattern counts at a period only if that period belongs to it.
    """
    x = np.asarray(z, dtype=float)
    signs = {"low": (-1,), "high": (1,), "both": (-1, 1)}[side]
    found = {}
    for rule, (far, least, of) in RULES.items():
        hit = np.zeros(x.shape, dtype=bool)
        for sign in signs:
            beyond = np.where(np.isnan(x), -np.inf, sign * x) > far
            counted = beyond.astype(int)
            padded = np.concatenate([np.zeros((*x.shape[:-1], of), dtype=int), np.cumsum(counted, axis=-1)], axis=-1)
            hit |= beyond & (padded[..., of:] - padded[..., : x.shape[-1]] >= least)
        found[rule] = hit
    return found


def _first(x: Array, size: Array, baseline: int) -> tuple[Any, ...]:
    """Check the baseline and return the index of its periods."""
    if baseline < 2 or x.shape[-1] < baseline:
        raise AnalysisError(
            f"{x.shape[-1]} periods for a baseline of {baseline}",
            where="control limits",
            allowed="a baseline of 2 or more periods, and at least as many figures",
            mend="wait for more periods, or ask for a shorter baseline",
        )
    first = (..., slice(0, baseline))
    if np.isnan(x[first]).any() or not (size[first] > 0).all():
        raise DataError("the baseline has a period without a figure", where="control limits", mend="start after it")
    return first


def _limits(
    x: Array, centre: Array, sigma: Array, baseline: int, width: float, factor: Array, ends: tuple[float, float] | None
) -> ControlLimits:
    lower, upper = centre[..., None] - width * sigma, centre[..., None] + width * sigma
    if ends:
        lower, upper = np.maximum(lower, ends[0]), np.minimum(upper, ends[1])
    away = x - centre[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(away == 0, 0.0, away / sigma)
    return ControlLimits(centre, sigma, lower, upper, z, baseline, factor)
