"""Data quality: missing answers by item, by pattern and by place in the questionnaire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.data_quality.base import NAN, Base, share_columns
from csr_lib.core.errors import CsrError
from csr_lib.stats.comparison import independent_difference
from csr_lib.stats.missingness import little_mcar, missing_patterns

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options

#: Rows of the pattern table and items of its picture.
PATTERNS, ITEMS = 10, 30


@dataclass(frozen=True, eq=False)
class Missing:
    """Tables ``missing_items patterns mcar``; `complete` is the share of complete rows, `why` says why no test was made."""

    tables: dict[str, pd.DataFrame]
    complete: float
    broke_off: float
    answers_missing: float
    why: str = ""


def missing_answers(base: Base, options: Options) -> Missing:
    """Describe what is missing among the kept answers of customers and users."""
    survey = base.customers
    columns: dict[tuple[str, str], np.ndarray] = {}
    place = {c: i for i, c in enumerate(base.columns_in_order())}
    order: dict[tuple[str, str], int] = {}
    for kind in survey.study.kinds():
        if kind.startswith("competitor:") or not survey.asked(kind):
            continue
        ratings = survey.ratings(kind)
        for key in ratings:
            rating = next((r for role in survey.roles if (r := survey.study.rating(str(key), kind, role))), None)
            columns[kind, str(key)] = ratings[key].to_numpy(dtype=float)
            order[kind, str(key)] = place.get(rating.column, len(place)) if rating else len(place)
    if not columns:
        return Missing({}, NAN, NAN, NAN, "no_ratings")
    columns = dict(sorted(columns.items(), key=lambda item: order[item[0]]))
    lost = np.isnan(np.column_stack(list(columns.values())))
    items = _items(columns, base, options)
    tables = {"missing_items": items}
    perceptions = base.ratings
    if perceptions.isna().to_numpy().any():
        tables["patterns"] = _patterns(perceptions)
    why = ""
    try:
        test = little_mcar(perceptions)
        tables["mcar"] = pd.DataFrame(
            [
                {
                    "statistic": test.statistic,
                    "df": test.df,
                    "p_value": test.p_value,
                    "patterns": test.patterns,
                    "n": test.n,
                    "incomplete": int(perceptions.loc[perceptions.notna().any(axis=1)].isna().any(axis=1).sum()),
                }
            ]
        )
    except CsrError:
        why = "complete" if not perceptions.isna().to_numpy().any() else "untestable"
    broke = _broke_off(lost)
    return Missing(tables, float((~lost.any(axis=1)).mean()), broke, float(lost.mean()), why)


def _items(columns: dict[tuple[str, str], np.ndarray], base: Base, options: Options) -> pd.DataFrame:
    """``kind indicator place n n_missing share share_ci_low share_ci_high difference difference_ci_low …``: how much lower or
    higher those who left an item out rate all the others (0–100)."""
    points = {}
    for (kind, key), values in columns.items():
        if kind == "perception":
            points[key] = np.asarray(base.customers.scale(key).to_100(values))
    rated = np.column_stack(list(points.values())) if points else np.empty((len(base.ratings), 0))
    rows = []
    for position, ((kind, key), values) in enumerate(columns.items()):
        here = np.isnan(values)
        row: dict[str, Any] = {"kind": kind, "indicator": key, "place": position + 1, "n": int((~here).sum())}
        row |= {"n_missing": int(here.sum()), **share_columns(float(here.sum()), len(values), options.confidence, "share")}
        row |= dict.fromkeys(("difference", "difference_ci_low", "difference_ci_high"), NAN)
        if kind == "perception" and here.sum() >= max(5, base.survey.study.min_cell):
            others = np.delete(rated, list(points).index(key), axis=1)
            known = ~np.isnan(others)
            with np.errstate(invalid="ignore", divide="ignore"):
                x = np.where(known.any(axis=1), np.where(known, others, 0).sum(axis=1) / known.sum(axis=1), NAN)
            try:
                found = independent_difference(x[here], x[~here], level=options.confidence)
                row |= {"difference": found.estimate, "difference_ci_low": found.ci_low, "difference_ci_high": found.ci_high}
            except CsrError:
                pass
        rows.append(row)
    return pd.DataFrame(rows)


def _patterns(ratings: pd.DataFrame) -> pd.DataFrame:
    """The most frequent patterns: a boolean column per item that anybody lacks, ``n share missing``; the complete rows first."""
    frame = missing_patterns(ratings)
    lacking = [c for c in ratings if ratings[c].isna().any()][:ITEMS]
    whole = frame["missing"] == 0
    frame = pd.concat([frame[whole], frame[~whole]], ignore_index=True)
    return frame.loc[: PATTERNS - 1, [*lacking, "n", "share", "missing"]]


def _broke_off(lost: np.ndarray) -> float:
    """Share of rows that stop: some of the first and none of the last three answers, in the order of the questionnaire."""
    if lost.shape[1] < 6:
        return NAN
    return float((lost[:, -3:].all(axis=1) & ~lost[:, :3].all(axis=1)).mean())
