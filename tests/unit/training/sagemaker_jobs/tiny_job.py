"""A whole job, ``python -m training.sagemaker_jobs.entry_point``, on a network small enough for a test.

``tiny_job.py EPOCH``:

In that epoch it says "holding" and waits until it is killed.
"""

import signal
import sys
from collections.abc import Callable
from dataclasses import replace

import keras
import pytest

from training.models.backbones import BACKBONES
from training.sagemaker_jobs import entry_point


def _build(height: int, width: int) -> keras.Model:
    image = keras.Input((height, width, 3))
    maps = keras.layers.Conv2D(64, 32, strides=32, activation="relu")(image)
    return keras.Model(image, keras.layers.BatchNormalization()(maps))


class _Once(keras.callbacks.Callback):
    """Does something after the first batch of an epoch."""

    def __init__(self, epoch: int, act: Callable[[], object]) -> None:
        super().__init__()
        self._wanted, self._act, self._epoch = epoch, act, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if (self._epoch, batch) == (self._wanted, 0):
            self._act()


def in_epoch(epoch: int, act: Callable[[], object], patched: pytest.MonkeyPatch) -> None:
    """Let every fit do something in that epoch, before anything else hears of its batch."""
    fit = keras.Model.fit

    def acting(
        model: keras.Model, *given: object, callbacks: list[keras.callbacks.Callback], **named: object
    ) -> object:
        return fit(model, *given, callbacks=[_Once(epoch, act), *callbacks], **named)

    patched.setattr(keras.Model, "fit", acting)


def make_small(patched: pytest.MonkeyPatch) -> None:
    """Put a small network in the place of the one with a plain pool and a linear head."""
    whole = BACKBONES["efficientnet-lite2"]
    patched.setitem(BACKBONES, "efficientnet-lite2", replace(whole, build=_build, load_imagenet=lambda model: None))


def _hold() -> None:
    sys.stdout.write("holding\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        in_epoch(int(sys.argv[1]), _hold, patch)
        sys.exit(entry_point.main([]))
