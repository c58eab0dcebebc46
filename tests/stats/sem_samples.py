"""Answers from a known covariance structure model."""

import numpy as np
import pandas as pd

from csr_lib.core.model import Construct, Model

ITEMS = {"Quality": ["q1", "q2", "q3"], "Value": ["v1", "v2", "v3"], "Satisfaction": ["s1", "s2", "s3"]}
COLUMNS = [item for items in ITEMS.values() for item in items]
LOADINGS = np.array([1.0, 0.8, 1.2, 1.0, 0.9, 1.1, 1.0, 1.1, 0.7])
PATHS = {("Quality", "Value"): 0.5, ("Quality", "Satisfaction"): 0.4, ("Value", "Satisfaction"): 0.6}


def model() -> Model:
    constructs = tuple(Construct(name, tuple(items), "reflective") for name, items in ITEMS.items())
    return Model(constructs, tuple(PATHS), "Satisfaction")


def drawn(n: int, seed: int = 0, *, shift: float = 0.0) -> pd.DataFrame:
    """Rows of the model: Quality with variance 1 and mean `shift`, residual variances .5 and .3, item errors .4, intercepts 5."""
    rng = np.random.default_rng(seed)
    quality = shift + rng.standard_normal(n)
    value = 0.5 * quality + np.sqrt(0.5) * rng.standard_normal(n)
    satisfaction = 0.4 * quality + 0.6 * value + np.sqrt(0.3) * rng.standard_normal(n)
    factors = np.repeat(np.column_stack([quality, value, satisfaction]), 3, axis=1)
    return pd.DataFrame(5 + factors * LOADINGS + np.sqrt(0.4) * rng.standard_normal((n, 9)), columns=COLUMNS)


def with_holes(frame: pd.DataFrame, share: float = 0.1, seed: int = 1) -> pd.DataFrame:
    """The same with a share of the answers missing at random, the first column complete."""
    lost = np.random.default_rng(seed).random(frame.shape) < share
    lost[:, 0] = False
    return frame.mask(lost)
