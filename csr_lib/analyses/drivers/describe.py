"""Drivers: who answered, how the answers are distributed, box plots by group, correlations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._rows import rows
from csr_lib.analyses.drivers.plan import Answers, Variable
from csr_lib.core.errors import CsrError
from csr_lib.stats.box_plot import box
from csr_lib.stats.comparison import mean_interval, share_interval
from csr_lib.stats.correlation import correlations
from csr_lib.stats.moments import moments
from csr_lib.stats.reliability import alpha_of

if TYPE_CHECKING:
    from csr_lib.analyses.drivers.analysis import Options
    from csr_lib.study import Survey

NAN = math.nan
#: A scale of more grades is described by its moments only.
MOST_GRADES = 11


def sample_table(survey: Survey, segments: Sequence[str]) -> tuple[pd.DataFrame | None, list[Any]]:
    """Return who answered, by segment: ``segment group n share``, and the labels of the groups withheld.

    ``share`` is weighted, of those whose group is known.
    """
    rows: list[dict[str, Any]] = []
    withheld: list[Any] = []
    weights = np.asarray(survey.weights, dtype=float)
    for segment in segments:
        found = survey.groups(segment, total_shown=True)
        withheld += [label for label in found.withheld if label not in withheld]
        known = survey.codes[segment].notna().to_numpy()
        for group in found:
            there = (survey.codes[segment] == group.value).to_numpy()
            share = share_interval(there[known].astype(float), weights[known], kind=survey.weight_kind)  # type: ignore[arg-type]
            rows.append(
                {
                    "segment": segment,
                    "group": f"{segment}={group.value}",
                    "n": group.n,
                    "share": share.estimate,
                    "ci_low": share.ci_low,
                    "ci_high": share.ci_high,
                }
            )
    return (pd.DataFrame(rows) if rows else None), withheld


def description_table(answers: Answers, options: Options) -> pd.DataFrame:
    """One row per variable: mean with interval, standard deviation, index on 0–100, shape, and Cronbach's alpha of its items."""
    rows = []
    for v in answers.everything:
        m = mean_interval(v.scores, answers.weights, kind=answers.kind, level=options.confidence)
        low, high = sorted((v.index(m.ci_low), v.index(m.ci_high)))
        skewness, kurtosis = _shape(v.scores, answers.weights)
        rows.append(
            {
                "variable": v.key,
                "part": "outcome" if v is answers.outcome or v in answers.targets else "predictor",
                "items": max(1, len(v.items)),
                "n": m.n,
                "n_effective": m.n_effective,
                "mean": m.estimate,
                "ci_low": m.ci_low,
                "ci_high": m.ci_high,
                "sd": m.sd,
                "low": v.low,
                "high": v.high,
                "index": v.index(m.estimate),
                "index_ci_low": low,
                "index_ci_high": high,
                "skewness": skewness,
                "kurtosis": kurtosis,
                "alpha": _alpha(answers, v),
            }
        )
    return pd.DataFrame(rows)


def _shape(x: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    known = ~np.isnan(x)
    w = weights[known] / weights[known].sum()
    e = x[known] - w @ x[known]
    m2 = w @ e**2
    return (float(w @ e**3 / m2**1.5), float(w @ e**4 / m2**2 - 3)) if m2 > 0 else (NAN, NAN)


def _alpha(answers: Answers, v: Variable) -> float:
    """Return Cronbach's alpha of the items of a variable, NaN for a single item or where it does not exist."""
    if len(v.items) < 2:
        return NAN
    try:
        found = moments(answers.survey.ratings("perception", v.items), answers.weights, kind=answers.kind)
    except CsrError:
        return NAN
    return float(alpha_of(found.cov))


def frequency_table(answers: Answers) -> pd.DataFrame | None:
    """One row per item in grades: weighted share of every grade (``grade_1`` …), n; None where no item has grades.

    Items of the predictors and outcomes; a grade that an item's scale does not have is NaN.
    """
    survey, study = answers.survey, answers.survey.study
    columns: dict[str, tuple[np.ndarray, Any]] = {}
    for v in answers.everything:
        if v.items:
            ratings = survey.ratings("perception", v.items)
            columns |= {i: (ratings[i].to_numpy(dtype=float), survey.scale(i)) for i in v.items}
        elif study.outcome_rating(v.key) is not None:
            columns[v.key] = (v.scores, survey.outcome_scale(v.key))
    rows = []
    for key, (values, scale) in columns.items():
        grades = _grades(scale)
        known = ~np.isnan(values)
        if not grades or not known.any():
            continue
        w = answers.weights[known]
        row: dict[str, Any] = {"item": key, "n": int(known.sum()) if answers.kind != "frequency" else float(w.sum())}
        row |= {f"grade_{g}": float(w[values[known] == g].sum() / w.sum()) for g in grades}
        rows.append(row)
    if not rows:
        return None
    found = sorted({int(c.removeprefix("grade_")) for r in rows for c in r if c.startswith("grade_")})
    return pd.DataFrame(rows, columns=["item", "n", *(f"grade_{g}" for g in found)])


def _grades(scale: Any) -> list[int]:
    whole = scale is not None and float(scale.min).is_integer() and float(scale.max).is_integer()
    if not whole or scale.measure != "ordinal" or scale.max - scale.min + 1 > MOST_GRADES:
        return []
    return list(range(int(scale.min), int(scale.max) + 1))


# ---- box plots


def box_table(answers: Answers, segments: Sequence[str]) -> pd.DataFrame | None:
    """Box plots of outcome and predictors by group; ``outliers`` is the count and ``outlying`` the values beyond the whiskers."""
    rows = []
    for segment in segments:
        for group in answers.survey.groups(segment, total_shown=True):
            here = (answers.survey.codes[segment] == group.value).to_numpy()
            for v in (answers.outcome, *answers.predictors):
                values = np.where(here, v.scores, np.nan)
                if (~np.isnan(values)).sum() < answers.survey.study.min_cell:
                    continue
                b = box(values, answers.weights, kind=answers.kind)
                m = mean_interval(values, answers.weights, kind=answers.kind)
                rows.append(
                    {
                        "segment": segment,
                        "group": f"{segment}={group.value}",
                        "variable": v.key,
                        "n": b.n,
                        "mean": m.estimate,
                        "whisker_low": b.whisker_low,
                        "q1": b.q1,
                        "median": b.median,
                        "q3": b.q3,
                        "whisker_high": b.whisker_high,
                        "outliers": int(b.outlying.sum()),
                        "outlying": sorted({float(x) for x in values[b.outlying]}),
                    }
                )
    return pd.DataFrame(rows) if rows else None


def outlier_table(boxes: pd.DataFrame) -> pd.DataFrame:
    """Sum the box plots up: per variable the outliers in all groups, and the group that has most of them ("" where none has)."""
    rows = []
    for variable, part in boxes.groupby("variable", sort=False):
        worst = part.iloc[int(part["outliers"].argmax())]
        rows.append(
            {
                "variable": variable,
                "segments": part["segment"].nunique(),
                "groups": len(part),
                "n": int(part.groupby("segment")["n"].sum().max()),
                "outliers": int(part["outliers"].sum()),
                "most_in": worst["group"] if worst["outliers"] else None,
            }
        )
    return pd.DataFrame(rows)


# ---- correlations


def correlation_table(answers: Answers, options: Options) -> pd.DataFrame:
    """Every pair of variables: Pearson's r with Fisher's interval, p, and p adjusted by Holm over all pairs.

    Each pair uses all respondents who answered both. With sampling weights n is the effective n of the pair, and the test is
    approximate.
    """
    scores = answers.frame(answers.everything)
    pairs = correlations(scores, answers.weights, kind=answers.kind, confidence=options.confidence)
    return pairs.rename(columns={"one": "variable"})


def correlation_matrix(pairs: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the pairs as a square table, ``variable`` and a column per variable, ones in the diagonal."""
    square = pd.DataFrame(np.eye(len(keys)), index=list(keys), columns=list(keys))
    for row in rows(pairs):
        square.loc[row.variable, row.other] = square.loc[row.other, row.variable] = row.estimate
    return square.rename_axis("variable").reset_index()
