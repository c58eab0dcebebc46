"""Data quality: what a pre-test says about the items, with intervals that are honest for 20 to 40 respondents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.data_quality.base import NAN, Array, Base, share_columns
from csr_lib.core.errors import CsrError
from csr_lib.stats.box_plot import quantiles
from csr_lib.stats.comparison import mean_interval
from csr_lib.stats.correlation import fisher_interval

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options

#: A sample this small is taken for a pre-test where nothing is said.
PILOT_N = 50
#: Shares at an end of the scale, of missing answers, and item–rest correlation, from which an item is looked at.
END_SHARE, MISSING_SHARE, ITEM_REST = 0.5, 0.1, 0.3


def items_table(base: Base, options: Options) -> pd.DataFrame:
    """One row per rated item: mean, floor, ceiling, item–rest correlation, missing answers, unused grades, and what to do.

    ``construct indicator n mean ci_low ci_high sd floor floor_ci_low … ceiling … item_rest item_rest_ci_low … missing unused
    reading``. ``item_rest``: with the sum of the construct's other items (all other items where a construct has one), from
    rows with both; its interval by Fisher's z. ``reading``: ``constant``, ``missing``, ``item_rest``, ``at_floor``,
    ``at_ceiling`` – the first that applies – or ``fine``.
    """
    survey = base.customers
    place = {c: i for i, c in enumerate([*survey.study.constructs, ""])}
    rows = []
    for key in sorted(base.ratings, key=lambda i: place[_construct(base, str(i))]):  # a construct's items side by side
        name = str(key)
        scale = survey.scale(name)
        x = base.ratings[key].to_numpy(dtype=float)
        known = x[~np.isnan(x)]
        construct = _construct(base, name)
        row: dict[str, Any] = {"construct": construct, "indicator": name, "n": len(known)}
        if not len(known):
            continue
        mean = mean_interval(known, level=options.confidence)
        row |= {"mean": mean.estimate, "ci_low": mean.ci_low, "ci_high": mean.ci_high, "sd": mean.sd}
        low, high = float((known == scale.min).sum()), float((known == scale.max).sum())
        row |= share_columns(low, len(known), options.confidence, "floor")
        row |= share_columns(high, len(known), options.confidence, "ceiling")
        row |= _item_rest(base, name, construct, x, options)
        row["missing"] = (len(x) - len(known)) / len(x)
        whole = scale.measure == "ordinal" and scale.span <= 11
        row["unused"] = int(scale.span) + 1 - len(np.unique(known)) if whole else NAN
        rows.append(row | {"reading": _reading(row)})
    return pd.DataFrame(rows)


def _construct(base: Base, indicator: str) -> str:
    constructs = base.survey.study.constructs
    return next((c for c, e in constructs.items() if indicator in e.indicators), "")


def _item_rest(base: Base, indicator: str, construct: str, x: Array, options: Options) -> dict[str, float]:
    blank = {"item_rest": NAN, "item_rest_ci_low": NAN, "item_rest_ci_high": NAN}
    members = [i for i in base.ratings if construct and str(i) in base.survey.study.constructs[construct].indicators]
    if len(members) < 2:
        return blank
    others = base.ratings[[i for i in members if i != indicator]].to_numpy(dtype=float)
    both = ~np.isnan(x) & ~np.isnan(others).any(axis=1)
    a, b = x[both], others[both].sum(axis=1)
    if both.sum() < 5 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return blank
    r = float(np.corrcoef(a, b)[0, 1])
    low, high = fisher_interval(r, float(both.sum()), options.confidence)
    return {"item_rest": r, "item_rest_ci_low": low, "item_rest_ci_high": high}


def _reading(row: dict[str, Any]) -> str:
    if not row["sd"] > 0:
        return "constant"
    if row["missing"] > MISSING_SHARE:
        return "missing"
    if row["item_rest"] < ITEM_REST:
        return "item_rest"
    if row["floor"] > END_SHARE:
        return "at_floor"
    return "at_ceiling" if row["ceiling"] > END_SHARE else "fine"


def times_table(base: Base) -> pd.DataFrame:
    """Time taken, in minutes: ``n median q1 q3 p10 p90 per_item`` (seconds per question); empty where it is not known."""
    column = base.survey.study.seconds
    if column is None:
        return pd.DataFrame()
    seconds = base.survey.frame[column].to_numpy(dtype=float)
    seconds = seconds[np.isfinite(seconds)]
    if not len(seconds):
        return pd.DataFrame()
    try:
        p10, q1, median, q3, p90 = quantiles(seconds, (0.1, 0.25, 0.5, 0.75, 0.9))
    except CsrError:
        return pd.DataFrame()
    asked = len(base.columns_in_order())
    low, high = _median_interval(np.sort(seconds))
    minutes = {"median": median, "median_ci_low": low, "median_ci_high": high, "q1": q1, "q3": q3, "p10": p10, "p90": p90}
    row = {"n": len(seconds), **{k: v / 60 for k, v in minutes.items()}, "per_item": median / max(1, asked)}
    return pd.DataFrame([row])


def _median_interval(ordered: Array, level: float = 0.95) -> tuple[float, float]:
    """Interval of a median by order statistics (binomial), at least `level`; NaN with fewer than six values."""
    from scipy.special import bdtr

    n = len(ordered)
    below = int(np.sum(bdtr(np.arange(n), n, 0.5) <= (1 - level) / 2))
    return (NAN, NAN) if n < 6 or below == 0 else (float(ordered[below]), float(ordered[n - 1 - below]))


def seen_with(n: int, prevalence: float) -> float:
    """Probability that a flaw which hits a share `prevalence` of respondents shows at least once among n (Perneger et al.
    2015)."""
    return 1 - (1 - prevalence) ** n
