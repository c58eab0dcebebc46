"""Rules that mark careless, repeated and impossible answers. Every rule marks; only those under `exclude` drop rows.

| rule | marks a row |
|---|---|
| ``empty`` | without a single rating; always excluded |
| ``duplicate`` | whose respondent id stood before in the same wave, role (and brand); the first is kept |
| ``speeder`` | that took fewer seconds than `speeder` |
| ``straight_line`` | whose most frequent perception makes up at least that share of its perceptions (of at least 3) |
| ``long_string`` | that gives at least that many equal ratings one after the other, in the order of the columns |
| ``identical`` | whose ratings are all those of an earlier row (at least 10 ratings, not all equal) |
| ``attention`` | that answered an attention question otherwise than asked (not answered: not marked) |
| ``contradictions`` | that meets both conditions of a contradiction; can be excluded by its id, too |

A duplicated id is an error unless ``duplicate`` is excluded: two answers of one person cannot both count unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from csr_lib.core.errors import Problem
from csr_lib.stats.careless import longest_string, repeats_another
from csr_lib.study.answers import condition_column
from csr_lib.study.codebook import Coded
from csr_lib.study.coding import as_code, as_number, fold, tidy
from csr_lib.study.parts import as_code as plain_code
from csr_lib.study.schema import Study

MARKS = ("position", "file", "row", "respondent", "rule", "detail", "excluded")

#: A row with fewer perceptions cannot be called a straight line.
FEWEST_FOR_LINE = 3

#: One mark before it gets its file and row: rule, positions, detail of each, and the names under which it can be excluded.
Found = tuple[str, np.ndarray, Sequence[str], tuple[str, ...]]


def clean(study: Study, coded: Coded) -> tuple[pd.DataFrame, list[Problem]]:
    """Apply every rule.

    Returns
    -------
    marks : a row per mark: position (in `coded`), file, row, respondent, rule, detail, excluded.
    problems : duplicated ids that no rule excludes.
    """
    raw = coded.raw
    respondent = _respondents(study, coded)
    excluded = set(study.cleaning.exclude)
    frames = []
    problems: list[Problem] = []
    for rule, positions, details, names in _found(study, coded, respondent):
        drop = rule == "empty" or bool(excluded & set(names))
        if rule == "duplicate" and not drop and len(positions):
            problems.append(_duplicated(study, coded, positions, details, respondent))
        frames.append(
            pd.DataFrame(
                {
                    "position": positions,
                    "file": [raw.files[f].file for f in raw.file[positions]],
                    "row": raw.row[positions],
                    "respondent": respondent.iloc[positions].to_numpy(dtype=object),
                    "rule": rule,
                    "detail": list(details),
                    "excluded": drop,
                }
            )
        )
    marks = pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
    return marks[list(MARKS)], problems


def _found(study: Study, coded: Coded, respondent: pd.Series) -> Iterator[Found]:
    rules = study.cleaning
    empty = _empty(study, coded)
    yield "empty", empty, [""] * len(empty), ("empty",)
    if study.respondent:
        yield "duplicate", *_duplicates(coded, respondent, empty), ("duplicate",)
    if rules.speeder is not None and study.seconds:
        seconds = coded.frame[study.seconds].to_numpy(dtype=float)
        fast = np.flatnonzero(seconds < rules.speeder)
        yield "speeder", fast, [f"{s:g}" for s in seconds[fast]], ("speeder",)
    if rules.straight_line is not None:
        share = straightness(study, coded)
        straight = np.flatnonzero(share >= rules.straight_line - 1e-12)
        yield "straight_line", straight, [f"{s:.2f}" for s in share[straight]], ("straight_line",)
    if rules.long_string is not None:
        run = longest_run(study, coded)
        long = np.flatnonzero(run >= rules.long_string)
        yield "long_string", long, [f"{r:g}" for r in run[long]], ("long_string",)
    if rules.identical:
        first = identical_to(study, coded)
        again = np.flatnonzero(first >= 0)
        yield "identical", again, [f"row {coded.raw.row[f]}" for f in first[again]], ("identical",)
    for name, codes in rules.attention.items():
        met, answered = matches(study, coded, name, codes)
        wrong = np.flatnonzero(answered & ~met)
        text = coded.raw.frame[condition_column(study, name)].iloc[wrong]
        yield "attention", wrong, [f"{name} = {t}" for t in text], ("attention",)
    for rule in rules.contradictions:
        both = np.ones(len(coded.frame), dtype=bool)
        for name, codes in [*rule.if_.items(), *rule.and_.items()]:
            both &= matches(study, coded, name, codes)[0]
        positions = np.flatnonzero(both)
        yield "contradictions", positions, [rule.id] * len(positions), ("contradictions", rule.id)


def _respondents(study: Study, coded: Coded) -> pd.Series:
    if study.respondent is None:
        return pd.Series([None] * len(coded.frame), dtype="str")
    return coded.raw.frame[study.respondent].map(lambda v: as_code(tidy(v)), na_action="ignore")


def _role_columns(study: Study, coded: Coded, kinds: Sequence[str]) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Yield the rows of each role with the columns of ratings that it was asked."""
    role = coded.codes["role"]
    for name in role.cat.categories:
        found = [study.rating(i, k, str(name)) for k in kinds for i in study.indicators]
        columns = list(dict.fromkeys(r.column for r in found if r))
        yield np.flatnonzero((role == name).to_numpy()), columns


def _empty(study: Study, coded: Coded) -> np.ndarray:
    overall = [r.column for r in study.outcome_ratings()]
    empty = []
    for rows, columns in _role_columns(study, coded, study.kinds()):
        asked = list(dict.fromkeys([*columns, *overall]))
        empty.append(rows[coded.frame[asked].iloc[rows].isna().all(axis=1).to_numpy()])
    return np.sort(np.concatenate(empty)) if empty else np.array([], dtype=int)


def _duplicates(coded: Coded, respondent: pd.Series, empty: np.ndarray) -> tuple[np.ndarray, list[str]]:
    keys = pd.DataFrame({"respondent": respondent})
    for name in ("wave", "role", "brand"):
        if name in coded.codes:
            keys[name] = coded.codes[name].astype(object)
    known = respondent.notna().to_numpy().copy()
    known[empty] = False
    keys = keys[known]
    again = keys.index[keys.duplicated(keep="first")].to_numpy()
    group = keys.groupby(list(keys.columns), sort=False, dropna=False).ngroup()
    first = keys.index[~keys.duplicated(keep="first")].to_numpy()
    first_of = dict(zip(group.loc[first], first, strict=True))
    raw = coded.raw
    details = [f"{raw.files[raw.file[p]].file}: {raw.row[p]}" for p in (first_of[group.loc[a]] for a in again)]
    return again, details


def _duplicated(study: Study, coded: Coded, positions: np.ndarray, details: Sequence[str], respondent: pd.Series) -> Problem:
    raw = coded.raw
    shown = "; ".join(
        f"'{respondent.iloc[p]}' ({raw.files[raw.file[p]].file}, row {raw.row[p]}; first {d})"
        for p, d in list(zip(positions, details, strict=True))[:8]
    )
    more = f" and {len(positions) - 8} more" if len(positions) > 8 else ""
    return Problem(
        f"{len(positions)} rows repeat the id of a respondent: {shown}{more}",
        f"{study.at('respondent')}, column {study.respondent}",
        "each id once per wave and role",
        "write `cleaning: {exclude: [duplicate]}` to keep the first of each, or correct the ids",
    )


def straightness(study: Study, coded: Coded) -> np.ndarray:
    """Return the share of the most frequent perception of every row, NaN with fewer than `FEWEST_FOR_LINE`."""
    share = np.full(len(coded.frame), np.nan)
    for rows, columns in _role_columns(study, coded, ("perception",)):
        if len(columns) < FEWEST_FOR_LINE or not len(rows):
            continue
        values = np.sort(coded.frame[columns].iloc[rows].to_numpy(dtype=float), axis=1)  # NaN last
        run = np.where(np.isnan(values[:, 0]), 0, 1)
        longest = run.copy()
        for place in range(1, values.shape[1]):
            run = np.where(values[:, place] == values[:, place - 1], run + 1, np.where(np.isnan(values[:, place]), 0, 1))
            longest = np.maximum(longest, run)
        answered = (~np.isnan(values)).sum(axis=1)
        share[rows] = np.where(answered >= FEWEST_FOR_LINE, longest / np.maximum(answered, 1), np.nan)
    return share


def _in_order(study: Study, coded: Coded) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows of each role with all their ratings, in the order of the columns."""
    place = {str(c): i for i, c in enumerate(coded.raw.frame.columns)}
    for rows, columns in _role_columns(study, coded, study.kinds()):
        ordered = sorted(columns, key=lambda c: place[c])
        yield rows, coded.frame[ordered].iloc[rows].to_numpy(dtype=float)


def longest_run(study: Study, coded: Coded) -> np.ndarray:
    """Return the longest run of equal ratings of every row, in the order of the columns."""
    out = np.zeros(len(coded.frame))
    for rows, values in _in_order(study, coded):
        if values.size:
            out[rows] = longest_string(values)
    return out


def identical_to(study: Study, coded: Coded) -> np.ndarray:
    """Return the position of the first row with the very same ratings, −1 where there is none."""
    out = np.full(len(coded.frame), -1)
    for rows, values in _in_order(study, coded):
        if values.size:
            first = repeats_another(values)
            out[rows] = np.where(first >= 0, rows[first], -1)
    return out


def matches(study: Study, coded: Coded, name: str, codes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Tell which rows have one of `codes` in a column (or indicator, outcome, segment), and which have any answer.

    A code is compared with the answer as written, with the scale point or segment code that it was coded to, and with the
    value label that an SPSS file gives it.
    """
    column = condition_column(study, name)
    wanted = {fold(plain_code(c)) for c in codes}
    positions, distinct = pd.factorize(coded.raw.frame[column], use_na_sentinel=True)
    labels = coded.raw.value_labels.get(column, {})
    written = [as_code(tidy(str(d))) for d in distinct]
    hit = np.array([fold(w) in wanted or fold(labels.get(w, w)) in wanted for w in written] + [False], dtype=bool)
    met = hit[positions]
    answered = positions >= 0
    if pd.api.types.is_float_dtype(coded.frame[column]):
        values = coded.frame[column].to_numpy()
        met |= np.isin(values, [v for c in codes if not np.isnan(v := as_number(c))])
        answered = answered & ~np.isnan(values)
    for segment in study.segments:
        if study.segment_column(segment) == column:
            met |= coded.codes[segment].isin([str(c) for c in codes]).to_numpy()
    return met, answered
