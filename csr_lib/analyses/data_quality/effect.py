"""Data quality: differences between two ways of taking the same answers – rows left out or kept, other weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.data_quality.base import NAN, Array, Base, measures
from csr_lib.core.errors import AnalysisError
from csr_lib.stats.comparison import independent_difference
from csr_lib.stats.distributions import t_quantile, t_two_sided
from csr_lib.stats.moments import Kind

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options
    from csr_lib.analyses.data_quality.careless import Rule


@dataclass(frozen=True)
class Difference:
    """Two means of the same answers, and their difference (second − first) with its interval."""

    first: float
    second: float
    estimate: float
    ci_low: float
    ci_high: float
    p_value: float


def difference(x: Array, first: Array, second: Array, *, kind: Kind = "none", level: float) -> Difference:
    """Compare two weighted means of one column, rows of weight 0 being left out of that mean.

    Parameters
    ----------
    x : (n,) values; NaN is no answer.
    first, second : (n,) weights.
    kind : of the weights, as in `csr_lib.stats.moments.moments`.

    Notes
    -----
    Both means rest on mostly the same rows, so that intervals of their own say nothing about the difference. Where rows are only
    left out (or let in), it is their share times the difference of their mean from the others', with Welch's interval. Where
    weights change as well, its linearised variance is Σz² with z = w₂(x − m₂)/Σw₂ − w₁(x − m₁)/Σw₁.
    """
    known = ~np.isnan(x) & ((first > 0) | (second > 0))
    v, a, b = x[known], first[known], second[known]
    if not (a.sum() > 0 and b.sum() > 0):
        return Difference(NAN, NAN, NAN, NAN, NAN, NAN)
    m1, m2 = float(a @ v) / float(a.sum()), float(b @ v) / float(b.sum())
    both = (a > 0) & (b > 0)
    ratio = b[both] / a[both]
    if both.any() and np.ptp(ratio) < 1e-9 * ratio.max() and ((a > 0) >= (b > 0)).all() | ((b > 0) >= (a > 0)).all():
        if both.all():
            return Difference(m1, m2, 0.0, 0.0, 0.0, 1.0)
        larger = a if (a > 0).sum() > (b > 0).sum() else b
        return _left_out(v, larger, ~both, m1, m2, -1.0 if larger is a else 1.0, kind, level)
    z = b * (v - m2) / b.sum() - a * (v - m1) / a.sum()
    counts = np.maximum(a, b) if kind == "frequency" else np.ones(len(v))
    n = float(counts.sum())
    se = float(np.sqrt((z**2 / np.maximum(counts, 1)).sum() * n / max(1.0, n - 1)))
    half = float(t_quantile(0.5 + level / 2, n - 1)) * se if n > 1 else NAN
    p = float(t_two_sided((m2 - m1) / se, n - 1)) if se > 0 and n > 1 else NAN
    return Difference(m1, m2, m2 - m1, m2 - m1 - half, m2 - m1 + half, p)


def _left_out(
    v: Array, weights: Array, changed: Array, m1: float, m2: float, sign: float, kind: Kind, level: float
) -> Difference:
    """Return the difference where rows are only left out (`sign` −1) or let in (1)."""
    share = sign * float(weights[changed].sum() / weights.sum())
    try:
        found = independent_difference(v[changed], v[~changed], weights[changed], weights[~changed], kind=kind, level=level)
    except AnalysisError:  # a single row has no interval
        return Difference(m1, m2, m2 - m1, NAN, NAN, NAN)
    low, high = sorted((share * found.ci_low, share * found.ci_high))
    return Difference(m1, m2, m2 - m1, low, high, found.p_value)


def cleaning_table(base: Base, rules: list[Rule], options: Options) -> pd.DataFrame:
    """Effect of each rule on the headline numbers: ``variant measure n change_n used estimate difference difference_ci_low
    difference_ci_high``.

    ``used`` is the number as this study cleans; ``estimate`` what it would be under the variant: ``raw`` (nothing excluded but
    empty and repeated questionnaires), ``keep:<rule>`` (an excluding rule undone), ``drop:<rule>`` (a rule that only marks,
    excluded), ``strict`` (all marks of study.yml's rules excluded, or of the screens where there are none).
    """
    survey = base.survey
    values = measures(base.whole)
    if not values:
        return pd.DataFrame()
    kind: Any = survey.weight_kind
    used = _weights(base, base.kept)
    rows = []
    for variant, kept in _variants(base, rules).items():
        if (kept == base.kept).all() or not kept.any():
            continue
        other = _weights(base, kept)
        for name, x in values.items():
            if name.startswith("construct:"):
                continue
            found = difference(x, used, other, kind=kind, level=options.confidence)
            rows.append(
                {
                    "variant": variant,
                    "measure": name,
                    "n": int((kept & ~np.isnan(x)).sum()),
                    "change_n": int(kept.sum()) - int(base.kept.sum()),
                    "used": found.first,
                    "estimate": found.second,
                    "difference": found.estimate,
                    "difference_ci_low": found.ci_low,
                    "difference_ci_high": found.ci_high,
                    "p_value": found.p_value,
                }
            )
    return pd.DataFrame(rows)


def _variants(base: Base, rules: list[Rule]) -> dict[str, Array]:
    """Which rows each variant keeps. Empty and repeated questionnaires stay out of all."""
    never = base.repeated | _marked(rules, "empty", len(base.rows))
    dropping = [r for r in rules if r.excluded and r.key not in ("empty", "duplicate") and r.marked.any()]
    marking = [r for r in rules if not r.excluded and r.marked.any()]
    out: dict[str, Array] = {}
    if dropping:
        out["raw"] = ~never
    if len(dropping) > 1:
        for rule in dropping:
            others = np.any([r.marked for r in dropping if r is not rule], axis=0)
            out[f"keep:{rule.key}"] = ~never & ~others
    for rule in marking:
        out[f"drop:{rule.key}"] = base.kept & ~rule.marked
    own = [r for r in marking if r.origin == "study"] or marking
    if len(own) > 1:
        out["strict"] = base.kept & ~np.any([r.marked for r in own], axis=0)
    return out


def _marked(rules: list[Rule], key: str, n: int) -> Array:
    return next((r.marked for r in rules if r.key == key), np.zeros(n, dtype=bool))


def _weights(base: Base, kept: Array) -> Array:
    """Return case weights of the selected rows where only `kept` count, raked anew where the study rakes."""
    from csr_lib.study.weighting import case_weights

    survey = base.survey
    if survey.weight_kind == "none":
        return kept.astype(float)
    everyone = np.ones(len(survey.data.frame), dtype=bool)
    everyone[survey.marks.loc[survey.marks["excluded"], "position"].to_numpy(dtype=int)] = False
    everyone[base.rows] = kept
    weights, _, problems = case_weights(survey.study, survey.data, np.flatnonzero(everyone))
    if problems:  # a margin that cannot be met without these rows
        weights = survey.all_weights
    return np.where(kept, weights[base.rows], 0.0)


def weighting_table(base: Base, other: Array, options: Options) -> pd.DataFrame:
    """Headline numbers without weights and with `other` (weights of the kept rows): ``measure n used estimate difference …``."""
    survey = base.survey
    plain = np.ones(len(survey.rows))
    rows: list[dict[str, Any]] = []
    for name, x in measures(survey).items():
        found = difference(x, plain, other, kind="sampling", level=options.confidence)
        row = {"measure": name, "n": int((~np.isnan(x)).sum()), "used": found.first, "estimate": found.second}
        rows.append(row | {"difference": found.estimate, "difference_ci_low": found.ci_low, "difference_ci_high": found.ci_high})
    return pd.DataFrame(rows)
