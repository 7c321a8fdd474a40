"""Processor, memory, disk and network while a run goes on, by MLflow's own monitors but into the journal.

Which code a run is of, and who runs it.
"""

import getpass
import shlex
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.tracking.run import Run

INTERVAL_S = 10.0
"""MLflow's own."""


class SystemMetrics:
    """Samples as long as the ``with`` lasts."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="system-metrics", daemon=True)

    def __enter__(self) -> "SystemMetrics":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join(timeout=INTERVAL_S)

    def _watch(self) -> None:
        # Here: importing MLflow takes seconds, which training need not wait for.
        from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
        from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
        from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

        kinds: tuple[Any, ...] = (CPUMonitor, DiskMonitor, NetworkMonitor)  # untyped
        monitors = [kind() for kind in kinds]
        step = 0
        while True:
            sample: dict[str, float] = {}
            for monitor in monitors:
                monitor.collect_metrics()
                sample |= {f"system/{name}": float(value) for name, value in monitor.aggregate_metrics().items()}
                monitor.clear_metrics()
            self._run.observe(step, sample)
            step += 1
            if self._stopped.wait(INTERVAL_S):
                return


_ROOT = Path(__file__).resolve().parents[2]


def source_tags() -> dict[str, str]:
    """Give who runs what: the command, its user, the git commit and whether files differ from it."""
    command = shlex.join(("python -m training", *sys.argv[1:])).replace("'python -m training'", "python -m training")
    tags = {"mlflow.source.name": command, "mlflow.source.type": "LOCAL"}
    with suppress(KeyError, OSError):  # a container's user may have no name
        tags["mlflow.user"] = getpass.getuser()
    if commit := _git("rev-parse", "HEAD"):
        tags |= {"mlflow.source.git.commit": commit, "git_changed": str(bool(_git("status", "--porcelain"))).lower()}
    return tags


def _git(*arguments: str) -> str:
    try:
        # The arguments are this module's own; git is where the user's PATH has it.
        completed = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return completed.stdout.strip() if completed.returncode == 0 else ""
