"""The local server beside others: same image, same core, the same model where it can be."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track

from terminal import Column, Table

from . import engines, machine
from .budget import Budget
from .contenders import jpeg
from .contest import OURS, ROSTER, Peer, Server, running
from .environments import NotInstallableError, packages_mb, size_mb
from .figures import bars, embed
from .markdown import table, times, where
from .standing import ENGINES, standing
from .statistics import Summary, shuffled, summary

TURNS = 3
REQUESTS = 8
CLIENTS = {1: 8, 4: 8, 16: 16}
"""How many answers each number of clients waits for."""
SLOW_MS = 300.0
"""A peer whose answer takes longer is asked once a turn, and for its throughput in the first turn alone."""


@dataclass
class Series:
    """What was measured of one server, turn by turn."""

    cold_start_ms: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    rates: dict[int, list[float]] = field(default_factory=lambda: {clients: [] for clients in CLIENTS})
    answer: dict[str, float] = field(default_factory=dict)

    def visit(self, server: Server, first: bool) -> None:
        """Measure a server that was just started."""
        self.cold_start_ms.append(server.cold_start_ms)
        slow = server.latencies_ms(1)[0] > SLOW_MS
        calls = 1 if slow else REQUESTS
        before_ms = server.processor_ms()
        self.latency_ms += server.latencies_ms(calls)
        self.processor_ms.append((server.processor_ms() - before_ms) / calls)
        if first or not slow:
            for clients, answers in CLIENTS.items():
                self.rates[clients].append(server.throughput(clients, clients if slow else answers))
        self.memory_mb.append(server.memory_mb())
        self.answer = server.ask()

    def summarise(self) -> dict[str, Any]:
        """Sum up the turns."""
        rates = {str(clients): summary(per_turn) for clients, per_turn in self.rates.items()}
        return {
            "cold_start_ms": summary(self.cold_start_ms),
            "latency_ms": summary(self.latency_ms),
            "processor_ms": summary(self.processor_ms),
            "requests_per_s": {clients: round(spread["median"], 1) for clients, spread in rates.items()},
            "requests_per_s_spread": rates,
            "memory_mb": round(summary(self.memory_mb)["median"], 1),
        }


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure, and print the results."""
    machine.keep_off(machine.CORE)  # the asking is not what is measured
    servers: dict[str, dict[str, Any]] = {
        peer.name: {
            "what": peer.what,
            "engine": peer.engine,
            "same_model": peer.same_model,
            "versions": peer.versions(),
        }
        for peer in ROSTER
    }
    folders = _install(console, servers)
    bare_engines = _measure_servers(console, budget, folders, servers)
    results = {
        "pinned_to_core": machine.CORE,
        "image": "synthetic field, JPEG, 224 x 224",
        "engines": bare_engines,
        "servers": servers,
    }
    show(console, results)
    return results


def _install(console: Console, servers: dict[str, dict[str, Any]]) -> dict[Peer, Path]:
    folders: dict[Peer, Path] = {}
    for peer in track(ROSTER, "Installing the peers", console=console, transient=True):
        try:
            folders[peer] = peer.install()
            peer.model()
        except NotInstallableError as error:
            _drop_peer(peer, error, folders, servers)
        else:
            servers[peer.name]["installed_mb"] = size_mb(folders[peer])
            servers[peer.name]["packages_mb"] = packages_mb(folders[peer])
    return folders


def _measure_servers(
    console: Console, budget: Budget, folders: dict[Peer, Path], servers: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Summary]]:
    """Start each alone, in turn, and measure it: where a process lies in memory changes all its times.

    One that does not come up, or ends, is left out from there on. Gives what the bare engines take, which are started
    in the same turns.
    """
    image = jpeg()
    series: dict[str, Series] = defaultdict(Series)
    bare_engines: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for turn in track(budget.turns("servers", TURNS), "Servers", TURNS, console=console, transient=True):
        for peer, folder in shuffled(folders.items(), turn):
            try:
                with running(peer, folder, machine.free_port(), image) as server:
                    series[peer.name].visit(server, turn == 0)
            except (RuntimeError, httpx.HTTPError) as error:
                _drop_peer(peer, error, folders, servers)
        for engine, places in shuffled(engines.by_engine(folders).items(), turn):
            for series_ms, turn_ms in zip(bare_engines[engine], engines.run(engine, *places), strict=True):
                series_ms += turn_ms
    ours = series[OURS].answer
    for peer in folders:
        servers[peer.name] |= series[peer.name].summarise()
        if peer.same_model:
            theirs = series[peer.name].answer
            servers[peer.name]["largest_difference"] = round(max(abs(theirs[k] - ours[k]) for k in ours), 6)
    return {
        name: {"ms": summary(ms), "processor_ms": summary(processor)} for name, (ms, processor) in bare_engines.items()
    }


def _drop_peer(peer: Peer, error: Exception, folders: dict[Peer, Path], servers: dict[str, dict[str, Any]]) -> None:
    if peer.name == OURS:
        raise error
    folders.pop(peer, None)
    servers[peer.name]["not_measured"] = str(error)


def show(console: Console, results: dict[str, Any]) -> None:
    """Print the results as a table."""
    numbers = (
        "p50 ms",
        "p99 ms",
        "cold start ms",
        *(f"{n} clients, 1/s" for n in CLIENTS),
        "memory MB",
        "installed MB",
    )
    table = Table(["server", *(Column(name, right=True) for name in numbers)], title="Servers on one core")
    for values in results["servers"].values():
        if "latency_ms" not in values:
            table.add(values["what"], "not measured: " + values["not_measured"].splitlines()[0])
            continue
        rates = (f"{values['requests_per_s'][str(n)]:.1f}" for n in CLIENTS)
        latency, cold = values["latency_ms"], values["cold_start_ms"]
        table.add(
            values["what"],
            f"{latency['median']:.1f}",
            f"{latency['p99']:.1f}",
            f"{cold['median']:.0f}",
            *rates,
            f"{values['memory_mb']:.0f}",
            f"{values['installed_mb']:.0f}",
        )
    table.write(console)


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    rows, absent = [], []
    for values in results["servers"].values():
        if "latency_ms" not in values:
            absent.append(f"{values['what']} could not be measured: {values['not_measured'].splitlines()[0]}\n")
            continue
        rates = values["requests_per_s"]
        rows.append(
            [
                values["what"],
                f"{values['latency_ms']['median']:.1f}",
                f"{values['latency_ms']['p99']:.1f}",
                f"{values['processor_ms']['median']:.1f}",
                f"{values['cold_start_ms']['median']:.0f}",
                *(f"{rate:.1f}" for rate in rates.values()),
                f"{values['memory_mb']:.0f}",
                f"{values['installed_mb']:.0f}",
                str(values.get("largest_difference", "another model")),
            ]
        )
    clients = [
        f"{n} client{'s' if n != '1' else ''}, 1/s"
        for n in next(v["requests_per_s"] for v in results["servers"].values() if "latency_ms" in v)
    ]
    time_columns = ("p50 ms", "p99 ms", "processor ms", "cold start ms")
    columns = ["server", *time_columns, *clients, "memory MB", "installed MB", "differs by"]
    return "\n".join(
        [
            "## Other servers of the same model",
            "",
            where(results),
            "",
            "Each in an environment of its own with the versions below, one process for the model, pinned to one core;"
            " the asking is done from another. Each server is started anew in every turn and measured alone, in another"
            " order each turn. The processor's time is that of one answer in all processes of the server: what else the"
            " machine did tells less on it. The last column is the largest difference of a probability from this"
            " project's.",
            "",
            table(columns, rows),
            *absent,
            table(
                ["server", "versions"], [[server["what"], _versions(server)] for server in results["servers"].values()]
            ),
            embed("peers-throughput", "Answers a second of each server, by number of clients"),
            embed("peers-start", "From the start of each server's process to its first answer"),
            *_engines_and_standing(results),
        ]
    )


def _engines_and_standing(results: dict[str, Any]) -> list[str]:
    engines = results["engines"]
    processor_times = ", ".join(
        f"{engine['processor_ms']['median']:.1f} ({ENGINES[name]})" for name, engine in engines.items()
    )
    return [
        "The bare model in the same environments, no server around it:",
        "",
        times(ENGINES, {name: engine["ms"] for name, engine in engines.items()}),
        f"Of the processor it takes, in ms: {processor_times}. LiteRT and TensorFlow's interpreter have"
        " their kernels from the same library, XNNPACK. What a process takes for them depends on where it comes to lie"
        " in memory as well: in pages of 4 kB, wherever some are free, or in pages of 2 MB, where the kernel gives them"
        " on request and the variable `GLIBC_TUNABLES=glibc.malloc.hugetlb=1` (glibc 2.35 and later) requests them.",
        "",
        "### Where this project is not first",
        "",
        *standing(results),
        "",
    ]


def _versions(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in values["versions"].items())


def figures(results: dict[str, Any]) -> None:
    """Draw answers a second, and cold starts."""
    measured = [values for values in results["servers"].values() if "latency_ms" in values]
    names = [values["what"] for values in measured]
    clients = list(measured[0]["requests_per_s"])
    rates = {f"{n} clients": [values["requests_per_s"][n] for values in measured] for n in clients}
    bars("peers-throughput", names, rates, "answers a second", log=True)
    starts = {"": [values["cold_start_ms"]["median"] for values in measured]}
    bars("peers-start", names, starts, "ms from start to first answer", log=True)
