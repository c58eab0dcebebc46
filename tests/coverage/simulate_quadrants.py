"""How often an indicator truly lies in the quadrant that it is given, by the share of resamples that put it there."""

from __future__ import annotations

import numpy as np
import pandas as pd
from populations import Population
from tally import REPLICATIONS, RESAMPLES, generators

from csr_lib.stats.importance import importance_draws
from csr_lib.stats.moments import sample
from csr_lib.stats.quadrants import cut_offs, place, shares
from csr_lib.stats.resampling import resample_counts

SITUATIONS = (100, 250, 1000)
#: Importance as its own rating, and derived from the overall judgement.
WAYS = ("stated", "relative_weights", "correlation")
INDICATORS = 10
#: Shares are told apart by these limits; the last holds only indicators that every resample puts into the same quadrant.
LIMITS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0)
THRESHOLDS = np.array([-2.4, -2.0, -1.65, -1.3, -0.9, -0.5, 0.0, 0.6, 1.3])


def market(rng: np.random.Generator) -> Population:
    """A market of its own in every replication: ten perceptions, ten importances, and an overall judgement in the last column.

    Perceptions share a factor (loadings .45 to .85), importances another; levels vary by .3 and .25 standard deviations. The
    judgement follows the perceptions with random coefficients; R² is between .3 and .7.
    """
    k = INDICATORS
    latent = np.eye(2 * k + 1)
    for block in (slice(0, k), slice(k, 2 * k)):
        loading = rng.uniform(0.45, 0.85, k)
        latent[block, block] = np.outer(loading, loading)
    np.fill_diagonal(latent, 1.0)
    beta = rng.exponential(size=k)
    r2 = rng.uniform(0.3, 0.7)
    beta *= np.sqrt(r2 / (beta @ latent[:k, :k] @ beta))
    latent[-1, :k] = latent[:k, -1] = latent[:k, :k] @ beta
    level = np.concatenate([rng.normal(0, 0.3, k), rng.normal(0.3, 0.25, k), [0.0]])
    names = [f"{part}{j}" for part in "pi" for j in range(k)]
    return Population((*names, "overall"), latent, THRESHOLDS - level[:, None])


def study(replications: int = REPLICATIONS) -> pd.DataFrame:
    """Truth is the quadrant at the population's means and importances, cut at their means over the indicators."""
    frames = []
    for n in SITUATIONS:
        found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {way: [] for way in WAYS}
        for rng in generators(5, n, replications=replications):
            population = market(rng)
            answers = sample(population.draw(rng, n))
            drawn = [answers.resampled(c) for c in resample_counts(answers, RESAMPLES, rng)]
            means, covs = (np.concatenate(part) for part in zip(*drawn, strict=True))
            for way in WAYS:
                true, seen = (_quadrants(m.mean[None], m.cov[None], way)[0] for m in (population.moments, answers.moments()))
                share = shares(_quadrants(means, covs, way))[np.arange(INDICATORS), seen]
                found[way].append((share, seen == true))
        for way in WAYS:
            share, right = (np.array(part) for part in zip(*found[way], strict=True))
            frames.append(_calibration(share, right).assign(importance=way, n=n))
    table = pd.concat(frames, ignore_index=True)
    return table[["importance", "n", *(c for c in table.columns if c not in ("importance", "n"))]]


def _quadrants(means: np.ndarray, covs: np.ndarray, way: str) -> np.ndarray:
    """Quadrants (B, k) by means and covariances of perceptions, importances and the overall judgement."""
    k = INDICATORS
    if way == "stated":
        importances = means[:, k : 2 * k]
    else:
        own = np.r_[:k, 2 * k]
        importances = importance_draws(covs[:, own[:, None], own], way)
        if way == "relative_weights":
            importances = importances / importances.sum(axis=1, keepdims=True)
    performances = means[:, :k]
    return place(importances, performances, cut_offs(importances, "mean"), cut_offs(performances, "mean"))


def _calibration(share: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """By class of `share` (replications, k): mean share, how many are truly there, and its error, replications being clusters."""
    rows = []
    for low, high in zip(LIMITS, (*LIMITS[1:], np.inf), strict=True):
        inside = (share >= low) & (share < high)
        count = inside.sum()
        truly = (right & inside).sum() / count if count else np.nan
        residual = np.where(inside, right - truly, 0.0).sum(axis=1)
        rows.append(
            {
                "share_from": low,
                "share_below": high,
                "indicators": count,
                "mean_share": share[inside].mean() if count else np.nan,
                "truly_there": truly,
                "mc_error": np.sqrt((residual**2).sum()) / count if count else np.nan,
            }
        )
    return pd.DataFrame(rows)
