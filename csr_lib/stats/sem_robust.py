"""Robust errors and χ² for answers that are not normal, or that carry sampling weights (the estimator MLR)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csr_lib.core.errors import DataError
from csr_lib.stats._sem_fit import Fitted
from csr_lib.stats._sem_ml import Slopes
from csr_lib.stats.fit_measures import ModelTest, chi2_upper, incremental, rmsea
from csr_lib.stats.moments import Sample

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Robust:
    """Robust covariance matrix of the estimates, and the corrections of the χ² of the model and of its baseline.

    Attributes
    ----------
    vcov : (k, k), A⁻¹BA⁻¹/n with A the observed information and B the mean product of the rows' scores.
    scaling, baseline_scaling : by which χ² is divided.
    scaling_h0, scaling_h1 : corrections of the log-likelihoods of the model and of the saturated model; likelihood-ratio tests of
        nested models are scaled by them.
    """

    vcov: Array
    scaling: float
    baseline_scaling: float
    scaling_h0: float
    scaling_h1: float


def robust(fitted: Fitted, samples: Sequence[Sample]) -> Robust:
    """Return the robust covariance matrix and corrections of a model fitted to complete answers.

    Parameters
    ----------
    fitted : fitted with the *observed* information.
    samples : one per group, the rows that the fitted moments were computed from.

    Raises
    ------
    DataError
        Rows that are incomplete, or that do not have the moments that were fitted.

    Notes
    -----
    Huber (1967) and White (1982) sandwich; χ² corrected after Yuan & Bentler (2000) in the form of Mplus, c = (tr(B₁A₁⁻¹) −
    tr(BA⁻¹))/df with A₁, B₁ those of the saturated model. Sampling weights enter A once and B squared (scaled to sum
    to n), frequency weights enter both once. For the saturated model and for the baseline the traces are sums of fourth
    moments. The same numbers: R lavaan ``estimator = "MLR"`` and ``sampling.weights``.
    """
    spec, n = fitted.structure.spec, fitted.data.n
    k = fitted.structure.n_free
    meat, saturated, baseline = np.zeros((k, k)), 0.0, 0.0
    given, outside = ([spec.observed.index(v) for v in names] for names in (spec.conditional, spec.outside))
    for g, (sample, cov, mean) in enumerate(zip(samples, fitted.data.covs, fitted.data.means, strict=True)):
        x, squared = _rows(fitted, sample, g)
        scores = case_scores(fitted, x, g)
        spread = np.zeros((len(x), k))
        np.add.at(spread.T, fitted.structure.theta[g], scores.T)
        meat += (spread * squared[:, None]).T @ spread
        z, squared = x - mean, squared / fitted.data.ns[g]
        saturated += _saturated_trace(z, cov, squared, means=spec.mean_structure)
        if given:
            saturated -= _saturated_trace(z[:, given], cov[np.ix_(given, given)], squared, means=spec.mean_structure)
        baseline += _baseline_trace(z, cov, squared, outside, means=spec.mean_structure)
        if outside and not given:  # their moments are parameters of the baseline
            baseline += _saturated_trace(z[:, outside], cov[np.ix_(outside, outside)], squared, means=spec.mean_structure)
    meat /= n
    bread = np.linalg.inv(fitted.information) if k else np.zeros((0, 0))
    return corrections(fitted.test, bread, meat, saturated, baseline, n_saturated=k + fitted.test.df)


def corrections(test: ModelTest, bread: Array, meat: Array, saturated: float, baseline: float, *, n_saturated: int) -> Robust:
    """Return the sandwich and the scaling factors.

    Parameters
    ----------
    bread : (k, k) inverse of the observed information of one row.
    meat : (k, k) mean product of the rows' scores.
    saturated, baseline : tr(BA⁻¹) of the saturated and of the baseline model.
    n_saturated : number of moments that the saturated model has for the model's.
    """
    own = float(np.sum(bread * meat.T))
    return Robust(
        bread @ meat @ bread / test.n,
        (saturated - own) / test.df if test.df > 0 else math.nan,
        (saturated - baseline) / test.baseline_df if test.baseline_df > 0 else math.nan,
        own / len(meat) if len(meat) else math.nan,
        saturated / n_saturated,
    )


def _rows(fitted: Fitted, sample: Sample, group: int) -> tuple[Array, Array]:
    """Rows of the model's items, and what each counts in sums of products of scores."""
    columns = [sample.columns.index(v) for v in fitted.structure.spec.observed]
    x = sample.answers[:, columns]
    if np.isnan(x).any():
        raise DataError(
            "rows with missing answers",
            where="MLR",
            allowed="complete rows",
            mend="use missing: listwise, or full information (FIML)",
        )
    w = sample.weights * (fitted.data.ns[group] / sample.weights.sum())
    mean = w @ x / w.sum()
    cov = ((x - mean) * w[:, None]).T @ (x - mean) / w.sum()
    scale = np.sqrt(np.diag(cov))
    if np.abs((mean - fitted.data.means[group]) / scale).max() > 1e-6 or (
        np.abs((cov - fitted.data.covs[group]) / np.outer(scale, scale)).max() > 1e-6
    ):
        raise DataError(
            "the rows do not have the moments that were fitted", where="MLR", mend="fit the moments of the same sample"
        )
    return x, w**2 if sample.kind == "sampling" else w


def case_scores(fitted: Fitted, x: Array, group: int) -> Array:
    """Slopes of each row's log-likelihood by the free entries of its group, (n, entries)."""
    m, structure = fitted.implied[group], fitted.structure
    everything = np.arange(structure.p)
    slopes = Slopes.of(m, structure.free[group], everything)
    precision = np.linalg.inv(m.sigma)
    z = (x - (m.mu if structure.spec.mean_structure else fitted.data.means[group])) @ precision
    flat = np.einsum("ia,ia->a", slopes.u, precision @ slopes.v)
    return np.asarray((z @ slopes.u) * (z @ slopes.v) - flat + z @ slopes.d)


def _saturated_trace(z: Array, cov: Array, w: Array, *, means: bool) -> float:
    """Σw·sᵀA₁⁻¹s over rows with s the scores of the saturated model: ½((zᵀS⁻¹z)² − 2zᵀS⁻¹z + p), and zᵀS⁻¹z for the means."""
    distance = np.einsum("ij,ij->i", z @ np.linalg.inv(cov), z)
    return float(w @ ((distance**2 - 2 * distance + len(cov)) / 2 + (distance if means else 0.0)))


def _baseline_trace(z: Array, cov: Array, w: Array, outside: Sequence[int], *, means: bool) -> float:
    """The same for the variables that the baseline model leaves uncorrelated."""
    rest = [k for k in range(z.shape[1]) if k not in outside]
    square = z[:, rest] ** 2 / np.diag(cov)[rest]
    return float(w @ ((square - 1) ** 2 / 2 + (square if means else 0.0)).sum(axis=1))


def robust_measures(test: ModelTest, r: Robust) -> dict[str, float]:
    """Return the fit measures that follow from the corrected χ², to be added to `csr_lib.stats.fit_measures.fit_measures`.

    ``…_scaled`` are computed from the corrected χ² (RMSEA: from the uncorrected with corrected degrees of freedom, as in lavaan);
    ``…_robust`` estimate what the index would be of normal answers (Brosseau-Liard & Savalei 2014; Brosseau-Liard, Savalei & Li
    2012) and are those to be reported.
    """
    t = test
    chi2 = t.chi2 / r.scaling if t.df > 0 else t.chi2
    baseline = t.baseline_chi2 / r.baseline_scaling if t.baseline_df > 0 else t.baseline_chi2
    out = {
        "chi2_scaled": chi2,
        "p_value_scaled": chi2_upper(chi2, t.df),
        "scaling": r.scaling,
        "baseline_chi2_scaled": baseline,
        "baseline_p_value_scaled": chi2_upper(baseline, t.baseline_df),
        "baseline_scaling": r.baseline_scaling,
        "scaling_h0": r.scaling_h0,
        "scaling_h1": r.scaling_h1,
    }
    out |= {f"{name}_scaled": v for name, v in incremental(chi2, t.df, baseline, t.baseline_df).items()}
    c, cb = (r.scaling, r.baseline_scaling) if t.df > 0 else (1.0, r.baseline_scaling)
    excess, baseline_excess = t.chi2 - c * t.df, t.baseline_chi2 - cb * t.baseline_df
    worst = max(excess, baseline_excess, 0.0)
    ratio = excess / baseline_excess if baseline_excess != 0 else math.nan
    out["cfi_robust"] = 1 - max(excess, 0.0) / worst if worst > 0 else 1.0
    out["tli_robust"] = out["nnfi_robust"] = 1 - ratio * t.baseline_df / t.df if t.df > 0 else 1.0
    out["rni_robust"] = 1 - ratio
    out |= {f"{name}_scaled": v for name, v in rmsea(t.chi2, c * t.df, t.n, t.groups).items()}
    out |= {f"{name}_robust": v for name, v in rmsea(chi2, t.df, t.n, t.groups, scaling=c).items()}
    return out
