"""Drivers: description, correlation, regression, relative importance, asymmetric effects, hypotheses, what-if."""

from csr_lib.analyses.drivers.analysis import DriversResult, Options, drivers, feeds

__all__ = ["DriversResult", "Options", "drivers", "feeds"]
