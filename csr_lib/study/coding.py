"""From text to numbers and codes, by the codebook; every value that does not fit is collected, none is dropped.

All work is done on the distinct values of a column, so a hundred thousand rows cost what a hundred do.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.study.parts import Scale

#: What survey platforms write for "skipped by a rule of the questionnaire" and "left empty".
PLATFORM_MISSING = ("-3", "(跳过)", "-2", "(空)")

_TAG = re.compile(r"<[^<>]*>")
_NUMBER = re.compile(r"[-+−]?(?:\d+(?:\.\d*)?|\.\d+)")
_WITH_UNIT = re.compile(r"([-+−]?\d+(?:\.\d+)?)\s*分")
_WITH_LABEL = re.compile(r"([-+−]?\d+)\s*(?:[-–—.、,:：=)]|\s)\s*(\D.*)|([-+−]?\d+)\s*\((\D.*)\)")
_INTEGRAL = re.compile(r"([-+]?\d+)\.0+")


@dataclass
class Column:
    """A coded column and what did not fit.

    Attributes
    ----------
    result : float array, or object array of codes; NaN or None where there is no answer.
    bad : value as written -> (why, rows), rows being positions.
    """

    result: np.ndarray
    bad: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)


class MisfitError(ValueError):
    """A value that does not fit its codebook; the message says why."""


def tidy(value: str) -> str:
    """Return a cell without HTML, with full-width characters made plain and white space collapsed."""
    if value.isascii() and value.isalnum():  # most cells
        return value
    if "<" in value or "&" in value:
        value = html.unescape(_TAG.sub("", value))
    return " ".join(unicodedata.normalize("NFKC", value).split())


def fold(value: str) -> str:
    """Return text in the form in which labels are compared."""
    return tidy(value).casefold()


def as_number(value: str) -> float:
    """Return the number that a tidy text is, NaN where it is none (``1e5`` and ``1,5`` are none)."""
    return float(value.replace("−", "-")) if _NUMBER.fullmatch(value) else math.nan


def as_code(value: str) -> str:
    """Return a tidy text as a code: ``2012.0`` is ``2012``, ``01`` stays ``01``."""
    match = _INTEGRAL.fullmatch(value)
    return match[1] if match else value


def by_value(series: pd.Series, convert: Callable[[str], Any], empty: Any = math.nan) -> Column:
    """Convert the distinct values of a text series; a `MisfitError` is collected with all its rows and left empty."""
    positions, distinct = pd.factorize(series, use_na_sentinel=True)
    bad: dict[str, tuple[str, np.ndarray]] = {}
    converted = np.empty(len(distinct) + 1, dtype=float if empty is not None else object)
    converted[-1] = empty  # where factorize says -1, missing
    for place, value in enumerate(distinct):
        try:
            converted[place] = convert(tidy(str(value)))
        except MisfitError as why:
            converted[place] = empty
            bad[str(value)] = (str(why), np.flatnonzero(positions == place))
    return Column(converted[positions], bad)


class RatingCoder:
    """Turns text into scale points: numbers, labels in any language, and ``5-very satisfied``.

    Parameters
    ----------
    scale : of the item.
    missing : codes that mean no answer; the platforms' own are added where the scale does not hold them.
    labels : further labels of the file, code -> label.
    """

    def __init__(self, scale: Scale, missing: Iterable[str] = (), labels: Mapping[str, str] | None = None):
        self.scale = scale
        self.missing = missing_codes(missing, lambda code: scale.holds(as_number(code)) if code else False)
        self.points = label_points(scale, labels or {})

    def __call__(self, text: str) -> float:
        """Return the scale point of a tidy text, NaN for no answer; raise MisfitError."""
        if not text or as_code(text) in self.missing or text.casefold() in self.missing:
            return math.nan
        value = as_number(text)
        if math.isnan(value):
            value = self.labelled(text)
        if not self.scale.holds(value):
            off = not self.scale.min <= value <= self.scale.max
            raise MisfitError("is off the scale" if off else "lies between two points of the scale")
        return value

    def labelled(self, text: str) -> float:
        """Return the point that a label, or a number with a label, stands for."""
        if text.casefold() in self.points:
            return self.points[text.casefold()]
        if match := _WITH_UNIT.fullmatch(text):
            return as_number(match[1])
        if match := _WITH_LABEL.fullmatch(text):
            value, label = as_number(match[1] or match[3]), (match[2] or match[4]).strip().casefold()
            if self.points.get(label, value) != value:
                raise MisfitError(f"says {value:g}, but its label is that of {self.points[label]:g}")
            return value
        raise MisfitError("is neither a number nor a label of the scale")


def missing_codes(codes: Iterable[str], holds: Callable[[str], bool]) -> frozenset[str]:
    """Return the codes that mean no answer, the platforms' own included where `holds` does not say that they are answers."""
    own = [c for c in PLATFORM_MISSING if not holds(c)]
    return frozenset(fold(as_code(tidy(c))) for c in [*codes, *own])


def label_points(scale: Scale, labels: Mapping[str, str]) -> dict[str, float]:
    """Return folded label -> scale point, of all languages and of the file's own labels where they fit the scale."""
    points: dict[str, float] = {}
    for code, label in labels.items():
        value = as_number(code)
        if scale.holds(value):
            points[fold(label)] = value
    for point, named in scale.labels.items():
        for label in named.values() if isinstance(named, Mapping) else [named]:
            points[fold(str(label))] = point
    return points


class CodeCoder:
    """Turns text into one of the codes of a segment, role, wave or question.

    Parameters
    ----------
    codes : code -> label (text or per language); None takes every code as it stands.
    missing : codes that mean no answer, unless `codes` has them.
    """

    def __init__(self, codes: Mapping[str, Any] | None, missing: Iterable[str] = ()):
        self.codes = codes
        known = set(codes or ())
        self.missing = missing_codes([m for m in missing if m not in known], lambda code: code in known)
        self.names = code_names(codes or {})

    def __call__(self, text: str) -> str | None:
        """Return the code of a tidy text, None for no answer; raise MisfitError."""
        code = as_code(text)
        if self.codes is not None and (found := self.find(text)) is not None:
            return found
        if not text or code in self.missing or text.casefold() in self.missing:
            return None
        if self.codes is None:
            return code
        raise MisfitError("is none of the codes")

    def find(self, text: str) -> str | None:
        """Return the code that a text is or names, None where it is none."""
        for candidate in (text, as_code(text)):
            if candidate in (self.codes or {}):
                return candidate
        if text.casefold() in self.names:
            return self.names[text.casefold()]
        match = _WITH_LABEL.fullmatch(text)
        if match and (code := match[1] or match[3]) in (self.codes or {}):
            label = (match[2] or match[4]).strip().casefold()
            return code if self.names.get(label, code) == code else None
        return None


def code_names(codes: Mapping[str, Any]) -> dict[str, str]:
    """Return folded code or label, in any language -> code."""
    names: dict[str, str] = {}
    for code, label in codes.items():
        for name in label.values() if isinstance(label, Mapping) else [label]:
            if name is not None:
                names[fold(str(name))] = code
    names.update({fold(code): code for code in codes})
    return names


def number(text: str) -> float:
    """Coder of plain numbers (weights, contribution): a number, with thousands separators or without."""
    if not text or text.casefold() in _NO_NUMBER:
        return math.nan
    plain = text.replace(",", "") if re.fullmatch(r"[-+−]?\d{1,3}(,\d{3})+(\.\d*)?", text) else text
    value = as_number(plain)
    if math.isnan(value):
        raise MisfitError("is no number")
    return value


_NO_NUMBER = frozenset(fold(c) for c in PLATFORM_MISSING if c.startswith("("))
_SPANS = ((r"(\d+(?:\.\d+)?)", (1,)), (r"(\d+):(\d{1,2}):(\d{1,2})", (3600, 60, 1)), (r"(\d+):(\d{1,2})", (60, 1)))
_SPOKEN = re.compile(
    r"(?:(\d+)\s*(?:小时|时|h|hours?)\s*)?(?:(\d+)\s*(?:分钟|分|min|m|minutes?)\s*)?(?:(\d+(?:\.\d+)?)\s*(?:秒钟|秒|s|sec|seconds?))?",
    re.I,
)


def seconds(text: str) -> float:
    """Coder of time taken: ``125``, ``125秒``, ``2分5秒``, ``00:02:05``; seconds."""
    if not text or text.casefold() in _NO_NUMBER:
        return math.nan
    for pattern, factors in _SPANS:
        if match := re.fullmatch(pattern, text):
            return sum(float(part) * factor for part, factor in zip(match.groups(), factors, strict=True))
    match = _SPOKEN.fullmatch(text)
    if match and any(match.groups()):
        return sum(float(part or 0) * factor for part, factor in zip(match.groups(), (3600, 60, 1), strict=True))
    raise MisfitError("is no length of time")
