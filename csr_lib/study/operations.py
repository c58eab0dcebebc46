"""Operational records: coded times, durations and conditions, and every record that cannot be right, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError
from csr_lib.study import coding
from csr_lib.study.coding import CodeCoder, fold
from csr_lib.study.parts import as_code
from csr_lib.study.questions import operations as read_operations
from csr_lib.study.schema_following import Metric

if TYPE_CHECKING:
    from csr_lib.study.schema import Study

Array = np.ndarray

#: Rules that a record can break: no time; a time, number or code that is none; an end before its start, an end without a start;
#: the numerator of a rate met, its denominator not.
FAULTS = ("no_time", "not_a_time", "not_a_number", "not_a_code", "backwards", "no_start", "outside_denominator")
_UNITS = {"h": 3600.0, "min": 60.0, "d": 86400.0}


@dataclass(frozen=True, eq=False)
class Records:
    """Operational records, coded.

    Attributes
    ----------
    study : whose records these are.
    file : name of the file, for messages.
    text : as written, one row per record.
    rows : line or row of each in the file.
    time : when each was opened; NaT where the study names no time or it cannot be read.
    codes : wave and segments of each record, as far as study.yml names their columns; categorical, in order.
    faults : one row per record and rule broken: ``row metric rule detail``. What is faulty is left out of the figure it
        concerns, and of nothing else.
    sha256 : of the file.
    """

    study: Study
    file: str
    text: pd.DataFrame
    rows: Array
    time: pd.Series
    codes: pd.DataFrame
    faults: pd.DataFrame
    sha256: str
    _known: dict[tuple[str, str], Any] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.text)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Metrics of study.yml."""
        assert self.study.operations is not None
        return self.study.operations.metrics

    @cached_property
    def last_time(self) -> pd.Timestamp | None:
        """The latest time in the file, of any column: up to when the records are known."""
        named = [m for metric in self.metrics.values() for m in (metric.from_, metric.to) if m]
        known = [self.time.max(), *(self._times(c)[0].max() for c in dict.fromkeys(named))]
        known = [t for t in known if not pd.isna(t)]
        return max(known) if known else None

    def meets(self, condition: Mapping[str, Any]) -> Array:
        """Tell which records meet all parts of a condition; a blank cell meets none."""
        keep = np.ones(len(self), dtype=bool)
        for column, codes in condition.items():
            wanted = {fold(str(as_code(c))) for c in codes}
            positions, distinct = self._folded(column)
            keep &= np.append([d in wanted for d in distinct], False).astype(bool)[positions]
        return keep

    def values(self, name: str) -> Array:
        """Return the figure of every record for metric `name`; NaN: it does not count.

        ``rate``: 1 and 0 among records that meet the denominator; ``duration``: seconds, of records with both times; ``count``: 1
        for records that count; ``value``: the number in the column.
        """
        if ("values", name) not in self._known:
            self._known["values", name] = self._values(name)
        return np.array(self._known["values", name])

    def _values(self, name: str) -> Array:
        metric = self.metrics[name]
        if metric.kind == "rate":
            return np.where(self.meets(metric.denominator), self.meets(metric.numerator).astype(float), np.nan)
        if metric.kind == "count":
            return np.where(self.meets(metric.where), 1.0, np.nan)
        if metric.kind == "value":
            assert metric.column is not None
            numbers = coding.by_value(self.text[metric.column], coding.number).result
            return np.where(self.meets(metric.where), numbers, np.nan)
        start, end = self._ends(metric)
        seconds = (end - start).dt.total_seconds().to_numpy(dtype=float)
        return np.where((seconds >= 0) & self.meets(metric.where), seconds, np.nan)

    def waiting(self, name: str) -> Array:
        """Return for a ``duration`` how long records that have not ended have been open by `last_time`, seconds; NaN: ended."""
        metric = self.metrics[name]
        last = self.last_time
        if metric.kind != "duration" or last is None:
            return np.full(len(self), np.nan)
        start, end = self._ends(metric)
        open_for = (last - start).dt.total_seconds().to_numpy(dtype=float)
        bad = set(self.faults.loc[(self.faults["metric"] == name) & (self.faults["rule"] == "not_a_time"), "row"])
        unread = np.isin(self.rows, list(bad)) if bad else np.zeros(len(self), dtype=bool)
        return np.where(end.isna().to_numpy() & ~unread & (open_for >= 0) & self.meets(metric.where), open_for, np.nan)

    def _ends(self, metric: Metric) -> tuple[pd.Series, pd.Series]:
        assert metric.from_ is not None
        assert metric.to is not None
        return self._times(metric.from_)[0], self._times(metric.to)[0]

    def _times(self, column: str) -> tuple[pd.Series, list[int]]:
        if ("times", column) not in self._known:
            self._known["times", column] = times(self.text[column])
        found: tuple[pd.Series, list[int]] = self._known["times", column]
        return found

    def _folded(self, column: str) -> tuple[Array, list[str]]:
        """Return the position of each record's code among the distinct ones (−1: blank), and those."""
        if ("codes", column) not in self._known:
            positions, distinct = pd.factorize(self.text[column], use_na_sentinel=True)
            self._known["codes", column] = positions, [fold(coding.as_code(coding.tidy(str(d)))) for d in distinct]
        found: tuple[Array, list[str]] = self._known["codes", column]
        return found

    def label(self, column: str, code: str) -> Any:
        """Return what a code of a column is called: study.yml's `values` of the operations, else the code."""
        assert self.study.operations is not None
        return self.study.operations.values.get(column, {}).get(code, code)


def open_records(study: Study) -> Records:
    """Read and check the operational records of a study.

    Raises
    ------
    DataError
        The study has none, the file cannot be read, a column that study.yml names is not in it, or no record has a time.
    """
    table = read_operations(study)
    assert study.operations is not None
    columns, found = study.operations.columns, _Faults(table.rows)
    text = table.frame.reset_index(drop=True)
    time = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    if "time" in columns:
        time, bad = times(text[columns["time"]])
        found.add("", "not_a_time", bad, text[columns["time"]])
        blank = np.flatnonzero(time.isna() & ~np.isin(np.arange(len(text)), bad))
        found.add("", "no_time", list(blank))
        if time.isna().all():
            raise DataError(
                "no record has a time",
                where=f"{study.at('operations', 'columns', 'time')} ({table.file})",
                allowed="dates or times such as 2013-05-31 14:05",
                mend="name the column that holds when a record was opened",
            )
    codes = _codes(study, text, found)
    records = Records(study, table.file, text, table.rows, time, codes, found.frame(), table.sha256)
    for name, metric in study.operations.metrics.items():
        _check_metric(records, name, metric, found)
    return Records(study, table.file, text, table.rows, time, codes, found.frame(), table.sha256)


def times(series: pd.Series) -> tuple[pd.Series, list[int]]:
    """Return text as times, and the positions of what is written but is no time."""
    positions, distinct = pd.factorize(series, use_na_sentinel=True)
    written = pd.Series([coding.tidy(str(d)) for d in distinct], dtype="str")
    parsed = pd.to_datetime(written, format="mixed", errors="coerce", yearfirst=True)
    parsed = parsed.mask(written.str.fullmatch(r"\d{1,7}(\.\d*)?").astype(bool))  # a bare number is no time
    blank = written.isin(["", *coding.PLATFORM_MISSING]).to_numpy()
    wrong = np.append(parsed.isna().to_numpy() & ~blank, False)
    filled = np.append(parsed.to_numpy(dtype="datetime64[us]"), np.datetime64("NaT"))
    return pd.Series(filled[positions], index=series.index), [int(i) for i in np.flatnonzero(wrong[positions])]


class _Faults:
    """Collects what records break."""

    def __init__(self, rows: Array):
        self.rows, self.found = rows, []  # type: ignore[var-annotated]

    def add(self, metric: str, rule: str, positions: Any, detail: pd.Series | None = None) -> None:
        for i in positions:
            said = "" if detail is None else str(detail.iloc[int(i)])
            self.found.append({"row": int(self.rows[int(i)]), "metric": metric, "rule": rule, "detail": said})

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.found, columns=["row", "metric", "rule", "detail"])


def _codes(study: Study, text: pd.DataFrame, found: _Faults) -> pd.DataFrame:
    """Code the wave and the segments of the records by the codebook of the answers."""
    assert study.operations is not None
    out: dict[str, pd.Categorical] = {}
    for key, column in study.operations.columns.items():
        if key in ("time", "respondent"):
            continue
        known: Mapping[str, Any] | None
        if key == "wave":
            order = study.wave_key.order if study.wave_key else None
            known = dict.fromkeys(order) if order else None
        else:
            segment = study.segments[key]
            known = segment.values or (dict.fromkeys(segment.order) if segment.order else None)
            if segment.bins:
                continue  # groups of a number that the respondent gave
        coded = coding.by_value(text[column], CodeCoder(known), empty=None)
        for _, positions in coded.bad.values():
            found.add("", "not_a_code", positions, text[column])
        levels = list(known) if known else sorted({c for c in coded.result if c is not None})
        out[key] = pd.Categorical(coded.result, categories=levels)
    return pd.DataFrame(out, index=text.index)


def _check_metric(records: Records, name: str, metric: Metric, found: _Faults) -> None:
    if metric.kind == "rate":
        outside = records.meets(metric.numerator) & ~records.meets(metric.denominator)
        found.add(name, "outside_denominator", np.flatnonzero(outside))
    elif metric.kind == "value":
        assert metric.column is not None
        column = records.text[metric.column]
        for _, positions in coding.by_value(column, coding.number).bad.values():
            found.add(name, "not_a_number", positions, column)
    elif metric.kind == "duration":
        assert metric.from_ is not None
        assert metric.to is not None
        (start, bad_start), (end, bad_end) = records._times(metric.from_), records._times(metric.to)
        meant = records.meets(metric.where)
        unread = np.zeros(len(records), dtype=bool)
        unread[bad_start] = True
        found.add(name, "not_a_time", [i for i in bad_start if meant[i]], records.text[metric.from_])
        found.add(name, "not_a_time", [i for i in bad_end if meant[i]], records.text[metric.to])
        said = start.astype(str) + " → " + end.astype(str)
        found.add(name, "backwards", np.flatnonzero((end < start).to_numpy() & meant), said)
        found.add(name, "no_start", np.flatnonzero((start.isna() & end.notna()).to_numpy() & ~unread & meant))


def written_duration(seconds: float) -> tuple[float, str]:
    """Return a length of time in the unit that people would use: minutes under two hours, hours under four days, else days."""
    unit = "min" if abs(seconds) < 7200 else "h" if abs(seconds) < 4 * 86400 else "d"
    return seconds / _UNITS[unit], unit
