"""What is varied while training: orientation, stain and illumination; never the label."""

import tensorflow as tf

from training.models.scale_bar_mask import hide_scale_bar

GAIN = 0.15
"""Largest relative change of a channel: lamps and stain batches differ by about that between the set's slides."""
SATURATION = (0.6, 1.4)
HUE_RADIANS = 0.25
BRIGHTNESS = 20.0
"""Largest shift of all channels, of 255."""

_YIQ = tf.constant([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
"""NTSC's luma and chroma of RGB: a hue turn is a rotation of the two chroma axes."""


def augment(images: tf.Tensor) -> tf.Tensor:
    """Vary a batch: uint8[n, 224, 224, 3] to float32[n, 224, 224, 3] in 0 to 255."""
    fields = hide_scale_bar(tf.cast(images, tf.float32))
    return jitter_stain(turn(fields))


def turn(images: tf.Tensor) -> tf.Tensor:
    """Flip and rotate each image at random by quarter turns: a smear has no upside, and no pixel is interpolated."""
    images = tf.image.random_flip_left_right(tf.image.random_flip_up_down(images))
    transpose = tf.random.uniform([tf.shape(images)[0], 1, 1, 1]) < 0.5
    return tf.where(transpose, tf.transpose(images, [0, 2, 1, 3]), images)


def jitter_stain(images: tf.Tensor) -> tf.Tensor:
    """Change each image's hue, saturation, channel gains and brightness at random, by one 3 x 3 matrix."""
    n = tf.shape(images)[0]
    angle = tf.random.uniform([n], -HUE_RADIANS, HUE_RADIANS)
    saturation = tf.random.uniform([n], *SATURATION)
    cosine, sine = saturation * tf.cos(angle), saturation * tf.sin(angle)
    zero, one = tf.zeros([n]), tf.ones([n])
    chroma = tf.stack([one, zero, zero, zero, cosine, -sine, zero, sine, cosine], -1)
    matrix = tf.linalg.inv(_YIQ) @ tf.reshape(chroma, [n, 3, 3]) @ _YIQ
    gains = tf.random.uniform([n, 3, 1], 1.0 - GAIN, 1.0 + GAIN)
    shift = tf.random.uniform([n, 1, 1, 1], -BRIGHTNESS, BRIGHTNESS)
    return tf.clip_by_value(tf.einsum("nhwc,ndc->nhwd", images, matrix * gains) + shift, 0.0, 255.0)
