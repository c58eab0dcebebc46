"""Are the correlations fit for a factor analysis? KMO, Bartlett's test, the determinant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.stats._linalg import SINGULAR, dependent
from csr_lib.stats.distributions import chi2_above
from csr_lib.stats.moments import Moments


@dataclass(frozen=True, eq=False)
class Adequacy:
    """What says whether items have enough in common.

    Attributes
    ----------
    kmo : Kaiser–Meyer–Olkin measure of all items, 0–1.
    items : one row per item: ``item kmo smc``; ``kmo`` is the item's own measure (MSA), ``smc`` its squared multiple
        correlation with the others.
    chi_square, df, p_value : Bartlett's test that the items are uncorrelated.
    determinant, log_determinant : of the correlation matrix.
    n : effective number of rows that the test rests on.
    """

    kmo: float
    items: pd.DataFrame
    chi_square: float
    df: int
    p_value: float
    determinant: float
    log_determinant: float
    n: float


def adequacy(moments: Moments) -> Adequacy:
    """Return the Kaiser–Meyer–Olkin measure and Bartlett's test of sphericity.

    Parameters
    ----------
    moments : of the items, at least two; also from a polychoric or any other correlation matrix.

    Raises
    ------
    AnalysisError
        Fewer than two items; a correlation matrix that is singular (the items that depend on each other are named) or not
        positive definite; too few rows for Bartlett's test.

    Notes
    -----
    With Q the anti-image correlations, KMO = Σr²/(Σr² + Σq²) over i ≠ j, and over j ≠ i for item i (Kaiser 1974).
    χ² = −(n − 1 − (2p + 5)/6)·log|R| on p(p − 1)/2 degrees of freedom (Bartlett 1951); with sampling weights n is effective and
    the test approximate. The same numbers: R ``psych::KMO``, ``psych::cortest.bartlett``, ``psych::smc``; SPSS; factor_analyzer.
    """
    p = len(moments.columns)
    if p < 2:
        raise AnalysisError("KMO and Bartlett's test need at least two items", where=", ".join(moments.columns))
    r = moments.correlation
    check_regular(moments, "KMO and Bartlett's test")
    factor = moments.n_smallest - 1 - (2 * p + 5) / 6
    if factor <= 0:
        raise AnalysisError(
            f"{moments.n_smallest:g} rows are too few for Bartlett's test of {p} items",
            where=", ".join(moments.columns),
            allowed=f"more than {1 + (2 * p + 5) / 6:.0f} rows",
            mend="leave items out",
        )
    inverse = np.linalg.inv(r)
    d = np.diag(inverse)
    direct, partial = r**2, inverse**2 / np.outer(d, d)
    np.fill_diagonal(direct, 0.0)
    np.fill_diagonal(partial, 0.0)
    with np.errstate(invalid="ignore"):
        own = direct.sum(axis=0) / (direct.sum(axis=0) + partial.sum(axis=0))
        kmo = float(direct.sum() / (direct.sum() + partial.sum()))
    log_determinant = float(np.linalg.slogdet(r)[1])
    chi_square = -factor * log_determinant
    df = p * (p - 1) // 2
    return Adequacy(
        kmo,
        pd.DataFrame({"item": list(moments.columns), "kmo": own, "smc": 1 - 1 / d}),
        chi_square,
        df,
        float(chi2_above(chi_square, df)),
        float(np.exp(log_determinant)),
        log_determinant,
        moments.n_smallest,
    )


def check_finite(moments: Moments) -> None:
    """Raise DataError where moments are missing or infinite, or a variance is not positive; names the columns."""
    bad = ~np.isfinite(moments.cov).all(axis=0) | ~(np.diag(moments.cov) > 0)
    if bad.any():
        # a missing correlation spoils a row and a column; the columns that are bad in themselves come first
        own = [c for c, v in zip(moments.columns, np.diag(moments.cov), strict=True) if not (np.isfinite(v) and v > 0)]
        names = own or [c for c, b in zip(moments.columns, bad, strict=True) if b]
        raise DataError(
            "variances or correlations are missing, infinite or zero", where=", ".join(names), mend="leave these items out"
        )


def check_regular(moments: Moments, what: str) -> None:
    """Raise AnalysisError, for `what`, where the correlation matrix is singular or not positive definite."""
    check_finite(moments)
    r = moments.correlation
    smallest = float(np.linalg.eigvalsh(r)[0])
    if smallest < -SINGULAR:
        raise AnalysisError(
            f"{what}: the correlation matrix is not positive definite (smallest eigenvalue {smallest:.3g})",
            where=", ".join(moments.columns),
            mend="use complete rows or em instead of pairwise, or smooth the correlations",
        )
    if smallest < SINGULAR:
        names = dependent(r, moments.columns)
        few = moments.n <= len(moments.columns)
        raise AnalysisError(
            f"{what}: {moments.n:g} rows are too few for {len(moments.columns)} items"
            if few
            else f"{what}: the items depend on each other exactly, the correlation matrix is singular",
            where=", ".join(names or moments.columns),
            allowed="more rows than items" if few else "items of which none is a copy, sum or mean of others",
            mend="leave items out",
        )
