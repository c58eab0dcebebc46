"""study.yml, first part: where the answers are and how they were gathered."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from csr_lib.study.parts import Code, Codes, Condition, Count, Label, Name, Names, Number, Part, Positive, Role, Share, fault


class AnswerFile(Part):
    """One file of answers; `wave` and `role` hold for all its rows, `sheet` is for workbooks."""

    short: ClassVar[str | None] = "file"

    file: Name
    wave: Code | None = None
    role: Role | None = None
    encoding: Name | None = None
    sheet: Name | None = None


class RoleKey(Part):
    """The column that says who answered, and which of its codes is which role."""

    short: ClassVar[str | None] = "column"

    column: Name
    values: dict[Name, Role] = Field(default_factory=dict)


class WaveKey(Part):
    """The column that says which wave a row belongs to (or none, where each file is one wave)."""

    short: ClassVar[str | None] = "column"

    column: Name | None = None
    order: Codes | None = None
    periods: dict[Name, tuple[date, date]] = Field(default_factory=dict)
    labels: dict[Name, Label] = Field(default_factory=dict)
    panel: bool = False

    @field_validator("periods")
    @classmethod
    def _forward(cls, value: dict[str, tuple[date, date]]) -> dict[str, tuple[date, date]]:
        for wave, (start, end) in value.items():
            if end < start:
                raise fault(f"the period of {wave} ends before it starts", "[first day, last day]", "exchange the dates")
        return value


class Segment(Part):
    """A trait that groups respondents: coded by `values`, listed in `order`, cut at `bins`, or taken as it stands.

    `bins` are lower edges: [20, 30] gives under 20, 20 to under 30, 30 and over.
    """

    short: ClassVar[str | None] = "column"

    column: Name | None = None
    label: Label | None = None
    values: dict[Name, Label] | None = None
    order: Codes | None = None
    bins: tuple[Number, ...] | None = Field(default=None, min_length=1)
    missing: Codes | None = None

    @field_validator("bins")
    @classmethod
    def _rising(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value and any(b <= a for a, b in pairwise(value)):
            raise fault("the bins do not rise", "edges from the lowest to the highest, each once", "sort them")
        return value

    def bin_codes(self) -> tuple[str, ...]:
        """Return the codes that `bins` make: ``-20``, ``20-30``, ``30-``; a lower edge belongs to its bin."""
        edges = [f"{b:g}" for b in self.bins or ()]
        return (f"-{edges[0]}", *(f"{low}-{high}" for low, high in pairwise(edges)), f"{edges[-1]}-") if edges else ()


class Question(Part):
    """Another question that a report may describe."""

    column: Name | None = None
    columns: Names | None = None
    label: Label | None = None
    type: Literal["single", "multi", "number", "text"] = "single"
    separator: Annotated[str, Field(min_length=1)] = "┋"
    values: dict[Name, Label] | None = None
    order: Codes | None = None
    missing: Codes | None = None


class Weighting(Part):
    """Population shares that the answers are raked to; weights beyond `trim` times their mean are cut."""

    margins: dict[Name, dict[Name, Share]] = Field(min_length=1)
    trim: Annotated[Number, Field(gt=1)] | None = None

    @field_validator("margins")
    @classmethod
    def _whole(cls, value: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for segment, shares in value.items():
            total = sum(shares.values())
            if abs(total - 1) > 0.005:
                raise fault(f"the shares of {segment} add to {total:g}", "shares of the population that add to 1", "correct them")
            if min(shares.values()) <= 0:
                raise fault(f"a share of {segment} is 0", "shares above 0", "leave out groups that the population does not have")
        return {s: {v: share / sum(shares.values()) for v, share in shares.items()} for s, shares in value.items()}


class Outcomes(Part):
    """Final dispositions of the sample (AAPOR): complete, partial, refusal, non-contact, other, unknown; e = eligible share."""

    I: Count = 0  # noqa: E741 - AAPOR's own letter
    P: Count = 0
    R: Count = 0
    NC: Count = 0
    O: Count = 0  # noqa: E741
    UH: Count = 0
    UO: Count = 0
    e: Share = 1.0


class SamplingCounts(Part):
    """What was sent out and what came back."""

    issued: Count | None = None
    issued_by: dict[Name, dict[Name, Count]] = Field(default_factory=dict)
    returned: Count | None = None
    valid: Count | None = None
    population: Count | None = None
    strata: Name | None = None
    quotas: dict[Name, dict[Name, Count]] = Field(default_factory=dict)
    outcomes: Outcomes | None = None


class Sampling(SamplingCounts):
    """The sample, for the whole study and, where they differ, per wave."""

    per_wave: dict[Name, SamplingCounts] = Field(default_factory=dict)


class Contradiction(Part):
    """Two conditions that no careful respondent meets at once; reports say the `label`, else the conditions in words."""

    id: Name
    label: Label | None = None
    if_: Condition = Field(alias="if", min_length=1)
    and_: Condition = Field(alias="and", min_length=1)


class Cleaning(Part):
    """Rules that mark careless or impossible answers; `exclude` says which of them drop a row.

    `speeder` is in seconds; `straight_line` the share of equal answers from which a row counts as one; `long_string` the number
    of equal answers one after the other; `identical` marks rows that repeat another's ratings; `attention` maps a column to the
    code that was asked for.
    """

    speeder: Positive | None = None
    straight_line: Annotated[Share, Field(gt=0)] | None = None
    long_string: Annotated[int, Field(ge=3)] | None = None
    identical: bool = False
    attention: Condition = Field(default_factory=dict)
    contradictions: tuple[Contradiction, ...] = ()
    exclude: Names = ()
