"""Measurement invariance: do the items measure the same in every group, so that groups may be compared?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.check import Check, Verdict
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.core.model import Construct, Model
from csr_lib.stats._sem_ml import Slopes
from csr_lib.stats._sem_spec import Identification, Specification
from csr_lib.stats._sem_tables import delta_errors, tests
from csr_lib.stats.fit_measures import chi2_upper
from csr_lib.stats.moments import Moments, Sample
from csr_lib.stats.resampling import holm
from csr_lib.stats.sem import SEMResult
from csr_lib.stats.sem_fiml import specify
from csr_lib.stats.sem_groups import (
    GroupData,
    chi2_difference,
    equated,
    estimate_groups,
    group_data,
    kind_of,
    parameter_key,
    release_test,
)

#: The steps in their order, and what each holds equal in addition to the step before.
STEPS = {"configural": "", "metric": "loadings", "scalar": "intercepts", "strict": "residuals"}
#: Rows of all groups together up to which Chen (2007) asks for smaller changes of fit.
SMALL = 300


@dataclass(frozen=True, eq=False)
class InvarianceResult:
    """How far the measurement is the same in all groups.

    Attributes
    ----------
    groups, n : labels of the groups and their rows.
    reached : the last step that holds, all steps before it holding too; "" if not even the form is the same.
    steps : one row per step: ``step n_parameters chi2 df p_value cfi rmsea rmsea_ci_low rmsea_ci_high srmr aic bic``, the
        comparison with the step before ``delta_chi2 delta_df delta_p_value delta_cfi delta_rmsea delta_srmr`` (NaN in the first),
        and ``verdict`` (``pass``, ``warn``, ``fail``). χ², CFI and RMSEA are the robust ones where there are.
    equalities : ``step parameter kind chi2 df p_value p_adjusted``: what giving up one equality of that step would gain (score
        test; adjusted by Holm within the step), worst first. They are candidates for partial invariance.
    means : ``group construct estimate std_error z p_value ci_low ci_high std`` of the factors under equal loadings and
        intercepts, as differences from the first group; ``std`` in standard deviations of the first group. Empty without
        the step ``scalar``.
    freed : parameters that were allowed to differ.
    fits : the estimate of each step.
    checks : are the groups large enough, and does each step hold (up to the first that does not)?
    """

    groups: tuple[str, ...]
    n: tuple[float, ...]
    reached: str
    steps: pd.DataFrame
    equalities: pd.DataFrame
    means: pd.DataFrame
    freed: tuple[str, ...]
    fits: Mapping[str, SEMResult]
    checks: tuple[Check, ...]


def invariance(
    groups: Mapping[str, Moments | Sample],
    model: Model | str | Mapping[str, Sequence[str]] | Sequence[Construct],
    *,
    steps: Sequence[str] = tuple(STEPS),
    free: Sequence[str] = (),
    estimator: str = "ML",
    identification: Identification = "unit_variance",
    composites: str = "error",
    covariances: Sequence[tuple[str, str]] = (),
    level: float = 0.95,
) -> InvarianceResult:
    """Test step by step whether a measurement model is the same in all groups.

    Parameters
    ----------
    groups : by label, the Moments or the Sample of each group; the first is the one that means are compared with.
    model : as for `csr_lib.stats.sem_groups.sem_groups`.
    steps : the first so many of ``configural`` (the same items measure the same factors), ``metric`` (equal loadings: paths and
        correlations may be compared), ``scalar`` (equal intercepts too: means may be compared), ``strict`` (equal residual
        variances too).
    free : parameters that may differ at every step (partial invariance), such as ``"x3 ~ 1"`` or ``"Quality =~ q2"``.
    estimator, identification, composites, covariances, level : as for `sem_groups`; by default the factors are scaled by their
        variance in the first group, so that the equality of every loading can be tested and means are in standard deviations.

    Returns
    -------
    InvarianceResult

    Raises
    ------
    OptionError
        Unknown or skipped steps, a parameter in `free` that no step holds equal.
    AnalysisError
        As for `sem_groups`, with the step at which it happened.

    Notes
    -----
    A step ``fail``s where CFI falls by more than .010 (Cheung & Rensvold 2002) and RMSEA rises by more than .015 or SRMR by more
    than .030 (loadings; .010 for later steps) as well (Chen 2007); one of the three alone is a ``warn``. Up to 300 rows in all
    Chen's smaller values are used: .005, .010, .025 (.005). The χ² difference is given and not judged: in large samples it
    refuses what makes no difference. The first step fails where two of CFI, RMSEA and SRMR do, and passes where none fails and
    two pass (Hu & Bentler 1999). The same numbers: R ``lavaan`` with ``group.equal``, ``lavTestLRT`` and ``lavTestScore``.
    """
    wanted = _checked_steps(steps)
    base = specify(model, identification=identification, composites=composites, covariances=covariances)
    _check_free(base, wanted, free)
    data = group_data(equated(base, len(groups)), groups)
    fits: dict[str, SEMResult] = {}
    for step in wanted:
        spec = equated(base, len(groups), _equal(step), _at(base, step, free))
        try:
            fits[step] = estimate_groups(spec, data, estimator=estimator, level=level)
        except AnalysisError as e:
            raise AnalysisError([_placed(p, step) for p in e.problems]) from e
    table = _steps(fits, data)
    equalities = _equalities(base, fits, free, len(groups))
    checks = _checks(table, equalities, data, fits["configural"])
    held = table["verdict"].ne("fail").cumprod().astype(bool)
    reached = str(table.loc[held, "step"].iloc[-1]) if held.any() else ""
    means = _means(fits, data, level)
    return InvarianceResult(data.labels, tuple(data.data.ns), reached, table, equalities, means, tuple(free), fits, checks)


def _checked_steps(steps: Sequence[str]) -> list[str]:
    strange = [unknown(s, STEPS, what="step", where="steps") for s in steps if s not in STEPS]
    if strange:
        raise OptionError(strange)
    wanted = [s for s in STEPS if s in steps]
    if not wanted or wanted != list(STEPS)[: len(wanted)]:
        raise OptionError(
            f"steps {', '.join(steps) or '(none)'}",
            where="steps",
            allowed="the first one or more of " + ", ".join(STEPS),
            mend="every step is judged against the one before, so leave none out",
        )
    return wanted


def _equal(step: str) -> list[str]:
    """Kinds that are held equal at a step."""
    names = list(STEPS)
    return [STEPS[s] for s in names[1 : names.index(step) + 1]]


def _check_free(base: Specification, steps: Sequence[str], free: Sequence[str]) -> None:
    equated(base, 2, _equal(steps[-1]), free)  # raises for names that the last step does not hold equal


def _at(base: Specification, step: str, free: Sequence[str]) -> list[str]:
    """Those of `free` that the step would hold equal."""
    kinds = {r.key: kind_of(r, base) for r in base.rows}
    equal = _equal(step)
    return [name for name in free if (key := parameter_key(name)) in kinds and kinds[key] in equal]


def _placed(problem: Problem, step: str) -> Problem:
    return replace(problem, where=f"step '{step}'" + (f": {problem.where}" if problem.where else ""))


def _steps(fits: Mapping[str, SEMResult], data: GroupData) -> pd.DataFrame:
    small = "_small" if data.data.n <= SMALL else ""
    rows: list[dict[str, Any]] = []
    before: dict[str, Any] | None = None
    for step, result in fits.items():
        fit = result.fit
        row: dict[str, Any] = {
            "step": step,
            "n_parameters": int(fit["n_parameters"]),
            "chi2": fit.get("chi2_scaled", fit["chi2"]),
            "df": result.df,
            "p_value": fit.get("p_value_scaled", fit["p_value"]),
            **{name: fit.get(f"{name}_robust", fit[name]) for name in ("cfi", "rmsea", "rmsea_ci_low", "rmsea_ci_high")},
            **{name: fit[name] for name in ("srmr", "aic", "bic")},
        }
        if before is None:
            row |= dict.fromkeys(("delta_chi2", "delta_df", "delta_p_value", "delta_cfi", "delta_rmsea", "delta_srmr"), np.nan)
            row["verdict"] = _form(row)
        else:
            row |= chi2_difference(fits[before["step"]], result)
            row |= {f"delta_{name}": row[name] - before[name] for name in ("cfi", "rmsea", "srmr")}
            row["verdict"] = _change(row, small)
        rows.append(row)
        before = row
    return pd.DataFrame(rows)


def _form(row: Mapping[str, Any]) -> Verdict:
    verdicts = [
        CUTOFFS[cutoff].verdict(row[name]) for name, cutoff in (("cfi", "sem_cfi"), ("rmsea", "sem_rmsea"), ("srmr", "srmr"))
    ]
    if verdicts.count("fail") >= 2:
        return "fail"
    return "pass" if verdicts.count("pass") >= 2 and "fail" not in verdicts else "warn"


def _change(row: Mapping[str, Any], small: str) -> Verdict:
    cfi, rmsea, srmr = (CUTOFFS[key].verdict(value) == "fail" for key, value in _judged(row, small))
    if cfi and (rmsea or srmr):
        return "fail"
    return "warn" if cfi or rmsea or srmr else "pass"


def _judged(row: Mapping[str, Any], small: str) -> list[tuple[str, float]]:
    """Cut-offs of a step, and the losses of fit that they are for."""
    kind = "loadings" if row["step"] == "metric" else "intercepts"
    return [
        (f"delta_cfi{small}", -row["delta_cfi"]),
        (f"delta_rmsea{small}", row["delta_rmsea"]),
        (f"delta_srmr_{kind}{small}", row["delta_srmr"]),
    ]


def _equalities(base: Specification, fits: Mapping[str, SEMResult], free: Sequence[str], groups: int) -> pd.DataFrame:
    frames = []
    for step, result in fits.items():
        kind, at = STEPS[step], _at(base, step, free)
        skipped = {parameter_key(name) for name in at}
        names = [str(r) for r in base.rows if r.free and kind and kind_of(r, base) == kind and r.key not in skipped]
        tried = [release_test(result, equated(base, groups, _equal(step), [*at, _written(name)])) for name in names]
        p = np.array([chi2_upper(chi2, df) if np.isfinite(chi2) else np.nan for chi2, df in tried])
        frame = pd.DataFrame(
            {
                "step": step,
                "parameter": [_written(name) for name in names],
                "kind": kind,
                "chi2": np.array([chi2 for chi2, _ in tried], dtype=float),
                "df": np.array([df for _, df in tried], dtype=int),
                "p_value": p,
                "p_adjusted": holm(p),
            }
        )
        frames.append(frame.sort_values("chi2", ascending=False, kind="stable"))
    return pd.concat(frames, ignore_index=True)


def _written(name: str) -> str:
    """The parameter as it is written in a model: ``x ~ 1`` for an intercept."""
    return name.replace("~1", "~ 1") if name.endswith("~1") else name


def _means(fits: Mapping[str, SEMResult], data: GroupData, level: float) -> pd.DataFrame:
    key = ["group", "construct", "estimate", "std_error", "z", "p_value", "ci_low", "ci_high", "std"]
    if "scalar" not in fits:
        return pd.DataFrame(columns=key)
    f = fits["scalar"].fitted
    structure = f.structure
    at = np.arange(structure.p, structure.q)
    first = f.implied[0]
    sd = np.sqrt(np.maximum(np.diag(first.cov)[at], 0.0))
    frames = []
    for g in range(1, structure.spec.groups):
        slopes = np.zeros((len(at), structure.n_free))
        for sign, group in ((1.0, g), (-1.0, 0)):
            s = Slopes.of(f.implied[group], structure.free[group], at)
            np.add.at(slopes.T, structure.theta[group], sign * s.d.T)
        estimate = f.implied[g].mean[at] - first.mean[at]
        with np.errstate(invalid="ignore", divide="ignore"):
            std = np.where(sd > 0, estimate / sd, np.nan)
        columns = {"group": data.labels[g], "construct": list(structure.spec.latent), "estimate": estimate}
        frames.append(pd.DataFrame({**columns, **tests(estimate, delta_errors(slopes, f.vcov), level), "std": std}))
    return pd.concat(frames, ignore_index=True)[key]


def _checks(table: pd.DataFrame, equalities: pd.DataFrame, data: GroupData, configural: SEMResult) -> tuple[Check, ...]:
    ns = data.data.ns
    least = int(np.argmin(ns))
    per_parameter = ns[least] / (configural.fit["n_parameters"] / len(ns))
    found = [Check.against("invariance_group_size", per_parameter, "n_per_parameter", group=data.labels[least], n=ns[least])]
    small = "_small" if data.data.n <= SMALL else ""
    for row in table.to_dict("records"):
        values = {name: row[name] for name in ("cfi", "rmsea", "srmr", "delta_cfi", "delta_rmsea", "delta_srmr", "delta_p_value")}
        worst = equalities[(equalities["step"] == row["step"]) & (equalities["p_adjusted"] < 0.05)]
        names = list(worst["parameter"].head(3)) or list(equalities.loc[equalities["step"] == row["step"], "parameter"].head(1))
        if row["step"] == "configural":
            rule, value = CUTOFFS["sem_cfi"], row["cfi"]
        else:
            rule, value = CUTOFFS[f"delta_cfi{small}"], -row["delta_cfi"]
        found.append(
            Check(
                f"invariance_{row['step']}", row["verdict"], float(value), rule.threshold, rule.source, {**values, "names": names}
            )
        )
        if row["verdict"] == "fail":
            break
    return tuple(found)
