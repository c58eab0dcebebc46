"""Small surveys of several waves, built by hand, for the tests of tracking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

import csr_lib as csr
from csr_lib.study import Survey

WAVES = ("w1", "w2", "w3")


def answers(n: int = 60, waves: tuple[str, ...] = WAVES, shift: dict[str, float] | None = None, seed: int = 1) -> pd.DataFrame:
    """Ratings 1–10 of two items and overall satisfaction; `shift` moves the waves."""
    rng = np.random.default_rng(seed)
    parts = []
    for wave in waves:
        level = 6.0 + (shift or {}).get(wave, 0.0)
        person = rng.normal(0, 1.2, n)
        rated = {k: np.clip(np.rint(level + person + rng.normal(0, 1.0, n)), 1, 10).astype(int) for k in ("a", "b", "overall")}
        parts.append(
            pd.DataFrame(
                {
                    "id": [f"r{i}" for i in range(n)],
                    "wave": wave,
                    "sex": rng.choice(["f", "m"], n),
                    "tier": rng.choice(["key", "general"], n),
                }
            ).assign(**rated)
        )
    return pd.concat(parts, ignore_index=True)


def study(folder: Path, frame: pd.DataFrame, *, records: pd.DataFrame | None = None, **more: Any) -> Survey:
    """Write a study of these answers and open it."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "answers.csv", index=False)
    entry: dict[str, Any] = {
        "id": "sample",
        "title": "Sample",
        "answers": "answers.csv",
        "respondent": "id",
        "wave": {"column": "wave", "order": list(dict.fromkeys(frame["wave"]))},
        "segments": {"sex": {}},
        "scale": {"min": 1, "max": 10},
        "indicators": {"a": {}, "b": {}},
        "outcomes": {"satisfaction": {"column": "overall"}},
    }
    if records is not None:
        records.to_csv(folder / "records.csv", index=False)
    entry |= more
    (folder / "study.yml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    return csr.open_study(folder / "study.yml", lang="en")


def orders(months: int = 3, each: int = 20) -> pd.DataFrame:
    """Orders with a kind, an appointment kept or not, and the hours that they took; everything known by hand."""
    rows = []
    for t in range(months):
        for i in range(each):
            opened = pd.Timestamp("2024-01-10 08:00") + pd.DateOffset(months=t) + pd.Timedelta(hours=i)
            rows.append(
                {
                    "order": f"{t}-{i}",
                    "opened": opened,
                    "done": opened + pd.Timedelta(hours=2 + i % 5),
                    "kind": "x" if i % 2 else "y",
                    "appointed": 1 if i < 16 else 0,
                    "kept": (1 if i < 12 else 0) if i < 16 else "",
                }
            )
    return pd.DataFrame(rows)


PERIODS = {f"w{t + 1}": [f"2024-0{t + 1}-01", f"2024-0{t + 1}-28"] for t in range(3)}
METRICS: dict[str, Any] = {
    "kept": {"kind": "rate", "numerator": {"kept": [1]}, "denominator": {"appointed": [1]}, "target": 0.9},
    "took": {"kind": "duration", "from": "opened", "to": "done", "by": "kind", "limit": "5h", "target": "6h"},
    "orders": {"kind": "count", "where": {"kind": ["x", "y"]}},
}


def operated(**metrics: Any) -> dict[str, Any]:
    """Return the part of study.yml that names the records."""
    waves = {"column": "wave", "order": list(WAVES), "periods": PERIODS}
    operations = {"file": "records.csv", "columns": {"time": "opened"}, "metrics": METRICS | metrics}
    return {"wave": waves, "operations": operations}
