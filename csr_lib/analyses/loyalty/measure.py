"""What is satisfaction, what counts as loyalty, who has switched: the columns that every table of the loyalty analysis takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, Problem, unknown

if TYPE_CHECKING:
    from csr_lib.analyses.loyalty.analysis import Options
    from csr_lib.study import Study, Survey

#: What may count as loyalty; the first that a study has is taken where none is named.
OUTCOMES = ("loyalty", "repurchase", "recommendation")
LEVELS = ("dissatisfied", "so_so", "basic", "complete")
TYPES = ("advocates", "price_driven", "locked_in", "sceptics")
ALL = "all"


@dataclass(frozen=True)
class Measured:
    """Customers with an answer to satisfaction and loyalty.

    ``panel_wave`` is the wave taken where the same customers answered several, "" else.
    ``frame``: ``satisfaction loyalty`` (0–100), ``left`` (1 = left or likely to leave, NaN = not known), ``contribution``, the
    other outcomes (0–100), ``level``, ``type``, ``weight``, ``group``; one row per customer used. ``used`` says which rows of
    `survey` these are.
    """

    survey: Survey
    frame: pd.DataFrame
    used: np.ndarray
    outcome: str
    leaving: str
    by: str
    groups: tuple[str, ...]
    withheld: tuple[Any, ...]
    labels: dict[str, Any]
    competitiveness: dict[str, float]
    leaving_binary: bool
    panel_wave: str = ""

    @property
    def kind(self) -> Any:
        return self.survey.weight_kind

    def parts(self) -> list[tuple[str, pd.DataFrame]]:
        """Return all customers and then each group shown, with their rows."""
        return [(ALL, self.frame), *((g, self.frame[self.frame["group"] == g]) for g in self.groups)]


def lacking(study: Study, outcome: str | None = None) -> list[Problem]:
    """Return what a study lacks for the loyalty analysis; empty where nothing is."""
    out = []
    if "satisfaction" not in study.outcomes:
        out.append(
            Problem(
                "no outcome says how satisfied customers are",
                study.at("outcomes"),
                "outcomes: satisfaction",
                "name its column: satisfaction: overall",
            )
        )
    if outcome and outcome not in study.outcomes:
        out.append(
            unknown(outcome, [o for o in OUTCOMES if o in study.outcomes], what="outcome", where="options of loyalty, outcome")
        )
    elif not any(o in study.outcomes for o in OUTCOMES):
        out.append(
            Problem(
                "no outcome says how loyal customers are",
                study.at("outcomes"),
                "outcomes: one of " + ", ".join(OUTCOMES),
                "ask it and name its column or construct: loyalty: Loyalty",
            )
        )
    return out


def measured(survey: Survey, options: Options) -> Measured:
    """Return the customers with their satisfaction, loyalty, level and type; raise where there is nothing to compare."""
    study = survey.study
    problems = lacking(study, options.outcome)
    if problems:
        raise AnalysisError(problems)
    customers, panel_wave = survey.customers(), ""
    if study.wave is not None and study.wave.panel and len(customers.waves) > 1 and options.by != "wave":
        panel_wave = customers.waves[-1]  # the same customers several times would count as so many customers
        customers = customers.wave(panel_wave)
    outcome: str = options.outcome or next(o for o in OUTCOMES if o in set(study.outcomes))
    leaving: str = "repurchase" if "repurchase" in study.outcomes else outcome
    columns: dict[str, pd.Series] = {
        name: _percent(customers, name) for name in ("satisfaction", *(o for o in OUTCOMES if o in set(study.outcomes)))
    }
    frame = pd.DataFrame({"satisfaction": columns["satisfaction"], "loyalty": columns[outcome]})
    for name in OUTCOMES:
        if name in columns:
            frame[f"outcome_{name}"] = columns[name]
    frame["left"] = (columns[leaving] < options.switch_cut).astype(float).mask(columns[leaving].isna())
    frame["contribution"] = customers.outcome("contribution").astype(float) if "contribution" in study.outcomes else np.nan
    frame["weight"] = customers.weights
    used = (frame["satisfaction"].notna() & frame["loyalty"].notna() & (frame["weight"] > 0)).to_numpy()
    if used.sum() < study.min_cell:
        raise AnalysisError(
            f"{int(used.sum())} customers answered both satisfaction and {outcome}",
            where="outcomes",
            allowed=f"{study.min_cell} or more",
            mend="look at the missing answers of these columns, or take a filter out",
        )
    for name in ("satisfaction", "loyalty"):
        if frame.loc[used, name].nunique() < 2:
            raise AnalysisError(
                f"all customers have the same {name}: nothing can follow from it",
                where=f"outcomes, {outcome if name == 'loyalty' else name}",
                allowed="answers that differ",
                mend="name another outcome or take a filter out",
            )
    binary = any(name == leaving and entry.yes is not None for name, entry in study.outcomes.items())
    by, groups, withheld, labels = _groups(customers, options, used)
    frame["group"] = customers.codes[by].astype(object) if by else None
    frame = frame[used].reset_index(drop=True)
    frame["level"] = levels(frame["satisfaction"], options.levels)
    frame["type"] = types(frame, options.satisfied, options.loyal)
    markets = study.markets
    compete = (
        {g: float(markets.competitiveness[g]) for g in groups if g in markets.competitiveness}
        if markets and markets.segment == by
        else {}
    )
    groups = tuple(sorted(groups, key=lambda g: -compete.get(g, 0.0)))
    labels |= {name: customers.label(name) for name in OUTCOMES if name in columns}
    if panel_wave:
        labels[panel_wave] = customers.value_label("wave", panel_wave)
    return Measured(
        customers,
        frame,
        used,
        outcome,
        leaving,
        by,
        groups,
        withheld,
        labels,
        compete,
        binary,
        panel_wave,
    )


def levels(satisfaction: pd.Series, cuts: tuple[float, float, float]) -> pd.Series:
    """Return the level of each customer: a value at a cut-off belongs to the level above it."""
    return pd.Series(
        np.array(LEVELS, dtype=object)[np.searchsorted(np.array(cuts), satisfaction.to_numpy() + 1e-9, side="right")],
        satisfaction.index,
    )


def types(frame: pd.DataFrame, satisfied: float, loyal: float) -> pd.Series:
    """Return the type of each customer: satisfied and loyal from the cut-offs on."""
    happy, bound = (frame["satisfaction"] >= satisfied - 1e-9).to_numpy(), (frame["loyalty"] >= loyal - 1e-9).to_numpy()
    return pd.Series(np.array(TYPES, dtype=object)[np.where(happy, np.where(bound, 0, 1), np.where(bound, 2, 3))], frame.index)


def _percent(survey: Survey, name: str) -> pd.Series:
    scale = survey.outcome_scale(name)
    values = survey.outcome(name).astype(float)
    return values if scale is None else scale.to_100(values)


def _groups(survey: Survey, options: Options, used: np.ndarray) -> tuple[str, tuple[str, ...], tuple[Any, ...], dict[str, Any]]:
    """Return what customers are grouped by, the groups that may be shown, those that may not, and labels."""
    markets = survey.study.markets
    known = [c for c in survey.codes.columns if c not in ("role", "brand")]
    if options.by and options.by not in known:
        raise OptionError([unknown(options.by, known, what="segment", where="options of loyalty, by")])
    by = options.by or (markets.segment if markets and markets.segment in known else "")
    if not by:
        return "", (), (), {}
    from dataclasses import replace

    # groups of those who are used: a group whose answers are missing is as small as what is left of it
    found = replace(survey, rows=survey.rows[used]).groups(by)
    if len(found.shown) < 2:
        return by, (), found.withheld, {by: survey.label(by)}
    return (
        by,
        tuple(g.value for g in found.shown),
        found.withheld,
        {by: survey.label(by), **{g.value: g.label for g in found.shown}},
    )
