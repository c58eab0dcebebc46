"""Importance–performance analysis, the four-quadrant model (四分图模型): what to repair first, what to keep, what is too much."""

from csr_lib.analyses.importance_performance.analysis import ImportancePerformanceResult, Options, feeds, importance_performance

__all__ = ["ImportancePerformanceResult", "Options", "feeds", "importance_performance"]
