"""Workers as seen from the measuring process."""

import json
import subprocess
import sys
import time
from types import TracebackType
from typing import Self, cast

from .machine import CORE, ROOT, resident_mb


class Worker:
    """One contender, loaded and answering on the measured core; leaving the ``with`` ends it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.worker",
                name,
                str(-1 if CORE is None else CORE),
                str(time.monotonic_ns()),
            ],
            cwd=ROOT,
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
            raise RuntimeError(f"{self.name} ended; see: python -m benchmarks.worker {self.name} -1 0 </dev/null")
        return json.loads(line)
