"""Counting how often intervals hold the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

Array = np.ndarray
TABLES = Path(__file__).parent / "tables"
#: Replications of every simulation, unless a topic is so cheap that it takes more; resamples in each.
REPLICATIONS, RESAMPLES = 2000, 1000
#: What is required of a 95 % interval where it is claimed.
LOWEST, HIGHEST = 0.93, 0.97


class Tally:
    """Intervals of many quantities over the replications of one situation.

    `add` once per replication and kind of interval; `table` then has one row per quantity and kind: the share of intervals that
    hold the truth with its Monte Carlo error, the shares that lie below and above it, and intervals that were not given (NaN),
    which count as not holding it.
    """

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str, tuple[str, ...]], tuple[Array, list[tuple[Array, Array]]]] = {}

    def add(self, quantity: str, names: Sequence[str], truth: Array, interval: str, low: Array, high: Array) -> None:
        truth = np.asarray(truth, dtype=float)
        _, seen = self.parts.setdefault((quantity, interval, tuple(names)), (truth, []))
        seen.append((np.asarray(low, dtype=float), np.asarray(high, dtype=float)))

    def table(self, **situation: object) -> pd.DataFrame:
        frames = []
        for (quantity, interval, names), (truth, seen) in self.parts.items():
            low, high = (np.array(side) for side in zip(*seen, strict=True))
            hit = ((low <= truth) & (truth <= high)).mean(axis=0)
            frames.append(
                pd.DataFrame(
                    {
                        **situation,
                        "quantity": quantity,
                        "name": names,
                        "interval": interval,
                        "truth": truth,
                        "replications": len(low),
                        "coverage": hit,
                        "mc_error": np.sqrt(hit * (1 - hit) / len(low)),
                        "below": (high < truth).mean(axis=0),
                        "above": (low > truth).mean(axis=0),
                        "width": np.nanmean(high - low, axis=0),
                        "missing": (np.isnan(low) | np.isnan(high)).sum(axis=0),
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)


def generators(topic: int, *situation: int, replications: int) -> list[np.random.Generator]:
    """One independent generator per replication; the same numbers give the same simulation."""
    return [np.random.default_rng(s) for s in np.random.SeedSequence([topic, *situation]).spawn(replications)]


def write(topic: str, table: pd.DataFrame) -> pd.DataFrame:
    """Mark which intervals are within the limits, write the table, and return it."""
    if "coverage" in table:
        table = table.assign(within=table["coverage"].between(LOWEST, HIGHEST))
    TABLES.mkdir(exist_ok=True)
    table.to_csv(TABLES / f"{topic}.csv", index=False, float_format="%.6g", lineterminator="\n")
    return table


def read(topic: str) -> pd.DataFrame:
    """Return the committed table of a topic."""
    return pd.read_csv(TABLES / f"{topic}.csv")
