"""Other servers of the same model."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, times, where
from benchmarks.sections.standing import ENGINES, standing


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
    timed = ("p50 ms", "p99 ms", "processor ms", "cold start ms")
    columns = ["server", *timed, *clients, "memory MB", "installed MB", "differs by"]
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
    of_the_processor = ", ".join(
        f"{engine['processor_ms']['median']:.1f} ({ENGINES[name]})" for name, engine in engines.items()
    )
    return [
        "The bare model in the same environments, no server around it:",
        "",
        times(ENGINES, {name: engine["ms"] for name, engine in engines.items()}),
        f"Of the processor it takes, in ms: {of_the_processor}. LiteRT and TensorFlow's interpreter have"
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
