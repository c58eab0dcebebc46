"""Company → industry → sector → nation: which unit belongs to which, with what share, and what may be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, Problem
from csr_lib.study import Survey

Array = np.ndarray
Unit = tuple[str, str]  # (level, value)

#: The level above all, whose only unit is the whole.
NATION = "nation"
WHOLE: Unit = (NATION, NATION)
#: Shares may be rounded to three decimals; they are divided by their sum.
ROUNDING = 0.0015


@dataclass(frozen=True)
class Tree:
    """The units of a roll-up.

    Attributes
    ----------
    levels : from the lowest to the highest, the nation last.
    children : unit -> its units one level below.
    share : unit -> its share within its parent; the children of a parent sum to 1.
    parent : unit -> the unit above.
    """

    levels: tuple[str, ...]
    children: Mapping[Unit, tuple[Unit, ...]]
    share: Mapping[Unit, float]
    parent: Mapping[Unit, Unit]

    @property
    def leaves(self) -> tuple[Unit, ...]:
        """The units of the lowest level."""
        return tuple(u for u in self.share if u[0] == self.levels[0])

    def below(self, unit: Unit) -> tuple[Unit, ...]:
        """Return all units under `unit`."""
        return tuple(v for child in self.children.get(unit, ()) for v in (child, *self.below(child)))

    def roll_up(self, leaves: Mapping[Unit, Array]) -> dict[Unit, Array]:
        """Return the index of every unit: Σ share × index over its children, given those of the lowest level.

        A unit is left out where a child with a share above 0 has no index.
        """
        known = dict(leaves)
        for level in self.levels[1:]:
            for unit in [u for u in self.children if u[0] == level]:
                parts = [c for c in self.children[unit] if self.share[c] > 0]
                if parts and all(c in known for c in parts):
                    known[unit] = sum((self.share[c] * known[c] for c in parts), start=np.zeros(()))
        return known


def tree(survey: Survey) -> Tree | None:
    """Return the roll-up of the study; None where it has none.

    The structure is read from all answers of the study, whatever is selected, so that a filter never changes shares.

    Raises
    ------
    AnalysisError
        A unit under two parents, a share that is missing (one of several children), shares of a parent that do not sum to 1; all
        at once.
    """
    rollup = survey.study.rollup
    if rollup is None:
        return None
    levels = rollup.levels
    codes = survey.data.codes[list(levels)].dropna().drop_duplicates().astype(str)
    problems: list[Problem] = []
    parent: dict[Unit, Unit] = {}
    children: dict[Unit, list[Unit]] = {WHOLE: []}
    for level, above in zip(reversed(levels), [NATION, *reversed(levels[1:])], strict=True):
        for value in _ordered(survey, level, codes):
            over = sorted(codes.loc[codes[level] == value, above].unique()) if above != NATION else [NATION]
            if len(over) > 1:
                problems.append(
                    Problem(
                        f"'{value}' belongs to {' and '.join(over)}",
                        f"rollup.levels, {level}",
                        f"every {level} within one {above}",
                        f"make a segment whose values tell them apart, such as '{value} ({over[0]})'",
                    )
                )
            parent[level, value] = (above, over[0])
            children.setdefault((above, over[0]), []).append((level, value))
    share: dict[Unit, float] = {}
    for unit, below in children.items():
        problems += _shares(unit, below, rollup.shares, share)
    if problems:
        raise AnalysisError(problems)
    return Tree((*levels, NATION), {u: tuple(c) for u, c in children.items()}, share, parent)


def _ordered(survey: Survey, level: str, codes: pd.DataFrame) -> list[str]:
    there = set(codes[level])
    return [str(c) for c in survey.data.codes[level].cat.categories if c in there]


def _shares(parent: Unit, below: list[Unit], given: Mapping[str, Mapping[str, float]], share: dict[Unit, float]) -> list[Problem]:
    """Put the shares of a parent's children into `share`; return what is wrong with them."""
    level = below[0][0]
    of = given.get(level, {})
    within = "" if parent == WHOLE else f" within {parent[1]}"
    lost = [value for _, value in below if value not in of]
    if len(below) == 1 and lost:
        share[below[0]] = 1.0
        return []
    where = f"rollup.shares.{level}"
    if lost:
        return [
            Problem(f"no share is given for '{v}'{within}", where, "a share from 0 to 1 for every value", f"add '{v}' to {where}")
            for v in lost
        ]
    total = sum(of[value] for _, value in below)
    if abs(total - 1) > ROUNDING:
        listed = ", ".join(f"{value} {of[value]:g}" for _, value in below)
        return [
            Problem(
                f"the shares{within} sum to {total:g} ({listed})",
                where,
                "shares that sum to 1 within each parent",
                "correct them; each is the unit's part of the unit above",
            )
        ]
    share.update({unit: of[unit[1]] / total for unit in below})
    return []


def hidden_units(used: Survey, plan: Tree) -> set[Unit]:
    """Return the units too small to be shown: within every parent by the rule of small groups; under a hidden parent all.

    `used` holds the answers that the indices rest on.
    """
    hidden: set[Unit] = set()
    for unit, below in plan.children.items():
        level = below[0][0]
        if unit != WHOLE and unit[1] not in used.values(unit[0]):
            continue
        within = used if unit == WHOLE else used.where({unit[0]: unit[1]})
        there = set(within.values(level))
        shown = {g.value for g in within.groups(level)}
        hidden |= {u for u in below if u[1] in there and u[1] not in shown}
    return hidden | {v for unit in hidden for v in plan.below(unit)}
