"""Pieces of HTML that a Result is shown as: headline cards, checks, findings, the method, where the answers came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from csr_lib.core.check import Check, Headline
from csr_lib.core.result import Basis, Result
from csr_lib.core.text import escape, has_text, number, references, text, words
from csr_lib.show.tables import NOTEBOOK_STYLE

#: Verdicts are told by a sign and a word beside the colour of the class ``csr-check <verdict>``.
SIGNS = {"pass": "✓", "warn": "!", "fail": "✗"}
_LEVEL_TITLES = {"key": "findings", "detail": "findings", "action": "recommendations", "limit": "limits"}
_INITIALS = re.compile(r"(?:[^\W\d_]{1,2}\.[\s-]*)+")
_STANDARD = re.compile(r"[A-Z/]+ \d+[-:]\d{4}")
#: "A convention of this library" is no literature.
_NOT_CITED = frozenset({"csr_convention"})


def basis_sentence(basis: Basis, lang: str) -> str:
    """Return on whom and how a number was computed: n, effective n, weights, missing-data rule; plain text."""
    parts = [text("basis.n" if basis.n == basis.n_effective else "basis.n_effective", lang, **vars(basis))]
    parts.append(text(f"basis.weights.{basis.weights}", lang))
    parts.append(text(f"basis.missing.{basis.missing_rule}", lang, n_missing=basis.n_missing))
    return text("basis.sentence", lang, parts=("；" if lang == "zh" else "; ").join(parts))


def table_note(basis: Basis, lang: str, *further: str) -> str:
    """Return the note under a table: the basis and what else there is to say; plain text."""
    return text("table.note", lang, note=sentences([basis_sentence(basis, lang), *further], lang))


def sentences(parts: Iterable[str], lang: str) -> str:
    """Put sentences behind one another: with a space where the language sets one."""
    return ("" if lang == "zh" else " ").join(p for p in parts if p)


def headline_cards(headlines: Sequence[Headline], lang: str, confidence: float = 0.95) -> str:
    """Return the numbers at the top of a report as cards; "" without any."""
    if not headlines:
        return ""
    return f'<div class="csr-cards">{NOTEBOOK_STYLE}{"".join(_headline(h, lang, confidence) for h in headlines)}</div>'


def _headline(h: Headline, lang: str, confidence: float) -> str:
    parts = [
        f'<div class="csr-label">{escape(text(f"headline.{h.key}", lang, **h.values))}</div>',
        f'<div class="csr-value">{escape(number(h.value, h.unit))}</div>',
    ]
    if h.ci_low is not None and h.ci_high is not None:
        interval = f"[{number(h.ci_low, h.unit)},\u00a0{number(h.ci_high, h.unit)}]"
        parts.append(
            f'<div class="csr-interval">{escape(text("card.interval", lang, interval=interval, confidence=confidence))}</div>'
        )
    if h.note is not None:
        parts.append(f'<div class="csr-small">{escape(h.note.sentence(lang))}</div>')
    return f'<div class="csr-card {escape(h.tone)}">{"".join(parts)}</div>'


def checks_table(checks: Sequence[Check], lang: str) -> str:
    """Return all checks as a table: verdict (sign and word), what was asked, the sentence, where the threshold comes from."""
    if not checks:
        return f'<p class="csr-note">{escape(text("card.no_checks", lang))}</p>'
    heads = "".join(
        f'<th scope="col">{escape(text(f"column.{c}", lang))}</th>' for c in ("verdict", "check", "reading", "source_of")
    )
    rows = "".join(
        f'<tr class="csr-check {escape(c.verdict)}"><td class="csr-verdict">{verdict(c.verdict, lang)}</td>'
        f'<th scope="row">{escape(c.title(lang))}</th><td>{escape(c.sentence(lang))}</td>'
        f'<td class="csr-small">{escape(short_reference(c.source, lang))}</td></tr>'
        for c in checks
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="csr-table csr-checks">{NOTEBOOK_STYLE}{table}</div>'


def verdict(name: str, lang: str) -> str:
    """Return a verdict as a sign and a word, HTML."""
    return f'<span class="csr-sign" aria-hidden="true">{SIGNS[name]}</span> {escape(text(f"verdict.{name}", lang))}'


def short_reference(key: str, lang: str) -> str:
    """Return a reference as it stands in a table: authors and year of the full one; the convention of the library named so."""
    if not key:
        return ""
    if has_text(f"reference.{key}", lang):
        return text(f"reference.{key}", lang)
    full = references().get(key, key)
    head, bracket, rest = full.partition("(")
    year = rest.partition(")")[0]
    if not (bracket and year[:4].isdigit()):
        standard = _STANDARD.match(full)
        return standard[0] if standard else full.partition(". ")[0]
    authors = [part.strip() for part in head.replace("&", ",").split(",")]
    surnames = [a for a in authors if a and not _INITIALS.fullmatch(a)]
    if len(surnames) > 2:
        return text("card.et_al", lang, first=surnames[0], year=year)
    return f"{' & '.join(surnames)} ({year})"


def findings_lists(result: Result, lang: str, levels: Sequence[str]) -> str:
    """Return what was found, what is recommended and what cannot be believed, each under its heading; "" without any."""
    out: list[str] = []
    for title in dict.fromkeys(_LEVEL_TITLES[level] for level in levels):
        of = [level for level in levels if _LEVEL_TITLES[level] == title]
        items = [
            f'<li class="csr-{escape(f.level)} {escape(f.tone)}">{escape(f.sentence(lang))}</li>'
            for level in of
            for f in result.found
            if f.level == level
        ]
        if items:
            out.append(f"<h4>{escape(text(f'card.{title}', lang))}</h4><ul>{''.join(items)}</ul>")
    return f'<div class="csr-findings">{"".join(out)}</div>' if out else ""


def method_paragraph(result: Result, lang: str) -> str:
    """Return the sentences about the method as a paragraph to cite, and the references that it rests on."""
    said = sentences(result.findings(lang, level="method"), lang)
    keys = [k for k in dict.fromkeys([*result.references, *(c.source for c in result.checks)]) if k and k not in _NOT_CITED]
    cited = "".join(f"<li>{escape(full)}</li>" for full in sorted(references().get(k, k) for k in keys))
    paragraph = f'<p class="csr-method">{escape(said)}</p>' if said else ""
    if not cited:
        return paragraph
    return f'{paragraph}<h4>{escape(text("card.references", lang))}</h4><ul class="csr-references">{cited}</ul>'


def provenance_rows(result: Result, lang: str) -> list[tuple[str, str]]:
    """Return where the answers came from and how the result can be computed again, as names and values; plain text."""
    source = result.source
    rows: list[tuple[str, str]] = []

    def row(key: str, value: Any) -> None:
        if value not in ("", None, {}, []):
            rows.append((text(f"provenance.{key}", lang), str(value)))

    row("study", words(source.title, lang))
    row("source", words(source.source, lang))
    row("simulated", text("provenance.simulated_yes", lang) if source.simulated else "")
    row("period", source.period)
    called = source.filter_labels
    chosen = {words(called.get(k, k), lang): words(called.get(f"{k}=", v), lang) for k, v in source.filters.items()}
    row("filters", _pairs(chosen, lang))
    row("read", number(source.n_read, "count"))
    row("excluded", _pairs({_reason(k, lang): number(v, "count") for k, v in source.excluded.items()}, lang))
    row("basis", basis_sentence(result.basis, lang))
    row("withheld", words(list(result.withheld), lang) if result.withheld else "")
    row("options", _pairs({k: _option(v) for k, v in result.options.items() if v not in (None, {}, [], ())}, lang))
    row("seed", result.seed)
    row("resamples", number(result.resamples, "count") if result.resamples else "")
    row("hashes", _pairs(source.hashes, lang))
    return rows


def provenance_table(result: Result, lang: str) -> str:
    """Return `provenance_rows` as a table."""
    rows = provenance_rows(result, lang)
    body = "".join(f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in rows)
    return f'<div class="csr-table csr-provenance"><table><tbody>{body}</tbody></table></div>'


def _reason(key: str, lang: str) -> str:
    return text(f"study.rule.{key}", lang) if has_text(f"study.rule.{key}", lang) else key


def _option(value: Any) -> str:
    return ", ".join(str(v) for v in value) if isinstance(value, (list, tuple)) else str(value)


def _pairs(values: Mapping[str, Any], lang: str) -> str:
    colon, joint = ("：", "；") if lang == "zh" else (": ", "; ")
    return joint.join(f"{k}{colon}{v}" for k, v in values.items())


def result_card(result: Result, lang: str, figures: Sequence[str]) -> str:
    """Return the card that a Result is shown as: study, basis, headline, key findings, verdicts, what else it holds."""
    counts = {v: sum(c.verdict == v for c in result.checks) for v in SIGNS}
    shown = ", ".join(f"{SIGNS[v]} {text(f'verdict.{v}', lang)} {n}" for v, n in counts.items() if n)
    holds = [("tables", list(result.tables)), ("figures", list(figures))]
    name = text(f"analysis.{result.analysis}", lang) if has_text(f"analysis.{result.analysis}", lang) else result.analysis
    parts = [
        f'<h3 class="csr-title">{escape(name)}</h3>',
        f'<p class="csr-subtitle">{escape(words(result.source.title, lang))}</p>',
        f'<p class="csr-note">{escape(basis_sentence(result.basis, lang))}</p>',
        headline_cards(result.headline, lang, result.confidence),
        findings_lists(result, lang, ["key"]),
        f'<p class="csr-note">{escape(text("card.checks", lang, counts=shown))}</p>' if shown else "",
        *(f'<p class="csr-note">{escape(text(f"card.{k}", lang, names=", ".join(v)))}</p>' for k, v in holds if v),
    ]
    return f'<div class="csr-result" id="result-{escape(result.analysis)}">{"".join(parts)}</div>'
