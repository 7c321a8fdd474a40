"""Counts what a TFLite file must multiply and add for one image, from the file itself."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

_NAMES: dict[int, str] = {
    value: name.lower()
    for name, value in vars(schema.BuiltinOperator).items()
    if isinstance(value, int) and not name.startswith("_")
}
_TYPES: dict[int, str] = {
    schema.TensorType.FLOAT32: "float32",
    schema.TensorType.FLOAT16: "float16",
    schema.TensorType.INT8: "int8",
    schema.TensorType.UINT8: "uint8",
}

Shape = list[int]
# What each kind of layer does for one number of its output, by the shape of its weights.
_MULTIPLY_ADDS_PER_OUTPUT: dict[str, Callable[[Shape], int]] = {
    "conv_2d": lambda weights: prod(weights[1:]),  # [out, h, w, in]
    "depthwise_conv_2d": lambda weights: prod(weights[1:3]),  # [1, h, w, out]
    "fully_connected": lambda weights: weights[-1],  # [out, in]
}


@dataclass(frozen=True)
class Operations:
    """Multiply-adds of one forward pass.

    Attributes
    ----------
    multiply_adds
        Of all layers with weights; two operations each.
    by_layer
        By kind of layer.
    precision
        Type of the weights of most of them.
    """

    multiply_adds: int
    by_layer: dict[str, int]
    precision: str


def count(path: Path) -> Operations:
    """Count a file's multiply-adds; activations, additions and pooling are a few per cent more, and are left out."""
    content = path.read_bytes()
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    by_layer: dict[str, int] = {}
    by_type: dict[str, int] = {}
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        kind = _kind(model, operator)
        if kind not in _MULTIPLY_ADDS_PER_OUTPUT:
            continue
        weights, output = graph.Tensors(operator.Inputs(1)), graph.Tensors(operator.Outputs(0))
        multiply_adds = prod(_shape(output)) * _MULTIPLY_ADDS_PER_OUTPUT[kind](_shape(weights))
        precision = _TYPES.get(weights.Type(), "other")
        by_layer[kind] = by_layer.get(kind, 0) + multiply_adds
        by_type[precision] = by_type.get(precision, 0) + multiply_adds
    return Operations(sum(by_layer.values()), by_layer, max(by_type, key=by_type.__getitem__))


def _kind(model: Any, operator: Any) -> str:
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Files from before 2020 have the code in a field of eight bits.
    return _NAMES.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "unknown")


def _shape(tensor: Any) -> Shape:
    return [int(side) for side in tensor.ShapeAsNumpy()]
