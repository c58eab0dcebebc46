"""study.yml, second part: what was measured."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from csr_lib.study.parts import Also, Codes, Item, Label, Measure, Name, Names, Part, Positive, Scale, Share

#: What a rating of an indicator can be; competitors are ``competitor:<name>``.
KINDS = ("perception", "importance", "expectation", "adequate")


def _by_wave(value: Any) -> Any:
    return dict.fromkeys(value, "wording") if isinstance(value, (list, tuple)) else value


#: Wave -> what of the question differs from that wave on; a plain list of waves means the wording.
Changed = Annotated[
    dict[Name, Literal["wording", "scale", "wording and scale"]], BeforeValidator(_by_wave), Also({"type": "array"})
]


class Indicator(Part):
    """What is measured: its perception, and perhaps its importance, expectation, least acceptable level, competitors.

    `changed` names the waves from which on the question was asked otherwise (``{"2013": wording}``): figures before and after
    are not compared.
    """

    short: ClassVar[str | None] = "perception"

    label: Label | None = None
    perception: Measure | None = None
    importance: Measure | None = None
    expectation: Measure | None = None
    adequate: Measure | None = None
    competitors: dict[Name, Item] = Field(default_factory=dict)
    points: Positive | None = None
    scale: Scale | None = None
    missing: Codes | None = None
    reverse: bool = False
    changed: Changed = Field(default_factory=dict)


def _as_indicators(value: Any) -> Any:
    return {str(key): {} for key in value} if isinstance(value, list) else value


#: Key -> indicator; a plain list of keys will do.
Indicators = Annotated[dict[Name, Indicator], BeforeValidator(_as_indicators), Field(min_length=1), Also({"type": "array"})]


class ConstructEntry(Part):
    """A dimension or latent variable: its indicators, or the constructs that it is made `of`."""

    label: Label | None = None
    indicators: Names = ()
    of: Names = ()
    mode: Literal["A", "B", "reflective"] = "A"
    points: Positive | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return {"indicators": value} if isinstance(value, list) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        handler.resolve_ref_schema(schema)["anyOf"].append({"type": "array"})
        return schema


class Competition(Part):
    """Where one row is one brand rated: the column of the brand, which of them is us, and market shares."""

    brand: Name
    us: Name
    shares: dict[Name, Share] = Field(default_factory=dict)


OUTCOMES = (
    "satisfaction",
    "expectation_met",
    "loyalty",
    "repurchase",
    "recommendation",
    "complaint",
    "defect",
    "contribution",
)
OutcomeName = Literal[
    "satisfaction", "expectation_met", "loyalty", "repurchase", "recommendation", "complaint", "defect", "contribution"
]


class Outcome(Part):
    """A column or construct with a known meaning.

    A `column` that has the name of a construct means the construct: the mean of its indicators. `top` is how many of the
    highest points count as satisfied; `yes` the codes that mean that it happened.
    """

    short: ClassVar[str | None] = "column"

    column: Name | None = None
    construct_: Name | None = Field(default=None, alias="construct")
    label: Label | None = None
    scale: Scale | None = None
    top: Annotated[int, Field(ge=1)] | None = None
    yes: Codes | None = None
    missing: Codes | None = None
    reverse: bool = False
