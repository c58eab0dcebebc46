"""Rows of a small table one by one, by the names of their columns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd


def rows(frame: pd.DataFrame) -> list[Any]:
    """Return the rows of a frame as objects with its columns as attributes (also one that is called ``index``)."""
    return [SimpleNamespace(**{str(k): v for k, v in record.items()}) for record in frame.to_dict("records")]
