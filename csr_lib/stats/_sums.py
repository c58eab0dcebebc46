"""Sums of products behind means and covariances. Draws of a bootstrap are the last axis of every array."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

#: Rows that are multiplied at a time, so that a million rows need no second copy of the data.
BLOCK = 32_768


def complete(x: Array, w: Array, n: float) -> tuple[Array, Array]:
    """Means (p,) and covariances (p, p) of complete rows `x` (N, p) with weights `w` (N,), correction n/(n−1)."""
    total = w.sum()
    mean = (w @ x) / total
    second = np.zeros((x.shape[1], x.shape[1]))
    for at in range(0, len(x), BLOCK):
        block = x[at : at + BLOCK] - mean
        second += block.T @ (block * w[at : at + BLOCK, None])
    return mean, second * (n / (n - 1) / total)


def products(x: Array) -> Array:
    """The columns of `x` (n, p) and all p(p+1)/2 products of two, as rows: (p + p(p+1)/2, n)."""
    p = x.shape[1]
    i, j = np.triu_indices(p)
    xt = np.ascontiguousarray(x.T)
    out = np.empty((p + len(i), len(x)))
    out[:p] = xt
    np.multiply(xt[i], xt[j], out=out[p:])
    return out


def complete_batch(x: Array, w: Array, n: Array, ready: Array | None) -> tuple[Array, Array]:
    """Means (p, B) and covariances (p, p, B) for weights `w` (rows, B); `n` (B,) rows drawn; `ready`: `products` of x."""
    p = x.shape[1]
    i, j = np.triu_indices(p)
    if ready is not None:
        sums = ready @ w
    else:
        sums = np.zeros((p + len(i), w.shape[1]))
        for at in range(0, len(x), 4096):
            sums += products(x[at : at + 4096]) @ w[at : at + 4096]
    with np.errstate(invalid="ignore", divide="ignore"):
        sums /= w.sum(0)
        means, second = sums[:p], sums[p:]
        second -= means[i] * means[j]
        second *= n / (n - 1)
    place = np.empty((p, p), dtype=np.intp)
    place[i, j] = place[j, i] = np.arange(len(i))
    return means, second[place]


def pairwise(x: Array, w: Array, answered: Array) -> tuple[Array, Array]:
    """Means (p, B) and covariances (p, p, B) from all answers there are.

    `answered` (p, B) counts the rows with an answer, for the divisor n − 1. Each column keeps its own standard deviation;
    the correlation of a pair comes from the rows that have both.
    """
    p, draws = x.shape[1], w.shape[1]
    i, j = np.triu_indices(p)
    both = np.zeros((len(i), draws))
    cross = np.zeros((len(i), draws))
    first = np.zeros((p * p, draws))
    square = np.zeros((p * p, draws))
    for at in range(0, len(x), 4096):
        block = x[at : at + 4096].T
        seen = (~np.isnan(block)).astype(float)
        zero = np.where(seen > 0, block, 0.0)
        wb = w[at : at + 4096]
        both += (seen[i] * seen[j]) @ wb
        cross += (zero[i] * zero[j]) @ wb
        first += (zero[:, None] * seen[None]).reshape(p * p, -1) @ wb
        square += ((zero**2)[:, None] * seen[None]).reshape(p * p, -1) @ wb
    first = first.reshape(p, p, draws)
    square = square.reshape(p, p, draws)
    place = np.empty((p, p), dtype=np.intp)
    place[i, j] = place[j, i] = np.arange(len(i))
    with np.errstate(invalid="ignore", divide="ignore"):
        n_pair = both[place]
        m = first / n_pair  # mean of the row's column where the column's column has an answer
        v = square / n_pair - m**2
        r = (cross[place] / n_pair - m * m.transpose(1, 0, 2)) / np.sqrt(v * v.transpose(1, 0, 2))
        own = np.arange(p)
        r[own, own] = 1.0
        sd = np.sqrt(v[own, own] * answered / (answered - 1))
    return m[own, own].copy(), r * sd[:, None] * sd[None]
