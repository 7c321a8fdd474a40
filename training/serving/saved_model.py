"""The served graph that ``train`` left as a SavedModel: read back, and converted to other precisions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from inference import ModelError
from training.models.tflite import convert_int8

Images = NDArray[np.uint8]


class Graph:
    """A served graph read back from its SavedModel; answers as ``ServedClassifier`` does."""

    def __init__(self, saved_model: Path) -> None:
        if not (saved_model / "saved_model.pb").is_file():
            raise ModelError(f"{saved_model} is no SavedModel: train leaves one in its work folder, runs/train/ID")
        self._loaded = tf.saved_model.load(str(saved_model))
        self.serve = self._answer(self._loaded.signatures["serving_default"])

    @staticmethod
    def _answer(signature: Callable[..., Any]) -> Callable[[Any], Any]:
        return lambda image: signature(image=image)


def convert(saved_model: Path, precision: str, images: Images) -> bytes:
    """Convert a SavedModel to a TFLite file.

    Parameters
    ----------
    saved_model : Path
        Of ``train``.
    precision : str
        One of ``PRECISIONS``.
    images : uint8[n, 224, 224, 3]
        Training fields, for the ranges of int8.
    """
    if precision == "int8":
        return convert_int8(saved_model, images)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    if precision == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())
