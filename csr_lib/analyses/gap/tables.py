"""Gap analysis: tables of the customers' gaps, the SERVQUAL scores, the zone of tolerance, the groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.gap.scores import Array, Pairs, Plan, complete_rows, fetch, scores
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import PairedTest, independent_difference, mean_interval, paired_difference
from csr_lib.stats.distributions import t_two_sided
from csr_lib.stats.moments import Sample
from csr_lib.stats.resampling import percentile_interval, resample_counts
from csr_lib.study import withhold

if TYPE_CHECKING:
    from csr_lib.analyses.gap.analysis import Options
    from csr_lib.study import Survey

#: Key of the row that stands for the mean of all dimensions.
ALL = "all_dimensions"
NAN = float("nan")


# ---- tests


def difference(x: Array, y: Array, weights: Array, kind: Any, options: Options) -> PairedTest:
    """Return x − y of the same respondents, tested; with Wilcoxon's p-value where there are no sampling weights."""
    return paired_difference(x, y, weights, kind=kind, level=options.confidence, wilcoxon=kind != "sampling")


@dataclass(frozen=True)
class Tested:
    """A mean with its interval and the t test that it is zero."""

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float
    n: float
    n_effective: float


def against_zero(values: Array, weights: Array, kind: Any, options: Options) -> Tested:
    """Return the t test that the mean of `values` is zero; p is NaN where they do not vary."""
    m = mean_interval(values, weights, kind=kind, level=options.confidence)
    p = float(t_two_sided(m.estimate / m.std_error, m.n - 1)) if m.std_error > 1e-12 else NAN
    return Tested(m.estimate, m.std_error, m.ci_low, m.ci_high, p, m.n, m.n_effective)


def p_of(found: PairedTest, options: Options) -> float:
    """Return the p-value of the test that was asked for."""
    return found.wilcoxon_p if options.test == "wilcoxon" else found.p_value


def resampled_means(values: Array, weights: Array, kind: Any, options: Options) -> Array:
    """Return the weighted means of the columns of `values` (n, k) in every bootstrap resample, (B, k); NaN cells are left out."""
    n = len(values)
    rows = Sample(("row",), np.zeros((n, 1)), weights, kind, "listwise", 0.0, np.ones(n, dtype=bool))
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    own = weights if kind == "sampling" else np.ones(n)
    draws = []
    for counts in resample_counts(rows, options.bootstrap, options.seed):
        w = counts * own
        with np.errstate(invalid="ignore", divide="ignore"):
            draws.append((w @ filled) / (w @ known))
    return np.concatenate(draws)


# ---- expectation against perception


def gap_row(expectation: Array, perception: Array, pairs: Pairs, options: Options) -> dict[str, Any]:
    """Return expectation, perception and their difference over the respondents who have both, with test and interval."""
    found = difference(perception, expectation, pairs.weights, pairs.kind, options)
    gap = perception - expectation
    short = np.where(np.isnan(gap), np.nan, gap < -1e-9)
    return {
        "n": found.n,
        "n_effective": found.n_effective,
        "expectation": found.mean_y,
        "perception": found.mean_x,
        "gap": found.estimate,
        "gap_share": found.estimate / pairs.plan.span,
        "std_error": found.std_error,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "p_value": p_of(found, options),
        "p_adjusted": NAN,
        "effect_size": found.d_z,
        "effect_size_ci_low": found.d_z_low,
        "effect_size_ci_high": found.d_z_high,
        "share_short": mean_interval(short, pairs.weights, kind=pairs.kind).estimate,  # type: ignore[arg-type]
        "p_t": found.p_value,
        "p_wilcoxon": found.wilcoxon_p,
    }


def _finish(rows: list[dict[str, Any]], options: Options) -> pd.DataFrame:
    """Adjust the tests of one table for their number, and say what each gap means."""
    frame = pd.DataFrame(rows)
    frame["p_adjusted"] = adjust(frame["p_value"], options.adjust)
    frame["reading"] = [reading(g, p, options) for g, p in zip(frame["gap"], frame["p_adjusted"], strict=True)]
    return frame


def reading(gap: float, p: float, options: Options) -> str:
    """Return ``short`` or ``exceeds`` for a gap that is told from zero, else ``even``."""
    if not p < 1 - options.confidence:
        return "even"
    return "short" if gap < 0 else "exceeds"


def indicators_table(pairs: Pairs, options: Options) -> pd.DataFrame:
    """One row per indicator: P − E with interval, test, effect size d_z, share of customers who get less than they expect."""
    rows = []
    for key in pairs.plan.indicators:
        row = gap_row(pairs.expectation[key].to_numpy(), pairs.perception[key].to_numpy(), pairs, options)
        rows.append({"construct": pairs.plan.construct_of(key), "indicator": key, **row})
    return _finish(rows, options)


def dimensions_table(pairs: Pairs, options: Options) -> pd.DataFrame:
    """One row per dimension, from every respondent's mean over the indicators answered; weight and weighted contribution.

    ``contribution`` = weight × gap (with the indicators weighted by their points, where they have some); the contributions add to
    the weighted SERVQUAL score where nobody lacks a dimension. ``rank`` 1 is the largest shortfall.
    """
    rows = []
    for construct, members in pairs.plan.dimensions.items():
        row = gap_row(*pairs.dimension(construct), pairs, options)
        rows.append({"construct": construct, "indicators": len(members), **row})
    frame = _finish(rows, options)
    if pairs.plan.weights:
        kind: Any = pairs.kind
        weighted = [mean_interval(pairs.weighted(c), pairs.weights, kind=kind).estimate for c in frame["construct"]]
        frame["weight"] = [pairs.plan.weights[c] for c in frame["construct"]]
        if pairs.plan.item_weights:
            frame["weighted_gap"] = weighted
        frame["contribution"] = frame["weight"] * weighted
    frame["rank"] = frame["gap"].rank(method="min").astype(int)
    return frame


def servqual_table(pairs: Pairs, options: Options) -> pd.DataFrame:
    """The overall score: mean of the dimensions, and weighted by points where every dimension has some.

    Each from one score per respondent, so that its interval knows how the dimensions move together.
    """
    e, p = pairs.total()
    by_score = {"unweighted": p - e}
    if pairs.plan.weights:
        by_score["weighted"] = pairs.weighted_total()
    rows = []
    for name, values in by_score.items():
        found = difference(values, np.zeros(len(values)), pairs.weights, pairs.kind, options)
        rows.append(
            {
                "score": name,
                "n": found.n,
                "n_effective": found.n_effective,
                "estimate": found.estimate,
                "gap_share": found.estimate / pairs.plan.span,
                "std_error": found.std_error,
                "ci_low": found.ci_low,
                "ci_high": found.ci_high,
                "p_value": p_of(found, options),
            }
        )
    return pd.DataFrame(rows)


# ---- zone of tolerance


def zone_tables(survey: Survey, plan: Plan, options: Options) -> dict[str, pd.DataFrame]:
    """Return where the perception lies between the adequate and the desired level; {} where the adequate level was not asked.

    Tables ``zone`` (dimensions) and ``zone_by_indicator``, over the respondents who gave all three levels.
    """
    asked = [i for i in plan.indicators if survey.study.rating(i, "adequate", options.role)]
    if not asked:
        return {}
    frames = {kind: fetch(survey, plan, kind, asked) for kind in ("adequate", "expectation", "perception")}
    known = np.logical_and.reduce([f.notna().to_numpy() for f in frames.values()])
    frames = {kind: f.where(known) for kind, f in frames.items()}
    kept = complete_rows(frames["adequate"], plan.missing_rule)
    if kept.sum() < max(2, survey.study.min_cell):
        return {}
    frames = {kind: f[kept].reset_index(drop=True) for kind, f in frames.items()}
    weights, kind = np.asarray(survey.weights, dtype=float)[kept], survey.weight_kind
    out = {}
    members = {c: [i for i in of if i in asked] for c, of in plan.dimensions.items()}
    dimensions = {c: {k: scores(f[of], plan) for k, f in frames.items()} for c, of in members.items() if of}
    if dimensions:
        out["zone"] = _zone("construct", dimensions, weights, kind, options)
    single = {i: {k: f[i].to_numpy() for k, f in frames.items()} for i in asked}
    table = _zone("indicator", single, weights, kind, options)
    table.insert(0, "construct", [plan.construct_of(i) for i in table["indicator"]])
    return out | {"zone_by_indicator": table}


def _zone(name: str, levels: Mapping[str, Mapping[str, Array]], weights: Array, kind: Any, options: Options) -> pd.DataFrame:
    """One row per key of `levels`: MSS = P − desired, MSA = P − adequate, position (P − A)/(E − A) with bootstrap interval."""
    keys = list(levels)
    values = np.column_stack([levels[key][k] for key in keys for k in ("adequate", "expectation", "perception")])
    draws = resampled_means(values, weights, kind, options) if options.bootstrap else np.full((1, values.shape[1]), np.nan)
    a, e, p = draws[:, 0::3], draws[:, 1::3], draws[:, 2::3]
    with np.errstate(invalid="ignore", divide="ignore"):
        position = np.where(e > a, (p - a) / (e - a), np.nan)
    low, high = percentile_interval(position, options.confidence)
    rows = []
    for i, key in enumerate(keys):
        adequate, desired, perception = (levels[key][k] for k in ("adequate", "expectation", "perception"))
        superiority = against_zero(perception - desired, weights, kind, options)
        adequacy = against_zero(perception - adequate, weights, kind, options)
        least, most, got = (mean_interval(v, weights, kind=kind).estimate for v in (adequate, desired, perception))
        zone = "below" if got < least else "above" if got > most else "within"
        certain = {
            "below": adequacy.ci_high < 0,
            "within": adequacy.ci_low > 0 and superiority.ci_high < 0,
            "above": superiority.ci_low > 0,
        }
        rows.append(
            {
                name: key,
                "n": superiority.n,
                "n_effective": superiority.n_effective,
                "adequate": least,
                "expectation": most,
                "perception": got,
                "superiority": superiority.estimate,
                "superiority_ci_low": superiority.ci_low,
                "superiority_ci_high": superiority.ci_high,
                "adequacy": adequacy.estimate,
                "adequacy_ci_low": adequacy.ci_low,
                "adequacy_ci_high": adequacy.ci_high,
                "position": (got - least) / (most - least) if most > least else NAN,
                "position_ci_low": float(low[i]),
                "position_ci_high": float(high[i]),
                "zone": zone,
                "certain": bool(certain[zone]),
            }
        )
    return pd.DataFrame(rows)


# ---- groups


def groups_table(survey: Survey, plan: Plan, by: str, options: Options) -> tuple[pd.DataFrame, list[Any], dict[str, Any]]:
    """Return P − E by group and dimension, each group against the others shown; labels of groups withheld; labels of the rest.

    ``difference`` is the group's gap − that of all other groups shown together, tested by Welch's t and adjusted for the number
    of tests in the table. Groups with too few complete answers are withheld as groups with too few respondents are.
    """
    found = survey.groups(by, total_shown=True)
    parts = {g.value: Pairs.of(g.survey, plan) for g in found.shown}
    labels = {g.value: g.label for g in found.shown}
    withheld = list(found.withheld)
    rows = []
    for key in [*plan.dimensions, ALL]:
        levels = {v: pairs.total() if key == ALL else pairs.dimension(key) for v, pairs in parts.items()}
        gaps = {v: p - e for v, (e, p) in levels.items()}
        counts = [int((~np.isnan(gap)).sum()) for gap in gaps.values()]
        hidden = withhold(counts, max(2, survey.study.min_cell), True)
        shown = [v for v, h, n in zip(gaps, hidden, counts, strict=True) if n and not h]
        withheld += [labels[v] for v in gaps if v not in shown and labels[v] not in withheld]
        for value in shown:
            rest = [v for v in shown if v != value]
            own: Any = {"weights": parts[value].weights, "kind": parts[value].kind}
            e, p = (mean_interval(np.where(np.isnan(gaps[value]), np.nan, v), **own).estimate for v in levels[value])
            found_gap = vars(against_zero(gaps[value], **own, options=options))
            row = {"segment": by, "group": value, "construct": key, "expectation": e, "perception": p, **found_gap}
            row |= {"gap": row["estimate"], "difference": NAN, "p_value": NAN}
            if rest:
                test = independent_difference(
                    gaps[value],
                    np.concatenate([gaps[v] for v in rest]),
                    parts[value].weights,
                    np.concatenate([parts[v].weights for v in rest]),
                    kind=parts[value].kind,  # type: ignore[arg-type]
                    level=options.confidence,
                )
                row |= {"difference": test.estimate, "p_value": test.p_value}
            rows.append(row)
    columns = [
        "segment", "group", "construct", "n", "n_effective", "expectation", "perception", "gap", "std_error", "ci_low", "ci_high",
        "difference", "p_value", "p_adjusted",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    order = {v: i for i, v in enumerate(parts)}
    frame = frame.sort_values("group", key=lambda g: g.map(order), kind="stable").reset_index(drop=True)
    frame["p_adjusted"] = adjust(frame["p_value"].astype(float), options.adjust)
    return frame, withheld, labels
