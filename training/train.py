"""One training run, from a folder of smears to a measured model folder. Reads from top to bottom as it happens.

The shipped model::

    make train DATA=../shared/data/all_smears

The card that the run writes tells its minutes, its numbers on the held-out run and on strangers.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from inference import Classifier, ModelError
from training import tracking
from training.data import synthetic
from training.data.dataset import FOLDER_HELP, Fields, load_fields, read_images, spread
from training.data.labels import SUFFIXES, DataError
from training.data.protocols import contiguous_holdout, group_numbers
from training.data.slides import slides_of
from training.data.validation import manifest_of
from training.evaluation import predictions
from training.models import base_statistics, classifier
from training.models.backbones import BACKBONES
from training.models.backbones.vgg16 import WeightsError
from training.models.base_statistics import statistics_of
from training.models.features import features_of
from training.models.fine_tuning import CHECKPOINT
from training.models.learners import Learned, Watch, learn, learn_linear, slide_names
from training.models.linear_probe import LinearHead
from training.models.mlp_head import DivergedError
from training.models.recipes import FineTuning, LinearProbe, Recipe, add_options, recipe_of
from training.serving import parity
from training.serving.graph import serve
from training.serving.model_folder import card_of, release
from training.tflite import convert
from training.tracking.run_logging import HELD_OUT, SHEET_FIELDS, tell_figures, tell_model, tell_sheet

VERSION = "2.0.0"
SMOKE_FIELDS_PER_CLASS = 12
DEFAULT_OUTPUT, DEFAULT_WORK = Path("models/default"), Path("runs/train")
SAVED_MODEL = "saved_model"
"""Folder in a run's own: the served graph, from which ``export`` makes files of other precisions."""


def train(
    data: Path,
    external: list[Path],
    backbone: str,
    recipe: Recipe,
    output: Path,
    work: Path,
    watch: Watch | None = None,
    run: tracking.Run | None = None,
    outliers: Sequence[Path] | None = (),
) -> dict[str, Any]:
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
        For the checkpoint of a run that is cut off, and the served graph.
    watch : callable, optional
        See ``learn.Watch``.
    run : tracking.Run, optional
        Is told of everything.
    outliers : sequence of Path, optional
        Folders of smears that show no class of the set, from which the out-of-distribution gate may learn; None makes
        no gate.

    Returns
    -------
    dict
        The card's ``training`` and the file's ``size_bytes``.
    """
    start = time.monotonic()
    keras.utils.set_random_seed(recipe.seed)
    fields = load_fields(data)
    manifest = manifest_of(data)
    parts = contiguous_holdout(fields.labels, fields.numbers, group_numbers(fields, manifest))
    kept = np.sort(np.concatenate([parts.train, parts.calibration]))
    pool, test = fields.take(kept), fields.take(parts.test)

    place = work / _digest(pool, backbone, recipe)
    slides = slides_of(data, manifest)
    if isinstance(recipe, LinearProbe):
        network = classifier.build(backbone, fields.class_count)
        # Of all fields, so that every fold and this run read the same cache; only the pool's are learnt from.
        features = features_of(network, fields, slide_names(fields, slides), recipe, outliers)
        learned = learn_linear(
            network, pool, features.take(kept), manifest.records, recipe, watch, slides, examined=True
        )
    else:
        learned = learn(backbone, pool, manifest.records, recipe, place, watch, slides)
    beside: dict[str, bytes] = {}
    if isinstance(recipe, LinearProbe):
        head, names = LinearHead.of(learned.network), slide_names(pool, slides)
        beside[base_statistics.FILE_NAME] = statistics_of(
            features.take(kept), pool.labels, names, head, fields.label_ids
        ).content
    served = serve(learned, BACKBONES[backbone])
    content = convert(served, place / SAVED_MODEL)
    card = card_of(
        content,
        learned,
        version=VERSION,
        backbone=backbone,
        classes=fields.classes,
        training={
            "data_manifest": manifest.digest,
            "method": recipe.title,
            "fields": {label: int((fields.labels == k).sum()) for k, label in enumerate(fields.label_ids)},
            "parts": {"train": len(pool), "test": len(test)},
            "recipe": recipe.record(),
            "epochs": learned.epochs,
            **({"gate": _gate(learned, outliers or ())} if learned.numbers else {}),
            **base_statistics.told(beside),
            "minutes": round((time.monotonic() - start) / 60, 1),
        },
    )

    def check(file: Classifier) -> dict[str, Any]:
        found = parity.compare(served, file, pool.images)
        parity.demand(found, output / card.file)
        measured = predictions.run(file, test.images, "Measuring on the held-out run")
        if run:
            tell_figures(run, test.labels, measured.probabilities, fields.classes)
            tell_sheet(run, file, test.take(spread(len(test), SHEET_FIELDS)))
        return {
            HELD_OUT: {
                "protocol": "one contiguous run of acquisition numbers a class held out, with gaps, no field of it "
                "sharing cells with a training field; an easy test, since the same slides are trained on",
                **predictions.evaluate(measured, test.labels, file.card),
            },
            "strangers": {
                name: predictions.strangers(file, images, f"Measuring on {name}")
                for name, images in _strangers(external)
            },
            "parity": asdict(found),
        }

    whole, _ = release(content, card, output, check, beside=beside)
    shutil.rmtree(place / CHECKPOINT, ignore_errors=True)
    if run:
        # Whoever watches has told of the epochs as they went.
        planned = recipe.epochs if isinstance(recipe, FineTuning) else len(learned.epochs)
        first = None if watch else planned - len(learned.epochs) + 1
        tell_model(run, learned, whole, output, first)
    return {"training": whole.training, "size_bytes": whole.size_bytes}


def _gate(learned: Learned, outliers: Sequence[Path]) -> dict[str, Any]:
    """Tell what the gate learnt from, and what it did with what it did not learn from."""
    return {
        "outliers": [folder.name for folder in outliers],
        "own_fields_turned_away_by_slide_left_out": learned.numbers.left_out if learned.numbers else {},
        "known_by_a_gate_that_never_saw_them": learned.gate,
    }


def _digest(fields: Fields, backbone: str, recipe: Recipe) -> str:
    """Name what is trained, so that a run goes on from its own checkpoint and never from another one's."""
    what = hashlib.sha256(repr((backbone, recipe)).encode())
    what.update(fields.labels.tobytes())
    what.update(fields.images.tobytes())
    return what.hexdigest()[:16]


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


def add_outliers(parser: argparse.ArgumentParser) -> None:
    """Add the folders that the out-of-distribution gate learns from."""
    parser.add_argument(
        "--outliers",
        type=Path,
        action="append",
        default=[],
        help="with --frozen: folder of smears of no class here, of a licence that lets a model learn from them",
    )


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``train`` command."""
    parser = subparsers.add_parser("train", help="train on labelled fields, convert, check, measure, ship")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help=FOLDER_HELP)
    source.add_argument(
        "--smoke", action="store_true", help="one minute on synthetic smears: shows that the parts work"
    )
    parser.add_argument(
        "--external", type=Path, action="append", default=[], help="folder of smears of no class here; measured"
    )
    add_options(parser)
    add_outliers(parser)
    parser.add_argument(
        "--output", type=Path, help=f"model folder ({DEFAULT_OUTPUT}; with --smoke one that is thrown away)"
    )
    parser.add_argument(
        "--work", type=Path, help=f"folder of checkpoints ({DEFAULT_WORK}; with --smoke one that is thrown away)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``train`` command; gives the exit code."""
    try:
        recipe = recipe_of(options)
        with tempfile.TemporaryDirectory() as folder:
            if options.smoke:
                synthetic.write_dataset(Path(folder, "data"), per_class=SMOKE_FIELDS_PER_CLASS, seed=recipe.seed)
            # A smoke test neither replaces the shipped model nor goes on from a real run's checkpoint.
            data = Path(folder, "data") if options.smoke else options.data
            output = options.output or (Path(folder, "model") if options.smoke else DEFAULT_OUTPUT)
            work = options.work or (Path(folder, "work") if options.smoke else DEFAULT_WORK)
            parameters = {"backbone": options.backbone, **recipe.record(), "frozen": recipe.frozen}
            with tracking.run(f"train {options.backbone}", parameters=parameters, trial=options.smoke) as logged:
                told = train(
                    data,
                    options.external,
                    options.backbone,
                    recipe,
                    output,
                    work,
                    run=logged,
                    outliers=None if options.smoke else options.outliers,
                )
    except (DataError, ModelError, WeightsError, DivergedError, parity.ParityError, ValueError) as error:
        sys.stderr.write(f"train: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("train: interrupted; the same command goes on from the last whole epoch\n")
        return 130
    sys.stdout.write(json.dumps({name: told["training"][name] for name in (HELD_OUT, "strangers", "parity")}, indent=2))
    sys.stdout.write("\n")
    size = f"{told['size_bytes'] / 1e6:.1f} MB"
    sys.stdout.write(f"{output}: {size}, made in {told['training']['minutes']} minutes\n")
    return 0
