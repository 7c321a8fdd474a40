"""Where this project is not the first of the servers: by how much, and what of it is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .contest import OURS

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
    value
        Gives a server's value.
    template
        Its value as text.
    more_is_better
        As for a rate.
    is_answer_time
        Whether it tells of the time that an answer takes.
    spread
        Gives a server's series, where the value is the median of one.
    """

    name: str
    value: Callable[[Values], float]
    template: str
    more_is_better: bool = False
    is_answer_time: bool = False
    spread: Callable[[Values], Values] | None = None


def columns(clients: list[str]) -> list[Column]:
    """Give the columns in which servers are compared."""
    return [
        Column(
            "latency, p50",
            lambda values: values["latency_ms"]["median"],
            "{:.1f} ms",
            is_answer_time=True,
            spread=lambda values: values["latency_ms"],
        ),
        Column(
            "processor's time of an answer",
            lambda values: values["processor_ms"]["median"],
            "{:.1f} ms",
            is_answer_time=True,
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
        is_answer_time=True,
        spread=lambda values: values["requests_per_s_spread"][clients],
    )


def standing(results: Values) -> list[str]:
    """Give a line for each column in which another server is ahead, and one for those in which none is."""
    servers = {name: values for name, values in results["servers"].items() if "latency_ms" in values}
    ours = servers[OURS]
    ahead, level = [], []
    for column in columns(list(ours["requests_per_s"])):
        values = {name: column.value(server) for name, server in servers.items()}
        best = (max if column.more_is_better else min)(values, key=values.__getitem__)
        ratio = max(values[best], values[OURS]) / min(values[best], values[OURS])
        if ratio <= LEVEL:
            level.append(column.name)
            continue
        texts = [column.template.format(values[name]) for name in (best, OURS)]
        ahead.append(
            f"- **{column.name}**: {servers[best]['what']} is ahead, {texts[0]} against {texts[1]},"
            f" {ratio:.2f} times{_spread_note(column, servers[best], ours)}."
            f" {_explain(column, results, servers[best], ours)}"
        )
    return [*ahead, f"- First, or level within {LEVEL - 1:.0%}: {', '.join(level) if level else 'nowhere'}."]


def _spread_note(column: Column, best: Values, ours: Values) -> str:
    if column.spread is None:
        return ""
    best_spread, our_spread = column.spread(best), column.spread(ours)
    overlap = (
        best_spread["low_quartile"] <= our_spread["high_quartile"]
        and our_spread["low_quartile"] <= best_spread["high_quartile"]
    )
    return ", less than the spread of the run (the middle halves overlap)" if overlap else ""


def _explain(column: Column, results: Values, best: Values, ours: Values) -> str:
    if column.is_answer_time:
        return _explain_by_engine(results["engines"], best, ours)
    if column.name == "installed size":
        return _explain_by_packages(best["packages_mb"], ours["packages_mb"])
    return "What makes the difference was not measured."


def _explain_by_engine(engines: Values, best: Values, ours: Values) -> str:
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


def _explain_by_packages(theirs: Mapping[str, float], ours: Mapping[str, float]) -> str:
    return f"Here and not there: {_largest_excess(ours, theirs)}; there and not here: {_largest_excess(theirs, ours)}."


def _largest_excess(sizes: Mapping[str, float], other_sizes: Mapping[str, float]) -> str:
    """Name the largest packages that only one has, or that are larger there by a megabyte or more."""
    excess = {name: size - other_sizes.get(name, 0.0) for name, size in sizes.items()}
    largest = sorted((name for name in excess if excess[name] >= 1.0), key=excess.__getitem__, reverse=True)
    return ", ".join(f"`{name}` ({excess[name]:.0f} MB)" for name in largest[:_PACKAGES_SHOWN]) or "nothing of size"
