import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import multinomial

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.comparison import mean_interval, share_interval
from csr_lib.stats.rates import bottom_box, kano, kano_counts, net_promoter, top_box

ANSWERS = np.array([10, 9, 9, 8, 7, 7, 6, 3, 10, np.nan])


@given(st.integers(0, 10_000), st.sampled_from(["none", "sampling", "frequency"]))
@settings(max_examples=40)
def test_the_score_is_the_mean_of_plus_one_zero_and_minus_one(seed, kind):
    rng = np.random.default_rng(seed)
    x, w = rng.integers(0, 11, 30).astype(float), rng.integers(1, 4, 30).astype(float)
    found = net_promoter(x, w, kind=kind)
    turned = mean_interval(np.where(x >= 9, 1.0, np.where(x <= 6, -1.0, 0.0)), w, kind=kind)
    assert found.estimate == pytest.approx(turned.estimate)
    assert found.promoters + found.passives + found.detractors == pytest.approx(1)
    if kind != "sampling":  # divisor n instead of n − 1
        assert found.std_error == pytest.approx(turned.std_error * math.sqrt((turned.n - 1) / turned.n))
    assert found.n_effective == pytest.approx(turned.n_effective)


def test_a_frequency_weight_equals_repeated_rows_intervals_included():
    x, counts = np.array([10, 8, 3.0, 9]), np.array([3, 1, 2, 4])
    for interval in ("wald", "score"):
        one = net_promoter(x, counts, kind="frequency", interval=interval)
        other = net_promoter(np.repeat(x, counts), interval=interval)
        assert (one.ci_low, one.ci_high, one.n) == pytest.approx((other.ci_low, other.ci_high, other.n))


def test_missing_answers_are_counted_and_left_out():
    found = net_promoter(ANSWERS)
    assert (found.n, found.n_missing) == (9, 1)
    assert found.estimate == pytest.approx(4 / 9 - 2 / 9)


def likely_variance(p, d, n, delta):
    """Variance of the score under a difference delta, its detractors by brute force maximum likelihood."""

    def loss(q):
        cells = np.array([q + delta, 1 - 2 * q - delta, q])
        return -float(n * np.array([p, 1 - p - d, d]) @ np.log(np.clip(cells, 1e-300, None)))

    low, high = max(0.0, -delta), (1 - delta) / 2
    q = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return (2 * q + delta - delta**2) / n


@pytest.mark.parametrize(("p", "d", "n"), [(0.5, 0.2, 20), (0.1, 0.6, 50), (0.3, 0.3, 10), (0.9, 0.05, 200)])
def test_the_score_interval_ends_where_the_score_test_rejects(p, d, n):
    counts = np.round(np.array([p, 1 - p - d, d]) * n).astype(int)
    found = net_promoter(np.repeat([10, 8, 0], counts), interval="score")
    for end in (found.ci_low, found.ci_high):
        z = (found.estimate - end) / math.sqrt(likely_variance(p, d, n, end))
        assert abs(z) == pytest.approx(1.959964, rel=1e-5)
    assert found.ci_low < found.estimate < found.ci_high


def test_the_score_interval_covers_better_than_walds_in_a_small_sample():
    """Exact coverage over all outcomes of 15 answers."""
    truth, n = np.array([0.75, 0.2, 0.05]), 15
    covered = {"wald": 0.0, "score": 0.0}
    for a in range(n + 1):
        for b in range(n + 1 - a):
            chance = multinomial.pmf([a, b, n - a - b], n, truth)
            answers = np.repeat([10, 8, 0], [a, b, n - a - b])
            for interval in covered:
                found = net_promoter(answers, interval=interval)
                covered[interval] += chance * bool(found.ci_low <= 0.7 <= found.ci_high)
    assert covered["score"] > 0.93 > covered["wald"]


@pytest.mark.parametrize("all_of", [10, 8, 0])
def test_where_all_agree_wald_has_no_interval_and_the_score_interval_has(all_of):
    x = np.full(20, all_of)
    assert math.isnan(net_promoter(x).ci_low)
    found = net_promoter(x, interval="score")
    assert -1 <= found.ci_low <= found.estimate <= found.ci_high <= 1
    assert 0.1 < found.ci_high - found.ci_low < 0.6


def test_a_finite_population_narrows_the_interval_to_a_point():
    x = ANSWERS[:9]
    half = net_promoter(x, population=18)
    assert half.std_error == pytest.approx(net_promoter(x).std_error / math.sqrt(2))
    for interval in ("wald", "score"):
        everybody = net_promoter(x, population=9, interval=interval)
        assert everybody.ci_low == everybody.ci_high == everybody.estimate


def test_boxes_are_shares_with_their_interval():
    x = np.array([1, 2, 3, 4, 5, 5, np.nan])
    assert top_box(x, (1, 5)) == share_interval([0, 0, 0, 1, 1, 1, np.nan])
    assert bottom_box(x, (1, 5), 1) == share_interval([1, 0, 0, 0, 0, 0, np.nan])
    weights = [1, 1, 1, 1, 1, 5, 1]
    assert top_box(x, (1, 5), 1, weights).estimate == pytest.approx(0.6)


def test_kanos_table():
    names = {"like": 1, "expect": 2, "neutral": 3, "tolerate": 4, "dislike": 5}
    pairs = {
        ("like", "like"): "Q",
        ("like", "neutral"): "A",
        ("like", "dislike"): "O",
        ("expect", "dislike"): "M",
        ("tolerate", "dislike"): "M",
        ("neutral", "neutral"): "I",
        ("expect", "like"): "R",
        ("dislike", "tolerate"): "R",
        ("dislike", "dislike"): "Q",
    }
    for (there, absent), letter in pairs.items():
        assert kano_counts([names[there]], [names[absent]])[letter] == 1


def test_kano_counts_weigh_and_drop_incomplete_pairs():
    counts = kano_counts([1, 1, 2, np.nan], [5, 3, 5, 5], [1, 1, 2, 9], kind="frequency")
    assert counts.to_dict() == {"M": 2, "O": 1, "A": 1, "I": 0, "R": 0, "Q": 0}
    scaled = kano_counts([1, 1, 2], [5, 3, 5], [10, 10, 20])
    assert scaled.to_dict() == pytest.approx({"M": 1.5, "O": 0.75, "A": 0.75, "I": 0, "R": 0, "Q": 0})


def test_kano_names_the_category_flags_ties_and_shows_doubtful_answers():
    counts = pd.DataFrame({"A": [10, 5, 0], "O": [4, 5, 0], "M": [3, 0, 0], "I": [3, 0, 0], "R": [0, 0, 3], "Q": [0, 10, 1]})
    found = kano(counts.iloc[[0, 1, 2]])
    assert found.category.tolist() == ["A", "Q", "R"]
    assert found.questionable.tolist() == pytest.approx([0, 0.5, 0.25])
    assert found.strength.tolist() == pytest.approx([0.3, 0.25, 0.5])
    assert found.better.isna().tolist() == [False, False, True]
    tie = kano(pd.DataFrame({"A": [5], "O": [5], "M": [1], "I": [0]})).iloc[0]
    assert (tie.category, tie.tied) == ("O", True)
    assert -1 <= tie.worse <= 0 <= tie.better <= 1


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: net_promoter([11]), DataError, "11 lie outside the scale"),
        (lambda: net_promoter([np.inf]), DataError, "outside"),
        (lambda: net_promoter([np.nan]), AnalysisError, "no answers"),
        (lambda: net_promoter([9], [-1]), DataError, "negative"),
        (lambda: net_promoter([9], detractors_to=9), OptionError, "detractors up to 9"),
        (lambda: net_promoter([9], interval="exact"), OptionError, "interval"),
        (lambda: net_promoter([9, 8], population=1), DataError, "2 answers from a population of 1"),
        (lambda: net_promoter([9], level=95), OptionError, "level"),
        (lambda: net_promoter([9], [1], kind="weights"), OptionError, "kind"),
        (lambda: top_box([6], (1, 5)), DataError, "outside"),
        (lambda: top_box([5], (1, 5), 5), OptionError, "boxes"),
        (lambda: kano_counts([1], [6]), DataError, "none of the five"),
        (lambda: kano_counts([1], [1, 2]), DataError, "same length"),
        (lambda: kano_counts([np.nan], [1]), AnalysisError, "no pairs"),
        (lambda: kano(pd.DataFrame({"A": [1]})), DataError, "no column 'O'"),
        (lambda: kano(pd.DataFrame({"A": [1], "O": [1], "M": [1], "I": [1], "X": [1]})), DataError, "unknown Kano category 'X'"),
        (lambda: kano(pd.DataFrame({"A": [-1], "O": [1], "M": [1], "I": [1]}, index=["f"])), DataError, "impossible counts of f"),
    ],
)
def test_what_cannot_be_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
