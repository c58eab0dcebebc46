"""Overview: groups and waves side by side, and the tests that they are alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.overview.scores import Scores
from csr_lib.analyses.overview.tables import BAD, CSAT, INDEX, NAN, estimate_row, outcome_values
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.core.text import both
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import independent_difference
from csr_lib.stats.group_tests import GroupTest, compare_means, compare_shares
from csr_lib.study import withhold

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import Options
    from csr_lib.study import Survey

Array = np.ndarray

#: Segments with more values than this are compared only where asked for.
MOST_GROUPS = 12
#: Single ratings on fewer grades than this are compared by ranks.
FEW_GRADES = 5


@dataclass(frozen=True)
class Measure:
    """What groups are compared in: values per respondent, whether they are a share, how many grades a single rating has."""

    key: str
    answers: Array
    share: bool = False
    grades: int = 0
    main: bool = False


@dataclass
class Grouped:
    """Tables of groups and what belongs to them.

    Attributes
    ----------
    tables : ``groups groups_of_measures comparisons comparisons_of_parts pairs``, those that there are.
    withheld : labels of the groups that are too small, in all and by segment; `labels` of the others, by ``segment=value``.
    codes : segment -> the values of it that are withheld.
    small : labels of groups whose index rests on fewer than 30 respondents; `least` the smallest n of an index.
    not_compared : waves between which questions changed, or that the same respondents answered.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    withheld: list[Any] = field(default_factory=list)
    withheld_by: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, set[str]] = field(default_factory=dict)
    small: list[Any] = field(default_factory=list)
    least: float = NAN
    changed: list[str] = field(default_factory=list)
    panel: bool = False
    smallest_expected: float = NAN
    ranks_disagree: int = 0
    ranks_compared: int = 0


def groupings(scores: Scores, across: Scores, options: Options) -> list[str]:
    """Return what is grouped by: the option `by`, or every segment of moderate size, role and wave, where there is more than one.

    Raises OptionError for a segment that there is not.
    """
    survey = scores.survey
    known = [c for c in survey.data.codes.columns if c != "brand"]
    if options.by is not None:
        wrong = [b for b in options.by if b not in known]
        if wrong:
            raise OptionError([unknown(b, known, what="segment", where="options of overview, by") for b in wrong])
    asked = options.by if options.by is not None else survey.segments
    found = [b for b in asked if len(survey.values(b)) > 1 and (options.by is not None or len(survey.values(b)) <= MOST_GROUPS)]
    if "role" in known and len(survey.roles) > 1 and "role" not in found:
        found.append("role")
    if len(across.survey.waves) > 1 and "wave" not in found:
        found.insert(0, "wave")
    return found


def measures(scores: Scores, options: Options) -> list[Measure]:
    """Return everything that groups are compared in: index, satisfaction, rates, constructs, indicators (0–100, shares 0 or
    1)."""
    out = [Measure(INDEX, scores.index, main=True)]
    study = scores.survey.study
    if scores.satisfaction is not None:
        scale = scores.survey.outcome_scale("satisfaction")
        single = study.outcome_construct("satisfaction") is None and scale is not None and scale.measure == "ordinal"
        grades = int(scale.span) + 1 if single and scale is not None else 0
        out.append(Measure("satisfaction", scores.satisfaction, grades=grades, main=True))
    for name in study.outcomes:
        kind, flags, _ = outcome_values(scores, name, options)
        if kind == "share":
            csat = name == "satisfaction"
            out.append(Measure(CSAT if csat else f"rate_{name}", flags, share=True, main=csat))
    out += [Measure(c, scores.constructs[c].to_numpy()) for c in scores.plan.constructs]
    for i in scores.plan.indicators:
        scale = scores.scale(i)
        grades = int(scale.span) + 1 if scale.measure == "ordinal" else 0
        out.append(Measure(i, scores.points[i].to_numpy(dtype=float), grades=grades))
    return out


def grouped(scores: Scores, across: Scores, options: Options) -> Grouped:
    """Compare groups and waves; groups under `min_cell` are withheld before any figure of them exists.

    `across` holds the answers of all waves; in a panel `scores` are those of the latest.
    """
    out = Grouped()
    if scores.kind == "sampling" and options.test in ("equal", "ranks"):
        raise OptionError(
            f"the test '{options.test}' knows no sampling weights", where="options of overview, test", allowed="auto, welch"
        )
    details: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    latest = measures(scores, options)
    waves = latest if across is scores else measures(across, options)
    for by in groupings(scores, across, options):
        rated, asked = (across, waves) if by == "wave" else (scores, latest)
        survey = rated.survey
        found = survey.groups(by, total_shown=True)
        out.withheld += [w for w in found.withheld if w not in out.withheld]
        out.withheld_by[by] = tuple(found.withheld)
        shown = {g.value for g in found.shown}
        out.codes[by] = {v for v in survey.values(by) if v not in shown}
        for group in found.shown:
            out.labels[f"{by}={group.value}"] = group.label
        if len(found.shown) < 2:
            continue
        rows = {g.value: (survey.codes[by] == g.value).to_numpy() for g in found.shown}
        changed = _changed(survey, by)
        out.changed += [i for i in changed if i not in out.changed]
        panel = by == "wave" and survey.study.wave is not None and survey.study.wave.panel
        out.panel = out.panel or panel
        for measure in asked:
            parts = _answered(measure, rows, max(2, survey.study.min_cell))
            details += [_detail(by, v, here, measure, rated, options) for v, here in parts.items()]
            touched = changed and (
                measure.key == INDEX or set(scores.plan.constructs.get(measure.key, (measure.key,))) & set(changed)
            )
            if len(parts) < 2 or touched or panel:
                continue
            test, other = _test(measure, list(parts.values()), rated, options)
            if test is None:
                continue
            out.smallest_expected = min((v for v in (out.smallest_expected, test.smallest_expected) if v == v), default=NAN)
            tests.append(_row(by, measure, test, other, details))
            if measure.key == INDEX and len(parts) > 2:
                pairs += _pairs(by, parts, measure, rated, options)
    if details:
        frame = pd.DataFrame(details)
        out.tables["groups_of_measures"] = frame.drop(columns=["main"])
        out.tables["groups"] = _compact(frame)
        counts = {d["group"]: d["n"] for d in details if d["measure"] == INDEX}  # as the table shows them
        out.small = [_named(g, out.labels[g], scores.survey) for g, n in counts.items() if n < CUTOFFS["group_n"].threshold]
        out.least = min(counts.values(), default=NAN)
    _adjusted(out, tests, options)
    if pairs:
        frame = pd.DataFrame(pairs)
        frame["p_adjusted"] = adjust(frame["p_value"].to_numpy(), options.adjust)
        out.tables["pairs"] = frame
    return out


def _named(group: str, label: Any, survey: Survey) -> Any:
    """Return what a sentence calls a group: a range of numbers does not say of what, so its segment is named with it."""
    by = group.split("=", 1)[0]
    segment = survey.study.segments.get(by)
    return both("overview.group_of", group=label, segment=survey.label(by)) if segment and segment.bins else label


def _changed(survey: Any, by: str) -> list[str]:
    """Return the indicators whose question became another one after the first wave that is compared."""
    if by != "wave":
        return []
    later = survey.waves[1:]
    return [i for i, entry in survey.study.indicators.items() if any(w in later for w in entry.changed)]


def _answered(measure: Measure, rows: dict[str, Array], least: int) -> dict[str, Array]:
    """Return the groups with enough answers to this measure, as masks; a second is withheld where the total would reveal one."""
    known = ~np.isnan(measure.answers)
    counts = [int((known & here).sum()) for here in rows.values()]
    hidden = withhold(counts, least, True)
    return {v: known & here for (v, here), n, hide in zip(rows.items(), counts, hidden, strict=True) if n and not hide}


def _detail(by: str, value: str, here: Array, measure: Measure, scores: Scores, options: Options) -> dict[str, Any]:
    row = estimate_row(np.where(here, measure.answers, NAN), scores, options.confidence, share=measure.share)
    factor = 100 if measure.share else 1
    row |= {k: factor * row[k] for k in ("estimate", "ci_low", "ci_high", "std_error")}
    return {"segment": by, "group": f"{by}={value}", "measure": measure.key, "main": measure.main, **row}


def _test(measure: Measure, masks: list[Array], scores: Scores, options: Options) -> tuple[GroupTest | None, GroupTest | None]:
    """Return the test that is right for scale and weights, and where there are none of these, the one by ranks beside it."""
    values = [measure.answers[m] for m in masks]
    weights = None if scores.kind == "none" else [scores.weights[m] for m in masks]
    how: dict[str, Any] = {"kind": scores.kind if weights else "none", "level": options.confidence}
    try:
        if measure.share:
            return compare_shares(values, weights, **how), None
        few = 0 < measure.grades < FEW_GRADES and scores.kind != "sampling"
        test: Any = ("ranks" if few else "welch") if options.test == "auto" else options.test
        ranks = compare_means(values, weights, test="ranks", **how) if scores.kind != "sampling" and test != "ranks" else None
        return compare_means(values, weights, test=test, **how), ranks
    except AnalysisError:
        return None, None


def _row(by: str, measure: Measure, test: GroupTest, other: GroupTest | None, details: list[dict[str, Any]]) -> dict[str, Any]:
    of = [d for d in details if d["segment"] == by and d["measure"] == measure.key]
    highest, lowest = max(of, key=lambda d: d["estimate"]), min(of, key=lambda d: d["estimate"])
    return {
        "segment": by,
        "measure": measure.key,
        "main": measure.main,
        "test": test.test,
        "n": test.n,
        "groups": len(of),
        "statistic": test.statistic,
        "df": test.df,
        "df_error": test.df_error,
        "p_value": test.p_value,
        "p_adjusted": NAN,
        "p_ranks": other.p_value if other else NAN,
        "effect": test.effect,
        "effect_size": test.effect_size,
        "effect_size_ci_low": test.effect_size_ci_low,
        "effect_size_ci_high": test.effect_size_ci_high,
        "highest": highest["group"],
        "highest_value": highest["estimate"],
        "lowest": lowest["group"],
        "lowest_value": lowest["estimate"],
        "difference": highest["estimate"] - lowest["estimate"],
        "worse": (highest if measure.key.removeprefix("rate_") in BAD else lowest)["group"],
    }


def _adjusted(out: Grouped, tests: list[dict[str, Any]], options: Options) -> None:
    """Adjust the tests of each table for their number, and say what they mean."""
    if not tests:
        return
    everything = pd.DataFrame(tests)
    for name, part in (
        ("comparisons", everything[everything["main"]]),
        ("comparisons_of_parts", everything[~everything["main"]]),
    ):
        if part.empty:
            continue
        part = part.drop(columns="main").reset_index(drop=True)
        part["p_adjusted"] = adjust(part["p_value"].to_numpy(), options.adjust)
        limit = 1 - options.confidence
        part["reading"] = ["differ" if p < limit else "alike" for p in part["p_adjusted"]]
        both = part["p_ranks"].notna() & part["p_value"].notna()
        ranks = adjust(part.loc[both, "p_ranks"].to_numpy(), options.adjust)
        usual = adjust(part.loc[both, "p_value"].to_numpy(), options.adjust)
        out.ranks_compared += int(both.sum())
        out.ranks_disagree += int(((ranks < limit) != (usual < limit)).sum())
        out.tables[name] = part


def _pairs(by: str, parts: dict[str, Array], measure: Measure, scores: Scores, options: Options) -> list[dict[str, Any]]:
    """Every pair of groups in the index, by Welch's test."""
    rows = []
    for a, b in combinations(parts, 2):
        found = independent_difference(
            measure.answers[parts[a]],
            measure.answers[parts[b]],
            scores.weights[parts[a]],
            scores.weights[parts[b]],
            kind=scores.kind,
            level=options.confidence,
        )
        rows.append(
            {
                "segment": by,
                "group": f"{by}={a}",
                "other": f"{by}={b}",
                "n": found.n_x,
                "n_other": found.n_y,
                "difference": found.estimate,
                "ci_low": found.ci_low,
                "ci_high": found.ci_high,
                "p_value": found.p_value,
                "d": found.d,
                "d_ci_low": found.d_low,
                "d_ci_high": found.d_high,
            }
        )
    return rows


def _compact(details: pd.DataFrame) -> pd.DataFrame:
    """One row per group: the index and the share of satisfied, each with its interval."""
    index = details[details["measure"] == INDEX].drop(columns=["measure", "main"])
    rated = details[details["measure"] == CSAT].set_index("group")
    index = index.reset_index(drop=True)
    if len(rated):
        for source, target in (("estimate", "csat"), ("ci_low", "csat_ci_low"), ("ci_high", "csat_ci_high")):
            index[target] = [float(rated[source].get(g, NAN)) / 100 for g in index["group"]]
    return index
