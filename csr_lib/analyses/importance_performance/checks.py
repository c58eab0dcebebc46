"""May the quadrants be believed? The checks of the importance–performance analysis, and what all its words are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses._checks import sample_checks
from csr_lib.analyses.importance_performance.choice import Choice
from csr_lib.analyses.importance_performance.measure import Measured
from csr_lib.analyses.importance_performance.tables import URGENCY, Cuts, agreement
from csr_lib.analyses.importance_performance.words import WEAK, line_words, listed, named_all, rule_words
from csr_lib.core.check import Check, Verdict
from csr_lib.core.result import Basis
from csr_lib.stats.importance import SHARES_OF_R2

if TYPE_CHECKING:
    from csr_lib.study import Survey


@dataclass(frozen=True)
class Report:
    """Everything that the words are made of; see the arguments of `ImportancePerformanceResult`."""

    survey: Survey
    measured: Measured
    choice: Choice
    cuts: Cuts
    options: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    basis: Basis
    outcome: Any
    waves: tuple[Any, Any]

    @property
    def table(self) -> pd.DataFrame:
        """The indicators."""
        return self.tables["indicators"]

    @property
    def derived(self) -> bool:
        """Whether importance was derived."""
        return self.measured.importance_axis is None

    @property
    def alpha(self) -> float:
        """Level of the tests."""
        return 1 - float(self.options["confidence"])

    @cached_property
    def by_quadrant(self) -> dict[str, pd.DataFrame]:
        """Quadrant -> its indicators, the most urgent first; in the overkill and keep-up quadrants the best performed first."""
        found = {}
        for name in URGENCY:
            part = self.table[self.table["quadrant"] == name]
            urgent = name in ("concentrate", "low_priority")
            found[name] = part.sort_values("rank" if urgent else "performance_score", ascending=urgent, kind="stable")
        return found

    @cached_property
    def weak(self) -> pd.DataFrame:
        """Indicators that hold their quadrant in too few resamples, the least firm first."""
        return self.table[self.table["share"] < WEAK].sort_values("share", kind="stable")

    @property
    def line(self) -> dict[str, str]:
        """What performance lies above or below."""
        return line_words(self.cuts.rule_performance, self.options)

    def labels(self, keys: Iterable[str]) -> list[Any]:
        """Labels of indicators."""
        return [self.survey.label(key) for key in keys]

    def scored(self, part: pd.DataFrame, most: int | None = None) -> list[dict[str, str]]:
        """Labels with performance on 0–100 behind each."""
        part = part.head(most) if most else part
        return named_all(self.labels(part["indicator"]), part["performance_score"], "score")

    def rule(self, name: str) -> dict[str, str]:
        """Return how a cut-off is called."""
        target = self.options["target"]
        return rule_words(name, self.options, {target: self.survey.label(target)} if target else {})


def checks(r: Report) -> tuple[Check, ...]:
    """Return the checks of the sample, of the quadrants and of the importance."""
    found = sample_checks(r.survey, r.basis)
    m = r.measured
    if m.resamples:
        weak = listed(named_all(r.labels(r.weak["indicator"]), r.weak["share"], "percent"))
        found.append(Check.against("quadrant_share", float(r.table["share"].min()), weak=weak))
        total = m.resamples + m.draws.failed
        if m.draws.failed:
            found.append(
                Check.against(
                    "importance_failed_draws", m.draws.failed / total, "failed_draws", failed=m.draws.failed, total=total
                )
            )
        found.append(Check.against("importance_spread", reality_of_differences(m)))
    found += _derived_checks(r) if r.derived else _stated_checks(r)
    agreement = _stated_against_derived(r)
    if agreement is not None:
        found.append(Check.against("importance_agreement", agreement))
    return tuple(found)


def reality_of_differences(m: Measured) -> float:
    """Return which part of the variance of importance between indicators is more than sampling error, 0 to 1.

    1 − (mean sampling variance of the deviations from the mean importance)/(variance observed between the indicators): the
    reliability of the profile, as in generalisability theory. The sampling variance comes from the resamples, so that errors that
    the indicators share do not count.
    """
    observed = float(m.importance.var(ddof=1))
    if not observed > 0:
        return 0.0
    deviations = m.draws.importance - m.draws.importance.mean(axis=1, keepdims=True)
    error = float(deviations.var(axis=0, ddof=1).sum()) / (m.importance.size - 1)
    return max(0.0, 1 - error / observed)


def _stated_checks(r: Report) -> list[Check]:
    m = r.measured
    assert m.importance_axis is not None
    k = len(m.indicators)
    scores = m.importance_axis.to_score(m.importance)
    stated, weights = m.sample.answers[:, k : 2 * k], m.sample.weights[:, None]
    seen = ~np.isnan(stated)
    top = (stated >= m.importance_axis.high - 1e-9) & seen
    return [
        Check.against("importance_range", float(np.ptp(scores))),
        Check.against("importance_ceiling", float((top * weights).sum() / (seen * weights).sum())),
    ]


def _derived_checks(r: Report) -> list[Check]:
    m, table = r.measured, r.table
    found = []
    negative = table[table["negative"]]
    sure = negative[negative["importance_ci_high"] < 0]
    verdict: Verdict = "fail" if len(sure) else "warn" if len(negative) else "pass"
    named_ones = listed(r.labels((sure if len(sure) else negative)["indicator"]))
    found.append(Check("importance_sign", verdict, float(len(negative)), 0.0, "csr_convention", values={"names": named_ones}))
    if m.resamples:
        unsure = _not_significant(r)
        verdict = "pass" if not len(unsure) else "warn" if len(unsure) <= len(table) / 2 else "fail"
        values = {"total": len(table), "names": listed(r.labels(unsure["indicator"])), "alpha": r.alpha}
        found.append(Check("importance_significance", verdict, float(len(unsure)), 0.0, "holm1979", values=values))
    if m.method != "correlation":
        check = Check.against("importance_vif", m.point.collinear[1], "vif", name=r.survey.label(m.point.collinear[0]))
        if m.method in SHARES_OF_R2 and check.verdict == "fail":  # made for correlated predictors; only the sharing is uncertain
            check = Check(check.key, "warn", check.value, check.threshold, check.source, check.values)
        found.append(check)
        found.append(Check.against("n_per_predictor", r.basis.n_effective / m.point.predictors, "n_per_parameter"))
    return found


def _not_significant(r: Report) -> pd.DataFrame:
    """Return the indicators whose weight cannot be told from nought, or is not above that of a random variable."""
    table = r.table
    unsure = ~(table["p_adjusted"] < r.alpha)
    if r.measured.draws.rival is not None:
        unsure |= np.median(r.measured.draws.rival, axis=0) <= 0
    return table[unsure]


def _stated_against_derived(r: Report) -> float | None:
    """Return the rank correlation of stated importance with the derived one, where both exist."""
    there = r.tables.get("importance_methods")
    if there is None or "stated" not in there:
        return None
    other = r.measured.method if r.derived else "relative_weights"
    return agreement(there["stated"].to_numpy(), there[other].to_numpy())
