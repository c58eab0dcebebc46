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
    """A construct (latent variable, dimension), measured by items or, a whole of higher order, by its parts.

    Attributes
    ----------
    name : CamelCase key.
    items : the names of its items; none where it has parts.
    mode : ``A`` (composite, correlation weights), ``B`` (composite, regression weights) or
        ``reflective`` (common factor: consistent PLS, or a factor in a covariance model).
    of : the names of the constructs that it is made of (its parts), which may be made of others in turn.
    """

    name: str
    items: tuple[str, ...] = ()
    mode: Mode = "A"
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """Constructs and the recursive (acyclic) paths between them; checked when made.

    Attributes
    ----------
    constructs : in the order of the study or template; every one is on a path, or else part of one that is.
    paths : ``(source, target)`` pairs. A part has no paths of its own: those of its whole count for it.
    target : the construct whose index is the headline.

    Raises
    ------
    StudyError
        A construct without items (or with items and parts), an item in two constructs, a part in two wholes, a whole that is
        part of itself, a path from or to an unknown construct or a part, a path given twice, a construct outside all paths,
        or a cycle (which names its members).
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

    @property
    def wholes(self) -> tuple[Construct, ...]:
        """The constructs that are made of others; empty for a model of first order."""
        return tuple(c for c in self.constructs if c.of)

    def construct(self, name: str) -> Construct:
        """Return the construct called `name`."""
        return next(c for c in self.constructs if c.name == name)

    def leaves(self, name: str) -> tuple[str, ...]:
        """Return the constructs with items that `name` is made of, through all levels; itself where it has items."""
        construct = self.construct(name)
        return tuple(leaf for part in construct.of for leaf in self.leaves(part)) if construct.of else (name,)

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
    problems: list[Problem] = _part_problems(model)
    owner: dict[str, str] = {}
    parts = {part for c in model.constructs for part in c.of}
    for name in sorted({n for n in model.names if model.names.count(n) > 1}):
        problems.append(Problem(f"construct '{name}' stands twice", "constructs", mend="take one of them out, or rename it"))
    for c in model.constructs:
        if not c.items and not c.of:
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
        if name not in linked | parts:
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


def _part_problems(model: Model) -> list[Problem]:
    """Problems of wholes and their parts."""
    problems: list[Problem] = []
    whole: dict[str, str] = {}
    items = {item for c in model.constructs for item in c.items}
    linked = {n for path in model.paths for n in path}
    for c in model.constructs:
        at = f"constructs.{c.name}"
        if c.items and c.of:
            problems.append(
                Problem(
                    f"construct '{c.name}' has items and parts",
                    at,
                    "items, or constructs that it is made of",
                    "make the items a construct of their own and that one a part",
                )
            )
        for part in c.of:
            if part not in model.names:
                problems.append(unknown(part, model.names, what="construct", where=f"{at}.of"))
            if part in whole:
                problems.append(
                    Problem(
                        f"construct '{part}' is a part of '{whole[part]}'"
                        + (" twice" if whole[part] == c.name else f" and of '{c.name}'"),
                        f"{at}.of",
                        "a part belongs to one whole",
                        "take it out of one of them",
                    )
                )
            whole[part] = c.name
            if part in linked:
                problems.append(
                    Problem(
                        f"construct '{part}' is a part of '{c.name}' and on a path",
                        "model.paths",
                        "parts take part in the paths of their whole only",
                        f"put '{c.name}' on the path instead, or take '{part}' out of it",
                    )
                )
            if part in items:
                problems.append(
                    Problem(f"'{part}' is a part of '{c.name}' and the name of an item", at, "different names", "rename one")
                )
    if model.target in whole:
        problems.append(
            Problem(
                f"the target '{model.target}' is a part of '{whole[model.target]}'",
                "model.target",
                "a construct that is on a path",
                "take the whole as target",
            )
        )
    circle = _ordered(model.names, [(part, c.name) for c in model.constructs for part in c.of])[1]
    if circle:
        problems.append(
            Problem(
                f"{', '.join(circle)} are made of each other",
                "constructs",
                "levels that never lead back to where they start",
                "take one of them out of the constructs below it",
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
        """Return the Model that takes its items from `constructs`, which are matched by name or alias; parts come along.

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
        return Model(with_parts(chosen, constructs), tuple((names[s], names[t]) for s, t in self.paths), names[self.target])


def with_parts(chosen: Sequence[Construct], known: Mapping[str, Construct]) -> tuple[Construct, ...]:
    """Return the chosen constructs and, behind them, all that they are made of, each once."""
    found = {c.name: c for c in chosen}
    waiting = list(chosen)
    while waiting:
        for part in waiting.pop(0).of:
            if part in known and part not in found:
                found[part] = known[part]
                waiting.append(known[part])
    return tuple(found.values())


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
