"""Answers with a known structure, of any size."""

import numpy as np
import pandas as pd


def simulate(n: int, seed: int = 0) -> pd.DataFrame:
    """Integers 1–10: Image → Quality → Satisfaction → Loyalty with moderate paths."""
    rng = np.random.default_rng(seed)
    image = rng.standard_normal(n)
    quality = 0.6 * image + 0.8 * rng.standard_normal(n)
    satisfaction = 0.3 * image + 0.5 * quality + 0.6 * rng.standard_normal(n)
    loyalty = 0.7 * satisfaction + 0.7 * rng.standard_normal(n)
    parts = {"i": (image, 3), "q": (quality, 3), "s": (satisfaction, 2), "l": (loyalty, 1)}
    frame = {
        f"{letter}{k + 1}": 6.5 + 1.6 * (0.8 * score + 0.6 * rng.standard_normal(n))
        for letter, (score, items) in parts.items()
        for k in range(items)
    }
    return pd.DataFrame(frame).round().clip(1, 10)
