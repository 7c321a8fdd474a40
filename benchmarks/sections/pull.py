"""Fetching the data."""

from typing import Any

from benchmarks.markdown import table, where


def section(results: dict[str, Any]) -> str:
    """Tell what was found."""
    ways = {
        "download_file": "`download_file`, one after another, nothing checked",
        "pull_one_by_one": "`pull` from a bucket without packs, every SHA-256 checked",
        "pull": "`pull`, every SHA-256 checked",
    }
    rows = [[what, *(f"{taken:.1f}" for taken in results["taken_s"][way])] for way, what in ways.items()]
    ratios = results["pull_times_as_fast"]
    return "\n".join(
        [
            "## Fetching the data",
            "",
            where(results),
            "",
            f"{results['images']:,} {results['what']} ({results['size_bytes'] / 1e6:.0f} MB), the project's command"
            f" with its start-up: {min(ratios)} to {max(ratios)} times as fast as `download_file` in the same run.",
            "",
            table(["s, run by run", *range(1, len(ratios) + 1)], rows),
        ]
    )
