"""Data quality: did enough come back, from the right people, honestly answered, and do the results hang on the cleaning?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses._result import AnalysisResult, Shown
from csr_lib.analyses._words import named
from csr_lib.analyses.data_quality import (
    careless,
    effect,
    fabricated,
    funnel,
    layout,
    missing,
    pilot,
    planning,
    returns,
    sampling,
)
from csr_lib.analyses.data_quality.base import ALL, Base, default_groups, segments_of
from csr_lib.analyses.data_quality.checks import make_checks
from csr_lib.analyses.data_quality.findings import make_findings, make_headline
from csr_lib.analyses.data_quality.words import labels_of, said_table, shown_values
from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.core.result import Basis
from csr_lib.core.text import text, words

if TYPE_CHECKING:
    from csr_lib.show import Drawing
    from csr_lib.study import Study, Survey

#: Most charts of return curves in one figure.
PANELS = 6
#: Fewest questionnaires by which ways of cleaning differ in a figure.
FEWEST_CHANGED = 3


class Options(BaseOptions):
    """What data_quality can be asked for."""

    bootstrap: int = Field(0, ge=0, le=0, description="none: every interval has a formula")
    by: tuple[str, ...] | None = Field(
        None, description="segments to follow field work by (returns, screen for fabricated answers); those planned by where None"
    )
    segments: tuple[str, ...] | None = Field(None, description="segments of the box plots; all of up to 12 values where None")
    pilot: bool | None = Field(None, description="read it as a pre-test of the items; where None, with fewer than 50 answers")
    margin: float | None = Field(
        None, gt=0, lt=0.5, description="wanted margin of error of a share, such as 0.05, for planning; 0.05 where None"
    )
    long_string: int | None = Field(
        None,
        ge=3,
        description="equal answers in a row that count as a long string; two thirds of the ratings, at least 8, where None",
    )
    fast: float = Field(0.4, gt=0, lt=1, description="share of the median time under which an answer was fast; 0 to 1")
    outlier: float = Field(0.001, gt=0, lt=0.5, description="χ² probability beyond which a Mahalanobis distance is outlying")
    form: Literal["exponential", "logistic", "gompertz"] | None = Field(
        None, description="form of the return curve: exponential, logistic or gompertz; the one that fits best where None"
    )
    device: str | None = Field(None, description="column that names the device or address an answer was sent from")
    minutes: float = Field(
        10, gt=0, le=1440, description="width, in minutes, of the window in which bursts of returns are looked for"
    )


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what the study lacks for data_quality with `options`; any study with answers feeds most of it."""
    try:
        chosen = resolve(Options, "data_quality", study, options)
    except OptionError as error:
        return list(error.problems)
    return [
        unknown(name, study.segments, what="segment", where=f"options of data_quality, {key}")
        for key in ("by", "segments")
        for name in getattr(chosen, key) or ()
        if name not in study.segments
    ]


@dataclass(frozen=True, kw_only=True)
class DataQualityResult(AnalysisResult):
    """How good the data are; see `data_quality`.

    Attributes
    ----------
    missing : what could not be computed, table -> reason.
    pilot : whether the answers are read as a pre-test.
    facts : single facts that sentences need.
    """

    analysis: ClassVar[str] = "data_quality"

    missing: Mapping[str, str] = field(default_factory=dict)
    pilot: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = layout.COLUMNS
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = layout.FORMATS
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = layout.GROUPS

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        return shown_values(self, name, lang)

    def _absent(self, name: str, lang: str) -> Shown | None:
        found = super()._absent(name, lang)
        before = {"weights": "representation", "weighting": "weights"}.get(name)
        if found is not None and before is not None and before not in self.tables:
            return Shown("", found.plain)  # the table before has said why
        return found

    def table(self, name: str, lang: str | None = None) -> Any:
        """Return a table as it is shown; numbers whose unit differs from row to row are written out in the language."""
        if name in ("marks", "fabrication", "rates", "cleaning") and name in self.tables:
            spoken = said_table(self, name, language(lang, self.lang))
            return AnalysisResult.table(replace(self, tables={**self.tables, name: spoken}), name, lang)
        return super().table(name, lang)

    def _emphasis(self, name: str) -> Sequence[int]:
        if name == "sample_sizes":
            return [i for i, wanted in enumerate(self.tables[name]["wanted"]) if wanted]
        if name == "items":
            return [i for i, reading in enumerate(self.tables[name]["reading"]) if reading != "fine"]
        if name == "fabrication":
            return [i for i, grade in enumerate(self.tables[name]["grade"]) if grade == "clear"]
        return ()

    def _draw_funnel(self, lang: str) -> Drawing:
        from csr_lib.show.field import funnel as draw

        reasons = self.tables.get("reasons")
        losses = []
        if reasons is not None:
            dropped = reasons[reasons["reason"] != "duplicate"]
            pairs = zip(dropped["reason"], dropped["n"], strict=True)
            why = [words(named(self.label(reason, lang), n, "count"), lang) for reason, n in pairs]
            losses.append(("valid", int(dropped["n"].sum()), why))
        return draw(self.tables["funnel"], labels=self.labels, lang=lang, losses=losses)

    def _draw_curves(self, lang: str) -> Drawing:
        from csr_lib.show.field import return_curves

        frame = self.tables["curves"]
        waves = frame[frame["segment"] == "wave"]
        frame = pd.concat([frame[frame["segment"] == ALL], waves, frame[~frame["segment"].isin([ALL, "wave"])]])
        if len(waves) > PANELS:
            frame = waves.tail(PANELS)
        return return_curves(self.tables["daily"], frame.head(PANELS), labels=self.labels, lang=lang, confidence=self.confidence)

    def _draw_representation(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self.tables["representation"]
        keys = ["segment", "group"]
        parts = [
            frame[[*keys, "share", "share_ci_low", "share_ci_high"]]
            .set_axis([*keys, "estimate", "ci_low", "ci_high"], axis=1)
            .assign(series="sample"),
            frame[[*keys, "planned_share"]].rename(columns={"planned_share": "estimate"}).assign(series="plan"),
        ]
        long = pd.concat(parts, ignore_index=True)
        for column in ("estimate", "ci_low", "ci_high"):
            long[column] = 100 * long[column]
        return intervals(
            long, labels=self.labels, lang=lang, key="group", group_by="segment", series="series", kind="count",
            confidence=self.confidence, axis_label=text("data_quality.axis.share", lang),
        )  # fmt: skip

    def _draw_marks(self, lang: str) -> Drawing:
        from csr_lib.show.field import coinciding

        marks = self.tables["marks"]
        marks = marks[marks["n"] > 0]
        totals = dict(zip(marks["rule"], (int(n) for n in marks["n"]), strict=True))
        dropped = list(marks.loc[marks["excluded"].astype(bool), "rule"])
        return coinciding(self.tables["combinations"], totals, labels=self.labels, lang=lang, excluded=dropped)

    def _draw_boxes(self, lang: str) -> Drawing:
        from csr_lib.show.boxes import boxes

        frame = self.tables["boxes"]
        frame = frame[frame["measure"] == self.facts["box_measure"]].reset_index(drop=True)
        frame["segment"] = frame["segment"].replace(ALL, "")  # the whole stands without a heading
        return boxes(
            frame, labels={**self.labels, "": ""}, lang=lang, key="group", group_by="segment", kind="score", limits=(0, 100),
            axis_label=text("data_quality.axis.score_of", lang, what=self.labels[self.facts["box_measure"]]),
        )  # fmt: skip

    def _draw_patterns(self, lang: str) -> Drawing:
        from csr_lib.show.field import missing_map

        frame = self.tables["patterns"]
        items = [c for c in frame.columns if c not in ("n", "share", "missing") and frame[c].any()]
        total = round(float(frame["n"].iloc[0] / frame["share"].iloc[0]))
        return missing_map(frame, items, labels=self.labels, lang=lang, total=total)

    def _draw_cleaning(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self.tables["cleaning"]
        several = frame[frame["change_n"].abs() >= FEWEST_CHANGED]  # a questionnaire or two has no interval worth a picture
        frame = several if len(several) else frame
        nothing = (0.0, text("data_quality.as_used", lang))
        return intervals(
            frame, labels=self.labels, lang=lang, key="measure", value="difference", group_by="variant", overall=nothing,
            kind="signed_score", confidence=self.confidence, axis_label=text("data_quality.axis.effect", lang), show_n=False,
        )  # fmt: skip

    def _draw_items(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self.tables["items"]
        parts = [
            frame[["indicator", s, f"{s}_ci_low", f"{s}_ci_high"]]
            .set_axis(["indicator", "estimate", "ci_low", "ci_high"], axis=1)
            .assign(series=s)
            for s in ("ceiling", "floor")
        ]
        long = pd.concat(parts, ignore_index=True)
        for column in ("estimate", "ci_low", "ci_high"):
            long[column] = 100 * long[column]
        return intervals(
            long, labels=self.labels, lang=lang, key="indicator", series="series", kind="count", confidence=self.confidence,
            axis_label=text("data_quality.axis.answers", lang),
        )  # fmt: skip


def data_quality(survey: Survey, *, lang: str | None = None, **options: Any) -> DataQualityResult:
    """Judge the data of a survey: response, returns over time, precision, representation, care, missing answers, cleaning.

    Parameters
    ----------
    survey : the answers; rows that cleaning excluded are looked at, too.
    lang : language to show the result in; the survey's by default.
    **options : see `Options`; study.yml's ``analyses.data_quality`` holds where an option is not given.

    Returns
    -------
    DataQualityResult
        Tables ``funnel reasons funnel_groups funnel_tests rates curves daily precision representation representation_tests
        weights raking weighting marks combinations overlaps marked boxes box_summary fabrication fabrication_groups
        missing_items missing_worst patterns mcar cleaning items times sample_sizes allocation``; those that the study cannot
        feed are not there, and ``missing`` says why.

    Raises
    ------
    OptionError
        Unknown options, segments or columns.
    AnalysisError
        A selection smaller than `min_cell`.

    Notes
    -----
    Outcome rates: AAPOR (2023). Return curves: Poisson likelihood of saturating growth, profile interval, refused while daily
    returns rise. Shares: Wilson. Margins: linearised variance with weights, strata and finite population (Cochran 1977). Missing:
    Little's (1988) test. Effects of cleaning: linearised difference of means that share most of their rows. Counts of
    questionnaires are not weighted.
    """
    chosen = resolve(Options, "data_quality", survey.study, options)
    lang = language(lang, survey.lang)
    _check(survey, chosen)
    base = Base.of(survey)
    by = default_groups(survey, chosen.by)
    tables: dict[str, pd.DataFrame] = {}
    why: dict[str, str] = {}
    withheld: list[Any] = []

    found = funnel.stages(base)
    tables["funnel"], tables["reasons"] = funnel.funnel_table(found, chosen), funnel.reasons_table(base)
    tables["funnel_groups"], tables["funnel_tests"], hidden = funnel.groups_tables(base, chosen)
    withheld += hidden
    tables["rates"] = funnel.rates_table(base, chosen)

    issued = {(s, g.split("=", 1)[-1]): float(n) for s, g, n in _columns(tables["funnel_groups"], "segment", "group", "issued")}
    came = returns.returns(base, by, {(ALL, ALL): found.issued, **issued}, chosen)
    tables |= came.tables
    why |= {"curves": came.why} if came.why else {}

    tables["precision"], fault = sampling.precision_table(base, chosen)
    tables["representation"], tables["representation_tests"], hidden = sampling.representation_tables(base, chosen)
    withheld += hidden
    weighted = sampling.weights_of(base, chosen)
    tables |= weighted.tables
    if weighted.weights is not None:
        tables["weighting"] = effect.weighting_table(replace(base, survey=base.customers), weighted.weights, chosen)
    else:
        why |= dict.fromkeys(("weights", "raking", "weighting"), weighted.why)

    rules = careless.find_rules(base, chosen)
    own = [r for r in rules if r.origin == "study" and r.key not in ("empty", "duplicate")]
    judged = own or [r for r in rules if r.origin == "screen"]
    tables["marks"] = careless.marks_table(rules, base.kept, chosen)
    tables["combinations"], tables["overlaps"] = careless.combinations_table(rules), careless.overlaps_table(rules)
    tables["marked"] = careless.marked_table(base, rules)
    segments = list(chosen.segments) if chosen.segments is not None else segments_of(survey)
    tables["boxes"], tables["box_summary"], hidden = careless.boxes_tables(base, segments)
    withheld += hidden
    tables |= fabricated.fabrication_tables(base, rules, by, chosen)
    lost = missing.missing_answers(base, chosen)
    tables |= lost.tables
    if "missing_items" in tables:
        worst = tables["missing_items"].sort_values("share", ascending=False, kind="stable")
        tables["missing_worst"] = worst[worst["n_missing"] > 0].head(layout.WORST)
    why |= {"mcar": lost.why} if lost.why else {}
    tables["cleaning"] = effect.cleaning_table(base, rules, chosen)
    tables["items"], tables["times"] = pilot.items_table(base, chosen), pilot.times_table(base)
    planned = planning.plan(base, found, chosen)
    tables |= planned.tables
    why |= dict.fromkeys(("sample_sizes", "allocation"), planned.why) if planned.why else {}

    pilot_mode = chosen.pilot if chosen.pilot is not None else base.customers.n < pilot.PILOT_N
    facts: dict[str, Any] = {
        "issued": found.issued,
        "returned": found.returned,
        "valid": found.valid,
        "stated_returned": found.stated_returned,
        "stated_valid": found.stated_valid,
        "in_file": float(base.returned.sum()),
        "repeated": int(base.repeated.sum()),
        "read": len(base.rows),
        "population_fault": fault,
        "weights_own": weighted.own and weighted.weights is not None,
        "complete": lost.complete,
        "broke_off": lost.broke_off,
        "answers_missing": lost.answers_missing,
        "marked": float(np.any([r.marked & base.kept for r in judged], axis=0).sum()) if judged else 0.0,
        "judged_by": "study" if own else "screen",
        "strata": planned.strata,
        "sizes_from": planned.sizes_from,
        "population": planned.population,
        "rate": planned.rate,
        "design_effect": planned.design_effect,
        "seen_5": pilot.seen_with(len(base.customers.rows), 0.05),
        "seen_10": pilot.seen_with(len(base.customers.rows), 0.10),
        "box_measure": _box_measure(tables["box_summary"]),
        "waves": len(survey.waves),
        "long_string": next((r.setting for r in rules if r.key == "long_string"), None),
        "by": by,
    }
    tables = {name: _tidy(name, frame) for name, frame in tables.items() if len(frame)}
    basis = _basis(base)
    result = DataQualityResult(
        source=survey.source(),
        basis=basis,
        lang=lang,
        options=chosen.model_dump(),
        seed=chosen.seed,
        tables=tables,
        bases=_bases(base, found, basis),
        checks=tuple(make_checks(survey, basis, tables, facts, rules, chosen, pilot_mode)),
        labels=labels_of(survey, tables, rules),
        drawn_from=layout.figures(tables),
        withheld=_once(withheld),
        withheld_by=_by_segment(survey, withheld),
        references=_references(tables, weighted.own, pilot_mode),
        missing=why,
        pilot=bool(pilot_mode),
        facts=facts,
    )
    return replace(result, headline=tuple(make_headline(result)), found=tuple(make_findings(result)))


def _check(survey: Survey, chosen: Options) -> None:
    problems = feeds(survey.study, **{k: v for k, v in chosen.model_dump().items() if v is not None})
    if chosen.device is not None and chosen.device not in survey.data.raw.frame.columns:
        problems.append(
            unknown(chosen.device, survey.data.raw.frame.columns, what="column", where="options of data_quality, device")
        )
    if problems:
        raise OptionError(problems)
    if survey.too_small:
        raise AnalysisError(
            f"{len(survey.rows)} answers, fewer than min_cell = {survey.study.min_cell}",
            where="data_quality",
            allowed="a selection of at least min_cell respondents",
            mend="take a filter out",
        )


def _basis(base: Base) -> Basis:
    """Every figure rests on all who answered what it is made of."""
    survey = base.survey
    lost = float(base.ratings.isna().any(axis=1).sum())
    kind: Any = survey.weight_kind
    return Basis(survey.n, survey.n_effective, kind, "pairwise" if lost else "none", lost)


def _bases(base: Base, found: funnel.Stages, basis: Basis) -> dict[str, Basis]:
    """Counts of questionnaires rest on all that were issued, came back or were read, and are not weighted."""
    issued = found.issued if found.issued > 0 else found.returned
    counted = {
        **dict.fromkeys(("funnel", "funnel_groups", "rates"), issued),
        **dict.fromkeys(("reasons", "marks", "combinations", "overlaps", "marked"), float(len(base.rows))),
        **dict.fromkeys(("curves", "daily"), float(base.returned.sum())),
        **dict.fromkeys(("representation", "weights", "raking"), float(len(base.customers.rows))),
    }
    plain = replace(basis, n_effective=basis.n, weights="none")
    whole = dict.fromkeys(
        ("items", "times", "fabrication", "fabrication_groups", "missing_items", "missing_worst", "mcar"), plain
    )
    return {**{name: Basis(n, n) for name, n in counted.items()}, **whole}


def _columns(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return list(frame[list(names)].itertuples(index=False, name=None)) if len(frame) else []


def _by_segment(survey: Survey, withheld: list[Any]) -> dict[str, list[Any]]:
    """Return segment -> those labels that are of its values."""
    segments = [*map(str, survey.study.segments), *(["wave"] if survey.waves else [])]
    return {s: [label for v in survey.values(s) if (label := survey.value_label(s, v)) in withheld] for s in segments}


def _once(withheld: list[Any]) -> tuple[Any, ...]:
    """Return labels, each once; labels may be mappings."""
    out: list[Any] = []
    for label in withheld:
        if label not in out:
            out.append(label)
    return tuple(out)


def _box_measure(frame: pd.DataFrame) -> str:
    """Return the measure with most outliers, the first one where there are none."""
    if frame.empty:
        return ""
    counts = frame["whole"] + frame["in_groups"]
    return str(frame["measure"].iloc[int(counts.argmax())])


def _tidy(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that hold nothing for this study."""
    optional = {
        "funnel": ["of_issued", "of_issued_ci_low", "of_issued_ci_high", "of_before", "of_before_ci_low", "of_before_ci_high"],
        "precision": ["population", "plan_margin"],
        "representation": ["n_planned"],
        "weights": ["converged", "iterations", "deviation"],
        "items": ["item_rest", "item_rest_ci_low", "item_rest_ci_high"],
        "sample_sizes": ["careful_issued", "expected_issued", "proportional", "neyman"],
        "allocation": ["population", "issued", "neyman"],
        "missing_worst": ["difference", "difference_ci_low", "difference_ci_high"],
    }
    return layout.without_empty(frame, optional.get(name, [])).reset_index(drop=True)


def _references(tables: Mapping[str, pd.DataFrame], own: bool, pilot_mode: bool) -> tuple[str, ...]:
    by_table = {
        "rates": ("aapor2023",),
        "curves": ("goel1979", "ohba1984"),
        "precision": ("cochran1977",),
        "weights": ("deming1940", "kish1965"),
        "marks": ("meade2012", "curran2016", "greszki2015"),
        "boxes": ("tukey1977",),
        "fabrication": ("kuriakose2016",),
        "mcar": ("little1988",),
        "items": ("perneger2015",) if pilot_mode else (),
        "sample_sizes": ("cochran1977", "wright2014"),
    }
    used = [r for name, refs in by_table.items() if name in tables for r in refs]
    return tuple(dict.fromkeys(["wilson1927", *used]))
