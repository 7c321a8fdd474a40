"""The graph that is served: one forward pass gives probabilities, embedding, activation maps and strangeness."""

from pathlib import Path

import keras
import tensorflow as tf

from training.corner import hide_scale_bar
from training.fields import INPUT_SIDE_PX
from training.out_of_distribution import Mahalanobis


class ServedClassifier(tf.Module):
    """A trained classifier as the interface of the model file defines it.

    Parameters
    ----------
    model : keras.Model
        What ``classifier.build`` made, trained.
    temperature : float
        Divides the logits (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017); folded into the head,
        so that probabilities and activation maps agree.
    distance : Mahalanobis
        How strange an embedding is.
    """

    def __init__(self, model: keras.Model, temperature: float, distance: Mahalanobis) -> None:
        super().__init__()
        self.scale = model.get_layer("scale")
        self.features = model.get_layer("features")
        # A tf.Module does not look for variables inside Keras layers, and the converter silently writes a file
        # without weights for variables that it is not told of.
        self.feature_variables = [variable.value for variable in self.features.variables]
        kernel, bias = model.get_layer("logits").get_weights()
        self.kernel = tf.Variable(kernel / temperature, trainable=False)
        self.bias = tf.Variable(bias / temperature, trainable=False)
        # The distance needs offsets from class means along whitened directions, and their length outside of these:
        # |x - m|^2 - |(x - m) U|^2. Both are linear in x but for the squares.
        self.means = tf.Variable(distance.means, trainable=False)
        self.directions = tf.Variable(distance.directions, trainable=False)
        self.means_along = tf.Variable(distance.means @ distance.directions, trainable=False)
        self.weights = tf.Variable(1.0 / distance.variances - 1.0 / distance.residual_variance, trainable=False)
        self.residual_precision = 1.0 / distance.residual_variance

    @tf.function(input_signature=[tf.TensorSpec([1, INPUT_SIDE_PX, INPUT_SIDE_PX, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answer for one image: uint8[1, 224, 224, 3]."""
        maps = self.features(self.scale(hide_scale_bar(tf.cast(image, tf.float32))), training=False)
        embedding = tf.reduce_mean(maps, [1, 2])
        logits = tf.matmul(embedding, self.kernel) + self.bias
        # A linear head on a mean: the mean of (maps . kernel), plus the bias, is the logit (Zhou et al., "Learning
        # Deep Features for Discriminative Localization", CVPR 2016).
        kernel = tf.reshape(self.kernel, [1, 1, *self.kernel.shape])
        return {
            "probabilities": tf.nn.softmax(logits),
            "embedding": embedding,
            "activation_maps": tf.nn.conv2d(maps, kernel, 1, "VALID"),
            "out_of_distribution_score": self._distance(embedding),
        }

    def _distance(self, embedding: tf.Tensor) -> tf.Tensor:
        offsets = embedding - self.means
        along = tf.matmul(embedding, self.directions) - self.means_along
        squared = tf.reduce_sum(offsets**2, -1) * self.residual_precision + tf.reduce_sum(along**2 * self.weights, -1)
        return tf.sqrt(tf.nn.relu(tf.reduce_min(squared, keepdims=True)) / embedding.shape[-1])


def convert(served: ServedClassifier, saved_model: Path) -> bytes:
    """Convert to a TFLite file with the signature ``serving_default``.

    Parameters
    ----------
    served : ServedClassifier
        The graph and its weights.
    saved_model : Path
        Folder for the SavedModel that the converter reads; made here.

    Returns
    -------
    bytes
        The file.
    """
    tf.saved_model.save(served, str(saved_model), signatures={"serving_default": served.serve})
    return bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved_model)).convert())
