"""A small analysis for tests of the report: means of the indicators, shown as a real analysis shows them.

It is imported by the tests and, from a copy beside the toy notebook, by the notebook's kernel. Its words are put into the
loaded catalogues, because the library's own hold no toys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from csr_lib.analyses._options import BaseOptions
from csr_lib.analyses._result import AnalysisResult
from csr_lib.core.check import Check, Finding, Headline
from csr_lib.core.errors import Problem
from csr_lib.core.text import catalogue
from csr_lib.show.figure import Drawing

ZH = {
    "analysis.toy": "玩具分析",
    "headline.toy_mean": "平均分",
    "finding.toy_best": "得分最高的是{label}（{mean:points}）。",
    "finding.toy_method": "均值按个案加权。",
    "toy.table.means.title": "各指标均值",
    "toy.figure.means.caption": "均值",
    "toy.figure.means.alt": "各指标均值的条形图",
}
EN = {
    "analysis.toy": "Toy analysis",
    "headline.toy_mean": "Mean score",
    "finding.toy_best": "The best score has {label} ({mean:points}).",
    "finding.toy_method": "Means are weighted by case.",
    "toy.table.means.title": "Means of the indicators",
    "toy.figure.means.caption": "Means",
    "toy.figure.means.alt": "Bars of the means of the indicators",
}
catalogue("zh").update(ZH)
catalogue("en").update(EN)


class Options(BaseOptions):
    """Nothing of its own."""


def feeds(study: Any, **options: Any) -> list[Problem]:
    """The toy needs two indicators."""
    return [] if len(study.indicators) > 1 else [Problem("one indicator is too few", "indicators", "two or more", "add one")]


@dataclass(frozen=True, kw_only=True)
class ToyResult(AnalysisResult):
    """Means of the indicators."""

    analysis = "toy"

    def _draw_means(self, lang: str) -> Drawing:
        frame = self.tables["means"]

        def draw(fig: Any, narrow: bool) -> None:
            fig.subplots().barh([self.label(k, lang) for k in frame["indicator"]], frame["mean"])

        return Drawing(draw)


def toy(survey: Any, seed: int | None = None) -> ToyResult:
    """Return the weighted means of the indicators."""
    ratings = survey.ratings("perception")
    means = {name: float((ratings[name] * survey.weights).sum() / survey.weights.sum()) for name in ratings}
    best = max(means, key=lambda name: means[name])
    return ToyResult(
        lang=survey.lang,
        source=survey.source(),
        basis=survey.basis(),
        seed=seed,
        headline=(Headline("toy_mean", sum(means.values()) / len(means), "points"),),
        tables={"means": pd.DataFrame({"indicator": list(means), "mean": list(means.values()), "n": len(ratings)})},
        checks=(Check.against("sample_size", float(len(ratings)), "group_n", n=len(ratings)),),
        found=(
            Finding("toy_best", {"label": survey.label(best), "mean": means[best]}, "good", "key"),
            Finding("toy_method", level="method"),
        ),
        labels={name: survey.label(name) for name in means},
        drawn_from={"means": ("means",)},
        references=("kish1965",),
    )


def _cell(kind: str, source: str, *tags: str) -> Mapping[str, Any]:
    make = nbformat.v4.new_markdown_cell if kind == "md" else nbformat.v4.new_code_cell
    return make(source, metadata={"tags": list(tags)} if tags else {})  # type: ignore[no-any-return]


PARAMETERS = """study: str = "study.yml"  # the study file
lang: str = "zh"  # language of the report
wave: str | None = None  # only this wave
where: dict[str, str] | None = None  # only these groups
seed: int | None = None  # of every random step
fail: bool = False  # fail on purpose
silent: bool = False  # show no result"""


OPENING = """import warnings

from toy import toy

from csr_lib import open_study

survey = open_study(study, lang=lang).where(where)"""


def notebook() -> Any:
    """Return the toy's notebook."""
    cells = [
        _cell("md", "# 玩具分析\n\n这是问题。", "zh"),
        _cell("md", "# Toy analysis\n\nThis is the question.", "en"),
        _cell("code", PARAMETERS, "parameters"),
        _cell("code", OPENING),
        _cell("code", "warnings.warn('the toy warns')"),
        _cell("code", "result = toy(survey, seed)\nNone if silent else result"),
        _cell("md", "## 方法 $\\bar x$\n\n按个案加权：", "zh", "method"),
        _cell("md", "## Method $\\bar x$\n\nWeighted by case:", "en", "method"),
        _cell("md", "$$\\bar x = \\frac{\\sum_i w_i x_i}{\\sum_i w_i}$$ 其中 $w_i$ 为权重。", "zh", "formula"),
        _cell("md", "$$\\bar x = \\frac{\\sum_i w_i x_i}{\\sum_i w_i}$$ with weights $w_i$.", "en", "formula"),
        _cell("md", "## 均值", "zh"),
        _cell("md", "## Means", "en"),
        _cell("code", "result.figure('means')"),
        _cell("code", "result.table('means')"),
        _cell("code", "1 / 0 if fail else None"),
        _cell("md", "## 结论", "zh"),
        _cell("md", "## Conclusion", "en"),
        _cell("code", "result.show_checks()"),
        _cell("code", "result.show_findings()"),
        _cell("code", "result.show_method()"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


STUDY = """\
id: cafe
title: {zh: 咖啡店 <script>alert(1)</script>, en: Café <script>alert(1)</script>}
source: {zh: 测试数据, en: "=HYPERLINK(\\"http://example.org\\")"}
simulated: true
answers: answers.csv
scale: {min: 1, max: 5}
segments:
  town: {label: {zh: 城市, en: Town}}
indicators:
  taste: {label: {zh: 口味, en: "Taste <img src=x onerror=alert(1)>"}, perception: Q1}
  price: {label: {zh: "=1+1", en: "=1+1"}, perception: Q2}
"""


def write(folder: Any) -> None:
    """Write study, answers, notebook and this module (for the kernel) into `folder`."""
    (folder / "study.yml").write_text(STUDY, encoding="utf-8")
    rows = "\n".join(f"{'north' if i % 2 else 'south'},{1 + i % 5},{1 + i % 4}" for i in range(40))
    (folder / "answers.csv").write_text(f"town,Q1,Q2\n{rows}\n", encoding="utf-8")
    (folder / "toy.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    nbformat.write(notebook(), folder / "toy.ipynb")
