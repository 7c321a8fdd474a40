"""The network that is trained: scaling, backbone, pooled linear head."""

import keras

from training.backbones import BACKBONES
from training.fields import INPUT_SIDE_PX, LABELS


def build(backbone: str, *, imagenet: bool = True) -> keras.Model:
    """Build a classifier of smear fields.

    Parameters
    ----------
    backbone : str
        A key of ``BACKBONES``.
    imagenet : bool
        Start from ImageNet weights; otherwise from random ones.

    Returns
    -------
    keras.Model
        float32[batch, 224, 224, 3] in 0 to 255 to logits float32[batch, 4]. Its layers ``features`` (the backbone),
        ``embedding`` (the pool) and ``logits`` (the linear head) are what the served graph is made of.
    """
    spec = BACKBONES[backbone]
    features = spec.build(INPUT_SIDE_PX, INPUT_SIDE_PX)
    if imagenet:
        spec.load_imagenet(features)
    features.name = "features"
    image = keras.Input((INPUT_SIDE_PX, INPUT_SIDE_PX, 3), name="image")
    scaled = keras.layers.Rescaling(1 / spec.input_scale, -spec.input_offset / spec.input_scale, name="scale")(image)
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(features(scaled))
    # float32 whatever the backbone computes in: a softmax of half-precision logits loses its tails.
    logits = keras.layers.Dense(len(LABELS), dtype="float32", name="logits")(embedding)
    return keras.Model(image, logits, name=backbone)


def embedder(model: keras.Model) -> keras.Model:
    """Give the part of a classifier that ends at the pooled features: images to float32[batch, d]."""
    return keras.Model(model.input, model.get_layer("embedding").output, name="embedder")
