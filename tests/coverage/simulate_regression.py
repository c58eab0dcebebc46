"""Intervals of the share of variance that a regression explains: few and many predictors, strong and weak, normal and graded."""

from __future__ import annotations

import numpy as np
import pandas as pd
from populations import Population, ten_points
from tally import REPLICATIONS, RESAMPLES, Tally, generators

from csr_lib.stats.regression import r_squared_interval, regression

#: Answers, number of respondents, predictors, and what they explain of the (normal) outcome.
SITUATIONS = (
    ("normal", 100, 3, 0.15),
    ("normal", 100, 8, 0.35),
    ("normal", 250, 8, 0.6),
    ("ordinal", 100, 8, 0.35),
    ("ordinal", 250, 3, 0.15),
    ("ordinal", 250, 8, 0.35),
    ("ordinal", 250, 8, 0.6),
    ("ordinal", 1000, 8, 0.35),
)


def explained(kind: str, predictors: int, share: float) -> Population:
    """Equal predictors that correlate by .3 and explain `share` of the outcome, which stands in the last column."""
    latent = np.full((predictors + 1, predictors + 1), 0.3)
    np.fill_diagonal(latent, 1.0)
    slope = np.sqrt(share / latent[:-1, :-1].sum())
    latent[-1, :-1] = latent[:-1, -1] = slope * latent[:-1, :-1].sum(axis=0)
    columns = (*(f"x{j}" for j in range(predictors)), "overall")
    return Population(columns, latent, ten_points(predictors + 1, seed=9) if kind == "ordinal" else None)


def study(replications: int = REPLICATIONS) -> pd.DataFrame:
    """Truth is R² at the population's moments, for graded answers below that of the normal variables behind them."""
    frames = []
    for kind, n, predictors, share in SITUATIONS:
        population, tally = explained(kind, predictors, share), Tally()
        r = population.moments.correlation
        truth = 1 - np.linalg.det(r) / np.linalg.det(r[:-1, :-1])
        for rng in generators(8, kind == "ordinal", n, predictors, round(100 * share), replications=replications):
            fit = regression(population.draw(rng, n), "overall")
            low, high = r_squared_interval(fit, resamples=RESAMPLES, seed=rng)
            tally.add("r_squared", ["R²"], np.array([truth]), "adjusted percentile", np.array([low]), np.array([high]))
        frames.append(tally.table(answers=kind, n=n, predictors=predictors, share=share))
    return pd.concat(frames, ignore_index=True)
