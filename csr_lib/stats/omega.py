"""McDonald's omega from moments, its definition always named: of one factor, and of a general factor among group factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, unknown
from csr_lib.stats._one_factor import information, one_factor
from csr_lib.stats.adequacy import check_finite, check_regular
from csr_lib.stats.distributions import normal_quantile
from csr_lib.stats.factor import Extract, factor_analysis
from csr_lib.stats.moments import Moments

Array = np.ndarray
Method = Literal["ml", "minres"]


@dataclass(frozen=True, eq=False)
class Omega:
    """Omega of one common factor.

    With loadings λ, uniquenesses ψ and covariances s of the items:

    Attributes
    ----------
    omega : (Σλ)²/((Σλ)² + Σψ), the factor's share of the variance that the model gives to the sum of the items (ω_u; "composite
        reliability" where the items are standardised).
    omega_observed : (Σλ)²/Σs, of the variance that the sum has.
    omega_residual : 1 − Σψ/Σs, everything but the items' own variance.
    std_error, ci_low, ci_high : of `omega`, for normal answers (delta method); NaN with ``minres``.
    level, n : confidence, and the effective number of rows that the error rests on.
    method, standardised : how the factor was found, and whether in the correlations.
    average_variance_extracted : Σλ²/(Σλ² + Σψ).
    items : ``item loading standardised_loading uniqueness``.
    heywood : items whose uniqueness is not above 0 (``ml``) or at its bound (``minres``): a solution not to be believed.
    against : items that load negatively, which are probably scored the wrong way round.
    """

    omega: float
    omega_observed: float
    omega_residual: float
    std_error: float
    ci_low: float
    ci_high: float
    level: float
    n: float
    method: Method
    standardised: bool
    average_variance_extracted: float
    items: pd.DataFrame
    heywood: tuple[str, ...]
    against: tuple[str, ...]


def omega_of(covs: Array) -> Array:
    """Omega of one factor (maximum likelihood, ``Omega.omega``) of covariance matrices (B, k, k), for a bootstrap.

    NaN with fewer than three items, for a singular matrix, and where no factor is found.
    """
    if covs.shape[-1] < 3:
        return np.full(len(covs), np.nan)
    loadings, uniquenesses = one_factor(covs)
    common = loadings.sum(axis=1) ** 2
    return common / (common + uniquenesses.sum(axis=1))


def omega(
    moments: Moments,
    items: Sequence[str] | None = None,
    *,
    method: Method = "ml",
    standardised: bool = False,
    level: float = 0.95,
) -> Omega:
    """Return McDonald's omega of a one-factor model.

    Parameters
    ----------
    moments : of the items, perhaps among others.
    items : which columns; all by default. At least three.
    method : ``ml``, or ``minres`` (unweighted least squares, uniquenesses at least .005).
    standardised : of the standardised items, from their correlations; else of the items as they are.
    level : confidence of the interval.

    Raises
    ------
    OptionError, DataError
        An unknown method, a level outside 0–1; moments with missing or infinite values.
    AnalysisError
        Fewer than three items (for two, see `csr_lib.stats.reliability.spearman_brown`); items that depend on each other;
        no convergence.

    Notes
    -----
    McDonald (1999). The error follows from the expected information, n/2·tr(Σ⁻¹∂Σ Σ⁻¹∂Σ). With sampling weights n is effective
    and the error approximate; `reliability_bootstrap` resamples instead. The same numbers: ``omega``: R ``lavaan`` with
    ω := (Σλ)²/((Σλ)² + Σψ); ``omega_observed``: ``semTools::compRelSEM``; ``omega_residual``: ``psych::omega(nfactors = 1)``
    (omega.tot) with ``method="minres", standardised=True``.
    """
    known = ("ml", "minres")
    if method not in known:
        raise OptionError([unknown(method, known, what="method", where="method")])
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    m = _chosen(moments, items, 3, "omega")
    s = m.correlation if standardised else np.array(m.cov)
    heywood: tuple[str, ...]
    std_error = math.nan
    if method == "ml":
        loadings, uniquenesses = _maximum_likelihood(m, s)
        heywood = tuple(c for c, u in zip(m.columns, uniquenesses, strict=True) if u <= 0)
        std_error = _std_error(loadings, uniquenesses, m.n_smallest)
    else:
        found = factor_analysis(m, 1, method="minres", rotation="none", matrix="correlation" if standardised else "covariance")
        loadings, uniquenesses = found.rotation.loadings[:, 0], found.items["uniqueness"].to_numpy()
        heywood = found.heywood
    common, total = float(loadings.sum() ** 2), float(s.sum())
    estimate = common / (common + float(uniquenesses.sum()))
    width = float(normal_quantile((1 + level) / 2)) * std_error
    return Omega(
        estimate,
        common / total,
        1 - float(uniquenesses.sum()) / total,
        std_error,
        estimate - width,
        estimate + width,
        level,
        m.n_smallest,
        method,
        standardised,
        average_variance_extracted(loadings, uniquenesses),
        pd.DataFrame(
            {
                "item": list(m.columns),
                "loading": loadings,
                "standardised_loading": loadings / np.sqrt(np.diag(s)),
                "uniqueness": uniquenesses,
            }
        ),
        heywood,
        tuple(c for c, x in zip(m.columns, loadings, strict=True) if x < 0),
    )


@dataclass(frozen=True, eq=False)
class HierarchicalOmega:
    """Omega of a general factor among group factors, of standardised items.

    Attributes
    ----------
    omega_total : 1 − Σu²/Σr, all common factors' share of the variance of the sum of the items.
    omega_hierarchical : (Σg)²/Σr, the general factor's alone; `omega_limit` : its share of the common variance, (Σg)²/(Σr − Σu²).
    explained_common : the general factor's share of the items' common variance (ECV), Σg²/(Σg² + ΣΣf²).
    items : ``item general F1 … communality uniqueness general_share``: loadings after Schmid and Leiman; ``general_share`` is the
        general factor's share of the communality.
    groups : ``factor items n_items omega_total omega_general omega_group``: the sum of the items that load highest on a
        group factor, and what both factors, the general and the group factor contribute to its variance. NaN without items.
    general_loadings : ``factor loading``, of the group factors on the general one.
    against : items that load negatively on the general factor, which are probably scored the wrong way round.
    heywood : items or group factors with nothing of their own (a uniqueness at its bound).
    determined : whether the general factor's loadings follow from the correlations of the group factors. With two group
        factors they do not, and are set equal.
    """

    omega_total: float
    omega_hierarchical: float
    omega_limit: float
    explained_common: float
    items: pd.DataFrame
    groups: pd.DataFrame
    general_loadings: pd.DataFrame
    against: tuple[str, ...]
    heywood: tuple[str, ...]
    determined: bool


def hierarchical_omega(
    moments: Moments, factors: int = 3, items: Sequence[str] | None = None, *, method: Extract = "minres"
) -> HierarchicalOmega:
    """Return omega total and omega hierarchical: oblimin-rotated factors, a factor of these, Schmid and Leiman's transformation.

    Parameters
    ----------
    moments, items : as for `omega`.
    factors : group factors, at least two; three determine the general factor.
    method : ``minres``, ``ml`` or ``principal_axis``, see `csr_lib.stats.factor.factor_analysis`.

    Raises
    ------
    OptionError
        Fewer than two factors, or more than the items can carry: five items carry two. R ``psych::omega`` takes three factors
        of five items all the same; infinitely many solutions fit these equally well, and what it prints depends on where
        its search starts.
    DataError, AnalysisError
        What `omega` and `factor_analysis` raise; group factors of which one correlates negatively with the others.

    Notes
    -----
    Zinbarg, Revelle, Yovel & Li (2005); Schmid & Leiman (1957). No item is turned round here: reversed items are turned before,
    or stand in ``against``. The same numbers: R ``psych::omega`` (omega.tot, omega_h, omega.lim, omega.group), once its
    searches are made to go on.
    """
    if isinstance(factors, bool) or factors != int(factors) or factors < 2:
        raise OptionError(f"{factors} group factors", where="factors", allowed="a whole number ≥ 2; for one factor use omega")
    if method not in ("minres", "ml", "principal_axis"):
        raise OptionError([unknown(method, ("minres", "ml", "principal_axis"), what="method", where="method")])
    m = _chosen(moments, items, 3, "omega")
    found = factor_analysis(m, int(factors), method=method, rotation="oblimin")
    result = schmid_leiman(found.rotation.loadings, found.rotation.phi, m.correlation, m.columns)
    return HierarchicalOmega(**{**vars(result), "heywood": (*found.heywood, *result.heywood)})


def schmid_leiman(
    loadings: Array,
    phi: Array,
    correlation: Array,
    columns: Sequence[str] | None = None,
    *,
    general: Sequence[float] | None = None,
) -> HierarchicalOmega:
    """Split oblique factors into a general factor and group factors, and return the omegas of the sum of the items.

    Parameters
    ----------
    loadings, phi : (p, m) pattern and (m, m) correlations of the factors, m ≥ 2.
    correlation : (p, p) of the items.
    columns : names of the items.
    general : loadings of the factors on the general one, if known; None: the minres factor of `phi`, √φ for both of two.

    Notes
    -----
    With γ the loadings of the factors on the general one, g = Λγ and fᵢⱼ = λᵢⱼ√(1 − γⱼ²), 0 where γ passes 1 (a Heywood case).
    """
    loadings, phi, r = (np.asarray(x, dtype=float) for x in (loadings, phi, correlation))
    p, m = loadings.shape
    names = tuple(columns) if columns is not None else tuple(f"x{i + 1}" for i in range(p))
    factors = tuple(f"F{j + 1}" for j in range(m))
    gamma, heywood = _general(phi, factors) if general is None else _given(general, factors)
    on_general, group = loadings @ gamma, loadings * np.sqrt(np.maximum(1 - gamma**2, 0.0))
    communality = np.einsum("ij,jk,ik->i", loadings, phi, loadings)
    common, total = float(on_general.sum() ** 2), float(r.sum())
    unique = float((1 - communality).sum())
    squares = float((on_general**2).sum())
    items = pd.DataFrame({"item": list(names), "general": on_general})
    items[list(factors)] = group
    items["communality"], items["uniqueness"] = communality, 1 - communality
    items["general_share"] = on_general**2 / communality
    return HierarchicalOmega(
        1 - unique / total,
        common / total,
        common / (total - unique),
        squares / (squares + float((group**2).sum())),
        items,
        _groups(names, factors, on_general, group, r),
        pd.DataFrame({"factor": list(factors), "loading": gamma}),
        tuple(c for c, g in zip(names, on_general, strict=True) if g < 0),
        heywood,
        m > 2 or general is not None,
    )


def composite_reliability(loadings: Any, errors: Any = None) -> float:
    """Composite reliability ρ_c = (Σλ)²/((Σλ)² + Σθ) of loadings (k,) and error variances (k,), 1 − λ² where they are not given.

    Jöreskog (1971); Fornell & Larcker (1981). The same numbers: R ``seminr`` (rhoC), ``semTools`` on standardised loadings.
    """
    lam, theta = _loadings(loadings, errors)
    return float(lam.sum() ** 2 / (lam.sum() ** 2 + theta.sum()))


def average_variance_extracted(loadings: Any, errors: Any = None) -> float:
    """Average variance extracted Σλ²/(Σλ² + Σθ); arguments as for `composite_reliability` (Fornell & Larcker 1981)."""
    lam, theta = _loadings(loadings, errors)
    return float((lam**2).sum() / ((lam**2).sum() + theta.sum()))


def _loadings(loadings: Any, errors: Any) -> tuple[Array, Array]:
    lam = np.asarray(loadings, dtype=float)
    theta = 1 - lam**2 if errors is None else np.asarray(errors, dtype=float)
    if lam.ndim != 1 or not len(lam) or theta.shape != lam.shape or not np.isfinite([lam, theta]).all():
        raise DataError(
            f"loadings of shape {lam.shape} and errors of shape {theta.shape}",
            where="loadings",
            allowed="one finite number per item in each",
        )
    if errors is None and (np.abs(lam) > 1).any():
        raise DataError(
            f"standardised loadings of up to {np.abs(lam).max():.3f}",
            where="loadings",
            allowed="−1 to 1",
            mend="give the error variances of unstandardised loadings; a standardised loading beyond 1 is a Heywood case",
        )
    return lam, theta


def _chosen(moments: Moments, items: Sequence[str] | None, least: int, what: str) -> Moments:
    m = moments if items is None else moments.take(items)
    check_finite(m)
    if len(m.columns) < least:
        raise AnalysisError(
            f"{what} needs at least {least} items",
            where=", ".join(m.columns),
            mend="of two items use the standardised alpha (Spearman–Brown)",
        )
    check_regular(m, what)
    return m


def _maximum_likelihood(m: Moments, s: Array) -> tuple[Array, Array]:
    loadings, uniquenesses = (x[0] for x in one_factor(s[None]))
    if np.isnan(loadings).any():
        raise AnalysisError(
            "the search for one common factor did not converge",
            where=", ".join(m.columns),
            mend="leave out items that hardly correlate with the others, or use method='minres'",
        )
    return loadings, uniquenesses


def _std_error(loadings: Array, uniquenesses: Array, n: float) -> float:
    """Delta method: gradient of omega, inverse of the information of n answers."""
    a, b = loadings.sum(), uniquenesses.sum()
    gradient = np.repeat([2 * a * b, -(a**2)], len(loadings)) / (a**2 + b) ** 2
    variance = gradient @ np.linalg.solve(information(loadings[None], uniquenesses[None])[0] * n / 2, gradient)
    return math.sqrt(variance) if variance > 0 else math.nan


def _general(phi: Array, factors: tuple[str, ...]) -> tuple[Array, tuple[str, ...]]:
    """Loadings of the factors on their general factor, and the factors that are nothing but it."""
    m = len(factors)
    if m == 2:
        if phi[0, 1] < 0:
            raise AnalysisError(
                "the two group factors correlate negatively: there is no general factor",
                where="omega",
                mend="turn the items of one of them round",
            )
        return np.full(2, math.sqrt(phi[0, 1])), ()
    found = factor_analysis(
        Moments.from_correlation(factors, np.zeros(m), np.ones(m), phi, 1e6), 1, method="minres", rotation="none"
    )
    return found.rotation.loadings[:, 0], found.heywood


def _given(general: Sequence[float], factors: tuple[str, ...]) -> tuple[Array, tuple[str, ...]]:
    gamma = np.asarray(general, dtype=float)
    if gamma.shape != (len(factors),) or not np.isfinite(gamma).all():
        raise OptionError(f"{gamma.shape} loadings of factors", where="general", allowed=f"{len(factors)} finite numbers")
    return gamma, tuple(f for f, g in zip(factors, gamma, strict=True) if abs(g) >= 1)


def _groups(names: tuple[str, ...], factors: tuple[str, ...], general: Array, group: Array, r: Array) -> pd.DataFrame:
    """The items of each group factor as a scale of their own."""
    belongs = np.abs(group).argmax(axis=1)
    rows = []
    for j, factor in enumerate(factors):
        at = np.flatnonzero(belongs == j)
        row: dict[str, Any] = {"factor": factor, "items": tuple(names[i] for i in at), "n_items": len(at)}
        variance = float(r[np.ix_(at, at)].sum()) if len(at) else math.nan
        by_general, by_group = general[at].sum() ** 2 / variance, group[at, j].sum() ** 2 / variance
        rows.append({**row, "omega_total": by_general + by_group, "omega_general": by_general, "omega_group": by_group})
    return pd.DataFrame(rows)
