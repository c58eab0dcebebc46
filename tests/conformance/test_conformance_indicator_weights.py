"""Weights of indicators are those of R, of pymcdm and of printed examples."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from csr_lib.core.errors import AnalysisError
from csr_lib.stats.ahp import ahp, ahp_group
from csr_lib.stats.data_weights import component_weights, critic_weights, entropy_weights, loading_weights
from csr_lib.stats.factor import factor_analysis
from csr_lib.stats.moments import moments
from csr_lib.stats.weights import kendall_w, weighted_index

FIGURES = json.loads((Path(__file__).parent / "indicator_weights.json").read_text(encoding="utf-8"))
ALTERNATIVES = np.array(FIGURES["alternatives"])


def judged(upper):
    """The matrix of an upper triangle; −5 stands for 1/5."""
    k = round((1 + (1 + 8 * len(upper)) ** 0.5) / 2)
    matrix = np.eye(k)
    matrix[np.triu_indices(k, 1)] = [v if v > 0 else -1 / v for v in upper]
    matrix[np.tril_indices(k, -1)] = 1 / matrix.T[np.tril_indices(k, -1)]
    return matrix


def is_printed(value, printed):
    return abs(value - float(printed)) <= 0.5000001 * 10.0 ** Decimal(printed).as_tuple().exponent


@pytest.mark.parametrize("name", FIGURES["matrices"])
def test_all_three_methods_are_those_of_r(name):
    figures = FIGURES["matrices"][name]
    found = ahp(judged(figures["upper"]))
    for method in ("eigenvector", "geometric", "column_mean"):
        np.testing.assert_allclose(found.methods[method], figures[method], rtol=1e-9)
    lambdas = [figures["eigenvalue"], figures["lambda_geometric"], figures["lambda_column_mean"]]
    np.testing.assert_allclose(found.consistency.lambda_max, lambdas, rtol=1e-10)
    assert found.lambda_max == pytest.approx(figures["eigenvalue"], rel=1e-10)


@pytest.mark.parametrize("name", FIGURES["printed"])
def test_printed_hierarchies_are_met(name):
    found, printed = ahp(judged(FIGURES["matrices"][name]["upper"])), FIGURES["printed"][name]
    assert is_printed(found.lambda_max, printed["lambda_max"])
    assert is_printed(found.cr, printed["cr"])
    assert all(is_printed(w, p) for w, p in zip(found.weights, printed["weights"], strict=True))


def test_group_weights_are_those_of_r():
    figures = FIGURES["group"]
    matrices = {expert: judged(upper) for expert, upper in figures["uppers"].items()}
    importance = dict(zip(matrices, figures["shares"], strict=True))
    for aggregate in ("judgements", "priorities"):
        plain = ahp_group(matrices, aggregate=aggregate)
        shared = ahp_group(matrices, aggregate=aggregate, importance=importance)
        np.testing.assert_allclose(plain.weights, figures[aggregate], rtol=1e-10)
        np.testing.assert_allclose(shared.weights, figures[f"{aggregate}_weighted"], rtol=1e-10)


def test_agreement_with_ties_is_that_of_friedmans_test():
    figures = FIGURES["kendall"]
    found = kendall_w(figures["ratings"])
    assert (found.statistic, found.df, found.p_value, found.w) == pytest.approx(
        (figures["statistic"], figures["df"], figures["p_value"], figures["w"]), rel=1e-10
    )


def test_entropy_and_critic_weights_are_those_of_pymcdm():
    np.testing.assert_allclose(entropy_weights(ALTERNATIVES).weights, FIGURES["pymcdm"]["entropy"], rtol=1e-9)
    observed = np.column_stack([ALTERNATIVES.min(axis=0), ALTERNATIVES.max(axis=0)])
    np.testing.assert_allclose(critic_weights(moments(ALTERNATIVES), observed).weights, FIGURES["pymcdm"]["critic"], rtol=1e-10)


def test_the_printed_entropies_and_weights_are_met():
    figures = FIGURES["entropy_printed"]
    table = entropy_weights(pd.DataFrame(figures["alternatives"])).table
    assert all(is_printed(e, p) for e, p in zip(table.entropy, figures["entropy"], strict=True))
    assert all(is_printed(w, p) for w, p in zip(table.weight, figures["weights"], strict=True))


def test_component_weights_are_those_of_psych():
    figures, four, all_five = FIGURES["components"], moments(ALTERNATIVES[:, :4]), moments(ALTERNATIVES)
    np.testing.assert_allclose(component_weights(four, 2).table.coefficient, figures["coefficients_of_four"], rtol=1e-9)
    rotated = loading_weights(factor_analysis(four, 2, method="components", rotation="varimax"))
    np.testing.assert_allclose(rotated.table.coefficient, figures["coefficients_of_four_varimax"], rtol=1e-6)
    for definition in ("absolute", "communality"):
        np.testing.assert_allclose(component_weights(all_five, 2, definition=definition).weights, figures[definition], rtol=1e-8)
    np.testing.assert_allclose(component_weights(all_five, 1, definition="absolute").weights, figures["one_absolute"], rtol=1e-8)
    with pytest.raises(AnalysisError, match=r"x5: its coefficient in the composite score is -0\.049"):
        component_weights(all_five, 2)


def test_the_index_with_published_weights_is_the_printed_one():
    figures = FIGURES["index_printed"]
    assert is_printed(weighted_index(figures["means"], figures["weights"], figures["low"], figures["high"]), figures["index"])
