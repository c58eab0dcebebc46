"""Data quality: margins of error, the sample against quotas and population, and weights with what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.analyses.data_quality.base import ALL, NAN, Array, Base, measures, share_columns
from csr_lib.core.errors import CsrError, DataError
from csr_lib.stats.adjustment import adjust
from csr_lib.stats.case_weights import design_effect, effective_n
from csr_lib.stats.distributions import chi2_above
from csr_lib.stats.finite_population import population_mean, population_share
from csr_lib.stats.raking import rake
from csr_lib.stats.sample_size import margin_of_error

if TYPE_CHECKING:
    from csr_lib.analyses.data_quality.analysis import Options
    from csr_lib.study import Survey

Targets = dict[str, tuple[str, dict[str, float]]]


# ---- precision


def precision_table(base: Base, options: Options) -> tuple[pd.DataFrame, str]:
    """Return margins of error of the whole, each wave and each stratum, and a fault of the population's size ("" for none).

    Columns ``segment group measure n n_effective population estimate ci_low ci_high margin design_effect plan_margin``: the
    interval takes in weights, strata and the finite population; ``plan_margin`` is that of a share of 50 % in a simple random
    sample of the effective n.
    """
    survey = base.customers
    values = measures(survey)
    names = [m for m in ("satisfied", "index") if m in values]
    population, strata, fault = _population(base)
    rows: list[dict[str, Any]] = []
    for by, key, at, size in _places(base, survey, population):
        for name in names:
            x = values[name][at]
            if (~np.isnan(x)).sum() < 2:
                continue
            row = _precise(survey, x, at, name, size, strata if by in (ALL, "wave") else None, options)
            rows.append({"segment": by, "group": key, "measure": name, **row})
    return pd.DataFrame(rows), fault


def _population(base: Base) -> tuple[float, str | None, str]:
    """Return the size of the population of the selection (NaN where not known), the segment of the strata, and a fault."""
    survey = base.survey
    entry = survey.study.sampling
    strata = entry.strata if entry.strata in survey.study.segments else None
    if set(survey.filters) - {"wave"}:
        return NAN, strata, ""
    waves = survey.filters.get("wave", ())
    one = entry.per_wave.get(waves[0]) if len(waves) == 1 else None
    size = one.population if one is not None and one.population is not None else entry.population
    if size is None:
        return NAN, strata, ""
    if size < len(survey.rows) and len(survey.waves) < 2:
        return NAN, strata, "population"
    return float(size), strata, ""


def _places(base: Base, survey: Survey, population: float) -> list[tuple[str, str, Array, float]]:
    """Return segment, key, rows and population of everything that has a margin of its own."""
    entry = base.survey.study.sampling
    several = len(survey.waves) > 1
    everybody = np.arange(len(survey.rows))
    # several waves drew from the same population: together they are no sample without replacement
    out = [(ALL, ALL, everybody, NAN if several else population)]
    if several:
        for wave in survey.waves:
            own = entry.per_wave.get(wave)
            size = float(own.population) if own is not None and own.population is not None else population
            at = np.flatnonzero((survey.codes["wave"] == wave).to_numpy())
            out.append(("wave", wave, at, size if size >= len(at) else NAN))
    if entry.strata and entry.strata in survey.study.segments and not several:
        sizes = strata_sizes(base.survey)
        for group in survey.groups(entry.strata, total_shown=True):
            at = np.flatnonzero((survey.codes[entry.strata] == group.value).to_numpy())
            size = sizes.get(group.value, NAN)
            out.append((entry.strata, f"{entry.strata}={group.value}", at, size if size >= len(at) else NAN))
    return out


def strata_sizes(survey: Survey) -> dict[str, float]:
    """Return the population of each stratum where its shares (`weighting`) and the whole are known; else nothing."""
    study = survey.study
    shares = study.weighting.margins.get(study.sampling.strata or "") if study.weighting else None
    if not shares or study.sampling.population is None or set(survey.filters) - {"wave"}:
        return {}
    return {v: float(round(share * study.sampling.population)) for v, share in shares.items()}


def _precise(
    survey: Survey, x: Array, at: Array, name: str, population: float, strata: str | None, options: Options
) -> dict[str, Any]:
    weights = survey.weights[at] if survey.weight_kind != "none" else None
    kind: Any = "frequency" if survey.weight_kind == "frequency" else "sampling"
    size = None if math.isnan(population) else population
    share = name == "satisfied"
    estimate = population_share if share else population_mean
    values = x / 100 if share else x
    codes = None
    if strata is not None and size is None:
        codes = survey.codes[strata].iloc[at].astype(object).to_numpy()
    found = None
    for stratified in [codes] if codes is None else [codes, None]:
        try:
            found = estimate(values, weights, kind=kind, strata=stratified, population=size, level=options.confidence)
            break
        except CsrError:  # a stratum of one row, or rows without a stratum
            continue
    if found is None:
        found = estimate(values, weights, kind=kind, level=options.confidence)
    factor = 100 if share else 1
    n = float((~np.isnan(x)).sum()) if kind == "sampling" else found.n
    effective = effective_n(weights[~np.isnan(x)]) if weights is not None and kind == "sampling" else n
    return {
        "n": int(n),
        "n_effective": effective,
        "population": population,
        "estimate": factor * found.estimate,
        "ci_low": factor * found.ci_low,
        "ci_high": factor * found.ci_high,
        "margin": factor * (found.ci_high - found.ci_low) / 2,
        "design_effect": found.design_effect,
        "plan_margin": 100 * margin_of_error(effective, population=size, level=options.confidence) if share else NAN,
    }


# ---- representation


def targets_of(survey: Survey) -> Targets:
    """Return segment -> (``population`` or ``quota``, value -> planned share or count), of what study.yml knows."""
    study = survey.study
    found: Targets = {}
    if study.weighting is not None:
        found |= {s: ("population", dict(shares)) for s, shares in study.weighting.margins.items()}
    waves = survey.filters.get("wave", ())
    entry: Any = study.sampling
    if len(waves) == 1 and waves[0] in entry.per_wave and entry.per_wave[waves[0]].quotas:
        entry = entry.per_wave[waves[0]]
    for segment, counts in entry.quotas.items():
        if segment not in found and sum(counts.values()) > 0:
            found[segment] = ("quota", {v: float(c) for v, c in counts.items()})
    return {s: t for s, t in found.items() if s not in survey.filters}


def representation_tables(base: Base, options: Options) -> tuple[pd.DataFrame, pd.DataFrame, list[Any]]:
    """Return the sample against plan or population by group, χ² tests by segment, and the labels that are withheld.

    ``segment group kind n n_planned share share_ci_low share_ci_high planned_share difference``; unweighted, of those whose
    group is known; ``n_planned`` is the quota's count.
    """
    survey = base.customers
    rows, tests, withheld = [], [], []
    for segment, (kind, planned) in targets_of(survey).items():
        codes = survey.codes[segment].dropna()
        shown, hidden = base.groups(segment)
        withheld += hidden
        total, whole = len(codes), sum(planned.values())
        counts = {v: int((codes == v).sum()) for v in planned}
        for value, amount in planned.items():
            if counts[value] > 0 and value not in shown:
                continue
            wanted = amount / whole
            row: dict[str, Any] = {"segment": segment, "group": f"{segment}={value}", "kind": kind, "n": counts[value]}
            row |= {"n_planned": amount if kind == "quota" else NAN} | share_columns(
                counts[value], total, options.confidence, "share"
            )
            rows.append(row | {"planned_share": wanted, "difference": row["share"] - wanted})
        tests.append({"segment": segment, "kind": kind, **_fit(counts, planned)})
    frame, test = pd.DataFrame(rows), pd.DataFrame(tests)
    if len(test):
        test["p_adjusted"] = adjust(test["p_value"].to_numpy(), "holm")
    return frame, test, withheld


def _fit(counts: Mapping[str, int], planned: Mapping[str, float]) -> dict[str, Any]:
    """χ² goodness of fit of counts to planned shares, and Cohen's w."""
    values = [v for v, amount in planned.items() if amount > 0]
    c = np.array([counts[v] for v in values], dtype=float)
    wanted = np.array([planned[v] for v in values], dtype=float)
    wanted = c.sum() * wanted / wanted.sum()
    if len(values) < 2 or not c.sum() > 0:
        return {"n": int(c.sum()), "statistic": NAN, "df": max(0, len(values) - 1), "p_value": NAN, "effect_size": NAN}
    chi2 = float(((c - wanted) ** 2 / wanted).sum())
    out = {"n": int(c.sum()), "statistic": chi2, "df": len(values) - 1, "p_value": float(chi2_above(chi2, len(values) - 1))}
    return out | {"effect_size": math.sqrt(chi2 / c.sum())}


# ---- weights


@dataclass(frozen=True, eq=False)
class Weighted:
    """Weights of the kept customers: the study's own, or those on trial that would bring the sample to its plan.

    `why` says why there are none; `own` whether they are the study's.
    """

    weights: Array | None
    own: bool
    tables: dict[str, pd.DataFrame]
    why: str = ""


def weights_of(base: Base, options: Options) -> Weighted:
    """Return the weights with their diagnostics: ``weights`` (one row per wave) and ``raking`` (cells of the margins)."""
    survey = base.customers
    if survey.weight_kind == "frequency":
        return Weighted(None, True, {}, "frequency")
    if survey.weight_kind == "sampling":
        tables = {"weights": _diagnostics(survey, survey.weights, survey.weighting)}
        margins = survey.study.weighting.margins if survey.study.weighting else {}
        if margins:
            tables["raking"] = _margins(survey, survey.weights, margins)
        return Weighted(survey.weights, True, tables)
    targets = targets_of(survey)
    if not targets:
        return Weighted(None, False, {}, "no_targets")
    places, shares, names = [], [], []
    for segment, (_, planned) in targets.items():
        codes = survey.codes[segment]
        values = [v for v, amount in planned.items() if amount > 0 and (codes == v).any()]
        if len(values) < 2:
            continue
        amounts = np.array([planned[v] for v in values])
        at = {v: i for i, v in enumerate(values)}
        places.append(codes.astype(object).map(at).fillna(-1).to_numpy(dtype=int))
        shares.append(amounts / amounts.sum())
        names.append((segment, values))
    if not places:
        return Weighted(None, False, {}, "no_targets")
    try:
        found = rake(places, shares, names=names)
    except DataError:
        return Weighted(None, False, {}, "empty_cells")
    about = {ALL: {"converged": found.converged, "iterations": found.iterations, "deviation": found.deviation}}
    cells = found.cells.rename(columns={"margin": "segment", "wanted": "planned_share"})
    cells["group"] = cells["segment"] + "=" + cells["cell"].astype(str)
    least = survey.study.min_cell
    cells = cells[cells["n"] >= least][["segment", "group", "n", "planned_share", "before", "share", "deviation"]]
    return Weighted(found.weights, False, {
        "weights": _diagnostics(survey, found.weights, about), "raking": cells.reset_index(drop=True),
    })  # fmt: skip


def _diagnostics(survey: Survey, weights: Array, about: Mapping[str, Any]) -> pd.DataFrame:
    """``wave n n_effective design_effect smallest largest cv loss converged iterations deviation`` by wave."""
    places = {ALL: np.ones(len(weights), dtype=bool)}
    if len(survey.waves) > 1:
        places |= {w: (survey.codes["wave"] == w).to_numpy() for w in survey.waves}
    rows = []
    for wave, here in places.items():
        w = weights[here & (weights > 0)]
        if not len(w):
            continue
        mean = float(w.mean())
        deff = design_effect(w)
        made = about.get(wave, {})
        rows.append(
            {
                "wave": wave,
                "n": len(w),
                "n_effective": effective_n(w),
                "design_effect": deff,
                "smallest": float(w.min()) / mean,
                "largest": float(w.max()) / mean,
                "cv": math.sqrt(max(0.0, deff - 1)),
                "converged": bool(made["converged"]) if "converged" in made else None,
                "iterations": float(made.get("iterations", NAN)),
                "deviation": float(made.get("deviation", NAN)),
            }
        )
    return pd.DataFrame(rows)


def _margins(survey: Survey, weights: Array, margins: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Shares of every margin before and after the study's own weights."""
    rows = []
    for segment, shares in margins.items():
        codes = survey.codes[segment]
        known = codes.notna().to_numpy()
        for value, wanted in shares.items():
            here = (codes == value).to_numpy()
            n = int(here.sum())
            if n < survey.study.min_cell:
                continue
            share = float(weights[here].sum() / weights[known].sum())
            row = {"segment": segment, "group": f"{segment}={value}", "n": n, "planned_share": wanted}
            rows.append(row | {"before": n / int(known.sum()), "share": share, "deviation": share - wanted})
    return pd.DataFrame(rows)
