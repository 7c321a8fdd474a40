"""Where this project is not the first of the servers: by how much, and what of it is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

OURS = "leukolens"
LEVEL = 1.02
"""Up to here two values are called level: repeated runs of one server differ by as much."""
ENGINES = {
    "litert": "LiteRT",
    "litert_in_huge_pages": "LiteRT, its memory in huge pages",
    "tensorflow": "TensorFlow's interpreter",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
}
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
    of_an_answer
        Whether it tells of the time that an answer takes.
    spread
        Gives a server's series, where the value is the median of one.
    """

    name: str
    of: Callable[[Values], float]
    form: str
    more_is_better: bool = False
    of_an_answer: bool = False
    spread: Callable[[Values], Values] | None = None


def columns(clients: list[str]) -> list[Column]:
    """Give the columns in which servers are compared."""
    return [
        Column(
            "latency, p50",
            lambda values: values["latency_ms"]["median"],
            "{:.1f} ms",
            of_an_answer=True,
            spread=lambda values: values["latency_ms"],
        ),
        Column(
            "processor's time of an answer",
            lambda values: values["processor_ms"]["median"],
            "{:.1f} ms",
            of_an_answer=True,
            spread=lambda values: values["processor_ms"],
        ),
        Column("cold start", lambda values: values["cold_start_ms"]["median"], "{:.0f} ms"),
        *map(_rate, clients),
        Column("memory", lambda values: values["memory_mb"], "{:.0f} MB"),
        Column("installed size", lambda values: values["installed_mb"], "{:.0f} MB"),
    ]


def _rate(clients: str) -> Column:
    return Column(
        f"answers a second, {clients} client{'s' if clients != '1' else ''}",
        lambda values: values["requests_per_s"][clients],
        "{:.1f}",
        more_is_better=True,
        of_an_answer=True,
        spread=lambda values: values["requests_per_s_spread"][clients],
    )


def standing(results: Values) -> list[str]:
    """Give a line for each column in which another server is ahead, and one for those in which none is."""
    servers = {name: values for name, values in results["servers"].items() if "latency_ms" in values}
    ours = servers[OURS]
    ahead, level = [], []
    for column in columns(list(ours["requests_per_s"])):
        values = {name: column.of(server) for name, server in servers.items()}
        best = (max if column.more_is_better else min)(values, key=values.__getitem__)
        ratio = max(values[best], values[OURS]) / min(values[best], values[OURS])
        if ratio <= LEVEL:
            level.append(column.name)
            continue
        shown = [column.form.format(values[name]) for name in (best, OURS)]
        ahead.append(
            f"- **{column.name}**: {servers[best]['what']} is ahead, {shown[0]} against {shown[1]},"
            f" {ratio:.2f} times{_if_within_the_spread(column, servers[best], ours)}."
            f" {_why(column, results, servers[best], ours)}"
        )
    return [*ahead, f"- First, or level within {LEVEL - 1:.0%}: {', '.join(level) if level else 'nowhere'}."]


def _if_within_the_spread(column: Column, best: Values, ours: Values) -> str:
    if column.spread is None:
        return ""
    a, b = column.spread(best), column.spread(ours)
    overlap = a["low_quartile"] <= b["high_quartile"] and b["low_quartile"] <= a["high_quartile"]
    return ", less than the spread of the run (the middle halves overlap)" if overlap else ""


def _why(column: Column, results: Values, best: Values, ours: Values) -> str:
    if column.of_an_answer:
        return _by_the_engine(results["engines"], best, ours)
    if column.name == "installed size":
        return _by_packages(best["packages_mb"], ours["packages_mb"])
    return "What makes the difference was not measured."


def _by_the_engine(engines: Values, best: Values, ours: Values) -> str:
    """Say how much of an answer's processor time the bare model takes, there and here."""
    if best["engine"] not in engines:
        return "It runs another model."
    their_ms, our_ms = (server["processor_ms"]["median"] for server in (best, ours))
    their_model_ms, our_model_ms = (engines[server["engine"]]["processor_ms"]["median"] for server in (best, ours))
    if our_ms <= their_ms:
        return (
            f"Of the processor an answer takes {their_ms:.1f} ms there and {our_ms:.1f} ms here, no more: the rest is"
            " waiting, for the core or for the others in the queue."
        )
    their, our = (ENGINES[server["engine"]] for server in (best, ours))
    if their_ms < their_model_ms or our_ms < our_model_ms:
        return "The run was too disturbed to tell the model's part in it."
    model = (
        f"the bare model takes {our_model_ms:.1f} ms in both ({our})"
        if their == our
        else f"the bare model takes {their_model_ms:.1f} ms there ({their}) and {our_model_ms:.1f} ms here ({our})"
    )
    return (
        f"Of the processor an answer takes {their_ms:.1f} ms there and {our_ms:.1f} ms here. Of that {model}; the rest,"
        f" the server and what it displaces in the caches, is {their_ms - their_model_ms:.1f} ms there and"
        f" {our_ms - our_model_ms:.1f} ms here. What this project does outside the model is told apart"
        " [below](#how-close-to-the-limit)."
    )


def _by_packages(theirs: Mapping[str, float], ours: Mapping[str, float]) -> str:
    return f"Here and not there: {_more(ours, theirs)}; there and not here: {_more(theirs, ours)}."


def _more(having: Mapping[str, float], lacking: Mapping[str, float]) -> str:
    """Name the largest packages that only one has, or that are larger there by a megabyte or more."""
    more = {name: size - lacking.get(name, 0.0) for name, size in having.items()}
    largest = sorted((name for name in more if more[name] >= 1.0), key=more.__getitem__, reverse=True)
    return ", ".join(f"`{name}` ({more[name]:.0f} MB)" for name in largest[:_PACKAGES_SHOWN]) or "nothing of size"
