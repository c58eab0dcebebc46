"""A stratified sample of customers, made here with a fixed seed; the same rows were handed to R as a file."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Customers of each stratum in the population, and how many of them were drawn.
POPULATION = {"A": 400, "B": 250, "C": 150}
DRAWN = {"A": 60, "B": 50, "C": 40}
#: Population shares for raking.
REGION = {"north": 0.30, "south": 0.45, "west": 0.25}
AGE = {"young": 0.25, "middle": 0.40, "old": 0.35}


def stratified_sample() -> pd.DataFrame:
    """150 rows: stratum, region, age, an overall score 1–10, whether satisfied, a score with holes, unequal design weights."""
    rng = np.random.default_rng(20261101)
    stratum = np.repeat(list(DRAWN), list(DRAWN.values()))
    n = len(stratum)
    level = np.select([stratum == "A", stratum == "B"], [6.0, 7.2], 8.1)
    score = np.clip(np.round(level + 1.7 * rng.standard_normal(n)), 1, 10)
    region = rng.choice(list(REGION), n, p=[0.5, 0.3, 0.2])
    age = rng.choice(list(AGE), n, p=[0.45, 0.35, 0.2])
    weight = np.round(rng.lognormal(0.0, 0.5, n), 4)
    holes = np.where(rng.random(n) < 0.1, np.nan, score)
    return pd.DataFrame(
        {
            "stratum": stratum,
            "region": region,
            "age": age,
            "score": score,
            "satisfied": (score >= 8).astype(float),
            "holes": holes,
            "weight": weight,
        }
    )
