"""What the README promises a newcomer works as it is printed."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh.md")


def block(readme: str, language: str) -> str:
    """The first fenced block of a language, without its indentation."""
    found = re.search(rf"^( *)```{language}\n(.*?)^\1```", (ROOT / readme).read_text(encoding="utf-8"), re.M | re.S)
    assert found, f"{readme} has no block of {language}"
    return textwrap.dedent(found[2])


@pytest.fixture
def cafe(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The study.yml of the README beside simulated answers to its questions."""
    rng = np.random.default_rng(1)
    ratings = rng.integers(1, 6, size=(120, 8))
    columns = [f"{letter}{k}" for letter in "QI" for k in range(1, 5)]
    answers = pd.DataFrame(ratings, columns=columns).assign(Q5=np.clip(ratings[:, :4].mean(axis=1).round(), 1, 5).astype(int))
    answers.to_csv(tmp_path / "answers.csv", index=False)
    (tmp_path / "study.yml").write_text(block(request.param, "yaml"), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("cafe", READMES, indirect=True)
def test_the_first_study_file_is_accepted_and_feeds_the_analysis_it_is_written_for(cafe: Path) -> None:
    from csr_lib.analyses import load
    from csr_lib.study import check_study

    checked = check_study(cafe / "study.yml")
    assert not checked.problems
    assert not load("importance_performance").feeds(checked.study)


@pytest.mark.parametrize(("cafe", "readme"), [(name, name) for name in READMES], indirect=["cafe"])
def test_the_lines_of_python_run(cafe: Path, readme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cafe)
    names: dict = {}
    exec(block(readme, "python"), names)
    assert len(names["result"].tables["indicators"]) == 4


def test_both_languages_name_the_same_commands_and_files() -> None:
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in READMES]
    commands, links = ([set(re.findall(pattern, page)) for page in pages] for pattern in (r"`(?:make|csr) \w+", r"\]\(([^)]*)\)"))
    assert commands[0] == commands[1]
    local = [{link.replace("-zh.", "-en.") for link in found if not link.startswith(("http", "README"))} for found in links]
    assert local[0] == local[1]


@pytest.mark.parametrize("name", ["README.md", "README.zh.md", "ARCHITECTURE.md", "data/README.md", "benchmarks/README.md"])
def test_links_lead_somewhere(name: str) -> None:
    file = ROOT / name
    for link in re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8")):
        assert link.startswith("http") or (file.parent / link).exists(), link
