"""Factor structure: tables of the confirmatory and the structural model, hypotheses, invariance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.stats.comparison import mean_interval
from csr_lib.stats.resampling import holm
from csr_lib.stats.sem import SEMResult
from csr_lib.stats.sem_modification import modification_indices

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.analysis import Options
    from csr_lib.analyses.factor_structure.confirm import Confirmation, Invariance
    from csr_lib.analyses.factor_structure.explore import Exploration
    from csr_lib.analyses.factor_structure.plan import Data

#: Fit measure -> (its threshold in the literature, on which side a value is good, reference). Shown in this order.
THRESHOLDS: dict[str, tuple[float, str, str]] = {
    "chi2_df": (CUTOFFS["sem_chi2_df"].threshold, "at_most", CUTOFFS["sem_chi2_df"].source),
    "cfi": (CUTOFFS["sem_cfi"].threshold, "at_least", CUTOFFS["sem_cfi"].source),
    "tli": (CUTOFFS["sem_tli"].threshold, "at_least", CUTOFFS["sem_tli"].source),
    "gfi": (CUTOFFS["sem_gfi"].threshold, "at_least", CUTOFFS["sem_gfi"].source),
    "agfi": (CUTOFFS["sem_agfi"].threshold, "at_least", CUTOFFS["sem_agfi"].source),
    "nfi": (CUTOFFS["sem_nfi"].threshold, "at_least", CUTOFFS["sem_nfi"].source),
    "ifi": (CUTOFFS["sem_nfi"].threshold, "at_least", CUTOFFS["sem_nfi"].source),
    "rmsea": (CUTOFFS["sem_rmsea"].threshold, "at_most", CUTOFFS["sem_rmsea"].source),
    "srmr": (CUTOFFS["srmr"].threshold, "at_most", CUTOFFS["srmr"].source),
}
#: Judged where the study states no thresholds of its own; those that it states are judged besides.
USUAL = ("chi2_df", "cfi", "tli", "gfi", "rmsea", "srmr")
MEASURES = (
    "chi2", "df", "p_value", "chi2_df", "cfi", "tli", "gfi", "agfi", "nfi", "ifi", "rmsea", "rmsea_ci_low", "rmsea_ci_high",
    "srmr", "n_parameters", "aic", "bic",
)  # fmt: skip
#: A modification index above this is worth a look: χ² with one degree of freedom at p < .05.
LEAST_INDEX = 3.841
MOST_INDICES = 10


def measure(result: SEMResult, name: str) -> float:
    """Return a fit measure; its robust form where there is one."""
    fit = result.fit
    if name == "chi2_df":
        return fit["chi2_scaled"] / fit["df"] if "chi2_scaled" in fit and fit["df"] > 0 else fit["chi2_df"]
    if name in ("chi2", "p_value"):
        return fit.get(f"{name}_scaled", fit[name])
    return fit.get(f"{name}_robust", fit[name])


def model_tables(data: Data, c: Confirmation, e: Exploration, options: Options) -> dict[str, pd.DataFrame]:
    """Return the tables of the models that could be estimated, by name."""
    found: dict[str, pd.DataFrame] = {}
    fits = {name: a.result for name, a in (("cfa", c.cfa), ("structure", c.structure)) if a.result is not None}
    if fits:
        found["fit"] = fit_table(fits, options)
        found["fit_measures"] = measures_table(fits)
    if c.cfa.result is not None:
        found["cfa_loadings"] = loadings(c.cfa.result)
        found["validity"] = validity_table(c)
        if c.valid is not None and len(c.valid.convergent) > 1:
            found["fornell_larcker"] = c.valid.fornell_larcker
        if c.discriminant is not None:
            found["discriminant"] = discriminant_table(c)
    if c.structure.result is not None:
        found["paths"] = paths(c.structure.result)
        found["r_squared"] = r_squared(c.structure.result)
        effects = effects_table(c.structure.result)
        if len(effects):
            found["effects"] = effects
    if c.paths_on_scores is not None:
        found["score_paths"] = score_paths(data, c, e)
    hypotheses = hypotheses_table(data, c, found, e, options)
    if len(hypotheses):
        found["hypotheses"] = hypotheses
    hints = [modification(result).assign(fit_model=name) for name, result in fits.items()]
    if any(len(h) for h in hints):
        found["modification"] = pd.concat([h for h in hints if len(h)], ignore_index=True)
    found |= invariance_tables(c.groups)
    return found


def fit_table(fits: Mapping[str, SEMResult], options: Options) -> pd.DataFrame:
    """Return fit against thresholds: ``fit_measure criterion threshold fit_source``, a column per model and ``<model>_met``."""
    stated = dict(options.thresholds)
    rows = []
    for name, (usual, direction, source) in THRESHOLDS.items():
        if name not in stated and name not in USUAL:
            continue
        threshold = stated.get(name, usual)  # type: ignore[call-overload]
        row: dict[str, Any] = {
            "fit_measure": name,
            "criterion": f"{'≥' if direction == 'at_least' else '≤'} {threshold:.2f}",
            "threshold": float(threshold),
            "fit_source": "study" if name in stated else source,
        }
        for model, result in fits.items():
            value = measure(result, name)
            good = value >= threshold if direction == "at_least" else value <= threshold
            row |= {model: value, f"{model}_met": "none" if math.isnan(value) else "met" if good else "missed"}
        rows.append(row)
    return pd.DataFrame(rows)


def measures_table(fits: Mapping[str, SEMResult]) -> pd.DataFrame:
    """Return the fit measures, robust where there are: ``fit_model`` and a column for each of `MEASURES`."""
    return pd.DataFrame([{"fit_model": name, **{m: measure(result, m) for m in MEASURES}} for name, result in fits.items()])


def loadings(result: SEMResult) -> pd.DataFrame:
    """Return standardised loadings: ``construct item estimate std_error ci_low ci_high p_value r_squared``."""
    rows = result.standardised[result.standardised["op"] == "=~"]
    explained = result.r_squared.set_index("variable")["r2"]
    frame = rows.rename(columns={"lhs": "construct", "rhs": "item"})[
        ["construct", "item", "estimate", "std_error", "ci_low", "ci_high", "p_value"]
    ].reset_index(drop=True)
    return frame.assign(r_squared=[float(explained.get(i, math.nan)) for i in frame["item"]])


def validity_table(c: Confirmation) -> pd.DataFrame:
    """Return ``construct items least_loading cr ave shared htmt htmt_with``.

    ``shared`` is the largest squared correlation with another factor, ``htmt`` the largest ratio and ``htmt_with`` with whom.
    """
    assert c.valid is not None
    frame = c.valid.convergent.copy()
    pairs = c.valid.pairs
    shared, top, other = [], [], []
    for name in frame["construct"]:
        mine = pairs[(pairs["source"] == name) | (pairs["target"] == name)]
        shared.append(float((mine["correlation"] ** 2).max()) if len(mine) else math.nan)
        ratios = (
            c.discriminant[(c.discriminant["source"] == name) | (c.discriminant["target"] == name)]
            if c.discriminant is not None
            else mine
        )
        if c.discriminant is None or not len(ratios) or ratios["estimate"].isna().all():
            top.append(math.nan)
            other.append("")
            continue
        worst = ratios.loc[ratios["estimate"].idxmax()]
        top.append(float(worst["estimate"]))
        other.append(str(worst["target"] if worst["source"] == name else worst["source"]))
    return frame.assign(shared=shared, htmt=top, htmt_with=other)


def discriminant_table(c: Confirmation) -> pd.DataFrame:
    """Return pairs of constructs, the hardest to tell apart first: ``source target correlation ave_least holds estimate ci_low
    ci_high``; ``estimate`` is HTMT."""
    assert c.valid is not None
    assert c.discriminant is not None
    frame = c.valid.pairs.merge(c.discriminant, on=["source", "target"])
    return frame.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)


def paths(result: SEMResult) -> pd.DataFrame:
    """Return standardised paths: ``source target estimate std_error ci_low ci_high p_value b b_std_error``."""
    rows = result.standardised[result.standardised["op"] == "~"].reset_index(drop=True)
    raw = result.parameters[result.parameters["op"] == "~"].reset_index(drop=True)
    return pd.DataFrame(
        {
            "source": rows["rhs"],
            "target": rows["lhs"],
            **{k: rows[k] for k in ("estimate", "std_error", "ci_low", "ci_high")},
            "p_value": raw["p_value"],  # the test of the path itself; that of its standardised form differs a little
            "b": raw["estimate"],
            "b_std_error": raw["std_error"],
        }
    )


def r_squared(result: SEMResult) -> pd.DataFrame:
    """Return the share of each dependent construct that is explained: ``construct r_squared``; above 1 is inadmissible."""
    targets = list(dict.fromkeys(result.standardised.loc[result.standardised["op"] == "~", "lhs"]))
    explained = result.r_squared.set_index("variable")["r2"]
    return pd.DataFrame({"construct": targets, "r_squared": [float(explained.get(t, math.nan)) for t in targets]})


def effects_table(result: SEMResult) -> pd.DataFrame:
    """Return total effects where a path leads through other constructs, and how much of them is indirect where there is a direct
    path as well: ``source target effect estimate ci_low ci_high p_value std_all``."""
    effects = result.effects
    indirect = effects[(effects["effect"] == "indirect") & effects["p_value"].notna()]  # without a way through others it is 0
    through = set(zip(indirect["source"], indirect["target"], strict=True))
    direct = set(zip(paths(result)["source"], paths(result)["target"], strict=True))
    mine = [  # what has no direct path is indirect altogether: its total effect says it
        (r["source"], r["target"]) in through
        and (r["effect"] == "total" or (r["effect"] == "indirect" and (r["source"], r["target"]) in direct))
        for r in effects.to_dict("records")
    ]
    frame = effects[np.array(mine, dtype=bool)]
    return frame[["source", "target", "effect", "estimate", "ci_low", "ci_high", "p_value", "std_all"]].reset_index(drop=True)


def score_paths(data: Data, c: Confirmation, e: Exploration) -> pd.DataFrame:
    """Return the path model on factor scores: ``factor source target estimate ci_low ci_high p_value vif performance
    performance_ci_low performance_ci_high``.

    ``performance`` is the mean of the factor's items on 0–100, of respondents who answered all of them.
    """
    assert c.paths_on_scores is not None
    slopes = c.paths_on_scores.coefficients.set_index("term").drop(index="intercept")
    rows = []
    for record in e.names.to_dict("records"):
        slope = slopes.loc[record["factor"]]
        level = mean_interval(
            data.percent(record["items"]).mean(axis=1, skipna=False)[data.second],
            data.survey.weights[data.second],
            kind=data.kind,
            level=c.paths_on_scores.level,
        )
        rows.append(
            {
                "factor": record["factor"],
                "source": record["construct"] or record["factor"],
                "target": data.choice.target,
                **{k: float(slope[k]) for k in ("estimate", "ci_low", "ci_high", "p_value", "vif")},
                "performance": level.estimate,
                "performance_ci_low": level.ci_low,
                "performance_ci_high": level.ci_high,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.iloc[np.argsort(-frame["estimate"].abs().to_numpy(), kind="stable")].reset_index(drop=True)


def hypotheses_table(
    data: Data, c: Confirmation, tables: Mapping[str, pd.DataFrame], e: Exploration, options: Options
) -> pd.DataFrame:
    """Return the study's hypotheses with both verdicts: ``hypothesis expected tested_as estimate ci_low ci_high p_value status
    score score_ci_low score_ci_high score_p_value score_status``.

    The latent model tests the direct path, or, where the model has none, the total effect (its standardised estimate; no interval
    of that). A hypothesis is ``undecided`` where the model's solution is inadmissible, ``untested`` where it says nothing of it.
    """
    from csr_lib.analyses.factor_structure.checks import admissible

    alpha, rows = 1 - options.confidence, []
    sound = c.structure.result is not None and admissible(c.structure.result)
    none = {"estimate": math.nan, "ci_low": math.nan, "ci_high": math.nan, "p_value": math.nan}
    for h in data.survey.study.hypotheses:
        want = 1 if h.sign == "+" else -1
        latent, how = none, "none"
        if "paths" in tables:
            direct = _of(tables["paths"], h.from_, h.to)
            total = _of(tables["effects"], h.from_, h.to, effect="total") if "effects" in tables else None
            if direct is not None:
                latent, how = {k: float(direct[k]) for k in none}, "direct"
            elif total is not None:
                latent, how = {**none, "estimate": float(total["std_all"]), "p_value": float(total["p_value"])}, "total"
        score = none
        if "score_paths" in tables and h.to == data.choice.target:
            own = _of(tables["score_paths"], h.from_, h.to)
            score = none if own is None else {k: float(own[k]) for k in none}
        verdict = _verdict(latent, want, alpha)
        rows.append(
            {
                "hypothesis": h.id,
                "expected": h.sign,
                "tested_as": how,
                **latent,
                "status": "undecided" if verdict != "untested" and not sound else verdict,
                "score": score["estimate"],
                "score_ci_low": score["ci_low"],
                "score_ci_high": score["ci_high"],
                "score_p_value": score["p_value"],
                "score_status": _verdict(score, want, alpha),
            }
        )
    return pd.DataFrame(rows)


def _of(frame: pd.DataFrame, source: str, target: str, **more: str) -> Mapping[str, Any] | None:
    here = (frame["source"] == source) & (frame["target"] == target)
    for column, value in more.items():
        here &= frame[column] == value
    return {str(k): v for k, v in frame[here].iloc[0].to_dict().items()} if here.any() else None


def _verdict(found: Mapping[str, float], want: int, alpha: float) -> str:
    if math.isnan(found["estimate"]) or math.isnan(found["p_value"]):
        return "untested"
    if not found["p_value"] < alpha:
        return "not_supported"
    return "supported" if found["estimate"] * want > 0 else "opposite"


def modification(result: SEMResult) -> pd.DataFrame:
    """Return the largest modification indices above 3.84: ``source target hint mi p_value epc std_all``. Hints, never applied."""
    found = modification_indices(result, kinds=("loading", "covariance"), minimum=LEAST_INDEX, limit=MOST_INDICES)
    found = found[np.isfinite(found["mi"].to_numpy(dtype=float))]
    return pd.DataFrame(
        {
            "source": found["lhs"].to_numpy(),
            "target": found["rhs"].to_numpy(),
            "hint": found["kind"].to_numpy(),
            **{k: found[k].to_numpy(dtype=float) for k in ("mi", "p_value", "epc", "std_all")},
        }
    )


def invariance_tables(groups: tuple[Invariance, ...]) -> dict[str, pd.DataFrame]:
    """Return the steps of invariance, equalities that do not hold, and latent means, of all segments one below the other."""
    tested = [g for g in groups if g.result is not None]
    if not tested:
        return {}
    steps, means, equalities = [], [], []
    for g in tested:
        assert g.result is not None
        steps.append(g.result.steps.assign(segment=g.by).rename(columns={"step": "invariance_step", "verdict": "step_verdict"}))
        held = set(g.result.steps.loc[g.result.steps["verdict"] != "fail", "step"])
        if "scalar" in held and len(g.result.means):
            first = g.result.groups[0]
            own = g.result.means.assign(segment=g.by, against=f"{g.by}={first}")
            means.append(own.assign(group=[f"{g.by}={v}" for v in own["group"]], p_adjusted=holm(own["p_value"])))
        loose = g.result.equalities[g.result.equalities["p_adjusted"] < 0.05]
        worst = loose.groupby("step", sort=False).head(5)
        equalities.append(worst.assign(segment=g.by).rename(columns={"step": "invariance_step"}))
    columns = [
        "segment", "invariance_step", "chi2", "df", "p_value", "cfi", "rmsea", "srmr",
        "delta_chi2", "delta_df", "delta_p_value", "delta_cfi", "delta_rmsea", "delta_srmr", "step_verdict",
    ]  # fmt: skip
    found = {"invariance": pd.concat(steps, ignore_index=True)[columns]}
    if means:
        kept = ["segment", "against", "group", "construct", "estimate", "ci_low", "ci_high", "p_value", "p_adjusted", "std"]
        found["latent_means"] = pd.concat(means, ignore_index=True)[kept]
    loose = pd.concat(equalities, ignore_index=True)
    if len(loose):
        found["equalities"] = loose[["segment", "invariance_step", "parameter", "chi2", "df", "p_adjusted"]]
    return found
