"""From the click to the result."""

from typing import Any

from benchmarks.markdown import table, where


def section(results: dict[str, Any]) -> str:
    """Tell what was found."""
    rows = [
        [transport, images, f"{taken['median']:.0f}", f"{taken['fastest']:.0f}", f"{taken['p99']:.0f}", taken["n"]]
        for transport, series in results["ms"].items()
        for images, taken in series.items()
    ]
    return "\n".join(
        [
            "## The page",
            "",
            where(results),
            "",
            "From the choice of the files to the last card, in Chromium:",
            "",
            table(["transport", "images", "p50 ms", "fastest", "p99", "n"], rows),
        ]
    )
