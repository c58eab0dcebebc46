"""Fuzzy comprehensive evaluation: weights by people and by data, memberships, operators, levels, and how firm the verdict is."""

from csr_lib.analyses.fuzzy_evaluation.analysis import Options, feeds, fuzzy_evaluation
from csr_lib.analyses.fuzzy_evaluation.result import FuzzyEvaluationResult

__all__ = ["FuzzyEvaluationResult", "Options", "feeds", "fuzzy_evaluation"]
