"""One common factor by maximum likelihood in many covariance matrices at once, for omega and its bootstrap."""

from __future__ import annotations

import numpy as np

from csr_lib.stats._linalg import inverses

Array = np.ndarray
_STEPS, _HALVINGS = 60, 12
#: The search ends where a step would lower the discrepancy by less than half of this, and its slope is below the second.
_DECREMENT, _SLOPE = 1e-20, 1e-6


def one_factor(covs: Array) -> tuple[Array, Array]:
    """Maximum-likelihood loadings and uniquenesses of one factor, (B, k) each, in the units of the items.

    Parameters
    ----------
    covs : (B, k, k), k ≥ 3. Where one is singular, or nothing is found in it, the row is NaN.

    Notes
    -----
    Newton's method on the correlations, Fisher scoring where it would go uphill, steps halved until the discrepancy
    log|Σ| + tr(SΣ⁻¹) falls. A uniqueness may become
    negative, as in lavaan (a Heywood case). The factor points where the loadings' sum is positive.
    """
    sd = np.sqrt(np.diagonal(covs, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = covs / (sd[:, :, None] * sd[:, None, :])
    usable = np.isfinite(r).all(axis=(1, 2))
    usable[usable] = np.linalg.eigvalsh(r[usable])[:, 0] > 1e-10
    loadings, uniquenesses = np.full(sd.shape, np.nan), np.full(sd.shape, np.nan)
    if usable.any():
        loadings[usable], uniquenesses[usable] = _search(r[usable])
    return loadings * sd, uniquenesses * sd**2


def information(loadings: Array, uniquenesses: Array) -> Array:
    """Expected second derivatives of the discrepancy by loadings, then uniquenesses: (B, 2k, 2k).

    n/2 times this is the Fisher information of n answers.
    """
    w = inverses(_implied(loadings, uniquenesses))
    return _curvature(w, w, loadings)


def _implied(loadings: Array, uniquenesses: Array) -> Array:
    sigma = loadings[:, :, None] * loadings[:, None, :]
    own = np.arange(loadings.shape[1])
    sigma[:, own, own] += uniquenesses
    return sigma


def _curvature(w: Array, v: Array, loadings: Array) -> Array:
    """Second derivatives of log|Σ| + tr(SΣ⁻¹), w = Σ⁻¹ and v = Σ⁻¹SΣ⁻¹; their expectation where v = w."""
    k = loadings.shape[1]
    wl, vl = np.einsum("bij,bj->bi", w, loadings), np.einsum("bij,bj->bi", v, loadings)
    q, u = ((x * loadings).sum(axis=1)[:, None, None] for x in (wl, vl))
    crossed = vl[:, :, None] * wl[:, None, :]
    out = np.empty((len(w), 2 * k, 2 * k))
    # 2(w − v) is what the second derivatives of Σ itself add
    out[:, :k, :k] = 2 * (w - v + crossed + crossed.transpose(0, 2, 1) + w * u + v * q - wl[:, :, None] * wl[:, None, :] - w * q)
    out[:, k:, k:] = 2 * w * v - w**2
    out[:, :k, k:] = 2 * (v * wl[:, None, :] + w * vl[:, None, :] - w * wl[:, None, :])
    out[:, k:, :k] = out[:, :k, k:].transpose(0, 2, 1)
    return out


def _discrepancy(r: Array, x: Array) -> Array:
    """log|Σ| + tr(RΣ⁻¹), infinite where Σ is not positive definite; x (B, 2k) holds loadings and uniquenesses."""
    loadings, uniquenesses = np.split(x, 2, axis=1)
    sigma = _implied(loadings, uniquenesses)
    sign, logdet = np.linalg.slogdet(sigma)
    # one negative uniqueness can be made up for by the factor, two cannot
    bad = (sign <= 0) | ((uniquenesses <= 0).sum(axis=1) > 1)
    sigma[bad] = np.eye(r.shape[1])
    with np.errstate(invalid="ignore"):
        f = logdet + np.einsum("bij,bji->b", inverses(sigma), r)
    return np.where(bad | np.isnan(f), np.inf, f)


def _step(w: Array, v: Array, loadings: Array, gradient: Array) -> Array:
    """Newton's step, or that of Fisher scoring where Newton's goes uphill."""

    def solved(curvature: Array, slope: Array) -> Array:
        return -np.nan_to_num(np.einsum("bij,bj->bi", inverses(curvature), slope))

    step = solved(_curvature(w, v, loadings), gradient)
    uphill = ~((step * gradient).sum(axis=1) < 0)
    if uphill.any():
        step[uphill] = solved(_curvature(w[uphill], w[uphill], loadings[uphill]), gradient[uphill])
    return step


def _search(r: Array) -> tuple[Array, Array]:
    k = r.shape[1]
    values, vectors = np.linalg.eigh(r)
    loadings = vectors[:, :, -1] * np.sqrt(np.maximum(values[:, -1:] - 0.5, 0.1))
    x = np.concatenate([loadings, np.maximum(1 - loadings**2, 0.1)], axis=1)
    f = _discrepancy(r, x)
    left = np.arange(len(r))
    for _ in range(_STEPS):
        now, matrix = x[left], r[left]
        w = inverses(_implied(*np.split(now, 2, axis=1)))
        v = w @ matrix @ w
        slope = w - v
        gradient = np.concatenate([2 * np.einsum("bij,bj->bi", slope, now[:, :k]), np.diagonal(slope, axis1=1, axis2=2)], axis=1)
        step = _step(w, v, now[:, :k], gradient)
        going = np.abs((step * gradient).sum(axis=1)) > _DECREMENT
        x[left[~going & (np.abs(gradient).max(axis=1) > _SLOPE)]] = np.nan  # no step is known
        if not going.any():
            return _oriented(x, left[:0])
        left, now, matrix, step = left[going], now[going], matrix[going], step[going]
        size = np.ones(len(left))
        new, f_new = now + step, _discrepancy(matrix, now + step)
        for _halving in range(_HALVINGS):
            worse = np.flatnonzero(f_new > f[left] + 1e-13 * np.abs(f[left]))
            if not len(worse):
                break
            size[worse] /= 2
            new[worse] = now[worse] + size[worse, None] * step[worse]
            f_new[worse] = _discrepancy(matrix[worse], new[worse])
        x[left], f[left] = new, f_new
    return _oriented(x, left)


def _oriented(x: Array, failed: Array) -> tuple[Array, Array]:
    """Loadings with a positive sum, and uniquenesses; NaN where the search failed."""
    x[failed] = np.nan
    loadings, uniquenesses = np.split(x, 2, axis=1)
    return loadings * np.where(loadings.sum(axis=1, keepdims=True) < 0, -1.0, 1.0), uniquenesses
