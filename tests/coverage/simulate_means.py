"""Intervals of means, shares and differences, with and without sampling weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tally import Tally, generators

from csr_lib.stats.comparison import independent_difference, mean_interval, paired_difference, share_interval

#: These intervals are cheap, so more replications than elsewhere.
REPLICATIONS = 10_000
SITUATIONS = (100, 250, 1000)
#: Shares of three groups of customers in the population and in the sample, where they are drawn with unequal probabilities.
POPULATION, SAMPLE = np.array([0.6, 0.3, 0.1]), np.array([0.3, 0.4, 0.3])
#: Levels and common spread of the normal variables behind their ratings 1–10.
LEVEL = np.array([0.5, 0.0, -0.8])
THRESHOLDS = np.array([-2.4, -2.0, -1.65, -1.3, -0.9, -0.5, 0.0, 0.6, 1.3])
SHIFT, TOGETHER = 0.3, 0.5  # the second rating is lower by SHIFT and correlates TOGETHER with the first


def study(replications: int = REPLICATIONS) -> pd.DataFrame:
    """Truth is the mean, share or difference in the population; the weight of a respondent is its group's POPULATION / SAMPLE."""
    chance = np.array([_chances(LEVEL), _chances(LEVEL - SHIFT)])  # (2, group, answer)
    points = np.arange(1, 11)
    by_group = chance @ points
    mean = by_group @ POPULATION
    top = chance[0][:, 8:].sum(axis=1)  # 9 or 10
    drawn_as = {"none": SAMPLE, "sampling": POPULATION}  # without weights the sample stands for itself
    frames = []
    for n in SITUATIONS:
        tally = Tally()
        for rng in generators(3, n, replications=replications):
            group = rng.choice(3, size=n, p=SAMPLE)
            z = rng.standard_normal((n, 2)) @ np.array([[1, TOGETHER], [0, np.sqrt(1 - TOGETHER**2)]])
            x, y = (1 + np.searchsorted(THRESHOLDS, z[:, j] + LEVEL[group] - (SHIFT if j else 0)).astype(float) for j in (0, 1))
            weights = (POPULATION / SAMPLE)[group]
            for kind, shares in drawn_as.items():
                w = weights if kind == "sampling" else None
                mean = by_group @ shares
                for quantity, truth, found in (
                    ("mean", mean[0], mean_interval(x, w)),
                    ("top_two", top @ shares, share_interval(x >= 9, w)),
                    ("paired_difference", mean[0] - mean[1], paired_difference(x, y, w)),
                ):
                    tally.add(quantity, [kind], np.array([truth]), "stated", [found.ci_low], [found.ci_high])
            first, last = group < 2, group == 2
            found = independent_difference(x[first], x[last], weights[first], weights[last])
            truth = by_group[0, :2] @ POPULATION[:2] / POPULATION[:2].sum() - by_group[0, 2]
            tally.add("independent_difference", ["sampling"], np.array([truth]), "stated", [found.ci_low], [found.ci_high])
        frames.append(tally.table(n=n))
    return pd.concat(frames, ignore_index=True)


def _chances(level: np.ndarray) -> np.ndarray:
    """Probabilities of the ratings 1–10 in each group, (3, 10)."""
    from csr_lib.stats.distributions import normal_below

    below = normal_below(THRESHOLDS - level[:, None])
    return np.diff(np.column_stack([np.zeros(3), below, np.ones(3)]), axis=1)
