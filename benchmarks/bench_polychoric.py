"""Time polychoric correlations with standard errors of five-point items, and against the number of rows.

    python benchmarks/bench_polychoric.py [--items 24] [--rows 2000] [--repeat 5] [--r]

One core: BLAS threads are set to one before numpy is loaded. `--r` runs lavaan and psych on the same answers where R is present.
"""

# ruff: noqa: E402 — threads are set before numpy is loaded
from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
import pandas as pd

from csr_lib.stats.polychoric import polychoric

#: Prints the seconds of one run of each program on the file that it is given.
R_SCRIPT = """
suppressMessages({library(lavaan); library(psych)}); options(mc.cores = 1)
x <- read.csv(commandArgs(TRUE)[1])
seconds <- function(run) { gc(); system.time(run)[["elapsed"]] }
cat("lavaan lavCor, without errors", seconds(lavCor(x, ordered = names(x))), "\\n")
cat("lavaan lavCor, with errors", seconds(lavCor(x, ordered = names(x), output = "fit", se = "standard")), "\\n")
cat("psych polychoric, without errors", seconds(polychoric(x, correct = 0)), "\\n")
"""


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


def answers(rows: int, items: int, seed: int = 1) -> pd.DataFrame:
    """Five-point items in groups of six on independent factors, loadings .8."""
    rng = np.random.default_rng(seed)
    factors = np.repeat(rng.standard_normal((rows, -(-items // 6))), 6, axis=1)[:, :items]
    z = 0.8 * factors + 0.6 * rng.standard_normal((rows, items))
    return pd.DataFrame(np.digitize(z, [-1.5, -0.7, 0.2, 1.1]) + 1, columns=[f"x{k}" for k in range(items)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=24)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--r", action="store_true")
    options = parser.parse_args()

    data = answers(options.rows, options.items)
    weights = np.random.default_rng(0).uniform(0.5, 2, options.rows)
    rows = [
        (f"{options.items} items, {options.rows:,} rows, standard errors included", lambda: polychoric(data), "target ≤ 3 s"),
        ("  with sampling weights", lambda: polychoric(data, weights), ""),
    ]
    for more in (20_000, 200_000):
        large = answers(more, options.items)
        rows.append((f"  {more:,} rows", lambda large=large: polychoric(large), "a million rows cost five times the last"))
    print("Measured here, one core, best of", options.repeat)
    for what, run, note in rows:
        clock, processor = best(run, options.repeat)
        print(f"  {what:<52}  {clock:8.4f} s  {processor:8.4f} s processor  {note}", flush=True)
    if options.r:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answers.csv"
            data.to_csv(path, index=False)
            print("R on the same answers, one run each, seconds on the clock", flush=True)
            subprocess.run(["Rscript", "-e", R_SCRIPT, str(path)], check=True)


if __name__ == "__main__":
    main()
