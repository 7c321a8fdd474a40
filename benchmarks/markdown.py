"""Pieces of the page that several sections use."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def where(results: Mapping[str, Any]) -> str:
    """Say when, on what and with which model a part was measured."""
    machine, versions, model = results["machine"], results["versions"], results["model"]
    pinned = results.get("pinned_to_core")
    return (
        f"{results['when'][:10]}, {machine['processor']}, {machine['cores']} cores"
        f"{'' if pinned is None else ', pinned to one'}, load average {machine['load_average'][0]}; Python"
        f" {versions['python']}, LiteRT {versions['ai-edge-litert']}; model {model['version']}"
        f" ({model['backbone']}, {model['precision']}, {model['size_bytes'] / 1e6:.1f} MB)."
        f"{_cut_short(results.get('cut_short', {}))}"
    )


def _cut_short(parts: Mapping[str, str]) -> str:
    return f" Cut short for time: {', '.join(f'{name} ({turns})' for name, turns in parts.items())}." if parts else ""


def times(labels: Mapping[str, str], series: Mapping[str, Any]) -> str:
    """Tabulate summaries of milliseconds, each named in words."""
    rows = [
        [
            labels[name],
            *(f"{spread[key]:.2f}" for key in ("fastest", "median", "p99", "low_quartile", "high_quartile")),
            spread["n"],
        ]
        for name, spread in series.items()
    ]
    return table(["ms", "fastest", "p50", "p99", "p25", "p75", "n"], rows)


def table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Write a table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"
