"""Can constructs be told apart? HTMT judged by its estimate and, where there is one, by its interval."""

from __future__ import annotations

import pandas as pd

from csr_lib.core.check import Verdict
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import both

#: constructs are the same thing where their HTMT is 1; an interval that reaches it does not rule that out (Henseler et al. 2015)
ONE = 1.0


def judge_htmt(pairs: pd.DataFrame) -> tuple[Verdict, pd.DataFrame, dict[str, object]]:
    """Judge pairs of constructs by HTMT, after Henseler et al. (2015).

    Parameters
    ----------
    pairs : columns ``estimate`` and ``ci_high`` (NaN where nothing was resampled), one row a pair.

    Returns
    -------
    (verdict, concerned, values) : ``fail`` where an estimate exceeds the cut-off, ``warn`` where none does but the upper end of
    an interval reaches 1, else ``pass``; the pairs that have this verdict, the worst first; and for the sentence the largest
    ``upper`` end (of the pairs concerned, or of all where none is) and ``beside``, whether it stays below 1 in words.
    """
    beyond = pairs[pairs["estimate"] > CUTOFFS["htmt"].threshold].sort_values("estimate", ascending=False)
    open_ = pairs[pairs["ci_high"] >= ONE].sort_values("ci_high", ascending=False)
    verdict: Verdict = "fail" if len(beyond) else "warn" if len(open_) else "pass"
    concerned = beyond if len(beyond) else open_
    upper = float((concerned if len(concerned) else pairs)["ci_high"].max())
    return verdict, concerned, {"upper": upper, "beside": both(f"htmt.{'reached' if upper >= ONE else 'below'}")}
