import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.comparison import mean_interval, share_interval
from csr_lib.stats.finite_population import population_mean, population_share

RNG = np.random.default_rng(3)
X = RNG.integers(1, 11, 80).astype(float)
YES = (X >= 8).astype(float)
STRATA = np.repeat(["a", "b", "c"], [40, 25, 15])
SIZES = {"a": 400, "b": 50, "c": 15}


def numbers(found):
    return found.estimate, found.std_error, found.ci_low, found.ci_high


def test_without_strata_and_population_it_is_the_ordinary_interval():
    weights = RNG.uniform(0.5, 2, 80)
    assert numbers(population_mean(X)) == pytest.approx(numbers(mean_interval(X)))
    assert numbers(population_mean(X, weights)) == pytest.approx(numbers(mean_interval(X, weights)))
    assert numbers(population_share(YES))[2:] == pytest.approx(numbers(share_interval(YES))[2:])


def test_the_stratified_mean_is_cochrans():
    found = population_mean(X, strata=STRATA, population=SIZES)
    n, size = np.array([40, 25, 15]), np.array([400, 50, 15])
    parts = [X[s == STRATA] for s in "abc"]
    share = size / size.sum()
    variance = share**2 * (1 - n / size) * np.array([p.var(ddof=1) for p in parts]) / n
    assert found.estimate == pytest.approx(share @ [p.mean() for p in parts])
    assert found.std_error == pytest.approx(math.sqrt(variance.sum()))
    assert found.df == 77
    assert found.strata.std_error.iloc[2] == 0  # everybody was asked


def test_asking_everybody_leaves_nothing_uncertain():
    for found in (population_mean(X, population=80), population_share(YES, population=80)):
        assert found.ci_low == found.ci_high == found.estimate
        assert found.std_error == 0


def test_a_share_of_all_has_an_interval_that_is_not_a_point():
    found = population_share(np.ones(30), population=100)
    assert found.std_error == 0
    assert 0.8 < found.ci_low < found.ci_high == 1
    assert found.ci_low > share_interval(np.ones(30)).ci_low


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_a_frequency_weight_equals_repeated_rows_intervals_included(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 4, 12)
    x, strata = rng.integers(1, 6, 12).astype(float), np.repeat(["a", "b"], 6)
    sizes = {"a": 30, "b": 60}
    options = {"strata": strata, "population": sizes}
    repeated = {"strata": np.repeat(strata, counts), "population": sizes}
    for estimate, answers in ((population_mean, x), (population_share, (x > 3).astype(float))):
        one = estimate(answers, counts, kind="frequency", **options)
        other = estimate(np.repeat(answers, counts), **repeated)
        assert numbers(one) == pytest.approx(numbers(other), abs=1e-12)
        assert (one.n, one.df) == (other.n, other.df)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_row_order_and_units_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(80)
    one = population_mean(X, strata=STRATA, population=SIZES)
    other = population_mean(3 * X[order] - 5, strata=STRATA[order], population=SIZES)
    assert other.estimate == pytest.approx(3 * one.estimate - 5)
    assert other.std_error == pytest.approx(3 * one.std_error)
    assert other.design_effect == pytest.approx(one.design_effect)


def test_missing_answers_are_counted():
    x = X.copy()
    x[:5] = np.nan
    found = population_mean(x, strata=STRATA, population=SIZES)
    assert (found.n, found.n_missing) == (75, 5)
    assert found.strata.sampled.tolist() == [40, 25, 15]
    assert found.strata.n.tolist() == [35, 25, 15]


def test_a_single_answer_has_no_standard_error():
    found = population_mean([3.0])
    assert found.estimate == 3
    assert math.isnan(found.std_error)
    assert math.isnan(found.ci_low)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"population": 79}, DataError, "80 rows were drawn from a population of 79"),
        ({"strata": STRATA, "population": 500}, DataError, "population of every stratum"),
        ({"strata": STRATA, "population": {"a": 400, "b": 50}}, DataError, "unknown stratum 'c'"),
        ({"strata": STRATA, "population": {**SIZES, "d": 9}}, DataError, "stratum d: nobody was drawn"),
        ({"strata": np.where(np.arange(80) == 0, "z", STRATA)}, AnalysisError, "a single row in z"),
        ({"strata": [None, *STRATA[1:]]}, DataError, "1 rows have no stratum"),
        ({"strata": STRATA[:5]}, DataError, "5 strata for 80 rows"),
        ({"weights": -np.ones(80)}, DataError, "negative"),
        ({"level": 95}, OptionError, "confidence"),
        ({"kind": "none"}, OptionError, "kind"),
    ],
)
def test_what_cannot_be_is_refused(options, error, says):
    with pytest.raises(error, match=says):
        population_mean(X, **options)


def test_a_stratum_that_kept_silent_is_named():
    x = np.where(STRATA == "b", np.nan, X)
    with pytest.raises(AnalysisError, match="no answers in b"):
        population_mean(x, strata=STRATA, population=SIZES)


def test_shares_need_true_and_false_and_means_finite_numbers():
    with pytest.raises(DataError, match="true or false"):
        population_share(X)
    with pytest.raises(DataError, match="infinite"):
        population_mean([1.0, np.inf])
