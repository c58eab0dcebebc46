"""Time the path model and its bootstrap on the European mobile phone survey, and how the cost grows with the rows.

    python benchmarks/bench_stats.py [--resamples 5000] [--rows 10000 100000 1000000] [--repeat 5]

One core: BLAS threads are set to one before numpy is loaded. The answers have the moments of the survey
(tests/conformance/ecsi_mobile_moments.json). Every number of rows runs in a process of its own, which reports its peak memory.
"""

# ruff: noqa: E402 — threads are set before numpy is loaded
from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "conformance"))
from ecsi_mobile import exact_answers, mobile_moments, model

from csr_lib.stats import _pls
from csr_lib.stats.importance import importance_draws
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_bootstrap import PLSBootstrap, pls_bootstrap
from csr_lib.stats.resampling import resample_counts

#: Seconds for 5,000 resamples of the same model with other programs: stored figures of November 2026 from another machine (two
#: cores), not measured here.
STORED = {"cSEM 0.6.1 (R)": 88.0, "seminr 2.3.4 (R), fastest of its runs": 112.0, "plspm 0.5.1 (R)": 167.0}
#: Normal answers know no ends of a scale; any will do for the time.
ENDS = (-50, 50)
Seconds = tuple[float, float]


def best(run: Callable[[], object], repeat: int) -> Seconds:
    """Least seconds on the clock and least seconds of the processor in `repeat` runs, after one that warms up."""
    run()
    clock, processor = [], []
    for _ in range(repeat):
        start, used = time.perf_counter(), time.process_time()
        run()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return min(clock), min(processor)


def looped(answers: np.ndarray, start: np.ndarray, resamples: int) -> Seconds:
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


def survey_itself(resamples: int, repeat: int) -> None:
    """Print the times for the 250 answers of the survey."""
    frame = exact_answers(250)
    ecsi, answers = model(), sample(frame)
    wave = np.arange(250) % 4

    def bootstrap(**options: object) -> PLSBootstrap:
        return pls_bootstrap(answers, ecsi, limits=ENDS, resamples=resamples, seed=1, **options)  # type: ignore[arg-type]

    def bca() -> None:
        boot = bootstrap()
        for quantity in boot.draws:
            boot.summary(quantity, interval="bca")

    ours = best(bootstrap, repeat)
    few = max(20, resamples // 20)
    loop = looped(frame[list(ecsi.items)].to_numpy(), pls(moments(frame), ecsi).items["weight"].to_numpy(), few)
    loop = (loop[0] * resamples / few, loop[1] * resamples / few)
    rows: list[tuple[str, Seconds, str]] = [
        (f"PLS, {resamples:,} resamples, HTMT and index included (n = 250, 24 items)", ours, "target ≤ 0.25 s"),
        ("  the same with BCa intervals of all twelve quantities", best(bca, repeat), "target ≤ 1 s"),
        (
            "  the same by four waves, stratified",
            best(lambda: bootstrap(groups={"wave": wave}, strata="wave"), repeat),
            "",
        ),
        (
            f"  without index, as a Python loop over resamples (from {few} of them)",
            loop,
            f"{loop[1] / ours[1]:,.0f} times as long",
        ),
        ("one fit with all criteria, n = 250", best(lambda: pls(moments(frame), ecsi, limits=ENDS), repeat), ""),
    ]
    predictors = sample(frame[[*ecsi.construct("Image").items, *ecsi.construct("Value").items, "CUSA1"]])
    covs = np.concatenate([predictors.resampled(c)[1] for c in resample_counts(predictors, 1000, 1)])
    rows += [
        (f"{method}, 7 predictors, 1,000 draws", best(lambda m=method: importance_draws(covs, m), repeat), "")
        for method in ("relative_weights", "lmg")
    ]
    width = max(len(what) for what, *_ in rows)
    print("Measured here, one core, best of", repeat)
    print(f"  {'':<{width}}      clock    processor")
    for what, (clock, processor), note in rows:
        print(f"  {what:<{width}}  {clock:9.4f} s  {processor:9.4f} s  {note}")
    print("\nStored figures of other programs for 5,000 resamples, measured on another machine, not here")
    for program, seconds in STORED.items():
        ratio = f"{seconds / ours[0]:,.0f} times the time measured here" if resamples == 5000 else ""
        print(f"  {program:<{width}}  {seconds:9.0f} s  {ratio}")


def many_rows(n: int, resamples: int, repeat: int) -> dict[str, float | Seconds]:
    """Seconds for `n` rows, and peak memory before and after; for a process of its own."""
    m = mobile_moments()
    values = np.empty((n, len(m.columns)))
    rng, factor = np.random.default_rng(0), np.linalg.cholesky(m.cov).T
    for at in range(0, n, 50_000):
        values[at : at + 50_000] = rng.standard_normal(values[at : at + 50_000].shape) @ factor + m.mean
    frame = pd.DataFrame(values, columns=list(m.columns), copy=False)
    weights, wave, ecsi = rng.uniform(0.5, 2, n), np.arange(n) % 4, model()
    before = peak_memory()

    def intervals(w: np.ndarray | None = None, **options: object) -> None:
        boot = pls_bootstrap(sample(frame, w), ecsi, limits=ENDS, resamples=resamples, seed=1, **options)  # type: ignore[arg-type]
        boot.summary("index")

    return {
        "fit": best(lambda: pls(moments(frame), ecsi, limits=ENDS), repeat),
        "groups": best(lambda: intervals(method="groups"), repeat),
        "weighted": best(lambda: intervals(weights, method="groups", groups={"wave": wave}, strata="wave"), repeat),
        "rows": best(lambda: intervals(method="rows"), 1) if n <= 10_000 else (np.nan, np.nan),
        "before": before,
        "after": peak_memory(),
    }


def peak_memory() -> float:
    """Peak resident memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def growth(sizes: list[int], resamples: int, repeat: int) -> None:
    """Print the table of times by number of rows, each in a process of its own."""
    print(f"\nIndex with interval, {resamples:,} resamples, from a frame of 24 items: seconds on the clock (of the processor)")
    titles = ("rows", "one fit", "random groups", "weighted, by 4 waves", "resampling rows", "per million rows*", "peak memory")
    print("  " + "".join(f"{title:>22}" for title in titles))
    first: float | None = None
    for n in sizes:
        call = [sys.executable, __file__, "--resamples", str(resamples), "--repeat", str(repeat), "--child", str(n)]
        got = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
        first = got["groups"][1] if first is None else first
        slope = (got["groups"][1] - first) / (n - sizes[0]) * 1e6 if n > sizes[0] else np.nan
        cells = [
            f"{n:,}",
            *("—" if np.isnan(a) else f"{a:.3f} ({b:.3f})" for a, b in (got["fit"], got["groups"], got["weighted"])),
        ]
        cells.append("—" if np.isnan(got["rows"][0]) else "{:.3f} ({:.3f})".format(*got["rows"]))
        cells += ["—" if np.isnan(slope) else f"{slope:.2f} s", f"{got['after']:.2f} GB ({got['before']:.2f})"]
        print("  " + "".join(f"{cell:>22}" for cell in cells))
    print("  * of the processor, beyond the smallest size: the same in every row where the cost is linear in the rows")
    print("  Targets: 10,000 rows ≤ 0.6 s; 1,000,000 rows ≤ 5 s and ≤ 2 GB (in brackets: peak before the statistics began)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resamples", type=int, default=5000)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(many_rows(options.child, options.resamples, max(1, options.repeat // 2))))
        return
    survey_itself(options.resamples, options.repeat)
    growth(options.rows, options.resamples, options.repeat)


if __name__ == "__main__":
    main()
