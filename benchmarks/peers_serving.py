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

from . import engines, machine
from .budget import Budget
from .contenders import jpeg
from .contest import ROSTER, Peer, Server, running
from .environments import NotInstallableError, packages_mb, size_mb
from .statistics import summary

OURS = ROSTER[0].name
COLD_STARTS = 3
ROUNDS = 30
BURST = 4
CLIENTS = (1, 4, 16)
THROUGHPUT_ROUNDS = 5
THROUGHPUT_S = 1.5  # of each, about; a slow peer is asked less often


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure, and print the results."""
    machine.leave(machine.CORE)  # the asking is not what is measured
    image = jpeg()
    found: dict[str, dict[str, Any]] = {
        peer.name: {"what": peer.what, "engine": peer.engine, "same_model": peer.same_model} for peer in ROSTER
    }
    folders = _install(console, found)
    _cold(console, budget, folders, found, image)
    bare_ms = engines.measure(budget, folders, until=0.6)
    with ExitStack() as stack:
        servers = [stack.enter_context(running(peer, folder, _free_port(), image)) for peer, folder in folders.items()]
        for name, values in _warm(console, budget, servers).items():
            found[name] |= values
    results = {
        "pinned_to_core": machine.CORE,
        "image": "synthetic field, JPEG, 224 x 224",
        "engines_ms": bare_ms,
        "servers": found,
    }
    show(console, results)
    return results


def _install(console: Console, found: dict[str, dict[str, Any]]) -> dict[Peer, Path]:
    folders: dict[Peer, Path] = {}
    for peer in track(ROSTER, "Installing the peers", console=console, transient=True):
        try:
            folders[peer] = peer.install()
            peer.model()
        except NotInstallableError as error:
            _give_up(peer, error, folders, found)
        else:
            found[peer.name]["installed_mb"] = size_mb(folders[peer])
            found[peer.name]["packages_mb"] = packages_mb(folders[peer])
    return folders


def _cold(
    console: Console, budget: Budget, folders: dict[Peer, Path], found: dict[str, dict[str, Any]], image: bytes
) -> None:
    """Start each in turn; one that does not come up is left out from there on."""
    times_ms: dict[Peer, list[float]] = defaultdict(list)
    turns = budget.turns("cold starts", COLD_STARTS, until=0.4)
    for _ in track(turns, "Cold starts", COLD_STARTS, console=console, transient=True):
        for peer, folder in list(folders.items()):
            try:
                with running(peer, folder, _free_port(), image) as server:
                    times_ms[peer].append(server.cold_start_ms)
            except RuntimeError as error:
                _give_up(peer, error, folders, found)
    for peer in folders:
        found[peer.name]["cold_start_ms"] = summary(times_ms[peer])


def _give_up(peer: Peer, error: Exception, folders: dict[Peer, Path], found: dict[str, dict[str, Any]]) -> None:
    if peer.name == OURS:
        raise error
    folders.pop(peer, None)
    found[peer.name]["not_measured"] = str(error)


def _warm(console: Console, budget: Budget, servers: list[Server]) -> dict[str, dict[str, Any]]:
    times_ms: dict[str, list[float]] = defaultdict(list)
    turns = budget.turns("warm requests", ROUNDS, 5, until=0.7)
    for _ in track(turns, "Warm requests", ROUNDS, console=console, transient=True):
        for server in servers:
            server.latencies_ms(1)  # brings its code and data back into the caches that the others took
            times_ms[server.peer.name] += server.latencies_ms(BURST)
    found = {server.peer.name: {"latency_ms": summary(times_ms[server.peer.name])} for server in servers}
    rates = _rates(console, budget, servers, {name: values["latency_ms"]["median"] for name, values in found.items()})
    ours = servers[0].ask()
    for server in servers:
        values = found[server.peer.name]
        by_clients = rates[server.peer.name]
        values |= {
            "requests_per_s": {n: round(drawn["median"], 1) for n, drawn in by_clients.items()},
            "requests_per_s_spread": by_clients,
            "memory_mb": server.memory_mb(),
        }
        if server.peer.same_model:
            theirs = server.ask()
            values["largest_difference"] = round(max(abs(theirs[k] - ours[k]) for k in ours), 6)
    return found


def _rates(
    console: Console, budget: Budget, servers: list[Server], latency_ms: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """Ask in turn here, too: what else the machine does meets all alike."""
    drawn: dict[tuple[str, int], list[float]] = defaultdict(list)
    turns = budget.turns("throughput", THROUGHPUT_ROUNDS)
    for _ in track(turns, "Throughput", THROUGHPUT_ROUNDS, console=console, transient=True):
        for clients, server in product(CLIENTS, servers):
            calls = max(clients, int(THROUGHPUT_S * 1000 / latency_ms[server.peer.name]))
            drawn[server.peer.name, clients].append(server.throughput(clients, calls))
    return {name: {str(n): summary(drawn[name, n]) for n in CLIENTS} for name in latency_ms}


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
