"""Convergent and discriminant validity of factors: composite reliability, AVE, Fornell–Larcker, HTMT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csr_lib.core.errors import OptionError, unknown
from csr_lib.stats.omega import average_variance_extracted, composite_reliability
from csr_lib.stats.resampling import AnySample, Seed, percentile_interval, resample_counts
from csr_lib.stats.sem import SEMResult

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Validity:
    """How well items measure their factors, and how well the factors are told apart.

    Attributes
    ----------
    convergent : one row per factor with two items or more: ``construct items least_loading cr ave``.
    fornell_larcker : ``construct`` and a column per factor: √AVE on the diagonal, correlations of the factors below it.
    pairs : ``source target correlation ave_least holds``: the criterion of Fornell and Larcker pair by pair; it ``holds`` where
        the squared correlation is below the smaller of both AVEs.
    """

    convergent: pd.DataFrame
    fornell_larcker: pd.DataFrame
    pairs: pd.DataFrame


def validity(result: SEMResult) -> Validity:
    """Return convergent and discriminant validity of an estimated confirmatory factor analysis of one group.

    Notes
    -----
    From standardised loadings λ: CR = (Σλ)²/((Σλ)² + Σ(1 − λ²)), AVE = Σλ²/k (Fornell & Larcker 1981). NaN for a factor with a
    Heywood case, whose error variance is none. The same numbers: R ``semTools::compRelSEM(tau.eq = FALSE)`` and ``AVE`` of
    standardised items, ``seminr``.
    """
    loadings = result.standardised[(result.standardised["op"] == "=~") & (result.standardised["group"] == 0)]
    rows = []
    for name in result.specification.latent:
        own = loadings.loc[loadings["lhs"] == name, "estimate"].to_numpy(dtype=float)
        if len(own) < 2:
            continue
        proper = bool(np.isfinite(own).all() and (np.abs(own) <= 1).all())
        rows.append(
            {
                "construct": name,
                "items": len(own),
                "least_loading": float(np.abs(own).min()),
                "cr": composite_reliability(own) if proper else np.nan,
                "ave": average_variance_extracted(own) if proper else np.nan,
            }
        )
    convergent = pd.DataFrame(rows, columns=["construct", "items", "least_loading", "cr", "ave"])
    names = list(convergent["construct"])
    r = result.latent_correlations().loc[names, names].to_numpy(copy=True)
    ave = convergent["ave"].to_numpy(dtype=float)
    shown = np.where(np.tri(len(names), k=-1, dtype=bool), r, np.nan)
    np.fill_diagonal(shown, np.sqrt(ave))
    pairs = [
        {
            "source": names[j],
            "target": names[i],
            "correlation": r[i, j],
            "ave_least": min(ave[i], ave[j]),
            "holds": bool(r[i, j] ** 2 < min(ave[i], ave[j])),
        }
        for i in range(len(names))
        for j in range(i)
    ]
    return Validity(
        convergent,
        pd.DataFrame({"construct": names, **{n: shown[:, k] for k, n in enumerate(names)}}),
        pd.DataFrame(pairs, columns=["source", "target", "correlation", "ave_least", "holds"]),
    )


def htmt(correlation: Array, items: Sequence[Sequence[int]]) -> Array:
    """Heterotrait–monotrait ratios (…, J, J) of correlation matrices (…, p, p), symmetric, 1 on the diagonal.

    `items` holds the positions of the items of each construct. Mean size of correlations between two constructs' items over the
    geometric mean of the mean size of those within each (Henseler, Ringle & Sarstedt 2015, with absolute values as
    Henseler 2021). A single item counts as perfectly correlated with itself. The same numbers: R ``seminr``.
    """
    r = np.abs(np.asarray(correlation, dtype=float))
    J = len(items)
    out = np.ones((*r.shape[:-2], J, J))
    mono = []
    for own in items:
        k = len(own)
        block = r[..., list(own), :][..., list(own)]
        total = block.sum(axis=(-2, -1)) - k
        mono.append(total / (k * (k - 1)) if k > 1 else np.ones(r.shape[:-2]))
    with np.errstate(invalid="ignore", divide="ignore"):
        for a in range(J):
            for b in range(a):
                between = r[..., list(items[a]), :][..., list(items[b])].mean(axis=(-2, -1))
                out[..., a, b] = out[..., b, a] = between / np.sqrt(mono[a] * mono[b])
    return out


def htmt_table(
    sample: AnySample, constructs: Mapping[str, Sequence[str]], *, resamples: int = 500, seed: Seed = 0, level: float = 0.95
) -> pd.DataFrame:
    """Return HTMT of every pair of constructs with a bootstrap interval: ``source target estimate ci_low ci_high``.

    Parameters
    ----------
    sample : the answers; `constructs` : name -> items of the sample, two constructs or more.
    resamples : 0 for no interval (NaN).

    Raises
    ------
    OptionError
        Fewer than two constructs, unknown items.
    """
    if len(constructs) < 2:
        raise OptionError(f"{len(constructs)} constructs", where="htmt", allowed="two or more")
    named = [i for own in constructs.values() for i in own]
    wrong = [unknown(i, sample.columns, what="item", where="htmt") for i in named if i not in sample.columns]
    if wrong:
        raise OptionError(wrong)
    at = [[sample.columns.index(i) for i in own] for own in constructs.values()]
    names = list(constructs)
    places = [(a, b) for a in range(len(names)) for b in range(a)]
    i, j = (np.array(side) for side in zip(*places, strict=True))
    estimate = htmt(sample.moments().correlation, at)[i, j]
    low = high = np.full(len(places), np.nan)
    if resamples:
        draws = []
        for counts in resample_counts(sample, resamples, seed):
            covs = np.ascontiguousarray(sample.resampled(counts)[1])
            sd = np.sqrt(np.diagonal(covs, axis1=1, axis2=2))
            with np.errstate(invalid="ignore", divide="ignore"):
                draws.append(htmt(covs / (sd[:, :, None] * sd[:, None, :]), at)[:, i, j])
        low, high = percentile_interval(np.concatenate(draws), level)
    return pd.DataFrame(
        {
            "source": [names[b] for b in j],
            "target": [names[a] for a in i],
            "estimate": estimate,
            "ci_low": low,
            "ci_high": high,
        }
    )
