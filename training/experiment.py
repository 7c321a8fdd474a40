"""One experiment: a recipe on some fields, learnt, calibrated, converted, held against its network and written.

``train`` ships its model from here, a job by the same function; ``crossvalidate`` writes its folds, and ``sweep`` the
model of each trial. A fold's folder holds ``model.tflite``, ``model.json`` and, written last, ``fold.json``.
"""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inference import Classifier, ModelCard
from training import tracking
from training.data import ood_sets
from training.data.dataset import Fields, load_fields, spread
from training.data.group_folds import LEAST_IMAGES
from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.protocols import Holdout, group_names, holdout_of, positions, with_groups
from training.data.splits import Fold
from training.data.validation import manifest_of
from training.evaluation import metrics, predictions
from training.evaluation.folds import write_record
from training.evaluation.predictions import Measured
from training.models import base_statistics, classifier
from training.models.backbones import BACKBONES
from training.models.base_statistics import statistics_of
from training.models.feature_cache import FrozenBackbone, cached_features
from training.models.features import Features, features_of
from training.models.fine_tuning import CHECKPOINT, embed
from training.models.learners import Learned, Watch, answer, learn, learn_linear, slide_names
from training.models.learnt import demand_learnt
from training.models.linear_probe import LinearHead
from training.models.mlp_head import Labels
from training.models.mlp_learner import FrozenSet, learn_head
from training.models.recipes import CACHE, FineTuning, LinearProbe, MlpHead, Recipe
from training.models.tflite import convert
from training.serving import parity
from training.serving.files import UNRELEASED
from training.serving.graph import serve
from training.serving.model_folder import card_of, release
from training.serving.preconditions import demand_all, demand_fits
from training.serving.versions import next_version
from training.tracking.fold_runs import TrainedFold
from training.tracking.run_logging import (
    CANDIDATE,
    HELD_OUT,
    SHEET_FIELDS,
    log_dataset,
    log_figures,
    log_model,
    log_prediction_sheet,
)

if TYPE_CHECKING:
    import keras

SAVED_MODEL = "saved_model"
"""Folder in a run's own: the served graph, from which ``export`` makes files of other precisions."""
COMPARED_FIELDS, COMPARED_OF_SHIPPED = 32, 250
"""Fields on which a file is compared with its network: test fields of a fold or a trial, training fields where the file
is shipped."""


HELD_RUNS = (
    "one contiguous run of acquisition numbers a class held out, with gaps, no field of it "
    "sharing cells with a training field; an easy test, since the same slides are trained on"
)
HELD_GROUPS = "an eighth of the patients, slides or specimens held out whole"


@dataclass(frozen=True)
class Trained:
    """A trained classifier, and what its card says of the training.

    Attributes
    ----------
    backbone, recipe, learned, manifest
        What was trained, how, what came of it, and on what.
    details
        More of the card's ``training``.
    version
        Of the card.
    hide_corner
        Whether the scale bar was hidden, as it then is in the file too.
    """

    backbone: str
    recipe: Recipe
    learned: Learned
    manifest: Manifest
    details: Mapping[str, object] = field(default_factory=dict)
    version: str = UNRELEASED
    hide_corner: bool = True


def write_model(
    trained: Trained,
    folder: Path,
    compared: NDArray[np.uint8],
    measure: Callable[[Classifier], dict[str, object]],
    saved_model: Path | None = None,
    max_bytes: int | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> ModelCard:
    """Convert a trained classifier and write its model folder, once the file answers as the network does.

    Parameters
    ----------
    trained : Trained
        What to write.
    folder : Path
        Model folder; what is there stays untouched if anything fails.
    compared : uint8[n, 224, 224, 3]
        Fields on which file and network must say the same.
    measure : callable
        Takes the loaded file; gives what the card's ``training`` shall say of it.
    saved_model : Path, optional
        Where to leave the graph that was converted.
    max_bytes : int, optional
        The most that the file may have.
    beside : mapping of str to bytes, optional
        More files of the folder, by name.

    Returns
    -------
    ModelCard
        With what was measured.

    Raises
    ------
    ParityError, ValueError
        The file is not its network, or is too large.
    """
    learned = trained.learned
    graph = serve(learned, BACKBONES[trained.backbone], hide_corner=trained.hide_corner)
    with tempfile.TemporaryDirectory() as scratch:
        content = convert(graph, saved_model or Path(scratch, SAVED_MODEL))
    card = card_of(
        content,
        learned,
        version=trained.version,
        backbone=trained.backbone,
        classes=trained.manifest.classes,
        training={
            "data_manifest": trained.manifest.digest,
            "method": trained.recipe.title,
            "recipe": trained.recipe.record(),
            "corner": "hidden" if trained.hide_corner else "visible",
            "epochs": learned.epochs,
            **trained.details,
            **base_statistics.told(beside or {}),
        },
    )

    def check(file: Classifier) -> dict[str, object]:
        difference = parity.compare(graph, file, compared)
        parity.demand(difference, folder / card.file)
        return {**measure(file), "parity": asdict(difference)}

    return release(content, card, folder, check, max_bytes, beside)[0]


@dataclass(frozen=True)
class LinearFeatures:
    """What an untrained classifier's backbone makes of all the fields, for linear heads.

    Attributes
    ----------
    network : keras.Model
        Of ``classifier.build``; each head in turn is put into it.
    features
        Of some of the fields, in their order.
    of : int64[n]
        Which fields these are, increasing.
    """

    network: "keras.Model"
    features: Features
    of: Labels

    def take(self, which: Labels) -> Features:
        """Take the features of some of these fields, by the fields' positions."""
        return self.features.take(np.searchsorted(self.of, which))


@dataclass(frozen=True)
class Experiment:
    """A recipe and the fields that it is tried on.

    Attributes
    ----------
    backbone, recipe, manifest, fields
        What is trained, how, and on what.
    slides
        Each field's slide, by key.
    hide_corner
        Whether the scale bar is hidden.
    computed
        What a frozen backbone makes of all the fields, so that every fold reads the same; None where each fold
        computes what it needs.
    made_by
        What ``folds.method_digest`` gives; kept with each fold.
    """

    backbone: str
    recipe: Recipe
    manifest: Manifest
    fields: Fields
    slides: Mapping[str, str]
    hide_corner: bool = True
    computed: FrozenSet | LinearFeatures | None = None
    made_by: str = ""

    def with_features(
        self, outliers: Sequence[Path] | None = (), cache: Path = CACHE, among: Labels | None = None
    ) -> "Experiment":
        """Compute what every fold needs of a frozen backbone; nothing where the whole network is trained.

        Parameters
        ----------
        outliers : sequence of Path, optional
            Folders of smears that show no class of the set, from which the out-of-distribution gate of a linear head
            may learn; None makes no gate.
        cache : Path
            Folder of features.
        among : int64[n], optional
            Positions of the fields that a linear head is fitted on and asked about, increasing; all unless given.

        Raises
        ------
        WeightsError
            The backbone's weights cannot be had.
        """
        computed: FrozenSet | LinearFeatures | None = None
        if isinstance(self.recipe, MlpHead):
            frozen = FrozenBackbone(self.backbone, hide_corner=self.hide_corner)
            embeddings = cached_features(frozen, self.fields.images, cache)
            computed = FrozenSet(self.manifest, self.fields, frozen, embeddings)
        elif isinstance(self.recipe, LinearProbe):
            network = classifier.build(self.backbone, self.fields.class_count)
            names = slide_names(self.fields, self.slides)
            features = features_of(network, self.fields, names, self.recipe, outliers, cache, among)
            computed = LinearFeatures(network, features, np.arange(len(self.fields)) if among is None else among)
        return replace(self, computed=computed)

    def trained(self, learned: Learned, details: Mapping[str, object], version: str = UNRELEASED) -> Trained:
        """Say what was trained here."""
        return Trained(self.backbone, self.recipe, learned, self.manifest, details, version, self.hide_corner)


def write_fold(experiment: Experiment, protocol: str, fold: Fold, folder: Path, run: tracking.Run) -> TrainedFold:
    """Train on one fold and write its model folder.

    Parameters
    ----------
    experiment
        With features, where its backbone is frozen.
    protocol, fold
        Which fields to learn from, and which to test on.
    folder
        Of this fold.
    run
        Gets the sheet of predictions.

    Raises
    ------
    DataError, DivergedError, ParityError
        Too few fields, a head that learnt nothing, a file that is not its network.
    """
    classifier.seed(experiment.recipe.seed)
    fields = experiment.fields
    train, test = positions(fields, fold.train), positions(fields, fold.test)
    shutil.rmtree(folder, ignore_errors=True)
    work = folder.with_name(f".{folder.name}-work")
    learned, measured = learn_and_answer(experiment, train, test, work)
    trained = experiment.trained(learned, {})
    card = write_compared(trained, folder, fields.take(test), measured, run)
    shutil.rmtree(work, ignore_errors=True)
    write_record(folder, protocol, fold, experiment.manifest, experiment.made_by)
    return TrainedFold(folder, learned, card, test, measured)


def write_compared(trained: Trained, folder: Path, test: Fields, measured: Measured, run: tracking.Run) -> ModelCard:
    """Write the model folder of a classifier that is compared with others and never shipped.

    Parameters
    ----------
    trained, folder
        As for ``write_model``.
    test : Fields
        Not learnt from; file and network are compared on some of them.
    measured : Measured
        What the network answers on all of them.
    run
        Gets the sheet of predictions.
    """
    compared = test.take(spread(len(test), COMPARED_FIELDS))

    def measure(file: Classifier) -> dict[str, object]:
        log_prediction_sheet(run, file, compared.take(spread(len(compared), SHEET_FIELDS)))
        return {HELD_OUT: metrics.held_out(test.labels, measured, file.card)}

    return write_model(trained, folder, compared.images, measure)


def learn_and_answer(experiment: Experiment, train: Labels, test: Labels, work: Path) -> tuple[Learned, Measured]:
    """Learn from some fields, and answer for others: by their features where these are known.

    Parameters
    ----------
    experiment
        With features, where its backbone is frozen.
    train, test : int64[n]
        Positions of fields.
    work
        Folder of the checkpoint of a run that is cut off.
    """
    recipe, computed = experiment.recipe, experiment.computed
    if isinstance(recipe, MlpHead) and isinstance(computed, FrozenSet):
        model = learn_head(computed, recipe, train)
        return model.learned, Measured(*model.answer(computed.embeddings[test]))
    learned = _learn(experiment, train, work)
    if isinstance(computed, LinearFeatures):
        head, pooled = LinearHead.of(learned.network), computed.take(test).embeddings
        embeddings, logits = head.standardise(pooled), head.logits(pooled)
    else:
        embeddings, logits = embed(learned.network, experiment.fields.images[test])
    return learned, Measured(*answer(learned, embeddings, logits))


def _learn(
    experiment: Experiment, train: Labels, work: Path, watch: Watch | None = None, *, examined: bool = False
) -> Learned:
    recipe, computed = experiment.recipe, experiment.computed
    fields, manifest, slides = experiment.fields.take(train), experiment.manifest, experiment.slides
    if not isinstance(recipe, LinearProbe) or not isinstance(computed, LinearFeatures):
        return learn(experiment.backbone, fields, manifest, recipe, work, watch, slides)
    features = computed.take(train)
    return learn_linear(computed.network, fields, features, manifest, recipe, watch, slides, examined=examined)


@dataclass(frozen=True)
class TrainingRequest:
    """What is to be trained, on what, and where it goes.

    Attributes
    ----------
    data
        Labelled fields, one folder a class.
    backbone
        A key of ``BACKBONES``.
    recipe
        How to fit.
    output
        Model folder to write.
    work
        For the checkpoint of a run that is cut off, and the served graph.
    external
        Folders of fields that show no class of the set (other patients, other stains); only measured.
    outliers
        Folders of smears that show no class of the set, from which the out-of-distribution gate may learn; None makes
        no gate.
    max_bytes
        The most that the file may have, where it is shipped.
    version
        Of the model; the next one (``training.serving.versions``) unless given.
    group_pattern
        Of file names, whose first group names the patient, slide or specimen.
    """

    data: Path
    backbone: str
    recipe: Recipe
    output: Path
    work: Path
    external: Sequence[Path] = ()
    outliers: Sequence[Path] | None = ()
    max_bytes: int | None = None
    version: str | None = None
    group_pattern: str | None = None


@dataclass(frozen=True)
class Prepared:
    """What a training begins with, once nothing refuses it.

    Attributes
    ----------
    fields, manifest
        What lies in its folder.
    parts
        Which of the fields are learnt from, and which are held out.
    version
        Of the model to be.
    """

    fields: Fields
    manifest: Manifest
    parts: Holdout
    version: str


def demand_unchanged(data: Path, fields: Fields, manifest: Manifest) -> None:
    """Refuse a folder in which images came or went between one reading of it and the other.

    Raises
    ------
    DataError
        It did; names one of them.
    """
    if changed := set(fields.keys) ^ {record.key for record in manifest.records}:
        raise DataError(f"{data} changed while it was read ({min(changed)}): wait until it is whole, then try again")


def prepare(request: TrainingRequest, known_versions: Sequence[str] = ()) -> Prepared:
    """Refuse what cannot become a model, and read the fields: all of ``train`` that takes seconds, and its dry run.

    Raises
    ------
    DataError, ValueError
        As ``train``; nothing was written.
    """
    data, output = request.data, request.output
    demand_all(request.recipe, output, request.work, request.external, request.outliers)
    demand_fits(request.backbone, request.max_bytes, output)
    version = next_version(output, known_versions, request.version)
    fields, manifest = load_fields(data), with_groups(manifest_of(data), data, request.group_pattern)
    demand_unchanged(data, fields, manifest)
    if small := [f"{label} ({count})" for label, count in fields.counts.items() if count < LEAST_IMAGES]:
        raise DataError(
            f"too few fields of {', '.join(small)}: {LEAST_IMAGES} of a class are needed to learn from some and hold "
            "others out; add some, or move the class's folder away"
        )
    return Prepared(fields, manifest, holdout_of(fields, manifest), version)


def train(request: TrainingRequest, watch: Watch | None = None, run: tracking.Run | None = None) -> dict[str, Any]:
    """Train, calibrate, convert, check against the network, measure on held-out fields, and put in place.

    Parameters
    ----------
    request
        What, on what, and where it goes.
    watch : callable, optional
        See ``training.models.learners.Watch``.
    run : tracking.Run, optional
        Is told of everything.

    Returns
    -------
    dict
        The card's ``training``, and ``version`` and ``size_bytes`` of the file.

    Raises
    ------
    DataError, ValueError, WeightsError
        Before anything is trained: what is asked for cannot become a model.
    DivergedError, ParityError
        Afterwards: the network learnt nothing, or the file is not the network. ``output`` is as it was.
    """
    start = time.monotonic()
    registered = run.registered_versions() if run else ()
    prepared = prepare(request, registered)
    recipe, outliers = request.recipe, request.outliers
    fields, manifest, parts = prepared.fields, prepared.manifest, prepared.parts
    classifier.seed(recipe.seed)
    if run:
        log_dataset(run, request.data, fields, manifest)
    learnt_from = np.sort(np.concatenate([parts.train, parts.calibration]))
    pool, test = fields.take(learnt_from), fields.take(parts.test)

    experiment = Experiment(request.backbone, recipe, manifest, fields, group_names(request.data, manifest))
    if isinstance(recipe, LinearProbe):
        experiment = experiment.with_features(outliers, among=learnt_from)
    work = request.work / _digest(pool, request.backbone, recipe)
    learned = _learn(experiment, learnt_from, work, watch, examined=True)
    details = {
        "fields": fields.counts,
        "parts": {"train": len(pool), "test": len(test)},
        **({"gate": _gate(learned, outliers or ())} if learned.numbers else {}),
    }

    def measure(file: Classifier) -> dict[str, object]:
        minutes = round((time.monotonic() - start) / 60, 1)
        measured = predictions.run(file, test.images, "Measuring on the held-out run")
        demand_learnt(test.labels, measured.probabilities, test.label_ids)
        if run:
            log_figures(run, test.labels, measured.probabilities, test.classes)
            log_prediction_sheet(run, file, test.take(spread(len(test), SHEET_FIELDS)))
        return {
            "minutes": minutes,
            HELD_OUT: {
                "protocol": HELD_RUNS if manifest.groups is None else HELD_GROUPS,
                **metrics.held_out(test.labels, measured, file.card),
            },
            "strangers": {
                name: predictions.count_ood_set(file, images, f"Measuring on {name}")
                for name, images in _ood_sets(request.external)
            },
        }

    trained = experiment.trained(learned, details, prepared.version)
    beside = _statistics(experiment, learned, learnt_from)
    compared = pool.images[spread(len(pool), COMPARED_OF_SHIPPED)]
    card = write_model(trained, request.output, compared, measure, work / SAVED_MODEL, request.max_bytes, beside)
    shutil.rmtree(work / CHECKPOINT, ignore_errors=True)
    if run:
        # Whoever watches has told of the epochs as they went.
        planned = recipe.epochs if isinstance(recipe, FineTuning) else len(learned.epochs)
        first = None if watch else planned - len(learned.epochs) + 1
        log_model(run, learned, card, request.output, first, alias=CANDIDATE)
    return {"training": card.training, "size_bytes": card.size_bytes, "version": card.version}


def _statistics(experiment: Experiment, learned: Learned, train: Labels) -> dict[str, bytes]:
    """Give the file that the model of a linear head lends to whoever builds on it."""
    if not isinstance(experiment.computed, LinearFeatures):
        return {}
    names = slide_names(experiment.fields.take(train), experiment.slides)
    features, labels = experiment.computed.take(train), experiment.fields.labels[train]
    statistics = statistics_of(features, labels, names, LinearHead.of(learned.network), experiment.fields.label_ids)
    return {base_statistics.FILE_NAME: statistics.content}


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


def _ood_sets(external: Sequence[Path]) -> list[tuple[str, Any]]:
    """Give pictures of no known class: noise and blank fields, and the folders named."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (32, 224, 224, 3), np.uint8)
    blank = np.broadcast_to(rng.integers(0, 256, (32, 1, 1, 3), np.uint8), noise.shape).copy()
    return [("noise", noise), ("blank", blank), *((folder.name, ood_sets.folder(folder)) for folder in external)]
