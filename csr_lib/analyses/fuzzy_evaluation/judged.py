"""Fuzzy evaluation: weights that people stated: points of study.yml, points of experts, judgements in pairs (AHP)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.fuzzy_evaluation.system import ROOT, System
from csr_lib.core.errors import AnalysisError, DataError, Problem
from csr_lib.stats.ahp import GroupPriorities, Priorities, ahp_group
from csr_lib.stats.fuzzy_draws import leaf_weights
from csr_lib.stats.weights import Agreement, expert_weights, kendall_w

if TYPE_CHECKING:
    from csr_lib.study import Study

Array = np.ndarray
#: Node -> child -> weight.
Local = dict[str, dict[str, float]]
#: Sums that stated points may have without anybody having miscounted; how far off still passes for rounding.
USUAL_SUMS = (1.0, 10.0, 100.0)
ROUNDING = 0.005


@dataclass(frozen=True)
class Judged:
    """Weights that somebody stated.

    Attributes
    ----------
    leaves : (p,) weights of the indicators in the whole.
    without : nodes that nobody judged; there the points of study.yml count, or all children equally.
    experts : expert -> (p,) weights of the indicators by his or her judgements alone.
    agreement : Kendall's W of the experts over the indicators; None with one expert.
    odd_sums : who, node, sum of points that do not add up to 1, 10 or 100; they were divided by their sum.
    nodes : node -> the group's priorities, of AHP.
    """

    leaves: Array
    without: tuple[str, ...]
    experts: Mapping[str, Array] = field(default_factory=dict)
    agreement: Agreement | None = None
    odd_sums: tuple[tuple[str, str, float], ...] = ()
    nodes: Mapping[str, GroupPriorities] = field(default_factory=dict)


def points(study: Study, system: System) -> Judged | None:
    """Return the weights by the points of constructs and indicators; None where no node has them for all its children."""
    local, odd = _stated_points(study, system)
    if not local:
        return None
    without = tuple(node for node in system.nodes if node not in local and len(system.children[node]) > 1)
    return Judged(_leaves(system, local, {}), without, odd_sums=tuple(odd))


def experts(study: Study, system: System) -> Judged | None:
    """Return the weights by the experts' points, the (weighted) mean of theirs in every node; None where there are none.

    Raises AnalysisError for an expert who gave points to some children of a node, and not to the others.
    """
    given = study.evaluation.experts
    local: Local = {}
    own: dict[str, Local] = {name: {} for name in given}
    odd: list[tuple[str, str, float]] = []
    problems: list[Problem] = []
    for node in system.nodes:
        children = system.children[node]
        full: dict[str, list[float]] = {}
        for expert, weights in given.items():
            missing = [c for c in children if c not in weights]
            if not missing:
                full[expert] = [weights[c] for c in children]
            elif len(missing) < len(children):
                problems.append(
                    Problem(
                        f"expert {expert} gave points to some parts of '{node}', but none to {', '.join(missing)}",
                        study.at("evaluation", "experts", expert),
                        f"points for each of {', '.join(children)}",
                        "add them, or take out those that are there",
                    )
                )
        if not full:
            continue
        try:
            found = expert_weights(pd.DataFrame(full, index=list(children)).T, _shares(study, full))
        except DataError as error:
            problems += [
                Problem(p.what, f"{study.at('evaluation', 'experts')}, {p.where}", p.allowed, p.mend) for p in error.problems
            ]
            continue
        local[node] = dict(zip(children, found.weights, strict=True))
        for name, row in zip(found.experts.index, found.experts.to_numpy(), strict=True):
            own[str(name)][node] = dict(zip(children, (float(w) for w in row), strict=True))
        odd += [(expert, node, sum(row)) for expert, row in full.items() if len(children) > 1 and not _usual(sum(row))]
    if problems:
        raise AnalysisError(problems)
    return _judged(study, system, local, own, odd) if local else None


def ahp(study: Study, system: System, *, method: Any, aggregate: Any, random_index: str) -> Judged | None:
    """Return the weights by the experts' judgements in pairs; None where there are none.

    Raises AnalysisError for a matrix that has not one row for each child of its node.
    """
    local: Local = {}
    own: dict[str, Local] = {}
    nodes: dict[str, GroupPriorities] = {}
    problems: list[Problem] = []
    for node in system.nodes:
        matrices, children = study.evaluation.ahp.get(node, {}), system.children[node]
        for expert, matrix in matrices.items():
            if len(matrix) != len(children):
                problems.append(
                    Problem(
                        f"the judgement matrix has {len(matrix)} rows for {len(children)} parts",
                        study.at("evaluation", "ahp", node, expert),
                        f"one row for each of {', '.join(children)}, in this order",
                        "fill it in, or say which constructs make up the whole: evaluation: {of: […]}"
                        if node == ROOT
                        else "fill it in",
                    )
                )
        if not matrices or problems:
            continue
        shares = _shares(study, matrices)
        found = ahp_group(matrices, children, aggregate=aggregate, importance=shares, method=method, random_index=random_index)
        nodes[node] = found
        local[node] = dict(zip(children, (float(w) for w in found.weights), strict=True))
        for expert, priorities in found.experts.items():
            own.setdefault(expert, {})[node] = dict(zip(children, (float(w) for w in priorities.weights), strict=True))
    if problems:
        raise AnalysisError(problems)
    return _judged(study, system, local, own, [], nodes) if local else None


def worst(priorities: Priorities) -> dict[str, Any]:
    """Return the judgement that spoils consistency most: ``row column judgement fitting cr_if_fitting``; NaN for one pair."""
    columns = ("row", "column", "judgement", "fitting", "cr_if_fitting")
    if len(priorities.names) < 3:
        return {"row": "", "column": "", "judgement": np.nan, "fitting": np.nan, "cr_if_fitting": np.nan}
    # what helps most is not always what lies farthest off
    first = priorities.judgements.sort_values("cr_if_fitting", kind="stable").iloc[0]
    return {c: first[c] for c in columns}


def _judged(
    study: Study,
    system: System,
    local: Local,
    own: Mapping[str, Local],
    odd: list[tuple[str, str, float]],
    nodes: Mapping[str, GroupPriorities] | None = None,
) -> Judged:
    fallback = _stated_points(study, system)[0]
    alone = {expert: _leaves(system, {**local, **said}, fallback) for expert, said in own.items() if said}
    agreement = kendall_w(np.array(list(alone.values()))) if len(alone) > 1 else None
    without = tuple(node for node in system.nodes if node not in local and len(system.children[node]) > 1)
    return Judged(_leaves(system, local, fallback), without, alone, agreement, tuple(odd), nodes or {})


def _stated_points(study: Study, system: System) -> tuple[Local, list[tuple[str, str, float]]]:
    """Node -> child -> points, where all children have some; and the sums that look miscounted."""
    local: Local = {}
    odd = []
    for node in system.nodes:
        entries = {c: study.constructs[c] if c in study.constructs else study.indicators[c] for c in system.children[node]}
        given = {c: entry.points for c, entry in entries.items()}
        if len(given) > 1 and all(p is not None for p in given.values()):
            local[node] = {c: float(p) for c, p in given.items() if p is not None}
            if not _usual(sum(local[node].values())) and not _part(study, node, local[node]):
                odd.append(("", node, sum(local[node].values())))
    return local, odd


def _part(study: Study, node: str, given: Mapping[str, float]) -> bool:
    """Whether the points below a construct add up to its own, as where a total is handed down."""
    own = study.constructs[node].points if node in study.constructs else None
    return own is not None and abs(sum(given.values()) - own) <= ROUNDING * own


def _usual(total: float) -> bool:
    return any(abs(total - usual) <= ROUNDING * usual for usual in USUAL_SUMS)


def _shares(study: Study, judges: Mapping[str, Any]) -> dict[str, float] | None:
    shares = study.evaluation.shares
    return {expert: shares[expert] for expert in judges} if shares else None


def _leaves(system: System, local: Local, fallback: Local) -> Array:
    """Weights of the indicators; a node that nobody judged takes its `fallback`, or weighs all its children equally."""
    equal = {node: dict.fromkeys(of, 1.0) for node, of in system.children.items()}
    found = leaf_weights({**equal, **fallback, **local}, ROOT)
    return np.array([found[leaf] for leaf in system.leaves])


def equal(system: System) -> Array:
    """Return the weights of the indicators where every part of a node counts the same."""
    return _leaves(system, {}, {})
