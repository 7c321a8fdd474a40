"""One training run, from a folder of smears to a measured model folder. Reads from top to bottom as it happens.

The shipped model::

    make train DATA=../shared/data/all_smears

2,573 fields; the card that the run writes tells its minutes, its numbers on the held-out run and on strangers.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from inference import Classifier, ModelError
from training import calibrate, classifier, measure, out_of_distribution, parity, synthetic
from training.backbones import BACKBONES
from training.fields import LABELS, SUFFIXES, DataError, Fields, load_fields, read_images
from training.fit import Recipe, embed, fit
from training.holdout import Holdout, contiguous_holdout, group_numbers
from training.inventory import manifest_of
from training.release import make_card, release
from training.serving import ServedClassifier, convert

VERSION = "1.0.0"
OOD_RANK = 128
"""Directions with a variance of their own, a tenth of the embedding's 1,280: some 1,700 fields determine no more."""
OOD_QUANTILE = 0.99
"""Of the calibration fields' scores: one known field in a hundred is turned away."""
SMOKE_FIELDS_PER_CLASS = 24
DEFAULT_OUTPUT, DEFAULT_WORK = Path("models/default"), Path("runs/train")


def train(data: Path, external: list[Path], backbone: str, recipe: Recipe, output: Path, work: Path) -> dict[str, Any]:
    """Train, calibrate, convert, check against the network, measure on held-out fields, and put in place.

    Parameters
    ----------
    data : Path
        Labelled fields, one folder a class.
    external : list of Path
        Folders of fields that show no class of the set (other patients, other stains); only measured.
    backbone : str
        A key of ``BACKBONES``.
    recipe : Recipe
        How to fit.
    output : Path
        Model folder to write.
    work : Path
        For the checkpoint of a run that is cut off.

    Returns
    -------
    dict
        The card's ``training`` and ``evaluation``.
    """
    start = time.monotonic()
    keras.utils.set_random_seed(recipe.seed)
    fields = load_fields(data)
    manifest = manifest_of(data)
    parts = contiguous_holdout(fields.labels, fields.numbers, group_numbers(fields, manifest))
    learned, held = fields.take(parts.train), fields.take(parts.calibration)

    network = classifier.build(backbone)
    epochs = fit(network, learned, recipe, work / _digest(learned, backbone, recipe))

    embeddings, _ = embed(network, learned.images)
    held_embeddings, held_logits = embed(network, held.images)
    temperature = calibrate.temperature(held_logits, held.labels)
    minimum = calibrate.minimum_probability(held_logits, held.labels, temperature)
    rank = min(OOD_RANK, len(learned) // 4)
    distance = out_of_distribution.fit(embeddings, learned.labels, rank)
    threshold = float(np.quantile(distance.score(held_embeddings), OOD_QUANTILE))

    served = ServedClassifier(network, temperature, distance)
    with tempfile.TemporaryDirectory() as folder:
        content = convert(served, Path(folder) / "saved_model")
    card = make_card(
        content,
        version=VERSION,
        backbone=backbone,
        temperature=temperature,
        minimum_probability=minimum,
        threshold=threshold,
        quantile=OOD_QUANTILE,
        training={
            "data_manifest": manifest.digest,
            **_told(fields, parts, recipe, epochs, time.monotonic() - start),
        },
    )

    def check(file: Classifier) -> dict[str, Any]:
        found = parity.compare(served, file, learned.images)
        parity.demand(found, output / card.file)
        return {
            "protocol": "one contiguous run of acquisition numbers a class held out, with gaps, no field of it sharing "
            "cells with a training field; an easy test, since the same slides are trained on",
            "held_out": measure.evaluate(file, fields.take(parts.test), "Measuring on the held-out run"),
            "strangers": {
                name: measure.strangers(file, images, f"Measuring on {name}") for name, images in _strangers(external)
            },
            "parity": {"images": found.images, "agreement": found.agreement, "max_difference": found.max_difference},
        }

    whole, _ = release(content, card, output, check)
    return {"training": whole.training, "evaluation": whole.evaluation, "size_bytes": whole.size_bytes}


def _digest(fields: Fields, backbone: str, recipe: Recipe) -> str:
    """Name what is trained, so that a run goes on from its own checkpoint and never from another one's."""
    what = hashlib.sha256(repr((backbone, recipe)).encode())
    what.update(fields.labels.tobytes())
    what.update(fields.images.tobytes())
    return what.hexdigest()[:16]


def _told(
    fields: Fields, parts: Holdout, recipe: Recipe, epochs: list[dict[str, float]], seconds: float
) -> dict[str, Any]:
    count = {name: len(getattr(parts, name)) for name in ("train", "calibration", "test")}
    by_class = {label: int((fields.labels == k).sum()) for k, label in enumerate(LABELS)}
    return {
        "method": "all weights fine-tuned from ImageNet",
        "fields": by_class,
        "parts": count,
        "recipe": asdict(recipe),
        "epochs": epochs,
        "minutes": round(seconds / 60, 1),
    }


def _strangers(external: list[Path]) -> list[tuple[str, Any]]:
    """Give pictures of no known class: noise and blank fields, and the folders named."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (32, 224, 224, 3), np.uint8)
    blank = np.broadcast_to(rng.integers(0, 256, (32, 1, 1, 3), np.uint8), noise.shape).copy()
    folders = [
        (
            folder.name,
            read_images(sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES), f"Reading {folder.name}"),
        )
        for folder in external
    ]
    return [("noise", noise), ("blank", blank), *folders]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``train`` command."""
    parser = subparsers.add_parser("train", help="train on labelled fields, convert, check, measure, ship")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help=f"folder that holds {', '.join(LABELS)}")
    source.add_argument(
        "--smoke", action="store_true", help="one minute on synthetic smears: shows that the parts work"
    )
    parser.add_argument(
        "--external", type=Path, action="append", default=[], help="folder of smears of no class here; measured"
    )
    parser.add_argument("--backbone", choices=sorted(BACKBONES), default="efficientnet-lite0")
    parser.add_argument(
        "--epochs", type=int, default=Recipe.epochs, help="passes over the training fields (%(default)s)"
    )
    parser.add_argument("--batch-size", type=int, default=Recipe.batch_size, help="fields a step (%(default)s)")
    parser.add_argument(
        "--learning-rate", type=float, default=Recipe.learning_rate, help="peak of AdamW's (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=Recipe.seed, help="of everything random (%(default)s)")
    parser.add_argument(
        "--output", type=Path, help=f"model folder ({DEFAULT_OUTPUT}; with --smoke one that is thrown away)"
    )
    parser.add_argument(
        "--work", type=Path, help=f"folder of checkpoints ({DEFAULT_WORK}; with --smoke one that is thrown away)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``train`` command; gives the exit code."""
    recipe = Recipe(
        epochs=options.epochs, batch_size=options.batch_size, learning_rate=options.learning_rate, seed=options.seed
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            if options.smoke:
                synthetic.write_dataset(Path(folder, "data"), per_class=SMOKE_FIELDS_PER_CLASS, seed=recipe.seed)
            # A smoke test neither replaces the shipped model nor goes on from a real run's checkpoint.
            data = Path(folder, "data") if options.smoke else options.data
            output = options.output or (Path(folder, "model") if options.smoke else DEFAULT_OUTPUT)
            work = options.work or (Path(folder, "work") if options.smoke else DEFAULT_WORK)
            told = train(data, options.external, options.backbone, recipe, output, work)
    except (DataError, ModelError, parity.ParityError, ValueError) as error:
        sys.stderr.write(f"train: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("train: interrupted; the same command goes on from the last whole epoch\n")
        return 130
    sys.stdout.write(json.dumps(told["evaluation"], indent=2) + "\n")
    size = f"{told['size_bytes'] / 1e6:.1f} MB"
    sys.stdout.write(f"{output}: {size}, trained in {told['training']['minutes']} minutes\n")
    return 0
