"""Drivers: regression with its tables, relative importance, asymmetric effects, ordered logit, what-if."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.drivers.plan import Answers, Variable
from csr_lib.core.errors import AnalysisError, CsrError
from csr_lib.stats.asymmetry import PenaltyReward, penalty_reward
from csr_lib.stats.importance_bootstrap import importance_bootstrap
from csr_lib.stats.ordered_logit import OrderedLogit, ordered_logit
from csr_lib.stats.regression import Regression, r_squared_interval, regression
from csr_lib.stats.resampling import percentile_interval, resample_counts

if TYPE_CHECKING:
    from csr_lib.analyses.drivers.analysis import Options

Array = np.ndarray
NAN = math.nan
#: What a rise of one point brings, in the order of the last axis of `_moves`.
MOVES = ("direct", "total", "realistic", "rise")
REALISTIC = MOVES.index("realistic")


def fit(answers: Answers, outcome: Variable, predictors: Sequence[Variable], options: Options) -> Regression:
    """Regress an outcome on predictors; refuse fewer complete answers than may be shown."""
    frame = answers.frame((*predictors, outcome))
    complete = int(frame.notna().all(axis=1).sum())
    least = max(answers.survey.study.min_cell, 2)
    if complete < least:
        fewest = frame.notna().sum().sort_values(kind="stable")
        raise AnalysisError(
            f"only {complete} respondents answered {outcome.key} and every predictor "
            f"(fewest: {fewest.index[0]}, {fewest.iloc[0]})",
            where="answers",
            allowed=f"at least {least} (min_cell)",
            mend="leave out predictors that few answered (`predictors`), or lower `answered`",
        )
    return regression(
        frame, outcome.key, [p.key for p in predictors], answers.weights, kind=answers.kind, level=options.confidence
    )


# ---- tables of a regression


def model_row(found: Regression, options: Options) -> dict[str, Any]:
    """Return the model summary of one regression, R² with its bootstrap interval."""
    low, high = r_squared_interval(found, resamples=options.bootstrap, seed=options.seed, level=options.confidence)
    return {
        "outcome": found.outcome,
        "predictors": len(found.predictors),
        "n": found.n,
        "n_effective": found.answers.n_effective,
        "n_missing": found.answers.n_missing,
        "r": found.r,
        "r_squared": found.r2,
        "r_squared_ci_low": low,
        "r_squared_ci_high": high,
        "r2_adj": found.r2_adj,
        "std_error": found.sigma,
        "f": found.f,
        "df": float(len(found.predictors)),
        "df_residual": found.df,
        "p_value": float(found.anova["p_value"].iloc[0]),
        "wald_f": found.wald_f,
        "wald_p": found.wald_p,
    }


def coefficient_table(found: Regression) -> pd.DataFrame:
    """Return the coefficients of one regression with outcome and n beside them."""
    table = found.coefficients.rename(columns={"term": "variable", "estimate": "b"})
    return table.assign(outcome=found.outcome, n=found.n, n_effective=found.answers.n_effective)


# ---- relative importance


def importance_table(found: Regression, options: Options) -> tuple[pd.DataFrame, int]:
    """Return relative weights and LMG of every predictor as shares of R², with intervals; and how many draws failed.

    Columns ``variable rank relative_weight share ci_low ci_high lmg_share lmg_ci_low lmg_ci_high correlation semipartial
    rank_share``: ``share`` is the relative weight's, intervals are percentile intervals;
    ``rank_share`` how often a resample gave the same rank.
    """
    boot = importance_bootstrap(
        found.answers, found.outcome, found.predictors, resamples=max(options.bootstrap, 1), seed=options.seed
    )
    table = boot.result.table
    out = pd.DataFrame(
        {
            "variable": table["item"],
            "n": found.n,
            "relative_weight": table["relative_weights"],
            "share": table["relative_weights_share"],
            "ci_low": NAN,
            "ci_high": NAN,
            "lmg_share": table["lmg_share"],
            "lmg_ci_low": NAN,
            "lmg_ci_high": NAN,
            "correlation": table["correlation"],
            "semipartial": table["semipartial_correlation"],
            "direction": table["direction"],
            "sign_reversed": table["sign_reversed"],
            "rank": table["relative_weights"].rank(ascending=False, method="first").astype(int),
            "rank_share": NAN,
        }
    )
    failed = 0
    if options.bootstrap and len(table) > 1:
        summary = boot.summary(options.confidence).set_index("method")
        for prefix, method in (("", "relative_weights_share"), ("lmg_", "lmg_share")):
            part = summary.loc[[method]]
            out[f"{prefix}ci_low"], out[f"{prefix}ci_high"] = part["ci_low"].to_numpy(), part["ci_high"].to_numpy()
        out["rank_share"] = boot.ranks("relative_weights", options.confidence)["share"].to_numpy()
        failed = int(max(boot.n_failed.values()))
    return out.sort_values("rank", kind="stable").reset_index(drop=True), failed


def importance_pairs(found: Regression, options: Options) -> pd.DataFrame | None:
    """Return the differences of relative weights between every two predictors, Holm-adjusted; None without a bootstrap."""
    if not options.bootstrap or len(found.predictors) < 2:
        return None
    boot = importance_bootstrap(
        found.answers,
        found.outcome,
        found.predictors,
        methods=("relative_weights",),
        resamples=options.bootstrap,
        seed=options.seed,
    )
    pairs = boot.differences("relative_weights_share", options.confidence)
    return pairs.rename(columns={"item": "variable", "estimate": "difference"}).assign(n=found.n)


# ---- asymmetric effects


def asymmetry(answers: Answers, found: Regression, options: Options) -> tuple[PenaltyReward | None, str]:
    """Return penalties and rewards, or None and why: ``no_middle`` where nobody rates between low and high, else ``failed``."""
    frame = answers.frame(answers.predictors)
    try:
        return (
            penalty_reward(
                frame,
                answers.outcome.scores,
                answers.weights,
                kind=answers.kind,
                shares=options.extremes,
                level=options.confidence,
                resamples=options.bootstrap,
                seed=options.seed,
            ),
            "",
        )
    except CsrError as error:
        return None, "no_middle" if "between" in str(error) or "not below high" in str(error) else "failed"


def asymmetry_table(effects: PenaltyReward) -> pd.DataFrame:
    """One row per predictor: penalty and reward with intervals, their sum, the kind of factor."""
    wide = {name: part.set_index("item") for name, part in effects.effects.groupby("effect")}
    items = effects.items.set_index("item")
    order = list(items.index)
    out = pd.DataFrame({"variable": order, "n": effects.n})
    for effect in ("penalty", "reward"):
        for column in ("estimate", "ci_low", "ci_high", "p_value"):
            name = effect if column == "estimate" else f"{effect}_{column}"
            out[name] = wide[effect].loc[order, column].to_numpy()
    for column in (
        "low",
        "high",
        "n_low",
        "n_middle",
        "n_high",
        "contrast",
        "p_adjusted",
        "factor",
        "few_low",
        "few_high",
        "wrong_sign",
    ):
        out[column] = items[column].to_numpy()
    out = out.rename(columns={"factor": "factor_kind"})
    out["contrast_ci_low"], out["contrast_ci_high"] = items["ci_low"].to_numpy(), items["ci_high"].to_numpy()
    return out


# ---- ordered logit


def ordered(answers: Answers, found: Regression, options: Options) -> tuple[OrderedLogit | None, str]:
    """Return the ordered logit of a single outcome in grades, or None and why not.

    ``not_graded``: the outcome is a score of several items, or has too few or too many grades; ``separated``: the likelihood has
    no maximum.
    """
    if len(answers.outcome.items) > 1:
        return None, "not_graded"
    frame = answers.frame((*answers.predictors, answers.outcome))
    if not 3 <= frame[answers.outcome.key].dropna().nunique() <= 11:
        return None, "not_graded"
    names = [p.key for p in answers.predictors]
    try:
        return (
            ordered_logit(frame, answers.outcome.key, names, answers.weights, kind=answers.kind, level=options.confidence),
            "",
        )
    except AnalysisError:
        return None, "separated"


def ordered_table(model: OrderedLogit, found: Regression) -> pd.DataFrame:
    """Return odds ratios beside the linear coefficients, and Brant's test of each predictor."""
    table = model.coefficients.rename(columns={"term": "variable"})
    linear = found.coefficients.set_index("term").loc[table["variable"]]
    brant = model.proportional.set_index("term").loc[table["variable"]]
    return table.assign(
        n=model.answers.n,
        linear_b=linear["estimate"].to_numpy(),
        linear_p=linear["p_value"].to_numpy(),
        brant=brant["statistic"].to_numpy(),
        brant_p=brant["p_value"].to_numpy(),
        agrees=(table["p_value"].to_numpy() < 1 - found.level) == (linear["p_value"].to_numpy() < 1 - found.level),
    )


# ---- what if


def what_if_table(answers: Answers, found: Regression, options: Options) -> pd.DataFrame:
    """How far the outcome moves, in points of its 0–100 index, when every item of a driver rises by one point of its scale.

    ``direct``: the other drivers stay as they are (the coefficient). ``total``: they move along as they do among respondents (the
    slope of the outcome on this driver alone). ``realistic``: as ``direct``, but nobody rises beyond the end of the scale;
    ``rise`` is how far the average respondent can then rise, as a share of the point. ``behind_ci_low behind_ci_high``: by how
    much the first driver's ``realistic`` is above this one's. Percentile intervals from one bootstrap.
    """
    used = found.answers.kept
    drivers = answers.predictors
    span = answers.outcome.span
    step = np.array([v.step for v in drivers])
    room = np.column_stack([v.room[used] for v in drivers])
    w = found.answers.weights
    own = w if found.answers.kind == "sampling" else np.ones(len(w))
    base = found.answers.base * own
    m = found.answers.moments()
    estimate = _moves(m.cov[None], ((base @ room) / base.sum())[None], step, span)[0]
    low = high = np.full(estimate.shape, np.nan)
    behind = np.full((2, len(drivers)), np.nan)
    if options.bootstrap:
        draws = []
        for counts in resample_counts(found.answers, options.bootstrap, options.seed):
            covs = found.answers.resampled(counts)[1]
            weight = counts * own
            draws.append(_moves(covs, (weight @ room) / weight.sum(axis=1, keepdims=True), step, span))
        drawn = np.concatenate(draws)
        low, high = percentile_interval(drawn, options.confidence)
        reached = drawn[:, :, REALISTIC]
        best = int(np.argmax(estimate[:, REALISTIC]))
        behind = np.stack(percentile_interval(reached[:, [best]] - reached, options.confidence))
    out: dict[str, Any] = {"variable": [v.key for v in drivers], "n": found.n, "step": step}
    for at, name in enumerate(MOVES):
        out |= {name: estimate[:, at], f"{name}_ci_low": low[:, at], f"{name}_ci_high": high[:, at]}
    out |= {"behind_ci_low": behind[0], "behind_ci_high": behind[1]}
    return pd.DataFrame(out).sort_values("realistic", ascending=False, kind="stable").reset_index(drop=True)


def _moves(covs: Array, room: Array, step: Array, span: float) -> Array:
    """Return direct, total, realistic move and the possible share of the rise, (B, k, 4); covariances have the outcome last."""
    k = covs.shape[-1] - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        total = covs[:, :k, k] / np.einsum("bii->bi", covs)[:, :k]
    b = np.full(total.shape, np.nan)
    sd = np.sqrt(np.einsum("bii->bi", covs)[:, :k])
    for draw in range(len(covs)):
        if (sd[draw] > 0).all() and np.linalg.cond(covs[draw, :k, :k] / np.outer(sd[draw], sd[draw])) < 1e10:
            b[draw] = np.linalg.solve(covs[draw, :k, :k], covs[draw, :k, k])
    scale = 100 / span
    return np.stack([b * step * scale, total * step * scale, b * room * scale, room / step], axis=-1)
