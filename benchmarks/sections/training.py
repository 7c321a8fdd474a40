"""Training: the sweep and the input pipeline."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, where

_MODES = {
    "one_by_one": "read, decode and augment one after another, every epoch",
    "first_epoch": "this project, first epoch: fields are decoded",
    "later_epoch": "this project, later epochs: fields are in memory",
}


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    sweep, pipeline = results["sweep"], results["pipeline"]
    features, rates = results["features"], pipeline["images_per_s"]
    looks, heads_s = features["images_per_s"], sum(sweep["heads_s"].values())
    return "\n".join(
        [
            "## Training",
            "",
            where(results),
            "",
            f"The nine-run sweep of VGG16 ({sweep['runs']} heads of {sweep['epochs']} epochs on {sweep['images']:,}"
            f" fields). Measured: {sweep['images_per_s']['median']:.2f} images a second through the frozen base, and"
            f" {heads_s:.0f} s for all nine heads. From these, not measured as a whole:",
            "",
            table(
                ["", "s"],
                [
                    ["one feature pass, kept, then nine heads", f"{sweep['computed_cached_s']:.0f}"],
                    ["the base again in every epoch of every run", f"{sweep['computed_recomputing_s']:.0f}"],
                ],
            ),
            f"With cached features the sweep is {sweep['times_as_fast']} times as fast; beyond the pass it takes"
            f" {heads_s:.0f} s.",
            "",
            f"The feature pass of the shipped network looks at {looks['pass']['median']:.0f} fields a second on"
            f" {results['machine']['cores']} cores, as many interpreters that do nothing else at"
            f" {looks['bare']['median']:.0f}: {features['of_bare']:.0%}.",
            "",
            f"The input pipeline on {pipeline['images']} {results['what']}, batches of {pipeline['batch_size']},"
            " flips, turns and stain jitter:",
            "",
            table(
                ["images a second", "median", "p25", "p75", "times as fast"],
                [
                    [what, *(f"{rates[mode][key]:.0f}" for key in ("median", "low_quartile", "high_quartile")), *again]
                    for (mode, what), again in zip(_MODES.items(), _gains(pipeline), strict=True)
                ],
            ),
            embed("training-sweep", "Seconds of the nine-run sweep with features kept, and with the base run again"),
            embed("training-pipeline", "Images a second of the input pipeline, and of reading one after another"),
        ]
    )


def _gains(pipeline: dict[str, Any]) -> list[list[str]]:
    return [[str(pipeline["times_as_fast"].get(mode, 1.0))] for mode in _MODES]


def figures(results: dict[str, Any]) -> None:
    """Draw the sweep's times and the pipeline's rates."""
    sweep, rates = results["sweep"], results["pipeline"]["images_per_s"]
    seconds = {"": [sweep["computed_cached_s"], sweep["computed_recomputing_s"]]}
    bars("training-sweep", ["features kept", "the base again"], seconds, "s", log=True)
    medians = {"": [rates[mode]["median"] for mode in _MODES]}
    bars("training-pipeline", [mode.replace("_", " ") for mode in _MODES], medians, "images a second", log=True)
