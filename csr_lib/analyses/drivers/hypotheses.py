"""Drivers: the study's hypotheses, each with its correlation, its coefficient, a verdict, and the rule that it was reached by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses.drivers.describe import NAN
from csr_lib.analyses.drivers.models import fit
from csr_lib.analyses.drivers.plan import Answers
from csr_lib.core.errors import CsrError
from csr_lib.stats.distributions import t_quantile
from csr_lib.stats.regression import Regression
from csr_lib.stats.resampling import holm

if TYPE_CHECKING:
    from csr_lib.analyses.drivers.analysis import Options

SUPPORTED, REJECTED, OPPOSITE, OPEN = "supported", "not_supported", "opposite", "untold"


def regressions(answers: Answers, main: Regression, options: Options) -> dict[str, Regression]:
    """Return the regression of every target of a hypothesis on the sources stated for it; the main one where it is the same."""
    own = answers.survey.study.outcome_construct(answers.plan.outcome)
    by_key = {v.key: v for v in answers.everything}
    found: dict[str, Regression] = {}
    for target, sources in answers.plan.targets.items():
        if target == own and set(sources) == set(main.predictors):
            found[target] = main
            continue
        outcome = answers.outcome if target == own else by_key[target]
        named = [answers.plan.outcome if s == own else s for s in sources]
        drivers = [by_key[s] for s in named if s in by_key and by_key[s] is not outcome]
        try:
            found[target] = fit(answers, outcome, drivers, options)
        except CsrError:
            continue  # the hypothesis stays untold, and the table says so
    return found


def hypothesis_table(
    answers: Answers, fits: dict[str, Regression], correlations: pd.DataFrame, options: Options
) -> pd.DataFrame | None:
    """One row per hypothesis of study.yml; None where it states none.

    ``by_correlation`` is that of the correlation, since a hypothesis states that two things go together; ``by_regression`` that
    of the coefficient beside the other sources of the same target. ``rule``: ``both`` where they agree, ``correlation`` where
    only the correlation decides. Each is ``supported`` where it has the sign expected and its Holm-adjusted p is below the level,
    ``opposite`` where it has the other sign so, ``not_supported`` where its interval leaves out even an effect of `least`, and
    ``untold`` where the answers are too few to say.
    """
    stated = answers.survey.study.hypotheses
    if not stated:
        return None
    own = answers.survey.study.outcome_construct(answers.plan.outcome)
    rows: list[dict[str, Any]] = []
    for h in stated:
        a, b = (answers.plan.outcome if name == own else name for name in (h.from_, h.to))
        pair = correlations[
            ((correlations["variable"] == a) & (correlations["other"] == b))
            | ((correlations["variable"] == b) & (correlations["other"] == a))
        ]
        row: dict[str, Any] = {"hypothesis": h.id, "source": h.from_, "target": h.to, "expected": "+" if h.sign == "+" else "−"}
        columns = {"n": "n", "estimate": "estimate", "ci_low": "ci_low", "ci_high": "ci_high", "p_value": "p_value"}
        row |= {name: float(pair[column].iloc[0]) if len(pair) else NAN for name, column in columns.items()}
        row |= _coefficient(fits.get(h.to), a)
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame["p_adjusted"], frame["own_p_adjusted"] = holm(frame["p_value"]), holm(frame["own_p_value"])
    verdicts = []
    for record in frame.to_dict("records"):
        row = {str(k): v for k, v in record.items()}
        sign = 1 if row["expected"] == "+" else -1
        simple = _verdict(row["estimate"], row["ci_low"], row["ci_high"], row["p_adjusted"], sign, options)
        partial = _verdict(row["beta"], row["beta_ci_low"], row["beta_ci_high"], row["own_p_adjusted"], sign, options)
        verdicts.append(
            {"by_correlation": simple, "by_regression": partial, "rule": "both" if simple == partial else "correlation"}
        )
    return pd.concat([frame, pd.DataFrame(verdicts)], axis=1)


def _coefficient(found: Regression | None, source: str) -> dict[str, float]:
    """Return coefficient and standardised coefficient of a source, the latter with the interval of the former."""
    blank = dict.fromkeys(("b", "beta", "beta_ci_low", "beta_ci_high", "own_p_value"), NAN)
    if found is None or source not in found.predictors:
        return blank
    row: Any = found.coefficients.set_index("term").loc[source]
    scale = row["beta"] / row["estimate"] if row["estimate"] else NAN
    half = float(t_quantile(0.5 + found.level / 2, found.df)) * row["std_error"] * abs(scale)
    return {
        "b": float(row["estimate"]),
        "beta": float(row["beta"]),
        "beta_ci_low": float(row["beta"] - half),
        "beta_ci_high": float(row["beta"] + half),
        "own_p_value": float(row["p_value"]),
    }


def _verdict(estimate: float, low: float, high: float, p: float, sign: int, options: Options) -> str:
    if math.isnan(estimate) or math.isnan(p):
        return OPEN
    if p < 1 - options.confidence:
        return SUPPORTED if estimate * sign > 0 else OPPOSITE
    furthest = high if sign > 0 else -low
    return REJECTED if furthest < options.least else OPEN
