"""Which series runs ahead of another: correlations at lags, with intervals that know how few periods there are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.stats.distributions import normal_below, normal_quantile
from csr_lib.stats.resampling import holm

Array = np.ndarray

#: With fewer periods nothing is said about leads and lags.
PERIODS = 12
#: Fewest pairs of periods that a lag is computed from.
PAIRS = 10


def lead_lag(leads: pd.DataFrame, follows: Any, most: int = 3, *, level: float = 0.95, detrend: bool = True) -> pd.DataFrame:
    """Correlate each series with a later value of another.

    Parameters
    ----------
    leads : one column per series that may lead, one row per period, oldest first, evenly spaced; NaN is no figure.
    follows : the series that may follow, rows as in `leads`.
    most : largest lag, in periods; lags that leave fewer than `PAIRS` pairs are left out.
    level : confidence of the intervals.
    detrend : take a straight line out of both series first, so that two things which merely rise together are not tied.

    Returns
    -------
    DataFrame
        ``series lag pairs n_effective correlation estimate ci_low ci_high p_value p_adjusted best``: lag k pairs the leading
        series at t − k with the following one at t; ``correlation`` is that of the series as they are, ``estimate`` that after
        detrending; ``p_adjusted`` is Holm's over all series and lags; ``best`` marks each series' strongest lag. A series
        without variation has NaN.

    Raises
    ------
    AnalysisError
        Fewer than `PERIODS` periods with both figures.
    DataError
        Lengths that differ.

    Notes
    -----
    Fisher's z with standard error 1/√(n_eff − 3), n_eff = n (1 − a b)/(1 + a b), a and b the lag-1 autocorrelations of the two
    series (Bartlett 1946), never more than n; detrending takes one more period off. Without autocorrelation and detrending
    the interval is that of R ``cor.test``.
    """
    y = np.asarray(follows, dtype=float)
    x = leads.to_numpy(dtype=float)
    if len(x) != len(y):
        raise DataError(f"series of {len(x)} and {len(y)} periods", where="lead_lag", allowed="the same periods")
    known = int(np.isfinite(y).sum())
    if known < PERIODS:
        raise AnalysisError(
            f"{known} periods cannot tell what leads and what follows",
            where="lead_lag",
            allowed=f"at least {PERIODS} periods",
            mend="wait until there are as many periods",
        )
    rows: list[dict[str, Any]] = []
    z_level = float(normal_quantile(0.5 + level / 2))
    for position, name in enumerate(leads.columns):
        for lag in range(most + 1):
            a, b = x[: len(x) - lag, position], y[lag:]
            good = np.isfinite(a) & np.isfinite(b)
            if int(good.sum()) < PAIRS:
                continue
            rows.append({"series": name, "lag": lag, **_correlation(a[good], b[good], np.flatnonzero(good), z_level, detrend)})
    columns = ["series", "lag", "pairs", "n_effective", "correlation", "estimate", "ci_low", "ci_high", "p_value"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["p_adjusted"] = holm(frame["p_value"])
    strongest = frame["estimate"].abs().groupby(frame["series"]).transform("max")
    frame["best"] = (frame["estimate"].abs() == strongest) & frame["estimate"].notna()
    return frame


def _correlation(a: Array, b: Array, at: Array, z_level: float, detrend: bool) -> dict[str, Any]:
    n = len(a)
    raw = _r(a, b)
    if detrend:
        a, b = (v - np.polyval(np.polyfit(at, v, 1), at) for v in (a, b))
    r = _r(a, b)
    blank = dict.fromkeys(("n_effective", "estimate", "ci_low", "ci_high", "p_value"), math.nan)
    if not math.isfinite(r):
        return {"pairs": n, "correlation": raw, **blank}
    product = _r(a[:-1], a[1:]) * _r(b[:-1], b[1:])
    product = product if math.isfinite(product) else 0.0
    effective = min(float(n), n * (1 - product) / (1 + product))
    spread = effective - 3 - detrend
    if spread <= 0:
        return {"pairs": n, "correlation": raw, **blank, "estimate": r, "n_effective": effective}
    z, se = math.atanh(max(-1 + 1e-15, min(1 - 1e-15, r))), 1 / math.sqrt(spread)
    return {
        "pairs": n,
        "correlation": raw,
        "n_effective": effective,
        "estimate": r,
        "ci_low": math.tanh(z - z_level * se),
        "ci_high": math.tanh(z + z_level * se),
        "p_value": 2 * float(normal_below(-abs(z) / se)),
    }


def _r(a: Array, b: Array) -> float:
    x, y = a - a.mean(), b - b.mean()
    size = math.sqrt(float(x @ x) * float(y @ y))
    scale = max(1.0, float(np.abs(a).max()) ** 2, float(np.abs(b).max()) ** 2) * len(a)
    return float(x @ y) / size if size > 1e-12 * scale else math.nan
