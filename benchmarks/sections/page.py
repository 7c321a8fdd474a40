"""From the click to the result."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, where


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    rows = [
        [transport, images, f"{taken['median']:.0f}", f"{taken['fastest']:.0f}", f"{taken['p99']:.0f}", taken["n"]]
        for transport, series in results["ms"].items()
        for images, taken in series.items()
    ]
    ratios = " and ".join(
        f"{ratio} ({images} image{'s' if images != '1' else ''})"
        for images, ratio in results["polling_to_websocket"].items()
    )
    return "\n".join(
        [
            "## The page",
            "",
            where(results),
            "",
            "From the choice of the files to the last card, in Chromium:",
            "",
            table(["transport", "images", "p50 ms", "fastest", "p99", "n"], rows),
            f"By medians, polling takes {ratios} times as long as the WebSocket. After {results['session_images']}"
            " images in one session the page's process has held at most"
            f" {results['memory_after_session_mb']:.0f} MB.",
            "",
            embed("page", "From the choice of the files to the last card, by transport"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the medians."""
    counts = list(next(iter(results["ms"].values())))
    series = {name: [by[count]["median"] for count in counts] for name, by in results["ms"].items()}
    bars("page", [f"images: {count}" for count in counts], series, "ms from click to last card", log=True)
