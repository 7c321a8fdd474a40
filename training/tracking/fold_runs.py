"""Logs a cross-validation to MLflow: one run a fold, and the pooled results of one command's folds.

The numbers are those of ``evaluate``, with its intervals, but of the networks: each file was compared with its network
when it was made, and ``evaluate`` asks the files themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference import ModelCard
from training.data.dataset import Fields
from training.data.manifest import Manifest
from training.evaluation import folds
from training.evaluation.folds import FoldFile, read_fold
from training.evaluation.metrics import Predictions
from training.evaluation.predictions import Measured
from training.evaluation.results import ProtocolResult, as_numbers
from training.models.learners import Learned
from training.tracking import Run
from training.tracking.run_logging import log_figures, log_model


@dataclass(frozen=True)
class TrainedFold:
    """A fold that was trained just now.

    Attributes
    ----------
    folder
        Its model folder.
    learned, card
        The network, and what the folder says of it.
    test : int64[k]
        Positions of the fields that it did not see.
    measured
        What it answers on them, in this order.
    """

    folder: Path
    learned: Learned
    card: ModelCard
    test: NDArray[np.int64]
    measured: Measured


@dataclass(frozen=True)
class Answer:
    """A fold's file and what its network answers, in the order of the fold's record."""

    file: FoldFile
    measured: Measured


def log_fold(run: Run, fold: TrainedFold, fields: Fields, manifest: Manifest) -> Answer:
    """Log one fold: curves, numbers with their intervals, figures, files, network; and register its version.

    Parameters
    ----------
    run : Run
        Of this fold.
    fold : TrainedFold
        What there is to tell.
    fields, manifest
        Of the whole set.
    """
    file = read_fold(fold.folder, manifest)
    keys = fields.keys
    row_of = {keys[position]: number for number, position in enumerate(fold.test)}
    order = np.array([row_of[key] for key in file.record.test])
    answer = Answer(file, Measured(fold.measured.probabilities[order], fold.measured.scores[order]))
    if run.is_tracked:
        log_model(run, fold.learned, fold.card, fold.folder, tags={"fold": fold.folder.name})
        predictions, result = _result([answer], manifest)
        run.metrics(_numbers(result, file.record.protocol))
        log_figures(run, predictions.labels, predictions.probabilities, predictions.classes)
    return answer


def log_folds(run: Run, answers: Mapping[str, Sequence[Answer]], manifest: Manifest) -> None:
    """Log, for each protocol, the pooled results of the folds that this command made.

    Parameters
    ----------
    run : Run
        The one above the folds'.
    answers
        Folds by protocol.
    manifest
        Of the fields.
    """
    for protocol, fold_answers in answers.items() if run.is_tracked else ():
        predictions, result = _result(fold_answers, manifest)
        scores = {f"fold_balanced_accuracy/{fold.name}": fold.balanced_accuracy for fold in result.folds}
        run.metrics(_numbers(result, protocol) | scores)
        log_figures(run, predictions.labels, predictions.probabilities, predictions.classes, f"{protocol}-")


def _result(answers: Sequence[Answer], manifest: Manifest) -> tuple[Predictions, ProtocolResult]:
    files = [answer.file for answer in answers]
    truth = folds.Truth.of(files, manifest)
    predictions = folds.predictions_of(files, [answer.measured for answer in answers], truth)
    return predictions, folds.result_of(files, predictions, truth)


def _numbers(result: ProtocolResult, protocol: str) -> dict[str, float]:
    """Give every number and its interval, named as ``evaluate`` names them."""
    estimates = {
        **result.metrics,
        **{f"sensitivity/{label}": estimate for label, estimate in result.sensitivity.items()},
        **{f"specificity/{label}": estimate for label, estimate in result.specificity.items()},
    }
    return {f"{protocol}/{name}": value for name, value in as_numbers(estimates).items()}
