"""What the tables made better: the code from before and the code from after, in turn, in one run.

Before is a commit of this repository, unpacked beside the checkout; both run the contenders of today on the model of
today.
"""

import shutil
import subprocess
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from . import machine
from .budget import Budget
from .processes import Worker
from .statistics import shuffled, summary

BEFORE = "d4a360d"
"""The last commit before the first improvement of lambda/ and training/ that is listed here."""
_FOLDERS = ("lambda", "local", "samples", "training")


@dataclass(frozen=True)
class Change:
    """One thing that was made smaller.

    Attributes
    ----------
    name
        Short.
    what
        What is timed, and what was done about it.
    contender
        Of benchmarks/contenders.py.
    cold
        Whether the start of the process is timed, and not a call.
    rounds
        At most.
    """

    name: str
    what: str
    contender: str
    cold: bool = False
    rounds: int = 9


CHANGES = (
    Change(
        "batch_from_storage",
        "A batch of 20 images from a store that takes 20 ms for each read, one core: reads run ahead of the model",
        "batch:20:20",
        rounds=4,
    ),
    Change(
        "cold_start",
        "A cold start on one core: the HTTP resolver without its siblings, no HTTP client or TLS before it is needed",
        "handler",
        cold=True,
    ),
    Change(
        "split",
        "Random and contiguous folds of 10,000 images, one core: groups dealt without arrays, embargoes as masks",
        "split:10000",
        rounds=3,
    ),
)


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure."""
    found = {}
    with TemporaryDirectory() as folder:
        roots = {"before": _unpack(Path(folder)), "after": machine.ROOT}
        for number, change in enumerate(CHANGES, 1):
            found[change.name] = _compare(change, roots, budget, number / len(CHANGES))
            console.print(f"{change.name}: {found[change.name]['times_as_fast']} times as fast")
    return {"before": BEFORE, "changes": found}


def _compare(change: Change, roots: dict[str, Path], budget: Budget, until: float) -> dict[str, Any]:
    taken_ms: dict[str, list[float]] = defaultdict(list)
    # Each way once, unmeasured, also where starts are measured: byte code is there afterwards.
    workers = {way: Worker(change.contender, root) for way, root in roots.items()}
    try:
        for turn in budget.turns(change.name.replace("_", " "), change.rounds, 2, until):
            for way, root in shuffled(roots.items(), turn):
                if change.cold:
                    with Worker(change.contender, root) as worker:
                        taken_ms[way].append(worker.milestones_ms["total_ms"])
                else:
                    taken_ms[way] += workers[way].answer(1)
    finally:
        for worker in workers.values():
            worker.__exit__(None, None, None)
    before, after = summary(taken_ms["before"]), summary(taken_ms["after"])
    ratio = round(before["median"] / after["median"], 2)
    return {"what": change.what, "before_ms": before, "after_ms": after, "times_as_fast": ratio}


def _unpack(folder: Path) -> Path:
    """Unpack the folders of the earlier commit, with the contenders of today beside them."""
    command = ["git", "archive", "--format=tar", BEFORE, *_FOLDERS]
    done = subprocess.run(command, cwd=machine.ROOT, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"commit {BEFORE} is not in this clone: fetch its history by git fetch --unshallow")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    for name in ("__init__", "contenders", "machine", "rows", "worker"):
        (folder / "benchmarks").mkdir(exist_ok=True)
        shutil.copy(machine.ROOT / "benchmarks" / f"{name}.py", folder / "benchmarks")
    return folder
