"""Case weights: as given, or raked to population shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from csr_lib.core.errors import Problem
from csr_lib.study.codebook import Coded
from csr_lib.study.schema import Study


def case_weights(study: Study, coded: Coded, kept: np.ndarray) -> tuple[np.ndarray, dict[str, Any], list[Problem]]:
    """Return the weight of every row, how it was made, and what is wrong with it."""
    if study.case_weight:
        return coded.frame[study.case_weight].to_numpy(dtype=float), {}, []
    return np.ones(len(coded.frame)), {}, []
