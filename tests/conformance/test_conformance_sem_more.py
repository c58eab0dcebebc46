"""Covariance structure models agree with R lavaan; figures and recipe stand beside this file (sem_lavaan_more)."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from ecsi_mobile import FACTS, mobile_moments, reference
from lavaan_figures import HOLZINGER, ITEMS, agree, holzinger

from csr_lib.stats.moments import Moments, moments, sample
from csr_lib.stats.sem import cfa, sem
from csr_lib.stats.sem_modification import modification_indices

FIGURES = reference("sem_lavaan_more")
POLITICAL = """ind60 =~ x1 + x2 + x3
dem60 =~ y1 + {a}y2 + {b}y3 + {c}y4
dem65 =~ y5 + {a}y6 + {b}y7 + {c}y8
dem60 ~ ind60
dem65 ~ ind60 + dem60
y1 ~~ y5
y2 ~~ y4
y2 ~~ y6
y3 ~~ y7
y4 ~~ y8
y6 ~~ y8"""
PLAIN = POLITICAL.format(a="", b="", c="")
EQUAL = POLITICAL.format(a="a*", b="b*", c="c*")
FIXED = """visual =~ x1 + 0.5*x2 + x3
textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9
visual ~~ 0*speed
x2 ~~ x7
textual ~ visual + speed
x3 ~ m*1
x6 ~ m*1
x4 ~ 3*1"""
LATENT_MEANS = """visual =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
x1 ~ 0*1
x4 ~ 0*1
visual ~ 1
textual ~ 1
textual ~ visual"""
SINGLE = """visual =~ x1 + x2 + x3
Text =~ x4
speed =~ x7 + x8 + x9
Text ~ visual
speed ~ Text + visual"""
PART = "Value ~ Quality\nSatisfaction ~ Quality + Value\nLoyalty ~ Satisfaction"
PART_SINGLE = f"{PART}\nComplaints ~ Satisfaction\nLoyalty ~ Complaints"


@cache
def political():
    from semopy.examples import political_democracy

    return political_democracy.get_data()


def measured(names):
    return "\n".join(f"{name} =~ {' + '.join(FACTS['constructs'][name])}" for name in FACTS["constructs"] if name in names)


def part(paths):
    names = {name for line in paths.splitlines() for name in line.replace("~", "+").replace(" ", "").split("+")}
    return f"{measured(names)}\n{paths}"


def structural():
    return "\n".join(f"{target} ~ {source}" for source, target in FACTS["paths"])


def heywood():
    """Correlations of one factor with loadings 1.05, .7, .6, .5, .4, two of them changed a little."""
    loadings = np.array([1.05, 0.7, 0.6, 0.5, 0.4])
    r = np.outer(loadings, loadings)
    np.fill_diagonal(r, 1.0)
    r[1, 2] = r[2, 1] = 0.43
    r[3, 4] = r[4, 3] = 0.18
    return Moments.from_correlation([f"h{k}" for k in range(1, 6)], np.zeros(5), np.ones(5), r, 200)


ESTIMATES = {
    "political": lambda: sem(moments(political()), PLAIN),
    "political_equal": lambda: sem(moments(political()), EQUAL),
    "political_means": lambda: sem(moments(political()), PLAIN, mean_structure=True),
    "political_mlr": lambda: sem(sample(political()), PLAIN, estimator="MLR"),
    "political_equal_mlr": lambda: sem(sample(political()), EQUAL, estimator="MLR"),
    "holzinger_unit": lambda: cfa(moments(holzinger()[ITEMS]), HOLZINGER, identification="unit_variance"),
    "holzinger_weighted": lambda: cfa(sample(holzinger()[ITEMS], holzinger()["w"]), HOLZINGER, estimator="MLR"),
    "holzinger_fixed": lambda: cfa(moments(holzinger()[ITEMS]), FIXED),
    "latent_means": lambda: sem(moments(holzinger()[ITEMS]), LATENT_MEANS),
    "single_item": lambda: sem(moments(holzinger()[ITEMS]), SINGLE),
    "ecsi_cfa": lambda: cfa(mobile_moments(), measured(FACTS["constructs"])),
    "ecsi_part": lambda: sem(mobile_moments(), part(PART)),
    "ecsi_part_single": lambda: sem(mobile_moments(), part(PART_SINGLE)),
    "heywood": lambda: cfa(heywood(), {"F": ["h1", "h2", "h3", "h4", "h5"]}),
}
TRIED = ["political", "political_equal", "ecsi_cfa", "ecsi_part", "ecsi_part_single"]


def verdicts(result):
    return {check.key: check.verdict for check in result.checks}


@pytest.mark.parametrize("case", ESTIMATES)
def test_parameters_errors_and_fit(case):
    agree(ESTIMATES[case](), FIGURES[case])


@pytest.mark.parametrize("case", TRIED)
def test_largest_modification_indices(case):
    ours = {}
    for row in modification_indices(ESTIMATES[case]()).to_dict("records"):
        numbers = (row["mi"], row["epc"], row["std_all"])
        ours[f"{row['lhs']} {row['op']} {row['rhs']}"] = numbers
        if row["op"] == "~~":
            ours[f"{row['rhs']} {row['op']} {row['lhs']}"] = numbers
    theirs = FIGURES[case]["modification"]
    assert len(theirs) == 25
    for key, (mi, epc, std_all) in theirs.items():
        assert ours[key][:2] == pytest.approx((mi, epc), abs=1e-5), key
        if std_all is not None:
            assert ours[key][2] == pytest.approx(std_all, abs=1e-5), key


def test_full_ecsi_gives_the_figures_of_lavaan_and_unlike_it_warns():
    result = sem(mobile_moments(), f"{measured(FACTS['constructs'])}\n{structural()}")
    theirs = FIGURES["ecsi_full"]
    assert "warnings" not in theirs
    agree(result, theirs, tolerance=1e-4)
    paths = result.standardised[result.standardised["op"] == "~"].set_index(["rhs", "lhs"])["estimate"]
    assert paths["Satisfaction", "Loyalty"] == pytest.approx(3.27, abs=0.005)
    assert paths["Image", "Loyalty"] == pytest.approx(-2.45, abs=0.005)
    found = verdicts(result)
    assert found["sem_std_path"] == found["sem_std_error"] == found["sem_latent_correlation"] == "fail"


def test_heywood_case_is_estimated_and_told():
    result = ESTIMATES["heywood"]()
    assert "some estimated ov variances are negative" in FIGURES["heywood"]["warnings"]
    assert verdicts(result)["sem_variance"] == "fail"


def test_latent_covariances_that_are_not_positive_definite_are_told():
    assert "not positive definite" in FIGURES["ecsi_cfa"]["warnings"][0]
    assert verdicts(ESTIMATES["ecsi_cfa"]())["sem_latent_definite"] == "fail"


def test_weighted_estimates_equal_those_of_moments():
    frame = holzinger()
    weighted = cfa(moments(frame[ITEMS], frame["w"]), HOLZINGER)
    robust = cfa(sample(frame[ITEMS], frame["w"]), HOLZINGER, estimator="MLR")
    pd.testing.assert_series_equal(weighted.parameters["estimate"], robust.parameters["estimate"], atol=1e-8)
