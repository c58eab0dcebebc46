"""How the result of a satisfaction index shows its tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from csr_lib.analyses._result import AnalysisResult
from csr_lib.analyses._rows import rows
from csr_lib.core.text import number, text

if TYPE_CHECKING:
    from csr_lib.show import Drawing

_INDEX = {"index": "score", "std_error": "decimal", "ci_low": "score", "ci_high": "score"}
_COEFFICIENT = dict.fromkeys(("estimate", "std_error", "ci_low", "ci_high"), "coefficient")


@dataclass(frozen=True, kw_only=True)
class SatisfactionIndexResult(AnalysisResult):
    """What a satisfaction index model shows.

    Attributes
    ----------
    target : the construct whose index is the headline.
    wave : the wave that index, groups, map and roll-up describe; "" where all answers are described together.
    """

    analysis: ClassVar[str] = "satisfaction_index"

    target: str = ""
    wave: str = ""

    table_columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "index": ("construct", "index", "ci_low", "ci_high", "sd", "n", "n_effective"),
        "goals": ("goal_kind", "name", "goal", "index", "ci_low", "ci_high", "distance", "p_value"),
        "segments": (
            "segment", "group", "index", "ci_low", "ci_high", "difference", "difference_ci_low", "difference_ci_high",
            "p_adjusted", "n",
        ),
        "waves": ("construct", "wave", "index", "ci_low", "ci_high", "n"),
        "wave_changes": ("construct", "wave_from", "wave_to", "change", "ci_low", "ci_high", "p_adjusted"),
        "decomposition": (
            "wave_from", "wave_to", "construct", "shift", "own_shift", "total_effect", "contribution", "ci_low", "ci_high",
        ),
        "paths": ("source", "target", "estimate", "ci_low", "ci_high", "p_value", "f_squared", "vif"),
        "effects": (
            "source", "target", "direct", "indirect", "indirect_ci_low", "indirect_ci_high",
            "total", "total_ci_low", "total_ci_high",
        ),
        "r_squared": ("construct", "r_squared", "ci_low", "ci_high", "r_squared_adjusted", "n_sources"),
        "weights": ("construct", "item", "estimate", "ci_low", "ci_high", "p_value"),
        "loadings": ("construct", "item", "estimate", "ci_low", "ci_high"),
        "htmt": ("construct", "other", "estimate", "ci_low", "ci_high"),
        "vif": ("construct", "item", "vif"),
        "importance_performance_map": ("construct", "importance", "ci_low", "ci_high", "performance", "first_share"),
        "importance_performance_items": ("construct", "item", "item_weight", "importance", "ci_low", "ci_high", "performance"),
        "rollup": ("level", "group", "share", "index", "ci_low", "ci_high", "n"),
        "hypotheses": ("hypothesis", "expected", "tested_as", "estimate", "ci_low", "ci_high", "p_value", "status"),
    }  # fmt: skip
    table_formats: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "*": {"n": "count", "n_effective": "count", "vif": "decimal"},
        "index": {**_INDEX, "sd": "score"},
        "goals": {**_INDEX, "goal": "score", "distance": "signed_score"},
        "segments": {**_INDEX, **dict.fromkeys(("difference", "difference_ci_low", "difference_ci_high"), "signed_score")},
        "waves": _INDEX,
        "wave_changes": dict.fromkeys(("change", "ci_low", "ci_high"), "signed_score"),
        "decomposition": {
            **dict.fromkeys(("shift", "own_shift", "contribution", "ci_low", "ci_high"), "signed"), "total_effect": "decimal",
        },
        "paths": {**_COEFFICIENT, "f_squared": "coefficient"},
        "effects": dict.fromkeys(
            ("direct", "indirect", "indirect_ci_low", "indirect_ci_high", "total", "total_ci_low", "total_ci_high"), "coefficient"
        ),
        "r_squared": {**_COEFFICIENT, "r_squared_adjusted": "coefficient", "n_sources": "count"},
        "weights": _COEFFICIENT,
        "loadings": _COEFFICIENT,
        "reliability": {**dict.fromkeys(("alpha", "alpha_std", "rho_a", "rho_c", "ave"), "coefficient"), "n_items": "count"},
        "htmt": _COEFFICIENT,
        "importance_performance_map": {
            "importance": "decimal", "ci_low": "decimal", "ci_high": "decimal", "performance": "score", "first_share": "percent",
        },
        "importance_performance_items": {
            "item_weight": "percent", "importance": "decimal", "ci_low": "decimal", "ci_high": "decimal", "performance": "score",
        },
        "rollup": {**_INDEX, "share": "share"},
        "hypotheses": _COEFFICIENT,
    }  # fmt: skip
    table_groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "segments": ("segment",),
        "waves": ("construct",),
        "wave_changes": ("construct",),
        "decomposition": ("wave_from", "wave_to"),
        "paths": ("source",),
        "effects": ("source",),
        "weights": ("construct",),
        "loadings": ("construct",),
        "cross_loadings": ("construct",),
        "htmt": ("construct",),
        "vif": ("construct",),
        "importance_performance_items": ("construct",),
        "rollup": ("level",),
    }

    # ---- words of titles, notes, captions and alternative texts

    def _values(self, name: str, lang: str) -> Mapping[str, Any]:
        period = text("satisfaction_index.period", lang, wave=self.label(self.wave, lang)) if self.wave else ""
        values: dict[str, Any] = {"target": self.label(self.target, lang), "period": period, "alpha": 1 - self.confidence}
        impossible = any(c.key == "model_admissible" and c.verdict == "fail" for c in self.checks)
        values["warning"] = text("satisfaction_index.inadmissible", lang) if impossible else ""
        if name == "decomposition" and name in self.tables:
            pair = self._pair()
            values |= {
                "wave_from": self.label(pair["wave_from"].iloc[0], lang),
                "wave_to": self.label(pair["wave_to"].iloc[0], lang),
                "start": self._wave_index(pair["wave_from"].iloc[0]),
                "end": self._wave_index(pair["wave_to"].iloc[0]),
            }
        if name == "segments" and name in self.tables:
            small = [self.label(r.group, lang) for r in rows(self.tables[name]) if r.small]
            values["small"] = text("satisfaction_index.small", lang, names=small) if small else ""
        if name in self.drawn_from:
            values |= self._described(name, lang)
        return values

    def _described(self, name: str, lang: str) -> dict[str, str]:
        """What the alternative text of a figure names: its main values."""

        def listed(parts: list[str]) -> str:
            return ("；" if lang == "zh" else "; ").join(parts)

        def row(label: str, *numbers: str) -> str:
            return f"{self.label(label, lang)} {' / '.join(numbers)}"

        if name == "model":
            paths = [
                f"{self.label(r.source, lang)} → {self.label(r.target, lang)} {number(r.estimate, 'decimal')}"
                for r in rows(self.tables["paths"])
            ]
            return {"paths": listed(paths)}
        if name == "waves":
            frame = self.tables["waves"]
            frame = frame[frame["construct"] == self.target]
            parts = [row(r.wave, number(r.index, "score")) for r in rows(frame)]
        elif name == "decomposition":
            parts = [row(r.construct, number(r.contribution, "signed_score")) for r in rows(self._pair())]
        elif name == "importance_performance_map":
            frame = self.tables[name]
            parts = [row(r.construct, number(r.importance, "decimal"), number(r.performance, "score")) for r in rows(frame)]
        else:
            parts = [row(r.group, number(r.index, "score")) for r in rows(self.tables[name])]
        return {"values": listed(parts)}

    def _pair(self) -> pd.DataFrame:
        """The decomposition that is drawn: of the first pair of waves."""
        frame = self.tables["decomposition"]
        first = frame.iloc[0]
        return frame[(frame["wave_from"] == first["wave_from"]) & (frame["wave_to"] == first["wave_to"])]

    def _wave_index(self, wave: str) -> float:
        frame = self.tables["waves"]
        return float(frame.loc[(frame["wave"] == wave) & (frame["construct"] == self.target), "index"].iloc[0])

    def _emphasis(self, name: str) -> Sequence[int]:
        if name in ("index", "decomposition", "wave_changes"):
            return [int(i) for i in self.tables[name].index[self.tables[name]["construct"] == self.target]]
        return ()

    def _lines(self, lang: str) -> list[tuple[float, Any]]:
        """Targets and benchmarks as lines of a figure."""
        if "goals" not in self.tables:
            return []
        target = text("value.goal_kind.target", lang)
        return [(g.goal, target if g.goal_kind == "target" else self.label(g.name, lang)) for g in rows(self.tables["goals"])]

    # ---- figures

    def _whole(self) -> float:
        frame = self.tables["index"]
        return float(frame.loc[frame["construct"] == self.target, "index"].iloc[0])

    def _draw_model(self, lang: str) -> Drawing:
        from csr_lib.show.path_diagram import path_diagram

        constructs = self.tables["index"][["construct", "index"]].merge(
            self.tables["r_squared"][["construct", "r_squared"]], on="construct", how="left"
        )
        return path_diagram(
            self.tables["paths"],
            labels=self.labels,
            lang=lang,
            constructs=constructs,
            target=self.target,
            alpha=1 - self.confidence,
        )

    def _draw_segments(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import intervals

        return intervals(
            self.tables["segments"],
            labels=self.labels,
            lang=lang,
            value="index",
            group_by="segment",
            overall=(self._whole(), self.label("nation", lang)),
            targets=self._lines(lang),
            confidence=self.confidence,
            axis_label=text("headline.index_value", lang, construct=self.label(self.target, lang)),
        )

    def _draw_waves(self, lang: str) -> Drawing:
        from csr_lib.show.change import trend

        frame = self.tables["waves"]
        return trend(
            frame[frame["construct"] == self.target],
            labels=self.labels,
            lang=lang,
            value="index",
            targets=self._lines(lang),
            confidence=self.confidence,
            axis_label=text("headline.index_value", lang, construct=self.label(self.target, lang)),
        )

    def _draw_decomposition(self, lang: str) -> Drawing:
        from csr_lib.show.change import waterfall

        pair = self._pair()
        first, last = pair["wave_from"].iloc[0], pair["wave_to"].iloc[0]
        own = {**self.labels, self.target: text("satisfaction_index.unexplained", lang)}
        return waterfall(
            pair,
            start=(self._wave_index(first), self.label(first, lang)),
            end=(self._wave_index(last), self.label(last, lang)),
            labels=own,
            lang=lang,
            value="contribution",
            axis_label=text("headline.index_value", lang, construct=self.label(self.target, lang)),
        )

    def _draw_rollup(self, lang: str) -> Drawing:
        from csr_lib.show.estimates import rollup

        return rollup(
            self.tables["rollup"],
            labels=self.labels,
            lang=lang,
            key="group",
            value="index",
            targets=self._lines(lang),
            confidence=self.confidence,
            axis_label=text("headline.index_value", lang, construct=self.label(self.target, lang)),
        )

    def _draw_importance_performance_map(self, lang: str) -> Drawing:
        from csr_lib.show.quadrant import quadrant

        frame = self.tables["importance_performance_map"]
        target = self.label(self.target, lang)
        return quadrant(
            frame.rename(columns={"ci_low": "importance_ci_low", "ci_high": "importance_ci_high"}),
            labels=self.labels,
            lang=lang,
            cut=(float(frame["importance"].mean()), float(frame["performance"].mean())) if len(frame) > 1 else None,
            key="construct",
            confidence=self.confidence,
            axis_labels=(
                text("satisfaction_index.axis.importance", lang, target=target),
                text("satisfaction_index.axis.performance", lang),
            ),
        )
