"""Means and shares of a finite population from a sample with strata and weights, with the finite population correction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.stats.distributions import normal_quantile, t_quantile
from csr_lib.stats.moments import checked_weights

Array = np.ndarray
Population = float | Mapping[Any, float] | None


@dataclass(frozen=True, eq=False)
class PopulationEstimate:
    """A mean or a share of the population.

    Attributes
    ----------
    estimate, std_error, ci_low, ci_high : in the units of the answers (shares 0–1); `level` is the confidence.
    df : degrees of freedom, rows − strata.
    design_effect : variance over that of a simple random sample with replacement of `n` answers; weights, strata and the
        finite population all enter. NaN where nothing varies.
    n, n_missing : rows (for frequency weights their sum) with and without an answer.
    population : N, where it is known; NaN otherwise.
    strata : one row per stratum: ``stratum population sampled n estimate sd std_error``; ``sampled`` are the rows drawn, ``n``
        those with an answer. One row named "all" without strata.
    """

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    df: float
    design_effect: float
    n: float
    n_missing: float
    population: float
    level: float
    strata: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Design:
    """Rows of weight above 0: answers, whether there is one, weights, how often each stands, stratum, and N per stratum."""

    x: Array
    seen: Array
    weights: Array
    counts: Array
    codes: Array
    labels: list[Any]
    sampled: Array
    population: Array


def population_mean(
    x: Any,
    weights: Any = None,
    *,
    kind: Literal["sampling", "frequency"] = "sampling",
    strata: Any = None,
    population: Population = None,
    level: float = 0.95,
) -> PopulationEstimate:
    """Return the mean of a population from a (stratified, weighted) sample without replacement.

    Parameters
    ----------
    x : (N,) numbers; NaN is no answer.
    weights : (N,) case weights. None: with `strata` and `population` N_h/n_h, otherwise equal weights.
    kind : ``sampling``, or ``frequency`` (a weight of 3 is three equal rows, drawn from the same stratum).
    strata : (N,) the stratum of each row; None for one stratum.
    population : size of the population; with strata a mapping stratum → N_h. None: unknown, so large that no correction is
        needed.
    level : confidence.

    Raises
    ------
    DataError
        Rows without a stratum, strata without a size, more rows than the population has, infinite values, impossible weights.
    AnalysisError
        No answers (in all, or in a stratum), a stratum with a single row that is not its whole population.

    Notes
    -----
    m = Σwx/Σw. With z = w(x − m)/Σw, the linearised variance is Σ_h (1 − n_h/N_h)·n_h/(n_h − 1)·Σ(z − z̄_h)²; with weights
    N_h/n_h this is Σ(N_h/N)²(1 − n_h/N_h)s_h²/n_h (Cochran 1977). Rows without an answer are a domain: they count in n_h and
    have z = 0. t interval with rows − strata degrees of freedom. The same numbers: R ``svymean(~x, svydesign(~1, strata, weights,
    fpc), na.rm = TRUE)``, ``confint(…, df = degf(design))``, deff ``"replace"``. Without strata and population, and where all
    have answered, it equals `csr_lib.stats.comparison.mean_interval`.
    """
    q = 0.5 + _level(level) / 2
    design = _design(x, weights, kind, strata, population)
    m, se, table = _linearised(design)
    df = float(design.sampled.sum() - len(design.labels))
    half = float(t_quantile(q, df)) * se if df > 0 else math.nan
    return _estimate(design, m, se, (m - half, m + half), df, level, table)


def population_share(
    x: Any,
    weights: Any = None,
    *,
    kind: Literal["sampling", "frequency"] = "sampling",
    strata: Any = None,
    population: Population = None,
    level: float = 0.95,
) -> PopulationEstimate:
    """Return the share of true (1) among true and false (0) answers in a finite population, with Wilson's interval.

    Parameters, errors and standard error as for `population_mean`; answers other than 0, 1 and NaN raise DataError.

    Notes
    -----
    Wilson (1927) with n divided by the design effect in place of n, which keeps the interval within 0 and 1; where all answers
    are equal the design effect is that of the weights alone, n Σw²/(Σw)², times 1 − n/N. Without weights, strata and
    population the interval of `csr_lib.stats.comparison.share_interval`.
    """
    z = float(normal_quantile(0.5 + _level(level) / 2))
    design = _design(x, weights, kind, strata, population)
    if not np.isin(design.x[design.seen], (0.0, 1.0)).all():
        raise DataError("a share needs answers that are true or false", where="x", allowed="0 and 1, or booleans")
    p, se, table = _linearised(design)
    df = float(design.sampled.sum() - len(design.labels))
    found = _estimate(design, p, se, (math.nan, math.nan), df, level, table)
    deff = found.design_effect
    if math.isnan(deff):
        w, f = design.weights[design.seen], design.counts[design.seen]
        deff = found.n * float((f * w * w).sum()) / float((f * w).sum()) ** 2
        if not math.isnan(found.population):
            deff *= 1 - float(design.sampled.sum()) / found.population
    if not deff > 0:  # the whole population has answered
        return _estimate(design, p, se, (p, p), df, level, table)
    n = found.n / deff
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return _estimate(design, p, se, (max(0.0, centre - half), min(1.0, centre + half)), df, level, table)


def _design(x: Any, weights: Any, kind: str, strata: Any, population: Population) -> _Design:
    if kind not in ("sampling", "frequency"):
        raise OptionError([unknown(kind, ("sampling", "frequency"), what="value of kind", where="kind")])
    values = np.asarray(x, dtype=float)
    if values.ndim != 1:
        raise DataError(f"answers of shape {values.shape}", where="x", allowed="one number per row")
    if np.isinf(values).any():
        raise DataError("infinite values", where="x", allowed="finite numbers, NaN for no answer")
    given = np.ones(len(values)) if weights is None else checked_weights(weights, len(values))
    labels_all = pd.Series(["all"] * len(values) if strata is None else strata).reset_index(drop=True)
    if len(labels_all) != len(values):
        raise DataError(f"{len(labels_all)} strata for {len(values)} rows", where="strata", allowed="one stratum per row")
    used = given > 0
    if labels_all[used].isna().any():
        raise DataError(f"{int(labels_all[used].isna().sum())} rows have no stratum", where="strata", mend="fill it in")
    codes, found = pd.factorize(labels_all[used], sort=True)
    labels = list(found)
    x_used, w = values[used], given[used]
    counts = w if kind == "frequency" else np.ones(len(w))
    sampled = np.bincount(codes, counts, minlength=len(labels))
    sizes = _sizes(labels, sampled, strata is not None, population)
    seen = ~np.isnan(x_used)
    answered = np.bincount(codes[seen], minlength=len(labels))
    silent = [str(label) for label, k in zip(labels, answered, strict=True) if k == 0]
    if silent or not labels:
        raise AnalysisError(
            "there are no answers" + (f" in {', '.join(silent)}" if strata is not None and silent else ""),
            where="strata" if strata is not None else "x",
            mend="look at the missing answers, or join strata",
        )
    lonely = [str(label) for label, k, size in zip(labels, sampled, sizes, strict=True) if k <= 1 and size != 1]
    if lonely and strata is not None:
        raise AnalysisError(
            f"a single row in {', '.join(lonely)}: how much its answers vary cannot be told",
            where="strata",
            allowed="at least two rows in every stratum",
            mend="join it with a similar stratum",
        )
    if kind == "frequency" or weights is None:
        # a row stands for N_h/n_h members of its stratum; without strata or sizes all rows weigh the same
        w = (sizes / sampled)[codes] if not np.isnan(sizes).any() else np.ones(len(w))
    return _Design(x_used, seen, w, counts, codes, labels, sampled, sizes)


def _sizes(labels: list[Any], sampled: Array, stratified: bool, population: Population) -> Array:
    """Population of each stratum, NaN where it is not known."""
    if population is None:
        return np.full(len(labels), np.nan)
    if not isinstance(population, Mapping):
        if stratified:
            raise DataError("the population of every stratum is needed", where="population", allowed="a mapping stratum → size")
        sizes = np.full(len(labels), float(population))
    else:
        problems = [unknown(k, population, what="stratum", where="population") for k in labels if k not in population]
        problems += [
            Problem("nobody was drawn from it", f"stratum {k}", "rows from every stratum", "join it with a similar stratum")
            for k in population
            if k not in labels
        ]
        if problems:
            raise DataError(problems)
        sizes = np.array([float(population[k]) for k in labels])
    wrong = [
        Problem(f"{n:g} rows were drawn from a population of {size:g}", str(label), "at most as many rows as the population has")
        for label, n, size in zip(labels, sampled, sizes, strict=True)
        if not (math.isfinite(size) and size >= n)
    ]
    if wrong:
        raise DataError(wrong)
    return sizes


def _linearised(d: _Design) -> tuple[float, float, pd.DataFrame]:
    """Mean, its standard error, and the same within each stratum."""
    f, w = d.counts * d.seen, d.weights
    x = np.where(d.seen, d.x, 0.0)
    total = float((f * w).sum())
    m = float((f * w * x).sum()) / total
    variance, rows = 0.0, []
    for h, label in enumerate(d.labels):
        at = d.codes == h
        n, size = float(d.sampled[h]), float(d.population[h])
        left = 0.0 if size == n else 1.0 if math.isnan(size) else 1 - n / size
        fh, wh, xh = f[at], w[at], x[at]
        answered, own = float(fh.sum()), float((fh * wh).sum())
        mean = float((fh * wh * xh).sum()) / own
        variance += left * _spread(wh * (xh - m) * d.seen[at] / total, d.counts[at], n)
        se = math.sqrt(left * _spread(wh * (xh - mean) * d.seen[at] / own, d.counts[at], n)) if n > 1 else math.nan
        sd = math.sqrt(float((fh * wh * (xh - mean) ** 2).sum()) / own * answered / (answered - 1)) if answered > 1 else math.nan
        rows.append((label, size, n, answered, mean, sd, se))
    table = pd.DataFrame(rows, columns=["stratum", "population", "sampled", "n", "estimate", "sd", "std_error"])
    alone = len(d.labels) == 1 and d.sampled[0] <= 1 and d.population[0] != d.sampled[0]
    return m, math.nan if alone else math.sqrt(variance), table


def _spread(z: Array, counts: Array, n: float) -> float:
    """n/(n − 1)·Σ(z − z̄)² over n rows; 0 for a single row."""
    if n <= 1:
        return 0.0
    centred = z - float(counts @ z) / n
    return n / (n - 1) * float(counts @ centred**2)


def _estimate(
    d: _Design, m: float, se: float, interval: tuple[float, float], df: float, level: float, table: pd.DataFrame
) -> PopulationEstimate:
    f, w, x = d.counts[d.seen], d.weights[d.seen], d.x[d.seen]
    n = float(f.sum())
    simple = float((f * w * (x - m) ** 2).sum()) / float((f * w).sum()) / (n - 1) if n > 1 else math.nan
    deff = se**2 / simple if simple > 1e-24 * max(1.0, m * m) else math.nan
    lost = float(d.counts.sum()) - n
    return PopulationEstimate(m, se, *interval, df, deff, n, lost, float(d.population.sum()), level, table)


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    return level
