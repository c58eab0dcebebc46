"""Penalty–reward contrast analysis: does a poor rating cost more satisfaction than a good one brings?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem
from csr_lib.stats._linalg import dependent
from csr_lib.stats.distributions import f_quantile, t_quantile, t_two_sided
from csr_lib.stats.importance import importance_draws
from csr_lib.stats.moments import Kind, Sample, sample
from csr_lib.stats.regression import hc3
from csr_lib.stats.resampling import Seed, holm, percentile_interval, resample_counts

Array = np.ndarray
#: Scale point of all indicators, or of each.
Cut = float | Mapping[str, float]

#: Kinds of factor by the test of reward = −penalty (Matzler & Sauerwein 2002).
FACTORS = ("basic", "performance", "excitement", "none")
#: Classes of impact asymmetry, from the most negative (Mikulić & Prebežac 2008).
IMPACT_CLASSES = ("frustrator", "dissatisfier", "hybrid", "satisfier", "delighter")
_INTERVALS = ("range", "sgp", "dgp", "asymmetry")


@dataclass(frozen=True, eq=False)
class PenaltyReward:
    """Asymmetric effects of indicators on an outcome.

    Attributes
    ----------
    effects : two rows per indicator, ``item effect estimate std_error ci_low ci_high p_value n share``: ``effect`` is ``penalty``
        (low against middle ratings) or ``reward`` (high against middle), in units of the outcome, the other indicators held
        constant; ``n`` respondents and (weighted) ``share`` in that group. NaN where the group is empty, errors NaN where a
        single respondent decides.
    items : one row per indicator. ``low high``: the cut-offs; a rating ≤ low is low, ≥ high is high. ``n_low n_middle n_high``.
        ``contrast std_error ci_low ci_high p_value p_adjusted``: reward + penalty, 0 where both weigh the same, Holm-adjusted
        over the indicators. ``range`` (range of impact on customer satisfaction, RICS) = reward − penalty; ``sgp dgp``
        satisfaction- and dissatisfaction-generating potential, reward and −penalty as shares of the range; ``asymmetry`` (IA) =
        sgp − dgp, from −1 to 1; each with ``_low`` and ``_high`` from the bootstrap. ``factor``: one of `FACTORS` by the test, or
        "" where a group is empty; ``impact_class``: one of `IMPACT_CLASSES` by IA, "" where ``factor`` is "none" or "", since a
        ratio of effects that may be nothing says nothing. ``few_low few_high``: fewer respondents than the cut-off
        ``contrast_group``; ``wrong_sign``: a penalty above 0 or a reward below 0, which counts as 0 in range, sgp,
        dgp and asymmetry.
    intercept : expected outcome of who gives only middle ratings.
    r2, r2_adj : of the regression on all dummies.
    n, n_effective, n_missing, df : rows (Σw for frequency weights) used, Kish's effective n, rows left out, degrees of freedom.
    level : of the intervals.
    resamples, n_failed : of the bootstrap, and those in which a group was empty or the dummies dependent.
    """

    effects: pd.DataFrame
    items: pd.DataFrame
    intercept: float
    r2: float
    r2_adj: float
    n: float
    n_effective: float
    n_missing: float
    df: float
    level: float
    resamples: int
    n_failed: int


def penalty_reward(
    ratings: pd.DataFrame,
    outcome: Any,
    weights: Any = None,
    *,
    kind: Kind = "sampling",
    low: Cut | None = None,
    high: Cut | None = None,
    shares: tuple[float, float] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: Seed = None,
) -> PenaltyReward:
    """Return what low ratings of each indicator take from an outcome, and what high ratings add to it.

    Parameters
    ----------
    ratings : (N, k) frame, one column per indicator, higher is better; NaN is no answer.
    outcome : (N,) numbers. Rows with a missing rating or outcome are left out (listwise) and counted.
    weights, kind : case weights as in `csr_lib.stats.moments.moments`.
    low, high : scale points: ratings ≤ low are low, ≥ high are high, what lies between is the reference. One number for all
        indicators or a mapping. Give either these or `shares`.
    shares : wanted shares of low and of high ratings, such as (0.2, 0.2). The cut-offs are the answers at which the weighted
        share of lower (higher) ratings comes nearest; the shares that result are in `PenaltyReward.effects`.
    level : of the intervals; 1 − level is also the level of the tests behind ``factor``.
    resamples, seed : bootstrap of range, potentials and asymmetry (percentile intervals, cut-offs as in the sample); 0 for none.

    Raises
    ------
    OptionError
        Neither or both of cut-offs and shares, or values that make no sense.
    DataError
        Columns that are not numbers, infinite values, bad weights, columns of different lengths.
    AnalysisError
        Nobody between low and high for an indicator, all outcomes equal, dependent dummies (indicators are named), or no more
        rows than coefficients.

    Notes
    -----
    Brandt (1988): the outcome is regressed on an intercept and, per indicator, one dummy for low and one for high ratings.
    Standard errors are HC3 (MacKinnon & White 1985), since satisfied and dissatisfied respondents do not vary alike; t with n − p
    degrees of freedom. ``basic``: reward + penalty < 0 significantly (Holm); ``excitement``: > 0; ``performance``: neither, but
    reward and penalty together differ from 0 (Wald F); ``none``: they do not. With sampling weights the sandwich has the
    weights in it, with frequency weights the numbers are those of repeated rows. The same numbers: R ``lm(weights=)`` with
    ``sandwich::vcovHC(type = "HC3")``, statsmodels ``WLS.fit(cov_type="HC3")``, whose import would take longer than all this.
    """
    answers = _answers(ratings, outcome, weights, kind)
    names = list(answers.columns[:-1])
    x, y = answers.answers[:, :-1], answers.answers[:, -1]
    lows, highs = _cuts(answers, low, high, shares)
    groups = np.stack([x <= lows, x >= highs], axis=-1).astype(float)  # (n, k, 2)
    middle = answers.base @ (1 - groups.sum(axis=-1))
    _check_groups(names, middle, lows, highs, y)
    counts = np.einsum("i,ijg->jg", answers.base, groups)
    share = np.einsum("i,ijg->jg", answers.weights, groups) / answers.weights.sum()
    present = counts > 0  # (k, 2)
    dummies = groups[:, present]
    design = np.column_stack([np.ones(len(y)), dummies])
    owners = [name for name, here in zip(names, present, strict=True) for _ in range(int(here.sum()))]
    _check_design(answers, design, owners)
    beta, cov, residual, _ = hc3(design, y, answers.weights, answers.kind)
    df = answers.n - design.shape[1]
    estimate, error = np.full((len(names), 2), np.nan), np.full((len(names), 2), np.nan)
    estimate[present], error[present] = beta[1:], np.sqrt(np.diag(cov)[1:])
    with np.errstate(invalid="ignore"):
        p_value = t_two_sided(estimate / error, df)
    half = float(t_quantile(0.5 + level / 2, df)) * error
    effects = pd.DataFrame(
        {
            "item": np.repeat(names, 2),
            "effect": ["penalty", "reward"] * len(names),
            "estimate": estimate.ravel(),
            "std_error": error.ravel(),
            "ci_low": (estimate - half).ravel(),
            "ci_high": (estimate + half).ravel(),
            "p_value": p_value.ravel(),
            "n": counts.ravel(),
            "share": share.ravel(),
        }
    )
    items = pd.DataFrame(
        {"item": names, "low": lows, "high": highs, "n_low": counts[:, 0], "n_middle": middle, "n_high": counts[:, 1]}
    )
    place = np.full((len(names), 2), -1)
    place[present] = np.arange(1, len(beta))
    items = pd.concat([items, _contrasts(beta, cov, place, df, level)], axis=1)
    drawn = _resampled(answers, dummies, present, resamples, seed) if resamples else np.empty((0, len(names), 2))
    items = pd.concat([items, _impact(estimate, drawn, level)], axis=1)
    items.loc[items["factor"].isin(["none", ""]), "impact_class"] = ""
    few = CUTOFFS["contrast_group"].threshold
    items["few_low"], items["few_high"] = counts[:, 0] < few, counts[:, 1] < few
    items["wrong_sign"] = (estimate[:, 0] > 0) | (estimate[:, 1] < 0)
    w = answers.weights
    spread = y - w @ y / w.sum()
    r2 = 1 - float(w @ residual**2) / float(w @ spread**2)
    failed = int((~np.isfinite(drawn[:, present]).all(axis=1)).sum())
    return PenaltyReward(
        effects,
        items,
        float(beta[0]),
        r2,
        1 - (1 - r2) * (answers.n - 1) / df,
        answers.n,
        answers.n_effective,
        answers.n_missing,
        df,
        level,
        resamples,
        failed,
    )


def _answers(ratings: pd.DataFrame, outcome: Any, weights: Any, kind: Kind) -> Sample:
    """Complete rows of ratings and, in the last column, the outcome."""
    values = np.asarray(outcome, dtype=float)
    if values.shape != (len(ratings),):
        raise DataError(f"{values.shape} outcomes for {len(ratings)} rows", where="outcome", allowed="one outcome per row")
    if not len(ratings.columns):
        raise AnalysisError("there are no indicators", where="penalty_reward", mend="name at least one")
    return sample(ratings.assign(**{" outcome": values}), weights, kind=kind)  # no indicator can be called so


def _cuts(answers: Sample, low: Cut | None, high: Cut | None, shares: tuple[float, float] | None) -> tuple[Array, Array]:
    """Cut-offs (k,) from scale points or from shares."""
    names = answers.columns[:-1]
    if (shares is None) == (low is None and high is None):
        raise OptionError(
            "low and high ratings are not defined" if shares is None else "both scale points and shares define low and high",
            where="low, high, shares",
            allowed="low and high, or shares",
            mend="say which scale points are low and high (low=2, high=5), or which shares of the ratings (shares=(0.2, 0.2))",
        )
    if shares is None:
        given = [dict(cut) if isinstance(cut, Mapping) else dict.fromkeys(names, cut) for cut in (low, high)]
        lacking = [
            f"{side} of {n}" for side, cut in zip(("low", "high"), given, strict=True) for n in names if cut.get(n) is None
        ]
        if lacking:
            raise OptionError(f"no cut-off for {', '.join(lacking)}", where="low, high", mend="name the scale points")
        lows, highs = (np.array([float(cut[n]) for n in names]) for cut in given)  # type: ignore[arg-type]
    else:
        if len(shares) != 2 or min(shares) <= 0 or sum(shares) >= 1:
            raise OptionError(f"shares {shares}", where="shares", allowed="two shares above 0 whose sum is below 1")
        ends = [_nearest_cuts(column, answers.weights, shares) for column in answers.answers[:, :-1].T]
        lows, highs = (np.array(side) for side in zip(*ends, strict=True))
    wrong = [n for n, a, b in zip(names, lows, highs, strict=True) if not a < b]
    if wrong:
        raise OptionError(
            f"low is not below high for {', '.join(wrong)}",
            where="shares" if shares else "low, high",
            mend="ask for smaller shares, or name scale points" if shares else "give a low cut-off below the high one",
        )
    return lows, highs


def _nearest_cuts(x: Array, w: Array, shares: tuple[float, float]) -> tuple[float, float]:
    """Answers at which the share of ratings up to (from) them is nearest to what is wanted."""
    values, at = np.unique(x, return_inverse=True)
    mass = np.bincount(at, w) / w.sum()
    up, down = np.cumsum(mass), np.cumsum(mass[::-1])[::-1]
    return float(values[np.abs(up - shares[0]).argmin()]), float(values[::-1][np.abs(down - shares[1])[::-1].argmin()])


def _check_groups(names: Sequence[str], middle: Array, lows: Array, highs: Array, y: Array) -> None:
    bare = [
        Problem(
            f"nobody rates it between {a:g} and {b:g}, so there is nothing to compare low and high ratings with",
            name,
            "ratings between the cut-offs",
            "move the cut-offs apart, or leave the indicator out",
        )
        for name, m, a, b in zip(names, middle, lows, highs, strict=True)
        if not m > 0
    ]
    if bare:
        raise AnalysisError(bare)
    if np.ptp(y) <= 1e-12 * max(1.0, float(np.abs(y).max())):
        raise AnalysisError("all outcomes are the same", where="outcome", allowed="answers that vary")


def _check_design(answers: Sample, design: Array, owners: list[str]) -> None:
    if design.shape[1] == 1:
        raise AnalysisError("nobody gives a low or a high rating", where="penalty_reward", mend="move the cut-offs")
    if answers.n <= design.shape[1]:
        raise AnalysisError(
            f"{answers.n:g} rows are too few for {design.shape[1]} coefficients",
            where="penalty_reward",
            allowed=f"more than {design.shape[1]}",
            mend="collect more answers, or use fewer indicators",
        )
    bad = list(dict.fromkeys(dependent(np.atleast_2d(np.corrcoef(design[:, 1:].T)), owners)))
    if bad:
        raise AnalysisError(
            f"the same respondents rate {', '.join(bad)} low or high; their effects cannot be told apart",
            where="penalty_reward",
            mend="leave one of them out, join them, or move the cut-offs",
        )


def _contrasts(beta: Array, cov: Array, place: Array, df: float, level: float) -> pd.DataFrame:
    """Reward + penalty of each indicator with its test, and the kind of factor."""
    k = len(place)
    both = (place > 0).all(axis=1)
    contrast, error, wald = np.full(k, np.nan), np.full(k, np.nan), np.full(k, np.nan)
    for j in np.flatnonzero(both):
        own = place[j]
        b, v = beta[own], cov[np.ix_(own, own)]
        contrast[j], error[j] = b.sum(), math.sqrt(v.sum())
        if np.isfinite(v).all():
            wald[j] = b @ np.linalg.solve(v, b) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        p_value = np.asarray(t_two_sided(contrast / error, df))
    adjusted = holm(p_value)
    half = float(t_quantile(0.5 + level / 2, df)) * error
    factor = np.where(contrast < 0, "basic", "excitement").astype(object)
    factor[~(adjusted < 1 - level)] = "performance"
    factor[~(wald > float(f_quantile(level, 2, df)))] = "none"
    factor[~np.isfinite(wald)] = ""
    return pd.DataFrame(
        {
            "contrast": contrast,
            "std_error": error,
            "ci_low": contrast - half,
            "ci_high": contrast + half,
            "p_value": p_value,
            "p_adjusted": adjusted,
            "factor": factor,
        }
    )


def _potentials(effects: Array) -> Array:
    """Range, sgp, dgp and asymmetry (…, k, 4) of penalties and rewards (…, k, 2); an effect of the wrong sign counts as 0."""
    loss, gain = np.maximum(-effects[..., 0], 0.0), np.maximum(effects[..., 1], 0.0)
    reach = loss + gain
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([reach, gain / reach, loss / reach, (gain - loss) / reach], axis=-1)


def _impact(estimate: Array, drawn: Array, level: float) -> pd.DataFrame:
    """Range of impact, potentials and asymmetry with intervals, and the class of the asymmetry."""
    values = _potentials(estimate)
    low, high = percentile_interval(_potentials(drawn), level) if len(drawn) else (np.full(values.shape, np.nan),) * 2
    columns: dict[str, Any] = {}
    for at, name in enumerate(_INTERVALS):
        columns |= {name: values[:, at], f"{name}_low": low[:, at], f"{name}_high": high[:, at]}
    mild, strong = CUTOFFS["impact_asymmetry"].threshold, CUTOFFS["impact_asymmetry"].fail
    ia = values[:, 3]
    step = np.select([ia < -strong, ia < -mild, ia <= mild, ia <= strong, ia > strong], range(5), -1)
    columns["impact_class"] = np.array([*IMPACT_CLASSES, ""], dtype=object)[step]
    return pd.DataFrame(columns)


def _resampled(answers: Sample, dummies: Array, present: Array, resamples: int, seed: Seed) -> Array:
    """Penalties and rewards of resamples, (B, k, 2); NaN where a group is empty in the sample or in the resample."""
    names = [f"d{j}" for j in range(dummies.shape[1])]
    frame = np.column_stack([dummies, answers.answers[:, -1]])
    coded = sample(frame, answers.weights, kind=answers.kind, columns=[*names, "y"])
    out = np.full((resamples, *present.shape), np.nan)
    at = 0
    for counts in resample_counts(coded, resamples, seed):
        covs = coded.resampled(counts)[1]
        sd = np.sqrt(np.einsum("bii->bi", covs))
        with np.errstate(invalid="ignore", divide="ignore"):
            slopes = importance_draws(covs, "regression") * sd[:, -1:] / sd[:, :-1]
        out[at : at + len(covs)][:, present] = slopes
        at += len(covs)
    return out
