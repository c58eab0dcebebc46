"""Fuzzy evaluation: the Result and how its tables and figures are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from csr_lib.analyses._result import AnalysisResult
from csr_lib.analyses.fuzzy_evaluation.system import NAME, NORMALISED, RESULT, ROOT
from csr_lib.analyses.fuzzy_evaluation.words import shown_values
from csr_lib.core.text import text

if TYPE_CHECKING:
    from csr_lib.show import Drawing

#: Up to so many indicators the weights of each are drawn; of more, those of the constructs that hold them.
MOST_DOTS = 10


@dataclass(frozen=True, kw_only=True)
class FuzzyEvaluationResult(AnalysisResult):
    """A fuzzy comprehensive evaluation; see `fuzzy_evaluation`.

    Attributes
    ----------
    missing : set of weights that there is none of -> why (``not_stated``, or what was wrong).
    wave : the wave evaluated, "" where there is one only or all are taken together.
    rule_replaced : study.yml asks for EM, which does not complete answers; pairwise was used.
    stretched : indicators with a scale of their own, put on that of the study.
    grades_stated : whether study.yml names the grades.
    """

    analysis: ClassVar[str] = NAME

    missing: Mapping[str, str] = field(default_factory=dict)
    wave: str = ""
    rule_replaced: bool = False
    stretched: tuple[str, ...] = ()
    grades_stated: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "stretched", tuple(self.stretched))

    @property
    def grades(self) -> tuple[str, ...]:
        """Columns that hold the grades, in order."""
        return tuple(f"grade_{i}" for i in range(1, len(self.options["grade_points"]) + 1))

    @property
    def table_columns(self) -> Mapping[str, Sequence[str]]:  # type: ignore[override]
        """The columns shown, table by table; those of the grades depend on the study."""
        said = ("score", "ci_low", "ci_high", "grade", "grade_share", "effectiveness")
        sets = [c for c in self.tables["weights"].columns if c not in ("item", "parent")]
        return {
            "evaluation": ("item", "parent", *said, *self.grades),
            "memberships": ("parent", "indicator", "n", *self.grades),
            "priorities": ("rank", "indicator", "weight", "score", "ci_low", "ci_high", "loss", "loss_share"),
            "composition": ("node", "item", "weight", *self.grades),
            "operators": ("operator", *said, *self.grades),
            "sensitivity": ("weights", "operator", *said),
            "system": ("parent", "item", "weight", "overall", "minimum", "maximum"),
            "weights": ("parent", "item", *sets),
            "weight_intervals": ("weights", "item", "weight", "ci_low", "ci_high"),
            "data_weights": ("indicator", "entropy", "divergence", "contrast", "conflict", "information", "coefficient"),
            "experts": ("weights", "expert", "cr", "first", "first_weight", "grade", "score"),
            "consistency": (
                "node", "expert", "parts", "lambda_max", "ci", "ri", "cr", "row", "column", "judgement", "fitting",
                "cr_if_fitting",
            ),
            "ahp_methods": ("node", "item", "eigenvector", "geometric", "column_mean"),
            "groups": (
                "segment", "group", "n", "grade", "grade_share", "score", "ci_low", "ci_high", "difference", "difference_ci_low",
                "difference_ci_high", "p_adjusted",
            ),
            "groups_by_construct": (
                "segment", "group", "item", "n", "score", "ci_low", "ci_high", "difference", "difference_ci_low",
                "difference_ci_high", "p_adjusted",
            ),
        }  # fmt: skip

    @property
    def table_formats(self) -> Mapping[str, Mapping[str, str]]:  # type: ignore[override]
        """Formats by table; memberships have three digits, as they are printed in the field."""
        sets = [c for c in self.tables["weights"].columns if c not in ("item", "parent")]
        return {
            "*": {
                **dict.fromkeys(self.grades, "coefficient"),
                **dict.fromkeys(("weight", "overall", "minimum", "maximum", "first_weight", *sets), "coefficient"),
                **dict.fromkeys(("grade_share", "loss_share"), "percent"),
                **dict.fromkeys(("membership_ci_low", "upper_ci_low"), "coefficient"),
                **dict.fromkeys(("score", "loss"), "score"),
                **dict.fromkeys(("difference", "difference_ci_low"), "signed_score"),
                **dict.fromkeys(("cr", "ci", "lambda_max", "cr_if_fitting"), "coefficient"),
                **dict.fromkeys(("entropy", "divergence", "contrast", "information", "coefficient"), "coefficient"),
                **dict.fromkeys(("eigenvector", "geometric", "column_mean"), "coefficient"),
                **dict.fromkeys(("ri", "judgement", "fitting", "effectiveness", "conflict"), "decimal"),
                **dict.fromkeys(("n", "parts", "rank"), "count"),
                "ci_low": "score",
            },
            "weight_intervals": {"ci_low": "coefficient"},
        }

    table_groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "memberships": ("parent",),
        "composition": ("node",),
        "sensitivity": ("weights",),
        "system": ("parent",),
        "weights": ("parent",),
        "weight_intervals": ("weights",),
        "experts": ("weights",),
        "consistency": ("node",),
        "ahp_methods": ("node",),
        "groups": ("segment",),
        "groups_by_construct": ("segment", "group"),
    }

    def _emphasis(self, name: str) -> Sequence[int]:
        frame = self.tables[name]
        if name == "evaluation":
            return [0]
        if name == "composition":
            return [i for i, item in enumerate(frame["item"]) if item in (RESULT, NORMALISED)]
        if name == "operators":
            return [i for i, o in enumerate(frame["operator"]) if o == self.options["operator"]]
        return ()

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        return shown_values(self, name, lang)

    def _grade_names(self, lang: str) -> dict[str, str]:
        return {key: self.label(key, lang) for key in self.grades}

    def _rising(self) -> bool:
        values = self.options["grade_values"]
        return bool(values[0] < values[-1])

    def _shares(self, frame: pd.DataFrame, key: str, group: str | None, lang: str) -> Drawing:
        from csr_lib.show.estimates import stacked_shares
        from csr_lib.show.grades import grade_colours

        return stacked_shares(
            frame,
            labels=self.labels,
            lang=lang,
            columns=self._grade_names(lang),
            colours=grade_colours(len(self.grades), rising=self._rising()),
            key=key,
            group_by=group,
            axis_label=text(f"{NAME}.axis.membership", lang),
        )

    def _by_level(self) -> pd.DataFrame:
        """The whole and the constructs, level by level; `parent` names the heading that they stand under."""
        frame = self.tables["evaluation"].sort_values("level", kind="stable")
        return frame.assign(parent=[f"within_{p}" if p else "" for p in frame["parent"]])

    def _draw_memberships(self, lang: str) -> Drawing:
        return self._shares(self._by_level(), "item", "parent", lang)

    def _draw_indicators(self, lang: str) -> Drawing:
        frame = self.tables["memberships"]
        return self._shares(frame, "indicator", "parent" if len(set(frame["parent"])) > 1 else None, lang)

    def _draw_scores(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self._by_level()
        frame = frame[frame["item"] != ROOT]
        return intervals(
            frame,
            labels=self.labels,
            lang=lang,
            key="item",
            value="score",
            group_by="parent" if len(set(frame["parent"])) > 1 else None,
            overall=(float(self.tables["evaluation"]["score"].iloc[0]), self.labels[ROOT]),
            confidence=self.confidence,
            axis_label=text(f"{NAME}.axis.score", lang),
            show_n=False,
        )

    def _draw_groups(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        return intervals(
            self.tables["groups"],
            labels=self.labels,
            lang=lang,
            key="group",
            value="score",
            group_by="segment",
            overall=(float(self.tables["evaluation"]["score"].iloc[0]), self.labels[ROOT]),
            confidence=self.confidence,
            axis_label=text(f"{NAME}.axis.score", lang),
        )

    def _draw_weights(self, lang: str) -> Drawing:
        from csr_lib.show.weights import weight_dots

        wide = self.tables["weights"]
        leaves = wide["item"].isin(self.tables["memberships"]["indicator"])
        rows = wide[leaves]
        if len(rows) > MOST_DOTS:
            parents = list(dict.fromkeys(self.tables["memberships"]["parent"]))
            rows = wide.set_index("item").loc[[p for p in parents if p != ROOT]].reset_index()
        sets = [c for c in wide.columns if c not in ("item", "parent")]
        long = rows.melt(id_vars="item", value_vars=sets, var_name="weights", value_name="weight")
        known = self.tables.get("weight_intervals")
        if known is not None:
            long = long.merge(known[["weights", "item", "ci_low", "ci_high"]], on=["weights", "item"], how="left")
        return weight_dots(
            long, labels=self.labels, lang=lang, chosen=str(self.options["weights"]), confidence=self.confidence,
            axis_label=text(f"{NAME}.axis.weight", lang),
        )  # fmt: skip

    def _draw_sensitivity(self, lang: str) -> Drawing:
        from csr_lib.show.grades import winner_grid

        frame = self.tables["sensitivity"]
        operators = {o: text(f"{NAME}.operator.{o}", lang) for o in dict.fromkeys(frame["operator"])}
        return winner_grid(
            frame,
            labels=self.labels,
            lang=lang,
            grades=self.grades,
            columns=operators,
            rising=self._rising(),
            chosen=(str(self.options["weights"]), str(self.options["operator"])),
        )
