"""What a model lends to whoever builds on it: numbers about its fields, and no field.

``adapt`` puts a new head on the same frozen network. To keep the old classes beside the new ones it needs what the old
head was fitted on, and to tell strangers it needs some; neither may be images, which belong to the laboratory that made
the model. So ``train`` writes one small file beside the model: class means, a covariance, and some hundred embeddings.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import spread
from training.models import out_of_distribution
from training.models.features import Features
from training.models.linear_probe import LinearHead

FILE_NAME = "statistics.npz"
CARD_KEY = "statistics"
"""Of the card's ``training``: names file and sha256, so that a file of another model is refused."""
FIELDS_OF_A_CLASS, FIELDS_OF_STRANGERS, MAGNIFIED = 60, 40, 160
"""Embeddings that are kept: of each class, of each collection of strangers, at other magnifications; some 1.5 MB."""
RANK = 64
"""Directions of the covariance with a variance of their own."""

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


class StatisticsError(ValueError):
    """The file is not there or is not the model's; says what to do."""


@dataclass(frozen=True)
class BaseStatistics:
    """Embeddings are as the network pools them, not standardised.

    Attributes
    ----------
    labels : tuple of str
        Ids of the classes.
    centre, spread : float32[d]
        Mean and deviation by which the model standardises.
    means : float32[classes, d]
        Of each class, standardised.
    directions : float32[d, rank]
        Of the covariance about the class means, standardised.
    variances : float32[rank]
    residual_variance : float
        Along every other direction.
    embeddings : float32[n, d]
        Of some fields of every class, from all of its slides.
    classes : int64[n]
        Theirs, index into ``labels``.
    slides : tuple of str
        Theirs.
    strangers : dict of str to float32[m, d]
        By collection.
    magnified : float32[q, d]
        Of fields at other magnifications.
    doublings : float32[q]
        log2 of these.
    """

    labels: tuple[str, ...]
    centre: Floats
    spread: Floats
    means: Floats
    directions: Floats
    variances: Floats
    residual_variance: float
    embeddings: Floats
    classes: Positions
    slides: tuple[str, ...]
    strangers: dict[str, Floats]
    magnified: Floats
    doublings: Floats

    @property
    def content(self) -> bytes:
        """The file's bytes: arrays alone, which are read without running anything."""
        arrays: dict[str, Any] = {
            "labels": np.array(self.labels),
            "centre": self.centre,
            "spread": self.spread,
            "means": self.means,
            "directions": self.directions.astype(np.float16),
            "variances": self.variances,
            "residual_variance": np.float64(self.residual_variance),
            "embeddings": self._half(self.embeddings),
            "classes": self.classes.astype(np.uint8),
            "slides": np.array(self.slides),
            "magnified": self._half(self.magnified),
            "doublings": self.doublings,
            **{f"strangers/{name}": self._half(ood_set) for name, ood_set in self.strangers.items()},
        }
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    def _half(self, embeddings: Floats) -> NDArray[np.float16]:
        """Standardise and store in two bytes a number."""
        stored: NDArray[np.float16] = np.clip((embeddings - self.centre) / self.spread, -6e4, 6e4).astype(np.float16)
        return stored


def statistics_of(
    features: Features, labels: Positions, slides: Sequence[str], head: LinearHead, names: Sequence[str]
) -> BaseStatistics:
    """Take the statistics of what a head was fitted on.

    Parameters
    ----------
    features : Features
        Of the fields that were learnt from.
    labels : int64[n]
        Theirs.
    slides : sequence of str
        Theirs.
    head : LinearHead
        Standardises.
    names : sequence of str
        Ids of the classes.
    """
    embeddings = features.embeddings
    standard = head.standardise(embeddings)
    rank = min(RANK, len(standard) // 4, standard.shape[1] // 2)
    spectrum = out_of_distribution.fit(standard, labels, rank)
    order = np.lexsort((np.asarray(slides), labels))
    chosen = [order[labels[order] == label] for label in range(len(names))]
    stored = np.concatenate([rows[spread(len(rows), FIELDS_OF_A_CLASS)] for rows in chosen])
    magnified = spread(len(features.magnified), MAGNIFIED)
    return BaseStatistics(
        tuple(names),
        head.centre,
        head.spread,
        spectrum.means,
        spectrum.directions,
        spectrum.variances,
        spectrum.residual_variance,
        embeddings[stored],
        labels[stored],
        tuple(slides[position] for position in stored),
        {name: rows[spread(len(rows), FIELDS_OF_STRANGERS)] for name, rows in features.strangers.items() if len(rows)},
        features.magnified[magnified],
        features.doublings[magnified],
    )


def told(beside: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
    """Give what a card's ``training`` says of the file, where it is among those beside the model."""
    if FILE_NAME not in beside:
        return {}
    return {CARD_KEY: {"file": FILE_NAME, "sha256": hashlib.sha256(beside[FILE_NAME]).hexdigest()}}


def read_statistics(folder: Path, training: dict[str, Any]) -> BaseStatistics:
    """Read the statistics of a model folder.

    Parameters
    ----------
    folder : Path
        Holds ``statistics.npz``.
    training : dict
        The card's, which says what the file must be.

    Raises
    ------
    StatisticsError
        It is missing, damaged or another model's.
    """
    path, expected = folder / FILE_NAME, training.get(CARD_KEY)
    again = "train the base again with `python -m training train`, or take one that has it"
    if not isinstance(expected, dict) or not path.is_file():
        raise StatisticsError(f"{folder} has no {FILE_NAME} of its classes: {again}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected.get("sha256"):
        raise StatisticsError(f"{path} is not the file that the model's card names: restore it, or {again}")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        centre, scale = stored["centre"], stored["spread"]

        def whole(name: str) -> Floats:
            return np.asarray(stored[name].astype(np.float32) * scale + centre, np.float32)

        return BaseStatistics(
            tuple(map(str, stored["labels"])),
            centre,
            scale,
            stored["means"],
            stored["directions"].astype(np.float32),
            stored["variances"],
            float(stored["residual_variance"]),
            whole("embeddings"),
            stored["classes"].astype(np.int64),
            tuple(map(str, stored["slides"])),
            {name.partition("/")[2]: whole(name) for name in stored.files if name.startswith("strangers/")},
            whole("magnified"),
            stored["doublings"],
        )
