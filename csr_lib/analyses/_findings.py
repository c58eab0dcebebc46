"""What the findings of all analyses share: rows of tables, and the limits that checks and simulated data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from csr_lib.core.check import Check, Finding

Row = dict[str, Any]


def rows_of(frame: pd.DataFrame | None) -> list[Row]:
    """Return the rows of a table, column -> value; none of a table that is not there."""
    return [] if frame is None else [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def common_limits(simulated: bool, checks: Iterable[Check]) -> list[Finding]:
    """Return what cannot be believed of any result: simulated answers, and every check that was not passed."""
    found = [Finding("limit_simulated", tone="caution", level="limit")] if simulated else []
    return found + [check.as_limit() for check in checks if check.verdict != "pass"]
