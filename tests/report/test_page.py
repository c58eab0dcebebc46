"""The page: one file that loads nothing, in one language, made of the notebook's prose and the Result in it."""

import copy
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import toy as toy_module

from csr_lib.core.result import RESULT_MIME, Result
from csr_lib.report.execute import ReportError
from csr_lib.report.page import find_result, make_page
from csr_lib.show.tables import three_line
from csr_lib.study import open_study


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and its visible text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.said: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != [("style", {})]:
            self.said.append(data)

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]


def executed(folder: Path, lang: str) -> nbformat.NotebookNode:
    """The toy notebook as it is after execution, without the cost of a kernel."""
    toy_module.write(folder)
    survey = open_study(folder / "study.yml", lang=lang)
    result = toy_module.toy(survey, seed=1)
    nb = toy_module.notebook()
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        shown = None
        if cell.source.startswith("result = "):
            shown = result
        elif cell.source.startswith("result."):
            shown = eval(cell.source, {"result": result})
        if shown is not None:
            data = {"text/html": shown._repr_html_()}
            if shown is result:
                data[RESULT_MIME] = result.to_dict()
            cell.outputs = [nbformat.v4.new_output("execute_result", data=data)]
        elif "warn(" in cell.source:
            said = f"{folder}/toy.py:3: UserWarning: a glyph <b>is</b> missing\n  warnings.warn('…')\n"
            cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text=said)]
    return nb


def page_of(folder: Path, lang: str) -> str:
    nb = executed(folder, lang)
    return make_page(nb, Result.from_dict(find_result(nb, "toy")), lang)


@pytest.fixture(scope="module", params=["zh", "en"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return request.param, page_of(tmp_path_factory.mktemp("page"), request.param)


def test_it_loads_nothing_and_runs_nothing(page: tuple[str, str]) -> None:
    tags = Tags(page[1])
    assert {tag for tag, _ in tags.tags}.isdisjoint({"script", "link", "iframe", "object", "embed", "form", "base"})
    for url in [*tags.values("src"), *tags.values("srcset")]:
        assert url.startswith("data:image/")
    assert all(url.startswith(("#", "https://")) for url in tags.values("href"))
    assert not re.search(r"url\((?!data:)", page[1])
    assert "@import" not in page[1]
    assert not [name for _, attrs in tags.tags for name in attrs if name.startswith("on") or name == "style"]
    policy = next(attrs["content"] for _, attrs in tags.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_it_speaks_its_own_language_only(page: tuple[str, str]) -> None:
    lang, html = page
    said = "".join(Tags(html).said)
    assert html.startswith(f'<!DOCTYPE html>\n<html lang="{"zh-Hans" if lang == "zh" else "en"}">')
    assert ("这是问题" in said) == (lang == "zh")
    assert ("This is the question" in said) == (lang == "en")
    assert ("图 1" if lang == "zh" else "Figure 1") in said
    assert ("表 1" if lang == "zh" else "Table 1") in said


def test_it_shows_no_code_and_no_parameters(page: tuple[str, str]) -> None:
    said = "".join(Tags(page[1]).said)
    for code in ("import", "result.", "study: str", "warn("):
        assert code not in said


def test_the_contents_list_leads_to_every_section(page: tuple[str, str]) -> None:
    tags = Tags(page[1])
    ids = tags.values("id")
    assert len(ids) == len(set(ids))
    assert {url[1:] for url in tags.values("href") if url.startswith("#")} <= set(ids)
    assert {"s1", "s2", "s3", "provenance", "main"} <= set(ids)


def test_the_method_is_folded_away_under_its_heading(page: tuple[str, str]) -> None:
    html = page[1]
    assert html.count('<details class="csr-method">') == 1
    assert (
        html.index('<h2 id="s1">') < html.index('<details class="csr-method">') < html.index("<mfrac>") < html.index("</details>")
    )


@pytest.mark.parametrize(("rows", "folded"), [(20, False), (21, True)])
def test_a_table_of_more_than_twenty_rows_is_folded_away(tmp_path: Path, rows: int, folded: bool) -> None:
    nb = executed(tmp_path, "en")
    long = three_line(pd.DataFrame({"n": range(rows)}), name="long", lang="en", title="A long table")
    cell = nbformat.v4.new_code_cell('result.table("long")')
    cell.outputs = [nbformat.v4.new_output("execute_result", data={"text/html": long._repr_html_()})]
    nb.cells.append(cell)
    html = make_page(nb, Result.from_dict(find_result(nb, "toy")), "en")
    before = html[: html.index('id="tab-long"')]
    assert before.count("<details") - before.count("</details>") == int(folded)


def test_text_of_the_study_is_shown_and_never_run(page: tuple[str, str]) -> None:
    html = page[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
    assert "<img src=x" not in html


def test_title_block_findings_and_provenance_come_from_the_result(page: tuple[str, str]) -> None:
    lang, html = page
    said = "".join(Tags(html).said)
    expected = {
        "zh": ["玩具分析", "模拟数据", "测试数据", "平均分", "得分最高的是口味（3.00）。", "40"],
        "en": ["Toy analysis", "Simulated data", "=HYPERLINK", "Mean score", "(3.00).", "40"],
    }
    for part in [*expected[lang], "study.yml", "answers.csv", "numpy", "csr_lib 0."]:
        assert part in said


def test_messages_of_the_computation_are_told_without_paths(page: tuple[str, str]) -> None:
    assert "UserWarning: a glyph &lt;b&gt;is&lt;/b&gt; missing" in page[1]
    assert "toy.py" not in page[1]


def test_every_picture_has_its_alternative_text(page: tuple[str, str]) -> None:
    pictures = [attrs for tag, attrs in Tags(page[1]).tags if tag == "img"]
    assert pictures
    assert all(attrs.get("alt") for attrs in pictures)


def test_the_same_inputs_give_the_same_bytes_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "elsewhere").mkdir()
    first, second = (page_of(tmp_path / name, "zh") for name in ("a", "elsewhere"))
    assert first == second
    assert str(tmp_path) not in first


def test_the_notebook_is_not_changed(tmp_path: Path) -> None:
    nb = executed(tmp_path, "en")
    before = copy.deepcopy(nb)
    make_page(nb, Result.from_dict(find_result(nb, "toy")), "en")
    assert nb == before


def test_a_notebook_without_a_result_is_an_error() -> None:
    with pytest.raises(ReportError, match="shows no Result of 'toy'"):
        find_result(toy_module.notebook(), "toy")


def test_a_section_with_nothing_to_show_is_left_out_and_the_footer_says_why(tmp_path: Path) -> None:
    nb = executed(tmp_path, "en")
    before = make_page(nb, Result.from_dict(find_result(nb, "toy")), "en")
    nb.cells += [
        nbformat.v4.new_markdown_cell("## Competitors", metadata={"tags": ["en"]}),
        nbformat.v4.new_code_cell(
            "result.table('competitors')",
            outputs=[
                nbformat.v4.new_output(
                    "execute_result", data={"text/html": '<p class="csr-note csr-absent">Nobody rated a competitor &amp; Co.</p>'}
                )
            ],
        ),
    ]
    page = make_page(nb, Result.from_dict(find_result(nb, "toy")), "en")
    assert ">Competitors<" not in page
    assert "Nobody rated a competitor &amp; Co." in page[page.index('id="provenance"') :]
    assert "Nobody rated a competitor" not in before
