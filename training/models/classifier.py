"""The network that is trained: scaling, backbone, pool, linear head."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras

from training.data.labels import INPUT_SIDE_PX
from training.models.backbones import BACKBONES
from training.models.heads import classify, pool
from training.models.stain_pooling import WAYS, DeeperViews, FieldViews, StainPool


def seed(number: int) -> None:
    """Seed all that is random: first weights, augmentation, the order of the fields."""
    keras.utils.set_random_seed(number)


def build(
    backbone: str,
    classes: int,
    *,
    imagenet: bool = True,
    ways: Sequence[str] = WAYS[:1],
    precision: str = "float32",
) -> keras.Model:
    """Build a classifier of smear fields.

    Parameters
    ----------
    backbone : str
        A key of ``BACKBONES``.
    classes : int
        How many it tells apart.
    imagenet : bool
        Start from ImageNet weights; otherwise from random ones.
    ways : sequence of str
        In which a pool by stain counts places, of ``stain_pooling.WAYS``.
    precision : str
        Keras's dtype policy of the backbone.

    Returns
    -------
    keras.Model
        float32[batch, 224, 224, 3] in 0 to 255 to logits float32[batch, classes]. Its layers ``features`` (the
        backbone), ``embedding`` (the pool) and ``logits`` (the last layer of the head) are what the served graph is
        made of. Where the backbone names depths, ``features`` ends at the last of them and gives the maps of each.
    """
    spec = BACKBONES[backbone]
    with _computing_in(precision):
        features = spec.build(INPUT_SIDE_PX, INPUT_SIDE_PX)
        if imagenet:
            spec.load_imagenet(features)
        if spec.depths:
            features = _stop_at(features, spec.depths)
        features.name = "features"
    image = keras.Input((INPUT_SIDE_PX, INPUT_SIDE_PX, 3), name="image")
    views = FieldViews(name="views")(image) if spec.depths else image
    scaled = keras.layers.Rescaling(1 / spec.input_scale, -spec.input_offset / spec.input_scale, name="scale")(views)
    maps = features(scaled)
    embedding = StainPool(ways, name="embedding")([image, *maps]) if spec.depths else pool(maps, spec)
    return keras.Model(image, classify(embedding, spec, classes), name=backbone)


@contextmanager
def _computing_in(policy: str) -> Iterator[None]:
    """Let layers that are made meanwhile compute as a dtype policy says."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _stop_at(features: keras.Model, depths: Sequence[str]) -> keras.Model:
    """Cut a network at the named layers: it gives the maps of each, of the views that are pooled there."""
    maps, depth_maps = features.input, []
    for depth, name in enumerate(depths):
        start = features.get_layer(depths[depth - 1]).output if depth else features.input
        part = keras.Model(start, features.get_layer(name).output, name=f"to_{name}")
        maps = part(DeeperViews(depth)(maps) if depth else maps)
        depth_maps.append(maps)
    return keras.Model(features.input, depth_maps)
