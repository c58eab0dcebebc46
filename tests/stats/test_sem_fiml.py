"""Covariance structures from incomplete answers."""

import numpy as np
import pytest
from sem_samples import COLUMNS, ITEMS, drawn, model, with_holes

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.sem import cfa, sem
from csr_lib.stats.sem_fiml import sem_fiml

FRAME = drawn(300)
HOLES = with_holes(FRAME)


def estimated(frame, weights=None, *, kind="sampling", **options):
    return sem_fiml(sample(frame, weights, kind=kind, missing="em"), model(), **options)


def same(a, b, tolerance=1e-8):
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(a.parameters[column], b.parameters[column], rtol=0, atol=tolerance)


class TestCompleteAnswers:
    def test_estimates_and_fit_equal_maximum_likelihood(self):
        fiml, ml = estimated(FRAME), sem(moments(FRAME), model(), mean_structure=True)
        np.testing.assert_allclose(fiml.parameters["estimate"], ml.parameters["estimate"], rtol=0, atol=1e-8)
        for name, value in ml.fit.items():
            assert fiml.fit[name] == pytest.approx(value, abs=1e-7), name

    def test_robust_errors_and_chi2_equal_those_of_complete_answers(self):
        fiml = estimated(FRAME, estimator="MLR")
        ml = sem(sample(FRAME), model(), mean_structure=True, estimator="MLR")
        same(fiml, ml)
        assert fiml.fit["chi2_scaled"] == pytest.approx(ml.fit["chi2_scaled"], abs=1e-7)

    def test_corrected_measures_equal_the_usual_ones(self):
        fit = estimated(FRAME).fit
        for name in ("cfi", "tli", "rmsea", "rmsea_ci_high"):
            assert fit[f"{name}_robust"] == pytest.approx(fit[name], abs=1e-8)


class TestIncompleteAnswers:
    def test_result_says_how_missing_answers_were_treated(self):
        result = estimated(HOLES)
        assert result.missing == "fiml"
        assert result.n == 300
        assert result.n_missing == HOLES.isna().any(axis=1).sum()

    def test_log_likelihood_is_the_sum_over_rows(self):
        from scipy.stats import multivariate_normal

        result = estimated(HOLES)
        sigma, mu = result.implied_covariance(), result.implied_mean()
        total = 0.0
        for _, row in HOLES.iterrows():
            seen = list(row.dropna().index)
            total += multivariate_normal(mu[seen], sigma.loc[seen, seen]).logpdf(row[seen])
        assert result.fit["logl"] == pytest.approx(total, abs=1e-8)

    def test_frequency_weights_are_repeated_rows(self):
        w = np.random.default_rng(2).integers(1, 4, len(HOLES))
        repeated = HOLES.loc[HOLES.index.repeat(w)].reset_index(drop=True)
        for estimator in ("ML", "MLR"):
            weighted, rows = estimated(HOLES, w, kind="frequency", estimator=estimator), estimated(repeated, estimator=estimator)
            same(weighted, rows)
            assert dict(weighted.fit) == pytest.approx(dict(rows.fit), abs=1e-7)
            assert weighted.n_missing == rows.n_missing

    def test_sampling_weights_only_count_relative_to_each_other(self):
        w = np.random.default_rng(3).uniform(0.5, 2, len(HOLES))
        same(estimated(HOLES, w, estimator="MLR"), estimated(HOLES, 7 * w, estimator="MLR"))

    def test_order_of_rows_and_columns_does_not_matter(self):
        rng = np.random.default_rng(4)
        mixed = HOLES.iloc[rng.permutation(len(HOLES)), rng.permutation(HOLES.shape[1])]
        same(estimated(HOLES), estimated(mixed))

    def test_rows_without_any_answer_count_for_nothing(self):
        empty = HOLES.copy()
        empty.loc[len(empty)] = np.nan
        same(estimated(HOLES), estimated(empty))

    def test_rows_without_an_answer_to_the_models_items_count_for_nothing(self):
        more = HOLES.assign(other=1.0)
        more.loc[len(more)] = [np.nan] * 9 + [2.0]
        result = sem_fiml(sample(more, missing="em"), model())
        assert result.n == 300
        same(result, estimated(HOLES))

    def test_a_thousand_patterns_in_one_or_many_pieces(self, monkeypatch):
        from csr_lib.stats import _sem_patterns

        whole = estimated(HOLES, estimator="MLR")
        monkeypatch.setattr(_sem_patterns, "_CELLS", 7 * 81)
        same(whole, estimated(HOLES, estimator="MLR"))

    def test_estimates_recover_where_listwise_deletion_does_not(self):
        """Items s1 to s3 are missing where q1 is low: at random given q1."""
        frame = drawn(20_000, seed=5)
        frame.loc[frame["q1"] < 4.5, ["s1", "s2", "s3"]] = np.nan
        truth = 5.0
        result = estimated(frame)
        assert result.implied_mean()["s1"] == pytest.approx(truth, abs=0.05)
        assert moments(frame).mean[COLUMNS.index("s1")] > truth + 0.3


class TestFaults:
    def refused(self, frame, *names, missing="em"):
        with pytest.raises((AnalysisError, DataError)) as e:
            sem_fiml(sample(frame, missing=missing), model())
        for name in names:
            assert name in str(e.value)

    def test_constant_item(self):
        self.refused(HOLES.assign(v2=5.0), "v2", "the same")

    def test_item_that_nobody_answered(self):
        self.refused(HOLES.assign(v2=np.nan), "v2")

    def test_items_never_answered_together(self):
        frame = FRAME.copy()
        frame.loc[:149, "q1"] = np.nan
        frame.loc[150:, "v1"] = np.nan
        self.refused(frame, "'q1' and 'v1'")

    def test_duplicated_item(self):
        self.refused(HOLES.assign(v2=HOLES["v1"]), "v1, v2 determine each other")

    def test_fewer_rows_than_items(self):
        self.refused(HOLES.head(9), "9 answers for 9 items")

    def test_rows_that_were_left_out_already(self):
        self.refused(HOLES, "listwise", missing="listwise")

    def test_absent_item(self):
        self.refused(HOLES.drop(columns="s3"), "s3")

    def test_unknown_estimator(self):
        with pytest.raises(OptionError, match="ML, MLR"):
            estimated(HOLES, estimator="WLS")

    def test_heywood_case_is_estimated_and_fails_a_check(self):
        """A factor of three items with correlations .8, .7 and .5 has one loading above 1."""
        r = np.array([[1, 0.8, 0.7], [0.8, 1, 0.5], [0.7, 0.5, 1]])
        z = np.random.default_rng(0).standard_normal((200, 3))
        z = np.linalg.solve(np.linalg.cholesky(np.cov((z - z.mean(0)).T)), (z - z.mean(0)).T).T @ np.linalg.cholesky(r).T
        import pandas as pd

        frame = pd.DataFrame(z, columns=["a", "b", "c"])
        frame.loc[0, "c"] = np.nan
        result = sem_fiml(sample(frame, missing="em"), {"F": ["a", "b", "c"]})
        assert {c.key: c.verdict for c in result.checks}["sem_variance"] == "fail"


def test_factors_as_a_mapping_equal_the_confirmatory_analysis():
    fiml = sem_fiml(sample(FRAME, missing="em"), ITEMS)
    ml = cfa(moments(FRAME), ITEMS, mean_structure=True)
    np.testing.assert_allclose(fiml.parameters["estimate"], ml.parameters["estimate"], rtol=0, atol=1e-8)


@pytest.mark.slow
def test_intervals_cover_the_truth():
    """95 % intervals of the three paths over 2,000 samples of 300 rows with a tenth of the answers missing."""
    truth = {"Value ~ Quality": 0.5, "Satisfaction ~ Quality": 0.4, "Satisfaction ~ Value": 0.6}
    hits = dict.fromkeys(truth, 0)
    for seed in range(2000):
        p = estimated(with_holes(drawn(300, seed=10_000 + seed), seed=seed)).parameters
        for row in p[p["op"] == "~"].to_dict("records"):
            name = f"{row['lhs']} ~ {row['rhs']}"
            hits[name] += row["ci_low"] <= truth[name] <= row["ci_high"]
    assert all(0.93 <= count / 2000 <= 0.97 for count in hits.values()), hits
