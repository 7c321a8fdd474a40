"""Model files of many heads on one frozen backbone, which is converted once.

One TFLite file from two: a backbone that is converted once, and any of many small heads on it.

Converting VGG16 takes seconds, and a sweep has nine heads on the very same one. A file is a table of buffers and a list
of operators on numbered tensors: the head's follow the backbone's under new numbers, its input is the backbone's
output, and nothing else changes.
"""

import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.tools import flatbuffer_utils

from training.data.labels import INPUT_SIDE_PX
from training.models.feature_cache import FrozenBackbone
from training.models.learners import Learned
from training.serving.graph import serve
from training.serving.mlp_graph import FieldMaps, MaximaHead
from training.tflite import convert


def join(base: bytes, head: bytes) -> bytes:
    """Put a head on a backbone.

    Parameters
    ----------
    base, head : bytes
        TFLite files of one graph and one signature each. The one output of the first is as the one input of the second.

    Returns
    -------
    bytes
        A file with the signature of the first's inputs and the second's outputs.

    Raises
    ------
    ValueError
        They do not fit together.
    """
    whole, added = (flatbuffer_utils.read_model_from_bytearray(bytearray(content)) for content in (base, head))
    graph, upper = _graph_of(whole), _graph_of(added)
    seam, start = int(graph.outputs[0]), int(upper.inputs[0])
    if not _alike(graph.tensors[seam], upper.tensors[start]) or (len(graph.outputs), len(upper.inputs)) != (1, 1):
        raise ValueError("the head does not take what the backbone gives: convert both from the same network")
    offset = len(graph.tensors)

    def renumbered(tensors: Any) -> NDArray[np.int32]:
        numbers = np.asarray(tensors, np.int32)
        moved = np.where(numbers == start, seam, numbers + offset)
        return np.where(numbers < 0, numbers, moved).astype(np.int32)  # a negative number is an input left out

    for operator in upper.operators:
        operator.opcodeIndex += len(whole.operatorCodes)
        operator.inputs, operator.outputs = renumbered(operator.inputs), renumbered(operator.outputs)
    for tensor in upper.tensors:
        tensor.buffer += len(whole.buffers)
    graph.outputs = renumbered(upper.outputs)
    graph.tensors += upper.tensors
    graph.operators += upper.operators
    whole.operatorCodes += added.operatorCodes
    whole.buffers += added.buffers
    answers = added.signatureDefs[0].outputs
    for answer in answers:
        answer.tensorIndex = int(renumbered(answer.tensorIndex))
    whole.signatureDefs[0].outputs = answers
    whole.metadata, whole.metadataBuffer = [], []  # of the converter, about each part alone
    return bytes(flatbuffer_utils.convert_object_to_bytearray(whole))


def _graph_of(model: Any) -> Any:
    if len(model.subgraphs) != 1 or len(model.signatureDefs) != 1:
        raise ValueError("only files of one graph and one signature can be joined: leave out branches and loops")
    return model.subgraphs[0]


def _alike(one: Any, other: Any) -> bool:
    return one.type == other.type and list(one.shape) == list(other.shape)


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
