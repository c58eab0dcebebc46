"""Every notebook keeps the rules and runs from end to end on its example, in both languages."""

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import openpyxl
import pytest
import yaml

from csr_lib.analyses import ANALYSES
from csr_lib.core.text import LANGUAGES
from csr_lib.report import make_report

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_notebooks", ROOT / "tools" / "check_notebooks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


breaches = _tool().breaches


def example_of(analysis: str) -> Path:
    """The study in data/ whose study.yml names the analysis."""
    studies = sorted((ROOT / "data").glob("*/study.yml"))
    return next(s for s in studies if analysis in (yaml.safe_load(s.read_text(encoding="utf-8")).get("analyses") or {}))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_keeps_the_rules(path: Path) -> None:
    assert breaches(path) == []


@pytest.mark.notebooks
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("analysis", ANALYSES)
def test_a_notebook_runs_from_end_to_end(analysis: str, lang: str, tmp_path: Path) -> None:
    page = make_report(analysis, example_of(analysis), lang, tmp_path)
    assert page.name == f"{analysis}.{lang}.html"
    html = page.read_text(encoding="utf-8")
    assert html.count('class="csr-figure"') >= 2
    assert html.count("<caption>") >= 3
    assert 'id="checks"' in html
    assert "<math" in html
    assert "UserWarning: Glyph" not in html
    assert str(ROOT) not in html
    sheets = openpyxl.load_workbook(page.with_suffix(".xlsx")).sheetnames
    assert len(sheets) >= 6
    assert sorted(p.name for p in page.parent.iterdir()) == [page.name, page.with_suffix(".xlsx").name]


def _notebook(tmp_path: Path, *cells: nbformat.NotebookNode) -> Path:
    parameters = nbformat.v4.new_code_cell('lang: str = "zh"  # language', metadata={"tags": ["parameters"]})
    kernel = {"name": "python3", "display_name": "Python 3"}
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[parameters, *cells], metadata={"kernelspec": kernel}), path)
    return path


def _prose(source: str, *tags: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tags)})


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(): pass", "def"),
        ("[x for x in y]", "for"),
        ("for x in y: pass", "for"),
        ("class A: pass", "class"),
        ("a = b + 1", "arithmetic"),
        ("a +=", "is not Python"),
        ("", "is empty"),
    ],
)
def test_logic_in_a_cell_breaks_the_rules(tmp_path: Path, source: str, said: str) -> None:
    found = breaches(_notebook(tmp_path, nbformat.v4.new_code_cell(source)))
    assert len(found) == 1
    assert said in found[0]


def test_outputs_break_the_rules(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("a", execution_count=1, outputs=[nbformat.v4.new_output("stream", text="x")])
    assert any("outputs" in what for what in breaches(_notebook(tmp_path, cell)))


@pytest.mark.parametrize(
    "cells",
    [
        [_prose("无标签")],
        [_prose("## 中文", "zh")],
        [_prose("## 中文", "zh"), _prose("### English", "en")],
        [_prose("中文", "zh"), _prose("中文", "en")],
        [_prose("中文", "zh", "method"), _prose("English", "en")],
        [_prose("中文", "zh", "nonsense"), _prose("English", "en", "nonsense")],
    ],
    ids=["no tag", "one language", "headings", "wrong language", "tags", "unknown tag"],
)
def test_prose_that_does_not_match_breaks_the_rules(tmp_path: Path, cells: list[nbformat.NotebookNode]) -> None:
    assert breaches(_notebook(tmp_path, *cells))


def test_a_notebook_in_order_breaks_nothing(tmp_path: Path) -> None:
    cells = [_prose("## 方法", "zh"), _prose("## Method", "en"), nbformat.v4.new_code_cell("result = gap(survey)\nresult")]
    assert breaches(_notebook(tmp_path, *cells)) == []
