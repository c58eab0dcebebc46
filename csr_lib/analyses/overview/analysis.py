"""Overview: satisfaction by indicator, construct, group and wave; rates; the weakest link; competitors; open answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pandas as pd
from pydantic import Field

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses._result import AnalysisResult
from csr_lib.analyses.overview.checks import make_checks
from csr_lib.analyses.overview.competitors import ALL, competitors_table, incomplete
from csr_lib.analyses.overview.described import questions_tables
from csr_lib.analyses.overview.findings import make_findings, make_headline
from csr_lib.analyses.overview.groups import Grouped, grouped
from csr_lib.analyses.overview.plan import LOOSE, lacking, make_plan
from csr_lib.analyses.overview.scores import Scores, make_scores
from csr_lib.analyses.overview.tables import (
    CSAT,
    INDEX,
    constructs_table,
    distribution_table,
    index_table,
    indicators_table,
    levels_table,
    nps_table,
    rates_table,
    targets_table,
)
from csr_lib.analyses.overview.verbatims import verbatim_tables
from csr_lib.analyses.overview.weakest import weakest_link
from csr_lib.analyses.overview.words import Words, shown_values
from csr_lib.core.errors import AnalysisError, OptionError, Problem
from csr_lib.core.result import Basis
from csr_lib.core.text import both, text

if TYPE_CHECKING:
    from csr_lib.show import Drawing
    from csr_lib.study import Study, Survey


class Options(BaseOptions):
    """What the overview can be asked for."""

    bootstrap: int = Field(0, ge=0, le=0, description="none: every interval of the overview has a formula")
    indicators: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="keys of the indicators that make up the index; all ratings of what was delivered where None",
    )
    weights: Literal["stated", "equal", "derived"] | None = Field(
        None,
        description="of the index: stated (points), equal, derived (from overall satisfaction); stated where there are points",
    )
    boxes: int = Field(2, ge=1, le=4, description="how many points at each end of a scale are its top and its bottom box, 1 to 4")
    dissatisfied: float = Field(40, gt=0, lt=100, description="a rating below this, on 0–100, is a failure: 1 and 2 of 1 to 5")
    answered: float = Field(0.5, gt=0, le=1, description="least share of the weight answered for a score, above 0 to 1")
    by: tuple[str, ...] | None = Field(None, description="segments to compare; all of up to 12 values where None; wave is always")
    test: Literal["auto", "welch", "equal", "ranks"] = Field(
        "auto", description="auto (by scale and weights), welch, equal (Student, ANOVA) or ranks (Kruskal–Wallis)"
    )
    adjust: Literal["holm", "bonferroni", "fdr", "none"] = Field(
        "holm", description="for many tests: holm, bonferroni, fdr or none"
    )
    questions: tuple[str, ...] | None = Field(None, description="which of `questions` to describe; all where None")
    highlight: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="question -> codes of answers whose share is a key finding"
    )
    verbatims: Literal["none", "keywords", "quotes"] = Field(
        "none", description="open answers: none, keywords, or keywords and quotes"
    )
    keywords: int = Field(12, ge=1, le=100, description="most keywords of a question, 1 to 100")
    quotes: int = Field(8, ge=1, le=100, description="most quotations of a question, 1 to 100")


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what the study lacks for an overview with `options`; empty where nothing is."""
    try:
        resolve(Options, "overview", study, options)
    except OptionError as error:
        return list(error.problems)
    return lacking(study)


@dataclass(frozen=True, kw_only=True)
class OverviewResult(AnalysisResult):
    """Satisfaction at a glance; see `overview`.

    Attributes
    ----------
    weighting : of the index: ``stated``, ``equal`` or ``derived``.
    grades : column of the table ``distribution`` -> label of the grade.
    one_failure : share of respondents dissatisfied with at least one indicator: ``estimate ci_low ci_high n``.
    facts : single facts that sentences need (what was left out, panels, changed questions).
    """

    analysis: ClassVar[str] = "overview"

    weighting: str = "equal"
    grades: Mapping[str, Any] = field(default_factory=dict)
    one_failure: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "index": ("weighting", "n", "estimate", "ci_low", "ci_high"),
        "indicators": (
            "construct", "indicator", "n", "mean", "estimate", "ci_low", "ci_high", "top_box", "top_box_ci_low",
            "top_box_ci_high",
            "bottom_box", "bottom_box_ci_low", "bottom_box_ci_high", "rank",
        ),
        "constructs": (
            "construct", "n", "weight", "estimate", "ci_low", "ci_high", "top_box", "top_box_ci_low", "top_box_ci_high",
            "bottom_box", "bottom_box_ci_low", "bottom_box_ci_high",
        ),
        "levels": ("outcome", "n", "estimate", "ci_low", "ci_high"),
        "rates": ("outcome", "n", "estimate", "ci_low", "ci_high", "threshold"),
        "nps": ("n", "estimate", "ci_low", "ci_high", "promoters", "passives", "detractors"),
        "targets": ("measure", "wave", "n", "target", "estimate", "ci_low", "ci_high", "verdict"),
        "weakest_link": (
            "indicator", "n", "estimate", "ci_low", "ci_high", "only", "difference", "difference_ci_low", "difference_ci_high",
            "p_adjusted", "harm",
        ),
        "chain": ("failures", "n", "share", "share_ci_low", "share_ci_high", "estimate", "ci_low", "ci_high"),
        "groups": ("segment", "group", "n", "estimate", "ci_low", "ci_high", "csat", "csat_ci_low", "csat_ci_high"),
        "comparisons": (
            "segment", "measure", "test", "n", "statistic", "p_value", "p_adjusted", "effect", "effect_size",
            "effect_size_ci_low",
            "effect_size_ci_high", "reading",
        ),
        "comparisons_of_parts": ("segment", "measure", "n", "lowest", "highest", "difference", "effect_size", "p_adjusted"),
        "competitors": (
            "competitor", "indicator", "n", "own", "theirs", "difference", "ci_low", "ci_high", "p_adjusted", "d", "reading",
        ),
        "questions": ("question", "answer", "n", "estimate", "ci_low", "ci_high"),
        "numbers": ("question", "n", "estimate", "ci_low", "ci_high", "median"),
        "verbatims": ("question", "n", "share", "share_ci_low", "share_ci_high", "distinct", "length"),
        "keywords": ("question", "keyword", "n", "share", "share_ci_low", "share_ci_high", "estimate", "ci_low", "ci_high"),
        "quotes": ("question", "quote"),
    }  # fmt: skip
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "*": {
            **dict.fromkeys(("top_box", "bottom_box", "share", "csat", "promoters", "passives", "detractors"), "percent"),
            "estimate": "score",
            "weight": "percent",
        },
        "indicators": {"mean": "points"},
        "rates": {"estimate": "share", "threshold": "count"},
        "nps": {"estimate": "signed_score"},
        "targets": {"target": "score"},
        "weakest_link": {"estimate": "percent", "only": "share", "difference": "signed_score", "harm": "score"},
        "comparisons": {"effect_size": "decimal"},
        "comparisons_of_parts": {"effect_size": "decimal", "difference": "score"},
        "competitors": {
            **dict.fromkeys(("own", "theirs"), "score"),
            **dict.fromkeys(("difference", "ci_low", "ci_high"), "signed_score"),
            "d": "decimal",
        },
        "questions": {"estimate": "percent"},
        "numbers": {"estimate": "amount", "median": "amount"},
        "verbatims": {"length": "count"},
        "quotes": {"quote": "text"},
    }
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "indicators": ("construct",),
        "groups": ("segment",),
        "comparisons": ("segment",),
        "comparisons_of_parts": ("segment",),
        "competitors": ("competitor",),
        "questions": ("question",),
        "keywords": ("question",),
        "quotes": ("question",),
        "targets": ("measure",),
    }

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        """Return what titles, notes, captions and alternative texts are filled with."""
        return shown_values(self, name, lang)

    def table(self, name: str, lang: str | None = None) -> Any:
        """Return a table as it is shown; that of targets without the wave where a study has none."""
        frame = self.tables.get(name)
        if name == "targets" and frame is not None and set(frame["wave"]) == {"all"} and not self.facts["latest"]:
            without = {**self.tables, name: frame.drop(columns="wave")}
            return AnalysisResult.table(replace(self, tables=without), name, lang)
        return super().table(name, lang)

    def _emphasis(self, name: str) -> Sequence[int]:
        if name == "index":
            return [i for i, chosen in enumerate(self.tables[name]["chosen"]) if chosen]
        if name == "competitors":
            return [i for i, key in enumerate(self.tables[name]["indicator"]) if key == ALL]
        return ()

    def _draw_distribution(self, lang: str) -> Drawing:
        from csr_lib.show.diverging import diverging_bars

        frame = self.tables["distribution"].merge(self.tables["indicators"][["indicator", "top_box"]], on="indicator")
        several = len(set(frame["construct"])) > 1 if "construct" in frame else False
        return diverging_bars(
            frame,
            labels=self.labels,
            lang=lang,
            grades=self.grades,
            group_by="construct" if several else None,
            totals={"top_box": text("overview.top_heading", lang)},
            axis_label=text("overview.axis.answers", lang),
        )

    def _intervals(self, frame: pd.DataFrame, lang: str, axis: str, **more: Any) -> Drawing:
        from csr_lib.show.estimates import intervals

        return intervals(
            frame,
            labels=self.labels,
            lang=lang,
            confidence=self.confidence,
            axis_label=text(f"overview.axis.{axis}", lang),
            **more,
        )

    def _draw_constructs(self, lang: str) -> Drawing:
        frame = Words(self).parts()
        index = self.tables["index"]
        overall = float(index.loc[index["chosen"], "estimate"].iloc[0])
        return self._intervals(frame, lang, "score", key="construct", overall=(overall, self.labels[INDEX]), sort=True)

    def _draw_rates(self, lang: str) -> Drawing:
        return self._intervals(self.tables["rates"], lang, "share", key="outcome", kind="percent")

    def _draw_weakest_link(self, lang: str) -> Drawing:
        frame = self.tables["weakest_link"].sort_values("estimate", ascending=False, kind="stable")
        frame = frame[frame["estimate"] > 0].head(12)
        long = pd.concat(
            [
                frame[["indicator", "n", "estimate", "ci_low", "ci_high"]].assign(series="failed"),
                frame[["indicator", "n", "only", "only_ci_low", "only_ci_high"]]
                .set_axis(["indicator", "n", "estimate", "ci_low", "ci_high"], axis=1)
                .assign(series="only_failure"),
            ],
            ignore_index=True,
        )
        return self._intervals(long, lang, "share", key="indicator", series="series", kind="percent")

    def _draw_groups(self, lang: str) -> Drawing:
        index = self.tables["index"]
        overall = float(index.loc[index["chosen"], "estimate"].iloc[0])
        return self._intervals(
            self.tables["groups"], lang, "score", key="group", group_by="segment", overall=(overall, self.labels[INDEX])
        )

    def _draw_competitors(self, lang: str) -> Drawing:
        frame = self.tables["competitors"]
        frame = frame[frame["indicator"] != ALL]
        own = frame.drop_duplicates("indicator")
        parts = [
            own[["indicator", "own", "own_ci_low", "own_ci_high"]].assign(series="own"),
            *(part[["indicator", "theirs", "theirs_ci_low", "theirs_ci_high"]].assign(series=f"rival={c}")
              for c, part in frame.groupby("competitor", sort=False)),
        ]  # fmt: skip
        columns = ["indicator", "estimate", "ci_low", "ci_high", "series"]
        long = pd.concat([p.set_axis(columns, axis=1) for p in parts], ignore_index=True)
        return self._intervals(long, lang, "score", key="indicator", series="series")


def overview(survey: Survey, *, lang: str | None = None, **options: Any) -> OverviewResult:
    """Describe satisfaction: level, rates, groups, the weakest link, competitors, other questions and open answers.

    Parameters
    ----------
    survey : answers with ratings of indicators; everything else is used where it is there.
    lang : language to show the result in; the survey's by default.
    **options : see `Options`; study.yml's ``analyses.overview`` holds where an option is not given.

    Returns
    -------
    OverviewResult
        Tables ``index indicators constructs distribution levels rates nps targets weakest_link chain groups groups_of_measures
        comparisons comparisons_of_parts pairs competitors questions numbers verbatims keywords quotes``; those that the study
        cannot feed are not there. Of a panel only the latest wave is described, so that every respondent counts once; the waves
        stand side by side in the groups.

    Raises
    ------
    OptionError
        Unknown options, indicators, segments or questions; weights that the study does not state or cannot derive; tests without
        weights under sampling weights; ``missing_rule="em"``.
    AnalysisError
        No rated indicator, too few answers, or a selection smaller than `min_cell`.

    Notes
    -----
    Scores are (rating − min)/(max − min)·100. The index is the weighted mean of each respondent's scores; its interval is that
    of a
    mean, weights taken as known. Shares have Wilson's intervals, NPS Tango's. Groups: Welch's t or ANOVA (Kruskal–Wallis for
    single
    ratings of fewer than five grades), χ² for shares; under sampling weights linearised variances and Rao and Scott's correction.
    The same numbers: R ``survey::svymean``, ``oneway.test``, ``kruskal.test``, ``chisq.test``, ``survey::svychisq``,
    ``p.adjust``.
    """
    chosen = resolve(Options, "overview", survey.study, options)
    lang = language(lang, survey.lang)
    if chosen.missing_rule == "em":
        raise OptionError(
            "EM completes means and covariances, not the ratings that shares are counted from",
            where="options of overview, missing_rule",
            allowed="listwise, pairwise",
            mend="use pairwise to keep every answer",
        )
    everybody = _customers(survey)
    panel = survey.study.wave is not None and survey.study.wave.panel and len(everybody.waves) > 1
    if panel:  # the same respondents several times would count as so many respondents
        survey = survey.wave(everybody.waves[-1])
    customers = _customers(survey) if panel else everybody
    scores = make_scores(customers, make_plan(customers, chosen), chosen)
    across = make_scores(everybody, scores.plan, chosen) if panel else scores
    weakest = weakest_link(scores, chosen)
    by_group = grouped(scores, across, chosen)
    asked, answer_labels = questions_tables(scores, chosen)
    tables = {
        "index": index_table(scores, chosen),
        "indicators": indicators_table(scores, chosen),
        "constructs": constructs_table(scores, chosen),
        "distribution": distribution_table(scores, chosen),
        "levels": levels_table(scores, chosen),
        "rates": rates_table(scores, chosen),
        "nps": nps_table(scores, chosen),
        "targets": targets_table(scores, chosen),
        **weakest.tables,
        **by_group.tables,
        "competitors": competitors_table(survey, scores, chosen),
        **asked,
        **verbatim_tables(scores, by_group.codes, chosen),
    }
    tables = {name: frame for name, frame in tables.items() if len(frame)}
    if not scores.plan.constructs:  # a column of nothing but "without construct" tells nobody anything
        tables = {name: frame.drop(columns="construct", errors="ignore") for name, frame in tables.items()}
    result = OverviewResult(
        source=customers.source(),
        basis=scores.basis,
        lang=lang,
        options=chosen.model_dump() | {"missing_rule": scores.plan.missing_rule, "weights": scores.plan.chosen},
        seed=chosen.seed if "quotes" in tables else None,
        tables=tables,
        bases=_bases(tables, scores),
        checks=tuple(make_checks(survey, scores, by_group, tables, chosen)),
        labels=_labels(survey, scores, by_group) | answer_labels,
        drawn_from=_figures(tables),
        withheld=tuple(by_group.withheld),
        withheld_by=by_group.withheld_by,
        references=_references(scores, tables, chosen),
        weighting=scores.plan.chosen,
        grades=_grades(scores, tables),
        one_failure=weakest.share,
        facts=_facts(scores, by_group),
    )
    return replace(result, headline=tuple(make_headline(result)), found=tuple(make_findings(result)))


def _bases(tables: Mapping[str, pd.DataFrame], scores: Scores) -> dict[str, Basis]:
    """Return the bases of the tables that do not rest on the ratings: everybody, less who did not answer the question in hand."""
    whole = scores.survey.basis()
    found: dict[str, Basis] = {}
    for name in ("levels", "rates", "nps", "questions", "numbers", "verbatims", "keywords", "quotes"):
        if name in tables:
            asked = name in ("levels", "rates", "nps")
            lost = max(0.0, whole.n - float(tables[name]["n"].min())) if asked else 0.0
            found[name] = replace(whole, missing_rule="pairwise" if lost else "none", n_missing=lost)
    if "competitors" in tables:
        found["competitors"] = _basis_of_competitors(tables["competitors"], scores, whole)
    return found


def _basis_of_competitors(frame: pd.DataFrame, scores: Scores, whole: Basis) -> Basis:
    """Return on whom the comparison rests: who rated both, or where one row is one brand rated, who rated the own one."""
    most = frame.sort_values("n", kind="stable").iloc[-1]
    lost = float(incomplete(scores) if frame["paired"].all() else most["n"] - frame["n"].min())
    n, effective = float(most["n"]), float(most["n_effective"])
    return replace(whole, n=n, n_effective=effective, missing_rule="pairwise" if lost else "none", n_missing=lost)


def _customers(survey: Survey) -> Survey:
    found = survey.customers()
    if not {"customer", "user"} & set(found.roles):
        raise AnalysisError(
            "no customer or user is among the answers",
            where="answers",
            allowed="customers, users",
            mend="take the filter out, or check `role:` in study.yml",
        )
    if found.too_small:
        raise AnalysisError(
            f"{len(found.rows)} respondents are selected, and groups of fewer than {found.study.min_cell} are withheld",
            where="answers",
            allowed=f"at least {found.study.min_cell} (min_cell)",
            mend="take a condition out of the filter",
        )
    return found


def _labels(survey: Survey, scores: Scores, by_group: Grouped) -> dict[str, Any]:
    study = survey.study
    outcomes: dict[str, Any] = {str(o): study.label(o) for o in study.outcomes}
    found: dict[str, Any] = {
        INDEX: both("overview.index_name"),
        CSAT: both("overview.satisfied_name"),
        "dissatisfied": both("overview.dissatisfied_name"),
        "failed": both("overview.series.failed"),
        "only_failure": both("overview.series.only_failure"),
        "own": both("overview.series.own"),
        LOOSE: both("overview.no_construct"),
        ALL: both("overview.all_indicators"),
        "all": both("overview.all_waves"),
        "role": both("overview.role_name"),
        "wave": both("overview.wave_name"),
        **outcomes,
        **{f"rate_{o}": label for o, label in outcomes.items()},
        **{f"competitor={c}": c for c in study.competitors()},
        **{f"rival={c}": both("overview.rival", name=c) for c in study.competitors()},
        **by_group.labels,
    }
    keys = [*scores.plan.indicators, *scores.plan.constructs, *survey.segments, *survey.waves, *study.verbatims]
    return found | {key: survey.label(key) for key in keys if key not in found}


def _grades(scores: Scores, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    frame = tables.get("distribution")
    if frame is None:
        return {}
    scale = scores.scale(frame["indicator"].iloc[0])
    columns = [str(c) for c in frame.columns if str(c).startswith("grade_")]
    return {c: scale.labels.get(float(c.removeprefix("grade_")), c.removeprefix("grade_")) for c in columns}


def _facts(scores: Scores, by_group: Grouped) -> dict[str, Any]:
    plan, survey = scores.plan, scores.survey
    return {
        "left_out": [survey.label(i) for i in plan.left_out],
        "changed": [survey.label(i) for i in by_group.changed],
        "panel": by_group.panel,
        "latest": survey.value_label("wave", survey.waves[-1]) if survey.waves else "",
        "waves": len(survey.waves),
        "made_of": [c for c in scores.constructs if survey.study.constructs[str(c)].of],
        "satisfaction_asked": scores.satisfaction is not None,
        "rule_replaced": survey.study.missing_rule == "em",
        "least_group": by_group.least,
        "points": sorted({int(scores.scale(i).span) + 1 for i in plan.indicators}),
        "verbatims_asked": bool(survey.study.verbatims),
        "text_questions": list(survey.study.verbatims),
    }


def _figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if len(tables.get("constructs", ())) > 1:
        found["constructs"] = ("constructs", "index")
    if "distribution" in tables:
        found["distribution"] = ("distribution", "indicators")
    if "rates" in tables:
        found["rates"] = ("rates",)
    if (tables["weakest_link"]["estimate"] > 0).any():
        found["weakest_link"] = ("weakest_link",)
    return found | {name: (name,) for name in ("groups", "competitors") if name in tables}


def _references(scores: Scores, tables: Mapping[str, pd.DataFrame], options: Options) -> tuple[str, ...]:
    keys = ["iso10004", "wilson1927"]
    keys += ["johnson2000"] if "derived" in scores.plan.weightings else []
    keys += ["reichheld2003", "tango1998"] if "nps" in tables else []
    tests = set(tables["comparisons"]["test"]) if "comparisons" in tables else set()
    tests |= set(tables["comparisons_of_parts"]["test"]) if "comparisons_of_parts" in tables else set()
    keys += ["welch1951"] if tests & {"welch", "welch_anova"} else []
    keys += ["kruskal1952"] if "kruskal" in tests else []
    keys += ["rao1984"] if "rao_scott" in tests else []
    keys += ["cohen1988"] if tests else []
    keys += ["lumley2010"] if scores.kind == "sampling" else []
    return (*keys, *{"holm": ["holm1979"], "fdr": ["benjamini1995"]}.get(options.adjust, []))
