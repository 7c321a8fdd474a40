"""Training: the sweep and the input pipeline."""

from typing import Any

from benchmarks.markdown import table, where


def section(results: dict[str, Any]) -> str:
    """Tell what was found."""
    sweep, pipeline = results["sweep"], results["pipeline"]
    rates, ratios = pipeline["images_per_s"], pipeline["times_as_fast"]
    heads_s = sum(sweep["heads_s"].values())
    ways = {
        "one_by_one": "read, decode and augment one after another, every epoch",
        "first_epoch": "this project, first epoch: fields are decoded",
        "later_epoch": "this project, later epochs: fields are in memory",
    }
    return "\n".join(
        [
            "## Training",
            "",
            where(results),
            "",
            f"The nine-run sweep of VGG16 ({sweep['runs']} heads of {sweep['epochs']} epochs on {sweep['images']:,}"
            f" fields). Measured: {min(sweep['images_per_s'])} to {max(sweep['images_per_s'])} images a second through"
            f" the frozen base, and {heads_s:.0f} s for all nine heads. From these, not measured as a whole:",
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
            f"The input pipeline on {pipeline['images']} {results['what']}, batches of {pipeline['batch_size']},"
            " flips, turns and stain jitter:",
            "",
            table(
                ["images a second, turn by turn", *range(1, len(rates["one_by_one"]) + 1)],
                [[what, *(f"{rate:.0f}" for rate in rates[way])] for way, what in ways.items()],
            ),
            f"{min(ratios['first_epoch'])} to {max(ratios['first_epoch'])} times as fast in the first epoch,"
            f" {min(ratios['later_epoch'])} to {max(ratios['later_epoch'])} times later.",
            "",
        ]
    )
