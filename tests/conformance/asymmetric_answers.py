"""Ratings 1–5 whose low and high ends count differently for an overall judgement 1–10; the answers behind `penalty_reward`."""

import numpy as np
import pandas as pd

NAMES = ["basic", "performance", "excitement", "idle"]
LOSS = np.array([1.6, 0.9, 0.1, 0.0])
GAIN = np.array([0.2, 0.9, 1.4, 0.0])


def asymmetric_answers(n: int = 400, seed: int = 20) -> pd.DataFrame:
    """Columns of ratings, `overall` and case weights `w`."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n, 1))
    latent = 0.6 * common + 0.8 * rng.standard_normal((n, len(NAMES)))
    ratings = 1 + (latent[..., None] > np.array([-1.3, -0.6, 0.2, 1.0])).sum(axis=-1)
    noise = rng.standard_normal(n) * (1.5 - 0.2 * ratings[:, 0])
    overall = 6 - (ratings <= 2) @ LOSS + (ratings >= 5) @ GAIN + noise
    frame = pd.DataFrame(ratings, columns=NAMES)
    return frame.assign(overall=np.clip(np.rint(overall), 1, 10), w=np.round(rng.uniform(0.5, 2.5, n), 2))
