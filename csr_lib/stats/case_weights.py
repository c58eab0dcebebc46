"""What case weights cost and how large ones are cut: effective n, design effect, trimming."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from csr_lib.core.errors import OptionError, unknown
from csr_lib.stats.moments import checked_weights

Array = np.ndarray
Spread = Literal["proportional", "equal"]


def effective_n(weights: Any) -> float:
    """Return Kish's effective n of sampling weights, (Σw)²/Σw².

    Parameters
    ----------
    weights : (n,), at least one above 0; equal weights give n, and the scale of the weights does not matter.

    Raises
    ------
    DataError
        Weights that are negative, missing, infinite or all zero.

    Notes
    -----
    Kish (1965). The number of equally weighted respondents whose mean would vary as much, where weights and answers are
    unrelated. The same number: R ``PracTools::deffK`` (n divided by it).
    """
    w = checked_weights(weights, np.size(weights))
    return float(w.sum() ** 2 / (w @ w))


def design_effect(weights: Any) -> float:
    """Return Kish's design effect of sampling weights, n Σw²/(Σw)² = 1 + cv², over the rows of weight above 0.

    Errors as `effective_n`. 1 for equal weights; 2 means that half of the respondents would have told as much.
    """
    w = checked_weights(weights, np.size(weights))
    return float(np.count_nonzero(w)) / effective_n(w)


def trim_weights(weights: Any, limit: float, *, spread: Spread = "proportional") -> Array:
    """Cut weights above `limit` times their mean and spread what was cut over the others, so that their sum stays.

    Parameters
    ----------
    weights : (n,), not all zero.
    limit : above 1; no weight exceeds it afterwards.
    spread : ``proportional`` (the others grow by one factor, so that their ratios stay) or ``equal`` (each of the others gets
        the same amount).

    Raises
    ------
    OptionError
        A limit that is not above 1: weights cannot all be below their mean.
    DataError
        Weights that are negative, missing, infinite or all zero.

    Notes
    -----
    Trimming buys a smaller variance with a bias: totals of the margins no longer hold, see `csr_lib.stats.raking.Raked`.
    With ``equal`` the same weights as ``survey::trimWeights(strict = TRUE)`` in R with ``upper = limit * mean``.
    """
    if spread not in get_args(Spread):
        raise OptionError([unknown(spread, get_args(Spread), what="way to spread", where="spread")])
    if not limit > 1:
        raise OptionError(
            f"weights cannot all be below {limit:g} times their mean", where="trim", allowed="more than 1, such as 5"
        )
    w = checked_weights(weights, np.size(weights)).copy()
    used = w > 0
    top = limit * float(w[used].mean())
    high = np.zeros(len(w), dtype=bool)
    while w.max() > top * (1 + 1e-12):
        high |= w >= top
        excess = float((w[high] - top).sum())
        w[high] = top
        rest = used & ~high
        w[rest] = w[rest] * (1 + excess / w[rest].sum()) if spread == "proportional" else w[rest] + excess / rest.sum()
    return w
