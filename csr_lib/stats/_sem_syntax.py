"""Models written in lavaan's syntax, read by semopy's parser."""

from __future__ import annotations

import re

from csr_lib.core.errors import AnalysisError, Problem
from csr_lib.stats._sem_spec import Identification, Row, Specification, complete

#: The operators that a covariance model needs; ``a ~ 1`` is an intercept.
OPERATORS = ("=~", "~", "~~")
_ALLOWED = "=~ (measured by), ~ (regression), ~~ (covariance), ~ 1 (intercept); number*x fixes, name*x labels, NA*x frees"
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def from_syntax(
    text: str, *, identification: Identification = "marker", mean_structure: bool = False, fixed_x: bool = True
) -> Specification:
    """Return the specification of a model in lavaan's syntax.

    Loadings ``F =~ a + b``, regressions ``y ~ x``, covariances ``a ~~ b`` and intercepts ``a ~ 1``; ``0.5*x`` fixes, ``name*x``
    labels (equal labels are equal parameters), ``NA*x`` frees a first loading. Lines end at a line break or ``;``, go on after
    a ``+`` or an operator, and ``#`` starts a comment. What is not said is added by `csr_lib.stats._sem_spec.complete`.

    Raises
    ------
    AnalysisError
        A line that cannot be read, or an operator that is not among these.
    """
    from semopy.parser import parse_desc  # costs seconds to import

    rows: list[Row] = []
    free_firsts: set[tuple[str, str, str]] = set()
    problems: list[Problem] = []
    for line in _lines(text):
        try:
            effects, operations = parse_desc(line)
        except Exception as e:  # the parser raises SyntaxError and plain Exception
            problems.append(Problem(f"cannot read '{line}' ({str(e).splitlines()[0]})", "model", _ALLOWED, "mend the line"))
            continue
        strange = [op for op in effects if op not in OPERATORS] + list(operations)
        terms = [(lhs, op, rhs, by) for op in OPERATORS for lhs, right in effects[op].items() for rhs, by in right.items()]
        if strange or not terms:
            problems.append(Problem(f"'{line}' is not part of a covariance model", "model", _ALLOWED, "take the line out"))
            continue
        if len(terms) != len(effects[terms[0][1]]) * (line.count("+") + 1):
            problems.append(Problem(f"a variable stands twice in '{line}'", "model", mend="name it once"))
            continue
        for lhs, op, rhs, by in terms:
            row = _row(lhs, op, rhs, by)
            rows.append(row)
            if by == "NA":
                free_firsts.add(row.key)
    if problems:
        raise AnalysisError(problems)
    if not rows:
        raise AnalysisError("the model is empty", where="model", allowed=_ALLOWED, mend="write at least one line")
    return complete(rows, identification=identification, mean_structure=mean_structure, keep_free=free_firsts, fixed_x=fixed_x)


def _lines(text: str) -> list[str]:
    """Split at line breaks and semicolons, and join lines that go on."""
    out: list[str] = []
    for raw in re.split(r"[\n;]", text.replace("\N{TILDE OPERATOR}", "~")):
        # the parser takes a minus right behind an operator for a part of it, and knows no number that starts with a point
        line = re.sub(r"~(?=[-.])", "~ ", raw.split("#")[0])
        line = re.sub(r"(?<![\w.])\.(?=\d)", "0.", line).strip()
        if not line:
            continue
        if out and (re.search(r"[+~*]$", out[-1]) or line.startswith("+")):
            out[-1] = f"{out[-1]} {line}"
        else:
            out.append(line)
    return out


def _row(lhs: str, op: str, rhs: str, by: str | None) -> Row:
    if op == "~" and _NUMBER.fullmatch(rhs):
        if float(rhs) != 1:
            raise AnalysisError(
                f"'{lhs} ~ {rhs}'", where="model", allowed=f"{lhs} ~ 1 for an intercept", mend=f"write {lhs} ~ {rhs}*1 to fix it"
            )
        row = Row(lhs, "~1", "")
    else:
        row = Row(lhs, op, rhs)  # type: ignore[arg-type]
    if by is None or by == "NA":
        return row
    if _NUMBER.fullmatch(by):
        return row.fixed(float(by))
    return Row(row.lhs, row.op, row.rhs, label=by)
