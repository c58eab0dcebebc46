"""Covariance structure models (SEM, CFA) by maximum likelihood, from moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from csr_lib.core.check import Check
from csr_lib.core.errors import OptionError, unknown
from csr_lib.core.model import Construct, Model
from csr_lib.stats._sem_fit import Fitted, complete_data, fit
from csr_lib.stats._sem_residuals import residual_table
from csr_lib.stats._sem_spec import Identification, Specification, from_factors, from_model
from csr_lib.stats._sem_syntax import from_syntax
from csr_lib.stats._sem_tables import GroupTable, parameter_tables
from csr_lib.stats.fit_measures import fit_measures
from csr_lib.stats.moments import Moments, Sample
from csr_lib.stats.sem_checks import solution_checks
from csr_lib.stats.sem_robust import robust, robust_measures

Array = np.ndarray
ESTIMATORS = ("ML", "MLR")


@dataclass(frozen=True, eq=False)
class SEMResult:
    """An estimated covariance structure model.

    Attributes
    ----------
    specification : the complete model, defaults included.
    estimator : ``ML``; with robust errors and χ² ``MLR``.
    n, df : rows and degrees of freedom.
    missing, n_missing, kind : rule for missing answers, rows that it concerned, kind of case weights (see `Moments`).
    converged, iterations, gradient : of the search; ``gradient`` is the largest element of the gradient in units of √information.
    parameters : ``lhs op rhs group label free estimate std_error z p_value ci_low ci_high std_lv std_all``. ``op`` is ``=~``
        (loading), ``~`` (path), ``~~`` ((residual) variance or covariance) or ``~1`` (intercept). Fixed parameters have error 0
        and no test. ``std_lv`` standardises factors, ``std_all`` all variables.
    standardised : ``lhs op rhs group estimate std_error z p_value ci_low ci_high``: ``std_all`` with errors by the delta method.
    effects : ``source target effect estimate std_error z p_value ci_low ci_high std_all`` along the paths; ``effect`` is
        ``direct``, ``indirect`` or ``total``, errors by the delta method. (``group`` too where there are several.)
    r_squared : ``variable r2`` (``group``).
    fit : fit measures by name (`csr_lib.stats.fit_measures.fit_measures`).
    level : confidence of the intervals.
    checks : may these numbers be believed?
    """

    specification: Specification
    estimator: str
    n: float
    df: int
    missing: str
    n_missing: float
    kind: str
    converged: bool
    iterations: int
    gradient: float
    parameters: pd.DataFrame
    standardised: pd.DataFrame
    effects: pd.DataFrame
    r_squared: pd.DataFrame
    fit: Mapping[str, float]
    level: float
    checks: tuple[Check, ...] = ()
    fitted: Fitted = field(repr=False, kw_only=True)

    @property
    def vcov(self) -> pd.DataFrame:
        """(k, k) covariance matrix of the free parameters."""
        names = list(self.specification.names)
        return pd.DataFrame(self.fitted.vcov, index=names, columns=names)

    def implied_covariance(self, group: int = 0) -> pd.DataFrame:
        """(p, p) covariance matrix of the items that the model implies, divisor n."""
        return _square(self.fitted.implied[group].sigma, self.specification.observed)

    def implied_mean(self, group: int = 0) -> pd.Series:
        """(p,) means that the model implies; the sample's where means are not modelled."""
        modelled = self.specification.mean_structure
        mean = self.fitted.implied[group].mu if modelled else self.fitted.data.means[group]
        return pd.Series(mean, index=list(self.specification.observed))

    def latent_correlations(self, group: int = 0) -> pd.DataFrame:
        """Implied correlations of the factors; NaN where a variance is not positive."""
        return self._table(group).latent_correlations()

    def residuals(self, group: int = 0) -> pd.DataFrame:
        """Pairs of items with what the model leaves: ``item_a item_b observed implied residual correlation_residual z``.

        ``residual`` is the difference of covariances (divisor n), ``correlation_residual`` that of correlations, ``z`` the
        residual over its standard error (NaN for a moment that is fitted exactly, and with FIML). The same numbers: R
        ``lavaan::residuals`` (``type = "raw"``, ``"cor.bollen"``, ``"standardized"``).
        """
        return residual_table(self.fitted, group)

    def _table(self, group: int) -> GroupTable:
        return GroupTable(self.fitted.structure, self.fitted.implied[group], self.fitted.theta, group)


def sem(
    data: Moments | Sample,
    model: Model | str,
    *,
    estimator: str = "ML",
    identification: Identification = "marker",
    composites: str = "error",
    mean_structure: bool = False,
    covariances: Sequence[tuple[str, str]] = (),
    fixed_x: bool = True,
    level: float = 0.95,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> SEMResult:
    """Estimate a structural equation model by maximum likelihood.

    Parameters
    ----------
    data : Moments of at least the model's items, or the Sample itself (which ``MLR`` needs).
    estimator : ``ML``, or ``MLR``: the same estimates with errors and χ² that hold for answers that are not normal and for
        sampling weights (`csr_lib.stats.sem_robust`).
    model : a Model, whose reflective constructs are factors (a construct with one item is that item, without error; one made of
        others a factor of higher order), or text in lavaan's syntax (`csr_lib.stats._sem_syntax.from_syntax`).
    identification : scale of the factors, ``marker`` (first loading 1) or ``unit_variance`` ((residual) variance 1).
    composites : what to do with composites of a Model (mode A or B, several items): ``error``, or ``as_factors``.
    mean_structure : model means too; intercepts of items are free unless the model says otherwise.
    covariances : pairs of items or constructs of a Model whose residuals may correlate.
    fixed_x : observed variables in lavaan syntax that only explain others enter with their sample moments.
    level : confidence of the intervals.
    tolerance : largest element of the gradient, in units of √information, at which the search ends.

    Returns
    -------
    SEMResult

    Raises
    ------
    OptionError
        An unknown identification or rule for composites, a confidence level outside 0 to 1.
    DataError
        Items that `moments` does not have, moments that are not finite.
    AnalysisError
        A composite, a model that cannot be read or is not identified (the parameters are named), too few answers, items that
        depend on each other, no convergence. Whether admissible numbers are good is said by ``checks``.

    Notes
    -----
    Minimises ln|Σ| + tr(SΣ⁻¹) − ln|S| − p (+ (x̄ − μ)ᵀΣ⁻¹(x̄ − μ)) with S of divisor n (Jöreskog 1969; Bollen 1989); χ² = n times
    the minimum. Errors from the expected information, those of the standardised solution and of effects by the delta method.
    Defaults are those of lavaan: exogenous factors correlate, and the residuals of dependent variables that explain nothing. The
    same numbers: R ``lavaan::sem`` (``likelihood = "normal"``), ``standardizedSolution``, ``fitMeasures``. With sampling
    weights the estimates are pseudo maximum likelihood; their errors and χ² need ``MLR``.
    """
    if isinstance(model, str):
        spec = from_syntax(model, identification=identification, mean_structure=mean_structure, fixed_x=fixed_x)
    else:
        spec = from_model(
            model,
            identification=identification,
            composites=composites,
            mean_structure=mean_structure,
            covariances=covariances,
        )
    return estimate(spec, [data], estimator=estimator, level=level, tolerance=tolerance, max_iterations=max_iterations)


def cfa(
    data: Moments | Sample,
    constructs: Sequence[Construct] | Mapping[str, Sequence[str]] | str,
    *,
    estimator: str = "ML",
    identification: Identification = "marker",
    composites: str = "error",
    mean_structure: bool = False,
    covariances: Sequence[tuple[str, str]] = (),
    level: float = 0.95,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> SEMResult:
    """Estimate a confirmatory factor analysis: all factors correlate, none explains another.

    Parameters
    ----------
    constructs : ``{factor: items}``, Constructs (whose mode decides as in `sem`), or text in lavaan's syntax.

    Other parameters, result, errors and formulas as for `sem`. The same numbers: R ``lavaan::cfa``.
    """
    if isinstance(constructs, str):
        spec = from_syntax(constructs, identification=identification, mean_structure=mean_structure)
    else:
        spec = from_factors(
            constructs,
            identification=identification,
            composites=composites,
            mean_structure=mean_structure,
            covariances=covariances,
        )
    return estimate(spec, [data], estimator=estimator, level=level, tolerance=tolerance, max_iterations=max_iterations)


def estimate(
    spec: Specification,
    groups: Sequence[Moments | Sample],
    *,
    estimator: str = "ML",
    level: float = 0.95,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> SEMResult:
    """Estimate a specification from one Moments or Sample per group; errors and formulas as for `sem`."""
    if estimator not in ESTIMATORS:
        raise OptionError([unknown(estimator, ESTIMATORS, what="estimator", where="estimator")])
    samples = [g for g in groups if isinstance(g, Sample)]
    if estimator == "MLR" and len(samples) < len(groups):
        raise OptionError(
            "MLR needs the answers, not only their moments",
            where="estimator",
            allowed="a Sample",
            mend="hand in sample(frame, weights)",
        )
    moments = [g.moments() if isinstance(g, Sample) else g for g in groups]
    information = "observed" if estimator == "MLR" else "expected"
    fitted = fit(spec, complete_data(spec, moments), information=information, tolerance=tolerance, max_iterations=max_iterations)
    if estimator == "ML":
        return result_of(fitted, level=level)
    r = robust(fitted, samples)
    return result_of(fitted, level=level, estimator="MLR", vcov=r.vcov, measures=robust_measures(fitted.test, r))


def result_of(
    fitted: Fitted,
    *,
    level: float = 0.95,
    estimator: str = "ML",
    vcov: Array | None = None,
    measures: Mapping[str, float] | None = None,
) -> SEMResult:
    """Return the result of a fitted model; `vcov` replaces the covariance matrix of its estimates, `measures` join its fit."""
    if not 0 < level < 1:
        raise OptionError(f"confidence level {level}", where="level", allowed="between 0 and 1, such as 0.95")
    if vcov is not None:
        fitted = replace(fitted, vcov=vcov)
    spec, V = fitted.structure.spec, fitted.vcov
    tables = [GroupTable(fitted.structure, m, fitted.theta, g) for g, m in enumerate(fitted.implied)]
    parameters, standardised = parameter_tables(tables, V, level)
    result = SEMResult(
        spec,
        estimator,
        fitted.data.n,
        fitted.test.df,
        fitted.data.missing,
        fitted.data.n_missing,
        fitted.data.kind,
        fitted.optimum.converged,
        fitted.optimum.iterations,
        fitted.optimum.gradient,
        parameters,
        standardised,
        _by_group([t.effects(V, level) for t in tables]),
        _by_group([t.r_squared() for t in tables]),
        fit_measures(fitted.test, fitted.group_moments()) | dict(measures or {}),
        level,
        fitted=fitted,
    )
    return replace(result, checks=solution_checks(result))


def _by_group(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if len(frames) == 1:
        return frames[0]
    return pd.concat([f.assign(group=g) for g, f in enumerate(frames)], ignore_index=True)


def _square(values: Array, names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(values, index=pd.Index(names, name="item"), columns=list(names))
