"""The shipped file's operations, counted once from its bytes and once as the interpreter lists them."""

from collections import Counter
from math import prod
from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from benchmarks.operations import count

SHIPPED = Path(__file__).parents[3] / "models" / "default" / "model.tflite"
STEM = 112 * 112 * 32 * 3 * 3 * 3
"""Of one view: 3 x 3 kernels with stride 2 on 224 x 224 x 3, 32 channels out."""


def listed() -> Counter[str]:
    """Multiply-adds by layer: each number of the output takes a kernel of one output channel."""
    # Without XNNPACK, which would take the place of the layers that it runs.
    interpreter = Interpreter(
        str(SHIPPED), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    shapes = {one["index"]: [int(side) for side in one["shape"]] for one in interpreter.get_tensor_details()}
    channels_at = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
    found: Counter[str] = Counter()
    for operator in interpreter._get_ops_details():
        if (kind := operator["op_name"]) in channels_at:
            weights = shapes[operator["inputs"][1]]
            done = prod(shapes[operator["outputs"][0]]) * prod(weights) // weights[channels_at[kind]]
            found[kind.lower()] += done
    return found


def test_the_shipped_file_is_counted_as_its_interpreter_lists_it() -> None:
    found = count(SHIPPED)
    assert found.by_layer == listed()
    assert found.multiply_adds == sum(found.by_layer.values())
    assert found.precision == "float32"


def test_the_stem_is_counted_by_hand() -> None:
    found = count(SHIPPED)
    assert found.by_layer["conv_2d"] > 2 * STEM
    assert found.by_layer["depthwise_conv_2d"] / found.multiply_adds == pytest.approx(0.1, abs=0.05)
