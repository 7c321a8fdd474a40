"""The served graph of a backbone whose maxima go through hidden ReLU layers: VGG16's.

Activation maps of such a head are still exact. A ReLU network is linear around any input: there, logit k is
J_k . e + b_k for the embedding e, where J_k is the product of the layers' kernels with the rows of silent units struck
out. (Gradient times input: Shrikumar et al., "Learning Important Features Through Propagating Activation Differences",
ICML 2017.) Each e_j is the maximum of one feature map, so that its share J_kj e_j belongs to the cell of the map where
the maximum is. Every map k holds these shares, times the number of cells: its mean plus b_k is logit k, as with a
linear head on a mean; but b_k depends on the image.
"""

import keras
import tensorflow as tf

from training.data.labels import INPUT_SIDE_PX
from training.models.out_of_distribution import Mahalanobis, ServedDistance
from training.models.scale_bar_mask import hide_scale_bar
from training.models.served_layers import ServedLayers


class FieldMaps(tf.Module):
    """From a field to the last maps of its backbone.

    Parameters
    ----------
    model : keras.Model
        Its layers are ``scale`` and ``features``.
    hide_corner : bool
        Whether the network was trained without the corner that holds the scale bar.
    """

    def __init__(self, model: keras.Model, *, hide_corner: bool = True) -> None:
        super().__init__()
        self.layers, self.hide_corner = ServedLayers(model), hide_corner
        self.layer_variables = self.layers.variables()

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """Compute the maps of one image, uint8[1, 224, 224, 3]: float32[1, h, w, d]."""
        field = tf.cast(image, tf.float32)
        field = hide_scale_bar(field) if self.hide_corner else field
        return self.layers.features(self.layers.scale(field), training=False)


class MaximaHead(tf.Module):
    """From the last maps to all that a model file answers.

    Parameters
    ----------
    model : keras.Model
        Trained; its layers are ``embedding`` (the maxima), ``hidden_1`` and so on, ``logits``.
    temperature : float
        Divides the logits.
    distance : Mahalanobis
        How strange an embedding is.
    """

    def __init__(self, model: keras.Model, temperature: float, distance: Mahalanobis) -> None:
        super().__init__()
        layers = [layer.get_weights() for layer in model.layers if layer.name.startswith("hidden_")]
        layers.append([weights / temperature for weights in model.get_layer("logits").get_weights()])
        layers[0][0] = layers[0][0] * _embedding_scale(model)
        self.kernels = [tf.Variable(kernel, trainable=False) for kernel, _ in layers]
        self.biases = [tf.Variable(bias, trainable=False) for _, bias in layers]
        self.distance = ServedDistance(distance)

    def __call__(self, maps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answer for the maps of one image: float32[1, h, w, d]."""
        embedding = tf.reduce_max(maps, [1, 2])
        x, active = embedding, []
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            x = tf.nn.relu(tf.matmul(x, kernel) + bias)
            active.append(tf.cast(x > 0.0, tf.float32))
        logits = tf.matmul(x, self.kernels[-1]) + self.biases[-1]
        return {
            "probabilities": tf.nn.softmax(logits),
            "embedding": embedding,
            "activation_maps": self._shares(maps, embedding, active),
            "out_of_distribution_score": self.distance(embedding),
        }

    def _shares(self, maps: tf.Tensor, embedding: tf.Tensor, active: list[tf.Tensor]) -> tf.Tensor:
        """Put each maximum's share of the logits where the maximum is: float32[1, h, w, 4]."""
        gradient = self.kernels[-1]
        for kernel, on in zip(self.kernels[-2::-1], reversed(active), strict=True):
            gradient = tf.matmul(kernel, tf.transpose(on) * gradient)
        cells = maps.shape[1] * maps.shape[2]
        there = tf.cast(tf.equal(maps, embedding[:, None, None, :]), tf.float32)
        there *= cells / tf.reduce_sum(there, [1, 2], keepdims=True)  # equal maxima share
        shares = tf.matmul(tf.reshape(there * maps, [cells, maps.shape[3]]), gradient)
        return tf.reshape(shares, [1, maps.shape[1], maps.shape[2], gradient.shape[1]])


class ServedMaxima(tf.Module):
    """A classifier with maxima and hidden layers as the interface of the model file defines it.

    Parameters
    ----------
    model : keras.Model
        Trained; with the layers of ``FieldMaps`` and of ``MaximaHead``.
    temperature, distance, hide_corner
        Theirs.
    """

    def __init__(
        self, model: keras.Model, temperature: float, distance: Mahalanobis, *, hide_corner: bool = True
    ) -> None:
        super().__init__()
        self.maps, self.head = FieldMaps(model, hide_corner=hide_corner), MaximaHead(model, temperature, distance)

    @tf.function(input_signature=[tf.TensorSpec([1, INPUT_SIDE_PX, INPUT_SIDE_PX, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answer for one image: uint8[1, 224, 224, 3]."""
        return self.head(self.maps(image))


def _embedding_scale(model: keras.Model) -> float:
    """Give what the embedding is multiplied by before the first hidden layer."""
    scaling = [layer.scale for layer in model.layers if layer.name == "embedding_scale"]
    return float(scaling[0]) if scaling else 1.0
