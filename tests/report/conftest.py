"""The toy analysis as a fixture: a folder with study, answers and notebook, and the registry that knows it."""

from pathlib import Path
from types import ModuleType

import pytest
import toy as toy_module


@pytest.fixture
def toy_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the toy's study, answers and notebook; the registry of analyses knows the toy."""
    from csr_lib.analyses import load

    def load_toy(name: str) -> ModuleType:
        return toy_module if name == "toy" else load(name)

    monkeypatch.setattr("csr_lib.report.job.load", load_toy)
    folder = tmp_path / "toy"
    folder.mkdir()
    toy_module.write(folder)
    return folder
