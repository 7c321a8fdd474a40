"""How near the model comes to what the core can do, and how much of a request is not the model.

The limit is measured, too: a product of two large float32 matrices by numpy's OpenBLAS on the same core.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from . import machine
from .budget import Budget
from .contenders import MATRIX_SIDE
from .operations import count
from .processes import Worker
from .statistics import summary

ROUNDS = 60
BURST = 5
PRODUCT, REQUEST, DEFAULT = "matrix_product", "handler", "litert_invoke"


def measure(console: Console, budget: Budget, models: Sequence[Path] = ()) -> dict[str, Any]:
    """Measure and write ``results/limit.json``.

    Parameters
    ----------
    console, budget
        As for every part.
    models
        Further TFLite files with the interface of the shipped one, such as its int8 conversion; the shipped one and
        what else lies in models/ are always measured.
    """
    files = _files(models)
    names = [PRODUCT, REQUEST, *(f"{DEFAULT}:{path}" for path in files.values())]
    workers = {name: Worker(name) for name in names}
    times_ms: dict[str, list[float]] = defaultdict(list)
    try:
        for _ in track(budget.turns(ROUNDS, 5), "Core and model", ROUNDS, console=console, transient=True):
            for name, worker in workers.items():
                worker.answer(1)
                times_ms[name] += worker.answer(BURST)
    finally:
        for worker in workers.values():
            worker.__exit__(None, None, None)
    # The fastest, for the limit is what the core can do, not what others left of it.
    peak = 2 * MATRIX_SIDE**3 / min(times_ms[PRODUCT]) * 1e-6
    found = {name: _model(path, times_ms[f"{DEFAULT}:{path}"], peak) for name, path in files.items()}
    request, model = summary(times_ms[REQUEST]), found["default/model.tflite"]["ms"]
    results = {
        "pinned_to_core": machine.CORE,
        "peak_gflops": round(peak, 1),
        "matrix_side": MATRIX_SIDE,
        "matrix_product_ms": summary(times_ms[PRODUCT]),
        "models": found,
        "request_ms": request,
        "share_outside_the_model": round(1 - model["median"] / request["median"], 3),
    }
    machine.write("limit", results)
    for name, values in found.items():
        console.print(f"{name}: {values['gflops']} of {results['peak_gflops']} GFLOP/s, {values['share_of_peak']:.0%}")
    console.print(f"Outside the model: {results['share_outside_the_model']:.0%} of a request")
    return results


def _files(given: Sequence[Path]) -> dict[str, Path]:
    found = [*sorted((machine.ROOT / "models").glob("*/*.tflite")), *(path.resolve() for path in given)]
    return {f"{path.parent.name}/{path.name}": path for path in dict.fromkeys(found)}


def _model(path: Path, times_ms: list[float], peak: float) -> dict[str, Any]:
    operations = count(path)
    gflops = 2 * operations.multiply_adds / min(times_ms) * 1e-6
    return {
        "precision": operations.precision,
        "size_mb": round(path.stat().st_size / 1e6, 1),
        "multiply_adds": operations.multiply_adds,
        "multiply_adds_by_layer": operations.by_layer,
        "ms": summary(times_ms),
        "gflops": round(gflops, 1),
        "share_of_peak": round(gflops / peak, 3),
    }
