"""Data quality: a screen for answers that nobody gave. Graded indications, never an accusation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.data_quality.base import ALL, NAN, Array, Base
from csr_lib.core.errors import CsrError
from csr_lib.stats.adequacy import adequacy
from csr_lib.stats.fabrication import bursts, evenness
from csr_lib.stats.moments import moments
from csr_lib.stats.reliability import reliability

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options
    from csr_lib.analyses.data_quality.careless import Rule

#: Grades of an indication, the gravest last; ``untold`` where it cannot be looked for.
GRADES = ("unremarkable", "weak", "clear")
#: Fewest respondents of a group that is screened by itself.
FEWEST = 30


def fabrication_tables(base: Base, rules: Sequence[Rule], by: Sequence[str], options: Options) -> dict[str, pd.DataFrame]:
    """Return ``fabrication`` (one row per indication: ``indication value ci_low ci_high weak clear p_value grade``, ``weak``
    and ``clear`` being where the grades begin) and ``fabrication_groups`` (the screen by group: who collected the answers,
    where)."""
    rows: list[dict[str, Any] | None] = [*_answers(base, np.ones(len(base.ratings), dtype=bool), options), *_times(base, options)]
    rows += [_repeated(rules), _device(base, options), _durations(base)]
    whole = pd.DataFrame([r for r in rows if r is not None])
    groups: list[dict[str, Any]] = []
    for segment in by:
        for group in base.customers.groups(segment, total_shown=True):
            here = (base.customers.codes[segment] == group.value).to_numpy()
            if here.sum() < FEWEST:
                continue
            found = {r["indication"]: r for r in _answers(base, here, options)}
            if not found:
                continue
            row: dict[str, Any] = {"segment": segment, "group": f"{segment}={group.value}", "n": int(here.sum())}
            for name in ("alpha", "correlation", "evenness"):
                row[name] = found[name]["value"] if name in found else NAN
            if "alpha" in found:
                row |= {"alpha_ci_low": found["alpha"]["ci_low"], "alpha_ci_high": found["alpha"]["ci_high"]}
            row["grade"] = GRADES[max(GRADES.index(r["grade"]) for r in found.values())]
            groups.append(row)
    tables = {"fabrication": whole}
    if groups:
        tables["fabrication_groups"] = pd.DataFrame(groups)
    return tables


def _row(indication: str, value: float, weak: float, clear: float, grade: str, n: int, **more: float) -> dict[str, Any]:
    blank = {"ci_low": NAN, "ci_high": NAN, "expected": NAN, "p_value": NAN}
    return {"indication": indication, "n": n, "value": value, "weak": weak, "clear": clear, **blank, **more, "grade": grade}


def _grade(value: float, weak: float, clear: float) -> str:
    """Grade a value; the side that is suspicious follows from which bound lies further out."""
    if value != value:
        return GRADES[0]
    sign = 1 if clear >= weak else -1
    return "clear" if sign * value >= sign * clear else "weak" if sign * value >= sign * weak else GRADES[0]


def _answers(base: Base, here: Array, options: Options) -> list[dict[str, Any]]:
    """Indications in the answers themselves: items independent of each other, alpha near 0, too even distributions."""
    ratings = base.ratings[here]
    ratings = ratings.loc[:, (ratings.max() > ratings.min()).to_numpy()]
    if ratings.shape[1] < 3 or len(ratings) < FEWEST:
        return []
    rows = []
    try:
        found = moments(ratings, missing="pairwise")
        rely = reliability(found, level=options.confidence)
        rows.append(
            _row(
                "alpha", rely.alpha, 0.5, 0.3, _grade(rely.alpha, 0.5, 0.3), int(rely.n), ci_low=rely.ci_low, ci_high=rely.ci_high
            )
        )
        mean = rely.mean_correlation
        p = adequacy(found).p_value
        grade = "clear" if p > 0.05 else _grade(mean, 0.10, 0.05)
        rows.append(_row("correlation", mean, 0.10, 0.05, grade, int(rely.n), p_value=p))
    except CsrError:  # items that repeat each other are anything but independent
        pass
    spread = []
    for key in ratings:
        scale = base.customers.scale(str(key))
        values = ratings[key].to_numpy(dtype=float)
        whole = values[~np.isnan(values)]
        if scale.span % 1 or scale.span > 11 or (whole % 1 != scale.min % 1).any():
            continue
        spread.append(evenness(values, int(scale.span) + 1, scale.min))
    if spread:
        value = float(np.mean([e.evenness for e in spread]))
        like = float(np.mean([e.p_value > 0.05 for e in spread]))
        grade = "clear" if value >= 0.97 and like >= 0.5 else _grade(value, 0.95, 2.0)
        rows.append(_row("evenness", value, 0.95, 0.97, grade, len(ratings)))
    return rows


def _times(base: Base, options: Options) -> list[dict[str, Any]]:
    """Indications in the times of return: bursts, and the same second again and again."""
    column = base.survey.study.submitted
    if column is None:
        return []
    times = base.survey.frame[column].to_numpy(dtype="datetime64[s]")
    try:
        found = bursts(times, minutes=options.minutes, seed=options.seed)
    except CsrError:
        return []
    grade = _grade(found.p_value, 0.01, 0.001) if found.most >= 5 else GRADES[0]
    # 400 simulations cannot show less than 1/401; as many returns as in none of them is as clear as it gets
    if found.most >= 5 and found.p_value <= 1 / 401 + 1e-12 and found.most >= 2 * found.expected:
        grade = "clear"
    rows = [_row("burst", found.most, 0.01, 0.001, grade, found.n, expected=found.expected, p_value=found.p_value)]
    if found.whole_seconds:
        share = found.same_time / found.n
        more = found.same_time > 3 * found.same_expected + 2
        grade = _grade(share, 0.02, 0.05) if more else GRADES[0]
        rows.append(_row("same_time", share, 0.02, 0.05, grade, found.n, expected=found.same_expected / found.n))
    return rows


def _repeated(rules: Sequence[Rule]) -> dict[str, Any] | None:
    rule = next((r for r in rules if r.key == "identical"), None)
    if rule is None or not rule.judged.any():
        return None
    n = int(rule.judged.sum())
    share = float(rule.marked.sum()) / n
    return _row("identical", share, 0.01, 0.05, _grade(share, 0.01, 0.05), n)


def _device(base: Base, options: Options) -> dict[str, Any] | None:
    """Share of answers from devices (or addresses) that sent three and more."""
    if options.device is None:
        return None
    named = base.survey.text[options.device].dropna()
    named = named[named.astype(str).str.strip() != ""]
    if len(named) < FEWEST:
        return None
    often = named.map(named.value_counts()) >= 3
    share = float(often.mean())
    return _row("device", share, 0.02, 0.10, _grade(share, 0.02, 0.10), len(named))


def _durations(base: Base) -> dict[str, Any] | None:
    """How much the time taken varies: people's times differ by half and more, programs' often do not."""
    column = base.survey.study.seconds
    if column is None:
        return None
    seconds = base.survey.frame[column].to_numpy(dtype=float)
    seconds = seconds[np.isfinite(seconds) & (seconds > 0)]
    if len(seconds) < FEWEST:
        return None
    q1, q3 = np.quantile(seconds, [0.25, 0.75])
    value = float((q3 - q1) / np.median(seconds))
    return _row("duration", value, 0.25, 0.15, _grade(value, 0.25, 0.15), len(seconds))


def summary(frame: pd.DataFrame) -> tuple[int, int, int]:
    """Return how many indications are clear, how many weak, and how many were looked for."""
    grades = list(frame["grade"]) if len(frame) else []
    return grades.count("clear"), grades.count("weak"), len(grades)


__all__ = ["ALL", "FEWEST", "GRADES", "fabrication_tables", "summary"]
