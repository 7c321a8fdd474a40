"""Hides the corner with the scale bar from networks, while they learn and as they are served."""

import tensorflow as tf

from training.data.labels import INPUT_SIDE_PX
from training.data.scale_bar import LEFT_PX, TOP_PX


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
