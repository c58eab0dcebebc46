"""Checks of an estimated covariance structure: is the solution admissible and determined, and does the model fit?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from csr_lib.core.check import Check
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.stats._sem_fit import scaled_information

if TYPE_CHECKING:
    from csr_lib.stats.sem import SEMResult

Array = np.ndarray


def solution_checks(result: SEMResult) -> tuple[Check, ...]:
    """Return whether the numbers of a solution may be believed.

    Degenerate solutions are estimated, not refused; these checks fail for them: a standardised path beyond 1, a standard error
    that explodes, a negative variance (Heywood case), factors that can hardly be told apart, a covariance matrix of factors that
    is not positive definite, information that is nearly singular, too few answers per parameter, a factor that does not vary.
    """
    found = [
        *_paths(result),
        _errors(result),
        *_variances(result),
        *_latent(result),
        _information(result),
        Check.against("sem_n_per_parameter", result.n / max(result.fit["n_parameters"], 1), n=result.n),
        *_factor_variances(result),
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


def _label(lhs: str, op: str, rhs: str, group: int, groups: int) -> str:
    text = {"~": f"{rhs} → {lhs}", "=~": f"{lhs} → {rhs}", "~~": lhs if lhs == rhs else f"{lhs} ↔ {rhs}"}.get(op, f"{lhs} {op}")
    return f"{text} [{group + 1}]" if groups > 1 else text


def _labels(result: SEMResult, rows: pd.DataFrame) -> list[str]:
    groups = result.specification.groups
    return [_label(*r, groups) for r in zip(rows["lhs"], rows["op"], rows["rhs"], rows["group"], strict=True)]


def _worst(key: str, cutoff: str, values: Array, names: Sequence[str]) -> Check:
    """Judge the worst of several values, and name all that are as bad by its verdict."""
    rule = CUTOFFS[cutoff]
    badness = np.where(np.isnan(values), np.inf, values if rule.direction == "at_most" else -values)
    at = int(np.argmax(badness))
    verdict = rule.verdict(float(values[at]))
    bad = [names[k] for k in np.argsort(-badness, kind="stable") if rule.verdict(float(values[k])) == verdict]
    return Check.against(key, float(values[at]), cutoff, worst=names[at], names=bad)


def _paths(result: SEMResult) -> Iterator[Check]:
    s = result.standardised
    paths = s[s["op"] == "~"]
    if len(paths):
        yield _worst("sem_std_path", "std_path", paths["estimate"].abs().to_numpy(), _labels(result, paths))


def _errors(result: SEMResult) -> Check:
    s = result.standardised
    rows = s[s["op"].isin(["~", "=~"]) & s["estimate"].notna()]
    if not len(rows):
        rows = s
    return _worst("sem_std_error", "sem_std_error", rows["std_error"].to_numpy(), _labels(result, rows))


def _variances(result: SEMResult) -> Iterator[Check]:
    """Free variances as shares of the variance that the model implies for the variable."""
    p = result.parameters
    rows = p[(p["op"] == "~~") & (p["lhs"] == p["rhs"]) & p["free"]]
    if not len(rows):
        return
    sizes = np.concatenate(
        [_implied_variances(result, g, rows.loc[rows["group"] == g, "lhs"]) for g in range(result.specification.groups)]
    )
    shares = rows["estimate"].to_numpy() / np.maximum(sizes, 1e-300)
    yield _worst("sem_variance", "sem_variance", shares, _labels(result, rows))


def _implied_variances(result: SEMResult, group: int, names: pd.Series) -> Array:
    f = result.fitted
    return np.abs(np.diag(f.implied[group].cov)[[f.structure.position[v] for v in names]])


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
    involved = [names[k] for k in np.argsort(-weakest, kind="stable") if weakest[k] > 0.2]
    return Check.against("sem_information", float(values[0]), worst=involved[0], names=involved)


def _factor_variances(result: SEMResult) -> Iterator[Check]:
    """p-value of the variance of each exogenous factor; with a fixed variance, of its first free loading's square.

    With λ = 1 fixed, z = variance/error; with the variance fixed at 1 the same hypothesis is λ² = 0 with z = λ/(2·error).
    """
    spec, p = result.specification, result.parameters
    explained = set(spec.endogenous)
    rows, values = [], []
    for g in range(spec.groups):
        mine = p[p["group"] == g]
        for f in spec.latent:
            if f in explained:
                continue
            variance = mine[(mine["op"] == "~~") & (mine["lhs"] == f) & (mine["rhs"] == f)].iloc[0]
            z = variance["z"]
            if not variance["free"]:
                loading = mine[(mine["op"] == "=~") & (mine["lhs"] == f)].iloc[0]
                z = abs(loading["z"]) / 2 if loading["free"] else np.nan
            if np.isnan(z) and np.isfinite(variance["std_error"]):
                continue  # everything about its size is fixed
            rows.append(_label(f, "~~", f, g, spec.groups))
            values.append(2 * special.ndtr(-abs(z)) if not z < 0 else 1.0)
    if rows:
        yield _worst("sem_factor_variance", "sem_factor_variance", np.array(values), rows)


def _inputs(result: SEMResult) -> Iterator[Check]:
    """Things about the answers and the model that the estimator cannot make good."""
    composites = result.specification.composites_as_factors
    if composites:
        yield Check("sem_composites", "warn", float(len(composites)), values={"names": list(composites)})
    if result.kind == "sampling" and result.estimator == "ML":
        yield Check("sem_weights", "warn")
    if result.missing in ("pairwise", "em") and result.n_missing > 0:
        yield Check("sem_missing", "warn", float(result.n_missing), values={"rule": result.missing})
