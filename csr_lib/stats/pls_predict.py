"""PLSpredict: how well a path model predicts answers that it has not seen, against a linear model and against the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.core.model import Model
from csr_lib.stats import _pls
from csr_lib.stats._pls import Plan, Scheme
from csr_lib.stats.moments import Sample
from csr_lib.stats.pls import pls
from csr_lib.stats.resampling import Seed, generator

Array = np.ndarray
Antecedents = Literal["direct", "earliest"]
Combine = Literal["errors", "predictions"]


@dataclass(frozen=True, eq=False)
class PLSPredict:
    """Out-of-sample predictions of a path model, judged.

    Attributes
    ----------
    items : one row per item of an endogenous construct: ``construct item q2_predict q2_predict_lm rmse rmse_lm mae mae_lm
        skewness better_rmse better_mae``. Errors are in scale points. ``q2_predict`` is 1 − Σe²/Σ(x − mean of the training
        rows)²; ``…_lm`` is the linear model; ``skewness`` is that of the path model's errors; ``better_…`` tells whether the path
        model's error is smaller than the linear model's. A linear model with too few training rows is NaN (and False).
    constructs : one row per endogenous construct: ``construct n_items n_above_mean n_better_rmse n_better_mae power_rmse
        power_mae``: items whose Q²_predict is above 0, items that the path model predicts better than the linear model, and the
        predictive power that follows: ``high`` (all items), ``medium`` (at least half), ``low`` (fewer), ``none``; empty
        without a linear model.
    antecedents, combine, folds, repeats : as they were asked for.
    n : rows predicted.
    n_failed : training sets (of folds × repeats) in which the model could not be estimated; their rows are in no error.
    """

    items: pd.DataFrame
    constructs: pd.DataFrame
    antecedents: Antecedents
    combine: Combine
    folds: int
    repeats: int
    n: int
    n_failed: int


def pls_predict(
    sample: Sample,
    model: Model,
    *,
    scheme: Scheme = "path",
    antecedents: Antecedents = "direct",
    combine: Combine = "errors",
    folds: int = 10,
    repeats: int = 10,
    seed: Seed = None,
    tolerance: float = 1e-9,
    max_iterations: int = 300,
) -> PLSPredict:
    """Predict the items of all endogenous constructs by repeated k-fold cross-validation.

    Parameters
    ----------
    sample : complete rows of at least the model's items (missing answers: ``listwise``).
    model, scheme : as for `csr_lib.stats.pls.pls`; reflective constructs are predicted by their composites, not corrected for
        attenuation, because it is composites that new answers give.
    antecedents : what a construct is predicted from: ``direct``, the composites with a path into it (seminr ``predict_DA``),
        or ``earliest``, the exogenous composites through all paths (``predict_EA``). The linear model regresses each item on
        all items of the direct antecedents, or on those of all exogenous constructs.
    combine : over repeats, ``errors`` takes the mean of the squared (absolute) errors of all repeats; ``predictions`` takes
        each row's mean prediction first (seminr), which is what an average of `repeats` models would do.
    folds, repeats, seed : rows are dealt out at random to `folds` parts of equal size (but for one row), anew in every repeat.
    tolerance, max_iterations : of the algorithm in a training set; it starts from the weights of the whole sample.

    Raises
    ------
    OptionError
        Incomplete rows, fewer than 2 folds or more than rows, an unknown option, a model with higher-order constructs.
    AnalysisError
        What `pls` raises on the whole sample; no training set that can be estimated.

    Notes
    -----
    Shmueli, Ray, Velasquez Estrada & Chatla (2016); Shmueli et al. (2019), which also says how to read the comparison: where the
    path model's errors are very asymmetric go by MAE, else by RMSE. An item x of construct t is predicted by
    x̂ = mean + sd·λ·Σₛ b·yₛ, everything but the answers in the score yₛ from the training rows.
    Case weights weigh rows in training and errors in testing; a row with frequency weight 3 is in one part as a whole, so that
    it differs from three rows. All training sets are estimated in one batch, from their moments.
    The same numbers for the same parts: seminr ``predict_pls``.
    """
    _check(sample, antecedents, combine, folds, repeats)
    result = pls(sample.moments().take(model.items), model, scheme=scheme)
    plan = result.plan
    place = [sample.columns.index(item) for item in plan.items]
    x, w = sample.answers[:, place], sample.weights
    parts = _deal(len(x), folds, repeats, generator(seed))
    training = [_training(sample, part, place, folds) for part in parts]
    mean = np.concatenate([m for m, _ in training], axis=1)
    cov = np.concatenate([c for _, c in training], axis=2)
    slopes, good = _path_slopes(cov, plan, scheme, antecedents, result.items["weight"].to_numpy(), tolerance, max_iterations)
    if not good.any():
        raise AnalysisError(
            f"none of the {len(good)} training sets could be estimated",
            where="PLSpredict",
            mend="take fewer folds, collect more answers, or look for items that hardly vary",
        )
    rows = np.array([(part != f).sum() for part in parts for f in range(folds)])
    linear = _linear_slopes(cov, plan, antecedents, rows)
    ends = [k for k, j in enumerate(plan.owner) if len(plan.sources[j])]
    observed = x[:, ends]
    sums, average = np.zeros((5, 3, len(ends))), np.zeros((3, *observed.shape))
    for repeat, part in enumerate(parts):
        predicted = np.full((3, *observed.shape), np.nan)
        for f in np.flatnonzero(good[repeat * folds : (repeat + 1) * folds]):
            b, test = repeat * folds + f, part == f
            away = x[test] - mean[:, b]
            predicted[0, test] = mean[ends, b] + away @ slopes[ends, :, b].T
            predicted[1, test] = mean[ends, b] + away @ linear[ends, :, b].T
            predicted[2, test] = mean[ends, b]
        if combine == "errors":
            sums += _error_sums(observed, predicted, w)
        average += predicted / repeats
    if combine == "predictions":
        sums = _error_sums(observed, average, w)
    items = _items_table(plan, ends, sums)
    return PLSPredict(items, _constructs_table(items), antecedents, combine, folds, repeats, len(x), int((~good).sum()))


def _check(sample: Sample, antecedents: str, combine: str, folds: int, repeats: int) -> None:
    problems: list[Problem] = []
    for value, known, where in ((antecedents, Antecedents, "antecedents"), (combine, Combine, "combine")):
        if value not in known.__args__:  # type: ignore[attr-defined]
            problems.append(unknown(value, known.__args__, what="value", where=where))  # type: ignore[attr-defined]
    if not 2 <= folds <= len(sample.answers):
        problems.append(
            Problem(f"{folds} folds", "folds", f"a whole number from 2 to the number of rows ({len(sample.answers)})")
        )
    if repeats < 1:
        problems.append(Problem(f"{repeats} repeats", "repeats", "a whole number ≥ 1"))
    if not sample.complete:
        problems.append(
            Problem("rows with missing answers cannot be predicted", "PLSpredict", "complete rows", "use missing: listwise")
        )
    if problems:
        raise OptionError(problems)


def _deal(n: int, folds: int, repeats: int, rng: np.random.Generator) -> list[Array]:
    """Return, per repeat, the part (0 … folds − 1) that each row is in."""
    return [rng.permutation(np.arange(n) * folds // n) for _ in range(repeats)]


def _training(sample: Sample, part: Array, place: list[int], folds: int) -> tuple[Array, Array]:
    """Means (p, folds) and covariances (p, p, folds) of the rows outside each part."""
    counts = (part[None] != np.arange(folds)[:, None]) * sample.base
    means, covs = sample.resampled(counts)
    return means[:, place].T, np.moveaxis(covs[:, place][:, :, place], 0, -1)


def _path_slopes(
    cov: Array, plan: Plan, scheme: Scheme, antecedents: str, start: Array, tolerance: float, max_iterations: int
) -> tuple[Array, Array]:
    """Slopes (p predicted, p predicting, B) of items on items that a path model implies, and which training sets worked."""
    sd = np.sqrt(cov[np.arange(len(cov)), np.arange(len(cov))])
    R = _pls.correlations(cov.copy())
    outer = _pls.iterate(R, plan, scheme, start=start, tolerance=tolerance, max_iterations=max_iterations)
    paths, _ = _pls.path_arrays(outer.constructs, plan)
    J = len(plan.blocks)
    effects = np.zeros((J, J, cov.shape[-1]))
    if antecedents == "direct":
        for k, (s, t) in enumerate(plan.paths):
            effects[s, t] = paths[k]
    else:
        first = [j for j in range(J) if not len(plan.sources[j])]
        effects[first] = _pls.total_effects(paths, plan)[first]
    loadings = outer.items[np.arange(len(sd)), plan.owner]
    slopes = effects[plan.owner[None, :], plan.owner[:, None]] * (loadings * sd)[:, None] * (outer.weights / sd)[None]
    good = outer.converged & np.isfinite(slopes).all(axis=(0, 1))
    return np.where(good, slopes, 0.0), good


def _linear_slopes(cov: Array, plan: Plan, antecedents: str, rows: Array) -> Array:
    """Slopes (p predicted, p predicting, B) of least squares of every item on the items of its construct's antecedents.

    Where items depend on others the shortest solution is taken; its predictions are those of any other. NaN where a training
    set has no more rows than coefficients.
    """
    out = np.zeros_like(cov)
    first = [j for j, s in enumerate(plan.sources) if not len(s)]
    for t, sources in enumerate(plan.sources):
        if not len(sources):
            continue
        used = np.flatnonzero(np.isin(plan.owner, sources if antecedents == "direct" else first))
        own = np.arange(len(used))
        a = np.moveaxis(cov[np.ix_(used, used)], -1, 0)
        scale = np.sqrt(a[:, own, own])
        with np.errstate(invalid="ignore", divide="ignore"):
            inverse = np.linalg.pinv(np.nan_to_num(a / scale[:, None] / scale[:, :, None]), rcond=1e-10, hermitian=True)
            inverse = np.nan_to_num(inverse / scale[:, None] / scale[:, :, None], posinf=0.0)
        for k in range(*plan.blocks[t].indices(len(plan.owner))):
            b = np.einsum("bij,jb->ib", inverse, cov[used, k])
            out[k, used] = b if rows.min() > len(used) + 1 else np.nan
    return out


def _error_sums(x: Array, predicted: Array, w: Array) -> Array:
    """Σw, Σwe, Σwe², Σwe³, Σw|e| (5, 3, q) of path model, linear model and mean; rows without prediction are left out."""
    e = x - predicted
    seen = ~np.isnan(e)
    e, v = np.where(seen, e, 0.0), seen * w[:, None]
    return np.stack([v.sum(1), (v * e).sum(1), (v * e**2).sum(1), (v * e**3).sum(1), (v * np.abs(e)).sum(1)])


def _items_table(plan: Plan, ends: list[int], sums: Array) -> pd.DataFrame:
    with np.errstate(invalid="ignore", divide="ignore"):
        m1, m2, m3, mae = sums[1:] / sums[0]
        skewness = (m3 - 3 * m1 * m2 + 2 * m1**3) / (m2 - m1**2) ** 1.5
        q2 = 1 - m2[:2] / m2[2]
    rmse = np.sqrt(m2)
    return pd.DataFrame(
        {
            "construct": [plan.model.names[plan.owner[k]] for k in ends],
            "item": [plan.items[k] for k in ends],
            "q2_predict": q2[0],
            "q2_predict_lm": q2[1],
            "rmse": rmse[0],
            "rmse_lm": rmse[1],
            "mae": mae[0],
            "mae_lm": mae[1],
            "skewness": skewness[0],
            "better_rmse": rmse[0] < rmse[1],
            "better_mae": mae[0] < mae[1],
        }
    )


def _constructs_table(items: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name, own in items.groupby("construct", sort=False):
        better = [int(own[f"better_{error}"].sum()) for error in ("rmse", "mae")]
        known = bool(own["rmse_lm"].notna().all())
        power = [predictive_power(k, len(own)) if known else "" for k in better]
        rows.append((name, len(own), int((own["q2_predict"] > 0).sum()), *better, *power))
    columns = ["construct", "n_items", "n_above_mean", "n_better_rmse", "n_better_mae", "power_rmse", "power_mae"]
    return pd.DataFrame(rows, columns=columns)


def predictive_power(better: int, of: int) -> str:
    """Return ``none``, ``low``, ``medium`` or ``high``: no item, fewer than half, half or more, all (Shmueli et al. 2019)."""
    if better == of:
        return "high"
    if better == 0:
        return "none"
    return "medium" if 2 * better >= of else "low"
