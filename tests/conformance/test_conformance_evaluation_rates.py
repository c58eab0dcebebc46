"""Fuzzy operators, outcome rates, Net Promoter Score and Kano's coefficients of worked examples."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from csr_lib.stats.fuzzy import OPERATORS, compose, fuzzy_evaluation
from csr_lib.stats.outcome_rates import FORMULAS, outcome_rates
from csr_lib.stats.rates import kano, net_promoter

FIGURES = json.loads((Path(__file__).parent / "evaluation_rates.json").read_text(encoding="utf-8"))
FUZZY = FIGURES["fuzzy"]


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_four_operators(operator):
    found = compose(FUZZY["weights"], FUZZY["memberships"], operator)
    np.testing.assert_allclose(found, FUZZY["results"][operator], atol=1e-12)


def test_the_winner_changes_with_the_operator():
    items = [f"item{i}" for i in range(5)]
    memberships = pd.DataFrame(FUZZY["memberships"], index=items, columns=[1, 2, 3, 4])
    found = fuzzy_evaluation(memberships, {"goal": dict(zip(items, FUZZY["weights"], strict=True))})
    assert dict(zip(found.operator_verdicts.operator, found.operator_verdicts.grade, strict=True)) == {
        "weighted_average": 3,
        "min_max": 1,
        "product_max": 1,
        "min_sum": 2,
    }
    raw = {name: part.raw.tolist() for name, part in found.operators.groupby("operator")}
    for name, result in FUZZY["results"].items():
        assert raw[name] == pytest.approx(result)


def test_outcome_rates():
    figures = FIGURES["outcome_rates"]
    found = outcome_rates(**figures["counts"])
    for name, printed in figures["rates"].items():
        assert f"{found.rate(name):.4f}".lstrip("0") == printed
    for name, (numerator, denominator) in figures["fractions"].items():
        assert found.rate(name) == pytest.approx(numerator / denominator, rel=1e-12)
    assert set(figures["rates"]) | set(figures["fractions"]) == set(FORMULAS) == set(found.table.rate)


def test_net_promoter_score():
    figures = FIGURES["net_promoter"]
    answers = np.repeat([10, 9, 8, 7, 6, 0], [20, 25, 10, 20, 15, 10])
    found = net_promoter(answers)
    assert found.estimate == pytest.approx(figures["score"])
    assert found.std_error**2 == pytest.approx(figures["variance"])
    assert (found.ci_low, found.ci_high) == pytest.approx((figures["ci_low"], figures["ci_high"]), abs=5e-6)
    assert (found.promoters, found.passives, found.detractors) == pytest.approx((0.45, 0.30, 0.25))


def test_better_and_worse():
    figures = FIGURES["kano"]
    found = kano(pd.DataFrame({letter: [figures[letter]] for letter in "AOMI"}, index=["feature"])).iloc[0]
    for name in ("better", "worse"):
        numerator, denominator = figures[name]
        assert found[name] == pytest.approx(numerator / denominator)
