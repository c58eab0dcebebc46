"""Correlation matrices of factors that are known, and answers that follow them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from csr_lib.stats.moments import Moments

#: Pattern of nine items on three factors; the third has weaker items.
PATTERN = np.zeros((9, 3))
PATTERN[:3, 0] = 0.85, 0.8, 0.75
PATTERN[3:6, 1] = 0.8, 0.7, 0.65
PATTERN[6:, 2] = 0.7, 0.6, 0.55
PHI = np.array([[1, 0.4, 0.2], [0.4, 1, 0.3], [0.2, 0.3, 1]])
ITEMS = [f"x{i + 1}" for i in range(9)]


def population(pattern: np.ndarray = PATTERN, phi: np.ndarray = PHI, n: float = 400) -> Moments:
    """Moments that a factor model has exactly."""
    r = pattern @ phi @ pattern.T
    np.fill_diagonal(r, 1.0)
    p = len(pattern)
    return Moments.from_correlation([f"x{i + 1}" for i in range(p)], np.zeros(p), np.ones(p), r, n)


def answers(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Answers 1–7 that follow `PATTERN` and `PHI`."""
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((n, 3)) @ np.linalg.cholesky(PHI).T
    unique = np.sqrt(1 - np.diag(PATTERN @ PHI @ PATTERN.T))
    x = scores @ PATTERN.T + unique * rng.standard_normal((n, 9))
    return pd.DataFrame(np.clip(np.round(4 + 1.3 * x), 1, 7), columns=ITEMS)
