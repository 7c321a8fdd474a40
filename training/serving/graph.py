"""The graph that is served: one forward pass gives probabilities, embedding, activation maps, OOD score and scale.

From what was learnt to the graph that is served.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from training.data.labels import INPUT_SIDE_PX
from training.models.backbones import Backbone
from training.models.learners import Learned
from training.models.levels import join_in_graph
from training.models.out_of_distribution import Mahalanobis, ServedDistance
from training.models.readings import Reading
from training.models.scale_bar_mask import hide_scale_bar
from training.models.served_layers import ServedLayers
from training.models.slide_learner import FieldReadings
from training.models.stain_pooling import (
    GROUPS,
    VARIANCE_FLOOR,
    StainPool,
    see,
    shares,
    statistics,
    views_at,
    weigh,
    width_of,
)
from training.serving.mlp_graph import ServedMaxima


class ServedClassifier(tf.Module):
    """A trained classifier as the interface of the model file defines it.

    Parameters
    ----------
    model : keras.Model
        What ``classifier.build`` made, trained, with a linear head.
    temperature : float
        Divides the logits (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017); folded into the head,
        so that probabilities and activation maps agree.
    distance : Mahalanobis
        How strange an embedding is.
    readings : FieldReadings, optional
        What else is read off the embedding: triage, OOD score, scale. Without, triage is the sum of a softmax,
        the OOD score is the distance, and no scale is told.
    hide_corner : bool
        Whether the network was trained without the corner that holds the scale bar.
    """

    def __init__(
        self,
        model: keras.Model,
        temperature: float,
        distance: Mahalanobis,
        readings: FieldReadings | None = None,
        *,
        hide_corner: bool = True,
    ) -> None:
        super().__init__()
        self.hide_corner = hide_corner
        self.layers = ServedLayers(model)
        self.layer_variables = self.layers.variables()
        pool = self.layers.pool
        self.by_stain = bool(pool.weights)
        self.ways: tuple[str, ...] = pool.ways if isinstance(pool, StainPool) else ()
        kernel, bias = model.get_layer("logits").get_weights()
        plain = np.zeros(len(kernel), np.float32), np.ones(len(kernel), np.float32)
        centre, spread = pool.get_weights() if self.by_stain else plain
        self.centre, self.spread = tf.Variable(centre, trainable=False), tf.Variable(spread, trainable=False)
        kernel, bias = kernel / temperature, bias / temperature
        if readings and readings.triage:
            kernel = np.concatenate([kernel, readings.triage.kernel[:, None]], 1)
            bias = np.append(bias, np.float32(readings.triage.bias))
        # The head on statistics that are not standardised: what the activation maps are made of.
        kernel = (kernel / spread[:, None]).astype(np.float32)
        self.kernel = tf.Variable(kernel, trainable=False)
        self.bias = tf.Variable((bias - centre @ kernel).astype(np.float32), trainable=False)
        self.distance = ServedDistance(distance)
        self.ood = ServedReading(readings.ood) if readings else None
        self.distance_share = readings.distance_share if readings else 1.0
        self.magnification = ServedReading(readings.magnification) if readings and readings.magnification else None
        self.two_levels = bool(readings and readings.triage)
        self.sides = readings.sides if readings else np.zeros(0, np.float32)

    @tf.function(input_signature=[tf.TensorSpec([1, INPUT_SIDE_PX, INPUT_SIDE_PX, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answer for one image: uint8[1, 224, 224, 3]."""
        field = tf.cast(image, tf.float32)
        field = hide_scale_bar(field) if self.hide_corner else field
        if self.by_stain:
            pooled, activation = self._pool_by_stain(
                field, self.layers.features(self.layers.scale(see(field)), training=False)
            )
        else:
            pooled, activation = self._pool(self.layers.features(self.layers.scale(field), training=False))
        embedding = (pooled - self.centre) / self.spread
        logits, ood_score = tf.matmul(pooled, self.kernel) + self.bias, self.distance(embedding)
        probabilities, more = tf.nn.softmax(logits), {}
        if self.two_levels:
            probabilities, activation = join_in_graph(logits[:, :-1], logits[:, -1:], activation, self.sides)
        if self.ood is not None:
            ood_score = self.distance_share * ood_score + self.ood(embedding)
        if self.magnification is not None:
            more = {"scale": self.magnification(embedding)}
        return {
            "probabilities": probabilities,
            "embedding": embedding,
            "activation_maps": activation,
            "out_of_distribution_score": ood_score,
            **more,
        }

    def _pool(self, maps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Average the last maps; the mean of (maps . kernel), plus the bias, is the logit.

        Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
        """
        return tf.reduce_mean(maps, [1, 2]), _project(maps, self.kernel)

    def _pool_by_stain(self, field: tf.Tensor, depths: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Pool as ``pool_views`` does, and share each statistic out among the places that it is made of.

        A mean is a sum over places, and so is a variance: a deviation s is the sum of (x - mean)^2 / s. The activation
        maps are exact with both: their mean plus the bias is the logit, and what does not count has next to no part.
        They are as fine as the coarsest depth.
        """
        coarsest = min(maps.shape[1] for maps in depths)
        pooled, activation = [], 0.0
        start = 0
        for weights in weigh(field, self.ways):
            for group, depth_count in GROUPS.items():
                width = width_of(group, [maps.shape[-1] for maps in depths])
                view_maps = [
                    _one(maps, views_at(depth).index(group)) for depth, maps in enumerate(depths[:depth_count])
                ]
                statistic, places = _view(view_maps, weights, self.kernel[start : start + width], coarsest)
                pooled.append(statistic)
                activation += places
                start += width
        return tf.concat(pooled, -1), activation


class ServedReading(tf.Module):
    """A ``Reading`` as part of a served graph."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.kernel = tf.Variable(reading.kernel[:, None], trainable=False)
        self.bias, self.widest = reading.bias, reading.widest

    def __call__(self, embedding: tf.Tensor) -> tf.Tensor:
        """Read float32[1, d]: float32[1]."""
        cut = tf.clip_by_value(embedding, -self.widest, self.widest) if math.isfinite(self.widest) else embedding
        return tf.reshape(tf.matmul(cut, self.kernel), [1]) + self.bias


def _one(maps: tf.Tensor, place: int) -> tf.Tensor:
    return maps[place : place + 1]


def _view(view_maps: list[tf.Tensor], weights: tf.Tensor, kernel: tf.Tensor, side: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Give one view's statistics of all depths, and each place's part in the logits: float32[1, side, side, k]."""
    statistic, places = [], 0.0
    start = 0
    for maps in view_maps:
        share, channels = shares(weights, maps), maps.shape[-1]
        mean, deviation = statistics(maps, share)
        statistic += [mean, deviation]
        squared = ((maps - mean[:, None, None]) ** 2 + VARIANCE_FLOOR) / deviation[:, None, None]
        part = _project(maps, kernel[start : start + channels])
        part += _project(squared, kernel[start + channels : start + 2 * channels])
        stride = maps.shape[1] // side
        places += tf.nn.avg_pool2d(part * share * float(maps.shape[1] ** 2), stride, stride, "VALID")
        start += 2 * channels
    return tf.concat(statistic, -1), places


def _project(maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    return tf.nn.conv2d(maps, kernel[None, None], 1, "VALID")


def serve(learned: Learned, spec: Backbone, *, hide_corner: bool = True) -> tf.Module:
    """Give the graph for a classifier, whichever head it has; its function ``serve`` answers for one image."""
    if spec.hidden:
        return ServedMaxima(learned.network, learned.temperature, learned.distance, hide_corner=hide_corner)
    return ServedClassifier(
        learned.network, learned.temperature, learned.distance, learned.readings, hide_corner=hide_corner
    )
