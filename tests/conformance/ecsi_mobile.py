"""The mobile phone survey as moments, its model, and answers made to have exactly these moments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from csr_lib.core.model import Construct, Mode, Model
from csr_lib.stats.moments import Moments


def reference(stem: str) -> Any:
    return json.loads((Path(__file__).parent / f"{stem}.json").read_text(encoding="utf-8"))


FACTS = reference("ecsi_mobile_moments")


def model(mode: Mode = "A", paths: list[list[str]] | None = None) -> Model:
    constructs = tuple(Construct(name, tuple(items), mode) for name, items in FACTS["constructs"].items())
    return Model(constructs, tuple((s, t) for s, t in paths or FACTS["paths"]), "Satisfaction")


def mobile_moments() -> Moments:
    p = len(FACTS["items"])
    r = np.eye(p)
    for i, row in enumerate(FACTS["correlation_below_diagonal"], 1):
        r[i, :i] = r[:i, i] = row
    return Moments.from_correlation(FACTS["items"], FACTS["mean"], FACTS["sd"], r, FACTS["n"])


def exact_answers(n: int = 250, seed: int = 0) -> pd.DataFrame:
    """Normal answers whose sample moments are exactly those of the survey."""
    m = mobile_moments()
    z = np.random.default_rng(seed).standard_normal((n, len(m.columns)))
    z -= z.mean(axis=0)
    z = np.linalg.solve(np.linalg.cholesky(np.cov(z.T)), z.T).T
    return pd.DataFrame(z @ np.linalg.cholesky(m.cov).T + m.mean, columns=list(m.columns))
