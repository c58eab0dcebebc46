"""Linear regression with everything that a report prints beside it, and with errors that do not need equal variances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats._linalg import dependent
from csr_lib.stats.distributions import chi2_above, f_above, normal_below, t_quantile, t_two_sided
from csr_lib.stats.moments import Kind, Sample, sample
from csr_lib.stats.resampling import Seed, percentile_interval, resample_counts

Array = np.ndarray
#: Name of the constant term in tables.
INTERCEPT = "intercept"


@dataclass(frozen=True, eq=False)
class Regression:
    """A linear regression by (weighted) least squares.

    Attributes
    ----------
    outcome, predictors : names.
    coefficients : one row per term, the intercept first: ``term estimate std_error ci_low ci_high t p_value`` (HC3, linearised
        with sampling weights), ``beta`` (standardised), ``classic_std_error classic_p_value`` (equal variances assumed),
        ``tolerance vif`` (NaN for the intercept).
    anova : rows ``regression residual total``: ``part sum_of_squares df mean_square f p_value``; with sampling weights the sums
        of squares are those of weights that add to n, and F is approximate.
    r, r2, r2_adj : multiple correlation, its square, adjusted for the number of predictors.
    sigma : standard error of the estimate, in units of the outcome.
    wald_f, wald_p : test that all slopes are 0 with the covariances of the coefficients' errors (robust F).
    df : residual degrees of freedom, n − k − 1.
    cov : (k + 1, k + 1) covariances of the coefficients, HC3.
    answers : the complete rows, the outcome last; ``answers.kept`` says which of the rows handed in.
    fitted, residual, leverage, cook : (n,), of the rows used; `cook` is NaN for a row that the fit passes through whatever it
        answers (leverage 1), as in R.
    level : of the intervals.
    """

    outcome: str
    predictors: tuple[str, ...]
    coefficients: pd.DataFrame
    anova: pd.DataFrame
    r: float
    r2: float
    r2_adj: float
    sigma: float
    wald_f: float
    wald_p: float
    df: float
    cov: Array
    answers: Sample
    fitted: Array
    residual: Array
    leverage: Array
    cook: Array
    level: float

    @property
    def n(self) -> float:
        """Rows used; Σw for frequency weights."""
        return self.answers.n

    @property
    def f(self) -> float:
        """The F of the analysis of variance."""
        return float(self.anova["f"].iloc[0])

    @property
    def design(self) -> Array:
        """(n, k + 1): ones and the predictors."""
        return np.column_stack([np.ones(len(self.fitted)), self.answers.answers[:, :-1]])


def regression(
    data: pd.DataFrame,
    outcome: str,
    predictors: Sequence[str] | None = None,
    weights: Any = None,
    *,
    kind: Kind = "sampling",
    level: float = 0.95,
) -> Regression:
    """Regress `outcome` on `predictors`.

    Parameters
    ----------
    data : frame of numbers; NaN is no answer. Rows that lack one of the columns are left out (listwise) and counted.
    outcome, predictors : columns; all others are predictors where none are named.
    weights, kind : case weights as in `csr_lib.stats.moments.moments`.
    level : of the intervals.

    Raises
    ------
    OptionError
        No predictors, or the outcome among them.
    DataError
        Unknown columns, columns that are not numbers, bad weights.
    AnalysisError
        No more rows than coefficients, a column without variance, or predictors in an exact linear dependence (named).

    Notes
    -----
    b = (X′WX)⁻¹X′Wy. Errors are HC3 (MacKinnon & White 1985); with sampling weights the scores carry the weights (linearisation,
    Binder 1983), with frequency weights the numbers are those of repeated rows. Tests are t with n − k − 1 degrees of freedom.
    The same numbers: R ``lm(weights =)``, ``anova``, ``cooks.distance``, ``sandwich::vcovHC(type = "HC3")``; SPSS REGRESSION.
    """
    names = [c for c in data.columns if c != outcome] if predictors is None else list(predictors)
    if not names or outcome in names:
        raise OptionError(
            "no predictors" if not names else f"the outcome '{outcome}' is among its predictors", where="predictors"
        )
    answers = sample(data, weights, kind=kind, columns=[*names, outcome])
    n, p = answers.n, len(names) + 1
    if n <= p:
        raise AnalysisError(
            f"{n:g} rows are too few for {p} coefficients",
            where=f"regression of {outcome}",
            allowed=f"more than {p}",
            mend="collect more answers, or use fewer predictors",
        )
    m = answers.moments()  # names the columns that do not vary
    R = m.correlation
    bad = dependent(R[:-1, :-1], names)
    if bad:
        raise AnalysisError(
            f"{', '.join(bad)} are linearly dependent; their coefficients cannot be told apart",
            where=f"regression of {outcome}",
            mend="leave one of them out, or join them",
        )
    x, y = answers.answers[:, :-1], answers.answers[:, -1]
    design = np.column_stack([np.ones(len(y)), x])
    b, cov, residual, leverage = hc3(design, y, answers.weights, answers.kind)
    w = answers.weights if answers.kind == "frequency" else answers.weights * n / answers.weights.sum()
    df = n - p
    rest = float(w @ residual**2)
    total = float(w @ (y - w @ y / n) ** 2)
    r2 = max(0.0, 1 - rest / total)
    sigma2 = rest / df
    bread = np.linalg.inv(design.T @ (design * w[:, None]))
    classic = np.sqrt(sigma2 * np.diag(bread))
    error = np.sqrt(np.diag(cov))
    half = float(t_quantile(0.5 + level / 2, df)) * error
    vif = np.diag(np.linalg.inv(R[:-1, :-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = b / error
        coefficients = pd.DataFrame(
            {
                "term": [INTERCEPT, *names],
                "estimate": b,
                "std_error": error,
                "ci_low": b - half,
                "ci_high": b + half,
                "t": t,
                "p_value": t_two_sided(t, df),
                "beta": np.concatenate([[np.nan], b[1:] * m.sd[:-1] / m.sd[-1]]),
                "classic_std_error": classic,
                "classic_p_value": t_two_sided(b / classic, df),
                "tolerance": np.concatenate([[np.nan], 1 / vif]),
                "vif": np.concatenate([[np.nan], vif]),
            }
        )
        f = (total - rest) / (p - 1) / sigma2 if sigma2 > 0 else math.inf
        each = 1.0 if answers.kind == "frequency" else w
        cook = each * residual**2 / (p * sigma2) * leverage / (1 - leverage) ** 2
        cook = np.where((leverage < 1 - 1e-10) & np.isfinite(cook), cook, np.nan)
    anova = pd.DataFrame(
        {
            "part": ["regression", "residual", "total"],
            "sum_of_squares": [total - rest, rest, total],
            "df": [p - 1.0, df, n - 1],
            "mean_square": [(total - rest) / (p - 1), sigma2, math.nan],
            "f": [f, math.nan, math.nan],
            "p_value": [float(f_above(f, p - 1, df)), math.nan, math.nan],
        }
    )
    wald_f, wald_p = wald(b[1:], cov[1:, 1:], df)
    return Regression(
        outcome, tuple(names), coefficients, anova, math.sqrt(r2), r2, 1 - (1 - r2) * (n - 1) / df, math.sqrt(sigma2),
        wald_f, wald_p, df, cov, answers, design @ b, residual, leverage, cook, level,
    )  # fmt: skip


def hc3(design: Array, y: Array, weights: Array, kind: Kind) -> tuple[Array, Array, Array, Array]:
    """Return coefficients, their HC3 covariances, residuals and leverages of a weighted least-squares fit.

    Parameters
    ----------
    design : (n, p), with a column of ones where there is an intercept; y : (n,).
    weights, kind : (n,) case weights; with ``frequency`` a row of weight 3 counts as three rows.

    Notes
    -----
    cov = B (Σ sᵢsᵢ′) B with B = (X′WX)⁻¹, sᵢ = wᵢxᵢeᵢ/(1 − hᵢ). A respondent alone in a group fits perfectly (leverage 1): the
    row says nothing about other coefficients, and the variance of its own is not known (NaN).
    """
    bread = np.linalg.inv(design.T @ (design * weights[:, None]))
    b = bread @ (design.T @ (weights * y))
    residual = y - design @ b
    own = np.einsum("ij,jk,ik->i", design, bread, design)
    leverage = own if kind == "frequency" else weights * own
    alone = leverage > 1 - 1e-10
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(alone, 0.0, residual / (1 - leverage))
    scores = design * (np.sqrt(weights) if kind == "frequency" else weights)[:, None] * error[:, None]
    cov = bread @ (scores.T @ scores) @ bread
    decided = (np.abs(design[alone] @ bread) > 1e-10).any(axis=0)
    cov[decided] = cov[:, decided] = np.nan
    return b, cov, residual, leverage


def wald(b: Array, cov: Array, df: float) -> tuple[float, float]:
    """Return F = b′V⁻¹b/q and its p-value with q and `df` degrees of freedom; NaN where a variance is not known."""
    if not np.isfinite(cov).all():
        return math.nan, math.nan
    f = float(b @ np.linalg.solve(cov, b)) / len(b)
    return f, float(f_above(f, len(b), df))


def r_squared_interval(fit: Regression, *, resamples: int = 2000, seed: Seed = None, level: float = 0.95) -> tuple[float, float]:
    """Return the bootstrap interval of the share of variance explained in the population, 0 to 1.

    R² of a sample is on average above that of the population by about (1 − R²) k/n, and R² of a resample is so once more above
    that of the sample. Every draw is therefore adjusted twice, 1 − (1 − R²_b) ((n − 1)/(n − k − 1))², with n the effective number
    of answers; an end below 0 is 0. Without this, percentiles hold the truth far too rarely where there are many predictors:
    with 8 predictors, 100 answers and R² = .35 in 74 % of samples, with it in 96 % (``tests/coverage``).

    NaN where there are no resamples, too few answers for the adjustment, or most resamples cannot be estimated.
    """
    k, n = len(fit.predictors), fit.answers.n_effective
    if resamples < 1 or n <= k + 1:
        return math.nan, math.nan
    draws = [_explained(fit.answers.resampled(counts)[1]) for counts in resample_counts(fit.answers, resamples, seed)]
    adjusted = 1 - (1 - np.concatenate(draws)) * ((n - 1) / (n - k - 1)) ** 2
    low, high = percentile_interval(adjusted, level)
    return (math.nan, math.nan) if math.isnan(low) else (max(0.0, float(low)), max(0.0, float(high)))


def _explained(covs: Array) -> Array:
    """R² of the last variable by the others, of covariances (B, k + 1, k + 1); NaN where the others are dependent."""
    sd = np.sqrt(np.einsum("bii->bi", covs))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = covs / sd[:, :, None] / sd[:, None, :]
    usable = np.isfinite(r).all(axis=(1, 2))
    usable[usable] = np.linalg.cond(r[usable, :-1, :-1]) < 1e10
    sign, whole = np.linalg.slogdet(r[usable])
    part = np.linalg.slogdet(r[usable, :-1, :-1])[1]
    out = np.full(len(covs), np.nan)
    out[usable] = 1 - np.minimum(np.exp(np.where(sign > 0, whole - part, -np.inf)), 1.0)
    return out


# ---- may the regression be believed?


@dataclass(frozen=True)
class Test:
    """A test of one assumption: statistic, degrees of freedom, p-value."""

    statistic: float
    df: float
    p_value: float


def breusch_pagan(fit: Regression) -> Test:
    """Test whether the residuals vary more for some predictions than for others (χ², k degrees of freedom).

    Koenker's studentised form: n·R² of the squared residuals on the predictors. R ``lmtest::bptest``; statsmodels
    ``het_breuschpagan``.
    """
    a = fit.answers
    w = a.weights / a.weights.sum()
    squared, design = fit.residual**2, fit.design
    b = np.linalg.solve(design.T @ (design * w[:, None]), design.T @ (w * squared))
    rest, spread = w @ (squared - design @ b) ** 2, w @ (squared - w @ squared) ** 2
    statistic = fit.n * max(0.0, 1 - rest / spread) if spread > 0 else 0.0
    k = len(fit.predictors)
    return Test(float(statistic), k, float(chi2_above(statistic, k)))


def reset(fit: Regression) -> Test:
    """Ramsey's RESET: do the squares and cubes of the predictions add anything, that is, is the relation bent? (F)

    R ``lmtest::resettest(power = 2:3)``; with sampling weights the linearised Wald F. `df` is that of the residuals. NaN where
    the powers cannot be told apart from the predictors.
    """
    a = fit.answers
    z = (fit.fitted - fit.fitted.mean()) / (fit.fitted.std() or 1.0)
    design = np.column_stack([fit.design, z**2, z**3])
    df = fit.df - 2
    if df <= 0 or np.linalg.matrix_rank(design) < design.shape[1]:
        return Test(math.nan, df, math.nan)
    b, cov, residual, _ = hc3(design, a.answers[:, -1], a.weights, a.kind)
    if a.kind == "sampling":
        f, p = wald(b[-2:], cov[-2:, -2:], df)
        return Test(f, df, p)
    before, after = a.weights @ fit.residual**2, a.weights @ residual**2
    f = float((before - after) / 2 / (after / df)) if after > 0 else math.nan
    return Test(f, df, float(f_above(f, 2, df)))


@dataclass(frozen=True)
class Shape:
    """Shape of a distribution: skewness and excess kurtosis (0 for the normal), and the Jarque–Bera test."""

    skewness: float
    kurtosis: float
    statistic: float
    p_value: float


def residual_shape(fit: Regression) -> Shape:
    """Return how far the residuals are from a normal distribution; weighted moments.

    skewness = m₃/m₂^1.5, kurtosis = m₄/m₂² − 3, JB = n/6·(skewness² + kurtosis²/4), χ² with 2 degrees of freedom. R
    ``tseries::jarque.bera.test``; scipy.stats ``jarque_bera``.
    """
    w = fit.answers.weights / fit.answers.weights.sum()
    e = fit.residual - w @ fit.residual
    m2, m3, m4 = (float(w @ e**k) for k in (2, 3, 4))
    if m2 <= 0:
        return Shape(math.nan, math.nan, math.nan, math.nan)
    skewness, kurtosis = m3 / m2**1.5, m4 / m2**2 - 3
    statistic = fit.answers.n_effective / 6 * (skewness**2 + kurtosis**2 / 4)
    return Shape(skewness, kurtosis, statistic, float(chi2_above(statistic, 2)))


def durbin_watson(fit: Regression, order: Any) -> Test:
    """Return d = Σ(eₜ − eₜ₋₁)²/Σeₜ² of the residuals in the order of `order`; 2 where neighbours have nothing in common.

    Parameters
    ----------
    order : (n,) values that sort the rows used, such as times of return. Equal values keep the order of the rows.

    Notes
    -----
    The p-value is that of the normal approximation d ~ N(2, 4/n), good from some fifty rows on. `df` is n. R
    ``lmtest::dwtest`` (same d, exact p).
    """
    values = np.asarray(order)
    if values.shape != fit.residual.shape:
        raise DataError(f"{values.shape} values for {len(fit.residual)} rows used", where="order", allowed="one value per row")
    e = fit.residual[np.argsort(values, kind="stable")]
    d = float(np.sum(np.diff(e) ** 2) / np.sum(e**2))
    z = abs(d - 2) * math.sqrt(len(e)) / 2
    return Test(d, float(len(e)), float(2 * normal_below(-z)))
