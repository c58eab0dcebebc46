"""From study to page: everything checked first, both files put in place at once, a failure kept and told."""

import asyncio
import json
from pathlib import Path

import nbformat
import pytest

from csr_lib.core.errors import AnalysisError, CsrError, OptionError
from csr_lib.report import Job, make_report, make_reports
from csr_lib.report.execute import ReportError
from csr_lib.report.job import _stem


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.notebooks
def test_the_same_job_gives_the_same_bytes_and_leaves_nothing_else(toy_folder: Path, tmp_path: Path) -> None:
    pages = [
        make_report("toy", toy_folder, "en", tmp_path / out, {"where": "{town: north}"}, notebooks=toy_folder) for out in "ab"
    ]
    assert names(pages[0].parent) == ["toy.town-north.en.html", "toy.town-north.en.xlsx"]
    assert pages[0] == tmp_path / "a" / "cafe" / "toy.town-north.en.html"
    for first, second in [pages, [page.with_suffix(".xlsx") for page in pages]]:
        assert first.read_bytes() == second.read_bytes()
    page = pages[0].read_text(encoding="utf-8")
    assert str(tmp_path) not in page
    assert "n = 20" in page
    assert "UserWarning: the toy warns" in page


@pytest.mark.notebooks
def test_a_failed_report_is_kept_and_told_and_leaves_the_earlier_one(toy_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "reports" / "cafe"
    out.mkdir(parents=True)
    (out / "toy.fail-true.zh.html").write_text("the earlier report")
    with pytest.raises(ReportError) as error:
        make_report("toy", toy_folder, "zh", out.parent, {"fail": "true"}, notebooks=toy_folder)
    said = str(error.value)
    assert "ZeroDivisionError: division by zero" in said
    assert "toy.ipynb, cell 15 (1 / 0 if fail else None)" in said
    assert "toy.fail-true.zh.failed.ipynb" in said
    assert names(out) == ["toy.fail-true.zh.failed.ipynb", "toy.fail-true.zh.html"]
    assert (out / "toy.fail-true.zh.html").read_text() == "the earlier report"
    kept = nbformat.read(out / "toy.fail-true.zh.failed.ipynb", as_version=4)
    assert any(output.output_type == "error" for cell in kept.cells for output in cell.get("outputs", []))


@pytest.mark.notebooks
def test_a_notebook_that_shows_no_result_fails_and_a_later_success_clears_up(toy_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="shows no Result"):
        make_report("toy", toy_folder, "en", tmp_path / "out", {"silent": True}, notebooks=toy_folder)
    assert names(tmp_path / "out" / "cafe") == ["toy.silent-true.en.failed.ipynb"]
    nb = nbformat.read(toy_folder / "toy.ipynb", as_version=4)
    for cell in nb.cells:
        cell.source = cell.source.replace("None if silent else result", "result")
    nbformat.write(nb, toy_folder / "toy.ipynb")
    make_report("toy", toy_folder, "en", tmp_path / "out", {"silent": True}, notebooks=toy_folder)
    assert names(tmp_path / "out" / "cafe") == ["toy.silent-true.en.html", "toy.silent-true.en.xlsx"]


@pytest.mark.notebooks
def test_a_kernel_that_dies_is_told_and_the_notebook_kept(toy_folder: Path, tmp_path: Path) -> None:
    nb = nbformat.read(toy_folder / "toy.ipynb", as_version=4)
    for cell in nb.cells:
        cell.source = cell.source.replace("1 / 0 if fail else None", "import os\n\nos._exit(1)")
    nbformat.write(nb, toy_folder / "toy.ipynb")
    with pytest.raises(ReportError, match="process ended") as error:
        make_report("toy", toy_folder, "en", tmp_path / "out", notebooks=toy_folder)
    assert "memory" in str(error.value)
    kept = nbformat.read(tmp_path / "out" / "cafe" / "toy.en.failed.ipynb", as_version=4)
    assert any("Means of the indicators" in str(cell.get("outputs")) for cell in kept.cells)


@pytest.mark.notebooks
def test_no_kernel_of_the_user_is_used(toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({"argv": ["/bin/false"], "display_name": "x", "language": "python"}))
    start = tmp_path / "ipython" / "profile_default" / "startup"
    start.mkdir(parents=True)
    (start / "x.py").write_text("raise SystemExit('a start-up file of the user ran')")
    monkeypatch.setenv("JUPYTER_PATH", str(spec.parents[1]))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(spec.parents[1]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    assert make_report("toy", toy_folder, "en", tmp_path / "out", notebooks=toy_folder).is_file()


@pytest.mark.notebooks
def test_a_report_that_fails_does_not_touch_the_others(toy_folder: Path, tmp_path: Path) -> None:
    jobs = [Job("toy", toy_folder, "en", tmp_path / "out", {"fail": fail}, toy_folder) for fail in ("true", "false", "perhaps")]
    seen = []
    outcomes = make_reports(jobs, 2, seen.append)
    assert [outcome.page is not None for outcome in outcomes] == [False, True, False]
    assert [outcome.job for outcome in outcomes] == jobs
    assert len(seen) == 3
    assert "ZeroDivisionError" in outcomes[0].error
    assert "'fail' cannot be 'perhaps'" in outcomes[2].error


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"parameters": {"sed": "1"}}, OptionError, "did you mean 'seed'?"),
        ({"parameters": {"a=1;print()#": "1"}}, OptionError, "not the name of a parameter"),
        ({"parameters": {"seed": "-1"}}, OptionError, "seed"),
        ({"parameters": {"where": "{twn: north}"}}, CsrError, "town"),
        ({"parameters": {"where": "{town: east}"}}, CsrError, "north"),
        ({"parameters": {"wave": "2013"}}, CsrError, "wave"),
        ({"analysis": "toyy"}, OptionError, "unknown analysis"),
        ({"lang": "fr"}, OptionError, "zh"),
        ({"study": "nowhere.yml"}, CsrError, "nowhere.yml"),
        ({"notebooks": "nowhere"}, CsrError, "toy.ipynb"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(
    toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict, error: type[CsrError], said: str
) -> None:
    def never(*args: object) -> None:
        raise AssertionError("the notebook was executed")

    monkeypatch.setattr("csr_lib.report.job.execute", never)
    job = {"analysis": "toy", "study": toy_folder, "lang": "en", "out": tmp_path / "out", "notebooks": toy_folder, **change}
    with pytest.raises(error) as raised:
        make_report(**job)
    assert said in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_study_that_cannot_feed_the_analysis_is_told_what_it_lacks(toy_folder: Path, tmp_path: Path) -> None:
    study = (toy_folder / "study.yml").read_text(encoding="utf-8")
    (toy_folder / "study.yml").write_text(study[: study.index("  price:")], encoding="utf-8")
    with pytest.raises(AnalysisError, match="one indicator is too few"):
        make_report("toy", toy_folder, "en", tmp_path, notebooks=toy_folder)


def test_broken_answers_are_told_before_anything_runs(toy_folder: Path, tmp_path: Path) -> None:
    (toy_folder / "answers.csv").write_text("town,Q1,Q2\nnorth,1,9\nsouth,x,2\n", encoding="utf-8")
    with pytest.raises(CsrError) as error:
        make_report("toy", toy_folder, "en", tmp_path, notebooks=toy_folder)
    assert len(error.value.problems) == 2
    assert "answers.csv" in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "stem"),
    [
        ({}, "toy.zh"),
        ({"wave": "2013"}, "toy.2013.zh"),
        ({"seed": 3, "wave": "2013"}, "toy.2013.seed-3.zh"),
        ({"where": {"region": "北", "tier": "key"}}, "toy.region-北.tier-key.zh"),
        ({"groups": ["a", "b"]}, "toy.groups-a-b.zh"),
        ({"wave": None}, "toy.zh"),
    ],
)
def test_the_name_says_what_the_report_is_of(parameters: dict, stem: str) -> None:
    assert _stem(Job("toy", Path("x")), parameters) == stem


def test_values_that_cannot_stand_in_a_file_name_keep_apart() -> None:
    stems = {_stem(Job("toy", Path("x")), {"wave": value}) for value in ("a/b", "a:b", "a_b", "../b", "b" * 300)}
    assert len(stems) == 5
    assert all("/" not in stem and ".." not in stem and len(stem) < 80 for stem in stems)


@pytest.mark.notebooks
def test_a_report_can_be_made_from_a_notebook_where_an_event_loop_runs(toy_folder: Path, tmp_path: Path) -> None:
    async def cell() -> Path:
        return make_report("toy", toy_folder, "en", tmp_path / "out", notebooks=toy_folder)

    assert asyncio.run(cell()).is_file()
