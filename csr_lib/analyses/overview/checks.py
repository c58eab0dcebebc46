"""Overview: may these numbers be believed? Groups, expected counts, ceilings, weights of the index, pooled waves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses._checks import pooled_waves, sample_checks
from csr_lib.core.check import Check

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import Options
    from csr_lib.analyses.overview.groups import Grouped
    from csr_lib.analyses.overview.scores import Scores
    from csr_lib.study import Survey


def make_checks(
    survey: Survey, scores: Scores, by_group: Grouped, tables: Mapping[str, pd.DataFrame], options: Options
) -> list[Check]:
    """Return every check of the result, the sample's first."""
    checks = [*sample_checks(scores.survey, scores.basis), *_ceiling(tables)]
    if scores.plan.unstated:
        lacking = [survey.label(k) for k in scores.plan.unstated]
        checks.append(Check("overview_points", "warn", float(len(lacking)), 0.0, "", {"parts": lacking}))
    checks += _weightings(tables)
    checks += pooled_waves(scores.survey, "overview_waves")
    if not math.isnan(by_group.least):
        checks.append(Check.against("overview_groups", float(by_group.least), "group_n", groups=by_group.small))
    if not math.isnan(by_group.smallest_expected):
        checks.append(Check.against("overview_expected", by_group.smallest_expected, "expected_count"))
    if by_group.ranks_compared:
        share = by_group.ranks_disagree / by_group.ranks_compared
        values = {"apart": by_group.ranks_disagree, "total": by_group.ranks_compared}
        checks.append(Check.against("overview_ranks", share, "exceptional_share", **values))
    worst = tables["weakest_link"].iloc[0]
    if worst["difference"] == worst["difference"]:
        label = survey.label(str(worst["indicator"]))
        checks.append(Check.against("overview_failures", float(worst["n_dissatisfied"]), "group_n", indicator=label))
    return checks


def _ceiling(tables: Mapping[str, pd.DataFrame]) -> list[Check]:
    """How many ratings stand at the very top, from where nothing can be told to be better."""
    frame = tables.get("distribution")
    if frame is None:
        return []
    last = [c for c in frame.columns if str(c).startswith("grade_")][-1]
    share = float((frame[last] * frame["n"]).sum() / frame["n"].sum())
    return [Check.against("overview_ceiling", share, "expectation_ceiling")]


def _weightings(tables: Mapping[str, pd.DataFrame]) -> list[Check]:
    """How far the index moves with the way in which indicators are weighted, in points of 0–100."""
    frame = tables["index"]
    if len(frame) < 2:
        return []
    chosen = float(frame.loc[frame["chosen"], "estimate"].iloc[0])
    apart: Any = (frame["estimate"] - chosen).abs().max()
    return [
        Check.against(
            "overview_weightings", float(apart), "index_weightings", low=frame["estimate"].min(), high=frame["estimate"].max()
        )
    ]
