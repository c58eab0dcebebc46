"""Groups compared by a path model: measurement invariance of composites (MICOM) and permutation tests of path differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem
from csr_lib.core.model import Model
from csr_lib.stats import _pls
from csr_lib.stats._pls import Plan, Scheme
from csr_lib.stats.moments import Sample
from csr_lib.stats.pls import PLSResult, pls
from csr_lib.stats.resampling import MOST_FAILED, Seed, chunk_size, generator, group_codes, holm

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class PLSGroups:
    """A path model in groups, and what permutation says about their differences.

    Attributes
    ----------
    results : label of a group -> its own estimate.
    sizes : ``group n n_effective small``; ``small`` marks groups under 30 respondents, for which permutations say little.
    paths : one row per pair of groups and path: ``group other source target estimate_group estimate_other difference p_value
        p_adjusted``; difference = group − other; adjusted by Holm over all rows.
    invariance : MICOM, one row per pair of groups and construct: ``group other construct c c_low p_c mean_difference mean_low
        mean_high p_means variance_ratio variance_low variance_high p_variances invariance``. ``c`` is the correlation of the
        composites by the two groups' weights (step 2), ``c_low`` the quantile 1 − level of its permutations;
        ``mean_difference`` (in standard deviations of the two groups together) and ``variance_ratio`` (its natural logarithm)
        are of the composite by the weights of both groups together (step 3), with the ends between which `level` of the
        permutations lie. ``invariance`` is ``none`` (p_c below 1 − level: do not compare paths), ``partial`` (paths may be
        compared), ``full`` (neither means nor variances differ: groups may be pooled) or empty (too many permutations failed).
    omnibus : with three groups or more, one row per path: ``source target statistic p_value p_adjusted``, statistic =
        Σ n_g(b_g − b̄)², whether any group differs. Empty with two groups.
    failed : ``group other n_failed``, permutations that could not be estimated and are left out; where they are more than half,
        p-values are NaN.
    permutations, level : as asked for.
    """

    results: Mapping[Any, PLSResult]
    sizes: pd.DataFrame
    paths: pd.DataFrame
    invariance: pd.DataFrame
    omnibus: pd.DataFrame
    failed: pd.DataFrame
    permutations: int
    level: float


def pls_groups(
    sample: Sample,
    model: Model,
    groups: Any,
    *,
    scheme: Scheme = "path",
    permutations: int = 1000,
    seed: Seed = None,
    level: float = 0.95,
    tolerance: float = 1e-7,
    max_iterations: int = 300,
) -> PLSGroups:
    """Estimate a path model in each group and test invariance and differences of every pair by permutation.

    Parameters
    ----------
    sample : the answers to at least the model's items.
    model, scheme : as for `csr_lib.stats.pls.pls`.
    groups : labels of the N rows that were handed to `sample`; None or NaN: in no group, left out.
    permutations, seed : of the labels, per pair of groups (and of all groups for the omnibus test).
    level : 1 − level is the significance by which ``invariance`` is told.
    tolerance, max_iterations : of the algorithm in a permutation; it starts from the weights of the two groups together.

    Raises
    ------
    OptionError
        A number of permutations or a level that makes no sense; a model with higher-order constructs.
    DataError
        Fewer than two groups, labels that are not one per row, frequency weights that are not whole numbers.
    AnalysisError
        What `pls` raises in a group (too few rows, an item that is constant there …); the group is named.

    Notes
    -----
    MICOM (Henseler, Ringle & Sarstedt 2016). Step 1, configural invariance, is a matter of design: the same items, coded,
    reversed and treated for missing answers in the same way, the same model and scheme; so it is given here. Step 2:
    c = w₁ᵀRw₂/√(w₁ᵀRw₁·w₂ᵀRw₂), R of both groups together. Step 3: means and variances of the composites by the weights of both
    together. Path differences: Chin & Dibbern (2010). p = (1 + permutations at least as extreme)/(permutations + 1), two-sided
    but for c.

    Labels are permuted over the rows of the two groups, so a group keeps its number of rows; a sampling weight stays with its
    row. With frequency weights the people are permuted: a row with weight 3 is three people who may fall into different groups.
    Composites are oriented by the loadings of both groups together. Everything is estimated in batches from moments; there is
    no loop over permutations. The same method: cSEM ``testMICOM``, ``testMGD``; SmartPLS.
    """
    if permutations < 20:
        raise OptionError(f"{permutations} permutations", where="permutations", allowed="a whole number ≥ 20")
    if not 0 < level < 1:
        raise OptionError(f"level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    codes, labels = group_codes(groups, sample.kept)
    if len(labels) < 2:
        raise DataError(f"{len(labels)} groups", where="groups", allowed="at least two groups with answers")
    if sample.kind == "frequency" and (np.abs(sample.weights - np.rint(sample.weights)) > 1e-9).any():
        raise DataError("frequency weights that are not whole numbers cannot be permuted", where="weights")
    parts = {label: _rows(sample, codes == g) for g, label in enumerate(labels)}
    results = {label: _group_estimate(part, model, scheme, label) for label, part in parts.items()}
    rng = generator(seed)
    paths, invariance, failed = [], [], []
    for pair in combinations(range(len(labels)), 2):
        inside = np.isin(codes, pair)
        together = _Together.of(_rows(sample, inside), model, scheme, tolerance, max_iterations)
        found = together.differences([(codes[inside] == g)[None] * together.sample.base for g in pair], exact=True)
        drawn = [together.differences(counts) for counts in _permuted(together.sample, codes[inside], pair, permutations, rng)]
        draws = {name: np.concatenate([d[name] for d in drawn], axis=1) for name in found}
        ends = {"group": labels[pair[0]], "other": labels[pair[1]]}
        paths.append(_paths_rows(ends, model, found, draws))
        invariance.append(_invariance_rows(ends, model, found, draws, level))
        failed.append({**ends, "n_failed": int(np.isnan(draws["difference"][0]).sum())})
    table = pd.concat(paths, ignore_index=True)
    return PLSGroups(
        results,
        _sizes(parts),
        table.assign(p_adjusted=holm(table["p_value"])),
        pd.concat(invariance, ignore_index=True),
        _omnibus(_rows(sample, codes >= 0), codes[codes >= 0], model, scheme, permutations, rng, tolerance, max_iterations),
        pd.DataFrame(failed),
        permutations,
        level,
    )


def _rows(sample: Sample, chosen: Array) -> Sample:
    """The sample of some of the rows."""
    answers = sample.answers[chosen]
    missing = float(np.isnan(answers).any(axis=1).sum())
    return replace(
        sample, answers=answers, weights=sample.weights[chosen], n_missing=missing, kept=np.ones(len(answers), dtype=bool)
    )


def _group_estimate(sample: Sample, model: Model, scheme: Scheme, label: Any) -> PLSResult:
    try:
        return pls(sample.moments().take(model.items), model, scheme=scheme)
    except AnalysisError as error:
        at = f"group {label}"
        problems = [Problem(p.what, f"{at}, {p.where}" if p.where else at, p.allowed, p.mend) for p in error.problems]
        raise AnalysisError(problems) from error


def _permuted(
    sample: Sample, codes: Array, groups: Sequence[int], permutations: int, rng: np.random.Generator
) -> Iterator[list[Array]]:
    """Yield, a chunk at a time, how often each row is in each group (b, n) when labels are permuted; one array per group."""
    people = np.rint(sample.weights).astype(int) if sample.kind == "frequency" else np.ones(len(codes), dtype=int)
    labels, first = np.repeat(codes, people), np.cumsum(people) - people
    size = max(1, min(chunk_size(sample), 25_000_000 // len(labels)) // len(groups))
    for at in range(0, permutations, size):
        shuffled = rng.permuted(np.tile(labels, (min(size, permutations - at), 1)), axis=1)
        yield [np.add.reduceat((shuffled == g).astype(float), first, axis=1) for g in groups]


@dataclass(frozen=True, eq=False)
class _Together:
    """Several groups together: the composites by which they are compared."""

    sample: Sample
    result: PLSResult
    place: list[int]
    tolerance: float
    max_iterations: int

    @classmethod
    def of(cls, sample: Sample, model: Model, scheme: Scheme, tolerance: float, max_iterations: int) -> _Together:
        """Estimate the groups together."""
        result = pls(sample.moments().take(model.items), model, scheme=scheme)
        return cls(sample, result, [sample.columns.index(i) for i in result.plan.items], tolerance, max_iterations)

    def estimate(self, counts: Array, exact: bool = False) -> tuple[Array, Array, Array, Array]:
        """Paths (P, b), weights (p, b), means (p, b) and covariances (p, p, b) of draws `counts` (b, n); failed ones NaN."""
        plan: Plan = self.result.plan
        means, covs = self.sample.resampled(counts)
        mean = means[:, self.place].T
        cov = np.moveaxis(covs[:, self.place][:, :, self.place], 0, -1)
        R = _pls.correlations(cov.copy())
        start = self.result.items["weight"].to_numpy()
        tolerance, most = (1e-12, 1000) if exact else (self.tolerance, self.max_iterations)
        outer = _pls.iterate(R, plan, self.result.scheme, start=start, tolerance=tolerance, max_iterations=most)
        reference = self.result.cross_loadings.to_numpy()[np.arange(len(start)), plan.owner]
        outer, _ = _pls.oriented(outer, plan, reference)
        _, C, _ = _pls.consistent(outer, R, plan)
        paths, _ = _pls.path_arrays(C, plan)
        good = outer.converged & np.isfinite(paths).all(axis=0)
        return np.where(good, paths, np.nan), np.where(good, outer.weights, np.nan), mean, cov

    def differences(self, counts: list[Array], exact: bool = False) -> dict[str, Array]:
        """What two groups `counts` (b, n) each differ in: paths (P, b), and c, means and variances of composites (J, b)."""
        plan, m = self.result.plan, self.result.moments
        (paths, weights, mean, cov), (paths2, weights2, mean2, cov2) = (self.estimate(c, exact) for c in counts)
        R = m.correlation
        v = self.result.items["weight"].to_numpy() / m.sd
        c = np.empty((len(plan.blocks), weights.shape[1]))
        means, ratio = np.empty_like(c), np.empty_like(c)
        with np.errstate(invalid="ignore", divide="ignore"):
            for j, b in enumerate(plan.blocks):
                own, both = weights[b], weights2[b]
                c[j] = (own * (R[b, b] @ both)).sum(0)
                c[j] /= np.sqrt((own * (R[b, b] @ own)).sum(0) * (both * (R[b, b] @ both)).sum(0))
                means[j] = v[b] @ (mean - mean2)[b]
                variance, variance2 = (np.einsum("i,ikb,k->b", v[b], s[b, b], v[b]) for s in (cov, cov2))
                ratio[j] = np.log(variance / variance2)
        failed = np.isnan(paths).any(axis=0) | np.isnan(paths2).any(axis=0)
        out = {"paths": paths, "paths_other": paths2, "difference": paths - paths2, "c": c, "means": means, "ratio": ratio}
        return {name: np.where(failed, np.nan, values) for name, values in out.items()}


def _p_value(found: Array, draws: Array, *, low: bool = False) -> Array:
    """(1 + draws at least as far out)/(draws + 1) by row, two-sided or (`low`) for small values; NaN where most draws failed."""
    known = np.isfinite(draws).sum(axis=1)
    slack = 1e-9  # a difference by rounding is none
    beyond = draws <= found + slack if low else np.abs(draws) >= np.abs(found) - slack
    return np.where(known >= (1 - MOST_FAILED) * draws.shape[1], (1 + beyond.sum(axis=1)) / (known + 1), np.nan)


def _paths_rows(ends: Mapping[str, Any], model: Model, found: Mapping[str, Array], draws: Mapping[str, Array]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **{name: [label] * len(model.paths) for name, label in ends.items()},
            "source": [s for s, _ in model.paths],
            "target": [t for _, t in model.paths],
            "estimate_group": found["paths"][:, 0],
            "estimate_other": found["paths_other"][:, 0],
            "difference": found["difference"][:, 0],
            "p_value": _p_value(found["difference"], draws["difference"]),
        }
    )


def _invariance_rows(
    ends: Mapping[str, Any], model: Model, found: Mapping[str, Array], draws: Mapping[str, Array], level: float
) -> pd.DataFrame:
    p = {"c": _p_value(found["c"], draws["c"], low=True)}
    p |= {name: _p_value(found[name], draws[name]) for name in ("means", "ratio")}
    tail = (1 - level) / 2
    inside = {name: _quantiles(draws[name], [tail, 1 - tail]) for name in ("means", "ratio")}
    kept = [p[name] >= 1 - level for name in ("c", "means", "ratio")]
    verdict = np.where(kept[0], np.where(kept[1] & kept[2], "full", "partial"), "none").astype(object)
    verdict[np.isnan(p["c"])] = ""
    return pd.DataFrame(
        {
            **{name: [label] * len(model.names) for name, label in ends.items()},
            "construct": list(model.names),
            "c": found["c"][:, 0],
            "c_low": _quantiles(draws["c"], [1 - level])[0],
            "p_c": p["c"],
            "mean_difference": found["means"][:, 0],
            "mean_low": inside["means"][0],
            "mean_high": inside["means"][1],
            "p_means": p["means"],
            "variance_ratio": found["ratio"][:, 0],
            "variance_low": inside["ratio"][0],
            "variance_high": inside["ratio"][1],
            "p_variances": p["ratio"],
            "invariance": verdict,
        }
    )


def _quantiles(draws: Array, at: Sequence[float]) -> Array:
    """Quantiles (k, rows) of the draws that worked; NaN where most failed."""
    good = np.isfinite(draws).all(axis=0)
    if good.mean() < 1 - MOST_FAILED:
        return np.full((len(at), len(draws)), np.nan)
    return np.quantile(draws[:, good], at, axis=1)


def _sizes(parts: Mapping[Any, Sample]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": list(parts),
            "n": [part.n for part in parts.values()],
            "n_effective": [part.n_effective for part in parts.values()],
            "small": [CUTOFFS["group_n"].verdict(part.n) != "pass" for part in parts.values()],
        }
    )


def _omnibus(
    sample: Sample,
    codes: Array,
    model: Model,
    scheme: Scheme,
    permutations: int,
    rng: np.random.Generator,
    tolerance: float,
    max_iterations: int,
) -> pd.DataFrame:
    columns = ["source", "target", "statistic", "p_value", "p_adjusted"]
    groups = range(int(codes.max()) + 1)
    if len(groups) < 3:
        return pd.DataFrame(columns=columns)
    together = _Together.of(sample, model, scheme, tolerance, max_iterations)
    sizes = np.array([sample.base[codes == g].sum() for g in groups])[:, None, None]

    def statistic(counts: list[Array], exact: bool = False) -> Array:
        b = np.stack([together.estimate(c, exact)[0] for c in counts])
        return (sizes * (b - (sizes * b).sum(0) / sizes.sum()) ** 2).sum(0)

    found = statistic([(codes == g)[None] * sample.base for g in groups], exact=True)
    draws = np.concatenate([statistic(c) for c in _permuted(sample, codes, groups, permutations, rng)], axis=1)
    p = _p_value(found, draws)
    ends = [(s, t) for s, t in model.paths]
    rows = zip((s for s, _ in ends), (t for _, t in ends), found[:, 0], p, holm(p), strict=True)
    return pd.DataFrame(list(rows), columns=columns)
