"""What holds of every covariance structure model, whatever the answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sem_samples import COLUMNS, ITEMS, LOADINGS, PATHS, drawn, model

from csr_lib.core.errors import AnalysisError, DataError
from csr_lib.core.model import Construct, Model
from csr_lib.stats.moments import Moments, moments, sample
from csr_lib.stats.sem import cfa, sem

SEEDS = st.integers(0, 10**6)
FEW = settings(max_examples=8)


def numbers(result, *columns):
    return result.parameters[list(columns)].to_numpy()


@FEW
@given(seed=SEEDS)
def test_order_of_rows_and_columns_does_not_matter(seed):
    frame, rng = drawn(200, seed), np.random.default_rng(seed)
    mixed = frame.iloc[rng.permutation(200), rng.permutation(9)]
    for estimator in ("ML", "MLR"):
        a, b = (sem(sample(f), model(), estimator=estimator) for f in (frame, mixed))
        np.testing.assert_allclose(numbers(a, "estimate", "std_error"), numbers(b, "estimate", "std_error"), atol=1e-7)
        assert dict(a.fit) == pytest.approx(dict(b.fit), abs=1e-6)


@FEW
@given(seed=SEEDS, mean_structure=st.booleans())
def test_units_change_no_standardised_number(seed, mean_structure):
    frame, rng = drawn(200, seed), np.random.default_rng(seed)
    scale = rng.uniform(0.1, 20, 9)
    other = frame * scale + rng.uniform(-50, 50, 9)
    a, b = (sem(moments(f), model(), mean_structure=mean_structure) for f in (frame, other))
    rows = a.standardised["op"] != "~1"
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(a.standardised.loc[rows, column], b.standardised.loc[rows, column], atol=1e-6)
    for name in (
        "chi2",
        "cfi",
        "rmsea",
        "srmr",
        *(() if mean_structure else ("gfi",)),
    ):  # with means the GFI depends on the origin
        assert a.fit[name] == pytest.approx(b.fit[name], abs=1e-6)


@FEW
@given(seed=SEEDS)
def test_the_scale_of_the_factors_changes_no_fit_and_no_standardised_number(seed):
    frame = drawn(200, seed)
    a, b = (sem(moments(frame), model(), identification=i) for i in ("marker", "unit_variance"))
    np.testing.assert_allclose(a.standardised["estimate"], b.standardised["estimate"], atol=1e-6)
    np.testing.assert_allclose(a.standardised["std_error"], b.standardised["std_error"], atol=1e-6)
    assert dict(a.fit) == pytest.approx(dict(b.fit), abs=1e-6)


@FEW
@given(seed=SEEDS, estimator=st.sampled_from(["ML", "MLR"]))
def test_frequency_weights_are_repeated_rows(seed, estimator):
    frame = drawn(150, seed)
    w = np.random.default_rng(seed).integers(1, 4, len(frame))
    weighted = sem(sample(frame, w, kind="frequency"), model(), estimator=estimator)
    repeated = sem(sample(frame.loc[frame.index.repeat(w)]), model(), estimator=estimator)
    columns = ("estimate", "std_error", "ci_low", "ci_high")
    np.testing.assert_allclose(numbers(weighted, *columns), numbers(repeated, *columns), atol=1e-7)
    assert dict(weighted.fit) == pytest.approx(dict(repeated.fit), abs=1e-6)


@FEW
@given(seed=SEEDS)
def test_total_effects_are_direct_plus_indirect(seed):
    effects = sem(moments(drawn(200, seed)), model()).effects
    for column in ("estimate", "std_all"):
        parts = effects.pivot_table(index=["source", "target"], columns="effect", values=column)
        np.testing.assert_allclose(parts["total"], parts["direct"] + parts["indirect"], atol=1e-10)
    b = effects.set_index(["source", "target", "effect"])["estimate"]
    through = b["Quality", "Value", "direct"] * b["Value", "Satisfaction", "direct"]
    assert b["Quality", "Satisfaction", "indirect"] == pytest.approx(through)


def test_estimates_approach_the_truth_as_rows_grow():
    truth = np.array([*LOADINGS, *PATHS.values()])
    errors = []
    for n in (400, 40_000):
        p = sem(moments(drawn(n, seed=n)), model()).parameters
        paths = p[p["op"] == "~"].set_index(["rhs", "lhs"])["estimate"]
        found = np.array([*p.loc[p["op"] == "=~", "estimate"], *(paths[path] for path in PATHS)])
        errors.append(np.sqrt(np.mean((found - truth) ** 2)))
    assert errors[1] < 0.02
    assert errors[1] < errors[0] / 4


class TestFaults:
    def refused(self, frame, *names, kind=AnalysisError, **options):
        with pytest.raises(kind) as e:
            sem(moments(frame) if isinstance(frame, pd.DataFrame) else frame, model(), **options)
        for name in names:
            assert name in str(e.value)

    def test_duplicated_item(self):
        frame = drawn(200)
        self.refused(frame.assign(v2=frame["v1"]), "v1", "v2", "leave one of them out")

    def test_item_that_is_a_sum(self):
        frame = drawn(200)
        self.refused(frame.assign(s3=frame["q1"] + frame["v1"]), "q1", "v1", "s3")

    def test_constant_item(self):
        self.refused(drawn(200).assign(q3=4.0), "q3")

    def test_constant_item_in_moments(self):
        m = moments(drawn(200))
        cov = m.cov.copy()
        cov[2] = cov[:, 2] = 0.0
        self.refused(Moments(m.columns, m.mean, cov, 200, 200), "q3", "all answers are the same")

    def test_fewer_rows_than_items(self):
        self.refused(drawn(9), "9 answers for 9 items")

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_moments_that_are_not_finite(self, value):
        m = moments(drawn(200))
        cov = m.cov.copy()
        cov[4, 4] = value
        self.refused(Moments(m.columns, m.mean, cov, 200, 200), "v2", kind=DataError)

    def test_absent_item(self):
        self.refused(drawn(200).drop(columns="s1"), "s1", kind=DataError)

    def test_no_convergence(self):
        self.refused(drawn(200), "did not converge within 1 steps", max_iterations=1)

    @pytest.mark.parametrize("weights", [-1.0, np.nan, np.inf])
    def test_impossible_weights(self, weights):
        w = np.ones(200)
        w[7] = weights
        with pytest.raises(DataError):
            sem(sample(drawn(200), w), model())

    def test_rows_of_weight_zero_count_for_nothing(self):
        frame = drawn(200)
        w = np.r_[np.ones(150), np.zeros(50)]
        a, b = sem(sample(frame, w), model(), estimator="MLR"), sem(sample(frame.head(150)), model(), estimator="MLR")
        np.testing.assert_allclose(numbers(a, "estimate", "std_error"), numbers(b, "estimate", "std_error"), atol=1e-8)

    def test_composite(self):
        composites = Model(tuple(Construct(n, tuple(i)) for n, i in ITEMS.items()), model().paths, "Satisfaction")
        with pytest.raises(AnalysisError, match="composite"):
            sem(moments(drawn(200)), composites)

    def test_more_parameters_than_moments(self):
        with pytest.raises(AnalysisError, match="only 3 moments"):
            cfa(moments(drawn(200)), {"F": ["q1", "q2"]})

    def test_heywood_case_fails_a_check(self):
        r = np.array([[1, 0.8, 0.7], [0.8, 1, 0.5], [0.7, 0.5, 1]])
        result = cfa(Moments.from_correlation(["a", "b", "c"], np.zeros(3), np.ones(3), r, 200), {"F": ["a", "b", "c"]})
        assert {c.key: c.verdict for c in result.checks}["sem_variance"] == "fail"
        assert result.standardised.loc[0, "estimate"] == pytest.approx(np.sqrt(0.8 * 0.7 / 0.5))

    def test_factors_that_are_one_fail_a_check(self):
        frame = drawn(200)
        split = {"First": ["q1", "q2"], "Second": ["q3", "extra"]}
        frame["extra"] = frame["q1"] + frame["q2"] - frame["q3"] + np.random.default_rng(0).standard_normal(200)
        checks = {c.key: c for c in cfa(moments(frame), split).checks}
        assert checks["sem_latent_correlation"].verdict == "fail"
        assert "First ↔ Second" in str(checks["sem_latent_correlation"].values)


def test_columns_of_the_sample_are_those_of_the_model():
    """Other columns of the sample, their order and their missing answers, change nothing."""
    frame = drawn(200)
    more = frame.assign(other=np.arange(200.0))
    np.testing.assert_array_equal(
        numbers(sem(moments(more), model()), "estimate"), numbers(sem(moments(more[[*COLUMNS, "other"]]), model()), "estimate")
    )
