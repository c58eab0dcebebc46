"""p-values adjusted for how many tests there are, for one family or many at once."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from csr_lib.core.errors import OptionError, unknown

Array = np.ndarray
Adjust = Literal["holm", "bonferroni", "fdr", "none"]
METHODS = ("holm", "bonferroni", "fdr", "none")


def adjust(p_values: Any, method: Adjust = "holm") -> Array:
    """Adjust p-values along the last axis; NaN stays NaN and does not count.

    Parameters
    ----------
    p_values : (…, k); every row is a family of its own.
    method : ``holm``, ``bonferroni``, ``fdr`` (Benjamini & Hochberg 1995) or ``none``.

    Raises
    ------
    OptionError
        Another method.

    Notes
    -----
    The same numbers: R ``p.adjust``.
    """
    if method not in METHODS:
        raise OptionError([unknown(method, METHODS, what="adjustment", where="adjust")])
    p = np.asarray(p_values, dtype=float)
    if method == "none" or p.shape[-1] == 0:
        return p.copy()
    known = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    if method == "bonferroni":
        return np.minimum(1.0, p * known)
    order = np.argsort(p, axis=-1, kind="stable")  # NaN last
    sorted_p = np.take_along_axis(p, order, axis=-1)
    place = np.arange(p.shape[-1])
    if method == "holm":
        steps = np.maximum.accumulate(sorted_p * np.maximum(known - place, 1), axis=-1)
    else:
        raised = np.where(np.isnan(sorted_p), np.inf, sorted_p * known / (place + 1))
        steps = np.minimum.accumulate(raised[..., ::-1], axis=-1)[..., ::-1]
        steps = np.where(np.isnan(sorted_p), np.nan, steps)
    out = np.empty_like(p)
    np.put_along_axis(out, order, np.minimum(1.0, steps), axis=-1)
    return out
