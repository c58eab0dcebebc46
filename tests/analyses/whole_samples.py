"""One small study that feeds every analysis, built by hand; tests spoil it in one place at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from csr_lib.study import Survey, open_study

ITEMS = tuple("abcdef")
LOYAL = ("again", "recommend")

STUDY: dict[str, Any] = {
    "id": "whole",
    "title": {"zh": "样例调查", "en": "Sample survey"},
    "answers": "answers.csv",
    "respondent": "id",
    "wave": {"column": "wave", "order": ["w1", "w2"]},
    "segments": {"sex": {"values": {"f": {"zh": "女", "en": "Women"}, "m": {"zh": "男", "en": "Men"}, "x": "X"}}},
    "sampling": {"issued": 200, "returned": 170, "population": 5000},
    "scale": {"min": 1, "max": 7},
    "indicators": {
        i: {"label": {"zh": f"指标{i}", "en": f"item {i}"}, "perception": i, "importance": f"i_{i}", "expectation": f"e_{i}"}
        for i in ITEMS
    }
    | {name: {"label": {"zh": name, "en": name}} for name in (*LOYAL, "overall")},
    "constructs": {
        "Quality": {"label": {"zh": "质量", "en": "Quality"}, "indicators": ["a", "b", "c"]},
        "Attitude": {"label": {"zh": "态度", "en": "Attitude"}, "indicators": ["d", "e", "f"]},
        "Satisfaction": {"label": {"zh": "满意度", "en": "Satisfaction"}, "indicators": ["overall"]},
        "Loyalty": {"label": {"zh": "忠诚", "en": "Loyalty"}, "indicators": list(LOYAL)},
    },
    "outcomes": {"satisfaction": {"column": "overall", "top": 2}, "loyalty": "Loyalty"},
    "model": {"paths": {"Quality": ["Satisfaction"], "Attitude": ["Satisfaction"], "Satisfaction": ["Loyalty"]}},
    "evaluation": {
        "of": ["Quality", "Attitude"],
        "grades": [1, 3, 5, 7],
        "experts": {"e1": {"Quality": 60, "Attitude": 40, "a": 50, "b": 30, "c": 20, "d": 40, "e": 40, "f": 20}},
        "ahp": {"Quality": {"e1": [[1, 2, 3], [0.5, 1, 2], [0.3333, 0.5, 1]]}},
    },
    "targets": {"satisfaction": 80},
}  # fmt: skip


def answers(n: int = 70, seed: int = 1) -> pd.DataFrame:
    """Two waves of `n` respondents each, on a scale from 1 to 7, without missing answers."""
    rng = np.random.default_rng(seed)
    parts = []
    for wave in ("w1", "w2"):
        person = rng.normal(0, 0.8, n)
        sides = {item: (person + rng.normal(0, 0.6, n)) for item in ("abc", "def")}
        rated = {}
        for item in ITEMS:
            side = next(s for group, s in sides.items() if item in group)
            rated[item] = 4.4 + side + rng.normal(0, 0.8, n)
            rated[f"e_{item}"] = 5.6 + rng.normal(0, 0.9, n)
            rated[f"i_{item}"] = 5.2 + 0.25 * ITEMS.index(item) + rng.normal(0, 0.9, n)
        rated["overall"] = 4.4 + 0.7 * sides["abc"] + 0.4 * sides["def"] + rng.normal(0, 0.5, n)
        for name in LOYAL:
            rated[name] = rated["overall"] + rng.normal(0, 0.8, n)
        whole = {name: np.clip(np.rint(values), 1, 7).astype(int) for name, values in rated.items()}
        parts.append(
            pd.DataFrame({"id": [f"{wave}{k}" for k in range(n)], "wave": wave, "sex": rng.choice(["f", "m"], n), **whole})
        )
    return pd.concat(parts, ignore_index=True)


def study(folder: Path, frame: pd.DataFrame, **more: Any) -> Survey:
    """Write the study with these answers and open it; `more` replaces keys of study.yml."""
    (folder / "study.yml").write_text(yaml.safe_dump({**STUDY, **more}, allow_unicode=True, sort_keys=False), encoding="utf-8")
    frame.to_csv(folder / "answers.csv", index=False)
    return open_study(folder, lang="en")
