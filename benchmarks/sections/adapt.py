"""A laboratory's own model."""

from typing import Any

from benchmarks.markdown import table, where


def section(results: dict[str, Any]) -> str:
    """Tell what was found."""
    rate = results["looks_per_s"]
    return "\n".join(
        [
            "## A laboratory's own model",
            "",
            where(results),
            "",
            f"`python -m training adapt` on {results['images']} {results['what']}, as a user runs it, and the frozen"
            f" network alone on the same images in {results['looks']} looks each, from which a head learns"
            f" ({rate['median']:.0f} looks a second).",
            "",
            table(
                ["", "s"],
                [
                    ["`adapt`, from the command to the model folder", f"{results['adapt_s']:.0f}"],
                    ["the network alone", f"{results['computed_pass_s']:.1f}"],
                    [
                        f"`adapt` of {results['many']:,} images, computed: with the network on the images more",
                        f"{results['computed_many_s']}",
                    ],
                ],
            ),
            f"The command takes {results['times_the_pass']} times as long as the pass: most of it does not grow with"
            " the images (start, two conversions, the comparison of file and network).",
        ]
    )
