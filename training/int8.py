"""An int8 file: the network's convolutions on eight bits, and all between and behind them as it was.

With everything on eight bits the file cannot run: the statistics of stained places divide by sums and deviations that
one step of eight bits rounds to zero. The convolutions are nearly all of the work, so nearly all that eight bits can
gain is in them. The projections onto activation maps stay float32 too: they are next to no work, and the maps exact.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema  # type: ignore[import-untyped]
from numpy.typing import NDArray

from training.fields import LABELS

QUANTISED = ("CONV_2D", "DEPTHWISE_CONV_2D")
CALIBRATION_FIELDS = 200
"""Fields from which the ranges of the eight bits are taken; spread over the whole set."""


def convert_int8(saved_model: Path, images: NDArray[np.uint8]) -> bytes:
    """Convert a served graph to a TFLite file whose convolutions are int8.

    Parameters
    ----------
    saved_model : Path
        Of ``train``.
    images : uint8[n, 224, 224, 3]
        Training fields, in any order.
    """
    chosen = np.linspace(0, len(images) - 1, min(CALIBRATION_FIELDS, len(images))).astype(int)

    def fields() -> Iterator[dict[str, Any]]:
        for position in chosen:
            yield {"image": images[position : position + 1]}

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    operators, tensors = left_alone(bytes(converter.convert()))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = fields
    # The debugger is where TensorFlow's converter lets one say what is not to be quantised.
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=operators, denylisted_nodes=tensors)
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=fields, debug_options=options
    )
    return bytes(debugger.get_nondebug_quantized_model())


def left_alone(content: bytes) -> tuple[list[str], list[str]]:
    """Tell what of a float32 file stays float32.

    Returns
    -------
    (list of str, list of str)
        Kinds of operators that are no convolutions, and the outputs of convolutions with one channel a label.
    """
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    operators, tensors = set(), []
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        name = names[model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()]
        output = graph.Tensors(operator.Outputs(0))
        if name not in QUANTISED:
            operators.add(name)
        elif output.Shape(output.ShapeLength() - 1) == len(LABELS):
            tensors.append(output.Name().decode())
    return sorted(operators), tensors
