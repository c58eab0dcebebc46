"""Factor structure: labels with their values, and what titles, notes, captions and sentences are filled with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from csr_lib.analyses._findings import rows_of
from csr_lib.analyses._words import Labels, named
from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.text import both, number

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.result import FactorStructureResult
    from csr_lib.core.check import Check

#: As many of a list are named in a sentence; of a list that is a table of its own.
NAMED = 4
Row = dict[str, Any]


def phrase(key: str, **values: Any) -> dict[str, str]:
    """Return a phrase of the catalogue in both languages, to stand in another sentence."""
    return both(f"factor_structure.{key}", **values)


class Words(Labels["FactorStructureResult"]):
    """Words of one result."""

    kind = "decimal"

    def __init__(self, result: FactorStructureResult):
        super().__init__(result)
        self.components = result.options["extract"] == "components"

    @property
    def target(self) -> Any:
        """Label of what is explained."""
        return self.label(self.result.target)

    @property
    def units(self) -> dict[str, str]:
        """What is extracted: components or factors."""
        return phrase(
            "units." + ("component" if self.components else "factor") + ("s" if len(self.tables["variance"]) > 1 else "")
        )

    def check(self, key: str) -> Check | None:
        return next((c for c in self.result.checks if c.key == key), None)

    @cached_property
    def sound(self) -> bool:
        """Tell whether there is a structural model with an admissible solution."""
        verdict = self.check("fs_structure_admissible")
        return "paths" in self.tables and verdict is not None and verdict.verdict != "fail"

    @cached_property
    def levers(self) -> list[Row]:
        """What the target depends on, the strongest first: ``source estimate ci_low ci_high p_value index`` and ends of it.

        Direct paths of the structural model where its solution is admissible, else the coefficients on factor scores. ``index``
        is how the source is rated, 0–100.
        """
        if self.sound:
            frame = self.tables["paths"]
            found = rows_of(frame[frame["target"] == self.result.target])
            level = {row["construct"]: row for row in rows_of(self.tables["levels"])}
            known = {"index": "index", "index_ci_low": "ci_low", "index_ci_high": "ci_high"}
            found = [{**row, **{k: level.get(row["source"], {}).get(c, math.nan) for k, c in known.items()}} for row in found]
        else:
            found = [
                {**row, **{f"index{end}": row[f"performance{end}"] for end in ("", "_ci_low", "_ci_high")}}
                for row in rows_of(self.tables.get("score_paths"))
            ]
        return sorted(found, key=lambda row: -abs(row["estimate"]))

    @property
    def by_scores(self) -> bool:
        """Tell whether `levers` are coefficients on factor scores."""
        return not self.sound

    def told(self, row: Row) -> bool:
        """Tell whether an effect is beyond chance, of whichever sign."""
        return bool(row["p_value"] < self.limit)

    def hypotheses(self) -> list[Row]:
        """Return the hypotheses with the verdict that counts: of the latent model where it is sound, else on factor scores."""
        out = []
        for row in rows_of(self.tables.get("hypotheses")):
            latent = self.sound and row["status"] not in ("untested", "undecided")
            out.append({**row, "verdict": row["status"] if latent else row["score_status"], "latent": latent})
        return out

    def quoted(self, key: str, value: float, kind: str = "decimal") -> dict[str, str]:
        """Return ``"label" (value)``, for items, whose labels are phrases."""
        return phrase("quoted", label=self.label(key), value=number(value, kind))

    def listed(
        self, rows: Sequence[Mapping[str, Any]], value: str, kind: str = "decimal", key: str = "source", most: int = 12
    ) -> list[dict[str, str]]:
        """Return the first rows as ``label (value)``."""
        return [self.named(str(r[key]), r[value], kind) for r in rows[:most]]

    def pair(self, row: Mapping[str, Any], value: str = "estimate") -> dict[str, str]:
        """Return ``one and other (value)``."""
        return phrase(
            "pair", one=self.label(row["source"]), two=self.label(row["target"]), value=number(float(row[value]), "decimal")
        )

    def groups(self) -> list[dict[str, str]]:
        """Return every factor with its items: ``label (item, item)``."""
        return [named(self.label(row["factor"]), self.labels(list(row["items"]))) for row in rows_of(self.tables["variance"])]

    def thresholds(self, model: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """Return the fit measures of a model that meet their threshold and those that do not, as ``measure value``."""
        met: list[dict[str, str]] = []
        missed: list[dict[str, str]] = []
        for row in rows_of(self.tables.get("fit")):
            if row.get(f"{model}_met", "none") == "none":
                continue
            name = both(f"value.fit_measure.{row['fit_measure']}")
            shown = phrase("measured", measure=name, value=number(row[model], "coefficient"), criterion=row["criterion"])
            (met if row[f"{model}_met"] == "met" else missed).append(shown)
        return met, missed


def alpha_interval(result: FactorStructureResult) -> dict[str, str]:
    """Return what intervals of alpha are, which with sampling weights are drawn."""
    drawn = result.basis.weights == "sampling" and result.options["bootstrap"]
    return phrase(f"alpha_interval.{'bootstrap' if drawn else 'feldt'}")


def shown_values(result: FactorStructureResult, name: str, lang: str) -> Mapping[str, Any]:
    """Return what the title, note, caption and alternative text of a table or figure are filled with."""
    w, tables = Words(result), result.tables
    variance = tables["variance"]
    values: dict[str, Any] = {
        "target": w.target,
        "units": w.units,
        "factors": len(variance),
        "items": len(tables["loadings"]),
        "resamples": result.resamples,
        "chance_resamples": result.options["chance_resamples"],
        "estimator": result.options["estimator"],
        "group_n": result.options["group_n"],
        "correlation": phrase(f"correlation.{result.options['correlation']}"),
        "chance": phrase(f"chance.{result.options['chance']}"),
        "rotation": phrase(f"rotation.{result.options['rotation']}"),
        "single": w.labels(list(result.options["single"])),
        "reason": _reason(result, name),
        "warning": phrase("inadmissible") if "paths" in tables and not w.sound else "",
        "alpha_interval": alpha_interval(result),
        "least": CUTOFFS["factor_loading"].threshold,
    }
    if name in ("loadings", "grouping", "variance"):
        values |= {"list": w.groups(), "total": float(variance["cumulative"].iloc[-1])}
    if name == "eigenvalues":
        column = "eigenvalue" if w.components else "factor_eigenvalue"
        values["list"] = [number(float(v), "decimal") for v in tables["eigenvalues"][column][:5]]
        rule = "parallel_components" if w.components else "parallel_factors"
        values["parallel"] = next(r["suggested"] for r in rows_of(tables["retention"]) if r["retention_rule"] == rule)
    if name in ("paths", "score_paths") and name in tables:
        rows = sorted(rows_of(tables[name]), key=lambda r: -abs(r["estimate"]))
        if name == "paths":
            values["list"] = [w.pair(r) for r in rows[:8]]
        else:
            values["list"] = w.listed(rows, "estimate")
    if name == "correlations":
        values |= _strongest(w)
    if name == "latent_means" and name in tables:
        frame = tables[name]
        values["against"] = [w.label(a) for a in dict.fromkeys(frame["against"])]
        values["list"] = w.listed(rows_of(frame), "std", "signed", key="construct", most=len(frame))
    return values


def _strongest(w: Words) -> dict[str, Any]:
    """Return the two items that correlate most."""
    names = list(w.tables["correlations"]["item"])
    r = np.tril(w.tables["correlations"][names].to_numpy(float), k=-1)
    i, j = np.unravel_index(np.abs(r).argmax(), r.shape)
    return {"first": w.label(names[j]), "second": w.label(names[i]), "r": float(r[i, j])}


#: Table or figure -> the part of the analysis that it belongs to, whose absence explains it.
PART = {
    **dict.fromkeys(
        ("cfa_loadings", "validity", "fornell_larcker", "discriminant", "fit", "fit_measures", "modification"), "cfa"
    ),
    **dict.fromkeys(("paths", "r_squared", "effects"), "structure"),
    "score_paths": "scores",
    **dict.fromkeys(("invariance", "latent_means", "equalities"), "groups"),
    "hypotheses": "hypotheses",
}


def _reason(result: FactorStructureResult, name: str) -> dict[str, str]:
    """Return why a table or figure is not there."""
    part = PART.get(name, "")
    reason = result.missing.get(part) or (f"no_{name}" if part and name not in result.tables else "none")
    return phrase(f"why.{reason}", group_n=result.options["group_n"])
