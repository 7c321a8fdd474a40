"""Eight bits where the work is, and nowhere else."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from training.int8 import convert_int8
from training.serving import convert

RNG = np.random.default_rng(3)
FIELDS = RNG.integers(0, 256, (6, 224, 224, 3), np.uint8)


class Small(tf.Module):
    """What the served graph is made of: convolutions, a division by what may be tiny, a map a label."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(RNG.normal(0, 0.1, (8, 8, 3, 16)).astype(np.float32), trainable=False)
        self.depth = tf.Variable(RNG.normal(0, 0.3, (3, 3, 16, 1)).astype(np.float32), trainable=False)
        self.project = tf.Variable(RNG.normal(0, 0.5, (1, 1, 16, 4)).astype(np.float32), trainable=False)

    @tf.function(input_signature=[tf.TensorSpec([1, 224, 224, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        maps = tf.nn.relu6(tf.nn.conv2d(tf.cast(image, tf.float32) / 255.0, self.kernel, 8, "SAME"))
        maps = tf.nn.relu6(tf.nn.depthwise_conv2d(maps, self.depth, [1, 1, 1, 1], "SAME"))
        mean = tf.reduce_mean(maps, [1, 2])
        deviation = tf.sqrt(tf.reduce_mean(maps * maps, [1, 2]) - mean * mean + 1e-6)
        found = tf.nn.conv2d(maps / deviation[:, None, None], self.project, 1, "SAME")
        return {"activation_maps": found, "probabilities": tf.nn.softmax(tf.reduce_mean(found, [1, 2]))}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Give the float32 and the int8 file."""
    saved = tmp_path_factory.mktemp("small") / "saved_model"
    return convert(Small(), saved), convert_int8(saved, FIELDS)


def kernels(content: bytes) -> dict[str, list[int]]:
    """Give the types of the convolutions' kernels, by the kind of convolution."""
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    found: dict[str, list[int]] = {}
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        name = names[model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()]
        if "CONV_2D" in name:
            found.setdefault(name, []).append(graph.Tensors(operator.Inputs(1)).Type())
    return found


def test_convolutions_are_int8_and_projections_onto_maps_are_not(files: tuple[bytes, bytes]) -> None:
    kinds = schema.TensorType
    assert kernels(files[0]) == {"CONV_2D": [kinds.FLOAT32] * 2, "DEPTHWISE_CONV_2D": [kinds.FLOAT32]}
    assert kernels(files[1]) == {"CONV_2D": [kinds.INT8, kinds.FLOAT32], "DEPTHWISE_CONV_2D": [kinds.INT8]}


def test_answers_are_near_those_of_float32(files: tuple[bytes, bytes]) -> None:
    one, other = (Interpreter(model_content=content).get_signature_runner("serving_default") for content in files)
    for field in FIELDS:
        expected, found = one(image=field[None]), other(image=field[None])
        np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=0.02)
        assert found["activation_maps"].dtype == np.float32
