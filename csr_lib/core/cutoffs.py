"""Every cut-off that a verdict is made by, in one table, each with the reference that it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Cutoff:
    """A threshold and, where the literature knows one, a second that separates "with care" from "do not rely on it".

    `direction` says on which side a value is good; `fail` is the value beyond which the verdict is ``fail``
    (equal to `threshold` where there is nothing between). `source` is a key of ``references.yml``.
    """

    threshold: float
    direction: Literal["at_least", "at_most"]
    fail: float
    source: str

    def verdict(self, value: float) -> Literal["pass", "warn", "fail"]:
        """Judge `value`; a value that is not a number fails."""
        if value is None or math.isnan(value):
            return "fail"
        sign = 1 if self.direction == "at_least" else -1
        if sign * value >= sign * self.threshold:
            return "pass"
        return "warn" if sign * value >= sign * self.fail else "fail"


def _at_least(threshold: float, fail: float, source: str) -> Cutoff:
    return Cutoff(threshold, "at_least", fail, source)


def _at_most(threshold: float, fail: float, source: str) -> Cutoff:
    return Cutoff(threshold, "at_most", fail, source)


CUTOFFS: dict[str, Cutoff] = {
    # reliability and validity of constructs
    "alpha": _at_least(0.70, 0.60, "nunnally1994"),
    "omega": _at_least(0.70, 0.60, "nunnally1994"),
    "item_rest": _at_least(0.30, 0.0, "nunnally1994"),  # below 0 the item counts against the others
    "rho_a": _at_least(0.70, 0.60, "dijkstra2015"),
    "rho_c": _at_least(0.70, 0.60, "hair2022"),
    "ave": _at_least(0.50, 0.40, "fornell1981"),
    "loading": _at_least(0.708, 0.40, "hair2022"),
    "htmt": _at_most(0.90, 0.90, "henseler2015"),
    "vif": _at_most(5.0, 10.0, "hair2022"),
    "srmr": _at_most(0.08, 0.10, "hu1999"),
    "kmo": _at_least(0.70, 0.50, "kaiser1974"),
    # factors: an item's largest loading; its second largest, in size; its communality; share of variance that the factors explain
    "factor_loading": _at_least(0.50, 0.40, "hair2019"),
    "cross_loading": _at_most(0.32, 0.50, "costello2005"),
    "communality": _at_least(0.40, 0.20, "costello2005"),
    "variance_explained": _at_least(0.60, 0.50, "hair2019"),
    # factors: items with a salient loading; share of resamples in which every item stays with its factor
    "factor_items": _at_least(3, 2, "costello2005"),
    "factor_stability": _at_least(0.80, 0.60, "csr_convention"),
    # ordinal items: answers taken as continuous from eight categories on, never below five, between them where skewness allows
    "ordinal_categories": _at_least(8, 5, "rhemtulla2012"),
    "ordinal_skewness": _at_most(1.0, 1.0, "muthen1985"),
    # admissibility
    "std_path": _at_most(1.0, 1.0, "joreskog1999"),
    "path_std_error": _at_most(0.25, 0.50, "csr_convention"),
    # covariance structures: error of a standardised coefficient; smallest variance, correlation and eigenvalue of factors;
    # smallest eigenvalue of the information scaled to a unit diagonal; p-value of a factor's variance; global fit
    "sem_std_error": _at_most(0.25, 0.50, "csr_convention"),
    "sem_variance": _at_least(0.0, 0.0, "bollen1989"),
    "sem_latent_correlation": _at_most(0.85, 0.95, "brown2015"),
    "sem_latent_definite": _at_least(0.01, 0.0, "wothke1993"),
    "sem_information": _at_least(1e-3, 1e-4, "csr_convention"),
    "sem_n_per_parameter": _at_least(10, 5, "bentler1987"),
    "sem_factor_variance": _at_most(0.05, 0.05, "bollen1989"),
    "sem_chi2_df": _at_most(3.0, 5.0, "kline2016"),
    "sem_cfi": _at_least(0.95, 0.90, "hu1999"),
    "sem_tli": _at_least(0.95, 0.90, "hu1999"),
    "sem_rmsea": _at_most(0.06, 0.10, "hu1999"),
    "sem_gfi": _at_least(0.90, 0.85, "joreskog1984"),
    "sem_agfi": _at_least(0.90, 0.80, "joreskog1984"),
    "sem_nfi": _at_least(0.90, 0.80, "bentler1980"),
    # the same measurement in several groups: fall of CFI, rises of RMSEA and SRMR from step to step; `_small` for up to 300 rows
    "delta_cfi": _at_most(0.010, 0.010, "cheung2002"),
    "delta_cfi_small": _at_most(0.005, 0.005, "chen2007"),
    "delta_rmsea": _at_most(0.015, 0.015, "chen2007"),
    "delta_rmsea_small": _at_most(0.010, 0.010, "chen2007"),
    "delta_srmr_loadings": _at_most(0.030, 0.030, "chen2007"),
    "delta_srmr_loadings_small": _at_most(0.025, 0.025, "chen2007"),
    "delta_srmr_intercepts": _at_most(0.010, 0.010, "chen2007"),
    "delta_srmr_intercepts_small": _at_most(0.005, 0.005, "chen2007"),
    "failed_draws": _at_most(0.01, 0.05, "hair2022"),
    "inadmissible_draws": _at_most(0.05, 0.20, "csr_convention"),
    "sign_flips": _at_most(0.05, 0.20, "csr_convention"),
    "r_squared": _at_least(0.19, 0.10, "chin1998"),
    # sample
    "group_n": _at_least(30, 30, "iso10004"),
    "informants": _at_least(30, 10, "csr_convention"),
    "n_per_parameter": _at_least(10, 5, "hair2022"),
    "design_effect": _at_most(2.0, 3.0, "kish1965"),
    "missing_share": _at_most(0.05, 0.20, "schafer1999"),
    "exceptional_share": _at_most(0.05, 0.20, "csr_convention"),
    # expectations and perceptions
    "expectation_ceiling": _at_most(0.50, 0.80, "csr_convention"),
    "same_answers": _at_most(0.05, 0.20, "csr_convention"),
    "difference_reliability": _at_least(0.70, 0.60, "nunnally1994"),
    # data quality: questionnaires returned of those issued; share of the expected level that has come in; half width of the
    # interval of a share or mean on 0-100; largest difference of the sample from its plan; points by which cleaning moves results
    "dq_response": _at_least(0.50, 0.20, "babbie2021"),
    "dq_levelled": _at_least(0.95, 0.80, "csr_convention"),
    "dq_margin": _at_most(5.0, 10.0, "csr_convention"),
    "dq_difference": _at_most(0.05, 0.10, "csr_convention"),
    "dq_cleaning": _at_most(1.0, 3.0, "csr_convention"),
    # quadrants
    "quadrant_share": _at_least(0.80, 0.60, "csr_convention"),
    # importance: reliability of the differences between indicators; range on 0-100; share of top ratings; stated against derived
    "importance_spread": _at_least(0.70, 0.50, "nunnally1994"),
    "importance_range": _at_least(10.0, 5.0, "csr_convention"),
    "importance_ceiling": _at_most(0.50, 0.80, "csr_convention"),
    "importance_agreement": _at_least(0.70, 0.0, "csr_convention"),
    # asymmetric effects: respondents in a group of low or high ratings; impact asymmetry (hybrid, then mild, then strong)
    "contrast_group": _at_least(30, 10, "csr_convention"),
    "impact_asymmetry": _at_most(0.10, 0.40, "mikulic2008"),
    # regression: skewness and excess kurtosis of residuals, in size; largest Cook's distance
    "residual_skewness": _at_most(2.0, 2.0, "west1995"),
    "residual_kurtosis": _at_most(7.0, 7.0, "west1995"),
    "cook_distance": _at_most(0.5, 1.0, "cook1982"),
    # overview: how far the index (0-100) moves with the weights of its parts; smallest expected count of a χ² test
    "index_weightings": _at_most(2.0, 5.0, "csr_convention"),
    "expected_count": _at_least(5.0, 1.0, "cochran1954"),
    # weights and evaluation: consistency ratio of judgements; Kendall's W of experts; effectiveness of the largest membership;
    # share of resamples in which the same grade wins; share of sets of weights and operators that name it
    "consistency_ratio": _at_most(0.10, 0.10, "saaty1980"),
    "kendall_w": _at_least(0.70, 0.30, "schmidt1997"),
    "membership_effectiveness": _at_least(0.5, 0.0, "csr_convention"),
    "winner_share": _at_least(0.95, 0.80, "csr_convention"),
    "winner_agreement": _at_least(0.80, 0.50, "csr_convention"),
    # tracking: periods that control limits rest on; share of reports with an orange or red warning though nothing changed;
    # share of operational records that cannot be right
    "tracking_baseline": _at_least(20, 3, "montgomery2013"),
    "tracking_false_alarm": _at_most(0.05, 0.20, "csr_convention"),
    "tracking_records": _at_most(0.01, 0.05, "csr_convention"),
    # loyalty: share with the highest possible loyalty; widest range of a type's share over the grid of cut-offs
    "loyalty_ceiling": _at_most(0.50, 0.80, "csr_convention"),
    "loyalty_cuts": _at_most(0.20, 0.40, "csr_convention"),
}
