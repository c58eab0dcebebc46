"""Fit of a covariance structure: χ², incremental and absolute indices, RMSEA with its interval, residuals, information criteria.

Everything is computed from χ², the baseline model's χ², the likelihoods, and observed and implied moments; nothing here knows
how the model was estimated, so that complete and incomplete answers, one group and several, share these formulas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class GroupMoments:
    """Observed and implied moments of one group.

    Attributes
    ----------
    n : rows (sum of weights).
    cov, implied_cov : (p, p), divisor n (for incomplete answers the saturated model's).
    mean, implied_mean : (p,); None where means are not modelled.
    given : positions of variables on whose moments the model is conditional.
    """

    n: float
    cov: Array
    implied_cov: Array
    mean: Array | None = None
    implied_mean: Array | None = None
    given: tuple[int, ...] = ()


@dataclass(frozen=True)
class ModelTest:
    """χ² of the model and of its baseline, with what belongs to them.

    Attributes
    ----------
    chi2, df : of the model against the saturated one.
    baseline_chi2, baseline_df : of the independence model (variances, means and the moments of given variables free).
    n : rows of all groups; `groups` their number.
    parameters : free parameters of the model.
    logl, logl_saturated : log-likelihoods of the model and of the saturated model.
    """

    chi2: float
    df: int
    baseline_chi2: float
    baseline_df: int
    n: float
    groups: int
    parameters: int
    logl: float
    logl_saturated: float


def chi2_upper(x: float, df: float, noncentrality: float = 0.0) -> float:
    """Probability of a (noncentral) χ² above `x`; R ``pchisq(x, df, ncp, lower.tail = FALSE)``. NaN for df 0."""
    if df <= 0:
        return math.nan
    if noncentrality <= 0:
        return float(special.chdtrc(df, max(x, 0.0)))
    return 1 - float(special.chndtr(x, df, noncentrality))


def fit_measures(
    test: ModelTest, groups: Sequence[GroupMoments], *, close: float = 0.05, not_close: float = 0.08
) -> dict[str, float]:
    """Return every fit measure by name.

    Parameters
    ----------
    test : χ², degrees of freedom and likelihoods.
    groups : moments by group.
    close, not_close : RMSEA of the hypotheses of close and of not close fit.

    Returns
    -------
    dict
        ``n_parameters f_min chi2 df p_value`` (f_min = χ²/2n, lavaan's fmin); ``baseline_chi2 baseline_df baseline_p_value``;
        ``chi2_df``; incremental ``cfi tli nnfi rfi nfi pnfi ifi rni``; ``logl logl_saturated aic bic sabic n``; ``rmsea
        rmsea_ci_low rmsea_ci_high`` (90 %) ``rmsea_p_close rmsea_p_not_close``; residuals ``rmr srmr crmr srmr_mplus``, each also
        ``…_nomean``; ``hoelter_05 hoelter_01``; ``gfi agfi pgfi mfi ecvi``. χ²/df, the p-value and the RMSEA's p-values of a
        model without degrees of freedom are NaN.

    Notes
    -----
    Formulas: Bentler (1990) CFI, RNI; Tucker & Lewis (1973); Bollen (1986, 1989) RFI, IFI; Bentler & Bonett (1980) NFI; James,
    Mulaik & Brett (1982) PNFI; Steiger & Lind (1980) RMSEA with n (not n − 1) and √groups; Jöreskog & Sörbom (1984) GFI; Browne &
    Cudeck (1993) ECVI and close fit; McDonald (1989) MFI; Hoelter (1983); Bentler (1995) SRMR. The same numbers: R
    ``lavaan::fitMeasures``. (semopy's GFI is the NFI, and its RMSEA, AIC and BIC are others.)
    """
    t = test
    out = {
        "n_parameters": float(t.parameters),
        "f_min": t.chi2 / (2 * t.n),
        "chi2": t.chi2,
        "df": float(t.df),
        "p_value": chi2_upper(t.chi2, t.df),
        "chi2_df": t.chi2 / t.df if t.df > 0 else math.nan,
        "baseline_chi2": t.baseline_chi2,
        "baseline_df": float(t.baseline_df),
        "baseline_p_value": chi2_upper(t.baseline_chi2, t.baseline_df),
    }
    out |= incremental(t.chi2, t.df, t.baseline_chi2, t.baseline_df)
    out |= {
        "logl": t.logl,
        "logl_saturated": t.logl_saturated,
        "aic": -2 * t.logl + 2 * t.parameters,
        "bic": -2 * t.logl + t.parameters * math.log(t.n),
        "n": t.n,
        "sabic": -2 * t.logl + t.parameters * math.log((t.n + 2) / 24),
    }
    out |= rmsea(t.chi2, t.df, t.n, t.groups, close=close, not_close=not_close)
    out |= residual_measures(groups)
    for name, tail in (("hoelter_05", 0.05), ("hoelter_01", 0.01)):
        out[name] = 1 + float(special.chdtri(t.df, tail)) * t.n / t.chi2 if t.df > 0 and t.chi2 > 0 else math.nan
    means = groups[0].mean is not None
    p = len(groups[0].cov)
    moments = len(groups) * (p * (p + 1) // 2 + (p if means else 0))
    gfi = goodness(groups)
    out |= {
        "gfi": gfi,
        "agfi": 1 - moments / t.df * (1 - gfi) if t.df > 0 else 1.0,
        "pgfi": t.df / moments * gfi,
        "mfi": math.exp(-0.5 * (t.chi2 - t.df) / t.n),
        "ecvi": t.chi2 / t.n + 2 * t.parameters / t.n,
    }
    return out


def incremental(chi2: float, df: float, baseline_chi2: float, baseline_df: float) -> dict[str, float]:
    """Return the indices that compare the model with the baseline model: ``cfi tli nnfi rfi nfi pnfi ifi rni``.

    They stay negative where the model fits worse than the baseline; lavaan writes 1 for such an RFI.
    """
    excess, baseline_excess = chi2 - df, baseline_chi2 - baseline_df
    worst = max(excess, baseline_excess, 0.0)
    tli = rni = ifi = rfi = 1.0
    if df > 0 and baseline_df > 0:
        if baseline_excess != 0:
            tli = 1 - (excess / df) / (baseline_excess / baseline_df)
        rfi = 1 - (chi2 / df) / (baseline_chi2 / baseline_df) if baseline_chi2 > 0 else math.nan
    if baseline_excess != 0:
        rni = 1 - excess / baseline_excess
    if baseline_chi2 != df:
        ifi = (baseline_chi2 - chi2) / (baseline_chi2 - df)
    nfi = 1 - chi2 / baseline_chi2 if baseline_chi2 > 0 else math.nan
    return {
        "cfi": 1 - max(excess, 0.0) / worst if worst > 0 else 1.0,
        "tli": tli,
        "nnfi": tli,
        "rfi": rfi,
        "nfi": nfi,
        "pnfi": df / baseline_df * nfi if baseline_df > 0 else math.nan,
        "ifi": ifi,
        "rni": rni,
    }


def rmsea(
    chi2: float, df: float, n: float, groups: int = 1, *, close: float = 0.05, not_close: float = 0.08, scaling: float = 1.0
) -> dict[str, float]:
    """Return ``rmsea rmsea_ci_low rmsea_ci_high`` (90 %) and the p-values of close (≤ .05) and of not close (≥ .08) fit.

    `scaling` is the correction by which a robust χ² was divided: with it the noncentrality is brought back to the scale of the
    uncorrected one (Brosseau-Liard, Savalei & Li 2012), `chi2` being the corrected one. Without degrees of freedom RMSEA is 0.
    """
    if df <= 0:
        none = {"rmsea": 0.0, "rmsea_ci_low": 0.0, "rmsea_ci_high": 0.0}
        return none | {"rmsea_p_close": math.nan, "rmsea_p_not_close": math.nan}

    def from_noncentrality(value: float) -> float:
        return math.sqrt(max(value, 0.0) * scaling / (n * df) * groups)

    def tail_at(limit: float) -> float:
        return chi2_upper(chi2, df, n * df * limit**2 / groups / scaling)

    return {
        "rmsea": from_noncentrality(chi2 - df),
        "rmsea_ci_low": from_noncentrality(_noncentrality(chi2, df, 0.95)),
        "rmsea_ci_high": from_noncentrality(_noncentrality(chi2, df, 0.05)),
        "rmsea_p_close": tail_at(close),
        "rmsea_p_not_close": 1 - tail_at(not_close),
    }


def _noncentrality(chi2: float, df: float, below: float) -> float:
    """Noncentrality at which a χ² up to `chi2` has probability `below`; 0 where even a central one is less probable."""
    if 1 - chi2_upper(chi2, df) < below:
        return 0.0
    return float(special.chndtrinc(chi2, df, below))


def goodness(groups: Sequence[GroupMoments]) -> float:
    """Goodness of fit index: 1 − Σn·eᵀVe/Σn·sᵀVs with e residuals, s sample moments, V the normal weight at Σ.

    For covariances eᵀVe = ½tr((Σ⁻¹(S − Σ))²); modelled means add (x̄ − μ)ᵀΣ⁻¹(x̄ − μ) above and x̄ᵀΣ⁻¹x̄ below, as in lavaan.
    Moments of given variables are not counted among the sample's.
    """
    lack = total = 0.0
    for g in groups:
        counted = g.cov.copy()
        counted[np.ix_(g.given, g.given)] = 0.0
        ratio = np.linalg.solve(g.implied_cov, counted)
        rest = np.linalg.solve(g.implied_cov, g.cov - g.implied_cov)
        lack += g.n * float(np.sum(rest * rest.T)) / 2
        total += g.n * float(np.sum(ratio * ratio.T)) / 2
        if g.mean is not None and g.implied_mean is not None:
            d = g.mean - g.implied_mean
            lack += g.n * float(d @ np.linalg.solve(g.implied_cov, d))
            counted_mean = np.where(np.isin(np.arange(len(d)), g.given), 0.0, g.mean)
            total += g.n * float(counted_mean @ np.linalg.solve(g.implied_cov, counted_mean))
    return 1 - lack / total


def residual_measures(groups: Sequence[GroupMoments]) -> dict[str, float]:
    """Root mean square residuals, weighted by n over groups.

    ``rmr`` raw; ``srmr`` divided by the observed standard deviations (Bentler); ``crmr`` differences of correlations, without the
    diagonal; ``srmr_mplus`` differences of correlations with relative differences of variances on the diagonal. ``…_nomean``
    leaves out the residuals of means, which the others include where means are modelled.
    """
    n = math.fsum(g.n for g in groups)
    out: dict[str, float] = {}
    for g in groups:
        for name, value in _residuals_of(g).items():
            out[name] = out.get(name, 0.0) + g.n / n * value
    return out


def _residuals_of(g: GroupMoments) -> dict[str, float]:
    p = len(g.cov)
    lower, strict = np.tril_indices(p), np.tril_indices(p, -1)
    sd, implied_sd = np.sqrt(np.diag(g.cov)), np.sqrt(np.diag(g.implied_cov))
    raw = g.cov - g.implied_cov
    scaled = raw / np.outer(sd, sd)
    correlation = g.cov / np.outer(sd, sd) - g.implied_cov / np.outer(implied_sd, implied_sd)
    mixed = correlation + np.diag(np.diag(raw) / sd**2)
    squares = {"rmr": raw[lower], "srmr": scaled[lower], "crmr": correlation[strict], "srmr_mplus": mixed[lower]}
    if g.mean is None or g.implied_mean is None:
        empty = np.zeros(0)
        means = dict.fromkeys(squares, empty)
    else:
        d = g.mean - g.implied_mean
        both = g.mean / sd - g.implied_mean / implied_sd
        means = {"rmr": d, "srmr": d / sd, "crmr": d / sd, "srmr_mplus": both}
    out = {}
    for name, values in squares.items():
        total = float((values**2).sum())
        out[name] = math.sqrt((total + float((means[name] ** 2).sum())) / (len(values) + len(means[name]))) if p > 1 else 0.0
        out[f"{name}_nomean"] = math.sqrt(total / len(values)) if len(values) else 0.0
    return out
