"""Before and after."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, where


def section(results: dict[str, Any]) -> str:
    """Tell what was found."""
    rows = [
        [
            found["what"],
            *(f"{found[way]['median']:.0f}" for way in ("before_ms", "after_ms")),
            *(_middle_half(found[way]) for way in ("before_ms", "after_ms")),
            found["times_as_fast"],
        ]
        for found in results["changes"].values()
    ]
    return "\n".join(
        [
            "## Improvements, before and after",
            "",
            where(results),
            "",
            f"What these tables showed to cost most, made smaller. Before is commit `{results['before']}`, unpacked"
            " beside the checkout; both run in turn, in one run, on the same model.",
            "",
            table(["what", "before, ms", "after, ms", "before, middle half", "after", "times as fast"], rows),
            embed("improvements", "Times before and after each improvement"),
        ]
    )


def _middle_half(series: dict[str, float]) -> str:
    return f"{series['low_quartile']:.0f} to {series['high_quartile']:.0f}"


def figures(results: dict[str, Any]) -> None:
    """Draw both times of each change."""
    changes = results["changes"]
    names = [name.replace("_", " ") for name in changes]
    series = {way: [found[f"{way}_ms"]["median"] for found in changes.values()] for way in ("before", "after")}
    bars("improvements", names, series, "ms", log=True)
