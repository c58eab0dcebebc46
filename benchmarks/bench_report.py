"""How long importing the library takes, one report alone, and all reports that the studies in data/ ask for, two at a time.

python benchmarks/bench_report.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from csr_lib.report import Job, jobs_of, make_report, make_reports

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure and print."""
    library, pandas = _import_time("csr_lib"), _import_time("pandas")
    print(f"import csr_lib: {library:.2f} s (target at most 0.6 s), {library / pandas:.2f} of import pandas")
    studies = sorted((ROOT / "data").glob("*/study.yml"))
    with tempfile.TemporaryDirectory() as out:
        jobs = [job for study in studies for job in jobs_of(study, Path(out))]
        first = next(job for job in jobs if job.analysis == "gap")
        for attempt in ("first of a process", "second"):
            start = perf_counter()
            page = make_report(first.analysis, first.study, first.lang, first.out)
            print(f"one report ({first}), {attempt}: {perf_counter() - start:.1f} s, {page.stat().st_size / 1e6:.2f} MB")
        _print_all(jobs)


def _import_time(module: str) -> float:
    """Median of five new processes that import a module, less what an empty process takes, in seconds."""

    def seconds(code: str) -> float:
        start = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return perf_counter() - start

    return sorted(seconds(f"import {module}") for _ in range(5))[2] - sorted(seconds("pass") for _ in range(5))[2]


def _print_all(jobs: list[Job]) -> None:
    start = perf_counter()
    outcomes = make_reports(jobs, workers=2)
    print(f"all {len(jobs)} reports, two at a time: {perf_counter() - start:.1f} s")
    for outcome in outcomes:
        print(f"  {outcome.job}: " + (f"{outcome.seconds:.1f} s" if outcome.page else f"failed: {outcome.error}"))


if __name__ == "__main__":
    main()
