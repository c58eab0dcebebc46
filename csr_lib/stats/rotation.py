"""Rotation of loadings: varimax, quartimax, promax, oblimin; one order and one sign for loadings, correlations and structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, unknown
from csr_lib.stats.resampling import Seed, generator

Array = np.ndarray
Method = Literal["none", "varimax", "quartimax", "promax", "oblimin"]
METHODS: tuple[Method, ...] = Method.__args__  # type: ignore[attr-defined]
OBLIQUE = ("promax", "oblimin")
#: Criteria of two starts closer than this are the same minimum.
SAME_MINIMUM = 1e-7


@dataclass(frozen=True, eq=False)
class Rotation:
    """Rotated loadings.

    The factors stand in the order of the variance that they account for, diag(ΦΛᵀΛ), largest first; the sum of each
    factor's loadings is positive. Everything here moves along.

    Attributes
    ----------
    method, kaiser : the rotation, and whether the rows were brought to length 1 while it was sought (Kaiser normalisation).
    loadings : (p, m), the pattern Λ.
    phi : (m, m), correlations of the factors; the identity after an orthogonal rotation.
    transformation : (m, m) T with Λ = A·T for the unrotated loadings A, and Φ = T⁻¹T⁻ᵀ.
    minima : one row per solution reached from the starts, best first: ``criterion times``; more than one row means that
        there are local minima. Smaller is better. Empty where nothing was minimised (``none``, a single factor, ``promax``).
    """

    method: Method
    kaiser: bool
    loadings: Array
    phi: Array
    transformation: Array
    minima: pd.DataFrame

    @property
    def structure(self) -> Array:
        """(p, m) correlations (covariances) of items and factors, ΛΦ."""
        return self.loadings @ self.phi

    @property
    def ss_loadings(self) -> Array:
        """(m,) variance that each factor accounts for, diag(ΦΛᵀΛ); their sum is the sum of the communalities."""
        return np.einsum("ij,ki,kj->j", self.phi, self.loadings, self.loadings)


def rotate(
    loadings: Any,
    method: Method = "varimax",
    *,
    kaiser: bool | None = None,
    power: float = 4,
    starts: int = 1,
    seed: Seed = 0,
    tolerance: float | None = None,
) -> Rotation:
    """Rotate loadings.

    Parameters
    ----------
    loadings : (p, m) unrotated loadings A of factors or components.
    method : ``none``, ``varimax``, ``quartimax`` (both orthogonal), ``promax``, ``oblimin`` (oblique).
    kaiser : bring rows to length 1 while rotating; None: as R does, yes for varimax and promax, no for quartimax and oblimin.
    power : exponent κ of promax.
    starts : how many starting positions to try, the first being the unrotated one (as R); the others are random
        orthogonal matrices from `seed`. The best solution is kept, all are told in ``minima``. Promax has no use for it.
    tolerance : None: until the digits end. A number: the stopping rule of the R programs, to reproduce figures made with it
        (``varimax(eps =)``, 1e-5 by default, which stops some 1e-3 early; ``GPArotation`` eps, 1e-5 by default).

    Raises
    ------
    OptionError
        Unknown method; power ≤ 1; starts < 1.
    DataError
        Loadings that are missing or infinite.
    AnalysisError
        No convergence; a promax target that makes the factors collapse.

    Notes
    -----
    Varimax (Kaiser 1958) is sought by R's iteration and finished by plane rotations, whose end is quadratic. Promax (Hendrickson
    & White 1964) regresses Λ·|Λ|^(κ−1) on varimax loadings Λ; with `kaiser` on the normalised ones. Oblimin is direct quartimin
    (δ = γ = 0): least Σ over factor pairs of Σᵢ λ²ᵢⱼλ²ᵢₖ, by gradient projection (Jennrich 2002) and Newton steps at its end.
    The same numbers: R ``stats::varimax`` (eps → 0), ``psych::fa(rotate = "promax")`` and SPSS (kaiser), ``stats::promax`` and
    ``psych::principal(rotate = "promax")`` (kaiser=False), ``GPArotation::oblimin`` and ``psych`` (SPSS: kaiser=True).
    """
    if method not in METHODS:
        raise OptionError([unknown(method, METHODS, what="rotation", where="rotation")])
    if not power > 1:
        raise OptionError(f"power {power} of promax", where="power", allowed="above 1, usually 4")
    if starts < 1:
        raise OptionError(f"{starts} starts", where="starts", allowed="a whole number ≥ 1")
    a = np.asarray(loadings, dtype=float)
    if a.ndim != 2 or not a.shape[1] or not np.isfinite(a).all():
        raise DataError(f"loadings of shape {a.shape}", where="rotation", allowed="items × factors, all finite numbers")
    m = a.shape[1]
    kaiser = method in ("varimax", "promax") if kaiser is None else kaiser
    if method == "none" or m == 1:
        return _ordered(a, np.eye(m), method, kaiser, [])
    length = np.sqrt((a**2).sum(axis=1, keepdims=True))
    rows = np.divide(a, length, out=np.zeros_like(a), where=length > 0)
    if method == "promax":
        upright = _varimax(rows, np.eye(m), 1.0, tolerance)
        t = upright @ _procrustes((rows if kaiser else a) @ upright, power)
        return _ordered(a, t, method, kaiser, [])
    target = rows if kaiser else a
    found: list[tuple[float, Array]] = []
    for start in _starts(m, starts, seed):
        if method == "oblimin":
            upright = _oblimin(target, start, tolerance)
            t, criterion = np.linalg.inv(upright).T, _quartimin(target, upright)[0]
        else:
            gamma = 1.0 if method == "varimax" else 0.0
            t = _varimax(target, start, gamma, tolerance)
            criterion = -_orthomax(target @ t, gamma)
        found.append((criterion, t))
    best = min(found, key=lambda one: one[0])[1]
    return _ordered(a, best, method, kaiser, [criterion for criterion, _ in found])


def _starts(m: int, starts: int, seed: Seed) -> list[Array]:
    rng = generator(seed)
    return [np.eye(m)] + [np.linalg.qr(rng.standard_normal((m, m)))[0] for _ in range(starts - 1)]


def _ordered(a: Array, t: Array, method: Method, kaiser: bool, criteria: list[float]) -> Rotation:
    """Bring a transformation into the order and the signs of a `Rotation`."""
    inverse = np.linalg.inv(t)
    loadings, phi = a @ t, inverse @ inverse.T
    if method not in OBLIQUE:
        phi = np.eye(len(t))
    accounted = np.einsum("ij,ki,kj->j", phi, loadings, loadings)
    # equal but for rounding: by the item that loads most
    order = np.lexsort((np.argmax(np.round(np.abs(loadings), 9), axis=0), -np.round(accounted, 9)))
    sign = np.where(loadings[:, order].sum(axis=0) < 0, -1.0, 1.0)
    phi = phi[np.ix_(order, order)] * np.outer(sign, sign) + 0.0  # no -0
    np.fill_diagonal(phi, 1.0)
    minima: list[list[float]] = []
    for criterion in sorted(criteria):
        if minima and criterion - minima[-1][0] < SAME_MINIMUM:
            minima[-1][1] += 1
        else:
            minima.append([criterion, 1])
    told = pd.DataFrame({"criterion": [c for c, _ in minima], "times": [int(k) for _, k in minima]})
    return Rotation(method, kaiser, loadings[:, order] * sign, phi, t[:, order] * sign, told)


def _orthomax(x: Array, gamma: float) -> float:
    """Variance of squared loadings, summed over factors (varimax, γ = 1), or their sum of fourth powers (quartimax, γ = 0)."""
    squares = x**2
    return float((squares**2).sum() - gamma * (squares.sum(axis=0) ** 2).sum() / len(x))


def _varimax(a: Array, t: Array, gamma: float, tolerance: float | None) -> Array:
    """Orthogonal T that makes `_orthomax` of a·T greatest, from the start `t`."""
    m = len(t)
    below = np.tril_indices(m, -1)

    def pull(x: Array) -> Array:
        return x**3 - gamma * x * (x**2).mean(axis=0)

    def climb(t: Array) -> Array:
        before = 0.0
        for _ in range(1000):
            u, s, v = np.linalg.svd(a.T @ pull(a @ t))
            t = u @ v
            if s.sum() < before * (1 + (1e-10 if tolerance is None else tolerance)):
                return t
            before = s.sum()
        if tolerance is not None:
            raise _not_converged()
        return t

    def around(t: Array) -> Callable[[Array], tuple[Array, Array]]:
        def turned(delta: Array) -> tuple[Array, Array]:
            half = np.zeros((m, m))
            half[below] = delta / 2
            half -= half.T
            new = t @ np.linalg.solve(np.eye(m) + half, np.eye(m) - half)
            x = a @ new
            product = x.T @ pull(x)
            return new, (product - product.T)[below]

        return turned

    return climb(t) if tolerance is not None else _settled(t, climb, around, len(below[0]), _size(a))


def _procrustes(x: Array, power: float) -> Array:
    """Promax: regression of the powered loadings on the loadings, scaled to factors of variance 1."""
    target = x * np.abs(x) ** (power - 1)
    u = np.linalg.lstsq(x, target, rcond=None)[0]
    try:
        scale = np.diag(np.linalg.inv(u.T @ u))
    except np.linalg.LinAlgError:
        scale = np.array([np.nan])
    if not (np.isfinite(scale).all() and scale.max() < 1e12 * scale.min()):
        raise AnalysisError(
            "the promax target makes factors collapse into one",
            where="rotation",
            mend="ask for fewer factors, a smaller power, or another rotation",
        )
    return u * np.sqrt(scale)


def _quartimin(a: Array, t: Array) -> tuple[float, Array]:
    """Criterion and its gradient in T, for loadings a·T⁻ᵀ and factor correlations TᵀT."""
    inverse = np.linalg.inv(t)
    x = a @ inverse.T
    squares = x**2
    others = squares.sum(axis=1, keepdims=True) - squares
    return float((squares * others).sum()) / 4, -(x.T @ (x * others) @ inverse).T


def _along(t: Array, g: Array) -> Array:
    """The part of the gradient that keeps the columns of T at length 1."""
    return g - t * (t * g).sum(axis=0)


def _unit(t: Array) -> Array:
    return t / np.sqrt((t**2).sum(axis=0))


def _oblimin(a: Array, start: Array, tolerance: float | None) -> Array:
    """T with columns of length 1 whose loadings a·T⁻ᵀ have the least quartimin criterion, from the start `start`."""
    m = len(start)

    def descend(t: Array) -> Array:
        t, slope = _gradient_projection(a, t, 1e-5 if tolerance is None else tolerance)
        if tolerance is not None and slope > tolerance:
            raise _not_converged()
        return t

    def around(t: Array) -> Callable[[Array], tuple[Array, Array]]:
        # for each column of T the directions that keep its length
        across = np.linalg.svd(t.T[:, :, None])[0][:, :, 1:]

        def turned(delta: Array) -> tuple[Array, Array]:
            new = _unit(t + np.einsum("jik,jk->ij", across, delta.reshape(m, m - 1)))
            down = _along(new, _quartimin(a, new)[1])
            return new, np.einsum("jik,ij->jk", across, down).ravel()

        return turned

    return descend(start) if tolerance is not None else _settled(start, descend, around, m * (m - 1), _size(a))


def _size(a: Array) -> float:
    """What the fourth powers of the loadings can add up to: the unit that slopes and curvatures are judged in."""
    return float(((a**2).sum(axis=1) ** 2).sum())


def _gradient_projection(a: Array, t: Array, eps: float, max_iterations: int = 1000) -> tuple[Array, float]:
    """Steps down the gradient, doubled after every success, halved until one pays (Jennrich 2002; Bernaards & Jennrich 2005).

    Returns T and the slope that is left, at most `eps` where the search came to its end.
    """
    length = 1.0
    f, g = _quartimin(a, t)
    for iteration in range(max_iterations + 1):
        down = _along(t, g)
        slope = float(np.sqrt((down**2).sum()))
        if slope <= eps or iteration == max_iterations:
            break
        length *= 2
        for _ in range(11):
            new = _unit(t - length * down)
            f_new, g_new = _quartimin(a, new)
            if f - f_new > 0.5 * slope**2 * length:
                break
            length /= 2
        t, f, g = new, f_new, g_new
    return t, slope


def _settled(
    t: Array,
    search: Callable[[Array], Array],
    around: Callable[[Array], Callable[[Array], tuple[Array, Array]]],
    directions: int,
    unit: float,
) -> Array:
    """Search a minimum and go to its last digits by Newton steps; `around` gives T and its slope a small turn away.

    An unrotated start can be a saddle point, or even the worst position, and yet have no slope: loadings that mirror each
    other. Then it is left along the direction that curves down.
    """
    zero, h = np.zeros(directions), 1e-5
    for _ in range(10):
        t = search(t)
        for _ in range(20):
            turned = around(t)
            slope = turned(zero)[1]
            columns = np.array([(turned(h * e)[1] - turned(-h * e)[1]) / (2 * h) for e in np.eye(directions)])
            values, vectors = np.linalg.eigh((columns + columns.T) / 2)
            if values[0] < -1e-6 * unit:
                t = turned(0.3 * vectors[:, 0])[0]
                break
            step = -vectors @ ((vectors.T @ slope) / np.maximum(values, 1e-9 * unit))
            tried = (turned(step / 2**halving) for halving in range(10))
            better = next((new for new, left in tried if np.abs(left).max() < np.abs(slope).max()), None)
            if better is None or np.abs(step).max() < 1e-7:  # the next step would be its square
                if np.abs(slope).max() < 1e-6 * unit:
                    return t if better is None else better
                break
            t = better
    raise _not_converged()


def _not_converged() -> AnalysisError:
    return AnalysisError("the rotation did not converge", where="rotation", mend="ask for fewer factors, or try another rotation")
