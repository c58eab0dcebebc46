"""Drivers of satisfaction: description, correlation, regression, relative importance, hypotheses, what-if."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pandas as pd
from pydantic import Field, field_validator

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses._result import AnalysisResult
from csr_lib.analyses.drivers import models
from csr_lib.analyses.drivers.checks import make_checks, residual_table
from csr_lib.analyses.drivers.describe import (
    box_table,
    correlation_matrix,
    correlation_table,
    description_table,
    frequency_table,
    outlier_table,
    sample_table,
)
from csr_lib.analyses.drivers.findings import make_findings, make_headline
from csr_lib.analyses.drivers.hypotheses import hypothesis_table, regressions
from csr_lib.analyses.drivers.plan import WHERE, Answers, fetch, lacking
from csr_lib.analyses.drivers.words import Words, shown_values
from csr_lib.core.errors import OptionError, Problem, unknown
from csr_lib.core.result import Basis
from csr_lib.core.text import both, text

if TYPE_CHECKING:
    from csr_lib.show import Drawing
    from csr_lib.stats.regression import Regression
    from csr_lib.study import Study, Survey

NO_HYPOTHESES = "no_hypotheses"


class Options(BaseOptions):
    """What the analysis of drivers can be asked for."""

    outcome: str = Field("satisfaction", description="name of the outcome that is explained, e.g. satisfaction or loyalty")
    predictors: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="constructs or indicators; where None the sources of the hypotheses, else of the model, else all indicators",
    )
    scores: Literal["mean", "sum"] = Field("mean", description="score of a construct: mean or sum of its items")
    answered: float = Field(
        0.5, gt=0, le=1, description="least share of a construct's items answered for a mean, above 0 to 1; a sum needs all"
    )
    groups: tuple[str, ...] | None = Field(None, description="segments for the box plots by group; all where None, [] for none")
    extremes: tuple[float, float] = Field(
        (0.25, 0.25), description="shares of low and of high ratings that are compared with the middle for asymmetric effects"
    )
    least: float = Field(0.10, gt=0, lt=1, description="smallest correlation or standardised coefficient that would matter")

    @field_validator("extremes")
    @classmethod
    def _shares(cls, value: tuple[float, float]) -> tuple[float, float]:
        if min(value) <= 0 or sum(value) >= 1:
            raise ValueError("two shares above 0 whose sum is below 1")
        return value


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what the study lacks for an analysis of drivers with `options`; empty where nothing is."""
    try:
        opted = resolve(Options, "drivers", study, options)
    except OptionError as error:
        return list(error.problems)
    return lacking(study, opted)


@dataclass(frozen=True, kw_only=True)
class DriversResult(AnalysisResult):
    """What moves an outcome; see `drivers`.

    Attributes
    ----------
    outcome, predictors : keys of what was explained, and by what.
    missing : table or figure that is not there -> why.
    """

    analysis: ClassVar[str] = "drivers"

    outcome: str = ""
    predictors: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "predictors", tuple(self.predictors))

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "sample": ("segment", "group", "n", "share", "ci_low", "ci_high"),
        "description": ("variable", "items", "n", "mean", "sd", "index", "index_ci_low", "index_ci_high", "alpha"),
        "outliers": ("variable", "n", "segments", "groups", "outliers", "most_in"),
        "boxes": (
            "variable", "segment", "group", "n", "mean", "whisker_low", "q1", "median", "q3", "whisker_high", "outliers",
        ),
        "correlations": ("variable", "n", "estimate", "ci_low", "ci_high", "p_value", "p_adjusted"),
        "correlation_pairs": ("variable", "other", "n", "estimate", "ci_low", "ci_high", "p_value", "p_adjusted"),
        "model": (
            "outcome", "n", "r", "r_squared", "r_squared_ci_low", "r_squared_ci_high", "r2_adj", "std_error", "f", "df",
            "df_residual", "p_value", "wald_f", "wald_p",
        ),
        "anova": ("variation", "sum_of_squares", "df", "mean_square", "f", "p_value"),
        "coefficients": ("variable", "b", "std_error", "ci_low", "ci_high", "beta", "t", "p_value", "tolerance", "vif"),
        "other_coefficients": ("outcome", "variable", "b", "std_error", "ci_low", "ci_high", "beta", "p_value", "vif"),
        "residuals": ("assumption", "statistic", "df", "df_residual", "p_value"),
        "importance": ("variable", "rank", "share", "ci_low", "ci_high", "lmg_share", "correlation", "semipartial", "rank_share"),
        "importance_pairs": ("variable", "other", "difference", "ci_low", "ci_high", "p_adjusted"),
        "asymmetry": (
            "variable", "penalty", "penalty_ci_low", "penalty_ci_high", "reward", "reward_ci_low", "reward_ci_high", "contrast",
            "p_adjusted", "factor_kind",
        ),
        "ordered": (
            "variable", "odds_ratio", "odds_ratio_ci_low", "odds_ratio_ci_high", "p_value", "linear_p", "agrees",
            "brant_p",
        ),
        "thresholds": ("grade", "threshold", "std_error"),
        "hypotheses": (
            "hypothesis", "says", "estimate", "ci_low", "ci_high", "p_adjusted", "beta", "own_p_adjusted", "by_correlation",
            "by_regression",
        ),
        "what_if": (
            "variable", "realistic", "realistic_ci_low", "realistic_ci_high", "direct", "direct_ci_low", "direct_ci_high",
            "total", "total_ci_low", "total_ci_high", "rise",
        ),
    }  # fmt: skip
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "*": {
            **dict.fromkeys(("b", "beta", "r", "r_squared", "r2_adj", "correlation", "semipartial", "std_error"), "coefficient"),
            **dict.fromkeys(("direct", "total", "realistic"), "signed_score"),
            **dict.fromkeys(("penalty", "reward", "contrast"), "signed"),
            **dict.fromkeys(("share", "lmg_share", "rank_share", "rise"), "percent"),
            **dict.fromkeys(("wald_p", "own_p_adjusted", "linear_p", "brant_p"), "p_value"),
            **dict.fromkeys(("df", "df_residual", "n", "n_effective"), "count"),
            **dict.fromkeys(("f", "wald_f", "t", "vif", "tolerance", "mean_square", "sum_of_squares"), "decimal"),
            **dict.fromkeys(("mean", "sd", "median", "q1", "q3", "whisker_low", "whisker_high", "alpha"), "points"),
            **dict.fromkeys(("odds_ratio",), "decimal"),
            "index": "score",
        },
        "coefficients": dict.fromkeys(("ci_low", "ci_high"), "coefficient"),
        "other_coefficients": dict.fromkeys(("ci_low", "ci_high"), "coefficient"),
        "correlations": dict.fromkeys(("estimate", "ci_low", "ci_high"), "coefficient"),
        "correlation_pairs": dict.fromkeys(("estimate", "ci_low", "ci_high"), "coefficient"),
        "hypotheses": dict.fromkeys(("estimate", "ci_low", "ci_high"), "coefficient"),
        "sample": dict.fromkeys(("ci_low", "ci_high"), "percent"),
        "importance": dict.fromkeys(("ci_low", "ci_high"), "percent"),
        "importance_pairs": dict.fromkeys(("difference", "ci_low", "ci_high"), "signed_share"),
        "residuals": {"statistic": "coefficient"},
        "thresholds": {"grade": "decimal", "threshold": "coefficient"},
        "frequencies": {f"grade_{g}": "percent" for g in range(12)},
    }
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "sample": ("segment",),
        "boxes": ("variable", "segment"),
        "correlation_pairs": ("variable",),
        "other_coefficients": ("outcome",),
        "importance_pairs": ("variable",),
    }

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        """Return what titles, notes, captions and alternative texts are filled with."""
        return shown_values(self, name, lang)

    def _draw_importance(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self.tables["importance"].drop(columns="n")
        frame[["share", "ci_low", "ci_high"]] *= 100
        return intervals(
            frame, labels=self.labels, lang=lang, key="variable", value="share", kind="score", confidence=self.confidence,
            axis_label=text("drivers.axis.share", lang),
        )  # fmt: skip

    def _draw_what_if(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self.tables["what_if"]
        long = pd.concat(
            [
                frame[["variable"]].assign(
                    reading=name, estimate=frame[name], ci_low=frame[f"{name}_ci_low"], ci_high=frame[f"{name}_ci_high"]
                )
                for name in ("realistic", "direct", "total")
            ]
        )
        labels = {**self.labels, **{name: both(f"drivers.reading.{name}") for name in ("realistic", "direct", "total")}}
        return intervals(
            long, labels=labels, lang=lang, key="variable", series="reading", kind="signed_score", confidence=self.confidence,
            axis_label=text("drivers.axis.index", lang), overall=(0.0, both("drivers.axis.none")),
        )  # fmt: skip

    def _draw_boxes(self, lang: str) -> Drawing:
        from csr_lib.show.boxes import boxes

        frame = self.tables["boxes"]
        own = frame[frame["variable"] == self.outcome].reset_index(drop=True)
        described: Any = self.tables["description"].set_index("variable").loc[self.outcome]
        return boxes(
            own, labels=self.labels, lang=lang, group_by="segment", limits=(described["low"], described["high"]),
            axis_label=Words(self).outcome[lang] if isinstance(Words(self).outcome, Mapping) else str(Words(self).outcome),
        )  # fmt: skip

    def _draw_heatmap(self, lang: str) -> Drawing:
        from csr_lib.show.heatmap import heatmap

        keys = list(self.tables["description"]["variable"])
        square = correlation_matrix(self.tables["correlation_pairs"], keys)
        return heatmap(
            square,
            labels=self.labels,
            lang=lang,
            key="variable",
            triangle=True,
            scale_label=text("drivers.axis.correlation", lang),
        )

    def _draw_frequencies(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import stacked_shares

        frame = self.tables["frequencies"]
        columns = {c: self.labels[c] for c in frame.columns if c.startswith("grade_")}
        return stacked_shares(frame, labels=self.labels, lang=lang, columns=columns, key="item", colours=_graded(len(columns)))

    def _draw_asymmetry(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self.tables["asymmetry"]
        long = pd.concat(
            [
                frame[["variable"]].assign(
                    effect=name, estimate=frame[name], ci_low=frame[f"{name}_ci_low"], ci_high=frame[f"{name}_ci_high"]
                )
                for name in ("penalty", "reward")
            ]
        )
        labels = {**self.labels, **{name: both(f"drivers.reading.{name}") for name in ("penalty", "reward")}}
        return intervals(
            long, labels=labels, lang=lang, key="variable", series="effect", kind="signed", confidence=self.confidence,
            axis_label=text("drivers.axis.points", lang), overall=(0.0, both("drivers.axis.none")),
        )  # fmt: skip


def _graded(count: int) -> tuple[str, ...]:
    """Return colours from bad to good for so many grades."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    from csr_lib.show.theme import GREEN, RED

    scale = LinearSegmentedColormap.from_list("grades", [RED, "#c99a3a", "#8a94a3", "#5a9a8f", GREEN])
    return tuple(to_hex(scale(i / max(1, count - 1))) for i in range(count))


def drivers(survey: Survey, *, lang: str | None = None, **options: Any) -> DriversResult:
    """Find what moves an outcome, and by how much.

    Parameters
    ----------
    survey : answers with an outcome and ratings that may explain it.
    lang : language to show the result in; the survey's by default.
    **options : see `Options`; study.yml's ``analyses.drivers`` holds where an option is not given.

    Returns
    -------
    DriversResult
        Tables ``sample description frequencies boxes outliers correlations correlation_pairs model anova coefficients
        other_coefficients residuals importance importance_pairs asymmetry ordered thresholds hypotheses what_if``; those that the
        study cannot feed are not there, and ``missing`` says why.

    Raises
    ------
    OptionError
        Unknown options, outcome, predictors or segments; a predictor that is part of the outcome.
    AnalysisError
        No such outcome, an outcome or predictor without variance, too few complete answers, dependent predictors.

    Notes
    -----
    Least squares with case weights; errors are HC3, linearised with sampling weights (MacKinnon & White 1985; Binder 1983).
    Relative weights after Johnson (2000), LMG after Lindeman, Merenda and Gold; penalties and rewards after Brandt (1988);
    ordered logit after McCullagh (1980). The same numbers: R ``lm``, ``sandwich::vcovHC``, ``relaimpo``, ``MASS::polr``,
    ``brant``.
    """
    chosen = resolve(Options, "drivers", survey.study, options)
    lang = language(lang, survey.lang)
    segments = _segments(survey, chosen)
    answers = fetch(survey, chosen)
    people = answers.survey
    found = models.fit(answers, answers.outcome, answers.predictors, chosen)
    fits = regressions(answers, found, chosen)
    basis = people.basis(used=found.answers.kept)

    tables: dict[str, pd.DataFrame] = {}
    missing: dict[str, str] = {}

    def put(name: str, frame: pd.DataFrame | None, why: str) -> None:
        if frame is None or frame.empty:
            missing[name] = why
        else:
            tables[name] = frame

    sample, withheld = sample_table(people, segments)
    put("sample", sample, "no_segments")
    tables["description"] = description_table(answers, chosen)
    put("frequencies", frequency_table(answers), "no_grades")
    put("boxes", box_table(answers, segments), "no_segments")
    if "boxes" in tables:
        tables["outliers"] = outlier_table(tables["boxes"])
    else:
        missing["outliers"] = "no_segments"
    pairs = correlation_table(answers, chosen)
    tables["correlation_pairs"] = pairs
    tables["correlations"] = _with_outcome(pairs, answers)
    tables |= _regression_tables(answers, found, fits, chosen)
    if "other_coefficients" not in tables:
        missing["other_coefficients"] = NO_HYPOTHESES if not fits else "one_outcome"
    tables["residuals"] = residual_table(answers, found)
    tables["importance"], failed = models.importance_table(found, chosen)
    put("importance_pairs", models.importance_pairs(found, chosen), "no_bootstrap" if not chosen.bootstrap else "one_predictor")
    effects, why = models.asymmetry(answers, found, chosen)
    put("asymmetry", models.asymmetry_table(effects) if effects else None, why)
    logit, why = models.ordered(answers, found, chosen)
    put("ordered", models.ordered_table(logit, found) if logit else None, why)
    put(
        "thresholds", logit.thresholds.rename(columns={"estimate": "threshold"}).assign(n=logit.answers.n) if logit else None, why
    )
    put("hypotheses", hypothesis_table(answers, fits, pairs, chosen), NO_HYPOTHESES)
    if "hypotheses" in tables:
        tables["hypotheses"].insert(1, "says", _says(survey, tables["hypotheses"]))
    tables["what_if"] = models.what_if_table(answers, found, chosen)

    result = DriversResult(
        source=survey.source(),
        basis=basis,
        lang=lang,
        options=chosen.model_dump() | {"missing_rule": "listwise"},
        seed=chosen.seed if chosen.bootstrap else None,
        resamples=chosen.bootstrap,
        tables=tables,
        bases=_bases(answers, tables, fits, effects, logit),
        checks=tuple(make_checks(answers, found, tables, basis, effects, logit, failed, chosen)),
        labels=_labels(answers, segments, tables),
        drawn_from=_figures(tables),
        withheld=tuple(withheld),
        references=_references(tables, found, chosen),
        outcome=answers.outcome.key,
        predictors=tuple(p.key for p in answers.predictors),
        missing=missing,
    )
    return replace(result, headline=tuple(make_headline(result)), found=tuple(make_findings(result)))


def _segments(survey: Survey, options: Options) -> tuple[str, ...]:
    """Return the segments for description and box plots."""
    if options.groups is None:
        return survey.segments
    known = [c for c in survey.data.codes.columns if c not in ("role", "brand")]
    wrong = [unknown(g, known, what="segment", where=f"{WHERE}, groups") for g in options.groups if g not in known]
    if wrong:
        raise OptionError(wrong)
    return options.groups


def _with_outcome(pairs: pd.DataFrame, answers: Answers) -> pd.DataFrame:
    """Return the pairs of the outcome with each predictor, p-values adjusted over these."""
    from csr_lib.stats.resampling import holm

    own = pairs[(pairs["variable"] == answers.outcome.key) & pairs["other"].isin([p.key for p in answers.predictors])]
    own = own.assign(variable=own["other"]).drop(columns="other").reset_index(drop=True)
    return own.assign(p_adjusted=holm(own["p_value"]))


def _regression_tables(
    answers: Answers, found: Regression, fits: Mapping[str, Regression], options: Options
) -> dict[str, pd.DataFrame]:
    others = [f for f in fits.values() if f is not found]
    tables = {
        "model": pd.DataFrame([models.model_row(f, options) for f in (found, *others)]),
        "anova": found.anova.rename(columns={"part": "variation"}).assign(n=found.n),
        "coefficients": models.coefficient_table(found),
    }
    if others:
        tables["other_coefficients"] = pd.concat([models.coefficient_table(f) for f in others], ignore_index=True)
    return tables


def _says(survey: Survey, table: pd.DataFrame) -> list[Any]:
    """Return what each hypothesis says: its own words, or source → target."""
    own = {h.id: h.text for h in survey.study.hypotheses}
    out = []
    for row in table.itertuples(index=False):
        source, target = survey.label(str(row.source)), survey.label(str(row.target))
        out.append(own[str(row.hypothesis)] or both("drivers.path", source=source, target=target))
    return out


def _labels(answers: Answers, segments: Sequence[str], tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    survey = answers.survey
    study = survey.study
    keys = [*study.indicators, *study.constructs, *study.outcomes, *segments]
    labels = {key: survey.label(key) for key in keys}
    labels |= {f"{s}={v}": survey.value_label(s, v) for s in segments for v in survey.values(s)}
    own = study.outcome_construct(answers.plan.outcome)
    if own and labels[answers.plan.outcome] == answers.plan.outcome:
        labels[answers.plan.outcome] = survey.label(own)
    labels["intercept"] = both("drivers.intercept")
    if "frequencies" in tables:
        grades = [c for c in tables["frequencies"].columns if c.startswith("grade_")]
        scales = {(s.min, s.max): s for i in study.indicators if (s := _scale(answers, i))}
        named = next(iter(scales.values())).labels if len(scales) == 1 else {}
        for column in grades:
            point = int(column.removeprefix("grade_"))
            labels[column] = named.get(float(point), str(point))
    return labels


def _scale(answers: Answers, indicator: str) -> Any:
    asked = answers.survey.asked("perception")
    return answers.survey.scale(indicator) if indicator in asked else None


def _bases(
    answers: Answers, tables: Mapping[str, pd.DataFrame], fits: Mapping[str, Regression], effects: Any, logit: Any
) -> dict[str, Basis]:
    """Return the bases of the tables that do not rest on the complete answers of the main regression."""
    survey = answers.survey
    everybody = survey.basis()
    found = {"sample": everybody} if "sample" in tables else {}
    counted = {
        name: name for name in ("description", "frequencies", "outliers", "correlations", "correlation_pairs", "hypotheses")
    }
    for name, source in {**counted, "boxes": "outliers"}.items():
        if name in tables:
            n = float(tables[source]["n"].min())
            left = max(0.0, len(survey.rows) - n) if name in ("outliers", "boxes") else everybody.n - n
            found[name] = replace(
                everybody,
                n=n,
                n_effective=everybody.n_effective * n / everybody.n,
                n_missing=left,
                missing_rule="pairwise" if left else "none",
            )
    if "other_coefficients" in tables:
        others = [f for f in fits.values() if f.outcome in set(tables["other_coefficients"]["outcome"])]
        if others:
            least = min(others, key=lambda f: f.n)
            found["other_coefficients"] = survey.basis(used=least.answers.kept)
    return found


def _figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {"importance": ("importance",), "what_if": ("what_if",)}
    if "boxes" in tables:
        found["boxes"] = ("boxes",)
    if len(tables["description"]) > 2:
        found["heatmap"] = ("correlation_pairs",)
    frequencies = tables.get("frequencies")
    if frequencies is not None:
        grades = frequencies[[c for c in frequencies.columns if c.startswith("grade_")]]
        if grades.notna().all(axis=None) and grades.shape[1] <= 7:
            found["frequencies"] = ("frequencies",)
    if "asymmetry" in tables:
        found["asymmetry"] = ("asymmetry",)
    return found


def _references(tables: Mapping[str, pd.DataFrame], found: Regression, options: Options) -> tuple[str, ...]:
    keys = ["mackinnon1985", "holm1979", "johnson2000", "gromping2006", "breusch1979", "koenker1981", "ramsey1969", "jarque1987"]
    keys += ["west1995", "cook1982"]
    keys += ["binder1983"] if found.answers.kind == "sampling" else []
    keys += ["durbin1951"] if "durbin_watson" in set(tables["residuals"]["assumption"]) else []
    keys += ["tukey1977"] if "boxes" in tables else []
    keys += ["brandt1988", "matzler2002"] if "asymmetry" in tables else []
    keys += ["mccullagh1980", "brant1990"] if "ordered" in tables else []
    keys += ["cohen1988"] if "hypotheses" in tables else []
    keys += ["efron1993", "tonidandel2009"] if options.bootstrap else []
    return tuple(keys)
