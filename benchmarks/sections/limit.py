"""How close to the limit."""

from typing import Any

from benchmarks.markdown import table, where


def section(results: dict[str, Any]) -> str:
    """Tell what was found."""
    rows = [
        [
            name,
            found["precision"],
            f"{found['size_mb']:.1f}",
            f"{found['multiply_adds'] / 1e6:.0f}",
            f"{found['ms']['fastest']:.2f}",
            f"{found['ms']['median']:.2f}",
            f"{found['gflops']:.1f}",
            f"{found['share_of_peak']:.0%}",
        ]
        for name, found in results["models"].items()
    ]
    columns = ["file", "weights", "MB", "multiply-adds, 10^6", "fastest ms", "p50 ms", "GFLOP/s", "share of the peak"]
    return "\n".join(
        [
            "## How close to the limit",
            "",
            where(results),
            "",
            f"The core's measured peak is {results['peak_gflops']} GFLOP/s in float32 (a product of two matrices of"
            f" {results['matrix_side']} x {results['matrix_side']}, the fastest of"
            f" {results['matrix_product_ms']['n']}). A model's rate is from its fastest run and the multiply-adds of"
            " its layers with weights, counted in the file; two operations each. The share is of the float32 peak for"
            " every file, so that eight-bit weights, of which a core multiplies several at once, may pass it.",
            "",
            table(columns, rows),
            f"Outside the model a request of the whole handler spends {results['share_outside_the_model']:.0%} of its"
            f" time ({results['request_ms']['median']:.2f} ms with the model).",
            "",
        ]
    )
