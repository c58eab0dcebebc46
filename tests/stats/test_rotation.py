"""Rotations: what they leave unchanged, what they find, and one order and sign for everything."""

import numpy as np
import pytest
from factor_samples import PATTERN, PHI
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.rotation import METHODS, OBLIQUE, rotate

SEEDS = st.integers(0, 10_000)


def noisy(seed: int, factors: int = 3) -> np.ndarray:
    """Unrotated loadings with some structure, turned at random."""
    rng = np.random.default_rng(seed)
    pattern = np.kron(np.eye(factors), np.full((4, 1), 0.7)) + 0.1 * rng.standard_normal((4 * factors, factors))
    return pattern @ np.linalg.qr(rng.standard_normal((factors, factors)))[0]


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=8)
@given(SEEDS)
def test_what_a_rotation_leaves_unchanged(method, seed):
    a = noisy(seed)
    r = rotate(a, method)
    np.testing.assert_allclose(r.loadings @ r.phi @ r.loadings.T, a @ a.T, atol=1e-10)
    np.testing.assert_allclose(r.loadings, a @ r.transformation, atol=1e-10)
    inverse = np.linalg.inv(r.transformation)
    np.testing.assert_allclose(r.phi, inverse @ inverse.T, atol=1e-10)
    np.testing.assert_allclose(np.diag(r.phi), 1.0, atol=1e-12)
    assert r.ss_loadings.sum() == pytest.approx((a**2).sum())
    if method not in OBLIQUE:
        np.testing.assert_array_equal(r.phi, np.eye(3))


@pytest.mark.parametrize("method", METHODS)
def test_order_and_sign(method):
    r = rotate(-noisy(1)[:, ::-1], method)
    assert (np.diff(r.ss_loadings) <= 0).all()
    assert (r.loadings.sum(axis=0) > 0).all()
    np.testing.assert_allclose(r.structure, r.loadings @ r.phi)


@pytest.mark.parametrize("method", ["varimax", "quartimax", "promax", "oblimin"])
@settings(max_examples=6)
@given(SEEDS)
def test_neither_the_position_before_nor_the_order_of_items_matters(method, seed):
    rng = np.random.default_rng(seed)
    a = noisy(seed)
    turned = a @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    rows = rng.permutation(len(a))
    r, again = rotate(a, method), rotate(turned[rows], method)
    np.testing.assert_allclose(again.loadings, r.loadings[rows], atol=1e-8)
    np.testing.assert_allclose(again.phi, r.phi, atol=1e-8)


@pytest.mark.parametrize(("method", "gamma"), [("varimax", 1), ("quartimax", 0)])
def test_no_turn_of_two_factors_betters_the_criterion(method, gamma):
    """Kaiser's definition, on rows of length 1 for varimax."""
    a = noisy(5)
    x = rotate(a, method).loadings
    if method == "varimax":
        x = x / np.sqrt((x**2).sum(axis=1, keepdims=True))

    def criterion(x):
        return ((x**2) ** 2).sum() - gamma * ((x**2).sum(axis=0) ** 2).sum() / len(x)

    for j, k in ((0, 1), (0, 2), (1, 2)):
        for angle in (1e-4, -1e-4, 0.3, 0.7):
            y = x.copy()
            y[:, j] = np.cos(angle) * x[:, j] - np.sin(angle) * x[:, k]
            y[:, k] = np.sin(angle) * x[:, j] + np.cos(angle) * x[:, k]
            assert criterion(y) < criterion(x)


def test_oblimin_has_the_least_products_of_squared_loadings():
    a = noisy(6)
    r = rotate(a, "oblimin")

    def criterion(loadings):
        squares = loadings**2
        return (squares.sum(axis=1) ** 2 - (squares**2).sum(axis=1)).sum()

    rng = np.random.default_rng(0)
    t = np.linalg.inv(r.transformation).T
    for size in (1e-4, 1e-2, 0.3):
        for _ in range(20):
            other = t + size * rng.standard_normal(t.shape)
            other /= np.sqrt((other**2).sum(axis=0))
            assert criterion(a @ np.linalg.inv(other).T) > criterion(r.loadings)


def test_oblique_structure_is_recovered():
    values, vectors = np.linalg.eigh(PATTERN @ PHI @ PATTERN.T)
    a = vectors[:, -3:] * np.sqrt(values[-3:])
    r = rotate(a, "oblimin")
    np.testing.assert_allclose(r.loadings, PATTERN, atol=1e-10)
    np.testing.assert_allclose(r.phi, PHI, atol=1e-10)
    near = rotate(a, "promax")
    np.testing.assert_allclose(near.loadings, PATTERN, atol=0.05)


@pytest.mark.parametrize("method", ["varimax", "quartimax", "oblimin"])
def test_loadings_that_mirror_each_other_are_no_trap(method):
    """The unrotated position has no slope there; R stays in it."""
    a = np.array([[0.7, 0.3]] * 3 + [[0.7, -0.3]] * 3)
    r = rotate(a, method)
    assert (np.abs(r.loadings[:3, 0]) > 0.7).all() != (np.abs(r.loadings[3:, 0]) > 0.7).all()
    assert rotate(a, method, starts=5).minima["criterion"][0] == pytest.approx(r.minima["criterion"][0], abs=1e-12)


@pytest.mark.parametrize(("method", "size", "seed"), [("varimax", 4, 0), ("oblimin", 3, 29)])
def test_local_minima_are_told_and_the_best_is_kept(method, size, seed):
    a = 0.5 * np.random.default_rng(seed).standard_normal((8, size))
    r = rotate(a, method, starts=8, seed=1)
    assert len(r.minima) == 2
    assert r.minima["times"].sum() == 8
    assert r.minima["criterion"].is_monotonic_increasing
    assert r.minima["criterion"][0] <= rotate(a, method).minima["criterion"][0] + 1e-12


def test_kaiser_normalisation_and_power_are_options():
    a = noisy(3)
    assert rotate(a, "varimax").kaiser
    assert not rotate(a, "oblimin").kaiser
    assert np.abs(rotate(a, "varimax", kaiser=False).loadings - rotate(a, "varimax").loadings).max() > 1e-4
    assert np.abs(rotate(a, "promax", power=3).phi - rotate(a, "promax").phi).max() > 1e-4


def test_an_item_without_communality_and_a_single_factor():
    a = noisy(4)
    a[2] = 0
    for method in METHODS:
        assert np.isfinite(rotate(a, method).loadings).all()
        np.testing.assert_array_equal(rotate(-np.abs(a[:, :1]), method).loadings, np.abs(a[:, :1]))


def test_what_cannot_be_rotated_is_told():
    a = noisy(0)
    with pytest.raises(OptionError, match="varimax"):
        rotate(a, "varimx")
    with pytest.raises(OptionError, match="power"):
        rotate(a, "promax", power=1)
    with pytest.raises(OptionError, match="starts"):
        rotate(a, "oblimin", starts=0)
    with pytest.raises(DataError, match="finite"):
        rotate(np.where(a > 0.6, np.nan, a), "varimax")
    with pytest.raises(AnalysisError, match="did not converge"):
        rotate(noisy(0, 2), "oblimin", tolerance=1e-300)
