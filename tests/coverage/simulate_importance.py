"""Intervals of derived importance: six indicators that hang together, and an overall judgement."""

from __future__ import annotations

import numpy as np
import pandas as pd
from populations import Population, ten_points
from tally import REPLICATIONS, RESAMPLES, Tally, generators

from csr_lib.stats.importance import importance
from csr_lib.stats.importance_bootstrap import importance_bootstrap
from csr_lib.stats.moments import sample

SITUATIONS = (("normal", 250), ("ordinal", 100), ("ordinal", 250), ("ordinal", 1000))
METHODS = ("relative_weights", "lmg", "semipartial_correlation", "regression")
#: Standardised coefficients of the normal variables; the last indicator counts only by what it shares with the others.
COEFFICIENTS = np.array([0.35, 0.25, 0.2, 0.15, 0.1, 0.0])


def judges(kind: str) -> Population:
    """Indicators with correlations between .25 and .55 and the outcome in the last column; R² about .6."""
    common = np.array([0.75, 0.7, 0.65, 0.6, 0.55, 0.5])
    latent = np.eye(7)
    latent[:6, :6] = np.outer(common, common)
    np.fill_diagonal(latent, 1.0)
    latent[6, :6] = latent[:6, 6] = latent[:6, :6] @ COEFFICIENTS
    columns = (*"abcdef", "overall")
    return Population(columns, latent, ten_points(7, seed=8) if kind == "ordinal" else None)


def study(replications: int = REPLICATIONS) -> pd.DataFrame:
    """Truth is every importance at the population's moments."""
    frames = []
    for kind, n in SITUATIONS:
        population, tally = judges(kind), Tally()
        truth = importance(population.moments, "overall").table
        i, j = np.triu_indices(len(truth), 1)
        pairs = [f"{a} − {b}" for a, b in zip(truth["item"].to_numpy()[i], truth["item"].to_numpy()[j], strict=True)]
        difference = truth["relative_weights"].to_numpy()[i] - truth["relative_weights"].to_numpy()[j]
        for rng in generators(2, kind == "ordinal", n, replications=replications):
            drawn = importance_bootstrap(
                sample(population.draw(rng, n)), "overall", methods=METHODS, resamples=RESAMPLES, seed=rng
            )
            for interval in ("percentile", "bca"):
                found = drawn.summary(interval=interval)
                ends = found[["ci_low", "ci_high"]].to_numpy().reshape(len(drawn.draws), len(truth), 2)
                for method, (low, high) in zip(drawn.draws, np.moveaxis(ends, 2, 1), strict=True):
                    tally.add(method, truth["item"], truth[method].to_numpy(), interval, low, high)
            found = drawn.differences("relative_weights")
            tally.add("relative_weights_difference", pairs, difference, "percentile", found["ci_low"], found["ci_high"])
        frames.append(tally.table(answers=kind, n=n))
    return pd.concat(frames, ignore_index=True)
