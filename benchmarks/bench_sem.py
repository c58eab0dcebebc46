"""Time covariance structure models against lavaan: a seven-construct CFA and the political democracy model.

    python benchmarks/bench_sem.py [--repeat 20]

One core: BLAS threads are set to one before numpy is loaded. Both programs do the same work on the same moments: estimates,
standard errors, standardised solution with errors, all fit measures. Where R and its package lavaan are installed, lavaan is
timed in the same run (as many repeats, after two that warm up); otherwise its stored figures are shown.
"""

# ruff: noqa: E402 — threads are set before numpy is loaded
from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "conformance"))
from ecsi_mobile import mobile_moments, model

from csr_lib.stats.moments import Moments, moments
from csr_lib.stats.sem import cfa, sem
from csr_lib.stats.sem_modification import modification_indices

#: Milliseconds of lavaan 0.6-14: stored figures of November 2026 from another machine, used where R is not installed.
STORED = {"cfa": 84.0, "political": 58.0}
POLITICAL = """
ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ ind60
dem65 ~ ind60 + dem60
y1 ~~ y5
y2 ~~ y4 + y6
y3 ~~ y7
y4 ~~ y8
y6 ~~ y8
"""
_R = """
suppressMessages(library(lavaan))
args <- commandArgs(TRUE)
s <- as.matrix(read.csv(args[1], row.names = 1)); text <- paste(readLines(args[2]), collapse = "\\n"); n <- as.numeric(args[3])
run <- function() { fit <- sem(text, sample.cov = s, sample.nobs = n); standardizedSolution(fit); fitMeasures(fit) }
invisible(run()); invisible(run())
for (i in seq_len(as.integer(args[4]))) {
  t <- proc.time(); invisible(run()); d <- proc.time() - t
  cat(d[["elapsed"]], d[["user.self"]] + d[["sys.self"]], "\\n")
}
"""
Times = list[tuple[float, float]]


def times(run: Callable[[], object], repeat: int) -> Times:
    """Seconds on the clock and of the processor of `repeat` runs, after two that warm up."""
    run()
    run()
    out = []
    for _ in range(repeat):
        start, used = time.perf_counter(), time.process_time()
        run()
        out.append((time.perf_counter() - start, time.process_time() - used))
    return out


def lavaan_times(m: Moments, text: str, repeat: int) -> Times | None:
    """The same for lavaan; None where R or lavaan is not installed."""
    if not shutil.which("Rscript"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        cov, script, syntax = (Path(folder) / name for name in ("cov.csv", "run.R", "model.txt"))
        pd.DataFrame(m.cov, index=m.columns, columns=m.columns).to_csv(cov)
        script.write_text(_R, encoding="utf-8")
        syntax.write_text(text, encoding="utf-8")
        arguments = [str(x) for x in (cov, syntax, m.n, repeat)]
        done = subprocess.run(["Rscript", str(script), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    return [(float(a), float(b)) for a, b in (line.split() for line in done.stdout.splitlines() if line.strip())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=20)
    repeat = parser.parse_args().repeat

    import semopy.examples

    mobile = mobile_moments()
    political = moments(semopy.examples.political_democracy.get_data())
    constructs = model("reflective").constructs
    factors = "\n".join(f"{c.name} =~ {' + '.join(c.items)}" for c in constructs)
    cases = [
        ("cfa", "CFA, 7 constructs, 24 items, 68 parameters", mobile, lambda: cfa(mobile, constructs), factors),
        ("political", "political democracy, 31 parameters", political, lambda: sem(political, POLITICAL), POLITICAL),
    ]
    print(f"Milliseconds, one core, best and median of {repeat}: clock, processor")
    for key, title, m, run, text in cases:
        ours, theirs = times(run, repeat), lavaan_times(m, text, repeat)
        print(f"  {title}")
        print(f"    csr_lib  {_line(ours)}")
        if theirs is None:
            print(f"    lavaan   {STORED[key]:.0f} (stored, measured on another machine; R with lavaan is not installed here)")
        else:
            ratio = statistics.median(c for _, c in theirs) / statistics.median(c for _, c in ours)
            print(f"    lavaan   {_line(theirs)}   measured here; {ratio:.1f} times the processor time of csr_lib")
    result = cfa(mobile, constructs)
    print("  modification indices of the CFA (420 parameters)")
    print(f"    csr_lib  {_line(times(lambda: modification_indices(result), repeat))}")


def _line(seconds: Times) -> str:
    clock, processor = ([1000 * s[k] for s in seconds] for k in (0, 1))
    parts = (min(clock), statistics.median(clock), min(processor), statistics.median(processor))
    return "clock {:6.1f} / {:6.1f}   processor {:6.1f} / {:6.1f}".format(*parts)


if __name__ == "__main__":
    main()
