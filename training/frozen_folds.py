"""A fold's model file where a head of several layers is trained on cached features of a frozen backbone.

For ``crossvalidate``. The folder holds ``model.tflite``, ``model.json`` and, written last, ``fold.json``.
Temperature and thresholds come from a sibling head, trained without a contiguous fifth of the training fields and
asked about that fifth; the file's own head has learnt from all of them.
"""

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from inference import load
from inference.card import write_card
from training import calibrate, out_of_distribution, parity
from training.fields import Fields
from training.fold_record import write_record
from training.frozen import FrozenBackbone
from training.head_fit import Floats, HeadRecipe, Labels, fit_head
from training.learn import OOD_QUANTILE, OOD_RANK
from training.manifest import Manifest
from training.protocols import positions
from training.release import FILE_NAME, make_card
from training.served_maxima import ServedMaxima
from training.serving import convert
from training.splits import Fold, contiguous_folds

CALIBRATION_PART = 2
"""Of the five runs of the training fields: the middle one, away from the edge of the test fields' run."""
CHECKED = 8
"""Test fields on which each file is compared with its network: the backbone is the same in every fold."""


@dataclass(frozen=True)
class Set:
    """The fields of a cross-validation and what a frozen backbone makes of them.

    Attributes
    ----------
    manifest, fields
        Of the same folder.
    backbone
        Pools maxima.
    embeddings : float32[n, d]
        In the fields' order.
    """

    manifest: Manifest
    fields: Fields
    backbone: FrozenBackbone
    embeddings: Floats

    def positions(self, keys: tuple[str, ...]) -> Labels:
        """Find fields by their keys."""
        return positions(self.fields, keys)


@dataclass(frozen=True)
class Calibrated:
    """What a sibling head says of the certainty that the fold's head should have."""

    temperature: float
    minimum_probability: float
    threshold: float


def write_head_fold(data: Set, recipe: HeadRecipe, protocol: str, fold: Fold, folder: Path) -> None:
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

    Raises
    ------
    DivergedError, ParityError
        The head learnt nothing, or the file is not its network.
    """
    train, test = data.positions(fold.train), data.positions(fold.test)
    embeddings, labels = data.embeddings[train], data.fields.labels[train]
    calibrated = _calibrate(data, fold, recipe)
    fitted = fit_head(data.backbone.name, embeddings, labels, recipe)
    distance = out_of_distribution.fit(embeddings, labels, _rank(embeddings))
    network = data.backbone.classifier(fitted.head)
    served = ServedMaxima(network, calibrated.temperature, distance, hide_corner=data.backbone.hide_corner)
    with tempfile.TemporaryDirectory() as saved_model:
        content = convert(served, Path(saved_model) / "saved_model")
    card = make_card(
        content,
        version="0.0.0",
        backbone=data.backbone.name,
        temperature=calibrated.temperature,
        minimum_probability=calibrated.minimum_probability,
        threshold=calibrated.threshold,
        quantile=OOD_QUANTILE,
        training={
            "method": "head trained on features of the frozen backbone",
            "data_manifest": data.manifest.digest,
            "recipe": asdict(recipe) | {"learning_rate": recipe.learning_rate},
            "corner": "hidden" if data.backbone.hide_corner else "visible",
            "epochs": fitted.epochs,
        },
    )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_bytes(content)
    write_card(card, folder)
    some = test[np.linspace(0, len(test) - 1, min(CHECKED, len(test))).astype(int)]
    parity.demand(parity.compare(served, load(folder), data.fields.images[some]), folder / FILE_NAME)
    write_record(folder, protocol, fold, data.manifest)


def _calibrate(data: Set, fold: Fold, recipe: HeadRecipe) -> Calibrated:
    inside = set(fold.train)
    records = [record for record in data.manifest.records if record.key in inside]
    inner = contiguous_folds(records)[CALIBRATION_PART]
    learnt, asked = data.positions(inner.train), data.positions(inner.test)
    embeddings, labels = data.embeddings[learnt], data.fields.labels[learnt]
    sibling = fit_head(data.backbone.name, embeddings, labels, recipe)
    logits, truth = sibling.logits(data.embeddings[asked]), data.fields.labels[asked]
    temperature = calibrate.temperature(logits, truth)
    distance = out_of_distribution.fit(embeddings, labels, _rank(embeddings))
    return Calibrated(
        temperature,
        calibrate.minimum_probability(logits, truth, temperature),
        float(np.quantile(distance.score(data.embeddings[asked]), OOD_QUANTILE)),
    )


def _rank(embeddings: Floats) -> int:
    fields, width = embeddings.shape
    return int(min(OOD_RANK, fields // 4, width // 4))
