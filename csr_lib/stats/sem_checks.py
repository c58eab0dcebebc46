"""Checks of an estimated covariance structure: is the solution admissible and determined, and does the model fit?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from csr_lib.core.check import Check
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.stats._sem_fit import scaled_information
from csr_lib.stats._sem_spec import Row

if TYPE_CHECKING:
    from csr_lib.stats.sem import SEMResult

Array = np.ndarray


def solution_checks(result: SEMResult) -> tuple[Check, ...]:
    """Return whether the numbers of a solution may be believed.

    Degenerate solutions are estimated, not refused; these checks fail for them: a standardised path beyond 1, a standard error
    that explodes, a negative variance (Heywood case), factors that can hardly be told apart, a covariance matrix of factors that
    is not positive definite, information that is nearly singular, too few answers per parameter, a factor that does not vary.
    """
    solution = _Solution.of(result)
    found = [
        *_paths(solution),
        _errors(solution),
        *_variances(solution),
        *_latent(result),
        _information(result),
        Check.against("sem_n_per_parameter", result.n / max(result.fit["n_parameters"], 1), n=result.n),
        *_factor_variances(solution),
        *_inputs(result),
    ]
    return tuple(found)


def fit_checks(result: SEMResult) -> tuple[Check, ...]:
    """Return how well the model fits, by the usual cut-offs; the robust measures where there are (their ``…_robust`` forms)."""
    fit = result.fit

    def best(name: str) -> float:
        return fit.get(f"{name}_robust", fit[name])

    chi2_df = fit["chi2_scaled"] / fit["df"] if "chi2_scaled" in fit and fit["df"] > 0 else fit["chi2_df"]
    found = [Check.against("sem_chi2_df", chi2_df)] if result.df > 0 else []
    found += [Check.against(f"sem_{name}", best(name)) for name in ("cfi", "tli", "rmsea")]
    return (*found, Check.against("sem_srmr", fit["srmr"], "srmr"))


@dataclass(frozen=True, eq=False)
class _Solution:
    """The rows of a result with its numbers as plain arrays; going through frames would cost more time than the estimate."""

    result: SEMResult
    rows: list[Row]
    estimate: Array
    error: Array
    std: Array
    std_error: Array

    @classmethod
    def of(cls, result: SEMResult) -> _Solution:
        spec = result.specification
        rows = [r for g in range(spec.groups) for r in spec.rows if r.group == g]
        frames = ((result.parameters, "estimate"), (result.parameters, "std_error"))
        std = ((result.standardised, "estimate"), (result.standardised, "std_error"))
        return cls(result, rows, *(frame[column].to_numpy() for frame, column in (*frames, *std)))

    def label(self, k: int) -> str:
        r = self.rows[k]
        return _label(r.lhs, r.op, r.rhs, r.group, self.result.specification.groups)

    def labels(self, at: Sequence[int]) -> list[str]:
        return [self.label(k) for k in at]


def _label(lhs: str, op: str, rhs: str, group: int, groups: int) -> str:
    text = {"~": f"{rhs} → {lhs}", "=~": f"{lhs} → {rhs}", "~~": lhs if lhs == rhs else f"{lhs} ↔ {rhs}"}.get(op, f"{lhs} {op}")
    return f"{text} [{group + 1}]" if groups > 1 else text


def _worst(key: str, cutoff: str, values: Array, names: Sequence[str]) -> Check:
    """Judge the worst of several values, and name all that are as bad by its verdict."""
    rule = CUTOFFS[cutoff]
    badness = np.where(np.isnan(values), np.inf, values if rule.direction == "at_most" else -values)
    at = int(np.argmax(badness))
    verdict = rule.verdict(float(values[at]))
    bad = [names[k] for k in np.argsort(-badness, kind="stable") if rule.verdict(float(values[k])) == verdict]
    return Check.against(key, float(values[at]), cutoff, worst=names[at], names=bad)


def _paths(s: _Solution) -> Iterator[Check]:
    paths = [k for k, r in enumerate(s.rows) if r.op == "~"]
    if paths:
        yield _worst("sem_std_path", "std_path", np.abs(s.std[paths]), s.labels(paths))


def _errors(s: _Solution) -> Check:
    rows = [k for k, r in enumerate(s.rows) if r.op in ("~", "=~") and np.isfinite(s.std[k])] or list(range(len(s.rows)))
    return _worst("sem_std_error", "sem_std_error", s.std_error[rows], s.labels(rows))


def _variances(s: _Solution) -> Iterator[Check]:
    """Free variances as shares of the variance that the model implies for the variable."""
    f = s.result.fitted
    rows = [k for k, r in enumerate(s.rows) if r.op == "~~" and r.lhs == r.rhs and r.free]
    if rows:
        variance = [f.implied[s.rows[k].group].cov.diagonal()[f.structure.position[s.rows[k].lhs]] for k in rows]
        yield _worst("sem_variance", "sem_variance", s.estimate[rows] / np.maximum(np.abs(variance), 1e-300), s.labels(rows))


def _latent(result: SEMResult) -> Iterator[Check]:
    spec = result.specification
    if len(spec.latent) < 2:
        return
    parts = {frozenset((r.lhs, r.rhs)) for r in spec.rows if r.op == "=~"}  # a part correlates with its whole by design
    values, names, smallest = [], [], np.inf
    for g in range(spec.groups):
        r = result.latent_correlations(g).to_numpy()
        for j, b in enumerate(spec.latent):
            for i, a in enumerate(spec.latent[:j]):
                if frozenset((a, b)) not in parts:
                    values.append(abs(r[i, j]))
                    names.append(_label(a, "~~", b, g, spec.groups))
        smallest = min(smallest, float(np.linalg.eigvalsh(r)[0])) if np.isfinite(r).all() else np.nan
    if values:
        yield _worst("sem_latent_correlation", "sem_latent_correlation", np.array(values), names)
    yield Check.against("sem_latent_definite", smallest)


def _information(result: SEMResult) -> Check:
    names = result.specification.names
    if not names:
        return Check.against("sem_information", 1.0, worst="", names=[])
    values, vectors = np.linalg.eigh(scaled_information(result.fitted.information))
    weakest = np.abs(vectors[:, 0])
    order = np.argsort(-weakest, kind="stable")
    involved = [names[k] for k in order if weakest[k] > 0.2] or [names[order[0]]]  # many parameters may share a weakness evenly
    return Check.against("sem_information", float(values[0]), worst=involved[0], names=involved)


def _factor_variances(s: _Solution) -> Iterator[Check]:
    """p-value of the variance of each exogenous factor; with a fixed variance, of its first free loading's square.

    With λ = 1 fixed, z = variance/error; with the variance fixed at 1 the same hypothesis is λ² = 0 with z = λ/(2·error).
    """
    spec = s.result.specification
    exogenous = set(spec.latent) - set(spec.endogenous)
    loading: dict[tuple[str, int], int] = {}
    for k, r in enumerate(s.rows):
        if r.op == "=~":
            loading.setdefault((r.lhs, r.group), k)
    names, values = [], []
    for k, r in enumerate(s.rows):
        if r.op != "~~" or r.lhs != r.rhs or r.lhs not in exogenous:
            continue
        first = loading[r.lhs, r.group]
        if r.free:
            z = s.estimate[k] / s.error[k] if s.error[k] > 0 else np.nan
        elif s.rows[first].free:
            z = abs(s.estimate[first]) / (2 * s.error[first]) if s.error[first] > 0 else np.nan
        else:
            continue  # its size is fixed
        names.append(s.label(k))
        values.append(1.0 if z <= 0 else 2 * special.ndtr(-z))
    if names:
        yield _worst("sem_factor_variance", "sem_factor_variance", np.array(values), names)


def _inputs(result: SEMResult) -> Iterator[Check]:
    """Things about the answers and the model that the estimator cannot make good."""
    composites = result.specification.composites_as_factors
    if composites:
        yield Check("sem_composites", "warn", float(len(composites)), values={"names": list(composites)})
    if result.kind == "sampling" and result.estimator == "ML":
        yield Check("sem_weights", "warn")
    if result.missing in ("pairwise", "em") and result.n_missing > 0:
        yield Check("sem_missing", "warn", float(result.n_missing), values={"rule": result.missing})
