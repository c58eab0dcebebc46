"""Customer satisfaction research: from a questionnaire's answers and one study.yml to a report.

>>> import csr_lib as csr
>>> survey = csr.open_study("data/software/study.yml")      # doctest: +SKIP
>>> result = csr.gap(survey)                                # doctest: +SKIP

Everything is imported where it is first used, so that ``import csr_lib`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: public name -> the module that owns it
_PUBLIC = {
    "open_study": "csr_lib.study",
    "Study": "csr_lib.study",
    "Survey": "csr_lib.study",
    "Model": "csr_lib.core.model",
    "Construct": "csr_lib.core.model",
    "Result": "csr_lib.core.result",
    "Check": "csr_lib.core.check",
    "CsrError": "csr_lib.core.errors",
    "make_report": "csr_lib.report",
    "data_quality": "csr_lib.analyses.data_quality",
    "overview": "csr_lib.analyses.overview",
    "importance_performance": "csr_lib.analyses.importance_performance",
    "gap": "csr_lib.analyses.gap",
    "satisfaction_index": "csr_lib.analyses.satisfaction_index",
    "factor_structure": "csr_lib.analyses.factor_structure",
    "drivers": "csr_lib.analyses.drivers",
    "fuzzy_evaluation": "csr_lib.analyses.fuzzy_evaluation",
    "loyalty": "csr_lib.analyses.loyalty",
    "tracking": "csr_lib.analyses.tracking",
}

#: public name -> a module of its own
_MODULES = {"explore": "csr_lib.explore"}

__all__ = [*_PUBLIC, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name in _MODULES:
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'csr_lib' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
