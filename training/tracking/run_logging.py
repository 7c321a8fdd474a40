"""Logs to MLflow what every run that makes a model has: a training, a trial of a sweep, a fold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import Classifier, ClassSpec, ModelCard
from training.data.dataset import Fields
from training.data.manifest import Manifest
from training.models.learners import Learned
from training.tracking import Run
from training.tracking.figures import prediction_sheet, run_figures

SHEET_FIELDS = 24
CANDIDATE = "candidate"
"""The registry's alias of the model that ``train`` made last; ``promote`` moves ``champion``."""
HELD_OUT = "held_out"
"""The part of a card's ``training`` with the numbers of fields that were not learnt from."""


def log_dataset(run: Run, data: Path, fields: Fields, manifest: Manifest) -> None:
    """Log which fields a run learns from.

    Parameters
    ----------
    run : Run
        Is told.
    data : Path
        Their folder.
    fields, manifest
        What lies there.
    """
    counts = {label: int((fields.labels == number).sum()) for number, label in enumerate(fields.label_ids)}
    run.dataset(data.resolve().name, digest=manifest.digest, source=str(data.resolve()), fields=counts)


def log_figures(
    run: Run,
    labels: NDArray[np.int64],
    probabilities: NDArray[np.floating[Any]],
    classes: Sequence[ClassSpec],
    prefix: str = "",
) -> None:
    """Log the four figures of answers to fields that were not learnt from.

    Parameters
    ----------
    run : Run
        Is told.
    labels, probabilities : int64[n], float[n, classes]
        Truth and answers.
    classes : sequence of ClassSpec
        What they are of.
    prefix : str
        Of the figures' names, where a run has several of each.
    """
    for name, figure in run_figures(labels, probabilities, classes).items() if run.is_tracked else ():
        run.figure(prefix + name, figure)


def log_prediction_sheet(run: Run, file: Classifier, fields: Fields) -> NDArray[np.float32]:
    """Log the sheet of predictions with heat maps; gives what the file answered, float32[n, classes].

    Parameters
    ----------
    run : Run
        Is told.
    file : Classifier
        Answers.
    fields : Fields
        A few dozen at most, none of them learnt from.
    """
    outputs = [file.run(image) for image in fields.images]
    probabilities = np.stack([output.probabilities for output in outputs])
    if not run.is_tracked:
        return probabilities
    best, ids = probabilities.argmax(1), file.card.labels
    heat = np.stack([output.activation_maps[..., label] for output, label in zip(outputs, best, strict=True)])
    answers = [(ids[label], float(share)) for label, share in zip(best, probabilities.max(1), strict=True)]
    run.figure("predictions", prediction_sheet(fields.images, heat, [ids[label] for label in fields.labels], answers))
    return probabilities


def log_model(
    run: Run,
    learned: Learned,
    card: ModelCard,
    folder: Path,
    first_epoch: int | None = 1,
    tags: Mapping[str, str] | None = None,
    alias: str | None = None,
) -> None:
    """Log curves, the numbers of the held-out fields, the network and the model, and register a version.

    Parameters
    ----------
    run : Run
        Is told.
    learned : Learned
        What was trained.
    card : ModelCard
        Of the model folder.
    folder : Path
        Logged as a model of MLflow (``tracking.logged_model``).
    first_epoch : int, optional
        Number of the first of ``learned.epochs``; None where whoever watched has told of them as they went.
    tags : mapping, optional
        Of the registered version, beside its name and the file's sha256.
    alias : str, optional
        Moves to that version.
    """
    if first_epoch is not None:
        for number, measures in enumerate(learned.epochs, first_epoch):
            run.epoch(number, measures)
    held_out = card.training.get(HELD_OUT, {})
    # Under names of their own: a curve's ``accuracy`` is that of the training fields.
    run.metrics({f"{HELD_OUT}/{name}": value for name, value in held_out.items() if isinstance(value, float)})
    run.tags({"data_manifest": str(card.training["data_manifest"])})
    run.network(learned.network)
    run.model(folder, version=card.version, tags={"sha256": card.sha256, **(tags or {})}, alias=alias)
