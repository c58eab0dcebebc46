"""Exploratory factor analysis and principal components from moments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.stats import _factors
from csr_lib.stats._linalg import SINGULAR
from csr_lib.stats.adequacy import check_finite, check_regular
from csr_lib.stats.distributions import chi2_above, chi2_noncentrality
from csr_lib.stats.moments import Moments
from csr_lib.stats.resampling import Seed
from csr_lib.stats.rotation import Method as RotationMethod
from csr_lib.stats.rotation import Rotation, rotate

Array = np.ndarray
Extract = Literal["minres", "ml", "principal_axis", "components"]
Matrix = Literal["correlation", "covariance"]
Stopping = Literal["exact", "r"]
#: Where R's principal axes and rotations stop by default; and how far the principal axes go here.
R_PRINCIPAL_AXIS, R_ROTATION, PRINCIPAL_AXIS, MAX_ITERATIONS = 1e-3, 1e-5, 1e-12, 20_000


@dataclass(frozen=True, eq=False)
class FactorFit:
    """How well common factors reproduce the correlations.

    Attributes
    ----------
    objective : log|Σ| + tr(SΣ⁻¹) − log|S| − p of the solution, whichever way it was found.
    chi_square, df, p_value : test that this many factors suffice, with Bartlett's correction (n − 1 − (2p + 5)/6 − 2m/3).
    rmsea, rmsea_low, rmsea_high : with its 90 % interval; `tli` : Tucker–Lewis index; `bic` : χ² − df·log n.
    chi_empirical : n·Σ of squared residual correlations over i ≠ j.
    rms, crms : root mean square residual, plain and divided by degrees of freedom.
    fit, fit_off : share of the sum of squared correlations that is reproduced, with and without the diagonal.

    Components are no model of the correlations: all but ``rms fit fit_off`` is NaN for them. Where the matrix is singular or the
    rows are too few, everything that needs its determinant is NaN; with df = 0 everything that divides by it.
    """

    objective: float
    chi_square: float
    df: int
    p_value: float
    rmsea: float
    rmsea_low: float
    rmsea_high: float
    tli: float
    bic: float
    chi_empirical: float
    rms: float
    crms: float
    fit: float
    fit_off: float


@dataclass(frozen=True, eq=False)
class FactorSolution:
    """Factors or components of some items. In frames the factors are columns ``F1 F2 …`` (components ``C1 C2 …``).

    Attributes
    ----------
    method, matrix, rotation : what was extracted, from what, and how it was rotated (`csr_lib.stats.rotation.Rotation`).
    n : effective number of rows that the tests rest on.
    factors : names of the factors, in the order of the variance that they account for after rotation.
    loadings : ``item F1 …``, the pattern. `structure` : ``item F1 …``, correlations of items and factors (ΛΦ).
    phi : ``factor F1 …``, correlations of the factors.
    items : ``item communality uniqueness complexity initial``: communality diag(ΛΦΛᵀ), the rest of the variance, Hofmann's
        complexity (how many factors the item needs), and the communality before extraction (squared multiple correlation; NaN
        where the matrix is singular; 1 for components).
    variance : ``stage factor ss_loadings share cumulative share_explained cumulative_explained``, stage ``extracted`` and
        ``rotated``. SS loadings are diag(ΦΛᵀΛ), so that oblique factors add up to the communalities too (as psych; SPSS gives
        the column sums of squared structure instead, which overlap). ``share`` is of the total variance,
        ``share_explained`` of what the factors explain.
    eigenvalues : ``number eigenvalue share cumulative`` of the whole matrix.
    fit : see `FactorFit`.
    heywood : items whose uniqueness is at or below .005 of their variance: a Heywood case, not to be believed.
    iterations : of the extraction.
    """

    method: Extract
    matrix: Matrix
    rotation: Rotation
    n: float
    factors: tuple[str, ...]
    loadings: pd.DataFrame
    structure: pd.DataFrame
    phi: pd.DataFrame
    items: pd.DataFrame
    variance: pd.DataFrame
    eigenvalues: pd.DataFrame
    fit: FactorFit
    heywood: tuple[str, ...]
    iterations: int
    moments: Moments


def factor_analysis(
    moments: Moments,
    factors: int,
    *,
    method: Extract = "minres",
    rotation: RotationMethod = "varimax",
    matrix: Matrix = "correlation",
    kaiser: bool | None = None,
    power: float = 4,
    starts: int = 1,
    seed: Seed = 0,
    stopping: Stopping = "exact",
) -> FactorSolution:
    """Extract and rotate common factors or principal components.

    Parameters
    ----------
    moments : of the items; also from a polychoric or any other correlation matrix (`Moments.from_correlation`).
    factors : how many.
    method : ``minres`` (unweighted least squares), ``ml``, ``principal_axis``, or ``components``.
    rotation, kaiser, power, starts, seed : see `csr_lib.stats.rotation.rotate`.
    matrix : analyse correlations (standardised items), or covariances (loadings in units of the items).
    stopping : ``exact``: every search goes to its last digits. ``r``: principal axes and rotations stop where R's do by default
        (``psych::fa(min.err = 0.001)``, rotations at 1e-5, see `rotate`), to reproduce figures made with R.

    Raises
    ------
    OptionError
        An unknown method or matrix; more factors than the items can carry (negative degrees of freedom), or than components.
    DataError
        Moments with missing or infinite values.
    AnalysisError
        ML of a singular or indefinite matrix (the items are named); no convergence; fewer common factors than asked for.

    Notes
    -----
    Minres: Harman & Jones (1966); ML: Jöreskog (1967), Lawley & Maxwell (1971); uniquenesses at least .005, as in R. Principal
    axes carried to their end are minres. Components are eigenvectors times roots of eigenvalues. With sampling weights tests
    use the effective n. The same numbers: R ``psych::fa``, ``psych::principal``, ``factanal``, once their searches are made to
    go on (they stop about 1e-6 early, R's varimax 1e-3); factor_analyzer (but for its phi and communalities after oblique
    rotations).
    """
    for name, value, kind in (("method", method, Extract), ("matrix", matrix, Matrix), ("stopping", stopping, Stopping)):
        known = kind.__args__  # type: ignore[attr-defined]
        if value not in known:
            raise OptionError([unknown(value, known, what=f"value of {name}", where=name)])
    check_finite(moments)
    names, p = moments.columns, len(moments.columns)
    _check_number(factors, p, method)
    s = moments.correlation if matrix == "correlation" else np.array(moments.cov)
    extraction = _extract(moments, s, int(factors), method, stopping)
    rotated = rotate(
        extraction.loadings,
        rotation,
        kaiser=kaiser,
        power=power,
        starts=starts,
        seed=seed,
        tolerance=R_ROTATION if stopping == "r" else None,
    )
    upright = rotate(extraction.loadings, "none")
    variances = np.diag(s)
    communality = (extraction.loadings**2).sum(axis=1)
    uniqueness = variances - communality
    letter = "C" if method == "components" else "F"
    labels = tuple(f"{letter}{j + 1}" for j in range(factors))
    squares = rotated.loadings**2
    with np.errstate(invalid="ignore", divide="ignore"):
        complexity = squares.sum(axis=1) ** 2 / (squares**2).sum(axis=1)
    items = pd.DataFrame(
        {
            "item": list(names),
            "communality": communality,
            "uniqueness": uniqueness,
            "complexity": complexity,
            "initial": variances - _initial_uniqueness(s, math.nan) if method != "components" else variances,
        }
    )
    least = _factors.LEAST_UNIQUENESS * variances * (1 + 1e-6)
    at_bound = np.minimum(uniqueness, extraction.uniquenesses) <= least
    eigen = np.linalg.eigvalsh(s)[::-1]
    return FactorSolution(
        method,
        matrix,
        rotated,
        moments.n_smallest,
        labels,
        _by_item(names, labels, rotated.loadings),
        _by_item(names, labels, rotated.structure),
        pd.DataFrame({"factor": list(labels), **{f: rotated.phi[:, j] for j, f in enumerate(labels)}}),
        items,
        pd.concat(
            [
                _variance("extracted", labels, upright.ss_loadings, float(variances.sum())),
                _variance("rotated", labels, rotated.ss_loadings, float(variances.sum())),
            ],
            ignore_index=True,
        ),
        eigenvalue_table(eigen),
        _fit(s, extraction.loadings, moments.n_smallest, method),
        tuple(c for c, bad in zip(names, at_bound, strict=True) if bad) if method != "components" else (),
        extraction.iterations,
        moments,
    )


def score_weights(solution: FactorSolution, kind: Literal["regression", "bartlett"] = "regression") -> pd.DataFrame:
    """Weights (``item F1 …``) that make factor scores of standardised items (of centred ones with ``matrix="covariance"``).

    ``regression`` (Thurstone): S⁻¹ΛΦ; ``bartlett``: Ψ⁻¹Λ(ΛᵀΨ⁻¹Λ)⁻¹. For components the first gives their very scores.
    AnalysisError where the matrix is singular, or for Bartlett's where a uniqueness is not positive.
    The same numbers: R ``psych::factor.scores`` (Thurstone, Bartlett), ``factanal(scores = "Bartlett")``, ``psych::principal``.
    """
    known = ("regression", "bartlett")
    if kind not in known:
        raise OptionError([unknown(kind, known, what="kind of scores", where="kind")])
    m, rotation = solution.moments, solution.rotation
    check_regular(m, "factor scores")
    if kind == "regression":
        s = m.correlation if solution.matrix == "correlation" else m.cov
        weights = np.linalg.solve(s, rotation.structure)
    else:
        psi = solution.items["uniqueness"].to_numpy()
        if not (psi > 0).all() or solution.method == "components":
            raise AnalysisError(
                "Bartlett's scores need common factors and positive uniquenesses",
                where=", ".join(solution.heywood) or solution.method,
                mend="use regression scores, or leave these items out",
            )
        scaled = rotation.loadings / psi[:, None]
        weights = scaled @ np.linalg.inv(rotation.loadings.T @ scaled)
    return _by_item(m.columns, solution.factors, weights)


def group_items(solution: FactorSolution) -> pd.DataFrame:
    """Say which items make which factor.

    Returns
    -------
    One row per item, sorted by factor and falling size of loading: ``item factor loading second_factor second_loading
    communality weak cross_loading``. ``factor`` is the one with the largest pattern loading in size. ``weak``: even that is below
    .40 (Hair et al. 2019); ``cross_loading``: the second is above .32 (Costello & Osborne 2005); these are the cut-offs
    ``factor_loading`` and ``cross_loading``. With one factor the second does not exist (None, NaN). Loadings and
    communalities are of standardised items, whatever matrix was analysed.
    """
    unit = solution.moments.sd if solution.matrix == "covariance" else np.ones(len(solution.items))
    loadings = solution.rotation.loadings / unit[:, None]
    size = np.abs(loadings)
    several = size.shape[1] > 1
    rank = np.argsort(-size, axis=1, kind="stable")
    rows, first, second = np.arange(len(size)), rank[:, 0], rank[:, int(several)]
    weak, crossing = CUTOFFS["factor_loading"], CUTOFFS["cross_loading"]
    table = pd.DataFrame(
        {
            "item": list(solution.moments.columns),
            "factor": [solution.factors[j] for j in first],
            "loading": loadings[rows, first],
            "second_factor": [solution.factors[j] if several else None for j in second],
            "second_loading": loadings[rows, second] if several else math.nan,
            "communality": solution.items["communality"].to_numpy() / unit**2,
            "weak": [weak.verdict(x) == "fail" for x in size[rows, first]],
            "cross_loading": [several and crossing.verdict(x) != "pass" for x in size[rows, second]],
        }
    )
    order = np.lexsort((-size[rows, first], first))
    return table.iloc[order].reset_index(drop=True)


def eigenvalue_table(eigenvalues: Array) -> pd.DataFrame:
    """Eigenvalues (falling) as ``number eigenvalue share cumulative``; shares are of their sum, the total variance."""
    share = eigenvalues / eigenvalues.sum()
    return pd.DataFrame(
        {
            "number": np.arange(1, len(eigenvalues) + 1),
            "eigenvalue": eigenvalues,
            "share": share,
            "cumulative": np.cumsum(share),
        }
    )


def _check_number(factors: int, p: int, method: Extract) -> None:
    if isinstance(factors, bool) or factors != int(factors) or factors < 1:
        raise OptionError(f"{factors} factors", where="factors", allowed="a whole number ≥ 1")
    # df = p(p − 1)/2 − pm + m(m − 1)/2 must not be negative
    most = p if method == "components" else max((m for m in range(p) if (p - m) ** 2 >= p + m), default=0)
    if factors > most:
        raise OptionError(
            f"{factors} {'components' if method == 'components' else 'common factors'} of {p} items",
            where="factors",
            allowed=f"1 to {most}" if most else "no common factor can be found in fewer than 3 items",
            mend="ask for fewer" if most else "add items, or use the items themselves",
        )


def _initial_uniqueness(s: Array, otherwise: float) -> Array:
    """1 − squared multiple correlation, in units of the variance; the share `otherwise` where the matrix is singular."""
    sd = np.sqrt(np.diag(s))
    r = s / np.outer(sd, sd)
    if np.linalg.eigvalsh(r)[0] < SINGULAR:
        return otherwise * sd**2
    return sd**2 / np.diag(np.linalg.inv(r))


def _extract(moments: Moments, s: Array, m: int, method: Extract, stopping: Stopping) -> _factors.Extraction:
    names = ", ".join(moments.columns)
    if method == "components":
        values, vectors = np.linalg.eigh(s)
        loadings = vectors[:, ::-1][:, :m] * np.sqrt(np.maximum(values[::-1][:m], 0.0))
        return _factors.Extraction(loadings, np.diag(s) - (loadings**2).sum(axis=1), 1, True)
    start = _initial_uniqueness(s, 0.5)
    if method == "ml":
        check_regular(moments, "maximum likelihood")
        found = _factors.maximum_likelihood(s, m, start)
    elif method == "minres":
        found = _factors.minres(s, m, start)
    else:
        tolerance = R_PRINCIPAL_AXIS if stopping == "r" else PRINCIPAL_AXIS
        found = _factors.principal_axis(s, m, start, tolerance, MAX_ITERATIONS)
    if not found.converged:
        raise AnalysisError(
            f"{method} with {m} factors did not converge in {found.iterations} steps",
            where=names,
            mend="ask for fewer factors, leave out items with little in common, or analyse correlations",
        )
    if found.loadings.shape[1] < m:
        raise AnalysisError(
            f"the items have only {found.loadings.shape[1]} common factors, {m} were asked for",
            where=names,
            mend="ask for fewer factors",
        )
    return found


def _by_item(names: tuple[str, ...], labels: tuple[str, ...], values: Array) -> pd.DataFrame:
    return pd.DataFrame({"item": list(names), **{f: values[:, j] for j, f in enumerate(labels)}})


def _variance(stage: str, labels: tuple[str, ...], ss: Array, total: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "stage": stage,
            "factor": list(labels),
            "ss_loadings": ss,
            "share": ss / total,
            "cumulative": np.cumsum(ss) / total,
            "share_explained": ss / ss.sum(),
            "cumulative_explained": np.cumsum(ss) / ss.sum(),
        }
    )


def _fit(s: Array, loadings: Array, n: float, method: Extract) -> FactorFit:
    """Fit of the loadings to the matrix that was analysed; formulas of psych 2.2.9 (``factor.stats``)."""
    p, m = loadings.shape
    df = ((p - m) ** 2 - p - m) // 2
    model = loadings @ loadings.T
    residual = s - model
    off = residual - np.diag(np.diag(residual))
    off_sum, squares = float((off**2).sum()), float((s**2).sum())
    rms = math.sqrt(off_sum / (p * (p - 1)))
    fit = 1 - float((residual**2).sum()) / squares
    between = squares - float((np.diag(s) ** 2).sum())
    fit_off = 1 - off_sum / between if between > 0 else math.nan
    nan = math.nan
    if method == "components":
        return FactorFit(nan, nan, df, nan, nan, nan, nan, nan, nan, nan, rms, nan, fit, fit_off)
    np.fill_diagonal(model, np.diag(s))
    objective = chi_square = p_value = rmsea = low = high = tli = bic = nan
    correction = n - 1 - (2 * p + 5) / 6
    if min(np.linalg.eigvalsh(x / np.sqrt(np.outer(np.diag(s), np.diag(s))))[0] for x in (s, model)) > SINGULAR:
        ratio = np.linalg.solve(model, s)
        objective = float(np.trace(ratio) - np.linalg.slogdet(ratio)[1] - p)
        if correction - 2 * m / 3 > 0:
            chi_square = max(0.0, objective * (correction - 2 * m / 3))
    if df > 0 and not math.isnan(chi_square):
        p_value = float(chi2_above(chi_square, df))
        rmsea = math.sqrt(max(chi_square / (df * n) - 1 / (n - 1), 0.0))
        low, high = (math.sqrt(chi2_noncentrality(chi_square, df, q) / ((n - 1) * df)) for q in (0.95, 0.05))
        bic = chi_square - df * math.log(n)
        r_null = -np.linalg.slogdet(s)[1] + float(np.log(np.diag(s)).sum())
        null = 2 * r_null / (p * (p - 1))
        tli = (null - objective / df) / (null - 1 / (correction - 2 * m / 3))
    crms = math.sqrt(off_sum / (2 * df)) if df > 0 else nan
    return FactorFit(objective, chi_square, df, p_value, rmsea, low, high, tli, bic, n * off_sum, rms, crms, fit, fit_off)
