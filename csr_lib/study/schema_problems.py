"""Problems of a study.yml: pydantic's findings in words, each with its line and dotted key."""

from __future__ import annotations

import copy
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from csr_lib.core.errors import Problem, nearest
from csr_lib.study.yaml_tree import Path, Tree, dotted

#: pydantic's type of error -> (what, allowed, mend); filled with the error's context and the input.
_WORDS: dict[str, tuple[str, str, str]] = {
    "string_type": ("{input} is no text", "text", "put it in quotes"),
    "string_too_short": ("is empty", "text", "fill it in, or take the key out"),
    "string_pattern_mismatch": (
        "'{input}' is not allowed",
        "letters, digits, - and _, beginning with a letter or digit",
        "rename it",
    ),
    "literal_error": ("'{input}' is not allowed", "{expected}", "{near}"),
    "float_parsing": ("'{input}' is no number", "a number", "write the number, without units"),
    "float_type": ("{input} is no number", "a number", "write the number"),
    "int_parsing": ("'{input}' is no whole number", "a whole number", "write the number, without units"),
    "int_type": ("{input} is no whole number", "a whole number", "write the number"),
    "int_from_float": ("{input} is no whole number", "a whole number", "round it"),
    "finite_number": ("{input} is not finite", "a finite number", "write a number"),
    "bool_parsing": ("'{input}' is neither true nor false", "true or false", "write true or false"),
    "bool_type": ("{input} is neither true nor false", "true or false", "write true or false"),
    "dict_type": ("{input} is no mapping", "'key: value' lines below the key, or {{key: value}}", "write it as a mapping"),
    "model_type": ("{input} is no mapping", "'key: value' lines below the key, or {{key: value}}", "write it as a mapping"),
    "tuple_type": ("{input} is no list", "a list: [a, b]", "put it in brackets"),
    "list_type": ("{input} is no list", "a list: [a, b]", "put it in brackets"),
    "too_short": ("has {actual_length} of at least {min_length} entries", "at least {min_length}", "add what is missing"),
    "too_long": ("has more than {max_length} entries", "at most {max_length}", "take out what is too much"),
    "greater_than": ("{input} is not above {gt:g}", "above {gt:g}", "correct the number"),
    "greater_than_equal": ("{input} is below {ge:g}", "{ge:g} or more", "correct the number"),
    "less_than_equal": ("{input} is above {le:g}", "{le:g} or less", "correct the number"),
    "date_from_datetime_parsing": ("'{input}' is no date", "a date such as 2013-05-31", "write year-month-day"),
    "date_parsing": ("'{input}' is no date", "a date such as 2013-05-31", "write year-month-day"),
    "date_type": ("{input} is no date", "a date such as 2013-05-31", "write year-month-day"),
}


@dataclass(frozen=True)
class Locator:
    """Finds the line of a key."""

    name: str = "study.yml"
    tree: Tree = field(default_factory=lambda: Tree({}, {}))

    def at(self, path: Sequence[str | int]) -> str:
        """Return ``study.yml, line 12, constructs.Service`` for the path of a key."""
        known = self.written(path)
        line = self.tree.line(known)
        return ", ".join(p for p in (self.name, f"line {line}" if line else "", dotted(known)) if p)

    def written(self, path: Sequence[str | int]) -> Path:
        """Drop the parts of a path that stand for a short form and are not in the file; the last part stays."""
        lines = self.tree.lines
        if not lines:
            return tuple(path)
        known: Path = ()
        for position, part in enumerate(path):
            if (*known, part) in lines or (position == len(path) - 1 and part not in ("all", "column", "file", "[key]", 0)):
                known = (*known, part)
        return known

    def without_unknown(self, values: Mapping[str, Any], error: ValidationError) -> Pruned:
        """Take the unknown keys out of `values`, so that the rest can be checked against itself."""
        left = copy.deepcopy(dict(values))
        parents: list[Path] = []
        for found in error.errors():
            if found["type"] != "extra_forbidden":
                continue
            path = self.written(found["loc"])
            place: Any = left
            try:
                for part in path[:-1]:
                    place = place[part]
                del place[path[-1]]
            except (KeyError, IndexError, TypeError):
                continue
            parents.append(path[:-1])
        return Pruned(left, tuple(parents))


@dataclass(frozen=True)
class Pruned:
    """Values without their unknown keys, and where those stood."""

    values: dict[str, Any]
    parents: tuple[Path, ...]

    def concerns(self, problem: Problem, locator: Locator) -> bool:
        """Tell whether a problem stands apart from the unknown keys, and so is not a mere consequence of them."""
        if () in self.parents:  # a mistyped key at the top can be the cause of anything
            return False
        return not any(dotted(parent) in problem.where for parent in self.parents)


def translate(error: ValidationError, top: type[BaseModel], locator: Locator) -> list[Problem]:
    """Return every problem that pydantic found, in the order of the file."""
    found = sorted(error.errors(), key=lambda e: locator.tree.line(locator.written(e["loc"])) or 0)
    return list(dict.fromkeys(_problem(dict(e), top, locator) for e in found))


def _problem(found: dict[str, Any], top: type[BaseModel], locator: Locator) -> Problem:
    kind, path, given = found["type"], found["loc"], found["input"]
    if kind == "extra_forbidden":
        names = _keys_at(top, path[:-1])
        where = locator.at(path)
        return Problem(
            f"unknown key '{path[-1]}'",
            where,
            ", ".join(names),
            nearest(str(path[-1]), names) or "take it out or correct its name",
        )
    if kind == "missing":  # where it should stand, though nothing stands there
        where = locator.at(path[:-1]) if path[:-1] else locator.name
        return Problem(f"the key '{path[-1]}' is missing", where, "this key is required", "add it")
    context = {**found.get("ctx", {}), "input": _shown(given)}
    if kind == "study":
        return Problem(context["message"], locator.at(path), context["allowed"], context["mend"])
    if path and path[-1] == "[key]":
        path, context["input"] = path[:-1], str(path[-2])
    if kind == "literal_error":
        options = [o.strip(" '") for o in str(context["expected"]).replace(" or ", ", ").split(",")]
        context["expected"] = ", ".join(options)
        context["near"] = nearest(str(given), options) or "use one of these"
    what, allowed, mend = _WORDS.get(kind, (found["msg"], "", ""))
    if kind in _WORDS:
        what, allowed, mend = (part.format(**context) for part in (what, allowed, mend))
    return Problem(what, locator.at(path), allowed, mend)


def _shown(value: Any) -> str:
    text = "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, (list, tuple)) else str(value)
    text = "nothing" if value is None else text
    return text if len(text) <= 60 else text[:57] + "…"


def _keys_at(top: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys that are known at `path`, by walking the types of the fields."""
    kind: Any = top
    for part in path:
        kind = _model_in(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = {f.alias or name: f for name, f in kind.model_fields.items()}
            if part not in fields:
                return []
            kind = fields[str(part)].annotation
        else:
            arguments = [a for a in typing.get_args(kind) if a is not Ellipsis]
            kind = arguments[-1] if arguments else Any
    kind = _model_in(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [f.alias or name for name, f in kind.model_fields.items()]
    return []


def _model_in(kind: Any) -> Any:
    """Take `Annotated` and `| None` off a type."""
    while True:
        arguments = typing.get_args(kind)
        if typing.get_origin(kind) is typing.Annotated:
            kind = arguments[0]
        elif type(None) in arguments:
            kind = next(a for a in arguments if a is not type(None))
        else:
            return kind
