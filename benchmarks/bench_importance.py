"""Time exact LMG and relative weights of many predictors with their bootstrap, beside a loop over all models.

    python benchmarks/bench_importance.py [--predictors 15] [--resamples 1000] [--rows 500] [--repeat 3]

One core: BLAS threads are set to one before numpy is loaded.
"""

# ruff: noqa: E402 — threads are set before numpy is loaded
from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

from csr_lib.stats.importance import LMG_EXACT, importance
from csr_lib.stats.importance_bootstrap import importance_bootstrap
from csr_lib.stats.moments import sample


def answers(rows: int, predictors: int) -> np.ndarray:
    """Correlated answers; the outcome is the last column."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, predictors + 1)) + rng.standard_normal((rows, 1))
    x[:, -1] += x[:, :-1] @ np.linspace(0.05, 0.3, predictors)
    return x


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


def every_model(R: np.ndarray) -> np.ndarray:
    """R² of all models one by one, as a program would that fits each regression; what LMG is made of."""
    k = len(R) - 1
    out = []
    for size in range(1, k + 1):
        for inside in itertools.combinations(range(k), size):
            at = list(inside)
            out.append(R[at, -1] @ np.linalg.solve(R[np.ix_(at, at)], R[at, -1]))
    return np.array(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictors", type=int, default=15)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    k, draws = options.predictors, options.resamples

    ready = sample(answers(options.rows, k))
    outcome = ready.columns[-1]
    R = ready.moments().correlation
    rows: list[tuple[str, tuple[float, float], str]] = []
    how = "exact" if k <= LMG_EXACT else "sampled orders"
    for method, target in (("lmg", " target ≤ 5 s" if (k, draws) == (15, 1000) else ""), ("relative_weights", "")):
        what = f"{method}, {k} predictors, {draws:,} resamples" + (f" ({how})" if method == "lmg" else "")
        run = best(lambda m=method: importance_bootstrap(ready, outcome, methods=[m], resamples=draws, seed=1), options.repeat)
        rows.append((what, run, target.strip()))
    ours = rows[0][1]
    rows.append(("all measures of one sample", best(lambda: importance(ready.moments(), outcome), options.repeat), ""))
    few = min(k, 11)
    start, used = time.perf_counter(), time.process_time()
    every_model(R[np.r_[:few, k]][:, np.r_[:few, k]])
    times = 2 ** (k - few) * draws  # the number of models; larger ones cost more still
    loop = ((time.perf_counter() - start) * times, (time.process_time() - used) * times)
    rows.append((f"  every model by itself (from one draw of {few} predictors)", loop, f"{loop[1] / ours[1]:,.0f} times as long"))
    large = sample(answers(options.rows, 25))
    sampled = best(lambda: importance_bootstrap(large, large.columns[-1], methods=["lmg"], resamples=draws, seed=1), 1)
    rows.append((f"lmg, 25 predictors, {draws:,} resamples (200 sampled orders and their reverses)", sampled, ""))

    width = max(len(what) for what, *_ in rows)
    print("Measured here, one core, best of", options.repeat)
    print(f"  {'':<{width}}      clock    processor")
    for what, (clock, processor), note in rows:
        print(f"  {what:<{width}}  {clock:9.4f} s  {processor:9.4f} s  {note}")


if __name__ == "__main__":
    main()
