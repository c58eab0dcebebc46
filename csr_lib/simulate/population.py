"""What is true: the distribution of every answer, and the correlations behind the answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from csr_lib.core.errors import OptionError, Problem, unknown
from csr_lib.core.model import Model


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
            centre, size = float(expit(at[0])), float(np.exp(np.clip(at[1], -20, 20)))
            cumulated: npt.NDArray[np.float64] = betainc(max(centre * size, 1e-12), max((1 - centre) * size, 1e-12), edges)
            return np.diff(cumulated)

        def miss(at: npt.NDArray[np.float64]) -> list[float]:
            p = shares(at)
            m = float(p @ grades)
            return [m - mean, math.sqrt(max(float(p @ (grades - m) ** 2), 0.0)) - sd]

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
            A coefficient or margin is missing or unknown, the coefficients explain more than the whole of a construct, or a
            construct is made of others.
        """
        problems = [
            Problem(f"'{c.name}' is made of other constructs", "model", "constructs with items", "simulate its parts")
            for c in model.wholes
        ]
        for where, given, wanted in (
            ("paths", paths, model.paths),
            ("loadings", loadings, model.items),
            ("margins", margins, model.items),
        ):
            problems += [unknown(str(k), map(str, wanted), what="key", where=where) for k in given if k not in wanted]
            problems += [Problem(f"nothing is given for {k}", where, mend="add it") for k in wanted if k not in given]
        problems += [
            Problem(f"the loading of item '{k}' is {v}", "loadings", "from -1 to 1", "standardise it")
            for k, v in loadings.items()
            if not -1 <= v <= 1
        ]
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
        at = {name: i for i, name in enumerate(names)}
        C = constructs.to_numpy()
        sources = {t: model.sources(t) for t in names if model.sources(t)}
        truth = {
            "paths": {f"{s} -> {t}": float(v) for (s, t), v in paths.items()},
            "total_effects": {
                f"{s} -> {model.target}": float(total[at[s], at[model.target]]) for s in model.ancestors(model.target)
            },
            "r2": {t: float(sum(paths[s, t] * C[at[s], at[t]] for s in into)) for t, into in sources.items()},
            "loadings": {k: float(loadings[k]) for k in items},
            "construct_correlation": {a: {b: float(C[at[a], at[b]]) for b in names} for a in names},
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
    outer = r.loc[done, done].to_numpy(dtype=float)
    if not np.isfinite(outer).all() or np.linalg.eigvalsh(outer)[0] <= 0:
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
        if not r2 < 1:  # a coefficient that is no number ends here too
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
