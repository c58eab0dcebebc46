"""Data quality: response, cleaning, missing answers, representativeness, weights, pre-test and planning."""

from csr_lib.analyses.data_quality.analysis import DataQualityResult, Options, data_quality, feeds

__all__ = ["DataQualityResult", "Options", "data_quality", "feeds"]
