"""Training: a sweep on cached features, a pass for features, and the input pipeline, each beside the plain way.

- The nine-run sweep of VGG16. Measured: images a second through the frozen base, and the seconds that nine heads of
  ``EPOCHS`` epochs take on as many features as the public set has. Computed from these: the sweep's time with one
  feature pass, and with the base run again in every epoch of every run, as Keras's ``fit`` does with a frozen base.
- The feature pass of ``train --frozen`` (``FrozenEmbedder``) beside the bare network: the same file in as many
  interpreters as there are cores, asked about one field again and again.
- The input pipeline. ``training.models.fine_tuning.batches`` (fields decoded once by several threads, augmented in
  batches in parallel) beside reading, decoding and augmenting one image after another, in the first epoch and later.

The weights are random: they do not change the time. Real smears where there are some, else synthetic fields.
"""

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from .budget import Budget
from .figures import bars, embed
from .markdown import table, where
from .pull import smears
from .statistics import seconds, summary

EPOCHS = 20
PUBLIC_SET = 3_256  # fields
SUBSET = 32  # fields through VGG16 in one turn: some five seconds on two cores
PIPELINE = 256  # fields of an epoch
TURNS, PIPELINE_TURNS = 3, 2
LOOKED_AT = 128  # fields of a feature pass


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with tempfile.TemporaryDirectory(prefix="leukolens-training-") as folder:
        source, kind = smears(Path(folder, "drawn"), PIPELINE)
        result: dict[str, Any] = {
            "what": kind,
            "sweep": _sweep(console, budget),
            "features": _features(console, budget),
        }
        result["pipeline"] = _pipeline(source, console, budget)
    console.print(f"The sweep is {result['sweep']['times_as_fast']} times as fast")
    return result


def _sweep(console: Console, budget: Budget) -> dict[str, Any]:
    from training.models.feature_cache import BATCH, FrozenBackbone
    from training.models.mlp_head import fit_head
    from training.models.recipes import HEAD_LEARNING_RATES, SWEEP_BATCH_SIZES, MlpHead

    backbone = FrozenBackbone("vgg16", imagenet=False)
    images = np.random.default_rng(0).integers(0, 256, (SUBSET, 224, 224, 3), np.uint8)
    backbone.embed(images[:BATCH])  # traces the graph
    rates = []
    for _ in budget.turns("the frozen base", TURNS, until=0.5):
        taken_s = seconds(lambda: [backbone.embed(images[at : at + BATCH]) for at in range(0, SUBSET, BATCH)])
        rates.append(round(SUBSET / taken_s, 2))
    embeddings = np.random.default_rng(1).gamma(1.0, 1.0, (PUBLIC_SET, 512)).astype(np.float32)
    labels = np.arange(PUBLIC_SET) % 4
    recipes = [
        MlpHead.model_validate({"optimizer": optimizer, "batch_size": size, "epochs": EPOCHS})
        for optimizer in HEAD_LEARNING_RATES
        for size in SWEEP_BATCH_SIZES
    ]
    heads_s = {
        f"{recipe.optimizer} {recipe.batch_size}": seconds(fit_head, "vgg16", embeddings, labels, recipe)
        for recipe in recipes
    }
    pass_s, all_heads_s = PUBLIC_SET / float(np.median(rates)), sum(heads_s.values())
    cached_s, recomputing_s = pass_s + all_heads_s, pass_s * EPOCHS * len(recipes) + all_heads_s
    console.print(f"VGG16 {rates} images a second, nine heads {all_heads_s:.1f} s")
    return {
        "images": PUBLIC_SET,
        "epochs": EPOCHS,
        "runs": len(recipes),
        "images_per_s": summary(rates),
        "heads_s": {name: round(taken_s, 2) for name, taken_s in heads_s.items()},
        "computed_pass_s": round(pass_s, 1),
        "computed_cached_s": round(cached_s, 1),
        "computed_recomputing_s": round(recomputing_s, 1),
        "times_as_fast": round(recomputing_s / cached_s, 1),
    }


def _features(console: Console, budget: Budget) -> dict[str, Any]:
    from ai_edge_litert.interpreter import Interpreter

    from training.models import classifier
    from training.models.features import FrozenEmbedder

    images = np.random.default_rng(0).integers(0, 256, (LOOKED_AT, 224, 224, 3), np.uint8)
    embedder, cores = FrozenEmbedder(classifier.build("efficientnet-lite0", 4, imagenet=False)), os.cpu_count() or 1
    embedder.embed(images[:cores])  # makes the file
    interpreters = [Interpreter(model_content=embedder.content, num_threads=1) for _ in range(cores)]
    for interpreter in interpreters:
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images[:1])

    def invoke(interpreter: Any) -> None:
        for _ in range(LOOKED_AT // cores):
            interpreter.invoke()

    rates: dict[str, list[float]] = {"pass": [], "bare": []}
    with ThreadPoolExecutor(cores) as pool:
        for _ in budget.turns("the feature pass", TURNS, until=0.7):
            rates["pass"].append(round(LOOKED_AT / seconds(embedder.embed, images), 1))
            rates["bare"].append(
                round(LOOKED_AT // cores * cores / seconds(lambda: [*pool.map(invoke, interpreters)]), 1)
            )
    console.print(f"fields a second: {rates}")
    shares = [ours / theirs for ours, theirs in zip(rates["pass"], rates["bare"], strict=True)]
    return {
        "images": LOOKED_AT,
        "images_per_s": {name: summary(per_second) for name, per_second in rates.items()},
        "of_bare": round(float(np.median(shares)), 2),
    }


def _pipeline(source: Path, console: Console, budget: Budget) -> dict[str, Any]:
    from training.data.dataset import Fields, list_fields, read_images
    from training.models.fine_tuning import batches
    from training.models.recipes import FineTuning

    listing = list_fields(source)
    sample = [listing.images[k] for k in np.linspace(0, len(listing.images) - 1, PIPELINE).astype(int)]
    ids = [spec.id for spec in listing.classes]
    paths, labels = [source / image.path for image in sample], np.array([ids.index(image.label) for image in sample])
    rates: dict[str, list[float]] = {"first_epoch": [], "later_epoch": [], "one_by_one": []}
    _one_by_one(paths[:4])  # whatever is done once is done now
    for _ in budget.turns("the input pipeline", PIPELINE_TURNS, until=0.95):
        start = time.perf_counter()
        fields = Fields(read_images(paths), labels, np.arange(len(paths)), tuple(paths))
        data = batches(fields, FineTuning())
        _drain(data)
        rates["first_epoch"].append(round(PIPELINE / (time.perf_counter() - start), 1))
        rates["later_epoch"].append(round(PIPELINE / seconds(_drain, data), 1))
        rates["one_by_one"].append(round(PIPELINE / seconds(_one_by_one, paths), 1))
    console.print(f"images a second: {rates}")
    summaries = {mode: summary(per_second) for mode, per_second in rates.items()}
    one_by_one_rate = summaries["one_by_one"]["median"]
    ratios = {epoch: round(summaries[epoch]["median"] / one_by_one_rate, 1) for epoch in ("first_epoch", "later_epoch")}
    return {
        "images": PIPELINE,
        "batch_size": FineTuning().batch_size,
        "images_per_s": summaries,
        "times_as_fast": ratios,
    }


def _drain(data: Any) -> None:
    for _ in data:
        pass


def _one_by_one(paths: list[Path]) -> None:
    from training.data.dataset import read_field
    from training.models.augmentation import augment

    for path in paths:
        augment(read_field(path)[None])


_MODES = {
    "one_by_one": "read, decode and augment one after another, every epoch",
    "first_epoch": "this project, first epoch: fields are decoded",
    "later_epoch": "this project, later epochs: fields are in memory",
}


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    sweep, pipeline = results["sweep"], results["pipeline"]
    features, rates = results["features"], pipeline["images_per_s"]
    field_rates, heads_s = features["images_per_s"], sum(sweep["heads_s"].values())
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
            f"The feature pass of the shipped network looks at {field_rates['pass']['median']:.0f} fields a second on"
            f" {results['machine']['cores']} cores, as many interpreters that do nothing else at"
            f" {field_rates['bare']['median']:.0f}: {features['of_bare']:.0%}.",
            "",
            f"The input pipeline on {pipeline['images']} {results['what']}, batches of {pipeline['batch_size']},"
            " flips, turns and stain jitter:",
            "",
            table(
                ["images a second", "median", "p25", "p75", "times as fast"],
                [
                    [label, *(f"{rates[mode][key]:.0f}" for key in ("median", "low_quartile", "high_quartile")), *gain]
                    for (mode, label), gain in zip(_MODES.items(), _gains(pipeline), strict=True)
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
    times_s = {"": [sweep["computed_cached_s"], sweep["computed_recomputing_s"]]}
    bars("training-sweep", ["features kept", "the base again"], times_s, "s", log=True)
    medians = {"": [rates[mode]["median"] for mode in _MODES]}
    bars("training-pipeline", [mode.replace("_", " ") for mode in _MODES], medians, "images a second", log=True)
