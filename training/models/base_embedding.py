"""What a finished model makes of images: the embedding that its file gives, by the runtime that serves it."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference import Classifier, load
from training.data.corruptions import augment
from training.data.dataset import read_field
from training.models.base_statistics import BaseStatistics
from training.models.features import Features
from training.progress import bar

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]

LOOKS = 3
"""As it came, turned by a quarter, and varied: what a head learns from each image, at the price of three looks."""
SEED = 1


def embed_images(base: Path, paths: Sequence[Path]) -> tuple[Images, Floats]:
    """Read images and embed each in ``LOOKS`` ways, on every core.

    Parameters
    ----------
    base : Path
        Model folder.
    paths : sequence of Path
        Image files.

    Returns
    -------
    (uint8[n, 224, 224, 3], float32[LOOKS, n, d])
        The images as the model takes them, and embeddings as its file gives them.

    Raises
    ------
    DataError, ModelError
        An image or the model cannot be read.
    """
    workers = min(os.cpu_count() or 1, len(paths))
    parts = np.array_split(np.arange(len(paths)), workers)
    files = [load(base) for _ in parts]
    with bar(None, "Embedding images", len(paths), unit="image") as shown, ThreadPoolExecutor(workers) as pool:

        def embed(file: Classifier, part: NDArray[np.int64]) -> tuple[list[Images], list[Floats]]:
            images, found = [], []
            for place in part.tolist():
                image = read_field(paths[place])
                images.append(image)
                found.append(np.stack([file.run(look).embedding for look in _looks(image, place)]))
                shown.update()
            return images, found

        done = list(pool.map(embed, files, parts))
    return np.stack([image for images, _ in done for image in images]), np.stack(
        [one for _, found in done for one in found], 1
    )


def _looks(image: Images, place: int) -> tuple[Images, ...]:
    turned = np.ascontiguousarray(image[::-1].transpose(1, 0, 2))
    return image, turned, augment(image, np.random.default_rng([SEED, place]))


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
    """Give what the base lends as strangers, as its file embeds: its own fields too, unless their classes are kept."""
    others = {**statistics.strangers, **({"fields of the base": statistics.embeddings} if with_its_own else {})}
    return {name: standardised(statistics, one) for name, one in others.items()}


def standardised(statistics: BaseStatistics, embeddings: Floats) -> Floats:
    """Bring embeddings of the statistics to those that the base's file gives."""
    standard: Floats = ((embeddings - statistics.centre) / statistics.spread).astype(np.float32)
    return standard
