"""The questions of a study, as they are put to respondents: every column of its answers, in the order of a questionnaire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from csr_lib.core.text import LANGUAGES, text
from csr_lib.study.answers import needed_columns
from csr_lib.study.card import role_label
from csr_lib.study.coding import as_number
from csr_lib.study.parts import ROLES, Scale
from csr_lib.study.schema import Study
from csr_lib.study.schema_answers import Question

#: Where a question stands, in this order; ``office`` and ``records`` are not asked of the respondent.
Place = Literal["office", "ratings", "outcomes", "questions", "open", "about", "records"]
Form = Literal["scale", "codes", "several", "number", "text", "time"]

#: Outcomes that are no question to the respondent.
FROM_RECORDS = ("contribution",)

#: Codes that may stand for "no", where study.yml names only those for "yes".
NO = ("0", "2", "no")

#: Who speaks for the company, and the kinds of ratings that they are asked for only where study.yml names them.
_COMPANY = ("management", "staff")
_CUSTOMERS_ALONE = ("adequate", "competitor:")


@dataclass(frozen=True)
class Asked:
    """One column of the answers as a question.

    Attributes
    ----------
    column : its name.
    place : part of the questionnaire.
    form : ``scale`` (a point of `scale`), ``codes`` (one of `codes`), ``several`` of them, ``number``, ``text`` or ``time``.
    topic : what it is about, a part of the catalogue's key: a kind of rating, an outcome, ``respondent``, ``wave`` …
    label : its words in study.yml (text or per language), "" where there are none.
    name : of the indicator, outcome, segment or question; of a competitor for its ratings.
    scale : of a rating.
    codes : code -> label; where empty, whatever is written down.
    missing : codes that mean no answer.
    roles : who is asked.
    separator : between several codes in one cell.
    wanted : code that an attention question asks for, else "".
    """

    column: str
    place: Place
    form: Form
    topic: str
    label: Any = ""
    name: str = ""
    scale: Scale | None = None
    codes: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    roles: tuple[str, ...] = ROLES
    separator: str = ""
    wanted: str = ""


def roles_asked(study: Study) -> tuple[str, ...]:
    """Return the roles that a study asks, each with a questionnaire of its own."""
    named = set(study.role.values.values()) if study.role else set()
    if study.role and not named:
        named = set(ROLES)
    named |= {file.role for file in study.answers if file.role}
    if not study.role and any(file.role is None for file in study.answers):
        named.add("customer")
    return tuple(role for role in ROLES if role in named)


def questions_asked(study: Study) -> tuple[Asked, ...]:
    """Return every column that the answers of a study need, each once, in the order of a questionnaire.

    Case weights are left out: they are computed when the answers are there. Managers and staff are asked for their ratings; every
    other question is the customers' and users'.
    """
    wanted = {column for column, _ in needed_columns(study)} - {study.case_weight}
    found: dict[str, Asked] = {}
    for asked in (*_office(study), *_ratings(study), *_outcomes(study), *_questions(study), *_checks(study), *_about(study)):
        found.setdefault(asked.column, asked)
    for asked in (*_records(study), *(Asked(c, "questions", "text", "other", name=c) for c in sorted(wanted))):
        found.setdefault(asked.column, asked)
    return tuple(found.values())


def _customers(study: Study) -> tuple[str, ...]:
    """Return the roles that are asked everything; in a study of managers and staff alone, those."""
    return tuple(r for r in ("customer", "user") if r in roles_asked(study)) or roles_asked(study)


def _office(study: Study) -> Iterator[Asked]:
    """What the interviewer or the platform fills in before the questions."""
    if study.respondent:
        yield Asked(study.respondent, "office", "text", "respondent")
    if study.wave and study.wave.column:
        named = {wave: study.wave.labels.get(wave, wave) for wave in study.wave.order or ()}
        yield Asked(study.wave.column, "office", "codes" if named else "text", "wave", codes=named)
    if study.role:
        values = study.role.values or {role: role for role in ROLES}
        yield Asked(study.role.column, "office", "codes", "role", codes={code: role_label(role) for code, role in values.items()})
    if study.competition:
        brands = dict.fromkeys([study.competition.us, *study.competition.shares]) if study.competition.shares else {}
        named = {brand: brand for brand in brands}
        yield Asked(study.competition.brand, "office", "codes" if named else "text", "brand", codes=named)


def _ratings(study: Study) -> Iterator[Asked]:
    """Expectations first, importance last, so that what was delivered does not colour what was wished for."""
    competitors = [k for k in study.kinds() if k.startswith("competitor:")]
    for kind in ("expectation", "adequate", "perception", *competitors, "importance"):
        found = []
        for indicator in study.indicators:
            by_column: dict[str, list[str]] = {}
            for role in roles_asked(study):
                if role in _COMPANY and kind.startswith(_CUSTOMERS_ALONE) and not _of_its_own(study, indicator, kind, role):
                    continue
                if rating := study.rating(indicator, kind, role):
                    by_column.setdefault(rating.column, []).append(role)
            for roles in by_column.values():
                rating = study.rating(indicator, kind, roles[0])
                assert rating is not None
                topic, _, competitor = kind.partition(":")
                label, name = study.label(indicator), competitor or indicator
                scale, missing = rating.scale, rating.missing
                found.append(
                    Asked(rating.column, "ratings", "scale", topic, label, name, scale, missing=missing, roles=tuple(roles))
                )
        yield from sorted(found, key=lambda asked: ROLES.index(asked.roles[0]))


def _of_its_own(study: Study, indicator: str, kind: str, role: str) -> bool:
    """Tell whether study.yml names a column for the role itself."""
    return role in (getattr(study.indicators[indicator], kind, None) or {})


def _outcomes(study: Study) -> Iterator[Asked]:
    asked = _customers(study)
    for name, outcome in study.outcomes.items():
        rating = study.outcome_rating(name)
        if rating is None or name in FROM_RECORDS:
            continue
        label = "" if outcome.label is None else outcome.label
        if outcome.yes is None:
            yield Asked(rating.column, "outcomes", "scale", name, label, name, rating.scale, missing=rating.missing, roles=asked)
        else:
            codes = _yes_no(outcome.yes)
            yield Asked(rating.column, "outcomes", "codes", name, label, name, codes=codes, missing=rating.missing, roles=asked)


def _yes_no(yes: tuple[str, ...]) -> dict[str, Any]:
    said = {lang: text("blank.happened", lang) for lang in LANGUAGES}
    no = next((code for code in NO if code not in yes), "no")
    named = {code: said if len(yes) == 1 else code for code in yes}
    return {**named, no: {lang: text("blank.not_happened", lang) for lang in LANGUAGES}}


def _questions(study: Study) -> Iterator[Asked]:
    asked = _customers(study)
    for name, question in study.questions.items():
        missing = study.missing if question.missing is None else question.missing
        label, codes = study.label(name), dict(question.values or {})
        if question.columns:
            for column in question.columns:
                option = {column: codes.get(column, column)}
                yield Asked(column, "questions", "several", "question", label, name, codes=option, roles=asked)
            continue
        form: Form = {"single": "codes", "multi": "several", "number": "number", "text": "text"}[question.type]  # type: ignore[assignment]
        form = "text" if form == "codes" and not codes else form
        column = question.column or name
        place: Place = "open" if column in study.verbatims else "questions"
        yield Asked(
            column, place, form, "question", label, name, codes=_ordered(codes, question), missing=missing, roles=asked,
            separator=question.separator if question.type == "multi" else "",
        )  # fmt: skip
    for column in study.verbatims:
        yield Asked(column, "open", "text", "verbatim", study.label(column), column, roles=asked)


def _ordered(codes: Mapping[str, Any], question: Question) -> dict[str, Any]:
    order = [*(question.order or ()), *codes]
    return {code: codes.get(code, code) for code in dict.fromkeys(order)}


def _checks(study: Study) -> Iterator[Asked]:
    """Attention questions with a column of their own: on the study's scale where the code is a point of it."""
    for name, codes in study.cleaning.attention.items():
        if name in {*study.indicators, *study.outcomes, *study.segments, *study.questions}:
            continue
        on_scale = study.scale.holds(as_number(codes[0]))
        yield Asked(
            name, "ratings" if on_scale else "questions", "scale" if on_scale else "text", "attention", "", name,
            study.scale if on_scale else None, roles=("customer", "user"), wanted=codes[0],
        )  # fmt: skip


def _about(study: Study) -> Iterator[Asked]:
    asked = _customers(study)
    for name, segment in study.segments.items():
        missing = study.missing if segment.missing is None else segment.missing
        named = dict(segment.values or {})
        codes = {code: named.get(code, code) for code in dict.fromkeys([*(segment.order or ()), *named])}
        form: Form = "number" if segment.bins else "codes" if codes else "text"
        place: Place = "records" if len(codes) == 1 else "about"  # one value only: nothing to ask
        column, label = study.segment_column(name), study.label(name)
        yield Asked(column, place, form, "segment", label, name, codes=codes, missing=missing, roles=asked)


def _records(study: Study) -> Iterator[Asked]:
    """What comes from the company's books or the survey platform, not from the respondent."""
    for name in FROM_RECORDS:
        if name in study.outcomes and (rating := study.outcome_rating(name)):
            label = study.outcomes[name].label
            own = "" if label is None else label
            yield Asked(rating.column, "records", "number", name, own, name, roles=_customers(study))
    if study.submitted:
        yield Asked(study.submitted, "records", "time", "submitted")
    if study.seconds:
        yield Asked(study.seconds, "records", "number", "seconds")
