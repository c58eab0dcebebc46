"""The tables of the model itself: paths, effects, measurement, discriminant validity, importance and performance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from csr_lib.analyses.satisfaction_index.checks import faults, negative_weights
from csr_lib.analyses.satisfaction_index.estimate import INSIDE, SCOPE, Estimate
from csr_lib.analyses.satisfaction_index.tables import effects_on


def model_tables(e: Estimate) -> dict[str, pd.DataFrame]:
    """Return paths, effects, explained variance, weights, loadings, reliability and discriminant validity."""
    fit, items = e.fit, e.fit.items
    keys = items[["construct", "item"]]
    paths = fit.paths
    out = {
        "paths": pd.DataFrame(
            {
                **paths[["source", "target", "estimate"]],
                **e.spread(e.of("paths"), len(paths), null=0.0),
                "f_squared": paths["f2"],
                "vif": paths["vif"],
            }
        ),
        "effects": _effects_table(e),
        "r_squared": _r_squared(e),
        "weights": keys.assign(estimate=items["weight"], **e.spread(e.of("weights"), len(items), null=0.0)),
        "loadings": keys.assign(estimate=items["loading"], **e.spread(e.of("loadings"), len(items), null=0.0)),
        "cross_loadings": keys.merge(fit.cross_loadings.reset_index(names="item"), on="item"),
        "reliability": _reliability(e),
        "fornell_larcker": fit.fornell_larcker.reset_index(names="construct"),
    }
    several = items[items.groupby("construct")["item"].transform("size") > 1]
    if len(several):
        out["vif"] = several[["construct", "item", "mode", "vif"]].reset_index(drop=True)
    htmt = _htmt(e)
    if htmt is not None:
        out["htmt"] = htmt
    return out


def _effects_table(e: Estimate) -> pd.DataFrame:
    """Direct, indirect and total effects, standardised, and total effects in index points, each with its interval."""
    effects = e.fit.effects
    k = len(effects)
    out = effects[["source", "target"]].copy()
    total, drawn_paths = e.of("total_effects"), e.of("paths")
    direct = indirect = None
    if total is not None and drawn_paths is not None:
        place = {p: i for i, p in enumerate(e.model.paths)}
        direct = np.zeros_like(total)
        for j, pair in enumerate(zip(effects["source"], effects["target"], strict=True)):
            if pair in place:
                direct[:, j] = drawn_paths[:, place[pair]]
        indirect = total - direct
    for name, column, draws in (
        ("direct", "direct", direct),
        ("indirect", "indirect", indirect),
        ("total", "total", total),
        ("points", "total_unstandardised", e.of("total_effects_unstandardised")),
    ):
        spread = e.spread(draws, k, null=0.0)
        out[name] = effects[column]
        for c in ("ci_low", "ci_high", "p_value"):
            out[f"{name}_{c}"] = spread[c]
    # an effect that the model does not have is no estimate of zero
    no_direct = [pair not in e.model.paths for pair in zip(out["source"], out["target"], strict=True)]
    no_indirect = [not _through_others(e, s, t) for s, t in zip(out["source"], out["target"], strict=True)]
    for name, absent in (("direct", no_direct), ("indirect", no_indirect)):
        columns = [name, *(f"{name}_{c}" for c in ("ci_low", "ci_high", "p_value"))]
        out.loc[np.array(absent), columns] = np.nan
    return out.reset_index(drop=True)


def _through_others(e: Estimate, source: str, target: str) -> bool:
    return any(m != target and m in e.model.ancestors(target) for m in e.model.targets(source))


def _r_squared(e: Estimate) -> pd.DataFrame:
    inner = e.fit.constructs[e.fit.constructs["r2"].notna()]
    spread = e.spread(e.of("r2"), len(inner))
    return pd.DataFrame(
        {
            "construct": inner["construct"],
            "r_squared": inner["r2"],
            **spread,
            "r_squared_adjusted": inner["r2_adj"],
            "n_sources": [len(e.model.sources(c)) for c in inner["construct"]],
        }
    ).reset_index(drop=True)


def _reliability(e: Estimate) -> pd.DataFrame:
    c = e.fit.constructs
    return pd.DataFrame(
        {
            "construct": c["construct"],
            "n_items": c["n_items"],
            "alpha": c["alpha_raw"],
            "alpha_std": c["alpha"],
            "rho_a": c["rho_a"],
            "rho_c": c["rho_c"],
            "ave": c["ave"],
        }
    )


def _htmt(e: Estimate) -> pd.DataFrame | None:
    names = e.model.names
    low = np.tril_indices(len(names), -1)
    place = {(int(i), int(j)): k for k, (i, j) in enumerate(zip(*low, strict=True))}
    values = e.fit.htmt.to_numpy(dtype=float)
    many = [j for j, name in enumerate(names) if len(e.model.construct(name).items) > 1]
    pairs = [(a, b) for a in many for b in many if a < b]
    if not pairs:
        return None
    drawn, at = e.of("htmt"), [place[b, a] for a, b in pairs]
    return pd.DataFrame(
        {
            "construct": [names[a] for a, _ in pairs],
            "other": [names[b] for _, b in pairs],
            "estimate": [values[a, b] for a, b in pairs],
            **e.spread(None if drawn is None else drawn[:, at], len(pairs)),
        }
    )


# ---- importance and performance


def drivers_table(e: Estimate) -> pd.DataFrame:
    """What leads to the target: its effect in index points, its performance, and how often it is the strongest in resamples.

    Columns ``construct importance std_error ci_low ci_high performance performance_ci_low performance_ci_high first_share``.
    """
    effects = e.fit.effects.reset_index(drop=True)
    rows = effects.index[effects["target"] == e.target].to_numpy()
    names = effects.loc[rows, "source"].tolist()
    drawn = e.of("total_effects_unstandardised")
    drawn = None if drawn is None else drawn[:, rows]
    index, index_drawn = e.index(SCOPE, INSIDE)
    at = [e.model.names.index(n) for n in names]
    performance = e.spread(None if index_drawn is None else index_drawn[:, at], len(at))
    first = np.full(len(names), np.nan)
    if drawn is not None and len(names):
        first = np.bincount(drawn.argmax(axis=1), minlength=len(names)) / len(drawn)
    return pd.DataFrame(
        {
            "construct": names,
            "importance": effects.loc[rows, "total_unstandardised"].to_numpy(),
            **e.spread(drawn, len(names)),
            "performance": index[at],
            "performance_ci_low": performance["ci_low"],
            "performance_ci_high": performance["ci_high"],
            "first_share": first,
        }
    )


def map_is_admissible(e: Estimate) -> bool:
    """Whether the map may be shown: the solution may be read, there are drivers, and no item of them or of the target has a
    negative weight."""
    if faults([*e.climb.results, e.fit]):
        return False
    concerned = {*e.model.ancestors(e.target), e.target}
    negative = set(negative_weights(e.fit))
    owner = dict(zip(e.fit.items["item"], e.fit.items["construct"], strict=True))
    return len(concerned) > 1 and not any(owner[i] in concerned for i in negative)


def items_map(e: Estimate) -> pd.DataFrame:
    """The drivers' items: ``construct item item_weight importance std_error ci_low ci_high performance``."""
    effect = effects_on(e, e.target)
    items = e.fit.items.reset_index(drop=True)
    rows = items.index[items["construct"].isin(effect)].to_numpy()
    part = items.loc[rows]
    drawn, shares, effects = None, e.of("shares"), e.of("total_effects_unstandardised")
    if shares is not None and effects is not None:
        pairs = list(zip(e.fit.effects["source"], e.fit.effects["target"], strict=True))
        place = [pairs.index((c, e.target)) for c in part["construct"]]
        drawn = shares[:, rows] * effects[:, place]
    return pd.DataFrame(
        {
            "construct": part["construct"].to_numpy(),
            "item": part["item"].to_numpy(),
            "item_weight": part["share"].to_numpy(),
            "importance": part["share"].to_numpy() * part["construct"].map(effect).to_numpy(dtype=float),
            **e.spread(drawn, len(part)),
            "performance": part["item"].map(e.item_performance()).to_numpy(dtype=float),
        }
    )


def outcomes_table(e: Estimate) -> pd.DataFrame:
    """What follows from the target: points of each construct per point of the target."""
    effects = e.fit.effects.reset_index(drop=True)
    rows = effects.index[effects["source"] == e.target].to_numpy()
    drawn = e.of("total_effects_unstandardised")
    spread = e.spread(None if drawn is None else drawn[:, rows], len(rows), null=0.0)
    part = effects.loc[rows]
    return pd.DataFrame({"construct": part["target"].to_numpy(), "estimate": part["total_unstandardised"].to_numpy(), **spread})
