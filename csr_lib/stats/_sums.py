"""Sums of products behind means and covariances. Draws of a bootstrap are the last axis of every array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Array = np.ndarray

#: Rows that are multiplied at a time, so that a million rows need no second copy of the data.
BLOCK = 32_768
#: The same where every row becomes hundreds of products.
SMALL_BLOCK = 4096


def complete(x: Array, w: Array, n: float) -> tuple[Array, Array]:
    """Means (p,) and covariances (p, p) of complete rows `x` (N, p) with weights `w` (N,), correction n/(n−1)."""
    total = w.sum()
    mean = (w @ x) / total
    second = np.zeros((x.shape[1], x.shape[1]))
    for at in range(0, len(x), BLOCK):
        block = x[at : at + BLOCK] - mean
        second += block.T @ (block * w[at : at + BLOCK, None])
    return mean, second * (n / (n - 1) / total)


def products(x: Array, w: Array | None = None) -> Array:
    """The columns of `x` (n, p) and all p(p+1)/2 products of two, as rows: (p + p(p+1)/2, n); times the weights `w` (n,)."""
    p = x.shape[1]
    i, j = np.triu_indices(p)
    xt = np.ascontiguousarray(x.T)
    out = np.empty((p + len(i), len(x)))
    out[:p] = xt if w is None else xt * w
    np.multiply(out[i], xt[j], out=out[p:])
    return out


def complete_batch(x: Array, w: Array) -> Array:
    """Sums of `products` for weights `w` (rows, B), without keeping the products: (p + p(p+1)/2, B)."""
    p = x.shape[1]
    sums = np.zeros((p + p * (p + 1) // 2, w.shape[1]))
    for at in range(0, len(x), SMALL_BLOCK):
        sums += products(x[at : at + SMALL_BLOCK]) @ w[at : at + SMALL_BLOCK]
    return sums


def complete_moments(sums: Array, p: int, total: Array, n: Array) -> tuple[Array, Array]:
    """Means (p, B) and covariances (p, p, B) from sums of `products` (overwritten), weights `total` (B,), `n` (B,) rows."""
    out = np.empty((p, p, sums.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        sums /= total
        means, at = sums[:p], p
        correction = n / (n - 1)
        for i in range(p):  # one row of the triangle at a time stays in the processor's cache
            row = sums[at : at + p - i]
            row -= means[i] * means[i:]
            np.multiply(row, correction, out=out[i, i:])
            out[i:, i] = out[i, i:]
            at += p - i
    return means, out


def symmetric(p: int) -> Array:
    """Where in a list of the upper triangle each entry of a symmetric (p, p) matrix stands."""
    i, j = np.triu_indices(p)
    place = np.empty((p, p), dtype=np.intp)
    place[i, j] = place[j, i] = np.arange(len(i))
    return place


class PairSums(NamedTuple):
    """Sums over incomplete rows, draws or groups of rows last.

    `both` and `cross` (p(p+1)/2, B): weights and products of the rows that have both answers of a pair; `first` and `square`
    (p·p, B): answers to a column, and their squares, in the rows that have an answer to the other; `answered` (p, B): rows with
    an answer, for the divisor n − 1.
    """

    both: Array
    cross: Array
    first: Array
    square: Array
    answered: Array


def pair_sums(x: Array, w: Array, rows: Array) -> PairSums:
    """Sums for weights `w` (rows, B) and times `rows` (rows, B) that each row is counted."""
    p, draws = x.shape[1], w.shape[1]
    i, j = np.triu_indices(p)
    out = PairSums(*(np.zeros((k, draws)) for k in (len(i), len(i), p * p, p * p, p)))
    for at in range(0, len(x), SMALL_BLOCK):
        block = x[at : at + SMALL_BLOCK].T
        seen = (~np.isnan(block)).astype(float)
        zero = np.where(seen > 0, block, 0.0)
        wb = w[at : at + SMALL_BLOCK]
        out.both[...] += (seen[i] * seen[j]) @ wb
        out.cross[...] += (zero[i] * zero[j]) @ wb
        out.first[...] += (zero[:, None] * seen[None]).reshape(p * p, -1) @ wb
        out.square[...] += ((zero**2)[:, None] * seen[None]).reshape(p * p, -1) @ wb
        out.answered[...] += seen @ rows[at : at + SMALL_BLOCK]
    return out


def pair_sums_of_one(x: Array, w: Array) -> PairSums:
    """The sums of one group of rows (no last axis), `w` (rows,)."""
    seen = (~np.isnan(x)).astype(float)
    zero = np.where(seen > 0, x, 0.0)
    weighted = seen * w[:, None]
    upper = np.triu_indices(x.shape[1])
    return PairSums(
        (seen.T @ weighted)[upper],
        (zero.T @ (zero * w[:, None]))[upper],
        (zero.T @ weighted).ravel(),
        ((zero**2).T @ weighted).ravel(),
        seen.sum(0),
    )


def pair_moments(sums: PairSums) -> tuple[Array, Array]:
    """Means (p, B) and covariances (p, p, B) from all answers there are.

    Each column keeps its own standard deviation; the correlation of a pair comes from the rows that have both.
    """
    p, draws = sums.answered.shape
    first, square = (s.reshape(p, p, draws) for s in (sums.first, sums.square))
    place = symmetric(p)
    with np.errstate(invalid="ignore", divide="ignore"):
        n_pair = sums.both[place]
        m = first / n_pair  # mean of the row's column where the column's column has an answer
        v = square / n_pair - m**2
        r = (sums.cross[place] / n_pair - m * m.transpose(1, 0, 2)) / np.sqrt(v * v.transpose(1, 0, 2))
        own = np.arange(p)
        r[own, own] = 1.0
        sd = np.sqrt(v[own, own] * sums.answered / (sums.answered - 1))
    return m[own, own].copy(), r * sd[:, None] * sd[None]


def drawn_moments(means: Array, covs: Array, centre: Array) -> tuple[Array, Array]:
    """Put the centre back and the draws first; the variance of what is constant but for rounding becomes 0 exactly."""
    own = np.arange(len(covs))
    with np.errstate(invalid="ignore"):
        rounding = covs[own, own] < 1e-12 * (covs[own, own] + means**2)
    covs[own, own] = np.where(rounding, 0.0, covs[own, own])
    return np.moveaxis(means + centre[:, None], -1, 0), np.moveaxis(covs, -1, 0)


@dataclass(frozen=True, eq=False)
class GroupSums:
    """Sums of the answers of segments or waves, from which their means in any resample follow.

    Per group (segment): `units`, the rows or groups of rows that hold some of it; `first` (p, u), weighted sums of answers in
    each; `total` (p or 1, u), the weights of the answers. `base` (U,) is how often a unit counts in the sample as it is.
    """

    units: tuple[Array | slice, ...]
    first: tuple[Array, ...]
    total: tuple[Array, ...]
    base: Array
    columns: int

    def means(self, counts: Array | None = None) -> Array:
        """Means by group: (G, p), or (B, G, p) for `counts` (B, U); NaN where a group has no answer."""
        drawn = self.base[:, None] if counts is None else np.asarray(counts, dtype=float).T
        out = np.empty((len(self.units), self.columns, drawn.shape[1]))
        for g, (units, first, total) in enumerate(zip(self.units, self.first, self.total, strict=True)):
            with np.errstate(invalid="ignore", divide="ignore"):
                np.divide(first @ drawn[units], total @ drawn[units], out=out[g])
        return out[..., 0] if counts is None else np.moveaxis(out, -1, 0)
