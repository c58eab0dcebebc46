"""Quantiles and tails of the distributions that tests and intervals need, from scipy's special functions.

`scipy.stats` gives the same digits, but importing it takes longer than a whole analysis, and each of its calls fifteen times
as long.
"""

from __future__ import annotations

from typing import Any

from scipy import special


def t_quantile(p: Any, df: Any) -> Any:
    """Quantile of Student's t; ``scipy.stats.t.ppf``, R ``qt``. NaN where `df` is not positive."""
    return special.stdtrit(df, p)


def t_two_sided(t: Any, df: Any) -> Any:
    """Probability of a |T| of at least |t|; ``2 * scipy.stats.t.sf(abs(t), df)``, R ``2 * pt(-abs(t), df)``."""
    return 2 * special.stdtr(df, -abs(t))


def noncentral_t_below(t: float, df: float, nc: float) -> float:
    """Probability of a noncentral T below `t`; ``scipy.stats.nct.cdf``, R ``pt(t, df, ncp)``. NaN far out in the tails."""
    return float(special.nctdtr(df, nc, t))


def normal_quantile(p: Any) -> Any:
    """Quantile of the standard normal distribution; ``scipy.stats.norm.ppf``, R ``qnorm``."""
    return special.ndtri(p)


def normal_below(z: Any) -> Any:
    """Probability below `z` in the standard normal distribution; ``scipy.stats.norm.cdf``, R ``pnorm``."""
    return special.ndtr(z)


def f_quantile(p: Any, dfn: Any, dfd: Any) -> Any:
    """Quantile of F; ``scipy.stats.f.ppf``, R ``qf``."""
    return special.fdtri(dfn, dfd, p)


def f_above(x: Any, dfn: Any, dfd: Any) -> Any:
    """Probability of an F of at least x; ``scipy.stats.f.sf``, R ``pf(x, dfn, dfd, lower.tail = FALSE)``."""
    return special.fdtrc(dfn, dfd, x)


def chi2_above(x: Any, df: Any) -> Any:
    """Probability of a χ² of at least x; ``scipy.stats.chi2.sf``, R ``pchisq(x, df, lower.tail = FALSE)``."""
    return special.chdtrc(df, x)


def chi2_noncentrality(x: float, df: float, p: float) -> float:
    """Noncentrality at which a χ² stays below x with probability p; 0 where even the central one does so less often.

    With p = .95 and .05 the ends of the 90 % interval that RMSEA's is made of. R: the root of ``pchisq(x, df, ncp) - p``.
    """
    if not special.chdtr(df, x) > p:
        return 0.0
    return float(special.chndtrinc(x, df, p))
