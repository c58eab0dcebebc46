"""Run a notebook by papermill on this very interpreter, and say in one message what went wrong if it did."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csr_lib.core.errors import CsrError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_START_TIMEOUT = 300  # seconds; a cold disk on a busy machine
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CSR_ERROR = re.compile(r"^(?:csr_lib\.core\.errors\.)?(?:CsrError|StudyError|DataError|OptionError|AnalysisError)$")


class ReportError(CsrError):
    """A notebook failed, or its report could not be made from what it showed."""


def execute(notebook: Path, kept: Path, parameters: Mapping[str, Any], scratch: Path) -> NotebookNode:
    """Execute `notebook` with `parameters` and return it with its outputs.

    Parameters
    ----------
    notebook : the file; the kernel runs in its folder.
    kept : where the executed notebook is written; it is there even after a failure.
    parameters : values, already checked.
    scratch : a temporary folder for what IPython wants to write.

    Raises
    ------
    ReportError
        A cell failed (which one, and the error), or the kernel died.
    """
    import papermill
    from jupyter_client.manager import AsyncKernelManager
    from nbclient.exceptions import DeadKernelError
    from papermill.engines import NBClientEngine, papermill_engines

    from csr_lib.report.kernel import kernel_spec

    spec = kernel_spec(str(scratch / "ipython"))
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of parameters whose annotation it cannot read

    class ThisInterpreter(AsyncKernelManager):
        def __init__(self, **given: Any):
            if os.name == "posix":  # sockets in a folder that only this user can read, not ports of the machine
                given |= {"transport": "ipc", "connection_file": str(scratch / "kernel.json")}
            super().__init__(**given)

        def start_kernel(self, *args: Any, **more: Any) -> Any:
            return super().start_kernel(*args, stdout=log, stderr=log, **more)

        @property
        def kernel_spec(self) -> Any:
            return spec

    class SavesOnce(NBClientEngine):
        """Saves at the end or at the failure, even of the kernel; writing megabytes of figures after every cell takes seconds."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **more: Any) -> Any:
            path, nb_man.output_path = nb_man.output_path, None
            try:
                return super().execute_managed_notebook(nb_man, kernel_name, **more)
            finally:  # papermill saves once more when it is done, whether the notebook failed or not
                nb_man.output_path = path

    papermill_engines.register("csr", SavesOnce)
    said = scratch / "kernel.log"
    try:
        with said.open("wb") as log:
            return papermill.execute_notebook(
                notebook,
                kept,
                parameters=dict(parameters),
                engine_name="csr",
                kernel_name="python3",
                language="python",
                progress_bar=False,
                start_timeout=_START_TIMEOUT,
                kernel_manager_class=ThisInterpreter,
                resources={"metadata": {"path": str(notebook.parent)}},
            )
    except papermill.PapermillExecutionError as error:
        number = error.cell_index  # counted from 0 with the cell of given parameters that papermill put in: from 1 without it
        raise ReportError(
            _what(error.ename, error.evalue), where=f"{notebook.name}, cell {number} ({_first_line(error.source)})"
        ) from None
    except (DeadKernelError, RuntimeError) as error:
        last = said.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        raise ReportError(
            " ".join(["the notebook's process ended:", str(error), *last]),
            where=notebook.name,
            mend="most often memory ran out: run one report at a time, or fewer resamples",
        ) from None


def _what(name: str, value: str) -> str:
    """The error in words; an error that the library raised on purpose speaks for itself."""
    value = _ANSI.sub("", value).strip()
    return value if _CSR_ERROR.match(name) else f"{name}: {value}" if value else name


def _first_line(source: str) -> str:
    lines = [line.strip() for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return lines[0] if lines else "empty cell"


_WARNING = re.compile(r"^.*?:\d+: (\w*Warning: .*)$")


def warnings_of(nb: NotebookNode) -> list[str]:
    """Return the warnings that the cells of `nb` wrote, without paths and line numbers, each once.

    A report repeats them in its footer: what a font could not draw or an estimate that did not converge is for the reader too.
    """
    said: dict[str, None] = {}
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                for line in _ANSI.sub("", output.text).splitlines():
                    match = _WARNING.match(line)
                    if match:
                        said[match.group(1).strip()] = None
    return list(said)
