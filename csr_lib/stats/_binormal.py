"""The bivariate normal distribution on whole arrays: its density, and the probabilities of the cells of many tables at once."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, owens_t

Array = np.ndarray


def binormal_cdf(h: Array, k: Array, r: Array) -> Array:
    """Probability that X ≤ h and Y ≤ k for standard normal X, Y of correlation r; finite arguments, |r| < 1.

    Owen (1956): Φ₂ = ½[Φ(h) + Φ(k) − δ] − T(h, (k − rh)/(h√(1−r²))) − T(k, (h − rk)/(k√(1−r²))), δ = 1 where h and k lie on
    different sides of 0. Within 3e-16 of R ``mvtnorm::pmvnorm(algorithm = TVPACK())``, and without a loop over points.
    """
    h, k = h + 0.0, k + 0.0  # −0 would turn the sign of a quotient
    s = np.sqrt((1 - r) * (1 + r))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = owens_t(h, (k - r * h) / (h * s)) + owens_t(k, (h - r * k) / (k * s))
    apart = (h * k < 0) | ((h * k == 0) & (h + k < 0))
    out = 0.5 * (ndtr(h) + ndtr(k) - apart) - t
    return np.where((h == 0) & (k == 0), 0.25 + np.arcsin(r) / (2 * np.pi), out)


def binormal_density(h: Array, k: Array, r: Array) -> Array:
    """Density at (h, k), which is also the derivative of `binormal_cdf` with respect to r."""
    u = (1 - r) * (1 + r)
    return np.exp(-(h * h - 2 * r * h * k + k * k) / (2 * u)) / (2 * np.pi * np.sqrt(u))


def differences(corners: Array) -> Array:
    """Turn values at the corners (m, K+1, L+1) of tables into those of their cells (m, K, L)."""
    return corners[:, 1:, 1:] - corners[:, :-1, 1:] - corners[:, 1:, :-1] + corners[:, :-1, :-1]


class Tables:
    """Cell probabilities of m tables, whose thresholds are fixed, as functions of their m correlations.

    Parameters
    ----------
    rows, columns : (m, K−1) and (m, L−1) thresholds, ascending; +inf fills up where an item has fewer categories, which
        gives cells of probability 0.
    """

    def __init__(self, rows: Array, columns: Array):
        m, k, n = len(rows), rows.shape[1] + 1, columns.shape[1] + 1
        self.rows, self.columns = rows, columns
        h = np.broadcast_to(rows[:, :, None], (m, k - 1, n - 1))
        c = np.broadcast_to(columns[:, None, :], (m, k - 1, n - 1))
        self._inside = np.isfinite(h) & np.isfinite(c)
        self._h, self._k = h[self._inside], c[self._inside]
        self._pair = np.broadcast_to(np.arange(m)[:, None, None], h.shape)[self._inside]
        below_rows, below_columns = ndtr(rows), ndtr(columns)
        self._cdf = np.zeros((m, k + 1, n + 1))
        self._cdf[:, 1:-1, 1:-1] = np.minimum(below_rows[:, :, None], below_columns[:, None, :])
        self._cdf[:, 1:-1, -1] = below_rows
        self._cdf[:, -1, 1:-1] = below_columns
        self._cdf[:, -1, -1] = 1.0

    def take(self, some: Array) -> Tables:
        """Return some of the tables."""
        return Tables(self.rows[some], self.columns[some])

    def probabilities(self, r: Array) -> Array:
        """Cell probabilities (m, K, L) at the correlations r (m,)."""
        corners = self._cdf.copy()
        corners[:, 1:-1, 1:-1][self._inside] = binormal_cdf(self._h, self._k, r[self._pair])
        return differences(corners)

    def derivatives(self, r: Array) -> tuple[Array, Array]:
        """First and second derivatives of the cell probabilities with respect to the correlations, each (m, K, L)."""
        h, k, rho = self._h, self._k, r[self._pair]
        u = (1 - rho) * (1 + rho)
        first = np.zeros_like(self._cdf)
        second = np.zeros_like(self._cdf)
        density = binormal_density(h, k, rho)
        first[:, 1:-1, 1:-1][self._inside] = density
        slope = rho / u + (h * k * (1 + rho**2) - rho * (h * h + k * k)) / u**2
        second[:, 1:-1, 1:-1][self._inside] = density * slope
        return differences(first), differences(second)

    def threshold_derivatives(self, r: Array) -> Array:
        """How the cells below a row threshold gain from raising it, (m, K−1, L); those above it lose as much.

        ∂p/∂τ = φ(τ)·[Φ((c_b − rτ)/√(1−r²)) − Φ((c_{b−1} − rτ)/√(1−r²))], 0 for a threshold at infinity.
        """
        finite = np.isfinite(self.rows)
        tau = np.where(finite, self.rows, 0.0)[:, :, None]
        rho = r[:, None, None]
        edges = np.concatenate([np.full((len(r), 1), -np.inf), self.columns, np.full((len(r), 1), np.inf)], axis=1)[:, None, :]
        inside = ndtr((edges - rho * tau) / np.sqrt((1 - rho) * (1 + rho)))
        density = np.exp(-0.5 * tau**2) / np.sqrt(2 * np.pi) * finite[:, :, None]
        return density * np.diff(inside, axis=2)
