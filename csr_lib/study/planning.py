"""Planning a sample for a study: how many answers a margin of error needs, in all and by stratum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, unknown
from csr_lib.stats.sample_size import Rule, sample_size, stratified_sample_size

if TYPE_CHECKING:
    from csr_lib.study.schema import Study
    from csr_lib.study.survey import Survey

Quantity = Literal["share", "score"]

#: Stands for a population of unknown size: so large that its finiteness changes nothing.
UNBOUNDED = 1_000_000_000


@dataclass(frozen=True, eq=False)
class SamplePlan:
    """Answers needed, in all and by stratum. Shares, and margins of shares, are 0–1; scores, and theirs, points of 0–100.

    Attributes
    ----------
    of : ``share`` (of satisfied customers, say) or ``score`` (a mean on 0–100).
    margin, level, design_effect, response_rate : as asked for, or as known from the study.
    population : its size, None where it is not known.
    spread : expected share, or standard deviation of the score, over everybody.
    totals : a row per rule: ``rule n issued margin``; ``simple`` (a simple random sample) first.
    strata : segment that the strata come from, "" without strata.
    by_stratum : rows per rule (``proportional`` and, where answers vary more in some strata, ``neyman``) and stratum: ``rule
        stratum population population_share spread n issued margin n_alone``. ``population`` is NaN where it is not
        known; ``n_alone`` are the answers that would give this stratum by itself the wanted margin. No rows without strata.
    origins : where ``spread``, ``response_rate``, ``design_effect``, ``population`` and ``population_share`` were taken from:
        ``asked``, ``careful`` (the least favourable), ``answers``, ``case_weight``, ``weighting``, ``quotas``, ``issued_by``,
        ``sampling``; "" where nothing is known.
    """

    of: Quantity
    margin: float
    level: float
    design_effect: float
    response_rate: float
    population: int | None
    spread: float
    totals: pd.DataFrame
    strata: str
    by_stratum: pd.DataFrame
    origins: Mapping[str, str]

    @property
    def n(self) -> int:
        """Answers that a simple random sample needs."""
        return int(self.totals["n"].iloc[0])

    @property
    def issued(self) -> int:
        """Questionnaires that a simple random sample needs."""
        return int(self.totals["issued"].iloc[0])


def plan_sample(
    study: Study,
    survey: Survey | None = None,
    *,
    margin: float = 0.05,
    of: Quantity = "share",
    share: float | Literal["answers"] = 0.5,
    level: float = 0.95,
    design_effect: float | None = None,
    response_rate: float | None = None,
    population: int | None = None,
    strata: str | None = None,
) -> SamplePlan:
    """Plan the sample of a study, or of its next wave.

    Parameters
    ----------
    study : names strata, population, response so far and shares of groups, where they are known.
    survey : answers that are there already (of a pilot, of waves before): how much they vary, how large the groups are.
    margin : wanted half width of the interval: of a share 0–1 (0.05 for ±5 percentage points), of a score points of 0–100.
    of : what is to be estimated. A ``score`` needs `survey`, which its standard deviation is taken from.
    share : expected share; 0.5 is the most careful choice, ``answers`` takes the share satisfied, by stratum, from `survey`.
    level : confidence.
    design_effect : by default that of the case weights of `survey` (n / effective n), else 1.
    response_rate : valid answers per questionnaire; by default valid (or returned) over issued in the study, else 1.
    population : by default the study's; where it has none, so large that it needs no correction.
    strata : a segment, "" for none; by default the study's, where something tells the size of its groups.

    Raises
    ------
    OptionError
        Values outside their range, an unknown segment, answers wanted where none are given.
    DataError
        Nothing tells the shares of the strata in the population.
    AnalysisError
        More questionnaires than the population has members; answers that nobody gave.

    Notes
    -----
    Formulas: `csr_lib.stats.sample_size`. A stratum's size is population × share, the shares being, first what is known: the
    margins of `weighting`, the weighted answers, `quotas`, `issued_by`, the answers without weights. The share satisfied is that
    of the highest points of the outcome ``satisfaction`` (`top` of them, by default two, one on fewer than five points), moved
    towards one half by two answers each way, so that a small group that agrees does not count as one that cannot differ. A score
    is that outcome on 0–100, without it the mean of the perceptions. Strata of fewer than `min_cell` respondents take the
    spread of all.
    """
    if of not in ("share", "score"):
        raise OptionError([unknown(of, ("share", "score"), what="quantity", where="of")])
    segment = strata if strata is not None else _known_strata(study, survey)
    if segment and segment not in study.segments:
        raise OptionError([unknown(segment, study.segments, what="segment", where="strata")])
    asked = survey.customers() if survey is not None else None
    origins = {"population": "asked" if population is not None else "sampling" if study.sampling.population else ""}
    population = study.sampling.population if population is None else population
    rate, origins["response_rate"] = _response(study, response_rate)
    effect, origins["design_effect"] = _design_effect(asked, design_effect)
    values = _values(asked, of) if of == "score" or share == "answers" else None
    origins["spread"] = "answers" if values is not None else "careful" if share == 0.5 else "asked"
    spread = float(share) if values is None else _spread(values, np.ones(len(values), dtype=bool), of)
    name = "sd" if of == "score" else "share"
    facts: dict[str, Any] = {"design_effect": effect, "level": level}

    simple = sample_size(margin, population=population, response_rate=rate, **{name: spread}, **facts)
    totals = [("simple", simple.n, simple.issued, simple.margin)]
    parts = []
    if segment:
        shares, origins["population_share"] = _shares(study, asked, segment)
        sizes = _sizes(shares, population or UNBOUNDED)
        spreads = _spreads(list(shares), values, asked, segment, of, spread)
        within: dict[str, Any] = {name: spreads}
        alone = {}
        for h, size in sizes.items():
            own: dict[str, Any] = {name: spreads[h], "population": None if population is None else size}
            alone[h] = sample_size(margin, **own, **facts).n
        rules: tuple[Rule, ...] = ("proportional", "neyman") if len(set(spreads.values())) > 1 else ("proportional",)
        for rule in rules:
            found = stratified_sample_size(margin, sizes, rule=rule, response_rate=rate, **within, **facts)
            totals.append((rule, found.n, found.issued, found.margin))
            rows = found.strata[["stratum", "population", "n", "issued", "margin"]].assign(rule=rule)
            more: dict[str, dict[str, Any]] = {"population_share": {**shares}, "spread": {**spreads}, "n_alone": {**alone}}
            parts.append(rows.assign(**{column: rows["stratum"].map(by) for column, by in more.items()}))
    order = ["rule", "stratum", "population", "population_share", "spread", "n", "issued", "margin", "n_alone"]
    table = pd.concat(parts, ignore_index=True)[order] if parts else pd.DataFrame(columns=order)
    if population is None:
        table["population"] = np.nan
    return SamplePlan(
        of=of,
        margin=margin,
        level=level,
        design_effect=effect,
        response_rate=rate,
        population=population,
        spread=spread,
        totals=pd.DataFrame(totals, columns=["rule", "n", "issued", "margin"]),
        strata=segment or "",
        by_stratum=table,
        origins=origins,
    )


def _response(study: Study, asked: float | None) -> tuple[float, str]:
    """Return the expected response rate and where it was taken from."""
    if asked is not None:
        return asked, "asked"
    known = study.sampling
    back = known.returned if known.valid is None else known.valid
    return (min(1.0, back / known.issued), "sampling") if back and known.issued else (1.0, "")


def _design_effect(survey: Survey | None, asked: float | None) -> tuple[float, str]:
    if asked is not None:
        return asked, "asked"
    if survey is not None and survey.weight_kind == "sampling":
        return survey.n / survey.n_effective, "case_weight"
    return 1.0, ""


# ---- how much answers vary


def _values(survey: Survey | None, of: Quantity) -> pd.DataFrame:
    """Return what is to be estimated, a row per respondent of `survey`: value (1 and 0, or 0–100) and case weight."""
    if survey is None:
        raise OptionError(
            "nothing tells how much answers will vary",
            where="share" if of == "share" else "of",
            allowed="an expected share from 0 to 1; a score only where there are answers",
            mend="give the answers of a pilot or an earlier wave, or plan for a share",
        )
    study = survey.study
    if "satisfaction" in study.outcomes:
        scale, values = survey.outcome_scale("satisfaction"), survey.outcome("satisfaction")
        assert scale is not None
        top = study.outcomes["satisfaction"].top or (2 if scale.span >= 4 else 1)
        found = scale.to_100(values) if of == "score" else (values > scale.max - top).astype(float).where(values.notna())
    elif of == "share":
        raise OptionError(
            "the share satisfied cannot be told",
            where=study.at("outcomes"),
            allowed="outcomes: {satisfaction: …}, or an expected share from 0 to 1",
            mend="name the question about overall satisfaction under `outcomes`, or give the share",
        )
    else:
        ratings = survey.ratings("perception")
        found = pd.DataFrame({i: survey.scale(str(i)).to_100(ratings[i]) for i in ratings}).mean(axis=1)
    table = pd.DataFrame({"value": found.to_numpy(dtype=float), "weight": survey.weights})
    if not (table["value"].notna() & (table["weight"] > 0)).any():
        raise AnalysisError(
            "nobody answered what the plan is to rest on",
            where="answers",
            allowed="answers about satisfaction",
            mend="give the expected share",
        )
    return table


def _spread(values: pd.DataFrame, rows: np.ndarray, of: Quantity) -> float:
    """Return the share, moved towards one half by two answers each way, or the standard deviation, of the rows."""
    chosen = values[rows & values["value"].notna().to_numpy() & (values["weight"] > 0).to_numpy()]
    mean = float(np.average(chosen["value"], weights=chosen["weight"]))
    n = len(chosen)
    if of == "share":
        return (n * mean + 2) / (n + 4)
    variance = float(np.average((chosen["value"] - mean) ** 2, weights=chosen["weight"]))
    return float(np.sqrt(variance * n / (n - 1))) if n > 1 else 0.0


def _spreads(
    strata: list[str], values: pd.DataFrame | None, survey: Survey | None, segment: str, of: Quantity, whole: float
) -> dict[str, float]:
    if values is None or survey is None:
        return dict.fromkeys(strata, whole)
    codes, answered = survey.codes[segment], (values["value"].notna() & (values["weight"] > 0)).to_numpy()
    found = {}
    for stratum in strata:
        rows = (codes == stratum).to_numpy()
        enough = int((rows & answered).sum()) >= max(2, survey.study.min_cell)
        found[stratum] = _spread(values, rows, of) if enough else whole
    return found


# ---- how large the strata are


def _shares(study: Study, survey: Survey | None, segment: str) -> tuple[dict[str, float], str]:
    """Return the share of each stratum in the population, and what it was taken from."""
    known = study.sampling
    if study.weighting and segment in study.weighting.margins:
        return dict(study.weighting.margins[segment]), "weighting"
    weighted = survey is not None and survey.weight_kind != "none"
    if weighted and (counts := _counts(survey, segment)):
        return _whole(counts), "case_weight"
    for origin in ("quotas", "issued_by"):
        if any(counted := getattr(known, origin).get(segment, {}).values()) and all(counted):
            return _whole(getattr(known, origin)[segment]), origin
    if counts := _counts(survey, segment):
        return _whole(counts), "answers"
    raise DataError(
        f"nothing tells how large the groups of '{segment}' are",
        where=study.at("segments", segment),
        allowed="weighting.margins, sampling.quotas or sampling.issued_by for this segment, or answers",
        mend="add the shares of the population under `weighting: {margins: …}`",
    )


def _known_strata(study: Study, survey: Survey | None) -> str:
    """Return the segment that the study's sample is stratified by, "" where none is, or nothing tells the sizes of its groups."""
    segment = study.sampling.strata or ""
    known = study.sampling
    told = segment and (survey or any(segment in by for by in (known.quotas, known.issued_by)))
    return segment if told or (study.weighting and segment in study.weighting.margins) else ""


def _counts(survey: Survey | None, segment: str) -> dict[str, float]:
    if survey is None:
        return {}
    codes = survey.codes[segment]
    sums = {code: float(survey.weights[(codes == code).to_numpy()].sum()) for code in survey.values(segment)}
    return {code: total for code, total in sums.items() if total > 0}


def _whole(counts: Mapping[str, float]) -> dict[str, float]:
    total = float(sum(counts.values()))
    return {str(code): count / total for code, count in counts.items()}


def _sizes(shares: Mapping[str, float], population: int) -> dict[str, int]:
    """Return whole numbers that sum to `population`, each at least 1: largest remainders."""
    if population < len(shares):
        raise OptionError(
            f"a population of {population} in {len(shares)} strata", where="population", allowed="at least one in each"
        )
    exact = {h: share * population for h, share in shares.items()}
    sizes = {h: max(1, int(e)) for h, e in exact.items()}
    for h in sorted(exact, key=lambda h: exact[h] - sizes[h], reverse=True):
        if sum(sizes.values()) >= population:
            break
        sizes[h] += 1
    while sum(sizes.values()) > population:
        sizes[max(sizes, key=lambda h: sizes[h])] -= 1
    return sizes
