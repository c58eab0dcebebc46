"""Words: the catalogues of both languages, labels, numbers as text, and escaping."""

from __future__ import annotations

import html
import math
import re
import string
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import yaml

LANGUAGES = ("zh", "en")

#: How each kind of number is written where something is shown. Full precision stays in the tables.
FORMATS = {
    "points": "{:.2f}",  # scale points
    "signed": "{:+.2f}",  # differences in scale points
    "score": "{:.1f}",  # 0-100
    "signed_score": "{:+.1f}",
    "share": "{:.1%}",
    "percent": "{:.0%}",
    "signed_share": "{:+.1%}",
    "coefficient": "{:.3f}",
    "signed_coefficient": "{:+.3f}",
    "p_value": "{:.3f}",  # in tables
    "p": "p\u00a0=\u00a0{:.3f}",  # in sentences, where it must not break over two lines
    "count": "{:,.0f}",
    "signed_count": "{:+.0f}",
    "decimal": "{:.2f}",
    "amount": "{:,.2f}",  # of unknown size: from 1,000 on without decimals
    "text": "{}",
}

#: A part of a sentence that needs numbers which are not always there.
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)

#: Space with a Chinese character or full-width sign on either side.
_FOLDED = re.compile(r"(?<=[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef])\s+(?=[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef])")

#: Where a value begins and ends in a Chinese sentence, and what stands on either side of a space that is there or is lacking.
_EDGE = "\ue000"
_HAN, _SIGN = "\u4e00-\u9fff", "\u3000-\u303f\uff00-\uffef"
_LACKING = re.compile(f"(?<=[{_HAN}]){_EDGE}+(?=[0-9A-Za-zα-ω+−])|(?<=[0-9A-Za-zα-ω%²]){_EDGE}+(?=[{_HAN}])")
_NEEDLESS = re.compile(f"(?<=[{_HAN}])(?: {_EDGE}+|{_EDGE}+ )(?=[{_HAN}{_SIGN}])|(?<=[{_SIGN}])(?: {_EDGE}+|{_EDGE}+ )")


@cache
def catalogue(lang: str) -> dict[str, str]:
    """Return every sentence and word of `lang`, dotted key -> template.

    All ``catalogue/<lang>/*.yml`` are merged; a key that stands in two files is an error.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"unknown language '{lang}'; allowed: {', '.join(LANGUAGES)}")
    merged: dict[str, str] = {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    folder = resources.files("csr_lib.core") / "catalogue" / lang
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yml"):
            for key, value in _flatten(yaml.load(file.read_text(encoding="utf-8"), Loader=loader) or {}):
                if key in merged:
                    raise ValueError(f"catalogue/{lang}/{file.name}: key '{key}' stands in another file too")
                merged[key] = value
    return merged


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        found += _flatten(value, f"{name}.") if isinstance(value, Mapping) else [(name, str(value).strip("\n"))]
    return found


def has_text(key: str, lang: str) -> bool:
    """Tell whether the catalogue of `lang` has `key`."""
    return key in catalogue(lang)


def text(key: str, lang: str, **values: Any) -> str:
    """Return the catalogue's sentence `key` in `lang`, filled with `values`; plain text, not escaped.

    Values that are labels (``{"zh": …, "en": …}``) are resolved, sequences joined as the language joins them,
    missing numbers written as a dash. A format specification may name one of `FORMATS` (``{gap:signed}``), be ``inner`` (a
    label within a sentence, see `inner`) or a Python one (``{gap:+.2f}``). What stands in double square brackets is left out
    where a number in it is missing (``{share:percent}[[ ({low:percent} to {high:percent})]]`` without an interval). In Chinese a
    space stands between a character and the Latin letters or digits that a value begins or ends with, and no other.
    """
    templates = catalogue(lang)
    if key not in templates:
        raise KeyError(f"catalogue/{lang} has no '{key}'")
    whole = _OPTIONAL.sub(lambda part: "" if _lacks_a_number(part[1], values) else part[1], templates[key])
    filled = _Formatter(lang).vformat(whole, (), values)
    return _NEEDLESS.sub("", _LACKING.sub(" ", filled)).replace(_EDGE, "") if lang == "zh" else filled


def both(key: str, **values: Any) -> dict[str, str]:
    """Return the catalogue's sentence `key` in every language, to stand as a value in another sentence."""
    return {lang: text(key, lang, **values) for lang in LANGUAGES}


def _lacks_a_number(template: str, values: Mapping[str, Any]) -> bool:
    named = [values[name] for _, name, _, _ in string.Formatter().parse(template) if name]
    return any(v is None or (_is_number(v) and math.isnan(v)) for v in named)


class _Formatter(string.Formatter):
    def __init__(self, lang: str):
        self.lang = lang

    def format_field(self, value: Any, format_spec: str) -> str:
        written = self._written(value, format_spec)
        return f"{_EDGE}{written}{_EDGE}" if self.lang == "zh" else written

    def _written(self, value: Any, format_spec: str) -> str:
        if format_spec == "inner":
            return inner(value, self.lang)
        if isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str)):
            return words(value, self.lang)
        if format_spec in FORMATS:
            return number(value, format_spec)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return "–"
        return super().format_field(value, format_spec).replace("-", "−") if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or hasattr(value, "dtype")


def number(value: Any, kind: str) -> str:
    """Write a number in one of the `FORMATS`; a missing number is a dash, an infinite one ∞, a minus sign a real minus."""
    if value is None or (_is_number(value) and math.isnan(value)):
        return "–"
    if kind == "text" or not _is_number(value):
        return str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if kind in ("p_value", "p") and value < 0.001:
        return "<0.001" if kind == "p_value" else "p\u00a0<\u00a00.001"
    if kind == "p" and 0.0495 <= value < 0.05:  # not "0.050" for what is below the usual level
        return f"p\u00a0=\u00a0{int(value * 1e4) / 1e4:.4f}"
    written = FORMATS["count" if kind == "amount" and abs(value) >= 1000 else kind].format(value)
    if not any(ch in written for ch in "123456789"):  # no "-0.00"
        written = written.replace("-", "").replace("+", "")
    return written.replace("-", "−")


def words(value: Any, lang: str) -> str:
    """Return a label (string or ``{"zh": …, "en": …}``) or a sequence of labels in `lang`, plain text."""
    if isinstance(value, Mapping):
        return str(value.get(lang) or next(iter(value.values()), ""))
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = [words(v, lang) for v in value]
        if lang == "zh":
            return "、".join(parts)
        return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + (" and " + parts[-1] if parts else "")
    return str(value)


def inner(value: Any, lang: str) -> str:
    """Return a label as it stands within an English sentence: "Customer size" becomes "customer size".

    Labels begin with a capital because they head columns. The first letter is lowered where it is the only capital of the label,
    so that acronyms and names of several words keep theirs ("VIP level", "China Mobile"). A name of one word cannot be told from
    a common noun: for labels of segments, which name a property, never for those of groups, companies or items.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        return words([inner(v, lang) for v in value], lang)
    label = words(value, lang)
    lone = lang == "en" and label[:1].isupper() and label[1:2].islower() and label[1:] == label[1:].lower()
    return label[0].lower() + label[1:] if lone else label


def unfolded(value: str) -> str:
    """Take out the spaces between Chinese characters that folding a long text over several lines puts there."""
    return _FOLDED.sub("", value)


def escape(value: str) -> str:
    """Make text safe inside HTML. Everything that came from a study or an answer passes through here."""
    return html.escape(str(value), quote=True)


@cache
def references() -> dict[str, str]:
    """Return the literature, key -> full reference."""
    file = resources.files("csr_lib.core") / "references.yml"
    loaded: dict[str, str] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded
