"""The tables of the importance–performance analysis, made of what was measured and where the cut-offs lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from csr_lib.analyses.importance_performance.measure import DERIVED, METHODS, OUTCOME, Measured
from csr_lib.core.errors import AnalysisError
from csr_lib.core.result import Basis
from csr_lib.stats.case_weights import effective_n
from csr_lib.stats.comparison import independent_difference, mean_interval, paired_difference
from csr_lib.stats.distributions import t_quantile, t_two_sided
from csr_lib.stats.importance import SHARES_OF_R2
from csr_lib.stats.importance import importance as derived_importance
from csr_lib.stats.moments import Sample, sample
from csr_lib.stats.quadrants import QUADRANTS, cut_offs, place, priority, ranks, shares
from csr_lib.stats.resampling import bootstrap_p, holm, percentile_interval

if TYPE_CHECKING:
    from csr_lib.study import Survey

Array = np.ndarray
ALL_METHODS = METHODS
#: Rules of cutting that a reader can compare; a target only where the study has one.
RULES = ("mean", "median", "scale_middle", "target")
SWOT = {"keep_up": "strength", "concentrate": "weakness", "low_priority": "minor_weakness", "overkill": "minor_strength"}
#: Reading order: what is to be done first stands first.
URGENCY = ("concentrate", "keep_up", "low_priority", "overkill")


@dataclass(frozen=True)
class Cuts:
    """Where the axes are cut, in their units, and by which rule (one of `RULES`, or ``numbers``)."""

    rule_importance: str
    rule_performance: str
    importance: float
    performance: float

    @classmethod
    def of(
        cls,
        m: Measured,
        rule: str,
        *,
        importance: float | None = None,
        performance: float | None = None,
        target: float | None = None,
    ) -> Cuts:
        """Cut by `rule`; a number given for an axis goes before the rule.

        `target` is the target of the performance on 0–100. Where a rule says nothing about an axis — derived importance has no
        scale, a target none for importance — that axis is cut at the mean.
        """
        rule_i = "numbers" if importance is not None else rule
        if rule_i == "target" or (rule_i == "scale_middle" and m.importance_axis is None):
            rule_i = "mean"
        rule_p = "numbers" if performance is not None else rule
        values = m.performance_values
        at_i = {
            "numbers": lambda: importance,
            "scale_middle": lambda: m.importance_axis.middle,  # type: ignore[union-attr]
        }.get(rule_i, lambda: float(cut_offs(m.importance, rule_i)))()  # type: ignore[arg-type]
        at_p = {
            "numbers": lambda: performance,
            "scale_middle": lambda: m.axis.middle,
            "target": lambda: m.axis.from_score(target),  # type: ignore[arg-type]
        }.get(rule_p, lambda: float(cut_offs(values, rule_p)))()  # type: ignore[arg-type]
        return cls(rule_i, rule_p, float(at_i), float(at_p))  # type: ignore[arg-type]

    def codes(self, m: Measured) -> Array:
        """Return the quadrant of every indicator, (k,)."""
        return place(m.importance, m.performance_values, self.importance, self.performance)

    def drawn_codes(self, m: Measured) -> Array:
        """Return the quadrant of every indicator in every resample, (B, k); means and medians are formed anew in each."""
        lines = [
            cut_offs(draws, rule) if rule in ("mean", "median") else np.full(len(draws), fixed)  # type: ignore[arg-type]
            for draws, rule, fixed in (
                (m.draws.importance, self.rule_importance, self.importance),
                (m.draws.performance, self.rule_performance, self.performance),
            )
        ]
        return place(m.draws.importance, m.draws.performance, lines[0], lines[1])


def names(codes: Array) -> list[str]:
    """Return the quadrants that codes stand for."""
    return [QUADRANTS[c] for c in codes]


def indicators_table(m: Measured, cuts: Cuts, confidence: float) -> pd.DataFrame:
    """One row per indicator: importance, performance, quadrant, share of resamples in it, priority and its rank."""
    low, high = _mean_interval(m.performance, m.performance_error, m.n, confidence)
    score = priority(m.importance, m.performance_values)
    table = pd.DataFrame(
        {
            "indicator": list(m.indicators),
            "n": m.n,
            "n_effective": m.n_effective,
            "importance": m.importance,
            "importance_ci_low": np.nan,
            "importance_ci_high": np.nan,
            "performance": m.performance,
            "performance_ci_low": low,
            "performance_ci_high": high,
            "performance_score": m.score,
            "performance_score_ci_low": m.axis.score(low),
            "performance_score_ci_high": m.axis.score(high),
            "quadrant": names(cuts.codes(m)),
            "share": np.nan,
            "priority": score,
            "rank": ranks(score),
            "rank_ci_low": np.nan,
            "rank_ci_high": np.nan,
        }
    )
    if m.importance_axis is not None:
        ends = _mean_interval(m.importance, m.importance_error, m.n, confidence)
    elif m.resamples:
        ends = percentile_interval(m.draws.importance, confidence)
    else:
        ends = (table["importance_ci_low"].to_numpy(), table["importance_ci_high"].to_numpy())
    table["importance_ci_low"], table["importance_ci_high"] = ends
    if m.importance_axis is None:
        tested = m.draws.importance if m.draws.rival is None else m.draws.rival
        table["p_value"] = bootstrap_p(tested) if m.resamples else np.nan
        table["p_adjusted"] = holm(table["p_value"])
        table["negative"] = m.point.direction < 0
        table["vif"] = m.point.vif
    if m.resamples:
        table["share"] = shares(cuts.drawn_codes(m))[np.arange(len(table)), cuts.codes(m)]
        lowest, highest = percentile_interval(ranks(priority(m.draws.importance, m.draws.performance)), confidence)
        table["rank_ci_low"], table["rank_ci_high"] = np.floor(lowest + 1e-9), np.ceil(highest - 1e-9)
    return table


def _mean_interval(estimate: Array, error: Array, n: Array, confidence: float) -> tuple[Array, Array]:
    half = t_quantile(0.5 + confidence / 2, np.maximum(n - 1, 1)) * error
    return estimate - half, estimate + half


def shares_table(m: Measured, cuts: Cuts) -> pd.DataFrame:
    """One row per indicator: its quadrant, and the share of resamples in each of the four."""
    found = shares(cuts.drawn_codes(m))
    return pd.DataFrame(
        {
            "indicator": list(m.indicators),
            "quadrant": names(cuts.codes(m)),
            **{name: found[:, at] for at, name in enumerate(QUADRANTS)},
            "n": m.n,
        }
    )


def map_table(m: Measured, table: pd.DataFrame) -> pd.DataFrame:
    """What the map is drawn from: points in units of the axes, errors and correlation of both estimates from the resamples."""
    out = pd.DataFrame(
        {
            "indicator": table["indicator"],
            "importance": m.importance,
            "performance": m.performance_values,
            "quadrant": table["quadrant"],
            "share": table["share"],
        }
    )
    if m.resamples:
        i, p = m.draws.importance, m.draws.performance
        di, dp = i - i.mean(axis=0), p - p.mean(axis=0)
        si, sp = i.std(axis=0, ddof=1), p.std(axis=0, ddof=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            r = (di * dp).sum(axis=0) / (len(i) - 1) / (si * sp)
        out["importance_std_error"], out["performance_std_error"] = si, sp
        out["correlation"] = np.nan_to_num(r)
    out["n"] = m.n
    return out


def swot_table(table: pd.DataFrame, competitors: pd.DataFrame | None, score_cut: float, alpha: float) -> pd.DataFrame:
    """One row per indicator with its reading by quadrant, most urgent first; with competitors also ``market``.

    ``market`` says of important indicators: ``threat``, a competitor is demonstrably ahead; ``opportunity``, none is ahead and
    none reaches the cut-off; ``none`` otherwise.
    """
    order = table.sort_values("rank", kind="stable")[["quadrant", "indicator", "importance", "performance_score", "share", "n"]]
    found = pd.concat([order[order["quadrant"] == quadrant] for quadrant in URGENCY], ignore_index=True)
    found.insert(0, "swot", found["quadrant"].map(SWOT))
    if competitors is not None:
        best = competitors.groupby("indicator")["performance_competitor"].max()
        behind = competitors.loc[(competitors["difference"] < 0) & (competitors["p_adjusted"] < alpha), "indicator"]
        important = found["quadrant"].isin(("keep_up", "concentrate"))
        threat = important & found["indicator"].isin(behind)
        open_to_all = important & ~threat & (found["indicator"].map(best) < score_cut)
        found["market"] = np.select([threat, open_to_all], ["threat", "opportunity"], "none")
    return found


def cuts_tables(m: Measured, cuts: Cuts, target: float | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cut-offs in use and others with how many indicators they would move, and each indicator's quadrant under all."""
    used = cuts.codes(m)
    others = {rule: Cuts.of(m, rule, target=target) for rule in RULES if rule != "target" or target is not None}
    lines = [("used", cuts), *others.items()]
    effects = pd.DataFrame(
        {
            "used": [at == 0 for at in range(len(lines))],
            "rule_importance": [c.rule_importance for _, c in lines],
            "rule_performance": [c.rule_performance for _, c in lines],
            "unit_importance": m.importance_axis.unit if m.importance_axis else m.method,
            "unit_performance": m.axis.unit,
            "cut_importance": [c.importance for _, c in lines],
            "cut_performance": [c.performance for _, c in lines],
            "moved": [int((c.codes(m) != used).sum()) for _, c in lines],
            "n": len(used),
        }
    )
    by_rule = pd.DataFrame(
        {"indicator": list(m.indicators), "quadrant_used": names(used)}
        | {f"quadrant_{rule}": names(c.codes(m)) for rule, c in others.items()}
    )
    # rules that cut exactly as the one in use say nothing
    rules = (cuts.rule_importance, cuts.rule_performance)
    keep = [at == 0 or (c.rule_importance, c.rule_performance) != rules for at, (_, c) in enumerate(lines)]
    dropped = [f"quadrant_{rule}" for (rule, _), k in zip(lines[1:], keep[1:], strict=True) if not k]
    return effects[keep].reset_index(drop=True), by_rule.drop(columns=dropped)


def method_tables(
    survey: Survey, m: Measured, others: Mapping[str, Array], outcome: str, missing: str
) -> tuple[pd.DataFrame, pd.DataFrame, Basis] | None:
    """Return importance and ranks by every method that the answers allow, how far each agrees with the one used, and the basis.

    `others`: importance by methods that need other answers than the ratings and the outcome (stated, total effects). None where
    the outcome does not allow a derivation (too few answers, dependent indicators).
    """
    keys = list(m.indicators)
    found, answers = m.point.table, m.sample
    if found is None:
        frame = survey.ratings("perception", keys)[keys].astype(float)
        frame[OUTCOME] = survey.outcome(outcome).to_numpy(dtype=float)
        try:
            answers = sample(frame, survey.weights, kind=survey.weight_kind, missing=missing)  # type: ignore[arg-type]
            found = derived_importance(answers.moments(), OUTCOME, keys)
        except AnalysisError:
            return None
    values = {name: found.table[f"{name}_share" if name in SHARES_OF_R2 else name].to_numpy(dtype=float) for name in DERIVED}
    values = {
        name: {**values, **others, m.method: m.importance}[name] for name in METHODS if name in {*values, *others, m.method}
    }
    table = pd.DataFrame({"indicator": keys, **values, **{f"rank_{k}": ranks(v) for k, v in values.items()}, "n": answers.n})
    rows = [
        (name, agreement(value, m.importance), found.r2 if name in DERIVED else np.nan, len(keys))
        for name, value in values.items()
    ]
    return table, pd.DataFrame(rows, columns=["method", "agreement", "r_squared", "n"]), basis_of(answers)


def basis_of(answers: Sample) -> Basis:
    """Return on whom a number rests that was computed from these answers."""
    rule = answers.missing if answers.n_missing else "none"
    return Basis(answers.n, answers.n_effective, answers.kind, rule, answers.n_missing)


def agreement(a: Array, b: Array) -> float:
    """Return Spearman's rank correlation; NaN where one of them is all ties."""
    x, y = ranks(a), ranks(b)
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 and np.ptp(y) > 0 else np.nan


def competitors_table(survey: Survey, m: Measured, min_cell: int, confidence: float) -> tuple[pd.DataFrame, list[str], Basis]:
    """Return our performance beside each competitor's on 0–100, the competitors withheld because of few answers, and the basis.

    Where respondents rated both, by a paired t test among those, and both means are theirs; where one row is one brand rated, by
    Welch's test.
    """
    rows, withheld = [], []
    rated, complete = np.zeros(len(survey.rows), dtype=bool), np.ones(len(survey.rows), dtype=bool)
    weights = None if survey.weight_kind == "none" else survey.weights
    kind = survey.weight_kind
    for name in survey.study.competitors():
        asked = [i for i in m.indicators if i in survey.asked(f"competitor:{name}")]
        ours, theirs = survey.ratings("perception", asked), survey.ratings(f"competitor:{name}", asked)
        for key in asked:
            x = survey.scale(key).to_100(ours[key]).to_numpy(dtype=float)
            y = survey.scale(key, f"competitor:{name}").to_100(theirs[key]).to_numpy(dtype=float)
            there = ~np.isnan(y)
            both = int((there & ~np.isnan(x)).sum())
            if (both or int(there.sum())) < min_cell:
                withheld.append(name)
                continue
            if both:
                test = paired_difference(x, y, weights, kind=kind, level=confidence)  # type: ignore[arg-type]
                n, effective = test.n, test.n_effective
            else:
                test = independent_difference(x, y, weights, weights, kind=kind, level=confidence)  # type: ignore[arg-type,assignment]
                n, effective = test.n_y, test.n_y  # type: ignore[attr-defined]
            used = there & ~np.isnan(x) if both else there
            rated, complete = rated | used, complete & used
            at = m.indicators.index(key)
            # its distance from us, on the axis of the map, where ours is the mean of all and not only of those who rated both
            position = m.performance_values[at] - test.estimate / m.axis.score_per_unit[at]
            own, rival = (
                mean_interval(np.where(used, v, np.nan) if both else v, weights, kind=kind, level=confidence)  # type: ignore[arg-type]
                for v in (x, y)
            )
            rows.append(
                (
                    name,
                    key,
                    own.estimate,
                    own.ci_low,
                    own.ci_high,
                    rival.estimate,
                    rival.ci_low,
                    rival.ci_high,
                    test.estimate,
                    test.ci_low,
                    test.ci_high,
                    test.p_value,
                    n,
                    effective,
                    position,
                )
            )
    columns = ["competitor", "indicator"]
    columns += [f"{mean}{end}" for mean in ("performance_score", "performance_competitor") for end in ("", "_ci_low", "_ci_high")]
    columns += ["difference"]
    columns += ["difference_ci_low", "difference_ci_high", "p_value", "n", "n_effective", "position"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(list(table.columns).index("p_value") + 1, "p_adjusted", holm(table["p_value"]))
    w = survey.weights[rated]
    n = float(w.sum()) if kind == "frequency" else float(len(w))
    effective = effective_n(w) if kind == "sampling" and n else n
    incomplete = float(survey.weights[rated & ~complete].sum()) if kind == "frequency" else float((rated & ~complete).sum())
    basis = Basis(n, effective, kind, "pairwise" if incomplete else "none", incomplete)  # type: ignore[arg-type]
    return table, list(dict.fromkeys(withheld)), basis


def movement_tables(
    now: Measured, then: Measured, cuts: tuple[Cuts, Cuts], waves: tuple[str, str], confidence: float, comparable: bool
) -> dict[str, pd.DataFrame]:
    """Return ``movement``, change of performance (0–100) and quadrants then and now, and ``importance_movement``.

    Stated importance is compared on 0–100; derived weights in their own unit, and only where both models hold the same
    indicators (`comparable`) and there are resamples.
    """
    both = [key for key in now.indicators if key in then.indicators]
    at, before = [now.indicators.index(key) for key in both], [then.indicators.index(key) for key in both]
    change = _change(
        (now.score[at], (now.performance_error * 100 / (now.axis.high - now.axis.low))[at], now.n[at]),
        (then.score[before], (then.performance_error * 100 / (then.axis.high - then.axis.low))[before], then.n[before]),
        confidence,
    )
    base = {"indicator": both, "wave_before": waves[1], "wave_now": waves[0], "n_before": then.n[before], "n": now.n[at]}
    performance = pd.DataFrame({**base, "performance_before": then.score[before], "performance_now": now.score[at], **change})
    for when, m, c, positions in (("before", then, cuts[1], before), ("now", now, cuts[0], at)):
        codes = c.codes(m)
        held = shares(c.drawn_codes(m))[np.arange(len(codes)), codes] if m.resamples else np.full(len(codes), np.nan)
        performance[f"quadrant_{when}"] = [names(codes)[j] for j in positions]
        performance[f"share_{when}"] = held[positions]
    tables = {"movement": performance}
    here, there = now.importance_axis, then.importance_axis
    values = now.importance[at], then.importance[before]
    if here is not None and there is not None:
        values = here.to_score(now.importance)[at], there.to_score(then.importance)[before]
        shift = _change(
            (values[0], (now.importance_error * here.score_per_unit)[at], now.n[at]),
            (values[1], (then.importance_error * there.score_per_unit)[before], then.n[before]),
            confidence,
        )
    elif comparable and now.resamples and then.resamples:
        draws = min(now.resamples, then.resamples)
        difference = now.draws.importance[:draws, at] - then.draws.importance[:draws, before]
        low, high = percentile_interval(difference, confidence)
        p = bootstrap_p(difference)
        shift = {"change": values[0] - values[1], "ci_low": low, "ci_high": high, "p_value": p, "p_adjusted": holm(p)}
    else:
        return tables
    tables["importance_movement"] = pd.DataFrame({**base, "importance_before": values[1], "importance_now": values[0], **shift})
    return tables


def _change(now: tuple[Array, Array, Array], then: tuple[Array, Array, Array], confidence: float) -> Mapping[str, Array]:
    """Welch's test of the differences of independent means from (mean, standard error, n) of each wave."""
    (mean_now, se_now, n_now), (mean_then, se_then, n_then) = now, then
    estimate, error = mean_now - mean_then, np.hypot(se_now, se_then)
    with np.errstate(invalid="ignore", divide="ignore"):
        df = error**4 / (se_now**4 / (n_now - 1) + se_then**4 / (n_then - 1))
        p = t_two_sided(estimate / error, df)
        half = t_quantile(0.5 + confidence / 2, df) * error
    return {"change": estimate, "ci_low": estimate - half, "ci_high": estimate + half, "p_value": p, "p_adjusted": holm(p)}


def weights_table(table: pd.DataFrame) -> pd.DataFrame:
    """How far each derived weight can be told from chance, and how much its indicator overlaps with the others."""
    columns = [
        "indicator",
        "importance",
        "importance_ci_low",
        "importance_ci_high",
        "p_value",
        "p_adjusted",
        "negative",
        "vif",
        "n",
    ]
    return table[columns].sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def fit_table(m: Measured, outcome: str, confidence: float) -> pd.DataFrame:
    """R² of the model behind derived importance (not adjusted), its percentile interval, and the adjusted one."""
    ends = percentile_interval(m.draws.r2[:, None], confidence) if m.resamples else (np.array([np.nan]),) * 2
    return pd.DataFrame(
        {
            "outcome": [outcome],
            "r_squared": [m.point.r2],
            "r_squared_ci_low": ends[0],
            "r_squared_ci_high": ends[1],
            "r_squared_adjusted": [m.point.r2_adjusted],
            "predictors": [len(m.indicators)],
            "n": [m.sample.n],
            "n_effective": [m.sample.n_effective],
        }
    )
