"""Conversion of a served graph to a TFLite file: float32, or with the network's convolutions on eight bits.

With everything on eight bits the file cannot run: the statistics of stained places divide by sums and deviations that
one step of eight bits rounds to zero. The convolutions are nearly all of the work, so nearly all that eight bits can
gain is in them. The projections onto activation maps stay float32 too: they are next to no work, and the maps exact.

So do the few convolutions in which eight bits lose most, found by leaving them out in turn (docs/decisions/
095-eight-bits-in-the-convolutions-alone.md): the first two, which see the picture itself, and the narrow ends of the
early blocks. Nothing bounds what those give (Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
CVPR 2018), so that one step of eight bits is coarse, and its error goes through all that follows.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from training.data.dataset import spread

QUANTISED = ("CONV_2D", "DEPTHWISE_CONV_2D")
FIRST = 2
"""Convolutions at the beginning that stay float32."""
FINE_PX = 28
"""Side of the maps from which on a convolution without activation stays float32."""
CALIBRATION_FIELDS = 200
"""Fields from which the ranges of the eight bits are taken; spread over the whole set."""


def convert(served: tf.Module, saved_model: Path) -> bytes:
    """Convert to a TFLite file with the signature ``serving_default``.

    Parameters
    ----------
    served : tf.Module
        The graph and its weights: its function ``serve``.
    saved_model : Path
        Folder for the SavedModel that the converter reads; made here.

    Returns
    -------
    bytes
        The file.
    """
    tf.saved_model.save(served, str(saved_model), signatures={"serving_default": served.serve})
    return bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved_model)).convert())


def convert_int8(saved_model: Path, images: NDArray[np.uint8]) -> bytes:
    """Convert a served graph to a TFLite file whose convolutions are int8.

    Parameters
    ----------
    saved_model : Path
        Of ``train``.
    images : uint8[n, 224, 224, 3]
        Training fields, in any order.
    """
    chosen = spread(len(images), CALIBRATION_FIELDS)

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
        Kinds of operators that are no convolutions, and the outputs of those convolutions that stay too: the first, the
        linear ones on fine maps, and those with one channel a label.
    """
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    labels = _label_count(model)
    operators, tensors, met = set(), [], 0
    for operator in graph.operators:
        name = names[model.operatorCodes[operator.opcodeIndex].builtinCode]
        if name not in QUANTISED:
            operators.add(name)
            continue
        met += 1
        output = graph.tensors[operator.outputs[0]]
        _, side, _, channels = output.shape
        linear = operator.builtinOptions.fusedActivationFunction == schema.ActivationFunctionType.NONE
        if met <= FIRST or (linear and side >= FINE_PX) or channels in (labels, labels + 1):
            tensors.append(output.name.decode())
    return sorted(operators), tensors


def _label_count(model: Any) -> int:
    """Count a file's labels by its answer; a head of two levels has one channel more."""
    outputs = model.signatureDefs[0].outputs
    index = next(tensor.tensorIndex for tensor in outputs if tensor.name == b"probabilities")
    return int(model.subgraphs[0].tensors[index].shape[-1])
