"""Small groups are withheld, and a second one where a total would reveal the first.

The rule, for groups that add up to a total:

1. a group with fewer than `min_cell` respondents is withheld;
2. where the total is shown as well, total minus the groups shown is what the withheld groups have together. So at least two
   groups are withheld and they hold at least `min_cell` respondents together: until then the smallest group still shown
   is withheld too.

Counts are respondents, not weights. Empty groups are nothing to protect and count neither way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def withhold(counts: Sequence[int] | np.ndarray, min_cell: int, total_shown: bool = True) -> np.ndarray:
    """Tell which groups to withhold.

    Parameters
    ----------
    counts : respondents per group, the groups not overlapping.
    min_cell : the smallest number of respondents that may be shown.
    total_shown : whether a figure for all groups together is shown too.

    Returns
    -------
    Boolean array, True where a group is withheld. Ties are broken by position, the earlier group goes first.
    """
    sizes = np.asarray(counts)
    hidden = (sizes > 0) & (sizes < min_cell)
    if not total_shown or not hidden.any():
        return hidden
    for place in np.argsort(sizes, kind="stable"):
        if hidden.sum() >= 2 and sizes[hidden].sum() >= min_cell:
            break
        if sizes[place] > 0:
            hidden[place] = True
    return hidden


def withhold_rows(
    frame: pd.DataFrame, min_cell: int, *, count: str = "n", within: Sequence[str] = (), total_shown: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a table with one row per group into what may be shown and what is withheld.

    Parameters
    ----------
    frame : one row per group; column `count` holds its respondents.
    min_cell : the smallest number of respondents that may be shown.
    within : columns; the rule is applied to each of their combinations on its own (an indicator, a wave …).
    total_shown : whether totals over the groups are shown too.

    Returns
    -------
    shown, withheld : with new row numbers.
    """
    hidden = pd.Series(False, index=frame.index)
    parts = [frame] if not within else [part for _, part in frame.groupby(list(within), sort=False, observed=True)]
    for part in parts:
        hidden.loc[part.index] = withhold(part[count].to_numpy(), min_cell, total_shown)
    return frame[~hidden].reset_index(drop=True), frame[hidden].reset_index(drop=True)
