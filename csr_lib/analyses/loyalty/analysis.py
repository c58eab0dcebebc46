"""Loyalty: how loyalty follows satisfaction, who is at risk of switching, and what kinds of customers there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pandas as pd
from pydantic import Field

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses._result import AnalysisResult
from csr_lib.analyses.loyalty import tables as made
from csr_lib.analyses.loyalty.checks import make_checks
from csr_lib.analyses.loyalty.findings import make_findings, make_headline
from csr_lib.analyses.loyalty.measure import ALL, TYPES, Measured, lacking, measured
from csr_lib.analyses.loyalty.words import rows_of, shown_values
from csr_lib.core.errors import OptionError, Problem
from csr_lib.core.text import both, text, words

if TYPE_CHECKING:
    from csr_lib.show import Drawing
    from csr_lib.study import Study, Survey


class Options(BaseOptions):
    """What the loyalty analysis can be asked for."""

    outcome: Literal["loyalty", "repurchase", "recommendation"] | None = Field(
        None, description="what counts as loyalty: loyalty, repurchase or recommendation; the first that the study has where None"
    )
    by: str | None = Field(None, description="a segment, or wave, to compare; the segment of `markets` where None")
    levels: tuple[float, float, float] = Field(
        (40.0, 60.0, 85.0),
        description="satisfaction, 0-100, from which customers count as so-so, basically satisfied and completely satisfied",
    )
    satisfied: float = Field(
        60.0, gt=0, lt=100, description="satisfaction, 0-100, from which a customer type counts as satisfied"
    )
    loyal: float = Field(60.0, gt=0, lt=100, description="loyalty, 0-100, from which a customer type counts as loyal")
    steps: tuple[float, ...] = Field(
        (-15.0, 15.0),
        max_length=6,
        description="how far the two cut-offs of the types are moved to see whether their shares hold",
    )
    switch_cut: float = Field(
        50.0,
        gt=0,
        le=100,
        description="repurchase (else loyalty), 0-100, below which a customer counts as switching or likely to",
    )
    contribution_cut: float | None = Field(
        None, description="contribution from which a customer counts as valuable; the weighted median where None"
    )
    bandwidth: float = Field(
        10.0, ge=3, le=50, description="how far the curve looks to either side, in points of satisfaction, 0-100"
    )
    loyalty_step: float = Field(0.05, gt=0, le=1, description="the quoted rule on value: this much more loyalty …")
    profit_low: float = Field(0.25, ge=0, le=5, description="… raises profit by at least this share (quoted, not measured)")
    profit_high: float = Field(0.85, ge=0, le=5, description="… and at most by this share (quoted, not measured)")


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what the study lacks for the loyalty analysis with `options`; empty where nothing is."""
    try:
        opted = resolve(Options, "loyalty", study, options)
        _sensible(opted)
    except OptionError as error:
        return list(error.problems)
    return lacking(study, opted.outcome)


def _sensible(options: Options) -> None:
    problems = []
    if not 0 < options.levels[0] < options.levels[1] < options.levels[2] <= 100:
        problems.append(
            Problem(
                f"the cut-offs of the levels are {', '.join(f'{v:g}' for v in options.levels)}",
                "options of loyalty, levels",
                "three rising numbers above 0, at most 100",
                "put them in order",
            )
        )
    if options.profit_low > options.profit_high:
        problems.append(
            Problem(
                f"profit_low {options.profit_low:g} is above profit_high {options.profit_high:g}",
                "options of loyalty, profit_low",
                "at most profit_high",
                "exchange them",
            )
        )
    if options.missing_rule == "em":
        problems.append(
            Problem(
                "EM completes means and covariances, not a customer's loyalty",
                "options of loyalty, missing_rule",
                "listwise",
                "use listwise",
            )
        )
    if problems:
        raise OptionError(problems)


def _ends(name: str) -> tuple[str, str, str]:
    """Return an estimate's column and those of its interval."""
    return name, f"{name}_ci_low", f"{name}_ci_high"


def _cuts(frame: pd.DataFrame) -> dict[str, Any]:
    """Return what pairs of cut-offs are called."""
    keys = zip(frame["cuts"], frame["satisfied_cut"], frame["loyal_cut"], frame["chosen"], strict=True)
    return {k: both("loyalty.cut_chosen" if c else "loyalty.cut", satisfied=f"{s:g}", loyal=f"{v:g}") for k, s, v, c in keys}


@dataclass(frozen=True, kw_only=True)
class LoyaltyResult(AnalysisResult):
    """Satisfaction and loyalty; see `loyalty`.

    Attributes
    ----------
    outcome : what counts as loyalty. leaving : what says who left or is likely to. by : what is compared, "" for nothing.
    panel_wave : the wave that is analysed where the same customers answered several, "" else.
    """

    analysis: ClassVar[str] = "loyalty"

    outcome: str = ""
    leaving: str = ""
    by: str = ""
    panel_wave: str = ""

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "levels": (
            "group",
            "level",
            "n",
            "share",
            "loyalty",
            "loyalty_ci_low",
            "loyalty_ci_high",
            "left",
            "left_ci_low",
            "left_ci_high",
        ),
        "shape": (
            "group",
            "n",
            "competitiveness",
            "below",
            "below_ci_low",
            "below_ci_high",
            "above",
            "above_ci_low",
            "above_ci_high",
            "p_adjusted",
            "reading",
        ),
        "interaction": ("test", "n", "estimate", "ci_low", "ci_high", "f", "df", "p_adjusted"),
        "types": ("group", "type", "n", *_ends("share"), *_ends("contribution_share"), *_ends("left")),
        "sensitivity": ("cuts", "n", *TYPES),
        "switching": (
            "group",
            "n",
            "basic",
            "basic_ci_low",
            "basic_ci_high",
            "complete",
            "complete_ci_low",
            "complete_ci_high",
            "ratio",
            "ratio_ci_low",
            "ratio_ci_high",
            "p_adjusted",
        ),
        "outcomes": (
            "group",
            "outcome",
            "n",
            "dissatisfied",
            "complete",
            "difference",
            "difference_ci_low",
            "difference_ci_high",
            "p_adjusted",
        ),
        "matrix": (
            "contribution",
            "loyal",
            "n",
            *_ends("share"),
            *_ends("contribution_share"),
            *_ends("mean"),
            *_ends("left"),
        ),
        "value": ("line", "basis", "n", "estimate", "ci_low", "ci_high"),
        "curve": ("group", "satisfaction", "estimate", "ci_low", "ci_high"),
    }
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "*": {
            **dict.fromkeys((*_ends("share"), *_ends("contribution_share"), *_ends("left")), "percent"),
            **dict.fromkeys(("loyalty", "loyalty_ci_low", "loyalty_ci_high"), "score"),
        },
        "shape": {
            **dict.fromkeys(("below", "below_ci_low", "below_ci_high", "above", "above_ci_low", "above_ci_high"), "signed_score"),
        },
        "interaction": {**dict.fromkeys(("estimate", "ci_low", "ci_high"), "signed"), "f": "decimal"},
        "sensitivity": dict.fromkeys(TYPES, "percent"),
        "switching": {
            **dict.fromkeys(
                ("basic", "basic_ci_low", "basic_ci_high", "complete", "complete_ci_low", "complete_ci_high"), "percent"
            ),
            **dict.fromkeys(("ratio", "ratio_ci_low", "ratio_ci_high"), "decimal"),
        },
        "outcomes": {
            "dissatisfied": "score",
            "complete": "score",
            **dict.fromkeys(("difference", "difference_ci_low", "difference_ci_high"), "signed_score"),
        },
        "matrix": dict.fromkeys(_ends("mean"), "count"),
        "value": dict.fromkeys(("estimate", "ci_low", "ci_high"), "share"),
        "curve": {"satisfaction": "count", **dict.fromkeys(("estimate", "ci_low", "ci_high"), "score")},
    }
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = dict.fromkeys(("levels", "types", "outcomes"), ("group",))

    def _emphasis(self, name: str) -> Sequence[int]:
        return [i for i, c in enumerate(self.tables[name]["chosen"]) if c] if name == "sensitivity" else ()

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        return shown_values(self, name, lang)

    def _draw_curve(self, lang: str) -> Drawing:
        from csr_lib.show.loyalty import curves

        labels = dict(self.labels)
        for row in rows_of(self, "shape"):
            if row.get("competitiveness"):
                said = {"group": words(labels[row["group"]], lang), "grade": row["competitiveness"]}
                labels[row["group"]] = text("loyalty.of_competition", lang, **said)
        return curves(
            self.tables["curve"],
            self.tables["levels"],
            labels=labels,
            lang=lang,
            cuts=self.options["levels"],
            x_label=text("loyalty.axis.satisfaction", lang),
            y_label=text("loyalty.axis.loyalty", lang, outcome=words(self.labels.get(self.outcome, self.outcome), lang)),
        )

    def _draw_types(self, lang: str) -> Drawing:
        from csr_lib.show.loyalty import fourfold, interval_line

        shares = {row["type"]: row for row in rows_of(self, "types", group=ALL)}
        fields = [
            {
                "name": both(f"value.type.{t}"),
                "lines": [interval_line(shares[t]["share"], shares[t]["share_ci_low"], shares[t]["share_ci_high"], lang)],
            }
            for t in ("locked_in", "advocates", "sceptics", "price_driven")
        ]
        points = self.tables.get("points")  # none where every square holds too few customers to be shown
        return fourfold(
            fields,
            lang=lang,
            x_label=text("loyalty.axis.satisfaction", lang),
            y_label=text("loyalty.axis.loyalty", lang, outcome=words(self.labels.get(self.outcome, self.outcome), lang)),
            cuts=(self.options["satisfied"], self.options["loyal"]),
            points=None if points is None else points.rename(columns={"satisfaction": "x", "loyalty": "y"}),
        )

    def _draw_sensitivity(self, lang: str) -> Drawing:
        return self._stacked(self.tables["sensitivity"], "cuts", lang)

    def _draw_types_by_group(self, lang: str) -> Drawing:
        wide = self.tables["types"].pivot_table(index="group", columns="type", values="share", sort=False)
        return self._stacked(wide.reset_index(), "group", lang)

    def _stacked(self, frame: pd.DataFrame, key: str, lang: str) -> Drawing:
        from csr_lib.show.estimates import stacked_shares
        from csr_lib.show.theme import AMBER, GREEN, NAVY, RED

        columns = {t: both(f"value.type.{t}") for t in TYPES}
        return stacked_shares(
            frame, labels=self.labels, lang=lang, columns=columns, colours=(GREEN, NAVY, AMBER, RED), key=key
        )  # fmt: skip

    def _draw_switching(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self.tables["levels"]
        frame = frame[frame["left"].notna()].drop(columns=["share_ci_low", "share_ci_high"])
        labels = {**self.labels, **{k: both(f"value.level.{k}") for k in frame["level"].unique()}}
        return intervals(
            frame,
            labels=labels,
            lang=lang,
            key="level",
            value="left",
            group_by="group",
            kind="percent",
            confidence=self.confidence,
            axis_label=text("loyalty.axis.left", lang),
        )

    def _draw_matrix(self, lang: str) -> Drawing:
        from csr_lib.show.loyalty import fourfold, interval_line

        cells = {(row["contribution"], row["loyal"]): row for row in rows_of(self, "matrix")}
        fields = []
        for worth, loyal in (("high", "low"), ("high", "high"), ("low", "low"), ("low", "high")):
            row = cells[worth, loyal]
            fields.append(
                {
                    "name": both(f"loyalty.matrix.{worth}_{loyal}"),
                    "lines": [
                        interval_line(row["share"], row["share_ci_low"], row["share_ci_high"], lang),
                        text("loyalty.matrix.worth", lang, share=row["contribution_share"]),
                    ],
                }
            )
        return fourfold(
            fields,
            lang=lang,
            x_label=text("loyalty.axis.low_high_loyalty", lang),
            y_label=text("loyalty.axis.low_high_contribution", lang),
        )


def loyalty(survey: Survey, *, lang: str | None = None, **options: Any) -> LoyaltyResult:
    """Say how loyalty follows satisfaction, by market, and what kinds of customers there are.

    Parameters
    ----------
    survey : answers with the outcome satisfaction and at least one of loyalty, repurchase, recommendation; contribution and the
        competitiveness of markets are used where they are there.
    lang : language to show the result in; the survey's by default.
    **options : see `Options`; study.yml's ``analyses.loyalty`` holds where an option is not given.

    Returns
    -------
    LoyaltyResult
        Tables ``levels curve shape types points sensitivity outcomes``, and where the study can feed them ``interaction switching
        matrix value``.

    Raises
    ------
    OptionError
        Unknown options or segments, cut-offs that do not rise, EM.
    AnalysisError
        No satisfaction or loyalty, too few answers, or answers that are all the same.

    Notes
    -----
    All outcomes are turned into 0–100. Four levels of satisfaction, four types by satisfaction × loyalty (Jones & Sasser 1995
    fix none: the cut-offs are options, and ``sensitivity`` shows what depends on them). The curve is a local linear smooth with a
    bootstrap band; straightness is tested by adding square and cube, differences of markets by interactions (robust Wald F).
    """
    chosen = resolve(Options, "loyalty", survey.study, options)
    _sensible(chosen)
    lang = language(lang, survey.lang)
    data = measured(survey, chosen)
    tables = {
        "levels": _placed(data, made.levels_table(data, chosen)),
        "curve": made.curve_table(data, chosen),
        "shape": made.shape_table(data, chosen),
    }
    if len(data.groups) > 1:
        tables["interaction"] = made.interaction_table(data, chosen)
    tables["types"] = made.types_table(data, chosen)
    tables["points"] = made.points_table(data)
    tables["sensitivity"] = made.sensitivity_table(data, chosen)
    tables["switching"] = made.switching_table(data, chosen)
    tables["outcomes"] = made.outcomes_table(data, chosen)
    tables["matrix"] = made.matrix_table(data, chosen)
    tables["value"] = made.value_table(data, chosen, tables["switching"])
    tables = {name: frame for name, frame in tables.items() if len(frame)}
    if "matrix" not in tables:
        tables["types"] = tables["types"].drop(columns=list(_ends("contribution_share")))
    if data.leaving == data.outcome:  # the type decides who left
        for name in [n for n in ("types", "matrix") if n in tables]:
            tables[name] = tables[name].drop(columns=[c for c in _ends("left") if c in tables[name]])
    if data.competitiveness:
        tables["shape"]["competitiveness"] = ["" if v != v else f"{v:g}" for v in tables["shape"]["competitiveness"]]
    else:
        tables["shape"] = tables["shape"].drop(columns="competitiveness")
    basis = data.survey.basis(used=data.used)
    result = LoyaltyResult(
        source=(data.survey if data.panel_wave else survey).source(),
        basis=basis,
        lang=lang,
        options=chosen.model_dump()
        | {"levels": list(chosen.levels), "steps": list(chosen.steps), "leaving_binary": data.leaving_binary}
        | {"min_cell": data.survey.study.min_cell},
        seed=chosen.seed if chosen.bootstrap else None,
        resamples=chosen.bootstrap,
        tables=tables,
        checks=tuple(make_checks(survey, data, tables, basis)),
        labels=data.labels | {ALL: both("loyalty.all")} | _cuts(tables["sensitivity"]),
        drawn_from=_figures(tables),
        withheld=data.withheld,
        references=("jones1995", "reichheld1990", "fan1996", *(("holm1979",) if data.groups else ())),
        outcome=data.outcome,
        leaving=data.leaving,
        by=data.by if data.groups else "",
        panel_wave=data.panel_wave,
    )
    return replace(result, headline=tuple(make_headline(result)), found=tuple(make_findings(result)))


def _placed(data: Measured, frame: pd.DataFrame) -> pd.DataFrame:
    """Add to each level where on the satisfaction axis its mean is drawn."""
    at = {
        (g, v): float((p["satisfaction"] * p["weight"]).sum() / p["weight"].sum())
        for g, part in data.parts()
        for v, p in part.groupby("level")
    }
    return frame.assign(at=[at.get((g, v), float("nan")) for g, v in zip(frame["group"], frame["level"], strict=True)])


def _figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    figures: dict[str, tuple[str, ...]] = {
        "curve": ("curve", "levels"),
        "types": ("types", *(("points",) if "points" in tables else ())),
        "sensitivity": ("sensitivity",),
    }
    if tables["levels"]["left"].notna().any():
        figures["switching"] = ("levels",)
    if len(set(tables["types"]["group"])) > 1:
        figures["types_by_group"] = ("types",)
    if "matrix" in tables:
        figures["matrix"] = ("matrix",)
    return figures
