"""Tracking: waves, targets, control limits, graded early warning, why a figure moved, operational and service-level figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses._result import AnalysisResult, Shown
from csr_lib.analyses.tracking import assemble, change, operations, warning
from csr_lib.analyses.tracking.checks import make_checks
from csr_lib.analyses.tracking.findings import make_findings, make_headline
from csr_lib.analyses.tracking.measures import Measure, follow
from csr_lib.analyses.tracking.words import shown_values
from csr_lib.core.errors import OptionError, Problem, unknown
from csr_lib.core.text import text

if TYPE_CHECKING:
    from csr_lib.core.result import Basis
    from csr_lib.show import Drawing
    from csr_lib.study import Study, Survey

#: Most small charts of a figure.
PANELS = 6


class Options(BaseOptions):
    """What tracking can be asked for."""

    wave: str | None = Field(None, description="the wave that the report is about; later ones are left out. The last where None")
    indicators: tuple[str, ...] | None = Field(None, min_length=1, description="keys of the indicators to follow; all where None")
    headline: str | None = Field(
        None,
        description="the figure that stands for the whole: index, nps, an outcome, construct or indicator; chosen where None",
    )
    index: Literal["model", "points", "equal"] | None = Field(
        None, description="how the index is weighted: model, points or equal; the first that the study has where None"
    )
    by: str | None = Field(
        None, description="segment whose groups are warned of by themselves; `tier` where there is one and None"
    )
    segments: tuple[str, ...] | None = Field(None, description="segments that a change is decomposed by; all where None")
    adjust: Literal["holm", "bonferroni", "fdr", "none"] = Field(
        "holm", description="for many tests: holm, bonferroni, fdr or none"
    )
    baseline: int = Field(5, ge=3, description="first periods that control limits are computed from; none with fewer, at least 3")
    period: Literal["wave", "month", "quarter", "year"] | None = Field(
        None, description="period of operational figures; the waves' where they are known, else month, where None"
    )
    max_lag: int = Field(3, ge=0, le=12, description="largest lag, in periods, by which an operational figure may lead")
    simulations: int = Field(2000, ge=200, le=100_000, description="simulated waves for the false-alarm rates, at least 200")


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what the study lacks for tracking with `options`; empty where nothing is."""
    try:
        chosen = resolve(Options, "tracking", study, options)
    except OptionError as error:
        return list(error.problems)
    where = study.file_name
    key = study.wave_key
    if key is None:
        return [Problem("the study has no waves", where, "two waves or more", "add `wave:` with the column that names the wave")]
    if key.order is not None and len(key.order) < 2:
        return [
            Problem("the study has one wave", study.at("wave", "order"), "two waves or more", "add the answers of another wave")
        ]
    problems = []
    for name in [*([chosen.by] if chosen.by else []), *(chosen.segments or ())]:
        if name not in study.segments:
            problems.append(unknown(name, study.segments, what="segment", where="options of tracking"))
    return problems


@dataclass(frozen=True, kw_only=True)
class TrackingResult(AnalysisResult):
    """What changed from wave to wave; see `tracking`.

    Attributes
    ----------
    missing : what could not be computed, table -> reason.
    headline_measure, latest, previous : the measure that stands for the whole, and the waves compared.
    index_by : how the index is weighted, "" where there is none.
    panel : whether respondents are followed.
    correlation : of successive waves' means because the same people answered; 0 without a panel.
    period_kind : period of the operational figures, "" where there are none.
    records : operational records read.
    records_outside : records that no period holds.
    empty_waves : waves that study.yml names and nobody answered.
    """

    analysis: ClassVar[str] = "tracking"

    missing: Mapping[str, str] = field(default_factory=dict)
    headline_measure: str = ""
    latest: str = ""
    previous: str = ""
    index_by: str = ""
    panel: bool = False
    correlation: float = 0.0
    period_kind: str = ""
    records: int = 0
    records_outside: int = 0
    empty_waves: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "empty_waves", tuple(self.empty_waves))

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = assemble.COLUMNS
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = assemble.FORMATS
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = assemble.GROUPS

    def note(self, basis: Basis | None = None, lang: str | None = None) -> str:
        """Return the sentence on n, weights and missing answers; that of the headline says which wave it is of."""
        said = super().note(basis, lang)
        latest = self.labels.get(self.latest, self.latest)
        return said if basis else text("tracking.latest_basis", language(lang, self.lang), latest=latest, basis=said)

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        return shown_values(self, name, lang)

    def _absent(self, name: str, lang: str) -> Shown | None:
        found = super()._absent(name, lang)
        told = ("panel_indicators", "transitions", "moves", "attrition")  # the table `panel` has said why
        of_records = ("types", "breaches", "overdue", "faults", "lead_lag")  # and `service`
        if found is not None and (name in told or (name in of_records and self.missing.get(name) == "no_operations")):
            return Shown("", found.plain)
        return found

    def _panels(self, frame: pd.DataFrame, lang: str, **more: Any) -> Drawing:
        from csr_lib.show.following import panels

        return panels(frame, labels=self.labels, lang=lang, confidence=self.confidence, **more)

    def _draw_headline(self, lang: str) -> Drawing:
        return self._panels(self.tables["headline"], lang, alone=True)

    def _draw_panels(self, lang: str) -> Drawing:
        frame = assemble.with_limits(self.tables["trend"], self.tables.get("control"))
        chosen = assemble.most_telling(self.tables, PANELS)
        parts = [frame[frame["measure"] == m] for m in chosen]
        return self._panels(pd.concat(parts, ignore_index=True), lang)

    def _draw_changes(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = assemble.compared(self.tables)
        nothing = (0.0, text("tracking.no_change", lang))
        return intervals(
            frame, labels=self.labels, lang=lang, key="measure", value="change", group_by="level", overall=nothing,
            kind="signed_score", confidence=self.confidence, axis_label=text("tracking.axis.change", lang), show_n=False,
        )  # fmt: skip

    def _draw_board(self, lang: str) -> Drawing:
        from csr_lib.show.following import board

        frame, waves, _ = assemble.on_board(self.tables["board"])
        return board(frame, labels=self.labels, lang=lang, columns=waves, group_by="level")

    def _draw_tiers(self, lang: str) -> Drawing:
        from csr_lib.show.following import board

        frame = self.tables["warning_levels"]
        groups = list(dict.fromkeys(frame["group"]))
        watched = set(frame.loc[frame["group"] != warning.ALL, "measure"])
        frame = frame[frame["measure"].isin(watched)].reset_index(drop=True)
        return board(frame, labels=self.labels, lang=lang, columns=groups, column="group", group_by="level")

    def _draw_decomposition(self, lang: str) -> Drawing:
        from csr_lib.show.change import waterfall

        start, end, frame = assemble.steps(self)
        return waterfall(
            frame, start=start, end=end, labels=self.labels, lang=lang, key="step", value="change",
            axis_label=text("tracking.axis.score", lang),
        )  # fmt: skip

    def _draw_service(self, lang: str) -> Drawing:
        frame = self.tables["service_trend"]
        kinds = {m: "count" if u == "count" else "score" for m, u in zip(frame["metric"], frame["unit"], strict=True)}
        chosen = assemble.service_panels(self.tables, PANELS)
        frame = frame[frame["metric"].isin(chosen)].reset_index(drop=True)
        return replace(self, labels=assemble.with_units(self.labels, frame))._panels(
            frame, lang, facet="metric", key="period", kinds=kinds
        )

    def _draw_types(self, lang: str) -> Drawing:
        from csr_lib.show.following import times_against_limits

        return times_against_limits(self.tables["types"], labels=self.labels, lang=lang, confidence=self.confidence)

    def _draw_lead_lag(self, lang: str) -> Drawing:
        from csr_lib.show.following import lags

        frame = assemble.strongest(self.tables["lead_lag"])
        return lags(frame, labels=self.labels, lang=lang, confidence=self.confidence)


def tracking(survey: Survey, *, lang: str | None = None, **options: Any) -> TrackingResult:
    """Follow satisfaction and operational figures over the waves, and warn where they turn bad.

    Parameters
    ----------
    survey : answers of all waves (not of one: say by the option `wave` which one the report is about).
    lang : language to show the result in; the survey's by default.
    **options : see `Options`; study.yml's ``analyses.tracking`` holds where an option is not given.

    Returns
    -------
    TrackingResult
        Tables ``waves headline summary indicators trend control warnings warning_levels board false_alarms own_limits
        decomposition decomposition_groups panel attrition transitions moves changed service service_trend types types_test volume
        breaches breaches_all overdue lead_lag faults plan``; those that the study cannot feed are not there, and ``missing`` says
        why.

    Raises
    ------
    OptionError
        Unknown options, waves, indicators, segments or measures.
    AnalysisError
        Fewer than two waves with enough answers.
    DataError
        The file of the operational records cannot be read, or lacks a column that study.yml names.

    Notes
    -----
    Everything asked is put on 0–100 of its scale, high is better as far as ratings go; shares (outcomes with `yes` or `top`) are
    percentages. Constructs and the index leave out indicators that changed or were not asked in every wave; their weights are the
    same in every wave. Differences: Welch's t test, in a panel with the covariance of those who answered both waves; adjusted by
    Holm. Control limits: x̄- and p-charts with unequal n (Montgomery 2013); runs after Western Electric (1956). Decomposition:
    Kitagawa (1955). Rules of the warnings: `csr_lib.analyses.tracking.warning.RULES`.
    """
    chosen = resolve(Options, "tracking", survey.study, options)
    lang = language(lang, survey.lang)
    chosen = _with_groups(chosen, survey)
    followed = follow(survey, chosen)
    series = change.estimates(followed, followed.measures, chosen)
    tables: dict[str, pd.DataFrame] = {"trend": change.trend_table(followed, series)}
    missing: dict[str, str] = {}
    compared = change.changes_table(followed, series, chosen)

    limits = warning.control(followed, followed.measures, series, chosen)
    tables["control"] = warning.control_table(followed, limits)
    if not any(limits):
        missing["control"] = "few_waves" if len(followed.waves) <= chosen.baseline else "no_baseline"
    correlation = warning.overlap_correlation(followed)

    groups: dict[str, tuple[Sequence[Measure], warning.Inputs]] = {
        warning.ALL: (followed.measures, warning.inputs(followed, followed.measures, series, limits, correlation))
    }
    figures = {
        m.key: {"all": (series.n[i, -1], series.mean[i, -1], series.low[i, -1], series.high[i, -1])}
        for i, m in enumerate(followed.measures)
    }
    withheld = list(followed.withheld)
    if chosen.by:
        coarse = assemble.watched_by_group(followed)
        by_group, hidden = warning.by_tier(followed, chosen.by, coarse, chosen)
        withheld += hidden
        for code, own in by_group.items():
            bands = warning.control(followed, coarse, own, chosen)
            groups[f"{chosen.by}={code}"] = (coarse, warning.inputs(followed, coarse, own, bands, correlation))
            for i, m in enumerate(coarse):
                figures[m.key][code] = (own.n[i, -1], own.mean[i, -1], own.low[i, -1], own.high[i, -1])
    else:
        missing["tiers"] = "no_groups"
    tables["warning_levels"], tables["board"] = warning.warnings_table(followed, groups, chosen)
    tables["false_alarms"] = warning.false_alarms(followed, groups, chosen, correlation)

    tables["decomposition"], tables["decomposition_groups"], skipped = change.decompositions(followed, chosen)
    if tables["decomposition"].empty:
        missing["decomposition"] = "changed" if "*" in skipped else "no_segments" if not skipped else "few_groups"
    if len(followed.waves) < assemble.TREND_WAVES:
        missing["panels"] = "no_trend"
    if followed.panel:
        found = change.panel_tables(followed, chosen)
        tables |= found
        if not found:
            missing["panel"] = "few_pairs"
    else:
        missing["panel"] = "no_panel"

    done = operations.operated(followed, series, chosen)
    tables |= done.tables
    missing |= done.missing
    tables["own_limits"] = operations.warned(done, followed, figures, chosen)
    tables |= assemble.arranged(followed, series, compared, tables, done)
    missing |= {
        name: "none"
        for name in ("own_limits", "warnings", "changed", "plan", "breaches")
        if tables[name].empty and name not in missing
    }
    tables = {name: frame.reset_index(drop=True) for name, frame in tables.items() if len(frame)}

    basis = assemble.basis(followed, series)
    result = TrackingResult(
        source=assemble.source(survey, followed, done),
        basis=basis,
        lang=lang,
        options=chosen.model_dump(),
        seed=chosen.seed,
        resamples=chosen.bootstrap,
        tables=tables,
        bases=assemble.bases(tables, followed, basis),
        checks=tuple(make_checks(followed, series, tables, done, chosen, correlation, basis)),
        labels=assemble.labels(survey, followed, tables, done),
        drawn_from=assemble.figures(tables),
        withheld=tuple(withheld),
        references=assemble.references(tables, chosen),
        missing=missing,
        headline_measure=followed.headline,
        latest=followed.latest,
        previous=followed.waves[-2],
        index_by=followed.index_by,
        panel=followed.panel,
        correlation=correlation,
        period_kind=done.periods.kind if done.periods else "",
        records=len(done.records) if done.records is not None else 0,
        records_outside=done.periods.outside if done.periods else 0,
        empty_waves=followed.empty,
    )
    return replace(result, headline=tuple(make_headline(result)), found=tuple(make_findings(result)))


def _with_groups(chosen: Options, survey: Survey) -> Options:
    """Return the options with the segment that groups are warned by; raise where a segment is unknown."""
    problems = feeds(survey.study, **{k: v for k, v in chosen.model_dump().items() if v is not None})
    if problems:
        raise OptionError(problems)
    if chosen.by is None and "tier" in survey.study.segments and not np.all(survey.codes["tier"].isna()):
        return chosen.model_copy(update={"by": "tier"})
    return chosen
