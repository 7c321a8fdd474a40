"""Where labelled images come from: a folder or a zip archive, laid out as the public set is or more simply."""

import lzma
import os
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from inference import ClassSpec
from inference.classes import MAX_CLASSES
from intake import SUFFIXES
from training.data.classes import (
    CLASSES_NAME,
    ClassesError,
    class_called,
    class_of_folder,
    parse_classes,
    public_classes_among,
)
from training.data.labels import GROUPS_NAME, DataError
from training.data.manifest import MANIFEST_NAME

# The public set ships each field twice: as photographed, and with everything but the stained cells blacked out.
# The second is a processed copy, so it never counts as images.
SEGMENTED = "segmented"
WRAPPERS = {"all_smears", "Original"}
"""Folders that copies of the public set put around all classes."""
BESIDE = {CLASSES_NAME, GROUPS_NAME, MANIFEST_NAME}
"""Files of a set that are no images, and read elsewhere."""
# What Python's zipfile lets through of a member that is damaged, encrypted or packed in a way that it does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, RuntimeError, NotImplementedError, EOFError)
MAX_FILE_BYTES = 512 * 2**20  # no field is near it; an archive can claim anything


@dataclass(frozen=True)
class SourceImage:
    """One image to be taken in: where it is, the key that it gets, and the folder within its class, if any."""

    path: str
    key: str
    label: str
    group: str | None = None


@dataclass
class Listing:
    """What a source holds, what is wrong with it, and what was left aside; classes are those with an image."""

    classes: tuple[ClassSpec, ...] = ()
    images: list[SourceImage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Source:
    """A folder or zip archive of labelled images, open for reading by many threads.

    Parameters
    ----------
    location
        A folder, or a zip file such as Kaggle gives; class folders may lie at any depth (``Original/<class>/...``).

    Raises
    ------
    DataError
        There is no such folder, or the file is not a zip archive.
    """

    def __init__(self, location: Path) -> None:
        self.location = location
        self._archive: zipfile.ZipFile | None = None
        if not location.exists():
            raise DataError(f"there is no {location}: give a folder or a zip file")
        if location.is_file():
            try:
                self._archive = zipfile.ZipFile(location)
            except zipfile.BadZipFile as error:
                raise DataError(f"{location} is not a zip archive, or was cut short: download it again") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._archive:
            self._archive.close()

    def listing(self) -> Listing:
        """List the images by class folder.

        Raises
        ------
        DataError
            A ``classes.toml`` is there that lists no classes.
        """
        try:
            names = self._names()
            content = self.beside(CLASSES_NAME)
            own_classes = None if content is None else parse_classes(content, self.location / CLASSES_NAME)
        except (ClassesError, *_DAMAGED) as error:
            raise DataError(str(error)) from error
        return arrange(names, own_classes)

    def _names(self) -> list[str]:
        if self._archive:
            return [info.filename for info in self._archive.infolist() if not info.is_dir()]
        return [path.relative_to(self.location).as_posix() for path in _files(self.location)]

    def folder_around(self, *beside: str) -> str | None:
        """Name the folder that holds the classes, where it is not the source itself: what lies beside them tells it."""
        places = [PurePosixPath(name).parent for name in self._names() if PurePosixPath(name).name in beside]
        return None if not places or PurePosixPath() in places else str(places[0])

    def beside(self, name: str) -> bytes | None:
        """Read a file that lies beside the class folders, such as ``groups.csv``; None where there is none.

        Raises
        ------
        DataError
            It cannot be read.
        """
        try:
            if self._archive:
                return self._archive.read(name) if name in self._archive.namelist() else None
            path = self.location / name
            return path.read_bytes() if path.is_file() else None
        except _DAMAGED as error:
            raise DataError(f"{name} in {self.location} cannot be read: {error}") from error

    def read(self, image: SourceImage) -> bytes:
        """Read the bytes of one image.

        Raises
        ------
        OSError
            It cannot be read; also for a damaged or encrypted member of an archive.
        """
        if self._archive is None:
            return (self.location / image.path).read_bytes()
        if self._archive.getinfo(image.path).file_size > MAX_FILE_BYTES:
            raise OSError(f"the archive claims more than {MAX_FILE_BYTES // 2**20} MiB for it")
        try:
            return self._archive.read(image.path)
        except _DAMAGED as error:
            raise OSError(f"the archive is damaged, encrypted or unreadable here: {error}") from error


def _files(root: Path) -> Iterator[Path]:
    """Walk a folder, also through links to folders: a class may lie on another disk."""
    seen = set()
    for folder, inner, names in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:  # a link leads back
            inner.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield from (Path(folder, name) for name in names)


def arrange(names: Iterable[str], own_classes: tuple[ClassSpec, ...] | None = None) -> Listing:
    """Sort file names into classes by the folders that each lies in.

    Parameters
    ----------
    names
        POSIX paths under the source.
    own_classes
        Of its ``classes.toml``. Without, a folder that uses the public set's names is a copy of it, whose class folders
        may lie at any depth; of any other, each folder at the top is a class.

    Returns
    -------
    Listing
        ``problems`` names every folder that is no class, every name that cannot be an object's everywhere, and every
        key that two files claim, with examples.
    """
    listing, by_key = Listing(), dict[str, list[str]]()
    unknown_folders, segmented, other_files, unfit_names = dict[str, list[str]](), list[str](), list[str](), list[str]()
    images: list[PurePosixPath] = []
    for name in sorted(names):
        path = PurePosixPath(name)
        if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            continue
        if path.suffix.lower() not in SUFFIXES:
            other_files += [name] if name not in BESIDE else []
        elif any(part.casefold() == SEGMENTED for part in path.parts[:-1]):
            segmented.append(name)
        else:
            images.append(path)
    classes, class_problems = _classes_of(images, own_classes)
    for path in images:
        label, inner = _label_and_folders(path, classes)
        if label is None:
            unknown_folders.setdefault(str(path.parent), []).append(str(path))
        elif not _can_be_stored(str(path)):
            unfit_names.append(str(path))
        else:
            key = "/".join((label, *inner, path.name))
            by_key.setdefault(key, []).append(str(path))
            listing.images.append(SourceImage(str(path), key, label, inner[0] if inner else None))
    labels = {image.label for image in listing.images}
    listing.classes = tuple(spec for spec in classes if spec.id in labels)
    absent_labels = [spec.id for spec in own_classes or () if spec.id not in labels]
    listing.problems = [
        *class_problems,
        *(_folder_problems(unknown_folders, [spec.id for spec in classes]) if not class_problems else ()),
        *(
            f"{CLASSES_NAME} names {label}, and no folder of that name or alias holds an image: add it or strike it out"
            for label in absent_labels
        ),
        *_name_problems(unfit_names, by_key),
    ]
    if not (listing.images or listing.problems):
        listing.problems.append("no image in a class folder: give a folder that holds one folder a class")
    _add_note(listing, segmented, "left aside as segmented copies")
    _add_note(listing, other_files, "left aside, not named as images")
    return listing


def _classes_of(
    images: Sequence[PurePosixPath], own_classes: tuple[ClassSpec, ...] | None
) -> tuple[tuple[ClassSpec, ...], list[str]]:
    """Find the classes of images, and what forbids their folders' names to be some."""
    if own_classes is not None:
        return own_classes, []
    if public := public_classes_among({part for path in images for part in path.parts[:-1]} - WRAPPERS):
        return public, []
    class_by_id: dict[str, ClassSpec] = {}
    problems = []
    for name in sorted({parts[0] for path in images if (parts := _below_wrapper(path))}):
        try:
            spec = class_of_folder(name)
        except ClassesError as error:
            problems.append(str(error))
            continue
        if spec.id.casefold() in class_by_id:
            problems.append(
                f"the folders {class_by_id[spec.id.casefold()].name!a} and {name!a} would be one label: rename one"
            )
        class_by_id[spec.id.casefold()] = spec
    if len(class_by_id) > MAX_CLASSES:
        problems.append(
            f"{len(class_by_id)} class folders, where a model tells at most {MAX_CLASSES} apart: put some together"
        )
    return tuple(class_by_id.values()), problems


def _label_and_folders(path: PurePosixPath, classes: Sequence[ClassSpec]) -> tuple[str | None, tuple[str, ...]]:
    """Give the label of an image, by the innermost folder that is a class, and the folders within that."""
    for depth in range(len(path.parts) - 2, -1, -1):
        if spec := class_called(tuple(classes), path.parts[depth]):
            return spec.id, path.parts[depth + 1 : -1]
    return None, ()


def _below_wrapper(path: PurePosixPath) -> tuple[str, ...]:
    """Give the folders of an image without those that copies of the public set put around all."""
    folders = path.parts[:-1]
    return folders[1:] if folders and folders[0] in WRAPPERS else folders


def _folder_problems(unknown_folders: Mapping[str, list[str]], labels: Sequence[str]) -> list[str]:
    return [
        f"{_count(files)} in {folder!r}, which is no class folder ({', '.join(labels)}): {_examples(files)}"
        for folder, files in unknown_folders.items()
    ]


def _name_problems(unfit_names: list[str], by_key: Mapping[str, list[str]]) -> list[str]:
    clashes = [
        f"more than one file would be stored as {key}: {', '.join(files)}"
        for key, files in by_key.items()
        if len(files) > 1
    ]
    advice = "a name with a backslash, a control character or bytes that are no UTF-8: rename the file"
    return [f"{name!a}: {advice}" for name in unfit_names] + clashes


def _can_be_stored(name: str) -> bool:
    """Tell whether S3, and every machine that pulls from it, can have a file of this name."""
    # Cs: what stands in Python for bytes that are no UTF-8.
    return "\\" not in name and not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


def _add_note(listing: Listing, files: list[str], reason: str) -> None:
    if files:
        listing.notes.append(f"{_count(files, 'file')} {reason}: {_examples(files)}")


def _count(files: list[str], noun: str = "image") -> str:
    return f"{len(files)} {noun}{'' if len(files) == 1 else 's'}"


def _examples(files: list[str], most: int = 3) -> str:
    return ", ".join(files[:most]) + (", ..." if len(files) > most else "")
