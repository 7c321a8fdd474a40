"""Child processes that never outlive this one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

STOP_S = 5.0
_POLL_S = 0.1
_TAIL_LINES = 15


def answers(url: str) -> bool:
    """Tell whether a server of this machine answers, and well; for ``Child.wait_until``."""
    try:
        # Never through a proxy of the environment: this machine's own address.
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


class ChildError(Exception):
    """A child process ended or never became ready; the message holds the end of its log."""


class Child:
    """One Python module in a process of its own, logging to a file; leaving the ``with`` ends it.

    Parameters
    ----------
    name
        For messages and the log's name.
    command
        Module and arguments.
    logs
        Folder of the log.
    environment
        Of the process, complete.
    interpreter
        Which Python runs it. Another virtual environment's finds :mod:`local.tether` by ``PYTHONPATH``.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        logs: Path,
        environment: dict[str, str],
        interpreter: str = sys.executable,
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of this project
                [interpreter, "-m", "local.tether", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                # Ctrl-C goes to this process alone, which ends the children in order.
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # What it started and left behind, as MLflow's command leaves the server that it asks gunicorn for.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        if self._process.stdin is not None:
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def check(self) -> None:
        """Make sure that the child runs.

        Raises
        ------
        ChildError
            When it has ended.
        """
        status = self._process.poll()
        if status is not None:
            raise ChildError(f"{self.name} ended with status {status}. The end of {self.log}:\n{self._tail()}")

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until the child is ready.

        Raises
        ------
        ChildError
            When it ends first, or takes longer than ``timeout_s``.
        """
        deadline_s = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > deadline_s:
                raise ChildError(
                    f"{self.name} was not ready after {timeout_s:g} s. The end of {self.log}:\n{self._tail()}"
                )
            time.sleep(_POLL_S)

    def _tail(self) -> str:
        lines = self.log.read_text("utf-8", "replace").splitlines()[-_TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (empty)"
