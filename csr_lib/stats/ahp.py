"""Analytic hierarchy process: weights from pairwise judgements, how consistent they are, and those of several experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, OptionError, Problem, unknown
from csr_lib.stats.weights import shares_of

Array = np.ndarray
Method = Literal["eigenvector", "geometric", "column_mean"]
Aggregate = Literal["judgements", "priorities"]

#: Random index by order 1, 2, 3 …: the mean consistency index of random judgement matrices. The tables differ, and with them CR.
RANDOM_INDEX: dict[str, tuple[float, ...]] = {
    "saaty1980": (0, 0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59),
    "alonso2006": (
        *(0, 0, 0.5247, 0.8816, 1.1086, 1.2479, 1.3417, 1.4057, 1.4499),
        *(1.4854, 1.5140, 1.5365, 1.5551, 1.5713, 1.5838),
    ),
}


@dataclass(frozen=True, eq=False)
class Priorities:
    """Weights from one matrix of pairwise judgements.

    Attributes
    ----------
    names : of the k children that were compared.
    weights : (k,) by `method`, sum 1.
    lambda_max : (1/k)Σ(Aw)ᵢ/wᵢ; with ``eigenvector`` the largest eigenvalue.
    ci, ri, cr : consistency index (λ − k)/(k − 1), random index and consistency ratio ci/ri; 0 for one or two children.
    method, random_index : how they were computed.
    matrix : (k, k) the judgements, made exactly reciprocal.
    methods : the weights by every method, one row per child: ``item eigenvector geometric column_mean``.
    consistency : one row per method: ``method lambda_max ci cr``.
    judgements : one row per pair, the least fitting first: ``row column judgement fitting ratio cr_if_fitting``. ``fitting`` is
        w_row/w_column; ``ratio`` judgement/fitting or its inverse, whichever is above 1; ``cr_if_fitting`` the consistency ratio
        with that one judgement replaced. Empty for a single child.
    """

    names: tuple[str, ...]
    weights: Array
    lambda_max: float
    ci: float
    ri: float
    cr: float
    method: str
    random_index: str
    matrix: Array
    methods: pd.DataFrame
    consistency: pd.DataFrame
    judgements: pd.DataFrame


@dataclass(frozen=True, eq=False)
class GroupPriorities:
    """Weights from the judgements of several experts.

    Attributes
    ----------
    weights : (k,), sum 1.
    aggregate : ``judgements`` (geometric mean of the experts' matrices, cell by cell) or ``priorities`` (mean of their weights).
    joint : what the geometric-mean matrix gives, whichever `aggregate` is used; its CR is that of the group.
    experts : expert → `Priorities`.
    table : one row per child: ``item weight sd minimum maximum``; the last three are over the experts' own weights.
    """

    weights: Array
    aggregate: str
    joint: Priorities
    experts: Mapping[str, Priorities]
    table: pd.DataFrame


def ahp(
    matrix: Any,
    names: Sequence[str] | None = None,
    *,
    method: Method = "eigenvector",
    random_index: str = "saaty1980",
    tolerance: float = 0.05,
) -> Priorities:
    """Return weights from a matrix of pairwise judgements.

    Parameters
    ----------
    matrix : (k, k); a_ij says how many times as important i is as j (Saaty's scale 1/9 … 9), a_ji = 1/a_ij, 1 on the diagonal.
    names : of the k children.
    method : ``eigenvector`` (Saaty's), ``geometric`` (geometric mean of the rows) or ``column_mean`` (mean of the columns divided
        by their sums). They agree for consistent judgements and with up to three children the first two always do.
    random_index : ``saaty1980`` or ``alonso2006`` (Alonso and Lamata; from 100,000 and more random matrices).
    tolerance : how far a_ij·a_ji may be from 1, so that 0.3333 or 0.14 pass for 1/3 and 1/7. Where the two differ the judgement
        that is at least 1 counts.

    Raises
    ------
    DataError
        A matrix that is not square, or cells that are empty, not above 0, or not reciprocal; every such cell is named.
    OptionError
        An unknown method or table, or more children than the table has (15).

    Notes
    -----
    Saaty (1980). CR up to 0.10 is taken as consistent. CR with λ by each method's own weights, as textbooks compute it, so it may
    differ between methods. The same numbers: R ``ahpsurvey`` (eigen), ``eigen()``.
    """
    if method not in get_args(Method):
        raise OptionError([unknown(method, get_args(Method), what="method of the analytic hierarchy process", where="method")])
    A, labels = _checked(matrix, names, tolerance)
    ri = _random_index(random_index, len(A))
    k = len(A)
    weights = {m: _weights(A, m) for m in get_args(Method)}
    lambdas = {m: _lambda(A, w) for m, w in weights.items()}
    cis = {m: _ci(value, k) for m, value in lambdas.items()}
    consistency = pd.DataFrame(
        [(m, lambdas[m], cis[m], _ratio(cis[m], ri)) for m in weights], columns=["method", "lambda_max", "ci", "cr"]
    )
    return Priorities(
        names=labels,
        weights=weights[method],
        lambda_max=lambdas[method],
        ci=cis[method],
        ri=ri,
        cr=_ratio(cis[method], ri),
        method=method,
        random_index=random_index,
        matrix=A,
        methods=pd.DataFrame({"item": list(labels), **weights}),
        consistency=consistency,
        judgements=_judgements(A, weights[method], labels, method, ri),
    )


def ahp_group(
    matrices: Mapping[str, Any],
    names: Sequence[str] | None = None,
    *,
    aggregate: Aggregate = "judgements",
    importance: Mapping[str, float] | None = None,
    method: Method = "eigenvector",
    random_index: str = "saaty1980",
    tolerance: float = 0.05,
) -> GroupPriorities:
    """Return the weights of a group from one judgement matrix per expert.

    Parameters
    ----------
    matrices : expert → (k, k) matrix, as for `ahp`; all about the same children.
    aggregate : ``judgements`` (the group acts as one: weighted geometric mean of every judgement, which keeps them reciprocal) or
        ``priorities`` (each expert keeps a view: weighted arithmetic mean of the experts' weights).
    importance : expert → share in the group's view, above 0; equal by default.
    names, method, random_index, tolerance : as for `ahp`.

    Raises
    ------
    DataError
        No experts, matrices of different size, faults of a matrix (the expert is named), experts without importance.
    OptionError
        As for `ahp`; an unknown way to aggregate.

    Notes
    -----
    Aczél and Saaty (1983); Forman and Peniwati (1998) on which of the two to use. The same numbers: R ``ahpsurvey::ahp.aggjudge``
    (geometric) and ``ahp.aggpref`` (arithmetic).
    """
    if aggregate not in get_args(Aggregate):
        raise OptionError([unknown(aggregate, get_args(Aggregate), what="way to aggregate", where="aggregate")])
    if not matrices:
        raise DataError("there are no experts", where="judgement matrices", mend="give at least one matrix")
    experts: dict[str, Priorities] = {}
    problems: list[Problem] = []
    for expert, matrix in matrices.items():
        try:
            experts[expert] = ahp(matrix, names, method=method, random_index=random_index, tolerance=tolerance)
        except DataError as error:
            problems += [Problem(p.what, f"expert {expert}, {p.where}", p.allowed, p.mend) for p in error.problems]
    if not problems and len({len(e.names) for e in experts.values()}) > 1:
        sizes = ", ".join(f"{e}: {len(p.names)}" for e, p in experts.items())
        problems.append(Problem(f"matrices of different size ({sizes})", "judgement matrices", "all about the same children"))
    if problems:
        raise DataError(problems)
    share = shares_of(list(experts), importance, "expert")
    mean = np.exp(np.einsum("e,eij->ij", share, np.log([e.matrix for e in experts.values()])))
    labels = next(iter(experts.values())).names
    joint = ahp(mean, labels, method=method, random_index=random_index, tolerance=tolerance)
    own = np.array([e.weights for e in experts.values()])
    weights = joint.weights if aggregate == "judgements" else share @ own
    sd = own.std(axis=0, ddof=1) if len(own) > 1 else np.full(len(labels), np.nan)
    table = pd.DataFrame(
        {"item": list(labels), "weight": weights, "sd": sd, "minimum": own.min(axis=0), "maximum": own.max(axis=0)}
    )
    return GroupPriorities(weights, aggregate, joint, experts, table)


def total_consistency(weights: Sequence[float], nodes: Sequence[Priorities]) -> float:
    """Return the consistency ratio of a whole level, Σ wᵢ·CIᵢ / Σ wᵢ·RIᵢ.

    Parameters
    ----------
    weights : the (global) weight of each node above the level.
    nodes : the judgements below each; nodes with one or two children count with CI = RI = 0.

    Notes
    -----
    Saaty (1980), chapter 4. 0 where no node has three children.
    """
    w = np.asarray(weights, dtype=float)
    if w.shape != (len(nodes),):
        raise DataError(f"{w.size} weights for {len(nodes)} nodes", where="total consistency", allowed="one weight per node")
    return _ratio(float(w @ [n.ci for n in nodes]), float(w @ [n.ri for n in nodes]))


def _checked(matrix: Any, names: Sequence[str] | None, tolerance: float) -> tuple[Array, tuple[str, ...]]:
    """The judgements made exactly reciprocal, and the names of the children."""
    try:
        A = np.array(matrix, dtype=float)
    except (TypeError, ValueError):
        A = np.empty(0)
    if A.ndim != 2 or A.shape[0] != A.shape[1] or not len(A):
        raise DataError("the judgement matrix is not square", where="matrix", allowed="k rows of k numbers", mend="fill it in")
    k = len(A)
    if names is not None and len(names) != k:
        raise DataError(f"{len(names)} names for a matrix of {k} rows", where="names", allowed="one name per row")
    labels = tuple(str(n) for n in names) if names is not None else tuple(f"x{i + 1}" for i in range(k))
    if len(set(labels)) < k:
        raise DataError("names stand twice", where="names", allowed="different names")
    problems = []
    for i in range(k):
        for j in range(k):
            where = f"row {labels[i]}, column {labels[j]}"
            if not (np.isfinite(A[i, j]) and A[i, j] > 0):
                what = "no judgement" if np.isnan(A[i, j]) else f"a judgement of {A[i, j]:g}"
                problems.append(Problem(what, where, "a number above 0, such as 3 or 1/3", "fill it in"))
            elif j >= i and np.isfinite(A[j, i]) and A[j, i] > 0 and not abs(A[i, j] * A[j, i] - 1) <= tolerance:
                what = f"{A[i, j]:g}, but row {labels[j]}, column {labels[i]} is {A[j, i]:g}" if j > i else f"{A[i, i]:g}"
                allowed = "1 on the diagonal, and below it one over the value above it"
                problems.append(Problem(what, where, allowed, "correct one of the two" if j > i else "write 1"))
    if problems:
        raise DataError(problems)
    upper = np.where(A >= A.T, A, 1 / A.T)
    out = np.triu(upper, 1) + np.tril(1 / upper.T, -1) + np.eye(k)
    return out, labels


def _random_index(table: str, k: int) -> float:
    if table not in RANDOM_INDEX:
        raise OptionError([unknown(table, RANDOM_INDEX, what="table of the random index", where="random_index")])
    if k > len(RANDOM_INDEX[table]):
        raise OptionError(
            f"{k} children; the random index is known up to {len(RANDOM_INDEX[table])}",
            where="matrix",
            mend="put a level between: groups of at most nine can still be judged",
        )
    return RANDOM_INDEX[table][k - 1]


def _weights(A: Array, method: str) -> Array:
    if method == "geometric":
        w = np.exp(np.log(A).mean(axis=1))
    elif method == "column_mean":
        w = (A / A.sum(axis=0)).mean(axis=1)
    else:
        values, vectors = np.linalg.eig(A)
        w = np.abs(vectors[:, np.argmax(values.real)].real)
    return w / w.sum()


def _lambda(A: Array, w: Array) -> float:
    return float((A @ w / w).mean())


def _ci(value: float, k: int) -> float:
    """λ cannot be below k but for rounding, and two judgements cannot contradict each other."""
    return max(0.0, (value - k) / (k - 1)) if k > 2 else 0.0


def _ratio(ci: float, ri: float) -> float:
    return ci / ri if ri > 0 else 0.0


def _judgements(A: Array, w: Array, labels: Sequence[str], method: str, ri: float) -> pd.DataFrame:
    k = len(A)
    rows = []
    for i in range(k):
        for j in range(i + 1, k):
            fitting = w[i] / w[j]
            changed = A.copy()
            changed[i, j], changed[j, i] = fitting, 1 / fitting
            cr = _ratio(_ci(_lambda(changed, _weights(changed, method)), k), ri)
            ratio = max(A[i, j] / fitting, fitting / A[i, j])
            rows.append((labels[i], labels[j], A[i, j], fitting, ratio, cr))
    table = pd.DataFrame(rows, columns=["row", "column", "judgement", "fitting", "ratio", "cr_if_fitting"])
    return table.sort_values("ratio", ascending=False, ignore_index=True, kind="stable")
