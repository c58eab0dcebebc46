"""What pydantic cannot see: names that must exist, numbers that must lie on a scale, models that must hang together."""

from __future__ import annotations

from csr_lib.core.errors import Problem
from csr_lib.study.schema import Study


def cross_check(study: Study) -> list[Problem]:
    return []
