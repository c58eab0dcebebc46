"""SPSS .sav and Parquet: typed values turned into the text of their codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import DataError
from csr_lib.study.readers import MOST_CELLS, check_header, no_rows
from csr_lib.study.readers_excel import cell_text


def read_sav(path: Path, file: str, encoding: str = "auto") -> tuple[pd.DataFrame, dict[str, dict[str, str]]]:
    """Read an SPSS file; return codes as text, and column -> code -> value label.

    User-missing values are blank, like system-missing ones.
    """
    import pyreadstat

    wanted = None if encoding == "auto" else encoding
    try:
        _, about = pyreadstat.read_sav(str(path), encoding=wanted, metadataonly=True)
        if (about.number_rows or 0) * (about.number_columns or 1) > MOST_CELLS:
            raise _too_large(file)
        frame, meta = pyreadstat.read_sav(str(path), encoding=wanted, user_missing=False)
    except DataError:
        raise
    except Exception as error:  # pyreadstat raises its own and plain exceptions alike
        raise DataError(
            f"is no readable SPSS file ({str(error)[:120]})",
            where=file,
            allowed="a .sav file; its encoding where it does not say it (`encoding: gb18030`)",
            mend="save it again in SPSS or PSPP, or export CSV",
        ) from None
    labels = {
        str(column): {cell_text(code).strip(): str(label) for code, label in named.items()}
        for column, named in meta.variable_value_labels.items()
    }
    return _as_text(frame, file), labels


def read_parquet(path: Path, file: str) -> pd.DataFrame:
    """Read a Parquet file; return every cell as text."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        about = pq.ParquetFile(path)
        if about.metadata.num_rows * max(about.metadata.num_columns, 1) > MOST_CELLS:
            raise _too_large(file)
        names = [n for n in about.schema_arrow.names if not n.startswith("__index_level_")]
        check_header(names, file, "schema")
        frame = about.read(columns=names).to_pandas(ignore_metadata=True, integer_object_nulls=True)
    except DataError:
        raise
    except Exception as error:  # pyarrow raises a family of its own
        raise DataError(
            f"is no readable Parquet file ({str(error)[:120]})",
            where=file,
            allowed="a .parquet file",
            mend="write it again, or export CSV",
        ) from None
    return _as_text(frame[names], file)


def _too_large(file: str) -> DataError:
    return DataError("holds too many cells", where=file, allowed=f"{MOST_CELLS:,}", mend="select the columns that are needed")


def _as_text(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    if not len(frame):
        raise no_rows(file, [str(c) for c in frame.columns])
    names = [str(c).strip() for c in frame.columns]
    check_header(names, file, "variables")
    columns = {name: _column_text(frame.iloc[:, place]) for place, name in enumerate(names)}
    return pd.DataFrame(columns)


def _column_text(series: pd.Series) -> pd.Series:
    """Turn the distinct values of a column into text; blank ones into missing."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    positions, distinct = pd.factorize(series.to_numpy(dtype=object), use_na_sentinel=True)
    written: list[Any] = []
    for value in distinct:
        text = cell_text(value.item() if isinstance(value, np.generic) else value)
        written.append(text if text.strip() else None)
    return pd.Series(np.array([*written, None], dtype=object)[positions], dtype="str")
