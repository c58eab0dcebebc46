"""Figures of R lavaan held against an estimate: parameters, errors, standardised solution, fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from csr_lib.stats.sem import SEMResult

#: Our names of fit measures that are not lavaan's.
NAMES = {
    "n_parameters": "npar",
    "chi2": "chisq",
    "p_value": "pvalue",
    "baseline_chi2": "baseline.chisq",
    "baseline_df": "baseline.df",
    "baseline_p_value": "baseline.pvalue",
    "logl_saturated": "unrestricted.logl",
    "sabic": "bic2",
    "hoelter_05": "cn_05",
    "hoelter_01": "cn_01",
    "rmsea_ci_low": "rmsea.ci.lower",
    "rmsea_ci_high": "rmsea.ci.upper",
    "rmsea_p_close": "rmsea.pvalue",
    "rmsea_p_not_close": "rmsea.notclose.pvalue",
    "scaling": "chisq.scaling.factor",
    "baseline_scaling": "baseline.chisq.scaling.factor",
    "scaling_h0": "scaling.factor.h0",
    "scaling_h1": "scaling.factor.h1",
}
HOLZINGER = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ITEMS = [f"x{k}" for k in range(1, 10)]
SCHOOLS = ("Grant-White", "Pasteur")


def lavaan_name(name: str) -> str:
    """``cfi_robust`` -> ``cfi.robust``; ``rmsea_ci_low_scaled`` -> ``rmsea.ci.lower.scaled``."""
    for ending in ("_scaled", "_robust"):
        if name.endswith(ending):
            return NAMES.get(name.removesuffix(ending), name.removesuffix(ending)) + ending.replace("_", ".")
    return NAMES.get(name, name)


def agree(result: SEMResult, theirs: dict[str, Any], *, tolerance: float = 1e-6, errors: bool = True) -> None:
    """Every parameter and every fit measure that both programs give is the same."""
    assert_parameters(result, theirs, tolerance, errors=errors)
    ours = {lavaan_name(name): value for name, value in result.fit.items()}
    if "scaling_h0" in result.fit:  # lavaan divides by the number of parameters before equal ones are counted once
        ours["scaling.factor.h0"] *= result.fit["n_parameters"] / result.parameters["free"].sum()
    both = sorted(ours.keys() & theirs["fit"].keys())
    assert len(both) >= 25
    for name in both:
        assert ours[name] == pytest.approx(theirs["fit"][name], rel=0, abs=tolerance), name


def assert_parameters(result: SEMResult, theirs: dict[str, Any], tolerance: float, *, errors: bool = True) -> None:
    several = result.specification.groups > 1
    found = 0
    rows = zip(result.parameters.to_dict("records"), result.standardised.to_dict("records"), strict=True)
    for row, standardised in rows:
        end = f" | {row['group'] + 1}" if several else ""
        keys = (f"{row['lhs']} {row['op']} {row['rhs']}".strip() + end, f"{row['rhs']} {row['op']} {row['lhs']}" + end)
        key = next(k for k in keys if k in theirs["parameters"])
        figures = dict(zip(theirs["columns"], theirs["parameters"][key], strict=True))
        assert row["estimate"] == pytest.approx(figures["est"], rel=0, abs=tolerance), key
        if errors:
            assert row["std_error"] == pytest.approx(figures["se"], rel=0, abs=tolerance), key
        if figures.get("std_all") is not None:
            assert row["std_all"] == pytest.approx(figures["std_all"], rel=0, abs=tolerance), key
            assert row["std_lv"] == pytest.approx(figures["std_lv"], rel=0, abs=tolerance), key
            if errors:
                assert standardised["std_error"] == pytest.approx(figures["std_all_se"], rel=0, abs=tolerance), key
        found += 1
    assert found == len(theirs["parameters"])


def holzinger() -> pd.DataFrame:
    """The 1939 school data, with weights 1, 2, 3, 1.5, 2.5 in turn by a rule (column ``w``)."""
    from semopy.examples import holzinger39

    frame = holzinger39.get_data()
    return frame.assign(w=1 + (np.arange(len(frame)) * 7 % 5) / 2)


def holzinger_holes() -> pd.DataFrame:
    """The same with 12 % of the answers deleted by a rule."""
    frame = holzinger()
    i, j = np.arange(len(frame))[:, None], np.arange(9)[None]
    frame[ITEMS] = frame[ITEMS].mask((7 * i + 3 * j * j + i // 11) % 9 == 0)
    return frame


def simulated() -> pd.DataFrame:
    """400 rows, three correlated factors with 4, 3 and 3 items, 15 % of the answers deleted at random."""
    rng = np.random.default_rng(400)
    factors = rng.standard_normal((400, 3)) @ np.linalg.cholesky([[1, 0.5, 0.4], [0.5, 1, 0.6], [0.4, 0.6, 1]]).T
    x = 5 + 1.5 * (0.8 * np.repeat(factors, [4, 3, 3], axis=1) + 0.6 * rng.standard_normal((400, 10)))
    x = np.round(x, 2)
    x[rng.random(x.shape) < 0.15] = np.nan
    names = [f"{letter}{k + 1}" for letter, count in (("a", 4), ("b", 3), ("c", 3)) for k in range(count)]
    return pd.DataFrame(x, columns=names)
