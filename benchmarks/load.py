"""Many clients at once against the local server: whether every request gets its answer, and memory stays.

Loopback only, and bounded: so many requests, and a time limit for each.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from rich.console import Console
from rich.progress import Progress

from . import machine
from .budget import Budget
from .contenders import jpeg
from .local_service import TIMEOUT_S, serving, url_of
from .markdown import where
from .statistics import summary

CLIENTS = 32
BURSTS, BURST = 3, 100


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Send the requests, and print the outcome."""
    with serving() as (server, port):
        results = _send(console, budget, server, port)
    failed = results["requests"] - results["statuses"].get("200", 0)
    console.print(
        f"{results['requests']} requests by {CLIENTS} clients: {failed} failed, {results['requests_per_s']:.1f} a"
        f" second; memory {results['memory_mb']}"
    )
    return results


def _send(console: Console, budget: Budget, pid: int, port: int) -> dict[str, Any]:
    data = jpeg()
    lock = threading.Lock()
    statuses: dict[str, int] = {}
    times_ms: list[float] = []
    memory_mb: dict[str, float] = {}
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    with (
        httpx.Client(base_url=url_of(port), timeout=TIMEOUT_S, limits=limits, trust_env=False) as http,
        ThreadPoolExecutor(CLIENTS) as pool,
        Progress(console=console, transient=True) as progress,
    ):
        task = progress.add_task("Requests", total=BURSTS * BURST)

        def send_one(_: int) -> None:
            start_s = time.perf_counter()
            try:
                answer = http.post("/v1/predictions", content=data, headers={"content-type": "image/jpeg"})
                outcome = str(answer.status_code)
            except httpx.TransportError as error:
                outcome = type(error).__name__
            took_ms = (time.perf_counter() - start_s) * 1000
            with lock:
                statuses[outcome] = statuses.get(outcome, 0) + 1
                times_ms.append(took_ms)
            progress.advance(task)

        start_s = time.perf_counter()
        for _ in budget.turns(f"bursts of {BURST} requests", BURSTS):
            list(pool.map(send_one, range(BURST)))
            memory_mb[f"after_{len(times_ms)}_requests"] = machine.resident_mb(pid)
        took_s = time.perf_counter() - start_s
    return {
        "clients": CLIENTS,
        "requests": len(times_ms),
        "statuses": statuses,
        "requests_per_s": round(len(times_ms) / took_s, 1),
        "latency_ms": summary(times_ms),
        "memory_mb": memory_mb,
    }


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
