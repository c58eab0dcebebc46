"""How many factors or components? Kaiser, scree, parallel analysis, MAP and the variance explained, side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats import _factors
from csr_lib.stats._linalg import SINGULAR
from csr_lib.stats.adequacy import check_regular
from csr_lib.stats.factor import eigenvalue_table
from csr_lib.stats.moments import Moments, Sample
from csr_lib.stats.resampling import Seed, generator

Array = np.ndarray
Chance = Literal["normal", "shuffled"]


@dataclass(frozen=True, eq=False)
class Retention:
    """What each rule says about the number of factors or components.

    Attributes
    ----------
    rules : ``rule basis suggested threshold``. On ``components``: ``kaiser``, ``scree`` (acceleration factor), ``variance``,
        ``map``, ``map4``; on ``components`` and on ``factors``: ``parallel_mean`` and ``parallel`` (above the mean, above the
        quantile of chance). ``suggested`` may be 0.
    eigenvalues : one row per number of components: ``number eigenvalue share cumulative chance_mean chance_high
        factor_eigenvalue factor_chance_mean factor_chance_high acceleration``. Factor eigenvalues are those of the matrix with
        the communalities of one minres factor on its diagonal.
    map : ``number map map4`` for 0 … p − 2 components taken out: mean squared and mean fourth-power partial correlation.
    n : rows that the chance data had (effective n). `resamples`, `quantile` : of parallel analysis.
    chance : ``normal`` or ``shuffled``.
    """

    rules: pd.DataFrame
    eigenvalues: pd.DataFrame
    map: pd.DataFrame
    n: float
    resamples: int
    quantile: float
    chance: Chance


def retention(
    moments: Moments,
    *,
    sample: Sample | None = None,
    resamples: int = 200,
    quantile: float = 0.95,
    variance: float | None = None,
    seed: Seed = 0,
) -> Retention:
    """Compare the rules for the number of factors.

    Parameters
    ----------
    moments : of the items; also from a polychoric or any other correlation matrix.
    sample : the answers; with them chance data are the answers of each item drawn anew on their own, which keeps the items'
        distributions (``shuffled``). Without, chance data are uncorrelated normal ones (``normal``).
    resamples : sets of chance data for parallel analysis.
    quantile : of the chance eigenvalues that a real one must pass.
    variance : share of the variance that is enough for the rule of that name; None: the cut-off ``variance_explained``, .60.

    Raises
    ------
    OptionError
        Fewer than 20 resamples; a quantile or a share outside 0–1.
    AnalysisError
        Fewer than three items, not more rows than items, a singular or indefinite correlation matrix.

    Notes
    -----
    Kaiser (1960): eigenvalues above 1. Scree: as many as stand before the elbow, the largest acceleration factor
    λᵢ₊₁ − 2λᵢ + λᵢ₋₁ (Raîche et al. 2013). Parallel analysis (Horn 1965): leading eigenvalues above those of uncorrelated data
    of the same n; correlation matrices of normal data are drawn directly (Wishart, by Bartlett's decomposition), so that n may
    be an effective one and large n costs nothing. MAP (Velicer 1976; fourth powers: Velicer, Eaton & Fava 2000): the number of
    components after which partial correlations are least. The same numbers: R ``psych::fa.parallel`` (``fa.values``,
    ``pc.values``; simulated ones within their error), ``psych::vss`` (map, from one component on), ``nFactors::nScree``
    (nkaiser, naf).
    """
    p = len(moments.columns)
    enough = CUTOFFS["variance_explained"].threshold if variance is None else variance
    for name, value in (("quantile", quantile), ("variance", enough)):
        if not 0 < value < 1:
            raise OptionError(f"{name} {value}", where=name, allowed="between 0 and 1")
    if resamples < 20:
        raise OptionError(f"{resamples} resamples", where="resamples", allowed="a whole number ≥ 20")
    if p < 3:
        raise AnalysisError("the number of factors is a question from three items on", where=", ".join(moments.columns))
    if moments.n_smallest <= p:
        raise AnalysisError(
            f"{moments.n_smallest:g} rows are too few for {p} items",
            where=", ".join(moments.columns),
            allowed="more rows than items",
            mend="leave items out",
        )
    check_regular(moments, "the number of factors")
    r = moments.correlation
    rng = generator(seed)
    n = moments.n_smallest
    matrices = _normal(p, n, resamples, rng) if sample is None else _shuffled(sample, moments, resamples, rng)
    real = np.linalg.eigvalsh(r)[::-1]
    real_factors = _factor_eigenvalues(r)
    chance = np.linalg.eigvalsh(matrices)[:, ::-1]
    chance_factors = np.array([_factor_eigenvalues(matrix) for matrix in matrices])
    table = eigenvalue_table(real)
    acceleration = np.full(p, math.nan)
    acceleration[1:-1] = real[2:] - 2 * real[1:-1] + real[:-2]
    table["chance_mean"] = chance.mean(axis=0)
    table["chance_high"] = np.quantile(chance, quantile, axis=0)
    table["factor_eigenvalue"] = real_factors
    table["factor_chance_mean"] = chance_factors.mean(axis=0)
    table["factor_chance_high"] = np.quantile(chance_factors, quantile, axis=0)
    table["acceleration"] = acceleration
    partial = velicer_map(r)
    rules = pd.DataFrame(
        [
            ("kaiser", "components", int((real > 1).sum()), 1.0),
            ("scree", "components", int(np.nanargmax(acceleration)), math.nan),
            ("parallel_mean", "components", _leading(real, table["chance_mean"]), math.nan),
            ("parallel", "components", _leading(real, table["chance_high"]), quantile),
            ("parallel_mean", "factors", _leading(real_factors, table["factor_chance_mean"]), math.nan),
            ("parallel", "factors", _leading(real_factors, table["factor_chance_high"]), quantile),
            ("map", "components", int(np.nanargmin(partial["map"])), math.nan),
            ("map4", "components", int(np.nanargmin(partial["map4"])), math.nan),
            ("variance", "components", int((table["cumulative"].to_numpy() < enough - 1e-12).sum()) + 1, enough),
        ],
        columns=["rule", "basis", "suggested", "threshold"],
    )
    kind: Chance = "normal" if sample is None else "shuffled"
    return Retention(rules, table, partial, n, resamples, quantile, kind)


def velicer_map(correlation: Array) -> pd.DataFrame:
    """Velicer's minimum average partial: ``number map map4`` for 0 … p − 2 components taken out of a correlation matrix.

    Mean of squared (1976) and of fourth-power (2000) partial correlations over i ≠ j; NaN where the components leave nothing
    of an item. The same numbers: R ``psych::vss(…)$map`` from one component on.
    """
    p = len(correlation)
    values, vectors = np.linalg.eigh(correlation)
    components = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0.0))
    off = ~np.eye(p, dtype=bool)
    rows = []
    for m in range(p - 1):
        left = correlation - components[:, :m] @ components[:, :m].T
        d = np.sqrt(np.where(np.diag(left) > SINGULAR, np.diag(left), math.nan))
        squares = (left / np.outer(d, d))[off] ** 2
        rows.append((m, squares.mean(), (squares**2).mean()))
    return pd.DataFrame(rows, columns=["number", "map", "map4"])


def _leading(real: Array, chance: pd.Series) -> int:
    """How many eigenvalues, from the first, are above those of chance before one is not."""
    above = real > chance.to_numpy()
    return int(np.argmin(above)) if not above.all() else len(above)


def _factor_eigenvalues(r: Array) -> Array:
    """Eigenvalues with the communalities of one minres factor on the diagonal; NaN where that search fails."""
    found = _factors.minres(r, 1, 1 / np.diag(np.linalg.inv(r)))
    if not found.converged:
        return np.full(len(r), math.nan)
    reduced = r.copy()
    np.fill_diagonal(reduced, (found.loadings**2).sum(axis=1))
    return np.linalg.eigvalsh(reduced)[::-1]


def _normal(p: int, n: float, draws: int, rng: np.random.Generator) -> Array:
    """(draws, p, p) correlation matrices of n rows of uncorrelated normal data, from the factor of a Wishart matrix."""
    lower = np.tril(rng.standard_normal((draws, p, p)), -1)
    own = np.arange(p)
    lower[:, own, own] = np.sqrt(rng.chisquare(n - 1 - own, size=(draws, p)))
    return _correlations(lower @ lower.transpose(0, 2, 1))


def _shuffled(sample: Sample, moments: Moments, draws: int, rng: np.random.Generator) -> Array:
    """(draws, p, p) correlation matrices of answers drawn for each item on its own, with probabilities as their weights."""
    if any(c not in sample.columns for c in moments.columns):
        raise OptionError(
            "the answers are of other items than the moments", where="sample", mend="make both from the same columns"
        )
    n, p = round(moments.n_smallest), len(moments.columns)
    pools = []
    for c in moments.columns:
        x = sample.answers[:, sample.columns.index(c)]
        seen = ~np.isnan(x)
        w = sample.weights[seen]
        pools.append((x[seen], w / w.sum()))
    out = np.empty((draws, p, p))
    for b in range(draws):
        data = np.column_stack([rng.choice(x, size=n, p=w) for x, w in pools])
        data = data - data.mean(axis=0)
        out[b] = data.T @ data
    varies = [bool((out[:, j, j] > 0).all()) for j in range(p)]
    if not all(varies):
        constant = [c for c, ok in zip(moments.columns, varies, strict=True) if not ok]
        raise AnalysisError(
            "answers drawn at random came out all the same",
            where=", ".join(constant),
            mend="leave them out, or do without `sample`",
        )
    return _correlations(out)


def _correlations(products: Array) -> Array:
    d = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    out = products / (d[:, :, None] * d[:, None, :])
    out[:, np.arange(out.shape[1]), np.arange(out.shape[1])] = 1.0
    return np.asarray(out)
