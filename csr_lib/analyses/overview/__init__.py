"""Overview: satisfaction by indicator, construct, group and wave; rates; the weakest link; competitors; open answers."""

from csr_lib.analyses.overview.analysis import Options, OverviewResult, feeds, overview

__all__ = ["Options", "OverviewResult", "feeds", "overview"]
