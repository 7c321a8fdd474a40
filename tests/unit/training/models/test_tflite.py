"""Eight bits where the work is, and nowhere else."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from training.models.tflite import convert, convert_int8

RNG = np.random.default_rng(3)
FIELDS = RNG.integers(0, 256, (6, 224, 224, 3), np.uint8)


class Small(tf.Module):
    """What the served graph is made of: convolutions, a division by what may be tiny, a map a label."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = self._kernel(0.1, 8, 8, 3, 16)
        self.depth = self._kernel(0.3, 3, 3, 16, 1)
        self.narrow = self._kernel(0.3, 1, 1, 16, 8)
        self.wide = self._kernel(0.3, 1, 1, 8, 32)
        self.deeper = self._kernel(0.3, 3, 3, 32, 1)
        self.narrower = self._kernel(0.3, 1, 1, 32, 16)
        self.project = self._kernel(0.5, 1, 1, 16, 4)

    @staticmethod
    def _kernel(deviation: float, *shape: int) -> tf.Variable:
        return tf.Variable(RNG.normal(0, deviation, shape).astype(np.float32), trainable=False)

    @tf.function(input_signature=[tf.TensorSpec([1, 224, 224, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        maps = tf.nn.relu6(tf.nn.conv2d(tf.cast(image, tf.float32) / 255.0, self.stem, 8, "SAME"))
        maps = tf.nn.relu6(tf.nn.depthwise_conv2d(maps, self.depth, [1, 1, 1, 1], "SAME"))
        maps = tf.nn.conv2d(maps, self.narrow, 1, "SAME")
        maps = tf.nn.relu6(tf.nn.conv2d(maps, self.wide, 1, "SAME"))
        maps = tf.nn.relu6(tf.nn.depthwise_conv2d(maps, self.deeper, [1, 2, 2, 1], "SAME"))
        maps = tf.nn.conv2d(maps, self.narrower, 1, "SAME")
        mean = tf.reduce_mean(maps, [1, 2])
        deviation = tf.sqrt(tf.reduce_mean(maps * maps, [1, 2]) - mean * mean + 1e-6)
        found = tf.nn.conv2d(maps / deviation[:, None, None], self.project, 1, "SAME")
        return {"activation_maps": found, "probabilities": tf.nn.softmax(tf.reduce_mean(found, [1, 2]))}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Give the float32 and the int8 file."""
    saved = tmp_path_factory.mktemp("small") / "saved_model"
    return convert(Small(), saved), convert_int8(saved, FIELDS)


def kernels(content: bytes) -> list[int]:
    """Give the types of the convolutions' kernels, in order."""
    kinds = schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D
    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    found = [operator for operator in graph.operators if model.operatorCodes[operator.opcodeIndex].builtinCode in kinds]
    return [graph.tensors[operator.inputs[1]].type for operator in found]


def test_convolutions_are_int8_but_for_the_first_the_fine_and_linear_and_the_maps(files: tuple[bytes, bytes]) -> None:
    whole, eight = schema.TensorType.FLOAT32, schema.TensorType.INT8
    assert kernels(files[0]) == [whole] * 7
    # stem, depth, narrow; wide, deeper, narrower; project
    assert kernels(files[1]) == [whole, whole, whole, eight, eight, eight, whole]


def test_answers_are_near_those_of_float32(files: tuple[bytes, bytes]) -> None:
    one, other = (Interpreter(model_content=content).get_signature_runner("serving_default") for content in files)
    for field in FIELDS:
        expected, found = one(image=field[None]), other(image=field[None])
        np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=0.02)
        assert found["activation_maps"].dtype == np.float32
