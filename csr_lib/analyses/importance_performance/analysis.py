"""Importance–performance analysis, the four-quadrant model (四分图模型): what to repair first, what to keep, what is too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses._result import AnalysisResult
from csr_lib.analyses.importance_performance import findings as wording
from csr_lib.analyses.importance_performance import tables as build
from csr_lib.analyses.importance_performance.checks import Report, checks
from csr_lib.analyses.importance_performance.choice import WHERE, Choice, choose, lacking, leading, parts, target_of
from csr_lib.analyses.importance_performance.measure import Measured, measure
from csr_lib.analyses.importance_performance.words import OUTCOME_LABEL, US_LABEL, WEAK, axis_labels, fillings, importance_format
from csr_lib.core.errors import AnalysisError, CsrError, OptionError, Problem
from csr_lib.core.result import Basis
from csr_lib.core.text import LANGUAGES, both, has_text, text
from csr_lib.show.figure import Drawing
from csr_lib.stats.quadrants import iso_priority

if TYPE_CHECKING:
    from csr_lib.study import Study, Survey

NAME = "importance_performance"


class Options(BaseOptions):
    """Options of the importance–performance analysis."""

    importance: (
        Literal["stated", "correlation", "partial_correlation", "regression", "relative_weights", "lmg", "total_effects"] | None
    ) = Field(
        None,
        description="stated (asked of customers), correlation, partial_correlation, regression (standardised), relative_weights "
        "(Johnson), lmg (Shapley) or total_effects (of the study's model on its target); by default stated where it was asked, "
        "else relative_weights, or total_effects where there is a model but no such outcome",
    )
    outcome: str = Field("satisfaction", description="the outcome of study.yml that importance is derived from")
    cut: Literal["mean", "median", "scale_middle", "target"] = Field(
        "mean",
        description="where the axes are cut: mean or median of the indicators, scale_middle, or target (of study.yml, 0-100)",
    )
    cut_importance: float | None = Field(
        None, allow_inf_nan=False, description="a cut-off of one's own, in units of the importance axis"
    )
    cut_performance: float | None = Field(
        None, allow_inf_nan=False, description="a cut-off of one's own, in units of the performance axis"
    )
    target: str | None = Field(
        None, description="which of the targets or benchmarks of study.yml; by default that of the outcome"
    )
    diagonal: bool = Field(False, description="draw the line of equal priority")
    indicators: list[str] | None = Field(None, min_length=1, description="only these indicators, a list of keys")
    competitors: bool = Field(True, description="show competitors where they were rated")


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what the study lacks before this analysis can run with `options`; empty where it can."""
    try:
        return lacking(study, resolve(Options, NAME, study, options))
    except OptionError as error:
        return list(error.problems)


def importance_performance(survey: Survey, *, lang: str | None = None, **options: Any) -> ImportancePerformanceResult:
    """Place the indicators in the four quadrants of importance and performance, and say how firmly they sit there.

    Parameters
    ----------
    survey : the answers. With several waves the latest is analysed and compared with the one before; with several roles,
        the customers'.
    lang : language that the result is shown in.
    options : see `Options`; study.yml's `analyses.importance_performance` where not given.

    Returns
    -------
    ImportancePerformanceResult
        Tables ``indicators map swot cuts sensitivity`` and, where they can be computed, ``shares`` (with resamples), ``fit
        weights`` (derived importance), ``importance_methods method_agreement`` (with an outcome), ``competitors``, ``movement
        importance_movement`` (with an earlier wave).

    Raises
    ------
    OptionError
        An option that is unknown or not allowed.
    AnalysisError
        What the study lacks, too few answers, constant answers.

    Notes
    -----
    Martilla and James (1977). Performance: weighted means with t intervals. Importance: weighted means, or derived weights with
    percentile intervals. In every bootstrap resample of respondents both are computed anew, with the cut-offs where these depend
    on the data; the share of resamples that put an indicator where the answers put it says how firmly it sits there.
    """
    opted = resolve(Options, NAME, survey.study, options)
    shown_in = language(lang, survey.lang)
    everybody = survey
    previous, withheld = None, ()
    if len(survey.waves) > 1:
        waves = survey.groups("wave")
        survey = survey.wave(survey.waves[-1])
        before = [g for g in waves if g.value in everybody.waves[:-1]]
        previous, withheld = (before[-1].survey if before else None), waves.withheld
    customers = survey.customers()
    _check_size(customers)
    choice = choose(customers, opted)
    missing = opted.missing_rule or survey.study.missing_rule
    arguments = {"outcome": choice.outcome, "missing": missing, "resamples": opted.bootstrap}
    m = measure(customers, choice.indicators, choice.method, seed=np.random.default_rng([opted.seed, 0]), **arguments)  # type: ignore[arg-type]
    target = _target(customers, opted)
    cuts = _cuts(m, opted, target, customers)

    table = build.indicators_table(m, cuts, opted.confidence)
    tables: dict[str, pd.DataFrame] = {"indicators": table}
    if m.resamples:
        tables["shares"] = build.shares_table(m, cuts)
    tables["map"] = build.map_table(m, table)
    missed: list[str] = []
    bases: dict[str, Basis] = {}
    if opted.competitors and survey.study.competitors():
        own_role = survey.role([r for r in survey.roles if r in ("customer", "user")] or list(survey.roles))
        compared, missed, raters = build.competitors_table(own_role, m, survey.study.min_cell, opted.confidence)
        if len(compared):
            tables["competitors"], bases["competitors"] = compared, raters
    score_cut = float(m.axis.to_score(np.full(len(m.indicators), cuts.performance))[0])
    tables["swot"] = build.swot_table(table, tables.get("competitors"), score_cut, 1 - opted.confidence)
    tables["cuts"], tables["sensitivity"] = build.cuts_tables(m, cuts, target[1] if target else None)
    if m.importance_axis is None:
        tables["fit"] = build.fit_table(m, OUTCOME_LABEL, opted.confidence)
        tables["weights"] = build.weights_table(table)
    explained = opted.outcome in survey.study.outcomes and not set(choice.indicators) & set(parts(survey.study, opted.outcome))
    if explained:
        others = build.method_tables(customers, m, _other_methods(customers, m, missing), opted.outcome, missing)
        if others:
            tables["importance_methods"], tables["method_agreement"], bases["importance_methods"] = others
            bases["method_agreement"] = others[2]
    if previous is not None:
        tables |= _movement(previous, everybody, m, cuts, choice, opted, arguments)

    basis = build.basis_of(m.sample)
    used = opted.model_dump() | {
        "importance": choice.method,
        "missing_rule": missing,
        "indicators": list(choice.indicators),
        "target": target[0] if target and cuts.rule_performance == "target" else None,
        "target_score": target[1] if target and cuts.rule_performance == "target" else None,
    }
    found = Report(
        survey=customers,
        measured=m,
        choice=choice,
        cuts=cuts,
        options=used,
        tables=tables,
        basis=basis,
        outcome=customers.label(choice.outcome or opted.outcome),
        waves=_waves(everybody, tables),
    )
    drawn = {"quadrant": ("map", "cuts", *(["competitors"] if "competitors" in tables else []))}
    if "shares" in tables:
        drawn["shares"] = ("shares",)
    if "competitors" in tables:
        drawn["compared"] = ("indicators", "competitors")
    return ImportancePerformanceResult(
        source=customers.source(),
        basis=basis,
        lang=shown_in,
        options=used,
        seed=opted.seed if opted.bootstrap else None,
        resamples=opted.bootstrap,
        headline=wording.headline(found),
        tables=tables,
        bases=bases,
        checks=checks(found),
        found=wording.findings(found),
        labels=_labels(everybody, m, tables, found.outcome),
        drawn_from=drawn,
        withheld=(*withheld, *(everybody.label(name) for name in missed)),
        references=wording.references(found),
    )


def _check_size(survey: Survey) -> None:
    if survey.too_small:
        raise AnalysisError(
            f"{len(survey.rows)} respondents are fewer than min_cell allows to be shown",
            where=NAME,
            allowed=f"at least {survey.study.min_cell}",
            mend="widen the selection",
        )


def _target(survey: Survey, opted: Options) -> tuple[str, float] | None:
    """Return name and value of the target; raise where the cut needs one and it is not clear which."""
    wave = survey.waves[0] if len(survey.waves) == 1 else None
    found = target_of(survey.study, opted.target, opted.outcome, wave)
    if found is None and opted.cut == "target" and opted.cut_performance is None:
        known = [*survey.study.targets, *survey.study.benchmarks]
        raise OptionError(
            "it is not clear which target performance is to be cut at",
            where=WHERE,
            allowed=", ".join(known),
            mend="name one: target: …",
        )
    return found


def _cuts(m: Measured, opted: Options, target: tuple[str, float] | None, survey: Survey) -> build.Cuts:
    axes = (("cut_performance", opted.cut_performance, m.axis), ("cut_importance", opted.cut_importance, m.importance_axis))
    for name, value, axis in axes:
        if value is None or axis is None:
            continue
        low, high = (float(axis.low[0]), float(axis.high[0])) if axis.unit == "points" else (0.0, 100.0)
        if not low <= value <= high:
            unit = "scale points" if axis.unit == "points" else "0-100, because the scales differ"
            raise OptionError(f"{name} {value:g} lies off the axis", where=WHERE, allowed=f"{low:g} to {high:g} ({unit})")
    return build.Cuts.of(
        m,
        opted.cut,
        importance=opted.cut_importance,
        performance=opted.cut_performance,
        target=target[1] if target else None,
    )


def _other_methods(survey: Survey, m: Measured, missing: str) -> dict[str, np.ndarray]:
    """Return the importance of the same indicators as stated and as total effects, where the study allows it for all of them."""
    able = []
    if not set(m.indicators) - set(survey.asked("importance")):
        able.append("stated")
    if not set(m.indicators) - leading(survey.study):
        able.append("total_effects")
    found = {}
    for method in able:
        if method == m.method:
            continue
        try:
            found[method] = measure(survey, m.indicators, method, outcome=None, missing=missing, resamples=0, seed=0).importance
        except CsrError:
            continue  # only a comparison; what makes it impossible is the concern of that method's own analysis
    return found


def _movement(
    previous: Survey,
    everybody: Survey,
    m: Measured,
    cuts: build.Cuts,
    choice: Choice,
    opted: Options,
    arguments: Mapping[str, Any],
) -> dict[str, pd.DataFrame]:
    """Return the comparison with the previous wave; no tables where that cannot be analysed."""
    previous = previous.customers()
    if previous.too_small:
        return {}
    try:
        before = choose(previous, opted.model_copy(update={"indicators": None, "importance": choice.method}))
        keys = tuple(i for i in choice.indicators if i in before.indicators)
        then = measure(previous, keys, choice.method, seed=np.random.default_rng([opted.seed, 1]), **arguments)
        target = _target(previous, opted)
        old = _cuts(then, opted, target, previous)
    except CsrError:
        return {}
    waves = (everybody.waves[-1], previous.waves[0])
    return build.movement_tables(m, then, (cuts, old), waves, opted.confidence, comparable=keys == m.indicators)


def _waves(everybody: Survey, tables: Mapping[str, pd.DataFrame]) -> tuple[Any, Any]:
    """Return the labels of the wave analysed and of the one it is compared with; None where there is none."""
    if len(everybody.waves) < 2:
        return None, None
    names = everybody.waves[-1], (tables["movement"]["wave_before"].iloc[0] if "movement" in tables else None)
    return tuple(None if name is None else everybody.label(f"wave={name}") for name in names)  # type: ignore[return-value]


def _labels(survey: Survey, m: Measured, tables: Mapping[str, pd.DataFrame], outcome: Any) -> dict[str, Any]:
    keys = [*m.indicators]
    if "competitors" in tables:
        keys += list(dict.fromkeys(tables["competitors"]["competitor"]))
    if "movement" in tables:
        keys += [f"wave={tables['movement'][when].iloc[0]}" for when in ("wave_now", "wave_before")]
    keys += [key for key in (*survey.study.targets, *survey.study.benchmarks) if key not in keys]
    competition = survey.study.competition
    us = survey.label(f"brand={competition.us}") if competition else _words(f"{NAME}.us")
    short = {name: _words(f"{NAME}.quadrant_name.{name}") for name in build.URGENCY}
    filters = {
        by: _words(f"column.{by}") if has_text(f"column.{by}", "en") else survey.label(by)
        for by in ("wave", "role", *survey.segments)
    }
    filters |= {role: survey.value_label("role", role) for role in survey.roles}
    return {**short, **filters, **{key: survey.label(key) for key in keys}, OUTCOME_LABEL: outcome, US_LABEL: us}


def _words(key: str) -> dict[str, str]:
    return {lang: text(key, lang) for lang in LANGUAGES}


@dataclass(frozen=True, kw_only=True)
class ImportancePerformanceResult(AnalysisResult):
    """What the four-quadrant model found."""

    analysis: ClassVar[str] = NAME
    table_columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "indicators": (
            "indicator",
            "importance",
            "importance_ci_low",
            "importance_ci_high",
            "performance",
            "performance_ci_low",
            "performance_ci_high",
            "performance_score",
            "quadrant",
            "share",
            "rank",
            "rank_ci_low",
            "rank_ci_high",
        ),
        "shares": ("indicator", "quadrant", "concentrate", "keep_up", "low_priority", "overkill"),
        "swot": ("swot", "quadrant", "indicator", "importance", "performance_score", "share", "market"),
        "weights": ("indicator", "importance", "importance_ci_low", "importance_ci_high", "p_value", "p_adjusted", "vif"),
        "fit": ("outcome", "r_squared", "r_squared_ci_low", "r_squared_ci_high", "r_squared_adjusted", "predictors"),
        "cuts": ("used", "rule_importance", "cut_importance", "rule_performance", "cut_performance", "moved"),
        "importance_methods": ("indicator", *(f"rank_{method}" for method in build.ALL_METHODS)),
        "method_agreement": ("method", "agreement", "r_squared"),
        "competitors": (
            "competitor",
            "indicator",
            "performance_score",
            "performance_competitor",
            "difference",
            "difference_ci_low",
            "difference_ci_high",
            "p_adjusted",
            "n",
        ),
        "movement": (
            "indicator",
            "performance_before",
            "performance_now",
            "change",
            "ci_low",
            "ci_high",
            "p_adjusted",
            "quadrant_before",
            "quadrant_now",
        ),
        "importance_movement": ("indicator", "importance_before", "importance_now", "change", "ci_low", "ci_high", "p_adjusted"),
    }
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = {"swot": ("swot", "quadrant"), "competitors": ("competitor",)}

    @property
    def method(self) -> str:
        """How importance was measured."""
        return str(self.options["importance"])

    @property
    def table_formats(self) -> Mapping[str, Mapping[str, str]]:  # type: ignore[override]
        """Formats by table; importance is written in its own unit."""
        cuts = self.tables["cuts"]
        importance = importance_format(cuts, self.options)
        performance = "points" if cuts["unit_performance"].iloc[0] == "points" else "score"
        shared = ("performance_score", "performance_competitor", "performance_before", "performance_now")
        moved = "score" if self.method == "stated" else importance
        return {
            "*": {
                "importance": importance,
                **dict.fromkeys(shared, "score"),
                **dict.fromkeys(("rank", *(f"rank_{method}" for method in build.ALL_METHODS)), "count"),
                **dict.fromkeys(("share", *build.URGENCY), "percent"),
            },
            "indicators": {"performance": "points"},
            "map": {"performance": performance},
            "cuts": {"cut_importance": importance, "cut_performance": performance, "moved": "count"},
            "fit": {"r_squared": "coefficient", "r_squared_adjusted": "coefficient", "predictors": "count"},
            "method_agreement": {"agreement": "decimal", "r_squared": "coefficient"},
            "competitors": {"difference": "signed_score"},
            "movement": {"change": "signed_score", "ci_low": "signed_score"},
            "importance_movement": {
                "importance_before": moved,
                "importance_now": moved,
                "change": "signed_score" if self.method == "stated" else moved,
                "ci_low": "signed_score" if self.method == "stated" else moved,
            },
        }

    def _emphasis(self, name: str) -> Sequence[int]:
        if name == "indicators":
            return [int(i) for i in np.flatnonzero(self.tables[name]["quadrant"] == "concentrate")]
        return [0] if name == "cuts" else ()

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        return fillings(self, name, lang)

    def _figure_labels(self) -> dict[str, Any]:
        """Labels for figures, where no heading says that a name is a competitor's."""
        there = self.tables.get("competitors")
        rivals = [] if there is None else dict.fromkeys(there["competitor"])
        return {**self.labels, **{name: both(f"{NAME}.rival", name=self.labels.get(name, name)) for name in rivals}}

    def _draw_quadrant(self, lang: str) -> Drawing:
        from csr_lib.show.quadrant import quadrant

        cut = self.tables["cuts"].iloc[0]
        frame = self.tables["map"]
        beside = self.tables.get("competitors")
        if beside is not None:
            beside = beside[["indicator", "competitor", "position"]].rename(columns={"position": "performance"})
        diagonal = iso_priority(frame["importance"], frame["performance"]) if self.options["diagonal"] else None
        return quadrant(
            frame,
            labels=self._figure_labels(),
            lang=lang,
            cut=(float(cut["cut_importance"]), float(cut["cut_performance"])),
            competitors=beside,
            diagonal=diagonal,
            confidence=self.confidence,
            weak_below=WEAK,
            axis_labels=axis_labels(self, lang),
        )

    def _draw_shares(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import stacked_shares
        from csr_lib.show.quadrant import QUADRANTS

        names = {name: text(f"{NAME}.quadrant_name.{name}", lang) for name in build.URGENCY}
        return stacked_shares(
            self.tables["shares"], labels=self.labels, lang=lang, columns=names, colours=[QUADRANTS[name][2] for name in names]
        )

    def _draw_compared(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        there, own = self.tables["competitors"], self.tables["indicators"]
        score = "performance_score"
        # beside one competitor stands what those gave who rated both, as in the table; several were not rated by the same people
        shared = there if len(set(there["competitor"])) == 1 else own[own["indicator"].isin(there["indicator"])]
        ours = shared[["indicator", score, f"{score}_ci_low", f"{score}_ci_high"]]
        ends = ("", "_ci_low", "_ci_high")
        theirs = there.drop(columns=[f"{score}{end}" for end in ends])
        theirs = theirs.rename(columns={f"performance_competitor{end}": f"{score}{end}" for end in ends})
        frame = pd.concat([ours.assign(competitor=US_LABEL), theirs[["competitor", *ours.columns]]], ignore_index=True)
        return intervals(
            frame,
            labels=self._figure_labels(),
            lang=lang,
            key="indicator",
            value=score,
            series="competitor",
            confidence=self.confidence,
            axis_label=text("column.performance_score", lang),
            show_n=False,
        )
