"""What cannot be believed of a satisfaction index, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from csr_lib.analyses._findings import common_limits
from csr_lib.analyses.satisfaction_index.told import Told
from csr_lib.analyses.satisfaction_index.told import finding as _finding
from csr_lib.core.check import Finding
from csr_lib.core.cutoffs import CUTOFFS

#: check that failed -> its sentence under the limits
_LIMITS = {
    "index_n_per_parameter": "limit_n",
    "index_definite": "limit_definite",
    "construct_alpha": "limit_reliability",
    "discriminant_htmt": "limit_htmt",
    "structural_vif": "limit_vif",
    "negative_weights": "limit_weights",
    "path_beyond_one": "limit_beyond",
    "model_admissible": "limit_inadmissible",
    "path_std_error": "limit_exploding",
    "index_failed_draws": "limit_draws",
    "expected_sign": "limit_signs",
    "sign_flips": "limit_flips",
    "explained_variance": "limit_explained",
}


#: checks of the sample whose own sentence says what it means for the results
_SAMPLE = {"sample_size", "missing_share", "excluded_share", "design_effect"}


def limits(told: Told) -> Iterator[Finding]:
    """Return what cannot be believed: checks that were not passed, and what no check can see."""
    yield from common_limits(told.survey.study.simulated, ())
    if not told.options.bootstrap:
        yield _finding("limit_no_bootstrap", "limit", "caution")
    for check in told.checks:
        if check.key in _SAMPLE and check.verdict != "pass":
            yield check.as_limit()
    named = {
        "limit_exploding",
        "limit_reliability",
        "limit_htmt",
        "limit_vif",
        "limit_weights",
        "limit_beyond",
        "limit_inadmissible",
        "limit_signs",
        "limit_flips",
    }
    for check in told.checks:
        key, names = _LIMITS.get(check.key), check.values.get("plain")
        if key and check.verdict == "fail":
            values: dict[str, Any] = {"names": names} if key in named else {}
            if key == "limit_explained":
                values["target"] = told.label(told.target)
            yield _finding(key, "limit", "bad", **values)
        elif check.key == "index_small_groups" and check.verdict == "warn":
            yield _finding("limit_groups", "limit", "caution", names=names)
    if told.template and told.template.note:
        yield _finding("limit_template", "limit", note=told.template.note)
    drivers = told.ranked()
    first = told.strongest()
    if len(drivers) > 1 and first is not None and first.first_share < CUTOFFS["quadrant_share"].threshold:
        second = max((d for d in drivers if d is not first), key=lambda d: d.first_share)
        yield _finding(
            "limit_orders",
            "limit",
            "caution",
            first=told.label(first.construct),
            second=told.label(second.construct),
            share=first.first_share,
        )
    if drivers:
        yield _finding("limit_causal", "limit", target=told.label(told.target))
    if "waves" in told.tables:
        yield _finding("limit_pooled", "limit")
        study = told.survey.study
        if study.wave and study.wave.panel:
            yield _finding("limit_panel", "limit")
