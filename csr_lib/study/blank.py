"""Empty answers files of a study, with the columns that it needs and a codebook that explains them."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from csr_lib.core.text import text, words
from csr_lib.study.card import role_label
from csr_lib.study.parts import ROLES
from csr_lib.study.questionnaire import Asked, questions_asked, roles_asked
from csr_lib.study.schema import Study

#: Columns of the codebook.
BOOK = ("column", "question", "label", "allowed", "meaning", "missing", "who")

_CREATED = datetime.datetime(2000, 1, 1)  # no clock: the same study gives the same bytes


def blank_answers(study: Study, lang: str) -> dict[str, bytes]:
    """Return the empty answers files of a study, file name -> content.

    For every file that study.yml names, a CSV (UTF-8 with a byte-order mark, as spreadsheets expect) and a workbook of the same
    name whose second sheet is the codebook. A file of one role holds the columns that this role is asked. Case weights are not
    among the columns: they are computed when the answers are there.
    """
    found: dict[str, bytes] = {}
    for file in study.answers:
        columns = [a for a in questions_asked(study) if file.role is None or file.role in a.roles]
        name = PurePath(file.file).with_suffix("")
        found[f"{name}.csv"] = _csv(columns)
        found[f"{name}.xlsx"] = _workbook(study, columns, lang, file.sheet or text("blank.book.sheet.answers", lang))
    return found


def _csv(columns: Sequence[Asked]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([a.column for a in columns])
    return out.getvalue().encode("utf-8-sig")


def codebook(study: Study, lang: str, columns: Sequence[Asked] | None = None) -> Iterator[dict[str, str]]:
    """Yield a row per column of the answers, with the columns of `BOOK`: plain text in `lang`."""
    asking = roles_asked(study)
    for asked in questions_asked(study) if columns is None else columns:
        who = [words(role_label(role), lang) for role in ROLES if role in asked.roles and role in asking]
        yield {
            "column": asked.column,
            "question": question_words(study, asked, lang),
            "label": words(asked.label, lang) if asked.label else "",
            "allowed": _allowed(study, asked, lang),
            "meaning": _meaning(asked, lang),
            "missing": ", ".join(asked.missing),
            "who": text(f"blank.book.{asked.place}", lang) if asked.place in ("office", "records") else words(who, lang),
        }


def question_words(study: Study, asked: Asked, lang: str, role: str = "customer") -> str:
    """Return the sentence that asks a question, without the label of what is rated; "" where the label is the question."""
    if asked.topic in ("respondent", "wave", "role", "brand", "submitted", "seconds", "contribution"):
        return text(f"blank.field.{asked.topic}", lang)
    if asked.topic == "attention":
        return text("blank.ask.attention" if asked.scale else "blank.ask.attention_text", lang, code=asked.wanted)
    if asked.place == "ratings":
        own = role if role in asked.roles else asked.roles[0]
        who = "company" if own in ("management", "staff") else "customer"
        return text(f"blank.ask.{who}.{asked.topic}", lang, name=asked.name)
    if asked.place == "outcomes":
        return text(f"blank.ask.{asked.topic}", lang)
    if asked.topic == "verbatim" and asked.label == asked.name:
        return text("blank.ask.verbatim", lang)
    return ""


def _allowed(study: Study, asked: Asked, lang: str) -> str:
    def say(key: str, **values: Any) -> str:
        return text(f"blank.book.{key}", lang, **values)

    if asked.scale is not None:
        whole = asked.scale.measure == "ordinal" and asked.scale.min.is_integer()
        return say("whole" if whole else "any", low=f"{asked.scale.min:g}", high=f"{asked.scale.max:g}")
    if asked.form == "several" and not asked.separator:
        return say("chosen")
    codes = ", ".join(asked.codes)
    if asked.form == "several":
        return say("several", codes=codes, separator=asked.separator) if codes else say("free_several", separator=asked.separator)
    if asked.topic == "respondent":
        return say("unique")
    if asked.topic == "segment" and (bins := study.segments[asked.name].bin_codes()):
        return say("bins", codes=", ".join(bins))
    return codes or say({"number": "number", "time": "time"}.get(asked.form, "text"))


def _meaning(asked: Asked, lang: str) -> str:
    named: dict[str, Any] = {f"{point:g}": label for point, label in (asked.scale.labels if asked.scale else {}).items()}
    if asked.form != "several" or asked.separator:
        named |= asked.codes
    else:
        named = {"1": next(iter(asked.codes.values()))}
    each = [text("blank.book.each", lang, code=code, label=label) for code, label in named.items() if words(label, lang) != code]
    return "; ".join(each)


def _workbook(study: Study, columns: Sequence[Asked], lang: str, sheet: str) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": words(study.title, lang), "created": _CREATED})
    head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#eef1f5", "valign": "top"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    as_text = book.add_format({"num_format": "@"})  # what is typed stays what was typed: 001, 2012-10
    answers = book.add_worksheet(sheet[:31])
    for place, asked in enumerate(columns):
        answers.set_column(place, place, max(8, len(asked.column) + 2), None if asked.form in ("scale", "number") else as_text)
        answers.write_string(0, place, asked.column, head)
    answers.freeze_panes(1, 1)
    explained = book.add_worksheet(text("blank.book.sheet.codebook", lang))
    for place, (key, width) in enumerate(zip(BOOK, (14, 34, 28, 26, 50, 14, 18), strict=True)):
        explained.set_column(place, place, width)
        explained.write_string(0, place, text(f"blank.book.{key}", lang), head)
    for row, entry in enumerate(codebook(study, lang, columns), 1):
        for place, key in enumerate(BOOK):
            explained.write_string(row, place, entry[key], wrapped)
    explained.freeze_panes(1, 1)
    book.close()
    return out.getvalue()
