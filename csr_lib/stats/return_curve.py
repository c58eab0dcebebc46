"""Where returns level off: saturating growth of daily returns, with a profile-likelihood interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.stats.distributions import f_quantile, normal_quantile

Array = np.ndarray
Form = Literal["exponential", "logistic", "gompertz"]
Phase = Literal["rising", "steady", "falling", "short"]

FORMS: tuple[Form, ...] = get_args(Form)
#: Fewest days, and fewest returns, from which anything is told.
FEWEST_DAYS, FEWEST_RETURNS = 6, 20
#: Outstanding returns beyond this multiple of those that came in are called unbounded.
_FAR = 1000.0


@dataclass(frozen=True)
class FieldPhase:
    """Do returns still rise? ``rate_end`` and ``rate_before`` are returns a day in the last days and in those before.

    `phase` is ``rising`` (provably more in the last days), ``steady`` (neither), ``falling``, or ``short`` (too few days or
    returns to tell); `p_value` of a one-sided test that the last days brought fewer.
    """

    phase: Phase
    last_days: int
    rate_end: float
    rate_before: float
    p_value: float


@dataclass(frozen=True, eq=False)
class ReturnCurve:
    """A fitted return curve.

    Attributes
    ----------
    level : returns there will be in the end, `returned` + `outstanding`.
    ci_low, ci_high : profile-likelihood interval of the level; infinite where the returns set no upper bound.
    returned, outstanding : returns so far, and those expected still to come.
    reached : share of the level that has come in.
    form : ``exponential``, ``logistic`` or ``gompertz``; `rate` k and `shape` c of it.
    dispersion : Pearson's χ² over its degrees of freedom, at least 1; widens the interval.
    forms : one row per form: ``form level log_likelihood parameters chosen``.
    fitted : expected cumulated returns at the ends of the periods.
    """

    level: float
    ci_low: float
    ci_high: float
    returned: float
    outstanding: float
    reached: float
    form: Form
    rate: float
    shape: float
    dispersion: float
    forms: pd.DataFrame
    fitted: Array


def field_phase(counts: Any) -> FieldPhase:
    """Tell whether daily returns still rise.

    Parameters
    ----------
    counts : (T,) returns of every day from the first on, days without any included.

    Notes
    -----
    The last quarter of the days (at least three) is held against all days before: under a constant rate its returns are binomial
    with the share of its days. ``falling`` where they are fewer with p < .05, ``rising`` where they are more.
    """
    c = _counts(counts)
    total, days = float(c.sum()), len(c)
    last = max(3, math.ceil(days / 4))
    if days < FEWEST_DAYS or total < FEWEST_RETURNS:
        return FieldPhase("short", min(last, days), math.nan, math.nan, math.nan)
    end, before = float(c[-last:].sum()) / last, float(c[:-last].sum()) / (days - last)
    from scipy.special import betainc

    late, share = float(c[-last:].sum()), last / days
    p = float(betainc(total - late, late + 1, 1 - share)) if late < total else 1.0  # binomial: as few, or fewer
    more = float(betainc(late, total - late + 1, share)) if late > 0 else 1.0
    phase: Phase = "falling" if p < 0.05 else "rising" if more < 0.05 else "steady"
    return FieldPhase(phase, last, end, before, p)


def return_curve(
    counts: Any, *, ends: Any = None, form: Form | None = None, overdispersed: bool = True, level: float = 0.95
) -> ReturnCurve:
    """Return where the cumulated returns level off, with an interval.

    Parameters
    ----------
    counts : (T,) returns of successive periods (days).
    ends : (T,) ends of the periods, counted from the start of the first; 1, 2, … where None.
    form : of the growth; None: the one with the best (dispersion-corrected) AIC.
    overdispersed : widen the interval where counts vary more than Poisson ones do (weekends, reminders).
    level : confidence.

    Raises
    ------
    AnalysisError
        Returns still rise or are steady, or there are too few days or returns: no level can be told then.
    DataError
        Negative or missing counts, ends that do not rise.
    OptionError
        An unknown form.

    Notes
    -----
    Returns of a period are Poisson with mean N·(F(end) − F(start)). With u = exp(−kt) the forms are F = 1 − u (exponential; as a
    model of events in time, Goel and Okumoto 1979), F = (1 − u)/(1 + c·u) (logistic, from 0 at the start: Ohba 1984) and F =
    (exp(−c·u) − exp(−c))/(1 − exp(−c)) (Gompertz). N = returned/F(T) at the maximum. The interval is that of the outstanding
    returns R = N·(1 − F(T)), by profile likelihood: all R with 2(ℓ̂ − ℓ(R)) ≤ φ·F(level; 1, df), φ the dispersion; not
    `overdispersed`, ≤ χ²(level; 1). The same estimates and the same interval: R's ``optim`` on that likelihood, profiled over R.
    """
    c = _counts(counts)
    t = np.arange(1.0, len(c) + 1) if ends is None else np.asarray(ends, dtype=float)
    if t.shape != c.shape or not (np.diff(t, prepend=0.0) > 0).all():
        raise DataError("the ends of the periods do not rise", where="ends", allowed="one per period, each above the one before")
    if form is not None and form not in FORMS:
        raise OptionError([unknown(form, FORMS, what="form of the curve", where="form")])
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    if ends is None:
        _refuse(field_phase(c))
    fits = {name: _fit(c, t, name) for name in (FORMS if form is None else (form,))}
    loosest = min(_dispersion(c, t, name, found) for name, found in fits.items())
    chosen = max(fits, key=lambda name: fits[name][1] / loosest - _size(name))
    theta, best = fits[chosen]
    if not _past_peak(t, chosen, theta):
        raise AnalysisError(
            f"by the best form ({chosen}) the largest daily return is still to come",
            where="return curve",
            allowed="returns past their peak",
            mend="wait until daily returns fall",
        )
    total = float(c.sum())
    cumulated = _grown(t, chosen, theta)
    done = float(cumulated[-1])
    outstanding = total * (1 - done) / done
    phi = _dispersion(c, t, chosen, fits[chosen]) if overdispersed else 1.0
    spare = max(len(c) - 1 - len(theta), 1)
    drop = 0.5 * (phi * float(f_quantile(level, 1, spare)) if overdispersed else float(normal_quantile(0.5 + level / 2)) ** 2)
    low, high = _profile(c, t, chosen, theta, best, outstanding, drop)
    table = pd.DataFrame(
        [(name, total / _reached(t, name, found[0]), found[1], 1 + _size(name), name == chosen) for name, found in fits.items()],
        columns=["form", "level", "log_likelihood", "parameters", "chosen"],
    )
    k, shape = math.exp(theta[0]), math.exp(theta[1]) if len(theta) > 1 else 0.0
    return ReturnCurve(
        total + outstanding, total + low, total + high, total, outstanding, done, chosen, k, shape, phi, table,
        total / done * cumulated,
    )  # fmt: skip


def _counts(counts: Any) -> Array:
    c = np.asarray(counts, dtype=float)
    if c.ndim != 1 or not len(c) or not np.isfinite(c).all() or (c < 0).any():
        raise DataError("counts of returns that cannot be", where="counts", allowed="one number ≥ 0 per day")
    return c


def _refuse(phase: FieldPhase) -> None:
    days = f"{phase.rate_end:.1f} in the last {phase.last_days} days, {phase.rate_before:.1f} before"
    said = {
        "short": f"fewer than {FEWEST_DAYS} days or {FEWEST_RETURNS} returns",
        "rising": f"daily returns still rise: {days}",
        "steady": f"daily returns do not fall yet: {days}",
    }
    if phase.phase in said:
        raise AnalysisError(
            [
                Problem(
                    f"{said[phase.phase]}; where they level off cannot be told",
                    "return curve",
                    "daily returns that fall",
                    "keep the field open, and look again",
                )
            ]
        )


def _size(form: str) -> int:
    """Parameters besides the level."""
    return 1 if form == "exponential" else 2


def _grown(t: Array, form: str, theta: Array) -> Array:
    """F(t), from 0 at the start to 1."""
    u = np.exp(-math.exp(theta[0]) * t)
    if form == "exponential":
        return 1 - u
    c = math.exp(theta[1])
    return (1 - u) / (1 + c * u) if form == "logistic" else 1 - np.expm1(-c * u) / math.expm1(-c)


def _reached(t: Array, form: str, theta: Array) -> float:
    return float(_grown(t, form, theta)[-1])


def _parts(t: Array, form: str, theta: Array) -> Array:
    """F(end) − F(start) of every period."""
    return np.maximum(np.diff(_grown(t, form, theta), prepend=0.0), 1e-300)


def _log_likelihood(c: Array, parts: Array, n: float) -> float:
    """Of Poisson counts with means n·parts, without the terms of the counts alone."""
    return float(c @ np.log(n * parts)) - n * float(parts.sum())


def _fit(c: Array, t: Array, form: str) -> tuple[Array, float]:
    """Maximise over the shape; the level follows from it."""
    total = float(c.sum())

    def loss(theta: Array) -> float:
        parts = _parts(t, form, theta)
        return -_log_likelihood(c, parts, total / float(parts.sum()))

    middle = float(np.interp(0.5 * total, np.cumsum(c), t))
    starts = [[math.log(0.7 / middle)]]
    if form != "exponential":
        starts = [[math.log(f * 0.7 / middle), math.log(shape)] for f, shape in ((1.0, 0.3), (1.5, 3.0), (2.5, 20.0))]
    found = [_lowest(loss, start) for start in starts]
    return min(found, key=lambda pair: pair[1])[0], -min(pair[1] for pair in found)


def _lowest(loss: Callable[[Array], float], start: Sequence[float]) -> tuple[Array, float]:
    from scipy.optimize import minimize

    bounds = [(-12.0, 6.0), (-9.0, 12.0)][: len(start)]
    done = minimize(loss, np.asarray(start), method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-8})
    return done.x, float(done.fun)


def _dispersion(c: Array, t: Array, form: str, found: tuple[Array, float]) -> float:
    parts = _parts(t, form, found[0])
    mean = float(c.sum()) / float(parts.sum()) * parts
    spare = len(c) - 1 - _size(form)
    return max(1.0, float(((c - mean) ** 2 / np.maximum(mean, 0.5)).sum()) / spare) if spare > 0 else 1.0


def _past_peak(t: Array, form: str, theta: Array) -> bool:
    """Tell whether the fitted daily returns have their peak before the last period."""
    return bool(np.argmax(_parts(t, form, theta) / np.diff(t, prepend=0.0)) < len(t) - 1)


def _profile(c: Array, t: Array, form: str, theta: Array, best: float, outstanding: float, drop: float) -> tuple[float, float]:
    """Ends of the interval of the outstanding returns R.

    For a given shape the log-likelihood in N is explicit, so that the R within the cut are too; the ends are the least and the
    largest of these over all shapes: a grid that is zoomed into, which cannot get stuck as a search for every R can.
    """
    total = float(c.sum())
    cut = best - drop

    def reach(grid: Sequence[Array], side: int) -> Array:
        """R at the end of the interval for every shape of the grid; NaN where no N is within the cut."""
        k, shape = (g[..., None] for g in grid)
        u = np.exp(-np.exp(k) * np.r_[0.0, t])
        if form == "exponential":
            left = u
        elif form == "logistic":
            left = u * (1 + np.exp(shape)) / (1 + np.exp(shape) * u)
        else:
            left = np.expm1(-np.exp(shape) * u) / np.expm1(-np.exp(shape))
        parts = np.maximum(-np.diff(left, axis=-1), 1e-300)
        grown = parts.sum(axis=-1)
        slack = np.log(parts) @ c + total * np.log(total / grown) - total - cut
        ratio = _ratio(np.maximum(slack, 0) / total, side)
        with np.errstate(over="ignore"):
            return np.where(slack >= 0, ratio * total / grown * left[..., -1], np.nan)

    def end(side: int) -> float:
        centre = np.array([theta[0], theta[1] if len(theta) > 1 else 0.0])
        low, high = np.array([-14.0, -9.0]), np.array([6.0, 12.0])
        step = np.array([0.5, 0.5])
        found = outstanding
        for _ in range(60):
            axes = [np.clip(m + d * np.arange(-4, 5), a, b) for m, d, a, b in zip(centre, step, low, high, strict=True)]
            if len(theta) < 2:
                axes[1] = np.zeros(1)
            grid = np.meshgrid(*axes, indexing="ij")
            r = side * reach(grid, side)
            if np.isnan(r).all():
                step = step / 2
                continue
            at = np.unravel_index(int(np.nanargmax(r)), r.shape)
            moved = side * float(r[at])
            edge = [i in (0, len(a) - 1) and len(a) > 1 for i, a in zip(at, axes, strict=True)]
            centre = np.array([g[at] for g in grid])
            if side > 0 and moved > _FAR * total:
                return math.inf
            gain = abs(moved - found)
            found = moved if side * (moved - found) >= 0 else found
            if not any(edge):
                step = step / 2.5
                if gain <= 1e-9 * max(found, 1e-6) and step.max() < 1e-4:
                    break
        return found

    low_end = end(-1)
    return (0.0 if low_end < 1e-6 else low_end), end(1)


def _ratio(slack: Array, side: int) -> Array:
    """Solve log x − (x − 1) = −slack for x above 1 (`side` 1) or below (−1), by Newton's method on log x."""
    z = side * np.sqrt(2 * slack)  # the solution for small slack
    z = np.where(side > 0, np.log1p(slack + np.sqrt(2 * slack)), np.maximum(z - slack, -1 - slack))
    for _ in range(40):
        value = z - np.expm1(z) + slack
        slope = -np.expm1(z)
        z = z - np.where(np.abs(slope) > 1e-14, value / np.where(slope == 0, 1, slope), 0.0)
    return np.exp(z)
