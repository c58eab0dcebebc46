"""Time the path model and its bootstrap on the European mobile phone survey, and a fit at a million rows.

    python benchmarks/bench_stats.py [--resamples 5000] [--rows 1000000] [--repeat 5]

One core: BLAS threads are set to one before numpy is loaded. The answers are made to have exactly the moments of the survey
(tests/conformance/ecsi_mobile_moments.json).
"""

# ruff: noqa: E402 — threads are set before numpy is loaded
from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "conformance"))
from ecsi_mobile import exact_answers, model

from csr_lib.stats import _pls
from csr_lib.stats.importance import importance_draws
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_bootstrap import pls_bootstrap
from csr_lib.stats.resampling import resample_counts

#: Seconds for 5,000 resamples of the same model with other programs: stored figures of November 2026 from another machine (two
#: cores), not measured here.
STORED = {"cSEM 0.6.1 (R)": 88.0, "seminr 2.3.4 (R), fastest of its runs": 112.0, "plspm 0.5.1 (R)": 167.0}


def best(run: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Least seconds on the clock and least seconds of the processor in `repeat` runs, after one that warms up."""
    run()
    clock, processor = [], []
    for _ in range(repeat):
        start, used = time.perf_counter(), time.process_time()
        run()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return min(clock), min(processor)


def looped(answers: np.ndarray, start: np.ndarray, resamples: int) -> tuple[float, float]:
    """Seconds for a plain Python loop over resamples: rows, correlations, the same algorithm, paths, effects, R² and HTMT."""
    plan = _pls.Plan.of(model())
    rng = np.random.default_rng(0)
    begin, used = time.perf_counter(), time.process_time()
    for _ in range(resamples):
        rows = answers[rng.integers(0, len(answers), len(answers))]
        R = np.corrcoef(rows.T)[..., None]
        outer = _pls.iterate(R, plan, "path", start=start, tolerance=1e-7, max_iterations=300)
        paths, _ = _pls.path_arrays(outer.constructs, plan)
        _pls.total_effects(paths, plan)
        _pls.htmt(R, plan)
    return time.perf_counter() - begin, time.process_time() - used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resamples", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()

    frame = exact_answers(250)
    ecsi, answers = model(), sample(frame)
    ends = (-50, 50)  # normal answers know no ends; any will do for the time
    wave = np.arange(250) % 4

    def bootstrap() -> object:
        return pls_bootstrap(answers, ecsi, limits=ends, resamples=options.resamples, seed=1)

    def with_waves() -> object:
        return pls_bootstrap(
            answers, ecsi, limits=ends, resamples=options.resamples, seed=1, groups={"wave": wave}, strata="wave"
        )

    ours = best(bootstrap, options.repeat)
    fit = best(lambda: pls(moments(frame), ecsi, limits=ends), options.repeat)
    few = max(20, options.resamples // 20)
    point = pls(moments(frame), ecsi)
    loop = looped(frame[list(ecsi.items)].to_numpy(), point.items["weight"].to_numpy(), few)
    loop = (loop[0] * options.resamples / few, loop[1] * options.resamples / few)

    rows: list[tuple[str, tuple[float, float], str]] = [
        (f"PLS, {options.resamples:,} resamples, HTMT and index included (n = 250, 24 items)", ours, "target ≤ 0.4 s"),
        ("  the same by four waves, stratified", best(with_waves, options.repeat), ""),
        (
            f"  without index, as a Python loop over resamples (from {few} of them)",
            loop,
            f"{loop[1] / ours[1]:,.0f} times as long",
        ),
        ("one fit with all criteria, n = 250", fit, ""),
    ]
    predictors = sample(frame[[*ecsi.construct("Image").items, *ecsi.construct("Value").items, "CUSA1"]])
    covs = np.concatenate([predictors.resampled(c)[1] for c in resample_counts(predictors, 1000, 1)])
    rows += [
        (f"{method}, 7 predictors, 1,000 draws", best(lambda m=method: importance_draws(covs, m), options.repeat), "")
        for method in ("relative_weights", "lmg")
    ]
    large = exact_answers(options.rows)
    weights = np.random.default_rng(0).uniform(0.5, 2, options.rows)
    rows.append(
        (
            f"fit at {options.rows:,} weighted rows × 24, moments included",
            best(lambda: pls(moments(large, weights), ecsi, limits=ends), max(1, options.repeat // 2)),
            "",
        )
    )
    width = max(len(what) for what, *_ in rows)
    print("Measured here, one core, best of", options.repeat)
    print(f"  {'':<{width}}      clock    processor")
    for what, (clock, processor), note in rows:
        print(f"  {what:<{width}}  {clock:9.4f} s  {processor:9.4f} s  {note}")
    print("\nStored figures of other programs for 5,000 resamples, measured on another machine, not here")
    for program, seconds in STORED.items():
        ratio = f"{seconds / ours[0]:,.0f} times the time measured here" if options.resamples == 5000 else ""
        print(f"  {program:<{width}}  {seconds:9.0f} s  {ratio}")


if __name__ == "__main__":
    main()
