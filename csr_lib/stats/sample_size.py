"""How many answers a wanted margin of error needs, and how they are spread over strata."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.stats.distributions import normal_quantile

Array = np.ndarray
Rule = Literal["proportional", "neyman"]
PerStratum = float | Mapping[Any, float]


@dataclass(frozen=True)
class SampleSize:
    """Answers needed for a margin of error.

    Attributes
    ----------
    n : answers needed, rounded up.
    exact : before rounding.
    issued : questionnaires to send out, n over the response rate, rounded up.
    margin : half width of the interval that `n` answers give, in the units of what was asked for (shares 0–1).
    """

    n: int
    exact: float
    issued: int
    margin: float


@dataclass(frozen=True, eq=False)
class StratifiedSize:
    """Answers needed over strata.

    Attributes
    ----------
    n, issued, margin : of the whole, as in `SampleSize`.
    strata : one row per stratum: ``stratum population n issued sampling_fraction weight margin``; ``weight`` is N_h/n_h,
        ``margin`` that of the stratum's own estimate.
    """

    n: int
    issued: int
    margin: float
    strata: pd.DataFrame


def margin_of_error(
    n: float,
    *,
    share: float | None = None,
    sd: float | None = None,
    population: float | None = None,
    design_effect: float = 1.0,
    level: float = 0.95,
) -> float:
    """Return the half width of the interval that `n` answers to a simple random sample are expected to give.

    Parameters
    ----------
    n : answers, above 0 and at most `population`.
    share : expected share (0–1); 0.5 where neither it nor `sd` is given, the most careful choice.
    sd : expected standard deviation of a rating, in its points, instead of `share`.
    population : N; None: so large that no correction is needed.
    design_effect : variance of the design over that of a simple random sample.
    level : confidence.

    Raises
    ------
    OptionError
        Values outside their range, both `share` and `sd`, more answers than the population has.

    Notes
    -----
    z·√(deff·(1 − n/N)·S²/n), with S² = p(1 − p)·N/(N − 1) for a share (Cochran 1977). A plan: the interval of answers that are
    there is `csr_lib.stats.finite_population.population_mean`'s.
    """
    s2 = _variance(share, sd, population)
    if not (n > 0 and (population is None or n <= population)):
        raise OptionError(f"{n:g} answers", where="n", allowed="above 0, at most the population")
    left = 1.0 if population is None else 1 - n / population
    return _z(level) * math.sqrt(_deff(design_effect) * left * s2 / n)


def sample_size(
    margin: float,
    *,
    share: float | None = None,
    sd: float | None = None,
    population: float | None = None,
    design_effect: float = 1.0,
    response_rate: float = 1.0,
    level: float = 0.95,
) -> SampleSize:
    """Return the answers that a margin of error needs, and the questionnaires to send out for them.

    Parameters
    ----------
    margin : wanted half width, in shares (0.05 for ±5 points of a percentage) or, with `sd`, in points of the rating.
    response_rate : expected share of valid answers among questionnaires, above 0.
    share, sd, population, design_effect, level : as for `margin_of_error`, whose inverse this is.

    Raises
    ------
    OptionError
        Values outside their range.
    AnalysisError
        More questionnaires than the population has members; the margin that can be reached is named.

    Notes
    -----
    n₀ = deff·z²S²/margin²; n = n₀/(1 + n₀/N) (Cochran 1977). For a share this is n₀/(1 + (n₀ − 1)/N) with n₀ = z²p(1 − p)/margin²
    without a design effect, the formula behind the table of Krejcie and Morgan (1970), who round to the nearest number.
    """
    if not margin > 0:
        raise OptionError(f"a margin of {margin:g}", where="margin", allowed="above 0, such as 0.05")
    if not 0 < response_rate <= 1:
        raise OptionError(f"a response rate of {response_rate:g}", where="response_rate", allowed="above 0, at most 1")
    wanted = _deff(design_effect) * _z(level) ** 2 * _variance(share, sd, population) / margin**2
    exact = wanted if population is None else wanted / (1 + wanted / population)
    n = max(1, math.ceil(exact - 1e-9))
    issued = math.ceil(n / response_rate - 1e-9)
    facts = {"share": share, "sd": sd, "population": population, "design_effect": design_effect, "level": level}
    if population is not None and issued > population:
        reach = margin_of_error(max(1.0, population * response_rate), **facts)  # type: ignore[arg-type]
        raise AnalysisError(
            f"{n} answers at a response rate of {response_rate:.0%} need {issued} questionnaires; there are {population:g}",
            where="sample size",
            allowed=f"a margin of {reach:.3g} or more",
            mend="accept a wider margin, or raise the response rate",
        )
    return SampleSize(n, exact, issued, margin_of_error(n, **facts))  # type: ignore[arg-type]


def allocate(
    n: int, population: Mapping[Any, float], *, sd: PerStratum | None = None, rule: Rule = "proportional", minimum: int = 2
) -> pd.Series:
    """Spread `n` answers over strata; whole numbers, at least `minimum` (or everybody) and at most everybody in each.

    Parameters
    ----------
    n : answers in all.
    population : stratum → N_h.
    sd : stratum → expected standard deviation, for ``neyman``.
    rule : ``proportional`` to N_h, or ``neyman``: to N_h·S_h, the smallest variance of the overall mean.
    minimum : least answers per stratum; two are needed to tell how much answers vary.

    Returns
    -------
    Series of integers, index the strata, sum `n`.

    Raises
    ------
    OptionError
        `n` below the sum of the minima or above the population, an unknown rule, ``neyman`` without `sd`.
    DataError
        Strata without a size or a standard deviation, or with one that cannot be.

    Notes
    -----
    Answers are given out one at a time to the stratum with the largest N_h·S_h/√(k(k + 1)), k being what it has (Wright 2014):
    the exact optimum in whole numbers under minima and maxima, where rounding Neyman's formula may miss it. ``proportional`` is
    the same with equal S_h (the method of equal proportions).
    """
    sizes, spread = _strata(population, sd, rule)
    _check_minimum(minimum)
    if n != int(n):
        raise OptionError(f"{n:g} answers", where="n", allowed="a whole number")
    if n > sizes.sum():
        raise OptionError(f"{n} answers from a population of {sizes.sum():g}", where="n", allowed="at most the population")
    counts = np.minimum(minimum, sizes).astype(int)
    if n < counts.sum():
        raise OptionError(
            f"{n} answers cannot give every stratum {minimum}", where="minimum", allowed=f"n of at least {counts.sum()}"
        )
    steps = _next_strata(sizes, spread, counts)
    for _ in range(int(n) - int(counts.sum())):
        counts[next(steps)] += 1
    return pd.Series(counts, index=list(population), name="n")


def stratified_sample_size(
    margin: float,
    population: Mapping[Any, float],
    *,
    share: PerStratum | None = None,
    sd: PerStratum | None = None,
    rule: Rule = "proportional",
    minimum: int = 2,
    design_effect: float = 1.0,
    response_rate: PerStratum = 1.0,
    level: float = 0.95,
) -> StratifiedSize:
    """Return the fewest answers whose stratified mean (or share) has the wanted margin, and their spread over strata.

    Parameters
    ----------
    margin : wanted half width of the overall interval; a margin in every stratum is `sample_size` with each N_h.
    share, sd : expected share or standard deviation, one for all strata or a mapping; share 0.5 where neither is given.
    design_effect : of what happens within strata, such as unequal weights or clusters.
    response_rate : one for all strata or a mapping.
    population, rule, minimum : as for `allocate`. level : confidence.

    Raises
    ------
    OptionError, DataError
        As for `allocate` and `sample_size`.
    AnalysisError
        Strata that cannot give so many answers at their response rate.

    Notes
    -----
    V = Σ(N_h/N)²(1 − n_h/N_h)·deff·S_h²/n_h, with S_h² = p(1 − p)·N_h/(N_h − 1) for shares; answers are added as in `allocate`
    until z√V is at most `margin` (Cochran 1977, chapter 5).
    """
    if not margin > 0:
        raise OptionError(f"a margin of {margin:g}", where="margin", allowed="above 0, such as 0.05")
    z, deff = _z(level), _deff(design_effect)
    labels = list(population)
    _check_minimum(minimum)
    sizes, _ = _strata(population, None, "proportional")
    shares = _per_stratum(share, labels, "share") if share is not None else None
    sds = _per_stratum(sd, labels, "sd") if sd is not None else None
    rates = _per_stratum(response_rate, labels, "response_rate")
    if not ((rates > 0) & (rates <= 1)).all():
        raise OptionError("a response rate outside its range", where="response_rate", allowed="above 0, at most 1")
    s2 = np.array(
        [_variance(None if shares is None else shares[h], None if sds is None else sds[h], sizes[h]) for h in range(len(labels))]
    )
    if rule not in get_args(Rule):
        raise OptionError([unknown(rule, get_args(Rule), what="rule of allocation", where="rule")])
    spread = sizes * np.sqrt(s2) if rule == "neyman" else sizes
    counts = np.minimum(max(1, minimum), sizes).astype(int)
    part = (sizes / sizes.sum()) ** 2 * deff * s2

    def variances() -> Array:
        return part * (1 / counts - 1 / sizes)

    target = (margin / z) ** 2 * (1 + 1e-12)
    total, gain, have = float(variances().sum()), part.tolist(), counts.tolist()
    for h in _next_strata(sizes, spread, counts):
        if total <= target:
            break
        total -= gain[h] / (have[h] * (have[h] + 1))
        have[h] += 1
    counts = np.array(have)
    issued = np.ceil(counts / rates - 1e-9).astype(int)
    short = [
        Problem(
            f"{counts[h]} answers at a response rate of {rates[h]:.0%} need {issued[h]} questionnaires; it has {sizes[h]:g}",
            f"stratum {labels[h]}",
            mend="accept a wider margin, or raise the response rate",
        )
        for h in np.flatnonzero(issued > sizes)
    ]
    if short:
        raise AnalysisError(short)
    own = z * np.sqrt(deff * np.maximum(0.0, s2 / counts - s2 / sizes))
    table = pd.DataFrame(
        {
            "stratum": labels,
            "population": sizes,
            "n": counts,
            "issued": issued,
            "sampling_fraction": counts / sizes,
            "weight": sizes / counts,
            "margin": own,
        }
    )
    reached = z * math.sqrt(max(0.0, float(variances().sum())))
    return StratifiedSize(int(counts.sum()), int(issued.sum()), reached, table)


def _next_strata(sizes: Array, spread: Array, counts: Array) -> Iterator[int]:
    """Yield the stratum of each further answer, best first; `counts` is what the strata have before the first."""
    have, most, wanted = counts.tolist(), sizes.tolist(), spread.tolist()

    def priority(h: int) -> float:
        return -math.inf if have[h] == 0 else -wanted[h] / math.sqrt(have[h] * (have[h] + 1.0))

    waiting = [(priority(h), h) for h in range(len(most)) if have[h] < most[h]]
    heapq.heapify(waiting)
    while waiting:
        _, h = waiting[0]
        yield h
        have[h] += 1
        if have[h] < most[h]:
            heapq.heapreplace(waiting, (priority(h), h))
        else:
            heapq.heappop(waiting)


def _strata(population: Mapping[Any, float], sd: PerStratum | None, rule: str) -> tuple[Array, Array]:
    """Sizes, and what answers are spread in proportion to."""
    if rule not in get_args(Rule):
        raise OptionError([unknown(rule, get_args(Rule), what="rule of allocation", where="rule")])
    if not population:
        raise DataError("there are no strata", where="population", allowed="a mapping stratum → size")
    sizes = np.array([float(v) for v in population.values()])
    if not (np.isfinite(sizes).all() and (sizes >= 1).all() and (sizes == np.floor(sizes)).all()):
        bad = [str(k) for k, v in population.items() if not (math.isfinite(v) and v >= 1 and v == math.floor(v))]
        raise DataError(f"impossible sizes of {', '.join(bad)}", where="population", allowed="whole numbers of at least 1")
    if rule == "proportional":
        return sizes, sizes
    if sd is None:
        raise OptionError("Neyman's allocation needs to know how much answers vary", where="sd", mend="give sd per stratum")
    spread = _per_stratum(sd, list(population), "sd")
    if not (np.isfinite(spread).all() and (spread >= 0).all()):
        raise DataError("impossible standard deviations", where="sd", allowed="numbers ≥ 0")
    return sizes, sizes * spread


def _per_stratum(value: PerStratum, labels: list[Any], name: str) -> Array:
    if not isinstance(value, Mapping):
        return np.full(len(labels), float(value))
    missing = [unknown(k, value, what="stratum", where=name) for k in labels if k not in value]
    if missing:
        raise DataError(missing)
    return np.array([float(value[k]) for k in labels])


def _check_minimum(minimum: int) -> None:
    if minimum < 0:
        raise OptionError(f"a minimum of {minimum}", where="minimum", allowed="0 or more")


def _variance(share: float | None, sd: float | None, population: float | None) -> float:
    """S², the variance with divisor N − 1 in a population of N."""
    if share is not None and sd is not None:
        raise OptionError("both an expected share and a standard deviation", where="share, sd", allowed="one of the two")
    if population is not None and not (math.isfinite(population) and population >= 1):
        raise OptionError(f"a population of {population:g}", where="population", allowed="1 or more")
    if sd is not None:
        if not (math.isfinite(sd) and sd >= 0):
            raise OptionError(f"a standard deviation of {sd:g}", where="sd", allowed="a number ≥ 0")
        return sd**2
    p = 0.5 if share is None else share
    if not 0 <= p <= 1:
        raise OptionError(f"an expected share of {p:g}", where="share", allowed="between 0 and 1")
    return p * (1 - p) * (1.0 if population is None or population == 1 else population / (population - 1))


def _deff(design_effect: float) -> float:
    if not (math.isfinite(design_effect) and design_effect > 0):
        raise OptionError(f"a design effect of {design_effect:g}", where="design_effect", allowed="above 0; 1 for none")
    return design_effect


def _z(level: float) -> float:
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    return float(normal_quantile(0.5 + level / 2))
