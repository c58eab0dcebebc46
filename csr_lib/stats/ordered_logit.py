"""Ordered logit (proportional odds): regression for one outcome in grades, and the test that its odds are proportional."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError
from csr_lib.stats._linalg import dependent
from csr_lib.stats.distributions import chi2_above, normal_below, normal_quantile
from csr_lib.stats.moments import Kind, Sample, sample

Array = np.ndarray
_ROUNDS = 100
_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class OrderedLogit:
    """A proportional-odds model: logit P(Y ≤ j) = θⱼ − x′b.

    Attributes
    ----------
    outcome, predictors : names; ``grades`` the values of the outcome that occur, lowest first.
    coefficients : ``term estimate std_error ci_low ci_high z p_value odds_ratio odds_ratio_ci_low odds_ratio_ci_high``: a rise of
        a predictor by one unit multiplies the odds of a higher grade by ``odds_ratio``.
    thresholds : ``grade estimate std_error``: θ between a grade and the next.
    log_likelihood, null_log_likelihood : of the model and of the thresholds alone (weights that add to n).
    chi2, df, p_value : likelihood-ratio test of all slopes; with sampling weights the Wald test instead.
    mcfadden, nagelkerke : pseudo R².
    proportional : Brant's test, one row for ``all`` and one per predictor: ``term statistic df p_value``; NaN where a split of
        the grades cannot be estimated (few answers in a grade, perfect separation).
    answers : the complete rows, the outcome last.
    rounds : iterations until the gradient vanished.
    """

    outcome: str
    predictors: tuple[str, ...]
    grades: tuple[float, ...]
    coefficients: pd.DataFrame
    thresholds: pd.DataFrame
    log_likelihood: float
    null_log_likelihood: float
    chi2: float
    df: int
    p_value: float
    mcfadden: float
    nagelkerke: float
    proportional: pd.DataFrame
    answers: Sample
    rounds: int

    def probabilities(self, x: Any) -> Array:
        """Return the probability of each grade, (m, grades), for predictors (m, k)."""
        at = np.asarray(x, dtype=float) @ self.coefficients["estimate"].to_numpy()
        below = 1 / (1 + np.exp(-(self.thresholds["estimate"].to_numpy()[None] - at[:, None])))
        return np.diff(np.column_stack([np.zeros(len(at)), below, np.ones(len(at))]), axis=1)


def ordered_logit(
    data: pd.DataFrame,
    outcome: str,
    predictors: Sequence[str] | None = None,
    weights: Any = None,
    *,
    kind: Kind = "sampling",
    level: float = 0.95,
) -> OrderedLogit:
    """Estimate a proportional-odds model by maximum likelihood.

    Parameters
    ----------
    data : frame of numbers; NaN is no answer. Incomplete rows are left out (listwise).
    outcome : a column of few distinct values, from 3 to 15 of them; `predictors` all others where none are named.
    weights, kind : case weights as in `csr_lib.stats.moments.moments`; with sampling weights errors are linearised (sandwich).
    level : of the intervals.

    Raises
    ------
    OptionError
        No predictors, or the outcome among them.
    AnalysisError
        Fewer than 3 or more than 15 grades, too few rows, dependent predictors, or a likelihood without a maximum (predictors
        that separate the grades perfectly).

    Notes
    -----
    McCullagh (1980); Newton's method with the exact Hessian on standardised predictors. Proportionality after Brant (1990): the
    slopes of the binary logits "above grade j" are the same for all j. The same numbers: R ``MASS::polr``, ``brant::brant``;
    statsmodels ``OrderedModel``; SPSS PLUM up to the sign convention of thresholds.
    """
    names = [c for c in data.columns if c != outcome] if predictors is None else list(predictors)
    if not names or outcome in names:
        raise OptionError(
            "no predictors" if not names else f"the outcome '{outcome}' is among its predictors", where="predictors"
        )
    answers = sample(data, weights, kind=kind, columns=[*names, outcome])
    m = answers.moments()
    grades, y = np.unique(answers.answers[:, -1], return_inverse=True)
    where = f"ordered logit of {outcome}"
    if not 3 <= len(grades) <= 15:
        raise AnalysisError(
            f"the outcome has {len(grades)} different answers",
            where=where,
            allowed="3 to 15 grades",
            mend="use linear regression",
        )
    if answers.n <= len(names) + len(grades):
        raise AnalysisError(f"{answers.n:g} rows are too few", where=where, mend="collect more answers, or use fewer predictors")
    bad = dependent(m.correlation[:-1, :-1], names)
    if bad:
        raise AnalysisError(f"{', '.join(bad)} are linearly dependent", where=where, mend="leave one of them out, or join them")
    centre, sd = m.mean[:-1], m.sd[:-1]
    z = (answers.answers[:, :-1] - centre) / sd
    w = answers.weights if answers.kind == "frequency" else answers.weights * answers.n / answers.weights.sum()
    theta, slopes, log_likelihood, hessian, scores, rounds = _maximise(z, y, w, len(grades), where)
    bread = np.linalg.inv(-hessian)
    if answers.kind == "sampling":
        n = len(y)
        cov = bread @ (scores.T @ scores) @ bread * n / (n - 1)
    else:
        cov = bread
    k, cuts = len(names), len(grades) - 1
    back = np.eye(cuts + k)  # from standardised predictors to their own units
    back[cuts:, cuts:] = np.diag(1 / sd)
    back[:cuts, cuts:] = centre / sd
    at = back @ np.concatenate([theta, slopes])
    cov_own = back @ cov @ back.T
    error = np.sqrt(np.diag(cov_own))
    b, se = at[cuts:], error[cuts:]
    half = float(normal_quantile(0.5 + level / 2)) * se
    coefficients = pd.DataFrame(
        {
            "term": names,
            "estimate": b,
            "std_error": se,
            "ci_low": b - half,
            "ci_high": b + half,
            "z": b / se,
            "p_value": 2 * normal_below(-np.abs(b / se)),
            "odds_ratio": np.exp(b),
            "odds_ratio_ci_low": np.exp(b - half),
            "odds_ratio_ci_high": np.exp(b + half),
        }
    )
    share = np.bincount(y, w) / w.sum()
    null = float((np.bincount(y, w) * np.log(share)).sum())
    if answers.kind == "sampling":
        chi2 = float(slopes @ np.linalg.solve(cov[cuts:, cuts:], slopes))
    else:
        chi2 = 2 * (log_likelihood - null)
    snell = 1 - math.exp(2 * (null - log_likelihood) / answers.n)
    return OrderedLogit(
        outcome, tuple(names), tuple(float(g) for g in grades), coefficients,
        pd.DataFrame({"grade": grades[:-1], "estimate": at[:cuts], "std_error": error[:cuts]}),
        log_likelihood, null, chi2, k, float(chi2_above(chi2, k)), 1 - log_likelihood / null,
        snell / (1 - math.exp(2 * null / answers.n)), _brant(z, y, w, names, answers), answers, rounds,
    )  # fmt: skip


def _maximise(z: Array, y: Array, w: Array, grades: int, where: str) -> tuple[Array, Array, float, Array, Array, int]:
    """Return thresholds, slopes, log-likelihood, Hessian weighted scores (n, cuts + k) at the maximum, rounds needed."""
    cuts, k = grades - 1, z.shape[1]
    cumulated = np.cumsum(np.bincount(y, w, minlength=grades))[:-1] / w.sum()
    at = np.concatenate([np.log(cumulated / (1 - cumulated)), np.zeros(k)])
    value, gradient, hessian, scores = _likelihood(at, z, y, w, cuts)
    for step in range(1, _ROUNDS + 1):
        move = np.linalg.solve(-hessian, gradient)
        size = 1.0
        while size > 1e-8:
            tried = at + size * move
            if (np.diff(tried[:cuts]) > 0).all():
                new = _likelihood(tried, z, y, w, cuts)
                if new[0] >= value - 1e-12 * abs(value):
                    break
            size /= 2
        else:
            break
        at, (value, gradient, hessian, scores) = tried, new
        if np.abs(at[cuts:]).max() > 50 or not np.isfinite(hessian).all() or np.linalg.cond(hessian) > 1e14:
            break
        move = np.linalg.solve(-hessian, gradient)
        # where the grades are separated the likelihood levels off but every step stays as long as the one before
        if float(gradient @ move) < _TOLERANCE and np.abs(move).max() < 1e-4:
            return at[:cuts], at[cuts:], value, hessian, scores, step
    raise AnalysisError(
        "the likelihood has no maximum: some predictor separates the grades (almost) perfectly",
        where=where,
        mend="leave that predictor out, join rare grades of the outcome, or use linear regression",
    )


def _likelihood(at: Array, z: Array, y: Array, w: Array, cuts: int) -> tuple[float, Array, Array, Array]:
    """Log-likelihood, gradient, Hessian and weighted scores of thresholds and slopes."""
    n, k = z.shape
    edge = np.concatenate([[-np.inf], at[:cuts], [np.inf]])
    eta = z @ at[cuts:]
    upper, lower = edge[y + 1] - eta, edge[y] - eta
    high, low = _logistic(upper), _logistic(lower)
    # P(lower < L ≤ upper) without cancellation far out: by symmetry on the side where both are small
    p = np.where(lower > 0, _logistic(-lower) - _logistic(-upper), high - low)
    p = np.maximum(p, 1e-300)
    dh, dl = high * (1 - high), low * (1 - low)
    ddh, ddl = dh * (1 - 2 * high), dl * (1 - 2 * low)
    value = float(w @ np.log(p))
    rows = np.arange(n)
    # p depends on (upper, lower); each is a threshold minus eta
    to_upper, to_lower = np.zeros((n, cuts + k)), np.zeros((n, cuts + k))
    has_upper, has_lower = y < cuts, y > 0
    to_upper[rows[has_upper], y[has_upper]] = 1
    to_lower[rows[has_lower], y[has_lower] - 1] = 1
    to_upper[:, cuts:] = to_lower[:, cuts:] = -z
    dp = dh[:, None] * to_upper - dl[:, None] * to_lower
    scores = dp * (w / p)[:, None]
    second = (to_upper * (w * ddh / p)[:, None]).T @ to_upper - (to_lower * (w * ddl / p)[:, None]).T @ to_lower
    hessian = second - (dp * (w / p**2)[:, None]).T @ dp
    return value, scores.sum(axis=0), hessian, scores


def _logistic(v: Array) -> Array:
    """Return 1/(1 + e^−v) without overflow."""
    e = np.exp(-np.abs(v))
    return np.where(v >= 0, 1 / (1 + e), e / (1 + e))


def _brant(z: Array, y: Array, w: Array, names: Sequence[str], answers: Sample) -> pd.DataFrame:
    """Brant's Wald test that the slopes of the binary logits above each grade are equal, for all predictors and for each.

    The covariances between the logits come from the model, or with sampling weights from the scores.
    """
    cuts, k = int(y.max()), z.shape[1]
    table = pd.DataFrame(
        {"term": ["all", *names], "statistic": np.nan, "df": [k * (cuts - 1.0), *[cuts - 1.0] * k], "p_value": np.nan}
    )
    fits = [_binary(z, (y > j).astype(float), w) for j in range(cuts)]
    if any(f is None for f in fits):
        return table
    design = np.column_stack([np.ones(len(z)), z])
    slopes = np.concatenate([f[0][1:] for f in fits])  # type: ignore[index]
    cov = np.zeros((cuts * k, cuts * k))
    for i in range(cuts):
        for j in range(cuts):
            (_, p, bread), (_, q, other) = fits[i], fits[j]  # type: ignore[misc]
            if answers.kind == "sampling":
                n = len(y)
                middle = w**2 * ((y > i) - p) * ((y > j) - q) * n / (n - 1)
            else:
                middle = w * (q if j > i else p) - w * p * q
            block = bread @ (design.T @ (design * middle[:, None])) @ other
            cov[i * k : (i + 1) * k, j * k : (j + 1) * k] = block[1:, 1:]
    for row, at in enumerate([range(k), *[[j] for j in range(k)]]):
        contrast = np.zeros((len(at) * (cuts - 1), cuts * k))
        for place, (cut, j) in enumerate((c, j) for c in range(1, cuts) for j in at):
            contrast[place, j], contrast[place, cut * k + j] = 1, -1
        difference, spread = contrast @ slopes, contrast @ cov @ contrast.T
        if np.linalg.cond(spread) < 1e12:
            statistic = float(difference @ np.linalg.solve(spread, difference))
            table.loc[row, ["statistic", "p_value"]] = statistic, float(chi2_above(statistic, len(difference)))
    return table


def _binary(z: Array, above: Array, w: Array) -> tuple[Array, Array, Array] | None:
    """Return coefficients, probabilities and inverse information of a binary logit; None where there is no maximum."""
    design = np.column_stack([np.ones(len(z)), z])
    b = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        p = _logistic(design @ b)
        information = design.T @ (design * (w * p * (1 - p))[:, None])
        if np.abs(b).max() > 30 or np.linalg.cond(information) > 1e13:
            return None
        move = np.linalg.solve(information, design.T @ (w * (above - p)))
        b = b + move
        if np.abs(move).max() < 1e-10:
            p = _logistic(design @ b)
            return b, p, np.linalg.inv(design.T @ (design * (w * p * (1 - p))[:, None]))
    return None
