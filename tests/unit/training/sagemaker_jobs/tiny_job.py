"""A whole job, ``python -m training.sagemaker_jobs.entry_point``, on a network small enough for a test.

``tiny_job.py [EPOCH]``:

In that epoch it says "holding" and waits for a line, so that what happens to it then happens in that epoch.
"""

import sys
from dataclasses import replace

import keras

from training.models.backbones import BACKBONES
from training.sagemaker_jobs import entry_point


def _build(height: int, width: int) -> keras.Model:
    image = keras.Input((height, width, 3))
    maps = keras.layers.Conv2D(64, 32, strides=32, activation="relu")(image)
    return keras.Model(image, keras.layers.BatchNormalization()(maps))


class _Hold(keras.callbacks.Callback):
    """Waits after the first batch of an epoch."""

    def __init__(self, held: int) -> None:
        super().__init__()
        self._held, self._epoch = held, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if (self._epoch, batch) == (self._held, 0):
            sys.stdout.write("holding\n")
            sys.stdout.flush()
            sys.stdin.readline()


def _hold(epoch: int) -> None:
    """Let every fit wait in that epoch, before anything else hears of its batch."""
    fit = keras.Model.fit

    def held(model: keras.Model, *given: object, callbacks: list[keras.callbacks.Callback], **named: object) -> object:
        return fit(model, *given, callbacks=[_Hold(epoch), *callbacks], **named)

    keras.Model.fit = held


if __name__ == "__main__":
    for epoch in sys.argv[1:]:
        _hold(int(epoch))
    # The one with a plain pool and a linear head.
    whole = BACKBONES["efficientnet-lite2"]
    BACKBONES["efficientnet-lite2"] = replace(whole, build=_build, load_imagenet=lambda model: None)
    sys.exit(entry_point.main([]))
