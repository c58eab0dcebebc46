"""The command line: exit codes, and messages that say what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from csr_lib import __version__
from csr_lib.analyses import ANALYSES
from csr_lib.cli import FAILED, INTERRUPTED, OK, WRONG_USE, main
from csr_lib.core.text import LANGUAGES, has_text
from csr_lib.report.execute import ReportError
from csr_lib.report.feeding import feeds_of
from csr_lib.report.terminal import table, width, wrap
from csr_lib.study import Study

STUDY = """\
id: cafe
title: {zh: 咖啡店, en: Café}
answers: answers.csv
scale: {min: 1, max: 5}
indicators:
  taste: {label: {zh: 口味, en: Taste}, perception: Q1}
  price: {label: {zh: 价格, en: Price}, perception: Q2}
"""


@pytest.fixture
def cafe(tmp_path: Path) -> Path:
    (tmp_path / "study.yml").write_text(STUDY, encoding="utf-8")
    rows = "\n".join(f"{1 + i % 5},{1 + i % 4}" for i in range(20))
    (tmp_path / "answers.csv").write_text(f"Q1,Q2\n{rows}\n", encoding="utf-8")
    return tmp_path / "study.yml"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Stands in for make_report and keeps what it was called with."""
    calls: list[tuple] = []

    def make_report(*args: object, **more: object) -> Path:
        calls.append((*args, more))
        return Path("reports/cafe/gap.en.html")

    monkeypatch.setattr("csr_lib.report.job.make_report", make_report)
    return calls


def test_it_runs_as_a_module_too() -> None:
    done = subprocess.run([sys.executable, "-m", "csr_lib", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"csr_lib {__version__}"


def test_help_loads_nothing_heavy() -> None:
    heavy = "[m for m in ('numpy', 'pandas', 'pydantic', 'nbconvert') if m in sys.modules]"
    code = f"import sys, csr_lib.cli\ntry:\n    csr_lib.cli.main(['--help'])\nexcept SystemExit:\n    print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_report_hands_everything_on_and_prints_both_paths(made: list[tuple], capsys: pytest.CaptureFixture[str]) -> None:
    given = ["report", "gap", "--study", "s.yml", "--lang", "en", "--out", "o", "-p", "seed=3", "-p", "where={a: b=c}"]
    assert main(given) == OK
    assert made == [("gap", Path("s.yml"), "en", Path("o"), {"seed": "3", "where": "{a: b=c}"}, {"notebooks": None})]
    assert capsys.readouterr().out.split() == ["reports/cafe/gap.en.html", "reports/cafe/gap.en.xlsx"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["report", "gapp", "--study", "nowhere.yml"], "did you mean 'gap'?"),
        (["report", "gap", "--study", "nowhere.yml"], "nowhere.yml"),
        (["report", "gap", "--study", "s.yml", "-p", "seed"], "NAME=VALUE"),
        (["report", "gap", "--study", "s.yml", "-p", "seed=1", "-p", "seed=2"], "given twice"),
    ],
)
def test_wrong_use_is_one_message_without_a_traceback(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == WRONG_USE
    shown = capsys.readouterr()
    assert shown.err.startswith("csr: ")
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert not shown.out


@pytest.mark.parametrize("given", [[], ["nothing"], ["report"], ["report", "gap", "--study", "s.yml", "--lang", "fr"]])
def test_unknown_commands_and_languages_are_wrong_use(given: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(given)
    assert error.value.code == WRONG_USE


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ReportError("NameError: x", where="gap.ipynb, cell 3"), FAILED, "gap.ipynb, cell 3: NameError: x"),
        (PermissionError(13, "Permission denied", "reports"), FAILED, "Permission denied: reports"),
        (KeyboardInterrupt(), INTERRUPTED, "interrupted"),
    ],
)
def test_a_failure_has_its_own_exit_code(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make_report(*args: object, **more: object) -> None:
        raise error

    monkeypatch.setattr("csr_lib.report.job.make_report", make_report)
    assert main(["report", "gap", "--study", "s.yml"]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_check_of_a_sound_study_says_what_it_can_feed(cafe: Path, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(cafe), "--lang", lang]) == OK
    said = capsys.readouterr().out
    assert {"zh": "未发现问题", "en": "no problems found"}[lang] in said
    for name in ("importance_performance", "gap", "satisfaction_index"):
        assert name in said


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_check_says_in_words_what_is_lacking_and_where(cafe: Path, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(cafe), "--lang", lang])
    said = " ".join(capsys.readouterr().out.split())
    for words in {"zh": ["条件不足", "期望水平", "两期"], "en": ["lacks", "expected level", "two waves or more"]}[lang]:
        assert words in said
    assert "line 5" in said
    assert {feed.analysis for feed in feeds_of(Study.load(cafe))} == set(ANALYSES)


def test_check_tells_a_wrong_option_from_what_is_lacking(cafe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cafe.write_text(f"{STUDY}analyses: {{overview: {{wieghts: equal}}}}\n", encoding="utf-8")
    assert main(["check", str(cafe)]) == FAILED
    assert "weights" in capsys.readouterr().out


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_says_in_both_languages_what_it_needs(name: str) -> None:
    assert all(has_text(f"cli.needs.{name}", lang) for lang in LANGUAGES)


def test_blank_writes_beside_study_yml_and_never_over_anything(cafe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blank", str(cafe), "--lang", "en"]) == WRONG_USE  # the answers are there
    assert "answers.csv" in capsys.readouterr().err
    assert main(["blank", str(cafe), "--lang", "en", "--out", str(cafe.parent / "new")]) == OK
    assert [Path(line).name for line in capsys.readouterr().out.split()] == [
        "questionnaire.en.html",
        "answers.csv",
        "answers.xlsx",
    ]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_plan_prints_sizes_in_all_and_by_stratum(cafe: Path, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = """\
segments: {place: {values: {a: {zh: 甲, en: Aa}, b: b}}}
sampling: {strata: place, quotas: {place: {a: 30, b: 10}}, population: 1000}
"""
    cafe.write_text(STUDY + more, encoding="utf-8")
    assert main(["plan", str(cafe), "--lang", lang, "--response-rate", ".5"]) == OK
    said = capsys.readouterr().out
    for words in ("278", "556", "75.0%", {"zh": "配额", "en": "quotas"}[lang], "place", {"zh": "甲", "en": "Aa"}[lang]):
        assert words in said
    assert main(["plan", str(cafe), "--margin", "0"]) == WRONG_USE


def test_check_lists_every_problem_and_fails(cafe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cafe.parent / "answers.csv").write_text("Q1,Q2\n1,9\n7,2\nx,1\n", encoding="utf-8")
    assert main(["check", str(cafe.parent)]) == FAILED
    said = capsys.readouterr().out
    assert "Problems found: " in said
    assert "answers.csv" in said
    for value in ("'9'", "'7'", "'x'"):
        assert value in said or value.strip("'") in said


def test_check_of_a_wrong_study_names_the_nearest_key(cafe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cafe.write_text(STUDY.replace("indicators:", "indicator:"), encoding="utf-8")
    assert main(["check", str(cafe)]) == FAILED
    assert "indicators" in capsys.readouterr().out


def test_check_fails_where_study_yml_asks_for_what_it_cannot_feed(cafe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cafe.write_text(f"{STUDY}analyses: {{gap: {{}}}}\n", encoding="utf-8")
    assert main(["check", str(cafe)]) == FAILED
    assert "study.yml asks for gap" in capsys.readouterr().out


def test_schema_is_written_to_file_or_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--out", str(tmp_path / "schema.json")]) == OK
    assert main(["schema"]) == OK
    printed = capsys.readouterr().out.split("\n", 1)[1]
    written = (tmp_path / "schema.json").read_text(encoding="utf-8")
    assert printed == written
    assert {"id", "title", "answers", "scale", "indicators"} <= set(json.loads(written)["required"])


def test_reports_takes_every_analysis_of_every_study_and_tells_of_failures(
    cafe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make_report(analysis: str, study: Path, lang: str, out: Path, parameters: object, **more: object) -> Path:
        if lang == "zh":
            raise ReportError("NameError: x", where=f"{analysis}.ipynb, cell 3")
        return out / "cafe" / f"{analysis}.{lang}.html"

    monkeypatch.setattr("csr_lib.report.many.make_report", make_report)
    cafe.write_text(f"{STUDY}analyses: {{gap: {{}}, importance_performance: {{}}}}\n", encoding="utf-8")
    assert main(["reports", "--out", "o", str(cafe), str(tmp_path / "nowhere.yml")]) == FAILED
    shown = capsys.readouterr()
    assert shown.out.split() == ["o/cafe/gap.en.html", "o/cafe/importance_performance.en.html"]
    assert shown.err.count("cell 3: NameError: x") == 2
    assert "nowhere.yml" in shown.err
    assert "3 failed, 2 made" in shown.err


def test_reports_without_a_study_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["reports"]) == WRONG_USE
    assert "data/<study>/study.yml" in capsys.readouterr().err


def test_a_table_keeps_to_the_width_of_the_terminal() -> None:
    rows = [["1", "供电安全性", "a long sentence that has to be broken into several lines"], ["2", "", "short"]]
    lines = table(["No.", "Where", "What"], rows, 40).split("\n")
    assert max(width(line) for line in lines) <= 40
    assert "".join(lines[2:]).count("供电安全性") == 1


def test_words_are_broken_at_spaces_and_chinese_anywhere() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("满意度指数模型", 6) == ["满意度", "指数模", "型"]
    assert wrap("见study.yml，第3行", 13) == ["见study.yml，", "第3行"]  # words stay whole, no line begins with a comma
    assert wrap("", 5) == [""]
