"""study.yml, fourth part: targets, operational figures and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from csr_lib.study.parts import Also, Condition, Duration, Label, Name, Part, Quantity, Score


def _by_wave(value: Any) -> Any:
    return value if isinstance(value, Mapping) else {"all": value}


#: Wave -> 0 to 100; ``all`` where study.yml gives one number.
Target = Annotated[
    dict[Name, Score],
    BeforeValidator(_by_wave),
    Also({"type": "number"}),
]


class Metric(Part):
    """One figure from operational records.

    ``rate`` is rows that meet `numerator` over rows that meet `denominator`; ``duration`` the time from `from` to `to` of rows
    that meet `where`, also by the types in `by`; ``count`` the rows that meet `where`; ``value`` a `statistic` of `column`.
    `better` says which way is good; by default high for rates and values, low for durations and counts.
    """

    label: Label | None = None
    kind: Literal["rate", "duration", "count", "value"]
    numerator: Condition = Field(default_factory=dict)
    denominator: Condition = Field(default_factory=dict)
    where: Condition = Field(default_factory=dict)
    column: Name | None = None
    from_: Name | None = Field(default=None, alias="from")
    to: Name | None = None
    by: Name | None = None
    limit: Duration | None = None
    statistic: Literal["mean", "median", "p90", "p95", "min", "max", "sum"] = "mean"
    target: Quantity | None = None
    better: Literal["low", "high"] | None = None

    @property
    def good(self) -> Literal["low", "high"]:
        """Which way is good."""
        return self.better or ("high" if self.kind in ("rate", "value") else "low")


class Operations(Part):
    """A file with one row per order, ticket or day; `columns` says which are its time, respondent and segments.

    `values` names codes of its columns, for tables by type: column -> code -> label.
    """

    file: Name
    encoding: Name | None = None
    sheet: Name | None = None
    columns: dict[Name, Name] = Field(default_factory=dict)
    values: dict[Name, dict[Name, Label]] = Field(default_factory=dict)
    metrics: dict[Name, Metric] = Field(default_factory=dict)


class Levels(Part):
    """From where on a warning is yellow, orange, red."""

    yellow: Quantity | None = None
    orange: Quantity | None = None
    red: Quantity | None = None


class WarningRule(Part):
    """A measure that is watched: a metric, outcome, construct or indicator, with levels per customer tier (or ``all``).

    Levels of outcomes, constructs and indicators are on 0–100, those of rates shares, those of durations lengths of time.
    """

    measure: Name
    better: Literal["low", "high"] = "high"
    tiers: dict[Name, Levels] = Field(min_length=1)
