"""What the frozen network of a base makes of a laboratory's images, by the runtime that serves it."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.data.corruptions import augment
from training.data.dataset import read_field
from training.models.base_statistics import BaseStatistics
from training.models.features import Features, FrozenEmbedder
from training.progress import bar

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]

LOOKS = 3
"""As it came, turned by a quarter, and varied: what a head learns from each image, at the price of three looks."""
SEED = 1


def embed_images(network: keras.Model, paths: Sequence[Path]) -> tuple[Images, Floats]:
    """Read images and embed each in ``LOOKS`` ways, on every core.

    Parameters
    ----------
    network : keras.Model
        Of ``classifier.build``.
    paths : sequence of Path
        Image files.

    Returns
    -------
    (uint8[n, 224, 224, 3], float32[LOOKS, n, d])
        The images as the model takes them, and embeddings, not standardised.

    Raises
    ------
    DataError
        An image cannot be read.
    """
    with bar(None, "Reading images", len(paths), unit="image") as shown, ThreadPoolExecutor(os.cpu_count()) as pool:

        def look(position: int) -> tuple[Images, ...]:
            images = _looks(read_field(paths[position]), position)
            shown.update()
            return images

        seen = list(pool.map(look, range(len(paths))))
    looks = [np.stack(one) for one in zip(*seen, strict=True)]
    embedder = FrozenEmbedder(network)
    return looks[0], np.concatenate([embedder.embed(one) for one in looks])


def _looks(image: Images, position: int) -> tuple[Images, ...]:
    turned = np.ascontiguousarray(image[::-1].transpose(1, 0, 2))
    return image, turned, augment(image, np.random.default_rng([SEED, position]))


def features_from(looks: Floats, strangers: dict[str, Floats]) -> Features:
    """Arrange embeddings as heads take them: float32[LOOKS, n, d]."""
    count, width = looks.shape[1:]
    return Features(
        looks[:2],
        looks[2:],
        np.zeros(count, np.float32),
        np.empty((0, width), np.float32),
        np.empty(0, np.float32),
        np.empty((0, 1), np.int64),
        strangers,
    )


def strangers_of(statistics: BaseStatistics, *, with_its_own: bool) -> dict[str, Floats]:
    """Give what the base lends as strangers: its own fields too, unless their classes are kept."""
    return {**statistics.strangers, **({"fields of the base": statistics.embeddings} if with_its_own else {})}
