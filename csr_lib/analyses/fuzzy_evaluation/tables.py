"""Fuzzy evaluation: tidy tables of the result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.analyses.fuzzy_evaluation.answers import Answers
from csr_lib.analyses.fuzzy_evaluation.draws import Drawn
from csr_lib.analyses.fuzzy_evaluation.judged import worst
from csr_lib.analyses.fuzzy_evaluation.sets import FROM_ANSWERS, Sets
from csr_lib.analyses.fuzzy_evaluation.system import GROUP, NORMALISED, RESULT, ROOT, TIE
from csr_lib.stats.ahp import total_consistency
from csr_lib.stats.fuzzy import OPERATORS, FuzzyEvaluation, fuzzy_evaluation, verdict
from csr_lib.stats.fuzzy_draws import evaluate_many, local_weights, winners
from csr_lib.stats.resampling import bootstrap_p, holm, percentile_interval

Array = np.ndarray


@dataclass(frozen=True)
class Evaluated:
    """Everything that the tables are made of.

    Attributes
    ----------
    chosen : the set of weights that counts; `options` as they were used.
    observed, drawn : what the answers and the resamples give (`drawn` None without resamples).
    """

    answers: Answers
    sets: Sets
    chosen: str
    options: Any
    observed: Drawn
    drawn: Drawn | None

    @property
    def worth(self) -> Array:
        """(k,) worth of the grades."""
        return np.array(self.answers.grades.values)

    @cached_property
    def memberships(self) -> Any:
        """Memberships of the indicators."""
        return self.answers.memberships()

    @cached_property
    def evaluation(self) -> FuzzyEvaluation:
        """The evaluation that counts."""
        tree = self.answers.system.children
        local = local_weights(self.sets.leaves[self.chosen], tree, ROOT)
        return fuzzy_evaluation(
            self.memberships.table,
            {node: dict(zip(tree[node], w, strict=True)) for node, w in local.items()},
            operator=self.options.operator,
            values=self.answers.grades.values,
            root=ROOT,
            normalise=self.options.normalise,
        )

    def interval(self, draws: Array | None) -> tuple[Any, Any]:
        """Return the percentile interval of draws (B, …); NaN without resamples."""
        if draws is None:
            return math.nan, math.nan
        low, high = percentile_interval(draws, self.options.confidence)
        return low, high

    def grade_share(self, draws: Array | None, grade: str) -> float:
        """Return the share of the resamples (B, k) that put the same grade first; NaN for a tie or without resamples."""
        if draws is None or grade == TIE:
            return math.nan
        return float((winners(draws) == self.answers.grades.keys.index(grade)).mean())


def scores(found: Evaluated, draws: Array | None) -> dict[str, float]:
    """Columns ``ci_low ci_high`` of the score of draws (B, k) of memberships."""
    low, high = found.interval(None if draws is None else draws @ found.worth)
    return {"ci_low": float(low), "ci_high": float(high)}


def named(grade: Any) -> str:
    """Return the grade, or `TIE` where several share the largest membership."""
    return grade if isinstance(grade, str) else TIE


def by_grade(frame: pd.DataFrame, key: str, column: str) -> dict[str, list[float]]:
    """Return what a long table says of each of its things, grade by grade."""
    values = frame[column].to_numpy(dtype=float)
    names = list(dict.fromkeys(frame[key]))
    return dict(zip(names, values.reshape(len(names), -1).tolist(), strict=True))


def finite(effectiveness: float) -> float:
    """Return the effectiveness, missing where there is no second grade at all (it is infinite then)."""
    return float(effectiveness) if math.isfinite(effectiveness) else math.nan


def evaluation_table(found: Evaluated) -> pd.DataFrame:
    """One row per node: its memberships, the grade that they name, how clearly and how firmly, and its score."""
    ev, system = found.evaluation, found.answers.system
    verdicts = {row["item"]: row for row in ev.verdicts.to_dict("records")}
    shares = by_grade(ev.nodes, "item", "membership")
    rows = []
    for node in system.nodes:
        said = verdicts[node]
        grade = named(said["grade"])
        draws = None if found.drawn is None else found.drawn.nodes[node]
        rows.append(
            {
                "item": node,
                "parent": system.parent.get(node, ""),
                "level": system.level(node),
                **dict(zip(found.answers.grades.keys, shares[node], strict=True)),
                "grade": grade,
                "grade_share": found.grade_share(draws, grade),
                "effectiveness": finite(said["effectiveness"]),
                "score": float(said["score"]),
                **scores(found, draws),
                **_membership_intervals(found, draws, grade),
            }
        )
    return pd.DataFrame(rows)


def upper_grades(values: Sequence[float]) -> list[int]:
    """Return the positions of the grades that are worth more than the middle of what grades are worth."""
    middle = (max(values) + min(values)) / 2
    return [i for i, value in enumerate(values) if value > middle]


def _membership_intervals(found: Evaluated, draws: Array | None, grade: str) -> dict[str, float]:
    """Percentile intervals of the membership in the grade named and of that in all upper grades together, from draws (B, k)."""
    grades = found.answers.grades
    parts = {"membership": [] if grade == TIE else [grades.keys.index(grade)], "upper": upper_grades(grades.values)}
    out: dict[str, float] = {}
    for name, at in parts.items():
        shares = draws[:, at].sum(axis=1) / draws.sum(axis=1) if draws is not None and at else None
        low, high = found.interval(shares)
        out |= {f"{name}_ci_low": float(low), f"{name}_ci_high": float(high)}
    return out


def memberships_table(found: Evaluated) -> pd.DataFrame:
    """One row per indicator: R, the share of its answers in each grade."""
    m, system = found.memberships, found.answers.system
    table = m.table.copy()
    table.insert(0, "n", m.n)
    table.insert(0, "parent", [system.parent[leaf] for leaf in table.index])
    return table.reset_index(names="indicator")[["parent", "indicator", "n", *found.answers.grades.keys]]


def priorities_table(found: Evaluated) -> pd.DataFrame:
    """One row per indicator: its weight in the whole, its score, and how much of what the whole lacks is due to it.

    ``loss`` = weight × (best grade − score), points that the whole lacks because of it under the weighted average; ``loss_share``
    of all of them; sorted by it.
    """
    system, best = found.answers.system, found.answers.grades.best
    weight = found.sets.leaves[found.chosen]
    score = found.memberships.table.to_numpy() @ found.worth
    loss = weight * (best - score)
    low, high, loss_low, loss_high = (np.full(len(weight), np.nan),) * 4
    if found.drawn is not None:
        drawn = found.drawn.leaves @ found.worth
        low, high = found.interval(drawn)
        loss_low, loss_high = found.interval(found.drawn.weights[found.chosen] * (best - drawn))
    table = pd.DataFrame(
        {
            "parent": [system.parent[leaf] for leaf in system.leaves],
            "indicator": list(system.leaves),
            "weight": weight,
            "score": score,
            "ci_low": low,
            "ci_high": high,
            "loss": loss,
            "loss_ci_low": loss_low,
            "loss_ci_high": loss_high,
            "loss_share": loss / loss.sum() if loss.sum() > 0 else np.zeros(len(loss)),
        }
    ).sort_values("loss", ascending=False, ignore_index=True, kind="stable")
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def composition_table(found: Evaluated) -> pd.DataFrame:
    """A, R and B of every node: a row per part with its weight and memberships, then the result, and divided by its sum."""
    ev, keys = found.evaluation, list(found.answers.grades.keys)
    tree = ev.weights.set_index("item")["weight"]
    raw, shares = (by_grade(ev.nodes, "item", column) for column in ("raw", "membership"))
    rows = []
    for node in reversed(found.answers.system.nodes):  # from the lowest level up
        for child in found.answers.system.children[node]:
            inner = child in found.answers.system.children
            entering = shares if inner and found.options.normalise else raw
            rows.append((node, child, float(tree[child]), *entering[child]))
        rows.append((node, RESULT, math.nan, *raw[node]))
        if not math.isclose(sum(raw[node]), 1.0, abs_tol=1e-9):
            rows.append((node, NORMALISED, math.nan, *shares[node]))
    return pd.DataFrame(rows, columns=["node", "item", "weight", *keys])


def operators_table(found: Evaluated) -> pd.DataFrame:
    """One row per operator: the whole as it comes, the grade it names, how clearly and how firmly, and the score."""
    ev, keys = found.evaluation, list(found.answers.grades.keys)
    raw = by_grade(ev.operators, "operator", "raw")
    rows = []
    for row in ev.operator_verdicts.to_dict("records"):
        draws = None if found.drawn is None else found.drawn.whole[found.chosen, row["operator"]]
        grade = named(row["grade"])
        rows.append(
            {
                "operator": row["operator"],
                **dict(zip(keys, raw[row["operator"]], strict=True)),
                "grade": grade,
                "grade_share": found.grade_share(draws, grade),
                "effectiveness": finite(row["effectiveness"]),
                "score": row["score"],
                **scores(found, draws),
            }
        )
    return pd.DataFrame(rows)


def sensitivity_table(found: Evaluated) -> pd.DataFrame:
    """One row per set of weights and operator: the grade that wins, how firmly and how clearly, and the score."""
    rows = []
    for name in found.sets.leaves:
        for operator in OPERATORS:
            b = found.observed.whole[name, operator][0]
            said = verdict(b, found.answers.grades.keys, found.answers.grades.values)
            grade = named(said.grade)
            draws = None if found.drawn is None else found.drawn.whole[name, operator]
            rows.append(
                {
                    "weights": name,
                    "operator": operator,
                    "grade": grade,
                    "grade_share": found.grade_share(draws, grade),
                    "effectiveness": finite(said.effectiveness),
                    "score": said.score,
                    **scores(found, draws),
                }
            )
    return pd.DataFrame(rows)


def weight_tables(found: Evaluated) -> dict[str, pd.DataFrame]:
    """Weights by every set, intervals of those from the answers, what these are made of, and the system with the chosen."""
    system = found.answers.system
    parts = [item for node in system.nodes for item in system.children[node]]
    below = {item: system.below(item) if item in system.children else [system.leaves.index(item)] for item in parts}
    names = pd.DataFrame({"item": list(below), "parent": [system.parent[item] for item in below]})
    wide = names.assign(**{name: [own[at].sum() for at in below.values()] for name, own in found.sets.leaves.items()})
    local = local_weights(found.sets.leaves[found.chosen], system.children, ROOT)
    within = {c: float(w) for node, of in local.items() for c, w in zip(system.children[node], of, strict=True)}
    chosen = names.assign(weight=names["item"].map(within), overall=wide[found.chosen])
    experts = found.sets.judged[found.chosen].experts if found.chosen in found.sets.judged else {}
    if len(experts) > 1:
        own = np.array([[w[at].sum() for at in below.values()] for w in experts.values()])
        chosen = chosen.assign(minimum=own.min(axis=0), maximum=own.max(axis=0))
    tables = {"system": chosen, "weights": wide}
    if found.drawn is not None:
        rows = []
        for name in (*FROM_ANSWERS, "combination"):
            if name in found.sets.leaves and len(found.drawn.weights[name]) > 1:
                draws = np.stack([found.drawn.weights[name][:, at].sum(axis=1) for at in below.values()], axis=1)
                low, high = found.interval(draws)
                rows.append(names.assign(weights=name, weight=wide[name], ci_low=low, ci_high=high))
        if rows:
            columns = ["weights", "item", "parent", "weight", "ci_low", "ci_high"]
            tables["weight_intervals"] = pd.concat(rows, ignore_index=True)[columns]
    made_of = [of.table.set_index("item").drop(columns="weight") for of in found.sets.data.values()]
    if made_of:
        tables["data_weights"] = pd.concat(made_of, axis=1).reset_index(names="indicator")
    return tables


def expert_tables(found: Evaluated) -> dict[str, pd.DataFrame]:
    """What each expert's own weights would say; how consistent the judgements in pairs are; the three methods side by side."""
    tables: dict[str, pd.DataFrame] = {}
    rows: list[dict[str, Any]] = []
    how: dict[str, Any] = {"operator": found.options.operator, "normalise": found.options.normalise, "root": ROOT}
    tree = found.answers.system.children
    for source, of in found.sets.judged.items():
        for expert, leaves in of.experts.items():
            local = local_weights(leaves[None], tree, ROOT)
            b = evaluate_many(found.observed.leaves, local, tree, **how)[ROOT][0]
            said = verdict(b, found.answers.grades.keys, found.answers.grades.values)
            first = tree[ROOT][int(np.argmax(local[ROOT][0]))]
            ratios = [node.experts[expert].cr for node in of.nodes.values() if expert in node.experts]
            rows.append(
                {
                    "weights": source,
                    "expert": expert,
                    "cr": max(ratios) if ratios else math.nan,
                    "first": first,
                    "first_weight": float(local[ROOT][0].max()),
                    "grade": named(said.grade),
                    "score": said.score,
                }
            )
    if rows:
        tables["experts"] = pd.DataFrame(rows)
    nodes = found.sets.judged["ahp"].nodes if "ahp" in found.sets.judged else {}
    if nodes:
        tables["consistency"] = _consistency(found, nodes)
        methods = [of.joint.methods.assign(node=node) for node, of in nodes.items()]
        tables["ahp_methods"] = pd.concat(methods, ignore_index=True)[["node", "item", "eigenvector", "geometric", "column_mean"]]
    return tables


def _consistency(found: Evaluated, nodes: Mapping[str, Any]) -> pd.DataFrame:
    """One row per node and expert, and for the experts together; last the whole levels."""
    rows = []
    for node, of in nodes.items():
        for expert, p in [*of.experts.items(), *([(GROUP, of.joint)] if len(of.experts) > 1 else [])]:
            about = {"lambda_max": p.lambda_max, "ci": p.ci, "ri": p.ri, "cr": p.cr, **worst(p)}
            rows.append({"node": node, "expert": expert, "parts": len(p.names), **about})
    system, leaves = found.answers.system, found.sets.leaves["ahp"]
    blank = {"row": "", "column": "", "judgement": math.nan, "fitting": math.nan, "cr_if_fitting": math.nan}
    for level in sorted({system.level(node) for node in nodes} - {0}):
        of = [node for node in nodes if system.level(node) == level]
        weights = [leaves[system.below(node)].sum() for node in of]
        joint = [nodes[node].joint for node in of]
        ci, ri = (float(np.dot(weights, [getattr(p, k) for p in joint])) for k in ("ci", "ri"))
        about = {"lambda_max": math.nan, "ci": ci, "ri": ri, "cr": total_consistency(weights, joint), **blank}
        parts = sum(len(p.names) for p in joint)
        rows.append({"node": f"level_{level + 1}", "expert": GROUP, "parts": parts, **about})
    return pd.DataFrame(rows)


def group_tables(found: Evaluated) -> dict[str, pd.DataFrame]:
    """The whole in every group with its difference from the others (waves: from the one before), and every construct."""
    answers, nodes = found.answers, found.answers.system.nodes
    if not answers.groups:
        return {}
    rows, detail = [], []
    for g, group in enumerate(answers.groups):
        n, n_effective = answers.n_of(group.rows)
        who = {"segment": group.segment, "group": f"{group.segment}={group.value}", "n": n, "n_effective": n_effective}
        said = verdict(found.observed.groups[0, g], answers.grades.keys, answers.grades.values)
        grade = named(said.grade)
        draws = None if found.drawn is None else found.drawn.groups[:, g]
        for m, node in enumerate(nodes):
            own = _compared(found, g, m)
            if m == 0:
                rows.append({**who, "grade": grade, "grade_share": found.grade_share(draws, grade), **own})
            else:
                detail.append({**who, "item": node, **own})
    tables = {"groups": pd.DataFrame(rows)}
    if detail:
        tables["groups_by_construct"] = pd.DataFrame(detail)
    for table in tables.values():
        table["p_adjusted"] = holm(table["p_value"])
    return tables


def _compared(found: Evaluated, g: int, m: int) -> dict[str, float]:
    """Score of node m in group g, and its difference from what the group is held against."""
    own, other = found.observed.scores[0, g, m], found.observed.others[0, g, m]
    out = {"score": float(own), "ci_low": math.nan, "ci_high": math.nan, "difference": float(own - other)}
    out |= {"difference_ci_low": math.nan, "difference_ci_high": math.nan, "p_value": math.nan}
    if found.drawn is None:
        return out
    drawn = found.drawn.scores[:, g, m]
    apart = drawn - found.drawn.others[:, g, m]
    out["ci_low"], out["ci_high"] = (float(v) for v in found.interval(drawn))
    if not math.isnan(other):
        out["difference_ci_low"], out["difference_ci_high"] = (float(v) for v in found.interval(apart))
        out["p_value"] = float(bootstrap_p(apart))
    return out
