"""BCa intervals agree with R's boot and with scipy."""

from types import SimpleNamespace

import numpy as np
import pytest
from ecsi_mobile import reference
from scipy import stats

from csr_lib.stats.resampling import acceleration, bca_interval

FIGURES = reference("bca_interval")["statistics"]


@pytest.fixture(params=FIGURES)
def boot(request):
    return SimpleNamespace(**{name: np.array(value) for name, value in FIGURES[request.param].items()})


def test_acceleration_agrees_with_boot(boot):
    assert acceleration(boot.left_out) == pytest.approx(boot.acceleration, abs=1e-12)


def test_ends_are_rs_quantiles_at_boots_adjusted_probabilities(boot):
    for level, quantiles in zip(boot.level, boot.quantiles, strict=True):
        found = bca_interval(boot.draws, boot.estimate, boot.left_out, level)
        np.testing.assert_allclose(found, quantiles, rtol=0, atol=1e-9)


def test_ends_are_within_one_rank_of_boot_ci(boot):
    """boot interpolates at rank (R + 1)·α on the normal scale, quantile type 7 at 1 + (R − 1)·α: at most one rank apart."""
    ordered = np.sort(boot.draws)
    for level, rank, interval in zip(boot.level, boot.rank, boot.interval, strict=True):
        for ours, theirs, place in zip(
            bca_interval(boot.draws, boot.estimate, boot.left_out, level), interval, rank, strict=True
        ):
            low, high = (int(np.clip(rank, 1, len(ordered))) - 1 for rank in (np.floor(place) - 1, np.ceil(place) + 1))
            for end in (ours, theirs):
                assert ordered[low] - 1e-9 <= end <= ordered[high] + 1e-9


def test_intervals_agree_with_scipy_on_the_same_draws():
    """Draws of sums of counts repeat the estimate often: ties count half, in scipy too."""
    rng = np.random.default_rng(7)
    x = rng.poisson(3, 40).astype(float) ** 2
    draws = x[rng.integers(0, 40, (1500, 40))].sum(axis=1)
    left = np.array([np.delete(x, i).sum() for i in range(40)])
    ready = SimpleNamespace(bootstrap_distribution=draws)
    theirs = stats.bootstrap((x,), np.sum, n_resamples=0, bootstrap_result=ready, method="BCa").confidence_interval
    assert (draws == x.sum()).any()
    np.testing.assert_allclose(bca_interval(draws, x.sum(), left), theirs, atol=1e-9)
