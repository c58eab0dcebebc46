"""Loyalty: curve, levels, types and their sensitivity, switching, contribution; one table each, weighted, with intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.loyalty.measure import ALL, LEVELS, OUTCOMES, TYPES, Measured, types
from csr_lib.stats.comparison import independent_difference, mean_interval, share_interval
from csr_lib.stats.distributions import normal_quantile
from csr_lib.stats.regression import hc3, wald
from csr_lib.stats.resampling import holm
from csr_lib.stats.smooth import bend, smooth

if TYPE_CHECKING:
    from csr_lib.analyses.loyalty.analysis import Options

#: Points of satisfaction, 0-100, at which the curve is given.
GRID = np.arange(0.0, 100.1, 4.0)
#: A curve whose whole range moves loyalty by less than this (0-100) is called flat.
FLAT = 15.0
Row = dict[str, Any]


def _mean(part: pd.DataFrame, column: str, data: Measured, level: float, share: bool = False) -> tuple[float, float, float]:
    if not part[column].notna().any():
        return math.nan, math.nan, math.nan
    found = (share_interval if share else mean_interval)(part[column], part["weight"], kind=data.kind, level=level)
    return found.estimate, found.ci_low, found.ci_high


def _put(row: Row, name: str, found: tuple[float, float, float]) -> None:
    row[name], row[f"{name}_ci_low"], row[f"{name}_ci_high"] = found


def _n(part: pd.DataFrame, data: Measured) -> float:
    return float(part["weight"].sum()) if data.kind == "frequency" else float(len(part))


def levels_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return, for all and each group, the share, loyalty and switching of the four levels. Levels under `min_cell` are NaN."""
    rows = []
    for group, part in data.parts():
        for level in LEVELS:
            here = part[part["level"] == level]
            row: Row = {"group": group, "level": level, "n": _n(here, data)}
            _put(row, "share", _mean(part.assign(x=(part["level"] == level).astype(float)), "x", data, options.confidence, True))
            enough = len(here) >= data.survey.study.min_cell
            nothing = (math.nan,) * 3
            _put(row, "loyalty", _mean(here, "loyalty", data, options.confidence) if enough else nothing)
            _put(row, "left", _mean(here, "left", data, options.confidence, True) if enough else nothing)
            rows.append(row)
    return pd.DataFrame(rows)


def curve_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return the smooth curve of loyalty on satisfaction with its bootstrap interval, for all and each group."""
    out = []
    for position, (group, part) in enumerate(data.parts()):
        drawn = smooth(
            part["satisfaction"],
            part["loyalty"],
            part["weight"],
            GRID,
            bandwidth=options.bandwidth,
            draws=options.bootstrap,
            level=options.confidence,
            seed=np.random.default_rng([options.seed, position]),
            kind=data.kind,
        )
        out.append(drawn.rename(columns={"x": "satisfaction"}).assign(group=group))
    return pd.concat(out, ignore_index=True).dropna(subset=["estimate"]).reset_index(drop=True)


def shape_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return how steep each curve is below and above the middle of "basically satisfied", and whether it is straight."""
    rows = []
    knot = (options.levels[1] + options.levels[2]) / 2
    for group, part in data.parts():
        found = bend(part["satisfaction"], part["loyalty"], part["weight"], knot, kind=data.kind, level=options.confidence)
        row: Row = {"group": group, "n": _n(part, data), "competitiveness": data.competitiveness.get(group, math.nan)}
        for name in ("slope", "below", "above", "bend"):
            value, low, high = (10 * v for v in getattr(found, name))
            _put(row, name, (value, low, high))
        rows.append(row | {"f": found.f, "p_value": found.p_value})
    frame = pd.DataFrame(rows)
    # all customers together are no further test of the groups
    several = (frame["group"] != ALL) | (len(frame) == 1)
    frame["p_adjusted"] = frame["p_value"]
    frame.loc[several, "p_adjusted"] = holm(frame.loc[several, "p_value"])
    frame["reading"] = [_reading(row, 1 - options.confidence) for row in frame.to_dict("records")]
    return frame


def _reading(row: Any, limit: float) -> str:
    """Name the shape: flat, bent upwards or downwards near complete satisfaction, bent otherwise, straight."""
    if 10 * row["slope_ci_high"] < 2 * FLAT and 10 * row["slope"] < FLAT:
        return "flat"
    if row["p_adjusted"] < limit:
        return "elbow" if row["bend_ci_low"] > 0 else "levels_off" if row["bend_ci_high"] < 0 else "curved"
    return "straight"


def interaction_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return tests that the groups have the same slope, the same bend, and that neither changes with competitiveness."""
    part = data.frame[data.frame["group"].isin(data.groups)]
    x, y, w = (part[c].to_numpy(dtype=float) for c in ("satisfaction", "loyalty", "weight"))
    hinge = np.maximum(x - (options.levels[1] + options.levels[2]) / 2, 0)
    member = np.column_stack([(part["group"] == g).to_numpy(dtype=float) for g in data.groups])
    n, k = _n(part, data), len(data.groups)
    rows: list[Row] = []

    def test(name: str, columns: list[np.ndarray], q: int) -> None:
        design = np.column_stack([member, *columns])
        if np.linalg.matrix_rank(design) < design.shape[1] or n <= design.shape[1] + 1:
            return
        b, cov, *_ = hc3(design, y, w, data.kind)
        f, p = wald(b[-q:], cov[-q:, -q:], n - design.shape[1])
        low = high = estimate = math.nan
        if q == 1:
            estimate, half = 10 * float(b[-1]), 10 * float(normal_quantile(0.5 + options.confidence / 2)) * math.sqrt(cov[-1, -1])
            low, high = estimate - half, estimate + half
        rows.append({"test": name, "n": n, "estimate": estimate, "ci_low": low, "ci_high": high, "f": f, "df": q, "p_value": p})

    test("slopes", [x, member[:, 1:] * x[:, None]], k - 1)
    test("bends", [member * x[:, None], hinge, member[:, 1:] * hinge[:, None]], k - 1)
    if len(set(data.competitiveness.values())) > 1 and len(data.competitiveness) == k:
        c = part["group"].map(data.competitiveness).to_numpy(dtype=float)
        test("competition_slope", [x, x * (c - c.mean())], 1)
        test("competition_bend", [x, x * (c - c.mean()), hinge, hinge * (c - c.mean())], 1)
    frame = pd.DataFrame(rows)
    if len(frame):
        frame["p_adjusted"] = holm(frame["p_value"])
    return frame


def worth_shares(
    part: pd.DataFrame, cells: list[tuple[np.ndarray, np.ndarray]], data: Measured, options: Options
) -> list[tuple[float, float, float]]:
    """Return which share of the contribution of the second rows the first ones bring, with bootstrap percentile intervals.

    Parameters
    ----------
    part : rows with a contribution.
    cells : pairs of arrays over these rows, 0–1: the rows counted, and the whole they are part of.
    """
    w, c = part["weight"].to_numpy(dtype=float), part["contribution"].to_numpy(dtype=float)
    over, under = (np.column_stack([c * cell[k].astype(float) for cell in cells]) for k in (0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (w @ over) / (w @ under)
        low = high = np.full(len(cells), math.nan)
        if options.bootstrap and data.kind != "frequency":
            rng, n = np.random.default_rng([options.seed, 99]), len(part)
            ratios = []
            for size in _chunks(options.bootstrap, n):  # thousands of resamples of many rows do not fit into memory at once
                draws = rng.multinomial(n, np.full(n, 1 / n), size=size) * w
                ratios.append((draws @ over) / (draws @ under))
            tail = (1 - options.confidence) / 2
            low, high = np.nanquantile(np.concatenate(ratios), [tail, 1 - tail], axis=0)
    known = np.isfinite(found)
    return [(float(f), float(a), float(b)) if k else (math.nan,) * 3 for f, a, b, k in zip(found, low, high, known, strict=True)]


def _chunks(resamples: int, n: int, most: int = 4_000_000) -> list[int]:
    size = max(1, min(resamples, most // max(n, 1)))
    return [min(size, resamples - start) for start in range(0, resamples, size)]


def types_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return shares of the four types for all and each group, who left and, where known, their share of the contribution.

    Where leaving is judged by the answers that loyalty is, loyal customers cannot have left by definition: NaN.
    """
    rows = []
    known = data.frame[data.frame["contribution"].notna()]
    worth: dict[tuple[str, str], tuple[float, float, float]] = {}
    if len(known) >= data.survey.study.min_cell and float((known["weight"] * known["contribution"]).sum()) > 0:
        keys = [(group, kind) for group in (ALL, *data.groups) for kind in TYPES]
        member = {g: np.ones(len(known), dtype=bool) if g == ALL else (known["group"] == g).to_numpy() for g, _ in keys}
        cells = [(member[g] & (known["type"] == kind).to_numpy(), member[g]) for g, kind in keys]
        worth = dict(zip(keys, worth_shares(known, cells, data, options), strict=True))
    for group, part in data.parts():
        for kind in TYPES:
            here = part[part["type"] == kind]
            row: Row = {"group": group, "type": kind, "n": _n(here, data)}
            _put(row, "share", _mean(part.assign(x=(part["type"] == kind).astype(float)), "x", data, options.confidence, True))
            _put(row, "contribution_share", worth.get((group, kind), (math.nan,) * 3))
            _put(
                row,
                "left",
                _mean(here, "left", data, options.confidence, True)
                if len(here) >= data.survey.study.min_cell and data.leaving != data.outcome
                else (math.nan,) * 3,
            )
            rows.append(row)
    return pd.DataFrame(rows)


def sensitivity_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return the shares of the four types for every pair of cut-offs of the grid."""
    rows = []
    w = data.frame["weight"].to_numpy(dtype=float)
    for satisfied in _grid(options.satisfied, options.steps):
        for loyal in _grid(options.loyal, options.steps):
            found = types(data.frame, satisfied, loyal)
            rows.append(
                {
                    "cuts": f"{satisfied:g}|{loyal:g}",
                    "satisfied_cut": satisfied,
                    "loyal_cut": loyal,
                    "n": _n(data.frame, data),
                    "chosen": satisfied == options.satisfied and loyal == options.loyal,
                }
                | {t: float(w[(found == t).to_numpy()].sum() / w.sum()) for t in TYPES}
            )
    return pd.DataFrame(rows)


def _grid(cut: float, steps: tuple[float, ...]) -> list[float]:
    return sorted({cut, *(cut + s for s in steps if 0 < cut + s < 100)})


def points_table(data: Measured) -> pd.DataFrame:
    """Return how many customers lie in each square of 10 by 10 points; squares under `min_cell` customers are left out."""
    cells = data.frame.assign(x=_square(data.frame["satisfaction"]), y=_square(data.frame["loyalty"]))
    found = cells.groupby(["x", "y"], as_index=False).agg(n=("weight", "size"), share=("weight", "sum"))
    found["share"] /= float(data.frame["weight"].sum())
    return (
        found[found["n"] >= data.survey.study.min_cell]
        .rename(columns={"x": "satisfaction", "y": "loyalty"})
        .reset_index(drop=True)
    )


def _square(values: pd.Series) -> pd.Series:
    return (values // 10).clip(upper=9) * 10.0 + 5.0


def switching_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return the switching risk of the basically and of the completely satisfied, their ratio and difference.

    Ratio with the interval of its logarithm, se² = se₁²/p₁² + se₂²/p₂² (standard errors of weighted shares); NaN where one of the
    risks is 0. Difference: Welch's test, Holm over the groups.
    """
    rows = []
    z = float(normal_quantile(0.5 + options.confidence / 2))
    for group, part in data.parts():
        two = [part[(part["level"] == level) & part["left"].notna()] for level in ("basic", "complete")]
        if min(len(p) for p in two) < data.survey.study.min_cell:
            continue
        row: Row = {"group": group, "n": sum(_n(p, data) for p in two)}
        found = [share_interval(p["left"], p["weight"], kind=data.kind, level=options.confidence) for p in two]
        for name, f in zip(("basic", "complete"), found, strict=True):
            _put(row, name, (f.estimate, f.ci_low, f.ci_high))
        ratio = low = high = math.nan
        if min(f.estimate for f in found) > 0:
            ratio = found[0].estimate / found[1].estimate
            se = math.sqrt(sum((f.std_error / f.estimate) ** 2 for f in found))
            low, high = ratio * math.exp(-z * se), ratio * math.exp(z * se)
        _put(row, "ratio", (ratio, low, high))
        test = independent_difference(
            two[0]["left"], two[1]["left"], two[0]["weight"], two[1]["weight"], kind=data.kind, level=options.confidence
        )
        _put(row, "difference", (test.estimate, test.ci_low, test.ci_high))
        rows.append(row | {"p_value": test.p_value})
    frame = pd.DataFrame(rows)
    if len(frame):
        several = (frame["group"] != ALL) | (len(frame) == 1)
        frame["p_adjusted"] = frame["p_value"]
        frame.loc[several, "p_adjusted"] = holm(frame.loc[several, "p_value"])
    return frame


def outcomes_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return, for each of several outcomes that may count as loyalty, how far the completely and the dissatisfied are apart."""
    rows = []
    least = data.survey.study.min_cell
    for group, part in data.parts():
        for name in OUTCOMES:
            column = f"outcome_{name}"
            if column not in part:
                continue
            low, high = (part[(part["level"] == v) & part[column].notna()] for v in ("dissatisfied", "complete"))
            if min(len(low), len(high)) < max(least, 2):
                continue
            test = independent_difference(
                high[column], low[column], high["weight"], low["weight"], kind=data.kind, level=options.confidence
            )
            row: Row = {
                "group": group,
                "outcome": name,
                "n": _n(low, data) + _n(high, data),
                "complete": test.mean_x,
                "dissatisfied": test.mean_y,
            }
            _put(row, "difference", (test.estimate, test.ci_low, test.ci_high))
            rows.append(row | {"p_value": test.p_value})
    frame = pd.DataFrame(rows)
    if len(frame) == 0 or frame["outcome"].nunique() < 2:  # one measure is compared with nothing
        return pd.DataFrame()
    frame["p_adjusted"] = holm(frame["p_value"])
    return frame


def matrix_table(data: Measured, options: Options) -> pd.DataFrame:
    """Return contribution × loyalty: who is worth much and loyal, and who is not; empty where contribution is not known."""
    part = data.frame[data.frame["contribution"].notna()]
    if len(part) < max(data.survey.study.min_cell, 2) or part["contribution"].nunique() < 2:
        return pd.DataFrame()
    cut = options.contribution_cut
    if cut is None:  # the weighted median: half of the customers on either side
        order = part.sort_values("contribution")
        cut = float(order["contribution"].to_numpy()[np.searchsorted(order["weight"].cumsum(), order["weight"].sum() / 2)])
    rows: list[Row] = []
    whole = float((part["weight"] * part["contribution"]).sum())
    worths = [(part["contribution"] >= cut).to_numpy() == (worth == "high") for worth in ("high", "low")]
    bound = [(part["loyalty"] >= options.loyal - 1e-9).to_numpy() == (loyal == "high") for loyal in ("high", "low")]
    everybody = np.ones(len(part))
    shares = worth_shares(part, [(a & b, everybody) for a in worths for b in bound], data, options)
    for worth in ("high", "low"):
        for loyal in ("high", "low"):
            here = ((part["contribution"] >= cut) == (worth == "high")) & (
                (part["loyalty"] >= options.loyal - 1e-9) == (loyal == "high")
            )
            some = part[here]
            row: Row = {"contribution": worth, "loyal": loyal, "n": _n(some, data), "cut": cut}
            _put(row, "share", _mean(part.assign(x=here.astype(float)), "x", data, options.confidence, True))
            _put(row, "contribution_share", shares[len(rows)] if whole > 0 else (math.nan,) * 3)
            enough = len(some) >= data.survey.study.min_cell
            _put(row, "mean", _mean(some, "contribution", data, options.confidence) if enough else (math.nan,) * 3)
            told = enough and data.leaving != data.outcome
            _put(row, "left", _mean(some, "left", data, options.confidence, True) if told else (math.nan,) * 3)
            rows.append(row)
    return pd.DataFrame(rows)


def value_table(data: Measured, options: Options, switching: pd.DataFrame) -> pd.DataFrame:
    """Return the contribution at stake per 100 of all contribution: measured parts, a scenario, and the quoted economics.

    At stake: contribution of those who left or are likely to. If the basically left no more often than the completely satisfied,
    their risk would fall by the difference: what that keeps; its interval is that of the difference. The quoted rule
    (`loyalty_step` more loyalty raises profit by `profit_low` to `profit_high`) stands beside it as it is quoted, for one such
    step: it says nothing of smaller or larger ones, nor of this company, so nothing is extrapolated from it.
    """
    part = data.frame[data.frame["contribution"].notna() & data.frame["left"].notna()]
    whole = float((part["weight"] * part["contribution"]).sum())
    rows: list[Row] = []
    if len(part) >= data.survey.study.min_cell and whole > 0:
        left, everybody = part["left"].to_numpy(dtype=float), np.ones(len(part))
        inside = {level: (part["level"] == level).to_numpy(dtype=float) for level in LEVELS}
        shares = worth_shares(part, [(left * here, everybody) for here in (everybody, *inside.values())], data, options)
        for level, (estimate, low, high) in zip(("total", *LEVELS), shares, strict=True):
            n = _n(part if level == "total" else part[part["level"] == level], data)
            rows.append(
                {
                    "line": f"stake_{level}",
                    "basis": "measured",
                    "n": n,
                    "estimate": estimate,
                    "ci_low": low,
                    "ci_high": high,
                }
            )
    total = switching[switching["group"] == ALL] if len(switching) else switching
    if len(total):
        first = total.iloc[0]
        known = data.frame[data.frame["left"].notna()]
        share = float(known.loc[known["level"] == "basic", "weight"].sum() / known["weight"].sum())
        kept = 1 - float(np.average(known["left"], weights=known["weight"]))
        n = _n(known, data)
        for end, name in (("", "estimate"), ("_ci_low", "ci_low"), ("_ci_high", "ci_high")):
            gain = share * float(first[f"difference{end}"]) / kept if kept > 0 else math.nan
            if name == "estimate":
                rows.append({"line": "kept_more", "basis": "scenario", "n": n, "estimate": gain})
            else:
                rows[-1][name] = gain
        blank = dict.fromkeys(("n", "ci_low", "ci_high"), math.nan)
        for bound in ("low", "high"):
            quoted = float(getattr(options, f"profit_{bound}"))
            rows.append({"line": f"profit_{bound}", "basis": "assumption", "estimate": quoted, **blank})
    return pd.DataFrame(rows)
