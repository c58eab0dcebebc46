"""What is claimed of 95 % intervals: which rows of each table must lie between 93 and 97 %; all others are only reported."""

from __future__ import annotations

import pandas as pd


def _means(t: pd.DataFrame) -> pd.Series:
    return t["n"] >= 100


def _reliability(t: pd.DataFrame) -> pd.Series:
    feldt = (t["interval"] == "feldt") & (t["answers"] == "normal") & (t["loadings"] == "equal")
    return feldt | ((t["interval"] != "feldt") & (t["n"] >= 250))


def _importance(t: pd.DataFrame) -> pd.Series:
    return t["n"].where(t["interval"] == "percentile", t["n"] / 4) >= 250  # BCa from 1,000 on


def _asymmetry(t: pd.DataFrame) -> pd.Series:
    return t["n"] >= 250


def _regression(t: pd.DataFrame) -> pd.Series:
    return t["n"] >= 250


def _pls(t: pd.DataFrame) -> pd.Series:
    return (t["n"] >= 250) & t["quantity"].isin(["index", "paths", "total_effects"])


CLAIMS = {
    "means": _means,
    "reliability": _reliability,
    "importance": _importance,
    "asymmetry": _asymmetry,
    "regression": _regression,
    "pls_composites": _pls,
    "pls_consistent": _pls,
}


def marked(topic: str, table: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``claimed``: whether the row must lie within the limits."""
    return table.assign(claimed=CLAIMS[topic](table))


def broken(table: pd.DataFrame) -> list[str]:
    """Claims that do not hold, in words; empty where all do."""
    rows = table[table["claimed"] & (~table["within"] | (table["missing"] > 0))]
    return [
        f"{row['quantity']} {row['name']} ({row['interval']}, n = {row['n']}): {row['coverage']:.1%}"
        for _, row in rows.iterrows()
    ]


def miscalibrated(table: pd.DataFrame) -> list[str]:
    """Classes of shares in which clearly fewer or more indicators truly lie in their quadrant than the shares say.

    Claimed for samples of 250 and more and classes of at least 50 indicators: what is truly there lies within five points of the
    mean share, Monte Carlo error (two of them) allowed for.
    """
    rows = table[(table["n"] >= 250) & (table["indicators"] >= 50)]
    off = (rows["truly_there"] - rows["mean_share"]).abs() > 0.05 + 2 * rows["mc_error"]
    return [
        f"{row['importance']}, n = {row['n']}: {row['truly_there']:.1%} instead of {row['mean_share']:.1%}"
        for _, row in rows[off].iterrows()
    ]
