"""Quantises a TFLite file: ``convert.py MODEL TARGET``.

The layers with weights get eight-bit weights and activations, whose ranges come from the drawn fields; what lies
between and behind them stays float32. The speed is what counts here: whether such a file answers well enough to be
shipped is for ``python -m training export`` to say.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_quantizer import quantizer
from ai_edge_quantizer.utils import tfl_interpreter_utils
from PIL import Image

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D")
SAMPLES = Path(__file__).resolve().parents[3] / "samples"


_get_tensor_data = tfl_interpreter_utils.get_tensor_data


def get_used_tensor_data(interpreter: Any, tensor: dict[str, Any], *options: Any, **keywords: Any) -> np.ndarray:
    """Read a tensor; zeros where it has no data, as an output of a split that no operator takes has none."""
    try:
        data: np.ndarray = _get_tensor_data(interpreter, tensor, *options, **keywords)
    except ValueError:
        return np.zeros(tensor["shape"], tensor["dtype"])
    return data


def fields() -> list[dict[str, np.ndarray]]:
    """Give the drawn fields as the model takes them."""
    inputs = []
    for path in sorted(SAMPLES.glob("*.png")):
        with Image.open(path) as image:
            inputs.append({"image": np.asarray(image.convert("RGB").resize((224, 224)), dtype=np.uint8)[np.newaxis]})
    return inputs


if __name__ == "__main__":
    tfl_interpreter_utils.get_tensor_data = get_used_tensor_data  # ai-edge-quantizer 0.10.0 ends at such a tensor
    model_quantizer = quantizer.Quantizer(sys.argv[1])
    for layer in LAYERS:
        model_quantizer.add_static_config(".*", layer, activation_num_bits=8, weight_num_bits=8)
    ranges = model_quantizer.calibrate({"serving_default": fields()}, num_threads=1)
    model_quantizer.quantize(ranges).export_model(sys.argv[2], overwrite=True)
