"""Numerics: arrays, frames and a Model in; arrays and frames out. No files, no plots, no Study.

Everything is imported from the module that owns it. `Moments` (weighted means and covariances) carry n, weights and the
missing-data rule to every method that needs no more; a `Sample` is the answers themselves, which can be resampled.

moments        `moments(data, weights, kind=, missing=)` → `Moments`; `sample(…)` → `Sample`, whose `.moments()` are the same.
resampling     `resample_counts`, `percentile_interval`, `bca_interval`, `holm`; grouped: `grouped(sample)` for large n.

Path models by partial least squares
pls            `pls(moments, model, scheme=, limits=)` → ``items constructs paths effects correlations htmt …``.
pls_bootstrap  `pls_bootstrap(sample, model, …)` → draws, `.summary(quantity, interval=)`; `decompose_change`.
pls_fit        criteria of fit. pls_predict: PLSpredict. pls_groups: MICOM and permutation tests. pls_higher_order: two stages.

Covariance structures
sem            `sem(data, model)`, `cfa(data, constructs)` → ``parameters standardised effects fit checks``; ML and MLR.
sem_fiml       incomplete answers. sem_groups, sem_invariance: several groups. sem_modification: indices. fit_measures.

Factors, reliability, correlations
adequacy       KMO, Bartlett. factor: `factor_analysis`, `group_items`. rotation: `rotate`. retention: how many factors.
reliability    alpha with intervals, Spearman–Brown, split halves. omega: three definitions. reliability_bootstrap.
correlation    Pearson of every pair with interval and test. polychoric: `polychoric(data)`; correlation_kind says when.

Importance and weights
importance     correlation, (semi-)partial, regression, relative weights, LMG; importance_bootstrap: their intervals and ranks.
asymmetry      penalty–reward contrasts. quadrants: cut-offs, cells and priorities of an importance–performance map.
weights        experts' points, combinations, trees. ahp: judgements in pairs. data_weights: entropy, CRITIC, components.
fuzzy          `fuzzy_evaluation`: memberships, four operators, verdicts; fuzzy_draws: of many resamples.

Rates and surveys
comparison     means, shares, differences with intervals. rates: NPS, boxes, Kano. outcome_rates: AAPOR.
raking         `rake`, `poststratify`. case_weights: effective n, design effect, trimming.
finite_population, sample_size: intervals of samples from small populations; margins, sizes, allocation.
"""
