"""The panel and the notebook: choosers change the view, its line of code makes it again, nothing withheld is offered."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

import csr_lib as csr
from csr_lib.explore.widgets import VIEWS, Panel
from csr_lib.show.figure import Figure

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def power() -> csr.Survey:
    return csr.open_study(ROOT / "data" / "power" / "study.yml", lang="en")


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are named instead of drawn: this is about choosing."""
    monkeypatch.setattr(Figure, "_repr_html_", lambda self: f"<figure>{self.name}</figure>")


@pytest.fixture
def panel(power: csr.Survey) -> Panel:
    return csr.explore.panel(power)


def shown(panel: Panel) -> str:
    (output,) = panel.output.outputs
    return str(output["data"]["text/html"])


def test_what_is_chosen_is_what_is_shown(panel: Panel, power: csr.Survey) -> None:
    panel.filters["wave"].value = "2013"
    panel.construct.value = "Service"
    assert [key for _, key in panel.measure.options] == ["", *power.study.leaves("Service")]
    panel.measure.value = "hotline"
    panel.by.value = "type"
    panel.kind.value = "compare"
    assert panel.view is not None
    assert panel.view.code == 'csr.explore.compare(survey.where({"wave": "2013"}), "hotline", "type")'
    expected = csr.explore.compare(power.wave("2013"), "hotline", "type")
    assert panel.view.sentences == expected.sentences
    assert expected.title in shown(panel)


def test_the_line_under_every_view_makes_it_again(panel: Panel, power: csr.Survey) -> None:
    panel.measure.value = "repair"
    panel.filters["region"].value = "2"
    panel.by.value = "type"
    for kind in VIEWS:
        panel.kind.value = kind
        assert panel.view is not None, panel.message
        assert panel.view.name == kind
        again = eval(panel.view.code, {"csr": csr, "survey": power})
        assert again.sentences == panel.view.sentences
        assert again.selection == panel.view.selection
        assert "Suburbs" in again.selection


def test_choosers_that_a_view_does_not_ask_are_idle(panel: Panel) -> None:
    choosers = (panel.construct, panel.measure, panel.by)
    assert [c.disabled for c in choosers] == [False, False, True]  # a distribution has no groups
    panel.kind.value = "correlations"
    assert [c.disabled for c in choosers] == [False, True, True]
    panel.kind.value = "compare"
    assert [c.disabled for c in choosers] == [False, False, False]


def test_small_groups_are_not_offered_and_small_selections_withheld(tmp_path: Path) -> None:
    groups = [("x", "t")] * 20 + [("y", "u")] * 20 + [("z", "u")] * 3 + [("w", "u")] * 6 + [("x", "u")] * 3
    rows = ["kind,town,a", *(f"{kind},{town},{1 + n % 5}" for n, (kind, town) in enumerate(groups))]
    (tmp_path / "answers.csv").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "study.yml").write_text(
        "id: t\ntitle: T\nanswers: answers.csv\nscale: {min: 1, max: 5}\nindicators: {a: {}}\nsegments: {kind: {}, town: {}}\n",
        encoding="utf-8",
    )
    panel = csr.explore.panel(csr.open_study(tmp_path / "study.yml", lang="en"))
    assert [value for _, value in panel.filters["kind"].options] == ["", "x", "y"]
    panel.filters["kind"].value, panel.filters["town"].value = "x", "u"
    assert panel.view is None
    assert "too few respondents" in panel.message
    assert panel.message in shown(panel)
    panel.filters["kind"].value = "y"
    panel.kind.value = "compare"
    assert "fewer than two groups" in panel.message


def test_a_whole_construct_is_compared_and_a_cross_table_takes_its_first_indicator(panel: Panel) -> None:
    panel.construct.value = "Service"
    panel.kind.value = "compare"
    assert panel.view is not None
    assert panel.view.code == 'csr.explore.compare(survey, "Service", "region")'
    panel.kind.value = "crosstab"
    assert panel.measure.value == "hall"
    assert panel.view.code == 'csr.explore.crosstab(survey, "hall", "region")'


def test_of_all_indicators_the_first_is_taken_where_a_view_needs_one(panel: Panel) -> None:
    panel.kind.value = "compare"
    assert panel.measure.value == "safety"
    assert panel.view is not None
    assert panel.view.code == 'csr.explore.compare(survey, "safety", "region")'


def test_what_cannot_be_shown_is_said_in_the_language_of_the_panel() -> None:
    panel = csr.explore.panel(csr.open_study(ROOT / "data" / "directory" / "study.yml", lang="zh"))
    panel.construct.value = "outcomes"
    panel.kind.value = "crosstab"
    panel.measure.value = "satisfaction"
    assert panel.view is None
    assert "合成得分" in panel.message
    panel.kind.value = "compare"
    assert panel.view is not None


def test_without_a_front_end_the_view_stands_in_the_place_of_the_widgets(panel: Panel) -> None:
    bundle = panel._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert panel.view is not None
    assert panel.view.title in bundle["text/html"]


@pytest.mark.notebooks
def test_the_notebook_runs_without_a_front_end(tmp_path: Path) -> None:
    import papermill

    out = tmp_path / "explore.ipynb"
    folder = ROOT / "notebooks"
    study = str(ROOT / "data" / "bank" / "study.yml")
    papermill.execute_notebook(
        folder / "explore.ipynb",
        out,
        parameters={"study": study, "lang": "en", "construct": "Image"},
        cwd=folder,
        progress_bar=False,
    )
    cells = [c for c in nbformat.read(out, as_version=4).cells if c.cell_type == "code" and c.id.startswith("view-")]
    htmls = ["".join(o["data"].get("text/html", "") for o in c.outputs) for c in cells]
    assert sum("csr.explore." in html for html in htmls) == 6
    assert all("csr-figure" in html for html in htmls[:-1])
