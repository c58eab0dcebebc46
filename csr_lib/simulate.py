"""Answers with known truth, for example studies, lessons and tests.

A `Population` says what is true: how items and constructs hang together (as latent normal variables) and how the answers to
each item are distributed over its grades. `draw` takes respondents from it. What makes real answers untidy is put on
afterwards, one function each: `careless` respondents, answers left out (`leave_out`), `durations`, `return_times`,
over-sampled strata with the weights that put them right (`stratify`). Last, `nudge` moves as few answers as possible by one
grade each until a published figure is met. Every random step takes a seed or a `numpy.random.Generator`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from csr_lib.core.errors import OptionError, Problem, unknown
from csr_lib.core.model import Model

Seed = int | np.random.Generator


@dataclass(frozen=True)
class Margin:
    """How the answers to one item are distributed over its grades, in the population.

    Attributes
    ----------
    shares : share of each grade, lowest first; positive or zero, summing to one.
    low : the lowest grade.
    """

    shares: tuple[float, ...]
    low: int = 1

    def __post_init__(self) -> None:
        values = np.asarray(self.shares, dtype=float)
        if values.size < 2 or not np.isfinite(values).all() or (values < 0).any() or abs(values.sum() - 1) > 1e-9:
            raise OptionError(
                f"the shares {self.shares} are not a distribution",
                where="Margin.shares",
                allowed="two or more shares from 0 to 1 that sum to 1",
                mend="divide them by their sum",
            )

    @classmethod
    def of(cls, mean: float, sd: float, low: int = 1, high: int = 10) -> Margin:
        """Return the margin with this mean and standard deviation: a beta distribution cut into equal grades.

        The beta distribution on [low − ½, high + ½] is one-peaked and leans away from the nearer end of the scale, as
        answers about satisfaction do. Its two parameters are solved for, so that the *graded* answers have the moments.

        Parameters
        ----------
        mean, sd : scale points; population moments (divisor n).
        low, high : the lowest and the highest grade.

        Raises
        ------
        OptionError
            No such distribution has these moments (a mean off the scale, a standard deviation too large or too small).
        """
        from scipy.optimize import root
        from scipy.special import betainc, expit, logit

        count = high - low + 1
        grades = np.arange(low, high + 1)
        edges = np.arange(count + 1) / count

        def shares(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            centre, size = expit(at[0]), np.exp(np.clip(at[1], -20, 20))
            return np.diff(betainc(max(centre * size, 1e-12), max((1 - centre) * size, 1e-12), edges))

        def miss(at: npt.NDArray[np.float64]) -> list[float]:
            p = shares(at)
            m = float(p @ grades)
            return [m - mean, float(np.sqrt(max(p @ (grades - m) ** 2, 0))) - sd]

        if low < mean < high and sd > 0:
            centre = (mean - low + 0.5) / count
            size = max(centre * (1 - centre) / (max(sd**2 - 1 / 12, 0.02) / count**2) - 1, 0.1)
            found = root(miss, [logit(centre), np.log(size)], tol=1e-12)
            if np.abs(miss(found.x)).max() < 1e-6:
                p = shares(found.x)
                return cls(tuple(float(v) for v in p / p.sum()), low)
        raise OptionError(
            f"no answers from {low} to {high} have mean {mean} and standard deviation {sd}",
            where="Margin.of",
            allowed=f"a mean between {low} and {high}, a standard deviation that fits on the scale with it",
            mend="move the mean towards the middle or change the standard deviation",
        )

    @property
    def grades(self) -> npt.NDArray[np.int64]:
        """The grades, lowest first."""
        return np.arange(self.low, self.low + len(self.shares), dtype=np.int64)

    @property
    def mean(self) -> float:
        """Mean in scale points."""
        return float(np.asarray(self.shares) @ self.grades)

    @property
    def sd(self) -> float:
        """Standard deviation in scale points (population, divisor n)."""
        return float(np.sqrt(np.asarray(self.shares) @ (self.grades - self.mean) ** 2))

    def grade(self, z: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Cut standard normal values into grades at the thresholds Φ⁻¹(cumulated shares)."""
        from scipy.special import ndtri

        thresholds = ndtri(np.clip(np.cumsum(self.shares)[:-1], 0, 1))
        return self.low + np.searchsorted(thresholds, np.asarray(z, dtype=float), side="left").astype(np.int64)


@dataclass(frozen=True)
class Population:
    """What is true of everybody: the correlations behind the answers, and the distribution of each answer.

    Attributes
    ----------
    correlation : of the latent normal variables behind the items and, where there is a model, of its constructs.
        Grading the answers weakens correlations a little: ten grades by 1–3 %, five by up to a tenth.
    margins : item -> `Margin`. Columns of `correlation` without one are constructs: they are drawn but not answered.
    effects : row -> column, what raising the row's variable by one standard deviation adds to the column's (total effects).
    truth : the parameters that the population was made from, as plain values that go into a YAML or JSON file.
    """

    correlation: pd.DataFrame
    margins: Mapping[str, Margin]
    effects: pd.DataFrame
    truth: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_correlation(cls, correlation: pd.DataFrame, margins: Mapping[str, Margin]) -> Population:
        """Return the population whose items have this latent correlation matrix (symmetric, positive definite)."""
        problems = [
            unknown(name, correlation.columns, what="item", where="margins") for name in margins if name not in correlation
        ]
        r = correlation.to_numpy(dtype=float)
        square = list(correlation.index) == list(correlation.columns)
        if not square or not np.allclose(r, r.T) or not np.allclose(np.diag(r), 1) or np.linalg.eigvalsh(r)[0] <= 0:
            problems.append(
                Problem(
                    "not a correlation matrix",
                    "correlation",
                    "same names in rows and columns, symmetric, ones in the diagonal, positive definite",
                    "lower the correlations that contradict each other",
                )
            )
        if problems:
            raise OptionError(problems)
        eye = pd.DataFrame(np.eye(len(r)), index=correlation.index, columns=correlation.columns)
        return cls(correlation, dict(margins), eye, {"margins": _plain_margins(margins)})

    @classmethod
    def from_model(
        cls,
        model: Model,
        paths: Mapping[tuple[str, str], float],
        loadings: Mapping[str, float],
        margins: Mapping[str, Margin],
        correlations: Mapping[tuple[str, str], float] | None = None,
    ) -> Population:
        """Return the population of a recursive path model with reflective items.

        Constructs have variance one. η_t = Σ β_st η_s + ζ_t for every construct with incoming paths; item_i = λ_i η + ε_i.

        Parameters
        ----------
        model : constructs, items and paths.
        paths : standardised coefficient β of every path of the model.
        loadings : standardised loading λ of every item, between −1 and 1.
        margins : the distribution of every item's answers.
        correlations : between constructs without incoming paths; 0 where a pair is not named.

        Raises
        ------
        OptionError
            A coefficient or margin is missing or unknown, or the coefficients explain more than the whole of a construct.
        """
        problems = []
        for where, given, wanted in (
            ("paths", paths, model.paths),
            ("loadings", loadings, model.items),
            ("margins", margins, model.items),
        ):
            problems += [unknown(str(k), map(str, wanted), what="key", where=where) for k in given if k not in wanted]
            problems += [Problem(f"nothing is given for {k}", where, mend="add it") for k in wanted if k not in given]
        if problems:
            raise OptionError(problems)
        constructs = _construct_correlation(model, paths, correlations or {})
        names, items = list(model.names), list(model.items)
        owner = {item: c.name for c in model.constructs for item in c.items}
        pattern = pd.DataFrame(0.0, index=names, columns=items)
        for item in items:
            pattern.loc[owner[item], item] = loadings[item]
        everything = np.hstack([np.eye(len(names)), pattern.to_numpy()])
        r = everything.T @ constructs.to_numpy() @ everything
        np.fill_diagonal(r, 1.0)
        labels = [*names, *items]
        direct = pd.DataFrame(0.0, index=names, columns=names)
        for (source, target), value in paths.items():
            direct.loc[source, target] = value
        total = np.linalg.inv(np.eye(len(names)) - direct.to_numpy())
        effects = np.eye(len(labels))
        effects[: len(names), :] = total @ everything
        explained = {
            t: float(sum(paths[s, t] * constructs.loc[s, t] for s in model.sources(t))) for t in names if model.sources(t)
        }
        totals = pd.DataFrame(total, index=names, columns=names)
        truth = {
            "paths": {f"{s} -> {t}": float(v) for (s, t), v in paths.items()},
            "total_effects": {
                f"{s} -> {model.target}": float(totals.loc[s, model.target]) for s in model.ancestors(model.target)
            },
            "r2": explained,
            "loadings": {k: float(loadings[k]) for k in items},
            "construct_correlation": {a: {b: float(constructs.loc[a, b]) for b in names} for a in names},
            "margins": _plain_margins(margins),
        }
        frame = pd.DataFrame(r, index=labels, columns=labels)
        return cls(frame, dict(margins), pd.DataFrame(effects, index=labels, columns=labels), truth)


def _plain_margins(margins: Mapping[str, Margin]) -> dict[str, dict[str, float]]:
    return {name: {"mean": m.mean, "sd": m.sd} for name, m in margins.items()}


def _construct_correlation(
    model: Model, paths: Mapping[tuple[str, str], float], correlations: Mapping[tuple[str, str], float]
) -> pd.DataFrame:
    """Build the constructs' correlation matrix in causal order; every construct gets variance one."""
    names = list(model.names)
    r = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for (a, b), value in correlations.items():
        for name in (a, b):
            if name not in names:
                raise OptionError([unknown(name, names, what="construct", where="correlations")])
            if model.sources(name):
                raise OptionError(
                    f"'{name}' has incoming paths, so its correlations follow from them",
                    where="correlations",
                    allowed="constructs without incoming paths",
                    mend="take this pair out",
                )
        r.loc[a, b] = r.loc[b, a] = value
    done = [n for n in names if not model.sources(n)]
    if np.linalg.eigvalsh(r.loc[done, done].to_numpy())[0] <= 0:
        raise OptionError(
            "the correlations contradict each other",
            where="correlations",
            allowed="a positive definite matrix",
            mend="lower them",
        )
    for target in model.causal_order():
        if not model.sources(target):
            continue
        sources = list(model.sources(target))
        beta = np.array([paths[s, target] for s in sources])
        r2 = float(beta @ r.loc[sources, sources].to_numpy() @ beta)
        if r2 >= 1:
            raise OptionError(
                f"the paths into '{target}' explain {r2:.2f} of its variance",
                where="paths",
                allowed="less than 1",
                mend="lower these coefficients, or the correlations of their sources",
            )
        with_done = beta @ r.loc[sources, done].to_numpy()
        r.loc[target, done] = with_done
        r.loc[done, target] = with_done
        done.append(target)
    return r


@dataclass(frozen=True)
class Sample:
    """Respondents drawn from a population.

    Attributes
    ----------
    answers : one row per respondent, one integer column per item.
    scores : the constructs behind the answers (latent, standardised in the population); no columns without a model.
    population : what is true.
    """

    answers: pd.DataFrame
    scores: pd.DataFrame
    population: Population


def draw(population: Population, n: int, seed: Seed, shifts: pd.DataFrame | None = None) -> Sample:
    """Draw `n` respondents.

    Parameters
    ----------
    population : what is true.
    n : number of respondents, at least one.
    seed : an int or a Generator; the same seed gives the same answers.
    shifts : n rows; a column per construct or item that is higher or lower for some respondents (a wave, a segment), in
        standard deviations. A shift of a construct travels on along the paths.

    Returns
    -------
    Sample
        Answers are integers on each item's grades, none missing.
    """
    if n < 1:
        raise OptionError(f"{n} respondents", where="n", allowed="1 or more", mend="ask for at least one")
    rng = np.random.default_rng(seed)
    names = list(population.correlation.columns)
    # Items' disturbances and constructs live in one singular-free matrix as long as no loading is exactly ±1; the
    # eigenvalue square root also takes the semidefinite matrix of single-item constructs.
    values, vectors = np.linalg.eigh(population.correlation.to_numpy(dtype=float))
    root_ = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    z = rng.standard_normal((n, len(names))) @ root_
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
    return Sample(answers, scores, population)


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
    answers : integer answers.
    seed : an int or a Generator.
    share : of respondents who are careless, 0–1; their number is rounded.
    straight : share of those who give every item of `columns` one and the same answer (their own most frequent one); the
        others answer at random, with the grades that occur in each column.
    columns : all by default.

    Returns
    -------
    answers, kind
        ``kind`` is ``""``, ``"straight"`` or ``"random"`` for each respondent: the truth that a cleaning rule should find.
    """
    rng = np.random.default_rng(seed)
    names = list(columns if columns is not None else answers.columns)
    chosen = rng.permutation(len(answers))[: round(share * len(answers))]
    liners = chosen[: round(straight * len(chosen))]
    values = answers[names].to_numpy(copy=True)
    kind = np.full(len(answers), "", dtype=object)
    for row in liners:
        grades, counts = np.unique(values[row], return_counts=True)
        values[row] = grades[counts.argmax()]
        kind[row] = "straight"
    for row in chosen[len(liners) :]:
        values[row] = [rng.integers(column.min(), column.max() + 1) for column in answers[names].to_numpy().T]
        kind[row] = "random"
    return answers.assign(**{name: values[:, i] for i, name in enumerate(names)}), pd.Series(kind, index=answers.index)


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
        ``Int64`` columns; a left-out answer is ``<NA>``. Nobody skips everything.
    """
    if not 0 <= share <= skippers <= 1:
        raise OptionError(
            f"share {share} with {skippers} skippers",
            where="leave_out",
            allowed="0 ≤ share ≤ skippers ≤ 1",
            mend="raise skippers",
        )
    rng = np.random.default_rng(seed)
    names = list(columns if columns is not None else answers.columns)
    chance = np.where(driver.to_numpy() == 1, ratio, 1.0) if driver is not None else np.ones(len(answers))
    skips = rng.random(len(answers)) < skippers * chance / chance.mean()
    gone = skips[:, None] & (rng.random((len(answers), len(names))) < (share / skippers if skippers else 0))
    gone[gone.all(axis=1), 0] = False
    left = answers[names].astype("Int64").mask(pd.DataFrame(gone, index=answers.index, columns=names))
    return answers.assign(**{name: left[name] for name in names})


def durations(kind: pd.Series, seed: Seed, median: float, least: float) -> pd.Series:
    """Return the seconds that each respondent took.

    Parameters
    ----------
    kind : from `careless`; ``""`` is an honest respondent.
    seed : an int or a Generator.
    median : of the honest ones, whose times are log-normal (σ = 0.35).
    least : nobody reads the questionnaire faster: honest respondents take at least this, careless ones 25–90 % of it.
    """
    rng = np.random.default_rng(seed)
    honest = np.maximum(median * np.exp(0.35 * rng.standard_normal(len(kind))), least * rng.uniform(1.02, 1.3, len(kind)))
    hasty = least * rng.uniform(0.25, 0.9, len(kind))
    return pd.Series(np.where(kind == "", honest, hasty).round().astype(np.int64), index=kind.index)


def return_times(n: int, seed: Seed, start: str, days: int) -> pd.Series:
    """Return when each of `n` answers came back: many in the first days, then levelling off, between 8 and 22 o'clock.

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
    times = pd.Timestamp(start) + pd.to_timedelta(np.sort(day), unit="D") + pd.to_timedelta(second, unit="s")
    return pd.Series(times)


def nudge(
    frame: pd.DataFrame,
    columns: Sequence[str],
    statistic: Callable[[pd.DataFrame], float],
    target: float,
    seed: Seed,
    low: int,
    high: int,
    rows: npt.ArrayLike | None = None,
    only: Sequence[int] | None = None,
) -> tuple[pd.DataFrame, int]:
    """Move as few answers as possible, each by one grade, until `statistic` is as near to `target` as it can get.

    The last step of reproducing a published figure: the population is chosen so that samples come near it, and this takes
    the rest out. The answers that move are a random sequence; how many of them move is found by bisection, so `statistic`
    must rise when answers rise (a mean, a share of top grades, an index).

    Parameters
    ----------
    frame : the answers.
    columns : whose answers may move.
    statistic : frame -> number.
    target : what it should be.
    seed : an int or a Generator.
    low, high : ends of the scale; no answer leaves it.
    rows : boolean mask of respondents whose answers may move; all by default. Missing answers stay missing.
    only : grades that may be left; all by default. For a share of top grades: the grade below the cut when it must rise, the
        cut's own when it must fall, both are named (``[3, 4]`` for the share of 4 and 5).

    Returns
    -------
    frame, moved
        The new answers and how many were moved.

    Raises
    ------
    OptionError
        Moving all of them does not reach `target`.
    """
    rng = np.random.default_rng(seed)
    up = statistic(frame) < target
    step = 1 if up else -1
    values = frame[list(columns)].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    free = (values < high) if up else (values > low)
    if only is not None:
        free &= values == (min(only) if up else max(only))
    if rows is not None:
        free &= np.asarray(rows, dtype=bool)[:, None]
    cells = rng.permutation(np.argwhere(free))

    def moved(count: int) -> pd.DataFrame:
        at = values.copy()
        at[cells[:count, 0], cells[:count, 1]] += step
        new = pd.DataFrame(at, index=frame.index, columns=list(columns))
        return frame.assign(**{c: new[c].astype("Int64").astype(frame[c].dtype) for c in columns})

    few, many = 0, len(cells)
    if step * (statistic(moved(many)) - target) < 0:
        raise OptionError(
            f"moving every answer by one grade gives {statistic(moved(many)):.4g}, not {target:.4g}",
            where="nudge",
            allowed="a target near the present value",
            mend="change the population so that its samples come nearer",
        )
    while many - few > 1:
        half = (few + many) // 2
        if step * (statistic(moved(half)) - target) < 0:
            few = half
        else:
            many = half
    best = min((few, many), key=lambda count: abs(statistic(moved(count)) - target))
    return moved(best), best
