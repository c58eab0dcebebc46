"""Time covariance structures from incomplete answers (FIML), and measurement invariance, against lavaan.

    python benchmarks/bench_sem_fiml.py [--repeat 5] [--most 100]

One core: BLAS threads are set to one before numpy is loaded. Where R and its package lavaan are installed, lavaan is timed in the
same run on the same answers, with the same work: estimates, standard errors, standardised solution with errors, all fit
measures. semopy took 37 s for the smallest case (figure of November 2026, another machine).
"""

# ruff: noqa: E402 — threads are set before numpy is loaded
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
import pandas as pd

from csr_lib.stats.moments import sample
from csr_lib.stats.sem_fiml import sem_fiml
from csr_lib.stats.sem_invariance import invariance

_R = """
suppressMessages(library(lavaan))
args <- commandArgs(TRUE)
data <- read.csv(args[1]); text <- paste(readLines(args[2]), collapse = "\\n")
run <- function() { fit <- cfa(text, data, missing = "fiml"); standardizedSolution(fit); fitMeasures(fit) }
for (i in seq_len(as.integer(args[3]))) {
  t <- proc.time(); invisible(run()); d <- proc.time() - t
  cat(d[["elapsed"]], d[["user.self"]] + d[["sys.self"]], "\\n")
}
"""
#: Rows, factors, items of each factor, share of missing answers.
CASES = ((400, 3, 3, 0.15), (1000, 7, 3, 0.05), (1000, 6, 4, 0.10), (10_000, 6, 4, 0.02))


def answers(n: int, factors: int, items: int, missing: float) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return answers to `factors` × `items` items, factors correlated .5, and the items of each factor."""
    rng = np.random.default_rng(n + factors)
    common = np.sqrt(0.5) * (rng.standard_normal((n, 1)) + rng.standard_normal((n, factors)))
    x = 0.8 * np.repeat(common, items, axis=1) + 0.6 * rng.standard_normal((n, factors * items))
    x[rng.random(x.shape) < missing] = np.nan
    model = {f"F{f + 1}": [f"x{f * items + i + 1}" for i in range(items)] for f in range(factors)}
    return pd.DataFrame(x, columns=[item for names in model.values() for item in names]).dropna(how="all"), model


def best(run: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Least seconds on the clock and of the processor of `repeat` runs, after one that warms up."""
    run()
    out = []
    for _ in range(repeat):
        start, used = time.perf_counter(), time.process_time()
        run()
        out.append((time.perf_counter() - start, time.process_time() - used))
    return min(clock for clock, _ in out), min(processor for _, processor in out)


def lavaan(frame: pd.DataFrame, model: dict[str, list[str]], repeat: int) -> tuple[float, float] | None:
    """The same for lavaan; None where R or lavaan is not installed."""
    if not shutil.which("Rscript"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        data, script, syntax = (Path(folder) / name for name in ("data.csv", "run.R", "model.txt"))
        frame.to_csv(data, index=False)
        script.write_text(_R, encoding="utf-8")
        syntax.write_text("\n".join(f"{f} =~ {' + '.join(items)}" for f, items in model.items()) + "\n", encoding="utf-8")
        command = ["Rscript", str(script), str(data), str(syntax), str(repeat)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    return min(float(a) for a, _ in lines), min(float(b) for _, b in lines)


def main() -> None:
    """Print seconds on the clock and of the processor, best of a few."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument(
        "--most", type=int, default=100, help="patterns up to which lavaan is run too (with 240 it takes minutes)"
    )
    arguments = parser.parse_args()
    repeat, most = arguments.repeat, arguments.most
    print(f"{'case':<52}{'clock':>9}{'processor':>11}{'lavaan clock':>14}{'processor':>11}")
    for n, factors, items, missing in CASES:
        frame, model = answers(n, factors, items, missing)
        patterns = len(frame.isna().drop_duplicates())
        name = f"FIML, {n:,} rows × {factors * items} items, {patterns:,} patterns"
        clock, processor = best(lambda f=frame, m=model: sem_fiml(sample(f, missing="em"), m), repeat)
        theirs = lavaan(frame, model, 1) if patterns <= most else None
        shown = f"{theirs[0]:>13.3f}s{theirs[1]:>10.3f}s" if theirs else f"{'–':>14}{'–':>11}"
        print(f"{name:<52}{clock:>8.3f}s{processor:>10.3f}s{shown}", flush=True)
    frame, model = answers(2000, 6, 4, 0.0)
    groups = {name: sample(part) for name, part in (("a", frame.head(1000)), ("b", frame.tail(1000)))}
    clock, processor = best(lambda: invariance(groups, model), repeat)
    print(f"{'invariance, 2 groups × 1,000 rows × 24 items':<52}{clock:>8.3f}s{processor:>10.3f}s{'–':>14}{'–':>11}")


if __name__ == "__main__":
    sys.exit(main())
