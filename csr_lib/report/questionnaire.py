"""The blank questionnaire: one page to print on A4 or to fill in on a phone, that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from csr_lib.core.text import has_text, text, words
from csr_lib.report.fonts import font_face
from csr_lib.study import Study
from csr_lib.study.blank import question_words
from csr_lib.study.parts import Scale
from csr_lib.study.questionnaire import Asked, questions_asked, roles_asked

#: A scale with more points is answered with a number on a line.
MOST_POINTS = 11

#: Longer codes are no help to whoever enters the answers: labels are understood as well.
MOST_CODED = 3

#: Parts behind the ratings, in order.
_LATER = ("outcomes", "questions", "open", "about")


def make_questionnaire(study: Study, lang: str, role: str | None = None) -> str:
    """Return the blank questionnaire of a study as HTML5.

    Parameters
    ----------
    study : what is asked; scales are worded as its labels word them.
    lang : ``zh`` or ``en``.
    role : whose questionnaire; by default that of the first role that is asked.

    Notes
    -----
    Ratings of one kind on one scale stand in one table; on a phone each of its rows is a card of its own. Beside every question
    stands the name of its column in small print, so that answers can be entered. Text from the study is escaped.
    """
    roles = roles_asked(study)
    role = role or roles[0]
    form = _Form(study, lang, role)
    asked = [a for a in questions_asked(study) if role in a.roles]
    parts = list(form.parts(asked))
    css = (_folder() / "style.css").read_text(encoding="utf-8")
    how = [form.t("how"), form.t("length", n=form.count)]
    page = _template().render(
        t=form.t,
        lang="zh-Hans" if lang == "zh" else "en",
        css=Markup(css),
        title=words(study.title, lang),
        subtitle=form.t(f"subtitle.{role}") if len(roles) > 1 else "",
        greeting=form.t(f"greeting.{role}"),
        how=("" if lang == "zh" else " ").join(how),
        office=list(form.office(asked)),
        parts=parts,
        footer=form.t("footer", id=study.id, n=form.count),
    )
    return page.replace("/*font*/", font_face(page, lang), 1)


class _Form:
    """Makes the parts of one questionnaire and numbers its questions."""

    def __init__(self, study: Study, lang: str, role: str):
        self.study, self.lang, self.role, self.count = study, lang, role, 0

    def t(self, key: str, **values: Any) -> str:
        return text(f"blank.{key}", self.lang, **values)

    def office(self, asked: Sequence[Asked]) -> Iterator[dict[str, Any]]:
        """Yield the fields at the head, for whoever hands the questionnaire out; the role goes without saying."""
        for a in asked:
            if a.place == "office" and a.topic != "role":
                yield self._entry(a, question_words(self.study, a, self.lang), number=False)
            elif a.topic == "submitted":
                yield self._entry(a, self.t("field.date"), number=False)

    def parts(self, asked: Sequence[Asked]) -> Iterator[dict[str, Any]]:
        """Yield the parts with their titles: a part for every kind of rating, then the other questions."""
        kinds: dict[tuple[str, str], list[Asked]] = {}
        for a in asked:
            if a.place == "ratings":
                competitor = a.name if a.topic == "competitor" else ""
                kinds.setdefault(("perception", "") if a.topic == "attention" else (a.topic, competitor), []).append(a)
        found = [(self._title(topic, name), list(self._tables(rows))) for (topic, name), rows in kinds.items()]
        for place in _LATER:
            blocks = list(self._questions([a for a in asked if a.place == place]))
            if blocks:
                found.append((self.t(f"title.{place}"), blocks))
        numbers = self.t("numbers")
        for number, (title, blocks) in enumerate(found):
            yield {
                "title": self.t("part", number=numbers[number] if number < len(numbers) else number + 1, title=title),
                "blocks": blocks,
            }

    def _title(self, topic: str, competitor: str) -> str:
        own = f"title_company.{topic}"
        if self.role in ("management", "staff") and has_text(f"blank.{own}", self.lang):
            return self.t(own)
        return self.t(f"title.{topic}", name=competitor)

    def _tables(self, asked: Sequence[Asked]) -> Iterator[dict[str, Any]]:
        """Yield a table for every scale among ratings of one kind."""
        by_scale: dict[str, list[Asked]] = {}
        for a in asked:
            assert a.scale is not None
            by_scale.setdefault(repr((a.scale, a.missing[:1])), []).append(a)
        for rows in by_scale.values():
            scale, first = rows[0].scale, next((a for a in rows if a.topic != "attention"), rows[0])
            assert scale is not None
            headings = self._headings(rows)
            written = []
            for a in rows:
                label = question_words(self.study, a, self.lang) if a.topic == "attention" else words(a.label, self.lang)
                written.append({**self._entry(a, label), "heading": headings.get(a.column, "")})
            yield {
                "ask": question_words(self.study, first, self.lang, self.role) if first.topic != "attention" else "",
                "note": self.t("scale.points", low=f"{scale.min:g}", high=f"{scale.max:g}"),
                **self._scaled(scale, first.topic, first.missing),
                "write": self.t("scale.write", low=f"{scale.min:g}", high=f"{scale.max:g}"),
                "rows": written,
            }

    def _headings(self, rows: Sequence[Asked]) -> dict[str, str]:
        """Return the constructs as headings of the rows that open them, where rows follow each other by construct."""
        owners = {i: c for c, entry in self.study.constructs.items() for i in entry.indicators}
        indicator = {r.column: _indicator(self.study, r) for r in rows}
        runs = [owners.get(indicator[r.column], "") for r in rows if r.topic != "attention"]
        opened = [c for place, c in enumerate(runs) if place == 0 or runs[place - 1] != c]
        if len(opened) < 2 or len(set(opened)) < len(opened) or "" in opened:
            return {}
        headings: dict[str, str] = {}
        for construct, r in zip(runs, rows, strict=False):
            if construct not in headings.values():
                headings[r.column] = construct
        return {column: words(self.study.label(construct), self.lang) for column, construct in headings.items()}

    def _questions(self, asked: Sequence[Asked]) -> Iterator[dict[str, Any]]:
        done: set[str] = set()
        for a in asked:
            if a.form == "several" and not a.separator:  # a column per option
                if a.name in done:
                    continue
                done.add(a.name)
                options = [o for o in asked if o.name == a.name and o.form == "several"]
                entry = self._entry(a, words(a.label, self.lang))
                entry["choices"] = [(o.column, words(next(iter(o.codes.values())), self.lang)) for o in options]
                yield {"question": {**entry, "hint": self.t("multi"), "by_column": True, "coded": False}}
                continue
            label, sentence = words(a.label, self.lang) if a.label else "", question_words(self.study, a, self.lang)
            joined = ("：" if self.lang == "zh" else ": ").join(part for part in (label, sentence) if part)
            yield {"question": self._entry(a, sentence if a.topic == "verbatim" and sentence else joined)}

    def _entry(self, a: Asked, label: str, number: bool = True) -> dict[str, Any]:
        self.count += number
        hint = ""
        if a.form == "several":
            hint = self.t("multi" if a.codes else "multi_write")
        elif a.form == "number":
            hint = self.t("a_number")
        choices = [(code, words(named, self.lang)) for code, named in a.codes.items()]
        if choices and a.place != "office" and a.missing and not any(code in a.codes for code in a.missing[:1]):
            choices.append((a.missing[0], self._unknown(a.missing[0])))
        return {
            "column": a.column,
            "label": label,
            "number": self.count,
            "form": a.form,
            "hint": hint,
            **(self._scaled(a.scale, a.topic, a.missing) if a.scale else {"points": []}),
            "choices": choices,
            "by_column": False,
            "coded": a.place != "office" and all(len(code) <= MOST_CODED for code, _ in choices),
            "wide": a.form == "text" and a.place in ("open", "questions") and a.topic in ("verbatim", "question"),
        }

    def _scaled(self, scale: Scale, topic: str, missing: Sequence[str]) -> dict[str, Any]:
        """Return points, what their ends mean in a line of its own, and how much room they take: "", ``several`` or ``many``."""
        points = self._points(scale, topic, missing)
        labelled = [
            self.t("scale.anchor", point=p["value"], label=p["label"]) for p in points if p["label"] and p["shown"] != "–"
        ]
        size = "many" if len(points) > 7 else "several" if len(points) > 5 else ""
        return {"points": points, "size": size, "ends": ("，" if self.lang == "zh" else ", ").join(labelled)}

    def _points(self, scale: Scale, topic: str, missing: Sequence[str]) -> list[dict[str, str]]:
        """Return value and label of each point, and of "don't know" where the study has a code for it; none on long scales."""
        steps = scale.span + 1
        if scale.measure == "continuous" or not steps.is_integer() or steps > MOST_POINTS:
            return []
        points = []
        for step in range(int(steps)):
            value = scale.min + step
            label = words(scale.labels[value], self.lang) if value in scale.labels else self._end(scale, topic, value)
            points.append({"value": f"{value:g}", "shown": f"{value:g}", "label": label})
        if missing:
            points.append({"value": missing[0], "shown": "–", "label": self._unknown(missing[0])})
        return points

    def _end(self, scale: Scale, topic: str, value: float) -> str:
        """Return the word for an end of a scale that study.yml does not label."""
        if scale.labels or value not in (scale.min, scale.max):
            return ""
        end = "lowest" if value == scale.min else "highest"
        return self.t(f"{end}.{topic}" if has_text(f"blank.{end}.{topic}", self.lang) else f"{end}.other")

    def _unknown(self, code: str) -> str:
        return self.t("unknown") if code.lstrip("-").replace(".", "").isdigit() else code


def _indicator(study: Study, asked: Asked) -> str:
    """Return the indicator that a rating belongs to."""
    if asked.topic != "competitor":
        return asked.name
    return next(
        i for i, entry in study.indicators.items() if any(item.column == asked.column for item in entry.competitors.values())
    )


def _folder() -> Path:
    return Path(str(resources.files("csr_lib.report") / "template" / "questionnaire"))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string((_folder() / "page.html.j2").read_text(encoding="utf-8"))
