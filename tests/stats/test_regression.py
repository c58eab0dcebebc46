"""Linear regression and ordered logit: errors, what weights do, what cannot be estimated."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csr_lib.core.errors import AnalysisError, DataError, OptionError
from csr_lib.stats.ordered_logit import ordered_logit
from csr_lib.stats.regression import breusch_pagan, durbin_watson, r_squared_interval, regression, reset, residual_shape


def answers(n: int = 200, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    y = np.clip(np.rint(3 + 0.8 * x[:, 0] + 0.3 * x[:, 1] + rng.normal(size=n)), 1, 5)
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})


def test_rows_with_missing_answers_are_left_out_and_counted() -> None:
    data = answers()
    data.loc[:9, "a"] = np.nan
    fit = regression(data, "y")
    assert (fit.n, fit.answers.n_missing) == (190, 10)
    pd.testing.assert_frame_equal(fit.coefficients, regression(data.iloc[10:], "y").coefficients)


@settings(max_examples=20)
@given(st.floats(0.01, 100))
def test_sampling_weights_have_no_unit(factor: float) -> None:
    data = answers()
    w = 0.5 + np.arange(len(data)) % 4
    one, other = regression(data, "y", weights=w), regression(data, "y", weights=w * factor)
    pd.testing.assert_frame_equal(one.coefficients, other.coefficients)
    pd.testing.assert_frame_equal(one.anova, other.anova)
    first, second = (ordered_logit(data, "y", weights=v).coefficients for v in (w, w * factor))
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)


def test_sampling_errors_of_the_ordered_logit_are_near_those_of_repeated_samples() -> None:
    rng = np.random.default_rng(5)
    data = answers(400)
    w = rng.uniform(0.3, 3, len(data))
    found = ordered_logit(data, "y", weights=w).coefficients
    drawn = []
    for _ in range(150):
        rows = rng.integers(0, len(data), len(data))
        drawn.append(ordered_logit(data.iloc[rows], "y", weights=w[rows]).coefficients["estimate"])
    np.testing.assert_allclose(np.std(drawn, axis=0), found["std_error"], rtol=0.25)


def test_a_bent_relation_is_noticed_and_a_straight_one_is_not() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=300)
    straight = pd.DataFrame({"x": x, "y": x + rng.normal(size=300)})
    bent = pd.DataFrame({"x": x, "y": x + x**2 + rng.normal(size=300)})
    assert reset(regression(bent, "y")).p_value < 1e-6
    assert reset(regression(straight, "y")).p_value > 0.01


def test_unequal_variances_are_noticed_and_the_robust_errors_follow_them() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 4, 500)
    fit = regression(pd.DataFrame({"x": x, "y": x + rng.normal(size=500) * x**2}), "y")
    assert breusch_pagan(fit).p_value < 1e-6
    assert fit.coefficients["std_error"].iloc[1] > 1.2 * fit.coefficients["classic_std_error"].iloc[1]


def test_shape_of_residuals_agrees_with_scipy() -> None:
    from scipy import stats

    fit = regression(answers(), "y")
    shape, theirs = residual_shape(fit), stats.jarque_bera(fit.residual)
    assert shape.skewness == pytest.approx(stats.skew(fit.residual))
    assert shape.kurtosis == pytest.approx(stats.kurtosis(fit.residual))
    assert (shape.statistic, shape.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_neighbours_that_resemble_each_other_are_noticed() -> None:
    rng = np.random.default_rng(4)
    drift = np.cumsum(rng.normal(size=200))
    data = pd.DataFrame({"x": rng.normal(size=200), "y": drift})
    found = durbin_watson(regression(data, "y"), np.arange(200))
    assert found.statistic < 0.5
    assert found.p_value < 1e-6
    with pytest.raises(DataError, match="one value per row"):
        durbin_watson(regression(data, "y"), np.arange(10))


@pytest.mark.parametrize("method", [regression, ordered_logit])
def test_what_cannot_be_estimated_is_refused(method: object) -> None:
    data = answers()
    with pytest.raises(AnalysisError, match="linearly dependent"):
        method(data.assign(c=data["a"] - data["b"]), "y")  # type: ignore[operator]
    with pytest.raises(AnalysisError, match="all answers are the same"):
        method(data.assign(y=3.0), "y")  # type: ignore[operator]
    with pytest.raises(AnalysisError, match="too few"):
        method(pd.DataFrame({"a": [1.0, 2, 4, 3], "b": [1.0, 5, 2, 2], "c": [3.0, 1, 1, 2], "y": [1.0, 2, 3, 1]}), "y")  # type: ignore[operator]
    with pytest.raises(OptionError, match="among its predictors"):
        method(data, "y", ["a", "y"])  # type: ignore[operator]


def test_grades_that_a_predictor_separates_perfectly_are_refused() -> None:
    data = pd.DataFrame({"x": np.arange(60.0), "y": np.repeat([1.0, 2, 3], 20)})
    with pytest.raises(AnalysisError, match="separates"):
        ordered_logit(data, "y")


@pytest.mark.parametrize("answers", ["111222323343", "11112222333333", "112122323343"])
def test_grades_that_overlap_only_at_their_borders_are_refused(answers: str) -> None:
    pairs = [(float(x), float(y)) for x, y in zip(answers[::2], answers[1::2], strict=True)] * 2
    with pytest.raises(AnalysisError, match="separates"):
        ordered_logit(pd.DataFrame(pairs, columns=["x", "y"]), "y")


def test_a_row_that_the_fit_passes_through_has_no_cook_distance() -> None:
    data = pd.DataFrame({"x": [0.0, 0, 0, 0, 1], "y": [1.0, 2, 3, 2, 9]})
    cook = regression(data, "y").cook
    assert np.isnan(cook[-1])  # leverage 1; R's cooks.distance gives NaN as well
    assert np.isfinite(cook[:-1]).all()


def test_an_outcome_that_is_no_grade_is_refused() -> None:
    data = answers()
    with pytest.raises(AnalysisError, match="2 different answers"):
        ordered_logit(data.assign(y=(data["y"] > 3).astype(float)), "y")
    with pytest.raises(AnalysisError, match="linear regression"):
        ordered_logit(data.assign(y=data["a"] + data["b"]), "y")


def explained(n: int, k: int, rho2: float, seed: int) -> pd.DataFrame:
    """Normal answers of which k equal predictors explain the share rho2."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k))
    y = np.sqrt(rho2 / k) * x.sum(axis=1) + np.sqrt(1 - rho2) * rng.normal(size=n)
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(k)]).assign(y=y)


def test_the_interval_of_r_squared_holds_the_truth_where_there_are_many_predictors() -> None:
    ends = np.array([r_squared_interval(regression(explained(100, 10, 0.35, s), "y"), resamples=300, seed=s) for s in range(120)])
    held = (ends[:, 0] <= 0.35) & (ends[:, 1] >= 0.35)
    assert 0.88 <= held.mean() <= 1  # 95 % with an error of 2 points; plain percentiles hold it far too rarely


def test_the_interval_of_r_squared_is_as_long_as_theory_says_for_normal_answers() -> None:
    data = explained(3000, 3, 0.4, 1)
    low, high = r_squared_interval(regression(data, "y"), resamples=2000, seed=1)
    r2 = (
        np.corrcoef(data["y"], data.drop(columns="y").to_numpy() @ np.linalg.lstsq(data.drop(columns="y"), data["y"])[0])[0, 1]
        ** 2
    )
    error = 2 * np.sqrt(r2) * (1 - r2) / np.sqrt(3000)  # Olkin and Finn (1995)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.08)
    assert low < r2 < high


def test_noise_has_an_interval_of_r_squared_from_zero() -> None:
    fit = regression(explained(60, 6, 0.0, 3), "y")
    low, high = r_squared_interval(fit, resamples=300, seed=1)
    assert low == 0 < high
    assert np.isnan(r_squared_interval(fit, resamples=0)).all()
    assert np.isnan(r_squared_interval(regression(explained(8, 6, 0.5, 1), "y", weights=[5, 1, 1, 1, 1, 1, 1, 1]))).all()
