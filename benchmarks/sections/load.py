"""Many clients at once."""

from typing import Any

from benchmarks.markdown import where


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    failed = results["requests"] - results["statuses"].get("200", 0)
    memory = ", ".join(f"{value} MB {key.replace('_', ' ')}" for key, value in results["memory_mb"].items())
    latency = results["latency_ms"]
    return "\n".join(
        [
            "## Load",
            "",
            where(results),
            "",
            f"{results['requests']:,} requests by {results['clients']} clients against the local server: {failed}"
            f" failed, {results['requests_per_s']} answers a second, latency p50 {latency['median']:.0f} ms, p99"
            f" {latency['p99']:.0f} ms (they wait for each other: one Lambda environment answers one at a time)."
            f" Memory: {memory}.",
            "",
        ]
    )
