"""Workers as seen from the measuring process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, cast

from .machine import CORE, MODEL_DIR, ROOT, resident_mb


class Worker:
    """One contender, loaded and answering on the measured core; leaving the ``with`` ends it.

    Parameters
    ----------
    name
        Of the function in contenders.py, with its arguments after colons.
    cores
        To run on; empty for the measured core, where the system can pin.
    variables
        Of its environment.
    """

    def __init__(self, name: str, cores: Sequence[int] = (), **variables: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.worker",
                name,
                ",".join(map(str, cores or ([] if CORE is None else [CORE]))),
                str(time.monotonic_ns()),
            ],
            cwd=ROOT,
            env=os.environ
            | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'lambda'}", "LEUKOLENS_MODEL_DIR": str(MODEL_DIR)}
            | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.milestones_ms = cast("dict[str, float]", self._read())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def answer(self, times: int) -> list[float]:
        """Answer so many times; gives each one's milliseconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        return cast("list[float]", self._read())

    def resident_mb(self, *, peak: bool = False) -> float:
        """Give its memory now, or at its highest."""
        return resident_mb(self._process.pid, peak=peak)

    def _read(self) -> object:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended; see: python -m benchmarks.worker {self.name} '' 0 </dev/null")
        return json.loads(line)
