"""Respondents: drawn from a population, in strata, careless, silent, quick or late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.core.errors import OptionError, Problem, unknown
from csr_lib.simulate.population import Population

Seed = int | np.random.Generator


@dataclass(frozen=True)
class Sample:
    """Respondents drawn from a population.

    Attributes
    ----------
    answers : one row per respondent, one integer column per item.
    scores : the constructs behind the answers (latent, standardised in the population); no columns without a model.
    population : what is true.
    latent : the variables behind items and constructs as drawn, before `shifts`: what `draw` takes as `before`.
    """

    answers: pd.DataFrame
    scores: pd.DataFrame
    population: Population
    latent: pd.DataFrame


def draw(
    population: Population,
    n: int,
    seed: Seed,
    shifts: pd.DataFrame | None = None,
    exact: bool = False,
    before: pd.DataFrame | None = None,
    stability: float = 0.7,
) -> Sample:
    """Draw `n` respondents.

    Parameters
    ----------
    population : what is true.
    n : number of respondents, at least one.
    seed : an int or a Generator; the same seed gives the same answers.
    shifts : n rows; a column per construct or item that is higher or lower for some respondents (a wave, a segment), in
        standard deviations. A shift of a construct travels on along the paths.
    exact : the variables behind the answers have the population's means, variances and correlations in the sample too, not only
        on average (before `shifts` and grading); as R ``MASS::mvrnorm(empirical = TRUE)``. Needs more respondents than variables.
    before : n rows of a former sample's `latent`, for the same people asked again; a row of NaN is somebody new.
    stability : correlation of what is behind an answer with what was behind it the time before, 0–1. The population stays as it
        is: z = stability · before + √(1 − stability²) · new.

    Returns
    -------
    Sample
        Answers are integers on each item's grades, none missing.
    """
    if n < 1:
        raise OptionError(f"{n} respondents", where="n", allowed="1 or more", mend="ask for at least one")
    rng = np.random.default_rng(seed)
    names = list(population.correlation.columns)
    if exact and n <= len(names):
        raise OptionError(
            f"{n} respondents cannot have the correlations of {len(names)} variables exactly",
            where="n",
            allowed=f"more than {len(names)}",
            mend="draw more, or without `exact`",
        )
    # The symmetric root, not Cholesky's: a construct and its only item (loading 1) make the matrix semidefinite.
    values, vectors = np.linalg.eigh(population.correlation.to_numpy(dtype=float))
    half = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    z = rng.standard_normal((n, len(names)))
    if exact:
        z -= z.mean(axis=0)
        z = np.linalg.solve(np.linalg.cholesky(z.T @ z / n), z.T).T
    z = z @ half
    if before is not None:
        if list(before.columns) != names or len(before) != n or not 0 <= stability <= 1:
            raise OptionError(
                f"`before` has {len(before)} rows and {before.shape[1]} columns, stability is {stability}",
                where="draw",
                allowed=f"{n} rows with the columns of the population, stability from 0 to 1",
                mend="take the rows of the same respondents from the `latent` of the sample before",
            )
        former = before.to_numpy(dtype=float)
        z = np.where(np.isnan(former), z, stability * former + np.sqrt(1 - stability**2) * z)
    latent = pd.DataFrame(z, columns=names)
    if shifts is not None:
        wrong = [unknown(str(c), names, what="construct or item", where="shifts") for c in shifts.columns if c not in names]
        if len(shifts) != n:
            wrong.append(Problem(f"{len(shifts)} rows for {n} respondents", "shifts", f"{n} rows", "give one row per respondent"))
        if wrong:
            raise OptionError(wrong)
        z = z + shifts.to_numpy(dtype=float) @ population.effects.loc[list(shifts.columns)].to_numpy()
    drawn = pd.DataFrame(z, columns=names)
    answers = pd.DataFrame({name: margin.grade(drawn[name]) for name, margin in population.margins.items()})
    scores = drawn[[c for c in names if c not in population.margins]]
    return Sample(answers, scores, population, latent)


def stratify(strata: pd.DataFrame, share: str = "share", n: str = "n") -> pd.DataFrame:
    """Return one row per respondent of a stratified sample, with the case weight that puts over-sampling right.

    Parameters
    ----------
    strata : one row per stratum: its keys, its share of the population (any unit) and how many were sampled.
    share, n : names of those two columns.

    Returns
    -------
    DataFrame
        The keys and ``weight`` = population share / sample share; weights have mean one.
    """
    counts = strata[n].to_numpy()
    if (counts < 1).any() or (strata[share] <= 0).any():
        raise OptionError(
            "a stratum has no share or no respondents",
            where="strata",
            allowed=f"'{share}' above 0 and '{n}' of 1 or more",
            mend="merge it with another stratum",
        )
    weight = (strata[share] / strata[share].sum()) / (counts / counts.sum())
    out = strata.drop(columns=[share, n]).assign(weight=weight)
    return out.loc[out.index.repeat(counts)].reset_index(drop=True)


def careless(
    answers: pd.DataFrame, seed: Seed, share: float = 0.02, straight: float = 0.6, columns: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.Series]:
    """Let some respondents answer without reading.

    Parameters
    ----------
    answers : integer answers, none missing.
    seed : an int or a Generator.
    share : of respondents who are careless, 0–1; their number is rounded.
    straight : share of those who give every item of `columns` one and the same answer (their own most frequent one); the
        others answer at random. Both keep between the lowest and the highest grade that occurs in the column.
    columns : all by default.

    Returns
    -------
    answers, kind
        ``kind`` is ``""``, ``"straight"`` or ``"random"`` for each respondent: the truth that a cleaning rule should find.
    """
    names = list(columns if columns is not None else answers.columns)
    _check_columns(answers, names)
    if not (0 <= share <= 1 and 0 <= straight <= 1) or answers[names].isna().any(axis=None):
        raise OptionError(
            f"share {share}, straight {straight}, {int(answers[names].isna().sum().sum())} missing answers",
            where="careless",
            allowed="shares from 0 to 1, no missing answers",
            mend="leave answers out afterwards",
        )
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(answers))[: round(share * len(answers))]
    liners = chosen[: round(straight * len(chosen))]
    values = answers[names].to_numpy(copy=True)
    lowest, highest = values.min(axis=0), values.max(axis=0)
    kind = np.full(len(answers), "", dtype=object)
    for row in liners:
        grades, counts = np.unique(values[row], return_counts=True)
        values[row] = np.clip(grades[counts.argmax()], lowest, highest)
        kind[row] = "straight"
    for row in chosen[len(liners) :]:
        values[row] = rng.integers(lowest, highest + 1)
        kind[row] = "random"
    return answers.assign(**{name: values[:, i] for i, name in enumerate(names)}), pd.Series(kind, index=answers.index)


def _check_columns(answers: pd.DataFrame, names: Sequence[str]) -> None:
    wrong = [unknown(name, answers.columns, what="column", where="columns") for name in names if name not in answers.columns]
    if wrong:
        raise OptionError(wrong)


def leave_out(
    answers: pd.DataFrame,
    seed: Seed,
    share: float = 0.02,
    skippers: float = 0.15,
    columns: Sequence[str] | None = None,
    driver: pd.Series | None = None,
    ratio: float = 1.0,
) -> pd.DataFrame:
    """Leave answers out, as respondents do: most answer everything, a few skip many questions.

    Parameters
    ----------
    answers : integer answers.
    seed : an int or a Generator.
    share : of all answers in `columns` that are left out on average, 0–1, at most `skippers`.
    skippers : share of respondents who skip at all.
    columns : all by default.
    driver, ratio : missing at random: where `driver` (0/1 per respondent, something that is observed) is 1, skippers are
        `ratio` times as frequent. Without it answers are missing completely at random.

    Returns
    -------
    DataFrame
        ``Int64`` columns; a left-out answer is ``<NA>``. Nobody skips all of several columns.
    """
    if not 0 <= share <= skippers <= 1:
        raise OptionError(
            f"share {share} with {skippers} skippers",
            where="leave_out",
            allowed="0 ≤ share ≤ skippers ≤ 1",
            mend="raise skippers",
        )
    names = list(columns if columns is not None else answers.columns)
    _check_columns(answers, names)
    rng = np.random.default_rng(seed)
    chance = np.where(driver.to_numpy() == 1, ratio, 1.0) if driver is not None else np.ones(len(answers))
    skips = rng.random(len(answers)) < skippers * chance / chance.mean()
    gone = skips[:, None] & (rng.random((len(answers), len(names))) < (share / skippers if skippers else 0))
    if len(names) > 1:
        gone[gone.all(axis=1), 0] = False
    left = answers[names].astype("Int64").mask(pd.DataFrame(gone, index=answers.index, columns=names))
    return answers.assign(**{name: left[name] for name in names})


def durations(kind: pd.Series, seed: Seed, median: float, least: float, hasty: float = 0.8) -> pd.Series:
    """Return the seconds that each respondent took.

    Parameters
    ----------
    kind : from `careless`; ``""`` is an honest respondent.
    seed : an int or a Generator.
    median : of the honest ones, whose times are log-normal (σ = 0.35).
    least : nobody reads the questionnaire faster: honest respondents take at least this, hasty ones 25–90 % of it.
    hasty : share of the careless who rush; the others take as long as honest respondents, so that time does not give them away.
    """
    rng = np.random.default_rng(seed)
    honest = np.maximum(median * np.exp(0.35 * rng.standard_normal(len(kind))), least * rng.uniform(1.02, 1.3, len(kind)))
    rushed = least * rng.uniform(0.25, 0.9, len(kind))
    rushes = (kind != "").to_numpy() & (rng.random(len(kind)) < hasty)
    return pd.Series(np.where(rushes, rushed, honest).round().astype(np.int64), index=kind.index)


def return_times(n: int, seed: Seed, start: str, days: int) -> pd.Series:
    """Return when `n` answers came back, earliest first: many in the first days, then levelling off, between 8 and 22 o'clock.

    Parameters
    ----------
    n : number of respondents.
    seed : an int or a Generator.
    start : first day, ``YYYY-MM-DD``.
    days : length of the field phase; the daily count halves about every sixth of it.
    """
    rng = np.random.default_rng(seed)
    weights = 0.5 ** (np.arange(days) / (days / 6)) + 0.05
    day = rng.choice(days, size=n, p=weights / weights.sum())
    second = (8 * 3600 + 14 * 3600 * rng.beta(1.6, 1.4, n)).astype(np.int64)
    times = pd.Timestamp(start) + pd.to_timedelta(day, unit="D") + pd.to_timedelta(second, unit="s")
    return pd.Series(times.sort_values())
