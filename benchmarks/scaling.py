"""Images a second of the batch entry on one core and on two: threads in one process, and one process a core."""

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.progress import track

from infra.prices import read_prices

from . import lambda_cost, machine
from .budget import Budget
from .figures import bars, embed
from .markdown import table, where
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
    times_one_core = {
        layout: round(spread["median"] / medians["one_core"]["median"], 2) for layout, spread in medians.items()
    }
    for layout, times in times_one_core.items():
        console.print(f"{layout}: {medians[layout]['median']:.1f} images a second, {times} times one core")
    return {
        "images_per_call": IMAGES,
        "images_per_s": medians,
        "bytes_per_image": written.bytes_per_image(),
        "times_one_core": times_one_core,
    }


def _rate(workers: list[Worker]) -> float:
    with ThreadPoolExecutor(len(workers)) as pool:
        start_s = time.perf_counter()
        list(pool.map(lambda worker: worker.answer(1), workers))
        return len(workers) * IMAGES / (time.perf_counter() - start_s)


_LAYOUTS = {
    "one_core": "one core",
    "two_cores": "one process on two cores, LEUKOLENS_THREADS=2",
    "two_processes": "two processes, a core each",
}
_COST_COLUMNS = (
    *("virtual CPUs", "memory, MB", "one thread, images/s", "US dollars a million"),
    *("a thread for each, images/s", "US dollars a million", "rate with threads"),
)


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    rates, times = results["images_per_s"], results["times_one_core"]
    rows = [
        [label, *(f"{rates[layout][key]:.1f}" for key in ("median", "low_quartile", "high_quartile")), times[layout]]
        for layout, label in _LAYOUTS.items()
    ]
    share = lambda_cost.parallel_share({layout: spread["median"] for layout, spread in rates.items()})
    price = read_prices()["lambda_gb_second"]
    return "\n".join(
        [
            "## A batch on one core and on two",
            "",
            where(results),
            "",
            f"Calls of the batch entry with {results['images_per_call']} images each, read from disk. Step Functions'"
            " Distributed Map runs many processes, which share nothing; one process can use a second core by a second"
            " thread in the model.",
            "",
            table(["", "images/s", "p25", "p75", "times one core"], rows),
            embed("scaling", "Images a second of a batch on one core and on two"),
            "### A million images on Lambda, by memory",
            "",
            f"The time of the function alone, at {price.usd:.10f} US dollars per GB-second ({price.as_of},"
            f" [to be checked]({price.source})); a virtual CPU is taken for one core here. Beyond two, rates with"
            f" threads are computed by Amdahl's law, with the share of {share:.0%} that ran in parallel on two cores."
            " The wait for S3, requests and the rest of a batch are in [the plan for a million images](scale.md).",
            "",
            table(_COST_COLUMNS, lambda_cost.rows(results)),
            embed("lambda-cost", "US dollars for the time of a million images, by virtual CPUs"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the rates and the prices."""
    rates = {"": [results["images_per_s"][layout]["median"] for layout in _LAYOUTS]}
    bars("scaling", list(_LAYOUTS.values()), rates, "images a second", log=False)
    rows = lambda_cost.rows(results)
    prices = {
        name: [float(row[column]) for row in rows] for name, column in (("one thread", 3), ("a thread for each", 5))
    }
    bars("lambda-cost", [f"{row[0]} ({row[1]} MB)" for row in rows], prices, "US dollars a million images", log=False)
