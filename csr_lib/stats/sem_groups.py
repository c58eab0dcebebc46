"""Covariance structure models in several groups, with parameters held equal across them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.core.model import Construct, Model
from csr_lib.stats._sem_fit import IDENTIFIED, Data, complete_data, fit
from csr_lib.stats._sem_ml import Structure
from csr_lib.stats._sem_spec import Identification, Row, Specification
from csr_lib.stats.fit_measures import chi2_upper
from csr_lib.stats.moments import Moments, Sample
from csr_lib.stats.sem import ESTIMATORS, SEMResult, result_of
from csr_lib.stats.sem_fiml import IncompleteData, estimate_fiml, incomplete_data, kind_of_weights, specify
from csr_lib.stats.sem_robust import robust, robust_measures

Array = np.ndarray
#: What can be held equal across groups.
KINDS = (
    "loadings",
    "intercepts",
    "residuals",
    "residual_covariances",
    "regressions",
    "means",
    "latent_variances",
    "latent_covariances",
)
Key = tuple[str, str, str]


def sem_groups(
    groups: Mapping[str, Moments | Sample],
    model: Model | str | Mapping[str, Sequence[str]] | Sequence[Construct],
    *,
    equal: Sequence[str] = (),
    free: Sequence[str] = (),
    estimator: str = "ML",
    identification: Identification = "marker",
    composites: str = "error",
    covariances: Sequence[tuple[str, str]] = (),
    level: float = 0.95,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> SEMResult:
    """Estimate one model in several groups at once, with a mean structure.

    Parameters
    ----------
    groups : by label, the Moments or the Sample of each group, at least two. Samples that were made with ``missing="em"`` and
        have incomplete rows are estimated from every answer there is (`csr_lib.stats.sem_fiml.sem_fiml`).
    model : a Model (paths among factors), ``{factor: items}`` or Constructs (all factors correlate), or lavaan syntax. Labels in
        the syntax hold parameters equal within each group; across groups only what `equal` names is equal.
    equal : kinds of parameters that are the same in all groups: ``loadings``, ``intercepts`` and ``residuals`` (variances) of
        items, ``residual_covariances`` of items, ``regressions``, ``latent_variances``, ``latent_covariances``, ``means`` (of
        factors).
    free : parameters of these kinds that may differ all the same, such as ``"x3 ~ 1"``, ``"Quality =~ q2"``, ``"x1 ~~ x1"``.
    estimator : ``ML``, or ``MLR`` (Samples only) with errors and χ² that hold for answers that are not normal and for weights.
    identification, composites, covariances, level, tolerance, max_iterations : as for `csr_lib.stats.sem.sem`.

    Returns
    -------
    SEMResult
        Its tables have ``group`` 0, 1, … in the order of `groups`. What is equal has the same ``label``.

    Raises
    ------
    OptionError
        An unknown kind; a name in `free` that is not a parameter of a kind held equal.
    AnalysisError
        As for `sem`; fewer than two groups, groups of different kinds (Moments and Samples), pairwise moments.

    Notes
    -----
    With equal intercepts the means of the factors are 0 in the first group and free in the others (not those of factors that
    are items of another factor, whose means nothing would fix); with equal loadings and ``unit_variance``, variances of the
    factors are free in the others. Sampling weights are scaled so that those of all groups together have mean 1. The same
    numbers: R ``lavaan::sem(group = , group.equal = , group.partial = )``.
    """
    base = specify(model, identification=identification, composites=composites, covariances=covariances)
    spec = equated(base, len(groups), equal, free)
    data = group_data(spec, groups)
    return estimate_groups(spec, data, estimator=estimator, level=level, tolerance=tolerance, max_iterations=max_iterations)


@dataclass(frozen=True, eq=False)
class GroupData:
    """What a model of several groups is fitted to, and the rows that robust errors need (none where only moments are known)."""

    labels: tuple[str, ...]
    data: Data
    samples: tuple[Sample, ...]


def estimate_groups(
    spec: Specification,
    groups: GroupData,
    *,
    estimator: str = "ML",
    level: float = 0.95,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> SEMResult:
    """Estimate a specification of several groups from the data of `group_data`; as `sem_groups`."""
    if estimator not in ESTIMATORS:
        raise OptionError([unknown(estimator, ESTIMATORS, what="estimator", where="estimator")])
    if isinstance(groups.data, IncompleteData):
        return estimate_fiml(
            spec, groups.data, estimator=estimator, level=level, tolerance=tolerance, max_iterations=max_iterations
        )
    if estimator == "MLR" and not groups.samples:
        raise OptionError(
            "MLR needs the answers, not only their moments", where="estimator", allowed="Samples", mend="hand in samples"
        )
    information = "observed" if estimator == "MLR" else "expected"
    fitted = fit(spec, groups.data, information=information, tolerance=tolerance, max_iterations=max_iterations)
    if estimator == "ML":
        return result_of(fitted, level=level)
    r = robust(fitted, groups.samples)
    return result_of(fitted, level=level, estimator="MLR", vcov=r.vcov, measures=robust_measures(fitted.test, r))


def group_data(spec: Specification, groups: Mapping[str, Moments | Sample]) -> GroupData:
    """Return what a model of several groups is fitted to; faults are told with the label of the group."""
    if len(groups) < 2:
        raise AnalysisError(f"{len(groups)} groups", where="groups", allowed="at least two", mend="use the model for one group")
    samples = tuple(g for g in groups.values() if isinstance(g, Sample))
    if samples and len(samples) < len(groups):
        raise AnalysisError(
            "some groups are moments, others answers",
            where="groups",
            allowed="one or the other",
            mend="hand in all groups as samples",
        )
    if samples:
        kind_of_weights(samples)
    incomplete = any(not s.complete and s.missing == "em" for s in samples)
    problems: list[Problem] = []
    for label, group in groups.items():
        try:  # one at a time, so that a fault can be told with the group's name
            if incomplete:
                incomplete_data(spec, [group])  # type: ignore[list-item]
            else:
                complete_data(spec, [_moments(group, 1.0)])
        except AnalysisError as e:
            problems += [replace(p, where=f"group '{label}': {p.where}") for p in e.problems]
    if problems:
        raise AnalysisError(problems)
    data: Data
    if incomplete:
        data = incomplete_data(spec, samples)
    else:
        scale = sum(s.n for s in samples) / sum(float(s.weights.sum()) for s in samples) if samples else 1.0
        data = complete_data(spec, [_moments(g, scale) for g in groups.values()])
    return GroupData(tuple(str(label) for label in groups), data, samples)


def _moments(group: Moments | Sample, scale: float) -> Moments:
    """Moments of a group with the sum of its case weights times `scale` as n; the covariances of divisor n stay what they are."""
    m = group.moments() if isinstance(group, Sample) else group
    if m.missing == "pairwise" and m.n_missing:
        raise AnalysisError(
            "moments of different rows have no likelihood",
            where="missing: pairwise",
            allowed="complete rows (listwise), or all rows with missing='em'",
            mend="make the sample with missing='em'",
        )
    if not isinstance(group, Sample) or group.kind != "sampling":
        return m
    n = float(group.weights.sum()) * scale
    return replace(m, n=n, cov=m.cov * ((m.n - 1) / m.n) * (n / (n - 1)))


def equated(base: Specification, groups: int, equal: Collection[str] = (), free: Sequence[str] = ()) -> Specification:
    """Return the specification of one group repeated for several, with the kinds in `equal` held equal; see `sem_groups`."""
    strange = [unknown(kind, KINDS, what="kind of parameter", where="equal") for kind in equal if kind not in KINDS]
    if strange:
        raise OptionError(strange)
    freed = _freed(base, equal, free)
    lower = {r.rhs for r in base.rows if r.op == "=~"}
    rows = []
    for g in range(groups):
        for row in base.rows:
            kind = kind_of(row, base)
            new = replace(row, group=g)
            if row.free and kind in equal and row.key not in freed:
                new = replace(new, label=row.label or str(row))
            elif row.free and row.label:
                new = replace(new, label=f"{row.label} [group {g + 1}]")
            elif g > 0 and "intercepts" in equal and kind == "means" and "means" not in equal and row.lhs not in lower:
                new = new.freed()
            elif g > 0 and "loadings" in equal and kind == "latent_variances" and base.identification == "unit_variance":
                new = new if "latent_variances" in equal else new.freed()
            rows.append(new)
    return replace(base, rows=tuple(rows), groups=groups)


def kind_of(row: Row, spec: Specification) -> str:
    """Return the kind of a parameter, one of `KINDS`; "" for observed variables that are no items."""
    if row.op == "=~":
        return "loadings"
    if row.op == "~":
        return "regressions"
    latent = row.lhs in spec.latent
    if row.op == "~1":
        return "means" if latent else "intercepts"
    if latent:
        return "latent_variances" if row.lhs == row.rhs else "latent_covariances"
    return "residuals" if row.lhs == row.rhs else "residual_covariances"


def _freed(base: Specification, equal: Collection[str], free: Sequence[str]) -> set[Key]:
    possible = {r.key: str(r) for r in base.rows if r.free and kind_of(r, base) in equal}
    found, problems = set(), []
    for name in free:
        key = parameter_key(name)
        if key is None or key not in possible:
            problems.append(unknown(name, possible.values(), what="parameter that is held equal", where="free"))
        else:
            found.add(key)
    if problems:
        raise OptionError(problems)
    return found


def parameter_key(name: str) -> Key | None:
    """Return the key of a parameter written as in lavaan syntax, such as ``x3 ~ 1`` or ``F =~ x2``; None if it is not one."""
    match = re.fullmatch(r"\s*([^\s=~]+)\s*(=~|~~|~)\s*([^\s=~]*)\s*", name)
    if not match:
        return None
    lhs, op, rhs = match.groups()
    if op == "~" and rhs == "1":
        return lhs, "~1", ""
    return Row(lhs, op, rhs).key  # type: ignore[arg-type]


def chi2_difference(larger: SEMResult, smaller: SEMResult) -> dict[str, float]:
    """Test whether the model with more equalities (`smaller`: fewer parameters) fits worse than the one it is nested in.

    Returns
    -------
    dict
        ``delta_chi2 delta_df delta_p_value``. For robust estimates the difference is scaled (Satorra & Bentler 2001): of the
        uncorrected χ², divided by (df₀c₀ − df₁c₁)/(df₀ − df₁); where that is not positive the test does not exist (NaN).

    Raises
    ------
    AnalysisError
        The two models do not differ in degrees of freedom the way nested ones do, or were fitted to different rows.

    Notes
    -----
    The same numbers: R ``lavaan::lavTestLRT``.
    """
    df = smaller.df - larger.df
    if df <= 0 or smaller.n != larger.n:
        raise AnalysisError(
            f"models with {larger.df} and {smaller.df} degrees of freedom, from {larger.n:g} and {smaller.n:g} rows",
            where="chi2_difference",
            allowed="nested models of the same rows, the one with more parameters first",
            mend="check the order, and that both use the same answers",
        )
    chi2 = smaller.fit["chi2"] - larger.fit["chi2"]
    if "scaling" in smaller.fit and "scaling" in larger.fit:
        before = larger.df * larger.fit["scaling"] if larger.df else 0.0
        scaling = (smaller.df * smaller.fit["scaling"] - before) / df
        chi2 = chi2 / scaling if scaling > 0 else math.nan
    return {"delta_chi2": chi2, "delta_df": df, "delta_p_value": chi2_upper(chi2, df) if math.isfinite(chi2) else math.nan}


def release_test(result: SEMResult, released: Specification) -> tuple[float, int]:
    """Score test: χ² and degrees of freedom of giving up what `result` holds equal and `released` does not.

    `released` has the same rows. T = n·gᵀI⁻¹g with gradient and expected information of the released model at the estimates; NaN
    where that model is not identified. The same numbers: R ``lavaan::lavTestScore`` (ML).
    """
    held = result.specification
    theta = np.zeros(released.n_free)
    for was, now in zip(held.index, released.index, strict=True):
        if now >= 0:
            theta[now] = result.fitted.theta[was]
    likelihood = result.fitted.data.likelihood(Structure(released))
    gradient, information, _ = likelihood.derivatives(theta)
    scale = np.sqrt(np.diag(information)) if (np.diag(information) > 0).all() else None
    df = released.n_free - held.n_free
    if scale is None or np.linalg.eigvalsh(information / np.outer(scale, scale))[0] < IDENTIFIED:
        return math.nan, df
    return float(result.n * gradient @ np.linalg.solve(information, gradient)), df
