"""What the parts of study.yml are made of: labels, codes, numbers, durations, scales, items."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from csr_lib.core.text import LANGUAGES

Role = Literal["customer", "user", "management", "staff"]
ROLES: tuple[Role, ...] = ("customer", "user", "management", "staff")


def fault(message: str, allowed: str = "", mend: str = "") -> PydanticCustomError:
    """Return the error of a value, with what is allowed and how to mend it."""
    return PydanticCustomError("study", "{message}", {"message": message, "allowed": allowed, "mend": mend})


def as_code(value: Any) -> Any:
    """Return a code as text: 1 and 1.0 are ``"1"``; lists and mappings are left for the type to refuse."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    return value


def _as_label(value: Any) -> Any:
    if isinstance(value, Mapping):
        unknown = [k for k in value if k not in LANGUAGES]
        if unknown or not value:
            raise fault(
                f"a label has the keys {', '.join(map(str, value)) or '(none)'}",
                "text, or {zh: …, en: …}",
                "name the languages zh and en",
            )
        return {k: str(as_code(v)) for k, v in value.items()}
    if isinstance(value, list) or value is None:
        raise fault("a label is text", "text, or {zh: …, en: …}", "write it as text, in quotes where it has a colon")
    return as_code(value)


def _as_number(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        raise fault("is no number", "a number", "write the number, without quotes or units")
    return value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


_DURATION = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(s|sec|min|m|h|d|w)\s*")
_SECONDS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATIONS = "a number with s, min, h, d or w, as in 24h or 30min"


def _as_duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise fault(f"'{value}' is no duration", _DURATIONS, "write the unit behind the number")
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


def _as_quantity(value: Any) -> Any:
    if isinstance(value, (timedelta, int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return _as_duration(value)
    raise fault(
        f"'{value}' is neither a number nor a duration", f"a number, or {_DURATIONS}", "write a number, or one with a unit"
    )


class Also:
    """Marks a type that takes shorter forms too, for the JSON schema."""

    def __init__(self, *schemas: dict[str, Any]):
        self.schemas = schemas

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [*self.schemas, handler(core_schema)]}


PLAIN = {"type": ["string", "number"]}

_CODE_SCHEMA = {"type": ["string", "number", "boolean"]}

#: One string, or one per language.
Label = Annotated[str | dict[str, str], BeforeValidator(_as_label)]
#: A code as it stands in the answers, always text.
Code = Annotated[str, BeforeValidator(as_code), WithJsonSchema(_CODE_SCHEMA)]
#: A code that is a key, or the name of a column, segment or construct.
Name = Annotated[str, BeforeValidator(as_code), Field(min_length=1)]
#: One code or a list of them.
Codes = Annotated[tuple[Code, ...], BeforeValidator(_as_list), Also(_CODE_SCHEMA)]
#: One name or a list of them.
Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list), Also(PLAIN)]
#: A finite number.
Number = Annotated[float, BeforeValidator(_as_number), Field(allow_inf_nan=False)]
#: A finite number above 0.
Positive = Annotated[float, BeforeValidator(_as_number), Field(gt=0, allow_inf_nan=False)]
#: A share of a whole.
Share = Annotated[float, BeforeValidator(_as_number), Field(ge=0, le=1)]
#: How many, a whole number.
Count = Annotated[int, BeforeValidator(_as_number), Field(ge=0)]
#: 0 to 100.
Score = Annotated[float, BeforeValidator(_as_number), Field(ge=0, le=100)]
#: A length of time.
Duration = Annotated[timedelta, BeforeValidator(_as_duration), WithJsonSchema({"type": "string"})]
#: A number, or a length of time.
Quantity = Annotated[
    float | timedelta, BeforeValidator(_as_quantity), WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})
]
#: Column, question or outcome -> the codes that meet the condition. Several columns must all be met.
Condition = dict[Name, Codes]


class Part(BaseModel):
    """Base of every part of study.yml: frozen, and strict about its keys.

    ``short`` names the key that a plain value stands for (``importance: I1`` is ``importance: {column: I1}``); a part whose
    keys are all optional may be left empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    short: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        if value is None and not any(f.is_required() for f in cls.model_fields.values()):
            return {}
        if cls.short and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return {cls.short: value}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        shorter: list[dict[str, Any]] = [PLAIN] if cls.short else []
        if not any(f.is_required() for f in cls.model_fields.values()):
            shorter.append({"type": "null"})
        if shorter:
            full = handler.resolve_ref_schema(schema)
            inner = dict(full)
            full.clear()
            full.update({"anyOf": [*shorter, inner]})
        return schema


def _labels_schema(schema: dict[str, Any]) -> None:
    by_lang = {"type": "object", "properties": {lang: {"type": "array"} for lang in LANGUAGES}, "additionalProperties": False}
    by_point = {k: schema.pop(k) for k in ("type", "additionalProperties", "propertyNames") if k in schema}
    schema["anyOf"] = [{"type": "array"}, by_lang, by_point]


class Scale(Part):
    """A rating scale.

    Attributes
    ----------
    min, max : its end points, both of them valid answers.
    measure : ``ordinal`` (grades: whole points only), ``interval`` (fractions allowed) or ``continuous``.
    labels : point -> label. In study.yml a list from `min` to `max`, one such list per language, or ``{point: label}``.
    """

    min: Number
    max: Number
    measure: Literal["ordinal", "interval", "continuous"] = "ordinal"
    labels: dict[float, Label] = Field(default_factory=dict, json_schema_extra=_labels_schema)

    @field_validator("max")
    @classmethod
    def _wide(cls, value: float, info: ValidationInfo) -> float:
        if "min" in info.data and value <= info.data["min"]:
            raise fault(f"max {value:g} is not above min {info.data['min']:g}", "min below max", "exchange them")
        return value

    @field_validator("labels", mode="before")
    @classmethod
    def _by_point(cls, value: Any, info: ValidationInfo) -> Any:
        if "min" not in info.data or "max" not in info.data:
            return {}
        low, high = info.data["min"], info.data["max"]
        if isinstance(value, list):
            return dict(zip(_points(low, high, len(value)), value, strict=True))
        if isinstance(value, Mapping) and value and all(k in LANGUAGES for k in value):
            merged: dict[float, dict[str, Any]] = {}
            for lang, names in value.items():
                if not isinstance(names, list):
                    raise fault(f"the labels in {lang} are no list", "a list from the lowest to the highest point")
                for point, name in zip(_points(low, high, len(names)), names, strict=True):
                    merged.setdefault(point, {})[lang] = name
            return merged
        if not isinstance(value, Mapping):
            raise fault("labels are a list or a mapping", "[lowest, …, highest], {zh: […], en: […]} or {point: label}")
        for key in value:
            try:
                inside = low <= float(key) <= high
            except (TypeError, ValueError):
                inside = False
            if not inside:
                raise fault(f"'{key}' is no point of the scale", f"points from {low:g} to {high:g}", "name points, or zh and en")
        return value

    @field_validator("labels")
    @classmethod
    def _distinct(cls, value: dict[float, Any]) -> dict[float, Any]:
        seen: dict[str, float] = {}
        for point, named in value.items():
            for label in named.values() if isinstance(named, Mapping) else [named]:
                if seen.setdefault(label.strip().casefold(), point) != point:
                    raise fault(f"the label '{label}' stands for two points", "a label of its own for each point", "rename one")
        return value

    @property
    def span(self) -> float:
        """Width of the scale in scale points."""
        return self.max - self.min

    @property
    def middle(self) -> float:
        """Middle of the scale in scale points."""
        return (self.min + self.max) / 2

    def holds(self, value: float) -> bool:
        """Tell whether `value` is a valid answer."""
        whole = float(value).is_integer() or not (self.min.is_integer() and self.max.is_integer())
        return self.min <= value <= self.max and (self.measure != "ordinal" or whole)

    def to_100(self, value: Any) -> Any:
        """Turn scale points (number, array, series or frame) into 0-100."""
        return (value - self.min) / self.span * 100

    def describe(self) -> str:
        """Say what a valid answer is, for error messages."""
        kind = "whole numbers" if self.measure == "ordinal" and self.min.is_integer() and self.max.is_integer() else "numbers"
        return f"{kind} from {self.min:g} to {self.max:g}"


def _points(low: float, high: float, count: int) -> list[float]:
    if low + count - 1 != high:
        raise fault(
            f"{count} labels for a scale from {low:g} to {high:g}",
            f"{high - low + 1:g} labels, one per point",
            "give every point a label, or only some of them as {point: label}",
        )
    return [low + i for i in range(count)]


class Item(Part):
    """One question: a column, and what differs from the indicator's scale, missing codes and direction."""

    short: ClassVar[str | None] = "column"

    column: Name
    scale: Scale | None = None
    missing: Codes | None = None
    reverse: bool | None = None


def _by_role(value: Any) -> Any:
    if isinstance(value, Mapping) and "column" not in value and value and any(k in ROLES for k in value):
        return value
    return {"all": value}


#: Who was asked -> the item; ``all`` where study.yml names no role.
Measure = Annotated[
    dict[Literal["all", "customer", "user", "management", "staff"], Item],
    BeforeValidator(_by_role),
    Also(PLAIN, {"type": "object", "required": ["column"]}),
]
