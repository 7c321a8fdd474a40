"""Hides the corner with the scale bar, where the microscope writes and no cell is read."""

import tensorflow as tf

from training.data.labels import INPUT_SIDE_PX

TOP_PX, LEFT_PX = 196, 164
"""In the public set every bar and its label lie right of and below this, in a field of 224 x 224: seen on contact
sheets of all classes. Bars differ between microscopes and so between classes: left visible, they are a clue."""


def hide_scale_bar(images: tf.Tensor) -> tf.Tensor:
    """Paint the lower right corner in each field's own mean colour.

    Parameters
    ----------
    images : float32[n, 224, 224, 3]
        Unrotated fields.

    Returns
    -------
    float32[n, 224, 224, 3]
        The corner tells nothing but the field's mean colour.
    """
    rows = tf.range(INPUT_SIDE_PX) >= TOP_PX
    columns = tf.range(INPUT_SIDE_PX) >= LEFT_PX
    corner = tf.cast(rows[:, None] & columns[None, :], tf.float32)[None, :, :, None]
    return images * (1.0 - corner) + tf.reduce_mean(images, [1, 2], keepdims=True) * corner
