"""The personality items as moments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from csr_lib.stats.moments import Moments


def reference(stem: str) -> Any:
    return json.loads((Path(__file__).parent / f"{stem}.json").read_text(encoding="utf-8"))


def bfi_moments() -> Moments:
    facts = reference("bfi_moments")
    p = len(facts["items"])
    r = np.eye(p)
    for i, row in enumerate(facts["correlation_below_diagonal"], 1):
        r[i, :i] = r[:i, i] = row
    return Moments.from_correlation(facts["items"], facts["mean"], facts["sd"], r, facts["n"])
