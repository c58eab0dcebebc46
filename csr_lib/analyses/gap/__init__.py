"""Gap analysis: expectation against perception (P−E, SERVQUAL), zone of tolerance, the five service-quality gaps, rankings."""

from csr_lib.analyses.gap.analysis import GapResult, Options, feeds, gap

__all__ = ["GapResult", "Options", "feeds", "gap"]
