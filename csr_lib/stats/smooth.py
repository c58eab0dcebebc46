"""A curve through answers on a graded scale: local linear smooth with a bootstrap band, a straight line against a bent one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.stats.moments import Kind
from csr_lib.stats.regression import hc3, wald
from csr_lib.stats.resampling import generator, percentile_interval

Array = np.ndarray

#: Rows of weight that must lie within one bandwidth of a point for the curve to be drawn there.
LEAST_NEAR = 5.0


@dataclass(frozen=True)
class Bend:
    """A line with one knot: slopes below and above it, their difference, and whether the relation is straight.

    `p_value` is the robust Wald test that square and cube add nothing to a straight line; slopes are per unit of x, each a
    triple of estimate and interval.
    """

    n: float
    slope: tuple[float, float, float]
    below: tuple[float, float, float]
    above: tuple[float, float, float]
    bend: tuple[float, float, float]
    f: float
    p_value: float


def smooth(
    x: Any,
    y: Any,
    weights: Any,
    at: Array,
    *,
    bandwidth: float,
    draws: int = 0,
    level: float = 0.95,
    seed: Any = 0,
    kind: Kind = "none",
) -> pd.DataFrame:
    """Return the local linear smooth of `y` on `x` at the points `at`, with a pointwise bootstrap interval.

    Parameters
    ----------
    x, y, weights : (N,) without missing values.
    at : (G,) points in units of x.
    bandwidth : of the Gaussian kernel, in units of x.
    draws : bootstrap resamples of respondents; 0 for no interval (NaN).
    kind : with ``frequency`` a weight of 3 is resampled as three respondents.

    Returns
    -------
    DataFrame
        ``x estimate ci_low ci_high``. NaN where fewer than five respondents lie within a bandwidth, and outside the answers.

    Notes
    -----
    At each point the intercept of the weighted regression of y on x − point, with weights w·K((x − point)/h), as in
    Fan & Gijbels (1996). The same curve: R ``locpol::locPolSmootherC`` with a Gaussian kernel. Nothing forces the curve to be
    straight or to rise.
    """
    x, y, w = (np.asarray(v, dtype=float) for v in (x, y, weights))
    points, where = np.unique(x, return_inverse=True)
    cells = np.zeros((len(x), len(points)))
    cells[np.arange(len(x)), where] = 1.0
    apart = points[None, :] - np.asarray(at, dtype=float)[:, None]  # (G, U)
    kernel = np.exp(-0.5 * (apart / bandwidth) ** 2)

    def fitted(mass: Array, total: Array) -> Array:
        s0, s1, s2 = (mass @ (kernel * apart**k).T for k in (0, 1, 2))
        t0, t1 = total @ kernel.T, total @ (kernel * apart).T
        with np.errstate(invalid="ignore", divide="ignore"):
            down = s0 * s2 - s1**2
            return np.where(down > 1e-9 * s0 * s2, (s2 * t0 - s1 * t1) / down, np.nan)

    counts = w if kind == "frequency" else np.ones(len(w))
    estimate = fitted((w @ cells)[None], ((w * y) @ cells)[None])[0]
    near = (counts @ cells) @ (np.abs(apart) <= bandwidth).T
    shown = (near >= LEAST_NEAR) & (at >= points[0] - 1e-9) & (at <= points[-1] + 1e-9)
    low = high = np.full(len(at), np.nan)
    if draws:
        rng = generator(seed)
        total = int(counts.sum())
        each = rng.multinomial(total, counts / counts.sum(), size=draws).astype(float)
        each *= np.where(counts > 0, w / np.where(counts > 0, counts, 1), 0)
        low, high = percentile_interval(fitted(each @ cells, each @ (cells * y[:, None])), level)
    out = pd.DataFrame({"x": at, "estimate": estimate, "ci_low": low, "ci_high": high})
    out.loc[~shown, ["estimate", "ci_low", "ci_high"]] = math.nan
    return out


def bend(x: Any, y: Any, weights: Any, knot: float, *, kind: Kind = "sampling", level: float = 0.95) -> Bend:
    """Return how steep `y` rises with `x` below and above `knot`, and whether a straight line would do.

    Regressions by weighted least squares with HC3 errors: y on x; y on x and max(x − knot, 0); y on x, x², x³, whose last two
    coefficients are tested together (Wald F). NaN where answers on both sides of the knot, or four different x, are needed and
    there are none. The same: R ``lm`` with ``sandwich::vcovHC`` and ``car::linearHypothesis``.
    """
    from csr_lib.stats.distributions import t_quantile

    x, y, w = (np.asarray(v, dtype=float) for v in (x, y, weights))
    n = float(w.sum()) if kind == "frequency" else float(len(x))
    ones = np.ones(len(x))

    def fit(columns: list[Array]) -> tuple[Array, Array]:
        b, cov, *_ = hc3(np.column_stack([ones, *columns]), y, w, kind)
        return b, cov

    def triple(row: Array, b: Array, cov: Array, p: int) -> tuple[float, float, float]:
        half = float(t_quantile(0.5 + level / 2, n - p)) * math.sqrt(max(float(row @ cov @ row), 0.0))
        value = float(row @ b)
        return value, value - half, value + half

    unknown = (math.nan,) * 3
    grades = np.unique(x)
    if len(grades) < 2 or n < 5:
        return Bend(n, unknown, unknown, unknown, unknown, math.nan, math.nan)
    b, cov = fit([x])
    slope = triple(np.array([0.0, 1.0]), b, cov, 2)
    below = above = change = unknown
    if (grades < knot).sum() > 1 and (grades > knot).any() and n > 5:
        b, cov = fit([x, np.maximum(x - knot, 0)])
        below, above, change = (triple(np.array(r, dtype=float), b, cov, 3) for r in ((0, 1, 0), (0, 1, 1), (0, 0, 1)))
    f = p = math.nan
    if len(grades) >= 4 and n > 6:
        z = (x - x.mean()) / x.std()
        b, cov = fit([z, z**2, z**3])
        f, p = wald(b[2:], cov[2:, 2:], n - 4)
    return Bend(n, slope, below, above, change, f, p)
