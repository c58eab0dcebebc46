"""Pearson or polychoric correlations: the rule by which one is chosen for a set of items, and what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import AnalysisError, Problem
from csr_lib.stats.moments import Kind, sample
from csr_lib.stats.polychoric import MOST_CATEGORIES

Array = np.ndarray
Reason = Literal["few_categories", "skewed", "enough_categories", "too_many_categories"]


@dataclass(frozen=True, eq=False)
class CorrelationKind:
    """Which correlations suit a set of items, and why.

    Attributes
    ----------
    kind : ``pearson`` or ``polychoric``; one for all items, since a correlation matrix is of one kind.
    reason : ``few_categories`` (items with fewer than five), ``skewed`` (items with five to seven that are lopsided),
        ``enough_categories`` (neither), ``too_many_categories`` (an item is no ordered category, so Pearson's for all).
    decisive : the items that decided; empty for ``enough_categories``.
    items : ``item categories skewness``: how many different answers occur, and the (weighted) skewness of their codes.
    """

    kind: Literal["pearson", "polychoric"]
    reason: Reason
    decisive: tuple[str, ...]
    items: pd.DataFrame


def correlation_kind(
    data: pd.DataFrame | Array, weights: Any = None, *, kind: Kind = "sampling", columns: Sequence[str] | None = None
) -> CorrelationKind:
    """Choose between Pearson and polychoric correlations.

    Parameters as for `csr_lib.stats.moments.moments`; every item is judged by all of its answers.

    Raises
    ------
    AnalysisError
        Items to which all answers are the same, or nobody's.

    Notes
    -----
    Rhemtulla, Brosseau-Liard & Savalei (2012): with fewer than five categories only categorical methods recover the
    parameters; with five to seven the answers may be taken as continuous where they lie about symmetrically; beyond, they
    are. Symmetric: |skewness| ≤ 1, below which Muthén & Kaplan (1985) found normal theory to hold. Polychoric are chosen as
    soon as one item asks for them, and never where one has more answers than `csr_lib.stats.polychoric.MOST_CATEGORIES`.
    Skewness is m₃/m₂^1.5, R ``psych::skew(type = 1)``.
    """
    s = sample(data, weights, kind=kind, missing="pairwise", columns=columns)
    rows = []
    for at, name in enumerate(s.columns):
        seen = ~np.isnan(s.answers[:, at])
        x, w = s.answers[seen, at], s.weights[seen]
        rows.append({"item": name, "categories": len(np.unique(x)), "skewness": _skewness(x, w) if len(x) else np.nan})
    items = pd.DataFrame(rows)
    problems = [
        Problem("all answers are the same" if k else "nobody answered it", c, "two or more different answers", "leave it out")
        for c, k in zip(s.columns, items["categories"].tolist(), strict=True)
        if k < 2
    ]
    if problems:
        raise AnalysisError(problems)
    verdicts = items["categories"].map(CUTOFFS["ordinal_categories"].verdict)
    lopsided = items["skewness"].abs().map(CUTOFFS["ordinal_skewness"].verdict) != "pass"
    asks: list[tuple[Reason, Literal["pearson", "polychoric"], pd.Series[bool]]] = [
        ("too_many_categories", "pearson", items["categories"] > MOST_CATEGORIES),
        ("few_categories", "polychoric", verdicts == "fail"),
        ("skewed", "polychoric", (verdicts == "warn") & lopsided),
    ]
    for reason, chosen, which in asks:
        if which.any():
            return CorrelationKind(chosen, reason, tuple(items.loc[which, "item"]), items)
    return CorrelationKind("pearson", "enough_categories", (), items)


def _skewness(x: Array, w: Array) -> float:
    centred = x - np.average(x, weights=w)
    spread = np.average(centred**2, weights=w)
    return float(np.average(centred**3, weights=w) / spread**1.5) if spread > 0 else float("nan")
