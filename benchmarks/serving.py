"""One request and one cold start, beside the model alone and beside the path that this project grew from.

Every contender is a process of its own, all on one core, asked in turn, so that what else the machine does meets
them alike.
"""

from collections import defaultdict
from typing import Any

from rich.console import Console
from rich.progress import track

from terminal import Column, Table

from . import machine
from .budget import Budget
from .figures import bars, embed
from .imports import import_costs_ms
from .markdown import table, times, where
from .processes import Worker
from .statistics import Summary, shuffled, summary

ROUNDS = 8
BURST = 5
# Few calls of the slow one say as much.
WARM = {
    "litert_invoke": BURST,
    "handler": BURST,
    "handler_on_tensorflow": BURST,
    "handler_explain": BURST,
    "local_http": BURST,
    "keras_vgg16": 1,
}
COLD = {"handler": 7, "handler_on_tensorflow": 2, "keras_vgg16": 2}
MEMORY_CALLS, MEMORY_BURST = 300, 100


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure, and print the results."""
    warm = _warm(console, budget)
    cold, steps = _cold(console, budget)
    results: dict[str, Any] = {
        "pinned_to_core": machine.CORE,
        "image": "synthetic field, JPEG, 224 x 224 pixels",
        "warm_ms": warm,
        "cold_start_ms": cold,
        "cold_start_steps_ms": steps,
        "imports_ms": import_costs_ms("import handler"),
        "memory_mb": _memory(console, budget),
        "ratios": {
            "handler_to_invoke": _ratio(warm, "handler", "litert_invoke"),
            "vgg16_to_handler": _ratio(warm, "keras_vgg16", "handler"),
            "cold_start_tensorflow_to_handler": _ratio(cold, "handler_on_tensorflow", "handler"),
        },
        "explain_adds_ms": round(warm["handler_explain"]["median"] - warm["handler"]["median"], 3),
    }
    show(console, results)
    return results


def _warm(console: Console, budget: Budget) -> dict[str, Summary]:
    workers = [Worker(name) for name in WARM]
    times_ms: dict[str, list[float]] = defaultdict(list)
    try:
        turns = budget.turns("warm requests", ROUNDS, 5, until=0.5)
        for turn in track(turns, "Warm requests", ROUNDS, console=console, transient=True):
            for worker in shuffled(workers, turn):
                worker.answer(1)  # brings its code and data back into the caches that the others took
                times_ms[worker.name] += worker.answer(WARM[worker.name])
    finally:
        for worker in workers:
            worker.__exit__(None, None, None)
    return {name: summary(values) for name, values in times_ms.items()}


def _cold(console: Console, budget: Budget) -> tuple[dict[str, Summary], dict[str, float]]:
    totals: dict[str, list[float]] = defaultdict(list)
    steps: dict[str, list[float]] = defaultdict(list)
    rounds = max(COLD.values())
    turns = budget.turns("cold starts", rounds, 2, until=0.8)
    for turn in track(turns, "Cold starts", rounds, console=console, transient=True):
        for name in (name for name, count in COLD.items() if turn < count):
            with Worker(name) as worker:
                totals[name].append(worker.milestones_ms["total_ms"])
                if name == "handler":
                    for step, value in worker.milestones_ms.items():
                        steps[step].append(value)
    return (
        {name: summary(values) for name, values in totals.items()},
        {step: round(summary(values)["median"], 1) for step, values in steps.items()},
    )


def _memory(console: Console, budget: Budget) -> dict[str, float]:
    """Give the memory after the first hundred requests, after the last, and of a photograph."""
    memories_mb: list[float] = []
    rounds = MEMORY_CALLS // MEMORY_BURST
    with Worker("handler") as worker:
        for _ in track(budget.turns("memory", rounds, 2), "Memory", rounds, console=console, transient=True):
            worker.answer(MEMORY_BURST)
            memories_mb.append(worker.resident_mb())
    memory_mb = {f"after_{number * MEMORY_BURST}_requests": memories_mb[number - 1] for number in (1, len(memories_mb))}
    with Worker("handler_24_megapixels") as worker:
        memory_mb["peak_24_megapixels"] = worker.resident_mb(peak=True)
    return memory_mb


def _ratio(series: dict[str, Summary], numerator: str, denominator: str) -> float:
    return round(series[numerator]["median"] / series[denominator]["median"], 2)


def show(console: Console, results: dict[str, Any]) -> None:
    """Print the results as tables."""
    for title, key in (("Warm request, ms", "warm_ms"), ("Cold start to first answer, ms", "cold_start_ms")):
        numbers = [Column(name, right=True) for name in ("fastest", "median", "p99", "middle half", "n")]
        table = Table(["way", *numbers], title=title)
        for name, spread in results[key].items():
            middle_half = f"{spread['low_quartile']:.2f} to {spread['high_quartile']:.2f}"
            table.add(
                name,
                f"{spread['fastest']:.2f}",
                f"{spread['median']:.2f}",
                f"{spread['p99']:.2f}",
                middle_half,
                str(spread["n"]),
            )
        table.write(console)
    for title, key in (("Imports of the handler, ms", "imports_ms"), ("Memory, MB", "memory_mb"), ("Ratios", "ratios")):
        table = Table(["what", Column("value", right=True)], title=title)
        for name, value in results[key].items():
            table.add(name, f"{value:g}")
        table.write(console)
    console.print(f"explain=true adds {results['explain_adds_ms']:.2f} ms")


_CONTENDERS = {
    "litert_invoke": "LiteRT alone: the floor",
    "handler": "the whole handler, event to JSON",
    "handler_on_tensorflow": "the same handler on TensorFlow's interpreter",
    "handler_explain": "the handler with the heat map",
    "local_http": "through the local server, over HTTP",
    "keras_vgg16": "PIL and Keras VGG16 `predict`: the path that this project grew from",
}


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    slower = results["ratios"]["cold_start_tensorflow_to_handler"]
    ratios, memory, steps = results["ratios"], results["memory_mb"], results["cold_start_steps_ms"]
    memory_after = ", ".join(
        f"{size} MB {key.replace('_', ' ')}" for key, size in memory.items() if key.startswith("after_")
    )
    return "\n".join(
        [
            "## One request and one cold start",
            "",
            where(results),
            "",
            f"A warm request with a {results['image']}:",
            "",
            times(_CONTENDERS, results["warm_ms"]),
            f"The handler takes {ratios['handler_to_invoke']} times the model alone; VGG16 takes"
            f" {ratios['vgg16_to_handler']} times the handler; `explain=true` adds {results['explain_adds_ms']} ms.",
            "",
            "From the start of the process to the first answer, files in the page cache:",
            "",
            times(_CONTENDERS, results["cold_start_ms"]),
            f"On TensorFlow the cold start takes {slower} times as long. The handler's own, step by step:"
            f" interpreter {steps['interpreter_ms']} ms, imports and model {steps['load_ms']} ms, first answer"
            f" {steps['first_answer_ms']} ms. What its imports cost, each without what it imports itself:",
            "",
            table(["package", "ms"], results["imports_ms"].items()),
            f"Memory of the handler's process: {memory_after}; at most {memory['peak_24_megapixels']} MB for a JPEG of"
            " 24 megapixels.",
            "",
            embed("serving", "Milliseconds of a warm request and from a start to the first answer"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the medians of those that were started as well."""
    warm, cold = results["warm_ms"], results["cold_start_ms"]
    series = {
        "warm request": [warm[name]["median"] for name in cold],
        "cold start": [cold[name]["median"] for name in cold],
    }
    bars("serving", [name.replace("_", " ") for name in cold], series, "ms", log=True)
