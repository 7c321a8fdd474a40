"""The service on this machine, for whoever sends it much, and whether its memory stays."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from local.children import Child, answers

from . import machine

HOST: Final = "127.0.0.1"
TIMEOUT_S: Final = 60.0
LONGEST_S: Final = 3.0
"""What one request may take, whatever else is sent."""
GROWTH: Final = 1.10
"""Of resident memory, last tenth against the second: caches are warm after the first."""


@contextmanager
def serving() -> Iterator[tuple[int, int]]:
    """Run the service in a process that ends with the block; gives its process id and its port."""
    port = machine.free_port()
    with TemporaryDirectory() as folder:
        command = ["local", "serve", "--host", HOST, "--port", str(port), "--data", folder]
        with Child("service", command, Path(folder), dict(os.environ)) as server:
            server.wait_until(lambda: answers(f"{url_of(port)}/v1/health"), TIMEOUT_S)
            yield server.pid, port


def url_of(port: int) -> str:
    """Give the address of the service."""
    return f"http://{HOST}:{port}"


def early_and_late(memory_mb: Sequence[float]) -> tuple[float, float]:
    """Give the medians of the second tenth and of the last."""
    tenth = max(1, len(memory_mb) // 10)
    return median(memory_mb[tenth : 2 * tenth + 1] or memory_mb), median(memory_mb[-tenth:])


def growth_fault(early_mb: float, late_mb: float) -> str:
    """Say that memory grew; empty where it stays."""
    return f"memory grew from {early_mb:.0f} to {late_mb:.0f} MB" if late_mb > early_mb * GROWTH else ""
