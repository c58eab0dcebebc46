"""What a covariance structure model says: its table of parameters, made from a Model, from factors or from lavaan syntax.

The table has one row per parameter, as lavaan's has, so that everything later (matrices, groups, tests, results) reads one
thing. Rows with the same label share one free parameter, within a group or across groups.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Literal

from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.core.model import Construct, Model

Op = Literal["=~", "~", "~~", "~1"]
Identification = Literal["marker", "unit_variance"]
IDENTIFICATIONS = ("marker", "unit_variance")
COMPOSITES = ("error", "as_factors")


@dataclass(frozen=True)
class Row:
    """One parameter: ``lhs =~ rhs`` (loading), ``lhs ~ rhs`` (regression), ``lhs ~~ rhs`` ((residual) covariance) or ``lhs ~1``.

    Attributes
    ----------
    free : whether it is estimated; otherwise it is `value`.
    label : rows with the same label are one parameter.
    group : number of the group, from 0.
    exogenous : a moment of observed variables on which the model is conditional; `value` is filled from the sample.
    """

    lhs: str
    op: Op
    rhs: str
    free: bool = True
    value: float = math.nan
    label: str = ""
    group: int = 0
    exogenous: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What the row is about, whatever its group; covariances in alphabetical order."""
        if self.op == "~~" and self.rhs < self.lhs:
            return self.rhs, self.op, self.lhs
        return self.lhs, self.op, self.rhs

    def fixed(self, value: float) -> Row:
        """Return the row fixed at `value`."""
        return replace(self, free=False, value=float(value))

    def freed(self) -> Row:
        """Return the row freed and without label."""
        return replace(self, free=True, value=math.nan, label="")

    def __str__(self) -> str:
        return f"{self.lhs} {self.op} {self.rhs}".strip()


@dataclass(frozen=True)
class Specification:
    """A complete model: every parameter of every group, free or fixed.

    Attributes
    ----------
    rows : the table of parameters.
    observed, latent : names of the variables, in the order of the matrices.
    groups : number of groups.
    mean_structure : whether means are modelled; without it they are left free and say nothing.
    identification : how the factors got their scale, ``marker`` or ``unit_variance``.
    composites_as_factors : composites of the Model that the caller asked to be written as factors.
    """

    rows: tuple[Row, ...]
    observed: tuple[str, ...]
    latent: tuple[str, ...]
    groups: int = 1
    mean_structure: bool = False
    identification: Identification = "marker"
    composites_as_factors: tuple[str, ...] = ()

    @cached_property
    def index(self) -> tuple[int, ...]:
        """Position of each row in the vector of free parameters; −1 for fixed rows."""
        seen: dict[str, int] = {}
        out, k = [], 0
        for row in self.rows:
            if not row.free:
                out.append(-1)
            elif row.label and row.label in seen:
                out.append(seen[row.label])
            else:
                if row.label:
                    seen[row.label] = k
                out.append(k)
                k += 1
        return tuple(out)

    @property
    def n_free(self) -> int:
        """Number of free parameters, equal ones counted once."""
        return max(self.index, default=-1) + 1

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each free parameter: its label, or the row it stands for (with its group where there are several)."""
        out: list[str] = [""] * self.n_free
        for row, k in zip(self.rows, self.index, strict=True):
            if k >= 0 and not out[k]:
                out[k] = row.label or f"{row}{f' [group {row.group + 1}]' if self.groups > 1 else ''}"
        return tuple(out)

    @cached_property
    def conditional(self) -> tuple[str, ...]:
        """Observed variables whose moments are taken as given (lavaan's ``fixed.x``)."""
        return tuple(r.lhs for r in self.rows if r.op == "~~" and r.lhs == r.rhs and r.exogenous and r.group == 0)

    @cached_property
    def outside(self) -> tuple[str, ...]:
        """Observed variables that only explain others; the baseline model leaves their covariances free."""
        left, right = ({side(r) for r in self.rows if r.op == "~"} for side in (lambda r: r.lhs, lambda r: r.rhs))
        items = {r.rhs for r in self.rows if r.op == "=~"}
        return tuple(v for v in self.observed if v in right and v not in left and v not in items)

    @cached_property
    def endogenous(self) -> tuple[str, ...]:
        """Variables that the model explains: on the left of a regression, or indicators of a factor."""
        explained = {r.lhs for r in self.rows if r.op == "~"} | {r.rhs for r in self.rows if r.op == "=~"}
        return tuple(v for v in self.observed + self.latent if v in explained)

    def in_groups(self, groups: int) -> Specification:
        """Return the model of one group repeated for `groups` groups; labelled rows are equal across them."""
        rows = tuple(replace(r, group=g) for g in range(groups) for r in self.rows if r.group == 0)
        return replace(self, rows=rows, groups=groups)

    def with_rows(self, rows: Iterable[Row]) -> Specification:
        """Return the same model with another table."""
        return replace(self, rows=tuple(rows))


def from_model(
    model: Model,
    *,
    identification: Identification = "marker",
    composites: str = "error",
    mean_structure: bool = False,
    covariances: Sequence[tuple[str, str]] = (),
) -> Specification:
    """Return the specification of a path model with factors.

    Reflective constructs are factors, those made of others factors of higher order; a construct with one item is that item
    (loading 1, no error). Composites (mode A or B,
    several items) are refused unless `composites` is ``as_factors``. `covariances` are residual covariances to free.
    """
    composite = _composites(model.constructs, composites)
    rows = _loadings(model.constructs)
    rows += [Row(t, "~", s) for t in model.names for s in model.sources(t)]
    rows += [Row(a, "~~", b) for a, b in covariances]
    spec = complete(rows, identification=identification, mean_structure=mean_structure)
    return replace(spec, composites_as_factors=composite)


def from_factors(
    constructs: Sequence[Construct] | Mapping[str, Sequence[str]],
    *,
    identification: Identification = "marker",
    composites: str = "error",
    mean_structure: bool = False,
    covariances: Sequence[tuple[str, str]] = (),
) -> Specification:
    """Return the specification of a confirmatory factor analysis: all factors correlate, none explains another.

    A mapping ``{factor: items}`` is taken as factors; a Construct says by its mode what it is (see `from_model`).
    """
    if isinstance(constructs, Mapping):
        constructs = [Construct(name, tuple(items), "reflective") for name, items in constructs.items()]
    composite = _composites(constructs, composites)
    rows = _loadings(constructs) + [Row(a, "~~", b) for a, b in covariances]
    spec = complete(rows, identification=identification, mean_structure=mean_structure)
    return replace(spec, composites_as_factors=composite)


def _composites(constructs: Sequence[Construct], composites: str) -> tuple[str, ...]:
    if composites not in COMPOSITES:
        raise OptionError([unknown(composites, COMPOSITES, what="value of composites", where="composites")])
    found = tuple(c.name for c in constructs if c.mode != "reflective" and len(c.items + c.of) > 1)
    if found and composites == "error":
        raise AnalysisError(
            [
                Problem(
                    f"'{c}' is a composite; a covariance model would treat it as a common factor, which is another claim",
                    f"constructs.{c}.mode",
                    "mode: reflective for a factor",
                    "say mode: reflective if its items share a cause, use PLS if they do not, or ask for composites='as_factors'",
                )
                for c in found
            ]
        )
    return found


def _loadings(constructs: Sequence[Construct]) -> list[Row]:
    problems = []
    owner: dict[str, str] = {}
    for c in constructs:
        if not c.items + c.of:
            problems.append(Problem("a factor without items", f"constructs.{c.name}", mend="name its items, or take it out"))
        for item in c.items + c.of:
            if item in owner and owner[item] == c.name:
                problems.append(Problem(f"item '{item}' stands twice", f"constructs.{c.name}", mend="take one of them out"))
            owner[item] = c.name
    problems += [
        Problem(f"'{c.name}' is the name of a factor and of an item", f"constructs.{c.name}", mend="rename one of them")
        for c in constructs
        if c.name in {item for other in constructs for item in other.items}
    ]
    if len({c.name for c in constructs}) < len(constructs):
        problems.append(Problem("two factors have the same name", "constructs", mend="rename one of them"))
    if problems:
        raise AnalysisError(problems)
    return [Row(c.name, "=~", item) for c in constructs for item in c.items + c.of]


def complete(
    rows: Sequence[Row],
    *,
    identification: Identification = "marker",
    mean_structure: bool = False,
    keep_free: Collection[tuple[str, str, str]] = (),
    fixed_x: bool = True,
) -> Specification:
    """Add what a model leaves unsaid, by the defaults of lavaan's ``sem()`` and ``cfa()``.

    Parameters
    ----------
    rows : loadings, regressions and whatever else was said, of one group.
    identification : ``marker`` fixes the first loading of each factor at 1, ``unit_variance`` its (residual) variance.
    keep_free : keys of first loadings that were freed expressly (``NA*``).
    fixed_x : observed variables that only explain others enter with their sample moments (the model is conditional on
        them); their covariance with exogenous factors is 0 unless it is in `rows`.

    Notes
    -----
    Added: residual variances of all other variables; variance 0 of the residual of a factor's only item; covariances among
    exogenous factors, and among the residuals of dependent variables that explain nothing; with a mean structure,
    intercepts of observed variables (factor means are 0).
    """
    if identification not in IDENTIFICATIONS:
        raise OptionError([unknown(identification, IDENTIFICATIONS, what="identification", where="identification")])
    _check_rows(rows)
    latent = list(dict.fromkeys(r.lhs for r in rows if r.op == "=~"))
    named = list(dict.fromkeys(v for r in _measurement_first(rows) for v in (r.rhs, r.lhs) if v))
    observed = [v for v in named if v not in latent]
    indicators = {r.rhs for r in rows if r.op == "=~"}
    left, right = ({side(r) for r in rows if r.op == "~"} for side in (lambda r: r.lhs, lambda r: r.rhs))
    said = {r.key for r in rows}

    out = _scaled(rows, latent, identification, keep_free)
    sole = {items[0] for f in latent if len(items := [r.rhs for r in rows if r.op == "=~" and r.lhs == f]) == 1}
    moved = {v for r in rows if r.op == "~~" for v in (r.lhs, r.rhs)}
    outside = [v for v in observed if v in right and v not in left and v not in indicators and v not in moved]
    given = outside if fixed_x else []

    def add(row: Row) -> None:
        if row.key not in said:
            out.append(row)

    for v in observed:
        if v not in given:
            row = Row(v, "~~", v)
            add(row.fixed(0.0) if v in sole else row)
    for f in latent:
        row = Row(f, "~~", f)
        add(row.fixed(1.0) if identification == "unit_variance" else row)
    exogenous = [f for f in latent if f not in left and f not in indicators]
    ends = [v for v in latent + observed if v in left and v not in right and v not in indicators]
    for group in (exogenous, ends, [] if fixed_x else outside):
        for a, b in combinations(group, 2):
            add(Row(a, "~~", b))
    for i, v in enumerate(given):
        out += [Row(v, "~~", w, free=False, exogenous=True) for w in given[i:]]
    if mean_structure or any(r.op == "~1" for r in rows):
        mean_structure = True
        for v in observed:
            add(Row(v, "~1", "", free=v not in given, exogenous=v in given))
        for f in latent:
            add(Row(f, "~1", "").fixed(0.0))
    order = {"=~": 0, "~": 1, "~~": 2, "~1": 3}
    out.sort(key=lambda r: order[r.op])
    return Specification(tuple(out), tuple(observed), tuple(latent), 1, mean_structure, identification)


def _measurement_first(rows: Sequence[Row]) -> list[Row]:
    return [r for r in rows if r.op == "=~"] + [r for r in rows if r.op != "=~"]


def _scaled(
    rows: Sequence[Row], latent: Sequence[str], identification: str, keep_free: Collection[tuple[str, str, str]]
) -> list[Row]:
    """Fix the first loading of every factor where the marker gives the scale and nothing else was said of it."""
    if identification == "unit_variance":
        return list(rows)
    first = {f: next(i for i, r in enumerate(rows) if r.op == "=~" and r.lhs == f) for f in latent}
    markers = {i for i in first.values() if rows[i].free and rows[i].key not in keep_free}
    return [r.fixed(1.0) if i in markers else r for i, r in enumerate(rows)]


def _check_rows(rows: Sequence[Row]) -> None:
    keys = [r.key for r in rows]
    problems = [
        Problem(f"'{' '.join(k).strip()}' stands twice", "model", mend="say it once, with one value or label")
        for k in dict.fromkeys(keys)
        if keys.count(k) > 1
    ]
    for r in rows:
        if r.op in ("=~", "~") and r.lhs == r.rhs:
            problems.append(Problem(f"'{r}': a variable cannot explain itself", "model", mend="take the term out"))
    labels: dict[str, str] = {}
    for r in rows:
        if r.label and labels.setdefault(r.label, r.op) != r.op:
            problems.append(
                Problem(
                    f"the label '{r.label}' stands for parameters of different kinds",
                    "model",
                    "one label for loadings, for paths, for covariances or for intercepts",
                    "rename one of them",
                )
            )
    if not any(r.op in ("=~", "~", "~~") for r in rows):
        problems.append(Problem("the model has no factor and no path", "model", mend="say what measures or explains what"))
    if problems:
        raise AnalysisError(problems)
