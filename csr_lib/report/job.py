"""One report: everything checked first, then the notebook executed, then page and workbook put in place at once."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import csr_lib
from csr_lib.analyses import load
from csr_lib.core.errors import AnalysisError, CsrError, OptionError, Problem
from csr_lib.core.result import Result
from csr_lib.report.execute import ReportError, execute
from csr_lib.report.parameters import OWN_WAY, check_parameters, read_parameters

if TYPE_CHECKING:
    from csr_lib.study import Survey

_LONGEST_PART = 40  # characters of a value in a file name


@dataclass(frozen=True)
class Job:
    """What is needed to make one report.

    Attributes
    ----------
    analysis : its name, which is the notebook's.
    study : study.yml, or the folder that holds it.
    lang : ``zh`` or ``en``.
    out : the folder of the reports; the study's own folder is made in it.
    parameters : of the notebook; text is parsed by their annotated types.
    notebooks : the folder of the notebooks; by default the one beside the package, else ``notebooks``.
    """

    analysis: str
    study: Path
    lang: str = "zh"
    out: Path = Path("reports")
    parameters: Mapping[str, Any] = field(default_factory=dict)
    notebooks: Path | None = None

    def __str__(self) -> str:
        name = self.study.parent.name if self.study.suffix in (".yml", ".yaml") else self.study.name
        return " ".join([self.analysis, name, self.lang, *(f"{k}={v}" for k, v in self.parameters.items())])


def make_report(
    analysis: str,
    study: str | Path,
    lang: str = "zh",
    out: str | Path = "reports",
    parameters: Mapping[str, Any] | None = None,
    *,
    notebooks: str | Path | None = None,
) -> Path:
    """Make the report of one analysis of one study, and return the path of the page.

    The study, its answers, the notebook's parameters and the analysis's options are checked before anything is
    computed. The page and the workbook beside it replace earlier ones only when both are finished.

    Parameters
    ----------
    analysis : its name; see `csr_lib.analyses.ANALYSES`.
    study : study.yml, or the folder that holds it.
    lang : ``zh`` or ``en``.
    out : the page is ``<out>/<study>/<analysis>[.<wave>][.<parameter>-<value>…].<lang>.html``.
    parameters : of the notebook, name -> value; text is parsed by the annotated type.
    notebooks : the folder of the notebooks; by default the one beside the package, else ``notebooks``.

    Raises
    ------
    OptionError
        Unknown analysis, language or parameter, or a value that its parameter cannot have.
    StudyError, DataError
        Something is wrong with study.yml or the answers.
    AnalysisError
        The study lacks what the analysis needs.
    ReportError
        The notebook failed. It is kept as executed, ``<name>.failed.ipynb``; an earlier report stays as it was.
    """
    job = Job(analysis, Path(study), lang, Path(out), dict(parameters or {}), None if notebooks is None else Path(notebooks))
    notebook, parsed, survey = _checked(job)
    folder = job.out / survey.study.id
    stem = _stem(job, parsed)
    given = {"study": str(_study_file(job.study).resolve()), "lang": lang, **parsed}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="csr-") as scratch:
        executed = Path(scratch) / "executed.ipynb"
        failed = folder / f"{stem}.failed.ipynb"
        try:
            page, workbook = _made(job, execute(notebook, executed, given, Path(scratch)))
        except ReportError as error:
            raise ReportError([_with_help(problem, _keep(executed, failed)) for problem in error.problems]) from None
        except Exception:
            _keep(executed, failed)
            raise
    path = folder / f"{stem}.html"
    _put(path.with_suffix(".xlsx"), workbook)
    _put(path, page.encode("utf-8"))
    failed.unlink(missing_ok=True)
    return path


def _checked(job: Job) -> tuple[Path, dict[str, Any], Survey]:
    """Check everything that can be wrong before the first slow step; return notebook, parsed parameters and answers."""
    import nbformat

    from csr_lib.analyses._options import language, resolve
    from csr_lib.study import open_study

    language(job.lang, job.lang)
    module = load(job.analysis)
    notebook = _notebook(job)
    where = notebook.name
    known = read_parameters(nbformat.read(notebook, as_version=4), where)
    lacking = [name for name in OWN_WAY if name not in known]
    if lacking:
        raise OptionError(f"the parameters cell lacks {' and '.join(lacking)}", where=where, mend="add them")
    parsed = check_parameters(known, job.parameters, f"parameters of {where}")
    survey = open_study(_study_file(job.study), lang=job.lang, wave=parsed.get("wave"), where=parsed.get("where"))
    options = {name: value for name, value in parsed.items() if name in module.Options.model_fields}
    resolve(module.Options, job.analysis, survey.study, options)
    problems = module.feeds(survey.study, **options)
    if problems:
        raise AnalysisError(problems)
    return notebook, parsed, survey


def _made(job: Job, nb: Any) -> tuple[str, bytes]:
    from csr_lib.report.page import find_result, make_page
    from csr_lib.report.workbook import make_workbook

    load(job.analysis)  # its Result class knows the titles of the tables
    result = Result.from_dict(find_result(nb, job.analysis))
    return make_page(nb, result, job.lang), make_workbook(result, job.lang)


def _study_file(study: Path) -> Path:
    return study / "study.yml" if study.is_dir() else study


def _notebook(job: Job) -> Path:
    beside = Path(csr_lib.__file__).resolve().parents[1] / "notebooks"
    folders = [job.notebooks] if job.notebooks else [beside, Path("notebooks")]
    for folder in folders:
        file = folder / f"{job.analysis}.ipynb"
        if file.is_file():
            return file.resolve()
    raise CsrError(
        f"there is no notebook '{job.analysis}.ipynb'",
        where=" or ".join(str(f) for f in folders),
        mend="run csr in the project's folder, or name the folder of the notebooks with --notebooks",
    )


def _stem(job: Job, parsed: Mapping[str, Any]) -> str:
    """The name of the report: analysis, wave, every other parameter that was given, language."""
    parts = [job.analysis]
    if parsed.get("wave") is not None:
        parts.append(_part(parsed["wave"]))
    for name, value in parsed.items():
        if name == "wave" or value is None:
            continue
        entries = value if isinstance(value, Mapping) else {name: value}
        parts += [f"{_part(key)}-{_part(entry)}" for key, entry in entries.items()]
    return ".".join([*parts, job.lang])


def _part(value: Any) -> str:
    """A value as part of a file name; where something had to be changed a few digits keep it apart from its like."""
    written = "-".join(str(v) for v in value) if isinstance(value, (list, tuple)) else str(value)
    written = written.lower() if isinstance(value, bool) else written
    safe = re.sub(r"[^\w+-]+", "_", written)[:_LONGEST_PART]
    return safe if safe == written else f"{safe}_{hashlib.sha256(written.encode()).hexdigest()[:6]}"


def _keep(executed: Path, failed: Path) -> Path | None:
    """Keep the executed notebook of a failed report, where it came so far."""
    if not executed.is_file():
        return None
    shutil.copyfile(executed, failed)
    return failed


def _with_help(problem: Problem, kept: Path | None) -> Problem:
    """Say where the executed notebook is; whoever mends the fault needs it."""
    if kept is None:
        return problem
    look = f"see the notebook as it was executed, {kept}; an earlier report stays as it was"
    return dataclasses.replace(problem, mend=f"{problem.mend}; {look}" if problem.mend else look)


def _put(path: Path, content: bytes) -> None:
    """Write a file so that whoever looks finds the old content or the new one, never a part of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
