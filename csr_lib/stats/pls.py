"""PLS path modelling from moments: weights, loadings, paths, quality criteria and the index 0–100."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, unknown
from csr_lib.core.model import Model
from csr_lib.stats import _pls
from csr_lib.stats._linalg import dependent
from csr_lib.stats._pls import Plan, Scheme
from csr_lib.stats._pls_checks import Limits, check_blocks, check_constructs, check_size, check_sources, ends_of_scales
from csr_lib.stats.moments import Moments
from csr_lib.stats.reliability import alpha_of

Array = np.ndarray
SCHEMES = ("path", "factorial", "centroid")


@dataclass(frozen=True, eq=False)
class PLSResult:
    """An estimated PLS path model.

    Attributes
    ----------
    model, moments, scheme : what was estimated, on what (items in the order of the model), with which inner weighting.
    iterations : until no weight moved by the tolerance.
    items : ``construct item mode weight weight_unstandardised share loading vif mean performance``. ``weight`` gives the
        composite variance 1 (standardised items); ``weight_unstandardised`` is weight/sd, summing to 1 in its construct;
        ``share`` is what one point 0–100 of the item adds to the index, in points (sums to 1); ``vif`` among the items of the
        construct; ``performance`` is the mean on 0–100 by the scale's ends.
    constructs : ``construct mode n_items alpha alpha_raw rho_a rho_c ave r2 r2_adj index index_sd``; ``alpha`` is that of the
        standardised items. Alphas of a single item and R² of an exogenous construct are NaN; ρ_A of a single item or of
        mode B is 1.
    paths : ``source target estimate unstandardised f2 vif``. ``f2`` is (R² − R² without the source)/(1 − R²) with the composites
        as they are (as cSEM); `f2_reestimated` is the other definition.
    effects : ``source target direct indirect total total_unstandardised`` for every source that leads to the target.
        Unstandardised effects are index points of the target per index point of the source.
    correlations, htmt, htmt_signed, fornell_larcker : (J, J) frames, constructs as index and columns. Correlations are consistent
        (disattenuated) for reflective constructs. ``htmt`` averages |r| (as seminr), ``htmt_signed`` r (as cSEM). Fornell–Larcker
        holds √AVE on the diagonal and correlations below it.
    cross_loadings : (p, J) frame, correlations of items and composites (never disattenuated).
    srmr : standardised root mean square residual of the estimated model; more criteria of fit: `csr_lib.stats.pls_fit`.
    limits : (p, 2) ends of the scales, NaN without an index.
    inadmissible : what no population could have, one row each: ``fault name other value``, empty where all is well. Faults are
        ``loading`` (of a reflective item, beyond 1: Heywood case), ``rho_a`` (of a reflective construct, beyond 1),
        ``correlation`` (of two constructs, beyond 1), ``correlations`` (of the constructs, not positive semidefinite; value: the
        smallest eigenvalue), ``r2`` (outside 0–1: negative residual variance) and ``items`` (correlations of the items, as
        ``correlations``; pairwise deletion only). With composites and complete answers it is empty. Do not rely on the
        estimates where it is not.
    """

    model: Model
    moments: Moments
    scheme: Scheme
    iterations: int
    items: pd.DataFrame
    constructs: pd.DataFrame
    paths: pd.DataFrame
    effects: pd.DataFrame
    correlations: pd.DataFrame
    htmt: pd.DataFrame
    htmt_signed: pd.DataFrame
    fornell_larcker: pd.DataFrame
    cross_loadings: pd.DataFrame
    srmr: float
    limits: Array
    inadmissible: pd.DataFrame
    tolerance: float = 1e-12
    plan: Plan = field(repr=False, kw_only=True)

    @property
    def index(self) -> pd.Series:
        """Index 0–100 by construct; NaN without limits."""
        return self.constructs.set_index("construct")["index"]

    @property
    def htmt2(self) -> pd.DataFrame:
        """(J, J) heterotrait–monotrait ratios with geometric instead of arithmetic means (Roemer, Schuberth & Henseler 2021).

        NaN where a correlation between or within the two constructs is not positive: the geometric mean does not exist there.
        The same numbers elsewhere: cSEM ``calculateHTMT(.type_htmt = "htmt2")`` (which gives one, too, where an even number of
        correlations is negative).
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.log(self.moments.correlation)
        blocks = self.plan.blocks
        out = np.eye(len(blocks))
        within = [logs[b, b][np.tril_indices(b.stop - b.start, -1)] for b in blocks]
        mono = [w.mean() if len(w) else 0.0 for w in within]
        for j, block in enumerate(blocks):
            for i, other in enumerate(blocks[:j]):
                value = np.exp(logs[block, other].mean() - (mono[i] + mono[j]) / 2)
                out[j, i] = out[i, j] = value if np.isfinite(logs[block, other]).all() else np.nan
        return _square(out, self.model.names)

    @property
    def index_coefficients(self) -> Array:
        """(p,) points of its construct's index per scale point of each item."""
        span = self.limits[:, 1] - self.limits[:, 0]
        return 100 * self.items["share"].to_numpy() / span

    def index_of(self, means: Array) -> Array:
        """Index (…, J) of other item means (…, p), such as a group's, with the weights of this estimate."""
        points = (np.asarray(means) - self.limits[:, 0]) * self.index_coefficients
        return np.add.reduceat(points, self.plan.starts, axis=-1)

    def importance_performance(self, target: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the importance–performance map of `target`: one frame of constructs, one of items.

        Columns ``construct [item] importance performance total``: importance is the unstandardised total effect on the target's
        index, in points per point (Ringle & Sarstedt 2016), for an item its construct's times its share; performance is
        the mean on 0–100; ``total`` is the standardised total effect (constructs). Only what leads to the target is listed.
        Meaningful only with weights that are not negative: see ``items``. The same numbers: cSEM ``doIPMA``.
        """
        if target not in self.model.names:
            raise OptionError([unknown(target, self.model.names, what="construct", where="target")])
        e = self.effects[self.effects["target"] == target]
        performance = e["source"].map(self.index).to_numpy()
        constructs = pd.DataFrame(
            {
                "construct": e["source"].to_numpy(),
                "importance": e["total_unstandardised"].to_numpy(),
                "performance": performance,
                "total": e["total"].to_numpy(),
            }
        )
        effect = constructs.set_index("construct")["importance"]
        rows = self.items[self.items["construct"].isin(effect.index)]
        items = pd.DataFrame(
            {
                "construct": rows["construct"].to_numpy(),
                "item": rows["item"].to_numpy(),
                "importance": rows["construct"].map(effect).to_numpy() * rows["share"].to_numpy(),
                "performance": rows["performance"].to_numpy(),
            }
        )
        return constructs, items


def pls(
    moments: Moments,
    model: Model,
    *,
    scheme: Scheme = "path",
    limits: Limits | None = None,
    tolerance: float = 1e-12,
    max_iterations: int = 1000,
) -> PLSResult:
    """Estimate a path model by partial least squares.

    Parameters
    ----------
    moments : of at least the model's items.
    model : constructs of mode ``A``, ``B`` or ``reflective`` (mode A weights, then consistent PLS).
    scheme : inner weighting, ``path``, ``factorial`` or ``centroid``.
    limits : ends of the scale, one pair for all items or a pair for each; None: no index (NaN).
    tolerance : largest change of an outer weight at which the algorithm stops.

    Returns
    -------
    PLSResult

    Raises
    ------
    OptionError
        An unknown scheme, or a model with higher-order constructs (`csr_lib.stats.pls_higher_order` estimates it).
    DataError
        Items that `moments` does not have, limits that are missing or wrong.
    AnalysisError
        Too few answers for a regression of the model, linearly dependent items of a mode B construct, linearly dependent sources
        of a construct, a reflective construct whose ρ_A is not positive, no convergence. Estimates that exist but are not
        admissible (a Heywood case) are marked in the result; whether admissible numbers are good is left to the caller.

    Notes
    -----
    Wold's algorithm on the correlation matrix, starting from equal weights (Wold 1982; Tenenhaus et al. 2005); consistent PLS
    after Dijkstra and Henseler (2015) corrects reflective constructs only. A composite is oriented so that its loadings
    sum to a positive number. Index of a construct: Σwᵢ(x̄ᵢ − minᵢ)/Σwᵢ(maxᵢ − minᵢ)·100 with wᵢ = outer weight/sdᵢ.
    Unstandardised paths are b·s_target/s_source with s the standard deviation of the index (times √ρ_A for reflective
    constructs). Adjusted R² uses the effective n. The same numbers: R seminr ``estimate_pls`` (A, B; path, factorial), plspm
    (centroid), cSEM ``csem`` (consistent PLS) and ``doIPMA``.
    """
    if scheme not in SCHEMES:
        raise OptionError([unknown(scheme, SCHEMES, what="weighting scheme", where="scheme")])
    if model.wholes:
        raise OptionError(
            f"{', '.join(c.name for c in model.wholes)} are made of other constructs",
            where="model",
            allowed="constructs with items of their own",
            mend="estimate it with pls_two_stage, or put the items of the parts in the place of the parts",
        )
    m = moments.take(model.items)
    plan = Plan.of(model)
    check_size(m, plan)
    ends = ends_of_scales(limits, m)
    R = m.correlation[..., None].copy()
    check_blocks(R[..., 0], plan)
    outer = _pls.iterate(R, plan, scheme, start=None, tolerance=tolerance, max_iterations=max_iterations)
    if not outer.converged[0]:
        check_sources(_pls.composites(R, np.ones((len(R), 1)), plan)[2][..., 0], plan)  # the likeliest reason
        raise AnalysisError(
            f"the PLS algorithm did not converge within {max_iterations} iterations",
            where=f"model of {', '.join(model.names)}",
            mend="try another scheme, look for constructs that hardly correlate, or collect more answers",
        )
    outer, _ = _pls.oriented(outer, plan)
    rho = _pls.rho_a(R, outer.weights, plan)[:, 0]
    check_constructs(outer, rho, plan)
    loadings, C, quality = _pls.consistent(outer, R, plan)
    check_sources(C[..., 0], plan)
    paths, r2 = _pls.path_arrays(C, plan)
    total = _pls.total_effects(paths, plan)[..., 0]

    coefficients = _pls.index_coefficients(outer.weights, m.sd[:, None], ends, plan)
    index = _pls.index_values(coefficients, m.mean[:, None], ends, plan)[:, 0]
    per_sd = _pls.index_units(coefficients, outer.weights, m.sd[:, None], plan)[:, 0]
    ratio = per_sd * quality[:, 0]
    unit = ratio[None, :] / ratio[:, None]  # source × target
    names = list(model.names)
    return PLSResult(
        model,
        m,
        scheme,
        int(outer.iterations[0]),
        _items_table(m, plan, outer.weights[:, 0], loadings[:, 0], coefficients[:, 0], ends, R[..., 0]),
        _constructs_table(m, plan, loadings[:, 0], rho, r2[:, 0], index, np.abs(per_sd)),
        _paths_table(plan, paths[:, 0], C[..., 0], r2[:, 0], unit),
        _effects_table(plan, paths[:, 0], total, unit),
        _square(C[..., 0], names),
        _square(_pls.htmt(R, plan)[..., 0], names),
        _square(_pls.htmt(R, plan, absolute=False)[..., 0], names),
        _square(_fornell_larcker(C[..., 0], loadings[:, 0], plan), names),
        pd.DataFrame(outer.items[..., 0], index=pd.Index(plan.items, name="item"), columns=names),
        _srmr(R[..., 0], loadings[:, 0], C[..., 0], paths[:, 0], plan),
        ends,
        _inadmissible(m, plan, loadings[:, 0], rho, C[..., 0], r2[:, 0]),
        tolerance,
        plan=plan,
    )


def f2_reestimated(result: PLSResult) -> pd.DataFrame:
    """Return f² of every path by estimating the whole model anew without it: ``source target estimate``.

    (R² − R² without the path)/(1 − R²), where the composites of the second model are its own; a construct that is on no path
    then is left out. `PLSResult.paths` holds f² with the composites kept. The same numbers: seminr ``summary()$fSquare``.

    Raises AnalysisError where the model without a path cannot be estimated.
    """
    r2 = result.constructs.set_index("construct")["r2"]
    rows = []
    for source, target in result.model.paths:
        without = 0.0
        if len(result.model.sources(target)) > 1:
            rest = tuple(path for path in result.model.paths if path != (source, target))
            linked = {name for path in rest for name in path}
            smaller = Model(tuple(c for c in result.model.constructs if c.name in linked), rest, target)
            again = pls(result.moments, smaller, scheme=result.scheme, tolerance=result.tolerance)
            without = float(again.constructs.set_index("construct")["r2"][target])
        rows.append((source, target, (r2[target] - without) / (1 - r2[target])))
    return pd.DataFrame(rows, columns=["source", "target", "estimate"])


def _inadmissible(m: Moments, plan: Plan, loadings: Array, rho: Array, C: Array, r2: Array) -> pd.DataFrame:
    """Rows of `PLSResult.inadmissible`. Rounding may put a value beyond its bound by 1e-9."""
    over, names = 1 + 1e-9, plan.model.names
    rows: list[tuple[str, str, str, float]] = []
    for j in plan.of_mode("reflective"):
        block = plan.blocks[j]
        rows += [
            ("loading", item, names[j], value)
            for item, value in zip(plan.items[block], loadings[block], strict=True)
            if abs(value) > over
        ]
        if rho[j] > over:
            rows.append(("rho_a", names[j], "", rho[j]))
    rows += [("correlation", names[j], names[i], C[j, i]) for j in range(len(C)) for i in range(j) if abs(C[j, i]) > over]
    for fault, values in (("correlations", C), ("items", m.correlation)):
        smallest = float(np.linalg.eigvalsh(values)[0])
        if smallest < -1e-9:
            rows.append((fault, "", "", smallest))
    rows += [("r2", names[j], "", value) for j, value in enumerate(r2) if not np.isnan(value) and not -1e-9 <= value <= over]
    columns: dict[str, list[str]] = {name: [str(row[k]) for row in rows] for k, name in enumerate(("fault", "name", "other"))}
    return pd.DataFrame({**columns, "value": np.array([row[3] for row in rows], dtype=float)})


def inadmissible_draws(loadings: Array, C: Array, quality: Array, r2: Array, plan: Plan) -> Array:
    """Which of a batch of estimates are inadmissible, (B,), by the faults of `PLSResult.inadmissible`.

    `loadings` (p, B), `C` (J, J, B) correlations and `quality` (J, B) √ρ_A as `_pls.consistent` returns them, `r2` (J, B). Only
    reflective constructs can be at fault. Estimates that are not finite are not counted.
    """
    reflective = plan.of_mode("reflective")
    if not reflective:
        return np.zeros(loadings.shape[1], dtype=bool)
    over = 1 + 1e-9
    finite = np.isfinite(C).all(axis=(0, 1)) & np.isfinite(loadings).all(axis=0)
    with np.errstate(invalid="ignore"):
        bad = (np.abs(loadings[np.isin(plan.owner, reflective)]) > over).any(axis=0) | (quality > over).any(axis=0)
        bad |= (np.abs(C) > over).any(axis=(0, 1)) | (r2 > over).any(axis=0) | (r2 < -1e-9).any(axis=0)
    bad &= finite
    left = np.flatnonzero(finite & ~bad)
    bad[left] = np.linalg.eigvalsh(np.moveaxis(C[..., left], -1, 0))[:, 0] < -1e-9
    return bad


def _items_table(m: Moments, plan: Plan, w: Array, loadings: Array, a: Array, ends: Array, R: Array) -> pd.DataFrame:
    raw = w / m.sd
    span = ends[:, 1] - ends[:, 0]
    vif = np.ones(len(w))
    for block in plan.blocks:
        vif[block] = vifs(R[block, block])
    return pd.DataFrame(
        {
            "construct": [plan.model.names[j] for j in plan.owner],
            "item": list(plan.items),
            "mode": [plan.model.constructs[j].mode for j in plan.owner],
            "weight": w,
            "weight_unstandardised": raw / np.add.reduceat(raw, plan.starts)[plan.owner],
            "share": a * span / 100,
            "loading": loadings,
            "vif": vif,
            "mean": m.mean,
            "performance": 100 * (m.mean - ends[:, 0]) / span,
        }
    )


def vifs(R: Array) -> Array:
    """Variance inflation factors of standardised variables with correlations `R` (k, k); infinite where they depend."""
    if len(R) == 1:
        return np.ones(1)
    if dependent(R, [""] * len(R)):
        return np.full(len(R), np.inf)
    return np.diag(np.linalg.inv(R)).copy()


def _constructs_table(
    m: Moments, plan: Plan, loadings: Array, rho: Array, r2: Array, index: Array, index_sd: Array
) -> pd.DataFrame:
    sums = np.add.reduceat(loadings, plan.starts)
    error = np.add.reduceat(1 - loadings**2, plan.starts)
    sizes = np.array([b.stop - b.start for b in plan.blocks])
    k = np.array([len(s) for s in plan.sources])
    R = m.correlation
    with np.errstate(invalid="ignore", divide="ignore"):
        adjusted = 1 - (1 - r2) * (m.n_effective - 1) / (m.n_effective - k - 1)
    return pd.DataFrame(
        {
            "construct": list(plan.model.names),
            "mode": [c.mode for c in plan.model.constructs],
            "n_items": sizes,
            "alpha": [float(alpha_of(R[b, b])) for b in plan.blocks],
            "alpha_raw": [float(alpha_of(m.cov[b, b])) for b in plan.blocks],
            "rho_a": rho,
            "rho_c": sums**2 / (sums**2 + error),
            "ave": np.add.reduceat(loadings**2, plan.starts) / sizes,
            "r2": r2,
            "r2_adj": adjusted,
            "index": index,
            "index_sd": index_sd,
        }
    )


def _paths_table(plan: Plan, paths: Array, C: Array, r2: Array, unit: Array) -> pd.DataFrame:
    rows = []
    for (s, t), b in zip(plan.paths, paths, strict=True):
        sources = plan.sources[t]
        others = sources[sources != s]
        without = 0.0
        if len(others):
            r = C[others, t]
            without = float(r @ np.linalg.lstsq(C[np.ix_(others, others)], r, rcond=None)[0])
        vif = vifs(C[np.ix_(sources, sources)])[list(sources).index(s)]
        names = plan.model.names
        rows.append((names[s], names[t], b, b * unit[s, t], (r2[t] - without) / (1 - r2[t]), vif))
    return pd.DataFrame(rows, columns=["source", "target", "estimate", "unstandardised", "f2", "vif"])


def _effects_table(plan: Plan, paths: Array, total: Array, unit: Array) -> pd.DataFrame:
    direct = dict(zip(plan.paths, paths, strict=True))
    rows = []
    for s, t in effect_pairs(plan):
        d = float(direct.get((s, t), 0.0))
        names = plan.model.names
        rows.append((names[s], names[t], d, total[s, t] - d, total[s, t], total[s, t] * unit[s, t]))
    return pd.DataFrame(rows, columns=["source", "target", "direct", "indirect", "total", "total_unstandardised"])


def effect_pairs(plan: Plan) -> list[tuple[int, int]]:
    """(source, target) of every effect, direct or not, in the order of the model."""
    names = plan.model.names
    above = [set(plan.model.ancestors(n)) for n in names]
    return [(s, t) for s in range(len(names)) for t in range(len(names)) if names[s] in above[t]]


def _fornell_larcker(C: Array, loadings: Array, plan: Plan) -> Array:
    out = np.where(np.tri(len(C), k=-1) > 0, C, np.nan)
    sizes = np.array([b.stop - b.start for b in plan.blocks])
    np.fill_diagonal(out, np.sqrt(np.add.reduceat(loadings**2, plan.starts) / sizes))
    return out


def _srmr(R: Array, loadings: Array, C: Array, paths: Array, plan: Plan) -> float:
    """Root mean square of the residual correlations, diagonal included. The same number: cSEM ``calculateSRMR``."""
    residual = (R - implied_correlations(R, loadings, C, paths, plan))[np.tril_indices(len(R))]
    return float(np.sqrt((residual**2).mean()))


def implied_correlations(R: Array, loadings: Array, C: Array, paths: Array, plan: Plan) -> Array:
    """Correlations of the items (p, p) that the estimated model implies (Henseler et al. 2014); cSEM ``fit``.

    Between constructs λᵢ·c·λⱼ with the construct correlations that the paths imply, (I − B)⁻¹Ψ(I − B)⁻ᵀ with unit diagonal,
    Ψ = Φ for exogenous constructs and 1 − R² for the others; within a reflective construct λᵢλⱼ; within a composite those
    observed.
    """
    J = len(C)
    B = np.zeros((J, J))
    for (s, t), b in zip(plan.paths, paths, strict=True):
        B[t, s] = b
    exogenous = [j for j in range(J) if len(plan.sources[j]) == 0]
    psi = np.diag([1 - float(B[j] @ C[j]) for j in range(J)])
    psi[np.ix_(exogenous, exogenous)] = C[np.ix_(exogenous, exogenous)]
    effects = np.linalg.inv(np.eye(J) - B)
    implied = effects @ psi @ effects.T
    np.fill_diagonal(implied, 1.0)
    model = np.outer(loadings, loadings) * implied[np.ix_(plan.owner, plan.owner)]
    for j, block in enumerate(plan.blocks):
        if plan.model.constructs[j].mode != "reflective":
            model[block, block] = R[block, block]
    np.fill_diagonal(model, 1.0)
    return model


def _square(values: Array, names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(values, index=pd.Index(names, name="construct"), columns=list(names))
