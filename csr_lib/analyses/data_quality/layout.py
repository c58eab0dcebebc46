"""Data quality: which columns of each table are shown, how, and what each figure is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

#: Items that the table of missing answers shows; all of them stand in the workbook.
WORST = 12

COLUMNS: Mapping[str, Sequence[str]] = {
    "funnel": (
        "stage", "n", "of_issued", "of_issued_ci_low", "of_issued_ci_high", "of_before", "of_before_ci_low", "of_before_ci_high",
    ),
    "reasons": ("reason", "n", "share"),
    "funnel_groups": (
        "segment", "group", "issued", "returned", "response", "response_ci_low", "response_ci_high", "n", "validity",
        "validity_ci_low", "validity_ci_high",
    ),
    "rates": ("wave", "rate", "estimate", "ci_low", "ci_high", "n", "formula"),
    "curves": (
        "segment", "group", "first", "days", "n", "rate_before", "rate_end", "phase", "level", "level_ci_low", "level_ci_high",
        "reached", "form",
    ),
    "precision": (
        "group", "measure", "n", "n_effective", "population", "estimate", "ci_low", "ci_high", "margin", "design_effect",
        "plan_margin",
    ),
    "representation": (
        "segment", "group", "kind", "n", "n_planned", "share", "share_ci_low", "share_ci_high", "planned_share", "difference",
    ),
    "weights": (
        "wave", "n", "n_effective", "design_effect", "smallest", "largest", "cv", "converged", "iterations", "deviation",
    ),
    "raking": ("segment", "group", "n", "planned_share", "before", "share", "deviation"),
    "weighting": ("measure", "n", "used", "estimate", "difference", "difference_ci_low", "difference_ci_high"),
    "marks": ("rule", "setting", "n", "share", "share_ci_low", "share_ci_high", "alone", "origin", "excluded"),
    "box_summary": ("measure", "n", "whole", "groups", "in_groups", "group", "n_group"),
    "fabrication": ("indication", "n", "value_said", "expected_said", "p_value", "bounds_said", "grade"),
    "fabrication_groups": ("segment", "group", "n", "alpha", "alpha_ci_low", "alpha_ci_high", "correlation", "evenness", "grade"),
    "missing_worst": (
        "kind", "indicator", "place", "n_missing", "share", "share_ci_low", "share_ci_high", "difference", "difference_ci_low",
        "difference_ci_high",
    ),
    "mcar": ("n", "incomplete", "patterns", "statistic", "df", "p_value"),
    "cleaning": ("variant", "n", "change_n", "used", "estimate", "difference", "difference_ci_low", "difference_ci_high"),
    "items": (
        "construct", "indicator", "n", "mean", "ci_low", "ci_high", "floor", "ceiling", "ceiling_ci_low", "ceiling_ci_high",
        "item_rest", "item_rest_ci_low", "item_rest_ci_high", "missing", "reading",
    ),
    "times": ("n", "median", "median_ci_low", "median_ci_high", "q1", "q3", "p10", "p90", "per_item"),
    "sample_sizes": ("margin", "careful", "careful_issued", "expected", "expected_issued", "proportional", "neyman"),
    "allocation": ("group", "population", "weight", "expected", "proportional", "neyman", "margin", "each", "issued"),
}  # fmt: skip

FORMATS: Mapping[str, Mapping[str, str]] = {
    "*": {
        **dict.fromkeys(
            (
                "of_issued", "of_before", "response", "validity", "reached", "planned_share", "before", "floor", "ceiling",
                "missing", "weight", "share",
            ),
            "share",
        ),
        "difference": "signed_score",
        "n_planned": "count",
        "population": "count",
        "change_n": "signed_count",
        "issued": "count",
    },
    "rates": {"estimate": "share", "formula": "text"},
    "curves": {"level": "count", "rate_before": "score", "rate_end": "score", "first": "text"},
    "precision": {"estimate": "score", "margin": "score", "plan_margin": "score", "design_effect": "decimal"},
    "representation": {"difference": "signed_share"},
    "weights": {"cv": "decimal", "deviation": "signed_share", "iterations": "count"},
    "raking": {"deviation": "signed_share"},
    "weighting": {"used": "score", "estimate": "score"},
    "marks": {"setting": "text"},
    "fabrication": {"value_said": "text", "expected_said": "text", "bounds_said": "text"},
    "fabrication_groups": {"alpha": "coefficient", "correlation": "coefficient", "evenness": "coefficient"},
    "mcar": {"statistic": "score"},
    "cleaning": {"used": "score", "estimate": "score", "difference": "signed"},
    "items": {"mean": "points", "sd": "points", "item_rest": "coefficient", "unused": "count"},
    "times": dict.fromkeys(("median", "q1", "q3", "p10", "p90", "per_item"), "score"),
    "sample_sizes": {
        "margin": "percent",
        **dict.fromkeys(("careful", "careful_issued", "expected", "expected_issued", "proportional", "neyman"), "count"),
    },
    "allocation": {
        "expected": "percent", "margin": "share", **dict.fromkeys(("proportional", "neyman", "each", "issued"), "count"),
    },
}  # fmt: skip

GROUPS: Mapping[str, Sequence[str]] = {
    "funnel_groups": ("segment",),
    "rates": ("wave",),
    "curves": ("segment",),
    "precision": ("group",),
    "representation": ("segment",),
    "raking": ("segment",),
    "fabrication_groups": ("segment",),
    "missing_worst": ("kind",),
    "cleaning": ("variant",),
    "items": ("construct",),
}


def figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """Return the figures that these tables allow, and what each is drawn from."""
    drawn: dict[str, tuple[str, ...]] = {}
    if "funnel" in tables and len(tables["funnel"]) > 1:
        drawn["funnel"] = ("funnel", "reasons") if "reasons" in tables else ("funnel",)
    if "curves" in tables:
        drawn["curves"] = ("curves", "daily")
    if "representation" in tables:
        drawn["representation"] = ("representation",)
    if "combinations" in tables:
        drawn["marks"] = ("marks", "combinations")
    if "boxes" in tables:
        drawn["boxes"] = ("boxes",)
    if "patterns" in tables:
        drawn["patterns"] = ("patterns",)
    if "cleaning" in tables:
        drawn["cleaning"] = ("cleaning",)
    if "items" in tables:
        drawn["items"] = ("items",)
    return drawn


def without_empty(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return a frame without those of `columns` that hold nothing at all."""
    return frame.drop(columns=[c for c in columns if c in frame.columns and frame[c].isna().all()])
