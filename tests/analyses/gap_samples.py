"""Small studies that the tests of the gap analysis write to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

import csr_lib as csr

ITEMS = ("a", "b", "c", "d")


def indicator(name: str, **more: Any) -> dict[str, Any]:
    return {"label": {"zh": f"指标{name}", "en": f"item {name}"}, "perception": f"P{name}", "expectation": f"E{name}", **more}


def study(folder: Path, answers: pd.DataFrame, **more: Any) -> csr.Survey:
    """Write a study of two dimensions, (a, b) and (c, d), on a scale from 1 to 7, and open it."""
    values: dict[str, Any] = {
        "id": "tiny",
        "title": {"zh": "小调查", "en": "Tiny"},
        "answers": "answers.csv",
        "scale": {"min": 1, "max": 7},
        "indicators": {i: indicator(i) for i in ITEMS if f"P{i}" in answers},
        "constructs": {"Quality": {"indicators": ["a", "b"]}, "Attitude": {"indicators": ["c", "d"]}},
        **more,
    }
    folder.mkdir(exist_ok=True)
    (folder / "study.yml").write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    answers.to_csv(folder / "answers.csv", index=False)
    return csr.open_study(folder, lang="en")


def customers(n: int = 40, seed: int = 1) -> pd.DataFrame:
    """Return answers whose expectation is higher than their perception in a and b, and not in d."""
    rng = np.random.default_rng(seed)
    means = {"Pa": 4.2, "Pb": 4.6, "Pc": 5.0, "Pd": 5.6, "Ea": 6.1, "Eb": 5.8, "Ec": 5.5, "Ed": 5.5}
    return pd.DataFrame({k: np.clip(np.round(rng.normal(m, 1.0, n)), 1, 7).astype(int) for k, m in means.items()})


def company(answers: pd.DataFrame, managers: int = 12, staff: int = 15, seed: int = 2) -> pd.DataFrame:
    """Add management's view of expectations (M), staff's perception, and everybody's importance (I)."""
    rng = np.random.default_rng(seed)

    def draw(means: dict[str, float], n: int) -> pd.DataFrame:
        return pd.DataFrame({k: np.clip(np.round(rng.normal(m, 0.9, n)), 1, 7).astype(int) for k, m in means.items()})

    own = draw({"Ia": 6.5, "Ib": 6.2, "Ic": 4.5, "Id": 4.0}, len(answers))
    belief = draw({"Ma": 5.0, "Mb": 5.1, "Mc": 5.6, "Md": 6.3, "Ia": 4.4, "Ib": 4.1, "Ic": 6.0, "Id": 6.4}, managers)
    delivery = draw({"Pa": 5.0, "Pb": 5.0, "Pc": 5.2, "Pd": 5.5}, staff)
    rows = [answers.join(own).assign(who="customer"), belief.assign(who="management"), delivery.assign(who="staff")]
    return pd.concat(rows, ignore_index=True).astype(dict.fromkeys([*answers, *own, *belief, *delivery], "Int64"))


FIVE: dict[str, Any] = {
    "role": {"column": "who", "values": {"customer": "customer", "management": "management", "staff": "staff"}},
    "indicators": {
        i: indicator(i, importance=f"I{i}") | {"expectation": {"customer": f"E{i}", "management": f"M{i}"}} for i in ITEMS
    },
    "standards": {"a": 5.5, "b": 5, "c": 5.5, "d": 6},
    "promises": {"a": 6, "b": 6, "c": 6, "d": 6},
}


def row(result: Any, table: str, **where: Any) -> pd.Series:
    frame = result.tables[table]
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1, f"{table}: {where}"
    return frame.iloc[0]


def with_holes(answers: pd.DataFrame) -> pd.DataFrame:
    holes = answers.astype("Int64")
    holes.loc[0, "Pa"] = pd.NA
    holes.loc[1, ["Ec", "Pd"]] = pd.NA
    return holes
