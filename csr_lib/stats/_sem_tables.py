"""Tables of an estimated covariance structure: parameters with errors, standardised solution, R², effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from csr_lib.stats._sem_ml import Entries, Implied, Structure
from csr_lib.stats._sem_spec import Row
from csr_lib.stats.distributions import normal_quantile

Array = np.ndarray
#: Standard errors below this are rounding around a number that the model fixes.
_ZERO = 1e-10


def tests(estimate: Array, error: Array, level: float) -> dict[str, Array]:
    """Columns ``std_error z p_value ci_low ci_high`` of normal tests; z and p of a fixed number (error 0) are NaN."""
    error = np.where(error < _ZERO, 0.0, error)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(error > 0, estimate / error, np.nan)
    half = float(normal_quantile((1 + level) / 2)) * error
    return {
        "std_error": error,
        "z": z,
        "p_value": 2 * special.ndtr(-np.abs(z)),
        "ci_low": estimate - half,
        "ci_high": estimate + half,
    }


def delta_errors(slopes: Array, vcov: Array) -> Array:
    """Standard errors √diag(J V Jᵀ) of functions with slopes J (r, k) of the parameters."""
    return np.sqrt(np.maximum(np.einsum("rk,kl,rl->r", slopes, vcov, slopes), 0.0))


class GroupTable:
    """Rows of one group with their values, slopes by the parameters, and standardised forms of both."""

    def __init__(self, structure: Structure, implied: Implied, theta: Array, group: int):
        spec = structure.spec
        pairs = [(r, k) for r, k in zip(spec.rows, spec.index, strict=True) if r.group == group]
        self.rows: list[Row] = [r for r, _ in pairs]
        self.index = np.array([k for _, k in pairs], dtype=int)
        self.structure, self.implied = structure, implied
        self.at = Entries.of(self.rows, structure.position)
        free = self.index >= 0
        self.estimates = np.array([r.value for r in self.rows])
        self.estimates[free] = theta[self.index[free]]
        self.slopes = np.zeros((len(self.rows), structure.n_free))
        self.slopes[np.flatnonzero(free), self.index[free]] = 1.0
        self.variance = np.diag(implied.cov)
        self.variance_slopes = self._variance_slopes(structure, implied, group)

    @staticmethod
    def _variance_slopes(structure: Structure, implied: Implied, group: int) -> Array:
        """∂(implied variance)/∂θ, (q, k)."""
        at, where = structure.free[group], structure.theta[group]
        a, s, _ = at.sets
        E, cov = implied.E, implied.cov
        by_entry = np.zeros((structure.q, len(where)))
        by_entry[:, a] = 2 * E[:, at.i[a]] * cov[:, at.j[a]]
        by_entry[:, s] = 2 * E[:, at.i[s]] * E[:, at.j[s]] * at.half[s]
        out = np.zeros((structure.q, structure.n_free))
        np.add.at(out.T, where, by_entry.T)
        return out

    def scaling(self, at: Entries, *, observed: bool = True) -> Array:
        """What a parameter in each cell is multiplied by to standardise it; `observed` False standardises factors only.

        Loadings and paths: ratio of standard deviations; variances: 1/variance (so that they become 1 − R²); covariances of
        residuals: 1/√(product of the residual variances); intercepts: 1/standard deviation. Not finite where a variance is 0,
        NaN where it is negative.
        """
        sd, residual_sd = self._deviations(observed)
        i, j = at.i, at.j
        with np.errstate(invalid="ignore", divide="ignore"):
            covariance = np.where(i == j, 1 / sd[i] ** 2, 1 / (residual_sd[i] * residual_sd[j]))
            return np.asarray(np.choose(at.kind, [sd[j] / sd[i], covariance, 1 / sd[i]]))

    def standardised(self, *, observed: bool = True) -> tuple[Array, Array]:
        """Standardised values and their slopes (r, k); see `scaling`."""
        at, touched = self.at, self._touched(observed)[:, None]
        own = self.implied.S.diagonal()
        own_slopes = np.zeros_like(self.variance_slopes)
        diagonal = (at.kind == 1) & (at.i == at.j)
        own_slopes[at.i[diagonal]] = self.slopes[diagonal]
        with np.errstate(invalid="ignore", divide="ignore"):
            log = np.where(touched, self.variance_slopes / (2 * self.variance[:, None]), 0.0)  # ∂ log sd
            residual_log = np.where(touched, own_slopes / (2 * own[:, None]), 0.0)
            i, j, kind = at.i, at.j, at.kind[:, None]
            covariance = np.where(diagonal[:, None], -2 * log[i], -residual_log[i] - residual_log[j])
            change = np.choose(kind, [log[j] - log[i], covariance, -log[i]])
            factor = self.scaling(at, observed=observed)
            values = self.estimates * factor
            return values, self.slopes * factor[:, None] + values[:, None] * change

    def _touched(self, observed: bool) -> Array:
        return np.ones(self.structure.q, dtype=bool) if observed else np.arange(self.structure.q) >= self.structure.p

    def _deviations(self, observed: bool) -> tuple[Array, Array]:
        """Standard deviations of the variables and of their residuals; 1 for those that are not standardised."""
        touched = self._touched(observed)
        with np.errstate(invalid="ignore"):
            return np.where(touched, np.sqrt(self.variance), 1.0), np.where(touched, np.sqrt(self.implied.S.diagonal()), 1.0)

    def r_squared(self) -> pd.DataFrame:
        """``variable r2`` of every variable that the model explains: 1 − residual variance/implied variance."""
        names = [v for v in self.structure.names if v in self.structure.spec.endogenous]
        at = [self.structure.position[v] for v in names]
        with np.errstate(invalid="ignore", divide="ignore"):
            r2 = 1 - self.implied.S.diagonal()[at] / self.variance[at]
        return pd.DataFrame({"variable": names, "r2": r2})

    def latent_correlations(self) -> pd.DataFrame:
        """Implied correlations of the factors; NaN where a variance is not positive."""
        names = list(self.structure.spec.latent)
        cov = self.implied.cov[self.structure.p :, self.structure.p :]
        with np.errstate(invalid="ignore", divide="ignore"):
            sd = np.sqrt(np.diag(cov))
            return pd.DataFrame(cov / np.outer(sd, sd), index=pd.Index(names, name="construct"), columns=names)

    def effects(self, vcov: Array, level: float) -> pd.DataFrame:
        """Direct, indirect and total effects along the regressions: ``source target effect estimate … std_all``."""
        q, k = self.structure.q, self.structure.n_free
        paths = [n for n, r in enumerate(self.rows) if r.op == "~"]
        B = np.zeros((q, q))
        B[self.at.i[paths], self.at.j[paths]] = self.estimates[paths]
        reach = np.zeros((q, q), dtype=bool)
        reach[self.at.i[paths], self.at.j[paths]] = True
        for middle in range(q):
            reach |= np.outer(reach[:, middle], reach[middle])
        T = np.linalg.inv(np.eye(q) - B)
        sd = np.sqrt(np.maximum(self.variance, 0.0))
        names = self.structure.names
        parts: dict[str, list[object]] = {c: [] for c in ("source", "target", "effect", "estimate", "std_all")}
        slopes = []
        for t, s in np.argwhere(reach):
            direct_slopes, total_slopes = np.zeros(k), np.zeros(k)
            for n in paths:
                i, j = self.at.i[n], self.at.j[n]
                total_slopes += T[t, i] * T[j, s] * self.slopes[n]
                if (i, j) == (t, s):
                    direct_slopes += self.slopes[n]
            total = T[t, s] - (1.0 if t == s else 0.0)
            indirect = total - B[t, s]
            if abs(indirect) < 1e-13 * abs(B[t, s]):  # rounding of the inverse: no way but the direct one
                indirect = 0.0
            ratio = sd[s] / sd[t] if sd[t] > 0 else np.nan
            for name, value, slope in (
                ("direct", B[t, s], direct_slopes),
                ("indirect", indirect, total_slopes - direct_slopes),
                ("total", total, total_slopes),
            ):
                for column, entry in zip(parts, (names[s], names[t], name, value, value * ratio), strict=True):
                    parts[column].append(entry)
                slopes.append(slope)
        estimate = np.array(parts.pop("estimate"), dtype=float)
        std_all = np.array(parts.pop("std_all"), dtype=float)
        errors = delta_errors(np.array(slopes).reshape(-1, k), vcov)
        return pd.DataFrame({**parts, "estimate": estimate, **tests(estimate, errors, level), "std_all": std_all})


def parameter_tables(tables: Sequence[GroupTable], vcov: Array, level: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the parameters with both standardised values, and the standardised solution with errors; one row per parameter."""
    rows = [r for t in tables for r in t.rows]
    index = np.concatenate([t.index for t in tables])
    key = {
        "lhs": [r.lhs for r in rows],
        "op": [r.op for r in rows],
        "rhs": [r.rhs for r in rows],
        "group": np.array([r.group for r in rows], dtype=int),
    }
    estimate = np.concatenate([t.estimates for t in tables])
    own = np.sqrt(np.maximum(np.diag(vcov), 0.0))
    error = np.zeros(len(rows))
    error[index >= 0] = own[index[index >= 0]]
    std = [t.standardised() for t in tables]
    std_all = np.concatenate([values for values, _ in std])
    std_lv = np.concatenate([t.standardised(observed=False)[0] for t in tables])
    parameters = pd.DataFrame(
        {
            **key,
            "label": [r.label for r in rows],
            "free": index >= 0,
            "estimate": estimate,
            **tests(estimate, error, level),
            "std_lv": std_lv,
            "std_all": std_all,
        }
    )
    std_error = delta_errors(np.concatenate([slopes for _, slopes in std]), vcov)
    return parameters, pd.DataFrame({**key, "estimate": std_all, **tests(std_all, std_error, level)})
