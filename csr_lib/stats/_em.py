"""Gaussian EM for incomplete rows, for many weightings of the rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from csr_lib.stats._linalg import inverses

Array = np.ndarray


@dataclass(frozen=True)
class _Pattern:
    """Sums over the rows that lack the same answers; draws first."""

    seen: Array
    lost: Array
    total: Array  # (B,)
    first: Array  # (B, o)
    second: Array  # (B, o, o)

    def take(self, draws: Array) -> _Pattern:
        return _Pattern(self.seen, self.lost, self.total[draws], self.first[draws], self.second[draws])


def em_moments(
    x: Array,
    w: Array,
    n: Array,
    *,
    tolerance: float,
    max_iterations: int,
    start: tuple[Array, Array] | None = None,
) -> tuple[Array, Array, Array]:
    """Maximum-likelihood means and covariances under multivariate normality from incomplete rows.

    Parameters
    ----------
    x : (rows, p) with NaN for missing answers, at least one answer a row.
    w : (rows, B) weights, one column per draw.
    n : (B,) rows drawn; the covariances are multiplied by n/(n−1).
    tolerance : largest change, in standard deviations, at which a draw counts as converged.
    start : means and covariances to start from; by default those of the answers there are, uncorrelated.

    Returns
    -------
    means (p, B), covariances (p, p, B), converged (B,).

    Notes
    -----
    Dempster, Laird and Rubin (1977); the same estimates as R ``norm::em.norm`` and lavaan's saturated model with
    ``missing = "fiml"``, up to n/(n−1). The E-step takes the regressions from the inverse covariance matrix K: given the
    answers o, the missing m have mean μ_m − K_mm⁻¹K_mo(x_o − μ_o) and covariance K_mm⁻¹, so that few missing answers cost little.
    """
    seen = ~np.isnan(x)
    zero = np.where(seen, x, 0.0)
    if start is None:
        count = seen.T.astype(float) @ w[:, :1]
        mean0 = ((zero.T @ w[:, :1]) / count)[:, 0]
        cov0 = np.diag((((zero**2).T @ w[:, :1]) / count)[:, 0] - mean0**2)
    else:
        mean0, cov0 = start
    scale = np.sqrt(np.diag(cov0))
    scale = np.where(scale > 0, scale, 1.0)
    z = np.where(seen, (zero - mean0) / scale, 0.0)
    patterns, base = _patterns(z, seen, w)
    draws, p = w.shape[1], x.shape[1]
    total = w.sum(0)
    mean = np.zeros((draws, p))
    cov = np.repeat((cov0 / np.outer(scale, scale))[None], draws, axis=0)
    converged = np.zeros(draws, dtype=bool)
    active = np.arange(draws)
    means, covs = mean, cov  # of the active draws
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for step in range(1, max_iterations + 1):
            before, means, covs = (means, covs), *_step(patterns, base, means, covs, total[active])
            moved = np.maximum(np.abs(means - before[0]).max(axis=1), np.abs(covs - before[1]).max(axis=(1, 2)))
            going = (moved >= tolerance) & np.isfinite(moved)
            if going.mean() > 0.5 and step < max_iterations:
                continue
            # put aside the draws that are finished, once they are half of what is left
            mean[active], cov[active] = means, covs
            converged[active] = moved < tolerance
            active, means, covs = active[going], means[going], covs[going]
            patterns, base = [q.take(going) for q in patterns], tuple(part[going] for part in base)
            if not len(active):
                break
        cov *= (n / (n - 1))[:, None, None]
    return (mean * scale + mean0).T.copy(), np.moveaxis(cov * np.outer(scale, scale), 0, -1).copy(), converged


def _patterns(z: Array, seen: Array, w: Array) -> tuple[list[_Pattern], tuple[Array, Array]]:
    """Sums by pattern of missing answers, and the sums (B, p) and (B, p, p) over all answers there are."""
    p = z.shape[1]
    pairs = (z[:, :, None] * z[:, None, :]).reshape(len(z), -1)
    base = w.T @ z, (w.T @ pairs).reshape(-1, p, p)
    kinds, member = np.unique(seen, axis=0, return_inverse=True)
    member = member.ravel()
    out = []
    for k, answered in enumerate(kinds):
        if answered.all():
            continue
        rows = np.flatnonzero(member == k)
        o, m = np.flatnonzero(answered), np.flatnonzero(~answered)
        zr, wr = z[np.ix_(rows, o)], w[rows]
        pairs = (zr[:, :, None] * zr[:, None, :]).reshape(len(rows), -1)
        out.append(_Pattern(o, m, wr.sum(0), wr.T @ zr, (wr.T @ pairs).reshape(-1, len(o), len(o))))
    return out, base


def _step(patterns: list[_Pattern], base: tuple[Array, Array], mean: Array, cov: Array, total: Array) -> tuple[Array, Array]:
    precision = inverses(cov)
    t1, t2 = base[0].copy(), base[1].copy()
    for pattern in patterns:
        o, m = pattern.seen, pattern.lost
        s0, s1, s2 = pattern.total, pattern.first, pattern.second
        rest = inverses(precision[:, m[:, None], m])
        slope = -rest @ precision[:, m[:, None], o]
        level = mean[:, m] - (slope @ mean[:, o, None])[..., 0]
        fitted = (slope @ s1[..., None])[..., 0]
        crossed = slope @ s2
        t1[:, m] += s0[:, None] * level + fitted
        mo = level[:, :, None] * s1[:, None, :] + crossed
        t2[:, m[:, None], o] += mo
        t2[:, o[:, None], m] += mo.transpose(0, 2, 1)
        lf = level[:, :, None] * fitted[:, None, :]
        ll = level[:, :, None] * level[:, None, :]
        both = crossed @ slope.transpose(0, 2, 1)
        t2[:, m[:, None], m] += s0[:, None, None] * (ll + rest) + lf + lf.transpose(0, 2, 1) + both
    new = t1 / total[:, None]
    return new, t2 / total[:, None, None] - new[:, :, None] * new[:, None, :]
