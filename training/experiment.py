"""One experiment: a recipe on some fields, learnt, calibrated, converted, held against its network and written.

A fold's folder holds ``model.tflite``, ``model.json`` and, written last, ``fold.json``.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import keras
from scipy.special import softmax

from inference import Classifier, ModelCard
from training.data.dataset import Fields, spread
from training.data.manifest import Manifest
from training.data.protocols import positions
from training.data.splits import Fold
from training.evaluation import predictions
from training.evaluation.folds import write_record
from training.evaluation.predictions import Measured
from training.models import out_of_distribution
from training.models.backbones import BACKBONES
from training.models.feature_cache import FrozenBackbone
from training.models.features import Features
from training.models.fine_tuning import embed
from training.models.learners import ASKED_PART, Learned, answer, calibrated, inner_parts, learn, learn_linear
from training.models.linear_probe import LinearHead
from training.models.mlp_head import FittedHead, Floats, Labels, fit_head
from training.models.recipes import LinearProbe, MlpHead, Recipe
from training.models.slide_learner import OOD_RANK
from training.serving import parity
from training.serving.graph import serve
from training.serving.model_folder import UNRELEASED, card_of, release
from training.serving.shared_backbone import HeadFiles
from training.tflite import convert
from training.tracking import Run
from training.tracking.fold_runs import FoldMade
from training.tracking.run_logging import HELD_OUT, SHEET_FIELDS, tell_sheet

CHECKED = 12
"""Test fields on the sheet, on which each file is compared with its network: the backbone is the same in every file."""


@dataclass(frozen=True)
class FrozenSet:
    """Fields and what a frozen backbone makes of them.

    Attributes
    ----------
    manifest, fields
        Of the same folder.
    backbone
        Frozen.
    embeddings : float32[n, d]
        In the fields' order.
    """

    manifest: Manifest
    fields: Fields
    backbone: FrozenBackbone
    embeddings: Floats

    @cached_property
    def files(self) -> HeadFiles:
        """Makes the files of heads on this backbone."""
        return HeadFiles(self.backbone)


@dataclass(frozen=True)
class HeadModel:
    """A head that knows how sure it may be.

    Attributes
    ----------
    fitted
        The head alone.
    learned
        The same on its backbone, calibrated.
    """

    fitted: FittedHead
    learned: Learned

    def answer(self, embeddings: Floats) -> Measured:
        """Answer for pooled features as the whole network would."""
        shares: Floats = softmax(self.fitted.logits(embeddings) / self.learned.temperature, 1)
        return Measured(shares, self.learned.distance.score(embeddings))


def learn_head(
    data: FrozenSet, recipe: MlpHead, train: Labels, fitted: FittedHead | None = None, asked: Labels | None = None
) -> HeadModel:
    """Train a head, and calibrate it on fields that whoever answers did not learn from.

    Parameters
    ----------
    data, recipe
        Fields, and how.
    train : int64[k]
        Positions of the fields to learn from.
    fitted : FittedHead, optional
        The head, where it has learnt from them already.
    asked : int64[m], optional
        Positions of fields kept apart for this. Else a sibling head, trained without a contiguous fifth of the training
        fields, is asked about that fifth; the head itself learns from all of them.

    Raises
    ------
    DataError, DivergedError
        The fields are too few, or the head learnt nothing.
    """
    name, labels = data.backbone.name, data.fields.labels
    head = fitted or fit_head(name, data.embeddings[train], labels[train], recipe)
    distance = _distance(data, train)
    who, strangeness, questions = head, distance, asked
    if questions is None:
        learnt, left_out = inner_parts(data.fields.take(train), data.manifest.records)[ASKED_PART]
        questions = train[left_out]
        who = fit_head(name, data.embeddings[train[learnt]], labels[train[learnt]], recipe)
        strangeness = _distance(data, train[learnt])
    embeddings = data.embeddings[questions]
    learned = calibrated(
        data.backbone.classifier(head.head),
        distance,
        head.epochs,
        who.logits(embeddings),
        labels[questions],
        strangeness.score(embeddings),
    )
    return HeadModel(head, learned)


def write_head_model(
    data: FrozenSet, model: HeadModel, recipe: MlpHead, test: Labels, folder: Path, run: Run, **told: object
) -> tuple[ModelCard, Measured]:
    """Write the model folder of a head, once its file answers as its network does.

    Parameters
    ----------
    data, model, recipe
        Of ``learn_head``.
    test : int64[k]
        Positions of fields that were not learnt from.
    folder
        To write.
    run
        Gets the sheet of predictions.
    told
        More of the card's ``training``.

    Returns
    -------
    (ModelCard, Measured)
        The card; and what the network answers on the test fields.

    Raises
    ------
    ParityError
        The file is not its network.
    """
    learned, backbone = model.learned, data.backbone
    content = data.files.convert(learned)
    measured = model.answer(data.embeddings[test])
    card = card_of(
        content,
        learned,
        version=UNRELEASED,
        backbone=backbone.name,
        classes=data.fields.classes,
        training={
            "method": "head trained on features of the frozen backbone",
            "data_manifest": data.manifest.digest,
            "recipe": recipe.record(),
            "corner": "hidden" if backbone.hide_corner else "visible",
            "epochs": learned.epochs,
            **told,
        },
    )
    some = spread(len(test), CHECKED)

    def check(file: Classifier) -> dict[str, object]:
        answered = tell_sheet(run, file, data.fields.take(test[some]))
        found = parity.between(measured.probabilities[some], answered)
        parity.demand(found, folder / card.file)
        held = predictions.evaluate(measured, data.fields.labels[test], file.card)
        return {HELD_OUT: held, "parity": asdict(found)}

    return release(content, card, folder, check, max_bytes=None)[0], measured


def _distance(data: FrozenSet, which: Labels) -> out_of_distribution.Mahalanobis:
    embeddings = data.embeddings[which]
    fields, width = embeddings.shape
    rank = int(min(OOD_RANK, fields // 4, width // 4))
    return out_of_distribution.fit(embeddings, data.fields.labels[which], rank)


CHECKED_OF_A_FOLD = 32
"""Test fields on which each file is compared with its network; ``train`` compares the shipped one on all."""


@dataclass(frozen=True)
class Experiment:
    """A recipe and the fields that it is tried on.

    Attributes
    ----------
    features
        Of all the fields, where the backbone is frozen under a linear head: computed once for every fold.
    slides
        Each field's slide, by key.
    """

    backbone: str
    recipe: Recipe
    manifest: Manifest
    fields: Fields
    features: tuple[keras.Model, Features] | None
    slides: Mapping[str, str]


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
        classes=experiment.fields.classes,
        training={"data_manifest": experiment.manifest.digest, "recipe": experiment.recipe.record()},
    )
    some = experiment.fields.take(test[spread(len(test), CHECKED_OF_A_FOLD)])

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
    recipe, slides = experiment.recipe, experiment.slides
    if experiment.features is None or not isinstance(recipe, LinearProbe):
        return learn(experiment.backbone, fields, records, recipe, work, slides=slides)
    network, features = experiment.features
    return learn_linear(network, fields, features.take(train), records, recipe, slides=slides)


def _answer(experiment: Experiment, learned: Learned, test: Labels) -> Measured:
    """Answer for fields that were not learnt from, by their features where these are known."""
    if experiment.features is None:
        embeddings, logits = embed(learned.network, experiment.fields.images[test])
    else:
        head = LinearHead.of(learned.network)
        pooled = experiment.features[1].embeddings[test]
        embeddings, logits = head.standardise(pooled), head.logits(pooled)
    return Measured(*answer(learned, embeddings, logits))


def write_head_fold(data: FrozenSet, recipe: MlpHead, protocol: str, fold: Fold, folder: Path, run: Run) -> FoldMade:
    """Train the head of one fold and write its model folder.

    Parameters
    ----------
    data
        Fields and their features.
    recipe
        How.
    protocol, fold
        Which fields to learn from.
    folder
        Of this fold.
    run
        Gets the sheet of predictions.

    Raises
    ------
    DivergedError, ParityError
        The head learnt nothing, or the file is not its network.
    """
    train, test = positions(data.fields, fold.train), positions(data.fields, fold.test)
    shutil.rmtree(folder, ignore_errors=True)
    model = learn_head(data, recipe, train)
    card, measured = write_head_model(data, model, recipe, test, folder, run)
    write_record(folder, protocol, fold, data.manifest)
    return FoldMade(folder, model.learned, card, test, measured)
