"""The ways of keeping fields apart, by name, as positions of fields."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Fields
from training.data.manifest import Manifest
from training.data.splits import Fold, contiguous_folds, random_folds, slide_folds
from training.holdout import contiguous_holdout, group_numbers
from training.slide_map import slides_of

HOLDOUT = "holdout"
FOLDED = ("contiguous", "random", "slides")
PROTOCOLS = (HOLDOUT, *FOLDED)


@dataclass(frozen=True)
class Parts:
    """One division of the fields.

    Attributes
    ----------
    name
        Such as ``contiguous-1``.
    train, test : int64[...]
        Positions of fields; disjoint.
    choice : int64[...] or None
        By which recipes may be compared; the test then tells what the chosen one is worth. Only of the holdout.
    """

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    choice: NDArray[np.int64] | None = None


def positions(fields: Fields, keys: Iterable[str]) -> NDArray[np.int64]:
    """Find fields by their keys: increasing positions."""
    place = {key: position for position, key in enumerate(fields.keys)}
    return np.array(sorted(place[key] for key in keys), np.int64)


def folds_of(protocol: str, data: Path, manifest: Manifest) -> list[Fold]:
    """Give the folds of a protocol.

    Parameters
    ----------
    protocol
        One of ``FOLDED``.
    data
        Folder of the fields, from which slides are inferred.
    manifest
        Of that folder.

    Raises
    ------
    DataError
        The fields are too few for it.
    """
    makers: dict[str, Callable[[], list[Fold]]] = {
        "random": lambda: random_folds(manifest.records),
        "contiguous": lambda: contiguous_folds(manifest.records),
        "slides": lambda: slide_folds(manifest.records, slides_of(data, manifest)),
    }
    return makers[protocol]()


def parts_of(protocol: str, data: Path, manifest: Manifest, fields: Fields) -> list[Parts]:
    """Give the divisions of a protocol, ``holdout`` among them, as positions.

    Raises
    ------
    DataError, ValueError
        The fields are too few for it.
    """
    if protocol == HOLDOUT:
        held = contiguous_holdout(fields.labels, fields.numbers, group_numbers(fields, manifest))
        return [Parts(HOLDOUT, held.train, held.test, held.calibration)]
    return [
        Parts(fold.name, positions(fields, fold.train), positions(fields, fold.test))
        for fold in folds_of(protocol, data, manifest)
    ]
