"""Overview: the same indicators rated of competitors, side by side with the own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.overview.scores import Scores, average
from csr_lib.analyses.overview.tables import NAN
from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.comparison import independent_difference, mean_interval, paired_difference
from csr_lib.stats.waves import wave_difference

if TYPE_CHECKING:
    from csr_lib.analyses.overview.analysis import Options
    from csr_lib.study import Survey

Array = np.ndarray
#: Stands for all indicators together.
ALL = "all_indicators"


def competitors_table(whole: Survey, scores: Scores, options: Options) -> pd.DataFrame:
    """One row per competitor and indicator (and the mean of all): both on 0–100, their difference (own − theirs) and its test.

    Where the same respondents rated both in one row, the paired t test over those who did (``paired``); where one row is one
    brand
    rated, all answers are used, and that some are of the same people is taken into account (`wave_difference`), which needs the
    key `respondent`; else Welch's test. Competitors with too few answers are left out. Who did not answer everything counts too,
    so that the own scores are not those of the indicators, nor is their mean the index.
    """
    study = whole.study
    names = study.competitors()
    if not names:
        return pd.DataFrame()
    level, least = options.confidence, max(2, study.min_cell)
    by_row = bool(study.competition)
    base = whole if by_row else scores.survey
    rows: list[dict[str, Any]] = []
    for name in names:
        kind = f"competitor:{name}"
        asked = [i for i in base.asked(kind) if i in scores.plan.indicators]
        if not asked:
            continue
        own = _points(base, "perception", asked)
        theirs = _points(base, kind, asked)
        if not by_row:
            both = own.notna() & theirs.notna()
            own, theirs = own.where(both), theirs.where(both)
        weight = np.array([scores.plan.weightings[scores.plan.chosen][i] for i in asked])
        columns = {i: (own[i].to_numpy(float), theirs[i].to_numpy(float)) for i in asked}
        columns[ALL] = tuple(average(f.to_numpy(float), weight, options.answered) for f in (own, theirs))  # type: ignore[assignment]
        for key, (x, y) in columns.items():
            row = _compared(base, x, y, by_row, level, least)
            if row:
                rows.append({"competitor": name, "indicator": key, "construct": scores.plan.construct_of(key), **row})
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    single = (frame["indicator"] != ALL).to_numpy()
    frame["p_adjusted"] = frame["p_value"]
    frame.loc[single, "p_adjusted"] = adjust(frame.loc[single, "p_value"].to_numpy(), options.adjust)
    frame.loc[~single, "p_adjusted"] = adjust(frame.loc[~single, "p_value"].to_numpy(), options.adjust)
    limit = 1 - level
    frame["reading"] = [
        ("ahead" if d > 0 else "behind") if p < limit else "level"
        for d, p in zip(frame["difference"], frame["p_adjusted"], strict=True)
    ]
    return frame


def incomplete(scores: Scores) -> int:
    """Return how many respondents rated some, but not all, of what they were asked of both the own company and a competitor."""
    some = np.zeros(len(scores.survey.frame), dtype=bool)
    every = np.ones(len(some), dtype=bool)
    for name in scores.survey.study.competitors():
        kind = f"competitor:{name}"
        asked = [i for i in scores.survey.asked(kind) if i in scores.plan.indicators]
        if asked:
            known = (_points(scores.survey, "perception", asked).notna() & _points(scores.survey, kind, asked).notna()).to_numpy()
            some, every = some | known.any(axis=1), every & known.all(axis=1)
    return int((some & ~every & (scores.weights > 0)).sum())


def _points(survey: Survey, kind: str, indicators: list[str]) -> pd.DataFrame:
    found = survey.ratings(kind, indicators)
    return pd.DataFrame({i: survey.scale(i, kind).to_100(found[i].astype(float)) for i in indicators})


def _compared(survey: Survey, x: Array, y: Array, by_row: bool, level: float, least: int) -> dict[str, Any]:
    """Return both means, their difference and its test; {} where either has too few answers."""
    kind: Any = survey.weight_kind
    w = np.asarray(survey.weights, dtype=float)
    here, there = ~np.isnan(x) & (w > 0), ~np.isnan(y) & (w > 0)
    if min(here.sum(), there.sum()) < least:
        return {}
    a, b = mean_interval(x, w, kind=kind, level=level), mean_interval(y, w, kind=kind, level=level)
    row: dict[str, Any] = {
        "n": a.n, "n_effective": a.n_effective, "n_competitor": b.n,
        "own": a.estimate, "own_ci_low": a.ci_low, "own_ci_high": a.ci_high,
        "theirs": b.estimate, "theirs_ci_low": b.ci_low, "theirs_ci_high": b.ci_high,
        "d": NAN, "d_ci_low": NAN, "d_ci_high": NAN,
    }  # fmt: skip
    try:
        if not by_row:
            p = paired_difference(x, y, w, kind=kind, level=level)
            row |= {"d": p.d_av, "d_ci_low": p.d_av_low, "d_ci_high": p.d_av_high}
            return row | _ends(p) | {"paired": True}
        found = _shared(survey, x, y, here, there, w, kind, level)
        if found is not None:
            return row | _ends(found) | {"paired": False}
        t = independent_difference(x[here], y[there], w[here], w[there], kind=kind, level=level)
    except AnalysisError:
        return {}
    return row | {"d": t.d, "d_ci_low": t.d_low, "d_ci_high": t.d_high} | _ends(t) | {"paired": False}


def _ends(found: Any) -> dict[str, float]:
    return {"difference": found.estimate, "ci_low": found.ci_low, "ci_high": found.ci_high, "p_value": found.p_value}


def _shared(survey: Survey, x: Array, y: Array, here: Array, there: Array, w: Array, kind: Any, level: float) -> Any:
    """Return the difference that knows of respondents who rated both brands; None where it cannot be told who they are."""
    if not survey.study.respondent:
        return None
    who: Array = survey.text[survey.study.respondent].astype(str).to_numpy()
    if survey.waves:
        who = np.char.add(np.char.add(who.astype(str), "\n"), survey.codes["wave"].astype(str).to_numpy().astype(str))
    try:
        return wave_difference(y[there], x[here], who[there], who[here], w[there], w[here], kind=kind, level=level)
    except DataError:
        return None
