"""Item means of many overlapping groups of respondents, for the answers as they are and for all resamples at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from csr_lib.stats.moments import Moments, Sample

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class GroupMeans:
    """Weighted item means of named groups of rows; a row may be in any number of groups.

    The sums of a resample are one sparse product: membership × answers, times how often every row was drawn. So groups cost in
    proportion to their rows, and a group, its complement and the whole of one resample agree with each other.

    Attributes
    ----------
    names : of the groups, in order.
    rows : group -> (n,) bool, its rows in the sample.
    """

    names: tuple[str, ...]
    rows: Mapping[str, Array]
    sample: Sample
    items: int
    _summands: object
    _as_is: Array

    @classmethod
    def of(cls, sample: Sample, values: Array, rows: Mapping[str, Array]) -> GroupMeans:
        """Prepare the groups `rows` of `sample` for its answers `values` (n, k), some columns of it or `completed` ones.

        A missing answer leaves its row out of that item's mean.
        """
        from scipy.sparse import csr_array

        x = values
        n, k = x.shape
        seen = ~np.isnan(x)
        w = sample.weights if sample.kind == "sampling" else np.ones(n)
        # per group 2k rows: weighted answers, and the weights of those who gave them
        values = np.hstack([np.where(seen, x, 0.0), seen.astype(float)]) * w[:, None]
        data, columns, ends = [], [], [0]
        for inside in rows.values():
            at = np.flatnonzero(inside)
            data.append(values[at].T.ravel())
            columns.append(np.tile(at, 2 * k))
            ends += [ends[-1] + len(at) * (j + 1) for j in range(2 * k)]
        summands = csr_array(
            (np.concatenate(data) if data else np.zeros(0), np.concatenate(columns) if columns else np.zeros(0, int), np.array(ends)),
            shape=(2 * k * len(rows), n),
        )
        as_is = sample.weights if sample.kind == "frequency" else np.ones(n)
        return cls(tuple(rows), dict(rows), sample, k, summands, as_is[None])

    def sums(self, counts: Array | None = None) -> tuple[Array, Array]:
        """Return weighted sums and sums of weights, (B, G, k) each; `counts` (B, n) draws, None for the answers as they are."""
        drawn = self._as_is if counts is None else counts
        out = np.asarray(self._summands @ np.ascontiguousarray(drawn.T)).T  # type: ignore[operator]
        out = out.reshape(len(drawn), len(self.names), 2, self.items)
        return out[:, :, 0], out[:, :, 1]

    def n(self, name: str) -> float:
        """Return the respondents of a group (for frequency weights the sum of their weights)."""
        inside = self.rows[name]
        return float(self.sample.weights[inside].sum()) if self.sample.kind == "frequency" else float(inside.sum())

    def n_effective(self, name: str) -> float:
        """Return Kish's effective n of a group."""
        w = self.sample.weights[self.rows[name]]
        if self.sample.kind != "sampling" or not len(w):
            return self.n(name)
        return float(w.sum() ** 2 / (w**2).sum())


def means(sums: Array, weights: Array) -> Array:
    """Return means of `GroupMeans.sums`; NaN where a resample has no answer of the group."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weights > 0, sums / weights, np.nan)


def completed(sample: Sample, moments: Moments, columns: Sequence[str]) -> Array:
    """Return the answers (n, k) to `columns`, the missing ones replaced by their expectation given the row's other answers.

    Under the EM estimates `moments` the mean of the completed rows is the EM mean, so that groups add up to the whole.
    """
    x = sample.values.copy()
    seen = ~np.isnan(x)
    for pattern in np.unique(seen, axis=0):
        if pattern.all():
            continue
        rows = (seen == pattern).all(axis=1)
        slope = np.linalg.solve(moments.cov[np.ix_(pattern, pattern)], moments.cov[np.ix_(pattern, ~pattern)])
        x[np.ix_(rows, ~pattern)] = moments.mean[~pattern] + (x[np.ix_(rows, pattern)] - moments.mean[pattern]) @ slope
    return x[:, [sample.columns.index(c) for c in columns]]
