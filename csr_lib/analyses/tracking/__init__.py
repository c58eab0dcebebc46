"""Tracking: waves, targets, control limits, graded early warning, why a figure moved, operational and service-level figures."""

from csr_lib.analyses.tracking.analysis import Options, TrackingResult, feeds, tracking

__all__ = ["Options", "TrackingResult", "feeds", "tracking"]
