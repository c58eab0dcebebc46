"""Other questions than ratings, open answers, and operational records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError, OptionError, unknown
from csr_lib.study import coding
from csr_lib.study.coding import CodeCoder
from csr_lib.study.readers import RawTable, read_table
from csr_lib.study.schema import Study
from csr_lib.study.schema_answers import Question


def question(study: Study, name: str, frame: pd.DataFrame, value_labels: dict[str, dict[str, str]]) -> pd.Series | pd.DataFrame:
    """Return the answers to one of `questions`.

    Parameters
    ----------
    frame : text of the answers, as read.

    Returns
    -------
    A Series for single (codes), number (floats) and text; for multi a frame of 1.0 and 0.0, a column per option in order of
    `values` or else of appearance; NaN where the question was not answered at all.
    """
    if name not in study.questions:
        raise OptionError([unknown(name, study.questions, what="question", where="questions")])
    entry = study.questions[name]
    missing = study.missing if entry.missing is None else entry.missing
    if entry.type == "multi":
        if entry.columns:
            return _options_by_column(entry, entry.columns, frame, missing)
        return _options_in_cell(entry, frame[entry.column or name], missing)
    series = frame[entry.column or name]
    if entry.type == "text":
        return series.rename(name)
    if entry.type == "number":
        numbers = coding.by_value(series, coding.number)
        _raise_bad(numbers, name, "numbers")
        return pd.Series(numbers.result, name=name)
    known = entry.values
    labels = known or value_labels.get(entry.column or name) or None
    coder = CodeCoder(labels if known else None, missing)
    column = coding.by_value(series, coder, empty=None)
    _raise_bad(column, name, ", ".join(labels or {}))
    coded = column.result
    found = list(dict.fromkeys(c for c in coded if c is not None))
    levels = list(entry.order or known or sorted(found))
    return pd.Series(pd.Categorical(coded, categories=[*levels, *(c for c in found if c not in levels)]), name=name)


class OptionsCoder:
    """Turns ``A┋B`` into the tuple of its codes, None where nothing was chosen; raises MisfitError for unknown options."""

    def __init__(self, known: Mapping[str, Any] | None, missing: tuple[str, ...], separator: str):
        self.coder = CodeCoder(known, missing)
        self.separator = coding.tidy(separator) or separator

    def __call__(self, text: str) -> tuple[str, ...] | None:
        """Return the codes of a tidy cell."""
        codes = [self.coder(part.strip()) for part in text.split(self.separator) if part.strip()]
        return tuple(dict.fromkeys(c for c in codes if c is not None)) or None


def check_question(entry: Question, series: pd.Series, missing: tuple[str, ...]) -> dict[str, tuple[str, np.ndarray]]:
    """Return the answers to a single or multi question that are none of its `values`; see `coding.Column.bad`."""
    known = entry.values
    if known is None or entry.columns or entry.type not in ("single", "multi"):
        return {}
    multi = entry.type == "multi"
    coder = OptionsCoder(known, missing, entry.separator) if multi else CodeCoder(known, missing)
    return coding.by_value(series, coder, empty=None).bad


def _raise_bad(column: coding.Column, name: str, allowed: str) -> None:
    if column.bad:
        shown = "; ".join(f"'{value}' {why}" for value, (why, _) in list(column.bad.items())[:8])
        raise DataError(
            f"answers do not fit: {shown}", where=f"questions.{name}", allowed=allowed, mend="correct them, or its `values`"
        )


def _options_in_cell(entry: Question, series: pd.Series, missing: tuple[str, ...]) -> pd.DataFrame:
    """Split ``A┋B`` into a column per option."""
    known = entry.values
    coded = coding.by_value(series, OptionsCoder(known, missing, entry.separator), empty=None)
    _raise_bad(coded, str(series.name), ", ".join(known or {}))
    positions, distinct = pd.factorize(coded.result, use_na_sentinel=True)
    chosen: list[tuple[str, ...]] = list(distinct)
    options = list(known or dict.fromkeys(c for codes in chosen for c in codes))
    table = np.full((len(distinct) + 1, len(options)), np.nan)
    for row, codes_of in enumerate(chosen):
        table[row] = [float(o in codes_of) for o in options]
    return pd.DataFrame(table[positions], columns=options)


def _options_by_column(entry: Question, columns: tuple[str, ...], frame: pd.DataFrame, missing: tuple[str, ...]) -> pd.DataFrame:
    """Read a column per option: 1 or the option's text where chosen, 0 or blank where not, all blank where not answered."""
    empty = coding.missing_codes(missing, lambda code: False)
    text = frame[list(columns)].map(lambda v: coding.as_code(coding.tidy(v)) if isinstance(v, str) else "")
    not_answered = (text.isin(empty) | (text == "")).all(axis=1)
    chosen = ~text.isin([*empty, "", "0"])
    table = chosen.astype(float)
    table.loc[not_answered] = np.nan
    return table.set_axis(list(columns), axis=1).reset_index(drop=True)


def operations(study: Study) -> RawTable:
    """Read the operational records of a study, as text; raise DataError where there are none or a column is missing."""
    entry = study.operations
    if entry is None:
        raise DataError(
            "the study has no operational records",
            where=study.file_name,
            allowed="operations: {file: …, metrics: …}",
            mend="add `operations:`",
        )
    table = read_table(
        study.folder,
        entry.file,
        encoding=entry.encoding or study.encoding,
        sheet=entry.sheet,
        where=study.at("operations", "file"),
    )
    needed = {column: study.at("operations", "columns", key) for key, column in entry.columns.items()}
    for name, metric in entry.metrics.items():
        named = [*metric.numerator, *metric.denominator, *metric.where, metric.column, metric.from_, metric.to, metric.by]
        for column in named:
            if column is not None and column not in entry.columns:
                needed.setdefault(column, study.at("operations", "metrics", name))
    problems = [
        unknown(column, table.frame.columns, what="column", where=f"{where} ({entry.file})")
        for column, where in needed.items()
        if column not in table.frame.columns
    ]
    if problems:
        raise DataError(problems)
    return table
