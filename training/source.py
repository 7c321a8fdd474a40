"""Where labelled images come from: a folder or a zip archive, laid out as the public set is or more simply."""

import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from training.fields import LABELS, SUFFIXES, DataError

# The public set ships each field twice: as photographed, and with everything but the stained cells blacked out.
# The second is a processed copy, so it never counts as images.
SEGMENTED = "segmented"
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
        return arrange(
            Path(folder, name).relative_to(self.location).as_posix()
            for folder, _, names in os.walk(self.location)
            for name in names
        )

    def read(self, image: SourceImage) -> bytes:
        """Read the bytes of one image.

        Raises
        ------
        OSError
            It cannot be read; also for a damaged or encrypted member of an archive.
        """
        if self._archive is None:
            return (self.location / image.path).read_bytes()
        try:
            if self._archive.getinfo(image.path).file_size > MAX_FILE_BYTES:
                raise OSError(f"the archive claims more than {MAX_FILE_BYTES // 2**20} MiB for it")
            return self._archive.read(image.path)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise OSError(f"the archive is damaged or encrypted here: {error}") from error


def arrange(names: Iterable[str]) -> Listing:
    """Sort file names into classes by the folder that each lies in.

    Parameters
    ----------
    names
        POSIX paths under the source.

    Returns
    -------
    Listing
        ``problems`` names every folder that is no class and every key that two files claim, with examples.
    """
    listing, by_key = Listing(), dict[str, list[str]]()
    strangers, segmented, others = dict[str, list[str]](), list[str](), list[str]()
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
        else:
            by_key.setdefault(f"{label}/{path.name}", []).append(name)
            listing.images.append(SourceImage(name, f"{label}/{path.name}", label))
    for folder, files in strangers.items():
        listing.problems.append(
            f"{_count(files)} in {folder!r}, which is no class folder ({', '.join(LABELS)}): {_examples(files)}"
        )
    for key, files in by_key.items():
        if len(files) > 1:
            listing.problems.append(f"more than one file would be stored as {key}: {', '.join(files)}")
    if not (listing.images or strangers):
        listing.problems.append(f"no image in a folder named {', '.join(LABELS)}")
    _note(listing, segmented, "left aside as segmented copies")
    _note(listing, others, "left aside, not named as images")
    return listing


def _note(listing: Listing, files: list[str], what: str) -> None:
    if files:
        listing.notes.append(f"{_count(files, 'file')} {what}: {_examples(files)}")


def _count(files: list[str], noun: str = "image") -> str:
    return f"{len(files)} {noun}{'' if len(files) == 1 else 's'}"


def _examples(files: list[str], most: int = 3) -> str:
    return ", ".join(files[:most]) + (", ..." if len(files) > most else "")
