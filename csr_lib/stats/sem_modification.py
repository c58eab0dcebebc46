"""Modification indices: by how much χ² would fall if a fixed parameter were freed or an equality given up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from csr_lib.core.errors import OptionError, unknown
from csr_lib.stats._sem_fit import Fitted
from csr_lib.stats._sem_ml import Entries, Slopes, Structure
from csr_lib.stats._sem_spec import Row, Specification
from csr_lib.stats._sem_tables import GroupTable
from csr_lib.stats.fit_measures import chi2_upper
from csr_lib.stats.sem import SEMResult

Array = np.ndarray
KINDS = ("loading", "covariance", "path", "fixed", "equality")
#: Share of a parameter's information that must be its own; below, freeing it would not be identified.
_OWN = 1e-8


def modification_indices(
    result: SEMResult, *, kinds: Sequence[str] = KINDS, minimum: float = 0.0, limit: int | None = None
) -> pd.DataFrame:
    """Return modification indices with expected parameter changes, largest first.

    Parameters
    ----------
    result : an estimate; with incomplete answers (FIML) the information is the expected one given what is missing.
    kinds : what to try: ``loading`` (of every factor on every item of another), ``covariance`` (of residuals of items; of
        residuals of constructs), ``path`` (among the variables of the structural part, in both directions), ``fixed`` (parameters
        that the model fixes but that are not markers), ``equality`` (each of the parameters that are held equal).
    minimum : leave out smaller indices.
    limit : at most so many rows.

    Returns
    -------
    DataFrame
        ``lhs op rhs group kind mi p_value epc std_lv std_all``: ``mi`` is the fall of χ² to be expected (1 degree of freedom),
        ``epc`` the change of the parameter to be expected, ``std_lv`` and ``std_all`` the same standardised (NaN where that does
        not exist, as with a residual variance of 0). What could not be estimated if freed is left out.

    Raises
    ------
    OptionError
        An unknown kind.

    Notes
    -----
    Score (Lagrange multiplier) test with the expected information (Sörbom 1989): mi = s²/V, epc = s/V with s the slope of
    the log-likelihood and V the part of its information that the free parameters do not account for. The same numbers: R
    ``lavaan::modindices`` (mi, epc, sepc.lv, sepc.all), for equalities ``lavTestScore``. Freeing what has the largest index fits
    the sample, not the theory: an index only says where to look.
    """
    unknown_kinds = [unknown(k, KINDS, what="kind", where="kinds") for k in kinds if k not in KINDS]
    if unknown_kinds:
        raise OptionError(unknown_kinds)
    f = result.fitted
    frames = [_group(f, g, [(kind, r) for kind, r in candidates(f.structure.spec, g) if kind in kinds]) for g in _groups(f)]
    out = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    out = out[out["mi"] >= minimum].sort_values("mi", ascending=False, kind="stable", ignore_index=True)
    return out if limit is None else out.head(limit)


def _groups(f: Fitted) -> range:
    return range(f.structure.spec.groups)


def candidates(spec: Specification, group: int = 0) -> list[tuple[str, Row]]:
    """Return what could be freed in a group: (kind, row)."""
    mine = [r for r in spec.rows if r.group == group]
    said = {r.key for r in mine if not r.exogenous} | {(r.rhs, "~", r.lhs) for r in mine if r.op == "=~"}
    items = [v for v in spec.observed if any(r.op == "=~" and r.rhs == v for r in mine)]
    structural = list(dict.fromkeys(v for r in mine if r.op == "~" for v in (r.lhs, r.rhs)))
    given = set(spec.conditional)
    tops = [f for f in spec.latent if not any(r.op == "=~" and r.rhs == f for r in mine)]
    found = [("loading", Row(f, "=~", v, group=group)) for f in spec.latent for v in items]
    residuals = [v for v in spec.observed if v not in given]
    found += [("covariance", Row(a, "~~", b, group=group)) for a, b in combinations(residuals, 2)]
    found += [("covariance", Row(a, "~~", b, group=group)) for a, b in combinations(tops, 2)]
    found += [("path", Row(t, "~", s, group=group)) for t in structural for s in structural if t != s and t not in given]
    out = [(kind, r) for kind, r in found if r.key not in said]
    shared = [k for k in spec.index if k >= 0]
    for r, k in zip(spec.rows, spec.index, strict=True):
        if r.group != group or r.exogenous:
            continue
        if k < 0 and not (r.op == "=~" and r.value != 0):
            out.append(("fixed", r))
        elif k >= 0 and shared.count(k) > 1:
            out.append(("equality", r))
    return out


def _group(f: Fitted, group: int, wanted: Sequence[tuple[str, Row]]) -> pd.DataFrame:
    """Score tests of the rows of one group, one at a time."""
    structure, data = f.structure, f.data
    rows = [r for _, r in wanted]
    at = Entries.of(rows, structure.position)
    score, own, shared, information = (_incomplete if data.missing == "fiml" else _complete)(f, rows, at, group)
    V = own - np.einsum("ck,ck->c", shared, np.linalg.solve(information, shared.T).T)
    possible = _OWN * own < V
    with np.errstate(invalid="ignore", divide="ignore"):
        V = np.where(possible, V, np.nan)
        mi, epc = score**2 / V, score / V
    table = GroupTable(structure, f.implied[group], f.theta, group)
    with np.errstate(invalid="ignore"):
        std_lv, std_all = (epc * table.scaling(at, observed=observed) for observed in (False, True))
    frame = pd.DataFrame(
        {
            "lhs": [r.lhs for r in rows],
            "op": [r.op for r in rows],
            "rhs": [r.rhs for r in rows],
            "group": np.full(len(rows), group),
            "kind": [kind for kind, _ in wanted],
            "mi": mi,
            "p_value": [chi2_upper(x, 1) for x in mi],
            "epc": epc,
            "std_lv": np.where(np.isfinite(std_lv), std_lv, np.nan),
            "std_all": np.where(np.isfinite(std_all), std_all, np.nan),
        }
    )
    return frame[possible].reset_index(drop=True)


def _complete(f: Fitted, rows: Sequence[Row], at: Entries, group: int) -> tuple[Array, Array, Array, Array]:
    """Slopes of the log-likelihood by the candidates; expected information of each, with the free parameters, and of these."""
    structure, data = f.structure, f.data
    score, own = np.zeros(len(rows)), np.zeros(len(rows))
    shared = np.zeros((len(rows), structure.n_free))
    for b in data.blocks:
        if b.group != group:
            continue
        m = f.implied[group]
        precision = np.linalg.inv(m.cov[np.ix_(b.columns, b.columns)])
        d = b.mean - m.mean[b.columns] if f.likelihood.means else np.zeros(len(b.columns))
        W = precision - precision @ (b.cov + np.outer(d, d)) @ precision
        new, old = Slopes.of(m, at, b.columns), Slopes.of(m, structure.free[group], b.columns)
        score -= b.n * (np.einsum("ia,ia->a", new.u, W @ new.v) - (precision @ d) @ new.d)
        pu, pv, pd_ = precision @ new.u, precision @ new.v, precision @ new.d
        own += b.n * (
            np.einsum("ia,ia->a", new.u, pv) ** 2
            + np.einsum("ia,ia->a", new.u, pu) * np.einsum("ia,ia->a", new.v, pv)
            + np.einsum("ia,ia->a", new.d, pd_)
        )
        by_entry = (pv.T @ old.u) * (pu.T @ old.v) + (pu.T @ old.u) * (pv.T @ old.v) + pd_.T @ old.d
        np.add.at(shared.T, structure.theta[group], b.n * by_entry.T)
    _, expected, _ = f.likelihood.derivatives(f.theta)
    return score, own, shared, data.n * expected


def _incomplete(f: Fitted, rows: Sequence[Row], at: Entries, group: int) -> tuple[Array, Array, Array, Array]:
    """The same from incomplete answers: from the likelihood of a model that has all candidates."""
    structure, k = f.structure, f.structure.n_free
    A, S, m = structure.matrices(f.theta, group)
    now = np.select([at.kind == 0, at.kind == 1], [A[at.i, at.j], S[at.i, at.j]], m[at.i])
    larger = Structure(structure.spec.with_rows([*structure.spec.rows, *(r.freed() for r in rows)]))
    gradient, information, _ = f.data.likelihood(larger).derivatives(np.concatenate([f.theta, now]))
    n = f.data.n
    return -n * gradient[k:], n * np.diag(information)[k:], n * information[k:, :k], n * information[:k, :k]
