"""``python -m benchmarks.test_run [PYTEST OPTION...]``: time and peak memory of each process of ``make test``.

Not in ``make bench``, which would take a third longer. Options go to pytest: ``tests/unit/training -n 1`` measures a
folder. Prints a table, and keeps it in ``results/test_run.json`` where the whole of ``make test`` was run.
"""

import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from terminal import Column, Table, open_console

from . import machine

_RESULT = pytest.StashKey[list[dict[str, Any]]]()
_START = pytest.StashKey[float]()
_MIB = 2**20
# What getrusage calls a kilobyte is a byte on macOS.
_RSS_BYTES = 1 if sys.platform == "darwin" else 1024
_STATUS = Path("/proc/self/status")


def main(options: list[str]) -> int:
    """Run the tests and print what their processes took; gives pytest's exit code."""
    is_whole_run = not options
    parallel = ["--numprocesses", "auto", "--no-loadscope-reorder"]
    arguments = [*parallel, "-m", selection(), "--keep-result"] if is_whole_run else options
    command = [sys.executable, "-m", "pytest", "-p", "benchmarks.test_run", *arguments]
    return subprocess.run(command, cwd=machine.ROOT, check=False).returncode


def selection() -> str:
    """Give the markers of what the Makefile's ``test`` runs, as it says them."""
    makefile = (machine.ROOT / "Makefile").read_text(encoding="utf-8")
    (elsewhere,) = re.findall(r"^ELSEWHERE := (.+)$", makefile, re.MULTILINE)
    return f"not ({elsewhere})"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the whole run."""
    parser.addoption("--keep-result", action="store_true", help="write benchmarks/results/test_run.json")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start this process's clock."""
    session.config.stash[_START] = time.monotonic()
    session.config.stash[_RESULT] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send this process's time and memory to the controlling one; without workers, keep them here."""
    config = session.config
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    usage = {
        "wall_s": round(time.monotonic() - config.stash[_START], 1),
        "processor_s": round(sum((own.ru_utime, own.ru_stime, children.ru_utime, children.ru_stime)), 1),
        "peak_mib": round(_peak_bytes(own) / _MIB),
        "peak_of_a_child_mib": round(children.ru_maxrss * _RSS_BYTES / _MIB),
    }
    if hasattr(config, "workeroutput") and hasattr(config, "workerinput"):
        config.workeroutput["took"] = usage | {"name": config.workerinput["workerid"]}
    elif not config.stash[_RESULT]:
        config.stash[_RESULT].append(usage | {"name": "pytest"})


def _peak_bytes(usage: resource.struct_rusage) -> int:
    """Give what this process held at most; on Linux, ru_maxrss begins with what its parent held when it forked."""
    if _STATUS.exists():
        (peak_kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
        return int(peak_kib) * 1024
    return usage.ru_maxrss * _RSS_BYTES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Keep what a worker sent before it ended."""
    if "took" in getattr(node, "workeroutput", {}):
        node.config.stash[_RESULT].append(node.workeroutput["took"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a row for each process, the one with the highest memory first."""
    usages = config.stash[_RESULT]
    rows = sorted(usages, key=lambda row: -row["peak_mib"])
    numbers = ("wall, s", "processor, s", "peak, MiB", "peak of a child, MiB")
    table = Table(["process", *(Column(name, right=True) for name in numbers)])
    for row in rows:
        figures = (row[name] for name in ("wall_s", "processor_s", "peak_mib", "peak_of_a_child_mib"))
        table.add(row["name"], *map(str, figures))
    table.write(open_console())
    if config.option.keep_result:
        passed = len(terminalreporter.getreports("passed"))
        minutes = round((time.monotonic() - config.stash[_START]) / 60, 1)
        machine.write("test_run", {"passed": passed, "minutes": minutes, "processes": rows})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
