"""A frozen network's embeddings of many fields, by the runtime that serves: LiteRT is faster than TensorFlow here.

The head is fitted on what the served file will compute, and training takes the larger part of its time here.
"""

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.dataset import INPUT_SIDE_PX
from training.data.scale_bar import hide_scale_bar
from training.progress import bar
from training.serving.graph import convert


class EmbeddingGraph(tf.Module):
    """A classifier up to its embedding, for one field, with the scale bar hidden as in the served graph."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.network = keras.Model(model.input, model.get_layer("embedding").output)
        # A tf.Module does not look for variables inside Keras layers, and the converter writes a file without weights.
        self.network_variables = [variable.value for variable in self.network.variables]

    @tf.function(input_signature=[tf.TensorSpec([1, INPUT_SIDE_PX, INPUT_SIDE_PX, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embed one field: uint8[1, 224, 224, 3]."""
        return {"embedding": self.network(hide_scale_bar(tf.cast(image, tf.float32)), training=False)}


def embed_by_file(model: keras.Model, sets: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    """Embed sets of fields on every core.

    Parameters
    ----------
    model : keras.Model
        Of ``classifier.build``.
    sets : sequence of uint8[n, 224, 224, 3]
        Converted for once.

    Returns
    -------
    list of float32[n, d]
        One a set, in order.
    """
    with tempfile.TemporaryDirectory() as folder:
        content = convert(EmbeddingGraph(model), Path(folder))
    workers = os.cpu_count() or 1
    total = sum(map(len, sets))
    with bar(None, "Features", total, unit="field") as shown, ThreadPoolExecutor(workers) as pool:
        jobs = [
            [pool.submit(_embed, content, part, shown) for part in np.array_split(images, workers)] for images in sets
        ]
        return [np.concatenate([job.result() for job in parts]) for parts in jobs]


def _embed(content: bytes, images: NDArray[np.uint8], shown: "tqdm[Any]") -> NDArray[np.float32]:
    """LiteRT lets go of Python's lock while it runs, so that threads are enough."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    runner = interpreter.get_signature_runner("serving_default")
    found = np.empty((len(images), interpreter.get_output_details()[0]["shape"][-1]), np.float32)
    for place, image in enumerate(images):
        found[place] = runner(image=image[None])["embedding"][0]
        shown.update()
    return found
