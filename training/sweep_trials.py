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
from training.experiment import Experiment, learn_and_answer, write_compared
from training.models import classifier
from training.models.learners import Learned
from training.models.mlp_head import FittedHead, Floats, Labels, fit_head
from training.models.mlp_learner import FrozenSet, learn_head
from training.models.recipes import SETTINGS, MlpHead, Recipe, method_of
from training.tracking import Run
from training.tracking.run_logging import log_figures, log_model


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


SETTING_NAMES = tuple(name.replace("-", "_") for name in SETTINGS if name not in ("seed", "epochs"))
"""By which trials are told from one another: the settings of all methods but seed and passes."""


class Trial(_Part):
    """What is tried.

    Attributes
    ----------
    backbone, frozen
        The network, and whether it stays as ImageNet made it.
    protocol
        One of ``training.data.protocols.PROTOCOLS``.
    optimizer and so on
        Settings as the recipe has them; None where the method has no such setting.
    """

    backbone: str
    optimizer: str | None = None
    batch_size: int | None = None
    epochs: int | None = None
    seed: int
    protocol: str
    frozen: bool = True
    learning_rate: float | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None
    precision: str | None = None
    xla: str | None = None
    c: float | None = None
    copies: int | None = None
    copy_weight: float | None = None
    ood_copy_weight: float | None = None

    @classmethod
    def of(cls, backbone: str, recipe: Recipe, protocol: str) -> "Trial":
        """Make the trial of a recipe."""
        recorded = recipe.record()
        settings = {name: recorded[name] for name in type(recipe).model_fields if name in recorded}
        return cls(backbone=backbone, frozen=recipe.frozen, protocol=protocol, **settings)

    @property
    def name(self) -> str:
        """Name it for people."""
        return " ".join((self.backbone, *self.settings.values(), self.protocol))

    @property
    def settings(self) -> dict[str, str]:
        """Give the settings of its method by which it is named: without seed and passes."""
        values = {name: getattr(self, name) for name in SETTING_NAMES}
        return {
            name: f"{value:g}" if isinstance(value, float) else str(value)
            for name, value in values.items()
            if value is not None
        }

    @property
    def recipe(self) -> Recipe:
        """Give its recipe."""
        method = method_of(self.backbone, frozen=self.frozen)
        values = {name: getattr(self, name) for name in method.model_fields}
        return method.model_validate({name: value for name, value in values.items() if value is not None})


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
class Answered:
    """What one division came to.

    Attributes
    ----------
    test, choice : float32[n, labels]
        Probabilities of its test fields, and of those by which trials are compared, where it has such.
    fitted
        The head, of heads of several layers.
    learned, measured
        The network, calibrated, and its answers to the test fields; of the other methods.
    """

    test: Floats
    choice: Floats | None
    fitted: FittedHead | None = None
    learned: Learned | None = None
    measured: Measured | None = None


Answer = Callable[[Parts], Answered]
"""Learns from a division's training fields, and answers for the others."""


@dataclass(frozen=True)
class Tried:
    """A result, and what only the tracking is told.

    Attributes
    ----------
    last, parts
        What the last division came to, and that division: one model of a trial is kept whole.
    labels, probabilities
        Of the test fields of all divisions.
    """

    result: TrialResult
    last: Answered
    parts: Parts
    labels: Labels
    probabilities: Floats


class PrunedError(Exception):
    """A trial that is given up; says after which fold."""


def _answer_by_head(recipe: MlpHead, features: FrozenSet) -> Answer:
    """Answer by a head of several layers, which is calibrated only where a model of it is kept."""
    embeddings, labels = features.embeddings, features.fields.labels

    def answer(parts: Parts) -> Answered:
        fitted = fit_head(features.backbone.name, embeddings[parts.train], labels[parts.train], recipe)
        choice = None if parts.choice is None else softmax(fitted.logits(embeddings[parts.choice]), 1)
        return Answered(softmax(fitted.logits(embeddings[parts.test]), 1), choice, fitted=fitted)

    return answer


def _answer_by_network(experiment: Experiment, work: Path) -> Answer:
    """Answer by what an experiment learns: the whole network, or a linear head."""

    def answer(parts: Parts) -> Answered:
        classifier.seed(experiment.recipe.seed)
        positions = parts.test if parts.choice is None else np.concatenate([parts.test, parts.choice])
        learned, measured = learn_and_answer(experiment, parts.train, positions, work / parts.name)
        test_count = len(parts.test)
        choice = None if parts.choice is None else measured.probabilities[test_count:]
        tested = Measured(measured.probabilities[:test_count], measured.scores[:test_count])
        return Answered(tested.probabilities, choice, learned=learned, measured=tested)

    return answer


def run_trial(
    trial: Trial,
    experiment: Experiment,
    work: Path,
    divisions: Sequence[Parts],
    after_fold: Callable[[int, float], None] | None = None,
) -> Tried:
    """Learn from each division and score it.

    Parameters
    ----------
    trial
        What to try.
    experiment
        Its recipe on all the fields, with features where its backbone is frozen.
    work
        Folder of checkpoints, one a division.
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
    recipe, features, labels = experiment.recipe, experiment.computed, experiment.fields.labels
    if isinstance(recipe, MlpHead) and isinstance(features, FrozenSet):
        answer = _answer_by_head(recipe, features)
    else:
        answer = _answer_by_network(experiment, work)
    folds, answers = [], []
    for parts in divisions:
        answered = answer(parts)
        counts = confusion(labels[parts.test], answered.test.argmax(1), answered.test.shape[1])
        choice = None
        if parts.choice is not None and answered.choice is not None:
            choice = balanced_accuracy(
                confusion(labels[parts.choice], answered.choice.argmax(1), answered.choice.shape[1])
            )
        folds.append(
            FoldResult(
                name=parts.name,
                images=len(parts.test),
                accuracy=float(counts.trace() / counts.sum()),
                balanced_accuracy=balanced_accuracy(counts),
                choice_balanced_accuracy=choice,
            )
        )
        answers.append(answered)
        if after_fold:
            compared = [
                fold_result.balanced_accuracy
                if fold_result.choice_balanced_accuracy is None
                else fold_result.choice_balanced_accuracy
                for fold_result in folds
            ]
            after_fold(len(folds) - 1, float(np.mean(compared)))
    truth = np.concatenate([labels[parts.test] for parts in divisions])
    probabilities = np.concatenate([answered.test for answered in answers])
    scores = [fold.balanced_accuracy for fold in folds]
    choices = [fold.choice_balanced_accuracy for fold in folds if fold.choice_balanced_accuracy is not None]
    result = TrialResult(
        trial=trial,
        status="finished",
        seconds=round(time.monotonic() - start, 2),
        folds=folds,
        mean=float(np.mean(scores)),
        worst=min(scores),
        pooled=balanced_accuracy(confusion(truth, probabilities.argmax(1), probabilities.shape[1])),
        choice=float(np.mean(choices or scores)),
    )
    return Tried(result, answers[-1], divisions[-1], truth, probabilities)


FOLDER_NAME = "model"
"""Of the model folder among a trial's files, ``files/model``."""


def log_trial(run: Run, tried: Tried, experiment: Experiment, tags: Mapping[str, str]) -> None:
    """Make a trial's model, log it with the curves, numbers and figures, and register its version.

    The model that is kept whole is the one of the last division, whose curves are logged too. Where nobody is told,
    nothing is made.

    Parameters
    ----------
    run : Run
        Of the trial.
    tried : Tried
        What it came to.
    experiment : Experiment
        As of ``run_trial``.
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
    details = {"sweep_trial": result.trial.name, "division": parts.name}
    learned, measured = _model(tried, experiment)
    trained = experiment.trained(learned, details)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, FOLDER_NAME)
        card = write_compared(trained, folder, experiment.fields.take(parts.test), measured, run)
        log_model(run, learned, card, folder, tags=tags)
    run.metrics({f"parity_{name}": float(value) for name, value in card.training["parity"].items()})
    scores = {"mean": result.mean, "worst": result.worst, "pooled": result.pooled, "choice": result.choice}
    run.metrics({f"balanced_accuracy_{name}": value for name, value in scores.items() if value is not None})
    log_figures(run, tried.labels, tried.probabilities, experiment.fields.classes)


def _model(tried: Tried, experiment: Experiment) -> tuple[Learned, Measured]:
    """Give the calibrated model of the last division, and its answers."""
    last, parts, recipe, features = tried.last, tried.parts, experiment.recipe, experiment.computed
    if isinstance(recipe, MlpHead) and isinstance(features, FrozenSet):
        model = learn_head(features, recipe, parts.train, last.fitted, parts.choice)
        return model.learned, Measured(*model.answer(features.embeddings[parts.test]))
    if last.learned and last.measured:
        return last.learned, last.measured
    raise TypeError(f"{tried.result.trial.name} was tried on something else")
