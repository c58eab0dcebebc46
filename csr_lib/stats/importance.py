"""Derived importance: how much each predictor counts for one outcome, from correlations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.stats._linalg import SINGULAR, dependent, inverses
from csr_lib.stats.distributions import t_two_sided
from csr_lib.stats.moments import Moments

Array = np.ndarray

#: Derived importance by name; each takes (B, k+1, k+1) correlations with the outcome last and gives (B, k).
METHODS = ("correlation", "partial_correlation", "semipartial_correlation", "regression", "relative_weights", "lmg")
#: Methods that divide R² among the predictors; never negative, so that a direction stands beside them.
SHARES_OF_R2 = ("relative_weights", "lmg")
#: Most predictors for which all 2^k models are fitted; beyond, LMG is averaged over sampled orders.
LMG_EXACT = 15
#: Columns of the sweep over all models beyond which numpy gains nothing from longer ones and the cache is left.
_COLUMNS = 4000


@dataclass(frozen=True, eq=False)
class Importance:
    """Derived importance of predictors for one outcome.

    Attributes
    ----------
    outcome : the column that was explained.
    r2, r2_adj : of the regression on all predictors.
    n : effective number of rows that the tests rest on.
    table : one row per predictor, ``item correlation correlation_p partial_correlation partial_correlation_p
        semipartial_correlation regression regression_se regression_p relative_weights relative_weights_share lmg lmg_share
        lmg_mc_error vif direction sign_reversed``. ``regression`` is the standardised coefficient; the squared semi-partial
        correlation is what R² loses without the predictor (its test is that of the coefficient); relative weights and LMG sum
        to R², their shares to 1. ``direction`` (1, −1, 0) is the sign of the zero-order correlation: which way a predictor
        goes to whose share of R² no sign can be seen. ``sign_reversed`` says that the coefficient has the other sign
        (suppression). ``lmg_mc_error`` is the standard error of ``lmg`` from sampling orders, 0 where it is exact.
    lmg_exact : whether all orders of the predictors were averaged; otherwise `lmg_orders` and as many reverses were sampled.
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
        The outcome among the predictors, a predictor named twice.
    AnalysisError
        No predictors, linearly dependent predictors (named), not more rows than predictors + 1, or correlations that contradict
        each other (``pairwise``).

    Notes
    -----
    Tests are those of ordinary regression on n (with sampling weights: effective n) rows and approximate with weights;
    they equal R ``lm``, ``cor.test``, ``ppcor::pcor`` and ``ppcor::spcor`` without weights. Relative weights after Johnson
    (2000), LMG after Lindeman, Merenda and Gold (Grömping 2006): R ``relaimpo::calc.relimp`` (lmg), pingouin
    ``linear_regression(relimp=True)``.
    """
    names = chosen_predictors(moments.columns, outcome, predictors)
    m = moments.take([*names, outcome])
    k, n = len(names), m.n_smallest
    R = m.correlation
    if not m.positive_semidefinite:
        raise AnalysisError(
            "the correlations contradict each other: no complete answers could have them",
            where=f"importance for {outcome}",
            mend="use missing: listwise or em",
        )
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
    shapley, noise = (lmg(batch)[0], np.zeros(k)) if exact else (part[0] for part in _lmg_over_orders(batch, orders, seed))
    whole = r2 if r2 > 0 else np.nan  # nothing to share out
    table = pd.DataFrame(
        {
            "item": names,
            "correlation": r,
            "correlation_p": p_r,
            "partial_correlation": partial,
            "partial_correlation_p": p_partial,
            "semipartial_correlation": semipartial_correlations(batch)[0],
            "regression": beta,
            "regression_se": se,
            "regression_p": p_beta,
            "relative_weights": weights,
            "relative_weights_share": weights / whole,
            "lmg": shapley,
            "lmg_share": shapley / whole,
            "lmg_mc_error": noise,
            "vif": np.diag(inverse),
            "direction": np.sign(r).astype(int),
            "sign_reversed": beta * r < 0,
        }
    )
    return Importance(outcome, r2, 1 - (1 - r2) * (n - 1) / df, n, table, exact, 0 if exact else orders)


def chosen_predictors(columns: Sequence[str], outcome: str, predictors: Sequence[str] | None) -> list[str]:
    """Return the predictors asked for, by default all columns but the outcome; errors as for `importance`."""
    names = [c for c in columns if c != outcome] if predictors is None else list(predictors)
    if outcome in names:
        raise OptionError(f"the outcome '{outcome}' is among its predictors", where="predictors", mend="take it out")
    twice = sorted({c for c in names if names.count(c) > 1})
    if twice:
        raise OptionError(f"predictors stand twice: {', '.join(twice)}", where="predictors", mend="name each once")
    if not names:
        raise AnalysisError("there are no predictors", where=f"importance for {outcome}", mend="name at least one")
    return names


def importance_draws(covs: Array, method: str, *, orders: int = 200, seed: int | None = 0) -> Array:
    """Return derived importance for many covariance matrices, such as those of `Sample.resampled`.

    Parameters
    ----------
    covs : (B, k+1, k+1) covariances or correlations, predictors first, the outcome last.
    method : one of `METHODS`.
    orders, seed : sampled orders for ``lmg`` beyond `LMG_EXACT` predictors.

    Returns
    -------
    (B, k); a draw with a constant or dependent column, or whose correlations contradict each other, is NaN.
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
    good[good] = _regular(R[good])
    R = R[good]
    if method == "partial_correlation":
        out[good] = partial_correlations(R)
    elif method == "semipartial_correlation":
        out[good] = semipartial_correlations(R)
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


def semipartial_correlations(R: Array) -> Array:
    """Correlations (B, k) of the outcome with what each predictor has apart from the others: β_j/√(R_xx⁻¹)_jj.

    Also called part correlations. Their squares are what R² loses when the predictor is left out.
    """
    P = inverses(R[:, :-1, :-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.einsum("bij,bj->bi", P, R[:, :-1, -1]) / np.sqrt(np.einsum("bii->bi", P))


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
    """R² of every subset of k predictors, (2^k, B); bit j of the row number says whether predictor j is in."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - _residual_variances(R)


def _residual_variances(R: Array) -> Array:
    """1 − R² of every subset of predictors, (2^k, B), in the order of `r2_of_all_models`.

    Predictors are swept one after the other out of all subsets at once: the matrices shrink as their number doubles, so the
    work is a few times 2^k. The first sweeps put the subsets side by side until the columns are long enough for numpy; after
    that the half without a predictor is a view and only the half with it is computed.
    """
    columns = np.ascontiguousarray(np.moveaxis(R, 0, -1))
    while columns.shape[-1] < _COLUMNS and len(columns) > 3:
        columns = np.concatenate([columns[1:, 1:], _swept(columns)], axis=-1)
    out = np.empty((2 ** (len(columns) - 1), columns.shape[-1]))
    _fill(columns, out)
    return out.reshape(2 ** (R.shape[-1] - 1), len(R))


def _regular(R: Array) -> Array:
    """Whether the predictors of each draw (B,) are independent and R² is at most 1: no pivot of an elimination vanishes."""
    left = np.ascontiguousarray(np.moveaxis(R, 0, -1))
    good = np.ones(len(R), dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        while len(left) > 1:
            good &= left[0, 0] > SINGULAR
            left = _swept(left)
    return good & (left[0, 0] > -1e-9)


def _swept(columns: Array) -> Array:
    """What is left of the other variables' covariances (m, m, S) when the first is held constant."""
    return np.asarray(columns[1:, 1:] - columns[1:, :1] * (columns[:1, 1:] / columns[0, 0]))


def _fill(columns: Array, out: Array) -> None:
    """Put the residual variances of the last variable without and with each of the others into `out` (2^(m−1), S)."""
    if len(columns) == 2:
        np.divide(columns[0, 1] ** 2, columns[0, 0], out=out[1])
        np.subtract(columns[1, 1], out[1], out=out[1])
    elif len(columns) == 3:  # written out, since half of all the work is here
        of_one = columns[0, 1:] / columns[0, 0]
        own = columns[1, 1] - of_one[0] * columns[0, 1]
        cross = columns[1, 2] - of_one[0] * columns[0, 2]
        np.subtract(columns[2, 2], of_one[1] * columns[0, 2], out=out[1])
        np.subtract(out[1], cross**2 / own, out=out[3])
        _fill(columns[1:, 1:], out[0::2])
    elif len(columns) > 3:
        _fill(columns[1:, 1:], out[0::2])
        _fill(_swept(columns), out[1::2])
    out[0] = columns[-1, -1]


def lmg(R: Array) -> Array:
    """LMG (Shapley) decomposition of R² (B, k) over all orders of the predictors; correlations (B, k+1, k+1), outcome last."""
    k = R.shape[-1] - 1
    if k > LMG_EXACT + 5:
        raise OptionError(f"{k} predictors are too many for all {2**k} models", where="lmg", mend="use lmg_sampled")
    subset = np.arange(2**k)
    inside = (subset[:, None] >> np.arange(k)) & 1  # (2^k, k)
    size = inside.sum(axis=1)
    fact = np.array([math.factorial(i) for i in range(k + 1)], dtype=float)
    # weight of R²(S) in the share of j: (s−1)!(k−s)!/k! with j in S, −s!(k−s−1)!/k! without; the signs are turned since
    # residual variances are summed
    gain = np.where(size > 0, fact[size - 1] * fact[k - size] / fact[k], 0.0)
    loss = np.where(size < k, fact[size] * fact[np.maximum(k - size - 1, 0)] / fact[k], 0.0)
    weight = np.where(inside == 1, -gain[:, None], loss[:, None])
    out = np.empty((len(R), k))
    step = max(1, 4_000_000 // 2**k)
    with np.errstate(invalid="ignore", divide="ignore"):
        for at in range(0, len(R), step):
            out[at : at + step] = _residual_variances(R[at : at + step]).T @ weight
    return out


def lmg_sampled(R: Array, orders: int, seed: int | None = 0) -> Array:
    """LMG (B, k) averaged over `orders` random orders and their reverses instead of all k!; the shares still sum to R².

    A matrix with linearly dependent variables is an AnalysisError; `importance_draws` leaves such draws out beforehand.
    """
    return _lmg_over_orders(R, orders, seed)[0]


def _lmg_over_orders(R: Array, orders: int, seed: int | None) -> tuple[Array, Array]:
    """Average over random orders and its Monte Carlo standard error, both (B, k).

    An order and its reverse make one independent value, so the error is the standard deviation of their means over √orders;
    NaN with a single order.
    """
    if orders < 1:
        raise OptionError(f"{orders} orders", where="orders", allowed="a whole number ≥ 1")
    k = R.shape[-1] - 1
    R = R.copy()
    R[:, -1, -1] = 2.0  # no gain depends on it, and a perfectly explained outcome needs no pivot of its own
    rng = np.random.default_rng(seed)
    total, squares = np.zeros((len(R), k)), np.zeros((len(R), k))
    try:
        if len(R) < orders:  # the longer of the two in one batch
            ways = np.argsort(rng.random((orders, k)), axis=1)
            for b, one in enumerate(R):
                value = _gains(one, ways)
                total[b], squares[b] = value.sum(axis=0), (value**2).sum(axis=0)
        else:
            for way in np.argsort(rng.random((orders, k)), axis=1):
                value = _gains(R, way)
                total += value
                squares += value**2
    except np.linalg.LinAlgError as error:
        raise AnalysisError("the predictors are linearly dependent", where="lmg", mend="use fewer predictors") from error
    mean = total / orders
    if orders == 1:
        return mean, np.full_like(mean, np.nan)
    return mean, np.sqrt(np.maximum(0.0, squares - orders * mean**2) / (orders - 1) / orders)


def _gains(R: Array, ways: Array) -> Array:
    """Mean of what each predictor adds to R² in an order and in its reverse, (…, k): one matrix by many orders or many by one."""
    out = np.zeros((*np.broadcast_shapes(R.shape[:-2], ways.shape[:-1]), ways.shape[-1]))
    for way in (ways, ways[..., ::-1]):
        at = np.concatenate([way, np.full((*way.shape[:-1], 1), way.shape[-1])], axis=-1)
        gains = np.linalg.cholesky(R[..., at[..., :, None], at[..., None, :]])[..., -1, :-1] ** 2
        where = np.argsort(way, axis=-1)
        out += np.take_along_axis(gains, where if where.ndim == gains.ndim else where[None], axis=-1) / 2
    return out
