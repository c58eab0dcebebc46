"""Fuzzy evaluation of many resamples at once, and the share of them in which a grade wins.

Everything has the draws as its first axis and agrees, draw by draw, with `csr_lib.stats.fuzzy`. Weights of a whole indicator
system are one number per leaf, in the order of the leaves: a node counts as much as its leaves together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from csr_lib.core.errors import DataError, OptionError, unknown
from csr_lib.stats.fuzzy import OPERATORS, TIE

Array = np.ndarray
#: Node -> its children, from the root down.
Children = Mapping[str, Sequence[str]]


def leaves_of(children: Children, root: str = "goal") -> tuple[str, ...]:
    """Return the leaves of a tree from left to right.

    Raises DataError for a root that is not there, and for a node that stands in two places or under itself.
    """
    if root not in children:
        raise DataError([unknown(root, children, what="node", where="tree")])
    found: list[str] = []
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node in seen:
            raise DataError("stands in two places", where=node, allowed="one place in the tree", mend="take it out of one")
        seen.add(node)
        if node in children:
            waiting += reversed(list(children[node]))
        else:
            found.append(node)
    return tuple(found)


def leaf_weights(local: Mapping[str, Mapping[str, float]], root: str = "goal") -> dict[str, float]:
    """Return leaf -> weight in the whole, local weights (divided by their sums) multiplied down each branch.

    Raises DataError as `leaves_of`, and for weights that are negative, missing or all 0 below a node.
    """
    out = dict.fromkeys(leaves_of({node: list(of) for node, of in local.items()}, root), 0.0)

    def spread(node: str, own: float) -> None:
        if node in out:
            out[node] = own
            return
        weights = np.array([float(v) for v in local[node].values()])
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            raise DataError("impossible weights", where=node, allowed="numbers ≥ 0, one of them above 0", mend="correct them")
        for child, weight in zip(local[node], weights / weights.sum(), strict=True):
            spread(child, own * float(weight))

    spread(root, 1.0)
    return out


def local_weights(weights: Array, children: Children, root: str = "goal") -> dict[str, Array]:
    """Return node -> weights of its children within it, (…, c), from weights of the leaves.

    Parameters
    ----------
    weights : (…, p) ≥ 0, in the order of `leaves_of`; draws that failed are NaN and stay so.
    children : the tree.

    Notes
    -----
    A child's weight is the sum of its leaves', divided by that of its siblings; below a node without any weight all count
    equally.
    """
    W = np.asarray(weights, dtype=float)
    order = leaves_of(children, root)
    if W.shape[-1] != len(order):
        raise DataError(f"{W.shape[-1]} weights for {len(order)} leaves", where="weights", allowed="one per leaf")
    mass: dict[str, Array] = {leaf: W[..., j] for j, leaf in enumerate(order)}
    out: dict[str, Array] = {}

    def total(node: str) -> Array:
        if node not in mass:
            below = np.stack([total(child) for child in children[node]], axis=-1)
            mass[node] = below.sum(axis=-1)
            with np.errstate(invalid="ignore", divide="ignore"):
                share = below / mass[node][..., None]
            out[node] = np.where(mass[node][..., None] == 0, 1 / below.shape[-1], share)
        return mass[node]

    total(root)
    return {node: out[node] for node in children if node in out}


def compose_many(weights: Array, memberships: Array, operator: str = "weighted_average") -> Array:
    """Return B = A∘R of many draws, (B, k), as `csr_lib.stats.fuzzy.compose` does of one.

    Parameters
    ----------
    weights : (B, c) or (1, c), each row summing to 1; memberships : (B, c, k) or (1, c, k). Draws that failed are NaN and stay
        so.
    operator : of `csr_lib.stats.fuzzy.OPERATORS`; OptionError for another.
    """
    if operator not in OPERATORS:
        raise OptionError([unknown(operator, OPERATORS, what="fuzzy operator", where="operator")])
    if operator == "weighted_average":
        return np.minimum(1.0, np.einsum("bc,bck->bk", *_same_draws(weights, memberships)))
    a = np.asarray(weights)[..., None]
    terms = np.minimum(a, memberships) if operator.startswith("min") else a * memberships
    return terms.max(axis=-2) if operator.endswith("max") else np.minimum(1.0, terms.sum(axis=-2))


def evaluate_many(
    memberships: Array,
    local: Mapping[str, Array],
    children: Children,
    *,
    operator: str = "weighted_average",
    normalise: bool = True,
    root: str = "goal",
) -> dict[str, Array]:
    """Return node -> memberships in the grades, (B, k) that sum to 1, of every node above the leaves.

    Parameters
    ----------
    memberships : (B, p, k) of the leaves, in the order of `leaves_of`.
    local : node -> (B, c) weights of its children, or (1, c) where they are the same in every draw; `local_weights`.
    children, operator, normalise, root : as in `csr_lib.stats.fuzzy.fuzzy_evaluation`, whose ``membership`` is returned.
    """
    place = {leaf: j for j, leaf in enumerate(leaves_of(children, root))}
    out: dict[str, Array] = {}

    def raw(node: str) -> Array:
        if node in place:
            return memberships[:, place[node]]
        below = []
        for child in children[node]:
            part = raw(child)
            inner = child not in place
            below.append(part / part.sum(axis=-1, keepdims=True) if normalise and inner else part)
        found = compose_many(local[node], np.stack(below, axis=1), operator)
        with np.errstate(invalid="ignore"):
            out[node] = found / found.sum(axis=-1, keepdims=True)
        return found

    raw(root)
    return {node: out[node] for node in children if node in out}


def membership_sums(values: Array, weights: Array) -> tuple[Array, Array]:
    """Return the weighted sums of memberships in many resamples, (B, p, k), and the weights behind them, (B, p).

    Sums of disjoint rows can be added; divided by the weights they are means.

    Parameters
    ----------
    values : (n, p, k) memberships of each row, NaN for no answer (`csr_lib.stats.fuzzy.membership_values`).
    weights : (B, n) how much each row counts in each resample: times drawn × case weight.
    """
    n, p, k = values.shape
    seen = ~np.isnan(values[..., 0])
    sums = (weights @ np.nan_to_num(values).reshape(n, p * k)).reshape(-1, p, k)
    if seen.all():
        return sums, np.repeat(weights.sum(axis=1)[:, None], p, axis=1)
    return sums, weights @ seen.astype(float)


def draw_memberships(values: Array, weights: Array) -> Array:
    """Return the mean memberships of many resamples, (B, p, k); NaN where nobody in a resample answered the item.

    Parameters as for `membership_sums`.
    """
    return mean_of(*membership_sums(values, weights))


def mean_of(sums: Array, totals: Array) -> Array:
    """Return means from what `membership_sums` gives; NaN where nothing is behind them."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals[..., None] > 0, sums / totals[..., None], np.nan)


def winners(memberships: Array) -> Array:
    """Return the position of the grade with the largest membership, (B,); −1 for a tie or a failed draw.

    `memberships` is (B, k), each row summing to 1.
    """
    first = memberships.max(axis=-1, keepdims=True)
    tied = (memberships >= first - TIE).sum(axis=-1) > 1
    return np.where(tied | np.isnan(first[..., 0]), -1, np.nan_to_num(memberships, nan=-1.0).argmax(axis=-1))


def _same_draws(weights: Array, memberships: Array) -> tuple[Array, Array]:
    draws = max(len(weights), len(memberships))
    return (
        np.broadcast_to(weights, (draws, *weights.shape[1:])),
        np.broadcast_to(memberships, (draws, *memberships.shape[1:])),
    )
