"""Batches on one core and on two."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, where

_WHAT = {
    "one_core": "one core",
    "two_cores": "one process on two cores, LEUKOLENS_THREADS=2",
    "two_processes": "two processes, a core each",
}


def section(results: dict[str, Any]) -> str:
    """Tell what was found."""
    rates, times = results["images_per_s"], results["times_one_core"]
    rows = [
        [what, *(f"{rates[way][key]:.1f}" for key in ("median", "low_quartile", "high_quartile")), times[way]]
        for way, what in _WHAT.items()
    ]
    return "\n".join(
        [
            "## A batch on one core and on two",
            "",
            where(results),
            "",
            f"Calls of the batch entry with {results['images_per_call']} images each, read from disk. Step Functions'"
            " Distributed Map runs many processes, which share nothing; one process can use a second core by a second"
            " thread in the model.",
            "",
            table(["", "images/s", "p25", "p75", "times one core"], rows),
            embed("scaling", "Images a second of a batch on one core and on two"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the rates."""
    rates = {"": [results["images_per_s"][way]["median"] for way in _WHAT]}
    bars("scaling", list(_WHAT.values()), rates, "images a second", log=False)
