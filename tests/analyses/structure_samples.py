"""Small surveys with known factors, built by hand, for the tests of factor_structure."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import csr_lib as csr
from csr_lib.study import Survey

BLOCKS = {"Ease": ["e1", "e2", "e3"], "Speed": ["s1", "s2", "s3"], "Care": ["c1", "c2", "c3"]}
ITEMS = [i for block in BLOCKS.values() for i in block]
RESULTS = ["y1", "y2", "y3"]
#: What satisfaction owes to each construct: much, nothing, and something negative.
EFFECTS = {"Ease": 0.6, "Speed": 0.0, "Care": -0.4}


def answers(n: int = 320, loading: float = 0.8, among: float = 0.2, top: int = 10, seed: int = 1, **cross: str) -> pd.DataFrame:
    """Ratings 1 to `top` of three constructs that correlate by `among`, and of a satisfaction that follows from them.

    ``cross`` names items that load on another construct as well.
    """
    rng = np.random.default_rng(seed)
    latent = pd.DataFrame(rng.multivariate_normal(np.zeros(3), (1 - among) * np.eye(3) + among, n), columns=list(BLOCKS))
    latent["Result"] = sum(latent[c] * b for c, b in EFFECTS.items()) + rng.normal(0, 0.6, n)
    out = pd.DataFrame({"id": range(n), "site": np.array(["north", "south"])[np.arange(n) % 2]})
    for name, items in {**BLOCKS, "Result": RESULTS}.items():
        for item in items:
            behind = loading * latent[name] + (0.6 * latent[cross[item]] if item in cross else 0.0)
            raw = behind + np.sqrt(1 - loading**2) * rng.normal(size=n)
            out[item] = np.clip(np.rint((top + 1) / 2 + raw * top / 6), 1, top).astype(int)
    out["overall"] = out[RESULTS].mean(axis=1).round().astype(int)
    return out


def study(folder: Path, frame: pd.DataFrame, **more: Any) -> Survey:
    """Write a study of these answers and open it; None takes an entry out."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "answers.csv", index=False)
    constructs: dict[str, Any] = {c: {"indicators": of, "mode": "reflective"} for c, of in {**BLOCKS, "Result": RESULTS}.items()}
    entry: dict[str, Any] = {
        "id": "sample",
        "title": {"zh": "样例", "en": "Sample"},
        "answers": "answers.csv",
        "respondent": "id",
        "segments": {"site": {"label": {"zh": "地点", "en": "Site"}}},
        "scale": {"min": 1, "max": 10},
        "indicators": {i: {} for i in [*ITEMS, *RESULTS]},
        "constructs": constructs,
        "model": {"paths": {c: ["Result"] for c in BLOCKS}, "target": "Result"},
        "cleaning": {"exclude": []},
    }
    entry = {k: v for k, v in {**entry, **more}.items() if v is not None}
    (folder / "study.yml").write_text(yaml.safe_dump(entry, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return csr.open_study(folder / "study.yml", lang="en")


def pupils(folder: Path) -> Survey:
    """Holzinger and Swineford's (1939) nine tests of 301 pupils, as the manuals of structural models use them."""
    package = importlib.util.find_spec("semopy")  # its file alone: the package itself takes seconds to import
    if package is None or package.origin is None:
        pytest.skip("the answers of Holzinger and Swineford come with semopy, which is not installed")
    frame = pd.read_csv(Path(package.origin).parent / "examples" / "holzinger_swineford39_data.csv")
    blocks = {"Visual": ["x1", "x2", "x3"], "Textual": ["x4", "x5", "x6"], "Speed": ["x7", "x8", "x9"]}
    items = [i for of in blocks.values() for i in of]
    return study(
        folder,
        frame[["school", *items]],
        respondent=None,
        segments={"school": {}},
        scale={"min": 0, "max": 10, "measure": "interval"},
        indicators={i: {} for i in items},
        constructs={name: {"indicators": of, "mode": "reflective"} for name, of in blocks.items()},
        model=None,
    )
