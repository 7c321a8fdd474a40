"""Fetching the data."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, where

_METHODS = {
    "download_file": "`download_file`, one after another, nothing checked",
    "pull_one_by_one": "`pull` from a bucket without packs, every SHA-256 checked",
    "pull": "`pull`, every SHA-256 checked",
}


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    rows = [
        [what, *(f"{results['images_per_s'][method][key]:.0f}" for key in ("median", "low_quartile", "high_quartile"))]
        for method, what in _METHODS.items()
    ]
    return "\n".join(
        [
            "## Fetching the data",
            "",
            where(results),
            "",
            f"{results['images']:,} {results['what']} ({results['size_bytes'] / 1e6:.0f} MB). The project's command,"
            f" with its start-up, is {results['times_as_fast']} times as fast as `download_file` in the same run.",
            "",
            table(["images a second", "median", "p25", "p75"], rows),
            embed("pull", "Images a second that are fetched from a bucket, by three ways"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the rates."""
    rates = {"": [results["images_per_s"][method]["median"] for method in _METHODS]}
    bars("pull", [method.replace("_", " ") for method in _METHODS], rates, "images a second", log=True)
