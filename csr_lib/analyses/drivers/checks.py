"""Drivers: may the regression be believed? Residuals, influence, collinearity, shape of the outcome, proportional odds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._checks import pooled_waves, sample_checks
from csr_lib.analyses.drivers.plan import Answers
from csr_lib.core.check import Check
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.result import Basis
from csr_lib.stats.regression import Regression, breusch_pagan, durbin_watson, reset, residual_shape

if TYPE_CHECKING:
    from csr_lib.analyses.drivers.analysis import Options
    from csr_lib.stats.asymmetry import PenaltyReward
    from csr_lib.stats.ordered_logit import OrderedLogit


def residual_table(answers: Answers, found: Regression) -> pd.DataFrame:
    """One row per assumption: ``assumption statistic df df_residual p_value``; for influence the largest Cook's distance.

    Durbin–Watson stands there only where the times of return give the rows an order. Degrees of freedom where the test has them:
    two for an F, none for d.
    """
    shape, equal, straight = residual_shape(found), breusch_pagan(found), reset(found)
    rows = [
        {"assumption": "jarque_bera", "statistic": shape.statistic, "df": 2.0, "p_value": shape.p_value},
        {"assumption": "skewness", "statistic": shape.skewness, "df": math.nan, "p_value": math.nan},
        {"assumption": "kurtosis", "statistic": shape.kurtosis, "df": math.nan, "p_value": math.nan},
        {"assumption": "breusch_pagan", "statistic": equal.statistic, "df": equal.df, "p_value": equal.p_value},
        {
            "assumption": "reset",
            "statistic": straight.statistic,
            "df": 2.0,
            "df_residual": straight.df,
            "p_value": straight.p_value,
        },
        {"assumption": "cook", "statistic": float(pd.Series(found.cook).max()), "df": math.nan, "p_value": math.nan},
    ]
    order = times_of(answers, found)
    if order is not None:
        d = durbin_watson(found, order)
        rows.append({"assumption": "durbin_watson", "statistic": d.statistic, "df": math.nan, "p_value": d.p_value})
    columns = ["assumption", "statistic", "df", "df_residual", "p_value"]
    return pd.DataFrame(rows)[columns].assign(n=found.n)


def times_of(answers: Answers, found: Regression) -> np.ndarray | None:
    """Return the times of return of the rows used, None where the study has none or some are missing."""
    column = answers.survey.study.submitted
    if not column:
        return None
    times = pd.to_datetime(answers.survey.frame[column], errors="coerce")[found.answers.kept]
    return None if times.isna().any() else times.to_numpy()


def make_checks(
    answers: Answers,
    found: Regression,
    tables: dict[str, pd.DataFrame],
    basis: Basis,
    asymmetry: PenaltyReward | None,
    logit: OrderedLogit | None,
    failed: int,
    options: Options,
) -> list[Check]:
    """Return every check of the result, the sample's first."""
    label = answers.survey.label
    checks = sample_checks(answers.survey, basis)
    k = len(found.predictors)
    checks.append(Check.against("drivers_per_predictor", found.answers.n_effective / (k + 1), "n_per_parameter", predictors=k))
    checks.append(Check.against("drivers_r2", found.r2, "r_squared"))
    slopes = found.coefficients.iloc[1:]
    worst = slopes.iloc[int(slopes["vif"].argmax())]
    if k > 1:
        checks.append(Check.against("drivers_vif", float(worst["vif"]), "vif", variable=label(str(worst["term"]))))
    checks += _residual_checks(tables["residuals"], found, label, options)
    reversed_ = tables["importance"].loc[tables["importance"]["sign_reversed"], "variable"] if "importance" in tables else []
    checks.append(
        Check(
            "drivers_sign",
            "warn" if len(reversed_) else "pass",
            float(len(reversed_)),
            0.0,
            "",
            {"variables": [label(v) for v in reversed_]},
        )
    )
    checks += _alphas(tables["description"], label)
    ceiling = _ceiling(answers)
    checks.append(Check.against("drivers_ceiling", ceiling, "importance_ceiling"))
    if logit is not None:
        whole = logit.proportional.iloc[0]
        if not math.isnan(whole["p_value"]):
            bent = logit.proportional.iloc[1:].query("p_value < @limit", local_dict={"limit": 1 - options.confidence})["term"]
            verdict: Any = "warn" if whole["p_value"] < 1 - options.confidence else "pass"
            checks.append(
                Check(
                    "drivers_proportional", verdict, float(whole["p_value"]), 1 - options.confidence, "brant1990",
                    {"statistic": float(whole["statistic"]), "p": float(whole["p_value"]),
                     "variables": [label(v) for v in bent]},
                )
            )  # fmt: skip
        rows = tables["ordered"]
        apart = rows.loc[~rows["agrees"], "variable"]
        checks.append(
            Check(
                "drivers_ordered", "warn" if len(apart) else "pass", float(len(apart)), 0.0, "mccullagh1980",
                {"total": len(rows), "variables": [label(v) for v in apart]},
            )
        )  # fmt: skip
    if asymmetry is not None:
        few = asymmetry.items.loc[asymmetry.items["few_low"] | asymmetry.items["few_high"], "item"]
        smallest = float(asymmetry.items[["n_low", "n_high"]].to_numpy(dtype=float).min())
        checks.append(Check.against("drivers_extremes", smallest, "contrast_group", variables=[label(v) for v in few]))
    if options.bootstrap:
        checks.append(Check.against("drivers_draws", failed / options.bootstrap, "failed_draws"))
    checks += pooled_waves(answers.survey, "drivers_waves")
    if set(np.unique(found.answers.answers[:, -1])) <= {0.0, 1.0}:
        checks.append(Check("drivers_binary", "warn", 2.0, 3.0, "", {}))
    return checks


def _residual_checks(table: pd.DataFrame, found: Regression, label: Any, options: Options) -> list[Check]:
    by: Any = table.set_index("assumption")
    limit = 1 - options.confidence
    skew, kurt = (float(by.loc[t, "statistic"]) for t in ("skewness", "kurtosis"))
    far = max(abs(skew) / CUTOFFS["residual_skewness"].threshold, abs(kurt) / CUTOFFS["residual_kurtosis"].threshold)
    checks = [
        Check(
            "drivers_normal", "pass" if far <= 1 else "warn", skew, CUTOFFS["residual_skewness"].threshold, "west1995",
            {"kurtosis": kurt, "p": float(by.loc["jarque_bera", "p_value"]), "n": found.n},
        )
    ]  # fmt: skip
    for key, test, source in (("drivers_equal", "breusch_pagan", "breusch1979"), ("drivers_straight", "reset", "ramsey1969")):
        p = float(by.loc[test, "p_value"])
        if math.isnan(p):  # too few answers for the test: nothing was asked, so nothing is passed
            continue
        verdict: Any = "pass" if p >= limit else "warn"
        checks.append(Check(key, verdict, p, limit, source, {"statistic": float(by.loc[test, "statistic"]), "p": p}))
    largest = float(by.loc["cook", "statistic"])
    if math.isfinite(largest):
        far_out = float((found.cook > 4 / found.n).sum())
        checks.append(Check.against("drivers_influence", largest, "cook_distance", count=far_out, limit=4 / found.n))
    if "durbin_watson" in by.index:
        d, p = float(by.loc["durbin_watson", "statistic"]), float(by.loc["durbin_watson", "p_value"])
        checks.append(Check("drivers_order", "pass" if p >= limit else "warn", d, 2.0, "durbin1951", {"p": p}))
    return checks


def _alphas(description: pd.DataFrame, label: Any) -> list[Check]:
    """Whether the scores of several items are reliable enough to be predictors: error in them pulls coefficients towards 0."""
    several = description[description["alpha"].notna()]
    if several.empty:
        return []
    worst = several.iloc[int(several["alpha"].argmin())]
    weak: Sequence[Any] = [label(v) for v in several.loc[several["alpha"] < CUTOFFS["alpha"].threshold, "variable"]]
    return [
        Check.against("drivers_alpha", float(worst["alpha"]), "alpha", variable=label(str(worst["variable"])), variables=weak)
    ]


def _ceiling(answers: Answers) -> float:
    """Return the weighted share of respondents whose outcome already stands at the end of its scale."""
    y = answers.outcome.scores
    known = ~np.isnan(y)
    w = answers.weights[known]
    return float(w[y[known] >= answers.outcome.high - 1e-9].sum() / w.sum())
