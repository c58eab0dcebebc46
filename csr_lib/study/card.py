"""Readable cards of Study and Survey for Jupyter. Everything that came from a study or an answer is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from csr_lib.core.text import LANGUAGES, escape, text, words

if TYPE_CHECKING:
    from csr_lib.study.schema import Study
    from csr_lib.study.survey import Survey

_BOX = "border:1px solid #8885;border-radius:8px;padding:.8em 1.1em;max-width:56em;line-height:1.5"
_NAME = "text-align:left;vertical-align:top;font-weight:normal;opacity:.7;padding:.1em 1.2em .1em 0;white-space:nowrap"
_CELL = "text-align:left;vertical-align:top;padding:.1em 0"


def role_label(role: str) -> dict[str, str]:
    """Return what a role is called, per language."""
    return {lang: text(f"study.role.{role}", lang) for lang in LANGUAGES}


def rule_label(rule: str) -> dict[str, str]:
    """Return what a cleaning rule is called, per language."""
    return {lang: text(f"study.rule.{rule}", lang) for lang in LANGUAGES}


def study_card(study: Study, lang: str) -> str:
    """Return a Study as HTML: what was asked, and what it is meant to answer."""

    def say(key: str, **values: Any) -> str:
        return text(f"study.card.{key}", lang, **values)

    kinds = list(dict.fromkeys(say(f"kind.{k.split(':')[0]}") for k in study.kinds()))
    scale = study.scale
    ends = [words(scale.labels[p], lang) for p in (scale.min, scale.max) if p in scale.labels]
    model = study.model and (study.model.template.upper() if study.model.template else say("own_model"))
    outcomes = [words(study.label(n), lang) for n in study.outcomes]
    rows = [
        ("scale", say("points", low=f"{scale.min:g}", high=f"{scale.max:g}") + (f" ({' – '.join(ends)})" if ends else "")),
        ("indicators", say("asked", n=len(study.indicators), kinds=kinds)),
        ("constructs", _listed([words(study.label(c), lang) for c in study.constructs], lang)),
        ("segments", _listed([words(study.label(s), lang) for s in study.segments], lang)),
        ("outcomes", _listed(outcomes, lang)),
        ("model", model or ""),
        ("analyses", _listed(list(study.analyses), lang)),
        ("source", words(study.source, lang)),
    ]
    return _card(study, [(say(key), value) for key, value in rows], lang)


def survey_card(survey: Survey, lang: str) -> str:
    """Return a Survey as HTML: whose answers it holds, and which were left out."""

    def say(key: str, **values: Any) -> str:
        return text(f"study.card.{key}", lang, **values)

    study = survey.study
    read = len(survey.data.raw.row)
    counted = say("small") if survey.too_small else say("of_read", n=survey.n, read=read)
    only = survey.marks[~survey.marks["excluded"]]["rule"].value_counts(sort=False)
    weights = text(f"study.weights.{survey.weight_kind}", lang, n_effective=survey.n_effective)
    rows = [
        (say("answers"), counted),
        (say("excluded"), _counts(survey.excluded, lang)),
        (say("marked"), _counts({str(k): int(v) for k, v in only.items()}, lang)),
        (say("period"), survey.period),
        (say("filters"), _filters(survey, lang)),
        (say("waves"), _groups(survey, "wave", lang) if survey.waves else ""),
        (say("roles"), _groups(survey, "role", lang) if len(survey.roles) > 1 else ""),
        *((words(study.label(s), lang), _groups(survey, s, lang)) for s in survey.segments),
        (say("weights"), weights),
        (say("missing_rule"), text(f"study.missing_rule.{study.missing_rule}", lang)),
        (say("files"), _files(survey, lang)),
        (say("source"), words(study.source, lang)),
    ]
    return _card(study, rows, lang)


def _card(study: Study, rows: Sequence[tuple[str, str]], lang: str) -> str:
    tag = f" · {escape(text('study.card.simulated', lang))}" if study.simulated else ""
    lines = "".join(
        f'<tr style="background:none"><th style="{_NAME}">{escape(name)}</th><td style="{_CELL}">{escape(value)}</td></tr>'
        for name, value in rows
        if value
    )
    title = escape(words(study.title, lang))
    head = f'<div class="csr-title" style="font-size:1.15em;font-weight:600;margin-bottom:.4em">{title}</div>'
    small = f'<div class="csr-subtitle" style="opacity:.7;margin-bottom:.5em">{escape(study.id)}{tag}</div>'
    table = f'<table style="border-collapse:collapse">{lines}</table>'
    return f'<div class="csr-survey" lang="{lang}" style="{_BOX}">{head}{small}{table}</div>'


def _listed(parts: Sequence[str], lang: str) -> str:
    return words(list(parts), lang) if parts else ""


def _counts(counts: dict[str, int], lang: str) -> str:
    return _listed([text("study.card.counted", lang, what=words(rule_label(r), lang), n=n) for r, n in counts.items()], lang)


def _groups(survey: Survey, by: str, lang: str) -> str:
    """List groups with their counts; those that are too small are only counted, never named with a number."""
    groups = survey.groups(by)
    parts = [text("study.card.counted", lang, what=words(group.label, lang), n=group.n) for group in groups.shown]
    if groups.withheld:
        parts.append(text("study.card.withheld", lang, n=len(groups.withheld)))
    return _listed(parts, lang)


def _filters(survey: Survey, lang: str) -> str:
    parts = []
    for by, codes in survey.filters.items():
        named = _listed([words(survey.value_label(by, c), lang) for c in codes], lang)
        key = f"study.card.{by}s"
        name = text(key, lang) if by in ("wave", "role") else words(survey.study.label(by), lang)
        parts.append(f"{name}: {named}")
    return "; ".join(parts)


def _files(survey: Survey, lang: str) -> str:
    parts = []
    for file in survey.data.raw.files:
        about = f"{file.file} ({file.rows:,}{', ' + file.encoding if file.encoding else ''})"
        if file.absent:
            about += " – " + text("study.card.absent", lang, columns=", ".join(file.absent[:12]))
        parts.append(about)
    return "; ".join(parts)
