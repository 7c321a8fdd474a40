"""What happens after each epoch of a job: it is measured, and a job that must end ends with the epoch kept."""

from collections.abc import Callable
from typing import Protocol

import keras
import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from training.data.dataset import Fields
from training.models.fine_tuning import embed

Tell = Callable[[dict[str, float], int], None]
"""Takes the measures of an epoch, and its number from 1."""


class Stop(Protocol):
    """Whether the job must end.

    Attributes
    ----------
    wait_for_batches
        Whether ``check`` will be called between batches, so that nothing else has to end the program.
    """

    wait_for_batches: bool

    def check(self) -> None:
        """End the job if it was asked to."""


class Epochs(keras.callbacks.Callback):
    """Measures each epoch on fields that are not trained on, and stops between two batches when asked to.

    Parameters
    ----------
    held : Fields
        The calibration part.
    tell : callable
        Gets ``loss`` and ``accuracy`` of the training fields, ``val_loss``, ``val_accuracy`` and
        ``val_balanced_accuracy`` of the held ones.
    stop : Stop
        Whether the job must end. The last whole epoch's checkpoint is on disk by then: it is written before this
        callback is called, and never interrupted.
    """

    def __init__(self, held: Fields, tell: Tell, stop: Stop) -> None:
        super().__init__()
        self._held, self._tell, self._stop = held, tell, stop

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Take over from the signal handler, which raises wherever the program is."""
        self._stop.wait_for_batches = True

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """End the job if it was asked to."""
        self._stop.check()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure and tell."""
        measured = {name: float(value) for name, value in (logs or {}).items()}
        self._tell(measured | validate(self.model, self._held), epoch + 1)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Give back to the signal handler."""
        self._stop.wait_for_batches = False
        self._stop.check()


def validate(model: keras.Model, fields: Fields) -> dict[str, float]:
    """Measure a network on labelled fields: mean cross-entropy, accuracy, mean of the classes' sensitivities."""
    _, logits = embed(model, fields.images)
    likelihood = log_softmax(logits, -1)[np.arange(len(fields)), fields.labels]
    guessed = logits.argmax(-1)
    return {
        "val_loss": -float(likelihood.mean()),
        "val_accuracy": float(accuracy_score(fields.labels, guessed)),
        "val_balanced_accuracy": float(balanced_accuracy_score(fields.labels, guessed)),
    }
