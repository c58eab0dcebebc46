"""Polychoric correlations of ordinal items, all pairs at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.stats._binormal import Tables
from csr_lib.stats.distributions import chi2_above
from csr_lib.stats.moments import Kind, Moments, Sample, sample

Array = np.ndarray

#: A correlation that the likelihood drives beyond this is given as ±LIMIT and marked; polycor stops at the same place.
LIMIT = 0.9999
#: More different answers than this are not taken for ordered categories.
MOST_CATEGORIES = 20
#: Information about a correlation per answer below which the likelihood is flat: it rises for ever towards ±1.
_FLAT = 1e-8
#: Probabilities of cells are right to 1e-15: below the first they are not told from 0, and the second is the least divisor.
_IMPOSSIBLE = 1e-13
_TINY = 1e-16
#: Rows that are counted at a time.
_ROWS = 32_768
_STEPS = 100


@dataclass(frozen=True, eq=False)
class Polychoric:
    """Correlations of the normal variables that are thought to stand behind ordered categories.

    Attributes
    ----------
    columns : names of the p items.
    correlation : (p, p).
    categories : the answers that occur, ascending, by item.
    thresholds : one row per item and threshold: ``item below above estimate``, between which two answers it lies and where,
        in standard deviations of the normal variable.
    pairs : one row per pair: ``item other estimate std_error chi2 df p_value n n_effective empty_cells at_limit``.
        ``std_error`` allows for the estimated thresholds (NaN at the limit); ``chi2`` tests that the two normal variables
        are jointly normal (likelihood ratio); ``empty_cells`` counts combinations of answers that nobody gave.
    tables : (pairs, K, K), the weighted counts behind each pair, filled up with zeros where an item has fewer than K
        categories; see `table`.
    n, n_effective, kind, missing, n_missing, n_smallest : as in `Moments`.
    smoothed : largest change of a correlation by `smooth`; 0 where it was not asked for.
    """

    columns: tuple[str, ...]
    correlation: Array
    categories: dict[str, tuple[float, ...]]
    thresholds: pd.DataFrame
    pairs: pd.DataFrame
    tables: Array
    n: float
    n_effective: float
    kind: Kind
    missing: Literal["listwise", "pairwise"]
    n_missing: float
    n_smallest: float
    smoothed: float = 0.0

    @property
    def smallest_eigenvalue(self) -> float:
        """Smallest eigenvalue of the correlation matrix."""
        return float(np.linalg.eigvalsh(self.correlation)[0])

    @property
    def positive_definite(self) -> bool:
        """Whether any normal variables could have these correlations; pairs estimated one by one can contradict each other."""
        return self.smallest_eigenvalue > 1e-12

    def table(self, item: str, other: str) -> pd.DataFrame:
        """Return the weighted counts of a pair: categories of `item` in the rows, of `other` in the columns."""
        for name in (item, other):
            if name not in self.columns:
                raise OptionError([unknown(name, self.columns, what="item", where="table")])
        i, j = self.columns.index(item), self.columns.index(other)
        if i == j:
            raise OptionError(f"'{item}' is asked for twice", where="table", allowed="two different items")
        names = list(zip(self.pairs["item"], self.pairs["other"], strict=True))
        counts = self.tables[names.index((item, other))] if i < j else self.tables[names.index((other, item))].T
        rows, columns = self.categories[item], self.categories[other]
        return pd.DataFrame(counts[: len(rows), : len(columns)], pd.Index(rows, name=item), pd.Index(columns, name=other))

    def moments(self) -> Moments:
        """Return the correlations as Moments (means 0, standard deviations 1) for factors, alpha, omega or path models.

        Raises
        ------
        AnalysisError
            A correlation at its limit, or a matrix that is not positive definite (`smooth` it, if that is what is wanted).
        """
        stuck = self.pairs[self.pairs["at_limit"]]
        if len(stuck):
            raise AnalysisError(
                [
                    Problem(
                        f"the polychoric correlation has no estimate inside ±{LIMIT}",
                        f"{row.item}, {row.other}",
                        mend="leave out one of two items that say the same, join rare categories, or set empty_cell=0.5",
                    )
                    for row in stuck.itertuples()
                ]
            )
        if not self.positive_definite:
            raise AnalysisError(
                f"the polychoric correlations contradict each other (smallest eigenvalue {self.smallest_eigenvalue:.2g})",
                where=", ".join(self.columns),
                mend="smooth them and say so (.smooth()), use missing='listwise', join rare categories, or leave items out",
            )
        p = len(self.columns)
        return Moments(
            self.columns,
            np.zeros(p),
            self.correlation,
            self.n,
            self.n_effective,
            self.kind,
            self.missing,
            self.n_missing,
            self.n_smallest,
        )

    def smooth(self, smallest: float = 1e-4) -> Polychoric:
        """Return the same with eigenvalues raised to at least `smallest` times the largest, and ones on the diagonal again.

        A matrix whose eigenvalues are large enough stays as it is. ``smoothed`` says how far a correlation moved; `pairs` keeps
        the estimates. The same numbers: R ``lavaan::lavCor(cor.smooth = TRUE)``, and ``psych::cor.smooth`` with 1e-10.
        """
        if not 0 < smallest < 1:
            raise OptionError(f"a smallest eigenvalue of {smallest}", where="smallest", allowed="between 0 and 1, such as 1e-4")
        values, vectors = np.linalg.eigh(self.correlation)
        smallest *= values[-1]
        if values[0] >= smallest:
            return self
        mended = (vectors * np.maximum(values, smallest)) @ vectors.T
        sd = np.sqrt(np.diag(mended))
        mended /= np.outer(sd, sd)
        np.fill_diagonal(mended, 1.0)
        return replace(self, correlation=mended, smoothed=float(np.abs(mended - self.correlation).max()))


def polychoric(
    data: pd.DataFrame | Array,
    weights: Any = None,
    *,
    kind: Kind = "sampling",
    missing: Literal["listwise", "pairwise"] = "listwise",
    columns: Sequence[str] | None = None,
    empty_cell: float = 0.0,
) -> Polychoric:
    """Return polychoric correlations by two-step maximum likelihood.

    Parameters
    ----------
    data : rows × items, ordered categories coded by any ascending numbers; NaN is no answer.
    weights, kind, columns : as for `csr_lib.stats.moments.moments`.
    missing : ``listwise``, or ``pairwise``: thresholds from all answers to an item, a correlation from the rows with both.
    empty_cell : count put into cells of a pair's table that nobody is in, for the correlation only. 0 puts nothing there,
        which is maximum likelihood.

    Raises
    ------
    AnalysisError
        Fewer than two items, items with one answer only, with more than 20 different answers, or never answered together.
    DataError, OptionError
        As for `moments`; an `empty_cell` below 0.

    Notes
    -----
    Olsson (1979): thresholds are normal quantiles of the cumulative shares of each item; with them held fixed, each
    correlation maximises Σ n_ab log p_ab(ρ), p_ab bivariate normal probabilities of the cells (Newton's method with analytic
    derivatives, to 1e-12). Standard errors after Muthén (1984): estimating equations of
    thresholds and correlation together, bread and meat from the scores; with sampling weights the meat has squared weights.
    ``chi2`` = 2 Σ n_ab log(n_ab/(n p_ab)) with df = KL − K − L, on the effective n.
    The same numbers: R ``lavaan::lavCor(ordered=)`` and its standard errors, ``polycor::polychor(ML = FALSE)``,
    ``psych::polychoric(correct = 0)``, the last two to what their line searches leave open (about 1e-5). `empty_cell` is lavaan's
    ``zero.add`` with ``zero.keep.margins = FALSE``; lavaan by default changes 2×2 tables with an empty cell, this does not.
    """
    if missing not in ("listwise", "pairwise"):
        raise OptionError([unknown(missing, ("listwise", "pairwise"), what="value of missing", where="missing")])
    if not empty_cell >= 0 or math.isinf(empty_cell):
        raise OptionError(f"a count of {empty_cell} in empty cells", where="empty_cell", allowed="a number ≥ 0, such as 0.5")
    s = sample(data, weights, kind=kind, missing=missing, columns=columns)
    categories, codes = _coded(s)
    counts, squares, rows = _counts(s, codes, max(map(len, categories)))
    p, i, j = len(s.columns), *np.triu_indices(len(s.columns), 1)
    _check_pairs(s.columns, rows[i, :-1, j, :-1].sum(axis=(1, 2)), i, j)

    own = np.arange(p)
    answers = np.diagonal(counts[own, :-1, own, :-1], axis1=1, axis2=2)
    tau = _thresholds(answers, categories)
    cells = np.ascontiguousarray(counts[i, :-1, j, :-1])
    real = _real_cells(categories, i, j, cells.shape)
    n_empty = (real & (cells == 0)).sum(axis=(1, 2))
    model = Tables(tau[i], tau[j])
    rho, at_limit = _correlations(model, np.where(real & (cells == 0), empty_cell, cells))
    std_error = np.where(at_limit, np.nan, _standard_errors(model, rho, cells, squares[i, :, j, :], answers[i], answers[j]))

    n_rows = rows[i, :-1, j, :-1].sum(axis=(1, 2))
    n_pair = cells.sum(axis=(1, 2)) if s.kind == "frequency" else n_rows
    n_eff = cells.sum(axis=(1, 2)) ** 2 / squares[i, :-1, j, :-1].sum(axis=(1, 2)) if s.kind == "sampling" else n_pair
    sizes = np.array([len(c) for c in categories])
    df = sizes[i] * sizes[j] - sizes[i] - sizes[j]
    chi2 = _likelihood_ratio(cells, model.probabilities(rho), n_eff)
    chi2[df < 1] = np.nan
    correlation = np.eye(p)
    correlation[i, j] = correlation[j, i] = rho
    names = np.array(s.columns, dtype=object)
    pairs = pd.DataFrame(
        {
            "item": names[i],
            "other": names[j],
            "estimate": rho,
            "std_error": std_error,
            "chi2": chi2,
            "df": df,
            "p_value": chi2_above(chi2, df),
            "n": n_pair,
            "n_effective": n_eff,
            "empty_cells": n_empty,
            "at_limit": at_limit,
        }
    )
    thresholds = pd.DataFrame(
        [
            {"item": name, "below": low, "above": high, "estimate": tau[at, k]}
            for at, (name, values) in enumerate(zip(s.columns, categories, strict=True))
            for k, (low, high) in enumerate(pairwise(values))
        ]
    )
    return Polychoric(
        s.columns,
        correlation,
        dict(zip(s.columns, categories, strict=True)),
        thresholds,
        pairs,
        cells,
        s.n,
        s.n_effective,
        s.kind,
        missing,
        s.n_missing,
        float(n_eff.min()),
    )


def _coded(s: Sample) -> tuple[list[tuple[float, ...]], Array]:
    """The different answers to each item, and codes 0 … K−1 of all answers, −1 for none."""
    if len(s.columns) < 2:
        raise AnalysisError("a correlation needs at least two items", where=", ".join(s.columns))
    categories, codes, problems = [], np.empty(s.answers.shape, dtype=np.intp), []
    for at, name in enumerate(s.columns):
        column = s.answers[:, at]
        values = np.unique(column[~np.isnan(column)])
        if len(values) < 2:
            what = "all answers are the same" if len(values) else "nobody answered it"
            problems.append(Problem(what, name, "two or more different answers", "leave it out"))
        elif len(values) > MOST_CATEGORIES:
            problems.append(
                Problem(
                    f"{len(values)} different answers are too many for ordered categories",
                    name,
                    f"2 to {MOST_CATEGORIES}",
                    "use Pearson correlations (moments), or group its answers",
                )
            )
        else:
            codes[:, at] = np.where(np.isnan(column), -1, np.searchsorted(values, column))
        categories.append(tuple(float(v) for v in values))
    if problems:
        raise AnalysisError(problems)
    return categories, codes


def _counts(s: Sample, codes: Array, k: int) -> tuple[Array, Array, Array]:
    """Sums of weights, of what the variance of a sum of weights is made of, and of rows: each (p, k+1, p, k+1).

    The last category stands for no answer.
    """
    p = codes.shape[1]
    width = p * (k + 1)
    codes = np.where(codes < 0, k, codes) + np.arange(p) * (k + 1)
    powers = {"none": (0,), "frequency": (0, 1), "sampling": (0, 1, 2)}[s.kind]
    sums = {power: np.zeros((width, width)) for power in powers}
    for start in range(0, len(codes), _ROWS):
        block = codes[start : start + _ROWS]
        there = np.zeros((len(block), width))
        there[np.arange(len(block))[:, None], block] = 1.0
        for power in powers:
            w = s.weights[start : start + _ROWS, None] ** power
            sums[power] += there.T @ (there * w if power else there)
    shaped = {power: total.reshape(p, k + 1, p, k + 1) for power, total in sums.items()}
    rows, counts = shaped[0], shaped.get(1, shaped[0])
    return counts, shaped[2] if s.kind == "sampling" else counts, rows


def _check_pairs(columns: Sequence[str], n: Array, i: Array, j: Array) -> None:
    problems = [
        Problem(
            f"fewer than two rows have answers to both '{columns[a]}' and '{columns[b]}'", "data", mend="leave one of them out"
        )
        for a, b, rows in zip(i, j, n, strict=True)
        if rows < 2
    ]
    if problems:
        raise AnalysisError(problems)


def _thresholds(answers: Array, categories: Sequence[tuple[float, ...]]) -> Array:
    """Normal quantiles of the cumulative shares, (p, K−1), +inf beyond an item's last threshold."""
    below = np.cumsum(answers, axis=1)
    tau = ndtri(below[:, :-1] / below[:, -1:])
    for at, values in enumerate(categories):
        tau[at, len(values) - 1 :] = np.inf
    return tau


def _real_cells(categories: Sequence[tuple[float, ...]], i: Array, j: Array, shape: tuple[int, ...]) -> Array:
    """Which cells of the tables (m, K, K) stand for categories that both items have."""
    sizes = np.array([len(values) for values in categories])
    k = np.arange(shape[1])
    there: Array = (k[None, :, None] < sizes[i][:, None, None]) & (k[None, None, :] < sizes[j][:, None, None])
    return there


def _correlations(model: Tables, cells: Array) -> tuple[Array, Array]:
    """Maximise the likelihood of every table over its correlation: (m,) estimates and whether they are at the limit.

    Newton's method between the nearest values at which the score is known to point up (`low`) and down (`high`).
    """
    m = len(cells)
    rho = np.clip(_start(cells), -0.9, 0.9)
    low, high = np.full(m, -LIMIT), np.full(m, LIMIT)
    at_limit = np.zeros(m, dtype=bool)
    left, part, counts = np.arange(m), model, cells
    for _ in range(_STEPS):
        now = rho[left]
        score, step, flat, absurd = _newton(part, counts, now)
        up = np.where(absurd, now < 0, score > 0)
        at_limit[left] = ~absurd & (flat | np.where(up, now >= LIMIT, now <= -LIMIT))
        low[left] = np.where(up, now, low[left])
        high[left] = np.where(up, high[left], now)
        new = np.clip(now + step, -LIMIT, LIMIT)
        # an end of the range may be tried, but nothing beyond what is known, and nothing where the score cannot be trusted
        outside = absurd | (new < low[left]) | (new > high[left])
        new = np.where(outside, (low[left] + high[left]) / 2, new)
        done = at_limit[left] | (np.abs(new - now) < 1e-12) & (np.abs(new) < LIMIT)
        rho[left] = np.where(at_limit[left], np.copysign(LIMIT, now), new)
        if done.all():
            return rho, at_limit
        if done.any():
            left = left[~done]
            part, counts = model.take(left), cells[left]
    raise AnalysisError(
        f"the likelihood of {len(left)} polychoric correlations has no clear maximum",
        where="polychoric",
        mend="join rare categories, or use Pearson correlations",
    )


def _newton(model: Tables, cells: Array, rho: Array) -> tuple[Array, Array, Array, Array]:
    """Score, Newton's step, whether the likelihood is flat, and whether answers occur that could not at this correlation."""
    p = model.probabilities(rho)
    absurd = np.asarray(((cells > 0) & (p < _IMPOSSIBLE)).any(axis=(1, 2)))
    p = np.maximum(p, _TINY)
    first, second = model.derivatives(rho)
    ratio = first / p
    score = (cells * ratio).sum(axis=(1, 2))
    curvature = (cells * (second / p - ratio**2)).sum(axis=(1, 2))
    n = cells.sum(axis=(1, 2))
    information = n * (first * ratio).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.nan_to_num(score / np.where(curvature < 0, -curvature, information))
    return score, step, information < _FLAT * n, absurd


def _start(cells: Array) -> Array:
    """Pearson correlations of the category numbers."""
    share = cells / cells.sum(axis=(1, 2), keepdims=True)
    x = np.arange(cells.shape[1], dtype=float)
    a, b = share.sum(axis=2), share.sum(axis=1)
    mean_a, mean_b = a @ x, b @ x
    covariance = np.einsum("mab,a,b->m", share, x, x) - mean_a * mean_b
    variances = (a @ x**2 - mean_a**2) * (b @ x**2 - mean_b**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(covariance / np.sqrt(variances), posinf=0.0, neginf=0.0)


def _standard_errors(model: Tables, rho: Array, cells: Array, squares: Array, rows: Array, columns: Array) -> Array:
    """Errors of the correlations that allow for the estimated thresholds, (m,).

    Every row of the data moves the correlation by (s − a·h − b·k)/Σws², s its score, h and k what it does to the thresholds
    of the two items, a and b how the score's sum changes with them. All rows of one cell do the same, and rows that answered only
    one of the two items move its thresholds too: `squares` (m, K+1, K+1) counts them in its last row and column.
    """
    p = np.maximum(model.probabilities(rho), _TINY)
    score = model.derivatives(rho)[0] / p
    weighted = cells * score / p
    flipped = Tables(model.columns, model.rows)
    by_rows = _threshold_influence(weighted, model.threshold_derivatives(rho), model.rows, rows)
    by_columns = _threshold_influence(weighted.transpose(0, 2, 1), flipped.threshold_derivatives(rho), model.columns, columns)
    influence = np.zeros_like(squares)
    influence[:, :-1, :-1] = score
    influence[:, :-1, :] -= by_rows[:, :, None]
    influence[:, :, :-1] -= by_columns[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt((squares * influence**2).sum(axis=(1, 2))) / (cells * score**2).sum(axis=(1, 2))


def _threshold_influence(weighted: Array, gain: Array, tau: Array, answers: Array) -> Array:
    """What an answer in each category moves the summed score by way of its item's thresholds, (m, K)."""
    slope = ((weighted[:, :-1] - weighted[:, 1:]) * gain).sum(axis=2)  # Σ w s ∂log p/∂τ
    total = answers.sum(axis=1, keepdims=True)
    below = (np.cumsum(answers, axis=1) / total)[:, :-1]
    finite = np.isfinite(tau)
    density = np.where(finite, np.exp(-0.5 * np.where(finite, tau, 0.0) ** 2) / math.sqrt(2 * math.pi), np.inf)
    k = answers.shape[1]
    is_below = np.arange(k)[:, None] <= np.arange(k - 1)[None, :]
    moved: Array = np.einsum("mk,mak->ma", slope, (is_below - below[:, None, :]) / density[:, None, :]) / total
    return moved


def _likelihood_ratio(cells: Array, p: Array, n: Array) -> Array:
    """2 Σ n log(n/expected) of each table, on `n` answers."""
    share = cells / cells.sum(axis=(1, 2), keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(share > 0, share * np.log(share / np.maximum(p, _TINY)), 0.0)
    return 2 * n * terms.sum(axis=(1, 2))
