"""Data quality: the questionnaires that came back, kept or not, and what is measured with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.stats.comparison import MeanEstimate, share_interval

if TYPE_CHECKING:
    from csr_lib.study import Survey

Array = np.ndarray
NAN = math.nan
ALL = "all"
#: Segments with more values than this are not taken apart.
MOST_GROUPS = 12


@dataclass(frozen=True, eq=False)
class Base:
    """All rows of the file that the survey's filters select, whether cleaning kept them or not.

    Attributes
    ----------
    survey : the answers kept.
    rows : positions of all selected rows; `repeated` tells which of them are second entries of the same questionnaire, `kept`
        which cleaning left.
    """

    survey: Survey
    rows: Array
    repeated: Array
    kept: Array

    @classmethod
    def of(cls, survey: Survey) -> Base:
        """Select the rows of the file by the filters of `survey`."""
        codes = survey.data.codes
        chosen = np.ones(len(codes), dtype=bool)
        for by, values in survey.filters.items():
            chosen &= codes[by].isin(values).to_numpy()
        rows = np.flatnonzero(chosen)
        again = survey.marks.loc[survey.marks["rule"] == "duplicate", "position"]
        return cls(survey, rows, np.isin(rows, again), np.isin(rows, survey.rows))

    @cached_property
    def whole(self) -> Survey:
        """Everything selected as a survey, excluded rows too."""
        return replace(self.survey, rows=self.rows)

    @property
    def returned(self) -> Array:
        """Which rows are questionnaires that came back, second entries left out."""
        return ~self.repeated

    @cached_property
    def marks(self) -> pd.DataFrame:
        """Marks of the selected rows, with ``at``, the place of the row in `rows`."""
        marks = self.survey.marks
        marks = marks[marks["position"].isin(self.rows)].reset_index(drop=True)
        return marks.assign(at=np.searchsorted(self.rows, marks["position"].to_numpy(dtype=int)))

    @cached_property
    def codes(self) -> pd.DataFrame:
        """Codes of the selected rows."""
        return self.survey.data.codes.iloc[self.rows].reset_index(drop=True)

    @cached_property
    def customers(self) -> Survey:
        """The kept answers of customers and users about the own brand."""
        return self.survey.customers()

    @cached_property
    def ratings(self) -> pd.DataFrame:
        """Perceptions of the kept customers, in scale points."""
        return self.customers.ratings("perception")

    def groups(self, by: str) -> tuple[list[str], list[Any]]:
        """Return the values of a segment that may be shown, and the labels of those that are withheld."""
        found = self.survey.groups(by, total_shown=True)
        return [g.value for g in found.shown], list(found.withheld)

    def columns_in_order(self) -> list[str]:
        """Return the columns of ratings in the order of the file."""
        place = {str(c): i for i, c in enumerate(self.survey.data.raw.frame.columns)}
        named = dict.fromkeys(r.column for r in self.survey.study.ratings())
        return sorted(named, key=lambda c: place.get(c, len(place)))


def points(survey: Survey, kind: str = "perception") -> pd.DataFrame:
    """Return ratings of all rows of a survey on 0–100, by indicator."""
    ratings = survey.ratings(kind)
    return pd.DataFrame(
        {i: survey.scale(str(i), kind).to_100(ratings[i].to_numpy(dtype=float)) for i in ratings}, index=ratings.index
    )


def measures(survey: Survey) -> dict[str, Array]:
    """Return what the study's headline numbers are means of, one value per row (0–100; shares as 0 and 100).

    ``index`` (mean of a respondent's ratings), ``satisfied`` (the share in the top boxes), ``satisfaction`` (its mean), ``nps``
    (−100, 0, 100), and the constructs (as ``construct:<name>``) where there are two or more; one that is nothing but the
    satisfaction already named is left out.
    """
    study = survey.study
    found: dict[str, Array] = {}
    if not survey.asked("perception"):
        return found
    rated = points(survey)
    found["index"] = _row_means(rated.to_numpy())
    entry = study.outcomes.get("satisfaction")
    if entry is not None:
        scale = survey.outcome_scale("satisfaction")
        values = survey.outcome("satisfaction").to_numpy(dtype=float)
        if entry.yes is not None:
            found["satisfied"] = 100 * values
        elif scale is not None:
            found["satisfaction"] = np.asarray(scale.to_100(values))
            if entry.top:
                found["satisfied"] = np.where(np.isnan(values), NAN, 100.0 * (values > scale.max - entry.top))
    scale = survey.outcome_scale("recommendation") if "recommendation" in study.outcomes else None
    if scale is not None and scale.max == 10 and scale.min in (0, 1):
        values = survey.outcome("recommendation").to_numpy(dtype=float)
        found["nps"] = np.where(np.isnan(values), NAN, 100.0 * (values >= 9) - 100.0 * (values <= 6))
    parts = {c: [i for i in study.leaves(c) if i in rated.columns] for c, e in study.constructs.items() if e.indicators}
    parts = {c: members for c, members in parts.items() if members}
    if len(parts) > 1:
        means = {c: _row_means(rated[members].to_numpy()) for c, members in parts.items()}
        overall = found.get("satisfaction", np.array([]))
        found |= {f"construct:{c}": x for c, x in means.items() if not np.array_equal(x, overall, equal_nan=True)}
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _row_means(values: Array) -> Array:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known.any(axis=1), np.where(known, values, 0).sum(axis=1) / known.sum(axis=1), NAN)


def wilson(hits: float, n: float, level: float) -> tuple[float, float, float]:
    """Return a share of counts and its Wilson interval; NaN where there is nothing to count."""
    if not n > 0:
        return NAN, NAN, NAN
    found: MeanEstimate = share_interval([1.0, 0.0], [max(hits, 0.0), max(n - hits, 0.0)], kind="frequency", level=level)
    return found.estimate, found.ci_low, found.ci_high


def share_columns(hits: float, n: float, level: float, name: str = "estimate") -> dict[str, float]:
    """Return a share of counts with its interval as columns of a table."""
    p, low, high = wilson(hits, n, level)
    prefix = "" if name == "estimate" else f"{name}_"
    return {name: p, f"{prefix}ci_low": low, f"{prefix}ci_high": high}


def segments_of(survey: Survey, most: int = MOST_GROUPS) -> list[str]:
    """Return the segments of two to `most` values."""
    return [s for s in survey.study.segments if 2 <= len(survey.values(s)) <= most]


def default_groups(survey: Survey, given: Sequence[str] | None) -> list[str]:
    """Return the segments that field work is looked at by: those asked for, or those that the sample was planned by."""
    if given is not None:
        return list(given)
    entry = survey.study.sampling
    planned: Mapping[str, Any] = {**entry.issued_by, **({entry.strata: 1} if entry.strata else {})} or entry.quotas
    return [s for s in planned if s in survey.study.segments and 2 <= len(survey.values(s)) <= MOST_GROUPS][:2]
