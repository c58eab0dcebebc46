"""Intervals of Cronbach's alpha: Feldt's, for normal answers to items that are equally good, and the bootstrap's."""

from __future__ import annotations

import numpy as np
import pandas as pd
from populations import Population, ten_points
from tally import REPLICATIONS, RESAMPLES, Tally, generators

from csr_lib.stats.moments import sample
from csr_lib.stats.reliability import alpha_of, reliability
from csr_lib.stats.resampling import bca_interval, leave_out, percentile_interval, resample_counts

#: Kind of answers, loadings of four items on their factor, respondents.
SITUATIONS = tuple(
    (kind, loadings, n) for kind, loadings in (("normal", "equal"), ("ordinal", "unequal")) for n in (100, 250, 1000)
)
LOADINGS = {"equal": np.full(4, 0.75), "unequal": np.array([0.9, 0.8, 0.6, 0.5])}


def scale(kind: str, loadings: str) -> Population:
    """Four items of one factor."""
    latent = np.outer(LOADINGS[loadings], LOADINGS[loadings])
    np.fill_diagonal(latent, 1.0)
    return Population(tuple("abcd"), latent, ten_points(4, seed=6) if kind == "ordinal" else None)


def study(replications: int = REPLICATIONS) -> pd.DataFrame:
    """Truth is alpha of the population's covariances."""
    frames = []
    for at, (kind, loadings, n) in enumerate(SITUATIONS):
        population, tally = scale(kind, loadings), Tally()
        truth = np.array([float(alpha_of(population.moments.cov))])
        for rng in generators(4, at, replications=replications):
            answers = sample(population.draw(rng, n))
            found = reliability(answers.moments())
            tally.add("alpha", ["four items"], truth, "feldt", [found.ci_low], [found.ci_high])
            draws = alpha_of(np.concatenate([answers.resampled(c)[1] for c in resample_counts(answers, RESAMPLES, rng)]))[:, None]
            left = alpha_of(np.concatenate([answers.resampled(c)[1] for c in leave_out(answers).counts()]))[:, None]
            tally.add("alpha", ["four items"], truth, "percentile", *percentile_interval(draws))
            tally.add("alpha", ["four items"], truth, "bca", *bca_interval(draws, [found.alpha], left))
        frames.append(tally.table(answers=kind, loadings=loadings, n=n))
    return pd.concat(frames, ignore_index=True)
