"""Overview: tables of the index, indicators, constructs, outcomes and targets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.overview.scores import Scores, bottom_flags, boxes_of, top_flags
from csr_lib.core.errors import AnalysisError
from csr_lib.stats.rates import net_promoter

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import Options

Array = np.ndarray
Rows = list[dict[str, Any]]
NAN = math.nan
#: Outcomes of which less is better.
BAD = ("complaint", "defect")
#: The measures that are no outcome of study.yml's.
INDEX, CSAT = "overall_index", "satisfied"


def estimate_row(values: Array, scores: Scores, level: float, name: str = "", *, share: bool = False) -> dict[str, Any]:
    """Return estimate and interval, as ``estimate ci_low ci_high`` or ``<name> <name>_ci_low …``, and n; NaN without answers."""
    keys = (name or "estimate", f"{name}_ci_low" if name else "ci_low", f"{name}_ci_high" if name else "ci_high")
    if not (~np.isnan(values) & (scores.weights > 0)).any():
        return dict(zip(keys, (NAN,) * 3, strict=True)) | ({} if name else {"n": 0.0, "n_effective": 0.0, "std_error": NAN})
    found = scores.share(values, level) if share else scores.mean(values, level)
    row = dict(zip(keys, (found.estimate, found.ci_low, found.ci_high), strict=True))
    return row if name else row | {"n": found.n, "n_effective": found.n_effective, "std_error": found.std_error}


def index_table(scores: Scores, options: Options) -> pd.DataFrame:
    """One row per weighting of the indicators; ``chosen`` says which makes the index of the report."""
    level = options.confidence
    rows = [
        {"weighting": name, **estimate_row(values, scores, level), "chosen": name == scores.plan.chosen}
        for name, values in scores.indexes.items()
    ]
    return pd.DataFrame(rows)


def indicators_table(scores: Scores, options: Options) -> pd.DataFrame:
    """One row per indicator: mean in scale points, score 0–100, shares in the top and bottom boxes, all with intervals; rank."""
    rows: Rows = []
    plan, level = scores.plan, options.confidence
    for key in plan.indicators:
        values, scale = scores.ratings[key].to_numpy(dtype=float), scores.scale(key)
        boxes = boxes_of(scale, options.boxes)
        row: dict[str, Any] = {"construct": plan.construct_of(key), "indicator": key}
        row |= estimate_row(scores.points[key].to_numpy(dtype=float), scores, level)
        row |= estimate_row(values, scores, level, "mean")
        for name, flags in (("top_box", top_flags), ("bottom_box", bottom_flags)):
            given = flags(values, scale, boxes) if boxes else np.full(len(values), NAN)
            row |= estimate_row(given, scores, level, name, share=True)
        row |= {"weight": plan.weightings[plan.chosen][key], "boxes": boxes, "points": int(scale.span) + 1 if boxes else 0}
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame["rank"] = frame["estimate"].rank(ascending=False, method="min").fillna(len(frame)).astype(int)
    return frame


def constructs_table(scores: Scores, options: Options) -> pd.DataFrame:
    """One row per construct: score 0–100; mean share of a respondent's ratings in the top and bottom boxes, with intervals."""
    rows: Rows = []
    weights, level = scores.plan.weightings[scores.plan.chosen], options.confidence
    for construct, members in scores.plan.constructs.items():
        row: dict[str, Any] = {"construct": construct, "indicators": len(members)}
        row |= estimate_row(scores.constructs[construct].to_numpy(), scores, level)
        for name, flags in (("top_box", top_flags), ("bottom_box", bottom_flags)):
            boxed = [(scores.ratings[i].to_numpy(dtype=float), scores.scale(i)) for i in members]
            parts = [flags(v, s, b) for v, s in boxed if (b := boxes_of(s, options.boxes))]
            row |= estimate_row(_row_means(parts, len(scores.ratings)), scores, level, name, share=True)
        rows.append(row | {"weight": sum(weights[i] for i in members)})
    frame = pd.DataFrame(rows)
    if len(frame):
        frame["rank"] = frame["estimate"].rank(ascending=False, method="min").fillna(len(frame)).astype(int)
    return frame


def _row_means(parts: list[Array], n: int) -> Array:
    if not parts:
        return np.full(n, NAN)
    stacked = np.column_stack(parts)
    known = (~np.isnan(stacked)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known > 0, np.nansum(stacked, axis=1) / known, NAN)


def distribution_table(scores: Scores, options: Options) -> pd.DataFrame:
    """Share of every grade, one row per indicator of the most frequent scale with whole points; columns ``grade_1`` …
    ``grade_k``."""
    scales = {i: scores.scale(i) for i in scores.plan.indicators if boxes_of(scores.scale(i), options.boxes)}
    if not scales:
        return pd.DataFrame()
    ends = [(s.min, s.max) for s in scales.values()]
    low, high = max(dict.fromkeys(ends), key=ends.count)
    rows: Rows = []
    for key, scale in scales.items():
        values = scores.ratings[key].to_numpy(dtype=float)
        known = ~np.isnan(values) & (scores.weights > 0)
        if (scale.min, scale.max) != (low, high) or not known.any():
            continue
        counts = np.bincount((values[known] - low).astype(int), scores.weights[known], int(high - low) + 1)
        shares = counts / counts.sum()
        n = float(scores.weights[known].sum()) if scores.kind == "frequency" else float(known.sum())
        row = {"construct": scores.plan.construct_of(key), "indicator": key, "n": n}
        rows.append(row | {f"grade_{low + k:g}": float(share) for k, share in enumerate(shares)})
    return pd.DataFrame(rows)


# ---- outcomes


def outcome_values(scores: Scores, name: str, options: Options) -> tuple[str, Array, float]:
    """Return kind (``share`` or ``none``), flags that an outcome happened or lies in the top boxes, and the value from which it
    does.

    An outcome counted by `yes` is 0 or 1 as it is; one that is rated counts from the top boxes on (`top` of study.yml, else the
    option `boxes`); for a construct the mean of its ratings must reach them.
    """
    survey = scores.survey
    entry, values = survey.study.outcomes[name], survey.outcome(name).to_numpy(dtype=float)  # type: ignore[index]
    if entry.yes is not None:
        return "share", values, NAN
    scale = survey.outcome_scale(name)
    if scale is None or name in BAD:
        return "none", values, NAN
    top = entry.top or boxes_of(scale, options.boxes)
    if not top or top > scale.span:
        return "none", values, NAN
    return "share", top_flags(values, scale, top), scale.max - top + 1


def levels_table(scores: Scores, options: Options) -> pd.DataFrame:
    """Means of the outcomes that were rated on a scale, 0–100 (high is much of it)."""
    rows: Rows = []
    for name in scores.survey.study.outcomes:
        scale = scores.survey.outcome_scale(name)
        if scale is None or scores.survey.study.outcomes[name].yes is not None:
            continue
        values = scale.to_100(scores.survey.outcome(name).to_numpy(dtype=float))
        row = estimate_row(values, scores, options.confidence)
        if row["n"]:
            rows.append({"outcome": name, **row})
    return pd.DataFrame(rows)


def rates_table(scores: Scores, options: Options) -> pd.DataFrame:
    """Shares: satisfied and dissatisfied customers, repurchase, complaints, defects …; ``threshold`` is the value that counts."""
    rows: Rows = []
    for name in scores.survey.study.outcomes:
        if name == "recommendation" and _promoter_scale(scores):
            continue  # NPS says it
        kind, flags, threshold = outcome_values(scores, name, options)
        if kind == "none":
            continue
        row = estimate_row(flags, scores, options.confidence, share=True)
        if not row["n"]:
            continue
        rows.append({"outcome": CSAT if name == "satisfaction" else name, **row, "threshold": threshold})
        if name == "satisfaction" and not math.isnan(threshold):
            scale, values = scores.survey.outcome_scale(name), scores.survey.outcome(name).to_numpy(dtype=float)
            assert scale is not None
            count = int(scale.max - threshold + 1)
            if 2 * count <= scale.span:
                row = estimate_row(bottom_flags(values, scale, count), scores, options.confidence, share=True)
                rows.append({"outcome": "dissatisfied", **row, "threshold": scale.min + count - 1})
    return pd.DataFrame(rows)


def _promoter_scale(scores: Scores) -> bool:
    scale = scores.survey.outcome_scale("recommendation")
    return scale is not None and scale.max == 10 and scale.min in (0, 1)


def nps_table(scores: Scores, options: Options) -> pd.DataFrame:
    """Net Promoter Score in points (−100 to 100) with interval, and its three shares; empty without a 0–10 (or 1–10) question."""
    if "recommendation" not in scores.survey.study.outcomes or not _promoter_scale(scores):
        return pd.DataFrame()
    scale = scores.survey.outcome_scale("recommendation")
    assert scale is not None
    values = scores.survey.outcome("recommendation").to_numpy(dtype=float)
    try:
        found = net_promoter(
            values, scores.weights, kind=scores.kind, scale=(scale.min, scale.max), interval="score", level=options.confidence
        )
    except AnalysisError:
        return pd.DataFrame()
    shares = {"promoters": found.promoters, "passives": found.passives, "detractors": found.detractors}
    row = {"n": found.n, "n_effective": found.n_effective, "estimate": 100 * found.estimate}
    return pd.DataFrame([row | {"ci_low": 100 * found.ci_low, "ci_high": 100 * found.ci_high} | shares])


def targets_table(scores: Scores, options: Options) -> pd.DataFrame:
    """Targets of study.yml against what was reached, 0–100: ``met``, ``missed`` or ``open`` where the interval holds the
    target.

    ``wave`` is the wave that the result is of, ``all`` where that is several, or the study has none.
    """
    study, survey = scores.survey.study, scores.survey
    rows: Rows = []
    for name, by_wave in study.targets.items():
        values, share = _target_values(scores, name)
        if values is None:
            continue
        for wave, target in by_wave.items():
            if wave != "all" and wave not in survey.waves:
                continue
            here = values if wave == "all" else np.where((survey.codes["wave"] == wave).to_numpy(), values, NAN)
            row = estimate_row(here, scores, options.confidence, share=share)
            if row["n"] < max(2, study.min_cell):
                continue
            factor = 100 if share else 1
            row |= {k: factor * row[k] for k in ("estimate", "ci_low", "ci_high", "std_error")}
            good = (
                (row["ci_high"] <= target, row["ci_low"] > target)
                if name in BAD
                else (row["ci_low"] >= target, row["ci_high"] < target)
            )
            verdict = "met" if good[0] else "missed" if good[1] else "open"
            reached = survey.waves[0] if wave == "all" and len(survey.waves) == 1 else wave
            rows.append({"measure": name, "wave": reached, "target": float(target), **row, "verdict": verdict})
    return pd.DataFrame(rows)


def _target_values(scores: Scores, name: str) -> tuple[Array | None, bool]:
    if name in scores.constructs:
        return scores.constructs[name].to_numpy(), False
    if name in scores.points:
        return scores.points[name].to_numpy(dtype=float), False
    if name in scores.survey.study.outcomes:
        scale = scores.survey.outcome_scale(name)
        if scale is not None:
            values = scores.survey.outcome(name).to_numpy(dtype=float)
            counted = scores.survey.study.outcomes[name].yes is not None
            return (values, True) if counted else (np.asarray(scale.to_100(values)), False)
    return None, False
