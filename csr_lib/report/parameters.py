"""The parameters of a notebook: read from its cell, given values checked and parsed by their annotated types."""

from __future__ import annotations

import ast
import io
import tokenize
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from csr_lib.core.errors import OptionError, Problem, nearest

if typing.TYPE_CHECKING:
    from nbformat import NotebookNode

#: What an annotation may be made of; it is evaluated with these names and nothing else.
_NAMES = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "dict": dict,
    "list": list,
    "tuple": tuple,
    "Any": Any,
    "Literal": Literal,
}
#: Parameters that have a way of their own to be given.
OWN_WAY = {"study": "--study", "lang": "--lang"}
_EMPTY = {"null", "none", "~"}


@dataclass(frozen=True)
class Parameter:
    """One line of the parameters cell: ``name: annotation = default  # help``."""

    name: str
    annotation: str
    default: Any
    help: str

    def parse(self, given: Any) -> Any:
        """Return `given` as a value of the annotated type.

        Text (as the command line gives it) is read as YAML whose every scalar is text, so that ``NO`` stays ``NO``, and
        then converted; of several types the text itself comes last. Other values must be of the type already.

        Raises ValueError where that cannot be done.
        """
        kind = eval(self.annotation, {"__builtins__": {}, **_NAMES}) if self.annotation else Any
        if not isinstance(given, str):
            return TypeAdapter(kind).validate_python(given.item() if hasattr(given, "item") else given, strict=True)
        members = list(typing.get_args(kind)) if typing.get_origin(kind) in (types.UnionType, typing.Union) else [kind]
        if type(None) in members and given.strip().lower() in _EMPTY:
            return None
        members = sorted((m for m in members if m is not type(None)), key=lambda m: {bool: 1, str: 2}.get(m, 0))
        problem: ValueError | None = None
        for member in members:
            if member in (str, Any):
                return given
            try:
                return TypeAdapter(member).validate_python(_untyped(given) if not _is_scalar(member) else given.strip())
            except (ValidationError, yaml.YAMLError) as error:
                problem = problem or ValueError(_first(error))
        raise problem or ValueError("no value is allowed")


def _is_scalar(kind: Any) -> bool:
    return kind in (int, float, bool) or typing.get_origin(kind) is Literal


def _untyped(given: str) -> Any:
    return yaml.load(given, Loader=yaml.BaseLoader)  # makes text of every scalar


def _first(error: ValidationError | yaml.YAMLError) -> str:
    return str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else "cannot be read as YAML"


def parameters_cell(nb: NotebookNode, where: str) -> NotebookNode:
    """Return the one cell of `nb` that is tagged ``parameters``; raises OptionError where there is not exactly one."""
    cells = [c for c in nb.cells if c.cell_type == "code" and "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise OptionError(
            f"{len(cells)} cells are tagged 'parameters'",
            where=where,
            allowed="exactly one",
            mend="tag the cell with the parameters",
        )
    return cells[0]


def read_parameters(nb: NotebookNode, where: str) -> dict[str, Parameter]:
    """Return the parameters of a notebook, name -> Parameter, in the order of its ``parameters`` cell.

    Raises
    ------
    OptionError
        No such cell or several, or a line in it that is not ``name: type = value``.
    """
    source = parameters_cell(nb, where).source
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    for node in ast.parse(source).body:
        try:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                name, annotation = node.target.id, ast.unparse(node.annotation)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                name, annotation = node.targets[0].id, ""
            else:
                raise ValueError
            default = ast.literal_eval(node.value)
        except ValueError:
            raise OptionError(
                f"line {node.lineno} is not a parameter: {ast.unparse(node)}",
                where=f"{where}, parameters cell",
                allowed="name: type = value  # what it means",
                mend="move it to another cell",
            ) from None
        found[name] = Parameter(name, annotation, default, comments.get(node.end_lineno or node.lineno, ""))
    return found


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}


def check_parameters(known: Mapping[str, Parameter], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return `given` parsed by the types of the `known` parameters.

    papermill only warns of unknown names, and pastes names into the notebook as code; so everything that is not a
    parameter of the notebook is refused here.

    Raises
    ------
    OptionError
        Every name that is unknown or not an identifier, with the nearest known one and all parameters with their
        meaning, and every value that is not of its parameter's type.
    """
    open_names = {name: p for name, p in known.items() if name not in OWN_WAY}
    listed = "".join(
        f"\n       {p.name}: {p.annotation or 'any'} = {p.default!r}" + (f"  # {p.help}" if p.help else "")
        for p in open_names.values()
    )
    problems, parsed = [], {}
    for name, value in given.items():
        if name in OWN_WAY:
            problems.append(Problem(f"'{name}' is not given as a parameter", where, mend=f"use {OWN_WAY[name]}"))
        elif name not in open_names:
            what = "unknown parameter" if str(name).isidentifier() else "not the name of a parameter:"
            problems.append(
                Problem(f"{what} {name!r}", where, listed or "none", nearest(name, open_names) or "use one of those allowed")
            )
        else:
            parameter = open_names[name]
            try:
                parsed[name] = parameter.parse(value)
            except ValueError as error:
                said = _first(error) if isinstance(error, ValidationError) else str(error)
                mend = parameter.help or "give a value of that type"
                problems.append(Problem(f"parameter '{name}' cannot be {value!r}: {said}", where, parameter.annotation, mend))
    if problems:
        raise OptionError(problems)
    return parsed
