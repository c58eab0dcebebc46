"""A Result: what an analysis found and how it was computed. It goes to JSON and back without loss."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from csr_lib.core.check import Check, Finding, Headline, Level
from csr_lib.core.text import text, words

#: The MIME type under which a Result travels in an executed notebook.
RESULT_MIME = "application/vnd.csr.result+json"


@dataclass(frozen=True)
class Basis:
    """On whom and how a number was computed.

    Attributes
    ----------
    n : rows (for frequency weights: their sum) that the number rests on.
    n_effective : Kish's effective n, (Σw)²/Σw²; equal to `n` without sampling weights.
    weights : ``none``, ``sampling`` or ``frequency``.
    missing_rule : ``listwise``, ``pairwise``, ``em``, ``each`` (every row of a table by its own answers) or ``none``.
    n_missing : rows left out, or completed, because of missing answers.
    """

    n: float
    n_effective: float
    weights: Literal["none", "sampling", "frequency"] = "none"
    missing_rule: str = "none"
    n_missing: float = 0


@dataclass(frozen=True)
class Source:
    """Where the answers of a Result came from; all of it is shown in the report's title block and footer.

    ``excluded`` counts excluded rows by reason; ``hashes`` holds the SHA-256 of study.yml and of every data file;
    ``filters`` is what `Survey.wave` and `Survey.where` were asked for, in codes; ``filter_labels`` what its keys, and (as
    ``key=``) their values, are called; ``period`` is the printed period.
    """

    study: str
    title: Mapping[str, str] | str
    source: Mapping[str, str] | str = ""
    simulated: bool = False
    period: str = ""
    n_read: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] | str = ""
    filter_labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Result:
    """Base of every analysis's result.

    Attributes
    ----------
    analysis : the name of the analysis (class attribute).
    lang : language in which it is shown where none is asked for.
    source, basis : where the answers came from; on whom the headline rests.
    options : every option as it was used, defaults included.
    seed, resamples : of the bootstrap; None and 0 without one.
    headline : the numbers for the cards of the report.
    tables : name -> tidy frame at full precision. ``n`` columns are unweighted counts of respondents.
    bases : name -> Basis, for tables that do not rest on `basis`.
    checks : may these numbers be believed?
    found : everything found, as catalogue keys and values; see `findings`.
    labels : key of an item, construct, segment value … -> label.
    drawn_from : figure name -> names of the tables that it was drawn from.
    withheld : labels of the groups that were too small to show.
    withheld_by : segment -> those of its labels; where it is empty, all belong to every table by group.
    references : keys of ``references.yml`` that the method rests on.
    """

    analysis: ClassVar[str] = ""
    known: ClassVar[dict[str, type[Result]]] = {}

    source: Source
    basis: Basis
    lang: str = "zh"
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    resamples: int = 0
    headline: tuple[Headline, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    bases: Mapping[str, Basis] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    found: tuple[Finding, ...] = ()
    labels: Mapping[str, Any] = field(default_factory=dict)
    drawn_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    withheld: tuple[Any, ...] = ()
    withheld_by: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    references: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.analysis:
            Result.known[cls.analysis] = cls

    @property
    def confidence(self) -> float:
        """Level of the intervals."""
        return float(self.options.get("confidence", 0.95))

    def findings(self, lang: str | None = None, *, level: Level | None = None) -> list[str]:
        """Return what was found in sentences, plain text.

        Parameters
        ----------
        lang : ``zh`` or ``en``; the result's own language by default.
        level : only this level; by default all but the method, key findings first.
        """
        lang = lang or self.lang
        order = [level] if level else ["key", "detail", "limit", "action"]
        return [f.sentence(lang) for wanted in order for f in self.found if f.level == wanted]

    def label(self, key: str, lang: str | None = None) -> str:
        """Return the label of an item, construct or group; the key itself where it has none."""
        return words(self.labels.get(key, key), lang or self.lang)

    def withheld_note(self, frame: pd.DataFrame, lang: str) -> str:
        """Return the sentence that names the groups withheld from a table; empty for one that is not split by their segment."""
        if not self.withheld or not {"group", "segment"} & set(frame.columns):
            return ""
        groups = list(self.withheld)
        if self.withheld_by:
            split = {str(s) for s in frame["segment"]} if "segment" in frame else set()
            split |= {str(g).split("=", 1)[0] for g in frame["group"] if "=" in str(g)} if "group" in frame else set()
            groups = [w for w in groups if any(w in self.withheld_by.get(segment, ()) for segment in split)]
        if not groups:
            return ""
        return text("table.withheld" if len(groups) == 1 else "table.withheld_several", lang, groups=groups)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON values; `from_dict` is the way back."""
        out: dict[str, Any] = {"analysis": self.analysis}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "tables":
                out[f.name] = {name: _frame_to_dict(frame) for name, frame in value.items()}
            elif f.name in ("headline", "checks", "found"):
                out[f.name] = [_plain(asdict(v)) for v in value]
            elif f.name in ("source", "basis"):
                out[f.name] = _plain(asdict(value))
            elif f.name == "bases":
                out[f.name] = {name: _plain(asdict(b)) for name, b in value.items()}
            else:
                out[f.name] = _plain(value)
        return out

    def to_json(self) -> str:
        """Return `to_dict` as JSON text; floats keep all their digits."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Result:
        """Make the result that `to_dict` wrote, as an instance of its own class."""
        values = dict(data)
        cls = Result.known.get(values.pop("analysis"), Result)
        values["source"] = Source(**values["source"])
        values["basis"] = Basis(**values["basis"])
        values["bases"] = {name: Basis(**b) for name, b in values["bases"].items()}
        values["checks"] = tuple(Check(**c) for c in values["checks"])
        values["found"] = tuple(Finding(**f) for f in values["found"])
        values["headline"] = tuple(
            Headline(**{**h, "note": Finding(**h["note"]) if h["note"] else None}) for h in values["headline"]
        )
        values["tables"] = {name: _frame_from_dict(t) for name, t in values["tables"].items()}
        values["drawn_from"] = {name: tuple(tables) for name, tables in values["drawn_from"].items()}
        values["withheld"] = tuple(values["withheld"])
        values["references"] = tuple(values["references"])
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in values.items() if k in known})

    @staticmethod
    def from_json(content: str) -> Result:
        """Make the result that `to_json` wrote."""
        return Result.from_dict(json.loads(content))


def _plain(value: Any) -> Any:
    """Turn numpy and tuple values into what JSON knows; NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def _frame_to_dict(frame: pd.DataFrame) -> dict[str, Any]:
    if not isinstance(frame.index, pd.RangeIndex):
        raise TypeError("tables of a Result carry their keys in columns, not in the index")
    kinds = {name: "bool" if pd.api.types.is_bool_dtype(dtype) else dtype.kind for name, dtype in frame.dtypes.items()}
    return {
        "columns": [str(c) for c in frame.columns],
        "kinds": [kinds[c] for c in frame.columns],
        "data": [_plain(frame[c].tolist()) for c in frame.columns],
    }


def _frame_from_dict(data: Mapping[str, Any]) -> pd.DataFrame:
    columns = {}
    for name, kind, values in zip(data["columns"], data["kinds"], data["data"], strict=True):
        if kind == "f":
            columns[name] = pd.Series([math.nan if v is None else v for v in values], dtype="float64")
        elif kind in "iu":
            columns[name] = pd.Series(values, dtype="int64")
        elif kind == "bool":
            columns[name] = pd.Series(values, dtype="bool")
        else:
            columns[name] = pd.Series(values)
    return pd.DataFrame(columns, columns=data["columns"])
