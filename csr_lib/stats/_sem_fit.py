"""Fit a specification to data: start, search, faults, errors, χ² and likelihoods."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from csr_lib.core.errors import AnalysisError, DataError, Problem
from csr_lib.stats._linalg import dependent
from csr_lib.stats._sem_ml import Block, Implied, Likelihood, Optimum, Structure, minimise
from csr_lib.stats._sem_spec import Specification
from csr_lib.stats._sem_start import start_values
from csr_lib.stats.fit_measures import GroupMoments, ModelTest
from csr_lib.stats.moments import Moments

Array = np.ndarray
#: Smallest eigenvalue of the information, scaled to a unit diagonal, at which parameters still count as identified.
IDENTIFIED = 1e-9


@dataclass(frozen=True, eq=False)
class Data:
    """What a model is fitted to.

    Attributes
    ----------
    blocks : sample moments that the likelihood is made of (see `Block`).
    covs, means, ns : per group, the saturated model's moments (divisor n) of the observed variables, and rows.
    saturated, baseline : value of F (as `Likelihood.value`) at the saturated and at the baseline model.
    missing, n_missing, kind : the rule for missing answers, rows that it concerned, and the kind of case weights (see `Moments`).
    """

    blocks: tuple[Block, ...]
    covs: tuple[Array, ...]
    means: tuple[Array, ...]
    ns: tuple[float, ...]
    saturated: float
    baseline: float
    missing: str
    n_missing: float = field(default=0.0, kw_only=True)
    kind: str = field(default="none", kw_only=True)

    @property
    def n(self) -> float:
        return math.fsum(self.ns)

    @property
    def answers(self) -> float:
        """Answers, weighted; times ½ln 2π the constant of the log-likelihood."""
        return math.fsum(b.n * len(b.columns) for b in self.blocks)

    def likelihood(self, structure: Structure) -> Likelihood:
        """Return the likelihood of a structure given these data."""
        return Likelihood(structure, self.blocks)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model: structure, likelihood, optimum, and covariance matrix of the estimates."""

    structure: Structure
    data: Data
    likelihood: Likelihood
    optimum: Optimum
    implied: tuple[Implied, ...]
    information: Array
    vcov: Array
    test: ModelTest

    @property
    def theta(self) -> Array:
        return self.optimum.theta

    def group_moments(self) -> list[GroupMoments]:
        """Observed and implied moments by group, for the fit measures."""
        spec = self.structure.spec
        means = spec.mean_structure
        given = tuple(spec.observed.index(v) for v in spec.conditional)
        return [
            GroupMoments(n, cov, m.sigma, mean if means else None, m.mu if means else None, given)
            for n, cov, mean, m in zip(self.data.ns, self.data.covs, self.data.means, self.implied, strict=True)
        ]


def complete_data(spec: Specification, groups: Sequence[Moments]) -> Data:
    """Return the data of complete answers, one Moments per group; covariances get the divisor n.

    Raises
    ------
    DataError
        Columns that a group lacks, moments that are not finite numbers.
    AnalysisError
        No more answers than items; items that depend on each other exactly.
    """
    problems: list[Problem] = []
    covs, means, ns = [], [], []
    for g, full in enumerate(groups):
        m = full.take(spec.observed)
        where = f"group {g + 1}" if len(groups) > 1 else "moments"
        bad = [c for c, ok in zip(m.columns, np.isfinite(m.cov).all(axis=0) & np.isfinite(m.mean), strict=True) if not ok]
        if bad:
            raise DataError(f"moments of {', '.join(bad)} are not finite", where=where, mend="look for NaN or infinite values")
        problems += _sample_problems(m, where)
        covs.append(m.cov * (m.n - 1) / m.n)
        means.append(m.mean)
        ns.append(float(m.n))
    if problems:
        raise AnalysisError(problems)
    everything = np.arange(len(spec.observed))
    blocks = tuple(Block(n, cov, mean, g, everything) for g, (n, cov, mean) in enumerate(zip(ns, covs, means, strict=True)))
    total = sum(ns)
    p = len(spec.observed)
    saturated = sum(n / total * (_logdet(cov) + p) for n, cov in zip(ns, covs, strict=True)) / 2
    baseline = sum(n / total * (_baseline_logdet(spec, cov) + p) for n, cov in zip(ns, covs, strict=True)) / 2
    kind = next((m.kind for m in groups if m.kind != "none"), "none")
    n_missing = math.fsum(m.n_missing for m in groups)
    return Data(
        blocks, tuple(covs), tuple(means), tuple(ns), saturated, baseline, groups[0].missing, n_missing=n_missing, kind=kind
    )


def _sample_problems(m: Moments, where: str) -> list[Problem]:
    constant = [c for c, v in zip(m.columns, np.diag(m.cov), strict=True) if not v > 0]
    if constant:
        return [Problem("all answers are the same", f"{where}: {', '.join(constant)}", "items that vary", "leave them out")]
    if m.n <= len(m.columns):
        return [
            Problem(
                f"{m.n:g} answers for {len(m.columns)} items",
                where,
                "more answers than items (usable results need many times as many)",
                "collect more answers or model fewer items",
            )
        ]
    linked = dependent(m.correlation, m.columns)
    if linked:
        what = (
            "are duplicates or sums of each other" if m.positive_semidefinite else "have correlations that contradict each other"
        )
        return [Problem(f"{', '.join(linked)} {what}", where, "a positive definite covariance matrix", "leave one of them out")]
    return []


def _logdet(cov: Array) -> float:
    return float(np.linalg.slogdet(cov)[1])


def _baseline_logdet(spec: Specification, cov: Array) -> float:
    """ln|Σ| of the baseline: uncorrelated variables, but for those that only explain others."""
    given = [spec.observed.index(v) for v in spec.outside]
    rest = [k for k in range(len(cov)) if k not in given]
    return float(np.log(np.diag(cov)[rest]).sum()) + (_logdet(cov[np.ix_(given, given)]) if given else 0.0)


def with_given_moments(spec: Specification, covs: Sequence[Array], means: Sequence[Array]) -> Specification:
    """Return the specification with the sample's moments in its rows of given variables."""
    if not spec.conditional:
        return spec
    at = {v: k for k, v in enumerate(spec.observed)}
    rows = [
        replace(r, value=float(means[r.group][at[r.lhs]] if r.op == "~1" else covs[r.group][at[r.lhs], at[r.rhs]]))
        if r.exogenous
        else r
        for r in spec.rows
    ]
    return spec.with_rows(rows)


def fit(
    spec: Specification,
    data: Data,
    *,
    information: str = "expected",
    tolerance: float = 1e-9,
    max_iterations: int = 500,
    start: Array | None = None,
) -> Fitted:
    """Fit by maximum likelihood.

    Parameters
    ----------
    spec, data : the model and what it is fitted to.
    information : ``expected`` or ``observed`` information for the covariance matrix of the estimates.
    start : start values; by default from the data.

    Raises
    ------
    AnalysisError
        More parameters than moments, parameters that are not identified, no convergence.
    """
    spec = with_given_moments(spec, data.covs, data.means)
    df, baseline_df = _degrees(spec)
    if df < 0:
        raise AnalysisError(
            f"the model has {spec.n_free} free parameters and only {spec.n_free + df} moments to estimate them from",
            where="model",
            allowed="at least as many moments as parameters",
            mend="fix or equate parameters: factors need three items each, or two and a correlation with another factor",
        )
    structure = Structure(spec)
    likelihood = data.likelihood(structure)
    optimum = _search(likelihood, data, start, tolerance, max_iterations)
    if not math.isfinite(optimum.value):
        raise AnalysisError(
            "no values were found from which to start: the implied covariances are not positive definite",
            where="model",
            mend="look at the fixed values, and for circular paths",
        )
    if not optimum.converged:
        _raise_not_converged(likelihood, data, optimum)
    _, expected, second = likelihood.derivatives(optimum.theta, hessian=information == "observed")
    _check_identified(expected, spec)
    used = expected if second is None else second
    vcov = _inverse(data.n * used)
    implied = tuple(structure.implied(optimum.theta, g) for g in range(spec.groups))
    test = _test(spec, data, optimum.value, df, baseline_df)
    return Fitted(structure, data, likelihood, optimum, implied, used, vcov, test)


def _search(likelihood: Likelihood, data: Data, start: Array | None, tolerance: float, max_iterations: int) -> Optimum:
    """Search from one start, and from a second one where the first leads nowhere; the lowest value of those found."""
    if start is not None:
        return minimise(likelihood, start, tolerance=tolerance, max_iterations=max_iterations)
    found: list[Optimum] = []
    for equal in (False, True):
        begin = start_values(likelihood.structure, list(data.covs), list(data.means), equal=equal)
        found.append(minimise(likelihood, begin, tolerance=tolerance, max_iterations=max_iterations))
        if found[-1].converged:
            return found[-1]
    return min(found, key=lambda o: o.value)


def _degrees(spec: Specification) -> tuple[int, int]:
    """Degrees of freedom of the model and of the baseline."""
    p, given, outside = len(spec.observed), len(spec.conditional), len(spec.outside)
    pairs = p * (p + 1) // 2
    moments = pairs - given * (given + 1) // 2 + (p - given if spec.mean_structure else 0)
    return spec.groups * moments - spec.n_free, spec.groups * (pairs - p - outside * (outside - 1) // 2)


def _test(spec: Specification, data: Data, value: float, df: int, baseline_df: int) -> ModelTest:
    n = data.n
    constant = data.answers * math.log(2 * math.pi) / 2
    given = [spec.observed.index(v) for v in spec.conditional]
    if given:  # the likelihood is conditional on them
        for n_g, cov in zip(data.ns, data.covs, strict=True):
            constant -= n_g / 2 * (len(given) * (math.log(2 * math.pi) + 1) + _logdet(cov[np.ix_(given, given)]))
    return ModelTest(
        2 * n * (value - data.saturated) if df > 0 else max(2 * n * (value - data.saturated), 0.0),
        df,
        2 * n * (data.baseline - data.saturated),
        baseline_df,
        n,
        spec.groups,
        spec.n_free,
        -n * value - constant,
        -n * data.saturated - constant,
    )


def scaled_information(information: Array) -> Array:
    """Return the information scaled to a unit diagonal; its smallest eigenvalue says how well the parameters are identified."""
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    return np.asarray(information / np.outer(scale, scale))


def _inverse(information: Array) -> Array:
    """Inverse by way of a unit diagonal; NaN where it is not positive definite."""
    scale = np.sqrt(np.abs(np.diag(information)))
    try:
        root = np.linalg.inv(np.linalg.cholesky(information / np.outer(scale, scale)))
    except np.linalg.LinAlgError:
        return np.full(information.shape, np.nan)
    return np.asarray(root.T @ root / np.outer(scale, scale))


def _check_identified(information: Array, spec: Specification) -> None:
    if not len(information):
        return
    values, vectors = np.linalg.eigh(scaled_information(information))
    null = vectors[:, values < IDENTIFIED]
    if not null.shape[1]:
        return
    names = [name for name, row in zip(spec.names, np.abs(null) > 0.05, strict=True) if row.any()]
    raise AnalysisError(
        f"the model is not identified: other values of {', '.join(names)} fit equally well",
        where="model",
        allowed="parameters that the covariances determine",
        mend="fix one of them or set them equal, add items, or take out paths or covariances",
    )


def _raise_not_converged(likelihood: Likelihood, data: Data, optimum: Optimum) -> None:
    """Say that the model is not identified if it is not at some ordinary values, and otherwise where the search ran to."""
    structure = likelihood.structure
    ordinary = start_values(structure, list(data.covs), list(data.means))
    ordinary = ordinary * np.random.default_rng(0).uniform(0.9, 1.1, len(ordinary))
    with contextlib.suppress(np.linalg.LinAlgError):
        _check_identified(likelihood.derivatives(ordinary)[1], structure.spec)
    gradient, information, _ = likelihood.derivatives(optimum.theta)
    size = np.abs(gradient) / np.sqrt(np.maximum(np.diag(information), 1e-300))
    worst = [structure.spec.names[k] for k in np.argsort(-size)[:3]]
    negative = [
        str(r)
        for r, k in zip(structure.spec.rows, structure.spec.index, strict=True)
        if k >= 0 and r.op == "~~" and r.lhs == r.rhs and optimum.theta[k] < 0
    ]
    raise AnalysisError(
        f"the search did not converge within {optimum.iterations} steps; it still moves {', '.join(worst)}"
        + (f"; negative by then: {', '.join(negative)}" if negative else ""),
        where="model",
        mend="look for factors with two items or items that hardly correlate, simplify the model, or collect more answers",
    )
