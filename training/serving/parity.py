"""The gate between a trained network and its file: they must say the same, or nothing is shipped."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from inference import Classifier
from training.progress import bar
from training.serving.files import ParityError

Floats = NDArray[np.float32]

MAX_PROBABILITY_DIFFERENCE = 1e-3
"""Of a float file; kernels that add up in another order differ by some 1e-6."""


@dataclass(frozen=True)
class Parity:
    """How far a file is from its network.

    Attributes
    ----------
    images : int
        Compared.
    agreement : float
        Share of images with the same most probable label.
    max_difference : float
        Largest difference of a probability.
    """

    images: int
    agreement: float
    max_difference: float


def compare(served: tf.Module, file: Classifier, images: NDArray[np.uint8]) -> Parity:
    """Run both on the same images.

    Parameters
    ----------
    served : tf.Module
        The graph in TensorFlow.
    file : Classifier
        The converted file, as it is served.
    images : uint8[n, 224, 224, 3]
        Any fields.

    Returns
    -------
    Parity
        What was found.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pairs = pool.map(partial(_ask, served, file), images)
        answers = list(bar(pairs, "Comparing the file with the network", len(images), unit="image"))
    network, converted = (np.stack(side) for side in zip(*answers, strict=True))
    return between(network, converted)


def between(network: Floats, file: Floats) -> Parity:
    """Compare what both have answered to the same images: probabilities, float32[n, 4] each."""
    agreement = float((network.argmax(1) == file.argmax(1)).mean())
    # NumPy's max keeps NaN: what a file without weights answers.
    return Parity(len(network), agreement, float(np.abs(network - file).max()))


def _ask(served: tf.Module, file: Classifier, image: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Give both answers to one image; threads share the cores, since either lets go of Python's lock while it runs."""
    network: Floats = np.asarray(served.serve(tf.constant(image[None]))["probabilities"])[0]
    return network, file.run(image).probabilities


def demand(parity: Parity, path: Path) -> None:
    """Let a float file pass, or refuse it.

    Raises
    ------
    ParityError
        Tells by how much the file is off.
    """
    if parity.agreement < 1.0 or not parity.max_difference <= MAX_PROBABILITY_DIFFERENCE:  # NaN is refused too
        raise ParityError(
            f"{path} is not the network that was trained: on {parity.images} images the label agrees on "
            f"{parity.agreement:.2%} and a probability differs by {parity.max_difference:.2g}, where 100% and at most "
            f"{MAX_PROBABILITY_DIFFERENCE:g} are needed. Nothing was shipped; look at the converter's messages."
        )
