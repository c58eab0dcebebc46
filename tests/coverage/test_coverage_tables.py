"""The committed tables of the simulations say what is claimed; and the populations are what they are said to be."""

import claims
import numpy as np
import pytest
import tally
from populations import Population, customers, structure

from csr_lib.stats.pls import pls


@pytest.mark.parametrize("topic", claims.CLAIMS)
def test_claimed_intervals_hold_the_truth_between_93_and_97_percent(topic):
    table = tally.read(topic)
    assert (table["claimed"] == claims.CLAIMS[topic](table)).all()
    assert (table["within"] == table["coverage"].between(tally.LOWEST, tally.HIGHEST)).all()
    assert table["claimed"].any()
    assert claims.broken(table) == []
    assert (table["replications"] >= 2000).all()


def test_shares_of_resamples_are_calibrated():
    assert claims.miscalibrated(tally.read("quadrants")) == []


def test_cut_variables_have_the_covariances_of_the_bivariate_normal():
    for rho in (-0.7, 0.2, 0.8):
        cut = Population(("a", "b"), np.array([[1, rho], [rho, 1]]), np.zeros((2, 1)))
        np.testing.assert_allclose(cut.moments.mean, 1.5)
        np.testing.assert_allclose(cut.moments.cov, [[0.25, np.arcsin(rho) / (2 * np.pi)], [np.arcsin(rho) / (2 * np.pi), 0.25]])


@pytest.mark.parametrize("kind", ["normal", "ordinal"])
def test_many_answers_have_the_moments_of_their_population(kind):
    population, n = customers(kind), 100_000
    answers = population.draw(np.random.default_rng(1), n)
    sd = population.moments.sd
    np.testing.assert_allclose((answers.mean() - population.moments.mean) / sd, 0, atol=5 / np.sqrt(n))
    np.testing.assert_allclose(answers.corr(), population.moments.correlation, atol=5 / np.sqrt(n))


def test_at_the_population_consistent_pls_gives_the_factor_paths_and_composites_do_not():
    population = customers("normal")
    consistent = pls(population.moments, structure("reflective"), limits=population.limits).paths
    np.testing.assert_allclose(consistent["estimate"], [0.6, 0.3, 0.5, 0.7], atol=1e-9)
    composites = pls(population.moments, structure("A"), limits=population.limits).paths
    assert (composites["estimate"] < consistent["estimate"] - 0.005).all()
