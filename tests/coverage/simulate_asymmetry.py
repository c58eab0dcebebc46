"""Intervals of penalties, rewards and what follows from them, where spread depends on the ratings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tally import REPLICATIONS, RESAMPLES, Tally, generators

from csr_lib.stats.asymmetry import penalty_reward

SITUATIONS = (100, 250, 1000)
NAMES = ("basic", "performance", "excitement")
LOSS, GAIN = np.array([1.6, 0.9, 0.4]), np.array([0.4, 0.9, 1.4])
THRESHOLDS = np.array([-1.3, -0.7, 0.2, 0.8])  # ratings 1–5; 24 % are low (≤ 2), 21 % high (5)


def answers(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Three correlated ratings and an outcome that varies more where `basic` is rated low."""
    z = 0.6 * rng.standard_normal((n, 1)) + 0.8 * rng.standard_normal((n, 3))
    ratings = 1 + np.searchsorted(THRESHOLDS, z)
    noise = rng.standard_normal(n) * (1.8 - 0.25 * ratings[:, 0])
    return pd.DataFrame(ratings, columns=list(NAMES)), 6 - (ratings <= 2) @ LOSS + (ratings >= 5) @ GAIN + noise


def study(replications: int = REPLICATIONS) -> pd.DataFrame:
    """Truth is what the outcome was made with."""
    truth = {
        "contrast": GAIN - LOSS,
        "range": GAIN + LOSS,
        "sgp": GAIN / (GAIN + LOSS),
        "dgp": LOSS / (GAIN + LOSS),
        "asymmetry": (GAIN - LOSS) / (GAIN + LOSS),
    }
    effects = np.column_stack([-LOSS, GAIN]).ravel()
    frames = []
    for n in SITUATIONS:
        tally = Tally()
        for rng in generators(6, n, replications=replications):
            ratings, outcome = answers(rng, n)
            found = penalty_reward(ratings, outcome, low=2, high=5, resamples=RESAMPLES, seed=rng)
            names = [f"{a} of {b}" for a, b in zip(found.effects["effect"], found.effects["item"], strict=True)]
            tally.add("effect", names, effects, "HC3", found.effects["ci_low"], found.effects["ci_high"])
            tally.add("contrast", NAMES, truth["contrast"], "HC3", found.items["ci_low"], found.items["ci_high"])
            for name in ("range", "sgp", "dgp", "asymmetry"):
                tally.add(name, NAMES, truth[name], "percentile", found.items[f"{name}_low"], found.items[f"{name}_high"])
        frames.append(tally.table(n=n))
    return pd.concat(frames, ignore_index=True)
