"""The ways of keeping fields apart, by name, as positions of fields.

One development split: whole groups where somebody told them, else contiguous runs of acquisition numbers, kept apart by
gaps.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Fields, list_fields
from training.data.group_folds import grouped_parts
from training.data.groups import read_groups
from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.slides import slides_of
from training.data.splits import Fold, contiguous_folds, random_folds, slide_folds

GAP = 0.03
"""Share of a class left out on each side of a run: neighbouring numbers show the same part of a slide."""
TEST_RUN = (0.45, 0.55)
CALIBRATION_RUN = (0.80, 0.90)
GROUP_PARTS = 8
"""Into which told groups are dealt; one is the test, another one for calibration."""


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
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order = members[np.argsort(numbers[members], kind="stable")]
        position[order] = (np.arange(len(order)) + 0.5) / len(order)
    test = _within(position, TEST_RUN)
    calibration = _within(position, CALIBRATION_RUN) & ~np.isin(groups, groups[test])
    train = ~_within(position, TEST_RUN, GAP) & ~_within(position, CALIBRATION_RUN, GAP)
    train &= ~np.isin(groups, groups[test | calibration])
    parts = {"test": test, "calibration": calibration, "train": train}
    for name, part in parts.items():
        if missing := set(np.unique(labels)) - set(np.unique(labels[part])):
            raise ValueError(f"classes {sorted(map(int, missing))} have no field for {name}: give at least 10 a class")
    return Holdout(**{name: np.flatnonzero(part) for name, part in parts.items()})


def with_groups(manifest: Manifest, data: Path, pattern: str | None = None) -> Manifest:
    """Put the groups that somebody told into a manifest.

    Parameters
    ----------
    manifest, data
        Of a folder of labelled fields, and the folder.
    pattern : str, optional
        Of file names, whose first group names what belongs together.

    Raises
    ------
    DataError
        What was told does not fit the files; says what to do.
    """
    groups = read_groups(data, list_fields(data), pattern)
    # Of a single group nothing can be left out: then slides are inferred, as where nobody told.
    return replace(manifest, groups=groups.names if groups and groups.apart else None)


def group_names(data: Path, manifest: Manifest) -> Mapping[str, str]:
    """Give the group of every image by key: as told, or else its inferred slide."""
    return slides_of(data, manifest) if manifest.groups is None else manifest.groups


def grouped_holdout(labels: NDArray[np.int64], groups: Sequence[str]) -> Holdout:
    """Hold out whole groups for the test, and others for calibration.

    Parameters
    ----------
    labels : int64[n]
        Class of each field.
    groups : sequence of str
        Its patient, slide or specimen.

    Raises
    ------
    DataError
        A class has too few groups for every part to learn from and to ask about it.
    """
    parts = [left_out for _, left_out in grouped_parts(labels, groups, GROUP_PARTS)]
    # Parts with most classes first: a class that is not tested is not told of.
    test, calibration, *rest = sorted(parts, key=lambda part: -len(np.unique(labels[part])))
    if not rest or len(np.unique(labels[train := np.sort(np.concatenate(rest))])) < len(np.unique(labels)):
        raise DataError("a class lies in fewer than three groups: add images of another patient, slide or specimen")
    return Holdout(train, np.sort(calibration), np.sort(test))


def holdout_of(fields: Fields, manifest: Manifest) -> Holdout:
    """Hold out told groups whole, or else runs of acquisition numbers.

    Raises
    ------
    DataError, ValueError
        The fields are too few for it.
    """
    if manifest.groups is not None:
        return grouped_holdout(fields.labels, [manifest.groups[key] for key in fields.keys])
    return contiguous_holdout(fields.labels, fields.numbers, group_numbers(fields, manifest))


def group_numbers(fields: Fields, manifest: Manifest) -> NDArray[np.int64]:
    """Give each field the number of its duplicate group in the manifest, or one of its own: int64[n]."""
    group_of = {record.key: record.duplicate_group or record.key for record in manifest.records}
    names = [group_of[key] for key in fields.keys]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _within(position: NDArray[np.float64], run: tuple[float, float], gap: float = 0.0) -> NDArray[np.bool_]:
    return (position >= run[0] - gap) & (position < run[1] + gap)


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
    position_of = {key: position for position, key in enumerate(fields.keys)}
    return np.array(sorted(position_of[key] for key in keys), np.int64)


def folds_of(protocol: str, data: Path, manifest: Manifest) -> list[Fold]:
    """Give the folds of a protocol.

    Parameters
    ----------
    protocol
        One of ``FOLDED``.
    data
        Folder of the fields, from which slides are inferred where nobody told groups.
    manifest
        Of that folder.

    Raises
    ------
    DataError
        The fields are too few for it.
    """
    told = manifest.groups is not None
    makers: dict[str, Callable[[], list[Fold]]] = {
        "random": lambda: random_folds(manifest.records),
        "contiguous": lambda: contiguous_folds(manifest.records),
        "slides": lambda: slide_folds(manifest.records, group_names(data, manifest), told=told),
    }
    return makers[protocol]()


def usable_protocols(manifest: Manifest) -> tuple[str, ...]:
    """Name the protocols of folds that can be used: runs of numbers need a number in every file's name."""
    numbered = all(record.acquisition is not None for record in manifest.records)
    return tuple(protocol for protocol in FOLDED if numbered or protocol != "contiguous")


def parts_of(protocol: str, data: Path, manifest: Manifest, fields: Fields) -> list[Parts]:
    """Give the divisions of a protocol, ``holdout`` among them, as positions.

    Raises
    ------
    DataError, ValueError
        The fields are too few for it.
    """
    if protocol == HOLDOUT:
        holdout = holdout_of(fields, manifest)
        return [Parts(HOLDOUT, holdout.train, holdout.test, holdout.calibration)]
    return [
        Parts(fold.name, positions(fields, fold.train), positions(fields, fold.test))
        for fold in folds_of(protocol, data, manifest)
    ]
