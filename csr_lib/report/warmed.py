"""A process that has imported what every report needs and forks a kernel when asked: ``python -m csr_lib.report.warmed``.

One JSON object a line: ``{"start": arguments, "cwd": …, "env": …, "log": …}`` is answered by the number of the new process,
``{"poll": number}`` by null while it runs and then by its exit code. It ends, and its kernels with it, when its input ends.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any


def main() -> None:
    """Import, then answer until the input ends."""
    _warm_up()
    codes: dict[int, int] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        answer: int | None
        if "start" in asked:
            answer = _fork(asked)
        else:
            number = asked["poll"]
            if number not in codes:
                done, status = os.waitpid(number, os.WNOHANG)
                if done:
                    codes[number] = os.waitstatus_to_exitcode(status)
            answer = codes.get(number)
        print(json.dumps(answer), flush=True)


def _warm_up() -> None:
    from csr_lib.analyses import ANALYSES
    from csr_lib.core.errors import CsrError
    from csr_lib.core.text import LANGUAGES, catalogue
    from csr_lib.show.figure import Figure

    common = ("ipykernel.ipkernel", "ipykernel.kernelapp", "matplotlib.figure", "matplotlib.backends.backend_svg", "pandas")
    slow = ("scipy.stats",)  # imported only where it is used, which is in nearly every report
    for name in (*common, *slow, "csr_lib.study", *(f"csr_lib.analyses.{analysis}" for analysis in ANALYSES)):
        import_module(name)
    for lang in LANGUAGES:
        catalogue(lang)
    with suppress(CsrError):  # a font that is not there is the report's to tell
        Figure(_first, "first", "", "").svg()


def _first(fig: Any, narrow: bool) -> None:
    """Draw what makes matplotlib read the fonts, which every process does with its first figure."""
    fig.subplots().set_title("满意 A")


def _fork(asked: dict[str, Any]) -> int:
    number = os.fork()
    if number:
        return number
    try:
        # a kernel ends when its parent does, which is this process
        os.environ.update({**asked["env"], "JPY_PARENT_PID": str(os.getppid())})
        os.chdir(asked["cwd"])
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND)
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, target)
        os.setsid()
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(argv=asked["start"])
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
