"""From a notebook to a page and a workbook: papermill, nbconvert, template, fonts, provenance."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csr_lib.report.job import Job, make_report
    from csr_lib.report.many import Outcome, jobs_of, make_reports

__all__ = ["Job", "Outcome", "jobs_of", "make_report", "make_reports"]


def __getattr__(name: str) -> Any:
    """Import what is asked for; papermill and nbconvert take seconds, and the command line's help needs neither."""
    if name in __all__:
        _import_nbformat()
    if name in ("Job", "make_report"):
        from csr_lib.report import job

        return getattr(job, name)
    if name in ("Outcome", "jobs_of", "make_reports"):
        from csr_lib.report import many

        return getattr(many, name)
    raise AttributeError(f"module 'csr_lib.report' has no attribute '{name}'")


def _import_nbformat() -> None:
    """Import nbformat without the grammar of web addresses that jsonschema would build for it: four seconds, and never used.

    jsonschema does without `rfc3987_syntax` where it cannot be imported; a None in sys.modules makes it so for this moment.
    """
    grammar = "rfc3987_syntax"
    if grammar in sys.modules:
        return
    sys.modules[grammar] = None  # type: ignore[assignment]
    try:
        import nbformat  # noqa: F401
    finally:
        del sys.modules[grammar]
