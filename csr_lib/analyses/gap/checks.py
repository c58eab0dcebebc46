"""Gap analysis: may the gaps be believed? Reliability of differences, ceilings, straight answers, few informants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._checks import pooled_waves, sample_checks
from csr_lib.analyses.gap.scores import Array, Pairs, Plan, fetch
from csr_lib.core.check import Check
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import mean_interval
from csr_lib.stats.moments import moments
from csr_lib.stats.reliability import alpha_of

if TYPE_CHECKING:
    from csr_lib.analyses.gap.analysis import Options
    from csr_lib.study import Survey

#: Fewer pairs than this and the t test leans on the shape of the distribution.
SMALL_N = 30
#: A respondent must have given this many pairs before the same answers throughout are called conspicuous.
LEAST_PAIRS = 5


def reliability_table(pairs: Pairs) -> pd.DataFrame:
    """Return, per dimension, alpha of expectations and perceptions, how they correlate, and the reliability of their difference.

    r_D = (s²_P·α_P + s²_E·α_E − 2·s_PE) / (s²_P + s²_E − 2·s_PE), with s of the sums over the items (Peter, Churchill & Brown
    1993). The closer expectation and perception run together, the less of their difference is more than error. Items that do not
    vary are left out; NaN where fewer than two are left.
    """
    rows = []
    for construct, members in pairs.plan.dimensions.items():
        items = [i for i in members if _varies(pairs.expectation[i]) and _varies(pairs.perception[i])]
        row: dict[str, Any] = {"construct": construct, "n": float(pairs.basis.n), "items": len(items)}
        row |= dict.fromkeys(("alpha_expectation", "alpha_perception", "correlation", "reliability"), math.nan)
        if len(items) > 1:
            both = pd.concat([pairs.expectation[items].add_prefix("E:"), pairs.perception[items].add_prefix("P:")], axis=1)
            rule: Any = pairs.plan.missing_rule
            found = moments(both, pairs.weights, kind=pairs.kind, missing=rule)  # type: ignore[arg-type]
            k = len(items)
            ee, pp, ep = found.cov[:k, :k], found.cov[k:, k:], found.cov[:k, k:].sum()
            alpha_e, alpha_p = float(alpha_of(ee)), float(alpha_of(pp))
            var_e, var_p = float(ee.sum()), float(pp.sum())
            spread = var_e + var_p - 2 * ep
            row |= {
                "n": found.n,
                "alpha_expectation": alpha_e,
                "alpha_perception": alpha_p,
                "correlation": float(ep / math.sqrt(var_e * var_p)) if var_e > 0 and var_p > 0 else math.nan,
                "reliability": float((var_p * alpha_p + var_e * alpha_e - 2 * ep) / spread) if spread > 0 else math.nan,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _varies(answers: pd.Series) -> bool:
    return bool(answers.max() > answers.min())


def make_checks(
    survey: Survey,
    customers: Survey,
    pairs: Pairs,
    tables: Mapping[str, pd.DataFrame],
    left_out: Sequence[str],
    options: Options,
) -> list[Check]:
    """Return every check of the result, the sample's first."""
    checks = sample_checks(customers, pairs.basis)
    if left_out:
        checks.append(
            Check("gap_few_pairs", "fail", float(len(left_out)), 0.0, "", {"indicators": [survey.label(i) for i in left_out]})
        )
    checks += [
        _ceiling(pairs),
        *_same_answers(pairs),
        *_reliability(tables, survey),
        *_wilcoxon(tables["indicators"], pairs, options),
    ]
    constant = [
        i for i, se in zip(tables["indicators"]["indicator"], tables["indicators"]["std_error"], strict=True) if not se > 0
    ]
    if constant:
        labels = [survey.label(i) for i in constant]
        checks.append(Check("gap_constant", "fail", float(len(constant)), 0.0, "", {"indicators": labels}))
    checks += _zone_order(customers, pairs.plan, options)
    checks += _informants(tables["five_gaps"])
    stated = [c for c in pairs.plan.dimensions if survey.study.constructs[c].points is not None]
    if stated and not pairs.plan.weights:
        lacking = [survey.label(c) for c in pairs.plan.dimensions if c not in stated]
        checks.append(Check("gap_points", "warn", float(len(lacking)), 0.0, "", {"dimensions": lacking}))
    if options.by != "wave":
        checks += pooled_waves(customers, "gap_waves")
    if "groups" in tables and len(tables["groups"]):
        per_group = tables["groups"].groupby("group", sort=False)["n"].min()
        small = [
            customers.value_label(options.by or "", str(g)) for g, n in per_group.items() if n < CUTOFFS["group_n"].threshold
        ]
        checks.append(Check.against("gap_groups", float(per_group.min()), "group_n", groups=small))
    return checks


def _share(flags: Array, pairs: Pairs) -> float:
    return mean_interval(flags, pairs.weights, kind=pairs.kind).estimate  # type: ignore[arg-type]


def _ceiling(pairs: Pairs) -> Check:
    """How many expectations stand at the top of the scale, from where no perception can exceed them."""
    e = pairs.expectation.to_numpy()
    flags = np.where(np.isnan(e), np.nan, e >= pairs.plan.high - 1e-9)
    with np.errstate(invalid="ignore"):
        share = _share(np.nanmean(flags, axis=1), pairs)
    return Check.against("gap_ceiling", share, "expectation_ceiling")


def _same_answers(pairs: Pairs) -> list[Check]:
    """How many respondents gave the same answer to expectation and perception throughout."""
    gap = pairs.gap.to_numpy()
    known = (~np.isnan(gap)).sum(axis=1)
    if pairs.plan.indicators and known.max(initial=0) < LEAST_PAIRS:
        return []
    same = np.nanmax(np.abs(gap), axis=1) < 1e-9
    flags = np.where(known >= LEAST_PAIRS, same, np.nan)
    return [Check.against("gap_same_answers", _share(flags, pairs), "same_answers")]


def _reliability(tables: Mapping[str, pd.DataFrame], survey: Survey) -> list[Check]:
    frame = tables.get("reliability")
    if frame is None or frame["reliability"].isna().all():
        return []
    worst = frame.sort_values("reliability").iloc[0]
    weak = frame.loc[frame["reliability"] < CUTOFFS["difference_reliability"].threshold, "construct"]
    return [
        Check.against(
            "gap_difference_reliability",
            float(worst["reliability"]),
            "difference_reliability",
            dimension=survey.label(worst["construct"]),
            dimensions=[survey.label(c) for c in weak],
        )
    ]


def _wilcoxon(frame: pd.DataFrame, pairs: Pairs, options: Options) -> list[Check]:
    """Whether t and Wilcoxon tell the same story; it matters where n is small."""
    if pairs.kind == "sampling":
        return []
    limit = 1 - options.confidence
    t, ranks = (adjust(frame[c], options.adjust) < limit for c in ("p_t", "p_wilcoxon"))
    apart = int((t != ranks).sum())
    n = float(frame["n"].min())
    verdict: Any = "warn" if apart and n < SMALL_N else "pass"
    return [Check("gap_wilcoxon", verdict, float(apart), 0.0, "wilcoxon1945", {"total": len(frame), "n": n})]


def _zone_order(customers: Survey, plan: Plan, options: Options) -> list[Check]:
    """How many pairs of adequate and expected level stand the wrong way round."""
    asked = [i for i in plan.indicators if customers.study.rating(i, "adequate", options.role)]
    if not asked:
        return []
    low, high = (fetch(customers, plan, kind, asked).to_numpy() for kind in ("adequate", "expectation"))
    known = ~np.isnan(low) & ~np.isnan(high)
    if not known.any():
        return []
    w = np.broadcast_to(np.asarray(customers.weights, dtype=float)[:, None], low.shape)
    wrong = float((w * (known & (low > high + 1e-9))).sum() / (w * known).sum())
    return [Check.against("gap_zone_order", wrong, "same_answers")]


def _informants(five: pd.DataFrame) -> list[Check]:
    """Whether enough managers and staff answered for their gaps."""
    out = []
    for role in ("management", "staff"):
        n = five[f"n_{role}"].min()
        if not math.isnan(n):
            gaps = [int(g) for g in five.loc[five[f"n_{role}"].notna(), "gap"]]
            numbers = {"zh": "、".join(map(str, gaps)), "en": " and ".join(map(str, gaps))}
            out.append(Check.against(f"gap_{role}", float(n), "informants", gaps=numbers))
    return out
