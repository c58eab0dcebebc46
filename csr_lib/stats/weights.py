"""Weights of indicators that people state, combinations of weights, and what follows for a tree of indicators and an index."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.stats.distributions import chi2_above

Array = np.ndarray
Rule = Literal["additive", "multiplicative", "geometric"]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Kendall's W of m raters who ranked k things: 0 no agreement, 1 the same order. ``p_value`` tests W = 0."""

    w: float
    statistic: float
    df: int
    p_value: float
    raters: int
    things: int


@dataclass(frozen=True, eq=False)
class ExpertWeights:
    """Weights from the points that experts gave.

    Attributes
    ----------
    weights : item → weight, sum 1.
    table : one row per item: ``item weight sd cv minimum maximum``; spread over the experts' own weights (NaN with one expert).
    experts : every expert's points divided by their sum; index experts, columns items.
    agreement : Kendall's W; None with one expert or one item.
    """

    weights: pd.Series
    table: pd.DataFrame
    experts: pd.DataFrame
    agreement: Agreement | None


def expert_weights(points: pd.DataFrame, importance: Mapping[Any, float] | None = None) -> ExpertWeights:
    """Return weights from points that experts gave to the items.

    Parameters
    ----------
    points : index experts, columns items, values ≥ 0 in any unit (10, 100, shares); every expert gave points to every item.
    importance : expert → share in the mean, above 0; equal by default.

    Raises
    ------
    DataError
        No experts or items, points that are missing, negative or infinite, an expert whose points are all 0, an expert without
        importance.

    Notes
    -----
    Each expert's points are divided by their sum, w_ej = p_ej/Σp_e, so that no one counts more for using larger numbers; the
    weight is the (weighted) mean over experts. ``cv`` = sd/mean is the coefficient of variation that Delphi studies report.
    """
    if not points.size:
        raise DataError("there are no points", where="experts", allowed="one row per expert, one column per item")
    values = points.to_numpy(dtype=float)
    problems = [
        Problem(
            "no points" if np.isnan(values[e, j]) else f"{values[e, j]:g} points",
            f"expert {expert}, {item}",
            "numbers ≥ 0",
            "fill it in",
        )
        for e, expert in enumerate(points.index)
        for j, item in enumerate(points.columns)
        if not (np.isfinite(values[e, j]) and values[e, j] >= 0)
    ]
    problems += [
        Problem("all points are 0", f"expert {expert}", "at least one above 0", "fill them in")
        for expert, row in zip(points.index, values, strict=True)
        if not row.any()
    ]
    if problems:
        raise DataError(problems)
    own = values / values.sum(axis=1, keepdims=True)
    share = shares_of(points.index, importance, "expert")
    weights = share @ own
    sd = own.std(axis=0, ddof=1) if len(own) > 1 else np.full(own.shape[1], np.nan)
    with np.errstate(invalid="ignore"):
        cv = sd / own.mean(axis=0)
    items = list(points.columns)
    table = pd.DataFrame(
        {"item": items, "weight": weights, "sd": sd, "cv": cv, "minimum": own.min(axis=0), "maximum": own.max(axis=0)}
    )
    experts = pd.DataFrame(own, index=points.index, columns=points.columns)
    agreement = kendall_w(own) if min(own.shape) > 1 else None
    return ExpertWeights(pd.Series(weights, index=items, name="weight"), table, experts, agreement)


def kendall_w(ratings: Any) -> Agreement:
    """Return Kendall's coefficient of concordance of m raters, corrected for ties.

    Parameters
    ----------
    ratings : (m, k) numbers, one row per rater; only their order within a row counts. No missing values, m and k at least 2.

    Raises
    ------
    DataError
        Missing values, fewer than two raters or things.

    Notes
    -----
    W = 12S/(m²(k³ − k) − mΣT), S the sum of squared deviations of the rank sums, T = Σ(t³ − t) over a rater's groups of t ties
    (Kendall and Gibbons 1990). χ² = m(k − 1)W on k − 1 degrees of freedom, an approximation that is coarse for few things. NaN
    where every rater gave the same to all. The same numbers: R ``irr::kendall(correct = TRUE)``, ``friedman.test`` (χ²).
    """
    x = np.asarray(ratings, dtype=float)
    if x.ndim != 2 or min(x.shape) < 2:
        raise DataError(f"ratings of shape {x.shape}", where="agreement", allowed="at least two raters and two things")
    if np.isnan(x).any():
        raise DataError("missing ratings", where="agreement", mend="leave out the raters or the things that are incomplete")
    m, k = x.shape
    ranks = pd.DataFrame(np.round(x, 12)).rank(axis=1).to_numpy()  # equal but for rounding is a tie
    ties = 0
    for row in ranks:
        t = np.unique(row, return_counts=True)[1]
        ties += int((t**3 - t).sum())
    s = float(((ranks.sum(axis=0) - m * (k + 1) / 2) ** 2).sum())
    most = m * m * (k**3 - k) - m * ties
    w = 12 * s / most if most > 0 else math.nan
    statistic = m * (k - 1) * w
    return Agreement(w, statistic, k - 1, float(chi2_above(statistic, k - 1)), m, k)


def combine_weights(
    weights: Mapping[str, pd.Series], rule: Rule = "additive", shares: Mapping[str, float] | None = None
) -> pd.Series:
    """Return one weight per item from several sets of weights, such as experts' and entropy weights.

    Parameters
    ----------
    weights : name of the set → item → weight ≥ 0; all over the same items. Each set is divided by its sum first.
    rule : ``additive`` Σ s_m·w_mj; ``multiplicative`` Π w_mj (乘法合成: the sets reinforce each other, large weights grow);
        ``geometric`` Π w_mj^s_m (the same without that growth). The result is divided by its sum.
    shares : name → share s_m, above 0, divided by their sum; equal by default. ``multiplicative`` takes none.

    Raises
    ------
    DataError
        Sets over different items, weights that are missing, negative, infinite or all zero.
    OptionError
        An unknown rule; shares with ``multiplicative``.
    AnalysisError
        ``multiplicative`` or ``geometric`` where every item has a weight of 0 in some set.
    """
    if rule not in get_args(Rule):
        raise OptionError([unknown(rule, get_args(Rule), what="rule of combination", where="rule")])
    if rule == "multiplicative" and shares is not None:
        raise OptionError("multiplicative combination takes no shares", where="shares", mend="use rule: geometric")
    if not weights:
        raise DataError("there are no weights to combine", where="weights")
    items = list(next(iter(weights.values())).index)
    problems = [
        Problem(
            f"its items are not those of '{next(iter(weights))}'", name, ", ".join(map(str, items)), "give the missing weights"
        )
        for name, w in weights.items()
        if set(w.index) != set(items) or len(w) != len(items)
    ]
    if problems:
        raise DataError(problems)
    W = np.array([_normalised(w.reindex(items).to_numpy(dtype=float), items, name) for name, w in weights.items()])
    if rule == "additive":
        out = shares_of(list(weights), shares, "set of weights") @ W
    elif rule == "multiplicative":
        out = W.prod(axis=0)
    else:
        out = (W ** shares_of(list(weights), shares, "set of weights")[:, None]).prod(axis=0)
    if not out.sum() > 0:
        raise AnalysisError("every item has a weight of 0 in one of the sets", where="weights", mend="combine them by addition")
    return pd.Series(out / out.sum(), index=items, name="weight")


def global_weights(local: Mapping[str, Mapping[str, float]], root: str = "goal") -> pd.DataFrame:
    """Return the weight of every node of an indicator system in the whole, local weights multiplied along its branch.

    Parameters
    ----------
    local : node → child → weight ≥ 0; the children of a node are divided by their sum.
    root : the node at the top.

    Returns
    -------
    frame, one row per node below the root, level by level: ``item parent level weight global leaf``; `weight` within its parent.
    The leaves' `global` sum to 1.

    Raises
    ------
    DataError
        No such root, a node with two parents or under itself, nodes that hang on nothing, impossible weights.
    """
    if root not in local:
        raise DataError([unknown(root, local, what="node", where="weights")])
    rows: list[tuple[str, str, int, float, float, bool]] = []
    problems: list[Problem] = []
    parent_of: dict[str, str] = {root: ""}
    level = [(root, 1.0)]
    depth = 0
    while level:
        depth += 1
        below: list[tuple[str, float]] = []
        for node, own in level:
            children = local[node]
            w = _normalised(np.array([float(v) for v in children.values()]), list(children), node)
            for child, weight in zip(children, w, strict=True):
                if child in parent_of:
                    where = "the root" if child == root else f"'{parent_of[child]}'"
                    problems.append(Problem(f"stands under '{node}' and is {where} or under it", child, "one parent each"))
                    continue
                parent_of[child] = node
                rows.append((child, node, depth, float(weight), own * float(weight), child not in local))
                if child in local:
                    below.append((child, own * float(weight)))
        level = below
    problems += [
        Problem("hangs on nothing", node, f"a place under '{root}'", "name it as a child of its parent")
        for node in local
        if node not in parent_of
    ]
    if problems:
        raise DataError(problems)
    return pd.DataFrame(rows, columns=["item", "parent", "level", "weight", "global", "leaf"])


def weighted_index(means: Any, weights: Any, low: Any, high: Any) -> float:
    """Return a satisfaction index on 0–100, Σw(x̄ − low)/Σw(high − low)·100.

    Parameters
    ----------
    means : (k,) means of the items; weights : (k,) weights of the items as they are scored, ≥ 0, in any unit.
    low, high : (k,) or one number, the ends of the scales.

    Raises
    ------
    DataError
        Missing values, means outside their scale, negative or all-zero weights, an empty scale.

    Notes
    -----
    Fornell et al. (1996). For one scale 1–10 and weights that sum to 1 this is Σ(x̄ − 1)w/9·100, as published for the American
    index. Path models give the weights as outer weight/sd, see `csr_lib.stats.pls`.
    """
    x, w, a, b = (np.asarray(v, dtype=float) for v in np.broadcast_arrays(means, weights, low, high))
    if x.ndim != 1 or not np.isfinite([x, w, a, b]).all():
        raise DataError("missing or infinite values", where="index", allowed="one mean and one weight per item")
    if (a >= b).any() or (x < a - 1e-9).any() or (x > b + 1e-9).any():
        raise DataError("a mean lies outside its scale", where="index", allowed="low ≤ mean ≤ high", mend="check the scales")
    if (w < 0).any() or not w.any():
        raise DataError("weights are negative or all 0", where="index", allowed="numbers ≥ 0, one of them above 0")
    return 100 * float(w @ (x - a)) / float(w @ (b - a))


def _normalised(w: Array, items: Sequence[Any], where: str) -> Array:
    bad = [str(i) for i, v in zip(items, w, strict=True) if not (np.isfinite(v) and v >= 0)]
    if bad:
        raise DataError(f"impossible weights of {', '.join(bad)}", where=where, allowed="numbers ≥ 0", mend="correct them")
    if not w.sum() > 0:
        raise DataError("all weights are 0", where=where, allowed="at least one above 0", mend="fill them in")
    return w / w.sum()


def shares_of(names: Any, shares: Mapping[Any, float] | None, what: str) -> Array:
    """Shares of the named in a mean, sum 1; equal where none are given. DataError: a name without share, shares not above 0."""
    if shares is None:
        return np.full(len(names), 1 / len(names))
    missing = [unknown(n, shares, what=what, where="shares") for n in names if n not in shares]
    if missing:
        raise DataError(missing)
    out = np.array([float(shares[n]) for n in names])
    if not (np.isfinite(out).all() and (out > 0).all()):
        raise DataError(f"the share of a {what} is not above 0", where="shares", allowed="numbers above 0")
    return out / out.sum()
