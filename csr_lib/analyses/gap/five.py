"""Gap analysis: the five service-quality gaps, and the customers' against the company's ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.gap.scores import Array, Pairs, Plan, basis, complete_rows, fetch, level, overall, scores
from csr_lib.analyses.gap.tables import NAN, against_zero, resampled_means
from csr_lib.core.result import Basis
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import independent_difference, mean_interval, rank_correlation
from csr_lib.stats.resampling import percentile_interval

if TYPE_CHECKING:
    from csr_lib.analyses.gap.analysis import Options
    from csr_lib.study import Study, Survey

#: The gaps, in order; number -> name in the catalogue.
GAPS = {1: "knowledge_gap", 2: "standards_gap", 3: "delivery_gap", 4: "communication_gap", 5: "service_gap"}


@dataclass(frozen=True, eq=False)
class Side:
    """One kind of ratings by one role, rows by the missing-data rule; empty with a `reason` where there is none.

    `reason` is ``no_…`` (not asked), ``filtered_…`` (asked, but not in this selection), ``few_…`` (too few to show), or "".
    """

    role: str
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    weights: Array = field(default_factory=lambda: np.empty(0))
    n_missing: float = 0.0
    reason: str = ""

    @classmethod
    def of(cls, survey: Survey, plan: Plan, role: str, kind: str) -> Side:
        """Take the ratings of `kind` that `role` gave, unless they are too few to be shown."""
        if role not in survey.roles:
            answered = set(survey.data.codes["role"].dropna())
            return cls(role, reason=f"{'filtered' if role in answered else 'no'}_{role}")
        asked = [i for i in plan.indicators if survey.study.rating(i, kind, role)]
        if not asked:
            return cls(role, reason=f"no_{role}")
        shown = {g.value: g.survey for g in survey.groups("role", total_shown=False).shown}
        if role not in shown:
            return cls(role, reason=f"few_{role}")
        frame = fetch(shown[role], plan, kind, asked)
        frame = frame.loc[:, frame.notna().any()]
        if frame.empty:
            return cls(role, reason=f"no_{role}")
        kept = complete_rows(frame, plan.missing_rule)
        if kept.sum() < max(2, survey.study.min_cell):
            return cls(role, reason=f"few_{role}")
        weights = np.asarray(shown[role].weights, dtype=float)
        counted = weights if survey.weight_kind == "frequency" else np.ones(len(weights))
        n_missing = float(counted[frame.isna().any(axis=1)].sum())
        return cls(role, frame[kept].reset_index(drop=True), weights[kept], n_missing)

    def minus(self, reference: Mapping[str, float]) -> pd.DataFrame:
        """Return ratings − reference, of the indicators that have one."""
        columns = [c for c in self.frame.columns if c in reference]
        return self.frame[columns] - pd.Series(reference)[columns] if columns else pd.DataFrame()


def five_gaps(survey: Survey, pairs: Pairs, options: Options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the five gaps over all indicators, and indicator by indicator; gaps that cannot be computed say what is missing.

    The estimate is the mean of respondents' scores; the first gap compares two groups of respondents (Welch), the others are
    tested against zero. In `pairs` are the customers of every gap, so that all gaps are about the same people. ``n_customers``,
    ``n_management`` and ``n_staff`` count those who answered on each side; ``missing`` names what is not there, joined by ``+``.
    """
    study, plan, kind = survey.study, pairs.plan, pairs.kind
    customers_e = Side("customer", pairs.expectation, pairs.weights)
    customers_p = Side("customer", pairs.perception, pairs.weights)
    management = Side.of(survey, plan, "management", "expectation")
    staff = Side.of(survey, plan, "staff", "perception")
    standards = _levels(study, plan, study.standards)
    promises = _levels(study, plan, study.promises)
    delivered = customers_p if staff.reason.startswith("no_") else staff
    rows, single = [], []

    def add(number: int, test: Any, columns: list[str], sides: list[Side], missing: list[str], **values: Any) -> dict[str, Any]:
        used = {s.role: float(len(s.frame)) for s in sides} if not missing else {}
        return {
            "gap": number,
            "name": GAPS[number],
            "estimate": getattr(test, "estimate", NAN),
            "gap_share": getattr(test, "estimate", NAN) / plan.span,
            **{k: getattr(test, k, NAN) for k in ("std_error", "ci_low", "ci_high", "p_value")},
            "p_adjusted": NAN,
            "indicators": len(columns),
            "n_customers": used.get("customer", NAN),
            "n_management": used.get("management", NAN),
            "n_staff": used.get("staff", NAN),
            "missing": "+".join(missing),
            **values,
        }

    def one_side(number: int, side: Side, sign: int, reference: Mapping[str, float], without: str) -> None:
        """Gaps 2, 3 and 4: ratings of one role against levels written in study.yml."""
        missing = [r for r in (side.reason, "" if reference else without) if r]
        differences = pd.DataFrame() if missing else sign * side.minus(reference)
        if not missing and differences.empty:
            missing = [without]
        if missing:
            rows.append(add(number, None, [], [side], missing))
            return
        columns = list(differences.columns)
        rows.append(add(number, against_zero(overall(differences, plan), side.weights, kind, options), columns, [side], []))
        for i in columns:
            test = against_zero(differences[i].to_numpy(), side.weights, kind, options)
            single.append(add(number, test, [i], [side], [], indicator=i, construct=plan.construct_of(i)))

    shared = [i for i in management.frame.columns if i in pairs.expectation.columns]
    if management.reason or not shared:
        rows.append(add(1, None, [], [], [management.reason or "no_management"]))
    else:

        def compare(a: Array, b: Array) -> Any:
            w = (management.weights, pairs.weights)
            return independent_difference(a, b, *w, kind=kind, level=options.confidence)  # type: ignore[arg-type]

        sides = [management, customers_e]
        between = compare(overall(management.frame[shared], plan), overall(pairs.expectation[shared], plan))
        rows.append(add(1, between, shared, sides, []))
        for i in shared:
            test = compare(management.frame[i].to_numpy(), pairs.expectation[i].to_numpy())
            single.append(add(1, test, [i], sides, [], indicator=i, construct=plan.construct_of(i)))
    one_side(2, management, -1, standards, "no_standards")
    one_side(3, delivered, 1, standards, "no_standards")
    one_side(4, customers_p, 1, promises, "no_promises")
    rows.append(
        add(5, against_zero(overall(pairs.gap, plan), pairs.weights, kind, options), list(plan.indicators), [customers_p], [])
    )
    for i in plan.indicators:
        test = against_zero(pairs.gap[i].to_numpy(), pairs.weights, kind, options)
        single.append(add(5, test, [i], [customers_p], [], indicator=i, construct=plan.construct_of(i)))

    table = pd.DataFrame(rows)
    table["p_adjusted"] = adjust(table["p_value"], options.adjust)
    detail = pd.DataFrame(single).drop(columns=["indicators", "missing"])
    detail["p_adjusted"] = detail.groupby("gap")["p_value"].transform(lambda p: adjust(p, options.adjust))
    first = ["gap", "name", "construct", "indicator"]
    return table, detail[[*first, *(c for c in detail.columns if c not in first)]]


def _levels(study: Study, plan: Plan, written: Mapping[str, float]) -> dict[str, float]:
    return {i: level(study, plan, i, written[i]) for i in plan.indicators if i in written}


# ---- the two rankings


@dataclass(frozen=True, eq=False)
class Ranking:
    """Customers' against the company's ranking: tables, what it rests on, or why there is none."""

    tables: Mapping[str, pd.DataFrame]
    kind: str = ""
    roles: tuple[str, ...] = ()
    basis: Basis | None = None
    missing: str = ""


def ranking(survey: Survey, plan: Plan, options: Options) -> Ranking:
    """Compare how important customers and the company find the dimensions.

    The company is management and staff together, whoever was asked. By importance; where nobody in the company or no customer was
    asked for it, by the level expected, which `kind` then says.
    """
    kinds = [options.rank_by] if options.rank_by else ["importance", "expectation"]
    missing = "no_importance"
    for kind in kinds:
        customers = Side.of(survey, plan, options.role, kind)
        asked = [Side.of(survey, plan, role, kind) for role in ("management", "staff")]
        company = [side for side in asked if not side.reason]
        shared = [i for i in customers.frame.columns if all(i in side.frame.columns for side in company)]
        if customers.reason or not company or len(shared) < 2:
            reasons = [customers.reason, *(side.reason for side in asked)]
            missing = next((f"{k}_company" for k in ("few", "filtered") for r in reasons if r.startswith(k)), missing)
            continue
        ratings = [survey.study.rating(i, kind, side.role) for i in shared for side in (customers, *company)]
        if len({(r.scale.min, r.scale.max) for r in ratings if r}) > 1 and not plan.percent:
            return ranking(survey, replace(plan, percent=True), options)
        sides = (_side([customers], shared), _side(company, shared))
        tables = _rankings(survey, plan, shared, sides, kind, options)
        on = basis(customers.weights, survey.weight_kind, plan.missing_rule, customers.n_missing)
        return Ranking(tables, kind, tuple(side.role for side in company), on)
    return Ranking({}, missing=missing)


def _side(sides: list[Side], shared: list[str]) -> tuple[pd.DataFrame, Array]:
    return pd.concat([s.frame[shared] for s in sides], ignore_index=True), np.concatenate([s.weights for s in sides])


def _rankings(survey: Survey, plan: Plan, shared: list[str], sides: Any, kind: str, options: Options) -> dict[str, pd.DataFrame]:
    out: dict[str, pd.DataFrame] = {}
    correlations = []
    members = {c: [i for i in of if i in shared] for c, of in plan.dimensions.items()}
    members = {c: of for c, of in members.items() if of}
    levels: dict[str, tuple[str, dict[str, list[str]]]] = {
        "ranking": ("construct", members),
        "ranking_by_indicator": ("indicator", {i: [i] for i in shared}),
    }
    for name, (key, of) in levels.items():
        if len(of) < 2:
            continue
        columns: dict[str, Any] = {key: list(of)}
        if key == "indicator":
            columns = {"construct": [plan.construct_of(i) for i in of], **columns}
        for who, (frame, weights) in zip(("customers", "company"), sides, strict=True):
            values = np.column_stack([scores(frame[i], plan) for i in of.values()])
            columns |= _ranked(who, values, weights, survey.weight_kind, options)
        table = pd.DataFrame(columns)
        table["rank_difference"] = table["company_rank"] - table["customers_rank"]
        out[name] = table
        if len(of) > 2:
            for method in ("spearman", "kendall"):
                found = rank_correlation(table["customers"], table["company"], method)
                correlations.append(
                    {
                        "level": key,
                        "measure": method,
                        "estimate": found.estimate,
                        "p_value": found.p_value,
                        "ranked": found.n,
                        "exact": found.exact,
                        "smallest_p": min(1.0, 2 / math.factorial(found.n)),
                    }
                )
    if correlations:
        out["ranking_correlation"] = pd.DataFrame(correlations)
    return out


def _ranked(who: str, values: Array, weights: Array, kind: Any, options: Options) -> dict[str, Any]:
    """Return columns of one side: means with interval, n, rank (1 = most important) with bootstrap interval."""
    means = [mean_interval(v, weights, kind=kind, level=options.confidence) for v in values.T]
    estimates = np.array([m.estimate for m in means])
    out: dict[str, Any] = {
        who: estimates,
        f"{who}_ci_low": [m.ci_low for m in means],
        f"{who}_ci_high": [m.ci_high for m in means],
        f"{who}_n": [m.n for m in means],
        f"{who}_rank": pd.Series(-estimates).round(12).rank(method="min").astype(int).to_numpy(),
    }
    low = high = np.full(len(means), np.nan)
    if options.bootstrap:
        draws = resampled_means(values, weights, kind, options)
        ranks = pd.DataFrame(-draws).round(12).rank(axis=1, method="min").to_numpy()
        low, high = percentile_interval(ranks, options.confidence)
    return out | {f"{who}_rank_low": np.floor(low), f"{who}_rank_high": np.ceil(high)}
