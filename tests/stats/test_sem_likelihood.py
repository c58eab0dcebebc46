"""Gradient, information and Hessian of the likelihood are the derivatives that they claim to be; the search ends at a minimum."""

import math

import numpy as np
import pytest

from csr_lib.stats._sem_fit import complete_data
from csr_lib.stats._sem_ml import Block, Likelihood, Structure, minimise
from csr_lib.stats._sem_start import start_values
from csr_lib.stats._sem_syntax import from_syntax
from csr_lib.stats.moments import moments

#: Loadings, a factor of second order, paths among factors and items, residual covariances, labels, means of both kinds.
RICH = """
F =~ a + l*b + l*c
G =~ d + e + f
H =~ F + G
g ~ F + 0.3*G
h ~ g + H
a ~~ d
b ~~ b_*b
c ~~ b_*c
F ~ m*1
G ~ m*1
a ~ 0*1
d ~ 0*1
"""


@pytest.fixture
def rich():
    rng = np.random.default_rng(3)
    spec = from_syntax(RICH).in_groups(2)
    p = len(spec.observed)
    blocks = []
    for g, columns in ((0, range(p)), (1, range(p)), (1, [0, 2, 3, 5])):  # the last lacks answers
        x = rng.standard_normal((40, p)) @ (np.eye(p) + 0.3) + 0.2
        x = x[:, list(columns)]
        blocks.append(Block(40.0 + g, np.cov(x.T, ddof=0), x.mean(0), g, np.array(columns)))
    likelihood = Likelihood(Structure(spec), blocks)
    theta = start_values(likelihood.structure, [blocks[0].cov, blocks[1].cov], [blocks[0].mean, blocks[1].mean])
    theta = theta + 0.05 * rng.standard_normal(len(theta))
    assert math.isfinite(likelihood.value(theta))
    return likelihood, theta


def central(function, theta, step=1e-5):
    out = [(function(theta + step * e) - function(theta - step * e)) / (2 * step) for e in np.eye(len(theta))]
    return np.array(out)


def test_the_gradient_is_the_slope_of_the_value(rich):
    likelihood, theta = rich
    np.testing.assert_allclose(likelihood.derivatives(theta)[0], central(likelihood.value, theta), rtol=1e-6, atol=1e-7)


def test_the_hessian_is_the_slope_of_the_gradient(rich):
    likelihood, theta = rich
    _, _, hessian = likelihood.derivatives(theta, hessian=True)
    numerical = central(lambda t: likelihood.derivatives(t)[0], theta)
    np.testing.assert_allclose(hessian, numerical, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(hessian, hessian.T, rtol=0, atol=1e-12)


def test_where_the_model_holds_exactly_the_hessian_is_the_expected_information(rich):
    likelihood, theta = rich
    implied = [likelihood.structure.implied(theta, g) for g in range(2)]
    exact = [
        Block(b.n, implied[b.group].cov[np.ix_(b.columns, b.columns)], implied[b.group].mean[b.columns], b.group, b.columns)
        for b in likelihood.blocks
    ]
    gradient, information, hessian = Likelihood(likelihood.structure, exact).derivatives(theta, hessian=True)
    np.testing.assert_allclose(gradient, 0, atol=1e-10)
    np.testing.assert_allclose(hessian, information, rtol=1e-8, atol=1e-8)


def test_values_that_imply_no_covariance_matrix_are_infinitely_bad():
    spec = from_syntax("F =~ a + b + c")
    likelihood = Likelihood(Structure(spec), [Block(50.0, np.eye(3), np.zeros(3), 0, np.arange(3))])
    theta = np.array([1.0, 1.0, -5.0, 1.0, 1.0, 1.0])
    assert spec.names[2] == "a ~~ a"
    assert likelihood.value(theta) == math.inf


def test_known_parameters_are_found_from_their_implied_moments():
    spec = from_syntax("F =~ a + b + c\nG =~ d + e + f\nG ~ F\nG ~~ G")
    structure = Structure(spec)
    truth = dict.fromkeys(spec.names, 0.5) | {
        "F =~ b": 1.3,
        "F =~ c": 0.7,
        "G =~ e": -0.8,
        "G =~ f": 0.9,
        "G ~ F": 0.6,
        "F ~~ F": 2.0,
    }
    theta = np.array([truth[name] for name in spec.names])
    cov = structure.implied(theta).sigma
    likelihood = Likelihood(structure, [Block(100.0, cov, np.zeros(6), 0, np.arange(6))])
    found = minimise(likelihood, start_values(structure, [cov], [np.zeros(6)]))
    assert found.converged
    np.testing.assert_allclose(found.theta, theta, rtol=0, atol=1e-8)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_search_does_not_depend_on_the_units_of_the_items(size):
    rng = np.random.default_rng(8)
    factor = rng.standard_normal((120, 1))
    x = (0.7 * factor + 0.7 * rng.standard_normal((120, 5))) * np.array([1, size, 1, 1 / size, 1]) + 10
    spec = from_syntax("F =~ a + b + c + d + e")
    data = complete_data(spec, [moments(x, columns=list("abcde"))])
    structure = Structure(spec)
    found = minimise(Likelihood(structure, data.blocks), start_values(structure, list(data.covs), list(data.means)))
    assert found.converged
    assert found.iterations < 15
