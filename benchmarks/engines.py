"""The bare model on each peer's engine, in the peer's own environment, in turn on the measured core."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .budget import Budget
from .contest import Peer, one_thread
from .environments import PEERS
from .machine import CORE, pin
from .statistics import summary

ROUNDS = 20
BURST = 5


def measure(budget: Budget, folders: Mapping[Peer, Path], until: float) -> dict[str, Any]:
    """Time the engines of the peers that are there.

    Parameters
    ----------
    budget, until
        Of the part; the share of it after which no round begins.
    folders
        The environment of each peer. An engine that several have is measured in the first one's.

    Returns
    -------
    dict
        Milliseconds of one forward pass by engine, summed up.
    """
    chosen: dict[str, tuple[Peer, Path]] = {}
    for peer, folder in folders.items():
        if peer.engine:
            chosen.setdefault(peer.engine, (peer, folder))
    times_ms: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        running = {name: stack.enter_context(_start(name, *where)) for name, where in chosen.items()}
        for _ in budget.turns("bare models", ROUNDS, 3, until):
            for name, process in running.items():
                times_ms[name] += _answer(process, BURST + 1)[1:]  # the first brings its code back into the caches
        for process in running.values():
            process.kill()
    return {name: summary(values) for name, values in times_ms.items()}


def _start(engine: str, peer: Peer, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [folder / "bin" / "python", PEERS / "engine.py", engine, peer.model()],
        env=one_thread(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: pin(CORE),
    )


def _answer(process: "subprocess.Popen[str]", times: int) -> list[float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{times}\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the bare model did not answer: {process.args}")
    found: list[float] = json.loads(line)
    return found
