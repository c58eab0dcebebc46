import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.moments import Moments, moments, sample
from csr_lib.stats.resampling import resample_counts

RULES = ("listwise", "pairwise", "em")

tables = hnp.arrays(
    float, hnp.array_shapes(min_dims=2, max_dims=2, min_side=4, max_side=12), elements=st.integers(1, 10).map(float)
)


def varied(x):
    return bool((np.ptp(x, axis=0) > 0).all())


@pytest.mark.parametrize("rule", RULES)
def test_complete_rows_give_pandas_moments_under_every_rule(answers, rule):
    m = moments(answers, missing=rule)
    np.testing.assert_allclose(m.mean, answers.mean(), rtol=1e-12)
    np.testing.assert_allclose(m.cov, answers.cov(), rtol=1e-10)
    np.testing.assert_allclose(m.correlation, answers.corr(), rtol=1e-10)
    assert (m.n, m.n_effective, m.n_smallest, m.n_missing, m.kind) == (300, 300, 300, 0, "none")


def test_sampling_weights_by_hand():
    m = moments(np.array([[1.0], [2.0], [4.0]]), [1, 1, 2])
    assert m.mean[0] == pytest.approx(2.75)
    assert m.cov[0, 0] == pytest.approx(6.75 / 4 * 3 / 2)
    assert m.n == 3
    assert m.n_effective == pytest.approx(16 / 6)


@settings(max_examples=40)
@given(tables.filter(varied), st.data())
def test_an_integer_frequency_weight_is_that_many_rows(x, data):
    w = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(x), max_size=len(x))))
    weighted, repeated = moments(x, w, kind="frequency"), moments(np.repeat(x, w, axis=0))
    np.testing.assert_allclose(weighted.mean, repeated.mean)
    np.testing.assert_allclose(weighted.cov, repeated.cov, atol=1e-12)
    assert weighted.n == weighted.n_effective == repeated.n


@settings(max_examples=40)
@given(tables.filter(varied), st.floats(0.1, 50), st.integers(0, 10**6))
def test_sampling_weights_have_no_unit_and_rows_no_order(x, factor, seed):
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.2, 3, len(x))
    order = rng.permutation(len(x))
    one, other = moments(x, w), moments(x[order], factor * w[order])
    np.testing.assert_allclose(one.mean, other.mean)
    np.testing.assert_allclose(one.cov, other.cov, atol=1e-12)
    assert one.n_effective == pytest.approx(other.n_effective)


@pytest.mark.parametrize("kind", ["sampling", "frequency"])
def test_rows_of_weight_0_are_not_there(answers, kind):
    w = np.r_[np.zeros(100), np.full(200, 2.0)]
    with_zeros, without = moments(answers, w, kind=kind), moments(answers[100:], w[100:], kind=kind)
    np.testing.assert_allclose(with_zeros.cov, without.cov)
    assert with_zeros.n == without.n


def test_listwise_uses_complete_rows_and_counts_the_others(holes):
    m = moments(holes)
    np.testing.assert_allclose(m.cov, holes.dropna().cov())
    assert m.n == len(holes.dropna())
    assert m.n_missing == 300 - m.n


def test_pairwise_keeps_own_deviations_and_pair_correlations(holes):
    m = moments(holes, missing="pairwise")
    np.testing.assert_allclose(m.mean, holes.mean())
    np.testing.assert_allclose(m.sd, holes.std())
    np.testing.assert_allclose(m.correlation, holes.corr(), atol=1e-12)
    seen = holes.notna().to_numpy().astype(int)
    assert m.n_smallest == (seen.T @ seen).min()


def test_em_with_one_incomplete_column_is_the_regression_estimate(answers):
    """Anderson's (1957) closed form for monotone gaps."""
    x, y = answers["i1"].to_numpy(), answers["q1"].to_numpy()
    seen = np.random.default_rng(3).random(300) > 0.4
    b = np.cov(x[seen], y[seen])[0, 1] / x[seen].var(ddof=1)
    mean_y = y[seen].mean() + b * (x.mean() - x[seen].mean())
    residual = y[seen].var() - b**2 * x[seen].var()
    m = moments(np.c_[x, np.where(seen, y, np.nan)], missing="em")
    np.testing.assert_allclose(m.mean, [x.mean(), mean_y], atol=1e-7)
    ml = np.array([[x.var(), b * x.var()], [b * x.var(), residual + b**2 * x.var()]])
    np.testing.assert_allclose(m.cov, ml * 300 / 299, atol=1e-6)


@pytest.mark.parametrize("weights", ["none", "sampling", "frequency"])
def test_em_maximises_the_likelihood_of_the_answers_there_are(holes, weights):
    x = holes.iloc[:120, :4].to_numpy()
    w = np.ones(120) if weights == "none" else np.random.default_rng(1).integers(1, 4, 120).astype(float)
    m = moments(x, w, kind=weights, missing="em")

    def loglik(mean, cov):
        total = 0.0
        for row, weight in zip(x, w, strict=True):
            o = ~np.isnan(row)
            if o.any():
                d, s = row[o] - mean[o], cov[np.ix_(o, o)]
                total -= weight * (np.linalg.slogdet(s)[1] + d @ np.linalg.solve(s, d)) / 2
        return total

    ml = m.cov * (m.n - 1) / m.n
    best = loglik(m.mean, ml)
    rng = np.random.default_rng(0)
    for _ in range(20):
        step = rng.normal(scale=1e-3, size=ml.shape)
        assert loglik(m.mean + rng.normal(scale=1e-3, size=4), ml) < best
        assert loglik(m.mean, ml + step + step.T) < best


def test_contradictory_pairwise_correlations_are_detectable():
    nan = np.nan
    rng = np.random.default_rng(0)
    a = rng.standard_normal(30)
    e = 0.1 * rng.standard_normal(30)
    gap = np.full(30, nan)
    x = np.r_[np.c_[a, a + e, gap], np.c_[gap, a, a + e], np.c_[a, gap, -a + e]]
    m = moments(x, missing="pairwise")
    assert not m.positive_semidefinite
    assert m.smallest_eigenvalue < -0.5
    assert moments(np.c_[a, a + e]).positive_semidefinite


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["none", "sampling", "frequency"])
def test_a_resample_has_the_moments_of_its_rows(holes, rule, kind):
    holes = holes.iloc[:, :5]
    w = np.random.default_rng(2).integers(1, 4, 300).astype(float)
    s = sample(holes, w, kind=kind, missing=rule)
    counts = next(iter(resample_counts(s, 3, seed=1)))
    means, covs = s.resampled(counts)
    for b in range(3):
        times = counts[b].astype(int)
        rows = np.repeat(s.answers, times, axis=0)
        again = np.repeat(s.weights, times) if kind == "sampling" else None
        expected = moments(rows, again, missing=rule)
        tolerance = 1e-4 if rule == "em" else 1e-9
        np.testing.assert_allclose(means[b], expected.mean, atol=tolerance)
        np.testing.assert_allclose(covs[b], expected.cov, atol=tolerance)


def test_group_means_of_answers_and_resamples(answers):
    s = sample(answers, np.linspace(1, 2, 300))
    codes = np.r_[np.zeros(100), np.ones(150), np.full(50, -1)].astype(int)
    expected = [np.average(answers[codes == g], axis=0, weights=s.weights[codes == g]) for g in (0, 1)]
    np.testing.assert_allclose(s.group_means(codes), expected)
    counts = np.repeat(np.r_[np.zeros(100), np.full(200, 2.0)][None], 2, axis=0)
    drawn = s.group_means(codes, counts)
    assert np.isnan(drawn[:, 0]).all()
    np.testing.assert_allclose(drawn[:, 1], [expected[1]] * 2)


@settings(max_examples=25)
@given(tables.filter(varied), st.data())
def test_a_resample_of_people_is_that_of_the_rows_they_repeat(x, data):
    """So that errors and intervals of frequency weights are those of repeated rows."""
    w = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(x), max_size=len(x))))
    people = np.repeat(np.arange(len(x)), w)
    weighted, repeated = sample(x, w, kind="frequency"), sample(x[people])
    counts = next(iter(resample_counts(repeated, 5, seed=data.draw(st.integers(0, 10**6)))))
    of_rows = np.stack([np.bincount(people, c, minlength=len(x)) for c in counts])
    for one, other in zip(weighted.resampled(of_rows), repeated.resampled(counts), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@settings(max_examples=25)
@given(tables.filter(varied), st.integers(0, 10**6), st.sampled_from(RULES[:2]), st.booleans())
def test_a_resample_follows_the_order_and_the_units_of_the_columns(x, seed, rule, weights):
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.5, 2, len(x)) if weights else None
    counts = next(iter(resample_counts(sample(x, w), 6, seed=seed)))
    order, level, unit = rng.permutation(x.shape[1]), rng.normal(0, 10, x.shape[1]), rng.uniform(0.1, 10, x.shape[1])
    mean, cov = sample(x, w, missing=rule).resampled(counts)
    again, turned = sample((x * unit + level)[:, order], w, missing=rule).resampled(counts)
    np.testing.assert_allclose(again, (mean * unit + level)[:, order], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(turned, (cov * np.outer(unit, unit))[:, order][:, :, order], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("rule", ["listwise", "pairwise"])
def test_some_columns_of_a_sample_have_its_moments(holes, rule):
    s = sample(holes, missing=rule)
    part = s.take(["s1", "i2", "q3"])
    counts = next(iter(resample_counts(s, 2, seed=0)))
    np.testing.assert_allclose(part.moments().cov, s.moments().take(part.columns).cov, atol=1e-12)
    at = [s.columns.index(c) for c in part.columns]
    np.testing.assert_allclose(part.resampled(counts)[1], s.resampled(counts)[1][:, at][:, :, at], atol=1e-12)
    assert s.take(s.columns) is s
    with pytest.raises(DataError, match="did you mean"):
        s.take(["s12"])


def test_take_orders_columns_and_published_moments_are_accepted(answers):
    m = moments(answers)
    again = Moments.from_correlation(m.columns, m.mean, m.sd, m.correlation, 300).take(["q1", "i1"])
    np.testing.assert_allclose(again.cov, answers[["q1", "i1"]].cov())
    with pytest.raises(DataError, match="did you mean"):
        m.take(["q11"])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda d: (d.assign(i2=4.0), {}), AnalysisError, "i2: all answers are the same"),
        (lambda d: (d.assign(i2=np.inf), {}), DataError, "i2"),
        (lambda d: (d.assign(i2="x"), {}), DataError, "does not hold numbers"),
        (lambda d: (d.assign(i2=np.nan), {}), AnalysisError, "nobody answered i2"),
        (lambda d: (d.iloc[:1], {}), AnalysisError, "1 of 1 rows"),
        (lambda d: (d, {"weights": np.full(300, -1.0)}), DataError, "negative"),
        (lambda d: (d, {"weights": np.zeros(300)}), DataError, "all weights are zero"),
        (lambda d: (d, {"weights": np.full(300, np.nan)}), DataError, "missing or infinite"),
        (lambda d: (d, {"weights": np.ones(3)}), DataError, "weights for 300 rows"),
        (lambda d: (d, {"missing": "drop"}), OptionError, "unknown value of missing"),
        (lambda d: (d, {"weights": np.ones(300), "kind": "probability"}), OptionError, "unknown value of kind"),
    ],
)
def test_what_cannot_be_used_is_named(answers, change, error, message):
    data, options = change(answers)
    with pytest.raises(error, match=message):
        moments(data, **options)


@pytest.mark.parametrize("rule", ["pairwise", "em"])
def test_pairs_never_answered_together_are_named(answers, rule):
    half = np.arange(300) < 150
    split = answers.assign(i1=answers["i1"].where(half), i2=answers["i2"].where(~half))
    with pytest.raises(AnalysisError, match="'i1' and 'i2'"):
        moments(split, missing=rule)


def test_a_large_level_costs_no_digits():
    x = np.random.default_rng(0).standard_normal((500, 3))
    s = sample(x + 1e7)
    _, covs = s.resampled(np.ones((1, 500)))
    np.testing.assert_allclose(covs[0], np.cov(x.T), rtol=1e-6)
    np.testing.assert_allclose(s.moments().cov, np.cov(x.T), rtol=1e-6)


def test_nullable_frames_are_read(answers):
    nullable = answers.astype("Int64")
    nullable.iloc[0, 0] = pd.NA
    assert moments(nullable).n == 299
