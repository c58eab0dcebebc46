"""Many reports: two at a time; one that fails does not touch the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from csr_lib.core.errors import CsrError, StudyError
from csr_lib.core.text import LANGUAGES
from csr_lib.report.job import Job, make_report


@dataclass(frozen=True)
class Outcome:
    """What became of a job: the page, or the error in words; and how long it took, in seconds."""

    job: Job
    page: Path | None
    error: str
    seconds: float


def jobs_of(study: Path, out: Path, langs: Sequence[str] = LANGUAGES, notebooks: Path | None = None) -> list[Job]:
    """Return the jobs of a study: every analysis that its study.yml names under ``analyses``, in every language.

    Raises
    ------
    StudyError
        study.yml is wrong, or names no analysis.
    """
    from csr_lib.study import Study

    named = list(Study.load(study).analyses)
    if not named:
        raise StudyError(
            "names no analysis",
            where=f"{study}, analyses",
            mend="write there what is to be reported, or use: csr report ANALYSIS --study FILE",
        )
    return [Job(analysis, study, lang, out, notebooks=notebooks) for analysis in named for lang in langs]


def make_reports(jobs: Iterable[Job], workers: int = 2, done: Callable[[Outcome], None] = lambda outcome: None) -> list[Outcome]:
    """Make several reports side by side and return what became of them, in the order of `jobs`.

    What takes time runs in a process of its own for every report, the notebook's kernel; so threads are enough
    here, and a report that runs out of memory takes no other with it.

    Parameters
    ----------
    jobs : what to make.
    workers : how many at a time.
    done : called with each outcome as soon as it is there.
    """
    jobs = list(jobs)
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        running = {pool.submit(_outcome, job): position for position, job in enumerate(jobs)}
        found: dict[int, Outcome] = {}
        try:
            for future in as_completed(running):
                found[running[future]] = future.result()
                done(found[running[future]])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [found[position] for position in range(len(jobs))]


def _outcome(job: Job) -> Outcome:
    start = perf_counter()
    try:
        page = make_report(job.analysis, job.study, job.lang, job.out, job.parameters, notebooks=job.notebooks)
    except (CsrError, OSError) as error:
        return Outcome(job, None, str(error), perf_counter() - start)
    except Exception as error:  # a fault of the library's own; the other reports are not to blame
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"
        return Outcome(job, None, said, perf_counter() - start)
    return Outcome(job, page, "", perf_counter() - start)
