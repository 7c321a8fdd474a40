"""Trains a head on cached features: everything is in memory, a whole epoch is one call of TensorFlow."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.models.backbones import BACKBONES
from training.models.fine_tuning import class_weights
from training.models.heads import build_head
from training.models.learnt import demand_numbers
from training.models.recipes import MlpHead

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


ADVICE = "take another --optimizer, whose learning rate is its own, or look at the fields: python -m training slides"


@dataclass(frozen=True)
class FittedHead:
    """A trained head.

    Attributes
    ----------
    head : keras.Model
        Pooled features, float32[n, d], to logits, float32[n, 4].
    epochs : list of dict
        Loss and accuracy of each epoch, on the training fields.
    """

    head: keras.Model
    epochs: list[dict[str, float]]

    def logits(self, embeddings: Floats) -> Floats:
        """Answer for pooled features."""
        return np.asarray(self.head(embeddings, training=False))


def fit_head(backbone: str, embeddings: Floats, labels: Labels, recipe: MlpHead) -> FittedHead:
    """Train the head of a backbone.

    Parameters
    ----------
    backbone : str
        A key of ``BACKBONES``: says which head.
    embeddings : float32[n, d]
        Of the training fields.
    labels : int64[n]
        Their classes; each class counts the same, whatever its number of fields.
    recipe : MlpHead
        How.

    Raises
    ------
    DivergedError
        The learning rate is too high for these features; says what to change.
    """
    keras.utils.set_random_seed(recipe.seed)
    weights = class_weights(labels)
    head = build_head(BACKBONES[backbone], embeddings.shape[1], len(weights))
    optimizer = keras.optimizers.get(
        {"class_name": recipe.optimizer, "config": {"learning_rate": recipe.learning_rate}}
    )
    optimizer.build(head.trainable_variables)
    epoch = _epoch(head, optimizer, embeddings, labels, np.array([weights[k] for k in range(len(weights))]), recipe)
    shuffle = np.random.default_rng(recipe.seed)
    history = []
    for number in range(1, recipe.epochs + 1):
        loss, correct = epoch(tf.constant(shuffle.permutation(len(labels)).astype(np.int32)))
        demand_numbers([np.asarray(loss)], f"{recipe.title}, epoch {number}", ADVICE)
        history.append({"loss": float(loss) / len(labels), "accuracy": float(correct) / len(labels)})
    demand_numbers(head.get_weights(), recipe.title, ADVICE)
    return FittedHead(head, history)


def _epoch(
    head: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    embeddings: Floats,
    labels: Labels,
    weights: NDArray[np.float64],
    recipe: MlpHead,
) -> tf.types.experimental.GenericFunction:
    inputs, targets, importance = tf.constant(embeddings), tf.constant(labels), tf.constant(weights, tf.float32)

    @tf.autograph.experimental.do_not_convert  # it holds no Python to convert, and looking for some is most of a trace
    def step(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        truth = tf.gather(targets, batch)
        with tf.GradientTape() as tape:
            logits = head(tf.gather(inputs, batch), training=True)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits) * tf.gather(importance, truth)
            mean = tf.reduce_mean(each)
        optimizer.apply(tape.gradient(mean, head.trainable_variables), head.trainable_variables)
        return tf.reduce_sum(each), tf.reduce_sum(tf.cast(tf.argmax(logits, -1) == truth, tf.float32))

    @tf.function(jit_compile=False)
    def epoch(order: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Go once over the fields in this order; gives the summed loss and the number of right answers."""
        loss, correct = tf.constant(0.0), tf.constant(0.0)
        for start in tf.range(0, tf.size(order), recipe.batch_size):
            batch_loss, batch_correct = step(order[start : start + recipe.batch_size])
            loss, correct = loss + batch_loss, correct + batch_correct
        return loss, correct

    return epoch
