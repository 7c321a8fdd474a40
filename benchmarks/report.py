"""docs/benchmarks.md, made from the result files alone: no number in it is typed."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .machine import RESULTS, ROOT

TARGET = ROOT / "docs" / "benchmarks.md"
_HEAD = """# Measurements

Made by `make bench` from [benchmarks/results](../benchmarks/results); every number here is read from a file there.
Times depend on the machine and on what else it does: compare within a table, whose rows were measured in turn on the
same core, rather than between tables. A load average far above the number of cores means that others were at work.
"""


def write() -> Path:
    """Write the page from the results that there are."""
    sections = [_HEAD]
    for name, section in (
        ("serving", _serving),
        ("peers", _peers),
        ("load", _load),
        ("image", _image),
        ("pull", _pull),
    ):
        path = RESULTS / f"{name}.json"
        if path.exists():
            sections.append(section(json.loads(path.read_text())))
    TARGET.write_text("\n".join(sections))
    return TARGET


def _serving(results: dict[str, Any]) -> str:
    what = {
        "litert_invoke": "LiteRT alone: the floor",
        "handler": "the whole handler, event to JSON",
        "handler_on_tensorflow": "the same handler on TensorFlow's interpreter",
        "handler_explain": "the handler with the heat map",
        "local_http": "through the local server, over HTTP",
        "keras_vgg16": "PIL and Keras VGG16 `predict`: the path that this project grew from",
    }
    slower = results["ratios"]["cold_start_tensorflow_to_handler"]
    ratios, memory, steps = results["ratios"], results["memory_mb"], results["cold_start_steps_ms"]
    return "\n".join(
        [
            "## One request and one cold start",
            "",
            _where(results),
            "",
            f"A warm request with a {results['image']}:",
            "",
            _times(what, results["warm_ms"]),
            f"The handler takes {ratios['handler_to_invoke']} times the model alone; VGG16 takes"
            f" {ratios['vgg16_to_handler']} times the handler; `explain=true` adds {results['explain_adds_ms']} ms.",
            "",
            "From the start of the process to the first answer, files in the page cache:",
            "",
            _times(what, results["cold_start_ms"]),
            f"On TensorFlow the cold start takes {slower} times as long. The handler's own, step by step:"
            f" interpreter {steps['interpreter_ms']} ms, imports and model {steps['load_ms']} ms, first answer"
            f" {steps['first_answer_ms']} ms. What its imports cost, each without what it imports itself:",
            "",
            _table(["package", "ms"], results["imports_ms"].items()),
            f"Memory of the handler's process: {memory['after_100_requests']} MB after 100 requests,"
            f" {memory['after_1000_requests']} MB after 1,000; at most {memory['peak_24_megapixels']} MB for a JPEG"
            " of 24 megapixels.",
            "",
        ]
    )


def _peers(results: dict[str, Any]) -> str:
    rows, absent = [], []
    for values in results["servers"].values():
        if "latency_ms" not in values:
            absent.append(f"{values['what']} could not be measured: {values['not_measured'].splitlines()[0]}")
            continue
        rates = values["requests_per_s"]
        rows.append(
            [
                values["what"],
                f"{values['latency_ms']['median']:.1f}",
                f"{values['latency_ms']['p99']:.1f}",
                f"{values['cold_start_ms']['median']:.0f}",
                *(f"{rate:.1f}" for rate in rates.values()),
                f"{values['memory_mb']:.0f}",
                f"{values['installed_mb']:.0f}",
                str(values.get("largest_difference", "another model")),
            ]
        )
    clients = [
        f"{n} clients, 1/s" for n in next(v["requests_per_s"] for v in results["servers"].values() if "latency_ms" in v)
    ]
    columns = ["server", "p50 ms", "p99 ms", "cold start ms", *clients, "memory MB", "installed MB", "differs by"]
    return "\n".join(
        [
            "## Other servers of the same model",
            "",
            _where(results),
            "",
            "Each in an environment of its own with the versions in [benchmarks/peers](../benchmarks/peers), one"
            " process for the model, pinned to one core; the asking is done from another. The last column is the"
            " largest difference of a probability from this project's.",
            "",
            _table(columns, rows),
            *absent,
        ]
    )


def _load(results: dict[str, Any]) -> str:
    failed = results["requests"] - results["statuses"].get("200", 0)
    memory = ", ".join(f"{value} MB {key.replace('_', ' ')}" for key, value in results["memory_mb"].items())
    latency = results["latency_ms"]
    return "\n".join(
        [
            "## Load",
            "",
            _where(results),
            "",
            f"{results['requests']:,} requests by {results['clients']} clients against the local server: {failed}"
            f" failed, {results['requests_per_s']} answers a second, latency p50 {latency['median']:.0f} ms, p99"
            f" {latency['p99']:.0f} ms (they wait for each other: one Lambda environment answers one at a time)."
            f" Memory: {memory}.",
            "",
        ]
    )


def _image(results: dict[str, Any]) -> str:
    rows = [[name, f"{size:.1f}"] for name, size in results["largest_packages_mb"].items()]
    return "\n".join(
        [
            "## The Lambda image",
            "",
            _where(results),
            "",
            f"{results['above_base_mb']} MB above its base image: packages {results['packages_mb']} MB, model"
            f" {results['model_mb']} MB, code {results['code_mb']} MB. The largest packages:",
            "",
            _table(["package", "MB"], rows),
        ]
    )


def _page(results: dict[str, Any]) -> str:
    rows = [
        [transport, images, f"{taken['median']:.0f}", f"{taken['fastest']:.0f}", f"{taken['p99']:.0f}", taken["n"]]
        for transport, series in results["ms"].items()
        for images, taken in series.items()
    ]
    return "\n".join(
        [
            "## The page",
            "",
            _where(results),
            "",
            "From the choice of the files to the last card, in Chromium:",
            "",
            _table(["transport", "images", "p50 ms", "fastest", "p99", "n"], rows),
        ]
    )


def _pull(results: dict[str, Any]) -> str:
    ways = {
        "download_file": "`download_file`, one after another, nothing checked",
        "pull_one_by_one": "`pull` from a bucket without packs, every SHA-256 checked",
        "pull": "`pull`, every SHA-256 checked",
    }
    rows = [[what, *(f"{taken:.1f}" for taken in results["taken_s"][way])] for way, what in ways.items()]
    ratios = results["pull_times_as_fast"]
    return "\n".join(
        [
            "## Fetching the data",
            "",
            _where(results),
            "",
            f"{results['images']:,} {results['what']} ({results['size_bytes'] / 1e6:.0f} MB), the project's command"
            f" with its start-up: {min(ratios)} to {max(ratios)} times as fast as `download_file` in the same run.",
            "",
            _table(["s, run by run", *range(1, len(ratios) + 1)], rows),
        ]
    )


def _where(results: dict[str, Any]) -> str:
    machine, versions, model = results["machine"], results["versions"], results["model"]
    pinned = results.get("pinned_to_core")
    return (
        f"{results['when'][:10]}, {machine['processor']}, {machine['cores']} cores"
        f"{'' if pinned is None else ', pinned to one'}, load average {machine['load_average'][0]}; Python"
        f" {versions['python']}, LiteRT {versions['ai-edge-litert']}; model {model['version']}"
        f" ({model['backbone']}, {model['precision']}, {model['size_bytes'] / 1e6:.1f} MB)."
    )


def _times(what: dict[str, str], series: dict[str, Any]) -> str:
    rows = [
        [
            what[name],
            *(f"{s[key]:.2f}" for key in ("fastest", "median", "p99", "low_quartile", "high_quartile")),
            s["n"],
        ]
        for name, s in series.items()
    ]
    return _table(["ms", "fastest", "p50", "p99", "p25", "p75", "n"], rows)


def _table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"
