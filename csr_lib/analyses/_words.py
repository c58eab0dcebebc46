"""What the sentences, titles and captions of all analyses are made from: labels, and labels with a number behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import pandas as pd

from csr_lib.analyses._findings import rows_of
from csr_lib.analyses._result import AnalysisResult
from csr_lib.core.text import both, number

R = TypeVar("R", bound=AnalysisResult)

#: As many of a list are named in a sentence.
NAMED = 3


def named(label: Any, value: Any, kind: str = "text") -> dict[str, str]:
    """Return ``label (value)``; a number is written in the format `kind`, words stand as they are."""
    written = value if isinstance(value, (dict, list, tuple)) else number(value, kind)
    return both("phrase.named", label=label, value=written)


class Labels(Generic[R]):
    """Labels of one result as its sentences name them; the words of an analysis add what only it speaks of."""

    #: How a number behind a label is written where nothing else is said.
    kind: ClassVar[str] = "score"

    def __init__(self, result: R):
        self.result, self.tables = result, result.tables
        self.limit = 1 - result.confidence

    def label(self, key: str) -> Any:
        """Return the label of a construct, indicator, group …; the key itself where it has none."""
        return self.result.labels.get(key, key)

    def labels(self, keys: Sequence[str]) -> list[Any]:
        """Return the labels of some keys."""
        return [self.label(k) for k in keys]

    def named(self, key: str, value: float, kind: str | None = None) -> dict[str, str]:
        """Return ``label (value)``."""
        return named(self.label(key), value, kind or self.kind)

    def list_of(
        self, frame: pd.DataFrame, key: str, value: str, most: int = NAMED, kind: str | None = None
    ) -> list[dict[str, str]]:
        """Return the first rows of a table as ``label (value)``, in its order."""
        return [self.named(k, v, kind) for k, v in zip(frame[key][:most], frame[value][:most], strict=True)]

    def ranged(self, row: Mapping[str, Any], key: str, value: str = "estimate", kind: str | None = None) -> dict[str, str]:
        """Return ``label (value; low to high)`` of a row: `key` its column of the label; without an interval ``label (value)``.

        The interval stands in the columns ``<value>_ci_low`` and ``<value>_ci_high``, else in ``ci_low`` and ``ci_high``.
        """
        own = f"{value}_ci_low" in row
        low, high = (row[f"{value}_{end}" if own else end] for end in ("ci_low", "ci_high"))
        if math.isnan(low):
            return self.named(row[key], row[value], kind)
        written = {k: number(v, kind or self.kind) for k, v in (("value", row[value]), ("low", low), ("high", high))}
        return both("phrase.ranged", label=self.label(row[key]), **written)

    def ranges_of(
        self, frame: pd.DataFrame, key: str, value: str = "estimate", most: int = NAMED, kind: str | None = None
    ) -> list[dict[str, str]]:
        """Return the first rows of a table as ``label (value; low to high)``, in its order."""
        return [self.ranged(row, key, value, kind) for row in rows_of(frame[:most])]
