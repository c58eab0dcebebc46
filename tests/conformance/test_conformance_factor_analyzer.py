"""Factors, KMO and Bartlett's test agree with the factor_analyzer package, on answers of every kind of size."""

import numpy as np
import pandas as pd
import pytest

from csr_lib.stats.adequacy import adequacy
from csr_lib.stats.factor import factor_analysis
from csr_lib.stats.moments import moments


@pytest.fixture(params=[(120, 6, 1), (300, 12, 3), (900, 15, 4)], ids=lambda s: f"{s[0]} x {s[1]}")
def case(request):
    n, items, factors = request.param
    rng = np.random.default_rng(items)
    pattern = np.zeros((items, factors))
    pattern[np.arange(items), np.arange(items) % factors] = rng.uniform(0.5, 0.8, items)
    answers = rng.standard_normal((n, factors)) @ pattern.T + 0.6 * rng.standard_normal((n, items))
    return pd.DataFrame(answers, columns=[f"x{i}" for i in range(items)]), factors


def test_adequacy(case):
    from factor_analyzer import calculate_bartlett_sphericity, calculate_kmo

    answers, _ = case
    ours = adequacy(moments(answers))
    by_item, overall = calculate_kmo(answers)
    chi_square, p = calculate_bartlett_sphericity(answers)
    assert ours.kmo == pytest.approx(overall, abs=1e-9)
    np.testing.assert_allclose(ours.items["kmo"], by_item, atol=1e-9)
    assert (ours.chi_square, ours.p_value) == pytest.approx((chi_square, p), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("method", ["minres", "ml"])
def test_communalities(case, method):
    from factor_analyzer import FactorAnalyzer

    answers, factors = case
    theirs = FactorAnalyzer(factors, rotation=None, method=method).fit(answers).get_communalities()
    ours = factor_analysis(moments(answers), factors, method=method, rotation="none").items["communality"]
    np.testing.assert_allclose(ours, theirs, atol=2e-5)  # it stops some 1e-6 before the minimum
