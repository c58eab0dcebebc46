"""The answers of a study coded by its codebook, with every violation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import Problem
from csr_lib.study import coding
from csr_lib.study.answers import Raw, fixed_text
from csr_lib.study.coding import CodeCoder, MisfitError, RatingCoder
from csr_lib.study.parts import ROLES
from csr_lib.study.questions import check_question
from csr_lib.study.schema import Study
from csr_lib.study.schema_answers import Segment

#: Names of `Coded.codes` that are no segments.
FIXED = ("wave", "role", "brand")


@dataclass
class Violations:
    """Every answer that does not fit its codebook."""

    raw: Raw
    problems: list[Problem] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, column: str, bad: Mapping[str, tuple[str, np.ndarray]], allowed: str, mend: str, limit: int = 8) -> None:
        """Add what a coder did not take: one Problem per file and reason, one row per answer."""
        grouped: dict[tuple[int, str], list[tuple[str, np.ndarray]]] = {}
        for value, (why, positions) in bad.items():
            for file in np.unique(self.raw.file[positions]):
                grouped.setdefault((int(file), why), []).append((value, positions[self.raw.file[positions] == file]))
        for (file, why), found in grouped.items():
            name = self.raw.files[file].file
            count = sum(len(p) for _, p in found)
            shown = "; ".join(f"'{_cut(v)}' ({_rows(self.raw.row[p])})" for v, p in found[:limit])
            more = f" and {len(found) - limit} other values" if len(found) > limit else ""
            answers = "1 answer" if count == 1 else f"{count} answers"
            self.problems.append(Problem(f"{answers}: {why}: {shown}{more}", f"{name}, column {column}", allowed, mend))
            for value, positions in found:
                self.rows += [
                    {
                        "file": name,
                        "row": int(self.raw.row[p]),
                        "column": column,
                        "value": value,
                        "problem": why,
                        "allowed": allowed,
                    }
                    for p in positions[:1000]
                ]

    def frame(self) -> pd.DataFrame:
        """Return one row per answer that does not fit."""
        return pd.DataFrame(self.rows, columns=["file", "row", "column", "value", "problem", "allowed"])


def _cut(value: str) -> str:
    return value if len(value) <= 40 else value[:39] + "…"


def _rows(numbers: np.ndarray, limit: int = 6) -> str:
    shown = ", ".join(str(n) for n in numbers[:limit])
    more = f" … {len(numbers)} in all" if len(numbers) > limit else ""
    return f"row {shown}" if len(numbers) == 1 else f"rows {shown}{more}"


@dataclass(frozen=True)
class Coded:
    """All answers of a study, coded, none left out yet.

    Attributes
    ----------
    frame : original column names; ratings, times and numbers as floats, everything else as text.
    codes : a column per segment, and ``wave``, ``role``, ``brand`` where there are any: categories of code text.
    labels : segment -> code -> label.
    raw : the text it came from.
    """

    frame: pd.DataFrame
    codes: pd.DataFrame
    labels: Mapping[str, Mapping[str, Any]]
    raw: Raw

    def levels(self, by: str) -> tuple[str, ...]:
        """Return the codes of a segment, in order."""
        return tuple(str(c) for c in self.codes[by].cat.categories)


def code_answers(study: Study, raw: Raw) -> tuple[Coded, Violations]:
    """Code every column that study.yml names; collect what does not fit."""
    wrong = Violations(raw)
    frame = {str(name): raw.frame[name] for name in raw.frame.columns}
    _code_ratings(study, raw, frame, wrong)
    for column, what in _number_columns(study).items():
        _numbers(raw, frame, column, what, wrong)
    if study.seconds:
        taken = coding.by_value(raw.frame[study.seconds], coding.seconds)
        frame[study.seconds] = pd.Series(taken.result)
        wrong.add(study.seconds, taken.bad, "seconds, or 2分5秒, or 00:02:05", "correct it, or take `seconds` out of study.yml")
    if study.submitted:
        frame[study.submitted] = _times(raw.frame[study.submitted], study.submitted, wrong)
    for name, question in study.questions.items():
        if not question.columns:
            name_of = question.column or name
            missing = study.missing if question.missing is None else question.missing
            allowed = ", ".join(question.values or ())
            bad = check_question(question, raw.frame[name_of], missing)
            wrong.add(
                name_of, bad, f"{allowed} ({study.at('questions', name)})", "correct the answers, or add the code in study.yml"
            )
    codes, labels = _code_segments(study, raw, wrong)
    return Coded(pd.DataFrame(frame), codes, labels, raw), wrong


def _code_ratings(study: Study, raw: Raw, frame: dict[str, pd.Series], wrong: Violations) -> None:
    ratings = {r.column: r for r in study.ratings()}
    for rating in study.outcome_ratings():
        ratings.setdefault(rating.column, rating)
    for column, rating in ratings.items():
        coder = RatingCoder(rating.scale, rating.missing, raw.value_labels.get(column))
        coded = coding.by_value(raw.frame[column], coder)
        frame[column] = pd.Series(coded.result)
        names = ", or a label of the scale" if rating.scale.labels else ""
        wrong.add(
            column,
            coded.bad,
            f"{rating.scale.describe()}{names} ({rating.key})",
            "correct the answers, list the code under `missing`, or correct the scale",
        )


def _number_columns(study: Study) -> dict[str, str]:
    columns = {}
    if "contribution" in study.outcomes and (rating := study.outcome_rating("contribution")):
        columns[rating.column] = "a number"
    if study.case_weight:
        columns[study.case_weight] = "a number, 0 or more"
    for name, question in study.questions.items():
        if question.type == "number":
            columns[question.column or name] = "a number"
    return columns


def _numbers(raw: Raw, frame: dict[str, pd.Series], column: str, what: str, wrong: Violations) -> None:
    coded = coding.by_value(raw.frame[column], coding.number)
    frame[column] = pd.Series(coded.result)
    wrong.add(column, coded.bad, what, "correct the answers")


def _times(series: pd.Series, column: str, wrong: Violations) -> pd.Series:
    positions, distinct = pd.factorize(series, use_na_sentinel=True)
    written = pd.Series([coding.tidy(str(d)) for d in distinct], dtype="str")
    parsed = pd.to_datetime(written, format="mixed", errors="coerce", yearfirst=True)
    parsed = parsed.mask(written.str.fullmatch(r"\d{1,7}(\.\d*)?").astype(bool))  # a bare number is no time
    bad = {
        str(distinct[int(i)]): ("is no date or time", np.flatnonzero(positions == i))
        for i in np.flatnonzero(parsed.isna())
        if written[i] not in coding.PLATFORM_MISSING
    }
    wrong.add(column, bad, "a date or time such as 2013-05-31 14:05", "correct it, or take `submitted` out of study.yml")
    filled = np.append(parsed.to_numpy(dtype="datetime64[us]"), np.datetime64("NaT"))
    return pd.Series(filled[positions])


def _code_segments(study: Study, raw: Raw, wrong: Violations) -> tuple[pd.DataFrame, dict[str, Mapping[str, Any]]]:
    codes: dict[str, pd.Categorical] = {}
    labels: dict[str, Mapping[str, Any]] = {}
    for name, segment in study.segments.items():
        column = study.segment_column(name)
        missing = study.missing if segment.missing is None else segment.missing
        key = study.at("segments", name)
        if segment.bins:
            codes[name], labels[name] = _binned(raw.frame[column], segment, missing, wrong, key)
            continue
        known: Mapping[str, Any] | None = segment.values
        named = known or raw.value_labels.get(column) or {}
        if known is None and segment.order:
            known = {code: named.get(code) for code in segment.order}
        codes[name] = _categories(raw.frame[column], known, missing, segment.order, column, wrong, key)
        labels[name] = {code: named[code] for code in codes[name].categories if named.get(code) is not None}
    codes["role"] = _role(study, raw, wrong)
    if study.wave_key:
        codes["wave"] = _wave(study, raw, wrong)
        labels["wave"] = study.wave_key.labels
    if study.competition:
        brand = study.competition.brand
        known = dict.fromkeys([study.competition.us, *study.competition.shares]) if study.competition.shares else None
        codes["brand"] = _categories(
            raw.frame[brand], known, (), None, brand, wrong, study.at("competition", "brand"), required="the brand"
        )
    return pd.DataFrame(codes), labels


def _categories(
    series: pd.Series,
    known: Mapping[str, Any] | None,
    missing: tuple[str, ...],
    order: tuple[str, ...] | None,
    column: str,
    wrong: Violations,
    key: str,
    required: str = "",
) -> pd.Categorical:
    coded = coding.by_value(series, CodeCoder(known, missing), empty=None)
    found = list(dict.fromkeys(c for c in coded.result if c is not None))
    levels = list(order or known or sorted(found, key=_natural))
    levels += [c for c in (known or {}) if c not in levels]
    allowed = ", ".join(levels[:30]) + (" …" if len(levels) > 30 else "")
    wrong.add(column, coded.bad, f"{allowed} ({key})", "correct the answers, or add the code in study.yml")
    if required:
        blank = np.array([c is None for c in coded.result]) & ~np.isin(np.arange(len(series)), _positions(coded.bad))
        if blank.any():
            wrong.add(column, {"": (f"{required} is not filled in", np.flatnonzero(blank))}, allowed, "fill it in")
    return pd.Categorical(coded.result, categories=levels)


def _positions(bad: Mapping[str, tuple[str, np.ndarray]]) -> np.ndarray:
    return np.concatenate([p for _, p in bad.values()]) if bad else np.array([], dtype=int)


def _natural(code: str) -> tuple[int, float, str]:
    value = coding.as_number(code)
    return (1, 0.0, code) if np.isnan(value) else (0, value, code)


def _role(study: Study, raw: Raw, wrong: Violations) -> pd.Categorical:
    fixed = fixed_text(study, raw, "role")
    if not study.role:
        return pd.Categorical(fixed.fillna("customer"), categories=[r for r in ROLES if (fixed.fillna("customer") == r).any()])
    column = study.role.column
    values = study.role.values or {role: role for role in ROLES}
    spelled = CodeCoder(dict.fromkeys(values))

    def role(text: str) -> str | None:
        code = spelled.find(text)
        if not text:
            return None
        if code is None:
            raise MisfitError("is no role")
        return values[code]

    coded = coding.by_value(raw.frame[column], role, empty=None)
    allowed = f"{', '.join(values)} ({study.at('role')})"
    bad = {v: (why, p[fixed.isna().to_numpy()[p]]) for v, (why, p) in coded.bad.items()}
    wrong.add(
        column, {v: b for v, b in bad.items() if len(b[1])}, allowed, "name the code under role.values, or correct the answers"
    )
    roles = pd.Series(np.where(fixed.notna(), fixed.to_numpy(dtype=object), coded.result), dtype=object)
    blank = np.setdiff1d(np.flatnonzero(roles.isna()), _positions(coded.bad))
    if len(blank):
        wrong.add(column, {"": ("the role is not filled in", blank)}, allowed, "fill it in")
    return pd.Categorical(roles, categories=[r for r in ROLES if (roles == r).any()])


def _wave(study: Study, raw: Raw, wrong: Violations) -> pd.Categorical:
    wave = study.wave_key
    assert wave is not None
    text = fixed_text(study, raw, "wave")
    column = wave.column or "wave"
    if wave.column:
        written = raw.frame[wave.column]
        both = text.notna() & written.notna()
        differ = np.flatnonzero(both & (text != written.map(lambda v: coding.as_code(coding.tidy(v)), na_action="ignore")))
        if len(differ):
            bad = {str(written[differ[0]]): ("contradicts the wave that study.yml gives the file", differ)}
            wrong.add(column, bad, str(text[differ[0]]), "take one of the two out")
        text = text.where(text.notna(), written)
    known = {code: wave.labels.get(code) for code in wave.order} if wave.order else None
    return _categories(
        text, known, (), wave.order, column, wrong, study.at("wave" if study.wave else "answers"), required="the wave"
    )


def _binned(
    series: pd.Series, segment: Segment, missing: tuple[str, ...], wrong: Violations, key: str
) -> tuple[pd.Categorical, dict[str, Any]]:
    """Cut at the lower edges; the codes are ``-20``, ``20-30``, ``30-``, and their labels say where an edge belongs."""
    bins, column = segment.bins or (), str(series.name)
    empty = coding.missing_codes(missing, lambda code: False)

    def value(text: str) -> float:
        return np.nan if coding.as_code(text) in empty else coding.number(text)

    coded = coding.by_value(series, value)
    wrong.add(column, coded.bad, f"numbers, cut at {', '.join(f'{b:g}' for b in bins)} ({key})", "correct the answers")
    edges = [f"{b:g}" for b in bins]
    levels = segment.bin_codes()
    place = np.digitize(coded.result, bins)
    chosen = [None if np.isnan(v) else levels[p] for v, p in zip(coded.result, place, strict=True)]
    answers = coded.result[~np.isnan(coded.result)]
    whole = bool(np.all(answers == np.floor(answers))) and all(float(b).is_integer() for b in bins)
    labels: dict[str, Any] = {
        levels[0]: {"zh": f"{edges[0]} 以下", "en": f"under {edges[0]}"},
        levels[-1]: {"zh": f"{edges[-1]} 及以上", "en": f"{edges[-1]} and over"},
    }
    for low, high in pairwise(bins):
        name = (f"{low:g}" if high - 1 == low else f"{low:g}–{high - 1:g}") if whole else f"{low:g}–<{high:g}"
        labels[f"{low:g}-{high:g}"] = name
    return pd.Categorical(chosen, categories=levels), labels
