"""Random groups of rows resampled in place of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stats_samples import simulate

from csr_lib.core.errors import DataError, OptionError
from csr_lib.stats.grouped import GROUPS_PER_STRATUM, grouped, partition
from csr_lib.stats.importance import importance_draws
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls_bootstrap import QUANTITIES, pls_bootstrap
from csr_lib.stats.resampling import percentile_interval, resample_counts, standard_error


@pytest.fixture(scope="module")
def many():
    return simulate(4000, seed=11)


def gaps(frame):
    return frame.mask(np.random.default_rng(2).random(frame.shape) < 0.1)


KINDS = ("none", "sampling", "frequency")


def weighted(frame, kind, missing="listwise"):
    w = np.random.default_rng(1).integers(1, 4, len(frame)).astype(float)
    return sample(frame, w, kind=kind, missing=missing)


@settings(max_examples=30)
@given(st.integers(2, 900), st.integers(100, 300), st.integers(1, 4), st.integers(0, 10**6))
def test_every_row_is_in_one_group_of_its_stratum_and_groups_have_equal_sizes(n, groups, layers, seed):
    rng = np.random.default_rng(seed)
    strata = rng.integers(0, layers, n)
    parts = partition(sample(rng.standard_normal((n, 2))), groups, seed, strata)
    assert sorted(parts.order) == list(range(n))
    sizes = np.diff(parts.bounds)
    assert (np.repeat(parts.strata, sizes) == strata[parts.order]).all()
    for code in np.unique(strata):
        inside = sizes[parts.strata == code]
        assert np.ptp(inside) <= 1
        assert len(inside) >= min(GROUPS_PER_STRATUM, (strata == code).sum())


def test_the_people_behind_a_frequency_weight_are_dealt_out_one_by_one():
    w = np.array([500.0, 1.0, 300.0])
    parts = partition(sample(np.arange(6.0).reshape(3, 2), w, kind="frequency"), 100, 0)
    np.testing.assert_array_equal(np.bincount(parts.order), w)
    assert len(np.unique(parts.member[parts.order == 0])) > 90


@pytest.mark.parametrize("missing", ["listwise", "pairwise"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_resample_has_the_moments_of_the_rows_in_its_groups(many, kind, missing):
    rows = weighted(gaps(many.iloc[:600, :4]), kind, missing)
    inside = rows.grouped(150, seed=5)
    counts = next(iter(resample_counts(inside, 3, seed=1)))
    means, covs = inside.resampled(counts)
    for b in range(3):
        order = np.repeat(inside.groups.order, counts[b].astype(int)[inside.groups.member])
        expected = moments(rows.answers[order], rows.weights[order] if kind == "sampling" else None, missing=missing)
        np.testing.assert_allclose(means[b], expected.mean, atol=1e-9)
        np.testing.assert_allclose(covs[b], expected.cov, atol=1e-9)


@pytest.mark.parametrize("missing", ["listwise", "pairwise"])
@pytest.mark.parametrize("kind", KINDS)
def test_means_of_segments_are_those_of_the_rows(many, kind, missing):
    rows = weighted(gaps(many.iloc[:600, :4]), kind, missing)
    inside = rows.grouped(150, seed=5)
    codes = np.random.default_rng(3).integers(-1, 3, len(rows.weights))
    np.testing.assert_allclose(inside.group_means(codes), rows.group_means(codes))
    counts = next(iter(resample_counts(inside, 4, seed=1)))
    # how often each row is drawn with its group; people of one row are in several groups
    drawn = np.stack([np.bincount(inside.groups.order, c[inside.groups.member], len(rows.weights)) for c in counts])
    np.testing.assert_allclose(inside.group_means(codes, counts), rows.group_means(codes, drawn))


def test_one_group_per_row_is_the_bootstrap_of_rows(answers, small_model):
    wave = np.where(np.arange(300) % 3 == 0, "2012", "2013")
    options = {"limits": (1, 10), "resamples": 50, "seed": 3, "groups": {"wave": wave}, "strata": "wave"}
    rows = pls_bootstrap(sample(answers), small_model, **options)
    inside = pls_bootstrap(sample(answers), small_model, method="groups", random_groups=300, **options)
    assert (rows.method, inside.method, inside.units) == ("rows", "groups", 300)
    for quantity in QUANTITIES:
        np.testing.assert_allclose(inside.draws[quantity], rows.draws[quantity], atol=1e-9)
    np.testing.assert_allclose(inside.group_index["wave"], rows.group_index["wave"], atol=1e-9)
    np.testing.assert_array_equal(inside.group_estimate["wave"], rows.group_estimate["wave"])


def test_errors_and_intervals_are_those_of_the_bootstrap_of_rows_but_for_chance(many, small_model):
    """4,000 rows, G = 400 groups, B = 2,000 resamples.

    The logarithm of a standard error has the variance (2 + κ)/(4B) by B draws of excess kurtosis κ (here at most .6, checked)
    and 1/(2G) more from groups: a difference of two has the standard deviation √(2·2.6/8000 + 1/800) = .044; 4 of these. An end
    of a 95 % interval has √(.025·.975/B)/φ(1.96) = .060 standard errors by B draws and 1.96·√(1/(2G)) = .069 from groups: the
    difference √(2·.060² + .069²) = .109; again 4 of these.
    """
    options = {"limits": (1, 10), "resamples": 2000}
    rows = pls_bootstrap(sample(many), small_model, seed=1, method="rows", **options)
    inside = pls_bootstrap(sample(many), small_model, seed=2, method="groups", random_groups=400, **options)
    for quantity in ("weights", "loadings", "paths", "total_effects_unstandardised", "r2", "htmt", "index", "performance"):
        draws = rows.draws[quantity]
        free = draws.std(axis=0) > 1e-9
        z = (draws[:, free] - draws[:, free].mean(axis=0)) / draws[:, free].std(axis=0)
        assert np.abs((z**4).mean(axis=0) - 3).max() < 0.6
        one, other = rows.summary(quantity)[free], inside.summary(quantity)[free]
        np.testing.assert_array_equal(one["estimate"], other["estimate"])
        assert np.abs(np.log(one["std_error"] / other["std_error"])).max() < 4 * 0.044, quantity
        for end in ("ci_low", "ci_high"):
            assert (np.abs(one[end] - other[end]) / one["std_error"]).max() < 4 * 0.109, quantity


def test_the_standard_error_of_a_weighted_mean_is_that_of_rows(many):
    """Relative standard deviation of an error from 1,000 groups: √(1/2000) = .022, of 4,000 draws √(1/8000) = .011; 4 of .025."""
    w = np.random.default_rng(0).uniform(0.5, 3, len(many))
    rows = sample(many[["q1", "s1"]], w)
    x = rows.answers
    linear = np.sqrt(((rows.weights[:, None] * (x - np.average(x, axis=0, weights=w))) ** 2).sum(axis=0)) / w.sum()
    inside = rows.grouped(seed=4)
    draws = np.concatenate([inside.resampled(c)[0] for c in resample_counts(inside, 4000, 1)])
    np.testing.assert_allclose(standard_error(draws), linear, rtol=0.1)


def test_importance_takes_groups_for_rows(many):
    inside = sample(many[["i1", "q1", "q2", "s1"]]).grouped(500, seed=0)
    draws = np.concatenate([importance_draws(inside.resampled(c)[1], "lmg") for c in resample_counts(inside, 500, 1)])
    low, high = percentile_interval(draws)
    estimate = importance_draws(inside.moments().cov[None], "lmg")[0]
    assert (low < estimate).all()
    assert (estimate < high).all()
    assert np.ptp(draws.sum(axis=1)) > 0


@pytest.mark.parametrize(
    ("n", "options", "method"),
    [
        (5000, {}, "rows"),
        (5001, {}, "groups"),
        (5001, {"method": "rows"}, "rows"),
        (300, {"method": "groups"}, "groups"),
    ],
)
def test_rows_are_resampled_up_to_5000_unless_asked_otherwise(small_model, n, options, method):
    boot = pls_bootstrap(sample(simulate(n)), small_model, resamples=20, seed=0, **options)
    assert boot.method == method
    assert boot.units == {"rows": n, "groups": min(n, 1000)}[method]


def test_groups_where_they_are_not_possible(many, small_model):
    incomplete = sample(gaps(many), missing="em")
    with pytest.raises(OptionError, match="EM estimates are no sums"):
        incomplete.grouped()
    with pytest.raises(OptionError, match="EM estimates are no sums"):
        pls_bootstrap(incomplete, small_model, method="groups")
    with pytest.raises(DataError, match="whole numbers"):
        grouped(sample(many, np.full(len(many), 1.5), kind="frequency"))
    with pytest.raises(OptionError, match="20 groups"):
        sample(many).grouped(20)
    inside = sample(many).grouped(200)
    with pytest.raises(OptionError, match="strata are chosen"):
        pls_bootstrap(inside, small_model, strata=np.zeros(len(many)))
    with pytest.raises(OptionError, match="in groups already"):
        pls_bootstrap(inside, small_model, method="rows")
    with pytest.raises(OptionError, match="unknown method 'group'"):
        pls_bootstrap(inside, small_model, method="group")


def test_what_cannot_be_grouped_is_resampled_by_rows_without_being_asked(small_model):
    w = np.full(5200, 1.5)
    assert pls_bootstrap(sample(simulate(5200), w, kind="frequency"), small_model, resamples=20, seed=0).method == "rows"


def test_the_same_seed_deals_out_the_same_groups(many, small_model):
    one, other = (
        pls_bootstrap(sample(many), small_model, resamples=20, seed=9, method="groups", random_groups=200) for _ in range(2)
    )
    np.testing.assert_array_equal(one.draws["paths"], other.draws["paths"])
