"""Numerics: arrays, frames and a Model in; arrays and frames out. No files, no plots, no Study.

moments        `moments(data, weights, kind=, missing=)` → `Moments`; `sample(…)` → `Sample`, which can be resampled and whose
               `.moments()` are the same.
pls            `pls(moments, model, scheme=, limits=)` → `PLSResult`: ``items constructs paths effects correlations htmt …``.
pls_bootstrap  `pls_bootstrap(sample, model, scheme=, limits=, resamples=, seed=, groups=, strata=)` → `PLSBootstrap`:
               ``draws``, `.summary(quantity)`, `.group_summary(by)`, `.group_difference(by, before, after)`;
               `decompose_change(bootstrap, by, before, after)`.
reliability    `reliability(moments, items)` → `Reliability`.
importance     `importance(moments, outcome, predictors)` → `Importance`; `importance_draws(covs, method)` for the bootstrap.
comparison     `mean_interval`, `share_interval`, `paired_difference`, `independent_difference`, `rank_correlation`.
resampling     `resample_counts`, `percentile_interval`, `standard_error`, `bootstrap_p`, `summarise`, `holm`.
quadrants      cut-offs, quadrants and priorities of an importance–performance map.
"""
