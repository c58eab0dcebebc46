"""Why a mean has changed: because the sample is composed otherwise, or because its groups have changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.stats.moments import Kind, checked_weights
from csr_lib.stats.resampling import percentile_interval, standard_error

Array = np.ndarray

#: Groups with fewer answers in one of the two waves cannot be decomposed.
LEAST = 2


@dataclass(frozen=True)
class Decomposition:
    """A change of a mean and its two parts, with intervals.

    Attributes
    ----------
    parts : ``part`` (``before after change composition within``), ``estimate std_error ci_low ci_high``;
        composition + within = change = after − before.
    groups : ``group share_before share_after mean_before mean_after composition within`` and, for the last two,
        ``…_ci_low …_ci_high``; each adds up to its part.
    resamples : number of bootstrap draws; 0 for none (intervals NaN).
    """

    parts: pd.DataFrame
    groups: pd.DataFrame
    resamples: int


def kitagawa(
    values: tuple[Any, Any],
    groups: tuple[Any, Any],
    weights: tuple[Any, Any] | None = None,
    *,
    kind: Kind = "sampling",
    units: tuple[Any, Any] | None = None,
    resamples: int = 2000,
    seed: Any = None,
    level: float = 0.95,
) -> Decomposition:
    """Split the change of a mean into composition and change within groups.

    Parameters
    ----------
    values : numbers of the wave before and the wave after; NaN is no answer and is left out.
    groups : the group of each (None or NaN: left out).
    weights, kind : case weights of both waves, as in `csr_lib.stats.moments.moments`.
    units : who answered. Respondents who stand in both waves are drawn together, which a panel needs; without it the two waves
        are independent samples.
    resamples, seed, level : bootstrap of respondents, percentile intervals.

    Raises
    ------
    AnalysisError
        A group has fewer than two answers in one of the waves (the message names it), or there is but one group.
    DataError
        Lengths that differ.

    Notes
    -----
    With shares p and means m of group g: composition = Σ (p₁ − p₀)(m₀ + m₁)/2 and within = Σ (m₁ − m₀)(p₀ + p₁)/2 (Kitagawa
    1955), which leave no rest. By group the composition is (p₁ − p₀)((m₀ + m₁)/2 − M), M the mean of the two overall means, so
    that a growing group counts as helpful where it is above average; the sum is the same, as shares add to one. It is the
    decomposition of Oaxaca and Blinder with group dummies and averaged coefficients.
    """
    waves = [_Wave.of(*part, kind) for part in zip(values, groups, weights or (None, None), units or (None, None), strict=True)]
    names = list(dict.fromkeys(g for wave in waves for g in wave.groups))
    names.sort(key=str)
    if len(names) < 2:
        raise AnalysisError(
            "there is but one group", where="decomposition", allowed="two groups or more", mend="take another segment"
        )
    for name in names:
        counts = [int((wave.groups == name).sum()) for wave in waves]
        if min(counts) < LEAST:
            raise AnalysisError(
                f"group '{name}' has {counts[0]} answers before and {counts[1]} after",
                where="decomposition",
                allowed=f"at least {LEAST} in both waves",
                mend="join it to another group",
            )
    sums = [wave.sums(names) for wave in waves]
    found = _split(*(s(None) for s in sums))
    draws = _draws(waves, sums, kind, resamples, seed) if resamples else None
    return _tables(names, found, draws, level, resamples)


@dataclass(frozen=True)
class _Wave:
    """Answers of one wave, complete rows only."""

    values: Array
    groups: Array
    weights: Array
    units: Array | None

    @classmethod
    def of(cls, values: Any, groups: Any, weights: Any, units: Any, kind: Kind) -> _Wave:
        x, g = np.asarray(values, dtype=float), np.asarray(groups, dtype=object)
        w = np.ones(len(x)) if weights is None or kind == "none" else checked_weights(weights, len(x))
        if x.shape != g.shape or (units is not None and len(units) != len(x)):
            raise DataError("values, groups and units of different lengths", where="decomposition", allowed="one per respondent")
        good = ~np.isnan(x) & ~pd.isna(g) & (w > 0)
        return cls(x[good], g[good], w[good], None if units is None else np.asarray(units, dtype=object)[good])

    def sums(self, names: list[Any]) -> Any:
        """Return a function: counts (B, n) or None -> shares and means (B, G) or (G,)."""
        member = (self.groups[:, None] == np.array(names, dtype=object)[None, :]).astype(float)
        size, total = member * self.weights[:, None], member * (self.weights * self.values)[:, None]

        def of(counts: Array | None) -> tuple[Array, Array]:
            w, s = (size.sum(0), total.sum(0)) if counts is None else (counts @ size, counts @ total)
            with np.errstate(invalid="ignore", divide="ignore"):
                return w / w.sum(-1, keepdims=True), s / w

        return of


def _split(before: tuple[Array, Array], after: tuple[Array, Array]) -> dict[str, Array]:
    (p0, m0), (p1, m1) = before, after
    mean0, mean1 = (p0 * m0).sum(-1), (p1 * m1).sum(-1)
    middle = ((mean0 + mean1) / 2)[..., None]
    composition, within = (p1 - p0) * ((m0 + m1) / 2 - middle), (m1 - m0) * (p0 + p1) / 2
    parts = [mean0, mean1, mean1 - mean0, composition.sum(-1), within.sum(-1)]
    return {
        "parts": np.stack(parts, axis=-1),
        "composition": composition,
        "within": within,
        "share_before": p0,
        "share_after": p1,
        "mean_before": m0,
        "mean_after": m1,
    }


def _draws(waves: list[_Wave], sums: list[Any], kind: Kind, resamples: int, seed: Any) -> dict[str, Array]:
    """Bootstrap respondents of both waves, those in both of them together; chunks keep the memory small."""
    rng = np.random.default_rng(seed)
    if all(wave.units is not None for wave in waves):
        everyone = {u: i for i, u in enumerate(dict.fromkeys(u for wave in waves for u in wave.units))}  # type: ignore[union-attr]
        rows = [np.array([everyone[u] for u in wave.units]) for wave in waves]  # type: ignore[union-attr]
        sizes, shared = [len(everyone)], True
    else:
        rows, shared = [np.arange(len(wave.values)) for wave in waves], False
        sizes = [len(wave.values) for wave in waves]
    chances = [w.weights / w.weights.sum() if kind == "frequency" else None for w in waves]
    out: list[dict[str, Array]] = []
    step = max(1, 4_000_000 // max(sizes))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = []
        for position, size in enumerate(sizes):
            chance = None if shared else chances[position]
            p: Array = np.full(size, 1 / size) if chance is None else chance
            total = round(float(waves[position].weights.sum())) if kind == "frequency" and not shared else size
            drawn.append(rng.multinomial(total, p, size=count).astype(float))
        counts = [drawn[0][:, r] for r in rows] if shared else drawn
        if kind == "frequency" and not shared:  # counts are people already; a row's own weight must not enter again
            counts = [c / w.weights for c, w in zip(counts, waves, strict=True)]
        out.append(_split(*(s(c) for s, c in zip(sums, counts, strict=True))))
    return {key: np.concatenate([part[key] for part in out]) for key in out[0]}


def _tables(
    names: list[Any], found: dict[str, Array], draws: dict[str, Array] | None, level: float, resamples: int
) -> Decomposition:
    parts = pd.DataFrame({"part": ["before", "after", "change", "composition", "within"], "estimate": found["parts"]})
    groups = pd.DataFrame({"group": names, **{k: v for k, v in found.items() if k != "parts"}})
    blank = np.full(5, np.nan)
    parts["std_error"] = blank if draws is None else standard_error(draws["parts"])
    parts["ci_low"], parts["ci_high"] = (blank, blank) if draws is None else percentile_interval(draws["parts"], level)
    for key in ("composition", "within"):
        low, high = (np.full(len(names), np.nan),) * 2 if draws is None else percentile_interval(draws[key], level)
        groups[f"{key}_ci_low"], groups[f"{key}_ci_high"] = low, high
    return Decomposition(parts, groups, resamples)
