"""Trials of a sweep: one recipe on one protocol, each trained on cached features and scored on what it never saw."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.special import softmax

from training.data.protocols import Parts
from training.evaluation.metrics import balanced_accuracy, confusion
from training.evaluation.predictions import Measured
from training.experiment import Trained, write_compared
from training.models.mlp_head import FittedHead, Floats, Labels, fit_head
from training.models.mlp_learner import FrozenSet, learn_head
from training.models.recipes import MlpHead
from training.tracking import Run
from training.tracking.run_logging import tell_figures, tell_model


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trial(_Part):
    """What is tried.

    Attributes
    ----------
    backbone, optimizer, batch_size, epochs, seed
        As ``MlpHead`` has them; the backbone is frozen.
    protocol
        One of ``training.data.protocols.PROTOCOLS``.
    """

    backbone: str
    optimizer: str
    batch_size: int
    epochs: int
    seed: int
    protocol: str

    @property
    def name(self) -> str:
        """Name it for people."""
        return f"{self.backbone} {self.optimizer} {self.batch_size} {self.protocol}"

    @property
    def recipe(self) -> MlpHead:
        """Give the head's recipe."""
        return MlpHead.model_validate(self.model_dump(include=set(MlpHead.model_fields)))


class FoldResult(_Part):
    """One division: its test fields and what was scored there.

    Attributes
    ----------
    images
        Tested.
    accuracy, balanced_accuracy
        On the test fields; balanced over the classes among them.
    choice_balanced_accuracy
        On the fields by which recipes are compared; only of the holdout.
    """

    name: str
    images: int
    accuracy: float
    balanced_accuracy: float
    choice_balanced_accuracy: float | None = None


class TrialResult(_Part):
    """How a trial went.

    Attributes
    ----------
    status
        ``finished``, ``failed``, or ``pruned`` by a search.
    error
        Why it failed or was given up.
    seconds
        Of training, all folds together.
    mean, worst
        Balanced accuracy over the folds.
    pooled
        Balanced accuracy of all the test predictions together: for leave-slides-out, where a fold may lack classes.
    choice
        What trials are compared by: of the holdout, the fields put aside for that; else the mean over the folds.
    """

    trial: Trial
    status: str
    error: str | None = None
    seconds: float = 0.0
    folds: list[FoldResult] = []
    mean: float | None = None
    worst: float | None = None
    pooled: float | None = None
    choice: float | None = None


@dataclass(frozen=True)
class Tried:
    """A result, and what only the tracking is told.

    Attributes
    ----------
    fitted, parts
        The head of the last division, and that division: one head of a trial is kept whole.
    labels, probabilities
        Of the test fields of all divisions.
    """

    result: TrialResult
    fitted: FittedHead
    parts: Parts
    labels: Labels
    probabilities: Floats


class PrunedError(Exception):
    """A trial that is given up; says after which fold."""


def run_trial(
    trial: Trial,
    embeddings: Floats,
    labels: Labels,
    divisions: Sequence[Parts],
    after_fold: Callable[[int, float], None] | None = None,
) -> Tried:
    """Train a head for each division and score it.

    Parameters
    ----------
    trial
        What to try.
    embeddings : float32[n, d]
        Of all the fields.
    labels : int64[n]
        Their classes.
    divisions
        Of the trial's protocol.
    after_fold
        Takes each fold's number from 0 and what the trial is compared by so far; raises ``PrunedError`` to give it
        up.

    Raises
    ------
    DivergedError
        A loss is no number any more.
    """
    start = time.monotonic()
    folds, truths, answers, heads = [], [], [], []
    for parts in divisions:
        fitted = fit_head(trial.backbone, embeddings[parts.train], labels[parts.train], trial.recipe)
        logits = fitted.logits(embeddings[parts.test])
        counts = confusion(labels[parts.test], logits.argmax(1), logits.shape[1])
        choice = None
        if parts.choice is not None:
            chosen = fitted.logits(embeddings[parts.choice]).argmax(1)
            choice = balanced_accuracy(confusion(labels[parts.choice], chosen, logits.shape[1]))
        folds.append(
            FoldResult(
                name=parts.name,
                images=len(parts.test),
                accuracy=float(counts.trace() / counts.sum()),
                balanced_accuracy=balanced_accuracy(counts),
                choice_balanced_accuracy=choice,
            )
        )
        truths.append(labels[parts.test])
        answers.append(softmax(logits, 1))
        heads.append(fitted)
        if after_fold:
            compared = [
                one.balanced_accuracy if one.choice_balanced_accuracy is None else one.choice_balanced_accuracy
                for one in folds
            ]
            after_fold(len(folds) - 1, float(np.mean(compared)))
    truth, answer = np.concatenate(truths), np.concatenate(answers)
    scores = [fold.balanced_accuracy for fold in folds]
    choices = [fold.choice_balanced_accuracy for fold in folds if fold.choice_balanced_accuracy is not None]
    result = TrialResult(
        trial=trial,
        status="finished",
        seconds=round(time.monotonic() - start, 2),
        folds=folds,
        mean=float(np.mean(scores)),
        worst=min(scores),
        pooled=balanced_accuracy(confusion(truth, answer.argmax(1), answer.shape[1])),
        choice=float(np.mean(choices or scores)),
    )
    return Tried(result, heads[-1], divisions[-1], truth, answer)


FOLDER_NAME = "model"
"""Of the model folder among a trial's files, ``files/model``."""


def tell_trial(run: Run, tried: Tried, data: FrozenSet, tags: Mapping[str, str]) -> None:
    """Make a trial's model, log it with the curves, numbers and figures, and register its version.

    The head that is kept whole is the one of the last division, whose curves are logged too. Where nobody is told,
    nothing is made.

    Parameters
    ----------
    run : Run
        Of the trial.
    tried : Tried
        What it came to.
    data : FrozenSet
        What it was tried on.
    tags : mapping
        Of the registered version.

    Raises
    ------
    DataError, ParityError
        Too few fields to calibrate on, or a file that is not its network.
    """
    if not run.is_tracked:
        return
    result, parts = tried.result, tried.parts
    recipe, backbone = result.trial.recipe, data.backbone
    model = learn_head(data, recipe, parts.train, tried.fitted, parts.choice)
    measured = Measured(*model.answer(data.embeddings[parts.test]))
    details = {"sweep_trial": result.trial.name, "division": parts.name}
    trained = Trained(backbone.name, recipe, model.learned, data.manifest, details, hide_corner=backbone.hide_corner)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, FOLDER_NAME)
        card = write_compared(trained, folder, data.fields.take(parts.test), measured, run)
        tell_model(run, model.learned, card, folder, tags=tags)
    run.metrics({f"parity_{name}": float(value) for name, value in card.training["parity"].items()})
    scores = {"mean": result.mean, "worst": result.worst, "pooled": result.pooled, "choice": result.choice}
    run.metrics({f"balanced_accuracy_{name}": value for name, value in scores.items() if value is not None})
    tell_figures(run, tried.labels, tried.probabilities, data.fields.classes)
