"""Which files a command line names: files, folders and patterns."""

import glob
from collections.abc import Iterable
from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})


class NoFilesError(Exception):
    """A name on the command line stands for no file; the message names it."""


def find(names: Iterable[str]) -> list[Path]:
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
    found: dict[Path, None] = {}
    for name in names:
        files = _files(name)
        if not files:
            raise NoFilesError(f"{name}: no such file, folder or pattern with images")
        found.update(dict.fromkeys(files))
    return list(found)


def _files(name: str) -> list[Path]:
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        return _images(path)
    matches = sorted(Path(match) for match in glob.glob(name, recursive=True))  # noqa: PTH207 - Path takes no absolute pattern
    return [file for match in matches for file in ([match] if match.is_file() else [])]


def _images(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
