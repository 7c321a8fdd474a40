"""How strange an embedding is: the Mahalanobis distance to the nearest class.

Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks", NeurIPS
2018: one mean a class, one covariance for all. 1,280 dimensions and a couple of thousand images do not determine a
covariance, and its inverse would weigh 6.5 MB; so it is estimated as probabilistic PCA does (Tipping and Bishop,
"Probabilistic Principal Component Analysis", J. R. Stat. Soc. B 61, 1999): full along the strongest directions, one
variance along all others.

The Mahalanobis distance as part of a served graph.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

METHOD = "Mahalanobis distance to the nearest class mean, covariance by probabilistic PCA, per dimension"
REFERENCE = "Lee et al., NeurIPS 2018; Tipping and Bishop, J. R. Stat. Soc. B 61, 1999"
LEAST_VARIANCE = 1e-6
"""As a share of the largest: what numbers of 32 bits still tell from none. Where less is left, as of channels that no
training image excites, rounding alone would turn images away."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Mahalanobis:
    """The fitted distance; the served graph computes the same from these constants.

    Attributes
    ----------
    means : float32[classes, d]
        Mean embedding of each class.
    directions : float32[d, rank]
        Orthonormal principal directions of the embeddings about their class means.
    variances : float32[rank]
        Variance along each.
    residual_variance : float
        Variance along every other direction.
    """

    means: Floats
    directions: Floats
    variances: Floats
    residual_variance: float

    def score(self, embeddings: Floats) -> Floats:
        """Score embeddings: float32[n, d or more] to float32[n], about 1 for what it was fitted on, more if stranger.

        What follows the first d numbers is not looked at.
        """
        width = self.means.shape[-1]
        offsets = embeddings[:, None, :width] - self.means
        along = offsets @ self.directions
        outside = np.maximum((offsets**2).sum(-1) - (along**2).sum(-1), 0.0)
        squared = (along**2 / self.variances).sum(-1) + outside / self.residual_variance
        scores: Floats = np.sqrt(squared.min(-1) / width).astype(np.float32)
        return scores


def fit(
    embeddings: Floats, labels: NDArray[np.int64], rank: int, weights: NDArray[np.float64] | None = None
) -> Mahalanobis:
    """Fit the distance on images of known classes.

    Parameters
    ----------
    embeddings : float32[n, d]
        Pooled features of training images.
    labels : int64[n]
        Their classes, 0 to the number of classes less one, each present.
    rank : int
        Directions that keep a variance of their own; less than n and d.
    weights : float64[n], optional
        How much each counts; all the same if not given.

    Returns
    -------
    Mahalanobis
        The fitted distance.
    """
    counted = np.ones(len(labels)) if weights is None else weights
    classes = range(labels.max() + 1)
    means = np.stack([np.average(embeddings[labels == c], 0, counted[labels == c]) for c in classes])
    centred = embeddings - means[labels]
    variances, directions = np.linalg.eigh((centred * counted[:, None]).T @ centred / counted.sum())
    variances, directions = variances[::-1], directions[:, ::-1]
    least = max(LEAST_VARIANCE * float(variances[0]), float(np.finfo(np.float32).tiny))
    along = np.maximum(variances[:rank], least)
    residual = max(float(variances[rank:].mean()), least)
    return Mahalanobis(
        means.astype(np.float32), directions[:, :rank].astype(np.float32), along.astype(np.float32), residual
    )


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
