"""Hold the rules of the report notebooks: stored without outputs, thin, prose in both languages, parameters explained.

    python tools/check_notebooks.py [NOTEBOOK ...]      by default every notebooks/*.ipynb

Prints every breach with file and cell and ends with a non-zero code if there is one.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("zh", "en")
TAGS = {*LANGUAGES, "parameters", "method", "formula", "details"}
#: What belongs into the library: a report notebook only calls it.
LOGIC = {
    ast.FunctionDef: "def",
    ast.AsyncFunctionDef: "def",
    ast.ClassDef: "class",
    ast.Lambda: "lambda",
    ast.For: "for",
    ast.AsyncFor: "for",
    ast.comprehension: "for",
    ast.While: "while",
    ast.BinOp: "arithmetic",
    ast.AugAssign: "arithmetic",
}
CHINESE = re.compile("[\u4e00-\u9fff]")
COMMENTED = re.compile(r"^\w+: .+ = .+?  # \S.*$")
MOST_CELLS = 60


def breaches(path: Path) -> list[str]:
    """Return what breaks the rules in the notebook `path`, each with the number of its cell, counted from 1."""
    nb = json.loads(path.read_text(encoding="utf-8"))
    found: list[str] = []
    parameters = [cell for cell in nb["cells"] if "parameters" in _tags(cell)]
    if len(parameters) != 1:
        found.append(f"{len(parameters)} cells are tagged 'parameters', not one")
    if len(nb["cells"]) > MOST_CELLS:
        found.append(f"{len(nb['cells'])} cells are more than {MOST_CELLS}")
    if nb.get("metadata", {}).get("kernelspec", {}).get("name") != "python3":
        found.append("the kernel is not 'python3'")
    for number, cell in enumerate(nb["cells"], 1):
        unknown = _tags(cell) - TAGS
        if unknown:
            found.append(f"cell {number}: unknown tag {', '.join(sorted(unknown))}; allowed: {', '.join(sorted(TAGS))}")
        check = _code if cell["cell_type"] == "code" else _prose
        found += [f"cell {number}: {what}" for what in check(cell)]
    return found + _pairs(nb["cells"])


def _tags(cell: dict[str, Any]) -> set[str]:
    return set(cell.get("metadata", {}).get("tags", []))


def _source(cell: dict[str, Any]) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def _code(cell: dict[str, Any]) -> list[str]:
    found = []
    if cell.get("outputs") or cell.get("execution_count"):
        found.append("is stored with outputs; clear them")
    source = _source(cell)
    if not source.strip():
        return [*found, "is empty"]
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return [*found, f"is not Python: {error.msg}"]
    if "parameters" in _tags(cell):  # `str | None` is no arithmetic
        found += [
            f"parameter without type or comment: {line}"
            for line in source.splitlines()
            if line.strip() and not COMMENTED.match(line)
        ]
    else:
        logic = {LOGIC[type(node)] for node in ast.walk(tree) if type(node) in LOGIC}
        found += [f"{word} belongs into the library" for word in sorted(logic)]
    return found


def _prose(cell: dict[str, Any]) -> list[str]:
    languages = [lang for lang in LANGUAGES if lang in _tags(cell)]
    if len(languages) != 1:
        return ["prose is tagged either zh or en"]
    chinese = bool(CHINESE.search(_source(cell)))
    if languages == ["en"] and chinese:
        return ["is tagged en but holds Chinese"]
    if languages == ["zh"] and not chinese and "formula" not in _tags(cell):
        return ["is tagged zh but holds no Chinese"]
    return []


def _pairs(cells: list[dict[str, Any]]) -> list[str]:
    """Between two code cells, and in the same order, prose stands once per language with the same tags and headings."""
    found: list[str] = []
    block: dict[str, list[tuple[Any, ...]]] = {lang: [] for lang in LANGUAGES}
    start = 1
    for number, cell in enumerate([*cells, {"cell_type": "code"}], 1):
        if cell["cell_type"] == "code":
            if block["zh"] != block["en"]:
                found.append(
                    f"cells {start} to {number - 1}: the prose of the two languages does not match in number, tags or headings"
                )
            block, start = {lang: [] for lang in LANGUAGES}, number + 1
            continue
        headings = [len(level) for level in re.findall(r"^(#+) ", _source(cell), re.MULTILINE)]
        for lang in _tags(cell) & set(LANGUAGES):
            block[lang].append((sorted(_tags(cell) - set(LANGUAGES)), headings))
    return found


def main(paths: list[str]) -> int:
    """Check the notebooks and print what is wrong with them."""
    files = [Path(p) for p in paths] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    lines = [f"{path}: {what}" for path in files for what in breaches(path)]
    print("\n".join(lines) if lines else f"{len(files)} notebooks keep the rules")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
