"""One request and one cold start."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, times, where

_WHAT = {
    "litert_invoke": "LiteRT alone: the floor",
    "handler": "the whole handler, event to JSON",
    "handler_on_tensorflow": "the same handler on TensorFlow's interpreter",
    "handler_explain": "the handler with the heat map",
    "local_http": "through the local server, over HTTP",
    "keras_vgg16": "PIL and Keras VGG16 `predict`: the path that this project grew from",
}


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    slower = results["ratios"]["cold_start_tensorflow_to_handler"]
    ratios, memory, steps = results["ratios"], results["memory_mb"], results["cold_start_steps_ms"]
    after = ", ".join(f"{size} MB {key.replace('_', ' ')}" for key, size in memory.items() if key.startswith("after_"))
    return "\n".join(
        [
            "## One request and one cold start",
            "",
            where(results),
            "",
            f"A warm request with a {results['image']}:",
            "",
            times(_WHAT, results["warm_ms"]),
            f"The handler takes {ratios['handler_to_invoke']} times the model alone; VGG16 takes"
            f" {ratios['vgg16_to_handler']} times the handler; `explain=true` adds {results['explain_adds_ms']} ms.",
            "",
            "From the start of the process to the first answer, files in the page cache:",
            "",
            times(_WHAT, results["cold_start_ms"]),
            f"On TensorFlow the cold start takes {slower} times as long. The handler's own, step by step:"
            f" interpreter {steps['interpreter_ms']} ms, imports and model {steps['load_ms']} ms, first answer"
            f" {steps['first_answer_ms']} ms. What its imports cost, each without what it imports itself:",
            "",
            table(["package", "ms"], results["imports_ms"].items()),
            f"Memory of the handler's process: {after}; at most {memory['peak_24_megapixels']} MB for a JPEG of 24"
            " megapixels.",
            "",
            embed("serving", "Milliseconds of a warm request and from a start to the first answer"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the medians of those that were started as well."""
    warm, cold = results["warm_ms"], results["cold_start_ms"]
    series = {
        "warm request": [warm[name]["median"] for name in cold],
        "cold start": [cold[name]["median"] for name in cold],
    }
    bars("serving", [name.replace("_", " ") for name in cold], series, "ms", log=True)
