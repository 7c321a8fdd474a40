"""Layers of a Keras model, lent to a graph that is converted."""

import keras
import tensorflow as tf


class ServedLayers:
    """What a graph calls of a classifier, kept where no SavedModel looks.

    As attributes of a ``tf.Module`` the layers would be saved too, each traced as a function of its own: three fifths
    of a conversion's time, for functions that nothing serves. ``serve`` alone is converted.

    Parameters
    ----------
    model : keras.Model
        Of ``classifier.build``.
    """

    def __init__(self, model: keras.Model) -> None:
        self.scale, self.features, self.pool = (model.get_layer(name) for name in ("scale", "features", "embedding"))

    def variables(self) -> list[tf.Variable]:
        """List what the module must hold itself: TensorFlow saves no variable that no attribute leads to."""
        return [variable.value for layer in (self.scale, self.features, self.pool) for variable in layer.variables]
