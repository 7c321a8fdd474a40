"""The ways of keeping fields apart, by name, as positions of fields.

One development split: contiguous runs of acquisition numbers, kept apart by gaps.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Fields
from training.data.manifest import Manifest
from training.data.slides import slides_of
from training.data.splits import Fold, contiguous_folds, random_folds, slide_folds

GAP = 0.03
"""Share of a class left out on each side of a run: neighbouring numbers show the same part of a slide."""
TEST_RUN = (0.45, 0.55)
CALIBRATION_RUN = (0.80, 0.90)


@dataclass(frozen=True)
class Holdout:
    """Positions of the fields of each part; those in the gaps are in none.

    Attributes
    ----------
    train, calibration, test : int64[...]
        Increasing and disjoint.
    """

    train: NDArray[np.int64]
    calibration: NDArray[np.int64]
    test: NDArray[np.int64]


def contiguous_holdout(labels: NDArray[np.int64], numbers: NDArray[np.int64], groups: NDArray[np.int64]) -> Holdout:
    """Hold out one contiguous run of every class for calibration and one for the test.

    Parameters
    ----------
    labels : int64[n]
        Class of each field.
    numbers : int64[n]
        Its acquisition number within the class.
    groups : int64[n]
        Near-duplicates, and fields that share cells, have the same number. A group with a field in the test is left
        out of the other parts, one with a field in calibration out of training, however far apart their numbers are.

    Returns
    -------
    Holdout
        Runs as shares of each class, in order of acquisition.

    Raises
    ------
    ValueError
        A class has too few fields for every part to have one.
    """
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order = members[np.argsort(numbers[members], kind="stable")]
        place[order] = (np.arange(len(order)) + 0.5) / len(order)
    test = _within(place, TEST_RUN)
    calibration = _within(place, CALIBRATION_RUN) & ~np.isin(groups, groups[test])
    train = ~_within(place, TEST_RUN, GAP) & ~_within(place, CALIBRATION_RUN, GAP)
    train &= ~np.isin(groups, groups[test | calibration])
    parts = {"test": test, "calibration": calibration, "train": train}
    for name, part in parts.items():
        if missing := set(np.unique(labels)) - set(np.unique(labels[part])):
            raise ValueError(f"classes {sorted(map(int, missing))} have no field for {name}: give at least 10 a class")
    return Holdout(**{name: np.flatnonzero(part) for name, part in parts.items()})


def group_numbers(fields: Fields, manifest: Manifest) -> NDArray[np.int64]:
    """Give each field the number of its duplicate group in the manifest, or one of its own: int64[n]."""
    group_of = {record.key: record.duplicate_group or record.key for record in manifest.records}
    names = [group_of[key] for key in fields.keys]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _within(place: NDArray[np.float64], run: tuple[float, float], gap: float = 0.0) -> NDArray[np.bool_]:
    return (place >= run[0] - gap) & (place < run[1] + gap)


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
