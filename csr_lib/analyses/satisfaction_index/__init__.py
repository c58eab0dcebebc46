"""Satisfaction index: ACSI, ECSI, TCSI, CCSI and models of one's own, by PLS path modelling."""

from csr_lib.analyses.satisfaction_index.analysis import Options, feeds, satisfaction_index
from csr_lib.analyses.satisfaction_index.result import SatisfactionIndexResult

__all__ = ["Options", "SatisfactionIndexResult", "feeds", "satisfaction_index"]
