"""Intervals of a path model: composites (mode A) and consistent PLS, on a structure that is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from populations import customers, structure
from tally import REPLICATIONS, RESAMPLES, Tally, generators

from csr_lib.core.model import Mode
from csr_lib.stats.moments import sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_bootstrap import pls_bootstrap

#: Kind of answers and number of respondents.
SITUATIONS = (("normal", 250), ("ordinal", 100), ("ordinal", 250), ("ordinal", 1000))
QUANTITIES = ("index", "paths", "total_effects", "loadings", "r2", "htmt")


def study(mode: Mode, replications: int = REPLICATIONS) -> pd.DataFrame:
    """Truth is the estimate at the population's moments; of consistent PLS these are the paths of the factors."""
    frames = []
    for kind, n in SITUATIONS:
        population, model, tally = customers(kind), structure(mode), Tally()
        truth: dict[str, np.ndarray] | None = None
        for rng in generators(1, kind == "ordinal", n, mode == "A", replications=replications):
            drawn = pls_bootstrap(sample(population.draw(rng, n)), model, limits=population.limits, resamples=RESAMPLES, seed=rng)
            if truth is None:
                truth = _truth(pls(population.moments, model, limits=population.limits), drawn.keys)
            for quantity in QUANTITIES:
                names = [" → ".join(key) for key in drawn.keys[quantity].to_numpy()]
                for interval in ("percentile", "bca"):
                    found = drawn.summary(quantity, interval=interval)
                    tally.add(quantity, names, truth[quantity], interval, found["ci_low"], found["ci_high"])
        frames.append(tally.table(mode=mode, answers=kind, n=n))
    return pd.concat(frames, ignore_index=True)


def _truth(result, keys) -> dict[str, np.ndarray]:
    constructs = result.constructs.set_index("construct")
    effects = result.effects.set_index(["source", "target"])["total"]
    pairs = keys["total_effects"].itertuples(index=False, name=None)
    return {
        "index": constructs.loc[keys["index"]["construct"], "index"].to_numpy(),
        "paths": result.paths["estimate"].to_numpy(),
        "total_effects": effects.loc[list(pairs)].to_numpy(),
        "loadings": result.items["loading"].to_numpy(),
        "r2": constructs.loc[keys["r2"]["construct"], "r2"].to_numpy(),
        "htmt": np.array([result.htmt.loc[a, b] for a, b in keys["htmt"].itertuples(index=False, name=None)]),
    }
