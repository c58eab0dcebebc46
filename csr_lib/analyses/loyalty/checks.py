"""Loyalty: may the curve and the types be believed? Sizes of the levels, a ceiling, the cut-offs of the types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from csr_lib.analyses._checks import sample_checks
from csr_lib.analyses.loyalty.measure import ALL, TYPES, Measured
from csr_lib.core.check import Check
from csr_lib.core.result import Basis

if TYPE_CHECKING:
    from csr_lib.study import Survey


def make_checks(survey: Survey, data: Measured, tables: Mapping[str, pd.DataFrame], basis: Basis) -> list[Check]:
    """Return the checks of the sample and those of loyalty.

    The smallest level of all customers against 30; the share with the highest possible loyalty (a ceiling, 50 %, 80 %);
    the widest range of a type's share over the grid of cut-offs (0.20, 0.40).
    """
    levels = tables["levels"]
    whole = levels[levels["group"] == ALL]
    smallest = whole.sort_values("n", kind="stable").iloc[0]
    top = float(data.frame.loc[data.frame["loyalty"] >= 100 - 1e-9, "weight"].sum() / data.frame["weight"].sum())
    grid = tables["sensitivity"]
    ranges = {t: float(grid[t].max() - grid[t].min()) for t in TYPES}
    widest = max(ranges, key=ranges.__getitem__)
    from csr_lib.core.text import both

    checks = [*sample_checks(survey, basis)]
    checks.append(Check.against("loyalty_level", float(smallest["n"]), "group_n", level=both(f"value.level.{smallest['level']}")))
    if data.frame["loyalty"].nunique() > 2:
        checks.append(Check.against("loyalty_ceiling", top))
    checks.append(
        Check.against(
            "loyalty_cuts",
            ranges[widest],
            type=both(f"loyalty.type.{widest}"),
            low=float(grid[widest].min()),
            high=float(grid[widest].max()),
        )
    )
    return checks
