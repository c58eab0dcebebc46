"""A Check asks one question about whether a number may be believed; a Finding states one thing found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import LANGUAGES, has_text, text

Verdict = Literal["pass", "warn", "fail"]
Tone = Literal["good", "bad", "caution", "neutral"]
Level = Literal["key", "detail", "limit", "action", "method"]


@dataclass(frozen=True)
class Check:
    """One question about whether a number may be believed.

    Attributes
    ----------
    key : name in the catalogue; its sentences are ``check.<key>.pass | warn | fail`` and its title ``check.<key>.title``.
    verdict : ``pass``, ``warn`` (usable with care) or ``fail`` (do not rely on what it names).
    value : the number that was judged, if it is one.
    threshold : the cut-off that it was judged against.
    source : key of the reference that the threshold comes from.
    values : further values for the sentence; labels as ``{"zh": …, "en": …}``.
    """

    key: str
    verdict: Verdict
    value: float | None = None
    threshold: float | None = None
    source: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def against(cls, key: str, value: float, cutoff: str | None = None, **values: Any) -> Check:
        """Judge `value` by the row `cutoff` (default: `key`) of the table of cut-offs."""
        rule = CUTOFFS[cutoff or key]
        return cls(key, rule.verdict(value), float(value), rule.threshold, rule.source, values)

    def sentence(self, lang: str) -> str:
        """Return the check in words, plain text (not escaped); ``none`` of the catalogue where there is nothing to count."""
        kind = "none" if self.value == 0 and self.verdict == "pass" and has_text(f"check.{self.key}.none", lang) else self.verdict
        return text(f"check.{self.key}.{kind}", lang, value=self.value, threshold=self.threshold, **self.values)

    def title(self, lang: str) -> str:
        """Return what was asked, plain text."""
        return text(f"check.{self.key}.title", lang)

    def as_limit(self) -> Finding:
        """Return the check as a finding of what cannot be believed."""
        return Finding("limit_check", {"sentence": {lang: self.sentence(lang) for lang in LANGUAGES}}, "caution", "limit")


@dataclass(frozen=True)
class Finding:
    """One thing that was found, as a catalogue key and its values; the sentence is made where it is shown.

    Attributes
    ----------
    key : name in the catalogue, without the leading ``finding.``.
    values : what the sentence names; labels as ``{"zh": …, "en": …}``, lists are joined.
    tone : colours the sentence in the report.
    level : ``key`` goes to the top of the report, ``detail`` to the conclusion, ``limit`` under what cannot be believed,
        ``action`` under recommendations, ``method`` into the paragraph that can be cited.
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    tone: Tone = "neutral"
    level: Level = "detail"

    def sentence(self, lang: str) -> str:
        """Return the finding in words, plain text (not escaped)."""
        return text(f"finding.{self.key}", lang, **self.values)


@dataclass(frozen=True)
class Headline:
    """A number for a card at the top of the report.

    Attributes
    ----------
    key : name in the catalogue, ``headline.<key>``; `values` fill it.
    value : the number; `unit` names its format in `csr_lib.core.text.number` (``points``, ``score``, ``share``, ``count``, …).
    ci_low, ci_high : its interval where there is one.
    note : an optional Finding shown in small print.
    """

    key: str
    value: float
    unit: str = "score"
    ci_low: float | None = None
    ci_high: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    tone: Tone = "neutral"
    note: Finding | None = None
