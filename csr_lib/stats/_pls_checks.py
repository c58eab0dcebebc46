"""What stops a PLS path model from being estimated: too few rows, linear dependence, wrong ends of scales."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from csr_lib.core.errors import AnalysisError, DataError, Problem
from csr_lib.stats import _pls
from csr_lib.stats._linalg import dependent
from csr_lib.stats._pls import Plan
from csr_lib.stats.moments import Moments

Array = np.ndarray
Limits = tuple[float, float] | Mapping[str, tuple[float, float]]


def ends_of_scales(limits: Limits | None, m: Moments) -> Array:
    """Ends of the items' scales (p, 2); NaN without limits. Raises DataError where they cannot be those of the answers."""
    if limits is None:
        return np.full((len(m.columns), 2), np.nan)
    if isinstance(limits, Mapping):
        lost = [c for c in m.columns if c not in limits]
        if lost:
            raise DataError(f"no ends of the scale for {', '.join(lost)}", where="limits", allowed="(lowest, highest) per item")
        ends = np.array([limits[c] for c in m.columns], dtype=float)
    else:
        ends = np.repeat(np.array([limits], dtype=float), len(m.columns), axis=0)
    slack = 1e-9 * np.abs(ends).max()
    problems = [
        Problem(f"the scale {low:g}–{high:g} does not hold the mean {mean:g}", c, "lowest ≤ mean ≤ highest", "correct its scale")
        for c, (low, high), mean in zip(m.columns, ends, m.mean, strict=True)
        if not (low < high and low - slack <= mean <= high + slack)
    ]
    if problems:
        raise DataError(problems)
    return ends


def check_size(m: Moments, plan: Plan) -> None:
    """Raise AnalysisError where a regression of the model has more coefficients than rows."""
    needs = {f"the paths into {plan.model.names[t]}": len(s) for t, s in enumerate(plan.sources)}
    needs |= {f"the mode B weights of {c.name}": len(c.items) for c in plan.model.constructs if c.mode == "B"}
    problems = [
        Problem(
            f"{m.n:g} rows are too few for {what}",
            "model",
            f"more than {k + 1} rows",
            "collect more answers or simplify the model",
        )
        for what, k in needs.items()
        if k and m.n <= k + 1
    ]
    if problems:
        raise AnalysisError(problems)


def check_blocks(R: Array, plan: Plan) -> None:
    """Raise AnalysisError where items of a mode B construct are linearly dependent."""
    problems = []
    for j in plan.of_mode("B"):
        block, name = plan.blocks[j], plan.model.names[j]
        bad = dependent(R[block, block], plan.items[block])
        if bad:
            problems.append(
                Problem(
                    f"the items {', '.join(bad)} are linearly dependent, so regression weights do not exist",
                    f"construct {name} (mode B)",
                    mend="leave one of them out, or use mode A",
                )
            )
    if problems:
        raise AnalysisError(problems)


def check_constructs(outer: _pls.Outer, rho: Array, plan: Plan) -> None:
    """Raise AnalysisError where ρ_A of a reflective construct is not positive, or weights do not exist."""
    problems = [
        Problem(
            f"ρ_A of {plan.model.names[j]} is {rho[j]:.3f}; correlations cannot be corrected for attenuation",
            f"construct {plan.model.names[j]} (reflective)",
            "ρ_A above 0",
            "turn reversed items round, or use mode A",
        )
        for j in plan.of_mode("reflective")
        if not rho[j] > 0
    ]
    if not np.isfinite(outer.weights).all():
        bad = [n for n, b in zip(plan.model.names, plan.blocks, strict=True) if not np.isfinite(outer.weights[b]).all()]
        problems.append(Problem(f"the weights of {', '.join(bad)} do not exist", "model", mend="look at the items' correlations"))
    if problems:
        raise AnalysisError(problems)


def check_sources(C: Array, plan: Plan) -> None:
    """Raise AnalysisError where sources of a construct are linearly dependent."""
    problems = []
    for t, s in enumerate(plan.sources):
        bad = dependent(C[np.ix_(s, s)], [plan.model.names[i] for i in s]) if len(s) > 1 else []
        if bad and np.linalg.eigvalsh(C[np.ix_(s, s)])[0] > -1e-10:
            problems.append(
                Problem(
                    f"{', '.join(bad)} are linearly dependent, so the paths into {plan.model.names[t]} do not exist",
                    "model.paths",
                    mend="take one of these paths out, or join the constructs",
                )
            )
    if problems:
        raise AnalysisError(problems)
