"""The bare model on each peer's engine, in the peer's own environment, on the measured core."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .contest import Peer, one_thread
from .environments import PEERS
from .machine import CORE, pin

CALLS = 8
HUGE_PAGES = "_in_huge_pages"
"""Ends the name of an engine whose memory is asked of the kernel in large pages: what scattered small ones cost."""
_ASK_FOR_HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # since glibc 2.35; older ones pass it over


def by_engine(folders: dict[Peer, Path]) -> dict[str, tuple[Peer, Path]]:
    """Give each engine with one peer that has it, and that peer's environment; LiteRT also with huge pages."""
    peers = {peer.engine: (peer, folder) for peer, folder in reversed(folders.items()) if peer.engine}
    return peers | {engine + HUGE_PAGES: peers[engine] for engine in ("litert",) if engine in peers}


def run(engine: str, peer: Peer, folder: Path) -> tuple[list[float], list[float]]:
    """Start an engine, and run the model ``CALLS`` times; gives milliseconds, and those of the processor."""
    name = engine.removesuffix(HUGE_PAGES)
    command: Iterable[str | Path] = [folder / "bin" / "python", PEERS / "engine.py", name, peer.model()]
    completed = subprocess.run(
        list(command),
        env=one_thread() | ({} if name == engine else _ASK_FOR_HUGE_PAGES),
        # Once more first: that run sets things up.
        input=f"1\n{CALLS}\n",
        capture_output=True,
        text=True,
        preexec_fn=lambda: pin(CORE),
    )
    if completed.returncode != 0:
        raise RuntimeError(f"the bare model on {engine} did not answer: {completed.stderr[-500:]}")
    times_ms, processor_ms = json.loads(completed.stdout.splitlines()[-1])
    return times_ms, processor_ms
