"""A measure by groups: who may be shown, whether the groups differ, and how that is said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.overview.groups import FEW_GRADES
from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.core.result import Basis
from csr_lib.core.text import number, text
from csr_lib.explore.measure import Measure
from csr_lib.explore.view import Draft
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import independent_difference
from csr_lib.stats.group_tests import GroupTest, compare_means, compare_shares
from csr_lib.study import withhold
from csr_lib.study.groups import SMALL_GROUP

if TYPE_CHECKING:
    from csr_lib.study import Survey

Array = np.ndarray
#: With more groups than this pairs are not tested one by one.
MOST_PAIRED = 8
#: Cohen's (1988) small, medium and large; of V they are those of w = V·√(min(rows, columns) − 1).
SIZES = {"d": (0.2, 0.5, 0.8), "eta2": (0.01, 0.06, 0.14), "epsilon2": (0.01, 0.06, 0.14), "v": (0.1, 0.3, 0.5)}


@dataclass(frozen=True)
class Split:
    """Those who answered, by group: ``rows`` group -> mask; labels; who is withheld."""

    by: str
    rows: dict[str, Array]
    labels: dict[str, Any]
    withheld: tuple[Any, ...]
    basis: Basis


def groupings(survey: Survey) -> tuple[str, ...]:
    """Return what answers can be grouped by: segments, ``wave``, ``role``."""
    columns = survey.data.codes.columns
    return (*survey.segments, *(b for b in ("wave", "role") if b in columns and len(survey.data.levels(b)) > 1))


def split(m: Measure, by: str | None) -> Split:
    """Split those who answered by a segment, ``wave`` or ``role``; None is the first of these with two groups.

    Raises
    ------
    OptionError
        A grouping that there is not.
    AnalysisError
        Fewer than two groups that may be shown.
    """
    survey = m.survey
    known = groupings(survey)
    if by is None:
        by = next((b for b in known if len(survey.values(b)) > 1), "")
    if by not in known:
        raise OptionError([unknown(by, known, what="segment", where="explore")])
    least = max(2, survey.study.min_cell)
    groups = survey.groups(by, total_shown=True)
    here = {g.value: m.known((survey.codes[by] == g.value).to_numpy()) for g in groups}
    hidden = withhold([int(rows.sum()) for rows in here.values()], least, True)
    shown = {v: rows for (v, rows), hide in zip(here.items(), hidden, strict=True) if rows.any() and not hide}
    labels = {g.value: g.label for g in groups}
    withheld = (*groups.withheld, *(labels[v] for v, hide in zip(here, hidden, strict=True) if hide))
    if len(shown) < 2:
        raise AnalysisError(
            f"{len(shown)} groups of '{by}' have enough answers to be shown",
            where="explore, by",
            allowed=f"two groups or more, of at least {least} respondents",
            mend="group by something else, or take a condition out of the filter",
        )
    return Split(by, shown, labels, withheld, survey.basis(used=m.known()))


def test_answers(m: Measure, groups: Split, level: float) -> tuple[GroupTest | None, str]:
    """Return the test that all answers are equally frequent in every group, or why there is none."""
    why = _untested(m, groups.by)
    if why:
        return None, why
    values, weights, kind = _parts(m, groups, m.answers)
    return _or_constant(compare_shares(values, weights, kind=kind, level=level))


def test_means(m: Measure, groups: Split, level: float) -> tuple[GroupTest | None, str]:
    """Return the test that the groups have the same mean (or share), the one that the overview takes, or why there is none."""
    if m.kind == "happened":
        return test_answers(m, groups, level)
    why = _untested(m, groups.by)
    if why:
        return None, why
    values, weights, kind = _parts(m, groups, m.compared)
    few = 0 < len(m.grades) < FEW_GRADES and kind != "sampling"
    return _or_constant(compare_means(values, weights, test="ranks" if few else "welch", kind=kind, level=level))


def _parts(m: Measure, groups: Split, values: Array) -> tuple[list[Array], list[Array] | None, Any]:
    kind = m.survey.weight_kind
    weights = None if kind == "none" else [m.weights[here] for here in groups.rows.values()]
    return [values[here] for here in groups.rows.values()], weights, kind


def _or_constant(test: GroupTest) -> tuple[GroupTest | None, str]:
    return (None, "constant") if math.isnan(test.p_value) else (test, "")


def _untested(m: Measure, by: str) -> str:
    """Return why waves are not tested against each other; "" where they can be."""
    wave = m.survey.study.wave
    if by != "wave" or wave is None:
        return ""
    if wave.panel:
        return "panel"
    return "changed" if set(m.changed) & set(m.survey.waves[1:]) else ""


def pairs(m: Measure, groups: Split, level: float) -> pd.DataFrame | None:
    """Every pair of groups, by Welch's test, p-values after Holm; None for two groups or very many."""
    if not 2 < len(groups.rows) <= MOST_PAIRED:
        return None
    kind: Any = m.survey.weight_kind
    rows = []
    for a, b in combinations(groups.rows, 2):
        x, y = groups.rows[a], groups.rows[b]
        t = independent_difference(m.compared[x], m.compared[y], m.weights[x], m.weights[y], kind=kind, level=level)
        row = {"group": a, "other": b, "n": t.n_x, "n_other": t.n_y, "difference": t.estimate, "ci_low": t.ci_low}
        rows.append(row | {"ci_high": t.ci_high, "p_value": t.p_value, "d": t.d, "d_ci_low": t.d_low, "d_ci_high": t.d_high})
    frame = pd.DataFrame(rows)
    return frame.assign(p_adjusted=adjust(frame["p_value"].to_numpy(), "holm"))


# ---- words


def tested(m: Measure, groups: Split, test: GroupTest | None, why: str, d: Draft) -> str:
    """Say what the test says, in words first and in figures after; or why there is none."""
    if test is None:
        return d.say(f"untested.{why}")
    kind = "decimal" if test.effect in ("d", "v") else "coefficient"
    size = (test.effect_size, test.effect_size_ci_low, test.effect_size_ci_high)
    value, low, high = (number(x, kind) for x in size)
    verdict = "differ" if test.p_value < 1 - d.level else "alike"
    return d.say(
        f"said.{d.name}_{verdict}",
        test=text(f"value.test.{test.test}", d.lang),
        p=test.p_value,
        effect=text(f"overview.effect.{test.effect}", d.lang),
        value=value,
        low=low,
        high=high,
        size=d.say(f"size.{_size(m, groups, test)}"),
    )


def _size(m: Measure, groups: Split, test: GroupTest) -> str:
    strength = abs(test.effect_size)
    if test.effect == "v":
        answers = len(np.unique(m.answers[m.known()]))
        strength *= math.sqrt(max(1, min(len(groups.rows), answers) - 1))
    return ("none", "small", "medium", "large")[sum(strength >= limit for limit in SIZES[test.effect])]


def notes(groups: Split, lang: str) -> list[str]:
    """Return what belongs under a table of groups: who is withheld, and who is few."""
    few = [groups.labels[v] for v, here in groups.rows.items() if here.sum() < SMALL_GROUP]
    hidden = list(groups.withheld)
    key = "table.withheld" if len(hidden) == 1 else "table.withheld_several"
    out = [text(key, lang, groups=hidden)] if hidden else []
    return out + ([text("explore.note.small", lang, groups=few)] if few else [])
