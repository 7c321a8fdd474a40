"""What fine-tuning is fed with."""

from pathlib import Path

import numpy as np
import pytest

from training.data.dataset import Fields
from training.data.labels import INPUT_SIDE_PX
from training.models.fine_tuning import OPTIMIZERS, batches, class_weights
from training.models.recipes import SETTINGS, FineTuning

LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 2, 3])


def fields() -> Fields:
    images = np.zeros((len(LABELS), INPUT_SIDE_PX, INPUT_SIDE_PX, 3), np.uint8)
    return Fields(images, LABELS, np.arange(len(LABELS)), tuple(Path(f"{k}.png") for k in range(len(LABELS))))


def test_every_class_counts_the_same_and_the_mean_field_one() -> None:
    weights = class_weights(LABELS)
    each = np.array([weights[label] for label in LABELS])
    sums = np.bincount(LABELS, weights=each)
    np.testing.assert_allclose(sums, sums[0])
    assert each.mean() == pytest.approx(1.0)


def test_an_epoch_shows_each_field_once_in_an_order_of_its_own() -> None:
    data = batches(fields(), FineTuning(batch_size=4))
    epochs = [[np.asarray(truth) for _, truth in data] for _ in range(2)]
    assert [len(batch) for batch in epochs[0]] == [4, 4, 1]
    for epoch in epochs:
        np.testing.assert_array_equal(np.concatenate(epoch).sum(0), np.bincount(LABELS))
    assert not np.array_equal(np.concatenate(epochs[0]), np.concatenate(epochs[1]))


def test_every_optimizer_that_may_be_asked_for_is_there() -> None:
    assert ", ".join(sorted(OPTIMIZERS)) == SETTINGS["optimizer"].allowed
