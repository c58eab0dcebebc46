"""A small study with two waves, companies in industries and weights; and the real survey of the European index."""

from __future__ import annotations

import shutil
import string
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import csr_lib as csr

ROOT = Path(__file__).parents[2]
ITEMS = {"Image": 3, "Quality": 3, "Satisfaction": 3, "Loyalty": 2}
PATHS = {"Image": ["Quality", "Satisfaction"], "Quality": ["Satisfaction"], "Satisfaction": ["Loyalty"]}


def answers(n: int = 240, seed: int = 1) -> pd.DataFrame:
    """Integer answers 1 to 10 of a path model, two waves, companies within industries, and weights."""
    rng = np.random.default_rng(seed)
    out = pd.DataFrame({"id": range(n), "wave": np.where(np.arange(n) < n // 2, "2023", "2024")})
    out["company"] = np.array(["A", "B", "C", "D"])[np.arange(n) % 4]
    out["industry"] = np.where(out["company"].isin(["A", "B"]), "X", "Y")
    out["region"] = np.array(["North", "South", "South"])[np.arange(n) % 3]
    image = rng.normal(size=n)
    quality = 0.5 * image + rng.normal(size=n) * 0.8 + 0.4 * (out["wave"] == "2024") + 0.5 * (out["company"] == "A")
    satisfaction = 0.2 * image + 0.6 * quality + rng.normal(size=n) * 0.6
    loyalty = 0.7 * satisfaction + rng.normal(size=n) * 0.7
    for name, latent in zip(ITEMS, (image, quality, satisfaction, loyalty), strict=True):
        for i in range(1, ITEMS[name] + 1):
            raw = 6.5 + 1.4 * latent + rng.normal(size=n) * (0.5 + 0.3 * i)
            out[f"{name[:4]}{i}"] = np.clip(np.round(raw), 1, 10).astype(int)
    out["weight"] = np.where(out["region"] == "North", 1.5, 0.75)
    return out


def study(**changes: Any) -> dict[str, Any]:
    items = {name: [f"{name[:4]}{i}" for i in range(1, k + 1)] for name, k in ITEMS.items()}
    out: dict[str, Any] = {
        "id": "small",
        "title": {"zh": "小样", "en": "Small"},
        "answers": "answers.csv",
        "respondent": "id",
        "wave": "wave",
        "segments": {"company": {}, "industry": {}, "region": {"label": {"zh": "地区", "en": "Region"}}},
        "scale": {"min": 1, "max": 10},
        "indicators": {i: {} for of in items.values() for i in of},
        "constructs": {name: {"indicators": of} for name, of in items.items()},
        "model": {"paths": PATHS},
        "cleaning": {"exclude": []},
    }
    return {k: v for k, v in {**out, **changes}.items() if v is not None}


ROLLUP = {
    "levels": ["company", "industry"],
    "shares": {"company": {"A": 0.3, "B": 0.7, "C": 0.6, "D": 0.4}, "industry": {"X": 0.2, "Y": 0.8}},
}


def ecsi(folder: Path) -> csr.Survey:
    """The European index's mobile phone survey, described as somebody new to the library would."""
    data = ROOT.parent / "shared" / "data" / "ecsi_mobile.csv"
    if not data.is_file():
        pytest.skip("the answers of the ECSI mobile survey are not here (../shared/data/ecsi_mobile.csv)")
    shutil.copy(data, folder)
    blocks = {
        "Image": ["IMAG1", "IMAG2", "IMAG3", "IMAG4", "IMAG5"],
        "Expectation": ["CUEX1", "CUEX2", "CUEX3"],
        "Quality": [f"PERQ{i}" for i in range(1, 8)],
        "Value": ["PERV1", "PERV2"],
        "Satisfaction": ["CUSA1", "CUSA2", "CUSA3"],
        "Complaints": ["CUSCO"],
        "Loyalty": ["CUSL1", "CUSL2", "CUSL3"],
    }
    lines = ["id: ecsi", "title: ECSI mobile", "answers: ecsi_mobile.csv", "scale: {min: 1, max: 10}", "indicators:"]
    lines += [f"  {item}:" for items in blocks.values() for item in items]
    lines += ["constructs:", *(f"  {name}: [{', '.join(items)}]" for name, items in blocks.items()), "model: ecsi"]
    (folder / "study.yml").write_text("\n".join(lines), "utf-8")
    return csr.open_study(folder, lang="en")


def value(frame: pd.DataFrame, column: str, **keys: Any) -> float:
    for key, wanted in keys.items():
        frame = frame[frame[key] == wanted]
    assert len(frame) == 1
    return float(frame[column].iloc[0])


def unfilled(sentence: str) -> bool:
    """Tell whether a sentence still holds a place to be filled."""
    return any(name is not None for _, name, _, _ in string.Formatter().parse(sentence)) or "{" in sentence
