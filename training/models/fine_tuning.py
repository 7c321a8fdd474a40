"""Fine-tunes a classifier: the input pipeline, the optimiser, the loop, the checkpoint."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.data.dataset import Fields
from training.models.augmentation import augment
from training.models.learnt import DivergedError, demand_numbers
from training.models.recipes import FineTuning
from training.models.scale_bar_mask import hide_scale_bar
from training.progress import bar

CHECKPOINT = "checkpoint"


OPTIMIZERS: dict[str, Callable[[Any, FineTuning], keras.optimizers.Optimizer]] = {
    "adamw": lambda rate, recipe: keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
    "adam": lambda rate, recipe: keras.optimizers.Adam(rate),
    "sgd": lambda rate, recipe: keras.optimizers.SGD(rate, momentum=0.9),
    "rmsprop": lambda rate, recipe: keras.optimizers.RMSprop(rate),
}
"""By name; each takes the schedule of the learning rate."""


COMPILED = {"auto": "auto", "on": True, "off": False}
"""Keras's ``jit_compile``, by the recipe's ``xla``."""
ADVICE = "lower --learning-rate, take another --optimizer, or look at the fields: python -m training slides"


def fit(
    model: keras.Model,
    fields: Fields,
    recipe: FineTuning,
    work: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[dict[str, float]]:
    """Train all of a model on fields; goes on from the last whole epoch if an earlier run was cut off.

    Parameters
    ----------
    model : keras.Model
        Of ``classifier.build``; trained in place.
    fields : Fields
        The training part.
    recipe : FineTuning
        How.
    work : Path
        Folder for the checkpoint; the caller removes it once what was trained is kept somewhere else.
    callbacks : sequence of keras.callbacks.Callback
        Called after the checkpoint of each epoch is on disk.

    Returns
    -------
    list of dict
        Loss and accuracy of each epoch that ran here.

    Raises
    ------
    DivergedError
        The loss became no number.
    """
    steps = -(-len(fields) // recipe.batch_size) * recipe.epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=recipe.learning_rate, warmup_steps=max(1, steps // 10)
    )
    model.compile(
        OPTIMIZERS[recipe.optimizer](rate, recipe),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        jit_compile=COMPILED[recipe.xla],
    )
    history = model.fit(
        batches(fields, recipe),
        epochs=recipe.epochs,
        class_weight=class_weights(fields.labels),
        callbacks=[keras.callbacks.TerminateOnNaN(), _backup(work), *callbacks],
        verbose="auto" if sys.stdout.isatty() else 2,
    )
    epochs = [
        dict(zip(history.history, map(float, values), strict=True))
        for values in zip(*history.history.values(), strict=True)
    ]
    losses = np.array([epoch["loss"] for epoch in epochs])
    try:
        demand_numbers([losses, *model.get_weights()], recipe.title, ADVICE)
    except DivergedError:
        shutil.rmtree(work / CHECKPOINT, ignore_errors=True)  # nothing good goes on from there
        raise
    return epochs


def _backup(work: Path) -> keras.callbacks.Callback:
    """Keep each whole epoch, and the one before it until it is on disk: a process may be killed while it writes."""
    return keras.callbacks.BackupAndRestore(work / CHECKPOINT, double_checkpoint=True, delete_checkpoint=False)


def batches(fields: Fields, recipe: FineTuning) -> tf.data.Dataset:
    """Give shuffled, augmented batches: (float32[b, 224, 224, 3], float32[b, classes] one-hot)."""
    data = tf.data.Dataset.from_tensor_slices((fields.images, tf.one_hot(fields.labels, int(fields.labels.max()) + 1)))
    data = data.shuffle(len(fields), seed=recipe.seed).batch(recipe.batch_size)
    data = data.map(lambda images, labels: (augment(images), labels), num_parallel_calls=os.cpu_count())
    return data.prefetch(4)


def class_weights(labels: NDArray[np.int64]) -> dict[int, float]:
    """Weigh classes so that each counts the same, whatever its number of fields; the mean field weighs 1."""
    counts = np.bincount(labels)
    return {label: float(len(labels) / (len(counts) * count)) for label, count in enumerate(counts)}


def embed(
    model: keras.Model, images: NDArray[np.uint8], batch_size: int = 64
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run a trained model.

    Returns
    -------
    (float32[n, d], float32[n, 4])
        Pooled features and logits; the scale bar is hidden, as in the served graph.
    """
    both = keras.Model(model.input, [model.get_layer("embedding").output, model.output])

    @tf.function(reduce_retracing=True)
    def forward(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        embeddings, logits = both(hide_scale_bar(tf.cast(batch, tf.float32)), training=False)
        return embeddings, logits

    starts = bar(range(0, len(images), batch_size), "Features", -(-len(images) // batch_size), unit="batch")
    parts = [forward(tf.constant(images[start : start + batch_size])) for start in starts]
    return np.concatenate([np.asarray(e) for e, _ in parts]), np.concatenate([np.asarray(z) for _, z in parts])
