"""What a sweep tells MLflow: of each trial all that ``train`` tells of a run, and of the sweep which trial is best."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.experiment import FrozenSet, learn_head, write_head_model
from training.sweep_report import ranked
from training.sweep_trials import TrialResult, Tried
from training.tracking import Run
from training.tracking.run_logging import tell_figures, tell_model

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
    model = learn_head(data, result.trial.recipe, parts.train, tried.fitted, parts.choice)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, FOLDER_NAME)
        told = {"sweep_trial": result.trial.name, "division": parts.name}
        card, _ = write_head_model(data, model, result.trial.recipe, parts.test, folder, run, **told)
        tell_model(run, model.learned, card, folder, tags=tags)
    run.metrics({f"parity_{name}": float(value) for name, value in card.training["parity"].items()})
    scores = {"mean": result.mean, "worst": result.worst, "pooled": result.pooled, "choice": result.choice}
    run.metrics({f"balanced_accuracy_{name}": value for name, value in scores.items() if value is not None})
    tell_figures(run, tried.labels, tried.probabilities)


def tell_best(run: Run, results: Sequence[TrialResult]) -> None:
    """Name the best trial of each protocol, by what trials are compared by."""
    best: dict[str, TrialResult] = {}
    for result in ranked(list(results)):
        if result.status == "finished":
            best.setdefault(result.trial.protocol, result)
    run.tags({f"best_trial.{protocol}": one.trial.name for protocol, one in best.items()})
    run.metrics({f"best_balanced_accuracy/{name}": one.choice for name, one in best.items() if one.choice is not None})
