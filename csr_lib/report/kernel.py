"""The process a notebook runs in: this interpreter, forked from one that has everything imported where the system can fork.

Importing what a report needs takes seconds, for every report again. One process does it once (`csr_lib.report.warmed`); every
kernel is a fresh copy of it, so that no report sees anything of another.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

#: Small matrices are slower with a threaded BLAS, and two reports run side by side; nothing may depend on the order of a set.
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "",
    "PYTHONUTF8": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def kernel_spec(ipython: str) -> KernelSpec:
    """Return the kernel of a report; no kernelspec, start-up file or configuration of the user can change what it says."""
    return KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--HistoryManager.enabled=False"],
        display_name="Python 3",
        language="python",
        env={**ENVIRONMENT, "IPYTHONDIR": ipython},
        metadata={"kernel_provisioner": {"provisioner_name": "csr-forked"}} if hasattr(os, "fork") else {},
    )


class ForkedProvisioner(LocalProvisioner):
    """Starts a kernel by forking; all else is as with a kernel that is started the usual way."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel with the arguments, folder, environment and log file that are asked for."""
        start = cmd[cmd.index("-f") :]
        asked = {"start": start, "cwd": str(kwargs["cwd"]), "env": dict(kwargs["env"]), "log": kwargs["stdout"].name}
        forked: Any = _Forked(_warmed(), asked)  # has what the provisioner asks of a Popen
        self.process = forked
        self.pid = self.pgid = forked.pid
        return self.connection_info


class _Warmed:
    """The process that forks, asked one thing at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "csr_lib.report.warmed"]
        env = {**os.environ, **ENVIRONMENT}
        self._process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._one_at_a_time = threading.Lock()

    def ask(self, question: Mapping[str, Any]) -> int | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the process that kernels are forked from has ended")
        number: int | None = json.loads(answer)
        return number


_warmed = cache(_Warmed)  # one for all reports of this process; it ends with it


class _Forked:
    """A forked process with the face of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, warmed: _Warmed, asked: Mapping[str, Any]):
        number = warmed.ask(asked)
        assert number is not None
        self._warmed, self.pid = warmed, number
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._warmed.ask({"poll": self.pid})
        return self.returncode

    def wait(self) -> int | None:
        return self.poll()  # the provisioner waits until there is an answer

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
