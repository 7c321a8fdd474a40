"""What is asked before anything is trained: whatever can refuse a model afterwards refuses it here, in seconds."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from training.data.labels import DataError
from training.data.ood_sets import pictures_in
from training.models.recipes import LinearProbe, Recipe

FREE_BYTES = 500_000_000
"""Of a disk that a run begins on: VGG16's checkpoint, graph and file come to 300 MB."""
BYTES_OF_A_WEIGHT = 4
LEAST_CLASSES = 2
"""How many there are is known when the fields are read; each is some thousand weights of millions."""


def demand_all(
    recipe: Recipe, output: Path, work: Path, external: Sequence[Path], outliers: Sequence[Path] | None
) -> None:
    """Refuse a run that could not end with a model.

    Parameters
    ----------
    recipe
        Only a linear head learns from ``outliers``.
    output, work
        Folders that will be written.
    external, outliers
        Folders of fields of no class.

    Raises
    ------
    DataError, ValueError
        The first that fails; says what to do. Nothing was written.
    """
    if outliers and not isinstance(recipe, LinearProbe):
        raise ValueError(f"--outliers: only a linear head learns from them, and this is {recipe.title}; leave them out")
    for option, folders in (("--external", external), ("--outliers", outliers or ())):
        for folder in folders:
            _demand_images(option, folder)
    for folder in (output, work):
        _demand_writable(folder)


def demand_fits(backbone: str, max_bytes: int | None, output: Path) -> None:
    """Refuse a network whose file would be larger than what an image should carry.

    Raises
    ------
    ValueError
        It would; says where such a model can go.
    """
    if max_bytes is None:
        return
    from training.models import classifier  # TensorFlow, which takes seconds

    size = classifier.build(backbone, LEAST_CLASSES, imagenet=False).count_params() * BYTES_OF_A_WEIGHT
    if size > max_bytes:
        raise ValueError(
            f"--backbone {backbone}: its file has some {size / 1e6:.0f} MB, and {output}, which is shipped in every "
            f"image, may have {max_bytes / 1e6:.0f} MB: name another folder by --output, such as runs/{backbone}"
        )


def _demand_images(option: str, folder: Path) -> None:
    if not folder.is_dir():
        raise DataError(f"{option} {folder}: there is no such folder")
    if not pictures_in(folder):
        raise DataError(f"{option} {folder}: it holds no image, at any depth; name a folder of smears")


def _demand_writable(folder: Path) -> None:
    """Refuse a folder that is a file, or lies where nothing can be written, or on a disk that is full."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise ValueError(f"{folder}: {existing} is a file; name a folder")
    try:
        tempfile.TemporaryFile(dir=existing).close()  # a right on paper may be none in a file system that is read only
    except OSError as error:
        raise ValueError(f"{folder}: nothing can be written there ({os.strerror(error.errno or 0)})") from error
    free = shutil.disk_usage(existing).free
    if free < FREE_BYTES:
        raise ValueError(
            f"{folder}: {free / 1e6:.0f} MB are free there, and a run needs {FREE_BYTES / 1e6:.0f} MB: make room, or "
            "name another folder by --output and --work"
        )
