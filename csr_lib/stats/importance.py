"""Derived importance: how much each predictor counts for one outcome, from correlations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.stats._linalg import dependent, inverses
from csr_lib.stats.distributions import t_two_sided
from csr_lib.stats.moments import Moments

Array = np.ndarray

#: Derived importance by name; each takes (B, k+1, k+1) correlations with the outcome last and gives (B, k).
METHODS = ("correlation", "partial_correlation", "regression", "relative_weights", "lmg")
#: Most predictors for which all 2^k models are fitted; beyond, LMG is averaged over sampled orders.
LMG_EXACT = 15


@dataclass(frozen=True, eq=False)
class Importance:
    """Derived importance of predictors for one outcome.

    Attributes
    ----------
    outcome : the column that was explained.
    r2, r2_adj : of the regression on all predictors.
    n : effective number of rows that the tests rest on.
    table : one row per predictor, ``item correlation correlation_p partial_correlation partial_correlation_p regression
        regression_se regression_p relative_weights relative_weights_share lmg lmg_share vif``. ``regression`` is the
        standardised coefficient; relative weights and LMG sum to R², their shares to 1.
    lmg_exact : whether all orders of the predictors were averaged; otherwise `lmg_orders` were sampled.
    """

    outcome: str
    r2: float
    r2_adj: float
    n: float
    table: pd.DataFrame
    lmg_exact: bool
    lmg_orders: int


def importance(
    moments: Moments, outcome: str, predictors: Sequence[str] | None = None, *, orders: int = 2000, seed: int | None = 0
) -> Importance:
    """Return every derived importance of the predictors of `outcome`.

    Parameters
    ----------
    moments : of outcome and predictors.
    predictors : by default all other columns.
    orders, seed : sampled orders for LMG beyond `LMG_EXACT` predictors.

    Raises
    ------
    OptionError
        The outcome among the predictors.
    AnalysisError
        No predictors, linearly dependent predictors (named), or not more rows than predictors + 1.

    Notes
    -----
    Tests are those of ordinary regression on n (with sampling weights: effective n) rows and approximate with weights;
    they equal R ``lm``, ``cor.test`` and ``ppcor::pcor`` without weights. Relative weights after Johnson (2000), LMG after
    Lindeman, Merenda and Gold (Grömping 2006): R ``relaimpo::calc.relimp`` (lmg), pingouin ``linear_regression(relimp=True)``.
    """
    names = [c for c in moments.columns if c != outcome] if predictors is None else list(predictors)
    if outcome in names:
        raise OptionError(f"the outcome '{outcome}' is among its predictors", where="predictors", mend="take it out")
    if not names:
        raise AnalysisError("there are no predictors", where=f"importance for {outcome}", mend="name at least one")
    m = moments.take([*names, outcome])
    k, n = len(names), m.n_smallest
    R = m.correlation
    bad = dependent(R[:k, :k], names)
    if bad:
        raise AnalysisError(
            f"{', '.join(bad)} are linearly dependent; their importance cannot be told apart",
            where=f"importance for {outcome}",
            mend="leave one of them out, or join them",
        )
    if n <= k + 1:
        raise AnalysisError(
            f"{n:g} (effective) rows are too few for {k} predictors",
            where=f"importance for {outcome}",
            allowed=f"more than {k + 1}",
            mend="collect more answers, or use fewer predictors",
        )
    batch = R[None]
    r = R[:k, k]
    inverse = np.linalg.inv(R[:k, :k])
    beta = inverse @ r
    r2 = float(beta @ r)
    df = n - k - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.sqrt(max(0.0, 1 - r2) / df * np.diag(inverse))
        p_beta = t_two_sided(beta / se, df)
        partial = partial_correlations(batch)[0]
        p_r = t_two_sided(r * np.sqrt((n - 2) / (1 - r**2)), n - 2)
        p_partial = t_two_sided(partial * np.sqrt(df / (1 - partial**2)), df)
    weights = relative_weights(batch)[0]
    exact = k <= LMG_EXACT
    shapley = (lmg(batch) if exact else lmg_sampled(batch, orders, seed))[0]
    table = pd.DataFrame(
        {
            "item": names,
            "correlation": r,
            "correlation_p": p_r,
            "partial_correlation": partial,
            "partial_correlation_p": p_partial,
            "regression": beta,
            "regression_se": se,
            "regression_p": p_beta,
            "relative_weights": weights,
            "relative_weights_share": weights / r2,
            "lmg": shapley,
            "lmg_share": shapley / r2,
            "vif": np.diag(inverse),
        }
    )
    return Importance(outcome, r2, 1 - (1 - r2) * (n - 1) / df, n, table, exact, 0 if exact else orders)


def importance_draws(covs: Array, method: str, *, orders: int = 200, seed: int | None = 0) -> Array:
    """Return derived importance for many covariance matrices, such as those of `Sample.resampled`.

    Parameters
    ----------
    covs : (B, k+1, k+1) covariances or correlations, predictors first, the outcome last.
    method : one of `METHODS`.
    orders, seed : sampled orders for ``lmg`` beyond `LMG_EXACT` predictors.

    Returns
    -------
    (B, k); a draw with a constant or dependent column is NaN.
    """
    if method not in METHODS:
        raise OptionError([unknown(method, METHODS, what="derived importance", where="method")])
    own = np.arange(covs.shape[-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(covs[:, own, own])
        R = covs / sd[:, :, None] / sd[:, None, :]
        R[:, own, own] = np.where(np.isfinite(sd) & (sd > 0), 1.0, np.nan)
    good = np.isfinite(R).all(axis=(1, 2))
    out = np.full((len(R), R.shape[-1] - 1), np.nan)
    if method == "correlation":
        return R[:, :-1, -1].copy()
    R = R[good]
    with np.errstate(invalid="ignore"):
        regular = np.isfinite(inverses(R[:, :-1, :-1])).all(axis=(1, 2))
    good[good] = regular
    R = R[regular]
    if method == "partial_correlation":
        out[good] = partial_correlations(R)
    elif method == "regression":
        out[good] = regression_weights(R)
    elif method == "relative_weights":
        out[good] = relative_weights(R)
    elif R.shape[-1] - 1 <= LMG_EXACT:
        out[good] = lmg(R)
    else:
        out[good] = lmg_sampled(R, orders, seed)
    return out


def regression_weights(R: Array) -> Array:
    """Standardised regression coefficients (B, k) of correlations (B, k+1, k+1), outcome last; NaN where they do not exist."""
    return np.einsum("bij,bj->bi", inverses(R[:, :-1, :-1]), R[:, :-1, -1])


def partial_correlations(R: Array) -> Array:
    """Correlations (B, k) of each predictor and the outcome, the other predictors held constant: −P_jy/√(P_jj P_yy), P = R⁻¹."""
    P = inverses(R)
    d = np.einsum("bii->bi", P)
    with np.errstate(invalid="ignore", divide="ignore"):
        return -P[:, :-1, -1] / np.sqrt(d[:, :-1] * d[:, -1:])


def relative_weights(R: Array) -> Array:
    """Johnson's relative weights (B, k); they sum to R².

    With R_xx = VΔ²Vᵀ and Λ = VΔVᵀ: β = Λ⁻¹r, ε = Λ²β² with elementwise squares.
    """
    values, V = np.linalg.eigh(R[:, :-1, :-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        delta = np.sqrt(np.where(values > 0, values, np.nan))
        projected = np.einsum("bij,bi->bj", V, R[:, :-1, -1])
        beta = np.einsum("bij,bj->bi", V, projected / delta)
    root = np.einsum("bij,bj,bkj->bik", V, delta, V)
    return np.einsum("bij,bj->bi", root**2, beta**2)


def r2_of_all_models(R: Array) -> Array:
    """R² of every subset of k predictors, (2^k, B); bit j of the row number says whether predictor j is in.

    Predictors are swept one after the other out of all subsets at once: the matrices shrink as their number doubles, so the
    work is a few times 2^k.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - _residuals(np.ascontiguousarray(np.moveaxis(R, 0, -1)))


def _residuals(state: Array) -> Array:
    """Residual variances (2^(m−1), S) of the last of m variables without and with each of the others; state (m, m, S)."""
    m, _, columns = state.shape
    if m == 1:
        return state[0]
    if m * m * columns > 100_000 and columns > 1:  # stay within the processor's cache
        half = columns // 2
        return np.concatenate([_residuals(state[..., :half]), _residuals(state[..., half:])], axis=1)
    rest = state[1:, 1:]
    swept = rest - state[1:, :1] * (state[:1, 1:] / state[0, 0])
    both = _residuals(np.concatenate([rest, swept], axis=-1))
    return both.reshape(2 * len(both), columns)


def lmg(R: Array) -> Array:
    """LMG (Shapley) decomposition of R² (B, k) over all orders of the predictors; correlations (B, k+1, k+1), outcome last."""
    k = R.shape[-1] - 1
    if k > LMG_EXACT + 5:
        raise OptionError(f"{k} predictors are too many for all {2**k} models", where="lmg", mend="use lmg_sampled")
    subset = np.arange(2**k)
    inside = (subset[:, None] >> np.arange(k)) & 1  # (2^k, k)
    size = inside.sum(axis=1)
    fact = np.array([math.factorial(i) for i in range(k + 1)], dtype=float)
    # weight of R²(S) in the share of j: (s−1)!(k−s)!/k! with j in S, −s!(k−s−1)!/k! without
    gain = np.where(size > 0, fact[size - 1] * fact[k - size] / fact[k], 0.0)
    loss = np.where(size < k, fact[size] * fact[np.maximum(k - size - 1, 0)] / fact[k], 0.0)
    weight = np.where(inside == 1, gain[:, None], -loss[:, None])
    out = np.empty((len(R), k))
    step = max(1, 8_000_000 // 2**k)
    for at in range(0, len(R), step):
        out[at : at + step] = r2_of_all_models(R[at : at + step]).T @ weight
    return out


def lmg_sampled(R: Array, orders: int, seed: int | None = 0) -> Array:
    """LMG (B, k) averaged over `orders` random orders and their reverses instead of all k!; the shares still sum to R².

    A draw whose variables are linearly dependent is NaN.
    """
    if orders < 1:
        raise OptionError(f"{orders} orders", where="orders", allowed="a whole number ≥ 1")
    k = R.shape[-1] - 1
    rng = np.random.default_rng(seed)
    drawn = np.array([rng.permutation(k) for _ in range(orders)])
    ways = np.concatenate([drawn, drawn[:, ::-1]])
    at = np.column_stack([ways, np.full(len(ways), k)])
    out = np.zeros((len(R), k))
    try:
        if len(R) < len(ways):  # the longer of the two in one batch
            for b, one in enumerate(R):
                gains = np.linalg.cholesky(one[at[:, :, None], at[:, None, :]])[:, -1, :-1] ** 2
                np.add.at(out[b], ways, gains)
        else:
            for way, order in zip(ways, at, strict=True):
                out[:, way] += np.linalg.cholesky(R[:, order[:, None], order])[:, -1, :-1] ** 2
    except np.linalg.LinAlgError as error:
        raise AnalysisError("the predictors are linearly dependent", where="lmg", mend="use fewer predictors") from error
    return out / len(ways)
