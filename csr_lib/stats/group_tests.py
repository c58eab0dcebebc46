"""Do groups differ? Tests of means, ranks and shares for two and more groups, weighted or not, each with its effect size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from csr_lib.core.errors import AnalysisError, DataError, OptionError, unknown
from csr_lib.stats.case_weights import effective_n
from csr_lib.stats.comparison import mean_interval
from csr_lib.stats.distributions import chi2_above, chi2_noncentrality, t_two_sided
from csr_lib.stats.moments import Kind, checked_weights

Array = np.ndarray
Test = Literal["welch", "equal", "ranks"]


@dataclass(frozen=True)
class GroupTest:
    """A test that several groups are alike.

    Attributes
    ----------
    test : ``t``, ``welch``, ``anova``, ``welch_anova``, ``kruskal``, ``chi2`` or ``rao_scott``.
    statistic, df, df_error : t, F, H or χ² with its degrees of freedom; `df_error` is NaN where there is none.
    p_value : two-sided; NaN where nothing varies.
    effect : ``d`` (two groups), ``eta2`` (more), ``epsilon2`` (ranks) or ``v`` (shares); `effect_size` with its interval.
    n, n_effective : answers of all groups together.
    smallest_expected : smallest expected count of a table of shares; NaN for means.
    """

    test: str
    statistic: float
    df: float
    df_error: float
    p_value: float
    effect: str
    effect_size: float
    effect_size_ci_low: float
    effect_size_ci_high: float
    n: float
    n_effective: float
    smallest_expected: float = math.nan


def compare_means(
    groups: Sequence[Any],
    weights: Sequence[Any] | None = None,
    *,
    kind: Kind = "sampling",
    test: Test = "welch",
    level: float = 0.95,
) -> GroupTest:
    """Test that groups have the same mean (or, by ranks, the same distribution).

    Parameters
    ----------
    groups : two or more arrays of answers; NaN is no answer.
    weights : case weights, an array per group; `kind` as in `csr_lib.stats.moments.moments`.
    test : ``welch`` (variances may differ: Welch's t, Welch's ANOVA), ``equal`` (Student's t, ANOVA) or ``ranks``
    (Kruskal–Wallis,
        for two groups Mann–Whitney's normal approximation without continuity correction).
    level : of the interval of the effect size.

    Raises
    ------
    AnalysisError
        Fewer than two groups, or a group with fewer than two answers.
    OptionError
        An unknown test; ``equal`` or ``ranks`` with sampling weights, for which they do not exist.

    Notes
    -----
    With sampling weights Welch's statistics are made of the groups' linearised variances (`mean_interval`), which without weights
    are s²/n. Effect size: Cohen's d with pooled standard deviation for two groups, η² = SS between / SS total for more, ε² =
    H/(n − 1)
    (η² of the ranks) by ranks; the interval of η² and ε² inverts the noncentral F (effective n under weights). The same
    numbers: R
    ``oneway.test``, ``kruskal.test``, ``aov``, ``t.test``; pingouin ``welch_anova``.
    """
    if test not in get_args(Test):
        raise OptionError([unknown(test, get_args(Test), what="test", where="test")])
    if kind == "sampling" and weights is not None and test != "welch":
        raise OptionError(f"the test '{test}' knows no sampling weights", where="test", allowed="welch", mend="use welch")
    values, w = _split(groups, weights, kind)
    counts = [float(v.sum()) if kind == "frequency" else float(len(v)) for v in w]
    if len(values) < 2 or min(counts, default=0.0) < 2:
        shown = ", ".join(f"{n:g}" for n in counts)
        raise AnalysisError(
            f"groups of {shown or 0} answers",
            where="comparison of groups",
            allowed="two groups or more, of at least 2 answers each",
        )
    if test == "ranks":
        values = _ranked(values, w)
    pooled_kind: Kind = "none" if weights is None else kind
    parts = [mean_interval(v, u, kind=pooled_kind) for v, u in zip(values, w, strict=True)]
    n = sum(counts)
    everything, together = np.concatenate(values), np.concatenate(w)
    effective = effective_n(together) if pooled_kind == "sampling" else n
    eta2 = _eta_squared(values, w, everything, together)
    k = len(values)
    nan = math.nan
    if math.isnan(eta2):  # nobody differs from anybody
        name = {"ranks": "kruskal", "equal": "t" if k == 2 else "anova"}.get(test, "welch" if k == 2 else "welch_anova")
        return GroupTest(name, nan, k - 1, nan, nan, "d" if k == 2 and test != "ranks" else "eta2", nan, nan, nan, n, effective)
    if test == "ranks":
        h = eta2 * (n - 1)
        return GroupTest(
            "kruskal", h, k - 1, nan, float(chi2_above(h, k - 1)), "epsilon2", eta2, *_eta_interval(eta2, n, k, level), n, n
        )
    if test == "equal":
        f, df_error = eta2 / (1 - eta2) * (n - k) / (k - 1) if eta2 < 1 else math.inf, n - k
        name = "anova"
    else:
        f, df_error = _welch_f([p.estimate for p in parts], [p.std_error for p in parts], counts)
        name = "welch_anova"
    p_value = _f_above(f, k - 1, df_error)
    if k > 2:
        interval = _eta_interval(eta2, effective, k, level)
        return GroupTest(name, f, k - 1, df_error, p_value, "eta2", eta2, *interval, n, effective)
    a, b = parts
    pooled = math.sqrt(((a.n - 1) * a.sd**2 + (b.n - 1) * b.sd**2) / (a.n + b.n - 2))
    d = (a.estimate - b.estimate) / pooled if pooled > 0 else nan
    t = math.copysign(math.sqrt(f), a.estimate - b.estimate) if f == f else nan
    error = math.sqrt(
        (a.n_effective + b.n_effective) / (a.n_effective * b.n_effective) + d**2 / (2 * (a.n_effective + b.n_effective))
    )
    half = _t_of(level, a.n_effective + b.n_effective - 2) * error
    name = "t" if test == "equal" else "welch"
    return GroupTest(name, t, df_error, nan, float(t_two_sided(t, df_error)), "d", d, d - half, d + half, n, effective)


def compare_shares(
    groups: Sequence[Any], weights: Sequence[Any] | None = None, *, kind: Kind = "sampling", level: float = 0.95
) -> GroupTest:
    """Test that groups have the same shares of every answer: χ² test of a table, with sampling weights after Rao and Scott.

    Parameters
    ----------
    groups : two or more arrays of codes (0 and 1, or any numbers); NaN is no answer.
    weights, kind : as for `compare_means`.
    level : of the interval of Cramér's V.

    Raises
    ------
    AnalysisError
        Fewer than two groups, or a group without answers.

    Notes
    -----
    Pearson's χ² without continuity correction. Under sampling weights the statistic of the weighted shares is divided by the
    design effects that its linearised variance shows, and referred to F (Rao & Scott 1984, second order). Cramér's V =
    √(χ²/(n·min(r − 1, c − 1))), interval from the noncentral χ². NaN where all answers are the same. The same numbers: R
    ``chisq.test(correct = FALSE)``, ``survey::svychisq(statistic = "F")``.
    """
    values, w = _split(groups, weights, kind)
    if len(values) < 2 or min((len(v) for v in values), default=0) < 1:
        raise AnalysisError("a group has no answers", where="comparison of shares", allowed="two groups or more with answers")
    codes = np.unique(np.concatenate(values))
    place = np.concatenate([i * len(codes) + np.searchsorted(codes, v) for i, v in enumerate(values)])
    together = np.concatenate(w)
    r, c = len(values), len(codes)
    rows = float(len(place))
    sampled = weights is not None and kind == "sampling"
    n = float(together.sum()) if kind == "frequency" else rows
    effective = effective_n(together) if sampled else n
    name = "rao_scott" if sampled else "chi2"
    nan = math.nan
    if c < 2:
        return GroupTest(name, nan, 0.0, nan, nan, "v", nan, nan, nan, n, effective)
    share = (np.bincount(place, together, r * c) / together.sum()).reshape(r, c)
    expected = np.outer(share.sum(axis=1), share.sum(axis=0))
    chi2 = n * float(((share - expected) ** 2 / expected).sum())
    df, least = float((r - 1) * (c - 1)), min(r, c) - 1
    v = math.sqrt(chi2 / (n * least))
    smallest = float(expected.min() * effective)
    if not sampled:
        interval = _v_interval(chi2, df, n * least, level)
        return GroupTest(name, chi2, df, nan, float(chi2_above(chi2, df)), "v", v, *interval, n, n, smallest)
    trace, trace2 = _design_effects(place, together, share)
    d0 = trace**2 / trace2
    f = chi2 / trace
    interval = _v_interval(chi2 * df / trace, df, n * df / trace * least, level)
    return GroupTest(name, f, d0, d0 * (rows - 1), _f_above(f, d0, d0 * (rows - 1)), "v", v, *interval, n, effective, smallest)


# ---- pieces


def _split(groups: Sequence[Any], weights: Sequence[Any] | None, kind: Kind) -> tuple[list[Array], list[Array]]:
    """Return answers and weights of each group without missing answers and rows of weight 0."""
    values, used = [], []
    for position, group in enumerate(groups):
        x = np.asarray(group, dtype=float)
        if np.isinf(x).any():
            raise DataError("infinite values", where="groups", allowed="finite numbers, NaN for no answer")
        w = np.ones(len(x)) if weights is None or kind == "none" else np.asarray(weights[position], dtype=float)
        if weights is not None and kind != "none" and len(w):
            w = checked_weights(w, len(x)) if w.any() else w
        good = ~np.isnan(x) & (w > 0)
        values.append(x[good])
        used.append(w[good])
    return values, used


def _ranked(values: list[Array], weights: list[Array]) -> list[Array]:
    """Return mid-ranks over all groups; a row of frequency weight 3 takes three ranks."""
    everything, w = np.concatenate(values), np.concatenate(weights)
    levels, place = np.unique(everything, return_inverse=True)
    counts = np.bincount(place, w, len(levels))
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return [np.asarray(part) for part in np.split(ranks, np.cumsum([len(v) for v in values])[:-1])]


def _eta_squared(values: list[Array], weights: list[Array], everything: Array, together: Array) -> float:
    mean = float(together @ everything) / float(together.sum())
    total = float(together @ (everything - mean) ** 2)
    if not total > 1e-12 * max(1.0, mean**2) * float(together.sum()):
        return math.nan
    between = sum(float(w.sum()) * (float(w @ v) / float(w.sum()) - mean) ** 2 for v, w in zip(values, weights, strict=True))
    return between / total


def _welch_f(means: list[float], errors: list[float], counts: list[float]) -> tuple[float, float]:
    """Welch's (1951) F and its second degrees of freedom; NaN where a group does not vary."""
    v = np.array(errors) ** 2
    if not (v > 0).all():
        return math.nan, math.nan
    m, k, w = np.array(means), len(means), 1 / v
    between = float(w @ (m - w @ m / w.sum()) ** 2) / (k - 1)
    lost = float(((1 - w / w.sum()) ** 2 / (np.array(counts) - 1)).sum())
    return between / (1 + 2 * (k - 2) / (k**2 - 1) * lost), (k**2 - 1) / (3 * lost)


def _f_above(f: float, df: float, df_error: float) -> float:
    from scipy.special import fdtrc

    return float(fdtrc(df, df_error, f)) if f == f else math.nan


def _t_of(level: float, df: float) -> float:
    from csr_lib.stats.distributions import t_quantile

    return float(t_quantile(0.5 + level / 2, df))


def _eta_interval(eta2: float, n: float, k: int, level: float) -> tuple[float, float]:
    """Interval of η² from the noncentralities λ between which the observed F is not surprising, λ/(λ + n)."""
    df, df_error = k - 1, n - k
    if not (0 <= eta2 < 1 and df_error > 0):
        return math.nan, math.nan
    from scipy.special import ncfdtr

    f = eta2 / (1 - eta2) * df_error / df

    def bound(p: float) -> float:
        """Noncentrality at which an F up to this size has probability p; 0 where even the central one has less."""
        if ncfdtr(df, df_error, 0.0, f) <= p:
            return 0.0
        low, high = 0.0, 10.0 + 2 * df * f
        while ncfdtr(df, df_error, high, f) > p:
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if ncfdtr(df, df_error, middle, f) > p else (low, middle)
        return (low + high) / 2

    tail = (1 - level) / 2
    low, high = bound(1 - tail), bound(tail)
    return low / (low + n), high / (high + n)


def _v_interval(chi2: float, df: float, scale: float, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low, high = (chi2_noncentrality(chi2, df, p) for p in (1 - tail, tail))
    return min(1.0, math.sqrt(low / scale)), min(1.0, math.sqrt(high / scale))


def _design_effects(place: Array, w: Array, share: Array) -> tuple[float, float]:
    """Trace of the generalised design effects of a table's interaction, and of their squares (Rao & Scott 1984).

    Δ = (C'D⁻¹C/n)⁻¹ C'D⁻¹VD⁻¹C, with the cells' weighted shares in D, their linearised covariance V, and in C contrasts of the
    interaction made orthogonal to the main effects.
    """
    r, c = share.shape
    n, cells = len(place), share.ravel()
    at = np.zeros((n, r * c))
    at[np.arange(n), place] = 1.0
    influence = w[:, None] * (at - cells) / w.sum()
    V = influence.T @ influence * n / (n - 1)
    main = np.column_stack([np.ones(r * c), np.kron(_contrasts(r), np.ones((c, 1))), np.kron(np.ones((r, 1)), _contrasts(c))])
    q, _ = np.linalg.qr(main)
    C = np.kron(_contrasts(r), _contrasts(c))
    C = C - q @ (q.T @ C)
    inverse = np.divide(1.0, cells, out=np.zeros_like(cells), where=cells > 0)
    weighted = inverse[:, None] * C
    delta = np.linalg.solve(C.T @ weighted / n, weighted.T @ V @ weighted)
    return float(np.trace(delta)), float(np.trace(delta @ delta))


def _contrasts(k: int) -> Array:
    """Sum contrasts: k rows, k − 1 columns."""
    return np.vstack([np.eye(k - 1), -np.ones((1, k - 1))])
