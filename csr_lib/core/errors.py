"""Errors that say what is wrong, where, what is allowed and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a study, its answers or a parameter.

    Attributes
    ----------
    what : the fault, in one sentence.
    where : file, line, key or column it was found at.
    allowed : what would have been accepted ("" where that goes without saying).
    mend : what the user can do about it.
    """

    what: str
    where: str = ""
    allowed: str = ""
    mend: str = ""

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.allowed:
            parts.append(f"allowed: {self.allowed}")
        if self.mend:
            parts.append(f"to mend it: {self.mend}")
        return "; ".join(parts)


class CsrError(Exception):
    """Base of every error that the library raises on purpose; carries all problems found."""

    def __init__(self, what: str | Sequence[Problem], *, where: str = "", allowed: str = "", mend: str = ""):
        if isinstance(what, str):
            self.problems: tuple[Problem, ...] = (Problem(what, where, allowed, mend),)
        else:
            self.problems = tuple(what)
        super().__init__(str(self))

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        lines = [f"{len(self.problems)} problems:"]
        lines += [f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1)]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type[CsrError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class StudyError(CsrError):
    """study.yml is wrong."""


class DataError(CsrError):
    """The answers cannot be read, or contradict their codebook."""


class OptionError(CsrError):
    """An option, parameter or filter is unknown or has a value that is not allowed."""


class AnalysisError(CsrError):
    """The analysis is impossible with these answers (not merely inadmissible: that is a Check)."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` for the known name closest to `name`, or ``""``."""
    close = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else ""


def unknown(name: str, known: Iterable[str], *, what: str, where: str) -> Problem:
    """Return the problem of an unknown `name`, with all `known` names and the nearest of them."""
    names = sorted(str(k) for k in known)
    return Problem(
        f"unknown {what} '{name}'", where, ", ".join(names) or "none", nearest(name, names) or f"use one of the {what}s allowed"
    )
