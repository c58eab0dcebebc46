"""Gap analysis: expectation against perception (P−E, SERVQUAL), zone of tolerance, the five service-quality gaps, rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pandas as pd
from pydantic import Field

from csr_lib.analyses._options import BaseOptions, language, resolve
from csr_lib.analyses._result import AnalysisResult
from csr_lib.analyses.gap.checks import make_checks, reliability_table
from csr_lib.analyses.gap.findings import make_findings, make_headline
from csr_lib.analyses.gap.five import Ranking, five_gaps, ranking
from csr_lib.analyses.gap.scores import LOOSE, Pairs, Plan, lacking, make_plan
from csr_lib.analyses.gap.tables import ALL, dimensions_table, groups_table, indicators_table, servqual_table, zone_tables
from csr_lib.analyses.gap.words import Words, shown_values
from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown
from csr_lib.core.result import Basis
from csr_lib.core.text import LANGUAGES, both, text
from csr_lib.core.text import words as join_words

if TYPE_CHECKING:
    from csr_lib.show import Drawing
    from csr_lib.study import Study, Survey


class Options(BaseOptions):
    """What the gap analysis can be asked for."""

    indicators: tuple[str, ...] | None = Field(
        None, min_length=1, description="keys of the indicators to analyse; all where None"
    )
    dimensions: tuple[str, ...] | None = Field(
        None, min_length=1, description="constructs to analyse; all that can be where None"
    )
    role: Literal["customer", "user"] = Field("customer", description="whose expectation and perception: customer or user")
    unit: Literal["points", "percent"] = Field(
        "points", description="points of the scale, or percent: 0–100 of each question's scale"
    )
    test: Literal["t", "wilcoxon"] = Field(
        "t", description="t (paired t test) or wilcoxon (signed ranks; not with sampling weights)"
    )
    adjust: Literal["holm", "bonferroni", "fdr", "none"] = Field(
        "holm", description="for many tests: holm, bonferroni, fdr or none"
    )
    by: str | None = Field(None, description="a segment, or wave: the gaps by group as well")
    rank_by: Literal["importance", "expectation"] | None = Field(
        None, description="what dimensions are ranked by: importance or expectation; importance where it was asked, where None"
    )
    answered: float = Field(
        0.5, gt=0, le=1, description="least share of a dimension's indicators answered for a score, above 0 to 1"
    )


def feeds(study: Study, **options: Any) -> list[Problem]:
    """Return what the study lacks for a gap analysis with `options`; empty where nothing is."""
    try:
        opted = resolve(Options, "gap", study, options)
    except OptionError as error:
        return list(error.problems)
    return lacking(study, opted.role)


@dataclass(frozen=True, kw_only=True)
class GapResult(AnalysisResult):
    """Gaps with their tests; see `gap`.

    Attributes
    ----------
    missing : what could not be computed, table or ``gap_1`` … ``gap_4`` -> reason.
    ranked_by : what the two rankings are made by, ``importance`` or ``expectation``, "" where there are none.
    company : the roles that speak for the company in them.
    rule_replaced : study.yml asks for EM, which a difference cannot use; pairwise was used.
    """

    analysis: ClassVar[str] = "gap"

    missing: Mapping[str, str] = field(default_factory=dict)
    ranked_by: str = ""
    company: tuple[str, ...] = ()
    rule_replaced: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "company", tuple(self.company))

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "indicators": (
            "construct", "indicator", "n", "expectation", "perception", "gap", "ci_low", "ci_high", "p_adjusted", "effect_size",
            "share_short", "reading",
        ),
        "dimensions": (
            "construct", "n", "expectation", "perception", "gap", "ci_low", "ci_high", "p_adjusted", "effect_size", "share_short",
            "weight", "weighted_gap", "contribution", "rank",
        ),
        "servqual": ("score", "n", "estimate", "gap_share", "std_error", "ci_low", "ci_high", "p_value"),
        "zone": (
            "construct", "n", "adequate", "perception", "expectation", "adequacy", "adequacy_ci_low", "adequacy_ci_high",
            "position", "zone", "certain",
        ),
        "zone_by_indicator": (
            "construct", "indicator", "n", "adequate", "perception", "expectation", "adequacy", "position", "zone", "certain",
        ),
        "five_gaps": (
            "name", "estimate", "ci_low", "ci_high", "p_adjusted", "n_customers", "n_management", "n_staff", "missing",
        ),
        "five_gaps_by_indicator": ("name", "construct", "indicator", "estimate", "ci_low", "ci_high", "p_adjusted"),
        "gaps_of_indicators": ("construct", "indicator", "gap_1", "gap_2", "gap_3", "gap_4", "gap_5"),
        "ranking": (
            "construct", "customers", "customers_ci_low", "customers_ci_high", "customers_rank", "company", "company_ci_low",
            "company_ci_high", "company_rank", "rank_difference",
        ),
        "ranking_by_indicator": (
            "construct", "indicator", "customers", "customers_rank", "company", "company_rank", "rank_difference",
        ),
        "ranking_correlation": ("level", "measure", "ranked", "estimate", "p_value", "smallest_p"),
        "reliability": ("construct", "n", "items", "alpha_expectation", "alpha_perception", "correlation", "reliability"),
        "groups": (
            "group", "construct", "n", "expectation", "perception", "gap", "ci_low", "ci_high", "difference", "p_adjusted",
        ),
    }  # fmt: skip
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "*": {
            **dict.fromkeys(("gap", "ci_low", "ci_high", "difference", "contribution", "weighted_gap"), "signed"),
            **dict.fromkeys(("superiority", "adequacy"), "signed"),
            **dict.fromkeys(("share_short", "weight"), "percent"),
            **dict.fromkeys(("gap_1", "gap_2", "gap_3", "gap_4", "gap_5"), "signed"),
            "gap_share": "signed_share",
            "n_customers": "count",
            "n_management": "count",
            "n_staff": "count",
        },
        "servqual": {"estimate": "signed", "std_error": "coefficient"},
        "five_gaps": {"gap": "count", "estimate": "signed"},
        "five_gaps_by_indicator": {"estimate": "signed"},
        "ranking": {"rank_difference": "signed_count"},
        "ranking_by_indicator": {"rank_difference": "signed_count"},
        "ranking_correlation": {"smallest_p": "p_value"},
        "reliability": dict.fromkeys(("alpha_expectation", "alpha_perception", "correlation", "reliability"), "decimal"),
    }
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "indicators": ("construct",),
        "zone_by_indicator": ("construct",),
        "five_gaps_by_indicator": ("name", "construct"),
        "gaps_of_indicators": ("construct",),
        "ranking_by_indicator": ("construct",),
        "ranking_correlation": ("level",),
        "groups": ("group",),
    }

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        """Return what titles, notes, captions and alternative texts are filled with."""
        return shown_values(self, name, lang)

    def _axis(self, lang: str) -> str:
        return text(f"gap.axis.{self.options['unit']}", lang)

    def _profile(self, frame: pd.DataFrame, lang: str) -> Drawing:
        from csr_lib.show.profile import gap_profile

        return gap_profile(frame, labels=self.labels, lang=lang, confidence=self.confidence, axis_label=self._axis(lang))

    def _draw_profile(self, lang: str) -> Drawing:
        return self._profile(self.tables["indicators"], lang)

    def _draw_zone(self, lang: str) -> Drawing:
        names = {f"superiority{end}": f"gap{end}" for end in ("", "_ci_low", "_ci_high")}
        return self._profile(self.tables["zone_by_indicator"].rename(columns=names), lang)

    def _draw_radar(self, lang: str) -> Drawing:
        from csr_lib.show.profile import radar

        return radar(self.tables["dimensions"], labels=self.labels, lang=lang)

    def _draw_five_gaps(self, lang: str) -> Drawing:
        from csr_lib.show.five_gaps import five_gaps as drawing

        names = {k: both(f"gap.gaps.{k}") for k in range(1, 6)}
        frame, w = self.tables["five_gaps"], Words(self)
        told = [w.reading(e, p) != "even" for e, p in zip(frame["estimate"], frame["p_adjusted"], strict=True)]
        return drawing(frame.assign(told=told), labels=self.labels, lang=lang, names=names)  # in the colours of the sentences

    def _draw_ranking(self, lang: str) -> Drawing:
        from csr_lib.show.change import rank_slopes

        return rank_slopes(
            self.tables["ranking"],
            labels=self.labels,
            lang=lang,
            left="customers_rank",
            right="company_rank",
            left_label=text("gap.side.customers", lang),
            right_label=text("gap.side.company", lang),
        )

    def _draw_groups(self, lang: str) -> Drawing:
        from csr_lib.show.profile import gap_bars

        frame = self.tables["groups"]
        frame = frame[frame["construct"] == ALL].reset_index(drop=True)
        axis = self._axis(lang) if self.options["unit"] == "percent" else None
        return gap_bars(frame, labels=self.labels, lang=lang, key="group", confidence=self.confidence, axis_label=axis)


def gap(survey: Survey, *, lang: str | None = None, **options: Any) -> GapResult:
    """Compare what customers expect with what they get, and what the company believes, sets, delivers and promises.

    Parameters
    ----------
    survey : answers with expectation and perception; management's, staff's, standards and promises are used where they are there.
    lang : language to show the result in; the survey's by default.
    **options : see `Options`; study.yml's ``analyses.gap`` holds where an option is not given.

    Returns
    -------
    GapResult
        Tables ``indicators dimensions servqual zone zone_by_indicator five_gaps five_gaps_by_indicator gaps_of_indicators ranking
        ranking_by_indicator ranking_correlation reliability groups``; those that the study cannot feed are not there, and
        ``missing`` says why.

    Raises
    ------
    OptionError
        Unknown options, indicators, dimensions or groups; Wilcoxon's test with sampling weights; ``missing_rule="em"``, which
        completes moments but no respondent's difference.
    AnalysisError
        No indicator with both expectation and perception, ratings on different scales, or too few complete answers.

    Notes
    -----
    Gap = perception − expectation of the same respondent, in scale points, negative = shortfall (Parasuraman, Zeithaml & Berry
    1988). A dimension's score is the mean of the gaps that a respondent gave of its indicators, SERVQUAL the mean of the
    dimensions, weighted by stated points where there are some. Signs of the five gaps: 1 management's − customers' expectation;
    2 standard − management's expectation; 3 staff's perception of delivery (customers', where staff were not asked) − standard;
    4 customers' perception − promise; 5 perception − expectation. The same numbers: R ``t.test(p, e, paired = TRUE)``,
    ``survey::svymean``, ``p.adjust``.
    """
    chosen = resolve(Options, "gap", survey.study, options)
    lang = language(lang, survey.lang)
    customers = _customers(survey, chosen)
    plan, pairs, left_out = _pairs(customers, make_plan(survey.study, chosen), chosen)

    tables = {"indicators": indicators_table(pairs, chosen)}
    missing: dict[str, str] = {}
    if plan.dimensions:
        tables["dimensions"] = dimensions_table(pairs, chosen)
        tables["reliability"] = reliability_table(pairs)
    else:
        missing["dimensions"] = "no_dimensions"
    tables["servqual"] = servqual_table(pairs, chosen)
    zone = zone_tables(customers, plan, chosen)
    tables |= zone
    if not zone:
        missing["zone"] = "no_adequate"
    tables["five_gaps"], tables["five_gaps_by_indicator"] = five_gaps(survey, pairs, chosen)
    if tables["five_gaps"]["estimate"].notna().sum() > 1:
        tables["gaps_of_indicators"] = _wide(tables["five_gaps_by_indicator"])
    five = tables["five_gaps"]
    missing |= {f"gap_{number}": reason for number, reason in zip(five["gap"], five["missing"], strict=True) if reason}
    ranked = ranking(survey, plan, chosen)
    tables |= ranked.tables
    if ranked.missing:
        missing["ranking"] = ranked.missing
    withheld: list[Any] = []
    labels = _labels(survey, plan, five)
    if not plan.dimensions:  # a column of nothing but "without dimension" tells nobody anything
        tables = {name: frame.drop(columns="construct", errors="ignore") for name, frame in tables.items()}
    if chosen.by:
        tables["groups"], withheld, names = groups_table(customers, plan, chosen.by, chosen)
        labels |= names
        if tables["groups"].empty:
            del tables["groups"]
            missing["groups"] = "few_groups"
    else:
        missing["groups"] = "no_groups"

    result = GapResult(
        source=survey.source(),
        basis=pairs.basis,
        lang=lang,
        options=chosen.model_dump() | {"missing_rule": plan.missing_rule, "low": plan.low, "high": plan.high},
        seed=chosen.seed if chosen.bootstrap else None,
        resamples=chosen.bootstrap,
        tables=tables,
        bases=_bases(tables, pairs, ranked),
        checks=tuple(make_checks(survey, customers, pairs, tables, left_out, chosen)),
        labels=labels,
        drawn_from=_figures(tables),
        withheld=tuple(withheld),
        references=_references(tables, plan, chosen),
        missing=missing,
        ranked_by=ranked.kind,
        company=ranked.roles,
        rule_replaced=(chosen.missing_rule or survey.study.missing_rule) == "em",
    )
    return replace(result, headline=tuple(make_headline(result)), found=tuple(make_findings(result)))


def _customers(survey: Survey, options: Options) -> Survey:
    """Return the respondents whose gap it is, about the own brand; raise where the options cannot go with them."""
    where = "options of gap"
    if options.missing_rule == "em":
        raise OptionError(
            "EM completes means and covariances, not the difference that a respondent feels",
            where=f"{where}, missing_rule",
            allowed="listwise, pairwise",
            mend="use pairwise to keep every pair of answers",
        )
    if options.test == "wilcoxon" and survey.weight_kind == "sampling":
        raise OptionError(
            "Wilcoxon's test knows no sampling weights", where=f"{where}, test", allowed="t", mend="use the paired t test"
        )
    groupings = [c for c in survey.data.codes.columns if c not in ("role", "brand")]
    if options.by and options.by not in groupings:
        raise OptionError([unknown(options.by, groupings, what="segment", where=f"{where}, by")])
    if options.role not in survey.roles:
        raise AnalysisError(
            f"nobody answered as {options.role}",
            where="answers",
            allowed=", ".join(survey.roles),
            mend="check `role:` in study.yml and the filter, or ask for another role",
        )
    found = survey.role(options.role) if len(survey.roles) > 1 else survey
    if survey.study.competition and len(found.values("brand")) > 1:
        found = found.where({"brand": survey.study.competition.us})
    return found


def _pairs(customers: Survey, plan: Plan, options: Options) -> tuple[Plan, Pairs, list[str]]:
    """Return the plan that the answers can carry, its pairs, and the indicators left out because too few answered them."""
    least = max(2, customers.study.min_cell)
    pairs = Pairs.of(customers, plan)
    counts = pairs.gap.notna().sum()
    if plan.missing_rule == "pairwise":
        few = [str(i) for i in counts.index if counts[i] < least]
        plan = plan.without(few)
        pairs = Pairs.of(customers, plan) if few and plan.indicators else pairs
    else:
        few = []
    if not plan.indicators or len(pairs.gap) < least:
        every = Pairs.of(customers, replace(plan, missing_rule="pairwise")).gap.notna().sum().sort_values(kind="stable")
        fewest = ", ".join(f"{i} {n}" for i, n in every.head(3).items())
        raise AnalysisError(
            f"only {len(pairs.gap)} of {len(customers.rows)} {options.role}s gave every pair of expectation and perception "
            f"(fewest pairs: {fewest})",
            where="answers",
            allowed=f"at least {least} (min_cell)",
            mend="use missing_rule: pairwise, or leave out indicators that few answered (`indicators`)",
        )
    return plan, pairs, few


def _wide(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per indicator with a column per gap."""
    wide = frame.pivot_table(index=["construct", "indicator"], columns="gap", values="estimate", sort=False)
    wide.columns = pd.Index([f"gap_{c}" for c in wide.columns])
    order = frame.loc[frame["gap"] == 5, "indicator"].tolist()
    return wide.reset_index().set_index("indicator").loc[order].reset_index()[["construct", "indicator", *sorted(wide.columns)]]


def _labels(survey: Survey, plan: Plan, five: pd.DataFrame) -> dict[str, Any]:
    keys = [*plan.indicators, *plan.dimensions, *survey.segments]
    codes = {code for joined in five["missing"] for code in joined.split("+") if code}
    words: dict[str, Any] = {ALL: both("gap.all"), LOOSE: both("gap.no_dimension"), "": both("gap.none")}
    words |= {code: both(f"gap.missing.{code}") for code in codes}
    words |= {
        joined: {lang: join_words([words[c] for c in joined.split("+")], lang) for lang in LANGUAGES}
        for joined in five["missing"]
        if "+" in joined
    }
    return {**words, **{key: survey.label(key) for key in keys}}


def _bases(tables: Mapping[str, pd.DataFrame], pairs: Pairs, ranked: Ranking) -> dict[str, Basis]:
    """Return the bases of the tables that rest on other answers than the pairs of expectation and perception."""
    own = {name: ranked.basis for name in ranked.tables if ranked.basis}
    asked = pairs.basis.n + (pairs.basis.n_missing if pairs.plan.missing_rule == "listwise" else 0.0)
    for name in ("zone", "zone_by_indicator"):
        if name in tables:
            n, effective = float(tables[name]["n"].min()), float(tables[name]["n_effective"].min())
            rule = pairs.plan.missing_rule if asked > n else "none"
            own[name] = replace(pairs.basis, n=n, n_effective=effective, n_missing=max(0.0, asked - n), missing_rule=rule)
    return own


def _figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {"profile": ("indicators",)}
    if len(tables.get("dimensions", ())) >= 3:
        found["radar"] = ("dimensions",)
    if "zone_by_indicator" in tables:
        found["zone"] = ("zone_by_indicator",)
    if tables["five_gaps"]["estimate"].notna().sum() > 1:  # with gap 5 alone the model would be boxes that lack their numbers
        found["five_gaps"] = ("five_gaps",)
    found |= {name: (name,) for name in ("ranking", "groups") if name in tables}
    return found


def _references(tables: Mapping[str, pd.DataFrame], plan: Plan, options: Options) -> tuple[str, ...]:
    keys = ["parasuraman1985", "parasuraman1988", "cohen1988"]
    keys += {"holm": ["holm1979"], "fdr": ["benjamini1995"]}.get(options.adjust, [])
    keys += ["wilcoxon1945"] if options.test == "wilcoxon" else []
    keys += ["zeithaml1990"] if plan.weights else []
    keys += ["zeithaml1993", "parasuraman1994"] if "zone" in tables or "zone_by_indicator" in tables else []
    keys += ["peter1993"] if "reliability" in tables else []
    keys += ["efron1993"] if options.bootstrap and {"zone_by_indicator", "ranking"} & tables.keys() else []
    return tuple(keys)
