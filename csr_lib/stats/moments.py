"""Weighted means and covariances: the one thing that path models, regression, reliability and importance need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.stats import _sums
from csr_lib.stats._em import em_moments

if TYPE_CHECKING:
    from csr_lib.stats.grouped import GroupedSample

Array = np.ndarray
Kind = Literal["none", "sampling", "frequency"]
Missing = Literal["listwise", "pairwise", "em"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Means and covariances of p columns, and on what they rest.

    Attributes
    ----------
    columns : names of the columns.
    mean : (p,), in the units of the columns.
    cov : (p, p), unbiased (divisor n − 1 without weights; see `moments`).
    n : rows used; for frequency weights the sum of their weights.
    n_effective : Kish's effective n, (Σw)²/Σw²; equal to `n` without sampling weights.
    kind : ``none``, ``sampling`` or ``frequency``.
    missing : the rule for missing answers, ``listwise``, ``pairwise`` or ``em``.
    n_missing : rows left out (listwise) or completed (pairwise, em) because of missing answers.
    n_smallest : effective number of rows behind the weakest entry of `cov`; tests and intervals that are computed from
        moments use it. Smaller than `n_effective` only with ``pairwise`` and ``em`` and incomplete rows.
    """

    columns: tuple[str, ...]
    mean: Array
    cov: Array
    n: float
    n_effective: float
    kind: Kind = "none"
    missing: Missing = "listwise"
    n_missing: float = 0.0
    n_smallest: float = math.nan

    def __post_init__(self) -> None:
        p = len(self.columns)
        for name, shape in (("mean", (p,)), ("cov", (p, p))):
            array = np.array(getattr(self, name), dtype=float)
            if array.shape != shape:
                raise DataError(f"{name} has shape {array.shape}", where="moments", allowed=f"{shape} for {p} columns")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "columns", tuple(self.columns))
        if math.isnan(self.n_smallest):
            object.__setattr__(self, "n_smallest", self.n_effective)

    @classmethod
    def from_correlation(cls, columns: Sequence[str], mean: Any, sd: Any, correlation: Any, n: float) -> Moments:
        """Make moments from published means, standard deviations (divisor n − 1) and correlations of `n` answers."""
        sd = np.asarray(sd, dtype=float)
        return cls(tuple(columns), np.asarray(mean, float), np.asarray(correlation, float) * np.outer(sd, sd), n, n)

    @property
    def sd(self) -> Array:
        """Standard deviations, (p,)."""
        return np.sqrt(np.diag(self.cov))

    @property
    def correlation(self) -> Array:
        """Correlations, (p, p), with exact ones on the diagonal."""
        sd = self.sd
        r = self.cov / np.outer(sd, sd)
        np.fill_diagonal(r, 1.0)
        return r

    @property
    def smallest_eigenvalue(self) -> float:
        """Smallest eigenvalue of the correlation matrix; negative where pairwise correlations contradict each other."""
        return float(np.linalg.eigvalsh(self.correlation)[0])

    @property
    def positive_semidefinite(self) -> bool:
        """Whether any answers could have this covariance matrix; only ``pairwise`` can fail."""
        return self.smallest_eigenvalue > -1e-10

    def take(self, columns: Sequence[str]) -> Moments:
        """Return the moments of some columns, in the order asked for."""
        missing = [unknown(c, self.columns, what="column", where="moments") for c in columns if c not in self.columns]
        if missing:
            raise DataError(missing)
        at = [self.columns.index(c) for c in columns]
        return Moments(
            tuple(columns),
            self.mean[at],
            self.cov[np.ix_(at, at)],
            self.n,
            self.n_effective,
            self.kind,
            self.missing,
            self.n_missing,
            self.n_smallest,
        )


@dataclass(frozen=True, eq=False)
class Sample:
    """Checked answers, ready for moments and for resampling them; made by `sample`.

    Attributes
    ----------
    columns : names of the p columns.
    answers : (n, p); NaN only with ``pairwise`` and ``em``.
    weights : (n,), positive; ones without case weights.
    kind, missing, n_missing : as in `Moments`.
    kept : (N,), which of the rows that were handed in are in `answers`.
    """

    columns: tuple[str, ...]
    answers: Array
    weights: Array
    kind: Kind
    missing: Missing
    n_missing: float
    kept: Array

    @property
    def n(self) -> float:
        """Rows; for frequency weights the sum of their weights."""
        return float(self.weights.sum()) if self.kind == "frequency" else float(len(self.weights))

    @property
    def n_effective(self) -> float:
        """Kish's effective n; `n` without sampling weights."""
        from csr_lib.stats.case_weights import effective_n  # which needs `checked_weights` of this module

        return effective_n(self.weights) if self.kind == "sampling" else self.n

    @property
    def units(self) -> int:
        """How many things a resample draws from: rows."""
        return len(self.answers)

    @property
    def base(self) -> Array:
        """How often each row counts in the sample as it is, (n,): ones, or the frequency weights."""
        return self.weights if self.kind == "frequency" else np.ones(len(self.weights))

    @cached_property
    def complete(self) -> bool:
        """Whether every row has every answer."""
        return not bool(np.isnan(self.answers).any())

    def take(self, columns: Sequence[str]) -> Sample:
        """Return some columns of the same rows, in the order asked for.

        Their moments are those of the whole sample but under ``em`` with incomplete rows, where every column helps to complete
        the others.
        """
        missing = [unknown(c, self.columns, what="column", where="sample") for c in columns if c not in self.columns]
        if missing:
            raise DataError(missing)
        if tuple(columns) == self.columns:
            return self
        at = [self.columns.index(c) for c in columns]
        return replace(self, columns=tuple(columns), answers=np.take(self.answers, at, axis=1))

    def moments(self) -> Moments:
        """Return the moments; see `moments`."""
        n_smallest = self.n_effective
        if self.complete:
            mean, cov = _sums.complete(self.answers, self.weights, self.n)
        else:
            n_smallest = self._check_pairs()
            w = self.weights[:, None]
            rows = np.array([self.n])
            if self.missing == "pairwise":
                counted = w if self.kind == "frequency" else np.ones_like(w)
                means, covs = _sums.pair_moments(_sums.pair_sums(self.answers - self._centre, w, counted))
                mean, cov = means[:, 0] + self._centre, covs[..., 0]
            else:
                means, covs, converged = em_moments(self.answers, w, rows, tolerance=1e-10, max_iterations=5000)
                if not converged[0]:
                    raise AnalysisError(
                        "the EM algorithm for incomplete rows did not converge",
                        where=", ".join(self.columns),
                        mend="use missing: listwise or pairwise, or leave out columns with few answers",
                    )
                mean, cov = means[..., 0], covs[..., 0]
        _check_constant(self.columns, mean, cov)
        return Moments(self.columns, mean, cov, self.n, self.n_effective, self.kind, self.missing, self.n_missing, n_smallest)

    def resampled(self, counts: Array) -> tuple[Array, Array]:
        """Return the moments of many resamples at once.

        Parameters
        ----------
        counts : (B, n), how often each row is in each resample (`csr_lib.stats.resampling.resample_counts`).

        Returns
        -------
        means (B, p) and covariances (B, p, p), by the same weights and missing-data rule as `moments`; the draws are the
        last axis in memory. A column that is constant in a resample has variance 0 exactly; a resample whose moments do
        not exist (no pair of answers, EM that fails) is NaN.
        """
        drawn = np.asarray(counts, dtype=float).T
        w = drawn if self._products is not None or self.kind != "sampling" else drawn * self.weights[:, None]
        if self.complete:
            x, n = self.answers, drawn.sum(0)
            sums = _sums.complete_batch(x - self._centre, w) if self._products is None else self._products @ w
            total = self.weights @ drawn if self.kind == "sampling" else n
            means, covs = _sums.complete_moments(sums, x.shape[1], total, n)
        elif self.missing == "pairwise":
            means, covs = _sums.pair_moments(_sums.pair_sums(self.answers - self._centre, w, drawn))
        else:
            start = self._em_start
            means, covs, converged = em_moments(
                self.answers - self._centre, w, drawn.sum(0), tolerance=1e-5, max_iterations=500, start=start
            )
            means[:, ~converged] = np.nan
            covs[:, :, ~converged] = np.nan
        return _sums.drawn_moments(means, covs, self._centre)

    def group_means(self, codes: Array, counts: Array | None = None) -> Array:
        """Return the means within groups: (G, p), or (B, G, p) for resamples.

        Parameters
        ----------
        codes : (n,) integers 0 … G−1, the group of each row of `answers`; negative: in no group.
        counts : (B, n) as for `resampled`; None for the answers as they are.

        Notes
        -----
        With incomplete rows the mean is that of the answers there are, whatever the missing-data rule. A group without
        an answer in a resample is NaN.
        """
        return self.group_sums(codes).means(counts)

    def group_sums(self, codes: Array) -> _sums.GroupSums:
        """Return what `group_means` needs of the groups `codes`, so that many batches of resamples can share it."""
        groups = [np.flatnonzero(codes == g) for g in range(int(codes.max(initial=-1)) + 1)]
        first, total = [], []
        for rows in groups:
            x = self.answers[rows]
            w = self.weights[rows] if self.kind == "sampling" else np.ones(len(rows))
            if self.complete:
                total.append(w[None])
            else:
                seen = ~np.isnan(x)
                x = np.where(seen, x, 0.0)
                total.append(seen.T * w)
            first.append(x.T * w)
        return _sums.GroupSums(tuple(groups), tuple(first), tuple(total), self.base, len(self.columns))

    def grouped(self, groups: int = 1000, *, seed: Any = None, strata: Array | None = None) -> GroupedSample:
        """Return the rows as random groups, which are resampled in place of the rows; see `csr_lib.stats.grouped`."""
        from csr_lib.stats.grouped import grouped

        return grouped(self, groups, seed=seed, strata=strata)

    @cached_property
    def _centre(self) -> Array:
        """A point near the means, taken off before products are formed so that large levels cost no digits."""
        if self.complete:
            return self.answers.mean(axis=0)
        seen = ~np.isnan(self.answers)
        return np.where(seen, self.answers, 0.0).sum(0) / seen.sum(0)

    @cached_property
    def _products(self) -> Array | None:
        """Rows and products of complete data, times their sampling weights, kept where they fit into memory."""
        n, p = self.answers.shape
        if not self.complete or n * p * (p + 3) // 2 > 25_000_000:
            return None
        return _sums.products(self.answers - self._centre, self.weights if self.kind == "sampling" else None)

    @cached_property
    def _em_start(self) -> tuple[Array, Array]:
        m = self.moments()
        return m.mean - self._centre, m.cov

    def _check_pairs(self) -> float:
        """Raise where two columns were never answered together; return the smallest effective n of a pair."""
        seen = (~np.isnan(self.answers)).astype(float)
        w = self.weights
        together = seen.T @ (seen * w[:, None])
        rows = seen.T @ seen
        empty = np.argwhere(np.triu(rows < 2))
        if len(empty):
            raise AnalysisError(
                [
                    Problem(
                        f"fewer than two rows have answers to both '{self.columns[i]}' and '{self.columns[j]}'"
                        if i != j
                        else f"'{self.columns[i]}' has fewer than two answers",
                        "moments",
                        mend="leave one of them out",
                    )
                    for i, j in empty
                ]
            )
        if self.kind == "frequency":
            return float(together.min())
        return float((together**2 / (seen.T @ (seen * (w**2)[:, None]))).min())


def sample(
    data: pd.DataFrame | Array,
    weights: Any = None,
    *,
    kind: Kind = "sampling",
    missing: Missing = "listwise",
    columns: Sequence[str] | None = None,
) -> Sample:
    """Check answers and weights, and apply the part of the missing-data rule that concerns rows.

    Parameters, errors and formulas as for `moments`. Rows of weight 0 are left out and not counted.
    """
    for name, value, known in (("kind", kind, Kind), ("missing", missing, Missing)):
        if value not in known.__args__:  # type: ignore[attr-defined]
            raise OptionError([unknown(value, known.__args__, what=f"value of {name}", where=name)])  # type: ignore[attr-defined]
    names, values = _values(data, columns)
    if weights is None or kind == "none":
        kind, w = "none", np.ones(len(values))
    else:
        w = checked_weights(weights, len(values))
    used = w > 0
    seen = ~np.isnan(values)
    incomplete = used & ~seen.all(axis=1)
    kept = used & (seen.all(axis=1) if missing == "listwise" else seen.any(axis=1))
    n_missing = float(w[incomplete].sum()) if kind == "frequency" else float(incomplete.sum())
    if kept.sum() < 2 or (kind == "frequency" and w[kept].sum() <= 1):
        never = [c for c, any_answer in zip(names, seen[used].any(axis=0), strict=True) if not any_answer]
        raise AnalysisError(
            f"{int(kept.sum())} of {int(used.sum())} rows can be used, at least 2 are needed"
            + (f"; nobody answered {', '.join(never)}" if never else ""),
            where=", ".join(names),
            mend="leave out columns with few answers, or use missing: pairwise or em",
        )
    all_kept = bool(kept.all())
    return Sample(names, values if all_kept else values[kept], w if all_kept else w[kept], kind, missing, n_missing, kept)


def moments(
    data: pd.DataFrame | Array,
    weights: Any = None,
    *,
    kind: Kind = "sampling",
    missing: Missing = "listwise",
    columns: Sequence[str] | None = None,
) -> Moments:
    """Return weighted means and covariances.

    Parameters
    ----------
    data : (N, p) frame or array of numbers; NaN is no answer.
    weights : (N,) case weights; None for none.
    kind : ``sampling`` (weights say how many people a respondent stands for), ``frequency`` (a weight of 3 is three equal
        rows) or ``none`` (weights are ignored).
    missing : ``listwise`` (only complete rows), ``pairwise`` (every mean, standard deviation and correlation from the rows
        that have what it needs) or ``em`` (maximum likelihood under multivariate normality from all rows, by EM).
    columns : which columns of the frame, or names for the columns of an array.

    Returns
    -------
    Moments

    Raises
    ------
    DataError
        Columns that are not numbers, infinite values, weights that are negative, missing, infinite or all zero.
    AnalysisError
        Fewer than two usable rows, columns without variance (all are named), pairs never answered together, EM that
        does not converge.

    Notes
    -----
    mean = Σwx/Σw. Covariance = c·Σw(x−m)(x−m)ᵀ/Σw with c = n/(n−1), n the number of rows (for frequency weights Σw, which
    makes the divisor Σw − 1). ``em`` multiplies the maximum-likelihood matrix by the same c, so that it equals the others
    where nothing is missing. ``pairwise`` combines each column's own standard deviation with the correlations of the pairs;
    the result may fail to be positive semidefinite, see `Moments.positive_semidefinite`.
    The same numbers: R ``cov``, ``survey::svyvar`` (sampling), ``cov.wt`` up to the factor c,
    ``cor(use = "pairwise.complete.obs")``; pandas ``DataFrame.cov``.
    """
    return sample(data, weights, kind=kind, missing=missing, columns=columns).moments()


def _values(data: pd.DataFrame | Array, columns: Sequence[str] | None) -> tuple[tuple[str, ...], Array]:
    if isinstance(data, pd.DataFrame):
        if columns is not None:
            wrong = [unknown(c, data.columns, what="column", where="data") for c in columns if c not in data.columns]
            if wrong:
                raise DataError(wrong)
            data = data[list(columns)]
        text = [c for c in data.columns if not pd.api.types.is_numeric_dtype(data[c])]
        if text:
            raise DataError(
                [Problem("the column does not hold numbers", str(c), "numbers", "code its answers as numbers") for c in text]
            )
        names = tuple(str(c) for c in data.columns)
        values = data.to_numpy(dtype=float, na_value=np.nan)
    else:
        values = np.asarray(data, dtype=float)
        if values.ndim != 2:
            raise DataError(f"the answers have {values.ndim} dimensions", where="data", allowed="rows × columns")
        names = tuple(columns) if columns is not None else tuple(f"x{j + 1}" for j in range(values.shape[1]))
        if len(names) != values.shape[1]:
            raise DataError(f"{len(names)} names for {values.shape[1]} columns", where="columns")
    if not names:
        raise DataError("there are no columns", where="data")
    if len(set(names)) < len(names):
        twice = sorted({c for c in names if names.count(c) > 1})
        raise DataError(f"columns stand twice: {', '.join(twice)}", where="data", mend="name each column once")
    if np.isinf(values).any():
        bad = [c for c, wrong in zip(names, np.isinf(values).any(axis=0), strict=True) if wrong]
        raise DataError("infinite values", where=", ".join(bad), allowed="finite numbers, NaN for no answer")
    return names, values


def checked_weights(weights: Any, n: int) -> Array:
    """Return case weights as floats, or raise DataError: not one per row, negative, missing, infinite, all zero."""
    w = np.asarray(weights, dtype=float)
    if w.shape != (n,):
        raise DataError(f"{w.shape} weights for {n} rows", where="weights", allowed="one weight per row")
    if not np.isfinite(w).all():
        raise DataError(f"{int((~np.isfinite(w)).sum())} weights are missing or infinite", where="weights", allowed="numbers ≥ 0")
    if (w < 0).any():
        raise DataError(f"{int((w < 0).sum())} weights are negative", where="weights", allowed="numbers ≥ 0")
    if w.sum() <= 0:
        raise DataError("all weights are zero", where="weights", allowed="at least one weight above 0")
    return w


def _check_constant(columns: Sequence[str], mean: Array, cov: Array) -> None:
    variance = np.diag(cov)
    constant = [c for c, m, v in zip(columns, mean, variance, strict=True) if not v > (1e-9 * abs(m)) ** 2]
    if constant:
        raise AnalysisError(
            [
                Problem("all answers are the same", c, "answers that vary", "leave it out, or look for an error in its coding")
                for c in constant
            ]
        )
