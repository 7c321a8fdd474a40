"""Labelled smear fields on disk to arrays, through the very decode and resize that serve a request."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference import ImageError, read_image, to_model_input
from training.data.labels import INPUT_SIDE_PX, LABELS, SUFFIXES, DataError, acquisition_of
from training.progress import bar


@dataclass(frozen=True)
class Fields:
    """Labelled fields, sorted by label and then by acquisition number.

    Attributes
    ----------
    images : uint8[n, 224, 224, 3]
        RGB, as the model takes them.
    labels : int64[n]
        Index into ``LABELS``.
    numbers : int64[n]
        The file's number: the order of acquisition within its class, so that neighbours come from the same slide.
    paths : tuple of Path
        Where each image came from.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    numbers: NDArray[np.int64]
    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, which: NDArray[np.int64]) -> "Fields":
        """Take some of the fields, by position."""
        return Fields(self.images[which], self.labels[which], self.numbers[which], tuple(self.paths[i] for i in which))

    @property
    def keys(self) -> list[str]:
        """Each field's key in the manifest, ``<Label>/<file name>``."""
        return [f"{path.parent.name}/{path.name}" for path in self.paths]


def spread(total: int, most: int) -> NDArray[np.int64]:
    """Choose positions out of so many, at even distances from the first to the last: all where there are no more."""
    return np.linspace(0, total - 1, min(most, total)).astype(np.int64)


def acquisition_number(path: Path) -> int:
    """Give the number of a field that must have one.

    Raises
    ------
    DataError
        The name holds no number, so that nobody can tell which fields are neighbours on a slide.
    """
    number = acquisition_of(path.name)
    if number is None:
        raise DataError(f"{path} has no number in its name: fields are numbered in order of acquisition")
    return number


def list_fields(folder: Path) -> list[tuple[Path, int]]:
    """List the images of a folder with one subfolder a label, sorted by label and acquisition number.

    Parameters
    ----------
    folder : Path
        Holds ``Benign``, ``Early``, ``Pre`` and ``Pro``, itself or in its subfolder ``all_smears`` or ``Original``.

    Returns
    -------
    list of (Path, int)
        Every image and its index into ``LABELS``.

    Raises
    ------
    DataError
        A class folder is missing or empty.
    """
    for inner in ("all_smears", "Original"):
        if (folder / inner).is_dir():
            folder = folder / inner
    listed = []
    for index, label in enumerate(LABELS):
        paths = [p for p in (folder / label).glob("*") if p.suffix.lower() in SUFFIXES]
        if not paths:
            raise DataError(
                f"{folder / label} holds no image: give a folder that holds {', '.join(LABELS)}, each with its fields"
            )
        listed += [(path, index) for path in sorted(paths, key=lambda p: (acquisition_number(p), p.name))]
    return listed


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
        A class folder is missing or empty, or an image is unreadable or unnumbered.
    """
    listed = list_fields(folder)
    paths = [path for path, _ in listed]
    images = read_images(paths, "Reading images")
    numbers = np.array([acquisition_number(path) for path in paths])
    return Fields(images, np.array([index for _, index in listed]), numbers, tuple(paths))
