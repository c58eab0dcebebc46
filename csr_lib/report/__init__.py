"""From a notebook to a page and a workbook: papermill, nbconvert, template, fonts, provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csr_lib.report.job import Job, make_report
    from csr_lib.report.many import Outcome, jobs_of, make_reports

__all__ = ["Job", "Outcome", "jobs_of", "make_report", "make_reports"]


def __getattr__(name: str) -> Any:
    """Import what is asked for; papermill and nbconvert take seconds, and the command line's help needs neither."""
    if name in ("Job", "make_report"):
        from csr_lib.report import job

        return getattr(job, name)
    if name in ("Outcome", "jobs_of", "make_reports"):
        from csr_lib.report import many

        return getattr(many, name)
    raise AttributeError(f"module 'csr_lib.report' has no attribute '{name}'")
