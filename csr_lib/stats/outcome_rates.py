"""Response, cooperation, refusal and contact rates of a sample (AAPOR)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown

#: Formula of every rate. E = I + P + R + NC + O are the cases known to be eligible, U = UH + UO the unknown.
FORMULAS: dict[str, str] = {
    "RR1": "I/(E + U)",
    "RR2": "(I + P)/(E + U)",
    "RR3": "I/(E + e·U)",
    "RR4": "(I + P)/(E + e·U)",
    "RR5": "I/E",
    "RR6": "(I + P)/E",
    "COOP1": "I/(I + P + R + O)",
    "COOP2": "(I + P)/(I + P + R + O)",
    "COOP3": "I/(I + P + R)",
    "COOP4": "(I + P)/(I + P + R)",
    "REF1": "R/(E + U)",
    "REF2": "R/(E + e·U)",
    "REF3": "R/E",
    "CON1": "(I + P + R + O)/(E + U)",
    "CON2": "(I + P + R + O)/(E + e·U)",
    "CON3": "(I + P + R + O)/E",
}


@dataclass(frozen=True, eq=False)
class OutcomeRates:
    """Outcome rates of a sample.

    Attributes
    ----------
    table : one row per rate: ``rate estimate formula``; NaN where its denominator is 0 or it needs an `e` that is not known.
    e : estimated share of eligible cases among the unknown; NaN where it is not known and there are unknown cases.
    e_source : ``given``, ``proportional`` (allocation, from the cases whose eligibility is known), ``none unknown`` or ``not
        known``.
    """

    table: pd.DataFrame
    e: float
    e_source: str

    def rate(self, name: str) -> float:
        """Return one rate, such as ``RR3``."""
        rates: dict[str, float] = dict(zip(self.table["rate"], self.table["estimate"], strict=True))
        if name not in rates:
            raise OptionError([unknown(name, rates, what="outcome rate", where="rate")])
        return rates[name]


def outcome_rates(
    *,
    I: float,  # noqa: E741 - the letters are the association's own
    P: float = 0,
    R: float = 0,
    NC: float = 0,
    O: float = 0,  # noqa: E741
    UH: float = 0,
    UO: float = 0,
    NE: float | None = None,
    e: float | None = None,
) -> OutcomeRates:
    """Return all outcome rates of the American Association for Public Opinion Research from final dispositions.

    Parameters
    ----------
    I, P, R, NC, O : complete and partial interviews, refusals and break-offs, non-contacts, others: counts of eligible cases.
    UH, UO : cases of which it is not known whether they are eligible (whether there is a household; other).
    NE : cases known not to be eligible; used only to estimate `e`.
    e : share of the unknown that is taken to be eligible. None: E/(E + NE) where `NE` is given (proportional allocation),
        otherwise not known.

    Raises
    ------
    DataError
        Counts that are negative or not finite (all are named).
    OptionError
        An `e` outside 0–1.
    AnalysisError
        No cases at all.

    Notes
    -----
    Standard Definitions, 10th edition (AAPOR 2023); the formulas are those of the 9th (2016). RR1 is the least, RR5 and RR6
    leave the unknown out and are allowed only where none of them is eligible. A rate is reported with its number.
    """
    given = {"I": I, "P": P, "R": R, "NC": NC, "O": O, "UH": UH, "UO": UO, "NE": NE or 0}
    problems = [
        Problem(f"a count of {value:g}", name, "numbers ≥ 0", "correct it")
        for name, value in given.items()
        if not (math.isfinite(value) and value >= 0)
    ]
    if problems:
        raise DataError(problems)
    if e is not None and not 0 <= e <= 1:
        raise OptionError(f"e = {e:g}", where="e", allowed="between 0 and 1")
    done, spoken = I + P, I + P + R
    contacted = spoken + O
    eligible, unclear = contacted + NC, UH + UO
    if not eligible + unclear > 0:
        raise AnalysisError("there are no cases", where="outcome rates", mend="count the final dispositions of the sample")
    if e is not None:
        source = "given"
    elif NE is not None and eligible + NE > 0:
        e, source = eligible / (eligible + NE), "proportional"
    else:
        e, source = (math.nan, "not known") if unclear > 0 else (1.0, "none unknown")
    everyone, likely = eligible + unclear, eligible + (e * unclear if unclear > 0 else 0.0)
    values = {
        **{f"RR{i}": (I, d) for i, d in ((1, everyone), (3, likely), (5, eligible))},
        **{f"RR{i}": (done, d) for i, d in ((2, everyone), (4, likely), (6, eligible))},
        **{f"COOP{i}": (I, d) for i, d in ((1, contacted), (3, spoken))},
        **{f"COOP{i}": (done, d) for i, d in ((2, contacted), (4, spoken))},
        **{f"REF{i}": (R, d) for i, d in ((1, everyone), (2, likely), (3, eligible))},
        **{f"CON{i}": (contacted, d) for i, d in ((1, everyone), (2, likely), (3, eligible))},
    }
    rows = [(name, values[name][0] / d if (d := values[name][1]) > 0 else math.nan, FORMULAS[name]) for name in FORMULAS]
    return OutcomeRates(pd.DataFrame(rows, columns=["rate", "estimate", "formula"]), e, source)
