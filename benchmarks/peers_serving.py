"""The local server beside others: same image, same core, the same model where it can be."""

import socket
from collections import defaultdict
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from . import machine
from .budget import Budget
from .contenders import jpeg
from .contest import ROSTER, Peer, Server, running
from .environments import NotInstallableError, size_mb
from .statistics import summary

COLD_STARTS = 3
ROUNDS = 30
BURST = 4
CLIENTS = (1, 4, 16)
THROUGHPUT_ROUNDS = 5
THROUGHPUT_S = 1.5  # of each, about; a slow peer is asked less often


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure, write ``results/peers.json`` and print it."""
    machine.leave(machine.CORE)  # the asking is not what is measured
    image = jpeg()
    found: dict[str, dict[str, Any]] = {}
    folders: dict[Peer, Path] = {}
    for peer in track(ROSTER, "Installing the peers", console=console, transient=True):
        found[peer.name] = {"what": peer.what}
        try:
            folders[peer] = peer.install()
            found[peer.name]["installed_mb"] = size_mb(folders[peer])
            found[peer.name]["cold_start_ms"] = _cold(peer, folders[peer], image)
        except (NotInstallableError, RuntimeError) as error:
            folders.pop(peer, None)
            found[peer.name]["not_measured"] = str(error)
    with ExitStack() as stack:
        servers = [stack.enter_context(running(peer, folder, _free_port(), image)) for peer, folder in folders.items()]
        for name, values in _warm(console, budget, servers).items():
            found[name] |= values
    results = {"pinned_to_core": machine.CORE, "image": "synthetic field, JPEG, 224 x 224", "servers": found}
    path = machine.write("peers", results)
    show(console, results)
    console.print(f"Written to {path.relative_to(machine.ROOT)}")
    return results


def _cold(peer: Peer, folder: Path, image: bytes) -> Any:
    times_ms = []
    for _ in range(COLD_STARTS):
        with running(peer, folder, _free_port(), image) as server:
            times_ms.append(server.cold_start_ms)
    return summary(times_ms)


def _warm(console: Console, budget: Budget, servers: list[Server]) -> dict[str, dict[str, Any]]:
    times_ms: dict[str, list[float]] = defaultdict(list)
    for _ in track(budget.turns(ROUNDS, 5, until=0.7), "Warm requests", ROUNDS, console=console, transient=True):
        for server in servers:
            server.latencies_ms(1)  # brings its code and data back into the caches that the others took
            times_ms[server.peer.name] += server.latencies_ms(BURST)
    found = {server.peer.name: {"latency_ms": summary(times_ms[server.peer.name])} for server in servers}
    rates = _rates(console, budget, servers, {name: values["latency_ms"]["median"] for name, values in found.items()})
    ours = servers[0].ask()
    for server in servers:
        values = found[server.peer.name]
        values |= {"requests_per_s": rates[server.peer.name], "memory_mb": server.memory_mb()}
        if server.peer.same_model:
            theirs = server.ask()
            values["largest_difference"] = round(max(abs(theirs[k] - ours[k]) for k in ours), 6)
    return found


def _rates(
    console: Console, budget: Budget, servers: list[Server], latency_ms: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Ask in turn here, too: what else the machine does meets all alike."""
    drawn: dict[tuple[str, int], list[float]] = defaultdict(list)
    turns = budget.turns(THROUGHPUT_ROUNDS)
    for _ in track(turns, "Throughput", THROUGHPUT_ROUNDS, console=console, transient=True):
        for clients, server in product(CLIENTS, servers):
            calls = max(clients, int(THROUGHPUT_S * 1000 / latency_ms[server.peer.name]))
            drawn[server.peer.name, clients].append(server.throughput(clients, calls))
    return {name: {str(n): round(summary(drawn[name, n])["median"], 1) for n in CLIENTS} for name in latency_ms}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def show(console: Console, results: dict[str, Any]) -> None:
    """Print the results as a table."""
    columns = (
        "",
        "p50 ms",
        "p99 ms",
        "cold start ms",
        *(f"{n} clients, 1/s" for n in CLIENTS),
        "memory MB",
        "installed MB",
    )
    table = Table(*columns, title="Servers on one core")
    for values in results["servers"].values():
        if "latency_ms" not in values:
            table.add_row(values["what"], "not measured: " + values["not_measured"].splitlines()[0][:60])
            continue
        rates = (f"{values['requests_per_s'][str(n)]:.1f}" for n in CLIENTS)
        latency, cold = values["latency_ms"], values["cold_start_ms"]
        table.add_row(
            values["what"],
            f"{latency['median']:.1f}",
            f"{latency['p99']:.1f}",
            f"{cold['median']:.0f}",
            *rates,
            f"{values['memory_mb']:.0f}",
            f"{values['installed_mb']:.0f}",
        )
    console.print(table)
