"""Factor structure: are the items fit for it, how many factors, and which items make which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from csr_lib.core.cutoffs import CUTOFFS
from csr_lib.core.errors import AnalysisError, CsrError
from csr_lib.stats.adequacy import Adequacy, adequacy
from csr_lib.stats.correlation_kind import CorrelationKind, correlation_kind
from csr_lib.stats.factor import FactorSolution, factor_analysis, group_items
from csr_lib.stats.factor_bootstrap import FactorBootstrap, factor_bootstrap
from csr_lib.stats.moments import Moments, Sample
from csr_lib.stats.polychoric import MOST_CATEGORIES, Polychoric, polychoric
from csr_lib.stats.retention import Retention, retention

if TYPE_CHECKING:
    from csr_lib.analyses.factor_structure.analysis import Options
    from csr_lib.analyses.factor_structure.plan import Data

#: Extracting common factors anew takes so long that no more resamples than this are drawn for them.
MOST_FACTOR_DRAWS = 200
#: A factor is called by a construct's name where their items have more than this in common (shared over all items of both).
SAME = 0.5


@dataclass(frozen=True, eq=False)
class Exploration:
    """What the exploratory analysis found.

    Attributes
    ----------
    sample, pearson : the answers and their moments.
    decision : which correlations the rule asks for; None where it could not be asked.
    polychoric : the polychoric correlations, where they could be had.
    kind : the correlations that were analysed, ``pearson`` or ``polychoric``; `moments` are made of them.
    adequate : kind -> KMO and Bartlett's test.
    retained : the rules for the number of factors.
    wanted, rule : the number of factors and the rule it comes from (``number`` where it was asked for).
    solution : the rotated factors; `wanted` is smaller than asked for where so many could not be found (`asked`).
    groups : one row per item, sorted by factor: ``item factor loading second_factor second_loading communality weak cross_loading
        ci_low ci_high stable``.
    names : one row per factor: ``factor construct match shared items``; ``match`` is ``same``, ``mostly`` or ``none``.
    draws : resamples of the loadings; None with polychoric correlations or without a bootstrap.
    """

    sample: Sample
    pearson: Moments
    decision: CorrelationKind | None
    polychoric: Polychoric | None
    kind: str
    moments: Moments
    adequate: Mapping[str, Adequacy]
    retained: Retention
    wanted: int
    asked: int
    rule: str
    solution: FactorSolution
    groups: pd.DataFrame
    names: pd.DataFrame
    draws: FactorBootstrap | None


def explore(data: Data, options: Options) -> Exploration:
    """Run the exploratory analysis.

    Raises AnalysisError where nothing can be computed: items that do not vary or depend on each other, too few answers.
    """
    items = data.choice.items
    answers = data.sample(items)
    pearson = answers.moments()
    decision = _decision(data, options)
    kind = options.correlation
    if kind == "auto":
        kind = decision.kind if decision else "pearson"
    found = _polychoric(data, decision, kind)
    moments = found.moments() if kind == "polychoric" and found else pearson
    kind = "polychoric" if kind == "polychoric" and found else "pearson"
    adequate = {"pearson": adequacy(pearson)}
    if found:
        adequate["polychoric"] = adequacy(found.moments())
    shuffled = answers if kind == "pearson" and answers.complete else None
    retained = retention(moments, sample=shuffled, resamples=options.parallel, seed=options.seed)
    asked, rule = _number(data, options, retained)
    solution = _solution(moments, asked, options)
    groups = group_items(solution)
    draws = None
    if options.bootstrap and kind == "pearson":
        resamples = options.bootstrap if options.extract == "components" else min(options.bootstrap, MOST_FACTOR_DRAWS)
        draws = factor_bootstrap(answers, solution, resamples=resamples, seed=options.seed)
        own = draws.loading_table(options.confidence).set_index(["item", "factor"])
        at = own.loc[list(zip(groups["item"], groups["factor"], strict=True))]
        groups = groups.assign(**{c: at[c].to_numpy() for c in ("ci_low", "ci_high", "stable")})
    else:
        groups = groups.assign(ci_low=np.nan, ci_high=np.nan, stable=np.nan)
    names = name_factors(groups, data.choice.owners, solution.factors)
    return Exploration(
        answers, pearson, decision, found, kind, moments, adequate, retained, len(solution.factors), asked, rule, solution,
        groups, names, draws,
    )  # fmt: skip


def _decision(data: Data, options: Options) -> CorrelationKind | None:
    """Ask the rule; only answers on scales of categories can be ordinal."""
    items = list(data.choice.items)
    try:
        return correlation_kind(data.ratings.loc[data.first, items], data.survey.weights[data.first], kind=data.kind)
    except AnalysisError:
        if options.correlation == "auto":
            raise
        return None


def _polychoric(data: Data, decision: CorrelationKind | None, kind: str) -> Polychoric | None:
    """Return polychoric correlations where they are wanted, or would tell something beside Pearson's; mended where need be.

    Forced ones raise what keeps them from being estimated.
    """
    helpful = decision is not None and decision.kind == "polychoric"
    if kind != "polychoric" and not helpful:
        return None
    items = list(data.choice.items)
    ratings, weights = data.ratings.loc[data.first, items], data.survey.weights[data.first]
    if kind != "polychoric" and max(ratings.nunique()) > MOST_CATEGORIES:
        return None
    missing: Any = "listwise" if data.rule == "listwise" else "pairwise"
    found = polychoric(ratings, weights, kind=data.kind, missing=missing)
    if found.pairs["at_limit"].any():
        found = polychoric(ratings, weights, kind=data.kind, missing=missing, empty_cell=0.5)
    found = found.smooth()
    try:
        found.moments()
    except AnalysisError:
        if kind == "polychoric":
            raise
        return None
    return found


def _number(data: Data, options: Options, retained: Retention) -> tuple[int, str]:
    """Return how many factors to extract, and by which rule."""
    wanted = options.factors if options.factors is not None else ("kaiser" if options.extract == "components" else "parallel")
    if isinstance(wanted, int):
        return wanted, "number"
    if wanted == "constructs":
        count = len(set(data.choice.owners.values()))
        return (count, wanted) if count else (1, wanted)
    basis = "factors" if wanted == "parallel" and options.extract != "components" else "components"
    rules = retained.rules.set_index(["rule", "basis"])["suggested"]
    return max(1, int(rules[wanted, basis])), wanted


def _solution(moments: Moments, number: int, options: Options) -> FactorSolution:
    """Extract `number` factors; fewer, where a rule asked for more than can be found."""
    while True:
        try:
            return factor_analysis(
                moments, number, method=options.extract, rotation=options.rotation, starts=10, seed=options.seed
            )
        except CsrError:
            if isinstance(options.factors, int) or number < 2:
                raise
            number -= 1


def name_factors(groups: pd.DataFrame, owners: Mapping[str, str], factors: tuple[str, ...]) -> pd.DataFrame:
    """Match factors with constructs by the items that load most on them.

    Overlap of a factor and a construct: items that they share over items that either has. Pairs are taken from the largest
    overlap down, each factor and construct once, as long as it exceeds `SAME`; ``same`` is an overlap of 1. Items with no salient
    loading do not speak for a factor. A factor that holds more than half of another construct as well has no construct's name.
    """
    least = CUTOFFS["factor_loading"].fail
    of_factor = {f: set(groups.loc[(groups["factor"] == f) & (groups["loading"].abs() >= least), "item"]) for f in factors}
    of_construct = {
        c: {i for i, o in owners.items() if o == c and i in set(groups["item"])} for c in dict.fromkeys(owners.values())
    }
    overlap = {
        (f, c): len(mine & theirs) / len(mine | theirs)
        for f, mine in of_factor.items()
        for c, theirs in of_construct.items()
        if mine | theirs
    }
    taken: dict[str, tuple[str, float]] = {}
    for (f, c), share in sorted(overlap.items(), key=lambda one: -one[1]):
        others = [theirs for other, theirs in of_construct.items() if other != c]
        if any(len(of_factor[f] & theirs) > len(theirs) / 2 for theirs in others):
            continue
        if share > SAME and f not in taken and c not in {construct for construct, _ in taken.values()}:
            taken[f] = (c, share)
    rows = []
    for f in factors:
        construct, share = taken.get(f, (None, max((overlap.get((f, c), 0.0) for c in of_construct), default=0.0)))
        match = "none" if construct is None else "same" if share == 1 else "mostly"
        members = list(groups.loc[groups["factor"] == f, "item"])
        rows.append({"factor": f, "construct": construct or "", "match": match, "shared": share, "items": members})
    return pd.DataFrame(rows)


def scores(e: Exploration, data: Data) -> pd.DataFrame:
    """Return factor scores (component scores) of every respondent with all answers, a column per factor.

    Standardised items times regression weights; of components these are the components themselves.
    """
    from csr_lib.stats.factor import score_weights

    weights = score_weights(e.solution).set_index("item")
    ratings = data.ratings[list(weights.index)]
    standard = (ratings.to_numpy(dtype=float) - e.pearson.mean) / e.pearson.sd
    made = standard @ weights.to_numpy(dtype=float)
    return pd.DataFrame(made, index=ratings.index, columns=list(e.solution.factors))
