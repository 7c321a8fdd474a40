"""Where this project is not the first of the servers: by how much, and what of it is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

OURS = "leukolens"
LEVEL = 1.02
"""Up to here two values are called level: repeated runs of one server differ by as much."""
_PACKAGES_SHOWN = 4

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes
    ----------
    name
        In words.
    of
        Gives a server's value.
    form
        Its value as text.
    more_is_better
        As for a rate.
    engine_tells
        Whether the bare model's time is part of the value.
    """

    name: str
    of: Callable[[Values], float]
    form: str
    more_is_better: bool = False
    engine_tells: bool = False


def columns(clients: list[str]) -> list[Column]:
    """Give the columns in which servers are compared."""
    rates = [
        Column(
            f"answers a second, {n} client{'s' if n != '1' else ''}",
            lambda values, n=n: values["requests_per_s"][n],  # type: ignore[misc]
            "{:.1f}",
            more_is_better=True,
            engine_tells=True,
        )
        for n in clients
    ]
    return [
        Column("latency, p50", lambda values: values["latency_ms"]["median"], "{:.1f} ms", engine_tells=True),
        Column("cold start", lambda values: values["cold_start_ms"]["median"], "{:.0f} ms"),
        *rates,
        Column("memory", lambda values: values["memory_mb"], "{:.0f} MB"),
        Column("installed size", lambda values: values["installed_mb"], "{:.0f} MB"),
    ]


def standing(results: Values) -> list[str]:
    """Give a line for each column in which another server is ahead, and one for those in which none is."""
    servers = {name: values for name, values in results["servers"].items() if "latency_ms" in values}
    ours = servers[OURS]
    ahead, first = [], []
    for column in columns(list(ours["requests_per_s"])):
        values = {name: column.of(server) for name, server in servers.items()}
        best = (max if column.more_is_better else min)(values, key=values.__getitem__)
        ratio = max(values[best], values[OURS]) / min(values[best], values[OURS])
        if ratio <= LEVEL:
            first.append(column.name)
            continue
        shown = [column.form.format(values[name]) for name in (best, OURS)]
        ahead.append(
            f"- **{column.name}**: {servers[best]['what']} is ahead, {shown[0]} against {shown[1]}:"
            f" {ratio:.2f} times. {_why(column, results, servers[best], ours)}"
        )
    return [*ahead, f"- First, or level within {LEVEL - 1:.0%}: {', '.join(first) if first else 'nowhere'}."]


def _why(column: Column, results: Values, best: Values, ours: Values) -> str:
    if column.engine_tells:
        return _by_the_engine(results["engines_ms"], best, ours)
    if column.name == "installed size":
        return _by_packages(best["packages_mb"], ours["packages_mb"])
    return "What makes the difference was not measured."


def _by_the_engine(engines_ms: Values, best: Values, ours: Values) -> str:
    """Say how much of a request each engine takes by itself, at one client."""
    if best["engine"] == ours["engine"]:
        gap_ms = ours["latency_ms"]["median"] - best["latency_ms"]["median"]
        return (
            f"Both run the model by {ours['engine']}, so what differs lies around it: HTTP, the form, decoding,"
            f" validation, hashes, logs and metrics of each request: {gap_ms:.1f} ms at one client."
        )
    parts = []
    for server in (best, ours):
        alone_ms = engines_ms[server["engine"]]["median"]
        parts.append((server["engine"], alone_ms, server["latency_ms"]["median"] - alone_ms))
    (their, their_ms, their_rest), (our, our_ms, our_rest) = parts
    return (
        f"Of a request of one client the bare model takes {their_ms:.1f} ms by {their} and {our_ms:.1f} ms by {our};"
        f" what is around it takes {their_rest:.1f} ms there and {our_rest:.1f} ms here (validation, hashes,"
        " logs and metrics are part of it)."
    )


def _by_packages(theirs: Mapping[str, float], ours: Mapping[str, float]) -> str:
    more = {name: size - theirs.get(name, 0.0) for name, size in ours.items() if size - theirs.get(name, 0.0) >= 1.0}
    largest = sorted(more, key=more.__getitem__, reverse=True)[:_PACKAGES_SHOWN]
    return "What it lacks or has smaller: " + ", ".join(f"`{name}` ({more[name]:.0f} MB)" for name in largest) + "."
