"""How near the model comes to what the core can do, and how much of a request is not the model.

The limits are measured, too, on the same core: a product of two large float32 matrices by numpy's OpenBLAS, and one of
eight-bit matrices by LiteRT. The shipped file is measured as it is, and with its layers quantised to eight bits.
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
from .environments import NotInstallableError, int8_model
from .figures import bars, embed
from .markdown import table, where
from .operations import count
from .processes import Worker
from .statistics import shuffled, summary

ROUNDS = 20
BURST = 5
PRODUCTS = {"float32": "matrix_product", "int8": "int8_matrix_product"}
REQUEST, OUTSIDE, MODEL = "handler", "outside_the_model", "litert_invoke"
SHIPPED, QUANTISED = "default/model.tflite", "the same, layers in int8"


def measure(console: Console, budget: Budget, models: Sequence[Path] = ()) -> dict[str, Any]:
    """Measure.

    Parameters
    ----------
    console, budget
        As for every part.
    models
        Further TFLite files with the interface of the shipped one; the shipped one, its quantisation and what else lies
        in models/ are always measured.
    """
    files, not_measured = _files(models)
    names = [*PRODUCTS.values(), REQUEST, OUTSIDE, *(f"{MODEL}:{path}" for path in files.values())]
    workers = {name: Worker(name) for name in names}
    times_ms: dict[str, list[float]] = defaultdict(list)
    try:
        turns = budget.turns("core and model", ROUNDS, 5)
        for turn in track(turns, "Core and model", ROUNDS, console=console, transient=True):
            for name, worker in shuffled(workers.items(), turn):
                worker.answer(1)
                times_ms[name] += worker.answer(BURST)
    finally:
        for worker in workers.values():
            worker.__exit__(None, None, None)
    # The fastest, for the limit is what the core can do, not what others left of it.
    peaks = {kind: 2 * MATRIX_SIDE**3 / min(times_ms[name]) * 1e-6 for kind, name in PRODUCTS.items()}
    model_results = {name: _model(path, times_ms[f"{MODEL}:{path}"], peaks) for name, path in files.items()}
    request, outside = summary(times_ms[REQUEST]), summary(times_ms[OUTSIDE])
    results = {
        "pinned_to_core": machine.CORE,
        "peak_gops": {kind: round(peak, 1) for kind, peak in peaks.items()},
        "matrix_side": MATRIX_SIDE,
        "product_ms": {kind: summary(times_ms[name]) for kind, name in PRODUCTS.items()},
        "models": model_results,
        "not_measured": not_measured,
        "request_ms": request,
        "outside_ms": outside,
        # In a process of its own: the difference of two that run the model is lost in what each differs by.
        "share_outside_the_model": round(outside["median"] / request["median"], 3),
    }
    for name, values in model_results.items():
        console.print(f"{name}: {values['gops']} GOP/s, shares of the peaks {values['share_of_peak']}")
    console.print(f"Outside the model: {results['share_outside_the_model']:.0%} of a request")
    return results


def _files(models: Sequence[Path]) -> tuple[dict[str, Path], dict[str, str]]:
    """Give the files by name, and the reason for each that is missing."""
    other_files = [
        path for path in sorted((machine.ROOT / "models").glob("*/*.tflite")) if path.parent != machine.MODEL_DIR
    ]
    shipped = machine.MODEL_DIR / "model.tflite"
    files, not_measured = {SHIPPED: shipped}, {}
    try:
        files[QUANTISED] = int8_model(shipped)
    except NotInstallableError as error:
        not_measured[QUANTISED] = str(error).splitlines()[-1]
    extra_files = dict.fromkeys([*other_files, *(path.resolve() for path in models)])
    return files | {f"{path.parent.name}/{path.name}": path for path in extra_files}, not_measured


def _model(path: Path, times_ms: list[float], peaks: dict[str, float]) -> dict[str, Any]:
    operations = count(path)
    gops = 2 * operations.multiply_adds / min(times_ms) * 1e-6
    return {
        "precision": operations.precision,
        "size_mb": round(path.stat().st_size / 1e6, 1),
        "multiply_adds": operations.multiply_adds,
        "multiply_adds_by_layer": operations.by_layer,
        "ms": summary(times_ms),
        "gops": round(gops, 1),
        "share_of_peak": {kind: round(gops / peak, 3) for kind, peak in peaks.items()},
    }


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    peaks, products = results["peak_gops"], results["product_ms"]
    rows = [
        [
            name,
            model["precision"],
            f"{model['size_mb']:.1f}",
            f"{model['multiply_adds'] / 1e6:.0f}",
            f"{model['ms']['fastest']:.2f}",
            f"{model['ms']['median']:.2f}",
            f"{model['gops']:.1f}",
            *(f"{model['share_of_peak'][kind]:.0%}" for kind in peaks),
        ]
        for name, model in results["models"].items()
    ]
    columns = [
        *("file", "layers", "MB", "multiply-adds, 10^6", "fastest ms", "p50 ms", "10^9 operations/s"),
        *(f"share of the {kind} peak" for kind in peaks),
    ]
    limits = [
        [f"product of two {kind} matrices, {results['matrix_side']} x {results['matrix_side']}", library, peaks[kind]]
        + [f"{products[kind][key]:.2f}" for key in ("fastest", "median")]
        for kind, library in (("float32", "numpy, OpenBLAS"), ("int8", "LiteRT, XNNPACK"))
    ]
    return "\n".join(
        [
            "## How close to the limit",
            "",
            where(results),
            "",
            "What the core can do, measured:",
            "",
            table(["", "by", "10^9 operations/s", "fastest ms", "p50 ms"], limits),
            "A model's rate is from its fastest run and the multiply-adds of its layers with weights, counted in the"
            " file; two operations each. What the file does beside them (the stain, the statistics over places) takes"
            " time and is not counted. The eight-bit file is the shipped one with its convolutions quantised after"
            " training, here, for its speed: the shipped one is float32.",
            "",
            table(columns, rows),
            *(f"Not measured: {name}, for {reason}\n" for name, reason in results["not_measured"].items()),
            embed("limit", "Billions of operations a second of the core and of each file"),
            f"Outside the model a request of the whole handler spends {results['share_outside_the_model']:.0%} of its"
            f" time ({results['request_ms']['median']:.2f} ms with the model).",
            "",
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the rates of the core and of the files."""
    rates = {f"the core, {kind}": peak for kind, peak in results["peak_gops"].items()}
    rates |= {name: model["gops"] for name, model in results["models"].items()}
    bars("limit", list(rates), {"": list(rates.values())}, "10^9 operations a second", log=True)
