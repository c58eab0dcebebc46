"""Case weights: as given in a column, or raked to shares of the population."""

from __future__ import annotations

from typing import Any

import numpy as np

from csr_lib.core.errors import Problem
from csr_lib.stats.raking import rake
from csr_lib.study.codebook import Coded
from csr_lib.study.schema import Study


def case_weights(study: Study, coded: Coded, kept: np.ndarray) -> tuple[np.ndarray, dict[str, Any], list[Problem]]:
    """Return the weight of every row, how it was made, and what is wrong with it.

    Parameters
    ----------
    kept : positions of the rows that cleaning left; only these are raked, and only their weights are judged.

    Returns
    -------
    weights : one per row of `coded`; rows that were not raked have 1 (other roles than customers and users) or 0 (excluded).
    about : diagnostics of raking per wave: converged, iterations, deviation, design_effect, max_weight; else empty.
    problems
    """
    if study.case_weight:
        weights = coded.frame[study.case_weight].to_numpy(dtype=float)
        return weights, {}, _judged(study, coded, weights, kept)
    if study.weighting:
        return _raked(study, coded, kept)
    return np.ones(len(coded.frame)), {}, []


def _judged(study: Study, coded: Coded, weights: np.ndarray, kept: np.ndarray) -> list[Problem]:
    where = f"{study.at('case_weight')}, column {study.case_weight}"
    faults = [
        (np.isnan(weights), "no weight", "a weight for every answer", "fill it in (0 leaves an answer out)"),
        (weights < 0, "a negative weight", "0 or more", "correct it"),
    ]
    if study.weight_kind == "frequency":
        broken = ~np.isnan(weights) & (weights != np.floor(weights))
        mend = "write `weight_kind: sampling` if the weights are no counts"
        faults.append((broken, "a weight that is no whole number", "whole numbers: a frequency weight of 3 is three rows", mend))
    problems = []
    for fault, what, allowed, mend in faults:
        rows = kept[fault[kept]]
        if len(rows):
            shown = ", ".join(str(coded.raw.row[r]) for r in rows[:8]) + (" …" if len(rows) > 8 else "")
            problems.append(Problem(f"{len(rows)} answers have {what}: rows {shown}", where, allowed, mend))
    if not problems and len(kept) and not weights[kept].any():
        problems.append(Problem("all weights are 0", where, "at least one above 0", "name the right column"))
    return problems


def _raked(study: Study, coded: Coded, kept: np.ndarray) -> tuple[np.ndarray, dict[str, Any], list[Problem]]:
    assert study.weighting is not None
    weights = np.ones(len(coded.frame))
    weights[np.setdiff1d(np.arange(len(weights)), kept)] = 0
    asked = kept[coded.codes["role"].iloc[kept].isin(["customer", "user"]).to_numpy()]
    groups = {"all": asked}
    if "wave" in coded.codes:
        wave = coded.codes["wave"].iloc[asked]
        groups = {str(name): asked[(wave == name).to_numpy()] for name in wave.cat.categories}
    about: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, rows in groups.items():
        if not len(rows):
            continue
        places, shares, faults = _cells(study, coded, rows, name)
        problems += faults
        if faults:
            continue
        raked = rake(places, shares, study.weighting.trim)
        weights[rows] = raked.weights
        about[name] = {
            "converged": raked.converged,
            "iterations": raked.iterations,
            "deviation": raked.deviation,
            "design_effect": raked.design_effect,
            "max_weight": float(raked.weights.max()),
        }
        if not raked.converged:
            problems.append(
                Problem(
                    f"the weights do not settle{_of_wave(name)}",
                    study.at("weighting"),
                    "margins that the answers can meet at once",
                    "join small groups, or rake to fewer margins",
                )
            )
    return weights, about, problems


def _of_wave(name: str) -> str:
    return "" if name == "all" else f" (wave {name})"


def _cells(study: Study, coded: Coded, rows: np.ndarray, name: str) -> tuple[list[np.ndarray], list[np.ndarray], list[Problem]]:
    """Return the cell of every row on every margin, the wanted shares, and cells that cannot be met."""
    assert study.weighting is not None
    places, wanted, problems = [], [], []
    for segment, shares in study.weighting.margins.items():
        codes = coded.codes[segment].iloc[rows].astype(object)
        where = study.at("weighting", "margins", segment)
        there = set(codes.dropna())
        for value in shares:
            if value not in there:
                problems.append(
                    Problem(
                        f"nobody answered in '{value}', {shares[value]:.0%} of the population{_of_wave(name)}",
                        where,
                        "respondents in every group of a margin",
                        "join it with another group, or leave the margin out",
                    )
                )
        for value in sorted(there - set(shares)):
            problems.append(
                Problem(f"'{value}' has no share of the population{_of_wave(name)}", where, ", ".join(shares), "add its share")
            )
        place = {value: i for i, value in enumerate(shares)}
        places.append(codes.map(place).fillna(-1).to_numpy(dtype=int))
        wanted.append(np.array(list(shares.values())))
    return places, wanted, problems
