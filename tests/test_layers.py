"""The picture in ARCHITECTURE.md holds: imports point down, and the analyses never import each other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "csr_lib"

#: layer -> the layers that it may import (besides itself)
ALLOWED = {
    "core": set(),
    "stats": {"core"},
    "show": {"core"},
    "study": {"stats", "core"},
    "simulate": {"study", "stats", "core"},
    "analyses": {"show", "study", "stats", "core"},
    "explore": {"analyses", "show", "study", "stats", "core"},
    "report": {"analyses", "show", "study", "stats", "core"},
    "cli": {"report", "analyses", "show", "study", "stats", "core"},
    "__main__": {"cli"},
}
FILES = sorted(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts != ("__init__.py",))


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layers"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("csr_lib.")}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    layer = layer_of(path)
    upward = {name for name in imported_modules(path) if name.split(".")[1] not in ALLOWED[layer] | {layer, "__version__"}}
    assert not upward


ANALYSES = sorted(p.parent.name for p in (ROOT / "analyses").glob("*/__init__.py"))


@pytest.mark.parametrize("name", ANALYSES)
def test_analyses_never_import_each_other(name: str) -> None:
    imported = set().union(*(imported_modules(path) for path in (ROOT / "analyses" / name).glob("*.py")))
    others = set(ANALYSES) - {name}
    assert not {module for module in imported if module.startswith("csr_lib.analyses.") and module.split(".")[2] in others}
