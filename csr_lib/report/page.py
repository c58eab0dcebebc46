"""The page: an executed notebook and the Result in it become one self-contained HTML file."""

from __future__ import annotations

import copy
import html
import re
import threading
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.preprocessors import TagRemovePreprocessor
from nbformat import NotebookNode

from csr_lib.core.result import RESULT_MIME, Result
from csr_lib.core.text import LANGUAGES, text, unfolded, words
from csr_lib.report.execute import ReportError, warnings_of
from csr_lib.report.fonts import font_face
from csr_lib.report.markup import Prose, clean, numbered
from csr_lib.report.provenance import analysis_name, provenance_rows
from csr_lib.show import cards

#: Tags of cells that are folded away -> what the fold is called.
_FOLDED = {"method": "method_folded", "formula": "method_folded", "details": "details_folded"}
#: A table of more rows than this is folded away, tagged or not: nobody reads it from end to end.
_LONG = 20
_NEVER_SHOWN = {"parameters", "injected-parameters"}
_HEADING = re.compile(r"\A\s*(#{1,6} [^\n]*)\n*")
_RENDERING = threading.Lock()  # exporter and templates are made once per process; reports may come from several threads


def find_result(nb: NotebookNode, analysis: str) -> dict[str, Any]:
    """Return the Result, as its JSON values, that the executed notebook showed.

    Raises ReportError where it showed none of this analysis.
    """
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {}).get(RESULT_MIME)
            if shown is not None and shown["analysis"] == analysis:
                return dict(shown)
    raise ReportError(
        f"the notebook shows no Result of '{analysis}'",
        where=f"{analysis}.ipynb",
        mend="let a cell end with the name of the result",
    )


def make_page(nb: NotebookNode, result: Result, lang: str) -> str:
    """Return the page of an executed notebook: HTML5 that loads nothing and runs nothing.

    Parameters
    ----------
    nb : the executed notebook; it is not changed.
    result : the Result that it showed; title block, key findings and provenance are made of it alone.
    lang : ``zh`` or ``en``; prose of the other language is left out.
    """
    said = warnings_of(nb)
    with _RENDERING:
        nb = _prepared(nb, lang)
        lead = _lead(nb)
        absent = _take_out_empty_sections(nb)
        given = {"prose": Prose(lang)}
        body, used = _exporter().from_notebook_node(nb, {"csr": given})  # which works on a copy of what it is given
        prose = used["csr"]["prose"]
        body = numbered(body, lang).replace(
            '<div class="csr-table csr-checks"', '<div id="checks" class="csr-table csr-checks"', 1
        )
        body = body.replace(
            '<div class="csr-table', '<div tabindex="0" class="csr-table'
        )  # what scrolls can be reached by keyboard
        counts = {v: [c for c in result.checks if c.verdict == v] for v in ("pass", "warn", "fail")}
        page = _frame().render(
            t=lambda key, **values: text(f"report.{key}", lang, **values),
            words=lambda value: words(value, lang),
            lang="zh-Hans" if lang == "zh" else "en",
            css=Markup(_file("style.css")),
            result=result,
            title=analysis_name(result, lang),
            period=result.source.period,
            filters=[
                tuple(words(result.source.filter_labels.get(key, plain), lang) for key, plain in ((k, k), (f"{k}=", v)))
                for k, v in result.source.filters.items()
            ],
            basis=result.note(lang=lang) if hasattr(result, "note") else cards.basis_sentence(result.basis, lang),
            lead=Markup(prose.html(lead)),
            cards=Markup(cards.headline_cards(result.headline, lang, result.confidence)),
            key_findings=[(f.sentence(lang), f.tone) for f in result.found if f.level == "key"],
            counts=counts,
            doubtful=[(c.title(lang), c.sentence(lang), c.verdict) for c in [*counts["fail"], *counts["warn"]]],
            sections=[(name, Markup(heading)) for name, heading in prose.sections],
            body=Markup(body),
            notes=unfolded(words(result.source.notes, lang)),
            provenance=provenance_rows(result, lang, absent),
            warnings=said,
        )
    return page.replace("/*font*/", font_face(page, lang), 1)


def _prepared(nb: NotebookNode, lang: str) -> NotebookNode:
    """A copy of the notebook with what the page shows: cards that the title block repeats are taken out, method is folded."""
    nb = copy.deepcopy(nb)
    hidden = _NEVER_SHOWN | set(LANGUAGES) - {lang}
    nb, _ = TagRemovePreprocessor(enabled=True, remove_cell_tags=hidden).preprocess(nb, {})
    cells: list[NotebookNode] = []
    for cell in nb.cells:
        fold = next((key for tag, key in _FOLDED.items() if tag in cell.metadata.get("tags", [])), None)
        fold = fold or (_FOLDED["details"] if cell.cell_type == "code" and _rows(cell) > _LONG else None)
        cell.metadata.csr_folded = fold is not None
        cell.metadata.csr_fold_title = text(f"report.{fold}", lang) if fold else ""
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _is_shown(output)]
            if not cell.outputs:
                continue
            if _absent(cell) is not None:  # a line that says why there is nothing needs no fold, and none is no fold at all
                cell.metadata.csr_folded = False
        elif cell.metadata.csr_folded and not (cells and cells[-1].metadata.csr_folded):
            cells += _heading_before(cell)  # the heading of a folded part stays in sight
        if cell.cell_type == "code" or cell.source.strip():
            cells.append(cell)
    for before, cell, after in zip([None, *cells], cells, [*cells[1:], None], strict=False):
        folded = cell.metadata.csr_folded
        cell.metadata.csr_fold_starts = folded and not (before is not None and before.metadata.csr_folded)
        cell.metadata.csr_fold_ends = folded and not (after is not None and after.metadata.csr_folded)
    nb.cells = cells
    return nb


def _lead(nb: NotebookNode) -> str:
    """Take the opening cell out of the notebook, the one that begins with its title, and return what follows the title."""
    if nb.cells and nb.cells[0].cell_type == "markdown" and nb.cells[0].source.lstrip().startswith("# "):
        return str(nb.cells.pop(0).source)
    return ""


def _take_out_empty_sections(nb: NotebookNode) -> list[str]:
    """Take out the sections that have nothing to show for want of data; return what they said, which goes to the footer."""
    kept: list[NotebookNode] = []
    said: list[str] = []
    section: list[NotebookNode] = []
    for cell in [*nb.cells, None]:
        if cell is None or (cell.cell_type == "markdown" and cell.source.lstrip().startswith("## ")):
            shown = [_absent(c) for c in section if c.cell_type == "code"]
            if shown and all(absent is not None for absent in shown):
                said += [absent for absent in shown if absent]
            else:
                kept += section
            section = []
        if cell is not None:
            section.append(cell)
    nb.cells = kept
    return list(dict.fromkeys(said))


def _absent(cell: NotebookNode) -> str | None:
    """What a cell says in place of a table or figure that the study lacks, "" where another says it; None if it shows one."""
    shown = [output.get("data", {}).get("text/html") for output in cell.outputs]
    if not all(content is not None and (not content or 'class="csr-note csr-absent"' in content[:40]) for content in shown):
        return None
    return " ".join(re.sub(r"<[^>]*>", "", html.unescape(content)) for content in shown if content)


def _rows(cell: NotebookNode) -> int:
    """Return how many rows the tables have that a cell shows; a list of checks is none of them."""
    shown = (str(output.get("data", {}).get("text/html", "")) for output in cell.outputs if _is_shown(output))
    return sum(table.count("<tr") - 1 for table in shown if table.startswith('<div class="csr-table" '))


def _heading_before(cell: NotebookNode) -> list[NotebookNode]:
    match = _HEADING.match(cell.source)
    if not match:
        return []
    heading = copy.deepcopy(cell)
    heading.source, cell.source = match.group(1), cell.source[match.end() :]
    heading.metadata.csr_folded = False
    heading.id = f"{cell.id}-heading"
    return [heading]


def _is_shown(output: NotebookNode) -> bool:
    if output.output_type == "stream":
        return output.name == "stdout" and bool(output.text.strip())
    data = output.get("data", {})
    return RESULT_MIME not in data and "csr-provenance" not in data.get("text/html", "")[:200]


class _BodyExporter(HTMLExporter):
    """Writes the cells of a notebook. What the parent does with code, and to the finished HTML, this template has no use for."""

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kw: Any) -> tuple[Any, dict[str, Any]]:
        return TemplateExporter.from_notebook_node(self, nb, self._init_resources(resources), **kw)


@cache
def _exporter() -> HTMLExporter:
    """The exporter, made once: what costs time is reading the templates."""
    exporter = _BodyExporter(template_name="csr", extra_template_basedirs=[str(_template_folder())])
    exporter.register_filter("csr_clean", clean)
    for unused in ("highlight_code", "filter_data_type"):  # the templates that this one extends name them
        exporter.register_filter(unused, lambda value: value)
    return exporter


@cache
def _frame() -> jinja2.Template:
    """The template of what stands round the notebook; it escapes whatever is not marked as HTML."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_file("page.html.j2"))


def _template_folder() -> Path:
    return Path(str(resources.files("csr_lib.report") / "template"))


@cache
def _file(name: str) -> str:
    return (_template_folder() / "csr" / name).read_text(encoding="utf-8")
