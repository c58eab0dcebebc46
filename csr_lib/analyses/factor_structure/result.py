"""How the result of a factor structure shows its tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from csr_lib.analyses._result import AnalysisResult
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import text

if TYPE_CHECKING:
    from csr_lib.show import Drawing

_COEFFICIENT = dict.fromkeys(("estimate", "std_error", "ci_low", "ci_high"), "coefficient")
_ESTIMATE = ("estimate", "ci_low", "ci_high", "p_value")


@dataclass(frozen=True, kw_only=True)
class FactorStructureResult(AnalysisResult):
    """What the items measure, whether the constructs hold, and what follows from them.

    Attributes
    ----------
    missing : part (``cfa structure scores groups hypotheses``) -> key of the reason why it is not there.
    target : the construct or outcome that is explained; "" without one.
    explained : R² of the target's regression on the factor scores; None without one.
    """

    analysis: ClassVar[str] = "factor_structure"

    missing: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    explained: float | None = None

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "funnel": ("funnel_stage", "n", "rate"),
        "levels": ("construct", "items", "n", "index", "ci_low", "ci_high"),
        "reliability": (
            "construct", "items", "n", "alpha", "ci_low", "ci_high", "omega", "omega_ci_low", "omega_ci_high", "mean_correlation",
        ),
        "adequacy": ("correlation_kind", "kmo", "chi2", "df", "p_value", "above_one", "used"),
        "retention": ("retention_rule", "suggested", "used"),
        "variance": ("factor", "factor_match", "eigenvalue", "ss_loadings", "share", "cumulative"),
        "grouping": (
            "factor", "item", "loading", "ci_low", "ci_high", "stable", "second_factor", "second_loading", "communality",
        ),
        "items": (
            "construct", "item", "n", "mean", "ci_low", "ci_high", "sd", "skewness", "item_rest", "alpha_if_deleted", "kmo",
        ),
        "eigenvalues": (
            "number", "eigenvalue", "share", "cumulative", "chance_mean", "chance_high",
            "factor_eigenvalue", "factor_chance_high",
        ),
        "cfa_loadings": ("construct", "item", "estimate", "ci_low", "ci_high", "p_value", "r_squared"),
        "validity": ("construct", "items", "least_loading", "cr", "ave", "shared", "htmt", "htmt_with"),
        "fit": ("fit_measure", "criterion", "cfa", "cfa_met", "structure", "structure_met", "fit_source"),
        "fit_measures": (
            "fit_model", "chi2", "df", "p_value", "rmsea", "rmsea_ci_low", "rmsea_ci_high", "n_parameters", "aic", "bic",
        ),
        "discriminant": ("source", "target", "estimate", "ci_low", "ci_high", "correlation", "holds"),
        "paths": ("source", "target", "estimate", "ci_low", "ci_high", "p_value", "b"),
        "effects": ("source", "target", "effect", "std_all", "estimate", "ci_low", "ci_high", "p_value"),
        "score_paths": (
            "source", "target", "estimate", "ci_low", "ci_high", "p_value",
            "performance", "performance_ci_low", "performance_ci_high",
        ),
        "hypotheses": (
            "hypothesis", "expected", "tested_in", "estimate", "ci_low", "ci_high", "p_value", "verdict",
        ),
        "modification": ("fit_model", "hint", "source", "target", "mi", "p_value", "std_all"),
        "invariance": (
            "segment", "invariance_step", "chi2", "df", "cfi", "rmsea", "srmr", "delta_cfi", "delta_rmsea", "delta_srmr",
            "step_verdict",
        ),
        "latent_means": ("construct", "group", "against", "std", "estimate", "ci_low", "ci_high", "p_adjusted"),
    }  # fmt: skip
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "*": {"chi2": "decimal", "suggested": "count", "items": "count"},
        "funnel": {"rate": "share"},
        "levels": dict.fromkeys(("index", "ci_low", "ci_high"), "score"),
        "reliability": {
            **dict.fromkeys(
                ("alpha", "ci_low", "ci_high", "omega", "omega_ci_low", "omega_ci_high", "mean_correlation"), "coefficient"
            ),
        },
        "adequacy": {"kmo": "coefficient", "above_one": "count", "df": "count"},
        "variance": {"share": "share", "cumulative": "share"},
        "grouping": {"stable": "percent"},
        "items": {"kmo": "coefficient", "alpha_if_deleted": "coefficient"},
        "eigenvalues": {"share": "share", "cumulative": "share"},
        "cfa_loadings": _COEFFICIENT,
        "validity": dict.fromkeys(("least_loading", "cr", "ave", "shared", "htmt"), "coefficient"),
        "fornell_larcker": {},
        "discriminant": {**_COEFFICIENT, "correlation": "coefficient"},
        "fit_measures": {
            "df": "count", "n_parameters": "count", "aic": "score", "bic": "score",
            **dict.fromkeys(("cfi", "tli", "gfi", "agfi", "nfi", "ifi", "rmsea", "srmr"), "coefficient"),
        },
        "paths": _COEFFICIENT,
        "r_squared": {"r_squared": "coefficient"},
        "effects": {**_COEFFICIENT, "std_all": "coefficient"},
        "score_paths": {
            **_COEFFICIENT, **dict.fromkeys(("performance", "performance_ci_low", "performance_ci_high"), "score"),
        },
        "hypotheses": _COEFFICIENT,
        "modification": {"std_all": "signed_coefficient"},
        "invariance": {
            **dict.fromkeys(("cfi", "rmsea", "srmr"), "coefficient"),
            **dict.fromkeys(("delta_cfi", "delta_rmsea", "delta_srmr"), "signed_coefficient"),
        },
        "latent_means": {"std": "signed", "estimate": "signed", "ci_low": "signed", "ci_high": "signed"},
        "fit": {"cfa": "coefficient", "structure": "coefficient"},
    }  # fmt: skip
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "loadings": ("group",),
        "grouping": ("factor",),
        "items": ("construct",),
        "cfa_loadings": ("construct",),
        "paths": ("target",),
        "effects": ("target",),
        "hypotheses": ("hypothesis", "expected"),
        "modification": ("fit_model",),
        "invariance": ("segment",),
        "latent_means": ("construct",),
        "equalities": ("segment", "invariance_step"),
    }

    def _shown(self, name: str) -> pd.DataFrame:
        """Hypotheses: a row per model that says something of the hypothesis, instead of eleven columns."""
        if name != "hypotheses":
            return super()._shown(name)
        rows = []
        for h in self.tables[name].to_dict("records"):
            latent = {"tested_in": "structure", "verdict": h["status"], **{k: h[k] for k in _ESTIMATE}}
            score = {"tested_in": "scores", "verdict": h["score_status"], "estimate": h["score"]}
            score |= {k: h[f"score_{k}"] for k in _ESTIMATE[1:]}
            told = [r for r in (latent, score) if r["verdict"] != "untested"] or [{**latent, "tested_in": None}]
            rows += [{"hypothesis": h["hypothesis"], "expected": h["expected"], **r} for r in told]
        return pd.DataFrame(rows)

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        from csr_lib.analyses.factor_structure.words import shown_values

        return shown_values(self, name, lang)

    @property
    def _components(self) -> bool:
        return str(self.options["extract"]) == "components"

    def _factors(self) -> list[str]:
        return [str(f) for f in self.tables["variance"]["factor"]]

    def _draw_eigenvalues(self, lang: str) -> Drawing:
        from csr_lib.show.scree import scree

        frame, retained = self.tables["eigenvalues"], int(self.options["factors"])
        if self._components:
            return scree(frame, lang=lang, retained=retained)
        return scree(frame, lang=lang, retained=retained, value="factor_eigenvalue", chance="factor_chance_high", one=False)

    def _draw_loadings(self, lang: str) -> Drawing:
        from csr_lib.show.heatmap import heatmap

        return heatmap(
            self.tables["loadings"],
            labels=self.labels,
            lang=lang,
            columns=self._factors(),
            group_by="group",
            strong=CUTOFFS["factor_loading"].threshold,
            scale_label=text("factor_structure.axis.loading", lang),
        )

    def _draw_correlations(self, lang: str) -> Drawing:
        from csr_lib.show.heatmap import heatmap

        return heatmap(
            self.tables["correlations"],
            labels=self.labels,
            lang=lang,
            triangle=True,
            scale_label=text("factor_structure.axis.correlation", lang),
        )

    def _draw_paths(self, lang: str) -> Drawing:
        from csr_lib.show.path_diagram import path_diagram

        return path_diagram(
            self.tables["paths"],
            labels=self.labels,
            lang=lang,
            constructs=self.tables["r_squared"],
            target=self.target,
            alpha=1 - self.confidence,
        )

    def _draw_score_paths(self, lang: str) -> Drawing:
        from csr_lib.show.path_diagram import path_diagram

        return path_diagram(
            self.tables["score_paths"], labels=self.labels, lang=lang, target=self.target, alpha=1 - self.confidence
        )

    def _draw_latent_means(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        frame = self.tables["latent_means"]
        return intervals(
            frame.assign(series=frame["group"]),
            labels=self.labels,
            lang=lang,
            key="construct",
            series="series",
            overall=(0.0, self.labels.get(str(frame["against"].iloc[0]), "")),
            kind="signed",
            confidence=self.confidence,
            axis_label=text("factor_structure.axis.latent_mean", lang),
            show_n=False,
        )
