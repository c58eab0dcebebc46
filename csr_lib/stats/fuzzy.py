"""Fuzzy comprehensive evaluation: memberships in grades, composed with weights, level by level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.stats.moments import Kind, checked_weights
from csr_lib.stats.weights import global_weights

Array = np.ndarray

#: The four operators of B = A∘R: name -> notation, and the other notation in use. ∧ minimum, ∨ maximum, ⊕ sum bounded by 1.
OPERATORS: dict[str, tuple[str, str]] = {
    "weighted_average": ("M(·,⊕)", "M(·,+)"),
    "min_max": ("M(∧,∨)", "M(min,max)"),
    "product_max": ("M(·,∨)", "M(×,max)"),
    "min_sum": ("M(∧,⊕)", "M(min,+)"),
}
#: Node -> its children and their weights.
_Tree = dict[str, tuple[list[str], Array]]
#: How a score belongs to grades.
MEMBERSHIP = ("nearest", "triangle", "trapezoid")
#: Memberships closer than this are a tie.
TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Memberships:
    """Memberships of items in grades; ``table`` (index items, columns grades, rows sum to 1), ``n``, ``n_missing`` per item."""

    table: pd.DataFrame
    n: pd.Series
    n_missing: pd.Series


@dataclass(frozen=True, eq=False)
class Verdict:
    """What memberships in grades say.

    Attributes
    ----------
    grade : of the largest membership; None where several share it (`tied` names them).
    effectiveness : (kβ − 1)/(2γ(k − 1)) with the largest share β and the second γ of k grades: 1 and more says that the largest
        stands out clearly, under 0.5 that the principle of maximum membership says little, 0 nothing. Infinite where γ = 0.
    score : Σ share × value of the grade; NaN without values.
    """

    grade: Any
    tied: tuple[Any, ...]
    effectiveness: float
    score: float


@dataclass(frozen=True, eq=False)
class FuzzyEvaluation:
    """A fuzzy comprehensive evaluation.

    Attributes
    ----------
    operator, notation : used for `nodes`.
    normalised : whether results of lower levels were divided by their sum before they entered the next.
    nodes : one row per node of the tree and grade, root first: ``item level leaf grade raw membership``; ``raw`` is A∘R as it
        comes (for leaves what was handed in), ``membership`` divided by its sum.
    verdicts : one row per node: ``item level leaf grade tied effectiveness score``; ``grade`` None for ties.
    operators : the root under every operator, one row each and grade: ``operator notation grade raw membership``.
    operator_verdicts : one row per operator: ``operator notation grade tied effectiveness score``.
    weights : the tree, `csr_lib.stats.weights.global_weights`.
    """

    operator: str
    notation: str
    normalised: bool
    nodes: pd.DataFrame
    verdicts: pd.DataFrame
    operators: pd.DataFrame
    operator_verdicts: pd.DataFrame
    weights: pd.DataFrame


def grade_shares(answers: pd.DataFrame, grades: Sequence[float], weights: Any = None, *, kind: Kind = "sampling") -> Memberships:
    """Return the membership of each item in each grade as the (weighted) share of answers in it.

    Parameters
    ----------
    answers : (N, p) codes; NaN is no answer and leaves the item's own base.
    grades : the codes, in order.
    weights : (N,) case weights; None or ``kind="none"`` for none.

    Raises
    ------
    DataError
        Answers that are no grade (item and codes named), grades twice, impossible weights.
    AnalysisError
        Items without an answer.
    """
    codes = _distinct(grades)
    x = answers.to_numpy(dtype=float)
    problems = []
    for item, column in zip(answers, x.T, strict=True):
        strange = sorted(set(np.unique(column[~np.isnan(column)])) - set(codes))
        if strange:
            shown, allowed = ", ".join(f"{v:g}" for v in strange[:5]), ", ".join(f"{g:g}" for g in codes)
            problems.append(Problem(f"answers {shown} are no grade", str(item), allowed, "use score_memberships"))
    if problems:
        raise DataError(problems)
    return _averaged(answers, x.T[..., None] == np.array(codes), list(grades), weights, kind)


def score_memberships(
    scores: pd.DataFrame, peaks: Sequence[float], weights: Any = None, *, plateau: float = 0.0, kind: Kind = "sampling"
) -> Memberships:
    """Return the mean membership of each item's scores in grades, by triangular or trapezoid membership functions.

    Parameters
    ----------
    scores : (N, p) numbers, such as ratings 1–100 or one row of means; NaN is no answer.
    peaks : the score at which each grade holds fully, rising or falling.
    plateau : share of the way to the next peak over which a grade still holds fully, 0 (triangles) to below 1 (trapezoids);
        half of it lies on either side.
    weights, kind : as for `grade_shares`.

    Raises
    ------
    DataError
        Peaks that neither rise nor fall, infinite scores, impossible weights.
    OptionError
        A plateau outside its range.
    AnalysisError
        Items without an answer.

    Notes
    -----
    Between two peaks one grade gives way to the other along a line, so memberships of a score always sum to 1; beyond the
    first and the last peak the outer grade holds fully.
    """
    values = membership_values(scores, peaks, "trapezoid" if plateau else "triangle", plateau=plateau)
    return mean_memberships(values, list(scores.columns), peaks, weights, kind=kind)


def membership_values(
    scores: pd.DataFrame | Array, grades: Sequence[float], how: str = "nearest", *, plateau: float = 0.0
) -> Array:
    """Return how far each score belongs to each grade, (N, p, k); NaN where there is no score.

    Parameters
    ----------
    scores : (N, p) numbers; NaN is no answer.
    grades : (k,) the score at which each grade holds fully, rising or falling.
    how : ``nearest`` (fully to the grade next to the score, half to each of two that are equally near), ``triangle`` or
        ``trapezoid`` as `score_memberships`.
    plateau : of the trapezoid.

    Raises
    ------
    DataError
        Grades that neither rise nor fall, infinite scores.
    OptionError
        An unknown `how`, a plateau outside its range.

    Notes
    -----
    The memberships of a score sum to 1. With ``triangle`` the mean of any values that lie on a line through the grades is that
    of the scores between the outer grades, so a score of 0–100 keeps its mean.
    """
    if how not in MEMBERSHIP:
        raise OptionError([unknown(how, MEMBERSHIP, what="way of membership", where="membership")])
    ends = np.array([float(g) for g in grades])
    steps = np.diff(ends)
    if len(ends) < 2 or not (np.isfinite(ends).all() and ((steps > 0).all() or (steps < 0).all())):
        raise DataError(f"peaks {', '.join(f'{p:g}' for p in ends)}", where="peaks", allowed="two or more, rising or falling")
    if not 0 <= plateau < 1:
        raise OptionError(f"a plateau of {plateau:g}", where="plateau", allowed="0 or more, below 1")
    x = np.asarray(scores, dtype=float)
    if np.isinf(x).any():
        raise DataError("infinite scores", where="scores", allowed="finite numbers, NaN for no answer")
    order = np.argsort(ends)
    place = np.interp(x, ends[order], np.arange(len(ends), dtype=float))  # 0 at the lowest peak, 1 at the next …
    low = np.floor(place)
    if how == "nearest":
        rest = place - low
        up = np.where(np.isclose(rest, 0.5), 0.5, (rest > 0.5).astype(float))
    else:
        width = plateau if how == "trapezoid" else 0.0
        up = np.clip((place - low - width / 2) / (1 - width), 0.0, 1.0)
    member = np.zeros((*x.shape, len(ends)))
    for g, at in enumerate(order):
        member[..., at] = np.where(low == g, 1 - up, 0.0) + np.where(low == g - 1, up, 0.0)
    member[np.isnan(x)] = np.nan
    return member


def mean_memberships(
    values: Array, items: Sequence[Any], grades: Sequence[Any], weights: Any = None, *, kind: Kind = "sampling"
) -> Memberships:
    """Return the (weighted) mean of memberships over the rows with an answer.

    Parameters
    ----------
    values : (N, p, k) as of `membership_values`; NaN for no answer.
    items, grades : their p and k names.
    weights, kind : as for `grade_shares`, which also says what is raised.
    """
    frame = pd.DataFrame(values[..., 0], columns=list(items))
    return _averaged(frame, np.nan_to_num(np.moveaxis(values, 0, 1)), list(grades), weights, kind)


def compose(weights: Any, memberships: Any, operator: str = "weighted_average") -> Array:
    """Return B = A∘R of one level, as it comes.

    Parameters
    ----------
    weights : A, (p,) weights of the items; divided by their sum.
    memberships : R, (p, k), between 0 and 1.
    operator : ``weighted_average`` M(·,⊕) min(1, Σ a·r); ``min_max`` M(∧,∨) max min(a, r); ``product_max`` M(·,∨) max a·r;
        ``min_sum`` M(∧,⊕) min(1, Σ min(a, r)).

    Raises
    ------
    OptionError
        An unknown operator.
    DataError
        Memberships outside 0–1 or missing, impossible weights, shapes that do not fit.

    Notes
    -----
    Wang (1983); ``min_max`` is Zadeh's composition. With ``weighted_average`` memberships that sum to 1 stay so. Operators with
    ∧ or ∨ forget small weights, or all but the largest term, so that the winner may change with the operator.
    """
    if operator not in OPERATORS:
        raise OptionError([unknown(operator, OPERATORS, what="fuzzy operator", where="operator")])
    A, R = np.asarray(weights, dtype=float), np.asarray(memberships, dtype=float)
    if R.ndim != 2 or A.shape != R.shape[:1] or not R.size:
        raise DataError(f"weights of shape {A.shape} for memberships of shape {R.shape}", where="weights", allowed="one per item")
    if not (np.isfinite(A).all() and (A >= 0).all() and A.sum() > 0):
        raise DataError("weights that are missing, negative or all 0", where="weights", allowed="numbers ≥ 0")
    if not ((R >= -1e-12) & (R <= 1 + 1e-12)).all():
        raise DataError("memberships outside 0 to 1, or missing", where="memberships", allowed="numbers between 0 and 1")
    a = (A / A.sum())[:, None]
    terms = np.minimum(a, R) if operator.startswith("min") else a * R
    return terms.max(axis=0) if operator.endswith("max") else np.minimum(1.0, terms.sum(axis=0))


def verdict(memberships: Any, grades: Sequence[Any], values: Sequence[float] | None = None) -> Verdict:
    """Return what memberships in grades say: the grade of the largest, how clearly, and the score.

    Parameters
    ----------
    memberships : (k,) numbers ≥ 0; divided by their sum.
    grades : (k,) names of the grades, at least two; values : (k,) numbers for the score.

    Raises
    ------
    DataError
        Memberships that are missing, negative or all 0, lengths that differ.
    """
    b = np.asarray(memberships, dtype=float)
    if b.shape != (len(grades),) or len(grades) < 2 or (values is not None and len(values) != len(grades)):
        raise DataError(f"{b.size} memberships for {len(grades)} grades", where="grades", allowed="one each, at least two grades")
    if not (np.isfinite(b).all() and (b >= 0).all() and b.sum() > 0):
        raise DataError("memberships that are missing, negative or all 0", where="memberships", allowed="numbers ≥ 0")
    share = b / b.sum()
    first = share.max()
    tied = tuple(g for g, s in zip(grades, share, strict=True) if s >= first - TIE)
    second, k = float(np.sort(share)[-2]), len(grades)
    clear = (k * first - 1) / (2 * second * (k - 1)) if second > 0 else math.inf
    score = float(share @ np.asarray(values, dtype=float)) if values is not None else math.nan
    return Verdict(tied[0] if len(tied) == 1 else None, tied if len(tied) > 1 else (), max(0.0, float(clear)), score)


def fuzzy_evaluation(
    memberships: pd.DataFrame,
    weights: Mapping[str, Mapping[str, float]],
    *,
    operator: str = "weighted_average",
    values: Sequence[float] | None = None,
    root: str = "goal",
    normalise: bool = True,
) -> FuzzyEvaluation:
    """Evaluate a tree of indicators from the memberships of its leaves.

    Parameters
    ----------
    memberships : index the leaves of the tree, columns the grades; `Memberships.table`.
    weights : node → child → weight; ``{"goal": {item: weight}}`` for a single level.
    operator : see `compose`; the root is shown under all of them.
    values : (k,) number of each grade for the score; None: no score.
    root : the node at the top.
    normalise : divide the result of every node (not the leaves) by its sum before it enters the level above; the raw results
        are kept beside it.

    Raises
    ------
    DataError
        Leaves without memberships (named), faults of the tree or of the memberships.
    OptionError
        An unknown operator.
    AnalysisError
        A node whose memberships are all 0.

    Notes
    -----
    B_node = A_node∘R, R the results of its children. With ``weighted_average`` and memberships that sum to 1 the root
    is that of a single level with the global weights, and `normalise` changes nothing.
    """
    if operator not in OPERATORS:
        raise OptionError([unknown(operator, OPERATORS, what="fuzzy operator", where="operator")])
    if memberships.index.has_duplicates:
        raise DataError("items stand twice", where="memberships", allowed="one row per leaf")
    tree = global_weights(weights, root)
    leaves = tree.loc[tree["leaf"], "item"].tolist()
    missing = [
        Problem("no memberships", str(leaf), "a row of memberships for every leaf", "add it, or take it out of the tree")
        for leaf in leaves
        if leaf not in memberships.index
    ]
    if missing:
        raise DataError(missing)
    grades = list(memberships.columns)
    local: _Tree = {
        str(parent): (part["item"].tolist(), part["weight"].to_numpy()) for parent, part in tree.groupby("parent", sort=False)
    }
    rows = {leaf: memberships.loc[leaf].to_numpy(dtype=float) for leaf in leaves}
    found = {name: _climb(rows, local, name, root, normalise) for name in OPERATORS}
    levels: dict[str, tuple[int, bool]] = {root: (0, False)}
    levels.update(zip(tree["item"], zip(tree["level"], tree["leaf"], strict=True), strict=True))
    nodes, verdicts = [], []
    for item, (level, leaf) in levels.items():
        raw = found[operator][item]
        said = verdict(raw, grades, values)
        verdicts.append((item, level, leaf, said.grade, said.tied, said.effectiveness, said.score))
        nodes += [(item, level, leaf, g, r, s) for g, r, s in zip(grades, raw, raw / raw.sum(), strict=True)]
    others, other_verdicts = [], []
    for name, results in found.items():
        raw = results[root]
        said = verdict(raw, grades, values)
        other_verdicts.append((name, OPERATORS[name][0], said.grade, said.tied, said.effectiveness, said.score))
        others += [(name, OPERATORS[name][0], g, r, s) for g, r, s in zip(grades, raw, raw / raw.sum(), strict=True)]
    said_columns = ["grade", "tied", "effectiveness", "score"]
    return FuzzyEvaluation(
        operator,
        OPERATORS[operator][0],
        normalise,
        pd.DataFrame(nodes, columns=["item", "level", "leaf", "grade", "raw", "membership"]),
        pd.DataFrame(verdicts, columns=["item", "level", "leaf", *said_columns]),
        pd.DataFrame(others, columns=["operator", "notation", "grade", "raw", "membership"]),
        pd.DataFrame(other_verdicts, columns=["operator", "notation", *said_columns]),
        tree,
    )


def _climb(leaves: dict[str, Array], local: _Tree, operator: str, root: str, normalise: bool) -> dict[str, Array]:
    """Results of every node as they come, from the leaves to the root."""
    out: dict[str, Array] = {}

    def result(node: str) -> Array:
        if node not in local:
            out[node] = leaves[node]
        else:
            children, weights = local[node]
            below = np.array([result(child) for child in children])
            inner = [child in local for child in children]
            if normalise:
                below[inner] /= below[inner].sum(axis=1, keepdims=True)
            out[node] = compose(weights, below, operator)
        if not out[node].sum() > 0:
            raise AnalysisError("all memberships are 0", where=str(node), mend="look at the answers of its items")
        return out[node]

    result(root)
    return out


def _distinct(grades: Sequence[float]) -> list[float]:
    codes = [float(g) for g in grades]
    if len(codes) < 2 or len(set(codes)) < len(codes) or not np.isfinite(codes).all():
        raise DataError("grades are twice, missing, or fewer than two", where="grades", allowed="two or more different numbers")
    return codes


def _averaged(frame: pd.DataFrame, member: Array, grades: Sequence[Any], weights: Any, kind: Kind) -> Memberships:
    """Weighted means of memberships (p, N, k) over the rows with an answer."""
    w = np.ones(len(frame)) if weights is None or kind == "none" else checked_weights(weights, len(frame))
    seen = frame.notna().to_numpy().T * w
    silent = [str(c) for c, total in zip(frame.columns, seen.sum(axis=1), strict=True) if not total > 0]
    if silent:
        raise AnalysisError(f"nobody answered {', '.join(silent)}", where="memberships", mend="leave them out")
    table = np.einsum("pn,pnk->pk", seen, member) / seen.sum(axis=1, keepdims=True)
    counts = seen if kind == "frequency" else seen > 0
    n = pd.Series(counts.sum(axis=1).astype(float), index=frame.columns)
    rows = float(w.sum()) if kind == "frequency" and weights is not None else float((w > 0).sum())
    return Memberships(pd.DataFrame(table, index=frame.columns, columns=list(grades)), n, rows - n)
