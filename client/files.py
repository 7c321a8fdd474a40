"""Which files a command line names: files, folders and patterns."""

import glob
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from intake import SUFFIXES

_MOST_KINDS_TOLD = 8


class NoFilesError(Exception):
    """A name on the command line stands for no file; the message names it."""


@dataclass
class Selection:
    """The files that the names on a command line stand for.

    Attributes
    ----------
    files
        To be sent, each once.
    skipped
        Files in folders that are none by their name, counted by why.
    """

    files: list[Path]
    skipped: Counter[str] = field(default_factory=Counter)

    def skipped_notice(self) -> str:
        """Say what was skipped and why; empty if nothing was skipped."""
        if not self.skipped:
            return ""
        kinds = [f"{count} {why}" for why, count in self.skipped.most_common(_MOST_KINDS_TOLD)]
        more = len(self.skipped) - len(kinds)
        ending = f", and {more} other kinds" if more > 0 else ""
        return (
            f"Skipped {self.skipped.total()} files that are no images by their names: {', '.join(kinds)}{ending}. "
            "Name a file itself to send it."
        )


def find(names: Iterable[str]) -> Selection:
    """List the files that names stand for, each once, in the order given.

    Parameters
    ----------
    names
        Files, taken whatever they are called; folders, searched to any depth for image suffixes; patterns, where
        ``**`` stands for any folders.

    Raises
    ------
    NoFilesError
        When a name stands for nothing.
    """
    files: dict[Path, None] = {}
    skipped: Counter[str] = Counter()
    for name in names:
        matches = _files(name, skipped)
        if not matches:
            raise NoFilesError(f"{name}: no such file, folder or pattern with images")
        files.update(dict.fromkeys(matches))
    return Selection(list(files), skipped)


def _files(name: str, skipped: Counter[str]) -> list[Path]:
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        return _images(path, skipped)
    matches = sorted(Path(match) for match in glob.glob(name, recursive=True))  # noqa: PTH207 - Path takes no absolute pattern
    return [file for match in matches for file in ([match] if match.is_file() else [])]


def _images(folder: Path, skipped: Counter[str]) -> list[Path]:
    images = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if path.name.startswith("."):
            skipped["hidden"] += 1
        elif path.suffix.lower() not in SUFFIXES:
            skipped[path.suffix.lower() or "without a suffix"] += 1
        else:
            images.append(path)
    return images
