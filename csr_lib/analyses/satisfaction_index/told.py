"""What the sentences of a satisfaction index are made from, and how it says that it was computed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from csr_lib.analyses._rows import rows
from csr_lib.analyses.satisfaction_index.checks import faults
from csr_lib.core.check import Check, Finding, Level, Tone
from csr_lib.core.model import Template
from csr_lib.core.result import Basis
from csr_lib.core.text import LANGUAGES, text
from csr_lib.stats.pls import PLSResult
from csr_lib.stats.pls_higher_order import Climb
from csr_lib.study import Survey


@dataclass(frozen=True, eq=False)
class Told:
    """What the sentences are made from.

    Attributes
    ----------
    survey, fit, target, tables, checks : the answers, the estimated model, its headline construct, and what was found.
    climb : the stages below the model, where it has higher-order constructs.
    basis, pooled : on whom the index rests, and on whom the model does.
    latest : the last of several waves, else None; `period` the wave that the index describes, None for all answers together.
    labels : construct, item, segment … -> label. `template` that the model was made from.
    options : as used. `failed` of the resamples failed; `inadmissible` of the others have a solution that no population could
        have (NaN where the mode of the constructs rules that out); `random_groups` of respondents were resampled, 0 where
        it was the respondents themselves; `strata` are the segments that resamples were drawn within.
    """

    survey: Survey
    fit: PLSResult
    climb: Climb
    target: str
    tables: Mapping[str, pd.DataFrame]
    drivers: pd.DataFrame
    outcomes: pd.DataFrame
    checks: Sequence[Check]
    basis: Basis
    pooled: Basis
    latest: str | None
    period: str | None
    labels: Mapping[str, Any]
    template: Template | None
    options: Any
    failed: int
    inadmissible: float
    random_groups: int
    strata: tuple[str, ...]

    @property
    def alpha(self) -> float:
        """Level of the tests."""
        return 1.0 - float(self.options.confidence)

    def label(self, key: str) -> Any:
        """Return the label of a construct, item, segment or ``segment=value``."""
        return self.labels.get(key) or self.survey.label(key)

    def wave(self, wave: str) -> Any:
        """Return the label of a wave."""
        return self.survey.value_label("wave", wave)

    def row(self, table: str, **keys: Any) -> Any:
        """Return the row of a table with these values, as a named tuple."""
        frame = self.tables[table]
        for column, value in keys.items():
            frame = frame[frame[column] == value]
        return rows(frame)[0]

    @property
    def sound(self) -> bool:
        """Whether the model has a solution that a population could have."""
        return not faults([*self.climb.results, self.fit])

    def ranked(self) -> list[Any]:
        """Return what leads to the target, the strongest effect first."""
        return self._ranked

    def strongest(self) -> Any:
        """Return the strongest driver whose effect is told from zero (without resampling: the strongest); None without one, or
        without a solution that may be read."""
        if not self.sound:
            return None
        return next((d for d in self._ranked if d.ci_low > 0 or math.isnan(d.ci_low)), None)

    @cached_property
    def _ranked(self) -> list[Any]:
        return sorted(rows(self.drivers), key=lambda d: -d.importance)


def finding(key: str, level: Level = "detail", tone: Tone = "neutral", **values: Any) -> Finding:
    """Return a finding of this analysis."""
    return Finding(f"satisfaction_index.{key}", values, tone, level)


def level_label(told: Told, level: str, group: str) -> Any:
    """Return the label of a unit of the roll-up; the nation is "the whole"."""
    if level == "nation":
        return {lang: text("value.level.nation", lang) for lang in LANGUAGES}
    return told.label(group)


def method(told: Told) -> Iterator[Finding]:
    """Return the sentences about the method, ready to be cited."""
    from csr_lib import __version__

    def said(key: str, **values: Any) -> Finding:
        return finding(key, "method", **values)

    def both(key: str, **values: Any) -> dict[str, str]:
        return {lang: text(key, lang, **values) for lang in LANGUAGES}

    fit, options, pooled = told.fit, told.options, told.pooled
    effective: Any = ""
    if pooled.weights == "sampling":
        effective = both("satisfaction_index.effective", n=pooled.n_effective)
    yield said(
        "m_sample",
        n=pooled.n,
        weights=both(f"weights.{pooled.weights}"),
        effective=effective,
        missing=both(f"missing_rule.{pooled.missing_rule}"),
    )
    modes: dict[str, list[str]] = {}
    for c in fit.model.constructs:
        modes.setdefault(c.mode, []).append(c.name)

    def of(mode: str, names: list[str]) -> dict[str, str]:
        name = both(f"satisfaction_index.mode.{mode}")
        if len(modes) == 1:
            return both("satisfaction_index.modes_all", mode=name)
        return both("satisfaction_index.modes", mode=name, names=[told.label(n) for n in names])

    listed = [of(mode, names) for mode, names in modes.items()]
    yield said(
        "m_model",
        model=told.template.title if told.template else both("satisfaction_index.own_model"),
        constructs=len(fit.model.names),
        items=len(told.climb.items),
        scheme=both(f"satisfaction_index.scheme.{options.scheme}"),
        modes={lang: ("；" if lang == "zh" else "; ").join(m[lang] for m in listed) for lang in LANGUAGES},
    )
    if told.climb.steps:
        wholes = [c.name for c in fit.model.constructs if not set(c.items) <= set(told.climb.items)]
        yield said("m_higher_order", names=[told.label(name) for name in wholes])
    yield said("m_index")
    if told.period:
        yield said("m_pooled", wave=told.wave(told.period))
    elif "segments" in told.tables or "waves" in told.tables:
        yield said("m_pooled_all")
    if pooled.missing_rule == "em" and ("segments" in told.tables or "waves" in told.tables):
        yield said("m_em")
    if options.bootstrap:
        strata: Any = ""
        if told.strata:
            names = [both("column.wave") if s == "wave" else told.label(s) for s in told.strata]
            strata = both("satisfaction_index.strata", names=names)
        yield said(
            "m_bootstrap",
            confidence=options.confidence,
            resamples=options.bootstrap,
            seed=options.seed,
            strata=strata,
            failed=told.failed,
            inadmissible=told.inadmissible,
        )
        if told.random_groups:
            yield said("m_groups", groups=told.random_groups)
        if "segments" in told.tables or "wave_changes" in told.tables:
            yield said("m_holm")
    yield said("m_quality")
    if "importance_performance_map" in told.tables:
        yield said("m_map", target=told.label(told.target))
    if "decomposition" in told.tables:
        yield said("m_decomposition")
    if "rollup" in told.tables:
        levels = [level for level in dict.fromkeys(told.tables["rollup"]["level"]) if level != "nation"]
        yield said("m_rollup", levels=[told.label(level) for level in reversed(levels)])
    yield said("m_software", version=__version__)
