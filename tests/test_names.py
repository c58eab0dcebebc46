"""One name per analysis everywhere: module, function, result, notebook, test, catalogue."""

from pathlib import Path

import pytest

import csr_lib
from csr_lib.analyses import ANALYSES, load
from csr_lib.core.result import Result
from csr_lib.core.text import LANGUAGES, has_text

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ANALYSES)
def test_one_name_everywhere(name: str) -> None:
    module = load(name)
    result = "".join(part.capitalize() for part in name.split("_")) + "Result"
    assert getattr(csr_lib, name) is getattr(module, name)
    assert Result.known[name] is getattr(module, result)
    assert module.Options.model_fields.keys() >= {"seed", "missing_rule"}
    assert callable(module.feeds)
    assert (ROOT / "notebooks" / f"{name}.ipynb").is_file()
    assert (ROOT / "tests" / "analyses" / f"test_{name}.py").is_file()
    for lang in LANGUAGES:
        assert (ROOT / "csr_lib" / "core" / "catalogue" / lang / f"{name}.yml").is_file()
        assert has_text(f"analysis.{name}", lang)


def test_every_module_and_notebook_is_a_listed_analysis() -> None:
    modules = {p.parent.name for p in (ROOT / "csr_lib" / "analyses").glob("*/__init__.py")}
    notebooks = {p.stem for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert modules == notebooks - {"explore"} == set(ANALYSES)
