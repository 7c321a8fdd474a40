"""How close to the limit."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, where


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
        [f"product of two {kind} matrices, {results['matrix_side']} x {results['matrix_side']}", by, peaks[kind]]
        + [f"{products[kind][key]:.2f}" for key in ("fastest", "median")]
        for kind, by in (("float32", "numpy, OpenBLAS"), ("int8", "LiteRT, XNNPACK"))
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
            *(f"Not measured: {name}, for {why}\n" for name, why in results["not_measured"].items()),
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
