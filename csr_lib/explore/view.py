"""View: one look at a survey, with the numbers, a sentence or two about them, and the line of code that makes it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.core.errors import AnalysisError
from csr_lib.core.result import Basis
from csr_lib.core.text import escape, has_text, text, words
from csr_lib.show.cards import table_note
from csr_lib.show.figure import Drawing, Figure
from csr_lib.show.tables import Table, three_line

if TYPE_CHECKING:
    from csr_lib.study import Survey

_CODE = (
    "user-select:all;background:#8881;border:1px solid #8884;border-radius:4px;padding:.45em .7em;"
    "white-space:pre-wrap;overflow-wrap:anywhere;font-size:90%"
)


@dataclass(frozen=True)
class View:
    """One look at a survey; shows itself in a notebook.

    Attributes
    ----------
    name : ``distribution crosstab compare correlations quadrant``.
    title, selection : what is looked at, and whose answers; plain text in `lang`.
    sentences : what the numbers say; `reading` how to read the picture.
    figure : a `csr_lib.show.Figure`; None where there is nothing to draw.
    tables : name -> frame at full precision; `shown` are those for the eye.
    basis : on whom it rests.
    code : the line that makes this view again, where the survey is called ``survey``.
    withheld : labels of groups that were too small to show.
    """

    name: str
    lang: str
    title: str
    selection: str
    code: str
    basis: Basis
    tables: Mapping[str, pd.DataFrame]
    shown: tuple[Table, ...] = ()
    figure: Figure | None = None
    sentences: tuple[str, ...] = ()
    withheld: tuple[Any, ...] = field(default=())

    @property
    def reading(self) -> str:
        """How to read this kind of view; plain text."""
        return text(f"explore.reading.{self.name}", self.lang)

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{escape(s)}</li>" for s in self.sentences)
        parts = [
            f'<h4 class="csr-title">{escape(self.title)}</h4>',
            f'<p class="csr-subtitle">{escape(self.selection)}</p>',
            f"<ul>{said}</ul>" if said else "",
            self.figure._repr_html_() if self.figure else "",
            f'<p class="csr-note">{escape(self.reading)}</p>',
            *(table._repr_html_() for table in self.shown),
            f'<p class="csr-note">{escape(text("explore.code", self.lang))}</p>',
            f'<pre class="csr-code" style="{_CODE}"><code>{escape(self.code)}</code></pre>',
        ]
        return f'<div class="csr-view" lang="{self.lang}">{"".join(parts)}</div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": str(self)}

    def __str__(self) -> str:
        return "\n".join([self.title, self.selection, *self.sentences, self.code])


def people(survey: Survey) -> Survey:
    """Return those who are looked at: customers and users, or the role that the survey was narrowed to.

    Raises AnalysisError for a selection of fewer respondents than `min_cell`.
    """
    found = survey.customers()
    if found.too_small:
        raise AnalysisError(
            f"{len(found.rows)} respondents are selected, and groups of fewer than {found.study.min_cell} are withheld",
            where="answers",
            allowed=f"at least {found.study.min_cell} (min_cell)",
            mend="take a condition out of the filter",
        )
    return found


def code_line(name: str, survey: Survey, lang: str, arguments: Sequence[Any] = (), **options: Any) -> str:
    """Return the line that makes a view again; options that are None are left out.

    Filters are written out, so that the line gives the same view whether or not the survey is filtered already.
    """
    filters = {by: codes[0] if len(codes) == 1 else list(codes) for by, codes in survey.filters.items()}
    whose = f"survey.where({_written(filters)})" if filters else "survey"
    more = options if lang == survey.lang else {**options, "lang": lang}
    listed = [*(_written(a) for a in arguments), *(f"{k}={_written(v)}" for k, v in more.items() if v is not None)]
    return f"csr.explore.{name}({', '.join([whose, *listed])})"


def _written(value: Any) -> str:
    """Return a value as Python writes it, in double quotes."""
    if isinstance(value, (str, dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def grouping_label(survey: Survey, by: str, lang: str) -> str:
    """Return what a segment, ``wave`` or ``role`` is called."""
    key = f"explore.by.{by}"
    return text(key, lang) if has_text(key, lang) else words(survey.label(by), lang)


def selection(survey: Survey, lang: str) -> str:
    """Return whose answers are looked at, in words."""
    parts = []
    for by, codes in survey.filters.items():
        named = words([words(survey.value_label(by, c), lang) for c in codes], lang)
        parts.append(text("explore.filter", lang, by=grouping_label(survey, by, lang), values=named))
    joint = "；" if lang == "zh" else "; "
    shown = joint.join(parts) or text("explore.everybody", lang)
    return text("explore.selection", lang, title=survey.study.title, filters=shown)


@dataclass(frozen=True)
class Draft:
    """A view in the making: what its title, tables, figure and sentences have in common.

    Attributes
    ----------
    name, lang, basis, code : of the view. `survey` : whose answers. `level` : of the intervals.
    fill : what its title, captions and table titles are filled with, such as ``label`` and ``by``.
    labels : key -> label of the cells.
    """

    name: str
    lang: str
    survey: Survey
    level: float
    basis: Basis
    code: str
    fill: Mapping[str, Any]
    labels: Mapping[str, Any]

    def say(self, key: str, **more: Any) -> str:
        """Return the sentence ``explore.<key>``."""
        return text(f"explore.{key}", self.lang, **{**self.fill, **more})

    def table(
        self,
        name: str,
        frame: pd.DataFrame,
        columns: Sequence[str],
        formats: Mapping[str, str],
        *,
        headings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        strong: Sequence[int] = (),
        **more: Any,
    ) -> Table:
        """Return a three-line table of those of `columns` that there are, with a note on n, weights and missing answers."""
        shown = [c for c in columns if c in frame.columns]
        own = {c: self.say(f"column.{c}") for c in shown if has_text(f"explore.column.{c}", self.lang)}
        heads = {**own, "mean_ci_low": text("table.interval", self.lang, confidence=self.level), **(headings or {})}
        return three_line(
            frame,
            name=f"{self.name}-{name}",
            lang=self.lang,
            title=self.say(f"table.{self.name}.{name}", **more),
            columns=shown,
            headings=heads,
            formats={c: kind for c, kind in formats.items() if c in frame.columns},
            labels=self.labels,
            note=table_note(self.basis, self.lang, *notes),
            emphasis=strong,
            confidence=self.level,
        )

    def figure(self, drawing: Drawing, key: str = "", **more: Any) -> Figure:
        """Return a figure with its caption and alternative text."""
        at = f"figure.{key or self.name}"
        return Figure.of(drawing, f"explore-{self.name}", self.say(f"{at}.caption", **more), self.say(f"{at}.alt", **more))

    def view(
        self,
        tables: Mapping[str, pd.DataFrame],
        shown: Iterable[Table],
        figure: Figure | None,
        sentences: Iterable[str],
        withheld: Iterable[Any] = (),
    ) -> View:
        """Return the view."""
        return View(
            name=self.name,
            lang=self.lang,
            title=self.say(f"title.{self.name}"),
            selection=selection(self.survey, self.lang),
            code=self.code,
            basis=self.basis,
            tables=tables,
            shown=tuple(shown),
            figure=figure,
            sentences=tuple(sentences),
            withheld=tuple(withheld),
        )


def draft(
    name: str,
    survey: Survey,
    chosen: Survey,
    lang: str,
    level: float,
    basis: Basis,
    arguments: Sequence[Any],
    labels: Mapping[str, Any],
    **values: Any,
) -> Draft:
    """Begin a view of `chosen`, the people of `survey`, who is the one that the line of code names; see `Draft`."""
    code = code_line(name, survey, lang, arguments, confidence=None if level == 0.95 else level)
    return Draft(name, lang, chosen, level, basis, code, {"confidence": level, **values}, labels)


def pairwise(survey: Survey, least: float) -> Basis:
    """Return the basis of figures of which each rests on all answers it can: `least` is the smallest n among them."""
    whole = survey.basis()
    return replace(whole, missing_rule="pairwise" if least < whole.n else "none", n_missing=whole.n - least)
