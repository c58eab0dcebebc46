"""Populations whose means and covariances are known exactly, and answers drawn from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from csr_lib.core.model import Construct, Mode, Model
from csr_lib.stats.distributions import normal_below
from csr_lib.stats.moments import Moments

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Population:
    """Normal variables with correlations `latent`, shown as they are or cut into the ordered answers 1, 2, ….

    Attributes
    ----------
    columns : names of the p variables.
    latent : (p, p) correlations of the normal variables.
    thresholds : (p, c − 1) ascending, between c answers; None for normal answers with `centre` and `spread`.
    """

    columns: tuple[str, ...]
    latent: Array
    thresholds: Array | None = None
    centre: float = 65.0
    spread: float = 18.0

    def draw(self, rng: np.random.Generator, n: int) -> pd.DataFrame:
        z = rng.standard_normal((n, len(self.columns))) @ self._root.T
        return pd.DataFrame(self.answers(z), columns=list(self.columns))

    def answers(self, z: Array) -> Array:
        """What is shown of normal variables (n, p)."""
        if self.thresholds is None:
            return self.centre + self.spread * z
        return 1.0 + (z[:, :, None] > self.thresholds).sum(axis=-1)

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the scale."""
        return (0.0, 100.0) if self.thresholds is None else (1.0, 1.0 + self.thresholds.shape[1])

    @cached_property
    def moments(self) -> Moments:
        """Means and covariances of the answers; those of cut variables by their Hermite series (Mehler's formula).

        A step at t is Σ_m φ(t)·h_{m−1}(t)/√m·h_m(z) in the normalised Hermite polynomials h_m; those of the same degree of two
        variables covary by ρ^m, others not. With |ρ| ≤ .85 two hundred terms leave out less than 1e-14.
        """
        p = len(self.columns)
        if self.thresholds is None:
            return Moments(self.columns, np.full(p, self.centre), self.spread**2 * self.latent, np.inf, np.inf)
        t = self.thresholds
        above = 1 - normal_below(t)
        mean = 1 + above.sum(axis=1)
        steps = np.arange(1, t.shape[1] + 1)
        own = ((2 * steps - 1) * above).sum(axis=1) - above.sum(axis=1) ** 2  # E k² − (E k)² for k steps passed
        density = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
        before, now = np.zeros_like(t), np.ones_like(t)
        cov = np.zeros((p, p))
        power = np.ones((p, p))
        for m in range(1, 201):
            c = (density * now).sum(axis=1) / np.sqrt(m)
            power *= self.latent
            cov += np.outer(c, c) * power
            before, now = now, (t * now - np.sqrt(m - 1) * before) / np.sqrt(m)
        np.fill_diagonal(cov, own)
        return Moments(self.columns, mean, cov, np.inf, np.inf)

    @cached_property
    def _root(self) -> Array:
        return np.linalg.cholesky(self.latent)


def ten_points(p: int, seed: int = 4) -> Array:
    """Thresholds of answers 1–10 as customers give them: most between 6 and 9, each item with a level of its own."""
    level = np.random.default_rng(seed).uniform(-0.3, 0.3, (p, 1))
    return np.array([-2.4, -2.0, -1.65, -1.3, -0.9, -0.5, 0.0, 0.6, 1.3]) - level


ITEMS = {"Image": ("i1", "i2", "i3"), "Quality": ("q1", "q2", "q3"), "Satisfaction": ("s1", "s2", "s3"), "Loyalty": ("l1", "l2")}
PATHS = {
    ("Image", "Quality"): 0.6,
    ("Image", "Satisfaction"): 0.3,
    ("Quality", "Satisfaction"): 0.5,
    ("Satisfaction", "Loyalty"): 0.7,
}
LOADINGS = (0.85, 0.8, 0.75)


def structure(mode: Mode) -> Model:
    """The path model, all of its constructs of one mode."""
    return Model(tuple(Construct(name, items, mode) for name, items in ITEMS.items()), tuple(PATHS), "Satisfaction")


def customers(kind: str) -> Population:
    """Answers of the path model: factors with the paths above and loadings .85, .80, .75; `kind` normal or ordinal (1–10)."""
    names = list(ITEMS)
    B = np.zeros((4, 4))
    for (source, target), value in PATHS.items():
        B[names.index(target), names.index(source)] = value
    C = np.eye(4)
    for j in range(1, 4):  # in causal order: correlations with what came before, then variance 1
        C[j, :j] = B[j, :j] @ C[:j, :j]
        C[:j, j] = C[j, :j]
    owner = [j for j, items in enumerate(ITEMS.values()) for _ in items]
    loading = np.array([LOADINGS[k] for items in ITEMS.values() for k in range(len(items))])
    latent = C[np.ix_(owner, owner)] * np.outer(loading, loading)
    np.fill_diagonal(latent, 1.0)
    columns = tuple(item for items in ITEMS.values() for item in items)
    return Population(columns, latent, ten_points(len(columns)) if kind == "ordinal" else None)
