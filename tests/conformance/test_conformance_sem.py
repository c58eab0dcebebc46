"""Covariance structure models agree with R lavaan; figures and recipes in holzinger_lavaan and sem_lavaan_core."""

import math
from dataclasses import replace

import numpy as np
import pytest
from ecsi_mobile import reference
from lavaan_figures import HOLZINGER, ITEMS, lavaan_name

from csr_lib.stats.moments import moments, sample
from csr_lib.stats.sem import SEMResult, cfa, sem
from csr_lib.stats.sem_modification import modification_indices

PRINTED = reference("holzinger_lavaan")
CORE = reference("sem_lavaan_core")
PATH = """visual =~ x1 + x2 + x3
speed =~ x7 + x8 + x9
speed ~ a*visual
x4 ~ b*speed + c*visual + g*grade
speed ~ h*ageyr"""
EQUAL = """visual =~ x1 + a*x2 + a*x3
textual =~ x4 + b*x5 + b*x6
speed =~ x7 + c*x8 + c*x9
x1 ~~ e*x1
x2 ~~ e*x2
x3 ~~ e*x3"""
PATH_ITEMS = ["x1", "x2", "x3", "x4", "x7", "x8", "x9", "grade", "ageyr"]
#: What lavaan lists among the fit measures but which are settings, or degrees of freedom that stay what they are.
SETTINGS = {"rmsea.ci.level", "rmsea.close.h0", "rmsea.notclose.h0", "df.scaled", "baseline.df.scaled"}
#: The same measure under another name.
TWINS = {"srmr_bentler": "srmr", "srmr_bentler_nomean": "srmr_nomean", "fmin": "f_min", "ntotal": "n"}


def pupils():
    from semopy.examples import holzinger39

    return holzinger39.get_data()


def estimate(case: str) -> SEMResult:
    frame = pupils()
    tests, path = sample(frame[ITEMS]), sample(frame[PATH_ITEMS])
    weights = 0.5 + (frame["ageyr"] - 10) / 4 + (frame["sex"] == 1) / 2
    return {
        "cfa": lambda: cfa(tests, HOLZINGER),
        "cfa_mlr": lambda: cfa(tests, HOLZINGER, estimator="MLR"),
        "cfa_weighted": lambda: cfa(sample(frame[ITEMS], weights), HOLZINGER, estimator="MLR"),
        "cfa_means_mlr": lambda: cfa(tests, HOLZINGER, estimator="MLR", mean_structure=True),
        "unit_variance": lambda: cfa(tests, HOLZINGER, identification="unit_variance"),
        "second_order": lambda: cfa(tests, f"{HOLZINGER}\ngeneral =~ visual + textual + speed"),
        "equal": lambda: cfa(tests, EQUAL),
        "path": lambda: sem(path, PATH),
        "path_mlr": lambda: sem(path, PATH, estimator="MLR"),
        "path_means": lambda: sem(path, PATH, mean_structure=True),
        "path_free_x": lambda: sem(path, PATH, fixed_x=False),
        "path_free_x_mlr": lambda: sem(path, PATH, fixed_x=False, estimator="MLR", mean_structure=True),
    }[case]()


def rows(frame, *columns):
    """Key -> numbers; a covariance is found by both orders of its variables."""
    out = {}
    for lhs, op, rhs, *values in zip(frame["lhs"], frame["op"], frame["rhs"], *(frame[c] for c in columns), strict=True):
        out[f"{lhs} {op} {rhs}".strip()] = values
        if op == "~~":
            out[f"{rhs} {op} {lhs}"] = values
    return out


def assert_rows(ours, theirs, *, rel, abs_):
    assert theirs
    for key, numbers in theirs.items():
        for mine, figure in zip(ours[key], numbers, strict=True):
            if figure is None:
                assert math.isnan(mine), key
            else:
                assert mine == pytest.approx(figure, rel=rel, abs=abs_), key


def assert_fit(result, theirs, *, rel):
    ours = {lavaan_name(name): value for name, value in result.fit.items()}
    ours |= {name: ours[twin] for name, twin in TWINS.items()}
    wanted = theirs.keys() - SETTINGS
    assert len(wanted) >= 40
    for name in wanted:
        assert ours[name] == pytest.approx(theirs[name], rel=rel, abs=rel), name


@pytest.mark.parametrize("case", CORE)
class TestAtTheMaximum:
    """1e-7 of what lavaan gives where it searches on to the maximum."""

    @pytest.fixture
    def result(self, case):
        return estimate(case)

    def test_estimates_errors_and_standardised_solution(self, result, case):
        theirs = CORE[case]
        ours = rows(result.parameters, "estimate", "std_error", "std_lv", "std_all")
        assert_rows(ours, theirs["parameters"], rel=0, abs_=1e-7)
        assert_rows(rows(result.standardised, "estimate", "std_error"), theirs["standardised"], rel=0, abs_=1e-7)
        assert dict(result.r_squared.itertuples(index=False)) == pytest.approx(theirs["r2"], rel=0, abs=1e-7)

    def test_fit_measures(self, result, case):
        assert_fit(result, CORE[case]["fit"], rel=1e-7)


@pytest.mark.parametrize("case", [case for case in CORE if "indices" in CORE[case]])
def test_modification_indices(case):
    result = estimate(case)
    given = result.specification.conditional  # the model says nothing of what explains them
    theirs = {
        key: v
        for key, v in CORE[case]["indices"].items()
        if key.split()[0] not in given and not key.startswith(tuple(f"{g} ~~" for g in given))
    }
    indices = modification_indices(result, kinds=["loading", "covariance", "path", "fixed"])
    assert_rows(rows(indices, "mi", "epc", "std_lv", "std_all"), theirs, rel=1e-7, abs_=1e-7)


@pytest.mark.parametrize("case", ["ml", "mlr"])
class TestAsPrinted:
    """What lavaan gives by its default stopping rule, about 1e-6 from the maximum: 1e-5 for estimates, 1e-4 for errors."""

    @pytest.fixture
    def result(self, case):
        return cfa(sample(pupils()[ITEMS]), HOLZINGER, estimator=case.upper())

    def test_every_figure(self, result, case):
        theirs = PRINTED[case]
        assert result.n == theirs["n"]
        for frame, name, columns in (
            (result.parameters, "parameters", theirs["parameter_columns"]),
            (result.standardised, "standardised", theirs["standardised_columns"]),
        ):
            standardised = {"std.lv": "std_lv", "std.all": "std_all"}
            ours = {"est": "estimate", "est.std": "estimate", "se": "std_error", "pvalue": "p_value", "ci.lower": "ci_low"}
            ours |= {"ci.upper": "ci_high", "z": "z", **standardised}
            found = rows(frame, *(ours[c] for c in columns))
            tolerance = dict.fromkeys(columns, 1e-5) | {"se": 1e-4, "z": 1e-4}
            for k, column in enumerate(columns):
                mine = {key: [found[key][k]] for key in theirs[name]}
                assert_rows(mine, {key: [v[k]] for key, v in theirs[name].items()}, rel=0, abs_=tolerance[column])
        assert_fit(result, theirs["fit"], rel=1e-6)
        assert dict(result.r_squared.itertuples(index=False)) == pytest.approx(theirs["r2"], rel=0, abs=1e-5)

    def test_modification_indices_at_the_estimates_printed(self, result, case):
        """An index moves several times as much as the estimates, so it is taken where lavaan stopped: 1e-9."""
        printed = {key: v[0] for key, v in PRINTED[case]["parameters"].items()}
        printed |= {" ".join(reversed(key.split())): v for key, v in printed.items() if "~~" in key}
        spec, fitted = result.specification, result.fitted
        theta = np.array([printed[name] for name in spec.names])
        there = replace(fitted, optimum=replace(fitted.optimum, theta=theta), implied=(fitted.structure.implied(theta),))
        ours = rows(modification_indices(replace(result, fitted=there)), "mi", "epc", "std_all")
        assert_rows(ours, PRINTED[case]["indices"], rel=1e-9, abs_=1e-9)


def test_indirect_and_total_effects_with_their_errors():
    effects = estimate("path").effects
    ours = {(r["source"], r["target"], r["effect"]): (r["estimate"], r["std_error"]) for r in effects.to_dict("records")}
    theirs = CORE["path"]["defined"]
    assert ours["visual", "x4", "indirect"] == pytest.approx(theirs["ie"], rel=0, abs=1e-7)
    assert ours["visual", "x4", "total"] == pytest.approx(theirs["tot"], rel=0, abs=1e-7)


def test_score_tests_of_equal_parameters():
    found = rows(modification_indices(estimate("equal"), kinds=["equality"]), "mi")
    released = [found[key][0] for key in ("visual =~ x2", "textual =~ x5", "speed =~ x8", "x2 ~~ x2", "x3 ~~ x3")]
    assert released == pytest.approx(CORE["equal"]["release"], rel=1e-7)


def test_residuals_over_their_errors():
    residuals = estimate("cfa").residuals()
    theirs = CORE["cfa"]["residual_z"]
    off = residuals[residuals["item_a"] != residuals["item_b"]]
    figures = [theirs[a][ITEMS.index(b)] for a, b in zip(off["item_a"], off["item_b"], strict=True)]
    np.testing.assert_allclose(off["z"], figures, rtol=0, atol=1e-7)
    assert residuals.loc[residuals["item_a"] == residuals["item_b"], "z"].isna().all()


@pytest.mark.filterwarnings("ignore:Method BFGS cannot handle bounds:RuntimeWarning")
def test_semopy_with_a_tight_search_gives_the_same_estimates():
    import semopy

    frame = pupils()[ITEMS]
    peer = semopy.Model(HOLZINGER)
    peer.fit(frame, solver="BFGS", obj="MLW")
    table = peer.inspect()
    theirs = {
        (f"{r['rval']} =~ {r['lval']}" if r["op"] == "~" else f"{r['lval']} ~~ {r['rval']}"): r["Estimate"]
        for r in table.to_dict("records")
    }
    ours = rows(cfa(moments(frame), HOLZINGER).parameters, "estimate")
    assert {k: ours[k][0] for k in theirs} == pytest.approx(theirs, rel=0, abs=1e-4)  # as near as its search comes
