"""Fuzzy evaluation: may grade and score be believed? Consistency, agreement, clarity of the winner, weak spots of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from csr_lib.analyses._checks import sample_checks
from csr_lib.analyses.fuzzy_evaluation.system import GROUP, NAME, ROOT, TIE
from csr_lib.analyses.fuzzy_evaluation.tables import Evaluated
from csr_lib.analyses.fuzzy_evaluation.words import how_many, named_expert, node_label
from csr_lib.core.check import Check
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import both
from csr_lib.stats.fuzzy import verdict
from csr_lib.study.groups import SMALL_GROUP

#: Three things compared in pairs contradict each other only as a whole: each of the three judgements could be the wrong one.
TRIAD = 3


def make_checks(found: Evaluated, tables: dict[str, pd.DataFrame]) -> list[Check]:
    """Return every check of the result, the sample's first."""
    return [
        *sample_checks(found.answers.survey, found.answers.basis),
        *_judgements(found, tables),
        *_sums(found),
        *_experts(found),
        *_clarity(found, tables),
        *_weights(found),
        *_groups(found),
    ]


def _judgements(found: Evaluated, tables: dict[str, pd.DataFrame]) -> list[Check]:
    """One failed check for every matrix that contradicts itself, naming the judgement to look at; else one that passes."""
    frame = tables.get("consistency")
    if frame is None:
        return []
    out = []
    limit = CUTOFFS["consistency_ratio"].threshold
    single = frame[~frame["node"].str.startswith("level_")]
    joint = single[single["expert"] == GROUP].set_index("node")["cr"]
    for row in single[single["cr"] > limit].to_dict("records"):
        values = {
            "node": node_label(found.answers.survey, row["node"]),
            "expert": named_expert(row["expert"]),
            "row": node_label(found.answers.survey, row["row"]),
            "column": node_label(found.answers.survey, row["column"]),
            "judgement": row["judgement"],
            "fitting": row["fitting"],
            "mended": row["cr_if_fitting"],
            "alike": both(f"{NAME}.alike") if row["parts"] == TRIAD else "",
            "together": both(f"{NAME}.joint_cr", cr=float(joint[row["node"]])) if _of_several(row, joint) else "",
        }
        out.append(Check.against("fuzzy_consistency", row["cr"], "consistency_ratio", **values))
    if not out:
        worst = single.sort_values("cr", kind="stable").iloc[-1]
        values = {"node": node_label(found.answers.survey, worst["node"]), "expert": named_expert(worst["expert"])}
        blank = dict.fromkeys(("row", "column", "judgement", "fitting", "mended", "alike", "together"), "")
        out.append(Check.against("fuzzy_consistency", worst["cr"], "consistency_ratio", **{**blank, **values}))
    return out


def _of_several(row: dict[Any, Any], joint: pd.Series[Any]) -> bool:
    """Whether a row is about one expert of several."""
    return row["expert"] != GROUP and row["node"] in joint.index


def _sums(found: Evaluated) -> list[Check]:
    """Stated points that do not add up to 1, 10 or 100 were divided by their sum; somebody may have miscounted."""
    out = []
    for name in ("experts", "points"):
        of = found.sets.judged.get(name)
        if of is None:
            continue
        for expert, node, total in of.odd_sums:
            who = named_expert(expert) if expert else {"zh": "study.yml", "en": "study.yml"}
            values = {"expert": who, "node": node_label(found.answers.survey, node)}
            out.append(Check("fuzzy_sum", "warn", float(total), None, "", values))
        if not of.odd_sums and name == "experts":
            out.append(Check("fuzzy_sum", "pass", None, None, "", {"expert": "", "node": ""}))
    return out


def _experts(found: Evaluated) -> list[Check]:
    """Whether the experts order the indicators alike: Kendall's W."""
    out = []
    for name in ("ahp", "experts"):
        of = found.sets.judged.get(name)
        if of is not None and of.agreement is not None and len(of.experts) > 1:
            key = f"fuzzy_agreement_{name}"
            out.append(Check.against(key, of.agreement.w, "kendall_w", n=of.agreement.raters, p=of.agreement.p_value))
    return out


def _clarity(found: Evaluated, tables: dict[str, pd.DataFrame]) -> list[Check]:
    """Whether the largest membership says enough: how clearly, how firmly, beside the score, by other weights and operators."""
    said = verdict(found.observed.nodes[ROOT][0], found.answers.grades.keys, found.answers.grades.values)
    label = dict(zip(found.answers.grades.keys, found.answers.grades.labels, strict=True))
    out = []
    if said.grade is None:
        grades = [label[g] for g in said.tied]
        out.append(Check("fuzzy_effectiveness", "fail", 0.0, 1.0, "csr_convention", {"grade": grades}))
    else:
        value = float(min(said.effectiveness, 99.0))
        out.append(Check.against("fuzzy_effectiveness", value, "membership_effectiveness", grade=label[said.grade]))
        share = float(tables["evaluation"]["grade_share"].iloc[0])
        if not np.isnan(share):
            out.append(Check.against("fuzzy_winner", share, "winner_share", grade=label[said.grade]))
        near = found.answers.grades.nearest(said.score)
        apart = abs(near - found.answers.grades.keys.index(said.grade))
        verdicts: Any = "pass" if apart == 0 else "warn" if apart == 1 else "fail"
        values = {"grade": label[said.grade], "near": found.answers.grades.labels[near], "score": said.score}
        out.append(Check("fuzzy_two_readings", verdicts, float(apart), 0.0, "", values))
        frame = tables["sensitivity"]
        decided = frame.loc[frame["grade"] != TIE, "grade"]
        same = decided == said.grade
        ties = len(frame) - len(decided)
        values = {"grade": label[said.grade], "same": int(same.sum()), "decided": len(decided), "ties": ties or None}
        values["agree"] = how_many("of_combinations", int(same.sum()), len(decided))
        out.append(Check.against("fuzzy_sensitivity", float(same.mean()), "winner_agreement", **values))
    return out


def _weights(found: Evaluated) -> list[Check]:
    """Nodes that nobody judged; draws in which weights from the answers could not be estimated."""
    out = []
    of = found.sets.judged.get(found.chosen)
    if of is not None:
        nodes = [node_label(found.answers.survey, node) for node in of.without]
        total = sum(len(c) > 1 for c in found.answers.system.children.values())
        out.append(
            Check("fuzzy_unjudged", "warn" if nodes else "pass", float(len(nodes)), 0.0, "", {"nodes": nodes, "total": total})
        )
    if found.drawn is not None:
        weights = found.drawn.weights[found.chosen]
        failed = float(np.isnan(weights).any(axis=1).mean())
        if len(weights) > 1:
            out.append(Check.against("fuzzy_failed", failed, "failed_draws", n=int(np.isnan(weights).any(axis=1).sum())))
    return out


def _groups(found: Evaluated) -> list[Check]:
    groups = found.answers.groups
    if not groups:
        return []
    sizes = {(g.segment, g.value): int(g.rows.sum()) for g in groups}
    small = [g.label for g in groups if g.small]
    return [
        Check(
            "fuzzy_groups",
            "warn" if small else "pass",
            float(min(sizes.values())),
            float(SMALL_GROUP),
            "iso10004",
            {"groups": small},
        )
    ]
