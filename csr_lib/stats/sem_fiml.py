"""Covariance structure models from incomplete answers by full information maximum likelihood (FIML)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.core.model import Construct, Model
from csr_lib.stats._sem_fit import Data, fit
from csr_lib.stats._sem_ml import Structure, minimise
from csr_lib.stats._sem_patterns import IncompleteLikelihood, Patterns
from csr_lib.stats._sem_spec import Identification, Row, Specification, from_factors, from_model
from csr_lib.stats._sem_syntax import from_syntax
from csr_lib.stats.moments import Sample
from csr_lib.stats.sem import ESTIMATORS, SEMResult, result_of
from csr_lib.stats.sem_fiml_robust import corrected_measures, robust_incomplete, saturated_information
from csr_lib.stats.sem_robust import robust_measures

Array = np.ndarray
#: Smallest eigenvalue of the saturated correlations at which the likelihood still counts as having a maximum.
_BOUNDED = 1e-6


@dataclass(frozen=True, eq=False)
class IncompleteData(Data):
    """Incomplete answers that a model is fitted to; ``covs`` and ``means`` are those of the saturated model.

    ``power`` is that of a case weight in sums of products of scores: 1 for frequency weights, otherwise 2.
    """

    patterns: tuple[Patterns, ...]
    power: int

    @property
    def answers(self) -> float:
        """Answers, weighted."""
        return float(sum(p.answers for p in self.patterns))

    def likelihood(self, structure: Structure) -> IncompleteLikelihood:
        """Return the likelihood of a structure given these data."""
        return IncompleteLikelihood(structure, self.patterns)


def sem_fiml(
    sample: Sample,
    model: Model | str | Mapping[str, Sequence[str]] | Sequence[Construct],
    *,
    estimator: str = "ML",
    identification: Identification = "marker",
    composites: str = "error",
    covariances: Sequence[tuple[str, str]] = (),
    level: float = 0.95,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> SEMResult:
    """Estimate a structural equation model from every answer there is.

    Parameters
    ----------
    sample : made with ``missing="em"``, so that incomplete rows are in it (`csr_lib.stats.moments.sample`); of at least the
        model's items. Rows without an answer to any of the model's items are left out and not counted.
    model : a Model (paths among factors), ``{factor: items}`` or Constructs (all factors correlate), or lavaan syntax.
    estimator : ``ML``, or ``MLR`` with errors and χ² that hold for answers that are not normal and for sampling weights.
    identification, composites, covariances, level, tolerance, max_iterations : as for `csr_lib.stats.sem.sem`.

    Returns
    -------
    SEMResult
        With ``missing`` = ``fiml``. ``fit`` compares with the saturated model and the independence model, both from the same
        incomplete rows; ``cfi_robust``, ``tli_robust`` and ``rmsea_robust`` are corrected for missing answers and are those to be
        reported (`csr_lib.stats.sem_fiml_robust.corrected_measures`).

    Raises
    ------
    DataError
        Items that are not in `sample`.
    AnalysisError
        As for `sem`; rows that were left out because they are incomplete; items never answered together; too few answers
        together for the saturated model, without which there is no χ².

    Notes
    -----
    Maximises Σᵢ wᵢ·ln N(xᵢ; μᵢ, Σᵢ), μᵢ and Σᵢ the part of the model's means and covariances that row i has answers to (Arbuckle
    1996). Right where answers are missing at random given those there are. Means are always modelled; errors are from the
    observed information (Kenward & Molenberghs 1998: the expected one is wrong here). Observed variables that only explain
    others are modelled too (lavaan ``fixed.x = FALSE``), so that their missing answers cost no row. Sampling weights are scaled
    to mean 1. On complete answers the estimates are those of `sem` with a mean structure. The same numbers: R
    ``lavaan::sem(missing = "fiml", fixed.x = FALSE)``.
    """
    spec = specify(model, identification=identification, composites=composites, covariances=covariances)
    data = incomplete_data(spec, [sample])
    return estimate_fiml(spec, data, estimator=estimator, level=level, tolerance=tolerance, max_iterations=max_iterations)


def estimate_fiml(
    spec: Specification,
    data: IncompleteData,
    *,
    estimator: str = "ML",
    level: float = 0.95,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> SEMResult:
    """Estimate a specification with a mean structure from the data of `incomplete_data`; as `sem_fiml`."""
    if estimator not in ESTIMATORS:
        raise OptionError([unknown(estimator, ESTIMATORS, what="estimator", where="estimator")])
    fitted = fit(spec, data, information="observed", tolerance=tolerance, max_iterations=max_iterations)
    saturated = saturated_information(fitted, data.power)
    measures = corrected_measures(fitted, saturated, robust=estimator == "MLR")
    if estimator == "ML":
        return result_of(fitted, level=level, measures=measures)
    r = robust_incomplete(fitted, saturated, data.power)
    measures = robust_measures(fitted.test, r) | measures
    return result_of(fitted, level=level, estimator="MLR", vcov=r.vcov, measures=measures)


def specify(
    model: Model | str | Mapping[str, Sequence[str]] | Sequence[Construct],
    *,
    identification: Identification = "marker",
    composites: str = "error",
    covariances: Sequence[tuple[str, str]] = (),
) -> Specification:
    """Return the specification with a mean structure, in which every observed variable is modelled."""
    if isinstance(model, str):
        return from_syntax(model, identification=identification, mean_structure=True, fixed_x=False)
    if isinstance(model, Model):
        return from_model(
            model, identification=identification, composites=composites, covariances=covariances, mean_structure=True
        )
    return from_factors(model, identification=identification, composites=composites, covariances=covariances, mean_structure=True)


def incomplete_data(spec: Specification, groups: Sequence[Sample]) -> IncompleteData:
    """Return the data of incomplete answers, one Sample per group, with its saturated and baseline models.

    Sampling weights are scaled so that those of all groups have mean 1, frequency weights count rows.
    """
    places = [f"group {g + 1}" if len(groups) > 1 else "sample" for g in range(len(groups))]
    answers = [_answers(spec, sample, where) for sample, where in zip(groups, places, strict=True)]
    kind = kind_of_weights(groups)
    rows = sum(float(w.sum()) if kind == "frequency" else len(w) for _, w in answers)
    scale = rows / sum(float(w.sum()) for _, w in answers)
    for (x, w), where in zip(answers, places, strict=True):
        _check_answers(spec, x, w * scale, where)
    patterns = [Patterns.of(x, w * scale) for x, w in answers]
    saturated = [_saturated(spec.observed, p, where) for p, where in zip(patterns, places, strict=True)]
    n = sum(p.n for p in patterns)
    return IncompleteData(
        (),
        tuple(cov for _, cov, _ in saturated),
        tuple(mean for mean, _, _ in saturated),
        tuple(p.n for p in patterns),
        sum(p.n / n * value for p, (_, _, value) in zip(patterns, saturated, strict=True)),
        sum(p.n / n * _independent(p) for p in patterns),
        "fiml",
        tuple(patterns),
        1 if kind == "frequency" else 2,
        n_missing=float(sum((w if kind == "frequency" else np.ones(len(w))) @ np.isnan(x).any(axis=1) for x, w in answers)),
        kind=kind,
    )


def kind_of_weights(groups: Sequence[Sample]) -> str:
    """Return the one kind of case weights of all groups."""
    kinds = sorted({s.kind for s in groups})
    if len(kinds) > 1:
        raise AnalysisError(
            f"groups with weights of different kinds: {', '.join(kinds)}",
            where="groups",
            allowed="the same kind in all groups",
            mend="make all samples with the same kind",
        )
    return kinds[0]


def _answers(spec: Specification, sample: Sample, where: str) -> tuple[Array, Array]:
    """Answers to the model's items, and case weights, of the rows that have an answer to one of them."""
    absent = [v for v in spec.observed if v not in sample.columns]
    if absent:
        raise DataError(
            f"no column for {', '.join(absent)}", where=where, allowed=", ".join(sample.columns), mend="add it to the sample"
        )
    if sample.missing != "em" and sample.n_missing:
        raise AnalysisError(
            f"{sample.n_missing:g} incomplete rows were treated by the rule '{sample.missing}' already",
            where=where,
            allowed="a sample made with missing='em'",
            mend="make the sample with missing='em', or use the covariance model for complete answers",
        )
    x = sample.answers[:, [sample.columns.index(v) for v in spec.observed]]
    some = ~np.isnan(x).all(axis=1)
    return x[some], sample.weights[some]


def _check_answers(spec: Specification, x: Array, w: Array, where: str) -> None:
    constant = [v for v, column in zip(spec.observed, x.T, strict=True) if len(np.unique(column[~np.isnan(column)])) < 2]
    if constant:
        raise AnalysisError(
            "all answers are the same, or there are none", where=f"{where}: {', '.join(constant)}", mend="leave them out"
        )
    if w.sum() <= len(spec.observed):
        raise AnalysisError(
            f"{w.sum():g} answers for {len(spec.observed)} items",
            where=where,
            allowed="more answers than items (usable results need many times as many)",
            mend="collect more answers or model fewer items",
        )
    seen = (~np.isnan(x)).astype(float)
    together = seen.T @ seen
    alone = [
        Problem(
            f"fewer than two rows have answers to both '{spec.observed[i]}' and '{spec.observed[j]}'",
            where,
            mend="leave one of them out",
        )
        for i, j in np.argwhere(np.triu(together < 2))
    ]
    if alone:
        raise AnalysisError(alone)


def _available(patterns: Patterns) -> tuple[Array, Array, Array]:
    """Weighted number, mean and variance (divisor Σw) of the answers to each item."""
    x, seen, w = patterns.rows, patterns.seen[patterns.member], patterns.case_weight
    count = w @ seen
    mean = w @ np.where(seen, x, 0.0) / count
    return count, mean, w @ np.where(seen, (x - mean) ** 2, 0.0) / count


def _independent(patterns: Patterns) -> float:
    """F of the independence model: every item has the mean and variance of its answers."""
    count, _, variance = _available(patterns)
    return float(count @ (np.log(variance) + 1) / (2 * patterns.n))


def _saturated(columns: Sequence[str], patterns: Patterns, where: str) -> tuple[Array, Array, float]:
    """Means, covariances (divisor n) and F of the model in which all of them are free.

    The same as the EM algorithm's (`csr_lib.stats.moments`, ``missing="em"``), but by Newton's method: quicker with many
    patterns, and to the last digits, which χ² needs.
    """
    _, mean, variance = _available(patterns)
    sd = np.sqrt(variance)
    scaled = replace(
        patterns,
        mean=np.where(patterns.seen, (patterns.mean - mean) / sd, 0.0),
        cov=patterns.cov / np.outer(sd, sd),
    )
    names = [f"v{k}" for k in range(len(columns))]
    rows = [Row(a, "~~", b) for a, b in combinations_with_replacement(names, 2)] + [Row(a, "~1", "") for a in names]
    structure = Structure(Specification(tuple(rows), tuple(names), (), 1, True))
    start = np.array([float(r.op == "~~" and r.lhs == r.rhs) for r in rows])
    found = minimise(IncompleteLikelihood(structure, [scaled]), start)
    implied = structure.implied(found.theta)
    values, vectors = np.linalg.eigh(implied.sigma)
    if not found.converged or values[0] < _BOUNDED:
        linked = [name for name, weight in zip(columns, np.abs(vectors[:, 0]), strict=True) if weight > 0.1]
        raise AnalysisError(
            f"the means and covariances of the incomplete answers cannot be estimated: {', '.join(linked)} determine each other",
            where=where,
            allowed="items that are not sums or copies of each other, and enough rows in which they are answered together",
            mend="leave out duplicated items and items with few answers",
        )
    return (
        mean + sd * implied.mu,
        implied.sigma * np.outer(sd, sd),
        found.value + float(patterns.weight @ patterns.seen @ np.log(sd)) / patterns.n,
    )
