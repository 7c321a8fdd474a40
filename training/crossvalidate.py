"""A recipe's model files, one for each fold of each protocol: what ``evaluate`` measures.

The shipped recipe's::

    python -m training crossvalidate --data ../shared/data/all_smears --frozen

The starting point beside which it is shown, the project that this one grew from: VGG16 frozen, Adam, batches of 32, the
scale bar visible::

    python -m training crossvalidate --data ../shared/data/all_smears --frozen --backbone vgg16 --show-corner

Each folder ``<work>/<candidate>/<fold>/`` holds ``model.tflite``, ``model.json`` and, written last, ``fold.json``: an
interrupted command goes on with the folds that are missing.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from inference import Classifier
from training import classifier, parity
from training.backbones import BACKBONES
from training.backbones.vgg16 import WeightsError
from training.features import Features, features_of
from training.fields import LABELS, DataError, Fields, load_fields
from training.fit import OPTIMIZERS, Recipe
from training.fold_record import FOLD_NAME, write_record
from training.frozen import CACHE, FrozenBackbone, cached_features
from training.frozen_folds import Set, write_head_fold
from training.head_fit import DivergedError, HeadRecipe, positive
from training.inventory import manifest_of
from training.learn import OOD_QUANTILE, Learned, learn, learn_linear
from training.manifest import Manifest
from training.progress import bar
from training.protocols import FOLDED, folds_of, positions
from training.release import make_card, release
from training.served import serve
from training.serving import convert
from training.splits import Fold

WORK = Path("runs/folds")
Writer = Callable[[str, Fold, Path], None]
"""Makes the files of one fold: its protocol, itself, its folder."""
CHECKED = 32
"""Test fields on which each file is compared with its network; ``train`` compares the shipped one on all."""


@dataclass(frozen=True)
class Experiment:
    """A recipe and the fields that it is tried on.

    Attributes
    ----------
    features
        Of all the fields, where the backbone is frozen under a linear head: computed once for every fold.
    """

    backbone: str
    recipe: Recipe
    manifest: Manifest
    fields: Fields
    features: tuple[keras.Model, Features] | None


def write_fold(experiment: Experiment, protocol: str, fold: Fold, folder: Path) -> None:
    """Train on one fold and write its model folder.

    Raises
    ------
    DataError, ParityError, ValueError
        Too few fields, a file that is not its network, a recipe that the backbone cannot be trained by.
    """
    keras.utils.set_random_seed(experiment.recipe.seed)
    train, test = positions(experiment.fields, fold.train), positions(experiment.fields, fold.test)
    shutil.rmtree(folder, ignore_errors=True)
    learned = _learn(experiment, train, folder.with_name(f".{folder.name}-work"))
    served = serve(learned, BACKBONES[experiment.backbone])
    content = convert(served, folder.with_name(f".{folder.name}-work") / "saved_model")
    card = make_card(
        content,
        version="0.0.0",
        backbone=experiment.backbone,
        temperature=learned.temperature,
        minimum_probability=learned.minimum_probability,
        threshold=learned.threshold,
        quantile=OOD_QUANTILE,
        training={"data_manifest": experiment.manifest.digest, "recipe": asdict(experiment.recipe)},
    )
    some = experiment.fields.images[test[np.linspace(0, len(test) - 1, min(CHECKED, len(test))).astype(int)]]

    def check(file: Classifier) -> dict[str, object]:
        parity.demand(parity.compare(served, file, some), folder / card.file)
        return {}

    release(content, card, folder, check, max_bytes=None)
    shutil.rmtree(folder.with_name(f".{folder.name}-work"), ignore_errors=True)
    write_record(folder, protocol, fold, experiment.manifest)


def _learn(experiment: Experiment, train: np.ndarray, work: Path) -> Learned:
    fields, records = experiment.fields.take(train), experiment.manifest.records
    if experiment.features is None:
        return learn(experiment.backbone, fields, records, experiment.recipe, work)
    network, features = experiment.features
    return learn_linear(network, fields, features.take(train), records)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``crossvalidate`` command."""
    parser = subparsers.add_parser("crossvalidate", help="train a recipe on every fold; evaluate measures the files")
    parser.add_argument("--data", type=Path, required=True, help=f"folder that holds {', '.join(LABELS)}")
    parser.add_argument("--backbone", choices=sorted(BACKBONES), default="efficientnet-lite0", help="(%(default)s)")
    parser.add_argument("--protocol", action="append", choices=FOLDED, help="(all; may be given more than once)")
    parser.add_argument("--fold", action="append", help="such as contiguous-1 (all; may be given more than once)")
    parser.add_argument("--candidate", help="name of the recipe's folder (the backbone's)")
    parser.add_argument("--epochs", type=positive, help="(the recipe's)")
    parser.add_argument("--optimizer", choices=sorted(OPTIMIZERS), help="(the recipe's)")
    parser.add_argument("--frozen", action="store_true", help="fit the head alone: the shipped way")
    parser.add_argument(
        "--show-corner",
        action="store_true",
        help="with --frozen, for heads of several layers: leave the scale bar visible",
    )
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the fold folders (%(default)s)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of cached features (%(default)s)")
    parser.set_defaults(run=run)


def _wanted(options: argparse.Namespace, manifest: Manifest) -> list[tuple[str, Fold]]:
    wanted = [
        (protocol, fold)
        for protocol in dict.fromkeys(options.protocol or FOLDED)
        for fold in folds_of(protocol, options.data, manifest)
        if not options.fold or fold.name in options.fold
    ]
    if not wanted:
        raise DataError(f"there is no fold {' or '.join(options.fold)}: folds are named as contiguous-1 is")
    return wanted


def _writer(options: argparse.Namespace, manifest: Manifest, fields: Fields) -> Writer:
    """Choose how a fold is made, and compute first what all of them need."""
    given = {name: getattr(options, name) for name in ("epochs", "optimizer") if getattr(options, name)}
    spec = BACKBONES[options.backbone]
    if options.frozen and spec.hidden:
        head = HeadRecipe(**given)
        backbone = FrozenBackbone(options.backbone, hide_corner=not options.show_corner)
        features = cached_features(backbone, fields.images, options.cache)
        return partial(write_head_fold, Set(manifest, fields, backbone, features), head)
    if options.show_corner:
        raise ValueError("--show-corner goes with --frozen and a backbone under a head of several layers, as vgg16 is")
    recipe = Recipe(frozen=options.frozen, **given)
    embedded = None
    if recipe.frozen:
        network = classifier.build(options.backbone)
        embedded = (network, features_of(network, fields, recipe.seed))
    return partial(write_fold, Experiment(options.backbone, recipe, manifest, fields, embedded))


def run(options: argparse.Namespace) -> int:
    """Run the ``crossvalidate`` command; gives the exit code."""
    folder = options.work / (options.candidate or options.backbone)
    try:
        manifest, fields = manifest_of(options.data), load_fields(options.data)
        wanted = _wanted(options, manifest)
        missing = [(protocol, fold) for protocol, fold in wanted if not (folder / fold.name / FOLD_NAME).is_file()]
        if missing:  # what all folds need takes minutes to compute
            write = _writer(options, manifest, fields)
            for protocol, fold in bar(missing, "Folds", len(missing), unit="fold"):
                write(protocol, fold, folder / fold.name)
    except (DataError, WeightsError, DivergedError, parity.ParityError, ValueError) as error:
        sys.stderr.write(f"crossvalidate: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("crossvalidate: interrupted; the same command goes on with the folds that are missing\n")
        return 130
    sys.stdout.write(f"{len(wanted)} folds in {folder}\n")
    return 0
