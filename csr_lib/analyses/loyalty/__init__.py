"""Loyalty: the satisfaction–loyalty curve, four levels, four customer types, switching, contribution × loyalty."""

from csr_lib.analyses.loyalty.analysis import LoyaltyResult, Options, feeds, loyalty

__all__ = ["LoyaltyResult", "Options", "feeds", "loyalty"]
