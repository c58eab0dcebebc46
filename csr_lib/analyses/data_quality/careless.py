"""Data quality: careless answers – every rule marks and counts, which rules coincide, and outliers by group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.data_quality.base import ALL, NAN, Array, Base, measures, share_columns
from csr_lib.core.errors import AnalysisError
from csr_lib.stats.box_plot import box
from csr_lib.stats.mahalanobis import mahalanobis
from csr_lib.study.cleaning import FEWEST_FOR_LINE, identical_to, longest_run, straightness

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options

#: Fewest equal answers in a row that count as a long string where nothing is said, and that part of all ratings. Half of the
#: items (Curran 2016) is meant for scales with turned items; ratings of one supplier are alike, and honest ones would be marked.
SHORTEST_STRING, STRING_PART = 8, 2 / 3
#: Fewest answers of a group from which a box is drawn, and fewest distinct values of what it is drawn of.
FEWEST_FOR_BOX, DISTINCT = 5, 9


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule: its key (that of study.yml, for contradictions ``contradictions:<id>``), what it is set to, and whom it marks.

    `origin` is ``study`` for a rule of study.yml and ``screen`` for one of this analysis, which never excludes.
    """

    key: str
    setting: float
    origin: str
    excluded: bool
    marked: Array
    judged: Array


def find_rules(base: Base, options: Options) -> list[Rule]:
    """Return every rule of study.yml, and a screen for each kind of carelessness that study.yml has no rule for."""
    survey, cleaning = base.survey, base.survey.study.cleaning
    n = len(base.rows)
    everybody = np.ones(n, dtype=bool)
    rules = []

    def of_study(rule: str, detail: str | None, setting: float, judged: Array, key: str | None = None) -> None:
        found = base.marks[base.marks["rule"] == rule]
        if detail is not None:
            found = found[found["detail"] == detail]
        marked = np.zeros(n, dtype=bool)
        marked[found["at"].to_numpy(dtype=int)] = True
        names = {rule, detail} if detail is not None else {rule}
        excluded = rule == "empty" or bool(names & set(cleaning.exclude))
        rules.append(Rule(key or rule, setting, "study", excluded, marked, judged))

    of_study("empty", None, NAN, everybody)
    if survey.study.respondent:
        of_study("duplicate", None, NAN, everybody)
    empty = rules[0].marked
    usable = ~empty & ~base.repeated
    seconds = _seconds(base)
    if cleaning.speeder is not None:
        of_study("speeder", None, cleaning.speeder, ~np.isnan(seconds))
    elif np.isfinite(seconds[usable]).sum() >= 10:
        limit = options.fast * float(np.nanmedian(seconds[usable]))
        rules.append(Rule("fast", limit, "screen", False, usable & (seconds < limit), usable & ~np.isnan(seconds)))
    lines = straightness(survey.study, survey.data)[base.rows]
    if cleaning.straight_line is not None:
        of_study("straight_line", None, cleaning.straight_line, ~np.isnan(lines))
    elif np.isfinite(lines).any():
        rules.append(Rule("straight_line", 1.0, "screen", False, usable & (lines >= 1 - 1e-12), usable & ~np.isnan(lines)))
    rules += _strings(base, usable, options, of_study)
    for name in ["attention"] if cleaning.attention else []:
        of_study(name, None, NAN, usable)
    for contradiction in cleaning.contradictions:
        of_study("contradictions", contradiction.id, NAN, usable, f"contradictions:{contradiction.id}")
    outlying = outliers(base, usable, options)
    if outlying is not None:
        rules.append(Rule("outlier", options.outlier, "screen", False, *outlying))
    return rules


def _seconds(base: Base) -> Array:
    column = base.survey.study.seconds
    if column is None:
        return np.full(len(base.rows), NAN)
    return base.survey.data.frame[column].to_numpy(dtype=float)[base.rows]


def _strings(base: Base, usable: Array, options: Options, of_study: Any) -> list[Rule]:
    study, data = base.survey.study, base.survey.data
    cleaning = study.cleaning
    found: list[Rule] = []
    asked = len(base.columns_in_order())
    limit = options.long_string or max(SHORTEST_STRING, math.ceil(STRING_PART * asked))
    if cleaning.long_string is not None:
        of_study("long_string", None, cleaning.long_string, usable)
    elif asked >= limit and asked >= FEWEST_FOR_LINE:
        run = longest_run(study, data)[base.rows]
        found.append(Rule("long_string", float(limit), "screen", False, usable & (run >= limit), usable))
    if cleaning.identical:
        of_study("identical", None, NAN, usable)
    elif asked >= 10:
        same = identical_to(study, data)[base.rows]
        # the first of two may be an entry of the same questionnaire that was left out as repeated
        found.append(Rule("identical", NAN, "screen", False, usable & (same >= 0), usable))
    return found


def outliers(base: Base, usable: Array, options: Options) -> tuple[Array, Array] | None:
    """Return who lies beyond the χ² cut-off of Mahalanobis's distance, and who was judged; None where it cannot be computed.

    Everybody's own distance is taken from the rows that carelessness has not excluded.
    """
    survey = base.whole
    if len(survey.asked("perception")) < 2:
        return None
    ratings = survey.ratings("perception")
    judged = usable & base.kept & ratings.notna().any(axis=1).to_numpy()
    try:
        found = mahalanobis(ratings[judged])
    except AnalysisError:
        return None
    marked = np.zeros(len(base.rows), dtype=bool)
    marked[np.flatnonzero(judged)[found.p_value < options.outlier]] = True
    return marked, judged


def marks_table(rules: Sequence[Rule], kept: Array, options: Options) -> pd.DataFrame:
    """One row per rule: ``rule origin setting excluded judged n share ci_low ci_high alone n_kept``; ``alone``: marked by no
    other; ``n_kept``: marked and among the answers that count (`kept`)."""
    together = np.sum([r.marked for r in rules], axis=0)
    rows = []
    for rule in rules:
        n, judged = int(rule.marked.sum()), int(rule.judged.sum())
        row: dict[str, Any] = {"rule": rule.key, "origin": rule.origin, "setting": rule.setting, "excluded": rule.excluded}
        row |= {"judged": judged, "n": n, **share_columns(n, judged, options.confidence, "share")}
        rows.append(row | {"alone": int((rule.marked & (together == 1)).sum()), "n_kept": int((rule.marked & kept).sum())})
    return pd.DataFrame(rows)


def combinations_table(rules: Sequence[Rule], most: int = 10) -> pd.DataFrame:
    """Which rules mark the same questionnaires: a boolean column per rule that marks somebody, ``n`` and ``rules``, the most
    frequent first."""
    active = [r for r in rules if r.marked.any()]
    if not active:
        return pd.DataFrame()
    marked = np.column_stack([r.marked for r in active])
    marked = marked[marked.any(axis=1)]
    kinds, counts = np.unique(marked, axis=0, return_counts=True)
    order = np.lexsort((kinds.sum(axis=1), -counts))[:most]
    out = pd.DataFrame(kinds[order], columns=[r.key for r in active])
    return out.assign(rules=kinds[order].sum(axis=1), n=counts[order])


def overlaps_table(rules: Sequence[Rule]) -> pd.DataFrame:
    """Pairs of rules that mark the same questionnaires: ``rule other n share`` (of the rarer rule's)."""
    active = [r for r in rules if r.marked.any()]
    rows = []
    for i, a in enumerate(active):
        for b in active[i + 1 :]:
            n = int((a.marked & b.marked).sum())
            if n:
                rows.append({"rule": a.key, "other": b.key, "n": n, "share": n / min(a.marked.sum(), b.marked.sum())})
    return pd.DataFrame(rows, columns=["rule", "other", "n", "share"])


def marked_table(base: Base, rules: Sequence[Rule]) -> pd.DataFrame:
    """Every marked questionnaire, so that it can be looked up: ``file row rules excluded``; no answers, no ids."""
    active = [r for r in rules if r.marked.any()]
    if not active:
        return pd.DataFrame()
    marked = np.column_stack([r.marked for r in active])
    at = np.flatnonzero(marked.any(axis=1))
    raw = base.survey.data.raw
    positions = base.rows[at]
    return pd.DataFrame(
        {
            "file": [raw.files[f].file for f in raw.file[positions]],
            "row": raw.row[positions].astype(int),
            "rules": [", ".join(active[j].key for j in np.flatnonzero(marked[i])) for i in at],
            "excluded": ~base.kept[at],
        }
    )


def boxes_tables(base: Base, segments: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame, list[Any]]:
    """Return box plots (0–100) of the constructs (else of the mean rating) by group, their outliers summed up by measure, and the
    labels of the withheld groups."""
    survey = base.customers
    values = measures(survey)
    # a single rating of five grades has no box worth drawing: half of its answers are one grade
    fine = [m for m, x in values.items() if len(np.unique(x[np.isfinite(x)])) >= DISTINCT]
    names = [m for m in fine if m.startswith("construct:")] or [m for m in fine if m in ("index", "satisfaction")]
    weighted = survey.weights if survey.weight_kind != "none" else None
    kind: Any = "frequency" if survey.weight_kind == "frequency" else "sampling"
    withheld: list[Any] = []
    places = [(ALL, ALL, np.ones(len(survey.rows), dtype=bool))]
    for by in segments:
        found = survey.groups(by, total_shown=True)
        withheld += list(found.withheld)
        places += [(by, f"{by}={g.value}", (survey.codes[by] == g.value).to_numpy()) for g in found.shown]
    rows = [
        {
            "measure": name,
            "segment": by,
            "group": key,
            **_box(values[name][here], None if weighted is None else weighted[here], kind),
        }
        for name in names
        for by, key, here in places
        if np.isfinite(values[name][here]).sum() >= FEWEST_FOR_BOX
    ]
    frame = pd.DataFrame(rows)
    return frame, _summed(frame), withheld


def _box(x: Array, weights: Array | None, kind: Any) -> dict[str, Any]:
    b = box(x, weights, kind=kind)
    out = {"n": b.n, "whisker_low": b.whisker_low, "q1": b.q1, "median": b.median, "q3": b.q3, "whisker_high": b.whisker_high}
    return out | {"outliers": int(b.outlying.sum()), "outlying": sorted({round(float(v), 6) for v in x[b.outlying]})}


def _summed(frame: pd.DataFrame) -> pd.DataFrame:
    """``measure n whole groups in_groups group n_group``: outliers in the whole, in how many boxes, and the group with most of
    them."""
    rows = []
    for name, part in frame.groupby("measure", sort=False) if len(frame) else ():
        whole, split = part[part["segment"] == ALL], part[part["segment"] != ALL]
        row: dict[str, Any] = {"measure": name, "n": int(whole["n"].sum()), "whole": int(whole["outliers"].sum())}
        row |= {"groups": len(split), "in_groups": int(split["outliers"].sum()), "group": "", "n_group": 0}
        if len(split) and split["outliers"].max() > 0:
            worst = split.iloc[int(split["outliers"].argmax())]
            row |= {"group": worst["group"], "n_group": int(worst["outliers"])}
        rows.append(row)
    return pd.DataFrame(rows)
