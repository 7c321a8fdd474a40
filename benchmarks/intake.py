"""The worst file of each format that the intake accepts: seconds of the processor, and the peak of memory.

Both are of the process that asks and of the one that decodes. Each file lies just within the limits of
``lambda/intake`` and is drawn in a process apart, so that neither the drawing's time nor its memory is measured.
``python -m benchmarks.intake`` writes results/intake_formats.json.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.progress import track

from terminal import open_console

from . import machine
from .worst_images import FILES

LIMIT_S, LIMIT_MB = 3.0, 700.0
RESULTS: Final = machine.ROOT / "benchmarks" / "results" / "intake_formats.json"
_READ: Final = """
import os, resource, sys, time
sys.path.insert(0, "lambda")
from intake import ImageError, read_image
data = open(sys.argv[1], "rb").read()
warm = open(sys.argv[2], "rb").read()
read_image(warm)  # the child is started, and TIFF's library loaded, once a process
from intake import picture as module

def busy_s():
    # The processor's time of both, whatever else the machine has to do.
    own = time.process_time()
    try:
        fields = open(f"/proc/{module._process.pid}/stat").read().rpartition(")")[2].split()
    except OSError:
        return own
    return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

start = busy_s()
try:
    picture = read_image(data)
    outcome = f"{picture.width} x {picture.height}"
except ImageError as error:
    outcome = f"refused: {error.reason}"
seconds = busy_s() - start
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
module._process.close()
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
scale = 1e6 if sys.platform == "darwin" else 1e3
import json
print(json.dumps({"told": outcome, "seconds": round(seconds, 2), "peak_mb": round((own + child) / scale)}))
"""


def measure(console: Console) -> list[dict[str, Any]]:
    """Measure each format's worst accepted file; gives a row each: name, file, seconds, peak of memory."""
    rows = []
    with TemporaryDirectory() as folder:
        path, warm = Path(folder) / "worst", Path(folder) / "warm.tif"
        _draw("TIFF, 39,000 tiles of 16", warm)
        for name in track(names(), "Formats", console=console, transient=True):
            _draw(name, path)
            row = {"name": name, "file_mb": round(path.stat().st_size / 1e6, 2), **_measure_file(path, warm)}
            console.print(
                f"{name}: {row['told']}, {row['file_mb']} MB, {row['seconds']} s, {row['peak_mb']} MB", markup=False
            )
            rows.append(row)
    return rows


def names() -> list[str]:
    """List the worst files that can be drawn."""
    return list(FILES)


def _draw(name: str, path: Path) -> None:
    _run("-m", "benchmarks.worst_images", name, str(path))


def _measure_file(path: Path, warm: Path) -> dict[str, Any]:
    measurement: dict[str, Any] = json.loads(_run("-c", _READ, str(path), str(warm)))
    return measurement


def _run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=machine.ROOT, check=True, capture_output=True, text=True).stdout.strip()


def last_measured() -> list[dict[str, Any]]:
    """Read what was last measured: drawing the files takes longer than a part of ``make bench`` may."""
    results: list[dict[str, Any]] = json.loads(RESULTS.read_text("utf-8"))["files"] if RESULTS.is_file() else []
    return results


def _write(rows: list[dict[str, Any]]) -> None:
    RESULTS.write_text(json.dumps({**machine.describe(), "files": rows}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    _write(measure(open_console(stderr=True)))
