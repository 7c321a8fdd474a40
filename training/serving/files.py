"""What a model folder is made of, for whoever only looks for it and needs no TensorFlow."""

from pathlib import Path

FILE_NAME = "model.tflite"
SHIPPED = Path("models/default")
"""The folder of the shipped model, from the repository's root."""
PRECISIONS = ("float32", "float16", "int8")
"""That a served graph is converted to."""
MAX_BYTES = 16_000_000
"""Of the file that is shipped in every image."""
UNRELEASED = "0.0.0"
"""The version of a model that is made to be compared, not shipped."""


class ParityError(Exception):
    """The file does not answer as the network that it was converted from."""
