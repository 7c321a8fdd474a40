"""Where a measurement was made, and with which versions."""

import importlib.metadata
import json
import os
import platform
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
MODEL_DIR = ROOT / "models" / "default"
_PACKAGES = (
    "ai-edge-litert",
    "aws-lambda-powertools",
    "httpx",
    "keras",
    "numpy",
    "pillow",
    "pydantic",
    "tensorflow-cpu",
    "uvicorn",
)

CORE = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
"""The core that measured processes are pinned to; None where the system cannot pin."""


def cores() -> list[int]:
    """List the cores that this process may use, in order."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def pin(core: int | None) -> None:
    """Keep this process on one core."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def keep_off(core: int | None) -> None:
    """Keep this process off a core, where there are others."""
    if core is not None:
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {core} or {core})


def resident_mb(pid: int, *, peak: bool = False) -> float:
    """Give the memory of a process, in MB (10^6 bytes), now or at its highest; Linux only."""
    key = "VmHWM" if peak else "VmRSS"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return round(int(value.split()[0]) * 1024 / 1e6, 1)
    raise RuntimeError(f"/proc/{pid}/status holds no {key}")


def own_resident_mb() -> float:
    """Give the highest memory of this process, in MB (10^6 bytes)."""
    return resident_mb(os.getpid(), peak=True)


def processor_ms(pid: int) -> float:
    """Give the processor time of a process so far, in milliseconds; Linux only."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def free_port() -> int:
    """Give a port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def describe() -> dict[str, Any]:
    """Describe this machine, this moment and what is installed."""
    card = json.loads((MODEL_DIR / "model.json").read_text())
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            # Far above the number of cores, others were at work, and single times say less than ratios.
            "load_average": [round(load, 2) for load in os.getloadavg()],
        },
        "versions": {"python": platform.python_version()} | _versions(),
        "model": {key: card[key] for key in ("version", "sha256", "size_bytes", "backbone", "precision")},
    }


def write(name: str, results: dict[str, Any]) -> Path:
    """Write results, with where they were made, to ``benchmarks/results/<name>.json``."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(describe() | results, indent=2) + "\n")
    return path


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
