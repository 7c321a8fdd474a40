"""Labelled smear fields on disk to arrays, through the very decode and resize that serve a request."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference import ClassSpec, ImageError, read_image, to_model_input
from training.data.classes import labels_of
from training.data.labels import INPUT_SIDE_PX, DataError, acquisition_of
from training.data.source import Listing, Source, SourceImage
from training.progress import bar

FOLDER_HELP = "labelled images, one folder a class; classes.toml and groups.csv may lie there (docs/your-laboratory.md)"


@dataclass(frozen=True)
class Fields:
    """Labelled fields, sorted by label and then by acquisition number.

    Attributes
    ----------
    images : uint8[n, 224, 224, 3]
        RGB, as the model takes them.
    labels : int64[n]
        Index into ``classes``.
    numbers : int64[n]
        The order of acquisition within the class, so that neighbours come from the same slide: the file's number, or
        the place by name in a class of which a file has none.
    paths : tuple of Path
        Where each image came from.
    classes : tuple of ClassSpec
        Of the labels; empty where only numbers are asked for.
    keys : tuple of str
        Each field's key in the manifest, ``<label>/<file name>``, or ``<label>/<group>/<file name>``.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    numbers: NDArray[np.int64]
    paths: tuple[Path, ...]
    classes: tuple[ClassSpec, ...] = ()
    keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Name fields by where they lie, where nobody has."""
        if not self.keys:
            object.__setattr__(self, "keys", tuple(f"{path.parent.name}/{path.name}" for path in self.paths))

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def label_ids(self) -> tuple[str, ...]:
        """Ids of the classes."""
        return labels_of(self.classes)

    @property
    def class_count(self) -> int:
        """How many classes there are."""
        return len(self.classes) or int(self.labels.max()) + 1

    @property
    def counts(self) -> dict[str, int]:
        """How many fields each class has, by its id."""
        return {label: int((self.labels == number).sum()) for number, label in enumerate(self.label_ids)}

    def take(self, positions: NDArray[np.int64]) -> "Fields":
        """Take some of the fields, by position."""
        return Fields(
            self.images[positions],
            self.labels[positions],
            self.numbers[positions],
            tuple(self.paths[i] for i in positions),
            self.classes,
            tuple(self.keys[i] for i in positions),
        )


def spread(total: int, most: int) -> NDArray[np.int64]:
    """Choose positions out of so many, at even distances from the first to the last: all where there are no more."""
    return np.linspace(0, total - 1, min(most, total)).astype(np.int64)


def list_fields(folder: Path) -> Listing:
    """List the images of a folder, sorted by class and acquisition number.

    Parameters
    ----------
    folder : Path
        Holds one folder a class.

    Raises
    ------
    DataError
        Something is no class or cannot be one, or there is a single class; lists it all.
    """
    if folder.is_file():
        raise DataError(f"{folder} is a file: unpack it (python -m zipfile -e {folder} fields), and give that folder")
    with Source(folder) as source:
        listing = source.listing()
    if listing.problems:
        raise DataError("\n".join([f"{folder} cannot be used:", *listing.problems]))
    if len(listing.classes) < 2:
        raise DataError(
            f"{folder} holds one class, {listing.classes[0].id}: a model tells at least two apart; give each a folder"
        )
    order = {label: number for number, label in enumerate(labels_of(listing.classes))}
    listing.images.sort(key=lambda image: (order[image.label], *_order(image)))
    return listing


def _order(image: SourceImage) -> tuple[bool, int, str]:
    number = acquisition_of(image.key)
    return (number is None, number or 0, image.key)


def read_field(path: Path) -> NDArray[np.uint8]:
    """Read one image as the model takes it.

    Returns
    -------
    uint8[224, 224, 3]
        RGB.

    Raises
    ------
    DataError
        The file is not a readable image; names it.
    """
    try:
        return to_model_input(read_image(path.read_bytes()).pixels, INPUT_SIDE_PX, INPUT_SIDE_PX)
    except (OSError, ImageError) as error:
        raise DataError(f"{path}: {error}") from error


def read_images(paths: list[Path], progress: str | None = None) -> NDArray[np.uint8]:
    """Read many images, in order.

    Parameters
    ----------
    paths : list of Path
        The files.
    progress : str, optional
        Label of a progress bar; none is shown without.

    Returns
    -------
    uint8[n, 224, 224, 3]
        150 kB an image: the whole public set of 3,256 takes half a gigabyte.
    """
    images = np.empty((len(paths), INPUT_SIDE_PX, INPUT_SIDE_PX, 3), np.uint8)
    with ThreadPoolExecutor() as pool:
        read = bar(pool.map(read_field, paths), progress or "", len(paths), shown=progress is not None, unit="image")
        for position, image in enumerate(read):
            images[position] = image
    return images


def load_fields(folder: Path) -> Fields:
    """Read a folder of labelled fields whole.

    Raises
    ------
    DataError
        As for ``list_fields``, or an image is unreadable.
    """
    listing = list_fields(folder)
    paths = [folder / image.path for image in listing.images]
    ids = labels_of(listing.classes)
    labels = np.array([ids.index(image.label) for image in listing.images])
    keys = tuple(image.key for image in listing.images)
    return Fields(
        read_images(paths, "Reading images"), labels, numbers_of(keys, labels), tuple(paths), listing.classes, keys
    )


def numbers_of(keys: Sequence[str], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each field's number, or in a class where a file has none, its place: int64[n]."""
    acquisitions = [acquisition_of(key) for key in keys]
    numbers = np.array([-1 if number is None else number for number in acquisitions])
    for label in np.unique(labels):
        positions = np.flatnonzero(labels == label)
        if (numbers[positions] < 0).any():
            numbers[positions] = np.arange(len(positions))
    return numbers
