"""The study types, one module each. `ANALYSES` holds their names; `load` brings one in when it is needed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from csr_lib.core.errors import OptionError, unknown

#: Every study type: the key in study.yml, the module, the function, the notebook and the report are all called so.
ANALYSES = (
    "data_quality",
    "overview",
    "importance_performance",
    "gap",
    "satisfaction_index",
    "factor_structure",
    "drivers",
    "fuzzy_evaluation",
    "loyalty",
    "tracking",
)


def load(name: str) -> ModuleType:
    """Return the module of the analysis `name`.

    Raises OptionError that lists the known names where there is none of that name.
    """
    if name not in ANALYSES:
        raise OptionError([unknown(name, ANALYSES, what="analysis", where="analysis")])
    return import_module(f"csr_lib.analyses.{name}")
