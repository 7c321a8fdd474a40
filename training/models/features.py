"""What a frozen network makes of fields and of varied copies of them: all that a linear head is fitted on."""

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from training.data.corruptions import vary
from training.data.dataset import Fields
from training.embedding_file import embed_by_file
from training.models.linear_probe import stain_density
from training.progress import bar

COPIES = 2
"""Of each field, varied: of blur, compression, light and stain (``training.data.corruptions``)."""

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


def features_of(network: keras.Model, fields: Fields, seed: int) -> Features:
    """Run an untrained classifier's backbone on fields and on varied copies of them.

    Parameters
    ----------
    network : keras.Model
        Of ``classifier.build``.
    fields : Fields
        The i-th of the same number of fields is varied alike by the same seed.
    seed : int
        Of the variations.
    """
    random = np.random.default_rng(seed)
    copies = [
        np.stack([vary(image, random) for image in bar(fields.images, f"Varying, {copy} of {COPIES}", len(fields))])
        for copy in range(1, COPIES + 1)
    ]
    embeddings, *varied = embed_by_file(network, [fields.images, *copies])
    return Features(embeddings, np.stack(varied), stain_density(fields.images))
