"""A Model: constructs, their items and mode, and the directed paths between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml

from csr_lib.core.errors import Problem, StudyError, unknown

Mode = Literal["A", "B", "reflective"]


@dataclass(frozen=True)
class Construct:
    """A construct (latent variable, dimension).

    Attributes
    ----------
    name : CamelCase key.
    items : the names of its items, at least one.
    mode : ``A`` (composite, correlation weights), ``B`` (composite, regression weights) or
        ``reflective`` (common factor: consistent PLS, or a factor in a covariance model).
    """

    name: str
    items: tuple[str, ...]
    mode: Mode = "A"


@dataclass(frozen=True)
class Model:
    """Constructs and the recursive (acyclic) paths between them; checked when made.

    Attributes
    ----------
    constructs : in the order of the study or template; every one takes part in a path.
    paths : ``(source, target)`` pairs.
    target : the construct whose index is the headline.

    Raises
    ------
    StudyError
        A construct without items, an item in two constructs, a path from or to an unknown construct, a path given
        twice, a construct outside all paths, or a cycle (which names its members).
    """

    constructs: tuple[Construct, ...]
    paths: tuple[tuple[str, str], ...]
    target: str

    def __post_init__(self) -> None:
        problems = _model_problems(self)
        if problems:
            raise StudyError(problems)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the constructs, in order."""
        return tuple(c.name for c in self.constructs)

    @property
    def items(self) -> tuple[str, ...]:
        """All items, construct by construct."""
        return tuple(item for c in self.constructs for item in c.items)

    def construct(self, name: str) -> Construct:
        """Return the construct called `name`."""
        return next(c for c in self.constructs if c.name == name)

    def sources(self, target: str) -> tuple[str, ...]:
        """Return the constructs with a path into `target`, in the order of the model."""
        return tuple(n for n in self.names if (n, target) in self.paths)

    def targets(self, source: str) -> tuple[str, ...]:
        """Return the constructs that `source` has a path into, in the order of the model."""
        return tuple(n for n in self.names if (source, n) in self.paths)

    def causal_order(self) -> tuple[str, ...]:
        """Return the constructs so that every one stands behind all its sources."""
        return tuple(_ordered(self.names, self.paths)[0])

    def ancestors(self, target: str) -> tuple[str, ...]:
        """Return all constructs from which a directed path leads to `target`, in the order of the model."""
        found: set[str] = set()
        waiting = [target]
        while waiting:
            for source in self.sources(waiting.pop()):
                if source not in found:
                    found.add(source)
                    waiting.append(source)
        return tuple(n for n in self.names if n in found)


def _ordered(names: Sequence[str], paths: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Sort topologically; the second list holds what is left over, the members of cycles and what follows them."""
    done: list[str] = []
    left = list(names)
    while True:
        ready = [n for n in left if not any(s in left for s, t in paths if t == n)]
        if not ready:
            return done, left
        done += ready
        left = [n for n in left if n not in ready]


def _model_problems(model: Model) -> list[Problem]:
    where = "model"
    problems: list[Problem] = []
    owner: dict[str, str] = {}
    for c in model.constructs:
        if not c.items:
            problems.append(
                Problem(f"construct '{c.name}' has no items", f"constructs.{c.name}", mend="name its indicators, or take it out")
            )
        for item in c.items:
            if item in owner:
                problems.append(
                    Problem(
                        f"item '{item}' belongs to both '{owner[item]}' and '{c.name}'",
                        f"constructs.{c.name}",
                        "an item belongs to one construct of the model",
                        "take it out of one of them",
                    )
                )
            owner[item] = c.name
    for source, target in model.paths:
        problems += [
            unknown(n, model.names, what="construct", where=f"{where}.paths") for n in (source, target) if n not in model.names
        ]
    for pair in sorted({p for p in model.paths if model.paths.count(p) > 1}):
        problems.append(Problem(f"the path {pair[0]} → {pair[1]} stands twice", f"{where}.paths", mend="take one of them out"))
    if model.target not in model.names:
        problems.append(unknown(model.target, model.names, what="construct", where=f"{where}.target"))
    linked = {n for path in model.paths for n in path}
    for name in model.names:
        if name not in linked:
            problems.append(
                Problem(
                    f"construct '{name}' is not on any path", f"{where}.paths", mend="give it a path or leave it out of the model"
                )
            )
    circle = _ordered(model.names, model.paths)[1]
    if circle:
        problems.append(
            Problem(
                f"the paths run in a circle through {', '.join(circle)}",
                f"{where}.paths",
                "paths that never lead back to where they start",
                "take out or turn round one path of the circle",
            )
        )
    return problems


@dataclass(frozen=True)
class Template:
    """A published model: construct roles and paths, without items.

    ``constructs`` maps each construct to ``{"label": …, "aliases": [...]}``; ``source`` says where it was published and
    ``note`` what is not certain about it.
    """

    name: str
    title: Mapping[str, str]
    constructs: Mapping[str, Mapping[str, Any]]
    paths: tuple[tuple[str, str], ...]
    target: str
    source: str
    note: Mapping[str, str]

    def fill(self, constructs: Mapping[str, Construct]) -> Model:
        """Return the Model that takes its items from `constructs`, which are matched by name or alias.

        Raises StudyError that lists every construct of the template that is missing.
        """
        chosen: list[Construct] = []
        names: dict[str, str] = {}
        problems: list[Problem] = []
        for name, about in self.constructs.items():
            accepted = [name, *about.get("aliases", [])]
            found = next((constructs[a] for a in accepted if a in constructs), None)
            if found is None:
                problems.append(
                    Problem(
                        f"the {self.name} model needs a construct '{name}'",
                        "constructs",
                        " or ".join(accepted),
                        "add it, or write a model of your own under model.paths",
                    )
                )
            else:
                chosen.append(found)
                names[name] = found.name
        if problems:
            raise StudyError(problems)
        return Model(tuple(chosen), tuple((names[s], names[t]) for s, t in self.paths), names[self.target])


TEMPLATES = ("acsi", "ecsi", "tcsi", "ccsi")


@cache
def template(name: str) -> Template:
    """Return the model template `name`: ``acsi``, ``ecsi``, ``tcsi`` or ``ccsi``."""
    if name not in TEMPLATES:
        raise StudyError([unknown(name, TEMPLATES, what="model template", where="model.template")])
    file = resources.files("csr_lib.core") / "templates" / f"{name}.yml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    paths = tuple((source, target) for source, targets in raw["paths"].items() for target in targets)
    return Template(name, raw["title"], raw["constructs"], paths, raw["target"], raw["source"], raw.get("note", {}))
