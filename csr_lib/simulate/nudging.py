"""The last step to a published figure: as few answers as possible moved by one grade."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from csr_lib.core.errors import OptionError
from csr_lib.simulate.respondents import Seed


def nudge(
    frame: pd.DataFrame,
    columns: Sequence[str],
    statistic: Callable[[pd.DataFrame], float],
    target: float,
    seed: Seed,
    low: int,
    high: int,
    rows: npt.ArrayLike | None = None,
    only: Sequence[int] | None = None,
) -> tuple[pd.DataFrame, int]:
    """Move as few answers as possible, each by one grade, until `statistic` is as near to `target` as it can get.

    The last step of reproducing a published figure: the population is chosen so that samples come near it, and this takes
    the rest out. The answers that move are a random sequence; how many of them move is found by bisection, so `statistic`
    must rise when answers rise (a mean, a share of top grades, an index).

    Parameters
    ----------
    frame : the answers.
    columns : whose answers may move.
    statistic : frame -> number.
    target : what it should be.
    seed : an int or a Generator.
    low, high : ends of the scale; no answer leaves it.
    rows : boolean mask of respondents whose answers may move; all by default. Missing answers stay missing.
    only : grades that may be left; all by default. For a share of top grades: the grade below the cut when it must rise, the
        cut's own when it must fall, both are named (``[3, 4]`` for the share of 4 and 5).

    Returns
    -------
    frame, moved
        The new answers and how many were moved.

    Raises
    ------
    OptionError
        Moving all of them does not reach `target`.
    """
    rng = np.random.default_rng(seed)
    up = statistic(frame) < target
    step = 1 if up else -1
    values = frame[list(columns)].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    free = (values < high) if up else (values > low)
    if only is not None:
        free &= values == (min(only) if up else max(only))
    if rows is not None:
        free &= np.asarray(rows, dtype=bool)[:, None]
    cells = rng.permutation(np.argwhere(free))

    def moved(count: int) -> pd.DataFrame:
        at = values.copy()
        at[cells[:count, 0], cells[:count, 1]] += step
        new = pd.DataFrame(at, index=frame.index, columns=list(columns))
        return frame.assign(**{c: new[c].astype("Int64").astype(frame[c].dtype) for c in columns})

    few, many = 0, len(cells)
    if step * (statistic(moved(many)) - target) < 0:
        raise OptionError(
            f"moving every answer by one grade gives {statistic(moved(many)):.4g}, not {target:.4g}",
            where="nudge",
            allowed="a target near the present value",
            mend="change the population so that its samples come nearer",
        )
    while many - few > 1:
        half = (few + many) // 2
        if step * (statistic(moved(half)) - target) < 0:
            few = half
        else:
            many = half
    best = min((few, many), key=lambda count: abs(statistic(moved(count)) - target))
    return moved(best), best
