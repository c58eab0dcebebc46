"""study.yml, third part: models, hypotheses, roll-ups, standards, judgements."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from csr_lib.study.parts import Also, Label, Name, Names, Number, Part, Positive, Share, fault


class ModelSpec(Part):
    """A model template, or paths of one's own; `target` is the construct whose index is the headline."""

    short: ClassVar[str | None] = "template"

    template: Literal["acsi", "ecsi", "tcsi", "ccsi"] | None = None
    paths: dict[Name, Names] | None = None
    target: Name | None = None


def _as_sign(value: Any) -> Any:
    return "-" if value == "−" else value


class Hypothesis(Part):
    """A path expected to be positive or negative."""

    id: Name
    from_: Name = Field(alias="from")
    to: Name
    sign: Annotated[Literal["+", "-"], BeforeValidator(_as_sign)] = "+"
    text: Label = ""


class Rollup(Part):
    """Segments from the lowest level to the highest, and the share of each member within its parent."""

    levels: Names = Field(min_length=1)
    shares: dict[Name, dict[Name, Share]] = Field(default_factory=dict)


class Markets(Part):
    """How competitive the market of each segment value is."""

    segment: Name
    competitiveness: dict[Name, Number] = Field(default_factory=dict)


def _as_judgement(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(Fraction(value.replace(" ", "")))
        except (ValueError, ZeroDivisionError):
            raise fault(f"'{value}' is no judgement", "a number above 0, or a fraction such as 1/3") from None
    return value


#: How much more one child of a node matters than another, 1/9 to 9.
Judgement = Annotated[Positive, BeforeValidator(_as_judgement), Also({"type": "string"})]


class Evaluation(Part):
    """Grades of a fuzzy evaluation, weights given by experts, and judgement matrices per node and expert."""

    grades: tuple[Number, ...] | None = Field(default=None, min_length=2)
    experts: dict[Name, dict[Name, Annotated[Number, Field(ge=0)]]] = Field(default_factory=dict)
    ahp: dict[Name, dict[Name, tuple[tuple[Judgement, ...], ...]]] = Field(default_factory=dict)
