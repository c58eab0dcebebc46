"""Factor structure: reliability, exploratory and confirmatory factors, and the structural model."""

from csr_lib.analyses.factor_structure.analysis import Options, factor_structure, feeds
from csr_lib.analyses.factor_structure.result import FactorStructureResult

__all__ = ["FactorStructureResult", "Options", "factor_structure", "feeds"]
