import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.moments import Moments, moments
from csr_lib.stats.reliability import (
    alpha_of,
    alpha_std_error,
    lambda6_of,
    reliability,
    spearman_brown,
    split_half,
    times_as_long,
)


def test_item_statistics_from_the_answers(answers):
    items = ["q1", "q2", "q3"]
    r = reliability(moments(answers), items)
    data = answers[items]
    assert r.alpha == pytest.approx(1.5 * (1 - data.var().sum() / data.sum(axis=1).var()))
    for row in r.items.itertuples():
        rest = data.drop(columns=row.item).sum(axis=1)
        assert row.item_rest == pytest.approx(np.corrcoef(data[row.item], rest)[0, 1])
        assert row.alpha_if_deleted == pytest.approx(reliability(moments(data.drop(columns=row.item))).alpha)
    assert r.ci_low < r.alpha < r.ci_high


@settings(max_examples=12)
@given(st.integers(2, 12), st.floats(0.05, 0.95))
def test_spearman_brown(k, r):
    """Parallel items of correlation r have alpha kr/(1 + (k − 1)r)."""
    R = np.full((k, k), r)
    np.fill_diagonal(R, 1)
    m = Moments.from_correlation([f"x{i}" for i in range(k)], np.zeros(k), np.full(k, 3.0), R, 50)
    found = reliability(m)
    assert found.alpha == pytest.approx(k * r / (1 + (k - 1) * r))
    assert found.standardised == pytest.approx(found.alpha)
    assert found.mean_correlation == pytest.approx(r)


def test_two_items_have_no_alpha_without_one_of_them(answers):
    assert reliability(moments(answers), ["s1", "s2"]).items["alpha_if_deleted"].isna().all()
    assert np.isnan(alpha_of(np.ones((1, 1))))


def test_what_has_no_reliability_is_named(answers):
    m = moments(answers)
    with pytest.raises(AnalysisError, match="at least two items"):
        reliability(m, ["l1"])
    with pytest.raises(AnalysisError, match="does not vary"):
        reliability(moments(np.c_[answers["i1"], -answers["i1"]]))
    with pytest.raises(OptionError, match="confidence level"):
        reliability(m, ["q1", "q2"], level=95)


def test_sampling_weights_widen_the_interval(answers):
    w = np.random.default_rng(0).uniform(0.1, 5, len(answers))
    weighted = reliability(moments(answers, w), ["q1", "q2", "q3"])
    assert weighted.n == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert weighted.n < 300


def test_an_item_scored_the_wrong_way_is_named(answers):
    data = answers[["q1", "q2", "q3"]].assign(q2=11 - answers["q2"])
    r = reliability(moments(data))
    assert r.against == ("q2",)
    assert r.if_deleted.set_index("item")["alpha"]["q2"] > r.alpha
    assert r.items.set_index("item")["item_rest"]["q2"] < 0
    assert reliability(moments(answers), ["q1", "q2", "q3"]).against == ()
    assert reliability(moments(data), ["q1", "q2"]).against == ("q1", "q2")  # of two nobody knows which


def test_item_totals_and_the_score_from_the_answers(answers):
    items = ["i1", "i2", "i3"]
    r = reliability(moments(answers), items)
    total = answers[items].sum(axis=1)
    z_total = ((answers[items] - answers[items].mean()) / answers[items].std()).sum(axis=1)
    for row in r.items.itertuples():
        assert row.item_total == pytest.approx(np.corrcoef(answers[row.item], total)[0, 1])
        assert row.item_total_standardised == pytest.approx(np.corrcoef(answers[row.item], z_total)[0, 1])
    assert r.score_mean == pytest.approx((total / 3).mean())
    assert r.score_sd == pytest.approx((total / 3).std())


def test_lambda6_is_what_regressions_on_the_other_items_explain(answers):
    items = ["i1", "i2", "i3"]
    r = answers[items].corr().to_numpy()
    unexplained = []
    for i in range(3):
        rest = [j for j in range(3) if j != i]
        unexplained.append(1 - r[i, rest] @ np.linalg.solve(r[np.ix_(rest, rest)], r[rest, i]))
    assert reliability(moments(answers), items).lambda6 == pytest.approx(1 - sum(unexplained) / r.sum())


def test_duplicated_items_have_alpha_but_no_lambda6(answers):
    r = reliability(moments(answers[["q1", "q2"]].assign(q3=answers["q2"])))
    assert 0 < r.alpha < 1
    assert np.isnan(r.lambda6)
    assert np.isnan(lambda6_of(np.ones((1, 3, 3))))


def test_standard_error_is_the_spread_over_samples():
    rng = np.random.default_rng(2)
    loadings = np.array([0.8, 0.7, 0.6, 0.5])
    cov = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    x = rng.standard_normal((2000, 200, 4)) @ np.linalg.cholesky(cov).T
    x -= x.mean(axis=1, keepdims=True)
    alphas = alpha_of(np.einsum("bni,bnj->bij", x, x) / 199)
    assert alphas.std() == pytest.approx(float(alpha_std_error(cov, 200)), rel=4 / np.sqrt(4000) + 1 / 200)


@settings(max_examples=12)
@given(st.integers(0, 1000), st.permutations(range(4)), st.floats(0.1, 10), st.floats(-5, 5))
def test_order_and_units_of_all_items_do_not_matter(seed, order, factor, shift):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((40, 4)) + rng.standard_normal((40, 1))
    once, moved = reliability(moments(x)), reliability(moments(x[:, order] * factor + shift))
    for name in ("alpha", "standardised", "lambda6", "std_error", "ci_low", "median_correlation"):
        assert getattr(moved, name) == pytest.approx(getattr(once, name), abs=1e-9)
    np.testing.assert_allclose(moved.items["item_rest"], once.items["item_rest"].to_numpy()[list(order)], atol=1e-9)


@settings(max_examples=12)
@given(st.integers(0, 1000))
def test_frequency_weights_are_repeated_rows(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((30, 3)) + rng.standard_normal((30, 1))
    times = rng.integers(1, 4, 30)
    weighted, repeated = reliability(moments(x, times, kind="frequency")), reliability(moments(np.repeat(x, times, axis=0)))
    assert (weighted.alpha, weighted.ci_low, weighted.std_error) == pytest.approx(
        (repeated.alpha, repeated.ci_low, repeated.std_error), abs=1e-10
    )


def test_options_that_are_not_there_are_named(answers):
    with pytest.raises(OptionError, match=r"fledt.*did you mean 'feldt'"):
        reliability(moments(answers), ["q1", "q2"], interval="fledt")
    holes = Moments(("a", "b"), np.zeros(2), np.array([[1, np.nan], [np.nan, 1]]), 50, 50)
    with pytest.raises(DataError, match="missing, infinite or zero"):
        reliability(holes)


class TestSpearmanBrown:
    def test_of_a_pair_is_the_standardised_alpha(self, answers):
        r = np.corrcoef(answers["s1"], answers["s2"])[0, 1]
        assert reliability(moments(answers), ["s1", "s2"]).standardised == pytest.approx(spearman_brown(r))

    def test_a_scale_of_the_length_found_has_the_reliability_wanted(self):
        assert spearman_brown(0.6, times_as_long(0.6, 0.9)) == pytest.approx(0.9)
        assert times_as_long(0.6, 0.9) == pytest.approx(6)

    def test_takes_arrays(self):
        np.testing.assert_allclose(spearman_brown(np.array([0, 0.5, 1]), 3), [0, 0.75, 1])

    def test_what_is_no_reliability_is_refused(self):
        for call in (lambda: spearman_brown(1.2), lambda: spearman_brown(0.5, 0), lambda: times_as_long(1, 0.9)):
            with pytest.raises(OptionError):
                call()


class TestSplitHalf:
    def test_halves_from_the_answers(self, answers):
        one, two = answers[["i1", "i3"]].sum(axis=1), answers[["i2", "q1"]].sum(axis=1)
        found = split_half(moments(answers), ["i1", "i2", "i3", "q1"], first=["i1", "i3"])
        row = found.halves.iloc[0]
        assert row["correlation"] == pytest.approx(np.corrcoef(one, two)[0, 1])
        assert row["guttman"] == pytest.approx(2 * (1 - (one.var() + two.var()) / (one + two).var()))
        assert (row["first"], row["second"]) == (("i1", "i3"), ("i2", "q1"))

    @pytest.mark.parametrize(("items", "splits"), [(2, 1), (4, 3), (5, 10), (6, 10), (7, 35)])
    def test_every_split_stands_once(self, items, splits):
        r = np.full((items, items), 0.4) + 0.6 * np.eye(items)
        m = Moments.from_correlation([f"x{k}" for k in range(items)], np.zeros(items), np.ones(items), r, 50)
        halves = split_half(m).halves
        assert len({frozenset((row.first, row.second)) for row in halves.itertuples()}) == len(halves) == splits

    def test_mean_over_all_halves_is_alpha(self, answers):
        """Cronbach (1951), for an even number of items."""
        m = moments(answers).take(["i1", "i2", "i3", "q1", "q2", "q3"])
        assert split_half(m).mean == pytest.approx(reliability(m).alpha)

    def test_what_cannot_be_halved_is_refused(self, answers):
        m = moments(answers)
        with pytest.raises(OptionError, match="zz"):
            split_half(m, ["i1", "i2"], first=["zz"])
        with pytest.raises(OptionError, match="2 of 2 items"):
            split_half(m, ["i1", "i2"], first=["i1", "i2"])
        many = moments(np.random.default_rng(0).standard_normal((50, 17)) + 1)
        with pytest.raises(OptionError, match="all halves of 17 items"):
            split_half(many)
        assert len(split_half(many, first=["x1", "x3"]).halves) == 1
