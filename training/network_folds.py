"""A fold's model file where the network is fine-tuned, or has a linear head on the frozen backbone.

For ``crossvalidate``. The folder holds ``model.tflite``, ``model.json`` and, written last, ``fold.json``.
"""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
from scipy.special import softmax

from inference import Classifier
from training.data.dataset import Fields, spread
from training.data.manifest import Manifest
from training.data.protocols import positions
from training.data.splits import Fold
from training.evaluation import predictions
from training.evaluation.predictions import Measured
from training.fold_record import write_record
from training.models.backbones import BACKBONES
from training.models.features import Features
from training.models.fine_tuning import Recipe, embed
from training.models.learners import Learned, learn, learn_linear
from training.models.linear_probe import LinearHead
from training.models.mlp_head import Labels
from training.served import serve
from training.serving import parity
from training.serving.graph import convert
from training.serving.model_folder import UNRELEASED, card_of, release
from training.tracking import Run
from training.tracking.fold_runs import FoldMade
from training.tracking.run_logging import HELD_OUT, SHEET_FIELDS, tell_sheet

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


def write_network_fold(experiment: Experiment, protocol: str, fold: Fold, folder: Path, run: Run) -> FoldMade:
    """Train on one fold and write its model folder.

    Raises
    ------
    DataError, ParityError, ValueError
        Too few fields, a file that is not its network, a recipe that the backbone cannot be trained by.
    """
    keras.utils.set_random_seed(experiment.recipe.seed)
    train, test = positions(experiment.fields, fold.train), positions(experiment.fields, fold.test)
    shutil.rmtree(folder, ignore_errors=True)
    work = folder.with_name(f".{folder.name}-work")
    learned = _learn(experiment, train, work)
    measured = _answer(experiment, learned, test)
    served = serve(learned, BACKBONES[experiment.backbone])
    content = convert(served, work / "saved_model")
    card = card_of(
        content,
        learned,
        version=UNRELEASED,
        backbone=experiment.backbone,
        training={"data_manifest": experiment.manifest.digest, "recipe": asdict(experiment.recipe)},
    )
    some = experiment.fields.take(test[spread(len(test), CHECKED)])

    def check(file: Classifier) -> dict[str, object]:
        found = parity.compare(served, file, some.images)
        parity.demand(found, folder / card.file)
        tell_sheet(run, file, some.take(spread(len(some), SHEET_FIELDS)))
        return {
            HELD_OUT: predictions.evaluate(measured, experiment.fields.labels[test], file.card),
            "parity": asdict(found),
        }

    whole, _ = release(content, card, folder, check, max_bytes=None)
    shutil.rmtree(work, ignore_errors=True)
    write_record(folder, protocol, fold, experiment.manifest)
    return FoldMade(folder, learned, whole, test, measured)


def _learn(experiment: Experiment, train: Labels, work: Path) -> Learned:
    fields, records = experiment.fields.take(train), experiment.manifest.records
    if experiment.features is None:
        return learn(experiment.backbone, fields, records, experiment.recipe, work)
    network, features = experiment.features
    return learn_linear(network, fields, features.take(train), records)


def _answer(experiment: Experiment, learned: Learned, test: Labels) -> Measured:
    """Answer for fields that were not learnt from, by their features where these are known."""
    if experiment.features is None:
        embeddings, logits = embed(learned.network, experiment.fields.images[test])
    else:
        head = LinearHead.of(learned.network)
        pooled = experiment.features[1].embeddings[test]
        embeddings, logits = head.standardise(pooled), head.logits(pooled)
    return Measured(softmax(logits / learned.temperature, 1), learned.distance.score(embeddings))
