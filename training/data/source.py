"""Where labelled images come from: a folder or a zip archive, laid out as the public set is or more simply."""

import lzma
import os
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from training.data.labels import LABELS, SUFFIXES, DataError

# The public set ships each field twice: as photographed, and with everything but the stained cells blacked out.
# The second is a processed copy, so it never counts as images.
SEGMENTED = "segmented"
# What Python's zipfile lets through of a member that is damaged, encrypted or packed in a way that it does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, RuntimeError, NotImplementedError, EOFError)
MAX_FILE_BYTES = 512 * 2**20  # no field is near it; an archive can claim anything


@dataclass(frozen=True)
class SourceImage:
    """One image to be taken in: where it is, and the key that it gets."""

    path: str
    key: str
    label: str


@dataclass
class Listing:
    """What a source holds, what is wrong with it, and what was left aside."""

    images: list[SourceImage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Source:
    """A folder or zip archive of labelled images, open for reading by many threads.

    Parameters
    ----------
    location
        A folder, or a zip file such as Kaggle gives; class folders may lie at any depth (``Original/Pre/...``).

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
        """List the images by class folder."""
        if self._archive:
            return arrange(info.filename for info in self._archive.infolist() if not info.is_dir())
        return arrange(path.relative_to(self.location).as_posix() for path in _files(self.location))

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


def arrange(names: Iterable[str]) -> Listing:
    """Sort file names into classes by the folder that each lies in.

    Parameters
    ----------
    names
        POSIX paths under the source.

    Returns
    -------
    Listing
        ``problems`` names every folder that is no class, every name that cannot be an object's everywhere, and every
        key that two files claim, with examples.
    """
    listing, by_key = Listing(), dict[str, list[str]]()
    strangers, segmented, others, unfit = dict[str, list[str]](), list[str](), list[str](), list[str]()
    labels = {label.casefold(): label for label in LABELS}
    for name in sorted(names):
        path = PurePosixPath(name)
        if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            continue
        if path.suffix.lower() not in SUFFIXES:
            others.append(name)
        elif any(part.casefold() == SEGMENTED for part in path.parts[:-1]):
            segmented.append(name)
        elif (label := labels.get(path.parent.name.casefold())) is None:
            strangers.setdefault(str(path.parent), []).append(name)
        elif not _can_be_stored(path.name):
            unfit.append(name)
        else:
            by_key.setdefault(f"{label}/{path.name}", []).append(name)
            listing.images.append(SourceImage(name, f"{label}/{path.name}", label))
    listing.problems = [*_of_folders(strangers), *_of_names(unfit, by_key)]
    if not (listing.images or listing.problems):
        listing.problems.append(f"no image in a folder named {', '.join(LABELS)}")
    _note(listing, segmented, "left aside as segmented copies")
    _note(listing, others, "left aside, not named as images")
    return listing


def _of_folders(strangers: Mapping[str, list[str]]) -> list[str]:
    return [
        f"{_count(files)} in {folder!r}, which is no class folder ({', '.join(LABELS)}): {_examples(files)}"
        for folder, files in strangers.items()
    ]


def _of_names(unfit: list[str], by_key: Mapping[str, list[str]]) -> list[str]:
    twice = [
        f"more than one file would be stored as {key}: {', '.join(files)}"
        for key, files in by_key.items()
        if len(files) > 1
    ]
    why = "a name with a backslash, a control character or bytes that are no UTF-8: rename the file"
    return [f"{name!a}: {why}" for name in unfit] + twice


def _can_be_stored(name: str) -> bool:
    """Tell whether S3, and every machine that pulls from it, can have a file of this name."""
    # Cs: what stands in Python for bytes that are no UTF-8.
    return "\\" not in name and not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


def _note(listing: Listing, files: list[str], what: str) -> None:
    if files:
        listing.notes.append(f"{_count(files, 'file')} {what}: {_examples(files)}")


def _count(files: list[str], noun: str = "image") -> str:
    return f"{len(files)} {noun}{'' if len(files) == 1 else 's'}"


def _examples(files: list[str], most: int = 3) -> str:
    return ", ".join(files[:most]) + (", ..." if len(files) > most else "")
