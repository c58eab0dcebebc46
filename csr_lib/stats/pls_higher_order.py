"""Constructs that are made of constructs: the disjoint two-stage approach, from moments, for one model or a batch of draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, OptionError, Problem
from csr_lib.core.model import Construct, Model
from csr_lib.stats import _pls
from csr_lib.stats._pls import Plan, Scheme
from csr_lib.stats._pls_checks import Limits
from csr_lib.stats.moments import Moments
from csr_lib.stats.pls import PLSResult, pls

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class TwoStageResult:
    """An estimated path model with higher-order constructs.

    Attributes
    ----------
    model : the model asked for.
    stages : estimates from the lowest level up. In the first the parts stand in the place of their wholes; in the last, the
        model asked for, they stand as items of their wholes, as indices 0–100 (standardised scores without limits).
    parts : ``construct part mode weight loading share vif index index_sd``, one row per part: weight, loading and VIF among the
        parts of its whole; ``share`` is what one point of the part's index adds to the whole's; ``index`` of the part.
    items : ``construct part item share performance``, one row per item: ``share`` is what one point 0–100 of the item adds to the
        index of the construct on the path, through all levels; ``part`` is the construct that the item itself measures.
    """

    model: Model
    stages: tuple[PLSResult, ...]
    parts: pd.DataFrame
    items: pd.DataFrame

    @property
    def first(self) -> PLSResult:
        """The first stage: the measurement of the parts."""
        return self.stages[0]

    @property
    def last(self) -> PLSResult:
        """The last stage: paths, effects, quality and index of the model asked for."""
        return self.stages[-1]

    @property
    def index(self) -> pd.Series:
        """Index 0–100 of every construct, wholes and parts; NaN without limits."""
        found = {name: value for stage in self.stages for name, value in stage.index.items()}
        return pd.Series({name: found[name] for name in self.model.names}, name="index").rename_axis("construct")

    @property
    def inadmissible(self) -> pd.DataFrame:
        """What no population could have, in any stage: ``stage`` (from 1) and the columns of `PLSResult.inadmissible`."""
        return pd.concat([s.inadmissible.assign(stage=k) for k, s in enumerate(self.stages, 1)], ignore_index=True)

    def importance_performance(self, target: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the importance–performance map of `target` as `PLSResult` does, its second frame with every item asked.

        The importance of an item is its construct's times its share through all levels.
        """
        constructs, _ = self.last.importance_performance(target)
        effect = constructs.set_index("construct")["importance"]
        rows = self.items[self.items["construct"].isin(effect.index)]
        importance = rows["construct"].map(effect).to_numpy() * rows["share"].to_numpy()
        return constructs, rows[["construct", "part", "item", "performance"]].assign(importance=importance).reset_index(drop=True)


def pls_two_stage(
    moments: Moments,
    model: Model,
    *,
    scheme: Scheme = "path",
    limits: Limits | None = None,
    tolerance: float = 1e-12,
    max_iterations: int = 1000,
) -> TwoStageResult:
    """Estimate a path model whose constructs may be made of others, by the disjoint two-stage approach.

    Parameters
    ----------
    moments : of at least the model's items.
    model : constructs with items, and wholes ``of`` constructs, in any number of levels; every one in mode A, B or reflective.
    scheme, limits, tolerance, max_iterations : as for `csr_lib.stats.pls.pls`, in every stage.

    Returns
    -------
    TwoStageResult

    Raises
    ------
    OptionError
        A model without higher-order constructs.
    DataError, AnalysisError
        What `pls` raises in a stage (which is named); a part whose negative weights put its index outside 0–100.

    Notes
    -----
    The disjoint variant (Becker, Cheah, Gholamzade, Ringle & Sarstedt 2023). First stage: every whole is replaced by its parts,
    which take over all its paths; there are no paths among them. Second stage: the whole is measured by the composites of its
    parts, all other constructs by their items as before. More levels take more stages, from the lowest up. Repeated
    indicators are not used.

    The second stage needs no rows: with composites y = Tx its moments are TΣTᵀ. Where a part is reflective its composite carries
    measurement error; the part enters the second stage free of it, with variance ρ_A times that of its composite and the
    same covariances (Van Riel, Henseler, Kemény & Sasovova 2017). A whole of mode A or B is a composite of its parts; a
    reflective one is a factor of second order, estimated by consistent PLS.
    The same numbers for composites: seminr ``higher_composite(…, method = two_stage)``. Programs that carry the scores of all
    constructs into the second stage (the embedded variant) differ.
    """
    if not model.wholes:
        raise OptionError("no construct is made of others", where="model", allowed="a construct with `of`", mend="use pls")
    stages: list[PLSResult] = []
    current, m, ends = model, moments.take(model.items), limits
    while True:
        here = lowest(current)
        try:
            result = pls(m, here, scheme=scheme, limits=ends, tolerance=tolerance, max_iterations=max_iterations)
        except AnalysisError as error:
            stage = f"stage {len(stages) + 1}"
            raise AnalysisError(
                [Problem(p.what, f"{p.where}, {stage}" if p.where else stage, p.allowed, p.mend) for p in error.problems]
            ) from error
        stages.append(result)
        if not current.wholes:
            break
        step = Step.of(current)
        _check_parts(result, step)
        a = _coefficients(result)
        rho = result.constructs["rho_a"].to_numpy()[:, None]
        mean, cov = step.up(result.moments.mean[:, None], result.moments.cov[..., None], a[:, None], rho, result.limits)
        m = replace(m, columns=step.above.items, mean=mean[:, 0], cov=cov[..., 0])
        ends = None if limits is None else dict(zip(step.above.items, map(tuple, step.ends(result.limits)), strict=True))
        current = raised(current)
    return TwoStageResult(model, tuple(stages), _parts_table(stages), _items_table(model, stages))


def lowest(model: Model) -> Model:
    """Return the model in which constructs with items stand, with all their paths, in the place of their wholes."""
    paths = tuple((a, b) for s, t in model.paths for a in model.leaves(s) for b in model.leaves(t))
    constructs = tuple(c for c in model.constructs if c.items)
    return Model(constructs, paths, model.leaves(model.target)[0]) if model.wholes else model


def raised(model: Model) -> Model:
    """Return the model one level up: wholes all of whose parts have items now have the parts themselves as items."""
    ready = _ready(model)
    gone = {part for c in ready for part in c.of}
    constructs = tuple(Construct(c.name, c.of, c.mode) if c in ready else c for c in model.constructs if c.name not in gone)
    return Model(constructs, model.paths, model.target)


def _ready(model: Model) -> list[Construct]:
    return [c for c in model.wholes if all(model.construct(part).items for part in c.of)]


@dataclass(frozen=True, eq=False)
class Step:
    """From one stage to the next: which columns stay items, and which parts become columns."""

    below: Plan
    above: Plan
    sources: tuple[int | slice, ...]  # for every column above: the item below, or the items of the part below
    owners: tuple[int, ...]  # for every column above: the part's place among the constructs below, −1 for an item

    @classmethod
    def of(cls, model: Model) -> Step:
        """Return the step from the lowest stage of `model` to that of the model one level up."""
        below, above = Plan.of(lowest(model)), Plan.of(lowest(raised(model)))
        parts = {part for c in _ready(model) for part in c.of}
        sources: list[int | slice] = []
        owners = []
        for column in above.items:
            j = below.model.names.index(column) if column in parts else -1
            owners.append(j)
            sources.append(below.items.index(column) if j < 0 else below.blocks[j])
        return cls(below, above, tuple(sources), tuple(owners))

    def up(self, mean: Array, cov: Array, a: Array, rho: Array, limits: Array) -> tuple[Array, Array]:
        """Return means (q, B) and covariances (q, q, B) above, from those of the items below.

        `mean` (p, B), `cov` (p, p, B); `a` (p, B) are points of its construct per scale point of an item, `rho` (J, B) ρ_A,
        `limits` (p, 2) the ends of the scales (NaN: scores are standardised and have mean 0).
        """
        q, draws = len(self.sources), mean.shape[-1]
        cross = np.empty((len(mean), q, draws))
        for c, source in enumerate(self.sources):
            cross[:, c] = cov[:, source] if isinstance(source, int) else np.einsum("ikb,kb->ib", cov[:, source], a[source])
        out = np.empty((q, q, draws))
        for c, source in enumerate(self.sources):
            out[c] = cross[source] if isinstance(source, int) else np.einsum("kqb,kb->qb", cross[source], a[source])
        for c, j in enumerate(self.owners):
            if j >= 0 and self.below.model.constructs[j].mode == "reflective":
                out[c, c] *= rho[j]
        return self.values(mean.T, a, limits).T, out

    def values(self, means: Array, a: Array, limits: Array) -> Array:
        """Return means (B, …, q) above of item means (B, …, p) below, such as those of groups, by the coefficients `a` (p, B)."""
        low = np.nan_to_num(limits[:, 0])
        known = not np.isnan(limits).all()
        shape = (means.shape[0], *(1,) * (means.ndim - 2), -1)
        columns = []
        for source in self.sources:
            if isinstance(source, int):
                columns.append(means[..., source])
            elif known:
                columns.append(((means[..., source] - low[source]) * a[source].T.reshape(shape)).sum(-1))
            else:
                columns.append(np.zeros(means.shape[:-1]))
        return np.stack(columns, axis=-1)

    def ends(self, limits: Array) -> Array:
        """Return the ends of the scales above, (q, 2): those of the items, 0 and 100 for parts."""
        rows = [limits[s] if isinstance(s, int) else (np.array([0.0, 100.0])) for s in self.sources]
        return np.array(rows)


@dataclass(frozen=True, eq=False)
class Climb:
    """The stages below the last one, for a batch of draws: what turns moments of items into those of the last stage.

    A model without higher-order constructs has none, and its moments stay as they are. `items` are those of the first stage.
    """

    items: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    results: tuple[PLSResult, ...] = ()

    @classmethod
    def of(cls, result: TwoStageResult) -> Climb:
        """Return the climb of an estimate; its draws start from the estimate's weights."""
        steps, current = [], result.model
        while current.wholes:
            steps.append(Step.of(current))
            current = raised(current)
        return cls(steps[0].below.items, tuple(steps), result.stages[:-1])

    @property
    def coefficients(self) -> list[Array]:
        """The coefficients of the estimate, as `up` returns those of draws."""
        return [_coefficients(result)[:, None] for result in self.results]

    def up(self, mean: Array, cov: Array, tolerance: float, max_iterations: int) -> tuple[Array, Array, list[Array]]:
        """Return means (q, B) and covariances (q, q, B) of the last stage, and the coefficients that led there.

        `mean` (p, B) and `cov` (p, p, B) are of `items`. A draw in which a stage does not converge is NaN.
        """
        used: list[Array] = []
        for step, result in zip(self.steps, self.results, strict=True):
            with np.errstate(invalid="ignore", divide="ignore"):
                sd = np.sqrt(cov[np.arange(len(cov)), np.arange(len(cov))])
            R = _pls.correlations(cov.copy())
            start = result.items["weight"].to_numpy()
            outer = _pls.iterate(R, step.below, result.scheme, start=start, tolerance=tolerance, max_iterations=max_iterations)
            reference = result.cross_loadings.to_numpy()[np.arange(len(start)), step.below.owner]
            outer, _ = _pls.oriented(outer, step.below, reference)
            w = np.where(outer.converged, outer.weights, np.nan)
            with np.errstate(invalid="ignore", divide="ignore"):
                scored = np.isnan(result.limits).all()
                a = w / sd if scored else _pls.index_coefficients(w, sd, result.limits, step.below)
            mean, cov = step.up(mean, cov, a, _pls.rho_a(R, w, step.below), result.limits)
            used.append(a)
        return mean, cov, used

    def values(self, means: Array, used: list[Array]) -> Array:
        """Return means (B, …, q) of the last stage's columns, of item means (B, …, p) such as those of groups."""
        for step, result, a in zip(self.steps, self.results, used, strict=True):
            means = step.values(means, a, result.limits)
        return means


def estimate(moments: Moments, model: Model, scheme: Scheme, limits: Limits | None) -> tuple[PLSResult, Climb]:
    """Estimate a model of any order: its last stage, and what leads there from the items."""
    if not model.wholes:
        return pls(moments, model, scheme=scheme, limits=limits), Climb(model.items)
    found = pls_two_stage(moments, model, scheme=scheme, limits=limits)
    return found.last, Climb.of(found)


def _coefficients(result: PLSResult) -> Array:
    """Points of its construct per scale point of each item; standard deviations of the composite without limits."""
    if np.isnan(result.limits).all():
        return result.items["weight"].to_numpy() / result.moments.sd
    return result.index_coefficients


def _check_parts(result: PLSResult, step: Step) -> None:
    names = [step.below.model.names[j] for j in step.owners if j >= 0]
    problems = [
        Problem(
            f"the index of {name} is {value:.1f}, outside 0–100, because of negative weights",
            f"construct {name}",
            "weights that are not negative",
            "turn reversed items round, leave out items with negative weights, or use mode A",
        )
        for name, value in result.index[names].items()
        if not (np.isnan(value) or -1e-6 <= value <= 100 + 1e-6)
    ]
    if problems:
        raise AnalysisError(problems)


def _parts_table(stages: list[PLSResult]) -> pd.DataFrame:
    frames = []
    for below, above in pairwise(stages):
        known = below.constructs.set_index("construct")
        rows = above.items[~above.items["item"].isin(below.items["item"])]
        rows = rows[["construct", "item", "mode", "weight", "loading", "share", "vif"]].rename(columns={"item": "part"})
        frames.append(
            rows.assign(index=known["index"][rows["part"]].to_numpy(), index_sd=known["index_sd"][rows["part"]].to_numpy())
        )
    return pd.concat(frames, ignore_index=True)


def _items_table(model: Model, stages: list[PLSResult]) -> pd.DataFrame:
    parts = {part for c in model.wholes for part in c.of}
    up = {row.item: (row.construct, row.share) for stage in stages for row in stage.items.itertuples() if row.item in parts}
    table = stages[0].items[["construct", "item", "share", "performance"]].rename(columns={"construct": "part"})
    whole, share = [], []
    for name, value in zip(table["part"], table["share"], strict=True):
        while name in parts:
            name, more = up[name]
            value = value * more
        whole.append(name)
        share.append(value)
    table = table.assign(construct=whole, share=share)[["construct", "part", "item", "share", "performance"]]
    order = {name: k for k, name in enumerate(model.names)}
    return table.sort_values("construct", key=lambda c: c.map(order), kind="stable").reset_index(drop=True)
