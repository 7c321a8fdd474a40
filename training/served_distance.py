"""The Mahalanobis distance as part of a served graph."""

import numpy as np
import tensorflow as tf

from training.models.out_of_distribution import Mahalanobis


class ServedDistance(tf.Module):
    """Scores an embedding as ``Mahalanobis.score`` does.

    It needs offsets from the class means along whitened directions, and their length outside of these:
    |x - m|^2 - |(x - m) U|^2. Both are linear in x but for the squares.
    """

    def __init__(self, distance: Mahalanobis) -> None:
        super().__init__()
        self.means = tf.Variable(distance.means, trainable=False)
        self.directions = tf.Variable(distance.directions, trainable=False)
        self.means_along = tf.Variable(distance.means @ distance.directions, trainable=False)
        weights = np.float32(1.0) / distance.variances - np.float32(1.0 / distance.residual_variance)
        self.weights = tf.Variable(weights, trainable=False)
        self.residual_precision = 1.0 / distance.residual_variance

    def __call__(self, embedding: tf.Tensor) -> tf.Tensor:
        """Score float32[1, d or more]: float32[1]."""
        known = embedding[:, : self.means.shape[-1]]
        offsets = known - self.means
        along = tf.matmul(known, self.directions) - self.means_along
        squared = tf.reduce_sum(offsets**2, -1) * self.residual_precision + tf.reduce_sum(along**2 * self.weights, -1)
        return tf.sqrt(tf.nn.relu(tf.reduce_min(squared, keepdims=True)) / known.shape[-1])
