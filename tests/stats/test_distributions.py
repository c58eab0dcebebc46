"""The distributions agree with scipy.stats, which is too slow to import for a report."""

import numpy as np
import pytest
from scipy import stats

from csr_lib.stats.distributions import (
    chi2_above,
    chi2_noncentrality,
    f_quantile,
    noncentral_t_below,
    normal_quantile,
    t_quantile,
    t_two_sided,
)

P = np.array([0.0005, 0.025, 0.5, 0.8, 0.975, 0.9995])


@pytest.mark.parametrize("df", [1, 2.5, 30, 4321.5])
def test_quantiles_and_tails_are_those_of_scipy(df: float) -> None:
    np.testing.assert_allclose(t_quantile(P, df), stats.t.ppf(P, df), rtol=1e-9, atol=1e-12)
    t = np.array([-40.0, -3.1, 0.0, 0.2, 8.0])
    np.testing.assert_allclose(t_two_sided(t, df), 2 * stats.t.sf(np.abs(t), df), rtol=1e-9)
    np.testing.assert_allclose(f_quantile(P, df, 7), stats.f.ppf(P, df, 7), rtol=1e-9)
    np.testing.assert_allclose(normal_quantile(P), stats.norm.ppf(P), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(noncentral_t_below(1.3, df, 0.7), stats.nct.cdf(1.3, df, 0.7), rtol=1e-9)


def test_chi2_tails_and_the_noncentrality_behind_rmsea() -> None:
    np.testing.assert_allclose(chi2_above([0.0, 5.0, 1490.6], 185), stats.chi2.sf([0.0, 5.0, 1490.6], 185), rtol=1e-9)
    # R 4.2.2: uniroot(function(n) pchisq(x, df, n) - p, c(0, 3 * x + 100), tol = 1e-12)$root
    assert chi2_noncentrality(25, 20, 0.05) == pytest.approx(21.9391503283, abs=1e-8)
    assert chi2_noncentrality(3, 1, 0.05) == pytest.approx(11.4034729531, abs=1e-8)
    assert chi2_noncentrality(1e6, 185, 0.05) == pytest.approx(1003108.26152, abs=1e-4)
    assert chi2_noncentrality(5, 20, 0.95) == 0.0
