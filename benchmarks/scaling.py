"""Images a second of the batch entry on one core and on two: threads in one process, and one process a core."""

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.progress import track

from . import machine
from .budget import Budget
from .processes import Worker
from .scale import written
from .statistics import shuffled, summary

IMAGES = 20
"""Of one call: enough that what is done once a call does not tell."""
ROUNDS = 6


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure."""
    cores = machine.cores()
    if len(cores) < 2:
        raise RuntimeError("one core is not enough to show how a batch grows with cores: run on a machine with two")
    one_core, two_cores = cores[-1:], cores[-2:]
    rates: dict[str, list[float]] = defaultdict(list)
    name = f"batch:{IMAGES}"
    with ExitStack() as stack:
        groups = {
            "one_core": [stack.enter_context(Worker(name, cores=one_core))],
            "two_cores": [stack.enter_context(Worker(name, cores=two_cores, LEUKOLENS_THREADS="2"))],
            "two_processes": [stack.enter_context(Worker(name, cores=[core])) for core in two_cores],
        }
        for turn in track(budget.turns("batches", ROUNDS, 3), "Batches", ROUNDS, console=console, transient=True):
            for layout, workers in shuffled(groups.items(), turn):
                rates[layout].append(_rate(workers))
    medians = {layout: summary(values) for layout, values in rates.items()}
    results = {
        "images_per_call": IMAGES,
        "images_per_s": medians,
        "bytes_per_image": written.bytes_per_image(),
        "times_one_core": {
            layout: round(s["median"] / medians["one_core"]["median"], 2) for layout, s in medians.items()
        },
    }
    for layout, times in results["times_one_core"].items():
        console.print(f"{layout}: {medians[layout]['median']:.1f} images a second, {times} times one core")
    return results


def _rate(workers: list[Worker]) -> float:
    with ThreadPoolExecutor(len(workers)) as pool:
        start_s = time.perf_counter()
        list(pool.map(lambda worker: worker.answer(1), workers))
        return len(workers) * IMAGES / (time.perf_counter() - start_s)
