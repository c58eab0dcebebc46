"""Small studies that the tests of the fuzzy evaluation write to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

import csr_lib as csr

ITEMS = ("a", "b", "c", "d", "e")
TREE = {"Quality": {"of": ["Kept", "Kind"]}, "Kept": ["a", "b"], "Kind": ["c", "d"], "Price": ["e"]}


def values(answers: pd.DataFrame, **more: Any) -> dict[str, Any]:
    """Return a study.yml on a scale from 1 to 5, its indicators in three levels; None takes a key out."""
    items = [i for i in ITEMS if i in answers]
    out: dict[str, Any] = {
        "id": "tiny",
        "title": {"zh": "小调查", "en": "Tiny"},
        "answers": "answers.csv",
        "scale": {"min": 1, "max": 5},
        "indicators": {i: {"label": {"zh": f"指标{i}", "en": f"item {i}"}} for i in items},
        "constructs": TREE,
        **more,
    }
    return {k: v for k, v in out.items() if v is not None}


def study(folder: Path, answers: pd.DataFrame, lang: str = "en", **more: Any) -> csr.Survey:
    """Write a study and open it."""
    folder.mkdir(exist_ok=True, parents=True)
    content = yaml.safe_dump(values(answers, **more), allow_unicode=True, sort_keys=False)
    (folder / "study.yml").write_text(content, encoding="utf-8")
    answers.to_csv(folder / "answers.csv", index=False)
    return csr.open_study(folder, lang=lang)


def answers(n: int = 60, seed: int = 1, **more: Any) -> pd.DataFrame:
    """Return answers of which d is the lowest and a the highest."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    means = {"a": 4.2, "b": 3.8, "c": 3.6, "d": 2.8, "e": 3.4}
    drawn = {k: np.clip(np.round(m + 0.5 * common + rng.normal(0, 0.8, n)), 1, 5).astype(int) for k, m in means.items()}
    return pd.DataFrame(drawn).assign(**more)


def of_shares(shares: dict[str, list[float]], n: int = 10) -> pd.DataFrame:
    """Return n answers on 1, 2, 3 … in exactly these shares."""
    return pd.DataFrame(
        {k: np.repeat(np.arange(1, len(of) + 1), np.rint(np.array(of) * n).astype(int)) for k, of in shares.items()}
    )


def row(result: Any, table: str, **where: Any) -> pd.Series[Any]:
    frame = result.tables[table]
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1, f"{table}: {where}"
    return frame.iloc[0]


def grades(result: Any, item: str = "goal") -> list[float]:
    return row(result, "evaluation", item=item)[list(result.grades)].tolist()


def check(result: Any, key: str) -> Any:
    found = [c for c in result.checks if c.key == key]
    assert len(found) == 1, key
    return found[0]
