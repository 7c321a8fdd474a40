"""What a frozen network makes of fields and of varied copies of them: all that a linear head is fitted on.

A frozen network's embeddings of many fields, by the runtime that serves: LiteRT is faster than TensorFlow here.

The head is fitted on what the served file will compute, and training takes the larger part of its time here.
"""

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.corruptions import vary
from training.data.dataset import Fields
from training.data.labels import INPUT_SIDE_PX
from training.data.scale_bar import hide_scale_bar
from training.models.linear_probe import stain_density
from training.models.recipes import LinearProbe
from training.progress import bar
from training.tflite import convert


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


Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Features:
    """What a frozen backbone makes of fields, in their order.

    Attributes
    ----------
    embeddings : float32[n, d]
        Pooled, not standardised.
    varied : float32[k, n, d]
        The same of varied copies.
    densities : float32[n]
        Of ``linear_head.stain_density``.
    """

    embeddings: Floats
    varied: Floats
    densities: Floats

    def take(self, which: Positions) -> "Features":
        """Take some, by position."""
        return Features(self.embeddings[which], self.varied[:, which], self.densities[which])


def features_of(network: keras.Model, fields: Fields, recipe: LinearProbe) -> Features:
    """Run an untrained classifier's backbone on fields and on varied copies of them.

    Parameters
    ----------
    network : keras.Model
        Of ``classifier.build``.
    fields : Fields
        The i-th of the same number of fields is varied alike by the same seed.
    recipe : LinearProbe
        How many copies, and their seed.
    """
    random = np.random.default_rng(recipe.seed)
    copies = [
        np.stack(
            [vary(image, random) for image in bar(fields.images, f"Varying, {copy} of {recipe.copies}", len(fields))]
        )
        for copy in range(1, recipe.copies + 1)
    ]
    embeddings, *varied = embed_by_file(network, [fields.images, *copies])
    return Features(embeddings, np.stack(varied), stain_density(fields.images))
