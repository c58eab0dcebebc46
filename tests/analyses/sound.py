"""What every result promises, whatever went into it: whole sentences, no missing number shown, JSON and back."""

import math
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES, catalogue

_BROKEN = re.compile(r"\b(nan|inf)\b|\{\w+(:\w+)?\}|\[\[|<NA>|np\.float", re.IGNORECASE)


def assert_sound(result: Result) -> None:
    """Raise AssertionError with everything that a reader of the result should not see."""
    faults = [*_sentences(result), *_headline(result), *_tables(result)]
    assert not faults, "\n".join(faults)
    again = Result.from_json(result.to_json())
    assert again.to_json() == result.to_json()


def _sentences(result: Result) -> Iterator[str]:
    for lang in LANGUAGES:
        for f in result.found:
            if _BROKEN.search(f.sentence(lang)):
                yield f"{f.key}: {f.sentence(lang)}"
            for name in _missing(f"finding.{f.key}", lang, f.values):
                yield f"{f.key} shows no number for {name}: {f.sentence(lang)}"
        for c in result.checks:
            if _BROKEN.search(c.sentence(lang) + c.title(lang)):
                yield f"{c.key}: {c.sentence(lang)}"
            values = {"value": c.value, "threshold": c.threshold, **c.values}
            for name in _missing(f"check.{c.key}.{c.verdict}", lang, values) if c.verdict == "pass" else ():
                yield f"{c.key} passes without a number for {name}: {c.sentence(lang)}"


def _missing(key: str, lang: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the places of a sentence that a missing number would stand in; what is in [[ ]] is left out then."""
    template = re.sub(r"\[\[.*?\]\]", "", catalogue(lang)[key])
    for _, name, spec, _ in string.Formatter().parse(template):
        value = values.get(name or "", "")
        if name and spec and (value is None or (isinstance(value, (float, np.floating)) and not math.isfinite(value))):
            yield name


def _headline(result: Result) -> Iterator[str]:
    yield from (f"headline {h.key}: {h.value}" for h in result.headline if not math.isfinite(h.value))


def _tables(result: Result) -> Iterator[str]:
    for name, frame in result.tables.items():
        for column in frame.select_dtypes("number"):
            if np.isinf(frame[column].to_numpy(dtype=float)).any():
                yield f"table {name}, column {column}: infinite"
