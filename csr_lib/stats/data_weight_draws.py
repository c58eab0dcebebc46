"""Weights of indicators that the answers give, of many resamples at once; each draw agrees with `csr_lib.stats.data_weights`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from csr_lib.core.errors import OptionError, unknown
from csr_lib.stats.data_weights import Definition

Array = np.ndarray


def entropy_draws(values: Array, weights: Array, rows: Array) -> Array:
    """Return entropy weights (B, p) of resamples; NaN where no item varies in one.

    Parameters
    ----------
    values : (n, p) ≥ 0 without missing values, put on the range wanted beforehand; none all 0.
    weights : (B, n) times drawn × case weight.
    rows : (B,) rows in each resample (with frequency weights their sum), at least two.
    """
    log = np.log(values, out=np.zeros_like(values), where=values > 0)
    scale = (np.asarray(rows, dtype=float) / weights.sum(axis=1))[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights @ values
        # −Σ w·p·ln p with p = x/t is ln t − Σ w·x·ln x / t
        entropy = (np.log(total * scale) - (weights @ (values * log)) / total) / np.log(rows)[:, None]
        divergence = np.clip(1 - entropy, 0.0, None)
        divergence[divergence < 1e-12] = 0.0  # an item that is constant in the resample
        return divergence / divergence.sum(axis=1, keepdims=True)


def critic_draws(covs: Array, *, correlation: str = "signed") -> Array:
    """Return CRITIC weights (B, p) of covariances (B, p, p) of items on one range; NaN where an item is constant."""
    if correlation not in ("signed", "absolute"):
        raise OptionError([unknown(correlation, ("signed", "absolute"), what="kind of conflict", where="correlation")])
    r, sd = _correlations(covs)
    with np.errstate(invalid="ignore", divide="ignore"):
        conflict = (1 - (np.abs(r) if correlation == "absolute" else r)).sum(axis=1)
        information = sd * conflict
        return information / information.sum(axis=1, keepdims=True)


def component_draws(covs: Array, components: int, *, definition: Definition = "score") -> Array:
    """Return weights (B, p) from unrotated components of covariances (B, p, p), as `component_weights` of one.

    A draw with a constant item, or with a ``score`` coefficient that is not above 0, failed and is NaN.
    """
    r, _ = _correlations(covs)
    good = np.isfinite(r).all(axis=(1, 2))
    out = np.full(r.shape[:2], np.nan)
    values, vectors = np.linalg.eigh(r[good])
    variance = np.maximum(values[:, ::-1][:, :components], 0.0)
    loadings = vectors[:, :, ::-1][:, :, :components] * np.sqrt(variance)[:, None, :]
    loadings *= np.where(loadings.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    part = variance / variance.sum(axis=1, keepdims=True)
    if definition == "score":
        with np.errstate(invalid="ignore", divide="ignore"):
            coefficient = np.einsum("bpc,bc->bp", loadings / np.sqrt(variance)[:, None, :], part)
    elif definition == "absolute":
        coefficient = np.einsum("bpc,bc->bp", np.abs(loadings), part)
    else:
        coefficient = (loadings**2).sum(axis=2)
    coefficient[~(coefficient > 0).all(axis=1)] = np.nan
    out[good] = coefficient / coefficient.sum(axis=1, keepdims=True)
    return out


def combine_draws(draws: Sequence[Array], rule: str = "additive", shares: Any = None) -> Array:
    """Return combined weights (B, p) of several sets (B, p) or (1, p), as `csr_lib.stats.weights.combine_weights` of one draw.

    `shares` (m,) are divided by their sum, equal where None; ``multiplicative`` takes none. NaN where a set is, or where nothing
    is left.
    """
    if rule not in ("additive", "multiplicative", "geometric"):
        known = ("additive", "multiplicative", "geometric")
        raise OptionError([unknown(rule, known, what="rule of combination", where="rule")])
    share = np.ones(len(draws)) if shares is None else np.asarray(shares, dtype=float)
    share = np.ones(len(draws)) if rule == "multiplicative" else share / share.sum()
    out: Array = np.zeros(()) if rule == "additive" else np.ones(())
    for own, weights in zip(share, draws, strict=True):
        out = out + own * weights if rule == "additive" else out * weights**own
    with np.errstate(invalid="ignore", divide="ignore"):
        return out / out.sum(axis=1, keepdims=True)


def _correlations(covs: Array) -> tuple[Array, Array]:
    """Correlations and standard deviations; NaN where a column is constant."""
    sd = np.sqrt(np.diagonal(covs, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return covs / (sd[:, :, None] * sd[:, None, :]), sd
