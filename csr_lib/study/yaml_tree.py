"""study.yml as plain values, with the line that every key stands on.

YAML guesses: ``NO`` is False, ``1:30`` is 90, ``010`` is 8, ``2012-01-01`` a date. Here only true, false, null and plain
decimal numbers are resolved; everything else stays the text that was written, and every key is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from csr_lib.core.errors import Problem, StudyError

#: Path of keys and list positions, from the top of the file.
Path = tuple[str | int, ...]

#: libyaml where it is there: ten times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+)")
_LEADING_ZERO = re.compile(r"-?0[0-9]+")
_NULL = {"", "~", "null", "Null", "NULL"}

#: Anchors can multiply: a file of a few lines may unfold to billions of values.
_MOST_NODES = 500_000
_DEEPEST = 50


@dataclass(frozen=True)
class Tree:
    """A YAML file as plain values.

    Attributes
    ----------
    values : mappings, lists and scalars.
    lines : path of a key or list entry -> line number, counted from 1.
    """

    values: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int | None:
        """Return the line of `path`, or of the nearest key above it."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return None


def parse(content: str, name: str = "study.yml") -> Tree:
    """Parse YAML text; raise StudyError for what is no YAML, and for keys that stand twice.

    Parameters
    ----------
    content : the text of the file.
    name : what error messages call it.
    """
    try:
        _check_depth(content, name)
        root = yaml.compose(content, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise StudyError(
            f"is not readable YAML: {reason}",
            where=f"{name}{line}",
            allowed="'key: value' lines, indented with spaces, text with ': ' or ' #' in quotes",
            mend="look at this line and the one above it: a missing quote, bracket or blank after a colon is the usual cause",
        ) from None
    builder = _Builder(name)
    values = builder.build(root, (), frozenset()) if root is not None else None
    if builder.problems:
        raise StudyError(builder.problems)
    return Tree(values, builder.lines)


def _check_depth(content: str, name: str) -> None:
    """Refuse a file that is nested so deeply that composing it would overflow the stack."""
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                line = f", line {event.start_mark.line + 1}" if event.start_mark else ""
                raise StudyError("is nested too deeply", where=name + line, mend="close the brackets on this line")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    def __init__(self, name: str):
        self.name = name
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self.count = 0

    def build(self, node: yaml.Node, path: Path, above: frozenset[int]) -> Any:
        self.count += 1
        if id(node) in above or self.count > _MOST_NODES:
            raise StudyError(
                "an alias (*name) repeats the file without end" if id(node) in above else "aliases unfold to too many values",
                where=f"{self.name}, line {node.start_mark.line + 1}",
                mend="write the values out instead of referring to them with *",
            )
        above = above | {id(node)}
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, above)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for position, child in enumerate(node.value):
                here = (*path, position)
                self.lines[here] = child.start_mark.line + 1
                items.append(self.build(child, here, above))
            return items
        return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, path: Path, above: frozenset[int]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(
                    Problem("a key is a list or a mapping", f"{self.name}, line {line}", "text or a number", "put it in quotes")
                )
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in out:
                self.problems.append(
                    Problem(
                        f"the key stands twice, first on line {self.lines[here]}",
                        f"{self.name}, line {line}, {dotted(here)}",
                        "each key once",
                        "take one of them out, or join them",
                    )
                )
                continue
            self.lines[here] = line
            out[key] = self.build(value_node, here, above)
        return out

    def scalar(self, node: yaml.Node) -> Any:
        written = str(node.value)
        if not isinstance(node, yaml.ScalarNode) or node.style:  # quoted, or a block of text
            return written
        if written in _NULL:
            return None
        if written in ("true", "false"):
            return written == "true"
        if _INT.fullmatch(written):
            return int(written)
        if _FLOAT.fullmatch(written) and not _LEADING_ZERO.match(written):
            return float(written)
        return written


def dotted(path: Path) -> str:
    """Write a path as ``constructs.Service.of[0]``."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else (f".{part}" if out else str(part))
    return out
