"""Random groups of rows in place of rows: a bootstrap whose cost hardly depends on how many rows there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats import _sums
from csr_lib.stats.moments import Kind, Missing, Moments, Sample

Array = np.ndarray

#: Groups, and the least number of them in a stratum that has so many rows.
GROUPS, GROUPS_PER_STRATUM = 1000, 100
#: Most people (sum of frequency weights) that are dealt out one by one.
MOST_PEOPLE = 50_000_000


@dataclass(frozen=True, eq=False)
class Partition:
    """Random groups of equal size (but for one row) within strata.

    Attributes
    ----------
    order : rows, group by group; with frequency weights a row stands as often as its weight says.
    bounds : (G + 1,) where each group begins in `order`.
    strata : (G,) code of the stratum that each group lies in.
    """

    order: Array
    bounds: Array
    strata: Array

    def __len__(self) -> int:
        return len(self.strata)

    @property
    def member(self) -> Array:
        """The group of every entry of `order`."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))


def partition(sample: Sample, groups: int, seed: Any = None, strata: Array | None = None) -> Partition:
    """Deal the rows of a sample out to about `groups` random groups of equal size.

    Parameters
    ----------
    groups : at least 100. A stratum gets its share of them, but at least 100, and never more than it has rows; where there are
        no more rows than groups every row is a group, in the order of the rows.
    seed : a seed or generator.
    strata : (n,) codes; a group lies in one stratum.

    Raises
    ------
    OptionError
        Fewer than 100 groups.
    DataError
        Frequency weights that are no whole numbers, or sum to more than 50 million.
    """
    if groups < GROUPS_PER_STRATUM:
        raise OptionError(
            f"{groups} groups", where="groups", allowed=f"a whole number ≥ {GROUPS_PER_STRATUM}", mend="ask for more groups"
        )
    people = np.arange(len(sample.weights))
    if not countable(sample):
        raise DataError(
            "rows with these frequency weights cannot be dealt out to groups",
            where="weights",
            allowed=f"whole numbers that sum to at most {MOST_PEOPLE:,}",
            mend="resample rows (method: rows)",
        )
    if sample.kind == "frequency":
        people = np.repeat(people, sample.weights.astype(np.intp))
    rng = np.random.default_rng(seed)
    codes = np.zeros(len(people), dtype=np.intp) if strata is None else np.asarray(strata)[people]
    order, sizes, layers = [], [], []
    for layer in np.unique(codes):
        rows = people[codes == layer] if strata is not None else people
        share = max(GROUPS_PER_STRATUM, round(groups * len(rows) / len(people)))
        if share < len(rows):
            rows = rng.permutation(rows)
        count = min(share, len(rows))
        order.append(rows)
        sizes.append(len(rows) // count + (np.arange(count) < len(rows) % count))
        layers.append(np.full(count, layer))
    return Partition(np.concatenate(order), np.r_[0, np.cumsum(np.concatenate(sizes))], np.concatenate(layers))


def countable(sample: Sample) -> bool:
    """Whether the people that frequency weights stand for can be dealt out one by one."""
    whole = sample.kind != "frequency" or bool((sample.weights == np.rint(sample.weights)).all())
    return whole and sample.n <= MOST_PEOPLE


def can_be_grouped(sample: Sample) -> bool:
    """Whether `grouped` takes the sample: frequency weights are countable, and incomplete rows are not left to EM."""
    return countable(sample) and (sample.missing != "em" or sample.complete)


@dataclass(frozen=True, eq=False)
class GroupedSample:
    """A Sample whose rows are resampled in random groups; made by `grouped` or `Sample.grouped`.

    It stands wherever a Sample is resampled: `moments` are those of the rows; `resampled` and `group_means` take counts of
    groups instead of rows.

    Attributes
    ----------
    rows : the Sample.
    groups : which rows are in which group.

    Notes
    -----
    A statistic that is a smooth function of means has the same bootstrap variance whether rows or random groups of them are
    drawn: with G groups of m rows the variance between group sums is m times that between rows. What is lost is knowledge of
    that variance, which rests on G groups instead of n rows: a standard error has a relative error of about 1/√(2G) (2.2 % at
    1,000 groups), besides the 1/√(2B) of B resamples. It is to the bootstrap what the delete-a-group jackknife (Kott 2001) is to
    the jackknife.
    """

    rows: Sample
    groups: Partition

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the p columns."""
        return self.rows.columns

    @property
    def kind(self) -> Kind:
        """Kind of the case weights."""
        return self.rows.kind

    @property
    def missing(self) -> Missing:
        """Rule for missing answers."""
        return self.rows.missing

    @property
    def n_missing(self) -> float:
        """Rows left out or completed because of missing answers."""
        return self.rows.n_missing

    @property
    def kept(self) -> Array:
        """Which of the rows that were handed in are used, (N,)."""
        return self.rows.kept

    @property
    def n(self) -> float:
        """Rows; for frequency weights the sum of their weights."""
        return self.rows.n

    @property
    def n_effective(self) -> float:
        """Kish's effective n of the rows."""
        return self.rows.n_effective

    @property
    def complete(self) -> bool:
        """Whether every row has every answer."""
        return self.rows.complete

    @property
    def units(self) -> int:
        """How many things a resample draws from: groups."""
        return len(self.groups)

    @property
    def base(self) -> Array:
        """How often each group counts in the sample as it is: ones, (G,)."""
        return np.ones(self.units)

    def take(self, columns: Sequence[str]) -> GroupedSample:
        """Return some columns of the same groups, in the order asked for."""
        return self if tuple(columns) == self.columns else replace(self, rows=self.rows.take(columns))

    def moments(self) -> Moments:
        """Return the moments of the rows."""
        return self.rows.moments()

    def resampled(self, counts: Array) -> tuple[Array, Array]:
        """Return means (B, p) and covariances (B, p, p) of resamples; `counts` (B, G) says how often each group is drawn."""
        drawn = np.asarray(counts, dtype=float).T
        if self.complete:
            sums, total, size = self._product_sums
            means, covs = _sums.complete_moments(sums @ drawn, len(self.columns), total @ drawn, size @ drawn)
        else:
            means, covs = _sums.pair_moments(_sums.PairSums(*(s @ drawn for s in self._pair_sums)))
        return _sums.drawn_moments(means, covs, self.rows._centre)

    def group_means(self, codes: Array, counts: Array | None = None) -> Array:
        """Return means within segments or waves, (K, p), or (B, K, p) for `counts` (B, G); `codes` (n,) are of rows."""
        return self.group_sums(codes).means(counts)

    def group_sums(self, codes: Array) -> _sums.GroupSums:
        """Return what `group_means` needs of the segments `codes`, so that many batches of resamples can share it."""
        from scipy.sparse import coo_array

        order, member = self.groups.order, self.groups.member
        code = np.asarray(codes)[order]
        inside = code >= 0
        order, member, code = order[inside], member[inside], code[inside]
        kinds = int(np.max(codes, initial=-1)) + 1
        weights = self.rows.weights[order] if self.kind == "sampling" else np.ones(len(order))
        shape = (kinds * self.units, len(self.rows.weights))
        summing = coo_array((weights, (code * self.units + member, order)), shape=shape).tocsr()
        x = self.rows.answers
        if self.complete:
            total = (summing @ np.ones(shape[1])).reshape(kinds, 1, self.units)
        else:
            seen = ~np.isnan(x)
            x = np.where(seen, x, 0.0)
            total = (summing @ seen.astype(float)).reshape(kinds, self.units, -1).transpose(0, 2, 1)
        first = (summing @ x).reshape(kinds, self.units, -1).transpose(0, 2, 1)
        return _sums.GroupSums((slice(None),) * kinds, tuple(first), tuple(total), self.base, len(self.columns))

    @cached_property
    def _product_sums(self) -> tuple[Array, Array, Array]:
        """Sums of products (p + p(p+1)/2, G), of weights (G,), and rows (G,) of complete data."""
        p = len(self.columns)
        upper = np.triu_indices(p)
        sums = np.empty((p + len(upper[0]), self.units))
        total = np.empty(self.units)
        for g, (x, w) in enumerate(self._blocks()):
            weighted = x if w is None else x * w[:, None]
            sums[:p, g] = weighted.sum(0)
            sums[p:, g] = (x.T @ weighted)[upper]
            total[g] = len(x) if w is None else w.sum()
        return sums, total, np.diff(self.groups.bounds).astype(float)

    @cached_property
    def _pair_sums(self) -> _sums.PairSums:
        """The sums of incomplete data, groups last."""
        found = [_sums.pair_sums_of_one(x, np.ones(len(x)) if w is None else w) for x, w in self._blocks()]
        return _sums.PairSums(*(np.stack(part, axis=-1) for part in zip(*found, strict=True)))

    def _blocks(self) -> Iterator[tuple[Array, Array | None]]:
        """Yield centred answers of every group, and their sampling weights."""
        answers = np.ascontiguousarray(self.rows.answers)
        centre = self.rows._centre
        for start, end in pairwise(self.groups.bounds):
            rows = self.groups.order[start:end]
            x = np.take(answers, rows, axis=0)
            x -= centre
            yield x, self.rows.weights[rows] if self.kind == "sampling" else None


def grouped(sample: Sample, groups: int = GROUPS, *, seed: Any = None, strata: Array | None = None) -> GroupedSample:
    """Deal the rows of a sample out to random groups, to be resampled in place of rows.

    Parameters
    ----------
    groups, seed, strata : as for `partition`.

    Raises
    ------
    OptionError
        Fewer than 100 groups, or incomplete rows under ``em``, whose moments are no sums over groups.
    DataError
        Frequency weights that cannot be dealt out.

    Notes
    -----
    One pass over the rows; afterwards a resample costs what one of G rows costs. Sampling weights stay with their rows; a row
    with frequency weight 3 is three people, who are dealt out one by one. Where there are no more rows than groups, the draws
    are those of the bootstrap of rows with the same seed.
    """
    if sample.missing == "em" and not sample.complete:
        raise OptionError(
            "incomplete rows under the rule em cannot be resampled in groups: EM estimates are no sums over groups",
            where="groups",
            allowed="complete rows, or the rules listwise and pairwise",
            mend="use missing: pairwise or listwise, or resample rows (method: rows)",
        )
    return GroupedSample(sample, partition(sample, groups, seed, strata))
