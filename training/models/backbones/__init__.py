"""The networks that can be trained, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import keras

from training.models.backbones import efficientnet_lite, vgg16
from training.models.recipes import HIDDEN_LAYERS


@dataclass(frozen=True)
class Backbone:
    """A convolutional network without its classifier, and the classifier that goes with it.

    Attributes
    ----------
    build : callable
        Height and width in pixels to the untrained network; scaled images in, feature maps out.
    load_imagenet : callable
        Puts ImageNet weights into what ``build`` made.
    input_offset, input_scale : float
        The network takes (x - offset) / scale for x in 0 to 255.
    pooling : {"average", "max"}
        How feature maps become the embedding.
    hidden : tuple of int
        Widths of the ReLU layers between the embedding and the logits; none for a linear head.
    embedding_scale : float
        What the embedding is divided by before the hidden layers, whose first weights expect numbers of about 1.
    depths : tuple of str
        Layers whose maps the shipped classifier pools by stain (``StainPool``) instead of the last maps. Those in
        the middle of the network tell cells apart better than the last, which know cats from dogs (docs/evaluation.md).
    """

    build: Callable[[int, int], keras.Model]
    load_imagenet: Callable[[keras.Model], None]
    input_offset: float
    input_scale: float
    pooling: Literal["average", "max"] = "average"
    hidden: tuple[int, ...] = ()
    embedding_scale: float = 1.0
    depths: tuple[str, ...] = ()


BACKBONES = {
    "efficientnet-lite0": Backbone(
        efficientnet_lite.build_lite0,
        efficientnet_lite.load_imagenet,
        efficientnet_lite.INPUT_OFFSET,
        efficientnet_lite.INPUT_SCALE,
        depths=("blocks_2_add", "blocks_4_add", "blocks_6_add", "blocks_7_add", "blocks_9_add"),
    ),
    "efficientnet-lite2": Backbone(
        efficientnet_lite.build_lite2,
        efficientnet_lite.load_imagenet,
        efficientnet_lite.INPUT_OFFSET,
        efficientnet_lite.INPUT_SCALE,
    ),
    # Mean and channel order are inside the network.
    "vgg16": Backbone(
        vgg16.build,
        vgg16.load_imagenet,
        0.0,
        1.0,
        pooling="max",
        hidden=HIDDEN_LAYERS["vgg16"],
        # The maxima's standard deviation on smears is 15; as they come, most heads end with no unit alive.
        embedding_scale=16.0,
    ),
}
