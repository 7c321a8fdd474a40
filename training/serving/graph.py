"""The graph that is served: one forward pass gives probabilities, embedding, activation maps and strangeness.

From what was learnt to the graph that is served.
"""

import keras
import numpy as np
import tensorflow as tf

from training.data.labels import INPUT_SIDE_PX
from training.data.scale_bar import hide_scale_bar
from training.models.backbones import Backbone
from training.models.learners import Learned
from training.models.out_of_distribution import Mahalanobis, ServedDistance
from training.models.stain_pooling import (
    GROUPS,
    VARIANCE_FLOOR,
    VIEWS,
    places_of,
    see,
    shares,
    stain_weights,
    statistics,
    turn,
    turn_back,
    views_at,
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
    hide_corner : bool
        Whether the network was trained without the corner that holds the scale bar.
    """

    def __init__(
        self, model: keras.Model, temperature: float, distance: Mahalanobis, *, hide_corner: bool = True
    ) -> None:
        super().__init__()
        self.hide_corner = hide_corner
        self.scale = model.get_layer("scale")
        self.features = model.get_layer("features")
        # A tf.Module does not look for variables inside Keras layers, and the converter silently writes a file
        # without weights for variables that it is not told of.
        self.feature_variables = [variable.value for variable in self.features.variables]
        pool = model.get_layer("embedding")
        self.by_stain = bool(pool.weights)
        kernel, bias = model.get_layer("logits").get_weights()
        plain = np.zeros(len(kernel), np.float32), np.ones(len(kernel), np.float32)
        centre, spread = pool.get_weights() if self.by_stain else plain
        self.centre, self.spread = tf.Variable(centre, trainable=False), tf.Variable(spread, trainable=False)
        # The head on statistics that are not standardised: what the activation maps are made of.
        kernel = kernel / temperature / spread[:, None]
        self.kernel = tf.Variable(kernel, trainable=False)
        self.bias = tf.Variable(bias / temperature - centre @ kernel, trainable=False)
        self.distance = ServedDistance(distance)

    @tf.function(input_signature=[tf.TensorSpec([1, INPUT_SIDE_PX, INPUT_SIDE_PX, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answer for one image: uint8[1, 224, 224, 3]."""
        field = tf.cast(image, tf.float32)
        field = hide_scale_bar(field) if self.hide_corner else field
        if self.by_stain:
            pooled, activation = self._pool_by_stain(field, self.features(self.scale(see(field)), training=False))
        else:
            pooled, activation = self._pool(self.features(self.scale(field), training=False))
        embedding = (pooled - self.centre) / self.spread
        return {
            "probabilities": tf.nn.softmax(tf.matmul(pooled, self.kernel) + self.bias),
            "embedding": embedding,
            "activation_maps": activation,
            "out_of_distribution_score": self.distance(embedding),
        }

    def _pool(self, maps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Average the last maps; the mean of (maps . kernel), plus the bias, is the logit.

        Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
        """
        return tf.reduce_mean(maps, [1, 2]), _project(maps, self.kernel)

    def _pool_by_stain(self, field: tf.Tensor, depths: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Pool as ``StainPool`` does, and share each statistic out among the places that it is made of.

        A mean is a sum over places, and so is a variance: a deviation s is the sum of (x - mean)^2 / s. The activation
        maps are exact with both: their mean plus the bias is the logit, and what is not stained has next to no part.
        They are as fine as the coarsest depth.
        """
        weights = stain_weights(field)
        coarsest = min(maps.shape[1] for maps in depths)
        pooled, activation = [], 0.0
        start = 0
        for group, known in GROUPS.items():
            chosen = places_of(group)
            width = width_of(group, [maps.shape[-1] for maps in depths])
            kernel = self.kernel[start : start + width] / float(len(chosen))
            found = []
            for place in chosen:
                _, flip, swap = VIEWS[place]
                seen = [_one(maps, views_at(depth).index(place)) for depth, maps in enumerate(depths[:known])]
                statistic, places = _view(seen, turn(weights, flip, swap), kernel, coarsest)
                found.append(statistic)
                activation += turn_back(places, flip, swap)
            pooled.append(tf.add_n(found) / float(len(chosen)))
            start += width
        return tf.concat(pooled, -1), activation


def _one(maps: tf.Tensor, place: int) -> tf.Tensor:
    return maps[place : place + 1]


def _view(seen: list[tf.Tensor], weights: tf.Tensor, kernel: tf.Tensor, side: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Give one view's statistics of all depths, and each place's part in the logits: float32[1, side, side, 4]."""
    found, places = [], 0.0
    start = 0
    for maps in seen:
        share, channels = shares(weights, maps), maps.shape[-1]
        mean, deviation = statistics(maps, share)
        found += [mean, deviation]
        squared = ((maps - mean[:, None, None]) ** 2 + VARIANCE_FLOOR) / deviation[:, None, None]
        part = _project(maps, kernel[start : start + channels])
        part += _project(squared, kernel[start + channels : start + 2 * channels])
        stride = maps.shape[1] // side
        places += tf.nn.avg_pool2d(part * share * float(maps.shape[1] ** 2), stride, stride, "VALID")
        start += 2 * channels
    return tf.concat(found, -1), places


def _project(maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    return tf.nn.conv2d(maps, kernel[None, None], 1, "VALID")


def serve(learned: Learned, spec: Backbone, *, hide_corner: bool = True) -> tf.Module:
    """Give the graph for a classifier, whichever head it has; its function ``serve`` answers for one image."""
    graph = ServedMaxima if spec.hidden else ServedClassifier
    return graph(learned.network, learned.temperature, learned.distance, hide_corner=hide_corner)
