"""A laboratory's own model: ``adapt`` whole, beside the bare network's pass over the same images.

The command runs as a user runs it, interpreter start, file and card included, on so many images of four classes. In
the same run the frozen network embeds these images in as many looks as a head learns from: no head can be had for less.
What a thousand images take is computed from both: the command's time, and the pass of the images more.

Real smears where LEUKOLENS_DATA or ../shared/data has them, else synthetic fields.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from .budget import Budget
from .machine import ROOT
from .markdown import table, where
from .pull import sample_fields, smears
from .statistics import seconds, summary

IMAGES, MANY = 100, 1_000
TURNS = 3
"""Of the bare pass; the command is run once."""


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with tempfile.TemporaryDirectory(prefix="leukolens-adapt-") as folder:
        source, kind = smears(Path(folder, "drawn"), IMAGES)
        images = sample_fields(source, Path(folder, "images"), IMAGES)
        adapt_s = round(seconds(_adapt, images, Path(folder)), 2)
        console.print(f"adapt: {adapt_s} s")
        rates, looks = _network_rates(images, budget)
    rate = summary(rates)
    pass_s = looks * IMAGES / rate["median"]
    console.print(f"the network alone: {pass_s:.1f} s")
    return {
        "what": kind,
        "images": IMAGES,
        "looks": looks,
        "adapt_s": adapt_s,
        "looks_per_s": rate,
        "computed_pass_s": round(pass_s, 1),
        "times_the_pass": round(adapt_s / pass_s, 1),
        "many": MANY,
        "computed_many_s": round(adapt_s + looks * (MANY - IMAGES) / rate["median"]),
    }


def _adapt(images: Path, folder: Path) -> None:
    """Run the command where it keeps nothing: manifests and slides of a run before would spare it work."""
    places = ["--base", str(ROOT / "models" / "default"), "--output", str(folder / "model")]
    command = [sys.executable, "-m", "training", "adapt", str(images), *places]
    environment = os.environ | {"LEUKOLENS_TRACKING": "off"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def _network_rates(images: Path, budget: Budget) -> tuple[list[float], int]:
    """Give looks a second of the network up to its embedding, and how many looks a head learns from."""
    from training.data.dataset import read_images
    from training.models import classifier
    from training.models.base_embedding import LOOKS
    from training.models.features import FrozenEmbedder

    pixels = read_images(sorted(path for path in images.glob("*/*") if path.is_file()))
    embedder = FrozenEmbedder(classifier.build("efficientnet-lite0", 2))
    embedder.embed(pixels[:2])  # converts the network
    rates = [
        round(len(pixels) / seconds(embedder.embed, pixels), 2)
        for _ in budget.turns("the network alone", TURNS, until=0.9)
    ]
    return rates, LOOKS


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
