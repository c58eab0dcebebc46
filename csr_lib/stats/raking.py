"""Raking: case weights under which every margin has the shares of the population."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, Problem
from csr_lib.stats.case_weights import design_effect, effective_n, trim_weights
from csr_lib.stats.moments import checked_weights

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Raked:
    """Weights from raking.

    Attributes
    ----------
    weights : (n,), mean 1.
    converged : whether they stopped moving; if not, the margins contradict each other in these answers.
    iterations : passes over all margins.
    cells : one row per cell of a margin: ``margin cell n wanted before share deviation``; ``n`` rows lie in it, ``before``
        is its share by the weights raking started from, ``share`` by the raked weights, ``deviation`` = share − wanted.
    trim : the limit of the weights as a multiple of their mean; None without one.
    """

    weights: Array
    converged: bool
    iterations: int
    cells: pd.DataFrame
    trim: float | None = None

    @property
    def deviation(self) -> float:
        """Largest difference between a weighted and a wanted share; more than rounding only where weights were trimmed."""
        return float(self.cells["deviation"].abs().max())

    @property
    def design_effect(self) -> float:
        """Kish's design effect of the weights, n Σw²/(Σw)²."""
        return design_effect(self.weights)

    @property
    def n_effective(self) -> float:
        """Kish's effective n, (Σw)²/Σw²."""
        return effective_n(self.weights)


def rake(
    places: Sequence[Array],
    shares: Sequence[Array],
    trim: float | None = None,
    *,
    base: Any = None,
    names: Sequence[tuple[str, Sequence[str]]] | None = None,
    tolerance: float = 1e-9,
    most: int = 2_000,
) -> Raked:
    """Weight rows so that every margin has its shares (iterative proportional fitting; Deming and Stephan 1940).

    Parameters
    ----------
    places : per margin, (n,) the cell of every row (integers from 0; −1 where it is not known: such a row keeps the weight
        that the other margins give it).
    shares : per margin, the wanted share of every cell, above 0, adding to 1.
    trim : no weight exceeds `trim` times the mean weight; what is cut is spread over the others in proportion, within every
        pass (`csr_lib.stats.case_weights.trim_weights`). None: no limit.
    base : (n,) weights to start from, such as those of the sampling design; None: equal ones.
    names : per margin, its name and the labels of its cells, for errors and for `Raked.cells`.
    tolerance : largest change of a weight (of mean 1) in the last pass.
    most : passes after which it is given up, see `Raked.converged`.

    Raises
    ------
    DataError
        A cell that is wanted and has no row (all are named), rows in a cell without a share, shares that are not above 0 or
        do not add to 1, margins of different lengths, impossible base weights.
    OptionError
        A limit that is not above 1.

    Notes
    -----
    Without `trim` the same weights as ``survey::rake`` in R (there up to their mean); one margin is post-stratification and
    equals ``survey::postStratify``. With `trim` the margins hold only approximately, see `Raked.cells`.
    """
    labels = list(names) if names is not None else _numbered(shares)
    targets = [np.asarray(s, dtype=float) for s in shares]
    codes = [np.asarray(p) for p in places]
    _check(codes, targets, labels)
    n = len(codes[0])
    weights = np.ones(n) if base is None else checked_weights(base, n)
    start = weights / weights[weights > 0].mean()
    _check_filled(codes, targets, labels, start)
    weights, settled, passes = _fitted(codes, targets, start, None, tolerance, most)
    # margins that contradict each other can come to rest in a circle: the last one met, the first one missed
    met = settled and bool(_cells(codes, targets, labels, start, weights)["deviation"].abs().max() < 1e-6)
    if trim is not None:
        weights, settled, passes = _fitted(codes, targets, start, trim, tolerance, most)
    return Raked(weights, met and settled, passes, _cells(codes, targets, labels, start, weights), trim)


def _fitted(
    places: list[Array], shares: list[Array], start: Array, trim: float | None, tolerance: float, most: int
) -> tuple[Array, bool, int]:
    """Weights, whether they came to rest, and the passes that it took."""
    weights, moved, passes = start, np.inf, 0
    while moved > tolerance and passes < most:
        before, passes = weights, passes + 1
        weights = weights.copy()
        for place, share in zip(places, shares, strict=True):
            known = place >= 0
            sums = np.bincount(place[known], weights[known], minlength=len(share))
            weights[known] *= (share * sums.sum() / sums)[place[known]]
        weights /= weights[weights > 0].mean()
        if trim is not None:
            weights = trim_weights(weights, trim)
        moved = float(np.abs(weights - before).max())
    return weights, moved <= tolerance, passes


def poststratify(place: Array, share: Array, *, base: Any = None, trim: float | None = None, name: str = "strata") -> Raked:
    """Weight rows so that the cells of one margin have their shares; `rake` with a single margin, errors as there.

    Each row of a cell gets its base weight times wanted share/weighted share of the cell: R ``survey::postStratify``.
    """
    share = np.asarray(share, dtype=float)
    return rake([place], [share], trim, base=base, names=[(name, [str(c) for c in range(share.size)])])


def _numbered(shares: Sequence[Array]) -> list[tuple[str, Sequence[str]]]:
    return [(f"margin {m + 1}", [str(c) for c in range(np.size(share))]) for m, share in enumerate(shares)]


def _check(places: list[Array], shares: list[Array], names: list[tuple[str, Sequence[str]]]) -> None:
    if not places or len(places) != len(shares) or len(names) != len(shares):
        raise DataError(
            f"{len(places)} columns of cells for {len(shares)} margins",
            where="margins",
            allowed="one column per margin, at least one",
        )
    problems = []
    for place, share, (name, labels) in zip(places, shares, names, strict=True):
        if place.shape != (len(places[0]),) or place.dtype.kind not in "iu":
            problems.append(Problem("not one whole number per row", name, f"{len(places[0])} cell numbers, −1 for none"))
        elif share.ndim != 1 or len(share) != len(labels):
            problems.append(Problem(f"{np.size(share)} shares for {len(labels)} cells", name, "one share per cell"))
        elif not (np.isfinite(share).all() and (share > 0).all() and abs(share.sum() - 1) < 1e-6):
            problems.append(
                Problem(
                    f"the shares {', '.join(f'{s:g}' for s in share)} add to {share.sum():g}",
                    name,
                    "shares above 0 that add to 1",
                    "correct them; leave out groups that the population does not have",
                )
            )
        elif place.max(initial=-1) >= len(share):
            problems.append(Problem("rows lie in a cell without a share", name, f"cells 0 to {len(share) - 1}", "add its share"))
    if problems:
        raise DataError(problems)


def _check_filled(places: list[Array], shares: list[Array], names: list[tuple[str, Sequence[str]]], weights: Array) -> None:
    problems = []
    for place, share, (name, labels) in zip(places, shares, names, strict=True):
        known = place >= 0
        sums = np.bincount(place[known], weights[known], minlength=len(share))
        problems += [
            Problem(
                f"no row in '{label}', {wanted:.1%} of the population",
                name,
                "rows (of weight above 0) in every cell",
                "join it with another cell, or leave the margin out",
            )
            for label, wanted, total in zip(labels, share, sums, strict=True)
            if not total > 0
        ]
    if problems:
        raise DataError(problems)


def _cells(
    places: list[Array], shares: list[Array], names: list[tuple[str, Sequence[str]]], start: Array, weights: Array
) -> pd.DataFrame:
    tables = []
    for place, share, (name, labels) in zip(places, shares, names, strict=True):
        known = place >= 0
        count, before, after = (np.bincount(place[known], w[known], minlength=len(share)) for w in (start > 0, start, weights))
        now = after / after.sum()
        tables.append(
            pd.DataFrame(
                {
                    "margin": name,
                    "cell": list(labels),
                    "n": count.astype(int),
                    "wanted": share,
                    "before": before / before.sum(),
                    "share": now,
                    "deviation": now - share,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
