"""Weights of indicators that the answers themselves give: entropy, CRITIC, principal components and factors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from csr_lib.core.errors import AnalysisError, DataError, OptionError, Problem, unknown
from csr_lib.stats.moments import Kind, Moments, sample

if TYPE_CHECKING:
    from csr_lib.stats.factor import FactorSolution

Array = np.ndarray
Normalise = Literal["none", "min_max"]
Conflict = Literal["signed", "absolute"]
Definition = Literal["score", "absolute", "communality"]


@dataclass(frozen=True, eq=False)
class DataWeights:
    """Weights of indicators from their answers.

    Attributes
    ----------
    method : ``entropy``, ``critic``, ``components`` or ``factors``.
    weights : item → weight, sum 1.
    table : one row per item: ``item weight`` and what it was made of, see the function.
    options : every option that moves the weights, as it was used.
    n, n_missing : rows (for frequency weights their sum) used and left out.
    """

    method: str
    weights: pd.Series
    table: pd.DataFrame
    options: Mapping[str, Any]
    n: float
    n_missing: float


def entropy_weights(
    data: pd.DataFrame | Array,
    weights: Any = None,
    *,
    kind: Kind = "sampling",
    normalise: Normalise = "none",
    shift: float = 0.0,
) -> DataWeights:
    """Return entropy weights: an item counts for more the more unequally its values are spread over the rows.

    Parameters
    ----------
    data : (N, p) values, higher is better, at least 0 after `normalise` and `shift`; rows with NaN are left out and counted.
    weights, kind : case weights as in `csr_lib.stats.moments.moments`.
    normalise : ``none`` (values as they are: items on scales that start far from 0 get small weights) or ``min_max``
        (x − min)/(max − min) over the rows.
    shift : added after `normalise`, such as 0.0001 where a program avoids log 0 in that way; not needed here, 0·log 0 is 0.

    Returns
    -------
    DataWeights; ``table``: ``item entropy divergence weight``, divergence = 1 − entropy.

    Raises
    ------
    DataError
        Values below 0, items that are all 0, impossible case weights.
    AnalysisError
        ``min_max`` of a constant item (named); all items constant; fewer than two rows.
    OptionError
        An unknown `normalise`, an infinite `shift`.

    Notes
    -----
    p_ij = x_ij/Σx_j, e_j = −Σ p·ln p/ln n, w_j = (1 − e_j)/Σ(1 − e) (Shannon 1948; Hwang and Yoon 1981). A case weight w
    stands for w equal rows: e = −Σ w·p·ln p/ln Σw with p = x/Σwx; sampling weights are scaled to a sum of n. The options change
    the weights, so a report states them. The same numbers: Python
    ``pymcdm.weights.entropy_weights`` (none, no zeros), R ``CPP::Entrop.weights``.
    """
    if normalise not in get_args(Normalise):
        raise OptionError([unknown(normalise, get_args(Normalise), what="way to normalise", where="normalise")])
    if not math.isfinite(shift):
        raise OptionError(f"a shift of {shift:g}", where="shift", allowed="a number")
    rows = sample(data, weights, kind=kind, missing="listwise")
    x, names = rows.answers, rows.columns
    if normalise == "min_max":
        low, span = x.min(axis=0), np.ptp(x, axis=0)
        flat = [c for c, s in zip(names, span, strict=True) if not s > 0]
        if flat:
            raise AnalysisError([Problem("all values are the same", c, "values that vary", "leave it out") for c in flat])
        x = (x - low) / span
    x = x + shift
    w = rows.weights * (rows.n / rows.weights.sum())
    total = w @ x
    problems = [Problem("values below 0", c, "values ≥ 0", "use normalise: min_max") for c in _at(names, (x < 0).any(axis=0))]
    problems += [Problem("all values are 0", c, "a value above 0", "leave it out") for c in _at(names, (x == 0).all(axis=0))]
    if problems:
        raise DataError(problems)
    p = x / total
    log = np.log(p, out=np.zeros_like(p), where=p > 0)
    entropy = -(w @ (p * log)) / math.log(rows.n)
    divergence = np.where(np.ptp(x, axis=0) > 0, np.clip(1 - entropy, 0.0, None), 0.0)
    if not divergence.sum() > 0:
        raise AnalysisError("no item varies, so none tells the rows apart", where=", ".join(names), mend="use stated weights")
    share = divergence / divergence.sum()
    table = pd.DataFrame({"item": list(names), "entropy": 1 - divergence, "divergence": divergence, "weight": share})
    options = {"normalise": normalise, "shift": shift}
    return DataWeights("entropy", _series(share, names), table, options, rows.n, rows.n_missing)


def critic_weights(
    moments: Moments, ranges: Mapping[str, tuple[float, float]] | Any = None, *, correlation: Conflict = "signed"
) -> DataWeights:
    """Return CRITIC weights: an item counts for more the more it varies and the less it goes with the others.

    Parameters
    ----------
    moments : of the items, at least two.
    ranges : the ends (low, high) that each item is brought to 0–1 by: item → pair, or (p, 2). The observed minimum and maximum
        for the original method; the ends of the scales for ratings. None: standard deviations as they are (items on one scale).
    correlation : ``signed`` Σ(1 − r) as in the original, or ``absolute`` Σ(1 − |r|).

    Returns
    -------
    DataWeights; ``table``: ``item contrast conflict information weight``: sd/(high − low), Σ(1 − r), their product.

    Raises
    ------
    AnalysisError
        Fewer than two items; items that all go together perfectly.
    DataError
        Ranges that are missing, or not low < high.
    OptionError
        An unknown `correlation`.

    Notes
    -----
    Diakoulaki, Mavrotas and Papayannakis (1995): C_j = σ_j·Σ_k(1 − r_jk), w = C/ΣC. Case weights enter by the moments. The same
    numbers: Python ``pymcdm.weights.critic_weights`` (observed ranges; it does not matter which divisor σ has).
    """
    if correlation not in get_args(Conflict):
        raise OptionError([unknown(correlation, get_args(Conflict), what="kind of conflict", where="correlation")])
    names = moments.columns
    if len(names) < 2:
        raise AnalysisError("CRITIC needs at least two items", where=", ".join(names), mend="use stated weights")
    span = _spans(ranges, names)
    r = moments.correlation
    conflict = (1 - (np.abs(r) if correlation == "absolute" else r)).sum(axis=0)
    contrast = moments.sd / span
    information = contrast * conflict
    if not information.sum() > 1e-12 * contrast.sum():
        raise AnalysisError("all items go together perfectly", where=", ".join(names), mend="keep one of them")
    share = information / information.sum()
    table = pd.DataFrame(
        {"item": list(names), "contrast": contrast, "conflict": conflict, "information": information, "weight": share}
    )
    options = {"ranges": "none" if ranges is None else "given", "correlation": correlation}
    return DataWeights("critic", _series(share, names), table, options, moments.n, moments.n_missing)


def component_weights(moments: Moments, components: int | None = None, *, definition: Definition = "score") -> DataWeights:
    """Return weights from unrotated principal components of the correlations; `loading_weights` of that solution.

    Parameters
    ----------
    moments : of the items, at least two.
    components : how many; None: all with an eigenvalue above 1 (Kaiser), at least one.
    definition : see `loading_weights`.
    """
    from csr_lib.stats.factor import factor_analysis

    if len(moments.columns) < 2:
        raise AnalysisError("components need at least two items", where=", ".join(moments.columns), mend="use stated weights")
    chosen = components
    if chosen is None:
        chosen = max(1, int((np.linalg.eigvalsh(moments.correlation) > 1).sum()))
    return loading_weights(factor_analysis(moments, chosen, method="components", rotation="none"), definition=definition)


def loading_weights(solution: FactorSolution, *, definition: Definition = "score") -> DataWeights:
    """Return weights from the loadings of components or factors, rotated or not.

    Parameters
    ----------
    solution : of correlations, from `csr_lib.stats.factor.factor_analysis`.
    definition : ``score``, Σ_k (l_jk/√λ_k)·s_k, the coefficients of the composite score of all components (综合得分模型系数);
        ``absolute``, Σ_k |l_jk|·s_k; ``communality``. λ_k is the variance of component k (SS loadings, after rotation if there is
        one), s_k its share of what all explain. Each is divided by its sum.

    Returns
    -------
    DataWeights; ``table``: ``item coefficient weight``.

    Raises
    ------
    AnalysisError
        ``score`` coefficients that are not above 0 (items named): such weights would turn an item round.
    OptionError
        An unknown definition; a solution of covariances.

    Notes
    -----
    ``score`` is what Chinese guides to SPSS compute (component matrix/√eigenvalue, weighted by the variance explained, divided by
    the sum); with one component it is the eigenvector. Components are turned so that their loadings sum to more than 0.
    """
    if definition not in get_args(Definition):
        raise OptionError([unknown(definition, get_args(Definition), what="definition of weights", where="definition")])
    if solution.matrix != "correlation":
        raise OptionError("loadings in units of the items", where="solution", allowed="a solution of correlations")
    names = list(solution.loadings["item"])
    loadings = solution.loadings[list(solution.factors)].to_numpy()
    loadings = loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    variance = solution.variance.loc[solution.variance["stage"] == "rotated", "ss_loadings"].to_numpy()
    part = variance / variance.sum()
    if definition == "score":
        coefficient = loadings / np.sqrt(variance) @ part
    elif definition == "absolute":
        coefficient = np.abs(loadings) @ part
    else:
        coefficient = solution.items["communality"].to_numpy()
    turned = _at(names, ~(coefficient > 0))
    if turned:
        raise AnalysisError(
            [
                Problem(
                    f"its coefficient in the composite score is {coefficient[names.index(c)]:.3g}",
                    c,
                    "coefficients above 0",
                    "turn it round if it is reversed, use fewer components, or definition: absolute",
                )
                for c in turned
            ]
        )
    share = coefficient / coefficient.sum()
    table = pd.DataFrame({"item": names, "coefficient": coefficient, "weight": share})
    method = "components" if solution.method == "components" else "factors"
    options = {
        "definition": definition,
        "number": len(solution.factors),
        "extraction": solution.method,
        "rotation": solution.rotation.method,
    }
    m = solution.moments
    return DataWeights(method, _series(share, names), table, options, m.n, m.n_missing)


def _spans(ranges: Any, names: tuple[str, ...]) -> Array:
    if ranges is None:
        return np.ones(len(names))
    if isinstance(ranges, Mapping):
        missing = [unknown(c, ranges, what="item", where="ranges") for c in names if c not in ranges]
        if missing:
            raise DataError(missing)
        ranges = [ranges[c] for c in names]
    ends = np.asarray(ranges, dtype=float)
    if ends.shape != (len(names), 2):
        raise DataError(f"ranges of shape {ends.shape}", where="ranges", allowed="a low and a high end per item")
    span = ends[:, 1] - ends[:, 0]
    bad = _at(names, ~(np.isfinite(span) & (span > 0)))
    if bad:
        raise DataError([Problem("an empty range", c, "low < high", "correct it, or leave the item out") for c in bad])
    return span


def _at(names: Any, which: Any) -> list[str]:
    return [str(c) for c, yes in zip(names, which, strict=True) if yes]


def _series(share: Array, names: Any) -> pd.Series:
    return pd.Series(share, index=list(names), name="weight")
