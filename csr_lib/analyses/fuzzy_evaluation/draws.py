"""Fuzzy evaluation: all resamples, evaluated by every set of weights and operator, and in every group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from csr_lib.analyses.fuzzy_evaluation.answers import Answers
from csr_lib.analyses.fuzzy_evaluation.sets import Sets, draw_sets
from csr_lib.analyses.fuzzy_evaluation.system import ROOT
from csr_lib.stats.fuzzy import OPERATORS
from csr_lib.stats.fuzzy_draws import draw_memberships, evaluate_many, local_weights, mean_of, membership_sums
from csr_lib.stats.resampling import generator, resample_counts

Array = np.ndarray
#: Resamples that are evaluated at a time.
CHUNK = 1000


@dataclass(frozen=True)
class Drawn:
    """What was found in the sample (one draw), or in the resamples (B draws).

    Attributes
    ----------
    leaves : (B, p, k) memberships of the indicators.
    nodes : node -> (B, k) memberships by the chosen weights and operator.
    whole : set of weights, operator -> (B, k) memberships of the whole.
    weights : set of weights -> (B, p) of the indicators, (1, p) where they do not depend on the answers.
    groups : (B, G, k) memberships of the whole in the G groups, by the chosen weights and operator.
    scores : (B, G, m) scores of the m nodes in the groups; `others` in what each is held against, NaN where that is nothing.
    """

    leaves: Array
    nodes: Mapping[str, Array]
    whole: Mapping[tuple[str, str], Array]
    weights: Mapping[str, Array]
    groups: Array
    scores: Array
    others: Array


def observed(answers: Answers, sets: Sets, chosen: str, options: Any) -> Drawn:
    """Return what the answers themselves give, as a single draw."""
    w = answers.sample.weights[None]
    weights = {name: own[None] for name, own in sets.leaves.items()}
    return _evaluate(answers, weights, w, chosen, options)


def resampled(answers: Answers, sets: Sets, chosen: str, options: Any) -> Drawn | None:
    """Return what the resamples give; None without resamples.

    Respondents are drawn within their wave; weights that come from the answers are estimated anew in every resample, those that
    people stated stay what they are.
    """
    if not options.bootstrap:
        return None
    sample, main = answers.sample, answers.main
    needs_covs = {"critic", "components"} & sets.leaves.keys()
    parts = []
    rng = generator(options.seed)
    for counts in resample_counts(sample, options.bootstrap, rng, strata=answers.strata, chunk=CHUNK):
        w = counts if sample.kind == "frequency" else counts * sample.weights
        covs = answers.chosen.resampled(counts[:, main])[1] if needs_covs else np.empty(0)
        weights = draw_sets(answers, sets, options, w[:, main], counts[:, main], covs)
        parts.append(_evaluate(answers, weights, w, chosen, options))
    return _joined(parts)


def _evaluate(answers: Answers, weights: Mapping[str, Array], w: Array, chosen: str, options: Any) -> Drawn:
    tree = answers.system.children
    local = {name: local_weights(own, tree, ROOT) for name, own in weights.items()}
    how: dict[str, Any] = {"normalise": options.normalise, "root": ROOT}
    leaves = draw_memberships(answers.values[answers.main], w[:, answers.main])
    nodes = evaluate_many(leaves, local[chosen], tree, operator=options.operator, **how)
    whole = {
        (name, operator): nodes[ROOT]
        if (name, operator) == (chosen, options.operator)
        else evaluate_many(leaves, own, tree, operator=operator, **how)[ROOT]
        for name, own in local.items()
        for operator in OPERATORS
    }
    return Drawn(leaves, nodes, whole, weights, *_groups(answers, w, local[chosen], {"operator": options.operator, **how}))


def _groups(answers: Answers, w: Array, local: Mapping[str, Array], how: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """Memberships of the whole (B, G, k) and scores of the nodes (B, G, m) by group, and scores in what each is held against."""
    nodes, values = answers.system.nodes, np.array(answers.grades.values)
    sums = [membership_sums(answers.values[g.rows], w[:, g.rows]) for g in answers.groups]
    shape = (len(w), len(sums), len(nodes))
    whole, scores, others = np.empty((*shape[:2], len(values))), np.full(shape, np.nan), np.full(shape, np.nan)
    for g, group in enumerate(answers.groups):
        found = evaluate_many(mean_of(*sums[g]), local, answers.system.children, **how)
        whole[:, g] = found[ROOT]
        scores[:, g] = np.stack([found[node] for node in nodes], axis=1) @ values
        against = [sums[other] for other in group.against]
        if against:
            rest = mean_of(*(np.sum([s[part] for s in against], axis=0) for part in (0, 1)))
            found = evaluate_many(rest, local, answers.system.children, **how)
            others[:, g] = np.stack([found[node] for node in nodes], axis=1) @ values
    return whole, scores, others


def _joined(parts: list[Drawn]) -> Drawn:
    first = parts[0]

    def put(arrays: list[Array]) -> Array:
        return np.concatenate(arrays) if len(arrays[0]) > 1 or len(arrays) == 1 else arrays[0]

    return Drawn(
        np.concatenate([p.leaves for p in parts]),
        {node: np.concatenate([p.nodes[node] for p in parts]) for node in first.nodes},
        {key: np.concatenate([p.whole[key] for p in parts]) for key in first.whole},
        {name: put([p.weights[name] for p in parts]) for name in first.weights},
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("groups", "scores", "others")),
    )
