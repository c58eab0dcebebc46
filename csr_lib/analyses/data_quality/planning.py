"""Data quality: how many answers the next survey needs for a wanted margin, in all and by stratum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from csr_lib.analyses.data_quality.base import NAN, Base
from csr_lib.analyses.data_quality.funnel import Stages
from csr_lib.core.errors import CsrError
from csr_lib.study.planning import SamplePlan, plan_sample

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options

#: Margins that the plan lists beside the wanted one.
MARGINS = (0.03, 0.05, 0.10)


@dataclass(frozen=True, eq=False)
class Plan:
    """Tables ``sample_sizes`` (by margin and design) and ``allocation`` (by stratum), and what they rest on.

    `sizes_from` says where the strata's shares are from (as `SamplePlan.origins`), `rate` is the valid answers per questionnaire
    issued, `design_effect` that of this survey's weights.
    """

    tables: dict[str, pd.DataFrame]
    why: str = ""
    strata: str = ""
    sizes_from: str = ""
    population: float = NAN
    rate: float = NAN
    design_effect: float = 1.0


def plan(base: Base, found: Stages, options: Options) -> Plan:
    """Plan the next survey for a share: 50 % (the most careful choice), and the share of satisfied customers found here.

    Questionnaires to issue: at the valid answers per questionnaire issued that were counted here (`found`).

    The plan is that of the whole study; a selection of its respondents has none.
    """
    survey = base.survey
    if set(survey.filters) - {"wave"}:
        return Plan({}, "filtered")
    wanted = options.margin or 0.05
    rate = found.valid / found.issued if 0 < found.valid <= found.issued else None
    rows = []
    chosen: SamplePlan | None = None
    careful: SamplePlan | None = None
    for margin in sorted({*MARGINS, wanted}):
        row: dict[str, Any] = {"margin": margin, "wanted": margin == wanted}
        safe = _plan(base, margin, 0.5, rate, options)
        here = _plan(base, margin, "answers", rate, options)
        for name, made in (("careful", safe), ("expected", here)):
            known = made is not None and made.origins["response_rate"] != ""
            row |= {name: made.n if made else NAN, f"{name}_issued": made.issued if made and known else NAN}
        totals: dict[str, float] = dict(zip(here.totals["rule"], here.totals["n"], strict=True)) if here is not None else {}
        row |= {rule: float(totals[rule]) if rule in totals else NAN for rule in ("proportional", "neyman")}
        rows.append(row)
        if margin == wanted:
            chosen, careful = here, safe
    basis = chosen or careful
    tables = {"sample_sizes": pd.DataFrame(rows)}
    if basis is None:
        return Plan({}, "impossible")
    if chosen is not None and len(chosen.by_stratum):
        tables["allocation"] = _allocation(chosen)
    return Plan(
        tables,
        "",
        basis.strata,
        basis.origins.get("population_share", ""),
        NAN if basis.population is None else float(basis.population),
        basis.response_rate if basis.origins["response_rate"] else NAN,
        basis.design_effect,
    )


def _plan(base: Base, margin: float, share: Any, rate: float | None, options: Options) -> SamplePlan | None:
    """Return a plan; None where what it needs is not known, or more would be needed than there are."""
    survey = base.survey
    for strata in (None, ""):
        try:
            facts: Any = {"level": options.confidence, "strata": strata, "response_rate": rate}
            return plan_sample(survey.study, survey, margin=margin, share=share, **facts)
        except CsrError:
            continue
    return None


def _allocation(found: SamplePlan) -> pd.DataFrame:
    """One row per stratum: ``segment group population weight expected proportional neyman margin each issued``; ``each`` is
    what the margin within the stratum itself needs, ``margin`` what the proportional plan gives there."""
    by_rule = {rule: part.set_index("stratum") for rule, part in found.by_stratum.groupby("rule", sort=False)}
    first = by_rule["proportional"]
    rows = []
    neyman = dict(by_rule["neyman"]["n"]) if "neyman" in by_rule else {}
    for stratum, own in zip(first.index, first.to_dict("records"), strict=True):
        row: dict[str, Any] = {"segment": found.strata, "group": f"{found.strata}={stratum}", "population": own["population"]}
        row |= {"weight": own["population_share"], "expected": own["spread"], "proportional": int(own["n"])}
        row["neyman"] = int(neyman[stratum]) if neyman else NAN
        row |= {"margin": own["margin"], "each": int(own["n_alone"])}
        row["issued"] = math.ceil(own["issued"]) if found.origins["response_rate"] else NAN
        rows.append(row)
    return pd.DataFrame(rows)
