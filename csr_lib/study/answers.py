"""From the files of a study to one table of raw text: which columns are needed, where they are, which wave and role a row has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, Problem, nearest
from csr_lib.study.readers import NoAnswersError, RawTable, read_table
from csr_lib.study.schema import Study


@dataclass(frozen=True)
class FileRecord:
    """One file of answers: how it was read, its rows, and which needed columns it does not have (another file does)."""

    file: str
    sha256: str
    encoding: str
    rows: int
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Raw:
    """All answers as text, files below each other.

    Attributes
    ----------
    frame : text; the columns of all files.
    file : position of each row's file in `files`.
    row : line, row or case number within its file.
    files : one record per file.
    value_labels : column -> code -> label, from formats that carry them.
    """

    frame: pd.DataFrame
    file: np.ndarray
    row: np.ndarray
    files: tuple[FileRecord, ...]
    value_labels: dict[str, dict[str, str]]


def needed_columns(study: Study) -> Iterator[tuple[str, str]]:
    """Yield every column that study.yml names, and the key that names it."""
    for key in ("respondent", "submitted", "seconds", "case_weight"):
        if getattr(study, key):
            yield getattr(study, key), study.at(key)
    if study.role:
        yield study.role.column, study.at("role", "column")
    if study.wave and study.wave.column:
        yield study.wave.column, study.at("wave", "column")
    for name in study.segments:
        yield study.segment_column(name), study.at("segments", name)
    for position, name in enumerate(study.verbatims):
        yield name, study.at("verbatims", position)
    for name, question in study.questions.items():
        for column in question.columns or (question.column or name,):
            yield column, study.at("questions", name)
    for rating in study.ratings():
        yield rating.column, rating.key
    for name in study.outcomes:
        rating_of = study.outcome_rating(name)
        if rating_of:
            yield rating_of.column, rating_of.key
    if study.competition:
        yield study.competition.brand, study.at("competition", "brand")
    for name in study.cleaning.attention:
        yield condition_column(study, name), study.at("cleaning", "attention", name)
    for position, rule in enumerate(study.cleaning.contradictions):
        for part, condition in (("if", rule.if_), ("and", rule.and_)):
            for name in condition:
                yield condition_column(study, name), study.at("cleaning", "contradictions", position, part, name)


def condition_column(study: Study, name: str) -> str:
    """Return the column that a condition means: that of an indicator, outcome, segment or question, or the name itself."""
    rating = study.rating(name) if name in study.indicators else None
    if rating is None and name in study.outcomes:
        rating = study.outcome_rating(name)
    if rating:
        return rating.column
    if name in study.segments:
        return study.segment_column(name)
    if name in study.questions:
        return study.questions[name].column or name
    return name


def gather(study: Study) -> Raw:
    """Read every file of a study and put them below each other.

    Raises DataError for files that cannot be read (all of them in one error) and for columns that no file has.
    """
    problems: list[Problem] = []
    unanswered: list[NoAnswersError] = []
    tables: list[RawTable] = []
    for position, entry in enumerate(study.answers):
        try:
            tables.append(
                read_table(
                    study.folder,
                    entry.file,
                    encoding=entry.encoding or study.encoding,
                    sheet=entry.sheet,
                    where=study.at("answers", position),
                )
            )
        except NoAnswersError as error:
            unanswered.append(error)
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    problems = _absent_everywhere(study, tables, unanswered)
    problems += [problem for error in unanswered for problem in error.problems]
    if problems:
        raise DataError(problems)
    needed = list(dict.fromkeys(column for column, _ in needed_columns(study)))
    files = tuple(
        FileRecord(t.file, t.sha256, t.encoding, len(t.frame), tuple(c for c in needed if c not in t.frame.columns))
        for t in tables
    )
    frame = tables[0].frame if len(tables) == 1 else pd.concat([t.frame for t in tables], ignore_index=True)
    labels: dict[str, dict[str, str]] = {}
    for table in tables:
        for column, named in table.value_labels.items():
            labels.setdefault(column, {}).update(named)
    sizes = [len(t.frame) for t in tables]
    return Raw(frame, np.repeat(np.arange(len(tables)), sizes), np.concatenate([t.rows for t in tables]), files, labels)


def _absent_everywhere(study: Study, tables: Sequence[RawTable], unanswered: Sequence[NoAnswersError]) -> list[Problem]:
    """Return the columns that no file has. Case weights may wait until there are answers to compute them from."""
    there = list(dict.fromkeys([*(c for t in tables for c in t.frame.columns), *(c for e in unanswered for c in e.header)]))
    files = ", ".join([*(t.file for t in tables), *(e.problems[0].where for e in unanswered)])
    guessed = study.encoding == "auto" and any(t.encoding == "gb18030" for t in tables)
    hint = "; the file was taken for GB18030: if its names look garbled, set `encoding: big5`" if guessed else ""
    waiting = {study.case_weight} if not tables else set()
    problems: dict[str, Problem] = {}
    for column, key in needed_columns(study):
        if column not in there and column not in problems and column not in waiting:
            shown = ", ".join(there[:40]) + (" …" if len(there) > 40 else "")
            mend = (_similar(column, there) or "correct the name in study.yml, or add the column to the answers") + hint
            problems[column] = Problem(f"there is no column '{column}' in {files}", key, shown, mend)
    return list(problems.values())


def _similar(column: str, there: Sequence[str]) -> str:
    """Return the hint at a column whose name differs in case alone, or else is nearest."""
    same = [name for name in there if name.casefold() == column.casefold()]
    return f"did you mean '{same[0]}'?" if same else nearest(column, there)


def fixed_text(study: Study, raw: Raw, which: str) -> pd.Series:
    """Return the wave or role that files hold for all their rows; missing where a file names none."""
    per_file: list[Any] = [getattr(entry, which) for entry in study.answers]
    return pd.Series(np.array(per_file, dtype=object)[raw.file], dtype="str")
