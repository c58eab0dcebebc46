"""AnalysisResult: how every analysis shows its tables, figures, checks and findings. A new analysis only declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from csr_lib.analyses._options import language
from csr_lib.core.check import Level
from csr_lib.core.errors import OptionError, unknown
from csr_lib.core.result import RESULT_MIME, Basis, Result
from csr_lib.core.text import escape, has_text, text, words
from csr_lib.show import cards
from csr_lib.show.figure import Drawing, Figure
from csr_lib.show.tables import Table, three_line

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as LiveFigure


@dataclass(frozen=True)
class Shown:
    """A piece of HTML as a notebook shows it, with the same thing in plain text."""

    html: str
    plain: str = ""

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.plain


@dataclass(frozen=True, kw_only=True)
class AnalysisResult(Result):
    """A Result that shows itself; base of every analysis's result.

    A subclass declares, and writes one short method per figure:

    - ``table_columns``: table -> the columns shown, in order (all where it is not named);
    - ``table_formats``: table -> column -> kind of `csr_lib.core.text.FORMATS`; under ``"*"`` for all tables;
    - ``table_groups``: table -> leading columns whose repeated values are shown once;
    - ``_draw_<figure>(self, lang) -> Drawing``, made of functions of `csr_lib.show`;
    - `drawn_from` of the instance names the figures there are, in order, and the tables each is drawn from;
    - `_shown(name)`, where a table is shown in another shape than it is kept;
    - `_values(name, lang)` gives what the sentences of table or figure `name` are filled with.

    The words stand in the catalogue: ``<analysis>.table.<name>.title`` and, if wanted, ``.note``;
    ``<analysis>.figure.<name>.caption`` and ``.alt`` (what the picture shows, with its main values).
    """

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = {}
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = {}

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        """Return the values that the title, note, caption and alternative text of `name` are filled with."""
        return {}

    def _shown(self, name: str) -> pd.DataFrame:
        """Return the frame of table `name` as it is shown, which may have another shape than the tidy one that is exported."""
        return self.tables[name]

    def _emphasis(self, name: str) -> Sequence[int]:
        """Return the positions of the rows of table `name` that are set in bold."""
        return ()

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures that there are."""
        return tuple(self.drawn_from)

    def _absent(self, name: str, lang: str) -> Shown | None:
        """Return a line that says why this study has no table or figure `name`: ``<analysis>.absent.<name>`` of the catalogue."""
        key = f"{self.analysis}.absent.{name}"
        if not has_text(key, lang):
            return None
        said = text(key, lang, **self._values(name, lang))
        return Shown(f'<p class="csr-note csr-absent">{escape(said)}</p>', said)

    def table(self, name: str, lang: str | None = None) -> Table | Shown:
        """Return the table `name` as it is shown, with title and note; a line that says why, where the study has none.

        Raises OptionError for a name that no study has a table of, or a language that there is not.
        """
        lang = language(lang, self.lang)
        if name not in self.tables:
            absent = self._absent(name, lang)
            if absent is not None:
                return absent
            raise OptionError([unknown(name, self.tables, what="table", where=f"result of {self.analysis}")])
        frame, columns = self._shown(name), self.table_columns.get(name)
        values = {"confidence": self.confidence, **self._values(name, lang)}
        key = f"{self.analysis}.table.{name}"
        basis = self.bases.get(name, self.basis)
        further = [text(f"{key}.note", lang, **values)] if has_text(f"{key}.note", lang) else []
        if hidden := self.withheld_note(frame, lang):
            further.append(hidden)
        return three_line(
            frame,
            name=name,
            lang=lang,
            title=text(f"{key}.title", lang, **values),
            columns=None if columns is None else [c for c in columns if c in frame.columns],
            headings=self._headings(name, frame.columns, lang),
            formats={
                c: k
                for c, k in {**self.table_formats.get("*", {}), **self.table_formats.get(name, {})}.items()
                if c in frame.columns
            },
            labels=self.labels,
            note=cards.table_note(basis, lang, *further),
            emphasis=self._emphasis(name),
            group_by=self.table_groups.get(name, ()),
            confidence=self.confidence,
        )

    def _headings(self, name: str, columns: Iterable[str], lang: str) -> dict[str, str]:
        """Return headings that differ from the common ones: those of one table, ``….heading.<name>``, else the analysis's."""
        at = (f"{self.analysis}.heading.{name}", f"{self.analysis}.column")
        keys = {c: next((f"{k}.{c}" for k in at if has_text(f"{k}.{c}", lang)), "") for c in columns}
        return {c: text(key, lang) for c, key in keys.items() if key}

    def figure(self, name: str | None = None, lang: str | None = None) -> Figure | Shown:
        """Return the figure `name` (by default the first) with caption and alternative text; a line that says why there is none.

        Raises OptionError for a name that no study has a figure of, or a language that there is not.
        """
        lang = language(lang, self.lang)
        if name is None and self.figures:
            name = self.figures[0]
        if name is None or name not in self.figures:
            absent = self._absent(str(name), lang)
            if absent is not None:
                return Shown("", absent.plain) if name in self.table_columns else absent  # once is enough: its table says why
            raise OptionError([unknown(str(name), self.figures, what="figure", where=f"result of {self.analysis}")])
        draw: Callable[[str], Drawing] = getattr(self, f"_draw_{name}")
        values = {"confidence": self.confidence, **self._values(name, lang)}
        key = f"{self.analysis}.figure.{name}"
        return Figure.of(draw(lang), name, text(f"{key}.caption", lang, **values), text(f"{key}.alt", lang, **values))

    def plot(self, name: str | None = None, lang: str | None = None) -> LiveFigure:
        """Return the figure `name` (by default the first) as a live matplotlib figure."""
        found = self.figure(name, lang)
        if not isinstance(found, Figure):
            raise OptionError(found.plain, where=f"result of {self.analysis}, figure {name}")
        return found.matplotlib()

    def show_headline(self, lang: str | None = None) -> Shown:
        """Return the numbers of the headline as cards."""
        lang = language(lang, self.lang)
        return Shown(cards.headline_cards(self.headline, lang, self.confidence))

    def show_checks(self, lang: str | None = None) -> Shown:
        """Return all checks with their verdicts as a table."""
        lang = language(lang, self.lang)
        plain = "\n".join(f"{text(f'verdict.{c.verdict}', lang)}: {c.sentence(lang)}" for c in self.checks)
        return Shown(cards.checks_table(self.checks, lang), plain)

    def show_findings(self, lang: str | None = None, level: Level | None = None) -> Shown:
        """Return findings, recommendations and what cannot be believed as lists; one `level` only where asked for."""
        lang = language(lang, self.lang)
        levels = [level] if level else ["key", "detail", "action", "limit"]
        return Shown(cards.findings_lists(self, lang, levels), "\n".join(self.findings(lang, level=level)))

    def show_method(self, lang: str | None = None) -> Shown:
        """Return a paragraph about the method that can be cited, and its references."""
        lang = language(lang, self.lang)
        return Shown(cards.method_paragraph(self, lang), "\n".join(self.findings(lang, level="method")))

    def show_provenance(self, lang: str | None = None) -> Shown:
        """Return where the answers came from and what is needed to compute the result again."""
        lang = language(lang, self.lang)
        return Shown(cards.provenance_table(self, lang), words(self.source.title, lang))

    def note(self, basis: Basis | None = None, lang: str | None = None) -> str:
        """Return the sentence on n, weights and missing answers; plain text."""
        return cards.basis_sentence(basis or self.basis, language(lang, self.lang))

    def __str__(self) -> str:
        return "\n".join([words(self.source.title, self.lang), self.note(), *self.findings(level="key")])

    def _repr_html_(self) -> str:
        return cards.result_card(self, language(None, self.lang), self.figures)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": self._repr_html_(), "text/plain": str(self), RESULT_MIME: self.to_dict()}
