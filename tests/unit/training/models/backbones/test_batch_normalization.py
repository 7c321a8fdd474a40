import keras
import numpy as np
import pytest
import tensorflow as tf

from training.models.backbones.efficientnet_lite import FusedBatchNormalization

SHAPE = (8, 5, 5, 3)


@pytest.fixture
def inputs():
    return tf.constant(np.random.default_rng(0).normal(2.0, 3.0, SHAPE), tf.float32)


def layers():
    pair = []
    for kind in (FusedBatchNormalization, keras.layers.BatchNormalization):
        layer = kind(epsilon=1e-3, momentum=0.9)
        layer.build(SHAPE)
        layer.set_weights([np.array(values, np.float32) for values in ([1, 2, 3], [0, 1, -1], [2, 0, 1], [4, 9, 1])])
        pair.append(layer)
    return pair


def test_answers_and_gradients_are_those_of_keras(inputs):
    results = []
    for layer in layers():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
            loss = tf.reduce_sum(tf.sin(outputs))
        results.append((outputs, *tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])))
    for fused, plain in zip(*results, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-5, atol=2e-5)


def test_moving_moments_follow_the_batch(inputs):
    fused, plain = layers()
    fused(inputs, training=True)
    plain(inputs, training=True)
    n = np.prod(SHAPE[:-1])
    np.testing.assert_allclose(fused.moving_mean, plain.moving_mean, rtol=1e-5)
    batch_variance = (np.asarray(plain.moving_variance) - 0.9 * np.array([4, 9, 1])) / 0.1
    np.testing.assert_allclose(
        fused.moving_variance, 0.9 * np.array([4, 9, 1]) + 0.1 * batch_variance * n / (n - 1), rtol=1e-4
    )


@pytest.mark.parametrize("frozen", [False, True])
def test_serving_and_frozen_layers_use_the_moving_moments(inputs, frozen):
    fused, plain = layers()
    fused.trainable = plain.trainable = not frozen
    before = [np.array(values) for values in fused.get_weights()]
    np.testing.assert_allclose(fused(inputs, training=frozen), plain(inputs, training=False), atol=1e-5)
    for old, new in zip(before, fused.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
