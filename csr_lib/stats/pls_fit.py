"""How well a PLS path model fits: distances, fit indices, criteria by equation and by block, regressions of the composites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.stats.distributions import t_two_sided
from csr_lib.stats.pls import PLSResult, implied_correlations

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class PLSFit:
    """Criteria of fit of an estimated path model; every number follows from the correlations and n.

    Attributes
    ----------
    criteria : one row per criterion, ``criterion estimate``, in the order of `pls_fit`'s notes.
    equations : ``target n_sources r2 r2_adj aic bic``, one row per endogenous construct.
    paths : ``source target estimate std_error t p_value``, the regressions of the composites as if these were data. Prefer the
        bootstrap (`csr_lib.stats.pls_bootstrap`): it knows that the composites are estimated too. NaN with consistent PLS,
        where these errors do not hold.
    blocks : ``construct communality redundancy eigenvalue_1 eigenvalue_2 dg_rho``: mean squared loading; that times R² (NaN for
        exogenous constructs); the first two eigenvalues of the items' correlations (NaN for the second of a single item); and
        Dillon and Goldstein's ρ of the first principal component.
    implied : (p, p) correlations of the items that the model implies.
    """

    criteria: pd.DataFrame
    equations: pd.DataFrame
    paths: pd.DataFrame
    blocks: pd.DataFrame
    implied: pd.DataFrame

    def __getitem__(self, criterion: str) -> float:
        """Return one criterion, such as ``fit["rmsea"]``."""
        return float(self.criteria.set_index("criterion")["estimate"][criterion])


def pls_fit(result: PLSResult) -> PLSFit:
    """Return the criteria of fit of an estimated path model.

    Parameters
    ----------
    result : of `csr_lib.stats.pls.pls`.

    Notes
    -----
    S (p, p) are the correlations of the items, Σ those implied (`implied_correlations`), n the effective number of rows.

    - ``srmr`` as in `PLSResult`; ``d_uls`` = ½ Σᵢⱼ(sᵢⱼ − σᵢⱼ)² (squared Euclidean distance, d_L); ``d_g`` = ½ Σ ln²φₖ, φ the
      eigenvalues of S⁻¹Σ (geodesic distance); ``d_ml`` = ln|Σ| + tr(SΣ⁻¹) − ln|S| − p (Dijkstra & Henseler 2015). What needs an
      inverse or a determinant is NaN where S or Σ is not positive definite: dependent items, n < p, an inadmissible solution.
    - ``chi_square`` = (n − 1)·d_ml with ``df`` = p(p − 1)/2 − free parameters: paths, correlations of exogenous constructs, for a
      reflective construct its loadings, for a composite its weights − 1 and the correlations of its items. PLS does not minimise
      d_ml, so χ² has no χ² distribution: no p-value is given.
    - ``cfi tli nfi rmsea`` from χ² and that of uncorrelated items; ``gfi`` = 1 − tr((Σ⁻¹S − I)²)/tr((Σ⁻¹S)²) (Jöreskog & Sörbom).
    - ``rms_theta``: root mean square covariance of the outer residuals, pairs of items of one composite left out
      (Lohmöller 1989). ``gof`` = √(mean squared loading of items that are not alone × mean R²) (Tenenhaus et al. 2004); it is no
      measure of fit.
    - By equation (Sharma et al. 2019) with SSE = (1 − R²)(n − 1) and k = sources + 1: ``aic`` = n ln(SSE/n) + 2k,
      ``bic`` = n ln(SSE/n) + k ln n.

    The same numbers: cSEM ``assess``, but for ``d_g`` (decadic logarithms there: the number here times (log₁₀e)²) and ``gfi``
    (squared norms there in place of the traces of squares); plspm ``inner_model``, ``unidim``, ``gof``.
    """
    plan, m = result.plan, result.moments
    S, n = m.correlation, m.n_effective
    loadings = result.items["loading"].to_numpy()
    paths = result.paths["estimate"].to_numpy()
    C = result.correlations.to_numpy()
    implied = implied_correlations(S, loadings, C, paths, plan)
    criteria = {"srmr": result.srmr, **_distances(S, implied)}
    criteria |= _indices(result, S, implied, n, criteria["d_ml"])
    criteria |= {"rms_theta": _rms_theta(result, S, loadings, C), "gof": _gof(result, loadings)}
    return PLSFit(
        pd.DataFrame({"criterion": list(criteria), "estimate": [float(v) for v in criteria.values()]}),
        _equations(result, n),
        _regressions(result, n),
        _blocks(result, S, loadings),
        pd.DataFrame(implied, index=pd.Index(plan.items, name="item"), columns=list(plan.items)),
    )


def _distances(S: Array, implied: Array) -> dict[str, float]:
    out = {"d_uls": ((S - implied) ** 2).sum() / 2, "d_g": np.nan, "d_ml": np.nan}
    if min(np.linalg.eigvalsh(S)[0], np.linalg.eigvalsh(implied)[0]) > 1e-12:
        ratios = np.linalg.eigvals(np.linalg.solve(S, implied)).real
        out["d_g"] = (np.log(ratios) ** 2).sum() / 2
        likelihood = np.linalg.slogdet(implied)[1] - np.linalg.slogdet(S)[1]
        out["d_ml"] = likelihood + np.trace(np.linalg.solve(implied, S)) - len(S)
    return out


def _indices(result: PLSResult, S: Array, implied: Array, n: float, d_ml: float) -> dict[str, float]:
    df, df_alone = _degrees_of_freedom(result), len(S) * (len(S) - 1) / 2
    if np.isnan(d_ml):
        return {"chi_square": np.nan, "df": df} | dict.fromkeys(("cfi", "tli", "nfi", "gfi", "rmsea"), np.nan)
    chi, alone = (n - 1) * d_ml, -(n - 1) * np.linalg.slogdet(S)[1]
    a = np.linalg.solve(implied, S)
    away = a - np.eye(len(S))
    gain = max(alone - df_alone, chi - df, 0.0)
    return {
        "chi_square": chi,
        "df": df,
        "cfi": 1 - max(chi - df, 0.0) / gain if gain > 0 else np.nan,
        "tli": (alone / df_alone - chi / df) / (alone / df_alone - 1) if df > 0 else np.nan,
        "nfi": 1 - chi / alone,
        "gfi": 1 - np.trace(away @ away) / np.trace(a @ a),
        "rmsea": np.sqrt(max(chi - df, 0.0) / (df * (n - 1))) if df > 0 else np.nan,
    }


def _degrees_of_freedom(result: PLSResult) -> int:
    plan = result.plan
    p, exogenous = len(plan.items), sum(len(s) == 0 for s in plan.sources)
    free = len(plan.paths) + exogenous * (exogenous - 1) // 2
    for c in result.model.constructs:
        k = len(c.items)
        free += k if c.mode == "reflective" else k - 1 + k * (k - 1) // 2
    return p * (p - 1) // 2 - free


def _rms_theta(result: PLSResult, S: Array, loadings: Array, C: Array) -> float:
    plan = result.plan
    own = np.arange(len(plan.owner))
    W, L = np.zeros((2, len(own), len(plan.blocks)))
    W[own, plan.owner], L[own, plan.owner] = result.items["weight"], loadings
    explained = S @ W @ L.T
    theta = S - explained - explained.T + L @ C @ L.T
    for j, block in enumerate(plan.blocks):
        if result.model.constructs[j].mode != "reflective":
            theta[block, block] = np.nan
    return float(np.sqrt(np.nanmean(theta[np.tril_indices(len(S), -1)] ** 2)))


def _gof(result: PLSResult, loadings: Array) -> float:
    several = result.items.groupby("construct")["item"].transform("size").to_numpy() > 1
    if not several.any():
        return float("nan")
    return float(np.sqrt((loadings[several] ** 2).mean() * np.nanmean(result.constructs["r2"])))


def _equations(result: PLSResult, n: float) -> pd.DataFrame:
    found = result.constructs[result.constructs["r2"].notna()]
    sources = np.array([len(result.model.sources(name)) for name in found["construct"]])
    with np.errstate(invalid="ignore", divide="ignore"):
        fit = n * np.log((1 - found["r2"].to_numpy()) * (n - 1) / n)
    return pd.DataFrame(
        {
            "target": found["construct"].to_numpy(),
            "n_sources": sources,
            "r2": found["r2"].to_numpy(),
            "r2_adj": found["r2_adj"].to_numpy(),
            "aic": fit + 2 * (sources + 1),
            "bic": fit + (sources + 1) * np.log(n),
        }
    )


def _regressions(result: PLSResult, n: float) -> pd.DataFrame:
    out = result.paths[["source", "target", "estimate"]].copy()
    if result.plan.of_mode("reflective"):
        return out.assign(std_error=np.nan, t=np.nan, p_value=np.nan)
    r2 = result.constructs.set_index("construct")["r2"]
    df = np.array([n - len(result.model.sources(t)) - 1 for t in out["target"]])
    out["std_error"] = np.sqrt((1 - r2[out["target"]].to_numpy()) * result.paths["vif"].to_numpy() / df)
    out["t"] = out["estimate"] / out["std_error"]
    out["p_value"] = t_two_sided(out["t"].to_numpy(), df)
    return out


def _blocks(result: PLSResult, S: Array, loadings: Array) -> pd.DataFrame:
    rows = []
    for j, block in enumerate(result.plan.blocks):
        values, vectors = np.linalg.eigh(S[block, block])
        first = np.abs(vectors[:, -1].sum() * np.sqrt(values[-1]))
        error = (1 - vectors[:, -1] ** 2 * values[-1]).sum()
        communality = float((loadings[block] ** 2).mean())
        rows.append(
            (
                result.model.names[j],
                communality,
                communality * result.constructs["r2"].iloc[j],
                values[-1],
                values[-2] if len(values) > 1 else np.nan,
                first**2 / (first**2 + error),
            )
        )
    return pd.DataFrame(rows, columns=["construct", "communality", "redundancy", "eigenvalue_1", "eigenvalue_2", "dg_rho"])
