"""Factor structure: funnel, reliability, fitness for factors, number of factors, loadings, variance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.factor_structure.explore import Exploration
from csr_lib.core.errors import CsrError
from csr_lib.stats.comparison import mean_interval
from csr_lib.stats.moments import Moments
from csr_lib.stats.omega import omega
from csr_lib.stats.reliability import reliability, spearman_brown
from csr_lib.stats.reliability_bootstrap import reliability_bootstrap

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.analysis import Options
    from csr_lib.analyses.factor_structure.plan import Data

#: Key of all explored items together, among constructs.
ALL = "all"
#: Rules in the order that they are shown: key, basis.
RULES = (
    ("kaiser", "components"),
    ("parallel", "components"),
    ("parallel", "factors"),
    ("map", "components"),
    ("scree", "components"),
    ("variance", "components"),
)


def explore_tables(data: Data, e: Exploration, options: Options) -> dict[str, pd.DataFrame]:
    """Return the tables of the exploratory part, by name."""
    scales = reliability_tables(data, e, options)
    return {
        "funnel": funnel(data),
        "levels": levels_table(data, options),
        "reliability": scales[0],
        "adequacy": adequacy_table(e),
        "retention": retention_table(data, e),
        "variance": variance_table(e),
        "loadings": loadings_table(e),
        "grouping": e.groups.drop(columns=["weak", "cross_loading"]),
        "items": items_table(data, e, scales[1], options),
        "eigenvalues": e.retained.eigenvalues,
        "correlations": correlation_table(e.moments),
    }


def funnel(data: Data) -> pd.DataFrame:
    """Return how many questionnaires were issued, came back, are valid and were analysed: ``funnel_stage n rate``.

    ``rate`` is the share of the stage before. Stages that the study does not tell are left out; those that a filter, a wave or a
    role has cut are counted where they are known for it.
    """
    survey = data.survey
    sampling = survey.study.sampling
    counts: dict[str, float | None] = {"issued": None, "returned": None}
    if not survey.filters:
        counts = {"issued": sampling.issued, "returned": sampling.returned}
    elif set(survey.filters) == {"wave"} and len(survey.waves) == 1 and survey.waves[0] in sampling.per_wave:
        own = sampling.per_wave[survey.waves[0]]
        counts = {"issued": own.issued, "returned": own.returned}
    counts["valid"] = float(len(survey.rows))
    counts["analysed"] = float(len(data.sample(data.choice.items).weights))
    rows: list[dict[str, Any]] = []
    for stage, n in counts.items():
        if n is None:
            continue
        before = rows[-1]["n"] if rows else math.nan
        rows.append({"funnel_stage": stage, "n": float(n), "rate": n / before if before else math.nan})
    return pd.DataFrame(rows)


def levels_table(data: Data, options: Options) -> pd.DataFrame:
    """Return how every construct and the target are rated on 0–100, the lowest first: ``construct items n index ci_low ci_high``.

    The mean of the items' indexes, of respondents who answered all of them.
    """
    choice, survey = data.choice, data.survey
    rated = {c.name: list(c.items) for c in choice.measured if set(c.items) <= set(data.ratings)}
    levels = {name: data.percent(items).mean(axis=1, skipna=False) for name, items in rated.items()}
    counts = {name: len(items) for name, items in rated.items()}
    if choice.target and data.outcome is not None:
        scale = None if choice.target_items else survey.outcome_scale(choice.target)
        low, high = (scale.min, scale.max) if scale else (0.0, 100.0)
        levels[choice.target] = (data.outcome.astype(float) - low) / (high - low) * 100
        counts[choice.target] = max(1, len(choice.target_items))
    rows = []
    for name, values in levels.items():
        if not values.notna().any():
            continue
        found = mean_interval(values, survey.weights, kind=data.kind, level=options.confidence)
        row = {"construct": name, "items": counts[name], "n": float(values.notna().sum()), "index": found.estimate}
        rows.append({**row, "ci_low": found.ci_low, "ci_high": found.ci_high})
    columns = ["construct", "items", "n", "index", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns).sort_values("index", kind="stable", ignore_index=True)


def reliability_tables(data: Data, e: Exploration, options: Options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return reliability by scale, and item statistics.

    By scale (all explored items together, then every construct with several items): ``construct items n alpha ci_low ci_high
    omega omega_ci_low omega_ci_high spearman_brown mean_correlation``. Items: ``item item_rest alpha_if_deleted`` within their
    construct (within all explored items, in a study without constructs). With sampling weights intervals are bootstrapped.
    """
    constructs = {c.name: tuple(i for i in c.items if i in data.ratings) for c in data.choice.measured}
    scales: dict[str, tuple[str, ...]] = {ALL: data.choice.items, **constructs}
    rows, items = [], []
    for name, own in scales.items():
        answers = data.sample(own)
        try:
            found = reliability(answers.moments(), level=options.confidence)
        except CsrError:
            continue
        row: dict[str, Any] = {
            "construct": name,
            "items": len(own),
            "n": answers.n if data.kind == "frequency" else float(len(answers.weights)),
            "alpha": found.alpha,
            "ci_low": found.ci_low,
            "ci_high": found.ci_high,
            "omega": math.nan,
            "omega_ci_low": math.nan,
            "omega_ci_high": math.nan,
            "spearman_brown": spearman_brown(found.mean_correlation) if len(own) == 2 else math.nan,
            "mean_correlation": found.mean_correlation,
        }
        if len(own) > 2:
            row |= _omega(answers.moments(), options.confidence)
        if data.kind == "sampling" and options.bootstrap:
            row |= _resampled(answers, own, options)
        rows.append(row)
        if name != ALL or not constructs:
            items.append(found.items[["item", "item_rest", "alpha_if_deleted"]])
    per_item = pd.concat(items, ignore_index=True).drop_duplicates("item") if items else pd.DataFrame(columns=["item"])
    return pd.DataFrame(rows), per_item


def _omega(moments: Moments, level: float) -> dict[str, float]:
    """Return omega of one factor with its interval; NaN where a one-factor model has no solution."""
    try:
        found = omega(moments, level=level)
    except CsrError:
        return {}
    if found.heywood:
        return {}
    return {"omega": found.omega, "omega_ci_low": found.ci_low, "omega_ci_high": min(found.ci_high, 1.0)}


def _resampled(answers: Any, own: Sequence[str], options: Options) -> dict[str, float]:
    """Return bootstrap intervals of alpha and omega, which hold for sampling weights."""
    draws = reliability_bootstrap(answers, {"scale": own}, resamples=min(options.bootstrap, 1000), seed=options.seed)
    table = draws.summary(options.confidence, interval="percentile")
    ends = {q: (low, high) for q, low, high in zip(table["quantity"], table["ci_low"], table["ci_high"], strict=True)}
    found = dict(zip(("ci_low", "ci_high"), ends["alpha"], strict=True))
    if len(own) > 2:
        found |= dict(zip(("omega_ci_low", "omega_ci_high"), ends["omega"], strict=True))
    return {k: float(v) for k, v in found.items()}


def adequacy_table(e: Exploration) -> pd.DataFrame:
    """Return KMO and Bartlett's test, those of the correlations that were analysed first.

    ``correlation_kind kmo chi2 df p_value determinant above_one used``; ``above_one`` counts eigenvalues above 1.
    """
    rows = []
    for kind in sorted(e.adequate, key=lambda k: k != e.kind):
        found = e.adequate[kind]
        moments = e.pearson if kind == "pearson" or e.polychoric is None else e.polychoric.moments()
        rows.append(
            {
                "correlation_kind": kind,
                "kmo": found.kmo,
                "chi2": found.chi_square,
                "df": found.df,
                "p_value": found.p_value,
                "determinant": found.determinant,
                "above_one": int((np.linalg.eigvalsh(moments.correlation) > 1).sum()),
                "used": kind == e.kind,
            }
        )
    return pd.DataFrame(rows)


def retention_table(data: Data, e: Exploration) -> pd.DataFrame:
    """Return how many factors each rule suggests, and theory with the number of constructs: ``retention_rule suggested used``."""
    rules = e.retained.rules.set_index(["rule", "basis"])["suggested"]
    basis = "factors" if e.solution.method != "components" else "components"
    rows = []
    for rule, of in RULES:
        key = f"{rule}_{of}" if rule == "parallel" else rule
        used = e.rule == rule and (rule != "parallel" or of == basis)
        rows.append({"retention_rule": key, "suggested": int(rules[rule, of]), "used": used})
    if data.choice.owners:
        count = len({data.choice.owners[i] for i in data.choice.items})
        rows.append({"retention_rule": "constructs", "suggested": count, "used": e.rule == "constructs"})
    if e.rule == "number":
        rows.append({"retention_rule": "number", "suggested": e.asked, "used": True})
    return pd.DataFrame(rows)


def variance_table(e: Exploration) -> pd.DataFrame:
    """Return the factors: ``factor construct factor_match items eigenvalue ss_loadings share cumulative``, after rotation."""
    rotated = e.solution.variance[e.solution.variance["stage"] == "rotated"].set_index("factor")
    values = e.solution.eigenvalues["eigenvalue"].to_numpy()
    frame = e.names.rename(columns={"match": "factor_match"})
    frame["eigenvalue"] = values[: len(frame)]
    for column in ("ss_loadings", "share", "cumulative"):
        frame[column] = rotated.loc[frame["factor"], column].to_numpy()
    return frame[["factor", "construct", "factor_match", "items", "eigenvalue", "ss_loadings", "share", "cumulative"]]


def loadings_table(e: Exploration) -> pd.DataFrame:
    """Return the rotated loadings, items sorted by their factor: ``group item``, a column per factor, ``communality``."""
    wide = e.solution.loadings.set_index("item").loc[e.groups["item"]]
    frame = pd.DataFrame({"group": e.groups["factor"].to_numpy(), "item": e.groups["item"].to_numpy()})
    for f in e.solution.factors:
        frame[f] = wide[f].to_numpy()
    frame["communality"] = e.groups["communality"].to_numpy()
    return frame


def items_table(data: Data, e: Exploration, statistics: pd.DataFrame, options: Options) -> pd.DataFrame:
    """Return the items one by one: ``construct item n mean ci_low ci_high sd index skewness item_rest alpha_if_deleted kmo``.

    ``index`` is the mean on 0–100.
    """
    fit = e.adequate[e.kind].items
    known: dict[str, dict[str, float]] = {
        **{name: dict(zip(statistics["item"], statistics[name], strict=True)) for name in statistics.columns if name != "item"},
        "kmo": dict(zip(fit["item"], fit["kmo"], strict=True)),
    }
    if e.decision:
        known["skewness"] = dict(zip(e.decision.items["item"], e.decision.items["skewness"], strict=True))
    rows = []
    for item in data.ratings.columns:
        column = data.ratings.loc[data.first, item]
        weights = data.survey.weights[data.first]
        found = mean_interval(column, weights, kind=data.kind, level=options.confidence)
        low, high = data.limits(item)
        rows.append(
            {
                "construct": data.choice.owners.get(item) or _owner(data, item),
                "item": item,
                "n": float(column.notna().sum()),
                "mean": found.estimate,
                "ci_low": found.ci_low,
                "ci_high": found.ci_high,
                "sd": found.sd,
                "index": (found.estimate - low) / (high - low) * 100,
                **{
                    name: float(known.get(name, {}).get(item, math.nan))
                    for name in ("skewness", "item_rest", "alpha_if_deleted", "kmo")
                },
            }
        )
    return pd.DataFrame(rows)


def _owner(data: Data, item: str) -> str:
    model = data.choice.model
    named = [*data.choice.measured, *(model.constructs if model else ())]
    return next((c.name for c in named if item in c.items), "")


def correlation_table(moments: Moments) -> pd.DataFrame:
    """Return the correlations of the explored items: ``item`` and a column per item."""
    frame = pd.DataFrame(moments.correlation, columns=list(moments.columns))
    frame.insert(0, "item", list(moments.columns))
    return frame


def match_counts(e: Exploration) -> Mapping[str, int]:
    """Return how many factors match a construct entirely, mostly, or not."""
    return {kind: int((e.names["match"] == kind).sum()) for kind in ("same", "mostly", "none")}
