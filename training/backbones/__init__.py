"""The networks that can be trained, by name."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from training.backbones import efficientnet_lite


@dataclass(frozen=True)
class Backbone:
    """A convolutional network without its classifier.

    Attributes
    ----------
    build : callable
        Height and width in pixels to the untrained network; scaled images in, feature maps out.
    load_imagenet : callable
        Puts ImageNet weights into what ``build`` made.
    input_offset, input_scale : float
        The network takes (x - offset) / scale for x in 0 to 255.
    """

    build: Callable[[int, int], keras.Model]
    load_imagenet: Callable[[keras.Model], None]
    input_offset: float
    input_scale: float


BACKBONES = {
    "efficientnet-lite0": Backbone(
        efficientnet_lite.build_lite0,
        efficientnet_lite.load_imagenet,
        efficientnet_lite.INPUT_OFFSET,
        efficientnet_lite.INPUT_SCALE,
    ),
}
