"""Model files of many heads on one frozen backbone, which is converted once."""

import tempfile
from functools import cached_property
from pathlib import Path

import keras
import tensorflow as tf

from training.data.dataset import INPUT_SIDE_PX
from training.joined_file import join
from training.models.feature_cache import FrozenBackbone
from training.models.learners import Learned
from training.served import serve
from training.serving.graph import convert
from training.serving.mlp_graph import FieldMaps, MaximaHead


class HeadFiles:
    """Makes the file of any head on a backbone.

    Parameters
    ----------
    backbone
        Under every head.
    """

    def __init__(self, backbone: FrozenBackbone) -> None:
        self._backbone = backbone

    def convert(self, learned: Learned) -> bytes:
        """Give the whole TFLite file of a classifier whose backbone is this one, as ``serving.convert`` makes it.

        Only heads on maxima are converted apart from their backbone; others are small beside it, and seldom many.
        """
        spec, network = self._backbone.spec, learned.network
        if not spec.hidden:
            return _converted(serve(learned, spec, hide_corner=self._backbone.hide_corner))
        head = _Head(MaximaHead(network, learned.temperature, learned.distance), network.get_layer("features").output)
        return join(self._base, _converted(head))

    @cached_property
    def _base(self) -> bytes:
        return _converted(_Base(FieldMaps(self._backbone.embedder, hide_corner=self._backbone.hide_corner)))


class _Base(tf.Module):
    def __init__(self, maps: FieldMaps) -> None:
        super().__init__()
        self.maps = maps

    @tf.function(input_signature=[tf.TensorSpec([1, INPUT_SIDE_PX, INPUT_SIDE_PX, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"maps": self.maps(image)}


class _Head(tf.Module):
    def __init__(self, head: MaximaHead, maps: keras.KerasTensor) -> None:
        super().__init__()
        self.head = head
        spec = tf.TensorSpec([1, *maps.shape[1:]], tf.float32, name="maps")
        self.serve = tf.function(lambda given: self.head(given), input_signature=[spec])


def _converted(served: tf.Module) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return convert(served, Path(folder))
