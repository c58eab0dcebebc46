"""AnalysisResult: an analysis declares, and its tables, figures, checks, findings and card follow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
import pytest

from csr_lib.analyses._result import AnalysisResult
from csr_lib.core import text as words_of
from csr_lib.core.check import Check, Finding, Headline
from csr_lib.core.errors import OptionError
from csr_lib.core.result import RESULT_MIME, Basis, Result, Source
from csr_lib.show.cards import short_reference
from csr_lib.show.estimates import intervals
from csr_lib.show.figure import Drawing

WORDS = {
    "analysis.sample": "Sample analysis",
    "sample.table.groups.title": "Index by group, {confidence:percent}",
    "sample.table.groups.note": "Best: {best}.",
    "sample.column.estimate": "Index",
    "sample.figure.groups.caption": "Groups",
    "sample.figure.groups.alt": "Best is {best}.",
    "headline.sample": "Index of {what}",
    "finding.sample": "{what} is best.",
    "finding.limit": "Few answers.",
    "finding.method": "Means were taken.",
    "check.sample.title": "Enough answers?",
    "check.sample.pass": "{value:count} answers.",
    "check.sample.fail": "Only {value:count} answers, {threshold:count} are needed.",
}


@dataclass(frozen=True, kw_only=True)
class SampleResult(AnalysisResult):
    analysis: ClassVar[str] = "sample"
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = {"*": {"estimate": "score"}}
    table_columns: ClassVar[Mapping[str, tuple[str, ...]]] = {"groups": ("group", "estimate", "ci_low", "ci_high", "n")}

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        return {"best": self.label("north", lang)}

    def _draw_groups(self, lang: str) -> Drawing:
        return intervals(self.tables["groups"], labels=self.labels, lang=lang)


@pytest.fixture(autouse=True)
def _words(monkeypatch: pytest.MonkeyPatch) -> None:
    real = words_of.catalogue
    monkeypatch.setattr(words_of, "catalogue", lambda lang: {**real(lang), **WORDS})


@pytest.fixture
def result() -> SampleResult:
    frame = pd.DataFrame({"group": ["north", "<b>"], "estimate": [74.26, 71.0], "extra": [1, 2], "n": [430, 1200]})
    frame = frame.assign(ci_low=frame.estimate - 1, ci_high=frame.estimate + 1)
    north = {"zh": "北部", "en": "<i>North</i>"}
    return SampleResult(
        source=Source(
            "s", {"zh": "电力", "en": "Power <x>"}, excluded={"duplicate": 3}, n_read=1633, hashes={"study.yml": "ab" * 32}
        ),
        basis=Basis(1630, 1500.5, "sampling", "listwise", 12),
        lang="en",
        options={"confidence": 0.9},
        seed=7,
        tables={"groups": frame},
        labels={"north": north},
        drawn_from={"groups": ("groups",)},
        headline=(Headline("sample", 73.456, "score", 72.0, 75.0, {"what": north}),),
        found=(
            Finding("sample", {"what": north}, "good", "key"),
            Finding("limit", tone="caution", level="limit"),
            Finding("method", level="method"),
        ),
        checks=(
            Check("sample", "fail", 20, 30, "nunnally1994"),
            Check("sample", "pass", 50, 30, "csr_convention"),
        ),
        references=("fornell1996",),
        withheld=({"zh": "西部", "en": "West"},),
    )


def test_a_table_has_title_format_basis_and_what_was_withheld(result: SampleResult) -> None:
    shown = result.table("groups")
    assert shown.title == "Index by group, 90%"
    assert shown.headings == ("Group", "Index", "90% CI", "n")
    assert shown.rows[0] == ("<i>North</i>", "74.3", "[73.3, 75.3]", "430")
    assert "n = 1,630 (effective n 1,500); with sampling weights; missing answers: listwise deletion (12 left" in shown.note
    assert "Best: <i>North</i>." in shown.note
    assert "West" in shown.note


def test_a_figure_has_caption_alternative_text_and_name(result: SampleResult) -> None:
    figure = result.figure()
    assert (figure.name, figure.caption, figure.alt) == ("groups", "Groups", "Best is <i>North</i>.")
    assert result.figure("groups", "zh").alt == "Best is 北部."
    assert result.plot().axes


@pytest.mark.parametrize("ask", [lambda r: r.table("group"), lambda r: r.figure("group"), lambda r: r.table("groups", "fr")])
def test_what_there_is_not_is_refused_with_what_there_is(result: SampleResult, ask: Any) -> None:
    with pytest.raises(OptionError, match="unknown"):
        ask(result)


def test_checks_carry_verdict_in_words_sentence_and_source(result: SampleResult) -> None:
    html = result.show_checks().html
    assert html.count('<tr class="csr-check fail">') == html.count('<tr class="csr-check pass">') == 1
    assert "failed" in html
    assert "Only 20 answers, 30 are needed." in html
    assert "Nunnally &amp; Bernstein (1994)" in html
    assert "Convention of this library" in html


def test_findings_stand_under_their_headings(result: SampleResult) -> None:
    html = result.show_findings().html
    assert re.search(r"<h4>Findings</h4><ul><li[^>]*>&lt;i&gt;North&lt;/i&gt; is best\.</li></ul>", html)
    assert re.search(r"<h4>What cannot be relied on</h4><ul><li[^>]*>Few answers\.</li></ul>", html)
    assert "Means were taken" not in html
    assert "Few answers" not in result.show_findings(level="key").html


def test_the_method_lists_the_references_of_method_and_checks_but_not_conventions(result: SampleResult) -> None:
    html = result.show_method().html
    assert "Means were taken." in html
    assert "Fornell" in html
    assert "Nunnally" in html
    assert "convention of this library" not in html


def test_provenance_says_what_is_needed_to_compute_again(result: SampleResult) -> None:
    html = result.show_provenance().html
    reason = words_of.text("study.rule.duplicate", "en")
    for part in ("1,633", f"{reason}: 3", "abab", "confidence: 0.9", "West", "1,630", "<td>7</td>"):
        assert part in html


def test_the_card_carries_the_whole_result_and_escapes_everything(result: SampleResult) -> None:
    bundle = result._repr_mimebundle_()
    assert "<i>" not in bundle["text/html"]
    assert "<x>" not in bundle["text/html"]
    assert "73.5" in bundle["text/html"]
    assert "[72.0,\u00a075.0]" in bundle["text/html"]
    back = Result.from_dict(json.loads(json.dumps(bundle[RESULT_MIME])))
    assert type(back) is SampleResult
    assert back.tables["groups"].equals(result.tables["groups"])
    assert back.found == result.found


def test_every_shown_piece_escapes_survey_text(result: SampleResult) -> None:
    pieces = [getattr(result, f"show_{what}")() for what in ("headline", "checks", "findings", "method", "provenance")]
    for piece in (*pieces, result.table("groups"), result.figure()):
        assert "<i>" not in piece._repr_html_()
        assert "<b>" not in piece._repr_html_()


@pytest.mark.parametrize(
    ("key", "short"),
    [
        ("fornell1996", "Fornell et al. (1996)"),
        ("henseler2015", "Henseler et al. (2015)"),
        ("kaiser1974", "Kaiser (1974)"),
        ("hu1999", "Hu & Bentler (1999)"),
        ("hair2022", "Hair et al. (2022)"),
        ("iso10004", "ISO 10004:2018"),
        ("gbt19038", "GB/T 19038-2009"),
        ("", ""),
    ],
)
def test_references_are_shortened(key: str, short: str) -> None:
    assert short_reference(key, "en") == short
